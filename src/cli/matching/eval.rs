//! `pisteur match eval`: labelled records through the production path, in a database that is thrown away.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::super::output::Cell;
use super::super::{Context, Outcome, Output};
use super::sets;
use crate::domain::matching::fit::learn;
use crate::domain::matching::model::Model;
use crate::domain::matching::profile::Profile;
use crate::pipeline::trial::{self, Counts, Labelled, Report};
use crate::store::{self, OpenOptions};

/// `pisteur match eval`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pisteur match eval --left people.csv --truth pairs.csv --map map.toml
  pisteur match eval --left ours.csv --right theirs.csv --truth pairs.csv --map map.toml --json

The map names the field of each column: given_name = \"first_name\". Fields: id, full_name, first_name, last_name,
email, phone, company, street, house_number, suburb, city, postcode, state, country, date_of_birth, other_id.
The truth is a table of two ids a line, or has the columns of id and cluster.
The weights are fitted to the records, without the truth. Nothing is written to the database of the house.")]
pub struct EvalArgs {
    /// Records, a .csv file with a heading
    #[arg(long, value_name = "FILE")]
    left: PathBuf,
    /// Records of a second file: only pairs across the two are counted
    #[arg(long, value_name = "FILE")]
    right: Option<PathBuf>,
    /// Which records are one
    #[arg(long, value_name = "FILE")]
    truth: PathBuf,
    /// What the columns mean
    #[arg(long, value_name = "FILE")]
    map: PathBuf,
    /// Shuffles the records and draws the pairs that weights are fitted to
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(context: &Context, args: &EvalArgs) -> anyhow::Result<Outcome> {
    let labelled = sets::read(&args.left, args.right.as_deref(), &args.truth, &args.map)?;
    let model = Arc::new(fitted(&labelled, args.seed));
    let report = context.block_on(feed(context, &labelled, &model, args.seed))?;
    let mut out = Output::new();
    if args.json {
        out.json(&report)?;
    } else {
        text(&mut out, &report);
    }
    out.finish(Outcome::Done)
}

fn fitted(labelled: &Labelled, seed: u64) -> Model {
    let profiles: Vec<Profile> =
        labelled.records.iter().map(|record| Profile::of_enquiry(record).unwrap_or_default()).collect();
    let asked = |a: u32, b: u32| labelled.asks(a as usize, b as usize);
    #[expect(clippy::cast_precision_loss, reason = "a number of records")]
    let (all, right) = (profiles.len() as f64, labelled.files.iter().filter(|file| **file == 1).count() as f64);
    let all_pairs = if labelled.is_linking() { right * (all - right) } else { all * (all - 1.0) / 2.0 };
    learn(&profiles, &asked, all_pairs.max(1.0), seed)
}

async fn feed(context: &Context, labelled: &Labelled, model: &Arc<Model>, seed: u64) -> anyhow::Result<Report> {
    let folder = tempfile::tempdir()?;
    let options = OpenOptions {
        url: format!("sqlite://{}", folder.path().join("eval.db").display()),
        spill: false,
        spill_dir: folder.path().to_owned(),
        spill_limit: 0,
        allow_unsafe_server: false,
        clock: Arc::clone(&context.clock),
        migrate: true,
    };
    let (store, _) = store::open(options).await?;
    // Hidden by itself when standard error is no terminal.
    let bar = ProgressBar::new(labelled.records.len() as u64).with_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} records, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let report = trial::run(&store, &*context.clock, model, labelled, seed, || bar.inc(1)).await;
    bar.finish_and_clear();
    store.close().await;
    Ok(report?)
}

fn text(out: &mut Output, report: &Report) {
    out.line(format!(
        "{} records, {} true pairs, seed {}; {:.2} % of the pairs were compared",
        report.records,
        report.true_pairs,
        report.seed,
        report.candidate_recall * 100.0
    ));
    out.line("");
    let row = |what: &str, counts: &Counts, largest: Option<usize>| {
        let share = |share: f64| Cell::new(format!("{share:.4}"));
        vec![
            Cell::new(what),
            share(counts.precision),
            share(counts.recall),
            share(counts.f1),
            Cell::new(counts.fp.to_string()),
            Cell::new(counts.missed.to_string()),
            Cell::new(largest.map(|largest| largest.to_string()).unwrap_or_default()),
        ]
    };
    out.table(
        &["", "precision", "recall", "F1", "wrong", "missed", "largest"],
        &[
            row("pairs: match", &report.pairs_match, None),
            row("pairs: match or review", &report.pairs_match_or_review, None),
            row("entities", &report.entities.counts, Some(report.entities.largest)),
            row("entities, reviewed", &report.entities_reviewed.counts, Some(report.entities_reviewed.largest)),
        ],
    );
    out.line("");
    out.line(format!(
        "{:.2} % of the records raised a question; {:.1} s, a record {:.2} ms (p50), {:.2} ms (p99)",
        report.review_share * 100.0,
        report.seconds,
        report.p50_ms,
        report.p99_ms
    ));
}
