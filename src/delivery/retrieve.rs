//! Leads that a notification only announces: fetched from the producer, and journalled as arrivals of their own.
//!
//! Invariants:
//! - the address comes from the adapter and the configuration, never from a notification or an answer;
//! - an announcement waits until its lead is journalled, and no longer: what is still missing can be listed;
//! - while its hook has no token, or is switched off, a fetch waits without being counted as failed;
//! - a fetched lead has the key of the producer's id, by whichever way it came: nothing doubles;
//! - reasons name codes and remedies, never tokens, addresses or what the lead says.

mod ask;
pub mod backfill;
pub mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use self::ask::Source;
use self::waiting::Waiting;
use super::{Attempt, Checked, Deliver, Delivery};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::decision::Decision;
use crate::domain::envelope::{ArrivalContext, ArrivalKey, Channel, Digest, Envelope, RawKind};
use crate::domain::hooks::{FETCHED_FOR, STAGE, STAGE_LEAD, TEST, TEST_EVENT, TO_BE_FETCHED, fetched_key, key_of};
use crate::domain::submission::Submission;
use crate::store::{Effect, NewArrival, Store, StoreResult};

/// Kind of an effect that fetches a lead; the target is the hook's id.
pub const RETRIEVE: &str = "retrieve";

/// How long a fetch rests that waits for a token or for its hook to be switched on, unless it is hastened.
const REST: Duration = Duration::from_hours(6);

/// Payload of such an effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetrieveNotice {
    /// The arrival that announced it.
    pub arrival: Ulid,
    /// The producer's id.
    pub lead: String,
    /// Announced as a test.
    #[serde(default)]
    pub test: bool,
}

/// The effect that follows an announcement, in the same commit.
#[must_use]
pub fn effect(envelope: &Envelope, submission: &Submission, decision: &Decision, clock: &dyn Clock) -> Option<Effect> {
    let lead = submission.to_fetch.clone().filter(|_| decision.reason.as_deref() == Some(TO_BE_FETCHED))?;
    let test = submission.flags.iter().any(|flag| flag == TEST_EVENT);
    let notice = RetrieveNotice { arrival: envelope.id, lead, test };
    Some(Effect {
        id: clock.new_id(),
        kind: RETRIEVE.to_owned(),
        target: envelope.intake_id.clone(),
        payload: serde_json::to_value(notice).unwrap_or(serde_json::Value::Null),
    })
}

/// Everything that leads are fetched from, by hook.
#[derive(Debug, Default)]
pub struct Sources {
    by_hook: BTreeMap<String, Arc<Source>>,
    troubles: Mutex<BTreeMap<String, String>>,
    waiting: Waiting,
}

impl Sources {
    /// Those of a configuration.
    ///
    /// # Errors
    /// One sentence naming the hook and the file that cannot be read.
    pub fn new(config: &Config) -> Result<Self, String> {
        Self::renewed(config, &Self::default())
    }

    /// Those of a configuration in the place of others: what is as it was stays, with what is wrong with it.
    ///
    /// # Errors
    /// As [`Sources::new`].
    pub fn renewed(config: &Config, before: &Self) -> Result<Self, String> {
        let mut by_hook = BTreeMap::new();
        for hook in &config.hook {
            let adapter = config.known_adapters.get(&hook.adapter);
            if let Some((fetch, lead)) = adapter.and_then(|a| Some((a.fetch.clone()?, a.lead.clone()?))) {
                let source = Source::new(hook, fetch, lead, config.delivery.timeout());
                by_hook.insert(hook.id.clone(), Arc::new(source.map_err(|why| format!("hook {}: {why}", hook.id))?));
            }
        }
        let is_as_before = |hook: &str, now: &Source| before.by_hook.get(hook).is_some_and(|was| now.is_like(was));
        let mut troubles = before.troubles();
        troubles.retain(|hook, _| by_hook.get(hook).is_some_and(|now| now.hook.enabled && is_as_before(hook, now)));
        // What a change sets going, and what an earlier one did in vain.
        let owed = before.waiting.owed();
        let is_owed = |(hook, now): &(&String, &Arc<Source>)| {
            now.rests().is_none() && (owed.contains(*hook) || !is_as_before(hook, now))
        };
        let owed: BTreeSet<String> = by_hook.iter().filter(is_owed).map(|(hook, _)| hook.clone()).collect();
        Ok(Self { waiting: before.waiting.renewed(owed), by_hook, troubles: Mutex::new(troubles) })
    }

