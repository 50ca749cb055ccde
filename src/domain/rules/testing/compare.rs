//! What came out against what must come out.

use super::{TestCase, Wanted};
use crate::domain::decision::{OwnerChoice, RecordKind};
use crate::domain::enquiry::Money;
use crate::domain::rules::amount;
use crate::domain::rules::facts::{Facts, show};
use crate::domain::rules::{Evaluation, Guarded, OnKnown};

/// A key that is not what the test wants.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Mismatch {
    /// The key.
    pub key: String,
    /// What the test wants.
    pub wanted: String,
    /// What came out; `absent` when nothing.
    pub got: String,
}

/// Compares an evaluation with what a test lists. Empty when it passes.
#[must_use]
pub fn compare(case: &TestCase, facts: &Facts, evaluation: &Evaluation) -> Vec<Mismatch> {
    let mut out = Vec::new();
    for expectation in &case.expect {
        let got = outcome(&expectation.key, facts, evaluation);
        let fits = match &expectation.wanted {
            Wanted::Missing(missing) => got.is_empty() == *missing,
            Wanted::List(list) => got == *list,
            Wanted::Text(text) if expectation.key == "expected_revenue" => got.iter().any(|g| same_amount(g, text)),
            Wanted::Text(text) => got.as_slice() == [text.clone()],
        };
        if !fits {
            let wanted = match &expectation.wanted {
                Wanted::Missing(true) => "absent".to_owned(),
                Wanted::Missing(false) => "any value".to_owned(),
                Wanted::List(list) => list.join(", "),
                Wanted::Text(text) => text.clone(),
            };
            let got = if got.is_empty() { "absent".to_owned() } else { got.join(", ") };
            out.push(Mismatch { key: expectation.key.clone(), wanted, got });
        }
    }
    out
}

/// `5000.00 EUR` is what `5000` and `5000 EUR` ask for.
fn same_amount(got: &str, wanted: &str) -> bool {
    let read = |text: &str| match amount::money(text) {
        amount::Amount::Read(money) => Some(money),
        _ => None,
    };
    match (read(got), read(wanted)) {
        (Some(g), Some(w)) => g.minor == w.minor && (w.currency.is_none() || g.currency == w.currency),
        _ => false,
    }
}

/// The values of one key; empty when absent.
fn outcome(key: &str, facts: &Facts, e: &Evaluation) -> Vec<String> {
    let decided = e.guard.is_none();
    let one = |value: Option<String>| value.into_iter().collect();
    match key {
        "rule" => one(settling_rule(e)),
        "rules" => e.rule_ids.clone(),
        "create" => one(decided.then(|| if e.create == RecordKind::Lead { "lead" } else { "opportunity" }.to_owned())),
        "on_known" => one(e.on_known.map(|o| if o == OnKnown::Append { "append" } else { "new_linked" }.to_owned())),
        "team" => one(e.team.clone()),
        "stage" => one(e.stage.clone()),
        "priority" => one(decided.then(|| e.priority.to_string())),
        "score" => one(decided.then(|| e.score.to_string())),
        "tags" => e.tags.clone(),
        "pool" => one(match &e.owner {
            OwnerChoice::Pool { pool, .. } => Some(pool.clone()),
            _ => None,
        }),
        "queue" => one(match &e.owner {
            OwnerChoice::Queue(queue) => Some(queue.clone()),
            _ => None,
        }),
        "owner" => one(match &e.owner {
            OwnerChoice::Person(id) => Some(id.clone()),
            _ => None,
        }),
        "discard" => one(match &e.guard {
            Some(Guarded::Discard { reason }) => Some(reason.clone()),
            _ => None,
        }),
        "quarantine" => one(match &e.guard {
            Some(Guarded::Quarantine { reason }) => Some(reason.clone()),
            _ => None,
        }),
        "expected_revenue" => {
            one(e.expected_revenue.clone().map(|(minor, currency)| amount::show(&Money { minor, currency })))
        }
        fact => match e.set.iter().find(|s| s.name == fact) {
            Some(set) => vec![set.value.clone()],
            None => facts.get(fact).iter().map(show).collect(),
        },
    }
}

/// The rule that settled the owner, or stopped the arrival.
fn settling_rule(e: &Evaluation) -> Option<String> {
    let phase = if e.guard.is_some() { "guard" } else { "assign" };
    e.trace.iter().rfind(|s| s.phase == phase && s.matched && !s.shadow).map(|s| s.rule.clone())
}
