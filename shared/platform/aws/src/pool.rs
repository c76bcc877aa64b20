//! A process's connections to AWS: HTTP/1.1 over TLS on hyper and rustls.
//!
//! Not `aws-smithy-http-client`: that cannot be built without HTTP/2, which none of these services needs and which would be a tenth of each binary
//! (`infra/decisions/0014-small-binaries.md`).

use std::error::Error;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fmt, io};

use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector, http_client_fn};
use http::Uri;
use hyper::rt::{Read, Write};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connection, HttpConnector as Tcp};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::aws_lc_rs;
use rustls::{CipherSuite, ClientConfig, RootCertStore};
use tokio::time::Instant;
use tower::{Service, service_fn};

use crate::connector::Connections;

/// How long a connection may take, the handshakes of TCP and TLS together.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a connection that was opened ahead may wait for its first request: the server closes it some day.
const AHEAD: Duration = Duration::from_secs(5);

type BoxError = Box<dyn Error + Send + Sync>;
type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A process's connections to AWS; clones share them.
#[derive(Clone)]
pub struct Pool {
    connections: SharedHttpConnector,
    opener: Arc<dyn Fn(Uri) -> BoxFuture<()> + Send + Sync>,
}

impl Pool {
    /// A pool that trusts whom `roots` name.
    pub(crate) fn secure(roots: RootCertStore) -> Result<Self, rustls::Error> {
        let mut cryptography = aws_lc_rs::default_provider();
        // The servers of AWS take the client's order; SHA-256 is done by the processor, SHA-384 is not.
        cryptography.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
        let tls = ClientConfig::builder_with_provider(Arc::new(cryptography))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = tcp();
        tcp.enforce_http(false);
        Ok(Self::over(HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp)))
    }

    /// A pool without TLS, for servers on this machine.
    #[must_use]
    pub fn plain() -> Self {
        Self::over(tcp())
    }

    fn over<C>(connector: C) -> Self
    where
        C: Service<Uri, Error: Into<BoxError>, Response: Connection + Read + Write + Unpin + Send, Future: Send>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        let ahead: Ahead<C::Response> = Ahead::default();
        let connect = {
            let ahead = ahead.clone();
            move |uri: Uri| -> BoxFuture<Result<C::Response, BoxError>> {
                if let Some(connection) = ahead.take(&uri) {
                    return Box::pin(async { Ok(connection) });
                }
                let connecting = connector.clone().call(uri);
                Box::pin(async move {
                    match tokio::time::timeout(CONNECT, connecting).await {
                        Ok(connection) => connection.map_err(Into::into),
                        Err(late) => Err(BoxError::from(io::Error::new(io::ErrorKind::TimedOut, late))),
                    }
                })
            }
        };
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(service_fn(connect.clone()));
        let opener = move |uri: Uri| -> BoxFuture<()> {
            let (connecting, ahead) = (connect(uri.clone()), ahead.clone());
            Box::pin(async move {
                if let Ok(connection) = connecting.await {
                    ahead.keep(uri, connection);
                }
            })
        };
        Self { connections: SharedHttpConnector::new(Connections::of(client)), opener: Arc::new(opener) }
    }

    /// The client of SDKs that uses these connections.
    #[must_use]
    pub fn client(&self) -> SharedHttpClient {
        let connections = self.connections.clone();
        http_client_fn(move |_, _| connections.clone())
    }

    /// Opens a connection for the first request to an endpoint. Where that fails, the request tells why.
    pub async fn open(&self, endpoint: &str) {
        if let Ok(uri) = endpoint.parse() {
            (self.opener)(uri).await;
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Pool")
    }
}

fn tcp() -> Tcp {
    let mut tcp = Tcp::new();
    tcp.set_nodelay(true);
    tcp
}

/// The one connection that was opened before it was needed: where to, and when.
struct Ahead<S>(Arc<Mutex<Option<(Uri, Instant, S)>>>);

