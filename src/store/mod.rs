//! The memory of the house: journal, jobs, CRM records. One contract, two engines.
//!
//! Invariants:
//! - [`Accepted`] exists only after the bytes are committed with fsync (in the database or in the spill).
//! - [`Lease`] exists only after its attempt was committed; settling is fenced by owner and attempt.
//! - One arrival has one effect: [`Store::commit`] writes records, keys, pool turn, trace, outbox and the job's end
//!   in one transaction, or nothing.

mod arrive;
mod batch;
mod edited;
mod erase;
mod errors;
mod figures;
mod lease;
pub mod merge;
mod models;
mod plan;
pub mod postgres;
mod recognition;
mod reindex;
pub mod rows;
mod signal;
pub mod sqlite;
pub mod sweep;
mod visitors;

pub use arrive::{Accepted, CursorMove, HELD, InitialState, NewArrival};
pub use edited::{Content, Edited, edited_key};
pub use erase::{Erasable, EraseStep, ErasedCounts, Erasure};
use errors::Raced;
pub use errors::{StoreError, StoreResult};
use lease::Times;
pub use lease::{Claim, Effect, Failure, JobSubject, LONGEST_WAIT, Lease, Queue};
pub use models::{Indexed, NewModel};
pub use recognition::Recognition;
pub use reindex::{Reindexed, Waiting};
pub use visitors::{ConfirmedPurpose, Evidence, LinkKind, MailBounds, NewLink, OpenLink, Turn, Used, VisitorMail};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ulid::Ulid;

use crate::clock::Timestamp;
use crate::domain::decision::{Decision, RecordKind};
use crate::domain::enquiry::Enquiry;
use crate::domain::envelope::{ArrivalState, Envelope};
use crate::domain::matching::{EntityKind, MatchKey};
use crate::domain::submission::Submission;

/// Everything one transaction writes for one arrival.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Job being settled, by row and fence.
    pub lease: Arc<Lease>,
    /// The arrival.
    pub arrival: Ulid,
    /// Its envelope without raw bytes (raw empty).
    pub envelope: Arc<Envelope>,
    /// What it says.
    pub submission: Arc<Submission>,
    /// What it means.
    pub enquiry: Arc<Enquiry>,
    /// What to do.
    pub decision: Decision,
    /// Id of the communication row.
    pub communication: Ulid,
    /// Id of the decision row.
    pub decision_id: Ulid,
    /// The strong keys looked up, and what they found: anything else at commit time is a conflict.
    pub guard: Guard,
    /// Outbox effects to enqueue.
    pub effects: Vec<Effect>,
    /// The moment of decision.
    pub now: Timestamp,
}

/// What the decision rested on.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// Strong keys of the arrival, sorted.
    pub keys: Vec<MatchKey>,
    /// Entities that carried one of them when the neighbours were read.
    pub seen: Vec<Ulid>,
}

/// What came of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// Written. The owner settled by the pool turn, if any.
    Done {
        /// Owner's user id.
        owner: Option<String>,
    },
    /// A record with one of our strong keys appeared meanwhile: read the neighbours and decide again.
    Conflict,
    /// Another worker has the job.
    Fenced,
    /// The database refused this decision for good; nothing was written. The job is to be failed with this reason.
    Refused {
        /// One plain sentence.
        error: String,
    },
}

/// A named, fenced, expiring lock (one per mailbox).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedLock {
    /// `mailbox:<id>`.
    pub name: String,
    /// Holder.
    pub owner: String,
    /// Grows with every change of holder.
    pub token: i64,
}

/// What is remembered of a mailbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailboxState {
    /// UIDVALIDITY of the last good poll.
    pub uidvalidity: u32,
    /// Watermark.
    pub last_uid: u32,
    /// The first-run policy has been applied.
    pub started: bool,
    /// Last poll that ended well.
    pub last_ok_at: Option<Timestamp>,
    /// Last error, one sentence, empty when well.
    pub last_error: String,
}

/// Figures for health, metrics and `doctor`.
#[derive(Debug, Clone, Default)]
pub struct StoreStats {
    /// Arrivals by state.
    pub arrivals: BTreeMap<&'static str, u64>,
    /// Jobs waiting by queue.
    pub waiting: BTreeMap<&'static str, u64>,
    /// Jobs under a lease by queue.
    pub leased: BTreeMap<&'static str, u64>,
    /// Dead letters (deliver) and failed arrivals (process).
    pub dead: BTreeMap<&'static str, u64>,
    /// When the oldest unprocessed arrival was received.
    pub oldest_unprocessed: Option<Timestamp>,
    /// When the oldest lease held now was taken; renewing does not make it younger.
    pub oldest_lease: Option<Timestamp>,
    /// Arrivals waiting in the spill.
    pub spilled: u64,
    /// Those of them that the database refused: they are set aside and tried again every hour.
    pub set_aside: u64,
    /// The database answers.
    pub reachable: bool,
}

