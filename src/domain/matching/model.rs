//! What the levels of likeness weigh (Fellegi and Sunter, 1969), in bits.
//!
//! A weight is log2(m / u): how much more often two records of one person show this level than two records of two people.
//! A value that many have weighs less than one that few have (Winkler's adjustment for frequency).
//!
//! Invariants:
//! - what cannot be compared weighs nothing;
//! - the prior falls with the number of records, so that a probability means the same in a small house and in a large one.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::compare::Levels;
use super::field::{FIELDS, Field, LEVELS};
use super::kin::Kin;
use super::profile::{NORM, Profile};

/// How much of the difference in frequency is believed where values are equal.
const FREQUENCY: f64 = 0.7;
/// And where they are only like each other.
const FREQUENCY_LIKE: f64 = 0.35;
/// Levels up to this are like enough for frequency to count.
const LIKE: u8 = 3;
/// What speaks for one place besides its address counts so much: it follows from the address.
const SAME_PLACE: f64 = 0.5;
/// The most that crossed names cost, in bits.
const CROSSED: f64 = -4.0;
/// The most that a mailbox several people read may say, in bits.
const SHARED: f64 = 4.0;
/// Smallest number of records that a value is called frequent for.
const FREQUENT: u64 = 3;
/// Most values of a field that are remembered as frequent.
const REMEMBERED: usize = 20_000;

/// How often each level of each field shows, from 0 to 1; level 0 is not used.
pub type Shares = [[f64; LEVELS]; FIELDS];

/// Shares of records that have a value, for values that several have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Frequencies(Vec<Vec<(u64, f32)>>);

impl Frequencies {
    /// Counted over the values of records.
    #[must_use]
    pub fn of<'a>(profiles: impl IntoIterator<Item = &'a Profile>) -> Self {
        let mut counts = vec![std::collections::HashMap::<u64, u64>::new(); FIELDS];
        for profile in profiles {
            for (field, counts) in Field::ALL.into_iter().zip(&mut counts) {
                for value in values(profile, field) {
                    *counts.entry(value).or_default() += 1;
                }
            }
        }
        Self(counts.into_iter().map(Self::frequent).collect())
    }

    fn frequent(counts: std::collections::HashMap<u64, u64>) -> Vec<(u64, f32)> {
        let total: u64 = counts.values().sum();
        let mut kept: Vec<(u64, u64)> = counts.into_iter().filter(|(_, count)| *count >= FREQUENT).collect();
        kept.sort_unstable_by_key(|(value, count)| (std::cmp::Reverse(*count), *value));
        kept.truncate(REMEMBERED);
        kept.sort_unstable();
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a share needs no more")]
        kept.into_iter().map(|(value, count)| (value, (count as f64 / total as f64) as f32)).collect()
    }

    /// Nothing was counted: no value is known to be rare.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn share(&self, field: Field, value: u64) -> f64 {
        let Some(values) = self.0.get(field.index()) else { return 0.0 };
        let found = values.binary_search_by_key(&value, |(value, _)| *value).ok().and_then(|at| values.get(at));
        found.map_or(0.0, |(_, share)| f64::from(*share))
    }
}

/// Values of a field, hashed.
pub(super) fn values(profile: &Profile, field: Field) -> Vec<u64> {
    let hash = |text: &str| xxh3_64(text.as_bytes());
    let one = |text: Option<&str>| text.map(hash).into_iter().collect();
    match field {
        Field::Given => one(profile.given.as_ref().map(|name| name.text.as_str())),
        Field::Surname => one(profile.surname.as_ref().map(|name| name.text.as_str())),
        Field::Email => profile.emails.iter().map(|m| hash(&format!("{}@{}", m.local, m.domain))).collect(),
        Field::Born => one(profile.born.as_ref().map(|born| born.digits.as_str())),
        Field::Number => profile.numbers.iter().map(|number| hash(number)).collect(),
        Field::Phone => profile.phones.iter().map(|phone| hash(phone)).collect(),
        Field::Company if profile.company.is_empty() => Vec::new(),
        Field::Company => vec![hash(&profile.company.join(" "))],
        Field::Address if profile.street.is_empty() => Vec::new(),
        Field::Address => {
            vec![hash(&format!("{} {}", profile.house.as_deref().unwrap_or_default(), profile.street.join(" ")))]
        }
        Field::Place => profile.places.iter().map(|place| hash(place)).collect(),
        Field::Postcode => one(profile.postcode.as_deref()),
        Field::State => one(profile.state.as_deref()),
        Field::Crossed => Vec::new(),
    }
}

