//! The one verb: what is to be done with an arrival, given what is known and the rules.
//!
//! Order, and nothing may change it:
//! 1. Machine mail, and a colleague's answer, is parked, joined to the conversation it answers. No rule can make a
//!    lead of it.
//! 2. The guard rules may discard or quarantine.
//! 3. Spam, nobody to reach, and a sender denied by a server of the house who would join what is known: quarantine.
//! 4. An answer from a participant joins its conversation.
//! 5. A request sent again joins what it became the first time.
//! 6. A known person with a recent open record joins that, unless a rule says otherwise.
//! 7. Everything else is a new record, linked to what is known; of a writer who made too many of late, quarantine.
//!
//! An operator's release from quarantine skips 1-3, and lets 7 make its record.

mod denied;
mod loops;
mod reports;

use serde::{Deserialize, Serialize};
use serde_json::json;
use ulid::Ulid;

pub use loops::{LOOP, LoopGuard};

use super::decision::{Action, Decision, Link, NewRecord, OwnerChoice, RecordKind, UnknownCampaign};
use super::enquiry::attribution::folded;
use super::enquiry::email::EmailAddress;
use super::enquiry::{AskedDate, EmailKind, Enquiry};
use super::envelope::{ArrivalState, Envelope, TEST};
use super::hooks;
use super::matching::organisation::OrganisationMatch;
use super::matching::profile::Profile;
use super::matching::verdict::{self, Known};
use super::matching::{EntityKind, EntityRef, Neighbourhood, ThreadHit, keys};
use super::reading::signature_history::SIGNATURE_KNOWN;
use super::rules::facts::{Facts, KnownFacts};
use super::rules::{Declarations, Evaluation, Guarded, OnKnown, RuleSet};
use super::screening::{self, Screening, Verdict};
use super::submission::{MailClass, Submission};
use crate::clock::Timestamp;

/// What the house has decided once for all arrivals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// A known person's message joins an open record whose last message is younger than this.
    pub append_within: std::time::Duration,
    /// Contact details every record must have, by intake id: names of [`MISSING`].
    pub required: std::collections::BTreeMap<String, Vec<String>>,
    /// What becomes of a campaign that is not known yet.
    pub unknown_campaign: UnknownCampaign,
    /// Campaigns that the configuration names, folded: known whatever the database says.
    pub campaigns: std::collections::BTreeSet<String>,
    /// How many new records one writer may make by mail.
    pub loop_guard: LoopGuard,
}

/// Why what screening takes for spam is quarantined.
pub const SPAM: &str = "spam";

/// Why a colleague's answer in a known conversation is parked.
pub const COLLEAGUE: &str = "colleague";

/// Why a report about an address is parked without effect: nothing ties it to a message of ours, and nobody known vouches
/// for it.
pub const UNPROVEN_REPORT: &str = "unproven_report";

/// What a profile may require: `last_name`, `topic`, `contact_detail`, `source`, `inquiry_kind`, `company`.
pub const MISSING: [&str; 6] = ["last_name", "topic", "contact_detail", "source", "inquiry_kind", "company"];

impl Default for Policy {
    fn default() -> Self {
        Self {
            append_within: std::time::Duration::from_hours(30 * 24),
            required: std::collections::BTreeMap::new(),
            unknown_campaign: UnknownCampaign::Create,
            campaigns: std::collections::BTreeSet::new(),
            loop_guard: LoopGuard::default(),
        }
    }
}

/// Ids a new record may need, minted beforehand so that deciding stays pure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Ids {
    pub record: Ulid,
    pub contact: Ulid,
    pub organisation: Ulid,
}

/// Everything a decision rests on.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the types say it")]
pub struct Question<'a> {
    pub envelope: &'a Envelope,
    pub submission: &'a Submission,
    pub enquiry: &'a Enquiry,
    pub around: &'a Neighbourhood,
    pub rules: &'a RuleSet,
    pub declared: &'a Declarations,
    pub policy: &'a Policy,
    pub ids: Ids,
    pub now: Timestamp,
}

