//! What a route answers.

use std::collections::BTreeMap;

use carillon_dynamo::Page;
use serde::Serialize;
use serde_json::json;

/// An answer: a status, headers, and a body that is written already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Further headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// One `Set-Cookie` header each.
    pub cookies: Vec<String>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// 200 with a JSON body.
    pub fn ok(body: &impl Serialize) -> Self {
        Self::json(200, body)
    }

    /// 201 with the thing that was made.
    pub fn created(body: &impl Serialize) -> Self {
        Self::json(201, body)
    }

    /// 202 with the thing that goes on.
    pub fn accepted(body: &impl Serialize) -> Self {
        Self::json(202, body)
    }

    /// 204.
    #[must_use]
    pub fn no_content() -> Self {
        Self { status: 204, headers: BTreeMap::new(), cookies: Vec::new(), body: String::new() }
    }

    /// 200 with a page: `{data, next_cursor}`.
    pub fn page<T: Serialize>(page: &Page<T>) -> Self {
        Self::json(200, &json!({ "data": page.items, "next_cursor": page.next }))
    }

    /// A text of any content type.
    pub fn text(status: u16, content_type: &str, body: impl Into<String>) -> Self {
        let headers = BTreeMap::from([("content-type".to_owned(), content_type.to_owned())]);
        Self { status, headers, cookies: Vec::new(), body: body.into() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.to_owned(), value.into());
        self
    }

    /// Sets a cookie, written as `Set-Cookie` wants it.
    #[must_use]
    pub fn cookie(mut self, cookie: impl Into<String>) -> Self {
        self.cookies.push(cookie.into());
        self
    }

    /// Adds the version of the thing as `ETag`, for `If-Match`.
    #[must_use]
    pub fn version(self, version: u64) -> Self {
        self.header("etag", format!("\"{version}\""))
    }

    fn json(status: u16, body: &impl Serialize) -> Self {
        Self::text(status, "application/json", serde_json::to_string(body).unwrap_or_else(|_| "null".to_owned()))
    }
}
