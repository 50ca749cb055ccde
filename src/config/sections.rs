//! The small sections that belong to no single door: logs, rules folder, spill, workers, matching.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Problem;
use crate::domain::decide::{LoopGuard, MISSING};
use crate::domain::reading::{IdentitySource, ReplyTo};

/// `[log]`: what is written to standard error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// Least serious level written: `error`, `warn`, `info`, `debug`, `trace`, or a tracing filter such as
    /// `info,pisteur::imap=debug`. Personal data appears at `debug` and below only.
    pub level: String,
    /// `text`, `json`, or `auto`: text on a terminal, JSON otherwise.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// One readable line per event.
    Text,
    /// One JSON object per event.
    Json,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Auto }
    }
}

impl LogConfig {
    /// What is wrong with it.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        match tracing_subscriber::EnvFilter::builder().parse(&self.level) {
            Ok(_) if !self.level.trim().is_empty() => Vec::new(),
            _ => vec![Problem::new("level", "not a log level; use error, warn, info, debug or trace")],
        }
    }
}

/// `[rules]`: where the routing rules are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RulesConfig {
    /// Folder of the rule files; watched, a valid change is taken over at once.
    pub path: PathBuf,
}

impl Default for RulesConfig {
    fn default() -> Self {
        Self { path: PathBuf::from("rules") }
    }
}

/// `[spill]`: the local journal that takes arrivals while PostgreSQL is away. Unused with SQLite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SpillConfig {
    /// Folder of the spill file; on a local disk.
    pub dir: PathBuf,
    /// Largest spill in megabytes (10^6 bytes); beyond it forms are answered 503.
    pub limit_mb: u64,
}

impl Default for SpillConfig {
    fn default() -> Self {
        Self { dir: PathBuf::from("var/spill"), limit_mb: 1_000 }
    }
}

impl SpillConfig {
    /// The limit in bytes.
    #[must_use]
    pub const fn limit_bytes(&self) -> u64 {
        self.limit_mb.saturating_mul(1_000_000)
    }

    /// What is wrong with it.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        if self.limit_mb == 0 {
            return vec![Problem::new("limit_mb", "at least 1 megabyte is needed")];
        }
        Vec::new()
    }
}

/// `[worker]`: who processes arrivals, and how often it is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WorkerConfig {
    /// Process arrivals here. `false`: this daemon only journals them, another one on the same PostgreSQL processes.
    pub enabled: bool,
    /// Workers that read and decide; 0 = one per processor.
    pub threads: usize,
    /// Arrivals claimed and committed at a time.
    pub batch: usize,
    /// Seconds a claimed arrival is reserved; a worker that dies gives it back after this time.
    pub lease_seconds: u64,
    /// Failed attempts before an arrival becomes *failed*, or an effect a dead letter. Both can be retried by hand.
    pub max_attempts: u32,
    /// Starts without an answer (the process died while reading it) before an arrival is quarantined.
    pub max_crashes: u32,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self { enabled: true, threads: 0, batch: 64, lease_seconds: 60, max_attempts: 10, max_crashes: 3 }
    }
}

impl WorkerConfig {
    /// The lease time.
    #[must_use]
    pub const fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds)
    }

    /// Workers to start.
    #[must_use]
    pub fn threads_or_default(&self) -> usize {
        if self.threads > 0 { self.threads } else { std::thread::available_parallelism().map_or(2, usize::from) }
    }

    /// What is wrong with it.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.threads > 256 {
            problems.push(Problem::new("threads", "at most 256; 0 = one per processor"));
        }
        if !(1..=1_000).contains(&self.batch) {
            problems.push(Problem::new("batch", "between 1 and 1000"));
        }
        if !(1..=3_600).contains(&self.lease_seconds) {
            problems.push(Problem::new("lease_seconds", "between 1 and 3600 seconds"));
        }
        if !(1..=100).contains(&self.max_attempts) {
            problems.push(Problem::new("max_attempts", "between 1 and 100"));
        }
        if !(1..=100).contains(&self.max_crashes) {
            problems.push(Problem::new("max_crashes", "between 1 and 100"));
        }
        problems
    }
}

/// `[matching]`: what happens when a known person writes again. Rules may say otherwise with `on_known`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MatchingConfig {
    /// An arrival joins the open lead or opportunity of its person when the last message is at most this many days
    /// old; otherwise a new record is made and linked. 0 = always a new record.
    pub append_within_days: u32,
    /// What every record of an intake must have, by mailbox or form id: `last_name`, `topic`, `contact_detail`,
    /// `source`, `inquiry_kind`, `company`. A record without it is made all the same and says what is missing.
    pub required: BTreeMap<String, Vec<String>>,
    /// New leads and opportunities that one address may make by mail within `loop_minutes`; its next mail waits in
    /// quarantine as `loop` until a person releases it. Counted is whoever wrote, not the website or the forwarder that
    /// passes it on; what joins a record that exists is never held. 0 = any number.
    pub loop_records: u32,
    /// The minutes that `loop_records` is about.
    pub loop_minutes: u32,
    /// Seconds between two looks for records written since the last one. Each is compared once more with all others: two
    /// arrivals of one moment may each have made a record of one person. Two that may be one become a question of
    /// `pisteur review list`. 0 = never; `pisteur match sweep` does it by hand.
    pub sweep_seconds: u32,
}

impl Default for MatchingConfig {
    fn default() -> Self {
        let (append_within_days, required) = (30, BTreeMap::new());
        Self { append_within_days, required, loop_records: 20, loop_minutes: 120, sweep_seconds: 60 }
    }
}

