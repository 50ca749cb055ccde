//! Clients that failed to prove themselves too often: until their time has come no secret of theirs is looked at, right or
//! wrong, so that guessing is as slow as the limit says.
//!
//! Bounded: when no more can be remembered, newcomers do not wait.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::intake::form::rates::Client;

/// Who waits, at which hook, and until when.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<HashMap<(Client, String), Instant>>);

impl Waiting {
    /// Lets a client wait, unless `most` wait already.
    pub(super) fn note(&self, client: IpAddr, hook: &str, until: Instant, most: usize) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (Client::of(client), hook.to_owned());
        if all.len() < most || all.contains_key(&key) {
            all.insert(key, until);
        }
    }

    /// How long the client waits yet.
    pub(super) fn left(&self, client: IpAddr, hook: &str, now: Instant) -> Option<Duration> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.is_empty() {
            return None;
        }
        let until = all.get(&(Client::of(client), hook.to_owned()))?;
        until.checked_duration_since(now).filter(|left| !left.is_zero())
    }

    /// Forgets those whose time has come.
    pub(super) fn forget(&self, now: Instant) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, until| *until > now);
        all.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_waits_at_that_hook_until_the_time_has_come() {
        let (waiting, now) = (Waiting::default(), Instant::now());
        let (one, other): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        waiting.note(one, "a", now + Duration::from_secs(2), 1);
        waiting.note(other, "a", now + Duration::from_secs(2), 1);
        assert_eq!(waiting.left(one, "a", now), Some(Duration::from_secs(2)));
        assert_eq!(waiting.left(one, "b", now), None);
        assert_eq!(waiting.left(other, "a", now), None, "there is no room to remember it");
        assert_eq!(waiting.left(one, "a", now + Duration::from_secs(2)), None);
        waiting.forget(now + Duration::from_secs(2));
        waiting.note(other, "a", now + Duration::from_secs(9), 1);
        assert!(waiting.left(other, "a", now).is_some());
    }
}
