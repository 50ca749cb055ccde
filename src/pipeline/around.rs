//! What the store knows around readings, and what is read anew by it: a signature that only earlier mails of the sender
//! show.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use super::Brain;
use super::process::Read;
use crate::clock::Timestamp;
use crate::domain::enquiry::email::EmailAddress;
use crate::domain::enquiry::{self, EmailKind};
use crate::domain::matching::{Compare, MatchKey, NeighbourQuery, Neighbourhood, keys};
use crate::domain::reading::signature_history::{SIGNATURE_KNOWN, known_block};
use crate::domain::reading::{ReadSettings, TRUSTED_FORWARD};
use crate::domain::submission::{MailClass, MailFacts, Submission};
use crate::store::{Store, StoreResult};

/// Addresses of one arrival by which it may belong to a conversation.
const SENDERS: usize = 8;
/// Filled lines below which no text holds both words and a block.
const FEWEST: usize = 3;

/// Looks around readings with their keys: those that are read anew, and what is known around each, in their order. What new
/// keys lead to is looked at, too. `at`: by which policy and when they are decided, for what counts only then.
///
/// # Errors
/// When the database cannot be read.
pub async fn look(
    store: &Arc<dyn Store>,
    settings: &ReadSettings,
    reads: &[(&Read, &[MatchKey])],
    at: Option<(&Brain, Timestamp)>,
) -> StoreResult<(Vec<Option<Read>>, Vec<Neighbourhood>)> {
    let queries: Vec<_> = reads.iter().map(|(read, keys)| query(read, keys, at)).collect();
    let mut around = store.neighbours(&queries).await?;
    let new: Vec<Option<Read>> =
        reads.iter().zip(&around).map(|((read, _), around)| anew(read, around, settings)).collect();
    let mut again = Vec::new();
    for (place, ((_, before), read)) in reads.iter().zip(&new).enumerate() {
        let changed = read.as_ref().map(|read| (read, keys::keys_of(&read.enquiry)));
        if let Some((read, keys)) = changed.filter(|(_, keys)| keys != before) {
            again.push((place, query(read, &keys, at)));
        }
    }
    if !again.is_empty() {
        let (places, queries): (Vec<usize>, Vec<NeighbourQuery>) = again.into_iter().unzip();
        for (place, found) in places.into_iter().zip(store.neighbours(&queries).await?) {
            if let Some(around) = around.get_mut(place) {
                *around = found;
            }
        }
    }
    Ok((new, around))
}

/// The neighbours of one reading; `at`: by which policy and when it is decided, for what counts only then.
fn query(read: &Read, keys: &[MatchKey], at: Option<(&Brain, Timestamp)>) -> NeighbourQuery {
    let mail = read.submission.mail.as_ref();
    let mut thread_ids: Vec<String> =
        mail.map(|m| m.in_reply_to.iter().chain(m.references.iter().rev()).cloned().collect()).unwrap_or_default();
    thread_ids.extend(mail.into_iter().flat_map(MailFacts::reported_ids).cloned());
    let mut seen = BTreeSet::new();
    thread_ids.retain(|id| seen.insert(id.clone()));
    NeighbourQuery {
        keys: keys.to_vec(),
        compare: at.and_then(|(brain, _)| Compare::of(&read.enquiry, &brain.model)),
        thread_ids,
        addresses: senders(read),
        message_id: mail.and_then(|m| m.message_id.clone()),
        arrival: Some(read.envelope.id),
        except: Vec::new(),
        lately: at.and_then(|(brain, now)| {
            let guard = &brain.policy.loop_guard;
            guard.asks(&read.envelope, &read.submission, &read.enquiry, &brain.settings, now)
        }),
        history: whose_history(read),
    }
}

/// Addresses of whoever wrote, canonical and as written, lower case: those of the enquiry, else the unread From. Of a
/// report also whom it is about.
fn senders(read: &Read) -> Vec<String> {
    let emails = read.enquiry.emails.iter();
    let mut addresses: Vec<String> = emails
        .filter(|e| e.kind != EmailKind::Own)
        .take(SENDERS)
        .flat_map(|e| [e.canonical.clone(), e.address.to_lowercase()])
        .collect();
    if read.enquiry.emails.is_empty() && read.submission.by_template().is_none() {
        let from = read.submission.mail.as_ref().and_then(|m| m.from.address.as_deref());
        addresses.extend(from.and_then(EmailAddress::parse).map(|a| a.canonical()));
        addresses.extend(from.map(str::to_lowercase));
    }
    for about in read.submission.mail.iter().flat_map(MailFacts::reported_on) {
        addresses.extend(EmailAddress::parse(about).map(|a| a.canonical()));
        addresses.push(about.to_lowercase());
    }
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// The sender whose earlier mails may show the signature of this one: that of a person's own mail in which none was found.
fn whose_history(read: &Read) -> Option<String> {
    let said = &read.submission;
    let mail = said.mail.as_ref().filter(|mail| said.class == Some(MailClass::Person) && mail.signature.is_none())?;
    let passed_on = said.by_template().is_some() || said.flags.iter().any(|flag| flag == TRUSTED_FORWARD);
    let long = said.reply.lines().filter(|line| !line.trim().is_empty()).take(FEWEST).count() == FEWEST;
    mail.from.address.as_ref().filter(|_| long && !passed_on).map(|address| address.to_lowercase())
}

/// The reading without the signature that the earlier mails around it show; `None` when they show none.
fn anew(read: &Read, around: &Neighbourhood, settings: &ReadSettings) -> Option<Read> {
    let mail = read.submission.mail.as_ref().filter(|_| !around.earlier.is_empty())?;
    // Whatever goes wrong here, the first reading stands.
    std::panic::catch_unwind(AssertUnwindSafe(|| {
        let (reply, signature) = known_block(&read.submission.reply, &mail.from, &around.earlier)?;
        let mut submission = Submission { reply, ..Submission::clone(&read.submission) };
        submission.flags.push(SIGNATURE_KNOWN.to_owned());
        submission.mail.as_mut()?.signature = Some(signature);
        let enquiry = enquiry::understand(&submission, &read.envelope, settings);
        Some(Read {
            envelope: Arc::clone(&read.envelope),
            submission: Arc::new(submission),
            enquiry: Arc::new(enquiry),
        })
    }))
    .unwrap_or_default()
}
