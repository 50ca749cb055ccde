//! Elements in which mail programs put the signature of who writes.
//!
//! Telephones open the message inside of that element, so people write in it: what says something there is told from a
//! name and a number later, by the lines. Here is only where the element is.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::client_markup::{self, Tags, end_of, is_holder, values};
use super::html;

/// Classes and ids: Gmail, Thunderbird, Outlook in the browser and Roundcube, Outlook on telephones, Apple Mail, Yahoo on
/// telephones, Proton, Zoho.
const NAMES: [&str; 10] = [
    "gmail_signature",
    "moz-signature",
    "ms-outlook-mobile-signature",
    "applemailsignature",
    "ymail_android_signature",
    "protonmail_signature_block",
    "protonmail_mobile_signature_block",
    "protonmail_signature_block-user",
    "zm-_id_-sgn",
    "__sig_pre__",
];

/// An id only; a class of this name may be anything.
const ID: &str = "signature";

/// Bookmark of Outlook for the desk: the signature begins there and nothing says where it ends.
const BOOKMARK: &str = "_mailautosig";

/// Last lines of the plain text among which it is looked for.
const LINES: usize = 2_000;

/// Most elements that are looked into; programs leave empty ones behind.
const ELEMENTS: usize = 4;

/// What stands in markup that may name a signature, lower case.
pub(super) const SIGNED_BY: [&str; 4] = ["signature", "-sgn", "__sig_", BOOKMARK];

static SIGNS: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(SIGNED_BY).ok());

/// The lines of `text` that `markup`, the same mail in HTML, names as the signature; the last such run of lines.
pub(super) fn beside(markup: &str, text: &str) -> Option<String> {
    if !SIGNS.as_ref().is_some_and(|signs| signs.is_match(markup)) {
        return None;
    }
    let marked = client_markup::mark(markup);
    let named = client_markup::take(html::to_text(&marked)).signature?;
    let wanted: Vec<String> = named.lines().map(bare).filter(|line| !line.is_empty()).collect();
    let filled: Vec<&str> = text.lines().rev().filter(|line| !line.trim().is_empty()).take(LINES).collect();
    let lines: Vec<(String, &str)> = filled.into_iter().rev().map(|line| (bare(line), line)).collect();
    let same = |own: &&[(String, &str)]| own.iter().map(|(line, _)| line).eq(&wanted);
    let found: Vec<&str> = lines.windows(wanted.len().max(1)).rev().find(same)?.iter().map(|(_, line)| *line).collect();
    Some(found.join("\n"))
}

/// A line without what plain text writes for bold letters and links, its blanks as one.
fn bare(line: &str) -> String {
    let word = |word: &str| !(word.starts_with('<') && word.ends_with('>') && word.contains([':', '@']));
    let words: Vec<&str> = line.split_whitespace().filter(|w| word(w)).map(|w| w.trim_matches(['*', '_'])).collect();
    words.join(" ")
}

/// Begin and end of the signature in `html`, outside of the old message `old`.
pub(super) fn find(html: &str, old: Option<(usize, Option<usize>)>) -> Option<(usize, usize)> {
    let frontier = old.map_or(html.len(), |(open, _)| open);
    let behind = old.map_or(html.len(), |(_, close)| close.unwrap_or(html.len()));
    let mut tags = Tags::of(html);
    let mut left = ELEMENTS;
    while let Some(tag) = tags.next() {
        if tag.closes || (frontier..behind).contains(&tag.start) {
            continue;
        }
        if tag.start >= behind && old.is_some() && is_holder(&tag) {
            return None;
        }
        let end = if tag.name.eq_ignore_ascii_case("a") && is_named(tag.inside, &["name"], &[BOOKMARK]) {
            Some(html.len())
        } else if is_signature(tag.inside) {
            end_of(tags.clone(), tag.name)
        } else {
            continue;
        };
        // The element may hold the old message too.
        let end = end.map(|end| if tag.start < frontier { end.min(frontier) } else { end });
        if let Some(end) = end.filter(|&end| has_words(html.get(tag.end..end).unwrap_or_default())) {
            return Some((tag.end, end));
        }
        left -= 1;
        if left == 0 {
            return None;
        }
    }
    None
}

fn is_signature(attributes: &str) -> bool {
    is_named(attributes, &["class", "id", "data-marker"], &NAMES)
        || is_named(attributes, &["id"], &[ID])
        || values(attributes, "data-smartmail").any(|value| value.eq_ignore_ascii_case("gmail_signature"))
        || values(attributes, "data-signature-widget").any(|value| value.eq_ignore_ascii_case("container"))
}

fn is_named(attributes: &str, by: &[&str], known: &[&str]) -> bool {
    by.iter().flat_map(|name| values(attributes, name)).flat_map(str::split_whitespace).any(|word| {
        let word = word.strip_prefix("x_").unwrap_or(word);
        known.iter().any(|known| known.eq_ignore_ascii_case(word))
    })
}

/// Letters or digits outside of tags; a name of a character (`&nbsp;`) is none.
fn has_words(inside: &str) -> bool {
    let (mut tag, mut entity) = (false, false);
    inside.chars().any(|c| {
        match c {
            '<' => tag = true,
            '>' => tag = false,
            '&' => entity = true,
            _ if !c.is_alphanumeric() && c != '#' => entity = false,
            _ => {}
        }
        !tag && !entity && c.is_alphanumeric()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_without_words_is_none() {
        assert_eq!(find("<p>a</p><div id=\"Zm-_Id_-Sgn\"><div>&nbsp;<br></div></div>", None), None);
        assert_eq!(find("<p>a</p><div class=gmail_signature>Eva", None), None);
        assert_eq!(find("<p class=signature>a</p><p>b</p>", None), None);
    }
}
