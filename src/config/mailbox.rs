//! `[[mailbox]]`: IMAP accounts to read. What operators write, its defaults, and what is wrong with it.
//!
//! Secrets are named, never written: a mailbox says where its password lies (environment, file, command).

mod oauth;
mod secret;
mod timing;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use oauth::{Grant, OauthConfig, Provider};
pub use secret::SecretSource;
pub use timing::{Seconds, Timing};

/// A problem of a section: the key path (`mailbox[0].first_run`) and one sentence with the remedy.
pub type Problem = (String, String);

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// TLS from the first byte (port 993).
    #[default]
    Implicit,
    /// Plain greeting, then STARTTLS (port 143). A server that does not offer it is refused.
    Starttls,
    /// No protection: allowed to this machine only (`127.0.0.1`, `::1`, `localhost`).
    None,
}

/// What to read when a mailbox is connected for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FirstRun {
    /// Nothing that is there already: only mail that arrives from now on.
    FromNow,
    /// Everything that is there; nobody is notified about it.
    All,
    /// Mail received on or after this day (`YYYY-MM-DD`); nobody is notified about it.
    Since(#[schemars(with = "String")] jiff::civil::Date),
}

/// What happens to a message on the server after it was dealt with. Nothing is ever deleted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum After {
    /// It stays as it is.
    #[default]
    None,
    /// It gets the keyword `$LeadImported`, where the server allows own keywords.
    Keyword,
    /// It is moved to this folder, which is created if missing.
    Move(String),
}

/// One IMAP account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MailboxConfig {
    /// Name of the mailbox in rules, logs and metrics: lower-case letters, digits, `-` and `_`. Keep it: the cursor hangs on it.
    pub id: String,
    /// Host name or address of the IMAP server. The presets of `oauth.provider` know theirs.
    #[serde(default)]
    pub host: String,
    /// Port; 993 for implicit TLS, else 143.
    #[serde(default)]
    pub port: Option<u16>,
    /// `implicit`, `starttls`, or `none` (this machine only).
    #[serde(default)]
    pub tls: TlsMode,
    /// PEM file with certificates to trust besides the public ones.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Login name, usually the address.
    pub user: String,
    /// Where the password lies: `{ env = "NAME" }`, `{ file = "path" }` or `{ command = ["program", "argument"] }`.
    #[serde(default)]
    pub password: Option<SecretSource>,
    /// OAuth2 (XOAUTH2) instead of a password.
    #[serde(default)]
    pub oauth: Option<OauthConfig>,
    /// Folder to read.
    #[serde(default = "inbox")]
    pub folder: String,
    /// Required: `"from_now"`, `"all"` or `{ since = "YYYY-MM-DD" }`.
    #[serde(default)]
    pub first_run: Option<FirstRun>,
    /// `"none"`, `"keyword"` or `{ move = "Processed" }`.
    #[serde(default)]
    pub after: After,
    /// Messages above this many bytes are read as header and first part only.
    #[serde(default = "max_message_bytes")]
    pub max_message_bytes: u32,
    /// How many bytes of such a message are read.
    #[serde(default = "oversize_bytes")]
    pub oversize_bytes: u32,
    /// Wait for new mail with IDLE where the server offers it.
    #[serde(default = "yes")]
    pub idle: bool,
    /// Intervals and time-outs.
    #[serde(default)]
    pub timing: Timing,
    /// Read this mailbox. `false` keeps the section without using it.
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn inbox() -> String {
    "INBOX".to_owned()
}

const fn max_message_bytes() -> u32 {
    25 * 1024 * 1024
}

const fn oversize_bytes() -> u32 {
    256 * 1024
}

const fn yes() -> bool {
    true
}

impl MailboxConfig {
    /// The host to connect to: as written, else the provider's.
    #[must_use]
    pub fn server(&self) -> &str {
        if !self.host.is_empty() {
            return &self.host;
        }
        self.oauth.as_ref().and_then(|o| o.provider.imap_host()).unwrap_or("")
    }

    /// The port to connect to.
    #[must_use]
    pub fn server_port(&self) -> u16 {
        self.port.unwrap_or(if self.tls == TlsMode::Implicit { 993 } else { 143 })
    }

