//! Any text as a rule file: compiled or refused with diagnostics, never a panic.
#![no_main]

use pisteur::domain::rules::{Declarations, RuleSet, RuleSources};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let sources = RuleSources { files: [("rules.toml".to_owned(), text.to_owned())].into() };
    if let Err(diagnostics) = RuleSet::compile(&sources, &Declarations::default()) {
        assert!(!diagnostics.is_empty(), "a refusal says why");
    }
});
