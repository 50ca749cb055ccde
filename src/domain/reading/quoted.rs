//! The new text of a reply, apart from what it quotes.
//!
//! Losing a word is far worse than keeping a quotation, so this cuts only what is certain:
//! - never on a first message or a forward;
//! - a quotation is a splitter line ("On .. wrote:"), a delimiter ("-----Original Message-----") or a header block, and
//!   what follows; or lines marked by `>`;
//! - answers written between quotations keep the whole exchange;
//! - an empty result gives the original back.
//!
//! Every line goes to exactly one side, so the reply is a subsequence of the text.

use std::sync::LazyLock;

use regex::Regex;

/// Lines looked at.
const LINES: usize = 5_000;

/// A text in two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The new text.
    pub reply: String,
    /// What was cut.
    pub quoted: Option<String>,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Empty,
    Quote,
    Text,
}

/// "On .. wrote:" in our languages, on one line (joined when wrapped). A digit and the closing colon are demanded
/// beside it, so that a sentence with the same words stays text.
static SPLITTER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)^[\s>*]*(?:
          (?:on|le|am|dne|el|il|em|op|den|w\ dniu|dnia|на|da|pe|dana|på|a|во|вт|ср|чт|пт|пн|сб|вс|در|في|\d)\b .{6,300}?
          (?:wrote|a\ écrit|schrieb|napsala?|napsal\(a\)|napísala?|escribió|ha\ scritto|escreveu|schreef|skrev|
             napisała?|napisał\(a\)|kirjoitti|írta|a\ scris|je\ napisao|yazdı|написала?|пише|نوشت|كتب)
          .{0,200} [:：]
        )\s*$",
    )
    .ok()
});

/// A rule with words: "-----Original Message-----".
static DELIMITER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)^[\s>]*-{3,}\s*(?:original\ message|message\ d'origine|message\ original|ursprüngliche\ nachricht|
          original-nachricht|původní\ zpráva|pôvodná\ správa|mensaje\ original|messaggio\ originale|mensagem\ original|
          oorspronkelijk\ bericht|oprindelig\ meddelelse|ursprungligt\ meddelande|wiadomość\ oryginalna|
          исходное\ сообщение|پیام\ اصلی)\s*-{3,}\s*$",
    )
    .ok()
});

/// A header line of an embedded message, by its label.
static HEADER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)^[\s>*]*(from|de|von|od|da|van|fra|från|de\ la|از|
          sent|envoyé(?:\ le)?|gesendet|odesláno|poslané|enviado(?:\ el|\ em)?|inviato|verzonden|date|datum|fecha|data|تاریخ|
          to|à|an|komu|para|a|aan|til|till|به|cc|kopie|subject|objet|betreff|předmět|predmet|asunto|oggetto|onderwerp|
          assunto|emne|ämne|موضوع)\s*\*?\s*[:：]",
    )
    .ok()
});

fn is(regex: &LazyLock<Option<Regex>>, line: &str) -> bool {
    line.len() < 2_000 && regex.as_ref().is_some_and(|r| r.is_match(line))
}

/// Splits `text`. `is_reply`: the message answers another (In-Reply-To, References or a subject with `Re:`).
pub fn split(text: &str, is_reply: bool) -> Split {
    let whole = || Split { reply: text.to_owned(), quoted: None };
    if !is_reply {
        return whole();
    }
    let lines: Vec<&str> = text.split('\n').collect();
    if lines.len() > LINES * 20 {
        return whole();
    }
    let kinds: Vec<Line> = lines.iter().map(|line| kind(line)).collect();
    let Some(cut) = find(&lines, &kinds) else { return whole() };
    let (mut reply, mut quoted) = (Vec::new(), Vec::new());
    for (index, line) in lines.iter().enumerate() {
        if cut.contains(&index) { quoted.push(*line) } else { reply.push(*line) }
    }
    let reply = reply.join("\n");
    if reply.trim().is_empty() {
        return whole();
    }
    let quoted = quoted.join("\n");
    Split { reply: reply.trim_end().to_owned(), quoted: Some(quoted).filter(|q| !q.trim().is_empty()) }
}

fn kind(line: &str) -> Line {
    let start = line.trim_start();
    if start.is_empty() {
        Line::Empty
    } else if start.starts_with('>') && line.len() - start.len() <= 3 {
        Line::Quote
    } else {
        Line::Text
    }
}

/// The lines to cut.
fn find(lines: &[&str], kinds: &[Line]) -> Option<std::ops::Range<usize>> {
    let end = lines.len();
    for index in 0..end.min(LINES) {
        let line = lines.get(index)?;
        if is(&DELIMITER, line) && header_labels(lines, index + 1) >= 1 {
            return Some(index..end);
        }
        if header_labels(lines, index) >= 3 && starts_block(lines, index) {
            let start = rule_above(lines, index);
            return Some(start..end);
        }
        if let Some(after) = splitter_end(lines, kinds, index) {
            return quote_from(lines, kinds, index, after);
        }
        if kinds.get(index) == Some(&Line::Quote) {
            return quote_from(lines, kinds, index, index);
        }
    }
    None
}

