//! The names of what a mailbox counts. Every one has the label `mailbox`; none carries personal data.

use std::time::Duration;

use metrics::{counter, gauge};

use crate::clock::Timestamp;
use crate::imap::{ErrorClass, MailboxStatus, MarkOutcome};

/// 1 while logged in, else 0.
pub const CONNECTED: &str = "pisteur_mailbox_connected";
/// Unix seconds of the last look for mail that ended well.
pub const LAST_OK: &str = "pisteur_mailbox_last_ok_timestamp_seconds";
/// Messages seen on the server and not yet journalled.
pub const GAP: &str = "pisteur_mailbox_gap_messages";
/// Unix seconds when the access token ends.
pub const TOKEN_EXPIRY: &str = "pisteur_mailbox_token_expiry_timestamp_seconds";
/// Looks for mail that ended well.
pub const POLLS: &str = "pisteur_mailbox_polls_total";
/// Messages journalled.
pub const MESSAGES: &str = "pisteur_mailbox_messages_total";
/// Bytes of messages journalled.
pub const BYTES: &str = "pisteur_mailbox_bytes_total";
/// Messages quarantined because they could not be read.
pub const QUARANTINED: &str = "pisteur_mailbox_quarantined_total";
/// Failures, by `class`.
pub const ERRORS: &str = "pisteur_mailbox_errors_total";
/// Connections made.
pub const CONNECTIONS: &str = "pisteur_mailbox_connections_total";
/// Marks, by `outcome`.
pub const MARKS: &str = "pisteur_mailbox_marks_total";
/// Folders found rebuilt (UIDVALIDITY changed or UIDNEXT went down).
pub const REBUILT: &str = "pisteur_mailbox_rebuilt_total";

/// All of them with what they mean, for the description of the exporter.
pub const ALL: [(&str, &str); 12] = [
    (CONNECTED, "1 while the mailbox is logged in"),
    (LAST_OK, "Last look for mail that ended well, unix seconds"),
    (GAP, "Messages seen on the server and not yet journalled"),
    (TOKEN_EXPIRY, "End of the access token, unix seconds"),
    (POLLS, "Looks for mail that ended well"),
    (MESSAGES, "Messages journalled"),
    (BYTES, "Bytes of messages journalled"),
    (QUARANTINED, "Messages quarantined because they could not be read"),
    (ERRORS, "Failures by class"),
    (CONNECTIONS, "Connections made"),
    (MARKS, "Marks by outcome"),
    (REBUILT, "Folders found rebuilt"),
];

/// Sets the gauges from a status.
pub(super) fn publish(status: &MailboxStatus) {
    let id = status.id.clone();
    gauge!(CONNECTED, "mailbox" => id.clone()).set(if status.connected() { 1.0 } else { 0.0 });
    gauge!(GAP, "mailbox" => id.clone()).set(f64::from(u32::try_from(status.gap).unwrap_or(u32::MAX)));
    if let Some(at) = status.last_ok_at {
        gauge!(LAST_OK, "mailbox" => id.clone()).set(seconds(at));
    }
    if let Some(at) = status.token_expires_at {
        gauge!(TOKEN_EXPIRY, "mailbox" => id).set(seconds(at));
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.since(Timestamp::default()).max(Duration::ZERO).as_secs_f64()
}

pub(super) fn failed(mailbox: &str, class: ErrorClass) {
    counter!(ERRORS, "mailbox" => mailbox.to_owned(), "class" => class.as_str()).increment(1);
}

pub(super) fn marked(mailbox: &str, outcome: MarkOutcome) {
    let outcome = match outcome {
        MarkOutcome::Marked => "marked",
        MarkOutcome::Gone => "gone",
        MarkOutcome::Stale => "stale",
        MarkOutcome::Left => "left",
        MarkOutcome::Unsupported => "unsupported",
    };
    counter!(MARKS, "mailbox" => mailbox.to_owned(), "outcome" => outcome).increment(1);
}

pub(super) fn count(name: &'static str, mailbox: &str, by: u64) {
    counter!(name, "mailbox" => mailbox.to_owned()).increment(by);
}
