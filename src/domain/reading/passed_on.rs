//! A mail that was passed on, and whether the one inside is whom it is about.
//!
//! Invariant: a message inside is a fact of the mail and nothing more, unless one whom the house trusts passed it on. A
//! forged forward chooses no lead.

use mail_parser::{Message, PartType};

use super::addresses::{domain_of, is_own_address, is_own_domain, mailboxes};
use super::mime::HeaderBag;
use super::notification::{self, Sender};
use super::text::one_line;
use super::{ReadSettings, body, rewritten, signature, template, trust};
use crate::domain::submission::{Field, Forwarded, MailClass, MailFacts, Mailbox, Submission, TemplateUse};

/// Flag of a mail that a trusted forwarder passed on: the one inside is the sender.
pub const TRUSTED_FORWARD: &str = "trusted_forward";
/// Longest subject kept, in characters.
const SUBJECT_CHARS: usize = 500;

/// A whole message passed on as an attachment. Reports carry one too, but that is ours come back.
pub(super) fn attached(message: &Message<'_>, class: MailClass, settings: &ReadSettings) -> Option<Forwarded> {
    if class != MailClass::Person {
        return None;
    }
    let inner = message.parts.iter().find_map(|part| match &part.body {
        PartType::Message(inner) => Some(inner),
        _ => None,
    })?;
    let text = body::read(inner, &settings.limits).text;
    Some(Forwarded {
        from: mailboxes(inner.from()).into_iter().next().unwrap_or_default(),
        to: mailboxes(inner.to()),
        cc: mailboxes(inner.cc()),
        subject: inner.subject().map(|s| one_line(s, SUBJECT_CHARS)),
        date: inner.date().filter(|d| d.is_valid()).map(mail_parser::DateTime::to_rfc3339),
        text: text.trim().to_owned(),
    })
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
