//! `pisteur leads export`, and the same of opportunities and contacts: records as a table for spreadsheets or as JSON
//! for programs. Page by page: memory holds one page, however many there are.

use std::io::Write as _;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::{Map, Value};

use super::output::{moments, safe_json};
use super::records::Wanted;
use super::{Context, Outcome, paging};
use crate::domain::matching::EntityKind;
use crate::domain::spreadsheet;
use crate::store::Store;
use crate::store::rows::RecordRow;

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table (RFC 4180) with a heading, every cell in quotation marks
    Csv,
    /// One array
    Json,
    /// One object a line
    Ndjson,
}

/// Which records are exported, and how.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub struct ExportRecords {
    #[command(flatten)]
    wanted: Wanted,
    /// At most this many, newest first; 0 = all
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    limit: i64,
    /// How they are written
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// The same as --format ndjson
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// With everything that hangs on each record: contact points, conversation, tags, decisions (JSON only)
    #[arg(long)]
    full: bool,
    /// CSV with its values as they were sent, for programs only: opened in a spreadsheet, what strangers wrote may run
    #[arg(long)]
    raw: bool,
    /// Delimiter of CSV: spreadsheets set to French, Czech or German want ;
    #[arg(long, value_name = "CHAR", default_value = ",", value_parser = delimiter)]
    delimiter: u8,
    /// Begin CSV with a byte order mark, so that Excel reads accents
    #[arg(long)]
    bom: bool,
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text {
        "," => Ok(b','),
        ";" => Ok(b';'),
        "tab" | "\t" => Ok(b'\t'),
        _ => Err("one of , ; tab".to_owned()),
    }
}

/// Exports records of `kind`.
pub(super) fn run(context: &Context, kind: EntityKind, args: &ExportRecords) -> anyhow::Result<Outcome> {
    let format = if args.json { Format::Ndjson } else { args.format };
    anyhow::ensure!(
        !args.full || format != Format::Csv,
        "--full needs --format json or ndjson: a table has one row a record"
    );
    let config = context.config()?;
    let now = context.clock.now();
    context.with_store(&config, async |store| {
        let filter = args.wanted.filter(store, kind, now, args.limit).await?;
        let mut sheet = Sheet::begin(format, args)?;
        paging::records(store, kind, filter, async |rows| {
            for row in &rows {
                let value = if args.full { whole(store, kind, row).await? } else { object(row)? };
                sheet.add(value)?;
            }
            sheet.flush()
        })
        .await?;
        sheet.end()?;
        Ok(Outcome::Done)
    })
}

/// The record with everything that hangs on it; one that was merged away meanwhile as the list had it.
async fn whole(store: &Arc<dyn Store>, kind: EntityKind, row: &RecordRow) -> anyhow::Result<Map<String, Value>> {
    match store.show_record(kind, row.id).await? {
        Some(detail) => object(&detail),
        None => object(row),
    }
}

fn object(record: &impl Serialize) -> anyhow::Result<Map<String, Value>> {
    match moments(serde_json::to_value(record)?) {
        Value::Object(members) => Ok(members),
        other => anyhow::bail!("a record is an object, not {other}"),
    }
}

/// Rows on their way to standard output.
struct Sheet {
    format: Format,
    raw: bool,
    delimiter: u8,
    columns: Vec<String>,
    begun: bool,
    text: Vec<u8>,
}

impl Sheet {
    /// With what stands before the first row.
    fn begin(format: Format, args: &ExportRecords) -> anyhow::Result<Self> {
        let columns: Vec<String> = object(&RecordRow::default())?.into_iter().map(|(name, _)| name).collect();
        let mut sheet =
            Self { format, raw: args.raw, delimiter: args.delimiter, columns, begun: false, text: Vec::new() };
        if format == Format::Csv {
            if args.bom {
                sheet.text.extend("\u{feff}".as_bytes());
            }
            let heading = sheet.columns.clone();
            sheet.row(&heading)?;
        }
        Ok(sheet)
    }

    fn add(&mut self, record: Map<String, Value>) -> anyhow::Result<()> {
        if self.format == Format::Csv {
            let cells: Vec<String> =
                self.columns.iter().map(|name| record.get(name).map_or_else(String::new, |v| self.cell(v))).collect();
            return self.row(&cells);
        }
        let before = match (self.format, self.begun) {
            (Format::Json, false) => "[\n",
            (Format::Json, true) => ",\n",
            _ => "",
        };
        self.begun = true;
        let after = if self.format == Format::Json { "" } else { "\n" };
        let json = safe_json(&Value::Object(record))?;
        self.text.extend([before, &json, after].concat().into_bytes());
        Ok(())
    }

    fn cell(&self, value: &Value) -> String {
        let text = match value {
            Value::Null => return String::new(),
            // What we count ourselves is no formula.
            Value::Bool(_) | Value::Number(_) => return value.to_string(),
            Value::String(text) => text.clone(),
            Value::Array(_) | Value::Object(_) => value.to_string(),
        };
        if self.raw { text } else { spreadsheet::inert(&text) }
    }

    fn row(&mut self, cells: &[String]) -> anyhow::Result<()> {
        let mut writer = csv::WriterBuilder::new()
            .delimiter(self.delimiter)
            .terminator(csv::Terminator::CRLF)
            .quote_style(csv::QuoteStyle::Always)
            .from_writer(&mut self.text);
        writer.write_record(cells)?;
        writer.flush()?;
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(&self.text)?;
        out.flush()?;
        self.text.clear();
        Ok(())
    }

    fn end(mut self) -> anyhow::Result<()> {
        if self.format == Format::Json {
            self.text.extend(if self.begun { b"\n]\n".as_slice() } else { b"[]\n" });
        }
        self.flush()
    }
}
