//! One arrival against a growing number of contacts, and how fast contacts are imported; on both engines.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pisteur::clock::{Clock, SystemClock};
use pisteur::domain::matching::model::Model;
use pisteur::pipeline::import;
use pisteur::store::Store;

use crate::figures::Table;
use crate::generated::crm::measure::{database, entry};
use crate::generated::crm::{Being, Change, World};
use crate::support::ledger;
use crate::support::postgres::{Fsync, Postgres};

/// Contacts imported at a time, as the command does.
const BATCH: usize = 200;
/// Arrivals asked about at each size.
const ASKED: usize = 1_000;
/// Contacts around which arrivals are made.
const KEPT: usize = 2_000;

/// Sizes at which is measured.
pub fn sizes(full: bool, quick: bool) -> &'static [usize] {
    match (full, quick) {
        (true, _) => &[10_000, 100_000, 1_000_000, 5_000_000],
        (_, true) => &[10_000],
        _ => &[10_000, 100_000, 1_000_000],
    }
}

/// Bytes of what records are recognised by: search keys, profiles and the keys that hundreds carry.
const SQLITE_BYTES: &str = "SELECT COALESCE(SUM(pgsize), 0) FROM dbstat WHERE aggregate = TRUE AND name IN \
                            (SELECT name FROM sqlite_schema WHERE tbl_name LIKE 'match_%')";
const POSTGRES_BYTES: &str = "SELECT COALESCE(SUM(pg_total_relation_size(oid)), 0)::bigint FROM pg_class \
                              WHERE relkind = 'r' AND relname LIKE 'match_%'";

/// What a database does by itself after a bulk load, done before anything is timed.
const SQLITE_REST: &str = "PRAGMA wal_checkpoint(TRUNCATE)";
const POSTGRES_REST: &str = "VACUUM (ANALYZE)";

/// Prints a table, each of its rows as soon as it is measured. `engine` takes one of `sqlite` and `postgres`.
pub fn measure(sizes: &[usize], engine: Option<&str>) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut table = Table::new(&[
        "engine",
        "contacts",
        "imported",
        "look and decide p50",
        "p99",
        "worst",
        "bytes a contact to recognise by",
    ]);
    if engine.is_none_or(|engine| engine == "sqlite") {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("bench.db").display());
        runtime.block_on(grow(&mut table, "SQLite", &url, sizes, [SQLITE_REST, SQLITE_BYTES]));
    }
    if engine.is_none_or(|engine| engine == "postgres") {
        let server = Postgres::start(Fsync::On);
        let database = server.database();
        runtime.block_on(grow(
            &mut table,
            "PostgreSQL",
            &server.url(&database),
            sizes,
            [POSTGRES_REST, POSTGRES_BYTES],
        ));
    }
    println!("{table}");
}

async fn grow(table: &mut Table, engine: &str, url: &str, sizes: &[usize], [rest, bytes]: [&'static str; 2]) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let store = database(url, &clock).await;
    let (model, mut world, mut kept, mut count) = (Arc::new(Model::start()), World::of(1), Vec::new(), 0);
    for size in sizes {
        let before = count;
        let mut spent = Duration::ZERO;
        while count < *size {
            let beings: Vec<Being> = (0..BATCH).map(|_| world.being()).collect();
            let entries = beings.iter().map(entry).collect();
            let started = Instant::now();
            import::import(&store, &*clock, &model, entries).await.expect("an import");
            spent += started.elapsed();
            count += BATCH;
            kept.extend(beings.into_iter().take(if kept.len() < KEPT { BATCH } else { 0 }));
        }
        ledger::run(url, rest).await;
        let times = ask(&store, &model, &mut world, &kept).await;
        let at = |percent: usize| format!("{:.2} ms", times[(times.len() * percent / 100).min(times.len() - 1)] * 1e3);
        let rate = format!("{:.0}/s", (count - before) as f64 / spent.as_secs_f64());
        let each = format!("{:.0}", ledger::count(url, bytes).await as f64 / count as f64);
        let row = [engine, &count.to_string(), &rate, &at(50), &at(99), &at(100), &each];
        println!("{}", row.join("  "));
        table.row(&row);
    }
    store.close().await;
}

/// Seconds that each of some arrivals took, in order.
async fn ask(store: &Arc<dyn Store>, model: &Arc<Model>, world: &mut World, kept: &[Being]) -> Vec<f64> {
    let mut times = Vec::with_capacity(ASKED);
    let mut turn = 0_usize;
    while times.len() < ASKED {
        let change = Change::ALL[turn % Change::ALL.len()];
        let arrival = world.arrival(kept, turn * 37 % kept.len(), change);
        turn += 1;
        let Some(arrival) = arrival else { continue };
        let entry = entry(&arrival.says);
        let started = Instant::now();
        import::look(store, model, &entry).await.expect("an answer");
        times.push(started.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    times
}
