//! `pisteur match`: how known people and organisations are recognised.

mod eval;
mod fit;
mod reindex;
mod sets;
mod sweep;

use clap::Subcommand;

use super::{Context, Outcome};

/// `pisteur match`.
#[derive(Debug, Clone, Subcommand)]
pub enum MatchCommand {
    /// Run the matcher over labelled records and count what it gets right
    Eval(eval::EvalArgs),
    /// Fit the weights of recognising to the records of the house
    Fit(fit::FitArgs),
    /// Bring records up to the rules by which they are recognised now
    Reindex(reindex::ReindexArgs),
    /// Compare what was written since the last time with everybody, and ask about those that may be one
    Sweep(sweep::SweepArgs),
}

pub(super) fn run(context: &Context, command: &MatchCommand) -> anyhow::Result<Outcome> {
    match command {
        MatchCommand::Eval(args) => eval::run(context, args),
        MatchCommand::Fit(args) => fit::run(context, args),
        MatchCommand::Reindex(args) => reindex::run(context, args),
        MatchCommand::Sweep(args) => sweep::run(context, args),
    }
}
