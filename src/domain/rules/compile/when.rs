//! `when`: facts by path, joined by and; `any`, `all` and `none` nest at most two deep.

use super::Compiler;
use super::matcher::{Subject, is_table};
use crate::domain::rules::diagnostics::{Problem, listed, nearest};
use crate::domain::rules::ir::{Condition, Phase};
use crate::domain::rules::tree::{Key, Kind, Node};

/// How certain it is that a predicate holds when the rule matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Always.
    Certain,
    /// Inside `any`.
    Maybe,
    /// Inside `none` or `not`.
    Never,
}

/// Named groups found under a `when`: name, where, and whether the group is always set when its pattern matches.
pub(super) type Captures = Vec<(String, Scope, bool)>;

const MAX_NESTING: usize = 2;

/// Where a `when` belongs.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    pub file: &'p str,
    pub phase: Phase,
    scope: Scope,
    depth: usize,
}

impl<'p> Place<'p> {
    pub(super) const fn top(file: &'p str, phase: Phase) -> Self {
        Self { file, phase, scope: Scope::Certain, depth: 0 }
    }

    const fn inside(self, scope: Scope) -> Self {
        Self { depth: self.depth + 1, scope, ..self }
    }
}

impl Compiler<'_> {
    /// Lowers a `when` table.
    pub(super) fn when(&mut self, place: Place<'_>, node: &Node, found: &mut Captures) -> Option<Condition> {
        let Some(pairs) = node.as_table() else {
            self.wrong_shape(place.file, node, "a table of facts");
            return None;
        };
        if let Some(always) = node.get("always") {
            return self.always(place, node, always);
        }
        if pairs.is_empty() {
            let problem = Problem::error("R004", "`when` is empty").label("when does the rule match?");
            self.report.add(place.file, node.span, problem.note("write `when.always = true` if it always matches"));
            return None;
        }
        let mut all = Vec::new();
        self.facts(place, "", pairs, &mut all, found);
        let only = if all.len() == 1 { all.pop() } else { None };
        Some(only.unwrap_or(Condition::All(all)))
    }

    fn always(&mut self, place: Place<'_>, node: &Node, always: &Node) -> Option<Condition> {
        let alone = node.as_table().is_some_and(|pairs| pairs.len() == 1);
        if matches!(always.kind, Kind::Bool(true)) && alone && place.depth == 0 {
            return Some(Condition::Always);
        }
        let problem = Problem::error("R004", "`always` stands alone")
            .label("must be the only condition, and true")
            .note("remove `always`, or everything beside it");
        self.report.add(place.file, always.span, problem);
        None
    }

    fn facts(
        &mut self,
        place: Place<'_>,
        prefix: &str,
        pairs: &[(Key, Node)],
        out: &mut Vec<Condition>,
        found: &mut Captures,
    ) {
        for (key, node) in pairs {
            let path = if prefix.is_empty() { key.name.clone() } else { format!("{prefix}.{}", key.name) };
            match path.as_str() {
                "any" => out.extend(self.branches(place, Scope::Maybe, node, found).map(Condition::Any)),
                "all" => out.extend(self.branches(place, place.scope, node, found).map(Condition::All)),
                "none" => out.extend(self.branches(place, Scope::Never, node, found).map(Condition::None)),
                _ => self.fact(place, &path, key, node, out, found),
            }
        }
    }

    fn fact(
        &mut self,
        place: Place<'_>,
        path: &str,
        key: &Key,
        node: &Node,
        out: &mut Vec<Condition>,
        found: &mut Captures,
    ) {
        if let Some(info) = self.schema.get(path).cloned() {
            if let Some(said) = self.schema.ambiguity(path) {
                let problem = Problem::error("R004", format!("`{path}` has several types")).label(said.to_owned());
                let problem = problem.note("declare the field with one type in every form, or rename one of them");
                return self.report.add(place.file, key.span, problem);
            }
            if info.from_enrich && place.phase < Phase::Classify {
                let problem =
                    Problem::error("R003", format!("`{path}` does not exist yet in phase {}", place.phase.as_str()))
                        .label("set by enrich rules")
                        .note("facts that enrich rules set are visible to classify and assign");
                return self.report.add(place.file, key.span, problem);
            }
            let subject = Subject { path, info: &info, scope: place.scope };
            return out.extend(self.matcher(place.file, &subject, node, found).into_iter().map(Condition::Fact));
        }
        if self.schema.is_group(path) && is_table(node) {
            return self.facts(place, path, node.as_table().unwrap_or(&[]), out, found);
        }
        self.unknown_fact(place.file, path, key);
    }

    fn unknown_fact(&mut self, file: &str, path: &str, key: &Key) {
        let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
        let siblings: Vec<&str> = if parent.is_empty() {
            let mut heads: Vec<&str> = self.schema.below("").filter_map(|n| n.split('.').next()).collect();
            heads.dedup();
            heads.extend(["always", "any", "all", "none"]);
            heads
        } else {
            self.schema.below(parent).collect()
        };
        let meant = nearest(name, siblings.iter().copied()).map_or(String::new(), |n| format!("; did you mean `{n}`?"));
        let forms: Vec<&str> = self.declared.forms.keys().map(String::as_str).collect();
        let problem = if parent == "form" {
            let of = match forms.as_slice() {
                [one] => format!("form \"{one}\""),
                _ => "any form".to_owned(),
            };
            Problem::error("R003", format!("unknown form field `{name}`"))
                .label(format!("not a field of {of}{meant}"))
                .note(format!("fields: {}", listed(siblings)))
                .note("form fields are declared in the configuration, under [[form.field]]")
        } else {
            let home = if parent.is_empty() { "facts".to_owned() } else { format!("facts of `{parent}`") };
            Problem::error("R003", format!("unknown fact `{path}`"))
                .label(format!("does not exist{meant}"))
                .note(format!("{home}: {}", listed(siblings)))
        };
        self.report.add(file, key.span, problem);
    }

    fn branches(
        &mut self,
        place: Place<'_>,
        scope: Scope,
        node: &Node,
        found: &mut Captures,
    ) -> Option<Vec<Condition>> {
        let inner = place.inside(if place.scope == Scope::Never { Scope::Never } else { weaker(place.scope, scope) });
        if inner.depth > MAX_NESTING {
            let problem = Problem::error("R020", "conditions nested more than two deep").label("too deep to be read");
            self.report.add(place.file, node.span, problem.note("split the rule, or use a list in lists/"));
            return None;
        }
        let Some(nodes) = node.as_list().filter(|nodes| !nodes.is_empty()) else {
            self.wrong_shape(place.file, node, "a list of conditions, each in { }");
            return None;
        };
        let branches: Vec<Condition> = nodes.iter().filter_map(|n| self.when(inner, n, found)).collect();
        (branches.len() == nodes.len()).then_some(branches)
    }
}

/// The less certain of two scopes.
const fn weaker(outer: Scope, inner: Scope) -> Scope {
    match (outer, inner) {
        (Scope::Never, _) | (_, Scope::Never) => Scope::Never,
        (Scope::Maybe, _) | (_, Scope::Maybe) => Scope::Maybe,
        _ => Scope::Certain,
    }
}
