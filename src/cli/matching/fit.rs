//! `pisteur match fit`: weights fitted to the records of the house, and which of them are in force.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::super::output::Cell;
use super::super::{Context, Outcome, Output};
use crate::domain::matching::field::Field;
use crate::domain::matching::model::Model;
use crate::domain::matching::refit::{Change, MOST, Sample, changes};
use crate::domain::matching::shadow::Shadow;
use crate::store::{NewModel, Store};

/// Profiles read at once.
const PAGE: i64 = 2_000;
/// Decisions of late that are made once more.
const DECISIONS: usize = 1_000;
/// Records of which they are made at once.
const TRIALS: i64 = 50;
/// Bits by which a weight differs enough to be shown.
const SHOWN: f64 = 0.5;

/// `pisteur match fit`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pisteur match fit --dry-run
  pisteur match fit --json
  pisteur match fit --activate 7    a model that was kept; 0 is the weights of the start

Nobody needs to answer anything, but answers in the review queue count. The last 1 000 decisions are made once more: if
one that was made without a person would come out otherwise without one, or a reviewer would be overruled, the new
weights are kept and not used (exit code 1). Running daemons take over what is in force within seconds.")]
pub struct FitArgs {
    /// Say what would change and keep nothing
    #[arg(long)]
    dry_run: bool,
    /// Fit nothing: use the model with this number
    #[arg(long, value_name = "ID", conflicts_with = "dry_run", value_parser = clap::value_parser!(i64).range(0..))]
    activate: Option<i64>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// Number of the new model, where it was kept.
    model: Option<i64>,
    /// Number of the one in force before; 0 for the weights of the start.
    before: i64,
    /// It is in force.
    active: bool,
    /// Why nothing was fitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    too_few: Option<String>,
    /// Records there are.
    records: u64,
    /// Those fitted to.
    fitted_to: usize,
    /// About how many pairs of them are one person.
    repeats: f64,
    /// Answers of reviewers learned from: they are one, they are two.
    answers: [usize; 2],
    /// Fields of which too few records tell: they weigh as before anything was fitted.
    untold: Vec<Field>,
    /// What each level weighs before and now, in bits.
    weights: Vec<Change>,
    /// Decisions made once more, and what changes.
    shadow: Shadow,
}

/// What was put in force.
#[derive(Debug, Serialize)]
struct Activated {
    /// Number of the model.
    model: i64,
    /// Number of the one before.
    before: i64,
    /// It is in force now.
    active: bool,
}

pub(super) fn run(context: &Context, args: &FitArgs) -> anyhow::Result<Outcome> {
    let config = context.config()?;
    if let Some(id) = args.activate {
        let done = context.with_store(&config, async |store| activate(store, id).await)?;
        return activated(&done, args.json);
    }
    let report = context.with_store(&config, async |store| fit(store, args).await)?;
    let mut out = Output::new();
    if args.json {
        out.json(&report)?;
    } else {
        text(&mut out, &report);
    }
    out.finish(Outcome::yes(report.too_few.is_none() && report.shadow.is_safe()))
}

async fn in_force(store: &Arc<dyn Store>) -> anyhow::Result<Model> {
    Ok(store.in_force(None).await?.unwrap_or_else(Model::start))
}

async fn activate(store: &Arc<dyn Store>, model: i64) -> anyhow::Result<Activated> {
    let before = in_force(store).await?.id;
    let active = store.put_in_force(model).await?;
    Ok(Activated { model, before, active })
}

fn activated(done: &Activated, json: bool) -> anyhow::Result<Outcome> {
    let mut out = Output::new();
    let Activated { model, before, active } = done;
    if json {
        out.json(done)?;
    } else if *active {
        out.line(format!("{} in force; before it was {}.", named(*model, "is"), named(*before, "").trim_end()));
    } else {
        out.line(format!("There is no model {model} that fits the rules of now. To make one: pisteur match fit"));
    }
    out.finish(Outcome::yes(*active))
}

fn named(model: i64, verb: &str) -> String {
    match (model, verb) {
        (0, "is") => "The weights of the start are".to_owned(),
        (0, _) => "the weights of the start".to_owned(),
        (id, "is") => format!("Model {id} is"),
        (id, _) => format!("model {id}"),
    }
}

