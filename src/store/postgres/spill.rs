//! The spill: where arrivals are journalled while PostgreSQL is away. One task owns the file; concurrent accepts share
//! one commit.
//!
//! Invariants:
//! - An answer leaves only after the commit that holds its arrival (fsync).
//! - A row is removed only after the database has committed it ([`super::drain`]); so a row may be drained twice by a
//!   crash in between, and the drain skips ids that the database has.
//! - An arrival that goes straight to the database may overtake spilled ones. That changes nothing: rows of the spill
//!   keep their order among themselves, and whichever of two repeats reaches the database second becomes the repeat.
//!   The one visible difference would be the id answered for an explicit idempotency key, so an arrival whose key the
//!   spill holds follows the first one into the spill ([`Spill::holds`]).
//! - The channel is bounded: when it is full, accepting waits; when the file has reached its limit, it answers
//!   [`StoreError::Full`].

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc, oneshot};
use ulid::Ulid;

use super::spill_file::{SpillFile, Written};
use super::spill_row::{Spilled, cost};
use crate::domain::envelope::Envelope;
use crate::store::edited::is_chosen;
use crate::store::{Accepted, NewArrival, StoreError, StoreResult};

/// Accepts that one commit takes at most.
const GROUP: usize = 256;

/// Commands that may wait.
const WAITING: usize = 1024;

type Answer<T> = oneshot::Sender<StoreResult<T>>;

#[derive(Debug)]
enum Command {
    Accept(Vec<NewArrival>, Answer<Vec<Accepted>>),
    Find(Vec<Ulid>, Answer<Vec<Envelope>>),
    Next(i64, u64, Answer<Vec<Spilled>>),
    Remove(Vec<Spilled>, Answer<()>),
    SetAside(i64, String, Answer<()>),
    TakeBack(Answer<()>),
    Close(Answer<()>),
}

/// Figures that need no trip to the file.
#[derive(Debug, Default)]
struct Figures {
    rows: AtomicU64,
    bytes: AtomicU64,
    aside: AtomicU64,
    keys: Mutex<HashMap<String, Ulid>>,
    filled: Notify,
}

impl Figures {
    fn keys(&self) -> MutexGuard<'_, HashMap<String, Ulid>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, written: &Written) {
        self.keys().extend(written.keys.iter().cloned());
        self.rows.fetch_add(written.rows, Ordering::SeqCst);
        self.bytes.fetch_add(written.bytes, Ordering::SeqCst);
        self.filled.notify_one();
    }

    fn subtract(&self, removed: &[Spilled]) {
        let bytes: u64 = removed.iter().map(|s| s.size).sum();
        let mut keys = self.keys();
        for spilled in removed {
            let envelope = &spilled.arrival.envelope;
            for key in &envelope.keys {
                if keys.get(&key.value) == Some(&envelope.id) {
                    keys.remove(&key.value);
                }
            }
        }
        self.bytes.fetch_sub(bytes, Ordering::SeqCst);
        self.rows.fetch_sub(removed.len() as u64, Ordering::SeqCst);
    }
}

/// Handle of the spill.
#[derive(Debug)]
pub(super) struct Spill {
    commands: mpsc::Sender<Command>,
    figures: Arc<Figures>,
}

impl Spill {
    /// Opens the file and starts its task. `None`: another process holds the file.
    ///
    /// # Errors
    /// As [`SpillFile::open`].
    pub(super) async fn open(path: &Path, limit: u64) -> StoreResult<Option<Self>> {
        let Some(mut file) = SpillFile::open(path).await? else { return Ok(None) };
        let (rows, bytes, keys) = file.load().await?;
        let figures = Arc::new(Figures {
            rows: AtomicU64::new(rows),
            bytes: AtomicU64::new(bytes),
            aside: AtomicU64::new(0),
            keys: Mutex::new(keys.into_iter().collect()),
            filled: Notify::new(),
        });
        let (commands, inbox) = mpsc::channel(WAITING);
        tokio::spawn(Writer { file, figures: Arc::clone(&figures), limit }.run(inbox));
        Ok(Some(Self { commands, figures }))
    }

