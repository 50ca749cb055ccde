//! The fields of a notification that come as a file: a JSON document, or a card, beside few words or none.
//!
//! Only of a mail that is no person's letter: a website's mailer, or a mail without a word. What somebody attaches to a
//! letter is a file.

use mail_parser::{Message, MessagePart, MimeHeaders as _, PartType};

use super::notification::{self, Sender};
use super::{ReadSettings, beside, charset, form, json, mime, text, vcard};
use crate::domain::submission::Field;

/// Parts looked at.
const PARTS: usize = 50;
/// Bytes of a file that is read; a larger one is only a file.
const BYTES: usize = 1_000_000;
/// Words beside a file of a website's mailer with which it is no letter, in characters.
const NOTE_CHARS: usize = 400;

/// The fields of the first file that tells who asks, `None` when the mail is a letter or has no such file.
pub(super) fn read(message: &Message<'_>, body: &str, sender: Sender, settings: &ReadSettings) -> Option<Vec<Field>> {
    let longest = match sender {
        Sender::Known => usize::MAX,
        Sender::Mailer => NOTE_CHARS,
        Sender::Unknown => 0,
    };
    if body.trim().chars().nth(longest).is_some() {
        return None;
    }
    let files = message.parts.iter().take(PARTS).filter_map(|part| of_file(message, part, sender, settings));
    files.into_iter().find(|fields| notification::accept(fields, sender))
}

fn of_file(
    message: &Message<'_>,
    part: &MessagePart<'_>,
    sender: Sender,
    settings: &ReadSettings,
) -> Option<Vec<Field>> {
    if is_json(part) {
        return json_fields(&bytes(message, part)?, settings);
    }
    // A stranger's card stands for whoever sends it, or for nobody who asks.
    if sender == Sender::Unknown || !beside::is_card(part) {
        return None;
    }
    let text = charset::decode(&bytes(message, part)?, None).text;
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

fn bytes(message: &Message<'_>, part: &MessagePart<'_>) -> Option<Vec<u8>> {
    let bytes = match &part.body {
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => bytes.to_vec(),
        PartType::Text(_) => mime::part_text(message, part).text.into_bytes(),
        _ => return None,
    };
    (bytes.len() <= BYTES).then_some(bytes)
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
