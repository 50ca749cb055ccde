//! Who is named in the header of a message inside a text, as mail programs show them.

use super::attribution::stands_before_name;
use super::forwarded::VALUE;
use super::text::one_line;
use crate::domain::submission::Mailbox;

/// Recipients kept.
const RECIPIENTS: usize = 50;

/// Who and when of an attribution line: the address in its brackets with the words between it and the date that are its
/// name, and the first run of words that begins with a digit and is not of the name.
pub(super) fn attribution(line: &str) -> Option<(String, String)> {
    let inside =
        |open: usize| line.get(open + 1..).unwrap_or_default().split(['>', ')', ']']).next().unwrap_or_default();
    let mut brackets = line.char_indices().filter(|(_, c)| matches!(c, '<' | '(' | '[')).map(|(at, _)| at);
    let open = brackets.find(|&open| inside(open).contains('@') && !inside(open).contains(' '))?;
    let before = line.get(..open)?.trim_end_matches(['(', '<', ' ']);
    let date_end = end_of_date(before);
    let name = name_of(before.get(date_end.unwrap_or(0)..)?, date_end.is_some());
    let dated = if date_end.is_some() { before } else { line.get(open + 1 + inside(open).len()..)? };
    let digits = dated.find(|c: char| c.is_ascii_digit())?;
    let date: String =
        dated.get(digits..)?.chars().take_while(|c| c.is_ascii_digit() || " /.:-,".contains(*c)).collect();
    let address = inside(open).trim_matches(|c: char| "<>()[]".contains(c));
    Some((format!("{name} <{address}>"), date.trim_matches([' ', ',', '.', ':', '-']).to_owned()))
}

/// `12:46`, `9.30`, `09:26:50`, with marks around.
fn is_clock(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_ascii_digit());
    let parts = word.split_once([':', '.']);
    parts.is_some_and(|(hour, rest)| (1..=2).contains(&hour.len()) && matches!(rest.len(), 2 | 5))
        && word.bytes().all(|b| b.is_ascii_digit() || b == b':' || b == b'.')
}

/// Where a date with its time ends, in bytes; `None` when no numbers stand there that are one.
fn end_of_date(text: &str) -> Option<usize> {
    let is_date = |word: &&str| {
        word.chars().filter(char::is_ascii_digit).count() >= 4 && word.matches(['/', '.', '-']).count() >= 2
    };
    let found = text.split_whitespace().find(|word| is_clock(word));
    let word = found.or_else(|| text.split_whitespace().find(is_date))?;
    Some(text.find(word)? + word.len())
}

/// A name less its quotes; behind a date also less the rest of the time, and the verb or the word for "user".
fn name_of(text: &str, behind_date: bool) -> &str {
    const TIMES: [&str; 8] = ["AM", "PM", "Uhr", "h", "CET", "CEST", "MEZ", "MESZ"];
    let mut name = text;
    loop {
        name = name.trim_start_matches(|c: char| c.is_whitespace() || ",;.–—".contains(c));
        let Some((word, rest)) = name.split_once(char::is_whitespace).filter(|_| behind_date) else { break };
        let bare = word.trim_end_matches([',', '.']);
        let of_time = is_clock(bare) || TIMES.contains(&bare) || bare.starts_with("GMT") || bare.starts_with("UTC");
        if !of_time && !stands_before_name(bare) || rest.trim().is_empty() {
            break;
        }
        name = rest;
    }
    let name = name.trim_end_matches(|c: char| c.is_whitespace() || c == ',');
    let quotes = [('"', '"'), ('„', '”'), ('„', '“'), ('“', '”'), ('«', '»'), ('»', '«'), ('\'', '\'')];
    let bare = quotes.iter().find_map(|(open, close)| name.strip_prefix(*open)?.strip_suffix(*close));
    bare.unwrap_or(name).trim()
}

/// A sender or recipient as mail programs write it: `Eva <e@w.example>`, `"Eva" [mailto:e@w.example]`, `e@w.example`,
/// `'Eva, Ms' <e@w.example<mailto:e@w.example>>`, or a name alone.
pub(super) fn mailbox(text: &str) -> Mailbox {
    let text = without_mailto(text);
    let bracket = text.char_indices().filter(|(_, c)| matches!(c, '<' | '[' | '(')).map(|(at, _)| at).find(|&at| {
        let inside = text.get(at + 1..).unwrap_or_default();
        inside.split(['>', ']', ')']).next().is_some_and(|inside| inside.contains('@'))
    });
    let (name, address) = match bracket {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default()),
        None if text.trim().contains(char::is_whitespace) || !text.contains('@') => (text.as_str(), ""),
        None => ("", text.as_str()),
    };
    // What stands behind the bracket is no address: `Eva <e@w.example> on behalf of ..`.
    let address = address.trim().trim_start_matches("mailto:").split(['>', ']', ')']).next().unwrap_or_default();
    let address = address.trim_matches(|c: char| "<>[]()\"'*;, ".contains(c) || c.is_whitespace());
    let address = Some(address).filter(|a| a.contains('@') && !a.contains(char::is_whitespace)).map(str::to_owned);
    let name = one_line(name, VALUE);
    let name = name.trim_matches(|c: char| "\"'*,;".contains(c) || c.is_whitespace());
    let is_address = address.as_deref().is_some_and(|a| a.eq_ignore_ascii_case(name));
    let named = !name.is_empty() && !is_address && name.chars().any(char::is_alphanumeric);
    Mailbox { name: named.then(|| name.to_owned()), address }
}

