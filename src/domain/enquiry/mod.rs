//! What an arrival means: who asks, how to reach them, what they want, where they come from.
//!
//! [`Enquiry`] is plain data. One file per kind of value parses and normalises it.

mod address;
mod asked;
pub mod attribution;
mod birth;
pub mod channel;
pub mod company;
pub mod consent;
pub mod country;
pub mod dates;
mod disposable;
pub mod email;
mod email_providers;
mod identity;
pub mod intent;
pub mod language;
pub mod money;
pub mod name;
pub mod phone;
pub mod postcode;
pub mod referrers;
pub mod registration;
mod signed;
mod stranger;
mod understand;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use attribution::AttributionSettings;
pub use dates::AskedDate;
pub use understand::{strip_prefixes, understand};

use crate::clock::Timestamp;
use crate::domain::matching::profile::Fact;

/// A person as far as the arrival tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "crm-model names")]
pub struct Person {
    pub salutation: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub full_name: Option<String>,
    pub job_title: Option<String>,
}

/// An organisation as far as the arrival tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisation {
    /// Name as written.
    pub name: Option<String>,
    /// Registrable domain, lower case, never a free-mail or own one.
    pub domain: Option<String>,
    /// VAT, SIRET, IČO as written.
    pub registrations: Vec<String>,
}

/// What may be concluded from an address's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailKind {
    /// One person's mailbox: may identify them alone.
    Personal,
    /// info@, sales@ and the like.
    Role,
    /// A throw-away provider.
    Disposable,
    /// example.com, .test and the like (RFC 2606).
    Reserved,
    /// On one of our own domains.
    Own,
}

/// An email address: as written, for sending, and for recognition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email {
    /// For sending: trimmed, domain lower case.
    pub address: String,
    /// For recognition only (provider rules); never for sending.
    pub canonical: String,
    /// What it may prove.
    pub kind: EmailKind,
}

/// A telephone number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phone {
    /// As written.
    pub raw: String,
    /// `+` and digits when it could be read.
    pub e164: Option<String>,
    /// `phone`, `mobile`, `fax` or `whatsapp`.
    pub kind: String,
}

/// A postal address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "crm-model names; country is ISO 3166-1 alpha-2")]
pub struct Address {
    pub street: Option<String>,
    pub postcode: Option<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    pub country: Option<String>,
}

/// Where they come from: one touch, by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the utm vocabulary; channel is the GA4 default group")]
pub struct Attribution {
    pub source: Option<String>,
    pub medium: Option<String>,
    pub campaign: Option<String>,
    pub term: Option<String>,
    pub content: Option<String>,
    pub channel: Option<String>,
    pub click_id: Option<String>,
    pub landing_page: Option<String>,
    pub referrer: Option<String>,
    /// The page the form stands on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// When it was, for a touch that a script remembers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// utm parameters, click and visitor identifiers as they were sent, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
}

/// Evidence of one consent given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "crm-model names")]
pub struct Consent {
    pub purpose: String,
    pub given: bool,
    /// Text shown beside the box.
    pub text: Option<String>,
    pub version: Option<String>,
    /// Field as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Value as sent, one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Language of the text, ISO 639-1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// BLAKE3 of the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_hash: Option<String>,
}

/// An amount of money in the smallest unit of its currency (cents).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Cents.
    pub minor: i64,
    /// ISO 4217, when stated.
    pub currency: Option<String>,
}

/// A field the mapping does not know, kept by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "a pair")]
pub struct CustomField {
    pub name: String,
    pub value: String,
}

/// How a request is known to the system that passes it on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Registrable domain of whoever sent it: only with it an id means anything.
    pub by: String,
    /// The system that counts, lower case; empty when it is not named.
    pub source: String,
    /// Its id there.
    pub id: String,
    /// It says that it was sent before.
    pub resend: bool,
}

/// What an arrival means.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enquiry {
    /// `person` or `organisation`.
    pub kind: String,
    /// Who asks.
    pub person: Person,
    /// For whom.
    pub organisation: Organisation,
    /// Strongest first; the first is where an answer would go.
    pub emails: Vec<Email>,
    /// Strongest first.
    pub phones: Vec<Phone>,
    /// Postal addresses.
    pub addresses: Vec<Address>,
    /// Website of the organisation.
    pub website: Option<String>,
    /// One line.
    pub topic: Option<String>,
    /// The new text.
    pub message: String,
    /// product, price, test drive, service, complaint, job, partnership, other.
    pub inquiry_kind: Option<String>,
    /// ISO 639-1.
    pub language: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// Money named for it.
    pub budget: Option<Money>,
    /// Days and periods asked for, in the order named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dates: Vec<AskedDate>,
    /// They ask not to be written to.
    pub unsubscribe: bool,
    /// Where they come from: the visit that ended in this arrival.
    pub attribution: Attribution,
    /// The first touch that a script of the site remembers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_touch: Option<Box<Attribution>>,
    /// The last touch that it remembers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_touch: Option<Box<Attribution>>,
    /// Consents given.
    pub consents: Vec<Consent>,
    /// Unknown fields, in order.
    pub custom: Vec<CustomField>,
    /// How the request is known to its sender's system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
    /// Further facts that tell a person or an organisation from others, such as a date of birth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub particulars: Vec<(Fact, String)>,
    /// Who wrote it, as raw text, when no address could be read.
    pub raw_sender: Option<String>,
}
