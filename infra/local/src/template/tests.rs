//! The fixture read as a whole, and every mistake that must not pass.

use std::time::Duration;

use super::TemplateError;
use super::fixtures::{Fixture, ROOT, WORK};
use super::model::{Cron, Key, Notification, QueueSource, Redrive, Route, Schedule, ScheduleExpression, Source, Subscription};

fn read(root: &str, work: &str) -> Result<super::Deployment, TemplateError> {
    Fixture::new(root, work).read()
}

/// The text of the error that replacing `from` by `to` in either template causes.
fn refused(from: &str, to: &str) -> String {
    assert!(ROOT.contains(from) || WORK.contains(from), "{from} is in no template");
    let error = read(&ROOT.replace(from, to), &WORK.replace(from, to)).unwrap_err();
    error.to_string()
}

#[test]
fn a_function_has_its_own_values_over_the_globals_and_the_parents_references() {
    let deployment = read(ROOT, WORK).unwrap();

    let function = deployment.function("work-do").unwrap();
    assert_eq!(function.logical_id, "WorkDo");
    assert_eq!(function.physical_name, "carillon-Work-WorkDo");
    assert_eq!(function.callable_name(), "carillon-Work-WorkDo:live");
    assert_eq!(function.handler, "bootstrap");
    assert_eq!((function.memory_mb, function.timeout), (512, Duration::from_secs(10)));
    let environment = [
        ("CHANNEL", "sms"),
        ("LEDGER_TABLE", "carillon-ledger"),
        ("LITERAL", "${kept} carillon-ledger-us-east-1"),
        ("LOG", "debug"),
        ("QUEUE", "http://127.0.0.1:1/000000000000/carillon-work"),
        ("SES", ""),
    ];
    let found: Vec<_> = function.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(found, environment);
    assert_eq!(function.policies[0]["Statement"][0]["Resource"]["Ref"], "LedgerTable");
}

