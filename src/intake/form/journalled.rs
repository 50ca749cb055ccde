//! A submission is written down: keys, context, quarantine, and what happens when a key is used twice.
//!
//! Invariants: an id is acknowledged only out of [`crate::store::Accepted`]; another content under a known explicit key
//! is never swallowed: it becomes a submission of its own that names the first. A script that chose the key in a header
//! is told, and its submission waits for an operator; a page whose visitor edited and sent again goes on. What is held at
//! the door swallows nothing: the same again from an allowed site, or when there is room, is a submission of its own;
//! only while it would be held too is it a repeat, of the one that waits already.

use std::time::Duration;

use axum::http::header;
use bytes::Bytes;
use ulid::Ulid;

use super::faults::FieldFault;
use super::fields::Said;
use super::gate::Judged;
use super::handler::Visit;
use super::negotiate;
use super::problem::Why;
use super::rates::Room;
use super::shares::Fate;
use crate::domain::envelope::{
    ArrivalContext, ArrivalKey, Channel, Digest, Envelope, HELD_KEY, RawKind, SHOWN_SENDER, SHOWN_SUBJECT, TEST,
};
use crate::domain::reading::arrival_key::form_keys;
use crate::domain::reading::text::non_empty_line;
use crate::domain::submission::Canonical;
use crate::store::{Accepted, Content, Edited, HELD, InitialState, NewArrival, StoreError, edited_key};

/// Reason of an arrival held because its form takes more than its share.
pub const FORM_RATE_LIMIT: &str = "form_rate_limit";
/// Reason of an arrival held because all forms together take too much, or because more clients come than can be told
/// from each other.
pub const RATE_LIMIT: &str = "rate_limit";
/// Reason of an arrival held because its website is not on the form's list.
pub const ORIGIN_REFUSED: &str = "origin_refused";

/// Reason of an arrival held because its key named another submission before; its sender was told.
pub const KEY_REUSED: &str = "key_reused";

/// Reason of an arrival held because fields are not as its form declares them.
pub const INVALID_FIELDS: &str = "invalid_fields";

/// Longest sender or subject shown, in characters.
const SHOWN_CHARS: usize = 200;

/// What the door found beside the fields.
pub(super) struct Beside {
    /// Fields that are not as the form declares them.
    pub(super) faults: Vec<FieldFault>,
    /// An operator's test.
    pub(super) test: bool,
    /// It cannot be told how often its client comes.
    pub(super) crowded: bool,
}

impl Beside {
    fn mark(&self, context: &mut ArrivalContext) {
        if self.test {
            context.silent = true;
            context.extra.insert(TEST.to_owned(), "1".to_owned());
        }
    }
}

/// The id to acknowledge.
pub(super) struct Arrived(pub(super) Ulid);

/// Writes a submission down.
pub(super) async fn write_down(
    visit: &Visit,
    raw: Bytes,
    said: &Said,
    (judged, beside): (Judged, &Beside),
    script: bool,
) -> Result<Arrived, Why> {
    let explicit = explicit_key(visit, said);
    let initial = initial_state(visit, judged.held);
    let script = script && !key_header(visit).is_empty();
    let mut arrival = arrival(visit, raw, said, keys(visit, said, explicit.as_deref(), &initial), initial);
    let context = &mut arrival.envelope.context;
    beside.mark(context);
    context.screening = Some(judged.screening);
    if arrival.initial != InitialState::Received {
        let key = explicit.as_deref().and_then(|explicit| explicit_name(visit, explicit));
        context.extra.extend(key.map(|key| (HELD_KEY.to_owned(), key.value)));
    }
    context.content_key = Some(content_key(visit, said));
    if explicit.is_some() {
        arrival.edited = edited(visit, said, &arrival, script);
    }
    let accepted = accept(visit, arrival).await?;
    if script && accepted.follows().is_some() { Err(Why::KeyReused) } else { Ok(Arrived(accepted.acknowledged())) }
}

