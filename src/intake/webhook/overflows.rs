//! Hooks that get more than their `per_minute`: what waits in quarantine for that reason must not go unnoticed.

use crate::clock::Timestamp;
use crate::telemetry::lately::Lately;

/// Leads held above the limit, by hook.
#[derive(Debug, Default)]
pub(super) struct Overflows(Lately<usize>);

impl Overflows {
    /// Notes that `leads` of a hook were held.
    pub(super) fn note(&self, hook: &str, leads: usize, now: Timestamp) {
        self.0.note(hook, leads, now);
    }

    /// One sentence for each hook that overflowed lately.
    pub(super) fn troubles(&self, now: Timestamp) -> Vec<String> {
        let held = self.0.counts(now).into_iter().filter(|(_, held)| *held > 0);
        held.map(|(hook, held)| {
            let leads = if held == 1 { "lead" } else { "leads" };
            let wait = if held == 1 { "waits" } else { "wait" };
            format!(
                "hook {hook} takes more than its per_minute; {held} {leads} of the last minutes {wait} in quarantine: \
                 pisteur submissions list --state quarantined"
            )
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::lately::WINDOW;

    #[test]
    fn an_overflow_is_told_until_it_is_over() {
        let (overflows, start) = (Overflows::default(), Timestamp::from_seconds(1_000));
        assert!(overflows.troubles(start).is_empty());
        overflows.note("crm", 2, start);
        overflows.note("crm", 1, start.after(WINDOW / 2));
        let told = overflows.troubles(start.after(WINDOW));
        assert!(told.first().is_some_and(|t| t.contains("hook crm") && t.contains("; 3 leads")), "{told:?}");
        assert!(overflows.troubles(start.after(WINDOW * 3)).is_empty());
        overflows.note("crm", 1, start.after(WINDOW * 3));
        let told = overflows.troubles(start.after(WINDOW * 3));
        assert!(told.first().is_some_and(|t| t.contains("; 1 lead of")), "{told:?}");
    }
}
