//! Opens the file: folder, settings that make a commit durable, migrations, the writer and the readers.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{Access, access};
use rustix::io::Errno;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::mpsc;

use super::engine::Sqlite;
use super::migrate::migrate;
use super::writer::{Home, QUEUE, Writer};
use crate::clock::Steady;
use crate::store::errors::READ_ONLY;
use crate::store::signal::Signals;
use crate::store::{OpenOptions, Opened, Store, StoreError, StoreResult};

/// Read-only connections.
const READERS: u32 = 4;
/// How long SQLite waits for another process's lock.
const BUSY: Duration = Duration::from_secs(10);
/// Statements kept prepared per connection: all of them.
const STATEMENTS: usize = 256;

/// Opens or creates the database file.
pub(super) async fn open(options: OpenOptions) -> StoreResult<(Arc<dyn Store>, Opened)> {
    let connect = connect_options(&options.url)?;
    let file = connect.get_filename().to_owned();
    make_folder(&file)?;
    // A command that only looks may do so with less.
    if options.migrate {
        refuse_read_only(&file)?;
    }
    let mut conn =
        connect.clone().create_if_missing(options.migrate).connect().await.map_err(|e| cannot_open(e, &options.url))?;
    let migrated = match migrate(&mut conn, options.migrate, options.clock.now()).await {
        Ok(migrated) => migrated,
        Err(error) => {
            conn.close().await.ok();
            return Err(error);
        }
    };
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .min_connections(1)
        .connect_with(connect.read_only(true).pragma("cache_size", "-4000"))
        .await?;
    let (commands, receiver) = mpsc::channel(QUEUE);
    let signals = Arc::new(Signals::default());
    let steady = Arc::new(Steady::new(Arc::clone(&options.clock)));
    let writer = Writer {
        home: Home::of(&file),
        conn,
        commands: receiver,
        clock: Arc::clone(&options.clock),
        steady: Arc::clone(&steady),
        signals: Arc::clone(&signals),
    };
    tokio::spawn(writer.run());
    let store = Sqlite::new(readers, commands, options.clock, steady, signals);
    let opened = Opened { created: migrated.created, migrated: migrated.applied, degraded: false };
    Ok((Arc::new(store), opened))
}

/// WAL with a full sync at every commit: what is answered is on disk.
fn connect_options(url: &str) -> StoreResult<SqliteConnectOptions> {
    let options = SqliteConnectOptions::from_str(url).map_err(|e| {
        StoreError::Unusable(format!("database = \"{url}\" is no SQLite address ({e}); write sqlite://var/pisteur.db"))
    })?;
    Ok(options
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY)
        .foreign_keys(true)
        .statement_cache_capacity(STATEMENTS)
        .pragma("cache_size", "-16000")
        .pragma("journal_size_limit", "67108864")
        .pragma("temp_store", "memory")
        .disable_statement_logging())
}

fn make_folder(file: &Path) -> StoreResult<()> {
    let Some(folder) = file.parent().filter(|f| !f.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|e| {
        StoreError::Unusable(format!(
            "the folder {} of the database cannot be made ({e}); make it, or give pisteur the right to",
            folder.display()
        ))
    })
}

/// SQLite opens a file that it may not write without a word, and every arrival would be refused later. Asked of the
/// system: opening and closing the file here would give away the locks of this process (fcntl(2)).
fn refuse_read_only(file: &Path) -> StoreResult<()> {
    let folder = file.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let read_only = |path: &Path| access(path, Access::WRITE_OK).is_err_and(|e| e != Errno::NOENT);
    if read_only(file) || read_only(folder) {
        return Err(StoreError::Unusable(READ_ONLY.to_owned()));
    }
    Ok(())
}

fn cannot_open(error: sqlx::Error, url: &str) -> StoreError {
    match StoreError::from(error) {
        StoreError::Unusable(text) => StoreError::Unusable(format!("{url}: {text}")),
        other => other,
    }
}
