//! Words and digits.

use rapidfuzz::distance::{jaro_winkler, osa};

/// Jaro and Winkler, 0 to 1.
pub(super) fn likeness(a: &str, b: &str) -> f64 {
    jaro_winkler::similarity(a.chars(), b.chars())
}

/// Edits between two texts: a letter put in, left out, changed, or two exchanged.
pub(super) fn edits(a: &str, b: &str) -> usize {
    osa::distance(a.chars(), b.chars())
}

/// Equal, one edit, close, similar, far, different. Blanks do not count.
pub(super) fn level(a: &str, b: &str) -> u8 {
    if a == b {
        return 1;
    }
    let (a, b) = (a.replace(' ', ""), b.replace(' ', ""));
    let longest = a.chars().count().max(b.chars().count());
    let edits = edits(&a, &b);
    if a == b || edits <= 1 && longest >= 3 {
        return 2;
    }
    match likeness(&a, &b) {
        like if like >= 0.92 || edits <= 2 && longest >= 6 => 3,
        like if like >= 0.82 => 4,
        like if like >= 0.70 => 5,
        _ => 6,
    }
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
