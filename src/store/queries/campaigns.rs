//! Campaigns by hand: those that are known, those that wait for a person, and making one known.

use sqlx::Row as _;

use super::super::driver::Connection;
use super::{limit, run, run_with, statements};
use crate::clock::Timestamp;
use crate::domain::enquiry::attribution::folded;
use crate::store::StoreResult;
use crate::store::batch::{Batch, column, row};
use crate::store::rows::{CampaignMade, CampaignRow};

statements! {
    WAITING(
        "SELECT f.value AS name, COUNT(l.id) AS leads, COUNT(p.id) AS opportunities, MIN(COALESCE(l.created_at,",
        " p.created_at)) AS since FROM record_tag t JOIN custom_field f ON f.record = t.record",
        " AND f.name = 'unknown_campaign' LEFT JOIN lead l ON l.id = t.record LEFT JOIN opportunity p",
        " ON p.id = t.record WHERE t.tag = 'campaign_review' GROUP BY f.value ORDER BY f.value LIMIT $1");
    KNOWN(
        "SELECT g.name, g.created_at AS since, COALESCE(l.n, 0) AS leads, COALESCE(p.n, 0) AS opportunities",
        " FROM campaign g LEFT JOIN (SELECT campaign, COUNT(*) AS n FROM lead GROUP BY campaign) AS l",
        " ON l.campaign = g.id LEFT JOIN (SELECT campaign, COUNT(*) AS n FROM opportunity GROUP BY campaign) AS p",
        " ON p.campaign = g.id ORDER BY g.id DESC LIMIT $1");
    MAKE("INSERT INTO campaign (name, folded, created_at) SELECT value->>0, value->>1, $2 FROM ", rows!("1"),
        " WHERE true ON CONFLICT DO NOTHING");
    RECORDS_WAITING(
        "SELECT t.record, f.value FROM record_tag t JOIN custom_field f ON f.record = t.record",
        " AND f.name = 'unknown_campaign' WHERE t.tag = 'campaign_review'");
    GIVE_LEADS(
        "UPDATE lead SET modified_at = $2, campaign = COALESCE(campaign,",
        " (SELECT g.id FROM campaign g WHERE g.folded = e.value->>1)) FROM ", rows!("1"),
        " WHERE lead.id = CAST(e.value->>0 AS BIGINT)");
    GIVE_OPPORTUNITIES(
        "UPDATE opportunity SET modified_at = $2, campaign = COALESCE(campaign,",
        " (SELECT g.id FROM campaign g WHERE g.folded = e.value->>1)) FROM ", rows!("1"),
        " WHERE opportunity.id = CAST(e.value->>0 AS BIGINT)");
    DROP_TAGS(
        "DELETE FROM record_tag WHERE tag = 'campaign_review' AND record IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ",
        rows!("1"), ")");
    DROP_FIELDS(
        "DELETE FROM custom_field WHERE name = 'unknown_campaign'",
        " AND record IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
}

/// Campaigns that wait for a person, by name, or the known ones, newest first; at most `most` (0 = all).
pub(in super::super) async fn list(conn: &mut Connection, waiting: bool, most: i64) -> StoreResult<Vec<CampaignRow>> {
    let sql = if waiting { WAITING } else { KNOWN };
    let rows = sqlx::query(sql).bind(limit(most)).fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            Ok(CampaignRow {
                name: row.try_get("name")?,
                known: !waiting,
                since: row.try_get::<Option<i64>, _>("since")?.map(Timestamp::from_micros),
                leads: row.try_get("leads")?,
                opportunities: row.try_get("opportunities")?,
            })
        })
        .collect()
}

/// Makes a campaign known, and gives it to the records that wait for it or for one of its other names.
pub(in super::super) async fn add(
    conn: &mut Connection,
    name: &str,
    others: &[String],
    now: Timestamp,
) -> StoreResult<CampaignMade> {
    let key = folded(name);
    let mut made = Batch::default();
    row!(made; name, key);
    let created = run_with(conn, MAKE, &made, now.micros()).await? > 0;
    let meant: Vec<String> = others.iter().map(|other| folded(other)).chain([key.clone()]).collect();
    let (mut given, mut ids) = (Batch::default(), Vec::new());
    for row in sqlx::query(RECORDS_WAITING).fetch_all(&mut *conn).await? {
        if meant.contains(&folded(row.try_get("value")?)) {
            let id: i64 = row.try_get("record")?;
            row!(given; id, key);
            ids.push(id);
        }
    }
    let records = run_with(conn, GIVE_LEADS, &given, now.micros()).await?
        + run_with(conn, GIVE_OPPORTUNITIES, &given, now.micros()).await?;
    let ids = column(&ids);
    run(conn, DROP_TAGS, &ids).await?;
    run(conn, DROP_FIELDS, &ids).await?;
    Ok(CampaignMade { created, records })
}
