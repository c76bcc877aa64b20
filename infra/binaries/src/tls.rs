//! Empty tables behind TLS: what a function's first call to DynamoDB costs, without what a database does.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// Answers on loopback as DynamoDB answers to who asks for an item that is not there; it ends when it is dropped.
#[derive(Debug)]
pub struct EmptyTables {
    address: SocketAddr,
    root: PathBuf,
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
    /// Starts with a chain of certificates of its own, whose root lies in the folder.
    ///
    /// # Errors
    /// [`TlsError`] when there is no address or no certificate.
    pub async fn start(folder: &Path) -> Result<Self, TlsError> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let chain = Chain::of(address.ip())?;
        let root = folder.join("root.pem");
        std::fs::write(&root, chain.root)?;
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain.certificates, chain.key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(acceptor.clone(), stream));
            }
        });
        Ok(Self { address, root, server })
    }

    /// Where it stands, as an endpoint setting says it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The file of the root that a client must trust.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }
}

impl Drop for EmptyTables {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Certificates as AWS's endpoints show them: RSA of 2048 bits, signed by an authority that a root signed, likewise.
struct Chain {
    /// The root, as a PEM file holds it.
    root: String,
    /// What the server shows: its own, and the authority's.
    certificates: Vec<CertificateDer<'static>>,
    /// The server's key.
    key: PrivateKeyDer<'static>,
}

impl Chain {
    fn of(address: IpAddr) -> Result<Self, rcgen::Error> {
        let key = || KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048);
        let authority = || {
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params
        };
        let root = CertifiedIssuer::self_signed(authority(), key()?)?;
        let between = CertifiedIssuer::signed_by(authority(), key()?, &root)?;
        let own = key()?;
        let certificate = CertificateParams::new([address.to_string()])?.signed_by(&own, &between)?;
        let certificates = vec![certificate.der().clone(), between.der().clone()];
        Ok(Self { root: root.pem(), certificates, key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.serialize_der())) })
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
    use tokio_rustls::rustls::pki_types::ServerName;
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

    use super::*;

    #[tokio::test]
    async fn who_trusts_the_certificate_hears_that_there_is_no_item() {
        let folder = tempfile::tempdir().unwrap();
        let tables = EmptyTables::start(folder.path()).await.unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(tables.root()).unwrap()).unwrap();
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
