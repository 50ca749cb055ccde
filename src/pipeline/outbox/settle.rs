//! How a delivery ended: again later, a dead letter, or done; said in the log and the metrics, written to the store.

use std::time::Duration;

use metrics::counter;
use tokio::time::sleep;

use super::Outbox;
use crate::delivery::Delivery;
use crate::pipeline::backoff::{self, backoff};
use crate::store::{Effect, Failure, Lease, StoreError};

/// A receiver that asks to be called back sooner is called back then.
const SOONEST: Duration = Duration::from_secs(5);
/// Tries to write down how a delivery ended before it is left to the lease's end.
const SETTLE_TRIES: u32 = 6;

impl Outbox {
    /// Whether to try again, and after how long.
    fn failure(&self, lease: &Lease, delivery: Delivery) -> Option<Failure> {
        let (after, error) = match delivery {
            Delivery::Done | Delivery::Withheld { .. } | Delivery::Later { .. } => return None,
            Delivery::Never { why } => return Some(Failure { error: why, retry_after: None }),
            Delivery::Retry { after, why } => (after, why),
        };
        if lease.attempt() >= i64::from(self.deps.settings.max_attempts) {
            return Some(Failure { error, retry_after: None });
        }
        let failures = u32::try_from(lease.failures()).unwrap_or(u32::MAX);
        let usual = || backoff(failures, backoff::jitter_of(lease.job(), lease.attempt()));
        let wait = after.map_or_else(usual, |after| after.max(SOONEST));
        Some(Failure { error, retry_after: Some(wait) })
    }

    /// Writes down how a delivery ended, again and again while the database is away.
    pub(super) async fn settle(&self, lease: &Lease, effect: &Effect, delivery: Delivery) {
        if let Delivery::Later { after, why } = &delivery {
            let (id, kind, target) = (effect.id, &effect.kind, &effect.target);
            // Thousands may wait for one thing: whoever lets them wait says how many.
            tracing::debug!(effect = %id, kind, target, why, "effect {id} for {kind} {target} waits: {why}");
            return self.defer(lease, *after).await;
        }
        let withheld = if let Delivery::Withheld { why } = &delivery { Some(why.clone()) } else { None };
        let failure = self.failure(lease, delivery);
        match &withheld {
            Some(why) => Self::say_withheld(effect, why),
            None => Self::say(effect, lease.attempt(), failure.as_ref()),
        }
        for tried in 0..SETTLE_TRIES {
            let written = match (&failure, &withheld) {
                (None, None) => self.deps.store.delivered(lease).await,
                (None, Some(why)) => self.deps.store.withheld(lease, why).await,
                (Some(failure), _) => self.deps.store.fail(lease, failure.clone()).await,
            };
            match written {
                Ok(()) => return,
                Err(error @ StoreError::Fenced(_)) => {
                    return tracing::warn!(%error, effect = %effect.id, "effect {} was settled elsewhere", effect.id);
                }
                Err(error) => {
                    tracing::warn!(%error, effect = %effect.id, "how effect {} ended is not written yet", effect.id);
                    tokio::select! {
                        () = self.deps.cancel.cancelled() => return,
                        () = sleep(Duration::from_secs(1 << tried)) => {}
                    }
                }
            }
        }
    }

    fn say_withheld(effect: &Effect, why: &str) {
        let (id, kind, target) = (effect.id, &effect.kind, &effect.target);
        tracing::info!(effect = %id, kind, target, why, "effect {id} for {kind} {target} is withheld: {why}");
        let (kind, target) = (kind.clone(), target.clone());
        counter!("pisteur_deliveries_total", "kind" => kind, "target" => target, "outcome" => "withheld").increment(1);
    }

    fn say(effect: &Effect, attempt: i64, failure: Option<&Failure>) {
        let (id, kind, target) = (effect.id, &effect.kind, &effect.target);
        let outcome = match failure {
            None => {
                tracing::info!(effect = %id, kind, target, attempt, "effect {id} was delivered to {kind} {target}");
                "delivered"
            }
            Some(Failure { error, retry_after: Some(wait) }) => {
                tracing::warn!(
                    effect = %id, kind, target, attempt, error, retry_after = ?wait,
                    "effect {id} for {kind} {target} failed and will be tried again"
                );
                "failed"
            }
            Some(Failure { error, retry_after: None }) => {
                tracing::error!(
                    effect = %id, kind, target, attempt, error,
                    "effect {id} for {kind} {target} is a dead letter: mend the cause and try it again"
                );
                "dead"
            }
        };
        counter!("pisteur_deliveries_total", "kind" => kind.clone(), "target" => target.clone(), "outcome" => outcome)
            .increment(1);
    }
}
