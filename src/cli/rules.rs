//! `pisteur rules`: check, test and explain the routing rules.

use super::{Context, Outcome, RulesCommand};

/// Runs one of the rules commands.
pub(super) fn run(_context: &Context, command: &RulesCommand) -> anyhow::Result<Outcome> {
    anyhow::bail!("no rules are wired for {command:?}")
}
