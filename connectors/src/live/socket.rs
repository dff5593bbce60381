//! Streams to a server, plain or encrypted, with deadlines.

use std::io::{Error, ErrorKind, Result};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

/// How long connecting may take, and how long agreeing on keys.
const CONNECT: Duration = Duration::from_secs(10);

/// Something to read from and write to.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Whether this is `host:port`; `example` is one.
pub(crate) fn is_address(address: &str, example: &str) -> std::result::Result<(), String> {
    let parts = address.rsplit_once(':');
    match parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok()) {
        true => Ok(()),
        false => Err(format!("server: {address:?} is not host:port, such as {example}")),
    }
}

/// Connects to `host:port`. With `tls`, the certificate must be of a name that the system's authorities, or those in
/// `authority` (PEM), vouch for.
pub(crate) async fn connect(address: &str, tls: bool, authority: Option<&Path>) -> Result<Box<dyn Stream>> {
    let plain = within(CONNECT, "connecting", TcpStream::connect(address)).await?;
    plain.set_nodelay(true)?;
    if !tls {
        return Ok(Box::new(plain));
    }
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']).to_string();
    let name = ServerName::try_from(host).map_err(|error| Error::new(ErrorKind::InvalidInput, error))?;
    let connector = TlsConnector::from(Arc::new(client(authority)?));
    Ok(Box::new(within(CONNECT, "agreeing on keys", connector.connect(name, plain)).await?))
}

/// Gives up after so long.
pub(crate) async fn within<T>(long: Duration, doing: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
    let late = || Error::new(ErrorKind::TimedOut, format!("{doing} took longer than {} s", long.as_secs()));
    timeout(long, work).await.map_err(|_| late())?
}

/// How connections are encrypted, and who vouches for servers: the system's authorities, or those in a PEM file.
pub(crate) fn client(authority: Option<&Path>) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    match authority {
        Some(path) => {
            let damaged = |error| Error::new(ErrorKind::InvalidData, format!("{}: {error}", path.display()));
            for one in CertificateDer::pem_file_iter(path).map_err(damaged)? {
                roots.add(one.map_err(damaged)?).map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
            }
        }
        None => _ = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
    }
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| Error::new(ErrorKind::InvalidInput, error))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
