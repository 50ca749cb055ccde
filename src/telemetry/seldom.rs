//! Warnings that anybody outside can provoke: at most one a minute under each name, with how often it happened.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two warnings under one name.
const PAUSE: Duration = Duration::from_secs(60);

/// What was warned of lately, by name. Names are few: those of forms or listeners, never what a visitor sends.
#[derive(Debug, Default)]
pub struct Seldom {
    told: Mutex<HashMap<String, (Instant, u64)>>,
}

impl Seldom {
    /// Notes one more; how many there were since the last warning when another one is due at `now`.
    pub fn due(&self, name: &str, now: Instant) -> Option<u64> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match told.get_mut(name) {
            Some((since, kept)) if now.saturating_duration_since(*since) < PAUSE => {
                *kept = kept.saturating_add(1);
                None
            }
            Some(entry) => {
                let (_, kept) = std::mem::replace(entry, (now, 0));
                Some(kept.saturating_add(1))
            }
            None => {
                told.insert(name.to_owned(), (now, 0));
                Some(1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_warning_a_minute_with_its_count() {
        let (seldom, start) = (Seldom::default(), Instant::now());
        assert_eq!(seldom.due("a", start), Some(1));
        for second in 1..60 {
            assert_eq!(seldom.due("a", start + Duration::from_secs(second)), None);
        }
        assert_eq!(seldom.due("b", start + Duration::from_secs(59)), Some(1));
        assert_eq!(seldom.due("a", start + Duration::from_secs(60)), Some(60));
    }
}
