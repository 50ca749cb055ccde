//! The one HTTP client: for addresses that people configure or that come from outside.
//!
//! Not here: retries (the caller's), cookies, redirects, compression, connection reuse.
//!
//! Invariants:
//! - The address connected to is the address judged: a name is resolved once, judged, and dialled by number.
//! - A redirect is an answer like any other; nothing is ever sent to a place the caller did not name.
//! - Every wait ends: connecting and the whole exchange have limits; answers have size limits.
//! - Errors name the host at most: paths, queries, headers and bodies may hold secrets or personal data.

mod connect;
pub mod guard;
mod target;

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use http::header::{ACCEPT, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use tokio_rustls::TlsConnector;

use self::connect::Stream;
use self::target::Target;

const AGENT: &str = concat!("pisteur/", env!("CARGO_PKG_VERSION"));

/// What the client may reach, and how much it takes.
#[derive(Debug, Clone)]
pub struct OutboundPolicy {
    /// Networks that may be reached although they are not public.
    pub allow: Vec<IpNet>,
    /// Hosts (lower case, IPv6 without brackets) that may be spoken to without encryption.
    pub plain_http: BTreeSet<String>,
    /// PEM file with authorities to trust beside the public ones.
    pub ca_file: Option<PathBuf>,
    /// Resolve, connect and TLS together.
    pub connect_timeout: Duration,
    /// The whole exchange, connecting included.
    pub total_timeout: Duration,
    /// Largest answer body in bytes.
    pub max_body: usize,
    /// Largest answer head in bytes, at least 8192.
    pub max_head: usize,
}

impl Default for OutboundPolicy {
    /// Public addresses over TLS; 10 s to connect, 30 s in all; answers up to 1 MiB.
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            plain_http: BTreeSet::new(),
            ca_file: None,
            connect_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_secs(30),
            max_body: 1 << 20,
            max_head: 16 << 10,
        }
    }
}

impl OutboundPolicy {
    /// Permits plain http to the host that `url` names, and to no other.
    #[must_use]
    pub fn with_plain_http_to(mut self, url: &str) -> Self {
        let url = url::Url::parse(url).ok();
        self.plain_http.extend(url.as_ref().and_then(url::Url::host_str).map(target::bare));
        self
    }
}

/// One request. `Host`, `Content-Length`, `Connection` and `User-Agent` are the client's.
#[derive(Clone)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Absolute address.
    pub url: String,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
    /// Take the answer's body; otherwise the exchange ends with its head and the body stays empty.
    pub read_body: bool,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("method", &self.method).field("body", &self.body.len()).finish_non_exhaustive()
    }
}

/// An answer, whatever its status.
#[derive(Clone)]
pub struct Response {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).field("body", &self.body.len()).finish_non_exhaustive()
    }
}