/// Decides. Deterministic: the same question has the same answer.
#[must_use]
pub fn decide(q: &Question<'_>) -> Decision {
    let known = verdict::known(q.enquiry, q.around);
    let thread = conversation(q);
    let evaluation = evaluated(q, &known, thread);
    let screened = screening::of_arrival(q.envelope, q.submission, q.enquiry);
    let (state, reason, action) = outcome(q, &known, thread, &evaluation, &screened);
    Decision {
        state,
        action,
        set: evaluation.set.clone(),
        // A test must never be taken for somebody.
        keys: if is_test_event(q.submission) { Vec::new() } else { keys::keys_of(q.enquiry) },
        profile: if is_test_event(q.submission) { None } else { Profile::of_enquiry(q.enquiry) },
        // Only what is believed may silence an address: not what is held or thrown away.
        unsubscribe: reports::unsubscribe(q).filter(|_| matches!(state, ArrivalState::Decided | ArrivalState::Parked)),
        bounced: if state == ArrivalState::Parked { reports::bounced(q) } else { Vec::new() },
        rules_hash: q.rules.hash().to_owned(),
        rule_ids: evaluation.rule_ids.clone(),
        trace: trace(q, &known, thread, &evaluation, &screened),
        reason,
    }
}

/// What the rules say, before what the house decides itself (machine mail, conversations, quarantine) is looked at.
#[must_use]
pub fn evaluate(q: &Question<'_>) -> Evaluation {
    evaluated(q, &verdict::known(q.enquiry, q.around), conversation(q))
}

fn evaluated(q: &Question<'_>, known: &Known, thread: Option<&ThreadHit>) -> Evaluation {
    let facts = Facts::gather(q.enquiry, q.submission, q.envelope, &known_facts(known, thread), q.declared);
    q.rules.evaluate(&facts, q.now)
}

type Outcome = (ArrivalState, Option<String>, Action);

fn outcome(
    q: &Question<'_>,
    known: &Known,
    thread: Option<&ThreadHit>,
    evaluation: &Evaluation,
    screened: &Screening,
) -> Outcome {
    if let Some(special) = of_hook(q, evaluation) {
        return special;
    }
    if !q.envelope.context.released {
        if let Some(parked) = machine(q, thread) {
            return parked;
        }
        if let Some(guarded) = &evaluation.guard {
            return guard(guarded, thread);
        }
        if let Some(reason) = held(q, thread, screened).or_else(|| denied::reason(q, known, thread)) {
            return (ArrivalState::Quarantined, Some(reason.to_owned()), Action::Nothing);
        }
    }
    if let Some(hit) = thread.filter(|h| joins(q, h)) {
        return (ArrivalState::Decided, None, Action::Append(hit.record));
    }
    // Sent again by whoever passed it on: no second record, however old or closed the first is.
    if let Some(first) = known.request {
        return (ArrivalState::Decided, None, Action::Append(first));
    }
    let recent = known.open.iter().find(|open| q.now.since(open.last_message_at) < q.policy.append_within);
    let append = match evaluation.on_known {
        Some(OnKnown::Append) => recent.or(known.open.first()),
        Some(OnKnown::NewLinked) => None,
        None => recent,
    };
    let action = match append {
        Some(open) => Action::Append(open.record),
        None if loops::is_loop(q) => return (ArrivalState::Quarantined, Some(LOOP.to_owned()), Action::Nothing),
        None => Action::Create(Box::new(new_record(q, known, thread, evaluation, screened.verdict))),
    };
    (ArrivalState::Decided, None, action)
}

/// Nobody is told of it: history, an operator's test, or a test of a producer, which may be known as such only when it
/// is read.
#[must_use]
pub fn is_silent(envelope: &Envelope, submission: &Submission) -> bool {
    envelope.context.silent || is_test_event(submission)
}

/// A producer calls it a test.
fn is_test_event(submission: &Submission) -> bool {
    submission.flags.iter().any(|flag| flag == hooks::TEST_EVENT)
}

/// What a hook's request is before anything else is asked: it only announces a lead, it is no lead, or it is a test. A
/// test becomes a record of its own that nobody owns, that knows nobody, and that says so.
fn of_hook(q: &Question<'_>, evaluation: &Evaluation) -> Option<Outcome> {
    let flag = |name: &str| q.submission.flags.iter().any(|flag| flag == name);
    if q.submission.to_fetch.is_some() {
        // What a producer's button announces is not there to be fetched.
        if is_test_event(q.submission) {
            return Some(parked(hooks::TEST_EVENT, Action::Nothing));
        }
        return Some(parked(hooks::TO_BE_FETCHED, Action::Nothing));
    }
    // What holds several leads waits for somebody, whatever else it is.
    if flag(hooks::OTHER_EVENT) && !flag(hooks::TOO_MANY_LEADS) && !q.envelope.context.released {
        return Some(parked(hooks::OTHER_EVENT, Action::Nothing));
    }
    if !is_test_event(q.submission) {
        return None;
    }
    let nobody = verdict::known(q.enquiry, &Neighbourhood::default());
    let mut record = new_record(q, &nobody, None, evaluation, Verdict::Clean);
    record.kind = RecordKind::Lead;
    record.contact = Link::None;
    record.organisation = Link::None;
    record.lead_of_origin = None;
    record.owner = OwnerChoice::Nobody;
    record.team = None;
    record.stage = None;
    record.tags = vec![TEST.to_owned()];
    Some((ArrivalState::Decided, None, Action::Create(Box::new(record))))
}

