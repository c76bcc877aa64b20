//! Empty tables behind TLS: what a function's first call to DynamoDB costs, without what a database does.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Answers on loopback as DynamoDB answers to who asks for an item that is not there; it ends when it is dropped.
#[derive(Debug)]
pub struct EmptyTables {
    address: SocketAddr,
    certificate: PathBuf,
    server: JoinHandle<()>,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No address, or no file for the certificate.
    #[error("the TLS server cannot be started")]
    Io(#[from] io::Error),
    /// No certificate.
    #[error("no certificate can be made")]
    Certificate(#[from] rcgen::Error),
    /// The certificate does not fit.
    #[error("the certificate cannot be used")]
    Tls(#[from] tokio_rustls::rustls::Error),
}

impl EmptyTables {
    /// Starts with a certificate of its own, which lies in the folder.
    ///
    /// # Errors
    /// [`TlsError`] when there is no address or no certificate.
    pub async fn start(folder: &Path) -> Result<Self, TlsError> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let own = rcgen::generate_simple_self_signed([address.ip().to_string()])?;
        let certificate = folder.join("tables.pem");
        std::fs::write(&certificate, own.cert.pem())?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![own.cert.der().clone()], key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(acceptor.clone(), stream));
            }
        });
        Ok(Self { address, certificate, server })
    }

    /// Where it stands, as an endpoint setting says it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The file of the certificate that a client must trust.
    #[must_use]
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }
}

impl Drop for EmptyTables {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Serves one connection; one that breaks off is the client's to notice.
async fn serve(acceptor: TlsAcceptor, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let stream = TokioIo::new(acceptor.accept(stream).await?);
    let nothing = service_fn(async |_: http::Request<Incoming>| {
        let mut answer = http::Response::new(Full::new(Bytes::from_static(b"{}")));
        answer.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/x-amz-json-1.0"));
        Ok::<_, Infallible>(answer)
    });
    hyper::server::conn::http1::Builder::new().serve_connection(stream, nothing).await.map_err(io::Error::other)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

    use super::*;

    #[tokio::test]
    async fn who_trusts_the_certificate_hears_that_there_is_no_item() {
        let folder = tempfile::tempdir().unwrap();
        let tables = EmptyTables::start(folder.path()).await.unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(tables.certificate()).unwrap()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from(tables.address.ip().to_string()).unwrap();
        let stream = TcpStream::connect(tables.address).await.unwrap();
        let mut secure = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();

        secure.write_all(b"POST / HTTP/1.1\r\nhost: tables\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();

        let mut answer = String::new();
        let _ = secure.read_to_string(&mut answer).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n{}"), "{answer}");
    }
}
