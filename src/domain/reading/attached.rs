//! The fields of a notification that come as a file: a JSON document, or a card, beside few words or none.
//!
//! Only of a mail that is no person's letter: a website's mailer, or a mail without a word. What somebody attaches to a
//! letter is a file.

use std::collections::BTreeMap;

use mail_parser::{Message, MessagePart, MimeHeaders as _, PartType};
use serde_json::value::RawValue;

use super::notification::{self, Sender};
use super::{ReadSettings, beside, charset, form, json, mime, text, vcard};
use crate::domain::submission::{Canonical, Field};

/// Parts looked at.
const PARTS: usize = 50;
/// Bytes of a file that is read; a larger one is only a file.
const BYTES: usize = 1_000_000;
/// Leads of a list: one more than are taken apart.
pub(super) const LEADS: usize = 1_001;
/// Bytes of a list of leads.
const LIST: usize = 4 << 20;
/// Words beside a file of a website's mailer with which it is no letter, in characters.
const NOTE_CHARS: usize = 400;

/// The fields of the first file that tells who asks, `None` when the mail is a letter or has no such file.
pub(super) fn read(message: &Message<'_>, body: &str, sender: Sender, settings: &ReadSettings) -> Option<Vec<Field>> {
    if is_letter(body, sender) {
        return None;
    }
    let files = message.parts.iter().take(PARTS).filter_map(|part| of_file(message, part, sender, settings));
    files.into_iter().find(|fields| notification::accept(fields, sender))
}

/// So many words that what is attached is only a file.
pub(super) fn is_letter(body: &str, sender: Sender) -> bool {
    let longest = match sender {
        Sender::Known => usize::MAX,
        Sender::Mailer => NOTE_CHARS,
        Sender::Unknown => 0,
    };
    body.trim().chars().nth(longest).is_some()
}

/// One of the leads of a list: its JSON as it stands there, and what it says.
pub(super) struct Listed {
    /// The object.
    pub json: String,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// The leads of a JSON file that is a list of several, or has nothing but such a list; each once, at most [`LEADS`].
/// `None` when one of its entries could not be read as a lead by itself, or none can be reached.
pub(super) fn leads(message: &Message<'_>, part: &MessagePart<'_>, sender: Sender) -> Option<Vec<Listed>> {
    let text = is_json(part).then(|| json_text(message, part))??;
    let items: Vec<&RawValue> = if let Ok(items) = serde_json::from_str(&text) {
        items
    } else {
        let only: BTreeMap<String, &RawValue> = serde_json::from_str(&text).ok()?;
        let mut lists = only.into_values();
        let (Some(list), None) = (lists.next(), lists.next()) else { return None };
        serde_json::from_str(list.get()).ok()?
    };
    if items.len() < 2 {
        return None;
    }
    let settings = ReadSettings::default();
    let mut found: Vec<Listed> = Vec::new();
    for item in items {
        let json = item.get();
        let fields = if json.starts_with('{') { json_fields(json.as_bytes(), &settings)? } else { return None };
        if !notification::accept(&fields, sender) {
            return None;
        }
        if !found.iter().any(|known| known.fields == fields) {
            found.push(Listed { json: json.to_owned(), fields });
        }
        if found.len() >= LEADS {
            break;
        }
    }
    let reached =
        |field: &Field| matches!(field.canonical, Some(Canonical::Email | Canonical::Phone | Canonical::Mobile));
    (found.len() > 1 && found.iter().any(|one| one.fields.iter().any(reached))).then_some(found)
}

/// Whether these fields are the first of a list of several leads.
pub(super) fn is_of_several(message: &Message<'_>, fields: &[Field]) -> bool {
    let mut lists = message.parts.iter().take(PARTS).filter_map(|part| leads(message, part, Sender::Known));
    lists.any(|list| list.first().is_some_and(|first| first.fields == fields))
}

/// The text of a JSON file.
pub(super) fn json_text(message: &Message<'_>, part: &MessagePart<'_>) -> Option<String> {
    let bytes = bytes(message, part, LIST).filter(|_| is_json(part))?;
    let text = charset::decode(&bytes, None).text;
    Some(text.trim_start_matches('\u{feff}').to_owned())
}

fn of_file(
    message: &Message<'_>,
    part: &MessagePart<'_>,
    sender: Sender,
    settings: &ReadSettings,
) -> Option<Vec<Field>> {
    if let Some(list) = leads(message, part, sender) {
        return list.into_iter().next().map(|first| first.fields);
    }
    if is_json(part) {
        return json_fields(&bytes(message, part, BYTES)?, settings);
    }
    // A stranger's card stands for whoever sends it, or for nobody who asks.
    if sender == Sender::Unknown || !beside::is_card(part) {
        return None;
    }
    let text = charset::decode(&bytes(message, part, BYTES)?, None).text;
    let mut cards = vcard::read(&text).into_iter().filter_map(|card| card.fields.ok());
    match (cards.next(), cards.next()) {
        (Some(card), None) => Some(card),
        _ => None,
    }
}

fn is_json(part: &MessagePart<'_>) -> bool {
    let kind = mime::media_type(part);
    let by_name = part.attachment_name().is_some_and(|name| name.to_ascii_lowercase().ends_with(".json"));
    kind == "application/json" || kind == "text/json" || kind.ends_with("+json") || by_name
}

fn bytes(message: &Message<'_>, part: &MessagePart<'_>, most: usize) -> Option<Vec<u8>> {
    let bytes = match &part.body {
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => bytes.to_vec(),
        PartType::Text(_) => mime::part_text(message, part).text.into_bytes(),
        _ => return None,
    };
    (bytes.len() <= most).then_some(bytes)
}

/// As a form body is read: the same names mean the same, and control fields are no data.
fn json_fields(raw: &[u8], settings: &ReadSettings) -> Option<Vec<Field>> {
    let pairs = json::read(raw, None, &settings.limits);
    if pairs.broken.is_some() {
        return None;
    }
    let mut left = settings.limits.text_bytes;
    let mut fields = Vec::new();
    for (name, value) in pairs.fields {
        let (value, _) = text::clean(&value, left);
        left = left.saturating_sub(value.len());
        fields.extend(form::interpret(&name, value, None));
    }
    (!fields.is_empty()).then_some(fields)
}
