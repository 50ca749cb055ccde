//! What is known around arrivals: records that share a key, conversations they answer. A few statements per batch.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::Row as _;

use super::super::driver::{Connection, Row};
use super::probe::{CAP, Hits, add_lasting, probe, resolve};
use super::{compared, damaged, history, lately, optional_ulid, read, statements, threads, ulid};
use crate::clock::Timestamp;
use crate::domain::matching::judge::Judged;
use crate::domain::matching::{EntityKind, EntityRef, KeyKind, MatchKey, Neighbour, NeighbourQuery, Neighbourhood};
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
        " o.registrations AS registrations, o.domain AS organisation_domain,",
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
    // Survivors answer for whoever was merged into them.
    TOLD_APART_FROM(
        "SELECT n.a_now AS record, x.ulid FROM ", rows!("1"), " JOIN not_duplicate n",
        " ON n.a_now = CAST(e.value->>0 AS BIGINT) JOIN entity x ON x.id = n.b_now",
        " UNION SELECT n.b_now AS record, x.ulid FROM ", rows!("1"), " JOIN not_duplicate n",
        " ON n.b_now = CAST(e.value->>0 AS BIGINT) JOIN entity x ON x.id = n.a_now");
    POINTS(
        "SELECT c.record, c.class, c.normalised FROM ", rows!("1"),
        " JOIN contact_point c ON c.record = CAST(e.value->>0 AS BIGINT)");
}

/// What is known around each arrival, in the order asked.
pub(in super::super) async fn neighbours(
    conn: &mut Connection,
    queries: &[NeighbourQuery],
) -> StoreResult<Vec<Neighbourhood>> {
    let searched_by = compared::searched_by(queries);
    let keys = queries.iter().flat_map(|q| &q.keys).chain(searched_by.iter().flatten());
    let mut hits = probe(conn, keys.copied()).await?;
    add_lasting(conn, &mut hits).await?;
    let except = except(conn, queries).await?;
    let messages = threads::messages(conn, queries).await?;
    let answered: Vec<_> = queries.iter().map(|q| threads::answered(q, &messages)).collect();
    let part = threads::taking_part(conn, queries, &answered).await?;
    let same = threads::same_message_ids(conn, queries).await?;
    let made = lately::made(conn, queries).await?;
    let chosen: Vec<(BTreeMap<i64, Vec<MatchKey>>, bool)> =
        queries.iter().zip(&except).map(|(q, except)| candidates(q, &hits, except)).collect();
    let found_before = chosen.iter().map(|(records, _)| records);
    let compared = compared::compared(conn, queries, &searched_by, &hits, found_before.zip(&except)).await?;
    let around = queries.iter().zip(&answered).zip(&chosen);
    let earlier = history::earlier(conn, around.map(|((q, m), (r, _))| history::asked(q, m, r))).await?;
    let mut wanted: BTreeSet<i64> = answered.iter().flatten().map(|m| m.record).collect();
    wanted.extend(chosen.iter().flat_map(|(records, _)| records.keys().copied()));
    wanted.extend(compared.iter().flat_map(|compared| compared.judged.keys().copied()));
    let details = details(conn, &wanted).await?;
    Ok(queries
        .iter()
        .zip(answered)
        .zip(chosen)
        .zip(earlier)
        .zip(compared)
        .map(|((((query, answered), (records, truncated)), earlier), compared)| Neighbourhood {
            earlier,
            records: records_of(records, compared.judged, &details),
            searched: compared.searched,
            threads: answered
                .into_iter()
                .filter_map(|m| threads::hit(query, m, details.get(&m.record)?, &part))
                .collect(),
            same_message_id: query
                .message_id
                .as_ref()
                .and_then(|m| same.get(m)?.iter().copied().find(|a| Some(*a) != query.arrival)),
            truncated,
            made_lately: lately::of(query).and_then(|asked| made.get(&asked).copied()).unwrap_or_default(),
        })
        .collect())
}

