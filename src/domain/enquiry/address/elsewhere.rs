//! What tells the country of an address elsewhere: the postcodes of Great Britain, `کد پستی`, the letters of a country
//! before a postcode, and words for a street.

use super::{Address, by_postcode, city, city_of, clean, is_street, postcode, street_above, strict};
use crate::domain::enquiry::phone::ascii_digits;
use crate::domain::reading::field_names::fold;

/// Areas of British postcodes (Royal Mail).
const AREAS: &str = "AB AL B BA BB BD BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY E EC EH EN EX FK \
    FY G GL GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY L LA LD LE LL LN LS LU M ME MK ML N NE NG NN NP NR NW OL OX \
    PA PE PH PL PO PR RG RH RM S SA SE SG SK SL SM SN SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA WC WD WF WN WR WS WV \
    YO ZE";

/// Counties that stand between a city and its postcode, but for those that end with `shire`.
const COUNTIES: &str = "kent surrey essex devon cornwall norfolk suffolk sussex westsussex eastsussex somerset dorset cumbria \
    merseyside middlesex westmidlands tyneandwear greaterlondon greatermanchester rutland durham countydurham";

/// Words for a postcode before ten digits, as written in Iran.
const IRANIAN: [&str; 4] = ["کد پستی", "کدپستی", "کد\u{200c}پستی", "كد پستي"];
/// Words of a street there.
const IRANIAN_STREETS: &str = "خیابان خ بلوار بزرگراه کوچه پلاک میدان ساختمان طبقه واحد اتوبان جاده شهرک برج بن خیابون";

/// Letters before a postcode (`D-80331`) and their country.
const PREFIXES: [(&str, &str); 20] = [
    ("D", "DE"),
    ("DE", "DE"),
    ("A", "AT"),
    ("AT", "AT"),
    ("CH", "CH"),
    ("F", "FR"),
    ("FR", "FR"),
    ("B", "BE"),
    ("BE", "BE"),
    ("L", "LU"),
    ("LU", "LU"),
    ("NL", "NL"),
    ("I", "IT"),
    ("IT", "IT"),
    ("E", "ES"),
    ("CZ", "CZ"),
    ("SK", "SK"),
    ("PL", "PL"),
    ("H", "HU"),
    ("P", "PT"),
];

/// A British postcode at the end of a line, the city before it or on the lines above.
pub(super) fn britain(parts: &[String], at: usize, line: &str) -> Option<Address> {
    let line = line.trim_end_matches([',', '.']);
    let place =
        line.len().checked_sub(3).and_then(|inward| line.get(..inward)).filter(|outward| outward.ends_with(' '))?;
    let outward = place.trim_end().rsplit([' ', ',']).next()?;
    let raw = line.get(place.trim_end().len() - outward.len()..)?;
    let area: String = outward.chars().take_while(char::is_ascii_uppercase).collect();
    let code = strict(raw, "GB").filter(|code| code == raw && AREAS.split(' ').any(|known| known == area))?;
    let before = clean(line.get(..line.len() - raw.len())?);
    let (city, street) = if before.is_empty() { town_above(parts, at)? } else { town_before(parts, at, &before)? };
    Some(Address { street, postcode: Some(code), city: Some(city), state: None, country: Some("GB".to_owned()) })
}

fn is_county(text: &str) -> bool {
    let folded = fold(text);
    folded.ends_with("shire") || COUNTIES.split_whitespace().any(|county| county == folded)
}

fn town_before(parts: &[String], at: usize, before: &str) -> Option<(String, Option<String>)> {
    let town = before.rsplit_once(',').filter(|(_, last)| is_county(last)).map_or(before, |(town, _)| town);
    let (city, street) = city_of(town, "");
    Some((city?, Some(street).filter(|street| is_street(street)).or_else(|| street_above(parts, at))))
}

/// The town, a county perhaps below it, on lines of their own below the street.
fn town_above(parts: &[String], at: usize) -> Option<(String, Option<String>)> {
    let towns = (1..=2).map_while(|up| at.checked_sub(up)).filter_map(|town| Some((town, city(parts.get(town)?)?)));
    let mut below_street =
        towns.filter(|(town, _)| town.checked_sub(1).and_then(|up| parts.get(up)).is_some_and(|up| is_street(up)));
    below_street.next().map(|(town, name)| (name, street_above(parts, town)))
}

