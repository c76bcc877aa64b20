//! The HTTP API: requests become events of payload format 2.0, answers become responses, as API Gateway does it.
//!
//! Source: Amazon API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs" and "Quotas".

mod cors;
mod event;
mod routes;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use carillon_harness::HttpReply;
use carillon_kernel::{Clock, IdSource};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Body;
use serde_json::Value;

use crate::functions::Functions;
use crate::template::model::{Cors, Route};
use routes::Routes;

/// The largest request body.
const LARGEST_BODY_BYTES: usize = 10 * 1024 * 1024;
/// The longest that a client waits for an integration.
const LONGEST_INTEGRATION: Duration = Duration::from_secs(30);

/// The local HTTP API.
#[derive(Debug, Clone)]
pub struct Gateway {
    routes: Arc<Routes>,
    cors: Option<Arc<Cors>>,
    functions: Functions,
    clock: Clock,
    ids: IdSource,
}

impl Gateway {
    /// Serves `routes` with `functions`.
    #[must_use]
    pub fn new(routes: &[Route], functions: Functions, clock: Clock, ids: IdSource) -> Self {
        Self { routes: Arc::new(Routes::new(routes)), cors: None, functions, clock, ids }
    }

    /// Lets web applications of other origins in, as far as the API says so.
    #[must_use]
    pub fn with_cors(self, cors: Option<Cors>) -> Self {
        Self { cors: cors.map(Arc::new), ..self }
    }

    /// Answers one request of a client at `source_ip`.
    pub async fn answer<B>(&self, request: Request<B>, source_ip: String) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let Some(cors) = &self.cors else { return self.invoke(request, source_ip).await };
        let origin = request.headers().get(http::header::ORIGIN).cloned();
        if cors::is_preflight(request.method(), request.headers()) {
            return cors::preflight(cors, origin.as_ref());
        }
        let mut response = self.invoke(request, source_ip).await;
        cors::open(cors, origin.as_ref(), response.headers_mut());
        response
    }

    async fn invoke<B>(&self, request: Request<B>, source_ip: String) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let Some(found) = self.routes.find(parts.method.as_str(), parts.uri.path()) else {
            return message(StatusCode::NOT_FOUND, "Not Found");
        };
        let body = match Limited::new(body, LARGEST_BODY_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            Err(_) => return message(StatusCode::BAD_REQUEST, "Bad Request"),
        };
        let Some(function) = self.functions.find(&found.route.function) else {
            return message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
        };
        let now = self.clock.now();
        let request_id = self.ids.uuid(now).to_string();
        let request = event::Incoming { parts: &parts, body: &body, source_ip, request_id: request_id.clone(), moment: now };
        let Ok(event) = serde_json::to_value(event::payload(request, &found)) else {
            return message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
        };
        let name = function.description.name.clone();
        // A task of its own: a client that goes away, or does not wait any longer, stops no function.
        let invocation = tokio::spawn(async move { function.call(event, request_id).await });
        match tokio::time::timeout(LONGEST_INTEGRATION, invocation).await {
            Err(_) => message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
            Ok(Err(error)) => {
                tracing::error!(%error, function = name, "a route's function panicked");
                message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
            Ok(Ok(Err(error))) => {
                tracing::error!(%error, function = name, "a route gave no answer");
                message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
            Ok(Ok(Ok(reply))) => response(reply).unwrap_or_else(|| message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")),
        }
    }
}

/// An answer of API Gateway itself.
fn message(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(format!("{{\"message\":\"{text}\"}}")));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}

/// The response that a function's answer describes; none where it describes none.
fn response(reply: Value) -> Option<Response<Full<Bytes>>> {
    let reply: HttpReply = serde_json::from_value(reply).ok()?;
    let body = if reply.is_base64_encoded { Bytes::from(STANDARD.decode(reply.body).ok()?) } else { Bytes::from(reply.body) };
    let mut response = Response::builder().status(reply.status_code);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    for cookie in &reply.cookies {
        response = response.header(http::header::SET_COOKIE, cookie);
    }
    response.body(Full::new(body)).ok()
}
