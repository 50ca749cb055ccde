//! `pisteur contacts import`: a CSV or vCard file through the same matching as live arrivals.
//!
//! Importing the same file again changes nothing: each line finds the contact it made. So an import that was cut off
//! is simply run again.

mod charset;
mod columns;
mod csv;
mod vcard;

use std::path::PathBuf;

use clap::Args;

use super::{Context, Outcome, Output};
use crate::domain::submission::Field;

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
pub(super) struct Entry {
    /// First line of it in the file.
    pub(super) line: u64,
    /// Its fields.
    pub(super) fields: Result<Vec<Field>, String>,
}

/// Reads the file and hands its entries to matching.
pub(super) fn run(_context: &Context, args: &ImportArgs) -> anyhow::Result<Outcome> {
    let raw = std::fs::read(&args.file).map_err(|e| anyhow::anyhow!("{}: {e}", args.file.display()))?;
    let (text, _) = charset::decode(&raw, args.charset.as_deref()).map_err(anyhow::Error::msg)?;
    let given = columns::given(&args.map).map_err(anyhow::Error::msg)?;
    let cards = text.trim_start().get(..11).is_some_and(|t| t.eq_ignore_ascii_case("BEGIN:VCARD"));
    let entries = if cards {
        vcard::read(&text)
    } else {
        csv::read(&text, args.delimiter, &given).map_err(anyhow::Error::msg)?
    };
    let mut out = Output::new();
    out.line(format!("{} entries", entries.len()));
    out.finish(Outcome::Done)
}
