//! The names under which a repeat is known, made before anything is parsed.
//!
//! Invariants:
//! - total and linear on hostile bytes: neither the mail parser nor the form reader runs here;
//! - what changes on the way (trace headers, line ends) does not change a mail's key; anything else does;
//! - a value that the sender chose is never in the key as written, only hashed.

use std::time::Duration;

use unicode_normalization::UnicodeNormalization;

use super::header_lines::{RawHeader, headers};
use crate::clock::Timestamp;
use crate::domain::envelope::ArrivalKey;

/// Longest form id that stands in a key as written, in bytes; a longer one is hashed.
const FORM_ID_BYTES: usize = 80;

/// Header fields added or changed on the way: they differ between two deliveries of one message.
const TRACE: [&str; 16] = [
    "received",
    "received-spf",
    "return-path",
    "delivered-to",
    "envelope-to",
    "original-recipient",
    "authentication-results",
    "arc-seal",
    "arc-message-signature",
    "arc-authentication-results",
    "dkim-signature",
    "domainkey-signature",
    "status",
    "content-length",
    "lines",
    "delivery-date",
];

fn is_trace(header: &RawHeader<'_>) -> bool {
    header.starts_with("x-") || TRACE.iter().any(|name| header.is(name))
}

/// Feeds `bytes` with every CRLF as LF, without the line breaks at the very end.
fn feed_lines(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    let mut rest = bytes.trim_ascii_end();
    while let Some(at) = find_crlf(rest) {
        let (line, tail) = rest.split_at_checked(at).unwrap_or((rest, b""));
        hasher.update(line);
        rest = tail.get(1..).unwrap_or_default();
    }
    hasher.update(rest);
}

