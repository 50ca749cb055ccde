//! Reads messages in small batches: attempts counted first, then sizes, then bodies; a message that fails is taken
//! alone, then partly, then given up as quarantined. While one batch is fetched the one before is journalled.
//!
//! Invariants:
//! - No message is fetched before its attempt is on disk.
//! - A message never blocks the mailbox: after its attempts it is journalled as quarantined and the cursor goes on.
//! - At most 32 messages or 16 MB are fetched while as much is being journalled.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use futures::future::try_join_all;

use super::journal::{Batch, Desk};
use super::plan::{self, History};
use crate::config::mailbox::MailboxConfig;
use crate::imap::{ErrorClass, Got, How, ImapError, Meta, Session, Want};
use crate::store::NewArrival;

/// Messages in a batch.
const MESSAGES: usize = 32;
/// Bytes in a batch; one larger message makes a batch of its own.
const BYTES: u64 = 16 * 1024 * 1024;
/// A batch ends when it has taken this long.
const ENOUGH: Duration = Duration::from_millis(100);
/// Attempts to read a message whole.
const ATTEMPTS: u32 = 3;
/// Refusals and unreadable answers for one message before it is given up.
const HARD_FAILURES: u32 = 2;
/// Further attempts that may still ask for the header, before nothing is asked for.
const HEADER_ATTEMPTS: u32 = 2;

/// What is known of troublesome messages, kept over reconnections of one process.
#[derive(Debug, Default)]
pub(super) struct Memory {
    uidvalidity: u32,
    /// Attempts counted and not yet used.
    counted: BTreeMap<u32, u32>,
    /// Refusals and unreadable answers.
    hard: BTreeMap<u32, u32>,
    /// Attempts that failed for a reason outside the message (throttling, token, server restart).
    excused: BTreeMap<u32, u32>,
    /// An answer about several messages could not be read: ask about one at a time.
    pub isolate: bool,
}

impl Memory {
    /// Forgets everything when the folder was rebuilt.
    pub(super) fn belongs_to(&mut self, uidvalidity: u32) {
        if self.uidvalidity != uidvalidity {
            *self = Self { uidvalidity, ..Self::default() };
        }
    }

    /// Everything was read: only troubles of the future matter.
    pub(super) fn clear(&mut self) {
        *self = Self { uidvalidity: self.uidvalidity, ..Self::default() };
    }

    async fn attempts(&mut self, desk: &Desk, uid: u32) -> Result<u32, ImapError> {
        match self.counted.remove(&uid) {
            Some(known) => Ok(known),
            None => desk.count(uid).await,
        }
    }

    fn blame(&mut self, uid: u32, error: &ImapError) {
        match error.class {
            ErrorClass::Protocol => *self.hard.entry(uid).or_default() += 1,
            ErrorClass::Throttled | ErrorClass::TokenExpired | ErrorClass::Auth | ErrorClass::Store => {
                *self.excused.entry(uid).or_default() += 1;
            }
            ErrorClass::Network if error.text.contains("BYE") => *self.excused.entry(uid).or_default() += 1,
            ErrorClass::Network | ErrorClass::Settings | ErrorClass::Refused => {}
        }
    }
}

/// One mailbox's reader for one look.
pub(super) struct Reader<'a> {
    pub session: &'a mut Session,
    pub desk: &'a Desk,
    pub config: &'a MailboxConfig,
    pub memory: &'a mut Memory,
    pub stretch: Option<&'a History>,
}

/// A batch, and why reading ended if it did.
pub(super) struct Gathered {
    pub batch: Batch,
    pub ended: Option<ImapError>,
}

/// What became of one message read alone.
enum Alone {
    /// One arrival, or those of a message with several leads.
    Arrived(Vec<NewArrival>),
    Gone,
}

/// What is to be asked for a batch.
struct Order {
    metas: BTreeMap<u32, Meta>,
    /// UIDs dealt with by this batch, ascending.
    uids: Vec<u32>,
    wants: VecDeque<Want>,
}

