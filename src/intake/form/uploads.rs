//! Large bodies while they come: on disk, in files without a name.
//!
//! Invariants: such a file is gone with the process or the request, whatever ends them; what lies on disk is counted
//! before it is written, and leaves the reserve that the journal lives on; a body is in memory whole only when its last
//! byte has come, within the memory of all bodies.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use super::budget::{Budget, Share};
use super::problem::Why;
use super::unfinished::{Coming, Unfinished};
use crate::config::http::LimitsConfig;
use crate::telemetry::seldom::Seldom;

/// A body that is whole waits at most so long for memory.
const WAIT: Duration = Duration::from_secs(10);

/// Large bodies that one client may have on the way at one time.
const OF_ONE_CLIENT: usize = 8;

/// Bytes of a body on their way to the disk.
const UNWRITTEN: usize = 64 << 10;

/// Bytes of all bodies that are written between two looks at the free space.
const UNSEEN: usize = 4 << 20;

/// Where bodies are while they come.
#[derive(Debug)]
pub struct Uploads {
    folder: PathBuf,
    disk: Arc<Budget>,
    /// Free space that is left to everything else.
    reserve: u64,
    /// Bytes written since the last look at the free space.
    unseen: AtomicUsize,
    /// Memory for bodies.
    pub memory: Arc<Budget>,
    clients: Unfinished,
    /// Why the last body could not be kept.
    trouble: Mutex<Option<String>>,
    warned: Seldom,
}

/// The first part of a body, or all of it, on disk.
#[derive(Debug)]
pub(super) struct OnDisk<'u> {
    file: File,
    bytes: usize,
    share: Share,
    _of_client: Option<Coming<'u>>,
}

impl Uploads {
    /// As the limits say.
    #[must_use]
    pub fn new(limits: &LimitsConfig) -> Self {
        Self {
            folder: limits.uploads_dir.clone().unwrap_or_else(std::env::temp_dir),
            disk: Budget::new(limits.uploads_bytes),
            reserve: limits.uploads_reserve_bytes,
            unseen: AtomicUsize::new(0),
            memory: Budget::new(limits.in_hand_bytes),
            clients: Unfinished::new(OF_ONE_CLIENT),
            trouble: Mutex::default(),
            warned: Seldom::default(),
        }
    }

