//! `lists/*.txt`: one entry per line, `#` begins a comment at the start of a line or after a space.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Compiler, MAX_ENTRIES};
use crate::domain::rules::address::canonical_domain;
use crate::domain::rules::diagnostics::Problem;
use crate::domain::rules::fold::fold;
use crate::domain::rules::ir::List;
use crate::domain::rules::tree::Node;

impl Compiler<'_> {
    pub(super) fn read_lists(&mut self, files: &BTreeMap<String, (String, String)>) {
        for (name, (file, text)) in files {
            let mut list = List { name: name.clone(), folded: BTreeSet::new(), exact: BTreeSet::new() };
            for entry in text.trim_start_matches('\u{FEFF}').lines().filter_map(entry) {
                list.folded.insert(fold(entry).trim().to_owned());
                list.folded.extend(canonical_domain(entry.trim_start_matches('@')).filter(|d| d.contains('.')));
                list.exact.insert(entry.to_owned());
            }
            if list.exact.len() > MAX_ENTRIES {
                let problem = Problem::error("R020", format!("more than {MAX_ENTRIES} entries")).label("too long");
                self.report.add(file, (0, 0), problem.note("split the list"));
            }
            self.lists.insert(name.clone(), Arc::new(list));
        }
    }

    /// A list by name, without extension.
    pub(super) fn list(&mut self, file: &str, node: &Node) -> Option<Arc<List>> {
        let name = self.text(file, node)?;
        let found = self.lists.get(name.strip_suffix(".txt").unwrap_or(&name)).cloned();
        if found.is_none() {
            self.unknown_name(file, node.span, "list", &name, "lists/", |c| c.lists.keys().cloned().collect());
        }
        found
    }
}

/// The entry of a line, if it has one.
fn entry(line: &str) -> Option<&str> {
    let line = if line.starts_with('#') { "" } else { line.split_once(" #").map_or(line, |(before, _)| before) };
    let line = line.trim();
    (!line.is_empty()).then_some(line)
}
