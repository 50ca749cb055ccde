//! A lead or opportunity in outline: one row and a few contact details, for whoever tells others of it. Nothing here
//! grows with the length of its conversation.

use sqlx::Row as _;
use ulid::Ulid;

use super::super::driver::Connection;
use super::{person, statements, ulid};
use crate::domain::decision::RecordKind;
use crate::store::StoreResult;
use crate::store::rows::{PointRow, RecordOutline};

/// Text that says something.
macro_rules! said {
    ($column:literal) => {
        concat!("NULLIF(TRIM(", $column, "), '')")
    };
}

/// What both kinds have and hang on; `r` is the record, `s` its row among all records.
macro_rules! tied {
    ($table:literal) => {
        concat!(
            " FROM entity x JOIN entity s ON s.id = COALESCE(x.merged_into, x.id) JOIN ",
            $table,
            " r ON r.id = s.id LEFT JOIN source f ON f.id = r.source LEFT JOIN campaign g ON g.id = r.campaign",
            " LEFT JOIN contact k ON k.id = r.contact LEFT JOIN organisation ko ON ko.id = k.organisation",
            " LEFT JOIN organisation o ON o.id = r.organisation WHERE x.ulid = $1"
        )
    };
}

statements! {
    LEAD(
        "SELECT s.id, s.ulid, CAST(NULL AS BIGINT) AS contact, r.owner, r.team, f.name AS source, g.name AS campaign,",
        " r.topic AS title, r.status AS state, COALESCE(", person!("r"), ", ", person!("k"), ") AS name, COALESCE(",
        said!("r.company"), ", ", said!("o.name"), ", ", said!("ko.name"), ", ", said!("k.company"), ") AS company",
        tied!("lead"));
    // Its person is the contact it hangs on.
    OPPORTUNITY(
        "SELECT s.id, s.ulid, r.contact, r.owner, r.team, f.name AS source, g.name AS campaign, r.title,",
        " r.stage AS state, ", person!("k"), " AS name, COALESCE(", said!("o.name"), ", ", said!("ko.name"), ", ",
        said!("k.company"), ") AS company", tied!("opportunity"));
    POINTS(
        "SELECT y.class, y.kind, y.raw, y.normalised FROM (SELECT c.class, c.kind, c.raw, c.normalised",
        " FROM contact_point c WHERE c.record = $1 AND c.class = 'email' ORDER BY c.position, c.normalised LIMIT 10)",
        " AS y UNION ALL SELECT z.class, z.kind, z.raw, z.normalised FROM (SELECT c.class, c.kind, c.raw,",
        " c.normalised FROM contact_point c WHERE c.record = $1 AND c.class = 'phone'",
        " ORDER BY c.position, c.normalised LIMIT 10) AS z");
}

/// One record in outline; redirects of merged ids are followed. `None` when there is none of this kind.
pub(in super::super) async fn outline(
    conn: &mut Connection,
    kind: RecordKind,
    id: Ulid,
) -> StoreResult<Option<RecordOutline>> {
    let sql = match kind {
        RecordKind::Lead => LEAD,
        RecordKind::Opportunity => OPPORTUNITY,
    };
    let Some(row) = sqlx::query(sql).bind(id.to_string()).fetch_optional(&mut *conn).await? else { return Ok(None) };
    let mut points = points(conn, row.try_get("id")?).await?;
    if let Some(contact) = row.try_get::<Option<i64>, _>("contact")? {
        points.extend(self::points(conn, contact).await?);
    }
    Ok(Some(RecordOutline {
        id: ulid(row.try_get("ulid")?)?,
        kind,
        owner: row.try_get("owner")?,
        team: row.try_get("team")?,
        source: row.try_get("source")?,
        campaign: row.try_get("campaign")?,
        title: row.try_get("title")?,
        state: row.try_get("state")?,
        name: row.try_get("name")?,
        company: row.try_get("company")?,
        points,
    }))
}

async fn points(conn: &mut Connection, record: i64) -> StoreResult<Vec<PointRow>> {
    let rows = sqlx::query(POINTS).bind(record).fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            Ok(PointRow {
                class: row.try_get("class")?,
                kind: row.try_get("kind")?,
                value: row.try_get("raw")?,
                normalised: row.try_get("normalised")?,
            })
        })
        .collect()
}
