//! Bytes -> [`Submission`]. Total: any bytes give a submission; bounded in steps, depth and output.

pub mod addresses;
pub mod adf;
pub mod arrival_key;
mod attached;
mod attached_messages;
pub(in crate::domain) mod attribution;
mod below_delimiter;
mod beside;
pub mod body;
pub mod bounce;
pub mod budget;
pub mod calendar;
pub mod charset;
mod client_markup;
pub mod complaint;
pub(in crate::domain) mod disclaimer;
mod disclaimer_signs;
pub mod field_names;
mod field_questions;
pub mod files;
pub mod form;
mod forwarded;
mod header_labels;
pub mod header_lines;
pub mod html;
mod indents;
pub mod json;
mod lean;
pub mod machine;
mod mail;
mod markup_hidden;
mod markup_rows;
mod markup_scan;
pub mod mime;
pub mod multipart;
mod nesting;
pub mod notification;
mod notification_end;
mod notification_words;
mod other_file;
mod passed_on;
mod passed_people;
pub mod prospects;
pub mod quoted;
pub(in crate::domain) mod returns;
mod rewritten;
pub mod rtf;
mod shapes;
mod shorthand;
pub mod signature;
pub mod signature_history;
mod signature_markup;
mod signature_words;
mod smime;
mod stub;
pub mod template;
pub mod text;
pub mod tnef;
pub mod tracking;
pub(in crate::domain) mod trust;
pub mod typed;
pub mod uuencode;
pub mod vcard;

use std::collections::BTreeMap;

pub use passed_on::{TRUSTED_FORWARD, unwrapped};
use serde::{Deserialize, Serialize};

use super::enquiry::AttributionSettings;
use super::enquiry::consent::ConsentReading;
use super::envelope::{Envelope, RawKind};
use super::hooks::{self, HookReading};
use super::rules::FieldType;
use super::submission::{Canonical, Submission};
pub use template::Template;

/// Header that our own mails carry, so that they are recognised when they come back through a mailbox we read.
pub const OWN_HEADER: &str = "X-Pisteur-Notification";

/// How one form's fields are to be understood.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormReading {
    /// Field name -> canonical name; wins over the built-in names.
    pub map: BTreeMap<String, Canonical>,
    /// Declared types.
    pub types: BTreeMap<String, FieldType>,
    /// Title, used as topic when the form has none.
    pub title: Option<String>,
    /// Language when nothing else tells.
    pub language: Option<String>,
    /// Country when nothing else tells.
    pub country: Option<String>,
    /// Consents it asks for.
    #[serde(default)]
    pub consents: Vec<ConsentReading>,
    /// Files it takes, by group or ending; empty = the usual ones.
    #[serde(default)]
    pub file_types: Vec<String>,
    /// How many files of what size it takes.
    #[serde(default)]
    pub file_bounds: files::Bounds,
}

/// A place in a mail that may name whom it speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentitySource {
    /// What the visitor typed, in the text of the mail.
    Fields,
    /// Reply-To.
    ReplyTo,
    /// From.
    From,
}

/// When the Reply-To of a mail that a person wrote says who writes. Anybody may write anything there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyTo {
    /// Never: it is a remark.
    #[default]
    Ignore,
    /// Where From is nobody's mailbox (`noreply@`, `info@`).
    Nobody,
    /// Whenever there is one.
    Always,
}

/// Flag and warning of an arrival that takes more work to read than its length allows.
pub const TOO_MUCH_WORK: &str = "too_much_work";

