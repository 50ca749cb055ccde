//! The compiled form of rules: typed, resolved, free of places and comments. Its serialisation is what the rule-set
//! hash is taken of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::OnKnown;
use super::address::Address;
use super::schema::FactType;
use crate::clock::Timestamp;
use crate::domain::decision::RecordKind;
use crate::domain::enquiry::Money;

/// The four phases, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// First match stops everything.
    Guard,
    /// Every match applies.
    Enrich,
    /// First match says what to make.
    Classify,
    /// First match says who gets it.
    Assign,
}

impl Phase {
    /// All, in order.
    pub const ALL: [Self; 4] = [Self::Guard, Self::Enrich, Self::Classify, Self::Assign];

    /// The word used in file names and traces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Guard => "guard",
            Self::Enrich => "enrich",
            Self::Classify => "classify",
            Self::Assign => "assign",
        }
    }

    /// The phase a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == word)
    }
}

/// One rule.
#[derive(Debug, Clone, Serialize)]
pub struct Rule {
    /// Unique, stable.
    pub id: String,
    /// Shown by explain; no part of the hash.
    #[serde(skip)]
    pub why: Option<String>,
    /// When it is due.
    pub phase: Phase,
    /// What must hold.
    pub when: Condition,
    /// What it does.
    pub then: Actions,
    /// Active from this moment.
    pub from: Option<Timestamp>,
    /// Active before this moment.
    pub until: Option<Timestamp>,
    /// Evaluated and logged, never acting.
    pub shadow: bool,
    /// May set a fact that an earlier rule has set.
    pub overrides: bool,
    /// Percentage of discarded arrivals that are quarantined for a check.
    pub sample: Option<u8>,
}

/// What must hold.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Always.
    Always,
    /// One predicate on one fact.
    Fact(Predicate),
    /// Every one.
    All(Vec<Self>),
    /// At least one.
    Any(Vec<Self>),
    /// Not a single one.
    None(Vec<Self>),
}

/// A test on a fact.
#[derive(Debug, Clone, Serialize)]
pub struct Predicate {
    /// Path of the fact.
    pub fact: String,
    /// Traces may show the value.
    #[serde(skip)]
    pub shown: bool,
    /// Compare as written, not folded.
    pub exact: bool,
    /// The test.
    pub test: Test,
}

/// The operators.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// Absent (true) or present (false).
    Missing(bool),
    /// Present, and not all of these hold.
    Not(Vec<Self>),
    /// Equal to one of these.
    OneOf(Vec<Operand>),
    /// One of these words or phrases occurs.
    AnyWord(Pattern),
    /// One of these occurs anywhere.
    Contains(Vec<String>),
    /// Begins with one of these.
    StartsWith(Vec<String>),
    /// The pattern occurs.
    Regex(Pattern),
    /// Listed in a list.
    InList(Arc<List>),
    /// One of these addresses.
    Address(Vec<AddressPattern>),
    /// Not less than.
    AtLeast(Operand),
    /// Not more than.
    AtMost(Operand),
    /// More than.
    Above(Operand),
    /// Less than.
    Below(Operand),
    /// From the first to the second, both included.
    Between(Operand, Operand),
    /// Covered by a row of a table.
    InTable(Arc<Table>),
}

/// A value a rule compares with.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operand {
    /// Folded, or raw with `exact`.
    Text(String),
    /// A word of a closed list.
    Word(String),
    /// Canonical.
    Domain(String),
    /// Canonical.
    Address(Address),
    /// A number.
    Number(f64),
    /// An amount.
    Money(Money),
    /// As normalised.
    Postcode(String),
    /// Upper case.
    Department(String),
    /// True or false.
    Bool(bool),
}

/// Which addresses are meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressPattern {
    /// `sales@`: this local part on any of our domains.
    Own {
        /// Local part.
        local: String,
        /// Our domains.
        domains: Arc<[String]>,
    },
    /// `@acme.fr`: anybody there.
    Domain(String),
    /// `jean@acme.fr`.
    Whole(Address),
}

