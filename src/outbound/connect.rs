//! From a judged target to a connected stream: resolve, guard, dial the address that was judged, TLS.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::target::Target;
use super::{OutboundError, Resolver, guard};

/// Addresses of one name that are tried, at most.
const ADDRESSES: usize = 4;

/// A byte stream, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Trust in the public authorities (the Mozilla list) and those of `ca_file`.
pub(super) fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, OutboundError> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(path) = ca_file {
        let unreadable = |e: &dyn std::fmt::Display| {
            OutboundError::Refused(format!("the authorities in {} cannot be read: {e}", path.display()))
        };
        let pem = std::fs::read(path).map_err(|e| unreadable(&e))?;
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|e| unreadable(&e))?;
            roots.add(certificate).map_err(|e| unreadable(&e))?;
        }
        if roots.len() == before {
            return Err(unreadable(&"no certificate in it"));
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| OutboundError::Tls(io::Error::other(e)))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The resolver of this machine.
pub(super) fn system() -> Resolver {
    Arc::new(|host: String, port: u16| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), port)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// The addresses of `target` that may be connected to, never empty. The name is looked up once: what is judged here is
/// what is dialled.
pub(super) async fn resolve(
    target: &Target,
    resolver: &Resolver,
    allowed: &[ipnet::IpNet],
) -> Result<Vec<SocketAddr>, OutboundError> {
    let found: Vec<IpAddr> = match target.literal {
        Some(address) => vec![address],
        None => resolver(target.host.clone(), target.port).await.map_err(OutboundError::Connect)?,
    };
    let mut refused = None;
    let mut open = Vec::new();
    for address in found {
        match guard::permit(address, allowed) {
            Ok(()) => open.push(SocketAddr::new(address, target.port)),
            Err(kind) => refused = Some(kind),
        }
    }
    open.truncate(ADDRESSES);
    match (open.is_empty(), refused) {
        (false, _) => Ok(open),
        (true, Some(kind)) => Err(OutboundError::Refused(format!(
            "{} has a {kind} address: list its network if it is meant to be reached",
            target.host
        ))),
        (true, None) => Err(OutboundError::Connect(io::Error::new(io::ErrorKind::NotFound, "the name has no address"))),
    }
}

/// Connects to the first of `addresses` that answers.
pub(super) async fn dial(addresses: &[SocketAddr]) -> Result<TcpStream, OutboundError> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(OutboundError::Connect)?;
                return Ok(stream);
            }
            Err(e) => last = e,
        }
    }
    Err(OutboundError::Connect(last))
}

/// Wraps `stream` in TLS when the target wants it; the name, not the address, must be in the certificate.
pub(super) async fn secure(
    connector: &TlsConnector,
    target: &Target,
    stream: TcpStream,
) -> Result<Box<dyn Stream>, OutboundError> {
    if !target.tls {
        return Ok(Box::new(stream));
    }
    let name = ServerName::try_from(target.host.clone())
        .map_err(|_| OutboundError::Refused(format!("{} is no name a certificate can hold", target.host)))?;
    let stream = connector.connect(name, stream).await.map_err(OutboundError::Tls)?;
    Ok(Box::new(stream))
}