/// The contract both engines keep.
#[async_trait]
pub trait Store: Recognition + sweep::Sweep + std::fmt::Debug {
    /// `sqlite` or `postgres`.
    fn engine(&self) -> &'static str;

    // -- journal --------------------------------------------------------------------------------------------------
    /// Journals arrivals, in order, and moves the cursor, in one transaction. Answers in the same order.
    /// A known key makes a repeat: kept as *decided* with `duplicate_of`, without a job, bytes stored only if they differ.
    /// Another content under a known chosen key is a submission of its own when the arrival says what becomes of it then
    /// ([`NewArrival::edited`]): compared, linked and written in the same transaction.
    /// A submission held at the door repeats what is known, and leaves no key behind but those under [`HELD`].
    /// A lost mailbox lock is `Fenced(0)` and writes nothing.
    async fn accept(&self, arrivals: Vec<NewArrival>, cursor: Option<CursorMove>) -> StoreResult<Vec<Accepted>>;
    /// Arrivals with their bytes, in the order asked; missing ones are left out.
    async fn load(&self, ids: &[Ulid]) -> StoreResult<Vec<Envelope>>;
    /// Would this key be a repeat now? The first arrival's id.
    async fn known_key(&self, key: &str) -> StoreResult<Option<Ulid>>;

    /// Uses a token that counts once: true the first time, false until `expires_at` and as long as it is remembered
    /// after that. Several daemons on one database share the memory.
    async fn spend(&self, token: &str, expires_at: Timestamp) -> StoreResult<bool>;

    // -- jobs -----------------------------------------------------------------------------------------------------
    /// Takes due jobs under a lease, oldest first; the attempt is committed before this returns.
    async fn claim(&self, claim: Claim) -> StoreResult<Vec<Lease>>;
    /// Lengthens a lease.
    async fn renew(&self, lease: &Lease, by: Duration) -> StoreResult<Timestamp>;
    /// Gives a job back with its reason. For a process job without `retry_after` the arrival becomes *failed*.
    async fn fail(&self, lease: &Lease, failure: Failure) -> StoreResult<()>;
    /// Gives a job back untouched (shutdown): the attempt is not held against it.
    async fn release(&self, lease: &Lease) -> StoreResult<()>;
    /// Gives a job back untouched, not to be claimed for `wait`: its target has its hands full.
    async fn defer(&self, lease: &Lease, wait: Duration) -> StoreResult<()>;
    /// Makes deliveries of this kind to this target due that wait for later: what they waited for is there. How many.
    async fn hasten(&self, kind: &str, target: &str) -> StoreResult<u64>;
    /// Takes back what an earlier life of this process held, without waiting for its leases to end; how many jobs.
    /// Nothing then waits longer than it may, whatever the clock did meanwhile: a job that never failed is due, any other
    /// within [`LONGEST_WAIT`]. Only for an engine that one daemon has to itself; where several share it, leases end by
    /// themselves, and the time is the server's.
    async fn recover(&self) -> StoreResult<u64> {
        Ok(0)
    }
    /// A process job ends in quarantine with this reason, without having been read.
    async fn quarantine(&self, lease: &Lease, reason: &str) -> StoreResult<()>;
    /// A deliver job is done.
    async fn delivered(&self, lease: &Lease) -> StoreResult<()>;
    /// A deliver job ends without having been carried out, on purpose, for this reason.
    async fn withheld(&self, lease: &Lease, why: &str) -> StoreResult<()>;
    /// Waits until the queue may have work, at most `timeout`.
    async fn wait(&self, queue: Queue, timeout: Duration);

    /// Announced leads have come: announcements under these keys that still wait are *decided*, as fetched; how many did.
    async fn announced_came(&self, keys: &[String]) -> StoreResult<u64>;

    // -- decide and commit ----------------------------------------------------------------------------------------
    /// Writes decisions; each answer stands alone (one conflict does not undo the others).
    async fn commit(&self, commits: Vec<Commit>) -> StoreResult<Vec<Committed>>;

    /// Writes what is thought of an uploaded file, by its arrival and the path of its part; how many rows it changed.
    async fn judge_file(&self, arrival: Ulid, part: &str, verdict: &str) -> StoreResult<u64>;

