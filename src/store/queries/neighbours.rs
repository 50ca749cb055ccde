//! What is known around arrivals: records that share a key, conversations they answer. A few statements per batch.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::Row as _;
use ulid::Ulid;

use super::super::driver::{Connection, Row};
use super::probe::{CAP, Hits, probe};
use super::{damaged, optional_ulid, read, statements, ulid};
use crate::clock::Timestamp;
use crate::domain::matching::{EntityKind, EntityRef, MatchKey, Neighbour, NeighbourQuery, Neighbourhood, ThreadHit};
use crate::store::StoreResult;
use crate::store::batch::column;

statements! {
    // k: the contact itself, or the contact a lead or opportunity is linked to.
    DETAILS(
        "SELECT x.id, x.ulid, x.kind,",
        " CASE WHEN x.kind = 'lead' THEN l.first_name ELSE k.first_name END AS first_name,",
        " CASE WHEN x.kind = 'lead' THEN l.last_name ELSE k.last_name END AS last_name,",
        " CASE WHEN x.kind = 'lead' THEN l.full_name ELSE k.full_name END AS full_name,",
        " CASE WHEN x.kind = 'lead' THEN l.company WHEN x.kind = 'organisation' THEN o.name",
        " ELSE COALESCE(k.company, ko.name) END AS organisation_name,",
        " COALESCE(l.status, p.stage, '') AS status,",
        " CASE WHEN s.open = 1 OR g.outcome = 'open' THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS open,",
        " CASE WHEN k.customer_since IS NOT NULL OR o.customer_since IS NOT NULL THEN CAST(1 AS BIGINT)",
        " ELSE CAST(0 AS BIGINT) END AS customer,",
        " COALESCE(l.owner, c.owner, o.owner, p.owner) AS owner, COALESCE(l.team, c.team, o.team, p.team) AS team,",
        " COALESCE(l.last_message_at, c.last_message_at, o.last_message_at, p.last_message_at) AS last_message_at,",
        " COALESCE(l.created_at, c.created_at, o.created_at, p.created_at) AS created_at,",
        " ec.ulid AS contact, ec.id AS contact_id, eo.ulid AS organisation FROM ", rows!("1"),
        " JOIN entity x ON x.id = CAST(e.value->>0 AS BIGINT) LEFT JOIN lead l ON l.id = x.id",
        " LEFT JOIN lead_status s ON s.id = l.status LEFT JOIN contact c ON c.id = x.id",
        " LEFT JOIN organisation o ON o.id = x.id LEFT JOIN opportunity p ON p.id = x.id",
        " LEFT JOIN stage g ON g.id = p.stage LEFT JOIN entity ec ON ec.id = COALESCE(l.contact, p.contact)",
        " LEFT JOIN contact k ON k.id = COALESCE(l.contact, p.contact, x.id)",
        " LEFT JOIN entity eo ON eo.id = COALESCE(l.organisation, p.organisation, c.organisation)",
        " LEFT JOIN organisation ko ON ko.id = eo.id WHERE x.merged_into IS NULL");
    POINTS(
        "SELECT c.record, c.class, c.normalised FROM ", rows!("1"),
        " JOIN contact_point c ON c.record = CAST(e.value->>0 AS BIGINT)");
    THREADS(
        "SELECT c.id, c.message_id, c.record, c.subject FROM ", rows!("1"),
        " JOIN communication c ON c.message_id = e.value->>0 WHERE c.record IS NOT NULL");
    PARTICIPANTS(
        "SELECT t.record, t.address FROM ", rows!("1"), " JOIN participant t ON t.record = CAST(e.value->>0 AS BIGINT)");
    SAME_MESSAGE_ID(
        "SELECT a.ulid, a.message_id FROM ", rows!("1"), " JOIN arrival a ON a.message_id = e.value->>0",
        " WHERE a.duplicate_of IS NULL ORDER BY a.id");
}

/// A record with its addresses, before it is cut to what one query asked.
struct Detail {
    neighbour: Neighbour,
    participants: BTreeSet<String>,
}

