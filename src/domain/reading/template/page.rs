//! A mail as a template looks at it: its text, the rows of its HTML, a few header fields; all cut to size.
//!
//! Labels are looked for in the rows of the HTML first, where cells tell more than lines; patterns and marks in the text
//! first, which is what people see when they write them. Every search draws on the allowance of the mail: without any left
//! it finds nothing.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use super::finder::{Finder, Place};
use super::folded;
use crate::domain::reading::markup_rows::{self, Item};
use crate::domain::reading::text::one_line;
use crate::domain::reading::{body, budget, html};
use crate::domain::submission::{MailFacts, Mailbox};

/// Text looked at, in bytes.
const TEXT_BYTES: usize = 100_000;
/// Markup looked at, in bytes.
const MARKUP_BYTES: usize = 500_000;
/// Lines looked at.
const LINES: usize = 4_000;
/// Longest line that can be a label, in characters.
const LABEL_CHARS: usize = 120;
/// Longest value that is no message, in characters.
const VALUE_CHARS: usize = 500;
/// Bytes a step in which plain words are looked for, which goes many bytes at a time.
const MARK_BYTES: usize = 8;

/// A mail as a template looks at it.
pub struct Page<'a> {
    text: &'a str,
    markup: Option<&'a str>,
    /// Decoded subject.
    pub subject: &'a str,
    facts: &'a MailFacts,
    lower: OnceCell<String>,
    laid_out: OnceCell<String>,
    text_rows: OnceCell<Vec<Row>>,
    markup_rows: OnceCell<Vec<Row>>,
}

/// A line, or two cells that belong together.
struct Row {
    /// What stands before the colon or in the first cell, folded; of a short line without colon all of it.
    label: String,
    /// What stands behind it, if anything.
    value: String,
    /// All of it, as it would be read.
    whole: String,
    /// It begins with a label of its own, so that it is no value of the one above.
    names: bool,
    /// It is made of cells.
    cells: bool,
}

impl Row {
    fn of_line(line: &str) -> Self {
        let at = line.char_indices().take(LABEL_CHARS).find(|(_, c)| matches!(c, ':' | '：' | '=' | '\t'));
        let (name, value) = match at {
            Some((at, c)) => (line.get(..at).unwrap_or_default(), line.get(at + c.len_utf8()..).unwrap_or_default()),
            None if line.chars().nth(LABEL_CHARS).is_none() => (line, ""),
            None => ("", ""),
        };
        let colon = at.is_some_and(|(_, c)| matches!(c, ':' | '：'));
        let names = colon && name.contains(char::is_alphabetic) && !value.starts_with("//");
        let value = value.trim().trim_start_matches(['*', '|']).trim();
        Self { label: folded(name), value: value.to_owned(), whole: line.to_owned(), names, cells: false }
    }

    fn of(item: Item) -> Self {
        match item {
            Item::Pair(name, value) => Self {
                label: folded(&name),
                value: value.trim().to_owned(),
                whole: format!("{name}: {value}"),
                names: true,
                cells: true,
            },
            Item::Label(line) | Item::Line(line) => Self::of_line(&line),
        }
    }

    fn is_blank(&self) -> bool {
        self.whole.trim().is_empty()
    }
}

impl<'a> Page<'a> {
    /// The page of a mail.
    pub fn of(text: &'a str, markup: Option<&'a str>, subject: &'a str, facts: &'a MailFacts) -> Self {
        Self {
            text: body::cut(text, TEXT_BYTES),
            markup: markup.map(|markup| body::cut(markup, MARKUP_BYTES)),
            subject,
            facts,
            lower: OnceCell::new(),
            laid_out: OnceCell::new(),
            text_rows: OnceCell::new(),
            markup_rows: OnceCell::new(),
        }
    }

    /// The address it comes from.
    pub fn sender(&self) -> Option<&str> {
        self.facts.from.address.as_deref()
    }

    /// Whether these words, lower case, stand in its text or that of its HTML.
    pub fn contains(&self, words: &str) -> bool {
        let lower = self.lower.get_or_init(|| format!("{}\n{}", self.text, self.laid_out()).to_lowercase());
        budget::pay(1 + lower.len() / MARK_BYTES) && lower.contains(words)
    }

    /// The text of the HTML.
    fn laid_out(&self) -> &str {
        let lay = || self.markup.map(html::to_text).unwrap_or_default();
        body::cut(self.laid_out.get_or_init(lay), TEXT_BYTES)
    }

    fn text_rows(&self) -> &[Row] {
        let lines = || self.text.lines().take(LINES).take_while(|line| budget::pay(1 + line.len().min(LABEL_CHARS)));
        self.text_rows.get_or_init(|| lines().map(Row::of_line).collect())
    }

    fn markup_rows(&self) -> &[Row] {
        let rows = |markup| markup_rows::rows(markup).into_iter().take(LINES).map(Row::of).collect();
        self.markup_rows.get_or_init(|| self.markup.map(rows).unwrap_or_default())
    }

