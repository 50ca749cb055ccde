//! Days and periods that somebody asks for: a delivery, an appointment, a stay.
//!
//! Absolute days with or without a year, periods of two, months, and days counted from when the text was written. A day
//! that is over was told, not asked for, and one more than three years ahead is a number of another kind; a number that
//! belongs to a longer one, to a word, an amount, a reference or a birth is none either. Work is linear in the text, of
//! which no more is read than its first part.

mod calendar;
mod day;
mod hour;
mod look_alike;
mod period;
mod relative;
mod span;
mod tokens;
mod told;
mod words;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use tokens::{Kind, Token};
use words::{ARTICLE, BIRTH, NUMBERED, ORDINAL};

/// Days kept of one text.
const FOUND: usize = 8;
/// Farthest day believed.
const AHEAD: i32 = 1_100;

/// A day or period that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedDate {
    /// First day: `2027-03-12`.
    pub start: String,
    /// Last day, the same for one day.
    pub end: String,
    /// The words it was read from.
    pub text: String,
}

impl AskedDate {
    /// `2027-03-12`, or `2027-03-12/2027-03-14` for a period (ISO 8601).
    #[must_use]
    pub fn iso(&self) -> String {
        if self.start == self.end { self.start.clone() } else { format!("{}/{}", self.start, self.end) }
    }
}

/// When a text was written, and how its writer writes days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The day.
    pub on: Date,
    /// `3/4` is the fourth of March: the order of the United States.
    pub month_first: bool,
}

/// The days and periods that a text names, in order, each once.
#[must_use]
pub fn find(text: &str, written: Written) -> Vec<AskedDate> {
    let reader = Reader { tokens: tokens::tokens(text), written };
    let mut found: Vec<AskedDate> = Vec::new();
    let mut at = 0;
    while at < reader.tokens.len() && found.len() < FOUND {
        let periods = reader.periods(at);
        let Some(next) = periods.last().map(|period| period.next) else {
            at += 1;
            continue;
        };
        let words = reader.words(text, at, next);
        for period in periods.iter().filter(|period| reader.is_asked_for(period, at)) {
            let asked = AskedDate { start: period.start.to_string(), end: period.end.to_string(), text: words.clone() };
            let known = found.iter().any(|known| (&known.start, &known.end) == (&asked.start, &asked.end));
            if !known && found.len() < FOUND {
                found.push(asked);
            }
        }
        // What was told is read with all its words, too.
        at = next.max(at + 1);
    }
    found
}

/// A period with the token behind it.
#[derive(Debug, Clone, Copy)]
struct Period {
    start: Date,
    end: Date,
    /// Its year was not said, and it may have been the one before.
    yearless: bool,
    next: usize,
}

impl Period {
    const fn day(day: Date, next: usize) -> Self {
        Self::stretch(day, day, next)
    }

    const fn stretch(start: Date, end: Date, next: usize) -> Self {
        Self { start, end, yearless: false, next }
    }
}

/// A day as written, before its year is known.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "a day has a day of its month")]
struct Day {
    day: i8,
    month: i8,
    year: Option<i16>,
    hijri: bool,
    /// Written in numeric only.
    numeric: bool,
    next: usize,
}

struct Reader {
    tokens: Vec<Token>,
    written: Written,
}

impl Reader {
    fn get(&self, at: usize) -> Option<&Token> {
        self.tokens.get(at)
    }

    fn has(&self, at: usize, role: u64) -> bool {
        self.get(at).is_some_and(|token| token.has(role))
    }

    fn mark(&self, at: usize, marks: &str) -> bool {
        self.get(at).is_some_and(|token| token.is_mark(marks))
    }

    fn number(&self, at: usize) -> Option<(u32, usize)> {
        match self.get(at)?.kind {
            Kind::Number { value, digits } => Some((value, digits)),
            _ => None,
        }
    }

    fn is_spaced(&self, at: usize) -> bool {
        self.get(at).is_none_or(|token| token.spaced)
    }

    /// The `back`th token before `at`.
    fn before(&self, at: usize, back: usize) -> Option<&Token> {
        self.get(at.checked_sub(back)?)
    }

    fn before_has(&self, at: usize, back: usize, role: u64) -> bool {
        self.before(at, back).is_some_and(|token| token.has(role))
    }

    fn words(&self, text: &str, at: usize, next: usize) -> String {
        let start = self.get(at).map_or(0, |token| token.start);
        let end = self.get(next.saturating_sub(1)).map_or(start, |token| token.end);
        crate::domain::reading::text::one_line(text.get(start..end).unwrap_or_default(), 80)
    }

    /// Not over, not too far ahead, not told, no birth.
    fn is_asked_for(&self, period: &Period, at: usize) -> bool {
        let far = self.written.on.checked_add(AHEAD.days()).ok();
        let born = (1..=4).map_while(|back| self.before(at, back)).take_while(|token| token.kind != Kind::Break);
        period.end >= self.written.on
            && far.is_some_and(|far| period.start <= far)
            && !born.into_iter().any(|token| token.has(BIRTH))
            && !self.is_told(period, at)
    }

    /// What begins at a token: one period, or several days.
    fn periods(&self, at: usize) -> Vec<Period> {
        let several = || self.spread(at).is_none().then(|| self.listed(at)).flatten();
        several().unwrap_or_else(|| self.period(at).into_iter().collect())
    }

    fn period(&self, at: usize) -> Option<Period> {
        self.absolute(at).or_else(|| self.span(at)).or_else(|| self.relative(at))
    }

    /// Nothing before the number that makes it part of something else.
    fn is_free(&self, at: usize) -> bool {
        if self.is_spaced(at) {
            return true;
        }
        let Some(before) = self.before(at, 1) else { return true };
        match before.kind {
            Kind::Number { .. } | Kind::Word => false,
            Kind::Mark(c) if "-/#_.+@:,*–—".contains(c) => {
                // Behind a word and a colon, or behind a dash of its own, it begins something.
                c == ':' && self.before(at, 2).is_some_and(|token| token.kind == Kind::Word)
                    || before.spaced && "-–—*".contains(c)
            }
            Kind::Mark(_) | Kind::Break => true,
        }
    }

    /// Whether a reference number or the like is announced right before.
    fn is_numbered(&self, at: usize) -> bool {
        let mut back = (1..=4).map_while(|back| self.before(at, back));
        back.find(|token| matches!(token.kind, Kind::Word | Kind::Break | Kind::Number { .. }))
            .is_some_and(|token| token.has(NUMBERED))
    }

    fn behind_articles(&self, mut at: usize) -> usize {
        for _ in 0..3 {
            let weekday = self.get(at).is_some_and(|token| token.meaning.weekday.is_some());
            if !(weekday || self.has(at, ARTICLE) || self.mark(at, ",،")) {
                break;
            }
            at += 1;
        }
        at
    }

    /// Behind `th`, `er` or a point that counts.
    fn behind_ordinal(&self, at: usize) -> usize {
        let counts = !self.is_spaced(at) && (self.has(at, ORDINAL) || self.mark(at, ".º°ª"));
        at + usize::from(counts)
    }
}

#[cfg(test)]
mod tests;