struct Message {
    id: i64,
    external_id: String,
    record: i64,
    subject: Option<String>,
}

/// What is known around each arrival, in the order asked.
pub(in super::super) async fn neighbours(
    conn: &mut Connection,
    queries: &[NeighbourQuery],
) -> StoreResult<Vec<Neighbourhood>> {
    let hits = probe(conn, queries.iter().flat_map(|q| q.keys.iter().copied())).await?;
    let threads = threads(conn, queries).await?;
    let same = same_message_ids(conn, queries).await?;
    let mut wanted: BTreeSet<i64> = threads.values().flatten().map(|m| m.record).collect();
    let chosen: Vec<(BTreeMap<i64, Vec<MatchKey>>, bool)> = queries.iter().map(|q| candidates(q, &hits)).collect();
    wanted.extend(chosen.iter().flat_map(|(records, _)| records.keys().copied()));
    let details = details(conn, &wanted).await?;
    Ok(queries
        .iter()
        .zip(chosen)
        .map(|(query, (records, truncated))| Neighbourhood {
            records: records.into_iter().filter_map(|(id, keys)| Some(with_keys(details.get(&id)?, keys))).collect(),
            threads: thread_hits(query, &threads, &details),
            same_message_id: query
                .message_id
                .as_ref()
                .and_then(|m| same.get(m)?.iter().copied().find(|a| Some(*a) != query.arrival)),
            truncated,
        })
        .collect())
}

/// Records of one query by row id, so oldest first, and whether some were left out.
fn candidates(query: &NeighbourQuery, hits: &HashMap<MatchKey, Hits>) -> (BTreeMap<i64, Vec<MatchKey>>, bool) {
    let mut found: Vec<(&MatchKey, &Hits)> = query.keys.iter().filter_map(|k| Some((k, hits.get(k)?))).collect();
    // What may be the person comes first, rarest first: a company name shared by hundreds never hides an exact email.
    found.sort_by_key(|(key, hits)| (!key.kind.is_strong(), hits.entities.len()));
    let mut records: BTreeMap<i64, Vec<MatchKey>> = BTreeMap::new();
    let mut truncated = false;
    for (key, hits) in found {
        truncated |= hits.truncated && !key.kind.is_corporate();
        for id in &hits.entities {
            if records.len() < CAP || records.contains_key(id) || (key.kind.is_strong() && !hits.truncated) {
                records.entry(*id).or_default().push(*key);
            } else {
                truncated |= !key.kind.is_corporate();
            }
        }
    }
    (records, truncated)
}

fn with_keys(detail: &Detail, keys: Vec<MatchKey>) -> Neighbour {
    Neighbour { keys, ..detail.neighbour.clone() }
}

async fn threads(conn: &mut Connection, queries: &[NeighbourQuery]) -> StoreResult<HashMap<String, Vec<Message>>> {
    let ids: BTreeSet<&str> = queries.iter().flat_map(|q| &q.thread_ids).map(String::as_str).collect();
    let mut found: HashMap<String, Vec<Message>> = HashMap::new();
    for row in read(conn, THREADS, &column(ids)).await? {
        let message = Message {
            id: row.try_get("id")?,
            external_id: row.try_get("message_id")?,
            record: row.try_get("record")?,
            subject: row.try_get("subject")?,
        };
        found.entry(message.external_id.clone()).or_default().push(message);
    }
    Ok(found)
}

async fn same_message_ids(
    conn: &mut Connection,
    queries: &[NeighbourQuery],
) -> StoreResult<HashMap<String, Vec<Ulid>>> {
    let ids: BTreeSet<&str> = queries.iter().filter_map(|q| q.message_id.as_deref()).collect();
    let mut found: HashMap<String, Vec<Ulid>> = HashMap::new();
    for row in read(conn, SAME_MESSAGE_ID, &column(ids)).await? {
        found.entry(row.try_get("message_id")?).or_default().push(ulid(row.try_get("ulid")?)?);
    }
    Ok(found)
}

