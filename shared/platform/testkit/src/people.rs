//! People with accounts: they sign up, follow the links in their mails, log in by a program or in a browser, and carry a device with codes.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use carillon_contracts::{OrganizationId, SessionId, UserId};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Answer, Api};

/// How long a mail is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// The pages to which the links of mails lead.
const VERIFY_PAGE: &str = "verify-email";
const RESET_PAGE: &str = "reset-password";
const INVITATION_PAGE: &str = "accept-invitation";

/// Somebody, and what they log in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The address.
    pub email: String,
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
}

/// A session of a program, which keeps its tokens itself.
#[derive(Debug, Clone)]
pub struct Login {
    /// The API, called by this session's user.
    pub api: Api,
    /// The user.
    pub user: UserId,
    /// The organization that the session acts in.
    pub organization: OrganizationId,
    /// The session.
    pub session: SessionId,
    /// The refresh token that is good now.
    pub refresh_token: String,
    /// The answer as it came.
    pub answer: Value,
}

/// An authenticator app with the seed of an account.
#[derive(Debug)]
pub struct Device {
    seed: Vec<u8>,
    /// The step of the code that was shown last: no code is shown twice.
    shown: AtomicU64,
    /// The recovery codes that came with it.
    pub recovery_codes: Vec<String>,
}

/// A browser with a page of ours: it keeps cookies as browsers do, and the page sends the CSRF token.
#[derive(Debug, Clone)]
pub struct Browser {
    api: Api,
    origin: String,
    /// The cookies that it keeps, by name.
    pub cookies: BTreeMap<String, String>,
    /// What the page sends as `X-CSRF-Token`; nothing while it is empty.
    pub csrf: String,
}

impl Person {
    /// Somebody with this address and a good password.
    #[must_use]
    pub fn new(email: &str) -> Self {
        Self { email: email.to_owned(), name: "Ada Lovelace".to_owned(), password: "seven bells at midnight".to_owned() }
    }

    /// The same person with another password.
    #[must_use]
    pub fn with_password(&self, password: &str) -> Self {
        Self { password: password.to_owned(), ..self.clone() }
    }

    /// The body of a login.
    #[must_use]
    pub fn credentials(&self) -> Value {
        json!({ "email": self.email, "password": self.password })
    }
}

impl Login {
    /// Reads the answer to a login, an answered second factor or a refresh.
    ///
    /// # Panics
    /// When the answer is no open session.
    #[track_caller]
    #[must_use]
    pub fn of(api: &Api, answer: Answer) -> Self {
        let answer = answer.expect(200);
        let text = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}")).to_owned();
        Self {
            api: api.with_key(&text("access_token")),
            user: id(&text("user_id")),
            organization: id(&text("organization_id")),
            session: id(&text("session_id")),
            refresh_token: text("refresh_token"),
            answer,
        }
    }

    /// The access token.
    #[must_use]
    pub fn access_token(&self) -> &str {
        self.api.key()
    }

    /// Takes the next tokens.
    pub async fn refreshed(&self) -> Self {
        Self::of(&self.api, self.api.refresh(&self.refresh_token).await)
    }

    /// Tells whether the session still lets its user in.
    pub async fn is_open(&self) -> bool {
        self.api.get("/v1/me").await.status == 200
    }

    /// Enrols and confirms a second factor, at a moment of the platform's clock.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn enrol_device(&self, moment: Timestamp) -> Device {
        let enrolled = self.api.post("/v1/me/totp", Value::Null).await.expect(201);
        let mut device = Device::of_seed(enrolled["secret"].as_str().expect("a secret"));
        let confirmed = self.api.post("/v1/me/totp/confirm", json!({ "code": device.code(moment) })).await.expect(200);
        let codes = confirmed["recovery_codes"].as_array().expect("recovery codes");
        device.recovery_codes = codes.iter().map(|code| code.as_str().expect("a code").to_owned()).collect();
        device
    }
}

