//! The HTTP client of all AWS SDK clients of a process, where a test sees every request.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use carillon_kernel::Setup;
use serde_json::Value;

use crate::actions::{Actions, Asked};
use crate::gate::Gate;
use crate::queues::SimulatedQueues;
use crate::writes::WriteMeter;

/// What stands between the SDK clients and the servers.
#[derive(Debug, Clone)]
pub struct Wire {
    inner: SharedHttpClient,
    queues: Option<SimulatedQueues>,
    writes: WriteMeter,
    actions: Option<Actions>,
}

impl Default for Wire {
    fn default() -> Self {
        Self { inner: carillon_aws::Pool::plain().client(), queues: None, writes: WriteMeter::default(), actions: None }
    }
}

impl Wire {
    /// Lets `queues` answer for SQS.
    #[must_use]
    pub fn with_queues(self, queues: SimulatedQueues) -> Self {
        Self { queues: Some(queues), ..self }
    }

    /// Lets `actions` hear of every request.
    #[must_use]
    pub fn with_actions(self, actions: Actions) -> Self {
        Self { actions: Some(actions), ..self }
    }

    /// The wire under the clients of a setup; a new one where none was put there.
    #[must_use]
    pub fn of(setup: &Setup) -> Self {
        setup.shared("wire", Self::default)
    }

    /// The meter of writes.
    #[must_use]
    pub fn writes(&self) -> &WriteMeter {
        &self.writes
    }

    /// Puts the wire under all SDK clients that are made from this setup afterwards.
    pub fn put_into(&self, setup: &Setup) {
        // The name under which the platform's AWS layer shares its one client.
        let _: SharedHttpClient = setup.shared("http", || SharedHttpClient::new(self.clone()));
        let _ = setup.shared("wire", || self.clone());
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector { inner: self.inner.http_connector(settings, components), wire: self.clone() })
    }
}

#[derive(Debug)]
struct Connector {
    inner: SharedHttpConnector,
    wire: Wire,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        // `DynamoDB_20120810.PutItem`, `AmazonSQS.SendMessage`; other services name the operation in the path.
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let (service, operation) = target.split_once('.').unwrap_or_default();
        let body = || serde_json::from_slice::<Value>(request.body().bytes().unwrap_or_default()).unwrap_or_default();
        if service.starts_with("DynamoDB") {
            self.wire.writes.count(operation, &body());
        }
        if let Some(actions) = &self.wire.actions {
            actions.note(Asked { target: &target, method: request.method(), uri: request.uri() }, &body());
        }
        let simulated = self.wire.queues.clone().filter(|_| service == "AmazonSQS").map(|queues| (queues, operation.to_owned(), body()));
        let name = if operation.is_empty() { request.uri().to_owned() } else { target.clone() };
        let (gate, inner, actions) = (Gate::watching(), self.inner.clone(), self.wire.actions.clone());
        let (method, uri) = (request.method().to_owned(), request.uri().to_owned());
        HttpConnectorFuture::new(async move {
            // An answer can be there before it is waited for: a test that dies at every await shall find each request all the same.
            tokio::task::yield_now().await;
            let call = match &gate {
                Some(gate) => Some(gate.before(&name).await),
                None => None,
            };
            let answer = match simulated {
                Some((queues, operation, request)) => Ok(json(&queues.answer(&operation, &request))),
                None => inner.call(request).await,
            };
            if let (Some(actions), Ok(answer)) = (&actions, &answer)
                && answer.status().as_u16() == 404
            {
                actions.note_absent(Asked { target: &target, method: &method, uri: &uri });
            }
            if let (Some(gate), Some(call)) = (&gate, call) {
                gate.after(call).await;
            }
            answer
        })
    }
}

fn json(body: &Value) -> HttpResponse {
    let mut response = HttpResponse::new(StatusCode::try_from(200).expect("a status"), SdkBody::from(body.to_string()));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    response
}
