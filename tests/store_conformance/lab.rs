//! A store under test and the things tests put into it.

use std::sync::Arc;
use std::time::Duration;

use pisteur::clock::{Clock, SystemClock, Timestamp};
use pisteur::domain::decision::{Action, Decision, Link, NewRecord, OwnerChoice, RecordKind, UnknownCampaign};
use pisteur::domain::enquiry::{Email, EmailKind, Enquiry, Person, Phone};
use pisteur::domain::envelope::{
    ArrivalContext, ArrivalKey, ArrivalState, Channel, Digest, Envelope, MailPosition, RawKind,
};
use pisteur::domain::matching::profile::Profile;
use pisteur::domain::matching::{EntityRef, KeyKind, MatchKey, NeighbourQuery, Neighbourhood};
use pisteur::domain::submission::Submission;
use pisteur::store::{
    Accepted, Claim, Commit, Committed, Guard, JobSubject, Lease, NewArrival, OpenOptions, Queue, Store, open,
};
use tempfile::TempDir;
use ulid::Ulid;

/// One store on one engine.
pub struct Lab {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub url: String,
    /// Held so that the folder outlives the test.
    pub dir: TempDir,
}

/// Long enough for everything a test does under a lease.
pub const LEASE: Duration = Duration::from_mins(1);

impl Lab {
    /// A new SQLite file.
    pub async fn sqlite() -> Self {
        let dir = TempDir::with_prefix("pisteur-store-").unwrap();
        Self::open(&format!("sqlite://{}/db/pisteur.db", dir.path().display()), dir).await
    }

