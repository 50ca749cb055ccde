//! Any bytes as a mail.
#![no_main]

libfuzzer_sys::fuzz_target!(|raw: &[u8]| pisteur_fuzz::raw_mail(raw));
