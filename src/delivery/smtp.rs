//! The house's SMTP server: one connection pool for every mail we send, and what its answers mean.
//!
//! Invariants:
//! - From is our own address: mail in the visitor's name would fail SPF and DMARC.
//! - Each mail says that it is automatic (RFC 3834) and ours ([`OWN_HEADER`], a Message-ID of our domain), so that
//!   nobody answers it by machine and we recognise it when it comes back through a mailbox we read.
//! - Message-ID follows from the effect: the same mail twice is recognisably one.

use std::fmt;
use std::time::{Duration, SystemTime};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{AsyncSmtpTransport, Error as SmtpError};
use lettre::{Address, AsyncTransport, Message, Tokio1Executor};
use ulid::Ulid;

use super::{Checked, Delivery};
use crate::clock::Timestamp;
use crate::config::delivery::{DeliveryConfig, SmtpConfig, SmtpTls};
use crate::domain::plain::one_line;
use crate::domain::reading::OWN_HEADER;

/// The way out for mail.
pub struct Outgoing {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    domain: String,
    server: String,
    timeout: Duration,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("server", &self.server).finish_non_exhaustive()
    }
}

/// How a mail calls itself (RFC 3834 section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Automatic {
    /// Made by a machine for its own reasons.
    Generated,
    /// An answer to somebody.
    Replied,
}

impl Outgoing {
    /// Through `[delivery.smtp]`; `None` when there is no server.
    ///
    /// # Errors
    /// One sentence naming what cannot be read.
    pub fn new(config: &DeliveryConfig) -> Result<Option<Self>, String> {
        let Some(smtp) = &config.smtp else { return Ok(None) };
        let address: Address = smtp.from.parse().map_err(|e| format!("smtp: from is no address: {e}"))?;
        Ok(Some(Self {
            transport: transport(smtp, config.timeout())?,
            from: Mailbox::new(Some(one_line(&smtp.from_name, 80)), address),
            domain: smtp.from_domain(),
            server: format!("{}:{}", smtp.host, smtp.port()),
            timeout: config.timeout(),
        }))
    }

    /// A mail of ours under way: From, Date, Message-ID and the marks of a machine. `word` tells kinds of mail apart.
    #[must_use]
    pub fn begin(&self, id: Ulid, word: &str, automatic: Automatic, now: Timestamp) -> MessageBuilder {
        let micros = u64::try_from(now.micros()).unwrap_or(0);
        let automatic = match automatic {
            Automatic::Generated => "auto-generated",
            Automatic::Replied => "auto-replied",
        };
        Message::builder()
            .from(self.from.clone())
            .date(SystemTime::UNIX_EPOCH + Duration::from_micros(micros))
            .message_id(Some(format!("<{id}.{word}@{}>", self.domain)))
            .raw_header(raw("Auto-Submitted", automatic))
            .raw_header(raw("X-Auto-Response-Suppress", "All"))
            .raw_header(raw(OWN_HEADER, &id.to_string()))
    }

    /// Our address.
    #[must_use]
    pub const fn from(&self) -> &Mailbox {
        &self.from
    }

    /// Sends it.
    pub async fn send(&self, message: Message) -> Delivery {
        match tokio::time::timeout(self.timeout, self.transport.send(message)).await {
            Ok(Ok(_)) => Delivery::Done,
            Ok(Err(error)) => judge(&error),
            Err(_) => Delivery::retry("the mail server took too long"),
        }
    }
}

/// A header of ours: the value never holds text of others.
pub(super) fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn transport(smtp: &SmtpConfig, timeout: Duration) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    let mut parameters = TlsParameters::builder(smtp.host.clone());
    if let Some(path) = &smtp.ca_file {
        let unreadable = |e: &dyn fmt::Display| format!("smtp: {} cannot be read: {e}", path.display());
        let pem = std::fs::read(path).map_err(|e| unreadable(&e))?;
        parameters = parameters.add_root_certificate(Certificate::from_pem(&pem).map_err(|e| unreadable(&e))?);
    }
    let parameters = parameters.build_rustls().map_err(|e| format!("smtp: {e}"))?;
    let tls = match smtp.tls {
        SmtpTls::Implicit => Tls::Wrapper(parameters),
        SmtpTls::Starttls => Tls::Required(parameters),
        SmtpTls::None => Tls::None,
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(smtp.host.clone())
        .port(smtp.port())
        .tls(tls)
        .timeout(Some(timeout));
    if let (Some(user), Some(password)) = (&smtp.user, smtp.password()?) {
        builder = builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
    }
    Ok(builder.build())
}

/// What a failure means: 5xx is final, except that wrong or missing credentials (RFC 4954) are the operator's to mend
/// and lose no mail meanwhile. The server's words are left out: they repeat addresses.
fn judge(error: &SmtpError) -> Delivery {
    let code = error.status().map(u16::from);
    match code {
        Some(code @ (530 | 534 | 535 | 538)) => {
            Delivery::retry(format!("the mail server wants another login ({code}): check user and password"))
        }
        Some(code) if error.is_permanent() => Delivery::never(format!("the mail server refused it ({code})")),
        Some(code) => Delivery::retry(format!("the mail server says later ({code})")),
        None if error.is_timeout() => Delivery::retry("the mail server took too long"),
        None if error.is_tls() => Delivery::retry("no secure connection to the mail server"),
        None => Delivery::retry("no proper answer from the mail server"),
    }
}

/// Connects and logs in to the mail server, sending nothing; `None` when there is none.
pub(super) async fn check(config: &DeliveryConfig) -> Option<Checked> {
    let smtp = config.smtp.as_ref()?;
    let result = match transport(smtp, config.timeout()) {
        Ok(transport) => tried(&transport, config.timeout()).await,
        Err(why) => Err(why),
    };
    Some(Checked { what: format!("smtp {}:{}", smtp.host, smtp.port()), result })
}

async fn tried(transport: &AsyncSmtpTransport<Tokio1Executor>, timeout: Duration) -> Result<String, String> {
    match tokio::time::timeout(timeout, transport.test_connection()).await {
        Ok(Ok(true)) => Ok("connected and logged in".to_owned()),
        Ok(Ok(false)) => Err("the server hung up: check host, port and tls".to_owned()),
        Ok(Err(error)) => match judge(&error) {
            Delivery::Done => Ok(String::new()),
            Delivery::Retry { why, .. }
            | Delivery::Later { why, .. }
            | Delivery::Never { why }
            | Delivery::Withheld { why } => Err(why),
        },
        Err(_) => Err("no answer in time: check host, port and firewall".to_owned()),
    }
}
