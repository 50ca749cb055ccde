//! Markup in which one character stands for every run of plain words, so that layout costs what the markup costs and not
//! what its words cost: a layouter goes through text character by character and puts every word in a box of its own.
//!
//! Invariants:
//! - what comes out is what layout would have made of the words themselves: a run holds nothing that layout changes (no
//!   entity, no blank but single ones between words), and lines are too short to be broken;
//! - whatever is doubtful is not abridged, or not restored: then the words are laid out.

use super::markup_scan::Tags;

/// The characters that stand for runs: a plane of private use.
const FIRST: u32 = 0xf_0000;
/// The first byte of their UTF-8, and of no other character in use.
const LEAD: u8 = 0xf3;
/// Most runs.
const RUNS: usize = 60_000;
/// Longest markup, in bytes; its lines are shorter than the width they are laid out in.
const BYTES: usize = 90_000;
/// Shortest run, in bytes.
const LEAST: usize = 16;
/// What is put over each character of text struck out.
const STRUCK: char = '\u{336}';

/// An abridged markup.
pub(super) struct Shorthand<'a> {
    /// The markup to lay out.
    pub(super) markup: String,
    runs: Vec<&'a str>,
}

impl<'a> Shorthand<'a> {
    /// `None`: nothing to gain, or doubtful.
    pub(super) fn of(html: &'a str) -> Option<Self> {
        if html.len() > BYTES || memchr::memchr(LEAD, html.as_bytes()).is_some() {
            return None;
        }
        let mut short = Self { markup: String::with_capacity(html.len()), runs: Vec::new() };
        let mut at = 0;
        for tag in (Tags { html, at: 0 }) {
            if tag.name.eq_ignore_ascii_case("pre") {
                return None;
            }
            short.text(html.get(at..tag.start)?)?;
            short.markup.push_str(html.get(tag.start..tag.end)?);
            at = tag.end;
        }
        short.text(html.get(at..)?)?;
        (!short.runs.is_empty()).then_some(short)
    }

    /// Takes text over, its runs abridged. `None`: it names a character that stands for runs.
    fn text(&mut self, text: &'a str) -> Option<()> {
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let length = if first == '&' {
                let name = rest.get(1..)?;
                let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '#').unwrap_or(name.len());
                if name.get(..end)?.strip_prefix('#').is_some_and(is_private) {
                    return None;
                }
                1 + end + usize::from(name.get(end..)?.starts_with(';'))
            } else if is_plain(first) {
                run_length(rest)
            } else {
                rest.find(|c| is_plain(c) || c == '&').unwrap_or(rest.len())
            };
            let (piece, behind) = rest.split_at_checked(length)?;
            if is_plain(first) && piece.len() >= LEAST && piece.contains(' ') && self.runs.len() < RUNS {
                self.markup.push(char::from_u32(FIRST + u32::try_from(self.runs.len()).ok()?)?);
                self.runs.push(piece);
            } else {
                self.markup.push_str(piece);
            }
            rest = behind;
        }
        Some(())
    }

    /// The words back in what was laid out. `None`: something stands there otherwise than written.
    pub(super) fn restore(&self, text: &str) -> Option<String> {
        let long: usize = self.runs.iter().map(|run| run.len()).sum();
        let mut out = String::with_capacity(text.len() + long);
        let (mut rest, mut next) = (text, 0);
        while let Some(at) = memchr::memchr(LEAD, rest.as_bytes()) {
            let (before, from) = rest.split_at_checked(at)?;
            let mut chars = from.chars();
            let run = usize::try_from(u32::from(chars.next()?).checked_sub(FIRST)?).ok()?;
            rest = chars.as_str();
            // Words that layout moved, or struck out.
            if run < next || rest.starts_with(STRUCK) {
                return None;
            }
            next = run + 1;
            out.push_str(before);
            out.push_str(self.runs.get(run)?);
        }
        out.push_str(rest);
        Some(out)
    }
}

/// Bytes of plain words with one blank between them.
fn run_length(text: &str) -> usize {
    let mut end = 0;
    let mut blank = false;
    for (at, c) in text.char_indices() {
        if is_plain(c) {
            end = at + c.len_utf8();
            blank = false;
        } else if c == ' ' && !blank {
            blank = true;
        } else {
            break;
        }
    }
    end
}

/// Letters, digits and marks that stand in a text as they are written.
fn is_plain(c: char) -> bool {
    c.is_ascii_graphic() && !matches!(c, '<' | '>' | '&') || matches!(c, '\u{c0}'..='\u{7ff}' | '\u{4e00}'..='\u{9fff}')
}

/// Whether a reference by number (`983040`, `xF0000`) may mean a character that stands for a run.
fn is_private(number: &str) -> bool {
    let value = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex.trim_end_matches(|c: char| !c.is_ascii_hexdigit()), 16),
        None => number.parse(),
    };
    value.map_or(true, |value| value >= FIRST)
}

#[cfg(test)]
mod tests {
    use super::super::html::{laid_out, to_text};
    use super::*;

    #[test]
    fn words_come_out_as_layout_would_have_put_them() {
        for html in [
            "<p>We need three pumps, please.</p><ul><li>one of the larger kind<li>two  of the   smaller kind</ul>",
            "<table><tr><td>Name of the company<td>Kovo d\u{ed}lna P\u{ed}sek, s.r.o.</table> words in front of it",
            "<table>words out of place in it<tr><td>a cell of several words</table>",
            "<s>an offer that is struck out</s> and one that is not struck out",
            "<blockquote>what was written before it<blockquote>and again before that</blockquote></blockquote>",
            "a&nbsp;b &ampwords behind an open reference &#8217;quoted as typewriters do&#x2019; ",
            "<style>p { color: of the words }</style><title>a title of some words</title><p>some words of a text",
            "<a title='a > b of many words' href=x>a link of some words</a><!-- words of a comment -->",
            "2<sup>3</sup> <sup>1 2 3 4 5 6 7 8 9 0</sup> <b>bold words of a text</b>and glued <i>ones of a text</i>.",
            "<textarea>words in a field of a form</textarea><svg><title>words of a picture</title></svg>",
        ] {
            let short = Shorthand::of(html).expect(html);
            assert!(short.markup.len() < html.len(), "{html}");
            let plain = laid_out(html).expect(html);
            assert_eq!(to_text(html), plain.replace('\u{a0}', " "), "{html}");
        }
    }

    #[test]
    fn what_is_doubtful_is_left_alone() {
        for html in [
            "<pre>several words\tof a table</pre>",
            "some words of a text &#983040; and more of them",
            "some words of a text &#xf0000 and more of them",
            "some words of a text \u{f0000} and more of them",
            "short <b>words</b>",
        ] {
            assert!(Shorthand::of(html).is_none(), "{html}");
        }
        let short = Shorthand::of("<b>some words of a text</b> <i>and others of it</i>").expect("two runs");
        assert_eq!(short.restore("\u{f0000} \u{f0001}").as_deref(), Some("some words of a text and others of it"));
        for moved in ["\u{f0001}\u{f0000}", "\u{f0000}\u{336}", "\u{f0000}\u{f0000}", "\u{f0002}"] {
            assert_eq!(short.restore(moved), None, "{moved:?}");
        }
    }
}
