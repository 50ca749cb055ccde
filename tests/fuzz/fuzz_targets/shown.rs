//! Any text where it is shown.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| pisteur_fuzz::shown(text));
