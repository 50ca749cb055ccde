//! `pisteur explain`: reading, match and rules on one arrival, by the code that production runs. Writes nothing.

use clap::Args;

use super::{Context, FileKind, Outcome};

/// `pisteur explain`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pisteur explain mail.eml
  pisteur explain 01JABCDEFGHJKMNPQRSTVWXYZ0 --json | jq .decision

A file is explained against the database when there is one, else as if nobody were known.")]
pub struct ExplainArgs {
    /// A mail or form file, or the identifier of a stored arrival
    #[arg(value_name = "FILE|SUBMISSION")]
    pub what: String,
    /// What a file is [default: by its ending, .json is json, anything else mail]
    #[arg(long, value_enum)]
    pub kind: Option<FileKind>,
    /// Read a file as if it came through this mailbox or form
    #[arg(long, value_name = "ID")]
    pub intake: Option<String>,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// Explains one arrival.
pub(super) fn run(_context: &Context, args: &ExplainArgs) -> anyhow::Result<Outcome> {
    anyhow::bail!("no pipeline is wired to explain {}", args.what)
}
