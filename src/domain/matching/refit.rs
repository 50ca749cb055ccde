//! A model fitted to the records of the house and to what reviewers answered.
//!
//! Invariants:
//! - the same records give the same model, whatever order they come in;
//! - no more than [`MOST`] records are kept, chosen by the hash of the person, so that all of a person's are or none;
//! - what too few records have is weighed as before anything was fitted.

use std::collections::BTreeMap;

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use super::compare::Levels;
use super::field::{FIELDS, Field, LEVELS};
use super::fit::{Answers, learn_from};
use super::model::{Model, values};
use super::profile::Profile;

/// Most records that a model is fitted to.
pub const MOST: usize = 20_000;
/// Fewest records that tell anything.
pub const FEWEST: usize = 500;
/// Fewest repeats among them from which likeness can be learned, and fewest with a field from which its is.
pub const FEWEST_REPEATS: f64 = 20.0;
/// Pairs that what was known before counts as: the weights of the start against the records, those against answers.
const BELIEVED: f64 = 50.0;
/// Seed of the pairs drawn by chance.
const SEED: u64 = 1;

/// Records to fit to.
#[derive(Debug, Default)]
pub struct Sample {
    people: BTreeMap<u64, Vec<(u64, Profile)>>,
    kept: usize,
    /// Records seen, kept or not.
    pub seen: u64,
    most: usize,
}

/// What was learned.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The model.
    pub model: Model,
    /// Fields of which too few records tell: they weigh as before anything was fitted.
    pub untold: Vec<Field>,
    /// About how many pairs of the records are one person.
    pub repeats: f64,
}

/// Why no model was fitted.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum TooFew {
    /// So many records only.
    #[error("{0} records are too few to learn from: {needed} are needed", needed = FEWEST)]
    Records(usize),
    /// So many repeats among them only.
    #[error("among these records about {0:.0} pairs are one person: {needed:.0} are needed to learn from", needed = FEWEST_REPEATS)]
    Repeats(f64),
}

impl Sample {
    /// Keeps at most `most` records.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// Takes in a record of a person.
    pub fn add(&mut self, person: i64, profile: Profile) {
        self.seen = self.seen.saturating_add(1);
        let chosen = xxh3_64(&person.to_le_bytes());
        if self.people.last_key_value().is_some_and(|(last, _)| self.kept >= self.most && chosen > *last) {
            return;
        }
        let place = xxh3_64(serde_json::to_string(&profile).unwrap_or_default().as_bytes());
        self.people.entry(chosen).or_default().push((place, profile));
        self.kept = self.kept.saturating_add(1);
        while self.kept > self.most && self.people.len() > 1 {
            let gone = self.people.pop_last().map_or(0, |(_, records)| records.len());
            self.kept = self.kept.saturating_sub(gone);
        }
    }

    /// Records kept.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.kept
    }

    /// None is kept.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.kept == 0
    }

    /// Fits a model to the records kept and to what reviewers said.
    ///
    /// # Errors
    /// When there are too few records, or too few repeats among them.
    pub fn fit(self, answers: &Answers) -> Result<Fitted, TooFew> {
        let count = self.kept;
        if count < FEWEST {
            return Err(TooFew::Records(count));
        }
        let mut records: Vec<(u64, Profile)> = self.people.into_values().flatten().collect();
        records.sort_by_key(|(place, _)| *place);
        let profiles: Vec<Profile> = records.into_iter().map(|(_, profile)| profile).collect();
        let start = Model::start();
        let (mut model, repeats) = learn_from(&profiles, SEED, answers, (&start, BELIEVED));
        if repeats < FEWEST_REPEATS {
            return Err(TooFew::Repeats(repeats));
        }
        let untold = untold(&profiles, repeats);
        for field in &untold {
            put(&mut model.m, &start.m, *field);
            put(&mut model.u, &start.u, *field);
        }
        teach(&mut model, &answers.one);
        Ok(Fitted { model, untold, repeats })
    }
}

fn put(shares: &mut [[f64; LEVELS]; FIELDS], from: &[[f64; LEVELS]; FIELDS], field: Field) {
    if let (Some(shares), Some(from)) = (shares.get_mut(field.index()), from.get(field.index())) {
        *shares = *from;
    }
}

