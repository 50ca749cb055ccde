//! [`Submission`] -> [`Enquiry`]: who, how to reach them, what about, from where.
//!
//! Nothing is invented: an address is no name, a name is no gender.

use super::asked;
use super::email::{EmailAddress, is_free_mail, organisation_domain, registrable_domain};
use super::identity::{answer_elsewhere, emails, person, raw_sender, speaks_for_another};
use super::signed::{self, Signed};
use super::stranger;
use super::{
    Address, Attribution, CustomField, Email, EmailKind, Enquiry, Organisation, Person, Phone, Request, attribution,
    birth, company, consent, country, intent, language, money, name, phone, postcode,
};
use crate::domain::envelope::Envelope;
use crate::domain::matching::profile::Fact;
use crate::domain::reading::form::{all, first};
use crate::domain::reading::text::{non_empty_line, one_line};
use crate::domain::reading::{FormReading, ReadSettings, adf, budget, calendar, field_names, trust, typed, unwrapped};
use crate::domain::submission::{Canonical, Field, MailClass, Mailbox, Submission};

/// Phones kept of one arrival.
const POINTS: usize = 10;
/// Lines at the end of a text that are looked at first.
const LAST_LINES: usize = 12;
/// Longest id of a request, in characters.
const REQUEST_CHARS: usize = 100;
/// Longest topic, in characters.
const TOPIC_CHARS: usize = 250;

/// Says what an arrival means. Draws on an allowance of its own, as long as the text that was read.
pub fn understand(submission: &Submission, envelope: &Envelope, settings: &ReadSettings) -> Enquiry {
    let steps = settings.limits.steps(submission.text.len());
    budget::within(steps, || understood(submission, envelope, settings)).0
}

fn understood(submission: &Submission, envelope: &Envelope, settings: &ReadSettings) -> Enquiry {
    let inner = unwrapped(submission, settings);
    let submission = inner.as_ref().unwrap_or(submission);
    let believed = stranger::believed(submission);
    let submission = believed.as_ref().unwrap_or(submission);
    let fields = submission.fields.as_slice();
    let form = settings.forms.get(&envelope.intake_id);
    let emails = emails(submission, settings, &envelope.intake_id);
    let address = address(fields);
    let message = message(submission);
    let language = language(submission, envelope, form, &message);
    let typed = address.country.clone();
    let believed = typed.clone().filter(|_| !stranger::is_unproven(submission));
    let country = place(believed.as_ref(), &emails, form, language.as_deref(), settings);
    let told = block(submission).filter(|_| typed.is_none());
    let country = told.and_then(|(block, _)| signed::country(block, country.as_deref())).or(country);
    let region = country.clone().or_else(|| Some(settings.default_country.clone()).filter(|c| !c.is_empty()));
    let phones = phones(submission, typed.as_deref().or(region.as_deref()), language.as_deref());
    let country = country.or_else(|| phones.iter().find_map(|p| p.e164.as_deref()).and_then(phone::country)).or(region);
    let topic = topic(submission, form);
    let mut person = person(submission, &emails);
    let mut organisation = organisation(submission, &emails, settings);
    let signed = signed(submission, &organisation, country.as_deref());
    person.job_title = person.job_title.or(signed.title);
    organisation.name = organisation.name.or(signed.company);
    if organisation.registrations.is_empty() {
        organisation.registrations = signed.registrations;
    }
    let inquiry_kind = first(fields, Canonical::InquiryKind).and_then(|k| non_empty_line(k, 100));
    let origin = origin(submission, envelope, settings);
    Enquiry {
        kind: if person == Person::default() && organisation.name.is_some() { "organisation" } else { "person" }
            .to_owned(),
        particulars: birth::date(fields, country.as_deref()).map(|day| (Fact::DateOfBirth, day)).into_iter().collect(),
        unsubscribe: unsubscribes(submission),
        inquiry_kind: inquiry_kind.or_else(|| intent::inquiry_kind(topic.as_deref(), &message)),
        dates: asked::dates(submission, envelope, topic.as_deref(), &message, country.as_deref()),
        budget: first(fields, Canonical::Budget).and_then(money::read),
        consents: consent::read(fields, form, envelope.context.accept_language.as_deref()),
        custom: custom(fields, &origin.visit, remarks(submission, &emails, settings)),
        attribution: origin.visit,
        first_touch: origin.first.map(Box::new),
        last_touch: origin.last.map(Box::new),
        raw_sender: raw_sender(submission, &emails),
        request: request(submission),
        website: website(fields).or(signed.website),
        addresses: if address == Address::default() {
            signed.address.into_iter().collect()
        } else {
            finish_address(address, country.as_deref())
        },
        person,
        organisation,
        emails,
        phones,
        topic,
        message,
        language,
        country,
    }
}

