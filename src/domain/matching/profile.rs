//! What a record is compared by: its values, normalised once.
//!
//! Invariants:
//! - a profile says nothing that the record does not; what cannot be normalised is left out and never an error;
//! - [`NORM`] is the version of these rules: profiles of different versions are never compared.

use serde::{Deserialize, Serialize};

use super::names;
use super::phonetic::codes;
use super::skeleton;
use crate::domain::enquiry::email::EmailAddress;
use crate::domain::enquiry::phone::{self, ascii_digits};
use crate::domain::enquiry::{EmailKind, Enquiry, company};

/// Version of the rules by which values are normalised.
pub const NORM: u32 = 1;

/// A value of a record, as the columns of a file name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Fact {
    FullName,
    FirstName,
    LastName,
    Email,
    Phone,
    Company,
    Street,
    HouseNumber,
    Suburb,
    City,
    Postcode,
    State,
    Country,
    DateOfBirth,
    OtherId,
}

impl Fact {
    /// Every fact and the word for it.
    pub const ALL: [(&'static str, Self); 15] = [
        ("full_name", Self::FullName),
        ("first_name", Self::FirstName),
        ("last_name", Self::LastName),
        ("email", Self::Email),
        ("phone", Self::Phone),
        ("company", Self::Company),
        ("street", Self::Street),
        ("house_number", Self::HouseNumber),
        ("suburb", Self::Suburb),
        ("city", Self::City),
        ("postcode", Self::Postcode),
        ("state", Self::State),
        ("country", Self::Country),
        ("date_of_birth", Self::DateOfBirth),
        ("other_id", Self::OtherId),
    ];

    /// The fact that a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == word).map(|(_, fact)| *fact)
    }
}

/// A name: lower-case ASCII words, and how it sounds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// Words joined by one blank.
    #[serde(rename = "t")]
    pub text: String,
    /// Phonetic codes, at most two, sorted.
    #[serde(rename = "c")]
    pub codes: Vec<String>,
    /// Consonants, where it was written in Persian or Arabic letters.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub bones: Option<String>,
}

impl Name {
    fn of(written: &str) -> Option<Self> {
        Self::folded(folded(written), written)
    }

    /// `folded`, which was written like `written`.
    fn folded(text: String, written: &str) -> Option<Self> {
        let (codes, bones) = (codes(&text), skeleton::of_script(written));
        (!text.is_empty()).then_some(Self { text, codes, bones })
    }

    /// Its consonants, whatever it was written in.
    #[must_use]
    pub fn consonants(&self) -> String {
        self.bones.clone().unwrap_or_else(|| skeleton::of_latin(&self.text))
    }
}

/// An email address by the rules of its provider, in its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// Before the `@`.
    #[serde(rename = "l")]
    pub local: String,
    /// Behind it; empty where the `@` is missing.
    #[serde(rename = "d")]
    pub domain: String,
    /// Several people may read it: a role, a throw-away address, one of a domain for examples.
    #[serde(rename = "s", default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
}

/// A date of birth, as written in digits and, where it is a day of the calendar, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Born {
    /// Year, month and day, eight digits where it was a date.
    #[serde(rename = "d")]
    pub digits: String,
    /// Days since the beginning of the calendar, to the day or so.
    #[serde(rename = "n")]
    pub day: Option<i64>,
}

/// A record, ready to be compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// Given name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given: Option<Name>,
    /// Surname.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surname: Option<Name>,
    /// Addresses, each once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub emails: Vec<Mailbox>,
    /// Telephone numbers: E.164, or digits where the country is not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phones: Vec<String>,
    /// Those of them that ring in one person's pocket.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mobiles: Vec<String>,
    /// Date of birth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub born: Option<Born>,
    /// Numbers of their own, letters and digits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<String>,
    /// Words of the organisation's name without legal form, sorted, each once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub company: Vec<String>,
    /// Number of the house.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub house: Option<String>,
    /// Words of the street.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub street: Vec<String>,
    /// Towns and parts of towns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<String>,
    /// Postcode, letters and digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postcode: Option<String>,
    /// State or region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Country, lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

