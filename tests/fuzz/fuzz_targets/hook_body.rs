//! Any bytes as a request to a hook, by every adapter.
#![no_main]

libfuzzer_sys::fuzz_target!(|raw: &[u8]| pisteur_fuzz::hook_body(raw));
