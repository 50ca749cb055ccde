//! One target's turns, and how fast it takes deliveries: a full lane is waited for when it is quick, and its effects
//! are given back when it is slow.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

/// A full lane that will have room within this time is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// What to do with one more effect for a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// There is room.
    Room,
    /// Full, and quick: take it and claim no more until there is room.
    Brim,
    /// Full, and slow: give it back for this long.
    Later(Duration),
}

#[derive(Debug)]
struct Pace {
    load: usize,
    /// Usual time of one delivery.
    usual: Duration,
    /// When the last delivery ended, or the lane was last empty.
    moved: Instant,
}

/// The turns of one target.
#[derive(Debug)]
pub(super) struct Lane {
    /// Deliveries under way.
    pub(super) turns: Semaphore,
    /// Half of a full lane is free again.
    pub(super) room: Notify,
    width: usize,
    full: usize,
    pace: Mutex<Pace>,
}

impl Lane {
    /// A lane for `width` deliveries at once and `waiting` more.
    pub(super) fn new(width: usize, waiting: usize, now: Instant) -> Self {
        let pace = Pace { load: 0, usual: Duration::ZERO, moved: now };
        let full = width + waiting;
        Self { turns: Semaphore::new(width), room: Notify::new(), width, full, pace: Mutex::new(pace) }
    }

    fn pace(&self) -> std::sync::MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a place; unless the answer is [`Admission::Later`] it is taken.
    pub(super) fn enter(&self, longest: Duration, now: Instant) -> Admission {
        let mut pace = self.pace();
        if pace.load == 0 {
            pace.moved = now;
        }
        if pace.load < self.full {
            pace.load += 1;
            return Admission::Room;
        }
        let each = pace.usual.max(now.saturating_duration_since(pace.moved));
        let rounds = u32::try_from(pace.load / self.width.max(1)).unwrap_or(u32::MAX);
        let drain = each.saturating_mul(rounds);
        if drain > PATIENCE {
            return Admission::Later(drain.min(longest));
        }
        pace.load += 1;
        Admission::Brim
    }

    /// A delivery took this long.
    pub(super) fn took(&self, time: Duration, now: Instant) {
        let mut pace = self.pace();
        pace.usual = (pace.usual * 3 + time) / 4;
        pace.moved = now;
    }

    /// Gives a place back.
    pub(super) fn leave(&self) {
        let mut pace = self.pace();
        pace.load = pace.load.saturating_sub(1);
        if pace.load == self.full / 2 {
            self.room.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(10);

    #[test]
    fn a_quick_lane_is_waited_for_and_a_slow_one_is_not() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let lane = Lane::new(2, 2, start);
        for _ in 0..4 {
            assert_eq!(lane.enter(LONGEST, at(0)), Admission::Room);
        }
        assert_eq!(lane.enter(LONGEST, at(0)), Admission::Brim);
        assert_eq!(lane.enter(LONGEST, at(3)), Admission::Later(Duration::from_secs(6)));
        assert_eq!(lane.enter(LONGEST, at(180)), Admission::Later(LONGEST));
        lane.took(Duration::from_millis(5), at(180));
        assert_eq!(lane.enter(LONGEST, at(180)), Admission::Brim, "it moves again");
        for _ in 0..6 {
            lane.leave();
        }
        assert_eq!(lane.enter(LONGEST, at(600)), Admission::Room, "an empty lane is not slow");
    }
}
