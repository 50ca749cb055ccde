//! Markup without what no reader of it sees: elements with `hidden`, or whose own style shows nothing.
//!
//! What a mail program does not show, nobody has read before they sent it on or answered: it names nobody and asks for
//! nothing. Linear: one pass over the tags. Where nothing else is left, what was hidden stays, so that no mail is empty.

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::budget;
use super::client_markup::{Tag, Tags};

/// What stands in markup that may hide something.
static SIGNS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let signs = ["hidden", "display", "visibility", "font-size", "font:", "opacity", "max-height"];
    AhoCorasick::builder().ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA)).build(signs).ok()
});

/// Elements that have no inside.
const EMPTY: [&str; 14] =
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"];

/// Elements whose end tag people leave out: the next one of the same kind ends them.
const LOOSE: [&str; 9] = ["p", "li", "td", "th", "tr", "dt", "dd", "option", "tbody"];

/// Elements whose end tag nobody leaves out, and parts of tables and lists: what ends around a hidden element ends it,
/// too.
const HOLDERS: [&str; 11] =
    ["table", "div", "ul", "ol", "dl", "blockquote", "section", "center", "form", "body", "html"];
const CELLS: [&str; 7] = ["td", "th", "tr", "tbody", "li", "dd", "dt"];

/// A hidden element that is open.
struct Open<'a> {
    name: &'a str,
    /// Elements of its name that are open, itself among them.
    depth: usize,
    /// Holders open inside of it.
    inside: usize,
    /// Where it begins, when what is inside may be shown all the same: size and visibility are inherited.
    begun: Option<usize>,
}

impl Open<'_> {
    /// Takes a tag; where what is shown goes on, when the element has ended.
    fn end(&mut self, tag: &Tag<'_>) -> Option<usize> {
        let own = tag.name.eq_ignore_ascii_case(self.name);
        let loose = is_one(&LOOSE, self.name);
        match (own, tag.closes) {
            (true, true) if !loose || self.inside == 0 => {
                self.depth -= 1;
                (self.depth == 0).then_some(tag.end)
            }
            (true, false) if loose => (self.inside == 0).then_some(tag.start),
            (true, false) => {
                self.depth += 1;
                None
            }
            (false, false) if is_one(&HOLDERS, tag.name) => {
                // A paragraph holds no blocks.
                let ended = self.name.eq_ignore_ascii_case("p");
                self.inside += 1;
                ended.then_some(tag.start)
            }
            (false, true) if self.inside > 0 => {
                self.inside -= usize::from(is_one(&HOLDERS, tag.name));
                None
            }
            (false, true) if is_one(&HOLDERS, tag.name) || is_one(&CELLS, tag.name) => Some(tag.start),
            _ => None,
        }
    }
}

/// `html` without hidden elements.
pub(super) fn shown(html: &str) -> Cow<'_, str> {
    if !SIGNS.as_ref().is_some_and(|signs| signs.is_match(html)) || !budget::pay(html.len()) {
        return Cow::Borrowed(html);
    }
    let mut out = String::new();
    let (mut kept_to, mut open): (usize, Option<Open<'_>>) = (0, None);
    for tag in Tags::of(html) {
        if let Some(end) = open.as_mut().and_then(|open| open.end(&tag)) {
            kept_to = end;
            open = None;
        }
        if let Some(begun) = open.as_ref().and_then(|open| open.begun).filter(|_| is_shown_again(&tag)) {
            // Generators of newsletters write every cell so, against gaps between its images.
            kept_to = begun;
            open = None;
            continue;
        }
        let hidden = if open.is_none() && tag.start >= kept_to { hidden(&tag) } else { None };
        if let Some(hidden) = hidden {
            out.push_str(html.get(kept_to..tag.start).unwrap_or_default());
            let begun = (hidden == Hidden::Inherited).then_some(tag.start);
            open = Some(Open { name: tag.name, depth: 1, inside: 0, begun });
        }
    }
    if open.is_none() {
        out.push_str(html.get(kept_to..).unwrap_or_default());
    }
    // Tags end where the allowance does.
    if budget::is_spent() || out.len() == html.len() || !says_something(&out) {
        Cow::Borrowed(html)
    } else {
        Cow::Owned(out)
    }
}

fn is_one(names: &[&str], name: &str) -> bool {
    names.iter().any(|one| one.eq_ignore_ascii_case(name))
}

/// Words stand between the tags.
fn says_something(html: &str) -> bool {
    mail_parser::decoders::html::html_to_text(html).contains(char::is_alphanumeric)
}

/// How an element is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hidden {
    /// With all that is inside.
    Whole,
    /// Unless what is inside says otherwise.
    Inherited,
}

/// Whether and how the element of a start tag is not shown.
fn hidden(tag: &Tag<'_>) -> Option<Hidden> {
    if tag.closes || is_one(&EMPTY, tag.name) || is_one(&["body", "html"], tag.name) {
        return None;
    }
    let inside = tag.inside.to_ascii_lowercase();
    let named = attributes(&inside).filter_map(|(name, value)| match name {
        "hidden" => (value != "false").then_some(Hidden::Whole),
        "style" => hides(value),
        _ => None,
    });
    named.min_by_key(|hidden| *hidden == Hidden::Inherited)
}

