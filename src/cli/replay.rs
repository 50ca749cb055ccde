//! `pisteur replay`: stored arrivals processed again, or what would become of them.

use std::sync::Arc;

use clap::Args;
use ulid::Ulid;

use super::args::submission;
use super::context::actor;
use super::explain::{explain_stored, thinking};
use super::output::{Cell, Table};
use super::{Context, Outcome, Output, paging, when};
use crate::app::recognition;
use crate::clock::Timestamp;
use crate::domain::envelope::ArrivalState;
use crate::pipeline::Brain;
use crate::store::Store;
use crate::store::rows::{ArrivalDetail, ArrivalFilter, ArrivalRow};

/// Rows of a rehearsal written at once.
const PAGE: usize = 200;

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
    let mut brain = if args.dry_run { Some(thinking(&config)?) } else { None };
    context.with_store(&config, async |store| {
        if let Some(brain) = &mut brain {
            brain.model = Arc::new(recognition::model(store.as_ref()).await);
        }
        let mut replay = Replay::new(context, store, brain.as_ref(), args.json);
        if args.ids.is_empty() {
            for id in arrivals(store, &states, since).await? {
                if let Some(row) = chosen(store, id, &states).await? {
                    replay.one(&row).await?;
                }
            }
        } else {
            for row in named(store, &args.ids, args.dry_run).await? {
                replay.one(&row).await?;
            }
        }
        replay.end()
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

/// Oldest first: a conversation is replayed in its order. Their ids only, since there may be very many.
async fn arrivals(
    store: &Arc<dyn Store>,
    states: &[ArrivalState],
    since: Option<Timestamp>,
) -> anyhow::Result<Vec<Ulid>> {
    let mut ids = Vec::new();
    for state in states {
        let filter = ArrivalFilter { state: Some(*state), since, ..ArrivalFilter::default() };
        paging::arrivals(store, filter, async |rows| {
            ids.extend(rows.iter().map(|row| row.id));
            Ok(())
        })
        .await?;
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// The arrival, if it is in one of these states still, and by a rule's decision.
async fn chosen(store: &Arc<dyn Store>, id: Ulid, states: &[ArrivalState]) -> anyhow::Result<Option<ArrivalRow>> {
    let Some(detail) = store.show_arrival(id).await? else { return Ok(None) };
    let state = detail.row.state;
    let wanted = states.contains(&state) && (state == ArrivalState::Failed || rules_decided(&detail));
    Ok(wanted.then_some(detail.row))
}

/// Whether the state an arrival is in came from rules: a decision of that moment is kept. A person, a door and a failed
/// reading leave none.
fn rules_decided(detail: &ArrivalDetail) -> bool {
    let last = detail.decisions.first().and_then(|decision| decision.get("at")?.as_i64());
    last.is_some() && last == detail.row.decided_at.map(Timestamp::micros)
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

/// What is done to each arrival, told as it goes.
struct Replay<'a> {
    context: &'a Context,
    store: &'a Arc<dyn Store>,
    /// Rehearses with it; without one arrivals are queued.
    brain: Option<&'a Brain>,
    json: bool,
    out: Output,
    table: Table<'a>,
    /// Rows of the table not written yet.
    rows: Vec<Vec<Cell>>,
    queued: usize,
}

impl<'a> Replay<'a> {
    fn new(context: &'a Context, store: &'a Arc<dyn Store>, brain: Option<&'a Brain>, json: bool) -> Self {
        let table = Table::new(&["ID", "RECEIVED", "IS", "RECORD", "WOULD BE"]);
        Self { context, store, brain, json, out: Output::new(), table, rows: Vec::new(), queued: 0 }
    }

    async fn one(&mut self, row: &ArrivalRow) -> anyhow::Result<()> {
        match self.brain {
            Some(brain) => self.rehearse(brain, row).await,
            None => self.queue(row).await,
        }
    }

    async fn queue(&mut self, row: &ArrivalRow) -> anyhow::Result<()> {
        let queued = self.store.requeue(row.id, &[row.state], false, &actor()).await?;
        self.queued += usize::from(queued);
        if self.json {
            self.out.json(&serde_json::json!({"id": row.id, "was": row.state, "queued": queued}))?.flush()?;
        }
        Ok(())
    }

    async fn rehearse(&mut self, brain: &Brain, row: &ArrivalRow) -> anyhow::Result<()> {
        let outcome = match explain_stored(self.context, Some(self.store), brain, row.id).await? {
            Some(found) => found.outcome(),
            None => "its bytes have been purged".to_owned(),
        };
        if self.json {
            let line = serde_json::json!({"id": row.id, "was": row.state, "record": row.record, "would": outcome});
            return self.out.json(&line)?.flush();
        }
        self.rows.push(vec![
            Cell::new(row.id.to_string()),
            Cell::new(when::local(row.received_at)),
            Cell::new(row.state.as_str()),
            Cell::maybe(row.record.as_deref()),
            Cell::long(outcome),
        ]);
        if self.rows.len() >= PAGE { self.page() } else { Ok(()) }
    }

    /// Writes the rows gathered.
    fn page(&mut self) -> anyhow::Result<()> {
        self.table.add(&mut self.out, &self.rows);
        self.rows.clear();
        self.out.flush()
    }

    fn end(mut self) -> anyhow::Result<Outcome> {
        if !self.rows.is_empty() {
            self.page()?;
        }
        if self.brain.is_none() && !self.json {
            self.out.line(format!("{} arrivals queued; a running pisteur processes them", self.queued));
        } else if !self.json && !self.table.has_begun() {
            self.out.line("No arrivals in these states since then.");
        }
        self.out.finish(Outcome::Done)
    }
}
