//! What a mailbox counts, as `telemetry` lists it. Every figure has the label `mailbox`; none carries personal data.

use std::time::Duration;

use metrics::{counter, gauge};

use crate::clock::Timestamp;
use crate::imap::{ErrorClass, MailboxStatus, MarkOutcome};

/// Sets the gauges from a status.
pub(super) fn publish(status: &MailboxStatus) {
    let id = status.id.clone();
    gauge!("pisteur_mailbox_connected", "mailbox" => id.clone()).set(if status.connected() { 1.0 } else { 0.0 });
    gauge!("pisteur_mailbox_gap_messages", "mailbox" => id.clone())
        .set(f64::from(u32::try_from(status.gap).unwrap_or(u32::MAX)));
    if let Some(at) = status.last_ok_at {
        gauge!("pisteur_mailbox_last_ok_timestamp_seconds", "mailbox" => id.clone()).set(seconds(at));
    }
    if let Some(at) = status.tokens.expires_at {
        gauge!("pisteur_mailbox_token_expiry_timestamp_seconds", "mailbox" => id.clone()).set(seconds(at));
    }
    if let Some(at) = status.tokens.obtained_at {
        gauge!("pisteur_mailbox_token_obtained_timestamp_seconds", "mailbox" => id.clone()).set(seconds(at));
        let unkept = if status.tokens.trouble.is_some() { 1.0 } else { 0.0 };
        gauge!("pisteur_mailbox_refresh_token_unkept", "mailbox" => id.clone()).set(unkept);
    }
    if let Some(at) = status.tokens.granted_at {
        gauge!("pisteur_mailbox_refresh_token_timestamp_seconds", "mailbox" => id).set(seconds(at));
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.since(Timestamp::default()).max(Duration::ZERO).as_secs_f64()
}

pub(super) fn failed(mailbox: &str, class: ErrorClass) {
    counter!("pisteur_mailbox_errors_total", "mailbox" => mailbox.to_owned(), "class" => class.as_str()).increment(1);
}

pub(super) fn marked(mailbox: &str, outcome: MarkOutcome) {
    let outcome = match outcome {
        MarkOutcome::Marked => "marked",
        MarkOutcome::Gone => "gone",
        MarkOutcome::Stale => "stale",
        MarkOutcome::Left => "left",
        MarkOutcome::Unsupported => "unsupported",
    };
    counter!("pisteur_mailbox_marks_total", "mailbox" => mailbox.to_owned(), "outcome" => outcome).increment(1);
}

pub(super) fn count(name: &'static str, mailbox: &str, by: u64) {
    counter!(name, "mailbox" => mailbox.to_owned()).increment(by);
}
