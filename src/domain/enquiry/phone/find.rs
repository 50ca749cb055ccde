//! Numbers in running text and in signatures.
//!
//! An international number is one by its form. A national number must be right in the country that its writer is thought
//! to be in, dialled as it is there (with its trunk zero), and is taken when a label or a word of calling stands by it, or
//! when its digits are grouped just as that country does. Dates, amounts, and what a word beside it says to be an order,
//! an account, an article or a register entry are none.

use phonenumber::metadata::DATABASE;
use phonenumber::{Mode, PhoneNumber, Type};

use super::runs::{Run, runs};
use super::words::{self, Reader, Said};
use super::{ascii_digits, country, e164, of_number, parse_number, type_of};
use crate::domain::enquiry::Phone;
use crate::domain::reading::budget;
use crate::domain::reading::field_names::fold;

/// Lines looked at.
const LINES: usize = 200;
/// Longest line looked at, in bytes.
const LINE_BYTES: usize = 4_000;
/// Steps that a number costs, tried against the plan of one country.
const STEPS: usize = 3_000;

/// Where the writer of a text is thought to be, and who they are.
#[derive(Debug, Clone, Default)]
pub struct Likely {
    /// Countries whose numbers they may write without a country code, ISO 3166-1 alpha-2, likeliest first.
    regions: Vec<String>,
    /// Folded words of their name.
    names: Vec<String>,
}

impl Likely {
    /// Countries, likeliest first, and the name of the writer.
    #[must_use]
    pub fn new<'a>(regions: impl IntoIterator<Item = &'a str>, name: Option<&str>) -> Self {
        let mut likely = Self::default();
        regions.into_iter().for_each(|region| likely.add(region));
        let names = name.unwrap_or_default().split(|c: char| !c.is_alphanumeric()).map(fold);
        likely.names = names.filter(|word| word.chars().count() > 2).collect();
        likely
    }

    fn add(&mut self, region: &str) {
        let region = region.to_ascii_uppercase();
        if !self.regions.contains(&region) {
            self.regions.push(region);
        }
    }
}

/// Numbers in a text, at most `limit`, each once.
#[must_use]
pub fn find(text: &str, likely: &Likely, limit: usize) -> Vec<Phone> {
    Search::new(text, likely, false).run(text, limit)
}

/// The same in a signature, where a line of nothing but a number is one, and one letter announces it (`T: 0113 ..`).
#[must_use]
pub fn find_signed(block: &str, likely: &Likely, limit: usize) -> Vec<Phone> {
    Search::new(block, likely, true).run(block, limit)
}

struct Search {
    likely: Likely,
    signed: bool,
}

/// How sure it must be that a number is a telephone's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Evidence {
    /// Labelled: any right number.
    Label,
    /// To be called, or the only thing in its line of a signature.
    Calling,
    /// Its form alone.
    Form,
}

impl Search {
    /// Whoever names a number of a country may name another one without its code.
    fn new(text: &str, likely: &Likely, signed: bool) -> Self {
        let mut likely = likely.clone();
        for line in lines(text).filter(|line| line.contains('+')) {
            let line = plain(line);
            for run in runs(&line).iter().filter(|run| run.text.starts_with('+')).take(4) {
                let number = if budget::pay(STEPS) { parse_number(run.text, None) } else { None };
                if let Some(region) = number.and_then(|number| country(&e164(&number))) {
                    likely.add(&region);
                }
            }
        }
        Self { likely, signed }
    }

    fn run(&self, text: &str, limit: usize) -> Vec<Phone> {
        let mut found: Vec<Phone> = Vec::new();
        let mut above = String::new();
        for line in lines(text) {
            if !budget::pay(2 * line.len() + 1) {
                break;
            }
            let line = plain(line);
            // Shorter than the shortest number: prices, sizes, dates.
            if line.bytes().filter(u8::is_ascii_digit).count() >= 6 {
                for (at, piece) in line.split(['|', '•', '·', ';', '\t']).take(8).enumerate() {
                    let above = if at == 0 { above.as_str() } else { "" };
                    for phone in self.piece(piece, above) {
                        if !found.iter().any(|known| known.e164 == phone.e164) {
                            found.push(phone);
                        }
                    }
                }
            }
            if found.len() >= limit {
                break;
            }
            above = self.leads(line);
        }
        found.truncate(limit);
        found
    }

    /// What a line says of a number at the beginning of the next one: a sentence that goes on there, or a label.
    fn leads(&self, line: String) -> String {
        let ends = line.trim_end().ends_with(['.', '!', '?']);
        let label = !line.contains(|c: char| c.is_ascii_digit()) && line.split_whitespace().count() <= 3;
        if ends || self.signed && !label { String::new() } else { line }
    }

    fn piece(&self, piece: &str, above: &str) -> Vec<Phone> {
        let runs = runs(piece);
        let bare = self.signed && words::is_bare(piece, &runs);
        let mut found = Vec::new();
        let (mut from, mut last) = (0, Said::Nothing);
        for (at, run) in runs.iter().enumerate() {
            let before = piece.get(from..run.start).unwrap_or_default();
            let behind = piece.get(run.end..).unwrap_or_default();
            let followed = runs.get(at + 1).map_or(behind, |next| piece.get(run.end..next.start).unwrap_or_default());
            let remark = words::remark(followed);
            // Without brackets a label between two numbers is the second one's.
            let after = if remark > 0 || runs.len() == at + 1 { words::said_behind(behind) } else { Said::Nothing };
            let said = self.said(before, after, (at == 0).then_some(above));
            let joined = at > 0 && words::is_joined(before) && said == Said::Nothing;
            let said = if joined { last } else { said };
            (from, last) = (run.end + remark, said);
            let anothers = !self.signed && words::is_of_another(before, &self.likely.names);
            if run.is_date() || words::is_amount(before, behind) || anothers {
                continue;
            }
            let evidence = match said {
                Said::Label(_) => Evidence::Label,
                Said::Calling(_) => Evidence::Calling,
                Said::Other if !run.text.starts_with('+') => continue,
                _ if bare => Evidence::Calling,
                _ if words::names_other(piece) && !run.is_international() => continue,
                _ => Evidence::Form,
            };
            found.extend(self.numbers(run, evidence, said.hint(), words::extension(behind), piece));
        }
        found
    }

