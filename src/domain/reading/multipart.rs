//! `multipart/form-data` (RFC 7578) over bytes that are already here: small, bounded, no stream.
//!
//! The door and the workers read with this one reader: what one sees, the other sees. A part with a file name,
//! `filename*` or a content type of its own that is not text is a file: listed by its position, never copied. A part
//! without a name is a field without a name. A truncated body gives what was whole and says that it is broken.

use super::ReadLimits;
use super::body::warning;
use super::charset;
use super::form::{FormPairs, Room, Upload};
use super::header_lines::headers;
use super::mime::file_name;
use crate::domain::envelope::Digest;
use crate::domain::submission::Attachment;

/// Longest boundary (RFC 2046), in bytes.
const BOUNDARY_BYTES: usize = 70;
/// Header lines read of one part.
const PART_HEADERS: usize = 32;
/// What a broken body is called.
const BROKEN: &str = "broken_multipart";

/// Reads a multipart body whose `Content-Type` value is given.
pub fn read(raw: &[u8], content_type: &str, limits: &ReadLimits) -> FormPairs {
    let mut pairs = FormPairs::default();
    let Some(boundary) = parameter(content_type, "boundary").filter(|b| !b.is_empty() && b.len() <= BOUNDARY_BYTES)
    else {
        pairs.is_broken(BROKEN, "The content type names no usable boundary.".to_owned());
        return pairs;
    };
    if !is_delimiter(raw.trim_ascii_start(), format!("--{boundary}").as_bytes()) {
        pairs.is_broken(BROKEN, "Something stands before the first boundary.".to_owned());
    }
    let mut complete = false;
    let mut charset_name = None;
    for (index, part) in Parts::new(raw, &boundary).enumerate() {
        match part {
            Part::Whole(_, b"") => {}
            Part::Whole(start, bytes) => {
                let part = Opened::of(start, bytes, index + 1);
                if part.file.is_none() {
                    match pairs.room(&part.name, limits) {
                        Room::Free => {}
                        Room::Dropped => continue,
                        Room::Full => return pairs,
                    }
                }
                part.keep(&mut pairs, &mut charset_name, limits);
            }
            Part::End => complete = true,
        }
    }
    if !complete {
        pairs.is_broken(BROKEN, "The body ends before its closing boundary.".to_owned());
    }
    pairs
}

/// One part behind its headers.
struct Opened<'a> {
    position: usize,
    name: String,
    /// Its name as a file, when it is one; empty when it has none.
    file: Option<String>,
    media: Option<String>,
    content: &'a [u8],
    /// Where its content begins in the body.
    start: usize,
    /// It has more header lines than are read.
    long: bool,
}

impl<'a> Opened<'a> {
    fn of(start: usize, bytes: &'a [u8], position: usize) -> Self {
        // A part that begins with a blank line has no headers: the rest is its content.
        let bare = bytes.strip_prefix(b"\r\n").or_else(|| bytes.strip_prefix(b"\n"));
        let mut fields = headers(if bare.is_some() { b"" } else { bytes });
        let (mut disposition, mut media, mut lines) = (String::new(), None, 0);
        for header in fields.by_ref() {
            lines += 1;
            if lines > PART_HEADERS {
                continue; // to the end of the headers
            }
            if header.is("content-disposition") {
                disposition = String::from_utf8_lossy(header.value).replace(['\r', '\n'], " ");
            } else if header.is("content-type") {
                media = Some(header.text());
            }
        }
        let extended = parameter(&disposition, "filename*").and_then(|v| decode_extended(&v));
        let file = extended.or_else(|| parameter(&disposition, "filename").map(|n| unescape(&n)));
        let kind = media_type(media.as_deref());
        let typed = !kind.is_empty() && !kind.starts_with("text/plain");
        let content = bare.unwrap_or_else(|| fields.body());
        Self {
            position,
            start: start + bytes.len() - content.len(),
            name: parameter(&disposition, "name").map(|n| unescape(&n)).unwrap_or_default(),
            file: file.or_else(|| typed.then(String::new)),
            media,
            content,
            long: lines > PART_HEADERS,
        }
    }

