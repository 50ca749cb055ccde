//! How sure it is that two records are of one person or organisation, and what that rests on.
//!
//! Invariants: the prior and the steps make the total; the probability is 2^total / (1 + 2^total); scoring is symmetric.

use serde::{Deserialize, Serialize};

use super::compare::{Levels, compare};
use super::field::{Field, Witness};
use super::given_names::are_two;
use super::model::{Model, Step};
use super::profile::{Born, Profile};

/// Bits from which on a witness counts as one of those that a match needs two of.
const STRONG: f64 = 3.0;
/// Levels of a given name from which on two people are meant.
const OTHER_NAME: u8 = 6;
/// Level of two given names that have nothing in common.
const TWO_NAMES: u8 = 7;
/// Levels of a name up to which it is one name, spelt in two ways.
const SAME_NAME: u8 = 4;
/// Bits one person must be ahead of relatives and colleagues to outweigh a contradiction: 0.95 against them.
const TOLD: f64 = 4.247_927_513_443_585;
/// Level of an email up to which it is one person's.
const SAME_LOCAL: u8 = 4;
/// Levels of a surname up to which it may be one family's: a woman's form of it is only similar.
const SAME_FAMILY: u8 = 5;
/// Level of two different numbers.
const OTHER_NUMBER: u8 = 4;
/// Levels of a date of birth from which on two days are meant.
const OTHER_BORN: u8 = 5;
/// Levels of a date of birth up to which it is one date, mistaken.
const SAME_BORN: u8 = 3;
/// Years between parent and child at least.
const GENERATION: i32 = 15;
/// Levels of a number up to which it is one number, mistaken.
const SAME_NUMBER: u8 = 3;

/// Why two records may not be taken for one automatically, whatever they have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Veto {
    /// Year and day of birth differ, or a generation lies between them.
    Born,
    /// One family name and two given names: relatives.
    Relatives,
    /// Two names of people.
    Names,
    /// One name, but mailbox or mobile number differ and nothing of their own agrees: they may be father and son.
    Namesakes,
    /// Two numbers of their own.
    Numbers,
    /// Names of organisations that are not the same.
    Companies,
}

/// Two records, compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Bits before anything is compared.
    pub prior: f64,
    /// What each field says, in order.
    pub steps: Vec<Step>,
    /// All of it, in bits.
    pub total: f64,
    /// What speaks against a match by itself.
    pub vetoes: Vec<Veto>,
    /// Independent things that speak strongly for it.
    pub witnesses: usize,
    /// Two people: two given names, and what agrees a family or an office shares; or one name, and nothing else agrees.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub apart: bool,
}

impl Score {
    /// How sure, from 0 to 1.
    #[must_use]
    pub fn probability(&self) -> f64 {
        1.0 / (1.0 + (-self.total).exp2())
    }
}

/// Scores two records among `records` known ones.
#[must_use]
pub fn score(model: &Model, a: &Profile, b: &Profile, records: u64) -> Score {
    let levels = compare(a, b);
    let steps = model.steps(a, b, levels);
    let prior = model.prior(records);
    let total = prior + steps.iter().map(|step| step.weight).sum::<f64>();
    // Kin are rare among these records, and errors are not; that is known only of records with numbers of their own.
    let told = levels.of(Field::Number) > 0 && model.ahead_of_kin(&steps) >= TOLD;
    let vetoes = vetoes(a, b, levels, told);
    let family = levels.of(Field::Given) == TWO_NAMES && two_names(a, b) && !own(a, b, levels);
    let apart = family || vetoes.contains(&Veto::Namesakes) && only_named(&steps);
    Score { prior, total, vetoes, witnesses: witnesses(&steps, levels, a, b), apart, steps }
}

/// Nothing but the name speaks for it.
fn only_named(steps: &[Step]) -> bool {
    let others = steps.iter().filter(|step| step.field.witness() != Witness::Name);
    others.map(|step| step.weight.max(0.0)).sum::<f64>() < STRONG
}

/// Two names that parents choose: one of them is no error for the other.
fn two_names(a: &Profile, b: &Profile) -> bool {
    a.given.as_ref().zip(b.given.as_ref()).is_some_and(|(a, b)| are_two(&a.text, &b.text))
}

/// Something that only one person has agrees: day of birth, a number of their own, their mailbox or their mobile.
fn own(a: &Profile, b: &Profile, levels: Levels) -> bool {
    let like = |field: Field, most: u8| (1..=most).contains(&levels.of(field));
    like(Field::Born, SAME_BORN)
        || like(Field::Number, SAME_NUMBER)
        || like(Field::Email, SAME_LOCAL)
        || a.mobiles.iter().any(|number| b.mobiles.contains(number))
}