/// Machine mail is kept and joined, never a record.
fn machine(q: &Question<'_>, thread: Option<&ThreadHit>) -> Option<Outcome> {
    let reason = match q.submission.class? {
        MailClass::AutoReply => "auto_reply",
        MailClass::Bounce | MailClass::Complaint if reports::is_unproven(q) => UNPROVEN_REPORT,
        MailClass::Bounce => "bounce",
        MailClass::DeliveryStatus => "delivery_status",
        MailClass::Complaint => "complaint",
        MailClass::OwnMessage => "own_message",
        MailClass::Person if colleague(q) => return thread.map(|hit| parked(COLLEAGUE, Action::Join(hit.record))),
        MailClass::Person | MailClass::FormNotification | MailClass::Adf | MailClass::MailingList | MailClass::Bulk => {
            return None;
        }
    };
    Some(parked(reason, join(thread)))
}

fn parked(reason: &str, action: Action) -> Outcome {
    (ArrivalState::Parked, Some(reason.to_owned()), action)
}

/// Somebody of the house writes, for nobody else.
fn colleague(q: &Question<'_>) -> bool {
    let emails = &q.enquiry.emails;
    !emails.is_empty() && emails.iter().all(|e| e.kind == EmailKind::Own)
}

fn join(thread: Option<&ThreadHit>) -> Action {
    thread.map_or(Action::Nothing, |hit| Action::Join(hit.record))
}

fn guard(guarded: &Guarded, thread: Option<&ThreadHit>) -> Outcome {
    match guarded {
        Guarded::Discard { reason } if reason == "machine" => {
            (ArrivalState::Parked, Some(reason.clone()), join(thread))
        }
        Guarded::Discard { reason } => (ArrivalState::Discarded, Some(reason.clone()), Action::Nothing),
        Guarded::Quarantine { reason } => (ArrivalState::Quarantined, Some(reason.clone()), Action::Nothing),
    }
}

/// Why this waits for a person, if it does. What a person writes into a known conversation is never taken for spam.
fn held(q: &Question<'_>, thread: Option<&ThreadHit>, screened: &Screening) -> Option<&'static str> {
    if q.submission.flags.iter().any(|f| f == "unreadable") {
        return Some("unreadable");
    }
    if q.submission.flags.iter().any(|f| f == hooks::TOO_MANY_LEADS) {
        return Some(hooks::TOO_MANY_LEADS);
    }
    if q.submission.class == Some(MailClass::Bulk) {
        return Some("bulk");
    }
    let conversation = q.submission.class == Some(MailClass::Person) && thread.is_some_and(|hit| participates(q, hit));
    if screened.verdict == Verdict::Spam && !conversation {
        return Some(SPAM);
    }
    let e = q.enquiry;
    let named = [&e.person.first_name, &e.person.last_name, &e.person.full_name, &e.organisation.name, &e.raw_sender]
        .iter()
        .any(|n| n.as_deref().is_some_and(|n| !n.trim().is_empty()));
    let reachable = e.emails.iter().any(|m| m.kind != EmailKind::Own) || !e.phones.is_empty();
    (!named && !reachable && thread.is_none()).then_some("nobody_to_reach")
}

/// The newest conversation the arrival answers in which its sender takes part; else the newest one it names.
fn conversation<'a>(q: &Question<'a>) -> Option<&'a ThreadHit> {
    q.around.threads.iter().find(|hit| participates(q, hit)).or(q.around.threads.first())
}

