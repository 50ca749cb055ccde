//! Days and periods that somebody asks for: a delivery, an appointment, a stay.
//!
//! Absolute days with or without a year, periods of two, months, and days counted from when the text was written. A day
//! that is over was told, not asked for, and one more than three years ahead is a number of another kind; a number that
//! belongs to a longer one, to a word, an amount, a reference or a birth is none either. Work is linear in the text, of
//! which no more is read than its first part.

mod relative;
mod tokens;
mod words;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::domain::reading::returns::hijri;
use tokens::{Kind, Token};
use words::{AND, ARTICLE, BETWEEN, BIRTH, CUE, IN_MONTH, LARGE, MEASURE, NUMBERED, OF, ORDINAL, PART, TO};

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
        let Some(period) = reader.period(at).filter(|period| reader.is_asked_for(period, at)) else {
            at += 1;
            continue;
        };
        let words = reader.words(text, at, period.next);
        let asked = AskedDate { start: period.start.to_string(), end: period.end.to_string(), text: words };
        if !found.iter().any(|known| (&known.start, &known.end) == (&asked.start, &asked.end)) {
            found.push(asked);
        }
        at = period.next;
    }
    found
}

/// A period with the token behind it.
#[derive(Debug, Clone, Copy)]
struct Period {
    start: Date,
    end: Date,
    next: usize,
}

