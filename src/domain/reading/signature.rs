//! The signature block at the end of a message: found by the delimiter of RFC 3676, by the footer of a telephone, or by
//! the sender's name and the shape of the lines below it.
//!
//! Invariants:
//! - every line is in the text or in the signature, the delimiter too; what goes on below a delimiter is text;
//! - the text above is never empty unless the text was: a message that is all signature is text;
//! - a block is cut only when something certain stands in it: the delimiter, the sender's name, a closing above a name,
//!   or a name in capitals above a telephone number or an address;
//! - linear: only the last [`TAIL`] filled lines are looked at.

mod line;
mod register;
mod seen;

pub(in crate::domain) use line::BARS;
pub(super) use line::{Sender, Shape, has_contact, has_verb, shape};
use line::{is_alone, is_given_name, is_rule};
use register::is_registered;
use seen::Seen;

use super::below_delimiter::{directs, is_framed, is_postscript, of_message, orders, says};
use super::budget;
use super::disclaimer;
use super::header_labels::header_line;
use super::signature_words::{closes, has_sign, is_footer, list_footer};
use crate::domain::enquiry::company;
use crate::domain::submission::Mailbox;

/// Longest block behind a delimiter, in filled lines; a longer one is text.
const LINES: usize = 15;
/// Filled lines at the end that are looked at without a delimiter.
const TAIL: usize = 14;
/// Words of a line that is a sentence without a mark at its end.
const TOLD: usize = 8;

/// Splits a signature off: (text, signature). The text is never empty unless it was. `sender` is who wrote.
pub fn split(text: &str, sender: &Mailbox) -> (String, Option<String>) {
    split_marked(text, sender, None)
}

/// The same where the mail program says which lines are the signature.
pub fn split_marked(text: &str, sender: &Mailbox, marked: Option<&str>) -> (String, Option<String>) {
    if !budget::pay(text.len()) {
        return (text.to_owned(), None);
    }
    let all: Vec<&str> = text.split('\n').collect();
    // What a company adds below counts for nothing in between, and goes with the block.
    let (lines, below) = all.split_at_checked(disclaimer::start(&all)).unwrap_or((&all, &[]));
    let sender = Sender::of(sender);
    let by_delimiter = delimited(lines, &sender);
    let skip = usize::from(by_delimiter.is_some());
    let by_markup = marked.and_then(|marked| named(lines, marked, &sender));
    let listed = || list_footer(lines).map(|start| (start, Vec::new()));
    let found = joined(lines, by_delimiter, by_markup).or_else(listed).or_else(|| found(&Seen::new(lines, &sender)));
    let found = found.or_else(|| (!below.is_empty()).then_some((lines.len(), Vec::new())));
    let Some((start, said)) = found else { return (text.to_owned(), None) };
    let (above, block) = lines.split_at_checked(start).unwrap_or((lines, &[]));
    let is_said = |at: usize| said.get(at).copied().unwrap_or(false);
    let part =
        |wanted: bool| block.iter().enumerate().filter(move |(at, _)| is_said(*at) == wanted).map(|(_, line)| *line);
    let (kept, block): (Vec<&str>, Vec<&str>) =
        (above.iter().copied().chain(part(true)).collect(), part(false).collect());
    let filled = block.iter().filter(|line| !line.trim().is_empty()).count();
    let kept = kept.join("\n");
    let quoted = block.iter().any(|line| line.trim_start().starts_with('>'));
    if kept.trim().is_empty() || filled > LINES || filled + below.len() == 0 || quoted {
        return (text.to_owned(), None);
    }
    let block = [block.as_slice(), below].concat();
    if block.iter().skip(skip).all(|line| line.trim().is_empty()) {
        return (text.to_owned(), None);
    }
    let signature = block.join("\n").trim().to_owned();
    (kept.trim_end().to_owned(), Some(signature))
}

/// The delimiter and the block that the program named: where both are one, the program knows where it ends.
fn joined(lines: &[&str], delimited: Option<Found>, named: Option<Found>) -> Option<Found> {
    let (Some((mark, _)), Some((start, said))) = (&delimited, &named) else { return delimited.or(named) };
    let between = lines.get(mark + 1..*start);
    if between.is_none_or(|between| between.iter().any(|line| !line.trim().is_empty())) {
        return if start <= mark { named } else { delimited };
    }
    Some((*mark, std::iter::repeat_n(false, start - mark).chain(said.iter().copied()).collect()))
}

/// Where a block begins, and which lines from there on are words of the message all the same.
type Found = (usize, Vec<bool>);

