//! The watched folder: a `.eml` or `.json` file moved into it is an arrival.
//!
//! Invariants:
//! - a file is moved to `done/` only after its arrival is journalled and synced; a crash between the two is recognised
//!   by a key made of the file itself (name, inode, time, size, content);
//! - a file still being written is not taken: moved in as a whole, or unchanged between two looks;
//! - what cannot be taken goes to `failed/` with a reason beside it; folders, links, hidden files and other names are
//!   left alone;
//! - a full disk, an absent database, or a file that the system cannot give at present leaves the files where they are;
//! - a file that goes on growing after it was taken comes back and is read again, as an arrival of its own.

mod arrival;
mod settle;
mod taken;

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use notify::event::{ModifyKind, RenameMode};
use notify::{EventKind, RecursiveMode, Watcher};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::arrival::Taken;
use self::settle::{Settling, Stamp};
use self::taken::Done;
use crate::clock::Timestamp;
use crate::config::http::SpoolConfig;
use crate::domain::plain;
use crate::intake::accept::Journal;
use crate::intake::form::FormSet;
use crate::store::{NewArrival, StoreError};

/// Files journalled in one transaction.
const BATCH_FILES: usize = 32;
/// Bytes journalled in one transaction, at least one file.
const BATCH_BYTES: usize = 16 << 20;
/// A file seen twice so far apart without a change is complete.
const SETTLE: Duration = Duration::from_secs(5);
/// Notices of moved files waiting; when full, the regular look finds them.
const NOTICES: usize = 1_024;

/// What the watched folder needs.
#[derive(Debug, Clone)]
pub struct SpoolDeps {
    /// Where arrivals are written down.
    pub journal: Journal,
    /// Forms in force, for `.json` files.
    pub forms: Arc<ArcSwap<FormSet>>,
}

/// How the watched folder is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpoolStatus {
    /// Files journalled since the start.
    pub taken: u64,
    /// Files moved to `failed/` since the start.
    pub failed: u64,
    /// Last look that ended well.
    pub last_look: Option<Timestamp>,
    /// What is wrong, one sentence; empty when well.
    pub problem: String,
}

/// Watches the folder in a task of `tracker` until `cancel`; the receiver tells how it is doing.
pub fn spawn(
    config: &SpoolConfig,
    deps: SpoolDeps,
    tracker: &TaskTracker,
    cancel: CancellationToken,
) -> watch::Receiver<SpoolStatus> {
    let (status, receiver) = watch::channel(SpoolStatus::default());
    let spool = Spool {
        folder: config.path.clone(),
        limit: config.file_bytes,
        deps,
        status,
        settling: Settling::default(),
        stuck: HashMap::new(),
        done: Done::default(),
    };
    tracker.spawn(spool.run(Duration::from_secs(config.poll_seconds.max(1)), cancel));
    receiver
}

/// Files that the system cannot give at present, and why.
#[derive(Debug, Default)]
struct Waiting {
    files: usize,
    reason: String,
}

struct Spool {
    folder: PathBuf,
    limit: u64,
    deps: SpoolDeps,
    status: watch::Sender<SpoolStatus>,
    settling: Settling,
    /// Files that are dealt with but cannot be moved away.
    stuck: HashMap<OsString, Stamp>,
    /// Files taken lately, whose writers may only have paused.
    done: Done,
}

