//! The spill's file: a small SQLite database with one connection. Knows rows and keys, not tasks.
//!
//! Invariants:
//! - WAL with `synchronous=FULL`: a commit that returned is on disk.
//! - The lock is exclusive: a second process on the same file is refused, so no row is drained by two.
//! - `seq` only grows (`AUTOINCREMENT`): draining by `seq` is draining in the order of acceptance.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteLockingMode, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};
use ulid::Ulid;

use super::spill_row::{self, Spilled, cost};
use crate::clock::Timestamp;
use crate::domain::envelope::Envelope;
use crate::store::edited::is_chosen;
use crate::store::{Accepted, Content, NewArrival, StoreError, StoreResult};

/// Format of the file; a file of a newer format is refused.
const VERSION: i64 = 1;

const CREATE: [&str; 4] = [
    "CREATE TABLE IF NOT EXISTS spilled (
        seq     INTEGER PRIMARY KEY AUTOINCREMENT,
        ulid    TEXT NOT NULL UNIQUE,
        arrival TEXT NOT NULL,
        raw     BLOB NOT NULL,
        size    INTEGER NOT NULL,
        aside   TEXT
    ) STRICT",
    "CREATE TABLE IF NOT EXISTS spilled_key (
        key        TEXT NOT NULL PRIMARY KEY,
        ulid       TEXT NOT NULL,
        seq        INTEGER NOT NULL REFERENCES spilled (seq) ON DELETE CASCADE,
        expires_at INTEGER
    ) STRICT, WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS spilled_key_seq ON spilled_key (seq)",
    // Sizes are read without walking over the bytes of the rows.
    "CREATE INDEX IF NOT EXISTS spilled_size ON spilled (aside, seq, size)",
];
const INSERT: &str = "INSERT INTO spilled (ulid, arrival, raw, size) VALUES ($1, $2, $3, $4) ON CONFLICT (ulid) DO NOTHING RETURNING seq";
const FIRST_WITH_KEY: &str = "SELECT s.ulid, s.arrival, s.raw FROM spilled_key k JOIN spilled s ON s.seq = k.seq
    WHERE k.key = $1 AND (k.expires_at IS NULL OR k.expires_at > $2)";
const ONE: &str = "SELECT arrival, raw FROM spilled WHERE ulid = $1";
const TAKE_KEY: &str = "INSERT INTO spilled_key (key, ulid, seq, expires_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (key) DO UPDATE SET ulid = excluded.ulid, seq = excluded.seq, expires_at = excluded.expires_at
    WHERE spilled_key.expires_at IS NOT NULL AND spilled_key.expires_at <= $5";
const TAKE_BACK: &str = "UPDATE spilled SET aside = NULL WHERE aside IS NOT NULL";
const NEXT_SIZES: &str = "SELECT seq, size FROM spilled WHERE aside IS NULL ORDER BY seq LIMIT $1";
const NEXT: &str = "SELECT seq, ulid, arrival, raw, size FROM spilled WHERE aside IS NULL AND seq <= $1 ORDER BY seq";

/// What one accept wrote.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) accepted: Vec<Accepted>,
    /// Explicit idempotency keys now held, with the arrival each names.
    pub(super) keys: Vec<(String, Ulid)>,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

/// The open file.
#[derive(Debug)]
pub(super) struct SpillFile {
    db: SqliteConnection,
}

