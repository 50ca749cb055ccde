//! Bringing the tables up to date, forward only: each file is one transaction and is applied once.

use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Row as _};

use super::server::Prepared;
use crate::store::{StoreError, StoreResult};

/// The migrations of this build, in order; the version of each is its place, from 1.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_journal.sql"),
    include_str!("migrations/0002_records.sql"),
    include_str!("migrations/0003_conversation.sql"),
    include_str!("migrations/0004_once.sql"),
    include_str!("migrations/0005_lease_age.sql"),
    include_str!("migrations/0006_threads.sql"),
    include_str!("migrations/0007_touches.sql"),
    include_str!("migrations/0008_visitors.sql"),
    include_str!("migrations/0009_files.sql"),
    include_str!("migrations/0010_spent.sql"),
    include_str!("migrations/0011_bounces.sql"),
    include_str!("migrations/0012_signatures.sql"),
    include_str!("migrations/0013_proven.sql"),
    include_str!("migrations/0014_profiles.sql"),
    include_str!("migrations/0015_generic.sql"),
    include_str!("migrations/0016_import_places.sql"),
    include_str!("migrations/0017_merges.sql"),
    include_str!("migrations/0018_reindex.sql"),
    include_str!("migrations/0019_size.sql"),
    include_str!("migrations/0020_sweep.sql"),
];

const EXISTS: &str = "SELECT to_regclass('pisteur_migration') IS NOT NULL";
const CREATE: &str = "CREATE TABLE IF NOT EXISTS pisteur_migration
    (version BIGINT NOT NULL PRIMARY KEY, applied_at BIGINT NOT NULL)";
const HIGHEST: &str = "SELECT COALESCE(MAX(version), 0) FROM pisteur_migration";
const RECORD: &str = "INSERT INTO pisteur_migration (version, applied_at)
    VALUES ($1, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT))";

/// Highest version of this build.
fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Applies what is missing. The caller holds the lock that keeps a second daemon out.
///
/// # Errors
/// [`StoreError::Newer`] for a database of a newer build; otherwise as the driver says.
pub(super) async fn run(conn: &mut PgConnection) -> StoreResult<Prepared> {
    let created = !sqlx::query(EXISTS).fetch_one(&mut *conn).await?.try_get::<bool, _>(0)?;
    sqlx::query(CREATE).execute(&mut *conn).await?;
    let found = highest(conn).await?;
    let mut migrated = 0_u32;
    for (version, sql) in (1_i64..).zip(MIGRATIONS).filter(|(version, _)| *version > found) {
        let mut transaction = conn.begin().await?;
        sqlx::raw_sql(*sql).execute(&mut *transaction).await?;
        sqlx::query(RECORD).bind(version).execute(&mut *transaction).await?;
        transaction.commit().await?;
        migrated = migrated.saturating_add(1);
    }
    Ok(Prepared { created, migrated })
}

async fn highest(conn: &mut PgConnection) -> StoreResult<i64> {
    let found: i64 = sqlx::query(HIGHEST).fetch_one(&mut *conn).await?.try_get(0)?;
    if found > newest() { Err(StoreError::Newer { found, known: newest() }) } else { Ok(found) }
}

/// Without applying anything: is the database the one this build expects?
///
/// # Errors
/// [`StoreError::Newer`], or [`StoreError::Unusable`] when migrations are pending.
pub(super) async fn check(conn: &mut PgConnection) -> StoreResult<()> {
    let exists = sqlx::query(EXISTS).fetch_one(&mut *conn).await?.try_get::<bool, _>(0)?;
    let found = if exists { highest(conn).await? } else { 0 };
    if found < newest() {
        return Err(StoreError::Unusable(format!(
            "the database has migration {found}, this pisteur needs {}: run `pisteur migrate`",
            newest()
        )));
    }
    Ok(())
}
