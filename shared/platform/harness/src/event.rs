//! The wire forms: API Gateway's payload 2.0, SQS events, schedules.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
    pub headers: BTreeMap<String, String>,
    /// The cookies, each `name=value`; API Gateway takes them out of the headers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cookies: Vec<String>,
    /// The parts of the path that the route names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub path_parameters: BTreeMap<String, String>,
    /// What API Gateway knows of the request.
    pub request_context: RequestContext,
    /// The body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Whether the body is base 64.
    pub is_base64_encoded: bool,
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
}
