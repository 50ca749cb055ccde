//! Tests of a rules folder: `tests/*.toml`, each naming an input, the world around it, and what must come out.
//!
//! Only the listed keys are compared, each exactly; a test that lists none is refused (R030), because a test that
//! proves nothing reads like one that passes.

mod compare;
mod world;

use std::collections::BTreeSet;

use super::diagnostics::{Problem, Reporter, listed, suggestion};
use super::facts::KnownFacts;
use super::schema::Schema;
use super::tree::{Key, Kind, Node, Span};
use super::{Declarations, Diagnostic, RuleSet, RuleSources};
use crate::clock::Timestamp;

pub use compare::{Mismatch, compare};

/// One test.
#[derive(Debug, Clone)]
pub struct TestCase {
    /// What it says, unique in its file.
    pub name: String,
    /// File inside the folder, `tests/rfq.toml`.
    pub file: String,
    /// 1-based line of its name.
    pub line: usize,
    /// Path of the input, relative to the folder of the file.
    pub input: String,
    /// Mailbox or form it arrives through; `None` takes the only one that fits.
    pub intake: Option<String>,
    /// When it arrives.
    pub at: Timestamp,
    /// What the database knows.
    pub world: KnownFacts,
    /// What must come out.
    pub expect: Vec<Expectation>,
}

/// One listed key.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// `rule`, `create`, `pool`, .. or the path of a fact.
    pub key: String,
    /// What it must be.
    pub wanted: Wanted,
}

/// What a key must be.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// This text (numbers and booleans as text).
    Text(String),
    /// These texts, in this order.
    List(Vec<String>),
    /// Absent (true) or there (false).
    Missing(bool),
}

/// Keys of the result that a test may list; every other key is a fact.
pub const RESULT_KEYS: [&str; 14] = [
    "rule",
    "rules",
    "create",
    "on_known",
    "team",
    "stage",
    "priority",
    "score",
    "tags",
    "pool",
    "queue",
    "owner",
    "discard",
    "quarantine",
];

const KEYS: [&str; 7] = ["name", "input", "intake", "form", "at", "world", "expect"];

/// Reads test files.
///
/// # Errors
/// Everything that is wrong with them.
pub fn load(tests: &RuleSources, rules: &RuleSet, declared: &Declarations) -> Result<Vec<TestCase>, Vec<Diagnostic>> {
    let mut schema = Schema::new(declared);
    for rule in &rules.program().rules {
        for (name, setter) in &rule.then.set {
            schema.add_set(name, setter.kind.clone());
        }
    }
    let mut loader = Loader { report: Reporter::new(tests), schema, declared, rules };
    let mut cases = Vec::new();
    for (file, text) in &tests.files {
        match Node::parse(text) {
            Ok(document) => loader.file(file, &document, &mut cases),
            Err((span, said)) => {
                let problem = Problem::error("R001", "this is not TOML").label(said).note("correct the syntax here");
                loader.report.add(file, span, problem);
            }
        }
    }
    if loader.report.has_errors() { Err(loader.report.finish()) } else { Ok(cases) }
}

struct Loader<'a> {
    report: Reporter<'a>,
    schema: Schema,
    declared: &'a Declarations,
    rules: &'a RuleSet,
}

