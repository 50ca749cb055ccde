//! An RFC 5322 message -> [`Submission`]: the order in which the parts of reading work together.

mod fields;

use mail_parser::Message;

use fields::{adf_document, form_fields, note_who_typed};
pub(super) use fields::{is_document, quotes_document, sender, unescape};

use super::addresses::{clean_address, domain_of, is_own_address, is_own_domain, mailboxes};
use super::body::{Body, warning};
use super::header_labels::Prefix;
use super::machine::{Evidence, classify, may_reply};
use super::mime::HeaderBag;
use super::other_file::{is_mailbox, other_file};
use super::text::non_empty_line;
use super::{
    ReadSettings, beside, body, bounce, charset, complaint, disclaimer, forwarded, header_labels, mime, notification,
    passed_on, prospects, quoted, returns, rewritten, signature, smime, template, trust, typed,
};
use crate::clock::Timestamp;
use crate::domain::envelope::{Envelope, PART, REST};
use crate::domain::hooks;
use crate::domain::submission::{Canonical, MailClass, MailFacts, Mailbox, Submission};

/// Seconds of a day.
const DAY: i64 = 86_400;
/// References kept: the last ones, which are nearest.
const REFERENCES: usize = 32;
/// Longest subject kept, in characters.
const SUBJECT_CHARS: usize = 500;

/// Reads a mail. Total: what cannot be parsed gives a submission with the warning `unreadable`.
pub fn read(envelope: &Envelope, settings: &ReadSettings) -> Submission {
    let mut out = Submission { class: Some(MailClass::Person), ..Submission::default() };
    if let Some(kind) = other_file(&envelope.raw) {
        out.flags.push("unreadable".to_owned());
        out.warnings.push(warning("no_mail", format!("This is no mail but {kind}.")));
        out.mail = Some(MailFacts::default());
        return out;
    }
    if is_mailbox(&envelope.raw) {
        out.flags.push(hooks::TOO_MANY_LEADS.to_owned());
        let detail = "The file holds several messages: split it and send each by itself.";
        out.warnings.push(warning("several_messages", detail));
    }
    let opened = smime::opened(&envelope.raw, &settings.limits);
    out.flags.extend(opened.is_some().then(|| "signed".to_owned()));
    let raw = mime::unmarked(opened.as_ref().map_or(&envelope.raw[..], |opened| &opened.raw));
    let raw = raw.as_ref();
    let safe = mime::safety(raw, &settings.limits);
    let message = if safe { mime::parse(raw) } else { None };
    let section = mime::bounded_header(raw);
    let charset = message.as_ref().and_then(mime::declared_charset);
    let utf8 = charset::headers_as_utf8(&section.bytes, charset.as_deref());
    let header = mime::parse_header(&utf8);
    let Some(header) = header.filter(|h| !h.headers().is_empty()) else {
        return unreadable(out, raw, settings);
    };
    let bag = HeaderBag::read(&utf8);
    if section.was_cut {
        out.warnings.push(warning("header_cut", "The header is very long; only the beginning of its fields was read."));
    }
    if !safe {
        out.flags.push("too_deep".to_owned());
        out.warnings.push(warning(
            "too_deep",
            "The message is nested too deeply or made of too many parts; only its header and its first text were read.",
        ));
    }
    if safe && message.is_none() {
        out.flags.push("body_unreadable".to_owned());
        out.warnings.push(warning("body_unreadable", "The body could not be taken apart; only the header was read."));
    }
    if envelope.context.truncated_from.is_some() {
        out.flags.push("attachments_omitted".to_owned());
    }
    let mut text = message.as_ref().map(|m| body::read(m, &settings.limits)).unwrap_or_default();
    if !safe && let Some(head) = mime::head(raw, &settings.limits) {
        text = body::read(&head, &settings.limits);
    }
    let beside = message.as_ref().map(beside::read).unwrap_or_default();
    beside.fill(&mut text, &settings.limits);
    let message = message.as_ref().unwrap_or(&header);
    out.attachments = mime::attachments(message, settings.limits.attachments);
    note_omitted(message, &mut out, settings);
    beside.list(&mut out, settings.limits.attachments);
    if let Some(opened) = &opened {
        out.attachments.iter_mut().for_each(|file| file.part = opened.path(&file.part));
    }
    note_encoded(&mut out, &text, settings.limits.attachments);
    note_protection(message, &mut out, &text);
    let subject = header.subject().map(str::to_owned).or_else(|| beside.subject());
    out.subject = subject.and_then(|s| non_empty_line(&s, SUBJECT_CHARS));
    let mut facts = facts(&header, &bag, &mut out, settings, envelope);
    interpret(&mut out, &mut facts, text, message, &bag, settings, envelope.received_at);
    take_beside(&mut out, &mut facts, beside);
    typed::clean(&mut out.fields, settings.limits.text_bytes);
    note_part(&mut out, envelope);
    out.mail = Some(facts);
    out
}

