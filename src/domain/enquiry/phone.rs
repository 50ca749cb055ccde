//! Telephone numbers: E.164 for recognition, the raw text for people.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use phonenumber::country::Id;

use super::Phone;

use crate::domain::reading::budget;

/// Longest text taken for a number, in characters.
const RAW_CHARS: usize = 60;

/// A number in E.164: `+` and digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneE164(String);

impl PhoneE164 {
    /// Parses `raw`, national numbers by `region` (ISO 3166-1 alpha-2). `None` unless the number is valid.
    /// Persian and Arabic digits, `00` and `+..(0)..` prefixes and trailing remarks are understood.
    pub fn parse(raw: &str, region: Option<&str>) -> Option<Self> {
        parse_number(raw, region).map(|number| Self(e164(&number)))
    }

    /// `+` and digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn e164(number: &phonenumber::PhoneNumber) -> String {
    number.format().mode(phonenumber::Mode::E164).to_string()
}

fn parse_number(raw: &str, region: Option<&str>) -> Option<phonenumber::PhoneNumber> {
    let clean = clean(raw)?;
    let region: Option<Id> = region.and_then(|code| code.to_ascii_uppercase().parse().ok());
    if region.is_none() && !clean.starts_with('+') {
        return None;
    }
    let number = phonenumber::parse(region, &clean).ok()?;
    phonenumber::is_valid(&number).then_some(number)
}

/// Digits in ASCII, `00` as `+`, `(0)` after a country code dropped, everything else but an extension dropped.
fn clean(raw: &str) -> Option<String> {
    let mut out = String::new();
    for c in ascii_digits(raw).chars().take(RAW_CHARS) {
        match c {
            '0'..='9' => out.push(c),
            '+' | '＋' if out.is_empty() => out.push('+'),
            // A second number or a remark: the first stands.
            ';' | ',' | '|' if out.len() >= 7 => break,
            '/' if out.len() >= 9 => break,
            c if c.is_alphabetic() && out.len() >= 7 => break,
            '(' => out.push('('),
            _ => {}
        }
    }
    // `+33 (0)6`: the trunk zero is not dialled after a country code.
    let out = if out.starts_with('+') { out.replacen("(0", "", 1) } else { out };
    let out = out.replace('(', "");
    let out = match out.strip_prefix("00") {
        Some(rest) => format!("+{rest}"),
        None => out,
    };
    let digits = out.bytes().filter(u8::is_ascii_digit).count();
    (6..=17).contains(&digits).then_some(out)
}

/// Persian (U+06F0..), Arabic-Indic (U+0660..) and fullwidth digits as ASCII.
pub fn ascii_digits(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let digit = |c: char| {
        let code = u32::from(c);
        let offset = match code {
            0x06F0..=0x06F9 => code - 0x06F0,
            0x0660..=0x0669 => code - 0x0660,
            0xFF10..=0xFF19 => code - 0xFF10,
            _ => return c,
        };
        char::from_digit(offset, 10).unwrap_or(c)
    };
    text.chars().map(digit).collect()
}

/// A number as an enquiry carries it. `hint`: `mobile`, `fax`, `whatsapp` when the field says so.
/// Text without a digit is no number.
pub fn read(raw: &str, region: Option<&str>, hint: Option<&str>) -> Option<Phone> {
    let raw = crate::domain::reading::text::one_line(raw, RAW_CHARS);
    let raw = raw.strip_prefix("tel:").unwrap_or(&raw).to_owned();
    if ascii_digits(&raw).chars().filter(char::is_ascii_digit).count() < 4 {
        return None;
    }
    // A number is tried against the plans of its country: some thousand looks.
    if !budget::pay(3_000) {
        return Some(Phone { raw, e164: None, kind: hint.unwrap_or("phone").to_owned() });
    }
    let number = parse_number(&raw, region);
    let kind = hint.unwrap_or_else(|| match number.as_ref().map(|n| n.number_type(&phonenumber::metadata::DATABASE)) {
        Some(phonenumber::Type::Mobile) => "mobile",
        _ => "phone",
    });
    Some(Phone { raw, e164: number.as_ref().map(e164), kind: kind.to_owned() })
}

