//! Against a stand-in that speaks KMS's JSON 1.1 wire.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carillon_contracts::UserId;
use carillon_kernel::{Clock, IdSource, Setup};
use serde_json::{Value, json};

use crate::{Purpose, Scope, Vault, VaultError};

const OLD: &str = "arn:aws:kms:us-east-1:111122223333:key/old";
const NEW: &str = "arn:aws:kms:us-east-1:111122223333:key/new";

type Asked = Arc<Mutex<Vec<String>>>;

/// Answers as KMS does; a "wrapped" key is the JSON of what KMS would have encrypted.
async fn answer(State(asked): State<Asked>, headers: HeaderMap, body: String) -> (StatusCode, String) {
    let operation = headers.get("x-amz-target").unwrap().to_str().unwrap().strip_prefix("TrentService.").unwrap().to_owned();
    assert!(headers.get("authorization").unwrap().to_str().unwrap().starts_with("AWS4-HMAC-SHA256"));
    let request: Value = serde_json::from_str(&body).unwrap();
    let number = {
        let mut asked = asked.lock().unwrap();
        asked.push(operation.clone());
        asked.len()
    };
    let refused = || (StatusCode::BAD_REQUEST, json!({ "__type": "InvalidCiphertextException" }).to_string());
    let wrap = |key: &Value, context: &Value, plain: &Value| STANDARD.encode(json!([key, context, plain]).to_string());
    let unwrap = |key: &Value, context: &Value| {
        let text = STANDARD.decode(request["CiphertextBlob"].as_str()?).ok()?;
        let wrapped: Value = serde_json::from_slice(&text).ok()?;
        (&wrapped[0] == key && &wrapped[1] == context).then(|| wrapped[2].clone())
    };
    let answer = match operation.as_str() {
        "GenerateDataKey" => {
            assert_eq!(request["KeySpec"], "AES_256");
            let plain = json!(STANDARD.encode([u8::try_from(number).unwrap(); 32]));
            let wrapped = wrap(&request["KeyId"], &request["EncryptionContext"], &plain);
            json!({ "KeyId": request["KeyId"], "Plaintext": plain, "CiphertextBlob": wrapped })
        }
        "Decrypt" => match unwrap(&request["KeyId"], &request["EncryptionContext"]) {
            Some(plain) => json!({ "KeyId": request["KeyId"], "Plaintext": plain, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT" }),
            None => return refused(),
        },
        "ReEncrypt" => match unwrap(&request["SourceKeyId"], &request["SourceEncryptionContext"]) {
            Some(plain) => {
                let wrapped = wrap(&request["DestinationKeyId"], &request["DestinationEncryptionContext"], &plain);
                json!({ "CiphertextBlob": wrapped, "SourceKeyId": request["SourceKeyId"], "KeyId": request["DestinationKeyId"] })
            }
            None => return refused(),
        },
        other => panic!("{other} is not asked for"),
    };
    (StatusCode::OK, answer.to_string())
}

async fn kms() -> (String, Asked) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Asked::default();
    let router = Router::new().route("/", post(answer)).with_state(Arc::clone(&asked));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, asked)
}

fn vault(url: &str, keys: &str) -> Vault {
    let settings = [
        ("VAULT_KMS_KEYS", keys),
        ("AWS_ENDPOINT_URL_KMS", url),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let settings: BTreeMap<String, String> = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Vault::from_setup(&Setup::new(Clock::system(), IdSource::seeded(1)).with_settings(settings)).unwrap()
}

fn scope(byte: u8) -> Scope {
    Scope::new(UserId::from_bytes([byte; 16]), Purpose::TotpSeed)
}

#[tokio::test]
async fn kms_is_asked_once_for_several_seals_and_once_to_open_them_elsewhere() {
    let (url, asked) = kms().await;
    let sealing = vault(&url, OLD);
    let first = sealing.seal(&scope(1), b"first").await.unwrap();
    let second = sealing.seal(&scope(1), b"second").await.unwrap();

    let opening = vault(&url, OLD);
    assert_eq!(opening.open(&scope(1), &first).await.unwrap().expose(), b"first");
    assert_eq!(opening.open(&scope(1), &second).await.unwrap().expose(), b"second");

    assert_eq!(*asked.lock().unwrap(), ["GenerateDataKey", "Decrypt"]);
}

#[tokio::test]
async fn kms_refuses_a_data_key_for_another_owner() {
    let (url, _) = kms().await;
    let mut sealed = vault(&url, OLD).seal(&scope(1), b"seed").await.unwrap();
    sealed.owner = scope(2).owner;

    assert!(matches!(vault(&url, OLD).open(&scope(2), &sealed).await, Err(VaultError::NotOpened)));
}

#[tokio::test]
async fn a_key_that_the_settings_do_not_name_is_never_asked() {
    let (url, asked) = kms().await;
    let mut sealed = vault(&url, OLD).seal(&scope(1), b"seed").await.unwrap();
    sealed.key = "arn:aws:kms:us-east-1:999999999999:key/foreign".to_owned();

    assert!(matches!(vault(&url, OLD).open(&scope(1), &sealed).await, Err(VaultError::KeyUnknown)));
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_rotation_wraps_anew_without_opening() {
    let (url, asked) = kms().await;
    let sealed = vault(&url, OLD).seal(&scope(1), b"seed").await.unwrap();

    let rewrapped = vault(&url, &format!("{NEW}, {OLD}")).rewrap(&sealed).await.unwrap().unwrap();

    assert_eq!(rewrapped.key, NEW);
    assert_eq!(*asked.lock().unwrap(), ["GenerateDataKey", "ReEncrypt"]);
    assert_eq!(vault(&url, NEW).open(&scope(1), &rewrapped).await.unwrap().expose(), b"seed");
}

#[tokio::test]
async fn kms_that_does_not_answer_is_a_matter_of_later() {
    let refused = vault("http://127.0.0.1:1", OLD).seal(&scope(1), b"seed").await;

    assert!(matches!(refused, Err(VaultError::Unavailable(_))));
}
