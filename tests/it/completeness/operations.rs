//! What the templates say of stages, backups and restores, and of who is told when something is wrong.

use std::collections::{BTreeMap, BTreeSet};

use carillon_local::template;
use serde_json::{Map, Value};

use super::infrastructure::{Resource, of_kind, resources, statements, texts};
use super::{deployment, deployment_with, root};

/// The properties that give something a name of its own in an account.
const NAMES: [&str; 14] = [
    "Name",
    "AliasName",
    "BackupVaultName",
    "PoolName",
    "DashboardName",
    "QueueName",
    "TopicName",
    "TableName",
    "BucketName",
    "RoleName",
    "ManagedPolicyName",
    "FunctionName",
    "LogGroupName",
    "AlarmName",
];
/// Types whose names belong to something else, a zone, an application, a log group.
const NAMED_WITHIN: [&str; 4] =
    ["AWS::Route53::RecordSet", "AWS::AppConfig::ConfigurationProfile", "AWS::AppConfig::Environment", "AWS::Logs::MetricFilter"];

#[test]
fn two_stages_in_one_account_never_meet_in_a_name() {
    let resources = resources();
    let mut seen = 0;

    for resource in resources.iter().filter(|resource| !NAMED_WITHIN.contains(&resource.kind.as_str())) {
        let direct = NAMES.iter().map(|name| resource.property(&format!("/{name}")));
        let inner = ["/Budget/BudgetName", "/BackupPlan/BackupPlanName"].map(|pointer| resource.property(pointer));
        for name in direct.chain(inner).filter(|name| !name.is_null() && !refers_to_a_resource(&resources, resource, name)) {
            seen += 1;
            assert!(holds_the_stage(&resources, resource, name), "{} is called {name} in every stage", resource.at());
        }
    }
    for filter in of_kind(&resources, "AWS::Logs::MetricFilter") {
        let namespace = filter.property("/MetricTransformations/0/MetricNamespace");
        assert!(texts(namespace).concat().contains("${Stage}"), "{} counts for every stage", filter.at());
    }

    assert!(seen > 20, "{seen} names were found");
}

#[test]
fn every_table_is_saved_each_day_whichever_is_in_use_and_as_long_as_privacy_allows() {
    let resources = resources();
    let root = written();
    let saved = texts(find(&resources, "BackupSelection").property("/BackupSelection/Resources"));
    let rule = find(&resources, "BackupPlan").property("/BackupPlan/BackupPlanRule/0");

    for table in of_kind(&resources, "AWS::DynamoDB::Table") {
        assert!(saved.contains(&format!("{}.Arn", table.name)), "{} is not saved", table.at());
        assert!(saved.iter().any(|named| named.ends_with(&format!("table/${{Restored{}}}", table.name))), "{} is not saved", table.at());
    }
    // Minute, hour, then any day.
    assert!(rule["ScheduleExpression"].as_str().unwrap().ends_with(" * * ? *)"), "{rule}");
    assert_eq!(rule["Lifecycle"]["DeleteAfterDays"]["Ref"], "BackupRetentionDays");
    assert!(rule["Lifecycle"]["MoveToColdStorageAfterDays"].is_null(), "erased people would lie there for months");
    // `docs/security.md` says so of the point-in-time recovery, and nothing is to outlive it by default.
    assert_eq!(root["Parameters"]["BackupRetentionDays"]["Default"], 35);
    // What has a name of its own would be in the way of the next attempt, if the first deployment fails.
    for (kept, policy) in [("BackupKey", "Retain"), ("BackupVault", "RetainExceptOnCreate")] {
        assert_eq!(find(&resources, kept).whole["DeletionPolicy"], policy, "{kept}");
    }
    assert_eq!(find(&resources, "BackupVault").property("/EncryptionKeyArn")["Fn::GetAtt"], "BackupKey.Arn");
}

#[test]
fn what_restores_tables_writes_to_new_ones_only() {
    let resources = resources();
    let writes = ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"].map(|action| format!("dynamodb:{action}"));

    let mut seen = 0;
    for (role, statement) in statements(&resources).filter(|(resource, _)| resource.name == "BackupRole" || resource.name == "RestoreRole")
    {
        let actions = texts(&statement["Action"]);
        if actions.iter().any(|action| writes.contains(action)) {
            seen += 1;
            assert_eq!(role.name, "RestoreRole");
            assert!(texts(&statement["Resource"]).iter().all(|table| table.ends_with("table/carillon-${Stage}-restored-*")), "{statement}");
        }
    }

    assert_eq!(seen, 1);
}

