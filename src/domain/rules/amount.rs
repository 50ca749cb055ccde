//! Money and numbers as people write them. What can be read in two ways is not read at all.

use crate::domain::enquiry::Money;

use super::fold::fold;

/// What became of an amount of money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Amount {
    /// Read without doubt.
    Read(Money),
    /// Something is written, but it could mean several amounts, or none.
    Unclear,
    /// Nothing is written.
    Empty,
}

/// Words and signs that name a currency, folded, longest first where one begins another.
const CURRENCIES: [(&str, &str); 22] = [
    ("euros", "EUR"),
    ("euro", "EUR"),
    ("eur", "EUR"),
    ("€", "EUR"),
    ("usd", "USD"),
    ("us$", "USD"),
    ("$", "USD"),
    ("gbp", "GBP"),
    ("£", "GBP"),
    ("chf", "CHF"),
    ("czk", "CZK"),
    ("kcs", "CZK"),
    ("kc", "CZK"),
    ("pln", "PLN"),
    ("zł", "PLN"),
    ("sek", "SEK"),
    ("nok", "NOK"),
    ("dkk", "DKK"),
    ("cad", "CAD"),
    ("irr", "IRR"),
    ("ریال", "IRR"),
    ("jpy", "JPY"),
];

/// Reads `5 000,00 €` (with any kind of space), `5k€`, `5.000`, `EUR 1,234.56`, `۵۰۰۰`. Ranges, approximations in
/// words, negative amounts, and separators that could be either kind are [`Amount::Unclear`].
#[must_use]
pub fn money(raw: &str) -> Amount {
    let text = fold(raw.trim());
    if text.trim().is_empty() {
        return Amount::Empty;
    }
    let (text, currency) = strip_currency(text.trim());
    let (text, factor) = strip_thousand(text);
    match decimal_hundredths(text).and_then(|minor| minor.checked_mul(factor)) {
        Some(minor) => Amount::Read(Money { minor, currency: currency.map(str::to_owned) }),
        None => Amount::Unclear,
    }
}

fn strip_currency(text: &str) -> (&str, Option<&'static str>) {
    for (word, code) in CURRENCIES {
        if let Some(rest) = text.strip_suffix(word) {
            return (rest.trim_end(), Some(code));
        }
        if let Some(rest) = text.strip_prefix(word) {
            return (rest.trim_start(), Some(code));
        }
    }
    (text, None)
}

fn strip_thousand(text: &str) -> (&str, i64) {
    text.strip_suffix('k').map_or((text, 1), |rest| (rest.trim_end(), 1000))
}

/// `1 234,56` -> 123456. Groups of three digits may be parted by space, dot, comma or apostrophe; one other
/// separator with one or two digits behind it is the decimal mark.
fn decimal_hundredths(text: &str) -> Option<i64> {
    let starts_and_ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    if !starts_and_ends(text.chars().next()) || !starts_and_ends(text.chars().next_back()) || text.len() > 40 {
        return None;
    }
    let parts: Vec<&str> = text.split([' ', '.', ',', '\'', '\u{66C}', '\u{66B}']).collect();
    if parts.iter().any(|p| p.is_empty() || !p.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let separators: Vec<char> = text.chars().filter(|c| !c.is_ascii_digit()).collect();
    let (head, tail) = parts.split_first()?;
    let Some((last, middle)) = tail.split_last() else {
        return head.parse::<i64>().ok()?.checked_mul(100);
    };
    let (decimal_mark, grouping) = separators.split_last()?;
    let grouped = |groups: &[&str]| head.len() <= 3 && groups.iter().all(|g| g.len() == 3);
    let same = |marks: &[char]| marks.windows(2).all(|w| w.first() == w.last());
    if last.len() == 3 {
        (grouped(tail) && same(&separators)).then_some(())?;
        return parts.concat().parse::<i64>().ok()?.checked_mul(100);
    }
    let decimals_allowed = last.len() <= 2 && !matches!(decimal_mark, ' ' | '\'' | '\u{66C}');
    let groups_fit = middle.is_empty() || (grouped(middle) && same(grouping) && !grouping.contains(decimal_mark));
    (decimals_allowed && groups_fit).then_some(())?;
    let whole = format!("{head}{}", middle.concat()).parse::<i64>().ok()?;
    let cents = last.parse::<i64>().ok()? * if last.len() == 1 { 10 } else { 1 };
    whole.checked_mul(100)?.checked_add(cents)
}

/// Reads a plain number: `12`, `-3`, `1.5`, `1,5`. Groupings are not read.
#[must_use]
pub fn number(raw: &str) -> Option<f64> {
    let text = fold(raw.trim()).replace(',', ".");
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+'));
    plain.then(|| text.parse::<f64>().ok()).flatten().filter(|n| n.is_finite())
}

/// An amount as explain prints it: `5000.00 EUR`.
#[must_use]
pub fn show(money: &Money) -> String {
    let currency = money.currency.as_deref().map_or(String::new(), |c| format!(" {c}"));
    let sign = if money.minor < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}{currency}", money.minor.unsigned_abs() / 100, money.minor.unsigned_abs() % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Option<(i64, Option<String>)> {
        match money(raw) {
            Amount::Read(m) => Some((m.minor, m.currency)),
            _ => None,
        }
    }

    #[test]
    fn amounts_as_people_write_them_are_read() {
        let eur = Some("EUR".to_owned());
        assert_eq!(read("5 000,00 €"), Some((500_000, eur.clone())));
        assert_eq!(read("5\u{202F}000,00\u{A0}€"), Some((500_000, eur.clone())));
        assert_eq!(read("5k€"), Some((500_000, eur.clone())));
        assert_eq!(read("5,5 k EUR"), Some((550_000, eur.clone())));
        assert_eq!(read("5.000"), Some((500_000, None)));
        assert_eq!(read("1,234.56"), Some((123_456, None)));
        assert_eq!(read("1.234,5"), Some((123_450, None)));
        assert_eq!(read("1 000 000 Kč"), Some((100_000_000, Some("CZK".to_owned()))));
        assert_eq!(read("$99"), Some((9_900, Some("USD".to_owned()))));
        assert_eq!(read("۵۰۰۰"), Some((500_000, None)));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_unclear() {
        for raw in
            ["5000-10000", "environ 5000", "1.2345", "12.345.67", "10 20", "-5", "1,2,3", "abc", "€", "5M€", "1e9"]
        {
            assert_eq!(money(raw), Amount::Unclear, "{raw}");
        }
        assert_eq!(money(" \u{A0}"), Amount::Empty);
        assert_eq!(money("99999999999999999999"), Amount::Unclear);
    }
}