async fn details(conn: &mut Connection, ids: &BTreeSet<i64>) -> StoreResult<HashMap<i64, Detail>> {
    let rows = read(conn, DETAILS, &column(ids)).await?;
    let mut details = HashMap::new();
    let mut contacts: HashMap<i64, Vec<i64>> = HashMap::new();
    for row in &rows {
        let id: i64 = row.try_get("id")?;
        let neighbour = neighbour(row)?;
        contacts.entry(id).or_default().push(id);
        if let (EntityKind::Opportunity, Some(contact)) = (neighbour.entity.kind, row.try_get("contact_id")?) {
            contacts.entry(contact).or_default().push(id);
        }
        details.insert(id, Detail { neighbour, participants: BTreeSet::new() });
    }
    for row in read(conn, POINTS, &column(contacts.keys())).await? {
        let (class, value): (&str, String) = (row.try_get("class")?, row.try_get("normalised")?);
        for id in contacts.get(&row.try_get::<i64, _>("record")?).into_iter().flatten() {
            let Some(detail) = details.get_mut(id) else { continue };
            add_point(detail, class, &value);
        }
    }
    for row in read(conn, PARTICIPANTS, &column(ids)).await? {
        if let Some(detail) = details.get_mut(&row.try_get::<i64, _>("record")?) {
            detail.participants.insert(row.try_get("address")?);
        }
    }
    Ok(details)
}

fn add_point(detail: &mut Detail, class: &str, value: &str) {
    let list = match class {
        "email" => &mut detail.neighbour.emails,
        "phone" if value.starts_with('+') => &mut detail.neighbour.phones,
        _ => return,
    };
    if !list.iter().any(|v| v == value) {
        list.push(value.to_owned());
    }
}

fn neighbour(row: &Row) -> StoreResult<Neighbour> {
    let kind = EntityKind::parse(row.try_get("kind")?).ok_or_else(|| damaged("record kind"))?;
    Ok(Neighbour {
        entity: EntityRef { kind, id: ulid(row.try_get("ulid")?)? },
        keys: Vec::new(),
        first_name: row.try_get("first_name")?,
        last_name: row.try_get("last_name")?,
        full_name: row.try_get("full_name")?,
        organisation_name: row.try_get("organisation_name")?,
        emails: Vec::new(),
        phones: Vec::new(),
        status: row.try_get("status")?,
        open: row.try_get::<i64, _>("open")? != 0,
        customer: row.try_get::<i64, _>("customer")? != 0,
        owner: row.try_get("owner")?,
        team: row.try_get("team")?,
        last_message_at: row.try_get::<Option<i64>, _>("last_message_at")?.map(Timestamp::from_micros),
        created_at: Timestamp::from_micros(row.try_get("created_at")?),
        contact: optional_ulid(row.try_get("contact")?)?,
        organisation: optional_ulid(row.try_get("organisation")?)?,
    })
}

fn thread_hits(
    query: &NeighbourQuery,
    threads: &HashMap<String, Vec<Message>>,
    details: &HashMap<i64, Detail>,
) -> Vec<ThreadHit> {
    let mut messages: Vec<&Message> = query.thread_ids.iter().filter_map(|id| threads.get(id)).flatten().collect();
    messages.sort_by_key(|m| std::cmp::Reverse(m.id));
    messages.dedup_by_key(|m| m.id);
    messages.into_iter().filter_map(|m| thread_hit(m, details.get(&m.record)?)).collect()
}

fn thread_hit(message: &Message, detail: &Detail) -> Option<ThreadHit> {
    let record = &detail.neighbour;
    if !matches!(record.entity.kind, EntityKind::Lead | EntityKind::Opportunity) {
        return None;
    }
    let mut participants = detail.participants.clone();
    participants.extend(record.emails.iter().cloned());
    Some(ThreadHit {
        message_id: message.external_id.clone(),
        record: record.entity,
        participants: participants.into_iter().collect(),
        subject: message.subject.clone(),
        open: record.open,
        last_message_at: record.last_message_at,
        owner: record.owner.clone(),
        team: record.team.clone(),
        contact: record.contact,
        organisation: record.organisation,
    })
}
