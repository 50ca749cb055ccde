//! Counting what was decided against the truth.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use serde::Serialize;
use ulid::Ulid;

use super::{Fed, Labelled, ordered};
use crate::domain::matching::verdict::Verdict;

/// Pairs said to be one, against the truth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the field's standard names")]
pub struct Counts {
    pub tp: usize,
    pub fp: usize,
    #[serde(rename = "fn")]
    pub missed: usize,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
}

/// Entities after all records were fed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Compared {
    /// The pairs they imply.
    #[serde(flatten)]
    pub counts: Counts,
    /// Records of the largest one.
    pub largest: usize,
}

/// What a trial found. A pair that was never proposed is missed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Records fed.
    pub records: usize,
    /// Pairs that are one.
    pub true_pairs: usize,
    /// What shuffled the records and fitted the weights.
    pub seed: u64,
    /// Share of the true pairs that were compared at all.
    pub candidate_recall: f64,
    /// Pairs of records with the verdict match.
    pub pairs_match: Counts,
    /// Match or review.
    pub pairs_match_or_review: Counts,
    /// Entities made without anybody's help.
    pub entities: Compared,
    /// The same after a person answered each question rightly.
    pub entities_reviewed: Compared,
    /// Records that raised a question, from 0 to 1.
    pub review_share: f64,
    /// All of it, in seconds.
    pub seconds: f64,
    /// From the first look to the commit, half of the records, in milliseconds.
    pub p50_ms: f64,
    /// The same for 99 of 100.
    pub p99_ms: f64,
}

pub(super) fn report(
    labelled: &Labelled,
    fed: &[Fed],
    compared: &BTreeMap<(usize, usize), Verdict>,
    seed: u64,
    took: Duration,
) -> Report {
    let said = |verdicts: &[Verdict]| -> BTreeSet<(usize, usize)> {
        compared.iter().filter(|(_, verdict)| verdicts.contains(verdict)).map(|(pair, _)| *pair).collect()
    };
    let found = labelled.truth.iter().filter(|pair| compared.contains_key(*pair)).count();
    let questions = fed.iter().filter(|fed| fed.verdict == Verdict::Review).count();
    let mut times: Vec<Duration> = fed.iter().map(|fed| fed.took).collect();
    times.sort_unstable();
    Report {
        records: fed.len(),
        true_pairs: labelled.truth.len(),
        seed,
        candidate_recall: share(found, labelled.truth.len()),
        pairs_match: counts(&said(&[Verdict::Match]), labelled),
        pairs_match_or_review: counts(&said(&[Verdict::Match, Verdict::Review]), labelled),
        entities: entities(labelled, fed, &HashMap::new()),
        entities_reviewed: entities(labelled, fed, &answered(labelled, fed)),
        review_share: share(questions, fed.len()),
        seconds: took.as_secs_f64(),
        p50_ms: quantile(&times, 50),
        p99_ms: quantile(&times, 99),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more")]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

fn quantile(sorted: &[Duration], percent: usize) -> f64 {
    let at = sorted.len().saturating_mul(percent) / 100;
    sorted.get(at.min(sorted.len().saturating_sub(1))).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
}

fn counts(said: &BTreeSet<(usize, usize)>, labelled: &Labelled) -> Counts {
    let tp = said.intersection(&labelled.truth).count();
    let (fp, missed) = (said.len() - tp, labelled.truth.len() - tp);
    Counts {
        tp,
        fp,
        missed,
        precision: share(tp, said.len()),
        recall: share(tp, labelled.truth.len()),
        f1: share(2 * tp, said.len() + labelled.truth.len()),
    }
}

/// The entities that a person who knows the truth makes one, each under the smaller id.
fn answered(labelled: &Labelled, fed: &[Fed]) -> HashMap<Ulid, Ulid> {
    let mut members: HashMap<Ulid, Vec<usize>> = HashMap::new();
    for fed in fed {
        members.entry(fed.entity).or_default().push(fed.record);
    }
    let mut survivor: HashMap<Ulid, Ulid> = HashMap::new();
    for fed in fed {
        for other in &fed.questions {
            let is_one = |record: &usize| labelled.truth.contains(&ordered(fed.record, *record));
            if members.get(other).is_some_and(|records| records.iter().any(is_one)) {
                let (a, b) = (root(&survivor, fed.entity), root(&survivor, *other));
                if a != b {
                    survivor.insert(a.max(b), a.min(b));
                }
            }
        }
    }
    survivor
}

fn root(survivor: &HashMap<Ulid, Ulid>, mut entity: Ulid) -> Ulid {
    while let Some(next) = survivor.get(&entity) {
        entity = *next;
    }
    entity
}

fn entities(labelled: &Labelled, fed: &[Fed], survivor: &HashMap<Ulid, Ulid>) -> Compared {
    let mut members: HashMap<Ulid, Vec<usize>> = HashMap::new();
    for fed in fed {
        members.entry(root(survivor, fed.entity)).or_default().push(fed.record);
    }
    let mut implied = HashSet::new();
    for records in members.values() {
        for (at, a) in records.iter().enumerate() {
            let others = records.iter().skip(at + 1).filter(|b| labelled.asks(*a, **b));
            implied.extend(others.map(|b| ordered(*a, *b)));
        }
    }
    Compared {
        counts: counts(&implied.into_iter().collect(), labelled),
        largest: members.values().map(Vec::len).max().unwrap_or(0),
    }
}
