#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

//! The records are the examples of SES's documentation ("Examples of event data that Amazon SES publishes to Amazon SNS").

use carillon_contracts::{CampaignId, EntryRef, OrganizationId, Run};

use super::*;

pub(crate) const BOUNCE: &str = r#"{
  "eventType":"Bounce",
  "bounce":{
    "bounceType":"Permanent",
    "bounceSubType":"General",
    "bouncedRecipients":[
      {
        "emailAddress":"recipient@example.com",
        "action":"failed",
        "status":"5.1.1",
        "diagnosticCode":"smtp; 550 5.1.1 user unknown"
      }
    ],
    "timestamp":"2017-08-05T00:41:02.669Z",
    "feedbackId":"01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000000",
    "reportingMTA":"dsn; mta.example.com"
  },
  "mail":{
    "timestamp":"2017-08-05T00:40:02.012Z",
    "source":"Sender Name <sender@example.com>",
    "sourceArn":"arn:aws:ses:us-east-1:123456789012:identity/sender@example.com",
    "sendingAccountId":"123456789012",
    "messageId":"EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
    "destination":["recipient@example.com"],
    "headersTruncated":false,
    "headers":[
      { "name":"From", "value":"Sender Name <sender@example.com>" },
      { "name":"Content-Type", "value":"multipart/alternative; boundary=\"----=_Part_7307378_1629847660.1516840721503\"" }
    ],
    "commonHeaders":{
      "from":["Sender Name <sender@example.com>"],
      "to":["recipient@example.com"],
      "messageId":"EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
      "subject":"Message sent from Amazon SES"
    },
    "tags":{
      "ses:configuration-set":["ConfigSet"],
      "ses:source-ip":["192.0.2.0"],
      "ses:from-domain":["example.com"],
      "ses:caller-identity":["ses_user"]
    }
  }
}"#;

const COMPLAINT: &str = r#"{
  "eventType":"Complaint",
  "complaint": {
    "complainedRecipients":[ { "emailAddress":"recipient@example.com" } ],
    "timestamp":"2017-08-05T00:41:02.669Z",
    "feedbackId":"01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000000",
    "userAgent":"Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/60.0.3112.90 Safari/537.36",
    "complaintFeedbackType":"abuse",
    "arrivalDate":"2017-08-05T00:41:02.669Z"
  },
  "mail":{
    "timestamp":"2017-08-05T00:40:01.123Z",
    "source":"Sender Name <sender@example.com>",
    "messageId":"EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
    "destination":["recipient@example.com"],
    "tags":{ "ses:configuration-set":["ConfigSet"] }
  }
}"#;

pub(crate) const DELIVERY: &str = r#"{
  "eventType": "Delivery",
  "mail": {
    "timestamp": "2016-10-19T23:20:52.240Z",
    "source": "sender@example.com",
    "sourceArn": "arn:aws:ses:us-east-1:123456789012:identity/sender@example.com",
    "sendingAccountId": "123456789012",
    "messageId": "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
    "destination": ["recipient@example.com"],
    "headersTruncated": false,
    "tags": {
      "ses:configuration-set": ["ConfigSet"],
      "ses:source-ip": ["192.0.2.0"],
      "ses:from-domain": ["example.com"],
      "ses:caller-identity": ["ses_user"],
      "ses:outgoing-ip": ["192.0.2.0"],
      "myCustomTag1": ["myCustomTagValue1"],
      "myCustomTag2": ["myCustomTagValue2"]
    }
  },
  "delivery": {
    "timestamp": "2016-10-19T23:21:04.133Z",
    "processingTimeMillis": 11893,
    "recipients": ["recipient@example.com"],
    "smtpResponse": "250 2.6.0 Message received",
    "remoteMtaIp": "123.456.789.012",
    "reportingMTA": "mta.example.com"
  }
}"#;

pub(crate) const SEND: &str = r#"{
  "eventType": "Send",
  "mail": {
    "timestamp": "2016-10-14T05:02:16.645Z",
    "source": "sender@example.com",
    "sourceArn": "arn:aws:ses:us-east-1:123456789012:identity/sender@example.com",
    "sendingAccountId": "123456789012",
    "messageId": "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
    "destination": ["recipient@example.com"],
    "tags": { "ses:configuration-set": ["ConfigSet"], "ses:source-ip": ["192.0.2.0"] }
  },
  "send": {}
}"#;

