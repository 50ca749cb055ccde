//! `pisteur hooks`: what third parties may post to, what adapters there are, and what a hook makes of a request.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{Cell, Table};
use super::{Context, FileKind, Outcome, Output, parse};
use crate::config::Config;
use crate::config::hook::HookConfig;
use crate::domain::enquiry;
use crate::domain::envelope::{Envelope, RawKind};
use crate::domain::hooks::document::Document;
use crate::domain::hooks::explode::explode;
use crate::domain::hooks::verify::{Kind, Verifier};
use crate::domain::plain::one_line;
use crate::domain::reading::{self, ReadLimits};

/// `pisteur hooks`.
#[derive(Debug, Clone, Subcommand)]
pub enum HooksCommand {
    /// List the hooks of the configuration with their addresses
    #[command(after_help = "Example:\n  pisteur hooks list")]
    List(HooksListArgs),
    /// List the adapters: what third parties are known
    #[command(after_help = "Example:\n  pisteur hooks adapters")]
    Adapters(HooksListArgs),
    /// Show what a hook would make of a request; checks no signature, writes nothing
    #[command(
        after_help = "Examples:\n  pisteur hooks test typeform request.json\n  pisteur hooks test jotform body.multipart --json"
    )]
    Test(HooksTestArgs),
}