/// The id under which an ADF lead is known to its sender.
fn request(submission: &Submission) -> Option<Request> {
    let mail = submission.mail.as_ref().filter(|_| submission.class == Some(MailClass::Adf))?;
    let field = |name: &str| submission.fields.iter().find(|f| f.name == name && f.canonical.is_none());
    let id = field(adf::REQUEST_ID).map(|f| f.value.as_str()).filter(|id| id.chars().count() <= REQUEST_CHARS)?;
    let source = field(adf::REQUEST_SOURCE).map(|f| f.value.as_str()).unwrap_or_default();
    let from = EmailAddress::parse(mail.from.address.as_deref()?)?;
    // The domain of a mail service is everybody's.
    let by = if is_free_mail(from.domain()) { from.canonical() } else { registrable_domain(from.domain())? };
    let (source, id) = (source.chars().take(REQUEST_CHARS).collect(), id.to_owned());
    Some(Request { by, source, id, resend: field(adf::REQUEST_STATUS).is_some_and(|f| f.value == adf::RESEND) })
}

fn origin(submission: &Submission, envelope: &Envelope, settings: &ReadSettings) -> attribution::Origin {
    let around = attribution::Around {
        context: &envelope.context,
        received_at: envelope.received_at,
        settings: &settings.attribution,
        own_domains: &settings.own_domains,
    };
    attribution::read(trusted_fields(submission, settings), &around)
}

/// Fields that may name a source: those of a form; of a mail only from a configured form sender, or by a template from a
/// sender that is proven.
fn trusted_fields<'a>(submission: &'a Submission, settings: &ReadSettings) -> &'a [Field] {
    let Some(mail) = &submission.mail else { return &submission.fields };
    let proven = submission.by_template().is_some_and(|template| template.proven);
    if proven || trust::is_form_sender(submission, &mail.from, settings) { &submission.fields } else { &[] }
}

fn organisation(submission: &Submission, emails: &[Email], settings: &ReadSettings) -> Organisation {
    let fields = submission.fields.as_slice();
    let from_name =
        submission.mail.as_ref().filter(|_| !speaks_for_another(submission)).and_then(|m| m.from.name.as_deref());
    let name = first(fields, Canonical::Company)
        .and_then(company::read)
        .or_else(|| name::company_typed(fields).and_then(company::read))
        .or_else(|| from_name.filter(|n| company::has_legal_form(n)).and_then(company::read));
    let domain = emails
        .iter()
        .filter_map(|e| EmailAddress::parse(&e.address))
        .find_map(|address| organisation_domain(&address, &settings.own_domains));
    let registrations =
        all(fields, Canonical::Registration).into_iter().filter_map(|r| non_empty_line(r, 40)).take(5).collect();
    Organisation { name, domain, registrations }
}

/// The signature of a person's own mail, and who wrote it.
fn block(submission: &Submission) -> Option<(&str, &Mailbox)> {
    let mail = submission.mail.as_ref().filter(|_| submission.class == Some(MailClass::Person))?;
    Some((mail.signature.as_deref()?, &mail.from))
}

/// What the signature of a person's own mail says.
fn signed(submission: &Submission, organisation: &Organisation, region: Option<&str>) -> Signed {
    block(submission)
        .map(|(block, from)| signed::read(block, from, organisation.domain.as_deref(), region))
        .unwrap_or_default()
}

