#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carillon_contracts::{OrganizationId, UserId};
use carillon_kernel::ManualClock;
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::scope::Purpose;

fn vault(keys: &str, seed: u64) -> Vault {
    let settings = BTreeMap::from([("VAULT_KEYS".to_owned(), keys.to_owned())]);
    Vault::from_setup(&Setup::new(Clock::system(), IdSource::seeded(seed)).with_settings(settings)).unwrap()
}

fn key(id: &str, byte: u8) -> String {
    format!("{id}:{}", STANDARD.encode([byte; 32]))
}

fn user(byte: u8) -> UserId {
    UserId::from_bytes([byte; 16])
}

fn seed() -> Scope {
    Scope::new(user(1), Purpose::TotpSeed)
}

#[tokio::test]
async fn a_secret_opens_for_its_owner_and_purpose() {
    let sealed = vault(&key("a", 1), 1).seal(&seed(), b"seed").await.unwrap();

    let opened = vault(&key("a", 1), 2).open(&seed(), &sealed).await.unwrap();

    assert_eq!(opened.expose(), b"seed");
    assert_eq!(format!("{opened:?}"), "Unsealed(…)");
}

#[tokio::test]
async fn a_secret_does_not_open_for_another_owner() {
    let vault = vault(&key("a", 1), 1);
    let mut sealed = vault.seal(&seed(), b"seed").await.unwrap();
    let other = Scope::new(user(2), Purpose::TotpSeed);
    let organization = Scope::new(OrganizationId::from_bytes([1; 16]), Purpose::TotpSeed);

    assert!(matches!(vault.open(&other, &sealed).await, Err(VaultError::NotOpened)));
    assert!(matches!(vault.open(&organization, &sealed).await, Err(VaultError::NotOpened)));

    // Nor does it when the text is made to say that it is another's.
    sealed.owner = other.owner;
    assert!(matches!(vault.open(&other, &sealed).await, Err(VaultError::NotOpened)));
}

#[tokio::test]
async fn a_secret_does_not_open_for_another_purpose() {
    let vault = vault(&key("a", 1), 1);
    let sealed = vault.seal(&seed(), b"seed").await.unwrap();

    for purpose in [Purpose::ProviderToken, Purpose::WebhookSecret] {
        assert!(matches!(vault.open(&Scope::new(user(1), purpose), &sealed).await, Err(VaultError::NotOpened)));
    }
}

#[tokio::test]
async fn a_secret_with_any_bit_flipped_does_not_open() {
    let sealed = vault(&key("a", 1), 1).seal(&seed(), b"seed").await.unwrap();

    for part in 0..2 {
        let bits = [&sealed.wrapped, &sealed.sealed][part].len() * 8;
        for bit in 0..bits {
            let mut changed = sealed.clone();
            [&mut changed.wrapped, &mut changed.sealed][part][bit / 8] ^= 1 << (bit % 8);

            // A new vault each: the cache of another must not help.
            let opened = vault(&key("a", 1), 2).open(&seed(), &changed).await;

            assert!(matches!(opened, Err(VaultError::NotOpened)), "part {part}, bit {bit}");
        }
    }
}

#[tokio::test]
async fn a_secret_under_a_key_that_is_not_among_the_settings_does_not_open() {
    let sealed = vault(&key("a", 1), 1).seal(&seed(), b"seed").await.unwrap();

    assert!(matches!(vault(&key("b", 1), 1).open(&seed(), &sealed).await, Err(VaultError::KeyUnknown)));
    assert!(matches!(vault(&key("a", 2), 1).open(&seed(), &sealed).await, Err(VaultError::NotOpened)));
}

#[tokio::test]
async fn a_rotation_wraps_under_the_newest_key_and_the_old_one_can_go() {
    let sealed = vault(&key("a", 1), 1).seal(&seed(), b"seed").await.unwrap();
    let both = vault(&format!("{},{}", key("b", 2), key("a", 1)), 2);

    assert_eq!(both.open(&seed(), &sealed).await.unwrap().expose(), b"seed");
    let rewrapped = both.rewrap(&sealed).await.unwrap().unwrap();

    assert_eq!(rewrapped.key, "b");
    assert_eq!(rewrapped.sealed, sealed.sealed);
    assert_eq!(both.rewrap(&rewrapped).await.unwrap(), None);
    assert_eq!(vault(&key("b", 2), 3).open(&seed(), &rewrapped).await.unwrap().expose(), b"seed");
    assert_eq!(both.seal(&seed(), b"new").await.unwrap().key, "b");
}

#[tokio::test]
async fn a_data_key_serves_its_owner_for_five_minutes() {
    let clock = ManualClock::at(Timestamp::from_second(1_700_000_000).unwrap());
    let settings = BTreeMap::from([("VAULT_KEYS".to_owned(), key("a", 1))]);
    let vault = Vault::from_setup(&Setup::new(clock.clock(), IdSource::seeded(1)).with_settings(settings)).unwrap();

    let first = vault.seal(&seed(), b"1").await.unwrap();
    let second = vault.seal(&seed(), b"1").await.unwrap();
    let others = vault.seal(&Scope::new(user(2), Purpose::TotpSeed), b"1").await.unwrap();
    clock.advance(Duration::from_mins(6));
    let later = vault.seal(&seed(), b"1").await.unwrap();

    assert_eq!(first.wrapped, second.wrapped);
    assert_ne!(first.sealed, second.sealed);
    assert_ne!(first.wrapped, others.wrapped);
    assert_ne!(first.wrapped, later.wrapped);
}

#[test]
fn keys_that_cannot_be_read_keep_a_function_from_starting() {
    for keys in ["a", "a:AA", "a:!", ":AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "a.b:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", ","]
    {
        let settings = BTreeMap::from([("VAULT_KEYS".to_owned(), keys.to_owned())]);
        let setup = Setup::new(Clock::system(), IdSource::seeded(1)).with_settings(settings);
        assert!(Vault::from_setup(&setup).is_err(), "{keys}");
    }
    vault(crate::TEST_KEYS, 1);
}

proptest! {
    #[test]
    fn whatever_is_sealed_opens_again_from_its_text(secret: Vec<u8>, owner: [u8; 16], seed: u64) {
        let scope = Scope::new(OrganizationId::from_bytes(owner), Purpose::ProviderToken);
        let vault = vault(&key("a", 1), seed);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();

        let text = runtime.block_on(vault.seal(&scope, &secret)).unwrap().to_string();
        let opened = runtime.block_on(vault.open(&scope, &text.parse().unwrap())).unwrap();

        prop_assert_eq!(opened.expose(), secret.as_slice());
    }
}