/// Why there is no answer. Without personal data and secrets.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// It may not be sent as it is: never try again unchanged.
    #[error("{0}")]
    Refused(String),
    /// Too slow; the stage is `connecting` or `waiting for the answer`.
    #[error("timed out while {0}")]
    Timeout(&'static str),
    /// The name cannot be resolved or nobody answers there.
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    /// Encryption failed: certificate or protocol.
    #[error("no secure connection: {0}")]
    Tls(#[source] io::Error),
    /// The answer is larger than allowed.
    #[error("the answer is too large")]
    TooLarge,
    /// The answer is not HTTP, or the connection broke in the middle.
    #[error("no proper answer: {0}")]
    Protocol(#[source] hyper::Error),
}

/// Addresses of a name, by whatever resolver the house uses.
pub type Resolver = Arc<dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// The client. Cheap to clone; one connection per request.
#[derive(Clone)]
pub struct Client {
    policy: OutboundPolicy,
    tls: TlsConnector,
    resolver: Resolver,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Client {
    /// A client under `policy`.
    ///
    /// # Errors
    /// [`OutboundError::Refused`] when `ca_file` cannot be read.
    pub fn new(policy: OutboundPolicy) -> Result<Self, OutboundError> {
        let tls = connect::connector(policy.ca_file.as_deref())?;
        Ok(Self { policy, tls, resolver: connect::system() })
    }

    /// The same with another resolver than the system's.
    #[must_use]
    pub fn with_resolver(self, resolver: Resolver) -> Self {
        Self { resolver, ..self }
    }

    /// Sends one request and takes the answer.
    ///
    /// # Errors
    /// See [`OutboundError`]; an answer with any status is no error.
    pub async fn send(&self, request: Request) -> Result<Response, OutboundError> {
        tokio::time::timeout(self.policy.total_timeout, self.exchange(request))
            .await
            .unwrap_or(Err(OutboundError::Timeout("waiting for the answer")))
    }

    /// Posts `pairs` as `application/x-www-form-urlencoded` and takes the answer (OAuth token requests, RFC 6749).
    ///
    /// # Errors
    /// See [`OutboundError`].
    pub async fn post_form(&self, url: &str, pairs: &[(&str, &str)]) -> Result<Response, OutboundError> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let url = url.to_owned();
        self.send(Request { method: Method::POST, url, headers, body: Bytes::from(body), read_body: true }).await
    }

    /// Resolves, judges and connects (with TLS), sends nothing, and hangs up. For `doctor`.
    ///
    /// # Errors
    /// See [`OutboundError`].
    pub async fn probe(&self, url: &str) -> Result<SocketAddr, OutboundError> {
        let target = Target::parse(url, &self.policy.plain_http)?;
        let (address, _) = self.connect(&target).await?;
        Ok(address)
    }

    async fn connect(&self, target: &Target) -> Result<(SocketAddr, Box<dyn Stream>), OutboundError> {
        let connect = async {
            let addresses = connect::resolve(target, &self.resolver, &self.policy.allow).await?;
            let stream = connect::dial(&addresses).await?;
            let address = stream.peer_addr().map_err(OutboundError::Connect)?;
            Ok((address, connect::secure(&self.tls, target, stream).await?))
        };
        tokio::time::timeout(self.policy.connect_timeout, connect)
            .await
            .unwrap_or(Err(OutboundError::Timeout("connecting")))
    }

    async fn exchange(&self, request: Request) -> Result<Response, OutboundError> {
        let target = Target::parse(&request.url, &self.policy.plain_http)?;
        let read_body = request.read_body;
        let request = prepare(request, &target)?;
        let (_, stream) = self.connect(&target).await?;
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(self.policy.max_head.max(8 << 10))
            .handshake(TokioIo::new(stream))
            .await
            .map_err(protocol)?;
        let answer = async {
            let response = sender.send_request(request).await.map_err(protocol)?;
            let (head, body) = response.into_parts();
            let body = if read_body { collect(body, self.policy.max_body).await? } else { Bytes::new() };
            Ok(Response { status: head.status, headers: head.headers, body })
        };
        tokio::pin!(answer);
        tokio::select! {
            answer = &mut answer => answer,
            // The connection may end before the last bytes are taken over; the answer then knows best what happened.
            _ = connection => answer.await,
        }
    }
}

fn prepare(request: Request, target: &Target) -> Result<http::Request<Full<Bytes>>, OutboundError> {
    let refuse = |e: http::Error| OutboundError::Refused(format!("the request cannot be written: {e}"));
    let mut built = http::Request::builder()
        .method(request.method)
        .uri(target.path.as_str())
        .body(Full::new(request.body))
        .map_err(refuse)?;
    let host = HeaderValue::from_str(&target.authority).map_err(|e| refuse(e.into()))?;
    *built.headers_mut() = request.headers;
    let headers = built.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
    headers.insert(HOST, host);
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    Ok(built)
}

async fn collect(mut body: hyper::body::Incoming, limit: usize) -> Result<Bytes, OutboundError> {
    let mut taken = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(protocol)?.into_data() {
            if taken.len() + data.len() > limit {
                return Err(OutboundError::TooLarge);
            }
            taken.extend_from_slice(&data);
        }
    }
    Ok(taken.freeze())
}

fn protocol(error: hyper::Error) -> OutboundError {
    if error.is_parse_too_large() { OutboundError::TooLarge } else { OutboundError::Protocol(error) }
}
