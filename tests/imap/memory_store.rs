//! A store in memory that knows mailboxes only: it can be told to fail, and shows what was journalled in which order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use pisteur::clock::Timestamp;
use pisteur::domain::decision::RecordKind;
use pisteur::domain::envelope::{ArrivalState, Envelope};
use pisteur::domain::matching::fit::Answers;
use pisteur::domain::matching::model::Model;
use pisteur::domain::matching::shadow::Trial;
use pisteur::domain::matching::{EntityKind, MatchKey, NeighbourQuery, Neighbourhood};
use pisteur::store::merge::{Answer, Joined, MergeOrder, Merged, Question, Rejected, Unmerged};
use pisteur::store::rows;
use pisteur::store::sweep::{Sweep, Swept, Unswept};
use pisteur::store::{
    Accepted, Claim, Commit, Committed, ConfirmedPurpose, CursorMove, Erasable, EraseStep, ErasedCounts, Erasure,
    Evidence, Failure, Indexed, Lease, LinkKind, MailboxState, NamedLock, NewArrival, NewModel, OpenLink, Queue,
    Recognition, Reindexed, Store, StoreError, StoreResult, StoreStats, Turn, Used, VisitorMail, Waiting,
};
use ulid::Ulid;

/// What the store holds.
#[derive(Debug, Default)]
pub struct Held {
    pub arrivals: Vec<NewArrival>,
    pub keys: BTreeMap<String, Ulid>,
    pub repeats: usize,
    /// UIDVALIDITY and UID of everything journalled, repeats too.
    pub positions: BTreeSet<(u32, u32)>,
    pub states: BTreeMap<String, MailboxState>,
    pub attempts: BTreeMap<(u32, u32), u32>,
    pub secrets: BTreeMap<String, String>,
    pub lock_owner: Option<String>,
    /// Every write is refused.
    pub away: bool,
    /// Batches accepted.
    pub batches: Vec<usize>,
}

/// The store.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Held>);

impl MemoryStore {
    /// A look at, or a change of, what is held.
    pub fn with<T>(&self, f: impl FnOnce(&mut Held) -> T) -> T {
        f(&mut self.0.lock().unwrap())
    }

    /// UIDs journalled, in the order of journalling.
    pub fn uids(&self) -> Vec<u32> {
        self.with(|h| h.arrivals.iter().filter_map(|a| Some(a.envelope.context.mail.as_ref()?.uid)).collect())
    }

    fn reachable(&self) -> StoreResult<()> {
        if self.with(|h| h.away) { Err(StoreError::Away("told to be away".into())) } else { Ok(()) }
    }
}

/// UID of a journalled mail.
pub fn uid(arrival: &NewArrival) -> u32 {
    arrival.envelope.context.mail.as_ref().unwrap().uid
}

fn none<T>() -> StoreResult<T> {
    Err(StoreError::Unusable("not part of this store".into()))
}

#[async_trait]
impl Sweep for MemoryStore {
    async fn unswept(&self, _most: i64) -> StoreResult<Vec<Unswept>> {
        none()
    }
    async fn swept(&self, _done: Vec<Swept>) -> StoreResult<u64> {
        none()
    }
}

#[async_trait]
impl Recognition for MemoryStore {
    async fn neighbours(&self, _queries: &[NeighbourQuery]) -> StoreResult<Vec<Neighbourhood>> {
        none()
    }
    async fn generic_keys(&self, _keys: &[MatchKey]) -> StoreResult<BTreeSet<MatchKey>> {
        unreachable!("no mailbox decides")
    }
    async fn import_contacts(&self, _contacts: Vec<rows::ContactImport>) -> StoreResult<Vec<rows::Imported>> {
        none()
    }
    async fn import_place(&self, _source: &str) -> StoreResult<Option<rows::ImportPlace>> {
        none()
    }
    async fn keep_import_place(&self, _source: &str, _place: Option<rows::ImportPlace>) -> StoreResult<()> {
        none()
    }
    async fn merge(&self, _order: MergeOrder) -> StoreResult<Answer<Merged>> {
        none()
    }
    async fn unmerge(&self, _event: Ulid, _actor: &str) -> StoreResult<Answer<Unmerged>> {
        none()
    }
    async fn questions(&self, _before: Option<i64>, _limit: i64) -> StoreResult<Vec<Question>> {
        none()
    }
    async fn accept_question(&self, _id: i64, _order: MergeOrder) -> StoreResult<Answer<Joined>> {
        none()
    }
    async fn reject_question(&self, _id: i64, _actor: &str) -> StoreResult<Answer<Rejected>> {
        none()
    }
    async fn reindex(&self, _all: bool, _after: i64, _most: i64) -> StoreResult<Reindexed> {
        none()
    }
    async fn waiting(&self) -> StoreResult<Waiting> {
        none()
    }
    async fn profiles(&self, _after: (i64, i64), _most: i64) -> StoreResult<Vec<Indexed>> {
        none()
    }
    async fn answers(&self) -> StoreResult<Answers> {
        none()
    }
    async fn trials(&self, _before: i64, _most: i64) -> StoreResult<(Vec<Trial>, Option<i64>)> {
        none()
    }
    async fn keep_model(&self, _model: NewModel) -> StoreResult<i64> {
        none()
    }
    async fn put_in_force(&self, _model: i64) -> StoreResult<bool> {
        none()
    }
    async fn in_force(&self, _had: Option<i64>) -> StoreResult<Option<Model>> {
        none()
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn engine(&self) -> &'static str {
        "memory"
    }

