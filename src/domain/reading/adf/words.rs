//! The text of an element: what a visitor typed, as they typed it.
//!
//! Tags are dropped, but only tags: `< 5000` and `<eva@mala.cz>` are words. References are read once, so that what a
//! visitor typed as one stays what it is.

use encoding_rs::WINDOWS_1252;
use mail_parser::decoders::html::add_html_token;

use super::super::text::{self, one_line};

/// Longest reference (HTML names some of more than thirty letters), in bytes.
const REFERENCE: usize = 36;
/// Characters of a value on one line.
const LINE: usize = 10_000;
/// Tags inside of a line.
const INLINE: [&str; 14] =
    ["a", "abbr", "b", "big", "em", "font", "i", "mark", "s", "small", "span", "strong", "sub", "u"];

/// The text of an element on one line.
pub(super) fn line(raw: &str) -> String {
    one_line(&bare(raw), LINE)
}

/// The text of an element with its lines.
pub(super) fn lines(raw: &str) -> String {
    let bare = bare(raw);
    let (clean, _) = text::clean(&bare, bare.len());
    let mut out = String::with_capacity(clean.len());
    for line in clean.lines().map(str::trim) {
        // One blank line parts paragraphs as well as several.
        if !(line.is_empty() && (out.is_empty() || out.ends_with("\n\n"))) {
            out.push_str(line);
            out.push('\n');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

fn bare(raw: &str) -> String {
    let raw = raw.replace("<![CDATA[", "").replace("]]>", "");
    let last_comment = raw.rfind("-->").unwrap_or_default();
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw.as_str();
    while let Some(at) = memchr::memchr2(b'<', b'&', rest.as_bytes()) {
        out.push_str(rest.get(..at).unwrap_or_default());
        let from = rest.get(at..).unwrap_or_default();
        let taken = if from.starts_with('&') {
            reference(from, &mut out)
        } else {
            markup(from, raw.len() - from.len() < last_comment, &mut out)
        };
        rest = from.get(taken..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Bytes of the tag or the comment at the start, or of the sign alone when it is neither.
fn markup(from: &str, may_be_comment: bool, out: &mut String) -> usize {
    let inside = from.get(1..).unwrap_or_default();
    if may_be_comment
        && inside.starts_with("!--")
        && let Some(end) = inside.find("-->")
    {
        return 1 + end + 3;
    }
    let end = inside.find(['<', '>']).filter(|&end| inside.as_bytes().get(end) == Some(&b'>'));
    let Some((end, name)) = end.and_then(|end| Some((end, tag_name(inside.get(..end)?)?))) else {
        out.push('<');
        return 1;
    };
    if !INLINE.iter().any(|inline| name.eq_ignore_ascii_case(inline)) {
        out.push('\n');
    }
    end + 2
}

/// The name of what stands between two signs, when that is a tag: nothing but its attributes stands behind.
fn tag_name(inside: &str) -> Option<&str> {
    let inside = inside.trim_end_matches('/').trim_end();
    if inside.starts_with(['!', '?']) {
        return Some("");
    }
    let inside = inside.strip_prefix('/').unwrap_or(inside);
    let (name, behind) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(fits);
    (is_name && (behind.trim().is_empty() || behind.contains('='))).then_some(name)
}

/// Bytes of the character reference at the start (XML 1.0 section 4.1, and the names of HTML).
fn reference(from: &str, out: &mut String) -> usize {
    let end = from.bytes().take(REFERENCE).position(|byte| byte == b';');
    let Some(token) = end.and_then(|end| from.get(..=end)) else {
        out.push('&');
        return 1;
    };
    let mut read = String::new();
    add_html_token(&mut read, token.as_bytes(), false);
    let mut chars = read.chars();
    match (chars.next(), chars.next()) {
        // What programs of Windows write there means its own characters, as browsers read it.
        (Some(c @ '\u{80}'..='\u{9f}'), None) => {
            let byte = u8::try_from(u32::from(c)).unwrap_or(b' ');
            out.push_str(&WINDOWS_1252.decode_without_bom_handling(&[byte]).0);
        }
        (Some('\u{a0}'), None) => out.push(' '),
        _ => out.push_str(&read),
    }
    token.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_of_xml_and_html_are_characters() {
        for (raw, wanted) in [
            ("Ren&#233;e O&#39;Brien", "Renée O'Brien"),
            ("caf&eacute; &#x27;x&#x27; &nbsp;2", "café 'x' 2"),
            ("it&#146;s &lt;b&gt; &apos;&quot;", "it’s <b> '\""),
            ("A&amp;B &amp;lt; AT&T R&D; &; &#; &#9999999999;", "A&B &lt; AT&T R&D; &; &#; &#9999999999;"),
        ] {
            assert_eq!(line(raw), wanted, "{raw}");
        }
    }

    #[test]
    fn a_sign_that_opens_no_tag_is_a_word() {
        for (raw, wanted) in [
            (
                "My budget is < 5000 EUR, please call me on Friday. Eva",
                "My budget is < 5000 EUR, please call me on Friday. Eva",
            ),
            ("a <b>bold</b> <i class=\"x\">one</i>", "a bold one"),
            ("I am Eva <eva@mala.cz>, a<b and c>d", "I am Eva <eva@mala.cz>, a<b and c>d"),
            ("x <!-- not > this --> y <!-- open", "x y <!-- open"),
            ("one<br/>two<p>three</p>", "one two three"),
            ("the end <", "the end <"),
        ] {
            assert_eq!(line(raw), wanted, "{raw}");
        }
    }

    #[test]
    fn a_message_keeps_its_lines() {
        assert_eq!(lines("\n  line one\r\n  line two\n\n\n\n- a<br>- b\n"), "line one\nline two\n\n- a\n- b");
        assert_eq!(lines(&"many words ".repeat(5_000)).len(), 54_999);
    }
}