/// Fields that too few of the repeats can be expected to have on both sides.
fn untold(profiles: &[Profile], repeats: f64) -> Vec<Field> {
    #[expect(clippy::cast_precision_loss, reason = "a number of records")]
    let has = |field: Field| {
        let have = |profile: &&Profile| match field {
            Field::Crossed => profile.given.is_some() && profile.surname.is_some(),
            field => !values(profile, field).is_empty(),
        };
        profiles.iter().filter(have).count() as f64 / profiles.len() as f64
    };
    Field::ALL.into_iter().filter(|field| repeats * has(*field).powi(2) < FEWEST_REPEATS).collect()
}

/// Reviewers' answers as so many more pairs of one person: m = (m0 * 50 + answers at the level) / (50 + answers).
fn teach(model: &mut Model, answers: &[Levels]) {
    let mut counts = [[0.0; LEVELS]; FIELDS];
    for (field, level) in answers.iter().flat_map(|levels| levels.all()).filter(|(_, level)| *level > 0) {
        let counts: Option<&mut [f64; LEVELS]> = counts.get_mut(field.index());
        if let Some(count) = counts.and_then(|counts| counts.get_mut(usize::from(level))) {
            *count += 1.0;
        }
    }
    for (shares, counts) in model.m.iter_mut().zip(&counts) {
        let told: f64 = counts.iter().sum();
        for (share, count) in shares.iter_mut().zip(counts).skip(1) {
            *share = share.mul_add(BELIEVED, *count) / (BELIEVED + told);
        }
    }
}

/// What a level weighs by two models.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Which field.
    pub field: Field,
    /// Name of the level.
    pub level: &'static str,
    /// Bits by the model in force.
    pub before: f64,
    /// Bits by the new one.
    pub after: f64,
}

