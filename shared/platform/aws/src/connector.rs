//! Hyper's client as the AWS SDKs call it.

use std::error::Error;
use std::{fmt, io};

use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{CaptureConnection, Connect, capture_connection};

/// Hyper's client with its pool.
pub(crate) struct Connections<C>(Client<C, SdkBody>);

impl<C> Connections<C> {
    pub(crate) const fn of(client: Client<C, SdkBody>) -> Self {
        Self(client)
    }
}

impl<C> fmt::Debug for Connections<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connections")
    }
}

impl<C: Connect + Clone + Send + Sync + 'static> HttpConnector for Connections<C> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let taken = capture_connection(&mut request);
        if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
            capture.set_connection_retriever(move || metadata(&taken));
        }
        let answer = self.0.request(request);
        HttpConnectorFuture::new(async move {
            let answer = answer.await.map_err(failed)?;
            HttpResponse::try_from(answer.map(SdkBody::from_body_1_x)).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// What the SDK needs to take a connection out of use whose server failed.
fn metadata(taken: &CaptureConnection) -> Option<ConnectionMetadata> {
    taken.connection_metadata().as_ref()?;
    let taken = taken.clone();
    let poison = move || {
        if let Some(connection) = taken.connection_metadata().as_ref() {
            connection.poison();
        }
    };
    Some(ConnectionMetadata::builder().proxied(false).poison_fn(poison).build())
}

/// Tells the SDK whether a request may be sent again: what the network did may pass, what is wrong with the request will not.
fn failed(error: hyper_util::client::legacy::Error) -> ConnectorError {
    let io_kind = source::<io::Error>(&error).map(io::Error::kind);
    let http = source::<hyper::Error>(&error);
    if io_kind == Some(io::ErrorKind::TimedOut) || http.is_some_and(hyper::Error::is_timeout) {
        ConnectorError::timeout(error.into())
    } else if http.is_some_and(hyper::Error::is_user) {
        ConnectorError::user(error.into())
    } else if error.is_connect() || io_kind.is_some() || http.is_some_and(|http| http.is_closed() || http.is_canceled()) {
        ConnectorError::io(error.into())
    } else if http.is_some_and(hyper::Error::is_incomplete_message) {
        ConnectorError::other(error.into(), Some(ErrorKind::TransientError))
    } else {
        ConnectorError::other(error.into(), None)
    }
}

/// The first cause of a type.
pub(crate) fn source<'error, E: Error + 'static>(error: &'error (dyn Error + 'static)) -> Option<&'error E> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}
