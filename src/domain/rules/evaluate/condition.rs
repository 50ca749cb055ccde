//! Whether a condition holds, and why, in words that never quote the message.

use super::Captured;
use super::test;
use crate::domain::rules::facts::Facts;
use crate::domain::rules::ir::{Condition, Predicate};

/// Outcome of a condition.
#[derive(Debug, Clone, Default)]
pub(super) struct Verdict {
    pub matched: bool,
    pub because: String,
    pub captured: Captured,
}

impl Verdict {
    pub(super) fn no(because: impl Into<String>) -> Self {
        Self { because: because.into(), ..Self::default() }
    }

    pub(super) fn yes(because: impl Into<String>) -> Self {
        Self { matched: true, because: because.into(), ..Self::default() }
    }
}

/// Evaluates a condition.
pub(super) fn holds(condition: &Condition, facts: &Facts) -> Verdict {
    match condition {
        Condition::Always => Verdict::yes("always"),
        Condition::Fact(predicate) => fact(predicate, facts),
        Condition::All(parts) => all(parts, facts),
        Condition::Any(parts) => any(parts, facts),
        Condition::None(parts) => match parts.iter().map(|p| holds(p, facts)).find(|v| v.matched) {
            Some(found) => Verdict::no(format!("excluded: {}", found.because)),
            None => Verdict::yes("no exclusion"),
        },
    }
}

fn all(parts: &[Condition], facts: &Facts) -> Verdict {
    let mut because = Vec::with_capacity(parts.len());
    let mut captured = Captured::new();
    for part in parts {
        let verdict = holds(part, facts);
        if !verdict.matched {
            return Verdict::no(verdict.because);
        }
        because.push(verdict.because);
        captured.extend(verdict.captured);
    }
    Verdict { matched: true, because: because.join(" · "), captured }
}

fn any(parts: &[Condition], facts: &Facts) -> Verdict {
    let mut because = Vec::with_capacity(parts.len());
    for part in parts {
        let verdict = holds(part, facts);
        if verdict.matched {
            return verdict;
        }
        because.push(verdict.because);
    }
    Verdict::no(because.join(" · "))
}

fn fact(predicate: &Predicate, facts: &Facts) -> Verdict {
    let values = facts.get(&predicate.fact);
    let absent = || match facts.warning(&predicate.fact) {
        Some(warning) => format!("{} absent ({warning})", predicate.fact),
        None => format!("{} absent", predicate.fact),
    };
    if let crate::domain::rules::ir::Test::Missing(wanted) = predicate.test {
        let because = if values.is_empty() { absent() } else { format!("{} present", predicate.fact) };
        return Verdict { matched: wanted == values.is_empty(), because, captured: Captured::new() };
    }
    if values.is_empty() {
        return Verdict::no(absent());
    }
    test::run(&predicate.test, predicate, values)
}