    async fn accept(&self, arrivals: Vec<NewArrival>, cursor: Option<CursorMove>) -> StoreResult<Vec<Accepted>> {
        self.reachable()?;
        self.with(|held| {
            if let Some(cursor) = cursor {
                if held.lock_owner.as_deref() != Some(cursor.lock.owner.as_str()) {
                    return Err(StoreError::Fenced(0));
                }
                let state = held.states.entry(cursor.mailbox).or_default();
                (state.uidvalidity, state.last_uid) = (cursor.uidvalidity, cursor.last_uid);
            }
            held.batches.push(arrivals.len());
            for arrival in arrivals {
                // Further prospects of a message have no position of their own.
                if let Some(position) = &arrival.envelope.context.mail
                    && !held.positions.insert((position.uidvalidity, position.uid))
                {
                    continue;
                }
                let key = arrival.envelope.keys[0].value.clone();
                let first = *held.keys.entry(key).or_insert(arrival.envelope.id);
                if first == arrival.envelope.id {
                    held.arrivals.push(arrival);
                } else {
                    held.repeats += 1;
                }
            }
            Ok(Vec::new())
        })
    }

    async fn known_key(&self, key: &str) -> StoreResult<Option<Ulid>> {
        Ok(self.with(|h| h.keys.get(key).copied()))
    }

    async fn lock(&self, name: &str, owner: &str, _ttl: Duration) -> StoreResult<Option<NamedLock>> {
        Ok(self.with(|held| {
            let holder = held.lock_owner.get_or_insert_with(|| owner.to_owned());
            (holder == owner).then(|| NamedLock { name: name.to_owned(), owner: owner.to_owned(), token: 1 })
        }))
    }

    async fn unlock(&self, _lock: &NamedLock) -> StoreResult<()> {
        self.with(|h| h.lock_owner = None);
        Ok(())
    }

    async fn mailbox(&self, mailbox: &str) -> StoreResult<MailboxState> {
        self.reachable()?;
        Ok(self.with(|h| h.states.get(mailbox).cloned().unwrap_or_default()))
    }

    async fn save_mailbox(&self, mailbox: &str, state: &MailboxState, _lock: &NamedLock) -> StoreResult<()> {
        self.reachable()?;
        self.with(|h| h.states.insert(mailbox.to_owned(), state.clone()));
        Ok(())
    }

    async fn count_fetch(&self, _mailbox: &str, uidvalidity: u32, uid: u32) -> StoreResult<u32> {
        self.reachable()?;
        Ok(self.with(|h| {
            let count = h.attempts.entry((uidvalidity, uid)).or_default();
            *count += 1;
            *count
        }))
    }

    async fn journalled_uids(&self, _mailbox: &str, uidvalidity: u32, from: u32) -> StoreResult<Vec<u32>> {
        let found = self.with(|h| h.positions.clone());
        Ok(found.into_iter().filter(|(v, uid)| *v == uidvalidity && *uid >= from).map(|p| p.1).collect())
    }

    async fn secret(&self, name: &str) -> StoreResult<Option<String>> {
        Ok(self.with(|h| h.secrets.get(name).cloned()))
    }

    async fn save_secret(&self, name: &str, value: &str) -> StoreResult<()> {
        self.with(|h| h.secrets.insert(name.to_owned(), value.to_owned()));
        Ok(())
    }

    async fn spend(&self, _token: &str, _expires_at: Timestamp) -> StoreResult<bool> {
        none()
    }

