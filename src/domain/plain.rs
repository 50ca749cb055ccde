//! Text that strangers wrote, made fit to be shown: on a terminal, in a log, in a mail. What is stored stays as it came,
//! but for names and titles, which are one line ([`kept_line`]).
//!
//! Invariants:
//! - What is shown cannot steer the screen: no control characters, no changes of direction, nothing invisible but the
//!   two joiners, which Persian and emoji need.
//! - One line stays one line, of bounded columns, and no character in it is larger than [`CHARACTER_BYTES`].

use std::path::Path;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// Longest character as people see it (a grapheme cluster, UAX #29), in bytes. A family of four with skin tones takes
/// 41; marks heaped up beyond this only darken the lines around.
const CHARACTER_BYTES: usize = 48;

/// Characters read for each column wanted: text may be megabytes, and most of its characters may be left out.
const READ_PER_COLUMN: usize = 16;

/// What becomes of a character that is not shown as it is.
enum Unfit {
    /// It parts words: a space stands for it.
    Space,
    /// It is not there to be seen.
    Nothing,
}

/// Controls (Cc), separators of lines and paragraphs, embeddings, overrides and isolates of direction become a space;
/// the other format characters (Cf) that have no shape of their own vanish. UAX #9 and the Unicode Character Database.
const fn unfit(c: char) -> Option<Unfit> {
    match c {
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Some(Unfit::Space),
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e007f}' => Some(Unfit::Nothing),
        _ => None,
    }
}

/// Whether a character is shown as it is.
#[must_use]
pub const fn is_shown(c: char) -> bool {
    unfit(c).is_none()
}

fn shown(c: char) -> Option<char> {
    match unfit(c) {
        None => Some(c),
        Some(Unfit::Space) => Some(' '),
        Some(Unfit::Nothing) => None,
    }
}

/// The first `characters` of `text` on one line: as [`one_line`], counted as stored, and cut without a sign.
#[must_use]
pub fn kept_line(text: &str, characters: usize) -> String {
    if text.len() <= characters && is_kept(text) {
        return text.to_owned();
    }
    let mut line: String = spaced(text.chars()).take(characters).collect();
    line.truncate(line.trim_end().len());
    line
}

/// Whether a text is on one line already: words of ASCII with one blank between them.
fn is_kept(text: &str) -> bool {
    let mut before = b' ';
    let fits = text.bytes().all(|byte| {
        let before = std::mem::replace(&mut before, byte);
        byte.is_ascii_graphic() || byte == b' ' && before != b' '
    });
    fits && before != b' '
}

/// Characters fit to be shown, runs of white space as one space, none at the ends.
fn spaced(text: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    let (mut begun, mut apart) = (false, false);
    let fit = text.filter_map(shown).filter_map(move |c| {
        if c.is_whitespace() {
            apart = begun;
            return None;
        }
        begun = true;
        Some([std::mem::take(&mut apart).then_some(' '), Some(c)])
    });
    fit.flatten().flatten()
}

/// `text` on one line of at most `columns` columns, runs of white space as one space; what is cut ends in `…`.
#[must_use]
pub fn one_line(text: &str, columns: usize) -> String {
    let line: String = spaced(text.chars().take(columns.saturating_mul(READ_PER_COLUMN))).collect();
    let (mut kept, mut used, mut with_room) = (String::new(), 0_usize, 0_usize);
    for character in line.graphemes(true) {
        let character = character.get(..character.floor_char_boundary(CHARACTER_BYTES)).unwrap_or_default();
        // What has no width still counts, so that the line has an end.
        used = used.saturating_add(character.width().max(1));
        if used > columns {
            kept.truncate(with_room);
            return format!("{}…", kept.trim_end());
        }
        kept.push_str(character);
        if used < columns {
            with_room = kept.len();
        }
    }
    kept
}

/// `text` with its lines and spaces as they are, without what could steer a screen.
#[must_use]
pub fn lines(text: &str) -> String {
    text.chars().filter_map(|c| if c == '\n' { Some(c) } else { shown(c) }).collect()
}