impl Device {
    /// Takes a seed as people type it, in base 32.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn of_seed(text: &str) -> Self {
        let mut bits = 0_u64;
        let mut held = 0;
        let mut seed = Vec::new();
        for letter in text.bytes() {
            let digit = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == letter).expect("base 32");
            bits = (bits << 5) | digit as u64;
            held += 5;
            if held >= 8 {
                held -= 8;
                seed.push((bits >> held) as u8);
                bits &= (1 << held) - 1;
            }
        }
        Self { seed, shown: AtomicU64::new(0), recovery_codes: Vec::new() }
    }

    /// Shows a code that is good at this moment and was not shown before: the step before, the present one and the one after make three
    /// in half a minute.
    ///
    /// # Panics
    /// When there is none left.
    pub fn code(&self, moment: Timestamp) -> String {
        let now = step_at(moment);
        let step = (self.shown.load(Ordering::SeqCst) + 1).max(now - 1);
        assert!(step <= now + 1, "three codes were shown in half a minute: move the clock on");
        self.shown.store(step, Ordering::SeqCst);
        self.code_of(step)
    }

    /// The code of a moment (RFC 6238 with SHA-1 and six digits).
    #[must_use]
    pub fn code_at(&self, moment: Timestamp) -> String {
        self.code_of(step_at(moment))
    }

    fn code_of(&self, step: u64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.seed);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let place = usize::from(tag[tag.len() - 1] & 15);
        let number = u32::from_be_bytes([tag[place], tag[place + 1], tag[place + 2], tag[place + 3]]) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }
}

impl Browser {
    /// Opens a page of this origin.
    #[must_use]
    pub fn new(api: &Api, origin: &str) -> Self {
        let api = api.as_nobody().with_header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
        Self { api, origin: origin.to_owned(), cookies: BTreeMap::new(), csrf: String::new() }
    }

    /// Logs in with cookies; gives the answer.
    pub async fn log_in(&mut self, person: &Person) -> Answer {
        let mut body = person.credentials();
        body["delivery"] = json!("cookies");
        self.send(Method::POST, "/v1/auth/login", &body).await
    }

    /// Makes a call as the page would: with the cookies, the origin and the CSRF token; keeps the cookies and the token of the answer.
    pub async fn send(&mut self, method: Method, path: &str, body: &Value) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let all = [("cookie", cookies.as_str()), ("origin", self.origin.as_str()), ("x-csrf-token", self.csrf.as_str())];
        let sent: Vec<(&str, &str)> = all.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let answer = self.api.call_with(method, path, (body, &sent)).await;
        self.keep(&answer);
        answer
    }

    fn keep(&mut self, answer: &Answer) {
        for (_, text) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value) = text.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            if text.to_lowercase().contains("max-age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        if let Some(token) = answer.json()["csrf_token"].as_str() {
            token.clone_into(&mut self.csrf);
        }
    }
}

impl Api {
    /// Signs somebody up with an organization of this name; the address is still to be proven.
    pub async fn sign_up(&self, person: &Person, organization: &str) -> Answer {
        let Person { email, name, password } = person;
        let body = json!({ "organization_name": organization, "name": name, "email": email, "password": password });
        self.as_nobody().post("/v1/auth/sign-up", body).await
    }

    /// Signs somebody up, follows the link in the mail, and logs in: the owner of a new organization.
    pub async fn owner(&self, person: &Person, organization: &str) -> Login {
        let _ = self.sign_up(person, organization).await.expect(202);
        self.verify(person).await;
        self.logged_in(person).await
    }

    /// Follows the link in the mail that proves an address.
    pub async fn verify(&self, person: &Person) {
        let token = self.mail_token(&person.email, VERIFY_PAGE).await;
        assert_eq!(self.as_nobody().post("/v1/auth/verify-email", json!({ "token": token })).await.status, 204);
    }

    /// Follows the link of a mailed invitation, as somebody who has no account yet; their address is proven by it.
    pub async fn accept_invitation(&self, person: &Person) -> Answer {
        let token = self.mail_token(&person.email, INVITATION_PAGE).await;
        let body = json!({ "token": token, "name": person.name, "password": person.password });
        self.as_nobody().post("/v1/invitations/accept", body).await
    }

