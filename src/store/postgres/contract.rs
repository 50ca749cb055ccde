//! The contract, kept by PostgreSQL: each method is one bounded operation over the shared queries.
//!
//! A dropped future undoes its transaction; what was committed stays. Accepts run in tasks of their own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::Connection as _;
use ulid::Ulid;

use super::Postgres;
use super::accept::journal_now;
use super::link::{AT_THE_DOOR, Link};
use super::queries::{
    arrivals, campaigns, commit, erase, figures, files, jobs, journal, mailboxes, outline, people, records, retention,
    show, visitors,
};
use super::{plans, server};
use crate::clock::Timestamp;
use crate::domain::decision::RecordKind;
use crate::domain::envelope::{ArrivalState, Envelope};
use crate::domain::matching::EntityKind;
use crate::store::figures::Settled;
use crate::store::{
    Accepted, Claim, Commit, Committed, ConfirmedPurpose, CursorMove, Erasable, EraseStep, ErasedCounts, Erasure,
    Evidence, Failure, Lease, LinkKind, MailboxState, NamedLock, NewArrival, OpenLink, Queue, Store, StoreError,
    StoreResult, StoreStats, Times, Turn, Used, VisitorMail, rows,
};

/// How often a transaction that met another one runs again.
pub(super) const AGAIN: usize = 3;

/// Longest that counting every settled arrival may take.
const COUNTING: Duration = Duration::from_mins(30);

/// Counts settled arrivals on a connection of its own, so that a long count takes none from the workers.
async fn settled(link: &Link) -> StoreResult<Settled> {
    let mut connection = link.apart().await?;
    let settled = figures::settled(&mut connection).await;
    drop(connection.close().await);
    settled
}

/// One or more reads on one connection.
macro_rules! reading {
    ($self:ident, |$conn:ident| $query:expr) => {
        $self
            .inner
            .link
            .bounded(super::link::AT_WORK, async {
                let mut connection = $self.inner.link.connection().await?;
                let $conn = &mut *connection;
                $query.await
            })
            .await
    };
}

/// One transaction; run again when it met another one.
macro_rules! writing {
    ($self:ident, |$conn:ident| $query:expr) => {{
        let mut left = super::contract::AGAIN;
        loop {
            let result = $self
                .inner
                .link
                .bounded(super::link::AT_WORK, async {
                    let mut transaction = $self.inner.link.begin().await?;
                    let $conn = &mut *transaction;
                    let done = $query.await?;
                    transaction.commit().await?;
                    Ok(done)
                })
                .await;
            match result {
                Err(error) if left > 0 && super::driver::may_run_again(&error) => left -= 1,
                other => break other,
            }
        }
    }};
}

pub(super) use {reading, writing};

impl Postgres {
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Queues keep the database's time, so that daemons with different clocks agree.
    fn times(&self) -> Times {
        Times { wall: self.now(), queue: self.inner.link.now() }
    }

    async fn commit_together(&self, commits: &[&Commit]) -> StoreResult<Vec<Committed>> {
        let due = self.inner.link.now();
        let (answers, effects) = writing!(self, |conn| commit::commit(conn, commits, due))?;
        self.inner.bell.work(Queue::Deliver, effects);
        Ok(answers)
    }
}

