//! A proven request -> arrivals with their keys.
//!
//! Invariants:
//! - a key is made of the hook and the producer's id; only where there is none, of the bytes, for as long as producers
//!   try again;
//! - what is held at the door takes no key: the same again, when there is room or when it can be read, is a lead of its
//!   own; only while it would be held too is it a repeat, of the one that waits already;
//! - the same bytes under a signature without time stamp and id, long after, are neither believed nor thrown away: they
//!   wait for a person.

use std::time::Duration;

use axum::http::header;
use bytes::Bytes;
use ulid::Ulid;

use super::{Hook, Proof};
use crate::clock::{Clock, Timestamp};
use crate::domain::envelope::{ArrivalContext, ArrivalKey, Channel, Digest, Envelope, HELD_KEY, RawKind, SEEN_KEY};
use crate::domain::hooks::document::Document;
use crate::domain::hooks::explode::{Lead, Unfit, explode};
use crate::domain::hooks::{TEST, TOO_MANY_LEADS, UNREADABLE, key_of};
use crate::domain::reading::ReadLimits;
use crate::domain::reading::arrival_key::mail_keys;
use crate::domain::reading::prospects::apart;
use crate::intake::form::negotiate;
use crate::store::{HELD, NewArrival};

/// Reason of an arrival held because its hook takes more than `per_minute`.
pub const HOOK_RATE_LIMIT: &str = "hook_rate_limit";

/// Within this time the same test is the same press of a producer's button.
const SAME_TEST: Duration = Duration::from_hours(1);

/// A proven request.
#[derive(Debug)]
pub(super) struct Proven<'r> {
    pub(super) hook: &'r Hook,
    pub(super) head: &'r axum::http::request::Parts,
    pub(super) raw: Bytes,
    pub(super) client: String,
    pub(super) proof: Proof,
}

/// A request taken apart.
#[derive(Debug)]
pub(super) struct Parted {
    /// Its leads; beside each, the key that remembers its bytes for good where they could be sent again by anybody who saw
    /// them.
    envelopes: Vec<(Envelope, Option<ArrivalKey>)>,
    /// Why all of them are to be held.
    held: Option<&'static str>,
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
    /// The leads of the request with their keys. Work for a processor.
    ///
    /// # Errors
    /// [`Empty`].
    pub(super) fn part(self, clock: &dyn Clock) -> Result<Parted, Empty> {
        if self.raw.trim_ascii().is_empty() {
            return Err(Empty);
        }
        let over = (!self.hook.has_room()).then_some(HOOK_RATE_LIMIT);
        let (envelopes, unfit) = self.envelopes(clock);
        Ok(Parted { envelopes, held: over.or(unfit) })
    }

    fn envelopes(self, clock: &dyn Clock) -> (Vec<(Envelope, Option<ArrivalKey>)>, Option<&'static str>) {
        let hook = self.hook;
        let context = context(hook, self.head, self.client);
        let now = clock.now();
        if hook.adapter.mail {
            let keys = mail_keys(&self.raw);
            let mut mail = envelope(clock.new_id(), hook, keys, None, context, self.raw, now);
            mail.raw_kind = RawKind::Mail;
            return (apart(mail, || clock.new_id()).into_iter().map(|one| (one, None)).collect(), None);
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
        let (whole, proof) = (self.raw, self.proof);
        let envelopes = leads.into_iter().enumerate().map(|(index, lead)| {
            let named = proof.request_id.as_ref().map(|id| if several { format!("{id}#{index}") } else { id.clone() });
            let (keys, by_bytes) = keys(hook, &lead, named.as_deref(), &digest, index, now);
            let seen = (by_bytes && proof.replayable).then(|| ArrivalKey {
                value: key_of(&hook.config.id, &format!("seen:{digest}#{index}")),
                expires_at: None,
            });
            let (raw, content_type) = match lead.alone {
                Some(own) => (own.into(), Some("application/json".to_owned())),
                None => (whole.clone(), content_type.clone()),
            };
            let context = mark(context.clone(), lead.test);
            (envelope(clock.new_id(), hook, keys, content_type, context, raw, now), seen)
        });
        (envelopes.collect(), unfit)
    }
}

impl Parted {
    /// The arrivals of the request, one for each lead.
    pub(super) fn arrivals(self) -> Taken {
        let held = self.held;
        let arrivals = self.envelopes.into_iter().map(|(mut envelope, seen)| {
            let extra = &mut envelope.context.extra;
            extra.extend(seen.as_ref().map(|seen| (SEEN_KEY.to_owned(), seen.value.clone())));
            if let Some(reason) = held {
                known_when_released(&mut envelope);
                return hold(envelope, reason);
            }
            envelope.keys.extend(seen);
            NewArrival::received(envelope)
        });
        Taken { arrivals: arrivals.collect(), held }
    }
}

/// Held at the door: what is held knows its like under keys of its own, too.
fn hold(mut envelope: Envelope, reason: &str) -> NewArrival {
    let own = |key: &ArrivalKey| ArrivalKey { value: format!("{HELD}{}", key.value), expires_at: key.expires_at };
    let own: Vec<ArrivalKey> = envelope.keys.iter().map(own).collect();
    envelope.keys.extend(own);
    NewArrival::held(envelope, reason)
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
/// the bytes. A producer's test has the same id each time, so that its key runs out.
fn keys(
    hook: &Hook,
    lead: &Lead,
    request_id: Option<&str>,
    digest: &Digest,
    index: usize,
    now: Timestamp,
) -> (Vec<ArrivalKey>, bool) {
    let id = &hook.config.id;
    let test = lead.test;
    if let Some(lead) = lead.id.as_deref().filter(|_| lead.is_lead) {
        // By another name: a button's test never stands in the way of a lead, nor the other way round.
        let key = if test {
            ArrivalKey { value: key_of(id, &format!("test:{lead}")), expires_at: Some(now.after(SAME_TEST)) }
        } else {
            ArrivalKey { value: key_of(id, lead), expires_at: None }
        };
        return (vec![key], false);
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
