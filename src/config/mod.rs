//! Typed configuration: sections, layering (file < environment), validation that names file, line and key.
//!
//! A configuration is the file given with `-c`, else `config/pisteur.toml` in the working directory, else the copy of
//! it built into the program. `PISTEUR__SECTION__KEY` variables replace single keys; elements of lists of tables are
//! named by id or index (`PISTEUR__MAILBOX__SALES__FOLDER`).
//!
//! Relative paths start at the project folder: the folder around `config/` when the file lies in a folder of that
//! name, the file's own folder otherwise, the working directory for the built-in copy.

mod across;
pub mod attribution;
pub mod clamav;
pub mod delivery;
pub mod form;
pub mod hook;
pub mod http;
pub mod mailbox;
mod paths;
mod problem;
mod reference;
pub mod rules_folder;
pub mod screening;
mod sections;
pub mod templates;
mod tree;
pub mod visitor;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::attribution::AttributionConfig;
pub use self::clamav::ClamavConfig;
pub use self::delivery::DeliveryConfig;
pub use self::form::FormConfig;
pub use self::hook::{Adapters, AdaptersConfig, HookConfig};
pub use self::http::{HttpConfig, LimitsConfig, SpoolConfig};
pub use self::mailbox::MailboxConfig;
pub use self::problem::{ConfigError, Placed, Problem};
pub use self::reference::reference;
pub use self::screening::{CaptchaConfig, ScreeningConfig};
pub use self::sections::{LogConfig, LogFormat, MatchingConfig, ReadingConfig, RulesConfig, SpillConfig, WorkerConfig};
pub use self::templates::{Templates, TemplatesConfig};
use self::tree::Tree;
use crate::domain::decide::Policy;
use crate::domain::matching::words::Language;
use crate::domain::plain;
use crate::domain::reading::{FormReading, ReadLimits, ReadSettings};
use crate::domain::rules::Declarations;

/// The configuration as shipped.
pub const BUILT_IN: &str = include_str!("../../config/pisteur.toml");
/// Where the configuration is looked for when none is named.
pub const DEFAULT_PATH: &str = "config/pisteur.toml";

/// Everything an operator sets.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "pisteur.toml")]
pub struct Config {
    /// `sqlite://PATH` or `postgres://USER@HOST/DATABASE`. The only switch between the two.
    pub database: String,
    /// Start on a PostgreSQL server that runs with `fsync` or `full_page_writes` off, where a crash may lose what was
    /// acknowledged. For throw-away servers only.
    pub allow_unsafe_server: bool,
    /// Our own mail domains: mail from them is not a customer's.
    pub own_domains: Vec<String>,
    /// ISO 3166-1 alpha-2 country of phone numbers and addresses that name none.
    pub default_country: String,
    /// Language in which commands explain whom an arrival was taken for: `fr`, `en`, `cs` or `fa`; by default that of
    /// `LC_ALL`, `LC_MESSAGES` or `LANG`, else English.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Logs.
    pub log: LogConfig,
    /// Listeners.
    pub http: HttpConfig,
    /// Rate limits.
    pub limits: LimitsConfig,
    /// The watched folder.
    pub spool: SpoolConfig,
    /// IMAP mailboxes.
    pub mailbox: Vec<MailboxConfig>,
    /// Website forms.
    pub form: Vec<FormConfig>,
    /// Who is asked whether a person sent a form.
    pub captcha: CaptchaConfig,
    /// Third parties that post leads.
    pub hook: Vec<HookConfig>,
    /// What their requests look like.
    pub adapters: AdaptersConfig,
    /// How the mails of portals are read.
    pub templates: TemplatesConfig,
    /// What leaves the house.
    pub delivery: DeliveryConfig,
    /// Virus scanner for uploaded files.
    pub clamav: ClamavConfig,
    /// Routing rules.
    pub rules: RulesConfig,
    /// Recognition of known people.
    pub matching: MatchingConfig,
    /// How messages are read.
    pub reading: ReadingConfig,
    /// Names of sources, mediums and campaigns.
    pub attribution: AttributionConfig,
    /// Processing.
    pub worker: WorkerConfig,
    /// Local journal while PostgreSQL is away.
    pub spill: SpillConfig,
    /// Where this configuration came from.
    #[serde(skip)]
    #[schemars(skip)]
    pub source: Source,
    /// The adapters read from `[adapters]`, the built-in ones included.
    #[serde(skip)]
    #[schemars(skip)]
    pub known_adapters: Adapters,
    /// The templates read from `[templates]`.
    #[serde(skip)]
    #[schemars(skip)]
    pub known_templates: Templates,
}