/// What becomes of it when its key names another content: a script's waits for an operator, a page's goes on.
fn edited(visit: &Visit, said: &Said, arrival: &NewArrival, script: bool) -> Option<Edited> {
    let initial = if script { InitialState::Quarantined(KEY_REUSED.to_owned()) } else { arrival.initial.clone() };
    let mut shown = ArrivalContext::default();
    if initial != InitialState::Received {
        show(&mut shown, visit, said);
    }
    Edited::of(&arrival.envelope, initial, shown.extra)
}

/// `Idempotency-Key`; empty when absent.
fn key_header(visit: &Visit) -> String {
    negotiate::text(visit.headers(), "idempotency-key").trim().to_owned()
}

fn explicit_key(visit: &Visit, said: &Said) -> Option<String> {
    let header = key_header(visit);
    if header.is_empty() { said.value("_submission_id").map(str::to_owned) } else { Some(header) }
}

/// What makes two requests one submission: what they say, and the key they name. Where repeats are not recognised, every
/// request is a submission of its own.
pub(super) fn identity(visit: &Visit, said: &Said) -> String {
    let explicit = explicit_key(visit, said);
    let keys = keys(visit, said, explicit.as_deref(), &InitialState::Received);
    let Some(key) = keys.first() else { return visit.door.journal.clock().new_id().to_string() };
    format!("{}\n{}", key.value, content_key(visit, said).value)
}

/// The key that its sender chose.
fn explicit_name(visit: &Visit, explicit: &str) -> Option<ArrivalKey> {
    let now = visit.door.journal.clock().now();
    form_keys(&visit.form.id, &[], |_| true, Some(explicit), Duration::ZERO, now).pop()
}

fn keys(visit: &Visit, said: &Said, explicit: Option<&str>, initial: &InitialState) -> Vec<ArrivalKey> {
    let content = (!visit.form.duplicate_window().is_zero()).then(|| content_key(visit, said));
    let chosen = explicit.and_then(|explicit| explicit_name(visit, explicit));
    let held = |key: ArrivalKey| ArrivalKey { value: format!("{HELD}{}", key.value), ..key };
    let is_held = *initial != InitialState::Received;
    let twins = [chosen.clone(), content.clone()].into_iter().flatten().filter(|_| is_held).map(held);
    let first = if explicit.is_some() { chosen.clone() } else { content.clone() };
    first.into_iter().chain(twins).collect()
}

/// The key of the content alone; a form whose repeats are not recognised has one that has run out at once.
pub(super) fn content_key(visit: &Visit, said: &Said) -> ArrivalKey {
    let window = visit.form.duplicate_window().max(Duration::from_micros(1));
    ArrivalKey {
        value: said.name_of_content(&visit.form),
        expires_at: Some(visit.door.journal.clock().now().after(window)),
    }
}

fn initial_state(visit: &Visit, held: Option<&'static str>) -> InitialState {
    if let Some(reason) = held {
        return InitialState::Quarantined(reason.to_owned());
    }
    let overflow = match visit.set.rates.room_at(&visit.form.id) {
        Room::Free => return InitialState::Received,
        Room::FormFull => (FORM_RATE_LIMIT, Fate::FormOverflow),
        Room::AllFull => (RATE_LIMIT, Fate::Overflow),
    };
    visit.door.gate.shares.note(&visit.form.id, overflow.1, visit.door.journal.clock().now());
    metrics::counter!("pisteur_overflow_total", "form" => visit.form.id.clone(), "reason" => overflow.0).increment(1);
    InitialState::Quarantined(overflow.0.to_owned())
}

