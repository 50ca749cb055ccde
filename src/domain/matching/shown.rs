//! What two records say in a field, masked, and what its level weighs: enough to explain a comparison later.

use rapidfuzz::distance::jaro_winkler;
use serde::{Deserialize, Serialize};

use super::field::Field;
use super::model::Model;
use super::profile::{Mailbox, Profile};
use super::score::Score;

/// One field of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// Which field.
    pub field: Field,
    /// The arrival's value, masked; empty where it has none of its own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub a: String,
    /// The record's value, masked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub b: String,
    /// Share of the level among records of one person, 0 to 1.
    pub m: f64,
    /// And of two people.
    pub u: f64,
    /// The telephone number in common rings in one person's pocket.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mobile: bool,
}

/// What a score rests on, field by field.
#[must_use]
pub fn shown(model: &Model, a: &Profile, b: &Profile, score: &Score) -> Vec<Shown> {
    let crossed = score.steps.iter().any(|step| step.field == Field::Crossed && step.level == 1);
    let share = |shares: &super::model::Shares, field: Field, level: u8| {
        shares.get(field.index()).and_then(|levels| levels.get(usize::from(level))).copied().unwrap_or(1.0)
    };
    let steps = score.steps.iter().map(|step| {
        let name = matches!(step.field, Field::Given | Field::Surname);
        let (a, b) = if crossed && name { Default::default() } else { masked(step.field, a, b) };
        let (m, u) = (share(&model.m, step.field, step.level), share(&model.u, step.field, step.level));
        Shown { field: step.field, a, b, m, u, mobile: false }
    });
    let mobile = a.mobiles.iter().any(|number| b.mobiles.contains(number));
    steps.map(|shown| Shown { mobile: mobile && shown.field == Field::Phone, ..shown }).collect()
}

/// The values of a field that are nearest to each other, masked.
fn masked(field: Field, a: &Profile, b: &Profile) -> (String, String) {
    let (x, y) = (values(field, a), values(field, b));
    let near = x.iter().flat_map(|x| y.iter().map(move |y| (x, y)));
    let likeness = |(x, y): &(&String, &String)| jaro_winkler::similarity(x.chars(), y.chars());
    let best = near.max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    let (x, y) = best.map_or((x.first(), y.first()), |(x, y)| (Some(x), Some(y)));
    // A name that one side lacks is looked for in its address.
    let mailed = |profile: &Profile| {
        profile.emails.first().map(address).filter(|_| field.witness() == super::field::Witness::Name)
    };
    let show = |value: Option<&String>, profile: &Profile| match value {
        Some(value) => mask(field, value),
        None => mailed(profile).map(|value| mask(Field::Email, &value)).unwrap_or_default(),
    };
    if field == Field::Crossed { Default::default() } else { (show(x, a), show(y, b)) }
}

fn values(field: Field, profile: &Profile) -> Vec<String> {
    let one = |text: Option<&String>| text.into_iter().cloned().collect();
    match field {
        Field::Given => one(profile.given.as_ref().map(|name| &name.text)),
        Field::Surname => one(profile.surname.as_ref().map(|name| &name.text)),
        Field::Crossed => Vec::new(),
        Field::Email => profile.emails.iter().map(address).collect(),
        Field::Born => one(profile.born.as_ref().map(|born| &born.digits)),
        Field::Number => profile.numbers.clone(),
        Field::Phone => profile.phones.clone(),
        Field::Company => joined(&profile.company),
        Field::Address => joined(&profile.street),
        Field::Place => profile.places.clone(),
        Field::Postcode => one(profile.postcode.as_ref()),
        Field::State => one(profile.state.as_ref()),
    }
}

fn joined(words: &[String]) -> Vec<String> {
    if words.is_empty() { Vec::new() } else { vec![words.join(" ")] }
}

fn address(mailbox: &Mailbox) -> String {
    format!("{}@{}", mailbox.local, mailbox.domain)
}

/// A value as it may stand in an explanation: enough to find it in the record beside, not enough to write to.
fn mask(field: Field, value: &str) -> String {
    let first: String = value.chars().take(1).collect();
    match field {
        Field::Email => format!("{first}***@.."),
        Field::Phone => {
            let kept = value.chars().count().saturating_sub(2);
            format!("***{}", value.chars().skip(kept.max(4)).collect::<String>())
        }
        Field::Born | Field::Number => "***".to_owned(),
        _ => format!("{first}***"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::profile::Fact;
    use super::super::score::score;
    use super::*;

    #[test]
    fn values_are_masked_and_the_nearest_of_several_are_shown() {
        let of = |facts: &[(Fact, &str)]| Profile::of(facts.iter().copied());
        let a = of(&[
            (Fact::FirstName, "Anna"),
            (Fact::LastName, "Bell"),
            (Fact::Email, "anna.bell@kovo.cz"),
            (Fact::Email, "zed@seznam.cz"),
            (Fact::Phone, "+33612345678"),
            (Fact::DateOfBirth, "1971-06-24"),
        ]);
        let b = of(&[
            (Fact::FirstName, "Anna"),
            (Fact::LastName, "Bell"),
            (Fact::Email, "anna.bel@kovo.cz"),
            (Fact::Phone, "+33612345678"),
            (Fact::DateOfBirth, "1971-06-24"),
        ]);
        let model = Model::start();
        let score = score(&model, &a, &b, 1);
        let shown = shown(&model, &a, &b, &score);
        assert_eq!(shown.len(), score.steps.len());
        let of = |field: Field| shown.iter().find(|shown| shown.field == field).unwrap();
        assert_eq!((of(Field::Email).a.as_str(), of(Field::Email).b.as_str()), ("a***@..", "a***@.."));
        assert_eq!(of(Field::Surname).a, "b***");
        assert_eq!(of(Field::Phone).a, "***78");
        assert_eq!(of(Field::Born).b, "***");
        assert!((of(Field::Surname).m / of(Field::Surname).u).log2() > 7.0);
        let told = serde_json::to_string(&shown).unwrap();
        for value in ["anna", "bell", "kovo", "seznam", "345678", "1971"] {
            assert!(!told.to_lowercase().contains(value), "{value} in {told}");
        }
    }
}
