//! One row of the spill: what is kept of an arrival beside its id and bytes, and what it counts for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::clock::Timestamp;
use crate::domain::envelope::{ArrivalContext, ArrivalKey, Channel, Digest, Envelope, RawKind};
use crate::store::edited::Edited;
use crate::store::{Content, InitialState, NewArrival, StoreError, StoreResult};

/// An arrival as kept in the file, beside its id and bytes.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    channel: Channel,
    intake_id: String,
    keys: Vec<ArrivalKey>,
    received_at: Timestamp,
    raw_kind: RawKind,
    content_type: Option<String>,
    context: ArrivalContext,
    /// Reason of an arrival held at once.
    quarantined: Option<String>,
    /// Of a repeat inside the spill: the content of the arrival it repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<Content>,
}

/// A row waiting to be drained.
#[derive(Debug, Clone)]
pub(super) struct Spilled {
    /// Place in the order of acceptance.
    pub(super) seq: i64,
    /// Bytes it counts for.
    pub(super) size: u64,
    /// What was accepted.
    pub(super) arrival: NewArrival,
}

/// Bytes an arrival counts for against the limit: its bytes and what goes with them, roughly.
pub(super) fn cost(arrival: &NewArrival) -> u64 {
    let envelope = &arrival.envelope;
    let keys: usize = envelope.keys.iter().map(|k| k.value.len()).sum();
    u64::try_from(envelope.raw.len().saturating_add(keys).saturating_add(1024)).unwrap_or(u64::MAX)
}

/// As text. `first`: the content of the spilled arrival it repeats.
///
/// # Errors
/// [`StoreError::Other`] when it cannot be written as JSON.
pub(super) fn pack(arrival: &NewArrival, first: Option<Content>) -> StoreResult<String> {
    let envelope = &arrival.envelope;
    let kept = Kept {
        channel: envelope.channel,
        intake_id: envelope.intake_id.clone(),
        keys: envelope.keys.clone(),
        received_at: envelope.received_at,
        raw_kind: envelope.raw_kind,
        content_type: envelope.content_type.clone(),
        context: envelope.context.clone(),
        quarantined: match &arrival.initial {
            InitialState::Received => None,
            InitialState::Quarantined(reason) => Some(reason.clone()),
        },
        first,
    };
    serde_json::to_string(&kept).map_err(|e| StoreError::Other(Box::new(e)))
}

/// The arrival. Nobody could tell whether its chosen key names another content in the database: there, it is compared as
/// at the door, and starts as it was acknowledged. What was answered as a repeat stays one of what it was answered with.
///
/// # Errors
/// [`StoreError::Other`] when the text is damaged.
pub(super) fn unpack(id: Ulid, text: &str, raw: Vec<u8>) -> StoreResult<NewArrival> {
    let kept: Kept = serde_json::from_str(text)
        .map_err(|e| StoreError::Other(format!("the spill holds a damaged arrival {id}: {e}").into()))?;
    let mut arrival = NewArrival {
        envelope: Envelope {
            id,
            channel: kept.channel,
            intake_id: kept.intake_id,
            keys: kept.keys,
            received_at: kept.received_at,
            digest: Digest::of(&raw),
            raw_kind: kept.raw_kind,
            content_type: kept.content_type,
            context: kept.context,
            raw: raw.into(),
        },
        initial: kept.quarantined.map_or(InitialState::Received, InitialState::Quarantined),
        edited: None,
    };
    arrival.edited = match kept.first {
        Some(first) => Edited::with_first(&arrival, first),
        None => Edited::of(&arrival.envelope, arrival.initial.clone(), BTreeMap::new()),
    };
    Ok(arrival)
}
