//! A request as an event of payload format 2.0.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use carillon_harness::HttpEvent;
use http::HeaderMap;
use http::request::Parts;
use jiff::Timestamp;

use super::routes::Found;

/// A request that was read completely.
pub(super) struct Incoming<'r> {
    pub(super) parts: &'r Parts,
    pub(super) body: &'r Bytes,
    pub(super) source_ip: String,
    pub(super) request_id: String,
    pub(super) moment: Timestamp,
}

/// Makes the event.
pub(super) fn payload(request: Incoming<'_>, found: &Found<'_>) -> HttpEvent {
    let Incoming { parts, body, source_ip, request_id, moment } = request;
    let mut event = HttpEvent {
        version: "2.0".to_owned(),
        route_key: format!("{} {}", found.route.method, found.route.path),
        raw_path: parts.uri.path().to_owned(),
        raw_query_string: parts.uri.query().unwrap_or_default().to_owned(),
        headers: headers(&parts.headers),
        cookies: cookies(&parts.headers),
        path_parameters: found.parameters.clone(),
        ..HttpEvent::default()
    };
    event.headers.entry("x-amzn-trace-id".to_owned()).or_insert_with(|| trace(&request_id, moment));
    event.request_context.request_id = request_id;
    event.request_context.domain_name = event.headers.get("host").cloned().unwrap_or_default();
    event.request_context.http.method = parts.method.to_string();
    event.request_context.http.path = parts.uri.path().to_owned();
    event.request_context.http.source_ip = source_ip;
    event.request_context.http.user_agent = event.headers.get("user-agent").cloned().unwrap_or_default();
    if !body.is_empty() {
        let text = std::str::from_utf8(body).ok().filter(|_| is_text(&event.headers));
        event.is_base64_encoded = text.is_none();
        event.body = Some(text.map_or_else(|| STANDARD.encode(body), ToOwned::to_owned));
    }
    event
}

/// A trace that begins here: its second, and bits that no other request has.
/// Source: AWS X-Ray developer guide, "Tracing header".
fn trace(request_id: &str, moment: Timestamp) -> String {
    let digits: Vec<char> = request_id.chars().filter(char::is_ascii_hexdigit).collect();
    let unique: String = digits.iter().skip(digits.len().saturating_sub(24)).collect();
    format!("Root=1-{:08x}-{unique}", moment.as_second())
}

/// The cookies of all headers, one by one.
fn cookies(headers: &HeaderMap) -> Vec<String> {
    let texts = headers.get_all(http::header::COOKIE).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let mut cookies = Vec::new();
    for text in texts {
        cookies.extend(text.split(';').map(str::trim).filter(|cookie| !cookie.is_empty()).map(str::to_owned));
    }
    cookies
}

/// Names in lower case, several values joined by commas; cookies have a place of their own.
fn headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| *name != http::header::COOKIE) {
        let value = String::from_utf8_lossy(value.as_bytes());
        joined
            .entry(name.as_str().to_owned())
            .and_modify(|before| {
                before.push(',');
                before.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    joined
}

/// The media types that an HTTP API passes on as text; every other body comes in base 64, forms too.
fn is_text(headers: &BTreeMap<String, String>) -> bool {
    let media_type = headers.get("content-type").map(|value| value.split(';').next().unwrap_or_default().trim().to_lowercase());
    media_type.is_some_and(|kind| {
        kind.starts_with("text/") || ["application/json", "application/javascript", "application/xml"].contains(&kind.as_str())
    })
}
