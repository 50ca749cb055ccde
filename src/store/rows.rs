//! What lists and pages read, and what imports write: plain data, serialised as scripts see it.

use serde::Serialize;
use ulid::Ulid;

use crate::clock::Timestamp;
use crate::domain::decision::RecordKind;
use crate::domain::enquiry::Enquiry;
use crate::domain::envelope::{ArrivalState, Channel};
use crate::domain::matching::MatchKey;
use crate::domain::matching::profile::Profile;

/// Which arrivals to list.
#[derive(Debug, Clone, Default)]
pub struct ArrivalFilter {
    /// Only this state.
    pub state: Option<ArrivalState>,
    /// Only this door.
    pub intake: Option<String>,
    /// Received at or after.
    pub since: Option<Timestamp>,
    /// Only ids below this one (paging, newest first).
    pub before: Option<Ulid>,
    /// At most; 0 = all.
    pub limit: i64,
}

/// One arrival in a list.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct ArrivalRow {
    pub id: Ulid,
    pub channel: Channel,
    pub intake: String,
    pub state: ArrivalState,
    pub reason: Option<String>,
    pub received_at: Timestamp,
    pub decided_at: Option<Timestamp>,
    pub subject: Option<String>,
    pub sender: Option<String>,
    pub class: Option<String>,
    pub duplicate_of: Option<Ulid>,
    /// `lead:ULID` or `opportunity:ULID` it made or joined.
    pub record: Option<String>,
    pub size: i64,
    pub attempts: i64,
    pub error: Option<String>,
}

/// One arrival whole.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct ArrivalDetail {
    #[serde(flatten)]
    pub row: ArrivalRow,
    pub digest: String,
    pub content_type: Option<String>,
    pub context: serde_json::Value,
    /// Decisions, newest first, with trace.
    pub decisions: Vec<serde_json::Value>,
    /// Repeats of it.
    pub repeats: Vec<Ulid>,
    /// Its files, when it made or joined a record, with what is thought of each.
    pub files: Vec<serde_json::Value>,
    /// Raw bytes still stored.
    pub raw_kept: bool,
    /// Webhooks, mails and marks that followed it: `waiting`, `delivered`, `withheld` (with the reason) or `dead`.
    pub deliveries: Vec<serde_json::Value>,
}

/// Which records to list.
#[derive(Debug, Clone, Default)]
pub struct RecordFilter {
    /// Only this status or stage.
    pub status: Option<String>,
    /// Only this owner.
    pub owner: Option<String>,
    /// Made at or after.
    pub since: Option<Timestamp>,
    /// Only ids below this one.
    pub before: Option<Ulid>,
    /// At most; 0 = all.
    pub limit: i64,
}

/// One lead, opportunity, contact or organisation in a list. What a kind does not have is absent.
#[derive(Debug, Clone, Default, Serialize)]
#[expect(missing_docs, reason = "crm-model names are the contract")]
pub struct RecordRow {
    pub id: Ulid,
    pub kind: String,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
    /// Person's name, organisation's name or opportunity's title.
    pub name: Option<String>,
    pub company: Option<String>,
    pub topic: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub status: Option<String>,
    pub owner: Option<String>,
    pub team: Option<String>,
    pub source: Option<String>,
    pub campaign: Option<String>,
    pub priority: Option<i64>,
    pub verification_required: bool,
}

/// One record whole: `fields` has every column by its canonical name, the lists what hangs on it.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "crm-model names are the contract")]
pub struct RecordDetail {
    pub id: Ulid,
    pub kind: String,
    pub fields: serde_json::Map<String, serde_json::Value>,
    pub contact_points: Vec<serde_json::Value>,
    pub addresses: Vec<serde_json::Value>,
    /// Messages, oldest first; `fields` holds what the mapping did not know, each as it was sent.
    pub communications: Vec<serde_json::Value>,
    pub attachments: Vec<serde_json::Value>,
    pub tags: Vec<String>,
    pub custom_fields: serde_json::Map<String, serde_json::Value>,
    pub activities: Vec<serde_json::Value>,
    pub attempts: Vec<serde_json::Value>,
    pub consents: Vec<serde_json::Value>,
    pub notes: Vec<serde_json::Value>,
    /// Where the person came from each time, oldest first: the first touch, then the visits.
    pub touches: Vec<serde_json::Value>,
    pub decisions: Vec<serde_json::Value>,
    /// Records linked to it: contact, organisation, lead of origin, candidates, opportunities.
    pub links: Vec<serde_json::Value>,
}

