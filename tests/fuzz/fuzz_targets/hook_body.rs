//! Any bytes as a request to a hook, by every adapter.
#![no_main]

#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|raw: &[u8]| targets::hook_body(raw));
