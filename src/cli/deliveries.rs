//! `pisteur deliveries`: effects on the world outside that gave up.

use clap::{Args, Subcommand};

use super::args::ListArgs;
use super::output::{Cell, Style, Table};
use super::{Context, Outcome, Output, paging, when};
use crate::domain::plain::one_line;
use crate::store::rows::DeadLetter;

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
            let mut out = Output::new();
            let mut table = Table::new(&["JOB", "GAVE UP", "KIND", "TARGET", "ATTEMPTS", "ERROR"]);
            paging::dead_letters(store, args.list.limit, async |letters| {
                if args.list.json {
                    letters.iter().try_for_each(|letter| out.json(letter).map(drop))?;
                } else {
                    table.add(&mut out, &letters.iter().map(cells).collect::<Vec<_>>());
                }
                out.flush()
            })
            .await?;
            match (args.list.json, table.has_begun()) {
                (true, _) => {}
                (false, true) => drop(out.line("Try again: pisteur deliveries retry JOB")),
                (false, false) => drop(out.line("No delivery gave up.")),
            }
            out.finish(Outcome::Done)
        }
        DeliveriesCommand::Retry(args) => {
            let (mut out, mut outcome) = (Output::new(), Outcome::Done);
            let mut again = async |jobs: Vec<i64>| {
                for job in jobs {
                    if store.retry_dead_letter(job).await? {
                        out.line(format!("{job}: queued again"));
                    } else {
                        outcome = Outcome::No;
                        out.line(format!("{job}: no delivery of this number gave up; see `pisteur deliveries list`"));
                    }
                }
                out.flush()
            };
            if args.all {
                let pages = async |letters: Vec<DeadLetter>| again(letters.iter().map(|l| l.job).collect()).await;
                paging::dead_letters(store, 0, pages).await?;
            } else {
                again(args.jobs).await?;
            }
            out.finish(outcome)
        }
    })
}

fn cells(letter: &DeadLetter) -> Vec<Cell> {
    vec![
        Cell::new(letter.job.to_string()),
        Cell::new(when::local(letter.at)),
        Cell::new(&letter.kind),
        Cell::new(&letter.target),
        Cell::new(letter.attempts.to_string()),
        Cell::styled(one_line(letter.error.as_deref().unwrap_or("-"), 80), Style::Bad),
    ]
}
