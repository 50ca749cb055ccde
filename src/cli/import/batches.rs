//! Rows of the file, understood and gathered: what is matched and written at a time.

use std::sync::Arc;

use super::source::Meter;
use super::{ImportArgs, Row};
use crate::clock::{Clock, Timestamp};
use crate::domain::enquiry::understand;
use crate::domain::envelope::{ArrivalContext, Channel, Digest, Envelope, RawKind};
use crate::domain::reading::ReadSettings;
use crate::domain::submission::Submission;
use crate::pipeline::import::Entry;

/// Rows of a batch at most.
const ROWS: u64 = 200;
/// Bytes of values of a batch at most, but for one row.
const BYTES: usize = 4 << 20;

/// The rows of a file in their order.
pub(super) type Rows = Box<dyn Iterator<Item = anyhow::Result<Row>> + Send>;

/// Some rows in a line.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// How many they are.
    pub(super) rows: u64,
    /// Where the first of them begins.
    pub(super) first: u64,
    /// Where the last of them begins.
    pub(super) last: u64,
    /// Those that can be matched.
    pub(super) entries: Vec<Entry>,
    /// The others, and why.
    pub(super) refused: Vec<(u64, String)>,
    /// Bytes of the file read up to here.
    pub(super) read: u64,
}

/// Reads a file batch by batch: what is held is one batch.
pub(super) struct Batches {
    rows: Rows,
    meter: Arc<Meter>,
    settings: ReadSettings,
    clock: Arc<dyn Clock>,
    customer: bool,
    owner: Option<String>,
    line: u64,
    /// The file cannot be read further; told behind the rows before.
    broken: Option<anyhow::Error>,
}

impl Batches {
    /// Of these rows.
    pub(super) fn new(
        rows: Rows,
        meter: Arc<Meter>,
        args: &ImportArgs,
        settings: ReadSettings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (customer, owner) = (args.customer, args.owner.clone());
        Self { rows, meter, settings, clock, customer, owner, line: 0, broken: None }
    }

    /// Leaves out the next `rows` rows.
    pub(super) fn skip_rows(&mut self, rows: u64) {
        for _ in 0..rows {
            if self.row().is_none() {
                break;
            }
        }
    }

    /// The next row, unless the file ends or breaks here.
    fn row(&mut self) -> Option<Row> {
        if self.broken.is_some() {
            return None;
        }
        match self.rows.next()? {
            Ok(row) => {
                self.line = row.line;
                Some(row)
            }
            Err(error) => {
                self.broken = Some(error.context(format!("behind line {}", self.line)));
                None
            }
        }
    }

    /// What a row means, by the code that reads forms.
    fn understood(&self, row: Row, now: Timestamp) -> Result<Entry, String> {
        let submission = Submission { fields: row.fields?, ..Submission::default() };
        let envelope = Envelope {
            id: ulid::Ulid::nil(),
            channel: Channel::File,
            intake_id: "import".to_owned(),
            keys: Vec::new(),
            received_at: now,
            digest: Digest::of(&[]),
            raw_kind: RawKind::Form,
            content_type: None,
            context: ArrivalContext::default(),
            raw: bytes::Bytes::new(),
        };
        let enquiry = understand(&submission, &envelope, &self.settings);
        // Somebody without either would be made anew at every import.
        if enquiry.emails.is_empty() && enquiry.phones.is_empty() {
            return Err("neither an email nor a phone that can be read: nobody could be recognised by it".to_owned());
        }
        Ok(Entry { line: row.line, enquiry, customer: self.customer, owner: self.owner.clone() })
    }
}

impl Iterator for Batches {
    type Item = anyhow::Result<Batch>;

    /// The next batch; the error of a file that cannot be read to its end is the last there is.
    fn next(&mut self) -> Option<Self::Item> {
        let (mut batch, mut bytes) = (Batch::default(), 0);
        while batch.rows < ROWS && bytes < BYTES {
            let Some(row) = self.row() else { break };
            if batch.rows == 0 {
                batch.first = row.line;
            }
            (batch.rows, batch.last) = (batch.rows + 1, row.line);
            bytes += row.fields.as_ref().map_or(0, |fields| fields.iter().map(|f| f.value.len()).sum());
            match self.understood(row, self.clock.now()) {
                Ok(entry) => batch.entries.push(entry),
                Err(why) => batch.refused.push((batch.last, why)),
            }
        }
        batch.read = self.meter.read();
        if batch.rows > 0 { Some(Ok(batch)) } else { self.broken.take().map(Err) }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::clock::SystemClock;
    use crate::domain::submission::{Canonical, Field};

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: ImportArgs,
    }

    fn row(line: u64, email: &str, note: usize) -> Row {
        let field = |name: &str, value: String, canonical| Field { name: name.to_owned(), value, canonical };
        let email = field("email", email.to_owned(), Some(Canonical::Email));
        Row { line, fields: Ok(vec![email, field("note", "x".repeat(note), None)]) }
    }

    fn batches(rows: Vec<anyhow::Result<Row>>) -> Batches {
        let args = Line::parse_from(["import", "x.csv"]).args;
        let clock = Arc::new(SystemClock::default());
        Batches::new(Box::new(rows.into_iter()), Arc::default(), &args, ReadSettings::default(), clock)
    }

    #[test]
    fn a_batch_is_bounded_in_rows_and_in_bytes() {
        let short = (0..450).map(|n| Ok(row(n + 2, &format!("p{n}@atelier.fr"), 0))).collect();
        let sizes: Vec<(u64, u64, u64)> =
            batches(short).map(Result::unwrap).map(|b| (b.rows, b.first, b.last)).collect();
        assert_eq!(sizes, [(200, 2, 201), (200, 202, 401), (50, 402, 451)]);
        let long = (0..5).map(|n| Ok(row(n + 2, "p@atelier.fr", 3 << 20))).collect();
        let sizes: Vec<u64> = batches(long).map(|batch| batch.unwrap().rows).collect();
        assert_eq!(sizes, [2, 2, 1]);
    }

    #[test]
    fn what_comes_before_a_place_where_the_file_breaks_is_not_lost() {
        let rows = || vec![Ok(row(2, "a@atelier.fr", 0)), Ok(row(3, "", 0)), Err(anyhow::anyhow!("no more"))];
        let mut all = batches(rows());
        let first = all.next().unwrap().unwrap();
        assert_eq!((first.rows, first.entries.len(), first.refused[0].0), (2, 1, 3));
        assert_eq!(format!("{:#}", all.next().unwrap().unwrap_err()), "behind line 3: no more");
        assert!(all.next().is_none());
        let mut behind = batches(rows());
        behind.skip_rows(9);
        assert!(behind.next().unwrap().is_err() && behind.next().is_none());
    }
}