impl std::fmt::Debug for Config {
    /// Sections name their secrets without holding them; the address of the database may hold one.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("source", &self.source)
            .field("database", &shown_database(&self.database))
            .field("http", &self.http)
            .field("mailbox", &self.mailbox)
            .field("form", &self.form)
            .field("hook", &self.hook)
            .field("delivery", &self.delivery)
            .finish_non_exhaustive()
    }
}

/// A database address as it may be shown: without its password.
#[must_use]
pub fn shown_database(address: &str) -> String {
    match url::Url::parse(address) {
        Ok(mut url) if url.password().is_some() => match url.set_password(Some("***")) {
            Ok(()) => url.to_string(),
            Err(()) => format!("{}://***", url.scheme()),
        },
        // `postgres://host/db?password=..` is another way to write it.
        Ok(url) if url.query_pairs().any(|(k, _)| k == "password") => {
            format!("{}***", address.split('?').next().unwrap_or_default())
        }
        _ => address.to_owned(),
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database: "sqlite://var/pisteur.db".to_owned(),
            allow_unsafe_server: false,
            own_domains: Vec::new(),
            default_country: "FR".to_owned(),
            language: None,
            log: LogConfig::default(),
            http: HttpConfig::default(),
            limits: LimitsConfig::default(),
            spool: SpoolConfig::default(),
            mailbox: Vec::new(),
            form: Vec::new(),
            captcha: CaptchaConfig::default(),
            hook: Vec::new(),
            adapters: AdaptersConfig::default(),
            templates: TemplatesConfig::default(),
            delivery: DeliveryConfig::default(),
            clamav: ClamavConfig::default(),
            rules: RulesConfig::default(),
            matching: MatchingConfig::default(),
            reading: ReadingConfig::default(),
            attribution: AttributionConfig::default(),
            worker: WorkerConfig::default(),
            spill: SpillConfig::default(),
            source: Source::default(),
            known_adapters: Adapters::default(),
            known_templates: Templates::default(),
        }
    }
}

/// Where a configuration came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// The file; `None` for the built-in copy.
    pub file: Option<PathBuf>,
    /// Relative paths start here; empty = the working directory.
    pub base: PathBuf,
}

/// Loads the file at `path` under the overriding variables of this process, as [`load`] does.
///
/// # Errors
/// As [`load`]; a variable that is not UTF-8 is a problem too.
pub fn load_here(path: Option<&Path>) -> Result<Config, ConfigError> {
    here(path, false).map(|(config, ..)| config)
}

/// As [`load_here`], with the secrets that this process could not read now. Commands beside the daemon do without: the
/// variables of a service are seldom those of a shell. The daemon starts without those of mailboxes: the mailbox fails,
/// visibly, until its secret is there.
///
/// # Errors
/// As [`load_here`], but for secrets.
pub fn load_with_secrets(path: Option<&Path>) -> Result<(Config, Vec<Placed>), ConfigError> {
    let (config, tree, secrets) = here(path, true)?;
    let absent =
        config.mailbox.iter().enumerate().filter(|(_, m)| m.enabled).flat_map(|(i, m)| {
            m.absent_secrets().into_iter().map(move |(key, said)| (format!("mailbox.{i}.{key}"), said))
        });
    let absent = absent.map(|(key, said)| tree.placed(&key, &said)).chain(secrets).collect();
    Ok((config, absent))
}

