//! The house without its listeners: journal, rules, workers' code and a store, driven by hand in the test's process.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use pisteur::clock::{Clock, ManualClock, Timestamp};
use pisteur::config::{self, rules_folder};
use pisteur::domain::envelope::{
    ArrivalContext, ArrivalKey, ArrivalState, Channel, Digest, Envelope, MailPosition, RawKind,
};
use pisteur::domain::matching::EntityKind;
use pisteur::domain::matching::model::Model;
use pisteur::domain::reading::arrival_key;
use pisteur::domain::reading::prospects::apart;
use pisteur::domain::rules::RuleSet;
use pisteur::pipeline::Brain;
use pisteur::pipeline::process::Processor;
use pisteur::pipeline::worker::{self, WorkerSettings};
use pisteur::store::rows::{ArrivalFilter, ArrivalRow, RecordDetail, RecordFilter, RecordRow};
use pisteur::store::{self, Accepted, Claim, Failure, NewArrival, OpenOptions, Queue, Store};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use ulid::Ulid;

use crate::support::daemon::CONTACT;

/// 2026-11-20T09:00:00Z.
pub const START: i64 = 1_795_165_200;

const CONFIG: &str = r#"
own_domains = ["our-company.example"]
default_country = "FR"
[reading]
own_addresses = ["sales@our-company.example"]
"#;

/// A house under test.
pub struct House {
    /// Its memory.
    pub store: Arc<dyn Store>,
    /// Its clock.
    pub clock: Arc<ManualClock>,
    processor: Processor,
    uids: AtomicU32,
    url: String,
    dir: TempDir,
    keys: String,
}

impl House {
    /// On SQLite in an own folder.
    pub async fn sqlite() -> Self {
        Self::sqlite_with("").await
    }

    /// On SQLite in an own folder, configured further.
    pub async fn sqlite_with(keys: &str) -> Self {
        let dir = TempDir::with_prefix("pisteur-house-").expect("a temporary folder");
        let url = format!("sqlite://{}", dir.path().join("pisteur.db").display());
        Self::open(&url, dir, Arc::new(ManualClock::at(Timestamp::from_seconds(START))), keys).await
    }

    /// On the database at `url`.
    pub async fn at(url: &str) -> Self {
        Self::at_with(url, "").await
    }

    /// On the database at `url`, configured further.
    pub async fn at_with(url: &str, keys: &str) -> Self {
        let dir = TempDir::with_prefix("pisteur-house-").expect("a temporary folder");
        Self::open(url, dir, Arc::new(ManualClock::at(Timestamp::from_seconds(START))), keys).await
    }

    /// A second one on the same database, by the same clock.
    pub async fn beside(&self) -> Self {
        let dir = TempDir::with_prefix("pisteur-house-").expect("a temporary folder");
        Self::open(&self.url, dir, Arc::clone(&self.clock), &self.keys).await
    }

    /// Stops and starts again, as the daemon does.
    pub async fn restart(self) -> Self {
        self.store.close().await;
        let house = Self::open(&self.url, self.dir, self.clock, &self.keys).await;
        house.store.recover().await.expect("recovered");
        house
    }

    async fn open(url: &str, dir: TempDir, clock: Arc<ManualClock>, keys: &str) -> Self {
        let config = config::parse("test", &format!("{CONFIG}{keys}{CONTACT}"), &[], config::Source::default())
            .expect("the test's configuration");
        let options = OpenOptions {
            url: url.to_owned(),
            spill: true,
            spill_dir: dir.path().to_owned(),
            spill_limit: 100_000_000,
            allow_unsafe_server: true,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            migrate: true,
        };
        let (store, _) = store::open(options).await.expect("the store opens");
        let declared = config.declarations();
        let sources = rules_folder::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")).expect("rules");
        let compiled = RuleSet::compile(&sources, &declared).expect("the shipped rules compile");
        let brain = Brain {
            rules: Arc::new(compiled.rules),
            declared,
            settings: config.read_settings(),
            policy: config.policy(),
            delivery: config.delivery.clone(),
            visitors: Arc::new(config.visitor_forms()),
            marked_mailboxes: Vec::new(),
            model: Arc::new(Model::start()),
        };
        let processor = Processor {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            brain: Arc::new(ArcSwap::from_pointee(brain)),
            max_failures: 3,
            lease: Duration::from_secs(60),
        };
        Self { store, clock, processor, uids: AtomicU32::new(1), url: url.to_owned(), dir, keys: keys.to_owned() }
    }

    /// Starts two workers, and the one for suspects, which look by themselves after `idle` only.
    pub fn workers(&self, idle: Duration) -> (TaskTracker, CancellationToken) {
        let (tracker, cancel) = (TaskTracker::new(), CancellationToken::new());
        let processor = Processor {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            brain: Arc::clone(&self.processor.brain),
            max_failures: 3,
            lease: Duration::from_secs(60),
        };
        let settings = WorkerSettings {
            owner: "test".to_owned(),
            workers: 2,
            batch: 64,
            lease: Duration::from_secs(60),
            max_crashes: 2,
            program: None,
            idle,
        };
        worker::spawn(&Arc::new(processor), &settings, &tracker, &cancel);
        (tracker, cancel)
    }

    /// Moves the clock.
    pub fn later(&self, by: Duration) {
        self.clock.set(self.clock.now().after(by));
    }

