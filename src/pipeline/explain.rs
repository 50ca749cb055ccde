//! The whole decision on one arrival, in words and as JSON, by the code that production runs. Writes nothing.

use std::sync::Arc;

use serde::Serialize;

use super::process::{self, Read};
use super::visitors;
use super::{Brain, around};
use crate::clock::{Clock, Timestamp};
use crate::domain::decide::{self, Ids, Question};
use crate::domain::decision::{Action, Decision, Link, NewRecord, OwnerChoice, RecordKind};
use crate::domain::enquiry::Enquiry;
use crate::domain::envelope::{Envelope, PART};
use crate::domain::matching::words::Language;
use crate::domain::matching::{Neighbourhood, keys};
use crate::domain::reading::ReadSettings;
use crate::domain::reading::signature_history::SIGNATURE_KNOWN;
use crate::domain::rules::TraceStep;
use crate::domain::submission::Submission;
use crate::store::{Store, StoreResult};

/// A decision with everything it rests on.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// `mail`, `form`, `file` or `webhook`.
    pub channel: String,
    /// Mailbox, form or hook.
    pub intake: String,
    /// Which prospect of a mail with several it is, `2/3`, or `rest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// RFC 3339.
    pub at: String,
    /// What it says.
    pub submission: Arc<Submission>,
    /// What it means.
    pub enquiry: Arc<Enquiry>,
    /// Known records were looked up; false when no database was at hand.
    pub matched_against_database: bool,
    /// What would be done, and why.
    pub decision: Decision,
}

/// Explains `envelope`; with `store`, against the records it holds.
///
/// # Errors
/// When the database cannot be read.
pub async fn explain(
    store: Option<&Arc<dyn Store>>,
    brain: &Brain,
    envelope: Envelope,
    clock: &dyn Clock,
) -> StoreResult<Explanation> {
    let read = process::read_one(brain, &envelope);
    let now = clock.now();
    let (read, around) = match store {
        Some(store) => around(store, read, &brain.settings, Some((brain, now))).await?,
        None => (read, Neighbourhood::default()),
    };
    let standing = visitors::standings(store, brain, &[&read]).await?.pop().unwrap_or_default();
    let mut decision = decide::decide(&Question {
        envelope: &read.envelope,
        submission: &read.submission,
        enquiry: &read.enquiry,
        around: &around,
        rules: &brain.rules,
        declared: &brain.declared,
        policy: &brain.policy,
        ids: Ids { record: clock.new_id(), contact: clock.new_id(), organisation: clock.new_id() },
        now,
    });
    brain.sign(&mut decision);
    visitors::hold(brain, &read, &standing, &mut decision);
    Ok(Explanation {
        channel: read.envelope.channel.as_str().to_owned(),
        intake: read.envelope.intake_id.clone(),
        part: read.envelope.context.extra.get(PART).cloned(),
        at: now.to_string(),
        submission: read.submission,
        enquiry: read.enquiry,
        matched_against_database: store.is_some(),
        decision,
    })
}

/// The records that production would look at for this arrival, and the reading by them; `at`: by which policy and when it
/// is decided.
///
/// # Errors
/// When the database cannot be read.
pub async fn around(
    store: &Arc<dyn Store>,
    read: Read,
    settings: &ReadSettings,
    at: Option<(&Brain, Timestamp)>,
) -> StoreResult<(Read, Neighbourhood)> {
    let own = keys::keys_of(&read.enquiry);
    let (mut anew, mut around) = around::look(store, settings, &[(&read, &own)], at).await?;
    Ok((anew.pop().flatten().unwrap_or(read), around.pop().unwrap_or_default()))
}

impl Explanation {
    /// What came and the verdict on who it is, one fact a line; the records compared with come behind it.
    #[must_use]
    pub fn head(&self, language: Language) -> String {
        let mut out = String::new();
        let hash = self.decision.rules_hash.get(..12).unwrap_or(&self.decision.rules_hash);
        line(&mut out, "arrival", &format!("{} {}  rules {hash}  {}", self.channel, self.intake, self.at));
        if let Some(class) = self.submission.class {
            line(&mut out, "class", class.as_str());
        }
        if let Some(part) = &self.part {
            line(&mut out, "part", &format!("{part} of one mail"));
        }
        if let Some(template) = &self.submission.template {
            line(&mut out, "template", &template.to_string());
        }
        if self.submission.flags.iter().any(|flag| flag == SIGNATURE_KNOWN) {
            line(&mut out, "signature", "known from earlier mails of the sender");
        }
        line(&mut out, "subject", self.submission.subject.as_deref().unwrap_or("(none)"));
        line(&mut out, "who", &who(&self.enquiry));
        let verdict = self.known("person").and_then(|v| v.as_str()).unwrap_or("new");
        let nobody = language.says("search", "no_database");
        let note = if self.matched_against_database { String::new() } else { format!("  ({nobody})") };
        line(&mut out, "match", &format!("{}{note}", language.says("verdict", verdict)));
        out
    }

