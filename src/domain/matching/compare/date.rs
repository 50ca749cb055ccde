//! Dates of birth.

use super::super::profile::Born;
use super::text::edits;

/// A year and a month: birthdays are given wrongly by so much, and seldom by more.
const YEAR: i64 = 400;

/// Equal, one edit or day and month exchanged, two edits, within a year, three edits, four edits, different.
pub(super) fn level(a: &Born, b: &Born) -> u8 {
    let edits = edits(&a.digits, &b.digits);
    if edits == 0 {
        return 1;
    }
    let near = || a.day.zip(b.day).is_some_and(|(a, b)| (a - b).abs() <= YEAR);
    match edits {
        1 => 2,
        _ if is_turned(&a.digits, &b.digits) => 2,
        2 => 3,
        _ if near() => 4,
        3 => 5,
        4 => 6,
        _ => 7,
    }
}

/// The same year, and the day of the one is the month of the other.
fn is_turned(a: &str, b: &str) -> bool {
    let part = |text: &str, from: usize, to: usize| text.get(from..to).map(str::to_owned);
    a.len() == 8
        && b.len() == 8
        && part(a, 0, 4) == part(b, 0, 4)
        && part(a, 4, 6) == part(b, 6, 8)
        && part(a, 6, 8) == part(b, 4, 6)
}