impl Profile {
    /// The profile of a record's values; the same fact may come several times.
    #[must_use]
    pub fn of<'a>(facts: impl IntoIterator<Item = (Fact, &'a str)>) -> Self {
        let mut profile = Self::default();
        let mut full = None;
        for (fact, value) in facts {
            if fact == Fact::FullName { full = Some(value) } else { profile.add(fact, value) }
        }
        if let (Some(full), None, None) = (full, &profile.given, &profile.surname) {
            let (given, surname) = names::split(full);
            // In such a script the surname is the last word.
            let (first, last) = full.trim().rsplit_once(char::is_whitespace).unwrap_or(("", full));
            profile.given = Name::folded(given.join(" "), first);
            profile.surname = Name::folded(surname.join(" "), last);
        }
        if profile.house.is_none() {
            profile.house = profile.street.iter().find(|word| is_number(word)).cloned();
        }
        profile
    }

    /// The profile of whoever asks; `None` where nothing tells them.
    #[must_use]
    pub fn of_enquiry(enquiry: &Enquiry) -> Option<Self> {
        let person = &enquiry.person;
        let names = [
            (Fact::FirstName, &person.first_name),
            (Fact::LastName, &person.last_name),
            (Fact::FullName, &person.full_name),
            (Fact::Company, &enquiry.organisation.name),
        ];
        let address = enquiry.addresses.first();
        let places = address.into_iter().flat_map(|address| {
            [
                (Fact::Street, &address.street),
                (Fact::City, &address.city),
                (Fact::Postcode, &address.postcode),
                (Fact::State, &address.state),
                (Fact::Country, &address.country),
            ]
        });
        let told = names.into_iter().chain(places).filter_map(|(fact, value)| Some((fact, value.as_deref()?)));
        let emails = enquiry.emails.iter().filter(|email| email.kind != EmailKind::Own);
        let phones = enquiry.phones.iter().filter(|phone| phone.kind != "fax");
        // The number of an organisation tells none of its people.
        let nobody = names.iter().take(3).all(|(_, name)| name.is_none());
        let registrations = enquiry.organisation.registrations.iter().filter(|_| nobody);
        let profile = Self::of(
            told.chain(emails.map(|email| (Fact::Email, email.address.as_str())))
                .chain(phones.map(|phone| (Fact::Phone, phone.e164.as_deref().unwrap_or(&phone.raw))))
                .chain(registrations.map(|number| (Fact::OtherId, number.as_str())))
                .chain(enquiry.particulars.iter().map(|(fact, value)| (*fact, value.as_str()))),
        );
        (profile != Self::default()).then_some(profile)
    }

    fn add(&mut self, fact: Fact, value: &str) {
        let text = folded(value);
        if text.is_empty() {
            return;
        }
        match fact {
            Fact::FullName => {}
            Fact::FirstName => self.given = Name::of(value),
            Fact::LastName => self.surname = Name::of(value),
            Fact::Email => add_once(&mut self.emails, mailbox(value)),
            Fact::Phone => {
                let number = number(value);
                if phone::is_mobile(&number) {
                    add_once(&mut self.mobiles, number.clone());
                }
                add_once(&mut self.phones, number);
            }
            Fact::Company => self.company = company_words(value),
            Fact::Street => self.street = text.split(' ').map(str::to_owned).collect(),
            Fact::HouseNumber => self.house = Some(text),
            Fact::Suburb | Fact::City => add_once(&mut self.places, text),
            Fact::Postcode => self.postcode = Some(text.replace(' ', "")),
            Fact::State => self.state = Some(text),
            Fact::Country => self.country = Some(text),
            Fact::DateOfBirth => self.born = born(value),
            Fact::OtherId => add_once(&mut self.numbers, text.replace(' ', "")),
        }
    }

    /// A number that rings in one person's pocket is known.
    #[must_use]
    pub const fn has_mobile(&self) -> bool {
        !self.mobiles.is_empty()
    }

    /// An organisation and nobody of it.
    #[must_use]
    pub const fn is_organisation(&self) -> bool {
        !self.company.is_empty() && self.given.is_none() && self.surname.is_none()
    }
}