    /// What is said behind the records compared with: the conversation, the rules, and what becomes of it.
    #[must_use]
    pub fn tail(&self, language: Language) -> String {
        let mut out = String::new();
        if let Some(answer) = self.decision.trace.get("conversation").filter(|c| !c.is_null()) {
            let joined = answer.get("joined").and_then(serde_json::Value::as_bool).unwrap_or(false);
            line(&mut out, "thread", language.says("thread", if joined { "joins" } else { "apart" }));
        }
        self.rule_lines(&mut out);
        line(&mut out, "=>", &self.outcome());
        out
    }

    /// A member of what is known.
    fn known(&self, member: &str) -> Option<&serde_json::Value> {
        self.decision.trace.get("match")?.get(member)
    }

    fn rule_lines(&self, out: &mut String) {
        let steps: Vec<TraceStep> =
            self.decision.trace.get("rules").and_then(|r| serde_json::from_value(r.clone()).ok()).unwrap_or_default();
        let width = steps.iter().map(|s| s.rule.chars().count()).max().unwrap_or(0);
        let mut phase = "";
        for step in &steps {
            let head = if step.phase == phase { "" } else { step.phase.as_str() };
            phase = &step.phase;
            let answer = if step.matched { "YES" } else { "no " };
            let did = if step.did.is_empty() { String::new() } else { format!("  -> {}", step.did) };
            let shadow = if step.shadow { " (shadow)" } else { "" };
            line(out, head, &format!("{:width$}  {answer}  {}{did}{shadow}", step.rule, step.because));
        }
    }

    /// One line: what becomes of it.
    #[must_use]
    pub fn outcome(&self) -> String {
        let reason = self.decision.reason.as_deref().map(|r| format!(" ({r})")).unwrap_or_default();
        match &self.decision.action {
            Action::Nothing => format!("{}{reason}", self.decision.state.as_str()),
            Action::Join(r) => format!("{}{reason}, joins {} {}", self.decision.state.as_str(), r.kind.as_str(), r.id),
            Action::Append(r) => format!("appended to {} {}", r.kind.as_str(), r.id),
            Action::Create(new) => created(new),
        }
    }
}

fn created(new: &NewRecord) -> String {
    let kind = match new.kind {
        RecordKind::Lead => "new lead",
        RecordKind::Opportunity => "new opportunity",
    };
    let mut words = vec![kind.to_owned()];
    words.extend(new.team.as_ref().map(|t| format!("team {t}")));
    words.push(match &new.owner {
        OwnerChoice::Person(user) => format!("owner {user}"),
        OwnerChoice::Pool { pool, members } => {
            let names: Vec<&str> = members.iter().map(|m| m.user.as_str()).collect();
            format!("owner: next of pool {pool} ({})", names.join(", "))
        }
        OwnerChoice::Queue(queue) => format!("queue {queue}"),
        OwnerChoice::Nobody => "nobody yet".to_owned(),
    });
    words.extend(new.stage.as_ref().map(|s| format!("stage {s}")));
    words.push(format!("priority {}", new.priority));
    if !new.tags.is_empty() {
        words.push(format!("tags {}", new.tags.join(" ")));
    }
    if let Link::Existing(id) = new.contact {
        words.push(format!("contact {id}"));
    }
    if let Some(linked) = new.linked_to {
        words.push(format!("linked to {} {}", linked.kind.as_str(), linked.id));
    }
    if new.verification_required {
        words.push("verification required".to_owned());
    }
    if !new.incomplete.is_empty() {
        words.push(format!("incomplete: {}", new.incomplete.join(", ")));
    }
    words.join(", ")
}

fn who(enquiry: &Enquiry) -> String {
    let person = &enquiry.person;
    let name = person.full_name.clone().or_else(|| {
        let parts: Vec<&str> =
            [person.first_name.as_deref(), person.last_name.as_deref()].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    });
    let parts = [
        name,
        enquiry.organisation.name.clone(),
        enquiry.emails.first().map(|e| e.address.clone()),
        enquiry.phones.first().map(|p| p.e164.clone().unwrap_or_else(|| p.raw.clone())),
    ];
    let known: Vec<String> = parts.into_iter().flatten().collect();
    if known.is_empty() { "(nobody)".to_owned() } else { known.join(", ") }
}

fn line(out: &mut String, head: &str, text: &str) {
    let padded = format!("{head:<9} {text}");
    out.push_str(padded.trim_end());
    out.push('\n');
}
