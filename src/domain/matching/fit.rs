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
/// The same of a share.
const SETTLED_SHARE: f64 = 1e-6;
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
/// Pairs that a level must show in for its weight to move from a known one.
const SHOWN: f64 = 10.0;
/// Odds by a known model from which on a pair may be one person.
const POSSIBLE: f64 = 0.05;
/// Pairs drawn by chance that a known share counts as, so that what none of them shows is not thought impossible.
const BELIEVED_DRAWN: f64 = 1_000.0;
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
    let pairs = pairs(profiles, asked);
    fit(&Material { profiles, pairs: &pairs, asked, all_pairs }, seed)
}

/// Fits a model that goes on from one that is known to work: a share is learned as far as the records tell of it, against
/// as many pairs of the known one as `believed`. Also how many pairs the known model takes for one person: where there are
/// few, what is learned is something else that many records have in common.
#[must_use]
pub fn learn_from(profiles: &[Profile], seed: u64, answers: &Answers, known: (&Model, f64)) -> (Model, f64) {
    let asked = |a, b| a != b;
    let pairs = pairs(profiles, &asked);
    #[expect(clippy::cast_precision_loss, reason = "a number of records")]
    let count = profiles.len() as f64;
    let material = Material { profiles, pairs: &pairs, asked: &asked, all_pairs: count * (count - 1.0) / 2.0 };
    let start = known.0;
    let prior = start.prior(profiles.len() as u64) - start.prior(start.records);
    let odds = |levels: Levels| (start.bits(levels) + prior).exp2();
    let mut counts = counts(&material, answers);
    let repeats = counts.iter().map(|(levels, count)| count * odds(*levels) / (1.0 + odds(*levels))).sum::<f64>();
    #[expect(clippy::cast_precision_loss, reason = "a number of answers")]
    let repeats = repeats + answers.one.len() as f64;
    // Colleagues and families have something in common, too, and are many.
    counts.retain(|levels, _| odds(*levels) >= POSSIBLE);
    let mut model = fit_with(&material, seed, &counts, Some((start, known.1, repeats)));
    let shown = shown(&material, seed, (&model, &counts));
    tame(&mut model, start, &shown);
    (model, repeats)
}

/// How many pairs show each level: drawn by chance, or likely one person.
fn shown(material: &Material<'_>, seed: u64, (model, counts): (&Model, &BTreeMap<Levels, f64>)) -> Shares {
    let mut shown = drawn_counts(material, seed);
    for (levels, count) in counts {
        let odds = model.bits(*levels).exp2();
        for (field, level) in levels.all() {
            add(&mut shown, field, level, count * odds / (1.0 + odds));
        }
    }
    shown
}

/// A level that hardly any pair shows weighs as before; none comes to say the opposite of what it said.
fn tame(model: &mut Model, before: &Model, shown: &Shares) {
    // Names in each other's place weigh what they are among repeats, and nothing else.
    for field in Field::ALL.into_iter().filter(|field| *field != Field::Crossed) {
        for level in (1..).take(field.levels().len()) {
            let (was, is) = (before.weight(field, level), model.weight(field, level));
            let place = (field.index(), usize::from(level));
            let shown = shown.get(place.0).and_then(|levels| levels.get(place.1)).copied().unwrap_or(0.0);
            let may = if shown < SHOWN {
                was
            } else if was < 0.0 {
                is.min(0.0)
            } else {
                is.max(0.0)
            };
            let m = model.m.get(place.0).and_then(|levels| levels.get(place.1)).copied().unwrap_or(LEAST);
            if let Some(u) = model.u.get_mut(place.0).and_then(|levels| levels.get_mut(place.1))
                && (may - is).abs() > f64::EPSILON
            {
                *u = m / may.exp2();
            }
        }
    }
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
    fit_with(material, seed, &counts(material, &Answers::default()), None)
}

/// How often each pattern of levels shows; of the pairs that a reviewer answered nothing is guessed.
fn counts(material: &Material<'_>, answers: &Answers) -> BTreeMap<Levels, f64> {
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
    counts
}

/// `known`: a model that is known to work, how many pairs it counts as, and how many it takes for one person.
fn fit_with(
    material: &Material<'_>,
    seed: u64,
    counts: &BTreeMap<Levels, f64>,
    known: Option<(&Model, f64, f64)>,
) -> Model {
    let drawn = drawn(material, seed, known.map(|(model, ..)| &model.u));
    #[expect(clippy::cast_precision_loss, reason = "a number of records")]
    let guessed = material.profiles.len() as f64 * REPEATS;
    let prior = (known.map_or(guessed, |(_, _, repeats)| repeats) / material.all_pairs).min(MOST);
    let thought = known.map_or_else(expected, |(model, ..)| of_levels(&model.m));
    // What is thought before counting weighs as so many pairs.
    let before = known.map_or([[SMOOTHING_M; LEVELS]; FIELDS], |(_, believed, _)| {
        thought.map(|levels| levels.map(|share| share * believed))
    });
    let mut learned = Learned { m: thought, u: drawn, prior, kin: [prior; 2] };
    for _ in 0..ROUNDS {
        let last = (learned.prior, learned.m);
        learned = again(&learned, counts, (&drawn, before), material.all_pairs);
        if known.is_some() {
            // Left to itself it would come to count whatever many have in common.
            learned.prior = prior;
        }
        if settled((learned.prior, &learned.m), (last.0, &last.1), known.is_some()) {
            break;
        }
    }
    learned.kin = kin(&learned, counts, material.all_pairs);
    Model::new(learned, material.profiles.len() as u64, Frequencies::of(material.profiles))
}

/// Whether a round changed the prior, or where that does not move the shares, by hardly anything.
fn settled((prior, m): (f64, &Shares), (old, before): (f64, &Shares), fixed: bool) -> bool {
    if fixed {
        m.iter().flatten().zip(before.iter().flatten()).all(|(share, before)| (share - before).abs() <= SETTLED_SHARE)
    } else {
        (prior - old).abs() <= old * SETTLED
    }
}

/// The levels that each field has, as shares that make one.
fn of_levels(m: &Shares) -> Shares {
    let mut shares = *m;
    for (field, levels) in Field::ALL.into_iter().zip(&mut shares) {
        for share in levels.iter_mut().skip(1 + field.levels().len()) {
            *share = LEAST;
        }
    }
    normalise(&mut shares);
    shares
}

fn pair(material: &Material<'_>, a: u32, b: u32) -> Option<Levels> {
    let profile = |at: u32| material.profiles.get(at as usize);
    Some(compare(profile(a)?, profile(b)?))
}

/// Shares of levels among pairs drawn by chance.
fn drawn(material: &Material<'_>, seed: u64, known: Option<&Shares>) -> Shares {
    let mut shares = drawn_counts(material, seed);
    if let Some(known) = known.map(of_levels) {
        for (share, known) in shares.iter_mut().flatten().zip(known.iter().flatten()) {
            *share += known * BELIEVED_DRAWN;
        }
    }
    normalise(&mut shares);
    shares
}

fn drawn_counts(material: &Material<'_>, seed: u64) -> Shares {
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

/// One round: how likely each pattern of levels is one person, and what follows from that. `before`: what each level is
/// counted from.
fn again(old: &Learned, counts: &BTreeMap<Levels, f64>, (drawn, before): (&Shares, Shares), all_pairs: f64) -> Learned {
    let (mut m, mut total) = (before, 0.0);
    for (levels, count) in counts {
        let odds = one_person(old, &steps(old, *levels));
        let one_person = count * odds / (1.0 + odds);
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