/// Nothing that looks like a header: the bytes as text, so that a person can look.
fn unreadable(mut out: Submission, raw: &[u8], settings: &ReadSettings) -> Submission {
    let decoded = charset::decode(raw.get(..settings.limits.text_bytes).unwrap_or(raw), None);
    (out.text, _) = super::text::clean(&decoded.text, settings.limits.text_bytes);
    out.reply.clone_from(&out.text);
    out.flags.push("unreadable".to_owned());
    out.warnings.push(warning("unreadable", "The bytes have no mail header."));
    out.mail = Some(MailFacts::default());
    out
}

fn note_omitted(message: &Message<'_>, out: &mut Submission, settings: &ReadSettings) {
    if message.attachments.len() > settings.limits.attachments {
        let left = message.attachments.len() - settings.limits.attachments;
        out.warnings.push(warning("attachments_cut", format!("{left} more attachments are not listed.")));
    }
}

/// Files that stood in the text.
fn note_encoded(out: &mut Submission, text: &Body, limit: usize) {
    for (index, file) in text.files.iter().enumerate().take(limit.saturating_sub(out.attachments.len())) {
        let name = mime::file_name(&file.name).unwrap_or_else(|| format!("file-{}", index + 1));
        out.attachments.push(beside::listed(name, "", file.size, format!("text/{}", index + 1), false));
    }
}

/// An invitation, and what the card of the writer says of them.
fn take_beside(out: &mut Submission, facts: &mut MailFacts, beside: beside::Beside) {
    facts.event.clone_from(&beside.event);
    if out.class == Some(MailClass::Person) && out.fields.is_empty() && facts.forwarded.is_none() {
        out.fields = beside.card_of(&facts.from);
    }
}

/// A mail made of one with several prospects.
fn note_part(out: &mut Submission, envelope: &Envelope) {
    match envelope.context.extra.get(PART).map(String::as_str) {
        Some(REST) => out.flags.push(hooks::OTHER_EVENT.to_owned()),
        Some(part) => {
            let detail = format!("This is prospect {part} of one mail; each became a submission of its own.");
            out.warnings.push(warning("one_of_several", detail));
        }
        None => {}
    }
}

/// Flags for what cannot or need not be read: encrypted, signed, TNEF.
fn note_protection(message: &Message<'_>, out: &mut Submission, text: &Body) {
    let mut flag = |name: &str| {
        if !out.flags.iter().any(|f| f == name) {
            out.flags.push(name.to_owned());
        }
    };
    for part in message.parts.iter().take(200) {
        match mime::media_type(part).as_str() {
            "multipart/encrypted" | "application/pgp-encrypted" => flag("encrypted"),
            "multipart/signed"
            | "application/pgp-signature"
            | "application/pkcs7-signature"
            | "application/x-pkcs7-signature" => flag("signed"),
            "application/pkcs7-mime" | "application/x-pkcs7-mime" => {
                let smime = mail_parser::MimeHeaders::content_type(part).and_then(|ct| ct.attribute("smime-type"));
                flag(if smime.is_some_and(|t| t.eq_ignore_ascii_case("signed-data")) { "signed" } else { "encrypted" });
            }
            "application/ms-tnef" | "application/vnd.ms-tnef" => flag("tnef"),
            _ => {}
        }
    }
    if text.text.contains("-----BEGIN PGP MESSAGE-----") {
        flag("encrypted");
    }
    if text.signed {
        flag("signed");
    }
    let blank = text.text.trim().is_empty();
    if blank && out.flags.iter().any(|f| f == "tnef") {
        out.warnings
            .push(warning("tnef", "The text is inside winmail.dat and cannot be read; the raw message is kept."));
    } else if blank && !out.flags.iter().any(|f| f == "too_deep") {
        out.warnings.push(warning("no_text", "The message has no readable text."));
    }
    out.warnings.extend(text.warnings.iter().cloned());
    out.warnings.truncate(50);
}

