//! An evaluation as text: every rule that was looked at, why it matched or not, what it did, and the result.

use std::fmt::Write;

use super::{Evaluation, Guarded, RuleSet};
use crate::domain::decision::{OwnerChoice, RecordKind};

/// Explains an evaluation, one line per rule, aligned.
///
/// ```text
/// rules 7c1f9a20e4b1
/// guard      park-machine-mail   no   mail.class = person
/// classify   rfq-fr              YES  mail.to has sales@ · lang = fr   -> opportunity, team france
/// assign     catch-all           YES  always                           -> pool inside-sales
/// pool inside-sales  alice 2 · bruno 1
/// => opportunity, team france, pool inside-sales
/// ```
#[must_use]
pub fn text(rules: &RuleSet, evaluation: &Evaluation) -> String {
    let mut out = format!("rules {}\n", rules.hash().get(..12).unwrap_or_default());
    let width = evaluation.trace.iter().map(|s| s.rule.chars().count()).max().unwrap_or(0).max(12);
    let mut phase = "";
    for step in &evaluation.trace {
        let shown = if step.phase == phase { "" } else { step.phase.as_str() };
        phase = &step.phase;
        let word = if step.matched { "YES" } else { "no" };
        let shadow = if step.shadow { "(shadow) " } else { "" };
        let did = if step.did.is_empty() { String::new() } else { format!("  -> {}", step.did) };
        push(&mut out, format_args!("{shown:<9}  {:<width$}  {word:<3}  {shadow}{}{did}\n", step.rule, step.because));
    }
    if let OwnerChoice::Pool { pool, members } = &evaluation.owner {
        let listed: Vec<String> = members.iter().map(|m| format!("{} {}", m.user, m.weight)).collect();
        push(
            &mut out,
            format_args!("pool {pool}  {}  (user and weight; the turn is taken with the record)\n", listed.join(" · ")),
        );
    }
    push(&mut out, format_args!("=> {}\n", result(evaluation)));
    out
}

/// The result on one line: `opportunity, team france, pool lyon`.
#[must_use]
pub fn result(evaluation: &Evaluation) -> String {
    match &evaluation.guard {
        Some(Guarded::Discard { reason }) => return format!("discard, reason {reason}"),
        Some(Guarded::Quarantine { reason }) => return format!("quarantine, reason {reason}"),
        None => {}
    }
    let mut parts = vec![match evaluation.create {
        RecordKind::Lead => "lead".to_owned(),
        RecordKind::Opportunity => "opportunity".to_owned(),
    }];
    parts.extend(evaluation.team.as_ref().map(|t| format!("team {t}")));
    parts.extend(evaluation.stage.as_ref().map(|s| format!("stage {s}")));
    if evaluation.priority > 0 {
        parts.push(format!("priority {}", evaluation.priority));
    }
    if !evaluation.tags.is_empty() {
        parts.push(format!("tags {}", evaluation.tags.join(" ")));
    }
    parts.push(match &evaluation.owner {
        OwnerChoice::Person(id) => format!("owner {id}"),
        OwnerChoice::Pool { pool, .. } => format!("pool {pool}"),
        OwnerChoice::Queue(queue) => format!("queue {queue}"),
        OwnerChoice::Nobody => "nobody".to_owned(),
    });
    parts.join(", ")
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let written = out.write_fmt(text);
    debug_assert!(written.is_ok());
}