    /// Asks for a new password and sets it by the link in the mail.
    pub async fn reset_password(&self, person: &Person, password: &str) -> Answer {
        let _ = self.as_nobody().post("/v1/auth/password/forgot", json!({ "email": person.email })).await.expect(202);
        let token = self.mail_token(&person.email, RESET_PAGE).await;
        self.as_nobody().post("/v1/auth/password/reset", json!({ "token": token, "password": password })).await
    }

    /// Tries to log somebody in, as a program that keeps its tokens.
    pub async fn log_in(&self, person: &Person) -> Answer {
        self.as_nobody().post("/v1/auth/login", person.credentials()).await
    }

    /// Logs somebody in.
    pub async fn logged_in(&self, person: &Person) -> Login {
        Login::of(self, self.log_in(person).await)
    }

    /// Answers the challenge of a login: with `{"code": …}` or `{"recovery_code": …}`.
    pub async fn prove_login(&self, demand: &Value, proof: Value) -> Answer {
        let mut body = proof;
        body["challenge"] = demand["challenge"].clone();
        self.as_nobody().post("/v1/auth/second-factor", body).await
    }

    /// Tries to take the next tokens of a session.
    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        self.as_nobody().post("/v1/auth/refresh", json!({ "refresh_token": refresh_token })).await
    }

    /// The mails that the stand-in took for an address, the newest first.
    pub async fn mails_to(&self, address: &str) -> Vec<Value> {
        self.outbox(&format!("channel=email&to={}", address.replace('+', "%2B"))).await["items"].as_array().cloned().unwrap_or_default()
    }

    /// Waits for a mail to an address whose subject contains this text; gives the newest.
    ///
    /// # Panics
    /// When none comes.
    pub async fn mail(&self, address: &str, subject: &str) -> Value {
        self.mail_that(address, subject, |mail| mail["subject"].as_str().is_some_and(|found| found.contains(subject))).await
    }

    /// Waits for a mail to an address with a link to this page, `verify-email`, `reset-password` or `accept-invitation`; gives the token
    /// of the newest.
    ///
    /// # Panics
    /// When none comes.
    pub async fn mail_token(&self, address: &str, page: &str) -> String {
        let mail = self.mail_that(address, page, |mail| token_in(mail, page).is_some()).await;
        token_in(&mail, page).expect("a token")
    }

    async fn mail_that(&self, address: &str, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mails = self.mails_to(address).await;
            if let Some(found) = mails.iter().find(|mail| is_it(mail)) {
                return found.clone();
            }
            let subjects: Vec<&Value> = mails.iter().map(|mail| &mail["subject"]).collect();
            assert!(Instant::now() < deadline, "no mail about {what} came to {address}: {subjects:?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// The token of the link to a page, as the plain text of a mail shows it.
fn token_in(mail: &Value, page: &str) -> Option<String> {
    let (_, token) = mail["text"].as_str()?.split_once(&format!("/{page}?token="))?;
    Some(token.chars().take_while(|letter| letter.is_ascii_alphanumeric() || "._-".contains(*letter)).collect())
}

fn step_at(moment: Timestamp) -> u64 {
    u64::try_from(moment.as_second()).expect("a moment after 1970") / 30
}

#[track_caller]
fn id<T: FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("an id")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: the seed `12345678901234567890`, of whose codes these are the last six digits.
    #[test]
    fn a_device_shows_the_codes_of_the_rfc() {
        let device = Device::of_seed("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let code = |second| device.code_at(Timestamp::from_second(second).unwrap());

        assert_eq!([code(59), code(1_111_111_109), code(20_000_000_000)], ["287082", "081804", "353130"]);
    }

    #[test]
    fn a_token_is_what_follows_the_link_to_its_page() {
        let mail = json!({ "text": "Hello\nhttps://app.example/verify-email?token=chl_1.ab-c_\n\nCarillon." });

        assert_eq!(token_in(&mail, "verify-email").as_deref(), Some("chl_1.ab-c_"));
        assert_eq!(token_in(&mail, "reset-password"), None);
    }
}
