//! Reading keys of a table: which are allowed, and what shape their values must have.

use super::Compiler;
use crate::domain::rules::diagnostics::{Problem, listed, suggestion};
use crate::domain::rules::tree::{Key, Kind, Node, Span};

/// Longest text accepted for a name, reason, tag or stage, in bytes.
const MAX_NAME: usize = 120;

impl Compiler<'_> {
    /// Reports every key that is not allowed. `place` says of what: "a rule", "a pool member".
    pub(super) fn only_keys(&mut self, file: &str, pairs: &[(Key, Node)], allowed: &[&str], place: &str) {
        for (key, _) in pairs {
            if !allowed.contains(&key.name.as_str()) {
                self.unknown_key(file, key, allowed, place);
            }
        }
    }

    pub(super) fn unknown_key(&mut self, file: &str, key: &Key, allowed: &[&str], place: &str) {
        let problem = Problem::error("R002", format!("unknown key `{}` in {place}", key.name))
            .label(format!("not a key of {place}; {}", suggestion(&key.name, allowed.iter().copied())))
            .note(format!("keys of {place}: {}", listed(allowed.iter().copied())));
        self.report.add(file, key.span, problem);
    }

    /// Reports a key that must be there.
    pub(super) fn missing_key(&mut self, file: &str, span: Span, key: &str, place: &str, remedy: &str) {
        let problem = Problem::error("R002", format!("{place} has no `{key}`")).label("missing here").note(remedy);
        self.report.add(file, span, problem);
    }

    /// Reports a value of the wrong shape.
    pub(super) fn wrong_shape(&mut self, file: &str, node: &Node, expected: &str) {
        let problem = Problem::error("R004", format!("expected {expected}, found {}", node.describe()))
            .label(format!("must be {expected}"))
            .note(format!("write {expected} here"));
        self.report.add(file, node.span, problem);
    }

    /// A text that is not blank.
    pub(super) fn text(&mut self, file: &str, node: &Node) -> Option<String> {
        match node.as_text() {
            Some(text) if !text.trim().is_empty() => Some(text.to_owned()),
            Some(_) => {
                let problem = Problem::error("R004", "empty text").label("nothing is written here");
                self.report.add(file, node.span, problem.note("write a value, or remove the key"));
                None
            }
            None => {
                self.wrong_shape(file, node, "a text");
                None
            }
        }
    }

    /// A short text on one line.
    pub(super) fn name(&mut self, file: &str, node: &Node) -> Option<String> {
        let text = self.text(file, node)?;
        if text.len() <= MAX_NAME && !text.chars().any(char::is_control) {
            return Some(text.trim().to_owned());
        }
        let problem = Problem::error("R004", format!("longer than {MAX_NAME} bytes, or with control characters"));
        self.report.add(file, node.span, problem.label("too long for a name").note("use a short name on one line"));
        None
    }

    /// An identifier: lower-case letters, digits, `-` and `_`.
    pub(super) fn slug(&mut self, file: &str, node: &Node) -> Option<String> {
        let text = self.text(file, node)?;
        if is_slug(&text) {
            return Some(text);
        }
        let problem = Problem::error("R004", format!("`{}` is no identifier", cut(&text)))
            .label("use lower-case letters, digits, `-` and `_`, beginning with a letter or digit")
            .note("identifiers are stored with every decision, so they stay plain");
        self.report.add(file, node.span, problem);
        None
    }

    /// A boolean.
    pub(super) fn boolean(&mut self, file: &str, node: &Node) -> Option<bool> {
        if let Kind::Bool(b) = node.kind {
            return Some(b);
        }
        self.wrong_shape(file, node, "true or false");
        None
    }

    /// An integer within bounds.
    pub(super) fn integer(&mut self, file: &str, node: &Node, from: i64, to: i64) -> Option<i64> {
        match node.kind {
            Kind::Integer(n) if (from..=to).contains(&n) => Some(n),
            Kind::Integer(n) => {
                let problem = Problem::error("R004", format!("{n} is out of range"))
                    .label(format!("must be a whole number from {from} to {to}"))
                    .note("correct the number");
                self.report.add(file, node.span, problem);
                None
            }
            _ => {
                self.wrong_shape(file, node, &format!("a whole number from {from} to {to}"));
                None
            }
        }
    }

    /// A text, or a list of texts, with the node of each.
    pub(super) fn one_or_many<'n>(&mut self, file: &str, node: &'n Node) -> Vec<&'n Node> {
        let nodes: Vec<&Node> = node.as_list().map_or_else(|| vec![node], |list| list.iter().collect());
        if nodes.is_empty() {
            let problem = Problem::error("R004", "empty list").label("nothing can be found in an empty list");
            self.report.add(file, node.span, problem.note("add a value, or remove the key"));
        }
        nodes
    }
}

/// Whether a text is an identifier.
pub(super) fn is_slug(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let rest = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'));
    first && rest && text.len() <= MAX_NAME
}

/// A text cut to what fits into a message.
pub(super) fn cut(text: &str) -> String {
    let shown: String = text.chars().take(40).filter(|c| !c.is_control()).collect();
    if text.chars().count() > 40 { format!("{shown}…") } else { shown }
}