impl Period {
    const fn day(day: Date, next: usize) -> Self {
        Self { start: day, end: day, next }
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

    fn has(&self, at: usize, role: u32) -> bool {
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

    fn before_has(&self, at: usize, back: usize, role: u32) -> bool {
        self.before(at, back).is_some_and(|token| token.has(role))
    }

    fn words(&self, text: &str, at: usize, next: usize) -> String {
        let start = self.get(at).map_or(0, |token| token.start);
        let end = self.get(next.saturating_sub(1)).map_or(start, |token| token.end);
        crate::domain::reading::text::one_line(text.get(start..end).unwrap_or_default(), 80)
    }

    /// Not over, not too far ahead, no birth.
    fn is_asked_for(&self, period: &Period, at: usize) -> bool {
        let far = self.written.on.checked_add(AHEAD.days()).ok();
        let born = (1..=4).map_while(|back| self.before(at, back)).take_while(|token| token.kind != Kind::Break);
        period.end >= self.written.on
            && far.is_some_and(|far| period.start <= far)
            && !born.into_iter().any(|token| token.has(BIRTH))
    }

    fn period(&self, at: usize) -> Option<Period> {
        self.spread(at).or_else(|| self.whole_day(at)).or_else(|| self.whole_month(at)).or_else(|| self.relative(at))
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

    /// `3 to 7 May`, `du 3 au 7 mai`, `3.-7. 5. 2027`: the first day without its month.
    fn spread(&self, at: usize) -> Option<Period> {
        let (first, _) = self.number(at).filter(|(value, digits)| (1..=31).contains(value) && *digits <= 2)?;
        if !self.is_free(at) {
            return None;
        }
        let mut next = self.behind_ordinal(at + 1);
        let dashed = self.mark(next, "-–—");
        let both = self.has(next, AND) && (1..=3).any(|back| self.before_has(at, back, BETWEEN));
        if !dashed && !both && !self.has(next, TO) {
            return None;
        }
        next = self.behind_articles(next + 1);
        let last = self.day_at(next, true)?;
        if last.numeric && last.year.is_none() && !self.before_has(at, 1, CUE) {
            return None;
        }
        let end = resolve(&last, self.written.on)?;
        let start = resolve(&Day { day: small(first)?, year: Some(year_of(&last, end)), ..last }, end)?;
        (start < end).then_some(Period { start, end, next: last.next })
    }

    /// A whole day, alone or the first of two.
    fn whole_day(&self, at: usize) -> Option<Period> {
        let first = self.day_at(at, false)?;
        if let Some(period) = self.to_second(at, &first) {
            return Some(period);
        }
        if first.numeric && first.year.is_none() && !self.is_cued(at) {
            return None;
        }
        let start = resolve(&first, self.written.on)?;
        Some(Period::day(start, first.next))
    }

    fn to_second(&self, at: usize, first: &Day) -> Option<Period> {
        let joins = self.mark(first.next, "-–—")
            || self.has(first.next, TO)
            || self.has(first.next, AND) && (1..=3).any(|back| self.before_has(at, back, BETWEEN));
        if !joins {
            return None;
        }
        let next = self.behind_articles(first.next + 1);
        let second = self.day_at(next, true);
        // `May 3-7`: the second is a number alone.
        let second = second.or_else(|| {
            let (value, _) = self.number(next).filter(|(value, digits)| (1..=31).contains(value) && *digits <= 2)?;
            let (year, behind) = self.year_at(next + 1);
            (!first.numeric).then_some(Day { day: small(value)?, year: year.or(first.year), next: behind, ..*first })
        })?;
        let start = resolve(&Day { year: first.year.or(second.year), ..*first }, self.written.on)?;
        let end = resolve(&Day { year: second.year.or(first.year), ..second }, start)?;
        (start <= end).then_some(Period { start, end, next: second.next })
    }

    /// A day in numeric without a year needs a word that makes it one.
    fn is_cued(&self, at: usize) -> bool {
        (1..=2).any(|back| self.before(at, back).is_some_and(|token| token.has(CUE) || token.meaning.weekday.is_some()))
    }

    fn behind_articles(&self, mut at: usize) -> usize {
        for _ in 0..3 {
            let weekday = self.get(at).is_some_and(|token| token.meaning.weekday.is_some());
            if !(weekday || self.has(at, ARTICLE) || self.mark(at, ",")) {
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

    /// A day with its month. `second`: behind what joins it to another.
    fn day_at(&self, at: usize, second: bool) -> Option<Day> {
        if !second && !self.is_free(at) && self.number(at).is_some() {
            return None;
        }
        self.in_numeric(at).or_else(|| self.named(at))
    }

    /// `2027-03-12`, `12.3.2027`, `12. 3. 2027`, `12/3`, `1405/12/15`.
    #[expect(clippy::many_single_char_names, reason = "three numbers whose meaning is not known yet")]
    fn in_numeric(&self, at: usize) -> Option<Day> {
        let (a, a_digits) = self.number(at)?;
        let mark = match self.get(at + 1).filter(|token| !token.spaced)?.kind {
            Kind::Mark(c) if "./-".contains(c) => c,
            _ => return None,
        };
        let joined = |at: usize| !self.is_spaced(at) || mark == '.';
        let (b, b_digits) = self.number(at + 2).filter(|_| joined(at + 2))?;
        let third = (self.mark(at + 3, &mark.to_string()) && !self.is_spaced(at + 3)).then_some(at + 4);
        let third = third.and_then(|at| self.number(at).filter(|_| joined(at)));
        if self.is_numbered(at) || a_digits > 4 || b_digits > 2 {
            return None;
        }
        let next = at + 3 + 2 * usize::from(third.is_some());
        // More of the same behind it: a telephone number, an address of a machine, a version.
        let more = self.mark(next, "./-") && !self.is_spaced(next) && self.number(next + 1).is_some();
        let glued = !self.is_spaced(next) && self.get(next).is_some_and(|t| matches!(t.kind, Kind::Word));
        if more && !self.is_spaced(next + 1) || glued && third.is_none() {
            return None;
        }
        let Some((c, c_digits)) = third else { return self.without_year(at, mark, (a, a_digits), (b, b_digits)) };
        let day = |day: u32, month: u32, year: u32| dated(day, month, year, next);
        match (a_digits, c_digits) {
            (4, 1 | 2) => day(c, b, a),
            (1 | 2, 4) => {
                let (d, m) = self.ordered(a, b, mark);
                day(d, m, c)
            }
            (1 | 2, 2) if mark != '-' && self.number(next).is_none() => {
                let (d, m) = self.ordered(a, b, mark);
                day(d, m, c + 2000)
            }
            _ => None,
        }
    }

    /// `12. 3.` with its last point, `12/3`.
    fn without_year(
        &self,
        at: usize,
        mark: char,
        (a, a_digits): (u32, usize),
        (b, b_digits): (u32, usize),
    ) -> Option<Day> {
        if a_digits > 2 || b_digits > 2 || mark == '-' {
            return None;
        }
        let pointed = mark == '.';
        let ended = self.mark(at + 3, ".") && !self.is_spaced(at + 3);
        if pointed && !ended {
            return None;
        }
        let next = at + 3 + usize::from(pointed);
        let amount = self.has(next, MEASURE) || self.mark(next, "%€$£:") || self.number(next).is_some();
        let (day, month) = self.ordered(a, b, mark);
        let valid = (1..=31).contains(&day) && (1..=12).contains(&month) && !amount;
        valid.then_some(Day { day: small(day)?, month: small(month)?, year: None, hijri: false, numeric: true, next })
    }

    /// Day and month of two numeric.
    fn ordered(&self, a: u32, b: u32, mark: char) -> (u32, u32) {
        let swapped = mark != '.' && a <= 12 && (self.written.month_first || b > 12);
        if swapped { (b, a) } else { (a, b) }
    }

    /// `12 mars 2027`, `March 12th`, `12. března`, `12 de mayo de 2027`, `15 Esfand 1405` in Persian.
    fn named(&self, at: usize) -> Option<Day> {
        let of_day = |at: usize| self.number(at).filter(|(value, digits)| (1..=31).contains(value) && *digits <= 2);
        let (day, month_at, mut next) = if let Some((day, _)) = of_day(at) {
            let mut month = self.behind_ordinal(at + 1);
            month += usize::from(self.has(month, OF));
            (day, month, month + 1)
        } else {
            let day = self.behind_articles(at + 1 + usize::from(self.mark(at + 1, ".")));
            let behind = self.behind_ordinal(day + 1);
            let hour = self.mark(behind, ":.,") && !self.is_spaced(behind) && self.number(behind + 1).is_some();
            let numeric = self.mark(day + 1, "./-:") && self.number(day + 2).is_some() && !self.is_spaced(day + 2);
            let ranged = self.mark(day + 1, "-–");
            if (hour && !self.mark(behind, ",")) || numeric && !ranged || self.has(behind, MEASURE) {
                return None;
            }
            (of_day(day)?.0, at, behind)
        };
        let word = self.get(month_at)?;
        let (month, hijri) = match (word.meaning.month, word.meaning.hijri) {
            (Some(month), _) => (month, false),
            (None, Some(month)) => (month, true),
            (None, None) => return None,
        };
        // The point of an abbreviation, not of the sentence.
        let short = word.end - word.start <= 5;
        next += usize::from(short && month_at + 1 == next && self.mark(next, ".") && !self.is_spaced(next));
        let (year, behind) = self.year_at(next);
        let small_may = word.has(LARGE) && !word.large && year.is_none();
        if small_may && !self.before_has(at, 1, CUE) {
            return None;
        }
        Some(Day { day: small(day)?, month, year, hijri, numeric: false, next: behind })
    }

    /// A year, with what stands before it; where it is none, nothing is taken.
    fn year_at(&self, at: usize) -> (Option<i16>, usize) {
        let mut next = at;
        while next < at + 2 && (self.mark(next, ",") || self.has(next, OF)) {
            next += 1;
        }
        let year =
            self.number(next).filter(|(_, digits)| *digits == 4).and_then(|(value, _)| i16::try_from(value).ok());
        match year.filter(|year| (1300..1500).contains(year) || (1900..2200).contains(year)) {
            Some(year) => (Some(year), next + 1),
            None => (None, at),
        }
    }

    /// `in March 2027`, `en mars`, `v březnu`, `early May`.
    fn whole_month(&self, at: usize) -> Option<Period> {
        let word = self.get(at)?;
        let (month, hijri) = match (word.meaning.month, word.meaning.hijri) {
            (Some(month), _) => (month, false),
            (None, month) => (month?, true),
        };
        let (year, next) = self.year_at(at + 1);
        let counted = self.number(at + 1).is_some() && year.is_none();
        // `fin de mai`, `au mois d'avril`.
        let back = 2 + usize::from(self.before(at, 1).is_some_and(|token| token.is_mark("'’")));
        let of_month = (back == 3 || self.before_has(at, 1, OF))
            && self.before(at, back).is_some_and(|token| token.has(PART) || token.meaning.unit.is_some());
        let cued = self.before_has(at, 1, IN_MONTH) || self.before_has(at, 1, PART) || of_month;
        let abbreviated = word.end - word.start <= 3 && year.is_none() && month != 5 && !hijri;
        let small_may = word.has(LARGE) && !word.large && year.is_none();
        let numbered = self.before(at, 1).is_some_and(|token| matches!(token.kind, Kind::Number { .. }));
        if counted || abbreviated || small_may || numbered || !(cued || year.is_some()) {
            return None;
        }
        let first = Day { day: 1, month, year, hijri, numeric: false, next };
        let of = |day: &Day| -> Option<(Date, Date)> {
            let start = in_year(day, day.year?)?;
            let behind = if month == 12 { (1, day.year? + 1) } else { (month + 1, day.year?) };
            let end = in_year(&Day { month: behind.0, ..*day }, behind.1)?.yesterday().ok()?;
            Some((start, end))
        };
        let this = if hijri { hijri_year(self.written.on) } else { self.written.on.year() };
        let years = year.map_or([this, this + 1], |year| [year, year]);
        let mut all = years.into_iter().filter_map(|year| of(&Day { year: Some(year), ..first }));
        let (start, end) = all.find(|(_, end)| *end >= self.written.on)?;
        Some(Period { start, end, next })
    }
}

/// A day; without a year the next one of its name from `after` on.
fn resolve(day: &Day, after: Date) -> Option<Date> {
    if let Some(year) = day.year {
        return in_year(day, year);
    }
    let this = if day.hijri { hijri_year(after) } else { after.year() };
    // A leap day may be four years away.
    (this..=this + 4).filter_map(|year| in_year(day, year)).find(|date| *date >= after)
}

fn dated(day: u32, month: u32, year: u32, next: usize) -> Option<Day> {
    let hijri = (1300..1500).contains(&year);
    let year = i16::try_from(year).ok().filter(|year| hijri || (1900..2200).contains(year))?;
    let month = small(month).filter(|month| (1..=12).contains(month))?;
    let day = small(day).filter(|day| (1..=31).contains(day))?;
    Some(Day { day, month, year: Some(year), hijri, numeric: true, next })
}

/// The year in the calendar in which a day is written.
fn year_of(day: &Day, found: Date) -> i16 {
    day.year.unwrap_or_else(|| if day.hijri { hijri_year(found) } else { found.year() })
}

fn in_year(day: &Day, year: i16) -> Option<Date> {
    let is_hijri = day.hijri || (1300..1500).contains(&year);
    if is_hijri { hijri(year, day.month, day.day) } else { Date::new(year, day.month, day.day).ok() }
}

/// The Solar Hijri year of a Gregorian day.
fn hijri_year(on: Date) -> i16 {
    let year = on.year() - 621;
    if hijri(year, 1, 1).is_some_and(|new_year| on >= new_year) { year } else { year - 1 }
}

fn small(number: u32) -> Option<i8> {
    i8::try_from(number).ok()
}

#[cfg(test)]
mod tests;
