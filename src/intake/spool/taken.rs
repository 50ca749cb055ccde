//! Files moved to `done/` a while ago: a writer that only paused goes on writing there.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::settle::Stamp;

/// How long a file is looked after.
const AFTER: Duration = Duration::from_mins(10);
/// Files looked after at most; the oldest are let go first.
const MOST: usize = 4_096;

/// What was moved to `done/` lately, oldest first.
#[derive(Debug, Default)]
pub(super) struct Done(VecDeque<(PathBuf, Stamp, Instant)>);

impl Done {
    /// Remembers a file that looked like `stamp` when it was read.
    pub(super) fn note(&mut self, path: PathBuf, stamp: Stamp, now: Instant) {
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back((path, stamp, now));
    }

    /// Files that changed since they were read; they are forgotten, and so is what is gone or old.
    pub(super) async fn grown(&mut self, now: Instant) -> Vec<PathBuf> {
        let mut grown = Vec::new();
        let mut kept = VecDeque::with_capacity(self.0.len());
        for (path, stamp, since) in std::mem::take(&mut self.0) {
            match tokio::fs::symlink_metadata(&path).await {
                Ok(metadata) if Stamp::of(&metadata) != stamp => grown.push(path),
                Ok(_) if now.duration_since(since) < AFTER => kept.push_back((path, stamp, since)),
                _ => {}
            }
        }
        self.0 = kept;
        grown
    }
}
