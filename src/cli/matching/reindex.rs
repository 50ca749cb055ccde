//! `pisteur match reindex`: what records are known by, made anew by the rules of now.

use std::sync::Arc;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::super::{Context, Outcome, Output};
use crate::store::Store;
use crate::telemetry::fail_point;

/// `pisteur match reindex`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pisteur match reindex
  pisteur match reindex --all --json

The daemon may run beside it. It may be stopped at any moment: the next one goes on where it was.")]
pub struct ReindexArgs {
    /// All records, not only those that older rules took in
    #[arg(long)]
    all: bool,
    /// Records in one transaction
    #[arg(long, default_value_t = 250, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(1..=10_000))]
    batch: i64,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// What was done.
#[derive(Debug, Default, Serialize)]
struct Summary {
    /// Records looked at.
    records: u64,
    /// Profiles and keys that were not there.
    written: u64,
    /// Profiles and search keys dropped.
    dropped: u64,
}

pub(super) fn run(context: &Context, args: &ReindexArgs) -> anyhow::Result<Outcome> {
    let config = context.config()?;
    let done = context.with_store(&config, async |store| reindex(store, args).await)?;
    let mut out = Output::new();
    if args.json {
        out.json(&done)?;
    } else if done.records == 0 && done.dropped == 0 {
        out.line("Nothing waits for a reindex.");
    } else {
        out.line(format!(
            "{} records looked at: {} profiles and keys are new, {} old ones are gone.",
            done.records, done.written, done.dropped
        ));
    }
    out.finish(Outcome::Done)
}

async fn reindex(store: &Arc<dyn Store>, args: &ReindexArgs) -> anyhow::Result<Summary> {
    let waiting = store.waiting().await?;
    let expected = if args.all { waiting.of } else { waiting.records };
    // Hidden by itself when standard error is no terminal.
    let bar = ProgressBar::new(expected).with_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} records, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let (mut done, mut after) = (Summary::default(), 0);
    loop {
        let step = store.reindex(args.all, after, args.batch).await?;
        done.records = done.records.saturating_add(step.records);
        done.written = done.written.saturating_add(step.written);
        done.dropped = done.dropped.saturating_add(step.dropped);
        bar.inc(step.records);
        if step.done {
            break;
        }
        fail_point::hit(if step.records > 0 { "reindex-between-records" } else { "reindex-between-keys" });
        after = step.after;
    }
    bar.finish_and_clear();
    Ok(done)
}
