//! Any bytes as a form body.
#![no_main]

libfuzzer_sys::fuzz_target!(|raw: &[u8]| pisteur_fuzz::form_body(raw));
