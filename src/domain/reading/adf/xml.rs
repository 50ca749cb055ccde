//! Tags of a document that is rarely well-formed: found by name in any case, wherever they stand.

use std::ops::Range;

use super::super::budget;

/// Elements that hold others: one without an end goes on to the end of what it stands in.
const OPEN: [&str; 3] = ["customer", "contact", "comments"];

/// First element of this name: (attributes, content).
pub(super) fn element<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    elements(text, name, 1).into_iter().next()
}

/// Elements of this name, at most `limit`, not nested in each other.
pub(super) fn elements<'a>(text: &'a str, name: &str, limit: usize) -> Vec<(&'a str, &'a str)> {
    let get = |range: Range<usize>| text.get(range).unwrap_or_default();
    spans(text, name, limit).into_iter().map(|span| (get(span.attributes), get(span.content))).collect()
}

/// What stands in no element of these names.
pub(super) fn outside(text: &str, names: &[&str]) -> String {
    let mut spans: Vec<Span> = names.iter().flat_map(|name| spans(text, name, 20)).collect();
    spans.sort_unstable_by_key(|span| span.attributes.start);
    let (mut out, mut from) = (String::new(), 0);
    for span in spans {
        out.push_str(text.get(from..span.start).unwrap_or_default());
        out.push('\n');
        from = from.max(span.content.end);
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

/// Where an element stands.
struct Span {
    start: usize,
    attributes: Range<usize>,
    content: Range<usize>,
}

fn spans(text: &str, name: &str, limit: usize) -> Vec<Span> {
    let mut found = Vec::new();
    let mut from = 0;
    while found.len() < limit && budget::pay(1) {
        let Some(span) = span(text, from, name) else { break };
        from = span.content.end;
        if !text.get(span.attributes.clone()).is_some_and(|attributes| attributes.ends_with('/')) {
            found.push(span);
        }
    }
    found
}

/// The first element from there on; one that is closed in itself has no content.
fn span(text: &str, from: usize, name: &str) -> Option<Span> {
    let start = from + find_tag(text.get(from..)?, name)?;
    let inner = start + 1 + name.len();
    let close = inner + text.get(inner..)?.find('>')?;
    let content = close + 1;
    let rest = text.get(content..)?;
    let is_empty = text.get(inner..close).is_some_and(|attributes| attributes.ends_with('/'));
    let end = if is_empty { 0 } else { find_mark(rest, &format!("</{name}")).unwrap_or_else(|| open_end(rest, name)) };
    Some(Span { start, attributes: inner..close, content: content..content + end })
}

/// How far an element goes that is never closed: what holds others up to the parties behind it, a value to the next tag.
fn open_end(rest: &str, name: &str) -> usize {
    if !OPEN.contains(&name) {
        return rest.find('<').unwrap_or(rest.len());
    }
    let behind = ["vendor", "provider", "vehicle"].iter().filter_map(|tag| find_tag(rest, tag)).min();
    behind.unwrap_or(rest.len())
}

/// Value of an attribute, quoted or not, lower case.
pub(super) fn attribute(attributes: &str, name: &str) -> Option<String> {
    let at = find_ignore_case(attributes, &format!("{name}="))?;
    let value = attributes.get(at + name.len() + 1..)?;
    let value = match value.chars().next()? {
        quote @ ('"' | '\'') => value.get(1..)?.split(quote).next()?,
        _ => value.split_whitespace().next()?,
    };
    Some(value.to_lowercase())
}

/// Byte position of the tag of this name.
pub(super) fn find_tag(text: &str, name: &str) -> Option<usize> {
    find_mark(text, &format!("<{name}"))
}

/// Byte position of a tag that begins with `mark` and has no longer name.
fn find_mark(text: &str, mark: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let found = find_ignore_case(text.get(from..)?, mark);
        if !budget::pay(found.map_or(text.len() - from, |at| at + 1)) {
            return None;
        }
        let at = from + found?;
        let after = text.get(at + mark.len()..)?;
        if !after.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            return Some(at);
        }
        from = at + mark.len();
    }
}

/// Byte position of an ASCII `needle` in any case.
pub(super) fn find_ignore_case(text: &str, needle: &str) -> Option<usize> {
    let (bytes, needle) = (text.as_bytes(), needle.as_bytes());
    let first = *needle.first()?;
    memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), bytes)
        .find(|&at| bytes.get(at..at + needle.len()).is_some_and(|window| window.eq_ignore_ascii_case(needle)))
}
