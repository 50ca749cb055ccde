//! How much work may go into reading one arrival: the steps that every loop draws on.
//!
//! A step is about one byte looked at by a rule. An honest arrival takes a few dozen steps a byte; whoever sends
//! something that would take thousands gets less interpreted, says a warning, and every word stays. Reading stays a
//! function of its input: the allowance depends on the length alone, no clock is asked.
//!
//! The allowance stands in the thread, not in every signature: it belongs to the one arrival that the thread reads
//! inside of [`within`], so that the rule that looks at one line can draw on it wherever it is called from. Outside of
//! [`within`] nothing is counted.

use std::cell::Cell;

/// Nothing is counted.
const UNBOUND: u64 = u64::MAX;

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(UNBOUND) };
}

/// Puts back what was there before, also when reading panics.
struct Restore(u64);

impl Drop for Restore {
    fn drop(&mut self) {
        LEFT.set(self.0);
    }
}

/// Does `work` with `steps` to draw on: what it gives, and the steps taken. Inside of another allowance it draws on both.
pub fn within<T>(steps: u64, work: impl FnOnce() -> T) -> (T, u64) {
    let outer = LEFT.get();
    let steps = steps.min(outer).min(UNBOUND - 1);
    let mut restore = Restore(outer);
    LEFT.set(steps);
    let done = work();
    let taken = steps - LEFT.get().min(steps);
    if outer != UNBOUND {
        restore.0 = outer.saturating_sub(taken);
    }
    (done, taken)
}

/// Draws `steps`; false when there are none left, and the loop ends with what it has.
pub fn pay(steps: usize) -> bool {
    let left = LEFT.get();
    if left == UNBOUND {
        return true;
    }
    let left = left.saturating_sub(steps as u64);
    LEFT.set(left);
    left > 0
}

/// Whether the allowance of the arrival that is being read is used up.
pub fn is_spent() -> bool {
    LEFT.get() == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_is_gone_until_the_next_arrival() {
        let (still, taken) = within(10, || [pay(4), pay(5), pay(1), pay(1)]);
        assert_eq!((still, taken), ([true, true, false, false], 10));
        assert_eq!(within(3, || (pay(1), is_spent())), ((true, false), 1));
        assert!(pay(1_000_000) && !is_spent(), "outside nothing is counted");
    }

    #[test]
    fn an_inner_allowance_draws_on_the_outer_one() {
        let (left, taken) = within(10, || {
            let (inner, taken) = within(100, || [pay(6), pay(1)]);
            assert_eq!((inner, taken), ([true, true], 7));
            let (inner, taken) = within(2, || [pay(1), pay(5)]);
            assert_eq!((inner, taken), ([true, false], 2));
            is_spent()
        });
        assert_eq!((left, taken), (false, 9));
    }

    #[test]
    fn a_panic_leaves_nothing_behind() {
        let caught = std::panic::catch_unwind(|| within(5, || std::panic::resume_unwind(Box::new("stop"))));
        assert!(caught.is_err() && pay(100));
    }
}
