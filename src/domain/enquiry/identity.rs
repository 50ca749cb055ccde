//! Who an arrival is from: addresses and name.
//!
//! Invariants:
//! - A form notification, and mail of a website (a configured form sender, an address of our own), names somebody else:
//!   what the visitor typed, then Reply-To, then From.
//! - What a person typed into a mail of their own stands behind their From.
//! - A mail that a template reads is from whom the template finds, and an ADF lead from its customer: never from the
//!   portal, whatever is missing.
//! - Any other mail is from its From alone. Its Reply-To is chosen by whoever writes and proves nothing: it is a fact,
//!   never an address of the sender, unless the house has decided otherwise for the mailbox.

use super::email::EmailAddress;
use super::{Email, EmailKind, Person, name, stranger};
use crate::domain::reading::form::{all, first};
use crate::domain::reading::notification::is_mailer_name;
use crate::domain::reading::{IdentitySource, ReadSettings, ReplyTo, trust, typed};
use crate::domain::submission::{Canonical, MailClass, MailFacts, Mailbox, Submission};

/// Addresses kept of one arrival.
const ADDRESSES: usize = 10;

/// A mail whose fields identify somebody: a form notification or an ADF lead.
pub(super) fn speaks_for_another(submission: &Submission) -> bool {
    matches!(submission.class, Some(MailClass::FormNotification | MailClass::Adf))
}

/// A mail that nobody wrote: reports of mail systems.
fn is_report(submission: &Submission) -> bool {
    matches!(submission.class, Some(MailClass::Bounce | MailClass::DeliveryStatus | MailClass::Complaint))
}

fn is_own(address: &str, settings: &ReadSettings) -> bool {
    EmailAddress::parse(address).is_none_or(|e| e.kind(&settings.own_domains) == EmailKind::Own)
}

/// The From is a website's, not the writer's.
fn is_website(submission: &Submission, mail: &MailFacts, settings: &ReadSettings) -> bool {
    let Some(from) = &mail.from.address else { return false };
    trust::is_form_sender(submission, &mail.from, settings)
        || EmailAddress::parse(from).is_some_and(|e| e.kind(&settings.own_domains) == EmailKind::Own)
}

/// Addresses of the person, strongest first. `intake`: the mailbox it came through.
pub(super) fn emails(submission: &Submission, settings: &ReadSettings, intake: &str) -> Vec<Email> {
    let typed = all(&submission.fields, Canonical::Email);
    let typed: Vec<_> = typed
        .iter()
        .flat_map(|value| typed::addresses(value).found)
        .filter_map(|address| EmailAddress::parse(&address))
        .take(ADDRESSES)
        .collect();
    if submission.by_template().is_some() {
        return unique(typed.iter().map(|address| address.to_email(&settings.own_domains)));
    }
    let order = settings.identity.get(intake);
    if let (Some(mail), Some(order)) =
        (submission.mail.as_ref().filter(|m| is_spoken_for(submission, m, settings)), order)
    {
        return unique(named(mail, order, &typed, settings).into_iter().map(|a| a.to_email(&settings.own_domains)));
    }
    if submission.class == Some(MailClass::Adf) {
        return unique(typed.iter().map(|address| address.to_email(&settings.own_domains)));
    }
    let policy = settings.reply_to.get(intake).copied().unwrap_or_default();
    let own_word = stranger::is_own_word(submission);
    let header = submission.mail.as_ref().filter(|_| !own_word);
    let header = header.map(|mail| header_addresses(submission, mail, !typed.is_empty(), settings, policy));
    let header = header.unwrap_or_default();
    let header = header.iter().filter_map(|address| EmailAddress::parse(address));
    let from = submission.mail.as_ref().filter(|_| own_word);
    let from = from.and_then(|mail| EmailAddress::parse(mail.from.address.as_deref()?));
    unique(from.into_iter().chain(typed).chain(header).map(|address| address.to_email(&settings.own_domains)))
}

