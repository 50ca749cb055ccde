//! Compares what reading finds with the truth of made mails.

use std::collections::BTreeMap;

use pisteur::domain::enquiry::{Enquiry, understand};
use pisteur::domain::reading::form::all;
use pisteur::domain::reading::prospects::apart;
use pisteur::domain::reading::{ReadSettings, field_names, read};
use pisteur::domain::submission::Submission;

use super::arrivals::mail;
use super::{Case, Fact, Tongue, normal};

/// Right and all facts, by layout, by kind of fact, and in whole.
#[derive(Debug, Default)]
pub struct Tally {
    /// By layout.
    pub layouts: BTreeMap<&'static str, (usize, usize)>,
    /// By what it is.
    pub kinds: BTreeMap<&'static str, (usize, usize)>,
    /// In whole.
    pub whole: (usize, usize),
    /// What was wrong, as text, the first ones.
    pub wrong: Vec<String>,
}

impl Tally {
    /// Share of facts that are right.
    pub fn share(&self) -> f64 {
        f64::from(u32::try_from(self.whole.0).unwrap_or(0)) / f64::from(u32::try_from(self.whole.1.max(1)).unwrap_or(1))
    }
}

/// A house in the country of the writer.
fn house(tongue: Tongue) -> ReadSettings {
    let country = match tongue {
        Tongue::Fr => "FR",
        Tongue::En => "GB",
        Tongue::De => "DE",
        Tongue::Cs => "CZ",
        Tongue::Fa => "IR",
    };
    ReadSettings {
        own_domains: vec!["ours.example".to_owned()],
        own_addresses: vec!["sales@ours.example".to_owned()],
        default_country: country.to_owned(),
        ..ReadSettings::default()
    }
}

/// Reads the cases of some seeds and compares.
pub fn judge(cases: impl Iterator<Item = Case>) -> Tally {
    let mut tally = Tally::default();
    for case in cases {
        let envelope = mail(case.raw.clone());
        let settings = house(case.tongue);
        // As the door takes it apart: one for each prospect.
        let arrived = apart(envelope, ulid::Ulid::nil);
        for (place, truth) in case.truth.iter().enumerate() {
            let Some(envelope) = arrived.get(place).or(arrived.first()) else { continue };
            let submission = if place < arrived.len() { read(envelope, &settings) } else { Submission::default() };
            let enquiry = understand(&submission, envelope, &settings);
            for fact in truth {
                let found = found(fact, &submission, &enquiry);
                let right = found.iter().any(|value| same(fact, value));
                for (right_of, all_of) in [
                    tally.layouts.entry(case.layout).or_default(),
                    tally.kinds.entry(fact.what).or_default(),
                    &mut tally.whole,
                ] {
                    *right_of += usize::from(right);
                    *all_of += 1;
                }
                if !right {
                    let (layout, tongue, what, value) = (case.layout, case.tongue, fact.what, &fact.value);
                    tally.wrong.push(format!("{layout} ({tongue:?}): {what} is {value:?}, read {found:?}"));
                }
            }
        }
    }
    tally
}

/// Digits count of a number, words of everything else.
fn same(fact: &Fact, found: &str) -> bool {
    match fact.what {
        "phone" | "mobile" => digits(&fact.value) == digits(found),
        "postcode" => letters(&fact.value) == letters(found),
        "website" => {
            found.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/') == fact.value
        }
        _ => normal(&fact.value) == normal(found),
    }
}

/// Without blanks and marks: countries write them each in their way.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

fn digits(text: &str) -> String {
    text.chars()
        .filter_map(|c| c.to_digit(10).or_else(|| ('۰'..='۹').position(|p| p == c).and_then(|d| u32::try_from(d).ok())))
        .filter_map(|d| char::from_digit(d, 10))
        .collect()
}

fn found(fact: &Fact, submission: &Submission, enquiry: &Enquiry) -> Vec<String> {
    let signed = submission.fields.is_empty();
    let some = |value: &Option<String>| value.iter().cloned().collect::<Vec<_>>();
    let places = |of: fn(&pisteur::domain::enquiry::Address) -> &Option<String>| {
        enquiry.addresses.iter().filter_map(|a| of(a).clone()).collect()
    };
    match (fact.what, signed) {
        ("text", _) => vec![submission.reply.clone()],
        ("name", _) => some(&enquiry.person.full_name),
        ("title", _) => some(&enquiry.person.job_title),
        ("company", true) => some(&enquiry.organisation.name),
        ("website", true) => some(&enquiry.website),
        ("phone" | "mobile", true) => enquiry.phones.iter().map(|p| p.raw.clone()).collect(),
        ("postcode", true) => places(|a| &a.postcode),
        ("city", true) => places(|a| &a.city),
        ("source", _) => all(&submission.fields, pisteur::domain::submission::Canonical::Source)
            .into_iter()
            .map(str::to_owned)
            .collect(),
        (what, _) => {
            let canonical = field_names::parse_canonical(what);
            canonical.map(|c| all(&submission.fields, c).into_iter().map(str::to_owned).collect()).unwrap_or_default()
        }
    }
}
