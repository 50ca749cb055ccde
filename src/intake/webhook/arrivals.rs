//! A proven request -> arrivals with their keys.
//!
//! Invariants:
//! - a key is made of the hook and the producer's id; only where there is none, of the bytes, for as long as producers
//!   try again;
//! - what is held at the door takes no key: the same again, when there is room or when it can be read, is a lead of its
//!   own; only while it would be held too is it a repeat, of the one that waits already;
//! - the same bytes under a signature without time stamp and id, long after, are neither believed nor thrown away: they
//!   wait for a person.

use axum::http::header;
use bytes::Bytes;
use ulid::Ulid;

use super::{Hook, Proof};
use crate::clock::{Clock, Timestamp};
use crate::domain::envelope::{ArrivalContext, ArrivalKey, Channel, Digest, Envelope, HELD_KEY, RawKind};
use crate::domain::hooks::document::Document;
use crate::domain::hooks::explode::{Lead, Unfit, explode};
use crate::domain::hooks::{TEST, UNREADABLE, key_of};
use crate::domain::reading::ReadLimits;
use crate::domain::reading::arrival_key::mail_keys;
use crate::intake::accept::Journal;
use crate::intake::form::negotiate;
use crate::store::{HELD, InitialState, NewArrival};

/// Reason of an arrival held because its hook takes more than `per_minute`.
pub const HOOK_RATE_LIMIT: &str = "hook_rate_limit";
/// Reason of an arrival held because its request holds more leads than are taken at once.
pub const TOO_MANY_LEADS: &str = "too_many_leads";
/// Reason of an arrival held because the same signed bytes came long ago, and nothing tells a new request from a
/// recorded one.
pub const SEEN_BEFORE: &str = "seen_before";

/// A proven request.
#[derive(Debug)]
pub(super) struct Proven<'r> {
    pub(super) hook: &'r Hook,
    pub(super) head: &'r axum::http::request::Parts,
    pub(super) raw: Bytes,
    pub(super) client: String,
    pub(super) proof: Proof,
}

/// What is to be journalled of a request.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) arrivals: Vec<NewArrival>,
    /// Why it waits in quarantine, if it does.
    pub(super) held: Option<&'static str>,
}

/// A request without a byte to keep.
#[derive(Debug)]
pub(super) struct Empty;

impl Proven<'_> {
    /// The arrivals of the request, one for each lead.
    ///
    /// # Errors
    /// [`Empty`].
    pub(super) async fn arrivals(self, journal: &Journal) -> Result<Taken, Empty> {
        if self.raw.trim_ascii().is_empty() {
            return Err(Empty);
        }
        let over = (!self.hook.has_room()).then_some(HOOK_RATE_LIMIT);
        let (envelopes, unfit) = self.envelopes(journal.clock());
        let mut held = over.or(unfit);
        let mut arrivals = Vec::with_capacity(envelopes.len());
        for (mut envelope, seen) in envelopes {
            let late = match &seen {
                Some(seen) if held.is_none() => is_late(journal, &envelope, seen).await,
                _ => false,
            };
            if late {
                held = Some(SEEN_BEFORE);
                envelope.keys = seen.into_iter().collect();
                arrivals.push(hold(envelope, SEEN_BEFORE));
            } else if let Some(reason) = over.or(unfit) {
                known_when_released(&mut envelope);
                arrivals.push(hold(envelope, reason));
            } else {
                envelope.keys.extend(seen);
                arrivals.push(NewArrival { envelope, initial: InitialState::Received });
            }
        }
        Ok(Taken { arrivals, held })
    }

    /// The leads with their keys; beside each, the key that remembers its bytes for good where they could be sent again
    /// by anybody who saw them; and why all of them are to be held.
    fn envelopes(self, clock: &dyn Clock) -> (Vec<(Envelope, Option<ArrivalKey>)>, Option<&'static str>) {
        let hook = self.hook;
        let context = context(hook, self.head, self.client);
        let now = clock.now();
        if hook.adapter.mail {
            let keys = mail_keys(&self.raw);
            let mut mail = envelope(clock.new_id(), hook, keys, None, context, self.raw, now);
            mail.raw_kind = RawKind::Mail;
            return (vec![(mail, None)], None);
        }
        let content_type = content_type(self.head);
        let limits = ReadLimits::default();
        let document = Document::read(&self.raw, content_type.as_deref(), &hook.reading.json, &limits);
        let (leads, unfit) = match explode(&document, &hook.reading.request) {
            Ok(leads) => (leads, None),
            Err(unfit) => {
                tracing::debug!(hook = %hook.config.id, %unfit, "a request to hook {} is held: {unfit}", hook.config.id);
                let reason = if unfit == Unfit::TooMany { TOO_MANY_LEADS } else { UNREADABLE };
                (vec![Lead { id: None, test: false, is_lead: false, alone: None }], Some(reason))
            }
        };
        let several = leads.len() > 1;
        let digest = Digest::of(&self.raw);
        let mut whole = Some(self.raw);
        let proof = self.proof;
        let envelopes = leads.into_iter().enumerate().map(|(index, lead)| {
            let named = proof.request_id.as_ref().map(|id| if several { format!("{id}#{index}") } else { id.clone() });
            let (keys, by_bytes) = keys(hook, &lead, named.as_deref(), &digest, index, now);
            let seen = (by_bytes && proof.replayable).then(|| ArrivalKey {
                value: key_of(&hook.config.id, &format!("seen:{digest}#{index}")),
                expires_at: None,
            });
            let (raw, content_type) = match lead.alone {
                Some(own) => (own.into(), Some("application/json".to_owned())),
                None => (whole.take().unwrap_or_default(), content_type.clone()),
            };
            let context = mark(context.clone(), lead.test);
            (envelope(clock.new_id(), hook, keys, content_type, context, raw, now), seen)
        });
        (envelopes.collect(), unfit)
    }
}

