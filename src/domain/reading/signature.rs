//! The signature block at the end of a message: found by the delimiter of RFC 3676, by the footer of a telephone, or by
//! the sender's name and the shape of the lines below it.
//!
//! Invariants:
//! - every line is in the text or in the signature, the delimiter too; what goes on below a delimiter is text;
//! - the text above is never empty unless the text was: a message that is all signature is text;
//! - a block is cut only when something certain stands in it: the delimiter, the sender's name, a closing above a name,
//!   or a name in capitals above a telephone number or an address;
//! - linear: only the last [`TAIL`] filled lines are looked at.

use super::below_delimiter::of_message;
use super::budget;
use super::disclaimer;
use super::signature_words::{after_closing, closes, has_sign, is_footer, list_footer};
use crate::domain::enquiry::company;
use crate::domain::enquiry::email::is_role;
use crate::domain::submission::Mailbox;

/// Longest block behind a delimiter, in filled lines; a longer one is text.
const LINES: usize = 15;
/// Filled lines at the end that are looked at without a delimiter.
const TAIL: usize = 14;
/// Longest line of a block, in characters and words, unless it holds a number or an address.
const CHARS: usize = 70;
const WORDS: usize = 9;
/// What stands between the parts of a line that holds several, and the longest such line in characters.
pub(in crate::domain) const BARS: [&str; 4] = [" | ", " • ", " · ", " ‖ "];
const BARRED: usize = 160;

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
    let delimited = by_delimiter.or_else(|| named(lines, marked?, &sender));
    let found = delimited.as_ref().map(|(start, _)| *start);
    let start = found.or_else(|| list_footer(lines)).or_else(|| unmarked(lines, &sender));
    let start = start.or_else(|| (!below.is_empty()).then_some(lines.len()));
    let Some(start) = start else { return (text.to_owned(), None) };
    let (above, block) = lines.split_at_checked(start).unwrap_or((lines, &[]));
    let said = delimited.as_ref().map_or(&[][..], |(_, said)| said.as_slice());
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

/// The delimiter of RFC 3676, and which lines from there on are words of the message all the same.
fn delimited(lines: &[&str], sender: &Sender) -> Option<(usize, Vec<bool>)> {
    let start =
        lines.iter().rposition(|line| matches!(line.trim_start_matches('\u{a0}'), "-- " | "--" | "--\u{a0}"))?;
    let block = lines.get(start + 1..).unwrap_or_default();
    let of_block = |line: &str| matches!(shape(line.trim(), sender), Shape::Name | Shape::Detail | Shape::Capitals);
    let said = of_message(block, of_block)?;
    Some((start, std::iter::once(false).chain(said).collect()))
}

/// The block that the mail program named, with a closing and a name above it, and which lines from there on are words of
/// the message: what says something inside of it, and what stands below.
fn named(lines: &[&str], marked: &str, sender: &Sender) -> Option<(usize, Vec<bool>)> {
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
    let mut said = of_message(lines.get(start..=last)?, of_block)?;
    said.extend(lines.get(last + 1..)?.iter().map(|line| !is_footer(line.trim())));
    // People close above the block that their program adds.
    let above = unmarked(lines.get(..start)?, sender).unwrap_or(start);
    Some((above, std::iter::repeat_n(false, start - above).chain(said).collect()))
}

/// Words of the sender's name and address, lower case, and the initials.
#[derive(Default)]
pub(super) struct Sender {
    /// Of the name.
    words: Vec<String>,
    /// Of the address, unless it is of an office: `orders@` names nobody.
    local: Vec<String>,
    initials: Vec<char>,
}

impl Sender {
    pub(super) fn of(sender: &Mailbox) -> Self {
        let name = sender.name.as_deref().unwrap_or_default();
        let local = sender.address.as_deref().and_then(|a| a.split('@').next()).unwrap_or_default();
        let mut initials: Vec<char> = words(name).filter_map(|w| w.chars().next()).collect();
        initials.sort_unstable();
        let long = |of: &str| words(of).filter(|w| w.chars().count() >= 2).collect();
        let local = if is_role(&local.to_lowercase()) { "" } else { local };
        Self { words: long(name), local: long(local), initials }
    }

    /// One of the words is one of the sender's, or the long and the short form of one of the name: `Chris` and
    /// `Christopher`.
    fn is_meant(&self, line: &str) -> bool {
        let same = |a: &str, b: &str| {
            a == b || a.chars().count() >= 3 && b.chars().count() >= 3 && (a.starts_with(b) || b.starts_with(a))
        };
        // `Pete Miller` of `petemiller@`, but neither "Order 4711" nor "information" of an office.
        let full = is_capitals(line) && line.trim().contains(' ');
        let local = |word: &str| self.local.iter().any(|known| known == word || full && same(known, word));
        let mut words = words(line).filter(|w| w.chars().count() >= 2);
        words.any(|word| self.words.iter().any(|known| same(known, &word)) || local(&word))
    }

