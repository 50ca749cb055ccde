//! Memory of all bodies that are on their way in.
//!
//! Invariant: a share that cannot grow is empty from that moment on. So of bodies that are too much together, one always
//! gets through: the last one finds what all others gave up.

use std::sync::{Arc, Mutex, PoisonError};

/// Bytes left for bodies.
#[derive(Debug)]
pub struct Budget(Mutex<usize>);

/// What one body holds; given back when dropped.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    /// A budget of so many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(bytes)))
    }

    /// Bytes that nobody holds.
    #[must_use]
    pub fn left(&self) -> usize {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A share of nothing yet.
    #[must_use]
    pub fn share(self: &Arc<Self>) -> Share {
        Share { budget: Arc::clone(self), bytes: 0 }
    }
}

impl Share {
    /// Holds so many bytes more. Where there is no room for them, `false`, and it holds none at all.
    pub fn grow(&mut self, bytes: usize) -> bool {
        let mut left = self.budget.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rest) = left.checked_sub(bytes) {
            *left = rest;
            self.bytes += bytes;
            true
        } else {
            *left += std::mem::take(&mut self.bytes);
            false
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        *self.budget.0.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_grows_while_there_is_room_and_comes_back() {
        let budget = Budget::new(10);
        let mut share = budget.share();
        assert!(share.grow(4) && share.grow(6) && share.grow(0));
        assert_eq!(budget.left(), 0);
        drop(share);
        assert_eq!(budget.left(), 10);
    }

    #[test]
    fn a_share_that_cannot_grow_leaves_its_room_to_others_at_once() {
        let budget = Budget::new(10);
        let (mut first, mut second) = (budget.share(), budget.share());
        assert!(first.grow(5) && second.grow(5));
        assert!(!first.grow(1), "nothing is left");
        assert!(second.grow(5), "what the first one held");
        drop(first);
        assert_eq!(budget.left(), 0);
        drop(second);
        assert_eq!(budget.left(), 10);
    }
}