fn here(path: Option<&Path>, secrets_apart: bool) -> Result<(Config, Tree, Vec<Placed>), ConfigError> {
    let (variables, unreadable) = environment(std::env::vars_os());
    match read_file(path, &variables, secrets_apart) {
        Ok(read) if unreadable.is_empty() => Ok(read),
        Ok(_) => Err(ConfigError::Invalid(unreadable)),
        Err(ConfigError::Invalid(problems)) => Err(ConfigError::Invalid([problems, unreadable].concat())),
        Err(other) => Err(other),
    }
}

/// The overriding variables, and those among them that are not text.
fn environment(all: impl Iterator<Item = (OsString, OsString)>) -> (Vec<(String, String)>, Vec<Placed>) {
    let (mut variables, mut unreadable) = (Vec::new(), Vec::new());
    for (name, value) in all.filter(|(name, _)| name.as_encoded_bytes().starts_with(tree::ENV_PREFIX.as_bytes())) {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => variables.push((name, value)),
            (name, value) => {
                let which = if value.is_err() { "value" } else { "name" };
                let name = name.unwrap_or_else(|name| name.to_string_lossy().into_owned());
                let message =
                    format!("the {which} of this environment variable is not UTF-8 text; write it anew, or unset it");
                unreadable.push(Placed { place: plain::escaped(&name), key: String::new(), message });
            }
        }
    }
    (variables, unreadable)
}

/// Loads the file at `path` (or the default one, or the built-in copy) under `env`.
///
/// # Errors
/// [`ConfigError::Unreadable`] when a named file cannot be read, [`ConfigError::Invalid`] with every problem found.
pub fn load(path: Option<&Path>, env: &[(String, String)]) -> Result<Config, ConfigError> {
    read_file(path, env, false).map(|(config, ..)| config)
}

fn read_file(
    path: Option<&Path>,
    env: &[(String, String)],
    secrets_apart: bool,
) -> Result<(Config, Tree, Vec<Placed>), ConfigError> {
    let file = path.map(Path::to_path_buf).or_else(|| Some(PathBuf::from(DEFAULT_PATH)).filter(|p| p.exists()));
    let (name, text) = match &file {
        Some(p) => {
            let text =
                std::fs::read_to_string(p).map_err(|source| ConfigError::Unreadable { path: p.clone(), source })?;
            (p.display().to_string(), text)
        }
        None => ("built-in pisteur.toml".to_owned(), BUILT_IN.to_owned()),
    };
    let base = file.as_deref().map_or_else(PathBuf::new, paths::project_folder);
    read(&name, &text, env, Source { file, base }, secrets_apart)
}

/// Reads `text` under `env`; `name` is how problems call it.
///
/// # Errors
/// [`ConfigError::Invalid`] with every problem found.
pub fn parse(name: &str, text: &str, env: &[(String, String)], source: Source) -> Result<Config, ConfigError> {
    read(name, text, env, source, false).map(|(config, ..)| config)
}

/// Whether a key names where a secret is kept.
fn is_of_secret(key: &str) -> bool {
    const NAMES: [&str; 5] = ["secret", "password", "token", "verify_token", "hash_key"];
    let last = key.rsplit('.').find(|part| part.parse::<usize>().is_err()).unwrap_or_default();
    let name = last.strip_suffix("_env").or_else(|| last.strip_suffix("_file"));
    name.is_some_and(|name| NAMES.contains(&name))
}

