//! What an arrival answers: stored messages by the ids it names, whether its sender took part, and earlier arrivals
//! that carry the arrival's own id.
//!
//! Invariants:
//! - An id that strangers reuse a thousand times costs no more than one used once: per id the newest message of each
//!   record, of at most 32 records, and per arrival at most [`RECORDS`] records.
//! - Participants are asked for, never listed: a conversation may have had thousands.

use std::collections::{BTreeSet, HashMap};

use sqlx::Row as _;
use ulid::Ulid;

use super::super::driver::Connection;
use super::{damaged, read, statements, ulid};
use crate::domain::matching::{EntityKind, Neighbour, NeighbourQuery, ThreadHit};
use crate::store::StoreResult;
use crate::store::batch::{Batch, column, row};

statements! {
    THREADS(
        "SELECT (SELECT ", json_list!("x.id"), " FROM (SELECT MAX(c.id) AS id FROM communication c",
        " WHERE c.message_id = e.value->>0 AND c.record IS NOT NULL GROUP BY c.record ORDER BY 1 DESC LIMIT 32) AS x)",
        " AS hits FROM ", rows!("1"));
    MESSAGES(
        "SELECT c.id, c.message_id, c.record, c.subject, CAST(COALESCE(c.proven, 1) AS BIGINT) AS proven FROM ", rows!("1"),
        " JOIN communication c ON c.id = CAST(e.value->>0 AS BIGINT)");
    // Mails of ours to a visitor, by the id of the effect in their Message-ID: the message of the arrival they answer.
    ANSWERS(
        "SELECT c.id, e.value->>0 AS message_id, c.record, c.subject, CAST(1 AS BIGINT) AS proven FROM ", rows!("1"),
        " JOIN effect f ON f.ulid = e.value->>1 AND f.kind = e.value->>2",
        " JOIN communication c ON c.arrival = f.arrival WHERE c.record IS NOT NULL");
    TAKING_PART(
        "SELECT t.record, t.address FROM ", rows!("1"),
        " JOIN participant t ON t.record = CAST(e.value->>0 AS BIGINT) AND t.address = e.value->>1");
    // Two, since the arrival asking may be the first itself.
    SAME_MESSAGE_ID(
        "SELECT e.value->>0 AS message_id, (SELECT ", json_list!("x.ulid"), " FROM (SELECT a.ulid FROM arrival a",
        " WHERE a.message_id = e.value->>0 AND a.duplicate_of IS NULL ORDER BY a.id LIMIT 2) AS x) AS hits FROM ",
        rows!("1"));
}

/// Records one arrival may be an answer to.
const RECORDS: usize = 32;

/// A stored message that somebody answers.
pub(super) struct Message {
    id: i64,
    external_id: String,
    pub(super) record: i64,
    subject: Option<String>,
    /// From whom it names, or from us.
    proven: bool,
}

/// Stored messages by their id.
pub(super) type Messages = HashMap<String, Vec<Message>>;

/// The messages that the arrivals name.
pub(super) async fn messages(conn: &mut Connection, queries: &[NeighbourQuery]) -> StoreResult<Messages> {
    let named: BTreeSet<&str> = queries.iter().flat_map(|q| &q.thread_ids).map(String::as_str).collect();
    let mut ids: BTreeSet<i64> = BTreeSet::new();
    for row in read(conn, THREADS, &column(named)).await? {
        ids.extend(list::<i64>(row.try_get("hits")?)?);
    }
    let mut found = Messages::new();
    let answers = answers(queries.iter().flat_map(|q| &q.thread_ids));
    let mut rows = read(conn, MESSAGES, &column(ids)).await?;
    rows.extend(read(conn, ANSWERS, &answers).await?);
    for row in rows {
        let message = Message {
            id: row.try_get("id")?,
            external_id: row.try_get("message_id")?,
            record: row.try_get("record")?,
            subject: row.try_get("subject")?,
            proven: row.try_get::<i64, _>("proven")? == 1,
        };
        found.entry(message.external_id.clone()).or_default().push(message);
    }
    Ok(found)
}

/// Mails of ours that are answered, by the word in their Message-ID and the kind of their effect. The owner answers a
/// visitor from the mail that tells of the enquiry.
const OF_OURS: [(&str, &str); 3] = [("acknowledge", "acknowledge"), ("opt_in", "opt_in"), ("notification", "mail")];

