//! `pisteur leads`, `pisteur opportunities`: the CRM records as lists and pages. Contacts share it.

use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Map, Value};
use ulid::Ulid;

use super::args::{Kind, ListArgs, Reference, reference};
use super::export::{self, ExportRecords};
use super::output::{Cell, Style, Table, moments, padded};
use super::{Context, Outcome, Output, paging, when};
use crate::clock::Timestamp;
use crate::domain::matching::EntityKind;
use crate::domain::plain::one_line;
use crate::store::Store;
use crate::store::rows::{RecordDetail, RecordFilter, RecordRow};

/// `pisteur leads`, `pisteur opportunities`.
#[derive(Debug, Clone, Subcommand)]
pub enum RecordsCommand {
    /// List records, newest first
    #[command(after_help = "\
Examples (the same for leads, opportunities and contacts):
  pisteur leads list --status open
  pisteur leads list --owner alice --since 7d
  pisteur opportunities list --limit 0 --json | jq -r .name")]
    List(ListRecords),
    /// Show one record with its conversation and the decision behind it
    #[command(after_help = "Example:\n  pisteur leads show 01JABCDEFGHJKMNPQRSTVWXYZ0")]
    Show(ShowRecord),
    /// Write records as a table for spreadsheets, or as JSON
    #[command(after_help = "\
Examples (the same for leads, opportunities and contacts):
  pisteur leads export > leads.csv
  pisteur leads export --since 30d --delimiter ';' --bom > leads.csv   for Excel set to French or Czech
  pisteur leads export --full --json | jq -r .fields.topic")]
    Export(ExportRecords),
}

/// Which records are wanted.
#[derive(Debug, Clone, Args)]
pub(super) struct Wanted {
    /// Only this status (leads) or stage (opportunities)
    #[arg(long)]
    status: Option<String>,
    /// Only this owner's
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    /// Only those made since then: 2026-03-14, 2026-03-14T09:26:00Z, 2h, 3d
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
}

impl Wanted {
    /// As the store wants it.
    ///
    /// # Errors
    /// When no record can have that status, or the moment cannot be read.
    pub(super) async fn filter(
        &self,
        store: &Arc<dyn Store>,
        kind: EntityKind,
        now: Timestamp,
        limit: i64,
    ) -> anyhow::Result<RecordFilter> {
        if let Some(asked) = &self.status {
            let states = store.states(kind).await?;
            let known = states.join(", ");
            anyhow::ensure!(
                states.contains(asked),
                "no {} has the status {asked:?}; there are: {known}",
                kind.as_str()
            );
        }
        let since = when::since(self.since.as_deref(), now)?;
        Ok(RecordFilter { status: self.status.clone(), owner: self.owner.clone(), since, before: None, limit })
    }
}

/// Which records to list.
#[derive(Debug, Clone, Args)]
pub struct ListRecords {
    #[command(flatten)]
    wanted: Wanted,
    #[command(flatten)]
    list: ListArgs,
}

/// Which record to show.
#[derive(Debug, Clone, Args)]
pub struct ShowRecord {
    /// Identifier
    #[arg(value_name = "ID", value_parser = reference)]
    id: Reference,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// `pisteur leads ..`.
pub(super) fn leads(context: &Context, command: RecordsCommand) -> anyhow::Result<Outcome> {
    run(context, EntityKind::Lead, command)
}

/// `pisteur opportunities ..`.
pub(super) fn opportunities(context: &Context, command: RecordsCommand) -> anyhow::Result<Outcome> {
    run(context, EntityKind::Opportunity, command)
}

/// Lists or shows records of `kind`.
pub(super) fn run(context: &Context, kind: EntityKind, command: RecordsCommand) -> anyhow::Result<Outcome> {
    let config = context.config()?;
    let now = context.clock.now();
    match command {
        RecordsCommand::List(args) => context.with_store(&config, async |store| list(store, kind, &args, now).await),
        RecordsCommand::Export(args) => export::run(context, kind, &args),
        RecordsCommand::Show(args) => {
            let id = args.id.of(Kind::Record(kind))?;
            context.with_store(&config, async |store| show(store, kind, id, args.json).await)
        }
    }
}

async fn list(store: &Arc<dyn Store>, kind: EntityKind, args: &ListRecords, now: Timestamp) -> anyhow::Result<Outcome> {
    let filter = args.wanted.filter(store, kind, now, args.list.limit).await?;
    let (mut out, mut table) = (Output::new(), Table::new(head(kind)));
    paging::records(store, kind, filter, async |rows| {
        if args.list.json {
            rows.iter().try_for_each(|row| out.json(row).map(drop))?;
        } else {
            table.add(&mut out, &rows.iter().map(|row| cells(kind, row)).collect::<Vec<_>>());
        }
        out.flush()
    })
    .await?;
    if !args.list.json && !table.has_begun() {
        out.line(format!("No {}.", plural(kind)));
    }
    out.finish(Outcome::Done)
}

const fn plural(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Lead => "leads",
        EntityKind::Contact => "contacts",
        EntityKind::Organisation => "organisations",
        EntityKind::Opportunity => "opportunities",
    }
}

