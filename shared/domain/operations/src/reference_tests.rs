use std::collections::BTreeMap;

use carillon_contracts::message::{
    AudienceExpansionRequested, EmailDeliveryRequested, FinishRequested, FoldRequested, ImportChunkRequested, InboundSmsReceived,
    ListDeletionRequested, MessageDeliveryRequested, NAMED_QUEUES, Notice, NoticeRequested, ReleaseRequested, RoleChanged,
    SmsDeliveryRequested, TrailExportRequested, TrailVerificationRequested, TwilioStatusReceived, UserErasureRequested,
    UserExportRequested,
};
use carillon_contracts::{
    CampaignId, EntryRef, ExportId, ImportId, ListId, MessageId, OrganizationId, RoleId, Run, UserId, VerificationId,
};
use serde_json::json;

use super::*;

const ORGANIZATION: OrganizationId = OrganizationId::from_bytes([1; 16]);
const USER: UserId = UserId::from_bytes([2; 16]);
const CAMPAIGN: Run = Run::Campaign(CampaignId::from_bytes([3; 16]));

/// A message of the queue of each name, and the names of what is told of it.
fn messages() -> BTreeMap<&'static str, (Value, Vec<&'static str>)> {
    fn written<M: Serialize>(message: &M) -> Value {
        serde_json::to_value(message).unwrap()
    }
    let (organization, run, user, plan) = (ORGANIZATION, CAMPAIGN, USER, 7);
    let (campaign, export, list) = (CampaignId::from_bytes([3; 16]), ExportId::from_bytes([4; 16]), ListId::from_bytes([5; 16]));
    let delivery = vec!["organization", "plan", "run"];
    let import =
        ImportChunkRequested { organization, import: ImportId::from_bytes([6; 16]), chunk: 2, offset: 9_000_000_000, first_row: 11 };
    let message = Run::Message(MessageId::from_bytes([7; 16]));
    let entry = EntryRef { run, plan, index: 49, attempt: 1 };
    let sid = "SM0123456789abcdef0123456789ABCDEF".to_owned();
    let status = TwilioStatusReceived { entry, organization, sid: sid.clone(), status: "undelivered".to_owned(), error_code: Some(30_003) };
    let text = InboundSmsReceived {
        sid,
        from: "+14155550100".to_owned(),
        to: "+14155550199".to_owned(),
        body: "STOP ada".to_owned(),
        opt_out_type: None,
    };
    let notice = Notice::AccountChanged { user, what: "your address ada@example.com".to_owned() };
    let of_sns = json!({ "Type": "Notification", "TopicArn": "arn:aws:sns:eu-central-1:000000000000:exceptions", "Message": BOUNCE });
    BTreeMap::from([
        ("import-chunks", (written(&import), vec!["chunk", "first_row", "import", "offset", "organization"])),
        (
            "audience-expansions",
            (written(&AudienceExpansionRequested { organization, campaign, plan }), vec!["campaign", "organization", "plan"]),
        ),
        ("releases", (written(&ReleaseRequested { reason: "ada@example.com asked".to_owned() }), vec![])),
        ("email-deliveries", (written(&EmailDeliveryRequested { organization, run, plan }), delivery.clone())),
        ("sms-deliveries", (written(&SmsDeliveryRequested { organization, run, plan }), delivery.clone())),
        ("message-deliveries", (written(&MessageDeliveryRequested { organization, run: message, plan: 0 }), delivery)),
        ("figures", (written(&FoldRequested { organization, run, pages: vec![0, 3] }), vec!["organization", "pages", "run"])),
        ("finishes", (written(&FinishRequested { organization, campaign }), vec!["campaign", "organization"])),
        ("twilio-statuses", (written(&status), vec!["entry.attempt", "entry.index", "entry.plan", "entry.run", "organization", "sid"])),
        ("inbound-sms", (written(&text), vec!["sid"])),
        (
            "notices",
            (written(&NoticeRequested { id: "invitation:ada@example.com".to_owned(), notice }), vec!["notice.account_changed.user"]),
        ),
        ("list-deletions", (written(&ListDeletionRequested { organization, list }), vec!["list", "organization"])),
        ("role-changes", (written(&RoleChanged { organization, role: RoleId::from_bytes([8; 16]) }), vec!["organization", "role"])),
        ("user-exports", (written(&UserExportRequested { user, export }), vec!["export", "user"])),
        ("user-erasures", (written(&UserErasureRequested { user }), vec!["user"])),
        ("trail-exports", (written(&TrailExportRequested { organization, export }), vec!["export", "organization"])),
        (
            "trail-verifications",
            (
                written(&TrailVerificationRequested { organization, verification: VerificationId::from_bytes([9; 16]) }),
                vec!["organization", "verification"],
            ),
        ),
        ("ses-exceptions", (of_sns, vec!["mail.messageId", "mail.tags.carillon_org", "mail.tags.carillon_plan", "mail.tags.carillon_run"])),
        ("ses-events", (serde_json::from_str(OBJECT_CREATED).unwrap(), vec!["Records.s3.bucket.name", "Records.s3.object.key"])),
    ])
}

