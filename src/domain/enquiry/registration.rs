//! Registration numbers of companies: found by what is written before them, believed when their check digits agree.
//!
//! Checked: Czech and Slovak IČO (weighted, modulo 11), French SIREN and SIRET (Luhn), VAT numbers of FR (key of the
//! SIREN), DE (ISO 7064 MOD 11,10), BE (modulo 97), CZ and SK (of the IČO), NL, AT, IT, PL, GB, ES and CH (their national
//! rules), the Iranian number of companies; others by their form.

mod national;

use std::fmt;

/// Longest number with its marks, in characters.
const LONGEST: usize = 24;

/// Words, folded, that stand before a number.
const LABELS: [&str; 24] = [
    "ico",
    "ic",
    "dic",
    "icdph",
    "siret",
    "siren",
    "tva",
    "tvaintracommunautaire",
    "ntva",
    "ustid",
    "ustidnr",
    "ustidnummer",
    "uid",
    "vat",
    "vatno",
    "vatnumber",
    "vatid",
    "btw",
    "btwnr",
    "piva",
    "partitaiva",
    "nip",
    "شناسهملی",
    "شناسهملیشرکت",
];

/// The numbers in a line of text that carry a label and are right, without blanks and marks.
pub fn find(line: &str) -> Vec<String> {
    let words: Vec<&str> =
        line.split([' ', ':', '\u{a0}', ',', ';', '|', '(', ')']).filter(|w| !w.is_empty()).take(60).collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let labelled = (1..=3).rev().find(|&length| {
            let label: String = words.get(at..at + length).unwrap_or_default().concat();
            LABELS.contains(&crate::domain::reading::field_names::fold(&label).as_str())
        });
        let Some(length) = labelled else {
            at += 1;
            continue;
        };
        at += length;
        if let Some((number, used)) = (1..=6).rev().find_map(|length| {
            let joined = words.get(at..at + length)?.concat();
            checked(&joined).map(|number| (number, length))
        }) {
            found.push(number);
            at += used;
        }
    }
    found
}

/// The number without its marks when it is right.
pub fn checked(raw: &str) -> Option<String> {
    if raw.chars().count() > LONGEST {
        return None;
    }
    let bare: String = super::phone::ascii_digits(raw)
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .collect();
    let number = digits(&bare);
    let right = match (bare.get(..2), number.as_deref()) {
        (_, Some(n)) if n.len() == 8 => ico(n),
        (_, Some(n)) if n.len() == 9 => luhn(n),
        (_, Some(n)) if n.len() == 14 => luhn(n) || post(n),
        (_, Some(n)) if n.len() == 10 => polish(n),
        (_, Some(n)) if n.len() == 11 => luhn(n) || national::iranian(n),
        (Some(country), None) => vat(country, bare.get(2..)?),
        _ => false,
    };
    right.then_some(bare)
}

/// A company's entry in the register of a country, however its number is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Registered {
    /// Letters of the country.
    country: String,
    /// Digits of the company itself: of an establishment or of a tax number those that it has in common with the register.
    number: String,
}

impl fmt::Display for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.country, self.number)
    }
}

/// Whose number it is; `None` for one that is not right. A number without letters is of the country whose form it has.
#[must_use]
pub fn registered(raw: &str) -> Option<Registered> {
    let bare = checked(raw).or_else(|| find(raw).into_iter().next())?;
    let (country, number) = match bare.len() {
        8 if digits(&bare).is_some() => ("CZ", bare.as_str()),
        9 if digits(&bare).is_some() => ("FR", bare.as_str()),
        14 if digits(&bare).is_some() => ("FR", bare.get(..9)?),
        10 if digits(&bare).is_some() => ("PL", bare.as_str()),
        // The digits of one country may be right in the other one by chance.
        11 if digits(&bare).is_some() => match (luhn(&bare), national::iranian(&bare)) {
            (true, false) => ("IT", bare.as_str()),
            (false, true) => ("IR", bare.as_str()),
            _ => return None,
        },
        _ => bare.split_at_checked(2)?,
    };
    // A French tax number is a key of two signs and the number of the register.
    let number = if country == "FR" { number.get(number.len().saturating_sub(9)..)? } else { number };
    Some(Registered { country: country.to_owned(), number: number.to_owned() })
}

/// Numbers of one kind in one register, and none in common: two companies.
#[must_use]
pub fn are_two(a: &[Registered], b: &[Registered]) -> bool {
    let comparable = |a: &Registered, b: &Registered| a.country == b.country && a.number.len() == b.number.len();
    let pairs = || a.iter().flat_map(|a| b.iter().map(move |b| (a, b)));
    pairs().any(|(a, b)| comparable(a, b)) && !pairs().any(|(a, b)| a == b)
}

fn digits(text: &str) -> Option<String> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.to_owned())
}

fn values(text: &str) -> Vec<u32> {
    text.chars().filter_map(|c| c.to_digit(10)).collect()
}

fn weighted(values: &[u32], weights: &[u32]) -> u32 {
    values.iter().zip(weights).map(|(value, weight)| value * weight).sum()
}

/// Czech IČO: eight digits, weights 8 to 2, the last one the check digit.
fn ico(text: &str) -> bool {
    let values = values(text);
    let sum = weighted(&values, &[8, 7, 6, 5, 4, 3, 2]);
    let check = (11 - sum % 11) % 10;
    values.len() == 8 && values.last() == Some(&check) && sum > 0
}

