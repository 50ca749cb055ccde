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

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use mail_parser::{HeaderValue, Message, MessagePart, PartType};
use ulid::Ulid;

use super::header_labels::{self, Prefix};
use super::header_lines::without_content;
use super::mail::unescape;
use super::notification::{Sender, is_mailer_name};
use super::{ReadLimits, adf, attached, body, budget, charset, html, mime};
use crate::domain::envelope::{ArrivalKey, Digest, Envelope, PART, PART_OF, REST, RawKind};
use crate::domain::submission::{Canonical, Field, Submission};

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
    let detail = "The mail holds several prospects that were not taken apart: too many, too large, or cut off. Only the \
                  first is read; the others are to be entered by hand.";
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
        if is_answer(&message) {
            return None;
        }
        // A half read mail is no mail taken apart.
        let steps = limits.steps(raw.len()).saturating_mul(2);
        let (pieces, taken) = budget::within(steps, || take_apart(raw, &message).or_else(|| list_apart(raw, &message)));
        pieces.filter(|_| taken < steps)
    }))
    .unwrap_or_default()
}

/// Whoever answers a portal's mail quotes its prospects and asks for something of their own.
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

fn take_apart(raw: &[u8], message: &Message<'_>) -> Option<Pieces> {
    let found = Found::read(message)?;
    if found.prospects.len() < 2 {
        return None;
    }
    let charset = mime::declared_charset(message);
    let header = without_content(&charset::headers_as_utf8(mime::header_section(raw), charset.as_deref()));
    let mut bytes = 0_usize;
    let mut leads = Vec::with_capacity(found.prospects.len());
    for prospect in &found.prospects {
        let mut lead = header.clone();
        lead.extend_from_slice(b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n");
        lead.extend_from_slice(b"Content-Transfer-Encoding: 8bit\r\n\r\n<?adf version=\"1.0\"?>\n<adf>\n");
        lead.extend_from_slice(prospect.trim_end().as_bytes());
        lead.extend_from_slice(b"\n</prospect>\n</adf>\n");
        bytes = bytes.saturating_add(lead.len());
        if bytes > BYTES {
            return None;
        }
        leads.push(lead);
    }
    Some(Pieces { leads, rest: rest(raw, message, header, &found) })
}

/// A JSON list of leads, beside as many words as a lead that comes alone may have beside it.
fn list_apart(raw: &[u8], message: &Message<'_>) -> Option<Pieces> {
    let from = message.from().and_then(|from| from.first()?.address()).unwrap_or_default();
    let sender = if is_mailer_name(&from.to_lowercase()) { Sender::Mailer } else { Sender::Unknown };
    let parts = || message.parts.iter().take(PARTS).enumerate();
    let (at, listed) = parts().find_map(|(at, part)| Some((at, attached::leads(message, part, sender)?)))?;
    let words = body::read(message, &ReadLimits::default()).text;
    if listed.len() > MOST || attached::is_letter(&words, sender) {
        return None;
    }
    let charset = mime::declared_charset(message);
    let header = without_content(&charset::headers_as_utf8(mime::header_section(raw), charset.as_deref()));
    let mut leads = Vec::with_capacity(listed.len());
    let mut bytes = 0_usize;
    for one in &listed {
        let mut lead = header.clone();
        lead.extend_from_slice(b"MIME-Version: 1.0\r\nContent-Type: application/json; charset=utf-8\r\n");
        lead.extend_from_slice(b"Content-Transfer-Encoding: 8bit\r\n\r\n");
        lead.extend_from_slice(one.json.as_bytes());
        lead.extend_from_slice(b"\r\n");
        bytes = bytes.saturating_add(lead.len());
        if bytes > BYTES {
            return None;
        }
        leads.push(lead);
    }
    let mut found = Found { parts: vec![at], ..Found::default() };
    if words.trim().is_empty() {
        let of_body = [&message.text_body, &message.html_body].into_iter().flatten();
        found.parts.extend(of_body.filter_map(|&id| usize::try_from(id).ok()));
    }
    Some(Pieces { leads, rest: rest(raw, message, header, &found) })
}

/// The prospects of a mail and where they stood.
#[derive(Default)]
struct Found {
    /// Each as it stands in the mail.
    prospects: Vec<String>,
    /// What those of the parts before say, to know them again.
    said: HashSet<String>,
    /// How those of the parts before are reached, and under which id they are known.
    reached: HashSet<String>,
    /// Parts that hold nothing else.
    parts: Vec<usize>,
    /// Words beside them.
    words: String,
    /// Words of everything that was taken.
    seen: HashSet<String>,
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
        let text = body::read(message, &limits);
        // Tags in the laid out text of a document in markup are what a visitor typed.
        let in_markup = text.from_html
            && message.parts.iter().any(|part| matches!(&part.body, PartType::Html(own) if adf::is_open_in(own)));
        let text = text.text;
        let of_body: Vec<usize> = [&message.text_body, &message.html_body]
            .into_iter()
            .flatten()
            .filter_map(|&id| usize::try_from(id).ok())
            .collect();
        let in_text = !in_markup && found.take(&text, false)?;
        if in_text {
            found.keep(&text, &adf::beside(&text));
        }
        for (index, own) in texts.iter().enumerate() {
            let is_body = of_body.contains(&index);
            let Some(own) = own.as_deref() else { continue };
            // Of the text one rendering is read; the others mostly say the same, in tags or as a table.
            let same = is_body && in_text;
            let holds = found.take(own, same)? || same && found.names(own);
            if !holds {
                continue;
            }
            found.parts.push(index);
            let laid_out = message.parts.get(index).is_some_and(|part| matches!(part.body, PartType::Html(_)));
            let words = adf::beside(own);
            found.keep(own, &if laid_out { html::to_text(&words) } else { words });
        }
        Some(found)
    }

    /// Keeps the lines of `beside` that hold a word which nothing taken before holds; `text` is taken.
    fn keep(&mut self, text: &str, beside: &str) {
        let words = |text: &str| -> Vec<String> {
            text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).collect()
        };
        let first = self.seen.is_empty();
        for line in beside.lines() {
            if first || words(line).iter().any(|word| !self.seen.contains(word)) {
                self.words.push_str(line);
                self.words.push('\n');
            }
        }
        self.words.truncate(self.words.trim_end().len());
        if !self.words.is_empty() {
            self.words.push('\n');
        }
        self.seen.extend(words(text));
    }

    /// Whether an address or a number of one of them stands in `text`.
    fn names(&self, text: &str) -> bool {
        let values = self.reached.iter().filter(|value| value.len() >= 5);
        let finder = AhoCorasick::builder().ascii_case_insensitive(true).build(values);
        finder.is_ok_and(|finder| finder.is_match(text))
    }

    /// Takes the prospects of a text; whether there are any. `same`: it is another rendering of one that was taken, so
    /// that only whoever can be reached and was not there is somebody else.
    fn take(&mut self, text: &str, same: bool) -> Option<bool> {
        let all = adf::prospects(text, MOST.saturating_add(1));
        if all.is_empty() {
            return Some(false);
        }
        if text.len() >= TEXT || all.len() > MOST {
            return None;
        }
        let (mut here, mut said, mut reached) = (HashSet::new(), Vec::new(), Vec::new());
        for one in all {
            let fields = adf::fields(one);
            let says =
                fields.iter().flat_map(|field| [field.name.as_str(), "\0", &field.value, "\0"]).collect::<String>();
            let reach: Vec<String> = fields.iter().filter(|field| is_reach(field)).map(|f| f.value.clone()).collect();
            let known = if same {
                reach.is_empty() || reach.iter().any(|value| self.reached.contains(value))
            } else {
                self.said.contains(&says)
            };
            // In one text the same prospect is one that stands there twice, letter by letter.
            if here.insert(one.split_whitespace().collect::<String>()) && !known {
                self.prospects.push(one.to_owned());
            }
            said.push(says);
            reached.extend(reach);
        }
        self.said.extend(said);
        self.reached.extend(reached);
        (self.prospects.len() <= MOST).then_some(true)
    }
}

/// An address, a number, the id of the request.
fn is_reach(field: &Field) -> bool {
    matches!(field.canonical, Some(Canonical::Email | Canonical::Phone | Canonical::Mobile))
        || field.name == adf::REQUEST_ID
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