/// Row ids of the records that each query does not look for.
async fn except(conn: &mut Connection, queries: &[NeighbourQuery]) -> StoreResult<Vec<BTreeSet<i64>>> {
    let known = resolve(conn, queries.iter().flat_map(|q| q.except.iter().copied())).await?;
    let row_ids = |q: &NeighbourQuery| q.except.iter().filter_map(|id| known.get(id)).map(|known| known.id).collect();
    Ok(queries.iter().map(row_ids).collect())
}

/// Records of one query by row id, so oldest first, and whether a key of the person was left out.
fn candidates(
    query: &NeighbourQuery,
    hits: &HashMap<MatchKey, Hits>,
    except: &BTreeSet<i64>,
) -> (BTreeMap<i64, Vec<MatchKey>>, bool) {
    let mut found: Vec<(&MatchKey, &Hits)> = query.keys.iter().filter_map(|k| Some((k, hits.get(k)?))).collect();
    // What may be the person comes first, rarest first: a company name shared by hundreds never hides an exact email.
    found.sort_by_key(|(key, hits)| (!key.kind.is_strong(), hits.entities.len()));
    let mut records: BTreeMap<i64, Vec<MatchKey>> = BTreeMap::new();
    let mut truncated = false;
    for (key, hits) in found {
        let personal = !key.kind.is_corporate();
        if personal && hits.generic {
            // Hundreds of people have it: it tells nothing of any one, and says nothing against what else is known. An id that
            // a system gives to every request never told anything.
            truncated |= key.kind != KeyKind::Request;
            continue;
        }
        for id in hits.entities.iter().filter(|id| !except.contains(id)) {
            if records.len() < CAP || records.contains_key(id) || (key.kind.is_strong() && !hits.generic) {
                records.entry(*id).or_default().push(*key);
            } else {
                truncated |= personal;
            }
        }
    }
    (records, truncated)
}

/// Records that share a key and those found by comparing, oldest first.
fn records_of(
    mut keys: BTreeMap<i64, Vec<MatchKey>>,
    mut judged: BTreeMap<i64, Judged>,
    details: &HashMap<i64, Neighbour>,
) -> Vec<Neighbour> {
    let ids: BTreeSet<i64> = keys.keys().chain(judged.keys()).copied().collect();
    ids.into_iter()
        .filter_map(|id| {
            let (keys, judged) = (keys.remove(&id).unwrap_or_default(), judged.remove(&id));
            Some(Neighbour { keys, judged, ..details.get(&id)?.clone() })
        })
        .collect()
}

pub(super) async fn details(conn: &mut Connection, ids: &BTreeSet<i64>) -> StoreResult<HashMap<i64, Neighbour>> {
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
        details.insert(id, neighbour);
    }
    for row in read(conn, POINTS, &column(contacts.keys())).await? {
        let (class, value): (&str, String) = (row.try_get("class")?, row.try_get("normalised")?);
        for id in contacts.get(&row.try_get::<i64, _>("record")?).into_iter().flatten() {
            let Some(record) = details.get_mut(id) else { continue };
            add_point(record, class, &value);
        }
    }
    for row in read(conn, TOLD_APART_FROM, &column(details.keys())).await? {
        let other = ulid(row.try_get("ulid")?)?;
        if let Some(record) = details.get_mut(&row.try_get::<i64, _>("record")?) {
            record.not_same_as.push(other);
        }
    }
    Ok(details)
}

fn add_point(record: &mut Neighbour, class: &str, value: &str) {
    let list = match class {
        "email" => &mut record.emails,
        "phone" if value.starts_with('+') => &mut record.phones,
        _ => return,
    };
    if !list.iter().any(|v| v == value) {
        list.push(value.to_owned());
    }
}

fn registrations(stored: Option<&str>) -> StoreResult<Vec<String>> {
    stored
        .map_or_else(|| Ok(Vec::new()), |list| serde_json::from_str(list).map_err(|_| damaged("list of registrations")))
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
        registrations: registrations(row.try_get("registrations")?)?,
        domain: row.try_get("organisation_domain")?,
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
        judged: None,
        not_same_as: Vec::new(),
    })
}
