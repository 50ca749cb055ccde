//! The contract on SQLite: reads from the pool, writes through the writer.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;
use sqlx::{Row as _, SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot};
use ulid::Ulid;

use super::queries::{
    arrivals, campaigns, erase, figures, files, jobs, journal, mailboxes, outline, people, records, retention, show,
    visitors,
};
use super::writer::{Accept, Call, Command, Decide};
use super::{driver, queries};
use crate::clock::{Clock, Steady, Timestamp};
use crate::domain::decision::RecordKind;
use crate::domain::envelope::{ArrivalState, Envelope};
use crate::domain::matching::EntityKind;
use crate::store::figures::Figures;
use crate::store::signal::Signals;
use crate::store::{
    Accepted, Claim, Commit, Committed, ConfirmedPurpose, CursorMove, Erasable, EraseStep, ErasedCounts, Erasure,
    Evidence, Failure, Lease, LinkKind, MailboxState, NamedLock, NewArrival, OpenLink, Queue, Store, StoreError,
    StoreResult, StoreStats, Times, Turn, Used, VisitorMail, rows,
};

/// The store on one SQLite file.
#[derive(Debug)]
pub(super) struct Sqlite {
    readers: SqlitePool,
    commands: mpsc::Sender<Command>,
    clock: Arc<dyn Clock>,
    steady: Arc<Steady>,
    signals: Arc<Signals>,
    figures: Arc<Figures>,
}

/// A write as a value: runs in the writer, answers after its commit.
struct Write<F, T> {
    work: Option<F>,
    result: Option<T>,
    reply: oneshot::Sender<StoreResult<T>>,
}

impl<F, T> Call for Write<F, T>
where
    F: for<'c> FnOnce(&'c mut SqliteConnection, Times) -> BoxFuture<'c, StoreResult<T>> + Send,
    T: Send + 'static,
{
    fn run<'c>(&'c mut self, conn: &'c mut SqliteConnection, now: Times) -> BoxFuture<'c, StoreResult<()>> {
        Box::pin(async move {
            if let Some(work) = self.work.take() {
                self.result = Some(work(conn, now).await?);
            }
            Ok(())
        })
    }

    fn answer(self: Box<Self>, fate: StoreResult<()>) {
        let Self { result, reply, .. } = *self;
        reply.send(fate.and_then(|()| result.ok_or_else(gone))).ok();
    }
}

fn gone() -> StoreError {
    StoreError::Away("the store is closed".into())
}

impl Sqlite {
    /// Of its parts.
    pub(super) fn new(
        readers: SqlitePool,
        commands: mpsc::Sender<Command>,
        clock: Arc<dyn Clock>,
        steady: Arc<Steady>,
        signals: Arc<Signals>,
    ) -> Self {
        Self { readers, commands, clock, steady, signals, figures: Arc::default() }
    }

    async fn send<T>(&self, command: Command, answer: oneshot::Receiver<StoreResult<T>>) -> StoreResult<T> {
        self.commands.send(command).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Runs a write in the writer; answers after its commit.
    pub(super) async fn write<F, T>(&self, work: F) -> StoreResult<T>
    where
        F: for<'c> FnOnce(&'c mut SqliteConnection, Times) -> BoxFuture<'c, StoreResult<T>> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Call(Box::new(Write { work: Some(work), result: None, reply })), answer).await
    }

    /// A connection that reads.
    pub(super) async fn reader(&self) -> StoreResult<sqlx::pool::PoolConnection<sqlx::Sqlite>> {
        Ok(self.readers.acquire().await?)
    }
}

