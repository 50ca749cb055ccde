//! Whole stretches of the calendar: months, weeks by their number, quarters.

use jiff::ToSpan;
use jiff::civil::{Date, ISOWeekDate, Weekday};

use super::calendar::{hijri_year, in_year, small};
use super::day::month_of;
use super::tokens::{Kind, Token};
use super::words::{ARTICLE, BY, CUE, FROM, IN_MONTH, LARGE, LINK, OF, ON, PART, Q, TO, Unit, WEEK};
use super::{Day, Period, Reader};

impl Reader {
    pub(super) fn span(&self, at: usize) -> Option<Period> {
        self.whole_month(at).or_else(|| self.week(at)).or_else(|| self.quarter(at))
    }

    /// `in March 2027`, `en mars`, `v březnu`, `early May`, `mi-avril`.
    fn whole_month(&self, at: usize) -> Option<Period> {
        let word = self.get(at)?;
        let (month, hijri) = month_of(word)?;
        let (year, next) = self.year_at(at + 1);
        let counted = self.number(at + 1).is_some() && year.is_none();
        let abbreviated = word.end - word.start <= 3 && year.is_none() && month != 5 && !hijri;
        let small_may = word.has(LARGE) && !word.large && year.is_none();
        let numbered = self.before(at, 1).is_some_and(|token| matches!(token.kind, Kind::Number { .. }));
        if counted || abbreviated || small_may || numbered || self.is_since(at) {
            return None;
        }
        let last = self.last_month(next);
        let from = last.is_some() && self.before_has(at, 1, FROM);
        if !(year.is_some() || from || self.is_in_month(at)) {
            return None;
        }
        let year = year.or(last.and_then(|(_, year, _)| year));
        let this = if hijri { hijri_year(self.written.on) } else { self.written.on.year() };
        let years = year.map_or([this, this + 1], |year| [year, year]);
        let mut all = years.into_iter().filter_map(|year| month_in(month, year, hijri));
        let (start, end) = all.find(|(_, end)| *end >= self.written.on)?;
        let behind = last.and_then(|(last, said, next)| {
            let this = if hijri { hijri_year(start) } else { start.year() };
            let mut all = said.map_or([this, this + 1], |year| [year, year]).into_iter();
            all.find_map(|year| month_in(last, year, hijri).filter(|(last, _)| *last > start))
                .map(|(_, end)| (end, next))
        });
        let (end, next) = behind.unwrap_or((end, next));
        Some(Period { start, end, yearless: year.is_none(), next })
    }

    /// `to May`, `bis Ende Juni 2027` behind a month: the last one, its year and the token behind it.
    fn last_month(&self, at: usize) -> Option<(i8, Option<i16>, usize)> {
        if !(self.has(at, TO | LINK) || self.mark(at, "-–—")) {
            return None;
        }
        let mut month_at = at + 1;
        while month_at < at + 3 && (self.has(month_at, PART | ARTICLE | OF) || self.mark(month_at, "-")) {
            month_at += 1;
        }
        let (month, _) = month_of(self.get(month_at)?)?;
        let (year, next) = self.year_at(month_at + 1);
        (year.is_some() || self.number(next).is_none()).then_some((month, year, next))
    }

    /// A word before a month that makes it one somebody speaks of.
    fn is_in_month(&self, at: usize) -> bool {
        // `fin de mai`, `au mois d'avril`, `mi-avril`.
        let glued = self.before(at, 1).is_some_and(|token| token.is_mark("-") && !token.spaced);
        let apostrophe = usize::from(self.before(at, 1).is_some_and(|token| token.is_mark("'’")));
        let of_month = (apostrophe == 1 || self.before_has(at, 1, OF))
            && self.before(at, 2 + apostrophe).is_some_and(|token| token.has(PART) || token.meaning.unit.is_some());
        self.before_has(at, 1, IN_MONTH | PART) || glued && self.before_has(at, 2, PART) || of_month
    }

