//! What stands beside the text of a mail and is read all the same: `winmail.dat`, invitations, the sender's card.

use mail_parser::{Message, MessagePart, MimeHeaders as _, PartType};

use super::addresses::{clean_address, display_name};
use super::body::{Body, warning};
use super::{ReadLimits, calendar, charset, mime, text, tnef, vcard};
use crate::domain::submission::{Attachment, Canonical, Event, Field, Forwarded, Mailbox, Submission};

/// Parts looked at.
const PARTS: usize = 200;
/// Bytes read of an invitation or a card.
const BYTES: usize = 200_000;
/// Cards read.
const CARDS: usize = 5;
/// Fields taken of a card.
const FIELDS: usize = 30;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// The first invitation.
    pub(super) event: Option<Event>,
    wrapped: Vec<(String, tnef::Wrapped)>,
    cards: Vec<Vec<Field>>,
}

/// Reads the parts beside the text.
pub(super) fn read(message: &Message<'_>) -> Beside {
    let mut beside = Beside::default();
    let mut paths = None;
    for (index, part) in message.parts.iter().enumerate().take(PARTS) {
        match mime::media_type(part).as_str() {
            "text/calendar" | "application/ics" if beside.event.is_none() => {
                beside.event = part_string(message, part).and_then(|text| calendar::read(&text));
            }
            _ if is_card(part) => {
                let text = part_string(message, part).unwrap_or_default();
                let room = CARDS.saturating_sub(beside.cards.len());
                beside.cards.extend(vcard::read(&text).into_iter().filter_map(|card| card.fields.ok()).take(room));
            }
            _ => {
                let Some(wrapped) = bytes(part).and_then(tnef::read) else { continue };
                let paths = paths.get_or_insert_with(|| mime::part_paths(message));
                let path = paths.get(index).filter(|path| !path.is_empty()).map_or("1", String::as_str);
                beside.wrapped.push((path.to_owned(), wrapped));
            }
        }
    }
    beside
}

/// A card, by its type or by its name.
pub(super) fn is_card(part: &MessagePart<'_>) -> bool {
    let kind = mime::media_type(part);
    ["text/vcard", "text/x-vcard", "text/directory", "application/vcard"].contains(&kind.as_str())
        || part.attachment_name().is_some_and(|name| name.to_ascii_lowercase().ends_with(".vcf"))
}

fn bytes<'m>(part: &'m MessagePart<'_>) -> Option<&'m [u8]> {
    match &part.body {
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => Some(bytes),
        _ => None,
    }
}

fn part_string(message: &Message<'_>, part: &MessagePart<'_>) -> Option<String> {
    if let Some(bytes) = bytes(part) {
        return Some(charset::decode(bytes.get(..BYTES).unwrap_or(bytes), None).text);
    }
    part.is_text().then(|| super::body::cut(&mime::part_text(message, part).text, BYTES).to_owned())
}

impl Beside {
    /// Where the mail itself has no text, what was wrapped or what the invitation says is its text.
    pub(super) fn fill(&self, body: &mut Body, limits: &ReadLimits) {
        body.passed_on = self.passed_on(limits);
        if !body.text.trim().is_empty() {
            return;
        }
        let by_event = || {
            let event = self.event.as_ref()?;
            let words = [Some(calendar::line(event)), event.description.clone()];
            Some(words.into_iter().flatten().filter(|w| !w.trim().is_empty()).collect::<Vec<_>>().join("\n\n"))
        };
        let wrapped = self.wrapped.iter().find_map(|(_, wrapped)| wrapped.text.clone());
        if let Some(found) = wrapped.or_else(by_event) {
            (body.text, _) = text::clean(&found, limits.text_bytes);
            (body.quoted, body.signature) = (None, None);
        }
    }

    /// The first message among the wrapped files: somebody passed it on.
    fn passed_on(&self, limits: &ReadLimits) -> Option<Forwarded> {
        let (_, message) = self.wrapped.iter().find_map(|(_, wrapped)| wrapped.messages.first())?;
        let (text, _) = text::clean(message.text.as_deref().unwrap_or_default(), limits.text_bytes);
        let from = Mailbox {
            name: message.sender.name.as_deref().and_then(display_name),
            address: message.sender.address.as_deref().and_then(clean_address),
        };
        let subject = message.subject.as_deref().and_then(|subject| text::non_empty_line(subject, 500));
        Some(Forwarded { from, to: Vec::new(), cc: Vec::new(), subject, date: None, text: text.trim().to_owned() })
    }

    /// The subject of a wrapped message.
    pub(super) fn subject(&self) -> Option<String> {
        self.wrapped.iter().find_map(|(_, wrapped)| wrapped.subject.clone())
    }

    /// Lists the wrapped files: the second of part 2 is `2/2`.
    pub(super) fn list(&self, out: &mut Submission, limit: usize) {
        for (path, wrapped) in &self.wrapped {
            list_files(path, wrapped, out, limit);
            if wrapped.damaged {
                out.warnings.push(warning("tnef_damaged", "winmail.dat is damaged; what could be read was read."));
            }
        }
    }

    /// The card of the sender: one with their address, or without any and with their name. A card of somebody else is only
    /// a file. Never an address: who a mail is from is what its header says.
    pub(super) fn card_of(self, from: &Mailbox) -> Vec<Field> {
        let own = self.cards.into_iter().find(|card| is_of(card, from));
        let kept = own.unwrap_or_default().into_iter().filter(|field| {
            !matches!(field.canonical, None | Some(Canonical::Email | Canonical::Message | Canonical::Language))
        });
        kept.take(FIELDS).collect()
    }
}

/// The files of a wrapped message, and those of the messages among them: the first of the third is `2/3/1`.
fn list_files(path: &str, wrapped: &tnef::Wrapped, out: &mut Submission, limit: usize) {
    for (index, file) in wrapped.files.iter().enumerate() {
        if out.attachments.len() >= limit {
            return;
        }
        let part = format!("{path}/{}", index + 1);
        let name = mime::file_name(&file.name).unwrap_or_else(|| format!("part-{}", part.replace('/', "-")));
        out.attachments.push(listed(name, &file.media_type, file.size, part.clone(), file.inline));
        if let Some((_, inner)) = wrapped.messages.iter().find(|(place, _)| *place == index) {
            list_files(&part, inner, out, limit);
        }
    }
}

fn is_of(card: &[Field], from: &Mailbox) -> bool {
    let of = |wanted| card.iter().filter(move |f| f.canonical == Some(wanted)).map(|f| f.value.as_str());
    let mut addresses = of(Canonical::Email).filter_map(clean_address).peekable();
    if addresses.peek().is_some() {
        return addresses.any(|a| from.address.as_ref().is_some_and(|from| a.eq_ignore_ascii_case(from)));
    }
    let folded = |name: &str| super::field_names::fold(name);
    of(Canonical::FullName).any(|name| from.name.as_deref().is_some_and(|from| folded(from) == folded(name)))
}

/// An attachment that is no part of the MIME tree.
pub(super) fn listed(name: String, media_type: &str, size: u64, part: String, inline: bool) -> Attachment {
    let media_type = if media_type.is_empty() { "application/octet-stream" } else { media_type };
    let media_type = media_type.chars().filter(char::is_ascii_graphic).take(127).collect();
    Attachment { name, media_type, size, part, sha256: None, verdict: None, inline }
}
