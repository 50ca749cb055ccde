//! What leaves the house after a commit: one file per kind of effect.
//!
//! Not here: when an effect is tried again and how it is settled (`pipeline/outbox`).
//!
//! Invariants:
//! - An effect may be delivered more than once (a crash between delivery and settling), always under the same id, so
//!   that the receiver can recognise the repeat.
//! - Reasons ([`Delivery::Retry`], [`Delivery::Never`]) are stored and logged: they never hold personal data.

pub mod mail;
pub mod mark;
pub mod record;
pub mod retrieve;
pub mod scan;
pub mod smtp;
pub mod visitor;
pub mod webhook;
pub mod wording;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::clock::{Clock, Timestamp};
use crate::config::delivery::{DeliveryConfig, Event};
use crate::domain::decide::touched;
use crate::domain::decision::{Action, Decision, RecordKind};
use crate::domain::envelope::{ArrivalState, MailPosition};
use crate::domain::matching::{EntityKind, EntityRef};
use crate::domain::submission::{Attachment, Verdict};

use crate::store::{Effect, Store};

/// Kind of an effect that posts a webhook; the target is the webhook's id.
pub const WEBHOOK: &str = "webhook";
/// Kind of an effect that mails somebody of the house; the target is [`OWNER`].
pub const MAIL: &str = "mail";
/// Kind of an effect that marks or moves a message in its mailbox; the target is the mailbox id.
pub const MARK: &str = "mark";
/// Kind of an effect that tells a visitor that the message has arrived; the target is the form's id.
pub const ACKNOWLEDGE: &str = "acknowledge";
/// Kind of an effect that asks a visitor to confirm; the target is the form's id.
pub const OPT_IN: &str = "opt_in";
/// Kind of an effect that shows an uploaded file to the virus scanner; the target is [`CLAMD`].
pub const SCAN: &str = "scan";
/// Target of scans.
pub const CLAMD: &str = "clamd";
/// Target of a mail to the owner of the record.
pub const OWNER: &str = "owner";

/// What came of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Delivered, or there is nothing to deliver.
    Done,
    /// It may work later.
    Retry {
        /// When the other side said so; `None` takes the usual back-off.
        after: Option<Duration>,
        /// One plain sentence without personal data.
        why: String,
    },
    /// It is not to be done after all, and that is well: it ends without a dead letter, and shows why.
    Withheld {
        /// One plain sentence without personal data.
        why: String,
    },
    /// It waits for something of ours, and that is well: asked again later, and the attempt does not count.
    Later {
        /// When to look again, unless [`Store::hasten`](crate::store::Store::hasten) says so before.
        after: Duration,
        /// One plain sentence without personal data.
        why: String,
    },
    /// It can never work as it is: a dead letter, to be looked at by a person.
    Never {
        /// One plain sentence without personal data.
        why: String,
    },
}

impl Delivery {
    /// A retry with the usual back-off.
    pub fn retry(why: impl Into<String>) -> Self {
        Self::Retry { after: None, why: why.into() }
    }

    /// Ends without having been done, on purpose.
    pub fn withheld(why: impl Into<String>) -> Self {
        Self::Withheld { why: why.into() }
    }

    /// A dead letter.
    pub fn never(why: impl Into<String>) -> Self {
        Self::Never { why: why.into() }
    }
}

/// The attempt under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Counted from 1; above 1 the receiver may have seen the effect already.
    pub number: i64,
    /// When it starts.
    pub now: Timestamp,
}

/// One finding of [`check`], for `doctor`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What was looked at: `webhook crm`, `smtp mail.example.com:465`.
    pub what: String,
    /// What is well, or what is wrong and its remedy.
    pub result: Result<String, String>,
}

/// Something that delivers one kind of effect.
#[async_trait]
pub trait Deliver: Send + Sync + std::fmt::Debug {
    /// Delivers an effect once. Never panics, never waits without bound, safe to repeat under the same effect id.
    async fn deliver(&self, effect: &Effect, attempt: Attempt) -> Delivery;

    /// How many effects of one target may be under way at once, where the kind itself says so: marks of one mailbox
    /// are carried out many in one command.
    fn at_once(&self) -> Option<usize> {
        None
    }
}

/// Payload of webhook and mail effects: which record, what happened. Everything else is looked up at delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What happened.
    pub event: Event,
    /// Lead or opportunity.
    pub kind: RecordKind,
    /// The record.
    pub record: Ulid,
    /// The arrival that caused it.
    pub arrival: Ulid,
    /// When it was decided.
    pub at: Timestamp,
}

