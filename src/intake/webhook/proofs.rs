//! Hooks of which no request can be proven any more: a secret that was changed at the producer loses every lead, because
//! producers give up after hours or days.
//!
//! Only what carries a proof counts, and a single good one ends it: what strangers send without one says nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::hooks::verify::Unproven;

/// Failures without a good proof between them after which it is told.
const ENOUGH: usize = 3;
/// How long it is told after the last one: producers wait hours between their later attempts.
const TOLD: Duration = Duration::from_hours(6);

/// Proofs that failed since the last good one, by hook.
#[derive(Debug, Default)]
pub(super) struct Proofs(Mutex<BTreeMap<String, Failing>>);

#[derive(Debug, Clone, Copy)]
struct Failing {
    times: usize,
    last: Timestamp,
    why: Unproven,
}

impl Proofs {
    /// A request was proven.
    pub(super) fn held(&self, hook: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(hook);
    }

    /// A request was not.
    pub(super) fn failed(&self, hook: &str, why: Unproven, now: Timestamp) {
        if matches!(why, Unproven::Missing | Unproven::NoSecret) {
            return;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failing = all.entry(hook.to_owned()).or_insert(Failing { times: 0, last: now, why });
        if now.since(failing.last) >= TOLD {
            failing.times = 0;
        }
        *failing = Failing { times: failing.times.saturating_add(1), last: now, why };
    }

    /// One sentence for each hook that proves nothing.
    pub(super) fn troubles(&self, now: Timestamp) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failing = all.iter().filter(|(_, f)| f.times >= ENOUGH && now.since(f.last) < TOLD);
        failing
            .map(|(hook, failing)| {
                let (times, why) = (failing.times, failing.why);
                let remedy = match why {
                    Unproven::Time | Unproven::NoTime => "compare the clocks of both machines",
                    _ => "compare its secret with the producer's: pisteur hooks list says where it is looked for",
                };
                format!("hook {hook} turned away all of its last {times} requests that carry a proof: {why}; {remedy}")
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_that_proves_nothing_is_told_until_something_is_proven() {
        let (proofs, start) = (Proofs::default(), Timestamp::from_seconds(1_000));
        for _ in 0..9 {
            proofs.failed("crm", Unproven::Missing, start);
        }
        proofs.failed("crm", Unproven::Wrong, start);
        proofs.failed("crm", Unproven::Wrong, start);
        assert!(proofs.troubles(start).is_empty(), "a stranger or two say nothing");
        proofs.failed("crm", Unproven::Wrong, start);
        let told = proofs.troubles(start.after(Duration::from_hours(5)));
        assert!(told.len() == 1 && told[0].contains("hook crm") && told[0].contains("last 3 requests"), "{told:?}");
        assert!(proofs.troubles(start.after(Duration::from_hours(6))).is_empty());
        proofs.held("crm");
        proofs.failed("crm", Unproven::Wrong, start);
        assert!(proofs.troubles(start).is_empty());
    }
}