    /// `KW 20`, `20. Kalenderwoche`, `in week 20`, `ve 20. týdnu`.
    fn week(&self, at: usize) -> Option<Period> {
        let token = self.get(at)?;
        let is_week = |token: &Token| token.meaning.unit == Some(Unit::Week);
        let led = self.before_has(at, 1, IN_MONTH | BY | CUE | PART | ON);
        let (number_at, mut next) = if token.has(WEEK) && token.large || is_week(token) && led {
            let number = at + 1 + usize::from(self.mark(at + 1, ".") && token.has(WEEK));
            (number, number + 1)
        } else {
            let week = self.get(at + 2).filter(|_| self.mark(at + 1, ".") && !self.is_spaced(at + 1))?;
            let named = week.has(WEEK) && week.large || is_week(week) && led;
            named.then_some((at, at + 3))?
        };
        let (number, _) = self.number(number_at).filter(|(value, digits)| *value > 0 && *digits <= 2)?;
        let slash = usize::from(self.mark(next, "/"));
        let (year, behind) = self.year_at(next + slash);
        if year.is_some() {
            next = behind;
        } else if !self.is_end(next) || slash == 1 && !token.has(WEEK) {
            return None;
        }
        let joined = self.mark(next, "-–/") || self.has(next, TO);
        let last = self.number(next + 1).filter(|(value, digits)| joined && *value > number && *digits <= 2);
        next += 2 * usize::from(last.is_some());
        let this = self.written.on.iso_week_date().year();
        let monday = |year: i16, week: u32| ISOWeekDate::new(year, small(week)?, Weekday::Monday).ok();
        let mut all = year.map_or([this, this + 1], |year| [year, year]).into_iter().filter_map(|year| {
            let start = monday(year, number)?.date();
            let end = monday(year, last.map_or(number, |(week, _)| week))?.date().checked_add(6.days()).ok()?;
            Some((start, end))
        });
        let (start, end) = all.find(|(_, end)| *end >= self.written.on)?;
        Some(Period { start, end, yearless: year.is_none(), next })
    }

    /// `in Q2`, `Q3 2027`, `2. Quartal`, `second quarter`, `2e trimestre`.
    fn quarter(&self, at: usize) -> Option<Period> {
        let token = self.get(at)?;
        let letter = token.large && token.has(Q);
        let led =
            self.before_has(at, 1, IN_MONTH | BY | PART) || self.before_has(at, 1, OF) && self.before_has(at, 2, PART);
        let (number, next) = if letter {
            let (number, _) = self.number(at + 1).filter(|_| !self.is_spaced(at + 1))?;
            (number, at + 2)
        } else {
            let said = token.meaning.ordinal.map(u32::from);
            let number = self.number(at).map(|(value, _)| value).or(said)?;
            let unit = self.behind_ordinal(at + 1);
            self.get(unit).filter(|token| token.meaning.unit == Some(Unit::Quarter) && unit > at)?;
            (number, unit + 1)
        };
        let (year, behind) = self.year_at(next + usize::from(self.mark(next, "/")));
        let plain = year.is_some() || led && self.is_end(next) || !letter;
        if !(1..=4).contains(&number) || !plain {
            return None;
        }
        let this = self.written.on.year();
        let mut all = year.map_or([this, this + 1], |year| [year, year]).into_iter().filter_map(|year| {
            let start = Date::new(year, small(number)? * 3 - 2, 1).ok()?;
            Some((start, start.checked_add(2.months()).ok()?.last_of_month()))
        });
        let (start, end) = all.find(|(_, end)| *end >= self.written.on)?;
        Some(Period { start, end, yearless: year.is_none(), next: if year.is_some() { behind } else { next } })
    }
}

/// The first and last day of a month.
fn month_in(month: i8, year: i16, hijri: bool) -> Option<(Date, Date)> {
    let first = Day { day: 1, month, year: Some(year), hijri, numeric: false, next: 0 };
    let behind = if month == 12 { (1, year + 1) } else { (month + 1, year) };
    let end = in_year(&Day { month: behind.0, ..first }, behind.1)?.yesterday().ok()?;
    Some((in_year(&first, year)?, end))
}
