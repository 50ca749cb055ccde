//! People and organisations: their rows, and what hangs on any record (contact points, addresses, consents, fields).

use std::collections::BTreeMap;

use ulid::Ulid;

use super::{Ownership, Plan, text};
use crate::domain::enquiry::{Consent, EmailKind, Enquiry};
use crate::domain::matching::organisation::ByWhat;
use crate::domain::matching::words::Language;
use crate::domain::matching::{EntityKind, EntityRef, KeyKind, MatchKey};
use crate::domain::visitor::mailbox;
use crate::store::Commit;
use crate::store::batch::row;
use crate::store::erase::suppressed;

/// What a new contact or organisation has beside its enquiry.
pub(super) struct Party<'a> {
    pub(super) id: i64,
    pub(super) ulid: Ulid,
    pub(super) ownership: &'a Ownership,
    pub(super) team: Option<&'a str>,
    pub(super) verification_required: bool,
    pub(super) customer_since: Option<i64>,
    pub(super) last_message_at: Option<i64>,
}

impl Plan {
    /// The row every record has.
    pub(super) fn entity(&mut self, id: i64, ulid: Ulid, kind: EntityKind) {
        row!(self.entities; id, ulid.to_string(), kind.as_str());
    }

    /// A new organisation.
    pub(super) fn organisation(&mut self, party: &Party<'_>, enquiry: &Enquiry) {
        let organisation = &enquiry.organisation;
        let name = organisation
            .name
            .as_deref()
            .or(organisation.domain.as_deref())
            .or(enquiry.person.full_name.as_deref())
            .unwrap_or("?");
        let registrations = (!organisation.registrations.is_empty()).then(|| text(&organisation.registrations));
        self.entity(party.id, party.ulid, EntityKind::Organisation);
        row!(self.organisations; party.id, self.now, name, organisation.domain, registrations, enquiry.website,
            enquiry.country, enquiry.language, party.ownership.owner, party.team, party.customer_since,
            i64::from(party.verification_required), party.last_message_at);
    }

    /// What is said of a known organisation: where nothing was known, and by which numbers and domains it is found. Its
    /// names are its own: others may bear them.
    pub(super) fn organisation_learns(&mut self, id: i64, enquiry: &Enquiry, keys: &[MatchKey]) {
        let said = &enquiry.organisation;
        let numbers = (!said.registrations.is_empty()).then(|| text(&said.registrations));
        if said.domain.is_some() || numbers.is_some() {
            row!(self.known_organisations; id, self.now, said.domain, numbers);
            self.keys_of(id, keys, |kind| matches!(kind, KeyKind::Registration | KeyKind::Domain));
        }
    }

    /// Asks whether a new organisation is one of these, each by public id and row.
    pub(super) fn possibly(&mut self, organisation: i64, others: impl Iterator<Item = (Ulid, i64)>) {
        for (id, row) in others {
            let record = EntityRef { kind: EntityKind::Organisation, id };
            let because = Language::En.says("organisation", ByWhat::NameElsewhere.as_str());
            let evidence = serde_json::json!({ "record": record, "because": because });
            row!(self.candidates; organisation, row, self.now, evidence.to_string());
        }
    }

    /// A new contact.
    pub(super) fn contact(&mut self, party: &Party<'_>, enquiry: &Enquiry, organisation: Option<i64>) {
        let person = &enquiry.person;
        self.entity(party.id, party.ulid, EntityKind::Contact);
        row!(self.contacts; party.id, self.now, organisation, person.salutation, person.first_name, person.last_name,
            person.full_name, person.job_title, enquiry.organisation.name, enquiry.website, enquiry.language,
            enquiry.country, party.ownership.owner, party.team, party.customer_since,
            i64::from(party.verification_required), party.last_message_at, suppression_address(enquiry),
            suppression_hash(enquiry));
    }

    /// Contact points, those of the enquiry after `position`.
    pub(super) fn points(&mut self, record: i64, enquiry: &Enquiry, position: usize) {
        for (index, email) in enquiry.emails.iter().enumerate() {
            row!(self.points; record, "email", email.canonical, email_kind(email.kind), email.address,
                position.saturating_add(index), self.now);
        }
        for (index, phone) in enquiry.phones.iter().enumerate() {
            row!(self.points; record, "phone", phone.e164.as_ref().unwrap_or(&phone.raw), phone.kind, phone.raw,
                position.saturating_add(index), self.now);
        }
    }

    /// Postal addresses.
    pub(super) fn addresses(&mut self, record: i64, enquiry: &Enquiry) {
        for address in &enquiry.addresses {
            row!(self.addresses; record, address.street, address.city, address.state, address.postcode,
                address.country, self.now);
        }
    }

    /// Consents of an import: nothing shows when and where they were given.
    pub(super) fn consents(&mut self, record: i64, enquiry: &Enquiry) {
        for consent in &enquiry.consents {
            self.consent(record, consent, self.now, (None, None, None));
        }
    }

    /// Consents of an arrival, with their evidence: when it came, from where, and the page the box stood on.
    pub(super) fn consents_of(&mut self, record: i64, commit: &Commit) {
        let envelope = &commit.envelope;
        let page = page(commit);
        for consent in &commit.enquiry.consents {
            let evidence = (Some(commit.lease.job), envelope.context.client_ip.as_deref(), page);
            self.consent(record, consent, envelope.received_at.micros(), evidence);
        }
    }

    fn consent(
        &mut self,
        record: i64,
        consent: &Consent,
        at: i64,
        evidence: (Option<i64>, Option<&str>, Option<&str>),
    ) {
        let (arrival, client_ip, page) = evidence;
        row!(self.consents; record, consent.purpose, i64::from(consent.given), consent.text, consent.version, at,
            arrival, consent.field, consent.value, consent.language, consent.text_hash, client_ip, page);
    }

    /// Fields without a column: the form's own and what rules set. Repeated names are joined by commas.
    pub(super) fn custom(&mut self, record: i64, enquiry: &Enquiry, facts: BTreeMap<String, String>) {
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        for field in &enquiry.custom {
            fields
                .entry(field.name.clone())
                .and_modify(|v| {
                    v.push_str(", ");
                    v.push_str(&field.value);
                })
                .or_insert_with(|| field.value.clone());
        }
        fields.extend(facts);
        for (name, value) in fields {
            row!(self.custom_fields; record, name, value);
        }
    }
}

/// The page the form stood on, as it said, else as the browser said.
fn page(commit: &Commit) -> Option<&str> {
    let fields = &commit.submission.fields;
    let said = |name: &str| {
        let value = fields.iter().find(|f| f.name.eq_ignore_ascii_case(name)).map(|f| f.value.trim());
        value.filter(|value| !value.is_empty())
    };
    ["_page", "source_url", "page_url"].iter().find_map(|name| said(name)).or(commit
        .envelope
        .context
        .referer
        .as_deref())
}

/// The address that decides whether a new record starts unsubscribed.
pub(super) fn suppression_address(enquiry: &Enquiry) -> Option<String> {
    enquiry.emails.first().map(|email| mailbox(&email.canonical))
}

/// What stands for it when the person was erased since.
pub(super) fn suppression_hash(enquiry: &Enquiry) -> Option<String> {
    suppression_address(enquiry).map(|address| suppressed(&address))
}

const fn email_kind(kind: EmailKind) -> &'static str {
    match kind {
        EmailKind::Personal => "personal",
        EmailKind::Role => "role",
        EmailKind::Disposable => "disposable",
        EmailKind::Reserved => "reserved",
        EmailKind::Own => "own",
    }
}
