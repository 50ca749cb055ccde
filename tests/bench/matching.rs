//! One arrival against a growing number of contacts, and how fast contacts are imported; on both engines.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pisteur::clock::{Clock, SystemClock};
use pisteur::domain::matching::model::Model;
use pisteur::pipeline::import::{self, Entry};
use pisteur::store::{OpenOptions, Store, open};

use crate::figures::Table;
use crate::generated::crm::measure::enquiry;
use crate::generated::crm::{Being, Change, World};
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

/// Prints a table.
pub fn measure(sizes: &[usize]) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut table =
        Table::new(&["engine", "contacts", "imported", "look and decide p50", "p99", "worst", "bytes a contact"]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bench.db");
    runtime.block_on(grow(&mut table, "SQLite", &format!("sqlite://{}", file.display()), sizes, || {
        std::fs::metadata(&file).map_or(0, |data| data.len())
    }));
    let server = Postgres::start(Fsync::On);
    let database = server.database();
    runtime.block_on(grow(&mut table, "PostgreSQL", &server.url(&database), sizes, || 0));
    println!("{table}");
}

async fn grow(table: &mut Table, engine: &str, url: &str, sizes: &[usize], bytes: impl Fn() -> u64) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let folder = tempfile::tempdir().expect("a folder");
    let options = OpenOptions {
        url: url.to_owned(),
        spill: false,
        spill_dir: folder.path().to_owned(),
        spill_limit: 0,
        allow_unsafe_server: false,
        clock: Arc::clone(&clock),
        migrate: true,
    };
    let (store, _) = open(options).await.expect("a database");
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
        let times = ask(&store, &model, &mut world, &kept).await;
        let at = |percent: usize| format!("{:.2} ms", times[(times.len() * percent / 100).min(times.len() - 1)] * 1e3);
        let rate = format!("{:.0}/s", (count - before) as f64 / spent.as_secs_f64());
        let size =
            bytes().checked_div(count as u64).filter(|bytes| *bytes > 0).map_or("-".to_owned(), |b| b.to_string());
        table.row(&[engine, &count.to_string(), &rate, &at(50), &at(99), &at(100), &size]);
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

fn entry(being: &Being) -> Entry {
    Entry { line: 1, enquiry: enquiry(being), customer: false, owner: None }
}
