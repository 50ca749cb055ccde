//! From a rules folder to a rule set, or to the list of everything that is wrong with it.
//!
//! Order: parse every file, then people, lists, pools, tables (they refer to each other leftwards), then the facts that
//! enrich rules set, then the rules. Every step goes on after an error, so that one run tells everything.

mod actions;
mod conflict;
mod folder;
mod keys;
mod lists;
mod matcher;
mod owner;
mod patterns;
mod people;
mod pools;
mod rule;
mod tables;
mod values;
mod when;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::diagnostics::{Problem, Reporter};
use super::ir::{List, Person, Phase, Pool, Program, Rule, Table, Team};
use super::schema::Schema;
use super::tree::{Node, Span};
use super::{Compiled, Declarations, Diagnostic, RuleSet, RuleSources};
use folder::Folder;

/// Hard limits, so that no folder can hold the daemon up.
pub const MAX_FILE_BYTES: usize = 4 * 1024 * 1024;
/// Rules in one set.
pub const MAX_RULES: usize = 20_000;
/// Entries of one list or rows of one table.
pub const MAX_ENTRIES: usize = 500_000;

/// State of one compilation.
struct Compiler<'a> {
    report: Reporter<'a>,
    declared: &'a Declarations,
    schema: Schema,
    own_domains: Arc<[String]>,
    currency: Option<String>,
    people: Vec<Person>,
    teams: Vec<Team>,
    lists: BTreeMap<String, Arc<List>>,
    tables: BTreeMap<String, Arc<Table>>,
    pools: BTreeMap<String, Pool>,
    /// A file or rule could not be read, so that what is missing may stand there.
    incomplete: bool,
}

/// A rule with the places later checks need.
struct Placed {
    rule: Rule,
    file: String,
    id_span: Span,
    /// Place of each fact set.
    set_spans: BTreeMap<String, Span>,
}

/// Compiles a folder.
///
/// # Errors
/// Everything found, warnings included, when at least one error is among it.
pub fn compile(sources: &RuleSources, declared: &Declarations) -> Result<Compiled, Vec<Diagnostic>> {
    let mut compiler = Compiler::new(sources, declared);
    let folder = compiler.sort_files(sources);
    compiler.settings(folder.settings.as_ref());
    compiler.read_people(folder.people.as_ref());
    compiler.read_lists(&folder.lists);
    compiler.read_pools(folder.pools.as_ref());
    compiler.read_tables(&folder.tables);
    compiler.declare_set_facts(&folder);
    let placed = compiler.rules(&folder);
    compiler.check_order(&placed);
    compiler.check_conflicts(&placed);
    let Compiler { report, currency, people, teams, pools, .. } = compiler;
    if report.has_errors() {
        return Err(report.finish());
    }
    let rules = placed.into_iter().map(|p| p.rule).collect();
    let program = Program { language: 1, currency, rules, people, teams, pools };
    Ok(Compiled { rules: RuleSet::new(program, sources.hash()), diagnostics: report.finish() })
}

impl<'a> Compiler<'a> {
    fn new(sources: &'a RuleSources, declared: &'a Declarations) -> Self {
        let domains = declared.own_domains.iter().filter_map(|d| super::address::canonical_domain(d));
        Self {
            report: Reporter::new(sources),
            declared,
            schema: Schema::new(declared),
            own_domains: domains.collect(),
            currency: None,
            people: Vec::new(),
            teams: Vec::new(),
            lists: BTreeMap::new(),
            tables: BTreeMap::new(),
            pools: BTreeMap::new(),
            incomplete: false,
        }
    }

    fn rules(&mut self, folder: &Folder) -> Vec<Placed> {
        let mut placed = Vec::new();
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        let mut count = 0;
        for phase in Phase::ALL {
            for (file, document) in folder.phase_files(phase) {
                for node in rule_nodes(document) {
                    count += 1;
                    if count > MAX_RULES {
                        let problem = Problem::error("R020", format!("more than {MAX_RULES} rules"));
                        self.report.add(file, node.span, problem.note("move long lists into lists/ and tables/"));
                        return placed;
                    }
                    if let Some(rule) = self.rule(file, phase, node, &mut seen) {
                        placed.push(rule);
                    }
                }
            }
        }
        placed
    }
}

/// The `[[rule]]` tables of a phase file; anything of another shape is reported where the file is sorted.
fn rule_nodes(document: &Node) -> &[Node] {
    document.get("rule").and_then(Node::as_list).unwrap_or(&[])
}
