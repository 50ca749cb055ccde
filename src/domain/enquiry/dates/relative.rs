//! Days counted from when a text was written.

use jiff::civil::{Date, Weekday};
use jiff::{Span, ToSpan};

use super::calendar::small;
use super::tokens::Kind;
use super::words::{
    AFTER, AFTER_TOMORROW, AND, ARTICLE, BY, CUE, EVERY, IN, IN_MONTH, LAST, LATER, MORNING, NEXT, OF, ON, OR, PART,
    THIS, TO, TOMORROW, Unit, WITHIN,
};
use super::{Period, Reader};

/// Tokens behind an hour in which another one would make both the hours of a shop.
const HOURS: usize = 8;

impl Reader {
    pub(super) fn relative(&self, at: usize) -> Option<Period> {
        self.tomorrow(at).or_else(|| self.counted(at)).or_else(|| self.next_unit(at)).or_else(|| self.weekday(at))
    }

    fn tomorrow(&self, at: usize) -> Option<Period> {
        let word = self.get(at)?;
        let on = self.written.on;
        if word.has(AFTER_TOMORROW) {
            return Some(Period::day(on.checked_add(2.days()).ok()?, at + 1));
        }
        if !word.has(TOMORROW) {
            return None;
        }
        // `Guten Morgen`, `esta mañana`, `am Morgen`.
        let morning =
            self.before_has(at, 1, MORNING) || word.large && self.before(at, 1).is_some_and(|t| t.kind == Kind::Word);
        if morning && !self.before_has(at, 1, AFTER) {
            return None;
        }
        let after = self.before_has(at, 1, AFTER)
            || (self.before(at, 1).is_some_and(|token| token.is_mark("-")) || self.before_has(at, 1, OF))
                && self.before_has(at, 2, AFTER);
        Some(Period::day(on.checked_add(if after { 2 } else { 1 }.days()).ok()?, at + 1))
    }

    /// `in two weeks`, `za 14 dní`, `within 3 days`, `۳ روز دیگر`.
    fn counted(&self, at: usize) -> Option<Period> {
        let count_at = |at: usize| {
            let token = self.get(at)?;
            match token.kind {
                Kind::Number { value, digits } if digits <= 2 && value > 0 => Some((value, true)),
                _ => token.meaning.count.map(|count| (u32::from(count), count > 1)),
            }
        };
        let unit_at = |at: usize| self.get(at)?.meaning.unit.filter(|unit| *unit != Unit::Weekend);
        let within = self.has(at, WITHIN);
        if within || self.has(at, IN) {
            let next = at + 1 + usize::from(self.has(at + 1, OF) || self.has(at + 1, TO) && within);
            let (count, plain, unit_index) = match count_at(next) {
                Some((count, plain)) => (count, plain, next + 1),
                // `za týden`: one, unsaid.
                None => (1, false, next),
            };
            let unit = unit_at(unit_index)?;
            // `in a day` is how fast, not when; nor is `dans la semaine`.
            let unsaid = !plain && (unit == Unit::Day || unit_index == next && !self.is_za(at));
            if unsaid {
                return None;
            }
            return self.ahead_by(count, unit, within, unit_index + 1);
        }
        let (count, _) = count_at(at)?;
        let unit = unit_at(at + 1)?;
        self.has(at + 2, LATER).then(|| self.ahead_by(count, unit, false, at + 3)).flatten()
    }

    /// The Czech and Polish word for "in" counts a single week or month without saying one.
    fn is_za(&self, at: usize) -> bool {
        self.get(at).is_some_and(|token| token.end - token.start == 2 && token.has(IN) && !token.has(IN_MONTH))
    }

    fn ahead_by(&self, count: u32, unit: Unit, within: bool, next: usize) -> Option<Period> {
        let count = small(count)?;
        let span: Span = match unit {
            Unit::Day => count.days(),
            Unit::Week => count.weeks(),
            Unit::Month => count.months(),
            Unit::Quarter | Unit::Weekend => return None,
        };
        let end = self.written.on.checked_add(span).ok()?;
        Some(Period::stretch(if within { self.written.on } else { end }, end, next))
    }

