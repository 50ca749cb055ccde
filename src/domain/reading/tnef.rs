//! `winmail.dat`: the body and the files that Outlook wraps into one attachment (MS-OXTNEF), read from any bytes.
//!
//! A stream of attributes with a length each, the larger part of them a list of typed properties (MS-OXCDATA). Nothing is
//! followed: the reader moves forward only, every length is checked against what is left, and what is damaged ends the
//! reading with what was found before it. A message among the files (MS-OXCMSG section 2.2.2.9) is a stream in itself.

use super::budget;
use super::charset;
use super::html;
use super::rtf;
use crate::domain::submission::Mailbox;

/// How a stream begins.
const SIGNATURE: [u8; 4] = [0x78, 0x9f, 0x3e, 0x22];
/// Attributes read of one stream.
const ATTRIBUTES: usize = 5_000;
/// Properties read of one list.
const PROPERTIES: usize = 5_000;
/// Files kept.
const FILES: usize = 200;
/// Messages among the files kept of one stream, and how deep they may lie in each other.
const MESSAGES: usize = 10;
const DEPTH: usize = 4;
/// Bytes of the class id before the stream of such a message.
const CLASS_ID: usize = 16;
/// Bytes of the text kept.
const TEXT: usize = 2_000_000;

const SUBJECT: u32 = 0x0001_8004;
const BODY: u32 = 0x0002_800c;
const MESSAGE_PROPERTIES: u32 = 0x0006_9003;
const CODE_PAGE: u32 = 0x0006_9007;
const FILE_BEGINS: u32 = 0x0006_9002;
const FILE_TITLE: u32 = 0x0001_8010;
const FILE_DATA: u32 = 0x0006_800f;
const FILE_PROPERTIES: u32 = 0x0006_9005;

const P_SUBJECT: u16 = 0x0037;
const P_BODY: u16 = 0x1000;
const P_RTF: u16 = 0x1009;
const P_HTML: u16 = 0x1013;
const P_CODE_PAGE: u16 = 0x3fde;
const P_LONG_NAME: u16 = 0x3707;
const P_NAME: u16 = 0x3704;
const P_TYPE: u16 = 0x370e;
const P_DATA: u16 = 0x3701;
const P_CONTENT_ID: u16 = 0x3712;
const P_SENDER_NAME: u16 = 0x0c1a;
const P_SENDER_ADDRESS: u16 = 0x0c1f;
const P_SENDER_SMTP: u16 = 0x5d01;

/// Type of a property that holds a stream of its own.
const OBJECT: u16 = 0x0d;

/// What was wrapped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wrapped {
    /// Subject, where the message outside has none.
    pub subject: Option<String>,
    /// The text, from plain text, HTML or RTF.
    pub text: Option<String>,
    /// Who sent it.
    pub sender: Mailbox,
    /// The files, in order.
    pub files: Vec<File>,
    /// Messages among the files, each with its place there.
    pub messages: Vec<(usize, Self)>,
    /// It ended before it was whole.
    pub damaged: bool,
}

/// One wrapped file; its bytes stay where they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct File {
    /// Name as written; empty when there is none.
    pub name: String,
    /// Media type as written; empty when there is none.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// It is shown inside the text.
    pub inline: bool,
}

/// Bytes not read yet.
#[derive(Clone, Copy)]
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.u32()?).ok()
    }

    /// A value of this length and what fills it up to a multiple of four.
    fn padded(&mut self, length: usize) -> Option<&'a [u8]> {
        let value = self.take(length)?;
        // The last value of a list is often not filled up.
        let fill = length.next_multiple_of(4) - length;
        self.take(fill.min(self.0.len()))?;
        Some(value)
    }
}

/// Whether bytes begin as such a stream.
#[must_use]
pub fn is_tnef(bytes: &[u8]) -> bool {
    bytes.starts_with(&SIGNATURE)
}

/// Reads a stream. `None` when the bytes are none.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Wrapped> {
    read_at(bytes, DEPTH)
}