/// A compiled pattern that serialises as its source.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// Source text.
    pub source: String,
    /// Compiled, size limited.
    pub regex: regex::Regex,
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.source)
    }
}

/// A list file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct List {
    /// Name without extension.
    pub name: String,
    /// Folded entries; a domain also in canonical form.
    pub folded: BTreeSet<String>,
    /// Entries as written.
    pub exact: BTreeSet<String>,
}

/// A lookup table: postcodes or departments to pools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// File name inside `tables/`.
    pub name: String,
    /// Rows, most precise first.
    pub rows: Vec<Row>,
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// First postcode or department.
    pub from: String,
    /// Last postcode or department.
    pub to: String,
    /// Pool.
    pub pool: String,
    /// Whether it speaks of departments.
    pub departments: bool,
    /// How many codes it covers; less is more precise.
    pub width: u32,
    /// 1-based line in the file.
    #[serde(skip)]
    pub line: u64,
}

/// What a rule does.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Actions {
    /// Stop: discard, for this reason.
    pub discard: Option<String>,
    /// Stop: quarantine, for this reason.
    pub quarantine: Option<String>,
    /// Facts to set, in order.
    pub set: Vec<(String, FactSetter)>,
    /// Tags to add.
    pub tags: Vec<String>,
    /// To add to the score.
    pub score: i64,
    /// Lead or opportunity.
    pub create: Option<RecordKind>,
    /// What to do with a known person.
    pub on_known: Option<OnKnown>,
    /// Team.
    pub team: Option<String>,
    /// Stage.
    pub stage: Option<String>,
    /// 0-3.
    pub priority: Option<u8>,
    /// Expected revenue.
    pub expected_revenue: Option<Source>,
    /// Who gets it.
    pub owner: Option<Owner>,
}

/// A fact to set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FactSetter {
    /// Where the value comes from.
    pub value: Source,
    /// Type of the fact.
    #[serde(serialize_with = "type_word")]
    pub kind: FactType,
}

fn type_word<S: Serializer>(kind: &FactType, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.as_str())
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Written in the rule.
    Constant(String),
    /// An amount written in the rule.
    Amount(Money),
    /// What a named group of the rule's regex found.
    Capture(String),
    /// Another fact.
    Fact(String),
}

/// Who gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// A person.
    Person(String),
    /// The next of a pool.
    Pool(String),
    /// A named queue.
    Queue(String),
    /// The user a fact names, when active; else a pool.
    From {
        /// `account.owner` or `known.owner`.
        fact: String,
        /// Pool otherwise.
        else_pool: String,
    },
    /// The pool a table names for the postcode or department.
    Table {
        /// Fact looked up.
        fact: String,
        /// Table.
        table: Arc<Table>,
    },
}

/// A pool of `pools.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pool {
    /// Name.
    pub name: String,
    /// Members in file order.
    pub members: Vec<PoolSeat>,
    /// What happens when nobody is eligible.
    pub on_empty: OnEmpty,
}

/// A member of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PoolSeat {
    /// User id.
    pub user: String,
    /// Share of turns; 0 takes none.
    pub weight: u32,
}

/// What happens when nobody of a pool is eligible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnEmpty {
    /// A named queue.
    Queue(String),
    /// Another pool.
    Pool(String),
    /// A person.
    User(String),
}

/// A user of `people.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// User id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Mail address.
    pub email: Option<String>,
    /// ISO 639-1.
    pub languages: Vec<String>,
    /// Receives records.
    pub active: bool,
}

/// A team of `people.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Team {
    /// Team id.
    pub id: String,
    /// Name.
    pub name: String,
    /// User ids.
    pub members: Vec<String>,
}

/// Everything a rule set consists of.
#[derive(Debug, Clone, Serialize)]
pub struct Program {
    /// Version of the language.
    pub language: i64,
    /// Currency of amounts written without one.
    pub currency: Option<String>,
    /// Enabled rules, phase by phase, in file order.
    pub rules: Vec<Rule>,
    /// Users.
    pub people: Vec<Person>,
    /// Teams.
    pub teams: Vec<Team>,
    /// Pools by name.
    pub pools: BTreeMap<String, Pool>,
}
