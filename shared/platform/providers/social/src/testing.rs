//! What the tests share: the stand-ins on loopback, and a browser that logs in there.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;

use carillon_kernel::{IdSource, ManualClock, Secret, Setup};
use carillon_standins::{BatchSink, EventSink, SinkError, Sinks, Standins, StandinsConfig, router};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use reqwest::Url;
use reqwest::redirect::Policy;
use tempfile::TempDir;

use crate::{Attempt, Providers};

struct Nowhere;

impl EventSink for Nowhere {
    fn exception(&self, _: String) -> BoxFuture<'_, Result<(), SinkError>> {
        async { Ok(()) }.boxed()
    }
}

impl BatchSink for Nowhere {
    fn put(&self, _: String, _: Vec<u8>) -> BoxFuture<'_, Result<(), SinkError>> {
        async { Ok(()) }.boxed()
    }
}

pub(crate) struct Stage {
    pub(crate) standins: Arc<Standins>,
    pub(crate) providers: Providers,
    pub(crate) clock: ManualClock,
    _folder: TempDir,
}

impl Stage {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let mut config = StandinsConfig { data_dir: folder.path().to_owned(), started_at: Some(now), ..StandinsConfig::default() };
        config.google.issuer = format!("{base}/google");
        let sinks = Sinks { exceptions: Arc::new(Nowhere), batches: Arc::new(Nowhere) };
        let settings = [
            ("LOGIN_REDIRECT_URL", "https://app.example/logins/{provider}".to_owned()),
            ("GOOGLE_DISCOVERY_URL", format!("{base}/google/.well-known/openid-configuration")),
            ("GOOGLE_CLIENT_ID", config.google.client_id.clone()),
            ("GOOGLE_CLIENT_SECRET", config.google.client_secret.clone()),
            ("FACEBOOK_DIALOG_URL", format!("{base}/facebook")),
            ("FACEBOOK_GRAPH_URL", format!("{base}/facebook")),
            ("FACEBOOK_APP_ID", config.facebook.app_id.clone()),
            ("FACEBOOK_APP_SECRET", config.facebook.app_secret.clone()),
        ];
        let settings: BTreeMap<String, String> = settings.map(|(name, value)| (name.to_owned(), value)).into();
        let standins = Standins::open(config, sinks).unwrap();
        let routes = router(&standins);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let clock = ManualClock::at(now);
        let setup = Setup::new(clock.clock(), IdSource::seeded(1)).with_settings(settings);
        Self { providers: Providers::from_setup(&setup).unwrap(), standins, clock, _folder: folder }
    }

    /// Logs a person in where the address leads, and gives the parameters that the browser brings back.
    pub(crate) async fn come_back(&self, url: &str, person: &[(&str, &str)]) -> BTreeMap<String, String> {
        let browser = reqwest::Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        assert_eq!(browser.get(url).send().await.unwrap().status(), 200);
        let answer = browser.post(url).form(person).send().await.unwrap();
        let back = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        assert!(back.as_str().starts_with("https://app.example/logins/"));
        back.query_pairs().into_owned().collect()
    }
}

pub(crate) fn attempt() -> Attempt {
    let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    Attempt { state: "state".to_owned(), nonce: "nonce".to_owned(), verifier }
}
