//! One mail -> n leads: a mail with several ADF prospects is taken apart at the door, as a webhook's request is.
//!
//! Invariants:
//! - of several, each is a mail with the header of the whole and only itself in it, so that reading, deciding, repeating
//!   and erasing one is the same as with any mail, and forgetting one person forgets nothing of another;
//! - what the mail holds beside its prospects, words and files, is kept too, as a mail that is no lead;
//! - the same prospect twice (as text and as a file) is one;
//! - what cannot be taken apart within the bounds is not taken apart at all: it waits whole, because reading says so;
//! - total and bounded: what could hurt the parser never reaches it, and what has no prospects is not parsed here.

use std::panic::AssertUnwindSafe;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use mail_parser::{Message, MessagePart, PartType};
use ulid::Ulid;

use super::header_lines::headers;
use super::mail::unescape;
use super::{ReadLimits, adf, body, charset, html, mime};
use crate::domain::envelope::{ArrivalKey, Digest, Envelope, PART, PART_OF, REST, RawKind};
use crate::domain::submission::{Canonical, Field};

/// Prospects of one mail; a mail with more waits whole.
pub const MOST: usize = 1_000;
/// Bytes of all mails made of one.
const BYTES: usize = 32 << 20;
/// Bytes of text looked at of one part; more of it waits whole.
const TEXT: usize = 4 << 20;
/// Parts looked at.
const PARTS: usize = 50;

/// The arrivals of a mail: itself, or one for each of its prospects and one for what stands beside them. The first has the
/// keys of the whole; of the others each has the content key with its own mark.
pub fn apart(whole: Envelope, mut new_id: impl FnMut() -> Ulid) -> Vec<Envelope> {
    let pieces = if whole.raw_kind == RawKind::Mail && whole.context.truncated_from.is_none() {
        pieces(&whole.raw)
    } else {
        None
    };
    let Some(pieces) = pieces else { return vec![whole] };
    let count = pieces.leads.len();
    let first = whole.id;
    let marked = |mark: &str| -> Vec<ArrivalKey> {
        let content = whole.keys.iter().filter(|key| key.value.starts_with("mail:"));
        content.map(|key| ArrivalKey { value: format!("{}#{mark}", key.value), ..key.clone() }).collect()
    };
    let mut arrivals = Vec::with_capacity(count.saturating_add(1));
    let leads = pieces.leads.into_iter().enumerate().map(|(index, raw)| (index, raw, format!("{}/{count}", index + 1)));
    let rest = pieces.rest.map(|raw| (count, raw, REST.to_owned()));
    for (index, raw, part) in leads.chain(rest) {
        let mut one = whole.without_raw();
        if index > 0 {
            one.id = new_id();
            one.keys = marked(if part == REST { REST } else { part.split('/').next().unwrap_or_default() });
            // Where the mail lies is told once, so that it is marked once.
            one.context.mail = None;
            one.context.extra.insert(PART_OF.to_owned(), first.to_string());
        }
        one.context.extra.insert(PART.to_owned(), part);
        one.digest = Digest::of(&raw);
        one.raw = raw.into();
        arrivals.push(one);
    }
    arrivals
}

/// Mails made of one.
struct Pieces {
    leads: Vec<Vec<u8>>,
    rest: Option<Vec<u8>>,
}

/// The decoded texts of a mail in which ADF documents stand, whole as it is: to look for somebody in.
pub fn documents(raw: &[u8]) -> Vec<String> {
    let read = || {
        let message = if mime::safety(raw, &ReadLimits::default()) { mime::parse(raw) } else { None };
        let message = message.as_ref();
        let parts = message.into_iter().flat_map(|message| message.parts.iter().map(move |part| (message, part)));
        let texts = parts.take(PARTS).filter_map(|(message, part)| part_text(message, part));
        texts.filter(|text| has_document(text)).collect()
    };
    std::panic::catch_unwind(AssertUnwindSafe(read)).unwrap_or_default()
}

