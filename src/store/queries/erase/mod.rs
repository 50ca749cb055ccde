//! Forgetting a person, one bounded transaction at a time: finding what there is, and running a step.
//!
//! A rehearsal runs the same statements behind a savepoint and goes back to it, so that its counts are those of the
//! erasure.

/// The context of an arrival whose person was erased, by which it is known as done. A door never writes this one.
macro_rules! erased_context {
    () => {
        r#"{"extra":{"erased":"true"}}"#
    };
}

mod address;
mod arrivals;
mod records;

use std::collections::BTreeSet;

use sqlx::Row as _;
use ulid::Ulid;

use super::super::driver::{self, Connection};
use super::{imports, read, run, run_with, statements};
use crate::clock::Timestamp;
use crate::store::batch::{Batch, column};
use crate::store::erase::texts;
use crate::store::{Erasable, EraseStep, ErasedCounts, Erasure, StoreResult};

statements! {
    ERASABLE_RECORDS(
        "SELECT p.record AS id FROM contact_point p WHERE p.class = 'email' AND p.normalised = $1");
    /// What is about the same person: the records of a contact, what became of a lead, what was merged.
    ERASABLE_LINKED(
        "SELECT l.id FROM ", rows!("1"), " JOIN lead l ON l.contact = CAST(e.value->>0 AS BIGINT)",
        " UNION SELECT o.id FROM ", rows!("1"), " JOIN opportunity o ON o.contact = CAST(e.value->>0 AS BIGINT)",
        " UNION SELECT o.id FROM ", rows!("1"), " JOIN opportunity o ON o.lead = CAST(e.value->>0 AS BIGINT)",
        " UNION SELECT t.id FROM ", rows!("1"), " JOIN entity t ON t.merged_into = CAST(e.value->>0 AS BIGINT)",
        " UNION SELECT t.merged_into AS id FROM ", rows!("1"), " JOIN entity t ON t.id = CAST(e.value->>0 AS BIGINT)",
        " WHERE t.merged_into IS NOT NULL");
    ERASABLE_MESSAGES(
        "SELECT c.arrival AS id FROM ", rows!("1"), " JOIN communication c ON c.record = CAST(e.value->>0 AS BIGINT)",
        " WHERE c.arrival IS NOT NULL UNION SELECT d.arrival AS id FROM ", rows!("1"),
        " JOIN decision d ON d.record = CAST(e.value->>0 AS BIGINT)");
    ERASABLE_NAMED("SELECT a.id FROM ", rows!("1"), " JOIN arrival a ON a.ulid = e.value->>0");
    ERASABLE_REPEATS(
        "SELECT a.id FROM ", rows!("1"), " JOIN arrival a ON a.duplicate_of = CAST(e.value->>0 AS BIGINT)");
    ERASABLE_LEFT(
        "SELECT a.id FROM ", rows!("1"), " JOIN arrival a ON a.id = CAST(e.value->>0 AS BIGINT)",
        " WHERE a.context <> '", erased_context!(), "'");
    MENTIONED(
        "SELECT DISTINCT a.ulid FROM communication c JOIN arrival a ON a.id = c.arrival",
        " WHERE LOWER(c.body) LIKE $1 ESCAPE '!' OR LOWER(c.fields) LIKE $1 ESCAPE '!'",
        " OR LOWER(c.subject) LIKE $1 ESCAPE '!' OR LOWER(c.signature) LIKE $1 ESCAPE '!' ORDER BY a.ulid DESC LIMIT $2");
}

/// Rows looked up by one statement.
const AT_ONCE: usize = 500;

/// What there is of the person with this canonical address; `also` are arrivals recognised by reading them.
pub(in super::super) async fn find(conn: &mut Connection, address: &str, also: &[Ulid]) -> StoreResult<Erasable> {
    let mut records: BTreeSet<i64> = BTreeSet::new();
    let mut fresh = ids(&sqlx::query(ERASABLE_RECORDS).bind(address).fetch_all(&mut *conn).await?)?;
    while !fresh.is_empty() {
        records.extend(&fresh);
        let linked = gather(conn, ERASABLE_LINKED, &fresh).await?;
        fresh = linked.difference(&records).copied().collect();
    }
    let mut arrivals = gather(conn, ERASABLE_MESSAGES, &records).await?;
    for chunk in also.chunks(AT_ONCE) {
        arrivals.extend(ids(&read(conn, ERASABLE_NAMED, &column(texts(chunk))).await?)?);
    }
    arrivals.extend(gather(conn, ERASABLE_REPEATS, &arrivals).await?);
    let arrivals = gather(conn, ERASABLE_LEFT, &arrivals).await?;
    Ok(Erasable { arrivals: arrivals.into_iter().collect(), records: records.into_iter().collect() })
}

