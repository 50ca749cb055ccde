//! Any text as the page a visitor asks to be sent to.
#![no_main]

#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|text: &str| targets::redirect(text));
