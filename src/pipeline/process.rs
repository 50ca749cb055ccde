//! Load -> read -> neighbours -> decide -> commit, for a batch of leased arrivals.
//!
//! Invariants:
//! - Everything between load and commit is pure; a batch keeps one [`Brain`] from start to end.
//! - Arrivals of one batch that share a strong key are decided one after the other, so that the second sees the first.
//! - A conflict at commit is no failure of the arrival: it is decided again, with the others, then alone, then later.
//! - Every lease ends: committed, given back, failed with a reason, or lost to its expiry.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use ulid::Ulid;

use super::portions::portions;
use super::visitors::{self, Standing};
use super::{Brain, around, backoff};
use crate::clock::Clock;
use crate::delivery;
use crate::domain::decide::{self, Ids, Question};
use crate::domain::decision::{Action, Decision, Link};
use crate::domain::enquiry::{self, Enquiry};
use crate::domain::envelope::Envelope;
use crate::domain::matching::{MatchKey, Neighbourhood, keys};
use crate::domain::reading;
use crate::domain::submission::Submission;
use crate::store::{Commit, Committed, Effect, Failure, Guard, JobSubject, Lease, Store, StoreError, StoreResult};
use crate::telemetry::fail_point;

/// The second net around reading; the first is the reader's own budget.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Readings that fail before an arrival is held for a person.
const MAX_READINGS: i64 = 3;
/// Arrivals of one batch with a key in common from which on it is asked whether that key tells anything.
const CROWD: usize = 5;
/// Decisions on a wave before its arrivals are decided one after another, and on each of those before it is given back.
const ROUNDS: usize = 4;

/// What processing needs, shared by all workers.
#[derive(Debug)]
pub struct Processor {
    /// Journal, records, jobs.
    pub store: Arc<dyn Store>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    /// Rules and settings of the moment.
    pub brain: Arc<ArcSwap<Brain>>,
    /// Failures outside the arrival before it becomes *failed*.
    pub max_failures: i64,
    /// Lease time, renewed while the work goes on.
    pub lease: Duration,
}

/// One arrival on its way.
#[derive(Debug, Clone)]
pub struct Read {
    /// Envelope without its bytes.
    pub envelope: Arc<Envelope>,
    /// What it says.
    pub submission: Arc<Submission>,
    /// What it means.
    pub enquiry: Arc<Enquiry>,
}

#[derive(Debug)]
struct Work {
    lease: Arc<Lease>,
    read: Read,
    keys: Vec<MatchKey>,
    strong: Vec<MatchKey>,
    ids: Ids,
}

impl Work {
    /// The same arrival, read anew.
    fn with(&self, read: Read) -> Self {
        let keys = keys::keys_of(&read.enquiry);
        let strong = keys::strong(&keys);
        Self { lease: Arc::clone(&self.lease), read, keys, strong, ids: self.ids }
    }
}

impl Processor {
    /// Processes leased arrivals; every lease is settled or left to expire.
    pub async fn run(&self, leases: Vec<Lease>) {
        let leases: Vec<Arc<Lease>> = leases.into_iter().map(Arc::new).collect();
        let work = async {
            for part in portions(&leases, |lease| lease.bytes()) {
                self.run_part(part).await;
            }
        };
        tokio::select! {
            () = work => {}
            () = self.keep(&leases) => {}
        }
    }

    async fn run_part(&self, leases: &[Arc<Lease>]) {
        let brain = self.brain.load_full();
        let work = match self.prepare(&brain, leases).await {
            Ok(work) => work,
            Err(error) => {
                tracing::warn!(%error, "arrivals could not be loaded; they stay queued");
                for lease in leases {
                    note("not loaded", lease, self.store.release(lease).await);
                }
                return;
            }
        };
        let generic = self.generic(&work).await;
        for wave in waves(work, &generic) {
            self.settle(&brain, wave).await;
        }
    }

    /// Keys that many arrivals of this batch share because half the world does (the phone in a website's footer). They
    /// prove nothing and so need no order; without an answer every key keeps its order.
    async fn generic(&self, work: &[Work]) -> BTreeSet<MatchKey> {
        let mut shared: BTreeMap<MatchKey, usize> = BTreeMap::new();
        for key in work.iter().flat_map(|w| &w.keys) {
            *shared.entry(*key).or_default() += 1;
        }
        shared.retain(|_, arrivals| *arrivals >= CROWD);
        let shared: Vec<MatchKey> = shared.into_keys().collect();
        if shared.is_empty() {
            return BTreeSet::new();
        }
        self.store.generic_keys(&shared).await.unwrap_or_default()
    }

