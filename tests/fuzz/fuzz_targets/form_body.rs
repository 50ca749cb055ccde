//! Any bytes as a form body.
#![no_main]

#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|raw: &[u8]| targets::form_body(raw));
