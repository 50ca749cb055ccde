//! Raw bytes -> parts, through mail-parser, behind a safety check.
//!
//! Invariants:
//! - what could overflow the parser's stack or keep it busy for long never reaches its body parser ([`safety`]);
//! - header text is UTF-8 before it is parsed, whatever bytes it came in;
//! - an attachment is decoded at most once (by mail-parser) and never copied.

use std::borrow::Cow;
use std::collections::HashSet;

use mail_parser::{Encoding, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::files::is_deceiving;
use super::header_lines::{RawHeader, headers, write_field};
use super::{ReadLimits, charset, nesting};
use crate::domain::submission::Attachment;

/// Longest header section parsed, in bytes; of a longer one the beginning of each field.
const HEADER_BYTES: usize = 1_000_000;
/// What is kept of each field of such a header, in bytes.
const FIELD_BYTES: usize = 16_000;
/// Longest address with its brackets, in bytes.
const ADDRESS_BYTES: usize = 400;
/// How much is tried of a mail that is too deep, in bytes, for the text that stands first.
const HEADS: [usize; 2] = [256 << 10, 8 << 10];

/// Whether the body may be given to the parser.
pub fn safety(raw: &[u8], limits: &ReadLimits) -> bool {
    std::panic::catch_unwind(|| nesting::is_bounded(raw, limits)).unwrap_or(false)
}

/// The header section of `raw` (blank line included), leading blank lines and mbox line dropped.
pub fn header_section(raw: &[u8]) -> &[u8] {
    let start = headers(raw);
    let mut fields = start.clone();
    let whole = start.body();
    while fields.next().is_some() {}
    let length = whole.len() - fields.body().len();
    whole.get(..length.min(HEADER_BYTES)).unwrap_or_default()
}

/// A header section that is not too long to parse.
#[derive(Debug)]
pub struct HeaderSection<'a> {
    /// Its bytes, each field with a line end.
    pub bytes: Cow<'a, [u8]>,
    /// Fields were cut.
    pub was_cut: bool,
}

/// The header section of `raw` as it can be parsed: a last line without its end gets one, and of a header that is too
/// long every field keeps its beginning, so that the last ones are read, too.
pub fn bounded_header(raw: &[u8]) -> HeaderSection<'_> {
    let start = headers(raw);
    let mut fields = start.clone();
    let whole = start.body();
    while fields.next().is_some() {}
    let section = whole.get(..whole.len() - fields.body().len()).unwrap_or_default();
    if section.len() <= HEADER_BYTES {
        let bytes = if section.ends_with(b"\n") || section.is_empty() {
            Cow::Borrowed(section)
        } else {
            Cow::Owned([section, b"\r\n"].concat())
        };
        return HeaderSection { bytes, was_cut: false };
    }
    let mut bytes = Vec::new();
    for field in headers(section).filter(|field| !field.name.is_empty()) {
        let name = field.name.get(..200).unwrap_or(field.name);
        let is_sender = ["from", "sender", "reply-to"].iter().any(|name| field.is(name));
        let value = shortened(field.value.trim_ascii_end(), is_sender);
        let value = value.as_ref();
        if bytes.len() + name.len() + value.len() > HEADER_BYTES {
            break;
        }
        write_field(&RawHeader { name, value }, &mut bytes);
    }
    bytes.extend_from_slice(b"\r\n");
    HeaderSection { bytes: Cow::Owned(bytes), was_cut: true }
}

/// The beginning of a long value, up to a comma or a blank where there is one; of a sender the address at its end, too.
fn shortened(value: &[u8], is_sender: bool) -> Cow<'_, [u8]> {
    let Some(head) = value.get(..FIELD_BYTES).filter(|_| value.len() > FIELD_BYTES) else {
        return Cow::Borrowed(value);
    };
    let end = head.iter().rposition(|b| matches!(b, b',' | b' ' | b'\t' | b'\n')).filter(|end| *end > FIELD_BYTES / 2);
    let head = head.get(..end.unwrap_or(head.len())).unwrap_or_default().trim_ascii_end();
    let tail = value.get(value.len().saturating_sub(ADDRESS_BYTES)..).unwrap_or_default();
    match tail.iter().rposition(|b| *b == b'<').and_then(|at| tail.get(at..)) {
        // Of the name enough to be shown; a quote that is open would swallow the address.
        Some(address) if is_sender && !head.contains(&b'@') => {
            let name: Vec<u8> = head.iter().copied().filter(|b| *b != b'"').take(ADDRESS_BYTES).collect();
            Cow::Owned([name.as_slice(), b" ", address].concat())
        }
        _ => Cow::Borrowed(head),
    }
}

