//! `pisteur submissions`: every arrival, its state, and what a person can do about it.

use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use ulid::Ulid;

use super::args::{ListArgs, submission};
use super::chosen::{Choice, Chosen};
use super::context::actor;
use super::output::{Cell, Style, Table};
use super::{Context, Outcome, Output, paging, waterfall, when};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::domain::envelope::{ArrivalState, FOLLOWS, PART, PART_OF, REST};
use crate::domain::matching::waterfall::waterfalls;
use crate::domain::matching::words::Language;
use crate::domain::plain::one_line;
use crate::domain::reading;
use crate::domain::screening::Screening;
use crate::domain::submission::Submission;
use crate::intake::form::KEY_REUSED;
use crate::store::Store;
use crate::store::rows::{ArrivalDetail, ArrivalFilter, ArrivalRow};

/// `pisteur submissions`.
#[derive(Debug, Clone, Subcommand)]
pub enum SubmissionsCommand {
    /// List arrivals, newest first
    #[command(after_help = "\
Examples:
  pisteur submissions list
  pisteur submissions list --state quarantined --since 3d
  pisteur submissions list --intake contact --limit 0 --json | jq .record")]
    List(ListSubmissions),
    /// Show one arrival with its decisions
    #[command(after_help = "Example:\n  pisteur submissions show 01JABCDEFGHJKMNPQRSTVWXYZ0")]
    Show(ShowSubmission),
    /// Process failed arrivals again
    #[command(after_help = "\
Examples:
  pisteur submissions retry 01JABCDEFGHJKMNPQRSTVWXYZ0
  pisteur submissions retry --all       every failed one")]
    Retry(RetrySubmissions),
    /// Let quarantined arrivals through: they are processed, and the guard rules no longer hold them
    #[command(after_help = "\
Examples:
  pisteur submissions release 01JABCDEFGHJKMNPQRSTVWXYZ0
  pisteur submissions release --held-for origin_refused --intake contact --since 2d     counts them
  pisteur submissions release --held-for origin_refused --intake contact --since 2d --yes")]
    Release(ReleaseSubmissions),
    /// Discard arrivals that no record was made from; they stay stored
    #[command(after_help = "\
Examples:
  pisteur submissions discard 01JABCDEFGHJKMNPQRSTVWXYZ0 --reason spam
  pisteur submissions discard --held-for spam --reason \"looked through\"          counts them
  pisteur submissions discard --held-for spam --reason \"looked through\" --yes")]
    Discard(DiscardSubmissions),
}

/// `pisteur submissions list`.
#[derive(Debug, Clone, Args)]
pub struct ListSubmissions {
    /// Only this state: received, processing, decided, parked, quarantined, discarded, failed
    #[arg(long, value_parser = state)]
    state: Option<ArrivalState>,
    /// Only this mailbox, form or folder
    #[arg(long, value_name = "ID")]
    intake: Option<String>,
    /// Only those received since then: 2026-03-14, 2026-03-14T09:26:00Z, 2h, 3d
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    #[command(flatten)]
    list: ListArgs,
}

