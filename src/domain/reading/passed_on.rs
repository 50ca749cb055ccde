//! A mail that was passed on, and whether the one inside is whom it is about.
//!
//! Invariant: a message inside is a fact of the mail and nothing more, unless one whom the house trusts passed it on. A
//! forged forward chooses no lead.

use mail_parser::Message;

use super::addresses::{domain_of, is_own_address, is_own_domain};
use super::body::{self, Body, warning};
use super::forwarded::Passed;
use super::header_labels::Prefix;
use super::mime::HeaderBag;
use super::notification::{self, Sender};
use super::{
    ReadSettings, adf, attached_messages, forwarded, header_labels, prospects, quoted, rewritten, signature, template,
    trust,
};
use crate::domain::hooks;
use crate::domain::submission::{Field, Forwarded, MailClass, MailFacts, Mailbox, Submission, TemplateUse};

/// Flag of a mail that a trusted forwarder passed on: the one inside is the sender.
pub const TRUSTED_FORWARD: &str = "trusted_forward";

/// Most messages that colleagues passed on to each other in one text.
const DEPTH: usize = 10;
/// Longest note of those who passed a message on, in bytes.
const NOTE: usize = 10_000;

/// The message that a person passed on: attached, in a file of Outlook's, or in the text. Reports carry one too, but that
/// is ours come back. Where the mail has no words of its own, those inside are its text.
pub(super) fn found(
    out: &mut Submission,
    facts: &mut MailFacts,
    text: &mut Body,
    message: &Message<'_>,
    in_text: Option<Passed>,
    (trusted, settings): (bool, &ReadSettings),
) -> Option<Forwarded> {
    let limit = settings.limits.text_bytes;
    let attached = attached_messages::read(message, &settings.limits);
    let wordless = text.text.trim().is_empty();
    if wordless {
        text.text = attached.words(limit);
        out.warnings.retain(|warning| warning.code != "no_text" || text.text.is_empty());
    }
    let omitted = attached.omitted;
    if omitted > 0 {
        let detail = format!("{omitted} attached messages were not opened: they stand in the raw mail.");
        out.warnings.push(warning("messages_omitted", detail));
    }
    let mut ended = attached.ended(limit, |from| is_of_house(from, settings)).into_iter();
    let first = ended.next();
    let several = ended.next().is_some() || omitted > 0;
    let own = || (if wordless { String::new() } else { text.text.clone() }, facts.from.clone());
    let (mut above, inner) = match (first, text.passed_on.take(), in_text) {
        (Some(first), ..) => (std::iter::once(own()).chain(first.above).collect(), first.message),
        (None, Some(file), _) => (vec![own()], file),
        (None, None, Some(passed)) => {
            text.above = Some(passed.above.clone());
            (vec![(passed.above, facts.from.clone())], passed.inner)
        }
        (None, None, None) => return None,
    };
    if !trusted {
        above.truncate(1);
        facts.passed_with = note(&above);
        return Some(inner);
    }
    if several {
        out.flags.push(hooks::TOO_MANY_LEADS.to_owned());
        let detail = "Several messages are attached: pass each on by itself, or make their leads by hand.";
        out.warnings.push(warning("several_messages", detail));
    }
    let inner = innermost(inner, &mut above, settings);
    if adf::is_open_in(&inner.text) && (adf::is_several(&inner.text) || adf::is_cut(&inner.text)) {
        prospects::note_several(out);
    }
    facts.passed_with = note(&above);
    Some(inner)
}

/// Of what colleagues passed on to each other the message at its end. What each wrote goes to `above`.
fn innermost(mut inner: Forwarded, above: &mut Vec<(String, Mailbox)>, settings: &ReadSettings) -> Forwarded {
    for _ in 0..DEPTH {
        if !is_of_house(&inner.from, settings) {
            break;
        }
        let prefix = header_labels::prefix(inner.subject.as_deref().unwrap_or_default());
        let deeper = forwarded::read(&inner.text, prefix, false);
        let Some(deeper) = deeper.filter(|deeper| deeper.inner.from != Mailbox::default()) else { break };
        above.push((deeper.above, inner.from));
        inner = deeper.inner;
    }
    inner
}

/// What those wrote who passed it on, without their signatures; `None`: nothing.
fn note(above: &[(String, Mailbox)]) -> Option<String> {
    let said = above.iter().map(|(text, from)| split_above(text, from).0);
    let said: Vec<String> = said.filter(|said| said.contains(char::is_alphanumeric)).collect();
    Some(body::cut(&said.join("\n\n"), NOTE).to_owned()).filter(|note| !note.is_empty())
}

/// Splits the signature off what stands above a message passed on. A block alone is one, as if it stood below a text.
pub(super) fn split_above(text: &str, from: &Mailbox) -> (String, Option<String>) {
    const ABOVE: &str = "See below.";
    let (kept, block) = signature::split(&format!("{ABOVE}\n\n{text}"), from);
    match kept.strip_prefix(ABOVE) {
        Some(kept) if block.is_some() => (kept.trim().to_owned(), block),
        _ => (text.to_owned(), None),
    }
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
    let document = adf::read(&inner.text).filter(|fields| !fields.is_empty() && of_portal.is_none());
    let class = match (&of_portal, &document) {
        (None, Some(_)) => Some(MailClass::Adf),
        _ => None,
    };
    let fields = of_portal.or(document).or_else(|| notification::read(&inner.text, Sender::Unknown));
    // Most of what is passed on in a house is an answer, with what it answers below.
    let subject = inner.subject.as_deref().unwrap_or_default();
    let answers = header_labels::prefix(subject) != Prefix::Forward;
    let split = quoted::split(&inner.text, answers, None);
    let (reply, signature) = signature::split(&split.reply, &inner.from);
    let mail = MailFacts {
        message_id: outer.message_id.clone(),
        date: inner.date.clone().or_else(|| outer.date.clone()),
        from: inner.from.clone(),
        to: inner.to.clone(),
        cc: inner.cc.clone(),
        delivered_to: outer.delivered_to.clone(),
        quoted: split.quoted,
        signature,
        passed_with: outer.passed_with.clone(),
        ..MailFacts::default()
    };
    Some(Submission {
        class: class.or(Some(if fields.is_some() { MailClass::FormNotification } else { MailClass::Person })),
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
