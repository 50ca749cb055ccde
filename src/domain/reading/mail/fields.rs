//! The fields that a mail brings: of a form notification, or of an ADF document in its text or attached.

use std::borrow::Cow;

use mail_parser::{Message, MessagePart, MimeHeaders as _, PartType};

use super::super::addresses::{clean_address, is_own_address};
use super::super::body::{self, Body, warning};
use super::super::mime::{self, HeaderBag};
use super::super::notification::{self, Sender};
use super::super::{ReadSettings, adf, attached, form, html, markup_hidden, trust};
use crate::domain::submission::{Canonical, Field, MailClass, MailFacts, Submission};

/// Bytes looked at of a part that may be an ADF document.
const DOCUMENT: usize = 400_000;
/// Name of the field with the words of a mail beside its document.
const MAIL_TEXT: &str = "mail_text";

/// Fields of a form notification, when the mail is one, and whether it holds several that were not taken apart.
pub(super) fn form_fields(
    facts: &MailFacts,
    (message, text): (&Message<'_>, &Body),
    bag: &HeaderBag,
    (is_reply, known): (bool, bool),
    settings: &ReadSettings,
) -> Option<(Vec<Field>, bool)> {
    let from = facts.from.address.as_deref().unwrap_or_default().to_lowercase();
    let reply_to: Vec<&str> = facts.reply_to.iter().filter_map(|m| m.address.as_deref()).collect();
    let sender = if known { Sender::Known } else { sender(&from, &reply_to, bag, &settings.own_addresses) };
    let in_files = || attached::read(message, &text.text, sender, settings);
    if is_reply && sender != Sender::Known {
        return attached::is_alone(&text.text, &from).then(in_files).flatten();
    }
    let markup = message.html_bodies().find(|part| matches!(part.body, PartType::Html(_)));
    let markup = markup.map(|part| mime::part_text(message, part).text);
    let markup = markup.as_deref().map(markup_hidden::shown);
    let of_sender = |sender: Sender| {
        let of_text = notification::read(&text.text, sender);
        let of_markup = markup.as_deref().and_then(|markup| notification::read_markup(markup, sender));
        match (of_text, of_markup) {
            (Some(text), Some(markup)) if !notification::tells_as_much(&markup, &text) => Some(text),
            (text, markup) => markup.or(text),
        }
    };
    let mut found = of_sender(sender);
    // Whoever writes of themselves is no website, whatever marks their mail has.
    if sender == Sender::Mailer && found.as_ref().is_some_and(|fields| names_only(fields, &from)) {
        found = of_sender(Sender::Unknown);
    }
    found.map(|fields| (fields, false)).or_else(in_files)
}

/// The fields name this address and no other.
fn names_only(fields: &[Field], from: &str) -> bool {
    let typed = form::all(fields, Canonical::Email);
    !typed.is_empty() && typed.iter().all(|address| address.trim().eq_ignore_ascii_case(from))
}

/// What the header shows of a sender that is not configured: the marks of a website's mailer, or nothing. `from` is in
/// lower case.
pub(in crate::domain::reading) fn sender(from: &str, reply_to: &[&str], bag: &HeaderBag, own: &[String]) -> Sender {
    let elsewhere = reply_to.iter().any(|address| !address.eq_ignore_ascii_case(from));
    if elsewhere || is_of_program(from, bag, own) { Sender::Mailer } else { Sender::Unknown }
}

/// What programs of websites call themselves in `X-Mailer`, lower case.
const PROGRAMS: [&str; 11] = [
    "phpmailer",
    "php/",
    "wpmailsmtp",
    "wp mail",
    "drupal",
    "nodemailer",
    "swiftmailer",
    "symfony",
    "cdo for windows",
    "prestashop",
    "joomla",
];

/// Marks of a mail that a program wrote. Where a person wants to be answered is none.
pub(super) fn is_of_program(from: &str, bag: &HeaderBag, own: &[String]) -> bool {
    notification::is_mailer_name(from)
        || is_own_address(from, own)
        || PROGRAMS.iter().any(|program| bag.says("x-mailer", program))
        || bag.says("message-id", "@swift.generated")
        || bag.has("x-generated-by")
        || bag.has("x-php-originating-script")
        || bag.has_prefix("x-wpcf7")
        || bag.says("auto-submitted", "auto-generated")
}

/// Whose word the fields are: of a configured form sender, or of somebody who wrote them into a mail of their own.
pub(super) fn note_who_typed(
    out: &mut Submission,
    facts: &MailFacts,
    bag: &HeaderBag,
    (settings, in_words): (&ReadSettings, bool),
) {
    if out.class != Some(MailClass::FormNotification) || out.by_template().is_some() {
        return;
    }
    let from = facts.from.address.as_deref().unwrap_or_default().to_lowercase();
    if trust::is_form_sender(out, &facts.from, settings) {
        out.flags.push(trust::FORM_SENDER.to_owned());
    } else if in_words && !is_of_program(&from, bag, &settings.own_addresses) && trust::is_person(&from) {
        let typed: Vec<String> = form::all(&out.fields, Canonical::Email)
            .into_iter()
            .filter_map(clean_address)
            .filter(|typed| !typed.eq_ignore_ascii_case(&from))
            .collect();
        if !typed.is_empty() {
            let detail = "Somebody else's address is typed in a mail of a person. If a website sends with this sender, \
                          name it in form_senders.";
            out.warnings.push(warning("form_sender_unknown", detail));
        }
        // A website that sends by its owner's mailbox lets the visitor be answered; people do not set that to others.
        let answered = facts.reply_to.iter().filter_map(|to| to.address.as_deref());
        if !answered.into_iter().any(|to| typed.iter().any(|typed| typed.eq_ignore_ascii_case(to))) {
            out.flags.push(trust::TYPED_BY_SENDER.to_owned());
        }
    }
}

/// An ADF document.
pub(super) struct Document {
    /// What its prospect says; of several, the first.
    pub fields: Vec<Field>,
    /// It holds several, or is not all there.
    pub is_several: bool,
}

/// The ADF document in the text or in an attached part, with the words beside it. `None` when an answer quotes it.
pub(super) fn adf_document(message: &Message<'_>, text: &Body, is_reply: bool) -> Option<Document> {
    if is_reply && quotes_document(message, text) {
        return None;
    }
    let in_text = Some(text.text.as_str()).filter(|own| adf::is_open_in(own) && !holds_tags(message, text));
    let in_parts = || message.parts.iter().take(50).find_map(|part| document_text(message, part));
    let own: Cow<'_, str> = match in_text {
        Some(text) => text.into(),
        None => in_parts()?.into(),
    };
    let mut fields = adf::read(&own)?;
    let mut is_several = adf::is_several(&own) || adf::is_cut(&own);
    if fields.is_empty() && !adf::has_prospect(&own) {
        return None;
    }
    take_files(message, &mut fields, &mut is_several);
    note_words(message, text, in_text.is_some(), &mut fields);
    Some(Document { fields, is_several })
}