/// Payload of mark effects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkNotice {
    /// The arrival.
    pub arrival: Ulid,
    /// Where the message lies.
    pub position: MailPosition,
    /// State the arrival ended in.
    pub state: ArrivalState,
}

/// Payload of scan effects: one file of an arrival.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanNotice {
    /// The arrival.
    pub arrival: Ulid,
    /// Path of the part inside its bytes.
    pub part: String,
}

/// What a committed decision means for the world outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The arrival.
    pub arrival: Ulid,
    /// State it ends in.
    pub state: ArrivalState,
    /// The lead or opportunity, and what happens to it; `None` when nobody is to be told.
    pub record: Option<(RecordKind, Ulid, Event)>,
    /// History, or a test: nobody is told.
    pub silent: bool,
    /// Mailbox id and position, when that mailbox wants its messages marked.
    pub mark: Option<(String, MailPosition)>,
    /// Parts of the files that the virus scanner is to see.
    pub scan: Vec<String>,
    /// The moment of decision.
    pub now: Timestamp,
}

impl Facts {
    /// Facts of a decision. Machine mail that only joins a conversation tells nobody (a bounced notification must not
    /// cause the next one).
    #[must_use]
    pub fn of(
        arrival: Ulid,
        decision: &Decision,
        silent: bool,
        mark: Option<(String, MailPosition)>,
        now: Timestamp,
    ) -> Self {
        let record = match &decision.action {
            Action::Create(new) => Some((new.kind, new.id, Event::Created)),
            Action::Append(EntityRef { kind: EntityKind::Lead, id }) => Some((RecordKind::Lead, *id, Event::Appended)),
            Action::Append(EntityRef { kind: EntityKind::Opportunity, id }) => {
                Some((RecordKind::Opportunity, *id, Event::Appended))
            }
            Action::Append(_) | Action::Join(_) | Action::Nothing => None,
        };
        Self { arrival, state: decision.state, record, silent, mark, scan: Vec::new(), now }
    }

    /// With the files of the arrival that wait for the virus scanner, when they hang on a record.
    #[must_use]
    pub fn with_files(mut self, decision: &Decision, files: &[Attachment]) -> Self {
        if touched(&decision.action).is_some() {
            let waiting = Verdict::Unscanned.to_string();
            let unscanned = files.iter().filter(|file| file.verdict.as_ref() == Some(&waiting));
            self.scan = unscanned.map(|file| file.part.clone()).collect();
        }
        self
    }
}

/// The effects of a committed decision, with ids from the clock: they are the idempotency keys of their deliveries.
#[must_use]
pub fn plan(config: &DeliveryConfig, facts: &Facts, clock: &dyn Clock) -> Vec<Effect> {
    let mut effects = Vec::new();
    let mut add = |kind: &str, target: &str, payload: Result<serde_json::Value, serde_json::Error>| {
        // Plain structs of strings and numbers always serialise; a null payload would end as a visible dead letter.
        let payload = payload.unwrap_or(serde_json::Value::Null);
        effects.push(Effect { id: clock.new_id(), kind: kind.to_owned(), target: target.to_owned(), payload });
    };
    if let Some((kind, record, event)) = facts.record.filter(|_| !facts.silent) {
        let notice = Notice { event, kind, record, arrival: facts.arrival, at: facts.now };
        for webhook in config.webhook.iter().filter(|w| w.events.contains(&event)) {
            add(WEBHOOK, &webhook.id, serde_json::to_value(&notice));
        }
        if config.owner_mail.enabled && config.owner_mail.events.contains(&event) {
            add(MAIL, OWNER, serde_json::to_value(&notice));
        }
    }
    if let Some((mailbox, position)) = &facts.mark {
        let notice = MarkNotice { arrival: facts.arrival, position: position.clone(), state: facts.state };
        add(MARK, mailbox, serde_json::to_value(&notice));
    }
    for part in &facts.scan {
        add(SCAN, CLAMD, serde_json::to_value(ScanNotice { arrival: facts.arrival, part: part.clone() }));
    }
    effects
}

/// Deliverers by kind of effect.
pub type Deliverers = BTreeMap<String, Arc<dyn Deliver>>;