/// The sender wrote or received a message of that conversation. Addresses are compared by the rules of their providers.
fn participates(q: &Question<'_>, hit: &ThreadHit) -> bool {
    let canonical =
        |address: &String| EmailAddress::parse(address).map_or_else(|| address.to_lowercase(), |a| a.canonical());
    let members: Vec<String> = hit.participants.iter().map(canonical).collect();
    // Who writes is what the enquiry says: the From of a person's mail. A Reply-To is chosen by whoever writes.
    let unreadable = || q.submission.mail.as_ref().and_then(|m| m.from.address.as_ref());
    match q.enquiry.emails.as_slice() {
        [] => unreadable().is_some_and(|sender| members.contains(&canonical(sender))),
        emails => emails.iter().any(|e| e.kind != EmailKind::Own && members.contains(&e.canonical)),
    }
}

/// An answer joins only if a participant sent it, and it is still about the same thing. A closed record nobody looks
/// at any more takes no new message: that becomes a new, linked one.
fn joins(q: &Question<'_>, hit: &ThreadHit) -> bool {
    let recent = hit.last_message_at.is_some_and(|at| q.now.since(at) < q.policy.append_within);
    let same = same_subject(q.submission.subject.as_deref(), hit.subject.as_deref());
    participates(q, hit) && if hit.open { same || recent } else { same && recent }
}

fn same_subject(a: Option<&str>, b: Option<&str>) -> bool {
    let plain = |s: Option<&str>| super::enquiry::strip_prefixes(s.unwrap_or_default()).to_lowercase();
    let (a, b) = (plain(a), plain(b));
    !a.is_empty() && a == b
}

fn known_facts(known: &Known, thread: Option<&ThreadHit>) -> KnownFacts {
    let open = |kind| known.open.iter().any(|o| o.record.kind == kind);
    KnownFacts {
        contact: known.contact.is_some(),
        organisation: known.organisation.is_some(),
        customer: known.customer,
        open_lead: open(EntityKind::Lead),
        open_opportunity: open(EntityKind::Opportunity),
        account_owner: known.account_owner.clone().or_else(|| known.owner.clone()),
        account_team: known.team.clone(),
        owner: known.owner.clone().or_else(|| thread.and_then(|t| t.owner.clone())),
        ..KnownFacts::default()
    }
}

fn new_record(
    q: &Question<'_>,
    known: &Known,
    thread: Option<&ThreadHit>,
    ev: &Evaluation,
    verdict: Verdict,
) -> NewRecord {
    let is_deal = ev.create == RecordKind::Opportunity;
    let contact = match known.contact {
        Some(id) => Link::Existing(id),
        None if is_deal => Link::New(q.ids.contact),
        None => Link::None,
    };
    let organisation = match known.organisation {
        Some(id) => Link::Existing(id),
        None if is_deal && q.enquiry.organisation.name.is_some() => Link::New(q.ids.organisation),
        None => Link::None,
    };
    NewRecord {
        kind: ev.create,
        id: q.ids.record,
        title: title(q.enquiry, ev),
        contact,
        organisation,
        linked_to: thread.map(|t| t.record).or(known.latest),
        lead_of_origin: known.lead.filter(|_| is_deal),
        // A test takes no turn of a pool and lies on nobody's desk.
        owner: if is_test(q.envelope) { OwnerChoice::Nobody } else { ev.owner.clone() },
        team: ev.team.clone(),
        stage: ev.stage.clone(),
        priority: ev.priority.min(3),
        score: ev.score,
        tags: tags(q, ev, verdict),
        expected_revenue: ev.expected_revenue.clone(),
        verification_required: known.overlaps(),
        candidates: known.candidates.clone(),
        organisation_learns: known.organisation_match.as_ref().is_some_and(OrganisationMatch::is_proven),
        organisation_candidates: known.organisation_match.as_ref().map(|of| of.candidates.clone()).unwrap_or_default(),
        incomplete: incomplete(q, ev),
        unknown_campaign: unknown_campaign(q, ev),
    }
}

/// A campaign that a rule or the configuration names is known; of any other the house has decided.
fn unknown_campaign(q: &Question<'_>, ev: &Evaluation) -> UnknownCampaign {
    let by_rule = ev.set.iter().any(|s| s.name == "campaign");
    let said = q.enquiry.attribution.campaign.as_deref();
    if by_rule || said.is_none_or(|name| q.policy.campaigns.contains(&folded(name))) {
        return UnknownCampaign::Create;
    }
    q.policy.unknown_campaign.clone()
}

