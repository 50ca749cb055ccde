//! Lists of leads, opportunities, contacts and organisations, newest first.

use sqlx::Row as _;
use ulid::Ulid;

use super::super::driver::{Connection, Row};
use super::{limit, statements, ulid};
use crate::clock::Timestamp;
use crate::domain::matching::EntityKind;
use crate::store::StoreResult;
use crate::store::rows::{RecordFilter, RecordRow};

/// First contact point of a class.
macro_rules! point {
    ($class:literal, $record:literal) => {
        concat!(
            "(SELECT c.raw FROM contact_point c WHERE c.record = ",
            $record,
            " AND c.class = '",
            $class,
            "' ORDER BY c.position, c.normalised LIMIT 1)"
        )
    };
}

/// A person's name as one string.
macro_rules! name {
    ($t:literal) => {
        concat!(
            "COALESCE(",
            $t,
            ".full_name, NULLIF(TRIM(COALESCE(",
            $t,
            ".first_name, '') || ' ' || COALESCE(",
            $t,
            ".last_name, '')), ''))"
        )
    };
}

macro_rules! lead_list {
    ($filter:literal) => {
        concat!(
            "SELECT x.ulid, r.created_at, r.modified_at, ",
            name!("r"),
            " AS name, r.company, r.topic, ",
            point!("email", "r.id"),
            " AS email, ",
            point!("phone", "r.id"),
            " AS phone, r.status AS status, r.owner,",
            " r.team, s.name AS source, m.name AS campaign, r.priority, r.verification_required",
            " FROM lead r JOIN entity x ON x.id = r.id LEFT JOIN source s ON s.id = r.source",
            " LEFT JOIN campaign m ON m.id = r.campaign WHERE x.merged_into IS NULL AND r.id < $1",
            " AND r.created_at >= $2 AND (CAST($3 AS TEXT) IS NULL OR r.owner = $3)",
            " AND (CAST($4 AS TEXT) IS NULL OR r.status = $4) ",
            $filter,
            " ORDER BY r.id DESC LIMIT $5"
        )
    };
}

macro_rules! opportunity_list {
    ($filter:literal) => {
        concat!(
            "SELECT x.ulid, r.created_at, r.modified_at, r.title AS name, COALESCE(o.name, k.company) AS company,",
            " r.topic, ",
            point!("email", "COALESCE(r.contact, r.id)"),
            " AS email, ",
            point!("phone", "COALESCE(r.contact, r.id)"),
            " AS phone, r.stage AS status, r.owner, r.team,",
            " s.name AS source, m.name AS campaign, r.priority, r.verification_required",
            " FROM opportunity r JOIN entity x ON x.id = r.id LEFT JOIN contact k ON k.id = r.contact",
            " LEFT JOIN organisation o ON o.id = r.organisation LEFT JOIN source s ON s.id = r.source",
            " LEFT JOIN campaign m ON m.id = r.campaign WHERE x.merged_into IS NULL AND r.id < $1",
            " AND r.created_at >= $2 AND (CAST($3 AS TEXT) IS NULL OR r.owner = $3)",
            " AND (CAST($4 AS TEXT) IS NULL OR r.stage = $4) ",
            $filter,
            " ORDER BY r.id DESC LIMIT $5"
        )
    };
}

statements! {
    LEADS(lead_list!(""));
    LEADS_BY_STATUS(lead_list!("AND r.status = CAST($4 AS TEXT)"));
    LEADS_BY_OWNER(lead_list!("AND r.owner = CAST($3 AS TEXT)"));
    OPPORTUNITIES(opportunity_list!(""));
    OPPORTUNITIES_BY_STAGE(opportunity_list!("AND r.stage = CAST($4 AS TEXT)"));
    OPPORTUNITIES_BY_OWNER(opportunity_list!("AND r.owner = CAST($3 AS TEXT)"));
    CONTACTS(
        "SELECT x.ulid, r.created_at, r.modified_at, ", name!("r"), " AS name, COALESCE(o.name, r.company) AS company,",
        " CAST(NULL AS TEXT) AS topic, ", point!("email", "r.id"), " AS email, ", point!("phone", "r.id"), " AS phone,",
        " CASE WHEN r.customer_since IS NOT NULL THEN 'customer' END AS status, r.owner, r.team,",
        " CAST(NULL AS TEXT) AS source, CAST(NULL AS TEXT) AS campaign, CAST(NULL AS BIGINT) AS priority,",
        " r.verification_required FROM contact r JOIN entity x ON x.id = r.id",
        " LEFT JOIN organisation o ON o.id = r.organisation WHERE x.merged_into IS NULL AND r.id < $1",
        " AND r.created_at >= $2 AND (CAST($3 AS TEXT) IS NULL OR r.owner = $3)",
        " AND (CAST($4 AS TEXT) IS NULL OR $4 = CASE WHEN r.customer_since IS NOT NULL THEN 'customer' ELSE '' END)",
        " ORDER BY r.id DESC LIMIT $5");
    ORGANISATIONS(
        "SELECT x.ulid, r.created_at, r.modified_at, r.name, r.name AS company, CAST(NULL AS TEXT) AS topic, ",
        point!("email", "r.id"), " AS email, ", point!("phone", "r.id"), " AS phone,",
        " CASE WHEN r.customer_since IS NOT NULL THEN 'customer' END AS status, r.owner, r.team,",
        " CAST(NULL AS TEXT) AS source, CAST(NULL AS TEXT) AS campaign, CAST(NULL AS BIGINT) AS priority,",
        " r.verification_required FROM organisation r JOIN entity x ON x.id = r.id",
        " WHERE x.merged_into IS NULL AND r.id < $1",
        " AND r.created_at >= $2 AND (CAST($3 AS TEXT) IS NULL OR r.owner = $3)",
        " AND (CAST($4 AS TEXT) IS NULL OR $4 = CASE WHEN r.customer_since IS NOT NULL THEN 'customer' ELSE '' END)",
        " ORDER BY r.id DESC LIMIT $5");
    POSITION("SELECT id FROM entity WHERE ulid = $1");
    STATUSES("SELECT id FROM lead_status ORDER BY position, id");
    STAGES("SELECT id FROM stage ORDER BY position, id");
}