/// `None`: it stays whole.
fn pieces(raw: &[u8]) -> Option<Pieces> {
    if !is_suspected(raw) {
        return None;
    }
    std::panic::catch_unwind(AssertUnwindSafe(|| {
        let limits = ReadLimits::default();
        let message = if mime::safety(raw, &limits) { mime::parse(raw) } else { None }?;
        take_apart(raw, &message)
    }))
    .unwrap_or_default()
}

/// Cheap, and never wrong about what it denies but for a text in a two-byte character set: the tag stands in the bytes, or
/// something is encoded.
fn is_suspected(raw: &[u8]) -> bool {
    static SIGNS: Finder = LazyLock::new(|| finder(["prospect", "base64"]));
    SIGNS.as_ref().is_some_and(|finder| finder.is_match(raw))
}

/// Whether a document begins in `text`, plain or escaped in markup.
fn has_document(text: &str) -> bool {
    static TAGS: Finder = LazyLock::new(|| finder(["<adf", "&lt;adf"]));
    TAGS.as_ref().is_some_and(|finder| finder.is_match(text))
}

/// Words in any case.
type Finder = LazyLock<Option<AhoCorasick>>;

fn finder(words: [&str; 2]) -> Option<AhoCorasick> {
    AhoCorasick::builder().ascii_case_insensitive(true).build(words).ok()
}