/// `raw` in UTF-8 without the mark that editors put in front of a saved file.
pub fn unmarked(raw: &[u8]) -> Cow<'_, [u8]> {
    match raw {
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(rest),
        [0xff, 0xfe, rest @ ..] => Cow::Owned(charset::decode(rest, Some("utf-16le")).text.into_bytes()),
        [0xfe, 0xff, rest @ ..] => Cow::Owned(charset::decode(rest, Some("utf-16be")).text.into_bytes()),
        // Old programs, and relays that break what they carry, end lines by CR alone.
        _ if !raw.contains(&b'\n') && raw.contains(&b'\r') => {
            Cow::Owned(raw.iter().map(|b| if *b == b'\r' { b'\n' } else { *b }).collect())
        }
        _ => spaced(raw).map_or(Cow::Borrowed(raw), Cow::Owned),
    }
}

/// `raw` without the blanks between the name of a field and its colon (RFC 5322 section 4.5); `None`: there are none.
fn spaced(raw: &[u8]) -> Option<Vec<u8>> {
    let first = raw.strip_prefix(b"From ").is_some_and(|rest| rest.trim_ascii_start().starts_with(b":"));
    let section = if first { raw } else { header_section(raw) };
    let ends = ["\n\n", "\n\r\n"].into_iter().filter_map(|end| memchr::memmem::find(section, end.as_bytes()));
    if !raw.starts_with(section) {
        return None;
    }
    let section = section.get(..ends.min().map_or(section.len(), |end| end + 1))?;
    let blanks = |line: &[u8]| -> Option<(usize, usize)> {
        let name =
            line.iter().position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))).filter(|at| *at > 0)?;
        let colon = name + line.get(name..)?.iter().position(|b| !matches!(b, b' ' | b'\t')).filter(|at| *at > 0)?;
        (line.get(colon) == Some(&b':')).then_some((name, colon))
    };
    memchr::memmem::find(section, b" :").or_else(|| memchr::memmem::find(section, b"\t:"))?;
    let mut out = Vec::with_capacity(raw.len());
    for line in section.split_inclusive(|b| *b == b'\n') {
        let (name, colon) = blanks(line).unwrap_or((0, 0));
        out.extend_from_slice(line.get(..name)?);
        out.extend_from_slice(line.get(colon..)?);
    }
    out.extend_from_slice(raw.get(section.len()..)?);
    (out.len() < raw.len()).then_some(out)
}

/// The beginning of a mail that is too deep as a whole, parsed: as much of it as is not.
pub fn head<'a>(raw: &'a [u8], limits: &ReadLimits) -> Option<Message<'a>> {
    let body = header_section(raw).len();
    let heads = HEADS.iter().filter_map(|length| raw.get(..body.saturating_add(*length).min(raw.len())));
    heads.into_iter().find(|head| safety(head, limits)).and_then(parse)
}

/// Parsed header of `section`, which must be UTF-8 ([`charset::headers_as_utf8`]).
pub fn parse_header(section: &[u8]) -> Option<Message<'_>> {
    std::panic::catch_unwind(|| MessageParser::default().parse_headers(section)).unwrap_or_default()
}

/// Parsed message. Call only after [`safety`] said yes. `None` when there is no header, or when the parser fails on the
/// bytes: it is not proven total, and one mail must not cost the others.
pub fn parse(raw: &[u8]) -> Option<Message<'_>> {
    std::panic::catch_unwind(|| MessageParser::default().parse(raw)).unwrap_or_default()
}

/// The charset the top-level header or the first text part declares, for raw 8-bit headers.
pub fn declared_charset(message: &Message<'_>) -> Option<String> {
    let parts = message.parts.iter().take(20);
    parts.filter_map(|part| part.content_type()).find_map(|ct| ct.attribute("charset").map(str::to_owned))
}

/// One header section as pairs of lower-case name and unfolded value, for rules about machine mail.
#[derive(Debug, Clone, Default)]
pub struct HeaderBag(Vec<(String, String)>);

impl HeaderBag {
    /// Fields looked at.
    const FIELDS: usize = 1_000;

