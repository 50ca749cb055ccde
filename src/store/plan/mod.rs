//! From decisions to rows: which rows a batch of commits writes, table by table. Pure; the engines run the plan.
//!
//! Invariants:
//! - Rows name parents by inside numbers reserved beforehand, so one statement per table is enough.
//! - A lead keeps its own contact points; an opportunity's belong to its contact, or to itself without one.
//! - Appending adds contact points, keys, tags and custom fields; no column of the record is overwritten.

mod conversation;
mod facts;
pub(super) mod import;
pub(super) mod merge;
mod parties;
mod record;
mod touches;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ulid::Ulid;
use xxhash_rust::xxh3::xxh3_64;

use touches::Touches;

use super::batch::{Batch, row};
use super::{Commit, Queue};
use crate::domain::decision::{Action, Link, OwnerChoice};
use crate::domain::matching::blocking::blocking;
use crate::domain::matching::profile::Profile;
use crate::domain::matching::{EntityKind, KeyKind, MatchKey};
use crate::domain::submission::MailClass;
use crate::domain::visitor::mailbox;

/// A record as the database knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Row id, of the survivor for a merged record.
    pub(super) id: i64,
    /// What it is.
    pub(super) kind: EntityKind,
    /// Contact of an opportunity.
    pub(super) contact: Option<i64>,
}

/// Known records by public id.
pub(super) type KnownRecords = HashMap<Ulid, Known>;

/// The owner settled, a pool's turn taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ownership {
    /// User id.
    pub(super) owner: Option<String>,
    /// Named queue without a person.
    pub(super) queue: Option<String>,
    /// Pool whose turn it was.
    pub(super) pool: Option<String>,
}

impl Ownership {
    /// Of a choice that needs no turn; a pool's member is filled in by the caller.
    pub(super) fn of(choice: &OwnerChoice) -> Self {
        match choice {
            OwnerChoice::Person(user) => Self { owner: Some(user.clone()), ..Self::default() },
            OwnerChoice::Queue(queue) => Self { queue: Some(queue.clone()), ..Self::default() },
            OwnerChoice::Pool { pool, .. } => Self { pool: Some(pool.clone()), ..Self::default() },
            OwnerChoice::Nobody => Self::default(),
        }
    }
}

/// What an appended message changes of its record.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// When the newest message was received, unix microseconds.
    pub(super) message_at: i64,
    /// The moment of the change, unix microseconds.
    pub(super) modified_at: i64,
    /// First touch, for a record that has none.
    pub(super) first: Option<String>,
    /// Last touch.
    pub(super) last: Option<String>,
}

/// Rows by table, in no particular order; the engine's `writes` knows the order.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Folded name -> name as first written.
    pub(super) sources: BTreeMap<String, String>,
    pub(super) mediums: BTreeMap<String, String>,
    pub(super) campaigns: BTreeMap<String, String>,
    /// Records whose campaign is for a person to look at, unless it is known: record, folded name, name.
    pub(super) campaign_reviews: Batch,
    pub(super) touches: Batch,
    /// Touches of this plan so far, by record.
    pub(super) touch_counts: BTreeMap<i64, usize>,
    pub(super) stages: BTreeSet<String>,
    pub(super) entities: Batch,
    pub(super) organisations: Batch,
    pub(super) contacts: Batch,
    pub(super) leads: Batch,
    pub(super) opportunities: Batch,
    /// Leads that became an opportunity: lead, contact, organisation.
    pub(super) origins: Batch,
    pub(super) known_organisations: Batch,
    pub(super) points: Batch,
    pub(super) addresses: Batch,
    pub(super) tags: Batch,
    pub(super) custom_fields: Batch,
    pub(super) consents: Batch,
    pub(super) keys: BTreeSet<(i64, i64, i64)>,
    /// What records are compared by: record, hash of the profile, profile.
    pub(super) profiles: BTreeMap<(i64, i64), String>,
    pub(super) candidates: Batch,
    pub(super) communications: Batch,
    pub(super) participants: BTreeSet<(i64, String)>,
    pub(super) attachments: Batch,
    pub(super) decisions: Batch,
    pub(super) touched_leads: BTreeMap<i64, Touched>,
    pub(super) touched_opportunities: BTreeMap<i64, Touched>,
    pub(super) known_contacts: Batch,
    pub(super) unsubscribed: Batch,
    pub(super) suppressed: Batch,
    /// Addresses that could not be reached: kind and hash of the key, address, hard or soft, why, when.
    pub(super) bounced: Batch,
    pub(super) arrivals: Batch,
    pub(super) effects: Batch,
    pub(super) jobs: Batch,
    pub(super) settled: Batch,
    /// The moment, unix microseconds.
    pub(super) now: i64,
    /// When the effects may be delivered, by the time of the queues, unix microseconds.
    pub(super) due: i64,
}

