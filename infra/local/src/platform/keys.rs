//! The keys that a deployment is given as parameters of its template.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carillon_kernel::{IdSource, Secret};
use carillon_tokens::Tokens;
use carillon_tokens::sign::draw_signing_key;

/// Draws 256 bits as text.
#[must_use]
pub fn draw(ids: &IdSource) -> String {
    ids.bytes::<32>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Draws a key that signs access tokens.
#[must_use]
pub fn draw_signing(ids: &IdSource) -> String {
    draw_signing_key(ids).map(|key| key.expose().to_owned()).unwrap_or_default()
}

/// Draws a key that wraps the data keys of secrets, as the vault reads it.
#[must_use]
pub fn draw_vault(ids: &IdSource) -> String {
    format!("local:{}", STANDARD.encode(ids.bytes::<32>()))
}

/// Gives the parameter that lists the public half of a signing key.
#[must_use]
pub fn public_keys(signing_key: &str) -> String {
    let public = Tokens::of_key(&Secret::new(signing_key)).map(|tokens| tokens.public_key().clone());
    serde_json::to_string(&Vec::from_iter(public)).unwrap_or_default()
}

/// Draws all keys that the root template asks for, by their parameters: for templates that are only read.
#[must_use]
pub fn drawn(ids: &IdSource) -> BTreeMap<String, String> {
    let signing = draw_signing(ids);
    let keys = [
        ("LinkKey", draw(ids)),
        ("CredentialKey", draw(ids)),
        ("SealKey", draw(ids)),
        ("TokenKeys", public_keys(&signing)),
        ("TokenSigningKey", signing),
    ];
    keys.map(|(name, value)| (name.to_owned(), value)).into()
}
