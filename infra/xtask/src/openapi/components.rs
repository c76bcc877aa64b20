//! What the operations share: parameters, problem documents, the security scheme.

use std::io;
use std::path::Path;

use carillon_contracts::Permission;
use carillon_tokens::Cookie;
use serde_json::{Map, Value, json};

use crate::errors;

/// The answers of requests that fail: status, name, meaning. `docs/errors.md` says more.
const FAILURES: [(u16, &str, &str); 9] = [
    (400, "Unreadable", "The request cannot be read."),
    (401, "Unauthenticated", "The caller is unknown."),
    (403, "Forbidden", "The caller is known and may not."),
    (404, "Absent", "There is no such thing, or it belongs to another organization."),
    (409, "Conflict", "The state of the thing does not allow it, or somebody was faster."),
    (422, "Invalid", "The request is readable and breaks rules: `errors` lists all of them."),
    (429, "Limited", "Too much in too short a time."),
    (500, "Internal", "A mistake of ours; the same `Idempotency-Key` makes it safe to try again."),
    (503, "Unavailable", "A part that is needed does not answer: try again after `Retry-After`."),
];

/// A reference to the answer of a status.
pub(super) fn failure(status: u16) -> Value {
    let name = FAILURES.iter().find(|(known, ..)| *known == status).map_or("Internal", |(_, name, _)| name);
    json!({ "$ref": format!("#/components/responses/{name}") })
}

pub(super) fn components(root: &Path) -> io::Result<Value> {
    let permissions: Map<String, Value> =
        Permission::ALL.iter().map(|permission| (permission.name().to_owned(), permission.description().trim().into())).collect();
    Ok(json!({
        "securitySchemes": {
            "ApiKey": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "car_…",
                "description": "An API key, which begins with `car_`. The permission that an operation needs stands with it.",
                "x-permissions": permissions,
            },
            "AccessToken": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "The access token of a user's session, which holds for a quarter of an hour. What the user may do is what their role allows.",
            },
            "SessionCookie": {
                "type": "apiKey",
                "in": "cookie",
                "name": Cookie::Access.name(),
                "description": "The access token in a cookie. What changes something also needs an `Origin` that is allowed, and the session's CSRF token in `X-CSRF-Token`.",
            },
        },
        "parameters": parameters(),
        "headers": headers(),
        "responses": responses(),
        "schemas": {
            "Problem": problem(codes(root)?),
            "Page": {
                "type": "object",
                "description": "A page of a listing.",
                "required": ["data", "next_cursor"],
                "properties": {
                    "data": { "type": "array", "items": { "type": "object" } },
                    "next_cursor": { "type": ["string", "null"], "description": "The `cursor` of the next page; null at the end." },
                },
            },
        },
    }))
}

fn parameters() -> Value {
    json!({
        "IdempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "The same key with the same request gives the same answer, for 24 hours.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255 },
        },
        "IfMatch": {
            "name": "If-Match",
            "in": "header",
            "description": "The version that the caller has seen, as `ETag` gave it: another one is a conflict.",
            "schema": { "type": "string" },
            "example": "\"3\"",
        },
        "Limit": {
            "name": "limit",
            "in": "query",
            "description": "The most items of the page.",
            "schema": { "type": "integer", "minimum": 1, "maximum": 100, "default": 50 },
        },
        "Cursor": {
            "name": "cursor",
            "in": "query",
            "description": "Where the page before ended: its `next_cursor`.",
            "schema": { "type": "string" },
        },
    })
}

fn headers() -> Value {
    json!({
        "ETag": { "description": "The version of the thing, for `If-Match`.", "schema": { "type": "string" } },
        "RetryAfter": { "description": "When to try again, in seconds.", "schema": { "type": "integer", "minimum": 1 } },
        "WwwAuthenticate": { "description": "How to say who calls.", "schema": { "const": "Bearer" } },
    })
}

fn responses() -> Map<String, Value> {
    let header = |name: &str| json!({ "$ref": format!("#/components/headers/{name}") });
    let responses = FAILURES.iter().map(|(status, name, meaning)| {
        let mut content = json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
        if let (429, Some(media)) = (status, content.as_object_mut()) {
            // The stage's throttling, before any function: API Gateway writes the body.
            let message = json!({ "type": "object", "properties": { "message": { "type": "string" } } });
            media.insert("application/json".to_owned(), json!({ "schema": message }));
        }
        let headers = match status {
            401 => json!({ "WWW-Authenticate": header("WwwAuthenticate") }),
            409 | 429 | 503 => json!({ "Retry-After": header("RetryAfter") }),
            _ => json!({}),
        };
        ((*name).to_owned(), json!({ "description": meaning, "headers": headers, "content": content }))
    });
    responses.collect()
}

fn problem(codes: Vec<String>) -> Value {
    json!({
        "type": "object",
        "description": "A problem document (RFC 9457). Programs go by `code`; `detail` is for people and may change.",
        "required": ["type", "title", "status", "detail", "instance", "code"],
        "properties": {
            "type": { "type": "string", "format": "uri" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "instance": { "type": "string", "description": "The id of the request, which `x-request-id` has, too." },
            "code": { "type": "string", "description": "`docs/errors.md` says what each means.", "enum": codes },
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["pointer", "code", "detail"],
                    "properties": {
                        "pointer": { "type": "string", "description": "A JSON pointer into the body, or `?name` for a query parameter." },
                        "code": { "$ref": "#/components/schemas/Problem/properties/code" },
                        "detail": { "type": "string" },
                    },
                },
            },
        },
    })
}

/// The codes of the catalogue, and that of mistakes; notices belong to answers of requests that do not fail.
fn codes(root: &Path) -> io::Result<Vec<String>> {
    let catalogue = std::fs::read_to_string(root.join(errors::CATALOGUE))?;
    let is_notice = |code: &String| catalogue.contains(&format!("| `{code}` | notice |"));
    let mut codes: Vec<String> = errors::catalogued(root)?.into_iter().filter(|code| !is_notice(code)).collect();
    codes.push("internal".to_owned());
    codes.sort();
    Ok(codes)
}