#[test]
fn a_restored_table_takes_the_place_of_the_one_that_the_stack_made() {
    let tables = [("RestoredEntitiesTable", "entities-of-yesterday"), ("RestoredLedgerTable", "ledger-of-yesterday")];
    let (before, after) = (deployment(), deployment_with(&tables));

    let mut users = 0;
    for (function, restored) in before.functions.iter().zip(&after.functions) {
        for (setting, table) in [("ENTITIES_TABLE", tables[0].1), ("LEDGER_TABLE", tables[1].1)] {
            users += usize::from(function.environment.contains_key(setting));
            let used = restored.environment.get(setting).map(String::as_str);
            assert!(used.is_none_or(|used| used == table), "{} still uses {used:?}", function.name);
            assert_eq!(used.is_some(), function.environment.contains_key(setting));
        }
    }

    assert!(users > 100, "{users} settings were found");
    assert_eq!(before.tables, after.tables, "the old tables stay");
}

/// What functions are given, what their policies allow, what alarms watch: all of it follows. A restore alone must reach the old backups.
#[test]
fn nothing_names_a_table_that_a_restore_would_not_replace() {
    let root = written();
    let mut named = Vec::new();
    for (name, resource) in root["Resources"].as_object().unwrap() {
        collect_tables(name, resource, &mut named);
    }
    for (name, output) in root["Outputs"].as_object().unwrap() {
        collect_tables(name, output, &mut named);
    }

    let others: BTreeSet<&String> = named.iter().filter(|name| *name != "RestoreRole").collect();

    assert!(others.is_empty(), "{others:?} would go on with the table from before a restore");
    assert_eq!(named.len(), 2, "{named:?}");
}

#[test]
fn a_message_may_be_delayed_and_fail_once_before_its_age_raises_an_alarm() {
    let (resources, root) = (resources(), written());
    let part = template::written(&super::root().join("infra/parts/queue.yaml")).unwrap();
    let usual = |name: &str| part["Parameters"][name]["Default"].as_u64().unwrap();
    let number = |given: &Value, otherwise: u64| match given {
        Value::Null => otherwise,
        Value::Object(reference) => root["Parameters"][reference["Ref"].as_str().unwrap()]["MaxValue"].as_u64().unwrap(),
        number => number.as_u64().unwrap(),
    };

    let mut seen = 0;
    for queue in queue_parts(&resources) {
        seen += 1;
        let given = |name: &str| queue.property(&format!("/Parameters/{name}"));
        let hidden = number(given("VisibilityTimeoutSeconds"), 0) + number(given("DelaySeconds"), usual("DelaySeconds"));
        let oldest = number(given("OldestMessageSeconds"), usual("OldestMessageSeconds"));
        assert!(oldest > hidden, "{}: {oldest} s old after {hidden} s", queue.at());
    }

    assert!(seen > 15, "{seen} queues were found");
    let alarm = &part["Resources"]["AgeAlarm"]["Properties"];
    assert_eq!(
        (alarm["MetricName"].as_str(), alarm["Threshold"]["Ref"].as_str()),
        (Some("ApproximateAgeOfOldestMessage"), Some("OldestMessageSeconds"))
    );
}

#[test]
fn the_platforms_dashboard_shows_every_queue_and_both_tables() {
    let resources = resources();
    let dashboard = find(&resources, "Dashboard");
    let body = texts(dashboard.property("/DashboardBody")).concat();

    for queue in queue_parts(&resources) {
        let name = queue.property("/Parameters/Name")["Fn::Sub"].as_str().unwrap();
        assert_eq!(body.matches(&format!("\"{name}\"")).count(), 2, "{name} has no depth and no age on the dashboard");
    }
    let shown = dashboard.property("/DashboardBody")["Fn::Sub"][0].as_str().unwrap();
    let widgets: Value = serde_json::from_str(shown).unwrap();
    assert!(widgets["widgets"].as_array().unwrap().len() > 8);
    for metric in ["5xx", "Latency", "Reputation.BounceRate", "Reputation.ComplaintRate", "${Entities}", "${Ledger}"] {
        assert!(shown.contains(metric), "{metric} is not shown");
    }
}

