//! Public samples that developers keep beside the project.

use std::io::Write as _;
use std::path::PathBuf;

/// The folder of one kind of samples, such as `mail`, or a clear word that the test did not run.
pub fn corpora(kind: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("PISTEUR_CORPORA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora"), PathBuf::from)
        .join(kind);
    if folder.is_dir() {
        return Some(folder);
    }
    // Straight to the terminal: what a test prints is not shown when it passes.
    let said = format!("SKIPPED: corpora of {kind} not found (set PISTEUR_CORPORA)\n");
    std::io::stderr().write_all(said.as_bytes()).ok();
    None
}
