//! `pisteur serve`: the daemon.

use std::path::PathBuf;

use clap::Args;

use super::context::redacted;
use super::{Context, Outcome, Output};
use crate::app::{self, Addresses, App};
use crate::config::{Config, LogFormat};
use crate::domain::plain;
use crate::store::Opened;
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
    let config = context.config_to_serve()?;
    let path = config.source.file.clone();
    let telemetry = telemetry::init(&config.log.level, style(config.log.format))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended_well = runtime.block_on(daemon(config, path, telemetry))?;
    // A reader that never comes back holds its thread; the process does not wait for it.
    runtime.shutdown_background();
    Ok(Outcome::yes(ended_well))
}

const fn style(format: LogFormat) -> LogStyle {
    match format {
        LogFormat::Auto => LogStyle::Auto,
        LogFormat::Text => LogStyle::Text,
        LogFormat::Json => LogStyle::Json,
    }
}

/// The daemon itself, from configuration to a clean stop.
async fn daemon(config: Config, path: Option<PathBuf>, telemetry: Telemetry) -> anyhow::Result<bool> {
    let (app, opened) = app::start(config, path, telemetry).await?;
    greet(&app, &opened)?;
    tracing::info!(public = %app.addresses.public, operator = %app.addresses.operator, "pisteur serves");
    let ended_well = app.run().await;
    tracing::info!("pisteur has stopped");
    Ok(ended_well)
}

/// What it listens to, and what to try next.
fn greet(app: &App, opened: &Opened) -> anyhow::Result<()> {
    let config = app.config.load();
    let mut out = Output::new();
    out.line(format!("pisteur {}", env!("CARGO_PKG_VERSION")));
    let file = config.source.file.as_deref().map(plain::path);
    out.line(format!("  config     {}", file.as_deref().unwrap_or("built in (there is no config/pisteur.toml here)")));
    let database = redacted(&config.database);
    out.line(match (opened.created, opened.degraded) {
        (true, _) => format!("  database   {database} (created)"),
        (false, true) => format!("  database   {database} (away: forms are journalled here until it is back)"),
        (false, false) => format!("  database   {database}"),
    });
    let Addresses { public, tls, .. } = app.addresses;
    if tls != Some(public) {
        out.line(format!("  forms      http://{public}/"));
    }
    if let Some(tls) = tls {
        out.line(format!("  forms      https://{tls}/"));
    }
    out.line(format!("  operator   http://{}/readyz and /metrics", app.addresses.operator));
    if config.spool.enabled {
        out.line(format!("  inbox      {} (move an .eml file in)", config.spool.path.display()));
    }
    for mailbox in config.mailbox.iter().filter(|m| m.enabled) {
        out.line(format!("  mailbox    {} on {}", mailbox.id, mailbox.server()));
    }
    out.line(format!("  rules      {} ({})", config.rules.path.display(), short(app.brain.load().rules.hash())));
    out.line("Try next: open the form in a browser, send it, then in another terminal:");
    out.line("  pisteur leads list        what became of it");
    out.line("  pisteur submissions list  every arrival and its state");
    out.line("  pisteur doctor            is everything in order here?");
    out.finish(Outcome::Done).map(|_| ())
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}
