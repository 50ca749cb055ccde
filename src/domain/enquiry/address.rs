//! Postal addresses in the lines of a signature: a postcode of the country with a city beside it, and the street before
//! them or on the lines above.
//!
//! The country is the one that is named, else the one that the form of the address proves (a state before a ZIP code, a
//! British or Canadian postcode, `کد پستی`, `D-80331`), else the one that the words for a street fit, else the one where
//! the writer is thought to be. Nothing is guessed: without postcode and city there is no address.

mod america;
mod elsewhere;
#[cfg(test)]
mod tests;

use super::phone::ascii_digits;
use super::{Address, country, postcode};

/// Longest line looked at, in characters.
const CHARS: usize = 160;
/// Longest name of a city, in characters, and the most words of one.
const CITY: (usize, usize) = (40, 5);

/// The address that the parts of a block hold; `region` is where its writer is thought to be.
pub(super) fn read(parts: &[String], region: Option<&str>) -> Option<Address> {
    if let Some(place) = named(parts) {
        return proven(parts, Some(&place))
            .filter(|found| found.country.as_ref() == Some(&place))
            .or_else(|| at(parts, &place));
    }
    let spoken = || elsewhere::by_street(parts, region).and_then(|place| at(parts, place));
    proven(parts, region).or_else(spoken).or_else(|| at(parts, region?))
}

/// The country of the address, where it is named or the address tells it by its form.
pub(super) fn told(parts: &[String], region: Option<&str>) -> Option<String> {
    if named(parts).is_some() {
        return read(parts, None)?.country;
    }
    let spoken = || elsewhere::by_street(parts, region).and_then(|place| at(parts, place));
    proven(parts, region).or_else(spoken)?.country
}

/// A country that is a part by itself, or the end of a line behind a comma.
fn named(parts: &[String]) -> Option<String> {
    parts.iter().rev().filter(|part| !part.contains(['@', ':'])).find_map(|part| {
        let last = part.rsplit(',').next().unwrap_or(part).trim().trim_end_matches('.');
        let plain = last.chars().count() <= CITY.0 && !last.chars().any(char::is_numeric);
        // Two letters are a state, a department or initials.
        let long = last.chars().count() > 2 || matches!(last, "UK");
        country::parse(last).filter(|_| plain && long)
    })
}

/// An address whose form is that of one country alone.
fn proven(parts: &[String], region: Option<&str>) -> Option<Address> {
    lines(parts).find_map(|(at, line)| {
        america::united_states(parts, at, line, region)
            .or_else(|| america::canada(parts, at, line))
            .or_else(|| elsewhere::britain(parts, at, line))
            .or_else(|| elsewhere::iran(parts, at))
            .or_else(|| elsewhere::prefixed(parts, at, line))
    })
}

/// The first line with a postcode of `place` and a city.
fn at(parts: &[String], place: &str) -> Option<Address> {
    lines(parts).find_map(|(at, line)| by_postcode(parts, at, line, place))
}

/// Lines that may hold an address, without a label and the name of the country behind it.
fn lines(parts: &[String]) -> impl Iterator<Item = (usize, &str)> {
    let short = |part: &&String| part.chars().count() <= CHARS && !part.contains('@');
    parts.iter().enumerate().filter(move |(_, part)| short(part)).map(|(at, part)| {
        let line = part.split_once(": ").filter(|(label, _)| !label.chars().any(char::is_numeric));
        (at, without_country(line.map_or(part.as_str(), |(_, rest)| rest)))
    })
}

fn without_country(line: &str) -> &str {
    match line.rsplit_once(',') {
        Some((before, last))
            if country::parse(last.trim().trim_end_matches('.')).is_some() && last.trim().len() > 2 =>
        {
            before.trim()
        }
        Some((before, "US" | " US" | " UK")) => before.trim(),
        _ => line.trim_end_matches([' ', '.']).strip_suffix(" USA").unwrap_or(line).trim_end_matches([',', ' ']),
    }
}

fn by_postcode(parts: &[String], at: usize, line: &str, place: &str) -> Option<Address> {
    // `12345 Broadway`: no city follows a ZIP code.
    let (before, code, after) = postcode_in(line, place).filter(|(_, _, after)| place != "US" || after.is_empty())?;
    if city(after.split([',', ';', '(']).next()?).is_none() && !before.contains(',') && BEFORE_CITY.contains(place) {
        return None;
    }
    let (city, rest) = city_of(&before, &after);
    let street = Some(rest).filter(|rest| is_street(rest)).or_else(|| street_above(parts, at));
    Some(Address { street, postcode: Some(code), city: Some(city?), state: None, country: Some(place.to_owned()) })
}