#[async_trait]
impl Store for Postgres {
    fn engine(&self) -> &'static str {
        "postgres"
    }

    async fn accept(&self, arrivals: Vec<NewArrival>, cursor: Option<CursorMove>) -> StoreResult<Vec<Accepted>> {
        if let Some(cursor) = cursor {
            let list: Vec<&NewArrival> = arrivals.iter().collect();
            return journal_now(&self.inner, &list, Some(&cursor)).await;
        }
        let door = self.door.read().await.clone();
        match door {
            Some(door) => door.accept(&self.inner, arrivals).await,
            None => Err(StoreError::Away("the store is closed".into())),
        }
    }

    async fn load(&self, ids: &[Ulid]) -> StoreResult<Vec<Envelope>> {
        let stored = reading!(self, |conn| journal::load(conn, ids));
        self.inner.with_spilled(ids, stored).await
    }

    async fn known_key(&self, key: &str) -> StoreResult<Option<Ulid>> {
        if let Some(id) = self.inner.spilled_key(key).await {
            return Ok(Some(id));
        }
        let now = self.inner.link.now();
        self.inner
            .link
            .bounded(AT_THE_DOOR, async {
                let mut connection = self.inner.link.connection().await?;
                journal::known_key(&mut connection, key, now).await
            })
            .await
    }

    async fn claim(&self, claim: Claim) -> StoreResult<Vec<Lease>> {
        let now = self.inner.link.now();
        writing!(self, |conn| jobs::claim(conn, &claim, now))
    }

    async fn renew(&self, lease: &Lease, by: Duration) -> StoreResult<Timestamp> {
        let until = self.inner.link.now().after(by);
        writing!(self, |conn| jobs::renew(conn, lease, until))?;
        Ok(until)
    }

    async fn fail(&self, lease: &Lease, failure: Failure) -> StoreResult<()> {
        let now = self.times();
        writing!(self, |conn| jobs::fail(conn, lease, &failure, now))
    }

    async fn release(&self, lease: &Lease) -> StoreResult<()> {
        let now = self.inner.link.now();
        writing!(self, |conn| jobs::release(conn, lease, now))?;
        self.inner.bell.work(lease.queue, 1);
        Ok(())
    }

    async fn defer(&self, lease: &Lease, wait: Duration) -> StoreResult<()> {
        let due = self.inner.link.now().after(wait);
        writing!(self, |conn| jobs::release(conn, lease, due))
    }

    async fn hasten(&self, kind: &str, target: &str) -> StoreResult<u64> {
        let now = self.inner.link.now();
        let hastened = writing!(self, |conn| jobs::hasten(conn, (kind, target), now))?;
        self.inner.bell.work(Queue::Deliver, usize::try_from(hastened).unwrap_or(1));
        Ok(hastened)
    }

    async fn quarantine(&self, lease: &Lease, reason: &str) -> StoreResult<()> {
        let now = self.now();
        writing!(self, |conn| jobs::quarantine(conn, lease, reason, now))
    }

    async fn delivered(&self, lease: &Lease) -> StoreResult<()> {
        let now = self.now();
        writing!(self, |conn| jobs::delivered(conn, lease, now))
    }

    async fn withheld(&self, lease: &Lease, why: &str) -> StoreResult<()> {
        writing!(self, |conn| jobs::withheld(conn, lease, why))
    }

    async fn wait(&self, queue: Queue, timeout: Duration) {
        self.inner.bell.wait(queue, timeout).await;
    }

    /// All in one transaction; if the database refuses that, each alone, so that one cannot spoil the others.
    async fn commit(&self, commits: Vec<Commit>) -> StoreResult<Vec<Committed>> {
        let list: Vec<&Commit> = commits.iter().collect();
        match self.commit_together(&list).await {
            Err(StoreError::Other(error)) if list.len() > 1 => {
                tracing::debug!(%error, "a batch of decisions was refused; each is tried alone");
            }
            Err(StoreError::Other(error)) => return Ok(vec![Committed::Refused { error: error.to_string() }]),
            other => return other,
        }
        let mut answers = Vec::with_capacity(list.len());
        for one in list {
            match self.commit_together(&[one]).await {
                Ok(mut answer) => answers.append(&mut answer),
                Err(StoreError::Other(error)) => answers.push(Committed::Refused { error: error.to_string() }),
                Err(error) => return Err(error),
            }
        }
        Ok(answers)
    }

    async fn lock(&self, name: &str, owner: &str, ttl: Duration) -> StoreResult<Option<NamedLock>> {
        let now = self.inner.link.now();
        writing!(self, |conn| mailboxes::lock(conn, name, owner, now.after(ttl), now))
    }

    async fn unlock(&self, lock: &NamedLock) -> StoreResult<()> {
        writing!(self, |conn| mailboxes::unlock(conn, lock))
    }

    async fn mailbox(&self, mailbox: &str) -> StoreResult<MailboxState> {
        reading!(self, |conn| mailboxes::mailbox(conn, mailbox))
    }

    async fn save_mailbox(&self, mailbox: &str, state: &MailboxState, lock: &NamedLock) -> StoreResult<()> {
        writing!(self, |conn| mailboxes::save_mailbox(conn, mailbox, state, lock))
    }

    async fn count_fetch(&self, mailbox: &str, uidvalidity: u32, uid: u32) -> StoreResult<u32> {
        writing!(self, |conn| mailboxes::count_fetch(conn, mailbox, uidvalidity, uid))
    }

    async fn journalled_uids(&self, mailbox: &str, uidvalidity: u32, from: u32) -> StoreResult<Vec<u32>> {
        reading!(self, |conn| mailboxes::journalled_uids(conn, mailbox, uidvalidity, from))
    }

    async fn secret(&self, name: &str) -> StoreResult<Option<String>> {
        reading!(self, |conn| mailboxes::secret(conn, name))
    }

    async fn save_secret(&self, name: &str, value: &str) -> StoreResult<()> {
        let now = self.now();
        writing!(self, |conn| mailboxes::save_secret(conn, name, value, now))
    }

    async fn spend(&self, token: &str, expires_at: Timestamp) -> StoreResult<bool> {
        self.inner
            .link
            .bounded(AT_THE_DOOR, async {
                let mut transaction = self.inner.link.begin().await?;
                let fresh = mailboxes::spend(&mut transaction, token, expires_at).await?;
                transaction.commit().await?;
                Ok(fresh)
            })
            .await
    }

    async fn list_arrivals(&self, filter: rows::ArrivalFilter) -> StoreResult<Vec<rows::ArrivalRow>> {
        reading!(self, |conn| arrivals::list(conn, &filter))
    }

    async fn show_arrival(&self, id: Ulid) -> StoreResult<Option<rows::ArrivalDetail>> {
        reading!(self, |conn| arrivals::show(conn, id))
    }

    async fn requeue(&self, id: Ulid, from: &[ArrivalState], released: bool, actor: &str) -> StoreResult<bool> {
        let now = self.times();
        let done = writing!(self, |conn| arrivals::requeue(conn, id, from, released, actor, now))?;
        self.inner.bell.work(Queue::Process, 1);
        Ok(done)
    }

    async fn discard(&self, id: Ulid, reason: &str, actor: &str) -> StoreResult<bool> {
        let now = self.now();
        writing!(self, |conn| arrivals::discard(conn, id, reason, actor, now))
    }

    async fn list_records(&self, kind: EntityKind, filter: rows::RecordFilter) -> StoreResult<Vec<rows::RecordRow>> {
        reading!(self, |conn| records::list(conn, kind, &filter))
    }

    async fn states(&self, kind: EntityKind) -> StoreResult<Vec<String>> {
        reading!(self, |conn| records::states(conn, kind))
    }

    async fn show_record(&self, kind: EntityKind, id: Ulid) -> StoreResult<Option<rows::RecordDetail>> {
        reading!(self, |conn| show::show(conn, kind, id))
    }

    async fn outline(&self, kind: RecordKind, id: Ulid) -> StoreResult<Option<rows::RecordOutline>> {
        reading!(self, |conn| outline::outline(conn, kind, id))
    }

    async fn dead_letters(&self, before: Option<i64>, limit: i64) -> StoreResult<Vec<rows::DeadLetter>> {
        reading!(self, |conn| arrivals::dead_letters(conn, before, limit))
    }

    async fn announced_came(&self, keys: &[String]) -> StoreResult<u64> {
        writing!(self, |conn| journal::announced_came(conn, keys))
    }

    async fn judge_file(&self, arrival: Ulid, part: &str, verdict: &str) -> StoreResult<u64> {
        writing!(self, |conn| files::judge_file(conn, arrival, part, verdict))
    }

    async fn retry_dead_letter(&self, job: i64) -> StoreResult<bool> {
        let now = self.times();
        let done = writing!(self, |conn| arrivals::retry_dead_letter(conn, job, now))?;
        self.inner.bell.work(Queue::Deliver, 1);
        Ok(done)
    }

    async fn campaigns(&self, waiting: bool, limit: i64) -> StoreResult<Vec<rows::CampaignRow>> {
        reading!(self, |conn| campaigns::list(conn, waiting, limit))
    }

    async fn add_campaign(&self, name: &str, others: &[String]) -> StoreResult<rows::CampaignMade> {
        let now = self.now();
        writing!(self, |conn| campaigns::add(conn, name, others, now))
    }

    async fn sync_people(&self, people: Vec<rows::PersonRow>, teams: Vec<rows::TeamRow>) -> StoreResult<()> {
        writing!(self, |conn| people::sync_people(conn, &people, &teams))
    }

    async fn save_ruleset(&self, hash: &str, sources: &serde_json::Value) -> StoreResult<()> {
        let now = self.now();
        writing!(self, |conn| people::save_ruleset(conn, hash, sources, now))
    }

    async fn ruleset(&self, hash: &str) -> StoreResult<Option<serde_json::Value>> {
        reading!(self, |conn| people::ruleset(conn, hash))
    }

    async fn visitor_turn(&self, mail: VisitorMail) -> StoreResult<Turn> {
        let now = self.inner.link.now();
        writing!(self, |conn| visitors::turn(conn, &mail, now))
    }

    async fn open_link(&self, kind: LinkKind, hash: &str) -> StoreResult<Option<OpenLink>> {
        let now = self.inner.link.now();
        reading!(self, |conn| visitors::link(conn, kind, hash, now))
    }

    async fn use_link(&self, kind: LinkKind, hash: &str, evidence: Evidence) -> StoreResult<Used> {
        let now = self.times();
        let (used, released) = writing!(self, |conn| visitors::redeem(conn, kind, hash, &evidence, now))?;
        self.inner.bell.work(Queue::Process, usize::from(released));
        Ok(used)
    }

    async fn confirmed(&self, asked: &[(String, String)]) -> StoreResult<Vec<ConfirmedPurpose>> {
        reading!(self, |conn| visitors::confirmed(conn, asked))
    }

    async fn purge_raw(&self, form: &str, before: Timestamp, most: i64) -> StoreResult<u64> {
        let found = reading!(self, |conn| retention::purgeable(conn, form, before, most))?;
        if found.is_empty() {
            return Ok(0);
        }
        writing!(self, |conn| retention::purge(conn, &found))
    }

    async fn erasable(&self, address: &str, also: &[Ulid]) -> StoreResult<Erasable> {
        reading!(self, |conn| erase::find(conn, address, also))
    }

    async fn erase(&self, steps: Vec<EraseStep>, by: &Erasure) -> StoreResult<ErasedCounts> {
        let now = self.now();
        writing!(self, |conn| erase::run_steps(conn, &steps, by, now))
    }

    async fn mentioned(&self, address: &str, most: i64) -> StoreResult<Vec<Ulid>> {
        reading!(self, |conn| erase::mentioned(conn, address, most))
    }

    async fn stats(&self) -> StoreStats {
        let now = self.inner.link.now();
        let link = &self.inner.link;
        let inner = Arc::clone(&self.inner);
        self.figures.count(async move { inner.link.bounded(COUNTING, settled(&inner.link)).await }).await;
        let read = async { figures::stats(&mut *link.connection().await?, now).await };
        let read = link.bounded(AT_THE_DOOR, read).await;
        let forgotten = match writing!(self, |conn| journal::forget_keys(conn, now)) {
            Ok(_) => writing!(self, |conn| mailboxes::forget_spent(conn, now)),
            failed => failed,
        };
        if let Err(error) = forgotten {
            tracing::debug!(%error, "keys that ran out could not be forgotten; the next round tries again");
        }
        if let Err(error) = writing!(self, |conn| visitors::forget(conn, now)) {
            tracing::debug!(%error, "mails and links that count no more could not be forgotten; the next round tries again");
        }
        let (spilled, set_aside) = self.inner.spilled().await;
        StoreStats { spilled, set_aside, ..self.figures.show(read, link.is_up()) }
    }

    async fn settings(&self) -> StoreResult<Vec<(String, String, bool)>> {
        reading!(self, |conn| server::settings(conn))
    }

    async fn plans(&self) -> StoreResult<Vec<(&'static str, String)>> {
        reading!(self, |conn| plans::plans(conn))
    }

    async fn close(&self) {
        self.figures.stop();
        drop(self.door.write().await.take());
        self.stop.cancel();
        self.tasks.wait().await;
        self.inner.close_spill().await;
        self.inner.link.close().await;
    }
}