/// The delimiter of RFC 3676, and which lines from there on are words of the message all the same.
fn delimited(lines: &[&str], sender: &Sender) -> Option<Found> {
    let start =
        lines.iter().rposition(|line| matches!(line.trim_start_matches('\u{a0}'), "-- " | "--" | "--\u{a0}"))?;
    let block = lines.get(start + 1..).unwrap_or_default();
    // What was announced is no block, unless it begins with who writes.
    let first = block.iter().map(|line| line.trim()).find(|line| !line.is_empty()).unwrap_or_default();
    if announces(lines.get(..start)?) && shape(first, sender) != Shape::Name {
        return None;
    }
    let of_block = |line: &str| matches!(shape(line.trim(), sender), Shape::Name | Shape::Detail | Shape::Capitals);
    let said = of_message(block, of_block)?;
    Some((start, std::iter::once(false).chain(said).collect()))
}

/// The block that the mail program named, with a closing and a name above it, and which lines from there on are words of
/// the message: what says something inside of it, and what stands below.
fn named(lines: &[&str], marked: &str, sender: &Sender) -> Option<Found> {
    let block: Vec<&str> = marked.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect();
    if block.len() > LINES {
        return None;
    }
    let filled: Vec<(usize, &str)> =
        lines.iter().enumerate().map(|(at, line)| (at, line.trim())).filter(|(_, line)| !line.is_empty()).collect();
    let found = filled.windows(block.len()).rposition(|seen| seen.iter().map(|(_, l)| l).eq(block.iter()))?;
    let (start, _) = *filled.get(found)?;
    let (last, _) = *filled.get(found + block.len() - 1)?;
    let of_block = |line: &str| matches!(shape(line.trim(), sender), Shape::Name | Shape::Detail | Shape::Capitals);
    let block = lines.get(start..=last)?;
    let mut said = of_message(block, of_block)?;
    // Telephones open the message inside of the element: what stands above the first name or number was typed there.
    let kind = |line: &str| shape(line.trim(), sender);
    let framed = |line: &&str| !matches!(kind(line), Shape::Short | Shape::Text) && !orders(line);
    let typed = block.iter().position(|line| !line.trim().is_empty() && framed(line)).unwrap_or(block.len());
    said.iter_mut().take(typed).for_each(|mark| *mark = true);
    // Below what a telephone adds, and without a name or a number, everything was typed.
    if block.iter().any(|line| is_footer(line))
        && !block.iter().any(|line| matches!(kind(line), Shape::Name | Shape::Detail))
    {
        said = block.iter().map(|line| !is_framed(line)).collect();
    }
    said.extend(lines.get(last + 1..)?.iter().map(|line| !is_footer(line.trim())));
    // People close above the block that their program adds.
    let above = unmarked(&Seen::new(lines, sender), start).unwrap_or(start);
    Some((above, std::iter::repeat_n(false, start - above).chain(said).collect()))
}

/// A block without a mark, and an afterthought below it. Below a sentence nothing is cut but what a closing begins.
fn found(seen: &Seen) -> Option<Found> {
    let end = seen.lines.len();
    if !seen.closes() {
        let below = postscript(seen).or_else(|| afterthoughts(seen, end).next());
        return if below.is_some() { footer(seen) } else { unmarked(seen, end).map(|start| (start, Vec::new())) };
    }
    let parted = paragraphs(seen).find_map(|end| {
        afterthoughts(seen, end).last().and_then(|end| closed(seen, end)).or_else(|| closed(seen, end))
    });
    if parted.is_some() {
        return parted;
    }
    match postscript(seen).or_else(|| afterthoughts(seen, end).last()) {
        Some(end) => closed(seen, end).or_else(|| footer(seen)),
        None => unmarked(seen, end).map(|start| (start, Vec::new())),
    }
}

/// What a telephone adds at the very end, where nothing but words of the message stands above.
fn footer(seen: &Seen) -> Option<Found> {
    let start = seen.filled(seen.lines.len()).take(TAIL).take_while(|&at| is_footer(seen.line(at))).last()?;
    Some((start, Vec::new()))
}

/// The block above `end` when a closing begins it; what stands from there on is said.
fn closed(seen: &Seen, end: usize) -> Option<Found> {
    let start = unmarked(seen, end)?;
    let behind = seen.lines.get(end..)?;
    let certain = matches!(seen.shape(start), Shape::Closing | Shape::ClosingWithInitials);
    let said = std::iter::repeat_n(false, end - start).chain(behind.iter().map(|line| !is_framed(line.trim())));
    certain.then(|| (start, said.collect()))
}

/// Where paragraphs begin, among the last lines, that say something or where goods go, whatever stands in them.
fn paragraphs(seen: &Seen) -> impl Iterator<Item = usize> {
    let opens = |line: &str| directs(line) || says(line) || announces(&[line]) || seen.sender.points_at(line);
    let end = seen.lines.len();
    (end.saturating_sub(TAIL).max(1)..end).filter(move |&at| {
        let line = seen.line(at);
        seen.is_parted(at) && !line.is_empty() && !line.starts_with('>') && !is_registered(line) && opens(line)
    })
}

/// Where a postscript begins among the last lines.
fn postscript(seen: &Seen) -> Option<usize> {
    seen.filled(seen.lines.len()).take(TAIL).filter(|&at| is_postscript(seen.line(at))).last()
}

