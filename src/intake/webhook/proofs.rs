//! Hooks of which no request can be proven any more: a secret that was changed at the producer loses every lead, because
//! producers give up after hours or days.
//!
//! Only what carries a proof counts, and a single good one ends it. Whoever has proven itself before counts every time, a
//! stranger once: one guesser alone does not make a hook look broken. Where nobody has proven anything since the start,
//! nobody can be told from the producer: then each counts.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::hooks::verify::Unproven;
use crate::intake::form::rates::Client;

/// Failures without a good proof between them after which it is told.
const ENOUGH: usize = 3;
/// How long it is told after the last one: producers wait hours between their later attempts.
const TOLD: Duration = Duration::from_hours(6);
/// Clients that are told apart; more are said as so many.
const CLIENTS: usize = 1_000;

/// Whose proof failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sender {
    /// The address.
    pub(super) client: IpAddr,
    /// It has proven itself at this hook before.
    pub(super) known: bool,
}

/// Proofs that failed since the last good one, by hook.
#[derive(Debug, Default)]
pub(super) struct Proofs(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    failing: BTreeMap<String, Failing>,
    /// Hooks at which something was proven since the start.
    proven: BTreeSet<String>,
}

#[derive(Debug)]
struct Failing {
    /// Requests.
    times: usize,
    /// Those of them that count.
    counted: usize,
    clients: HashSet<Client>,
    /// When the last one came that counts.
    last: Timestamp,
    why: Unproven,
}

impl Proofs {
    /// A request was proven.
    pub(super) fn held(&self, hook: &str) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.failing.remove(hook);
        if !seen.proven.contains(hook) {
            seen.proven.insert(hook.to_owned());
        }
    }

    /// The hook is another one, or has another secret: nothing is known of it.
    pub(super) fn changed(&self, hook: &str) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.failing.remove(hook);
        seen.proven.remove(hook);
    }

    /// A request was not.
    pub(super) fn failed(&self, hook: &str, sender: Sender, why: Unproven, now: Timestamp) {
        if matches!(why, Unproven::Missing | Unproven::NoSecret) {
            return;
        }
        let new = || Failing { times: 0, counted: 0, clients: HashSet::new(), last: now, why };
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unproven = !seen.proven.contains(hook);
        let failing = seen.failing.entry(hook.to_owned()).or_insert_with(new);
        if now.since(failing.last) >= TOLD {
            *failing = new();
        }
        failing.times = failing.times.saturating_add(1);
        let is_new = failing.clients.len() < CLIENTS && failing.clients.insert(Client::of(sender.client));
        if is_new || sender.known || unproven {
            failing.counted = failing.counted.saturating_add(1);
            (failing.last, failing.why) = (now, why);
        }
    }

    /// One sentence for each hook that proves nothing.
    pub(super) fn troubles(&self, now: Timestamp) -> Vec<String> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failing = seen.failing.iter().filter(|(_, f)| f.counted >= ENOUGH && now.since(f.last) < TOLD);
        failing
            .map(|(hook, failing)| {
                let (times, clients, why) = (failing.times, failing.clients.len(), failing.why);
                let clients = if clients == 1 { "one client".to_owned() } else { format!("{clients} clients") };
                let remedy = match why {
                    Unproven::Time | Unproven::NoTime => "compare the clocks of both machines",
                    _ => "compare its secret with the producer's: pisteur hooks list says where it is looked for",
                };
                format!("hook {hook} turned away all of its last {times} requests that carry a proof, of {clients}: {why}; {remedy}")
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stranger(n: u8) -> Sender {
        Sender { client: IpAddr::from([192, 0, 2, n]), known: false }
    }

    #[test]
    fn a_hook_that_proves_nothing_is_told_until_something_is_proven() {
        let (proofs, start) = (Proofs::default(), Timestamp::from_seconds(1_000));
        let producer = Sender { known: true, ..stranger(1) };
        for _ in 0..9 {
            proofs.failed("crm", producer, Unproven::Missing, start);
        }
        proofs.failed("crm", producer, Unproven::Wrong, start);
        proofs.failed("crm", producer, Unproven::Wrong, start);
        assert!(proofs.troubles(start).is_empty(), "a mistake or two say nothing");
        proofs.failed("crm", producer, Unproven::Wrong, start);
        let told = proofs.troubles(start.after(Duration::from_hours(5)));
        let said = told.len() == 1 && told[0].contains("hook crm") && told[0].contains("last 3 requests");
        assert!(said && told[0].contains("of one client"), "{told:?}");
        assert!(proofs.troubles(start.after(Duration::from_hours(6))).is_empty());
        proofs.held("crm");
        proofs.failed("crm", producer, Unproven::Wrong, start);
        assert!(proofs.troubles(start).is_empty());
    }

    #[test]
    fn of_a_hook_that_was_changed_nothing_is_known() {
        let (proofs, start) = (Proofs::default(), Timestamp::from_seconds(1_000));
        let fail = || (0..3).for_each(|_| proofs.failed("crm", stranger(1), Unproven::Wrong, start));
        fail();
        assert_eq!(proofs.troubles(start).len(), 1);
        proofs.changed("crm");
        assert!(proofs.troubles(start).is_empty());
        fail();
        assert_eq!(proofs.troubles(start).len(), 1, "the next secret is wrong, too");
    }

    #[test]
    fn of_strangers_only_several_make_a_hook_look_broken() {
        let (proofs, start) = (Proofs::default(), Timestamp::from_seconds(1_000));
        for _ in 0..3 {
            proofs.failed("new", stranger(1), Unproven::Wrong, start);
        }
        assert_eq!(proofs.troubles(start).len(), 1, "of a hook that never proved anything nobody is a stranger");
        proofs.held("new");
        proofs.held("crm");
        for _ in 0..50 {
            proofs.failed("crm", stranger(1), Unproven::Wrong, start);
        }
        proofs.failed("crm", stranger(2), Unproven::Wrong, start);
        assert!(proofs.troubles(start).is_empty(), "one of them tries on and on");
        proofs.failed("crm", stranger(3), Unproven::Wrong, start);
        let told = proofs.troubles(start).concat();
        assert!(told.contains("last 52 requests that carry a proof, of 3 clients"), "{told}");
        let later = start.after(Duration::from_hours(6));
        proofs.failed("crm", stranger(1), Unproven::Wrong, later);
        assert!(proofs.troubles(later).is_empty(), "what is long ago does not count on");
    }
}
