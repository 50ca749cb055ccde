//! Days of both calendars, and the year that nobody wrote.

use jiff::civil::Date;

use super::Day;
use crate::domain::reading::returns::hijri;

/// A day; without a year the next one of its name from `after` on.
pub(super) fn resolve(day: &Day, after: Date) -> Option<Date> {
    if let Some(year) = day.year {
        return in_year(day, year);
    }
    let this = if day.hijri { hijri_year(after) } else { after.year() };
    // A leap day may be four years away.
    (this..=this + 4).filter_map(|year| in_year(day, year)).find(|date| *date >= after)
}

pub(super) fn dated(day: u32, month: u32, year: u32, next: usize) -> Option<Day> {
    let hijri = (1300..1500).contains(&year);
    let year = i16::try_from(year).ok().filter(|year| hijri || (1900..2200).contains(year))?;
    let month = small(month).filter(|month| (1..=12).contains(month))?;
    let day = small(day).filter(|day| (1..=31).contains(day))?;
    Some(Day { day, month, year: Some(year), hijri, numeric: true, next })
}

/// The year in the calendar in which a day is written.
pub(super) fn year_of(day: &Day, found: Date) -> i16 {
    day.year.unwrap_or_else(|| if day.hijri { hijri_year(found) } else { found.year() })
}

pub(super) fn in_year(day: &Day, year: i16) -> Option<Date> {
    let is_hijri = day.hijri || (1300..1500).contains(&year);
    if is_hijri { hijri(year, day.month, day.day) } else { Date::new(year, day.month, day.day).ok() }
}

/// The Solar Hijri year of a Gregorian day.
pub(super) fn hijri_year(on: Date) -> i16 {
    let year = on.year() - 621;
    if hijri(year, 1, 1).is_some_and(|new_year| on >= new_year) { year } else { year - 1 }
}

pub(super) fn small(number: u32) -> Option<i8> {
    i8::try_from(number).ok()
}