/// Everything the header says.
fn facts(
    header: &Message<'_>,
    bag: &HeaderBag,
    out: &mut Submission,
    settings: &ReadSettings,
    envelope: &Envelope,
) -> MailFacts {
    let froms = mailboxes(header.from());
    let sender = mailboxes(header.sender()).into_iter().next();
    let reply_to = mailboxes(header.reply_to());
    let from = pick_from(&froms, sender.as_ref(), &reply_to, bag, out);
    let to = mailboxes(header.to());
    let cc = mailboxes(header.cc());
    let delivered_to: Vec<String> = ["delivered-to", "x-original-to", "envelope-to", "x-envelope-to"]
        .iter()
        .flat_map(|name| bag.all(name))
        .take(20)
        .filter_map(clean_address)
        .collect();
    let recipients = delivered_to.iter().chain(to.iter().chain(&cc).filter_map(|m| m.address.as_ref()));
    let plus_tag = recipients.into_iter().find_map(|address| plus_tag(address, settings));
    let references = ids(bag.get("references").unwrap_or_default());
    let skip = references.len().saturating_sub(REFERENCES);
    MailFacts {
        message_id: bag.get("message-id").and_then(|v| ids(v).into_iter().next()),
        in_reply_to: bag.get("in-reply-to").and_then(|v| ids(v).into_iter().next()),
        references: references.into_iter().skip(skip).collect(),
        date: date(header, out, envelope),
        from,
        sender,
        reply_to,
        to,
        cc,
        delivered_to,
        plus_tag,
        ..MailFacts::default()
    }
}

/// The first From with an address; else Sender, else Reply-To, else what stands in From as raw text.
fn pick_from(
    froms: &[Mailbox],
    sender: Option<&Mailbox>,
    reply_to: &[Mailbox],
    bag: &HeaderBag,
    out: &mut Submission,
) -> Mailbox {
    if let Some(found) = froms.iter().find(|m| m.address.is_some()) {
        // `X <>, x@y`: the name of the first, the address of the second.
        let name = found.name.clone().or_else(|| froms.iter().find_map(|m| m.name.clone()));
        return Mailbox { name, address: found.address.clone() };
    }
    let raw = bag.get("from").unwrap_or_default();
    let name = froms.iter().find_map(|m| m.name.clone()).or_else(|| non_empty_line(raw, 200));
    let instead = sender.into_iter().chain(reply_to).find(|m| m.address.is_some());
    out.flags.push("invalid_from".to_owned());
    let detail = if raw.is_empty() { "There is no From." } else { "From holds no valid address." };
    out.warnings.push(warning("no_from", detail));
    match instead {
        Some(found) => Mailbox { name: found.name.clone().or(name), address: found.address.clone() },
        None => Mailbox { name, address: None },
    }
}

/// `tag` of `sales+tag@ours`.
fn plus_tag(address: &str, settings: &ReadSettings) -> Option<String> {
    let (local, domain) = address.rsplit_once('@')?;
    let (_, tag) = local.split_once('+')?;
    let ours = is_own_domain(&domain.to_lowercase(), &settings.own_domains)
        || is_own_address(address, &settings.own_addresses);
    (ours && !tag.is_empty()).then(|| tag.to_lowercase())
}

/// Message ids of a header value, without brackets; bare words when there are no brackets.
pub(super) fn ids(value: &str) -> Vec<String> {
    let bracketed: Vec<String> = value
        .split('<')
        .skip(1)
        .filter_map(|rest| rest.split('>').next())
        .map(|id| id.chars().filter(|c| !c.is_whitespace() && !c.is_control()).take(998).collect::<String>())
        .filter(|id| !id.is_empty())
        .collect();
    if !bracketed.is_empty() {
        return bracketed;
    }
    let bare = value.split_whitespace().filter(|word| word.contains('@'));
    let shown = |word: &str| word.chars().filter(|c| !c.is_control()).take(998).collect();
    bare.map(|word| shown(word.trim_matches(['<', '>', ',', ';']))).collect()
}

/// The Date header as RFC 3339; kept whatever it says, with a warning when it cannot be.
fn date(header: &Message<'_>, out: &mut Submission, envelope: &Envelope) -> Option<String> {
    let date = header.date().filter(|d| d.is_valid())?;
    let (seconds, received) = (date.to_timestamp(), envelope.received_at.seconds());
    if seconds < 631_152_000 || seconds > received.saturating_add(2 * DAY) {
        out.warnings.push(warning("odd_date", format!("The Date header says {}.", date.to_rfc3339())));
    }
    Some(date.to_rfc3339())
}

