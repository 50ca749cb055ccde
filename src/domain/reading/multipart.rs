//! `multipart/form-data` (RFC 7578) over bytes that are already here: small, bounded, no stream.
//!
//! A part with a file name, `filename*` or a content type of its own that is not text is a file: listed by its
//! position, never copied. A truncated body gives what was whole and a warning.

use super::ReadLimits;
use super::body::warning;
use super::charset;
use super::form::{FormPairs, fields_cut};
use super::header_lines::headers;
use super::mime::file_name;
use crate::domain::submission::Attachment;

/// Longest boundary (RFC 2046), in bytes.
const BOUNDARY_BYTES: usize = 70;
/// Header lines read of one part.
const PART_HEADERS: usize = 32;

/// Reads a multipart body whose `Content-Type` value is given.
pub fn read(raw: &[u8], content_type: &str, limits: &ReadLimits) -> FormPairs {
    let mut pairs = FormPairs::default();
    let Some(boundary) = parameter(content_type, "boundary").filter(|b| !b.is_empty() && b.len() <= BOUNDARY_BYTES)
    else {
        pairs.warnings.push(warning("broken_multipart", "The content type names no usable boundary."));
        return pairs;
    };
    let parts = Parts::new(raw, &boundary);
    let mut complete = false;
    let mut charset_name = None;
    for (position, part) in parts.enumerate() {
        if position >= limits.fields {
            pairs.warnings.push(fields_cut(limits));
            return pairs;
        }
        match part {
            Part::Whole(bytes) => read_part(bytes, position + 1, &mut pairs, &mut charset_name),
            Part::End => complete = true,
        }
    }
    if !complete {
        pairs.warnings.push(warning("broken_multipart", "The body ends before its closing boundary."));
    }
    pairs
}

fn read_part(bytes: &[u8], position: usize, pairs: &mut FormPairs, charset_name: &mut Option<String>) {
    let mut fields = headers(bytes);
    let (mut disposition, mut media) = (None, None);
    for header in fields.by_ref().take(PART_HEADERS) {
        if header.is("content-disposition") {
            disposition = Some(String::from_utf8_lossy(header.value).replace(['\r', '\n'], " "));
        } else if header.is("content-type") {
            media = Some(header.text());
        }
    }
    let content = fields.body();
    let Some(name) = disposition.as_deref().and_then(|d| parameter(d, "name")).map(|n| unescape(&n)) else { return };
    let disposition = disposition.unwrap_or_default();
    let extended = parameter(&disposition, "filename*").and_then(|v| decode_extended(&v));
    let file = extended.or_else(|| parameter(&disposition, "filename").map(|n| unescape(&n)));
    let media_type =
        media.as_deref().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let typed = !media_type.is_empty() && !media_type.starts_with("text/plain");
    if file.is_some() || typed {
        // An empty file input is no file.
        if content.is_empty() && file.as_deref().is_none_or(str::is_empty) {
            return;
        }
        pairs.files.push(Attachment {
            name: file.as_deref().and_then(file_name).unwrap_or_else(|| format!("part-{position}")),
            media_type: if media_type.is_empty() { "application/octet-stream".to_owned() } else { media_type },
            size: content.len() as u64,
            part: position.to_string(),
        });
        return;
    }
    let declared = media.as_deref().and_then(|m| parameter(m, "charset"));
    let decoded = charset::decode(content, declared.as_deref().or(charset_name.as_deref()));
    if name == "_charset_" {
        *charset_name = Some(decoded.text.trim().to_owned());
    }
    if let Some(guessed) = decoded.guessed {
        pairs.warnings.push(warning("charset_guessed", format!("A value was read as {guessed}.")));
        pairs.warnings.truncate(20);
    }
    pairs.fields.push((name, decoded.text));
}

/// A parameter of a structured header value: `; name="value"`, quotes honoured, RFC 2231 names as written.
pub fn parameter(value: &str, name: &str) -> Option<String> {
    let mut rest = value.split_once(';').map(|(_, rest)| rest)?;
    for _ in 0..50 {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        let (key, after) = rest.split_once('=')?;
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
    Whole(&'a [u8]),
    /// The closing delimiter was there.
    End,
}

/// Parts between delimiter lines.
struct Parts<'a> {
    rest: Option<&'a [u8]>,
    delimiter: Vec<u8>,
}

impl<'a> Parts<'a> {
    fn new(raw: &'a [u8], boundary: &str) -> Self {
        let delimiter = format!("--{boundary}").into_bytes();
        // The first delimiter stands at the very start or on a line of its own.
        let rest = if raw.starts_with(&delimiter) {
            raw.get(delimiter.len()..)
        } else {
            find(raw, &delimiter).and_then(|at| raw.get(at.1..))
        };
        Self { rest, delimiter }
    }
}

/// Range of the first delimiter at the start of a line, its line break included.
fn find(bytes: &[u8], delimiter: &[u8]) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let line_feed = from + bytes.get(from..)?.iter().position(|&b| b == b'\n')?;
        let start = line_feed + 1;
        if bytes.get(start..)?.starts_with(delimiter) {
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
        // An empty part: the next delimiter follows at once.
        if body.starts_with(&self.delimiter) {
            self.rest = body.get(self.delimiter.len()..);
            return Some(Part::Whole(b""));
        }
        let (end, next) = find(body, &self.delimiter)?;
        self.rest = body.get(next..);
        Some(Part::Whole(body.get(..end).unwrap_or_default()))
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
        assert!(read.warnings.is_empty(), "{:?}", read.warnings);
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
