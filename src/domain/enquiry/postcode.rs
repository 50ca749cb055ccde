//! Postcodes: one spelling a country, and the French department they lie in.

use super::phone::ascii_digits;

/// Patterns by country: `9` a digit, `A` a letter, a space where people write one.
const PATTERNS: [(&str, &[&str]); 24] = [
    ("FR", &["99999"]),
    ("CZ", &["999 99"]),
    ("SK", &["999 99"]),
    ("DE", &["99999"]),
    ("AT", &["9999"]),
    ("CH", &["9999"]),
    ("BE", &["9999"]),
    ("LU", &["9999"]),
    ("NL", &["9999 AA"]),
    ("IT", &["99999"]),
    ("ES", &["99999"]),
    ("PT", &["9999-999"]),
    ("PL", &["99-999"]),
    ("HU", &["9999"]),
    ("RO", &["999999"]),
    ("SE", &["999 99"]),
    ("DK", &["9999"]),
    ("NO", &["9999"]),
    ("FI", &["99999"]),
    ("IR", &["99999-99999"]),
    ("US", &["99999", "99999-9999"]),
    ("CA", &["A9A 9A9"]),
    ("TR", &["99999"]),
    ("GB", &["A9 9AA", "A99 9AA", "AA9 9AA", "AA99 9AA", "A9A 9AA", "AA9A 9AA"]),
];

/// The postcode in its country's spelling; as written (upper case, one space) when the country is unknown.
/// `None` when it does not fit the country.
pub fn read(raw: &str, country: Option<&str>) -> Option<String> {
    let upper = ascii_digits(raw).to_uppercase();
    let bare: String = upper.chars().filter(char::is_ascii_alphanumeric).collect();
    if bare.len() < 3 || bare.len() > 12 {
        return None;
    }
    let Some((code, patterns)) = country.and_then(|c| PATTERNS.iter().find(|(code, _)| *code == c)) else {
        return Some(crate::domain::reading::text::one_line(&upper, 16));
    };
    // `F-75011`, `CZ-110 00`
    let bare = bare
        .strip_prefix(code)
        .or_else(|| bare.strip_prefix(code.get(..1)?))
        .filter(|b| b.len() > 3 && *code != "GB" && *code != "CA")
        .unwrap_or(&bare);
    patterns.iter().find_map(|pattern| fit(bare, pattern))
}

fn fit(bare: &str, pattern: &str) -> Option<String> {
    let mut out = String::with_capacity(pattern.len());
    let mut input = bare.chars();
    for slot in pattern.chars() {
        match slot {
            '9' => out.push(input.next().filter(char::is_ascii_digit)?),
            'A' => out.push(input.next().filter(char::is_ascii_alphabetic)?),
            other => out.push(other),
        }
    }
    input.next().is_none().then_some(out)
}

/// The French department of a postcode: `75`, `2A`, `974`. Corsica is told apart at 202.
pub fn department(postcode: &str) -> Option<String> {
    let digits: String = postcode.chars().filter(char::is_ascii_digit).collect();
    if digits.len() != 5 {
        return None;
    }
    let two = digits.get(..2)?;
    Some(match two {
        "20" if digits.as_str() < "20200" => "2A".to_owned(),
        "20" => "2B".to_owned(),
        "97" | "98" => digits.get(..3)?.to_owned(),
        "00" => return None,
        other => other.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postcodes_get_their_countrys_spelling() {
        for (raw, country, expected) in [
            ("11000", "CZ", Some("110 00")),
            ("CZ-110 00", "CZ", Some("110 00")),
            ("F-75011", "FR", Some("75011")),
            ("sw1a1aa", "GB", Some("SW1A 1AA")),
            ("۱۲۳۴۵۶۷۸۹۰", "IR", Some("12345-67890")),
            ("123", "FR", None),
        ] {
            let read_once = read(raw, Some(country));
            assert_eq!(read_once.as_deref(), expected, "{raw}");
            if let Some(once) = read_once {
                assert_eq!(read(&once, Some(country)), Some(once), "twice {raw}");
            }
        }
        assert_eq!(department("20167").as_deref(), Some("2A"));
        assert_eq!(department("97400").as_deref(), Some("974"));
        assert_eq!(department("75011").as_deref(), Some("75"));
    }
}
