//! `pisteur explain`: reading, match and rules on one arrival, by the code that production runs. Writes nothing.

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use serde_json::Value;
use ulid::Ulid;

use super::args::stored;
use super::{Context, FileKind, Outcome, Output, parse, waterfall};
use crate::app::{brain, recognition, rules};
use crate::config::Config;
use crate::domain::envelope::{ArrivalState, Channel, Envelope, RawKind};
use crate::domain::matching::model::Model;
use crate::domain::matching::waterfall::waterfalls;
use crate::domain::matching::words::Language;
use crate::domain::plain;
use crate::domain::reading::prospects::apart;
use crate::domain::rules::Declarations;
use crate::pipeline::Brain;
use crate::pipeline::explain::{Explanation, explain};
use crate::store::Store;

/// `pisteur explain`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pisteur explain mail.eml
  pisteur explain 01JABCDEFGHJKMNPQRSTVWXYZ0 --json | jq .decision

A file is explained against the database when there is one, else as if nobody were known. A mail with several
prospects is explained as its door takes it apart, one after the other.")]
pub struct ExplainArgs {
    /// A mail or form file, or the identifier of a stored arrival
    #[arg(value_name = "FILE|SUBMISSION")]
    pub what: String,
    /// What a file is [default: by its ending, .json is json, anything else mail]
    #[arg(long, value_enum)]
    pub kind: Option<FileKind>,
    /// Read a file as if it came through this mailbox or form
    #[arg(long, value_name = "ID")]
    pub intake: Option<String>,
    /// One JSON object; for a mail with several prospects one each, a line each
    #[arg(long)]
    pub json: bool,
}

/// Explains one arrival.
pub(super) fn run(context: &Context, args: &ExplainArgs) -> anyhow::Result<Outcome> {
    let config = context.config()?;
    let mut brain = thinking(&config)?;
    let stored = stored(&args.what)?;
    let (found, held, freed) = context.block_on(async {
        let store = if database_exists(&config) { Some(context.store(&config).await?) } else { None };
        if let Some(store) = &store {
            brain.model = Arc::new(recognition::model(store.as_ref()).await);
        }
        let found = match stored {
            Some(id) => {
                explain_stored(context, store.as_ref(), &brain, id).await.map(|found| found.into_iter().collect())
            }
            None => explain_file(context, store.as_ref(), &brain, args).await,
        };
        let held = match (stored, &store) {
            (Some(id), Some(store)) => held(store, id).await,
            _ => Ok(None),
        };
        let freed = match (stored, &held) {
            (Some(id), Ok(Some(_))) => when_released(context, store.as_ref(), &brain, id).await,
            _ => Ok(None),
        };
        if let Some(store) = store {
            store.close().await;
        }
        Ok((found?, held?, freed?))
    })?;
    let mut out = Output::new();
    let language = waterfall::language(&config);
    for one in &found {
        if args.json {
            out.json(&object(one, language, held.as_deref())?)?;
        } else {
            tell(&mut out, one, language, held.as_deref(), freed.as_deref());
        }
    }
    if found.is_empty() {
        out.line(format!("There is no arrival {}, or its bytes have been purged.", args.what));
    }
    out.finish(Outcome::yes(!found.is_empty()))
}

/// One explanation as JSON.
fn object(found: &Explanation, language: Language, held: Option<&str>) -> anyhow::Result<Value> {
    let mut said = serde_json::to_value(found)?;
    if let Some(members) = said.as_object_mut() {
        let compared = found.decision.trace.get("match").map(|known| waterfalls(known, language)).unwrap_or_default();
        members.insert("waterfall".to_owned(), serde_json::to_value(compared)?);
        if let Some(reason) = held {
            members.insert("held".to_owned(), reason.into());
        }
    }
    Ok(said)
}

