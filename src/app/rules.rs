//! The rule set in force: from the folder, or the last good one when the folder is broken.
//!
//! Invariant: a set that does not compile never replaces one that does; the last good set survives a restart.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::Config;
use crate::config::rules_folder;
use crate::domain::rules::{Declarations, Diagnostic, RuleSet, RuleSources, diagnostics};

/// A compiled set with its origin.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The set.
    pub rules: Arc<RuleSet>,
    /// What it was compiled from.
    pub sources: RuleSources,
    /// Why the folder's own content is not in force, if it is not.
    pub stale: Option<String>,
}

/// Where the last good set is kept: beside the spill, on a local disk.
fn last_good(config: &Config) -> PathBuf {
    config.spill.dir.parent().unwrap_or_else(|| Path::new("var")).join("rules-last-good.json")
}

/// Reads and compiles the folder; on failure the rendered diagnostics.
///
/// # Errors
/// The reason as text for people.
pub fn compile(config: &Config, declared: &Declarations) -> Result<(RuleSet, RuleSources), String> {
    let sources = rules_folder::read(&config.rules.path).map_err(|e| e.to_string())?;
    compile_sources(sources, declared)
}

fn compile_sources(sources: RuleSources, declared: &Declarations) -> Result<(RuleSet, RuleSources), String> {
    match RuleSet::compile(&sources, declared) {
        Ok(compiled) => {
            for d in &compiled.diagnostics {
                tracing::warn!(code = d.code, file = d.file, line = d.line, "rules: {}", d.message);
            }
            Ok((compiled.rules, sources))
        }
        Err(found) => Err(rendered(&found, &sources)),
    }
}

fn rendered(found: &[Diagnostic], sources: &RuleSources) -> String {
    diagnostics::render(found, sources, false)
}

/// The set to start with.
///
/// # Errors
/// When neither the folder nor a last good set can be used.
pub fn start(config: &Config, declared: &Declarations) -> anyhow::Result<Loaded> {
    match compile(config, declared) {
        Ok((rules, sources)) => {
            keep(config, &sources);
            Ok(Loaded { rules: Arc::new(rules), sources, stale: None })
        }
        Err(why) => {
            let Ok(loaded) = fallback(config, declared) else {
                anyhow::bail!("the rules cannot be used, and there is no earlier set to fall back on:\n{why}");
            };
            tracing::error!("the rules folder is broken; the last good set is in force until it is mended:\n{why}");
            Ok(Loaded { stale: Some(why), ..loaded })
        }
    }
}

fn fallback(config: &Config, declared: &Declarations) -> anyhow::Result<Loaded> {
    let text = std::fs::read(last_good(config))?;
    let sources: RuleSources = serde_json::from_slice(&text)?;
    let (rules, sources) = compile_sources(sources, declared).map_err(anyhow::Error::msg)?;
    Ok(Loaded { rules: Arc::new(rules), sources, stale: None })
}

/// Keeps a good set for a later start, by atomic rename.
pub fn keep(config: &Config, sources: &RuleSources) {
    let path = last_good(config);
    let written = serde_json::to_vec(sources).map_err(std::io::Error::other).and_then(|text| {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let fresh = path.with_extension("json.new");
        std::fs::write(&fresh, text)?;
        std::fs::rename(&fresh, &path)
    });
    if let Err(error) = written {
        tracing::warn!(%error, path = %path.display(), "the good rule set could not be kept for a later start");
    }
}
