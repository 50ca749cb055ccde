//! `[templates]`: the operator's own templates for the mails of portals, one folder of files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::hook::files;
use crate::domain::hooks::Fault;
use crate::domain::reading::template::case::Case;
use crate::domain::reading::template::{self, Template};

/// Most templates of all files.
const MOST: usize = 500;

/// `[templates]`: how the mails of portals are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TemplatesConfig {
    /// Folder of your templates (`NAME.toml`, each with `[[template]]` tables, see `config/templates.md`); it need not be
    /// there. Watched.
    pub path: PathBuf,
}

impl Default for TemplatesConfig {
    fn default() -> Self {
        Self { path: PathBuf::from("templates") }
    }
}

/// The templates in force, in the order in which they are tried: that of the files' names, then as written.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    list: Arc<Vec<Template>>,
    cases: Arc<Vec<TemplateCase>>,
}

/// A case of a template with its place.
#[derive(Debug, Clone)]
pub struct TemplateCase {
    /// The file.
    pub file: PathBuf,
    /// Its line there, from 1.
    pub line: usize,
    /// The template.
    pub template: Template,
    /// The case.
    pub case: Case,
}

impl Templates {
    /// The templates of `folder`, and what is wrong with its files.
    #[must_use]
    pub fn load(folder: &Path) -> (Self, Vec<Fault>) {
        let (mut list, mut cases, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        let mut places: BTreeMap<String, String> = BTreeMap::new();
        for (path, text) in files(folder) {
            let file = path.display().to_string();
            let text = text.map_err(|error| Fault {
                file: file.clone(),
                line: 1,
                message: format!("cannot be read: {error}"),
            });
            let written = match text.and_then(|text| template::parse(&file, &text)) {
                Ok(written) => written,
                Err(fault) => {
                    faults.push(fault);
                    continue;
                }
            };
            for one in written {
                let fault = |message: String| Fault { file: file.clone(), line: one.line, message };
                let name = one.template.name.clone();
                if let Some(before) = places.insert(name.clone(), format!("{file}:{}", one.line)) {
                    faults.push(fault(format!("name: there is a template {name} already, at {before}")));
                    continue;
                }
                if list.len() >= MOST {
                    faults.push(fault(format!("more than {MOST} templates")));
                    return (Self::default(), faults);
                }
                let template = &one.template;
                cases.extend(one.cases.into_iter().map(|(line, case)| TemplateCase {
                    file: path.clone(),
                    line,
                    template: template.clone(),
                    case,
                }));
                list.push(one.template);
            }
        }
        (Self { list: Arc::new(list), cases: Arc::new(cases) }, faults)
    }

    /// What reading needs of them.
    #[must_use]
    pub fn readings(&self) -> Vec<Template> {
        Vec::clone(&self.list)
    }

    /// Their names, by which rules know them.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.list.iter().map(|template| template.name.clone()).collect()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.list.len()
    }

    /// Their cases, in order.
    #[must_use]
    pub fn cases(&self) -> &[TemplateCase] {
        &self.cases
    }
}
