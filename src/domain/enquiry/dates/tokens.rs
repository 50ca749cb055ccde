//! A text as words, numbers and marks, without lines that are somebody else's: quotations and their headers.

use super::words::{self, Meaning};
use crate::domain::reading::field_names::fold_into;
use crate::domain::reading::{attribution, budget};

/// Longest text looked at, in bytes.
const BYTES: usize = 24_000;
/// Tokens looked at.
const TOKENS: usize = 5_000;
/// Longest word that can mean anything, in bytes.
const WORD: usize = 40;
/// Saturday, counted from Monday.
const SATURDAY: i8 = 5;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number of so many digits.
    Number { value: u32, digits: usize },
    /// A word.
    Word,
    /// Any other sign.
    Mark(char),
    /// The end of a paragraph.
    Break,
}

/// One token and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) meaning: Meaning,
    pub(super) start: usize,
    pub(super) end: usize,
    /// White space before it.
    pub(super) spaced: bool,
    /// Begins with a capital.
    pub(super) large: bool,
    /// The first of its line.
    pub(super) first: bool,
}

impl Token {
    pub(super) fn has(&self, role: u64) -> bool {
        self.meaning.roles & role != 0
    }

    pub(super) fn is_mark(&self, marks: &str) -> bool {
        matches!(self.kind, Kind::Mark(c) if marks.contains(c))
    }
}

/// The tokens of a text.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let text = crate::domain::reading::body::cut(text, BYTES);
    let mut out = Vec::new();
    let mut folded = String::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        if out.len() >= TOKENS || !budget::pay(4 * line.len()) {
            break;
        }
        if line.trim().is_empty() || attribution::is_of_another(line) {
            if out.last().is_none_or(|last: &Token| last.kind != Kind::Break) {
                out.push(token(Kind::Break, Meaning::default(), start..start, true, false));
            }
            continue;
        }
        of_line(line, start, &mut out, &mut folded);
    }
    out
}

fn token(kind: Kind, meaning: Meaning, range: std::ops::Range<usize>, spaced: bool, large: bool) -> Token {
    Token { kind, meaning, start: range.start, end: range.end, spaced, large, first: false }
}

fn digit(c: char) -> Option<u32> {
    let code = u32::from(c);
    match code {
        0x30..=0x39 => Some(code - 0x30),
        0x0660..=0x0669 => Some(code - 0x0660),
        0x06F0..=0x06F9 => Some(code - 0x06F0),
        _ => None,
    }
}

/// Letters with what stands over and between them.
fn is_letter(c: char) -> bool {
    c.is_alphabetic()
        || matches!(u32::from(c), 0x0300..=0x036F | 0x064B..=0x065F | 0x0670 | 0x200C | 0x200D | 0xAA | 0xBA)
}

fn of_line(line: &str, offset: usize, out: &mut Vec<Token>, folded: &mut String) {
    let (mut spaced, mut first) = (true, true);
    let mut chars = line.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        if c.is_whitespace() {
            spaced = true;
            continue;
        }
        let mut end = start + c.len_utf8();
        let (kind, meaning) = if let Some(first) = digit(c) {
            let (mut value, mut digits) = (first, 1);
            while let Some((at, next)) = chars.next_if(|(_, c)| digit(*c).is_some()) {
                value = value.saturating_mul(10).saturating_add(digit(next).unwrap_or(0));
                digits += 1;
                end = at + next.len_utf8();
            }
            (Kind::Number { value, digits }, Meaning::default())
        } else if is_letter(c) {
            while let Some((at, next)) = chars.next_if(|(_, c)| is_letter(*c)) {
                end = at + next.len_utf8();
            }
            (Kind::Word, word(line.get(start..end).unwrap_or_default(), folded))
        } else {
            (Kind::Mark(c), Meaning::default())
        };
        let mut next = token(kind, meaning, offset + start..offset + end, spaced, c.is_uppercase());
        next.first = std::mem::take(&mut first);
        if next.meaning.weekday == Some(SATURDAY) && !next.first {
            join_weekday(line, offset, &mut next, out, folded);
        }
        out.push(next);
        spaced = false;
    }
}

/// The days of the Persian week count from Saturday: three and "Saturday" are Tuesday, in two words as in one.
fn join_weekday(line: &str, offset: usize, next: &mut Token, out: &mut Vec<Token>, folded: &mut String) {
    let Some(before) = out.last().filter(|before| before.meaning.count.is_some()).copied() else { return };
    let joined = before.start.checked_sub(offset).and_then(|start| line.get(start..next.end - offset));
    let meaning = joined.map(|joined| word(joined, folded)).unwrap_or_default();
    if meaning.weekday.is_some() {
        out.pop();
        *next = Token { meaning, start: before.start, spaced: before.spaced, first: before.first, ..*next };
    }
}

fn word(word: &str, folded: &mut String) -> Meaning {
    if word.len() > WORD {
        return Meaning::default();
    }
    folded.clear();
    fold_into(word, folded);
    words::meaning(folded)
}