/// `x@y<mailto:x@y>` -> `x@y`; `[mailto:x@y]` -> `[x@y]`.
fn without_mailto(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("<mailto:") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let after = from.strip_prefix("<mailto:").unwrap_or_default();
        let (address, behind) = after.split_once('>').unwrap_or((after, ""));
        if !before.trim_end().ends_with(address) {
            out.push('<');
            out.push_str(address);
            out.push('>');
        }
        rest = behind;
    }
    out.push_str(rest);
    out.replace("[mailto:", "[").replace("(mailto:", "(")
}

/// A list of recipients, split at `,` and `;` outside quotes and brackets; a piece without an address belongs to the
/// next one that has one.
pub(super) fn mailbox_list(text: &str) -> Vec<Mailbox> {
    let text = without_mailto(text);
    let (mut pieces, mut piece) = (Vec::new(), String::new());
    let (mut quoted, mut depth) = (false, 0_u32);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            '<' | '[' => depth += 1,
            '>' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if matches!(c, ',' | ';') && !quoted && depth == 0 {
            let named_only = c == ',' && !piece.contains('@') && text.contains('@');
            if !named_only {
                pieces.push(std::mem::take(&mut piece));
                continue;
            }
        }
        piece.push(c);
    }
    pieces.push(piece);
    let found = pieces.iter().take(RECIPIENTS).map(|piece| mailbox(piece.trim()));
    found.filter(|found| *found != Mailbox::default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_are_read_as_programs_write_them() {
        for (text, name, address) in [
            ("Eva <e@w.example>", Some("Eva"), Some("e@w.example")),
            ("\"Nová, Eva\" <e@w.example>", Some("Nová, Eva"), Some("e@w.example")),
            ("'Eva' [mailto:e@w.example]", Some("Eva"), Some("e@w.example")),
            ("e@w.example <e@w.example<mailto:e@w.example>>", None, Some("e@w.example")),
            ("e@w.example", None, Some("e@w.example")),
            ("Eva Nová", Some("Eva Nová"), None),
            ("Eva (e@w.example)", Some("Eva"), Some("e@w.example")),
        ] {
            let found = mailbox(text);
            assert_eq!((found.name.as_deref(), found.address.as_deref()), (name, address), "{text}");
        }
    }

    #[test]
    fn the_name_of_an_attribution_is_what_stands_between_the_date_and_the_address() {
        const NAMES: [&str; 10] = [
            "Eva",
            "ursula von der leyden",
            "O'Donnell, Eva",
            "Firma, s.r.o.",
            "3M Deutschland",
            "ООО «Ромашка»",
            "Sales @ Firma",
            "Eva (Firma GmbH)",
            "no-reply",
            "محمد بن عبد الله",
        ];
        for name in NAMES {
            for line in [
                format!("On 28/10/2021 12:46, \"{name}\" <e@w.example> wrote:"),
                format!("On Thu, 28 Oct 2021 at 12:46 PM, {name} <e@w.example> wrote:"),
                format!("Le 28/10/2021 12:46, «\u{a0}{name}\u{a0}» <e@w.example> a écrit :"),
                format!("Am 28.10.21, 12:46 schrieb \"{name}\" <e@w.example>:"),
                format!("Dnia 28/10/2021, 12:46 użytkownik „{name}” <e@w.example> napisał:"),
                format!("Op 28/10/2021 12:46 heeft {name} <e@w.example> geschreven:"),
                format!("D. 28/10/2021 12.46 skrev {name} <e@w.example>:"),
                format!("28/10/2021 12:46 používateľ {name} (<e@w.example>) napísal:"),
                format!("28/10/2021 12:46 időpontban {name} (e@w.example) ezt írta:"),
                format!("{name} <e@w.example> kirjoitti 28/10/2021 12.46:"),
                format!("\"{name}\" <e@w.example>, 28/10/2021 12:46 tarihinde şunu yazdı:"),
            ] {
                let (from, date) = attribution(&line).unwrap();
                assert_eq!(from, format!("{name} <e@w.example>"), "{line}");
                assert!(date.starts_with("28"), "{line}: {date}");
            }
        }
    }
}
