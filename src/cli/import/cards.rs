//! A vCard address book, one card at a time.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use super::Row;
use super::source::Meter;
use crate::domain::reading::vcard::{Card, Cards};

/// Whether a text that begins with `head` is of cards.
pub(super) fn are_in(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(head);
    head.trim_start().get(..11).is_some_and(|start| start.eq_ignore_ascii_case("BEGIN:VCARD"))
}

/// Reads the cards of `text`; a broken one is a row that says why, and the error of a file that cannot be read is the
/// last there is.
pub(super) fn read(text: impl Read, meter: Arc<Meter>) -> impl Iterator<Item = anyhow::Result<Row>> {
    let (mut text, mut line) = (BufReader::new(text), String::new());
    let (mut cards, mut left) = (Some(Cards::default()), Vec::new().into_iter());
    std::iter::from_fn(move || {
        while let Some(reading) = &mut cards {
            line.clear();
            match text.read_line(&mut line) {
                Ok(0) => left = cards.take().map(Cards::end).unwrap_or_default().into_iter(),
                Ok(_) => {
                    if let Some(card) = reading.line(line.strip_suffix('\n').unwrap_or(&line)) {
                        meter.row_ended();
                        return Some(Ok(row(card)));
                    }
                }
                Err(e) => {
                    cards = None;
                    return Some(Err(e.into()));
                }
            }
        }
        left.next().map(|card| Ok(row(card)))
    })
}

fn row(card: Card) -> Row {
    Row { line: card.line, fields: card.fields }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_come_one_by_one_with_their_lines() {
        let text = "BEGIN:VCARD\r\nFN:A\r\nBEGIN:VCARD\r\nFN:B\r\nEND:VCARD\r\n\r\nBEGIN:VCARD\r\nFN:C";
        assert!(are_in(b"\n begin:vcard\n") && !are_in(b"nom;courriel"));
        let rows: Vec<Row> = read(text.as_bytes(), Arc::default()).map(Result::unwrap).collect();
        let came: Vec<(u64, bool)> = rows.iter().map(|row| (row.line, row.fields.is_ok())).collect();
        assert_eq!(came, [(1, false), (3, true), (7, false)]);
    }
}
