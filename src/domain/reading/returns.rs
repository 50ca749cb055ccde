//! When somebody who is out of office says to be back: the day that an automatic answer names.
//!
//! Only a day beside a word of return or of end counts ("back on 3 May", "bis 3. Mai", "do 3. května", «تا ۱۳ اردیبهشت»): any
//! other day may be that of departure. Work is bounded by the words looked at.

use jiff::civil::Date;

use super::body::cut;
use super::budget;
use super::field_names::fold;
use crate::clock::Timestamp;
use crate::domain::enquiry::phone::ascii_digits;

/// Words of an answer looked at.
const WORDS: usize = 400;
/// Words between a cue and its day.
const NEAR: usize = 5;
/// The longest absence believed, in days.
const LONGEST: i32 = 400;

/// Beginnings of words of return, folded.
const BACK: [&str; 38] = [
    "back",
    "return",
    "retour",
    "reviens",
    "reviendr",
    "rentr",
    "reprise",
    "wieder",
    "zuruck",
    "ruckkehr",
    "vuelv",
    "volver",
    "vuelta",
    "regres",
    "reincorpor",
    "ritorn",
    "rientr",
    "torn",
    "volt",
    "terug",
    "zpet",
    "vrat",
    "spat",
    "wroc",
    "wrac",
    "powrot",
    "tillbaka",
    "ater",
    "tilbake",
    "tilbage",
    "takaisin",
    "palaa",
    "verne",
    "повер",
    "дон",
    "بازگشت",
    "برمیگرد",
    "عوده",
];
/// Words of an end, folded and whole.
const UNTIL: [&str; 34] = [
    "until",
    "till",
    "through",
    "thru",
    "to",
    "including",
    "jusquau",
    "jusqua",
    "au",
    "inclus",
    "bis",
    "einschliesslich",
    "hasta",
    "al",
    "fino",
    "fin",
    "ate",
    "tot",
    "tm",
    "totenmet",
    "do",
    "az",
    "vcetne",
    "til",
    "tils",
    "till",
    "med",
    "до",
    "по",
    "asti",
    "تا",
    "حتی",
    "الی",
    "kadar",
];
/// Words of a beginning, folded and whole: the day behind them is no return unless a word of return stands there too.
const FROM: [&str; 16] = [
    "from", "since", "starting", "du", "depuis", "vom", "von", "seit", "desde", "del", "dal", "od", "fran", "fra", "с",
    "از",
];

/// Names of months by the beginnings that tell them, folded; Gregorian 1-12.
const MONTHS: [(i8, &[&str]); 12] = [
    (1, &["jan", "genn", "ener", "led", "stycz", "tammi", "янв", "січ", "ocak", "ianuar", "ژانویه", "ینایر", "يناير"]),
    (2, &["feb", "fev", "unor", "luty", "lutego", "helmi", "фев", "лют", "subat", "fevrier", "فوریه", "فبرایر"]),
    (3, &["mar", "maar", "brez", "maalis", "маp", "мар", "берез", "مارس"]),
    (4, &["apr", "avr", "abr", "dub", "kwie", "huhti", "апр", "квіт", "nisan", "آوریل", "اوریل", "ابریل"]),
    (5, &["may", "mai", "maj", "maggio", "mag", "mei", "kvet", "touko", "мая", "май", "трав", "مه", "مایو"]),
    (6, &["jun", "juin", "giu", "cervn", "cerven", "czerw", "kesa", "июн", "черв", "haziran", "iun", "ژوئن", "یونیو"]),
    (7, &["jul", "juil", "lug", "cervenc", "lip", "heina", "июл", "temmuz", "iul", "ژوئیه", "یولیو"]),
    (8, &["aug", "aou", "ago", "srp", "sierp", "elo", "авг", "серп", "agust", "اوت", "اگوست", "اغسطس"]),
    (9, &["sep", "set", "zari", "wrze", "syys", "сен", "верес", "eylul", "سپتامبر", "سبتمبر"]),
    (10, &["oct", "okt", "out", "ott", "rij", "pazdz", "loka", "окт", "жовт", "ekim", "اکتبر", "اکتوبر"]),
    (11, &["nov", "listop", "marras", "ноя", "листоп", "kasim", "نوامبر", "نوفمبر"]),
    (12, &["dec", "dez", "dic", "pros", "grud", "joulu", "дек", "груд", "aralik", "دسامبر", "دیسمبر"]),
];
/// Months of the Solar Hijri calendar, folded.
const HIJRI: [&str; 12] =
    ["فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور", "مهر", "ابان", "اذر", "دی", "بهمن", "اسفند"];