/// Whether these bytes came before, and so long ago that no producer tries again.
async fn is_late(journal: &Journal, envelope: &Envelope, seen: &ArrivalKey) -> bool {
    if journal.known(&seen.value).await.is_none() {
        return false;
    }
    for key in &envelope.keys {
        if journal.known(&key.value).await.is_some() {
            return false;
        }
    }
    true
}

/// Held at the door: what is held knows its like under keys of its own.
fn hold(mut envelope: Envelope, reason: &str) -> NewArrival {
    let own = |key: &ArrivalKey| ArrivalKey { value: format!("{HELD}{}", key.value), expires_at: key.expires_at };
    let own: Vec<ArrivalKey> = envelope.keys.iter().map(own).collect();
    if reason == SEEN_BEFORE {
        envelope.keys = own;
    } else {
        envelope.keys.extend(own);
    }
    NewArrival { envelope, initial: InitialState::Quarantined(reason.to_owned()) }
}

/// By these a release finds whether the same came meanwhile, and takes the key for itself.
fn known_when_released(envelope: &mut Envelope) {
    let Some(key) = envelope.keys.first().cloned() else { return };
    if key.expires_at.is_none() {
        envelope.context.extra.insert(HELD_KEY.to_owned(), key.value);
    } else {
        envelope.context.content_key = Some(key);
    }
}

fn content_type(head: &axum::http::request::Parts) -> Option<String> {
    let text: String = negotiate::text(&head.headers, header::CONTENT_TYPE).chars().take(256).collect();
    (!text.is_empty()).then_some(text)
}

fn envelope(
    id: Ulid,
    hook: &Hook,
    keys: Vec<ArrivalKey>,
    content_type: Option<String>,
    context: ArrivalContext,
    raw: Bytes,
    now: Timestamp,
) -> Envelope {
    Envelope {
        id,
        channel: Channel::Webhook,
        intake_id: hook.config.id.clone(),
        keys,
        received_at: now,
        digest: Digest::of(&raw),
        raw_kind: RawKind::Form,
        content_type,
        context,
        raw,
    }
}

/// The key of a lead: the producer's id of it, else of the request, else the bytes within the window; and whether it is
/// the bytes.
fn keys(
    hook: &Hook,
    lead: &Lead,
    request_id: Option<&str>,
    digest: &Digest,
    index: usize,
    now: Timestamp,
) -> (Vec<ArrivalKey>, bool) {
    let id = &hook.config.id;
    if let Some(lead) = lead.id.as_deref().filter(|_| lead.is_lead) {
        return (vec![ArrivalKey { value: key_of(id, lead), expires_at: None }], false);
    }
    if let Some(request) = request_id {
        return (vec![ArrivalKey { value: key_of(id, &format!("request:{request}")), expires_at: None }], false);
    }
    if hook.window.is_zero() {
        return (Vec::new(), false);
    }
    let value = key_of(id, &format!("bytes:{digest}#{index}"));
    (vec![ArrivalKey { value, expires_at: Some(now.after(hook.window)) }], true)
}

/// A test is marked and nobody is told.
fn mark(mut context: ArrivalContext, test: bool) -> ArrivalContext {
    if test {
        context.silent = true;
        context.extra.insert(TEST.to_owned(), "true".to_owned());
    }
    context
}

/// What is kept beside the bytes; a secret in the address is not.
fn context(hook: &Hook, head: &axum::http::request::Parts, client: String) -> ArrivalContext {
    let user_agent: String = negotiate::text(&head.headers, header::USER_AGENT).chars().take(512).collect();
    let pairs = form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
    let kept: Vec<(String, String)> = pairs.filter(|(name, _)| name != "key").take(100).map(owned).collect();
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
    let mut context = ArrivalContext {
        client_ip: Some(client),
        user_agent: (!user_agent.is_empty()).then_some(user_agent),
        query: (!query.is_empty()).then(|| query.chars().take(4_096).collect()),
        ..ArrivalContext::default()
    };
    context.extra.insert("hook_adapter".to_owned(), hook.adapter.name.clone());
    context
}

fn owned((name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)) -> (String, String) {
    (name.into_owned(), value.into_owned())
}