/// Text of a part in which a document stands.
fn document_text(message: &Message<'_>, part: &MessagePart<'_>) -> Option<String> {
    let found = match &part.body {
        PartType::Html(markup) => unescape(body::cut(markup, DOCUMENT)),
        PartType::Text(words) if adf::is_open_in(words) => {
            body::cut(&mime::part_text(message, part).text, DOCUMENT).to_owned()
        }
        PartType::Binary(bytes) if is_document(part) => adf::decoded(bytes.get(..DOCUMENT).unwrap_or(bytes)),
        _ => return None,
    };
    adf::is_open_in(&found).then_some(found)
}

/// The same prospect in a file beside the text: the one that says more is read. Somebody else there is another lead.
fn take_files(message: &Message<'_>, fields: &mut Vec<Field>, is_several: &mut bool) {
    let files = message.parts.iter().take(50).filter(|part| matches!(part.body, PartType::Binary(_)));
    for other in files.filter_map(|part| adf::read(&document_text(message, part)?)) {
        if adf::says(&other).is_superset(&adf::says(fields)) {
            *fields = other;
        } else {
            *is_several |= attached::is_somebody_else(&other, fields);
        }
    }
}

/// Keeps what stands beside the document. Where the customer left no remark it is the message, unless it only tells
/// again how they are reached.
fn note_words(message: &Message<'_>, text: &Body, in_text: bool, fields: &mut Vec<Field>) {
    let markup = message.parts.iter().find_map(|part| match &part.body {
        PartType::Html(markup) if adf::is_open_in(markup) => Some(body::cut(markup, DOCUMENT)),
        _ => None,
    });
    let words = match markup {
        Some(markup) if !in_text => html::to_text(&adf::beside(markup)),
        _ => adf::beside(&text.text),
    };
    let value = words.trim().to_owned();
    if value.is_empty() {
        return;
    }
    let tells_again = fields.iter().any(|field| {
        matches!(field.canonical, Some(Canonical::Email | Canonical::Phone | Canonical::Mobile))
            && value.contains(field.value.as_str())
    });
    let remarked = fields.iter().any(|field| field.canonical == Some(Canonical::Message));
    let canonical = (!remarked && !tells_again).then_some(Canonical::Message);
    fields.push(Field { name: MAIL_TEXT.to_owned(), value, canonical });
}

/// Whether an answer quotes the document that it holds: words stand before it, or the lines of its text are quoted. A
/// text that begins with the document, and one in a file, is what a portal sends in a thread of its own.
pub(in crate::domain::reading) fn quotes_document(message: &Message<'_>, text: &Body) -> bool {
    if holds_tags(message, text) {
        let mut markup = message.parts.iter().filter_map(|part| match &part.body {
            PartType::Html(markup) if adf::is_open_in(markup) => Some(body::cut(markup, DOCUMENT)),
            _ => None,
        });
        return markup.any(|markup| !html::to_text(&adf::beside(markup)).trim().is_empty());
    }
    if adf::is_open_in(&text.text) {
        return !adf::begins(&text.text);
    }
    text.text.lines().any(|line| line.starts_with('>'))
}

/// Whether markup holds a document in tags. What its laid out text shows as tags is what a visitor typed.
fn holds_tags(message: &Message<'_>, text: &Body) -> bool {
    let is_open = |part: &MessagePart<'_>| matches!(&part.body, PartType::Html(own) if adf::is_open_in(own));
    text.from_html && message.parts.iter().any(is_open)
}

/// An attached file that may be an ADF document: by its type or by its name.
pub(in crate::domain::reading) fn is_document(part: &MessagePart<'_>) -> bool {
    let name = part.attachment_name().unwrap_or_default().to_ascii_lowercase();
    mime::media_type(part).ends_with("xml") || [".xml", ".adf"].iter().any(|ending| name.ends_with(ending))
}

/// Markup in which a document stands escaped. Where it stands in tags, what is escaped is what a visitor typed.
pub(in crate::domain::reading) fn unescape(markup: &str) -> String {
    if markup.contains("&lt;") && !adf::is_open_in(markup) {
        markup.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
    } else {
        markup.to_owned()
    }
}