/// A day with the words it takes.
struct Named {
    at: usize,
    behind: usize,
    date: Date,
}

/// The day a mail was written by its writer's own clock, else that of its arrival. `date`: RFC 3339.
pub fn written_on(date: Option<&str>, received: Timestamp) -> Option<Date> {
    let own = date.and_then(|date| date.get(..10)).and_then(|day| day.parse().ok());
    let arrived = || {
        let moment = jiff::Timestamp::from_second(received.seconds()).ok()?;
        Some(moment.to_zoned(jiff::tz::TimeZone::UTC).date())
    };
    own.or_else(arrived)
}

/// The day somebody is back, or away until. `sent`: when the answer was written.
pub fn returns_on(text: &str, sent: Date) -> Option<Date> {
    let text = ascii_digits(cut(text, 6_000)).replace(['–', '—'], " - ");
    let words: Vec<&str> = text.split_whitespace().take(WORDS).collect();
    let folded: Vec<String> = words.iter().map(|word| fold(word)).collect();
    let mut best: Option<(u8, Date)> = None;
    let mut at = 0;
    let mut before = 0;
    while at < words.len() && budget::pay(20) {
        let Some(found) = named(&words, &folded, at, sent) else {
            at += 1;
            continue;
        };
        let sure = cue(&words, &folded, &found, before);
        before = found.behind;
        at = found.behind;
        if sure > 0 && best.is_none_or(|(known, day)| sure > known || sure == known && found.date > day) {
            best = Some((sure, found.date));
        }
    }
    best.map(|(_, date)| date)
}

/// How surely the words around a day make it one of return.
fn cue(words: &[&str], folded: &[String], found: &Named, before: usize) -> u8 {
    let start = found.at.saturating_sub(NEAR).max(before);
    let near = folded.get(start..found.at).unwrap_or_default();
    let ended = |word: &&str| word.ends_with(['.', '!', '?']) && word.len() > 4;
    let behind = (found.behind..).zip(words.iter().skip(found.behind)).take(3).take_while(|(_, word)| !ended(word));
    let is_back = |word: &String| BACK.iter().any(|start| word.starts_with(start));
    if near.iter().any(is_back) || behind.filter_map(|(index, _)| folded.get(index)).any(is_back) {
        return 3;
    }
    let last = near.iter().rev().find(|word| UNTIL.contains(&word.as_str()) || FROM.contains(&word.as_str()));
    // `3.5. - 10.5.`: the second of two days.
    let dash = words.get(start..found.at).is_some_and(|w| w == ["-"]) && start > 0;
    u8::from(dash || last.is_some_and(|word| UNTIL.contains(&word.as_str()))) * 2
}

fn named(words: &[&str], folded: &[String], at: usize, sent: Date) -> Option<Named> {
    let (date, length) = by_figures(words, at, sent).or_else(|| by_name(words, folded, at, sent))?;
    let away = date.since(sent).ok()?.get_days();
    (-1..=LONGEST).contains(&away).then_some(Named { at, behind: at + length, date })
}