/// `text` with each such character written out (`\u{1b}`, `\n`): for names that somebody has to find again.
#[must_use]
pub fn escaped(text: &str) -> String {
    written_out(text, false)
}

/// As [`escaped`], line ends kept.
#[must_use]
pub fn escaped_lines(text: &str) -> String {
    written_out(text, true)
}

/// A path as it may stand in a sentence: not UTF-8 shown as `�`, the rest [`escaped`].
#[must_use]
pub fn path(path: &Path) -> String {
    escaped(&path.to_string_lossy())
}

fn written_out(text: &str, keep_lines: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if unfit(c).is_some() && !(keep_lines && c == '\n') {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Columns that `text` takes on a terminal: two for wide characters (UAX #11), none for combining marks.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(one_line("Jean\r\nBcc: all@example.com", 200), "Jean Bcc: all@example.com");
        assert_eq!(one_line("a\u{2028}b\0c\u{202e}d", 200), "a b c d");
        assert_eq!(one_line(" \r\n ", 5), "");
        assert_eq!(one_line(&"é".repeat(10_000_000), 5).chars().count(), 5);
        assert_eq!(kept_line(" Jean\r\n\u{202e}Bcc:\u{200b} \0 می\u{200c}خواهم ", 200), "Jean Bcc: می\u{200c}خواهم");
        assert_eq!(
            (kept_line("ab cd", 3), kept_line("ab cd", 4), kept_line("x", 0)),
            ("ab".into(), "ab c".into(), String::new())
        );
    }

    #[test]
    fn what_strangers_wrote_cannot_steer_the_terminal() {
        assert_eq!(one_line("a\u{1b}[31mb\u{9b}2J\nc", 20), "a [31mb 2J c");
        assert_eq!(one_line("fac\u{ad}ture\u{200b}\u{feff}.exe\u{202e}gpj", 20), "facture.exe gpj");
        assert_eq!(lines("a\n  b\u{1b}[2Jc\u{2066}"), "a\n  b [2Jc ");
    }

    #[test]
    fn persian_joiners_and_emoji_stay_whole() {
        assert_eq!(one_line("می\u{200c}خواهم", 20), "می\u{200c}خواهم");
        assert_eq!(one_line("👨\u{200d}👩\u{200d}👧\u{200d}👦!", 5), "👨\u{200d}👩\u{200d}👧\u{200d}👦!");
    }

    #[test]
    fn a_cut_counts_columns_and_leaves_room_for_its_sign() {
        assert_eq!(one_line("abcdef", 6), "abcdef");
        assert_eq!(one_line("abcdef", 4), "abc…");
        assert_eq!(one_line("東京都", 6), "東京都");
        assert_eq!(one_line("東京都", 5), "東京…");
        assert_eq!(one_line("東京都", 4), "東…");
        assert_eq!(one_line("e\u{301}e\u{301}e\u{301}", 3), "e\u{301}e\u{301}e\u{301}");
        assert_eq!((width("東京"), width("e\u{301}"), width("abc")), (4, 1, 3));
    }

    #[test]
    fn marks_heaped_on_one_letter_are_bounded() {
        let heap = format!("a{}b", "\u{301}".repeat(500));
        let line = one_line(&heap, 80);
        assert!(line.starts_with("a\u{301}") && line.ends_with('b') && line.len() <= CHARACTER_BYTES + 1, "{line}");
        assert!(one_line(&"\u{200c}".repeat(1_000_000), 80).len() <= 80 * CHARACTER_BYTES + 3);
    }

    #[test]
    fn names_are_written_out_so_that_they_can_be_found() {
        assert_eq!(escaped("a\u{1b}[2J\n\u{202e}é.eml"), "a\\u{1b}[2J\\n\\u{202e}é.eml");
        assert_eq!(escaped_lines("a\r\nb"), "a\\r\nb");
        assert_eq!(path(Path::new("in/\u{7}.eml")), "in/\\u{7}.eml");
    }
}