    /// Renews the leases at a third of their time while the work goes on; never ends by itself.
    async fn keep(&self, leases: &[Arc<Lease>]) {
        loop {
            tokio::time::sleep(self.lease / 3).await;
            for lease in leases {
                // A settled or lost lease answers "fenced"; the commit finds that out by itself.
                if let Err(StoreError::Away(error)) = self.store.renew(lease, self.lease).await {
                    tracing::debug!(%error, "leases cannot be renewed at present");
                    break;
                }
            }
        }
    }

    async fn prepare(&self, brain: &Arc<Brain>, leases: &[Arc<Lease>]) -> StoreResult<Vec<Work>> {
        let ids: Vec<Ulid> = leases.iter().filter_map(|l| arrival_of(l)).collect();
        let started = Instant::now();
        let mut envelopes: BTreeMap<Ulid, Envelope> =
            self.store.load(&ids).await?.into_iter().map(|e| (e.id, e)).collect();
        stage("load", started);
        let started = Instant::now();
        let (leases, found): (Vec<_>, Vec<_>) =
            leases.iter().filter_map(|lease| Some((Arc::clone(lease), envelopes.remove(&arrival_of(lease)?)?))).unzip();
        let read = read_all(brain, found).await;
        stage("read", started);
        let mut work = Vec::with_capacity(read.len());
        for (lease, read) in leases.into_iter().zip(read) {
            match read {
                Ok(read) => work.push(self.work(lease, read)),
                Err(why) => self.unreadable(&lease, why).await,
            }
        }
        Ok(work)
    }

    fn work(&self, lease: Arc<Lease>, read: Read) -> Work {
        let keys = keys::keys_of(&read.enquiry);
        let strong = keys::strong(&keys);
        let ids = Ids { record: self.clock.new_id(), contact: self.clock.new_id(), organisation: self.clock.new_id() };
        Work { lease, read, keys, strong, ids }
    }

    /// Reading failed: try again later, and after the last time hold it for a person.
    async fn unreadable(&self, lease: &Lease, why: &'static str) {
        metrics::counter!("pisteur_reading_failures_total").increment(1);
        let outcome = if lease.failures() + 1 >= MAX_READINGS {
            self.store.quarantine(lease, "unreadable").await
        } else {
            self.put_back(lease, why).await
        };
        note("reading failed", lease, outcome);
    }

    async fn put_back(&self, lease: &Lease, why: &str) -> StoreResult<()> {
        let failures = lease.failures() + 1;
        let last = failures >= self.max_failures;
        let wait = backoff::backoff(
            u32::try_from(lease.failures()).unwrap_or(u32::MAX),
            backoff::jitter_of(lease.job(), lease.attempt()),
        );
        self.store.fail(lease, Failure { error: why.to_owned(), retry_after: (!last).then_some(wait) }).await
    }

    async fn settle(&self, brain: &Brain, mut wave: Vec<Work>) {
        for _ in 0..ROUNDS {
            if wave.is_empty() {
                return;
            }
            match self.round(brain, &wave).await {
                Ok(again) => {
                    let mut again = again.into_iter();
                    wave.retain(|_| again.next().unwrap_or(false));
                }
                Err(error) => return self.give_back(&wave, &error).await,
            }
        }
        for work in &wave {
            self.settle_alone(brain, work).await;
        }
    }

    /// Decides one arrival by itself: so the way from reading to commit is shortest, and the least can come between.
    /// A conflict says nothing against the arrival (somebody else's was written), so it is never counted as a failure.
    async fn settle_alone(&self, brain: &Brain, work: &Work) {
        let one = std::slice::from_ref(work);
        for round in 0..ROUNDS {
            match self.round(brain, one).await {
                Ok(again) if !again.contains(&true) => return,
                Ok(_) => {
                    let jitter = backoff::jitter_of(work.lease.job(), work.lease.attempt());
                    tokio::time::sleep(backoff::between_rounds(round, jitter)).await;
                }
                Err(error) => return self.give_back(one, &error).await,
            }
        }
        let outcome = self.store.release(&work.lease).await;
        note("arrivals with the same keys kept being written; it is decided again", &work.lease, outcome);
    }

    async fn give_back(&self, wave: &[Work], error: &StoreError) {
        tracing::warn!(%error, arrivals = wave.len(), "decisions could not be committed; the arrivals stay queued");
        if matches!(error, StoreError::Away(_) | StoreError::Busy(_) | StoreError::Full(_)) {
            for work in wave {
                let outcome = self.store.release(&work.lease).await;
                note(given_back(error), &work.lease, outcome);
            }
            return;
        }
        for work in wave {
            let outcome = self.put_back(&work.lease, "the database refused the decision").await;
            note("commit failed", &work.lease, outcome);
        }
    }