fn take_apart(raw: &[u8], message: &Message<'_>) -> Option<Pieces> {
    let found = Found::read(message)?;
    if found.prospects.len() < 2 {
        return None;
    }
    let charset = mime::declared_charset(message);
    let header = header(&charset::headers_as_utf8(mime::header_section(raw), charset.as_deref()));
    let mut bytes = 0_usize;
    let mut leads = Vec::with_capacity(found.prospects.len());
    for prospect in &found.prospects {
        let mut lead = header.clone();
        lead.extend_from_slice(b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n");
        lead.extend_from_slice(b"Content-Transfer-Encoding: 8bit\r\n\r\n<?adf version=\"1.0\"?>\n<adf>\n");
        lead.extend_from_slice(prospect.text.trim_end().as_bytes());
        lead.extend_from_slice(b"\n</prospect>\n</adf>\n");
        bytes = bytes.saturating_add(lead.len());
        if bytes > BYTES {
            return None;
        }
        leads.push(lead);
    }
    Some(Pieces { leads, rest: rest(raw, message, header, &found) })
}

/// One prospect as it stands in the mail, and what it says.
struct Prospect {
    text: String,
    fields: Vec<Field>,
}

/// The prospects of a mail and where they stood.
#[derive(Default)]
struct Found {
    prospects: Vec<Prospect>,
    /// Parts that hold nothing else.
    parts: Vec<usize>,
    /// Words of the text beside them.
    words: String,
}

impl Found {
    /// `None` when there are more than are taken apart.
    fn read(message: &Message<'_>) -> Option<Self> {
        let limits = ReadLimits { text_bytes: TEXT, ..ReadLimits::default() };
        let mut found = Self::default();
        // Laying out markup is dear, and few mails hold the tag.
        let texts: Vec<Option<String>> =
            message.parts.iter().take(PARTS).map(|part| part_text(message, part)).collect();
        if !texts.iter().flatten().any(|text| has_document(text)) {
            return None;
        }
        let text = body::read(message, &limits).text;
        let of_body: Vec<usize> = [&message.text_body, &message.html_body]
            .into_iter()
            .flatten()
            .filter_map(|&id| usize::try_from(id).ok())
            .collect();
        let in_text = found.take(&text)?;
        if in_text {
            found.words = adf::beside(&text);
        }
        for (index, own) in texts.iter().enumerate() {
            let is_body = of_body.contains(&index);
            let Some(own) = own.as_deref() else { continue };
            // Of the text one rendering is read; the others say the same, in tags or as a table.
            let holds = if is_body && in_text {
                !adf::prospects(own, 1).is_empty() || found.names(own)
            } else {
                found.take(own)?
            };
            if holds {
                found.parts.push(index);
                if is_body && !in_text {
                    let words = adf::beside(own);
                    let is_markup = message.parts.get(index).is_some_and(|part| matches!(part.body, PartType::Html(_)));
                    let words = if is_markup { html::to_text(&words) } else { words };
                    words.trim().clone_into(&mut found.words);
                }
            }
        }
        Some(found)
    }

    /// Whether an address or a number of one of them stands in `text`.
    fn names(&self, text: &str) -> bool {
        let fields = self.prospects.iter().flat_map(|one| &one.fields);
        let reach = fields
            .filter(|field| matches!(field.canonical, Some(Canonical::Email | Canonical::Phone | Canonical::Mobile)));
        let values = reach.map(|field| field.value.as_str()).filter(|value| value.len() >= 5);
        let finder = AhoCorasick::builder().ascii_case_insensitive(true).build(values);
        finder.is_ok_and(|finder| finder.is_match(text))
    }

    /// Takes the prospects of a text; whether there are any.
    fn take(&mut self, text: &str) -> Option<bool> {
        let all = adf::prospects(text, MOST.saturating_add(1));
        if all.is_empty() {
            return Some(false);
        }
        if text.len() >= TEXT || all.len() > MOST {
            return None;
        }
        for one in all {
            let fields = adf::fields(one);
            if !self.prospects.iter().any(|known| known.fields == fields) {
                self.prospects.push(Prospect { text: one.to_owned(), fields });
            }
        }
        (self.prospects.len() <= MOST).then_some(true)
    }
}

/// Text of a part that may hold a document.
fn part_text(message: &Message<'_>, part: &MessagePart<'_>) -> Option<String> {
    match &part.body {
        PartType::Html(markup) => Some(unescape(body::cut(markup, TEXT))),
        PartType::Text(_) => Some(body::cut(&mime::part_text(message, part).text, TEXT).to_owned()),
        PartType::Binary(bytes) if super::mail::is_document(part) => {
            Some(charset::decode(bytes.get(..TEXT).unwrap_or(bytes), None).text)
        }
        _ => None,
    }
}

/// The header without what it says of the body.
fn header(utf8: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(utf8.len());
    for field in headers(utf8).filter(|field| !field.name.is_empty()) {
        if field.starts_with("content-") || field.is("mime-version") {
            continue;
        }
        out.extend_from_slice(field.name);
        out.push(b':');
        out.extend_from_slice(field.value.trim_ascii_end());
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// What else the mail holds, each part as it lies in the mail.
fn rest(raw: &[u8], message: &Message<'_>, header: Vec<u8>, found: &Found) -> Option<Vec<u8>> {
    let place = |part: &MessagePart<'_>| {
        let (from, to) = (usize::try_from(part.offset_header).ok()?, usize::try_from(part.offset_end).ok()?);
        raw.get(from..to).filter(|bytes| !bytes.trim_ascii().is_empty())
    };
    let others = message.parts.iter().enumerate().skip(1);
    let kept: Vec<&[u8]> = others
        .filter(|(index, part)| !found.parts.contains(index) && !matches!(part.body, PartType::Multipart(_)))
        .filter_map(|(_, part)| place(part))
        .collect();
    if found.words.is_empty() && kept.is_empty() {
        return None;
    }
    let boundary = format!("rest-{}", Digest::of(raw));
    let mut out = header;
    let start = format!("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n");
    out.extend_from_slice(start.as_bytes());
    if !found.words.is_empty() {
        let words = format!(
            "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}\r\n",
            found.words
        );
        out.extend_from_slice(words.as_bytes());
    }
    for part in kept {
        out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Some(out)
}
