//! What the tests share: sinks that remember, and calls of a router in process.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use futures::future::{BoxFuture, FutureExt};
use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

use crate::{BatchSink, EventSink, SinkError, Sinks, Standins, StandinsConfig, clock::lock, standins::router};

/// Sinks that remember what they were given.
#[derive(Default)]
pub(crate) struct Memory {
    envelopes: Mutex<Vec<String>>,
    batches: Mutex<Vec<(String, Vec<u8>)>>,
}

impl EventSink for Memory {
    fn exception(&self, sns_envelope: String) -> BoxFuture<'_, Result<(), SinkError>> {
        lock(&self.envelopes).push(sns_envelope);
        async { Ok(()) }.boxed()
    }
}

impl BatchSink for Memory {
    fn put(&self, key: String, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), SinkError>> {
        lock(&self.batches).push((key, bytes));
        async { Ok(()) }.boxed()
    }
}

/// Stand-ins on a folder of their own.
pub(crate) struct Stage {
    pub(crate) standins: Arc<Standins>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) router: Router,
    pub(crate) folder: TempDir,
}

impl Stage {
    /// Opens stand-ins, with settings changed.
    pub(crate) fn open(change: impl FnOnce(&mut StandinsConfig)) -> Self {
        Self::open_on(tempfile::tempdir().unwrap(), change)
    }

    /// Opens stand-ins on a folder.
    pub(crate) fn open_on(folder: TempDir, change: impl FnOnce(&mut StandinsConfig)) -> Self {
        let mut config = StandinsConfig {
            data_dir: folder.path().to_owned(),
            started_at: Some(Timestamp::from_second(1_700_000_000).unwrap()),
            ..StandinsConfig::default()
        };
        change(&mut config);
        let memory = Arc::new(Memory::default());
        let sinks = Sinks { exceptions: Arc::clone(&memory) as _, batches: Arc::clone(&memory) as _ };
        let standins = Standins::open(config, sinks).unwrap();
        Self { router: router(&standins), standins, memory, folder }
    }

    /// Calls a route.
    pub(crate) async fn call(&self, request: Request<Body>) -> (StatusCode, String) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// Calls a route that sends the browser elsewhere, and gives where.
    pub(crate) async fn location(&self, request: Request<Body>) -> String {
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::FOUND);
        response.headers()["location"].to_str().unwrap().to_owned()
    }

    /// Calls a route of SES with a signed POST.
    pub(crate) async fn ses(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::post(format!("/v2/email/{path}"))
            .header("authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20231114/us-east-1/ses/aws4_request")
            .body(Body::from(body.to_string()))
            .unwrap();
        let (status, text) = self.call(request).await;
        (status, serde_json::from_str(&text).unwrap())
    }

    /// Sets knobs by the API.
    pub(crate) async fn knobs(&self, provider: &str, knobs: Value) {
        let request = Request::put(format!("/_faults/{provider}")).body(Body::from(knobs.to_string())).unwrap();
        assert_eq!(self.call(request).await.0, StatusCode::NO_CONTENT);
    }

    /// Gets JSON.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, text) = self.call(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The exceptions so far: the SNS messages, read.
    pub(crate) fn exceptions(&self) -> Vec<Value> {
        let envelopes = lock(&self.memory.envelopes);
        let envelopes = envelopes.iter().map(|text| serde_json::from_str::<Value>(text).unwrap());
        envelopes.map(|envelope| serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap()).collect()
    }

    /// The SNS envelopes so far.
    pub(crate) fn envelopes(&self) -> Vec<Value> {
        lock(&self.memory.envelopes).iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    /// The Firehose's batches so far: keys, and records read.
    pub(crate) fn batches(&self) -> Vec<(String, Vec<Value>)> {
        let batches = lock(&self.memory.batches);
        let read = |bytes: &[u8]| {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            assert!(text.ends_with('\n'));
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        batches.iter().map(|(key, bytes)| (key.clone(), read(bytes))).collect()
    }

    /// The records of all batches.
    pub(crate) fn records(&self) -> Vec<Value> {
        self.batches().into_iter().flat_map(|(_, records)| records).collect()
    }
}