fn phones(submission: &Submission, region: Option<&str>, language: Option<&str>) -> Vec<Phone> {
    let mut found: Vec<Phone> = Vec::new();
    let mut add = |phone: Phone| {
        let same = |known: &Phone| known.raw == phone.raw || known.e164.is_some() && known.e164 == phone.e164;
        if found.len() < POINTS && !found.iter().any(same) {
            found.push(phone);
        }
    };
    for field in submission.fields.iter().take(500) {
        let folded = field_names::fold(&field.name);
        let hint = match field.canonical {
            Some(Canonical::Mobile) if folded.contains("whatsapp") => Some("whatsapp"),
            Some(Canonical::Mobile) => Some("mobile"),
            Some(Canonical::Fax) => Some("fax"),
            Some(Canonical::Phone) => None,
            _ => continue,
        };
        if let Some(phone) = phone::read(&field.value, region, hint) {
            add(phone);
        }
    }
    // In a person's own mail numbers stand in the signature, in the last lines where one begins unmarked, or in a sentence.
    if let Some(mail) = submission.mail.as_ref().filter(|_| submission.class == Some(MailClass::Person)) {
        let spoken = language.map_or(&[][..], language::countries).iter().copied();
        let likely = phone::Likely::new(region.into_iter().chain(spoken), mail.from.name.as_deref());
        // The numbers in a message passed on are of others.
        let own = match &mail.forwarded {
            Some(_) => mail.passed_with.as_deref().unwrap_or_default(),
            None => &submission.reply,
        };
        let lines = stranger::own_lines(own, mail);
        let (head, tail) = lines.split_at(lines.len().saturating_sub(LAST_LINES));
        if let Some(block) = &mail.signature {
            phone::find_signed(block, &likely, 4).into_iter().for_each(&mut add);
        }
        phone::find(&tail.join("\n"), &likely, 3).into_iter().for_each(&mut add);
        phone::find(&head.join("\n"), &likely, 2).into_iter().for_each(&mut add);
    }
    found
}

fn address(fields: &[Field]) -> Address {
    let get = |canonical| first(fields, canonical).and_then(|v| non_empty_line(v, 200));
    Address {
        street: get(Canonical::Street),
        postcode: get(Canonical::Postcode),
        city: get(Canonical::City),
        state: get(Canonical::State),
        country: first(fields, Canonical::Country).and_then(country::parse),
    }
}

fn finish_address(address: Address, country: Option<&str>) -> Vec<Address> {
    if address == Address::default() {
        return Vec::new();
    }
    let place = address.country.as_deref().or(country);
    let postcode = address.postcode.as_deref().map(|raw| postcode::read(raw, place).unwrap_or_else(|| raw.to_owned()));
    vec![Address { country: place.map(str::to_owned), postcode, ..address }]
}

/// The country, from the surest sign to the weakest: named, the sender's domain, the form, the language of one country.
fn place(
    named: Option<&String>,
    emails: &[Email],
    form: Option<&FormReading>,
    language: Option<&str>,
    settings: &ReadSettings,
) -> Option<String> {
    let by_domain = || {
        let addresses =
            emails.iter().filter(|e| e.kind != EmailKind::Own).filter_map(|e| EmailAddress::parse(&e.address));
        addresses.into_iter().find_map(|a| country::of_domain(&a.ascii_domain()))
    };
    let by_language = || match language {
        Some("cs") => Some("CZ".to_owned()),
        Some("sk") => Some("SK".to_owned()),
        Some("fa") => Some("IR".to_owned()),
        _ => None,
    };
    let configured = || form.and_then(|f| f.country.as_deref()).and_then(country::code);
    let default_speaks = settings.default_country.is_empty();
    named.cloned().or_else(by_domain).or_else(configured).or_else(|| default_speaks.then(by_language).flatten())
}

fn language(submission: &Submission, envelope: &Envelope, form: Option<&FormReading>, message: &str) -> Option<String> {
    let stated = first(&submission.fields, Canonical::Language).and_then(language::code);
    let accepted = || envelope.context.accept_language.as_deref().and_then(language::code);
    let configured = || form.and_then(|f| f.language.as_deref()).and_then(language::code);
    language::detect(message).or(stated).or_else(configured).or_else(accepted)
}

