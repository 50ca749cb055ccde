//! House and street, which are one place: they are no two witnesses.

use super::super::profile::Profile;
use super::text;

/// Kinds of streets and parts of the sky as they are shortened; what stands beside them is the name.
const KINDS: [&str; 26] = [
    "st",
    "rd",
    "ave",
    "blvd",
    "dr",
    "ln",
    "ct",
    "pl",
    "sq",
    "hwy",
    "street",
    "road",
    "avenue",
    "boulevard",
    "drive",
    "lane",
    "court",
    "place",
    "square",
    "rue",
    "ulice",
    "ul",
    "ne",
    "nw",
    "sw",
    "se",
];

/// Same house; same house in a similar street; same street and a similar number; same street; same number; similar street;
/// different.
pub(super) fn level(a: &Profile, b: &Profile) -> u8 {
    let house = match a.house.as_deref().zip(b.house.as_deref()) {
        None => 0,
        Some((a, b)) if a == b => 1,
        Some((a, b)) if a.len().max(b.len()) >= 3 && text::edits(a, b) <= 1 => 2,
        Some(_) => 3,
    };
    let street = if a.street.is_empty() || b.street.is_empty() { 0 } else { street(a, b) };
    match (house, street) {
        (0, 0) => 0,
        (1, 1 | 2) => 1,
        (1, 3 | 4) => 2,
        (2, 1 | 2) => 3,
        (_, 1 | 2) => 4,
        (1, _) => 5,
        (_, 3 | 4) => 6,
        _ => 7,
    }
}

fn street(a: &Profile, b: &Profile) -> u8 {
    let whole = text::level(&a.street.join(" "), &b.street.join(" "));
    let name = |profile: &Profile| {
        let told = |word: &&String| {
            word.len() > 1 && !word.bytes().all(|byte| byte.is_ascii_digit()) && !KINDS.contains(&word.as_str())
        };
        profile.street.iter().filter(told).cloned().collect::<Vec<_>>().join(" ")
    };
    let (a, b) = (name(a), name(b));
    if a.is_empty() || b.is_empty() { whole } else { whole.min(text::level(&a, &b).max(2)) }
}