/// `pisteur submissions show`.
#[derive(Debug, Clone, Args)]
pub struct ShowSubmission {
    /// Identifier
    #[arg(value_name = "ID", value_parser = submission)]
    id: Ulid,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// `pisteur submissions retry`.
#[derive(Debug, Clone, Args)]
pub struct RetrySubmissions {
    /// Identifiers
    #[arg(value_name = "ID", value_parser = submission, required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<Ulid>,
    /// Every failed one
    #[arg(long)]
    all: bool,
}

/// `pisteur submissions release`.
#[derive(Debug, Clone, Args)]
pub struct ReleaseSubmissions {
    #[command(flatten)]
    chosen: Chosen,
}

/// `pisteur submissions discard`.
#[derive(Debug, Clone, Args)]
pub struct DiscardSubmissions {
    #[command(flatten)]
    chosen: Chosen,
    /// Why, in a word or two
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// What no record was made from, and what is not discarded yet.
const DISCARDABLE: [ArrivalState; 5] = [
    ArrivalState::Received,
    ArrivalState::Processing,
    ArrivalState::Parked,
    ArrivalState::Quarantined,
    ArrivalState::Failed,
];
/// Fields shown of one submission.
const SHOWN_FIELDS: usize = 60;
/// Lines shown of one field, behind its first.
const SHOWN_LINES: usize = 40;
/// Columns shown of one line.
const SHOWN_COLUMNS: usize = 400;

/// A state by its name.
pub(super) fn state(word: &str) -> Result<ArrivalState, String> {
    ArrivalState::parse(word).ok_or_else(|| {
        let known: Vec<&str> = ArrivalState::ALL.iter().map(|s| s.as_str()).collect();
        format!("not a state; one of {}", known.join(", "))
    })
}

/// Lists, shows or moves arrivals.
pub(super) fn run(context: &Context, command: SubmissionsCommand) -> anyhow::Result<Outcome> {
    let config = context.config()?;
    let now = context.clock.now();
    context.with_store(&config, async |store| match command {
        SubmissionsCommand::List(args) => list(store, &args, now).await,
        SubmissionsCommand::Show(args) => show(store, &args, &config).await,
        SubmissionsCommand::Retry(args) => {
            let mut acts = Acts::new(store, "queued again", "only failed arrivals can be retried");
            let retry = async |id| Ok(store.requeue(id, &[ArrivalState::Failed], false, &actor()).await?);
            if args.all {
                let filter = ArrivalFilter { state: Some(ArrivalState::Failed), ..ArrivalFilter::default() };
                paging::arrivals(store, filter, async |rows| {
                    acts.each(&rows.iter().map(|row| row.id).collect::<Vec<_>>(), &retry).await
                })
                .await?;
            } else {
                acts.each(&args.ids, &retry).await?;
            }
            acts.end()
        }
        SubmissionsCommand::Release(args) => {
            let mut acts = Acts::new(store, "released", "only quarantined arrivals can be released");
            let release = async |id| Ok(store.requeue(id, &[ArrivalState::Quarantined], true, &actor()).await?);
            match args.chosen.choose(store, now, "released", &[ArrivalState::Quarantined]).await? {
                Choice::Act(ids) => acts.each(&ids, &release).await?,
                Choice::Counted => return Ok(Outcome::Done),
            }
            acts.end()
        }
        SubmissionsCommand::Discard(args) => {
            let why = "only arrivals that no record was made from can be discarded";
            let mut acts = Acts::new(store, "discarded", why);
            let discard = async |id| Ok(store.discard(id, &args.reason, &actor()).await?);
            match args.chosen.choose(store, now, "discarded", &DISCARDABLE).await? {
                Choice::Act(ids) => acts.each(&ids, &discard).await?,
                Choice::Counted => return Ok(Outcome::Done),
            }
            acts.end()
        }
    })
}

/// One thing done to many arrivals, and what came of it.
struct Acts<'a> {
    store: &'a Arc<dyn Store>,
    done: &'a str,
    refused: &'a str,
    out: Output,
    outcome: Outcome,
    any: bool,
}

impl<'a> Acts<'a> {
    fn new(store: &'a Arc<dyn Store>, done: &'a str, refused: &'a str) -> Self {
        Self { store, done, refused, out: Output::new(), outcome: Outcome::Done, any: false }
    }

    /// Does `act` to each id and says what came of it.
    async fn each(&mut self, ids: &[Ulid], act: &impl AsyncFn(Ulid) -> anyhow::Result<bool>) -> anyhow::Result<()> {
        for id in ids {
            self.any = true;
            if act(*id).await? {
                self.out.line(format!("{id}: {}", self.done));
                continue;
            }
            self.outcome = Outcome::No;
            match self.store.show_arrival(*id).await? {
                Some(found) => {
                    self.out.line(format!("{id}: it is {}; {}", found.row.state.as_str(), self.refused));
                }
                None => {
                    self.out.line(format!("{id}: there is no such arrival"));
                }
            }
        }
        self.out.flush()
    }

