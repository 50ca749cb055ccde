//! Which arrivals are somebody's: by their sender, and by their bytes where no record says whose they are.
//!
//! What made a record is found by that record. The rest (quarantined, parked, failed, waiting, repeats) is read as the
//! daemon reads it, page by page; what aborts its reader is not read but searched.

use std::sync::Arc;

use ulid::Ulid;

use super::super::paging;
use crate::clock::Timestamp;
use crate::domain::enquiry::email::EmailAddress;
use crate::domain::enquiry::{EmailKind, understand};
use crate::domain::envelope::{ArrivalState, Envelope};
use crate::domain::reading::{self, ReadSettings};
use crate::domain::submission::{MailClass, MailFacts, Mailbox, Submission};
use crate::store::Store;
use crate::store::rows::{ArrivalFilter, ArrivalRow};

/// Bytes loaded at once, unless one arrival alone is larger.
const AT_ONCE: i64 = 16 << 20;
/// Arrivals loaded at once.
const MOST: usize = 100;

/// Looks for the arrivals of one address.
pub(super) struct Recognise<'a> {
    store: &'a Arc<dyn Store>,
    settings: &'a ReadSettings,
    address: &'a str,
}

impl<'a> Recognise<'a> {
    /// For a canonical address.
    pub(super) const fn new(store: &'a Arc<dyn Store>, settings: &'a ReadSettings, address: &'a str) -> Self {
        Self { store, settings, address }
    }

    /// Their ids, among those received since then.
    pub(super) async fn arrivals(&self, since: Option<Timestamp>) -> anyhow::Result<Vec<Ulid>> {
        let mut theirs = Vec::new();
        paging::arrivals(self.store, ArrivalFilter { since, ..ArrivalFilter::default() }, async |rows| {
            let (known, rest): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| self.sent(row));
            theirs.extend(known.iter().map(|row| row.id));
            let unread: Vec<ArrivalRow> = rest.into_iter().filter(|row| row.record.is_none()).collect();
            let mut left = unread.as_slice();
            while !left.is_empty() {
                let (now, later) = left.split_at(batch(left));
                theirs.extend(self.read(now).await?);
                left = later;
            }
            Ok(())
        })
        .await?;
        Ok(theirs)
    }

    fn sent(&self, row: &ArrivalRow) -> bool {
        row.sender.as_deref().is_some_and(|sender| self.is(sender))
    }

    async fn read(&self, rows: &[ArrivalRow]) -> anyhow::Result<Vec<Ulid>> {
        let ids: Vec<Ulid> = rows.iter().map(|row| row.id).collect();
        let envelopes = self.store.load(&ids).await?;
        let deadly = |id: Ulid| rows.iter().any(|row| row.id == id && is_deadly(row));
        let theirs = envelopes.iter().filter(|envelope| {
            !envelope.raw.is_empty()
                && if deadly(envelope.id) { self.stands_in(&envelope.raw) } else { self.is_theirs(envelope) }
        });
        Ok(theirs.map(|envelope| envelope.id).collect())
    }

    fn is(&self, address: &str) -> bool {
        EmailAddress::parse(address).is_some_and(|parsed| parsed.canonical() == self.address)
    }

    fn stands_in(&self, raw: &[u8]) -> bool {
        String::from_utf8_lossy(raw).to_lowercase().contains(self.address)
    }

    fn is_theirs(&self, envelope: &Envelope) -> bool {
        let submission = reading::read(envelope, self.settings);
        let enquiry = understand(&submission, envelope, self.settings);
        enquiry.emails.iter().any(|email| email.canonical == self.address)
            || submission.fields.iter().any(|field| self.is(&field.value))
            || submission.mail.as_ref().is_some_and(|mail| self.writes(mail) || self.is_written_to(mail, &submission))
    }

    /// Who wrote it, first or last, or whose address a report is about.
    fn writes(&self, mail: &MailFacts) -> bool {
        let forwarded = mail.forwarded.as_ref().map(|inner| &inner.from);
        let complained = mail.complaint.as_ref().and_then(|complaint| complaint.recipient.as_deref());
        let reported = mail.bounce.as_ref().and_then(|bounce| bounce.recipient.as_deref()).or(complained);
        let mut writers = [&mail.from].into_iter().chain(&mail.sender).chain(&mail.reply_to).chain(forwarded);
        writers.any(|writer| self.named(writer)) || reported.is_some_and(|recipient| self.is(recipient))
    }

    /// What the house itself wrote to them.
    fn is_written_to(&self, mail: &MailFacts, submission: &Submission) -> bool {
        let from = mail.from.address.as_deref().and_then(EmailAddress::parse);
        let ours = submission.class == Some(MailClass::OwnMessage)
            || from.is_some_and(|from| from.kind(&self.settings.own_domains) == EmailKind::Own);
        ours && mail.to.iter().chain(&mail.cc).any(|to| self.named(to))
    }

    fn named(&self, mailbox: &Mailbox) -> bool {
        mailbox.address.as_deref().is_some_and(|address| self.is(address))
    }
}

/// It ended the process that read it, or may have.
fn is_deadly(row: &ArrivalRow) -> bool {
    let waits = matches!(row.state, ArrivalState::Received | ArrivalState::Processing);
    row.reason.as_deref() == Some("reading_aborts") || (waits && row.attempts > 0)
}

/// How many of the first rows are loaded together.
fn batch(rows: &[ArrivalRow]) -> usize {
    let mut bytes: i64 = 0;
    let within = rows.iter().take(MOST).take_while(|row| {
        bytes = bytes.saturating_add(row.size);
        bytes <= AT_ONCE
    });
    within.count().max(1)
}
