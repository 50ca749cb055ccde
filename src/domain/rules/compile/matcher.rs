//! What stands behind a fact under `when`: a bare value, or a table of operators that must all hold.

use super::Compiler;
use super::when::{Captures, Scope};
use crate::domain::rules::address::{Address, canonical_domain, local_part};
use crate::domain::rules::diagnostics::{Problem, listed};
use crate::domain::rules::fold::fold;
use crate::domain::rules::ir::{AddressPattern, Operand, Predicate, Test};
use crate::domain::rules::postcode::department_order;
use crate::domain::rules::schema::{FactInfo, FactType};
use crate::domain::rules::tree::{Key, Kind, Node};

/// Every operator of the language.
const OPERATORS: [&str; 16] = [
    "one_of",
    "not",
    "missing",
    "any_word",
    "contains",
    "starts_with",
    "regex",
    "in_list",
    "exact",
    "address",
    "at_least",
    "at_most",
    "above",
    "below",
    "between",
    "in_table",
];

/// The fact a matcher belongs to.
pub(super) struct Subject<'s> {
    pub path: &'s str,
    pub info: &'s FactInfo,
    pub scope: Scope,
}

impl Compiler<'_> {
    /// The predicates of one fact; empty after an error.
    pub(super) fn matcher(
        &mut self,
        file: &str,
        of: &Subject<'_>,
        node: &Node,
        found: &mut Captures,
    ) -> Vec<Predicate> {
        let exact = node.get("exact").and_then(|n| self.boolean(file, n)).unwrap_or(false);
        let tests = self.tests(file, of, exact, node, found);
        tests
            .into_iter()
            .map(|test| Predicate { fact: of.path.to_owned(), shown: of.info.shown, exact, test })
            .collect()
    }

    fn tests(&mut self, file: &str, of: &Subject<'_>, exact: bool, node: &Node, found: &mut Captures) -> Vec<Test> {
        let is_amount = of.info.kind == FactType::Money && node.get("amount").is_some();
        if let (Some(pairs), false) = (node.as_table(), is_amount) {
            if pairs.iter().all(|(k, _)| k.name == "exact") {
                let problem = Problem::error("R004", format!("{} has no operator", of.path)).label("says nothing");
                self.report.add(file, node.span, problem.note(operators_of(&of.info.kind)));
            }
            let mut tests = Vec::new();
            for (key, value) in pairs {
                if self.operator_fits(file, of, key) {
                    tests.extend(self.operator(file, of, exact, &key.name, value, found));
                }
            }
            return tests;
        }
        if node.as_list().is_some() {
            let problem = Problem::error("R004", "a list needs an operator").label("which operator is meant?");
            self.report.add(file, node.span, problem.note("write { one_of = [..] } to accept each of the values"));
            return Vec::new();
        }
        let value = self.operand(file, of.path, &of.info.kind, exact, node);
        value.map(|v| Test::OneOf(vec![v])).into_iter().collect()
    }

    fn operator_fits(&mut self, file: &str, of: &Subject<'_>, key: &Key) -> bool {
        let fitting = of.info.kind.operators();
        if fitting.contains(&key.name.as_str()) {
            return true;
        }
        if OPERATORS.contains(&key.name.as_str()) {
            let kind = of.info.kind.as_str();
            let problem =
                Problem::error("R004", format!("`{}` does not fit {}, which is of type {kind}", key.name, of.path))
                    .label(format!("not an operator of {kind}"))
                    .note(operators_of(&of.info.kind));
            self.report.add(file, key.span, problem);
        } else {
            self.unknown_key(file, key, fitting, &format!("the matcher of {}", of.path));
        }
        false
    }

    fn operator(
        &mut self,
        file: &str,
        of: &Subject<'_>,
        exact: bool,
        name: &str,
        node: &Node,
        found: &mut Captures,
    ) -> Option<Test> {
        match name {
            "missing" => self.boolean(file, node).map(Test::Missing),
            "one_of" => self.one_of(file, of, exact, node),
            "not" => {
                let scope = Scope::Never;
                let inner = Subject { path: of.path, info: of.info, scope };
                if node.get("missing").is_some() || node.get("not").is_some() {
                    let problem = Problem::error("R004", "`not` of `not` or of `missing`").label("hard to read");
                    self.report.add(file, node.span, problem.note("write the matcher itself, or `missing = false`"));
                    return None;
                }
                let exact = exact || node.get("exact").and_then(|n| self.boolean(file, n)).unwrap_or(false);
                let tests = self.tests(file, &inner, exact, node, found);
                (!tests.is_empty()).then_some(Test::Not(tests))
            }
            "any_word" => self.words(file, exact, node).map(Test::AnyWord),
            "contains" => self.folded(file, exact, node).map(Test::Contains),
            "starts_with" => self.folded(file, exact, node).map(Test::StartsWith),
            "regex" => {
                let (pattern, groups) = self.regex(file, exact, node)?;
                found.extend(groups.into_iter().map(|(name, set)| (name, of.scope, set)));
                Some(Test::Regex(pattern))
            }
            "in_list" => self.list(file, node).map(Test::InList),
            "in_table" => self.table(file, node).map(Test::InTable),
            "address" => self.addresses(file, node),
            "between" => self.between(file, of, node),
            "at_least" | "at_most" | "above" | "below" => {
                let bound = self.operand(file, of.path, &of.info.kind, exact, node)?;
                Some(match name {
                    "at_least" => Test::AtLeast(bound),
                    "at_most" => Test::AtMost(bound),
                    "above" => Test::Above(bound),
                    _ => Test::Below(bound),
                })
            }
            _ => None,
        }
    }

    fn one_of(&mut self, file: &str, of: &Subject<'_>, exact: bool, node: &Node) -> Option<Test> {
        if node.as_list().is_none() {
            self.wrong_shape(file, node, "a list of values");
            return None;
        }
        let nodes = self.one_or_many(file, node);
        let values: Vec<Operand> =
            nodes.iter().filter_map(|n| self.operand(file, of.path, &of.info.kind, exact, n)).collect();
        (!values.is_empty()).then_some(Test::OneOf(values))
    }

    fn folded(&mut self, file: &str, exact: bool, node: &Node) -> Option<Vec<String>> {
        let mut out = Vec::new();
        for item in self.one_or_many(file, node) {
            let text = self.text(file, item)?;
            let text = if exact { text } else { fold(&text) };
            if text.is_empty() {
                let problem = Problem::error("R004", "nothing is left of this text once folded").label("no letters");
                self.report.add(file, item.span, problem.note("write a text with letters or digits"));
                return None;
            }
            out.push(text);
        }
        (!out.is_empty()).then_some(out)
    }

    fn addresses(&mut self, file: &str, node: &Node) -> Option<Test> {
        let mut patterns = Vec::new();
        for item in self.one_or_many(file, node) {
            let text = self.text(file, item)?;
            let pattern = match text.trim().split_once('@') {
                Some((local, "")) => {
                    local_part(local).map(|local| AddressPattern::Own { local, domains: self.own_domains.clone() })
                }
                Some(("", domain)) => canonical_domain(domain).map(AddressPattern::Domain),
                _ => Address::parse(&text).map(AddressPattern::Whole),
            };
            if pattern.is_none() {
                let problem = Problem::error("R004", "this is no address")
                    .label("write \"sales@\", \"@acme.fr\" or \"jean@acme.fr\"")
                    .note("\"sales@\" means that local part on any of our own domains");
                self.report.add(file, item.span, problem);
            }
            if matches!(pattern, Some(AddressPattern::Own { .. })) && self.own_domains.is_empty() {
                let problem = Problem::warning("R003", "no own domains are declared")
                    .label("means this local part on one of our own domains")
                    .note("this never matches; set `own_domains` in the configuration");
                self.report.add(file, item.span, problem);
            }
            patterns.extend(pattern);
        }
        (!patterns.is_empty()).then_some(Test::Address(patterns))
    }

    fn between(&mut self, file: &str, of: &Subject<'_>, node: &Node) -> Option<Test> {
        let Some([from, to]) = node.as_list() else {
            self.wrong_shape(file, node, "a list of two values, the lower one first");
            return None;
        };
        let from = self.operand(file, of.path, &of.info.kind, false, from)?;
        let to = self.operand(file, of.path, &of.info.kind, false, to)?;
        let good = match (&from, &to) {
            (Operand::Number(a), Operand::Number(b)) => a <= b,
            (Operand::Money(a), Operand::Money(b)) => a.minor <= b.minor && a.currency == b.currency,
            (Operand::Postcode(a), Operand::Postcode(b)) => a.len() == b.len() && a <= b,
            (Operand::Department(a), Operand::Department(b)) => department_order(a) <= department_order(b),
            _ => false,
        };
        if !good {
            let problem =
                Problem::error("R011", "nothing lies between these values").label("the lower one comes first");
            self.report.add(file, node.span, problem.note("exchange the two values; postcodes need the same length"));
        }
        good.then_some(Test::Between(from, to))
    }
}

fn operators_of(kind: &FactType) -> String {
    let listed = listed(kind.operators().iter().copied());
    format!("operators of {}: a bare value, {listed}", kind.as_str())
}

/// Whether a node is a matcher rather than a group of facts.
pub(super) fn is_table(node: &Node) -> bool {
    matches!(node.kind, Kind::Table(_))
}
