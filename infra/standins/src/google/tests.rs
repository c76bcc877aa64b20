#![allow(clippy::unwrap_used, reason = "tests")]

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::{Value, json};

use crate::testing::Stage;

const AUTHORIZE: &str = "/google/o/oauth2/v2/auth?response_type=code&client_id=local.apps.googleusercontent.com\
                         &redirect_uri=https%3A%2F%2Fapp.example%2Fback&scope=openid+email&state=s1&nonce=n1\
                         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// Logs a person in, and gives the code that the browser brings back.
async fn code(stage: &Stage) -> String {
    let form = "id=7&name=Ada&email=ada%40gmail.com&email_verified=true";
    let request = Request::post(AUTHORIZE).header("content-type", "application/x-www-form-urlencoded").body(Body::from(form)).unwrap();
    let location = stage.location(request).await;
    let query = location.strip_prefix("https://app.example/back?").unwrap();
    let query: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap();
    assert!(query.contains(&("state".to_owned(), "s1".to_owned())));
    query.into_iter().find(|(name, _)| name == "code").unwrap().1
}

async fn redeem(stage: &Stage, code: &str, verifier: &str) -> (StatusCode, Value) {
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "local.apps.googleusercontent.com"),
        ("client_secret", "GOCSPX-local"),
        ("redirect_uri", "https://app.example/back"),
        ("code", code),
        ("code_verifier", verifier),
    ];
    let body = serde_urlencoded::to_string(form).unwrap();
    let (status, text) = stage.call(Request::post("/google/token").body(Body::from(body)).unwrap()).await;
    (status, serde_json::from_str(&text).unwrap())
}

#[tokio::test]
async fn a_code_is_good_once_and_with_its_verifier() {
    let stage = Stage::open(|_| {});
    let first = code(&stage).await;

    let (status, answer) = redeem(&stage, &first, VERIFIER).await;
    let again = redeem(&stage, &first, VERIFIER).await;
    let guessed = redeem(&stage, &code(&stage).await, "guessed").await;

    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["id_token"].as_str().unwrap().split('.').count(), 3);
    assert_eq!((again.0, &again.1["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
    assert_eq!((guessed.0, &guessed.1["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
}

#[tokio::test]
async fn the_user_info_is_that_of_the_token_and_the_set_of_keys_has_one() {
    let stage = Stage::open(|_| {});
    let (_, answer) = redeem(&stage, &code(&stage).await, VERIFIER).await;

    let token = format!("Bearer {}", answer["access_token"].as_str().unwrap());
    let request = Request::get("/google/v1/userinfo").header("authorization", token).body(Body::empty()).unwrap();
    let (_, info) = stage.call(request).await;

    assert_eq!(info, r#"{"sub":"7","name":"Ada","email":"ada@gmail.com","email_verified":true}"#);
    let keys = stage.get("/google/oauth2/v3/certs").await;
    assert_eq!(keys["keys"][0]["n"].as_str().unwrap().len(), 342);
}

#[tokio::test]
async fn refused_calls_and_unknown_apps_are_told_so() {
    let stage = Stage::open(|_| {});
    let code = code(&stage).await;
    stage.knobs("google", json!({ "refuse_share": 1.0 })).await;
    assert_eq!(redeem(&stage, &code, VERIFIER).await.0, StatusCode::INTERNAL_SERVER_ERROR);

    stage.knobs("google", json!({})).await;
    assert_eq!(redeem(&stage, &code, VERIFIER).await.0, StatusCode::OK);
    let foreign = AUTHORIZE.replace("local.apps", "foreign.apps");
    assert_eq!(stage.call(Request::get(foreign).body(Body::empty()).unwrap()).await.0, StatusCode::UNAUTHORIZED);
}
