#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::{Value, json};

use crate::{EmailFate, EmailRule, Keep, OutboxQuery, SesFaults, StandinsConfig, clock::lock, testing::Stage};

/// The bulk example of the SES developer guide, with inline content, a configuration set and tags.
fn bulk(entries: &[(&str, Value)]) -> Value {
    let entry = |(to, data): &(&str, Value)| {
        json!({
            "Destination": {"ToAddresses": [to]},
            "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": data.to_string()}},
            "ReplacementTags": [{"Name": "index", "Value": "7"}],
            "ReplacementHeaders": [{"Name": "List-Unsubscribe", "Value": "<http://127.0.0.1:9/u/1>"}]
        })
    };
    json!({
        "FromEmailAddress": "Mary Major <mary.major@example.com>",
        "ReplyToAddresses": ["answers@example.com"],
        "ConfigurationSetName": "ConfigSet",
        "DefaultEmailTags": [{"Name": "campaign", "Value": "cmp_1"}, {"Name": "index", "Value": "0"}],
        "DefaultContent": {"Template": {
            "TemplateContent": {
                "Subject": "Greetings, {{name}}!",
                "Html": "<p>{{name}} likes {{{favoriteanimal}}}</p><a href=\"https://shop.example/?a=1&amp;b=2\">x</a>\
                         <a href=\"http://127.0.0.1:9/u/1\">unsubscribe</a>",
                "Text": "Dear {{name}}, your favorite animal is {{favoriteanimal}}."
            },
            "TemplateData": "{ \"name\":\"friend\", \"favoriteanimal\":\"unknown\" }",
            "Headers": [{"Name": "X-Kind", "Value": "news"}]
        }},
        "BulkEmailEntries": entries.iter().map(entry).collect::<Vec<_>>()
    })
}

fn people(count: usize) -> Vec<(String, Value)> {
    (0..count).map(|n| (format!("person{n}@example.com"), json!({}))).collect()
}

fn bulk_to(people: &[(String, Value)]) -> Value {
    bulk(&people.iter().map(|(to, data)| (to.as_str(), data.clone())).collect::<Vec<_>>())
}

fn statuses(answer: &Value) -> Vec<&str> {
    answer["BulkEmailEntryResults"].as_array().unwrap().iter().map(|one| one["Status"].as_str().unwrap()).collect()
}

