#![allow(clippy::unwrap_used, reason = "tests")]

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::Value;

use crate::testing::Stage;

const DIALOG: &str = "/facebook/v24.0/dialog/oauth?client_id=1000000000000001&redirect_uri=https%3A%2F%2Fapp.example%2Fback&state=s1";

async fn token(stage: &Stage) -> (StatusCode, Value) {
    let request =
        Request::post(DIALOG).header("content-type", "application/x-www-form-urlencoded").body(Body::from("id=7&name=Ada")).unwrap();
    let location = stage.location(request).await;
    let query: Vec<(String, String)> = serde_urlencoded::from_str(location.strip_prefix("https://app.example/back?").unwrap()).unwrap();
    let code = &query.iter().find(|(name, _)| name == "code").unwrap().1;
    redeem(stage, code).await
}

async fn redeem(stage: &Stage, code: &str) -> (StatusCode, Value) {
    let url = format!(
        "/facebook/v24.0/oauth/access_token?client_id=1000000000000001&client_secret=0123456789abcdef0123456789abcdef\
         &redirect_uri=https%3A%2F%2Fapp.example%2Fback&code={code}"
    );
    let (status, text) = stage.call(Request::get(url).body(Body::empty()).unwrap()).await;
    (status, serde_json::from_str(&text).unwrap())
}

#[tokio::test]
async fn a_person_is_read_with_a_proof_only() {
    let stage = Stage::open(|_| {});
    let (_, answer) = token(&stage).await;
    let token = answer["access_token"].as_str().unwrap();

    let url = format!("/facebook/v24.0/me?fields=id,name,email&access_token={token}&appsecret_proof=0");
    let (status, text) = stage.call(Request::get(url).body(Body::empty()).unwrap()).await;

    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(text.contains("Invalid appsecret_proof"));
}

#[tokio::test]
async fn a_token_is_told_by_the_app_that_made_it() {
    let stage = Stage::open(|_| {});
    let (_, answer) = token(&stage).await;
    let input = answer["access_token"].as_str().unwrap();

    let url = format!("/facebook/v24.0/debug_token?input_token={input}&access_token=1000000000000001%7C0123456789abcdef0123456789abcdef");
    let facts = stage.get(&url).await;
    let unknown = stage.get(&url.replace(input, "EAAx")).await;

    assert_eq!((facts["data"]["is_valid"].as_bool(), facts["data"]["user_id"].as_str()), (Some(true), Some("7")));
    assert_eq!(unknown["data"]["is_valid"].as_bool(), Some(false));
}

#[tokio::test]
async fn an_unknown_code_is_refused_as_facebook_does() {
    let (status, answer) = redeem(&Stage::open(|_| {}), "unknown").await;

    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!((answer["error"]["type"].as_str(), answer["error"]["code"].as_u64()), (Some("OAuthException"), Some(100)));
}
