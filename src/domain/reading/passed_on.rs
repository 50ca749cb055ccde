//! A mail that was passed on, and whether the one inside is whom it is about.
//!
//! Invariant: a message inside is a fact of the mail and nothing more, unless one whom the house trusts passed it on. A
//! forged forward chooses no lead.

use mail_parser::{Message, PartType};

use super::addresses::{domain_of, is_own_address, is_own_domain, mailboxes};
use super::body::{self, Body, warning};
use super::mime::HeaderBag;
use super::notification::{self, Sender};
use super::text::one_line;
use super::{ReadSettings, forwarded, header_labels, rewritten, signature, template, trust};
use crate::domain::hooks;
use crate::domain::submission::{Field, Forwarded, MailClass, MailFacts, Mailbox, Submission, TemplateUse};

/// Flag of a mail that a trusted forwarder passed on: the one inside is the sender.
pub const TRUSTED_FORWARD: &str = "trusted_forward";
/// Longest subject kept, in characters.
const SUBJECT_CHARS: usize = 500;

/// Most messages that are opened one inside the other, and most that are read beside each other.
const DEPTH: usize = 5;
const MESSAGES: usize = 20;

/// The message that a person passed on: attached, in a file of Outlook's, or in the text. Reports carry one too, but that
/// is ours come back. Where the mail has no words of its own, those inside are its text.
pub(super) fn found(
    out: &mut Submission,
    text: &mut Body,
    message: &Message<'_>,
    in_text: Option<Forwarded>,
    (trusted, settings): (bool, &ReadSettings),
) -> Option<Forwarded> {
    let attached: Vec<Forwarded> = inside(message).take(MESSAGES).map(|inner| opened(inner, DEPTH, settings)).collect();
    if text.text.trim().is_empty() {
        let words: Vec<&str> = attached.iter().map(|one| one.text.as_str()).filter(|words| !words.is_empty()).collect();
        if !words.is_empty() {
            text.text = words.join("\n\n");
            out.warnings.retain(|warning| warning.code != "no_text");
        }
    }
    let several = attached.len() > 1;
    let inner = attached.into_iter().next().or_else(|| text.passed_on.take()).or(in_text)?;
    if !trusted {
        return Some(inner);
    }
    if several {
        out.flags.push(hooks::TOO_MANY_LEADS.to_owned());
        let detail = "Several messages are attached: pass each on by itself, or make their leads by hand.";
        out.warnings.push(warning("several_messages", detail));
    }
    Some(innermost(inner, settings))
}

fn inside<'m>(message: &'m Message<'m>) -> impl Iterator<Item = &'m Message<'m>> {
    message.parts.iter().filter_map(|part| match &part.body {
        PartType::Message(inner) => Some(inner),
        _ => None,
    })
}

/// An attached message. Without words of its own it has those of the one attached to it; what one of the house only
/// passed on is that one.
fn opened(inner: &Message<'_>, depth: usize, settings: &ReadSettings) -> Forwarded {
    let text = body::read(inner, &settings.limits).text;
    let mut own = Forwarded {
        from: mailboxes(inner.from()).into_iter().next().unwrap_or_default(),
        to: mailboxes(inner.to()),
        cc: mailboxes(inner.cc()),
        subject: inner.subject().map(|s| one_line(s, SUBJECT_CHARS)),
        date: inner.date().filter(|d| d.is_valid()).map(mail_parser::DateTime::to_rfc3339),
        text: text.trim().to_owned(),
    };
    let passes_on = is_of_house(&own.from, settings);
    let asked = depth > 1 && (own.text.is_empty() || passes_on);
    let deeper = inside(inner).next().filter(|_| asked).map(|inner| opened(inner, depth - 1, settings));
    match deeper {
        Some(deeper) if passes_on && deeper.from != Mailbox::default() => return deeper,
        Some(deeper) if own.text.is_empty() => own.text = deeper.text,
        _ => {}
    }
    own
}

