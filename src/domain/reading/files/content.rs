//! What a file's bytes say.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::Refusal;
use super::kinds::Magic;

/// How programs begin: Windows, Linux, macOS, Java, WebAssembly, Android, shortcuts, disk images, packages.
const PROGRAMS: &[&[u8]] = &[
    b"MZ",
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\0asm",
    b"dex\n0",
    b"L\0\0\0\x01\x14\x02\0",
    b"!<arch>\n",
    b"\xed\xab\xee\xdb",
    b"#!",
    b"<?php",
    b"ITSF",
    b"FWS",
    b"CWS",
    b"ZWS",
];

/// How pages begin (WHATWG MIME sniffing, section 7.1), beside XML in all its forms.
const PAGES: &[&[u8]] = &[
    b"<!doctype html",
    b"<html",
    b"<head",
    b"<script",
    b"<iframe",
    b"<h1",
    b"<div",
    b"<font",
    b"<table",
    b"<a ",
    b"<a>",
    b"<style",
    b"<title",
    b"<body",
    b"<br",
    b"<p>",
    b"<p ",
    b"<b>",
    b"<!--",
    b"<?xml",
    b"<svg",
    b"<!doctype svg",
    b"<img",
    b"<meta",
    b"<link",
    b"<object",
    b"<embed",
    b"<form",
];

/// What has no business inside a picture.
static FOREIGN: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| finder(&["<script", "<?php", "<html", "<iframe", "javascript:"]));
/// Entries by which a document of an office program is told, and its macros.
static MACROS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| finder(&["vbaProject.bin", "vbaData.xml"]));

fn finder(words: &[&str]) -> Option<AhoCorasick> {
    AhoCorasick::builder().ascii_case_insensitive(true).match_kind(MatchKind::LeftmostFirst).build(words).ok()
}

fn has(finder: &LazyLock<Option<AhoCorasick>>, bytes: &[u8]) -> bool {
    finder.as_ref().is_some_and(|finder| finder.is_match(bytes))
}

/// Whether the bytes are those of something that runs.
pub(super) fn runs(bytes: &[u8]) -> bool {
    let text = without_mark(bytes);
    PROGRAMS.iter().any(|start| bytes.starts_with(start)) || text.starts_with(b"#!") || text.starts_with(b"<?php")
}

/// Whether a browser would take the bytes for a page.
pub(super) fn is_page(bytes: &[u8]) -> bool {
    // A page in UTF-16 is one too.
    let narrow: Vec<u8>;
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] | [0xfe, 0xff, rest @ ..] => {
            narrow = rest.iter().copied().filter(|byte| *byte != 0).take(256).collect();
            narrow.as_slice()
        }
        _ => without_mark(bytes),
    };
    let text = text.trim_ascii_start();
    PAGES.iter().any(|start| text.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start)))
}

fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Whether the bytes are what their name says, and nothing else beside.
pub(super) fn check(bytes: &[u8], magic: Magic) -> Result<(), Refusal> {
    if !begins(bytes, magic) {
        return Err(Refusal::Content);
    }
    let archive = matches!(magic, Magic::Ooxml(_) | Magic::OpenDocument(_)) || bytes.starts_with(b"PK");
    if archive {
        let office = !matches!(magic, Magic::Start(_));
        return if office && has(&MACROS, bytes) { Err(Refusal::Executable) } else { Ok(()) };
    }
    // An archive is read from its end: one behind a picture makes it both.
    if ends_an_archive(bytes) {
        return Err(Refusal::Polyglot);
    }
    let text = matches!(magic, Magic::Text) || begins_as_text(bytes);
    if !text && has(&FOREIGN, bytes) { Err(Refusal::Polyglot) } else { Ok(()) }
}

/// Documents in which such words may stand as text: what is not a picture, sound or film.
fn begins_as_text(bytes: &[u8]) -> bool {
    [&b"%PDF-"[..], b"{\\rtf", b"BEGIN:", b"ISO-10303", b"AC10", b"\xd0\xcf\x11\xe0"]
        .iter()
        .any(|s| bytes.starts_with(s))
}

fn begins(bytes: &[u8], magic: Magic) -> bool {
    match magic {
        Magic::Start(any) => any.iter().any(|start| without_mark(bytes).starts_with(start)),
        Magic::Both(start, offset, then) => {
            bytes.starts_with(start) && bytes.get(offset..).is_some_and(|rest| rest.starts_with(then))
        }
        Magic::Brand(brands) => {
            let brand = bytes.get(8..12).filter(|_| bytes.get(4..8) == Some(b"ftyp"));
            brand.is_some_and(|brand| brands.contains(&brand))
        }
        Magic::Ooxml(folder) => {
            bytes.starts_with(b"PK\x03\x04") && entry(bytes, b"[Content_Types].xml") && entry_under(bytes, folder)
        }
        Magic::OpenDocument(suffix) => {
            let head = bytes.get(..160).unwrap_or(bytes);
            let wanted = [&b"mimetypeapplication/vnd.oasis.opendocument."[..], suffix].concat();
            bytes.starts_with(b"PK\x03\x04") && position(head, &wanted).is_some()
        }
        Magic::Text => !bytes.contains(&0) || matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]),
    }
}

/// Whether an archive has this entry, by the names in its headers.
fn entry(bytes: &[u8], name: &[u8]) -> bool {
    position(bytes, name).is_some()
}

fn entry_under(bytes: &[u8], folder: &[u8]) -> bool {
    // The name of an entry stands 30 bytes behind the start of its header.
    let mut from = 0;
    while let Some(at) = bytes.get(from..).and_then(|rest| position(rest, b"PK\x03\x04")) {
        let name = from + at + 30;
        if bytes.get(name..).is_some_and(|rest| rest.starts_with(folder)) {
            return true;
        }
        from += at + 4;
    }
    false
}

/// Whether the bytes end as an archive does: its last record, with the comment that reaches to the very end (APPNOTE.TXT
/// section 4.3.16).
fn ends_an_archive(bytes: &[u8]) -> bool {
    const LONGEST: usize = 22 + 65_535;
    let tail = bytes.get(bytes.len().saturating_sub(LONGEST)..).unwrap_or(bytes);
    let mut from = 0;
    while let Some(at) = tail.get(from..).and_then(|rest| position(rest, b"PK\x05\x06")) {
        let record = from + at;
        let comment = match tail.get(record + 20..record + 22) {
            Some(&[low, high]) => usize::from(u16::from_le_bytes([low, high])),
            _ => return false,
        };
        if record + 22 + comment == tail.len() {
            return true;
        }
        from = record + 4;
    }
    false
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, wanted)
}