/// Weights of the levels, and what they were learned from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Number of the row it is kept in; 0 for one that is not kept.
    #[serde(skip)]
    pub id: i64,
    /// Version of the rules of normalising it was made for.
    pub norm: u32,
    /// Share of the levels among pairs of records of one person.
    pub m: Shares,
    /// And of two people.
    pub u: Shares,
    /// Share of pairs that are one person, among all pairs of the records it was fitted on.
    pub prior: f64,
    /// The same for pairs of relatives and pairs of colleagues, in the order of [`Kin::ALL`].
    pub kin: [f64; 2],
    /// Records it was fitted on.
    pub records: u64,
    /// Frequent values.
    pub frequencies: Frequencies,
}

/// What one field says of two records.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Which field.
    pub field: Field,
    /// Its level.
    pub level: u8,
    /// Bits, the part below among them.
    pub weight: f64,
    /// Bits for how frequent the values are.
    pub frequency: f64,
}

impl Model {
    /// A model of shares, for the rules of normalising of now.
    #[must_use]
    pub const fn new(learned: Learned, records: u64, frequencies: Frequencies) -> Self {
        let Learned { m, u, prior, kin } = learned;
        Self { id: 0, norm: NORM, m, u, prior, kin, records, frequencies }
    }

    /// The prior in bits, among `records` known ones: never better than where it was fitted.
    #[must_use]
    pub fn prior(&self, records: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "bits of a logarithm")]
        let grown = self.records.max(1) as f64 / records.max(self.records).max(1) as f64;
        let share = self.prior * grown;
        (share / (1.0 - share)).log2()
    }

    /// How much likelier one person made the steps than two relatives or colleagues, in bits.
    #[must_use]
    pub fn ahead_of_kin(&self, steps: &[Step]) -> f64 {
        let weights: f64 = steps.iter().map(|step| step.weight).sum();
        let steps: Vec<_> = steps.iter().map(|step| (step.field, step.level, step.weight)).collect();
        let kin: f64 = kin_odds(&steps, &self.u, self.kin).into_iter().sum();
        self.prior.log2() + weights - kin.log2()
    }

    /// What a level of a field weighs before frequency, in bits.
    #[must_use]
    pub fn weight(&self, field: Field, level: u8) -> f64 {
        weight(&self.m, &self.u, field, level)
    }

    /// What fields that stand to each other like this weigh with the prior, however frequent their values are, in bits.
    #[must_use]
    pub fn bits(&self, levels: Levels) -> f64 {
        let compared = levels.all().filter(|(_, level)| *level > 0);
        let weights = compared.map(|(field, level)| {
            let weight = self.weight(field, level);
            if weight > 0.0 { weight * same_place(levels, field) } else { weight }
        });
        self.prior(self.records) + weights.sum::<f64>()
    }

    /// What each field says of two records that stand to each other like this.
    #[must_use]
    pub fn steps(&self, a: &Profile, b: &Profile, levels: Levels) -> Vec<Step> {
        let compared = levels.all().filter(|(_, level)| *level > 0);
        compared.map(|(field, level)| self.step(a, b, levels, field, level)).collect()
    }

    fn step(&self, a: &Profile, b: &Profile, levels: Levels, field: Field, level: u8) -> Step {
        let bare = self.weight(field, level);
        let believed = match level {
            1 => FREQUENCY,
            level if level <= LIKE && bare > 0.0 => FREQUENCY_LIKE,
            _ => 0.0,
        };
        let frequency = if believed > 0.0 { believed * self.rarity(a, b, levels, field) } else { 0.0 };
        let part = if bare + frequency > 0.0 { same_place(levels, field) } else { 1.0 };
        Step { field, level, weight: (bare + frequency) * part, frequency: frequency * part }
    }

    /// How much rarer than usual the values are, in bits; of two different values the more frequent one counts. Of names in
    /// each other's place both are asked: which of the two a level is of is not known, and it is half of either.
    fn rarity(&self, a: &Profile, b: &Profile, levels: Levels, field: Field) -> f64 {
        let equal = levels.of(field) == 1;
        let shares = match field {
            Field::Given | Field::Surname if levels.of(Field::Crossed) == 1 => vec![
                self.share((a, Field::Given), (b, Field::Surname), equal),
                self.share((a, Field::Surname), (b, Field::Given), equal),
            ],
            field => vec![self.share((a, field), (b, field), equal)],
        };
        let usual = self.u.get(field.index()).and_then(|levels| levels.get(1)).copied();
        let bits = shares.iter().map(|share| share.map_or(0.0, |share| (usual.unwrap_or(share) / share).log2()));
        #[expect(clippy::cast_precision_loss, reason = "one or two")]
        let count = shares.len() as f64;
        bits.sum::<f64>() / count
    }

    /// The share of records that have a value like these; `None` where one has none, or nothing was counted.
    fn share(&self, a: (&Profile, Field), b: (&Profile, Field), equal: bool) -> Option<f64> {
        let (mut mine, mut theirs) = (values(a.0, a.1), values(b.0, b.1));
        if mine.is_empty() || theirs.is_empty() || self.frequencies.is_empty() {
            return None;
        }
        if equal && mine.len().max(theirs.len()) > 1 {
            mine.retain(|value| theirs.contains(value));
            theirs.retain(|value| mine.contains(value));
        }
        let most = |field, values: &[u64]| {
            values.iter().map(|value| self.frequencies.share(field, *value)).fold(0.0, f64::max)
        };
        #[expect(clippy::cast_precision_loss, reason = "bits of a logarithm")]
        let least = 2.0 / self.records.max(2) as f64;
        Some(most(a.1, &mine).max(most(b.1, &theirs)).max(least))
    }
}