const fn head(kind: EntityKind) -> &'static [&'static str] {
    match kind {
        EntityKind::Lead => &["ID", "CREATED", "NAME", "COMPANY", "EMAIL", "STATUS", "OWNER", "TOPIC"],
        EntityKind::Opportunity => &["ID", "CREATED", "TITLE", "COMPANY", "EMAIL", "STAGE", "OWNER", "TEAM"],
        EntityKind::Contact | EntityKind::Organisation => &["ID", "CREATED", "NAME", "COMPANY", "EMAIL", "PHONE"],
    }
}

fn cells(kind: EntityKind, row: &RecordRow) -> Vec<Cell> {
    let mut cells = vec![
        Cell::new(row.id.to_string()),
        Cell::new(when::local(row.created_at)),
        Cell::maybe(row.name.as_deref()),
        Cell::new(one_line(row.company.as_deref().unwrap_or("-"), 24)),
        Cell::new(one_line(row.email.as_deref().unwrap_or("-"), 32)),
    ];
    let status = || match (&row.status, row.verification_required) {
        (Some(status), true) => Cell::styled(format!("{status} (verify)"), Style::Warn),
        (status, _) => Cell::maybe(status.as_deref()),
    };
    match kind {
        EntityKind::Lead => {
            cells.extend([status(), Cell::maybe(row.owner.as_deref()), Cell::maybe(row.topic.as_deref())]);
        }
        EntityKind::Opportunity => {
            cells.extend([status(), Cell::maybe(row.owner.as_deref()), Cell::maybe(row.team.as_deref())]);
        }
        EntityKind::Contact | EntityKind::Organisation => cells.push(Cell::maybe(row.phone.as_deref())),
    }
    cells
}

async fn show(store: &Arc<dyn Store>, kind: EntityKind, id: Ulid, json: bool) -> anyhow::Result<Outcome> {
    let mut out = Output::new();
    let Some(found) = store.show_record(kind, id).await? else {
        if json {
            out.json(&Value::Null)?;
        } else {
            out.line(format!("There is no {} {}.", kind.as_str(), id));
        }
        return out.finish(Outcome::No);
    };
    if json {
        out.json(&found)?;
    } else {
        describe(&mut out, &found);
    }
    out.finish(Outcome::Done)
}

fn describe(out: &mut Output, record: &RecordDetail) {
    let title = out.styled(Style::Bold, &format!("{} {}", record.kind, record.id));
    out.line(title);
    indented(out, &Value::Object(shown_fields(record.fields.clone())));
    if !record.tags.is_empty() {
        out.line(format!("  {:<22} {}", "tags", one_line(&record.tags.join(" "), 200)));
    }
    section(out, "touches", &record.touches.iter().map(|t| Value::Object(shown_touch(t))).collect::<Vec<_>>());
    section(out, "custom fields", &[Value::Object(record.custom_fields.clone())]);
    section(out, "contact points", &record.contact_points);
    section(out, "addresses", &record.addresses);
    section(out, "links", &record.links);
    section(out, "conversation", &record.communications);
    section(out, "attachments", &record.attachments);
    section(out, "activities", &record.activities);
    section(out, "attempts", &record.attempts);
    section(out, "consents", &record.consents);
    section(out, "notes", &record.notes);
    section(out, "decisions", &record.decisions.iter().map(readable).collect::<Vec<_>>());
}

/// A decision as a page shows it: who, what and by which rules. Action and trace are for `--json` and `explain`.
pub(super) fn readable(decision: &Value) -> Value {
    let mut shown = decision.clone();
    if let Value::Object(map) = &mut shown {
        map.retain(|key, _| !["action", "trace", "set"].contains(&key.as_str()));
        if let Some(Value::String(hash)) = map.get_mut("rules_hash") {
            hash.truncate(12);
        }
    }
    shown
}

/// Columns as a page shows them: amounts for people, each touch on one line.
fn shown_fields(fields: Map<String, Value>) -> Map<String, Value> {
    let mut fields = money(fields);
    for name in ["first_touch", "last_touch"] {
        if let Some(touch) = fields.get_mut(name) {
            *touch = Value::String(touch_line(touch));
        }
    }
    fields
}

