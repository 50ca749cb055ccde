//! `pisteur doctor`: is everything in order on this machine? Each line ok, warn or fail, with the remedy.

mod daemon;
mod database;
mod hooks;
mod machine;
mod mailboxes;

use clap::Args;
use serde::Serialize;

use super::output::Style;
use super::{Context, Outcome, Output};
use crate::config::{self, Config, ConfigError};
use crate::delivery;
use crate::domain::plain;

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

impl Check {
    pub(super) fn ok(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self { name: name.into(), level: Level::Ok, found: found.into(), remedy: String::new() }
    }

    pub(super) fn warn(name: impl Into<String>, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name: name.into(), level: Level::Warn, found: found.into(), remedy: remedy.into() }
    }

    pub(super) fn fail(name: impl Into<String>, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name: name.into(), level: Level::Fail, found: found.into(), remedy: remedy.into() }
    }
}

/// What to do about a secret that is not here.
const NO_SECRET: &str = "the daemon does not start without it; run this where its variables are set, as in the service";

/// Examines the machine.
pub(super) fn run(context: &Context, args: &DoctorArgs) -> anyhow::Result<Outcome> {
    let checks = match config::load_with_secrets(context.config_path.as_deref()) {
        Ok((config, absent)) => context.block_on(examine(context, &config, &absent))?,
        Err(ConfigError::Invalid(problems)) => {
            let fail = |p: &config::Placed| Check::fail("config", p.to_string(), "mend it, then run `pisteur check`");
            problems.iter().map(fail).collect()
        }
        Err(e) => return Err(e.into()),
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

async fn examine(context: &Context, config: &Config, absent: &[config::Placed]) -> anyhow::Result<Vec<Check>> {
    let file = config.source.file.as_ref().map_or_else(|| "built-in".to_owned(), |f| f.display().to_string());
    let mut checks = vec![Check::ok("config", file)];
    // A mailbox tells of its own.
    let of_others = absent.iter().filter(|secret| !secret.key.starts_with("mailbox."));
    checks.extend(of_others.map(|secret| Check::fail("secret", secret.to_string(), NO_SECRET)));
    checks.push(rules(config));
    let (store, found) = database::open(context, config).await;
    checks.extend(found);
    if let Some(store) = &store {
        checks.extend(database::examine(store, context.clock.now()).await);
    }
    checks.extend(mailboxes::examine(context, config, store.as_ref()).await);
    checks.extend(hooks::examine(config));
    checks.extend(delivery::check(&config.delivery).await.into_iter().map(outgoing));
    checks.extend(sender(config));
    checks.extend(delivery::retrieve::check(config).await.into_iter().map(outgoing));
    checks.extend(machine::examine(context, config).await);
    if let Some(store) = store {
        store.close().await;
    }
    Ok(checks)
}

/// A delivery that cannot work at present; what is to be delivered meanwhile is tried again.
fn outgoing(found: delivery::Checked) -> Check {
    let remedy = "mend it and run this again; what gave up meanwhile: pisteur deliveries list";
    match found.result {
        Ok(text) => Check::ok(found.what, text),
        Err(why) => Check::fail(found.what, why, remedy),
    }
}

/// Whether our mails come from a domain of ours: receivers check that (SPF, DKIM, DMARC), and we know them by it when
/// they come back.
fn sender(config: &Config) -> Option<Check> {
    let smtp = config.delivery.smtp.as_ref()?;
    let domain = smtp.from_domain();
    let ours = config.own_domains.iter().any(|own| {
        let own = own.to_ascii_lowercase();
        domain == own || domain.strip_suffix(&own).is_some_and(|rest| rest.ends_with('.'))
    });
    let name = format!("sender {}", smtp.from);
    if ours {
        return Some(Check::ok(name, "an address of our own domain"));
    }
    let found = format!(
        "{domain} is not in own_domains: mail servers throw away what comes from a domain that did not allow it"
    );
    let remedy = "send from an address of your own domain (delivery.smtp.from), or add the domain to own_domains";
    Some(Check::warn(name, found, remedy))
}

fn rules(config: &Config) -> Check {
    let folder = config.rules.path.display();
    if let Ok((rules, _)) = crate::app::rules::compile(config, &config.declarations()) {
        let hash: String = rules.hash().chars().take(12).collect();
        return Check::ok("rules", format!("{folder} (set {hash})"));
    }
    let found = format!("{folder} cannot be used; a running pisteur keeps the last good set");
    Check::fail("rules", found, "pisteur rules check says where and why")
}

fn print(out: &mut Output, check: &Check) {
    let (word, style) = match check.level {
        Level::Ok => ("ok  ", Style::Good),
        Level::Warn => ("warn", Style::Warn),
        Level::Fail => ("fail", Style::Bad),
    };
    let word = out.styled(style, word);
    out.line(format!("{word}  {:<18} {}", check.name, plain::lines(&check.found)));
    if !check.remedy.is_empty() {
        out.line(format!("      {:<18} -> {}", "", check.remedy));
    }
}
