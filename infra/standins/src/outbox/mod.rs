//! The outbox: what was sent, as a page for people and as JSON for programs.

mod page;
mod query;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, RawQuery, State},
    http::{HeaderName, StatusCode, header::CONTENT_SECURITY_POLICY},
    response::{Html, IntoResponse, Response},
    routing::get,
};
pub use query::{OutboxCounts, OutboxPage, OutboxQuery};

use crate::standins::Standins;

/// Nothing of a mail is loaded from elsewhere, and nothing in it runs.
const POLICY: (HeaderName, &str) =
    (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'");

/// The routes of the outbox: `GET /_outbox` (the page), `GET /_outbox/{id}` (one message), `GET /_outbox.json`, `DELETE /_outbox`.
pub fn outbox_router(standins: Arc<Standins>) -> Router {
    Router::new()
        .route("/_outbox", get(list).delete(clear))
        .route("/_outbox/{id}", get(view))
        .route("/_outbox.json", get(list_json))
        .with_state(standins)
}

async fn list(State(standins): State<Arc<Standins>>, RawQuery(raw): RawQuery) -> Response {
    let query = match OutboxQuery::parse(raw.as_deref().unwrap_or_default()) {
        Ok(query) => query,
        Err(error) => return (StatusCode::BAD_REQUEST, error).into_response(),
    };
    match standins.store.page(&query) {
        Ok(page) => {
            let counts = standins.store.campaigns();
            let campaigns = page::Campaigns { tag: &standins.config.campaign_tag, counts: &counts };
            ([POLICY], Html(page::list(&query, &page, &campaigns))).into_response()
        }
        Err(error) => broken(&error),
    }
}

async fn list_json(State(standins): State<Arc<Standins>>, RawQuery(raw): RawQuery) -> Response {
    let query = match OutboxQuery::parse(raw.as_deref().unwrap_or_default()) {
        Ok(query) => query,
        Err(error) => return (StatusCode::BAD_REQUEST, error).into_response(),
    };
    match standins.store.page(&query) {
        Ok(page) => Json(page).into_response(),
        Err(error) => broken(&error),
    }
}

async fn view(State(standins): State<Arc<Standins>>, Path(id): Path<String>) -> Response {
    match standins.store.find(&id) {
        Ok(Some(message)) => ([POLICY], Html(page::view(&message))).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => broken(&error),
    }
}

async fn clear(State(standins): State<Arc<Standins>>) -> Response {
    match standins.store.clear() {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => broken(&error),
    }
}

fn broken(error: &std::io::Error) -> Response {
    tracing::error!(error = %error, "the outbox cannot be read");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

#[cfg(test)]
mod tests;
