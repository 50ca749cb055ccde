//! Messages inside of an opaque signature (S/MIME, RFC 8551 section 3.5.2): the mail in `application/pkcs7-mime` is opened
//! and read, wherever it stands and also when it is signed twice; nobody's signature is verified.
//!
//! The content of a `SignedData` (RFC 5652 section 5.1) is found in BER (ITU-T X.690): definite and indefinite lengths, and
//! octet strings in pieces. What is encrypted stays closed.
//!
//! Invariants: total on any bytes; no deeper than [`DEPTH`]; what comes out is no longer than what came in but for a line.

use mail_parser::{MessagePart, MimeHeaders as _, PartType};

use super::{ReadLimits, budget, header_lines, mime};

/// Signatures opened in one mail: a triple wrap (RFC 8551 section 3.7) has two, and one encrypted between them.
const SIGNATURES: usize = 3;
/// Parts looked at.
const PARTS: usize = 200;
/// Elements inside each other.
const DEPTH: usize = 16;
/// Object identifier of signed data, 1.2.840.113549.1.7.2.
const SIGNED_DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;
const OCTETS: u8 = 0x04;
const OCTETS_IN_PIECES: u8 = 0x24;
const EXPLICIT: u8 = 0xa0;

/// A mail with what was signed in place of its signatures.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) raw: Vec<u8>,
    /// Paths of the signatures, the outermost first; empty for one that is the whole mail.
    places: Vec<String>,
}

impl Opened {
    /// Where a part of the opened mail lies in the one that came: in the file of its signature.
    pub(super) fn path(&self, part: &str) -> String {
        self.places.iter().rev().fold(part.to_owned(), |path, place| match path.strip_prefix(place.as_str()) {
            _ if place.is_empty() => format!("1/{path}"),
            Some(rest) if rest.starts_with('.') => format!("{place}/{}", rest.trim_start_matches('.')),
            Some(rest) if rest.starts_with('/') => format!("{place}/1{rest}"),
            _ => path,
        })
    }
}

/// The mail with what was signed in place of the signature, also of one inside of another or beside other parts (a gateway
/// adds its footer); `None` when there is none.
pub(super) fn opened(raw: &[u8], limits: &ReadLimits) -> Option<Opened> {
    let mut opened: Option<Opened> = None;
    for _ in 0..SIGNATURES {
        let last = opened.as_ref().map_or(raw, |opened| &opened.raw);
        let Some((next, place)) = once(last, limits) else { break };
        let mut places = opened.map(|opened| opened.places).unwrap_or_default();
        places.push(place);
        opened = Some(Opened { raw: next, places });
    }
    opened
}

fn once(raw: &[u8], limits: &ReadLimits) -> Option<(Vec<u8>, String)> {
    let section = mime::header_section(raw);
    if !may_hold_one(raw, section) {
        return None;
    }
    let message = if mime::safety(raw, limits) { mime::parse(raw) } else { None }?;
    let at = message.parts.iter().take(PARTS).enumerate().position(|(at, part)| is_opaque(part, at > 0))?;
    let part = message.parts.get(at)?;
    let (PartType::Binary(bytes) | PartType::InlineBinary(bytes)) = &part.body else { return None };
    if !budget::pay(DEPTH.saturating_mul(bytes.len())) {
        return None;
    }
    let inner = signed_content(bytes)?;
    if at == 0 {
        // Of the inner header only what says how the content is to be read: who wrote is what the mail says.
        let mut out = header_lines::without_content(section);
        out.extend_from_slice(b"MIME-Version: 1.0\r\n");
        write_content(&inner, &mut out)?;
        return Some((out, String::new()));
    }
    let (start, end) = (usize::try_from(part.offset_header).ok()?, usize::try_from(part.offset_end).ok()?);
    let mut out = raw.get(..start)?.to_vec();
    write_content(&inner, &mut out).filter(|described| *described)?;
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(raw.get(end..)?);
    Some((out, mime::part_paths(&message).get(at)?.clone()))
}

/// A look at the bytes: most mails are not signed like this.
fn may_hold_one(raw: &[u8], section: &[u8]) -> bool {
    let lower = section.to_ascii_lowercase();
    let has = |bytes: &[u8], name: &[u8]| memchr::memmem::find(bytes, name).is_some();
    has(&lower, b"pkcs7-mime") || has(&lower, b".p7m") || has(&lower, b"multipart/") && has(raw, b"pkcs7-mime")
}

/// Content and the header fields that describe it; whether there are any.
fn write_content(inner: &[u8], out: &mut Vec<u8>) -> Option<bool> {
    let own = mime::header_section(inner);
    let mut described = false;
    for field in header_lines::headers(own).filter(|field| field.starts_with("content-")) {
        described = true;
        header_lines::write_field(&field, out);
    }
    out.extend_from_slice(b"\r\n");
    let body = inner.get(own.len()..)?;
    out.extend_from_slice(body.strip_prefix(b"\r\n").or_else(|| body.strip_prefix(b"\n")).unwrap_or(body));
    Some(described)
}

