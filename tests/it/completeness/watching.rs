//! Every area is watched, and every release can be taken back.

use std::collections::BTreeSet;
use std::path::Path;

use carillon_harness::FIGURES;
use carillon_local::template::{self, model::Source};
use serde_json::{Map, Value, json};

use super::infrastructure::{Resource, matches, of_kind, resources, texts};
use super::{camel_case, deployment, root};

/// The part that watches an area.
const PART: &str = "infra/parts/area.yaml";

#[test]
fn every_area_has_its_log_group_its_alarms_and_its_queues_on_its_dashboard() {
    let resources = resources();
    let areas = areas();

    for area in &areas {
        let (stack, watch) = (in_root(&resources, &camel_case(area)), in_root(&resources, &format!("{}Watch", camel_case(area))));
        assert_eq!(stack.property("/TemplateURL"), &json!(format!("infra/stacks/{area}.yaml")));
        assert_eq!((watch.property("/TemplateURL"), watch.property("/Parameters/Area")), (&json!(PART), &json!(area)));
        for output in ["LogGroup", "ErrorsAlarm", "FailuresAlarm"] {
            let given = texts(stack.property(&format!("/Parameters/{output}")));
            assert_eq!(given, [format!("{}.Outputs.{output}", watch.name)], "{area}");
        }
        for (list, output) in [("Queues", "Name"), ("DeadLetters", "DeadLettersName")] {
            let shown: BTreeSet<String> =
                texts(watch.property(&format!("/Parameters/{list}"))).into_iter().filter(|text| text != ",").collect();
            let wanted: BTreeSet<String> = queues_of(area).iter().map(|queue| format!("{queue}.Outputs.{output}")).collect();
            assert_eq!(shown, wanted, "{}: {list}", watch.name);
        }
    }
    let watched = of_kind(&resources, "AWS::CloudFormation::Stack").filter(|stack| stack.property("/TemplateURL") == PART).count();
    assert_eq!(watched, areas.len(), "each area once");
}

#[test]
fn the_part_of_an_area_keeps_lines_for_a_time_and_tells_somebody_of_errors_failures_and_slowness() {
    let resources = resources();
    let of_part = |kind: &str| of_kind(&resources, kind).filter(|resource| resource.file == PART).collect::<Vec<_>>();

    assert_eq!(of_part("AWS::Logs::LogGroup")[0].property("/RetentionInDays")["Ref"], "LogRetentionDays");
    let alarms = of_part("AWS::CloudWatch::Alarm");
    let metrics: Vec<String> = alarms.iter().map(|alarm| texts(alarm.property("/MetricName")).concat()).collect();
    assert_eq!(metrics, ["${Area}-errors", "failures", "near_timeouts"]);
    for alarm in alarms {
        assert_eq!(alarm.property("/AlarmActions/0")["Ref"], "AlarmTopicArn", "{}", alarm.at());
        assert_eq!(alarm.property("/TreatMissingData"), "notBreaching", "{}: an area that rests is well", alarm.at());
    }
    assert_eq!(of_part("AWS::CloudWatch::Dashboard")[0].whole["Condition"], "HasDashboard");
}

/// All that functions share is said once for each area, and no function says otherwise.
#[test]
fn every_function_logs_to_its_area_bears_its_tags_and_is_released_under_its_areas_alarms() {
    let shared = ["Architectures", "AutoPublishAlias", "DeploymentPreference", "LoggingConfig", "Tags", "Tracing"];

    for area in areas() {
        let document = document(&area);
        let globals = &document["Globals"]["Function"];
        assert_eq!(globals["LoggingConfig"], json!({ "LogGroup": { "Ref": "LogGroup" }, "LogFormat": "JSON" }), "{area}");
        assert_eq!(globals["Tags"], json!({ "application": "carillon", "stage": { "Ref": "Stage" }, "area": area }), "{area}");
        assert_eq!((&globals["AutoPublishAlias"], &globals["AutoPublishAliasAllProperties"]), (&json!("live"), &json!(true)), "{area}");
        let alarms = json!([{ "Ref": "ErrorsAlarm" }, { "Ref": "FailuresAlarm" }]);
        assert_eq!(globals["DeploymentPreference"], json!({ "Type": { "Ref": "DeploymentPreference" }, "Alarms": alarms }), "{area}");
        assert_eq!(
            (&globals["Tracing"]["Ref"], &globals["Architectures"][0]["Ref"]),
            (&json!("Tracing"), &json!("Architecture")),
            "{area}"
        );
        let settings = &globals["Environment"]["Variables"];
        assert_eq!((&settings["AREA"], &settings["STAGE"]["Ref"]), (&json!(area), &json!("Stage")));
        for (name, function) in functions(&document) {
            let own = shared.iter().find(|property| !function["Properties"][**property].is_null());
            assert_eq!(own, None, "{area}: {name}");
        }
    }
}

