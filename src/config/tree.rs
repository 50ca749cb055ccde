//! The configuration as a tree that remembers where each value came from: a place in the file or an environment
//! variable. It is only the layer between text and typed sections; it knows no key by name.
//!
//! Invariants:
//! - a value from the environment replaces the one of the file and carries the variable's name;
//! - a variable whose text could be several types keeps the other readings, tried in order when the first is refused.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{ConfigError, Placed, Problem, reword};

/// Prefix of every overriding variable; segments are joined by two underscores.
pub(super) const ENV_PREFIX: &str = "PISTEUR__";

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// Byte offset in the file.
    File(usize),
    /// Name of a variable.
    Env(String),
}

#[derive(Debug, Clone)]
struct Node {
    origin: Origin,
    /// Position in its list as written; elements taken out do not change it.
    index: usize,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Leaf { value: toml::Value, others: Vec<toml::Value> },
    Array(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

/// A parsed file with the environment laid over it.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    root: Node,
    name: String,
    text: String,
}

impl Tree {
    /// Parses `text`; `name` is how its file is called in problems.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self, ConfigError> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let tree = Self {
            root: Node { origin: Origin::File(0), index: 0, content: table_content(table.into_inner(), text) },
            name: name.to_owned(),
            text: text.to_owned(),
        };
        if errors.is_empty() {
            return Ok(tree);
        }
        let placed = errors.iter().map(|e| Placed {
            place: tree.place(&Origin::File(e.span().map_or(0, |s: Range<usize>| s.start))),
            key: String::new(),
            message: format!("this is not TOML: {}", e.message().lines().next().unwrap_or_default()),
        });
        Err(ConfigError::Invalid(placed.collect()))
    }

    /// Lays `PISTEUR__..` variables over the file. Others are ignored.
    pub(super) fn overlay(&mut self, env: &[(String, String)]) -> Vec<Placed> {
        let mut sorted: Vec<_> = env.iter().filter(|(name, _)| name.starts_with(ENV_PREFIX)).collect();
        sorted.sort();
        let mut problems = Vec::new();
        for (name, value) in sorted {
            let path = name.strip_prefix(ENV_PREFIX).unwrap_or_default().to_lowercase();
            let path: Vec<&str> = path.split("__").collect();
            if path.iter().any(|s| s.is_empty()) {
                problems.push(env_problem(name, "write PISTEUR__SECTION__KEY, parts joined by two underscores"));
            } else if let Err(message) = self.root.set(&path, name, value) {
                problems.push(env_problem(name, &message));
            }
        }
        problems
    }

    /// Reads the tree into a typed value. Every problem is collected: a refused value is taken out and the rest read
    /// again, so that one mistake does not hide the next.
    pub(super) fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, Vec<Placed>> {
        let mut work = self.clone();
        let mut problems: Vec<Placed> = Vec::new();
        // Bounded: each round takes a value out or changes one reading.
        for _ in 0..1_000 {
            let error = match serde_path_to_error::deserialize(work.root.value()) {
                Ok(value) if problems.is_empty() => return Ok(value),
                Ok(_) => break,
                Err(e) => e,
            };
            let key = match error.path().to_string() {
                p if p == "." => String::new(),
                p => p.replace('[', ".").replace(']', ""),
            };
            let path: Vec<&str> = key.split('.').filter(|s| !s.is_empty()).collect();
            if work.root.next_reading(&path) {
                continue;
            }
            let key = work.root.as_written(&path).join(".");
            let message = reword(error.inner().message(), &key);
            // A value taken out earlier may now be missing: that is not a second problem.
            let missing = message.strip_prefix("the key \"").and_then(|m| m.split('"').next());
            let removed = missing.map(|name| Problem::new(name, "").under(&key).key);
            if !problems.iter().any(|p| Some(&p.key) == removed.as_ref()) {
                problems.push(self.placed(&key, &message));
            }
            if path.is_empty() || !work.root.remove(&path) {
                break;
            }
        }
        problems.sort_by_key(|p| self.offset(&p.key));
        Err(problems)
    }

    /// `message` about `key`, with the place of the key or of the nearest table around it.
    pub(super) fn placed(&self, key: &str, message: &str) -> Placed {
        let path: Vec<&str> = key.split('.').filter(|s| !s.is_empty()).collect();
        Placed { place: self.place(&self.root.origin_of(&path)), key: key.to_owned(), message: message.to_owned() }
    }

    /// Puts problems in the order of the file, those of variables last.
    pub(super) fn sort(&self, problems: &mut [Problem]) {
        problems.sort_by_key(|p| self.offset(&p.key));
    }

    fn offset(&self, key: &str) -> usize {
        let path: Vec<&str> = key.split('.').filter(|s| !s.is_empty()).collect();
        match self.root.origin_of(&path) {
            Origin::File(offset) => offset,
            Origin::Env(_) => usize::MAX,
        }
    }

    fn place(&self, origin: &Origin) -> String {
        match origin {
            Origin::Env(name) => name.clone(),
            Origin::File(offset) => {
                let before = self.text.get(..*offset).unwrap_or(&self.text);
                let line = before.matches('\n').count() + 1;
                let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
                format!("{}:{line}:{column}", self.name)
            }
        }
    }
}

