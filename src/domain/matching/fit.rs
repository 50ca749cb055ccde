//! Weights from the records themselves, without anybody's labels.
//!
//! u comes from pairs drawn by chance, corrected for the few of them that are one person; m and the prior from
//! expectation and maximisation (Dempster, Laird and Rubin, 1977; for linkage Winkler, 1988) over how often each pattern
//! of levels shows among pairs that share a blocking key. The prior is the share among all pairs, not among those.
//!
//! Invariant: the same records in the same order and the same seed give the same model.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::MatchKey;
use super::blocking::blocking;
use super::compare::{Levels, compare};
use super::field::{FIELDS, Field, LEVELS};
use super::model::{Frequencies, Learned, Model, Shares, kin_odds, same_place, weight};
use super::profile::Profile;

/// A key that more records have tells nothing.
const CROWD: usize = 200;
/// Pairs drawn by chance.
const DRAWN: u64 = 200_000;
/// Rounds of expectation and maximisation at most.
const ROUNDS: usize = 100;
/// Ends when the prior changes by less than this part of itself.
const SETTLED: f64 = 1e-9;
/// Added to the count of each level among pairs drawn by chance, so that none is impossible.
const SMOOTHING: f64 = 0.3;
/// The same among pairs of one person.
const SMOOTHING_M: f64 = 0.02;
/// What is thought of one person's records before anything is known: equal, one level off, anything else.
const EXPECTED: [f64; 3] = [0.8, 0.08, 0.02];
/// Records of one person that each record has, before anything is known.
const REPEATS: f64 = 0.3;
/// The prior is never thought greater than this.
const MOST: f64 = 0.5;
/// Of a share among pairs drawn by chance at least this part is of two people.
const OF_TWO: f64 = 0.05;
/// Smallest share.
const LEAST: f64 = 1e-7;

/// What there is to learn from.
#[expect(missing_debug_implementations, reason = "it borrows a question")]
pub struct Material<'a> {
    /// Records.
    pub profiles: &'a [Profile],
    /// Pairs of them that share a blocking key, each once.
    pub pairs: &'a [(u32, u32)],
    /// Which pairs are asked about: all but a record with itself, or those across two files.
    pub asked: &'a dyn Fn(u32, u32) -> bool,
    /// How many pairs that makes.
    pub all_pairs: f64,
}

/// What reviewers said of pairs: how the two stood to each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// They are one.
    pub one: Vec<Levels>,
    /// They are two.
    pub two: Vec<Levels>,
    /// Those of the two that nothing but their bits kept from being taken for one.
    pub near: Vec<Levels>,
}

/// Fits a model on records as they are: pairs of those that share a key, as far as the key is not everybody's.
#[must_use]
pub fn learn(profiles: &[Profile], asked: &dyn Fn(u32, u32) -> bool, all_pairs: f64, seed: u64) -> Model {
    learn_with(profiles, asked, all_pairs, seed, &Answers::default())
}

/// As [`learn`], with what is known of some pairs.
#[must_use]
pub fn learn_with(
    profiles: &[Profile],
    asked: &dyn Fn(u32, u32) -> bool,
    all_pairs: f64,
    seed: u64,
    answers: &Answers,
) -> Model {
    let pairs = pairs(profiles, asked);
    fit_with(&Material { profiles, pairs: &pairs, asked, all_pairs }, seed, answers)
}

/// Pairs of records that share a blocking key, each once, in order.
#[must_use]
pub fn pairs(profiles: &[Profile], asked: &dyn Fn(u32, u32) -> bool) -> Vec<(u32, u32)> {
    let mut rows: HashMap<MatchKey, Vec<u32>> = HashMap::new();
    for (at, profile) in (0_u32..).zip(profiles) {
        for key in blocking(profile) {
            rows.entry(key).or_default().push(at);
        }
    }
    let mut pairs = BTreeSet::new();
    for row in rows.values().filter(|row| row.len() <= CROWD) {
        for (place, a) in row.iter().enumerate() {
            let others = row.iter().skip(place + 1).filter(|b| asked(*a, **b));
            pairs.extend(others.map(|b| (*a.min(b), *a.max(b))));
        }
    }
    pairs.into_iter().collect()
}

/// Fits a model.
#[must_use]
pub fn fit(material: &Material<'_>, seed: u64) -> Model {
    fit_with(material, seed, &Answers::default())
}

