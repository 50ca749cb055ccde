//! The operators on values that are there. Several values: one of them suffices; `not` wants none of them.

use std::cmp::Ordering;

use super::Captured;
use super::condition::Verdict;
use crate::domain::rules::amount;
use crate::domain::rules::facts::{Text, Value, show};
use crate::domain::rules::ir::{AddressPattern, List, Operand, Pattern, Predicate, Row, Table, Test};
use crate::domain::rules::postcode::department_order;

/// Tests the values of a fact.
pub(super) fn run(test: &Test, of: &Predicate, values: &[Value]) -> Verdict {
    let mut failed = None;
    for value in values {
        let verdict = one(test, of, value);
        if let Test::Not(_) = test {
            if !verdict.matched {
                return verdict;
            }
        } else if verdict.matched {
            return verdict;
        }
        failed.get_or_insert(verdict);
    }
    failed.unwrap_or_default()
}

fn one(test: &Test, of: &Predicate, value: &Value) -> Verdict {
    match test {
        Test::Missing(wanted) => Verdict { matched: !wanted, ..Verdict::no(format!("{} present", of.fact)) },
        Test::Not(inner) => {
            let verdicts: Vec<Verdict> = inner.iter().map(|t| one(t, of, value)).collect();
            let matched = verdicts.iter().any(|v| !v.matched);
            let told = verdicts.into_iter().find(|v| v.matched != matched).unwrap_or_default();
            Verdict { matched, because: format!("not ({})", told.because), captured: Captured::new() }
        }
        Test::OneOf(operands) => said(of, value, operands.iter().any(|o| equals(of, value, o))),
        Test::AnyWord(pattern) => word(of, value, pattern),
        Test::Contains(parts) => {
            texts(of, value, |t| parts.iter().any(|p| t.contains(p.as_str())), "contains", "does not contain")
        }
        Test::StartsWith(parts) => {
            texts(of, value, |t| parts.iter().any(|p| t.starts_with(p.as_str())), "begins as asked", "begins otherwise")
        }
        Test::Regex(pattern) => regex(of, value, pattern),
        Test::InList(list) => in_list(of, value, list),
        Test::Address(patterns) => address(of, value, patterns),
        Test::AtLeast(bound) => compared(of, value, bound, "at least", |o| o != Ordering::Less),
        Test::AtMost(bound) => compared(of, value, bound, "at most", |o| o != Ordering::Greater),
        Test::Above(bound) => compared(of, value, bound, "above", |o| o == Ordering::Greater),
        Test::Below(bound) => compared(of, value, bound, "below", |o| o == Ordering::Less),
        Test::Between(low, high) => {
            let first = compared(of, value, low, "at least", |o| o != Ordering::Less);
            if first.matched { compared(of, value, high, "at most", |o| o != Ordering::Greater) } else { first }
        }
        Test::InTable(table) => in_table(of, value, table),
    }
}

/// `fact = value`, or what may be said when the value is hidden.
fn said(of: &Predicate, value: &Value, matched: bool) -> Verdict {
    let because = match (of.shown, matched) {
        (true, _) => format!("{} = {}", of.fact, quoted(value)),
        (false, true) => format!("{} as asked", of.fact),
        (false, false) => format!("{} differs", of.fact),
    };
    Verdict { matched, because, captured: Captured::new() }
}

fn quoted(value: &Value) -> String {
    let text: String = show(value).chars().take(60).collect();
    if matches!(value, Value::Text(_)) { format!("\"{text}\"") } else { text }
}

fn view<'t>(of: &Predicate, text: &'t Text) -> &'t str {
    if of.exact { &text.raw } else { text.folded().as_str() }
}

fn equals(of: &Predicate, value: &Value, operand: &Operand) -> bool {
    match (value, operand) {
        (Value::Text(t), Operand::Text(o)) => view(of, t).trim() == o,
        (Value::Word(w), Operand::Word(o)) => w.eq_ignore_ascii_case(o),
        (Value::Domain(d), Operand::Domain(o)) | (Value::Department(d), Operand::Department(o)) => d == o,
        (Value::Address(a), Operand::Address(o)) => a == o,
        (Value::Bool(b), Operand::Bool(o)) => b == o,
        _ => order(value, operand) == Some(Ordering::Equal),
    }
}

/// How a value stands to a bound; `None` when they cannot be compared (another currency, another kind).
fn order(value: &Value, bound: &Operand) -> Option<Ordering> {
    match (value, bound) {
        (Value::Number(n), Operand::Number(o)) => n.partial_cmp(o),
        (Value::Money(m), Operand::Money(o)) => {
            let same = m.currency.is_none() || o.currency.is_none() || m.currency == o.currency;
            same.then(|| m.minor.cmp(&o.minor))
        }
        (Value::Postcode(p), Operand::Postcode(o)) => (p.code.len() == o.len()).then(|| p.code.as_str().cmp(o)),
        (Value::Department(d), Operand::Department(o)) => Some(department_order(d)?.cmp(&department_order(o)?)),
        _ => None,
    }
}

fn compared(of: &Predicate, value: &Value, bound: &Operand, words: &str, fits: impl Fn(Ordering) -> bool) -> Verdict {
    let limit = match bound {
        Operand::Number(n) => n.to_string(),
        Operand::Money(m) => amount::show(m),
        Operand::Postcode(code) | Operand::Department(code) => code.clone(),
        _ => String::new(),
    };
    match order(value, bound) {
        Some(o) => {
            let matched = fits(o);
            let sign = if matched { words.to_owned() } else { format!("not {words}") };
            let because = format!("{} = {}, {sign} {limit}", of.fact, quoted(value));
            Verdict { matched, because, captured: Captured::new() }
        }
        None if matches!(value, Value::Money(_)) => {
            Verdict::no(format!("{} is in another currency than {limit}, not compared", of.fact))
        }
        None => Verdict::no(format!("{} cannot be compared with {limit}", of.fact)),
    }
}

