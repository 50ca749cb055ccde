//! `world`: what the database knows in a test. Everything not named is unknown.

use super::Loader;
use crate::domain::rules::diagnostics::{Problem, suggestion};
use crate::domain::rules::facts::KnownFacts;
use crate::domain::rules::tree::{Kind, Node, Span};

const PATHS: [&str; 8] = [
    "known.contact",
    "known.organisation",
    "known.customer",
    "known.open_lead",
    "known.open_opportunity",
    "known.owner",
    "account.owner",
    "account.team",
];

impl Loader<'_> {
    pub(super) fn world(&mut self, file: &str, node: &Node) -> KnownFacts {
        let mut known = KnownFacts::default();
        let mut leaves = Vec::new();
        flatten("", node, &mut leaves);
        for (path, span, value) in leaves {
            if let Some(pool) = path.strip_prefix("pool.").and_then(|p| p.strip_suffix(".state")) {
                self.pool_state(file, pool, span, value, &mut known);
            } else if !set(&mut known, &path, value) {
                let problem = Problem::error("R003", format!("`{path}` is nothing a world can say"))
                    .label(suggestion(&path, PATHS))
                    .note("known.* are true or false, owners and teams are texts, pool.NAME.state is \"empty\"");
                self.report.add(file, span, problem);
            }
        }
        known
    }

    fn pool_state(&mut self, file: &str, pool: &str, span: Span, value: &Node, known: &mut KnownFacts) {
        let rules = self.rules;
        let pools: Vec<&str> = rules.pools().map(|p| p.name.as_str()).collect();
        if !pools.contains(&pool) {
            let problem = Problem::error("R003", format!("unknown pool `{pool}`")).label(suggestion(pool, pools));
            return self.report.add(file, span, problem.note("pools are declared in pools.toml"));
        }
        match value.as_text() {
            Some("empty") => {
                known.empty_pools.insert(pool.to_owned());
            }
            Some("open") => {}
            _ => self.wrong(file, value.span, "unknown state of a pool", "write \"empty\" or \"open\""),
        }
    }
}

/// The values below a table, with their dotted paths.
fn flatten<'n>(prefix: &str, node: &'n Node, out: &mut Vec<(String, Span, &'n Node)>) {
    for (key, value) in node.as_table().unwrap_or(&[]) {
        let path = if prefix.is_empty() { key.name.clone() } else { format!("{prefix}.{}", key.name) };
        if value.as_table().is_some() {
            flatten(&path, value, out);
        } else {
            out.push((path, key.span, value));
        }
    }
}

fn set(known: &mut KnownFacts, path: &str, value: &Node) -> bool {
    let flag = match value.kind {
        Kind::Bool(b) => Some(b),
        _ => None,
    };
    let text = value.as_text().map(str::to_owned);
    match (path, flag, text) {
        ("known.contact", Some(b), _) => known.contact = b,
        ("known.organisation", Some(b), _) => known.organisation = b,
        ("known.customer", Some(b), _) => known.customer = b,
        ("known.open_lead", Some(b), _) => known.open_lead = b,
        ("known.open_opportunity", Some(b), _) => known.open_opportunity = b,
        ("known.owner", _, Some(t)) => known.owner = Some(t),
        ("account.owner", _, Some(t)) => known.account_owner = Some(t),
        ("account.team", _, Some(t)) => known.account_team = Some(t),
        _ => return false,
    }
    true
}