impl SpillFile {
    /// Opens or creates the file. `None`: another process holds it.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] when it cannot be made or is of a newer format.
    pub(super) async fn open(path: &Path) -> StoreResult<Option<Self>> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|e| cannot(path, &e))?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .locking_mode(SqliteLockingMode::Exclusive)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .auto_vacuum(SqliteAutoVacuum::Incremental)
            .foreign_keys(true)
            .busy_timeout(Duration::from_millis(100))
            .disable_statement_logging();
        match Self::prepare(&options).await {
            Ok(file) => Ok(Some(file)),
            Err(StoreError::Away(_)) => Ok(None),
            Err(StoreError::Other(e)) => Err(cannot(path, &*e)),
            Err(e) => Err(e),
        }
    }

    async fn prepare(options: &SqliteConnectOptions) -> StoreResult<Self> {
        let mut db = options.connect().await?;
        let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut db).await?;
        if found > VERSION {
            return Err(StoreError::Newer { found, known: VERSION });
        }
        for statement in CREATE {
            sqlx::query(statement).execute(&mut db).await?;
        }
        sqlx::query("PRAGMA user_version = 1").execute(&mut db).await?;
        sqlx::query(TAKE_BACK).execute(&mut db).await?;
        Ok(Self { db })
    }

    /// Rows and bytes held, and the explicit idempotency keys with the arrival each names.
    pub(super) async fn load(&mut self) -> StoreResult<(u64, u64, Vec<(String, Ulid)>)> {
        let row = sqlx::query("SELECT count(*), COALESCE(sum(size), 0) FROM spilled").fetch_one(&mut self.db).await?;
        let (rows, bytes): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let mut keys = Vec::new();
        for row in sqlx::query("SELECT key, ulid FROM spilled_key").fetch_all(&mut self.db).await? {
            match identifier(row.try_get(1)?) {
                Ok(id) => keys.push((row.try_get(0)?, id)),
                Err(error) => tracing::error!(%error, "a key in the spill names no arrival; it is not used"),
            }
        }
        Ok((u64::try_from(rows).unwrap_or(0), u64::try_from(bytes).unwrap_or(0), keys))
    }

    /// Opens a write transaction.
    pub(super) async fn begin(&mut self) -> StoreResult<()> {
        sqlx::query("BEGIN IMMEDIATE").execute(&mut self.db).await?;
        Ok(())
    }

    /// Ends the transaction: what it wrote is on disk.
    pub(super) async fn commit(&mut self) -> StoreResult<()> {
        sqlx::query("COMMIT").execute(&mut self.db).await?;
        Ok(())
    }

    /// Undoes the transaction. SQLite has often done so itself by then, which is no error here.
    pub(super) async fn rollback(&mut self) {
        if let Err(error) = sqlx::query("ROLLBACK").execute(&mut self.db).await {
            tracing::debug!(%error, "nothing to roll back in the spill");
        }
    }

    /// Writes arrivals inside the open transaction.
    pub(super) async fn write(&mut self, arrivals: &[NewArrival]) -> StoreResult<Written> {
        let mut written = Written::default();
        for arrival in arrivals {
            let accepted = self.write_one(arrival, &mut written).await?;
            written.accepted.push(accepted);
        }
        Ok(written)
    }

    async fn write_one(&mut self, arrival: &NewArrival, written: &mut Written) -> StoreResult<Accepted> {
        let mut first = self.first(&arrival.envelope).await?;
        let anew = first.as_ref().and_then(|first| arrival.edited_after(first.id, &Content::of(first)));
        let follows = first.as_ref().map(|first| first.id).filter(|_| anew.is_some());
        let arrival = anew.as_ref().unwrap_or(arrival);
        if follows.is_some() {
            first = self.first(&arrival.envelope).await?;
        }
        let envelope = &arrival.envelope;
        let size = cost(arrival);
        let seq: Option<i64> = sqlx::query_scalar(INSERT)
            .bind(envelope.id.to_string())
            .bind(spill_row::pack(arrival, first.as_ref().map(Content::of))?)
            .bind(&envelope.raw[..])
            .bind(i64::try_from(size).unwrap_or(i64::MAX))
            .fetch_optional(&mut self.db)
            .await?;
        let Some(seq) = seq else { return Ok(Accepted::mint(envelope.id, None, true)) };
        written.rows += 1;
        written.bytes += size;
        for key in envelope.keys.iter().filter(|k| is_chosen(&k.value) && arrival.claims(k)) {
            let taken = sqlx::query(TAKE_KEY)
                .bind(&key.value)
                .bind(envelope.id.to_string())
                .bind(seq)
                .bind(key.expires_at.map(Timestamp::micros))
                .bind(envelope.received_at.micros())
                .execute(&mut self.db)
                .await?;
            if taken.rows_affected() == 1 {
                written.keys.push((key.value.clone(), envelope.id));
            }
        }
        Ok(Accepted::mint(envelope.id, first.map(|f| f.id), true).following(follows))
    }

    /// The arrival in the file that holds an explicit key of this one.
    async fn first(&mut self, envelope: &Envelope) -> StoreResult<Option<Envelope>> {
        for key in envelope.keys.iter().filter(|k| is_chosen(&k.value)) {
            let now = envelope.received_at.micros();
            let held = sqlx::query(FIRST_WITH_KEY).bind(&key.value).bind(now).fetch_optional(&mut self.db).await?;
            if let Some(row) = held {
                let id = identifier(row.try_get("ulid")?)?;
                return Ok(Some(spill_row::unpack(id, row.try_get("arrival")?, row.try_get("raw")?)?.envelope));
            }
        }
        Ok(None)
    }

    /// Arrivals that wait here, without their keys; those that do not are left out.
    pub(super) async fn find(&mut self, ids: &[Ulid]) -> StoreResult<Vec<Envelope>> {
        let mut found = Vec::new();
        for id in ids {
            let row = sqlx::query(ONE).bind(id.to_string()).fetch_optional(&mut self.db).await?;
            if let Some(row) = row {
                let arrival = spill_row::unpack(*id, row.try_get("arrival")?, row.try_get("raw")?)?;
                found.push(Envelope { keys: Vec::new(), ..arrival.envelope });
            }
        }
        Ok(found)
    }

    /// The next rows in the order of acceptance: at most `limit`, and at most `bytes` unless the first alone is larger.
    /// Damaged rows among them are set aside, so that the others pass; how many.
    pub(super) async fn next(&mut self, limit: i64, bytes: u64) -> StoreResult<(Vec<Spilled>, u64)> {
        let mut damaged = 0;
        loop {
            let Some(last) = self.last_of_next(limit, bytes).await? else { return Ok((Vec::new(), damaged)) };
            let rows = sqlx::query(NEXT).bind(last).fetch_all(&mut self.db).await?;
            let mut next = Vec::with_capacity(rows.len());
            for row in &rows {
                match spilled(row) {
                    Ok(row) => next.push(row),
                    Err(error) => {
                        let seq: i64 = row.try_get("seq")?;
                        tracing::error!(seq, %error, "row {seq} of the spill cannot be read; it is set aside, its bytes stay in the file");
                        self.set_aside(seq, &error.to_string()).await?;
                        damaged += 1;
                    }
                }
            }
            if !next.is_empty() {
                return Ok((next, damaged));
            }
        }
    }

    /// The last of the rows to be read at once.
    async fn last_of_next(&mut self, limit: i64, bytes: u64) -> StoreResult<Option<i64>> {
        let (mut held, mut last) = (0_u64, None);
        for row in sqlx::query(NEXT_SIZES).bind(limit).fetch_all(&mut self.db).await? {
            held = held.saturating_add(u64::try_from(row.try_get::<i64, _>("size")?).unwrap_or(0));
            if held > bytes && last.is_some() {
                break;
            }
            last = Some(row.try_get::<i64, _>("seq")?);
        }
        Ok(last)
    }

    /// Forgets a row that is committed in the database.
    pub(super) async fn remove(&mut self, seq: i64) -> StoreResult<()> {
        sqlx::query("DELETE FROM spilled WHERE seq = $1").bind(seq).execute(&mut self.db).await?;
        Ok(())
    }

    /// Takes a row out of the order that the database will not have; it waits for [`Self::take_back`] or a restart.
    pub(super) async fn set_aside(&mut self, seq: i64, error: &str) -> StoreResult<()> {
        sqlx::query("UPDATE spilled SET aside = $2 WHERE seq = $1").bind(seq).bind(error).execute(&mut self.db).await?;
        Ok(())
    }

    /// Puts the rows set aside back in their places.
    pub(super) async fn take_back(&mut self) -> StoreResult<()> {
        sqlx::query(TAKE_BACK).execute(&mut self.db).await?;
        Ok(())
    }

    /// Rows held and rows set aside, of a file that no daemon holds; none of any other.
    pub(super) async fn peek(path: &Path) -> StoreResult<(u64, u64)> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true).disable_statement_logging();
        let mut db = options.connect().await?;
        let row = sqlx::query("SELECT count(*), count(aside) FROM spilled").fetch_one(&mut db).await?;
        let (rows, aside): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        db.close().await?;
        Ok((u64::try_from(rows).unwrap_or(0), u64::try_from(aside).unwrap_or(0)))
    }

    /// Gives the space of drained rows back to the disk.
    pub(super) async fn shrink(&mut self) -> StoreResult<()> {
        sqlx::query("PRAGMA incremental_vacuum").execute(&mut self.db).await?;
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut self.db).await?;
        Ok(())
    }

    /// Checkpoints and closes.
    pub(super) async fn close(self) {
        if let Err(error) = self.db.close().await {
            tracing::warn!(%error, "the spill did not close cleanly; nothing is lost, the next start recovers it");
        }
    }
}

fn spilled(row: &SqliteRow) -> StoreResult<Spilled> {
    let id = identifier(row.try_get("ulid")?)?;
    let arrival = spill_row::unpack(id, row.try_get("arrival")?, row.try_get("raw")?)?;
    let size = u64::try_from(row.try_get::<i64, _>("size")?).unwrap_or(0);
    Ok(Spilled { seq: row.try_get("seq")?, size, arrival })
}

fn identifier(text: &str) -> StoreResult<Ulid> {
    Ulid::from_string(text).map_err(|e| StoreError::Other(format!("the spill holds a damaged id {text}: {e}").into()))
}

fn cannot(path: &Path, error: &(dyn std::error::Error + 'static)) -> StoreError {
    StoreError::Unusable(format!(
        "the spill file {} cannot be opened ({error}); give the user that runs pisteur the right to write there",
        path.display()
    ))
}
