//! A signature that nothing but habit shows: the lines that end a mail and ended earlier mails of the same sender.
//!
//! Invariants:
//! - the text above keeps words of its writer, and so does each earlier text above the same lines: what was only sent
//!   again is no signature;
//! - a line that asks, orders or tells something is never cut, nor what stands below words that lead to it;
//! - something more than the same lines speaks for it: they were a signature before, a name or a contact detail stands
//!   in them, or they end two earlier texts that differ;
//! - linear: only the last [`LINES`] filled lines are compared.

use super::below_delimiter::says;
use super::signature::{Sender, Shape, ends_sentence, shape};
use crate::domain::matching::Earlier;
use crate::domain::submission::Mailbox;

/// Says that the signature is known from earlier mails only.
pub const SIGNATURE_KNOWN: &str = "signature_known";

/// Longest block, in filled lines.
const LINES: usize = 15;
/// Shortest block, in filled lines.
const FEWEST: usize = 2;
/// Longest line of a block, in characters.
const CHARS: usize = 160;

/// Splits off what ends this text and ended earlier ones of the same sender: (text, signature).
pub fn known_block(reply: &str, sender: &Mailbox, earlier: &[Earlier]) -> Option<(String, String)> {
    let sender = Sender::of(sender);
    let mine = tail(reply, &sender);
    let seen: Vec<Seen> = earlier.iter().filter_map(|one| Seen::of(one, &mine)).collect();
    let signed = seen.iter().map(|one| block(&mine, one.run.min(one.signed), true));
    let named = seen.iter().map(|one| block(&mine, one.run, false)).filter(|lines| is_named(&mine, *lines));
    let others = |at: usize, one: &Seen| {
        let differing = seen.iter().skip(at + 1).filter(|other| other.lines != one.lines);
        differing.map(|other| one.run.min(other.run)).max().unwrap_or(0)
    };
    let twice = seen.iter().enumerate().map(|(at, one)| block(&mine, others(at, one), false));
    let lines = signed.chain(named).chain(twice).max().filter(|lines| *lines >= FEWEST)?;
    let (above, below) = reply.split_at_checked(mine.get(lines - 1)?.start)?;
    // What is wanted again and again stands below words that lead to it, and not below the end of a sentence.
    let last = above.trim_end().rsplit('\n').next().unwrap_or_default().trim();
    if !(ends_sentence(last) || mine.get(lines - 1).is_some_and(Line::closes)) {
        return None;
    }
    above.contains(char::is_alphabetic).then(|| (above.trim_end().to_owned(), below.trim().to_owned()))
}

/// A filled line at the end of a text.
struct Line<'t> {
    /// Where it begins, in bytes.
    start: usize,
    text: &'t str,
    shape: Shape,
    /// A blank line stands above.
    begins: bool,
}

impl Line<'_> {
    fn closes(&self) -> bool {
        matches!(self.shape, Shape::Closing | Shape::ClosingWithInitials)
    }

    /// A block may begin here.
    fn opens(&self) -> bool {
        self.begins || self.closes() || matches!(self.shape, Shape::Name | Shape::Detail)
    }
}

/// The last filled lines, the last one first: one more than a block may have.
fn tail<'t>(text: &'t str, sender: &Sender) -> Vec<Line<'t>> {
    let mut lines: Vec<Line<'t>> = Vec::new();
    let mut end = text.len();
    for line in text.rsplit('\n') {
        let start = end.saturating_sub(line.len());
        end = start.saturating_sub(1);
        let text = line.trim();
        if !text.is_empty() {
            if lines.len() > LINES {
                break;
            }
            let shape = if text.len() > 4 * CHARS { Shape::Text } else { shape(text, sender) };
            lines.push(Line { start, text, shape, begins: false });
        } else if let Some(above) = lines.last_mut() {
            above.begins = true;
        }
    }
    lines
}

fn filled(text: &str) -> impl Iterator<Item = &str> {
    text.rsplit('\n').map(str::trim).filter(|line| !line.is_empty())
}

/// How an earlier text ends.
struct Seen {
    /// Its last filled lines, the last one first.
    lines: Vec<String>,
    /// How many of them end the new text, too.
    run: usize,
    /// How many of them were its signature.
    signed: usize,
}