fn add_once<T: PartialEq>(list: &mut Vec<T>, value: T) {
    if !list.contains(&value) {
        list.push(value);
    }
}

/// Lower-case ASCII words with one blank between them.
fn folded(text: &str) -> String {
    names::tokens(text).join(" ")
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit())
}

/// By the rules of its provider; what is no address is taken as written: a typing error must not hide it.
fn mailbox(value: &str) -> Mailbox {
    let address = EmailAddress::parse(value);
    let shared = address.as_ref().is_some_and(|address| address.kind(&[]) != EmailKind::Personal);
    let value = address.map_or_else(|| value.trim().to_lowercase(), |address| address.canonical());
    let (local, domain) = value.rsplit_once('@').unwrap_or((&value, ""));
    Mailbox { local: local.to_owned(), domain: domain.to_owned(), shared }
}

/// With its plus where it has one, else its digits.
fn number(value: &str) -> String {
    let value = ascii_digits(value);
    let digits = value.chars().filter(char::is_ascii_digit);
    if value.trim_start().starts_with('+') { std::iter::once('+').chain(digits).collect() } else { digits.collect() }
}

/// Words that many organisations of all kinds have in their names and that tell none apart.
const COMMON: [&str; 8] = ["the", "of", "a", "at", "for", "in", "restaurant", "company"];

fn company_words(name: &str) -> Vec<String> {
    let print = company::fingerprint(name).unwrap_or_default();
    let all: Vec<String> = print.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let told: Vec<String> = all.iter().filter(|word| !COMMON.contains(&word.as_str())).cloned().collect();
    if told.is_empty() { all } else { told }
}

fn born(value: &str) -> Option<Born> {
    let digits: String = ascii_digits(value).chars().filter(char::is_ascii_digit).collect();
    let part = |from: usize, to: usize| digits.get(from..to)?.parse::<i64>().ok();
    let day = match (part(0, 4), part(4, 6), part(6, 8)) {
        (Some(year), Some(month), Some(day)) if digits.len() == 8 => {
            Some(year * 365 + year / 4 + month * 306 / 10 + day)
        }
        _ => None,
    };
    (!digits.is_empty()).then_some(Born { digits, day })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_normalised_once() {
        let profile = Profile::of([
            (Fact::FullName, "Žaneta Nováková"),
            (Fact::Email, " Zaneta@Kovo.CZ "),
            (Fact::Email, "zaneta@kovo.cz"),
            (Fact::Phone, "+420 605 123 456"),
            (Fact::Phone, "۰۹۱۲ ۳۴۵"),
            (Fact::Company, "The Kovo Table s.r.o."),
            (Fact::Street, "Dlouhá 12"),
            (Fact::City, "Brno"),
            (Fact::Postcode, "602 00"),
            (Fact::DateOfBirth, "1971-06-24"),
            (Fact::OtherId, "--"),
        ]);
        assert_eq!(profile.given.as_ref().map(|n| n.text.as_str()), Some("zaneta"));
        assert_eq!(profile.surname.as_ref().map(|n| n.text.as_str()), Some("novakova"));
        assert_eq!(profile.emails, [Mailbox { local: "zaneta".into(), domain: "kovo.cz".into(), shared: false }]);
        assert_eq!(profile.phones, ["+420605123456", "0912345"]);
        assert_eq!(profile.company, ["kovo", "table"]);
        assert_eq!((profile.house.as_deref(), profile.postcode.as_deref()), (Some("12"), Some("60200")));
        assert_eq!(profile.born.unwrap().digits, "19710624");
        assert!(profile.numbers.is_empty());
    }
}
