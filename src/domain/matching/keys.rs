//! Blocking keys of an enquiry: what two arrivals must share before they are compared at all.
//!
//! Only canonical values become keys. An own address never does: everybody writes to it.

use super::{KeyKind, MatchKey};
use crate::domain::enquiry::{Email, EmailKind, Enquiry, Organisation, company, registration};

/// Keys of the person and of their organisation, sorted, unique.
#[must_use]
pub fn keys_of(enquiry: &Enquiry) -> Vec<MatchKey> {
    let mut keys = person_keys(enquiry);
    keys.extend(organisation_keys(enquiry));
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Keys of the person: emails, phones, and the id of their request.
#[must_use]
pub fn person_keys(enquiry: &Enquiry) -> Vec<MatchKey> {
    let emails = enquiry.emails.iter().filter_map(email_key);
    let phones = enquiry.phones.iter().filter(|p| p.kind != "fax").filter_map(|p| p.e164.as_deref());
    let request = enquiry
        .request
        .as_ref()
        .map(|r| MatchKey::of(KeyKind::Request, &format!("{}\n{}\n{}", r.by, r.source.to_lowercase(), r.id)));
    let mut keys: Vec<_> = emails.chain(phones.map(|p| MatchKey::of(KeyKind::Phone, p))).chain(request).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Key of an address; an own one has none.
#[must_use]
pub fn email_key(email: &Email) -> Option<MatchKey> {
    match email.kind {
        EmailKind::Personal => Some(MatchKey::of(KeyKind::Email, &email.canonical)),
        EmailKind::Role | EmailKind::Disposable | EmailKind::Reserved => {
            Some(MatchKey::of(KeyKind::SharedEmail, &email.canonical))
        }
        EmailKind::Own => None,
    }
}

/// Keys of the organisation.
#[must_use]
pub fn organisation_keys(enquiry: &Enquiry) -> Vec<MatchKey> {
    keys_of_organisation(&enquiry.organisation)
}

/// Its numbers in registers, its registrable domain and its name without legal form.
#[must_use]
pub fn keys_of_organisation(organisation: &Organisation) -> Vec<MatchKey> {
    let domain = organisation.domain.as_deref().map(|domain| MatchKey::of(KeyKind::Domain, domain));
    let print = organisation.name.as_deref().and_then(company::fingerprint).filter(|print| print.chars().count() >= 3);
    let numbers = organisation.registrations.iter().filter_map(|number| registration::registered(number));
    let numbers = numbers.map(|number| MatchKey::of(KeyKind::Registration, &number.to_string()));
    domain.into_iter().chain(print.map(|print| MatchKey::of(KeyKind::Company, &print))).chain(numbers).collect()
}

/// The keys by which two new organisations would be one, sorted.
#[must_use]
pub fn corporate(keys: &[MatchKey]) -> Vec<MatchKey> {
    keys.iter().copied().filter(|k| k.kind.is_corporate()).collect()
}

/// The keys that make two commits exclude each other, sorted.
#[must_use]
pub fn strong(keys: &[MatchKey]) -> Vec<MatchKey> {
    keys.iter().copied().filter(|k| k.kind.is_strong()).collect()
}