/// `2025-05-03`, `3.5.2025`, `3/5`, `3. 5.`, `1404/02/13`.
fn by_figures(words: &[&str], at: usize, sent: Date) -> Option<(Date, usize)> {
    let word = words.get(at)?.trim_matches(|c: char| !c.is_ascii_digit() && c != '.');
    let mut taken = 1;
    let mut joined = word.to_owned();
    // Czech and German writers put spaces behind the points.
    while taken < 3 && joined.ends_with('.') && joined.matches('.').count() == taken {
        let next = words.get(at + taken).map_or("", |next| next.trim_end_matches([',', ';', ')']));
        if !next.starts_with(|c: char| c.is_ascii_digit()) {
            break;
        }
        joined.push_str(next);
        taken += 1;
    }
    let separator = joined.chars().find(|c| !c.is_ascii_digit()).filter(|c| matches!(c, '.' | '/' | '-'))?;
    let parts: Vec<&str> = joined.trim_end_matches('.').split(separator).filter(|p| !p.is_empty()).take(4).collect();
    let numbers: Vec<i16> = parts.iter().filter_map(|part| part.parse().ok()).collect();
    if numbers.len() != parts.len() {
        return None;
    }
    let date = match *numbers.as_slice() {
        [year, month, day] if year > 1900 => Date::new(year, small(month)?, small(day)?).ok()?,
        [year, month, day] if (1300..1500).contains(&year) => hijri(year, small(month)?, small(day)?)?,
        [a, b, year] => either(a, b, Some(full_year(year)), separator, sent)?,
        [a, b] if separator != '-' => either(a, b, None, separator, sent)?,
        _ => return None,
    };
    Some((date, taken))
}

/// Day and month; with a slash also month and day, when only that can be or only that lies soon ahead.
fn either(a: i16, b: i16, year: Option<i16>, separator: char, sent: Date) -> Option<Date> {
    let of = |day: i16, month: i16| dated(small(day)?, small(month)?, year, sent);
    let (usual, other) = (of(a, b), of(b, a).filter(|_| separator == '/'));
    let soon = |date: &Date| date.since(sent).is_ok_and(|span| (0..=60).contains(&span.get_days()));
    match (usual, other) {
        (Some(usual), Some(other)) if !soon(&usual) && soon(&other) => Some(other),
        (usual, other) => usual.or(other),
    }
}

/// `3 May 2025`, `May 3rd`, `3. května`, `1er juin`, `3 de mayo`.
fn by_name(words: &[&str], folded: &[String], at: usize, sent: Date) -> Option<(Date, usize)> {
    let number = |index: usize| {
        let word = words.get(index)?.trim_start_matches(['(', '"']);
        let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
        let rest = word.get(digits.len()..)?.trim_end_matches(['.', ',', ';', ')', ':']).to_lowercase();
        let plain = ["", "st", "nd", "rd", "th", "er", "e", "ª", "º", "o", "-го", "го"].contains(&rest.as_str());
        digits.parse::<i16>().ok().filter(|_| plain)
    };
    let (day, month, mut taken) = if let Some(day) = number(at) {
        let gap = usize::from(folded.get(at + 1).is_some_and(|w| matches!(w.as_str(), "de" | "di" | "of")));
        (day, folded.get(at + 1 + gap)?, 2 + gap)
    } else {
        (number(at + 1)?, folded.get(at)?, 2)
    };
    let skip = usize::from(folded.get(at + taken).is_some_and(|w| matches!(w.as_str(), "de" | "del")));
    let year = number(at + taken + skip).filter(|year| (1300..2200).contains(year));
    if year.is_some() {
        taken += 1 + skip;
    }
    if let Some(index) = HIJRI.iter().position(|name| month == name) {
        let month = i8::try_from(index + 1).ok()?;
        let this = hijri_year(sent);
        let date = match year {
            Some(year) => hijri(year, month, small(day)?),
            None => [this, this + 1]
                .into_iter()
                .filter_map(|y| hijri(y, month, small(day).unwrap_or(0)))
                .find(|d| *d >= sent),
        };
        return Some((date?, taken));
    }
    // The longest beginning wins: `cervenec` is not `cerven`.
    let known = MONTHS.iter().flat_map(|(number, starts)| starts.iter().map(move |start| (*number, *start)));
    let (month, _) = known.filter(|(_, start)| month.starts_with(start)).max_by_key(|(_, start)| start.len())?;
    Some((dated(small(day)?, month, year, sent)?, taken))
}

fn small(number: i16) -> Option<i8> {
    i8::try_from(number).ok()
}

const fn full_year(year: i16) -> i16 {
    if year < 100 { year + 2000 } else { year }
}

