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
use crate::domain::submission::Canonical;

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

/// It says where something came from or what it is for, which counts only of a proven sender.
fn routes(template: &Template) -> bool {
    const ROUTING: [Canonical; 4] = [Canonical::Source, Canonical::Medium, Canonical::Campaign, Canonical::InquiryKind];
    !template.fixed.is_empty() || ROUTING.iter().any(|field| template.fields.contains_key(field))
}

/// A folder that is a file, or that somebody named and that is not there; the default one need not be.
fn misnamed(folder: &Path) -> Option<Fault> {
    let fault = |message: &str| Fault { file: folder.display().to_string(), line: 1, message: message.to_owned() };
    match std::fs::metadata(folder) {
        Ok(found) if !found.is_dir() => Some(fault("is a file; name the folder that holds the files of templates")),
        Err(_) if folder.file_name() != TemplatesConfig::default().path.file_name() => {
            Some(fault("there is no such folder; create it or correct the path"))
        }
        _ => None,
    }
}

impl Templates {
    /// The templates of `folder`, and what is wrong with its files.
    #[must_use]
    pub fn load(folder: &Path) -> (Self, Vec<Fault>) {
        let (mut list, mut cases, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        faults.extend(misnamed(folder));
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

    /// The first template whose origin, kind or fixed values need the word of our own mail server, when none is named.
    #[must_use]
    pub fn unproven(&self, vouched: bool, form_senders: &[String]) -> Option<&str> {
        let known = |template: &Template| {
            template.from.iter().all(|sender| form_senders.iter().any(|known| known.eq_ignore_ascii_case(sender)))
        };
        let found = self.list.iter().find(|template| routes(template) && !known(template));
        found.filter(|_| !vouched).map(|template| template.name.as_str())
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

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTED: &str = "[[template]]\nname = \"portal\"\nfrom = [\"portal.example\"]\nfixed.source = \"portal\"\n\
                          fields.email = \"Email\"\n";

    #[test]
    fn a_folder_that_is_none_is_told() {
        let place = tempfile::tempdir().unwrap();
        let wrong = |name: &str| Templates::load(&place.path().join(name)).1;
        assert!(wrong("templates").is_empty(), "the default one need not be there");
        assert!(wrong("template").iter().any(|fault| fault.message.contains("no such folder")));
        std::fs::write(place.path().join("portal.toml"), ROUTED).unwrap();
        assert!(wrong("portal.toml").iter().any(|fault| fault.message.contains("is a file")));
    }

    #[test]
    fn what_counts_only_of_a_proven_sender_is_told() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("portal.toml"), ROUTED).unwrap();
        let (templates, faults) = Templates::load(place.path());
        assert!(faults.iter().all(|fault| fault.message.contains("no such folder")), "{faults:?}");
        assert_eq!(templates.unproven(false, &[]), Some("portal"));
        assert_eq!(templates.unproven(true, &[]), None);
        assert_eq!(templates.unproven(false, &["Portal.example".to_owned()]), None);
    }
}