    async fn load(&self, _ids: &[Ulid]) -> StoreResult<Vec<Envelope>> {
        none()
    }
    async fn claim(&self, _claim: Claim) -> StoreResult<Vec<Lease>> {
        none()
    }
    async fn renew(&self, _lease: &Lease, _by: Duration) -> StoreResult<Timestamp> {
        none()
    }
    async fn fail(&self, _lease: &Lease, _failure: Failure) -> StoreResult<()> {
        none()
    }
    async fn release(&self, _lease: &Lease) -> StoreResult<()> {
        none()
    }
    async fn defer(&self, _lease: &Lease, _wait: Duration) -> StoreResult<()> {
        none()
    }
    async fn quarantine(&self, _lease: &Lease, _reason: &str) -> StoreResult<()> {
        none()
    }
    async fn delivered(&self, _lease: &Lease) -> StoreResult<()> {
        none()
    }
    async fn withheld(&self, _lease: &Lease, _why: &str) -> StoreResult<()> {
        none()
    }
    async fn visitor_turn(&self, _mail: VisitorMail) -> StoreResult<Turn> {
        none()
    }
    async fn open_link(&self, _kind: LinkKind, _hash: &str) -> StoreResult<Option<OpenLink>> {
        none()
    }
    async fn use_link(&self, _kind: LinkKind, _hash: &str, _evidence: Evidence) -> StoreResult<Used> {
        none()
    }
    async fn confirmed(&self, _asked: &[(String, String)]) -> StoreResult<Vec<ConfirmedPurpose>> {
        none()
    }
    async fn hasten(&self, _kind: &str, _target: &str) -> StoreResult<u64> {
        none()
    }
    async fn purge_raw(&self, _form: &str, _before: Timestamp, _most: i64) -> StoreResult<u64> {
        none()
    }
    async fn erasable(&self, _address: &str, _also: &[Ulid]) -> StoreResult<Erasable> {
        none()
    }
    async fn erase(&self, _steps: Vec<EraseStep>, _by: &Erasure) -> StoreResult<ErasedCounts> {
        none()
    }
    async fn mentioned(&self, _address: &str, _most: i64) -> StoreResult<Vec<Ulid>> {
        none()
    }
    async fn wait(&self, _queue: Queue, _timeout: Duration) {}

    async fn commit(&self, _commits: Vec<Commit>) -> StoreResult<Vec<Committed>> {
        none()
    }
    async fn list_arrivals(&self, _filter: rows::ArrivalFilter) -> StoreResult<Vec<rows::ArrivalRow>> {
        none()
    }
    async fn show_arrival(&self, _id: Ulid) -> StoreResult<Option<rows::ArrivalDetail>> {
        none()
    }
    async fn requeue(&self, _id: Ulid, _from: &[ArrivalState], _released: bool, _actor: &str) -> StoreResult<bool> {
        none()
    }
    async fn discard(&self, _id: Ulid, _reason: &str, _actor: &str) -> StoreResult<bool> {
        none()
    }
    async fn list_records(&self, _: EntityKind, _: rows::RecordFilter) -> StoreResult<Vec<rows::RecordRow>> {
        none()
    }
    async fn states(&self, _kind: EntityKind) -> StoreResult<Vec<String>> {
        none()
    }
    async fn show_record(&self, _kind: EntityKind, _id: Ulid) -> StoreResult<Option<rows::RecordDetail>> {
        none()
    }
    async fn outline(&self, _kind: RecordKind, _id: Ulid) -> StoreResult<Option<rows::RecordOutline>> {
        none()
    }
    async fn dead_letters(&self, _before: Option<i64>, _limit: i64) -> StoreResult<Vec<rows::DeadLetter>> {
        none()
    }
    async fn announced_came(&self, _: &[String]) -> StoreResult<u64> {
        none()
    }
    async fn judge_file(&self, _: Ulid, _: &str, _: &str) -> StoreResult<u64> {
        none()
    }
    async fn retry_dead_letter(&self, _job: i64) -> StoreResult<bool> {
        none()
    }

    async fn campaigns(&self, _waiting: bool, _limit: i64) -> StoreResult<Vec<rows::CampaignRow>> {
        none()
    }
    async fn add_campaign(&self, _name: &str, _others: &[String]) -> StoreResult<rows::CampaignMade> {
        none()
    }
    async fn sync_people(&self, _people: Vec<rows::PersonRow>, _teams: Vec<rows::TeamRow>) -> StoreResult<()> {
        none()
    }
    async fn save_ruleset(&self, _hash: &str, _sources: &serde_json::Value) -> StoreResult<()> {
        none()
    }
    async fn ruleset(&self, _hash: &str) -> StoreResult<Option<serde_json::Value>> {
        none()
    }
    async fn stats(&self) -> StoreStats {
        StoreStats::default()
    }
    async fn settings(&self) -> StoreResult<Vec<(String, String, bool)>> {
        none()
    }
    async fn plans(&self) -> StoreResult<Vec<(&'static str, String)>> {
        none()
    }
    async fn close(&self) {}
}
