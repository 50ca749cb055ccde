//! Integration tests: reading.

#[path = "fuzz/targets.rs"]
pub mod targets;

#[path = "generated/mod.rs"]
pub mod generated;

#[path = "score/sets.rs"]
#[expect(dead_code, reason = "its tables are printed by the scorer")]
mod sets;

mod aims;
mod broken;
mod budget;
mod corpora;
mod corpus;
mod dealers;
mod decoding;
mod encodings;
mod hard_to_reach;
mod hostile;
mod laws;
mod letters;
mod machines;
mod made;
mod passed_along;
mod passed_on;
mod portals;
mod program_signatures;
mod replies;
mod reply_languages;
mod screened;
mod senders;
mod template_words;
pub mod templates;

use std::path::{Path, PathBuf};

use pisteur::domain::enquiry::Enquiry;
use pisteur::domain::envelope::{Channel, Envelope, RawKind};
use pisteur::domain::reading::{ReadSettings, read};
use pisteur::domain::submission::Submission;

/// A mail as it arrives.
fn mail(raw: &[u8]) -> Envelope {
    generated::arrivals::mail(raw.to_vec())
}

/// A form body of the form `contact`.
fn form(raw: &[u8], content_type: &str) -> Envelope {
    Envelope {
        channel: Channel::Form,
        intake_id: "contact".to_owned(),
        raw_kind: RawKind::Form,
        content_type: Some(content_type.to_owned()),
        ..mail(raw)
    }
}

/// The house the fixtures were written to.
fn settings() -> ReadSettings {
    ReadSettings {
        own_domains: vec!["ours.example".to_owned()],
        own_addresses: vec!["sales@ours.example".to_owned(), "obchod@ours.example".to_owned()],
        default_country: "FR".to_owned(),
        ..ReadSettings::default()
    }
}

fn understood(envelope: &Envelope) -> (Submission, Enquiry) {
    let settings = settings();
    let submission = read(envelope, &settings);
    let enquiry = pisteur::domain::enquiry::understand(&submission, envelope, &settings);
    (submission, enquiry)
}

/// Files below `folder`, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn corpus_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}
