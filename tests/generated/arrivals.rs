//! What is read, around what was made: a mail as it arrives, a message as a form of a usual browser brings it.

use pisteur::clock::Timestamp;
use pisteur::domain::envelope::{ArrivalContext, Channel, Digest, Envelope, RawKind};
use pisteur::domain::reading::field_names;
use pisteur::domain::screening::content::Content;
use pisteur::domain::screening::{Policy, Screening, Signals, screen};

/// A mail as if received on 10 March 2025 by the mailbox `sales`.
pub fn mail(raw: Vec<u8>) -> Envelope {
    Envelope {
        id: ulid::Ulid::nil(),
        channel: Channel::Mail,
        intake_id: "sales".to_owned(),
        keys: Vec::new(),
        received_at: Timestamp::from_seconds(1_741_600_000),
        digest: Digest::of(&raw),
        raw_kind: RawKind::Mail,
        content_type: None,
        context: ArrivalContext::default(),
        raw: raw.into(),
    }
}

/// What screening says of a message in a form.
pub fn screened(message: &str) -> Screening {
    let fields = [("name", "Anne Dupont"), ("email", "anne@atelier-dupont.fr"), ("message", message)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let signals = Signals::calm("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0");
    screen(&signals, &Content::of_fields(&fields, field_names::canonical), &Policy::default())
}
