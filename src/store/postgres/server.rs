//! One server: how to connect, whether its settings are safe, and its migrations.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use super::{migrations, tls};
use crate::store::{StoreError, StoreResult};

/// Connections of one daemon.
const CONNECTIONS: u32 = 16;

/// Longest wait for a connection of the pool.
pub(super) const ACQUIRE: Duration = Duration::from_secs(3);

/// Guards the migrations of one database against two daemons that start together ("pisteur", in ASCII).
const MIGRATION_LOCK: i64 = 0x0070_6973_7465_7572;

/// Settings that durability rests on, with the value each must have.
const SETTINGS: [(&str, &str); 3] = [("fsync", "on"), ("full_page_writes", "on"), ("synchronous_commit", "on")];

/// What is known of the server before the first connection.
#[derive(Debug, Clone)]
pub(super) struct Server {
    options: PgConnectOptions,
    allow_unsafe: bool,
    migrate: bool,
}

/// What preparing the database did.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Prepared {
    pub(super) created: bool,
    pub(super) migrated: u32,
}

impl Server {
    /// Reads the address. No connection is made.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] for an address that cannot be read, or a file in it.
    pub(super) fn new(url: &str, allow_unsafe: bool, migrate: bool) -> StoreResult<Self> {
        let options = PgConnectOptions::from_str(url).map_err(|_| {
            StoreError::Unusable(
                "the database address cannot be read; it looks like postgres://user:password@host:5432/name".to_owned(),
            )
        })?;
        if let Some(why) = tls::unreadable_root(url) {
            return Err(StoreError::Unusable(why));
        }
        let options = options
            .application_name("pisteur")
            .options([
                ("synchronous_commit", "on"),
                ("idle_in_transaction_session_timeout", "60s"),
                ("lock_timeout", "30s"),
                // The guard of a commit rests on seeing what was committed after the transaction began.
                ("default_transaction_isolation", "read committed"),
                // Every statement looks up some rows by an index. With figures of yesterday about a table that has grown,
                // the planner would rather read it whole and hash it.
                ("enable_seqscan", "off"),
                ("enable_hashjoin", "off"),
                ("enable_mergejoin", "off"),
                // Joined in the order written: from the few rows asked for to what hangs on them.
                ("join_collapse_limit", "1"),
                // So there is one plan whatever is asked for, and it is made once: making it takes longer than following it.
                ("plan_cache_mode", "force_generic_plan"),
                ("jit", "off"),
            ])
            .disable_statement_logging();
        Ok(Self { options, allow_unsafe, migrate })
    }

    /// A pool that connects when first used. A new one is made whenever the database was away, so that no dead
    /// connection is met later.
    pub(super) fn pool(&self) -> PgPool {
        PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            .idle_timeout(Duration::from_mins(5))
            .test_before_acquire(false)
            .connect_lazy_with(self.options.clone())
    }

    /// A connection apart from any pool.
    ///
    /// # Errors
    /// As the driver says.
    pub(super) async fn connect(&self) -> StoreResult<PgConnection> {
        Ok(self.options.connect().await?)
    }

    /// Connects once, checks the settings and brings the tables up to date.
    ///
    /// # Errors
    /// [`StoreError::Away`], [`StoreError::Unusable`] for unsafe settings or missing rights, [`StoreError::Newer`].
    pub(super) async fn prepare(&self) -> StoreResult<Prepared> {
        let mut conn = self.options.connect().await?;
        if !self.allow_unsafe {
            refuse_unsafe(&settings(&mut conn).await?)?;
        }
        let prepared = if self.migrate { migrate(&mut conn).await? } else { known(&mut conn).await? };
        conn.close().await?;
        Ok(prepared)
    }
}

/// Settings that matter for durability, as (name, value, ok).
pub(super) async fn settings(conn: &mut PgConnection) -> StoreResult<Vec<(String, String, bool)>> {
    let mut found = Vec::with_capacity(SETTINGS.len());
    for (name, wanted) in SETTINGS {
        let row = sqlx::query("SELECT current_setting($1)").bind(name).fetch_one(&mut *conn).await?;
        let value: String = row.try_get(0)?;
        let ok =
            value == wanted || (name == "synchronous_commit" && matches!(&*value, "remote_apply" | "remote_write"));
        found.push((name.to_owned(), value, ok));
    }
    Ok(found)
}

fn refuse_unsafe(settings: &[(String, String, bool)]) -> StoreResult<()> {
    match settings.iter().find(|(_, _, ok)| !ok) {
        None => Ok(()),
        Some((name, value, _)) => Err(StoreError::Unusable(format!(
            "the PostgreSQL server runs with {name} = {value}, so a power failure would lose what was acknowledged; \
             set {name} = on in postgresql.conf and restart it"
        ))),
    }
}

async fn migrate(conn: &mut PgConnection) -> StoreResult<Prepared> {
    sqlx::query("SELECT pg_advisory_lock($1)").bind(MIGRATION_LOCK).execute(&mut *conn).await?;
    // The lock is the session's: it goes with the connection if anything fails.
    let prepared = migrations::run(conn).await?;
    sqlx::query("SELECT pg_advisory_unlock($1)").bind(MIGRATION_LOCK).execute(&mut *conn).await?;
    Ok(prepared)
}

async fn known(conn: &mut PgConnection) -> StoreResult<Prepared> {
    migrations::check(conn).await?;
    Ok(Prepared::default())
}
