//! Form notifications: mails in which a website's mailer tells what a visitor typed, as lines of key and value.
//!
//! Accepted: `k: v`, `k : v`, fullwidth colon, `k = v`, `*k*: v`, tab between, a label line and then its value; the
//! message field takes everything up to the next label or the footer; `k - v`; in markup cells side by side or one above
//! the other, definition lists, labels in bold.
//!
//! Guards: a signature (`Tel:`, `E-mail:`) and a quoted header (`From:`, `Sent:`) are no form; the labels must stand at
//! the head of the text and at least one must name a person, a company or a message; a sender not known to send forms
//! needs more evidence. What is written in such a mail is the visitor's claim: it names them, nothing else. Whoever
//! writes sentences and puts lines below them has written a letter; and what belongs to no field is the message.

use super::budget;
use super::field_names;
use super::markup_rows::{self, Item};
use super::notification_end::is_footer;
use super::notification_words::Strays;
use crate::domain::submission::{Canonical, Field};

/// Longest label, in characters.
const LABEL_CHARS: usize = 48;
/// Fields taken from one mail.
const FIELDS: usize = 200;
/// Lines looked at.
pub(super) const LINES: usize = 2_000;
/// Filled lines or rows among which the first label stands.
const HEAD: usize = 12;
/// Markup looked at, in bytes.
const MARKUP_BYTES: usize = 500_000;

/// How far the sender is known to send forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sender {
    /// Nothing says so.
    Unknown,
    /// Marks of a mailer: noreply address, a PHP mailer, another Reply-To, auto-generated.
    Mailer,
    /// Configured as a form sender.
    Known,
}

/// Labels of quoted headers: the text has turned into an old message.
const HEADER_LABELS: [&str; 30] = [
    "from",
    "to",
    "sent",
    "date",
    "cc",
    "bcc",
    "von",
    "an",
    "gesendet",
    "datum",
    "de",
    "envoye",
    "envoyele",
    "od",
    "komu",
    "odeslano",
    "da",
    "inviato",
    "enviado",
    "para",
    "van",
    "aan",
    "verzonden",
    "do",
    "wyslano",
    "от",
    "кому",
    "از",
    "به",
    "من",
];

/// An address, lower case, by which programs write.
pub(in crate::domain) fn is_mailer_name(from: &str) -> bool {
    let local = from.split('@').next().unwrap_or_default();
    let whole = ["web", "www", "www-data", "apache", "site", "form", "forms"];
    whole.contains(&local)
        || [
            "noreply",
            "no-reply",
            "no_reply",
            "donotreply",
            "wordpress",
            "webform",
            "website",
            "formulaire",
            "formular",
        ]
        .iter()
        .any(|word| local.contains(word))
}

/// Reads the fields of a notification; `None` when the text is not one.
pub fn read(text: &str, sender: Sender) -> Option<Vec<Field>> {
    let items = |lines: usize| text.lines().take(lines).map(|line| Item::Line(line.to_owned())).collect::<Vec<_>>();
    let filled = text.lines().take(LINES).enumerate().filter(|(_, line)| !line.trim().is_empty());
    let head = filled.map(|(at, _)| at + 1).nth(HEAD - 1).unwrap_or(LINES);
    (begins(&items(head), sender)).then(|| fields_of(&items(LINES), sender))?
}

/// The same from markup, where tables and bold letters tell more than lines.
pub fn read_markup(html: &str, sender: Sender) -> Option<Vec<Field>> {
    let html = super::body::cut(html, MARKUP_BYTES);
    begins(&markup_rows::items(html, HEAD), sender).then(|| fields_of(&markup_rows::items(html, usize::MAX), sender))?
}

/// Whether `one` tells as much as `other`, or more.
pub fn tells_as_much(one: &[Field], other: &[Field]) -> bool {
    known(one).len() >= known(other).len()
}

/// Whether a label that is known stands among the first items: few mails get further.
fn begins(items: &[Item], sender: Sender) -> bool {
    let most = if sender == Sender::Unknown { 5 } else { HEAD };
    items.iter().filter(|item| item.is_filled()).take(most).any(|item| match item {
        Item::Line(line) => label_of(line).is_some(),
        Item::Pair(label, _) | Item::Label(label) => field_names::canonical(label).is_some(),
    })
}

fn fields_of(items: &[Item], sender: Sender) -> Option<Vec<Field>> {
    let (mut fields, strays) = collect(items);
    if !accept(&fields, sender) || sender == Sender::Unknown && strays.are_a_letter() {
        return None;
    }
    strays.join(&mut fields, sender);
    Some(fields)
}

/// Meanings, each once.
fn known(fields: &[Field]) -> Vec<Canonical> {
    let mut known: Vec<Canonical> = fields.iter().filter_map(|f| f.canonical).collect();
    known.sort_unstable();
    known.dedup();
    known
}

