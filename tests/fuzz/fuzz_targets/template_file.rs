//! Any text as a file of templates.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| pisteur_fuzz::template_file(text));
