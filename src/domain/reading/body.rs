//! Which part of a mail is its text, and what that text is.
//!
//! Order: text/plain; when that is blank or only a stub of it, text/html; else the first part that can be read as text;
//! else what stands outside of the parts; else nothing, and a warning. The text is bounded by the limits.

use std::ops::Range;

use mail_parser::{Message, MessagePart, MimeHeaders, PartType};

use super::{
    ReadLimits, charset, client_markup, html, indents, lean, markup_hidden, mime, signature_markup, stub, text,
    uuencode,
};
use crate::domain::submission::{Forwarded, Warning};
use stub::Plain;

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
    /// What the markup of the client calls the signature.
    pub signature: Option<String>,
    /// What stands above a message that is passed on in the text.
    pub above: Option<String>,
    /// A message that Outlook wrapped into a file.
    pub passed_on: Option<Forwarded>,
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
    let plain = if body.from_html { Plain::Text } else { stub::plain(message, &body.text, limits) };
    if plain != Plain::Text {
        let html = collect(message, message.html_bodies().filter(|p| p.is_text_html()), limits);
        if !html.text.trim().is_empty() {
            let of_plain = std::mem::replace(&mut body, html);
            body.files = of_plain.files;
            if plain == Plain::Other {
                body.text = format!("{}\n\n{}", body.text.trim_end(), of_plain.text.trim());
            }
        }
    }
    if !body.from_html {
        let markup = message.html_bodies().find(|part| matches!(part.body, PartType::Html(_)));
        let markup = markup.map(|part| mime::part_text(message, part).text);
        let markup = markup.as_deref().map(|markup| markup_hidden::shown(cut(markup, limits.text_bytes)));
        if let Some(text) = markup.as_deref().and_then(|markup| indents::beside(markup, &body.text)) {
            body.text = text;
        }
        body.signature = markup.as_deref().and_then(|markup| signature_markup::beside(markup, &body.text));
    }
    if body.text.trim().is_empty() {
        let fallback = collect(message, message.attachments().filter(|p| is_stray_text(p)).take(1), limits);
        if fallback.text.trim().is_empty() {
            body.text = stub::outside(message, limits).unwrap_or_default();
        } else {
            body = fallback;
        }
        if !body.text.is_empty() {
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
            let lean = lean::without_pictures(&decoded.text);
            let markup = cut(&lean, limits.text_bytes.saturating_mul(4));
            if markup.len() < lean.len() {
                body.warnings.push(warning("text_cut", "The markup was cut before the end of its text."));
            }
            html::to_text(&client_markup::mark(&markup_hidden::shown(&client_markup::unmarked(markup))))
        } else {
            let (words, files) = uuencode::cut(&client_markup::unmarked(&unfold(part, decoded.text)));
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
    let marked = client_markup::take(std::mem::take(&mut body.text));
    (body.text, body.quoted, body.signature) = (marked.text, marked.quoted, marked.signature);
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

/// What a clear signature signs, without its marks. Marks that stand in a quotation are words like others.
fn bare(text: String, signed: &mut bool) -> String {
    const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
    const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
    const END: &str = "-----END PGP SIGNATURE-----";
    if !text.contains(BEGIN) {
        return text;
    }
    let lines: Vec<&str> = text.lines().collect();
    let find = |mark: &str, from: usize| {
        lines.iter().skip(from).position(|line| line.trim_end() == mark).map(|at| at.saturating_add(from))
    };
    let marks = find(BEGIN, 0).and_then(|begin| Some((begin, find(SIGNATURE, begin)?)));
    let Some((begin, signature)) = marks else { return text };
    *signed = true;
    // Without its end the armour ends where other words begin.
    // An end below the next mark is that of another signature.
    let next = [BEGIN, SIGNATURE].into_iter().filter_map(|mark| find(mark, signature + 1)).min();
    let end = find(END, signature).filter(|end| next.is_none_or(|next| *end < next));
    let behind = end.map_or_else(|| signature + armour(&lines, signature), |end| end + 1);
    let slice = |from: usize, to: usize| lines.get(from..to).unwrap_or_default().iter();
    let inside = (begin + 1 + armour_header(&lines, begin + 1)).min(signature);
    let mut out = String::with_capacity(text.len());
    let words = slice(inside, signature).map(|line| line.strip_prefix("- ").unwrap_or(line));
    for line in slice(0, begin).copied().chain(words).chain(slice(behind, lines.len()).copied()) {
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// Lines of the header of an armour (RFC 9580 section 6.2.2) that begins at `from`, with the blank one that ends it.
fn armour_header(lines: &[&str], from: usize) -> usize {
    const NAMES: [&str; 7] = ["hash", "charset", "comment", "version", "messageid", "notdashescaped", "saltedhash"];
    let is_named = |line: &&&str| {
        let name = line.split_once(':').map(|(name, _)| name.trim().to_lowercase());
        name.is_some_and(|name| NAMES.contains(&name.as_str()))
    };
    let named = lines.iter().skip(from).take_while(is_named).count();
    let blank = lines.get(from.saturating_add(named)).is_some_and(|line| line.trim().is_empty());
    if blank { named + 1 } else { named }
}

/// Lines of a signature without an end: its mark, its header, its long lines, a shorter one, a checksum.
fn armour(lines: &[&str], from: usize) -> usize {
    let line = |at: usize| lines.get(from.saturating_add(at)).map_or("", |line| line.trim_end());
    let coded = |line: &str| !line.is_empty() && line.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b));
    let mut at = 1;
    at += armour_header(lines, from + at);
    let first = at;
    while coded(line(at)) && line(at).len() >= 60 {
        at += 1;
    }
    if at > first && coded(line(at)) && line(at).len().is_multiple_of(4) {
        at += 1;
    }
    if coded(line(at)) && line(at).len() == 5 && line(at).starts_with('=') {
        at += 1;
    }
    at
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

#[cfg(test)]
mod tests {
    use super::*;

    fn without_marks(text: &str) -> (String, bool) {
        let mut signed = false;
        let text = bare(text.to_owned(), &mut signed);
        (text.trim().to_owned(), signed)
    }

    #[test]
    fn a_clear_signature_takes_no_words_with_it() {
        let code = "iQEzBAEBCgAdFiEEexampleexampleexampleexampleexampleexampleexample";
        let begin = "-----BEGIN PGP SIGNED MESSAGE-----";
        let signature = "-----BEGIN PGP SIGNATURE-----";
        let end = "-----END PGP SIGNATURE-----";
        for (text, wanted) in [
            (
                format!("{begin}\nHash: SHA512\n\nPumps.\n- -- \nEva\n{signature}\n\n{code}\n=abcd\n{end}\nP.S."),
                "Pumps.\n-- \nEva\nP.S.",
            ),
            (
                format!("{begin}\n\nOrder: 5 chairs\nand a lamp\n{signature}\n{code}\n{end}"),
                "Order: 5 chairs\nand a lamp",
            ),
            (
                format!(
                    "{begin}\nHash: SHA1\n\nPumps.\n{signature}\nVersion: GnuPG v2\n\n{code}\nabcdefg=\n=abcd\nCall me"
                ),
                "Pumps.\nCall me",
            ),
            (
                format!("{begin}\nHash: SHA1\n\nPumps.\n{signature}\nThank you, and call me"),
                "Pumps.\nThank you, and call me",
            ),
        ] {
            assert_eq!(without_marks(&text), (wanted.to_owned(), true), "{text}");
        }
    }

    #[test]
    fn a_quoted_signature_and_one_that_is_only_talked_of_stay_words() {
        for text in [
            "> -----BEGIN PGP SIGNED MESSAGE-----\n> Hash: SHA1\n> Pumps?\nYes, five.\n> -----BEGIN PGP SIGNATURE-----\nBye",
            "What is -----BEGIN PGP SIGNED MESSAGE----- and -----BEGIN PGP SIGNATURE----- for?\n\nEva",
        ] {
            assert_eq!(without_marks(text), (text.to_owned(), false));
        }
    }
}