fn read_at(bytes: &[u8], depth: usize) -> Option<Wrapped> {
    let mut cursor = Cursor(bytes.strip_prefix(&SIGNATURE)?);
    let mut found = Found { code_page: "windows-1252".to_owned(), depth, ..Found::default() };
    found.wrapped.damaged = cursor.u16().is_none();
    budget::pay(bytes.len());
    for _ in 0..ATTRIBUTES {
        if cursor.0.is_empty() || !budget::pay(1) {
            return Some(found.finish());
        }
        let Some((id, data)) = attribute(&mut cursor) else { break };
        found.attribute(id, data);
    }
    found.wrapped.damaged = true;
    Some(found.finish())
}

/// Level, id, length, data, checksum. The sum proves nothing that the lengths do not.
fn attribute<'a>(cursor: &mut Cursor<'a>) -> Option<(u32, &'a [u8])> {
    cursor.take(1)?;
    let id = cursor.u32()?;
    let length = cursor.length()?;
    let data = cursor.take(length)?;
    cursor.take(2.min(cursor.0.len()))?;
    Some((id, data))
}

#[derive(Default)]
struct Found<'a> {
    wrapped: Wrapped,
    /// Messages inside each other that are still read.
    depth: usize,
    code_page: String,
    plain: Option<String>,
    html: Option<&'a [u8]>,
    html_page: Option<String>,
    rtf: Option<&'a [u8]>,
}

/// One property: its number, its type, its bytes.
struct Property<'a> {
    number: u16,
    kind: u16,
    value: &'a [u8],
}

impl<'a> Found<'a> {
    fn attribute(&mut self, id: u32, data: &'a [u8]) {
        match id {
            CODE_PAGE => {
                if let Some(page) = Cursor(data).u32().filter(|page| (400..66_000).contains(page)) {
                    self.code_page = label(page);
                }
            }
            SUBJECT => self.wrapped.subject = self.bytes_text(data),
            BODY => self.plain = self.bytes_text(data).or(self.plain.take()),
            MESSAGE_PROPERTIES => {
                for property in properties(data) {
                    self.of_message(&property);
                }
            }
            FILE_BEGINS if self.wrapped.files.len() < FILES => self.wrapped.files.push(File::default()),
            FILE_TITLE => {
                let title = self.bytes_text(data);
                self.file(|file| {
                    if file.name.is_empty() {
                        file.name = title.unwrap_or_default();
                    }
                });
            }
            FILE_DATA => self.file(|file| file.size = data.len() as u64),
            FILE_PROPERTIES => {
                for property in properties(data) {
                    self.of_file(&property);
                }
            }
            _ => {}
        }
    }

    fn of_message(&mut self, property: &Property<'a>) {
        match property.number {
            P_SUBJECT => self.wrapped.subject = self.text(property).or(self.wrapped.subject.take()),
            P_BODY => self.plain = self.text(property).or(self.plain.take()),
            P_RTF => self.rtf = Some(property.value),
            P_HTML => self.html = Some(property.value),
            P_SENDER_NAME => self.wrapped.sender.name = self.text(property),
            // Without an address of the internet it is one of their directory.
            P_SENDER_SMTP | P_SENDER_ADDRESS => {
                let address = self.text(property).filter(|address| address.contains('@'));
                self.wrapped.sender.address = address.or(self.wrapped.sender.address.take());
            }
            P_CODE_PAGE => self.html_page = Cursor(property.value).u32().map(label),
            _ => {}
        }
    }

    fn of_file(&mut self, property: &Property<'a>) {
        if property.number == P_DATA && property.kind == OBJECT {
            self.of_inner(property.value);
        }
        let text = self.text(property);
        self.file(|file| match (property.number, text) {
            (P_LONG_NAME, Some(name)) => file.name = name,
            (P_NAME, Some(name)) if file.name.is_empty() => file.name = name,
            (P_TYPE, Some(kind)) => file.media_type = kind.to_lowercase(),
            (P_CONTENT_ID, Some(_)) => file.inline = true,
            (P_DATA, _) if file.size == 0 => file.size = property.value.len() as u64,
            _ => {}
        });
    }

    /// A message that is the open file.
    fn of_inner(&mut self, value: &[u8]) {
        let stream = value.get(CLASS_ID..).filter(|stream| is_tnef(stream));
        let Some(place) = self.wrapped.files.len().checked_sub(1) else { return };
        if self.depth == 0 || self.wrapped.messages.len() >= MESSAGES {
            return;
        }
        let Some(inner) = stream.and_then(|stream| read_at(stream, self.depth - 1)) else { return };
        self.file(|file| {
            "application/vnd.ms-outlook".clone_into(&mut file.media_type);
            if file.name.is_empty() {
                file.name = inner.subject.clone().unwrap_or_default();
            }
        });
        self.wrapped.messages.push((place, inner));
    }

