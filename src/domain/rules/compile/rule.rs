//! One `[[rule]]`: its keys, its validity, and the checks on the order of rules.

use std::collections::BTreeMap;
use std::time::Duration;

use super::when::{Captures, Place};
use super::{Compiler, Placed};
use crate::clock::Timestamp;
use crate::domain::rules::diagnostics::Problem;
use crate::domain::rules::ir::{Condition, Phase, Rule};
use crate::domain::rules::tree::{Kind, Node};

const KEYS: [&str; 11] =
    ["id", "why", "when", "then", "from", "until", "enabled", "shadow", "owner", "override", "sample"];

impl Compiler<'_> {
    /// Lowers a rule. `None` after an error that leaves nothing to go on with, and for a disabled rule.
    pub(super) fn rule(
        &mut self,
        file: &str,
        phase: Phase,
        node: &Node,
        seen: &mut BTreeMap<String, String>,
    ) -> Option<Placed> {
        self.only_keys(file, node.as_table()?, &KEYS, "a rule");
        let Some(id_node) = node.get("id") else {
            self.missing_key(file, node.span, "id", "a rule", "give it a short name: id = \"rfq-fr\"");
            return None;
        };
        let id = self.slug(file, id_node)?;
        if let Some(other) = seen.insert(id.clone(), file.to_owned()) {
            let problem = Problem::error("R002", format!("rule `{id}` is there twice"))
                .label(format!("the first one is in {other}"))
                .note("ids are stored with decisions, so each names one rule");
            self.report.add(file, id_node.span, problem);
        }
        let why = node.get("why").and_then(|n| self.text(file, n));
        self.rule_owner(file, node);
        let mut captures = Captures::new();
        let when = if let Some(when) = node.get("when") {
            self.when(Place::top(file, phase), when, &mut captures)
        } else {
            let remedy = "say when it matches; `when.always = true` if always";
            self.missing_key(file, id_node.span, "when", &format!("rule `{id}`"), remedy);
            None
        };
        let then = if let Some(then) = node.get("then") {
            self.actions(file, phase, then, when.as_ref(), &captures)
        } else {
            self.missing_key(file, id_node.span, "then", &format!("rule `{id}`"), "say what it does");
            None
        };
        let sample = node.get("sample").and_then(|n| self.integer(file, n, 1, 100));
        if let (Some(n), true) = (node.get("sample"), node.get("then").is_some_and(|t| t.get("discard").is_none())) {
            let problem =
                Problem::error("R002", "`sample` without `discard`").label("only a discard rule has a sample");
            self.report.add(file, n.span, problem.note("remove the key"));
        }
        let flag = |c: &mut Self, key: &str| node.get(key).and_then(|n| c.boolean(file, n));
        let (from, until) = self.validity(file, node);
        let (enabled, shadow) = (flag(self, "enabled").unwrap_or(true), flag(self, "shadow").unwrap_or(false));
        let overrides = flag(self, "override").unwrap_or(false);
        let set_spans = set_spans(node);
        let sample = sample.and_then(|s| u8::try_from(s).ok());
        self.incomplete |= when.is_none() || then.is_none();
        let rule = Rule { id, why, phase, when: when?, then: then?, from, until, shadow, overrides, sample };
        enabled.then(|| Placed { rule, file: file.to_owned(), id_span: id_node.span, set_spans })
    }

    /// `owner`: whom to ask about the rule.
    fn rule_owner(&mut self, file: &str, rule: &Node) {
        let Some(node) = rule.get("owner") else { return };
        let Some(id) = self.text(file, node) else { return };
        if !self.people.iter().any(|p| p.id == id) && !self.teams.iter().any(|t| t.id == id) {
            self.unknown_name(file, node.span, "user or team", &id, "people.toml", |c| {
                let teams = c.teams.iter().map(|t| t.id.clone());
                c.people.iter().map(|p| p.id.clone()).chain(teams).collect()
            });
        }
    }

    /// `from` is included; `until` is excluded when it has a time, and the whole day counts when it is a date.
    fn validity(&mut self, file: &str, node: &Node) -> (Option<Timestamp>, Option<Timestamp>) {
        let from = node.get("from").and_then(|n| self.moment(file, n, false));
        let until = node.get("until").and_then(|n| self.moment(file, n, true));
        if let (Some(a), Some(b), Some(n)) = (from, until, node.get("until"))
            && a >= b
        {
            let problem = Problem::error("R011", "the rule is never active").label("not after `from`");
            self.report.add(file, n.span, problem.note("exchange the dates, or remove one"));
        }
        (from, until)
    }

    fn moment(&mut self, file: &str, node: &Node, end: bool) -> Option<Timestamp> {
        let read = match &node.kind {
            Kind::Time(time) => timestamp(time, end),
            _ => None,
        };
        if read.is_none() {
            self.wrong_shape(file, node, "a date without quotes, such as 2026-11-20 or 2026-11-20T09:00:00+01:00");
        }
        read
    }

    /// R013 and the plain case of R010: a rule behind one that always matches.
    pub(super) fn check_order(&mut self, placed: &[Placed]) {
        for phase in [Phase::Guard, Phase::Classify, Phase::Assign] {
            let mut settled: Option<&str> = None;
            for p in placed.iter().filter(|p| p.rule.phase == phase) {
                if let Some(before) = settled {
                    let problem = Problem::error("R010", format!("rule `{}` can never match", p.rule.id))
                        .label(format!("`{before}` always matches before it"))
                        .note(format!("move it above `{before}`"));
                    self.report.add(&p.file, p.id_span, problem);
                }
                settled = settled.or_else(|| is_catch_all(&p.rule).then_some(p.rule.id.as_str()));
            }
        }
        // A catch-all that is not the last rule has been reported above; what could not be read may hold the catch-all.
        let last = placed.iter().rfind(|p| p.rule.phase == Phase::Assign && !p.rule.shadow);
        let found = placed.iter().any(|p| p.rule.phase == Phase::Assign && is_catch_all(&p.rule));
        if !found && !self.incomplete {
            let problem = Problem::error("R013", "phase assign has no catch-all")
                .label("some arrivals would get nobody")
                .note("end the last assign file with a rule of `when.always = true` and an owner")
                .note("it must be enabled, without `shadow`, `from` and `until`");
            let (file, span) = last.map_or(("40-assign.toml", (0, 0)), |p| (p.file.as_str(), p.id_span));
            self.report.add(file, span, problem);
        }
    }
}

