//! Writing what was read: messages and cursor in one transaction, and what is remembered beside the cursor.
//!
//! Invariant: the cursor never passes a message that is not journalled, known by content, or gone.

use std::sync::Arc;

use crate::clock::{Clock, Timestamp};
use crate::domain::envelope::{ArrivalContext, ArrivalKey, Channel, Digest, Envelope, MailPosition, RawKind};
use crate::domain::reading::arrival_key::mail_keys;
use crate::domain::reading::prospects::apart;
use crate::imap::{ErrorClass, ImapError, Meta};
use crate::store::{CursorMove, InitialState, MailboxState, NamedLock, NewArrival, Store, StoreError};

use super::metrics;
use super::plan::{self, History};

/// Reason of a message that could not be fetched.
const UNFETCHABLE: &str = "unfetchable";

/// Messages ready to be journalled, ascending.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub arrivals: Vec<NewArrival>,
    /// Everything up to this UID is dealt with.
    pub through: u32,
}

/// The journal of one mailbox while its lock is held.
#[derive(Debug)]
pub(super) struct Journal {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    mailbox: String,
    folder: String,
    lock: NamedLock,
    mark_repeats: bool,
    pub state: MailboxState,
    pub history: Option<History>,
    saved_at: Option<Timestamp>,
}

/// How a journalled message came out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Written {
    pub messages: u64,
    pub quarantined: u64,
}

fn away(error: &StoreError) -> ImapError {
    let text = match error {
        StoreError::Fenced(_) => "the lock on the mailbox was lost".to_owned(),
        other => format!("mail stays on the server: {other}"),
    };
    ImapError::new(ErrorClass::Store, text)
}

impl Journal {
    /// `mark_repeats`: the copy of a known message is marked on the server too.
    pub(super) async fn open(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        mailbox: &str,
        folder: &str,
        lock: NamedLock,
        mark_repeats: bool,
    ) -> Result<Self, ImapError> {
        let state = store.mailbox(mailbox).await.map_err(|e| away(&e))?;
        let kept = store.secret(&history_name(mailbox)).await.map_err(|e| away(&e))?;
        let history = kept.and_then(|text| serde_json::from_str(&text).ok());
        let (mailbox, folder) = (mailbox.to_owned(), folder.to_owned());
        Ok(Self { store, clock, mailbox, folder, lock, mark_repeats, state, history, saved_at: None })
    }

    /// Sets the cursor anew. The history is written first: a crash in between finds the old cursor and starts over.
    pub(super) async fn restart(&mut self, history: History, last_uid: u32) -> Result<(), ImapError> {
        let text =
            serde_json::to_string(&history).map_err(|e| ImapError::new(ErrorClass::Store, format!("history: {e}")))?;
        self.store.save_secret(&history_name(&self.mailbox), &text).await.map_err(|e| away(&e))?;
        self.state.uidvalidity = plan::life(Some(&history), history.uidvalidity);
        self.state.last_uid = last_uid;
        self.state.started = true;
        self.history = Some(history);
        self.save().await
    }

    async fn save(&mut self) -> Result<(), ImapError> {
        self.store.save_mailbox(&self.mailbox, &self.state, &self.lock).await.map_err(|e| away(&e))?;
        self.saved_at = Some(self.clock.now());
        Ok(())
    }

    /// A look ended well with everything up to `through` dealt with. Written when the cursor moved, when an error is
    /// to be cleared, or once a minute.
    pub(super) async fn good_look(&mut self, through: u32) -> Result<Timestamp, ImapError> {
        let now = self.clock.now();
        let moved = through > self.state.last_uid;
        let stale = self.saved_at.is_none_or(|at| now.since(at).as_secs() >= 60);
        self.state.last_uid = self.state.last_uid.max(through);
        self.state.last_ok_at = Some(now);
        if moved || stale || !self.state.last_error.is_empty() {
            self.state.last_error.clear();
            self.save().await?;
        }
        Ok(now)
    }

    /// Remembers an error for `doctor`, where the store takes it.
    pub(super) async fn bad_look(&mut self, error: &ImapError) {
        if self.state.last_error == error.text || error.class == ErrorClass::Store {
            return;
        }
        self.state.last_error.clone_from(&error.text);
        if let Err(error) = self.save().await {
            tracing::debug!(mailbox = %self.mailbox, %error, "the mailbox error was not stored");
        }
    }

    /// UIDs at or above `from` that are journalled.
    pub(super) async fn journalled(&self, from: u32) -> Result<Vec<u32>, ImapError> {
        self.store.journalled_uids(&self.mailbox, self.state.uidvalidity, from).await.map_err(|e| away(&e))
    }

