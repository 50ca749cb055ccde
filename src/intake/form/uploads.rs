//! Large bodies while they come: on disk, in files without a name.
//!
//! Invariants: such a file is gone with the process or the request, whatever ends them; what lies on disk is counted
//! before it is written; a body is in memory whole only when its last byte has come, within the memory of all bodies.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
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

/// Where bodies are while they come.
#[derive(Debug)]
pub struct Uploads {
    folder: PathBuf,
    disk: Arc<Budget>,
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
    _of_client: Coming<'u>,
}

impl Uploads {
    /// As the limits say.
    #[must_use]
    pub fn new(limits: &LimitsConfig) -> Self {
        Self {
            folder: limits.uploads_dir.clone().unwrap_or_else(std::env::temp_dir),
            disk: Budget::new(limits.uploads_bytes),
            memory: Budget::new(limits.in_hand_bytes),
            clients: Unfinished::new(OF_ONE_CLIENT),
            trouble: Mutex::default(),
            warned: Seldom::default(),
        }
    }

    /// Why large bodies are turned away, until one is kept again.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Bytes that may still be written.
    #[must_use]
    pub fn disk_left(&self) -> usize {
        self.disk.left()
    }

    /// A new file for a body of `client`; [`Why::Busy`] when it has many on the way.
    pub(super) async fn open(&self, client: IpAddr) -> Result<OnDisk<'_>, Why> {
        let of_client = self.clients.admit(client).ok_or(Why::Busy)?;
        let folder = self.folder.clone();
        let opened = tokio::task::spawn_blocking(move || nameless(&folder)).await;
        let file = opened.unwrap_or_else(|gone| Err(io::Error::other(gone))).map_err(|error| self.broken(&error))?;
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
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok((whole, share))
    }

    fn broken(&self, error: &io::Error) -> Why {
        let folder = self.folder.display().to_string();
        let said = format!(
            "a large body could not be kept in {folder} while it came ({error}): free the disk or set limits.uploads_dir to a \
             folder that Pisteur may write"
        );
        if let Some(times) = self.warned.due("broken", Instant::now()) {
            tracing::error!(folder, %error, times, "{said}");
        }
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(said);
        Why::Unavailable
    }
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
        let mut file = uploads.open(HERE).await.unwrap();
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
        let mut file = limited.open(HERE).await.unwrap();
        limited.write(&mut file, &[0; 600]).await.unwrap();
        assert!(matches!(limited.write(&mut file, &[0; 600]).await, Err(Why::Busy)));
        assert_eq!(limited.disk_left(), 1_000, "it gave up what it held");
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let broken = uploads(&file, 1, 1);
        assert!(broken.trouble().is_none());
        assert!(matches!(broken.open(HERE).await, Err(Why::Unavailable)));
        assert!(broken.trouble().is_some_and(|said| said.contains("limits.uploads_dir")));
    }

    #[tokio::test]
    async fn one_client_has_only_some_on_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let uploads = uploads(folder.path(), 1_000, 1_000);
        let mut open = Vec::new();
        for _ in 0..OF_ONE_CLIENT {
            open.push(uploads.open(HERE).await.unwrap());
        }
        assert!(matches!(uploads.open(HERE).await, Err(Why::Busy)));
        assert!(uploads.open("198.51.100.1".parse().unwrap()).await.is_ok(), "another one");
        open.pop();
        assert!(uploads.open(HERE).await.is_ok());
    }
}