    fn said(&self, before: &str, after: Said, above: Option<&str>) -> Said {
        let reader = Reader { signed: self.signed, names: &self.likely.names };
        let joined = above.filter(|above| !above.is_empty()).map(|above| format!("{above} {before}"));
        let said = reader.before(joined.as_deref().unwrap_or(before));
        match (said, after) {
            (Said::Nothing, after) => after,
            (Said::Calling(None), Said::Label(hint) | Said::Calling(hint)) => Said::Calling(hint),
            (said, _) => said,
        }
    }

    /// The numbers that a run holds, by the first way to divide it that gives one.
    fn numbers(
        &self,
        run: &Run<'_>,
        evidence: Evidence,
        hint: Option<&'static str>,
        extension: usize,
        piece: &str,
    ) -> Vec<Phone> {
        let readings = run.readings();
        let tried = if evidence == Evidence::Form && !run.text.starts_with('+') { 1 } else { readings.len() };
        for reading in readings.iter().take(tried) {
            let phones: Vec<Phone> = reading
                .iter()
                .filter_map(|part| {
                    let number = self.number(part, evidence)?;
                    let end = if part.end == run.end { part.end + extension } else { part.end };
                    Some(of_number(piece.get(part.start..end)?, &number, hint))
                })
                .collect();
            if !phones.is_empty() {
                return phones;
            }
        }
        Vec::new()
    }

    fn number(&self, run: &Run<'_>, evidence: Evidence) -> Option<PhoneNumber> {
        if run.is_international() || run.text.starts_with("00") && evidence != Evidence::Form {
            return budget::pay(STEPS)
                .then(|| parse_number(run.text, self.likely.regions.first().map(String::as_str)))?;
        }
        for (at, region) in self.likely.regions.iter().enumerate() {
            if !budget::pay(STEPS) {
                return None;
            }
            let Some(number) = parse_number(run.text, Some(region)) else { continue };
            let taken = is_dialled_so(run, region)
                && match evidence {
                    Evidence::Label | Evidence::Calling => at == 0 || is_anyones(&number),
                    Evidence::Form => at == 0 && has_form(run, region, &number),
                };
            if taken {
                return Some(number);
            }
        }
        // A label, and a number right in the likeliest country but for its trunk zero.
        let first = self.likely.regions.first().filter(|_| evidence == Evidence::Label)?;
        budget::pay(STEPS).then(|| parse_number(run.text, Some(first)))?
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim().is_empty()).take(LINES).filter(|line| line.len() <= LINE_BYTES)
}

/// Digits in ASCII, one kind of blank and dash, no marks of direction.
fn plain(line: &str) -> String {
    if line.is_ascii() {
        return line.to_owned();
    }
    let one = |c: char| match c {
        '\u{a0}' | '\u{202f}' | '\u{2009}' => Some(' '),
        '\u{2010}'..='\u{2012}' => Some('-'),
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => None,
        other => Some(other),
    };
    ascii_digits(line).chars().filter_map(one).collect()
}

/// A telephone on somebody's desk or in their pocket.
fn is_anyones(number: &PhoneNumber) -> bool {
    matches!(type_of(number), Type::Mobile | Type::FixedLine | Type::FixedLineOrMobile)
}

/// With the trunk zero of its country; in North America, and where there is none, grouped as a number can be.
fn is_dialled_so(run: &Run<'_>, region: &str) -> bool {
    let Some(plan) = DATABASE.by_id(region) else { return false };
    let groups = run.groups();
    match plan.national_prefix() {
        Some(trunk) if trunk.starts_with('0') => run.digits().starts_with(trunk),
        _ if plan.country_code() == 1 => {
            matches!(groups[..], [10 | 11] | [3, 7] | [3, 3, 4] | [1, 3, 3, 4] | [1, 10])
        }
        _ => groups.iter().all(|length| *length > 1),
    }
}

/// Its form alone tells: a trunk zero or the brackets and dashes of North America, and the groups of its country.
fn has_form(run: &Run<'_>, region: &str, number: &PhoneNumber) -> bool {
    let Some(plan) = DATABASE.by_id(region) else { return false };
    let trunk = plan.national_prefix().is_some_and(|trunk| trunk.starts_with('0'));
    let dashed = run.text.contains('-') || run.text.contains('.');
    if !is_anyones(number) || !(trunk || plan.country_code() == 1 && dashed) {
        return false;
    }
    let written = number.format().mode(Mode::National).to_string();
    let usual: Vec<usize> = written.split(|c: char| !c.is_ascii_digit()).map(str::len).filter(|n| *n > 0).collect();
    let groups = run.groups();
    groups == usual && groups.len() > 1 || groups.len() == 1 && type_of(number) == Type::Mobile
}
