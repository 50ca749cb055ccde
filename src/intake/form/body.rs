//! Taking a request's body in, within its limits.
//!
//! Invariants: `Content-Length` is believed only to refuse earlier; what is in memory is counted against the budget of
//! all requests before it is kept, with the room made for what is still to come, and of a body that is still coming it is
//! little: the rest goes to disk; a refused body gives its share back before the rest of it is thrown away, one that was
//! taken when nobody holds its bytes any more.

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::sync::OwnedSemaphorePermit;

use super::FormSet;
use super::budget::Share;
use super::problem::Why;
use super::uploads::{OnDisk, Uploads};

/// After a refusal at most this much of the rest is read and thrown away, so that the client sees the answer instead of
/// a broken connection.
const DISCARDED: usize = 64 << 20;
/// And for at most this long.
const DISCARD_TIME: Duration = Duration::from_secs(5);
/// Of a body that is still coming at most this much is in memory. As many as there may be connections fit in.
const AT_ONCE: usize = 64 << 10;
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

    /// Adds what came; false when there is no memory for it. What is asked of the system is what is counted: as much as
    /// has come, and a part of it again so that room is seldom made, but no more than the `expected` bytes in all.
    fn add(&mut self, data: &[u8], expected: usize) -> bool {
        let (held, needed) = (self.bytes.capacity(), self.bytes.len().saturating_add(data.len()));
        if needed > held {
            let wanted = held.saturating_add(held / 4).clamp(FIRST, expected.max(FIRST)).max(needed);
            if !self.share.grow(wanted - held) {
                return false;
            }
            self.bytes.reserve_exact(wanted - self.bytes.len());
        }
        self.bytes.extend_from_slice(data);
        true
    }
}

/// A body that is still coming.
struct Coming<'u> {
    uploads: &'u Uploads,
    client: Option<IpAddr>,
    /// Its beginning; once the file is there only its share counts, for what the file has not written yet.
    start: Taken,
    file: Option<OnDisk<'u>>,
    /// Bytes so far.
    bytes: usize,
}

impl<'u> Coming<'u> {
    fn new(uploads: &'u Uploads, client: Option<IpAddr>) -> Self {
        let start = Taken { bytes: Vec::new(), share: uploads.memory.share() };
        Self { uploads, client, start, file: None, bytes: 0 }
    }

    async fn add(&mut self, data: &[u8], expected: usize) -> Result<(), Why> {
        self.bytes += data.len();
        if let Some(file) = &mut self.file {
            return self.uploads.write(file, data).await;
        }
        if self.bytes <= AT_ONCE {
            return if self.start.add(data, expected.min(AT_ONCE)) { Ok(()) } else { Err(Why::Busy) };
        }
        let mut file = self.uploads.open(self.client).await?;
        self.uploads.write(&mut file, &std::mem::take(&mut self.start.bytes)).await?;
        self.uploads.write(&mut file, data).await?;
        self.file = Some(file);
        Ok(())
    }

    /// All of it, in memory.
    async fn whole(self) -> Result<Taken, Why> {
        let Some(file) = self.file else { return Ok(self.start) };
        drop(self.start);
        let (bytes, share) = self.uploads.load(file).await?;
        Ok(Taken { bytes, share })
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
    take(Some(client), headers, body, limit, &set.uploads).await
}

/// Takes a body in, at most `limit` bytes. Of one `client` some large ones may come at one time; with none it is not
/// counted.
pub(in crate::intake) async fn take(
    client: Option<IpAddr>,
    headers: &HeaderMap,
    mut body: Body,
    limit: usize,
    uploads: &Uploads,
) -> Result<Taken, Why> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|size| size > limit) {
        if !headers.contains_key(header::EXPECT) {
            discard(body).await;
        }
        return Err(Why::TooLarge { limit });
    }
    let mut coming = Coming::new(uploads, client);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| why(&error))?;
        let Some(data) = frame.data_ref() else { continue };
        let refusal = if coming.bytes + data.len() > limit {
            Some(Why::TooLarge { limit })
        } else {
            coming.add(data, announced.unwrap_or(limit)).await.err()
        };
        if let Some(refusal) = refusal {
            drop((coming, frame));
            discard(body).await;
            return Err(refusal);
        }
    }
    coming.whole().await
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
    use super::super::budget::Budget;
    use super::*;
    use crate::config::http::LimitsConfig;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn the_room_that_is_made_is_counted_and_given_back_with_the_last_copy() {
        let budget = Budget::new(100_000);
        let mut taken = Taken { bytes: Vec::new(), share: budget.share() };
        for _ in 0..70 {
            assert!(taken.add(&[b'x'; 1_000], 70_000));
            assert_eq!(100_000 - budget.left(), taken.bytes.capacity(), "what is asked of the system is counted");
            assert!(taken.bytes.capacity() <= 70_000, "no more than was announced");
        }
        assert!(!taken.add(&vec![b'x'; 40_000], 200_000), "more than there is");
        assert_eq!(budget.left(), 100_000, "it gave up what it held");
        let mut taken = Taken { bytes: Vec::new(), share: budget.share() };
        assert!(taken.add(&[b'x'; 10], 10));
        let kept = taken.keep(None);
        let copy = kept.clone();
        drop(kept);
        assert!(budget.left() < 100_000);
        drop(copy);
        assert_eq!(budget.left(), 100_000);
    }

    #[tokio::test]
    async fn of_a_body_that_is_still_coming_little_is_in_memory_and_all_of_it_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let limits = LimitsConfig {
            uploads_dir: Some(folder.path().into()),
            uploads_reserve_bytes: 0,
            ..LimitsConfig::default()
        };
        let uploads = Uploads::new(&limits);
        let held = || limits.in_hand_bytes - uploads.memory.left();
        let sent: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
        let mut coming = Coming::new(&uploads, Some(HERE));
        for piece in sent.chunks(9_999) {
            coming.add(piece, sent.len()).await.unwrap();
            assert!(held() <= AT_ONCE, "{} bytes", held());
        }
        assert_eq!(limits.uploads_bytes - uploads.disk_left(), sent.len());
        let whole = coming.whole().await.unwrap().keep(None);
        assert!(whole == sent);
        assert_eq!((held(), uploads.disk_left()), (sent.len(), limits.uploads_bytes));
        drop(whole);
        assert_eq!(held(), 0);
    }

    #[tokio::test]
    async fn a_small_body_needs_no_disk() {
        let uploads = Uploads::new(&LimitsConfig {
            uploads_dir: Some("/proc/nothing/can/be/made/here".into()),
            ..LimitsConfig::default()
        });
        let mut coming = Coming::new(&uploads, Some(HERE));
        coming.add(&vec![b'x'; AT_ONCE], AT_ONCE).await.unwrap();
        let mut larger = Coming::new(&uploads, Some(HERE));
        assert!(larger.add(&vec![b'x'; AT_ONCE + 1], AT_ONCE + 1).await.is_err());
        assert_eq!(coming.whole().await.unwrap().bytes.len(), AT_ONCE);
    }
}
