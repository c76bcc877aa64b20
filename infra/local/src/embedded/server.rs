//! A hyper server on loopback that stops gracefully.

use std::convert::Infallible;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use super::EmbeddedError;

/// How long a stop waits for running requests; long polls are cut off then.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// Binds `port` on loopback; 0 takes any free port.
pub(crate) async fn bind(port: u16) -> Result<(TcpListener, SocketAddr), EmbeddedError> {
    let failed = |source| EmbeddedError::Bind { port, source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    /// Spawns `run`, which serves `address` until the receiver that it gets resolves.
    pub(crate) fn spawn<Run>(address: SocketAddr, run: impl FnOnce(oneshot::Receiver<()>) -> Run) -> Self
    where
        Run: Future<Output = ()> + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        Self { address, stop, task: tokio::spawn(run(stopped)) }
    }

    /// Returns the base URL of the server.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops accepting, lets running requests finish for a moment, and returns when all is done.
    pub(crate) async fn stop(mut self) {
        // The receiver is gone only when the task has ended already.
        let _ = self.stop.send(());
        if tokio::time::timeout(STOP_GRACE * 2, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

/// Accepts connections for `service` until `stopped` resolves.
pub(crate) async fn accept<S, B>(listener: TcpListener, service: S, mut stopped: oneshot::Receiver<()>)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, service.clone(), graceful.watcher()));
                }
                Err(error) => tracing::warn!(%error, "an embedded server could not accept a connection"),
            },
        }
    }
    drop(listener);
    // Whatever still runs after the grace is aborted with the set.
    let _ = tokio::time::timeout(STOP_GRACE, graceful.shutdown()).await;
}

async fn connection<S, B>(stream: TcpStream, service: S, watcher: hyper_util::server::graceful::Watcher)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    B: hyper::body::Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // Without it each small answer may wait for the peer's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let connection = hyper::server::conn::http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a client of an embedded server broke its connection");
    }
}