    fn file(&mut self, change: impl FnOnce(&mut File)) {
        if let Some(file) = self.wrapped.files.last_mut() {
            change(file);
        }
    }

    /// A text property: UTF-16, or bytes in the message's code page.
    fn text(&self, property: &Property<'_>) -> Option<String> {
        match property.kind {
            0x1f => {
                let (text, _) = encoding_rs::UTF_16LE.decode_without_bom_handling(bounded(property.value));
                Some(ended(&text)).filter(|text| !text.is_empty())
            }
            0x1e => self.bytes_text(property.value),
            _ => None,
        }
    }

    fn bytes_text(&self, bytes: &[u8]) -> Option<String> {
        let text = charset::decode(bounded(bytes), Some(&self.code_page)).text;
        Some(ended(&text)).filter(|text| !text.is_empty())
    }

    fn finish(mut self) -> Wrapped {
        let by_html = || {
            let page = self.html_page.as_deref().unwrap_or(&self.code_page);
            Some(html::to_text(&charset::decode(bounded(self.html?), Some(page)).text))
        };
        let by_rtf = || rtf::to_text(&rtf::decompressed(self.rtf?, TEXT)?, TEXT);
        let written = |text: &String| !text.trim().is_empty();
        self.wrapped.text = self.plain.clone().filter(written).or_else(by_html).filter(written).or_else(by_rtf);
        if self.wrapped.messages.is_empty() {
            self.wrapped.files.retain(|file| *file != File::default());
        }
        self.wrapped
    }
}

fn bounded(bytes: &[u8]) -> &[u8] {
    bytes.get(..TEXT).unwrap_or(bytes)
}

/// Up to the NUL that ends a string.
fn ended(text: &str) -> String {
    text.split('\0').next().unwrap_or_default().to_owned()
}

fn label(page: u32) -> String {
    match page {
        65_001 => "utf-8".to_owned(),
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        20_866 => "koi8-r".to_owned(),
        28_591..=28_606 => format!("iso-8859-{}", page - 28_590),
        _ => format!("windows-{page}"),
    }
}

/// The properties of a list, up to the first damage.
fn properties(data: &[u8]) -> Vec<Property<'_>> {
    let mut cursor = Cursor(data);
    let count = cursor.length().unwrap_or(0).min(PROPERTIES);
    let mut found = Vec::new();
    for _ in 0..count {
        let Some(property) = property(&mut cursor) else { break };
        found.push(property);
    }
    found
}

/// One property, its value missing where it has none; `None` where the list is damaged.
fn property<'a>(cursor: &mut Cursor<'a>) -> Option<Property<'a>> {
    let (kind, number) = (cursor.u16()?, cursor.u16()?);
    if number >= 0x8000 {
        named(cursor)?;
    }
    let base = kind & 0x0fff;
    let sized = matches!(base, 0x0d | 0x1e | 0x1f | 0x102);
    let many = kind & 0x1000 != 0;
    let values = if many || sized { cursor.length()? } else { 1 };
    let mut first = None;
    for _ in 0..values {
        // Each value takes at least four bytes, so a count that is a lie ends here.
        let length = if sized { cursor.length()? } else { fixed(base)? };
        let value = cursor.padded(length)?;
        first = first.or(Some(value));
    }
    Some(Property { number, kind: base, value: first.unwrap_or_default() })
}

/// The name of a named property, which says nothing here.
fn named(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.take(16)?;
    if cursor.u32()? == 0 {
        cursor.take(4)?;
    } else {
        let length = cursor.length()?;
        cursor.padded(length)?;
    }
    Some(())
}

/// Bytes of a value of a type without a length.
const fn fixed(kind: u16) -> Option<usize> {
    match kind {
        0x01..=0x04 | 0x0a | 0x0b => Some(4),
        0x05..=0x07 | 0x14 | 0x40 => Some(8),
        0x48 => Some(16),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
