//! Reports in words for people: where they end, whom they are about, what was answered.

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::reading::addresses::clean_address;
use crate::domain::reading::body::cut;
use crate::domain::reading::text::non_empty_line;

/// Lines of a report looked at.
const LINES: usize = 400;
/// Lines below a recipient that belong to their refusal.
const REFUSAL_LINES: usize = 8;

/// An address, with or without brackets.
static ADDRESS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"[^\s<>"(),:;\[\]@]+@[^\s<>"(),:;\[\]@.]+(?:\.[^\s<>"(),:;\[\]@.]+)+"#).ok());
/// Fields with which a returned message begins.
static RETURNED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^(?:return-path|received|dkim-signature|mime-version|x-[a-z0-9-]{2,40}|arc-[a-z-]{4,40}): ?\S")
        .ok()
});

/// What a report tells in words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Whom it could not be delivered to.
    pub(super) recipient: Option<String>,
    /// What was answered about them, on one line.
    pub(super) refusal: Option<String>,
}

/// The report's own words: what comes before the returned message.
pub(super) fn report_text(text: &str) -> &str {
    let Some(returned) = RETURNED.as_ref() else { return text };
    let mut at = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        // A report may begin with lines of its own that look so; a returned message never stands at the very top.
        if index > 2 && returned.is_match(line) {
            break;
        }
        at += line.len();
    }
    cut(text, at)
}

/// Whom a report is about and what was answered about them. `known`: the recipient, when a field names them; `nobodies`:
/// addresses that are never the recipient, lower case.
pub(super) fn told(own: &str, known: Option<&str>, nobodies: &[String]) -> Told {
    let lines: Vec<&str> = own.lines().take(LINES).map(str::trim).collect();
    let known = known.map(str::to_lowercase);
    let mut best: Option<(u8, usize, String)> = None;
    for (index, line) in lines.iter().enumerate() {
        let Some(address) = recipient_in(line, nobodies) else { continue };
        let lower = address.to_lowercase();
        let is_known = known.as_ref().is_some_and(|known| *known == lower);
        if known.is_some() && !is_known {
            continue;
        }
        let rank = rank(line, &address);
        if best.as_ref().is_none_or(|(before, ..)| rank > *before) {
            best = Some((rank, index, address));
        }
    }
    let Some((rank, index, address)) = best else { return Told::default() };
    let refusal = if rank >= 2 { refusal(&lines, index, &address) } else { None };
    Told { recipient: Some(address), refusal }
}

/// How surely a line names the recipient: alone on it, or at its start or behind a label with the answer to follow,
/// before anywhere in a sentence.
fn rank(line: &str, address: &str) -> u8 {
    let bare = line.trim_matches(|c: char| !c.is_alphanumeric());
    let start = line.trim_start_matches(['<', '*', '-', '(', '[', '"', '\'', ' ']);
    let label = line.split(address).next().unwrap_or_default().trim_end_matches(['<', ' ', '"', '\'']);
    if bare.eq_ignore_ascii_case(address) {
        3
    } else if start.starts_with(address) || label.ends_with(':') && label.chars().count() <= 40 {
        2
    } else {
        1
    }
}

/// The first address of a line that may be a recipient.
fn recipient_in(line: &str, nobodies: &[String]) -> Option<String> {
    if !line.contains('@') {
        return None;
    }
    let machines = ["mailer-daemon", "postmaster", "noreply", "no-reply", "abuse@"];
    let found = ADDRESS.as_ref()?.find_iter(cut(line, 1_000)).take(10).filter_map(|m| clean_address(m.as_str()));
    let mut people = found.filter(|address| {
        let lower = address.to_lowercase();
        !nobodies.contains(&lower) && !machines.iter().any(|machine| lower.starts_with(machine))
    });
    people.next()
}

/// What follows the recipient: the rest of the line, and the lines below up to a blank one or the next recipient.
fn refusal(lines: &[&str], index: usize, address: &str) -> Option<String> {
    let rest = lines.get(index)?.split_once(address).map_or("", |(_, rest)| rest);
    let mut said = rest.trim_matches(|c: char| c.is_whitespace() || "<>:;,-.()\"'".contains(c)).to_owned();
    let below = lines.iter().skip(index + 1);
    let alone = said.is_empty();
    let below = below.skip_while(|line| alone && line.is_empty()).take(REFUSAL_LINES);
    for line in below.take_while(|line| !line.is_empty() && !line.starts_with("---") && !line.starts_with("===")) {
        said.push(' ');
        said.push_str(cut(line, 500));
    }
    non_empty_line(&said, 500)
}

/// Words by which a report without a status part says that it still tries.
pub(super) fn looks_delayed(subject: &str, own: &str) -> bool {
    let subject = subject.to_lowercase();
    let head = cut(own, 2_000).to_lowercase();
    [
        "delayed",
        "delay)",
        "warning: could not send",
        "warning: message",
        "still being retried",
        "verzögert",
        "retard",
        "zpožděn",
        "opóźnion",
        "retras",
        "ritard",
        "задерж",
        "vertraagd",
        "försen",
        "forsink",
    ]
    .iter()
    .any(|word| subject.contains(word))
        || [
            "this is a warning message only",
            "do not need to resend",
            "do not need to re-send",
            "only a temporary failure",
            "will continue to try",
            "will be retried",
            "will keep trying",
            "temporary problem delivering",
            "has not been delivered yet",
            "not yet been delivered",
        ]
        .iter()
        .any(|word| head.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recipient_is_the_one_the_answer_stands_below() {
        let nobodies = ["us@ours.example".to_owned()];
        for (text, recipient, refusal) in [
            (
                "To us@ours.example:\n\nIt failed:\n\n  eva@web.example\n    host mx said: 550 no\n    more of it\n\nBye",
                "eva@web.example",
                "host mx said: 550 no more of it",
            ),
            (
                "Hi.\n<eva@web.example>:\nSorry, no mailbox here.\n\n--- Below",
                "eva@web.example",
                "Sorry, no mailbox here.",
            ),
            ("Your message to eva@web.example could not\nbe delivered", "eva@web.example", ""),
            ("Recipient: <eva@web.example>\nReason: unknown", "eva@web.example", "Reason: unknown"),
            ("<eva@web.example>... User unknown", "eva@web.example", "User unknown"),
        ] {
            let told = told(text, None, &nobodies);
            assert_eq!(told.recipient.as_deref(), Some(recipient), "{text}");
            assert_eq!(told.refusal.as_deref().unwrap_or_default(), refusal, "{text}");
        }
        assert_eq!(told("us@ours.example", None, &nobodies), Told::default());
    }

    #[test]
    fn the_returned_message_is_no_word_of_the_report() {
        let text = "It failed.\n\n--- copy ---\n\nReturn-Path: <us@ours.example>\nSubject: user unknown\n";
        assert_eq!(report_text(text), "It failed.\n\n--- copy ---\n\n");
    }
}
