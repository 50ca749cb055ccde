//! The message itself: communication, participants, attachments.

use super::{Plan, text};
use crate::domain::decide;
use crate::domain::decision::Action;
use crate::domain::enquiry::email::EmailAddress;
use crate::domain::reading::TRUSTED_FORWARD;
use crate::domain::submission::{MailClass, MailFacts, Mailbox};
use crate::store::Commit;
use crate::store::batch::row;

/// Participants kept per message; a message to hundreds is no conversation.
const PARTICIPANTS: usize = 50;
/// Most that is kept of a signature, in bytes from its end.
const SIGNATURE: usize = 2_000;

/// Who wrote it, for lists: an address, or what stood in its place.
pub(super) fn sender(commit: &Commit) -> Option<String> {
    let from = commit.submission.mail.as_ref().and_then(|m| m.from.address.clone());
    from.or_else(|| commit.enquiry.emails.first().map(|e| e.address.clone()))
        .or_else(|| commit.enquiry.phones.first().map(|p| p.raw.clone()))
        .or_else(|| commit.enquiry.raw_sender.clone())
}

impl Plan {
    /// The message of one arrival, joined to its record.
    pub(super) fn communication(&mut self, commit: &Commit, id: i64, record: i64) {
        let submission = &commit.submission;
        let mail = submission.mail.as_ref();
        let recipients = mail.map(|m| text(&addresses(m.to.iter().chain(&m.cc))));
        // Words of who passes a message on are not the message.
        let passed_on = submission.flags.iter().any(|flag| flag == TRUSTED_FORWARD);
        let first = if passed_on { &submission.text } else { &submission.reply };
        let body = [first, &commit.enquiry.message, &submission.text]
            .into_iter()
            .find(|t| !t.trim().is_empty())
            .map_or("", String::as_str);
        let fields = (!commit.enquiry.custom.is_empty()).then(|| text(&commit.enquiry.custom));
        let signature = mail.and_then(|m| m.signature.as_deref()).map(|block| ending(block, SIGNATURE));
        row!(self.communications; id, commit.communication.to_string(), record, commit.lease.job, direction(commit),
            commit.envelope.channel.as_str(), submission.class.map(MailClass::as_str),
            mail.and_then(|m| m.message_id.as_deref()), mail.and_then(|m| m.in_reply_to.as_deref()),
            submission.subject, sender(commit), recipients, body, commit.envelope.received_at.micros(),
            fields, signature, mail.and_then(|m| m.proven).map(i64::from));
        for (position, file) in submission.attachments.iter().enumerate() {
            row!(self.attachments; id, position, file.name, file.media_type, file.size, file.part, file.sha256,
                file.verdict);
        }
        if !matches!(commit.decision.action, Action::Join(_)) {
            self.participants(commit, mail, record);
        }
    }

    /// Who takes part, by canonical address where there is one: who wrote, who sent for them, and who received. A
    /// Reply-To proves nothing and makes nobody one; nor does sending a form in another's name.
    fn participants(&mut self, commit: &Commit, mail: Option<&MailFacts>, record: i64) {
        let canonical = commit.enquiry.emails.iter().map(|e| e.canonical.clone());
        let for_another = matches!(commit.submission.class, Some(MailClass::FormNotification | MailClass::Adf));
        let mail = mail.filter(|_| !for_another);
        let written =
            mail.map(|m| addresses(std::iter::once(&m.from).chain(m.sender.as_ref()).chain(&m.to).chain(&m.cc)));
        let written = written.into_iter().flatten().map(|a| EmailAddress::parse(&a).map_or(a, |e| e.canonical()));
        let everyone = canonical.chain(written).take(PARTICIPANTS);
        self.participants.extend(everyone.map(|address| (record, address)));
    }
}

/// Our own mail come back, and a colleague's answer, went out.
fn direction(commit: &Commit) -> &'static str {
    let own = commit.submission.class == Some(MailClass::OwnMessage);
    if own || commit.decision.reason.as_deref() == Some(decide::COLLEAGUE) { "out" } else { "in" }
}

/// The last whole lines of `text` in `most` bytes.
fn ending(text: &str, most: usize) -> &str {
    let from = text.len().saturating_sub(most);
    if from == 0 {
        return text;
    }
    let cut = text.bytes().skip(from).position(|b| b == b'\n').map(|at| from + at + 1);
    cut.and_then(|at| text.get(at..)).unwrap_or_default()
}

fn addresses<'m>(mailboxes: impl Iterator<Item = &'m Mailbox>) -> Vec<String> {
    mailboxes.filter_map(|m| m.address.as_ref()).map(|a| a.to_lowercase()).collect()
}
