//! What the markup of mail programs says: where the old message and the signature begin and end in an HTML text.
//!
//! Classes and ids are exact where they are known, but what reads a text works on lines. So the place is marked in the
//! markup by characters that no text holds, the markup is laid out, and the marks are taken out again as lines.
//!
//! Linear: one pass over the tags. Only the first place counts, since what quotes contain quotations themselves.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::Regex;

use super::budget;
use super::indents;
use super::signature_markup;

/// Begin and end of the old message; noncharacters of Unicode, never part of a text.
const OPEN: char = '\u{fdd0}';
const CLOSE: char = '\u{fdd1}';
/// The same of the signature.
const SIGNED: char = '\u{fdd2}';
const SIGNED_END: char = '\u{fdd3}';
const MARKS: [char; 4] = [OPEN, CLOSE, SIGNED, SIGNED_END];

/// Classes, ids, names and markers of elements that hold the old message: Gmail, Yahoo, Proton, Tutanota, Zoho, Front,
/// Newton, Outlook on telephones and for the Mac, Exchange, Zimbra, GMX, `NetEase`.
const HOLDERS: [&str; 15] = [
    "gmail_quote",
    "gmail_quote_container",
    "yahoo_quoted",
    "protonmail_quote",
    "tutanota_quote",
    "zmail_extra",
    "front-blockquote",
    "cm_quote",
    "mail-editor-reference-message-container",
    "ms-outlook-mobile-reference-message",
    "olk_src_body_section",
    "messagereplysection",
    "__quoted_text__",
    "gmx_quote",
    "isreplycontent",
];

/// The same for elements behind which the old message stands: rules and headers of Outlook, Hotmail, Thunderbird and
/// Zimbra.
const FRONTIERS: [&str; 9] = [
    "divrplyfwdmsg",
    "appendonsend",
    "stopspelling",
    "ec_stopspelling",
    "moz-cite-prefix",
    "zwchr",
    "__divider__",
    "__headers__",
    "replysplit",
];

/// What stands in markup that may name either, or a signature.
static SIGNS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let signs = HOLDERS.iter().chain(&FRONTIERS).copied().chain(["quote", "cite"]).chain(signature_markup::SIGNED_BY);
    AhoCorasick::builder().ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA)).build(signs).ok()
});

/// Attributes that carry such names.
const NAMED_BY: [&str; 4] = ["class", "id", "name", "data-marker"];

/// Longest start tag that is read, in bytes.
const TAG: usize = 4_000;

/// The marks as somebody may write them.
static WRITTEN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"&#(?:[xX]0*[fF][dD][dD][0-3]|0*6497[6-9]);?|[\x{fdd0}-\x{fdd3}]").ok());

/// `text` without what acts as a mark.
pub(super) fn unmarked(text: &str) -> Cow<'_, str> {
    WRITTEN.as_ref().map_or(Cow::Borrowed(text), |written| written.replace_all(text, ""))
}

/// `html` with its old message and its signature marked, where a mail program named them.
pub(super) fn mark(html: &str) -> Cow<'_, str> {
    match indents::flat(html) {
        Cow::Borrowed(html) => marked(html),
        Cow::Owned(html) => Cow::Owned(marked(&html).into_owned()),
    }
}

