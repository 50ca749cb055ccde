//! A message passed on inside a text: who wrote it, to whom, when, about what, and its words.
//!
//! Not here: messages passed on as attachments, and whether the one who passes on is to be believed.
//!
//! Invariants:
//! - linear in the text; at most [`LINES`] lines are looked at for the header block;
//! - every word of the text is above the block, in it, or in the passed-on text;
//! - a header block alone is no forward when the subject says that the mail answers.

use super::budget;
use super::header_labels::{Label, Prefix, Rule, header_line, label, rule, says_sent};
use super::passed_people::{attribution, mailbox, mailbox_list};
use super::text::one_line;
use crate::domain::submission::{Forwarded, Mailbox};

/// Lines looked at for the start of a passed-on message.
const LINES: usize = 2_000;
/// Header lines of one block, with their continuations.
const BLOCK: usize = 40;
/// Longest value kept, in characters.
pub(super) const VALUE: usize = 500;

/// A text in two: what the one who passes on wrote above, and what was passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Passed {
    /// The text above; may be empty.
    pub(super) above: String,
    /// The message inside.
    pub(super) inner: Forwarded,
}

/// One line with its quotation mark taken off.
pub(super) struct Line<'a> {
    text: &'a str,
    quoted: bool,
}

/// The header lines of a message inside a text.
#[derive(Default)]
pub(super) struct Block {
    /// First line of the block.
    pub(super) start: usize,
    /// First line behind it.
    pub(super) end: usize,
    values: Vec<(Label, String)>,
}

impl Block {
    fn get(&self, wanted: Label) -> Option<&str> {
        self.values.iter().find(|(l, v)| *l == wanted && !v.is_empty()).map(|(_, value)| value.as_str())
    }

    fn has(&self, wanted: Label) -> bool {
        self.get(wanted).is_some()
    }
}

/// Finds the first message passed on in `text`. `subject` is how the outer subject begins; `is_answer`: the outer message
/// has In-Reply-To or References.
pub(super) fn read(text: &str, subject: Prefix, is_answer: bool) -> Option<Passed> {
    let raw: Vec<&str> = text.split('\n').collect();
    let lines: Vec<Line<'_>> = raw.iter().take(LINES + BLOCK).map(|line| unquoted(line)).collect();
    for at in 0..lines.len().min(LINES) {
        if !budget::pay(lines.get(at).map_or(1, |line| line.text.len() + 1)) {
            return None;
        }
        let found = one_line_block(&lines, at).or_else(|| block_at(&lines, at)).or_else(|| indented_block(&lines, at));
        let Some((block, above, said)) = found.map(|block| {
            let (above, said) = rule_above(&lines, block.start);
            (block, above, said)
        }) else {
            continue;
        };
        if believed(&block, said, subject, is_answer, lines.get(at).is_some_and(|l| l.quoted)) {
            return Some(passed(&raw, &lines, &block, above));
        }
        // A block that is none of ours: what it heads is quoted, and so is everything behind it.
        return None;
    }
    None
}

fn believed(block: &Block, said: Option<Rule>, subject: Prefix, is_answer: bool, quoted: bool) -> bool {
    let answers = subject == Prefix::Reply || is_answer && subject != Prefix::Forward;
    match said {
        Some(Rule::Forwarded) => !answers || !quoted,
        _ if answers => false,
        _ if subject == Prefix::Forward => block.values.len() >= 2,
        Some(Rule::Original) => block.values.len() >= 2,
        _ if block.end == block.start + 1 && block.values.len() == 2 => true,
        _ => block.values.len() >= 3 && (block.has(Label::Date) || block.has(Label::Subject)),
    }
}

