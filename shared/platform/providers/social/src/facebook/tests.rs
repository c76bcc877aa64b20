#![allow(clippy::unwrap_used, reason = "tests")]

use carillon_standins::{FacebookFaults, TokenFault};

use super::*;
use crate::testing::{Stage, attempt};

async fn identify(stage: &Stage, person: &[(&str, &str)]) -> Result<ExternalIdentity, SocialError> {
    let url = stage.providers.authorization_url(LoginProvider::Facebook, &attempt()).await?;
    let back = stage.come_back(&url, person).await;
    assert_eq!(back["state"], "state");
    stage.providers.identify(LoginProvider::Facebook, &Secret::new(back["code"].clone()), &attempt()).await
}

#[tokio::test]
async fn a_code_stands_for_the_person_who_logged_in() {
    let stage = Stage::open().await;

    let identity = identify(&stage, &[("id", "77"), ("name", "Ada"), ("email", "ada@example.com")]).await.unwrap();

    assert_eq!((identity.provider, identity.subject.as_str()), (LoginProvider::Facebook, "77"));
    assert_eq!((identity.email.as_deref(), identity.email_is_proven), (Some("ada@example.com"), false));
}

#[tokio::test]
async fn a_person_may_have_no_address() {
    let identity = identify(&Stage::open().await, &[("id", "77"), ("name", "Ada")]).await.unwrap();

    assert_eq!(identity.email, None);
}

#[tokio::test]
async fn a_token_that_facebook_does_not_confirm_is_refused() {
    let stage = Stage::open().await;
    for (token, why) in [
        (TokenFault::ForeignApp, "the token was made for another app"),
        (TokenFault::Invalid, "the token is not valid"),
        (TokenFault::Expired, "the token is expired"),
        (TokenFault::Page, "the token is not a person's"),
        (TokenFault::AnotherPerson, "the token is another person's"),
    ] {
        stage.standins.set_facebook_faults(FacebookFaults { token, ..FacebookFaults::default() }).unwrap();

        assert_eq!(identify(&stage, &[("id", "77")]).await, Err(SocialError::Refused(why)), "{token:?}");
    }
}

#[tokio::test]
async fn a_code_is_good_once() {
    let stage = Stage::open().await;
    let url = stage.providers.authorization_url(LoginProvider::Facebook, &attempt()).await.unwrap();
    let code = Secret::new(stage.come_back(&url, &[("id", "77")]).await["code"].clone());

    assert!(stage.providers.identify(LoginProvider::Facebook, &code, &attempt()).await.is_ok());
    let again = stage.providers.identify(LoginProvider::Facebook, &code, &attempt()).await;

    assert_eq!(again, Err(SocialError::Refused("the code is not valid")));
}
