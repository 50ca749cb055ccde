//! Announced leads whose hook has no token, or is switched off: how many wait, and that they are fetched once it has one.
//!
//! Invariants: a hook that can ask again is owed that its fetches become due, until the database has taken it; what is
//! said of those that wait is counted in the journal, so that a restart or another daemon changes nothing of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::backfill::BackfillDeps;
use super::{RETRIEVE, Sources};
use crate::clock::Timestamp;
use crate::domain::envelope::ArrivalState;
use crate::domain::hooks::TO_BE_FETCHED;
use crate::store::rows::ArrivalFilter;
use crate::store::{Store, StoreResult};

/// Between two looks at what is owed or has changed.
const TICK: Duration = Duration::from_secs(5);
/// Between two counts when nothing was heard of.
const COUNT: Duration = Duration::from_mins(10);
/// More are said as so many.
const MOST: usize = 10_000;
/// Between two lines of the log about one hook.
const SAID: Duration = Duration::from_hours(6);

/// What is known of the leads that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Hooks whose fetches are still to be made due.
    owed: Mutex<BTreeSet<String>>,
    /// Leads by hook.
    counted: Mutex<BTreeMap<String, usize>>,
    /// More wait than were counted, or fewer.
    changed: AtomicBool,
}

impl Waiting {
    /// Hooks whose fetches are still to be made due.
    pub(super) fn owed(&self) -> BTreeSet<String> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same under another configuration.
    pub(super) fn renewed(&self, owed: BTreeSet<String>) -> Self {
        Self { owed: Mutex::new(owed), counted: Mutex::new(self.counted()), changed: AtomicBool::new(true) }
    }

    /// Another lead waits, or may not any more.
    pub(super) fn has_changed(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    fn counted(&self) -> BTreeMap<String, usize> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Sources {
    /// Makes fetches due that waited, of hooks that can ask again. What the database does not take is owed on.
    pub async fn hasten(&self, store: &dyn Store) {
        for hook in self.waiting.owed() {
            match store.hasten(RETRIEVE, &hook).await {
                Ok(leads) => {
                    self.waiting.owed.lock().unwrap_or_else(PoisonError::into_inner).remove(&hook);
                    if leads > 0 {
                        tracing::info!(hook, leads, "{leads} announced leads of hook {hook} are fetched now");
                    }
                }
                Err(error) => tracing::debug!(%error, hook, "announced leads of hook {hook} wait for the database"),
            }
        }
    }

    /// Why leads that were announced do not come, one sentence for each hook that is to fetch them and cannot.
    #[must_use]
    pub fn waiting(&self) -> Vec<String> {
        let counted = self.waiting.counted();
        let of = |(hook, leads): (&String, &usize)| {
            let source = self.by_hook.get(hook).filter(|source| source.hook.enabled)?;
            source.rests().map(|_| said(hook, *leads))
        };
        counted.iter().filter(|(_, leads)| **leads > 0).filter_map(of).collect()
    }

    /// Counts those that wait at hooks without a token.
    async fn count(&self, store: &dyn Store) -> StoreResult<BTreeMap<String, usize>> {
        let mut counted = BTreeMap::new();
        for (hook, _) in self.by_hook.iter().filter(|(_, source)| source.hook.enabled && source.rests().is_some()) {
            let filter = ArrivalFilter {
                state: Some(ArrivalState::Parked),
                intake: Some(hook.clone()),
                limit: i64::try_from(MOST).unwrap_or(i64::MAX),
                ..ArrivalFilter::default()
            };
            let parked = store.list_arrivals(filter).await?;
            let waiting = parked.iter().filter(|row| row.reason.as_deref() == Some(TO_BE_FETCHED)).count();
            counted.insert(hook.clone(), waiting);
        }
        self.waiting.counted.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&counted);
        Ok(counted)
    }
}

fn said(hook: &str, leads: usize) -> String {
    let many = if leads >= MOST { " or more" } else { "" };
    let (lead, wait) = if leads == 1 { ("lead", "waits") } else { ("leads", "wait") };
    format!("hook {hook}: {leads}{many} announced {lead} {wait} for a token: set its token_env or token_file")
}

/// Makes due what is owed, and counts what waits, until cancelled.
pub async fn run(deps: BackfillDeps, cancel: CancellationToken) {
    let (mut counted_at, mut said_at) = (None::<Timestamp>, BTreeMap::new());
    loop {
        let (sources, now) = (deps.sources.load_full(), deps.clock.now());
        sources.hasten(deps.store.as_ref()).await;
        let is_due = counted_at.is_none_or(|at| now.since(at) >= COUNT);
        if sources.waiting.changed.swap(false, Ordering::Relaxed) || is_due {
            match sources.count(deps.store.as_ref()).await {
                Ok(counted) => {
                    counted_at = Some(now);
                    say(&counted, &mut said_at, now);
                }
                Err(error) => {
                    sources.waiting.has_changed();
                    tracing::debug!(%error, "announced leads that wait cannot be counted now");
                }
            }
        }
        tokio::select! { () = cancel.cancelled() => return, () = tokio::time::sleep(TICK) => {} }
    }
}

/// One line for each hook at which leads wait, now and then.
fn say(counted: &BTreeMap<String, usize>, said_at: &mut BTreeMap<String, Timestamp>, now: Timestamp) {
    said_at.retain(|hook, at| counted.get(hook).is_some_and(|leads| *leads > 0) && now.since(*at) < SAID);
    for (hook, leads) in counted.iter().filter(|(_, leads)| **leads > 0) {
        if !said_at.contains_key(hook) {
            said_at.insert(hook.clone(), now);
            tracing::warn!(hook, leads, "{}", said(hook, *leads));
        }
    }
}
