//! Text that strangers wrote, made fit for a cell that a spreadsheet opens: it stays text. Not for what is stored, and
//! not for programs, which want it as it is.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, which may run programs or carry the
//! rest of the sheet away (OWASP ASVS 1.2.10, CWE-1236). An apostrophe before it makes it text.
//!
//! Invariants:
//! - No line of a cell, and no part of it that a reader with another idea of separators would take for a cell, begins
//!   with one of those characters, whatever white space, quotation marks or invisible characters stand before it.
//! - What could steer a screen is gone, as [`plain`] has it: the table may be looked at on a terminal too.

use super::plain;

/// What begins a formula; some programs take the full-width, small and mathematical forms for the same.
const fn begins_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '﹦' | '﹢' | '﹣' | '﹫' | '−')
}

/// What some reader takes for the end of a cell.
const fn ends_cell(c: char) -> bool {
    matches!(c, ',' | ';' | '|' | '\t' | '\n' | '\r')
}

/// `text` as a cell that stays text.
#[must_use]
pub fn inert(text: &str) -> String {
    let shown = plain::lines(&text.replace("\r\n", "\n"));
    // Some spreadsheets leave these out and look at what comes next.
    let marked = text.starts_with(['\t', '\r', '\0']);
    let mut cell = String::with_capacity(shown.len().saturating_add(2));
    let (mut at_start, mut is_first) = (true, true);
    for c in shown.chars() {
        if at_start && begins_formula(c) {
            // At the very beginning it must be the first character: white space before it would hide it.
            cell.insert(if is_first { 0 } else { cell.len() }, '\'');
        }
        let goes_on = ends_cell(c) || at_start && (c.is_whitespace() || c == '"');
        is_first = is_first && goes_on && !ends_cell(c);
        at_start = goes_on;
        cell.push(c);
    }
    if marked && !cell.starts_with('\'') {
        cell.insert(0, '\'');
    }
    cell
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formulas_become_text_however_they_begin() {
        for (raw, cell) in [
            ("=1+1", "'=1+1"),
            ("+33 6 12 34 56 78", "'+33 6 12 34 56 78"),
            ("-2", "'-2"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("  =1", "'  =1"),
            ("\t=1", "' =1"),
            ("\tx", "' x"),
            ("\rx", "' x"),
            ("\0x", "' x"),
            ("＝1", "'＝1"),
            ("－1", "'－1"),
            ("\u{200b}=1", "'=1"),
            ("\u{a0}=1", "'\u{a0}=1"),
            ("\"=1", "'\"=1"),
            ("a\n=1", "a\n'=1"),
            ("a\r\n =1", "a\n '=1"),
            ("a;=1,@b", "a;'=1,'@b"),
            ("a\",\"=1", "a\",\"'=1"),
        ] {
            assert_eq!(inert(raw), cell, "{raw:?}");
        }
    }

    #[test]
    fn what_is_no_formula_stays_as_it_was() {
        for text in ["Zoé Čapek", "a=b", "1-2", "eva@web.example", "O'Brien", "'quoted'", "", "می\u{200c}خواهم", "a, b"]
        {
            assert_eq!(inert(text), text);
        }
    }

    proptest! {
        #[test]
        fn no_cell_and_no_part_of_one_begins_a_formula(text in "[=+@a ,;\"'\\-\\n\\t\\r\\x00＝é\u{200b}]{0,40}") {
            let cell = inert(&text);
            for part in cell.split(['\n', ',', ';', '\t', '|']) {
                let first = part.trim_start_matches(|c: char| c.is_whitespace() || c == '"').chars().next();
                prop_assert!(!first.is_some_and(begins_formula), "{text:?} -> {cell:?}");
            }
        }

        #[test]
        fn nothing_is_lost_but_what_cannot_be_shown(text in "\\PC{0,60}") {
            let bare = |text: &str| text.chars().filter(|c| *c != '\'').collect::<String>();
            prop_assert_eq!(bare(&inert(&text)), bare(&plain::lines(&text)));
        }
    }
}