fn topic(submission: &Submission, form: Option<&FormReading>) -> Option<String> {
    let typed = first(&submission.fields, Canonical::Topic).and_then(|t| non_empty_line(t, TOPIC_CHARS));
    let product = || first(&submission.fields, Canonical::Product).and_then(|p| non_empty_line(p, TOPIC_CHARS));
    let subject = || submission.subject.as_deref().map(strip_prefixes).and_then(|s| non_empty_line(s, TOPIC_CHARS));
    let title = || form.and_then(|f| f.title.as_deref()).and_then(|t| non_empty_line(t, TOPIC_CHARS));
    typed.or_else(subject).or_else(product).or_else(title)
}

/// Drops `Re:`, `Fwd:`, `AW:`, `TR :` and the like, repeated and counted (`Re[2]:`), off a subject.
pub fn strip_prefixes(subject: &str) -> &str {
    const PREFIXES: [&str; 24] = [
        "re", "aw", "sv", "antw", "odp", "ré", "rép", "rif", "r", "vs", "fw", "fwd", "wg", "tr", "rv", "i", "pd",
        "enc", "vb", "vl", "doorst", "reenv", "ynt", "ilt",
    ];
    let mut rest = subject.trim();
    loop {
        let Some((head, tail)) = rest.split_once([':', '：']) else { return rest };
        let word = head.trim().to_lowercase();
        let word = word.split(['[', '(']).next().unwrap_or_default().trim().to_owned();
        if head.len() > 12 || !PREFIXES.contains(&word.as_str()) {
            return rest;
        }
        rest = tail.trim_start();
    }
}

/// The new text; for a form or a notification the message field, else what was typed elsewhere.
fn message(submission: &Submission) -> String {
    let typed = all(&submission.fields, Canonical::Message).join("\n\n");
    if !typed.is_empty() {
        return typed;
    }
    // The other values of a lead are a program's; what may be typed there is what is said of a vehicle.
    if submission.class == Some(MailClass::Adf) {
        let remarks = submission.fields.iter().filter(|f| f.canonical.is_none() && f.name.ends_with("_comments"));
        return remarks.map(|f| f.value.as_str()).collect::<Vec<_>>().join("\n\n");
    }
    if speaks_for_another(submission) && !submission.fields.is_empty() {
        let lines =
            submission.fields.iter().filter(|f| f.canonical.is_none()).map(|f| format!("{}: {}", f.name, f.value));
        return lines.collect::<Vec<_>>().join("\n");
    }
    submission.reply.clone()
}

fn website(fields: &[Field]) -> Option<String> {
    let raw = one_line(first(fields, Canonical::Website)?, 300);
    let host = raw.split("://").last()?.split(['/', '?', '#', ' ']).next()?;
    registrable_domain(host).map(|_| raw.clone())
}

/// Fields nobody's table knows, and known ones that have no place of their own; last what the mail says beside them.
fn custom(fields: &[Field], visit: &Attribution, remarks: Vec<CustomField>) -> Vec<CustomField> {
    // A company typed as a name, beside another company.
    let second_company = name::company_typed(fields).filter(|_| first(fields, Canonical::Company).is_some());
    let kept = fields.iter().filter(|f| {
        let homeless =
            matches!(f.canonical, None | Some(Canonical::Product | Canonical::Quantity | Canonical::ReferredBy))
                || typed::is_refused_name(f)
                || is_unread(f)
                || !is_taken_over(f, visit)
                || f.canonical == Some(Canonical::FullName) && Some(f.value.trim()) == second_company;
        homeless
            && !f.value.trim().is_empty()
            && !field_names::is_attribution(&f.name)
            && !field_names::is_control(&f.name)
    });
    let name = |f: &Field| match f.canonical {
        Some(Canonical::Product) => "product".to_owned(),
        Some(Canonical::Quantity) => "quantity".to_owned(),
        Some(Canonical::ReferredBy) => "referred_by".to_owned(),
        _ => f.name.trim().to_owned(),
    };
    kept.map(|f| CustomField { name: name(f), value: f.value.trim().to_owned() }).chain(remarks).collect()
}