    /// The value that a finder finds. `long`: it may have several lines; `labels`: those of the template, folded.
    pub fn find(&self, finder: &Finder, long: bool, address: bool, labels: &BTreeSet<String>) -> Option<String> {
        let found = match finder.place {
            Place::ReplyTo => of_mailbox(self.facts.reply_to.first()?, address)?,
            Place::From => of_mailbox(&self.facts.from, address)?,
            Place::Subject => in_text(finder, self.subject, long)?,
            Place::Body | Place::Text | Place::Html => self.in_body(finder, long, labels)?,
        };
        let found = if long { found.trim().to_owned() } else { one_line(&found, VALUE_CHARS) };
        Some(found).filter(|found| !found.is_empty())
    }

    /// Whether a row has this label, with a value or without.
    pub fn has_label(&self, label: &str) -> bool {
        let label = folded(label);
        let rows = self.markup_rows().iter().chain(self.text_rows());
        budget::pay(1 + self.text_rows().len()) && rows.into_iter().any(|row| row.label == label)
    }

    /// The lines of the text that begin with none of these labels, folded.
    pub fn unlabelled(&self, labels: &BTreeSet<String>) -> String {
        let rows = self.text_rows().iter().filter(|row| !labels.contains(&row.label));
        rows.map(|row| row.whole.as_str()).collect::<Vec<_>>().join("\n").trim().to_owned()
    }

    fn in_body(&self, finder: &Finder, long: bool, labels: &BTreeSet<String>) -> Option<String> {
        let (text, markup) = (finder.place != Place::Html, finder.place != Place::Text);
        let Some(label) = finder.label.as_deref().map(folded) else {
            let of_text = text.then(|| in_text(finder, self.text, long)).flatten();
            return of_text.or_else(|| markup.then(|| in_text(finder, self.laid_out(), long)).flatten());
        };
        let search = |rows: &[Row]| {
            let found = below(rows, &label, long || finder.before.is_some(), labels)?;
            let end = finder.before.as_deref().and_then(|mark| found.find(mark)).unwrap_or(found.len());
            found.get(..end).map(str::to_owned).filter(|found| !found.trim().is_empty())
        };
        let of_markup = markup.then(|| search(self.markup_rows())).flatten();
        // Where cells are, an empty one is empty, whatever follows it in the text that was laid out from them.
        let told = markup && self.markup_rows().iter().any(|row| row.cells && row.label == label);
        if told {
            return of_markup;
        }
        of_markup.or_else(|| text.then(|| search(self.text_rows())).flatten())
    }
}

/// Address or name of a mailbox.
fn of_mailbox(mailbox: &Mailbox, address: bool) -> Option<String> {
    if address { mailbox.address.clone() } else { mailbox.name.clone() }
}

/// By pattern, or between marks. Without a second mark a long value goes on to the end, another to the end of its line.
fn in_text(finder: &Finder, text: &str, long: bool) -> Option<String> {
    if let Some(pattern) = &finder.regex {
        return budget::pay(1 + text.len()).then(|| pattern.found(text))?.map(str::to_owned);
    }
    let after = finder.after.as_deref().filter(|_| budget::pay(1 + text.len() / MARK_BYTES))?;
    let rest = text.get(text.find(after)? + after.len()..)?;
    let end = match finder.before.as_deref() {
        // A portal that words its footer anew loses nobody's words.
        Some(before) => rest.find(before).or(long.then_some(rest.len()))?,
        None if long => rest.len(),
        None => rest.find('\n').unwrap_or(rest.len()),
    };
    rest.get(..end).map(str::to_owned)
}

/// The value of the first row with this label that has one: beside it, or in the next row that is filled and has no label
/// of its own. A long one goes on until another label of the template.
fn below(rows: &[Row], label: &str, long: bool, labels: &BTreeSet<String>) -> Option<String> {
    if !budget::pay(1 + rows.len()) {
        return None;
    }
    let places = rows.iter().enumerate().filter(|(_, row)| row.label == label);
    places.take(5).find_map(|(at, row)| {
        if !long && !row.value.is_empty() {
            return Some(row.value.clone());
        }
        // A label that stood above is a word of who writes below.
        let met: BTreeSet<&str> = rows.iter().take(at).filter(|_| long).map(|row| row.label.as_str()).collect();
        let ends = |row: &&Row| labels.contains(&row.label) && !met.contains(row.label.as_str());
        let mut rest = rows.iter().skip(at + 1).take_while(|row| !ends(row));
        if !long {
            let next = rest.find(|row| !row.is_blank()).filter(|next| !row.cells && !next.names);
            return next.map(|next| next.whole.clone());
        }
        let lines: Vec<&str> = std::iter::once(row.value.as_str()).chain(rest.map(|row| row.whole.as_str())).collect();
        let value = lines.join("\n").trim().to_owned();
        Some(value).filter(|value| !value.is_empty())
    })
}
