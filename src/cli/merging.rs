//! `pisteur merge`, `pisteur unmerge`: one record of two, and two again.

use clap::Args;
use serde_json::json;
use ulid::Ulid;

use super::args::{Reference, reference};
use super::context::actor;
use super::{Context, Outcome, Output};
use crate::domain::matching::EntityRef;
use crate::store::merge::{Answer, MergeOrder, Merged, Refusal};

/// `pisteur merge`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Two leads, two contacts, two organisations or two opportunities. The oldest stays, with its owner, status and stage; what
it lacks is filled from the other one, and messages, addresses, tags and so on come together. The other identifier leads
to the survivor from then on.

Examples:
  pisteur merge lead:01JABCDEFGHJKMNPQRSTVWXYZ0 lead:01JABCDEFGHJKMNPQRSTVWXYZ1
  pisteur merge 01JABCDEFGHJKMNPQRSTVWXYZ0 01JABCDEFGHJKMNPQRSTVWXYZ1 --json | jq -r .event")]
pub struct MergeArgs {
    /// One record
    #[arg(value_name = "A", value_parser = reference)]
    one: Reference,
    /// The other one
    #[arg(value_name = "B", value_parser = reference)]
    other: Reference,
    /// Even if a person said that they are not the same
    #[arg(long)]
    overrule: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// `pisteur unmerge`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Both records are as they were before the merge; what came since stays with the one that had stayed.

Example:
  pisteur unmerge 01JABCDEFGHJKMNPQRSTVWXYZ0")]
pub struct UnmergeArgs {
    /// The merge, as `pisteur merge` and `pisteur review accept` print it
    #[arg(value_name = "EVENT", value_parser = event)]
    event: Ulid,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

fn event(text: &str) -> Result<Ulid, String> {
    Ulid::from_string(text.trim())
        .map_err(|_| "not the identifier of a merge; it has 26 letters and digits, merging printed it".to_owned())
}

/// Merges two records.
pub(super) fn merge(context: &Context, args: &MergeArgs) -> anyhow::Result<Outcome> {
    let (one, other) = (args.one.record()?, args.other.record()?);
    let order = MergeOrder { one, other, overrule: args.overrule, actor: actor(), event: context.clock.new_id() };
    let config = context.config()?;
    context.with_store(&config, async |store| told(&store.merge(order).await?, args.json))
}

/// Undoes a merge.
pub(super) fn unmerge(context: &Context, args: &UnmergeArgs) -> anyhow::Result<Outcome> {
    let config = context.config()?;
    context.with_store(&config, async |store| match store.unmerge(args.event, &actor()).await? {
        Err(refusal) => refused(&refusal, args.json),
        Ok(undone) => {
            let mut out = Output::new();
            if args.json {
                out.json(&undone)?;
            } else {
                let (restored, survivor) = (shown(undone.restored), shown(undone.survivor));
                out.line(format!("{restored} is a record of its own again, apart from {survivor}"));
            }
            out.finish(Outcome::Done)
        }
    })
}

/// Prints what a merge did, or why it was not made.
pub(super) fn told(answer: &Answer<Merged>, json: bool) -> anyhow::Result<Outcome> {
    let done = match answer {
        Ok(done) => done,
        Err(refusal) => return refused(refusal, json),
    };
    let mut out = Output::new();
    if json {
        out.json(done)?;
    } else {
        out.line(format!("{} was merged into {}", shown(done.merged), shown(done.survivor)));
        if !done.changed.is_empty() {
            out.line(format!("  changed: {}", done.changed.join(", ")));
        }
        out.line(format!("Undo it: pisteur unmerge {}", done.event));
    }
    out.finish(Outcome::Done)
}

/// Prints why something was not done.
pub(super) fn refused(refusal: &Refusal, json: bool) -> anyhow::Result<Outcome> {
    let mut out = Output::new();
    if json {
        out.json(&json!({ "refused": refusal.to_string() }))?;
    } else {
        out.line(format!("Nothing was done: {refusal}."));
    }
    out.finish(Outcome::No)
}

/// A record as commands take it.
pub(super) fn shown(record: EntityRef) -> String {
    format!("{}:{}", record.kind.as_str(), record.id)
}