/// More new records of one writer are not counted.
const MAX_LOOP_RECORDS: u32 = 200;

impl MatchingConfig {
    /// What is wrong with it.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.loop_records > MAX_LOOP_RECORDS {
            problems.push(Problem::new("loop_records", "between 1 and 200; 0 = any number"));
        }
        if !(1..=10_080).contains(&self.loop_minutes) {
            problems.push(Problem::new("loop_minutes", "between 1 and 10080 minutes (a week)"));
        }
        if self.sweep_seconds > 86_400 {
            problems.push(Problem::new("sweep_seconds", "between 1 and 86400 seconds (a day); 0 = never"));
        }
        let named = self.required.iter().flat_map(|(intake, names)| names.iter().map(move |name| (intake, name)));
        let strange = named.filter(|(_, name)| !MISSING.contains(&name.as_str())).map(|(intake, _)| {
            Problem::new(format!("required.{intake}"), format!("choose from {}", MISSING.join(", ")))
        });
        problems.extend(strange);
        problems
    }

    /// The loop guard.
    #[must_use]
    pub fn loop_guard(&self) -> LoopGuard {
        let within = Duration::from_secs(u64::from(self.loop_minutes).saturating_mul(60));
        LoopGuard { records: self.loop_records, within }
    }

    /// Time between two sweeps; `None` for never.
    #[must_use]
    pub fn sweep_every(&self) -> Option<Duration> {
        (self.sweep_seconds > 0).then(|| Duration::from_secs(u64::from(self.sweep_seconds)))
    }

    /// The window as a time.
    #[must_use]
    pub fn append_within(&self) -> Duration {
        Duration::from_secs(u64::from(self.append_within_days).saturating_mul(86_400))
    }
}

/// `[reading]`: whom to believe when a message speaks for somebody else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReadingConfig {
    /// Addresses of ours that are not mailboxes of this configuration: groups and aliases such as `sales@example.com`.
    pub own_addresses: Vec<String>,
    /// Addresses from which websites send form notifications, such as `noreply@example.com`. The person named inside
    /// their messages becomes the sender.
    pub form_senders: Vec<String>,
    /// Who is believed in mails of websites, by mailbox id: the first of `fields` (typed by the visitor), `reply_to` and
    /// `from` that names anybody but us. Usual order: as here. A website whose Reply-To is not the visitor's:
    /// `{ sales = ["fields", "from"] }`.
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub identity: BTreeMap<String, Vec<IdentitySource>>,
    /// Whether the Reply-To of a mail that a person wrote says who writes, by mailbox id: `ignore` (usual), `nobody` (where
    /// From is nobody's mailbox, such as `noreply@`), `always`. Anybody may write anything there: only for mailboxes to
    /// which portals write.
    #[schemars(with = "BTreeMap<String, String>")]
    pub reply_to: BTreeMap<String, ReplyTo>,
    /// Who is believed when passing a message on: addresses (`anna@example.com`) and domains (`example.com`, with those below
    /// it). The sender of the message inside becomes the enquirer. Empty: whoever passes a message on is its sender.
    pub forwarders: Vec<String>,
    /// Names of your mail servers as they stand first in `Authentication-Results`, such as `mx.example.com`. What they say
    /// of a forwarder counts, against a form sender or a list, and for a service that reports bounces and complaints;
    /// without a name only what speaks against a forwarder counts, whoever wrote it.
    pub authserv_ids: Vec<String>,
}

impl ReadingConfig {
    /// What is wrong with it.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let lists = [("own_addresses", &self.own_addresses), ("form_senders", &self.form_senders)];
        let empty = self.identity.iter().filter(|(_, order)| order.is_empty());
        let empty = empty.map(|(intake, _)| {
            Problem::new(format!("identity.{intake}"), "name fields, reply_to, from or some of them")
        });
        let strange = lists
            .iter()
            .flat_map(|(key, list)| list.iter().enumerate().map(move |(i, address)| (key, i, address)))
            .filter(|(_, _, address)| {
                !matches!(address.split_once('@'), Some((local, domain)) if !local.is_empty() && domain.contains('.'))
            })
            .map(|(key, i, _)| Problem::new(format!("{key}.{i}"), "not a mail address; write it as name@example.com"));
        empty.chain(strange).chain(self.strange_forwarders()).collect()
    }

    /// Neither an address nor a domain; a server name that cannot be one.
    fn strange_forwarders(&self) -> impl Iterator<Item = Problem> {
        let is_domain =
            |text: &str| text.contains('.') && !text.contains(['@', ' ', '/', ':']) && !text.starts_with('.');
        let is_known = move |entry: &String| match entry.trim_start_matches('@').split_once('@') {
            Some((local, domain)) => !local.is_empty() && is_domain(domain),
            None => is_domain(entry.trim_start_matches('@')),
        };
        let people = self.forwarders.iter().enumerate().filter(move |(_, entry)| !is_known(entry)).map(|(i, _)| {
            Problem::new(
                format!("forwarders.{i}"),
                "neither an address nor a domain; write anna@example.com or example.com",
            )
        });
        let servers = self.authserv_ids.iter().enumerate();
        let servers = servers.filter(|(_, id)| id.is_empty() || id.contains([' ', ';', '@', '"'])).map(|(i, _)| {
            Problem::new(format!("authserv_ids.{i}"), "not the name of a mail server; write it as mx.example.com")
        });
        people.chain(servers).collect::<Vec<_>>().into_iter()
    }
}
