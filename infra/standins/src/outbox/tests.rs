#![allow(clippy::unwrap_used, reason = "tests")]

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::json;

use crate::testing::Stage;

async fn send(stage: &Stage, to: &str, subject: &str) {
    let email = json!({
        "FromEmailAddress": "sender@example.com",
        "Destination": {"ToAddresses": [to]},
        "EmailTags": [{"Name": "campaign", "Value": "cmp_1"}],
        "Content": {"Simple": {
            "Subject": {"Data": subject},
            "Body": {"Html": {"Data": "<p onclick=\"x()\">\"quoted\"</p>"}}
        }}
    });
    assert_eq!(stage.ses("outbound-emails", email).await.0, StatusCode::OK);
}

#[tokio::test]
async fn pages_go_from_the_newest_to_the_oldest() {
    let stage = Stage::open(|_| {});
    for n in 0..5 {
        send(&stage, &format!("p{n}@example.com"), &n.to_string()).await;
    }

    let mut subjects = Vec::new();
    let mut path = "/_outbox.json?limit=2".to_owned();
    loop {
        let page = stage.get(&path).await;
        assert_eq!(page.get("total"), Some(&json!(5)));
        let items = page.get("items").and_then(|items| items.as_array().cloned()).unwrap();
        subjects.extend(items.iter().map(|item| item.get("subject").unwrap().as_str().unwrap().to_owned()));
        let Some(cursor) = page.get("next_cursor").and_then(serde_json::Value::as_u64) else { break };
        path = format!("/_outbox.json?limit=2&cursor={cursor}");
    }

    assert_eq!(subjects, ["4", "3", "2", "1", "0"]);
    let one = stage.get("/_outbox.json?to=P3@*").await;
    assert_eq!(one.get("total"), Some(&json!(1)));
}

#[tokio::test]
async fn the_page_escapes_what_was_sent_and_shows_html_in_a_sandbox() {
    let stage = Stage::open(|_| {});
    send(&stage, "a@example.com", "<script>alert(1)</script>").await;

    let get = |path: String| stage.call(Request::get(path).body(Body::empty()).unwrap());
    let (_, list) = get("/_outbox?campaign=cmp_1&to=&channel=".to_owned()).await;
    let id = list.split("/_outbox/").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    let (_, view) = get(format!("/_outbox/{id}")).await;

    assert!(list.contains("1 messages, 1 distinct") && list.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(!list.contains("<script>") && !view.contains("<script>"));
    assert!(view.contains("<iframe sandbox srcdoc=\"&lt;p onclick=&quot;x()&quot;&gt;"));
}

#[tokio::test]
async fn a_cleared_outbox_is_empty() {
    let stage = Stage::open(|_| {});
    send(&stage, "a@example.com", "A").await;

    let (status, _) = stage.call(Request::delete("/_outbox").body(Body::empty()).unwrap()).await;

    assert_eq!(status, StatusCode::NO_CONTENT);
    let page = stage.get("/_outbox.json").await;
    assert_eq!((page.get("total"), page.get("items")), (Some(&json!(0)), Some(&json!([]))));
    send(&stage, "b@example.com", "B").await;
    assert_eq!(stage.get("/_outbox.json").await.get("total"), Some(&json!(1)));
}

#[tokio::test]
async fn a_wrong_query_or_knob_is_refused() {
    let stage = Stage::open(|_| {});

    let wrong = stage.call(Request::get("/_outbox.json?kampagne=1").body(Body::empty()).unwrap()).await;
    let knob = stage.call(Request::put("/_faults/ses").body(Body::from(r#"{"bounce_share": 2}"#)).unwrap()).await;

    assert_eq!((wrong.0, knob.0), (StatusCode::BAD_REQUEST, StatusCode::BAD_REQUEST));
}
