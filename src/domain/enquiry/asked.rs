//! Where an arrival names the days it asks for: its topic, its message, and what was typed into fields of its own.

use super::dates::{self, AskedDate, Written};
use crate::domain::envelope::Envelope;
use crate::domain::reading::field_names::fold;
use crate::domain::reading::returns::written_on;
use crate::domain::submission::{MailClass, Submission};

/// Days kept of one arrival.
const DATES: usize = 8;
/// Fields looked at, and the longest value that is one.
const FIELDS: usize = 50;
const VALUE: usize = 100;
/// Parts of the names of fields that hold a birth.
const BIRTHS: [&str; 8] = ["birth", "naissance", "geburt", "narozen", "nacimiento", "nascita", "dob", "تولد"];

/// The days asked for, each once.
pub(super) fn dates(
    submission: &Submission,
    envelope: &Envelope,
    topic: Option<&str>,
    message: &str,
    country: Option<&str>,
) -> Vec<AskedDate> {
    let machine = matches!(
        submission.class,
        Some(
            MailClass::AutoReply
                | MailClass::Bounce
                | MailClass::DeliveryStatus
                | MailClass::Complaint
                | MailClass::OwnMessage
        )
    );
    let date = submission.mail.as_ref().and_then(|mail| mail.date.as_deref());
    let Some(on) = written_on(date, envelope.received_at).filter(|_| !machine) else { return Vec::new() };
    let american = envelope.context.accept_language.as_deref().is_some_and(|said| said.starts_with("en-US"));
    let written = Written { on, month_first: country == Some("US") || american };
    let typed = submission.fields.iter().filter(|field| field.canonical.is_none() && field.value.len() <= VALUE);
    let typed = typed.take(FIELDS).filter(|field| {
        let name = fold(&field.name);
        !BIRTHS.iter().any(|birth| name.contains(birth))
    });
    // A field with the day of the mail says when the form was sent.
    let stamp = on.to_string();
    let typed = typed.flat_map(|field| dates::find(&field.value, written)).filter(|date| date.start != stamp);
    let texts = topic.into_iter().chain([message]).flat_map(|text| dates::find(text, written));
    let mut all: Vec<AskedDate> = Vec::new();
    for date in texts.chain(typed) {
        if all.len() < DATES && !all.iter().any(|known| known.iso() == date.iso()) {
            all.push(date);
        }
    }
    all
}
