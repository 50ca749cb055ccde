//! Contacts from a file, through the same matching as live arrivals.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;
use ulid::Ulid;

use crate::clock::Clock;
use crate::domain::enquiry::Enquiry;
use crate::domain::matching::model::Model;
use crate::domain::matching::organisation::OrganisationMatch;
use crate::domain::matching::profile::Profile;
use crate::domain::matching::verdict::{self, Known, Verdict};
use crate::domain::matching::{Compare, KeyKind, MatchKey, NeighbourQuery, Neighbourhood, keys};
use crate::store::rows::{ContactImport, Imported};
use crate::store::{Store, StoreError, StoreResult};

/// One line or card of the file.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Line or card number.
    pub line: u64,
    /// What it says.
    pub enquiry: Enquiry,
    /// Has bought before.
    pub customer: bool,
    /// Owner's user id.
    pub owner: Option<String>,
}

/// What became of one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Line or card number.
    pub line: u64,
    /// Created, updated, or still in conflict after several rounds.
    pub became: Imported,
    /// It overlapped with a record without being the same.
    pub verification_required: bool,
}

/// Decisions on one entry before it is given up as being in conflict.
const ROUNDS: usize = 5;
/// Entries looked up at a time.
const PORTION: usize = 50;

/// Imports a batch (some hundreds at a time); entries that share a key see one another.
///
/// # Errors
/// When the database cannot be used; what was imported before stays, and importing again changes nothing.
pub async fn import(
    store: &Arc<dyn Store>,
    clock: &dyn Clock,
    model: &Arc<Model>,
    entries: Vec<Entry>,
) -> StoreResult<Vec<Outcome>> {
    let mut outcomes = Vec::with_capacity(entries.len());
    let mut left: Vec<Tried> = entries.into_iter().map(|e| (0, e)).collect();
    while !left.is_empty() {
        let (now, later) = first_wave(left);
        left = later;
        let around = around(store, now.iter().map(|(_, entry)| query(entry, model)).collect()).await?;
        let imports: Vec<_> = now.iter().zip(&around).map(|((_, e), a)| decide(clock, e, a).0).collect();
        let review: Vec<bool> = imports.iter().map(|i| i.verification_required).collect();
        let done = store.import_contacts(imports).await?;
        for (((round, entry), became), verification_required) in now.into_iter().zip(done).zip(review) {
            if became == Imported::Conflict && round + 1 < ROUNDS {
                left.push((round + 1, entry));
            } else {
                outcomes.push(Outcome { line: entry.line, became, verification_required });
            }
        }
    }
    outcomes.sort_by_key(|o| o.line);
    Ok(outcomes)
}

/// What is known around each, looked up in portions on all processors, in the order asked.
async fn around(store: &Arc<dyn Store>, queries: Vec<NeighbourQuery>) -> StoreResult<Vec<Neighbourhood>> {
    let portions = queries.chunks(PORTION).map(|portion| {
        let (store, portion) = (Arc::clone(store), portion.to_vec());
        // Joined below; one that is dropped is aborted with its look-up, which writes nothing.
        AbortOnDropHandle::new(tokio::spawn(async move { store.neighbours(&portion).await }))
    });
    let portions: Vec<_> = portions.collect();
    let mut around = Vec::with_capacity(queries.len());
    for portion in portions {
        around.extend(portion.await.map_err(|e| StoreError::Other(e.into()))??);
    }
    Ok(around)
}

/// What became of one entry, and what was found on the way.
#[derive(Debug, Clone)]
pub struct Step {
    /// The contact it is.
    pub contact: Option<Ulid>,
    /// Whether it was known.
    pub verdict: Verdict,
    /// Records that may be the same and wait for a person's word.
    pub questions: Vec<Ulid>,
    /// Records it was compared with.
    pub searched: Vec<Ulid>,
}

/// Imports one entry by itself and tells what was found.
///
/// # Errors
/// When the database cannot be used.
pub async fn one(store: &Arc<dyn Store>, clock: &dyn Clock, model: &Arc<Model>, entry: Entry) -> StoreResult<Step> {
    let mut rounds = 0;
    loop {
        let around = store.neighbours(&[query(&entry, model)]).await?.pop().unwrap_or_default();
        let (import, known) = decide(clock, &entry, &around);
        let contact = import.known.unwrap_or(import.id);
        let became = store.import_contacts(vec![import]).await?.pop();
        rounds += 1;
        if became == Some(Imported::Conflict) && rounds < ROUNDS {
            continue;
        }
        return Ok(Step {
            contact: became.filter(|became| *became != Imported::Conflict).map(|_| contact),
            verdict: known.person,
            questions: known.candidates.iter().map(|candidate| candidate.id).collect(),
            searched: around.searched,
        });
    }
}

/// Looks for whoever an entry is and writes nothing.
///
/// # Errors
/// When the database cannot be read.
pub async fn look(store: &Arc<dyn Store>, model: &Arc<Model>, entry: &Entry) -> StoreResult<Known> {
    let around = store.neighbours(&[query(entry, model)]).await?.pop().unwrap_or_default();
    Ok(verdict::known(&entry.enquiry, &around))
}

/// An entry and how often it was decided.
type Tried = (usize, Entry);

/// The entries that share no strong key with an earlier one, and the others.
fn first_wave(entries: Vec<Tried>) -> (Vec<Tried>, Vec<Tried>) {
    let mut taken: BTreeSet<MatchKey> = BTreeSet::new();
    entries.into_iter().partition(|(_, e)| {
        let mut own = keys::strong(&keys::keys_of(&e.enquiry));
        own.extend(keys::organisation_keys(&e.enquiry));
        let free = own.iter().all(|k| !taken.contains(k));
        taken.extend(own);
        free
    })
}

fn query(entry: &Entry, model: &Arc<Model>) -> NeighbourQuery {
    NeighbourQuery {
        keys: keys::keys_of(&entry.enquiry),
        compare: Compare::of(&entry.enquiry, model),
        ..NeighbourQuery::default()
    }
}

fn decide(clock: &dyn Clock, entry: &Entry, around: &Neighbourhood) -> (ContactImport, Known) {
    let known = verdict::known(&entry.enquiry, around);
    let own = keys::keys_of(&entry.enquiry);
    let (organisation_keys, keys): (Vec<_>, Vec<_>) =
        own.into_iter().partition(|k| matches!(k.kind, KeyKind::Domain | KeyKind::Company | KeyKind::Registration));
    let import = ContactImport {
        line: entry.line,
        enquiry: entry.enquiry.clone(),
        customer: entry.customer,
        owner: entry.owner.clone(),
        known: known.contact,
        known_organisation: known.organisation,
        organisation_learns: known.organisation_match.as_ref().is_some_and(OrganisationMatch::is_proven),
        organisation_candidates: known
            .organisation_match
            .iter()
            .flat_map(|of| &of.candidates)
            .map(|of| of.id)
            .collect(),
        id: clock.new_id(),
        organisation_id: clock.new_id(),
        verification_required: known.overlaps(),
        keys,
        profile: Profile::of_enquiry(&entry.enquiry),
        organisation_keys,
        seen: around.records.iter().map(|n| n.entity.id).collect(),
    };
    (import, known)
}