/// Whether these fields are a person's request.
pub(super) fn accept(fields: &[Field], sender: Sender) -> bool {
    let known = known(fields);
    let says_who = known.iter().any(|c| {
        matches!(
            c,
            Canonical::FullName | Canonical::FirstName | Canonical::LastName | Canonical::Company | Canonical::Message
        )
    });
    let reachable = known.iter().any(|c| matches!(c, Canonical::Email | Canonical::Phone | Canonical::Mobile));
    match sender {
        Sender::Known => !known.is_empty(),
        Sender::Mailer => known.len() >= 2 && (says_who || reachable),
        Sender::Unknown => known.len() >= 3 && says_who && reachable,
    }
}

/// A line `label: value` whose label is known, or a line that is only a known label.
pub(super) fn label_of(line: &str) -> Option<(Label<'_>, Canonical)> {
    let label = split(line)?;
    field_names::canonical(label.name).map(|canonical| (label, canonical))
}

/// A line that a label calls the message, with words beside it.
pub(super) fn is_message(line: &str) -> bool {
    separator(line.trim()).is_some()
        && label_of(line).is_some_and(|(label, canonical)| label.is_filled() && canonical == Canonical::Message)
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Label<'a> {
    name: &'a str,
    value: &'a str,
}

impl Label<'_> {
    /// A value stands beside it.
    pub(super) fn is_filled(&self) -> bool {
        !self.value.is_empty()
    }
}

fn split(line: &str) -> Option<Label<'_>> {
    let line = line.trim();
    budget::pay(line.len().min(4 * LABEL_CHARS));
    let (name, value) = match separator(line) {
        Some((at, width)) => (line.get(..at)?, line.get(at + width..)?),
        None if line.chars().count() <= LABEL_CHARS => (line, ""),
        None => return None,
    };
    let name = name.trim_matches(decoration);
    let value = value.trim_start_matches(['*', '|']).trim();
    // `http://..` is an address, a label has few words.
    let plain =
        !name.is_empty() && !value.starts_with("//") && name.split_whitespace().count() <= 6 && !name.contains('@');
    plain.then_some(Label { name, value })
}

fn decoration(c: char) -> bool {
    "*•-_|>#\".".contains(c) || c.is_whitespace()
}

/// Where the label of a trimmed line ends: (position, bytes of the separator). A dash between spaces is one only behind a
/// label that is known.
pub(super) fn separator(line: &str) -> Option<(usize, usize)> {
    let sure = line.char_indices().take(LABEL_CHARS).find(|(_, c)| matches!(c, ':' | '：' | '=' | '\t'));
    let sure = sure.map(|(at, c)| (at, c.len_utf8()));
    let before = sure.map_or(line, |(at, _)| line.get(..at).unwrap_or_default());
    let dash = [" - ", " – "].iter().filter_map(|dash| before.find(dash).map(|at| (at, dash.len()))).min();
    let dash = dash.filter(|(at, _)| {
        let name = line.get(..*at).unwrap_or_default().trim_matches(decoration);
        name.chars().count() <= LABEL_CHARS && field_names::canonical(name).is_some()
    });
    dash.or(sure)
}

/// A field whose value may go on.
#[derive(Debug, Clone, Copy)]
struct Open {
    index: usize,
    /// It takes blank lines too: the message.
    multi: bool,
    /// Nothing but lines of text tells where it ends.
    plain: bool,
}

/// The fields, and the lines that belong to none.
fn collect(items: &[Item]) -> (Vec<Field>, Strays) {
    let mut fields: Vec<Field> = Vec::new();
    let mut open: Option<Open> = None;
    let plain = items.iter().all(|item| matches!(item, Item::Line(_)));
    let mut strays = Strays::new(plain);
    let head: Vec<&str> = items
        .iter()
        .take(12)
        .filter_map(|item| if let Item::Line(line) = item { Some(line.as_str()) } else { None })
        .collect();
    for (at, item) in items.iter().enumerate() {
        if fields.len() >= FIELDS || !budget::pay(1) {
            break;
        }
        let count = fields.len();
        let line = match item {
            Item::Pair(name, value) => {
                fields.push(field(&Label { name, value }, field_names::canonical(name)));
                open = None;
                strays.note_field();
                continue;
            }
            Item::Label(name) if take_label(name, plain, &mut fields, &mut open) => {
                strays.note_field();
                continue;
            }
            Item::Label(name) => name,
            Item::Line(line) => line,
        };
        if is_footer(line, items.get(at + 1..).unwrap_or_default()) {
            break;
        }
        // What is read as an old message says so with the line that begins it.
        if !take_line(line, (head.as_slice(), plain), &mut fields, &mut open) {
            break;
        }
        let nameless = fields.get(count).is_some_and(|f| f.canonical.is_none() && f.value.is_empty());
        if nameless && !fields.iter().any(|field| field.canonical.is_some()) {
            // `Please ship them to:` above the first label that is known.
            fields.truncate(count);
            open = None;
            strays.take(line, count);
        } else if fields.len() > count {
            strays.note_field();
        } else if open.is_none() {
            strays.take(line, count);
        }
    }
    for field in &mut fields {
        field.value = field.value.trim().to_owned();
    }
    fields.retain(|f| !f.value.is_empty());
    (fields, strays)
}

