//! Our own fixtures: bytes -> the object of `parse --json`, as snapshots.

use std::path::Path;

use pisteur::cli::parse::{envelope, to_json};
use pisteur::clock::Timestamp;
use pisteur::domain::enquiry::understand;
use pisteur::domain::reading::read;

use super::{corpus_folder, files, settings};

#[test]
fn fixtures_read_as_recorded() {
    let folder = corpus_folder();
    let settings = settings();
    for path in files(&folder).into_iter().filter(|p| p.extension().is_some()) {
        let raw = std::fs::read(&path).unwrap();
        let envelope = envelope(&path, raw, None, None, Timestamp::from_seconds(1_741_600_000));
        let submission = read(&envelope, &settings);
        let enquiry = understand(&submission, &envelope, &settings);
        let name = path.strip_prefix(&folder).unwrap().to_string_lossy().replace(['/', '.'], "-");
        let object = to_json(&name, &envelope, &submission, &enquiry);
        insta::with_settings!({ snapshot_path => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots"), prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, serde_json::to_string_pretty(&object).unwrap());
        });
    }
}

#[test]
fn every_key_of_the_interface_is_there() {
    let path = corpus_folder().join("form/czech.json");
    let settings = settings();
    let envelope = envelope(&path, std::fs::read(&path).unwrap(), None, None, Timestamp::from_seconds(0));
    let submission = read(&envelope, &settings);
    let enquiry = understand(&submission, &envelope, &settings);
    let object = to_json("x", &envelope, &submission, &enquiry);
    for key in [
        "file",
        "digest",
        "kind",
        "class",
        "flags",
        "message_id",
        "in_reply_to",
        "references",
        "date",
        "subject",
        "from",
        "reply_to",
        "to",
        "cc",
        "text",
        "reply",
        "quoted",
        "signature",
        "forwarded",
        "bounce",
        "attachments",
        "fields",
        "enquiry",
        "warnings",
    ] {
        assert!(object.get(key).is_some(), "{key}");
    }
    for key in [
        "kind",
        "person",
        "organisation",
        "emails",
        "phones",
        "addresses",
        "website",
        "topic",
        "message",
        "inquiry_kind",
        "language",
        "country",
        "unsubscribe",
        "attribution",
        "consents",
    ] {
        assert!(object["enquiry"].get(key).is_some(), "enquiry.{key}");
    }
}