/// Inside numbers for one commit, in the order [`ids_needed`] counts them.
pub(super) type Ids<'a> = &'a mut dyn Iterator<Item = i64>;

/// How many inside numbers a commit takes.
pub(super) fn ids_needed(commit: &Commit) -> usize {
    let records = match &commit.decision.action {
        Action::Create(new) => {
            1 + usize::from(matches!(new.contact, Link::New(_))) + usize::from(matches!(new.organisation, Link::New(_)))
        }
        Action::Nothing | Action::Join(_) | Action::Append(_) => 0,
    };
    2_usize.saturating_add(records).saturating_add(commit.effects.len())
}

/// Records a commit refers to that must exist already.
pub(super) fn references(commit: &Commit) -> Vec<Ulid> {
    match &commit.decision.action {
        Action::Nothing => Vec::new(),
        Action::Join(record) | Action::Append(record) => vec![record.id],
        Action::Create(new) => [new.contact, new.organisation]
            .into_iter()
            .filter_map(|link| if let Link::Existing(id) = link { Some(id) } else { None })
            .chain(new.linked_to.map(|e| e.id))
            .chain(new.lead_of_origin)
            .chain(new.candidates.iter().chain(&new.organisation_candidates).map(|e| e.id))
            .collect(),
    }
}

/// The record that an arrival must join, create excepted.
pub(super) const fn target(commit: &Commit) -> Option<Ulid> {
    match &commit.decision.action {
        Action::Join(record) | Action::Append(record) => Some(record.id),
        Action::Nothing | Action::Create(_) => None,
    }
}

impl Plan {
    /// Adds everything one commit writes. The row id of its record, if any.
    pub(super) fn add(
        &mut self,
        commit: &Commit,
        known: &KnownRecords,
        ownership: &Ownership,
        ids: Ids<'_>,
    ) -> Option<i64> {
        self.now = commit.now.micros();
        let (decision_id, communication_id) = (ids.next().unwrap_or(0), ids.next().unwrap_or(0));
        let record = match &commit.decision.action {
            Action::Nothing => None,
            Action::Join(record) => known.get(&record.id).map(|k| k.id),
            Action::Append(record) => {
                let known = known.get(&record.id).copied();
                known.map(|k| self.append(commit, k))
            }
            Action::Create(new) => Some(self.create(commit, new, known, ownership, ids)),
        };
        if let Some(id) = record {
            self.communication(commit, communication_id, id);
        }
        self.decision(commit, decision_id, record, ownership);
        self.unsubscribe(commit);
        self.bounce(commit);
        self.arrival(commit, record);
        for effect in &commit.effects {
            let id = ids.next().unwrap_or(0);
            row!(self.effects; id, effect.id.to_string(), effect.kind, effect.target, effect.payload.to_string(),
                commit.lease.job, commit.now.micros());
            row!(self.jobs; id, Queue::Deliver.as_str(), self.due);
        }
        row!(self.settled; commit.lease.job);
        record
    }

