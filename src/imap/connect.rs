//! From a configuration to a logged-in session: resolve, connect, TLS, greeting, login.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_imap::Client;
use async_imap::imap_proto::{Response, Status};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};
use tokio_rustls::rustls::pki_types::ServerName;

use super::error::{ErrorClass, ImapError, printable};
use super::oauth::{TokenFacts, TokenFetcher, TokenSource, Vault};
use super::session::Session;
use super::wire::Wire;
use super::{login, tls};
use crate::clock::Clock;
use crate::config::mailbox::{MailboxConfig, TlsMode};

/// Pause before the next address of a host is tried beside the ones under way (RFC 8305 section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// What a mailbox needs to log in, kept over reconnections: the token cache lives here.
#[derive(Debug, Clone)]
pub struct Access {
    pub(super) tokens: Option<Arc<TokenSource>>,
}

impl Access {
    /// For this mailbox. `fetch` calls the token endpoint; `vault` keeps rotated refresh tokens.
    pub fn new(config: &MailboxConfig, clock: Arc<dyn Clock>, fetch: TokenFetcher, vault: Vault) -> Self {
        let tokens =
            config.oauth.clone().map(|oauth| Arc::new(TokenSource::new(&config.id, oauth, clock, fetch, vault)));
        Self { tokens }
    }

    /// How the tokens fare; empty without OAuth. Tries to keep a rotated refresh token that is not kept yet.
    pub async fn token_facts(&self) -> TokenFacts {
        match &self.tokens {
            Some(tokens) => tokens.facts().await,
            None => TokenFacts::default(),
        }
    }
}

/// Opens a logged-in session.
///
/// # Errors
/// Any class but `Refused`.
pub async fn open(config: &MailboxConfig, access: &Access) -> Result<Session, ImapError> {
    let client = greet(config).await?;
    login::login(client, config, access).await
}

/// Connects and reads the greeting; with STARTTLS, goes on to TLS.
pub(super) async fn greet(config: &MailboxConfig) -> Result<Client<Wire>, ImapError> {
    let limit = config.timing.connect.duration();
    let addresses = resolve(config).await?;
    let stream = timeout(limit, connect_any(addresses))
        .await
        .map_err(|_| ImapError::timed_out("no connection to the mail server"))?
        .map_err(|e| ImapError::new(ErrorClass::Network, format!("no connection to the mail server: {}", e.kind())))?;
    match config.tls {
        TlsMode::None => greeted(Client::new(Wire::plain(stream)), config).await,
        TlsMode::Implicit => greeted(Client::new(secure(stream, config).await?), config).await,
        TlsMode::Starttls => {
            let client = greeted(Client::new(Wire::plain(stream)), config).await?;
            starttls(client, config).await
        }
    }
}

/// The addresses of the server; for a plain connection only those of this machine.
pub(super) async fn resolve(config: &MailboxConfig) -> Result<VecDeque<SocketAddr>, ImapError> {
    let host = config.server().trim_start_matches('[').trim_end_matches(']');
    let limit = config.timing.connect.duration();
    let found: Vec<SocketAddr> = timeout(limit, lookup_host((host, config.server_port())))
        .await
        .map_err(|_| ImapError::timed_out("the name of the mail server was not resolved"))?
        .map_err(|_| ImapError::new(ErrorClass::Network, format!("the name {host} cannot be resolved")))?
        .collect();
    if config.tls == TlsMode::None && !found.iter().all(|a| a.ip().is_loopback()) {
        let text = format!("{host} is not this machine and tls is \"none\": use \"implicit\"");
        return Err(ImapError::new(ErrorClass::Settings, text));
    }
    let (six, four): (Vec<_>, Vec<_>) = found.into_iter().partition(|a| matches!(a.ip(), IpAddr::V6(_)));
    let (mut six, mut four) = (six.into_iter(), four.into_iter());
    let mut ordered = VecDeque::new();
    loop {
        let pair = [six.next(), four.next()];
        if pair.iter().all(Option::is_none) {
            break;
        }
        ordered.extend(pair.into_iter().flatten());
    }
    if ordered.is_empty() {
        return Err(ImapError::new(ErrorClass::Network, format!("the name {host} has no address")));
    }
    Ok(ordered)
}