fn find_crlf(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = bytes.get(from..)?.iter().position(|&b| b == b'\r') {
        if bytes.get(from + at + 1) == Some(&b'\n') {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

/// A length before each piece, so that two pieces never read as one.
fn feed_piece(hasher: &mut blake3::Hasher, piece: &[u8]) {
    hasher.update(&(piece.len() as u64).to_le_bytes());
    hasher.update(piece);
}

/// Keys of a mail: one content key over Message-ID, From and everything that is not a trace header.
///
/// The same message through two mailboxes, or again after a UIDVALIDITY reset, has the same key; the same Message-ID
/// with other content has another. The key never expires. Never empty; safe on any bytes.
pub fn mail_keys(raw: &[u8]) -> Vec<ArrivalKey> {
    let mut hasher = blake3::Hasher::new();
    let mut fields = headers(raw);
    for header in fields.by_ref().filter(|header| !is_trace(header)) {
        feed_piece(&mut hasher, &header.name.to_ascii_lowercase());
        let text = header.text();
        let value = if header.is("message-id") { text.trim_matches(['<', '>', ' ']) } else { text.as_str() };
        feed_piece(&mut hasher, value.as_bytes());
    }
    hasher.update(b"\n\n");
    feed_lines(&mut hasher, fields.body());
    vec![ArrivalKey { value: format!("mail:{}", hasher.finalize().to_hex()), expires_at: None }]
}

/// The Message-ID of raw mail bytes without brackets, if there is one; read without the mail parser.
pub fn message_id(raw: &[u8]) -> Option<String> {
    let text = headers(raw).find(|header| header.is("message-id"))?.text();
    let id = text.trim_matches(['<', '>', ' ']);
    (!id.is_empty()).then(|| id.chars().take(998).collect())
}

/// Keys of a form submission.
///
/// `explicit` is an `Idempotency-Key` header or `_submission_id` field: then it alone names the arrival and never
/// expires. Otherwise the content does, for `window` (zero: no key, repeats are not recognised): form, and those `fields`
/// by name and value that `is_data`, without control fields, tokens and attribution; email addresses in any case are the
/// same.
pub fn form_keys(
    form: &str,
    fields: &[(String, String)],
    is_data: impl Fn(&str) -> bool,
    explicit: Option<&str>,
    window: Duration,
    now: Timestamp,
) -> Vec<ArrivalKey> {
    let form_name =
        if form.len() <= FORM_ID_BYTES { form.to_owned() } else { blake3::hash(form.as_bytes()).to_hex().to_string() };
    if let Some(id) = explicit.map(str::trim).filter(|id| !id.is_empty()) {
        let value = format!("form:{form_name}:idem:{}", blake3::hash(id.as_bytes()).to_hex());
        return vec![ArrivalKey { value, expires_at: None }];
    }
    if window.is_zero() {
        return Vec::new();
    }
    let mut pairs: Vec<(String, String)> = fields
        .iter()
        .filter(|(name, _)| is_data(name))
        .map(|(name, value)| (name.trim().to_lowercase(), normal_value(value)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    // A stable sort: several values of one name keep the order in which they were sent.
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    let mut hasher = blake3::Hasher::new();
    feed_piece(&mut hasher, form.as_bytes());
    for (name, value) in &pairs {
        feed_piece(&mut hasher, name.as_bytes());
        feed_piece(&mut hasher, value.as_bytes());
    }
    let value = format!("form:{form_name}:hash:{}", hasher.finalize().to_hex());
    vec![ArrivalKey { value, expires_at: Some(now.after(window)) }]
}

/// NFC, white space runs as one space; what looks like an email address in lower case.
fn normal_value(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for word in value.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.extend(word.nfc().filter(|c| *c != '\0'));
    }
    if out.contains('@') && !out.contains(' ') { out.to_lowercase() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reading::field_names::is_data;

    const MAIL: &[u8] = b"Received: from x\r\nDelivered-To: a@ours\r\nX-Spam: 1\r\nFrom: Eva <eva@web.example>\r\n\
        Message-ID: <1@web.example>\r\nSubject: Hello\r\n world\r\n\r\nLine one\r\nLine two\r\n";

    fn key(raw: &[u8]) -> String {
        mail_keys(raw).remove(0).value
    }

    fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn one_message_through_two_mailboxes_has_one_key() {
        let other = b"Return-Path: <eva@web.example>\nReceived: by y\n\tat noon\nFrom: Eva <eva@web.example>\n\
            Message-ID:  <1@web.example>\nSubject: Hello world\n\nLine one\nLine two\n\n";
        assert_eq!(key(MAIL), key(other));
    }

    #[test]
    fn another_body_sender_or_id_is_another_key() {
        let text = String::from_utf8(MAIL.to_vec()).unwrap();
        for (from, to) in [("Line two", "Line 2"), ("eva@web", "ava@web"), ("<1@", "<2@"), ("Hello", "Hallo")] {
            assert_ne!(key(MAIL), key(text.replace(from, to).as_bytes()), "{from}");
        }
    }

    #[test]
    fn hostile_bytes_have_a_key_of_bounded_length() {
        for raw in [&b""[..], b"\0\0\0", b"\r\r\r\n", &[0xff; 300], b"no header at all"] {
            assert_eq!(key(raw).len(), 69);
        }
    }

    #[test]
    fn a_double_click_has_one_key_and_another_message_another() {
        let now = Timestamp::from_seconds(100);
        let window = Duration::from_mins(5);
        let one = form_keys(
            "contact",
            &fields(&[("Email", "Eva@Web.example"), ("m", "hi  there"), ("_t", "1")]),
            is_data,
            None,
            window,
            now,
        );
        let two = form_keys(
            "contact",
            &fields(&[("m", "hi there"), ("email", "eva@web.example "), ("_t", "2"), ("utm_source", "x")]),
            is_data,
            None,
            window,
            now,
        );
        let three =
            form_keys("contact", &fields(&[("m", "hi you"), ("email", "eva@web.example")]), is_data, None, window, now);
        assert_eq!(one, two);
        assert_ne!(one, three);
        assert_eq!(one.first().unwrap().expires_at, Some(Timestamp::from_seconds(400)));
        assert!(form_keys("contact", &[], is_data, None, Duration::ZERO, now).is_empty());
    }

    #[test]
    fn two_people_with_the_same_words_have_two_keys() {
        let now = Timestamp::from_seconds(100);
        let key = |name: &str, email: &str| {
            let said = fields(&[(name, email), ("message", "Please send the brochure")]);
            form_keys("contact", &said, is_data, None, Duration::from_mins(5), now)
        };
        for name in ["email", "_replyto", "replyto", "_ReplyTo"] {
            assert_ne!(key(name, "a@web.example"), key(name, "b@web.example"), "{name}");
            assert_eq!(key(name, "a@web.example"), key(name, "A@Web.example"), "{name}");
        }
    }

    #[test]
    fn an_explicit_key_wins_and_never_expires() {
        let now = Timestamp::from_seconds(100);
        let keys = form_keys(&"f".repeat(500), &[], is_data, Some("abc"), Duration::from_secs(1), now);
        assert_eq!(keys.len(), 1);
        assert_eq!(keys.first().unwrap().expires_at, None);
        assert!(keys.first().unwrap().value.len() <= 200);
    }
}
