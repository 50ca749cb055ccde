//! Mail to the owner of a record, through the house's SMTP server.
//!
//! Invariants:
//! - The recipient comes from the house's own people, never from what arrived.
//! - From is our own address, the envelope sender too: mail in the visitor's name would fail SPF and DMARC.
//! - Each mail says that it is automatic (RFC 3834) and ours ([`OWN_HEADER`], a Message-ID of our domain), so that
//!   nobody answers it by machine and we recognise it when it comes back through a mailbox we read.
//! - Message-ID follows from the effect: the same mail twice is recognisably one.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{AsyncSmtpTransport, Error as SmtpError};
use lettre::{Address, AsyncTransport, Message, Tokio1Executor};
use ulid::Ulid;

use super::record::{self, Record, kind_word};
use super::{Attempt, Checked, Deliver, Delivery, Notice, wording};
use crate::clock::Timestamp;
use crate::config::delivery::{DeliveryConfig, MailLanguage, SmtpConfig, SmtpTls};
use crate::domain::plain::one_line;
use crate::domain::reading::OWN_HEADER;
use crate::store::{Effect, Store};

/// Somebody of the house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Name beside the address.
    pub name: String,
    /// Address.
    pub email: String,
}

/// Finds a person of the house by user id; `None` when there is no such person, or no address.
pub type People = Arc<dyn Fn(&str) -> Option<Recipient> + Send + Sync>;

/// Mails owners.
pub struct OwnerMail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    domain: String,
    language: MailLanguage,
    server: String,
    timeout: Duration,
    people: People,
    store: Arc<dyn Store>,
}

impl fmt::Debug for OwnerMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnerMail").field("server", &self.server).finish_non_exhaustive()
    }
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

impl OwnerMail {
    /// Mails through `[delivery.smtp]` in the language of `[delivery.owner_mail]`; `None` when there is no server.
    ///
    /// # Errors
    /// One sentence naming what cannot be read.
    pub fn new(config: &DeliveryConfig, store: Arc<dyn Store>, people: People) -> Result<Option<Self>, String> {
        let Some(smtp) = &config.smtp else { return Ok(None) };
        let address: Address = smtp.from.parse().map_err(|e| format!("smtp: from is no address: {e}"))?;
        Ok(Some(Self {
            transport: transport(smtp, config.timeout())?,
            from: Mailbox::new(Some(one_line(&smtp.from_name, 80)), address),
            domain: smtp.from_domain(),
            language: config.owner_mail.language,
            server: format!("{}:{}", smtp.host, smtp.port()),
            timeout: config.timeout(),
            people,
            store,
        }))
    }

    fn write(
        &self,
        id: Ulid,
        notice: &Notice,
        record: &Record,
        to: Mailbox,
        now: Timestamp,
    ) -> Result<Message, String> {
        let reply_to = reply_to(record);
        let micros = u64::try_from(now.micros()).unwrap_or(0);
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(wording::subject(self.language, notice, record))
            .date(SystemTime::UNIX_EPOCH + Duration::from_micros(micros))
            .message_id(Some(format!("<{id}.notification@{}>", self.domain)))
            .raw_header(raw("Auto-Submitted", "auto-generated"))
            .raw_header(raw("X-Auto-Response-Suppress", "All"))
            .raw_header(raw(OWN_HEADER, &id.to_string()));
        let text = wording::text(self.language, record, reply_to.is_some());
        if let Some(reply_to) = reply_to {
            message = message.reply_to(reply_to);
        }
        message.singlepart(SinglePart::plain(text)).map_err(|e| format!("the mail cannot be written: {e}"))
    }

    async fn send(&self, message: Message) -> Delivery {
        match tokio::time::timeout(self.timeout, self.transport.send(message)).await {
            Ok(Ok(_)) => Delivery::Done,
            Ok(Err(error)) => judge(&error),
            Err(_) => Delivery::retry("the mail server took too long"),
        }
    }
}

fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// The enquirer, when the address is one person's: then a reply reaches who asked. Never an address that needs
/// extended mail (RFC 6532), which many servers refuse.
fn reply_to(record: &Record) -> Option<Mailbox> {
    let email = record.emails.first().filter(|e| e.personal && e.address.is_ascii())?;
    let address: Address = email.address.parse().ok()?;
    Some(Mailbox::new(record.name.clone(), address))
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

#[async_trait]
impl Deliver for OwnerMail {
    async fn deliver(&self, effect: &Effect, attempt: Attempt) -> Delivery {
        let Ok(notice) = serde_json::from_value::<Notice>(effect.payload.clone()) else {
            return Delivery::never("the stored effect cannot be read");
        };
        let record = match record::look_up(self.store.as_ref(), notice.kind, notice.record).await {
            Ok(Some(record)) => record,
            Ok(None) => return Delivery::never(format!("{} {} is gone", kind_word(notice.kind), notice.record)),
            Err(error) => return Delivery::retry(format!("the record could not be read: {error}")),
        };
        // Nobody owns it yet: there is nobody to tell.
        let Some(owner) = record.owner.as_deref() else { return Delivery::Done };
        let Some(person) = (self.people)(owner) else {
            return Delivery::never(format!("{owner} has no address: add an email in people.toml and try again"));
        };
        let Ok(address) = person.email.parse::<Address>() else {
            return Delivery::never(format!("the address of {owner} is none: correct it in people.toml and try again"));
        };
        let to = Mailbox::new(Some(one_line(&person.name, 80)), address);
        match self.write(effect.id, &notice, &record, to, attempt.now) {
            Ok(message) => self.send(message).await,
            Err(why) => Delivery::never(why),
        }
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
            Delivery::Retry { why, .. } | Delivery::Never { why } => Err(why),
        },
        Err(_) => Err("no answer in time: check host, port and firewall".to_owned()),
    }
}
