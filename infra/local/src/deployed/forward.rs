//! Passes requests on to the HTTP API of a deployment, whose name need not resolve.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::StatusCode;

use super::description::Address;

/// The largest body that is passed on: as much as API Gateway takes.
const LARGEST_BODY_BYTES: usize = 10 * 1024 * 1024;

#[derive(Clone)]
struct Forward {
    api: Address,
    client: reqwest::Client,
}

/// Serves the pages, and passes everything else on.
pub(super) fn beside(pages: Router, api: Address) -> Router {
    // A redirect is the client's to follow.
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap_or_default();
    pages.fallback_service(any(forward).with_state(Forward { api, client }))
}

async fn forward(State(forward): State<Forward>, request: Request) -> Response {
    match forward.pass_on(request).await {
        Ok(response) => response,
        Err(error) => (StatusCode::BAD_GATEWAY, format!("the deployment does not answer: {error}")).into_response(),
    }
}

impl Forward {
    async fn pass_on(&self, request: Request) -> Result<Response, Box<dyn std::error::Error + Send + Sync>> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = parts.headers;
        headers.insert(http::header::HOST, self.api.host.parse()?);
        let passed = self.client.request(parts.method, format!("{}{path}", self.api.url)).headers(headers);
        let answer = passed.body(to_bytes(body, LARGEST_BODY_BYTES).await?).send().await?;
        let mut response = Response::builder().status(answer.status());
        for (name, value) in answer.headers().iter().filter(|(name, _)| *name != http::header::TRANSFER_ENCODING) {
            response = response.header(name, value);
        }
        Ok(response.body(Body::from(answer.bytes().await?))?)
    }
}