    /// Sets the clock back.
    pub fn step_back(&self, by: Duration) {
        self.clock.set(self.clock.now().before(by));
    }

    /// Takes one due job and leaves it to a failure that may be tried again after `wait`.
    pub async fn fail_one(&self, wait: Duration) {
        let claim = Claim {
            queue: Queue::Process,
            owner: "test".to_owned(),
            limit: 1,
            lease: Duration::from_secs(60),
            suspects: false,
        };
        let lease = self.store.claim(claim).await.expect("claimed").pop().expect("one is due");
        let failure = Failure { error: "busy".to_owned(), retry_after: Some(wait) };
        self.store.fail(&lease, failure).await.expect("failed");
    }

    /// Journals a mail as mailbox `intake` would.
    pub async fn mail_to(&self, intake: &str, raw: &str) -> Accepted {
        let raw = raw.replace('\n', "\r\n").into_bytes();
        let keys = arrival_key::mail_keys(&raw);
        let uid = self.uids.fetch_add(1, Ordering::Relaxed);
        let mail = Some(MailPosition { folder: "INBOX".into(), uidvalidity: 1, uid, internal_date: None });
        let context = ArrivalContext { mail, ..ArrivalContext::default() };
        self.accept(self.envelope(Channel::Mail, intake, RawKind::Mail, None, keys, context, raw)).await
    }

    /// Journals a mail of mailbox `sales`.
    pub async fn mail(&self, raw: &str) -> Accepted {
        self.mail_to("sales", raw).await
    }

    /// Journals a post of the form `contact`.
    pub async fn form(&self, fields: &[(&str, &str)]) -> Accepted {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let kind = Some("application/x-www-form-urlencoded".to_owned());
        let context = ArrivalContext::default();
        self.accept(self.envelope(Channel::Form, "contact", RawKind::Form, kind, Vec::new(), context, body.into()))
            .await
    }

    /// Journals what the door of the mailbox `sales` makes of a mail, each prospect for itself.
    pub async fn prospects(&self, raw: &str) -> Vec<Accepted> {
        let raw = raw.replace('\n', "\r\n").into_bytes();
        let keys = arrival_key::mail_keys(&raw);
        let uid = self.uids.fetch_add(1, Ordering::Relaxed);
        let mail = Some(MailPosition { folder: "INBOX".into(), uidvalidity: 1, uid, internal_date: None });
        let context = ArrivalContext { mail, ..ArrivalContext::default() };
        let whole = self.envelope(Channel::Mail, "sales", RawKind::Mail, None, keys, context, raw);
        let arrivals = apart(whole, || self.clock.new_id()).into_iter().map(NewArrival::received).collect();
        self.store.accept(arrivals, None).await.expect("accepted")
    }

    async fn accept(&self, envelope: Envelope) -> Accepted {
        let arrival = NewArrival::received(envelope);
        self.store.accept(vec![arrival], None).await.expect("accepted").pop().expect("one answer")
    }

    #[expect(clippy::too_many_arguments, reason = "an envelope has that many parts")]
    fn envelope(
        &self,
        channel: Channel,
        intake: &str,
        raw_kind: RawKind,
        content_type: Option<String>,
        keys: Vec<ArrivalKey>,
        context: ArrivalContext,
        raw: Vec<u8>,
    ) -> Envelope {
        Envelope {
            id: self.clock.new_id(),
            channel,
            intake_id: intake.to_owned(),
            keys,
            received_at: self.clock.now(),
            digest: Digest::of(&raw),
            raw_kind,
            content_type,
            context,
            raw: raw.into(),
        }
    }

    /// Where its database is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Processes until nothing is due.
    pub async fn work(&self) {
        self.work_by(16).await;
    }

    /// Processes until nothing is due, at most `limit` arrivals at a time.
    pub async fn work_by(&self, limit: usize) {
        loop {
            let claim = Claim {
                queue: Queue::Process,
                owner: format!("test-{}", self.clock.new_id()),
                limit,
                lease: Duration::from_secs(60),
                suspects: false,
            };
            let leases = self.store.claim(claim).await.expect("claimed");
            if leases.is_empty() {
                return;
            }
            self.processor.run(leases).await;
        }
    }

    /// A person lets an arrival out of quarantine.
    pub async fn release(&self, id: Ulid) {
        let released = self.store.requeue(id, &[ArrivalState::Quarantined], true, "test").await.expect("asked");
        assert!(released, "it was held");
    }

    /// Records of one kind, oldest first.
    pub async fn records(&self, kind: EntityKind) -> Vec<RecordRow> {
        let mut rows = self.store.list_records(kind, RecordFilter::default()).await.expect("listed");
        rows.reverse();
        rows
    }

    /// Leads, oldest first.
    pub async fn leads(&self) -> Vec<RecordRow> {
        self.records(EntityKind::Lead).await
    }

    /// One record whole.
    pub async fn show(&self, kind: EntityKind, id: Ulid) -> RecordDetail {
        self.store.show_record(kind, id).await.expect("read").expect("it exists")
    }

    /// One arrival.
    pub async fn arrival(&self, id: Ulid) -> ArrivalRow {
        self.store.show_arrival(id).await.expect("read").expect("it exists").row
    }

    /// Arrivals in a state.
    pub async fn in_state(&self, state: ArrivalState) -> usize {
        let filter = ArrivalFilter { state: Some(state), ..ArrivalFilter::default() };
        self.store.list_arrivals(filter).await.expect("listed").len()
    }
}