const REJECT: &str = r#"{
  "eventType": "Reject",
  "mail": {
    "timestamp": "2016-10-14T17:38:15.211Z",
    "source": "sender@example.com",
    "messageId": "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
    "destination": ["sender@example.com"],
    "tags": { "ses:configuration-set": ["ConfigSet"] }
  },
  "reject": { "reason": "Bad content" }
}"#;

const OPEN: &str = r#"{
  "eventType": "Open",
  "mail": {
    "timestamp": "2017-08-09T21:59:49.927Z",
    "source": "sender@example.com",
    "messageId": "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
    "destination": ["recipient@example.com"],
    "tags": { "ses:configuration-set": ["ConfigSet"] }
  },
  "open": {
    "ipAddress": "192.0.2.1",
    "timestamp": "2017-08-09T22:00:19.652Z",
    "userAgent": "Mozilla/5.0 (iPhone; CPU iPhone OS 10_3_3 like Mac OS X) AppleWebKit/603.3.8 (KHTML, like Gecko) Mobile/14G60"
  }
}"#;

const CLICK: &str = r#"{
  "eventType": "Click",
  "click": {
    "ipAddress": "192.0.2.1",
    "link": "http://docs.aws.amazon.com/ses/latest/DeveloperGuide/send-email-smtp.html",
    "linkTags": { "samplekey0": ["samplevalue0"], "samplekey1": ["samplevalue1"] },
    "timestamp": "2017-08-09T23:51:25.570Z",
    "userAgent": "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/60.0.3112.90 Safari/537.36"
  },
  "mail": {
    "timestamp": "2017-08-09T23:50:05.795Z",
    "source": "sender@example.com",
    "messageId": "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
    "destination": ["recipient@example.com"],
    "tags": { "ses:configuration-set": ["ConfigSet"] }
  }
}"#;

const RENDERING_FAILURE: &str = r#"{
  "eventType":"Rendering Failure",
  "mail":{
    "timestamp":"2018-01-22T18:43:06.197Z",
    "source":"sender@example.com",
    "messageId":"EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
    "destination":["recipient@example.com"],
    "headersTruncated":false,
    "tags":{ "ses:configuration-set":["ConfigSet"] }
  },
  "failure":{
    "errorMessage":"Attribute 'attributeName' is not present in the rendering data.",
    "templateName":"MyTemplate"
  }
}"#;

const DELIVERY_DELAY: &str = r#"{
  "eventType": "DeliveryDelay",
  "mail":{
    "timestamp":"2020-06-16T00:15:40.641Z",
    "source":"sender@example.com",
    "messageId":"EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
    "destination":["recipient@example.com"],
    "headersTruncated":false,
    "tags":{ "ses:configuration-set":["ConfigSet"] }
  },
  "deliveryDelay": {
    "timestamp": "2020-06-16T00:25:40.095Z",
    "delayType": "TransientCommunicationFailure",
    "expirationTime": "2020-06-16T00:25:40.914Z",
    "delayedRecipients": [{
      "emailAddress": "recipient@example.com",
      "status": "4.4.1",
      "diagnosticCode": "smtp; 421 4.4.1 Unable to connect to remote host"
    }]
  }
}"#;

fn organization() -> OrganizationId {
    OrganizationId::from_bytes([1; 16])
}

fn entry() -> EntryRef {
    EntryRef { run: Run::Campaign(CampaignId::from_bytes([2; 16])), plan: 12, index: 34, attempt: 1 }
}

/// The record with our tags beside those that it has.
pub(crate) fn ours(record: &str) -> String {
    let mut event: serde_json::Value = serde_json::from_str(record).expect("an example");
    let tags = event.pointer_mut("/mail/tags").and_then(serde_json::Value::as_object_mut).expect("tags");
    for (name, value) in crate::tags::tags(organization(), &entry()) {
        tags.insert(name, serde_json::json!([value]));
    }
    event.to_string()
}

fn parsed(record: &str) -> ProviderEvent {
    parse(&ours(record)).unwrap().unwrap()
}

fn fact(record: &str) -> (FactKind, String) {
    let event = parsed(record);
    assert_eq!((event.organization, event.entry), (organization(), entry()));
    (event.kind, event.at.to_string())
}