    /// Every word is one of the sender's.
    fn is_all(&self, line: &str) -> bool {
        words(line).all(|word| self.words.contains(&word) || self.local.contains(&word))
    }

    fn initials_are(&self, text: &str) -> bool {
        let mut letters: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
        letters.sort_unstable();
        letters.len() >= 2 && letters == self.initials
    }
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphabetic()).filter(|w| !w.is_empty()).map(str::to_lowercase)
}

/// What a line at the end of a message looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `Thanks,`
    Closing,
    /// `Thanks, BT`
    ClosingWithInitials,
    /// The sender's name.
    Name,
    /// A telephone number, an address, a title, a place.
    Detail,
    /// Up to four words in capitals.
    Capitals,
    /// Dashes, or what a telephone adds.
    Frame,
    /// Something short.
    Short,
    /// A sentence.
    Text,
}

/// Where an unmarked block begins.
fn unmarked(lines: &[&str], sender: &Sender) -> Option<usize> {
    let filled: Vec<usize> =
        (0..lines.len()).rev().filter(|&i| lines.get(i).is_some_and(|l| !l.trim().is_empty())).take(TAIL + 1).collect();
    let line = |place: usize| filled.get(place).and_then(|&i| lines.get(i)).map_or("", |l| l.trim());
    let gap_above =
        |place: usize| matches!((filled.get(place), filled.get(place + 1)), (Some(a), Some(b)) if a - b > 1);
    let (mut start, mut below) = (None, Vec::new());
    for (place, &index) in filled.iter().take(TAIL).enumerate() {
        let mut shape = shape(line(place), sender);
        if place == 0 && gap_above(0) && matches!(shape, Shape::Capitals | Shape::Short) && is_given_name(line(0)) {
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
            Shape::Name if below.contains(&Shape::Detail) || is_alone(line(place), sender) => start = Some(index),
            Shape::Capitals if start.is_none() && gap_above(place) && below.contains(&Shape::Detail) => {
                start = Some(index);
                break;
            }
            Shape::Frame if below.is_empty() && is_footer(line(place)) => start = start.or(Some(index)),
            Shape::Name | Shape::Frame | Shape::Capitals | Shape::Detail | Shape::Short => {}
        }
        below.push(shape);
    }
    let start = start?;
    // A ruled line directly above belongs to the block.
    let place = filled.iter().position(|&i| i == start)?;
    Some(if is_rule(line(place + 1)) { *filled.get(place + 1)? } else { start })
}

pub(super) fn shape(line: &str, sender: &Sender) -> Shape {
    if !budget::pay(4 * line.len()) {
        return Shape::Text;
    }
    if line.ends_with(['?', '？', '؟']) {
        return Shape::Text;
    }
    if closes(line) {
        return Shape::Closing;
    }
    if after_closing(line).is_some_and(|rest| sender.initials_are(rest)) {
        return Shape::ClosingWithInitials;
    }
    if is_rule(line) || is_footer(line) {
        return Shape::Frame;
    }
    if let Some((first, _)) =
        BARS.iter().find_map(|bar| line.split_once(bar)).filter(|_| line.chars().count() <= BARRED)
    {
        return if is_name_line(first.trim(), sender) { Shape::Name } else { Shape::Detail };
    }
    let contact = has_contact(line) || is_place(line);
    let count = line.split_whitespace().count();
    if !contact && (line.chars().count() > CHARS || count > WORDS) {
        return Shape::Text;
    }
    if is_name_line(line, sender) || contact && address_in(line).is_some_and(|local| sender.is_meant(local)) {
        return Shape::Name;
    }
    if contact || has_sign(line) || company::has_legal_form(line) {
        return Shape::Detail;
    }
    if is_capitals(line) {
        return Shape::Capitals;
    }
    let is_sentence = count > 5 || line.ends_with(['.', '!', ':', '。', '！', '：']);
    if is_sentence { Shape::Text } else { Shape::Short }
}

/// A line that is a name even with nothing below: words that all are the sender's or in capitals, or with an address or
/// a title beside.
fn is_alone(line: &str, sender: &Sender) -> bool {
    let barred = BARS.iter().any(|bar| line.contains(bar));
    let names = [" and ", " und ", " et ", " & ", " a ", " y ", " e ", " i ", " og ", " och ", " en "];
    let both = || names.iter().filter_map(|and| line.split_once(and)).any(|(a, b)| is_capitals(a) && is_capitals(b));
    barred || has_contact(line) || is_capitals(line) || sender.is_all(line) || both()
}

