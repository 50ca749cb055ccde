//! Telephone numbers: E.164 for recognition, the raw text for people.

mod find;
mod runs;
#[cfg(test)]
mod tests;
mod words;

use phonenumber::country::Id;

pub use find::{Likely, find, find_signed};

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
    (phonenumber::is_valid(&number) || is_in_no_plan(&number)).then_some(number)
}

/// British numbers that Ofcom keeps for drama and examples (07700 900000 to 900999, 01632 960000 to 960999): of right form,
/// and no part of the plan.
fn is_in_no_plan(number: &phonenumber::PhoneNumber) -> bool {
    let national = number.national().value();
    number.country().code() == 44 && matches!(national / 1_000, 7_700_900 | 1_632_960)
}

/// What a number belongs to by the plan of its country.
fn type_of(number: &phonenumber::PhoneNumber) -> phonenumber::Type {
    match number.number_type(&phonenumber::metadata::DATABASE) {
        phonenumber::Type::Unknown if is_in_no_plan(number) && number.national().value() > 7_000_000_000 => {
            phonenumber::Type::Mobile
        }
        phonenumber::Type::Unknown if is_in_no_plan(number) => phonenumber::Type::FixedLine,
        known => known,
    }
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
    Some(match parse_number(&raw, region) {
        Some(number) => of_number(&raw, &number, hint),
        None => Phone { raw, e164: None, kind: hint.unwrap_or("phone").to_owned() },
    })
}

fn of_number(raw: &str, number: &phonenumber::PhoneNumber, hint: Option<&str>) -> Phone {
    let kind = hint.unwrap_or_else(|| match type_of(number) {
        phonenumber::Type::Mobile => "mobile",
        _ => "phone",
    });
    Phone { raw: raw.to_owned(), e164: Some(e164(number)), kind: kind.to_owned() }
}

/// An E.164 number that rings in one person's pocket, as far as its country tells such numbers from others.
#[must_use]
pub fn is_mobile(e164: &str) -> bool {
    e164.starts_with('+') && read(e164, None, None).is_some_and(|phone| phone.kind == "mobile")
}

/// Country of an E.164 number, when one country owns its code.
pub fn country(e164: &str) -> Option<String> {
    let number = phonenumber::parse(None, e164).ok()?;
    number.country().id().map(|id| id.as_ref().to_owned())
}
