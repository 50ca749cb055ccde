//! `[http]`, `[limits]` and `[spool]`: listeners, what a door lets through, the watched folder.

mod tls;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::tls::TlsConfig;
use super::Problem;

/// `[http]`: the two listeners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Address and port for visitors: landing page, forms, `/healthz`. Port 0 takes a free one.
    pub public: String,
    /// Address and port for operators: `/readyz`, `/metrics`. Keep it on a private address.
    pub operator: String,
    /// Networks of the reverse proxies in front, such as `10.0.0.0/8` or `127.0.0.1`. Only a request from one of them
    /// may say in `forwarded_header` who the visitor is.
    pub trusted_proxies: Vec<String>,
    /// The header in which trusted proxies name the visitor: `x-forwarded-for` or `forwarded` (RFC 7239).
    pub forwarded_header: ForwardedHeader,
    /// Address under which visitors reach the public listener, such as `https://forms.example.com`; makes links in
    /// answers to scripts absolute.
    pub public_url: Option<String>,
    /// HTTPS on the public listener. Without it a reverse proxy in front is to speak HTTPS (`config/proxy.md`).
    pub tls: Option<TlsConfig>,
}

/// The header in which a proxy names the visitor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded`, RFC 7239.
    Forwarded,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            public: "127.0.0.1:8080".to_owned(),
            operator: "127.0.0.1:8081".to_owned(),
            trusted_proxies: Vec::new(),
            forwarded_header: ForwardedHeader::default(),
            public_url: None,
            tls: None,
        }
    }
}

impl HttpConfig {
    /// Networks of trusted proxies; entries that are neither a network nor an address are left out.
    #[must_use]
    pub fn proxies(&self) -> Vec<IpNet> {
        self.trusted_proxies.iter().filter_map(|text| network(text)).collect()
    }

    /// Whether the public listener speaks HTTPS and nothing else.
    #[must_use]
    pub fn only_https(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.listen.is_none())
    }

    /// The public listener as visitors know it, without a slash at the end.
    #[must_use]
    pub fn website(&self) -> String {
        let scheme = if self.only_https() { "https" } else { "http" };
        let site = self.public_url.clone().unwrap_or_else(|| format!("{scheme}://{}", self.public));
        site.trim_end_matches('/').to_owned()
    }

    /// What is wrong with it.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (key, address) in [("public", &self.public), ("operator", &self.operator)] {
            if address.parse::<SocketAddr>().is_err() {
                problems.push(Problem::new(key, "not an address with port; write it as 127.0.0.1:8080 or [::1]:8080"));
            }
        }
        if self.public == self.operator && !self.public.ends_with(":0") {
            problems.push(Problem::new("operator", "the same address as http.public; choose another port"));
        }
        problems.extend(self.tls.iter().flat_map(TlsConfig::validate));
        let listen = self.tls.as_ref().and_then(|tls| tls.listen.as_ref()).filter(|listen| !listen.ends_with(":0"));
        if listen.is_some_and(|listen| *listen == self.public || *listen == self.operator) {
            problems.push(Problem::new("tls.listen", "the same address as another listener; choose another port"));
        }
        for (i, text) in self.trusted_proxies.iter().enumerate() {
            if network(text).is_none() {
                let message = "not a network; write it as 10.0.0.0/8 or 127.0.0.1";
                problems.push(Problem::new(format!("trusted_proxies.{i}"), message));
            }
        }
        if self.public_url.as_deref().is_some_and(|text| super::form::origin(text).is_none()) {
            problems.push(Problem::new("public_url", "not a web address; write it as https://forms.example.com"));
        } else if self.public_url.as_deref().is_some_and(has_path) {
            let say = "more than a website: pages and scripts are asked for at its root; write it as \
                https://forms.example.com, and give the proxy a host name of its own for it";
            problems.push(Problem::new("public_url", say));
        }
        problems
    }
}

/// Whether an address goes on behind its host and port.
fn has_path(text: &str) -> bool {
    url::Url::parse(text.trim())
        .is_ok_and(|url| !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some())
}

fn network(text: &str) -> Option<IpNet> {
    text.trim().parse::<IpNet>().ok().or_else(|| text.trim().parse::<IpAddr>().ok().map(IpNet::from))
}

