//! What the stand-ins of Google's and Facebook's logins share: people, codes that were given out, tokens, and the page where one chooses.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{clock::lock, dice::Dice};

/// How long a code may be redeemed; both providers speak of minutes.
const CODE_LIVES: SignedDuration = SignedDuration::from_mins(10);

/// A person with an account at a provider.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    /// The provider's id of the person.
    pub id: String,
    /// The name.
    pub name: String,
    /// The address, if the provider has and gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether Google has verified the address.
    pub email_verified: bool,
    /// The Workspace domain of the account at Google.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hd: Option<String>,
}

/// What a code stands for.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) person: Person,
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) nonce: Option<String>,
    pub(crate) code_challenge: Option<String>,
    pub(crate) given_at: Timestamp,
}

/// The state of one provider of logins.
pub(crate) struct LoginState<F> {
    faults: RwLock<Arc<F>>,
    grants: Mutex<HashMap<String, Grant>>,
    tokens: Mutex<HashMap<String, Person>>,
    count: AtomicU64,
}

impl<F> LoginState<F> {
    pub(crate) fn new(faults: F) -> Self {
        Self { faults: RwLock::new(Arc::new(faults)), grants: Mutex::default(), tokens: Mutex::default(), count: AtomicU64::new(0) }
    }

    pub(crate) fn faults(&self) -> Arc<F> {
        Arc::clone(&self.faults.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    pub(crate) fn set_faults(&self, faults: F) {
        *self.faults.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(faults);
    }

    /// Gives out a code.
    pub(crate) fn give_code(&self, dice: &Dice, grant: Grant) -> String {
        let code = self.draw(dice, "code");
        lock(&self.grants).insert(code.clone(), grant);
        code
    }

    /// Takes a code back: it is good once, and for some minutes.
    pub(crate) fn take_code(&self, code: &str, moment: Timestamp) -> Option<Grant> {
        lock(&self.grants).remove(code).filter(|grant| moment.duration_since(grant.given_at) < CODE_LIVES)
    }

    /// Gives out an access token.
    pub(crate) fn give_token(&self, dice: &Dice, person: Person) -> String {
        let token = self.draw(dice, "token");
        lock(&self.tokens).insert(token.clone(), person);
        token
    }

    /// Finds whom a token was given for.
    pub(crate) fn holder(&self, token: &str) -> Option<Person> {
        lock(&self.tokens).get(token).cloned()
    }

    /// A text that nobody else has; not unguessable, which a stand-in need not be.
    fn draw(&self, dice: &Dice, what: &str) -> String {
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        let parts = (0..3_u64).map(|part| dice.bits(what, &[number.to_le_bytes(), part.to_le_bytes()].concat()));
        parts.fold(String::new(), |mut text, bits| {
            let _ = write!(text, "{bits:016x}");
            text
        })
    }
}

/// Sends the browser to `url` with more parameters in its query.
pub(crate) fn send_to(url: &str, parameters: &[(&str, &str)]) -> Response {
    let query = serde_urlencoded::to_string(parameters).unwrap_or_default();
    let divider = if url.contains('?') { '&' } else { '?' };
    (StatusCode::FOUND, [(header::LOCATION, format!("{url}{divider}{query}"))]).into_response()
}

/// The page where the person at the browser says who they are: a form that posts to the address that it has.
pub(crate) fn page(provider: &str) -> Response {
    Html(format!(
        "<!doctype html><meta charset=\"utf-8\"><title>{provider} (stand-in)</title><h1>Log in at {provider}</h1>\
         <p>This is a stand-in: be whom you like.</p><form method=\"post\">\
         <p><label>Id <input name=\"id\" value=\"1001\"></label>\
         <p><label>Name <input name=\"name\" value=\"Ada Lovelace\"></label>\
         <p><label>Address <input name=\"email\" value=\"ada@gmail.com\"></label>\
         <p><label>Verified <input name=\"email_verified\" value=\"true\"></label>\
         <p><label>Workspace domain <input name=\"hd\"></label>\
         <p><button>Log in</button> <button name=\"deny\" value=\"1\">Do not</button></form>"
    ))
    .into_response()
}

/// What the page posts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Choice {
    id: String,
    name: String,
    email: String,
    email_verified: String,
    hd: String,
    deny: String,
}

impl Choice {
    /// Gives the person; none for who denied.
    pub(crate) fn person(self) -> Option<Person> {
        let filled = |text: String| Some(text).filter(|text| !text.is_empty());
        self.deny.is_empty().then(|| Person {
            id: self.id,
            name: self.name,
            email: filled(self.email),
            email_verified: self.email_verified == "true",
            hd: filled(self.hd),
        })
    }
}
