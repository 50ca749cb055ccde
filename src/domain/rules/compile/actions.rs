//! `then`: what a rule does. Each phase has its own actions.

use super::folder::Folder;
use super::when::{Captures, Scope};
use super::{Compiler, keys, rule_nodes};
use crate::domain::decision::RecordKind;
use crate::domain::rules::OnKnown;
use crate::domain::rules::diagnostics::{Problem, listed, suggestion};
use crate::domain::rules::facts::typed;
use crate::domain::rules::ir::{Actions, Condition, FactSetter, Phase, Source};
use crate::domain::rules::schema::{FactType, RESERVED};
use crate::domain::rules::tree::{Key, Kind, Node};

const GUARD: [&str; 2] = ["discard", "quarantine"];
const ENRICH: [&str; 4] = ["set", "tags", "score", "expected_revenue"];
const CLASSIFY: [&str; 7] = ["create", "on_known", "team", "stage", "priority", "tags", "expected_revenue"];
const ASSIGN: [&str; 2] = ["owner", "team"];

const fn actions_of(phase: Phase) -> &'static [&'static str] {
    match phase {
        Phase::Guard => &GUARD,
        Phase::Enrich => &ENRICH,
        Phase::Classify => &CLASSIFY,
        Phase::Assign => &ASSIGN,
    }
}