async fn fit(store: &Arc<dyn Store>, args: &FitArgs) -> anyhow::Result<Report> {
    // Hidden by itself when standard error is no terminal.
    let bar = ProgressBar::new_spinner().with_style(
        ProgressStyle::with_template("{spinner} {pos} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    let report = fit_and_try(store, args, &bar).await;
    bar.finish_and_clear();
    report
}

async fn fit_and_try(store: &Arc<dyn Store>, args: &FitArgs, bar: &ProgressBar) -> anyhow::Result<Report> {
    let before = in_force(store).await?;
    let sample = sample(store, bar).await?;
    let answers = store.answers().await?;
    let mut report = Report {
        before: before.id,
        records: sample.seen,
        fitted_to: sample.len(),
        answers: [answers.one.len(), answers.two.len()],
        ..Report::default()
    };
    let fitted = match sample.fit(&answers) {
        Ok(fitted) => fitted,
        Err(why) => {
            report.too_few = Some(why.to_string());
            return Ok(report);
        }
    };
    (report.repeats, report.untold) = (fitted.repeats, fitted.untold);
    report.weights = changes(&before, &fitted.model);
    report.shadow = shadow(store, (&before, &fitted.model), bar).await?;
    report.shadow.hear(&fitted.model, &answers);
    if !args.dry_run {
        report.active = report.shadow.is_safe();
        let told = serde_json::to_value(&report)?;
        let kept = NewModel { model: fitted.model, report: told, active: report.active };
        report.model = Some(store.keep_model(kept).await?);
    }
    Ok(report)
}

/// What all records are compared by, as far as it is fitted to.
async fn sample(store: &Arc<dyn Store>, bar: &ProgressBar) -> anyhow::Result<Sample> {
    bar.set_message("profiles read");
    let mut sample = Sample::new(MOST);
    let mut place = (0, i64::MIN);
    loop {
        let page = store.profiles(place, PAGE).await?;
        let Some(last) = page.last() else { return Ok(sample) };
        place = last.place;
        bar.inc(page.len() as u64);
        for one in page {
            sample.add(one.person, one.profile);
        }
    }
}

/// The last decisions, made once more.
async fn shadow(
    store: &Arc<dyn Store>,
    (before, after): (&Model, &Model),
    bar: &ProgressBar,
) -> anyhow::Result<Shadow> {
    bar.set_message("decisions made once more");
    bar.set_position(0);
    let (mut shadow, mut below) = (Shadow::default(), i64::MAX);
    let mut tried: BTreeSet<(i64, i64)> = BTreeSet::new();
    while tried.len() < DECISIONS {
        let (trials, last) = store.trials(below, TRIALS).await?;
        let Some(last) = last else { break };
        below = last;
        for trial in trials {
            if tried.len() < DECISIONS && tried.insert(trial.of) {
                shadow.add(before, after, &trial);
                bar.inc(1);
            }
        }
    }
    Ok(shadow)
}

fn text(out: &mut Output, report: &Report) {
    if let Some(why) = &report.too_few {
        out.line(format!("Nothing was fitted: {why}. The weights in use stay."));
        return;
    }
    let Report { records, fitted_to, repeats, answers: [one, two], shadow, .. } = report;
    out.line(format!("Fitted to {fitted_to} of {records} records; about {repeats:.0} pairs of them are one person."));
    if one + two > 0 {
        out.line(format!("Answers of reviewers learned from: {one} called one person, {two} called two."));
    }
    if !report.untold.is_empty() {
        let untold: Vec<&str> = report.untold.iter().map(|field| field.as_str()).collect();
        out.line(format!("Too few records tell of {}: these weigh as at the start.", untold.join(", ")));
    }
    weights(out, &report.weights);
    out.line(format!("{} decisions made once more: {}.", shadow.decisions, said(&shadow.changes)));
    let refused = refusal(shadow);
    match (report.model, refused) {
        (None, None) => out.line("Nothing was kept. To use these weights: pisteur match fit"),
        (None, Some(why)) => out.line(format!("Nothing was kept, and would not be used: {why}.")),
        (Some(id), None) => out.line(format!("Model {id} is in force; running daemons take it over within seconds.")),
        (Some(id), Some(why)) => out.line(format!(
            "Model {id} is kept and not used: {why}. Answer what `pisteur review list` asks and fit again, or use it all \
             the same: pisteur match fit --activate {id}"
        )),
    };
}

/// Why a model is not used.
fn refusal(shadow: &Shadow) -> Option<String> {
    let Shadow { flips, overruled, .. } = shadow;
    let flipped = format!("{flips} decisions that nobody looked at would come out otherwise, and nobody would look");
    let against = format!("{overruled} pairs that a reviewer called two would be taken for one");
    match (flips, overruled) {
        (0, 0) => None,
        (_, 0) => Some(flipped),
        (0, _) => Some(against),
        _ => Some(format!("{flipped}; {against}")),
    }
}

/// The levels whose weight changes, before frequency.
fn weights(out: &mut Output, all: &[Change]) {
    let bits = |bits: f64| Cell::new(format!("{bits:+.1}"));
    let changed = all.iter().filter(|change| (change.after - change.before).abs() >= SHOWN);
    let rows: Vec<Vec<Cell>> = changed
        .map(|change| {
            let level = change.level.replace('_', " ");
            vec![Cell::new(change.field.as_str()), bits(change.before), bits(change.after), Cell::new(level)]
        })
        .collect();
    if rows.is_empty() {
        out.line("No weight changes by half a bit.");
        return;
    }
    out.line("");
    out.table(&["FIELD", "BITS BEFORE", "NOW", "WHERE TWO RECORDS ARE"], &rows);
    let same = all.len().saturating_sub(rows.len());
    out.line(format!("The other {same} weights stay as they are, to half a bit.")).line("");
}

fn said(changes: &BTreeMap<String, u64>) -> String {
    if changes.is_empty() {
        return "none comes out otherwise".to_owned();
    }
    let all: Vec<String> = changes.iter().map(|(change, count)| format!("{count} {change}")).collect();
    all.join(", ")
}