    /// One round of decide and commit; true where it has to be done again.
    async fn round(&self, brain: &Brain, wave: &[Work]) -> StoreResult<Vec<bool>> {
        let started = Instant::now();
        let asked: Vec<_> = wave.iter().map(|work| (&work.read, work.keys.as_slice())).collect();
        let (anew, around) =
            around::look(&self.store, &brain.settings, &asked, Some((brain, self.clock.now()))).await?;
        let anew: Vec<Option<Work>> = wave.iter().zip(anew).map(|(work, anew)| Some(work.with(anew?))).collect();
        let wave: Vec<&Work> = wave.iter().zip(&anew).map(|(first, anew)| anew.as_ref().unwrap_or(first)).collect();
        let reads: Vec<&Read> = wave.iter().map(|w| &w.read).collect();
        let standings = visitors::standings(Some(&self.store), brain, &reads).await?;
        stage("neighbours", started);
        let started = Instant::now();
        let mut commits = Vec::with_capacity(wave.len());
        let mut place = Vec::with_capacity(wave.len());
        for (index, ((work, around), standing)) in wave.iter().zip(&around).zip(&standings).enumerate() {
            match std::panic::catch_unwind(AssertUnwindSafe(|| self.commit_of(brain, work, around, standing))) {
                Ok(commit) => {
                    commits.push(commit);
                    place.push(index);
                }
                Err(_) => self.unreadable(&work.lease, "deciding panicked").await,
            }
        }
        stage("decide", started);
        let started = Instant::now();
        let received: Vec<_> = commits.iter().map(|c| c.envelope.received_at).collect();
        fail_point::hit("process-before-commit");
        let outcomes = self.store.commit(commits).await?;
        fail_point::hit("process-after-commit");
        stage("commit", started);
        let mut again = vec![false; wave.len()];
        let mut refused = Vec::new();
        for ((outcome, index), received) in outcomes.iter().zip(place).zip(received) {
            match outcome {
                Committed::Done { .. } => {
                    let seconds = self.clock.now().since(received).as_secs_f64();
                    metrics::histogram!("pisteur_arrival_seconds").record(seconds);
                }
                Committed::Conflict => {
                    metrics::counter!("pisteur_commit_conflicts_total").increment(1);
                    if let Some(slot) = again.get_mut(index) {
                        *slot = true;
                    }
                }
                Committed::Fenced => metrics::counter!("pisteur_leases_lost_total").increment(1),
                Committed::Refused { error } => refused.push((index, error.clone())),
            }
        }
        for (index, error) in refused {
            if let Some(work) = wave.get(index) {
                let outcome = self.put_back(&work.lease, &error).await;
                note("the database refused the decision", &work.lease, outcome);
            }
        }
        Ok(again)
    }

    fn commit_of(&self, brain: &Brain, work: &Work, around: &Neighbourhood, standing: &Standing) -> Commit {
        let now = self.clock.now();
        let mut decision = decide::decide(&Question {
            envelope: &work.read.envelope,
            submission: &work.read.submission,
            enquiry: &work.read.enquiry,
            around,
            rules: &brain.rules,
            declared: &brain.declared,
            policy: &brain.policy,
            ids: work.ids,
            now,
        });
        brain.sign(&mut decision);
        visitors::hold(brain, &work.read, standing, &mut decision);
        metrics::counter!("pisteur_decisions_total", "state" => decision.state.as_str()).increment(1);
        let envelope = &work.read.envelope;
        let mark = envelope.context.mail.clone().filter(|_| brain.marked_mailboxes.contains(&envelope.intake_id));
        let mark = mark.map(|position| (envelope.intake_id.clone(), position));
        let silent = decide::is_silent(envelope, &work.read.submission);
        let facts = delivery::Facts::of(envelope.id, &decision, silent, mark, now)
            .with_files(&decision, &work.read.submission.attachments);
        let mut effects = delivery::plan(&brain.delivery, &facts, &*self.clock);
        effects.extend(self.visitor_mail(brain, work, standing, &mut decision));
        effects.extend(delivery::retrieve::effect(envelope, &work.read.submission, &decision, &*self.clock));
        Commit {
            lease: Arc::clone(&work.lease),
            arrival: work.read.envelope.id,
            envelope: Arc::clone(&work.read.envelope),
            submission: Arc::clone(&work.read.submission),
            enquiry: Arc::clone(&work.read.enquiry),
            guard: guard(work, around, &decision),
            communication: self.clock.new_id(),
            decision_id: self.clock.new_id(),
            decision,
            effects,
            now,
        }
    }

