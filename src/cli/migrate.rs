//! `pisteur migrate`: the database, created or brought to this version.

use clap::Args;
use serde_json::json;

use super::context::redacted;
use super::{Context, Outcome, Output};
use crate::store;

/// `pisteur migrate`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Example:
  pisteur migrate     before the first start with a database user that may not create tables

The daemon does the same at its start. Migrations only go forward; a database of a newer pisteur is refused.")]
pub struct MigrateArgs {
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// Creates or migrates the database.
pub(super) fn run(context: &Context, args: &MigrateArgs) -> anyhow::Result<Outcome> {
    let config = context.config()?;
    let opened = context.block_on(async {
        let (store, opened) = store::open(context.open_options(&config, true)).await?;
        store.close().await;
        Ok(opened)
    })?;
    let address = redacted(&config.database);
    if opened.degraded {
        anyhow::bail!("the database is away: {address}; is the server running?");
    }
    let mut out = Output::new();
    if args.json {
        out.json(&json!({"database": address, "created": opened.created, "migrations": opened.migrated}))?;
    } else if opened.created {
        out.line(format!("{address} created"));
    } else if opened.migrated > 0 {
        out.line(format!("{address}: {} migrations applied", opened.migrated));
    } else {
        out.line(format!("{address} is up to date"));
    }
    out.finish(Outcome::Done)
}
