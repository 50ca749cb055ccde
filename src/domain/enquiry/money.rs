//! Amounts of money as people write them, in the smallest unit of their currency.

use super::Money;
use super::phone::ascii_digits;

/// Signs and words that name a currency, lower case; longer ones first.
const CURRENCIES: [(&str, &str); 24] = [
    ("eur", "EUR"),
    ("€", "EUR"),
    ("czk", "CZK"),
    ("kč", "CZK"),
    ("kc", "CZK"),
    ("usd", "USD"),
    ("us$", "USD"),
    ("gbp", "GBP"),
    ("£", "GBP"),
    ("chf", "CHF"),
    ("pln", "PLN"),
    ("zł", "PLN"),
    ("huf", "HUF"),
    ("sek", "SEK"),
    ("dkk", "DKK"),
    ("nok", "NOK"),
    ("irr", "IRR"),
    ("ریال", "IRR"),
    ("cad", "CAD"),
    ("jpy", "JPY"),
    ("¥", "JPY"),
    ("inr", "INR"),
    ("try", "TRY"),
    ("$", "USD"),
];

/// Reads the first amount: `12 500,50 €`, `1,250.00`, `10k EUR`. Of a range the lower end. `None` without a number.
pub fn read(raw: &str) -> Option<Money> {
    let text = ascii_digits(raw).to_lowercase();
    let currency = CURRENCIES.iter().find(|(word, _)| text.contains(word)).map(|(_, code)| (*code).to_owned());
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let tail = text.get(start..)?;
    let number: String = tail
        .chars()
        .take_while(|c| c.is_ascii_digit() || ".,' \u{a0}\u{202f}’٬".contains(*c))
        .filter(|c| c.is_ascii_digit() || matches!(c, '.' | ','))
        .take(24)
        .collect();
    let after = tail.trim_start_matches(|c: char| c.is_ascii_digit() || ".,' \u{a0}\u{202f}’٬".contains(c));
    let minor = minor_units(number.trim_end_matches(['.', ',']))?;
    let factor = match after.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default() {
        "k" | "tis" | "keur" => 1_000,
        "m" | "mio" | "million" | "millions" | "milion" => 1_000_000,
        _ => 1,
    };
    Some(Money { minor: minor.checked_mul(factor)?, currency })
}

/// Whether the amount that is read is all that the text says: no range, no words beside a currency.
pub fn says_it_all(raw: &str) -> bool {
    let text = ascii_digits(raw).to_lowercase();
    let groups = text.split(|c: char| !(c.is_ascii_digit() || ".,' \u{a0}\u{202f}’٬".contains(c)));
    let numbers = groups.filter(|group| group.contains(|c: char| c.is_ascii_digit())).count();
    let plain = |word: &str| {
        matches!(word, "k" | "tis" | "keur" | "m" | "mio" | "million" | "millions" | "milion" | "euro" | "euros")
            || CURRENCIES.iter().any(|(name, _)| *name == word)
    };
    let mut words = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    numbers == 1 && words.all(plain) && read(raw).is_some()
}

/// Digits with `.` and `,` in any convention: the last mark is decimal when one or two digits follow it and it is
/// the only one of its kind.
fn minor_units(number: &str) -> Option<i64> {
    let last = number.rfind(['.', ',']);
    let decimals = last.and_then(|at| {
        let mark = number.get(at..=at)?;
        let digits = number.get(at + 1..)?;
        let alone = number.matches(mark).count() == 1;
        (alone && (1..=2).contains(&digits.len())).then_some((at, digits))
    });
    let whole = decimals.map_or(number, |(at, _)| number.get(..at).unwrap_or(number)).replace(['.', ','], "");
    let cents: i64 = match decimals.map(|(_, digits)| digits) {
        Some(one) if one.len() == 1 => one.parse::<i64>().ok()?.checked_mul(10)?,
        Some(two) => two.parse().ok()?,
        None => 0,
    };
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    whole.checked_mul(100)?.checked_add(cents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_in_any_convention_are_read() {
        for (raw, minor, currency) in [
            ("12 500,50 €", 1_250_050, Some("EUR")),
            ("1,250.00 USD", 125_000, Some("USD")),
            ("1.250.000 Kč", 125_000_000, Some("CZK")),
            ("10k EUR", 1_000_000, Some("EUR")),
            ("5000-10000", 500_000, None),
            ("1'000 CHF", 100_000, Some("CHF")),
            ("۱۲۰۰ ریال", 120_000, Some("IRR")),
            ("0.5", 50, None),
        ] {
            assert_eq!(read(raw), Some(Money { minor, currency: currency.map(str::to_owned) }), "{raw}");
        }
        assert_eq!(read("ask me"), None);
        assert_eq!(read(&"9".repeat(40)), None);
    }
}