    fn end(mut self) -> anyhow::Result<Outcome> {
        if !self.any {
            self.out.line("Nothing to do.");
        }
        self.out.finish(self.outcome)
    }
}

async fn list(store: &Arc<dyn Store>, args: &ListSubmissions, now: Timestamp) -> anyhow::Result<Outcome> {
    let filter = ArrivalFilter {
        state: args.state,
        intake: args.intake.clone(),
        since: when::since(args.since.as_deref(), now)?,
        before: None,
        limit: args.list.limit,
    };
    let mut out = Output::new();
    let mut table = Table::new(&["ID", "RECEIVED", "INTAKE", "STATE", "FROM", "SUBJECT", "RECORD"]);
    paging::arrivals(store, filter, async |rows| {
        if args.list.json {
            rows.iter().try_for_each(|row| out.json(row).map(drop))?;
        } else {
            let mut lines = Vec::with_capacity(rows.len());
            for row in &rows {
                lines.push(cells(row, &repeated(store, row).await?));
            }
            table.add(&mut out, &lines);
        }
        out.flush()
    })
    .await?;
    if !args.list.json && !table.has_begun() {
        out.line("No arrivals.");
    }
    out.finish(Outcome::Done)
}

/// What a repeat repeats; empty when it repeats nothing. A key that was used again for other content is no repeat.
async fn repeated(store: &Arc<dyn Store>, row: &ArrivalRow) -> anyhow::Result<String> {
    let Some(first) = row.duplicate_of else { return followed(store, row).await };
    let (mine, theirs) = (content_key(store, row.id).await?, content_key(store, first).await?);
    let other = mine.zip(theirs).is_some_and(|(mine, theirs)| mine != theirs);
    Ok(if other { format!("other content under the key of {first}") } else { format!("repeats {first}") })
}

/// What one that is held for its key comes after.
async fn followed(store: &Arc<dyn Store>, row: &ArrivalRow) -> anyhow::Result<String> {
    if row.reason.as_deref() != Some(KEY_REUSED) {
        return Ok(String::new());
    }
    let found = store.show_arrival(row.id).await?;
    let first = found.as_ref().and_then(|found| found.context.get("extra")?.get(FOLLOWS)?.as_str());
    Ok(first.map(|first| format!("other content under the key of {first}")).unwrap_or_default())
}

/// The name of its content, which an arrival under a key of its sender bears beside that key.
async fn content_key(store: &Arc<dyn Store>, id: Ulid) -> anyhow::Result<Option<String>> {
    let found = store.show_arrival(id).await?;
    Ok(found.and_then(|found| Some(found.context.pointer("/content_key/value")?.as_str()?.to_owned())))
}

fn cells(row: &ArrivalRow, repeated: &str) -> Vec<Cell> {
    let outcome = match (&row.record, &row.duplicate_of, &row.reason) {
        (Some(record), _, _) => record.clone(),
        (_, Some(_), _) => repeated.to_owned(),
        (_, _, Some(reason)) if !repeated.is_empty() => format!("{reason}: {repeated}"),
        (_, _, Some(reason)) => reason.clone(),
        _ => "-".to_owned(),
    };
    vec![
        Cell::new(row.id.to_string()),
        Cell::new(when::local(row.received_at)),
        Cell::new(&row.intake),
        Cell::styled(row.state.as_str(), style(row.state)),
        Cell::new(one_line(row.sender.as_deref().unwrap_or("-"), 32)),
        Cell::new(one_line(row.subject.as_deref().unwrap_or("-"), 40)),
        Cell::new(outcome),
    ]
}

const fn style(state: ArrivalState) -> Style {
    match state {
        ArrivalState::Decided => Style::Good,
        ArrivalState::Received | ArrivalState::Processing => Style::Warn,
        ArrivalState::Quarantined | ArrivalState::Failed => Style::Bad,
        ArrivalState::Parked | ArrivalState::Discarded => Style::Dim,
    }
}

async fn show(store: &Arc<dyn Store>, args: &ShowSubmission, config: &Config) -> anyhow::Result<Outcome> {
    let mut out = Output::new();
    let language = waterfall::language(config);
    let Some(mut found) = store.show_arrival(args.id).await? else {
        if args.json {
            out.json(&Value::Null)?;
        } else {
            out.line(format!("There is no arrival {}.", args.id));
        }
        return out.finish(Outcome::No);
    };
    // What made no record is read again for its files: the person who judges it wants to know of them.
    let mut content = None;
    if found.row.record.is_none() && found.raw_kept {
        let read =
            store.load(&[args.id]).await?.pop().map(|envelope| reading::read(&envelope, &config.read_settings()));
        if let Some(read) = read {
            if found.files.is_empty() {
                found.files = read.attachments.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
            }
            content = Some(read);
        }
    }
    if args.json {
        let compared: Vec<_> = found.decisions.iter().map(|one| one.pointer("/trace/match").cloned()).collect();
        let mut said = serde_json::to_value(&found)?;
        let decisions = said.get_mut("decisions").and_then(Value::as_array_mut);
        for (decision, known) in decisions.into_iter().flatten().zip(compared) {
            if let (Some(members), Some(known)) = (decision.as_object_mut(), known) {
                members.insert("waterfall".to_owned(), serde_json::to_value(waterfalls(&known, language))?);
            }
        }
        if let (Some(members), Some(read)) = (said.as_object_mut(), &content) {
            let fields = read.fields.iter().map(|field| json!({ "name": field.name, "value": field.value }));
            members.insert("content".to_owned(), json!({ "fields": fields.collect::<Vec<_>>(), "text": read.text }));
        }
        out.json(&said)?;
    } else {
        let repeated = repeated(store, &found.row).await?;
        describe(&mut out, &found, &repeated, content.as_ref(), language);
    }
    out.finish(Outcome::Done)
}

/// What it says, cut to what a screen holds: the person who judges it reads it here.
fn tell(out: &mut Output, read: &Submission) {
    let mut texts: Vec<(&str, &str)> = read.fields.iter().map(|f| (f.name.as_str(), f.value.as_str())).collect();
    if texts.is_empty() && !read.text.trim().is_empty() {
        texts.push(("text", &read.text));
    }
    if !texts.is_empty() {
        out.line("content");
    }
    for (name, value) in texts.iter().filter(|(_, value)| !value.trim().is_empty()).take(SHOWN_FIELDS) {
        let mut lines = value.trim().lines();
        out.line(format!("  {:<14} {}", one_line(name, 40), one_line(lines.next().unwrap_or_default(), SHOWN_COLUMNS)));
        for line in lines.by_ref().take(SHOWN_LINES) {
            out.line(format!("  {:<14} {}", "", one_line(line, SHOWN_COLUMNS)));
        }
        if lines.next().is_some() {
            out.line(format!("  {:<14} .. (whole: --json)", ""));
        }
    }
}

fn describe(out: &mut Output, found: &ArrivalDetail, repeated: &str, content: Option<&Submission>, language: Language) {
    let row = &found.row;
    let title = format!("{} {} {}", row.channel.as_str(), row.intake, row.id);
    let title = out.styled(Style::Bold, &title);
    let state = out.styled(style(row.state), row.state.as_str());
    out.line(title).line(format!("  {:<14} {state}", "state"));
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            out.line(format!("  {name:<14} {}", one_line(&value, 200)));
        }
    };
    fact("reason", row.reason.clone());
    fact("received", Some(when::local(row.received_at)));
    fact("decided", row.decided_at.map(when::local));
    fact("from", row.sender.clone());
    fact("subject", row.subject.clone());
    fact("class", row.class.clone());
    let (label, value) = match repeated.strip_prefix("repeats ") {
        Some(first) => ("repeats", first),
        None => ("not taken", repeated),
    };
    fact(label, (!value.is_empty()).then(|| value.to_owned()));
    fact("record", row.record.clone());
    fact("part", part(found));
    let screened = screening(found);
    for (n, line) in screened.iter().enumerate() {
        fact(if n == 0 { "screening" } else { "" }, Some(line.clone()));
    }
    fact("size", Some(format!("{} bytes{}", row.size, if found.raw_kept { "" } else { ", purged" })));
    fact("attempts", Some(row.attempts.to_string()));
    fact("error", row.error.clone());
    fact("digest", Some(found.digest.clone()));
    fact("repeated by", (!found.repeats.is_empty()).then(|| ids(&found.repeats)));
    fact("website", found.context.get("origin").and_then(Value::as_str).map(str::to_owned));
    if let Some(read) = content {
        tell(out, read);
    }
    for file in &found.files {
        out.line("file");
        super::records::indented(out, file);
    }
    for decision in &found.decisions {
        out.line("decision");
        super::records::indented(out, &super::records::readable(decision));
        if let Some(known) = decision.pointer("/trace/match") {
            waterfall::draw(out, known, language, "  ");
        }
    }
    for delivery in &found.deliveries {
        out.line("delivery");
        super::records::indented(out, delivery);
    }
    let hint = match row.state {
        ArrivalState::Quarantined => Some("release"),
        ArrivalState::Failed => Some("retry"),
        _ => None,
    };
    if let Some(verb) = hint {
        out.line(format!("Next: pisteur submissions {verb} {}, or discard it with a --reason", row.id));
    } else {
        out.line(format!("Why: pisteur explain {}", row.id));
    }
}

/// Verdict and score, and one line for each part: what the door found, else what the last decision saw.
fn screening(found: &ArrivalDetail) -> Vec<String> {
    let decided = || found.decisions.first()?.pointer("/trace/screening").cloned();
    let stored = found.context.get("screening").cloned().or_else(decided);
    let Some(said) = stored.and_then(|value| serde_json::from_value::<Screening>(value).ok()) else {
        return Vec::new();
    };
    let head = format!("{}, score {}", said.verdict.as_str(), said.score);
    let parts = said.parts.iter().map(|part| format!("{:>4} {}: {}", part.points, part.code, part.detail));
    std::iter::once(head).chain(parts).collect()
}

/// Which prospect of a mail with several it is.
fn part(found: &ArrivalDetail) -> Option<String> {
    let extra = |name: &str| found.context.get("extra")?.get(name)?.as_str();
    let part = extra(PART)?;
    let first = extra(PART_OF).map(|first| format!("; the first is {first}")).unwrap_or_default();
    Some(if part == REST {
        format!("what the mail holds beside its prospects{first}")
    } else {
        format!("prospect {part} of one mail{first}")
    })
}

fn ids(list: &[Ulid]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