/// Who stands in From once a list's rewriting is undone (then `true`), and what our own mail server says of them.
fn judge_sender(out: &mut Submission, facts: &mut MailFacts, bag: &HeaderBag, settings: &ReadSettings) -> bool {
    let rewritten = rewritten::undo(facts, bag, out, settings);
    // What is said of a list's mail is not said of whom the list names.
    if !rewritten && trust::is_refuted(&facts.from, bag, settings) {
        if trust::is_form_sender(out, &facts.from, settings) {
            let detail = "The mail server denies that the form sender wrote this; it is read as a stranger's.";
            out.warnings.push(warning(trust::UNVOUCHED, detail.to_owned()));
        }
        out.flags.push(trust::UNVOUCHED.to_owned());
    }
    // RFC 5322 section 3.6 allows one: a server judges the first, and readers show the last.
    if bag.all("from").nth(1).is_some() {
        out.warnings.push(warning("several_from", "The header has several From; none is believed."));
        out.flags.push("invalid_from".to_owned());
        out.flags.push(trust::UNVOUCHED.to_owned());
    }
    let judged = !settings.authserv_ids.is_empty();
    facts.proven = judged.then(|| trust::is_proven(out, &facts.from, bag, settings));
    rewritten
}

/// Class, new text, fields, report: what the text means once the header is known.
fn interpret(
    out: &mut Submission,
    facts: &mut MailFacts,
    mut text: Body,
    message: &Message<'_>,
    bag: &HeaderBag,
    settings: &ReadSettings,
    received: Timestamp,
) {
    let rewritten = judge_sender(out, facts, bag, settings);
    let subject = out.subject.clone().unwrap_or_default();
    let prefix = header_labels::prefix(&subject);
    let is_answer = facts.in_reply_to.is_some() || !facts.references.is_empty();
    let is_reply = is_answer || prefix == Prefix::Reply;
    let portal = template::Mail { message, text: &text, bag, facts, subject: &subject };
    // Whoever of the portal answers quotes the mail that was read long ago.
    let quotes = is_reply
        && !settings.templates.is_empty()
        && quoted::split(&text.text, true, text.quoted.as_ref()).quoted.is_some();
    let portal = if quotes { None } else { template::read(&portal, out, settings) };
    // What the house has written a template for needs no other reading.
    // Whoever answers such a mail quotes it, and asks for something of their own.
    let document = Some(()).filter(|()| portal.is_none());
    let document = document.and_then(|()| adf_document(message, &text, is_reply)).map(|document| {
        if document.is_several {
            prospects::note_several(out);
        }
        document.fields
    });
    let passed_on = forwarded::read(&text.text, prefix, is_answer);
    let fields = if portal.is_some() || document.is_some() {
        portal.or_else(|| document.clone())
    } else {
        // The header lines of a message passed on look like the lines of a form.
        let known = trust::is_form_sender(out, &facts.from, settings);
        let found = form_fields(facts, (message, &text), bag, (is_reply || passed_on.is_some(), known), settings);
        found.map(|(fields, is_several)| {
            if is_several {
                prospects::note_several(out);
            }
            fields
        })
    };
    let notice = bounce::notice(&text.text);
    let evidence = Evidence {
        message,
        bag,
        from: &facts.from,
        rewritten,
        subject: &subject,
        text: &text.text,
        has_form: fields.is_some() && document.is_none(),
        has_adf: document.is_some(),
        is_known: trust::is_form_sender(out, &facts.from, settings) || out.by_template().is_some(),
        noticed: notice.as_ref().map(|notice| notice.class),
    };
    let mut class = classify(&evidence, settings);
    class = report(facts, class, message, bag, &text.text, notice, settings);
    if matches!(class, MailClass::Bounce | MailClass::Complaint) {
        facts.returned_ids = bounce::returned_ids(message, &text.text);
        if trust::is_vouched_reporter(&facts.from, bag, settings) {
            out.flags.push(trust::VOUCHED_REPORT.to_owned());
        }
    }
    let to_us = facts.to.iter().chain(&facts.cc).filter_map(|m| m.address.as_deref()).any(|address| {
        is_own_address(address, &settings.own_addresses)
            || domain_of(address).is_some_and(|d| is_own_domain(&d, &settings.own_domains))
    });
    facts.may_reply = may_reply(class, bag, &facts.from, to_us);
    if class == MailClass::Person {
        let trusted = trust::is_trusted_forwarder(&facts.from, bag, settings);
        facts.forwarded = passed_on::found(out, facts, &mut text, message, passed_on, (trusted, settings));
    }
    // Where the inner message does not say its subject, the outer one does.
    if let Some(inner) = facts.forwarded.as_mut().filter(|inner| inner.subject.is_none()) {
        inner.subject = Some(header_labels::passed_on(&subject).to_owned()).filter(|s| !s.is_empty());
    }
    out.template = out.template.take().filter(|used| !used.is_used() || class == MailClass::FormNotification);
    passed_on::note_trust(out, facts, bag, settings);
    out.class = Some(class);
    if matches!(class, MailClass::FormNotification | MailClass::Adf) {
        out.fields = fields.unwrap_or_default();
        typed::note(out);
        note_borrowed_sender(out, facts);
        // What comes as a file beside no word is nobody's letter.
        note_who_typed(out, facts, bag, (settings, !text.text.trim().is_empty()));
    }
    split_text(out, facts, text, class, is_reply && prefix != Prefix::Forward);
    if class == MailClass::AutoReply {
        facts.returns_on = returns_on(facts, &out.reply, &subject, received);
    }
}

