//! `then.owner`: a person, a pool, a queue, the account's owner, or the pool a table names.

use std::sync::Arc;

use super::Compiler;
use crate::domain::rules::diagnostics::Problem;
use crate::domain::rules::ir::{Condition, Owner, Predicate, Table, Test};
use crate::domain::rules::tree::Node;

const KEYS: [&str; 6] = ["person", "pool", "queue", "from", "else_pool", "pool_from_table"];
const FROM: [&str; 2] = ["account.owner", "known.owner"];

impl Compiler<'_> {
    pub(super) fn owner(&mut self, file: &str, node: &Node, when: Option<&Condition>) -> Option<Owner> {
        let Some(pairs) = node.as_table() else { return self.active_user(file, node).map(Owner::Person) };
        self.only_keys(file, pairs, &KEYS, "an owner");
        let kinds: Vec<&str> =
            pairs.iter().map(|(k, _)| k.name.as_str()).filter(|k| KEYS.contains(k) && *k != "else_pool").collect();
        let [kind] = kinds.as_slice() else {
            let problem =
                Problem::error("R004", "an owner is exactly one of person, pool, queue, from, pool_from_table")
                    .label("say who gets it, in one way")
                    .note("for instance { pool = \"inside-sales\" }");
            self.report.add(file, node.span, problem);
            return None;
        };
        let value = node.get(kind)?;
        if let (Some(extra), false) = (node.get("else_pool"), *kind == "from") {
            let problem = Problem::error("R002", "`else_pool` without `from`").label("only `from` can fail");
            self.report.add(file, extra.span, problem.note("remove the key"));
        }
        match *kind {
            "person" => self.active_user(file, value).map(Owner::Person),
            "pool" => self.pool_name(file, value).map(Owner::Pool),
            "queue" => self.slug(file, value).map(Owner::Queue),
            "from" => self.fact_owner(file, node, value),
            _ => self.table_owner(file, value, when),
        }
    }

    fn fact_owner(&mut self, file: &str, node: &Node, value: &Node) -> Option<Owner> {
        let fact = self.text(file, value)?;
        if !FROM.contains(&fact.as_str()) {
            let problem = Problem::error("R003", format!("`{}` names no user", super::keys::cut(&fact)))
                .label(crate::domain::rules::diagnostics::suggestion(&fact, FROM))
                .note("an owner is taken from account.owner or known.owner");
            self.report.add(file, value.span, problem);
            return None;
        }
        let Some(else_pool) = node.get("else_pool") else {
            let problem = Problem::error("R013", "`from` without `else_pool`")
                .label("who gets it when there is no such owner, or they left?")
                .note("add else_pool = \"NAME\"");
            self.report.add(file, value.span, problem);
            return None;
        };
        let else_pool = self.pool_name(file, else_pool)?;
        Some(Owner::From { fact, else_pool })
    }

    /// The table must also be asked in `when`, so that a matching rule always finds a row.
    fn table_owner(&mut self, file: &str, value: &Node, when: Option<&Condition>) -> Option<Owner> {
        let table = self.table(file, value)?;
        let when = when?;
        if let Some(fact) = looked_up(when, &table) {
            return Some(Owner::Table { fact: fact.to_owned(), table });
        }
        let problem = Problem::error("R006", format!("{} is not looked up by this rule", table.name))
            .label("which postcode or department is meant?")
            .note(format!("add when.department = {{ in_table = \"{}\" }} or the same with postcode", table.name));
        self.report.add(file, value.span, problem);
        None
    }
}

/// The fact that must be in the table whenever the condition holds.
fn looked_up<'c>(when: &'c Condition, table: &Arc<Table>) -> Option<&'c str> {
    match when {
        Condition::Fact(Predicate { fact, test: Test::InTable(asked), .. }) if asked.name == table.name => Some(fact),
        Condition::All(parts) => parts.iter().find_map(|p| looked_up(p, table)),
        _ => None,
    }
}