    fn append(&mut self, commit: &Commit, known: Known) -> i64 {
        let holder = known.contact.unwrap_or(known.id);
        self.points(holder, &commit.enquiry, 1_000);
        self.addresses(holder, &commit.enquiry);
        self.consents_of(holder, commit);
        self.custom(known.id, &commit.enquiry, facts::Facts::of(commit).rest());
        self.known_by(known.id, &commit.decision.keys, commit.decision.profile.as_ref());
        if holder != known.id {
            self.known_by(holder, &commit.decision.keys, commit.decision.profile.as_ref());
        }
        let touched = match known.kind {
            EntityKind::Lead => &mut self.touched_leads,
            _ => &mut self.touched_opportunities,
        };
        let origin = Touches::of(commit);
        touched.entry(known.id).or_default().add(commit, &origin);
        self.touches(known.id, commit, origin);
        known.id
    }

    /// What a person's record is known by: its keys, what it is compared by, and the keys by which that is found.
    fn known_by(&mut self, record: i64, keys: &[MatchKey], profile: Option<&Profile>) {
        self.keys_of(record, keys, is_personal);
        let Some(profile) = profile else { return };
        self.keys.extend(blocking(profile).iter().map(|key| (key.kind.number(), key.hash, record)));
        let body = text(profile);
        self.profiles.insert((record, xxh3_64(body.as_bytes()).cast_signed()), body);
    }

    /// Keys carried by a record, of the kinds that fit it.
    fn keys_of(&mut self, record: i64, keys: &[MatchKey], fits: fn(KeyKind) -> bool) {
        self.keys.extend(keys.iter().filter(|k| fits(k.kind)).map(|k| (k.kind.number(), k.hash, record)));
    }

    fn decision(&mut self, commit: &Commit, id: i64, record: Option<i64>, ownership: &Ownership) {
        let decision = &commit.decision;
        row!(self.decisions; id, commit.decision_id.to_string(), commit.lease.job, record, decision.state.as_str(),
            decision.reason, text(&decision.action), decision.rules_hash, text(&decision.rule_ids),
            text(&decision.set), decision.trace.to_string(), ownership.pool, ownership.owner, commit.now.micros());
    }

    fn unsubscribe(&mut self, commit: &Commit) {
        if let Some(address) = &commit.decision.unsubscribe {
            self.suppress(address, Some(commit.lease.job));
        }
    }

    /// Nobody writes to this canonical address any more, nor to the mailbox behind it.
    pub(super) fn suppress(&mut self, address: &str, arrival: Option<i64>) {
        row!(self.suppressed; address, self.now, arrival);
        let mailbox = mailbox(address);
        if mailbox != address {
            row!(self.suppressed; mailbox, self.now, arrival);
        }
        for kind in [KeyKind::Email, KeyKind::SharedEmail] {
            let key = MatchKey::of(kind, address);
            row!(self.unsubscribed; key.kind.number(), key.hash);
        }
    }

    /// Whoever carries an address that could not be reached has it flagged.
    fn bounce(&mut self, commit: &Commit) {
        let at = commit.envelope.received_at.micros();
        for bounced in &commit.decision.bounced {
            for kind in [KeyKind::Email, KeyKind::SharedEmail] {
                let key = MatchKey::of(kind, &bounced.address);
                let how = if bounced.hard { "hard" } else { "soft" };
                row!(self.bounced; key.kind.number(), key.hash, bounced.address, how, bounced.status, at);
            }
        }
    }

    fn arrival(&mut self, commit: &Commit, record: Option<i64>) {
        let submission = &commit.submission;
        let subject = submission.subject.as_deref().or(commit.enquiry.topic.as_deref());
        let message_id = submission.mail.as_ref().and_then(|m| m.message_id.as_deref());
        row!(self.arrivals; commit.lease.job, commit.decision.state.as_str(), commit.decision.reason,
            commit.now.micros(), subject, conversation::sender(commit), submission.class.map(MailClass::as_str),
            message_id, record, commit.lease.attempt);
    }
}

/// Keys that tell a person, or what they asked for.
const fn is_personal(kind: KeyKind) -> bool {
    matches!(kind, KeyKind::Email | KeyKind::SharedEmail | KeyKind::Phone | KeyKind::Request)
}

/// Keys that tell an organisation.
const fn is_corporate(kind: KeyKind) -> bool {
    matches!(kind, KeyKind::Registration | KeyKind::Domain | KeyKind::Company)
}

/// A value as JSON text.
fn text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}
