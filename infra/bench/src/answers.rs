//! How long answers take for an address that has an account, and for one that has none: who asks must not tell them apart.
//!
//! Hashing costs what it does in production; the clock moves on between the requests, so that no limit of tries is near.

use std::path::Path;
use std::time::{Duration, Instant};

use carillon_kernel::MovableClock;
use carillon_local::platform::{Platform, PlatformConfig};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Failure;
use crate::campaign::empty_folder;
use crate::stage::{self, StageOptions};

/// After how long no try is remembered.
const FORGOTTEN: Duration = Duration::from_secs(4 * 3600);
const KNOWN: &str = "ada@people.example";

/// How long a request takes, for both kinds of addresses.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AnswerReport {
    /// The request.
    pub name: String,
    /// An address that has an account.
    pub known: Spread,
    /// One that has none.
    pub unknown: Spread,
}

/// How long requests took, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Spread {
    /// As long as a tenth of them took at most.
    pub tenth_ms: f64,
    /// As long as half of them took at most.
    pub median_ms: f64,
    /// As long as nine tenths of them took at most.
    pub nine_tenths_ms: f64,
}

impl Spread {
    fn of(mut taken: Vec<Duration>) -> Result<Self, Failure> {
        taken.sort_unstable();
        let at = |tenths: usize| {
            let found = taken.get(taken.len() * tenths / 10).ok_or("nothing was measured")?;
            Ok::<_, Failure>(found.as_secs_f64() * 1000.0)
        };
        Ok(Self { tenth_ms: at(1)?, median_ms: at(5)?, nine_tenths_ms: at(9)? })
    }
}

/// Measures both requests so many times for each kind of address.
pub fn run(out: &Path, rounds: u32) -> Result<Vec<AnswerReport>, Failure> {
    let options = StageOptions { data: empty_folder(out, "answers")? };
    let clock = MovableClock::default();
    let config = PlatformConfig { clock: clock.clock(), ..stage::config(&options) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let platform = Platform::start(config).await?;
        let caller = Caller { http: reqwest::Client::new(), url: platform.url().to_owned() };
        let account =
            json!({ "organization_name": "Belfry", "name": "Ada Lovelace", "email": KNOWN, "password": "seven bells at midnight" });
        let status = caller.post("/v1/auth/sign-up", &account).await?;
        if status != 202 {
            return Err(format!("the sign-up was answered with {status}").into());
        }
        let mut reports = Vec::new();
        for (name, path, body) in [
            ("login with a wrong password", "/v1/auth/login", json!({ "password": "a wrong password" })),
            ("password forgotten", "/v1/auth/password/forgot", json!({})),
        ] {
            let (mut known, mut unknown) = (Vec::new(), Vec::new());
            for round in 0..rounds {
                clock.advance(FORGOTTEN);
                known.push(caller.time(path, (&body, KNOWN)).await?);
                unknown.push(caller.time(path, (&body, &format!("nobody{round}@people.example"))).await?);
            }
            reports.push(AnswerReport { name: name.to_owned(), known: Spread::of(known)?, unknown: Spread::of(unknown)? });
        }
        platform.stop().await;
        Ok(reports)
    })
}

/// Somebody without a session.
struct Caller {
    http: reqwest::Client,
    url: String,
}

impl Caller {
    async fn post(&self, path: &str, body: &Value) -> Result<u16, Failure> {
        let answer = self.http.post(format!("{}{path}", self.url)).json(body).send().await?;
        let status = answer.status().as_u16();
        let _ = answer.bytes().await?;
        Ok(status)
    }

    /// Tells how long the answer about an address takes.
    async fn time(&self, path: &str, (body, email): (&Value, &str)) -> Result<Duration, Failure> {
        let mut body = body.clone();
        if let Some(members) = body.as_object_mut() {
            members.insert("email".to_owned(), json!(email));
        }
        let started = Instant::now();
        let status = self.post(path, &body).await?;
        // A limit that is reached would be measured instead of the work.
        if matches!(status, 202 | 401) { Ok(started.elapsed()) } else { Err(format!("{path} was answered with {status}").into()) }
    }
}
