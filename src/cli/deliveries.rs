//! `pisteur deliveries`: effects on the world outside that gave up.

use clap::{Args, Subcommand};

use super::args::ListArgs;
use super::output::{Cell, Style};
use super::{Context, Outcome, Output, when};
use crate::domain::plain::one_line;

/// `pisteur deliveries`.
#[derive(Debug, Clone, Subcommand)]
pub enum DeliveriesCommand {
    /// List deliveries that gave up
    #[command(after_help = "Example:\n  pisteur deliveries list")]
    List(DeliveryListArgs),
    /// Try deliveries again
    #[command(after_help = "Examples:\n  pisteur deliveries retry 17\n  pisteur deliveries retry --all")]
    Retry(DeliveryRetryArgs),
}

/// `pisteur deliveries list`.
#[derive(Debug, Clone, Args)]
pub struct DeliveryListArgs {
    #[command(flatten)]
    list: ListArgs,
}

/// `pisteur deliveries retry`.
#[derive(Debug, Clone, Args)]
pub struct DeliveryRetryArgs {
    /// Number of the delivery, from the list
    #[arg(value_name = "JOB", required_unless_present = "all", conflicts_with = "all")]
    jobs: Vec<i64>,
    /// Every one that gave up
    #[arg(long)]
    all: bool,
}

/// Lists or retries dead letters.
pub(super) fn run(context: &Context, command: DeliveriesCommand) -> anyhow::Result<Outcome> {
    let config = context.config()?;
    context.with_store(&config, async |store| match command {
        DeliveriesCommand::List(args) => {
            let letters = store.dead_letters(args.list.limit).await?;
            let mut out = Output::new();
            if args.list.json {
                for letter in &letters {
                    out.json(letter)?;
                }
                return out.finish(Outcome::Done);
            }
            if letters.is_empty() {
                out.line("No delivery gave up.");
                return out.finish(Outcome::Done);
            }
            let rows: Vec<Vec<Cell>> = letters
                .iter()
                .map(|l| {
                    vec![
                        Cell::new(l.job.to_string()),
                        Cell::new(when::local(l.at)),
                        Cell::new(&l.kind),
                        Cell::new(&l.target),
                        Cell::new(l.attempts.to_string()),
                        Cell::styled(one_line(l.error.as_deref().unwrap_or("-"), 80), Style::Bad),
                    ]
                })
                .collect();
            out.table(&["JOB", "GAVE UP", "KIND", "TARGET", "ATTEMPTS", "ERROR"], &rows);
            out.line("Try again: pisteur deliveries retry JOB");
            out.finish(Outcome::Done)
        }
        DeliveriesCommand::Retry(args) => {
            let jobs =
                if args.all { store.dead_letters(0).await?.into_iter().map(|l| l.job).collect() } else { args.jobs };
            let mut out = Output::new();
            let mut outcome = Outcome::Done;
            for job in jobs {
                if store.retry_dead_letter(job).await? {
                    out.line(format!("{job}: queued again"));
                } else {
                    outcome = Outcome::No;
                    out.line(format!("{job}: no delivery of this number gave up; see `pisteur deliveries list`"));
                }
            }
            out.finish(outcome)
        }
    })
}
