//! A store with decided arrivals and their effects, and an outbox worker on it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pisteur::clock::{Clock, ManualClock, Timestamp};
use pisteur::config::Config;
use pisteur::config::delivery::{
    DeliveryConfig, Event, Include, OneOrMany, OwnerMailConfig, SmtpConfig, SmtpTls, WebhookConfig,
};
use pisteur::delivery::mail::{People, Recipient};
use pisteur::delivery::visitor::House;
use pisteur::delivery::{Deliverers, Facts, deliverers, plan};
use pisteur::domain::decision::{Action, Decision, Link, NewRecord, OwnerChoice, RecordKind, UnknownCampaign};
use pisteur::domain::enquiry::{Attribution, Email, EmailKind, Enquiry, Organisation, Person, Phone};
use pisteur::domain::envelope::{ArrivalContext, ArrivalKey, ArrivalState, Channel, Digest, Envelope, RawKind};
use pisteur::domain::submission::Submission;
use pisteur::pipeline::outbox::{self, OutboxDeps, OutboxSettings};
use pisteur::store::rows::{DeadLetter, PersonRow};
use pisteur::store::{Claim, Commit, Committed, Effect, Guard, NewArrival, OpenOptions, Queue, Store, open};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use ulid::Ulid;

use crate::support::wait;

/// The vector of the Standard Webhooks specification.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// When every scene begins.
pub const START: i64 = 1_700_000_000;

/// Who asks.
#[derive(Debug, Clone)]
pub struct Visitor {
    pub name: String,
    pub email: String,
    pub kind: EmailKind,
    pub topic: String,
    pub owner: OwnerChoice,
    pub record: RecordKind,
}

impl Default for Visitor {
    fn default() -> Self {
        Self {
            name: "Zoé Čapek".into(),
            email: "zoe@client.example.org".into(),
            kind: EmailKind::Personal,
            topic: "Devis chaudière".into(),
            owner: OwnerChoice::Person("anne".into()),
            record: RecordKind::Lead,
        }
    }
}

/// A store in a folder of its own, under a clock that the test moves.
#[derive(Debug)]
pub struct Scene {
    pub store: Arc<dyn Store>,
    pub clock: Arc<ManualClock>,
    pub folder: tempfile::TempDir,
}