/// The postcode of a line in its country's spelling, with what stands before and after it.
fn postcode_in(line: &str, place: &str) -> Option<(String, String, String)> {
    let words: Vec<&str> = line.split([' ', '\u{a0}']).filter(|w| !w.is_empty()).collect();
    let join = |words: &[&str]| words.join(" ");
    for at in 0..words.len().min(20) {
        // `BP 12345` is a box, `ISO 27001` a standard.
        let boxed = at.checked_sub(1).and_then(|at| words.get(at)).is_some_and(|word| is_box(word));
        for length in [2, 1] {
            let Some(slice) = words.get(at..at + length).filter(|_| !boxed) else { continue };
            let raw = join(slice);
            let raw = raw.trim_matches([',', ';', '.', '(', ')']);
            let code = strict(raw, place);
            if let Some(code) = code {
                let (before, after) = (words.get(..at)?, words.get(at + length..)?);
                return Some((join(before), code, join(after)));
            }
        }
    }
    None
}

fn is_box(word: &str) -> bool {
    let word = word.trim_end_matches(['.', ':']).to_lowercase();
    matches!(
        word.as_str(),
        "bp" | "cs" | "tsa" | "box" | "postfach" | "suite" | "p.o" | "pobox" | "postbus" | "no" | "nr"
            // Numbers of standards and of things.
            | "iso" | "en" | "din" | "ce" | "model" | "modell" | "modèle" | "type" | "typ" | "art" | "ref" | "x"
    )
}

/// A postcode of that country, its blanks where the country has them or nowhere.
fn strict(raw: &str, place: &str) -> Option<String> {
    let code = postcode::read(raw, Some(place))?;
    let upper = ascii_digits(raw).to_uppercase();
    let bare = upper
        .split_once('-')
        .filter(|(prefix, _)| prefix.chars().all(char::is_alphabetic))
        .map_or(&*upper, |(_, rest)| rest);
    let joined: String = code.chars().filter(|c| c.is_alphanumeric()).collect();
    (bare == code || bare == joined).then_some(code)
}

/// The city beside a postcode, and the street in the same line: what follows the postcode, else the last part before it.
fn city_of(before: &str, after: &str) -> (Option<String>, String) {
    let (following, behind) = after.split_once([',', ';', '(']).unwrap_or((after, ""));
    if let Some(city) = city(following) {
        let before = clean(before);
        let street = if is_street(&before) { before } else { clean(behind) };
        return (Some(city), street);
    }
    let before = clean(before);
    match before.rsplit_once(',') {
        Some((street, last)) if city(last).is_some() => (city(last), clean(street)),
        _ => (city(&before), String::new()),
    }
}

/// Where the postcode stands before the city, or is as long as other numbers: a word before one alone is `Order 12345`.
const BEFORE_CITY: &str = "FR CZ SK DE AT CH BE LU NL IT ES PT PL SE DK NO FI IR US";

fn clean(text: &str) -> String {
    text.trim_matches([' ', ',', ';', '-', '–', '،']).to_owned()
}

/// The name of a city, with the number of a district (`Praha 1`), without `CEDEX`.
fn city(text: &str) -> Option<String> {
    let text = clean(text);
    let folded = text.to_lowercase();
    let text = folded.find(" cedex").and_then(|end| text.get(..end)).unwrap_or(&text).trim();
    let first = text.chars().next()?;
    let letter = |word: &str| !word.chars().any(char::is_numeric);
    let district = |word: &str| word.len() <= 2 && word.bytes().all(|b| b.is_ascii_digit());
    let words: Vec<&str> = text.split_whitespace().collect();
    let right = words.iter().enumerate().all(|(at, word)| letter(word) || at > 0 && at < 3 && district(word));
    let named = first.is_alphabetic() && !first.is_lowercase();
    (named && right && text.chars().count() <= CITY.0 && words.len() <= CITY.1).then(|| text.to_owned())
}

/// The street on the line above, with the one above it when that is only a floor or a suite.
fn street_above(parts: &[String], at: usize) -> Option<String> {
    let above = at.checked_sub(1).and_then(|above| parts.get(above)).filter(|line| is_street(line))?;
    let head = above.split([' ', '.']).next().unwrap_or_default().to_lowercase();
    let inside = matches!(head.as_str(), "suite" | "ste" | "apt" | "unit" | "floor" | "bât" | "bâtiment" | "bp" | "cs");
    let higher = at.checked_sub(2).and_then(|higher| parts.get(higher)).filter(|line| inside && is_street(line));
    Some(higher.map_or_else(|| above.clone(), |higher| format!("{higher}, {above}")))
}

/// Letters and the number of a house.
fn is_street(text: &str) -> bool {
    let has = |of: fn(char) -> bool| text.chars().any(of);
    has(char::is_numeric) && has(char::is_alphabetic) && text.chars().count() <= 80 && !text.contains(['@', '+', ':'])
}
