//! Jobs and the right to work on them: queues, leases, effects, failures.

use std::time::Duration;

use ulid::Ulid;

use crate::clock::Timestamp;

/// Longest that a job which failed waits for its next attempt, unless its receiver asked for more: the longest backoff
/// with its jitter.
pub const LONGEST_WAIT: Duration = Duration::from_mins(72);

/// The two queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Queue {
    /// Arrivals to be processed.
    Process,
    /// Outbox effects to be delivered.
    Deliver,
}

impl Queue {
    /// The word stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Deliver => "deliver",
        }
    }
}

/// Proof of the right to work on a job until `until`. Only the store mints it.
#[derive(Debug)]
pub struct Lease {
    pub(in crate::store) job: i64,
    pub(in crate::store) queue: Queue,
    pub(in crate::store) owner: String,
    pub(in crate::store) attempt: i64,
    pub(in crate::store) failures: i64,
    /// Attempts before a person put the job back.
    pub(in crate::store) forgiven: i64,
    pub(in crate::store) until: Timestamp,
    pub(in crate::store) subject: JobSubject,
    pub(in crate::store) bytes: u64,
}

/// What a job is about.
#[derive(Debug, Clone, PartialEq)]
pub enum JobSubject {
    /// Process this arrival.
    Arrival(Ulid),
    /// Deliver this effect.
    Effect(Box<Effect>),
}

impl Lease {
    /// The same right under the same fence, for the engine's own tasks.
    pub(in crate::store) fn copy(&self) -> Self {
        Self {
            job: self.job,
            queue: self.queue,
            owner: self.owner.clone(),
            attempt: self.attempt,
            failures: self.failures,
            forgiven: self.forgiven,
            until: self.until,
            subject: self.subject.clone(),
            bytes: self.bytes,
        }
    }

    /// Row id of the job.
    #[must_use]
    pub const fn job(&self) -> i64 {
        self.job
    }

    /// Claims so far, this one included, since the job was made or a person put it back. Above 1 an earlier holder died
    /// or failed. What fences the lease is a count of its own, which never starts again.
    #[must_use]
    pub const fn attempt(&self) -> i64 {
        self.attempt.saturating_sub(self.forgiven)
    }

    /// Failures recorded so far (a holder that said why), since the job was made or a person put it back.
    #[must_use]
    pub const fn failures(&self) -> i64 {
        self.failures.saturating_sub(self.forgiven)
    }

    /// An earlier holder vanished without a word: the job may kill its reader.
    #[must_use]
    pub const fn is_suspect(&self) -> bool {
        self.attempt > self.failures + 1
    }

    /// When others may take it.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// Raw bytes of the arrival, as journalled; 0 for an effect.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What it is about.
    #[must_use]
    pub const fn subject(&self) -> &JobSubject {
        &self.subject
    }
}

/// Which jobs to claim.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Queue.
    pub queue: Queue,
    /// Name of the claiming worker, unique per process start.
    pub owner: String,
    /// At most this many.
    pub limit: usize,
    /// Lease time.
    pub lease: Duration,
    /// Only jobs whose earlier holder vanished (true), or only the others (false). Suspects are claimed one at a time.
    pub suspects: bool,
}

/// An effect on the world outside, delivered at least once with an idempotency key.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// Idempotency key: ULID minted when the effect was decided.
    pub id: Ulid,
    /// `webhook`, `mail`, `mark`, `acknowledge` or `opt_in`.
    pub kind: String,
    /// Configured target: webhook id, `owner`, mailbox id, form id.
    pub target: String,
    /// What the deliverer needs, without message text; records are looked up at delivery.
    pub payload: serde_json::Value,
}

/// How a job ended without success.
#[derive(Debug, Clone)]
pub struct Failure {
    /// One plain sentence without personal data.
    pub error: String,
    /// How long to wait before it is tried again; `None` = never: dead letter (deliver), failed (process).
    pub retry_after: Option<Duration>,
}

/// The two times of one write.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Times {
    /// What is stamped on records and shown to people.
    pub(in crate::store) wall: Timestamp,
    /// What leases, locks and due jobs are judged by: on PostgreSQL the database's time, on SQLite a time that never
    /// steps back within the process.
    pub(in crate::store) queue: Timestamp,
}