/// Inside of an element without size or visibility, one that has it.
fn is_shown_again(tag: &Tag<'_>) -> bool {
    let inside = tag.inside.to_ascii_lowercase();
    let says = |style: &str| {
        declared(style, "visibility").is_some_and(|value| value == "visible")
            || declared(style, "font-size").is_some_and(|value| !is_nothing(value))
            || declared(style, "font").is_some_and(|value| value.contains(|c: char| matches!(c, '1'..='9')))
    };
    !tag.closes && attributes(&inside).any(|(name, value)| name == "style" && says(value))
}

/// Names and values of a lower-case tag.
fn attributes(inside: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = inside;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/' || c == '=');
        let end = rest.find(|c: char| c.is_whitespace() || c == '=' || c == '/').unwrap_or(rest.len());
        let (name, tail) = rest.split_at_checked(end).filter(|(name, _)| !name.is_empty())?;
        let Some(value) = tail.trim_start().strip_prefix('=').map(str::trim_start) else {
            rest = tail;
            return Some((name, ""));
        };
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, tail) = match quote {
            Some(quote) => value.get(1..).unwrap_or_default().split_once(quote).unwrap_or((value, "")),
            None => {
                value.split_at_checked(value.find(char::is_whitespace).unwrap_or(value.len())).unwrap_or((value, ""))
            }
        };
        rest = tail;
        Some((name, value))
    })
}

/// How a lower-case style shows nothing.
fn hides(style: &str) -> Option<Hidden> {
    let is = |name: &str, test: &dyn Fn(&str) -> bool| declared(style, name).is_some_and(test);
    let flat = is("max-height", &is_nothing) && is("overflow", &|value| value == "hidden");
    if is("display", &|value| value == "none") || is("opacity", &is_nothing) || flat {
        return Some(Hidden::Whole);
    }
    let small = |value: &str| value.split_whitespace().filter_map(|word| word.split('/').next()).any(is_nothing);
    let unseen = is("visibility", &|value| matches!(value, "hidden" | "collapse"));
    (unseen || is("font-size", &is_nothing) || is("font", &small)).then_some(Hidden::Inherited)
}

/// What a lower-case style says last of `name`.
fn declared<'s>(style: &'s str, name: &str) -> Option<&'s str> {
    let mut said = style.split(';').filter_map(|one| one.split_once(':')).filter(|(said, _)| said.trim() == name);
    said.next_back().map(|(_, value)| value.trim().trim_end_matches("!important").trim_end())
}

/// `0`, `0px`, `.0em`, `0%`.
fn is_nothing(value: &str) -> bool {
    let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
    number.contains('0') && number.chars().all(|c| c == '0' || c == '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_shown_goes() {
        for (html, wanted) in [
            ("<p>a</p><div style='display:none'>x<div>y</div></div><p>b</p>", "<p>a</p><p>b</p>"),
            ("<p>a</p><DIV HIDDEN>x</DIV>b", "<p>a</p>b"),
            ("a<span style=\"color:red; FONT-SIZE : 0px !important\">x</span>b", "ab"),
            ("a<i style=visibility:hidden>x</i>b", "ab"),
            ("a<i style='opacity:0.0'>x</i>b", "ab"),
            ("a<i style='font:0/0 a'>x</i>b", "ab"),
            ("<table><tr><td>a<td style='display:none'>x<td>b</table>", "<table><tr><td>a<td>b</table>"),
            ("a<div hidden=\"\">x", "a"),
            (
                "<table><tr><td><span hidden>x</td><td>a</td></tr></table>",
                "<table><tr><td></td><td>a</td></tr></table>",
            ),
            ("<table><tr><td style='display:none'>x</tr></table>a", "<table><tr></tr></table>a"),
            ("<p hidden>x<div>a</div>", "<div>a</div>"),
            ("a<div style='max-height:0px;overflow:hidden'>x<b style='font-size:9px'>y</b></div>b", "ab"),
            ("a<div style='font-size:0'>x<b>y</b></div>b", "ab"),
            ("<div hidden><table><tr><td>x</td></tr></table><div>y</div></div>a", "a"),
        ] {
            assert_eq!(shown(html), wanted);
        }
    }

    #[test]
    fn what_is_shown_stays_and_so_does_the_only_text() {
        for html in [
            "<p style='font-size:10px;opacity:0.5;display:block'>a</p>",
            "<div aria-hidden=true data-hidden>a</div>",
            "b<table><tr><td style='font-size:0px;padding:1px'><div style='font-size:13px'>a</div></td></tr></table>",
            "b<i style='visibility:hidden'><b style='visibility:visible'>a</b></i>",
            "b<i style='display:none;display:block'>a</i>",
            "<input type=hidden>a<img style='display:none'>b",
            "<div style='display:none'>a</div><p>&nbsp;</p>",
            "<p style='background:url(hidden)'>a",
            "<div title='hidden' class=\"x hidden\">a</div>",
            "<",
            "<p style=",
            "<p hidden",
            "<p style='display:none",
        ] {
            assert_eq!(shown(html), html);
        }
    }
}