/// The first address that answers: the next one is started when the one before is slow or failed (RFC 8305).
async fn connect_any(mut addresses: VecDeque<SocketAddr>) -> std::io::Result<TcpStream> {
    let mut running = FuturesUnordered::new();
    let mut last = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
    loop {
        if let Some(address) = addresses.pop_front() {
            running.push(TcpStream::connect(address));
        } else if running.is_empty() {
            return Err(last);
        }
        tokio::select! {
            Some(result) = running.next() => match result {
                Ok(stream) => {
                    keep_alive(&stream);
                    return Ok(stream);
                }
                Err(e) => last = e,
            },
            () = sleep(ATTEMPT_DELAY), if !addresses.is_empty() => {}
        }
    }
}

/// Keepalive finds dead peers during IDLE; a system that refuses the option still works.
fn keep_alive(stream: &TcpStream) {
    let keepalive = TcpKeepalive::new().with_time(Duration::from_mins(1)).with_interval(Duration::from_secs(30));
    let set = SockRef::from(stream).set_tcp_keepalive(&keepalive).and_then(|()| stream.set_nodelay(true));
    if let Err(error) = set {
        tracing::debug!(%error, "the connection to the mail server has no keepalive");
    }
}

async fn secure(stream: TcpStream, config: &MailboxConfig) -> Result<Wire, ImapError> {
    let host = config.server().trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host)
        .map_err(|_| ImapError::new(ErrorClass::Settings, "host is not a name TLS can check"))?;
    let connector = tls::connector(config.ca_file.as_deref())?;
    let stream = timeout(config.timing.connect.duration(), connector.connect(name, stream))
        .await
        .map_err(|_| ImapError::timed_out("TLS handshake"))?
        .map_err(|e| ImapError::new(ErrorClass::Network, format!("TLS failed: {}", printable(&e.to_string()))))?;
    Ok(Wire::tls(stream))
}

async fn greeted(mut client: Client<Wire>, config: &MailboxConfig) -> Result<Client<Wire>, ImapError> {
    let read = timeout(config.timing.command.duration(), client.read_response())
        .await
        .map_err(|_| ImapError::timed_out("the mail server did not greet"))?;
    let first = read.map_err(|e| ImapError::io(&e, client.get_ref().bye()))?;
    let Some(first) = first else { return Err(ImapError::lost(client.get_ref().bye())) };
    match first.parsed() {
        Response::Data { status: Status::Ok, .. } => Ok(client),
        Response::Data { status: Status::Bye, outcome } => {
            Err(ImapError::lost(Some(printable(outcome.information.as_deref().unwrap_or("no reason given")))))
        }
        Response::Data { status: Status::PreAuth, .. } => {
            Err(ImapError::new(ErrorClass::Settings, "the server logs in by itself (PREAUTH): not supported"))
        }
        _ => Err(ImapError::new(ErrorClass::Protocol, "the server's greeting is not IMAP")),
    }
}

/// STARTTLS (RFC 9051 section 6.2.1). Bytes the server sent before the handshake are dropped with the old client,
/// so nothing can be injected into the protected session.
async fn starttls(mut client: Client<Wire>, config: &MailboxConfig) -> Result<Client<Wire>, ImapError> {
    let done = timeout(config.timing.command.duration(), client.run_command_and_check_ok("STARTTLS", None))
        .await
        .map_err(|_| ImapError::timed_out("STARTTLS"))?;
    if let Err(error) = done {
        let error = ImapError::command("STARTTLS", &error, client.get_ref().bye());
        if error.class == ErrorClass::Refused {
            let text = format!("{}: use tls = \"implicit\" if the server offers it", error.text);
            return Err(ImapError::new(ErrorClass::Settings, text));
        }
        return Err(error);
    }
    let Some(stream) = client.into_inner().into_plain() else {
        return Err(ImapError::new(ErrorClass::Protocol, "STARTTLS on a protected connection"));
    };
    Ok(Client::new(secure(stream, config).await?))
}
