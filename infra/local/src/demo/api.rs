//! The API as a program outside uses it: with a key, over HTTP.

use std::error::Error;
use std::fmt::Write as _;

use carillon_kernel::Secret;
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Why the demonstration ended early.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The API did not answer.
    #[error("the API does not answer")]
    Http(#[from] reqwest::Error),
    /// The API refused; the text is what its problem document says.
    #[error("{method} {path} was refused with {status}: {problem}")]
    Refused {
        /// The method.
        method: Method,
        /// The path.
        path: String,
        /// The HTTP status.
        status: u16,
        /// What is wrong, in words.
        problem: String,
    },
    /// The API's answer is not what it should be.
    #[error("the answer of {0} is not as expected")]
    Answer(String, #[source] serde_json::Error),
    /// A file cannot be read or written.
    #[error("{0} cannot be used")]
    File(String, #[source] std::io::Error),
    /// The platform failed.
    #[error(transparent)]
    Platform(#[from] crate::platform::PlatformError),
    /// Something came out otherwise than it must.
    #[error("{0}")]
    Unexpected(String),
}

impl DemoError {
    /// Writes the error with its chain of causes.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let _ = write!(text, ": {error}");
            cause = error.source();
        }
        text
    }
}

/// A caller of the API.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    url: String,
    key: Secret,
}

impl Api {
    /// Makes a caller with a key.
    ///
    /// # Errors
    /// [`DemoError::Http`] when no client can be made.
    pub fn new(url: &str, key: Secret) -> Result<Self, DemoError> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { http, url: url.to_owned(), key })
    }

    /// Gets something.
    ///
    /// # Errors
    /// [`DemoError`] when it is refused.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, DemoError> {
        self.call(Method::GET, path, None).await
    }

    /// Posts a body.
    ///
    /// # Errors
    /// [`DemoError`] when it is refused.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: Value) -> Result<T, DemoError> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Uploads a file to a presigned address.
    ///
    /// # Errors
    /// [`DemoError`] when it is refused.
    pub async fn upload(&self, address: &str, file: Vec<u8>) -> Result<(), DemoError> {
        let answer = self.http.put(address).header("content-type", "text/csv").body(file).send().await?;
        answer.error_for_status()?;
        Ok(())
    }

    async fn call<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<Value>) -> Result<T, DemoError> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.url)).bearer_auth(self.key.expose());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            return Err(DemoError::Refused { method, path: path.to_owned(), status: status.as_u16(), problem: problem(&text) });
        }
        serde_json::from_str(&text).map_err(|error| DemoError::Answer(path.to_owned(), error))
    }
}

/// What a problem document says: its detail, and the details of all problems.
fn problem(document: &str) -> String {
    let document: Value = serde_json::from_str(document).unwrap_or_default();
    let detail = |value: &Value| value.get("detail").and_then(Value::as_str).unwrap_or_default().to_owned();
    let problems: Vec<String> = document
        .get("errors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|problem| match problem.get("pointer").and_then(Value::as_str) {
            None | Some("") => detail(problem),
            Some(pointer) => format!("{} ({pointer})", detail(problem)),
        })
        .collect();
    if problems.is_empty() { detail(&document) } else { problems.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_every_problem() {
        let document = r#"{"detail":"the request has 2 problems","errors":[
            {"pointer":"/name","code":"a","detail":"a name is needed"},{"pointer":"/to","code":"b","detail":"is no address"}]}"#;

        assert_eq!(problem(document), "a name is needed (/name); is no address (/to)");
        assert_eq!(problem(r#"{"detail":"there is no such thing"}"#), "there is no such thing");
    }
}
