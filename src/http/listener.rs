//! Taking an address, with an error that says which key to change.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::tls::{Certificates, Opener};

/// A listener on its address.
#[derive(Debug)]
pub struct Bound {
    pub(super) listener: TcpListener,
    pub(super) address: SocketAddr,
    pub(super) tls: Option<Opener>,
}

impl Bound {
    /// The address, with the real port when 0 was asked for.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether HTTPS is spoken here.
    #[must_use]
    pub const fn is_over_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Speaks HTTPS with the pair of `certificates`; `hsts_seconds` is how long browsers are told to insist on it, 0 =
    /// they are not told.
    ///
    /// # Errors
    /// When the system gives no randomness for session tickets.
    pub fn over_tls(self, certificates: Arc<Certificates>, hsts_seconds: u64) -> Result<Self, rustls::Error> {
        Ok(Self { tls: Some(Opener::new(certificates, hsts_seconds)?), ..self })
    }
}

/// Why an address cannot be taken.
#[derive(Debug, thiserror::Error)]
#[error("{key}: cannot listen on {address}: {remedy}")]
pub struct BindError {
    /// Key of the configuration.
    pub key: String,
    /// The address asked for.
    pub address: String,
    /// What is wrong and what to do.
    pub remedy: String,
    #[source]
    source: std::io::Error,
}

/// Takes `address` (`127.0.0.1:8080`; port 0 takes a free one), which stands under `key` in the configuration.
///
/// # Errors
/// [`BindError`] naming the key and what to do.
pub async fn bind(address: &str, key: &str) -> Result<Bound, BindError> {
    let listening = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Bound { listener, address, tls: None })
    };
    listening.await.map_err(|source: std::io::Error| BindError {
        key: key.to_owned(),
        address: address.to_owned(),
        remedy: remedy(&source, key),
        source,
    })
}

fn remedy(error: &std::io::Error, key: &str) -> String {
    let variable = format!("PISTEUR__{}", key.replace('.', "__").to_uppercase());
    let another = format!("set another one with {key} in the configuration or with {variable}");
    match error.kind() {
        ErrorKind::AddrInUse => format!("another program has this port. Stop it, or {another}"),
        ErrorKind::AddrNotAvailable => format!("this machine does not have this address. Check it, or {another}"),
        ErrorKind::PermissionDenied => format!("ports below 1024 need a privilege. Give it, or {another}"),
        _ => format!("{error}. Check it, or {another}"),
    }
}
