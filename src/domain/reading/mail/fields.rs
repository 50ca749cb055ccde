//! The fields that a mail brings: of a form notification, or of an ADF document in its text or attached.

use mail_parser::{Message, MessagePart, MimeHeaders as _, PartType};

use super::super::addresses::is_own_address;
use super::super::body::{self, Body};
use super::super::mime::{self, HeaderBag};
use super::super::notification::{self, Sender};
use super::super::{ReadSettings, adf, attached, charset};
use crate::domain::submission::{Field, MailFacts};

/// Bytes looked at of a part that may be an ADF document.
const DOCUMENT: usize = 400_000;

/// Fields of a form notification, when the mail is one.
pub(super) fn form_fields(
    facts: &MailFacts,
    (message, text): (&Message<'_>, &Body),
    bag: &HeaderBag,
    (is_reply, known): (bool, bool),
    settings: &ReadSettings,
) -> Option<Vec<Field>> {
    let from = facts.from.address.as_deref().unwrap_or_default().to_lowercase();
    let sender = if known {
        Sender::Known
    } else if is_form_mailer(&from, facts, bag, settings) {
        Sender::Mailer
    } else {
        Sender::Unknown
    };
    if is_reply && sender != Sender::Known {
        return None;
    }
    let of_text = notification::read(&text.text, sender);
    let markup = message.html_bodies().find(|part| matches!(part.body, PartType::Html(_)));
    let of_markup = markup.and_then(|part| notification::read_markup(&mime::part_text(message, part).text, sender));
    match (of_text, of_markup) {
        (Some(text), Some(markup)) if !notification::tells_as_much(&markup, &text) => Some(text),
        (text, markup) => markup.or(text),
    }
    .or_else(|| attached::read(message, &text.text, sender, settings))
}

/// Marks of a website's mailer.
fn is_form_mailer(from: &str, facts: &MailFacts, bag: &HeaderBag, settings: &ReadSettings) -> bool {
    let other_reply_to =
        facts.reply_to.iter().filter_map(|m| m.address.as_deref()).any(|a| !a.eq_ignore_ascii_case(from));
    notification::is_mailer_name(from)
        || other_reply_to
        || is_own_address(from, &settings.own_addresses)
        || bag.says("x-mailer", "phpmailer")
        || bag.has("x-php-originating-script")
        || bag.has_prefix("x-wpcf7")
        || bag.says("auto-submitted", "auto-generated")
}

/// Fields of an ADF document in the text or in an attached part, and whether it holds several prospects.
pub(super) fn adf_document(message: &Message<'_>, text: &Body) -> Option<(Vec<Field>, bool)> {
    let read = |text: &str| adf::read(text).map(|fields| (fields, adf::is_several(text)));
    // Tags in the laid out text of a document in markup are what a visitor typed.
    let in_markup = text.from_html
        && message.parts.iter().any(|part| matches!(&part.body, PartType::Html(markup) if adf::is_open_in(markup)));
    if let Some(found) = Some(&text.text).filter(|_| !in_markup).and_then(|text| read(text)) {
        return Some(found);
    }
    message.parts.iter().take(50).find_map(|part| match &part.body {
        PartType::Html(markup) => read(&unescape(body::cut(markup, DOCUMENT))),
        PartType::Text(words) => read(body::cut(words, DOCUMENT)),
        PartType::Binary(bytes) if is_document(part) => {
            read(&charset::decode(bytes.get(..DOCUMENT).unwrap_or(bytes), None).text)
        }
        _ => None,
    })
}

/// An attached file that may be an ADF document: by its type or by its name.
pub(in crate::domain::reading) fn is_document(part: &MessagePart<'_>) -> bool {
    let name = part.attachment_name().unwrap_or_default().to_ascii_lowercase();
    mime::media_type(part).ends_with("xml") || [".xml", ".adf"].iter().any(|ending| name.ends_with(ending))
}

/// Markup in which a document stands escaped. Where it stands in tags, what is escaped is what a visitor typed.
pub(in crate::domain::reading) fn unescape(markup: &str) -> String {
    if markup.contains("&lt;") && !adf::is_open_in(markup) {
        markup.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"")
    } else {
        markup.to_owned()
    }
}