fn marked(html: &str) -> Cow<'_, str> {
    if !SIGNS.as_ref().is_some_and(|signs| signs.is_match(html)) {
        return Cow::Borrowed(html);
    }
    let old = find(html);
    let signature = signature_markup::find(html, old);
    let mut marks: Vec<(usize, char)> = Vec::new();
    if let Some((begin, end)) = signature {
        marks.extend([(begin, SIGNED), (end, SIGNED_END)]);
    }
    if let Some((open, close)) = old {
        marks.push((open, OPEN));
        marks.extend(close.filter(|&close| close >= open).map(|close| (close, CLOSE)));
    }
    if marks.is_empty() {
        return Cow::Borrowed(html);
    }
    marks.sort_by_key(|(at, _)| *at);
    let mut out = String::with_capacity(html.len() + 12);
    let mut done = 0;
    for (at, mark) in marks {
        out.push_str(html.get(done..at).unwrap_or_default());
        out.push(mark);
        done = at;
    }
    out.push_str(html.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

/// What the marks of a laid-out text say.
#[derive(Debug, Default)]
pub(super) struct Marked {
    /// The text without them.
    pub text: String,
    /// Lines of the old message.
    pub quoted: Option<Range<usize>>,
    /// The signature.
    pub signature: Option<String>,
}

/// Takes the marks out of a laid-out text.
pub(super) fn take(text: String) -> Marked {
    if !text.contains(MARKS) {
        return Marked { text, ..Marked::default() };
    }
    let mut lines: Vec<String> = Vec::new();
    let mut places: [Option<usize>; 4] = [None; 4];
    for line in text.split('\n') {
        for (place, mark) in places.iter_mut().zip(MARKS) {
            let here = || {
                let (before, _) = line.split_once(mark)?;
                Some(lines.len() + usize::from(before.contains(char::is_alphanumeric)))
            };
            *place = place.or_else(here);
        }
        let marked = line.contains(MARKS);
        let bare: String = line.chars().filter(|c| !MARKS.contains(c)).collect();
        if marked && bare.chars().all(|c| c.is_whitespace() || c == '>') {
            // The mark made the line.
            continue;
        }
        lines.push(bare);
    }
    let [open, close, signed, signed_end] = places;
    let range = |from: Option<usize>, to: Option<usize>| {
        let from = from?;
        Some(from..to.unwrap_or(lines.len()).max(from)).filter(|range| !range.is_empty())
    };
    let quoted = range(open, close.filter(|_| open.is_some()));
    let signature = range(signed, signed_end)
        .and_then(|range| Some(lines.get(range)?.join("\n").trim().to_owned()))
        .filter(|signature| !signature.is_empty());
    Marked { text: lines.join("\n"), quoted, signature }
}

/// Where the old message begins and, in an element of its own, ends.
fn find(html: &str) -> Option<(usize, Option<usize>)> {
    let mut tags = Tags::of(html);
    while let Some(tag) = tags.next() {
        if tag.closes {
            continue;
        }
        let attributes = tag.inside;
        if is_holder(&tag) {
            return Some((tag.end, end_of(tags, tag.name)));
        }
        if named(attributes, &FRONTIERS) {
            // An empty element, or one that holds the header: the mark stands before it.
            return Some((tag.start, None));
        }
    }
    None
}

/// The element holds an old message.
pub(super) fn is_holder(tag: &Tag<'_>) -> bool {
    let cited = tag.name.eq_ignore_ascii_case("blockquote")
        && values(tag.inside, "type").any(|value| value.eq_ignore_ascii_case("cite"));
    let quote = tag.name.eq_ignore_ascii_case("div") && values(tag.inside, "name").any(|name| name == "quote");
    cited || quote || named(tag.inside, &HOLDERS)
}

/// Where the element that was just opened ends.
pub(super) fn end_of(tags: Tags<'_>, name: &str) -> Option<usize> {
    let mut depth = 1_usize;
    for tag in tags.filter(|tag| tag.name.eq_ignore_ascii_case(name)) {
        depth = if tag.closes { depth - 1 } else { depth + 1 };
        if depth == 0 {
            return Some(tag.start);
        }
    }
    None
}

fn named(attributes: &str, known: &[&str]) -> bool {
    if attributes.is_empty() {
        return false;
    }
    NAMED_BY.iter().flat_map(|name| values(attributes, name)).flat_map(str::split_whitespace).any(|word| {
        // What quotes gets another prefix from Outlook: `x_gmail_quote`.
        let word = word.strip_prefix("x_").unwrap_or(word);
        known.iter().any(|known| known.eq_ignore_ascii_case(word))
    })
}

/// Values of the attributes called `name`.
pub(super) fn values<'a>(attributes: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let mut rest = attributes;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
            if rest.is_empty() {
                return None;
            }
            let end = rest.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(rest.len()).max(1);
            let (key, after) = rest.split_at_checked(end)?;
            let Some(value) = after.trim_start().strip_prefix('=').map(str::trim_start) else {
                rest = after;
                continue;
            };
            let (value, behind) = match value.chars().next() {
                Some(quote @ ('"' | '\'')) => {
                    let inside = value.get(1..)?;
                    inside.split_once(quote).unwrap_or((inside, ""))
                }
                _ => value.split_at_checked(value.find(char::is_whitespace).unwrap_or(value.len()))?,
            };
            rest = behind;
            if key.eq_ignore_ascii_case(name) {
                return Some(value);
            }
        }
    })
}

/// A tag and where it stands.
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    pub(super) closes: bool,
    /// Its attributes.
    pub(super) inside: &'a str,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The tags of a markup, without comments, styles and scripts.
