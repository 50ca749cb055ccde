//! One day as people write it: in figures, or with the name of its month.

use super::calendar::{dated, small};
use super::tokens::{Kind, Token};
use super::words::{ARTICLE, CUE, HOUR, LARGE, MEASURE, OF};
use super::{Day, Reader};

impl Reader {
    /// A day with its month. `second`: behind what joins it to another.
    pub(super) fn day_at(&self, at: usize, second: bool) -> Option<Day> {
        if !second && !self.is_free(at) && self.number(at).is_some() {
            return None;
        }
        self.in_numeric(at).or_else(|| self.named(at))
    }

    /// `2027-03-12`, `12.3.2027`, `12. 3. 2027`, `12/3`, `1405/12/15`.
    #[expect(clippy::many_single_char_names, reason = "three numbers whose meaning is not known yet")]
    pub(super) fn in_numeric(&self, at: usize) -> Option<Day> {
        let (a, a_digits) = self.number(at)?;
        let mark = match self.get(at + 1).filter(|token| !token.spaced)?.kind {
            Kind::Mark(c) if "./-".contains(c) => c,
            _ => return None,
        };
        let joined = |at: usize| !self.is_spaced(at) || mark == '.';
        let (b, b_digits) = self.number(at + 2).filter(|_| joined(at + 2))?;
        let third = (self.mark(at + 3, &mark.to_string()) && !self.is_spaced(at + 3)).then_some(at + 4);
        // `12. 3. 14:00`: an hour is no year.
        let hour = |at: usize| self.is_spaced(at) && self.is_hour(at);
        let third = third.and_then(|at| self.number(at).filter(|_| joined(at) && !hour(at)));
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
                // Versions, clauses and sizes have three short numbers, too.
                let (d, m) = self.ordered(a, b, mark);
                let measured = self.has(next, MEASURE) || self.mark(next, "%€$£");
                day(d, m, c + 2000).filter(|found| !measured && self.is_announced(at, found))
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
        let amount =
            self.has(next, MEASURE) || self.mark(next, "%€$£:") || self.number(next).is_some() && !self.is_hour(next);
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
        let day = self.day_first(at).or_else(|| self.month_first(at))?;
        (day.year.is_some() || !self.is_street(at, day.next)).then_some(day)
    }

    pub(super) fn day_number(&self, at: usize) -> Option<i8> {
        let (value, _) = self.number(at).filter(|(value, digits)| (1..=31).contains(value) && *digits <= 2)?;
        small(value)
    }

    /// The day, and behind it its month.
    fn day_first(&self, at: usize) -> Option<Day> {
        let said = self.get(at)?.meaning.ordinal.and_then(|day| i8::try_from(day).ok());
        let day = self.day_number(at).or(said)?;
        let mut month_at = self.behind_ordinal(at + 1);
        let of = self.has(month_at, OF);
        month_at += usize::from(of);
        let word = self.get(month_at)?;
        let (month, hijri) = month_of(word)?;
        let led = self.before_has(at, 1, CUE | ARTICLE) || self.is_weekday_before(at);
        // The first is a word of much else.
        if self.number(at).is_none() && !(led || of || hijri) {
            return None;
        }
        let mut next = month_at + 1;
        // The point of an abbreviation, not of the sentence.
        next += usize::from(is_short(word) && self.mark(next, ".") && !self.is_spaced(next));
        let (year, behind) = self.year_at(next);
        let known = year.is_some() || led;
        if !known && (self.is_wrapped(at, month_at) || self.is_asking(word, month_at)) || !self.is_may(at, word, year) {
            return None;
        }
        Some(Day { day, month, year, hijri, numeric: false, next: behind })
    }

    /// The month, and behind it its day.
    fn month_first(&self, at: usize) -> Option<Day> {
        let word = self.get(at)?;
        let (month, hijri) = month_of(word)?;
        // The month of the number before it, whatever that is.
        let point = usize::from(self.before(at, 1).is_some_and(|token| token.is_mark(".") && !token.spaced));
        if !word.first && at.checked_sub(1 + point).is_some_and(|before| self.day_number(before).is_some()) {
            return None;
        }
        let day_at = self.behind_articles(at + 1 + usize::from(self.mark(at + 1, ".")));
        let day = self.day_number(day_at)?;
        let behind = self.behind_ordinal(day_at + 1);
        let hour = self.mark(behind, ":.") && !self.is_spaced(behind) && self.number(behind + 1).is_some();
        let numeric = self.mark(day_at + 1, "./-:") && self.number(day_at + 2).is_some() && !self.is_spaced(day_at + 2);
        let ranged = self.mark(day_at + 1, "-–");
        if hour || numeric && !ranged || self.has(behind, MEASURE | HOUR) {
            return None;
        }
        let (year, next) = self.year_at(behind);
        let called = year.is_none() && (self.is_called(at, day_at) || self.is_may_i(at, word, behind));
        if called || !self.is_may(at, word, year) {
            return None;
        }
        Some(Day { day, month, year, hijri, numeric: false, next })
    }

    /// Not the verb of the same letters.
    fn is_may(&self, at: usize, word: &Token, year: Option<i16>) -> bool {
        !word.has(LARGE) || word.large || year.is_some() || self.before_has(at, 1, CUE)
    }

    /// A year, with what stands before it; where it is none, nothing is taken.
    pub(super) fn year_at(&self, at: usize) -> (Option<i16>, usize) {
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
}

/// The month that a word names, and whether it is one of the Solar Hijri calendar.
pub(super) fn month_of(word: &Token) -> Option<(i8, bool)> {
    let gregorian = word.meaning.month.map(|month| (month, false));
    gregorian.or_else(|| word.meaning.hijri.map(|month| (month, true)))
}

fn is_short(word: &Token) -> bool {
    word.end - word.start <= 5
}
