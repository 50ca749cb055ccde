//! Any bytes as a mail.
#![no_main]

#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|raw: &[u8]| targets::raw_mail(raw));
