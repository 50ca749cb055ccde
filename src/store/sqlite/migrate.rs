//! Forward-only migrations with a version table of our own; a database of a newer build is refused.

use sqlx::{Connection as _, Row as _, SqliteConnection};

use crate::clock::Timestamp;
use crate::store::{StoreError, StoreResult};

/// Migrations by version, without gaps.
pub(super) const MIGRATIONS: &[(i64, &str)] = &[
    (1, include_str!("migrations/0001_journal.sql")),
    (2, include_str!("migrations/0002_records.sql")),
    (3, include_str!("migrations/0003_conversation.sql")),
    (4, include_str!("migrations/0004_once.sql")),
    (5, include_str!("migrations/0005_lease_age.sql")),
    (6, include_str!("migrations/0006_threads.sql")),
    (7, include_str!("migrations/0007_touches.sql")),
    (8, include_str!("migrations/0008_visitors.sql")),
    (9, include_str!("migrations/0009_files.sql")),
    (10, include_str!("migrations/0010_spent.sql")),
    (11, include_str!("migrations/0011_bounces.sql")),
    (12, include_str!("migrations/0012_signatures.sql")),
    (13, include_str!("migrations/0013_proven.sql")),
    (14, include_str!("migrations/0014_profiles.sql")),
    (15, include_str!("migrations/0015_generic.sql")),
    (16, include_str!("migrations/0016_import_places.sql")),
    (17, include_str!("migrations/0017_merges.sql")),
    (18, include_str!("migrations/0018_reindex.sql")),
    (19, include_str!("migrations/0019_size.sql")),
    (20, include_str!("migrations/0020_sweep.sql")),
];

/// What was found and done.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Migrated {
    /// No migration had ever run here.
    pub(super) created: bool,
    /// Migrations applied now.
    pub(super) applied: u32,
}

/// Brings the database to this build's version, each migration in a transaction of its own.
pub(super) async fn migrate(conn: &mut SqliteConnection, apply: bool, now: Timestamp) -> StoreResult<Migrated> {
    let found = version(conn).await?;
    let known = MIGRATIONS.last().map_or(0, |(v, _)| *v);
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    let pending: Vec<_> = MIGRATIONS.iter().filter(|(v, _)| *v > found).collect();
    if !apply && !pending.is_empty() {
        return Err(StoreError::Unusable(format!(
            "the database is at migration {found}, this pisteur needs {known}: run `pisteur migrate`"
        )));
    }
    let mut done = Migrated { created: found == 0, applied: 0 };
    for (version, sql) in pending {
        let mut transaction = conn.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::raw_sql(*sql).execute(&mut *transaction).await?;
        sqlx::query("INSERT INTO pisteur_migration (version, applied_at) VALUES ($1, $2)")
            .bind(version)
            .bind(now.micros())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        done.applied = done.applied.saturating_add(1);
    }
    Ok(done)
}

/// Highest migration applied; 0 for a new database.
async fn version(conn: &mut SqliteConnection) -> StoreResult<i64> {
    sqlx::query(
        "CREATE TABLE IF NOT EXISTS pisteur_migration (
            version INTEGER NOT NULL PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT",
    )
    .execute(&mut *conn)
    .await?;
    let row = sqlx::query("SELECT COALESCE(MAX(version), 0) AS version FROM pisteur_migration").fetch_one(conn).await?;
    Ok(row.try_get("version")?)
}

#[cfg(test)]
mod tests {
    use sqlx::ConnectOptions as _;

    use super::*;

    #[tokio::test]
    async fn names_that_differed_only_by_their_case_do_not_stop_a_migration() {
        let options = sqlx::sqlite::SqliteConnectOptions::new().in_memory(true);
        let mut conn = options.connect().await.unwrap();
        assert_eq!(version(&mut conn).await.unwrap(), 0);
        let touches = MIGRATIONS.iter().position(|(_, sql)| sql.contains("CREATE TABLE touch")).unwrap();
        for (version, sql) in &MIGRATIONS[..touches] {
            sqlx::raw_sql(*sql).execute(&mut conn).await.unwrap();
            let done = "INSERT INTO pisteur_migration (version, applied_at) VALUES ($1, 0)";
            sqlx::query(done).bind(version).execute(&mut conn).await.unwrap();
        }
        let before =
            "INSERT INTO campaign (name, created_at) VALUES ('Spring', 1), ('spring', 2), ('SPRING', 3), ('May', 4)";
        sqlx::raw_sql(before).execute(&mut conn).await.unwrap();
        migrate(&mut conn, true, Timestamp::from_seconds(1)).await.unwrap();
        let rows = sqlx::query("SELECT name, folded FROM campaign ORDER BY id").fetch_all(&mut conn).await.unwrap();
        let names: Vec<(String, String)> = rows.iter().map(|r| (r.get("name"), r.get("folded"))).collect();
        let expected = [("Spring", "spring"), ("spring", "spring #2"), ("SPRING", "spring #3"), ("May", "may")];
        assert_eq!(names, expected.map(|(name, folded)| (name.to_owned(), folded.to_owned())));
    }
}