    fn visitor_mail(&self, brain: &Brain, work: &Work, standing: &Standing, decision: &mut Decision) -> Option<Effect> {
        let read = &work.read;
        let arrived = delivery::visitor::Arrived {
            envelope: &read.envelope,
            submission: &read.submission,
            enquiry: &read.enquiry,
            ask: standing.ask.as_ref(),
            confirmed_at: standing.confirmed_at,
        };
        delivery::visitor::plan(&brain.visitors, arrived, decision, &*self.clock)
    }
}

/// The keys that nobody else may have taken meanwhile: those of the person, and those of an organisation about to be made.
fn guard(work: &Work, around: &Neighbourhood, decision: &Decision) -> Guard {
    let mut keys = work.strong.clone();
    if matches!(&decision.action, Action::Create(new) if matches!(new.organisation, Link::New(_))) {
        keys.extend(keys::corporate(&work.keys));
        keys.sort_unstable();
        keys.dedup();
    }
    Guard { keys, seen: around.records.iter().map(|n| n.entity.id).collect() }
}

/// Reads one envelope; what goes on has its context without its bytes.
#[must_use]
pub fn read_one(brain: &Brain, envelope: &Envelope) -> Read {
    let submission = reading::read(envelope, &brain.settings);
    let enquiry = enquiry::understand(&submission, envelope, &brain.settings);
    Read { envelope: Arc::new(envelope.without_raw()), submission: Arc::new(submission), enquiry: Arc::new(enquiry) }
}

type ReadResult = Result<Read, &'static str>;

fn read_caught(brain: &Brain, envelope: &Envelope) -> ReadResult {
    std::panic::catch_unwind(AssertUnwindSafe(|| read_one(brain, envelope))).map_err(|_| "reading panicked")
}

/// Reads a batch on a blocking thread; when that takes too long, each one alone, so that only the culprit fails.
async fn read_all(brain: &Arc<Brain>, envelopes: Vec<Envelope>) -> Vec<ReadResult> {
    let envelopes: Vec<Arc<Envelope>> = envelopes.into_iter().map(Arc::new).collect();
    let (pinned, shared) = (Arc::clone(brain), envelopes.clone());
    let whole = tokio::task::spawn_blocking(move || shared.iter().map(|e| read_caught(&pinned, e)).collect::<Vec<_>>());
    if let Ok(Ok(read)) = tokio::time::timeout(READ_TIMEOUT, whole).await {
        return read;
    }
    let mut each = Vec::with_capacity(envelopes.len());
    for envelope in envelopes {
        let pinned = Arc::clone(brain);
        let one = tokio::task::spawn_blocking(move || read_caught(&pinned, &envelope));
        each.push(match tokio::time::timeout(READ_TIMEOUT, one).await {
            Ok(Ok(read)) => read,
            Ok(Err(_)) => Err("reading stopped"),
            Err(_) => Err("reading took too long"),
        });
    }
    each
}

/// Splits a batch so that no two arrivals of a wave share a telling key of their person or organisation.
fn waves(work: Vec<Work>, generic: &BTreeSet<MatchKey>) -> Vec<Vec<Work>> {
    let mut waves: Vec<(BTreeSet<MatchKey>, Vec<Work>)> = Vec::new();
    for item in work {
        let telling = || item.keys.iter().filter(|k| !generic.contains(k));
        let after = waves.iter().rposition(|(taken, _)| telling().any(|k| taken.contains(k)));
        let index = after.map_or(0, |i| i + 1);
        if waves.len() <= index {
            waves.push((BTreeSet::new(), Vec::new()));
        }
        if let Some((taken, wave)) = waves.get_mut(index) {
            taken.extend(telling().copied());
            wave.push(item);
        }
    }
    waves.into_iter().map(|(_, wave)| wave).collect()
}

fn arrival_of(lease: &Lease) -> Option<Ulid> {
    match lease.subject() {
        JobSubject::Arrival(id) => Some(*id),
        JobSubject::Effect(_) => None,
    }
}

fn stage(name: &'static str, started: Instant) {
    metrics::histogram!("pisteur_stage_seconds", "stage" => name).record(started.elapsed().as_secs_f64());
}

/// Why an arrival goes back into the queue.
const fn given_back(error: &StoreError) -> &'static str {
    match error {
        StoreError::Full(_) => "the disk of the database is full",
        StoreError::Busy(_) => "the database is busy",
        _ => "the database is away",
    }
}

fn note(what: &'static str, lease: &Lease, outcome: StoreResult<()>) {
    let arrival = arrival_of(lease).map(|id| id.to_string()).unwrap_or_default();
    match outcome {
        Ok(()) => tracing::warn!(arrival, attempt = lease.attempt(), "arrival {arrival}: {what}"),
        Err(error) => tracing::warn!(arrival, %error, "arrival {arrival}: {what}; its lease runs out"),
    }
}