fn read(
    name: &str,
    text: &str,
    env: &[(String, String)],
    source: Source,
    secrets_apart: bool,
) -> Result<(Config, Tree, Vec<Placed>), ConfigError> {
    let mut tree = Tree::parse(name, text)?;
    let mut problems = tree.overlay(env);
    let mut config = match tree.read::<Config>() {
        Ok(config) => config,
        Err(found) => {
            problems.extend(found);
            return Err(ConfigError::Invalid(problems));
        }
    };
    config.source = source;
    config.resolve_paths();
    let (adapters, faults) = Adapters::load(Some(&config.adapters.path));
    config.known_adapters = adapters;
    let (templates, wrong) = Templates::load(&config.templates.path);
    config.known_templates = templates;
    let mut found = config.validate();
    found.extend(faults.iter().map(|fault| Problem::new("adapters.path", fault.to_string())));
    found.extend(wrong.iter().map(|fault| Problem::new("templates.path", fault.to_string())));
    tree.sort(&mut found);
    let (secrets, found): (Vec<_>, Vec<_>) = found.into_iter().partition(|p| secrets_apart && is_of_secret(&p.key));
    let placed = |p: Problem| tree.placed(&p.key, &p.message);
    problems.extend(found.into_iter().map(placed));
    let secrets = secrets.into_iter().map(placed).collect();
    if problems.is_empty() { Ok((config, tree, secrets)) } else { Err(ConfigError::Invalid(problems)) }
}

/// The JSON Schema of the configuration, for editors.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Config).to_value()
}

impl Config {
    /// What is wrong with the values, section by section.
    fn validate(&self) -> Vec<Problem> {
        let mut problems = self.validate_top();
        let mut section = |name: &str, found: Vec<Problem>| {
            problems.extend(found.into_iter().map(|p| p.under(name)));
        };
        section("log", self.log.validate());
        section("clamav", self.clamav.validate());
        section("spill", self.spill.validate());
        section("worker", self.worker.validate());
        section("matching", self.matching.validate());
        section("reading", self.reading.validate());
        section("attribution", self.attribution.validate());
        section("http", self.http.validate());
        section("limits", self.limits.validate());
        section("spool", self.spool.validate());
        for (i, form) in self.form.iter().enumerate() {
            section(&format!("form.{i}"), form.validate());
        }
        section("captcha", self.captcha.validate());
        for (i, hook) in self.hook.iter().enumerate() {
            section(&format!("hook.{i}"), hook.validate(&self.known_adapters));
        }
        problems.extend(self.too_large_for_memory());
        problems.extend(self.delivery.validate().into_iter().map(|p| Problem::new(p.key, p.message)));
        problems.extend(mailbox::validate_all(&self.mailbox).into_iter().map(|(key, said)| Problem::new(key, said)));
        problems.extend(self.validate_across());
        problems
    }

    /// Bodies for which there could never be room would be turned away for ever.
    fn too_large_for_memory(&self) -> Vec<Problem> {
        let forms = self.form.iter().enumerate().map(|(i, form)| (format!("form.{i}.body_bytes"), form.body_bytes));
        let hooks = self.hook.iter().enumerate().map(|(i, hook)| (format!("hook.{i}.body_bytes"), hook.body_bytes));
        let rooms = [("in_hand_bytes", self.limits.in_hand_bytes), ("uploads_bytes", self.limits.uploads_bytes)];
        let (name, room) = if rooms[0].1 <= rooms[1].1 { rooms[0] } else { rooms[1] };
        let beyond = forms.chain(hooks).filter(|(_, bytes)| bytes.is_some_and(|bytes| bytes > room));
        beyond.map(|(key, _)| Problem::new(key, format!("not more than limits.{name}"))).collect()
    }