/// `google / cpc / spring (Paid Search)`, what is missing left out.
fn touch_line(touch: &Value) -> String {
    let part = |name: &str| touch.get(name).and_then(Value::as_str);
    let names: Vec<&str> = ["source", "medium", "campaign"].into_iter().filter_map(part).collect();
    let line = if names.is_empty() { part("landing_page").unwrap_or("-").to_owned() } else { names.join(" / ") };
    match part("channel") {
        Some(channel) => format!("{line} ({channel})"),
        None => line,
    }
}

/// A touch as a page shows it; the parameters as they were sent on one line.
fn shown_touch(touch: &Value) -> Map<String, Value> {
    let Value::Object(mut map) = touch.clone() else { return Map::new() };
    if let Some(Value::Object(parameters)) = map.remove("parameters") {
        let pairs = parameters.iter().map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()));
        map.insert("parameters".to_owned(), Value::String(pairs.collect::<Vec<_>>().join(" ")));
    }
    map
}

/// Amounts are kept in the smallest unit of their currency, hundredths.
fn money(mut fields: Map<String, Value>) -> Map<String, Value> {
    let currency = fields.get("currency").and_then(Value::as_str).unwrap_or_default().to_owned();
    for name in ["expected_revenue", "budget"] {
        if let Some(amount) = fields.get_mut(name).filter(|amount| amount.is_i64()) {
            *amount = Value::String(written(amount.as_i64().unwrap_or_default(), &currency));
            fields.remove("currency");
        }
    }
    fields
}

/// `12 500 EUR`, `8 000.50 EUR`: thousands apart, cents where there are some.
fn written(minor: i64, currency: &str) -> String {
    let (whole, cents) = ((minor / 100).unsigned_abs().to_string(), (minor % 100).abs());
    let mut out = if minor < 0 { "-".to_owned() } else { String::new() };
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            out.push(' ');
        }
        out.push(digit);
    }
    if cents > 0 {
        out.push_str(&format!(".{cents:02}"));
    }
    format!("{out} {currency}").trim_end().to_owned()
}

fn section(out: &mut Output, name: &str, items: &[Value]) {
    if items.iter().all(is_empty) {
        return;
    }
    let name = out.styled(Style::Bold, name);
    out.line(name);
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.line("  -");
        }
        indented(out, item);
    }
}

/// The facts of one object, a line each; what is empty is left out.
pub(super) fn indented(out: &mut Output, value: &Value) {
    let Value::Object(map) = moments(value.clone()) else {
        out.line(format!("  {}", one_line(&text(value), 200)));
        return;
    };
    for (key, value) in present(&map) {
        let shown = text(value);
        let mut lines = shown.lines().filter(|l| !l.trim().is_empty());
        // Names of custom fields were chosen by strangers too.
        let name = padded(&one_line(key, 40), 22);
        out.line(format!("  {name} {}", one_line(lines.next().unwrap_or_default(), 200)));
        for line in lines.by_ref().take(MESSAGE_LINES) {
            out.line(format!("  {:<22} {}", "", one_line(line, 200)));
        }
        if lines.next().is_some() {
            out.line(format!("  {:<22} (more with --json)", ""));
        }
    }
}

/// Lines of a long text shown on a page.
const MESSAGE_LINES: usize = 12;

fn present(map: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    map.iter().filter(|(_, value)| !is_empty(value))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(s) => s.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(s) => match s.parse::<jiff::Timestamp>() {
            Ok(moment) => when::local(Timestamp::from_micros(moment.as_microsecond())),
            Err(_) => s.clone(),
        },
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_show_amounts_and_decisions_for_people() {
        let fields = serde_json::json!({"expected_revenue": 800_050, "currency": "EUR"});
        let Value::Object(fields) = fields else { panic!("an object") };
        assert_eq!(money(fields).get("expected_revenue").unwrap(), "8 000.50 EUR");
        let fields = serde_json::json!({"budget": 1_250_000, "currency": "CZK"});
        let Value::Object(fields) = fields else { panic!("an object") };
        assert_eq!(Value::Object(money(fields)), serde_json::json!({"budget": "12 500 CZK"}));
        assert_eq!([written(-50, ""), written(0, "EUR"), written(123_456_789, "")], ["-0.50", "0 EUR", "1 234 567.89"]);
        let shown = readable(&serde_json::json!({"rules_hash": "0123456789abcdef", "trace": {}, "owner": "alice"}));
        assert_eq!(shown, serde_json::json!({"rules_hash": "0123456789ab", "owner": "alice"}));
    }
}
