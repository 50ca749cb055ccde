//! Days that belong together: periods of two, and several days of one month.

use super::calendar::{in_year, resolve, year_of};
use super::words::{AND, BETWEEN, BY, CUE, FROM, HOUR, LINK, LOOSE, MEASURE, OF, OR, TO};
use super::{Day, Period, Reader};
use jiff::civil::Date;

/// Days named of one month at once.
const LISTED: usize = 8;
/// Longest period over the end of a year that nobody wrote, in days.
const OVER: i32 = 300;

impl Reader {
    /// A day or a period of days.
    pub(super) fn absolute(&self, at: usize) -> Option<Period> {
        self.spread(at).or_else(|| self.whole_day(at))
    }

    /// What stands between two days makes them a period.
    fn joins(&self, at: usize, between: usize) -> bool {
        let from = || (1..=2).any(|back| self.before_has(at, back, FROM) && self.before_has(at, back, LOOSE));
        let both = || (1..=3).any(|back| self.before_has(at, back, BETWEEN));
        self.mark(between, "-–—")
            || self.has(between, TO)
            || self.has(between, AND) && both()
            || self.has(between, LINK) && from()
    }

    /// `3 to 7 May`, `du 3 au 7 mai`, `3.-7. 5. 2027`: the first day without its month.
    pub(super) fn spread(&self, at: usize) -> Option<Period> {
        let said = self.get(at)?.meaning.ordinal.and_then(|day| i8::try_from(day).ok());
        let first = self.day_number(at).or(said)?;
        let mut next = self.behind_ordinal(at + 1);
        if !self.is_free(at) || !self.joins(at, next) {
            return None;
        }
        next = self.behind_articles(next + 1);
        let last = self.day_at(next, true)?;
        // `12. - 14. 3.`: two that count are no amounts.
        let counts = self.mark(at + 1, ".") && self.mark(next + 1, ".") && !self.is_numbered(at);
        if last.numeric && last.year.is_none() && !(counts || self.before_has(at, 1, CUE)) {
            return None;
        }
        let end = resolve(&last, self.written.on)?;
        let start = resolve(&Day { day: first, year: Some(year_of(&last, end)), ..last }, end)?;
        (start < end).then_some(Period { start, end, yearless: last.year.is_none(), next: last.next })
    }

    /// A whole day, alone or the first of two.
    fn whole_day(&self, at: usize) -> Option<Period> {
        let first = self.day_at(at, false)?;
        if let Some(period) = self.to_second(at, &first) {
            return Some(period);
        }
        if first.numeric && first.year.is_none() && !self.is_cued(at, &first) {
            return None;
        }
        let start = resolve(&first, self.written.on)?;
        Some(Period { start, end: start, yearless: first.year.is_none(), next: first.next })
    }

    fn to_second(&self, at: usize, first: &Day) -> Option<Period> {
        if !self.joins(at, first.next) {
            return None;
        }
        let next = self.behind_articles(first.next + 1);
        let second = self.day_at(next, true).or_else(|| self.lone(at, next, first))?;
        if self.is_fraction(at) && self.is_fraction(next) {
            return None;
        }
        let (start, end) = match (first.year, second.year) {
            (Some(year), None) => {
                let start = in_year(first, year)?;
                (start, resolve(&second, start)?)
            }
            (Some(year), Some(last)) => (in_year(first, year)?, in_year(&second, last)?),
            (None, _) => {
                let end = resolve(&second, self.written.on)?;
                (last_before(first, end)?, end)
            }
        };
        let yearless = first.year.or(second.year).is_none();
        let over = yearless && start.year() != end.year() && (end - start).get_days() > OVER;
        (start <= end && !over).then_some(Period { start, end, yearless, next: second.next })
    }

    /// `May 3-7`: the second is a number alone. One that is an hour, a house or a count of something is none.
    fn lone(&self, at: usize, next: usize, first: &Day) -> Option<Day> {
        let day = self.day_number(next).filter(|day| *day > first.day && !first.numeric)?;
        let behind = self.behind_ordinal(next + 1);
        let (year, end) = self.year_at(behind);
        let month_first =
            self.number(at).is_none() && self.get(at).is_some_and(|token| token.meaning.ordinal.is_none());
        let led = (1..=3).any(|back| self.before_has(at, back, FROM));
        let dashed = self.mark(first.next, "-–—");
        let glued = dashed && month_first && !self.is_spaced(next) && !self.has(behind, MEASURE | HOUR);
        let joined = dashed || led || month_first && !self.has(first.next, BY);
        let ends = year.is_some() || glued || self.is_end(behind);
        let is_day = joined && ends && !self.is_hour(next) && !self.has(first.next, LINK);
        is_day.then_some(Day { day, year: year.or(first.year), next: end, ..*first })
    }

