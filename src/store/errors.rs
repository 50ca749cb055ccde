//! From the driver's error to what a caller can branch on, with the remedy in the sentence.

/// Why the store could not do it. A caller branches on each of these.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached at present; trying again later may help.
    #[error("the database is away: {0}")]
    Away(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database is there, but too slow or too crowded at present; trying again later will help.
    #[error("the database is busy: {0}")]
    Busy(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No room: disk or spill is full.
    #[error("no room left: {0}")]
    Full(String),
    /// The database was written by a newer pisteur.
    #[error("the database has migration {found}, this pisteur knows up to {known}: use the newer pisteur")]
    Newer {
        /// Highest migration in the database.
        found: i64,
        /// Highest migration of this build.
        known: i64,
    },
    /// The lease was lost: another worker has the job, or it is settled.
    #[error("the lease on job {0} was lost")]
    Fenced(i64),
    /// The address of the database is unusable, or the server's settings are unsafe.
    #[error("{0}")]
    Unusable(String),
    /// Anything else.
    #[error("database: {0}")]
    Other(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Another transaction took the same key meanwhile; nothing was written, and running again decides it.
#[derive(Debug, thiserror::Error)]
#[error("another arrival took the same key at this moment")]
pub(super) struct Raced;

/// Result of a store operation.
pub type StoreResult<T> = Result<T, StoreError>;

/// What a database that cannot be written is said to be.
pub(super) const READ_ONLY: &str =
    "the database file or its folder is read-only; give the user that runs pisteur the right to write there";

/// SQLite primary result codes (<https://www.sqlite.org/rescode.html>).
mod sqlite_code {
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const READONLY: i32 = 8;
    pub(super) const IOERR: i32 = 10;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANTOPEN: i32 = 14;
    pub(super) const NOTADB: i32 = 26;
}

/// Primary SQLite code of an error, if SQLite answered at all.
pub(super) fn sqlite_primary(error: &sqlx::Error) -> Option<i32> {
    let database = error.as_database_error()?.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
    let code: i32 = sqlx::error::DatabaseError::code(database)?.parse().ok()?;
    Some(code & 0xff)
}

/// The transaction cannot go on: the disk is full or failing, or the file is damaged.
pub(super) fn ends_transaction(error: &StoreError) -> bool {
    matches!(error, StoreError::Full(_) | StoreError::Unusable(_) | StoreError::Away(_))
}

/// The disk failed under a commit: what is in memory and what is on disk may differ from now on.
pub(super) fn is_disk_failure(error: &sqlx::Error) -> bool {
    sqlite_primary(error) == Some(sqlite_code::IOERR)
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if let Some(code) = sqlite_primary(&error) {
            return of_sqlite(code, error);
        }
        match &error {
            sqlx::Error::Database(database) => {
                let state = database.code().map(std::borrow::Cow::into_owned).unwrap_or_default();
                of_postgres(&state, error)
            }
            sqlx::Error::PoolTimedOut => Self::Busy(Box::new(error)),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolClosed
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed => Self::Away(Box::new(error)),
            _ => Self::Other(Box::new(error)),
        }
    }
}

fn of_sqlite(code: i32, error: sqlx::Error) -> StoreError {
    match code {
        sqlite_code::FULL => {
            StoreError::Full("the disk of the database is full; free some space, nothing needs a restart".to_owned())
        }
        sqlite_code::BUSY | sqlite_code::LOCKED => StoreError::Away(Box::new(error)),
        sqlite_code::READONLY => StoreError::Unusable(READ_ONLY.to_owned()),
        sqlite_code::CANTOPEN => StoreError::Unusable(
            "the database file cannot be opened; check that its folder exists and that pisteur may read and write it"
                .to_owned(),
        ),
        sqlite_code::CORRUPT | sqlite_code::NOTADB => StoreError::Unusable(format!(
            "the database file is damaged or is no SQLite database ({error}); restore it from a backup, or move it \
             away and start anew"
        )),
        _ => StoreError::Other(Box::new(error)),
    }
}

/// By SQLSTATE class (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn of_postgres(state: &str, error: sqlx::Error) -> StoreError {
    match state {
        "53100" => StoreError::Full("the disk of the PostgreSQL server is full; free some space there".to_owned()),
        "25006" => StoreError::Away(Box::new(error)),
        // Another transaction was in the way, a time limit of the server, too many sessions: slow is not away.
        "40001" | "40P01" | "55P03" | "57014" | "25P03" | "25P04" | "53300" => StoreError::Busy(Box::new(error)),
        _ if state.starts_with("08") || state.starts_with("57P") || state.starts_with("53") => {
            StoreError::Away(Box::new(error))
        }
        "3D000" | "28P01" | "28000" | "42501" => {
            StoreError::Unusable(format!("PostgreSQL refuses: {error}; check the database name, user and rights"))
        }
        _ => StoreError::Other(Box::new(error)),
    }
}
