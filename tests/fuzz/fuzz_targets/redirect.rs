//! Any text as the page a visitor asks to be sent to.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| pisteur_fuzz::redirect(text));