    /// From a header section or a whole message.
    pub fn read(section: &[u8]) -> Self {
        let named = headers(section).filter(|h| !h.name.is_empty()).take(Self::FIELDS);
        Self(named.map(|h: RawHeader<'_>| (String::from_utf8_lossy(h.name).to_lowercase(), h.text())).collect())
    }

    /// First value of a field, by lower-case name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Every value of a field, by lower-case name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Whether the field is there.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether a field's name starts with this.
    pub fn has_prefix(&self, prefix: &str) -> bool {
        self.0.iter().any(|(name, _)| name.starts_with(prefix))
    }

    /// Whether the first value of `name` contains `needle` (lower case) in any case.
    pub fn says(&self, name: &str, needle: &str) -> bool {
        self.all(name).any(|value| value.to_lowercase().contains(needle))
    }
}

/// Text of a text part, decoded from its own bytes by its own charset; the parser's reading where that fails.
pub fn part_text(message: &Message<'_>, part: &MessagePart<'_>) -> charset::Decoded {
    let fallback =
        |text: &str| charset::Decoded { text: text.to_owned(), guessed: None, damaged: part.is_encoding_problem };
    let (PartType::Text(parsed) | PartType::Html(parsed)) = &part.body else { return fallback("") };
    // Pure ASCII can only be one of the seven-bit encodings, which the parser and the label agree on.
    let range = usize::try_from(part.offset_body).unwrap_or(0)..usize::try_from(part.offset_end).unwrap_or(0);
    let Some(raw) = message.raw_message.get(range) else { return fallback(parsed) };
    let bytes: Cow<'_, [u8]> = match part.encoding {
        // The parser gave up on its code.
        Encoding::None if part.is_encoding_problem && is_base64(part) => {
            encoded(raw).map_or(Cow::Borrowed(raw), Cow::Owned)
        }
        Encoding::None => Cow::Borrowed(raw),
        Encoding::QuotedPrintable => match mail_parser::decoders::quoted_printable::quoted_printable_decode(raw) {
            Some(bytes) => Cow::Owned(bytes),
            None => return fallback(parsed),
        },
        Encoding::Base64 => match encoded(raw) {
            Some(bytes) => Cow::Owned(bytes),
            None => return fallback(parsed),
        },
    };
    charset::decode(&bytes, part.content_type().and_then(|ct| ct.attribute("charset")))
}

fn is_base64(part: &MessagePart<'_>) -> bool {
    part.content_transfer_encoding().is_some_and(|named| named.trim().eq_ignore_ascii_case("base64"))
}

/// The bytes of a part in base64 (RFC 2045 section 6.8), and what a list or a gateway wrote behind it as it stands.
fn encoded(raw: &[u8]) -> Option<Vec<u8>> {
    let coded = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    let end = lines(raw).take_while(|(_, line)| line.trim_ascii().iter().all(coded)).last().map_or(0, |(end, _)| end);
    let (code, behind) = raw.split_at_checked(end)?;
    if code.trim_ascii().is_empty() || behind.trim_ascii().is_empty() {
        return mail_parser::decoders::base64::base64_decode(raw);
    }
    // Blanks within the lines are of a program that counts them as nothing; words are more than that.
    let decode = mail_parser::decoders::base64::base64_decode;
    let words = behind.iter().any(|b| !coded(b) && !b.is_ascii_whitespace()) || decode(raw).is_none();
    if !words {
        return decode(raw);
    }
    let mut bytes = decode(code)?;
    bytes.push(b'\n');
    bytes.extend_from_slice(behind);
    Some(bytes)
}

/// The lines with where each ends.
fn lines(raw: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    raw.split_inclusive(|b| *b == b'\n').map(move |line| {
        at += line.len();
        (at, line)
    })
}

/// Attachments with the path of their part inside the message: `1`, `2.1`; nested messages count as one.
pub fn attachments(message: &Message<'_>, limit: usize) -> Vec<Attachment> {
    let paths = part_paths(message);
    let shown = Shown::read(message);
    let mut found = Vec::new();
    for &id in message.attachments.iter().take(limit) {
        let index = usize::try_from(id).unwrap_or(usize::MAX);
        let (Some(part), Some(path)) = (message.parts.get(index), paths.get(index)) else { continue };
        let path = if path.is_empty() { "1".to_owned() } else { path.clone() };
        let media_type = media_type(part);
        let name = file_name(part.attachment_name().unwrap_or_default())
            .unwrap_or_else(|| format!("part-{path}{}", extension(&media_type)));
        let size = decoded_size(part);
        found.push(Attachment {
            name,
            media_type,
            size,
            part: path,
            sha256: None,
            verdict: None,
            inline: shown.has(part),
        });
    }
    found
}

/// Pictures that the HTML of a mail shows, by their Content-ID.
struct Shown {
    ids: HashSet<String>,
    has_html: bool,
}

impl Shown {
    /// References followed.
    const IDS: usize = 2_000;

