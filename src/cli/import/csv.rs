//! A CSV address book: separator found out, first line is the heading, one contact a line.

use std::collections::BTreeMap;

use super::{Row, columns};
use crate::domain::submission::{Canonical, Field};

/// Separators looked for, the more telling first.
const SEPARATORS: [char; 4] = [';', '\t', ',', '|'];

/// Reads `text`; a line that cannot be read is an entry that says why.
///
/// # Errors
/// When there is no heading from which a contact could be made.
pub(super) fn read(
    text: &str,
    delimiter: Option<char>,
    given: &BTreeMap<String, Canonical>,
) -> Result<Vec<Row>, String> {
    // Excel writes its separator into a first line of its own.
    let (declared, body, skipped) = match text.split_once('\n') {
        Some((first, rest)) if first.trim().to_lowercase().starts_with("sep=") => {
            (first.trim().chars().nth(4), rest, 1)
        }
        _ => (None, text, 0),
    };
    let delimiter = delimiter.or(declared).unwrap_or_else(|| sniff(body));
    let delimiter = u8::try_from(delimiter).map_err(|_| format!("{delimiter:?} cannot separate columns"))?;
    let mut reader =
        ::csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(body.as_bytes());
    let mut records = reader.records();
    let heading = records.next().transpose().map_err(|e| e.to_string())?.ok_or("the file is empty")?;
    let heading: Vec<(String, Option<Canonical>)> =
        heading.iter().map(|name| (name.trim().to_owned(), columns::meaning(name, given))).collect();
    if !heading.iter().any(|(_, c)| c.is_some_and(reaches)) {
        let names: Vec<&str> = heading.iter().map(|(name, _)| name.as_str()).collect();
        return Err(format!(
            "no column of the heading holds an email or a phone: {}; say which with --map COLUMN=email",
            names.join(" | ")
        ));
    }
    let entries = records.enumerate().map(|(i, record)| match record {
        Ok(record) => {
            let line = record.position().map_or(0, ::csv::Position::line) + skipped;
            Row { line, fields: fields(&record, &heading) }
        }
        Err(e) => {
            let line = e.position().map_or(i as u64 + 2, ::csv::Position::line) + skipped;
            Row { line, fields: Err(e.to_string()) }
        }
    });
    Ok(entries.filter(|e| e.fields.as_ref().is_err() || e.fields.as_ref().is_ok_and(|f| !f.is_empty())).collect())
}

/// Whether a field of this meaning lets someone be reached, and so be recognised.
pub(super) const fn reaches(canonical: Canonical) -> bool {
    matches!(canonical, Canonical::Email | Canonical::Phone | Canonical::Mobile)
}

fn fields(record: &::csv::StringRecord, heading: &[(String, Option<Canonical>)]) -> Result<Vec<Field>, String> {
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
            let entries = read(text, None, &BTreeMap::new()).unwrap();
            assert_eq!(values(&entries), [(2, vec!["Zoé", "z@a.example"])], "{text}");
        }
        assert_eq!(sniff("\"a,b,c,d\";email;tel\n"), ';');
    }

    #[test]
    fn excel_may_say_its_separator_first() {
        let entries = read("sep=,\nnom,email\nA,a@b.example\n", None, &BTreeMap::new()).unwrap();
        assert_eq!(values(&entries), [(3, vec!["A", "a@b.example"])]);
    }

    #[test]
    fn a_line_with_too_many_values_says_so_and_the_others_go_on() {
        let entries = read("nom;email\nA;a@b.example;x;y\nB;b@b.example\n;\n", None, &BTreeMap::new()).unwrap();
        assert_eq!(entries.len(), 2, "an empty line is nobody");
        assert!(entries[0].fields.as_ref().unwrap_err().contains("4 values for 2 columns"));
        assert_eq!(entries[1].line, 3);
    }

    #[test]
    fn a_quoted_value_may_hold_line_ends() {
        let entries = read("nom;email;note\nA;a@b.example;\"x\ny\"\nB;b@b.example;\n", None, &BTreeMap::new()).unwrap();
        assert_eq!(entries.iter().map(|e| e.line).collect::<Vec<_>>(), [2, 4]);
    }

    #[test]
    fn a_heading_without_email_or_phone_is_refused_with_the_remedy() {
        let error = read("a;b\n1;2\n", None, &BTreeMap::new()).unwrap_err();
        assert!(error.contains("--map"), "{error}");
    }
}
