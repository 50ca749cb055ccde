//! The loop guard: a writer whose mails made many new records within a short time makes no more without a person's word.
//!
//! Two machines that answer each other, or a program gone wild, are not always known by their header. Counted is whoever
//! wrote, as the enquiry says: the visitor of a website, not the website; the person inside, not who passes it on. What
//! joins a record that exists makes none and is never held. Daemons that decide at the same moment may each let one mail
//! pass that the other one's record would have held.

use super::Question;
use crate::clock::Timestamp;
use crate::domain::enquiry::{EmailKind, Enquiry};
use crate::domain::envelope::{Envelope, RawKind};
use crate::domain::matching::{Lately, keys};
use crate::domain::reading::ReadSettings;
use crate::domain::submission::{MailClass, Submission};

/// Why a mail of somebody who wrote too many new ones waits.
pub const LOOP: &str = "loop";

/// How many new records a writer may make by mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopGuard {
    /// New records within the time; the next mail waits. 0: any number.
    pub records: u32,
    /// The time.
    pub within: std::time::Duration,
}

impl Default for LoopGuard {
    fn default() -> Self {
        Self { records: 20, within: std::time::Duration::from_mins(120) }
    }
}

impl LoopGuard {
    /// Whose new records are to be counted before this arrival is decided; nobody's when it cannot be held.
    #[must_use]
    pub fn asks(
        &self,
        envelope: &Envelope,
        submission: &Submission,
        enquiry: &Enquiry,
        settings: &ReadSettings,
        now: Timestamp,
    ) -> Option<Lately> {
        let context = &envelope.context;
        if self.records == 0 || envelope.raw_kind != RawKind::Mail || context.released || context.silent {
            return None;
        }
        let writer = enquiry.emails.iter().find(|email| email.kind != EmailKind::Own)?;
        if speaks_for_others(&writer.address.to_lowercase(), submission, settings) {
            return None;
        }
        Some(Lately { key: keys::email_key(writer)?, since: now.before(self.within) })
    }
}

/// An address through which many people write: a configured form sender or forwarder, or a website that told no visitor.
fn speaks_for_others(address: &str, submission: &Submission, settings: &ReadSettings) -> bool {
    let website = matches!(submission.class, Some(MailClass::FormNotification | MailClass::Adf));
    let from = submission.mail.as_ref().and_then(|mail| mail.from.address.as_deref());
    let is_forwarder = |entry: &String| {
        let entry = entry.trim_start_matches('@');
        let domain = || address.rsplit_once('@').map_or("", |(_, domain)| domain);
        entry == address || domain() == entry || domain().strip_suffix(entry).is_some_and(|rest| rest.ends_with('.'))
    };
    website && from.is_some_and(|from| from.eq_ignore_ascii_case(address))
        || settings.form_senders.iter().any(|sender| sender == address)
        || settings.forwarders.iter().any(is_forwarder)
}

/// This arrival would make one new record too many.
pub(super) fn is_loop(q: &Question<'_>) -> bool {
    let records = q.policy.loop_guard.records;
    records > 0
        && q.envelope.raw_kind == RawKind::Mail
        && !q.envelope.context.released
        && q.around.made_lately >= records
}