/// Ids that a mail of ours may carry: `01K..acknowledge@house`.
fn answers<'i>(ids: impl Iterator<Item = &'i String>) -> Batch {
    let mut batch = Batch::default();
    for id in ids {
        let named = id.split('@').next().and_then(|local| local.split_once('.'));
        let known = named.and_then(|(effect, word)| Some((effect, OF_OURS.iter().find(|(of, _)| *of == word)?.1)));
        let Some((effect, kind)) = known else { continue };
        if let Ok(effect) = Ulid::from_string(effect) {
            row!(batch; id, effect.to_string(), kind);
        }
    }
    batch
}

/// What one arrival answers: the newest message of each record, newest first.
pub(super) fn answered<'m>(query: &NeighbourQuery, messages: &'m Messages) -> Vec<&'m Message> {
    let mut found: Vec<&Message> = query.thread_ids.iter().filter_map(|id| messages.get(id)).flatten().collect();
    found.sort_by_key(|m| std::cmp::Reverse(m.id));
    let mut records = BTreeSet::new();
    found.retain(|m| records.insert(m.record));
    found.truncate(RECORDS);
    found
}

/// Addresses that take part in the conversation of a record, among those asked for.
pub(super) type TakingPart = HashMap<i64, BTreeSet<String>>;

/// Which senders took part in the conversations they answer.
pub(super) async fn taking_part(
    conn: &mut Connection,
    queries: &[NeighbourQuery],
    answered: &[Vec<&Message>],
) -> StoreResult<TakingPart> {
    let asked: BTreeSet<(i64, &str)> = queries
        .iter()
        .zip(answered)
        .flat_map(|(q, messages)| messages.iter().flat_map(|m| q.addresses.iter().map(|a| (m.record, a.as_str()))))
        .collect();
    let mut batch = Batch::default();
    for (record, address) in asked {
        row!(batch; record, address);
    }
    let mut found = TakingPart::new();
    for row in read(conn, TAKING_PART, &batch).await? {
        found.entry(row.try_get("record")?).or_default().insert(row.try_get("address")?);
    }
    Ok(found)
}

/// One conversation as the decision sees it; `None` when it is not one of a lead or opportunity.
pub(super) fn hit(
    query: &NeighbourQuery,
    message: &Message,
    record: &Neighbour,
    part: &TakingPart,
) -> Option<ThreadHit> {
    if !matches!(record.entity.kind, EntityKind::Lead | EntityKind::Opportunity) {
        return None;
    }
    let takes_part = |address: &String| {
        part.get(&message.record).is_some_and(|all| all.contains(address)) || record.emails.contains(address)
    };
    Some(ThreadHit {
        message_id: message.external_id.clone(),
        record: record.entity,
        participants: query.addresses.iter().filter(|a| takes_part(a)).cloned().collect(),
        contacts: query.addresses.iter().filter(|a| record.emails.contains(a)).cloned().collect(),
        subject: message.subject.clone(),
        proven: message.proven,
        open: record.open,
        last_message_at: record.last_message_at,
        owner: record.owner.clone(),
        team: record.team.clone(),
        contact: record.contact,
        organisation: record.organisation,
    })
}

/// The first arrivals with each message id.
pub(super) async fn same_message_ids(
    conn: &mut Connection,
    queries: &[NeighbourQuery],
) -> StoreResult<HashMap<String, Vec<Ulid>>> {
    let ids: BTreeSet<&str> = queries.iter().filter_map(|q| q.message_id.as_deref()).collect();
    let mut found = HashMap::new();
    for row in read(conn, SAME_MESSAGE_ID, &column(ids)).await? {
        let same = list::<String>(row.try_get("hits")?)?;
        let same = same.iter().map(|id| ulid(id)).collect::<StoreResult<Vec<_>>>()?;
        found.insert(row.try_get("message_id")?, same);
    }
    Ok(found)
}

/// A list that the engine gathered as JSON; absent when empty.
fn list<T: serde::de::DeserializeOwned>(text: Option<&str>) -> StoreResult<Vec<T>> {
    text.map_or_else(|| Ok(Vec::new()), |t| serde_json::from_str(t).map_err(|_| damaged("list of messages")))
}