    /// Why large bodies are turned away, until one is kept again or could be.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.said().clone()
    }

    /// After trouble, looks whether a body could be kept again: it may be long until the next one comes.
    pub async fn look_again(&self) {
        if self.trouble().is_none() {
            return;
        }
        let (folder, reserve) = (self.folder.clone(), self.reserve);
        let tried = aside(move || {
            let mut file = nameless(&folder)?;
            io::Write::write_all(&mut file, &vec![0; UNWRITTEN])?;
            Ok(has_room(&folder, reserve))
        });
        match tried.await {
            Ok(true) => self.is_well(),
            Ok(false) => self.is_tight(),
            Err(error) => *self.said() = Some(self.why_broken(&error)),
        }
    }

    fn said(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_well(&self) {
        *self.said() = None;
    }

    /// Bytes that may still be written.
    #[must_use]
    pub fn disk_left(&self) -> usize {
        self.disk.left()
    }

    /// A new file for a body of `client`, `None` for one that is not counted; [`Why::Busy`] when it has many on the way, or
    /// the disk has no room.
    pub(super) async fn open(&self, client: Option<IpAddr>) -> Result<OnDisk<'_>, Why> {
        let of_client = client.map(|client| self.clients.admit(client).ok_or(Why::Busy)).transpose()?;
        let (folder, reserve) = (self.folder.clone(), self.reserve);
        let opened = aside(move || Ok((nameless(&folder)?, has_room(&folder, reserve)))).await;
        let (file, has_room) = opened.map_err(|error| self.broken(&error))?;
        if !has_room {
            return Err(self.tight());
        }
        let mut file = File::from_std(file);
        file.set_max_buf_size(UNWRITTEN);
        Ok(OnDisk { file, bytes: 0, share: self.disk.share(), _of_client: of_client })
    }

    /// Writes on. When the disk may not hold more, [`Why::Busy`].
    pub(super) async fn write(&self, to: &mut OnDisk<'_>, bytes: &[u8]) -> Result<(), Why> {
        if !to.share.grow(bytes.len()) {
            if let Some(times) = self.warned.due("full", Instant::now()) {
                tracing::warn!(
                    times,
                    "large bodies on their way fill limits.uploads_bytes: {times} were told to come back"
                );
            }
            return Err(Why::Busy);
        }
        if self.unseen.fetch_add(bytes.len(), Ordering::Relaxed) >= UNSEEN {
            self.unseen.store(0, Ordering::Relaxed);
            let (folder, reserve) = (self.folder.clone(), self.reserve);
            let looked = aside(move || Ok(has_room(&folder, reserve))).await;
            if !looked.map_err(|error| self.broken(&error))? {
                to.share.empty();
                return Err(self.tight());
            }
        }
        to.bytes += bytes.len();
        to.file.write_all(bytes).await.map_err(|error| self.broken(&error))
    }

    /// What was written, in memory with its share of it, as soon as there is room for so much.
    pub(super) async fn load(&self, from: OnDisk<'_>) -> Result<(Vec<u8>, Share), Why> {
        let OnDisk { mut file, bytes, share: on_disk, _of_client: of_client } = from;
        let share = tokio::time::timeout(WAIT, self.memory.wait_for(bytes)).await.map_err(|_| Why::Busy)?;
        let mut whole = Vec::with_capacity(bytes);
        let read = async {
            file.flush().await?;
            file.rewind().await?;
            // The library reads straight into what is left of the room, a piece at a time.
            while whole.len() < bytes && file.read_buf(&mut whole).await? > 0 {}
            io::Result::Ok(())
        };
        read.await.map_err(|error| self.broken(&error))?;
        if whole.len() != bytes {
            return Err(self.broken(&io::ErrorKind::UnexpectedEof.into()));
        }
        drop((file, on_disk, of_client));
        self.is_well();
        Ok((whole, share))
    }

    fn why_broken(&self, error: &io::Error) -> String {
        let folder = self.folder.display();
        format!(
            "a large body could not be kept in {folder} while it came ({error}): free the disk or set limits.uploads_dir to a \
             folder that Pisteur may write"
        )
    }

    fn broken(&self, error: &io::Error) -> Why {
        let said = self.why_broken(error);
        if let Some(times) = self.warned.due("broken", Instant::now()) {
            tracing::error!(folder = %self.folder.display(), %error, times, "{said}");
        }
        *self.said() = Some(said);
        Why::Unavailable
    }

    fn is_tight(&self) {
        *self.said() = Some(format!(
            "large bodies are told to come back: the disk of {} has less than {} MB free (limits.uploads_reserve_bytes)",
            self.folder.display(),
            self.reserve / 1_000_000
        ));
    }

    /// Nothing is broken yet, and shall not be: the journal lives on the same disk, or somebody else does.
    fn tight(&self) -> Why {
        self.is_tight();
        if let Some(times) = self.warned.due("tight", Instant::now()) {
            let (folder, reserve) = (self.folder.display(), self.reserve);
            tracing::error!(
                %folder, times, reserve,
                "the disk of {folder} has less free space than limits.uploads_reserve_bytes: {times} large bodies were told \
                 to come back"
            );
        }
        Why::Busy
    }
}

/// Work with files beside the threads that talk to everybody.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|gone| Err(io::Error::other(gone)))
}

/// Whether the disk of `folder` has more than `reserve` bytes free. A disk that does not tell has.
fn has_room(folder: &Path, reserve: u64) -> bool {
    reserve == 0
        || rustix::fs::statvfs(folder).map_or(true, |disk| disk.f_bavail.saturating_mul(disk.f_frsize) > reserve)
}

