//! Which files are complete. Pure: what was seen, and when, is told.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use tokio::time::Instant;

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Stamp {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) size: u64,
    pub(super) modified: (i64, i64),
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// Files seen and not yet complete, or complete and not yet gone.
#[derive(Debug, Default)]
pub(super) struct Settling(HashMap<OsString, (Stamp, Option<Instant>)>);

impl Settling {
    /// Takes what is in the folder now and answers what is complete: moved in as a whole, or unchanged for `settle`.
    pub(super) fn look(
        &mut self,
        files: Vec<(OsString, Stamp)>,
        moved_in: &HashSet<OsString>,
        now: Instant,
        settle: Duration,
    ) -> Vec<(OsString, Stamp)> {
        let mut next = HashMap::with_capacity(files.len());
        let mut ready = Vec::new();
        for (name, stamp) in files {
            // Since when it looks as it does; `None` = complete, whatever the time.
            let since = match self.0.get(&name) {
                _ if moved_in.contains(&name) => None,
                Some((seen, since)) if *seen == stamp => *since,
                _ => Some(now),
            };
            if since.is_none_or(|since| now.duration_since(since) >= settle) {
                ready.push((name.clone(), stamp));
            }
            next.insert(name, (stamp, since));
        }
        self.0 = next;
        ready
    }

    /// The file changed under the reader: it has to settle again.
    pub(super) fn again(&mut self, name: &OsStr) {
        self.0.remove(name);
    }

    /// The file is gone.
    pub(super) fn forget(&mut self, name: &OsStr) {
        self.0.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLE: Duration = Duration::from_secs(1);

    fn file(size: u64) -> Vec<(OsString, Stamp)> {
        vec![("a.eml".into(), Stamp { device: 1, inode: 2, size, modified: (3, 4) })]
    }

    #[test]
    fn a_growing_file_is_taken_only_when_it_stops_growing() {
        let mut settling = Settling::default();
        let none = HashSet::new();
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        assert!(settling.look(file(1), &none, at(0), SETTLE).is_empty());
        assert!(settling.look(file(2), &none, at(2), SETTLE).is_empty());
        assert!(settling.look(file(3), &none, at(4), SETTLE).is_empty());
        assert_eq!(settling.look(file(3), &none, at(5), SETTLE).len(), 1);
        assert_eq!(settling.look(file(3), &none, at(6), SETTLE).len(), 1, "until it is gone");
        settling.again(OsStr::new("a.eml"));
        assert!(settling.look(file(4), &none, at(7), SETTLE).is_empty());
    }

    #[test]
    fn a_file_moved_in_is_taken_at_once() {
        let mut settling = Settling::default();
        let moved = HashSet::from(["a.eml".into()]);
        assert_eq!(settling.look(file(1), &moved, Instant::now(), SETTLE).len(), 1);
    }
}
