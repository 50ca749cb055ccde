//! Asks the producer now and then for leads whose notification was lost: while the daemon was down, the secret wrong or
//! the producer in trouble.
//!
//! Invariants: the mark up to which all is known moves only after every page of a round is journalled; what is known
//! already is not journalled again; of several daemons one asks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::ask::Source;
use super::{Fetched, Sources, journal};
use crate::clock::{Clock, Timestamp};
use crate::domain::hooks::fetch::Backfill;
use crate::domain::hooks::fetched_key;
use crate::store::Store;

/// Between two looks at what is due.
const TICK: Duration = Duration::from_secs(5);
/// Looked back over at the first round, in seconds: longer than producers try to notify.
const FIRST_LOOK: i64 = 48 * 3_600;
/// Looked back over again at every further round, in seconds.
const OVERLAP: i64 = 3_600;
/// Pages of one round.
const PAGES: usize = 500;
/// Longest time another daemon waits for one that asks and died.
const TURN: Duration = Duration::from_mins(10);

/// What the poll needs.
#[derive(Debug, Clone)]
pub struct BackfillDeps {
    /// Where leads are fetched; a reload stores new ones.
    pub sources: Arc<ArcSwap<Sources>>,
    /// Journal, and the marks of rounds.
    pub store: Arc<dyn Store>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    /// Who asks, among several daemons.
    pub owner: String,
}

/// How far one form is known. Kept under the name [`mark_name`] among the small values of the store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// Leads made before are known; unix seconds.
    known_until: i64,
    /// When it was asked last; unix seconds.
    asked_at: i64,
}

fn mark_name(hook: &str, form: &str) -> String {
    format!("hook-backfill:{hook}:{form}")
}

/// Asks until cancelled.
pub async fn run(deps: BackfillDeps, cancel: CancellationToken) {
    let mut due: BTreeMap<String, Timestamp> = BTreeMap::new();
    loop {
        let sources = deps.sources.load_full();
        for (hook, source) in sources.by_hook.iter().filter(|(_, source)| !source.hook.backfill.is_empty()) {
            let now = deps.clock.now();
            if due.get(hook).is_some_and(|at| now < *at) {
                continue;
            }
            due.insert(hook.clone(), now.after(source.hook.backfill_every()));
            tokio::select! {
                () = cancel.cancelled() => return,
                trouble = deps.round(hook, source) => sources.note(hook, trouble),
            }
        }
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

impl BackfillDeps {
    /// One round over the forms of a hook; what went wrong.
    async fn round(&self, hook: &str, source: &Source) -> Option<String> {
        let page = source.fetch.backfill.as_ref()?;
        let lock = self.store.lock(&format!("hook-backfill:{hook}"), &self.owner, TURN).await.ok()??;
        let mut trouble = None;
        for form in &source.hook.backfill {
            match self.form(hook, form, source, page).await {
                Ok(0) => {}
                Ok(found) => {
                    tracing::info!(hook, found, "{found} leads of hook {hook} had no notification and were fetched");
                }
                Err(why) => {
                    tracing::warn!(hook, "hook {hook} could not be asked for lost leads: {why}");
                    trouble = Some(why);
                }
            }
        }
        if let Err(error) = self.store.unlock(&lock).await {
            tracing::debug!(%error, hook, "the turn of the backfill runs out by itself");
        }
        trouble
    }

    /// Asks for one form; how many leads were new.
    async fn form(&self, hook: &str, form: &str, source: &Source, page: &Backfill) -> Result<usize, String> {
        let name = mark_name(hook, form);
        let stored = self.store.secret(&name).await.map_err(|error| error.to_string())?;
        let mark: Mark = stored.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let now = self.clock.now().seconds();
        // Another daemon, or this one before its restart, asked a moment ago.
        let every = i64::try_from(source.hook.backfill_every().as_secs()).unwrap_or(i64::MAX);
        if now < mark.asked_at.saturating_add(every) && now >= mark.asked_at && mark.asked_at > 0 {
            return Ok(0);
        }
        let since = if mark.known_until == 0 { now - FIRST_LOOK } else { mark.known_until - OVERLAP };
        let found = self.pages(hook, form, source, page, since).await?;
        let mark = Mark { known_until: now, asked_at: now };
        let text = serde_json::to_string(&mark).map_err(|error| error.to_string())?;
        self.store.save_secret(&name, &text).await.map_err(|error| error.to_string())?;
        Ok(found)
    }

    async fn pages(
        &self,
        hook: &str,
        form: &str,
        source: &Source,
        page: &Backfill,
        since: i64,
    ) -> Result<usize, String> {
        let mut cursor: Option<String> = None;
        let mut found = 0;
        for _ in 0..PAGES {
            let address = page.page_at(source.base(), form, since, cursor.as_deref());
            let address = address.ok_or_else(|| format!("\"{form}\" is no form id"))?;
            let (_, answer) = source.ask(address, self.clock.now()).await.map_err(|trouble| trouble.why)?;
            found += self.take(hook, page, &answer).await?;
            match page.further(&answer) {
                Some(next) if cursor.as_ref() != Some(&next) => cursor = Some(next),
                _ => return Ok(found),
            }
        }
        Err(format!("more than {PAGES} pages of form {form}: the next round goes on"))
    }

    /// Journals the leads of a page that are not known.
    async fn take(&self, hook: &str, page: &Backfill, answer: &serde_json::Value) -> Result<usize, String> {
        let mut new = Vec::new();
        let leads = page.leads(answer);
        for (id, lead) in &leads {
            let known = self.store.known_key(&fetched_key(hook, id)).await.map_err(|error| error.to_string())?;
            if known.is_none() {
                new.push(Fetched { hook, id, raw: lead.to_string().into_bytes(), arrival: None, test: false });
            }
        }
        if new.is_empty() {
            return Ok(0);
        }
        journal(self.store.as_ref(), self.clock.as_ref(), new).await.map_err(|error| error.to_string())
    }
}
