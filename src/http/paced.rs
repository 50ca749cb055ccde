//! A request body that must keep a pace: after a grace, every byte received earns time for the next ones, up to
//! [`CREDIT`], and for the request as a whole. Time in which nobody asked for more is ours and not the sender's: a slow
//! disk turns no one away.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};

use super::connections::{Phase, Place};
use crate::intake::form::TooSlow;

/// The slowest pace allowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Time before the pace counts.
    pub(super) grace: Duration,
    /// Bytes a second, at least 1.
    pub(super) bytes_per_second: u64,
}

/// Bytes for which a request may take a second longer: half a megabit, the slowest line on which people send files.
const LONGER: u64 = 64 << 10;

/// Time that what came fast can earn at most: a body that stalls for longer is over, however much of it is there.
const CREDIT: Duration = Duration::from_secs(20);

/// How much of a request's body has come.
#[derive(Debug, Default)]
pub(super) struct Received(AtomicU64);

impl Received {
    /// Time that it earned for the whole request.
    pub(super) fn earned(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed).saturating_mul(1_000) / LONGER)
    }
}

/// Waits until a request that began now has taken longer than `longest` and what its body earned.
pub(super) async fn overdue(longest: Duration, received: &Received) {
    let began = Instant::now();
    loop {
        let end = began + longest + received.earned();
        if Instant::now() >= end {
            return;
        }
        tokio::time::sleep_until(end).await;
    }
}

/// Until when more must have come.
#[derive(Debug)]
struct Allowance {
    pace: Pace,
    deadline: Instant,
    /// When the last bytes were handed on, until more is asked for.
    handed_on: Option<Instant>,
}

impl Allowance {
    fn new(pace: Pace, now: Instant) -> Self {
        Self { pace, deadline: now + pace.grace, handed_on: None }
    }

    /// More is asked for: what passed since the last bytes were handed on does not count. Whether the deadline moved.
    fn asked(&mut self, now: Instant) -> bool {
        let Some(handed_on) = self.handed_on.take() else { return false };
        self.deadline += now.saturating_duration_since(handed_on);
        true
    }

    /// So many bytes came and are handed on.
    fn came(&mut self, bytes: u64, now: Instant) {
        let earned = Duration::from_millis(bytes.saturating_mul(1_000) / self.pace.bytes_per_second.max(1));
        self.deadline = (self.deadline + earned).min(now + CREDIT.max(self.pace.grace));
        self.handed_on = Some(now);
    }
}

/// A body under a pace; too slow is the error [`TooSlow`]. Its connection counts as sending until the body is at its end
/// or nobody wants it any more.
#[derive(Debug)]
pub(super) struct PacedBody {
    body: Incoming,
    allowance: Allowance,
    received: Arc<Received>,
    deadline: Pin<Box<Sleep>>,
    place: Arc<Place>,
}

impl PacedBody {
    pub(super) fn new(body: Incoming, pace: Pace, received: Arc<Received>, connection: Arc<Place>) -> Self {
        connection.is_at(if body.is_end_stream() { Phase::Working } else { Phase::Coming });
        let allowance = Allowance::new(pace, Instant::now());
        let deadline = Box::pin(tokio::time::sleep_until(allowance.deadline));
        Self { body, allowance, received, deadline, place: connection }
    }
}

impl Drop for PacedBody {
    fn drop(&mut self) {
        self.place.is_at(Phase::Working);
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if this.allowance.asked(Instant::now()) {
            this.deadline.as_mut().reset(this.allowance.deadline);
        }
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    let more = data.len() as u64;
                    this.received.0.fetch_add(more, Ordering::Relaxed);
                    this.allowance.came(more, Instant::now());
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => {
                this.place.is_at(Phase::Working);
                Poll::Ready(None)
            }
            Poll::Pending if this.deadline.as_mut().poll(cx).is_ready() => Poll::Ready(Some(Err(TooSlow.into()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_disk_takes_is_not_the_senders_time_and_what_the_sender_takes_is() {
        let pace = Pace { grace: Duration::from_secs(5), bytes_per_second: 500 };
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut allowance = Allowance::new(pace, start);
        assert!(!allowance.asked(start));
        assert_eq!(allowance.deadline, at(5));
        allowance.came(1_000, at(1));
        assert_eq!(allowance.deadline, at(7), "two seconds earned");
        assert!(allowance.asked(at(41)), "the disk took forty seconds");
        assert_eq!(allowance.deadline, at(47), "and six are left, as before");
        assert!(!allowance.asked(at(45)) && allowance.deadline == at(47), "asking again earns nothing");
        allowance.came(1 << 20, at(46));
        assert_eq!(allowance.deadline, at(66), "no more than the credit is earned");
        allowance.asked(at(46));
        assert_eq!(allowance.deadline, at(66));
    }
}
