//! An explicit key that was used in the spill for one content and in the database for another.
//!
//! While the database is away nobody can tell that a key is used there already, so such a submission was taken as new
//! and acknowledged with its own id. It stays a submission of its own, as the form's door makes one when it can compare:
//! linked to the first by [`FOLLOWS`], under keys that only it has.
//!
//! Invariants:
//! - Equal content under an equal key stays a repeat.
//! - What the spill itself answered as a repeat (the door compared it then) stays a repeat of what it was answered with.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sqlx::Row as _;

use super::driver::Connection;
use super::spill_row::{Spilled, is_explicit};
use crate::domain::envelope::{ArrivalContext, ArrivalKey, Envelope, FOLLOWS};
use crate::store::{NewArrival, StoreResult};

/// Who holds these keys, as the first arrival.
pub(super) const KEY_HOLDERS: &str = "SELECT k.key, a.ulid, a.digest, a.context FROM arrival_key k \
    JOIN arrival h ON h.id = k.arrival JOIN arrival a ON a.id = COALESCE(h.duplicate_of, h.id) WHERE k.key = ANY($1)";

/// What an arrival says, for telling a repeat from another content: the key of its content where a door made one, else
/// its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Content {
    key: Option<String>,
    digest: String,
}

impl Content {
    /// Of an arrival.
    pub(super) fn of(envelope: &Envelope) -> Self {
        Self::from_parts(&envelope.context, envelope.digest.to_string())
    }

    fn from_parts(context: &ArrivalContext, digest: String) -> Self {
        Self { key: context.content_key.as_ref().map(|k| k.value.clone()), digest }
    }

    fn same_as(&self, other: &Self) -> bool {
        match (&self.key, &other.key) {
            (Some(mine), Some(theirs)) => mine == theirs,
            _ => self.digest == other.digest,
        }
    }

    /// Short and without a colon, for the end of a key.
    fn mark(&self) -> String {
        let hash = blake3::hash(self.key.as_ref().unwrap_or(&self.digest).as_bytes()).to_hex();
        hash.chars().take(32).collect()
    }
}

struct Holder {
    ulid: String,
    content: Content,
}

/// The rows whose explicit key names another content in the database, as they are to be written there; `None` for the
/// others, which are written as they are.
pub(super) async fn settle(conn: &mut Connection, rows: &[&Spilled]) -> StoreResult<Vec<Option<NewArrival>>> {
    let keys: Vec<&str> = rows.iter().filter_map(|row| explicit(row)).map(|k| k.value.as_str()).collect();
    let holders = if keys.is_empty() { HashMap::new() } else { holders(conn, &keys).await? };
    Ok(rows.iter().map(|row| anew(row, &holders)).collect())
}

fn explicit(row: &Spilled) -> Option<&ArrivalKey> {
    row.arrival.envelope.keys.iter().find(|k| is_explicit(&k.value))
}

async fn holders(conn: &mut Connection, keys: &[&str]) -> StoreResult<HashMap<String, Holder>> {
    let rows = sqlx::query(KEY_HOLDERS).bind(keys).fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            let beside: ArrivalContext = serde_json::from_str(row.try_get("context")?).unwrap_or_default();
            let content = Content::from_parts(&beside, row.try_get("digest")?);
            Ok((row.try_get("key")?, Holder { ulid: row.try_get("ulid")?, content }))
        })
        .collect()
}

fn anew(row: &Spilled, holders: &HashMap<String, Holder>) -> Option<NewArrival> {
    let key = explicit(row)?;
    let holder = holders.get(&key.value)?;
    let content = row.first.clone().unwrap_or_else(|| Content::of(&row.arrival.envelope));
    if content.same_as(&holder.content) {
        return None;
    }
    let mut arrival = row.arrival.clone();
    let envelope = &mut arrival.envelope;
    // The same for all that the spill took for one, and for no other content.
    envelope.keys = vec![ArrivalKey { value: format!("{}:{}", key.value, content.mark()), expires_at: None }];
    if row.first.is_none() {
        envelope.keys.extend(envelope.context.content_key.clone());
    }
    envelope.context.extra.insert(FOLLOWS.to_owned(), holder.ulid.clone());
    Some(arrival)
}
