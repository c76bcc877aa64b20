//! TLS before a server that speaks none: what a function's first call to AWS has to do besides the call.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Takes TLS connections on loopback and hands what they carry to a plain server; it ends when it is dropped.
#[derive(Debug)]
pub struct Terminator {
    address: SocketAddr,
    certificate: PathBuf,
    server: JoinHandle<()>,
}

/// Why there is no terminator.
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

impl Terminator {
    /// Starts before a plain server, with a certificate of its own that lies in the folder.
    ///
    /// # Errors
    /// [`TlsError`] when there is no address or no certificate.
    pub async fn before(plain: SocketAddr, folder: &Path) -> Result<Self, TlsError> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let own = rcgen::generate_simple_self_signed([address.ip().to_string()])?;
        let certificate = folder.join("terminator.pem");
        std::fs::write(&certificate, own.cert.pem())?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![own.cert.der().clone()], key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(carry(acceptor.clone(), stream, plain));
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

impl Drop for Terminator {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Carries one connection until either side ends it; one that breaks off is the client's to notice.
async fn carry(acceptor: TlsAcceptor, stream: TcpStream, plain: SocketAddr) -> io::Result<()> {
    let (mut secure, mut plain) = (acceptor.accept(stream).await?, TcpStream::connect(plain).await?);
    tokio::io::copy_bidirectional(&mut secure, &mut plain).await?;
    Ok(())
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
    async fn who_trusts_the_certificate_reaches_the_plain_server() {
        let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let terminator = Terminator::before(plain.local_addr().unwrap(), folder.path()).await.unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(terminator.certificate()).unwrap()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from(terminator.address.ip().to_string()).unwrap();

        let stream = TcpStream::connect(terminator.address).await.unwrap();
        let (secure, heard) = tokio::join!(TlsConnector::from(Arc::new(config)).connect(name, stream), plain.accept());
        let (mut secure, (mut heard, _)) = (secure.unwrap(), heard.unwrap());
        secure.write_all(b"ping").await.unwrap();
        secure.flush().await.unwrap();

        let mut word = [0; 4];
        heard.read_exact(&mut word).await.unwrap();
        assert_eq!(&word, b"ping");
    }
}