/// Whether a submission says what an earlier one under the same key said, which was not held.
pub(super) async fn is_repeat(visit: &Visit, said: &Said) -> bool {
    let explicit = explicit_key(visit, said);
    let content = Content::named(&content_key(visit, said));
    for key in keys(visit, said, explicit.as_deref(), &InitialState::Received) {
        let Some(first) = visit.door.journal.known(&key.value).await else { continue };
        let Some(earlier) = visit.door.journal.recall(first).await else { continue };
        if explicit.is_none() || Content::of(&earlier).same_as(&content) {
            return true;
        }
        if visit.door.journal.known(&edited_key(&key.value, &content).value).await.is_some() {
            return true;
        }
    }
    false
}

fn arrival(visit: &Visit, raw: Bytes, said: &Said, keys: Vec<ArrivalKey>, initial: InitialState) -> NewArrival {
    let clock = visit.door.journal.clock();
    let mut context = context(visit);
    if initial != InitialState::Received {
        show(&mut context, visit, said);
    }
    let envelope = Envelope {
        id: clock.new_id(),
        channel: Channel::Form,
        intake_id: visit.form.id.clone(),
        keys,
        received_at: clock.now(),
        digest: said.digest.unwrap_or_else(|| Digest::of(&raw)),
        raw_kind: RawKind::Form,
        content_type: Some(cut(negotiate::text(visit.headers(), header::CONTENT_TYPE), 256)),
        context,
        raw,
    };
    NewArrival { envelope, initial, edited: None }
}

fn context(visit: &Visit) -> ArrivalContext {
    let sent = |name: header::HeaderName, limit: usize| {
        let value = cut(negotiate::text(visit.headers(), name), limit);
        (!value.is_empty()).then_some(value)
    };
    let query = visit.head.uri.query().filter(|query| !query.is_empty());
    ArrivalContext {
        client_ip: visit.set.kept_ip(&visit.form.id, visit.client()),
        user_agent: Some(negotiate::agent(visit.headers())).filter(|agent| !agent.is_empty()),
        referer: sent(header::REFERER, 2_048),
        origin: sent(header::ORIGIN, 512),
        accept_language: sent(header::ACCEPT_LANGUAGE, 256),
        query: query.map(|query| cut(query.to_owned(), 4_096)),
        ..ArrivalContext::default()
    }
}

/// Lets lists show who sent what is held and what it is about, for the person who is to judge it: nobody reads it before.
fn show(context: &mut ArrivalContext, visit: &Visit, said: &Said) {
    use Canonical::{Company, Email, FirstName, FullName, LastName, Message, Mobile, Phone, Product, Topic};
    let meant = |name: &str| visit.meaning(name);
    let value = |wanted: &[Canonical]| {
        wanted.iter().find_map(|canonical| {
            let found = said.fields.iter().filter(|(name, _)| meant(name) == Some(*canonical));
            found.into_iter().find_map(|(_, value)| non_empty_line(value, SHOWN_CHARS))
        })
    };
    let sender = value(&[Email, Phone, Mobile, FullName, LastName, FirstName, Company]);
    let title = || visit.form.title.clone();
    let subject = value(&[Topic, Product]).or_else(title).or_else(|| value(&[Message]));
    let extra = [(SHOWN_SENDER, sender), (SHOWN_SUBJECT, subject)];
    context.extra.extend(extra.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
}

/// At most `limit` bytes, whole characters.
fn cut(mut text: String, limit: usize) -> String {
    text.truncate(text.floor_char_boundary(limit));
    text
}

async fn accept(visit: &Visit, arrival: NewArrival) -> Result<Accepted, Why> {
    visit.door.journal.accept(arrival).await.map_err(|error| {
        match &error {
            StoreError::Full(_) | StoreError::Away(_) | StoreError::Busy(_) => {
                tracing::warn!(form = %visit.form.id, %error, "a submission to form {} could not be written down: {error}",
                    visit.form.id);
            }
            _ => tracing::error!(form = %visit.form.id, %error,
                "a submission to form {} could not be written down: {error}", visit.form.id),
        }
        Why::Unavailable
    })
}
