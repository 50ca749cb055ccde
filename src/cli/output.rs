//! What goes to standard output: aligned tables and colour for people, JSON for machines.
//!
//! Text is gathered and written at the end, or page by page in long lists; a closed pipe is met in one place.

use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;
use serde_json::Value;

use super::Outcome;
use crate::clock::Timestamp;
use crate::domain::plain::{self, one_line, width};

/// A weight that a word is printed with on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Well.
    Good,
    /// Needs a look.
    Warn,
    /// Needs a person.
    Bad,
    /// Beside the point.
    Dim,
    /// A heading.
    Bold,
}

/// Text on its way to standard output.
#[derive(Debug)]
pub struct Output {
    text: String,
    colour: bool,
}

impl Default for Output {
    fn default() -> Self {
        Self::new()
    }
}

impl Output {
    /// Empty, with colour when standard output is a terminal and `NO_COLOR` is unset.
    #[must_use]
    pub fn new() -> Self {
        let colour =
            std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { text: String::new(), colour }
    }

    /// Whether words are coloured.
    pub(super) const fn has_colour(&self) -> bool {
        self.colour
    }

    /// Adds a line.
    pub fn line(&mut self, line: impl AsRef<str>) -> &mut Self {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
        self
    }

    /// Adds one JSON object on a line, moments as RFC 3339.
    ///
    /// # Errors
    /// When `value` cannot be written as JSON.
    pub fn json(&mut self, value: &impl Serialize) -> anyhow::Result<&mut Self> {
        let line = safe_json(&moments(serde_json::to_value(value)?))?;
        Ok(self.line(line))
    }

    /// `word` in `style`, where there is colour.
    pub(super) fn styled(&self, style: Style, word: &str) -> String {
        if !self.colour || word.is_empty() {
            return word.to_owned();
        }
        let code = match style {
            Style::Good => "32",
            Style::Warn => "33",
            Style::Bad => "31",
            Style::Dim => "2",
            Style::Bold => "1",
        };
        format!("\u{1b}[{code}m{word}\u{1b}[0m")
    }

    /// Adds a table: columns as wide as their widest cell, the last one free.
    pub(super) fn table(&mut self, head: &[&str], rows: &[Vec<Cell>]) -> &mut Self {
        Table::new(head).add(self, rows);
        self
    }

    /// Writes what was gathered so far.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(self.text.as_bytes())?;
        out.flush()?;
        self.text.clear();
        Ok(())
    }

    /// As [`Self::flush`] for a command that writes elsewhere, too: when the reader has gone, the work goes on unread.
    ///
    /// # Errors
    /// When standard output cannot be written for another reason.
    pub(super) fn flush_if_read(&mut self) -> anyhow::Result<()> {
        let flushed = self.flush();
        self.text.clear();
        flushed.or_else(|error| if is_closed_pipe(&error) { Ok(()) } else { Err(error) })
    }

    /// Writes what was gathered; the answer is `outcome`.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn finish(mut self, outcome: Outcome) -> anyhow::Result<Outcome> {
        self.flush()?;
        Ok(outcome)
    }
}

/// A table that is written page by page: columns as wide as their widest cell so far, the last one free.
#[derive(Debug)]
pub(super) struct Table<'a> {
    head: &'a [&'a str],
    widths: Vec<usize>,
    begun: bool,
}

impl<'a> Table<'a> {
    /// With this heading, written before the first rows.
    pub(super) fn new(head: &'a [&'a str]) -> Self {
        Self { head, widths: head.iter().map(|h| width(h)).collect(), begun: false }
    }

    /// Adds rows to `out`.
    pub(super) fn add(&mut self, out: &mut Output, rows: &[Vec<Cell>]) {
        for row in rows {
            for (w, cell) in self.widths.iter_mut().zip(row) {
                *w = (*w).max(width(&cell.text));
            }
        }
        if !std::mem::replace(&mut self.begun, true) {
            let heading: Vec<Cell> = self.head.iter().map(|h| Cell::styled(h, Style::Bold)).collect();
            self.row(out, &heading);
        }
        for row in rows {
            self.row(out, row);
        }
    }

    /// Whether anything was added.
    pub(super) const fn has_begun(&self) -> bool {
        self.begun
    }

    fn row(&self, out: &mut Output, row: &[Cell]) {
        let mut line = String::new();
        for (i, (cell, w)) in row.iter().zip(&self.widths).enumerate() {
            line.push_str(&cell.style.map_or_else(|| cell.text.clone(), |s| out.styled(s, &cell.text)));
            if i + 1 < row.len() {
                line.push_str(&" ".repeat(w.saturating_sub(width(&cell.text)) + 2));
            }
        }
        out.line(line.trim_end());
    }
}

