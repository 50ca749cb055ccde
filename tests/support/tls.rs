//! An HTTPS client that shows what was agreed on: blocking, on rustls.

use std::io::{BufReader, Result, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};

use socket2::{Domain, Socket, Type};

use super::http::{Answer, read_answer};
use super::wait;

/// A connection after its handshake.
pub type Opened = StreamOwned<ClientConnection, TcpStream>;

/// A client of one server.
#[derive(Debug, Clone)]
pub struct TlsClient {
    addr: SocketAddr,
    from: Option<IpAddr>,
    config: Arc<ClientConfig>,
}

impl TlsClient {
    /// That trusts these authorities (PEM) and speaks every version of TLS that is safe.
    pub fn trusting(addr: SocketAddr, authorities: &[&str]) -> Self {
        Self::speaking(addr, authorities, rustls::DEFAULT_VERSIONS)
    }

    /// The same with these versions only.
    pub fn speaking(addr: SocketAddr, authorities: &[&str], versions: &[&'static SupportedProtocolVersion]) -> Self {
        let mut roots = RootCertStore::empty();
        for pem in authorities {
            roots.add(der(pem)).expect("an authority");
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self { addr, from: None, config: Arc::new(config) }
    }

    /// From this address of ours.
    #[must_use]
    pub fn from(self, address: IpAddr) -> Self {
        Self { from: Some(address), ..self }
    }

    /// Offering HTTP/1.1 alone.
    #[must_use]
    pub fn http1(self) -> Self {
        let mut config = ClientConfig::clone(&self.config);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { config: Arc::new(config), ..self }
    }

    /// Connects and shakes hands.
    pub fn connect(&self) -> Result<Opened> {
        let name = ServerName::from(self.addr.ip());
        let connection = ClientConnection::new(Arc::clone(&self.config), name).map_err(std::io::Error::other)?;
        let socket = Socket::new(Domain::for_address(self.addr), Type::STREAM, None)?;
        if let Some(address) = self.from {
            socket.bind(&SocketAddr::new(address, 0).into())?;
        }
        socket.connect_timeout(&self.addr.into(), wait::LONG)?;
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(wait::LONG))?;
        stream.set_write_timeout(Some(wait::LONG))?;
        let mut opened = StreamOwned::new(connection, stream);
        while opened.conn.is_handshaking() {
            opened.conn.complete_io(&mut opened.sock)?;
        }
        Ok(opened)
    }

    /// One request over an own connection.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
        let mut headers = headers.to_vec();
        headers.push(("connection", "close"));
        ask(&mut self.connect()?, method, path, &headers, body)
    }

    /// POST of an urlencoded form, asking for JSON.
    pub fn post_form(&self, path: &str, body: &str) -> Result<Answer> {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
        self.request("POST", path, &headers, body.as_bytes())
    }

    /// The certificate that the server shows now.
    pub fn certificate(&self) -> Result<Vec<u8>> {
        // A resumed session would show the certificate of its first handshake.
        let mut config = ClientConfig::clone(&self.config);
        config.resumption = rustls::client::Resumption::disabled();
        let opened = Self { config: Arc::new(config), ..self.clone() }.connect()?;
        Ok(opened.conn.peer_certificates().and_then(<[_]>::first).map(|leaf| leaf.to_vec()).unwrap_or_default())
    }
}

/// The first certificate of a PEM text.
pub fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")
}

/// One request over an open connection.
pub fn ask(opened: &mut Opened, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    opened.write_all(&[head.as_bytes(), body].concat())?;
    opened.flush()?;
    read_answer(&mut BufReader::new(opened))
}
