//! The rows of one statement as one JSON text: `[[..],[..]]`. Both engines unfold it (`json_each`,
//! `jsonb_array_elements`), so that a whole batch of arrivals or decisions costs one statement per table.
//!
//! NUL characters are dropped: PostgreSQL cannot store them in text.

use serde::Serialize;

/// Rows under construction.
#[derive(Debug, Default)]
pub(super) struct Batch {
    text: Vec<u8>,
    rows: usize,
}

impl Batch {
    /// No rows yet.
    pub(super) const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Opens a row.
    pub(super) fn begin(&mut self) {
        self.text.extend_from_slice(if self.rows == 0 { b"[[" } else { b",[" });
        self.rows = self.rows.saturating_add(1);
    }

    /// Adds a value to the open row.
    pub(super) fn value<T: Serialize + ?Sized>(&mut self, value: &T) {
        if self.text.last() != Some(&b'[') {
            self.text.push(b',');
        }
        let mark = self.text.len();
        if serde_json::to_writer(&mut self.text, value).is_err() {
            self.text.truncate(mark);
            self.text.extend_from_slice(b"null");
        }
    }

    /// Closes the row.
    pub(super) fn end(&mut self) {
        self.text.push(b']');
    }

    /// The statement's argument.
    pub(super) fn text(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.text).into_owned();
        if self.rows == 0 {
            text.push('[');
        }
        text.push(']');
        if text.contains("\\u0000") { without_nul(&text) } else { text }
    }
}

/// The JSON text with NUL removed from every string.
fn without_nul(text: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(mut value) => {
            strip(&mut value);
            value.to_string()
        }
        Err(_) => text.to_owned(),
    }
}

fn strip(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(s) => {
            // A JSON document kept as text carries its own escapes.
            *s = if s.contains("\\u0000") && serde_json::from_str::<serde_json::Value>(s).is_ok() {
                without_nul(s)
            } else {
                s.replace('\0', "")
            };
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(strip),
        serde_json::Value::Object(map) => map.values_mut().for_each(strip),
        _ => {}
    }
}

/// Adds one row to a [`Batch`].
macro_rules! row {
    ($batch:expr; $($value:expr),+ $(,)?) => {{
        let batch: &mut $crate::store::batch::Batch = &mut $batch;
        batch.begin();
        $( batch.value(&$value); )+
        batch.end();
    }};
}
pub(super) use row;

/// One-column rows.
pub(super) fn column<T: Serialize>(values: impl IntoIterator<Item = T>) -> Batch {
    let mut batch = Batch::default();
    for value in values {
        row!(batch; value);
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_one_json_text() {
        let mut batch = Batch::default();
        assert_eq!(batch.text(), "[]");
        row!(batch; 1_i64, "a\"b", None::<i64>);
        row!(batch; i64::MIN, "", Some(2));
        assert_eq!(batch.text(), r#"[[1,"a\"b",null],[-9223372036854775808,"",2]]"#);
    }

    #[test]
    fn nul_is_dropped_and_a_written_escape_is_kept() {
        let mut batch = Batch::default();
        row!(batch; "a\0b", "\\u0000", r#"{"k":"x\u0000y"}"#);
        let rows: Vec<Vec<String>> = serde_json::from_str(&batch.text()).unwrap();
        assert_eq!(rows[0], ["ab", "\\u0000", r#"{"k":"xy"}"#]);
    }
}
