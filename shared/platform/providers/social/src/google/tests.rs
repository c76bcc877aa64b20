#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use carillon_kernel::{Fault as _, Kind};
use carillon_standins::{GoogleFaults, IdTokenFault};

use super::*;
use crate::testing::{Stage, attempt};

const ADA: [(&str, &str); 4] = [("id", "1001"), ("name", "Ada"), ("email", "ada@gmail.com"), ("email_verified", "true")];

async fn identify(stage: &Stage, person: &[(&str, &str)], other: Option<Attempt>) -> Result<ExternalIdentity, SocialError> {
    let url = stage.providers.authorization_url(LoginProvider::Google, &attempt()).await?;
    let back = stage.come_back(&url, person).await;
    assert_eq!(back["state"], "state");
    let code = Secret::new(back["code"].clone());
    stage.providers.identify(LoginProvider::Google, &code, &other.unwrap_or_else(attempt)).await
}

#[tokio::test]
async fn a_code_stands_for_the_person_who_logged_in() {
    let stage = Stage::open().await;

    let identity = identify(&stage, &ADA, None).await.unwrap();

    assert_eq!((identity.provider, identity.subject.as_str()), (LoginProvider::Google, "1001"));
    assert_eq!((identity.email.as_deref(), identity.email_is_proven), (Some("ada@gmail.com"), true));
    assert_eq!(identity.name.as_deref(), Some("Ada"));
    assert!(!format!("{identity:?}").contains("ada"));
}

#[tokio::test]
async fn an_address_is_proven_only_where_google_vouches_for_it_today() {
    let stage = Stage::open().await;
    let person = |email: &'static str, verified: &'static str, hd: &'static str| {
        [("id", "1"), ("name", "Ada"), ("email", email), ("email_verified", verified), ("hd", hd)]
    };

    for (email, verified, hd, proven) in [
        ("ada@gmail.com", "true", "", true),
        ("ada@gmail.com", "false", "", false),
        ("ada@example.com", "true", "", false),
        ("ada@example.com", "true", "example.com", true),
        ("ada@example.com", "false", "example.com", false),
    ] {
        let identity = identify(&stage, &person(email, verified, hd), None).await.unwrap();
        assert_eq!(identity.email_is_proven, proven, "{email} {verified} {hd}");
    }
}

#[tokio::test]
async fn a_code_without_its_verifier_or_nonce_is_refused() {
    let stage = Stage::open().await;
    let others = [
        Attempt { verifier: Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXx"), ..attempt() },
        Attempt { nonce: "other".to_owned(), ..attempt() },
    ];

    for other in others {
        assert!(matches!(identify(&stage, &ADA, Some(other)).await, Err(SocialError::Refused(_))));
    }
}

#[tokio::test]
async fn an_id_token_that_is_wrong_in_any_way_is_refused() {
    let stage = Stage::open().await;
    for (id_token, why) in [
        (IdTokenFault::WrongIssuer, "the ID token is of another issuer"),
        (IdTokenFault::WrongAudience, "the ID token does not hold"),
        (IdTokenFault::WrongNonce, "the ID token answers another request"),
        (IdTokenFault::Expired, "the ID token is expired"),
        (IdTokenFault::WrongSignature, "the ID token does not hold"),
        (IdTokenFault::UnknownKey, "the ID token is signed by an unknown key"),
        (IdTokenFault::NoAlgorithm, "the ID token is unreadable"),
    ] {
        stage.standins.set_google_faults(GoogleFaults { id_token, ..GoogleFaults::default() }).unwrap();

        assert_eq!(identify(&stage, &ADA, None).await, Err(SocialError::Refused(why)), "{id_token:?}");
    }
}

#[tokio::test]
async fn an_id_token_is_judged_by_our_clock() {
    let stage = Stage::open().await;
    stage.clock.advance(Duration::from_secs(700));
    assert_eq!(identify(&stage, &ADA, None).await, Err(SocialError::Refused("the ID token is old")));

    let stage = Stage::open().await;
    stage.standins.advance(Duration::from_secs(120));
    assert_eq!(identify(&stage, &ADA, None).await, Err(SocialError::Refused("the ID token is of the future")));
}

#[tokio::test]
async fn a_provider_that_fails_is_a_matter_of_later() {
    let stage = Stage::open().await;
    let faults = serde_json::from_str::<GoogleFaults>(r#"{"refuse_share": 1.0}"#).unwrap();
    let url = stage.providers.authorization_url(LoginProvider::Google, &attempt()).await.unwrap();
    let back = stage.come_back(&url, &ADA).await;

    stage.standins.set_google_faults(faults).unwrap();
    let failed = stage.providers.identify(LoginProvider::Google, &Secret::new(back["code"].clone()), &attempt()).await.unwrap_err();

    assert_eq!((failed.kind(), failed.code()), (Kind::Unavailable, "logins.provider_unavailable"));
}

#[tokio::test]
async fn who_denies_brings_no_code() {
    let stage = Stage::open().await;
    let url = stage.providers.authorization_url(LoginProvider::Google, &attempt()).await.unwrap();

    let back = stage.come_back(&url, &[("deny", "1")]).await;

    assert_eq!(back.get("error").map(String::as_str), Some("access_denied"));
    assert_eq!(back.get("code"), None);
}