    // -- mailboxes ------------------------------------------------------------------------------------------------
    /// Takes or renews a named lock; `None` when another holder's has not expired.
    async fn lock(&self, name: &str, owner: &str, ttl: Duration) -> StoreResult<Option<NamedLock>>;
    /// Gives a lock back.
    async fn unlock(&self, lock: &NamedLock) -> StoreResult<()>;
    /// What is remembered of a mailbox.
    async fn mailbox(&self, mailbox: &str) -> StoreResult<MailboxState>;
    /// Stores the outcome of a poll; `started` and the cursor only ever move by this call or by `accept`.
    async fn save_mailbox(&self, mailbox: &str, state: &MailboxState, lock: &NamedLock) -> StoreResult<()>;
    /// Counts one more attempt to fetch a message BEFORE it is fetched; the count so far, this one included.
    async fn count_fetch(&self, mailbox: &str, uidvalidity: u32, uid: u32) -> StoreResult<u32>;
    /// UIDs at or above `from` already journalled under this UIDVALIDITY.
    async fn journalled_uids(&self, mailbox: &str, uidvalidity: u32, from: u32) -> StoreResult<Vec<u32>>;
    /// A rotated secret (OAuth refresh token).
    async fn secret(&self, name: &str) -> StoreResult<Option<String>>;
    /// Persists a rotated secret.
    async fn save_secret(&self, name: &str, value: &str) -> StoreResult<()>;

    // -- people at work -------------------------------------------------------------------------------------------
    /// Arrivals, newest first.
    async fn list_arrivals(&self, filter: rows::ArrivalFilter) -> StoreResult<Vec<rows::ArrivalRow>>;
    /// One arrival with its decisions and communications.
    async fn show_arrival(&self, id: Ulid) -> StoreResult<Option<rows::ArrivalDetail>>;
    /// Puts arrivals back in the queue (retry, release, replay). False when the state does not allow it.
    async fn requeue(&self, id: Ulid, from: &[ArrivalState], released: bool, actor: &str) -> StoreResult<bool>;
    /// A person discards an arrival that no record was made from.
    async fn discard(&self, id: Ulid, reason: &str, actor: &str) -> StoreResult<bool>;
    /// Leads, opportunities, contacts or organisations, newest first.
    async fn list_records(&self, kind: EntityKind, filter: rows::RecordFilter) -> StoreResult<Vec<rows::RecordRow>>;
    /// The words a list of this kind may be filtered by: statuses of leads, stages of opportunities, in their order.
    async fn states(&self, kind: EntityKind) -> StoreResult<Vec<String>>;
    /// One record with everything that hangs on it. Redirects of merged ids are followed.
    async fn show_record(&self, kind: EntityKind, id: Ulid) -> StoreResult<Option<rows::RecordDetail>>;
    /// A lead or opportunity as deliveries tell it, at a cost that does not grow with its conversation. Redirects of
    /// merged ids are followed.
    async fn outline(&self, kind: RecordKind, id: Ulid) -> StoreResult<Option<rows::RecordOutline>>;
    /// Campaigns that wait for a person, or the known ones; at most `limit` (0 = all).
    async fn campaigns(&self, waiting: bool, limit: i64) -> StoreResult<Vec<rows::CampaignRow>>;
    /// Makes a campaign known and gives it to the records that wait for it, or for one of `others`. Once or twice is the
    /// same.
    async fn add_campaign(&self, name: &str, others: &[String]) -> StoreResult<rows::CampaignMade>;
    /// Effects that gave up, newest first: at most `limit` (0 = all), those with numbers below `before`.
    async fn dead_letters(&self, before: Option<i64>, limit: i64) -> StoreResult<Vec<rows::DeadLetter>>;
    /// Puts a dead letter back in the queue.
    async fn retry_dead_letter(&self, job: i64) -> StoreResult<bool>;
    /// Copies people, teams and pools of the rule set into their tables; who is missing becomes inactive.
    async fn sync_people(&self, people: Vec<rows::PersonRow>, teams: Vec<rows::TeamRow>) -> StoreResult<()>;
    /// Keeps a compiled rule set's source as long as decisions refer to it.
    async fn save_ruleset(&self, hash: &str, sources: &serde_json::Value) -> StoreResult<()>;
    /// Source of a stored rule set.
    async fn ruleset(&self, hash: &str) -> StoreResult<Option<serde_json::Value>>;