/// What a record is flagged with when screening doubts it. Who released spam has judged it: it is flagged no more.
fn tags(q: &Question<'_>, ev: &Evaluation, verdict: Verdict) -> Vec<String> {
    let mut tags = ev.tags.clone();
    tags.extend(is_test(q.envelope).then(|| TEST.to_owned()));
    if matches!(verdict, Verdict::Unverified | Verdict::Suspect) {
        tags.push(format!("screening-{}", verdict.as_str()));
    }
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// An operator sent it to see that it arrives.
fn is_test(envelope: &Envelope) -> bool {
    envelope.context.extra.contains_key(TEST)
}

/// `{inquiry kind} {product} - {topic}` for a deal, the topic for a lead; at most 140 characters.
fn title(enquiry: &Enquiry, ev: &Evaluation) -> String {
    let set = |name: &str| ev.set.iter().rev().find(|s| s.name == name).map(|s| s.value.as_str());
    let topic = enquiry.topic.as_deref().unwrap_or_default().trim();
    let head = match ev.create {
        RecordKind::Lead => String::new(),
        RecordKind::Opportunity => {
            let kind = set("inquiry_kind").or(enquiry.inquiry_kind.as_deref()).unwrap_or_default();
            [kind, set("product").unwrap_or_default()].join(" ").trim().to_owned()
        }
    };
    let whole = match (head.is_empty(), topic.is_empty()) {
        (false, false) => format!("{head} - {topic}"),
        (false, true) => head,
        (true, _) => topic.to_owned(),
    };
    whole.chars().take(140).collect()
}

fn incomplete(q: &Question<'_>, ev: &Evaluation) -> Vec<String> {
    let e = q.enquiry;
    let missing = |name: &str| match name {
        "last_name" => e.person.last_name.is_none(),
        "topic" => e.topic.is_none(),
        "contact_detail" => e.emails.is_empty() && e.phones.is_empty(),
        "source" => e.attribution.source.is_none() && !ev.set.iter().any(|s| s.name == "source"),
        "inquiry_kind" => e.inquiry_kind.is_none() && !ev.set.iter().any(|s| s.name == "inquiry_kind"),
        "company" => e.organisation.name.is_none(),
        _ => false,
    };
    let own = q.policy.required.get(&q.envelope.intake_id).map(Vec::as_slice).unwrap_or_default();
    let mut list: Vec<String> = own.iter().filter(|n| missing(n)).cloned().collect();
    if missing("contact_detail") && !list.iter().any(|n| n == "contact_detail") {
        list.push("contact_detail".to_owned());
    }
    list
}

/// Why, for the record: rules and match evidence; no message text, no addresses.
fn trace(
    q: &Question<'_>,
    known: &Known,
    thread: Option<&ThreadHit>,
    ev: &Evaluation,
    screened: &Screening,
) -> serde_json::Value {
    let answer = thread.map(|hit| {
        json!({ "record": hit.record, "joined": joins(q, hit),
                "participant": participates(q, hit) })
    });
    json!({
        "class": q.submission.class,
        "match": known,
        "conversation": answer,
        "signature": q.submission.flags.iter().any(|f| f == SIGNATURE_KNOWN).then_some("known from earlier mails"),
        "same_message_id": q.around.same_message_id,
        "made_lately": q.around.made_lately,
        "dates": q.enquiry.dates.iter().map(AskedDate::iso).collect::<Vec<_>>(),
        "rules": ev.trace,
        "create": ev.create,
        "on_known": ev.on_known,
        "owner": ev.owner,
        "released": q.envelope.context.released,
        "screening": screened,
    })
}

/// The owner named in the decision, when it is settled without a pool.
#[must_use]
pub fn settled_owner(owner: &OwnerChoice) -> Option<&str> {
    match owner {
        OwnerChoice::Person(user) => Some(user),
        OwnerChoice::Pool { .. } | OwnerChoice::Queue(_) | OwnerChoice::Nobody => None,
    }
}

/// The record an action touches.
#[must_use]
pub fn touched(action: &Action) -> Option<EntityRef> {
    match action {
        Action::Nothing => None,
        Action::Join(r) | Action::Append(r) => Some(*r),
        Action::Create(new) => {
            let kind = match new.kind {
                RecordKind::Lead => EntityKind::Lead,
                RecordKind::Opportunity => EntityKind::Opportunity,
            };
            Some(EntityRef { kind, id: new.id })
        }
    }
}