impl<S> Default for Ahead<S> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<S> Clone for Ahead<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> Ahead<S> {
    fn keep(&self, uri: Uri, connection: S) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((uri, Instant::now(), connection));
    }

    fn take(&self, wanted: &Uri) -> Option<S> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, opened, connection) =
            kept.take_if(|(uri, _, _)| (uri.scheme(), uri.authority()) == (wanted.scheme(), wanted.authority()))?;
        (opened.elapsed() < AHEAD).then_some(connection)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_smithy_runtime_api::client::connection::CaptureSmithyConnection;
    use aws_smithy_runtime_api::client::http::HttpConnector as _;
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::retry::ErrorKind;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::connector::source;

    const ANSWER: &str = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";

    /// A server that answers each request with these words, and closes where there are none; it counts its connections.
    async fn server(words: &'static str) -> (SocketAddr, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, connections) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    let mut request = [0; 1024];
                    while stream.read(&mut request).await.is_ok_and(|read| read > 0) && !words.is_empty() {
                        stream.write_all(words.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        (address, connections)
    }

    fn request(uri: String) -> HttpRequest {
        HttpRequest::try_from(::http::Request::get(uri).body(SdkBody::empty()).unwrap()).unwrap()
    }

    fn never_connected(error: &ConnectorError) -> bool {
        source::<hyper_util::client::legacy::Error>(error).is_some_and(hyper_util::client::legacy::Error::is_connect)
    }

    #[tokio::test]
    async fn who_is_not_there_may_be_asked_again() {
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();

        let error = Pool::plain().connections.call(request(format!("http://{address}"))).await.unwrap_err();

        assert!(error.is_io() && never_connected(&error), "{error:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_to_a_handshake_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connections = Pool::secure(RootCertStore::empty()).unwrap().connections;

        let error = connections.call(request(format!("https://{}", listener.local_addr().unwrap()))).await.unwrap_err();

        assert!(error.is_timeout() && never_connected(&error), "{error:?}");
    }

    #[tokio::test]
    async fn who_closes_without_an_answer_may_be_asked_again() {
        let (address, _) = server("").await;

        let error = Pool::plain().connections.call(request(format!("http://{address}"))).await.unwrap_err();

        assert!(error.is_io() || error.as_other() == Some(ErrorKind::TransientError), "{error:?}");
        assert!(!never_connected(&error), "{error:?}");
    }

    #[tokio::test]
    async fn a_connection_that_the_sdk_gives_up_is_not_used_again() {
        let (address, connections) = server(ANSWER).await;
        let client = Pool::plain().connections;
        for _ in 0..3 {
            assert_eq!(client.call(request(format!("http://{address}"))).await.unwrap().status().as_u16(), 500);
        }
        assert_eq!(connections.load(Ordering::Relaxed), 1);

        let (mut asked, capture) = (request(format!("http://{address}")), CaptureSmithyConnection::new());
        asked.add_extension(capture.clone());
        client.call(asked).await.unwrap();
        capture.get().unwrap().poison();
        client.call(request(format!("http://{address}"))).await.unwrap();

        assert_eq!(connections.load(Ordering::Relaxed), 2);
    }
    #[tokio::test]
    async fn a_connection_that_was_opened_ahead_takes_the_first_request_to_its_endpoint() {
        let ((address, connections), (other, _)) = (server(ANSWER).await, server(ANSWER).await);
        let pool = Pool::plain();
        pool.open(&format!("http://{address}")).await;

        pool.connections.call(request(format!("http://{other}/a"))).await.unwrap();
        pool.connections.call(request(format!("http://{address}/a"))).await.unwrap();
        pool.connections.call(request(format!("http://{address}/b"))).await.unwrap();

        assert_eq!(connections.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_waited_for_long_is_not_used() {
        let (address, connections) = server(ANSWER).await;
        let pool = Pool::plain();
        pool.open(&format!("http://{address}")).await;
        tokio::time::advance(AHEAD).await;

        pool.connections.call(request(format!("http://{address}"))).await.unwrap();

        assert_eq!(connections.load(Ordering::Relaxed), 2);
    }
}
