//! Sorting the files of a folder: which is what, and which should not be there.

use std::collections::BTreeMap;

use super::keys::is_slug;
use super::{Compiler, MAX_FILE_BYTES};
use crate::domain::rules::RuleSources;
use crate::domain::rules::diagnostics::{Problem, nearest};
use crate::domain::rules::ir::Phase;
use crate::domain::rules::schema::FactType;
use crate::domain::rules::tree::{Kind, Node};

/// The files of a folder, parsed and sorted.
#[derive(Debug, Default)]
pub(super) struct Folder {
    pub settings: Option<(String, Node)>,
    pub people: Option<(String, Node)>,
    pub pools: Option<(String, Node)>,
    /// List name -> (file, content).
    pub lists: BTreeMap<String, (String, String)>,
    /// Table name -> (file, content).
    pub tables: BTreeMap<String, (String, String)>,
    /// Rule files in name order.
    rules: Vec<(Phase, String, Node)>,
}

impl Folder {
    /// The rule files of a phase, in name order.
    pub(super) fn phase_files(&self, phase: Phase) -> impl Iterator<Item = (&str, &Node)> {
        self.rules.iter().filter(move |(p, _, _)| *p == phase).map(|(_, file, node)| (file.as_str(), node))
    }
}

/// What a path says a file is.
enum Role {
    Settings,
    People,
    Pools,
    List(String),
    Table(String),
    Rules(Phase),
    Unknown(String),
}

fn role(path: &str) -> Role {
    match path {
        "rules.toml" => return Role::Settings,
        "people.toml" => return Role::People,
        "pools.toml" => return Role::Pools,
        _ => {}
    }
    if let Some(name) = path.strip_prefix("lists/").and_then(|n| n.strip_suffix(".txt")) {
        return Role::List(name.to_owned());
    }
    if let Some(name) = path.strip_prefix("tables/").and_then(|n| n.strip_suffix(".csv")) {
        return Role::Table(name.to_owned());
    }
    let first = path.split('/').next().unwrap_or_default();
    let stem = first.strip_suffix(".toml").unwrap_or(first);
    let word = stem.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches(['-', '_']);
    match Phase::parse(word).filter(|_| path.strip_suffix(".toml").is_some_and(|p| p.matches('/').count() <= 1)) {
        Some(phase) => Role::Rules(phase),
        None => Role::Unknown(stem.to_owned()),
    }
}

impl Compiler<'_> {
    /// Parses and sorts every file.
    pub(super) fn sort_files(&mut self, sources: &RuleSources) -> Folder {
        let mut folder = Folder::default();
        for (path, text) in &sources.files {
            if text.len() > MAX_FILE_BYTES {
                let problem = Problem::error("R020", format!("file larger than {MAX_FILE_BYTES} bytes"));
                self.report.add(path, (0, 0), problem.label("too big").note("split it, or move data into lists/"));
                continue;
            }
            match role(path) {
                Role::List(name) => drop(folder.lists.insert(name, (path.clone(), text.clone()))),
                Role::Table(name) => drop(folder.tables.insert(name, (path.clone(), text.clone()))),
                Role::Unknown(stem) => self.unknown_file(path, &stem),
                Role::Settings => folder.settings = self.document(path, text),
                Role::People => folder.people = self.document(path, text),
                Role::Pools => folder.pools = self.document(path, text),
                Role::Rules(phase) => {
                    if let Some((file, node)) = self.document(path, text) {
                        self.check_rule_file(&file, phase, &node);
                        folder.rules.push((phase, file, node));
                    }
                }
            }
        }
        folder
    }

    fn unknown_file(&mut self, path: &str, stem: &str) {
        let known =
            ["rules", "people", "pools", "10-guard", "20-enrich", "30-classify", "40-assign", "lists", "tables"];
        let meant = nearest(stem, known).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        let problem = Problem::error("R002", format!("`{path}` is no file of a rules folder"))
            .label(format!("nothing reads this file{meant}"))
            .note("rule files are named NN-guard.toml, NN-enrich.toml, NN-classify.toml, NN-assign.toml, or lie in such a folder")
            .note("lists are lists/NAME.txt, tables are tables/NAME.csv");
        self.report.add(path, (0, 0), problem);
    }

    fn document(&mut self, path: &str, text: &str) -> Option<(String, Node)> {
        match Node::parse(text) {
            Ok(node) => Some((path.to_owned(), node)),
            Err((span, said)) => {
                let mut problem = Problem::error("R001", "this is not TOML").label(said.clone());
                problem = problem.note("correct the syntax here; texts need quotes, also postcodes such as \"06000\"");
                self.report.add(path, span, problem);
                self.incomplete = true;
                None
            }
        }
    }

    fn check_rule_file(&mut self, file: &str, phase: Phase, document: &Node) {
        let pairs = document.as_table().unwrap_or(&[]);
        self.only_keys(file, pairs, &["rule", "phase"], "a rule file");
        if let Some(said) = document.get("phase") {
            let agrees = said.as_text() == Some(phase.as_str());
            if !agrees {
                let problem = Problem::error("R004", "the phase contradicts the file name")
                    .label(format!("by its name this is a file of phase {}", phase.as_str()))
                    .note("rename the file, or remove the key");
                self.report.add(file, said.span, problem);
            }
        }
        if let Some(rules) = document.get("rule") {
            match rules.as_list() {
                None => self.wrong_shape(file, rules, "rules, each beginning with [[rule]]"),
                Some(nodes) => {
                    for node in nodes.iter().filter(|n| n.as_table().is_none()) {
                        self.wrong_shape(file, node, "a rule, beginning with [[rule]]");
                    }
                }
            }
        }
    }

    /// `rules.toml`.
    pub(super) fn settings(&mut self, file: Option<&(String, Node)>) {
        let remedy = "begin rules.toml with `language = 1`";
        let Some((file, document)) = file else {
            return self.missing_key("rules.toml", (0, 0), "language", "the rules folder", remedy);
        };
        let pairs = document.as_table().unwrap_or(&[]);
        self.only_keys(file, pairs, &["language", "currency", "facts"], "rules.toml");
        match document.get("language") {
            None => self.missing_key(file, (0, 0), "language", "rules.toml", remedy),
            Some(Node { kind: Kind::Integer(1), .. }) => {}
            Some(other) => {
                let problem = Problem::error("R004", "this language version is not known").label("only 1 is known");
                self.report.add(file, other.span, problem.note("write `language = 1`, or update the program"));
            }
        }
        if let Some(node) = document.get("currency") {
            self.currency = self.currency_code(file, node);
        }
        for (key, node) in document.get("facts").and_then(Node::as_table).unwrap_or(&[]) {
            self.declare_fact(file, &key.name, key.span, node);
        }
    }

    /// `facts = { quantity = "number" }`: types of facts that enrich rules set.
    fn declare_fact(&mut self, file: &str, name: &str, span: (usize, usize), node: &Node) {
        let kind = match node.as_text() {
            Some("text") => FactType::Text,
            Some("number") => FactType::Number,
            Some("money") => FactType::Money,
            Some("bool") => FactType::Bool,
            _ => return self.wrong_shape(file, node, "\"text\", \"number\", \"money\" or \"bool\""),
        };
        if !is_slug(name) || self.schema.get(name).is_some() || self.schema.is_group(name) {
            let problem = Problem::error("R003", format!("`{name}` cannot be declared as a fact"))
                .label("exists already, or is no identifier")
                .note("choose another name of lower-case letters, digits and `_`");
            return self.report.add(file, span, problem);
        }
        self.schema.add_set(name, kind);
    }
}
