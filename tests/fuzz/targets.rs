//! What must hold on any bytes: shared by the fuzz targets and the seeded mutation test.

use pisteur::clock::Timestamp;
use pisteur::domain::enquiry::understand;
use pisteur::domain::envelope::{ArrivalContext, Channel, Digest, Envelope, RawKind};
use pisteur::domain::reading::arrival_key::mail_keys;
use pisteur::domain::reading::{ReadSettings, read};

fn envelope(raw: &[u8], raw_kind: RawKind, content_type: Option<&str>) -> Envelope {
    Envelope {
        id: ulid::Ulid::nil(),
        channel: if raw_kind == RawKind::Mail { Channel::Mail } else { Channel::Form },
        intake_id: "fuzz".to_owned(),
        keys: Vec::new(),
        received_at: Timestamp::from_seconds(1_741_600_000),
        digest: Digest::of(raw),
        raw_kind,
        content_type: content_type.map(str::to_owned),
        context: ArrivalContext::default(),
        raw: raw.to_vec(),
    }
}

fn check(envelope: &Envelope) {
    let settings = ReadSettings {
        own_domains: vec!["ours.example".to_owned()],
        own_addresses: vec!["sales@ours.example".to_owned()],
        default_country: "FR".to_owned(),
        ..ReadSettings::default()
    };
    let submission = read(envelope, &settings);
    let enquiry = understand(&submission, envelope, &settings);
    assert!(submission.text.len() <= settings.limits.text_bytes + 4_096, "the text is bounded");
    assert!(!submission.text.contains('\0') && !enquiry.message.contains('\0'), "no NUL comes out");
    assert!(submission.fields.len() <= settings.limits.fields, "fields are bounded");
    assert!(is_subsequence(&submission.reply, &submission.text), "the reply is made of the text");
    assert!(submission.reply.trim().is_empty() == submission.text.trim().is_empty(), "a text never becomes empty");
    assert!(enquiry.emails.len() <= 10 && enquiry.phones.len() <= 10, "contact points are bounded");
}

/// Words of `part` stand in `whole` in the same order.
fn is_subsequence(part: &str, whole: &str) -> bool {
    let mut words = whole.split_whitespace();
    part.split_whitespace().all(|word| words.any(|w| w == word))
}

/// Any bytes as a mail.
pub fn raw_mail(raw: &[u8]) {
    assert_eq!(mail_keys(raw).len(), 1);
    check(&envelope(raw, RawKind::Mail, None));
}

/// Any bytes as a form body, in each encoding.
pub fn form_body(raw: &[u8]) {
    for content_type in
        ["application/x-www-form-urlencoded", "multipart/form-data; boundary=xyz", "application/json", ""]
    {
        check(&envelope(raw, RawKind::Form, Some(content_type)));
    }
}