fn is_spoken_for(submission: &Submission, mail: &MailFacts, settings: &ReadSettings) -> bool {
    speaks_for_another(submission) || is_website(submission, mail, settings)
}

/// Whom a website names, by the order configured for its mailbox: the first place that names anybody.
fn named(
    mail: &MailFacts,
    order: &[IdentitySource],
    typed: &[EmailAddress],
    settings: &ReadSettings,
) -> Vec<EmailAddress> {
    let read = |mailboxes: &mut dyn Iterator<Item = &Mailbox>| -> Vec<EmailAddress> {
        let addresses = mailboxes.filter_map(|m| m.address.as_deref()).filter(|a| !is_own(a, settings));
        addresses.filter_map(EmailAddress::parse).collect()
    };
    let found = order.iter().map(|source| match source {
        IdentitySource::Fields => typed.to_vec(),
        IdentitySource::ReplyTo => read(&mut mail.reply_to.iter()),
        IdentitySource::From => read(&mut std::iter::once(&mail.from)),
    });
    found.into_iter().find(|addresses| !addresses.is_empty()).unwrap_or_default()
}

/// What the header says of who writes. A website's own address is the last resort and never beside another.
fn header_addresses(
    submission: &Submission,
    mail: &MailFacts,
    has_typed: bool,
    settings: &ReadSettings,
    policy: ReplyTo,
) -> Vec<String> {
    let from = mail.from.address.clone();
    let for_another = speaks_for_another(submission);
    let asks =
        for_another || is_website(submission, mail, settings) || asks_for_another(submission, mail, settings, policy);
    if !asks {
        return from.into_iter().collect();
    }
    if for_another && has_typed {
        return Vec::new();
    }
    let reply_to = mail.reply_to.iter().filter_map(|m| m.address.clone());
    let asked: Vec<String> = reply_to.filter(|a| Some(a) != from.as_ref() && !is_own(a, settings)).collect();
    // An address by which a program writes for everybody is nobody's.
    let of_program = |a: &String| is_own(a, settings) || is_mailer_name(&a.to_lowercase());
    if asked.is_empty() { from.into_iter().filter(|a| !for_another || !of_program(a)).collect() } else { asked }
}

/// The house has decided that in this mailbox Reply-To says who writes.
fn asks_for_another(submission: &Submission, mail: &MailFacts, settings: &ReadSettings, policy: ReplyTo) -> bool {
    let nobody = || {
        let from = mail.from.address.as_deref().and_then(EmailAddress::parse);
        from.is_none_or(|from| from.kind(&settings.own_domains) == EmailKind::Role)
    };
    submission.class == Some(MailClass::Person)
        && match policy {
            ReplyTo::Ignore => false,
            ReplyTo::Nobody => nobody(),
            ReplyTo::Always => true,
        }
}

fn unique(emails: impl Iterator<Item = Email>) -> Vec<Email> {
    let mut kept: Vec<Email> = Vec::new();
    for email in emails {
        if kept.len() < ADDRESSES && !kept.iter().any(|k| k.canonical == email.canonical) {
            kept.push(email);
        }
    }
    kept
}

/// Where a sender whose own address is nobody's (`noreply@`, `info@`) asks to be answered: text for people to judge.
pub(super) fn answer_elsewhere(submission: &Submission, settings: &ReadSettings) -> Option<String> {
    let mail = submission.mail.as_ref().filter(|mail| !is_website(submission, mail, settings))?;
    let from = EmailAddress::parse(mail.from.address.as_deref()?)?;
    let asked = mail.reply_to.iter().find_map(|m| m.address.as_deref()).and_then(EmailAddress::parse)?;
    let nobody = from.kind(&settings.own_domains) == EmailKind::Role;
    let person = submission.class == Some(MailClass::Person);
    (person && nobody && asked.canonical() != from.canonical()).then(|| asked.to_string())
}

