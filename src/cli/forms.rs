//! `pisteur forms`: which forms there are, a new one to copy into the configuration, and a test from end to end.

mod sample;
mod test;

use clap::{Args, Subcommand};
use serde_json::json;

use super::output::{Cell, Style, Table};
use super::{Context, Outcome, Output, when};
use crate::clock::Timestamp;
use crate::config::form::FormConfig;
use crate::store::Store;
use crate::store::rows::ArrivalFilter;

/// `pisteur forms`.
#[derive(Debug, Clone, Subcommand)]
pub enum FormsCommand {
    /// List the configured forms with their addresses and when something last came in
    #[command(after_help = "Examples:\n  pisteur forms list\n  pisteur forms list --json | jq -r .address")]
    List(FormListArgs),
    /// Print a new form for the configuration, with an address that nobody guesses
    #[command(after_help = "Example:\n  pisteur forms new --id quote >> config/pisteur.toml")]
    New(NewForm),
    /// Send a marked submission through the running daemon and see that it arrives
    #[command(after_help = "\
Examples:
  pisteur forms test contact
  pisteur forms test contact --url https://forms.example.com   through the proxy in front
  pisteur forms test contact || mail -s 'the contact form is broken' ops@example.com < /dev/null

What it sends becomes a record with the tag test, without owner; nobody is notified. Exit code 1: it did not arrive.")]
    Test(test::TestForm),
}

/// `pisteur forms list`.
#[derive(Debug, Clone, Args)]
pub struct FormListArgs {
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// `pisteur forms new`.
#[derive(Debug, Clone, Args)]
pub struct NewForm {
    /// Its short name: letters, digits, - and _
    #[arg(long, value_name = "ID", default_value = "website")]
    id: String,
}

/// Lists, prints or tests forms.
pub(super) fn run(context: &Context, command: FormsCommand) -> anyhow::Result<Outcome> {
    match command {
        FormsCommand::List(args) => list(context, &args),
        FormsCommand::New(args) => new(context, &args),
        FormsCommand::Test(args) => test::run(context, &args),
    }
}

fn list(context: &Context, args: &FormListArgs) -> anyhow::Result<Outcome> {
    let config = context.config()?;
    let site = config.http.website();
    // What came in last is worth a look into the database, but the list does not need one.
    let last = context.with_store(&config, async |store| {
        let mut last = Vec::with_capacity(config.form.len());
        for form in &config.form {
            last.push(last_arrival(store.as_ref(), form).await?);
        }
        Ok(last)
    });
    let last = last.unwrap_or_else(|_| vec![None; config.form.len()]);
    let mut out = Output::new();
    let mut table = Table::new(&["ID", "STATE", "LAST", "FILES", "FIELDS", "ADDRESS"]);
    for (form, last) in config.form.iter().zip(last) {
        let address = format!("{site}/f/{}", form.path_name());
        if args.json {
            out.json(&json!({
                "id": form.id, "public_id": form.public_id, "title": form.title, "enabled": form.enabled,
                "address": address, "allow_files": form.allow_files, "strict": form.strict,
                "fields": form.fields.iter().map(|field| &field.name).collect::<Vec<_>>(),
                "last_received_at": last.map(Timestamp::micros),
            }))?;
            continue;
        }
        let state = if form.enabled { ("open", Style::Good) } else { ("closed", Style::Dim) };
        let cells = vec![
            Cell::new(&form.id),
            Cell::styled(state.0, state.1),
            Cell::new(last.map_or_else(|| "-".to_owned(), when::local)),
            Cell::new(if form.allow_files { "yes" } else { "no" }),
            Cell::new(if form.fields.is_empty() { "any".to_owned() } else { form.fields.len().to_string() }),
            Cell::long(address),
        ];
        table.add(&mut out, &[cells]);
    }
    if config.form.is_empty() && !args.json {
        out.line("No form is configured; `pisteur forms new` prints one.");
    }
    out.finish(Outcome::Done)
}

async fn last_arrival(store: &dyn Store, form: &FormConfig) -> anyhow::Result<Option<Timestamp>> {
    let filter = ArrivalFilter { intake: Some(form.id.clone()), limit: 1, ..ArrivalFilter::default() };
    Ok(store.list_arrivals(filter).await?.first().map(|row| row.received_at))
}

fn new(context: &Context, args: &NewForm) -> anyhow::Result<Outcome> {
    let form = FormConfig { public_id: Some(public_id()), ..FormConfig::named(&args.id) };
    if let Some(problem) = form.validate().first() {
        anyhow::bail!("--{}: {}", problem.key, problem.message);
    }
    let config = context.config()?;
    if config.form.iter().any(|known| known.id == args.id) || config.mailbox.iter().any(|known| known.id == args.id) {
        anyhow::bail!("--id: \"{}\" is taken; choose another id", args.id);
    }
    let site = config.http.website();
    let mut out = Output::new();
    for line in sample::config(&form, site.trim_end_matches('/')) {
        out.line(line);
    }
    out.finish(Outcome::Done)
}

/// 128 random bits in hexadecimal.
fn public_id() -> String {
    #[expect(clippy::disallowed_methods, reason = "a secret for a person to copy; nothing is decided by it")]
    let random = rand::random::<u128>();
    format!("{random:032x}")
}
