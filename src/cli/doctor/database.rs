//! Database settings that matter for durability, and work that is stuck.

use std::sync::Arc;

use super::Check;
use crate::cli::context::{Context, redacted};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::store::rows::ArrivalFilter;
use crate::store::{self, Store, StoreError};

/// Arrivals older than this should have been processed by a running daemon, in seconds.
const SLOW_SECONDS: u64 = 300;

/// Opens the database of `config` without changing it.
pub(super) async fn open(context: &Context, config: &Config) -> (Option<Arc<dyn Store>>, Vec<Check>) {
    let address = redacted(&config.database);
    if let Some(path) = config.sqlite_path()
        && !path.exists()
    {
        let found = format!("{} does not exist yet", path.display());
        return (None, vec![Check::warn("database", found, "the first start of pisteur creates it")]);
    }
    match store::open(context.open_options(config, false)).await {
        Ok((store, opened)) if opened.degraded => {
            store.close().await;
            let remedy = "start the server or correct `database`; meanwhile forms are journalled in the spill";
            (None, vec![Check::fail("database", format!("{address} is away"), remedy)])
        }
        Ok((store, _)) => {
            let found = format!("{} at {address}", store.engine());
            (Some(store), vec![Check::ok("database", found)])
        }
        Err(e) => {
            let remedy = match e {
                StoreError::Newer { .. } => "use the pisteur that wrote it, or a newer one",
                StoreError::Away(_) => "start the server or correct `database`",
                StoreError::Full(_) => "make room on the disk",
                _ => "correct `database`, or run `pisteur migrate` when its structure is old",
            };
            (None, vec![Check::fail("database", e.to_string(), remedy)])
        }
    }
}

/// Examines an open database.
pub(super) async fn examine(store: &Arc<dyn Store>, now: Timestamp) -> Vec<Check> {
    let mut checks = Vec::new();
    match store.settings().await {
        Ok(settings) => checks.extend(settings.into_iter().map(|(name, value, ok)| {
            let found = format!("{name} = {value}");
            if ok {
                Check::ok("database setting", found)
            } else {
                Check::fail("database setting", found, "a crash may lose what was acknowledged: set it on the server")
            }
        })),
        Err(e) => checks.push(Check::fail("database setting", e.to_string(), "see the line above")),
    }
    checks.extend(work(store, now).await);
    checks.push(recognition(store).await);
    checks.push(clock(store, now).await);
    checks
}

/// Records that are found by older rules only, or not at all.
async fn recognition(store: &Arc<dyn Store>) -> Check {
    match store.waiting().await {
        Ok(waiting) => match waiting.said() {
            None => Check::ok("recognition", "every record is found by the rules of now"),
            Some(said) => Check::warn("recognition", said, "pisteur match reindex"),
        },
        Err(e) => Check::fail("recognition", e.to_string(), "see the line above"),
    }
}

/// What waits for a person or for a daemon.
async fn work(store: &Arc<dyn Store>, now: Timestamp) -> Vec<Check> {
    let stats = store.stats().await;
    let count = |name: &str| stats.arrivals.get(name).copied().unwrap_or(0);
    let mut checks = Vec::new();
    let failed = count("failed");
    let remedy = "pisteur submissions list --state failed, then pisteur submissions retry --all";
    checks.push(if failed == 0 {
        Check::ok("arrivals", "none failed")
    } else {
        Check::warn("arrivals", format!("{failed} failed"), remedy)
    });
    let held = count("quarantined");
    if held > 0 {
        let remedy = "pisteur submissions list --state quarantined, then release or discard them";
        checks.push(Check::warn("quarantine", format!("{held} wait for a person"), remedy));
    }
    let given_up = stats.dead.get("deliver").copied().unwrap_or(0);
    checks.push(if given_up == 0 {
        Check::ok("deliveries", "none gave up")
    } else {
        Check::warn(
            "deliveries",
            format!("{given_up} gave up"),
            "pisteur deliveries list, then pisteur deliveries retry",
        )
    });
    if let Some(oldest) = stats.oldest_unprocessed {
        let age = now.since(oldest).as_secs();
        if age > SLOW_SECONDS {
            let remedy = "start pisteur, or look into its log when it runs";
            checks.push(Check::warn("queue", format!("the oldest arrival has waited {} minutes", age / 60), remedy));
        }
    }
    if stats.spilled > 0 {
        let found = format!("{} arrivals wait in the spill", stats.spilled);
        checks.push(Check::warn("spill", found, "a running pisteur brings them in when the database is back"));
    }
    if stats.set_aside > 0 {
        let found = format!("{} of them were refused by the database, or cannot be read", stats.set_aside);
        checks.push(Check::warn("spill", found, "start pisteur: it tries them again and its log says why they fail"));
    }
    checks
}

/// A clock behind the newest arrival has been set back.
async fn clock(store: &Arc<dyn Store>, now: Timestamp) -> Check {
    let newest = store.list_arrivals(ArrivalFilter { limit: 1, ..ArrivalFilter::default() }).await;
    let newest = newest.ok().and_then(|rows| rows.first().map(|row| row.received_at));
    match newest {
        Some(newest) if newest > now.after(std::time::Duration::from_secs(60)) => Check::fail(
            "clock",
            format!("{now}, but the newest arrival is of {newest}"),
            "set the clock of this machine; run a time service such as chrony",
        ),
        _ => Check::ok("clock", now.to_string()),
    }
}
