//! A gate on the way to a provider that is called without the AWS SDK: a proxy that passes on what it gets.

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
}

#[derive(Debug, Clone)]
struct Way {
    gate: Gate,
    to: String,
    client: reqwest::Client,
}

impl Turnstile {
    /// Starts a proxy to the server at `to` (a base URL); the calls pass `gate`.
    pub async fn start(gate: Gate, to: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let way = Way { gate, to: to.trim_end_matches('/').to_owned(), client: reqwest::Client::builder().no_proxy().build().expect("a client") };
        let router = Router::new().fallback(pass).with_state(way);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url }
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
    let bytes: Bytes = axum::body::to_bytes(body, 1024 * 1024).await.unwrap_or_default();
    let mut headers = parts.headers;
    headers.remove(http::header::HOST);
    let answer = way.client.request(parts.method, format!("{}{path}", way.to)).headers(headers).body(bytes).send().await?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    if let Some(content_type) = answer.headers().get(http::header::CONTENT_TYPE) {
        response.headers_mut().insert(http::header::CONTENT_TYPE, content_type.clone());
    }
    *response.body_mut() = Body::from(answer.bytes().await?);
    Ok(response)
}
