//! `[delivery]`: what leaves the house. Everything is off until it is configured.
//!
//! Not here: how it is delivered (`delivery/`), when it is tried again (`pipeline/backoff`).

mod check;
pub(in crate::config) mod secret;

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::visitor::VisitorMailConfig;

pub use self::secret::DeliverySecret;
pub(super) use self::secret::{from_env, from_file};

/// `[delivery]`: webhooks and mails that follow a new or continued record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DeliveryConfig {
    /// Deliveries under way at once to one target. A slow target never holds up another.
    pub per_target: usize,
    /// Attempts before a delivery becomes a dead letter (`pisteur deliveries` lists it and tries it again).
    /// The wait doubles from 5 s to at most 1 h: 48 attempts are about a day and a half.
    pub max_attempts: u32,
    /// Longest time one attempt may take, in seconds.
    pub timeout_seconds: u64,
    /// Receivers of signed webhooks (Standard Webhooks).
    pub webhook: Vec<WebhookConfig>,
    /// The server that takes our mails.
    pub smtp: Option<SmtpConfig>,
    /// Mail to the owner of a new or continued record.
    pub owner_mail: OwnerMailConfig,
    /// Bounds of mail to visitors.
    pub visitor_mail: VisitorMailConfig,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self {
            per_target: 4,
            max_attempts: 48,
            timeout_seconds: 20,
            webhook: Vec::new(),
            smtp: None,
            owner_mail: OwnerMailConfig::default(),
            visitor_mail: VisitorMailConfig::default(),
        }
    }
}

/// What happened to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// A lead or opportunity was made.
    Created,
    /// Its person wrote again.
    Appended,
}

impl Event {
    /// The word configured and sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Appended => "appended",
        }
    }

    /// The event a stored word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Created, Self::Appended].into_iter().find(|e| e.as_str() == word)
    }
}

/// How much a webhook says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Include {
    /// Ids, kind, owner, team, source, title, state: no personal data beside the title.
    #[default]
    Thin,
    /// Name, company, email addresses and phone numbers too.
    Full,
}

/// One value or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// `key = "value"`.
    One(T),
    /// `key = ["value", ..]`.
    Many(Vec<T>),
}

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl<T> OneOrMany<T> {
    /// The values, in order, to be changed.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        match self {
            Self::One(value) => std::slice::from_mut(value),
            Self::Many(values) => values,
        }
    }

    /// The values, in order.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

/// `[[delivery.webhook]]`: one receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Name of the receiver: letters, digits, `-` and `_`.
    pub id: String,
    /// Where it is posted to, `https://..`.
    pub url: String,
    /// Environment variable (or several, newest first, while a secret is changed) with a `whsec_..` secret.
    #[serde(default)]
    pub secret_env: OneOrMany<String>,
    /// File (or several, newest first) with a `whsec_..` secret.
    #[serde(default)]
    pub secret_file: OneOrMany<PathBuf>,
    /// Events it is told of.
    #[serde(default = "every_event")]
    pub events: Vec<Event>,
    /// `thin` (ids and routing) or `full` (contact details too).
    #[serde(default)]
    pub include: Include,
    /// Networks it may be reached in although they are not public, for example `["10.0.0.0/8"]`.
    #[serde(default)]
    pub allow_private: Vec<String>,
    /// Permit `http://` without encryption.
    #[serde(default)]
    pub allow_http: bool,
    /// PEM file with the authorities to trust beside the public ones.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

fn every_event() -> Vec<Event> {
    vec![Event::Created, Event::Appended]
}

/// Encryption towards the SMTP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// TLS from the first byte (port 465).
    #[default]
    Implicit,
    /// `STARTTLS`, required (port 587).
    Starttls,
    /// None: only to this machine.
    None,
}

/// `[delivery.smtp]`: the server that takes our mails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SmtpConfig {
    /// Host name of the server.
    pub host: String,
    /// Port; by default 465 (implicit), 587 (starttls) or 25 (none).
    #[serde(default)]
    pub port: Option<u16>,
    /// `implicit`, `starttls`, or `none` (only to this machine).
    #[serde(default)]
    pub tls: SmtpTls,
    /// User name, when the server wants one.
    #[serde(default)]
    pub user: Option<String>,
    /// Environment variable with the password.
    #[serde(default)]
    pub password_env: Option<String>,
    /// File with the password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Sender of our mails: an address in a domain this server may send for.
    pub from: String,
    /// Name beside that address.
    #[serde(default = "from_name")]
    pub from_name: String,
    /// PEM file with the authorities to trust beside the public ones.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

fn from_name() -> String {
    "Pisteur".to_owned()
}

impl SmtpConfig {
    /// The configured port, or the usual one for the kind of encryption (RFC 8314).
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            SmtpTls::Implicit => 465,
            SmtpTls::Starttls => 587,
            SmtpTls::None => 25,
        })
    }

    /// Domain of the sender address, lower case.
    #[must_use]
    pub fn from_domain(&self) -> String {
        self.from.rsplit_once('@').map_or_else(String::new, |(_, domain)| domain.to_ascii_lowercase())
    }
}

/// Language of our mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "ISO 639-1")]
pub enum MailLanguage {
    #[default]
    Fr,
    En,
    Cs,
    Fa,
}

/// `[delivery.owner_mail]`: a mail to the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OwnerMailConfig {
    /// Send it. Needs `[delivery.smtp]`.
    pub enabled: bool,
    /// `fr`, `en`, `cs` or `fa`.
    pub language: MailLanguage,
    /// Events it is sent for.
    pub events: Vec<Event>,
}

impl Default for OwnerMailConfig {
    fn default() -> Self {
        Self { enabled: false, language: MailLanguage::default(), events: every_event() }
    }
}

impl WebhookConfig {
    /// Reads the signing secrets, newest first.
    ///
    /// # Errors
    /// One sentence naming the variable or file that is missing.
    pub fn secrets(&self) -> Result<Vec<DeliverySecret>, String> {
        let env = self.secret_env.as_slice().iter().map(|name| from_env(name));
        let files = self.secret_file.as_slice().iter().map(from_file);
        env.chain(files).collect()
    }

    /// Networks of `allow_private`; entries that are none are left to [`DeliveryConfig::validate`].
    #[must_use]
    pub fn networks(&self) -> Vec<IpNet> {
        self.allow_private.iter().filter_map(|n| n.parse().ok()).collect()
    }
}

impl SmtpConfig {
    /// Reads the password; `None` when the server wants no user.
    ///
    /// # Errors
    /// One sentence naming what is missing.
    pub fn password(&self) -> Result<Option<DeliverySecret>, String> {
        match (&self.user, &self.password_env, &self.password_file) {
            (None, ..) => Ok(None),
            (Some(_), Some(name), _) => from_env(name).map(Some),
            (Some(_), None, Some(path)) => from_file(path).map(Some),
            (Some(_), None, None) => Err("user is set but no password: add password_env or password_file".to_owned()),
        }
    }
}

impl DeliveryConfig {
    /// Longest time one attempt may take.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }
}