    fn keep(self, pairs: &mut FormPairs, charset_name: &mut Option<String>, limits: &ReadLimits) {
        if self.long {
            pairs.is_broken(BROKEN, format!("A part has more than {PART_HEADERS} header lines."));
            pairs.warnings.truncate(20);
        }
        let Some(file) = self.file else { return self.keep_field(pairs, charset_name) };
        // An empty file input is no file.
        if self.content.is_empty() && file.is_empty() {
            return;
        }
        if pairs.uploads.len() >= limits.attachments {
            return pairs.is_surplus(self.content, limits);
        }
        let kind = media_type(self.media.as_deref());
        pairs.files.push(Attachment {
            name: file_name(&file).unwrap_or_else(|| format!("part-{}", self.position)),
            media_type: if kind.is_empty() { "application/octet-stream".to_owned() } else { kind.clone() },
            size: self.content.len() as u64,
            part: self.position.to_string(),
            sha256: None,
            verdict: None,
            inline: false,
        });
        let place = self.start..self.start + self.content.len();
        let digest = Digest::of(self.content);
        pairs.uploads.push(Upload { field: self.name, file, digest, media_type: kind, place });
    }

    fn keep_field(self, pairs: &mut FormPairs, charset_name: &mut Option<String>) {
        let declared = self.media.as_deref().and_then(|m| parameter(m, "charset"));
        let decoded = charset::decode(self.content, declared.as_deref().or(charset_name.as_deref()));
        if self.name == "_charset_" {
            *charset_name = Some(decoded.text.trim().to_owned());
        }
        if let Some(guessed) = decoded.guessed {
            pairs.warnings.push(warning("charset_guessed", format!("A value was read as {guessed}.")));
            pairs.warnings.truncate(20);
        }
        pairs.note_foreign(&self.name, self.content);
        pairs.fields.push((self.name, decoded.text));
    }
}

/// The media type of a content type, in lower case.
fn media_type(content_type: Option<&str>) -> String {
    let kind = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.chars().filter(|c| !c.is_control()).collect()
}

/// A parameter of a structured header value: `; name="value"`, quotes honoured, RFC 2231 names as written.
pub fn parameter(value: &str, name: &str) -> Option<String> {
    let mut rest = value.split_once(';').map(|(_, rest)| rest)?;
    for _ in 0..50 {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        let stop = rest.find([';', '='])?;
        let (key, after) = (rest.get(..stop)?, rest.get(stop + 1..)?);
        if rest.get(stop..)?.starts_with(';') {
            rest = after; // a parameter without a value
            continue;
        }
        let after = after.trim_start();
        let (found, tail) = if let Some(quoted) = after.strip_prefix('"') {
            quoted_value(quoted)
        } else {
            let end = after.find(';').unwrap_or(after.len());
            (after.get(..end)?.trim().to_owned(), after.get(end..)?)
        };
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(found);
        }
        rest = tail;
    }
    None
}

/// Text up to the closing quote, and what follows. Only `\"` is an escape: browsers send paths with single backslashes.
fn quoted_value(text: &str) -> (String, &str) {
    let mut out = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (out, text.get(at + 1..).unwrap_or_default()),
            '\\' if matches!(chars.peek(), Some((_, '"'))) => {
                out.push('"');
                chars.next();
            }
            c => out.push(c),
        }
    }
    (out, "")
}

/// The three escapes of the WHATWG form encoding.
fn unescape(name: &str) -> String {
    if name.contains('%') {
        name.replace("%22", "\"").replace("%0D", "\r").replace("%0d", "\r").replace("%0A", "\n").replace("%0a", "\n")
    } else {
        name.to_owned()
    }
}