impl Compiler<'_> {
    /// Makes the facts that enrich rules set known to the schema. A fact declared in `rules.toml` keeps that type;
    /// else the first constant decides, and captures are text.
    pub(super) fn declare_set_facts(&mut self, folder: &Folder) {
        for (_, document) in folder.phase_files(Phase::Enrich) {
            for rule in rule_nodes(document) {
                let set = rule.get("then").and_then(|t| t.get("set")).and_then(Node::as_table).unwrap_or(&[]);
                for (key, node) in set.iter().filter(|(k, _)| is_fact_name(&k.name)) {
                    let kind = match node.kind {
                        Kind::Integer(_) | Kind::Float(_) => FactType::Number,
                        Kind::Bool(_) => FactType::Bool,
                        _ => FactType::Text,
                    };
                    if !self.schema.is_group(&key.name) {
                        self.schema.add_set(&key.name, kind);
                    }
                }
            }
        }
    }

    /// Lowers a `then` table.
    pub(super) fn actions(
        &mut self,
        file: &str,
        phase: Phase,
        node: &Node,
        when: Option<&Condition>,
        captures: &Captures,
    ) -> Option<Actions> {
        let Some(pairs) = node.as_table().filter(|p| !p.is_empty()) else {
            self.wrong_shape(file, node, "a table of actions, such as then.create = \"lead\"");
            return None;
        };
        let mut out = Actions::default();
        for (key, value) in pairs {
            if actions_of(phase).contains(&key.name.as_str()) {
                self.action(file, phase, key, value, when, captures, &mut out);
            } else {
                self.foreign_action(file, phase, key);
            }
        }
        self.complete(file, phase, node, &out);
        Some(out)
    }

    #[expect(clippy::too_many_arguments, reason = "one action needs all of its rule")]
    fn action(
        &mut self,
        file: &str,
        phase: Phase,
        key: &Key,
        node: &Node,
        when: Option<&Condition>,
        captures: &Captures,
        out: &mut Actions,
    ) {
        match key.name.as_str() {
            "discard" => out.discard = self.reason(file, node),
            "quarantine" => out.quarantine = self.reason(file, node),
            "set" => self.set(file, node, captures, out),
            "tags" => {
                for tag in self.one_or_many(file, node) {
                    out.tags.extend(self.name(file, tag));
                }
            }
            "score" => out.score = self.integer(file, node, -1_000_000, 1_000_000).unwrap_or(0),
            "expected_revenue" => out.expected_revenue = self.revenue(file, phase, node, captures),
            "create" => {
                out.create = self
                    .choice(file, node, &["lead", "opportunity"])
                    .map(|w| if w == "lead" { RecordKind::Lead } else { RecordKind::Opportunity });
            }
            "on_known" => {
                out.on_known = self
                    .choice(file, node, &["append", "new_linked"])
                    .map(|w| if w == "append" { OnKnown::Append } else { OnKnown::NewLinked });
            }
            "team" => out.team = self.team_name(file, node),
            "stage" => out.stage = self.name(file, node),
            "priority" => {
                out.priority = self.integer(file, node, 0, 3).and_then(|n| u8::try_from(n).ok());
            }
            "owner" => out.owner = self.owner(file, node, when),
            _ => {}
        }
    }

    fn foreign_action(&mut self, file: &str, phase: Phase, key: &Key) {
        let elsewhere = Phase::ALL.into_iter().find(|p| actions_of(*p).contains(&key.name.as_str()));
        let Some(home) = elsewhere else {
            let place = format!("`then` in phase {}", phase.as_str());
            return self.unknown_key(file, key, actions_of(phase), &place);
        };
        let problem = Problem::error("R002", format!("`{}` is no action of phase {}", key.name, phase.as_str()))
            .label(format!("belongs to phase {}", home.as_str()))
            .note(format!("move the rule to a file of phase {}", home.as_str()))
            .note(format!("actions of {}: {}", phase.as_str(), listed(actions_of(phase).iter().copied())));
        self.report.add(file, key.span, problem);
    }

    /// A rule must do what its phase is for.
    fn complete(&mut self, file: &str, phase: Phase, node: &Node, actions: &Actions) {
        let has = |name: &str| node.get(name).is_some();
        match phase {
            Phase::Guard if has("discard") && has("quarantine") => {
                let problem = Problem::error("R004", "both discard and quarantine").label("only one is possible");
                self.report.add(file, node.span, problem.note("remove one of them"));
            }
            Phase::Assign if !has("owner") && actions.team.is_some() => {
                let remedy = "add then.owner = { pool = \"NAME\" }, { queue = \"NAME\" } or a person";
                self.missing_key(file, node.span, "owner", "an assign rule", remedy);
            }
            _ => {}
        }
    }

    /// `"machine"` or `{ reason = "machine" }`.
    fn reason(&mut self, file: &str, node: &Node) -> Option<String> {
        let Some(pairs) = node.as_table() else { return self.slug(file, node) };
        self.only_keys(file, pairs, &["reason"], "a reason");
        let Some(reason) = node.get("reason") else {
            self.missing_key(file, node.span, "reason", "this action", "write { reason = \"competitor\" }");
            return None;
        };
        self.slug(file, reason)
    }

    fn choice(&mut self, file: &str, node: &Node, words: &[&str]) -> Option<String> {
        let word = self.text(file, node)?;
        if words.contains(&word.as_str()) {
            return Some(word);
        }
        let problem = Problem::error("R004", format!("unknown value `{}`", keys::cut(&word)))
            .label(suggestion(&word, words.iter().copied()))
            .note(format!("valid: {}", listed(words.iter().copied())));
        self.report.add(file, node.span, problem);
        None
    }

    fn set(&mut self, file: &str, node: &Node, captures: &Captures, out: &mut Actions) {
        let Some(pairs) = node.as_table().filter(|p| !p.is_empty()) else {
            return self.wrong_shape(file, node, "a table of facts, such as { source = \"fair\" }");
        };
        for (key, value) in pairs {
            let Some(kind) = self.settable(file, key) else { continue };
            if let Some(source) = self.set_value(file, &key.name, &kind, value, captures) {
                out.set.push((key.name.clone(), FactSetter { value: source, kind }));
            }
        }
    }

    fn settable(&mut self, file: &str, key: &Key) -> Option<FactType> {
        let found = self.schema.get(&key.name).filter(|info| info.settable).map(|info| info.kind.clone());
        if found.is_none() || !is_fact_name(&key.name) {
            let problem = Problem::error("R003", format!("`{}` cannot be set", keys::cut(&key.name)))
                .label("belongs to the arrival, or is no name for a fact")
                .note("use a name of lower-case letters, digits and `_`, such as `quantity`");
            self.report.add(file, key.span, problem);
            return None;
        }
        found
    }

    fn set_value(
        &mut self,
        file: &str,
        name: &str,
        kind: &FactType,
        node: &Node,
        captures: &Captures,
    ) -> Option<Source> {
        let text = match &node.kind {
            Kind::Text { value, .. } => value.clone(),
            Kind::Integer(n) if *kind != FactType::Bool => n.to_string(),
            Kind::Float(n) if *kind != FactType::Bool && n.is_finite() => n.to_string(),
            Kind::Bool(b) if *kind == FactType::Bool => b.to_string(),
            _ => {
                self.wrong_shape(file, node, &format!("a {} value", kind.as_str()));
                return None;
            }
        };
        if let Some(literal) = text.strip_prefix("$$") {
            return Some(Source::Constant(format!("${literal}")));
        }
        if let Some(reference) = text.strip_prefix('$') {
            return self.reference(file, Phase::Enrich, reference, node, captures);
        }
        if typed(kind, &text).is_none() {
            let problem = Problem::error("R004", format!("`{}` is no value for {name}", keys::cut(&text)))
                .label(format!("must be of type {}", kind.as_str()))
                .note("correct the value");
            self.report.add(file, node.span, problem);
            return None;
        }
        Some(Source::Constant(text))
    }

    /// `$x`: a named group of the rule's own regex, else a fact.
    fn reference(&mut self, file: &str, phase: Phase, name: &str, node: &Node, captures: &Captures) -> Option<Source> {
        let named: Vec<_> = captures.iter().filter(|(n, _, _)| n == name).collect();
        if named.iter().any(|(_, scope, always)| *scope == Scope::Certain && *always) {
            return Some(Source::Capture(name.to_owned()));
        }
        let fact = self.schema.get(name).is_some_and(|f| !f.from_enrich || phase >= Phase::Classify);
        if named.is_empty() && fact {
            return Some(Source::Fact(name.to_owned()));
        }
        let problem = if let Some((_, scope, _)) = named.first() {
            let label = match scope {
                Scope::Certain => "the group is optional in the pattern",
                Scope::Maybe => "the pattern stands inside `any`",
                Scope::Never => "the pattern stands inside `not` or `none`",
            };
            Problem::error("R006", format!("capture `${name}` may be unset when the rule matches"))
                .label(label)
                .note("let the group always take part in the match, or split the rule")
        } else {
            let groups: Vec<&str> = captures.iter().map(|(n, _, _)| n.as_str()).collect();
            Problem::error("R006", format!("capture `${}` is not defined", keys::cut(name)))
                .label(if groups.is_empty() { "no named group".to_owned() } else { suggestion(name, groups) })
                .note("name a group in a regex of this rule: (?<qty>\\d+)")
        };
        self.report.add(file, node.span, problem);
        None
    }

    /// `5000`, `{ amount, currency }` or `"$budget"`.
    fn revenue(&mut self, file: &str, phase: Phase, node: &Node, captures: &Captures) -> Option<Source> {
        let Some(text) = node.as_text() else { return self.money(file, node).map(Source::Amount) };
        let Some(name) = text.strip_prefix('$') else {
            self.wrong_shape(file, node, "an amount without quotes, { amount, currency }, or \"$fact\"");
            return None;
        };
        let source = self.reference(file, phase, name, node, captures)?;
        if let Source::Fact(path) = &source
            && let Some(info) = self.schema.get(path)
            && !matches!(info.kind, FactType::Money | FactType::Number)
        {
            let problem = Problem::error("R004", format!("`{path}` is no amount"))
                .label(format!("of type {}", info.kind.as_str()))
                .note("use a fact of type money or number, such as $budget");
            self.report.add(file, node.span, problem);
            return None;
        }
        Some(source)
    }
}

/// Whether a rule may give a fact this name.
fn is_fact_name(name: &str) -> bool {
    let letters = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    letters && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.len() <= 60 && !RESERVED.contains(&name)
}