/// What reading needs to know of the house.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadSettings {
    /// Our own domains, lower case.
    pub own_domains: Vec<String>,
    /// Addresses of our mailboxes and groups, lower case.
    pub own_addresses: Vec<String>,
    /// ISO 3166-1 alpha-2.
    pub default_country: String,
    /// Forms by id; hooks too, for their title, language, country and meanings of fields.
    pub forms: BTreeMap<String, FormReading>,
    /// Hooks by id.
    #[serde(default)]
    pub hooks: BTreeMap<String, HookReading>,
    /// Addresses from which form notifications come (`noreply@website`), lower case; trusted to name another sender.
    pub form_senders: Vec<String>,
    /// How the origin of a visitor is named.
    #[serde(default)]
    pub attribution: AttributionSettings,
    /// Who is believed in mails that speak for somebody else, by mailbox, where it is not the usual order.
    #[serde(default)]
    pub identity: BTreeMap<String, Vec<IdentitySource>>,
    /// Whether Reply-To says who writes, by mailbox, where it is not ignored.
    #[serde(default)]
    pub reply_to: BTreeMap<String, ReplyTo>,
    /// Addresses and domains that are believed when they pass a message on, lower case.
    #[serde(default)]
    pub forwarders: Vec<String>,
    /// Names of our mail servers in `Authentication-Results`, lower case.
    #[serde(default)]
    pub authserv_ids: Vec<String>,
    /// How the mails of portals are read, in the order in which they are tried.
    #[serde(default)]
    pub templates: Vec<Template>,
    /// Uploaded files go to a virus scanner: until it has spoken they are `unscanned`.
    #[serde(default)]
    pub scan_files: bool,
    /// Bounds.
    pub limits: ReadLimits,
    /// Fail point of the crash tests: raw bytes that contain it end the process by `abort()`. `None` in production.
    pub abort_marker: Option<String>,
}

/// Bounds of reading; beyond them it goes on with less and says so in a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadLimits {
    /// Bytes of text kept of one message.
    pub text_bytes: usize,
    /// Attachments listed.
    pub attachments: usize,
    /// Form fields read, besides those that nobody fills in.
    pub fields: usize,
    /// Fields that steer the form, and fields that say where the visitor came from, read of each kind.
    pub hidden: usize,
    /// Messages inside each other before only the header is read.
    pub nested_messages: usize,
    /// Multiparts of all levels before only the header is read.
    pub multiparts: usize,
    /// Steps of work ([`budget`]) that every arrival may take.
    pub least_steps: u64,
    /// Steps more for each byte.
    pub steps_per_byte: u64,
}

impl ReadLimits {
    /// Steps that an arrival of so many bytes may take.
    #[must_use]
    pub const fn steps(&self, bytes: usize) -> u64 {
        self.least_steps.saturating_add(self.steps_per_byte.saturating_mul(bytes as u64))
    }
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            text_bytes: 1_000_000,
            attachments: 500,
            fields: 2_000,
            hidden: 200,
            nested_messages: 100,
            multiparts: 5_000,
            least_steps: 4_000_000,
            steps_per_byte: 200,
        }
    }
}

/// Reads an arrival. Total on any bytes; work and output are bounded by [`ReadLimits`] and the safety check of [`mime`].
///
/// A panic of a parser underneath is the caller's to catch; it must not happen, and the fuzz targets look for it.
pub fn read(envelope: &Envelope, settings: &ReadSettings) -> Submission {
    read_counted(envelope, settings).0
}

/// [`read`], and the steps of work that it took.
pub fn read_counted(envelope: &Envelope, settings: &ReadSettings) -> (Submission, u64) {
    let steps = settings.limits.steps(envelope.raw.len());
    let (mut out, taken) = budget::within(steps, || read_whole(envelope, settings));
    if taken >= steps {
        out.flags.push(TOO_MUCH_WORK.to_owned());
        let detail = "Reading it takes more work than its length allows; the text is whole, what it means is not.";
        out.warnings.push(body::warning(TOO_MUCH_WORK, detail));
    }
    (out, taken)
}

fn read_whole(envelope: &Envelope, settings: &ReadSettings) -> Submission {
    if let Some(marker) = settings.abort_marker.as_deref().filter(|marker| !marker.is_empty())
        && aho_corasick::AhoCorasick::new([marker]).is_ok_and(|finder| finder.is_match(&envelope.raw))
    {
        std::process::abort();
    }
    match envelope.raw_kind {
        RawKind::Mail => mail::read(envelope, settings),
        RawKind::Form => match settings.hooks.get(&envelope.intake_id) {
            Some(hook) => hooks::read::read(envelope, hook, settings),
            None => form::read(envelope, settings),
        },
    }
}
