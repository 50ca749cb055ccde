//! `pisteur check`: configuration and rules together.

use clap::Args;
use serde_json::json;

use super::output::Style;
use super::rules::Checked;
use super::{Context, Outcome, Output};
use crate::config::{self, Config, ConfigError, Placed};
use crate::domain::plain;
use crate::domain::rules::diagnostics;
use crate::http::tls::Pair;

/// `pisteur check`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pisteur check
  pisteur -c /etc/pisteur/pisteur.toml check --json
  pisteur check --schema > config/schema.json    for completion in editors
  pisteur check --reference                      every key, its meaning, its default

Every problem is printed as FILE:LINE:COLUMN: KEY: what is wrong. Exit code 1 when there is an error.
A secret that cannot be read here is one: run it as the user and with the environment of the daemon.")]
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
        Ok((config, absent)) => {
            let pair = config.http.tls.as_ref().map(|tls| Pair::read(&tls.certificate, &tls.key));
            let told = match pair {
                None => Told::default(),
                Some(Err(why)) => Told { certificate_refused: Some(why.to_string()), ..Told::default() },
                Some(Ok(pair)) => Told { warning: pair.trouble(context.clock.now()), ..Told::default() },
            };
            check_rules(out, &config, &Told { absent, ..told }, args.json)
        }
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

/// What files that the configuration names had to tell.
#[derive(Default)]
struct Told {
    /// Secrets that cannot be read here.
    absent: Vec<Placed>,
    /// Why certificate and key of HTTPS cannot be used.
    certificate_refused: Option<String>,
    /// What is well, but needs a look.
    warning: Option<String>,
}

/// The configuration is right; so the rules can be compiled against what it declares.
fn check_rules(mut out: Output, config: &Config, told: &Told, json: bool) -> anyhow::Result<Outcome> {
    let absent = &told.absent;
    let file = config.source.file.as_ref().map_or_else(|| "built-in".to_owned(), |f| f.display().to_string());
    let checked = Checked::load(config, None)?;
    let ok = checked.compiled.is_ok() && absent.is_empty() && told.certificate_refused.is_none();
    if json {
        let found = diagnostics::to_json(checked.diagnostics());
        let mut said = json!({"ok": ok, "file": file, "config": absent, "rules": found});
        for (key, text) in [("certificate", &told.certificate_refused), ("warning", &told.warning)] {
            if let (Some(text), Some(members)) = (text, said.as_object_mut()) {
                members.insert(key.to_owned(), text.clone().into());
            }
        }
        out.json(&said)?;
    } else {
        for problem in absent {
            out.line(problem.to_string());
        }
        for (style, word, text) in
            [(Style::Bad, "error", &told.certificate_refused), (Style::Warn, "warning", &told.warning)]
        {
            if let Some(text) = text {
                let word = out.styled(style, word);
                out.line(format!("{word}: {text}"));
            }
        }
        let verdict = if absent.is_empty() && told.certificate_refused.is_some() {
            out.styled(Style::Bad, "error: HTTPS cannot be spoken")
        } else if absent.is_empty() {
            out.styled(Style::Good, "ok")
        } else {
            let count = super::rules::plural(absent.len(), "secret");
            out.styled(
                Style::Bad,
                &format!("error: {count} cannot be read here; run this with the environment of the daemon"),
            )
        };
        out.line(format!("{verdict}  configuration {file}"));
        let templates = &config.known_templates;
        if templates.count() > 0 {
            let counted = super::rules::plural(templates.count(), "template");
            let cases = super::rules::plural(templates.cases().len(), "case");
            let good = out.styled(Style::Good, "ok");
            out.line(format!("{good}  templates {}: {counted}, {cases}", plain::path(&config.templates.path)));
            let reading = &config.reading;
            if let Some(name) = templates.unproven(!reading.authserv_ids.is_empty(), &reading.form_senders) {
                let word = out.styled(Style::Warn, "warning");
                out.line(format!(
                    "{word}: what template {} says of origin and kind will not count: name your mail server in \
                     reading.authserv_ids, or its sender in reading.form_senders",
                    plain::one_line(name, 100)
                ));
            }
        }
        checked.tell(&mut out);
    }
    out.finish(Outcome::yes(ok))
}