#[test]
fn who_may_publish_to_a_topic_may_use_the_key_that_it_lies_under() {
    let resources = resources();
    let of = |policy: &Value| texts(&policy["Principal"]["Service"]).into_iter().collect::<BTreeSet<String>>();

    let publishers: BTreeSet<String> = statements(&resources)
        .filter(|(resource, _)| resource.kind == "AWS::SNS::TopicPolicy" && resource.file == "template.yaml")
        .flat_map(|(_, statement)| of(statement))
        .collect();
    let users: BTreeSet<String> =
        statements(&resources).filter(|(resource, _)| resource.name == "DataKey").flat_map(|(_, statement)| of(statement)).collect();

    assert!(publishers.contains("cloudwatch.amazonaws.com") && publishers.contains("budgets.amazonaws.com"));
    assert!(publishers.is_subset(&users), "{publishers:?} publish, {users:?} may use the key");
}

#[test]
fn the_budget_tells_those_who_hear_of_alarms() {
    let resources = resources();
    let notices = find(&resources, "Budget").property("/NotificationsWithSubscribers").as_array().unwrap();

    let told: Vec<(&str, u64)> = notices
        .iter()
        .map(|notice| {
            assert_eq!(notice["Subscribers"][0]["Address"]["Ref"], "AlarmTopic");
            (notice["Notification"]["NotificationType"].as_str().unwrap(), notice["Notification"]["Threshold"].as_u64().unwrap())
        })
        .collect();

    assert_eq!(told, [("ACTUAL", 80), ("FORECASTED", 100)]);
}

/// SES reviews an account at 5 % bounces or 0.1 % complaints (SES developer guide, "Reputation metrics messages").
#[test]
fn bounces_and_complaints_are_told_before_ses_reviews_the_account() {
    let (resources, root) = (resources(), written());

    for (alarm, metric, review) in
        [("BounceRateAlarm", "Reputation.BounceRate", 0.05), ("ComplaintRateAlarm", "Reputation.ComplaintRate", 0.001)]
    {
        let alarm = find(&resources, alarm);
        assert_eq!(alarm.property("/MetricName"), metric);
        let threshold = root["Parameters"][alarm.property("/Threshold")["Ref"].as_str().unwrap()]["Default"].as_f64().unwrap();
        assert!(threshold < review, "{} rings at {threshold}", alarm.at());
    }
}

#[test]
fn what_a_zone_elsewhere_must_hold_is_told_and_is_what_the_stack_writes() {
    let (resources, root) = (resources(), written());
    let told = texts(&Value::Object(root["Outputs"].as_object().unwrap().clone())).concat();

    let mut records = 0;
    for record in of_kind(&resources, "AWS::Route53::RecordSet") {
        records += 1;
        assert_eq!(record.whole["Condition"], "HasHostedZone", "{}", record.at());
        for value in texts(record.property("/ResourceRecords")).iter().filter(|value| !value.starts_with("Has")) {
            assert!(told.contains(value.as_str()), "{value} of {} is not told", record.at());
        }
    }

    assert_eq!(records, 6, "DKIM has three, the return address two, DMARC one");
}

#[test]
fn a_stage_gives_values_that_the_template_takes_and_no_secrets() {
    let root = written();
    let stages = stages();

    assert_eq!(stages.keys().map(String::as_str).collect::<Vec<_>>(), ["dev", "production", "staging"]);
    for (stage, settings) in &stages {
        let given: BTreeMap<&str, &str> = settings["parameter_overrides"].iter().map(|text| text.split_once('=').unwrap()).collect();
        assert_eq!(given["Stage"], stage);
        assert_eq!(settings["stack_name"], [format!("carillon-{stage}")]);
        assert_eq!(settings["tags"], ["application=carillon".to_owned(), format!("stage={stage}")]);
        for (name, value) in &given {
            let parameter = root["Parameters"][*name].as_object().unwrap_or_else(|| panic!("{stage} gives {name}, which there is not"));
            assert!(is_allowed(parameter, value), "{stage} gives {name}={value}");
            let is_reference =
                value.starts_with(&format!("{{{{resolve:secretsmanager:carillon/{stage}/")) && value.ends_with(":SecretString}}");
            assert!(parameter.get("NoEcho") != Some(&Value::Bool(true)) || is_reference, "{stage} tells {name}");
        }
        for (name, parameter) in root["Parameters"].as_object().unwrap() {
            assert!(parameter.get("Default").is_some() || given.contains_key(name.as_str()), "{stage} lacks {name}");
        }
    }
}