impl Scene {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(START)));
        let (store, _) = open(OpenOptions {
            url: format!("sqlite://{}", folder.path().join("p.db").display()),
            spill: true,
            spill_dir: folder.path().to_owned(),
            spill_limit: 1 << 20,
            allow_unsafe_server: true,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            migrate: true,
        })
        .await
        .unwrap();
        let person = |id: &str, name: &str| PersonRow {
            id: id.into(),
            name: name.into(),
            email: Some(format!("{id}@ours.example.net")),
            active: true,
            languages: Vec::new(),
        };
        store.sync_people(vec![person("anne", "Anne"), person("bob", "Bob")], Vec::new()).await.unwrap();
        std::fs::write(folder.path().join("secret"), SECRET).unwrap();
        Self { store, clock, folder }
    }

    /// Moves the clock on.
    pub fn pass(&self, by: Duration) {
        self.clock.set(self.clock.now().after(by));
    }

    /// A webhook to a receiver of this test.
    pub fn webhook(&self, id: &str, url: String) -> WebhookConfig {
        WebhookConfig {
            id: id.into(),
            url,
            secret_env: OneOrMany::default(),
            secret_file: OneOrMany::One(self.folder.path().join("secret")),
            events: vec![Event::Created, Event::Appended],
            include: Include::Thin,
            allow_private: vec!["127.0.0.0/8".into()],
            allow_http: true,
            ca_file: None,
        }
    }

    /// Deliveries to these webhooks.
    pub fn config(webhook: Vec<WebhookConfig>) -> DeliveryConfig {
        DeliveryConfig { webhook, timeout_seconds: 60, ..DeliveryConfig::default() }
    }

    /// Mail to owners through a server on this port.
    pub fn mail_config(port: u16) -> DeliveryConfig {
        let smtp = SmtpConfig {
            host: "127.0.0.1".into(),
            port: Some(port),
            tls: SmtpTls::None,
            user: None,
            password_env: None,
            password_file: None,
            from: "crm@ours.example.net".into(),
            from_name: "Pisteur".into(),
            ca_file: None,
        };
        let owner_mail = OwnerMailConfig { enabled: true, ..OwnerMailConfig::default() };
        DeliveryConfig { smtp: Some(smtp), owner_mail, ..Self::config(Vec::new()) }
    }

    /// A decided arrival with the effects that `config` plans for it.
    pub async fn arrive(&self, config: &DeliveryConfig, visitor: &Visitor) -> (Ulid, Vec<Effect>) {
        let id = self.clock.new_id();
        let raw = format!("email={}&n={id}", visitor.email).into_bytes();
        let envelope = Envelope {
            id,
            channel: Channel::Form,
            intake_id: "contact".into(),
            keys: vec![ArrivalKey { value: format!("form:contact:idem:{id}"), expires_at: None }],
            received_at: self.clock.now(),
            digest: Digest::of(&raw),
            raw_kind: RawKind::Form,
            content_type: Some("application/x-www-form-urlencoded".into()),
            context: ArrivalContext::default(),
            raw: raw.into(),
        };
        let arrival = NewArrival::received(envelope.clone());
        self.store.accept(vec![arrival], None).await.unwrap();
        let (limit, lease) = (10, Duration::from_mins(1));
        let claim = Claim { queue: Queue::Process, owner: "scene".into(), limit, lease, suspects: false };
        let lease = Arc::new(self.store.claim(claim).await.unwrap().pop().expect("the arrival's job"));
        let record = self.clock.new_id();
        let decision = self.decision(record, visitor);
        let facts = Facts::of(id, &decision, false, None, self.clock.now());
        let effects = plan(config, &facts, self.clock.as_ref());
        let commit = Commit {
            lease,
            arrival: id,
            envelope: Arc::new(Envelope { raw: bytes::Bytes::new(), ..envelope }),
            submission: Arc::new(Submission { subject: Some(visitor.topic.clone()), ..Submission::default() }),
            enquiry: Arc::new(enquiry(visitor)),
            decision,
            communication: self.clock.new_id(),
            decision_id: self.clock.new_id(),
            guard: Guard::default(),
            effects: effects.clone(),
            now: self.clock.now(),
        };
        let done = self.store.commit(vec![commit]).await.unwrap();
        assert!(matches!(done[..], [Committed::Done { .. }]), "{done:?}");
        (record, effects)
    }

    fn decision(&self, record: Ulid, visitor: &Visitor) -> Decision {
        let contact = if visitor.record == RecordKind::Lead { Link::None } else { Link::New(self.clock.new_id()) };
        let new = NewRecord {
            kind: visitor.record,
            id: record,
            title: visitor.topic.clone(),
            contact,
            organisation: Link::None,
            linked_to: None,
            lead_of_origin: None,
            owner: visitor.owner.clone(),
            team: Some("sales".into()),
            stage: None,
            priority: 0,
            score: 0,
            tags: Vec::new(),
            expected_revenue: None,
            verification_required: false,
            candidates: Vec::new(),
            organisation_candidates: Vec::new(),
            organisation_learns: false,
            incomplete: Vec::new(),
            unknown_campaign: UnknownCampaign::Create,
        };
        Decision {
            state: ArrivalState::Decided,
            reason: None,
            action: Action::Create(Box::new(new)),
            set: Vec::new(),
            keys: Vec::new(),
            profile: None,
            unsubscribe: None,
            bounced: Vec::new(),
            rules_hash: "test".into(),
            rule_ids: Vec::new(),
            trace: serde_json::json!({}),
        }
    }

    /// Everybody of the house.
    pub fn people() -> People {
        Arc::new(|id| {
            (id != "ghost").then(|| Recipient { name: id.to_uppercase(), email: format!("{id}@ours.example.net") })
        })
    }

    /// The deliverers of a configuration.
    pub fn deliverers(&self, config: &DeliveryConfig) -> Deliverers {
        let house = Config { delivery: config.clone(), ..Config::default() };
        let house = House::of(&house, Arc::clone(&self.clock) as Arc<dyn Clock>);
        deliverers(config, &self.store, Self::people(), house).unwrap()
    }

    /// A worker with these deliverers; it stops when dropped or told.
    pub fn worker(&self, config: &DeliveryConfig, deliverers: Deliverers) -> Worker {
        // A lease longer than any jump of the test's clock.
        let settings = OutboxSettings {
            lease: Duration::from_hours(24),
            poll: Duration::from_millis(20),
            grace: Duration::from_millis(50),
            ..OutboxSettings::of(config)
        };
        self.worker_with(settings, deliverers)
    }

    /// The same under other settings.
    pub fn worker_with(&self, settings: OutboxSettings, deliverers: Deliverers) -> Worker {
        let (cancel, tracker) = (CancellationToken::new(), TaskTracker::new());
        outbox::spawn(OutboxDeps {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            deliverers,
            owner: format!("test-{}", self.clock.new_id()),
            settings,
            cancel: cancel.clone(),
            tracker: tracker.clone(),
        });
        Worker { cancel, tracker }
    }

    /// Effects still to be delivered, waiting or held.
    pub async fn open_effects(&self) -> u64 {
        let stats = self.store.stats().await;
        let of = |map: &std::collections::BTreeMap<&'static str, u64>| map.get("deliver").copied().unwrap_or(0);
        of(&stats.waiting) + of(&stats.leased)
    }

    /// Whether nothing is left to deliver; otherwise, unless a delivery is under way, the clock moves on a little so
    /// that retries come due. (Moving it under a delivery would end its lease.)
    pub async fn settled_or_later(&self) -> bool {
        let stats = self.store.stats().await;
        if stats.leased.get("deliver").copied().unwrap_or(0) == 0 {
            self.pass(Duration::from_mins(1));
        }
        self.open_effects().await == 0
    }

    /// Waits until nothing is left to deliver (dead letters aside).
    pub async fn settled(&self) {
        self.until("every effect is settled", async || self.open_effects().await == 0).await;
    }

    /// Dead letters.
    pub async fn dead(&self) -> Vec<DeadLetter> {
        self.store.dead_letters(None, 0).await.unwrap()
    }

    /// Waits for a condition.
    pub async fn until(&self, what: &str, mut condition: impl AsyncFnMut() -> bool) {
        let start = Instant::now();
        while !condition().await {
            assert!(start.elapsed() < wait::LONG, "waited {:?} in vain until {what}", wait::LONG);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn enquiry(visitor: &Visitor) -> Enquiry {
    Enquiry {
        kind: "person".into(),
        person: Person { full_name: Some(visitor.name.clone()), ..Person::default() },
        organisation: Organisation { name: Some("Atelier Dupont".into()), ..Organisation::default() },
        emails: vec![Email { address: visitor.email.clone(), canonical: visitor.email.clone(), kind: visitor.kind }],
        phones: vec![Phone { raw: "06 12 34 56 78".into(), e164: Some("+33612345678".into()), kind: "mobile".into() }],
        topic: Some(visitor.topic.clone()),
        message: "a private message".into(),
        attribution: Attribution { source: Some("google".into()), ..Attribution::default() },
        ..Enquiry::default()
    }
}

/// A running outbox worker.
#[derive(Debug)]
pub struct Worker {
    cancel: CancellationToken,
    tracker: TaskTracker,
}

impl Worker {
    /// Stops it and waits for everything it started.
    pub async fn stop(self) {
        self.cancel.cancel();
        self.tracker.close();
        tokio::time::timeout(wait::LONG, self.tracker.wait()).await.expect("the worker stops");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}
