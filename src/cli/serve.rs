//! `pisteur serve`: the daemon.

use clap::Args;

use super::{Context, Outcome};
use crate::config::{Config, LogFormat};
use crate::telemetry::{self, LogStyle, Telemetry};

/// `pisteur serve`.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "\
Examples:
  pisteur serve
  PISTEUR__DATABASE=postgres://pisteur@db/crm pisteur serve

SIGHUP reads configuration and rules again; a wrong one changes nothing. SIGTERM stops within 30 seconds, a second
one at once.")]
pub struct ServeArgs {}

/// Runs the daemon until it is stopped.
pub(super) fn run(context: &Context, _args: &ServeArgs) -> anyhow::Result<Outcome> {
    let config = context.config()?;
    let telemetry = telemetry::init(&config.log.level, style(config.log.format))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(daemon(config, telemetry))?;
    Ok(Outcome::Done)
}

const fn style(format: LogFormat) -> LogStyle {
    match format {
        LogFormat::Auto => LogStyle::Auto,
        LogFormat::Text => LogStyle::Text,
        LogFormat::Json => LogStyle::Json,
    }
}

/// The daemon itself, from configuration to a clean stop.
async fn daemon(config: Config, _telemetry: Telemetry) -> anyhow::Result<()> {
    anyhow::bail!("no daemon is wired for {}", config.database)
}
