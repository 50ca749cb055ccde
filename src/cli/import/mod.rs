//! `pisteur contacts import`: a CSV or vCard file through the same matching as live arrivals.
//!
//! The file is read piece by piece, so memory does not grow with it. Importing the same file again changes nothing: each
//! line finds the contact it made. An import that was cut off goes on where it was.

mod batches;
mod bring_in;
mod cards;
mod charset;
mod columns;
mod csv;
mod report;
mod source;
mod stop;

use std::io::{Cursor, Read as _};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use self::batches::{Batches, Rows};
use self::source::{Meter, Source};
use super::explain::thinking;
use super::{Context, Outcome};
use crate::domain::envelope::Digest;
use crate::domain::plain;
use crate::domain::submission::Field;

/// Bytes of the text by which it is told what it is: cards, or rows parted by what.
const HEAD: u64 = 64 << 10;

/// `pisteur contacts import`.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
#[command(after_help = "\
Examples:
  pisteur contacts import clients.csv
  pisteur contacts import clients.csv --dry-run          what was understood, line by line
  pisteur contacts import export.csv --map \"N° tél=phone\" --customer
  pisteur contacts import team.vcf --owner alice
  zcat clients.csv.gz | pisteur contacts import -

Column names are understood in French, English, Czech and Persian; the separator and the character set are
found out. Ctrl-C stops after the contacts under way. After any interruption run the same command again: it
goes on where it was. Known people are recognised, nothing is doubled.")]
pub struct ImportArgs {
    /// A .csv or .vcf file of any size; - is standard input
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
    /// Begin at the first line, also where an earlier import of this file was cut off
    #[arg(long)]
    restart: bool,
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
    if let Some(owner) = &args.owner {
        let brain = thinking(&config)?;
        anyhow::ensure!(
            brain.rules.people().iter().any(|p| &p.id == owner && p.active),
            "--owner {owner}: nobody of this id is active in people.toml"
        );
    }
    let source = Source::open(&args.file, args.charset.as_deref())?;
    let (name, length, meter) = (name(&source, args), source.length, Arc::default());
    let rows = rows(source, args, &meter)?;
    let batches = Batches::new(rows, meter, args, config.read_settings(), Arc::clone(&context.clock));
    if args.dry_run {
        return report::rehearsal(batches, args);
    }
    context.with_store(&config, async |store| bring_in::bring_in(context, args, store, (&name, length), batches).await)
}

/// What an import is known by while it is not at its end: the bytes it reads, and everything that says how.
fn name(source: &Source, args: &ImportArgs) -> String {
    let how = json!([
        env!("CARGO_PKG_VERSION"),
        source.digest.to_hex().as_str(),
        args.map,
        args.delimiter,
        args.charset,
        args.customer,
        args.owner
    ]);
    Digest::of(how.to_string().as_bytes()).to_string()
}

/// The rows of the file.
fn rows(source: Source, args: &ImportArgs, meter: &Arc<Meter>) -> anyhow::Result<Rows> {
    let given = columns::given(&args.map).map_err(anyhow::Error::msg)?;
    let mut text = source.text(meter);
    let mut head = Vec::new();
    text.by_ref().take(HEAD).read_to_end(&mut head).with_context(|| plain::path(&args.file))?;
    if cards::are_in(&head) {
        return Ok(Box::new(cards::read(Cursor::new(head).chain(text), Arc::clone(meter))));
    }
    let rows = csv::read(head, text, args.delimiter, &given, Arc::clone(meter));
    Ok(Box::new(rows.with_context(|| plain::path(&args.file))?))
}