    fn read(message: &Message<'_>) -> Self {
        let mut shown = Self { ids: HashSet::new(), has_html: false };
        for part in message.parts.iter().take(200) {
            let PartType::Html(markup) = &part.body else { continue };
            shown.has_html = true;
            for reference in markup.split("cid:").skip(1).take(Self::IDS) {
                let id = reference.split(['"', '\'', ')', '>', ' ', '&', '\r', '\n']).next().unwrap_or_default();
                shown.ids.insert(id.replace("%40", "@").to_lowercase());
            }
        }
        shown
    }

    /// A picture that the markup names; without markup, one that is meant to be shown where it stands.
    fn has(&self, part: &MessagePart<'_>) -> bool {
        let Some(id) = part.content_id().map(|id| id.trim_matches(['<', '>', ' ']).to_lowercase()) else {
            return false;
        };
        let meant = || part.content_disposition().is_some_and(|d| d.ctype().eq_ignore_ascii_case("inline"));
        media_type(part).starts_with("image/") && (self.ids.contains(&id) || !self.has_html && meant())
    }
}

/// Declared media type, lower case; what RFC 2045 assumes when none is declared.
pub fn media_type(part: &MessagePart<'_>) -> String {
    part.content_type().map_or_else(
        || if part.is_message() { "message/rfc822" } else { "text/plain" }.to_owned(),
        |ct| {
            let subtype = ct.subtype().unwrap_or("octet-stream");
            let kind = format!("{}/{subtype}", ct.ctype()).to_ascii_lowercase();
            kind.chars().filter(|c| !c.is_control()).take(127).collect()
        },
    )
}

fn decoded_size(part: &MessagePart<'_>) -> u64 {
    let length = match &part.body {
        PartType::Text(text) | PartType::Html(text) => text.len(),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => bytes.len(),
        PartType::Message(_) => usize::try_from(part.offset_end.saturating_sub(part.offset_body)).unwrap_or(0),
        PartType::Multipart(_) => 0,
    };
    length as u64
}

/// Path of every part, by part number. The tree is walked with a stack of our own, each part once.
pub(super) fn part_paths(message: &Message<'_>) -> Vec<String> {
    let mut paths = vec![String::new(); message.parts.len()];
    let mut seen = vec![false; message.parts.len()];
    let mut open = vec![0_usize];
    while let Some(index) = open.pop() {
        match seen.get_mut(index) {
            Some(seen) if !*seen => *seen = true,
            _ => continue,
        }
        let Some(PartType::Multipart(children)) = message.parts.get(index).map(|p| &p.body) else { continue };
        let prefix = paths.get(index).cloned().unwrap_or_default();
        for (position, &child) in children.iter().enumerate() {
            let child = usize::try_from(child).unwrap_or(usize::MAX);
            if let Some(path) = paths.get_mut(child).filter(|path| path.is_empty()) {
                let dot = if prefix.is_empty() { "" } else { "." };
                // Paths of absurdly deep trees are cut; such parts are still listed.
                *path = format!("{prefix}{dot}{}", position + 1).chars().take(200).collect();
                open.push(child);
            }
        }
    }
    paths
}

/// A file name without path, control characters and marks that change how it looks, at most 255 bytes; `None` when nothing is left.
pub fn file_name(raw: &str) -> Option<String> {
    let base = raw.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut name = String::new();
    for c in base.trim().chars().filter(|c| !c.is_control() && !is_deceiving(*c)) {
        if name.len() + c.len_utf8() > 255 {
            break;
        }
        name.push(c);
    }
    (!name.is_empty() && name != "." && name != "..").then_some(name)
}

fn extension(media_type: &str) -> &'static str {
    match media_type {
        "application/pdf" => ".pdf",
        "image/png" => ".png",
        "image/jpeg" => ".jpg",
        "image/gif" => ".gif",
        "text/plain" => ".txt",
        "text/html" => ".html",
        "text/calendar" => ".ics",
        "text/vcard" | "text/x-vcard" => ".vcf",
        "message/rfc822" => ".eml",
        "application/xml" | "text/xml" => ".xml",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_paths_and_names_are_tame() {
        let raw =
            b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: text/plain\r\n\r\nhi\r\n--a\r\n\
            Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: application/pdf; \
            name=\"..\\\\..\\\\evil/plan.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b--\r\n--a\r\n\
            Content-Type: image/png\r\nContent-Disposition: attachment\r\n\r\nxx\r\n--a--\r\n";
        let message = parse(raw).unwrap();
        let listed = attachments(&message, 10);
        let short: Vec<_> = listed.iter().map(|a| (a.name.as_str(), a.part.as_str(), a.size)).collect();
        assert_eq!(short, [("plan.pdf", "2.1", 5), ("part-3.png", "3", 2)]);
    }
}