/// The header lines of an old message at `at`, in a mail that answers: its block from the ruled line above it to the last
/// header line.
///
/// Three header lines are enough when one of them is written as mails are: with an address, a subject, a word for "sent" or
/// a ruled line above. Two are enough with an address and a date or subject, or below "Original message".
pub(super) fn answered(lines: &[Line<'_>], at: usize) -> Option<std::ops::Range<usize>> {
    let block = one_line_block(lines, at).or_else(|| block_at(lines, at))?;
    let (above, said) = rule_above(lines, block.start);
    let inside = lines.get(block.start..block.end).unwrap_or_default();
    let addressed = block.values.iter().any(|(l, v)| !matches!(l, Label::Date | Label::Subject) && v.contains('@'));
    // A transport has a place from which and one to which it goes, and a day; a mail was sent at a time of that day.
    let titled = block.has(Label::Subject) && block.get(Label::Date).is_none_or(has_clock);
    let of_mail = addressed || said.is_some() || titled || inside.iter().any(|l| says_sent(l.text));
    let dated = block.get(Label::Date).is_some_and(|date| date.contains(char::is_numeric));
    let enough = match block.values.len() {
        0 | 1 => false,
        2 => {
            matches!(said, Some(Rule::Original | Rule::Forwarded)) || addressed && (dated || block.has(Label::Subject))
        }
        _ => of_mail && (block.has(Label::Date) || block.has(Label::Subject)),
    };
    enough.then_some(above..block.end)
}

/// A time of the day stands in the value: `10:11`, `10h11`, `10.11` behind the year.
fn has_clock(date: &str) -> bool {
    date.split_whitespace().any(|word| {
        let parts: Vec<&str> = word.split([':', '：', 'h', 'H', '時', '点', '.']).take(4).collect();
        let digits = |part: &&str| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        parts.len() >= 2 && parts.iter().take(2).all(digits) && !(word.contains('.') && parts.len() > 2)
    })
}

/// A line as the rules for header blocks see it.
pub(super) fn unquoted(line: &str) -> Line<'_> {
    let start = line.trim_start();
    match start.strip_prefix('>') {
        Some(rest) => Line { text: rest.strip_prefix(' ').unwrap_or(rest).trim_end(), quoted: true },
        None => Line { text: line.trim_end(), quoted: false },
    }
}

