//! Taking a request's body in, within its limits.
//!
//! Invariants: `Content-Length` is believed only to refuse earlier; what is in memory is counted against the budget of
//! all requests before it is kept, with the room made for what is still to come; a refused body gives its share back
//! before the rest of it is thrown away, one that was taken when nobody holds its bytes any more.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::sync::OwnedSemaphorePermit;

use super::FormSet;
use super::budget::{Budget, Share};
use super::problem::Why;

/// After a refusal at most this much of the rest is read and thrown away, so that the client sees the answer instead of
/// a broken connection.
const DISCARDED: usize = 64 << 20;
/// And for at most this long.
const DISCARD_TIME: Duration = Duration::from_secs(5);
/// Room made at the start, in bytes.
const FIRST: usize = 4_096;

/// The body came too slowly; the listener's pace says so as the body's error.
#[derive(Debug, thiserror::Error)]
#[error("the body arrived too slowly")]
pub struct TooSlow;

/// A body in memory, with its share of the budget.
#[derive(Debug)]
pub(in crate::intake) struct Taken {
    bytes: Vec<u8>,
    share: Share,
}

/// What owns the bytes of a body: whoever holds them last gives back what they took.
struct Held {
    bytes: Vec<u8>,
    _share: Share,
    _turn: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Taken {
    /// The bytes, to be handed on without being copied. Their share of the memory and their turn go with them.
    pub(in crate::intake) fn keep(self, turn: Option<OwnedSemaphorePermit>) -> Bytes {
        Bytes::from_owner(Held { bytes: self.bytes, _share: self.share, _turn: turn })
    }

    /// Makes room for `more` bytes, of `expected` in all; false when there is no memory for them. What is asked of the
    /// system is what is counted: as much as has come, and a part of it again so that room is seldom made.
    fn reserve(&mut self, more: usize, expected: usize) -> bool {
        let (held, needed) = (self.bytes.capacity(), self.bytes.len().saturating_add(more));
        if needed <= held {
            return true;
        }
        let wanted = held.saturating_add(held / 4).clamp(FIRST, expected.max(FIRST)).max(needed);
        if !self.share.grow(wanted - held) {
            return false;
        }
        self.bytes.reserve_exact(wanted - self.bytes.len());
        true
    }
}

/// Takes the body of `client` in, at most `limit` bytes, unless that client has too many unfinished ones.
pub(in crate::intake) async fn take_from(
    client: IpAddr,
    set: &FormSet,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<Taken, Why> {
    let Some(_coming) = set.unfinished.admit(client) else {
        discard(body).await;
        return Err(Why::Busy);
    };
    take(headers, body, limit, &set.in_hand_bytes).await
}

/// Takes the body in, at most `limit` bytes.
pub(in crate::intake) async fn take(
    headers: &HeaderMap,
    mut body: Body,
    limit: usize,
    budget: &Arc<Budget>,
) -> Result<Taken, Why> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|size| size > limit) {
        if !headers.contains_key(header::EXPECT) {
            discard(body).await;
        }
        return Err(Why::TooLarge { limit });
    }
    let mut taken = Taken { bytes: Vec::new(), share: budget.share() };
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| why(&error))?;
        let Some(data) = frame.data_ref() else { continue };
        let refusal = if taken.bytes.len() + data.len() > limit {
            Some(Why::TooLarge { limit })
        } else {
            (!taken.reserve(data.len(), announced.unwrap_or(limit))).then_some(Why::Busy)
        };
        if let Some(refusal) = refusal {
            drop((taken, frame));
            discard(body).await;
            return Err(refusal);
        }
        taken.bytes.extend_from_slice(data);
    }
    Ok(taken)
}

/// Reads and throws away what still comes.
pub(in crate::intake) async fn discard(mut body: Body) {
    let reading = async {
        let mut seen = 0;
        while seen < DISCARDED {
            match body.frame().await {
                Some(Ok(frame)) => seen += frame.data_ref().map_or(0, bytes::Bytes::len),
                _ => break,
            }
        }
    };
    if tokio::time::timeout(DISCARD_TIME, reading).await.is_err() {
        tracing::debug!("gave up on the rest of a refused body");
    }
}

fn why(error: &(dyn Error + 'static)) -> Why {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<TooSlow>() {
            return Why::TooSlow;
        }
        cause = error.source();
    }
    Why::BrokenOff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_that_is_made_is_counted_and_given_back_with_the_last_copy() {
        let budget = Budget::new(100_000);
        let mut taken = Taken { bytes: Vec::new(), share: budget.share() };
        for _ in 0..70 {
            assert!(taken.reserve(1_000, 70_000));
            taken.bytes.extend_from_slice(&[b'x'; 1_000]);
            assert_eq!(100_000 - budget.left(), taken.bytes.capacity(), "what is asked of the system is counted");
            assert!(taken.bytes.capacity() <= 70_000, "no more than was announced");
        }
        assert!(!taken.reserve(40_000, 200_000), "more than there is");
        assert_eq!(budget.left(), 100_000, "it gave up what it held");
        let mut taken = Taken { bytes: Vec::new(), share: budget.share() };
        assert!(taken.reserve(10, 10));
        let kept = taken.keep(None);
        let copy = kept.clone();
        drop(kept);
        assert!(budget.left() < 100_000);
        drop(copy);
        assert_eq!(budget.left(), 100_000);
    }
}