    /// Journals arrivals; the answer leaves after fsync.
    ///
    /// # Errors
    /// [`StoreError::Full`] at the limit or on a full disk.
    pub(super) async fn accept(&self, arrivals: Vec<NewArrival>) -> StoreResult<Vec<Accepted>> {
        self.ask(|answer| Command::Accept(arrivals, answer)).await
    }

    /// Arrivals that wait here, without their keys; those that do not are left out.
    pub(super) async fn find(&self, ids: Vec<Ulid>) -> StoreResult<Vec<Envelope>> {
        self.ask(|answer| Command::Find(ids, answer)).await
    }

    /// The next rows to drain, in the order of acceptance: at most `limit`, and at most `bytes` unless the first alone is
    /// larger.
    pub(super) async fn next(&self, limit: i64, bytes: u64) -> StoreResult<Vec<Spilled>> {
        self.ask(|answer| Command::Next(limit, bytes, answer)).await
    }

    /// Forgets rows that the database has committed.
    pub(super) async fn remove(&self, drained: Vec<Spilled>) -> StoreResult<()> {
        self.ask(|answer| Command::Remove(drained, answer)).await
    }

    /// Lets the others pass a row that the database will not have.
    pub(super) async fn set_aside(&self, seq: i64, error: String) -> StoreResult<()> {
        self.ask(|answer| Command::SetAside(seq, error, answer)).await
    }

    /// Puts the rows set aside back in their places, to be tried again.
    pub(super) async fn take_back(&self) -> StoreResult<()> {
        self.ask(Command::TakeBack).await
    }

    async fn ask<T>(&self, command: impl FnOnce(Answer<T>) -> Command) -> StoreResult<T> {
        let (answer, result) = oneshot::channel();
        if self.commands.send(command(answer)).await.is_err() {
            return Err(closed());
        }
        result.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Arrivals waiting.
    pub(super) fn rows(&self) -> u64 {
        self.figures.rows.load(Ordering::SeqCst)
    }

    /// Of those the ones that the database refused.
    pub(super) fn aside(&self) -> u64 {
        self.figures.aside.load(Ordering::SeqCst)
    }

    /// Whether an explicit idempotency key of these arrivals waits in the spill.
    pub(super) fn holds(&self, arrivals: &[NewArrival]) -> bool {
        let mut explicit = arrivals.iter().flat_map(|a| &a.envelope.keys).filter(|k| is_chosen(&k.value)).peekable();
        explicit.peek().is_some() && self.rows() > 0 && {
            let keys = self.figures.keys();
            explicit.any(|k| keys.contains_key(&k.value))
        }
    }

    /// The arrival that an explicit key names here.
    pub(super) fn known_key(&self, key: &str) -> Option<Ulid> {
        self.figures.keys().get(key).copied()
    }

    /// Waits until something was spilled.
    pub(super) async fn filled(&self) {
        self.figures.filled.notified().await;
    }

    /// Finishes what was asked, checkpoints and closes. What is asked later answers [`StoreError::Away`].
    pub(super) async fn close(&self) {
        if let Err(error) = self.ask(Command::Close).await {
            tracing::debug!(%error, "the spill was closed already");
        }
    }
}

fn closed() -> StoreError {
    StoreError::Away("the spill is closed".into())
}

/// The task that owns the file.
struct Writer {
    file: SpillFile,
    figures: Arc<Figures>,
    limit: u64,
}

impl Writer {
    async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        let mut commands = Vec::with_capacity(GROUP);
        let mut closing = None;
        while closing.is_none() && inbox.recv_many(&mut commands, GROUP).await > 0 {
            let mut accepts = Vec::new();
            for command in commands.drain(..) {
                match command {
                    Command::Accept(arrivals, answer) => accepts.push((arrivals, answer)),
                    Command::Find(ids, answer) => tell(answer, self.file.find(&ids).await),
                    Command::Next(limit, bytes, answer) => {
                        let result = self.file.next(limit, bytes).await;
                        let damaged = result.as_ref().map_or(0, |(_, damaged)| *damaged);
                        self.figures.aside.fetch_add(damaged, Ordering::SeqCst);
                        tell(answer, result.map(|(rows, _)| rows));
                    }
                    Command::Remove(drained, answer) => {
                        let result = self.remove(&drained).await;
                        tell(answer, result);
                    }
                    Command::SetAside(seq, error, answer) => {
                        let result = self.file.set_aside(seq, &error).await;
                        self.figures.aside.fetch_add(u64::from(result.is_ok()), Ordering::SeqCst);
                        tell(answer, result);
                    }
                    Command::TakeBack(answer) => {
                        let result = self.file.take_back().await;
                        if result.is_ok() {
                            self.figures.aside.store(0, Ordering::SeqCst);
                        }
                        tell(answer, result);
                    }
                    Command::Close(answer) => closing = Some(answer),
                }
            }
            self.accept(accepts).await;
        }
        self.file.close().await;
        if let Some(answer) = closing {
            tell(answer, Ok(()));
        }
    }