    // -- visitors -------------------------------------------------------------------------------------------------
    /// Grants a mail to a visitor its turn within the bounds, counted over all daemons, or says why not. The same
    /// effect may ask again. Links of a granted mail work from now on.
    async fn visitor_turn(&self, mail: VisitorMail) -> StoreResult<Turn>;
    /// The link with this hash, while it works.
    async fn open_link(&self, kind: LinkKind, hash: &str) -> StoreResult<Option<OpenLink>>;
    /// Uses a link: confirms, and puts an arrival that waited for it back into the queue; or ends mail to its address.
    /// The second time changes nothing and answers the same.
    async fn use_link(&self, kind: LinkKind, hash: &str, evidence: Evidence) -> StoreResult<Used>;
    /// Which of these canonical addresses are confirmed for which of these purposes.
    async fn confirmed(&self, asked: &[(String, String)]) -> StoreResult<Vec<ConfirmedPurpose>>;
    /// Removes the bytes of at most `most` submissions of a form or hook received before `before`, unless they are still
    /// to be worked on or fetched. Record, message, decision and digest stay. How many.
    async fn purge_raw(&self, intake: &str, before: Timestamp, most: i64) -> StoreResult<u64>;
    /// What there is of the person with this canonical address: the records that carry it and what hangs on them, their
    /// arrivals, those of `also` that the caller recognised by reading them, and the repeats of all.
    async fn erasable(&self, address: &str, also: &[Ulid]) -> StoreResult<Erasable>;
    /// Runs steps of an erasure in one transaction; how many of each kind. A rehearsal is undone whole.
    async fn erase(&self, steps: Vec<EraseStep>, by: &Erasure) -> StoreResult<ErasedCounts>;
    /// At most `most` arrivals in whose message, its subject or its further fields the address still stands, newest first.
    async fn mentioned(&self, address: &str, most: i64) -> StoreResult<Vec<Ulid>>;

    // -- life -----------------------------------------------------------------------------------------------------
    /// Figures for health and metrics. Never an error: an unreachable database is a figure, a busy one shows the figures
    /// of before. Settled arrivals are counted as often as that is cheap. Also forgets keys that ran out long ago, a few
    /// at a time.
    async fn stats(&self) -> StoreStats;
    /// Settings of the database that matter for durability, as (name, value, ok).
    async fn settings(&self) -> StoreResult<Vec<(String, String, bool)>>;
    /// Prepares every statement and tells the engine's plan for it, by name: proof that schema and statements agree.
    async fn plans(&self) -> StoreResult<Vec<(&'static str, String)>>;
    /// Drains the writer, checkpoints, closes.
    async fn close(&self);
}

/// How to open a store.
#[derive(Clone)]
pub struct OpenOptions {
    /// `sqlite://path` or `postgres://..`.
    pub url: String,
    /// Open the spill and drain it (PostgreSQL only): for the daemon, not for commands beside it.
    pub spill: bool,
    /// Folder of the spill file (PostgreSQL only).
    pub spill_dir: std::path::PathBuf,
    /// Largest spill file in bytes.
    pub spill_limit: u64,
    /// Run on a server with fsync or `full_page_writes` off.
    pub allow_unsafe_server: bool,
    /// Source of time and ids.
    pub clock: Arc<dyn crate::clock::Clock>,
    /// Apply pending migrations.
    pub migrate: bool,
}

impl std::fmt::Debug for OpenOptions {
    /// The address may hold a password: only its scheme is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = self.url.split_once(':').map_or("", |(scheme, _)| scheme);
        f.debug_struct("OpenOptions")
            .field("url", &format_args!("{scheme}:***"))
            .field("spill", &self.spill)
            .field("spill_dir", &self.spill_dir)
            .field("spill_limit", &self.spill_limit)
            .field("allow_unsafe_server", &self.allow_unsafe_server)
            .field("migrate", &self.migrate)
            .finish_non_exhaustive()
    }
}

/// What opening did.
#[derive(Debug, Clone, Default)]
pub struct Opened {
    /// The database did not exist before.
    pub created: bool,
    /// Migrations applied now.
    pub migrated: u32,
    /// PostgreSQL away at start: the spill takes arrivals until it is back.
    pub degraded: bool,
}

/// Opens the store that `options.url` names. With PostgreSQL away this succeeds, degraded: accept goes to the spill,
/// everything else answers [`StoreError::Away`], and a background task connects, migrates and drains.
///
/// # Errors
/// [`StoreError::Unusable`] for an address or server that can never work, [`StoreError::Newer`] for a database of a
/// newer build, [`StoreError::Full`] or [`StoreError::Other`] when the file cannot be opened.
pub async fn open(options: OpenOptions) -> StoreResult<(Arc<dyn Store>, Opened)> {
    if options.url.starts_with("sqlite:") {
        sqlite::open(options).await
    } else if options.url.starts_with("postgres:") || options.url.starts_with("postgresql:") {
        postgres::open(options).await
    } else {
        Err(StoreError::Unusable(
            "database must start with sqlite:// or postgres://, for example sqlite://var/pisteur.db".to_owned(),
        ))
    }
}
