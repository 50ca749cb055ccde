//! What somebody types into a mail of their own proves nothing of others.
//!
//! Invariants:
//! - a person's From is never replaced by an address that they wrote into the text, nor their name by another one;
//! - what no proven sender says chooses no route: the kind of the enquiry, its topic, its country;
//! - nothing is lost: what is not believed stands beside the message as it was written.

use super::email::{EmailAddress, organisation_domain, registrable_domain};
use crate::domain::reading::form::all;
use crate::domain::reading::{field_names, trust, typed};
use crate::domain::submission::{Canonical, Field, MailClass, MailFacts, Submission};

/// Shortest part of a name that tells a person, in characters.
const PART: usize = 3;

/// Lines of a paragraph that are asked for their labels.
const LABELLED: usize = 40;

/// Labels of a person to turn to, folded.
const CONTACTS: [&str; 10] = [
    "contact",
    "contactperson",
    "kontakt",
    "kontaktniosoba",
    "kontaktnaosoba",
    "kontaktperson",
    "ansprechpartner",
    "ansprechpartnerin",
    "interlocuteur",
    "personadecontacto",
];

/// What says who somebody is and how to reach them.
const OF_PERSON: [Canonical; 13] = [
    Canonical::FullName,
    Canonical::FirstName,
    Canonical::LastName,
    Canonical::Salutation,
    Canonical::JobTitle,
    Canonical::Company,
    Canonical::Registration,
    Canonical::Email,
    Canonical::Phone,
    Canonical::Mobile,
    Canonical::Fax,
    Canonical::Website,
    Canonical::Language,
];

/// What chooses a route.
const OF_ROUTE: [Canonical; 3] = [Canonical::InquiryKind, Canonical::Topic, Canonical::Country];

/// A form notification of which nothing proves that a website sent it.
pub(super) fn is_unproven(submission: &Submission) -> bool {
    submission.class == Some(MailClass::FormNotification)
        && submission.mail.is_some()
        && submission.by_template().is_none()
        && !submission.is_of_proven_form()
}

/// The person in From wrote the fields.
pub(super) fn is_own_word(submission: &Submission) -> bool {
    submission.flags.iter().any(|flag| flag == trust::TYPED_BY_SENDER)
}

/// The submission as far as its sender is believed; `None` when that is all of it.
pub(super) fn believed(submission: &Submission) -> Option<Submission> {
    let mail = submission.mail.as_ref().filter(|_| is_unproven(submission))?;
    let another = is_own_word(submission) && names_another(&submission.fields, mail);
    let doubted = |field: &Field| {
        field
            .canonical
            .is_some_and(|c| OF_ROUTE.contains(&c) && c != Canonical::Country || another && OF_PERSON.contains(&c))
    };
    if !submission.fields.iter().any(doubted) {
        return None;
    }
    let mut believed = submission.clone();
    for field in believed.fields.iter_mut().filter(|field| doubted(field)) {
        field.canonical = None;
    }
    Some(believed)
}

/// An address is typed that is not the sender's, and the name beside it is not theirs.
fn names_another(fields: &[Field], mail: &MailFacts) -> bool {
    let Some(from) = mail.from.address.as_deref().and_then(EmailAddress::parse) else { return false };
    let typed: Vec<EmailAddress> = all(fields, Canonical::Email)
        .iter()
        .flat_map(|value| typed::addresses(value).found)
        .filter_map(|address| EmailAddress::parse(&address))
        .collect();
    if typed.is_empty() || typed.iter().any(|address| address.canonical() == from.canonical()) {
        return false;
    }
    let local = from.canonical().split('@').next().unwrap_or_default().to_owned();
    let own = parts(&format!("{} {local}", mail.from.name.as_deref().unwrap_or_default()));
    let name_fields = [Canonical::FullName, Canonical::FirstName, Canonical::LastName];
    let named = name_fields.into_iter().flat_map(|name| all(fields, name)).flat_map(parts);
    !named.into_iter().any(|part| own.contains(&part))
}

/// The filled lines of a mail, without paragraphs in which labelled lines say who somebody else is.
pub(super) fn own_lines<'t>(text: &'t str, mail: &MailFacts) -> Vec<&'t str> {
    let lines: Vec<&str> = text.lines().collect();
    let paragraphs = lines.split(|line| line.trim().is_empty());
    paragraphs.filter(|paragraph| !is_of_another(paragraph, mail)).flatten().copied().collect()
}

/// `Contact: Eva Mala`, `E-mail: eva@..`: two labelled lines or more, and another one is named.
fn is_of_another(paragraph: &[&str], mail: &MailFacts) -> bool {
    let fields: Vec<Field> = paragraph.iter().take(LABELLED).filter_map(|line| labelled(line)).collect();
    fields.len() >= 2 && !is_of_house(&fields, mail) && names_another(&fields, mail)
}

fn labelled(line: &str) -> Option<Field> {
    let (name, value) = line.split_once([':', '：']).filter(|(name, _)| name.len() <= 40)?;
    let contact = CONTACTS.contains(&field_names::fold(name).as_str()).then_some(Canonical::FullName);
    let canonical = contact.or_else(|| field_names::canonical(name)).filter(|known| OF_PERSON.contains(known))?;
    Some(Field { name: name.to_owned(), value: value.trim().to_owned(), canonical: Some(canonical) })
}

/// An address of the sender's house: a signature with labels has those of an office.
fn is_of_house(fields: &[Field], mail: &MailFacts) -> bool {
    let from = mail.from.address.as_deref().and_then(EmailAddress::parse);
    let Some(domain) = from.and_then(|from| organisation_domain(&from, &[])) else { return false };
    let typed = all(fields, Canonical::Email).into_iter().flat_map(|value| typed::addresses(value).found);
    typed
        .filter_map(|address| EmailAddress::parse(&address))
        .any(|a| registrable_domain(a.domain()) == Some(domain.clone()))
}

/// Parts of a name, folded.
fn parts(name: &str) -> Vec<String> {
    let folded = any_ascii::any_ascii(name).to_lowercase();
    let parts = folded.split(|c: char| !c.is_alphanumeric()).filter(|part| part.chars().count() >= PART);
    parts.take(20).map(str::to_owned).collect()
}