/// `[limits]`: what the doors let through. Sizes in bytes, times in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Submissions of one client per minute, over all forms; more are answered 429. 0 = no limit. 30 when not set.
    /// IPv6 clients count by their /64.
    pub per_client_per_minute: Option<u32>,
    /// Submissions of one client to one form per minute; more are answered 429. 0 = no limit. 5 when neither this nor
    /// `per_client_per_minute` is set, else as many as that.
    pub per_client_and_form_per_minute: Option<u32>,
    /// Submissions to one form per minute; more are accepted, but wait in quarantine. 0 = no limit.
    pub per_form_per_minute: u32,
    /// Submissions to all forms together per minute; more are accepted, but wait in quarantine. 0 = no limit. When not
    /// set, ten times `per_form_per_minute`.
    pub all_forms_per_minute: Option<u32>,
    /// Challenges and time stamps that one client may ask for per minute; more are answered 429. 0 = no limit. When not
    /// set, three times what it may submit.
    pub challenges_per_minute: Option<u32>,
    /// Clients remembered for the limits above. When more come, those that are known keep their allowance; the others
    /// share that of their network (IPv4 /24, IPv6 /48), and what is above it is accepted, but waits in quarantine.
    pub clients_remembered: usize,
    /// Largest body of a form without files, and of one without files to any form.
    pub body_bytes: usize,
    /// Largest body of a form that takes files. Its page tells visitors what files may be together: what 1 MiB of text
    /// leaves of it.
    pub body_with_files_bytes: usize,
    /// Fields of one submission, besides those that steer a form or say where the visitor came from.
    pub fields: usize,
    /// Files of one submission. One more is kept with it, marked, and the visitor is told.
    pub files: usize,
    /// Largest file. A larger one is kept with its submission, marked, and the visitor is told.
    pub file_bytes: usize,
    /// Longest field name.
    pub name_bytes: usize,
    /// Longest field value.
    pub value_bytes: usize,
    /// Longest file name. A file with a longer one is kept with its submission, marked, and the visitor is told.
    pub file_name_bytes: usize,
    /// Submissions in hand at one time; more are answered 503.
    pub in_hand: usize,
    /// Bytes of bodies in memory at one time; more are answered 503. A body of more than 64 KiB is in memory only when all
    /// of it has come.
    pub in_hand_bytes: usize,
    /// Folder where larger bodies are while they come, in files without a name. On a local disk with room for
    /// `uploads_bytes`, no `tmpfs`. When not set, the folder of the database file; with PostgreSQL `spill.dir`.
    pub uploads_dir: Option<PathBuf>,
    /// Bytes of such bodies on that disk at one time; more are answered 503. One client has at most eight of them on the
    /// way; the sender of a hook that has proven itself within the last hour as many as it likes.
    pub uploads_bytes: usize,
    /// Free space of that disk that such bodies leave to everything else, the journal first; when there is less, they are
    /// answered 503. 0 = none.
    pub uploads_reserve_bytes: u64,
    /// Open connections of one listener.
    pub connections: usize,
    /// Open connections of one client, trusted proxies and this machine excepted.
    pub connections_per_client: usize,
    /// Time to send a request's header; also how long a kept connection may be idle.
    pub header_seconds: u64,
    /// Time for a whole request, body and answer. Every 64 KiB of a body that have come give it a second more, so that files
    /// may take as long as a slow line needs.
    pub request_seconds: u64,
    /// Slowest pace at which a body may arrive, in bytes a second, after a few seconds of grace.
    pub body_bytes_per_second: u64,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            per_client_per_minute: None,
            per_client_and_form_per_minute: None,
            per_form_per_minute: 60,
            all_forms_per_minute: None,
            challenges_per_minute: None,
            clients_remembered: 100_000,
            body_bytes: 1 << 20,
            body_with_files_bytes: 27 << 20,
            fields: 100,
            files: 10,
            file_bytes: 25 << 20,
            name_bytes: 128,
            value_bytes: 64 << 10,
            file_name_bytes: 255,
            in_hand: 512,
            in_hand_bytes: 256 << 20,
            uploads_dir: None,
            uploads_bytes: 1 << 30,
            uploads_reserve_bytes: 512 << 20,
            connections: 2_000,
            connections_per_client: 100,
            header_seconds: 10,
            request_seconds: 30,
            body_bytes_per_second: 500,
        }
    }
}

impl LimitsConfig {
    /// Allowance of one client per minute, 0 = no limit.
    #[must_use]
    pub fn per_client(&self) -> u32 {
        self.per_client_per_minute.unwrap_or(30)
    }

    /// Allowance of one client at one form per minute, 0 = no limit. Lifted together with [`Self::per_client`].
    #[must_use]
    pub fn per_client_and_form(&self) -> u32 {
        match (self.per_client_and_form_per_minute, self.per_client_per_minute) {
            (_, Some(0)) => 0,
            (Some(own), _) => own,
            (None, Some(per_client)) => per_client,
            (None, None) => 5,
        }
    }

