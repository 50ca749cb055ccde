//! Who is not written to any more: after a complaint, a request, a message that came back.
//!
//! Invariant: anybody may write a report. One about an address has an effect only when it names a message of a
//! conversation with the very person who has that address (whoever is in Cc was put there by anybody), or when our own mail
//! server vouches for a sender known to tell of such things. Any other is kept, parked and seen. Whoever writes chooses the
//! id of their message: where a mail server of ours is named, a message that it did not vouch for proves nothing.

use std::collections::BTreeMap;

use super::Question;
use crate::domain::decision::Bounced;
use crate::domain::enquiry::email::EmailAddress;
use crate::domain::reading::complaint::is_wish;
use crate::domain::reading::trust::{UNVOUCHED, VOUCHED_REPORT};
use crate::domain::submission::{Bounce, MailClass, MailFacts};

/// Whoever complains or asks to be left alone is not written to again.
pub(super) fn unsubscribe(q: &Question<'_>) -> Option<String> {
    match q.submission.class {
        Some(MailClass::Complaint) => complainer(q).filter(|address| is_proven(q, address)),
        _ if q.enquiry.unsubscribe => writer(q),
        _ => None,
    }
}

/// Who asks for themselves: by mail whoever stands in From, unless our mail server denies it, wherever answers go.
fn writer(q: &Question<'_>) -> Option<String> {
    let Some(mail) = &q.submission.mail else { return q.enquiry.emails.first().map(|email| email.canonical.clone()) };
    let denied = q.submission.flags.iter().any(|flag| flag == UNVOUCHED);
    mail.from.address.as_deref().filter(|_| !denied).and_then(canonical)
}

/// Whom a report says could not be reached, each by what it says of them; nobody for one of a delay.
pub(super) fn bounced(q: &Question<'_>) -> Vec<Bounced> {
    let failures = report(q, MailClass::Bounce).and_then(|mail| mail.bounce.as_ref()).into_iter();
    let mut flagged: BTreeMap<String, Bounced> = BTreeMap::new();
    for failure in failures.flat_map(Bounce::failures) {
        let address = failure.recipient.as_deref().and_then(canonical).filter(|address| is_proven(q, address));
        let Some(address) = address else { continue };
        let status = failure.status.clone().or_else(|| failure.reason.clone());
        let said = Bounced { address: address.clone(), hard: failure.hard, status };
        // Two spellings of one address: the dead one counts.
        let known = flagged.entry(address).or_insert_with(|| said.clone());
        if said.hard && !known.hard {
            *known = said;
        }
    }
    flagged.into_values().collect()
}

/// A report that would have an effect if it were proven, and of nobody is.
pub(super) fn is_unproven(q: &Question<'_>) -> bool {
    let failures = report(q, MailClass::Bounce).and_then(|mail| mail.bounce.as_ref()).into_iter();
    let failed = failures.flat_map(Bounce::failures).filter_map(|failure| canonical(failure.recipient.as_deref()?));
    let about: Vec<String> = complainer(q).map_or_else(|| failed.collect(), |address| vec![address]);
    !about.is_empty() && !about.iter().any(|address| is_proven(q, address))
}

fn report<'q>(q: &Question<'q>, class: MailClass) -> Option<&'q MailFacts> {
    q.submission.mail.as_ref().filter(|_| q.submission.class == Some(class))
}

/// Who complained, when that means to want no more mail.
fn complainer(q: &Question<'_>) -> Option<String> {
    let complaint = report(q, MailClass::Complaint)?.complaint.as_ref().filter(|complaint| is_wish(complaint))?;
    complaint.recipient.as_deref().and_then(canonical)
}

fn is_proven(q: &Question<'_>, address: &str) -> bool {
    let is_meant = |member: &String| canonical(member).as_deref() == Some(address);
    q.submission.flags.iter().any(|flag| flag == VOUCHED_REPORT)
        || q.around.threads.iter().any(|hit| hit.proven && hit.contacts.iter().any(is_meant))
}

fn canonical(address: &str) -> Option<String> {
    EmailAddress::parse(address).map(|address| address.canonical())
}
