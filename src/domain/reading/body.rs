//! Which part of a mail is its text, and what that text is.
//!
//! Order: text/plain; when that is blank, text/html; else the first part that can be read as text; else nothing, and a
//! warning. The text is bounded by the limits.

use std::ops::Range;

use mail_parser::{Message, MessagePart, MimeHeaders, PartType};

use super::{ReadLimits, charset, client_markup, html, mime, text, uuencode};
use crate::domain::submission::Warning;

/// The readable text of a mail.
#[derive(Debug, Clone, Default)]
pub struct Body {
    /// Clean text: LF line ends, no NUL.
    pub text: String,
    /// Files that stood encoded in the text.
    pub files: Vec<uuencode::Encoded>,
    /// The text stood inside a signature (`OpenPGP`, RFC 4880 section 7).
    pub signed: bool,
    /// The text was laid out from HTML.
    pub from_html: bool,
    /// The lines that the markup of the client calls quoted.
    pub quoted: Option<Range<usize>>,
    /// What was odd.
    pub warnings: Vec<Warning>,
}

/// A warning with a stable slug.
pub fn warning(code: &str, detail: impl Into<String>) -> Warning {
    Warning { code: code.to_owned(), detail: detail.into() }
}

/// Reads the text of a parsed message.
pub fn read(message: &Message<'_>, limits: &ReadLimits) -> Body {
    let mut body = collect(message, message.text_bodies(), limits);
    if body.text.trim().is_empty() {
        let html = collect(message, message.html_bodies().filter(|p| p.is_text_html()), limits);
        if !html.text.trim().is_empty() {
            body = html;
        }
    }
    if body.text.trim().is_empty() {
        let fallback = collect(message, message.attachments().filter(|p| is_stray_text(p)).take(1), limits);
        if fallback.text.trim().is_empty() {
            body.text.clear();
        } else {
            body = fallback;
            body.warnings
                .push(warning("text_from_attachment", "The text was taken from a part that is not marked as text."));
        }
    }
    body
}

/// A text part that no body list names and that is not a file someone attached.
fn is_stray_text(part: &MessagePart<'_>) -> bool {
    let attached = part.content_disposition().is_some_and(mail_parser::ContentType::is_attachment);
    part.is_text() && !attached && part.attachment_name().is_none() && !mime::media_type(part).ends_with("/calendar")
}

fn collect<'m>(message: &Message<'m>, parts: impl Iterator<Item = &'m MessagePart<'m>>, limits: &ReadLimits) -> Body {
    let mut body = Body::default();
    for part in parts.take(50) {
        let left = limits.text_bytes.saturating_sub(body.text.len());
        if left == 0 {
            break;
        }
        let decoded = mime::part_text(message, part);
        note_charset(&mut body.warnings, &decoded);
        let is_html = matches!(part.body, PartType::Html(_));
        let readable = if is_html {
            body.from_html = true;
            // Markup is longer than its text; four times the limit is more than the text can need.
            let markup = cut(&decoded.text, limits.text_bytes.saturating_mul(4));
            html::to_text(&client_markup::mark(markup))
        } else {
            let (words, files) = uuencode::cut(&unfold(part, decoded.text));
            body.files.extend(files);
            bare(words, &mut body.signed)
        };
        let (clean, was_cut) = text::clean(&readable, left);
        if was_cut {
            body.warnings.push(warning("text_cut", format!("The text was cut at {} bytes.", limits.text_bytes)));
        }
        if !body.text.is_empty() && !clean.trim().is_empty() {
            body.text.push('\n');
        }
        body.text.push_str(&clean);
    }
    (body.text, body.quoted) = client_markup::take(std::mem::take(&mut body.text));
    body
}

fn unfold(part: &MessagePart<'_>, text: String) -> String {
    let attribute = |name| part.content_type().and_then(|ct| ct.attribute(name));
    if attribute("format").is_some_and(|f| f.eq_ignore_ascii_case("flowed")) {
        text::unfold_flowed(&text, attribute("delsp").is_some_and(|d| d.eq_ignore_ascii_case("yes")))
    } else {
        text
    }
}

/// What a clear signature signs, without its marks.
fn bare(text: String, signed: &mut bool) -> String {
    const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
    const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
    const END: &str = "-----END PGP SIGNATURE-----";
    let Some((before, rest)) = text.split_once(BEGIN) else { return text };
    let Some((inside, signature)) = rest.split_once(SIGNATURE) else { return text };
    let behind = signature.split_once(END).map_or("", |(_, behind)| behind);
    *signed = true;
    let mut out = before.to_owned();
    // Its own header lines end with a blank one.
    let header = inside.trim_start_matches(['\r', '\n']).lines().take_while(|line| !line.trim().is_empty());
    let is_header = header.clone().next().is_none_or(|line| line.contains(": "));
    let skip = if is_header { header.count() } else { 0 };
    for line in inside.trim_start_matches(['\r', '\n']).lines().skip(skip) {
        out.push_str(line.strip_prefix("- ").unwrap_or(line));
        out.push('\n');
    }
    out.push_str(behind);
    out
}

fn note_charset(warnings: &mut Vec<Warning>, decoded: &charset::Decoded) {
    if let Some(name) = decoded.guessed {
        warnings.push(warning("charset_guessed", format!("The text was read as {name}.")));
    }
    if decoded.damaged {
        warnings.push(warning("charset_damaged", "Some characters of the text could not be read."));
    }
}

/// The longest start of `text` of at most `limit` bytes.
pub fn cut(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