#[test]
fn the_sources_of_a_function_are_its_queue_and_its_schedules() {
    let deployment = read(ROOT, WORK).unwrap();

    let sources = &deployment.function("work-do").unwrap().sources;
    let queue = Source::Queue(QueueSource {
        queue: "carillon-work".to_owned(),
        batch_size: 50,
        batching_window: Duration::from_secs(1),
        reports_item_failures: true,
        maximum_concurrency: Some(4),
        enabled: true,
    });
    let sweep = Source::Schedule(Schedule {
        name: "Sweep".to_owned(),
        expression: ScheduleExpression::Rate(Duration::from_secs(300)),
        input: Some(r#"{"sweep":true}"#.to_owned()),
        enabled: true,
    });
    let nightly = Source::Schedule(Schedule {
        name: "Nightly".to_owned(),
        expression: ScheduleExpression::Cron(Cron::parse("0 3 * * ? *").unwrap()),
        input: None,
        enabled: false,
    });
    assert_eq!(*sources, [queue, sweep, nightly]);
    assert_eq!(deployment.schedules().count(), 2);
}

#[test]
fn a_route_is_joined_with_the_function_of_its_integration() {
    let deployment = read(ROOT, WORK).unwrap();

    let route = Route {
        method: "POST".to_owned(),
        path: "/v1/work/{id}".to_owned(),
        function: "work-do".to_owned(),
        payload_version: "2.0".to_owned(),
    };
    assert_eq!(deployment.routes, [route]);
}

#[test]
fn a_table_has_its_keys_indexes_and_expiry() {
    let deployment = read(ROOT, WORK).unwrap();

    let table = deployment.tables.first().unwrap();
    assert_eq!(table.name, "carillon-ledger");
    let key = |partition: &str, sort: &str| Key { partition: partition.to_owned(), sort: Some(sort.to_owned()) };
    assert_eq!(table.key, key("pk", "sk"));
    assert_eq!(table.attributes["due"], "N");
    assert_eq!(table.indexes[0].key, key("sk", "due"));
    assert_eq!(table.indexes[0].projection, "KEYS_ONLY");
    assert_eq!(table.expiry_attribute.as_deref(), Some("expires_at"));
}

#[test]
fn queues_buckets_and_topics_are_joined_by_their_arns() {
    let deployment = read(ROOT, WORK).unwrap();

    let names: Vec<_> = deployment.queues.iter().map(|queue| queue.name.as_str()).collect();
    assert_eq!(names, ["carillon-WorkDeadLetters", "carillon-work"]);
    let work = deployment.queue("carillon-work").unwrap();
    assert_eq!(work.redrive, Some(Redrive { queue: "carillon-WorkDeadLetters".to_owned(), maximum_receives: 5 }));
    assert_eq!(work.attributes.len(), 2, "no delay, because its condition is false");
    let bucket = &deployment.buckets[0];
    assert_eq!(bucket.name, "carillon-uploads");
    let notification = Notification {
        event: "s3:ObjectCreated:*".to_owned(),
        queue: "carillon-work".to_owned(),
        prefix: "events/".to_owned(),
        suffix: String::new(),
    };
    assert_eq!(bucket.notifications, [notification]);
    let subscription =
        Subscription { topic_arn: "arn:aws:sns:us-east-1:000000000000:events".to_owned(), queue: "carillon-work".to_owned(), raw: false };
    assert_eq!(deployment.subscriptions, [subscription]);
}

#[test]
fn resources_that_need_no_wiring_are_listed() {
    let deployment = read(ROOT, WORK).unwrap();

    let kinds: Vec<_> = deployment.others.iter().map(|other| other.kind.as_str()).collect();
    let expected = ["AWS::ApiGatewayV2::Stage", "AWS::SNS::Topic", "AWS::CloudWatch::Alarm"];
    assert_eq!(kinds, expected);
}

#[test]
fn an_override_reaches_the_nested_stack_and_turns_conditions() {
    let mut fixture = Fixture::new(ROOT, WORK);
    fixture.overrides.insert("Stage".to_owned(), "live".to_owned());
    fixture.overrides.insert("SesEndpoint".to_owned(), "http://ses".to_owned());

    let deployment = fixture.read().unwrap();

    assert_eq!(deployment.function("work-do").unwrap().environment["SES"], "http://ses");
    let work = deployment.queue("carillon-work").unwrap();
    assert_eq!(work.attributes["DelaySeconds"], "5");
    assert!(deployment.queue("carillon-LiveQueue").is_some());
}

#[test]
fn the_long_form_of_a_function_means_the_same_as_its_tag() {
    let long = ROOT
        .replace("!GetAtt WorkQueue.Arn", "{ \"Fn::GetAtt\": [WorkQueue, Arn] }")
        .replace("!Ref LedgerTable", "{ Ref: LedgerTable }")
        .replace("!Select [1, !Ref Channels]", "{ \"Fn::Select\": [1, { \"Fn::Split\": [\"+\", a+sms] }] }");
    let normal = read(ROOT, WORK).unwrap();

    let deployment = read(&long, WORK).unwrap();

    assert_eq!(deployment.buckets, normal.buckets);
    let environment = &deployment.function("work-do").unwrap().environment;
    assert_eq!(*environment, normal.function("work-do").unwrap().environment);
}

#[test]
fn the_first_flags_are_those_that_functions_get() {
    let flags = read(ROOT, WORK).unwrap().flags.unwrap();

    assert_eq!((flags.application.as_str(), flags.profile.as_str()), ("app", "prof"));
    assert_eq!(serde_json::to_string(&flags.values).unwrap(), r#"{"work":{"enabled":true}}"#);
}

#[test]
fn what_is_not_understood_is_named_with_file_resource_and_property() {
    let cases = [
        ("CodeUri:", "CodeUrl:", "work.yaml: WorkDo.CodeUrl: is not understood"),
        ("Type: ScheduleV2", "Type: SNS", "WorkDo.Events.Sweep.Type: SNS is not supported"),
        ("BatchSize: !Ref", "BatchSise: !Ref", "Events.Messages.Properties.BatchSise: is not understood"),
        ("rate(5 minutes)", "rate(5 weeks)", "Sweep.Properties.ScheduleExpression: rate(5 weeks) is no rate"),
        ("!Ref WorkQueueUrl", "!Ref Nothing", "there is no parameter or resource Nothing"),
        (
            "IntegrationUri: !Ref WorkDo.Alias",
            "IntegrationUri: !GetAtt WorkDo.Url",
            "WorkDo (AWS::Serverless::Function) has no local attribute Url",
        ),
        ("    AutoPublishAlias: live\n", "", "WorkDoIntegration.IntegrationUri: WorkDo has no AutoPublishAlias"),
        ("Type: AWS::CloudWatch::Alarm", "Type: AWS::Events::Rule", "template.yaml: Alarm.Type: AWS::Events::Rule is not supported"),
        ("MessageRetentionPeriod", "FifoQueue", "WorkQueue.FifoQueue: is not understood"),
        ("QueueConfigurations", "LambdaConfigurations", "NotificationConfiguration.LambdaConfigurations: is not understood"),
        ("ProtocolType: HTTP", "ProtocolType: WEBSOCKET", "Api.ProtocolType: must be HTTP"),
        (
            "!Ref SesEndpoint\nOutputs",
            "!Ref SesEndpoint\n        Extra: 1\nOutputs",
            "work.yaml: Parameters.Extra: has a value, but is not declared",
        ),
        ("!FindInMap [Rates", "!FindInMap [Speeds", "template.yaml: Work.Parameters.BatchSize: there is no Speeds.local.Batch"),
        ("!Sub integrations/", "!Base64 integrations/", "the tag !Base64 is not supported"),
        (r#"{"version": "1""#, r#"{"version": "2""#, "FirstFlags.Content: must be a document of flags of version 1"),
        (r#""flags": {"work""#, r#""flags": {"play""#, "FirstFlags.Content: sets work, which is not among its flags"),
    ];
    for (from, to, expected) in cases {
        let message = refused(from, to);
        assert!(message.contains(expected), "{message} should contain {expected}");
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let cases = [
        ("Principal: apigateway.amazonaws.com", "Principal: s3.amazonaws.com", "API Gateway has no AWS::Lambda::Permission for WorkDo"),
        (
            "IntegrationUri: !Ref WorkDo.Alias",
            "IntegrationUri: !GetAtt WorkDo.Arn",
            "function:carillon-Work-WorkDo is no function, or not the alias that it publishes",
        ),
        ("FunctionName: !Ref WorkDo.Alias", "FunctionName: !Ref WorkDo", "API Gateway has no AWS::Lambda::Permission for WorkDo"),
        ("VisibilityTimeout: 60", "VisibilityTimeout: 9", "the visibility time-out of the queue carillon-work is shorter"),
        (
            "Queue: !Ref WorkQueueArn",
            "Queue: arn:aws:sqs:us-east-1:000000000000:gone",
            "WorkDo names the queue gone, which is not described",
        ),
        ("!Ref WorkQueueArn", "!Ref WorkQueueUrl", "is not the ARN of a queue"),
        ("Condition: IsLive\n", "Properties: { QueueName: carillon-work }\n", "the queue carillon-work is described twice"),
        (
            "Target: !Sub integrations/${WorkDoIntegration}",
            "Target: integrations/none",
            "WorkDoRoute.Target: integrations/none is no integration",
        ),
    ];
    for (from, to, expected) in cases {
        let message = refused(from, to);
        assert!(message.contains(expected), "{message} should contain {expected}");
    }
}

#[test]
fn an_override_of_a_parameter_that_is_not_declared_is_refused() {
    let mut fixture = Fixture::new(ROOT, WORK);
    fixture.overrides.insert("Stagee".to_owned(), "live".to_owned());

    let message = fixture.read().unwrap_err().to_string();

    assert!(message.ends_with("Parameters.Stagee: has a value, but is not declared"), "{message}");
}