/// Witnesses that speak strongly: fields of one group are one, and an address made of the name is none beside it.
fn witnesses(steps: &[Step], levels: Levels, a: &Profile, b: &Profile) -> usize {
    let mut groups: Vec<(Witness, f64)> = Vec::new();
    for step in steps {
        let witness = step.field.witness();
        match groups.iter_mut().find(|(group, _)| *group == witness) {
            Some((_, bits)) => *bits += step.weight,
            None => groups.push((witness, step.weight)),
        }
    }
    let strong = |witness| groups.iter().any(|(group, bits)| *group == witness && *bits >= STRONG);
    let count = groups.iter().filter(|(_, bits)| *bits >= STRONG).count();
    // One mailbox is a witness of its own; likeness of two local parts that are somebody's name is not.
    let derived =
        levels.of(Field::Email) > 1 && strong(Witness::Name) && strong(Witness::Email) && named(a) && named(b);
    count - usize::from(derived)
}

/// The surname stands in an address.
fn named(profile: &Profile) -> bool {
    let Some(surname) = &profile.surname else { return false };
    profile.emails.iter().any(|mailbox| mailbox.local.contains(&surname.text))
}

fn vetoes(a: &Profile, b: &Profile, levels: Levels, told: bool) -> Vec<Veto> {
    let like = |field: Field, most: u8| (1..=most).contains(&levels.of(field));
    let other = |field: Field| (OTHER_NAME..=7).contains(&levels.of(field));
    let named = like(Field::Given, SAME_NAME) && like(Field::Surname, SAME_NAME);
    let (born, number) = (like(Field::Born, SAME_BORN), like(Field::Number, SAME_NUMBER));
    let born_apart = levels.of(Field::Born) >= OTHER_BORN && a.born.as_ref().zip(b.born.as_ref()).is_some_and(apart);
    let relatives = other(Field::Given) && like(Field::Surname, SAME_FAMILY) && !number && !(born && told);
    [
        (Veto::Born, (born_apart || generations(a, b)) && !number && !told),
        (Veto::Relatives, relatives),
        (Veto::Names, other(Field::Given) && other(Field::Surname) && !born && !number),
        (Veto::Namesakes, named && !born && !number && namesakes(a, b, levels)),
        (Veto::Numbers, levels.of(Field::Number) == OTHER_NUMBER && !born && !named),
        (Veto::Companies, a.is_organisation() && b.is_organisation() && levels.of(Field::Company) > 1),
    ]
    .into_iter()
    .filter(|(_, speaks)| *speaks)
    .map(|(veto, _)| veto)
    .collect()
}

/// Born so many years apart, though it may be on the same day of the year: parent and child.
fn generations(a: &Profile, b: &Profile) -> bool {
    let year = |profile: &Profile| profile.born.as_ref()?.digits.get(..4)?.parse::<i32>().ok();
    year(a).zip(year(b)).is_some_and(|(a, b)| (a - b).abs() >= GENERATION)
}

/// Something of their own differs and nothing of their own agrees: what is left in common a father and his son share.
fn namesakes(a: &Profile, b: &Profile, levels: Levels) -> bool {
    let email = levels.of(Field::Email);
    let mobile = a.mobiles.iter().any(|number| b.mobiles.contains(number));
    let agrees = (1..=SAME_LOCAL).contains(&email) || mobile;
    let differs = matches!(email, 5 | 6) || levels.of(Field::Phone) == OTHER_NUMBER || a.has_mobile() && b.has_mobile();
    differs && !agrees
}

impl Veto {
    /// Every veto.
    pub const ALL: [Self; 6] =
        [Self::Born, Self::Relatives, Self::Names, Self::Namesakes, Self::Numbers, Self::Companies];

    /// The word stored and printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Born => "born",
            Self::Relatives => "relatives",
            Self::Names => "names",
            Self::Namesakes => "namesakes",
            Self::Numbers => "numbers",
            Self::Companies => "companies",
        }
    }

    /// They may be relatives.
    #[must_use]
    pub const fn is_kin(&self) -> bool {
        matches!(self, Self::Relatives | Self::Namesakes)
    }

    /// What it rests on.
    const fn fields(self) -> &'static [Field] {
        match self {
            Self::Born => &[Field::Born],
            Self::Relatives | Self::Names => &[Field::Given, Field::Surname],
            Self::Namesakes => &[Field::Email],
            Self::Numbers => &[Field::Number],
            Self::Companies => &[Field::Company],
        }
    }

    /// Another record of the same entity was compared in the same, and nothing was held against it.
    #[must_use]
    pub fn is_answered(self, by: &Score) -> bool {
        let compared = |field: &Field| by.steps.iter().any(|step| step.field == *field);
        !by.vetoes.contains(&self) && self.fields().iter().all(compared)
    }
}

/// Neither the year nor the day in it is the same.
fn apart((a, b): (&Born, &Born)) -> bool {
    let parts = |born: &'_ Born| born.digits.split_at_checked(4).map(|(year, day)| (year.to_owned(), day.to_owned()));
    parts(a).zip(parts(b)).is_some_and(|(a, b)| a.0 != b.0 && a.1 != b.1)
}