fn is_catch_all(rule: &Rule) -> bool {
    matches!(rule.when, Condition::Always) && !rule.shadow && rule.from.is_none() && rule.until.is_none()
}

fn set_spans(rule: &Node) -> BTreeMap<String, (usize, usize)> {
    let set = rule.get("then").and_then(|t| t.get("set")).and_then(Node::as_table).unwrap_or(&[]);
    set.iter().map(|(k, _)| (k.name.clone(), k.span)).collect()
}

/// A TOML date as a moment; without an offset it is UTC.
fn timestamp(time: &toml_edit::Datetime, end: bool) -> Option<Timestamp> {
    let date = time.date?;
    let month = i8::try_from(date.month).ok()?;
    let date = jiff::civil::Date::new(i16::try_from(date.year).ok()?, month, i8::try_from(date.day).ok()?).ok()?;
    let clock = time.time.map_or((0, 0, 0), |t| (t.hour, t.minute, t.second.unwrap_or(0)));
    let at = date.at(i8::try_from(clock.0).ok()?, i8::try_from(clock.1).ok()?, i8::try_from(clock.2.min(59)).ok()?, 0);
    let utc = at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    let offset = match time.offset {
        Some(toml_edit::Offset::Custom { minutes }) => i64::from(minutes) * 60,
        Some(toml_edit::Offset::Z) | None => 0,
    };
    let moment = Timestamp::from_seconds(utc.saturating_sub(offset));
    let whole_day = end && time.time.is_none();
    Some(if whole_day { moment.after(Duration::from_hours(24)) } else { moment })
}