/// Country of an E.164 number, when one country owns its code.
pub fn country(e164: &str) -> Option<String> {
    let number = phonenumber::parse(None, e164).ok()?;
    number.country().id().map(|id| id.as_ref().to_owned())
}

/// Words that announce a number in running text, lower case, with the kind they say.
const LABELS: [(&str, Option<&str>); 22] = [
    ("telephone", None),
    ("téléphone", None),
    ("telefon", None),
    ("telefono", None),
    ("teléfono", None),
    ("phone", None),
    ("tel", None),
    ("tél", None),
    ("mobile", Some("mobile")),
    ("mobil", Some("mobile")),
    ("portable", Some("mobile")),
    ("mob", Some("mobile")),
    ("gsm", Some("mobile")),
    ("handy", Some("mobile")),
    ("cell", Some("mobile")),
    ("móvil", Some("mobile")),
    ("cellulare", Some("mobile")),
    ("whatsapp", Some("whatsapp")),
    ("fax", Some("fax")),
    ("تلفن", None),
    ("موبایل", Some("mobile")),
    ("همراه", Some("mobile")),
];

/// All labels at once: most lines with digits hold none.
static LABELLED: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::new(LABELS.iter().map(|(label, _)| label)).ok());

/// Numbers in a signature or text: a line is looked at when a label or a `+` announces a number, at most `limit`
/// numbers, and only valid ones count.
pub fn find(text: &str, region: Option<&str>, limit: usize) -> Vec<Phone> {
    look(text, region, limit, announced)
}

/// The same in a signature, where a line of nothing but a number is one, and one letter announces it (`T: 0113 ..`).
pub fn find_signed(block: &str, region: Option<&str>, limit: usize) -> Vec<Phone> {
    look(block, region, limit, |piece| {
        announced(piece).or_else(|| {
            let bare = piece.trim();
            let (label, number) = bare.split_once([':', '.']).unwrap_or(("", bare));
            let hint = match label.trim().to_lowercase().as_str() {
                "" | "t" | "p" | "d" | "o" => None,
                "m" | "c" => Some("mobile"),
                "f" => Some("fax"),
                // `06.12.34.56.78`: the point divides digits.
                digits if digits.bytes().all(|b| b.is_ascii_digit()) => None,
                _ => return None,
            };
            let number = if hint.is_none() && label.bytes().any(|b| b.is_ascii_digit()) { bare } else { number };
            let marks = |c: char| c.is_ascii_digit() || " .-/()+\u{a0}".contains(c);
            number
                .chars()
                .all(marks)
                .then(|| (piece.len() - piece.trim_start().len() + bare.len() - number.len(), hint))
        })
    })
}