/// Of what colleagues passed on to each other the message at its end.
fn innermost(mut inner: Forwarded, settings: &ReadSettings) -> Forwarded {
    for _ in 0..DEPTH {
        if !is_of_house(&inner.from, settings) {
            break;
        }
        let prefix = header_labels::prefix(inner.subject.as_deref().unwrap_or_default());
        let deeper = forwarded::read(&inner.text, prefix, false).map(|passed| passed.inner);
        let Some(deeper) = deeper.filter(|deeper| deeper.from != Mailbox::default()) else { break };
        inner = deeper;
    }
    inner
}

/// One of us, or of those who pass mail on for us.
fn is_of_house(from: &Mailbox, settings: &ReadSettings) -> bool {
    let Some(address) = from.address.as_deref().map(str::to_lowercase) else { return false };
    is_own_address(&address, &settings.own_addresses)
        || domain_of(&address).is_some_and(|domain| is_own_domain(&domain, &settings.own_domains))
        || trust::is_named(&settings.forwarders, &address)
}

/// Flags a mail that somebody trusted passed on, when the one inside can be told and is not one of us.
pub(super) fn note_trust(out: &mut Submission, facts: &MailFacts, bag: &HeaderBag, settings: &ReadSettings) {
    let Some(inner) = &facts.forwarded else { return };
    let ours = inner.from.address.as_deref().is_some_and(|address| {
        is_own_address(address, &settings.own_addresses)
            || domain_of(address).is_some_and(|domain| is_own_domain(&domain, &settings.own_domains))
    });
    let told = inner.from != Mailbox::default() && !ours || notification::read(&inner.text, Sender::Unknown).is_some();
    // What a list says of who wrote is nobody whom the house has named.
    let rewritten = out.flags.iter().any(|flag| flag == rewritten::FLAG);
    if told && !rewritten && trust::is_trusted_forwarder(&facts.from, bag, settings) {
        out.flags.push(TRUSTED_FORWARD.to_owned());
        if let Some((used, _)) = by_template(inner, settings) {
            out.template = Some(used);
        }
    }
}

/// What a template of the house finds in it, and which.
fn by_template(inner: &Forwarded, settings: &ReadSettings) -> Option<(TemplateUse, Vec<Field>)> {
    let (from, to, cc) = (inner.from.clone(), inner.to.clone(), inner.cc.clone());
    let facts = MailFacts { from, to, cc, ..MailFacts::default() };
    template::read_inner(&inner.text, inner.subject.as_deref().unwrap_or_default(), &facts, settings)
}

/// The message inside as if it had come by itself, when somebody trusted passed it on.
#[must_use]
pub fn unwrapped(submission: &Submission, settings: &ReadSettings) -> Option<Submission> {
    let outer = submission.mail.as_ref().filter(|_| submission.flags.iter().any(|flag| flag == TRUSTED_FORWARD))?;
    let inner = outer.forwarded.as_ref()?;
    let (template, of_portal) = by_template(inner, settings).unzip();
    let fields = of_portal.or_else(|| notification::read(&inner.text, Sender::Unknown));
    let (reply, signature) = signature::split(&inner.text, &inner.from);
    let mail = MailFacts {
        message_id: outer.message_id.clone(),
        date: inner.date.clone().or_else(|| outer.date.clone()),
        from: inner.from.clone(),
        to: inner.to.clone(),
        cc: inner.cc.clone(),
        delivered_to: outer.delivered_to.clone(),
        signature,
        ..MailFacts::default()
    };
    Some(Submission {
        class: Some(if fields.is_some() { MailClass::FormNotification } else { MailClass::Person }),
        flags: submission.flags.clone(),
        subject: inner.subject.clone().or_else(|| submission.subject.clone()),
        text: inner.text.clone(),
        reply: reply.trim().to_owned(),
        attachments: submission.attachments.clone(),
        fields: fields.unwrap_or_default(),
        mail: Some(mail),
        template,
        ..Submission::default()
    })
}
