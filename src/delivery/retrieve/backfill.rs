//! Asks the producer now and then for leads whose notification was lost: while the daemon was down, the secret wrong or
//! the producer in trouble.
//!
//! Invariants: the mark up to which all is known moves only after every page is journalled; a round that ends before the
//! last page is gone on with from its cursor; what is known already is not journalled again; of several daemons one asks.

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
use crate::domain::hooks::{fetched_key, key_of};
use crate::store::Store;

/// Between two looks at what is due.
const TICK: Duration = Duration::from_secs(5);
/// Looked back over at the first round, in seconds: longer than producers try to notify.
const FIRST_LOOK: i64 = 48 * 3_600;
/// Looked back over again at every further round, in seconds.
const OVERLAP: i64 = 3_600;
/// Pages of one round; the next round goes on after them.
const PAGES: usize = 50;
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// Leads made before are known; unix seconds.
    known_until: i64,
    /// When it was asked last; unix seconds.
    asked_at: i64,
    /// Pages that are still to be asked for.
    #[serde(default)]
    rest: Option<Rest>,
}

/// Where a round stopped before its last page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Rest {
    /// Leads made after this are asked for; unix seconds.
    since: i64,
    /// When its first page was asked for; unix seconds.
    begun_at: i64,
    /// The cursor of the next page.
    cursor: String,
}

/// What came of the pages of one round.
struct Asked {
    found: usize,
    /// The cursor of the next page, when there are more.
    cursor: Option<String>,
    /// Why it stopped before the last page, if it could not go on.
    trouble: Option<String>,
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
        let (since, begun_at, cursor) = match mark.rest.clone() {
            Some(rest) => (rest.since, rest.begun_at, Some(rest.cursor)),
            None if mark.known_until == 0 => (now - FIRST_LOOK, now, None),
            None => (mark.known_until - OVERLAP, now, None),
        };
        let asked = self.pages((hook, form), source, page, since, cursor).await;
        let rest = asked.cursor.map(|cursor| Rest { since, begun_at, cursor });
        let next = match (&asked.trouble, rest) {
            // The first question already failed: from the beginning, should the cursor be what was wrong.
            (Some(_), None) => Mark { rest: None, ..mark.clone() },
            (Some(_), Some(rest)) => Mark { rest: Some(rest), ..mark.clone() },
            (None, Some(rest)) => {
                tracing::info!(hook, "form {form} of hook {hook} has more than {PAGES} pages: the next round goes on");
                Mark { rest: Some(rest), asked_at: now, ..mark.clone() }
            }
            (None, None) => Mark { known_until: begun_at, asked_at: now, rest: None },
        };
        if next != mark {
            let text = serde_json::to_string(&next).map_err(|error| error.to_string())?;
            self.store.save_secret(&name, &text).await.map_err(|error| error.to_string())?;
        }
        asked.trouble.map_or(Ok(asked.found), Err)
    }

    async fn pages(
        &self,
        (hook, form): (&str, &str),
        source: &Source,
        page: &Backfill,
        since: i64,
        mut cursor: Option<String>,
    ) -> Asked {
        let mut found = 0;
        for number in 0..PAGES {
            let one = async {
                let address = page.page_at(source.base(), form, since, cursor.as_deref());
                let address = address.ok_or_else(|| format!("\"{form}\" is no form id"))?;
                let (_, answer) = source.ask(address, self.clock.now()).await.map_err(|trouble| trouble.why)?;
                Ok::<_, String>((self.take(hook, source, page, &answer).await?, page.further(&answer)))
            };
            match one.await {
                Ok((new, further)) => {
                    found += new;
                    if further.is_none() || further == cursor {
                        return Asked { found, cursor: None, trouble: None };
                    }
                    cursor = further;
                }
                Err(why) => return Asked { found, cursor: cursor.filter(|_| number > 0), trouble: Some(why) },
            }
        }
        Asked { found, cursor, trouble: None }
    }

    /// Journals the leads of a page that are not known.
    async fn take(
        &self,
        hook: &str,
        source: &Source,
        page: &Backfill,
        answer: &serde_json::Value,
    ) -> Result<usize, String> {
        let (mut new, mut known_already) = (Vec::new(), Vec::new());
        let leads = page.leads(answer);
        for (id, lead) in &leads {
            let known = self.store.known_key(&fetched_key(hook, id)).await.map_err(|error| error.to_string())?;
            if known.is_some() {
                known_already.push(key_of(hook, id));
            } else {
                let test = source.is_test(lead);
                new.push(Fetched { hook, id, raw: lead.to_string().into_bytes(), arrival: None, test });
            }
        }
        // A death between the journal and the announcement leaves it open.
        if !known_already.is_empty() {
            self.store.announced_came(&known_already).await.map_err(|error| error.to_string())?;
        }
        if new.is_empty() {
            return Ok(0);
        }
        journal(self.store.as_ref(), self.clock.as_ref(), new).await.map_err(|error| error.to_string())
    }
}
