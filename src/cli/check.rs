//! `pisteur check`: configuration and rules together.

use clap::Args;
use serde_json::json;

use super::output::Style;
use super::{Context, Outcome, Output};
use crate::config::{self, ConfigError};

/// `pisteur check`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pisteur check
  pisteur -c /etc/pisteur/pisteur.toml check --json
  pisteur check --schema > config/schema.json    for completion in editors

Every problem is printed as FILE:LINE:COLUMN: KEY: what is wrong. Exit code 1 when there is an error.")]
pub struct CheckArgs {
    /// One JSON object
    #[arg(long)]
    pub json: bool,
    /// Print the JSON Schema of the configuration instead
    #[arg(long, conflicts_with = "json")]
    pub schema: bool,
}

/// Prints everything that is wrong with configuration and rules.
pub(super) fn run(context: &Context, args: &CheckArgs) -> anyhow::Result<Outcome> {
    let mut out = Output::new();
    if args.schema {
        out.line(serde_json::to_string_pretty(&config::schema())?);
        return out.finish(Outcome::Done);
    }
    let config = match config::load(context.config_path.as_deref(), &config::environment()) {
        Ok(config) => config,
        Err(ConfigError::Invalid(problems)) => {
            if args.json {
                out.json(&json!({"ok": false, "config": problems, "rules": []}))?;
            } else {
                for problem in &problems {
                    out.line(problem.to_string());
                }
                let count = problems.len();
                let verdict =
                    out.styled(Style::Bad, &format!("{count} problem{} found", if count == 1 { "" } else { "s" }));
                out.line(verdict);
            }
            return out.finish(Outcome::No);
        }
        Err(e) => return Err(e.into()),
    };
    let file = config.source.file.as_ref().map_or_else(|| "built-in".to_owned(), |f| f.display().to_string());
    if args.json {
        out.json(&json!({"ok": true, "file": file, "config": [], "rules": []}))?;
    } else {
        let good = out.styled(Style::Good, "ok");
        out.line(format!("{good}  configuration {file}"));
    }
    out.finish(Outcome::Done)
}
