//! The signature block, cut only when it is certain: the delimiter line of RFC 3676, or a mobile program's footer.
//!
//! Signatures without a delimiter stay in the text; telling them apart needs the sender's name and history.

use std::sync::LazyLock;

use regex::Regex;

/// Longest block behind a delimiter, in non-empty lines; a longer one is text.
const LINES: usize = 15;

static FOOTER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)^\s*(?:sent\ from\ my\ [^,;:!?]{2,30}|sent\ from\ (?:yahoo|outlook|mail)[^,;:!?]{0,30}|
          get\ outlook\ for\ [a-z]+|envoyé\ (?:de|depuis)\ mon\ [^,;:!?]{2,30}|
          (?:von\ meinem\ [^,;:!?]{2,30}\ gesendet|gesendet\ von\ meinem\ [^,;:!?]{2,30})|
          odesláno\ z\ (?:mého\ )?[^,;:!?]{2,30}|enviado\ desde\ mi\ [^,;:!?]{2,30}|
          inviato\ da(?:l\ mio)?\ [^,;:!?]{2,30}|ارسال\ شده\ از\ [^,;:!?]{2,30})\.?\s*$",
    )
    .ok()
});

/// Splits a signature off: (text, signature). The text is never empty unless it was.
pub fn split(text: &str) -> (String, Option<String>) {
    let lines: Vec<&str> = text.split('\n').collect();
    let delimiter = lines.iter().rposition(|line| matches!(*line, "-- " | "--"));
    let start = delimiter.or_else(|| {
        let last = lines.iter().rposition(|line| !line.trim().is_empty())?;
        let footer = lines
            .get(last)
            .is_some_and(|line| line.len() < 120 && FOOTER.as_ref().is_some_and(|footer| footer.is_match(line)));
        footer.then_some(last)
    });
    let Some(start) = start else { return (text.to_owned(), None) };
    let (above, block) = lines.split_at_checked(start).unwrap_or((&lines, &[]));
    let filled = block.iter().filter(|line| !line.trim().is_empty()).count();
    let kept = above.join("\n");
    let quoted = block.iter().any(|line| line.trim_start().starts_with('>'));
    if kept.trim().is_empty() || filled > LINES || filled == 0 || quoted {
        return (text.to_owned(), None);
    }
    let skip = usize::from(delimiter.is_some());
    let signature = block.iter().skip(skip).copied().collect::<Vec<_>>().join("\n").trim().to_owned();
    if signature.is_empty() {
        return (text.to_owned(), None);
    }
    (kept.trim_end().to_owned(), Some(signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delimited_block_and_a_mobile_footer_are_signatures() {
        assert_eq!(split("Hi\n\n-- \nEva\nTel. 1"), ("Hi".to_owned(), Some("Eva\nTel. 1".to_owned())));
        assert_eq!(split("Hi\nSent from my iPhone\n").1.as_deref(), Some("Sent from my iPhone"));
    }

    #[test]
    fn what_only_looks_like_one_is_text() {
        for text in ["-- \nall of it", "a -- b", "Sent from my desk, with three pages of remarks", "x\n--", ""] {
            assert_eq!(split(text), (text.to_owned(), None), "{text}");
        }
    }
}