    /// All in one commit; if that fails, each alone, so that one cannot spoil the others.
    async fn accept(&mut self, accepts: Vec<(Vec<NewArrival>, Answer<Vec<Accepted>>)>) {
        if accepts.len() > 1 {
            let lists: Vec<&[NewArrival]> = accepts.iter().map(|(a, _)| a.as_slice()).collect();
            if let Ok(written) = self.write(&lists).await {
                for ((_, answer), written) in accepts.into_iter().zip(written) {
                    tell(answer, Ok(written.accepted));
                }
                return;
            }
        }
        for (arrivals, answer) in accepts {
            let result = self.write(&[&arrivals]).await;
            tell(answer, result.map(|written| written.into_iter().flat_map(|w| w.accepted).collect()));
        }
    }

    async fn write(&mut self, lists: &[&[NewArrival]]) -> StoreResult<Vec<Written>> {
        let held = self.figures.bytes.load(Ordering::SeqCst);
        let wanted: u64 = lists.iter().flat_map(|l| l.iter()).map(cost).sum();
        if held.saturating_add(wanted) > self.limit {
            return Err(StoreError::Full(format!(
                "the database is away and the spill holds {held} of {} bytes; bring the database back or raise the limit",
                self.limit
            )));
        }
        self.file.begin().await?;
        let result = self.write_and_commit(lists).await;
        match &result {
            Ok(written) => written.iter().for_each(|w| self.figures.add(w)),
            Err(_) => self.file.rollback().await,
        }
        result
    }

    async fn write_and_commit(&mut self, lists: &[&[NewArrival]]) -> StoreResult<Vec<Written>> {
        let mut written = Vec::with_capacity(lists.len());
        for list in lists {
            written.push(self.file.write(list).await?);
        }
        self.file.commit().await?;
        Ok(written)
    }

    async fn remove(&mut self, drained: &[Spilled]) -> StoreResult<()> {
        self.file.begin().await?;
        let result = self.remove_and_commit(drained).await;
        match &result {
            Ok(()) => self.figures.subtract(drained),
            Err(_) => self.file.rollback().await,
        }
        if result.is_ok() && self.figures.rows.load(Ordering::SeqCst) == 0 {
            self.file.shrink().await?;
        }
        result
    }

    async fn remove_and_commit(&mut self, drained: &[Spilled]) -> StoreResult<()> {
        for spilled in drained {
            self.file.remove(spilled.seq).await?;
        }
        self.file.commit().await
    }
}

