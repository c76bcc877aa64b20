//! The endpoint that Lambda gives a function: it polls for events here, and posts its answers.
//!
//! Source: AWS Lambda developer guide, "Using the Lambda runtime API for custom runtimes".

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// How long a function may take, as it is told.
const TIME_OUT_MS: u128 = 30_000;

/// What a function did.
#[derive(Debug)]
pub enum Deed {
    /// It polled for an event, at this moment.
    Polled(Instant),
    /// It answered at this moment.
    Answered(Instant, Value),
    /// It told that it failed at this moment, or could not start.
    Failed(Instant, Value),
}

/// The endpoint; it ends when it is dropped.
#[derive(Debug)]
pub struct RuntimeApi {
    address: SocketAddr,
    deeds: mpsc::UnboundedReceiver<Deed>,
    events: Events,
    server: JoinHandle<()>,
}

/// The events that wait to be polled for, and the poll that waits for one.
#[derive(Debug, Clone, Default)]
struct Events(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    events: Vec<Value>,
    poll: Option<oneshot::Sender<Value>>,
}

#[derive(Clone)]
struct Shared {
    events: Events,
    deeds: mpsc::UnboundedSender<Deed>,
}

impl RuntimeApi {
    /// Listens on a free port of loopback.
    ///
    /// # Errors
    /// As the network fails.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (sender, deeds) = mpsc::unbounded_channel();
        let events = Events::default();
        let shared = Shared { events: events.clone(), deeds: sender };
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answered))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failed))
            .route("/2018-06-01/runtime/init/error", post(failed_to_start))
            .with_state(shared);
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, deeds, events, server })
    }

    /// What `AWS_LAMBDA_RUNTIME_API` must say.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Gives the function an event: now if it polls, else when it does.
    pub fn give(&self, event: Value) {
        self.events.give(event);
    }

    /// Waits for the function's next deed; none when it does nothing for so long.
    pub async fn next_deed(&mut self, longest: Duration) -> Option<Deed> {
        tokio::time::timeout(longest, self.deeds.recv()).await.ok().flatten()
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Events {
    fn give(&self, event: Value) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match waiting.poll.take().map(|poll| poll.send(event.clone())) {
            Some(Ok(())) => {}
            _ => waiting.events.push(event),
        }
    }

    async fn take(&self) -> Option<Value> {
        let arrives = {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if !waiting.events.is_empty() {
                return Some(waiting.events.remove(0));
            }
            let (sender, receiver) = oneshot::channel();
            waiting.poll = Some(sender);
            receiver
        };
        arrives.await.ok()
    }
}

async fn next(State(shared): State<Shared>) -> impl IntoResponse {
    let _ = shared.deeds.send(Deed::Polled(Instant::now()));
    let event = shared.events.take().await.unwrap_or_default();
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", "00000000-0000-4000-8000-000000000000".to_owned()),
        ("lambda-runtime-deadline-ms", deadline_ms().to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:measured".to_owned()),
    ];
    (headers, event.to_string())
}

#[expect(clippy::disallowed_methods, reason = "the deadline that Lambda gives is one of the wall clock")]
fn deadline_ms() -> u128 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    now.as_millis() + TIME_OUT_MS
}

async fn answered(State(shared): State<Shared>, Path(_): Path<String>, body: Bytes) -> StatusCode {
    let _ = shared.deeds.send(Deed::Answered(Instant::now(), json(&body)));
    StatusCode::ACCEPTED
}

async fn failed(State(shared): State<Shared>, Path(_): Path<String>, body: Bytes) -> StatusCode {
    let _ = shared.deeds.send(Deed::Failed(Instant::now(), json(&body)));
    StatusCode::ACCEPTED
}

async fn failed_to_start(State(shared): State<Shared>, body: Bytes) -> StatusCode {
    let _ = shared.deeds.send(Deed::Failed(Instant::now(), json(&body)));
    StatusCode::ACCEPTED
}

fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
}