/// Who calls a function past its alias calls what was uploaded last, whatever a canary says of it. SAM lets its own events
/// (queues and schedules) call the alias that it publishes, so nothing may be wired beside them.
#[test]
fn everything_calls_the_alias_of_a_function() {
    let resources = resources();
    let mut calls = 0;

    for (kind, property) in [("AWS::ApiGatewayV2::Integration", "/IntegrationUri"), ("AWS::Lambda::Permission", "/FunctionName")] {
        for caller in of_kind(&resources, kind) {
            calls += 1;
            let called = caller.property(property)["Ref"].as_str().unwrap_or_default();
            let function = called.strip_suffix(".Alias").unwrap_or_else(|| panic!("{} calls past the alias", caller.at()));
            assert!(caller.name.starts_with(function), "{} calls {function}", caller.at());
        }
    }
    assert!(calls > 200, "{calls} callers were found");
    for kind in ["AWS::Lambda::EventSourceMapping", "AWS::Scheduler::Schedule", "AWS::Events::Rule", "AWS::Lambda::Url"] {
        assert_eq!(of_kind(&resources, kind).map(Resource::at).collect::<Vec<_>>(), Vec::<String>::new(), "{kind}");
    }
}

/// The line of the developer guide ("Telemetry API Event schema reference"), with each state.
#[test]
fn the_filter_of_errors_counts_every_end_without_success_and_nothing_else() {
    let resources = resources();
    let filter = of_kind(&resources, "AWS::Logs::MetricFilter").find(|filter| filter.file == PART).unwrap();
    let pattern = filter.property("/FilterPattern").as_str().unwrap();
    let line = |kind: &str, status: &str| {
        json!({
            "time": "2022-10-12T00:01:15.000Z",
            "type": kind,
            "record": {
                "metrics": { "billedDurationMs": 694, "durationMs": 693.92, "initDurationMs": 397.68, "maxMemoryUsedMB": 84, "memorySizeMB": 128 },
                "requestId": "6d68ca91-49c9-448d-89b8-7ca3e6dc66aa",
                "status": status,
            },
        })
    };

    let counted: Vec<&str> = ["success", "timeout", "error", "failure"]
        .into_iter()
        .filter(|status| matches(pattern, &line("platform.report", status)))
        .collect();

    assert_eq!(counted, ["timeout", "error", "failure"]);
    assert!(!matches(pattern, &line("platform.runtimeDone", "failure")), "an end has two lines, and counts once");
    assert!(!matches(pattern, &json!({ "level": "ERROR", "function": "contacts-create", "error": "failure" })));
}

#[test]
fn a_dashboard_is_json_and_shows_metrics_that_somebody_writes() {
    let resources = resources();
    let dashboard = of_kind(&resources, "AWS::CloudWatch::Dashboard").find(|dashboard| dashboard.file == PART).unwrap();
    let body = dashboard.property("/DashboardBody/Fn::Sub");
    let with_queues = &body[1]["QueueWidgets"]["Fn::If"][1]["Fn::Sub"];
    let mut widgets = with_queues[0].as_str().unwrap().to_owned();
    for (name, joined) in with_queues[1].as_object().unwrap() {
        let names = ["first", "second"].join(joined["Fn::Join"][0].as_str().unwrap());
        widgets = widgets.replace(&format!("${{{name}}}"), &names);
    }

    let shown = |widgets: &str| -> Value { serde_json::from_str(&body[0].as_str().unwrap().replace("${QueueWidgets}", widgets)).unwrap() };

    assert_eq!(shown(&widgets)["widgets"].as_array().unwrap().len(), shown("")["widgets"].as_array().unwrap().len() + 2);
    let queues = shown(&widgets).to_string();
    for metric in ["ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"] {
        assert!(queues.contains(&format!(r#"["AWS/SQS","{metric}","QueueName","second""#)), "{metric} of the second queue is not shown");
    }
    let body = body[0].as_str().unwrap();
    for (figure, _) in FIGURES {
        assert!(body.contains(figure), "{figure} is not shown");
    }
}

/// The names of the templates with functions.
fn areas() -> BTreeSet<String> {
    let files = deployment().functions.into_iter().map(|function| function.file);
    files.map(|file| file.file_stem().unwrap().to_string_lossy().into_owned()).collect()
}

fn document(area: &str) -> Map<String, Value> {
    template::written(&root().join("infra/stacks").join(Path::new(area).with_extension("yaml"))).unwrap()
}

fn functions(document: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    document["Resources"].as_object().unwrap().iter().filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function")
}

fn in_root<'r>(resources: &'r [Resource], name: &str) -> &'r Resource {
    let found = resources.iter().find(|resource| resource.file == "template.yaml" && resource.name == name);
    found.unwrap_or_else(|| panic!("the root has no {name}"))
}

/// The queues that an area's functions consume, by their names in the root.
fn queues_of(area: &str) -> BTreeSet<String> {
    let deployment = deployment();
    let of_area = deployment.functions.iter().filter(|function| function.file.file_stem().is_some_and(|stem| stem == area));
    let consumed = of_area.flat_map(|function| &function.sources).filter_map(|source| match source {
        Source::Queue(source) => Some(&source.queue),
        Source::Schedule(_) => None,
    });
    // carillon-production-role-changes is RoleChangesQueue.
    consumed.map(|queue| format!("{}Queue", camel_case(queue.splitn(3, '-').nth(2).unwrap()))).collect()
}