/// Answers; whoever asked may have hung up, which undoes nothing.
fn tell<T>(answer: Answer<T>, result: StoreResult<T>) {
    if answer.send(result).is_err() {
        tracing::debug!("nobody waits for an answer of the spill");
    }
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{ConnectOptions as _, Connection as _};

    use super::*;
    use crate::clock::Timestamp;
    use crate::domain::envelope::{ArrivalContext, ArrivalKey, Channel, Digest, Envelope, RawKind};
    use crate::store::InitialState;

    /// More bytes than any of these tests spills.
    const MANY: u64 = 1 << 20;

    fn form(n: u128, key: Option<&str>) -> NewArrival {
        let raw = format!("name=Zoé&n={n}").into_bytes();
        let keys = key.map(|value| ArrivalKey { value: value.to_owned(), expires_at: None });
        NewArrival {
            envelope: Envelope {
                id: Ulid(n),
                channel: Channel::Form,
                intake_id: "contact".to_owned(),
                keys: keys.into_iter().collect(),
                received_at: Timestamp::from_seconds(1_700_000_000),
                digest: Digest::of(&raw),
                raw_kind: RawKind::Form,
                content_type: Some("application/x-www-form-urlencoded".to_owned()),
                context: ArrivalContext { client_ip: Some("192.0.2.1".to_owned()), ..ArrivalContext::default() },
                raw: raw.into(),
            },
            initial: if n == 9 { InitialState::Quarantined("spam".to_owned()) } else { InitialState::Received },
            edited: None,
        }
    }

    async fn open(dir: &tempfile::TempDir, limit: u64) -> Spill {
        Spill::open(&dir.path().join("deep/spill.db"), limit).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn what_was_accepted_is_read_back_whole_and_in_order_after_a_reopen() {
        let dir = tempfile::tempdir().unwrap();
        let spill = open(&dir, 1 << 20).await;
        for n in [3, 9, 1] {
            let accepted = spill.accept(vec![form(n, Some(&format!("form:contact:idem:{n}")))]).await.unwrap();
            assert!(accepted[0].spilled() && accepted[0].id() == Ulid(n));
        }
        assert!(Spill::open(&dir.path().join("deep/spill.db"), 1).await.unwrap().is_none(), "held by the first");
        spill.close().await;
        let spill = open(&dir, 1 << 20).await;
        assert_eq!(spill.rows(), 3);
        assert_eq!(spill.known_key("form:contact:idem:3"), Some(Ulid(3)));
        assert_eq!(spill.known_key("form:contact:idem:9"), None, "what is held claims nothing");
        let next = spill.next(10, MANY).await.unwrap();
        let read: Vec<_> = next.iter().map(|s| s.arrival.clone()).collect();
        for (got, n) in read.iter().zip([3, 9, 1]) {
            let want = form(n, Some(&format!("form:contact:idem:{n}")));
            assert_eq!((&got.envelope, &got.initial), (&want.envelope, &want.initial));
        }
        spill.remove(next).await.unwrap();
        assert_eq!((spill.rows(), spill.known_key("form:contact:idem:3")), (0, None));
        spill.close().await;
    }

    #[tokio::test]
    async fn no_more_bytes_are_read_at_once_than_asked_for_unless_one_row_is_larger() {
        let dir = tempfile::tempdir().unwrap();
        let spill = open(&dir, 1 << 20).await;
        for (n, bytes) in [(1, 9_000), (2, 2_000), (3, 2_000), (4, 9_000), (5, 10)] {
            let mut large = form(n, None);
            large.envelope.raw = vec![b'x'; bytes].into();
            spill.accept(vec![large]).await.unwrap();
        }
        let mut read = Vec::new();
        while spill.rows() > 0 {
            let next = spill.next(9, 8_000).await.unwrap();
            read.push(next.iter().map(|s| s.arrival.envelope.id.0).collect::<Vec<_>>());
            spill.remove(next).await.unwrap();
        }
        assert_eq!(read, [vec![1], vec![2, 3], vec![4], vec![5]]);
        spill.close().await;
    }

    #[tokio::test]
    async fn an_explicit_key_is_answered_with_the_first_arrival() {
        let dir = tempfile::tempdir().unwrap();
        let spill = open(&dir, 1 << 20).await;
        let key = "form:contact:idem:once";
        let both = tokio::join!(spill.accept(vec![form(1, Some(key))]), spill.accept(vec![form(2, Some(key))]));
        let (first, second) = (both.0.unwrap().remove(0), both.1.unwrap().remove(0));
        assert_eq!(first.acknowledged(), second.acknowledged());
        assert!(spill.holds(&[form(3, Some(key))]) && !spill.holds(&[form(3, None)]));
        assert_eq!(spill.rows(), 2, "the repeat is kept too");
        spill.close().await;
    }

    #[tokio::test]
    async fn a_content_key_is_left_for_the_drain() {
        let dir = tempfile::tempdir().unwrap();
        let spill = open(&dir, 1 << 20).await;
        for n in [1, 2] {
            let accepted = spill.accept(vec![form(n, Some("form:contact:hash:aa"))]).await.unwrap();
            assert_eq!(accepted[0].duplicate_of(), None);
        }
        spill.close().await;
    }

    #[tokio::test]
    async fn a_full_spill_says_so_and_takes_again_after_a_drain() {
        let dir = tempfile::tempdir().unwrap();
        let spill = open(&dir, 3_000).await;
        spill.accept(vec![form(1, None)]).await.unwrap();
        spill.accept(vec![form(2, None)]).await.unwrap();
        assert!(matches!(spill.accept(vec![form(3, None)]).await, Err(StoreError::Full(_))));
        spill.remove(spill.next(1, MANY).await.unwrap()).await.unwrap();
        spill.accept(vec![form(3, None)]).await.unwrap();
        spill.close().await;
    }

    #[tokio::test]
    async fn a_row_set_aside_is_counted_lets_the_others_pass_and_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let spill = open(&dir, 1 << 20).await;
        for n in [1, 2] {
            spill.accept(vec![form(n, None)]).await.unwrap();
        }
        let first = spill.next(1, MANY).await.unwrap().remove(0);
        spill.set_aside(first.seq, "refused".to_owned()).await.unwrap();
        assert_eq!(spill.next(9, MANY).await.unwrap()[0].arrival.envelope.id, Ulid(2));
        assert_eq!(spill.aside(), 1);
        spill.take_back().await.unwrap();
        assert_eq!((spill.next(9, MANY).await.unwrap().len(), spill.aside()), (2, 0));
        spill.set_aside(first.seq, "refused".to_owned()).await.unwrap();
        spill.close().await;
        let path = dir.path().join("deep/spill.db");
        assert_eq!(SpillFile::peek(&path).await.unwrap(), (2, 1), "beside a stopped daemon");
        let spill = open(&dir, 1 << 20).await;
        assert_eq!((spill.next(9, MANY).await.unwrap().len(), spill.aside()), (2, 0), "after a restart");
        assert!(SpillFile::peek(&path).await.is_err(), "a daemon has it");
        spill.close().await;
    }

    #[tokio::test]
    async fn damaged_rows_are_set_aside_and_the_others_pass() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/spill.db");
        let spill = open(&dir, 1 << 20).await;
        for n in 1..=5 {
            spill.accept(vec![form(n, Some(&format!("form:contact:idem:{n}")))]).await.unwrap();
        }
        spill.close().await;
        let options = SqliteConnectOptions::new().filename(&path);
        let mut db = options.connect().await.unwrap();
        for statement in [
            "UPDATE spilled SET arrival = '{\"channel\":' WHERE seq IN (1, 2)",
            "UPDATE spilled SET ulid = 'no id' WHERE seq = 4",
            "UPDATE spilled_key SET ulid = 'no id' WHERE seq = 4",
        ] {
            sqlx::query(statement).execute(&mut db).await.unwrap();
        }
        db.close().await.unwrap();
        let spill = open(&dir, 1 << 20).await;
        let next = spill.next(2, MANY).await.unwrap();
        assert_eq!(
            next.iter().map(|s| s.arrival.envelope.id).collect::<Vec<_>>(),
            [Ulid(3)],
            "past a whole damaged chunk"
        );
        spill.remove(next).await.unwrap();
        assert_eq!(spill.next(9, MANY).await.unwrap()[0].arrival.envelope.id, Ulid(5));
        assert_eq!((spill.rows(), spill.aside()), (4, 3), "kept and counted");
        assert_eq!(
            (spill.known_key("form:contact:idem:4"), spill.known_key("form:contact:idem:5")),
            (None, Some(Ulid(5)))
        );
        spill.close().await;
    }
}