fn env_problem(name: &str, message: &str) -> Placed {
    Placed { place: name.to_owned(), key: String::new(), message: message.to_owned() }
}

impl Node {
    fn value(&self) -> toml::Value {
        match &self.content {
            Content::Leaf { value, .. } => value.clone(),
            Content::Array(items) => toml::Value::Array(items.iter().map(Self::value).collect()),
            Content::Table(map) => toml::Value::Table(map.iter().map(|(k, v)| (k.clone(), v.value())).collect()),
        }
    }

    fn child(&self, segment: &str) -> Option<&Self> {
        match &self.content {
            Content::Leaf { .. } => None,
            Content::Array(items) => segment.parse::<usize>().ok().and_then(|i| items.get(i)),
            Content::Table(map) => map.get(segment),
        }
    }

    fn child_mut(&mut self, segment: &str) -> Option<&mut Self> {
        match &mut self.content {
            Content::Leaf { .. } => None,
            Content::Array(items) => segment.parse::<usize>().ok().and_then(|i| items.get_mut(i)),
            Content::Table(map) => map.get_mut(segment),
        }
    }

    fn origin_of(&self, path: &[&str]) -> Origin {
        match path.split_first().and_then(|(first, rest)| Some((self.child(first)?, rest))) {
            Some((child, rest)) => child.origin_of(rest),
            None => self.origin.clone(),
        }
    }

    /// `path` with list positions as they were before elements were taken out.
    fn as_written(&self, path: &[&str]) -> Vec<String> {
        let Some((first, rest)) = path.split_first() else { return Vec::new() };
        let Some(child) = self.child(first) else { return path.iter().map(ToString::to_string).collect() };
        let first =
            if matches!(self.content, Content::Array(_)) { child.index.to_string() } else { (*first).to_owned() };
        [vec![first], child.as_written(rest)].concat()
    }

    /// Changes a variable's value on the way to `path` to its next reading.
    fn next_reading(&mut self, path: &[&str]) -> bool {
        if let Content::Leaf { value, others } = &mut self.content {
            return others.pop().is_some_and(|next| {
                *value = next;
                true
            });
        }
        match path.split_first() {
            Some((first, rest)) => self.child_mut(first).is_some_and(|c| c.next_reading(rest)),
            None => false,
        }
    }

    fn remove(&mut self, path: &[&str]) -> bool {
        match path {
            [] => false,
            [last] => match &mut self.content {
                Content::Table(map) => map.remove(*last).is_some(),
                Content::Array(items) => match last.parse::<usize>().ok().filter(|i| *i < items.len()) {
                    Some(i) => {
                        items.remove(i);
                        true
                    }
                    None => false,
                },
                Content::Leaf { .. } => false,
            },
            [first, rest @ ..] => {
                self.child_mut(first).is_some_and(|child| child.remove(rest))
                    || self.remove(std::slice::from_ref(first))
            }
        }
    }