    /// `les 5, 6 et 7 avril`, `12 and 13 March`, `March 12 and 13`: several days of one month.
    pub(super) fn listed(&self, at: usize) -> Option<Vec<Period>> {
        if (1..=3).any(|back| self.before_has(at, back, BETWEEN)) || self.is_numbered(at) {
            return None;
        }
        let (days, last) = self.before_month(at).or_else(|| self.behind_month(at))?;
        let end = resolve(&last, self.written.on)?;
        let year = year_of(&last, end);
        let dates = days.into_iter().filter_map(|day| in_year(&Day { day, ..last }, year));
        let period = |day: Date| Period { start: day, end: day, yearless: last.year.is_none(), next: last.next };
        Some(dates.map(period).collect())
    }

    /// Days of a list before its month, and the last with the month.
    fn before_month(&self, at: usize) -> Option<(Vec<i8>, Day)> {
        let mut days = vec![self.day_number(at).filter(|_| self.is_free(at))?];
        let mut next = self.behind_ordinal(at + 1);
        while days.len() < LISTED {
            let (day_at, joined) = self.next_listed(next)?;
            let day = self.day_number(day_at).filter(|day| days.last().is_some_and(|last| last < day))?;
            days.push(day);
            let whole = self.day_at(day_at, true).filter(|whole| joined && whole.day == day);
            if let Some(last) = whole.filter(|last| !last.numeric || last.year.is_some() || self.before_has(at, 1, CUE))
            {
                return Some((days, last));
            }
            next = self.behind_ordinal(day_at + 1);
        }
        None
    }

    /// Days of a list behind its month.
    fn behind_month(&self, at: usize) -> Option<(Vec<i8>, Day)> {
        self.get(at)?.meaning.month?;
        let first = self.day_at(at, false).filter(|first| first.year.is_none())?;
        let (mut days, mut next) = (vec![first.day], first.next);
        while days.len() < LISTED {
            let (day_at, joined) = self.next_listed(next)?;
            let day = self.day_number(day_at).filter(|day| days.last().is_some_and(|last| last < day))?;
            days.push(day);
            next = self.behind_ordinal(day_at + 1);
            let (year, behind) = self.year_at(next);
            if joined && !self.is_hour(day_at) && (year.is_some() || next > day_at + 1 || self.is_end(next)) {
                return Some((days, Day { year, next: behind, ..first }));
            }
        }
        None
    }

    /// The next of a list, and whether it is joined as the last one is.
    fn next_listed(&self, at: usize) -> Option<(usize, bool)> {
        let comma = usize::from(self.mark(at, ",،"));
        let joined = self.has(at + comma, AND | OR) || self.mark(at + comma, "&+");
        (joined || comma == 1).then(|| (self.behind_articles(at + comma + usize::from(joined)), joined))
    }

    /// A word, a weekday or an hour beside it makes numbers a day.
    pub(super) fn is_announced(&self, at: usize, day: &Day) -> bool {
        (1..=2).any(|back| self.before_has(at, back, CUE)) || self.is_weekday_before(at) || self.is_at_hour(day.next)
    }

    /// A day in numeric without a year needs something that makes it one: a word, an hour, or another such day.
    fn is_cued(&self, at: usize, day: &Day) -> bool {
        let hour = self.is_at_hour(day.next);
        if self.is_fraction(at) {
            let firm = self.before_has(at, 1, CUE) && (!self.before_has(at, 1, LOOSE) || self.before_has(at, 1, BY));
            return self.is_weekday_before(at)
                || hour
                || firm && self.is_end(day.next) && !self.has(day.next, OF | FROM);
        }
        let pointed = self.mark(at + 1, ".");
        let paired = |at: usize| self.mark(at + 1, ".") && self.in_numeric(at).is_some();
        let joins = |at: usize| self.has(at, AND | OR | TO);
        let ahead = || joins(day.next) && paired(self.behind_articles(day.next + 1));
        let behind = || at >= 5 && joins(at - 1) && paired(at - 5);
        self.is_announced(at, day) || pointed && (ahead() || behind())
    }

    /// `3/4`, `1/2`, `3/8`: a size before it is a day.
    fn is_fraction(&self, at: usize) -> bool {
        let part = |at: usize| self.number(at).filter(|(_, digits)| *digits == 1).map(|(value, _)| value);
        let (Some(a), Some(b)) = (part(at), part(at + 2)) else { return false };
        self.mark(at + 1, "/") && a < b && [2, 3, 4, 8].contains(&b)
    }
}

/// The last day of its name up to another.
fn last_before(day: &Day, end: Date) -> Option<Date> {
    let year = year_of(&Day { year: None, ..*day }, end);
    [year, year - 1].into_iter().filter_map(|year| in_year(day, year)).find(|date| *date <= end)
}
