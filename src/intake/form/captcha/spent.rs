//! Tokens that were used: in the database, and in memory while it is away.
//!
//! Invariant: memory is bounded; when it is full of tokens that still count, nothing more can be told, which is said.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::intake::accept::Journal;

/// Tokens remembered while the database is away.
const REMEMBERED: usize = 50_000;
/// Longest time the database is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Tokens used while the database was away.
#[derive(Debug, Default)]
pub(in crate::intake::form) struct Spent {
    here: Mutex<HashMap<String, Timestamp>>,
}

impl Spent {
    /// Uses a token that counts until `expires_at`: false when it was used before, `None` when that cannot be told.
    pub(in crate::intake::form) async fn spend(
        &self,
        journal: &Journal,
        token: &str,
        expires_at: Timestamp,
    ) -> Option<bool> {
        if self.holds(token) {
            return Some(false);
        }
        match tokio::time::timeout(PATIENCE, journal.spend(token, expires_at)).await {
            Ok(Ok(fresh)) => Some(fresh),
            _ => self.remember(token, expires_at, journal.clock().now()),
        }
    }

    fn holds(&self, token: &str) -> bool {
        self.here.lock().unwrap_or_else(PoisonError::into_inner).contains_key(token)
    }

    fn remember(&self, token: &str, expires_at: Timestamp, now: Timestamp) -> Option<bool> {
        let mut here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        if here.len() >= REMEMBERED {
            here.retain(|_, ends| *ends > now);
        }
        if here.len() >= REMEMBERED {
            return None;
        }
        Some(here.insert(token.to_owned(), expires_at).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_gives_up_what_ran_out() {
        let (spent, now) = (Spent::default(), Timestamp::from_seconds(1_000));
        let soon = now.after(Duration::from_secs(1));
        for n in 0..REMEMBERED {
            assert_eq!(spent.remember(&n.to_string(), soon, now), Some(true));
        }
        assert_eq!(spent.remember("one more", soon, now), None);
        assert!(spent.holds("7"));
        let later = now.after(Duration::from_secs(2));
        assert_eq!(spent.remember("one more", later, later), Some(true));
        assert_eq!(spent.remember("one more", later, later), Some(false));
        assert!(!spent.holds("7"));
    }
}
