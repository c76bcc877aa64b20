//! The one address: the API, and beside it, under `/_`, the pages and knobs of the stand-ins.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::ServiceExt;

use super::config::Port;
use crate::embedded::EmbeddedError;
use crate::embedded::server::{Server, accept, bind};
use crate::gateway::Gateway;

/// The address of every caller: the platform listens on loopback only.
const SOURCE_IP: &str = "127.0.0.1";

/// A port that is taken already; requests wait until it is served.
pub(crate) struct Door {
    listener: TcpListener,
    address: std::net::SocketAddr,
}

impl Door {
    /// Takes the port that is wanted.
    pub(crate) async fn open(port: Port) -> Result<Self, EmbeddedError> {
        let bound = match port {
            Port::Exactly(port) => bind(port).await,
            Port::Preferred(port) => match bind(port).await {
                Err(EmbeddedError::Bind { .. }) => bind(0).await,
                other => other,
            },
        };
        let (listener, address) = bound?;
        Ok(Self { listener, address })
    }

    /// The base URL, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves the API and the stand-ins' pages.
    pub(crate) fn serve(self, gateway: Gateway, pages: Router) -> Server {
        let front = Arc::new((gateway, pages));
        let service = service_fn(move |request| {
            let front = Arc::clone(&front);
            async move { Ok::<_, Infallible>(answer(&front.0, &front.1, request).await) }
        });
        Server::spawn(self.address, |stopped| accept(self.listener, service, stopped))
    }

    /// Serves the stand-ins' endpoints.
    pub(crate) fn serve_router(self, router: Router) -> Server {
        let service = TowerToHyperService::new(router);
        Server::spawn(self.address, |stopped| accept(self.listener, service, stopped))
    }
}

async fn answer(gateway: &Gateway, pages: &Router, request: Request<Incoming>) -> Response<Full<Bytes>> {
    if !request.uri().path().starts_with("/_") {
        return gateway.answer(request, SOURCE_IP.to_owned()).await;
    }
    let Ok(response) = pages.clone().oneshot(request).await;
    let (parts, body) = response.into_parts();
    match body.collect().await {
        Ok(body) => Response::from_parts(parts, Full::new(body.to_bytes())),
        Err(error) => {
            tracing::error!(%error, "a page of the stand-ins broke off");
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    }
}