/// A day; without a year the next one of its name.
fn dated(day: i8, month: i8, year: Option<i16>, sent: Date) -> Option<Date> {
    if let Some(year) = year {
        return Date::new(year, month, day).ok();
    }
    let this = Date::new(sent.year(), month, day).ok();
    this.filter(|date| *date >= sent).or_else(|| Date::new(sent.year() + 1, month, day).ok())
}

/// The Solar Hijri year at a Gregorian day, as a lower bound.
fn hijri_year(sent: Date) -> i16 {
    let year = sent.year() - 621;
    if hijri(year, 1, 1).is_some_and(|new_year| sent >= new_year) { year } else { year - 1 }
}

/// A day of the Solar Hijri calendar by the 33-year cycle of leap years, which holds for this century and the last.
pub(in crate::domain) fn hijri(year: i16, month: i8, day: i8) -> Option<Date> {
    if !(1300..1500).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let leaps = |year: i32| (0..year.rem_euclid(33)).filter(|y| [1, 5, 9, 13, 17, 22, 26, 30].contains(y)).count();
    let years = i32::from(year) - 1300;
    let cycles = |year: i32| year.div_euclid(33) * 8 + i32::try_from(leaps(year)).unwrap_or(0);
    let leap_days = cycles(i32::from(year)) - cycles(1300);
    let months = i32::from(month) - 1;
    let days = years * 365 + leap_days + months * 31 - (months - 6).max(0) + i32::from(day) - 1;
    // 1 Farvardin 1300 was 21 March 1921.
    Date::new(1921, 3, 21).ok()?.checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Option<String> {
        returns_on(text, Date::new(2025, 3, 10).unwrap()).map(|date| date.to_string())
    }

    #[test]
    fn the_day_of_return_is_found_in_many_languages() {
        for (text, wanted) in [
            ("I am out of the office and will be back on 24 March.", "2025-03-24"),
            ("I am away from 12 March to 20 March 2025.", "2025-03-20"),
            ("Returning Monday, March 31st, 2025. Call Ann.", "2025-03-31"),
            ("I will return on 4/15/2025.", "2025-04-15"),
            ("Je suis absent jusqu'au 21 mars inclus.", "2025-03-21"),
            ("De retour le 1er avril", "2025-04-01"),
            ("Absent du 12/03 au 28/03/2025", "2025-03-28"),
            ("Ich bin vom 11.03. bis 19.03.2025 nicht im Büro.", "2025-03-19"),
            ("Ab dem 2. April bin ich wieder erreichbar.", "2025-04-02"),
            ("Jsem mimo kancelář do 17. 3. 2025.", "2025-03-17"),
            ("Vrátím se 5. května", "2025-05-05"),
            ("Jestem na urlopie, wracam 7 kwietnia", "2025-04-07"),
            ("Vuelvo el 3 de abril de 2025", "2025-04-03"),
            ("Sarò assente fino al 30 marzo", "2025-03-30"),
            ("Tot 18 maart ben ik afwezig", "2025-03-18"),
            ("تا ۱۵ فروردین ۱۴۰۴ در دفتر نیستم", "2025-04-04"),
            ("12.3. - 14.3. dovolená", "2025-03-14"),
            ("Back: 2025-03-22", "2025-03-22"),
        ] {
            assert_eq!(day(text).as_deref(), Some(wanted), "{text}");
        }
    }

    #[test]
    fn other_days_are_no_return() {
        for text in [
            "I have been away since 3 March.",
            "Our fair is on 4 May 2025.",
            "Back in 1999-01-02",
            "Call 12.34.56.78",
            "to 99/99/9999",
            "until further notice",
            "",
        ] {
            assert_eq!(day(text), None, "{text}");
        }
    }

    #[test]
    fn the_persian_calendar_is_known() {
        for (hijri_day, wanted) in [
            ((1404, 1, 1), "2025-03-21"),
            ((1403, 12, 30), "2025-03-20"),
            ((1402, 7, 1), "2023-09-23"),
            ((1400, 1, 1), "2021-03-21"),
        ] {
            let (year, month, day) = hijri_day;
            assert_eq!(hijri(year, month, day).unwrap().to_string(), wanted);
        }
    }
}