    /// The store `url` names; `dir` also takes the spill.
    pub async fn open(url: &str, dir: TempDir) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let (store, opened) = open(options(url, &clock, &dir)).await.unwrap();
        assert!(opened.created && opened.migrated > 0, "{opened:?}");
        Self { store, clock, url: url.to_owned(), dir }
    }

    /// The same database through a daemon whose clock is `ahead` seconds ahead of the others.
    pub async fn skewed(&self, ahead: i64) -> Self {
        let dir = TempDir::with_prefix("pisteur-store-").unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SkewedClock { ahead, machine: SystemClock::default() });
        let (store, _) = open(options(&self.url, &clock, &dir)).await.unwrap();
        Self { store, clock, url: self.url.clone(), dir }
    }

    pub async fn end(self) {
        self.store.close().await;
    }

    /// Runs statements behind the store's back.
    pub async fn sql(&self, sql: &str) {
        crate::support::ledger::run(&self.url, sql).await;
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn id(&self) -> Ulid {
        self.clock.new_id()
    }

    /// A form post with this body and these keys.
    pub fn form(&self, body: &str, keys: &[&str]) -> NewArrival {
        let keys = keys.iter().map(|k| ArrivalKey { value: (*k).to_owned(), expires_at: None }).collect();
        let raw = body.as_bytes().to_vec();
        let envelope = Envelope {
            id: self.id(),
            channel: Channel::Form,
            intake_id: "contact".to_owned(),
            keys,
            received_at: self.now(),
            digest: Digest::of(&raw),
            raw_kind: RawKind::Form,
            content_type: Some("application/x-www-form-urlencoded".to_owned()),
            context: ArrivalContext { client_ip: Some("192.0.2.7".to_owned()), ..ArrivalContext::default() },
            raw: raw.into(),
        };
        NewArrival::received(envelope)
    }

    /// A mail of a mailbox at a UID.
    pub fn mail(&self, mailbox: &str, uid: u32, body: &str) -> NewArrival {
        let mut arrival = self.form(body, &[&format!("mail:{}", Digest::of(body.as_bytes()))]);
        arrival.envelope.channel = Channel::Mail;
        arrival.envelope.raw_kind = RawKind::Mail;
        arrival.envelope.content_type = None;
        mailbox.clone_into(&mut arrival.envelope.intake_id);
        arrival.envelope.context = ArrivalContext {
            mail: Some(MailPosition { folder: "INBOX".to_owned(), uidvalidity: 7, uid, internal_date: None }),
            ..ArrivalContext::default()
        };
        arrival
    }

    pub async fn accept(&self, arrival: NewArrival) -> Accepted {
        self.store.accept(vec![arrival], None).await.unwrap().remove(0)
    }

    pub async fn claim(&self, limit: usize) -> Vec<Arc<Lease>> {
        self.claim_of(Queue::Process, "worker", limit, LEASE, false).await
    }

    pub async fn claim_of(
        &self,
        queue: Queue,
        owner: &str,
        limit: usize,
        lease: Duration,
        suspects: bool,
    ) -> Vec<Arc<Lease>> {
        let claim = Claim { queue, owner: owner.to_owned(), limit, lease, suspects };
        self.store.claim(claim).await.unwrap().into_iter().map(Arc::new).collect()
    }

    /// An arrival, journalled and claimed.
    pub async fn claimed(&self, body: &str) -> Arc<Lease> {
        let accepted = self.accept(self.form(body, &[])).await;
        self.lease_of(accepted.id()).await
    }

    /// The lease on one arrival; other arrivals claimed on the way are given back.
    pub async fn lease_of(&self, arrival: Ulid) -> Arc<Lease> {
        let mut found = None;
        for lease in self.claim(1000).await {
            if *lease.subject() == JobSubject::Arrival(arrival) {
                found = Some(lease);
            } else {
                self.store.release(&lease).await.unwrap();
            }
        }
        found.expect("the arrival has a job")
    }

    /// A decision's commit, as a test fills it in.
    pub fn commit(&self, lease: &Arc<Lease>, enquiry: &Enquiry, action: Action) -> Commit {
        let JobSubject::Arrival(arrival) = lease.subject() else { panic!("a process job") };
        let keys = keys(enquiry);
        Commit {
            lease: Arc::clone(lease),
            arrival: *arrival,
            envelope: Arc::new(Envelope { id: *arrival, raw: bytes::Bytes::new(), ..self.form("", &[]).envelope }),
            submission: Arc::new(Submission {
                subject: enquiry.topic.clone(),
                text: enquiry.message.clone(),
                reply: enquiry.message.clone(),
                ..Submission::default()
            }),
            enquiry: Arc::new(enquiry.clone()),
            decision: Decision {
                state: ArrivalState::Decided,
                reason: None,
                action,
                set: Vec::new(),
                keys: keys.clone(),
                profile: Profile::of_enquiry(enquiry),
                unsubscribe: None,
                bounced: Vec::new(),
                rules_hash: "r1".to_owned(),
                rule_ids: vec!["catch-all".to_owned()],
                trace: serde_json::json!({ "why": "test" }),
            },
            communication: self.id(),
            decision_id: self.id(),
            guard: Guard { keys: keys.into_iter().filter(|k| k.kind.is_strong()).collect(), seen: Vec::new() },
            effects: Vec::new(),
            now: self.now(),
        }
    }

    /// A new record without ties.
    pub fn record(&self, kind: RecordKind) -> NewRecord {
        NewRecord {
            kind,
            id: self.id(),
            title: "Bike".to_owned(),
            contact: Link::None,
            organisation: Link::None,
            linked_to: None,
            lead_of_origin: None,
            owner: OwnerChoice::Nobody,
            team: None,
            stage: None,
            priority: 1,
            score: 5,
            tags: vec!["bike".to_owned()],
            expected_revenue: None,
            verification_required: false,
            candidates: Vec::new(),
            organisation_candidates: Vec::new(),
            organisation_learns: false,
            incomplete: Vec::new(),
            unknown_campaign: UnknownCampaign::Create,
        }
    }

    /// Makes a lead of an enquiry; its id.
    pub async fn lead(&self, enquiry: &Enquiry) -> Ulid {
        let lease = self.claimed(&enquiry.message).await;
        let new = self.record(RecordKind::Lead);
        let id = new.id;
        let commit = self.commit(&lease, enquiry, Action::Create(Box::new(new)));
        assert_eq!(self.one(commit).await, Committed::Done { owner: None });
        id
    }

    pub async fn one(&self, commit: Commit) -> Committed {
        self.store.commit(vec![commit]).await.unwrap().remove(0)
    }

    pub async fn neighbours(&self, keys: Vec<MatchKey>) -> Neighbourhood {
        let query = NeighbourQuery { keys, ..NeighbourQuery::default() };
        self.store.neighbours(&[query]).await.unwrap().remove(0)
    }

    /// The smallest decide loop: join the open lead that has the email, else make one; until there is no conflict.
    pub async fn decide(&self, lease: &Arc<Lease>, enquiry: &Enquiry) -> Action {
        loop {
            let known = self.neighbours(keys(enquiry)).await;
            let open: Vec<EntityRef> = known.records.iter().filter(|n| n.open).map(|n| n.entity).collect();
            let action = open.first().map_or_else(
                || Action::Create(Box::new(self.record(RecordKind::Lead))),
                |record| Action::Append(*record),
            );
            let mut commit = self.commit(lease, enquiry, action.clone());
            commit.guard.seen = known.records.iter().map(|n| n.entity.id).collect();
            match self.one(commit).await {
                Committed::Done { .. } => return action,
                Committed::Conflict => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

/// A machine's clock that is wrong by a fixed time.
#[derive(Debug)]
struct SkewedClock {
    ahead: i64,
    machine: SystemClock,
}

impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.machine.now().micros() + self.ahead * 1_000_000)
    }

    fn new_id(&self) -> Ulid {
        self.machine.new_id()
    }

    fn random(&self) -> [u8; 32] {
        self.machine.random()
    }
}

/// Open options as tests use them.
pub fn options(url: &str, clock: &Arc<dyn Clock>, dir: &TempDir) -> OpenOptions {
    OpenOptions {
        url: url.to_owned(),
        spill: true,
        spill_dir: dir.path().join("spill"),
        spill_limit: 64 << 20,
        allow_unsafe_server: true,
        clock: Arc::clone(clock),
        migrate: true,
    }
}

/// A person with an email, and a phone when given.
pub fn person(name: &str, email: &str, phone: Option<&str>) -> Enquiry {
    let (first, last) = name.split_once(' ').unwrap();
    Enquiry {
        kind: "person".to_owned(),
        person: Person {
            first_name: Some(first.to_owned()),
            last_name: Some(last.to_owned()),
            full_name: Some(name.to_owned()),
            ..Person::default()
        },
        emails: vec![Email { address: email.to_owned(), canonical: email.to_lowercase(), kind: EmailKind::Personal }],
        phones: phone
            .map(|p| Phone { raw: p.to_owned(), e164: Some(p.to_owned()), kind: "mobile".to_owned() })
            .into_iter()
            .collect(),
        topic: Some("Bike".to_owned()),
        message: format!("I am {name}."),
        ..Enquiry::default()
    }
}

/// Keys of an enquiry, sorted.
pub fn keys(enquiry: &Enquiry) -> Vec<MatchKey> {
    let emails = enquiry.emails.iter().map(|e| MatchKey::of(KeyKind::Email, &e.canonical));
    let phones = enquiry.phones.iter().filter_map(|p| Some(MatchKey::of(KeyKind::Phone, p.e164.as_ref()?)));
    let mut keys: Vec<MatchKey> = emails.chain(phones).collect();
    if let Some(domain) = &enquiry.organisation.domain {
        keys.push(MatchKey::of(KeyKind::Domain, domain));
    }
    keys.sort_unstable();
    keys
}
