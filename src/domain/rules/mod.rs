//! The routing rules: TOML sources -> compiled rule set -> evaluation with trace. Pure.
//!
//! [`RuleSet::compile`] turns a folder into typed rules or into diagnostics; [`facts::Facts::gather`] turns an arrival
//! into typed facts; [`RuleSet::evaluate`] runs the four phases over them and says what each rule did and why.

pub mod address;
pub mod amount;
mod compile;
pub mod diagnostics;
mod evaluate;
pub mod explain;
pub mod facts;
pub mod fold;
pub mod ir;
pub mod postcode;
pub mod schema;
mod set;
pub mod testing;
mod tree;

pub use set::{Compiled, RuleSet};

pub mod pools;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::decision::{OwnerChoice, RecordKind, SetFact};

/// A rules folder as read: path relative to the folder (with `/`) -> content. Reading files is somebody else's work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSources {
    /// Every `.toml`, `lists/*.txt`, `tables/*.csv` of the folder; `tests/` left out.
    pub files: BTreeMap<String, String>,
}

impl RuleSources {
    /// BLAKE3 over names and contents, as hexadecimal. Two folders with the same hash hold the same text, comments and
    /// layout included.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (name, text) in &self.files {
            for part in [name, text] {
                hasher.update(&(part.len() as u64).to_le_bytes());
                hasher.update(part.as_bytes());
            }
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Whether the text of the folder is another one.
    #[must_use]
    pub fn differs_from(&self, other: &Self) -> bool {
        self.files != other.files
    }
}

/// Type of a declared form field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum FieldType {
    Text,
    Email,
    Phone,
    Number,
    Money,
    Postcode,
    Country,
    Bool,
    Date,
}

/// What the configuration declares and rules may refer to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declarations {
    /// Form id -> field name -> type.
    pub forms: BTreeMap<String, BTreeMap<String, FieldType>>,
    /// Mailbox, form and hook ids.
    pub intakes: Vec<String>,
    /// Names of the templates for mails of portals.
    pub templates: Vec<String>,
    /// Our own domains, lower case.
    pub own_domains: Vec<String>,
    /// ISO 3166-1 alpha-2.
    pub default_country: String,
}

/// How serious a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Level {
    Info,
    Warning,
    Error,
}

/// Something to be said about a rules folder, with its place and its remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// `R001`..`R030`.
    pub code: String,
    /// How serious.
    pub level: Level,
    /// Path inside the folder.
    pub file: String,
    /// Byte range in that file.
    pub span: (usize, usize),
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// Text beside the underline.
    pub label: String,
    /// What to do, one sentence each.
    pub notes: Vec<String>,
}

/// What one rule did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceStep {
    /// guard, enrich, classify, assign.
    pub phase: String,
    /// Rule id.
    pub rule: String,
    /// It matched.
    pub matched: bool,
    /// Why, in words for `explain`: `mail.class = person`, `form.budget absent`. Masked, no message text.
    pub because: String,
    /// What it did, empty when it did not match.
    pub did: String,
    /// A shadow rule: evaluated, never acting.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shadow: bool,
}

/// What to do when the person is known and has an open record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnKnown {
    /// Join the open record.
    Append,
    /// Always a record of its own, linked.
    NewLinked,
}

/// End of the guard phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Guarded {
    Discard { reason: String },
    Quarantine { reason: String },
}

/// What the rules say about one arrival.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The guard phase stopped it.
    pub guard: Option<Guarded>,
    /// Facts set, in order.
    pub set: Vec<SetFact>,
    /// Tags, sorted, unique.
    pub tags: Vec<String>,
    /// Sum of scores.
    pub score: i64,
    /// What to make; lead when no rule says.
    pub create: RecordKind,
    /// What to do with a known person; `None` takes the configured default.
    pub on_known: Option<OnKnown>,
    /// Team.
    pub team: Option<String>,
    /// Stage.
    pub stage: Option<String>,
    /// 0-3.
    pub priority: u8,
    /// Minor units and currency.
    pub expected_revenue: Option<(i64, Option<String>)>,
    /// Who gets it.
    pub owner: OwnerChoice,
    /// Rules that matched, in order (shadow rules left out).
    pub rule_ids: Vec<String>,
    /// Every rule looked at.
    pub trace: Vec<TraceStep>,
}