/// The Luhn formula (ISO/IEC 7812-1).
fn luhn(text: &str) -> bool {
    let sum: u32 = values(text)
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| match (place % 2, digit * 2) {
            (0, _) => digit,
            (_, twice) => twice / 10 + twice % 10,
        })
        .sum();
    sum > 0 && sum.is_multiple_of(10)
}

/// The French post, whose establishments have the sum of all digits as their check.
fn post(text: &str) -> bool {
    text.starts_with("356000000") && values(text).iter().sum::<u32>().is_multiple_of(5)
}

/// Polish NIP.
fn polish(text: &str) -> bool {
    let values = values(text);
    let sum = weighted(&values, &[6, 5, 7, 2, 3, 4, 5, 6, 7]);
    values.len() == 10 && values.last() == Some(&(sum % 11)) && sum > 0
}

/// A VAT number behind the letters of its country.
fn vat(country: &str, rest: &str) -> bool {
    let number = |length: usize| digits(rest).filter(|n| n.len() == length);
    match country {
        "FR" => {
            let (key, siren) = rest.split_at_checked(2).unwrap_or_default();
            let rule = || Some((12 + 3 * (siren.parse::<u64>().ok()? % 97)) % 97 == key.parse::<u64>().ok()?);
            siren.len() == 9 && luhn(siren) && (digits(key).is_none() || rule().unwrap_or(false))
        }
        "DE" => number(9).is_some_and(|n| mod_11_10(&n)),
        "BE" => number(10).and_then(|n| n.parse::<u64>().ok()).is_some_and(|n| n > 0 && 97 - n / 100 % 97 == n % 100),
        "CZ" => number(8).is_some_and(|n| ico(&n)) || digits(rest).is_some_and(|n| matches!(n.len(), 9 | 10)),
        "SK" => number(10).and_then(|n| n.parse::<u64>().ok()).is_some_and(|n| n % 11 == 0 && n > 0),
        "IT" => number(11).is_some_and(|n| luhn(&n)),
        "PL" => number(10).is_some_and(|n| polish(&n)),
        "AT" => national::austrian(rest),
        "NL" => national::dutch(rest),
        "GB" | "XI" => national::british(rest),
        "ES" => national::spanish(rest),
        "CH" => national::swiss(rest),
        "PT" | "LU" | "IE" | "DK" | "SE" | "FI" | "HU" | "RO" | "BG" | "HR" | "SI" | "EE" | "LV" | "LT" | "EL"
        | "CY" | "MT" => (8..=12).contains(&rest.len()) && rest.bytes().filter(u8::is_ascii_digit).count() >= 7,
        _ => false,
    }
}

/// ISO 7064 MOD 11,10.
fn mod_11_10(text: &str) -> bool {
    let values = values(text);
    let Some((last, body)) = values.split_last() else { return false };
    let product = body.iter().fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        2 * (if sum == 0 { 10 } else { sum }) % 11
    });
    (11 - product) % 10 == *last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_right_digits_are_taken() {
        for number in [
            "25596641",
            "732829320",
            "73282932000074",
            "FR44732829320",
            "DE136695976",
            "BE0428759497",
            "IT07643520567",
            "PL8567346215",
            "ATU13585627",
            "10380284790",
            "35600000000048",
            "35600000049837",
        ] {
            assert_eq!(checked(number).as_deref(), Some(number));
        }
        for number in [
            "25596642",
            "732829321",
            "FR45732829320",
            "DE136695977",
            "BE0428759498",
            "00000000",
            "",
            "XX12345678",
            "12",
        ] {
            assert_eq!(checked(number), None, "{number}");
        }
    }

    #[test]
    fn one_company_has_one_entry_however_its_number_is_written() {
        for (ways, wanted) in [
            (&["25596641", "CZ25596641", "255 96 641", "IČO: 25596641"][..], "CZ25596641"),
            (&["732829320", "732 829 320 00074", "FR44732829320", "SIRET 732 829 320 00074"][..], "FR732829320"),
            (&["8567346215", "PL8567346215"][..], "PL8567346215"),
            (&["DE136695976"][..], "DE136695976"),
            (&["10380284790", "شناسه ملی: ۱۰۳۸۰۲۸۴۷۹۰"][..], "IR10380284790"),
        ] {
            for way in ways {
                assert_eq!(registered(way).map(|entry| entry.to_string()).as_deref(), Some(wanted), "{way}");
            }
        }
        assert_eq!(registered("25596642"), None);
        let of = |numbers: &[&str]| numbers.iter().filter_map(|n| registered(n)).collect::<Vec<_>>();
        assert!(are_two(&of(&["25596641"]), &of(&["CZ27082440"])));
        assert!(!are_two(&of(&["25596641", "DE136695976"]), &of(&["CZ25596641"])));
        assert!(!are_two(&of(&["25596641"]), &of(&["DE136695976"])), "two registers");
        assert!(!are_two(&of(&["25596641"]), &of(&["CZ699001237"])), "a number of a group beside its own");
        assert!(!are_two(&of(&[]), &of(&["25596641"])));
    }

    #[test]
    fn a_number_is_found_behind_its_label() {
        assert_eq!(find("IČO: 255 96 641, DIČ: CZ25596641"), ["25596641", "CZ25596641"]);
        assert_eq!(find("SIRET 732 829 320 00074 - TVA FR 44 732829320"), ["73282932000074", "FR44732829320"]);
        assert_eq!(find("USt-IdNr.: DE 136 695 976"), ["DE136695976"]);
        assert!(find("Order 25596641, please").is_empty());
        assert!(find("").is_empty());
    }
}
