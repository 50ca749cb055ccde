//! What enrich and classify rules do.

use super::{Captured, Run};
use crate::domain::decision::{RecordKind, SetFact};
use crate::domain::rules::OnKnown;
use crate::domain::rules::amount::{self, Amount};
use crate::domain::rules::facts::{Facts, Value, show, typed};
use crate::domain::rules::ir::{FactSetter, Rule, Source};

impl Run<'_> {
    pub(super) fn enrich_actions(&mut self, rule: &Rule, captured: &Captured) -> String {
        let mut did = Vec::new();
        for (name, setter) in &rule.then.set {
            did.push(self.set_fact(name, setter, captured));
        }
        self.add_tags(&rule.then.tags, &mut did);
        if rule.then.score != 0 {
            self.out.score = self.out.score.saturating_add(rule.then.score);
            did.push(format!("score {:+}", rule.then.score));
        }
        let facts = self.facts;
        self.revenue(rule, facts, captured, &mut did);
        did.join(", ")
    }

    /// Sets a fact. What cannot be read as the fact's type is not set, and the trace says so.
    fn set_fact(&mut self, name: &str, setter: &FactSetter, captured: &Captured) -> String {
        let (text, from_rule) = match &setter.value {
            Source::Constant(text) => (Some(text.clone()), true),
            Source::Amount(money) => (Some(amount::show(money)), true),
            Source::Capture(group) => (captured.get(group).cloned(), false),
            Source::Fact(path) => (self.facts.get(path).first().map(show), false),
        };
        let Some((text, value)) = text.and_then(|t| typed(&setter.kind, &t).map(|v| (t, v))) else {
            return format!("{name} not set: no {} value", setter.kind.as_str());
        };
        let text = if matches!(value, Value::Text(_)) { text.trim().to_owned() } else { show(&value) };
        let did = if from_rule { format!("{name}={text}") } else { format!("{name} set") };
        self.enriched.set(name, value);
        self.out.set.retain(|s| s.name != name);
        self.out.set.push(SetFact { name: name.to_owned(), value: text });
        did
    }

    fn add_tags(&mut self, tags: &[String], did: &mut Vec<String>) {
        if !tags.is_empty() {
            self.tags.extend(tags.iter().cloned());
            did.push(format!("tags {}", tags.join(", ")));
        }
    }

    fn revenue(&mut self, rule: &Rule, facts: &Facts, captured: &Captured, did: &mut Vec<String>) {
        let Some(source) = &rule.then.expected_revenue else { return };
        let currency = self.set.program().currency.clone();
        let found = match source {
            Source::Amount(money) => Some(money.clone()),
            Source::Constant(text) => read(text),
            Source::Capture(group) => captured.get(group).and_then(|t| read(t)),
            Source::Fact(path) => facts.get(path).first().and_then(|value| match value {
                Value::Money(money) => Some(money.clone()),
                other => read(&show(other)),
            }),
        };
        match found {
            Some(money) => {
                self.out.expected_revenue = Some((money.minor, money.currency.or(currency)));
                did.push("expected revenue set".to_owned());
            }
            None => did.push("expected revenue not set: no clear amount".to_owned()),
        }
    }

    pub(super) fn classify(&mut self, rule: &Rule, captured: &Captured) -> String {
        let then = &rule.then;
        let mut did = Vec::new();
        if let Some(kind) = then.create {
            self.out.create = kind;
            did.push(if kind == RecordKind::Lead { "lead".to_owned() } else { "opportunity".to_owned() });
        }
        if let Some(on_known) = then.on_known {
            self.out.on_known = Some(on_known);
            did.push(if on_known == OnKnown::Append { "append".to_owned() } else { "new_linked".to_owned() });
        }
        if let Some(team) = &then.team {
            self.out.team = Some(team.clone());
            did.push(format!("team {team}"));
        }
        if let Some(stage) = &then.stage {
            self.out.stage = Some(stage.clone());
            did.push(format!("stage {stage}"));
        }
        if let Some(priority) = then.priority {
            self.out.priority = priority;
            did.push(format!("priority {priority}"));
        }
        self.add_tags(&then.tags, &mut did);
        let facts = self.enriched.clone();
        self.revenue(rule, &facts, captured, &mut did);
        did.join(", ")
    }
}

fn read(text: &str) -> Option<crate::domain::enquiry::Money> {
    match amount::money(text) {
        Amount::Read(money) => Some(money),
        Amount::Unclear | Amount::Empty => None,
    }
}