fn look(
    text: &str,
    region: Option<&str>,
    limit: usize,
    announced: impl Fn(&str) -> Option<(usize, Option<&'static str>)>,
) -> Vec<Phone> {
    let mut found: Vec<Phone> = Vec::new();
    for line in text.lines().take(200).filter(|line| line.len() <= 200 && budget::pay(2 * line.len() + 1)) {
        let plain = ascii_digits(line);
        // Shorter than the shortest number: prices, sizes, dates.
        if plain.bytes().filter(u8::is_ascii_digit).count() < 6 {
            continue;
        }
        for piece in plain.split(['|', '•', '·', ';']).take(6) {
            let Some((start, hint)) = announced(piece) else { continue };
            let Some(rest) = piece.get(start..) else { continue };
            let number = rest.trim_matches(|c: char| !c.is_ascii_digit() && c != '+' && c != '(');
            let Some(phone) = read(number, region, hint).filter(|p| p.e164.is_some()) else { continue };
            if !found.iter().any(|known| known.e164 == phone.e164) {
                found.push(phone);
            }
            if found.len() >= limit {
                return found;
            }
        }
    }
    found
}

/// Where a number begins in `piece`, and the kind its label says.
fn announced(piece: &str) -> Option<(usize, Option<&'static str>)> {
    let lower = piece.to_lowercase();
    let labelled = LABELLED.as_ref().is_none_or(|labels| labels.is_match(&lower));
    if labelled && lower.len() == piece.len() {
        let label = LABELS.iter().filter_map(|(label, hint)| {
            let at = lower.find(label)?;
            let alone = lower.get(..at)?.chars().next_back().is_none_or(|c| !c.is_alphanumeric());
            let after = lower.get(at + label.len()..)?;
            let follows = after.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '+' && c != '(');
            let close = follows.starts_with(|c: char| c.is_ascii_digit() || c == '+' || c == '(');
            (alone && close).then_some((at + label.len(), *hint))
        });
        if let Some(found) = label.min_by_key(|(at, _)| *at) {
            return Some(found);
        }
    }
    let plus = piece.find('+')?;
    piece.get(plus + 1..)?.starts_with(|c: char| c.is_ascii_digit()).then_some((plus, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_needs_no_label() {
        let numbers = |block| {
            find_signed(block, Some("FR"), 5).into_iter().map(|p| (p.e164.unwrap(), p.kind)).collect::<Vec<_>>()
        };
        let pair = |number: &str, kind: &str| (number.to_owned(), kind.to_owned());
        assert_eq!(
            numbers("Eva\n02 40 12 34 56\nM: 06.12.34.56.78\nEva | 02.40.11.11.11 | www.web.example"),
            [pair("+33240123456", "phone"), pair("+33612345678", "mobile"), pair("+33240111111", "phone")]
        );
        assert!(numbers("12 rue Haute, 44000 Nantes\nOrder 0240123456 of May\n12.05.2025").is_empty());
    }

    #[test]
    fn numbers_as_people_write_them_are_read() {
        for (raw, region, expected) in [
            ("06 12 34 56 78", "FR", Some("+33612345678")),
            ("+33 (0)6 12 34 56 78", "CZ", Some("+33612345678")),
            ("0033 6.12.34.56.78", "FR", Some("+33612345678")),
            ("605 123 456", "CZ", Some("+420605123456")),
            ("۰۹۱۲ ۳۴۵ ۶۷۸۹", "IR", Some("+989123456789")),
            ("tel:+420605123456", "", Some("+420605123456")),
            ("605 123 456", "", None),
            ("12345", "FR", None),
            ("call me", "FR", None),
            ("+420 605 123 456, evenings", "FR", Some("+420605123456")),
        ] {
            let region = Some(region).filter(|r| !r.is_empty());
            assert_eq!(PhoneE164::parse(raw, region).as_ref().map(PhoneE164::as_str), expected, "{raw}");
        }
    }

    #[test]
    fn kinds_come_from_the_field_or_the_number() {
        assert_eq!(read("06 12 34 56 78", Some("FR"), None).unwrap().kind, "mobile");
        assert_eq!(read("01 42 68 53 00", Some("FR"), None).unwrap().kind, "phone");
        assert_eq!(read("01 42 68 53 00", Some("FR"), Some("fax")).unwrap().kind, "fax");
        assert_eq!(read("ask me", Some("FR"), None), None);
    }

    #[test]
    fn announced_numbers_are_found_in_text() {
        let text = "Eva Nováková\nTel.: 605 123 456 | Mobil: 606 123 456\norder 605123457\n+33 6 12 34 56 78";
        let found: Vec<_> = find(text, Some("CZ"), 5).into_iter().filter_map(|p| p.e164).collect();
        assert_eq!(found, ["+420605123456", "+420606123456", "+33612345678"]);
    }
}
