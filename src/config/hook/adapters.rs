//! `[adapters]`: the built-in adapters and the operator's own folder. The built-in ones are files like any other; an own
//! file of the same name takes their place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::hooks::{Adapter, Fault, HookReading};

macro_rules! built_in {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../../../config/adapters/", $name, ".toml")))),*]
    };
}

/// The built-in adapters: name and text.
pub const BUILT_IN_ADAPTERS: &[(&str, &str)] = built_in!(
    "basic" "bearer" "calendly" "contact-form-7" "elementor" "formstack" "google-lead-form" "gravity-forms" "hmac"
    "hubspot" "jotform" "leadpages" "linkedin-lead-gen" "meta-lead-ads" "mime" "opnform" "secret-address"
    "standard-webhooks" "stripe-style" "tally" "tiktok" "typeform" "unbounce" "webflow" "wpforms" "wufoo"
);

/// Most bytes of an adapter file.
const LARGEST: u64 = 256 << 10;

/// `[adapters]`: what requests of third parties look like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptersConfig {
    /// Folder of your own adapters (`NAME.toml`), beside the built-in ones; it need not be there. Watched.
    pub path: PathBuf,
}

impl Default for AdaptersConfig {
    fn default() -> Self {
        Self { path: PathBuf::from("adapters") }
    }
}

/// The adapters in force, by name.
#[derive(Debug, Clone, Default)]
pub struct Adapters(Arc<BTreeMap<String, Arc<Adapter>>>);

impl Adapters {
    /// The built-in adapters and those of `folder`, and what is wrong with its files.
    #[must_use]
    pub fn load(folder: Option<&Path>) -> (Self, Vec<Fault>) {
        let mut all = BTreeMap::new();
        let (mut faults, mut unreadable) = (Vec::new(), Vec::new());
        let mut take = |name: &str, file: &str, text: &str| match Adapter::parse(name, file, text) {
            Ok(adapter) => drop(all.insert(name.to_owned(), Arc::new(adapter))),
            Err(fault) => faults.push(fault),
        };
        for (name, text) in BUILT_IN_ADAPTERS {
            take(name, &format!("built-in adapters/{name}.toml"), text);
        }
        for (path, text) in folder.map(files).unwrap_or_default() {
            let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let file = path.display().to_string();
            match text {
                Ok(text) => take(&name, &file, &text),
                Err(error) => unreadable.push(Fault { file, line: 1, message: format!("cannot be read: {error}") }),
            }
        }
        faults.extend(unreadable);
        (Self(Arc::new(all)), faults)
    }

    /// The adapter of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Adapter>> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Adapter>> {
        self.0.values()
    }

    /// What to say about a name that there is not.
    #[must_use]
    pub fn unknown(&self, name: &str) -> String {
        let near = self.0.keys().map(|known| (strsim::damerau_levenshtein(known, name), known)).min();
        match near {
            Some((distance, known)) if !name.is_empty() && distance <= 3 => {
                format!("there is no adapter \"{name}\"; did you mean {known}? `pisteur hooks adapters` lists them")
            }
            _ => format!("there is no adapter \"{name}\"; `pisteur hooks adapters` lists them"),
        }
    }
}

/// Adapter files of a folder with their texts, by name; none when there is no such folder.
#[must_use]
pub fn files(folder: &Path) -> Vec<(PathBuf, std::io::Result<String>)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "toml") && path.is_file());
    paths.sort();
    let read = |path: &PathBuf| {
        if std::fs::metadata(path)?.len() > LARGEST {
            return Err(std::io::Error::other("larger than 256 KiB"));
        }
        std::fs::read_to_string(path)
    };
    paths.into_iter().map(|path| (path.clone(), read(&path))).collect()
}

/// How arrivals of the hooks are read, by id.
#[must_use]
pub fn readings(hooks: &[super::HookConfig], adapters: &Adapters) -> BTreeMap<String, HookReading> {
    let one = |hook: &super::HookConfig| {
        let adapter = adapters.get(&hook.adapter)?;
        // A mail is read as a mail.
        (!adapter.mail).then(|| (hook.id.clone(), hook.reading(adapter)))
    };
    hooks.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_adapter_compiles_and_says_whether_it_is_certain() {
        let (adapters, faults) = Adapters::load(None);
        assert_eq!(faults, []);
        let verified: Vec<&str> = adapters.iter().filter(|a| a.verified).map(|a| a.name.as_str()).collect();
        let expected = "basic bearer google-lead-form hmac jotform linkedin-lead-gen meta-lead-ads mime secret-address \
                        standard-webhooks stripe-style tally typeform webflow";
        assert_eq!(verified.join(" "), expected);
        assert!(adapters.iter().filter(|a| !a.verified).all(|a| !a.note.is_empty()));
    }

    #[test]
    fn every_file_of_the_folder_is_built_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/adapters");
        let names: Vec<String> =
            files(&folder).iter().map(|(p, _)| p.file_stem().unwrap().to_string_lossy().into_owned()).collect();
        assert_eq!(names, BUILT_IN_ADAPTERS.iter().map(|(n, _)| (*n).to_owned()).collect::<Vec<_>>());
    }

    #[test]
    fn an_own_file_takes_the_place_of_a_built_in_one_and_a_bad_one_names_its_line() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("typeform.toml"), "title = \"Mine\"\n[[verify]]\nkind = \"path\"\n").unwrap();
        std::fs::write(folder.path().join("bad.toml"), "title = \"Bad\"\n\n[request]\nid = \"a[\"\n").unwrap();
        std::fs::write(folder.path().join("README.md"), "no adapter").unwrap();
        let (adapters, faults) = Adapters::load(Some(folder.path()));
        assert_eq!(adapters.get("typeform").unwrap().title, "Mine");
        assert_eq!(faults.len(), 1);
        assert!(faults[0].file.ends_with("bad.toml") && faults[0].line == 4, "{}", faults[0]);
    }
}