    fn set(&mut self, path: &[&str], name: &str, text: &str) -> Result<(), String> {
        let Some((first, rest)) = path.split_first() else {
            self.origin = Origin::Env(name.to_owned());
            self.content = readings(text);
            return Ok(());
        };
        match &mut self.content {
            Content::Leaf { .. } => {
                Err(format!("\"{first}\" cannot be set: the key before it holds a plain value, not a table"))
            }
            Content::Table(map) => {
                let key = map.keys().find(|k| same_word(k, first)).cloned().unwrap_or_else(|| (*first).to_owned());
                map.entry(key).or_insert_with(|| Self::new_under(rest, name)).set(rest, name, text)
            }
            Content::Array(items) => {
                let index = match first.parse::<usize>() {
                    Ok(i) => i,
                    Err(_) => items
                        .iter()
                        .position(|n| n.child("id").is_some_and(|id| id.is_text(first)))
                        .ok_or_else(|| format!("there is no element with id \"{first}\"; use its id or its index"))?,
                };
                if index == items.len() {
                    items.push(Self { index, ..Self::new_under(rest, name) });
                }
                match items.get_mut(index) {
                    Some(item) => item.set(rest, name, text),
                    None => Err(format!("index {index} leaves a gap: there are {} elements", items.len())),
                }
            }
        }
    }

    /// An empty node fit to take `rest`: a list when the next part is an index, else a table.
    fn new_under(rest: &[&str], name: &str) -> Self {
        let content = match rest.first() {
            Some(next) if next.parse::<usize>().is_ok() => Content::Array(Vec::new()),
            _ => Content::Table(BTreeMap::new()),
        };
        Self { origin: Origin::Env(name.to_owned()), index: 0, content }
    }

    fn is_text(&self, word: &str) -> bool {
        matches!(&self.content, Content::Leaf { value: toml::Value::String(s), .. } if same_word(s, word))
    }
}

/// Variables are upper case and know no dash.
fn same_word(key: &str, word: &str) -> bool {
    key.len() == word.len() && key.chars().zip(word.chars()).all(|(a, b)| fold(a) == fold(b))
}

fn fold(c: char) -> char {
    if c == '-' { '_' } else { c.to_ascii_lowercase() }
}

/// What a variable's text may mean: TOML (number, true, list), the text itself, a list of texts split at commas.
fn readings(text: &str) -> Content {
    let plain = toml::Value::String(text.to_owned());
    let list = text.split(',').map(str::trim).filter(|s| !s.is_empty()).map(|s| toml::Value::String(s.to_owned()));
    let list = toml::Value::Array(list.collect());
    let parsed = toml::from_str::<toml::Table>(&format!("value = {text}")).ok().and_then(|mut t| t.remove("value"));
    match parsed {
        Some(value) if !text.contains('\n') => Content::Leaf { value, others: vec![list, plain] },
        _ => Content::Leaf { value: plain, others: vec![list] },
    }
}

fn table_content(table: DeTable<'_>, text: &str) -> Content {
    let entries = table.into_iter().map(|(key, value)| {
        let origin = Origin::File(key.span().start);
        (key.into_inner().into_owned(), Node { origin, index: 0, content: content(value.into_inner(), text) })
    });
    Content::Table(entries.collect())
}

fn content(value: DeValue<'_>, text: &str) -> Content {
    let leaf = |value| Content::Leaf { value, others: Vec::new() };
    match value {
        DeValue::Table(table) => table_content(table, text),
        DeValue::Array(items) => Content::Array(
            items
                .into_iter()
                .enumerate()
                .map(|(index, item): (usize, Spanned<DeValue<'_>>)| Node {
                    origin: Origin::File(item.span().start),
                    index,
                    content: content(item.into_inner(), text),
                })
                .collect(),
        ),
        DeValue::String(s) => leaf(toml::Value::String(s.into_owned())),
        DeValue::Boolean(b) => leaf(toml::Value::Boolean(b)),
        DeValue::Datetime(d) => leaf(toml::Value::Datetime(d)),
        DeValue::Integer(i) => leaf(
            i64::from_str_radix(i.as_str(), i.radix())
                .map_or_else(|_| toml::Value::String(i.as_str().to_owned()), toml::Value::Integer),
        ),
        DeValue::Float(x) => leaf(toml::Value::Float(x.as_str().parse().unwrap_or(f64::NAN))),
    }
}
