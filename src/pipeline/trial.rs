//! Labelled records through the production path, one by one: how well is known who they are?
//!
//! Each record is looked for with its keys, judged, and attached or made new by the code that imports contacts, in a
//! database of its own. The truth is asked only afterwards.

mod figures;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ulid::Ulid;
use xxhash_rust::xxh3::xxh3_64_with_seed;

pub use figures::{Compared, Counts, Report};

use super::import::{self, Entry};
use crate::clock::Clock;
use crate::domain::enquiry::Enquiry;
use crate::domain::matching::judge;
use crate::domain::matching::model::Model;
use crate::domain::matching::profile::Profile;
use crate::domain::matching::score::score;
use crate::domain::matching::verdict::Verdict;
use crate::store::{Store, StoreError, StoreResult};

/// A set of labelled records.
#[derive(Debug, Default)]
pub struct Labelled {
    /// What each record says.
    pub records: Vec<Enquiry>,
    /// Which file it is from: 0, or 1 for the second of two.
    pub files: Vec<usize>,
    /// Pairs of records that are one person or organisation, the smaller place first.
    pub truth: BTreeSet<(usize, usize)>,
}

impl Labelled {
    /// Two files are linked: only pairs across them are asked about.
    #[must_use]
    pub fn is_linking(&self) -> bool {
        self.files.contains(&1)
    }

    /// This pair is asked about.
    #[must_use]
    pub fn asks(&self, a: usize, b: usize) -> bool {
        a != b && (!self.is_linking() || self.files.get(a) != self.files.get(b))
    }
}

/// One record on its way.
struct Fed {
    record: usize,
    /// The contact it became.
    entity: Ulid,
    verdict: Verdict,
    /// Entities that are a question for a person.
    questions: Vec<Ulid>,
    took: Duration,
}

/// Feeds the records in an order that `seed` shuffles, the first file before the second, and counts.
///
/// # Errors
/// When the database cannot be used.
pub async fn run(
    store: &Arc<dyn Store>,
    clock: &dyn Clock,
    model: &Arc<Model>,
    labelled: &Labelled,
    seed: u64,
    mut progress: impl FnMut(),
) -> StoreResult<Report> {
    let started = Instant::now();
    let profiles: Vec<Profile> =
        labelled.records.iter().map(|record| Profile::of_enquiry(record).unwrap_or_default()).collect();
    let mut members: HashMap<Ulid, Vec<usize>> = HashMap::new();
    let mut compared: BTreeMap<(usize, usize), Verdict> = BTreeMap::new();
    let mut fed = Vec::with_capacity(profiles.len());
    for record in order(labelled, seed) {
        let Some(enquiry) = labelled.records.get(record) else { continue };
        let begun = Instant::now();
        let step = import::one(store, clock, model, entry(record, enquiry)).await?;
        let took = begun.elapsed();
        let known = (fed.len() as u64).max(1);
        for other in step.searched.iter().filter_map(|id| members.get(id)).flatten().copied() {
            if let (true, Some(a), Some(b)) = (labelled.asks(record, other), profiles.get(record), profiles.get(other))
            {
                compared.insert(ordered(record, other), judge::pair(&score(model, a, b, known)));
            }
        }
        let entity = step.contact.ok_or_else(|| StoreError::Other("a record could not be placed".into()))?;
        members.entry(entity).or_default().push(record);
        fed.push(Fed { record, entity, verdict: step.verdict, questions: step.questions, took });
        progress();
    }
    Ok(figures::report(labelled, &fed, &compared, seed, started.elapsed()))
}

/// Smaller place first.
fn ordered(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

fn order(labelled: &Labelled, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..labelled.records.len()).collect();
    order.sort_by_key(|at| (labelled.files.get(*at).copied(), xxh3_64_with_seed(&at.to_le_bytes(), seed)));
    order
}

fn entry(record: usize, enquiry: &Enquiry) -> Entry {
    Entry { line: record as u64, enquiry: enquiry.clone(), customer: false, owner: None }
}