/// A postal address: a postcode or the number of a house among a few words, and nothing that a sentence has.
fn is_place(line: &str) -> bool {
    let words: Vec<&str> = line.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let digits = |word: &str| word.chars().filter(char::is_ascii_digit).count();
    let number = |word: &&&str| digits(word) > 0 && word.chars().count() <= 8 && !word.contains(['€', '$', '%', '.']);
    let (numbers, long) =
        (words.iter().filter(number).count(), words.iter().any(|word| (4..=6).contains(&digits(word))));
    let begins = words.iter().filter(|w| w.chars().next().is_some_and(char::is_uppercase)).count();
    (2..=12).contains(&words.len())
        && line.chars().count() <= 90
        && (numbers >= 2 && line.contains(',') || long && begins >= 1 && words.len() <= 6)
        && !line.ends_with(['.', '!', ':', ';'])
        && !has_verb(line)
}

/// A short line with a word of the sender's name, written like a name.
fn is_name_line(line: &str, sender: &Sender) -> bool {
    let count = words(line).count();
    let begins = line.trim_start_matches(|c: char| !c.is_alphanumeric()).chars().next();
    let like_a_name = begins.is_some_and(|c| !c.is_lowercase()) || count <= 2;
    let sentence = line.ends_with([':', ';', '!']) || line.contains([':', '?']);
    (1..=5).contains(&count)
        && line.chars().count() <= 45
        && like_a_name
        && !sentence
        && !line.contains(char::is_numeric)
        && !has_verb(line)
        && sender.is_meant(line)
}

/// Little words that names do not hold.
pub(super) fn has_verb(line: &str) -> bool {
    const WORDS: [&str; 26] = [
        "is", "are", "was", "will", "have", "has", "please", "you", "we", "can", "the", "est", "sont", "vous", "nous",
        "ist", "sind", "sie", "wir", "je", "jsou", "jsme", "prosím", "es", "son", "he",
    ];
    words(line).any(|word| WORDS.contains(&word.as_str()))
}

/// Up to four words that all begin with a capital letter.
fn is_capitals(line: &str) -> bool {
    let parts: Vec<&str> = line.trim_matches(|c: char| " .,-*".contains(c)).split_whitespace().collect();
    let capital = |w: &&str| {
        w.chars().next().is_some_and(char::is_uppercase) && w.chars().all(|c| c.is_alphabetic() || "'’.-".contains(c))
    };
    (1..=4).contains(&parts.len())
        && line.chars().count() < 40
        && !line.ends_with([':', '?', '!'])
        && parts.iter().all(capital)
}

/// One word written like a given name.
fn is_given_name(line: &str) -> bool {
    // With a full stop it is a sentence: "Yes."
    let word = line.trim_end_matches(',');
    let mut letters = word.chars();
    letters.next().is_some_and(char::is_uppercase)
        && (2..=11).contains(&letters.clone().count())
        && letters.all(char::is_lowercase)
}

fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.chars().count() >= 3 && line.chars().all(|c| "-_=*~ —─".contains(c))
}

/// A telephone number (seven digits or more among its marks), a mail address, a web address.
pub(super) fn has_contact(line: &str) -> bool {
    let lower = line.to_lowercase();
    line.contains('@') && address_in(line).is_some()
        || lower.contains("www.")
        || lower.contains("http://")
        || lower.contains("https://")
        || digits_in_a_row(line) >= 7
}

/// Most digits in a run of digits and the marks of telephone numbers.
fn digits_in_a_row(line: &str) -> usize {
    let (mut most, mut run) = (0, 0);
    for c in line.chars() {
        if c.is_numeric() {
            run += 1;
            most = most.max(run);
        } else if !" .-/()+\u{a0}".contains(c) {
            run = 0;
        }
    }
    most
}

