//! A CSV address book: separator found out, first line is the heading, one contact a line.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::sync::Arc;

use super::source::Meter;
use super::{Row, columns};
use crate::domain::submission::{Canonical, Field};

/// Separators looked for, the more telling first.
const SEPARATORS: [char; 4] = [';', '\t', ',', '|'];

/// What a column is called, and means.
type Column = (String, Option<Canonical>);

/// Reads the rows of a text that begins with `head` and goes on with `rest`; a row that cannot be read is one that says
/// why, and the error of a file that cannot be read is the last there is.
///
/// # Errors
/// When there is no heading from which a contact could be made.
pub(super) fn read<R: Read>(
    head: Vec<u8>,
    rest: R,
    delimiter: Option<char>,
    given: &BTreeMap<String, Canonical>,
    meter: Arc<Meter>,
) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Row>> + use<R>> {
    let (declared, begin) = declared(&head);
    let delimiter = delimiter
        .or(declared)
        .unwrap_or_else(|| sniff(&String::from_utf8_lossy(head.get(begin..).unwrap_or_default())));
    let delimiter = u8::try_from(delimiter).map_err(|_| anyhow::anyhow!("{delimiter:?} cannot separate columns"))?;
    let mut head = Cursor::new(head);
    head.set_position(begin as u64);
    let mut records = ::csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(head.chain(rest))
        .into_records();
    let heading = records.next().transpose()?.ok_or_else(|| anyhow::anyhow!("the file is empty"))?;
    let heading = columns_of(&heading, given).map_err(anyhow::Error::msg)?;
    let skipped = u64::from(begin > 0);
    let rows = records.enumerate().map(move |(i, record)| {
        meter.row_ended();
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, ::csv::Position::line) + skipped;
                Ok(Row { line, fields: fields(&record, &heading) })
            }
            Err(e) if e.is_io_error() => Err(e.into()),
            Err(e) => {
                let line = e.position().map_or(i as u64 + 2, ::csv::Position::line) + skipped;
                Ok(Row { line, fields: Err(e.to_string()) })
            }
        }
    });
    Ok(rows.filter(|row| row.as_ref().ok().and_then(|row| row.fields.as_ref().ok()).is_none_or(|f| !f.is_empty())))
}

/// The separator that Excel writes into a first line of its own, and where the text behind that line begins.
fn declared(head: &[u8]) -> (Option<char>, usize) {
    let end = head.iter().position(|b| *b == b'\n');
    let first = String::from_utf8_lossy(end.and_then(|end| head.get(..end)).unwrap_or_default());
    match end {
        Some(end) if first.trim().to_lowercase().starts_with("sep=") => (first.trim().chars().nth(4), end + 1),
        _ => (None, 0),
    }
}

fn columns_of(heading: &::csv::StringRecord, given: &BTreeMap<String, Canonical>) -> Result<Vec<Column>, String> {
    let heading: Vec<Column> =
        heading.iter().map(|name| (name.trim().to_owned(), columns::meaning(name, given))).collect();
    if heading.iter().any(|(_, c)| c.is_some_and(reaches)) {
        return Ok(heading);
    }
    let names: Vec<&str> = heading.iter().map(|(name, _)| name.as_str()).collect();
    Err(format!(
        "no column of the heading holds an email or a phone: {}; say which with --map COLUMN=email",
        names.join(" | ")
    ))
}

/// Whether a field of this meaning lets someone be reached, and so be recognised.
pub(super) const fn reaches(canonical: Canonical) -> bool {
    matches!(canonical, Canonical::Email | Canonical::Phone | Canonical::Mobile)
}

fn fields(record: &::csv::StringRecord, heading: &[Column]) -> Result<Vec<Field>, String> {
    if record.len() > heading.len() && record.iter().skip(heading.len()).any(|v| !v.trim().is_empty()) {
        return Err(format!("{} values for {} columns; a quote may be missing", record.len(), heading.len()));
    }
    Ok(heading
        .iter()
        .zip(record)
        .filter(|(_, value)| !value.trim().is_empty())
        .map(|((name, canonical), value)| Field {
            name: name.clone(),
            // Google's contacts part several values of a cell by three colons.
            value: value.trim().replace('\0', "").replace(" ::: ", ", "),
            canonical: *canonical,
        })
        .collect())
}

/// The separator that occurs most in the first line, outside quotes.
fn sniff(text: &str) -> char {
    let mut quoted = false;
    let first: String = text
        .chars()
        .take_while(|c| {
            quoted ^= *c == '"';
            quoted || *c != '\n'
        })
        .scan(false, |inside, c| {
            *inside ^= c == '"';
            Some(if *inside { ' ' } else { c })
        })
        .collect();
    let count = |separator: char| first.matches(separator).count();
    // `max_by_key` takes the last of equals; the more telling separators come first.
    SEPARATORS.into_iter().rev().max_by_key(|s| count(*s)).unwrap_or(',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Row>, String> {
        // However the text is cut, it is the same text.
        let (head, rest) = text.as_bytes().split_at(text.len() / 2);
        super::read(head.to_vec(), rest, None, &BTreeMap::new(), Arc::default())
            .and_then(Iterator::collect)
            .map_err(|e| e.to_string())
    }

    fn values(entries: &[Row]) -> Vec<(u64, Vec<&str>)> {
        entries
            .iter()
            .map(|e| (e.line, e.fields.as_ref().unwrap().iter().map(|f| f.value.as_str()).collect()))
            .collect()
    }

    #[test]
    fn semicolons_commas_and_tabs_are_told_apart() {
        for text in ["nom;email\nZoé;z@a.example\n", "nom,email\nZoé,z@a.example\n", "nom\temail\nZoé\tz@a.example\n"]
        {
            let entries = read(text).unwrap();
            assert_eq!(values(&entries), [(2, vec!["Zoé", "z@a.example"])], "{text}");
        }
        assert_eq!(sniff("\"a,b,c,d\";email;tel\n"), ';');
    }

    #[test]
    fn excel_may_say_its_separator_first() {
        let entries = read("sep=,\nnom,email\nA,a@b.example\n").unwrap();
        assert_eq!(values(&entries), [(3, vec!["A", "a@b.example"])]);
    }

    #[test]
    fn a_line_with_too_many_values_says_so_and_the_others_go_on() {
        let entries = read("nom;email\nA;a@b.example;x;y\nB;b@b.example\n;\n").unwrap();
        assert_eq!(entries.len(), 2, "an empty line is nobody");
        assert!(entries[0].fields.as_ref().unwrap_err().contains("4 values for 2 columns"));
        assert_eq!(entries[1].line, 3);
    }

    #[test]
    fn a_quoted_value_may_hold_line_ends() {
        let entries = read("nom;email;note\nA;a@b.example;\"x\ny\"\nB;b@b.example;\n").unwrap();
        assert_eq!(entries.iter().map(|e| e.line).collect::<Vec<_>>(), [2, 4]);
    }

    #[test]
    fn a_heading_without_email_or_phone_is_refused_with_the_remedy() {
        let error = read("a;b\n1;2\n").unwrap_err();
        assert!(error.contains("--map"), "{error}");
    }
}