/// What a field holds cannot be read as what it should be, or not all of it: it stays as it was written.
fn is_unread(field: &Field) -> bool {
    let value = field.value.trim();
    match field.canonical {
        Some(Canonical::Phone | Canonical::Mobile | Canonical::Fax) => phone::read(value, None, None).is_none(),
        Some(Canonical::Email) => {
            let read = typed::addresses(value);
            read.rest || read.found.iter().all(|address| EmailAddress::parse(address).is_none())
        }
        Some(Canonical::Budget) => !money::says_it_all(value),
        Some(Canonical::Country) => country::parse(value).is_none(),
        Some(Canonical::Language) => language::code(value).is_none(),
        Some(Canonical::Website) => website(std::slice::from_ref(field)).is_none(),
        _ => false,
    }
}

/// What a mail says beside its fields: where answers are to go, what those wrote who passed it on, when its writer is back,
/// to what it invites.
fn remarks(submission: &Submission, emails: &[Email], settings: &ReadSettings) -> Vec<CustomField> {
    let known = |asked: &String| emails.iter().any(|email| email.address.eq_ignore_ascii_case(asked));
    let answer_to =
        answer_elsewhere(submission, settings).filter(|asked| !known(asked)).map(|value| ("reply_to", value));
    let back = submission.mail.as_ref().and_then(|mail| mail.returns_on.clone()).map(|value| ("returns_on", value));
    let event =
        submission.mail.as_ref().and_then(|mail| mail.event.as_ref()).map(|event| ("event", calendar::line(event)));
    let passed = submission.mail.as_ref().filter(|mail| mail.forwarded.is_none());
    let note = passed.and_then(|mail| mail.passed_with.clone()).map(|said| ("forwarder_note", said));
    let named = answer_to.into_iter().chain(note).chain(back).chain(event.filter(|(_, line)| !line.is_empty()));
    named.map(|(name, value)| CustomField { name: name.to_owned(), value }).collect()
}

/// What a field says of the origin is in force, or it says nothing of it. How somebody heard of us is kept as they said
/// it when a campaign or a click says something else.
fn is_taken_over(field: &Field, visit: &Attribution) -> bool {
    let in_force = match field.canonical {
        Some(Canonical::Source) => &visit.source,
        Some(Canonical::Medium) => &visit.medium,
        Some(Canonical::Campaign) => &visit.campaign,
        _ => return true,
    };
    in_force.as_deref().is_some_and(|name| attribution::folded(name) == attribution::folded(&field.value))
}

/// They ask not to be written to: in the new text of their own mail, or by the address they wrote to.
fn unsubscribes(submission: &Submission) -> bool {
    let Some(mail) = &submission.mail else { return false };
    if submission.class == Some(MailClass::Complaint) {
        return true;
    }
    if submission.class != Some(MailClass::Person) {
        return false;
    }
    // Only tags of our own addresses are read.
    let tagged = mail.plus_tag.as_deref().is_some_and(|tag| matches!(tag, "unsub" | "unsubscribe"));
    // What stands quoted between answers is ours.
    let own: Vec<&str> = submission.reply.lines().filter(|line| !line.trim_start().starts_with('>')).collect();
    tagged || intent::is_unsubscribe(&own.join("\n"), submission.subject.as_deref())
}

#[cfg(test)]
mod tests {
    use super::strip_prefixes;

    #[test]
    fn prefixes_go_and_words_stay() {
        for (subject, topic) in [
            ("Re: AW: Fwd: Pumps", "Pumps"),
            ("RE[2]: TR : Pompes", "Pompes"),
            ("Re", "Re"),
            ("Regarding: pumps", "Regarding: pumps"),
            ("Rendez-vous: lundi", "Rendez-vous: lundi"),
        ] {
            assert_eq!(strip_prefixes(subject), topic);
            assert_eq!(strip_prefixes(strip_prefixes(subject)), topic);
        }
    }
}
