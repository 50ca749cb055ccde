//! What every task of the store shares.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use ulid::Ulid;

use super::link::Link;
use super::notify::Bell;
use super::spill::Spill;
use super::spill_file::SpillFile;
use crate::domain::envelope::Envelope;
use crate::store::{Accepted, NewArrival, StoreError, StoreResult};

/// Least time between two attempts to get hold of the spill file.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// The parts.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) link: Link,
    pub(super) bell: Arc<Bell>,
    spill: Mutex<Slot>,
    /// File and largest size of the spill; none for a command beside the daemon.
    place: Option<(PathBuf, u64)>,
    /// The daemon's file, for such a command to look at.
    beside: Option<PathBuf>,
}

/// The spill, once this process holds its file.
#[derive(Debug, Default)]
struct Slot {
    spill: Option<Arc<Spill>>,
    tried: Option<Instant>,
    why_not: String,
    closed: bool,
}

impl Inner {
    /// Nothing is opened yet. `limit`: largest size of the spill file at `path`; `None` for a command beside the daemon,
    /// which only looks at it.
    pub(super) fn new(link: Link, path: PathBuf, limit: Option<u64>) -> Self {
        let (place, beside) = match limit {
            Some(limit) => (Some((path, limit)), None),
            None => (None, Some(path)),
        };
        Self { link, bell: Arc::default(), spill: Mutex::default(), place, beside }
    }

    /// The spill, opened now if another process has given its file up. `None` while it has not.
    pub(super) async fn open_spill(&self) -> Option<Arc<Spill>> {
        let (path, limit) = self.place.as_ref()?;
        let mut slot = self.spill.lock().await;
        let recently = slot.tried.is_some_and(|at| at.elapsed() < TRY_AGAIN);
        if slot.spill.is_none() && !slot.closed && !recently {
            slot.tried = Some(Instant::now());
            let before = std::mem::take(&mut slot.why_not);
            match Spill::open(path, *limit).await {
                Ok(Some(spill)) => slot.spill = Some(Arc::new(spill)),
                Ok(None) => slot.why_not = format!("another process holds {}", path.display()),
                Err(error) => slot.why_not = error.to_string(),
            }
            if slot.spill.is_none() && slot.why_not != before {
                tracing::warn!(reason = slot.why_not, "no spill: forms are refused while the database is away");
            }
        }
        slot.spill.clone()
    }

    /// Whether an explicit key of these arrivals waits in the spill.
    pub(super) async fn spill_holds(&self, arrivals: &[NewArrival]) -> bool {
        self.spill.lock().await.spill.as_ref().is_some_and(|spill| spill.holds(arrivals))
    }

    /// Journals in the spill.
    ///
    /// # Errors
    /// [`StoreError::Full`], or [`StoreError::Away`] without a spill.
    pub(super) async fn spill(&self, arrivals: Vec<NewArrival>) -> StoreResult<Vec<Accepted>> {
        if let Some(spill) = self.open_spill().await {
            return spill.accept(arrivals).await;
        }
        let why = match self.place {
            Some(_) => self.spill.lock().await.why_not.clone(),
            None => "only the daemon keeps one".to_owned(),
        };
        Err(StoreError::Away(format!("and there is no spill: {why}").into()))
    }

    /// Arrivals waiting in the spill, and those of them that the database refused.
    pub(super) async fn spilled(&self) -> (u64, u64) {
        if let Some(path) = self.beside.as_ref().filter(|path| path.exists()) {
            // A file that a daemon holds cannot be read: that daemon tells itself.
            return SpillFile::peek(path).await.unwrap_or_default();
        }
        self.spill.lock().await.spill.as_ref().map_or((0, 0), |spill| (spill.rows(), spill.aside()))
    }

    /// The arrival that an explicit key names in the spill.
    pub(super) async fn spilled_key(&self, key: &str) -> Option<Ulid> {
        self.spill.lock().await.spill.as_ref().and_then(|spill| spill.known_key(key))
    }

    /// What the database answered about these arrivals, and from the spill what it could not: in the order asked.
    ///
    /// # Errors
    /// As the database answered, unless the spill has every one.
    pub(super) async fn with_spilled(
        &self,
        ids: &[Ulid],
        stored: StoreResult<Vec<Envelope>>,
    ) -> StoreResult<Vec<Envelope>> {
        let missing: Vec<Ulid> = match &stored {
            Ok(found) => ids.iter().copied().filter(|id| !found.iter().any(|e| e.id == *id)).collect(),
            Err(StoreError::Away(_) | StoreError::Busy(_)) => ids.to_vec(),
            Err(_) => Vec::new(),
        };
        let spill = self.spill.lock().await.spill.clone().filter(|spill| spill.rows() > 0);
        let Some(spill) = spill.filter(|_| !missing.is_empty()) else { return stored };
        let waiting = spill.find(missing).await?;
        match stored {
            Err(error) if waiting.len() < ids.len() => Err(error),
            stored => {
                let mut all: HashMap<Ulid, Envelope> =
                    stored.unwrap_or_default().into_iter().chain(waiting).map(|e| (e.id, e)).collect();
                Ok(ids.iter().filter_map(|id| all.remove(id)).collect())
            }
        }
    }

    /// Lets go of the spill file, after what was asked is on disk.
    pub(super) async fn close_spill(&self) {
        let mut slot = self.spill.lock().await;
        slot.closed = true;
        if let Some(spill) = slot.spill.take() {
            spill.close().await;
        }
    }
}
