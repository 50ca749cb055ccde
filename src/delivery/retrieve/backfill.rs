//! Asks the producer now and then for leads whose notification was lost: while the daemon was down, the secret wrong or
//! the producer in trouble.
//!
//! Invariants: the mark up to which all is known moves only after every page is journalled; a round that ends before the
//! last page is gone on with from its cursor; what is known already is not journalled again; of several daemons one asks;
//! a slow producer holds up no other one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::ask::Source;
use super::{Fetched, Sources, journal};
use crate::clock::{Clock, Timestamp};
use crate::domain::hooks::fetch::{Backfill, Further};
use crate::domain::hooks::{fetched_key, key_of};
use crate::store::{NamedLock, Store};

/// Between two looks at what is due.
const TICK: Duration = Duration::from_secs(5);
/// Looked back over at the first round, in seconds: longer than producers try to notify.
const FIRST_LOOK: i64 = 48 * 3_600;
/// Looked back over again at every further round, in seconds.
const OVERLAP: i64 = 3_600;
/// Longest wait after a round that met trouble.
const AFTER_TROUBLE: Duration = Duration::from_mins(5);
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
    /// Leads made before are known; unix seconds, 0 before the first round has ended well.
    known_until: i64,
    /// When it was first tried to ask; unix seconds. The first round looks back from there, however late it succeeds.
    #[serde(default)]
    first_try: i64,
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

impl Mark {
    /// Since when a round at `now` asks, when it began, and from which cursor on.
    fn window(&self, now: i64) -> (i64, i64, Option<String>) {
        match self.rest.clone() {
            Some(rest) => (rest.since, rest.begun_at, Some(rest.cursor)),
            None if self.known_until == 0 => (self.first_try - FIRST_LOOK, now, None),
            None => (self.known_until - OVERLAP, now, None),
        }
    }
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
    // A hook that was changed is asked at once: its form is new, or its token is mended.
    let mut due: BTreeMap<String, (Arc<Source>, Timestamp)> = BTreeMap::new();
    let (mut asking, mut rounds) = (BTreeSet::new(), FuturesUnordered::new());
    loop {
        let (sources, now) = (deps.sources.load_full(), deps.clock.now());
        for (hook, source) in sources.by_hook.iter().filter(|(_, source)| source.polls()) {
            let waits = due.get(hook).is_some_and(|(was, at)| now < *at && source.is_like(was));
            if waits || !asking.insert(hook.clone()) {
                continue;
            }
            let (deps, hook, source) = (deps.clone(), hook.clone(), Arc::clone(source));
            rounds.push(async move {
                let trouble = deps.round(&hook, &source).await;
                (hook, source, trouble)
            });
        }
        tokio::select! {
            () = cancel.cancelled() => return,
            Some((hook, source, trouble)) = rounds.next() => {
                let every = source.hook.backfill_every();
                let wait = if trouble.is_some() { every.min(AFTER_TROUBLE) } else { every };
                deps.sources.load().note(&hook, &source, trouble);
                asking.remove(&hook);
                due.insert(hook, (source, now.after(wait)));
            }
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

impl BackfillDeps {
    /// One round over the forms of a hook; what went wrong.
    async fn round(&self, hook: &str, source: &Source) -> Option<String> {
        let page = source.fetch.backfill.as_ref()?;
        let lock = self.turn(hook).await.ok()??;
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

    /// Takes or keeps the turn to ask for a hook.
    async fn turn(&self, hook: &str) -> Result<Option<NamedLock>, String> {
        let turn = self.store.lock(&format!("hook-backfill:{hook}"), &self.owner, TURN).await;
        turn.map_err(|error| error.to_string())
    }

    /// Asks for one form; how many leads were new.
    async fn form(&self, hook: &str, form: &str, source: &Source, page: &Backfill) -> Result<usize, String> {
        let name = mark_name(hook, form);
        let stored = self.store.secret(&name).await.map_err(|error| error.to_string())?;
        let stored: Mark = stored.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let now = self.clock.now().seconds();
        let mark = stored.clone();
        // Another daemon, or this one before its restart, asked a moment ago.
        let every = i64::try_from(source.hook.backfill_every().as_secs()).unwrap_or(i64::MAX);
        if now < mark.asked_at.saturating_add(every) && now >= mark.asked_at && mark.asked_at > 0 {
            return Ok(0);
        }
        let mark = Mark { first_try: if mark.first_try == 0 { now } else { mark.first_try }, ..mark };
        let (since, begun_at, cursor) = mark.window(now);
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
            (None, None) => Mark { known_until: begun_at, asked_at: now, rest: None, ..mark.clone() },
        };
        if next != stored {
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
                // Another daemon takes over when this one is too slow.
                if number > 0 && self.turn(hook).await?.is_none() {
                    return Err("another daemon asks".to_owned());
                }
                let (_, answer) = source.ask(address, self.clock.now()).await.map_err(|trouble| trouble.why)?;
                Ok::<_, String>((self.take(hook, source, page, &answer).await?, page.further(&answer)))
            };
            match one.await {
                Ok((new, further)) => {
                    found += new;
                    match further {
                        Further::Last => return Asked { found, cursor: None, trouble: None },
                        Further::At(next) if cursor.as_ref() != Some(&next) => cursor = Some(next),
                        _ => {
                            let why = "a page says that there is a further one, and not where";
                            return Asked { found, cursor: None, trouble: Some(why.to_owned()) };
                        }
                    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_round_looks_back_from_the_first_try_however_late_it_succeeds() {
        let day = 86_400;
        let mark = Mark { first_try: 100 * day, ..Mark::default() };
        assert_eq!(mark.window(104 * day), (98 * day, 104 * day, None), "mended on the fifth day");
        let known = Mark { known_until: 104 * day, ..mark };
        assert_eq!(known.window(105 * day), (104 * day - OVERLAP, 105 * day, None));
    }

    #[test]
    fn a_mark_of_an_earlier_version_is_read() {
        let mark: Mark = serde_json::from_str("{\"known_until\":7,\"asked_at\":8}").unwrap();
        assert_eq!(mark, Mark { known_until: 7, asked_at: 8, ..Mark::default() });
    }
}