/// By its type, or by its name where a gateway lost the type. `beside` other parts it must have the name of a signed mail:
/// a signed file (`invoice.pdf.p7m`) is one.
fn is_opaque(part: &MessagePart<'_>, beside: bool) -> bool {
    let kind = mime::media_type(part);
    let named = || part.attachment_name().is_some_and(|name| name.to_ascii_lowercase().ends_with(".p7m"));
    if beside && part.attachment_name().is_some_and(|name| !name.eq_ignore_ascii_case("smime.p7m")) {
        return false;
    }
    matches!(kind.as_str(), "application/pkcs7-mime" | "application/x-pkcs7-mime")
        || kind == "application/octet-stream" && named()
}

/// The content that a `ContentInfo` with signed data carries.
fn signed_content(bytes: &[u8]) -> Option<Vec<u8>> {
    let (info, _) = expect(bytes, SEQUENCE)?;
    let (kind, rest) = expect(info, OBJECT_IDENTIFIER)?;
    if kind != SIGNED_DATA {
        return None;
    }
    let (wrapped, _) = expect(rest, EXPLICIT)?;
    let (signed, _) = expect(wrapped, SEQUENCE)?;
    // Its version and the digests, then the content.
    let version = element(signed, DEPTH)?;
    let digests = element(version.rest, DEPTH)?;
    let (content, _) = expect(digests.rest, SEQUENCE)?;
    let (_, rest) = expect(content, OBJECT_IDENTIFIER)?;
    let (explicit, _) = expect(rest, EXPLICIT)?;
    let mut out = Vec::new();
    octets(&element(explicit, DEPTH)?, DEPTH, &mut out)?;
    Some(out)
}

/// One element.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    rest: &'a [u8],
}

/// Content and rest of an element with this tag.
fn expect(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let found = element(bytes, DEPTH).filter(|found| found.tag == tag)?;
    Some((found.content, found.rest))
}

/// The first element of `bytes`; `None` when it is cut off or too deep.
fn element(bytes: &[u8], depth: usize) -> Option<Element<'_>> {
    let depth = depth.checked_sub(1)?;
    let (&tag, behind) = bytes.split_first().filter(|(tag, _)| **tag & 0x1f != 0x1f)?;
    let (&first, behind) = behind.split_first()?;
    if first == 0x80 {
        let mut rest = behind;
        loop {
            if let Some(after) = rest.strip_prefix(&[0, 0]) {
                let content = behind.get(..behind.len() - rest.len())?;
                return Some(Element { tag, content, rest: after });
            }
            rest = element(rest, depth)?.rest;
        }
    }
    let (length, behind) = if first < 0x80 {
        (usize::from(first), behind)
    } else {
        let (digits, behind) = behind.split_at_checked(usize::from(first & 0x7f))?;
        if digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte)), behind)
    };
    let (content, rest) = behind.split_at_checked(length)?;
    Some(Element { tag, content, rest })
}

/// The bytes of an octet string, whole or in pieces.
fn octets(string: &Element<'_>, depth: usize, out: &mut Vec<u8>) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    match string.tag {
        OCTETS => out.extend_from_slice(string.content),
        OCTETS_IN_PIECES => {
            let mut rest = string.content;
            while !rest.is_empty() {
                let piece = element(rest, depth)?;
                octets(&piece, depth, out)?;
                rest = piece.rest;
            }
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &[u8] = b"Content-Type: text/plain\r\n\r\nTwelve chairs, please.\r\n";
    const DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];

    fn definite(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap();
        [&[tag, 0x82], &length.to_be_bytes()[..], content].concat()
    }

    fn indefinite(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, 0x80], content, &[0, 0]].concat()
    }

    fn signed(kind: &[u8], string: &[u8], wrap: fn(u8, &[u8]) -> Vec<u8>) -> Vec<u8> {
        let content = wrap(SEQUENCE, &[definite(OBJECT_IDENTIFIER, &DATA), wrap(EXPLICIT, string)].concat());
        let inner = [definite(0x02, &[1]), definite(0x31, b""), content, definite(0x31, b"")].concat();
        let inner = wrap(EXPLICIT, &wrap(SEQUENCE, &inner));
        wrap(SEQUENCE, &[definite(OBJECT_IDENTIFIER, kind), inner].concat())
    }

    #[test]
    fn what_was_signed_is_found_however_its_lengths_are_written() {
        let pieces: Vec<u8> = MAIL.chunks(7).flat_map(|piece| definite(OCTETS, piece)).collect();
        for (string, wrap) in [
            (definite(OCTETS, MAIL), definite as fn(u8, &[u8]) -> Vec<u8>),
            (definite(OCTETS, MAIL), indefinite),
            (definite(OCTETS_IN_PIECES, &pieces), definite),
            (indefinite(OCTETS_IN_PIECES, &pieces), indefinite),
        ] {
            assert_eq!(signed_content(&signed(&SIGNED_DATA, &string, wrap)).as_deref(), Some(MAIL));
        }
    }

    #[test]
    fn anything_else_stays_closed() {
        let enveloped = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03];
        assert_eq!(signed_content(&signed(&enveloped, &definite(OCTETS, MAIL), definite)), None);
        let whole = signed(&SIGNED_DATA, &definite(OCTETS, MAIL), definite);
        for cut in 0..whole.len() - 4 {
            signed_content(&whole[..cut]);
        }
        assert_eq!(signed_content(&[0x30, 0x80].repeat(100_000)), None);
        assert_eq!(signed_content(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0]), None);
    }
}
