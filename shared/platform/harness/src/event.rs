//! The wire forms: API Gateway's payload 2.0, SQS events, schedules.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>.

use std::collections::BTreeMap;

use carillon_kernel::Trace;
use serde::{Deserialize, Deserializer, Serialize};

/// A request as API Gateway's HTTP API gives it to a function (payload format 2.0).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpEvent {
    /// Always `2.0`.
    pub version: String,
    /// `GET /v1/contacts/{contact_id}`.
    pub route_key: String,
    /// The path.
    pub raw_path: String,
    /// The query, undecoded.
    pub raw_query_string: String,
    /// The headers, names in lower case, several values joined by commas.
    #[serde(deserialize_with = "null_as_none")]
    pub headers: BTreeMap<String, String>,
    /// The cookies, each `name=value`; API Gateway takes them out of the headers.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_none")]
    pub cookies: Vec<String>,
    /// The parts of the path that the route names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_as_none")]
    pub path_parameters: BTreeMap<String, String>,
    /// What API Gateway knows of the request.
    pub request_context: RequestContext,
    /// The body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Whether the body is base 64.
    pub is_base64_encoded: bool,
}

impl HttpEvent {
    /// Gives the cookies of the request. API Gateway lists them; others who speak its format leave them in their header (RFC 6265 section 4.2.1).
    pub(crate) fn sent_cookies(&self) -> Vec<String> {
        let header = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("cookie")).map(|(_, text)| text.as_str());
        match header {
            Some(header) if self.cookies.is_empty() => header.split(';').map(|cookie| cookie.trim().to_owned()).collect(),
            _ => self.cookies.clone(),
        }
    }
}

/// Reads `null` as nothing: API Gateway leaves out what a request does not have, and others who speak its format write `null`.
fn null_as_none<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(input: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(input)?.unwrap_or_default())
}

/// What API Gateway knows of a request.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RequestContext {
    /// API Gateway's id of the request.
    pub request_id: String,
    /// The public host name.
    pub domain_name: String,
    /// Method, path, address.
    pub http: RequestLine,
}

/// The first line of a request, and where it came from.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RequestLine {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The client's address.
    pub source_ip: String,
    /// What the client says that it is.
    pub user_agent: String,
}

/// An answer in API Gateway's form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpReply {
    /// The status.
    pub status_code: u16,
    /// The headers.
    pub headers: BTreeMap<String, String>,
    /// One `Set-Cookie` header each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cookies: Vec<String>,
    /// The body.
    pub body: String,
    /// Whether the body is base 64.
    pub is_base64_encoded: bool,
}

/// The messages of one invocation.
#[derive(Debug, Deserialize)]
pub(crate) struct QueueEvent {
    #[serde(rename = "Records")]
    pub(crate) records: Vec<QueueRecord>,
}

/// One message.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueueRecord {
    pub(crate) message_id: String,
    pub(crate) body: String,
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, String>,
}

impl QueueRecord {
    pub(crate) fn receives(&self) -> u32 {
        self.attributes.get("ApproximateReceiveCount").and_then(|text| text.parse().ok()).unwrap_or(1)
    }

    /// The trace of whoever sent it.
    pub(crate) fn trace(&self) -> Option<Trace> {
        self.attributes.get("AWSTraceHeader")?.parse().ok()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_in_their_list_or_in_their_header() {
        let header = BTreeMap::from([("Cookie".to_owned(), "a=1; b=2".to_owned())]);
        let listed = HttpEvent { cookies: vec!["c=3".to_owned()], headers: header.clone(), ..HttpEvent::default() };

        assert_eq!(HttpEvent { headers: header, ..HttpEvent::default() }.sent_cookies(), ["a=1", "b=2"]);
        assert_eq!(listed.sent_cookies(), ["c=3"]);
    }

    #[test]
    fn what_a_request_does_not_have_may_be_absent_or_null() {
        let absent: HttpEvent = serde_json::from_str(r#"{ "version": "2.0", "rawPath": "/v1/health" }"#).unwrap();
        let null: HttpEvent = serde_json::from_str(
            r#"{ "version": "2.0", "rawPath": "/v1/health", "headers": null, "cookies": null, "pathParameters": null, "body": null }"#,
        )
        .unwrap();

        assert_eq!(serde_json::to_value(absent).unwrap(), serde_json::to_value(null).unwrap());
    }
}
