//! Arrivals whose chosen key names another content: found, and turned into submissions of their own, before anything is
//! written.

use std::collections::{BTreeSet, HashMap};

use sqlx::Row as _;
use ulid::Ulid;

use super::super::driver::Connection;
use super::{read_with, statements, ulid};
use crate::clock::Timestamp;
use crate::domain::envelope::ArrivalContext;
use crate::store::batch::column;
use crate::store::edited::{Content, chosen};
use crate::store::{NewArrival, StoreResult};

statements! {
    // Who holds these keys, as the first arrival.
    KEY_HOLDERS(
        "SELECT k.key, a.ulid, a.digest, a.context FROM ", rows!("1"),
        " JOIN arrival_key k ON k.key = value->>0 JOIN arrival h ON h.id = k.arrival",
        " JOIN arrival a ON a.id = COALESCE(h.duplicate_of, h.id)",
        " WHERE k.expires_at IS NULL OR k.expires_at > $2");
}

/// An arrival as it is to be written, and the one that it follows.
#[derive(Debug)]
pub(in super::super) struct Anew {
    pub(super) arrival: NewArrival,
    pub(super) follows: Ulid,
}

/// For each arrival, what it becomes; `None` for those that are written as they are.
pub(in super::super) async fn settle(
    conn: &mut Connection,
    arrivals: &[&NewArrival],
    now: Timestamp,
) -> StoreResult<Vec<Option<Anew>>> {
    let keys: BTreeSet<&str> = arrivals
        .iter()
        .filter(|arrival| arrival.edited.is_some())
        .filter_map(|arrival| Some(chosen(&arrival.envelope)?.value.as_str()))
        .collect();
    if keys.is_empty() {
        return Ok(arrivals.iter().map(|_| None).collect());
    }
    let mut holders = holders(conn, keys, now).await?;
    Ok(arrivals.iter().map(|arrival| anew(arrival, &mut holders)).collect())
}

async fn holders(
    conn: &mut Connection,
    keys: BTreeSet<&str>,
    now: Timestamp,
) -> StoreResult<HashMap<String, (Ulid, Content)>> {
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
fn anew(arrival: &NewArrival, holders: &mut HashMap<String, (Ulid, Content)>) -> Option<Anew> {
    let key = chosen(&arrival.envelope)?;
    if let Some((holder, theirs)) = holders.get(&key.value) {
        let follows = *holder;
        return arrival.edited_after(follows, theirs).map(|arrival| Anew { arrival, follows });
    }
    if arrival.claims(key) {
        holders.insert(key.value.clone(), (arrival.envelope.id, Content::of(&arrival.envelope)));
    }
    None
}