impl Spool {
    async fn run(mut self, poll: Duration, cancel: CancellationToken) {
        let (notices, mut arrived) = mpsc::channel(NOTICES);
        let mut watcher = None;
        loop {
            let mut moved_in = HashSet::new();
            while let Ok(name) = arrived.try_recv() {
                moved_in.insert(name);
            }
            if let Err(error) = self.look(&moved_in).await {
                let folder = plain::path(&self.folder);
                self.tell(&format!(
                    "the watched folder {folder} cannot be used: {error}; check that it may be written"
                ));
            }
            if watcher.is_none() {
                watcher = watch_folder(&self.folder, notices.clone());
                if watcher.is_some() {
                    continue; // what came before the watch began
                }
            }
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(poll) => {}
                Some(name) = arrived.recv() => {
                    // Put it back, so that one loop gathers all.
                    if notices.try_send(name).is_err() {
                        tracing::trace!("the regular look will find the file");
                    }
                }
            }
        }
    }

    /// One look at the folder.
    async fn look(&mut self, moved_in: &HashSet<OsString>) -> std::io::Result<()> {
        for folder in [self.folder.clone(), self.folder.join("done"), self.folder.join("failed")] {
            tokio::fs::create_dir_all(folder).await?;
        }
        self.take_back().await;
        let files = candidates(&self.folder).await?;
        self.stuck.retain(|name, stamp| files.iter().any(|(n, s)| n == name && s == stamp));
        let ready = self.settling.look(files, moved_in, tokio::time::Instant::now(), SETTLE);
        let ready: Vec<_> = ready.into_iter().filter(|(name, _)| !self.stuck.contains_key(name)).collect();
        let mut batch = Vec::new();
        let (mut bytes, mut waiting) = (0, Waiting::default());
        for (name, stamp) in ready {
            bytes += self.take(name, stamp, &mut batch, &mut waiting).await;
            if batch.len() >= BATCH_FILES || bytes >= BATCH_BYTES {
                bytes = 0;
                if !self.journal(std::mem::take(&mut batch)).await {
                    return Ok(());
                }
            }
        }
        if self.journal(batch).await {
            let now = self.deps.journal.clock().now();
            self.status.send_modify(|status| status.last_look = Some(now));
            let mut problems = Vec::new();
            if !self.stuck.is_empty() {
                problems.push(format!("{} files cannot be moved away", self.stuck.len()));
            }
            if waiting.files > 0 {
                problems
                    .push(format!("{} files cannot be read at present and wait: {}", waiting.files, waiting.reason));
            }
            self.tell(&problems.join("; "));
        }
        Ok(())
    }

    /// Journals a batch and moves its files away. False when nothing can be written at present.
    async fn journal(&mut self, batch: Vec<(OsString, Stamp, Vec<NewArrival>)>) -> bool {
        if batch.is_empty() {
            return true;
        }
        let (files, arrivals): (Vec<_>, Vec<_>) = batch.into_iter().map(|(name, stamp, a)| ((name, stamp), a)).unzip();
        match self.deps.journal.accept_all(arrivals.into_iter().flatten().collect()).await {
            Ok(_) => {
                for (name, stamp) in files {
                    self.status.send_modify(|status| status.taken += 1);
                    self.put_away(&name, stamp).await;
                }
                true
            }
            Err(error @ (StoreError::Full(_) | StoreError::Away(_))) => {
                self.tell(&format!("files wait in the folder: {error}"));
                false
            }
            Err(error) if files.len() == 1 => {
                self.tell(&format!("files wait in the folder: {error}"));
                true
            }
            Err(_) => {
                // One of them may be the reason: each for itself, read again, because the bytes were given away.
                for (name, stamp) in files {
                    let mut one = Vec::new();
                    self.take(name, stamp, &mut one, &mut Waiting::default()).await;
                    if !Box::pin(self.journal(one)).await {
                        return false;
                    }
                }
                true
            }
        }
    }

    /// Reads a file into a batch, or deals with it otherwise; how many bytes the batch has grown by.
    async fn take(
        &mut self,
        name: OsString,
        stamp: Stamp,
        batch: &mut Vec<(OsString, Stamp, Vec<NewArrival>)>,
        waiting: &mut Waiting,
    ) -> usize {
        match arrival::take(&self.folder.join(&name), &name, stamp, self.limit, &self.deps).await {
            Taken::Arrivals(arrivals) => {
                let bytes = arrivals.iter().map(|arrival| arrival.envelope.raw.len()).sum();
                batch.push((name, stamp, arrivals));
                return bytes;
            }
            Taken::Changed => self.settling.again(&name),
            Taken::Later(reason) => *waiting = Waiting { files: waiting.files + 1, reason },
            Taken::Refused(reason) => self.refuse(&name, stamp, &reason).await,
        }
        0
    }

    /// Moves a journalled file to `done/`, unless it has grown since: then it is read again once it is quiet.
    async fn put_away(&mut self, name: &OsStr, stamp: Stamp) {
        let now = tokio::fs::symlink_metadata(self.folder.join(name)).await;
        if now.is_ok_and(|metadata| Stamp::of(&metadata) != stamp) {
            self.settling.again(name);
            return;
        }
        if let Some(target) = self.move_away(name, stamp, "done").await {
            self.done.note(target, stamp, tokio::time::Instant::now());
        }
    }

    /// Files in `done/` that grew after they were taken come back into the folder.
    async fn take_back(&mut self) {
        for path in self.done.grown(tokio::time::Instant::now()).await {
            let Some(name) = path.file_name() else { continue };
            let target = free_name(&self.folder, name).await;
            let shown = plain::path(Path::new(name));
            match tokio::fs::rename(&path, &target).await {
                Ok(()) => tracing::warn!(
                    file = shown,
                    "the file {shown} was still being written when it was taken; it is \
                    read again as a whole: move files in when they are complete"
                ),
                Err(error) => tracing::error!(
                    file = shown,
                    "the file {shown} in done/ was still being written when it was \
                    taken and cannot be moved back: {error}; move it into the folder again"
                ),
            }
        }
    }

    async fn refuse(&mut self, name: &OsStr, stamp: Stamp, reason: &str) {
        let shown = plain::path(Path::new(name));
        tracing::warn!(file = shown, "the file {shown} was not taken: {reason}");
        self.status.send_modify(|status| status.failed += 1);
        let moved = self.move_away(name, stamp, "failed").await;
        if let Some(target) = moved {
            let mut beside = target.into_os_string();
            beside.push(".reason.txt");
            if let Err(error) = tokio::fs::write(&beside, format!("{reason}\n")).await {
                tracing::warn!("the reason could not be written beside the file: {error}");
            }
        }
    }

    /// Moves a file that is dealt with; one that cannot be moved is remembered, so that it is not taken again.
    async fn move_away(&mut self, name: &OsStr, stamp: Stamp, to: &str) -> Option<PathBuf> {
        let folder = self.folder.join(to);
        let target = free_name(&folder, name).await;
        self.settling.forget(name);
        match tokio::fs::rename(self.folder.join(name), &target).await {
            Ok(()) => Some(target),
            Err(error) => {
                let (shown, folder) = (plain::path(Path::new(name)), plain::path(&folder));
                tracing::error!(file = shown, "the file {shown} cannot be moved to {folder}: {error}; move it by hand");
                self.stuck.insert(name.to_owned(), stamp);
                None
            }
        }
    }

    /// Sets the problem, and logs it when it is new.
    fn tell(&self, problem: &str) {
        let changed = self.status.send_if_modified(|status| {
            let changed = status.problem != problem;
            if changed {
                problem.clone_into(&mut status.problem);
            }
            changed
        });
        if changed && !problem.is_empty() {
            tracing::warn!("watched folder: {problem}");
        }
    }
}

