//! What one line at the end of a message looks like.

use super::super::below_delimiter::orders;
use super::super::budget;
use super::super::signature_words::{PICTURES, after_closing, closes, has_sign, is_footer, is_picture};
use super::register::is_registered;
use crate::domain::enquiry::company;
use crate::domain::enquiry::email::is_role;
use crate::domain::submission::Mailbox;

/// Longest line of a block, in characters and words, unless it holds a number or an address.
const CHARS: usize = 70;
const WORDS: usize = 9;
/// What stands between the parts of a line that holds several, and the longest such line in characters.
pub(in crate::domain) const BARS: [&str; 4] = [" | ", " • ", " · ", " ‖ "];
const BARRED: usize = 160;

/// Words of the sender's name and address, lower case, and the initials.
#[derive(Default)]
pub(in crate::domain::reading) struct Sender {
    /// Of the name.
    words: Vec<String>,
    /// Of the address, unless it is of an office: `orders@` names nobody.
    local: Vec<String>,
    initials: Vec<char>,
    /// First word of the name, as written.
    first: String,
    /// Domain of the address, lower case.
    domain: String,
}

impl Sender {
    pub(in crate::domain::reading) fn of(sender: &Mailbox) -> Self {
        let name = sender.name.as_deref().unwrap_or_default();
        let local = sender.address.as_deref().and_then(|a| a.split('@').next()).unwrap_or_default();
        let mut initials: Vec<char> = words(name).filter_map(|w| w.chars().next()).collect();
        initials.sort_unstable();
        let long = |of: &str| words(of).filter(|w| w.chars().count() >= 2).collect();
        let local = if is_role(&local.to_lowercase()) { "" } else { local };
        let domain =
            sender.address.as_deref().and_then(|a| a.rsplit_once('@')).map(|(_, domain)| domain.to_lowercase());
        let first = name.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default().to_owned();
        Self { words: long(name), local: long(local), initials, first, domain: domain.unwrap_or_default() }
    }

    /// One of the words is one of the sender's, or the long and the short form of one of the name: `Chris` and
    /// `Christopher`.
    pub(super) fn is_meant(&self, line: &str) -> bool {
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
    pub(super) fn is_all(&self, line: &str) -> bool {
        words(line).all(|word| self.words.contains(&word) || self.local.contains(&word))
    }

    /// The line has the family name and another given name: "Jane Hill" where Mark Hill writes.
    pub(super) fn is_namesake(&self, line: &str) -> bool {
        let written: Vec<String> = words(line).filter(|w| w.chars().count() >= 2).collect();
        let Some((family, given)) = written.split_last().filter(|(_, given)| (1..=2).contains(&given.len())) else {
            return false;
        };
        self.words.len() == 2
            && is_capitals(line)
            && self.words.last() == Some(family)
            && !given.iter().any(|word| self.is_like(word))
    }

    /// A name of which a word is none of the sender's, who is known by two: "Mark Jones" where Mark Hill writes.
    pub(super) fn is_other(&self, line: &str) -> bool {
        let written: Vec<String> = words(line).filter(|w| w.chars().count() >= 2).collect();
        self.words.len() >= 2
            && (2..=3).contains(&written.len())
            && is_capitals(line)
            && !written.iter().all(|word| self.is_like(word))
    }

    /// The word is a longer or shorter form of one of the sender's, or a part of it.
    fn is_like(&self, word: &str) -> bool {
        self.words.iter().chain(&self.local).any(|known| word.starts_with(known.as_str()) || known.contains(word))
    }

    /// The line has a mail address of another house.
    pub(super) fn is_elsewhere(&self, line: &str) -> bool {
        let domain = |(_, behind): (&str, &str)| {
            let end = behind.find(|c: char| !(c.is_alphanumeric() || ".-".contains(c))).unwrap_or(behind.len());
            behind.get(..end).unwrap_or_default().to_lowercase()
        };
        address_in(line).is_some() && line.split_once('@').map(domain).is_some_and(|domain| domain != self.domain)
    }

    /// The line begins with a link to a page of a house that is not the sender's: a thing that is wanted.
    pub(super) fn points_at(&self, line: &str) -> bool {
        let Some((_, page)) = line.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https")) else {
            return false;
        };
        let page = page.split_whitespace().next().unwrap_or_default().to_lowercase();
        let (host, path) = page.split_once('/').unwrap_or((&page, ""));
        let deep = path.split('/').filter(|part| !part.is_empty()).count() >= 2
            || path.contains('?')
            || path.contains(|c: char| c.is_numeric());
        let house = self.domain.split('.').next().unwrap_or_default();
        let own = self.words.iter().chain(&self.local).any(|word| word.len() >= 3 && page.contains(word.as_str()))
            || house.len() >= 3 && page.contains(house)
            || host.ends_with("linkedin.com");
        deep && !own && !PICTURES.iter().any(|ending| path.ends_with(ending))
    }

