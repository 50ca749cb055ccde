//! What was counted under a name in the last minutes, for conditions that are to be told while they last.
//!
//! Invariant: memory is two counts for each name. Names are few: those of forms or hooks, never what a visitor sends.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Timestamp;

/// Time over which is counted: between one and two of these.
pub const WINDOW: Duration = Duration::from_mins(10);

/// A count, or several of one occasion.
pub trait Count: Copy + Default {
    /// Both together; at the most what can be counted.
    #[must_use]
    fn plus(self, other: Self) -> Self;
}

impl Count for usize {
    fn plus(self, other: Self) -> Self {
        self.saturating_add(other)
    }
}

#[derive(Debug)]
struct Turning<C> {
    since: Timestamp,
    now: C,
    before: C,
}

impl<C: Count> Turning<C> {
    /// Moves on to the window of `now`; what is counted in it and the one before.
    fn at(&mut self, now: Timestamp) -> C {
        let age = now.since(self.since);
        if age >= WINDOW {
            self.before = if age < WINDOW * 2 { self.now } else { C::default() };
            self.now = C::default();
            self.since = now;
        }
        self.now.plus(self.before)
    }
}

/// Counts by name.
#[derive(Debug)]
pub struct Lately<C>(Mutex<BTreeMap<String, Turning<C>>>);

impl<C> Default for Lately<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<C: Count> Lately<C> {
    /// Counts `more` under `name`; what there is now.
    pub fn note(&self, name: &str, more: C, now: Timestamp) -> C {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Turning { since: now, now: C::default(), before: C::default() };
        let turning = all.entry(name.to_owned()).or_insert_with(new);
        turning.at(now);
        turning.now = turning.now.plus(more);
        turning.now.plus(turning.before)
    }

    /// What there is under each name, in the order of names.
    pub fn counts(&self, now: Timestamp) -> Vec<(String, C)> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter_mut().map(|(name, turning)| (name.clone(), turning.at(now))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_lasts_for_one_window_at_least_and_two_at_most() {
        let (lately, start) = (Lately::<usize>::default(), Timestamp::from_seconds(1_000));
        let count = |at: Timestamp| lately.counts(at).first().map(|(_, count)| *count);
        assert_eq!(count(start), None);
        assert_eq!(lately.note("a", 2, start), 2);
        assert_eq!(lately.note("a", 1, start.after(WINDOW / 2)), 3);
        assert_eq!(count(start.after(WINDOW)), Some(3), "of the window before");
        assert_eq!(lately.note("a", 1, start.after(WINDOW)), 4);
        assert_eq!(count(start.after(WINDOW * 2)), Some(1));
        assert_eq!(count(start.after(WINDOW * 4)), Some(0));
    }
}