/// Takes a line in bold letters as a label. Bold words in a message are none.
fn take_label(name: &str, plain: bool, fields: &mut Vec<Field>, open: &mut Option<Open>) -> bool {
    let label = Label { name: name.trim_end_matches([':', '：', ' ', '*']), value: "" };
    let canonical = field_names::canonical(label.name);
    if canonical.is_none() && open.is_some_and(|open| open.multi) {
        return false;
    }
    fields.push(field(&label, canonical));
    let multi = canonical == Some(Canonical::Message);
    *open = Some(Open { index: fields.len() - 1, multi, plain });
    true
}

/// Takes one line; false when the text has turned into an old message.
fn take_line(line: &str, (head, plain): (&[&str], bool), fields: &mut Vec<Field>, open: &mut Option<Open>) -> bool {
    let trimmed = line.trim();
    let folded = split(line).map(|l| field_names::fold(l.name)).unwrap_or_default();
    let with_colon = trimmed.contains([':', '：']);
    if with_colon && HEADER_LABELS.contains(&folded.as_str()) && fields.is_empty() {
        return match visitor_line(line, head) {
            Some(visitor) => {
                fields.extend(visitor);
                true
            }
            None => false,
        };
    }
    let message_open = open.is_some_and(|open| open.multi);
    match label_of(line).filter(|(label, _)| starts_field(label, line, message_open)) {
        Some((label, canonical)) => {
            fields.push(field(&label, Some(canonical)));
            *open = Some(Open { index: fields.len() - 1, multi: canonical == Canonical::Message, plain });
        }
        None if !message_open && separator(trimmed).is_some() && split(line).is_some() => {
            if let Some(label) = split(line) {
                fields.push(field(&label, None));
                *open = Some(Open { index: fields.len() - 1, multi: false, plain });
            }
        }
        None => extend(fields, open, line),
    }
    true
}

/// `From: Eva <eva@web.example>` as the mailers of content systems begin: the visitor. Not so when the head of the text
/// has the other lines of a quoted header.
fn visitor_line(line: &str, head: &[&str]) -> Option<[Field; 2]> {
    let quoted = head.iter().any(|line| {
        let name = split(line).map(|l| field_names::fold(l.name)).unwrap_or_default();
        matches!(name.as_str(), "to" | "sent" | "date" | "an" | "gesendet" | "komu" | "envoye" | "envoyele" | "inviato")
    });
    let label = split(line)?;
    let (name, address) = label.value.split_once('<').unwrap_or(("", label.value));
    let address = super::addresses::clean_address(address).filter(|_| !quoted)?;
    let part = |value: &str, canonical| Field {
        name: label.name.to_owned(),
        value: value.trim().to_owned(),
        canonical: Some(canonical),
    };
    Some([part(name, Canonical::FullName), part(&address, Canonical::Email)])
}

/// A known label begins a field: always with a separator; alone on its line unless a message is being read.
fn starts_field(label: &Label<'_>, line: &str, message_open: bool) -> bool {
    // A number is part of a value: `Enquiry 17` below the label `Subject`.
    separator(line.trim()).is_some()
        || (label.value.is_empty() && !message_open && !label.name.contains(char::is_numeric))
}

fn field(label: &Label<'_>, canonical: Option<Canonical>) -> Field {
    let name = label.name.chars().take(128).collect();
    Field { name, value: label.value.to_owned(), canonical }
}

/// A line that is no label continues the open field: the message always, another one while it is empty. Directly below a
/// value, in a text without markup, it goes on with what no table knows; below a name or a number it stands beside it.
fn extend(fields: &mut Vec<Field>, open: &mut Option<Open>, line: &str) {
    let Some(Open { index, multi, plain }) = *open else { return };
    let Some(field) = fields.get_mut(index) else { return };
    budget::pay(line.len());
    if multi {
        if !field.value.is_empty() {
            field.value.push('\n');
        }
        field.value.push_str(line.trim_end());
    } else if field.value.is_empty() {
        line.trim().clone_into(&mut field.value);
    } else if !plain || !line.contains(char::is_alphanumeric) {
        *open = None;
    } else if field.canonical.is_none() {
        field.value.push('\n');
        field.value.push_str(line.trim());
    } else {
        let beside = Field { name: field.name.clone(), value: line.trim().to_owned(), canonical: None };
        fields.push(beside);
        *open = Some(Open { index: fields.len() - 1, multi, plain });
    }
}

#[cfg(test)]
mod tests;