    /// Allowance of all forms together per minute, 0 = no limit.
    #[must_use]
    pub fn all_forms(&self) -> u32 {
        self.all_forms_per_minute.unwrap_or_else(|| self.per_form_per_minute.saturating_mul(10))
    }

    /// Challenges and time stamps of one client per minute, 0 = no limit.
    #[must_use]
    pub fn challenges(&self) -> u32 {
        self.challenges_per_minute.unwrap_or_else(|| self.per_client().saturating_mul(3))
    }

    /// [`Self::header_seconds`] as a time.
    #[must_use]
    pub const fn header_time(&self) -> Duration {
        Duration::from_secs(self.header_seconds)
    }

    /// [`Self::request_seconds`] as a time.
    #[must_use]
    pub const fn request_time(&self) -> Duration {
        Duration::from_secs(self.request_seconds)
    }

    /// What is wrong with it.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let at_least_one = [
            ("clients_remembered", self.clients_remembered),
            ("body_bytes", self.body_bytes),
            ("fields", self.fields),
            ("name_bytes", self.name_bytes),
            ("value_bytes", self.value_bytes),
            ("file_name_bytes", self.file_name_bytes),
            ("file_bytes", self.file_bytes),
            ("in_hand", self.in_hand),
            ("connections", self.connections),
            ("connections_per_client", self.connections_per_client),
        ];
        let mut problems: Vec<Problem> = at_least_one
            .into_iter()
            .filter(|(_, value)| *value == 0)
            .map(|(key, _)| Problem::new(key, "at least 1 is needed; with 0 nothing could come in"))
            .collect();
        for (key, value) in [("header_seconds", self.header_seconds), ("request_seconds", self.request_seconds)] {
            if !(1..=3_600).contains(&value) {
                problems.push(Problem::new(key, "between 1 and 3600 seconds"));
            }
        }
        if self.body_with_files_bytes < self.body_bytes {
            problems.push(Problem::new("body_with_files_bytes", "not less than limits.body_bytes"));
        }
        for (key, room) in [("in_hand_bytes", self.in_hand_bytes), ("uploads_bytes", self.uploads_bytes)] {
            if room < self.body_with_files_bytes {
                problems.push(Problem::new(key, "not less than limits.body_with_files_bytes"));
            }
        }
        problems
    }
}

/// `[spool]`: the watched folder. Any `.eml` or `.json` file moved into it is an arrival.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SpoolConfig {
    /// Look at the folder at all.
    pub enabled: bool,
    /// The folder. Files taken go to `done/` inside it, those that cannot be taken to `failed/`.
    pub path: PathBuf,
    /// Seconds between two looks; a file moved in is usually noticed at once.
    pub poll_seconds: u64,
    /// Largest file in bytes.
    pub file_bytes: u64,
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self { enabled: true, path: PathBuf::from("var/inbox"), poll_seconds: 1, file_bytes: 50 << 20 }
    }
}

impl SpoolConfig {
    /// What is wrong with it.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.path.as_os_str().is_empty() {
            problems.push(Problem::new("path", "name a folder, such as var/inbox"));
        }
        if !(1..=3_600).contains(&self.poll_seconds) {
            problems.push(Problem::new("poll_seconds", "between 1 and 3600 seconds"));
        }
        if self.file_bytes == 0 {
            problems.push(Problem::new("file_bytes", "at least 1 is needed; with 0 nothing could come in"));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(HttpConfig::default().validate(), []);
        assert_eq!(LimitsConfig::default().validate(), []);
        assert_eq!(SpoolConfig::default().validate(), []);
    }

    #[test]
    fn lifting_the_limit_per_client_lifts_the_one_per_form_too() {
        let limits = |client, both| LimitsConfig {
            per_client_per_minute: client,
            per_client_and_form_per_minute: both,
            ..LimitsConfig::default()
        };
        assert_eq!(limits(None, None).per_client_and_form(), 5);
        assert_eq!(limits(Some(12), None).per_client_and_form(), 12);
        assert_eq!(limits(Some(12), Some(3)).per_client_and_form(), 3);
        assert_eq!(limits(Some(0), Some(3)).per_client_and_form(), 0);
    }

    #[test]
    fn a_proxy_may_be_an_address_or_a_network() {
        let http = HttpConfig {
            trusted_proxies: vec!["127.0.0.1".into(), "10.0.0.0/8".into(), "nginx".into()],
            ..HttpConfig::default()
        };
        assert_eq!(http.proxies().len(), 2);
        assert_eq!(http.validate().first().unwrap().key, "trusted_proxies.2");
    }
}