/// What is learned of records.
#[derive(Debug, Clone, Copy)]
pub struct Learned {
    /// Share of levels among pairs of one person.
    pub m: Shares,
    /// And of two people.
    pub u: Shares,
    /// Share of pairs of one person.
    pub prior: f64,
    /// And of kin.
    pub kin: [f64; 2],
}

/// How likely each kind of kin makes the steps, against chance; nobody is kin of an organisation.
pub(super) fn kin_odds(steps: &[(Field, u8, f64)], u: &Shares, kin: [f64; 2]) -> [f64; 2] {
    if !steps.iter().any(|(field, _, _)| matches!(field, Field::Given | Field::Surname)) {
        return [0.0; 2];
    }
    let equal = |field: Field| u.get(field.index()).and_then(|levels| levels.get(1)).copied().unwrap_or(1.0);
    let odds = |kin: Kin, share: f64| {
        let bits = steps.iter().map(|(field, level, weight)| kin.weight(*field, *level, *weight, equal(*field)));
        share * bits.sum::<f64>().exp2()
    };
    let [relatives, colleagues] = kin;
    [odds(Kin::Relatives, relatives), odds(Kin::Colleagues, colleagues)]
}

/// Where the address agrees, what else is said of the place is no witness of its own.
pub(super) fn same_place(levels: Levels, field: Field) -> f64 {
    let follows = matches!(field, Field::Place | Field::Postcode | Field::State);
    if follows && matches!(levels.of(Field::Address), 1 | 2) { SAME_PLACE } else { 1.0 }
}

/// What a level weighs, in bits.
pub(super) fn weight(m: &Shares, u: &Shares, field: Field, level: u8) -> f64 {
    let share = |shares: &Shares| {
        shares.get(field.index()).and_then(|levels| levels.get(usize::from(level))).copied().unwrap_or(1.0)
    };
    let (m, u) = (share(m), share(u));
    match (field, level) {
        // Names in each other's place prove nothing; how far they agree does.
        (Field::Crossed, 1) => m.log2().max(CROSSED),
        (Field::Crossed, _) | (_, 0) => 0.0,
        (Field::Email, 7) => (m / u).log2().clamp(0.0, SHARED),
        _ => (m / u).log2(),
    }
}