/// Index behind a splitter that starts at `index`, wrapped over at most four lines.
fn splitter_end(lines: &[&str], kinds: &[Line], index: usize) -> Option<usize> {
    if kinds.get(index) != Some(&Line::Text) {
        return None;
    }
    let mut joined = String::new();
    for (offset, line) in lines.iter().skip(index).take(4).enumerate() {
        if line.trim().is_empty() || joined.len() + line.len() > 600 {
            return None;
        }
        joined.push_str(line.trim());
        if line.trim_end().ends_with([':', '：']) {
            let dated = joined.chars().any(char::is_numeric);
            return (dated && is(&SPLITTER, &joined)).then_some(index + offset + 1);
        }
        joined.push(' ');
    }
    None
}

/// The cut of a quotation that starts at `start`, its quoted lines at or behind `body`.
fn quote_from(lines: &[&str], kinds: &[Line], start: usize, body: usize) -> Option<std::ops::Range<usize>> {
    let first = (body..lines.len()).find(|&i| kinds.get(i) != Some(&Line::Empty))?;
    if kinds.get(first) != Some(&Line::Quote) {
        // No marks at all: everything behind the splitter is the old message, if the splitter names an address or time.
        let head = lines.get(start..body)?.join(" ");
        let certain = head.contains('@') || head.as_bytes().windows(3).any(is_clock);
        return certain.then_some(start..lines.len());
    }
    let stop = (first..lines.len()).find(|&i| kinds.get(i) == Some(&Line::Text)).unwrap_or(lines.len());
    let more = kinds.get(stop..)?.contains(&Line::Quote);
    // Quote, answer, quote: an exchange that only makes sense whole.
    (!more).then_some(start..stop)
}

fn is_clock(window: &[u8]) -> bool {
    matches!(window, [a, b':' | b'h', b] if a.is_ascii_digit() && b.is_ascii_digit())
}

/// How many of the six lines from `index` are header lines, counted until the first that is not.
fn header_labels(lines: &[&str], index: usize) -> usize {
    let block = lines.iter().skip(index).skip_while(|l| l.trim().is_empty()).take(6);
    block.take_while(|line| is(&HEADER, line)).count()
}

/// A header block begins here, not in the middle of one.
fn starts_block(lines: &[&str], index: usize) -> bool {
    lines.get(index).is_some_and(|line| is(&HEADER, line))
        && index.checked_sub(1).and_then(|i| lines.get(i)).is_none_or(|before| !is(&HEADER, before))
}

/// The start of a block with the ruled line above it, if there is one.
fn rule_above(lines: &[&str], index: usize) -> usize {
    let above = (0..index).rev().take(2).find(|&i| lines.get(i).is_some_and(|line| !line.trim().is_empty()));
    let ruled = above.filter(|&i| {
        lines.get(i).is_some_and(|line| line.trim().len() >= 5 && line.trim().chars().all(|c| "_-=*".contains(c)))
    });
    ruled.unwrap_or(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &str) -> String {
        split(text, true).reply
    }

    #[test]
    fn quotations_of_common_programs_are_cut() {
        for text in [
            "Yes please.\n\nOn Mon, 3 Mar 2025 at 10:11, Eva Example <eva@web.example> wrote:\n> old\n> text\n",
            "Yes please.\n\nLe lun. 3 mars 2025 à 10:11, Eva <eva@web.example> a\nécrit :\n> ancien\n",
            "Yes please.\n\nDne po 3. 3. 2025 10:11 Eva <eva@web.example> napsala:\n> starý\n",
            "Yes please.\n\n-----Original Message-----\nFrom: Eva\nSent: Monday\nold",
            "Yes please.\n\n________________________________\nFrom: Eva <e@w.example>\nSent: Monday, 3 March\nTo: us\nSubject: x\n\nold",
            "Yes please.\n\nVon: Eva\nGesendet: Montag\nAn: uns\nBetreff: x\n\nalt",
            "Yes please.\n> old",
        ] {
            assert_eq!(reply(text), "Yes please.", "{text}");
        }
    }

    #[test]
    fn answers_below_the_quotation_stay() {
        assert_eq!(reply("On 3 Mar 2025 10:11, Eva wrote:\n> old?\n\nYes."), "Yes.");
    }

    #[test]
    fn what_is_not_certain_stays_whole() {
        for text in [
            "> one?\nyes\n> two?\nno",
            "On Monday we wrote:\nplease send 3 pieces",
            "> only a quotation",
            "From: Paris\nwith love",
        ] {
            assert_eq!(split(text, true), Split { reply: text.to_owned(), quoted: None }, "{text}");
        }
        assert_eq!(split("a\n> b", false).quoted, None);
    }
}