/// Who wrote it as raw text, when no address could be read.
pub(super) fn raw_sender(submission: &Submission, emails: &[Email]) -> Option<String> {
    let is_portal = submission.by_template().is_some() || submission.class == Some(MailClass::Adf);
    let mail = submission.mail.as_ref().filter(|_| emails.is_empty() && !is_portal)?;
    mail.from.address.clone().or_else(|| mail.from.name.clone())
}

/// Name and role of the person.
pub(super) fn person(submission: &Submission, emails: &[Email]) -> Person {
    let fields = submission.fields.as_slice();
    let get = |canonical| first(fields, canonical);
    // A field `nom` beside no first name often holds the whole name; `name` beside a last name holds the first.
    let (mut first_name, mut full) = (get(Canonical::FirstName), get(Canonical::FullName));
    let last_name = get(Canonical::LastName);
    if first_name.is_none() && last_name.is_some() && full.is_some_and(|f| !f.contains(' ')) {
        first_name = full.take();
    }
    let mut person = name::from_parts(full, first_name, last_name, get(Canonical::Salutation));
    if person.full_name.is_none()
        && !is_report(submission)
        && let Some(mail) = &submission.mail
    {
        person = Person { salutation: person.salutation, ..display_name(submission, mail, emails) };
    }
    person.job_title = get(Canonical::JobTitle).and_then(|t| crate::domain::reading::text::non_empty_line(t, 120));
    person
}

/// The name beside the address that identifies the sender.
fn display_name(submission: &Submission, mail: &MailFacts, emails: &[Email]) -> Person {
    let lead = emails.first().map(|e| e.address.to_lowercase());
    let nobody = lead.is_none() && speaks_for_another(submission);
    let same = |m: &&Mailbox| !nobody && m.address.as_deref().map(str::to_lowercase) == lead;
    let named = std::iter::once(&mail.from).chain(&mail.reply_to).filter(same).find_map(|m| m.name.as_deref());
    // A website's display name is not the visitor's.
    let beside_from = mail.from.name.as_deref().filter(|_| !speaks_for_another(submission));
    named.or(beside_from).map(name::parse).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(from: &str, reply_to: &str, class: MailClass) -> Submission {
        let mailbox = |address: &str| Mailbox { name: None, address: Some(address.to_owned()) };
        let facts = MailFacts { from: mailbox(from), reply_to: vec![mailbox(reply_to)], ..MailFacts::default() };
        Submission { class: Some(class), mail: Some(facts), ..Submission::default() }
    }

    fn addresses(submission: &Submission) -> Vec<String> {
        let settings = ReadSettings {
            own_domains: vec!["ours.cz".to_owned()],
            form_senders: vec!["site@hosting.cz".to_owned()],
            ..ReadSettings::default()
        };
        emails(submission, &settings, "sales").into_iter().map(|e| e.address).collect()
    }

    #[test]
    fn a_person_is_their_from_and_a_website_speaks_for_its_visitor() {
        let person = |from| addresses(&mail(from, "jan@novak.cz", MailClass::Person));
        assert_eq!(person("eva@firma.cz"), ["eva@firma.cz"]);
        assert_eq!(person("noreply@portal.cz"), ["noreply@portal.cz"]);
        assert_eq!(person("wordpress@ours.cz"), ["jan@novak.cz"]);
        assert_eq!(person("site@hosting.cz"), ["jan@novak.cz"]);
        let notified = mail("eva@firma.cz", "jan@novak.cz", MailClass::FormNotification);
        assert_eq!(addresses(&notified), ["jan@novak.cz"], "never two people at once");
    }

    #[test]
    fn where_a_mailbox_of_nobody_is_to_be_answered_is_kept_as_text() {
        let settings = ReadSettings::default();
        let asked = |from| answer_elsewhere(&mail(from, "jan@novak.cz", MailClass::Person), &settings);
        assert_eq!(asked("noreply@portal.cz").as_deref(), Some("jan@novak.cz"));
        assert_eq!(asked("eva@firma.cz"), None);
    }
}
