//! `pisteur rules explain`: which rules match one arrival, and why the others do not.
//!
//! The rules part of `pisteur explain`, by the same code: the sender is looked up in the database when there is one.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use ulid::Ulid;

use super::{Checked, Reader, Sample};
use crate::cli::args::stored;
use crate::cli::explain::database_exists;
use crate::cli::output::told;
use crate::cli::{Context, Outcome, Output, RulesExplainArgs, when};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::domain::decide::{self, Ids, Question};
use crate::domain::envelope::PART;
use crate::domain::matching::Neighbourhood;
use crate::domain::plain;
use crate::domain::rules::diagnostics::suggestion;
use crate::domain::rules::{Evaluation, RuleSet, RuleSources, diagnostics, explain};
use crate::pipeline;
use crate::pipeline::process::Read;

pub(super) fn run(context: &Context, config: &Config, args: &RulesExplainArgs) -> anyhow::Result<Outcome> {
    let mut out = Output::new();
    let now = context.clock.now();
    let at = match &args.at {
        None => None,
        Some(text) => Some(
            when::parse(text, now)
                .ok_or_else(|| anyhow::anyhow!("--at {text} is no moment; write 2026-12-24T10:00:00Z or 2026-12-24"))?,
        ),
    };
    let rules = match &args.rev {
        Some(hash) => stored_rules(context, config, hash)?,
        None => match Checked::load(config, None)?.usable(&mut out) {
            Some(rules) => rules,
            None => return out.finish(Outcome::No),
        },
    };
    let samples = samples(context, config, args, at.unwrap_or(now))?;
    if samples.is_empty() {
        out.line(format!("no file and no arrival {}; `pisteur submissions list` shows the arrivals", args.what));
        return out.finish(Outcome::No);
    }
    for sample in samples {
        one(context, config, args, (&rules, at), sample, &mut out)?;
    }
    out.finish(Outcome::Done)
}

/// What the rules say of one arrival, as if it were `at`.
fn one(
    context: &Context,
    config: &Config,
    args: &RulesExplainArgs,
    (rules, at): (&RuleSet, Option<Timestamp>),
    sample: Sample,
    out: &mut Output,
) -> anyhow::Result<()> {
    let moment = at.unwrap_or(sample.envelope.received_at);
    let read = Read {
        envelope: Arc::new(sample.envelope),
        submission: Arc::new(sample.submission),
        enquiry: Arc::new(sample.enquiry),
    };
    let (read, around, unmatched) = around(context, config, read);
    let evaluation = decide::evaluate(&Question {
        envelope: &read.envelope,
        submission: &read.submission,
        enquiry: &read.enquiry,
        around: &around,
        rules,
        declared: &config.declarations(),
        policy: &config.policy(),
        ids: Ids { record: Ulid::nil(), contact: Ulid::nil(), organisation: Ulid::nil() },
        now: moment,
    });
    let part = read.envelope.context.extra.get(PART);
    if let (Some(part), false) = (part, args.json && args.why_not.is_none()) {
        out.line(plain::lines(&format!("part {part} of one mail")));
    }
    if let Some(rule) = &args.why_not {
        return why_not(rules, &evaluation, rule, out);
    }
    if args.json {
        let result = explain::result(&evaluation);
        let matched = unmatched.is_none();
        let mut said = json!({
            "rules": rules.hash(), "result": result, "matched_against_database": matched, "evaluation": evaluation,
        });
        if let (Some(members), Some(part)) = (said.as_object_mut(), part) {
            members.insert(PART.to_owned(), part.as_str().into());
        }
        out.json(&said)?;
    } else {
        out.line(plain::lines(explain::text(rules, &evaluation).trim_end()));
        out.line(unmatched.map_or_else(
            || "(the sender was looked up in the database)".to_owned(),
            |why| format!("(nobody was taken for known: {why})"),
        ));
    }
    Ok(())
}

/// The reading by what is known, the records around the arrival, or why they could not be looked at; then nobody is known.
fn around(context: &Context, config: &Config, read: Read) -> (Read, Neighbourhood, Option<String>) {
    if !database_exists(config) {
        return (read, Neighbourhood::default(), Some("there is no database yet".to_owned()));
    }
    let (first, settings) = (read.clone(), config.read_settings());
    match context.with_store(config, async |store| Ok(pipeline::explain::around(store, first, &settings, None).await?))
    {
        Ok((read, around)) => (read, around, None),
        Err(error) => (read, Neighbourhood::default(), Some(told(&error))),
    }
}

/// The arrivals: those of a file, else a stored one.
fn samples(context: &Context, config: &Config, args: &RulesExplainArgs, at: Timestamp) -> anyhow::Result<Vec<Sample>> {
    let reader = Reader::new(config);
    let path = Path::new(&args.what);
    match stored(&args.what)? {
        Some(id) => {
            let envelope = context.with_store(config, async |store| Ok(store.load(&[id]).await?.pop()))?;
            Ok(envelope.map(|e| reader.arrival(e)).into_iter().collect())
        }
        None => reader.arrivals(path, args.kind, args.intake.as_deref(), at),
    }
}

/// A rule set that decisions still refer to.
fn stored_rules(context: &Context, config: &Config, hash: &str) -> anyhow::Result<RuleSet> {
    let stored = context.with_store(config, async |store| Ok(store.ruleset(hash).await?))?;
    let Some(stored) = stored else {
        anyhow::bail!("no stored rule set {hash}; give the whole hash that `submissions show` prints");
    };
    let sources: RuleSources = serde_json::from_value(stored)?;
    match RuleSet::compile(&sources, &config.declarations()) {
        Ok(compiled) => Ok(compiled.rules),
        Err(found) => {
            let text = diagnostics::render(&found, &sources, false);
            anyhow::bail!("rule set {hash} does not fit the present configuration:\n{text}")
        }
    }
}

/// Why one rule does not match.
fn why_not(rules: &RuleSet, evaluation: &Evaluation, rule: &str, out: &mut Output) -> anyhow::Result<()> {
    if !rules.rule_ids().any(|id| id == rule) {
        let known: Vec<&str> = rules.rule_ids().collect();
        anyhow::bail!("no enabled rule `{rule}`; {}", suggestion(rule, known));
    }
    let step = evaluation.trace.iter().find(|s| s.rule == rule);
    let answer = match step {
        Some(step) if step.matched => format!("{rule} matches: {}", step.because),
        Some(step) => format!("{rule} does not match: {}", step.because),
        None => {
            let stopped = evaluation.trace.iter().rfind(|s| s.matched && !s.shadow).map_or("", |s| s.rule.as_str());
            format!("{rule} was not tried: `{stopped}` matched before it")
        }
    };
    out.line(plain::lines(&answer));
    if let Some(why) = rules.why(rule) {
        out.line(format!("why it exists: {why}"));
    }
    Ok(())
}
