//! A compiled rule set: immutable, shared, named by the hash of what it does.

use super::compile;
use super::evaluate;
use super::facts::Facts;
use super::ir::{Person, Pool, Program, Team};
use super::{Declarations, Diagnostic, Evaluation, RuleSources};
use crate::clock::Timestamp;

/// A rule set ready to run.
#[derive(Debug)]
pub struct RuleSet {
    program: Program,
    hash: String,
    source_hash: String,
}

/// A rule set with what is to be said about its sources.
#[derive(Debug)]
pub struct Compiled {
    /// The set.
    pub rules: RuleSet,
    /// Warnings; never errors.
    pub diagnostics: Vec<Diagnostic>,
}

impl RuleSet {
    /// Compiles a folder.
    ///
    /// # Errors
    /// Everything that was found, sorted by file and place, when at least one error is among it.
    pub fn compile(sources: &RuleSources, declared: &Declarations) -> Result<Compiled, Vec<Diagnostic>> {
        compile::compile(sources, declared)
    }

    pub(super) fn new(program: Program, source_hash: String) -> Self {
        // Serialising plain data of ours cannot fail; were it to, the source still names the set.
        let canonical = serde_json::to_vec(&program).unwrap_or_else(|_| source_hash.clone().into_bytes());
        let hash = blake3::hash(&canonical).to_hex().to_string();
        Self { program, hash, source_hash }
    }

    /// BLAKE3 of the compiled form, lists, tables, people and pools included, comments, layout and `why` excluded; as
    /// hexadecimal.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// BLAKE3 of the sources as written; as hexadecimal.
    #[must_use]
    pub fn source_hash(&self) -> &str {
        &self.source_hash
    }

    /// Users, in file order.
    #[must_use]
    pub fn people(&self) -> &[Person] {
        &self.program.people
    }

    /// Teams, in file order.
    #[must_use]
    pub fn teams(&self) -> &[Team] {
        &self.program.teams
    }

    /// Pools, by name.
    pub fn pools(&self) -> impl Iterator<Item = &Pool> {
        self.program.pools.values()
    }

    /// Ids of the enabled rules, phase by phase, in the order in which they are tried.
    pub fn rule_ids(&self) -> impl Iterator<Item = &str> {
        self.program.rules.iter().map(|r| r.id.as_str())
    }

    /// Why a rule exists, in its author's words.
    #[must_use]
    pub fn why(&self, rule: &str) -> Option<&str> {
        self.program.rules.iter().find(|r| r.id == rule)?.why.as_deref()
    }

    /// The compiled form.
    #[must_use]
    pub const fn program(&self) -> &Program {
        &self.program
    }

    /// What the rules say about an arrival with these facts at this moment. Pure: the same arguments give the same
    /// answer.
    #[must_use]
    pub fn evaluate(&self, facts: &Facts, now: Timestamp) -> Evaluation {
        evaluate::evaluate(self, facts, now)
    }
}