impl Reader<'_> {
    /// Reads the next batch off the front of `queue`.
    pub(super) async fn gather(&mut self, queue: &mut VecDeque<u32>) -> Gathered {
        let mut batch = Batch::default();
        let ended = self.fill(queue, &mut batch).await.err();
        Gathered { batch, ended }
    }

    fn silent(&self) -> bool {
        self.stretch.is_some_and(|s| s.silent)
    }

    async fn fill(&mut self, queue: &mut VecDeque<u32>, batch: &mut Batch) -> Result<(), ImapError> {
        let Some(first) = queue.front().copied() else { return Ok(()) };
        let attempts = self.memory.attempts(self.desk, first).await?;
        if attempts > 1 || self.memory.isolate {
            self.settle_alone(first, attempts, batch).await?;
            queue.pop_front();
            return Ok(());
        }
        self.memory.counted.insert(first, attempts);
        let order = self.order(queue).await?;
        self.carry_out(order, queue, batch).await
    }

    /// Sizes of the next messages, and how each is to be read: up to the first that is troublesome.
    async fn order(&mut self, queue: &VecDeque<u32>) -> Result<Order, ImapError> {
        let next: Vec<u32> = queue.iter().copied().take(MESSAGES).collect();
        let metas = match self.session.sizes(&next).await {
            Ok(metas) => metas,
            Err(error) => {
                self.memory.isolate |= matches!(error.class, ErrorClass::Protocol | ErrorClass::Refused);
                return Err(error);
            }
        };
        let wanted = |uid: &u32| metas.get(uid).is_none_or(|meta| plan::wanted(self.stretch, meta));
        let to_count: Vec<u32> =
            next.iter().copied().filter(|u| wanted(u) && !self.memory.counted.contains_key(u)).collect();
        let counts = try_join_all(to_count.iter().map(|uid| self.desk.count(*uid))).await?;
        self.memory.counted.extend(to_count.into_iter().zip(counts));
        let mut order = Order { metas: BTreeMap::new(), uids: Vec::new(), wants: VecDeque::new() };
        let mut bytes = 0;
        for uid in next {
            let meta = metas.get(&uid).copied().unwrap_or_default();
            if wanted(&uid) {
                if self.memory.counted.get(&uid).is_some_and(|n| *n > 1) {
                    break;
                }
                // Without a size the cap still holds: only so much is asked for.
                let how = match meta.size {
                    Some(size) if size > self.config.max_message_bytes => How::Part(self.config.oversize_bytes),
                    Some(size) => How::Whole(size),
                    None => How::Part(self.config.max_message_bytes),
                };
                bytes += u64::from(meta.size.unwrap_or(0).min(self.config.max_message_bytes));
                if bytes > BYTES && !order.wants.is_empty() {
                    break;
                }
                order.wants.push_back(Want { uid, how });
            }
            order.metas.insert(uid, meta);
            order.uids.push(uid);
        }
        Ok(order)
    }

    /// Fetches what was ordered, then deals with every message in turn.
    async fn carry_out(
        &mut self,
        mut order: Order,
        queue: &mut VecDeque<u32>,
        batch: &mut Batch,
    ) -> Result<(), ImapError> {
        let asked: BTreeMap<u32, How> = order.wants.iter().map(|w| (w.uid, w.how)).collect();
        let mut got: BTreeMap<u32, Got> = BTreeMap::new();
        let fetched =
            self.session.fetch(&mut order.wants, ENOUGH, &mut |uid, result| drop(got.insert(uid, result))).await;
        let not_asked = order.wants.front().map(|w| w.uid);
        let failed = fetched.err();
        for uid in order.uids {
            if not_asked == Some(uid) {
                break;
            }
            let meta = order.metas.get(&uid).copied().unwrap_or_default();
            match (asked.get(&uid), got.remove(&uid)) {
                // The stretch does not want it.
                (None, _) => {}
                (Some(how), Some(Got::Bytes(raw))) => {
                    batch.arrivals.extend(self.arrived(uid, &meta, *how, raw));
                }
                (Some(_), Some(result)) => {
                    if failed.is_some() {
                        break;
                    }
                    self.memory.counted.remove(&uid);
                    self.note_failure(uid, result)?;
                    batch.arrivals.extend(self.retry(uid).await?);
                }
                (Some(_), None) => break,
            }
            self.memory.counted.remove(&uid);
            batch.through = uid;
            queue.pop_front();
        }
        let Some((culprit, error)) = failed else { return Ok(()) };
        for uid in asked.keys() {
            if *uid == culprit || error.class != ErrorClass::Protocol {
                self.memory.blame(*uid, &error);
            }
            // What was asked for has used its attempt; the rest keeps its count.
            if not_asked.is_none_or(|first| *uid < first) {
                self.memory.counted.remove(uid);
            }
        }
        Err(error)
    }

    /// A refusal counts against the message, unless its words are about the session.
    fn note_failure(&mut self, uid: u32, result: Got) -> Result<(), ImapError> {
        if let Got::Refused(error) = result
            && error.class != ErrorClass::Refused
        {
            self.memory.blame(uid, &error);
            return Err(error);
        }
        *self.memory.hard.entry(uid).or_default() += 1;
        Ok(())
    }

    /// A message that gave nothing: is it still there? Then once more, alone.
    async fn retry(&mut self, uid: u32) -> Result<Vec<NewArrival>, ImapError> {
        if self.session.present(&[uid]).await?.is_empty() {
            return Ok(Vec::new());
        }
        let attempts = self.memory.attempts(self.desk, uid).await?;
        match self.alone(uid, attempts).await? {
            Alone::Arrived(arrivals) => Ok(arrivals),
            Alone::Gone => Ok(Vec::new()),
        }
    }

    async fn settle_alone(&mut self, uid: u32, attempts: u32, batch: &mut Batch) -> Result<(), ImapError> {
        if let Alone::Arrived(arrivals) = self.alone(uid, attempts).await? {
            batch.arrivals.extend(arrivals);
        }
        batch.through = uid;
        Ok(())
    }

    /// Reads one message alone, with less and less asked for, until something or nothing came.
    async fn alone(&mut self, uid: u32, mut attempts: u32) -> Result<Alone, ImapError> {
        loop {
            let used = attempts.saturating_sub(self.memory.excused.get(&uid).copied().unwrap_or(0));
            let hard = self.memory.hard.get(&uid).copied().unwrap_or(0);
            if used > ATTEMPTS + HEADER_ATTEMPTS || hard > HARD_FAILURES {
                let none = self.desk.unfetchable(uid, &Meta::default(), Vec::new(), self.silent());
                return Ok(Alone::Arrived(vec![none]));
            }
            let giving_up = used > ATTEMPTS || hard >= HARD_FAILURES;
            match self.one(uid, used, giving_up).await {
                Ok(Some(alone)) => return Ok(alone),
                Ok(None) => {}
                Err(error) => {
                    self.memory.blame(uid, &error);
                    return Err(error);
                }
            }
            attempts = self.memory.attempts(self.desk, uid).await?;
        }
    }

    /// One attempt at one message; `None` when it is there and was refused.
    async fn one(&mut self, uid: u32, used: u32, giving_up: bool) -> Result<Option<Alone>, ImapError> {
        let mut meta = Meta::default();
        let mut how = if giving_up { How::Header } else { How::Part(self.config.max_message_bytes) };
        if used <= 1 && !giving_up {
            meta = self.session.sizes(&[uid]).await?.remove(&uid).unwrap_or_default();
            if !plan::wanted(self.stretch, &meta) {
                return Ok(Some(Alone::Gone));
            }
            how = match meta.size {
                Some(size) if size <= self.config.max_message_bytes => How::Whole(size),
                Some(_) => How::Part(self.config.oversize_bytes),
                None => how,
            };
        }
        let mut result = Got::Nothing;
        let mut wants = VecDeque::from([Want { uid, how }]);
        self.session.fetch(&mut wants, ENOUGH, &mut |_, got| result = got).await.map_err(|(_, error)| error)?;
        match result {
            Got::Bytes(raw) if giving_up => {
                let held = self.desk.unfetchable(uid, &meta, raw, self.silent());
                Ok(Some(Alone::Arrived(vec![held])))
            }
            Got::Bytes(raw) => Ok(Some(Alone::Arrived(self.arrived(uid, &meta, how, raw)))),
            failure => {
                self.note_failure(uid, failure)?;
                Ok(if self.session.present(&[uid]).await?.is_empty() { Some(Alone::Gone) } else { None })
            }
        }
    }

    fn arrived(&self, uid: u32, meta: &Meta, how: How, raw: Vec<u8>) -> Vec<NewArrival> {
        let full = match how {
            How::Part(limit) if raw.len() >= limit as usize => Some(meta.size.map_or(raw.len() as u64, u64::from)),
            How::Part(_) => meta.size.filter(|size| *size > self.config.max_message_bytes).map(u64::from),
            How::Whole(_) | How::Header => None,
        };
        self.desk.message(uid, meta, raw, full, self.silent())
    }
}
