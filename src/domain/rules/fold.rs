//! Folding: the one view in which rule words and message words are compared.
//!
//! Steps: NFKD, case folding, combining marks dropped, œ/æ and ß spelled out, typographic apostrophes made `'`,
//! every kind of space made a plain one, Arabic letters made Persian, ZWNJ dropped, Persian and Arabic digits made
//! ASCII. NFKD rather than NFKC: NFKC leaves `é` composed, so no mark would be dropped.
//!
//! Invariants: folding is total; folding twice is folding once; the offset table maps every folded byte to the
//! first byte of the raw character it came from, so that what a pattern captures is returned as it was written.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// A text, folded, that remembers where each byte came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folded {
    text: String,
    /// Raw offset of each folded byte, and the raw length as last entry.
    offsets: Vec<u32>,
}

impl Folded {
    /// Folds `raw`. Offsets beyond 4 GiB saturate.
    #[must_use]
    pub fn new(raw: &str) -> Self {
        let mut text = String::with_capacity(raw.len());
        let mut offsets = Vec::with_capacity(raw.len() + 1);
        for (at, c) in raw.char_indices() {
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            fold_char(c, &mut |f| text.push(f));
            offsets.resize(text.len(), at);
        }
        offsets.push(u32::try_from(raw.len()).unwrap_or(u32::MAX));
        Self { text, offsets }
    }

    /// The folded text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The raw byte range behind the folded byte range `from..to`; marks that belong to the last letter are included.
    #[must_use]
    pub fn raw_range(&self, from: usize, to: usize) -> (usize, usize) {
        let at = |i: usize| self.offsets.get(i).or(self.offsets.last()).map_or(0, |o| *o as usize);
        (at(from), at(to).max(at(from)))
    }
}

/// Folds a text when the places do not matter: a word of a rule, an entry of a list.
#[must_use]
pub fn fold(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in raw.chars() {
        fold_char(c, &mut |f| out.push(f));
    }
    out
}

fn fold_char(c: char, emit: &mut impl FnMut(char)) {
    if c.is_ascii() {
        emit(if c.is_ascii_whitespace() && c != '\n' && c != '\r' { ' ' } else { c.to_ascii_lowercase() });
        return;
    }
    decompose_compatible(c, |d| fold_decomposed(d, emit));
}

fn fold_decomposed(c: char, emit: &mut impl FnMut(char)) {
    if is_combining_mark(c) {
        return;
    }
    match c {
        'œ' | 'Œ' => "oe".chars().for_each(emit),
        'æ' | 'Æ' => "ae".chars().for_each(emit),
        'ß' | 'ẞ' => "ss".chars().for_each(emit),
        '\u{2018}' | '\u{2019}' | '\u{201B}' | '\u{2032}' | '\u{02BC}' | '\u{02B9}' | '\u{FF07}' => emit('\''),
        'ي' | 'ى' => emit('ی'),
        'ك' => emit('ک'),
        '\u{200C}' | '\u{200D}' | '\u{FEFF}' | '\u{00AD}' | '\u{0640}' => {}
        '\u{0660}'..='\u{0669}' => emit_digit(c, '\u{0660}', emit),
        '\u{06F0}'..='\u{06F9}' => emit_digit(c, '\u{06F0}', emit),
        _ if c.is_whitespace() && c != '\n' && c != '\r' => emit(' '),
        _ => fold_case(c, emit),
    }
}

fn emit_digit(c: char, zero: char, emit: &mut impl FnMut(char)) {
    let value = u32::from(c).saturating_sub(u32::from(zero));
    emit(char::from_digit(value, 10).unwrap_or(c));
}

/// Case folding by way of upper case, which also joins `ς` with `σ` and `ı` with `i`.
fn fold_case(c: char, emit: &mut impl FnMut(char)) {
    for upper in c.to_uppercase() {
        for lower in upper.to_lowercase() {
            if !is_combining_mark(lower) {
                emit(lower);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accents_case_ligatures_and_spaces_fold() {
        assert_eq!(fold("DÉVÎS\u{202F}Œuvre d\u{2019}Ærø ß ẞ"), "devis oeuvre d'aerø ss ss");
        assert_eq!(fold("5\u{00A0}000,00\u{00A0}€\tfin"), "5 000,00 € fin");
    }

    #[test]
    fn czech_letters_fold() {
        assert_eq!(fold("ĚŠČŘŽÝÁÍÉŮÚŤĎŇ poptávka"), "escrzyaieuutdn poptavka");
    }

    #[test]
    fn persian_and_arabic_letters_and_digits_fold_to_one_form() {
        assert_eq!(fold("كتاب علي"), fold("کتاب علی"));
        assert_eq!(fold("می\u{200C}خواهم"), "میخواهم");
        assert_eq!(fold("۱۲۳ ٤٥٦"), "123 456");
    }

    #[test]
    fn captures_map_back_to_the_accents() {
        let raw = "La Société Générale, œuvre";
        let folded = Folded::new(raw);
        let at = folded.as_str().find("societe generale").unwrap();
        let (from, to) = folded.raw_range(at, at + "societe generale".len());
        assert_eq!(&raw[from..to], "Société Générale");
        let at = folded.as_str().find("oeuvre").unwrap();
        let (from, to) = folded.raw_range(at, at + 6);
        assert_eq!(&raw[from..to], "œuvre");
    }

    #[test]
    fn captures_of_decomposed_letters_keep_their_marks() {
        let raw = "cafe\u{301} noir";
        let folded = Folded::new(raw);
        let (from, to) = folded.raw_range(0, 4);
        assert_eq!(&raw[from..to], "cafe\u{301}");
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(raw in "\\PC{0,40}") {
            let once = fold(&raw);
            prop_assert_eq!(fold(&once), once.clone());
            let folded = Folded::new(&raw);
            prop_assert_eq!(folded.as_str(), once.as_str());
            for (i, _) in once.char_indices() {
                let (from, to) = folded.raw_range(i, once.len());
                prop_assert!(raw.get(from..to).is_some());
            }
        }
    }
}
