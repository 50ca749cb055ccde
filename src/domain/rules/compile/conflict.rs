//! R015: two enrich rules that could both match and set one fact to different values.
//!
//! Rules are taken to overlap unless it is certain that they do not: in every pair of their branches some fact with a
//! single value is asked for different values, or their dates do not meet.

use super::{Compiler, Placed};
use crate::domain::rules::diagnostics::Problem;
use crate::domain::rules::ir::{Condition, Operand, Phase, Predicate, Rule, Test};

/// Branches beyond which rules are taken to overlap, so that the check stays cheap.
const MAX_BRANCHES: usize = 64;
/// Facts that may have several values at once.
const MANY_VALUED: [&str; 6] = ["mail.to", "mail.reply_to", "mail.flag", "subject_or_body", "sender.phone", "form."];

impl Compiler<'_> {
    pub(super) fn check_conflicts(&mut self, placed: &[Placed]) {
        let mut setters: Vec<(&str, &Placed, &crate::domain::rules::ir::FactSetter)> = Vec::new();
        for p in placed.iter().filter(|p| p.rule.phase == Phase::Enrich && !p.rule.shadow) {
            for (name, setter) in &p.rule.then.set {
                if !p.rule.overrides {
                    let other = setters.iter().find(|(n, before, s)| {
                        *n == name && s.value != setter.value && may_both_match(&before.rule, &p.rule)
                    });
                    if let Some((_, before, _)) = other {
                        self.conflict(name, before, p);
                    }
                }
                setters.push((name, p, setter));
            }
        }
    }

    fn conflict(&mut self, name: &str, before: &Placed, after: &Placed) {
        let span = after.set_spans.get(name).copied().unwrap_or(after.id_span);
        let problem = Problem::error("R015", format!("two rules may set `{name}` to different values"))
            .label(format!("`{}` in {} sets it too, and both may match", before.rule.id, before.file))
            .note("make their conditions exclude each other, or add `override = true` to let this rule win");
        self.report.add(&after.file, span, problem);
    }
}

fn may_both_match(a: &Rule, b: &Rule) -> bool {
    let apart = |end: Option<crate::clock::Timestamp>, start: Option<crate::clock::Timestamp>| matches!((end, start), (Some(end), Some(start)) if end <= start);
    if apart(a.until, b.from) || apart(b.until, a.from) {
        return false;
    }
    match (branches(&a.when), branches(&b.when)) {
        (Some(a), Some(b)) => a.iter().any(|x| b.iter().any(|y| !exclusive(x, y))),
        _ => true,
    }
}

/// The condition as alternatives of predicates that must all hold; `none` is left out, which only widens them.
fn branches(condition: &Condition) -> Option<Vec<Vec<&Predicate>>> {
    let all = match condition {
        Condition::Always | Condition::None(_) => vec![Vec::new()],
        Condition::Fact(predicate) => vec![vec![predicate]],
        Condition::Any(parts) => {
            let mut out = Vec::new();
            for part in parts {
                out.extend(branches(part)?);
            }
            out
        }
        Condition::All(parts) => {
            let mut out: Vec<Vec<&Predicate>> = vec![Vec::new()];
            for part in parts {
                let right = branches(part)?;
                if out.len() * right.len() > MAX_BRANCHES {
                    return None;
                }
                out = out.iter().flat_map(|l| right.iter().map(|r| [l.clone(), r.clone()].concat())).collect();
            }
            out
        }
    };
    (all.len() <= MAX_BRANCHES).then_some(all)
}

fn exclusive(a: &[&Predicate], b: &[&Predicate]) -> bool {
    a.iter().any(|x| b.iter().any(|y| x.fact == y.fact && excludes(x, y)))
}

fn excludes(x: &Predicate, y: &Predicate) -> bool {
    if MANY_VALUED.iter().any(|f| x.fact == *f || (f.ends_with('.') && x.fact.starts_with(f) && x.fact != "form.id")) {
        return false;
    }
    match (&x.test, &y.test) {
        (Test::OneOf(a), Test::OneOf(b)) => x.exact == y.exact && !a.iter().any(|v| b.contains(v)),
        (Test::Missing(a), Test::Missing(b)) => a != b,
        (Test::Missing(true), _) | (_, Test::Missing(true)) => true,
        (Test::AtLeast(low), Test::AtMost(high)) | (Test::AtMost(high), Test::AtLeast(low)) => less(high, low),
        (Test::AtLeast(low), Test::Below(high))
        | (Test::Below(high), Test::AtLeast(low))
        | (Test::Above(low), Test::AtMost(high))
        | (Test::AtMost(high), Test::Above(low)) => !less(low, high),
        _ => false,
    }
}

fn less(a: &Operand, b: &Operand) -> bool {
    match (a, b) {
        (Operand::Number(a), Operand::Number(b)) => a < b,
        (Operand::Money(a), Operand::Money(b)) => a.currency != b.currency || a.minor < b.minor,
        _ => true,
    }
}