/// A bounce in the form of SES's documentation ("Examples of event data that Amazon SES publishes"), with tags of ours.
const BOUNCE: &str = r#"{ "eventType": "Bounce",
    "bounce": { "bounceType": "Permanent", "bouncedRecipients": [{ "emailAddress": "ada@example.com", "diagnosticCode": "550 ada" }],
        "feedbackId": "01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000000" },
    "mail": { "timestamp": "2017-08-05T00:40:02.012Z", "source": "Bells <news@bells.example>",
        "messageId": "0100015d44f053b0-61b59c11-9236-11e6-8f96-7be8aeabcdef-000000", "destination": ["ada@example.com"],
        "commonHeaders": { "subject": "Hello Ada", "to": ["ada@example.com"], "messageId": "<ada@example.com>" },
        "tags": { "carillon_org": ["org_01040g2081040g2081040g2081"], "carillon_run": ["cmp_0303030303030303030303030c"], "carillon_plan": ["3"],
            "ses:from-domain": ["bells.example"] } } }"#;

/// A notification in the form of S3's documentation ("Event message structure"), of an object as Firehose names it.
const OBJECT_CREATED: &str = r#"{ "Records": [{ "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-west-2",
    "userIdentity": { "principalId": "AIDAJDPLRKLG7UEXAMPLE" }, "requestParameters": { "sourceIPAddress": "127.0.0.1" },
    "s3": { "bucket": { "name": "carillon-bucket", "arn": "arn:aws:s3:::carillon-bucket" },
        "object": { "key": "events/2026/11/21/00/carillon-1-2026-11-21-00-00-01-0a1b", "size": 1024, "sequencer": "0055AED6DCD90281E5" } } }] }"#;

#[test]
fn a_message_of_every_queue_tells_its_ids_and_no_address() {
    let messages = messages();
    assert_eq!(messages.keys().copied().collect::<Vec<_>>().len(), NAMED_QUEUES.len());
    for queue in NAMED_QUEUES {
        let (message, names) = &messages[queue.name];

        let Reference(told) = Reference::of(&message.to_string());

        assert_eq!(told.keys().map(String::as_str).collect::<Vec<_>>(), *names, "{}", queue.name);
        let text = serde_json::to_string(&told).unwrap();
        for private in ["ada", "Ada", "@", "4155550", "STOP", "127.0.0.1", "news", "550"] {
            assert!(!text.contains(private), "{}: {text}", queue.name);
        }
    }
}

#[test]
fn what_is_told_is_what_the_message_says() {
    let delivery = EmailDeliveryRequested { organization: ORGANIZATION, run: CAMPAIGN, plan: 7 };
    let told = serde_json::to_value(Reference::of(&serde_json::to_string(&delivery).unwrap())).unwrap();

    assert_eq!(told, json!({ "organization": ORGANIZATION.to_string(), "plan": 7, "run": CAMPAIGN.to_string() }));
    let told = serde_json::to_value(Reference::of(OBJECT_CREATED)).unwrap();
    assert_eq!(told["Records.s3.object.key"], "events/2026/11/21/00/carillon-1-2026-11-21-00-00-01-0a1b");
}

#[test]
fn a_message_that_is_none_of_ours_tells_what_has_the_form_of_an_id_and_nothing_else() {
    let user = USER.to_string();
    let odd = json!({ "user": user, "email": "ada@example.com", "plan": "all of them", "ada@example.com": user, "name": "Ada", "age": 36 });

    let told = serde_json::to_value(Reference::of(&odd.to_string())).unwrap();

    assert_eq!(told, json!({ "user": user }));
    for unreadable in ["", "ada@example.com", "[1]", "{\"user\":", "\"org_01040g2081040g2081040g2081\""] {
        assert_eq!(Reference::of(unreadable), Reference::default(), "{unreadable}");
    }
}

#[test]
fn things_of_the_same_name_are_a_list() {
    let records: Vec<Value> =
        ["a", "b"].map(|name| json!({ "s3": { "bucket": { "name": "bucket" }, "object": { "key": format!("events/{name}") } } })).to_vec();

    let told = serde_json::to_value(Reference::of(&json!({ "Records": records }).to_string())).unwrap();

    assert_eq!(told["Records.s3.object.key"], json!(["events/a", "events/b"]));
}

#[test]
fn an_endless_message_is_read_to_a_depth_and_a_length() {
    let id = USER.to_string();
    let deep = (0..60).fold(json!({ "user": id }), |inner, _| json!({ "inner": inner }));
    let long = json!({ "pages": (0..500).collect::<Vec<u32>>() });

    assert_eq!(Reference::of(&deep.to_string()), Reference::default());
    let told = serde_json::to_value(Reference::of(&long.to_string())).unwrap();
    assert_eq!(told["pages"].as_array().unwrap().len(), MOST_OF_A_LIST);
}
