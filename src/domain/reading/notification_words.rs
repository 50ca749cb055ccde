//! The lines of a notification that belong to no field: what a website says of its form, and what somebody wrote.
//!
//! A website announces what it sends (`New message from your website`); people write sentences. What cannot be told from
//! a sentence is one: words too many beside a message do less harm than words that are lost.

use super::body::cut;
use super::budget;
use super::notification::Sender;
use super::notification_end::{SIGNS, SITES};
use crate::domain::submission::{Canonical, Field};

/// Words of a line with which it is more than a heading.
const SPOKEN: usize = 3;
/// Words of the longest line that only announces.
const ANNOUNCED: usize = 14;
/// Characters of a word in a script that sets no blanks between them.
const UNPARTED: usize = 6;

/// Words of websites for what they send, lower case, as they begin or end in the languages of forms.
const SENT_IN: [&str; 26] = [
    "submission",
    "enquiry",
    "inquiry",
    "request",
    "message",
    "lead",
    "entry",
    "notification",
    "demande",
    "anfrage",
    "nachricht",
    "poptávk",
    "zpráv",
    "dotaz",
    "solicitud",
    "mensaje",
    "mensagem",
    "richiesta",
    "messaggio",
    "aanvraag",
    "bericht",
    "zapytani",
    "wiadomoś",
    "заявк",
    "сообщени",
    "پیام",
];
/// Words that say that it is new or has come, lower case.
const ARRIVED: [&str; 24] = [
    "new ",
    "received",
    "you have ",
    "nouve",
    "reçu",
    "neue ",
    "neuer ",
    "erhalten",
    "nová ",
    "nové ",
    "novou ",
    "nový ",
    "obdrže",
    "dostali",
    "nuev",
    "recibi",
    "nov",
    "ricevut",
    "nuov",
    "nieuw",
    "ontvangen",
    "otrzyma",
    "нов",
    "تازه",
];

/// Lines that belong to no field, in order.
#[derive(Debug)]
pub(super) struct Strays {
    above: Vec<String>,
    between: Vec<String>,
    below: Vec<String>,
    /// They stand in a text without markup.
    plain: bool,
}

impl Strays {
    /// None yet.
    pub(super) fn new(plain: bool) -> Self {
        Self { above: Vec::new(), between: Vec::new(), below: Vec::new(), plain }
    }

    /// Takes a line that stands below so many fields.
    pub(super) fn take(&mut self, line: &str, fields: usize) {
        let lines = if fields == 0 { &mut self.above } else { &mut self.below };
        lines.push(line.trim_end().to_owned());
    }

    /// A field follows.
    pub(super) fn note_field(&mut self) {
        self.between.append(&mut self.below);
    }

    /// Somebody wrote sentences and put the fields below them.
    pub(super) fn are_a_letter(&self) -> bool {
        self.above.iter().filter(|line| !announces(line)).map(|line| words(line)).sum::<usize>() >= SPOKEN
    }

    /// Puts what somebody wrote into the message: all of it in the mail of one who is not known to send forms; of a
    /// website what its form has no label for, or what reads like a sentence.
    pub(super) fn join(self, fields: &mut Vec<Field>, sender: Sender) {
        let has_message = fields.iter().any(|field| field.canonical == Some(Canonical::Message));
        let stranger = sender == Sender::Unknown;
        // Around the tables of a website stands what every one of its mails says.
        if !stranger && !self.plain {
            return;
        }
        let kept = |lines: &[String]| {
            let worth = |line: &&String| stranger || line.trim().is_empty() || !announces(line) && is_spoken(line);
            text(lines.iter().filter(worth).map(String::as_str))
        };
        let above = kept(&self.above);
        let below =
            if has_message || stranger { kept(&self.below) } else { text(self.below.iter().map(String::as_str)) };
        let below = [kept(&self.between), below].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        let below = below.join("\n\n");
        let message = |value| Field { name: "message".to_owned(), value, canonical: Some(Canonical::Message) };
        let nameless = fields.last_mut().filter(|last| last.canonical.is_none() && above.is_empty() && !has_message);
        match nameless {
            // A label that no table knows may be that of the message.
            Some(last) if !below.is_empty() => last.value = format!("{}\n\n{below}", last.value),
            _ if !below.is_empty() => fields.push(message(below)),
            _ => {}
        }
        if !above.is_empty() {
            fields.insert(0, message(above));
        }
    }
}

/// Lines as a text; empty when they say nothing.
fn text<'l>(lines: impl Iterator<Item = &'l str>) -> String {
    let joined = lines.collect::<Vec<_>>().join("\n");
    if joined.contains(char::is_alphanumeric) { joined.trim().to_owned() } else { String::new() }
}

/// More than a heading: some words, or a short one with the mark of a sentence.
fn is_spoken(line: &str) -> bool {
    words(line) >= SPOKEN || words(line) > 0 && line.trim_end().ends_with(['.', '!', '?', '…', '。', '؟'])
}

/// Words of a line.
fn words(line: &str) -> usize {
    budget::pay(line.len());
    let unparted = line.chars().filter(|c| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}')).count();
    let parted = line.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count();
    parted.max(unparted.div_ceil(UNPARTED) * usize::from(unparted > 0))
}

/// A short line in which a website says that its form was sent.
fn announces(line: &str) -> bool {
    let lower = cut(line.trim(), 300).to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let told = says(&SIGNS) || says(&SENT_IN) && (says(&SITES) || says(&ARRIVED));
    told && words(&lower) <= ANNOUNCED
}
