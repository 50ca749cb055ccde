//! Hooks that get more than their `per_minute`: what waits in quarantine for that reason must not go unnoticed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Timestamp;

/// How long an overflow is told after its last lead.
const TOLD: Duration = Duration::from_mins(10);

/// Leads held above the limit, by hook.
#[derive(Debug, Default)]
pub(super) struct Overflows(Mutex<BTreeMap<String, Overflow>>);

#[derive(Debug, Clone, Copy)]
struct Overflow {
    last: Timestamp,
    held: usize,
}

impl Overflows {
    /// Notes that `leads` of a hook were held.
    pub(super) fn note(&self, hook: &str, leads: usize, now: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let overflow = all.entry(hook.to_owned()).or_insert(Overflow { last: now, held: 0 });
        if now.since(overflow.last) >= TOLD {
            overflow.held = 0;
        }
        overflow.held = overflow.held.saturating_add(leads);
        overflow.last = now;
    }

    /// One sentence for each hook that overflowed lately.
    pub(super) fn troubles(&self, now: Timestamp) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let late = all.iter().filter(|(_, overflow)| now.since(overflow.last) < TOLD);
        late.map(|(hook, overflow)| {
            format!(
                "hook {hook} takes more than its per_minute; {} leads of the last minutes wait in quarantine: pisteur \
                 submissions list --state quarantined",
                overflow.held
            )
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overflow_is_told_until_ten_minutes_after_its_last_lead() {
        let (overflows, start) = (Overflows::default(), Timestamp::from_seconds(1_000));
        assert!(overflows.troubles(start).is_empty());
        overflows.note("crm", 2, start);
        overflows.note("crm", 1, start.after(Duration::from_mins(9)));
        let told = overflows.troubles(start.after(Duration::from_mins(18)));
        assert!(told.first().is_some_and(|t| t.contains("hook crm") && t.contains("; 3 leads")), "{told:?}");
        assert!(overflows.troubles(start.after(Duration::from_mins(19))).is_empty());
        overflows.note("crm", 1, start.after(Duration::from_mins(30)));
        let told = overflows.troubles(start.after(Duration::from_mins(30)));
        assert!(told.first().is_some_and(|t| t.contains("; 1 leads")), "{told:?}");
    }
}