/// Where words begin, the last first, that were added below a block that ends above `end`: an order or a sentence, or
/// short lines by themselves.
fn afterthoughts(seen: &Seen, end: usize) -> impl Iterator<Item = usize> {
    let mut begun = false;
    let begins = move |at: usize| {
        let line = seen.line(at);
        let begins = match seen.shape(at) {
            Shape::Text => true,
            Shape::Frame if !begun && is_framed(line) => false,
            Shape::Short => seen.is_parted(at) || says(line),
            _ => return None,
        };
        begun |= begins;
        Some(begins.then_some(at))
    };
    seen.filled(end).take(TAIL).map_while(begins).flatten()
}

/// The last filled line says that something follows.
pub(super) fn announces(above: &[&str]) -> bool {
    const TOWARDS: [&str; 16] =
        ["to", "for", "at", "à", "chez", "pour", "an", "für", "bei", "nach", "na", "pro", "do", "به", "برای", "dla"];
    let last = above.iter().rev().map(|line| line.trim()).find(|line| !line.is_empty()).unwrap_or_default();
    let word = last.rsplit(' ').next().unwrap_or_default().to_lowercase();
    last.ends_with([':', '：']) && !closes(last) || TOWARDS.contains(&word.as_str())
}

/// The lines below a name that is not known to be the sender's: a title or a company is among them, and no address of
/// another house. A thing and its number, or a colleague, is named like this, too.
fn is_of_office<'l>(lines: impl Iterator<Item = &'l str> + Clone, sender: &Sender) -> bool {
    lines.clone().any(|line| has_sign(line) || company::has_legal_form(line))
        && !lines.into_iter().any(|line| sender.is_elsewhere(line))
}

/// The writer's own line that a block may stand below: a sentence has come to its end.
pub(super) fn ends_sentence(line: &str) -> bool {
    !line.starts_with('>') && line.ends_with(['.', ',', '!', '?', '…', ')', '。', '！', '？', '؟', '،'])
}

/// Where an unmarked block above `end` begins.
fn unmarked(seen: &Seen, end: usize) -> Option<usize> {
    let sender = seen.sender;
    let filled: Vec<usize> = seen.filled(end).take(TAIL + 1).collect();
    let line = |place: usize| filled.get(place).map_or("", |&at| seen.line(at));
    let gap_above =
        |place: usize| matches!((filled.get(place), filled.get(place + 1)), (Some(a), Some(b)) if a - b > 1);
    let (mut start, mut below) = (None, Vec::new());
    for (place, &index) in filled.iter().take(TAIL).enumerate() {
        // The header of what is passed on names its reader, and what follows is somebody else's.
        if header_line(line(place)).is_some() && header_line(line(place + 1)).is_some() {
            return None;
        }
        let mut shape = seen.shape(index);
        let given = matches!(shape, Shape::Capitals | Shape::Short) && is_given_name(line(place));
        let told = ends_sentence(line(1)) || !line(1).starts_with('>') && line(1).split_whitespace().count() >= TOLD;
        if place == 0 && given && gap_above(0) && told {
            shape = Shape::Name;
        }
        match shape {
            Shape::Text => break,
            Shape::Closing => {
                if below.iter().any(|s| matches!(s, Shape::Name | Shape::Detail))
                    || below.last() == Some(&Shape::Capitals)
                {
                    start = Some(index);
                }
                break;
            }
            Shape::ClosingWithInitials => {
                start = Some(index);
                break;
            }
            // Without a number or an address below, a name is all the line says: "Kovo table" of Kovo orders one.
            Shape::Name if sender.is_namesake(line(place)) => {}
            // "Please call my lawyer": whoever stands right below is asked for.
            Shape::Name
                if sender.is_other(line(place))
                    && !gap_above(place)
                    && !ends_sentence(line(place + 1))
                    && says(line(place + 1)) => {}
            Shape::Name if below.contains(&Shape::Detail) || is_alone(line(place), sender) => start = Some(index),
            Shape::Capitals
                if start.is_none()
                    && gap_above(place)
                    && below.contains(&Shape::Detail)
                    && ends_sentence(line(place + 1))
                    && is_of_office((0..place).map(line), sender) =>
            {
                start = Some(index);
                break;
            }
            Shape::Frame if below.is_empty() && is_footer(line(place)) => start = start.or(Some(index)),
            Shape::Name | Shape::Frame | Shape::Capitals | Shape::Detail | Shape::Short => {}
        }
        below.push(shape);
    }
    let start = start?;
    if announces(seen.lines.get(..start)?) {
        return None;
    }
    // A ruled line directly above belongs to the block.
    let place = filled.iter().position(|&i| i == start)?;
    Some(if is_rule(line(place + 1)) { *filled.get(place + 1)? } else { start })
}

#[cfg(test)]
mod tests;