impl Seen {
    /// `None` when one of the texts holds nothing but the end of the other: it was sent again.
    fn of(earlier: &Earlier, mine: &[Line<'_>]) -> Option<Self> {
        let block = earlier.signature.as_deref().unwrap_or_default();
        let signed = filled(block).take(LINES + 1).count();
        let ending = filled(block).chain(filled(&earlier.text)).take(LINES + 1);
        let lines: Vec<String> = ending.map(folded).collect();
        let same = |(mine, theirs): &(&Line<'_>, &String)| {
            mine.text.chars().nth(CHARS).is_none() && folded(mine.text) == **theirs
        };
        let run = mine.iter().zip(&lines).take_while(same).count();
        (run > 0 && run < mine.len() && run < lines.len()).then_some(Self { lines, run, signed })
    }
}

/// A line as it is compared: programs put other blanks between the same words.
fn folded(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How many of the last `most` lines are a block. `signed`: they were one before.
fn block(mine: &[Line<'_>], most: usize, signed: bool) -> usize {
    let mut found = 0;
    for (at, line) in mine.iter().take(most).enumerate() {
        if says(line.text) || line.text.starts_with('>') || !signed && line.shape == Shape::Text {
            break;
        }
        if signed || line.opens() {
            found = at + 1;
        }
        if line.closes() {
            break;
        }
    }
    found
}

fn is_named(mine: &[Line<'_>], lines: usize) -> bool {
    mine.iter().take(lines).any(|line| matches!(line.shape, Shape::Name | Shape::Detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &str = "Oddělení nákupu\nHala 3, vrata B";

    fn jan() -> Mailbox {
        Mailbox { name: Some("Jan Novák".to_owned()), address: Some("nakup@strojirny.cz".to_owned()) }
    }

    fn text(text: &str) -> Earlier {
        Earlier { text: text.to_owned(), signature: None }
    }

    fn signed(text: &str, block: &str) -> Earlier {
        Earlier { text: text.to_owned(), signature: Some(block.to_owned()) }
    }

    #[test]
    fn what_ended_earlier_mails_is_the_signature() {
        let (first, second) = (format!("Prosím o ceník.\n\n{BLOCK}"), format!("Kdy to přijde?\n\n{BLOCK}"));
        let named = "Jan od soustruhu\nHala 3, vrata B";
        for (reply, earlier, block) in [
            // In two texts that differ; blanks count for nothing.
            (format!("Děkuji, bereme to.\n\n{BLOCK}"), vec![text(&first), text(&second)], BLOCK),
            (
                "Bereme to.\n\nOddělení  nákupu\nHala 3,\u{a0}vrata B\n".to_owned(),
                vec![text(&second), text(&first)],
                "Oddělení  nákupu\nHala 3,\u{a0}vrata B",
            ),
            // It was one before.
            (format!("Bereme to.\n{BLOCK}"), vec![signed("Prosím o ceník.", BLOCK)], BLOCK),
            // A name or a number stands in it.
            (format!("Bereme to.\n{named}"), vec![text(&format!("Prosím o ceník.\n{named}"))], named),
            (
                "Bereme to.\n\nHala 3, vrata B\n+420 541 123 456".to_owned(),
                vec![text("Prosím o ceník.\n\nHala 3, vrata B\n+420 541 123 456")],
                "Hala 3, vrata B\n+420 541 123 456",
            ),
            // What is asked every time stays above.
            (
                format!("Bereme to.\nProsím o potvrzení objednávky.\n\n{BLOCK}"),
                vec![
                    text(&format!("A co ty druhé?\nProsím o potvrzení objednávky.\n\n{BLOCK}")),
                    text(&format!("Ještě čepy.\nProsím o potvrzení objednávky.\n\n{BLOCK}")),
                ],
                BLOCK,
            ),
        ] {
            let (kept, found) = known_block(&reply, &jan(), &earlier).unwrap_or_else(|| panic!("found in {reply}"));
            assert_eq!(found, block, "{reply}");
            assert!(!kept.is_empty() && reply.starts_with(&kept), "{reply}");
        }
    }

    #[test]
    fn what_may_be_words_of_the_message_stays() {
        let first = format!("Prosím o ceník.\n\n{BLOCK}");
        let new = format!("Bereme to.\n\n{BLOCK}");
        let order = "20 ks ložisek\nHala 3, vrata B";
        let ordered = |words: &str| text(&format!("{words}\n\n{order}"));
        for (reply, earlier) in [
            // Once, and nothing in it tells a signature; the same text twice is one.
            (new.clone(), vec![text(&first)]),
            (new.clone(), vec![text(&first), text(&first)]),
            // Sent again, as a whole or below a new line.
            (first.clone(), vec![text(&first), text(&format!("Jiné.\n\n{BLOCK}"))]),
            (format!("Připomínám:\n\n{first}"), vec![text(&first)]),
            (BLOCK.to_owned(), vec![signed("Prosím o ceník.", BLOCK)]),
            // What is wanted each time, in lines that nothing tells from a department and its hall.
            (
                "Prosím dodat ve středu:\n\nModrý stůl\nZelená židle".to_owned(),
                vec![
                    text("Prosím dodat v úterý:\n\nModrý stůl\nZelená židle"),
                    text("V pondělí:\n\nModrý stůl\nZelená židle"),
                ],
            ),
            (
                "We need pump B\n\nDN 50\nPN 16\nRAL 9005".to_owned(),
                vec![text("We need pump A\n\nDN 50\nPN 16\nRAL 9005")],
            ),
            (
                "We need pump B\n\nBlue table\nRed chair".to_owned(),
                vec![signed("We need pump A", "Blue table\nRed chair")],
            ),
            // An order that is the same each time.
            (format!("Jako vždy\n\n{order}"), vec![ordered("Pro sklad"), ordered("Pro dílnu")]),
            // One line, no end in common, nothing earlier.
            ("Bereme to.\n\nHala 3".to_owned(), vec![signed("Prosím o ceník.", "Hala 3")]),
            (format!("{new}\n\nA ještě čepy"), vec![signed("Prosím o ceník.", BLOCK)]),
            (new.clone(), vec![]),
            (String::new(), vec![signed("Prosím o ceník.", BLOCK)]),
        ] {
            let found = known_block(&reply, &jan(), &earlier);
            // Of a text that was sent again the others may show the block; never by itself.
            assert!(found.is_none(), "{reply}: {found:?}");
        }
    }
}
