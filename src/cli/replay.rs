//! `pisteur replay`: stored arrivals processed again, or what would become of them.

use clap::Args;

use super::context::actor;
use super::{Context, Outcome, Output, when};
use crate::domain::envelope::ArrivalState;
use crate::store::rows::ArrivalFilter;

/// `pisteur replay`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pisteur replay --since 2d --dry-run     what would be done differently with today's rules
  pisteur replay --since 2026-03-14 --state parked

Records already made are kept: an arrival that has one joins it again at most, nothing is overwritten.")]
pub struct ReplayArgs {
    /// Arrivals received since then: 2026-03-14, 2026-03-14T09:26:00Z, 2h, 3d
    #[arg(long, value_name = "WHEN")]
    since: String,
    /// Only these states
    #[arg(long, value_name = "STATE", value_delimiter = ',', default_values = ["parked", "quarantined", "discarded", "failed"])]
    state: Vec<String>,
    /// Write nothing: list what would be processed
    #[arg(long)]
    dry_run: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Puts stored arrivals back in the queue.
pub(super) fn run(context: &Context, args: &ReplayArgs) -> anyhow::Result<Outcome> {
    let config = context.config()?;
    let since = when::since(Some(&args.since), context.clock.now())?;
    let states: Vec<ArrivalState> = args
        .state
        .iter()
        .map(|word| ArrivalState::parse(word).ok_or_else(|| anyhow::anyhow!("--state {word}: not a state")))
        .collect::<anyhow::Result<_>>()?;
    context.with_store(&config, async |store| {
        let mut out = Output::new();
        let mut count = 0_usize;
        for state in &states {
            let filter = ArrivalFilter { state: Some(*state), since, ..ArrivalFilter::default() };
            for row in store.list_arrivals(filter).await? {
                if !args.dry_run && !store.requeue(row.id, &[*state], false, &actor()).await? {
                    continue;
                }
                count += 1;
                if args.json {
                    out.json(&serde_json::json!({"id": row.id, "was": state, "queued": !args.dry_run}))?;
                }
            }
        }
        if !args.json {
            let verb =
                if args.dry_run { "would be processed again" } else { "queued; a running daemon processes them" };
            out.line(format!("{count} arrivals {verb}"));
        }
        out.finish(Outcome::Done)
    })
}
