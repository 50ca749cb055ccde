//! Addresses of the United States and of Canada: a state or province before the postcode proves the country.

use super::{Address, city, clean, is_street, postcode, street_above};
use crate::domain::reading::field_names::fold;

/// Code, folded name, and ranges of ZIP codes.
type State = (&'static str, &'static str, &'static [(u16, u16)]);

/// Codes, folded names and ZIP codes (their first three digits) of states (USPS Publication 28, appendix B).
#[rustfmt::skip]
const STATES: [State; 52] = [
    ("AL", "alabama", &[(350, 369)]), ("AK", "alaska", &[(995, 999)]), ("AZ", "arizona", &[(850, 865)]),
    ("AR", "arkansas", &[(716, 729)]), ("CA", "california", &[(900, 961)]), ("CO", "colorado", &[(800, 816)]),
    ("CT", "connecticut", &[(60, 69)]), ("DE", "delaware", &[(197, 199)]), ("DC", "districtofcolumbia", &[(200, 205)]),
    ("FL", "florida", &[(320, 349)]), ("GA", "georgia", &[(300, 319), (398, 399)]), ("HI", "hawaii", &[(967, 968)]),
    ("ID", "idaho", &[(832, 838)]), ("IL", "illinois", &[(600, 629)]), ("IN", "indiana", &[(460, 479)]),
    ("IA", "iowa", &[(500, 528)]), ("KS", "kansas", &[(660, 679)]), ("KY", "kentucky", &[(400, 427)]),
    ("LA", "louisiana", &[(700, 714)]), ("ME", "maine", &[(39, 49)]), ("MD", "maryland", &[(206, 219)]),
    ("MA", "massachusetts", &[(10, 27), (55, 55)]), ("MI", "michigan", &[(480, 499)]), ("MN", "minnesota", &[(550, 567)]),
    ("MS", "mississippi", &[(386, 397)]), ("MO", "missouri", &[(630, 658)]), ("MT", "montana", &[(590, 599)]),
    ("NE", "nebraska", &[(680, 693)]), ("NV", "nevada", &[(889, 898)]), ("NH", "newhampshire", &[(30, 38)]),
    ("NJ", "newjersey", &[(70, 89)]), ("NM", "newmexico", &[(870, 884)]), ("NY", "newyork", &[(100, 149), (5, 5), (63, 63)]),
    ("NC", "northcarolina", &[(270, 289)]), ("ND", "northdakota", &[(580, 588)]), ("OH", "ohio", &[(430, 459)]),
    ("OK", "oklahoma", &[(730, 749)]), ("OR", "oregon", &[(970, 979)]), ("PA", "pennsylvania", &[(150, 196)]),
    ("RI", "rhodeisland", &[(28, 29)]), ("SC", "southcarolina", &[(290, 299)]), ("SD", "southdakota", &[(570, 577)]),
    ("TN", "tennessee", &[(370, 385)]), ("TX", "texas", &[(750, 799), (885, 885)]), ("UT", "utah", &[(840, 847)]),
    ("VT", "vermont", &[(50, 59)]), ("VA", "virginia", &[(201, 201), (220, 246)]), ("WA", "washington", &[(980, 994)]),
    ("WV", "westvirginia", &[(247, 268)]), ("WI", "wisconsin", &[(530, 549)]), ("WY", "wyoming", &[(820, 831)]),
    ("PR", "puertorico", &[(6, 9)]),
];

/// States whose code is that of a country with postcodes of five digits: `Berlin, DE 10115`.
const COUNTRIES_TOO: [&str; 6] = ["DE", "MA", "ME", "ID", "LA", "MN"];

const PROVINCES: [(&str, &str); 14] = [
    ("AB", "alberta"),
    ("BC", "britishcolumbia"),
    ("MB", "manitoba"),
    ("NB", "newbrunswick"),
    ("NL", "newfoundlandandlabrador"),
    ("NS", "novascotia"),
    ("NT", "northwestterritories"),
    ("NU", "nunavut"),
    ("ON", "ontario"),
    ("PE", "princeedwardisland"),
    ("QC", "quebec"),
    ("QC", "pq"),
    ("SK", "saskatchewan"),
    ("YT", "yukon"),
];

/// Words for a street, folded: what follows them is the city where no comma divides them.
const STREETS: [&str; 22] = [
    "st",
    "street",
    "ave",
    "avenue",
    "rd",
    "road",
    "blvd",
    "boulevard",
    "dr",
    "drive",
    "ln",
    "lane",
    "way",
    "ct",
    "court",
    "pl",
    "place",
    "pkwy",
    "parkway",
    "hwy",
    "broadway",
    "sq",
];

/// `Springfield, IL 62704` at the end of a line.
pub(super) fn united_states(parts: &[String], at: usize, line: &str, region: Option<&str>) -> Option<Address> {
    let (before, zip) = line.trim_end_matches([',', '.']).rsplit_once([' ', '\u{a0}'])?;
    let five = zip.get(..5).filter(|five| five.bytes().all(|b| b.is_ascii_digit()))?;
    let code = postcode::read(zip, Some("US")).filter(|code| code == zip)?;
    let area: u16 = five.get(..3)?.parse().ok()?;
    let (city_line, state) = divided(before, |written, folded| {
        let known = STATES.iter().find(|(code, name, _)| *code == written || *name == folded)?;
        let right = known.2.iter().any(|(low, high)| (*low..=*high).contains(&area));
        Some((known.0, right))
    })?;
    let ((state, right), comma) = (state, city_line.ends_with(','));
    let proven = right || region == Some("US") || comma && !COUNTRIES_TOO.contains(&state);
    let (city, street) = city_and_street(city_line)?;
    let street = street.or_else(|| street_above(parts, at));
    proven.then(|| address("US", street, code, city, state))
}

/// `Toronto, ON M5H 2N2`, `Montréal (Québec) H2X 1Y4`.
pub(super) fn canada(parts: &[String], at: usize, line: &str) -> Option<Address> {
    let line = line.trim_end_matches([',', '.']);
    let (before, last) = line.rsplit_once([' ', '\u{a0}'])?;
    let (before, raw) = if last.len() == 3 {
        let (before, first) = before.rsplit_once([' ', '\u{a0}'])?;
        (before, format!("{first} {last}"))
    } else {
        (before, last.to_owned())
    };
    let code = postcode::read(&raw, Some("CA"))
        .filter(|code| code.chars().filter(|c| *c != ' ').eq(raw.chars().filter(|c| *c != ' ')))?;
    let (city_line, province) = divided(before, |written, folded| {
        PROVINCES.iter().find(|(code, name)| *code == written || *name == folded).map(|(code, _)| *code)
    })?;
    let (city, street) = city_and_street(city_line)?;
    let street = street.or_else(|| street_above(parts, at));
    Some(address("CA", street, code, city, province))
}

fn address(country: &str, street: Option<String>, code: String, city: String, state: &str) -> Address {
    Address {
        street,
        postcode: Some(code),
        city: Some(city),
        state: Some(state.to_owned()),
        country: Some(country.to_owned()),
    }
}

/// What stands before a state, and the state: the last one to three words of `line`.
fn divided<T>(line: &str, known: impl Fn(&str, &str) -> Option<T>) -> Option<(&str, T)> {
    let line = line.trim_end_matches([' ', ',']);
    let ends = line.char_indices().rev().filter(|(_, c)| matches!(c, ' ' | ',' | '(')).take(3);
    ends.filter_map(|(at, c)| {
        let last = line.get(at + c.len_utf8()..)?.trim_end_matches([')', '.', ',']);
        let found = known(last, &fold(last))?;
        let before = if c == ',' { line.get(..=at)? } else { line.get(..at)?.trim_end() };
        Some((before, found))
    })
    .last()
}

/// The city at the end of what stands before a state, and the street before it.
fn city_and_street(line: &str) -> Option<(String, Option<String>)> {
    let line = clean(line);
    if let Some((street, last)) = line.rsplit_once(',') {
        return Some((city(last)?, Some(clean(street)).filter(|street| is_street(street))));
    }
    if !line.contains(|c: char| c.is_ascii_digit()) {
        return Some((city(&line)?, None));
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let end = words.iter().rposition(|word| STREETS.contains(&fold(word).as_str()))?;
    let (street, rest) = words.split_at_checked(end + 1)?;
    Some((city(&rest.join(" "))?, Some(street.join(" "))))
}
