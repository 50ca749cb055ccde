//! PostgreSQL: several daemons share the work, and a spill takes the forms while the server is away.
//!
//! - [`link`]: up or down, and the database's time; [`server`]: connecting, settings; [`migrations`].
//! - [`accept`]: the door; [`spill`], [`spill_file`], [`drain`]: while it is away, and after.
//! - [`notify`]: waking workers; [`contract`]: the [`Store`] itself; [`driver`]: what the shared queries need.

/// Unfolds the JSON text of an argument into rows named `e`, each in column `value`.
macro_rules! rows {
    ($n:literal) => {
        concat!("jsonb_array_elements(CAST($", $n, " AS JSONB)) AS e")
    };
}
/// Rows read stay as they are until the transaction ends.
macro_rules! for_update {
    () => {
        " FOR UPDATE"
    };
}
/// Rows another worker has just taken are passed over.
macro_rules! skip_locked {
    () => {
        " FOR UPDATE SKIP LOCKED"
    };
}
/// An aggregate of numbers as JSON text.
macro_rules! json_list {
    ($($item:literal),+ $(,)?) => {
        concat!("CAST(json_agg(", $($item),+, ") AS TEXT)")
    };
}
/// A JSON object as text.
macro_rules! json_object {
    ($($item:literal),+ $(,)?) => {
        concat!("CAST(jsonb_build_object(", $($item),+, ") AS TEXT)")
    };
}

mod accept;
mod contract;
mod drain;
mod driver;
mod inner;
mod link;
mod migrations;
mod notify;
mod plans;
#[path = "../queries/mod.rs"]
mod queries;
mod recognition;
mod server;
mod spill;
mod spill_file;
mod spill_row;
mod sweep;
mod tls;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::accept::Door;
use self::inner::Inner;
use self::link::Link;
use self::server::Server;
use super::figures::Figures;
use super::{OpenOptions, Opened, Store, StoreError, StoreResult};

/// Which of these arrivals the journal has.
const HAVE_ULIDS: &str = "SELECT ulid FROM arrival WHERE ulid = ANY($1)";

/// The engine.
#[derive(Debug)]
struct Postgres {
    inner: Arc<Inner>,
    door: tokio::sync::RwLock<Option<Arc<Door>>>,
    clock: Arc<dyn crate::clock::Clock>,
    figures: Arc<Figures>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Opens the store. With the server away this succeeds, degraded; a server that can never do is an error.
pub(super) async fn open(options: OpenOptions) -> StoreResult<(Arc<dyn Store>, Opened)> {
    let server = Server::new(&options.url, options.allow_unsafe_server, options.migrate)?;
    let path = options.spill_dir.join("spill.db");
    let limit = options.spill.then_some(options.spill_limit);
    let inner = Arc::new(Inner::new(Link::new(server), path, limit));
    let opened = match inner.link.first().await {
        Ok(prepared) => Opened { created: prepared.created, migrated: prepared.migrated, degraded: false },
        Err(StoreError::Away(error)) => {
            tracing::warn!(%error, "the database is away; forms go to the spill until it is back");
            Opened { degraded: true, ..Opened::default() }
        }
        Err(error) => return Err(error),
    };
    inner.open_spill().await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let keeper = Arc::clone(&inner);
    let token = stop.clone();
    tasks.spawn(async move { Box::pin(keeper.link.keep(token)).await });
    tasks.spawn(Arc::clone(&inner.bell).run(Arc::clone(&inner), stop.clone()));
    if options.spill {
        tasks.spawn(drain::run(Arc::clone(&inner), stop.clone()));
    }
    let door = tokio::sync::RwLock::new(Some(Arc::new(Door::open(&inner, &tasks))));
    tasks.close();
    Ok((Arc::new(Postgres { inner, door, clock: options.clock, figures: Arc::default(), tasks, stop }), opened))
}