#[test]
fn every_documented_event_gives_its_fact() {
    let expected = [
        (BOUNCE, FactKind::BouncedHard, "2017-08-05T00:41:02.669Z"),
        (COMPLAINT, FactKind::Complained, "2017-08-05T00:41:02.669Z"),
        (DELIVERY, FactKind::Delivered, "2016-10-19T23:21:04.133Z"),
        (SEND, FactKind::Sent, "2016-10-14T05:02:16.645Z"),
        (REJECT, FactKind::Rejected, "2016-10-14T17:38:15.211Z"),
        (OPEN, FactKind::Opened, "2017-08-09T22:00:19.652Z"),
        (CLICK, FactKind::Clicked, "2017-08-09T23:51:25.57Z"),
        (RENDERING_FAILURE, FactKind::RenderingFailed, "2018-01-22T18:43:06.197Z"),
        (DELIVERY_DELAY, FactKind::Delayed, "2020-06-16T00:25:40.095Z"),
    ];
    for (record, kind, at) in expected {
        assert_eq!(fact(record), (kind, at.to_owned()));
    }
}

#[test]
fn a_machine_is_told_from_a_person() {
    let privacy_proxy = OPEN.replace(
        "Mozilla/5.0 (iPhone; CPU iPhone OS 10_3_3 like Mac OS X) AppleWebKit/603.3.8 (KHTML, like Gecko) Mobile/14G60",
        "Mozilla/5.0",
    );
    let scanner = CLICK.replace("Mozilla/5.0 (Windows", "BarracudaLinkProtect (Windows");

    assert_eq!(parsed(&privacy_proxy).kind, FactKind::OpenedByMachine);
    assert_eq!(parsed(&scanner).kind, FactKind::ClickedByMachine);
}

#[test]
fn mail_that_is_not_ours_is_ignored() {
    for record in [BOUNCE, COMPLAINT, DELIVERY, SEND, REJECT, OPEN, CLICK, RENDERING_FAILURE, DELIVERY_DELAY] {
        assert_eq!(parse(record), Ok(None));
    }
}

#[test]
fn an_event_without_meaning_for_us_is_ignored() {
    assert_eq!(parse(&ours(&SEND.replace("\"Send\"", "\"Subscription\""))), Ok(None));
}

#[test]
fn a_permanent_bounce_suppresses_whatever_its_subtype() {
    for subtype in ["General", "NoEmail", "Suppressed", "OnAccountSuppressionList"] {
        let suppress = parsed(&BOUNCE.replace("General", subtype)).suppress.unwrap();

        assert_eq!(suppress.addresses, ["recipient@example.com"]);
        assert_eq!((suppress.cause, suppress.detail), (SuppressionCause::HardBounce, format!("Permanent/{subtype}")));
    }
}

#[test]
fn a_bounce_that_may_pass_does_not_suppress() {
    for kind in ["Transient", "Undetermined"] {
        let event = parsed(&BOUNCE.replace("Permanent", kind));

        assert_eq!((event.kind, event.suppress), (FactKind::BouncedSoft, None));
    }
}

#[test]
fn a_complaint_suppresses_unless_it_takes_one_back() {
    let suppress = parsed(COMPLAINT).suppress.unwrap();
    let without_type = parsed(&COMPLAINT.replace("\"complaintFeedbackType\":\"abuse\",", "")).suppress.unwrap();

    assert_eq!((suppress.cause, suppress.detail.as_str()), (SuppressionCause::Complaint, "abuse"));
    assert_eq!((without_type.cause, without_type.detail.as_str()), (SuppressionCause::Complaint, "unknown"));
    assert_eq!(parse(&ours(&COMPLAINT.replace("\"abuse\"", "\"not-spam\""))), Ok(None));
}

#[test]
fn what_lies_in_the_content_does_not_suppress() {
    for record in [REJECT, RENDERING_FAILURE, DELIVERY_DELAY] {
        assert_eq!(parsed(record).suppress, None);
    }
}

#[test]
fn a_broken_event_is_refused_without_quoting_it() {
    let broken = ours(BOUNCE).replace("\"2017-08-05T00:40:02.012Z\"", "\"secret@example.com\"");

    let error = parse(&broken).unwrap_err();

    assert!(matches!(error, FeedbackError::Unreadable { .. }));
    assert!(!error.to_string().contains("secret"));
}