    /// The line begins with the given name: "Jan from the workshop".
    fn begins(&self, line: &str) -> bool {
        line.split(|c: char| !c.is_alphabetic()).next().is_some_and(|word| !word.is_empty() && word == self.first)
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
pub(in crate::domain::reading) enum Shape {
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

pub(in crate::domain::reading) fn shape(line: &str, sender: &Sender) -> Shape {
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
    if is_rule(line) || is_footer(line) || is_picture(line) {
        return Shape::Frame;
    }
    if let Some((first, _)) =
        BARS.iter().find_map(|bar| line.split_once(bar)).filter(|_| line.chars().count() <= BARRED)
    {
        return if is_name_line(first.trim(), sender) { Shape::Name } else { Shape::Detail };
    }
    if is_registered(line) {
        return Shape::Detail;
    }
    if orders(line) {
        return Shape::Text;
    }
    let contact = (has_contact(line) || is_place(line)) && !is_numbered(line);
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
pub(super) fn is_alone(line: &str, sender: &Sender) -> bool {
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
    // Towns stand behind the shortest codes: "RAL 9005" and "Octavia 2015" are none.
    let code = |(at, word): (usize, &&str)| match digits(word) {
        4 => at == 0 || word.contains('-') || words.len() > 2 && !word.starts_with(['1', '2']),
        5 | 6 => !word.starts_with(char::is_alphabetic) || word.contains('-'),
        _ => false,
    };
    let (numbers, long) = (words.iter().filter(number).count(), words.iter().enumerate().any(code));
    let begins = words.iter().filter(|w| w.chars().next().is_some_and(char::is_uppercase)).count();
    (2..=12).contains(&words.len())
        && line.chars().count() <= 90
        && (numbers >= 2 && line.contains(',') || long && begins >= 1 && words.len() <= 6)
        && !line.ends_with(['.', '!', ':', ';'])
        // "The Old Mill" is a house.
        && !words.iter().any(|word| word.starts_with(char::is_lowercase) && has_verb(word))
}

/// A word and the number of a thing: "Order 1234567", the number of a vehicle (ISO 3779). A number to call is grouped, or
/// begins with zero or a plus, or a word says what it is.
fn is_numbered(line: &str) -> bool {
    let mut words = line.split_whitespace().map(|word| word.trim_matches(|c: char| ":#,.".contains(c)));
    let (Some(what), Some(number), None) = (words.next(), words.next(), words.next()) else { return false };
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let plain = digits == number.len() && digits >= 7 && !number.starts_with('0');
    let vehicle = number.len() == 17 && digits < 17 && number.bytes().all(|b| b.is_ascii_alphanumeric());
    what.chars().filter(|c| c.is_alphabetic()).count() >= 3 && (plain || vehicle) && !has_sign(line)
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
        && (is_written_large(line) || sender.is_all(line) || sender.begins(line))
}

/// Every word up to a comma or a bracket has a capital or no case, is short for something or a particle of names: things
/// are called by the words of names, too.
fn is_written_large(line: &str) -> bool {
    const PARTICLES: [&str; 20] = [
        "de", "da", "di", "du", "des", "del", "della", "van", "von", "vom", "zu", "der", "den", "la", "le", "el", "al",
        "bin", "ibn", "dos",
    ];
    const AND: [&str; 10] = ["and", "und", "et", "a", "y", "e", "i", "og", "och", "en"];
    let name = line.split([',', '(', '/']).next().unwrap_or_default();
    name.split_whitespace().all(|word| {
        let first = word.chars().find(|c| c.is_alphabetic());
        first.is_none_or(|c| !c.is_lowercase())
            || word.ends_with('.')
            || PARTICLES.contains(&word)
            || AND.contains(&word)
    })
}

/// Little words that names do not hold.
pub(in crate::domain::reading) fn has_verb(line: &str) -> bool {
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
pub(super) fn is_given_name(line: &str) -> bool {
    // With a full stop it is a sentence: "Yes."
    let word = line.trim_end_matches(',');
    let mut letters = word.chars();
    letters.next().is_some_and(char::is_uppercase)
        && (2..=11).contains(&letters.clone().count())
        && letters.all(char::is_lowercase)
}

pub(super) fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.chars().count() >= 3 && line.chars().all(|c| "-_=*~ —─".contains(c))
}

/// A telephone number (seven digits or more among its marks), a mail address, a web address.
pub(in crate::domain::reading) fn has_contact(line: &str) -> bool {
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
