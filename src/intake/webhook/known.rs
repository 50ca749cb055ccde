//! Clients that have proven themselves at a hook: what they send is not a stranger's.
//!
//! Bounded: when no more can be remembered, the one that proved itself longest ago is forgotten.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::intake::form::rates::Client;

/// Most that are remembered: producers send from a few addresses each.
const MOST: usize = 4_096;
/// How long a proof lets its sender have as many large bodies on the way as it likes.
const TRUSTED: Duration = Duration::from_hours(1);

/// Who has proven itself, at which hook, and when last.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashMap<(Client, String), Instant>>);

impl Known {
    /// A client proved itself.
    pub(super) fn note(&self, client: IpAddr, hook: &str, now: Instant) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (Client::of(client), hook.to_owned());
        if all.len() >= MOST && !all.contains_key(&key) {
            let oldest = all.iter().min_by_key(|(_, at)| **at).map(|(key, _)| key.clone());
            oldest.and_then(|key| all.remove(&key));
        }
        all.insert(key, now);
    }

    /// Whether it ever did.
    pub(super) fn has(&self, client: IpAddr, hook: &str) -> bool {
        self.at(client, hook).is_some()
    }

    /// Whether it did lately.
    pub(super) fn is_trusted(&self, client: IpAddr, hook: &str, now: Instant) -> bool {
        self.at(client, hook).is_some_and(|at| now.saturating_duration_since(at) < TRUSTED)
    }

    fn at(&self, client: IpAddr, hook: &str) -> Option<Instant> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&(Client::of(client), hook.to_owned())).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_trusted_for_an_hour_at_its_hook_and_remembered() {
        let (known, now) = (Known::default(), Instant::now());
        let (one, other): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        known.note(one, "a", now);
        assert!(known.has(one, "a") && known.is_trusted(one, "a", now + TRUSTED / 2));
        assert!(!known.is_trusted(one, "a", now + TRUSTED) && known.has(one, "a"));
        assert!(!known.has(one, "b") && !known.has(other, "a"));
    }

    #[test]
    fn the_oldest_makes_room_for_the_newest() {
        let (known, start) = (Known::default(), Instant::now());
        let at = |n: usize| IpAddr::from(u32::try_from(n).unwrap().to_be_bytes());
        for n in 0..=MOST {
            known.note(at(n), "a", start + Duration::from_secs(n as u64));
        }
        assert!(!known.has(at(0), "a") && known.has(at(1), "a") && known.has(at(MOST), "a"));
    }
}