/// Fits a model; of the pairs that a reviewer answered nothing is guessed.
fn fit_with(material: &Material<'_>, seed: u64, answers: &Answers) -> Model {
    let drawn = drawn(material, seed);
    let mut counts: BTreeMap<Levels, f64> = BTreeMap::new();
    for (a, b) in material.pairs {
        if let Some(levels) = pair(material, *a, *b) {
            *counts.entry(levels).or_default() += 1.0;
        }
    }
    for levels in answers.one.iter().chain(&answers.two) {
        if let Some(count) = counts.get_mut(levels) {
            *count = (*count - 1.0).max(0.0);
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a number of records")]
    let records = material.profiles.len() as f64;
    let prior = (records * REPEATS / material.all_pairs).min(MOST);
    let mut learned = Learned { m: expected(), u: drawn, prior, kin: [prior; 2] };
    for _ in 0..ROUNDS {
        let before = learned.prior;
        learned = again(&learned, (&counts, answers.one.as_slice()), &drawn, material.all_pairs);
        if (learned.prior - before).abs() <= before * SETTLED {
            break;
        }
    }
    learned.kin = kin(&learned, &counts, material.all_pairs);
    Model::new(learned, material.profiles.len() as u64, Frequencies::of(material.profiles))
}

fn pair(material: &Material<'_>, a: u32, b: u32) -> Option<Levels> {
    let profile = |at: u32| material.profiles.get(at as usize);
    Some(compare(profile(a)?, profile(b)?))
}

/// Shares of levels among pairs drawn by chance.
fn drawn(material: &Material<'_>, seed: u64) -> Shares {
    let mut shares = [[SMOOTHING; LEVELS]; FIELDS];
    let records = material.profiles.len() as u64;
    let mut left = if records < 2 { 0 } else { DRAWN };
    // Of two files half of the pairs are not asked about; a bound, should there be none at all.
    for draw in 0..DRAWN * 20 {
        if left == 0 {
            break;
        }
        let place = |side: u64| {
            let hash = xxh3_64_with_seed(&(draw * 2 + side).to_le_bytes(), seed);
            u32::try_from(hash % records.max(1)).unwrap_or(0)
        };
        let (a, b) = (place(0), place(1));
        if a == b || !(material.asked)(a, b) {
            continue;
        }
        left -= 1;
        for (field, level) in pair(material, a, b).into_iter().flat_map(Levels::all) {
            add(&mut shares, field, level, 1.0);
        }
    }
    normalise(&mut shares);
    shares
}

fn expected() -> Shares {
    let [equal, near, other] = EXPECTED;
    let mut shares = [[other; LEVELS]; FIELDS];
    for levels in &mut shares {
        for (level, share) in levels.iter_mut().enumerate().take(3) {
            *share = if level == 2 { near } else { equal };
        }
    }
    normalise(&mut shares);
    shares
}

fn add(shares: &mut Shares, field: Field, level: u8, count: f64) {
    if let Some(share) = shares.get_mut(field.index()).and_then(|levels| levels.get_mut(usize::from(level))) {
        *share += count;
    }
}

/// The levels of each field make one; what could not be compared does not count.
fn normalise(shares: &mut Shares) {
    for levels in shares {
        let total: f64 = levels.iter().skip(1).sum();
        for share in levels.iter_mut().skip(1) {
            *share /= total;
        }
    }
}

/// One round: how likely each pattern of levels is one person, and what follows from that.
/// `told`: pairs that surely are.
fn again(
    old: &Learned,
    (counts, told): (&BTreeMap<Levels, f64>, &[Levels]),
    drawn: &Shares,
    all_pairs: f64,
) -> Learned {
    let mut m = [[SMOOTHING_M; LEVELS]; FIELDS];
    let mut total = 0.0;
    let guessed = counts.iter().map(|(levels, count)| {
        let odds = one_person(old, &steps(old, *levels));
        (levels, count * odds / (1.0 + odds))
    });
    for (levels, one_person) in guessed.chain(told.iter().map(|levels| (levels, 1.0))) {
        total += one_person;
        for (field, level) in levels.all() {
            add(&mut m, field, level, one_person);
        }
    }
    normalise(&mut m);
    let prior = (total / all_pairs).min(MOST);
    Learned { u: of_two_people(drawn, &m, prior), m, prior, kin: old.kin }
}

/// How frequent kin are. Only pairs count in which numbers of their own are compared: twins are born on one day, a father
/// and his son bear one name, and elsewhere neither can be told from one person. Without any they are as frequent as
/// repeats.
fn kin(learned: &Learned, counts: &BTreeMap<Levels, f64>, all_pairs: f64) -> [f64; 2] {
    let told = counts.iter().filter(|(levels, _)| levels.of(Field::Number) > 0);
    let told: Vec<(Vec<Step>, f64)> = told.map(|(levels, count)| (steps(learned, *levels), *count)).collect();
    let mut kin = [learned.prior; 2];
    for _ in 0..ROUNDS {
        let mut sums = [SMOOTHING_M; 2];
        for (steps, count) in &told {
            let relations = kin_odds(steps, &learned.u, kin);
            let all = 1.0 + one_person(learned, steps) + relations.iter().sum::<f64>();
            for (sum, odds) in sums.iter_mut().zip(relations) {
                *sum += count * odds / all;
            }
        }
        kin = sums.map(|sum| (sum / all_pairs).min(MOST));
    }
    // The others have kin at the same rate.
    let persons = |odds: f64| odds / (1.0 + odds);
    let seen: f64 = told.iter().map(|(steps, count)| count * persons(one_person(learned, steps))).sum();
    if seen < 1.0 {
        return [learned.prior; 2];
    }
    kin.map(|share| (share * learned.prior * all_pairs / seen).min(MOST))
}

/// A field, its level and its weight in bits.
type Step = (Field, u8, f64);

fn one_person(learned: &Learned, steps: &[Step]) -> f64 {
    let weights = steps.iter().map(|(_, _, weight)| weight).sum::<f64>();
    learned.prior / (1.0 - learned.prior) * weights.exp2()
}

fn steps(learned: &Learned, levels: Levels) -> Vec<Step> {
    let compared = levels.all().filter(|(_, level)| *level > 0);
    compared
        .map(|(field, level)| {
            let weight = weight(&learned.m, &learned.u, field, level);
            (field, level, if weight > 0.0 { weight * same_place(levels, field) } else { weight })
        })
        .collect()
}

/// Pairs drawn by chance hold some of one person, too: their part is taken out.
fn of_two_people(drawn: &Shares, m: &Shares, prior: f64) -> Shares {
    let mut u = *drawn;
    for (levels, m) in u.iter_mut().zip(m) {
        for (share, m) in levels.iter_mut().zip(m).skip(1) {
            *share = ((*share - prior * m) / (1.0 - prior)).max(*share * OF_TWO).max(LEAST);
        }
    }
    normalise(&mut u);
    u
}