    /// What keeps hooks from being asked for lost leads, by hook.
    #[must_use]
    pub fn troubles(&self) -> BTreeMap<String, String> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes how a round of `source` ended; of one that was changed meanwhile it says nothing.
    fn note(&self, hook: &str, source: &Source, trouble: Option<String>) {
        if !self.by_hook.get(hook).is_some_and(|now| now.is_like(source)) {
            return;
        }
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble {
            Some(why) => troubles.insert(hook.to_owned(), why),
            None => troubles.remove(hook),
        };
    }
}

/// Fetches announced leads.
#[derive(Debug)]
pub struct Retrieve {
    sources: Arc<Sources>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl Retrieve {
    /// From these sources into this store.
    #[must_use]
    pub fn new(sources: Arc<Sources>, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { sources, store, clock }
    }
}

#[async_trait]
impl Deliver for Retrieve {
    async fn deliver(&self, effect: &Effect, attempt: Attempt) -> Delivery {
        let Some(source) = self.sources.by_hook.get(&effect.target) else {
            return Delivery::never(format!("hook {} fetches nothing any more", effect.target));
        };
        let Ok(notice) = serde_json::from_value::<RetrieveNotice>(effect.payload.clone()) else {
            return Delivery::never("the stored effect cannot be read");
        };
        if let Some(why) = source.rests() {
            self.sources.waiting.has_changed();
            return Delivery::Later { after: REST, why };
        }
        let (body, lead) = match source.lead(&notice.lead, attempt.now).await {
            Ok(answer) => answer,
            Err(trouble) => return trouble.end(notice.arrival, attempt.now),
        };
        let lead = Fetched {
            hook: &effect.target,
            id: &notice.lead,
            raw: body.to_vec(),
            arrival: Some(notice.arrival),
            test: notice.test || source.is_test(&lead),
        };
        match journal(self.store.as_ref(), self.clock.as_ref(), vec![lead]).await {
            Ok(_) => Delivery::Done,
            Err(error) => Delivery::retry(format!("the fetched lead could not be written down: {error}")),
        }
    }
}

/// A lead as fetched.
struct Fetched<'a> {
    hook: &'a str,
    id: &'a str,
    raw: Vec<u8>,
    arrival: Option<Ulid>,
    test: bool,
}

/// Journals fetched leads, and closes their announcements, whichever of both was first; how many were new.
async fn journal(store: &dyn Store, clock: &dyn Clock, leads: Vec<Fetched<'_>>) -> StoreResult<usize> {
    let announcements: Vec<String> = leads.iter().map(|lead| key_of(lead.hook, lead.id)).collect();
    let hooks: Vec<String> = leads.iter().map(|lead| lead.hook.to_owned()).collect();
    let arrivals = leads.into_iter().map(|lead| {
        let mut context = ArrivalContext { silent: lead.test, ..ArrivalContext::default() };
        context.extra.insert(STAGE.to_owned(), STAGE_LEAD.to_owned());
        if let Some(arrival) = lead.arrival {
            context.extra.insert(FETCHED_FOR.to_owned(), arrival.to_string());
        }
        if lead.test {
            context.extra.insert(TEST.to_owned(), "true".to_owned());
        }
        let envelope = Envelope {
            id: clock.new_id(),
            channel: Channel::Webhook,
            intake_id: lead.hook.to_owned(),
            keys: vec![ArrivalKey { value: fetched_key(lead.hook, lead.id), expires_at: None }],
            received_at: clock.now(),
            digest: Digest::of(&lead.raw),
            raw_kind: RawKind::Form,
            content_type: Some("application/json".to_owned()),
            context,
            raw: lead.raw.into(),
        };
        NewArrival::received(envelope)
    });
    let accepted = store.accept(arrivals.collect(), None).await?;
    for (hook, _) in hooks.into_iter().zip(&accepted).filter(|(_, accepted)| accepted.duplicate_of().is_none()) {
        metrics::counter!("pisteur_leads_fetched_total", "hook" => hook).increment(1);
    }
    store.announced_came(&announcements).await?;
    Ok(accepted.iter().filter(|accepted| accepted.duplicate_of().is_none()).count())
}

/// Connects to every source that has a token, sending nothing.
pub async fn check(config: &Config) -> Vec<Checked> {
    let Ok(sources) = Sources::new(config) else { return Vec::new() };
    let one = |(id, source): (&String, &Arc<Source>)| {
        let (what, source) = (format!("fetching for {id}"), Arc::clone(source));
        async move { Checked { what, result: source.probe().await } }
    };
    futures::future::join_all(sources.by_hook.iter().filter(|(_, source)| source.hook.enabled).map(one)).await
}
