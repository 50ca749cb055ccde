//! The fields of a notification that come as a file: a JSON document, or a card, beside few words or none.
//!
//! Only of a mail that is no person's letter: a website's mailer, or a mail without a word. What somebody attaches to a
//! letter is a file.

mod lists;

use mail_parser::{Message, MessagePart, MimeHeaders as _, PartType};

pub(super) use lists::{Lead, Lists};

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

/// The fields of the first file that tells who asks, and whether another one asks too; `None` when the mail is a letter
/// or has no such file.
pub(super) fn read(
    message: &Message<'_>,
    body: &str,
    sender: Sender,
    settings: &ReadSettings,
) -> Option<(Vec<Field>, bool)> {
    if is_letter(body, sender) {
        return None;
    }
    let files = message.parts.iter().take(PARTS).filter_map(|part| of_file(message, part, sender, settings));
    let mut files = files.filter(|(fields, _)| notification::accept(fields, sender));
    let (first, mut is_several) = files.next()?;
    for (other, several) in files {
        is_several |= several || is_somebody_else(&other, &first);
    }
    Some((first, is_several))
}

/// Whether `other` can be reached, and in no way in which `one` can.
pub(super) fn is_somebody_else(other: &[Field], one: &[Field]) -> bool {
    let known = |field: &Field| one.iter().filter(|f| is_reach(f)).any(|f| f.value.eq_ignore_ascii_case(&field.value));
    other.iter().any(is_reach) && !other.iter().filter(|f| is_reach(f)).any(known)
}

/// An address or a number.
fn is_reach(field: &Field) -> bool {
    matches!(field.canonical, Some(Canonical::Email | Canonical::Phone | Canonical::Mobile))
}

/// Whether an answer is nothing but its file: nobody wrote a word, or the words are a program's and quote nothing.
pub(super) fn is_alone(body: &str, from: &str) -> bool {
    let quotes = || body.lines().any(|line| line.trim_start().starts_with('>'));
    body.trim().is_empty() || notification::is_mailer_name(from) && !quotes()
}

/// The leads of a JSON file; one alone is a lead too.
pub(super) fn of_json(message: &Message<'_>, part: &MessagePart<'_>, sender: Sender) -> Lists {
    let Some(json) = is_json(part).then(|| json_text(message, part)).flatten() else { return Lists::None };
    match lists::read(&json, sender) {
        Lists::None => {
            let fields = json_fields(json.as_bytes(), &ReadSettings::default());
            let fields = fields.filter(|fields| notification::accept(fields, sender) && fields.iter().any(is_reach));
            match fields {
                Some(fields) if json.len() <= BYTES => {
                    Lists::Apart { leads: vec![Lead { json, fields }], beside: String::new() }
                }
                _ => Lists::None,
            }
        }
        several => several,
    }
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
) -> Option<(Vec<Field>, bool)> {
    if is_json(part) {
        return match lists::read(&json_text(message, part)?, sender) {
            Lists::None => Some((json_fields(&bytes(message, part, BYTES)?, settings)?, false)),
            Lists::Whole(first) => Some((first, true)),
            Lists::Apart { leads, .. } => {
                let is_several = leads.len() > 1;
                leads.into_iter().next().map(|first| (first.fields, is_several))
            }
        };
    }
    // A stranger's card stands for whoever sends it, or for nobody who asks.
    if sender == Sender::Unknown || !beside::is_card(part) {
        return None;
    }
    let text = charset::decode(&bytes(message, part, BYTES)?, None).text;
    let mut cards = vcard::read(&text).into_iter().filter_map(|card| card.fields.ok());
    match (cards.next(), cards.next()) {
        (Some(card), None) => Some((card, false)),
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
