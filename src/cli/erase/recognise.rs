//! Which arrivals are somebody's: by their sender, and by their bytes where no record says whose they are.
//!
//! What made a record is found by that record. The rest (quarantined, parked, failed, waiting, repeats) is read as the
//! daemon reads it, page by page; what aborts its reader is not read but searched, and so is a request of a third party
//! of which no field is known.

use std::sync::Arc;

use ulid::Ulid;

use super::super::paging;
use crate::clock::Timestamp;
use crate::domain::enquiry::email::EmailAddress;
use crate::domain::enquiry::{EmailKind, understand};
use crate::domain::envelope::{ArrivalState, Channel, Envelope, PART, RawKind};
use crate::domain::hooks;
use crate::domain::reading::{self, ReadSettings, prospects};
use crate::domain::submission::{MailClass, MailFacts, Mailbox, Submission};
use crate::store::Store;
use crate::store::rows::{ArrivalFilter, ArrivalRow};

/// Bytes loaded at once, unless one arrival alone is larger.
const AT_ONCE: i64 = 16 << 20;
/// Arrivals loaded at once.
const MOST: usize = 100;

/// Longest part of an address looked at on either side of its `@`, in characters (RFC 5321 section 4.5.3.1).
const LONGEST: usize = 254;

/// Looks for the arrivals of one address.
pub(super) struct Recognise<'a> {
    store: &'a Arc<dyn Store>,
    settings: &'a ReadSettings,
    address: &'a str,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Arrivals that are theirs.
    pub(super) theirs: Vec<Ulid>,
    /// Requests with too many people to be taken apart, one of whom they are.
    pub(super) shared: Vec<Ulid>,
    /// Arrivals of others without a record in whose bytes the address stands.
    pub(super) mentions: Vec<Ulid>,
}

impl<'a> Recognise<'a> {
    /// For a canonical address.
    pub(super) const fn new(store: &'a Arc<dyn Store>, settings: &'a ReadSettings, address: &'a str) -> Self {
        Self { store, settings, address }
    }