    /// Journals a batch with its cursor. In a rebuilt folder known contents are passed over; but where messages are
    /// marked they are journalled as repeats, because the mark of a repeat hangs on its new position.
    pub(super) async fn write(&mut self, mut batch: Batch, rescan: bool) -> Result<Written, ImapError> {
        if rescan && !self.mark_repeats {
            batch.arrivals = self.unknown(batch.arrivals).await?;
        }
        if batch.arrivals.is_empty() {
            // Only gone or known messages: the end of the look moves the cursor.
            return Ok(Written::default());
        }
        let written = Written {
            messages: batch.arrivals.len() as u64,
            quarantined: batch.arrivals.iter().filter(|a| a.initial != InitialState::Received).count() as u64,
        };
        let bytes: usize = batch.arrivals.iter().map(|a| a.envelope.raw.len()).sum();
        let last_uid = batch.through.max(self.state.last_uid);
        let cursor = CursorMove {
            mailbox: self.mailbox.clone(),
            lock: self.lock.clone(),
            uidvalidity: self.state.uidvalidity,
            last_uid,
            mark_repeats: self.mark_repeats,
        };
        self.store.accept(batch.arrivals, Some(cursor)).await.map_err(|e| away(&e))?;
        self.state.last_uid = last_uid;
        metrics::count("pisteur_mailbox_messages_total", &self.mailbox, written.messages);
        metrics::count("pisteur_mailbox_bytes_total", &self.mailbox, bytes as u64);
        metrics::count("pisteur_mailbox_quarantined_total", &self.mailbox, written.quarantined);
        Ok(written)
    }

    async fn unknown(&self, arrivals: Vec<NewArrival>) -> Result<Vec<NewArrival>, ImapError> {
        let mut unknown = Vec::with_capacity(arrivals.len());
        for arrival in arrivals {
            let mut known = false;
            for key in &arrival.envelope.keys {
                known |= self.store.known_key(&key.value).await.map_err(|e| away(&e))?.is_some();
            }
            if !known {
                unknown.push(arrival);
            }
        }
        Ok(unknown)
    }

    /// A counter of fetches that can be used while a batch is written.
    pub(super) fn desk(&self) -> Desk {
        Desk {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            mailbox: self.mailbox.clone(),
            folder: self.folder.clone(),
            uidvalidity: self.state.uidvalidity,
        }
    }
}

/// The history lies beside the rotated secrets: a small value under a name.
fn history_name(mailbox: &str) -> String {
    format!("mailbox:{mailbox}:history")
}

/// Counts attempts and makes arrivals, for one UIDVALIDITY.
#[derive(Debug)]
pub(super) struct Desk {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    mailbox: String,
    folder: String,
    uidvalidity: u32,
}

impl Desk {
    /// Counts an attempt before it is made.
    pub(super) async fn count(&self, uid: u32) -> Result<u32, ImapError> {
        self.store.count_fetch(&self.mailbox, self.uidvalidity, uid).await.map_err(|e| away(&e))
    }

    /// A message as read, one arrival for each of its prospects; `truncated_from` is its full size when `raw` is not all of it.
    pub(super) fn message(
        &self,
        uid: u32,
        meta: &Meta,
        raw: Vec<u8>,
        truncated_from: Option<u64>,
        silent: bool,
    ) -> Vec<NewArrival> {
        let keys = mail_keys(&raw);
        let envelope = self.envelope(uid, meta, raw, keys, truncated_from, silent);
        apart(envelope, || self.clock.new_id()).into_iter().map(NewArrival::received).collect()
    }

    /// A message that could not be read, with the bytes that could be had. It is known by its position, so that its
    /// real content stays unknown and can still arrive.
    pub(super) fn unfetchable(&self, uid: u32, meta: &Meta, raw: Vec<u8>, silent: bool) -> NewArrival {
        let value = format!("mail:uid:{}:{}:{uid}", self.mailbox, self.uidvalidity);
        let keys = vec![ArrivalKey { value, expires_at: None }];
        let size = meta.size.map_or(raw.len() as u64, u64::from);
        let envelope = self.envelope(uid, meta, raw, keys, Some(size), silent);
        NewArrival::held(envelope, UNFETCHABLE)
    }

    fn envelope(
        &self,
        uid: u32,
        meta: &Meta,
        raw: Vec<u8>,
        keys: Vec<ArrivalKey>,
        truncated_from: Option<u64>,
        silent: bool,
    ) -> Envelope {
        let position =
            MailPosition { folder: self.folder.clone(), uidvalidity: self.uidvalidity, uid, internal_date: meta.at };
        Envelope {
            id: self.clock.new_id(),
            channel: Channel::Mail,
            intake_id: self.mailbox.clone(),
            keys,
            received_at: self.clock.now(),
            digest: Digest::of(&raw),
            raw_kind: RawKind::Mail,
            content_type: None,
            context: ArrivalContext { mail: Some(position), silent, truncated_from, ..ArrivalContext::default() },
            raw: raw.into(),
        }
    }
}
