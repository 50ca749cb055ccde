//! Words and digits.

use std::borrow::Cow;

use rapidfuzz::distance::{jaro_winkler, osa};

/// Jaro and Winkler, 0 to 1.
pub(super) fn likeness(a: &str, b: &str) -> f64 {
    if a.is_ascii() && b.is_ascii() {
        jaro_winkler::similarity(a.bytes(), b.bytes())
    } else {
        jaro_winkler::similarity(a.chars(), b.chars())
    }
}

/// Edits between two texts: a letter put in, left out, changed, or two exchanged.
pub(super) fn edits(a: &str, b: &str) -> usize {
    if a == b {
        0
    } else if a.is_ascii() && b.is_ascii() {
        osa::distance(a.bytes(), b.bytes())
    } else {
        osa::distance(a.chars(), b.chars())
    }
}

/// Equal, one edit, close, similar, far, different. Blanks do not count.
pub(super) fn level(a: &str, b: &str) -> u8 {
    if a == b {
        return 1;
    }
    let (a, b) = (without_blanks(a), without_blanks(b));
    let (long, short) = (letters(&a).max(letters(&b)), letters(&a).min(letters(&b)));
    // So many letters too few are so many edits, and more than two tell nothing.
    let edits = if long - short <= 2 { edits(&a, &b) } else { long - short };
    if a == b || edits <= 1 && long >= 3 {
        return 2;
    }
    match likeness(&a, &b) {
        like if like >= 0.92 || edits <= 2 && long >= 6 => 3,
        like if like >= 0.82 => 4,
        like if like >= 0.70 => 5,
        _ => 6,
    }
}

fn without_blanks(text: &str) -> Cow<'_, str> {
    if text.contains(' ') { Cow::Owned(text.replace(' ', "")) } else { Cow::Borrowed(text) }
}

fn letters(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

/// Equal, one edit, two edits, different.
pub(super) fn digits(a: &str, b: &str) -> u8 {
    match edits(a, b) {
        0 => 1,
        1 => 2,
        2 => 3,
        _ => 4,
    }
}

/// Equal, one edit, different.
pub(super) fn word(a: &str, b: &str) -> u8 {
    digits(a, b).min(3)
}
