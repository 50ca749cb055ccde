//! `pisteur replay`: stored arrivals processed again, or what would become of them.

use std::sync::Arc;

use clap::Args;
use ulid::Ulid;

use super::args::submission;
use super::context::actor;
use super::explain::{explain_stored, thinking};
use super::output::Cell;
use super::{Context, Outcome, Output, when};
use crate::clock::Timestamp;
use crate::domain::envelope::ArrivalState;
use crate::pipeline::Brain;
use crate::store::Store;
use crate::store::rows::{ArrivalFilter, ArrivalRow};

/// `pisteur replay`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pisteur replay --since 2d --dry-run                   what today's rules and records would make of them
  pisteur replay --since 2d --state decided --dry-run   the same for those that have a record already
  pisteur replay --since 2026-03-14 --state parked
  pisteur replay 01JQ0000000000000000000000             one that a person discarded or a door held

What rules decided is replayed; name by id what a person discarded, or what a door or its reading held.
Failed arrivals are for `pisteur submissions retry`.
A decided arrival has its record and is never processed twice; the dry run shows what would be decided today.")]
pub struct ReplayArgs {
    /// These arrivals, whoever decided them
    #[arg(value_name = "ID", value_parser = submission)]
    ids: Vec<Ulid>,
    /// Arrivals received since then: 2026-03-14, 2026-03-14T09:26:00Z, 2h, 3d
    #[arg(long, value_name = "WHEN", required_unless_present = "ids", conflicts_with = "ids")]
    since: Option<String>,
    /// Only these states
    #[arg(long, value_name = "STATE", value_delimiter = ',', default_values = ["parked", "quarantined", "discarded"])]
    state: Vec<String>,
    /// Write nothing: show what would become of them
    #[arg(long)]
    dry_run: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Puts stored arrivals back in the queue, or shows what would be decided.
pub(super) fn run(context: &Context, args: &ReplayArgs) -> anyhow::Result<Outcome> {
    let config = context.config()?;
    let since = when::since(args.since.as_deref(), context.clock.now())?;
    let states = states(args)?;
    let brain = if args.dry_run { Some(thinking(&config)?) } else { None };
    context.with_store(&config, async |store| {
        let rows = match &*args.ids {
            [] => arrivals(store, &states, since).await?,
            ids => named(store, ids, args.dry_run).await?,
        };
        match &brain {
            Some(brain) => rehearse(context, store, brain, &rows, args.json).await,
            None => queue(store, &rows, args.json).await,
        }
    })
}

fn states(args: &ReplayArgs) -> anyhow::Result<Vec<ArrivalState>> {
    args.state
        .iter()
        .map(|word| match ArrivalState::parse(word) {
            Some(ArrivalState::Decided) if !args.dry_run => {
                anyhow::bail!("--state decided: these have their records; only --dry-run can show them")
            }
            Some(state) => Ok(state),
            None => anyhow::bail!("--state {word}: not a state; such as parked, quarantined, discarded, failed"),
        })
        .collect()
}

/// Oldest first: a conversation is replayed in its order.
async fn arrivals(
    store: &Arc<dyn Store>,
    states: &[ArrivalState],
    since: Option<Timestamp>,
) -> anyhow::Result<Vec<ArrivalRow>> {
    let mut rows = Vec::new();
    for state in states {
        let filter = ArrivalFilter { state: Some(*state), since, ..ArrivalFilter::default() };
        for row in store.list_arrivals(filter).await? {
            if *state == ArrivalState::Failed || rules_decided(store, &row).await? {
                rows.push(row);
            }
        }
    }
    rows.sort_by_key(|row| row.id);
    Ok(rows)
}

/// Whether the state an arrival is in came from rules: a decision of that moment is kept. A person, a door and a failed
/// reading leave none.
async fn rules_decided(store: &Arc<dyn Store>, row: &ArrivalRow) -> anyhow::Result<bool> {
    let Some(detail) = store.show_arrival(row.id).await? else { return Ok(false) };
    let last = detail.decisions.first().and_then(|decision| decision.get("at")?.as_i64());
    Ok(last.is_some() && last == detail.row.decided_at.map(Timestamp::micros))
}

/// Arrivals named by id, in that order.
async fn named(store: &Arc<dyn Store>, ids: &[Ulid], dry_run: bool) -> anyhow::Result<Vec<ArrivalRow>> {
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        let Some(detail) = store.show_arrival(*id).await? else { anyhow::bail!("there is no arrival {id}") };
        if detail.row.state == ArrivalState::Decided && !dry_run {
            anyhow::bail!("arrival {id} is decided and has its record; only --dry-run can show it");
        }
        rows.push(detail.row);
    }
    Ok(rows)
}

async fn queue(store: &Arc<dyn Store>, rows: &[ArrivalRow], json: bool) -> anyhow::Result<Outcome> {
    let mut out = Output::new();
    let mut count = 0_usize;
    for row in rows {
        let queued = store.requeue(row.id, &[row.state], false, &actor()).await?;
        count += usize::from(queued);
        if json {
            out.json(&serde_json::json!({"id": row.id, "was": row.state, "queued": queued}))?;
        }
    }
    if !json {
        out.line(format!("{count} arrivals queued; a running pisteur processes them"));
    }
    out.finish(Outcome::Done)
}

async fn rehearse(
    context: &Context,
    store: &Arc<dyn Store>,
    brain: &Brain,
    rows: &[ArrivalRow],
    json: bool,
) -> anyhow::Result<Outcome> {
    let mut out = Output::new();
    let mut cells = Vec::new();
    for row in rows {
        let outcome = match explain_stored(context, Some(store), brain, row.id).await? {
            Some(found) => found.outcome(),
            None => "its bytes have been purged".to_owned(),
        };
        if json {
            out.json(&serde_json::json!({"id": row.id, "was": row.state, "record": row.record, "would": outcome}))?;
            continue;
        }
        cells.push(vec![
            Cell::new(row.id.to_string()),
            Cell::new(when::local(row.received_at)),
            Cell::new(row.state.as_str()),
            Cell::maybe(row.record.as_deref()),
            Cell::long(outcome),
        ]);
    }
    if !json && cells.is_empty() {
        out.line("No arrivals in these states since then.");
    } else if !json {
        out.table(&["ID", "RECEIVED", "IS", "RECORD", "WOULD BE"], &cells);
    }
    out.finish(Outcome::Done)
}