fn texts(of: &Predicate, value: &Value, fits: impl Fn(&str) -> bool, yes: &str, no: &str) -> Verdict {
    let Value::Text(text) = value else { return Verdict::no(format!("{} is no text", of.fact)) };
    if of.shown {
        return said(of, value, fits(view(of, text)));
    }
    if fits(view(of, text)) {
        Verdict::yes(format!("{} {yes}", of.fact))
    } else {
        Verdict::no(format!("{} {no}", of.fact))
    }
}

/// `@subject:9`: the part of the message and the place in it, in bytes.
fn place(of: &Predicate, text: &Text, from: usize, to: usize) -> String {
    let at = if of.exact { from } else { text.folded().raw_range(from, to).0 };
    if text.part.is_empty() { format!("@{at}") } else { format!("@{}:{at}", text.part) }
}

fn word(of: &Predicate, value: &Value, pattern: &Pattern) -> Verdict {
    let Value::Text(text) = value else { return Verdict::no(format!("{} is no text", of.fact)) };
    match pattern.regex.find(view(of, text)) {
        // What was found equals a word of the rule, so showing it quotes the rule, not the message.
        Some(found) => {
            let words = found.as_str().split_whitespace().collect::<Vec<_>>().join(" ");
            Verdict::yes(format!("word \"{words}\" {}", place(of, text, found.start(), found.end())))
        }
        None => Verdict::no(format!("{}: no such word", of.fact)),
    }
}

fn regex(of: &Predicate, value: &Value, pattern: &Pattern) -> Verdict {
    let Value::Text(text) = value else { return Verdict::no(format!("{} is no text", of.fact)) };
    let Some(found) = pattern.regex.captures(view(of, text)) else {
        return Verdict::no(format!("{}: pattern not found", of.fact));
    };
    let mut captured = Captured::new();
    for name in pattern.regex.capture_names().flatten() {
        if let Some(group) = found.name(name) {
            let (from, to) = if of.exact {
                (group.start(), group.end())
            } else {
                text.folded().raw_range(group.start(), group.end())
            };
            captured.insert(name.to_owned(), text.raw.get(from..to).unwrap_or_default().to_owned());
        }
    }
    let whole = found.get(0).map_or((0, 0), |m| (m.start(), m.end()));
    let because = format!("{}: pattern found {}", of.fact, place(of, text, whole.0, whole.1));
    Verdict { matched: true, because, captured }
}

fn in_list(of: &Predicate, value: &Value, list: &List) -> Verdict {
    let matched = match value {
        Value::Domain(domain) => parents(domain).any(|d| list.folded.contains(d)),
        Value::Text(text) if of.exact => list.exact.contains(text.raw.trim()),
        Value::Text(text) => list.folded.contains(text.folded().as_str().trim()),
        _ => false,
    };
    let shown = if of.shown { format!(" = {}", quoted(value)) } else { String::new() };
    let because = if matched {
        format!("{}{shown} in {}", of.fact, list.name)
    } else {
        format!("{}{shown} not in {} ({})", of.fact, list.name, list.exact.len())
    };
    Verdict { matched, because, captured: Captured::new() }
}

/// A domain and its parents: `a.b.fr`, `b.fr`, `fr`.
fn parents(domain: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(domain), |d| d.split_once('.').map(|(_, rest)| rest))
}

fn address(of: &Predicate, value: &Value, patterns: &[AddressPattern]) -> Verdict {
    let Value::Address(address) = value else { return Verdict::no(format!("{} is no address", of.fact)) };
    let found = patterns.iter().find(|pattern| match pattern {
        AddressPattern::Own { local, domains } => *local == address.local && domains.contains(&address.domain),
        AddressPattern::Domain(domain) => *domain == address.domain,
        AddressPattern::Whole(whole) => whole == address,
    });
    let name = |pattern: &AddressPattern| match pattern {
        AddressPattern::Own { local, .. } => format!("{local}@"),
        AddressPattern::Domain(domain) => format!("@{domain}"),
        AddressPattern::Whole(_) => "the address asked for".to_owned(),
    };
    match found {
        Some(pattern) => Verdict::yes(format!("{} has {}", of.fact, name(pattern))),
        None => Verdict::no(format!("{}: not {}", of.fact, patterns.iter().map(name).collect::<Vec<_>>().join(", "))),
    }
}

fn in_table(of: &Predicate, value: &Value, table: &Table) -> Verdict {
    match lookup(table, value) {
        Some(row) => {
            let range = format!("{}-{}", row.from, row.to);
            let because = format!("{} -> {} ({}:{}, {range})", show(value), row.pool, table.name, row.line);
            Verdict::yes(because)
        }
        None => Verdict::no(format!("{} = {} not in {}", of.fact, show(value), table.name)),
    }
}

/// The most precise row that covers a postcode or department.
pub(super) fn lookup<'t>(table: &'t Table, value: &Value) -> Option<&'t Row> {
    let (code, department) = match value {
        Value::Postcode(p) => (Some(p.code.as_str()), p.department.as_deref()),
        Value::Department(d) => (None, Some(d.as_str())),
        _ => return None,
    };
    let department = department.and_then(department_order);
    table.rows.iter().find(|row| {
        if row.departments {
            let range = (department_order(&row.from), department_order(&row.to));
            return matches!((department, range), (Some(d), (Some(from), Some(to))) if (from..=to).contains(&d));
        }
        code.is_some_and(|c| c.len() == row.from.len() && row.from.as_str() <= c && c <= row.to.as_str())
    })
}