/// `pisteur hooks list` and `adapters`.
#[derive(Debug, Clone, Args)]
pub struct HooksListArgs {
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// `pisteur hooks test`.
#[derive(Debug, Clone, Args)]
pub struct HooksTestArgs {
    /// The hook
    #[arg(value_name = "ID")]
    pub id: String,
    /// The body of a request; - is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// One JSON object a lead, a line each
    #[arg(long)]
    pub json: bool,
}

/// Lists or tries hooks.
pub(super) fn run(context: &Context, command: HooksCommand) -> anyhow::Result<Outcome> {
    let config = context.config()?;
    match command {
        HooksCommand::List(args) => list(&config, args.json),
        HooksCommand::Adapters(args) => adapters(&config, args.json),
        HooksCommand::Test(args) => test(context, &config, &args),
    }
}

/// Where the producer posts to; a secret in the address is shown as `SECRET`.
fn address(config: &Config, hook: &HookConfig) -> String {
    let site = config.http.website();
    let in_address = config.known_adapters.get(&hook.adapter).is_some_and(|adapter| {
        let verifiers = hook.verifiers(adapter);
        verifiers.iter().all(|verifier| verifier.kind == Kind::Path)
    });
    let secret = if in_address { "/SECRET" } else { "" };
    format!("{}/hooks/{}{secret}", site.trim_end_matches('/'), hook.id)
}

/// Where the proof of its requests is looked for.
fn proof(config: &Config, hook: &HookConfig) -> String {
    let verifiers = config.known_adapters.get(&hook.adapter).map(|adapter| hook.verifiers(adapter)).unwrap_or_default();
    let mut places: Vec<String> = verifiers.iter().map(Verifier::place).collect();
    places.dedup();
    places.join(" or ")
}

fn list(config: &Config, as_json: bool) -> anyhow::Result<Outcome> {
    let mut out = Output::new();
    let mut rows = Vec::new();
    for hook in &config.hook {
        let (address, proof) = (address(config, hook), proof(config, hook));
        if as_json {
            out.json(&json!({"id": hook.id, "adapter": hook.adapter, "address": address, "enabled": hook.enabled,
                "proof": proof}))?;
        } else {
            let state = if hook.enabled { "on" } else { "off" };
            let cells = [hook.id.as_str(), hook.adapter.as_str(), state, proof.as_str(), address.as_str()];
            rows.push(cells.map(Cell::new).to_vec());
        }
    }
    if !as_json {
        let mut table = Table::new(&["ID", "ADAPTER", "STATE", "PROOF", "ADDRESS"]);
        table.add(&mut out, &rows);
        if rows.is_empty() {
            out.line("No hook is configured. Add [[hook]] with an id, an adapter and a secret; see config/sites.md.");
        }
    }
    out.finish(Outcome::Done)
}

fn adapters(config: &Config, as_json: bool) -> anyhow::Result<Outcome> {
    let mut out = Output::new();
    let mut rows = Vec::new();
    for adapter in config.known_adapters.iter() {
        if as_json {
            out.json(&json!({"name": adapter.name, "title": adapter.title, "verified": adapter.verified,
                "fetches": adapter.fetch.is_some(), "note": adapter.note}))?;
        } else {
            let certain = if adapter.verified { "yes" } else { "opt-in" };
            let cells = [adapter.name.as_str(), certain, adapter.title.as_str(), adapter.note.as_str()];
            rows.push(cells.map(Cell::new).to_vec());
        }
    }
    if !as_json {
        let mut table = Table::new(&["ADAPTER", "VERIFIED", "PRODUCER", "NOTE"]);
        table.add(&mut out, &rows);
    }
    out.finish(Outcome::Done)
}

fn test(context: &Context, config: &Config, args: &HooksTestArgs) -> anyhow::Result<Outcome> {
    let hook = config.hook.iter().find(|hook| hook.id == args.id);
    let Some(hook) = hook else { anyhow::bail!("there is no hook {}; see `pisteur hooks list`", args.id) };
    let Some(adapter) = config.known_adapters.get(&hook.adapter) else { anyhow::bail!("no adapter {}", hook.adapter) };
    let raw = parse::read_file(&args.file)?;
    let kind = adapter.mail.then_some(FileKind::Mail);
    // A door goes by the type that came with it; a file has none, but only fields have names and equal signs.
    let begins = raw.trim_ascii_start();
    let fields = !begins.starts_with(b"{") && !begins.starts_with(b"[") && begins.contains(&b'=');
    let kind = kind.or(Some(if fields { FileKind::Form } else { FileKind::Json }));
    let whole = parse::envelope(&args.file, raw, kind, Some(&hook.id), context.clock.now());
    let mut out = Output::new();
    let mut leads = 0;
    let arrivals = match each(hook, config, whole) {
        Ok(arrivals) => arrivals,
        Err(why) => {
            let said = format!("unreadable: {why}; it would wait in quarantine");
            if args.json {
                out.json(&json!({"lead": Value::Null, "verdict": said}))?;
            } else {
                out.line(said);
            }
            return out.finish(Outcome::No);
        }
    };
    for envelope in arrivals {
        let settings = config.read_settings();
        let submission = reading::read(&envelope, &settings);
        let enquiry = enquiry::understand(&submission, &envelope, &settings);
        let verdict = match (&submission.to_fetch, submission.flags.first()) {
            (Some(id), _) => format!("a lead to be fetched: {id}"),
            (None, Some(flag)) => flag.replace('_', " "),
            (None, None) => "a lead".to_owned(),
        };
        leads += 1;
        if args.json {
            out.json(&json!({"lead": leads, "verdict": verdict, "fields": submission.fields, "enquiry": enquiry}))?;
            continue;
        }
        out.line(format!("{leads}. {verdict}"));
        for field in &submission.fields {
            let meant = field.canonical.and_then(|c| serde_json::to_value(c).ok());
            let meant = meant.as_ref().and_then(|v| v.as_str()).unwrap_or("-");
            out.line(format!("   {meant:<13} {} = {}", one_line(&field.name, 60), one_line(&field.value, 120)));
        }
    }
    out.finish(Outcome::Done)
}

/// The arrivals of a request.
fn each(hook: &HookConfig, config: &Config, whole: Envelope) -> anyhow::Result<Vec<Envelope>> {
    if whole.raw_kind == RawKind::Mail {
        return Ok(vec![whole]);
    }
    let Some(adapter) = config.known_adapters.get(&hook.adapter) else { return Ok(vec![whole]) };
    let reading = hook.reading(adapter);
    let document = Document::read(&whole.raw, whole.content_type.as_deref(), &reading.json, &ReadLimits::default());
    let leads = explode(&document, &reading.request)?;
    Ok(leads
        .into_iter()
        .map(|lead| match lead.alone {
            Some(raw) => {
                Envelope { raw: raw.into(), content_type: Some("application/json".to_owned()), ..whole.without_raw() }
            }
            None => whole.clone(),
        })
        .collect())
}