/// A block of header lines that starts at `at` with From, or holds one.
fn block_at(lines: &[Line<'_>], at: usize) -> Option<Block> {
    let (first, value) = header_line(lines.get(at)?.text)?;
    let mut block = Block { start: at, end: at + 1, values: vec![(first, one_line(value, VALUE))] };
    // `stacked`: values stand below their labels.
    let (mut blank, mut stacked) = (0, false);
    for (index, line) in lines.iter().enumerate().skip(at + 1).take(BLOCK) {
        if !budget::pay(line.text.len() + 1) {
            break;
        }
        if line.text.trim().is_empty() {
            blank += 1;
            if blank > 1 {
                break;
            }
            continue;
        }
        match header_line(line.text) {
            Some((kind, _)) if block.values.iter().any(|(l, _)| *l == kind) && kind != Label::Cc => break,
            Some((kind, value)) => {
                block.values.push((kind, one_line(value, VALUE)));
                blank = 0;
            }
            None if blank == 0 && continues(&block, line.text, stacked || is_header(lines.get(index + 1))) => {
                if let Some((_, value)) = block.values.last_mut() {
                    stacked |= value.is_empty();
                    *value = one_line(&format!("{value} {}", line.text), VALUE * 8);
                }
            }
            None => break,
        }
        block.end = index + 1;
    }
    let from = block.get(Label::From)?;
    let meant = block.values.len() >= 2 && mailbox(from) != Mailbox::default();
    meant.then_some(block)
}

/// Whether a line without a label goes on with the value above. `inside`: header lines follow, or the values before stood
/// below their labels as well; else the words directly below an empty subject are the text's.
fn continues(block: &Block, line: &str, inside: bool) -> bool {
    let Some((kind, value)) = block.values.last() else { return false };
    let indented = line.starts_with([' ', '\t']);
    let below = value.is_empty() && (indented || inside);
    match kind {
        Label::To | Label::Cc | Label::From | Label::ReplyTo => {
            let listed = value.ends_with([',', ';']);
            let addressed = line.contains('@') && (listed || indented || value.is_empty());
            addressed || line.len() < 200 && (listed || below)
        }
        Label::Subject => line.len() < 200 && (indented || below),
        Label::Date => below,
    }
}

fn is_header(line: Option<&Line<'_>>) -> bool {
    line.is_some_and(|line| header_line(line.text).is_some())
}

/// `On 3 March 2025 10:11, "Eva" <e@w.example> wrote:` above lines that are all indented and not marked: so some programs
/// pass a message on.
fn indented_block(lines: &[Line<'_>], at: usize) -> Option<Block> {
    let line = lines.get(at).filter(|line| !line.quoted)?.text.trim().trim_start_matches('\u{feff}');
    if !line.ends_with([':', '：'])
        || !line.contains('@')
        || !line.contains(|c: char| c.is_ascii_digit())
        || line.len() > 500
    {
        return None;
    }
    let mut body = lines.iter().skip(at + 1).map(|l| l.text).filter(|text| !text.trim().is_empty()).peekable();
    body.peek()?;
    if !body.all(|text| budget::pay(1) && text.starts_with("    ") || text.starts_with('\t')) {
        return None;
    }
    let (from, date) = attribution(line)?;
    let values = vec![(Label::From, from), (Label::Date, date)];
    Some(Block { start: at, end: at + 1, values })
}

/// Everything on one line: `----- Message transmis ----- De : Eva <e@w.example>À : ..Objet : ..`.
fn one_line_block(lines: &[Line<'_>], at: usize) -> Option<Block> {
    let line = lines.get(at)?.text.trim();
    if !line.starts_with("---") || line.len() > 8_000 {
        return None;
    }
    let dashes = line.trim_start_matches('-');
    let close = dashes.find("---")?;
    let rest = dashes.get(close..)?.trim_start_matches('-').trim();
    let mut values: Vec<(Label, String)> = Vec::new();
    let mut open: Option<(Label, usize)> = None;
    for (colon, c) in rest.char_indices().filter(|(_, c)| matches!(c, ':' | '：')) {
        // The label is looked for among some thirty starts before the colon.
        if !budget::pay(30 * 20) {
            return None;
        }
        // The subject ends such a line, whatever it says.
        let whole = open.is_some_and(|(l, _)| l == Label::Subject) && values.len() >= 3;
        let Some((kind, start)) = label_before(rest.get(..colon)?).filter(|_| !whole) else { continue };
        if values.iter().any(|(l, _)| *l == kind) || open.is_some_and(|(l, _)| l == kind) {
            continue;
        }
        if let Some((before, from)) = open.take() {
            values.push((before, one_line(rest.get(from..start).unwrap_or_default(), VALUE)));
        } else if start != 0 {
            return None;
        }
        open = Some((kind, colon + c.len_utf8()));
    }
    let (kind, from) = open?;
    values.push((kind, one_line(rest.get(from..).unwrap_or_default(), VALUE)));
    without_colon(&mut values, Label::Date, Label::Subject);
    without_colon(&mut values, Label::To, Label::Cc);
    let block = Block { start: at, end: at + 1, values };
    (block.has(Label::From) && block.values.len() >= 3).then_some(block)
}

/// Parts a value from the one behind it whose label has lost its colon and clings to it: `09:26:50 CETAssunto Devis`.
fn without_colon(values: &mut Vec<(Label, String)>, before: Label, lost: Label) {
    if values.iter().any(|(kind, _)| *kind == lost) {
        return;
    }
    let Some((_, value)) = values.iter_mut().find(|(kind, _)| *kind == before) else { return };
    let found = value.char_indices().zip(value.chars().skip(1)).find_map(|((at, last), first)| {
        let start = at + last.len_utf8();
        let (word, _) = value.get(start..)?.split_once(' ')?;
        (!last.is_whitespace() && first.is_uppercase() && label(word) == Some(lost)).then_some((start, word.len()))
    });
    let Some((start, length)) = found else { return };
    let behind = value.split_off(start).split_off(length);
    values.push((lost, one_line(&behind, VALUE)));
}

/// The label that ends `before` a colon, and where it starts: the longest that begins with a capital letter, or in a
/// script without capitals.
fn label_before(before: &str) -> Option<(Label, usize)> {
    let before = before.trim_end();
    let starts = before.char_indices().rev().take(30).filter(|(_, c)| c.is_alphabetic() && !c.is_lowercase());
    let mut found = None;
    for (start, _) in starts {
        let word = before.get(start..)?;
        let glued = before.get(..start)?.chars().next_back().is_some_and(char::is_lowercase);
        if !glued && let Some(kind) = label(word) {
            found = Some((kind, start));
        }
    }
    found
}

/// The start of what stands above a block and belongs to it, and what it says.
fn rule_above(lines: &[Line<'_>], start: usize) -> (usize, Option<Rule>) {
    if let Some(Rule::Forwarded | Rule::Original) = lines.get(start).and_then(|l| opening(l.text)) {
        return (start, lines.get(start).and_then(|l| opening(l.text)));
    }
    let mut seen = 0;
    let mut found = (start, None);
    for at in (0..start).rev().take(6) {
        let Some(line) = lines.get(at).filter(|line| !line.text.trim().is_empty()) else { continue };
        match rule(line.text) {
            Some(said) => {
                let stronger = matches!(said, Rule::Forwarded) || found.1.is_none();
                found = (at, if stronger { Some(said) } else { found.1 });
            }
            None => break,
        }
        seen += 1;
        if seen >= 3 {
            break;
        }
    }
    found
}

/// What the words between the dashes of a one-line block say.
fn opening(line: &str) -> Option<Rule> {
    let line = line.trim();
    let inside = line.strip_prefix("---")?.trim_start_matches('-');
    rule(&format!("--- {} ---", inside.get(..inside.find("---")?)?))
}

fn passed(raw: &[&str], lines: &[Line<'_>], block: &Block, above: usize) -> Passed {
    let quoted = lines.get(block.start).is_some_and(|line| line.quoted);
    let behind = raw.iter().skip(block.end).map(|line| if quoted { unquoted(line).text } else { line.trim_end() });
    let text = without_indent(behind.collect::<Vec<_>>()).join("\n");
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    // Some programs quote the words and not the header: one mark on every line is theirs.
    let marked = !quoted && text.lines().filter(|l| !l.trim().is_empty()).all(|l| l.starts_with('>'));
    let unmarked = marked.then(|| text.lines().map(|l| unquoted(l).text).collect::<Vec<_>>().join("\n"));
    let text = unmarked.as_deref().map_or(text, str::trim).to_owned();
    let inner = Forwarded {
        from: block.get(Label::From).map(mailbox).unwrap_or_default(),
        to: block.get(Label::To).map(mailbox_list).unwrap_or_default(),
        cc: block.get(Label::Cc).map(mailbox_list).unwrap_or_default(),
        subject: block.get(Label::Subject).map(str::to_owned),
        date: block.get(Label::Date).map(str::to_owned),
        text,
    };
    let above = raw.iter().take(above).copied().collect::<Vec<_>>().join("\n").trim().to_owned();
    Passed { above, inner }
}

/// Takes four blanks off every line when all lines have them.
fn without_indent(lines: Vec<&str>) -> Vec<&str> {
    let all = lines.iter().filter(|l| !l.trim().is_empty()).all(|l| l.starts_with("    "));
    if all { lines.into_iter().map(|l| l.strip_prefix("    ").unwrap_or(l)).collect() } else { lines }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, subject: Prefix) -> Option<Passed> {
        read(text, subject, false)
    }

    #[test]
    fn a_message_passed_on_names_its_sender_and_keeps_every_word() {
        let text = "See below.\n\n---------- Forwarded message ---------\nOd: Eva Nová <eva@web.example>\nDate: po 3. 3. \
            2025 v 9:31\nSubject: Poptávka\nTo: <sales@ours.example>, Jan <jan@ours.example>\n\nDobrý den,\nprosím cenu.";
        let passed = found(text, Prefix::Forward).unwrap();
        assert_eq!(passed.above, "See below.");
        assert_eq!(passed.inner.from.address.as_deref(), Some("eva@web.example"));
        assert_eq!(passed.inner.from.name.as_deref(), Some("Eva Nová"));
        assert_eq!(passed.inner.subject.as_deref(), Some("Poptávka"));
        assert_eq!(passed.inner.to.len(), 2);
        assert_eq!(passed.inner.text, "Dobrý den,\nprosím cenu.");
    }

    #[test]
    fn quoted_and_one_line_headers_are_read() {
        let apple = "> Début du message réexpédié :\n>\n> De: eva@web.example\n> Objet: Devis\n> Date: 3 mars\n>\n> Bonjour\n> Eva";
        let passed = found(apple, Prefix::None).unwrap();
        assert_eq!(
            (passed.inner.from.address.as_deref(), passed.inner.text.as_str()),
            (Some("eva@web.example"), "Bonjour\nEva")
        );
        let yahoo = "  ----- Message transmis ----- De : Eva N <eva@web.example>À : \"a@ours.example\" <a@ours.example>Envoyé : \
            lundi 3 mars 2025 à 10:11:12 UTC+1Objet : Devis : 3 pièces\n Bonjour";
        let passed = found(yahoo, Prefix::None).unwrap();
        assert_eq!(passed.inner.from.name.as_deref(), Some("Eva N"));
        assert_eq!(passed.inner.subject.as_deref(), Some("Devis : 3 pièces"));
        assert_eq!(passed.inner.date.as_deref(), Some("lundi 3 mars 2025 à 10:11:12 UTC+1"));
    }

    #[test]
    fn an_empty_subject_takes_no_words_of_the_text() {
        let head = "From: Eva <eva@web.example>\nDate: 3 March 2025\nTo: <jan@ours.example>\nSubject:";
        for (text, subject, words) in [
            (format!("{head}\nHello,\nhow much?"), None, "Hello,\nhow much?"),
            (format!("{head} \n\nHello"), None, "Hello"),
            (format!("{head}\n Twenty pumps\n\nHello"), Some("Twenty pumps"), "Hello"),
            (format!("{head}\nTwenty pumps\nCc: Ota <o@ours.example>\n\nHello"), Some("Twenty pumps"), "Hello"),
            (head.replace(": ", ":\n") + "\nTwenty pumps\nHello", Some("Twenty pumps"), "Hello"),
        ] {
            let inner = found(&text, Prefix::Forward).unwrap().inner;
            assert_eq!((inner.subject.as_deref(), inner.text.as_str()), (subject, words), "{text}");
            assert_eq!(inner.from.address.as_deref(), Some("eva@web.example"), "{text}");
        }
    }

    #[test]
    fn labels_that_lost_their_colon_are_found_on_one_line() {
        let text = "----- Mensagem ----- De: Eva <eva@web.example>Para: \"a@ours.example\" <a@ours.example>Cc Ota \
            <o@ours.example>Enviado: terça-feira, 4 de novembro de 2025, 09:26:50 CETAssunto Re: bombas\nOlá";
        let inner = found(&text.replace("Mensagem", "Mensagem reencaminhada"), Prefix::None).unwrap().inner;
        assert_eq!(inner.subject.as_deref(), Some("Re: bombas"));
        assert_eq!((inner.to.len(), inner.cc.len()), (1, 1));
        let text = "----- Forwarded Message ----- From: Eva <eva@web.example>To: <a@ours.example>Sent: 4 March 2025, \
            09:26Subject: Kopie: Rechnung: 3\nHello";
        assert_eq!(found(text, Prefix::None).unwrap().inner.subject.as_deref(), Some("Kopie: Rechnung: 3"));
    }

    #[test]
    fn an_answer_is_no_forward() {
        let text = "Yes.\n\nFrom: Eva <eva@web.example>\nSent: Monday, 3 March\nTo: us\nSubject: x\n\nold";
        assert_eq!(found(text, Prefix::Reply), None);
        assert_eq!(read(text, Prefix::None, true), None);
        assert!(found(text, Prefix::Forward).is_some());
        for text in ["From: Paris\nwith love", "Hello\nTo: be\nDate: soon", "On 3 March Eva <e@w.example> wrote:\n> hi"]
        {
            assert_eq!(found(text, Prefix::None), None, "{text}");
        }
    }
}
