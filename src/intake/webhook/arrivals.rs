//! Leads of a request -> arrivals with their keys.
//!
//! Invariant: a key is made of the hook and the producer's id; only where there is none, of the bytes, for a while.

use axum::http::header;
use ulid::Ulid;

use super::Hook;
use crate::clock::{Clock, Timestamp};
use crate::domain::envelope::{ArrivalContext, ArrivalKey, Channel, Digest, Envelope, RawKind};
use crate::domain::hooks::document::Document;
use crate::domain::hooks::explode::{Lead, Unfit, explode};
use crate::domain::hooks::{TEST, key_of};
use crate::domain::reading::ReadLimits;
use crate::domain::reading::arrival_key::mail_keys;
use crate::intake::form::negotiate;
use crate::store::{InitialState, NewArrival};

/// Reason of an arrival held because its hook takes more than `per_minute`.
pub const HOOK_RATE_LIMIT: &str = "hook_rate_limit";

/// A proven request.
#[derive(Debug)]
pub(super) struct Proven<'r> {
    pub(super) hook: &'r Hook,
    pub(super) head: &'r axum::http::request::Parts,
    pub(super) raw: Vec<u8>,
    pub(super) client: String,
    /// The producer's id of the request, as far as the proof covers it.
    pub(super) request_id: Option<String>,
}

impl Proven<'_> {
    /// The arrivals of the request, one for each lead.
    ///
    /// # Errors
    /// See [`Unfit`].
    pub(super) fn arrivals(self, clock: &dyn Clock) -> Result<Vec<NewArrival>, Unfit> {
        let held = !self.hook.has_room();
        let initial = if held { InitialState::Quarantined(HOOK_RATE_LIMIT.to_owned()) } else { InitialState::Received };
        let new = |envelope| NewArrival { envelope, initial: initial.clone() };
        if self.hook.adapter.mail {
            if self.raw.trim_ascii().is_empty() {
                return Err(Unfit::Broken("the message is empty".to_owned()));
            }
            return Ok(vec![new(self.mail(clock))]);
        }
        let content_type = self.content_type();
        let limits = ReadLimits::default();
        let document = Document::read(&self.raw, content_type.as_deref(), &self.hook.reading.json, &limits);
        let leads = explode(&document, &self.hook.reading.request)?;
        let request_id = self.request_id;
        let several = leads.len() > 1;
        let now = clock.now();
        let digest = Digest::of(&self.raw);
        let mut whole = Some(self.raw);
        let hook = self.hook;
        let context = context(hook, self.head, self.client);
        let arrivals = leads.into_iter().enumerate().map(|(index, lead)| {
            let named = request_id.as_ref().map(|id| if several { format!("{id}#{index}") } else { id.clone() });
            let keys = keys(hook, &lead, named.as_deref(), &digest, index, now);
            let (raw, content_type) = match lead.alone {
                Some(own) => (own, Some("application/json".to_owned())),
                None => (whole.take().unwrap_or_default(), content_type.clone()),
            };
            new(envelope(clock.new_id(), hook, keys, content_type, mark(context.clone(), lead.test), raw, now))
        });
        Ok(arrivals.collect())
    }

    fn content_type(&self) -> Option<String> {
        let text: String = negotiate::text(&self.head.headers, header::CONTENT_TYPE).chars().take(256).collect();
        (!text.is_empty()).then_some(text)
    }

    fn mail(self, clock: &dyn Clock) -> Envelope {
        let keys = mail_keys(&self.raw);
        let context = context(self.hook, self.head, self.client);
        let mut envelope = envelope(clock.new_id(), self.hook, keys, None, context, self.raw, clock.now());
        envelope.raw_kind = RawKind::Mail;
        envelope
    }
}

fn envelope(
    id: Ulid,
    hook: &Hook,
    keys: Vec<ArrivalKey>,
    content_type: Option<String>,
    context: ArrivalContext,
    raw: Vec<u8>,
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

/// The key of a lead: the producer's id of it, else of the request, else the bytes within the window.
fn keys(
    hook: &Hook,
    lead: &Lead,
    request_id: Option<&str>,
    digest: &Digest,
    index: usize,
    now: Timestamp,
) -> Vec<ArrivalKey> {
    let id = &hook.config.id;
    if let Some(lead) = lead.id.as_deref().filter(|_| lead.is_lead) {
        return vec![ArrivalKey { value: key_of(id, lead), expires_at: None }];
    }
    if let Some(request) = request_id {
        return vec![ArrivalKey { value: key_of(id, &format!("request:{request}")), expires_at: None }];
    }
    let window = hook.config.duplicate_window();
    if window.is_zero() {
        return Vec::new();
    }
    vec![ArrivalKey { value: key_of(id, &format!("bytes:{digest}#{index}")), expires_at: Some(now.after(window)) }]
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