/// The local part of the first mail address.
fn address_in(line: &str) -> Option<&str> {
    let (before, after) = line.split_once('@')?;
    let local =
        before.rsplit(|c: char| !(c.is_alphanumeric() || "._+-".contains(c))).next().filter(|l| !l.is_empty())?;
    after.split(|c: char| !(c.is_alphanumeric() || ".-".contains(c))).next().filter(|d| d.contains('.'))?;
    Some(local)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eva() -> Mailbox {
        Mailbox { name: Some("Eva Nováková".to_owned()), address: Some("eva.n@web.example".to_owned()) }
    }

    fn signature(text: &str) -> Option<String> {
        split(text, &eva()).1
    }

    #[test]
    fn a_delimited_block_and_a_mobile_footer_are_signatures() {
        assert_eq!(split("Hi\n\n-- \nEva\nTel. 1", &eva()), ("Hi".to_owned(), Some("-- \nEva\nTel. 1".to_owned())));
        assert_eq!(signature("Hi\nSent from my iPhone\n").as_deref(), Some("Sent from my iPhone"));
    }

    #[test]
    fn words_of_the_message_below_a_delimiter_stay() {
        for (text, kept, signed) in [
            (
                "Hi\n-- \nEva Nováková\nPS: urgent, we need 20 pieces",
                "Hi\nPS: urgent, we need 20 pieces",
                Some("-- \nEva Nováková"),
            ),
            ("Hi\n-- \nrick\n\nP.S. 20 pieces\nand a lamp", "Hi\nP.S. 20 pieces\nand a lamp", Some("-- \nrick")),
            (
                "Hi\n--\nEva Nováková\nTel. 123 456 789\n\nPotřebujeme ještě\n20 kusů do pátku.",
                "Hi\nPotřebujeme ještě\n20 kusů do pátku.",
                Some("--\nEva Nováková\nTel. 123 456 789"),
            ),
            ("Hello\n--\nline\nmore text, a question?", "Hello\n--\nline\nmore text, a question?", None),
            (
                "Hello\n--\nPlease send us the catalogue.\n\nThanks,\nEva",
                "Hello\n--\nPlease send us the catalogue.",
                Some("Thanks,\nEva"),
            ),
            ("Hello\n--\nHey there, this is my signature", "Hello", Some("--\nHey there, this is my signature")),
            (
                "Hello\n-- \nTo unsubscribe from this group, send an email to x@lists.example.\nWould you like more?",
                "Hello",
                Some("-- \nTo unsubscribe from this group, send an email to x@lists.example.\nWould you like more?"),
            ),
            (
                "Hi\n-- \nEva Nováková\nto unsubscribe mail x@firma.example\nPS: we need 20 pieces.",
                "Hi\nPS: we need 20 pieces.",
                Some("-- \nEva Nováková\nto unsubscribe mail x@firma.example"),
            ),
            (
                "Hi\n--\n\nQuantity: 20\nModel: X-200\nDelivery: Brno",
                "Hi\n--\n\nQuantity: 20\nModel: X-200\nDelivery: Brno",
                None,
            ),
            (
                "Hi\n-- \nEva Nováková\nTel 777 123 456\n20 pcs by Friday",
                "Hi\n20 pcs by Friday",
                Some("-- \nEva Nováková\nTel 777 123 456"),
            ),
        ] {
            assert_eq!(split(text, &eva()), (kept.to_owned(), signed.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn a_block_is_found_by_the_name_of_the_sender_and_its_shape() {
        for (text, expected) in [
            ("Please send a quote.\n\nBest regards,\nEva", "Best regards,\nEva"),
            (
                "Prosím o nabídku.\n\nS pozdravem\n\nEva Nováková\nobchodní zástupce\nFirma s.r.o.\n+420 777 123 456\nwww.firma.cz",
                "S pozdravem\n\nEva Nováková\nobchodní zástupce\nFirma s.r.o.\n+420 777 123 456\nwww.firma.cz",
            ),
            ("Call me.\n\nThanks, EN", "Thanks, EN"),
            ("Call me.\n\nJane Miller\nSales Manager\n(713) 215-3381", "Jane Miller\nSales Manager\n(713) 215-3381"),
            ("سلام، قیمت لطفا.\n\nبا احترام\neva.n@web.example", "با احترام\neva.n@web.example"),
        ] {
            assert_eq!(signature(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn words_of_an_address_that_names_nobody_end_no_message() {
        let text = "Hello,\nplease deliver\n\nOrder 4711\n20 chairs\n4 lamps";
        for (name, address) in [
            (None, "orders@client.example"),
            (Some("Kovo"), "table@client.example"),
            (Some("Orders of Kovo"), "kovo@client.example"),
        ] {
            let sender = Mailbox { name: name.map(str::to_owned), address: Some(address.to_owned()) };
            assert_eq!(split(text, &sender), (text.to_owned(), None), "{address}");
            let text = "Dobrý den,\nprosím o cenu\n\nKovo stůl\ntable lamps\nkovové židle";
            assert_eq!(split(text, &sender), (text.to_owned(), None), "{address}");
        }
        let info = Mailbox { name: None, address: Some("info@client.example".to_owned()) };
        let text = "Hello,\nwe need\n\nInformation\nA catalogue";
        assert_eq!(split(text, &info), (text.to_owned(), None));
    }

    #[test]
    fn what_only_looks_like_one_is_text() {
        for text in [
            "-- \nall of it",
            "a -- b",
            "Sent from my desk, with three pages of remarks",
            "x\n--",
            "",
            "Please call me.\n\nThanks",
            "We need 3 pieces\nCertification Document",
            "Eva",
            "Do you know Eva?\nIs Eva there?",
            "Please write to\neva is away today",
            "Our offer:\n10 pieces\n20 pieces",
        ] {
            assert_eq!(split(text, &eva()), (text.to_owned(), None), "{text}");
        }
    }
}
