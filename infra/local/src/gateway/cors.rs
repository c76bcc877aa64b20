//! What API Gateway itself says to browsers about requests of other origins.
//!
//! Source: Amazon API Gateway developer guide, "Configure CORS for HTTP APIs": preflights are answered without a route, the configured
//! headers go to every answer, and those of the integration are ignored.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;

use crate::template::model::Cors;

/// Tells whether a browser asks before it sends the real request.
pub(super) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Answers a preflight; an origin that may not call hears nothing of what others may.
pub(super) fn preflight(cors: &Cors, origin: Option<&HeaderValue>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    if allow(cors, origin, headers) {
        put(headers, ACCESS_CONTROL_ALLOW_METHODS, &cors.methods.join(","));
        put(headers, ACCESS_CONTROL_ALLOW_HEADERS, &cors.headers.join(","));
        put(headers, ACCESS_CONTROL_MAX_AGE, &cors.max_age_seconds.unwrap_or_default().to_string());
    }
    response
}

/// Lets a page of an allowed origin read an answer.
pub(super) fn open(cors: &Cors, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
    let of_integration: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with("access-control-")).cloned().collect();
    for name in of_integration {
        headers.remove(name);
    }
    if allow(cors, origin, headers) {
        put(headers, ACCESS_CONTROL_EXPOSE_HEADERS, &cors.exposed.join(","));
    }
}

fn allow(cors: &Cors, origin: Option<&HeaderValue>, headers: &mut HeaderMap) -> bool {
    let known = origin.filter(|origin| cors.origins.iter().any(|known| known.as_bytes() == origin.as_bytes()));
    let Some(origin) = known else { return false };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.append(VARY, HeaderValue::from_static("origin"));
    if cors.credentials {
        put(headers, ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    }
    true
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
