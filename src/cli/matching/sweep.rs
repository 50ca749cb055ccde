//! `pisteur match sweep`: compares what was written since the last time with everybody, and asks.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::super::{Context, Outcome, Output};
use crate::domain::matching::model::Model;
use crate::pipeline::sweep::{self, Turn};
use crate::store::Store;

/// Between two tries while somebody else is at it.
const AGAIN: Duration = Duration::from_millis(200);

/// `pisteur match sweep`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Records written since the last time are compared with all others, as arrivals are. Two that may be one become a question;
nothing is merged. The daemon does it by itself (matching.sweep_seconds).

Examples:
  pisteur match sweep
  pisteur match sweep --json && pisteur review list")]
pub struct SweepArgs {
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(context: &Context, args: &SweepArgs) -> anyhow::Result<Outcome> {
    let config = context.config()?;
    let owner = format!("cli-{}-{}", std::process::id(), context.clock.new_id());
    let (compared, asked) = context.with_store(&config, async |store| all(store, &owner).await)?;
    let mut out = Output::new();
    if args.json {
        out.json(&json!({ "compared": compared, "asked": asked }))?;
    } else if compared == 0 {
        out.line("Nothing was written since the last sweep.");
    } else if asked == 0 {
        out.line(format!("{compared} records compared; nothing new to ask."));
    } else {
        out.line(format!("{compared} records compared, {asked} questions asked: pisteur review list"));
    }
    out.finish(Outcome::Done)
}

/// Turns until nothing waits: records compared and questions asked.
async fn all(store: &Arc<dyn Store>, owner: &str) -> anyhow::Result<(usize, u64)> {
    let model = Arc::new(store.in_force(None).await?.unwrap_or_else(Model::start));
    // Hidden by itself when standard error is no terminal.
    let style = ProgressStyle::with_template("{pos} records compared").unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::no_length().with_style(style);
    let (mut compared, mut questions) = (0, 0);
    loop {
        match sweep::turn(store, &model, owner).await? {
            Turn::Idle => break,
            Turn::Busy => tokio::time::sleep(AGAIN).await,
            Turn::Done { records, asked } => {
                compared += records;
                questions += asked;
                bar.inc(records as u64);
            }
        }
    }
    bar.finish_and_clear();
    Ok((compared, questions))
}
