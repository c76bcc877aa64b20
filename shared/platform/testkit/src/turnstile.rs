//! A gate on the way to a provider that is called without the AWS SDK: a proxy that passes on what it gets.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use tokio::net::TcpListener;

use crate::gate::Gate;

/// A running proxy; it ends with the runtime that it was started in.
#[derive(Debug, Clone)]
pub struct Turnstile {
    url: String,
    to: Arc<OnceLock<String>>,
}

#[derive(Debug, Clone)]
struct Way {
    gate: Gate,
    to: Arc<OnceLock<String>>,
    client: reqwest::Client,
}

impl Turnstile {
    /// Starts a proxy whose calls pass `gate`; it leads nowhere yet.
    pub async fn start(gate: Gate) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let to = Arc::new(OnceLock::new());
        let way = Way { gate, to: Arc::clone(&to), client: reqwest::Client::builder().no_proxy().build().expect("a client") };
        let router = Router::new().fallback(pass).with_state(way);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, to }
    }

    /// Lets the proxy lead to the server at `url`; the first server stays.
    pub fn lead_to(&self, url: &str) {
        let _ = self.to.set(url.trim_end_matches('/').to_owned());
    }

    /// The base URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

async fn pass(State(way): State<Way>, request: Request<Body>) -> Response<Body> {
    let call = way.gate.before(request.uri().path()).await;
    let answer = forward(&way, request).await;
    way.gate.after(call).await;
    answer.unwrap_or_else(|error| {
        let mut response = Response::new(Body::from(error.to_string()));
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        response
    })
}

async fn forward(way: &Way, request: Request<Body>) -> Result<Response<Body>, reqwest::Error> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let to = way.to.get().expect("the turnstile leads somewhere");
    let bytes: Bytes = axum::body::to_bytes(body, 1024 * 1024).await.unwrap_or_default();
    let mut headers = parts.headers;
    headers.remove(http::header::HOST);
    let answer = way.client.request(parts.method, format!("{to}{path}")).headers(headers).body(bytes).send().await?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    if let Some(content_type) = answer.headers().get(http::header::CONTENT_TYPE) {
        response.headers_mut().insert(http::header::CONTENT_TYPE, content_type.clone());
    }
    *response.body_mut() = Body::from(answer.bytes().await?);
    Ok(response)
}
