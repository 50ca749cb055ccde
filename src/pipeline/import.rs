//! Contacts from a file, through the same matching as live arrivals.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::enquiry::Enquiry;
use crate::domain::matching::{KeyKind, MatchKey, NeighbourQuery, Neighbourhood, keys, verdict};
use crate::store::rows::{ContactImport, Imported};
use crate::store::{Store, StoreResult};

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

/// Imports a batch (some hundreds at a time); entries that share a key see one another.
///
/// # Errors
/// When the database cannot be used; what was imported before stays, and importing again changes nothing.
pub async fn import(store: &Arc<dyn Store>, clock: &dyn Clock, entries: Vec<Entry>) -> StoreResult<Vec<Outcome>> {
    let mut outcomes = Vec::with_capacity(entries.len());
    let mut left: Vec<Tried> = entries.into_iter().map(|e| (0, e)).collect();
    while !left.is_empty() {
        let (now, later) = first_wave(left);
        left = later;
        let queries: Vec<_> = now
            .iter()
            .map(|(_, e)| NeighbourQuery { keys: keys::keys_of(&e.enquiry), ..NeighbourQuery::default() })
            .collect();
        let around = store.neighbours(&queries).await?;
        let imports: Vec<_> = now.iter().zip(&around).map(|((_, e), a)| decide(clock, e, a)).collect();
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

fn decide(clock: &dyn Clock, entry: &Entry, around: &Neighbourhood) -> ContactImport {
    let known = verdict::known(&entry.enquiry, around);
    let own = keys::keys_of(&entry.enquiry);
    let (organisation_keys, keys): (Vec<_>, Vec<_>) =
        own.into_iter().partition(|k| matches!(k.kind, KeyKind::Domain | KeyKind::Company | KeyKind::Registration));
    ContactImport {
        line: entry.line,
        enquiry: entry.enquiry.clone(),
        customer: entry.customer,
        owner: entry.owner.clone(),
        known: known.contact,
        known_organisation: known.organisation,
        id: clock.new_id(),
        organisation_id: clock.new_id(),
        verification_required: known.overlaps(),
        keys,
        organisation_keys,
        seen: around.records.iter().map(|n| n.entity.id).collect(),
    }
}