/// Records of one kind, newest first.
pub(in super::super) async fn list(
    conn: &mut Connection,
    kind: EntityKind,
    filter: &RecordFilter,
) -> StoreResult<Vec<RecordRow>> {
    let before = match filter.before {
        Some(id) => position(conn, id).await?.unwrap_or(i64::MAX),
        None => i64::MAX,
    };
    let rows = sqlx::query(statement(kind, filter))
        .bind(before)
        .bind(filter.since.map_or(i64::MIN, Timestamp::micros))
        .bind(filter.owner.as_deref())
        .bind(filter.status.as_deref())
        .bind(limit(filter.limit))
        .fetch_all(conn)
        .await?;
    rows.iter().map(|r| record_row(r, kind)).collect()
}

/// What records of a kind can be filtered by.
pub(in super::super) async fn states(conn: &mut Connection, kind: EntityKind) -> StoreResult<Vec<String>> {
    let sql = match kind {
        EntityKind::Lead => STATUSES,
        EntityKind::Opportunity => STAGES,
        EntityKind::Contact | EntityKind::Organisation => return Ok(vec!["customer".to_owned()]),
    };
    let rows = sqlx::query(sql).fetch_all(conn).await?;
    rows.iter().map(|r| Ok(r.try_get("id")?)).collect()
}

/// The statement whose index fits the filter best.
const fn statement(kind: EntityKind, filter: &RecordFilter) -> &'static str {
    match (kind, &filter.owner, &filter.status) {
        (EntityKind::Lead, Some(_), _) => LEADS_BY_OWNER,
        (EntityKind::Lead, None, Some(_)) => LEADS_BY_STATUS,
        (EntityKind::Lead, None, None) => LEADS,
        (EntityKind::Opportunity, Some(_), _) => OPPORTUNITIES_BY_OWNER,
        (EntityKind::Opportunity, None, Some(_)) => OPPORTUNITIES_BY_STAGE,
        (EntityKind::Opportunity, None, None) => OPPORTUNITIES,
        (EntityKind::Contact, ..) => CONTACTS,
        (EntityKind::Organisation, ..) => ORGANISATIONS,
    }
}

/// Row id of a record by public id.
pub(super) async fn position(conn: &mut Connection, id: Ulid) -> StoreResult<Option<i64>> {
    let row = sqlx::query(POSITION).bind(id.to_string()).fetch_optional(conn).await?;
    Ok(row.map(|r| r.try_get("id")).transpose()?)
}

fn record_row(row: &Row, kind: EntityKind) -> StoreResult<RecordRow> {
    Ok(RecordRow {
        id: ulid(row.try_get("ulid")?)?,
        kind: kind.as_str().to_owned(),
        created_at: Timestamp::from_micros(row.try_get("created_at")?),
        modified_at: Timestamp::from_micros(row.try_get("modified_at")?),
        name: row.try_get("name")?,
        company: row.try_get("company")?,
        topic: row.try_get("topic")?,
        email: row.try_get("email")?,
        phone: row.try_get("phone")?,
        status: row.try_get("status")?,
        owner: row.try_get("owner")?,
        team: row.try_get("team")?,
        source: row.try_get("source")?,
        campaign: row.try_get("campaign")?,
        priority: row.try_get("priority")?,
        verification_required: row.try_get::<i64, _>("verification_required")? != 0,
    })
}