/// `UTF-8''na%C3%AFve.txt` (RFC 8187).
fn decode_extended(value: &str) -> Option<String> {
    let (label, rest) = value.split_once('\'')?;
    let (_, encoded) = rest.split_once('\'')?;
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut input = encoded.bytes();
    while let Some(byte) = input.next() {
        if byte == b'%' {
            let pair = [input.next()?, input.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    Some(charset::decode(&bytes, Some(label)).text)
}

enum Part<'a> {
    /// Where it begins in the body, and its bytes.
    Whole(usize, &'a [u8]),
    /// The closing delimiter was there.
    End,
}

/// Parts between delimiter lines.
struct Parts<'a> {
    rest: Option<&'a [u8]>,
    delimiter: Vec<u8>,
    /// Length of the body.
    length: usize,
}

impl<'a> Parts<'a> {
    fn new(raw: &'a [u8], boundary: &str) -> Self {
        let delimiter = format!("--{boundary}").into_bytes();
        // The first delimiter stands at the very start or on a line of its own.
        let rest = if is_delimiter(raw, &delimiter) {
            raw.get(delimiter.len()..)
        } else {
            find(raw, &delimiter).and_then(|at| raw.get(at.1..))
        };
        Self { rest, delimiter, length: raw.len() }
    }
}

/// Whether a delimiter line begins here: nothing but padding may follow it, or the two hyphens of the end.
fn is_delimiter(bytes: &[u8], delimiter: &[u8]) -> bool {
    let Some(after) = bytes.strip_prefix(delimiter) else { return false };
    let line = after.iter().position(|b| !matches!(b, b' ' | b'\t')).and_then(|at| after.get(at..));
    after.starts_with(b"--") || line.is_some_and(|line| line.starts_with(b"\n") || line.starts_with(b"\r\n"))
}

/// Range of the first delimiter at the start of a line, its line break included.
fn find(bytes: &[u8], delimiter: &[u8]) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let line_feed = from + bytes.get(from..)?.iter().position(|&b| b == b'\n')?;
        let start = line_feed + 1;
        if is_delimiter(bytes.get(start..)?, delimiter) {
            let before = line_feed.checked_sub(1).and_then(|i| bytes.get(i));
            let break_start = if before == Some(&b'\r') { line_feed - 1 } else { line_feed };
            return Some((break_start, start + delimiter.len()));
        }
        from = start;
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let rest = self.rest.take()?;
        if rest.starts_with(b"--") {
            return Some(Part::End);
        }
        // Padding after the boundary, then the line break.
        let line = rest.iter().position(|&b| b == b'\n')?;
        let body = rest.get(line + 1..)?;
        let start = self.length - body.len();
        // An empty part: the next delimiter follows at once.
        if is_delimiter(body, &self.delimiter) {
            self.rest = body.get(self.delimiter.len()..);
            return Some(Part::Whole(start, b""));
        }
        let (end, next) = find(body, &self.delimiter)?;
        self.rest = body.get(next..);
        Some(Part::Whole(start, body.get(..end).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=\"xx\"";

    fn body(parts: &[&str]) -> Vec<u8> {
        let mut out = String::new();
        for part in parts {
            out.push_str("--xx\r\nContent-Disposition: form-data; ");
            out.push_str(part);
            out.push_str("\r\n");
        }
        out.push_str("--xx--\r\n");
        out.into_bytes()
    }

    #[test]
    fn fields_and_files_come_apart() {
        let raw = body(&[
            "name=\"e%22x\"\r\n\r\nline\r\nline",
            "name=f; filename=\"C:\\dir\\plan \\\"a\\\".pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF",
            "name=g; filename*=UTF-8''na%C3%AFve.txt\r\n\r\nx",
            "name=none; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n",
            "name=empty\r\n\r\n",
        ]);
        let read = read(&raw, TYPE, &ReadLimits::default());
        assert_eq!(read.fields, [("e\"x".to_owned(), "line\r\nline".to_owned()), ("empty".to_owned(), String::new())]);
        let files: Vec<_> = read.files.iter().map(|f| (f.name.as_str(), f.part.as_str(), f.size)).collect();
        assert_eq!(files, [("plan \"a\".pdf", "2", 4), ("naïve.txt", "3", 1)]);
        let bytes: Vec<_> = read.uploads.iter().map(|upload| upload.bytes(&raw)).collect();
        assert_eq!(bytes, [&b"%PDF"[..], b"x"], "a file is found again inside the body");
        assert!(read.warnings.is_empty(), "{:?}", read.warnings);
    }

    #[test]
    fn a_line_that_only_begins_like_a_delimiter_is_content() {
        let read = read(&body(&["name=a\r\n\r\none\r\n--xxy\r\ntwo"]), TYPE, &ReadLimits::default());
        assert_eq!(read.fields, [("a".to_owned(), "one\r\n--xxy\r\ntwo".to_owned())]);
    }

    #[test]
    fn empty_file_parts_do_not_use_up_what_is_read() {
        let mut parts = vec!["name=f; filename=\"\"\r\n\r\n"; 9_000];
        parts.push("name=email\r\n\r\neva@web.example");
        let read = read(&body(&parts), TYPE, &ReadLimits::default());
        assert_eq!((read.fields.len(), read.cut, read.broken), (1, false, None));
    }

    #[test]
    fn a_part_without_a_usable_name_keeps_its_value() {
        let read = read(&body(&["\r\n\r\nlost?", "flag; name=a\r\n\r\n1"]), TYPE, &ReadLimits::default());
        assert_eq!(read.fields, [(String::new(), "lost?".to_owned()), ("a".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn a_truncated_body_is_a_warning() {
        let raw = body(&["name=a\r\n\r\n1", "name=b\r\n\r\n2"]);
        let cut = &raw[..raw.len() - 12];
        let read = read(cut, TYPE, &ReadLimits::default());
        assert_eq!(read.fields.len(), 1);
        assert_eq!(read.warnings[0].code, "broken_multipart");
    }
}