/// One explanation as text.
fn tell(out: &mut Output, found: &Explanation, language: Language, held: Option<&str>, freed: Option<&str>) {
    if let Some(reason) = held {
        out.line(format!("held      {reason}: it waits for a person; the last line says what releasing it would do"));
    }
    out.line(plain::lines(found.head(language).trim_end()));
    if let Some(known) = found.decision.trace.get("match") {
        waterfall::draw(out, known, language, "          ");
    }
    out.line(plain::lines(found.tail(language).trim_end()));
    if let Some(freed) = freed {
        out.line(plain::lines(&format!("released  => {freed}")));
    }
}

/// Why an arrival waits in quarantine, if it does.
async fn held(store: &Arc<dyn Store>, id: Ulid) -> anyhow::Result<Option<String>> {
    let row = store.show_arrival(id).await?.map(|found| found.row);
    let row = row.filter(|row| row.state == ArrivalState::Quarantined);
    Ok(row.map(|row| row.reason.unwrap_or_else(|| ArrivalState::Quarantined.as_str().to_owned())))
}

/// What would become of an arrival that a person releases.
async fn when_released(
    context: &Context,
    store: Option<&Arc<dyn Store>>,
    brain: &Brain,
    id: Ulid,
) -> anyhow::Result<Option<String>> {
    let Some(open) = store else { return Ok(None) };
    let Some(mut envelope) = open.load(&[id]).await?.pop().filter(|e| !e.raw.is_empty()) else { return Ok(None) };
    envelope.context.released = true;
    Ok(Some(explain(store, brain, envelope, &*context.clock).await?.outcome()))
}

/// What production would think with: the rules of the folder and the settings of `config`, and the weights of the start.
pub(super) fn thinking(config: &Config) -> anyhow::Result<Brain> {
    let (rules, _) = rules::compile(config, &config.declarations())
        .map_err(|why| anyhow::anyhow!("the rules cannot be used; see `pisteur rules check`\n{why}"))?;
    Ok(brain::build(config, Arc::new(rules), Arc::new(Model::start())))
}

/// Whether there is a database to look into.
pub(super) fn database_exists(config: &Config) -> bool {
    config.sqlite_path().is_none_or(|path| path.exists())
}

/// The decision on a stored arrival, as it would be made now; `None` when its bytes are not there.
pub(super) async fn explain_stored(
    context: &Context,
    store: Option<&Arc<dyn Store>>,
    brain: &Brain,
    id: Ulid,
) -> anyhow::Result<Option<Explanation>> {
    let Some(open) = store else { anyhow::bail!("there is no database yet, so nothing is stored") };
    let Some(envelope) = open.load(&[id]).await?.pop().filter(|e| !e.raw.is_empty()) else { return Ok(None) };
    Ok(Some(explain(store, brain, envelope, &*context.clock).await?))
}

async fn explain_file(
    context: &Context,
    store: Option<&Arc<dyn Store>>,
    brain: &Brain,
    args: &ExplainArgs,
) -> anyhow::Result<Vec<Explanation>> {
    let path = Path::new(&args.what);
    if let Some(named) = &args.intake
        && !brain.declared.intakes.contains(named)
    {
        let known: Vec<&str> = brain.declared.intakes.iter().map(String::as_str).collect();
        anyhow::bail!("nothing comes in through \"{named}\"; there is {}", known.join(", "));
    }
    let raw = parse::read_file(path)?;
    let envelope = parse::envelope(path, raw, args.kind, args.intake.as_deref(), context.clock.now());
    let whole = through_its_door(envelope, &brain.declared, args.intake.is_some());
    let mut found = Vec::new();
    for one in apart(whole, || context.clock.new_id()) {
        found.push(explain(store, brain, one, &*context.clock).await?);
    }
    Ok(found)
}

/// A file stands for the mail or form post it holds; with one form configured a form body is taken for that form's.
pub(super) fn through_its_door(mut envelope: Envelope, declared: &Declarations, named: bool) -> Envelope {
    envelope.channel = if envelope.raw_kind == RawKind::Form { Channel::Form } else { Channel::Mail };
    let mut forms = declared.forms.keys();
    if let (Channel::Form, false, Some(only), None) = (envelope.channel, named, forms.next(), forms.next()) {
        envelope.intake_id.clone_from(only);
    }
    envelope
}