/// What a report is about, kept with the facts; the class it turns out to be.
fn report(
    facts: &mut MailFacts,
    class: MailClass,
    message: &Message<'_>,
    bag: &HeaderBag,
    text: &str,
    notice: Option<bounce::Notice>,
    settings: &ReadSettings,
) -> MailClass {
    let notice = notice.filter(|notice| notice.class == class);
    match (class, notice) {
        (MailClass::Bounce | MailClass::DeliveryStatus, Some(notice)) => facts.bounce = Some(notice.bounce),
        (MailClass::Bounce, None) => {
            let report = bounce::read(message, bag, text);
            let arrives = matches!(report.action.as_deref(), Some("delayed" | "relayed" | "delivered" | "expanded"));
            facts.bounce = Some(report);
            if arrives {
                return MailClass::DeliveryStatus;
            }
        }
        (MailClass::Complaint, notice) => {
            facts.complaint = Some(match notice {
                Some(notice) => complaint::of_notice(notice, &settings.own_addresses),
                None => complaint::read(message, bag, text, &settings.own_addresses),
            });
        }
        _ => {}
    }
    class
}

/// The day an automatic answer names, counted from when it was written.
fn returns_on(facts: &MailFacts, reply: &str, subject: &str, received: Timestamp) -> Option<String> {
    let sent = returns::written_on(facts.date.as_deref(), received)?;
    let found = returns::returns_on(reply, sent).or_else(|| returns::returns_on(subject, sent));
    found.map(|day| day.to_string())
}

/// A website that writes in its visitor's name: their domain did not allow it to, and under a strict DMARC policy
/// (RFC 7489 section 6.3) such mail is thrown away on its way, from some visitors and not from others.
fn note_borrowed_sender(out: &mut Submission, facts: &MailFacts) {
    let Some(from) = facts.from.address.as_deref() else { return };
    let typed = super::form::all(&out.fields, Canonical::Email);
    if typed.iter().any(|address| clean_address(address).is_some_and(|a| a.eq_ignore_ascii_case(from))) {
        let detail = "The website sends in the visitor's name, and mail servers may throw that away (DMARC): let it send \
                      from an address of its own domain with the visitor in Reply-To, or post the form over HTTP.";
        out.warnings.push(warning("from_is_visitor", detail));
    }
}

fn split_text(out: &mut Submission, facts: &mut MailFacts, body: Body, class: MailClass, is_reply: bool) {
    let text = body.text;
    if matches!(class, MailClass::Person | MailClass::MailingList | MailClass::Bulk | MailClass::AutoReply) {
        let split = quoted::split(&text, is_reply, body.quoted.as_ref());
        // What is passed on has a signature of its own, which is not of whom it came from.
        let own = body.above.as_deref().filter(|_| split.quoted.is_none());
        let own = own.and_then(|above| Some((above, text.trim_start().strip_prefix(above)?)));
        let (reply, signature) = match own {
            Some((above, rest)) => {
                let (kept, signature) = passed_on::split_above(above, &facts.from);
                (format!("{kept}{rest}"), signature)
            }
            None => signature::split_marked(&split.reply, &facts.from, body.signature.as_deref()),
        };
        // A line that says it is the message is no part of a signature.
        let (reply, signature) = match signature {
            Some(block) if block.lines().any(|l| notification::is_message(l) && !disclaimer::is_disclaimer(l)) => {
                (split.reply.clone(), None)
            }
            signature => (reply, signature),
        };
        reply.trim().clone_into(&mut out.reply);
        facts.quoted = split.quoted;
        facts.signature = signature;
    } else {
        text.trim().clone_into(&mut out.reply);
    }
    out.text = text;
}