/// Every level of every field by both models, before frequency, in order.
#[must_use]
pub fn changes(before: &Model, after: &Model) -> Vec<Change> {
    let levels = |field: Field| (1..).zip(field.levels()).map(move |(level, name)| (field, level, *name));
    let all = Field::ALL.into_iter().flat_map(levels);
    all.map(|(field, level, name)| Change {
        field,
        level: name,
        before: before.weight(field, level),
        after: after.weight(field, level),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::super::compare::compare;
    use super::super::profile::Fact;
    use super::*;

    /// People of whom every fourth came twice.
    fn people() -> Vec<(i64, Profile)> {
        let syllables =
            ["ba", "den", "fo", "gri", "hul", "ja", "kem", "lo", "mir", "nu", "pas", "ro", "sel", "ti", "vor", "zy"];
        let mut all = Vec::new();
        for n in 0_usize..520 {
            let chance = xxh3_64(&n.to_le_bytes()).to_le_bytes().map(usize::from);
            let word = |at: [usize; 3]| at.map(|at| syllables[chance[at] % 16]).concat();
            let (given, surname) = (word([0, 1, 0]), word([2, 3, 4]));
            let email = format!("{given}.{surname}@mail{}.example", n % 40);
            let phone = format!("+336{:03}{:03}{:02}", chance[5], chance[6], chance[7] % 100);
            let profile = |email: &str| {
                Profile::of([
                    (Fact::FirstName, given.as_str()),
                    (Fact::LastName, &surname),
                    (Fact::Email, email),
                    (Fact::Phone, &phone),
                ])
            };
            let person = i64::try_from(n).unwrap();
            all.push((person, profile(&email)));
            if n % 4 == 0 {
                all.push((person, profile(&format!("{}{n}@other.example", syllables[n % 16]))));
            }
        }
        all
    }

    fn sample(people: impl IntoIterator<Item = (i64, Profile)>, most: usize) -> Sample {
        let mut sample = Sample::new(most);
        for (person, profile) in people {
            sample.add(person, profile);
        }
        assert!(sample.len() <= most);
        sample
    }

    fn fitted(people: impl IntoIterator<Item = (i64, Profile)>, most: usize) -> Fitted {
        sample(people, most).fit(&Answers::default()).unwrap()
    }

    fn share(model: &Model, field: Field, level: usize) -> f64 {
        model.m[field.index()][level]
    }

    fn same(one: &Model, other: &Model, field: Field) -> bool {
        let bits = |model: &Model| model.m[field.index()].map(f64::to_bits);
        bits(one) == bits(other)
    }

    #[test]
    fn the_order_of_the_records_does_not_matter() {
        let model = fitted(people(), MOST);
        for seed in 1_i64..3 {
            let mut shuffled = people();
            shuffled.sort_by_key(|(person, p)| (xxh3_64(&(person * 7 + seed).to_le_bytes()), p.emails.len(), seed));
            if seed == 2 {
                shuffled.reverse();
            }
            assert_eq!(fitted(shuffled, MOST), model);
        }
        // Nor does it where only some are kept.
        let mut reversed = people();
        reversed.reverse();
        assert_eq!(fitted(reversed, 600), fitted(people(), 600));
    }

    #[test]
    fn what_is_learned_is_what_the_records_say() {
        let Fitted { model, untold, repeats } = fitted(people(), MOST);
        assert!((90.0..180.0).contains(&repeats), "{repeats}: 130 came twice");
        let start = Model::start();
        let moved = |field: Field| share(&model, field, 1) - share(&start, field, 1);
        assert!(
            moved(Field::Phone) > 0.05,
            "whoever came twice kept the number {:?} {:?} {repeats}",
            model.m[Field::Phone.index()],
            start.m[Field::Phone.index()]
        );
        assert!(moved(Field::Email) < -0.3, "and had another mailbox");
        for field in [Field::Born, Field::Company, Field::Address] {
            assert!(untold.contains(&field), "{untold:?}");
            assert!(same(&model, &start, field), "nothing is known of it");
        }
        assert!(!untold.contains(&Field::Given) && !untold.contains(&Field::Phone), "{untold:?}");
        let changes = changes(&start, &model);
        let phone = changes.iter().find(|c| (c.field, c.level) == (Field::Phone, "equal")).unwrap();
        assert!((phone.before - start.weight(Field::Phone, 1)).abs() < 1e-9);
        assert!((phone.after - model.weight(Field::Phone, 1)).abs() < 1e-9);
    }

    #[test]
    fn what_no_pair_shows_weighs_as_before_and_nothing_says_its_opposite() {
        let (start, model) = (Model::start(), fitted(people(), MOST).model);
        for change in changes(&start, &model) {
            assert!(change.before * change.after >= -1e-9, "{change:?}");
        }
        let unseen =
            changes(&start, &model).into_iter().find(|c| (c.field, c.level) == (Field::Email, "same_shared_mailbox"));
        let unseen = unseen.unwrap();
        assert!((unseen.before - unseen.after).abs() < 1e-9, "{unseen:?}");
    }

    #[test]
    fn too_few_records_or_repeats_are_refused() {
        let few = sample(people().into_iter().take(300), MOST).fit(&Answers::default());
        assert_eq!(few.unwrap_err(), TooFew::Records(300));
        let once = people().into_iter().filter(|(_, p)| !p.emails[0].domain.starts_with("other"));
        let none = sample(once, MOST).fit(&Answers::default());
        assert!(matches!(none, Err(TooFew::Repeats(_))), "{none:?}");
    }

    #[test]
    fn answers_move_the_shares_as_so_many_more_pairs() {
        let mut model = Model::start();
        let a = Profile::of([(Fact::FirstName, "Jan"), (Fact::Phone, "+33612345678")]);
        let b = Profile::of([(Fact::FirstName, "Jan"), (Fact::Phone, "+33612999999")]);
        let before = model.clone();
        teach(&mut model, &[compare(&a, &b); 50]);
        assert!((share(&model, Field::Given, 1) - f64::midpoint(share(&before, Field::Given, 1), 1.0)).abs() < 1e-12);
        assert!((share(&model, Field::Phone, 1) - share(&before, Field::Phone, 1) / 2.0).abs() < 1e-12);
        assert!(same(&model, &before, Field::Email), "nothing was said of it");
    }

    #[test]
    fn of_pairs_that_a_reviewer_called_two_nothing_is_learned() {
        let twice: Vec<Profile> = people().into_iter().filter(|(n, _)| *n == 0).map(|(_, profile)| profile).collect();
        let levels = compare(&twice[0], &twice[1]);
        let alike = people().iter().filter(|(n, _)| n % 4 == 0).count() / 2;
        let without = fitted(people(), MOST);
        let answers = Answers { two: vec![levels; alike / 3], ..Answers::default() };
        let with = sample(people(), MOST).fit(&answers).unwrap();
        assert!(with.repeats < without.repeats - 10.0, "{} {}", with.repeats, without.repeats);
        let answers = Answers { one: vec![levels; 50], ..Answers::default() };
        let taught = sample(people(), MOST).fit(&answers).unwrap();
        let level = usize::from(levels.of(Field::Email));
        assert!(share(&taught.model, Field::Email, level) > share(&without.model, Field::Email, level));
    }
}
