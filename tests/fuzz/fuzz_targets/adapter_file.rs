//! Any text as an adapter file.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| pisteur_fuzz::adapter_file(text));