/// Regular `.eml` and `.json` files of the folder, by name.
async fn candidates(folder: &Path) -> std::io::Result<Vec<(OsString, Stamp)>> {
    let mut entries = tokio::fs::read_dir(folder).await?;
    let mut files = Vec::new();
    while let Some(entry) = entries.next_entry().await? {
        let name = entry.file_name();
        if !is_wanted(&name) {
            continue;
        }
        // Does not follow links. A file that vanished meanwhile is no longer there to be taken.
        if let Ok(metadata) = entry.metadata().await
            && metadata.is_file()
        {
            files.push((name, Stamp::of(&metadata)));
        }
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(files)
}

fn is_wanted(name: &OsStr) -> bool {
    let kind = Path::new(name).extension().map(OsStr::to_ascii_lowercase);
    let hidden = name.as_encoded_bytes().first() == Some(&b'.');
    !hidden && kind.is_some_and(|kind| kind == "eml" || kind == "json")
}

/// `name` in `folder`, with a number before its extension when it is taken.
async fn free_name(folder: &Path, name: &OsStr) -> PathBuf {
    let plain = folder.join(name);
    let stem = Path::new(name).file_stem().unwrap_or(name);
    let kind = Path::new(name).extension().unwrap_or_default();
    let mut target = plain;
    let mut number = 0_u64;
    while tokio::fs::symlink_metadata(&target).await.is_ok() {
        number += 1;
        let mut file = stem.to_owned();
        file.push(format!("-{number}."));
        file.push(kind);
        target = folder.join(file);
    }
    target
}

/// Notices of files moved in as a whole; `None` when the system cannot watch, then the regular look does it all.
fn watch_folder(folder: &Path, notices: mpsc::Sender<OsString>) -> Option<notify::RecommendedWatcher> {
    let heard = move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        if !matches!(event.kind, EventKind::Modify(ModifyKind::Name(RenameMode::To))) {
            return;
        }
        for name in event.paths.iter().filter_map(|path| path.file_name()) {
            if notices.try_send(name.to_owned()).is_err() {
                tracing::trace!("the regular look will find the file");
            }
        }
    };
    let watching = notify::recommended_watcher(heard)
        .and_then(|mut watcher| watcher.watch(folder, RecursiveMode::NonRecursive).map(|()| watcher));
    watching.inspect_err(|error| tracing::debug!("the folder cannot be watched, only looked at: {error}")).ok()
}