impl Loader<'_> {
    fn file(&mut self, file: &str, document: &Node, cases: &mut Vec<TestCase>) {
        for (key, node) in document.as_table().unwrap_or(&[]) {
            if key.name != "test" || node.as_list().is_none() {
                self.unknown(file, key, &["test"], "a test file");
            }
        }
        let mut names = BTreeSet::new();
        for node in document.get("test").and_then(Node::as_list).unwrap_or(&[]) {
            if let Some(case) = self.case(file, node) {
                if !names.insert(case.name.clone()) {
                    let problem = Problem::error("R002", format!("test `{}` is there twice", case.name));
                    self.report.add(file, node.span, problem.label("the second one").note("give it another name"));
                }
                cases.push(case);
            }
        }
    }

    fn case(&mut self, file: &str, node: &Node) -> Option<TestCase> {
        for (key, _) in node.as_table()? {
            if !KEYS.contains(&key.name.as_str()) {
                self.unknown(file, key, &KEYS, "a test");
            }
        }
        let name = self.needed(file, node, "name")?;
        let span = node.get("name").map_or(node.span, |n| n.span);
        let input = self.needed(file, node, "input")?;
        let at = self.needed(file, node, "at")?;
        let Ok(at) = at.parse::<jiff::Timestamp>() else {
            let place = node.get("at").map_or(span, |n| n.span);
            self.wrong(file, place, "`at` is no moment", "write \"2026-11-20T09:14:00+01:00\"");
            return None;
        };
        let at = Timestamp::from_micros(at.as_microsecond());
        let intake = self.intake(file, node);
        let world = node.get("world").map(|w| self.world(file, w)).unwrap_or_default();
        let mut expect = Vec::new();
        if let Some(pairs) = node.get("expect").and_then(Node::as_table) {
            self.expectations(file, "", pairs, &mut expect);
        }
        if expect.is_empty() {
            let problem = Problem::error("R030", format!("test `{name}` expects nothing"))
                .label("proves nothing")
                .note("add expect = { rule = \"..\", create = \"..\" }");
            self.report.add(file, span, problem);
        }
        let line = self.report.line_of(file, span);
        Some(TestCase { name, file: file.to_owned(), line, input, intake, at, world, expect })
    }

    fn needed(&mut self, file: &str, node: &Node, key: &str) -> Option<String> {
        let found = node.get(key).and_then(|n| match &n.kind {
            Kind::Text { value, .. } if !value.trim().is_empty() => Some(value.clone()),
            Kind::Time(time) => Some(time.to_string()),
            _ => None,
        });
        if found.is_none() {
            let place = node.get(key).map_or(node.span, |n| n.span);
            self.wrong(file, place, &format!("a test needs `{key}`"), &format!("add {key} = \"..\""));
        }
        found
    }

    /// `intake = "sales"` or `form = "contact"`.
    fn intake(&mut self, file: &str, node: &Node) -> Option<String> {
        let (key, value) = ["form", "intake"].iter().find_map(|k| node.get(k).map(|v| (*k, v)))?;
        let name = value.as_text().unwrap_or_default().to_owned();
        let declared = self.declared;
        let known: Vec<&str> = if key == "form" {
            declared.forms.keys().map(String::as_str).collect()
        } else {
            declared.intakes.iter().map(String::as_str).collect()
        };
        if !known.contains(&name.as_str()) {
            let problem = Problem::error("R003", format!("unknown {key} `{name}`"))
                .label(suggestion(&name, known))
                .note("forms and mailboxes are declared in the configuration");
            self.report.add(file, value.span, problem);
        }
        Some(name)
    }

    fn expectations(&mut self, file: &str, prefix: &str, pairs: &[(Key, Node)], out: &mut Vec<Expectation>) {
        for (key, node) in pairs {
            let path = if prefix.is_empty() { key.name.clone() } else { format!("{prefix}.{}", key.name) };
            let result = RESULT_KEYS.contains(&path.as_str()) || path == "expected_revenue";
            if !result && self.schema.get(&path).is_none() {
                match node.as_table() {
                    Some(inner) if self.schema.is_group(&path) => self.expectations(file, &path, inner, out),
                    _ => self.unknown_expectation(file, key, &path),
                }
                continue;
            }
            match wanted(node) {
                Some(wanted) => {
                    self.check_rule_name(file, node, &path, &wanted);
                    out.push(Expectation { key: path, wanted });
                }
                None => self.wrong(file, node.span, "this cannot be expected", "write a value, or { missing = true }"),
            }
        }
    }

    /// A test that expects a rule which does not exist is wrong before it runs.
    fn check_rule_name(&mut self, file: &str, node: &Node, path: &str, wanted: &Wanted) {
        if let (Wanted::Text(id), "rule") = (wanted, path)
            && !self.rules.rule_ids().any(|r| r == id)
        {
            let rules = self.rules;
            let known: Vec<&str> = rules.rule_ids().collect();
            let problem = Problem::error("R003", format!("unknown rule `{id}`"))
                .label(suggestion(id, known))
                .note("correct the id, or enable the rule");
            self.report.add(file, node.span, problem);
        }
    }

    fn unknown_expectation(&mut self, file: &str, key: &Key, path: &str) {
        let known: Vec<&str> = RESULT_KEYS.iter().copied().chain(self.schema.below("")).collect();
        let problem = Problem::error("R002", format!("unknown key `{path}` in `expect`"))
            .label(suggestion(path, known))
            .note(format!("results: {}, expected_revenue; and every fact", listed(RESULT_KEYS)));
        self.report.add(file, key.span, problem);
    }

    fn unknown(&mut self, file: &str, key: &Key, valid: &[&str], place: &str) {
        let problem = Problem::error("R002", format!("unknown key `{}` in {place}", key.name))
            .label(suggestion(&key.name, valid.iter().copied()))
            .note(format!("keys of {place}: {}", listed(valid.iter().copied())));
        self.report.add(file, key.span, problem);
    }

    fn wrong(&mut self, file: &str, span: Span, message: &str, remedy: &str) {
        self.report.add(file, span, Problem::error("R004", message).label(remedy).note(remedy));
    }
}

/// A value of `expect`.
fn wanted(node: &Node) -> Option<Wanted> {
    match &node.kind {
        Kind::List(nodes) => nodes.iter().map(scalar).collect::<Option<Vec<_>>>().map(Wanted::List),
        Kind::Table(pairs) => match pairs.as_slice() {
            [(key, Node { kind: Kind::Bool(b), .. })] if key.name == "missing" => Some(Wanted::Missing(*b)),
            [(key, value)] if key.name == "reason" => scalar(value).map(Wanted::Text),
            _ => None,
        },
        _ => scalar(node).map(Wanted::Text),
    }
}

fn scalar(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::Text { value, .. } => Some(value.clone()),
        Kind::Integer(n) => Some(n.to_string()),
        Kind::Float(n) => Some(n.to_string()),
        Kind::Bool(b) => Some(b.to_string()),
        _ => None,
    }
}
