//! A circuit breaker: a service that failed several times running is left alone for a while, then one question tries it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Failures running that open it.
const FAILURES: u32 = 5;
/// Time for which it stays open.
const PAUSE: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
}

impl Breaker {
    /// Whether the service may be asked at `now`. When the pause is over, one question may, and the others wait on.
    pub(super) fn admits(&self, now: Instant) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.open_until {
            Some(until) if now < until => false,
            Some(_) => {
                state.open_until = Some(now + PAUSE);
                true
            }
            None => true,
        }
    }

    /// Notes an answer.
    pub(super) fn answered(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }

    /// Notes a failure; true when this one opens it.
    pub(super) fn failed(&self, now: Instant) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures = state.failures.saturating_add(1);
        let opens = state.failures >= FAILURES && state.open_until.is_none();
        if state.failures >= FAILURES {
            state.open_until = Some(now + PAUSE);
        }
        opens
    }

    /// Whether it is open at `now`: when nobody comes to try the service, it is not called away for ever.
    pub(super) fn is_open(&self, now: Instant) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).open_until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_running_and_one_question_tries_it_later() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        for n in 1..FAILURES {
            assert!(!breaker.failed(start) && breaker.admits(start), "{n}");
        }
        breaker.answered();
        for _ in 1..FAILURES {
            assert!(!breaker.failed(start));
        }
        assert!(breaker.failed(start) && breaker.is_open(start) && !breaker.admits(start));
        let later = start + PAUSE;
        assert!(!breaker.is_open(later), "nobody came meanwhile: nothing is known against it");
        assert!(breaker.admits(later), "one tries");
        assert!(!breaker.admits(later), "the others do not");
        assert!(!breaker.failed(later) && !breaker.admits(later), "said once");
        assert!(breaker.admits(later + PAUSE));
        breaker.answered();
        assert!(breaker.admits(later) && !breaker.is_open(later));
    }
}
