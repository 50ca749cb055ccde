//! Taking a request's body in, within its limits.
//!
//! Invariants: `Content-Length` is believed only to refuse earlier; what is in memory is counted against the budget of
//! all requests before it is kept; a refused body gives its share back before the rest of it is thrown away.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt;

use super::budget::{Budget, Share};
use super::problem::Why;

/// After a refusal at most this much of the rest is read and thrown away, so that the client sees the answer instead of
/// a broken connection.
const DISCARDED: usize = 64 << 20;
/// And for at most this long.
const DISCARD_TIME: Duration = Duration::from_secs(5);
/// Room made at the start for a body that says how long it is, in bytes.
const FIRST: usize = 4_096;

/// The body came too slowly; the listener's pace says so as the body's error.
#[derive(Debug, thiserror::Error)]
#[error("the body arrived too slowly")]
pub struct TooSlow;

/// A body in memory, with its share of the budget.
#[derive(Debug)]
pub(in crate::intake) struct Taken {
    /// The bytes as sent.
    pub(in crate::intake) bytes: Vec<u8>,
    /// Given back when dropped.
    pub(in crate::intake) share: Share,
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
    let mut taken = Taken { bytes: Vec::with_capacity(announced.unwrap_or(0).min(FIRST)), share: budget.share() };
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| why(&error))?;
        let Some(data) = frame.data_ref() else { continue };
        if taken.bytes.len() + data.len() > limit {
            drop(taken);
            discard(body).await;
            return Err(Why::TooLarge { limit });
        }
        if !taken.share.grow(data.len()) {
            drop(taken);
            discard(body).await;
            return Err(Why::Busy);
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