    fn validate_top(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| self.database.starts_with(scheme)) {
            problems.push(Problem::new("database", "must start with sqlite:// or postgres://"));
        }
        let path = self.database.strip_prefix("sqlite:").map(|rest| rest.trim_start_matches('/'));
        if path.is_some_and(|p| p.is_empty() || p.starts_with(':') || p.contains("memory") && p.contains("mode=")) {
            let say = "names no file, and what is kept in memory only is lost; write sqlite://var/pisteur.db";
            problems.push(Problem::new("database", say));
        }
        if path.is_some_and(|p| p.contains('%')) {
            problems.push(Problem::new("database", "write the path as it is, without % escapes"));
        }
        if self.default_country.len() != 2 || !self.default_country.bytes().all(|b| b.is_ascii_uppercase()) {
            problems.push(Problem::new("default_country", "two capital letters are needed, such as FR (ISO 3166-1)"));
        }
        for (i, domain) in self.own_domains.iter().enumerate() {
            if !domain.contains('.') || domain.contains(['@', '/', ' ']) {
                problems.push(Problem::new(format!("own_domains.{i}"), "not a domain; write it as example.com"));
            }
        }
        problems
    }

    /// What rules may refer to.
    #[must_use]
    pub fn declarations(&self) -> Declarations {
        let mailboxes = self.mailbox.iter().map(|m| m.id.clone());
        let forms = self.form.iter().map(|f| f.id.clone());
        let hooks = self.hook.iter().map(|h| h.id.clone());
        let declared = self.hook.iter().filter(|h| !h.fields.is_empty());
        let of_hooks = declared.map(|h| (h.id.clone(), h.form_reading().types));
        Declarations {
            forms: self.form.iter().map(|f| (f.id.clone(), f.field_types())).chain(of_hooks).collect(),
            intakes: mailboxes.chain(forms).chain(hooks).chain([SPOOL_ID.to_owned()]).collect(),
            templates: self.known_templates.names(),
            own_domains: self.own_domains_lower(),
            default_country: self.default_country.clone(),
        }
    }

    /// What reading needs to know.
    #[must_use]
    pub fn read_settings(&self) -> ReadSettings {
        let mailboxes = self.mailbox.iter().filter(|m| m.user.contains('@')).map(|m| m.user.to_lowercase());
        let sender = self.delivery.smtp.iter().map(|smtp| smtp.from.to_lowercase());
        let mut own_addresses: Vec<String> =
            self.reading.own_addresses.iter().map(|a| a.to_lowercase()).chain(mailboxes).chain(sender).collect();
        own_addresses.sort();
        own_addresses.dedup();
        ReadSettings {
            own_domains: self.own_domains_lower(),
            own_addresses,
            default_country: self.default_country.clone(),
            forms: self
                .form
                .iter()
                .map(|f| (f.id.clone(), FormReading { file_bounds: f.file_bounds(&self.limits), ..f.reading() }))
                .chain(self.hook.iter().map(|h| (h.id.clone(), h.form_reading())))
                .collect::<std::collections::BTreeMap<String, FormReading>>(),
            identity: self.reading.identity.clone(),
            reply_to: self.reading.reply_to.clone(),
            forwarders: lower(&self.reading.forwarders),
            authserv_ids: lower(&self.reading.authserv_ids),
            scan_files: self.clamav.address.is_some(),
            templates: self.known_templates.readings(),
            hooks: hook::readings(&self.hook, &self.known_adapters),
            form_senders: self.reading.form_senders.iter().map(|a| a.to_lowercase()).collect(),
            attribution: self.attribution.settings(),
            limits: ReadLimits::default(),
            abort_marker: None,
        }
    }

    /// What the house decides once for all arrivals.
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy {
            append_within: self.matching.append_within(),
            required: self.matching.required.clone(),
            unknown_campaign: self.attribution.unknown(),
            campaigns: self.attribution.named(),
            loop_guard: self.matching.loop_guard(),
        }
    }

    fn own_domains_lower(&self) -> Vec<String> {
        self.own_domains.iter().map(|d| d.to_lowercase()).collect()
    }
}

fn lower(list: &[String]) -> Vec<String> {
    list.iter().map(|entry| entry.to_lowercase()).collect()
}

/// Intake id of files moved into the watched folder.
pub const SPOOL_ID: &str = "spool";
