//! What a file's name says, and whether it is written to deceive.

use super::Refusal;
use super::kinds::{HIDDEN, PAGES, RUNS};

/// Marks that change the direction in which text is shown (UAX #9), and marks that are not shown at all: with them
/// `cod.exe` looks like `exe.doc`. The two marks that Persian and Arabic names need (U+200C, U+200D) are not among them.
pub(in crate::domain::reading) const fn is_deceiving(c: char) -> bool {
    matches!(c,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{200b}'
        | '\u{2028}' | '\u{2029}' | '\u{2060}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The ending of a file's name in lower case, without its dot; empty when it has none.
///
/// # Errors
/// When the name hides what the file is, or says that it runs.
pub(super) fn ending(name: &str) -> Result<String, Refusal> {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    if base.chars().any(|c| c.is_control() || is_deceiving(c)) {
        return Err(Refusal::MisleadingName);
    }
    // A colon parts the streams of one file on Windows; dots and spaces at the end are dropped there.
    let parts: Vec<String> = base.split(['.', ':']).map(|part| part.trim().to_lowercase()).collect();
    let mut told = parts.iter().skip(1).rev().skip_while(|part| part.is_empty());
    let Some(last) = told.next() else { return Ok(String::new()) };
    if RUNS.contains(&last.as_str()) {
        return Err(Refusal::Executable);
    }
    if PAGES.contains(&last.as_str()) {
        return Err(Refusal::ActiveContent);
    }
    let hidden = told.any(|part| HIDDEN.contains(&part.as_str()));
    if hidden { Err(Refusal::DoubleExtension) } else { Ok(last.clone()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ending_counts_and_paths_do_not() {
        for (name, expected) in [
            ("a.pdf", "pdf"),
            ("A.PDF. ", "pdf"),
            ("C:\\dir.exe\\plan.pdf", "pdf"),
            ("../../x.png", "png"),
            ("offer www.example.com.pdf", "pdf"),
            ("none", ""),
            ("", ""),
            ("...", ""),
            ("نام\u{200c}ها.pdf", "pdf"),
        ] {
            assert_eq!(ending(name).as_deref(), Ok(expected), "{name}");
        }
    }
}