/// One cell of a table.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    style: Option<Style>,
}

impl Cell {
    /// A plain cell; control characters and line ends become spaces, long text is cut.
    pub(super) fn new(text: impl AsRef<str>) -> Self {
        Self { text: one_line(text.as_ref(), 48), style: None }
    }

    /// A cell that may be long: for the last column.
    pub(super) fn long(text: impl AsRef<str>) -> Self {
        Self { text: one_line(text.as_ref(), 160), style: None }
    }

    /// A cell in `style`.
    pub(super) fn styled(text: impl AsRef<str>, style: Style) -> Self {
        Self { style: Some(style), ..Self::new(text) }
    }

    /// A cell that may be absent.
    pub(super) fn maybe(text: Option<&str>) -> Self {
        Self::new(text.unwrap_or("-"))
    }
}

/// `text` with spaces up to `columns`.
pub(super) fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Moments are stored as microseconds under names ending in `_at` or `_until`; machines outside want RFC 3339.
pub(super) fn moments(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(key, value)| {
                    let moment = key == "at" || key.ends_with("_at") || key.ends_with("_until");
                    let value = match value.as_i64().filter(|_| moment) {
                        Some(micros) => Value::String(Timestamp::from_micros(micros).to_string()),
                        None if key == "custom_fields" => value,
                        None => moments(value),
                    };
                    (key, value)
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(moments).collect()),
        other => other,
    }
}

/// JSON on one line. What could steer a terminal is written as `\u....`, which means the same to every reader of JSON.
///
/// # Errors
/// When `value` cannot be written as JSON.
pub(super) fn safe_json(value: &Value) -> anyhow::Result<String> {
    let json = serde_json::to_string(value)?;
    if json.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Ok(json);
    }
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if plain::is_shown(c) {
            safe.push(c);
        } else {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| safe.push_str(&format!("\\u{unit:04x}")));
        }
    }
    Ok(safe)
}

/// An error with its causes, each said once. Errors of libraries repeat the words of their cause in their own, others
/// leave them out: a cause is added only when it says something new. Control characters are written out.
pub(super) fn told(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if said.is_empty() {
            said = cause;
        } else if !said.contains(cause.trim_end_matches('.')) {
            said = format!("{said}: {cause}");
        }
    }
    plain::escaped_lines(&said)
}

/// Whether the reader of our output went away.
pub(super) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_cannot_steer_the_terminal_and_says_the_same() {
        let value = serde_json::json!({"a\u{9b}2J": "\u{202e}x\u{1b}[31m\u{7f}\u{e0041}é می\u{200c}خ"});
        let json = safe_json(&value).unwrap();
        assert_eq!(json, "{\"a\\u009b2J\":\"\\u202ex\\u001b[31m\\u007f\\udb40\\udc41é می\u{200c}خ\"}");
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), value);
    }

    #[test]
    fn moments_become_rfc_3339_and_other_numbers_stay() {
        let value = serde_json::json!({"received_at": 1_000_000, "size": 7, "list": [{"at": 0}], "decided_at": null});
        let expected = serde_json::json!({"received_at": "1970-01-01T00:00:01Z", "size": 7,
            "list": [{"at": "1970-01-01T00:00:00Z"}], "decided_at": null});
        assert_eq!(moments(value), expected);
    }

    #[test]
    fn each_cause_of_an_error_is_told_once() {
        use crate::store::StoreError;
        use anyhow::Context as _;
        let gone = || std::io::Error::new(std::io::ErrorKind::NotFound, "no such\u{1b} file");
        let store: anyhow::Result<()> = Err(StoreError::Away(Box::new(gone())).into());
        let error = store.context("the list").unwrap_err();
        assert_eq!(told(&error), "the list: the database is away: no such\\u{1b} file");
        let plain: anyhow::Result<()> = Err(gone()).context("cannot read x");
        assert_eq!(told(&plain.unwrap_err()), "cannot read x: no such\\u{1b} file");
    }

    #[test]
    fn what_strangers_wrote_cannot_steer_the_terminal() {
        assert_eq!(Cell::new("a\u{1b}[31mb\nc\u{202e}d").text, "a [31mb c d");
        assert_eq!(width(&Cell::new("東".repeat(99)).text), 47);
    }

    #[test]
    fn columns_are_aligned_as_a_terminal_shows_them() {
        let mut out = Output { text: String::new(), colour: false };
        out.table(
            &["name", "x"],
            &[
                vec![Cell::new("Zoe\u{301}"), Cell::new("1")],
                vec![Cell::new("東京"), Cell::new("2")],
                vec![Cell::new("Bernard"), Cell::new("3")],
            ],
        );
        assert_eq!(out.text, "name     x\nZoe\u{301}      1\n東京     2\nBernard  3\n");
    }
}