/// Whether CloudFormation takes a text for a parameter, as far as lists of values, numbers and lengths go.
fn is_allowed(parameter: &Map<String, Value>, value: &str) -> bool {
    let shown = |allowed: &Value| allowed.as_str().map_or_else(|| allowed.to_string(), str::to_owned);
    let is_listed =
        parameter.get("AllowedValues").and_then(Value::as_array).is_none_or(|values| values.iter().any(|allowed| shown(allowed) == value));
    let limit = |name: &str| parameter.get(name).and_then(Value::as_f64);
    let is_within = parameter["Type"] != "Number"
        || value.parse().is_ok_and(|number: f64| {
            limit("MinValue").is_none_or(|least| number >= least) && limit("MaxValue").is_none_or(|most| number <= most)
        });
    let is_long_enough = parameter.get("MinLength").and_then(Value::as_u64).is_none_or(|least| value.len() as u64 >= least);
    is_listed && is_within && is_long_enough
}

/// The settings of `sam deploy` by stage, each as its texts: a reader for what `samconfig.toml` needs of TOML.
fn stages() -> BTreeMap<String, BTreeMap<String, Vec<String>>> {
    let text = std::fs::read_to_string(root().join("samconfig.toml")).unwrap();
    let mut stages: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    let (mut stage, mut setting) = (String::new(), String::new());
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(".deploy.parameters]")) {
            section.clone_into(&mut stage);
            continue;
        }
        let value = match line.split_once(" = ") {
            Some((name, value)) => {
                name.clone_into(&mut setting);
                value
            }
            None => line,
        };
        if !stage.is_empty() {
            let texts = value.split('"').skip(1).step_by(2).map(str::to_owned);
            stages.entry(stage.clone()).or_default().entry(setting.clone()).or_default().extend(texts);
        }
    }
    stages
}

fn written() -> Map<String, Value> {
    template::written(&root().join("template.yaml")).unwrap()
}

/// A resource of the root template.
fn find<'r>(resources: &'r [Resource], name: &str) -> &'r Resource {
    let found = resources.iter().find(|resource| resource.file == "template.yaml" && resource.name == name);
    found.unwrap_or_else(|| panic!("template.yaml has no {name}"))
}

/// The queues: instances of their part.
fn queue_parts(resources: &[Resource]) -> impl Iterator<Item = &Resource> {
    of_kind(resources, "AWS::CloudFormation::Stack").filter(|part| part.property("/TemplateURL") == "infra/parts/queue.yaml")
}

/// Whether a name is that of another resource of its template, which has it already.
fn refers_to_a_resource(resources: &[Resource], resource: &Resource, name: &Value) -> bool {
    let referred = name["Ref"].as_str().or_else(|| name["Fn::GetAtt"].as_str()).and_then(|path| path.split('.').next());
    referred.is_some_and(|referred| resources.iter().any(|other| other.file == resource.file && other.name == referred))
}

/// Whether a name holds the stage, or is a parameter that the root fills with it wherever it makes the part.
fn holds_the_stage(resources: &[Resource], resource: &Resource, name: &Value) -> bool {
    if texts(name).concat().contains("${Stage}") {
        return true;
    }
    let parameter = match (name["Ref"].as_str(), name["Fn::Sub"].as_str()) {
        (Some(parameter), _) => parameter,
        (_, Some(text)) => text.split("${").nth(1).and_then(|rest| rest.split('}').next()).unwrap_or_default(),
        _ => return false,
    };
    let mut instances =
        of_kind(resources, "AWS::CloudFormation::Stack").filter(|part| part.property("/TemplateURL") == resource.file.as_str()).peekable();
    // A host name is the whole world's, and nobody has it twice.
    let is_given_with_it = |part: &Resource| texts(part.property(&format!("/Parameters/{parameter}"))).concat().contains("${Stage}");
    parameter == "DomainName" || (instances.peek().is_some() && instances.all(is_given_with_it))
}

/// The names of those that name a table outside of a choice between it and a restored one.
fn collect_tables(name: &str, value: &Value, named: &mut Vec<String>) {
    match value {
        Value::Object(choice)
            if choice
                .get("Fn::If")
                .is_some_and(|choice| choice[0].as_str().is_some_and(|condition| condition.starts_with("HasRestored"))) => {}
        Value::Object(fields) => fields.values().for_each(|field| collect_tables(name, field, named)),
        Value::Array(items) => items.iter().for_each(|item| collect_tables(name, item, named)),
        Value::String(text)
            if ["EntitiesTable", "LedgerTable"]
                .iter()
                .any(|table| text == table || text.starts_with(&format!("{table}.")) || text.contains(&format!("${{{table}"))) =>
        {
            named.push(name.to_owned());
        }
        _ => {}
    }
}
