//! `pisteur rules explain`: which rules match one arrival, and why the others do not.
//!
//! The rules part only: nobody is taken for known. `pisteur explain` also looks the sender up.

use std::path::Path;

use serde_json::json;

use super::{Checked, Reader, Sample};
use crate::cli::{Context, Outcome, Output, RulesExplainArgs, when};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::domain::rules::diagnostics::suggestion;
use crate::domain::rules::facts::{Facts, KnownFacts};
use crate::domain::rules::{Evaluation, RuleSet, RuleSources, diagnostics, explain};

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
    let Some(sample) = sample(context, config, args, at.unwrap_or(now))? else {
        out.line(format!("no file and no arrival {}; `pisteur submissions list` shows the arrivals", args.what));
        return out.finish(Outcome::No);
    };
    let moment = at.unwrap_or(sample.envelope.received_at);
    let known = KnownFacts::default();
    let declared = config.declarations();
    let facts = Facts::gather(&sample.enquiry, &sample.submission, &sample.envelope, &known, &declared);
    let evaluation = rules.evaluate(&facts, moment);
    if let Some(rule) = &args.why_not {
        return why_not(&rules, &evaluation, rule, out);
    }
    if args.json {
        out.json(&json!({"rules": rules.hash(), "result": explain::result(&evaluation), "evaluation": evaluation}))?;
    } else {
        out.line(explain::text(&rules, &evaluation).trim_end());
        out.line("(nobody was taken for known; `pisteur explain` also looks the sender up)");
    }
    out.finish(Outcome::Done)
}

/// The arrival: a file, else a stored arrival.
fn sample(
    context: &Context,
    config: &Config,
    args: &RulesExplainArgs,
    at: Timestamp,
) -> anyhow::Result<Option<Sample>> {
    let reader = Reader::new(config);
    let path = Path::new(&args.what);
    let id = ulid::Ulid::from_string(args.what.trim());
    match id {
        Ok(id) if !path.exists() => {
            let envelope = context.with_store(config, async |store| Ok(store.load(&[id]).await?.pop()))?;
            Ok(envelope.map(|e| reader.arrival(e)))
        }
        _ => reader.file(path, args.kind, args.intake.as_deref(), at).map(Some),
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
fn why_not(rules: &RuleSet, evaluation: &Evaluation, rule: &str, mut out: Output) -> anyhow::Result<Outcome> {
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
    out.line(answer);
    if let Some(why) = rules.why(rule) {
        out.line(format!("why it exists: {why}"));
    }
    out.finish(Outcome::Done)
}