/// The configured deliverers of webhooks and mails; the mailbox mark is added by whoever runs the mailboxes.
/// A kind without deliverer is not configured: its effects end as dead letters that say so.
///
/// # Errors
/// One sentence naming the secret or file that cannot be read.
pub fn deliverers(
    config: &DeliveryConfig,
    store: &Arc<dyn Store>,
    people: mail::People,
    visitors: visitor::House,
) -> Result<Deliverers, String> {
    let mut all = Deliverers::new();
    all.insert(WEBHOOK.to_owned(), Arc::new(webhook::Webhooks::new(config, Arc::clone(store))?));
    if let Some(outgoing) = smtp::Outgoing::new(config)?.map(Arc::new) {
        let owners = mail::OwnerMail::new(config, Arc::clone(&outgoing), Arc::clone(store), people);
        all.insert(MAIL.to_owned(), Arc::new(owners));
        let visitors = Arc::new(visitor::VisitorMails::new(outgoing, Arc::clone(store), visitors));
        all.insert(ACKNOWLEDGE.to_owned(), Arc::clone(&visitors) as Arc<dyn Deliver>);
        all.insert(OPT_IN.to_owned(), visitors);
    }
    Ok(all)
}

/// Looks whether each configured delivery can work at all (resolve, connect, log in), sending nothing. Needs no
/// database. All at once: each takes at most the time-out of deliveries.
pub async fn check(config: &DeliveryConfig) -> Vec<Checked> {
    let (mut found, smtp) = tokio::join!(webhook::check(config), smtp::check(config));
    found.extend(smtp);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::config::delivery::{Include, OneOrMany, WebhookConfig};

    fn webhook(id: &str, events: Vec<Event>) -> WebhookConfig {
        WebhookConfig {
            id: id.into(),
            url: "https://example.com/".into(),
            secret_env: OneOrMany::default(),
            secret_file: OneOrMany::default(),
            events,
            include: Include::Thin,
            allow_private: Vec::new(),
            allow_http: false,
            ca_file: None,
        }
    }

    fn facts() -> Facts {
        let position = MailPosition { folder: "INBOX".into(), uidvalidity: 7, uid: 9, internal_date: None };
        Facts {
            arrival: Ulid(1),
            state: ArrivalState::Decided,
            record: Some((RecordKind::Lead, Ulid(2), Event::Created)),
            silent: false,
            mark: Some(("sales".into(), position)),
            scan: Vec::new(),
            now: Timestamp::from_seconds(1_700_000_000),
        }
    }

    fn targets(config: &DeliveryConfig, facts: &Facts) -> Vec<(String, String)> {
        let clock = ManualClock::at(facts.now);
        plan(config, facts, &clock).into_iter().map(|e| (e.kind, e.target)).collect()
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn nobody_is_told_until_deliveries_are_configured() {
        assert_eq!(targets(&DeliveryConfig::default(), &facts()), pairs(&[("mark", "sales")]));
    }

    #[test]
    fn each_target_gets_the_events_it_wants() {
        let mut config = DeliveryConfig { webhook: vec![webhook("a", vec![Event::Created])], ..Default::default() };
        config.webhook.push(webhook("b", vec![Event::Appended]));
        config.owner_mail.enabled = true;
        assert_eq!(targets(&config, &facts()), pairs(&[("webhook", "a"), ("mail", "owner"), ("mark", "sales")]));
        let appended = Facts { record: Some((RecordKind::Lead, Ulid(2), Event::Appended)), mark: None, ..facts() };
        assert_eq!(targets(&config, &appended), pairs(&[("webhook", "b"), ("mail", "owner")]));
    }

    #[test]
    fn silent_arrivals_are_marked_and_never_notified() {
        let mut config = DeliveryConfig { webhook: vec![webhook("a", vec![Event::Created])], ..Default::default() };
        config.owner_mail.enabled = true;
        let silent = Facts { silent: true, ..facts() };
        assert_eq!(targets(&config, &silent), pairs(&[("mark", "sales")]));
    }

    #[test]
    fn effects_have_ids_of_their_own_and_payloads_without_text() {
        let config = DeliveryConfig { webhook: vec![webhook("a", vec![Event::Created])], ..Default::default() };
        let clock = ManualClock::at(facts().now);
        let effects = plan(&config, &facts(), &clock);
        assert_ne!(effects[0].id, effects[1].id);
        let notice: Notice = serde_json::from_value(effects[0].payload.clone()).expect("a notice");
        assert_eq!((notice.record, notice.event, notice.arrival), (Ulid(2), Event::Created, Ulid(1)));
        let mark: MarkNotice = serde_json::from_value(effects[1].payload.clone()).expect("a mark");
        assert_eq!(mark.position.uid, 9);
    }
}
