//! `pisteur match`: how known people and organisations are recognised.

mod eval;
mod sets;

use clap::Subcommand;

use super::{Context, Outcome};

/// `pisteur match`.
#[derive(Debug, Clone, Subcommand)]
pub enum MatchCommand {
    /// Run the matcher over labelled records and count what it gets right
    Eval(eval::EvalArgs),
}

pub(super) fn run(context: &Context, command: &MatchCommand) -> anyhow::Result<Outcome> {
    match command {
        MatchCommand::Eval(args) => eval::run(context, args),
    }
}
