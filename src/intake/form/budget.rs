//! Memory, or disk, of all bodies that are on their way in.
//!
//! Invariants: a share that cannot grow is empty from that moment on. So of bodies that are too much together, one always
//! gets through: the last one finds what all others gave up. Who waits for room gets it in the order of coming.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// Bytes left for bodies.
#[derive(Debug)]
pub struct Budget {
    left: Mutex<usize>,
    queue: tokio::sync::Mutex<()>,
    freed: Notify,
}

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
        Arc::new(Self { left: Mutex::new(bytes), queue: tokio::sync::Mutex::default(), freed: Notify::new() })
    }

    /// Bytes that nobody holds.
    #[must_use]
    pub fn left(&self) -> usize {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A share of nothing yet.
    #[must_use]
    pub fn share(self: &Arc<Self>) -> Share {
        Share { budget: Arc::clone(self), bytes: 0 }
    }

    /// A share of so many bytes, as soon as there is room for them. More than the budget was made with never is.
    pub async fn wait_for(self: &Arc<Self>, bytes: usize) -> Share {
        let _turn = self.queue.lock().await;
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            // From here on nothing that is given back is missed.
            freed.as_mut().enable();
            let mut share = self.share();
            if share.grow(bytes) {
                return share;
            }
            freed.await;
        }
    }

    fn give_back(&self, bytes: usize) {
        if bytes > 0 {
            *self.left.lock().unwrap_or_else(PoisonError::into_inner) += bytes;
            self.freed.notify_waiters();
        }
    }
}

impl Share {
    /// Holds so many bytes more. Where there is no room for them, `false`, and it holds none at all.
    pub fn grow(&mut self, bytes: usize) -> bool {
        let mut left = self.budget.left.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rest) = left.checked_sub(bytes) {
            *left = rest;
            self.bytes += bytes;
            return true;
        }
        drop(left);
        self.empty();
        false
    }

    /// Gives back what it holds.
    pub fn empty(&mut self) {
        self.budget.give_back(std::mem::take(&mut self.bytes));
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.empty();
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

    #[tokio::test]
    async fn who_waits_for_room_gets_it_in_the_order_of_coming() {
        let budget = Budget::new(10);
        let mut held = budget.share();
        assert!(held.grow(8));
        let (mut large, mut small) = (Box::pin(budget.wait_for(9)), Box::pin(budget.wait_for(1)));
        assert!(futures::poll!(&mut large).is_pending(), "there is no room");
        assert!(futures::poll!(&mut small).is_pending(), "it came later");
        drop(held);
        let large = large.await;
        drop((large, small.await));
        assert_eq!(budget.left(), 10);
    }

    #[tokio::test]
    async fn whoever_stops_waiting_takes_nothing_along() {
        let budget = Budget::new(10);
        let mut held = budget.share();
        assert!(held.grow(8));
        let mut gone = Box::pin(budget.wait_for(9));
        assert!(futures::poll!(&mut gone).is_pending());
        drop(gone);
        drop(held);
        assert_eq!(budget.wait_for(10).await.bytes, 10);
        assert_eq!(budget.left(), 10);
    }
}