/// `تهران، خیابان ولیعصر، پلاک ۱۲، کد پستی ۱۵۹۸۷۶۵۴۳۲`, the postcode in the line or below it.
pub(super) fn iran(parts: &[String], at: usize) -> Option<Address> {
    let line = parts.get(at)?;
    let (word, sign) = IRANIAN.iter().find_map(|word| line.find(word).map(|sign| (word, sign)))?;
    let behind = ascii_digits(line.get(sign + word.len()..)?);
    let digits: String = behind
        .trim_start_matches([':', ' ', '：'])
        .chars()
        .take_while(|c| c.is_ascii_digit() || matches!(c, '-' | ' '))
        .filter(char::is_ascii_digit)
        .collect();
    let code = postcode::read(&digits, Some("IR"))?;
    let before = clean(line.get(..sign)?);
    let above = || at.checked_sub(1).and_then(|above| parts.get(above)).cloned().unwrap_or_default();
    let text = if before.is_empty() { above() } else { before };
    let text = text.split_once(':').map_or(text.as_str(), |(_, rest)| rest);
    let of_street =
        |part: &str| part.split_whitespace().any(|word| IRANIAN_STREETS.split(' ').any(|known| known == word));
    let named: Vec<String> =
        text.split(['،', ',', '-', '–']).map(clean).filter(|part| !part.is_empty() && part != "ایران").collect();
    let (mut state, mut town, mut street) = (None, None, Vec::new());
    for part in named {
        match part.strip_prefix("استان ") {
            Some(province) => state = Some(province.to_owned()),
            None if town.is_none() && street.is_empty() && !of_street(&part) && city(&part).is_some() => {
                town = Some(part.strip_prefix("شهر ").unwrap_or(&part).to_owned());
            }
            None => street.push(part),
        }
    }
    let street = Some(street.join("، ")).filter(|street| !street.is_empty());
    Some(Address { street, postcode: Some(code), city: Some(town?), state, country: Some("IR".to_owned()) })
}

/// `D-80331 München`.
pub(super) fn prefixed(parts: &[String], at: usize, line: &str) -> Option<Address> {
    let place = line.split([' ', ',']).find_map(|word| {
        let (letters, digits) = word.split_once('-')?;
        let digits = digits.get(..3).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        PREFIXES.iter().find(|(prefix, _)| *prefix == letters && digits.is_some()).map(|(_, place)| *place)
    })?;
    by_postcode(parts, at, line, place)
}

/// The country that words for a street fit, when it is no country of `region`'s language.
pub(super) fn by_street(parts: &[String], region: Option<&str>) -> Option<&'static str> {
    parts.iter().filter(|part| is_street(part)).find_map(|part| {
        let words: Vec<String> = part.split([' ', ',']).map(fold).filter(|word| !word.is_empty()).collect();
        let ends = |end: &str| words.iter().any(|word| word.ends_with(end) && word.len() > end.len() + 1);
        let has = |list: &str| words.iter().any(|word| list.split(' ').any(|known| known == word));
        let lower = part.to_lowercase();
        let (homes, place): (&[&str], _) =
            if ends("strasse") || ends("str") || ends("gasse") || ends("platz") || ends("weg") {
                (&["DE", "AT", "CH", "LI", "LU", "BE", "IT"], german(parts, &lower))
            } else if has("rue bd boulevard chemin impasse quai faubourg") {
                (&["FR", "BE", "CH", "LU", "CA", "MC", "MA", "DZ", "TN"], five(parts, |_| "FR"))
            } else if has("ulice namesti nam trida nabrezi ulica namestie") {
                (&["CZ", "SK"], five(parts, |first| if matches!(first, '0' | '8' | '9') { "SK" } else { "CZ" }))
            } else {
                return None;
            };
        place.filter(|_| region.is_none_or(|region| !homes.contains(&region)))
    })
}

/// Five digits are German; of four, `ß` and lanes are Austrian, and `strasse` is Swiss.
fn german(parts: &[String], street: &str) -> Option<&'static str> {
    five(parts, |_| "DE").or_else(|| match () {
        () if street.contains('ß') || street.contains("gasse") => Some("AT"),
        () if street.contains("strasse") => Some("CH"),
        () => None,
    })
}

/// The country for a postcode of five digits, by its first one.
fn five(parts: &[String], place: impl Fn(char) -> &'static str) -> Option<&'static str> {
    let words = parts.iter().flat_map(|part| {
        part.split([' ', ',']).collect::<Vec<_>>().windows(2).map(<[&str]>::concat).collect::<Vec<_>>()
    });
    let codes = parts.iter().flat_map(|part| part.split([' ', ','])).map(str::to_owned).chain(words);
    let found = codes.into_iter().find(|word| word.len() == 5 && word.bytes().all(|b| b.is_ascii_digit()))?;
    found.chars().next().map(place)
}