async fn gather(conn: &mut Connection, sql: &'static str, of: &BTreeSet<i64>) -> StoreResult<BTreeSet<i64>> {
    let of: Vec<i64> = of.iter().copied().collect();
    let mut found = BTreeSet::new();
    for chunk in of.chunks(AT_ONCE) {
        found.extend(ids(&read(conn, sql, &column(chunk)).await?)?);
    }
    Ok(found)
}

fn ids(rows: &[driver::Row]) -> StoreResult<BTreeSet<i64>> {
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

/// Arrivals of other people whose message, its subject or its further fields have the address in them, newest first. The
/// engines do not agree on the lower case of letters beyond ASCII: any character may stand there.
pub(in super::super) async fn mentioned(conn: &mut Connection, address: &str, most: i64) -> StoreResult<Vec<Ulid>> {
    let mut pattern = String::from("%");
    for c in address.to_lowercase().chars() {
        match c {
            '%' | '_' | '!' => pattern.extend(['!', c]),
            c if c.is_ascii() => pattern.push(c),
            _ => pattern.push('_'),
        }
    }
    pattern.push('%');
    let rows = sqlx::query(MENTIONED).bind(pattern).bind(most).fetch_all(conn).await?;
    rows.iter().map(|row| super::ulid(row.try_get("ulid")?)).collect()
}

/// Runs steps inside the caller's transaction; how many of each kind.
pub(in super::super) async fn run_steps(
    conn: &mut Connection,
    steps: &[EraseStep],
    by: &Erasure,
    now: Timestamp,
) -> StoreResult<ErasedCounts> {
    if by.rehearsal {
        sqlx::raw_sql("SAVEPOINT rehearsal").execute(&mut *conn).await?;
    } else {
        driver::overwrite_deleted(conn).await?;
    }
    let mut total = ErasedCounts::new();
    for step in steps {
        let counts = match step {
            EraseStep::Arrivals(ids) => arrivals::erase(conn, ids, now).await?,
            EraseStep::Records(ids) => records::erase(conn, ids).await?,
            EraseStep::Address => address::erase(conn, &by.address, now).await?,
        };
        if !by.rehearsal && !counts.is_empty() {
            let detail = serde_json::to_string(&counts).unwrap_or_default();
            imports::audit(conn, now, (&by.actor, "erase"), step.word(), Some(&detail)).await?;
        }
        for (word, rows) in counts {
            count(&mut total, word, rows);
        }
    }
    if by.rehearsal {
        sqlx::raw_sql("ROLLBACK TO SAVEPOINT rehearsal").execute(&mut *conn).await?;
        sqlx::raw_sql("RELEASE SAVEPOINT rehearsal").execute(&mut *conn).await?;
    }
    Ok(total)
}

/// Adds what a statement touched to the counts; nothing for nothing.
fn count(counts: &mut ErasedCounts, word: &'static str, rows: u64) {
    if rows > 0 {
        let had = counts.entry(word).or_default();
        *had = had.saturating_add(rows);
    }
}

/// Runs statements over the same rows, each under the word it counts as; the empty word counts nothing.
async fn sweep(
    conn: &mut Connection,
    counts: &mut ErasedCounts,
    statements: &[(&'static str, &'static str)],
    rows: &Batch,
) -> StoreResult<()> {
    for (word, sql) in statements {
        let touched = run(conn, sql, rows).await?;
        if !word.is_empty() {
            count(counts, word, touched);
        }
    }
    Ok(())
}

/// Every statement of this folder, by name.
pub(super) fn all() -> Vec<(&'static str, &'static str)> {
    [STATEMENTS, address::STATEMENTS, arrivals::STATEMENTS, records::STATEMENTS].concat()
}
