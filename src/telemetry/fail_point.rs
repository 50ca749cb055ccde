//! Named points at which a debug build dies when told to, so that the crash tests reach every gap between two steps.
//!
//! `PISTEUR_FAIL_POINT=name` aborts the process at the first pass. A release build has no fail points.

/// Dies here when the environment names this point.
#[cfg(debug_assertions)]
pub fn hit(name: &str) {
    static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| std::env::var("PISTEUR_FAIL_POINT").ok());
    if chosen.as_deref() == Some(name) {
        std::process::abort();
    }
}

/// Dies nowhere.
#[cfg(not(debug_assertions))]
pub const fn hit(_name: &str) {}

/// The text on whose sight reading aborts, for the tests of poison messages; `None` in a release build.
#[must_use]
pub fn abort_marker() -> Option<String> {
    if cfg!(debug_assertions) { std::env::var("PISTEUR_FAIL_ABORT_MARKER").ok() } else { None }
}
