//! Running a rule set over the facts of one arrival: pure, deterministic, without a way to fail.
//!
//! Invariants: guard and classify and assign stop at their first match; enrich applies every match in order; facts set
//! by enrich are seen by classify and assign only; shadow rules are traced and never act; the result always has an
//! owner, a pool with somebody in it, or a queue, unless the guard stopped the arrival.

mod actions;
mod condition;
mod owner;
mod test;

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Facts, Value};
use super::ir::{Phase, Rule};
use super::{Evaluation, Guarded, RuleSet, TraceStep};
use crate::clock::Timestamp;
use crate::domain::decision::{OwnerChoice, RecordKind, SetFact};
use condition::Verdict;

/// What a matched rule's named groups found.
type Captured = BTreeMap<String, String>;

/// An evaluation under way.
struct Run<'r> {
    set: &'r RuleSet,
    facts: &'r Facts,
    now: Timestamp,
    /// Facts as classify and assign see them.
    enriched: Facts,
    tags: BTreeSet<String>,
    out: Evaluation,
}

/// Evaluates every phase.
pub(super) fn evaluate(set: &RuleSet, facts: &Facts, now: Timestamp) -> Evaluation {
    let mut run = Run { set, facts, now, enriched: facts.clone(), tags: BTreeSet::new(), out: empty() };
    if !facts.released() {
        run.first(Phase::Guard);
    }
    if run.out.guard.is_none() {
        run.enrich();
        run.first(Phase::Classify);
        run.first(Phase::Assign);
    }
    run.out.tags = run.tags.into_iter().collect();
    run.out
}

const fn empty() -> Evaluation {
    Evaluation {
        guard: None,
        set: Vec::new(),
        tags: Vec::new(),
        score: 0,
        create: RecordKind::Lead,
        on_known: None,
        team: None,
        stage: None,
        priority: 0,
        expected_revenue: None,
        owner: OwnerChoice::Nobody,
        rule_ids: Vec::new(),
        trace: Vec::new(),
    }
}

impl<'r> Run<'r> {
    fn rules(&self, phase: Phase) -> impl Iterator<Item = &'r Rule> + use<'r> {
        self.set.program().rules.iter().filter(move |r| r.phase == phase)
    }

    /// Phases in which the first match decides.
    fn first(&mut self, phase: Phase) {
        for rule in self.rules(phase) {
            let facts = if phase == Phase::Guard { self.facts } else { &self.enriched };
            let verdict = self.verdict(rule, facts);
            let acts = verdict.matched && !rule.shadow;
            let did = if acts { self.act(rule, &verdict.captured) } else { preview(rule, verdict.matched) };
            self.trace(rule, verdict, did);
            if acts {
                return;
            }
        }
    }

    /// Every match applies, in order. All of them see the facts as they arrived.
    fn enrich(&mut self) {
        for rule in self.rules(Phase::Enrich) {
            let verdict = self.verdict(rule, self.facts);
            let acts = verdict.matched && !rule.shadow;
            let did = if acts { self.act(rule, &verdict.captured) } else { preview(rule, verdict.matched) };
            self.trace(rule, verdict, did);
        }
        #[expect(clippy::cast_precision_loss, reason = "scores are sums of small numbers")]
        self.enriched.set("score", Value::Number(self.out.score as f64));
        for SetFact { value, .. } in &mut self.out.set {
            value.truncate(value.floor_char_boundary(MAX_SET_BYTES));
        }
    }

    /// Whether the rule is active and its condition holds.
    fn verdict(&self, rule: &Rule, facts: &Facts) -> Verdict {
        if rule.from.is_some_and(|from| self.now < from) {
            return Verdict::no("not active yet");
        }
        if rule.until.is_some_and(|until| self.now >= until) {
            return Verdict::no("no longer active");
        }
        condition::holds(&rule.when, facts)
    }

    fn trace(&mut self, rule: &Rule, verdict: Verdict, did: String) {
        if verdict.matched && !rule.shadow {
            self.out.rule_ids.push(rule.id.clone());
        }
        self.out.trace.push(TraceStep {
            phase: rule.phase.as_str().to_owned(),
            rule: rule.id.clone(),
            matched: verdict.matched,
            because: verdict.because,
            did,
            shadow: rule.shadow,
        });
    }

    fn act(&mut self, rule: &Rule, captured: &Captured) -> String {
        match rule.phase {
            Phase::Guard => self.guard(rule),
            Phase::Enrich => self.enrich_actions(rule, captured),
            Phase::Classify => self.classify(rule, captured),
            Phase::Assign => self.assign(rule),
        }
    }

    fn guard(&mut self, rule: &Rule) -> String {
        let sampled = rule.sample.is_some_and(|share| self.facts.sample(&rule.id) < u64::from(share));
        let (guarded, did) = match (&rule.then.discard, &rule.then.quarantine) {
            (Some(reason), _) if sampled => {
                (Guarded::Quarantine { reason: reason.clone() }, format!("quarantine {reason} (sample)"))
            }
            (Some(reason), _) => (Guarded::Discard { reason: reason.clone() }, format!("discard {reason}")),
            (None, Some(reason)) => (Guarded::Quarantine { reason: reason.clone() }, format!("quarantine {reason}")),
            (None, None) => return String::new(),
        };
        self.out.guard = Some(guarded);
        did
    }
}

/// Longest value an enrich rule may store, in bytes.
const MAX_SET_BYTES: usize = 1000;

/// What a shadow rule would have done.
fn preview(rule: &Rule, matched: bool) -> String {
    if matched && rule.shadow { format!("would act in phase {}", rule.phase.as_str()) } else { String::new() }
}
