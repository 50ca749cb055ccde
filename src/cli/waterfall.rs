//! The comparison with known records as signed bars: a line for each piece of evidence, from the prior to the verdict.

use serde::Deserialize as _;
use serde_json::Value;

use super::output::{Output, Style};
use crate::config::Config;
use crate::domain::matching::organisation::OrganisationMatch;
use crate::domain::matching::verdict::Verdict;
use crate::domain::matching::waterfall::{Bar, Waterfall, told};
use crate::domain::matching::words::Language;
use crate::domain::plain::{one_line, width};

/// Columns of the longest bar, on either side.
const BAR: usize = 12;
/// Bits below which a piece of evidence says nothing.
const LEAST: f64 = 0.05;
/// Columns of a sentence.
const SENTENCE: usize = 160;

/// The operator's language: that of the configuration, else that of the environment.
pub(super) fn language(config: &Config) -> Language {
    config.language.unwrap_or_else(|| Language::of_environment(|name| std::env::var(name).ok()))
}

/// Draws what a stored match says of the closest records, behind `indent`.
pub(super) fn draw(out: &mut Output, stored: &Value, language: Language, indent: &str) {
    for one in told(stored, language) {
        let verdict = out.styled(style(one.verdict), language.says("verdict", one.verdict.as_str()));
        let record = format!("{} {}", one.record.kind.as_str(), one.record.id);
        out.line(format!("{indent}{verdict} {record}: {}", one_line(&one.says, SENTENCE)));
        if let Some(waterfall) = &one.waterfall {
            bars(out, waterfall, language, indent);
        }
    }
    if let Some(decided) = stored.get("organisation_match").and_then(|of| OrganisationMatch::deserialize(of).ok()) {
        let verdict = out.styled(style(decided.verdict), language.says("verdict", decided.verdict.as_str()));
        let which = decided.organisation.map(|known| format!(" {}", known.id)).unwrap_or_default();
        let says = language.says("organisation", decided.rule.as_str());
        out.line(format!("{indent}{verdict} {}{which}: {says}", language.says("organisation", "line")));
    }
    let more = stored.get("more_candidates").and_then(Value::as_u64).unwrap_or(0);
    if more > 0 {
        out.line(format!("{indent}{}", language.fill("search", "more", &[("count", &more.to_string())])));
    }
    if stored.get("truncated").and_then(Value::as_bool) == Some(true) {
        out.line(format!("{indent}{}", language.says("search", "truncated")));
    }
}

const fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Match => Style::Good,
        Verdict::Review => Style::Warn,
        Verdict::New => Style::Dim,
    }
}

fn bars(out: &mut Output, waterfall: &Waterfall, language: Language, indent: &str) {
    let (Some(total), Some(prob)) = (waterfall.total, waterfall.prob) else { return };
    let most = waterfall.steps.iter().map(|step| step.bits().abs()).fold(1.0, f64::max);
    for step in waterfall.steps.iter().filter(|step| step.bits().abs() >= LEAST) {
        let bar = bar(out, step.bits(), most);
        out.line(format!("{indent}  {:>+6.1}  {bar}  {}", step.bits(), sentence(step)));
    }
    let prob = language.fill("line", "total", &[("prob", &probability(prob))]);
    let bits = out.styled(Style::Bold, &format!("{total:>+6.1}"));
    out.line(format!("{indent}  {bits}  {}  {prob}", " ".repeat(BAR * 2 + 1)));
    // The first is said above, and that the search was truncated below, once for all.
    let last = waterfall.reasons.len().saturating_sub(usize::from(waterfall.truncated));
    for reason in waterfall.reasons.iter().take(last).skip(1) {
        out.line(format!("{indent}  - {}", one_line(reason, SENTENCE)));
    }
}

fn sentence(step: &Bar) -> String {
    let values = step.values();
    let said = if values.is_empty() { step.says().to_owned() } else { format!("{} ({values})", step.says()) };
    one_line(&said, SENTENCE)
}

/// A bar left of the axis for what speaks against, right of it for what speaks for a match.
fn bar(out: &Output, bits: f64, most: f64) -> String {
    let share = (bits.abs() / most).min(1.0);
    let columns = (1..=BAR).take_while(|column| share * as_columns(BAR) + 0.5 >= as_columns(*column)).count();
    let drawn = "█".repeat(columns);
    let free = " ".repeat(BAR.saturating_sub(width(&drawn)));
    let empty = " ".repeat(BAR);
    if bits < 0.0 {
        format!("{free}{}│{empty}", out.styled(Style::Bad, &drawn))
    } else {
        format!("{empty}│{}{free}", out.styled(Style::Good, &drawn))
    }
}

fn as_columns(columns: usize) -> f64 {
    f64::from(u32::try_from(columns).unwrap_or(u32::MAX))
}

/// Four places; what they cannot tell from certainty is said to be beyond them.
fn probability(share: f64) -> String {
    match share {
        share if share > 0.9999 => "> 0.9999".to_owned(),
        share if share < 0.0001 => "< 0.0001".to_owned(),
        share => format!("{share:.4}"),
    }
}