    /// Name of the lock that keeps one session per mailbox.
    #[must_use]
    pub fn lock_name(&self) -> String {
        format!("mailbox:{}", self.id)
    }

    /// What is wrong with this section; `at` is its path, such as `mailbox[0]`.
    #[must_use]
    pub fn validate(&self, at: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut say = |key: &str, text: String| problems.push((format!("{at}.{key}"), text));
        if !valid_id(&self.id) {
            say("id", format!("`{}` is not a mailbox id: use 1 to 64 of a-z, 0-9, - and _", self.id));
        }
        if self.server().is_empty() {
            say("host", "the IMAP server is missing: write host = \"imap.example.org\"".to_owned());
        }
        if self.user.trim().is_empty() {
            say("user", "the login name is missing: usually it is the address of the mailbox".to_owned());
        }
        if self.user.contains(['\r', '\n', '\0', '\u{1}']) {
            say("user", "the login name contains a control character: remove it".to_owned());
        }
        if self.first_run.is_none() {
            say("first_run", FIRST_RUN_MISSING.to_owned());
        }
        self.validate_protection(&mut say);
        self.validate_credentials(&mut say);
        self.validate_folders(&mut say);
        if self.max_message_bytes < 1024 || self.max_message_bytes > 256 * 1024 * 1024 {
            say("max_message_bytes", "must lie between 1024 and 268435456 (256 MB)".to_owned());
        }
        if self.oversize_bytes < 1024 || self.oversize_bytes > self.max_message_bytes {
            say("oversize_bytes", "must lie between 1024 and max_message_bytes".to_owned());
        }
        if let Some(oauth) = &self.oauth {
            problems.extend(oauth.validate(&format!("{at}.oauth")));
        }
        problems.extend(self.timing.validate(&format!("{at}.timing")));
        problems
    }

    /// Secrets that cannot be read here and now: key inside the section, and one sentence with the remedy.
    #[must_use]
    pub fn absent_secrets(&self) -> Vec<Problem> {
        let oauth = self.oauth.as_ref();
        let places = [
            ("password", self.password.as_ref()),
            ("oauth.client_secret", oauth.and_then(|o| o.client_secret.as_ref())),
            ("oauth.refresh_token", oauth.and_then(|o| o.refresh_token.as_ref())),
        ];
        let said = |(key, source): (&str, Option<&SecretSource>)| {
            let why = source?.absent()?;
            Some((key.to_owned(), format!("mailbox {}: {why}", self.id)))
        };
        places.into_iter().filter_map(said).collect()
    }

    fn validate_protection(&self, say: &mut impl FnMut(&str, String)) {
        if self.tls == TlsMode::None && !is_loopback(self.server()) {
            say("tls", format!("without TLS only this machine may be read, not {}: use \"implicit\"", self.server()));
        }
        if self.port == Some(0) {
            say("port", "0 is not a port: leave the key out for the usual one".to_owned());
        }
        if let Some(file) = &self.ca_file
            && !file.is_file()
        {
            say("ca_file", format!("{} cannot be read: give the path of a PEM file", file.display()));
        }
    }

    fn validate_credentials(&self, say: &mut impl FnMut(&str, String)) {
        match (&self.password, &self.oauth) {
            (None, None) => say(
                "password",
                "no credentials: write password = { env = \"MAIL_PASSWORD\" }, or a [mailbox.oauth] section".to_owned(),
            ),
            (Some(_), Some(_)) => say("password", "password and oauth exclude each other: keep one".to_owned()),
            (Some(source), None) => {
                if let Some(text) = source.problem() {
                    say("password", text);
                }
            }
            (None, Some(_)) => {}
        }
    }

    fn validate_folders(&self, say: &mut impl FnMut(&str, String)) {
        let bad = |name: &str| name.trim().is_empty() || name.contains(['\r', '\n', '\0', '*', '%']);
        if bad(&self.folder) {
            say("folder", "not a folder name: usually it is \"INBOX\"".to_owned());
        }
        if let After::Move(target) = &self.after {
            if bad(target) {
                say("after", "not a folder name: for example { move = \"Processed\" }".to_owned());
            } else if target.eq_ignore_ascii_case(&self.folder) {
                say("after", "messages cannot be moved to the folder they are read from: name another".to_owned());
            }
        }
    }
}