    /// Among the arrivals received since then.
    pub(super) async fn arrivals(&self, since: Option<Timestamp>) -> anyhow::Result<Found> {
        let mut found = Found::default();
        paging::arrivals(self.store, ArrivalFilter { since, ..ArrivalFilter::default() }, async |rows| {
            let (known, rest): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| self.sent(row));
            found.theirs.extend(known.iter().map(|row| row.id));
            let unread: Vec<ArrivalRow> = rest.into_iter().filter(|row| row.record.is_none()).collect();
            let mut left = unread.as_slice();
            while !left.is_empty() {
                let (now, later) = left.split_at(batch(left));
                self.read(now, &mut found).await?;
                left = later;
            }
            Ok(())
        })
        .await?;
        Ok(found)
    }

    fn sent(&self, row: &ArrivalRow) -> bool {
        row.sender.as_deref().is_some_and(|sender| self.is(sender))
    }

    async fn read(&self, rows: &[ArrivalRow], found: &mut Found) -> anyhow::Result<()> {
        let ids: Vec<Ulid> = rows.iter().map(|row| row.id).collect();
        let envelopes = self.store.load(&ids).await?;
        let deadly = |id: Ulid| rows.iter().any(|row| row.id == id && is_deadly(row));
        for envelope in envelopes.iter().filter(|envelope| !envelope.raw.is_empty()) {
            if deadly(envelope.id) {
                found.theirs.extend(self.stands_in(&envelope.raw).then_some(envelope.id));
                continue;
            }
            let submission = reading::read(envelope, self.settings);
            if submission.flags.iter().any(|flag| flag == hooks::TOO_MANY_LEADS) {
                let dropped = rows.iter().any(|row| row.id == envelope.id && row.state == ArrivalState::Discarded);
                let list = if dropped { &mut found.theirs } else { &mut found.shared };
                let named = self.stands_in(&envelope.raw) || self.stands_in_documents(envelope);
                list.extend(named.then_some(envelope.id));
            } else if self.is_theirs(envelope, &submission) {
                found.theirs.push(envelope.id);
            } else if self.stands_in(&envelope.raw) || self.is_mentioned(&submission) {
                found.mentions.push(envelope.id);
            }
        }
        Ok(())
    }

    fn is(&self, address: &str) -> bool {
        EmailAddress::parse(address).is_some_and(|parsed| parsed.canonical() == self.address)
    }

    /// Whether the address stands anywhere in these bytes, as text or as in the address of a page, in any spelling.
    fn stands_in(&self, raw: &[u8]) -> bool {
        let text = String::from_utf8_lossy(raw).replace("\\u0040", "@");
        self.stands_in_text(&text)
            || form_urlencoded::parse(raw)
                .any(|(name, value)| self.stands_in_text(&name) || self.stands_in_text(&value))
    }

    /// Whether it stands in what was read, which a mail may have written in base64.
    fn is_mentioned(&self, submission: &Submission) -> bool {
        let texts = submission.subject.iter().chain([&submission.text]);
        let fields = submission.fields.iter().map(|field| &field.value);
        texts.chain(fields).any(|text| self.stands_in_text(text))
    }

    /// The same for a mail with too many prospects, whatever they are encoded in.
    fn stands_in_documents(&self, envelope: &Envelope) -> bool {
        envelope.raw_kind == RawKind::Mail
            && prospects::documents(&envelope.raw).iter().any(|text| self.stands_in_text(text))
    }

    fn stands_in_text(&self, text: &str) -> bool {
        stands_alone(&text.to_lowercase(), self.address) || around_signs(text).any(|address| self.is(address))
    }

    fn is_theirs(&self, envelope: &Envelope, submission: &Submission) -> bool {
        let named = || self.stands_in(&envelope.raw) || self.is_mentioned(submission);
        if is_unknown(envelope, submission) && named() {
            return true;
        }
        let enquiry = understand(submission, envelope, self.settings);
        enquiry.emails.iter().any(|email| email.canonical == self.address)
            || submission.fields.iter().any(|field| self.is(&field.value))
            || submission.mail.as_ref().is_some_and(|mail| self.writes(mail) || self.is_written_to(mail, submission))
    }

    /// Who wrote it, first or last, or whose address a report is about.
    fn writes(&self, mail: &MailFacts) -> bool {
        let forwarded = mail.forwarded.as_ref().map(|inner| &inner.from);
        let delayed = mail.bounce.iter().flat_map(|bounce| &bounce.others).filter_map(|other| other.recipient.as_ref());
        let mut reported = mail.reported_on().chain(delayed);
        let mut writers = [&mail.from].into_iter().chain(&mail.sender).chain(&mail.reply_to).chain(forwarded);
        writers.any(|writer| self.named(writer)) || reported.any(|recipient| self.is(recipient))
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

/// A request of a third party that was not taken for somebody's lead, or what a mail holds beside its leads: nothing tells
/// whose it is.
fn is_unknown(envelope: &Envelope, submission: &Submission) -> bool {
    let unknown = [hooks::UNREADABLE, hooks::OTHER_EVENT];
    let apart = envelope.channel == Channel::Webhook || envelope.context.extra.contains_key(PART);
    apart && submission.flags.iter().any(|flag| unknown.contains(&flag.as_str()))
}

/// Whether `address` stands in `text` by itself, and not as a part of a longer one: quotes and full stops may touch it.
fn stands_alone(text: &str, address: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || "._+-%".contains(c);
    text.match_indices(address).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let mut after = text.get(at + address.len()..).unwrap_or_default().chars();
        let goes_on = match after.next() {
            Some('.') => after.next().is_some_and(char::is_alphanumeric),
            Some(next) => next.is_alphanumeric() || next == '-' || next == '_',
            None => false,
        };
        !before.is_some_and(inside) && !goes_on
    })
}

/// What may be an address around each `@`.
fn around_signs(text: &str) -> impl Iterator<Item = &str> {
    let part = |c: &char| c.is_alphanumeric() || "._+-%'".contains(*c);
    text.match_indices('@').filter_map(move |(at, _)| {
        let (before, after) = (text.get(..at)?, text.get(at + 1..)?);
        let local: usize = before.chars().rev().take(LONGEST).take_while(part).map(char::len_utf8).sum();
        let domain: usize = after.chars().take(LONGEST).take_while(part).map(char::len_utf8).sum();
        text.get(at - local..at + 1 + domain).map(|address| address.trim_end_matches('.'))
    })
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

#[cfg(test)]
mod tests {
    use super::{around_signs, stands_alone};

    #[test]
    fn a_part_of_a_longer_address_is_another_persons() {
        for text in ["ann@x.cz", "\"ann@x.cz\"", "'ann@x.cz'", "mail ann@x.cz.", "ann@x.cz;jo@x.cz", "<ann@x.cz>"] {
            assert!(stands_alone(text, "ann@x.cz"), "{text}");
        }
        for text in ["joann@x.cz", "jo.ann@x.cz", "ann@x.cz.example", "ann@x.cze", "ann@x.cz-shop.de", "a+ann@x.cz"] {
            assert!(!stands_alone(text, "ann@x.cz"), "{text}");
        }
    }

    #[test]
    fn addresses_are_found_in_any_text() {
        let text = "{\"a\":\"Jana.N@x.cz\",b=<eva+1@y.example>. mailto:jürgen@müller.de, @ @@ x@";
        let found: Vec<&str> = around_signs(text).filter(|a| a.len() > 3).collect();
        assert_eq!(found, ["Jana.N@x.cz", "eva+1@y.example", "jürgen@müller.de"]);
    }
}