/// A lead or opportunity in outline, as deliveries tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordOutline {
    /// Its id; of a merged record the survivor's.
    pub id: Ulid,
    /// What it is.
    pub kind: RecordKind,
    /// Owner's user id.
    pub owner: Option<String>,
    /// Team.
    pub team: Option<String>,
    /// Name of the source.
    pub source: Option<String>,
    /// Name of the campaign.
    pub campaign: Option<String>,
    /// Topic of a lead, title of an opportunity.
    pub title: Option<String>,
    /// Status of a lead, stage of an opportunity.
    pub state: Option<String>,
    /// The person: the record's own, else its contact's.
    pub name: Option<String>,
    /// The record's own, else that of the organisation or contact it hangs on.
    pub company: Option<String>,
    /// At most ten emails and ten phones of the record, and as many of its contact, each in their order.
    pub points: Vec<PointRow>,
}

/// One way to reach a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointRow {
    /// `email` or `phone`.
    pub class: String,
    /// `personal`, `role`, `mobile` and so on.
    pub kind: String,
    /// As written, for use.
    pub value: String,
    /// For recognition; a phone that could be read begins with `+`.
    pub normalised: String,
}

/// One contact to be imported, after matching.
#[derive(Debug, Clone)]
pub struct ContactImport {
    /// Line or card number, for the report.
    pub line: u64,
    /// What the line says.
    pub enquiry: Enquiry,
    /// Has bought before.
    pub customer: bool,
    /// Owner's user id, if the file names one.
    pub owner: Option<String>,
    /// Contact this line is; `None` = new.
    pub known: Option<Ulid>,
    /// Organisation this line belongs to; `None` = new if a company is named.
    pub known_organisation: Option<Ulid>,
    /// Organisations that a new one may be the same as.
    pub organisation_candidates: Vec<Ulid>,
    /// The known organisation is told by its number or domain: what else is said of it is learned.
    pub organisation_learns: bool,
    /// Id for a new contact.
    pub id: Ulid,
    /// Id for a new organisation.
    pub organisation_id: Ulid,
    /// Something overlapped without being the same.
    pub verification_required: bool,
    /// Keys of the contact.
    pub keys: Vec<MatchKey>,
    /// What the contact is compared by.
    pub profile: Option<Profile>,
    /// Keys of the organisation.
    pub organisation_keys: Vec<MatchKey>,
    /// What matching looked at: a strong key on an entity not in here is a conflict.
    pub seen: Vec<Ulid>,
}

/// What an import line became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// A new contact.
    Created,
    /// A known contact, details added.
    Updated,
    /// A record with one of its strong keys appeared meanwhile: match again.
    Conflict,
}

/// How far an import came that has not ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportPlace {
    /// Lines or cards that are done, from the first one on.
    pub entries: u64,
    /// Where the last of them begins in the file.
    pub line: u64,
    /// Contacts made.
    pub created: u64,
    /// Contacts that were known.
    pub updated: u64,
    /// Lines that could not be taken.
    pub refused: u64,
    /// Contacts made that resemble a known record.
    pub uncertain: u64,
}

/// A campaign in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CampaignRow {
    /// Its name, as first written.
    pub name: String,
    /// Known; else records wait for a person to make it known.
    pub known: bool,
    /// When it became known, or the first record that waits was made.
    pub since: Option<Timestamp>,
    /// Leads that came by it or wait for it.
    pub leads: i64,
    /// Opportunities that came by it or wait for it.
    pub opportunities: i64,
}

/// What making a campaign known did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CampaignMade {
    /// It was not known before.
    pub created: bool,
    /// Waiting records that got it.
    pub records: u64,
}

/// An effect that gave up.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct DeadLetter {
    pub job: i64,
    pub kind: String,
    pub target: String,
    pub attempts: i64,
    pub error: Option<String>,
    pub at: Timestamp,
    pub payload: serde_json::Value,
}

/// A user of `people.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "people.toml names")]
pub struct PersonRow {
    pub id: String,
    pub name: String,
    pub email: Option<String>,
    pub active: bool,
    pub languages: Vec<String>,
}

/// A team of `people.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "people.toml names")]
pub struct TeamRow {
    pub id: String,
    pub name: String,
    pub members: Vec<String>,
}