#[derive(Clone)]
pub(super) struct Tags<'a> {
    html: &'a str,
    at: usize,
}

impl<'a> Tags<'a> {
    pub(super) fn of(html: &'a str) -> Self {
        Self { html, at: 0 }
    }
}

impl Tags<'_> {
    /// Goes on behind the next `mark`; to the end where there is none.
    fn skip_past(&mut self, mark: &str) {
        let rest = self.html.get(self.at..).unwrap_or_default();
        self.at = rest.find(mark).map_or(self.html.len(), |found| self.at + found + mark.len());
    }
}

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    fn next(&mut self) -> Option<Tag<'a>> {
        while !budget::is_spent() {
            let start = self.at + memchr::memchr(b'<', self.html.as_bytes().get(self.at..)?)?;
            let rest = self.html.get(start + 1..)?;
            self.at = start + 1;
            if rest.starts_with("!--") {
                self.skip_past("-->");
                continue;
            }
            let closes = rest.starts_with('/');
            let tag = rest.strip_prefix('/').unwrap_or(rest);
            if !tag.starts_with(|c: char| c.is_ascii_alphabetic()) {
                continue;
            }
            let length = tag_length(tag)?;
            let end = start + 1 + usize::from(closes) + length;
            let inside = tag.get(..length)?.trim_end_matches('>');
            let (name, attributes) = inside
                .split_at_checked(inside.find(|c: char| c.is_whitespace() || c == '/').unwrap_or(inside.len()))?;
            self.at = end;
            for raw in ["style", "script", "title"].into_iter().filter(|raw| !closes && name.eq_ignore_ascii_case(raw))
            {
                self.skip_past(if raw == "style" { "</style" } else { "</" });
            }
            budget::pay(self.at - start);
            let inside = if attributes.len() > TAG { "" } else { attributes };
            return Some(Tag { name, closes, inside, start, end });
        }
        None
    }
}

/// Bytes up to and with the `>` that ends a tag; one inside of quotes does not. Quotes that never end end nothing.
fn tag_length(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, b) in tag.bytes().enumerate().take(TAG) {
        match (b, quote) {
            (b'>', None) => return Some(at + 1),
            (b'"' | b'\'', None) => quote = Some(b),
            (b, Some(open)) if b == open => quote = None,
            _ => {}
        }
    }
    tag.find('>').map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(html: &str) -> Option<Vec<String>> {
        let Marked { text, quoted, .. } = take(super::super::html::to_text(&mark(html)));
        assert!(!text.contains(MARKS));
        let all: Vec<&str> = text.split('\n').collect();
        Some(all[quoted?].iter().filter(|l| !l.trim().is_empty()).map(|l| l.trim().to_owned()).collect())
    }

    #[test]
    fn the_old_message_of_a_named_element_is_found() {
        for html in [
            "<div>New</div><div class=\"a gmail_quote\">Eva:<div>old</div></div><p>below</p>",
            "<p>New</p><div id='yahoo_quoted_1' class='yahoo_quoted'>Eva:<div>old</div></div><p>below</p>",
            "<p>New</p><div class=protonmail_quote>Eva:<br>old</div><p>below</p>",
            "<p>New</p><span id=\"OLK_SRC_BODY_SECTION\"><p>Eva:</p><p>old</p></span><p>below</p>",
        ] {
            assert_eq!(lines(html).unwrap(), ["Eva:", "old"], "{html}");
        }
    }

    #[test]
    fn everything_behind_a_frontier_is_old() {
        for html in [
            "<p>New</p><hr id=stopSpelling>Eva<p>old</p>",
            "<p>New</p><div id=\"divRplyFwdMsg\">Eva</div><p>old</p>",
            "<p>New</p><div data-marker=\"__HEADERS__\">Eva</div><p>old</p>",
        ] {
            let found = lines(html).unwrap();
            assert!(found.ends_with(&["Eva".to_owned(), "old".to_owned()]), "{html} {found:?}");
        }
    }

    #[test]
    fn markup_that_only_looks_alike_is_not() {
        for html in [
            "<p class='quote-table'>Price</p>",
            "<!-- <div class=gmail_quote> -->x",
            "<style>.gmail_quote{}</style>x",
            "<p title='<div class=gmail_quote>'>x</p>",
            "<div class='gmail_quote",
            "a < b",
            "",
        ] {
            assert_eq!(lines(html), None, "{html}");
        }
    }
}
