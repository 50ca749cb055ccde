//! One mail -> n leads: a mail with several ADF prospects, or with a JSON list of leads, is taken apart at the door, as a
//! webhook's request is.
//!
//! Invariants:
//! - of several, each is a mail with the header of the whole and only itself in it, so that reading, deciding, repeating
//!   and erasing one is the same as with any mail, and forgetting one person forgets nothing of another;
//! - what the mail holds beside its prospects, words and files, is kept too, as a mail that is no lead;
//! - the same prospect twice (as text and as a file) is one;
//! - what cannot be taken apart within the bounds is not taken apart at all: it waits whole, because reading says so;
//! - total and bounded: what could hurt the parser never reaches it, and what has no prospects is not parsed here.

mod documents;
mod lists;

use std::panic::AssertUnwindSafe;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use documents::part_text;
use mail_parser::{HeaderValue, Message, MessagePart, PartType};
use ulid::Ulid;

use super::header_labels::{self, Prefix};
use super::header_lines::without_content;
use super::{ReadLimits, attached, body, budget, charset, mime};
use crate::domain::envelope::{ArrivalKey, Digest, Envelope, PART, PART_OF, REST, RawKind};
use crate::domain::submission::Submission;

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

/// The decoded texts of a mail in which ADF documents or JSON stand, whole as it is: to look for somebody in.
pub fn documents(raw: &[u8]) -> Vec<String> {
    let read = || {
        let message = if mime::safety(raw, &ReadLimits::default()) { mime::parse(raw) } else { None };
        let message = message.as_ref();
        let parts = message.into_iter().flat_map(|message| message.parts.iter().map(move |part| (message, part)));
        let texts = parts.take(PARTS).filter_map(|(message, part)| {
            let json = attached::json_text(message, part);
            json.or_else(|| part_text(message, part).filter(|text| has_document(text)))
        });
        texts.collect()
    };
    std::panic::catch_unwind(AssertUnwindSafe(read)).unwrap_or_default()
}

/// Says that only the first of several is read.
pub(super) fn note_several(out: &mut Submission) {
    out.flags.push(crate::domain::hooks::TOO_MANY_LEADS.to_owned());
    let detail = "The mail holds several prospects, or is cut off in one, and was not taken apart: too many, too large, \
                  not all readable, or not from what is known to be a program. Only the first is read; the others are \
                  to be entered by hand.";
    out.warnings.push(body::warning("several_prospects", detail));
}

/// `None`: it stays whole.
fn pieces(raw: &[u8]) -> Option<Pieces> {
    if !is_suspected(raw) {
        return None;
    }
    std::panic::catch_unwind(AssertUnwindSafe(|| {
        let limits = ReadLimits::default();
        let message = if mime::safety(raw, &limits) { mime::parse(raw) } else { None }?;
        let is_answer = is_answer(&message);
        // A half read mail is no mail taken apart.
        let steps = limits.steps(raw.len()).saturating_mul(2);
        let (pieces, taken) = budget::within(steps, || {
            documents::apart(raw, &message, is_answer).or_else(|| lists::apart(raw, &message, is_answer))
        });
        pieces.filter(|_| taken < steps)
    }))
    .unwrap_or_default()
}

/// Whoever answers a portal's mail may quote its prospects and ask for something of their own.
fn is_answer(message: &Message<'_>) -> bool {
    let filled = |value: &HeaderValue<'_>| !matches!(value, HeaderValue::Empty);
    filled(message.in_reply_to()) || filled(message.references()) || {
        message.subject().is_some_and(|subject| header_labels::prefix(subject) == Prefix::Reply)
    }
}

/// Cheap, and never wrong about what it denies but for a text in a two-byte character set: the tag stands in the bytes,
/// something is encoded, or a soft line break (RFC 2045 section 6.7) may stand in the tag.
fn is_suspected(raw: &[u8]) -> bool {
    static SIGNS: Finder = LazyLock::new(|| finder(&["prospect", "base64", "json", "=\r\n", "=\n"]));
    SIGNS.as_ref().is_some_and(|finder| finder.is_match(raw))
}

/// Whether a document begins in `text`, plain or escaped in markup.
fn has_document(text: &str) -> bool {
    static TAGS: Finder = LazyLock::new(|| finder(&["<adf", "&lt;adf"]));
    TAGS.as_ref().is_some_and(|finder| finder.is_match(text))
}

/// Words in any case.
type Finder = LazyLock<Option<AhoCorasick>>;

fn finder(words: &[&str]) -> Option<AhoCorasick> {
    AhoCorasick::builder().ascii_case_insensitive(true).build(words).ok()
}

/// What stands before the leads of a mail in each of the mails made of it.
fn header(raw: &[u8], message: &Message<'_>) -> Vec<u8> {
    let charset = mime::declared_charset(message);
    without_content(&charset::headers_as_utf8(mime::header_section(raw), charset.as_deref()))
}

/// A mail for each of these texts; `None` when that is too much.
fn mails<'t>(
    header: &[u8],
    kind: &str,
    texts: impl Iterator<Item = &'t str>,
    ends: (&str, &str),
) -> Option<Vec<Vec<u8>>> {
    let mut bytes = 0_usize;
    let mut leads = Vec::new();
    for text in texts {
        let mut lead = header.to_vec();
        let content = format!("MIME-Version: 1.0\r\nContent-Type: {kind}; charset=utf-8\r\n");
        lead.extend_from_slice(content.as_bytes());
        lead.extend_from_slice(b"Content-Transfer-Encoding: 8bit\r\n\r\n");
        for piece in [ends.0, text, ends.1] {
            lead.extend_from_slice(piece.as_bytes());
        }
        bytes = bytes.saturating_add(lead.len());
        if bytes > BYTES {
            return None;
        }
        leads.push(lead);
    }
    Some(leads)
}

/// What else the mail holds, each part as it lies in the mail.
fn rest(raw: &[u8], message: &Message<'_>, header: Vec<u8>, (taken, words): (&[usize], &str)) -> Option<Vec<u8>> {
    let place = |part: &MessagePart<'_>| {
        let (from, to) = (usize::try_from(part.offset_header).ok()?, usize::try_from(part.offset_end).ok()?);
        raw.get(from..to).filter(|bytes| !bytes.trim_ascii().is_empty())
    };
    let others = message.parts.iter().enumerate().skip(1);
    let kept: Vec<&[u8]> = others
        .filter(|(index, part)| !taken.contains(index) && !matches!(part.body, PartType::Multipart(_)))
        .filter_map(|(_, part)| place(part))
        .collect();
    if words.is_empty() && kept.is_empty() {
        return None;
    }
    let boundary = format!("rest-{}", Digest::of(raw));
    let mut out = header;
    let start = format!("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n");
    out.extend_from_slice(start.as_bytes());
    if !words.is_empty() {
        let part = format!(
            "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{words}\r\n"
        );
        out.extend_from_slice(part.as_bytes());
    }
    for part in kept {
        out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Some(out)
}