fn count(statuses: &[&str], wanted: &str) -> usize {
    statuses.iter().filter(|status| **status == wanted).count()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["eventType"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_bulk_call_is_rendered_kept_and_answered_entry_by_entry() {
    let stage = Stage::open(|_| {});

    let entries = [
        ("anaya.iyengar@example.com", json!({"name": "Anaya <A>", "favoriteanimal": "<b>angelfish</b>"})),
        ("not an address", json!({})),
        ("shirley.rodriguez@example.com", json!({})),
    ];
    let (status, answer) = stage.ses("outbound-bulk-emails", bulk(&entries)).await;

    assert_eq!(status, 200);
    assert_eq!(statuses(&answer), ["SUCCESS", "INVALID_PARAMETER", "SUCCESS"]);
    let outbox = stage.get("/_outbox.json?campaign=cmp_1").await;
    assert_eq!((&outbox["total"], &outbox["distinct"], &outbox["duplicates"]), (&json!(2), &json!(2), &json!(0)));
    let (shirley, anaya) = (&outbox["items"][0], &outbox["items"][1]);
    assert_eq!(anaya["message_id"], answer["BulkEmailEntryResults"][0]["MessageId"]);
    assert_eq!(anaya["subject"], "Greetings, Anaya &lt;A&gt;!");
    assert!(anaya["html"].as_str().unwrap().starts_with("<p>Anaya &lt;A&gt; likes <b>angelfish</b></p>"));
    assert_eq!(anaya["reply_to"], json!(["answers@example.com"]));
    assert_eq!(
        anaya["headers"],
        json!([
            {"name": "X-Kind", "value": "news"},
            {"name": "List-Unsubscribe", "value": "<http://127.0.0.1:9/u/1>"}
        ])
    );
    assert_eq!(anaya["tags"], json!([{"name": "campaign", "value": "cmp_1"}, {"name": "index", "value": "7"}]));
    assert_eq!(shirley["text"], "Dear friend, your favorite animal is unknown.");
}

#[tokio::test]
async fn sends_and_deliveries_go_to_the_firehose_with_the_documented_shape() {
    let stage = Stage::open(|_| {});
    stage.ses("outbound-bulk-emails", bulk(&[("a@example.com", json!({"name": "A"}))])).await;

    stage.standins.settle().await;

    let batches = stage.batches();
    assert!(batches[0].0.starts_with("ses-events/2023/11/14/22/carillon-ses-events-1-2023-11-14-22-13-2"));
    let records = stage.records();
    assert_eq!(kinds(&records), ["Send", "Delivery"]);
    let mail = &records[0]["mail"];
    assert_eq!(records[0]["send"], json!({}));
    assert_eq!(mail["source"], "Mary Major <mary.major@example.com>");
    assert_eq!(mail["sourceArn"], "arn:aws:ses:us-east-1:123456789012:identity/example.com");
    assert_eq!(mail["destination"], json!(["a@example.com"]));
    assert_eq!(mail["tags"]["campaign"], json!(["cmp_1"]));
    assert_eq!(mail["tags"]["ses:configuration-set"], json!(["ConfigSet"]));
    assert_eq!(mail["commonHeaders"]["subject"], "Greetings, A!");
    let timestamp = mail["timestamp"].as_str().unwrap();
    assert!(timestamp.starts_with("2023-11-14T22:13:2") && timestamp.len() == "2017-08-05T00:40:02.012Z".len());
    assert_eq!(records[1]["delivery"]["recipients"], json!(["a@example.com"]));
    assert_eq!(records[1]["delivery"]["smtpResponse"], "250 2.6.0 Message received");
    assert!(stage.exceptions().is_empty());
}

#[tokio::test]
async fn the_mailbox_simulator_bounces_complains_and_suppresses() {
    let stage = Stage::open(|_| {});
    let entries = [
        ("bounce+1@simulator.amazonses.com", json!({})),
        ("complaint@simulator.amazonses.com", json!({})),
        ("suppressionlist@simulator.amazonses.com", json!({})),
        ("success@simulator.amazonses.com", json!({})),
    ];
    stage.ses("outbound-bulk-emails", bulk(&entries)).await;

    stage.standins.settle().await;

    let mut exceptions = stage.exceptions();
    exceptions.sort_by_key(|event| event["mail"]["destination"].to_string());
    assert_eq!(kinds(&exceptions), ["Bounce", "Complaint", "Bounce"]);
    let bounce = &exceptions[0]["bounce"];
    assert_eq!((&bounce["bounceType"], &bounce["bounceSubType"]), (&json!("Permanent"), &json!("General")));
    assert_eq!(
        bounce["bouncedRecipients"],
        json!([{
            "emailAddress": "bounce+1@simulator.amazonses.com",
            "action": "failed",
            "status": "5.1.1",
            "diagnosticCode": "smtp; 550 5.1.1 user unknown"
        }])
    );
    assert_eq!(exceptions[1]["complaint"]["complaintFeedbackType"], "abuse");
    assert_eq!(exceptions[2]["bounce"]["bounceSubType"], "Suppressed");
    assert_eq!(kinds(&stage.records()).iter().filter(|kind| **kind == "Delivery").count(), 2);
    let envelope = &stage.envelopes()[0];
    assert_eq!(envelope["Type"], "Notification");
    assert_eq!(envelope["Subject"], "Amazon SES Email Event Notification");
    for field in ["MessageId", "TopicArn", "Timestamp", "SignatureVersion", "Signature", "SigningCertURL", "UnsubscribeURL"] {
        assert!(envelope[field].is_string(), "{field}");
    }
}

#[tokio::test]
async fn a_missing_variable_is_accepted_and_fails_afterwards() {
    let stage = Stage::open(|_| {});
    let mut request = bulk(&[("a@example.com", json!({"name": "A"}))]);
    request["DefaultContent"]["Template"]["TemplateData"] = json!("{}");

    let (_, answer) = stage.ses("outbound-bulk-emails", request).await;
    stage.standins.settle().await;

    assert_eq!(statuses(&answer), ["SUCCESS"]);
    let exceptions = stage.exceptions();
    assert_eq!(kinds(&exceptions), ["Rendering Failure"]);
    assert_eq!(exceptions[0]["failure"]["errorMessage"], "Attribute 'favoriteanimal' is not present in the rendering data.");
    assert!(stage.records().is_empty());
}

#[tokio::test]
async fn mail_without_a_configuration_set_is_sent_without_events() {
    let stage = Stage::open(|_| {});
    let mut request = bulk(&[("bounce@simulator.amazonses.com", json!({}))]);
    request.as_object_mut().unwrap().remove("ConfigurationSetName");

    stage.ses("outbound-bulk-emails", request).await;
    stage.standins.settle().await;

    assert_eq!(stage.get("/_outbox.json").await["total"], 1);
    assert!(stage.exceptions().is_empty() && stage.records().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_send_rate_counts_recipients_and_throttles_the_rest_of_a_bulk_call() {
    let stage = Stage::open(|config| config.ses.max_send_rate = 14.0);

    let (_, first) = stage.ses("outbound-bulk-emails", bulk_to(&people(20))).await;
    let (status, error) = stage.ses("outbound-emails", simple("late@example.com")).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    let (later, _) = stage.ses("outbound-emails", simple("later@example.com")).await;

    assert_eq!(count(&statuses(&first), "SUCCESS"), 14);
    assert_eq!(count(&statuses(&first), "ACCOUNT_THROTTLED"), 6);
    assert_eq!((status.as_u16(), &error["message"]), (429, &json!("Maximum sending rate exceeded.")));
    assert_eq!(later, 200);
}

#[tokio::test]
async fn the_daily_quota_is_shown_and_kept() {
    let stage = Stage::open(|config| config.ses.max_24_hour_send = 3.0);

    let (_, answer) = stage.ses("outbound-bulk-emails", bulk_to(&people(5))).await;

    assert_eq!(count(&statuses(&answer), "ACCOUNT_DAILY_QUOTA_EXCEEDED"), 2);
    let request = Request::get("/v2/email/account").header("authorization", "AWS4-HMAC-SHA256 Credential=x");
    let (_, account) = stage.call(request.body(Body::empty()).unwrap()).await;
    let account: Value = serde_json::from_str(&account).unwrap();
    assert_eq!(account["SendQuota"]["SentLast24Hours"], 3);
    assert_eq!(account["SendQuota"]["Max24HourSend"], 3.0);
    assert_eq!((&account["SendingEnabled"], &account["EnforcementStatus"]), (&json!(true), &json!("HEALTHY")));
}

#[tokio::test]
async fn what_ses_refuses_is_refused() {
    let stage = Stage::open(|config| {
        config.ses.verified_identities = Some(vec!["example.com".into()]);
        config.ses.configuration_sets = Some(vec!["ConfigSet".into()]);
    });
    let one = bulk(&[("a@example.com", json!({}))]);
    let changed = |path: &str, value: Value| {
        let mut request = one.clone();
        *request.pointer_mut(path).unwrap() = value;
        request
    };
    let entry = "/BulkEmailEntries/0";
    let data = format!("{entry}/ReplacementEmailContent/ReplacementTemplate/ReplacementTemplateData");
    let cases = [
        (changed("/FromEmailAddress", json!("x@other.example")), "MAIL_FROM_DOMAIN_NOT_VERIFIED"),
        (changed("/ConfigurationSetName", json!("Nothing")), "CONFIGURATION_SET_NOT_FOUND"),
        (changed(&format!("{entry}/ReplacementTags/0/Value"), json!("a@b.c")), "INVALID_PARAMETER"),
        (changed(&format!("{entry}/ReplacementHeaders/0/Name"), json!("A:B")), "INVALID_PARAMETER"),
        (changed(&format!("{entry}/ReplacementHeaders/0/Value"), json!("a\r\nB: c")), "INVALID_PARAMETER"),
        (changed(&data, json!("[1]")), "INVALID_PARAMETER"),
        (changed("/DefaultContent/Template", json!({"TemplateName": "stored"})), "TEMPLATE_NOT_FOUND"),
        (changed("/FromEmailAddress", json!("News <x@mail.example.com>")), "SUCCESS"),
    ];

    for (request, wanted) in cases {
        let (_, answer) = stage.ses("outbound-bulk-emails", request).await;
        assert_eq!(statuses(&answer), [wanted]);
    }
    let (status, error) = stage.ses("outbound-bulk-emails", bulk_to(&people(51))).await;
    assert_eq!((status.as_u16(), &error["message"]), (400, &json!("Number of entries must be between 1 and 50.")));
    assert_eq!(stage.ses("outbound-bulk-emails", bulk(&[])).await.0, 400);
}

#[tokio::test]
async fn an_unsigned_call_is_refused() {
    let stage = Stage::open(|_| {});

    let request = Request::post("/v2/email/outbound-emails").body(Body::from("{}")).unwrap();

    assert_eq!(stage.call(request).await.0, 403);
}

/// The simple example of the API reference.
fn simple(to: &str) -> Value {
    json!({
        "FromEmailAddress": "sender@example.com",
        "Destination": {"ToAddresses": [to]},
        "ConfigurationSetName": "ConfigSet",
        "EmailTags": [{"Name": "campaign", "Value": "cmp_2"}],
        "Content": {"Simple": {
            "Subject": {"Data": "Test email", "Charset": "UTF-8"},
            "Body": {
                "Text": {"Data": "This is the message body in text format."},
                "Html": {"Data": "<a href='https://a.example/'>a</a><a href='https://b.example/'>b</a>"}
            }
        }}
    })
}

#[tokio::test(start_paused = true)]
async fn a_person_opens_and_clicks_after_delays_and_a_scanner_at_once() {
    let stage = Stage::open(|_| {});
    stage
        .knobs(
            "ses",
            json!({
                "open_delay_ms": 60_000,
                "click_delay_ms": 5_000,
                "rules": [{"pattern": "person@*", "fate": "click"}, {"pattern": "scanner@*", "fate": "scan"}]
            }),
        )
        .await;
    stage.ses("outbound-emails", simple("person@example.com")).await;
    stage.ses("outbound-emails", simple("scanner@example.com")).await;

    stage.standins.settle().await;

    let of = |who: &str| -> Vec<Value> {
        let mine = |record: &Value| record["mail"]["destination"][0] == who;
        stage.records().into_iter().filter(mine).collect()
    };
    let (person, scanner) = (of("person@example.com"), of("scanner@example.com"));
    assert_eq!(kinds(&person), ["Send", "Delivery", "Open", "Click"]);
    assert_eq!(person[2]["open"]["timestamp"], "2023-11-14T22:14:20.000Z");
    assert_eq!(person[3]["click"]["timestamp"], "2023-11-14T22:14:25.000Z");
    assert_eq!(person[3]["click"]["link"], "https://a.example/");
    assert_eq!(kinds(&scanner), ["Send", "Delivery", "Open", "Click", "Click"]);
    assert!(scanner[4]["click"]["timestamp"].as_str().unwrap() < "2023-11-14T22:13:21");
    assert!(scanner[2]["open"]["userAgent"].as_str().unwrap().contains("Bot"));
}

#[tokio::test]
async fn a_share_of_fates_is_the_same_for_the_same_seed() {
    let run = async |seed: u64| {
        let stage = Stage::open(|config| config.seed = seed);
        let faults = SesFaults { bounce_share: 0.3, soft_bounce_share: 0.2, complain_share: 0.2, ..SesFaults::default() };
        stage.standins.set_ses_faults(faults).unwrap();
        stage.ses("outbound-bulk-emails", bulk_to(&people(50))).await;
        stage.standins.settle().await;
        let mut events: Vec<String> =
            stage.exceptions().iter().map(|e| format!("{} {}", e["eventType"], e["mail"]["destination"])).collect();
        events.sort();
        events
    };

    let (first, again, other) = (run(1).await, run(1).await, run(2).await);

    assert!((10..60).contains(&first.len()), "{}", first.len());
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[tokio::test]
async fn a_share_of_entries_fails_and_a_repeat_may_succeed() {
    let stage = Stage::open(|_| {});
    stage.knobs("ses", json!({"fail_share": 0.5, "fail_status": "FAILED"})).await;

    let (_, answer) = stage.ses("outbound-bulk-emails", bulk_to(&people(50))).await;
    let mut sent = count(&statuses(&answer), "SUCCESS");
    assert!((10..40).contains(&sent), "{sent}");
    let failed: Vec<(String, Value)> =
        people(50).into_iter().zip(statuses(&answer)).filter(|(_, status)| *status == "FAILED").map(|(person, _)| person).collect();
    let (_, repeat) = stage.ses("outbound-bulk-emails", bulk_to(&failed)).await;
    sent += count(&statuses(&repeat), "SUCCESS");

    assert!(count(&statuses(&repeat), "SUCCESS") > 0);
    assert_eq!(stage.get("/_outbox.json").await["total"], sent);
}

#[tokio::test(start_paused = true)]
async fn a_call_can_time_out_or_break_after_acceptance_or_before() {
    let stage = Stage::open(|_| {});
    stage.knobs("ses", json!({"time_out_after_acceptance_share": 1.0, "time_out_hold_ms": 20_000})).await;

    let held = tokio::time::timeout(Duration::from_secs(10), stage.ses("outbound-emails", simple("a@example.com"))).await;
    assert!(held.is_err());
    stage.knobs("ses", json!({"server_error_after_acceptance_share": 1.0})).await;
    assert_eq!(stage.ses("outbound-emails", simple("b@example.com")).await.0, 500);
    stage.knobs("ses", json!({"refuse_share": 1.0})).await;
    assert_eq!(stage.ses("outbound-emails", simple("c@example.com")).await.0, 500);
    stage.standins.settle().await;

    let outbox = stage.get("/_outbox.json").await;
    let to: Vec<&Value> = outbox["items"].as_array().unwrap().iter().map(|item| &item["to"][0]).collect();
    assert_eq!(to, ["b@example.com", "a@example.com"]);
    assert_eq!(kinds(&stage.records()).iter().filter(|kind| **kind == "Send").count(), 2);
}

#[tokio::test]
async fn events_can_come_twice_and_in_the_wrong_order() {
    let stage = Stage::open(|_| {});
    stage.knobs("ses", json!({"event_duplicate_share": 1.0, "event_reorder_share": 1.0})).await;

    stage.ses("outbound-emails", simple("a@example.com")).await;
    stage.standins.settle().await;

    assert_eq!(kinds(&stage.records()), ["Delivery", "Delivery", "Send", "Send"]);
}

#[tokio::test]
async fn a_restart_remembers_what_was_sent_and_reports_what_was_not_reported() {
    let stage = Stage::open(|_| {});
    stage.knobs("ses", json!({"event_delay_ms": 3_600_000})).await;
    stage.ses("outbound-bulk-emails", bulk_to(&people(3))).await;
    let Stage { standins, folder, .. } = stage;
    drop(standins);
    let file = folder.path().join(crate::store::FILE);
    let mut torn = std::fs::read(&file).unwrap();
    torn.extend_from_slice(br#"{"record":"email","seq"#);
    std::fs::write(&file, torn).unwrap();
    std::fs::write(folder.path().join("faults-ses.json"), "{}").unwrap();

    let again = Stage::open_on(folder, |_| {});
    again.standins.settle().await;
    again.ses("outbound-bulk-emails", bulk_to(&people(1))).await;

    assert_eq!(kinds(&again.records()).iter().filter(|kind| **kind == "Send").count(), 3);
    let page = again.standins.outbox(&OutboxQuery::default()).unwrap();
    assert_eq!((page.counts.total, page.counts.distinct, page.counts.duplicates), (4, 3, 1));
    let (folder, standins) = (again.folder, again.standins);
    standins.settle().await;
    drop(standins);
    let third = Stage::open_on(folder, |_| {});
    third.standins.settle().await;
    assert!(third.records().is_empty());
}

#[tokio::test]
async fn counts_and_summaries_find_duplicates_without_content() {
    for keep in [Keep::Count, Keep::Summary] {
        let stage = Stage::open(|config: &mut StandinsConfig| config.keep = keep);
        let rule = EmailRule { pattern: "*".into(), fate: EmailFate::Click };
        stage.standins.set_ses_faults(SesFaults { rules: vec![rule], ..SesFaults::default() }).unwrap();

        stage.ses("outbound-bulk-emails", bulk_to(&people(50))).await;
        stage.ses("outbound-bulk-emails", bulk_to(&people(10))).await;
        stage.standins.settle().await;

        let counts = stage.get("/_outbox.json?campaign=cmp_1&limit=1").await;
        assert_eq!((&counts["total"], &counts["duplicates"]), (&json!(60), &json!(10)));
        assert_eq!(counts["items"].as_array().unwrap().len(), usize::from(keep == Keep::Summary));
        assert_eq!(kinds(&stage.records()).iter().filter(|kind| **kind == "Click").count(), 60);
        let disk = std::fs::read_to_string(stage.folder.path().join(crate::store::FILE)).unwrap();
        assert_eq!((disk.lines().count(), disk.contains("likes")), (60, false));
        let Stage { standins, folder, .. } = stage;
        drop(standins);
        let again = Stage::open_on(folder, |config| config.keep = keep);
        let counts = again.get("/_outbox.json?limit=1").await;
        assert_eq!((&counts["total"], &counts["duplicates"]), (&json!(60), &json!(10)));
    }
}

#[tokio::test]
async fn the_real_sdk_understands_answers_and_errors() {
    use aws_sdk_sesv2::{
        config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
        error::ProvideErrorMetadata,
        types::{
            BulkEmailContent, BulkEmailEntry, BulkEmailStatus, Destination, EmailTemplateContent, ReplacementEmailContent,
            ReplacementTemplate, Template,
        },
    };
    let stage = Stage::open(|config| config.ses.max_send_rate = 2.0);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, stage.router.clone()).into_future());
    let config = aws_sdk_sesv2::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(carillon_aws::Pool::plain().client())
        .endpoint_url(format!("http://{address}"))
        .build();
    let client = aws_sdk_sesv2::Client::from_conf(config);
    let entry = |to: &str| {
        let data = ReplacementTemplate::builder().replacement_template_data(r#"{"name":"Anaya"}"#).build();
        BulkEmailEntry::builder()
            .destination(Destination::builder().to_addresses(to).build())
            .replacement_email_content(ReplacementEmailContent::builder().replacement_template(data).build())
            .build()
    };
    let content = EmailTemplateContent::builder().subject("Hi {{name}}").html("<p>{{name}}</p>").build();
    let content = Template::builder().template_content(content).template_data("{}").build();
    let call = || {
        let content = BulkEmailContent::builder().template(content.clone()).build();
        client.send_bulk_email().from_email_address("news@example.com").default_content(content)
    };

    let account = client.get_account().send().await.unwrap();
    let answer = call().set_bulk_email_entries(Some(["a", "b", "c"].map(|n| entry(&format!("{n}@example.com"))).into()));
    let answer = answer.send().await.unwrap();
    let error = call().set_bulk_email_entries(Some(Vec::new())).send().await.unwrap_err();

    assert_eq!(account.send_quota().unwrap().max_send_rate(), 2.0);
    let results: Vec<_> = answer.bulk_email_entry_results().iter().map(|one| one.status().unwrap().clone()).collect();
    assert_eq!(results, [BulkEmailStatus::Success, BulkEmailStatus::Success, BulkEmailStatus::AccountThrottled]);
    assert!(answer.bulk_email_entry_results()[0].message_id().is_some());
    assert_eq!(error.code(), Some("BadRequestException"));
    assert_eq!(stage.get("/_outbox.json").await["items"][0]["html"], "<p>Anaya</p>");
}

#[tokio::test]
async fn an_identity_is_found_by_its_very_name_only() {
    let stage = Stage::open(|config| config.ses.verified_identities = Some(vec!["example.com".into()]));
    let signed = |path: &str| {
        let request = Request::get(format!("/v2/email/identities/{path}"));
        request.header("authorization", "AWS4-HMAC-SHA256 Credential=a/b").body(Body::empty()).unwrap()
    };

    let (found, answer) = stage.call(signed("example.com")).await;
    let (absent, _) = stage.call(signed("news%40example.com")).await;

    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((found, &answer["VerifiedForSendingStatus"]), (StatusCode::OK, &json!(true)));
    assert_eq!(absent, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_scanner_gets_the_links_of_this_machine_and_no_others() {
    let visits = Arc::new(Mutex::new(Vec::new()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = format!("http://{}", listener.local_addr().unwrap());
    let kept = Arc::clone(&visits);
    let visit = async move |uri: axum::http::Uri| lock(&kept).push(uri.to_string());
    tokio::spawn(axum::serve(listener, axum::Router::new().fallback(visit)).into_future());
    let stage = Stage::open(|_| {});
    stage.knobs("ses", json!({"click_share": 1.0, "reader": "scanner", "scanner_follows_links": true})).await;
    let mut email = simple("a@example.com");
    let message = &mut email["Content"]["Simple"];
    message["Body"]["Html"]["Data"] = json!(format!("<a href=\"{here}/page\">a</a><a href=\"http://127.0.0.1.example/\">b</a>"));
    message["Headers"] = json!([{"Name": "List-Unsubscribe", "Value": format!("<mailto:u@example.com>, <{here}/unsubscribe>")}]);

    stage.ses("outbound-emails", email).await;
    stage.standins.settle().await;

    assert_eq!(*lock(&visits), ["/page", "/unsubscribe"]);
}
