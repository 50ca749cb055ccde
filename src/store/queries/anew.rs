//! Arrivals that are not written as they came: found, and changed, in the transaction that writes them.
//!
//! - Another content under a known chosen key is a submission of its own ([`crate::store::Edited`]).
//! - Bytes that anybody who saw them could send again, and that came so long ago that no producer tries again, are held
//!   ([`NewArrival::seen_before`]).

use std::collections::{BTreeSet, HashMap};

use sqlx::Row as _;
use ulid::Ulid;

use super::super::driver::Connection;
use super::{read_with, statements, ulid};
use crate::clock::Timestamp;
use crate::domain::envelope::{ArrivalContext, SEEN_KEY};
use crate::store::batch::column;
use crate::store::edited::{Content, chosen};
use crate::store::{InitialState, NewArrival, StoreResult};

statements! {
    // Who holds these keys, as the first arrival.
    KEY_HOLDERS(
        "SELECT k.key, a.ulid, a.digest, a.context FROM ", rows!("1"),
        " JOIN arrival_key k ON k.key = value->>0 JOIN arrival h ON h.id = k.arrival",
        " JOIN arrival a ON a.id = COALESCE(h.duplicate_of, h.id)",
        " WHERE (k.expires_at IS NULL OR k.expires_at > $2)",
        " AND (k.key NOT LIKE 'held:%' OR a.state = 'quarantined')");
}

/// An arrival as it is to be written.
#[derive(Debug)]
pub(super) struct Anew {
    pub(super) arrival: NewArrival,
    /// The one that it follows, for another content under a known key.
    pub(super) follows: Option<Ulid>,
}

/// By key, who has it and what that one said.
type Holders = HashMap<String, (Ulid, Content)>;

/// What becomes of a batch.
#[derive(Debug)]
pub(super) struct Settled {
    /// For each arrival, what it becomes; `None` for those that are written as they are.
    pub(super) changed: Vec<Option<Anew>>,
    /// The keys looked at that somebody had.
    pub(super) held: BTreeSet<String>,
}

/// Looks at the keys of a batch before any is claimed.
pub(super) async fn settle(conn: &mut Connection, arrivals: &[&NewArrival], now: Timestamp) -> StoreResult<Settled> {
    let keys: BTreeSet<&str> = arrivals.iter().flat_map(|arrival| looked_at(arrival)).collect();
    if keys.is_empty() {
        return Ok(Settled { changed: arrivals.iter().map(|_| None).collect(), held: BTreeSet::new() });
    }
    let mut holders = holders(conn, keys, now).await?;
    let held = holders.keys().cloned().collect();
    let late: Vec<bool> = arrivals.iter().map(|arrival| is_late(arrival, &holders)).collect();
    let settled = arrivals.iter().zip(late).map(|(arrival, late)| {
        if late {
            return Some(Anew { arrival: NewArrival::seen_before(arrival.envelope.clone()), follows: None });
        }
        edited(arrival, &mut holders)
    });
    Ok(Settled { changed: settled.collect(), held })
}

/// The keys by which it is decided.
fn looked_at(arrival: &NewArrival) -> Vec<&str> {
    let envelope = &arrival.envelope;
    if seen_key(arrival).is_some() {
        return envelope.keys.iter().map(|key| key.value.as_str()).collect();
    }
    if arrival.edited.is_none() {
        return Vec::new();
    }
    chosen(envelope).map(|key| key.value.as_str()).collect()
}

fn seen_key(arrival: &NewArrival) -> Option<&String> {
    let seen = arrival.envelope.context.extra.get(SEEN_KEY);
    seen.filter(|_| arrival.initial == InitialState::Received)
}

/// Its bytes are known, and by nothing else is it a repeat.
fn is_late(arrival: &NewArrival, holders: &Holders) -> bool {
    let Some(seen) = seen_key(arrival) else { return false };
    let others = arrival.envelope.keys.iter().filter(|key| key.value != *seen);
    holders.contains_key(seen) && !others.into_iter().any(|key| holders.contains_key(&key.value))
}

async fn holders(conn: &mut Connection, keys: BTreeSet<&str>, now: Timestamp) -> StoreResult<Holders> {
    read_with(conn, KEY_HOLDERS, &column(keys), now.micros())
        .await?
        .iter()
        .map(|row| {
            let beside: ArrivalContext = serde_json::from_str(row.try_get("context")?).unwrap_or_default();
            let content = Content::from_parts(&beside, row.try_get("digest")?);
            Ok((row.try_get("key")?, (ulid(row.try_get("ulid")?)?, content)))
        })
        .collect()
}

/// Whoever comes first in the batch holds the key for those after it.
fn edited(arrival: &NewArrival, holders: &mut Holders) -> Option<Anew> {
    arrival.edited.as_ref()?;
    for key in chosen(&arrival.envelope) {
        if let Some((holder, theirs)) = holders.get(&key.value) {
            let follows = *holder;
            return arrival.edited_after(follows, theirs).map(|arrival| Anew { arrival, follows: Some(follows) });
        }
    }
    for key in chosen(&arrival.envelope).filter(|key| arrival.claims(key)) {
        holders.insert(key.value.clone(), (arrival.envelope.id, Content::of(&arrival.envelope)));
    }
    None
}
