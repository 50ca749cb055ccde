//! `[delivery]`: what leaves the house. Everything is off until it is configured.
//!
//! Not here: how it is delivered (`delivery/`), when it is tried again (`pipeline/backoff`).

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[delivery]`: webhooks and mails that follow a new or continued record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DeliveryConfig {
    /// Deliveries under way at once to one target. A slow target never holds up another.
    pub per_target: usize,
    /// Attempts before a delivery becomes a dead letter (listed by `pisteur doctor`, can be tried again by hand).
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

/// Something wrong with a section: the key below it, and a sentence with the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "a pair")]
pub struct DeliveryProblem {
    pub key: String,
    pub message: String,
}

/// A secret: never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct DeliverySecret(String);

impl DeliverySecret {
    /// Wraps a secret, without surrounding white space.
    #[must_use]
    pub fn new(value: &str) -> Self {
        Self(value.trim().to_owned())
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The signing key in a Standard Webhooks secret: `whsec_` and the base64 of 24 to 64 bytes.
    ///
    /// # Errors
    /// How to make one. The secret is not repeated.
    pub fn signing_key(&self) -> Result<Vec<u8>, String> {
        let encoded = self.0.strip_prefix("whsec_").unwrap_or(&self.0);
        match STANDARD.decode(encoded) {
            Ok(key) if (24..=64).contains(&key.len()) => Ok(key),
            _ => Err("the secret is not whsec_ and the base64 of 24 to 64 bytes: make one with \
                      `echo whsec_$(openssl rand -base64 32)`"
                .to_owned()),
        }
    }
}

impl fmt::Debug for DeliverySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

fn from_env(name: &str) -> Result<DeliverySecret, String> {
    match std::env::var(name) {
        Ok(value) if !value.trim().is_empty() => Ok(DeliverySecret::new(&value)),
        _ => Err(format!("the environment variable {name} is not set: set it to the secret")),
    }
}

fn from_file(path: &PathBuf) -> Result<DeliverySecret, String> {
    let shown = path.display();
    match std::fs::read_to_string(path) {
        Ok(value) if !value.trim().is_empty() => Ok(DeliverySecret::new(&value)),
        Ok(_) => Err(format!("the secret file {shown} is empty: write the secret into it")),
        Err(e) => Err(format!("the secret file {shown} cannot be read ({e}): create it, readable by pisteur only")),
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

    fn validate(&self, key: &str, problems: &mut Vec<DeliveryProblem>) {
        let mut add = |name: &str, message: String| {
            problems.push(DeliveryProblem { key: format!("{key}.{name}"), message });
        };
        if self.id.is_empty() || !self.id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            add("id", format!("{:?} is no name: use letters, digits, - and _", self.id));
        }
        match url::Url::parse(&self.url) {
            Err(e) => add("url", format!("not an address ({e}): write https://host/path")),
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                add("url", "no user or password in the address: the signature proves who sends".to_owned());
            }
            Ok(url) if url.scheme() == "https" || (url.scheme() == "http" && self.allow_http) => {}
            Ok(url) if url.scheme() == "http" => {
                add("url", "http is not encrypted: use https, or set allow_http = true".to_owned());
            }
            Ok(url) => add("url", format!("{} is not supported: use https", url.scheme())),
        }
        if self.secret_env.as_slice().is_empty() && self.secret_file.as_slice().is_empty() {
            add("secret_env", "no secret: name a variable (secret_env) or file (secret_file) with whsec_..".to_owned());
        } else if let Err(message) =
            self.secrets().and_then(|all| all.iter().try_for_each(|s| s.signing_key().map(drop)))
        {
            let key = if self.secret_env.as_slice().is_empty() { "secret_file" } else { "secret_env" };
            add(key, message);
        }
        if self.events.is_empty() {
            add("events", "empty: name created, appended or both, or remove the webhook".to_owned());
        }
        for network in self.allow_private.iter().filter(|n| n.parse::<IpNet>().is_err()) {
            add("allow_private", format!("{network:?} is no network: write it like 10.0.0.0/8 or fd00::/8"));
        }
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

    fn validate(&self, problems: &mut Vec<DeliveryProblem>) {
        let mut add = |name: &str, message: String| {
            problems.push(DeliveryProblem { key: format!("delivery.smtp.{name}"), message });
        };
        if self.host.trim().is_empty() {
            add("host", "empty: write the name of the mail server".to_owned());
        }
        let local = matches!(self.host.as_str(), "localhost" | "::1")
            || self.host.parse::<std::net::Ipv4Addr>().is_ok_and(|a| a.is_loopback());
        if self.tls == SmtpTls::None && !local {
            add("tls", "none is only for this machine (127.0.0.1): use implicit or starttls".to_owned());
        }
        if self.from.parse::<lettre::Address>().is_err() {
            add("from", format!("{:?} is no address: write it like crm@example.com", self.from));
        }
        if let Err(message) = self.password() {
            add("password_env", message);
        }
    }
}

impl DeliveryConfig {
    /// Longest time one attempt may take.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }

    /// Everything wrong with the section; reads the secrets to see that they are there.
    #[must_use]
    pub fn validate(&self) -> Vec<DeliveryProblem> {
        let mut problems = Vec::new();
        let mut add = |key: &str, message: &str| {
            problems.push(DeliveryProblem { key: key.to_owned(), message: message.to_owned() });
        };
        if !(1..=64).contains(&self.per_target) {
            add("delivery.per_target", "must be 1 to 64");
        }
        if !(1..=1_000).contains(&self.max_attempts) {
            add("delivery.max_attempts", "must be 1 to 1000");
        }
        if !(1..=300).contains(&self.timeout_seconds) {
            add("delivery.timeout_seconds", "must be 1 to 300");
        }
        if self.owner_mail.enabled && self.smtp.is_none() {
            add("delivery.owner_mail.enabled", "mail needs a server: add [delivery.smtp], or set enabled = false");
        }
        let mut seen = BTreeSet::new();
        for (index, webhook) in self.webhook.iter().enumerate() {
            let key = format!("delivery.webhook[{index}]");
            webhook.validate(&key, &mut problems);
            if !seen.insert(webhook.id.as_str()) {
                let message = format!("{:?} is used twice: give each webhook its own id", webhook.id);
                problems.push(DeliveryProblem { key: format!("{key}.id"), message });
            }
        }
        if let Some(smtp) = &self.smtp {
            smtp.validate(&mut problems);
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let config: DeliveryConfig = toml::from_str(text).expect("parses");
        config.validate().into_iter().map(|p| format!("{}: {}", p.key, p.message)).collect()
    }

    #[test]
    fn nothing_is_delivered_until_it_is_configured() {
        let config: DeliveryConfig = toml::from_str("").expect("parses");
        assert!(config.webhook.is_empty() && config.smtp.is_none() && !config.owner_mail.enabled);
        assert!(config.validate().is_empty());
    }

    #[test]
    fn each_mistake_names_its_key_and_a_remedy() {
        let found = problems(
            r#"
            owner_mail = { enabled = true }
            [[webhook]]
            id = "a b"
            url = "http://example.com/x"
            [[webhook]]
            id = "crm"
            url = "https://me:pw@example.com/"
            secret_env = "PISTEUR_TEST_SECRET_THAT_IS_NOT_SET"
            allow_private = ["10.0.0.0/99"]
            events = []
            [[webhook]]
            id = "crm"
            url = "ftp://example.com/"
            secret_file = ["/nonexistent/secret"]
            "#,
        );
        for wanted in [
            "delivery.owner_mail.enabled: mail needs a server",
            "delivery.webhook[0].id: \"a b\" is no name",
            "delivery.webhook[0].url: http is not encrypted",
            "delivery.webhook[0].secret_env: no secret",
            "delivery.webhook[1].url: no user or password",
            "delivery.webhook[1].secret_env: the environment variable PISTEUR_TEST_SECRET_THAT_IS_NOT_SET is not set",
            "delivery.webhook[1].allow_private: \"10.0.0.0/99\" is no network",
            "delivery.webhook[1].events: empty",
            "delivery.webhook[2].url: ftp is not supported",
            "delivery.webhook[2].secret_file: the secret file /nonexistent/secret cannot be read",
            "delivery.webhook[2].id: \"crm\" is used twice",
        ] {
            assert!(found.iter().any(|f| f.starts_with(wanted)), "{wanted} not in {found:#?}");
        }
    }

    #[test]
    fn unencrypted_smtp_leaves_this_machine_never() {
        let text = |host: &str| format!("[smtp]\nhost = \"{host}\"\ntls = \"none\"\nfrom = \"crm@example.com\"\n");
        assert_eq!(problems(&text("127.0.0.1")), Vec::<String>::new());
        assert!(problems(&text("mail.example.com"))[0].starts_with("delivery.smtp.tls: none is only for this machine"));
    }

    #[test]
    fn a_user_without_password_is_refused() {
        let found = problems("[smtp]\nhost = \"mx\"\nuser = \"u\"\nfrom = \"no address\"\n");
        assert!(found.iter().any(|f| f.contains("user is set but no password")), "{found:?}");
        assert!(found.iter().any(|f| f.contains("is no address")), "{found:?}");
    }

    #[test]
    fn a_signing_secret_has_a_shape() {
        assert!(DeliverySecret::new(" whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").signing_key().is_ok());
        for wrong in ["", "whsec_", "whsec_short", "hunter2", "whsec_!!!!"] {
            let error = DeliverySecret::new(wrong).signing_key().expect_err(wrong);
            assert!(error.contains("openssl rand"), "{error}");
        }
    }

    #[test]
    fn secrets_are_never_printed() {
        assert_eq!(format!("{:?}", DeliverySecret::new("whsec_abc")), "***");
    }
}