const FIRST_RUN_MISSING: &str = "say what to read at the first connection: first_run = \"from_now\" reads only what arrives \
     from now on (advised); \"all\" or { since = \"YYYY-MM-DD\" } also read what is there, without notifying anybody";

/// What is wrong with all mailbox sections together.
#[must_use]
pub fn validate_all(mailboxes: &[MailboxConfig]) -> Vec<Problem> {
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for (index, mailbox) in mailboxes.iter().enumerate() {
        let at = format!("mailbox[{index}]");
        problems.extend(mailbox.validate(&at));
        if !seen.insert(mailbox.id.as_str()) {
            problems.push((format!("{at}.id"), format!("the id `{}` is used twice: ids are unique", mailbox.id)));
        }
    }
    problems
}

fn valid_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

/// Is this host this machine? Names other than `localhost` are not resolved: an answer of the network proves nothing.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Does this address lie on this machine, whatever its scheme?
#[must_use]
pub fn on_this_machine(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| url.host_str().is_some_and(is_loopback))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> MailboxConfig {
        toml::from_str(text).unwrap()
    }

    const GOOD: &str = r#"
        id = "sales"
        host = "imap.example.org"
        user = "sales@example.org"
        password = { env = "SALES_PASSWORD" }
        first_run = "from_now"
    "#;

    #[test]
    fn ten_lines_are_enough() {
        let config = parse(GOOD);
        assert_eq!(config.validate("mailbox[0]"), Vec::new());
        assert_eq!((config.server_port(), config.folder.as_str()), (993, "INBOX"));
        assert_eq!(config.after, After::None);
    }

    #[test]
    fn s16_a_missing_first_run_is_an_error_that_advises_from_now() {
        let config = parse(&GOOD.replace("first_run = \"from_now\"", ""));
        let problems = config.validate("mailbox[2]");
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].0, "mailbox[2].first_run");
        assert!(problems[0].1.contains("from_now"));
    }

    #[test]
    fn first_run_and_after_take_every_form() {
        let since = parse(&GOOD.replace("\"from_now\"", "{ since = \"2026-01-31\" }"));
        assert_eq!(since.first_run, Some(FirstRun::Since(jiff::civil::date(2026, 1, 31))));
        assert_eq!(parse(&GOOD.replace("\"from_now\"", "\"all\"")).first_run, Some(FirstRun::All));
        let moved = parse(&format!("{GOOD}\nafter = {{ move = \"Processed\" }}"));
        assert_eq!(moved.after, After::Move("Processed".to_owned()));
        assert_eq!(parse(&format!("{GOOD}\nafter = \"keyword\"")).after, After::Keyword);
    }

    #[test]
    fn plain_connections_stay_on_this_machine() {
        let remote = parse(&format!("{GOOD}\ntls = \"none\""));
        assert_eq!(remote.validate("m")[0].0, "m.tls");
        let local = parse(&format!("{}\ntls = \"none\"", GOOD.replace("imap.example.org", "127.0.0.1")));
        assert_eq!(local.validate("m"), Vec::new());
        assert!(is_loopback("localhost") && is_loopback("[::1]") && !is_loopback("localhost.example.org"));
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(toml::from_str::<MailboxConfig>(&format!("{GOOD}\npasword = 1")).is_err());
        assert!(toml::from_str::<MailboxConfig>(&format!("{GOOD}\n[timing]\npol = 1")).is_err());
    }

    #[test]
    fn the_same_id_twice_is_refused() {
        let problems = validate_all(&[parse(GOOD), parse(GOOD)]);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].0, "mailbox[1].id");
    }

    #[test]
    fn each_mistake_names_its_key() {
        let text = GOOD.replace("\"sales\"", "\"Sales Team\"").replace("password = { env = \"SALES_PASSWORD\" }", "");
        let config = parse(&format!("{text}\nafter = {{ move = \"inbox\" }}\noversize_bytes = 1"));
        let keys: Vec<String> = config.validate("m").into_iter().map(|p| p.0).collect();
        assert_eq!(keys, ["m.id", "m.password", "m.after", "m.oversize_bytes"]);
    }
}
