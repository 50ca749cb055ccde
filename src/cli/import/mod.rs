//! `pisteur contacts import`: a CSV or vCard file through the same matching as live arrivals.
//!
//! Importing the same file again changes nothing: each line finds the contact it made. So an import that was cut off
//! is simply run again.

mod charset;
mod columns;
mod csv;
mod report;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::explain::thinking;
use super::{Context, Outcome, parse};
use crate::clock::Timestamp;
use crate::domain::enquiry::understand;
use crate::domain::envelope::{ArrivalContext, Channel, Digest, Envelope, RawKind};
use crate::domain::matching::model::Model;
use crate::domain::reading::{ReadSettings, vcard};
use crate::domain::submission::{Field, Submission};
use crate::pipeline::import::{Entry, Outcome as Done, import};
use crate::store::Store;

/// Contacts matched and written at a time.
const BATCH: usize = 200;

/// `pisteur contacts import`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pisteur contacts import clients.csv
  pisteur contacts import clients.csv --dry-run          what was understood, line by line
  pisteur contacts import export.csv --map \"N° tél=phone\" --customer
  pisteur contacts import team.vcf --owner alice

Column names are understood in French, English, Czech and Persian; the separator and the character set are found
out. Run it again after an interruption: known people are recognised, nothing is doubled.")]
pub struct ImportArgs {
    /// A .csv or .vcf file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What a column means, such as "Tel pro=phone"; may be repeated
    #[arg(long, value_name = "COLUMN=FIELD")]
    map: Vec<String>,
    /// Separator of a CSV file [default: found out]
    #[arg(long, value_name = "CHAR")]
    delimiter: Option<char>,
    /// Character set, such as windows-1252 [default: found out]
    #[arg(long, value_name = "NAME")]
    charset: Option<String>,
    /// They have bought before
    #[arg(long)]
    customer: bool,
    /// Owner of new contacts
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    /// Write nothing: print what was understood
    #[arg(long)]
    dry_run: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// One line or card, or why it cannot be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// First line of it in the file.
    pub(super) line: u64,
    /// Its fields.
    pub(super) fields: Result<Vec<Field>, String>,
}

/// Reads the file and hands its entries to matching.
pub(super) fn run(context: &Context, args: &ImportArgs) -> anyhow::Result<Outcome> {
    let config = context.config()?;
    let settings = config.read_settings();
    if let Some(owner) = &args.owner {
        let brain = thinking(&config)?;
        anyhow::ensure!(
            brain.rules.people().iter().any(|p| &p.id == owner && p.active),
            "--owner {owner}: nobody of this id is active in people.toml"
        );
    }
    let understood: Vec<(u64, Result<Entry, String>)> = entries(args)?
        .into_iter()
        .map(|row| (row.line, understood(row, args, &settings, context.clock.now())))
        .collect();
    if args.dry_run {
        return report::rehearsal(&understood, args);
    }
    let (good, bad): (Vec<_>, Vec<_>) = understood.into_iter().partition(|(_, entry)| entry.is_ok());
    let refused = bad.into_iter().filter_map(|(line, entry)| Some((line, entry.err()?))).collect();
    let good: Vec<Entry> = good.into_iter().filter_map(|(_, entry)| entry.ok()).collect();
    let outcomes = context.with_store(&config, async |store| bring_in(context, store, good).await)?;
    report::result(&outcomes, refused, args)
}

/// The rows of the file.
fn entries(args: &ImportArgs) -> anyhow::Result<Vec<Row>> {
    let raw = parse::read_file(&args.file)?;
    let (text, _) = charset::decode(&raw, args.charset.as_deref()).map_err(anyhow::Error::msg)?;
    let given = columns::given(&args.map).map_err(anyhow::Error::msg)?;
    if text.trim_start().get(..11).is_some_and(|t| t.eq_ignore_ascii_case("BEGIN:VCARD")) {
        return Ok(vcard::read(&text).into_iter().map(|card| Row { line: card.line, fields: card.fields }).collect());
    }
    csv::read(&text, args.delimiter, &given).map_err(|e| anyhow::anyhow!("{}: {e}", args.file.display()))
}

/// What a row means, by the code that reads forms.
fn understood(row: Row, args: &ImportArgs, settings: &ReadSettings, now: Timestamp) -> Result<Entry, String> {
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
    let enquiry = understand(&submission, &envelope, settings);
    // Somebody without either would be made anew at every import.
    if enquiry.emails.is_empty() && enquiry.phones.is_empty() {
        return Err("neither an email nor a phone that can be read: nobody could be recognised by it".to_owned());
    }
    Ok(Entry { line: row.line, enquiry, customer: args.customer, owner: args.owner.clone() })
}

async fn bring_in(context: &Context, store: &Arc<dyn Store>, entries: Vec<Entry>) -> anyhow::Result<Vec<Done>> {
    // Hidden by itself when standard error is no terminal.
    let bar = ProgressBar::new(entries.len() as u64).with_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} contacts, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let model = Arc::new(Model::start());
    let mut outcomes = Vec::with_capacity(entries.len());
    let mut left = entries.into_iter();
    loop {
        let batch: Vec<Entry> = left.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        let count = batch.len() as u64;
        outcomes.extend(import(store, &*context.clock, &model, batch).await?);
        bar.inc(count);
    }
    bar.finish_and_clear();
    Ok(outcomes)
}