#[async_trait]
impl Store for Sqlite {
    fn engine(&self) -> &'static str {
        "sqlite"
    }

    async fn accept(&self, arrivals: Vec<NewArrival>, cursor: Option<CursorMove>) -> StoreResult<Vec<Accepted>> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Accept(Accept { arrivals, cursor, reply }), answer).await
    }

    async fn load(&self, ids: &[Ulid]) -> StoreResult<Vec<Envelope>> {
        journal::load(&mut *self.reader().await?, ids).await
    }

    async fn known_key(&self, key: &str) -> StoreResult<Option<Ulid>> {
        journal::known_key(&mut *self.reader().await?, key, self.clock.now()).await
    }

    async fn claim(&self, claim: Claim) -> StoreResult<Vec<Lease>> {
        self.write(move |conn, now| Box::pin(async move { jobs::claim(conn, &claim, now.queue).await })).await
    }

    async fn renew(&self, lease: &Lease, by: Duration) -> StoreResult<Timestamp> {
        let lease = lease.copy();
        self.write(move |conn, now| {
            Box::pin(async move {
                let until = now.queue.after(by);
                jobs::renew(conn, &lease, until).await.map(|()| until)
            })
        })
        .await
    }

    async fn fail(&self, lease: &Lease, failure: Failure) -> StoreResult<()> {
        let lease = lease.copy();
        self.write(move |conn, now| Box::pin(async move { jobs::fail(conn, &lease, &failure, now).await })).await
    }

    async fn release(&self, lease: &Lease) -> StoreResult<()> {
        let (lease, queue) = (lease.copy(), lease.queue);
        self.write(move |conn, now| Box::pin(async move { jobs::release(conn, &lease, now.queue).await })).await?;
        self.signals.wake(queue, 1);
        Ok(())
    }

    async fn defer(&self, lease: &Lease, wait: Duration) -> StoreResult<()> {
        let lease = lease.copy();
        self.write(move |conn, now| Box::pin(async move { jobs::release(conn, &lease, now.queue.after(wait)).await }))
            .await
    }

    async fn hasten(&self, kind: &str, target: &str) -> StoreResult<u64> {
        let (kind, target) = (kind.to_owned(), target.to_owned());
        let hastened = self
            .write(move |conn, now| Box::pin(async move { jobs::hasten(conn, (&kind, &target), now.queue).await }))
            .await?;
        self.signals.wake(Queue::Deliver, usize::try_from(hastened).unwrap_or(1));
        Ok(hastened)
    }

    async fn recover(&self) -> StoreResult<u64> {
        self.write(|conn, now| Box::pin(async move { driver::recover(conn, now.queue).await })).await
    }

    async fn quarantine(&self, lease: &Lease, reason: &str) -> StoreResult<()> {
        let (lease, reason) = (lease.copy(), reason.to_owned());
        self.write(move |conn, now| Box::pin(async move { jobs::quarantine(conn, &lease, &reason, now.wall).await }))
            .await
    }

    async fn delivered(&self, lease: &Lease) -> StoreResult<()> {
        let lease = lease.copy();
        self.write(move |conn, now| Box::pin(async move { jobs::delivered(conn, &lease, now.wall).await })).await
    }

    async fn withheld(&self, lease: &Lease, why: &str) -> StoreResult<()> {
        let (lease, why) = (lease.copy(), why.to_owned());
        self.write(move |conn, _| Box::pin(async move { jobs::withheld(conn, &lease, &why).await })).await
    }

    async fn wait(&self, queue: Queue, timeout: Duration) {
        self.signals.wait(queue, timeout).await;
    }

    async fn commit(&self, commits: Vec<Commit>) -> StoreResult<Vec<Committed>> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Commit(Decide { commits, reply }), answer).await
    }

    async fn lock(&self, name: &str, owner: &str, ttl: Duration) -> StoreResult<Option<NamedLock>> {
        let (name, owner) = (name.to_owned(), owner.to_owned());
        self.write(move |conn, now| {
            Box::pin(async move { mailboxes::lock(conn, &name, &owner, now.queue.after(ttl), now.queue).await })
        })
        .await
    }

    async fn unlock(&self, lock: &NamedLock) -> StoreResult<()> {
        let lock = lock.clone();
        self.write(move |conn, _| Box::pin(async move { mailboxes::unlock(conn, &lock).await })).await
    }

    async fn mailbox(&self, mailbox: &str) -> StoreResult<MailboxState> {
        mailboxes::mailbox(&mut *self.reader().await?, mailbox).await
    }

    async fn save_mailbox(&self, mailbox: &str, state: &MailboxState, lock: &NamedLock) -> StoreResult<()> {
        let (mailbox, state, lock) = (mailbox.to_owned(), state.clone(), lock.clone());
        self.write(move |conn, _| Box::pin(async move { mailboxes::save_mailbox(conn, &mailbox, &state, &lock).await }))
            .await
    }

    async fn count_fetch(&self, mailbox: &str, uidvalidity: u32, uid: u32) -> StoreResult<u32> {
        let mailbox = mailbox.to_owned();
        self.write(move |conn, _| {
            Box::pin(async move { mailboxes::count_fetch(conn, &mailbox, uidvalidity, uid).await })
        })
        .await
    }

    async fn journalled_uids(&self, mailbox: &str, uidvalidity: u32, from: u32) -> StoreResult<Vec<u32>> {
        mailboxes::journalled_uids(&mut *self.reader().await?, mailbox, uidvalidity, from).await
    }

    async fn secret(&self, name: &str) -> StoreResult<Option<String>> {
        mailboxes::secret(&mut *self.reader().await?, name).await
    }

    async fn save_secret(&self, name: &str, value: &str) -> StoreResult<()> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.write(move |conn, now| {
            Box::pin(async move { mailboxes::save_secret(conn, &name, &value, now.wall).await })
        })
        .await
    }

    async fn spend(&self, token: &str, expires_at: Timestamp) -> StoreResult<bool> {
        let token = token.to_owned();
        self.write(move |conn, _| Box::pin(async move { mailboxes::spend(conn, &token, expires_at).await })).await
    }

    async fn list_arrivals(&self, filter: rows::ArrivalFilter) -> StoreResult<Vec<rows::ArrivalRow>> {
        arrivals::list(&mut *self.reader().await?, &filter).await
    }

    async fn show_arrival(&self, id: Ulid) -> StoreResult<Option<rows::ArrivalDetail>> {
        arrivals::show(&mut *self.reader().await?, id).await
    }

    async fn requeue(&self, id: Ulid, from: &[ArrivalState], released: bool, actor: &str) -> StoreResult<bool> {
        let (from, actor) = (from.to_vec(), actor.to_owned());
        let done = self
            .write(move |conn, now| {
                Box::pin(async move { arrivals::requeue(conn, id, &from, released, &actor, now).await })
            })
            .await?;
        self.signals.wake(Queue::Process, usize::from(done));
        Ok(done)
    }

    async fn discard(&self, id: Ulid, reason: &str, actor: &str) -> StoreResult<bool> {
        let (reason, actor) = (reason.to_owned(), actor.to_owned());
        self.write(move |conn, now| {
            Box::pin(async move { arrivals::discard(conn, id, &reason, &actor, now.wall).await })
        })
        .await
    }

    async fn list_records(&self, kind: EntityKind, filter: rows::RecordFilter) -> StoreResult<Vec<rows::RecordRow>> {
        records::list(&mut *self.reader().await?, kind, &filter).await
    }

    async fn states(&self, kind: EntityKind) -> StoreResult<Vec<String>> {
        records::states(&mut *self.reader().await?, kind).await
    }

    async fn show_record(&self, kind: EntityKind, id: Ulid) -> StoreResult<Option<rows::RecordDetail>> {
        show::show(&mut *self.reader().await?, kind, id).await
    }

    async fn outline(&self, kind: RecordKind, id: Ulid) -> StoreResult<Option<rows::RecordOutline>> {
        outline::outline(&mut *self.reader().await?, kind, id).await
    }

    async fn dead_letters(&self, before: Option<i64>, limit: i64) -> StoreResult<Vec<rows::DeadLetter>> {
        arrivals::dead_letters(&mut *self.reader().await?, before, limit).await
    }

    async fn announced_came(&self, keys: &[String]) -> StoreResult<u64> {
        let keys = keys.to_vec();
        self.write(move |conn, _| Box::pin(async move { journal::announced_came(conn, &keys).await })).await
    }

    async fn judge_file(&self, arrival: Ulid, part: &str, verdict: &str) -> StoreResult<u64> {
        let (part, verdict) = (part.to_owned(), verdict.to_owned());
        self.write(move |conn, _| Box::pin(async move { files::judge_file(conn, arrival, &part, &verdict).await }))
            .await
    }

    async fn retry_dead_letter(&self, job: i64) -> StoreResult<bool> {
        let done = self
            .write(move |conn, now| Box::pin(async move { arrivals::retry_dead_letter(conn, job, now).await }))
            .await?;
        self.signals.wake(Queue::Deliver, usize::from(done));
        Ok(done)
    }

    async fn campaigns(&self, waiting: bool, limit: i64) -> StoreResult<Vec<rows::CampaignRow>> {
        campaigns::list(&mut *self.reader().await?, waiting, limit).await
    }

    async fn add_campaign(&self, name: &str, others: &[String]) -> StoreResult<rows::CampaignMade> {
        let (name, others) = (name.to_owned(), others.to_vec());
        self.write(move |conn, now| Box::pin(async move { campaigns::add(conn, &name, &others, now.wall).await })).await
    }

    async fn sync_people(&self, people: Vec<rows::PersonRow>, teams: Vec<rows::TeamRow>) -> StoreResult<()> {
        self.write(move |conn, _| Box::pin(async move { people::sync_people(conn, &people, &teams).await })).await
    }

    async fn save_ruleset(&self, hash: &str, sources: &serde_json::Value) -> StoreResult<()> {
        let (hash, sources) = (hash.to_owned(), sources.clone());
        self.write(move |conn, now| {
            Box::pin(async move { people::save_ruleset(conn, &hash, &sources, now.wall).await })
        })
        .await
    }

    async fn ruleset(&self, hash: &str) -> StoreResult<Option<serde_json::Value>> {
        people::ruleset(&mut *self.reader().await?, hash).await
    }

    async fn visitor_turn(&self, mail: VisitorMail) -> StoreResult<Turn> {
        self.write(move |conn, now| Box::pin(async move { visitors::turn(conn, &mail, now.queue).await })).await
    }

    async fn open_link(&self, kind: LinkKind, hash: &str) -> StoreResult<Option<OpenLink>> {
        visitors::link(&mut *self.reader().await?, kind, hash, self.steady.now()).await
    }

    async fn use_link(&self, kind: LinkKind, hash: &str, evidence: Evidence) -> StoreResult<Used> {
        let hash = hash.to_owned();
        let (used, released) = self
            .write(move |conn, now| Box::pin(async move { visitors::redeem(conn, kind, &hash, &evidence, now).await }))
            .await?;
        self.signals.wake(Queue::Process, usize::from(released));
        Ok(used)
    }

    async fn confirmed(&self, asked: &[(String, String)]) -> StoreResult<Vec<ConfirmedPurpose>> {
        visitors::confirmed(&mut *self.reader().await?, asked).await
    }

    async fn purge_raw(&self, form: &str, before: Timestamp, most: i64) -> StoreResult<u64> {
        let found = retention::purgeable(&mut *self.reader().await?, form, before, most).await?;
        if found.is_empty() {
            return Ok(0);
        }
        self.write(move |conn, _| Box::pin(async move { retention::purge(conn, &found).await })).await
    }

    async fn erasable(&self, address: &str, also: &[Ulid]) -> StoreResult<Erasable> {
        erase::find(&mut *self.reader().await?, address, also).await
    }

    async fn erase(&self, steps: Vec<EraseStep>, by: &Erasure) -> StoreResult<ErasedCounts> {
        let by = by.clone();
        self.write(move |conn, now| Box::pin(async move { erase::run_steps(conn, &steps, &by, now.wall).await })).await
    }

    async fn mentioned(&self, address: &str, most: i64) -> StoreResult<Vec<Ulid>> {
        erase::mentioned(&mut *self.reader().await?, address, most).await
    }

    async fn stats(&self) -> StoreStats {
        let readers = self.readers.clone();
        self.figures.count(async move { figures::settled(&mut *readers.acquire().await?).await }).await;
        let read = async { figures::stats(&mut *self.reader().await?, self.steady.now()).await };
        let read = read.await;
        let reachable = matches!(read, Ok(_) | Err(StoreError::Busy(_)));
        let forgotten = self.write(|conn, now| Box::pin(async move { forget(conn, now).await })).await;
        if let Err(error) = forgotten {
            tracing::debug!(%error, "keys that ran out could not be forgotten; the next round tries again");
        }
        self.figures.show(read, reachable)
    }

    async fn settings(&self) -> StoreResult<Vec<(String, String, bool)>> {
        self.write(|conn, _| Box::pin(async move { settings(conn).await })).await
    }

    async fn plans(&self) -> StoreResult<Vec<(&'static str, String)>> {
        self.write(|conn, _| Box::pin(async move { plans(conn).await })).await
    }

    async fn close(&self) {
        self.figures.stop();
        let (done, closed) = oneshot::channel();
        if self.commands.send(Command::Close(done)).await.is_ok() {
            closed.await.ok();
        }
        self.readers.close().await;
    }
}

