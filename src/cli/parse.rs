//! `pisteur parse`: bytes -> what was read; touches no database.

use super::{Context, Outcome, ParseArgs};

/// Prints what is read from each file.
pub(super) fn run(_context: &Context, args: &ParseArgs) -> anyhow::Result<Outcome> {
    anyhow::bail!("no reader is wired for {} files", args.files.len())
}
