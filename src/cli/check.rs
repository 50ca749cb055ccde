//! `pisteur check`: configuration and rules together.

use clap::Args;
use serde_json::json;

use super::output::Style;
use super::rules::Checked;
use super::{Context, Outcome, Output};
use crate::config::{self, Config, ConfigError, Placed};
use crate::domain::rules::diagnostics;

/// `pisteur check`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pisteur check
  pisteur -c /etc/pisteur/pisteur.toml check --json
  pisteur check --schema > config/schema.json    for completion in editors
  pisteur check --reference                      every key, its meaning, its default

Every problem is printed as FILE:LINE:COLUMN: KEY: what is wrong. Exit code 1 when there is an error.")]
pub struct CheckArgs {
    /// One JSON object
    #[arg(long)]
    pub json: bool,
    /// Print the JSON Schema of the configuration instead
    #[arg(long, conflicts_with = "json")]
    pub schema: bool,
    /// Print every key with its meaning and default instead
    #[arg(long, conflicts_with_all = ["json", "schema"])]
    pub reference: bool,
}

/// Prints everything that is wrong with configuration and rules.
pub(super) fn run(context: &Context, args: &CheckArgs) -> anyhow::Result<Outcome> {
    let mut out = Output::new();
    if args.reference {
        out.line(config::reference().trim_end());
        return out.finish(Outcome::Done);
    }
    if args.schema {
        out.line(serde_json::to_string_pretty(&config::schema())?);
        return out.finish(Outcome::Done);
    }
    match config::load_with_secrets(context.config_path.as_deref()) {
        Ok((config, absent)) => check_rules(out, &config, &absent, args.json),
        Err(ConfigError::Invalid(problems)) => refused(out, &problems, args.json),
        Err(e) => Err(e.into()),
    }
}

fn refused(mut out: Output, problems: &[Placed], json: bool) -> anyhow::Result<Outcome> {
    if json {
        out.json(&json!({"ok": false, "config": problems, "rules": []}))?;
    } else {
        for problem in problems {
            out.line(problem.to_string());
        }
        let count = problems.len();
        let verdict = format!("{count} problem{}; the rules were not looked at", if count == 1 { "" } else { "s" });
        let verdict = out.styled(Style::Bad, &verdict);
        out.line(verdict);
    }
    out.finish(Outcome::No)
}

/// The configuration is right; so the rules can be compiled against what it declares. `absent` are secrets that cannot be
/// read here.
fn check_rules(mut out: Output, config: &Config, absent: &[Placed], json: bool) -> anyhow::Result<Outcome> {
    let file = config.source.file.as_ref().map_or_else(|| "built-in".to_owned(), |f| f.display().to_string());
    let checked = Checked::load(config, None)?;
    let ok = checked.compiled.is_ok() && absent.is_empty();
    if json {
        let found = diagnostics::to_json(checked.diagnostics());
        out.json(&json!({"ok": ok, "file": file, "config": absent, "rules": found}))?;
    } else {
        for problem in absent {
            out.line(problem.to_string());
        }
        let verdict = if absent.is_empty() {
            out.styled(Style::Good, "ok")
        } else {
            let count = format!("{} cannot be read here:", super::rules::plural(absent.len(), "secret"));
            out.styled(Style::Bad, &count)
        };
        out.line(format!("{verdict}  configuration {file}"));
        checked.tell(&mut out);
    }
    out.finish(Outcome::yes(ok))
}