/// Forgets keys and tokens that ran out, a few at a time.
async fn forget(conn: &mut SqliteConnection, now: Times) -> StoreResult<u64> {
    visitors::forget(conn, now.queue).await?;
    let tokens = mailboxes::forget_spent(conn, now.wall).await?;
    Ok(journal::forget_keys(conn, now.wall).await?.saturating_add(tokens))
}

/// The writer's own settings: those decide what a commit means.
async fn settings(conn: &mut SqliteConnection) -> StoreResult<Vec<(String, String, bool)>> {
    let version: String = sqlx::query("SELECT sqlite_version() AS v").fetch_one(&mut *conn).await?.try_get("v")?;
    let journal: String = sqlx::query("PRAGMA journal_mode").fetch_one(&mut *conn).await?.try_get(0)?;
    let synchronous: i64 = sqlx::query("PRAGMA synchronous").fetch_one(&mut *conn).await?.try_get(0)?;
    let keys: i64 = sqlx::query("PRAGMA foreign_keys").fetch_one(&mut *conn).await?.try_get(0)?;
    let wal = journal == "wal";
    Ok(vec![
        ("sqlite_version".to_owned(), version, true),
        ("journal_mode".to_owned(), journal, wal),
        ("synchronous".to_owned(), if synchronous >= 2 { "full" } else { "not full" }.to_owned(), synchronous >= 2),
        ("foreign_keys".to_owned(), if keys == 1 { "on" } else { "off" }.to_owned(), keys == 1),
    ])
}

/// The plan of every statement; explaining one prepares it.
async fn plans(conn: &mut SqliteConnection) -> StoreResult<Vec<(&'static str, String)>> {
    let mut plans = Vec::new();
    for (name, sql) in queries::all_statements().into_iter().chain(driver::STATEMENTS) {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let rows = sqlx::query(explain)
            .persistent(false)
            .fetch_all(&mut *conn)
            .await
            .map_err(|e| StoreError::Other(format!("the statement {name} cannot be prepared: {e}").into()))?;
        let lines: Vec<String> = rows.iter().map(|r| r.try_get("detail")).collect::<Result<_, _>>()?;
        plans.push((name, lines.join("\n")));
    }
    Ok(plans)
}
