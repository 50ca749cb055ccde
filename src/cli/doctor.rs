//! `pisteur doctor`: is everything in order on this machine? Each line ok, warn or fail, with the remedy.

use clap::Args;
use serde::Serialize;

use super::output::Style;
use super::{Context, Outcome, Output};

/// `pisteur doctor`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pisteur doctor
  pisteur doctor --json | jq '.checks[] | select(.level == \"fail\")'

Nothing is changed. Exit code 1 when a line says fail.")]
pub struct DoctorArgs {
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Ok,
    Warn,
    Fail,
}

/// One line of the report.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Check {
    /// What was examined.
    pub(super) name: String,
    /// How it went.
    pub(super) level: Level,
    /// What was found.
    pub(super) found: String,
    /// What to do; empty when nothing.
    pub(super) remedy: String,
}

/// Examines the machine.
pub(super) fn run(context: &Context, args: &DoctorArgs) -> anyhow::Result<Outcome> {
    let checks: Vec<Check> = match context.config() {
        Ok(_) => Vec::new(),
        Err(e) => vec![Check {
            name: "config".to_owned(),
            level: Level::Fail,
            found: format!("{e:#}"),
            remedy: "pisteur check".to_owned(),
        }],
    };
    let failed = checks.iter().any(|c| c.level == Level::Fail);
    let mut out = Output::new();
    if args.json {
        out.json(&serde_json::json!({"ok": !failed, "checks": checks}))?;
    } else {
        for check in &checks {
            print(&mut out, check);
        }
    }
    out.finish(Outcome::yes(!failed))
}

fn print(out: &mut Output, check: &Check) {
    let (word, style) = match check.level {
        Level::Ok => ("ok  ", Style::Good),
        Level::Warn => ("warn", Style::Warn),
        Level::Fail => ("fail", Style::Bad),
    };
    let word = out.styled(style, word);
    out.line(format!("{word}  {:<18} {}", check.name, check.found));
    if !check.remedy.is_empty() {
        out.line(format!("      {:<18} -> {}", "", check.remedy));
    }
}