/// A file in `folder` that no one else can open, and that the system removes when it is closed. The folder is made if it
/// is not there.
fn nameless(folder: &Path) -> io::Result<std::fs::File> {
    tempfile::tempfile_in(folder).or_else(|error| {
        if error.kind() != io::ErrorKind::NotFound {
            return Err(error);
        }
        std::fs::create_dir_all(folder)?;
        tempfile::tempfile_in(folder)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn uploads(folder: &Path, disk: usize, memory: usize) -> Uploads {
        let limits = LimitsConfig {
            uploads_dir: Some(folder.to_path_buf()),
            uploads_bytes: disk,
            uploads_reserve_bytes: 0,
            in_hand_bytes: memory,
            ..LimitsConfig::default()
        };
        Uploads::new(&limits)
    }

    #[tokio::test]
    async fn what_was_written_is_read_back_to_the_last_byte_and_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let uploads = uploads(&folder.path().join("not/there/yet"), 4 << 20, 4 << 20);
        let sent: Vec<u8> = (0..3_000_001_u32).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
        let mut file = uploads.open(Some(HERE)).await.unwrap();
        for piece in sent.chunks(70_001) {
            uploads.write(&mut file, piece).await.unwrap();
        }
        assert_eq!(uploads.disk_left(), (4 << 20) - sent.len());
        assert_eq!(std::fs::read_dir(folder.path().join("not/there/yet")).unwrap().count(), 0, "it has no name");
        let (read, share) = uploads.load(file).await.unwrap();
        assert!(read == sent && read.capacity() == sent.len());
        assert_eq!((uploads.disk_left(), uploads.memory.left()), (4 << 20, (4 << 20) - sent.len()));
        drop(share);
        assert_eq!(uploads.memory.left(), 4 << 20);
    }

    #[tokio::test]
    async fn the_disk_holds_no_more_than_it_may_and_a_folder_that_is_none_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let limited = uploads(folder.path(), 1_000, 1_000);
        let mut file = limited.open(Some(HERE)).await.unwrap();
        limited.write(&mut file, &[0; 600]).await.unwrap();
        assert!(matches!(limited.write(&mut file, &[0; 600]).await, Err(Why::Busy)));
        assert_eq!(limited.disk_left(), 1_000, "it gave up what it held");
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let broken = uploads(&file, 1, 1);
        assert!(broken.trouble().is_none());
        assert!(matches!(broken.open(Some(HERE)).await, Err(Why::Unavailable)));
        assert!(broken.trouble().is_some_and(|said| said.contains("limits.uploads_dir")));
        broken.look_again().await;
        assert!(broken.trouble().is_some(), "nothing has changed");
        std::fs::remove_file(&file).unwrap();
        broken.look_again().await;
        assert!(broken.trouble().is_none(), "no body has to come for that");
    }

    #[tokio::test]
    async fn the_disk_keeps_its_reserve_whatever_comes() {
        let folder = tempfile::tempdir().unwrap();
        let mut uploads = uploads(folder.path(), usize::MAX >> 1, 1_000);
        let mut open = uploads.open(Some(HERE)).await.unwrap();
        uploads.write(&mut open, &[0; 600]).await.unwrap();
        drop(open);
        // More than any disk has: as if it were full but for the reserve.
        uploads.reserve = u64::MAX;
        assert!(matches!(uploads.open(Some(HERE)).await, Err(Why::Busy)));
        assert!(uploads.trouble().is_some_and(|said| said.contains("limits.uploads_reserve_bytes")));
        uploads.look_again().await;
        assert!(uploads.trouble().is_some(), "it is as full as before");
        uploads.reserve = 0;
        uploads.look_again().await;
        assert!(uploads.trouble().is_none());
    }

    #[tokio::test]
    async fn a_body_that_is_on_its_way_ends_when_the_disk_comes_near_its_reserve() {
        let (folder, whole) = (tempfile::tempdir().unwrap(), 64 << 20);
        let (before, mut now) = (uploads(folder.path(), whole, 1_000), uploads(folder.path(), whole, 1_000));
        now.reserve = u64::MAX;
        let mut open = before.open(Some(HERE)).await.unwrap();
        let (piece, mut written) = (vec![7; UNWRITTEN], 0);
        let ended = loop {
            match now.write(&mut open, &piece).await {
                Ok(()) => written += UNWRITTEN,
                Err(why) => break why,
            }
        };
        assert!(matches!(ended, Why::Busy) && now.trouble().is_some_and(|said| said.contains("reserve")));
        assert!((1..=UNSEEN).contains(&written), "{written}: it is looked at every few MiB");
        assert_eq!(before.disk_left(), whole, "it gave up what it held");
    }

    #[tokio::test]
    async fn one_client_has_only_some_on_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let uploads = uploads(folder.path(), 1_000, 1_000);
        let mut open = Vec::new();
        for _ in 0..OF_ONE_CLIENT {
            open.push(uploads.open(Some(HERE)).await.unwrap());
        }
        assert!(matches!(uploads.open(Some(HERE)).await, Err(Why::Busy)));
        assert!(uploads.open("198.51.100.1".parse().ok()).await.is_ok(), "another one");
        assert!(uploads.open(None).await.is_ok(), "who has proven itself is not counted");
        open.pop();
        assert!(uploads.open(Some(HERE)).await.is_ok());
    }
}