    /// `next week`, `la semaine prochaine`, `příští měsíc`, `ce week-end`.
    fn next_unit(&self, at: usize) -> Option<Period> {
        let token = self.get(at)?;
        let (unit, next, is_next) = if token.has(NEXT) || token.has(THIS) {
            let (unit, next) = self.unit(at + 1)?;
            (unit, next, token.has(NEXT))
        } else {
            let (unit, next) = self.unit(at)?;
            let behind = next + usize::from(self.is_que(next));
            self.has(behind, NEXT).then_some((unit, behind + 1, true))?
        };
        let on = self.written.on;
        let monday = monday_of(on)?;
        match (unit, is_next) {
            (Unit::Week, true) => {
                let start = monday.checked_add(1.week()).ok()?;
                Some(Period::stretch(start, start.checked_add(6.days()).ok()?, next))
            }
            (Unit::Month, true) => {
                let start = on.first_of_month().checked_add(1.month()).ok()?;
                Some(Period::stretch(start, start.last_of_month(), next))
            }
            (Unit::Quarter, true) => {
                let month = (on.month() - 1) / 3 * 3 + 1;
                let start = Date::new(on.year(), month, 1).ok()?.checked_add(3.months()).ok()?;
                Some(Period::stretch(start, start.checked_add(2.months()).ok()?.last_of_month(), next))
            }
            (Unit::Weekend, _) => {
                // On a Saturday or Sunday the next one is that of the week that comes.
                let later = is_next && on.weekday().to_monday_zero_offset() >= 5;
                let start = monday.checked_add(if later { 12 } else { 5 }.days()).ok()?;
                Some(Period::stretch(start, start.checked_add(1.day()).ok()?, next))
            }
            _ => None,
        }
    }

    /// A unit of time, `week-end` being one word.
    fn unit(&self, at: usize) -> Option<(Unit, usize)> {
        let unit = self.get(at)?.meaning.unit?;
        let weekend = unit == Unit::Week && self.mark(at + 1, "-") && !self.is_spaced(at + 1) && self.has(at + 2, PART);
        Some(if weekend { (Unit::Weekend, at + 3) } else { (unit, at + 1) })
    }

    /// A short word between the two: `que`, `la`.
    fn is_que(&self, at: usize) -> bool {
        self.get(at).is_some_and(|token| token.kind == Kind::Word && token.end - token.start == 3 && !token.has(CUE))
    }

    /// `next Monday`, `lundi prochain`, `by Friday`, `v pondělí`.
    fn weekday(&self, at: usize) -> Option<Period> {
        let weekday = self.get(at)?.meaning.weekday?;
        if self.before_has(at, 1, EVERY) || self.before_has(at, 1, LAST) || self.has(at + 1, LAST) {
            return None;
        }
        let behind = at + 1 + usize::from(self.is_que(at + 1) && self.has(at + 2, NEXT));
        if self.is_dated(behind) || self.has(behind, NEXT) && self.is_dated(behind + 1) {
            return None;
        }
        let cue_at = if self.before_has(at, 1, ARTICLE) && !self.before_has(at, 1, ON | BY) { 2 } else { 1 };
        let said = |role: u64| self.before_has(at, 1, role) || self.before_has(at, cue_at, role);
        let (forward, next) =
            if self.has(behind, NEXT) { (true, behind + 1) } else { (said(NEXT | THIS | BY), at + 1) };
        let asked = forward || (said(ON) || self.is_second(at) || self.is_appointed(at + 1)) && !self.tells_of_past(at);
        if self.is_opening(at) || !asked {
            return None;
        }
        let today = self.written.on.weekday().to_monday_zero_offset();
        let ahead = (weekday - today).rem_euclid(7);
        let ahead = if ahead == 0 { 7 } else { ahead };
        Some(Period::day(self.written.on.checked_add(ahead.days()).ok()?, next))
    }

    /// The day that belongs to a weekday stands right behind it: both are one.
    fn is_dated(&self, at: usize) -> bool {
        let mut day = at;
        while day < at + 3 && (self.has(day, ARTICLE) || self.mark(day, ",،(")) {
            day += 1;
        }
        self.absolute(day).is_some() || self.listed(day).is_some()
    }

    /// `am Montag oder Dienstag`: the second of two that somebody proposes.
    fn is_second(&self, at: usize) -> bool {
        let first = self.before(at, 2).is_some_and(|token| token.meaning.weekday.is_some());
        first && self.before_has(at, 1, OR | AND) && self.before_has(at, 3, ON | BY | NEXT | THIS)
    }

    /// A question, or one hour, stands behind a weekday, and no second hour that would make them those of a shop.
    fn is_appointed(&self, at: usize) -> bool {
        let closes = |at: usize| self.mark(at, "-–—") || self.has(at, TO) && self.number(at + 1).is_some();
        let bare = !self.before_has(at, 2, ARTICLE) && self.asks(at);
        (bare || self.is_at_hour(at)) && !(at + 1..at + HOURS).take_while(|at| !self.mark(*at, ".!?")).any(closes)
    }

    /// One of two weekdays joined: when somebody is there.
    fn is_opening(&self, at: usize) -> bool {
        let is_day =
            |at: Option<usize>| at.and_then(|at| self.get(at)).is_some_and(|token| token.meaning.weekday.is_some());
        let joins = |at: Option<usize>| {
            at.and_then(|at| self.get(at)).is_some_and(|token| token.has(TO) || token.is_mark("-–—"))
        };
        let ahead = |by: usize| at.checked_add(by);
        joins(ahead(1)) && is_day(ahead(2)) || joins(at.checked_sub(1)) && is_day(at.checked_sub(2))
    }
}

fn monday_of(day: Date) -> Option<Date> {
    let back = day.weekday().since(Weekday::Monday);
    day.checked_sub(back.days()).ok()
}
