//! What is to be done with an arrival, and why: plain data that one transaction writes.

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::envelope::ArrivalState;
use super::matching::profile::Profile;
use super::matching::{EntityRef, MatchKey};

/// Lead or opportunity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum RecordKind {
    Lead,
    Opportunity,
}

/// How an existing or new contact or organisation is tied to the new record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// None.
    None,
    /// The record with this id.
    Existing(Ulid),
    /// A new one, with this id.
    New(Ulid),
}

impl Link {
    /// The id, existing or new.
    #[must_use]
    pub const fn id(self) -> Option<Ulid> {
        match self {
            Self::None => None,
            Self::Existing(id) | Self::New(id) => Some(id),
        }
    }
}

/// A member a pool may choose, in file order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolMember {
    /// User id of `people.toml`.
    pub user: String,
    /// Weight, at least 1.
    pub weight: u32,
}

/// Who gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerChoice {
    /// A person, settled.
    Person(String),
    /// The next of a pool: the turn is taken in the same transaction as the record.
    Pool {
        /// Pool name.
        pool: String,
        /// Members eligible now, in file order, never empty.
        members: Vec<PoolMember>,
    },
    /// A named queue without a person.
    Queue(String),
    /// Nobody yet.
    Nobody,
}

/// What becomes of a campaign that is not among the known ones. What was said stays with the touch in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownCampaign {
    /// It becomes a known one.
    #[default]
    Create,
    /// The record has none.
    Leave,
    /// The record counts as of this one.
    Default(String),
    /// The record has none, is tagged [`CAMPAIGN_REVIEW`] and keeps the name as the custom field
    /// [`UNKNOWN_CAMPAIGN`] until a person makes it a known one.
    Review,
}

/// Tag of records whose campaign a person has yet to look at.
pub const CAMPAIGN_REVIEW: &str = "campaign_review";
/// Custom field with the name of that campaign as it was sent.
pub const UNKNOWN_CAMPAIGN: &str = "unknown_campaign";

/// A new lead or opportunity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewRecord {
    /// Lead or opportunity.
    pub kind: RecordKind,
    /// Public id.
    pub id: Ulid,
    /// Title of an opportunity; topic of a lead.
    pub title: String,
    /// Contact it is about.
    pub contact: Link,
    /// Organisation it is for.
    pub organisation: Link,
    /// An earlier record of the same person or conversation.
    pub linked_to: Option<EntityRef>,
    /// The same person's lead that an opportunity comes from: it becomes *opportunity*.
    pub lead_of_origin: Option<Ulid>,
    /// Who gets it.
    pub owner: OwnerChoice,
    /// Team.
    pub team: Option<String>,
    /// Stage of an opportunity; `None` takes the first one.
    pub stage: Option<String>,
    /// 0-3.
    pub priority: u8,
    /// Sum of rule scores.
    pub score: i64,
    /// Tags, sorted, unique.
    pub tags: Vec<String>,
    /// Expected revenue: minor units and ISO 4217 code.
    pub expected_revenue: Option<(i64, Option<String>)>,
    /// Something overlapped with known records that are not taken for the same.
    pub verification_required: bool,
    /// Those records.
    pub candidates: Vec<EntityRef>,
    /// Organisations that a new one may be the same as; each is a question, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub organisation_candidates: Vec<EntityRef>,
    /// The known organisation is told by its number or domain: what else is said of it is learned.
    #[serde(default)]
    pub organisation_learns: bool,
    /// What is missing by the intake's profile: `last_name`, `contact_detail`, ...
    pub incomplete: Vec<String>,
    /// What to do when its campaign is not known yet.
    #[serde(default)]
    pub unknown_campaign: UnknownCampaign,
}

/// What happens to the CRM.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing: quarantined, discarded, or parked without a conversation.
    Nothing,
    /// The message joins the conversation of this record and changes nothing else (machine mail).
    Join(EntityRef),
    /// The person writes again: the message joins, new contact details are added, nothing is overwritten.
    Append(EntityRef),
    /// A new record.
    Create(Box<NewRecord>),
}

/// A fact set by an enrich rule, kept with the record as a custom field unless it is one of the record's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "a pair")]
pub struct SetFact {
    pub name: String,
    pub value: String,
}

/// An address that could not be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounced {
    /// Canonical.
    pub address: String,
    /// The address is dead; otherwise only this message was not delivered.
    pub hard: bool,
    /// Enhanced status code, else why, as a slug.
    pub status: Option<String>,
}

/// What was decided and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// State the arrival ends in.
    pub state: ArrivalState,
    /// Slug for every state but `decided`: `machine`, `unreadable`, `bulk`, `nobody_to_reach`, or a rule's reason.
    pub reason: Option<String>,
    /// What happens to the CRM.
    pub action: Action,
    /// Facts set by rules (source, campaign, quantity, ...).
    pub set: Vec<SetFact>,
    /// Keys the new or appended record carries from now on.
    pub keys: Vec<MatchKey>,
    /// What the record is compared by from now on; nothing for what must never be taken for somebody.
    pub profile: Option<Profile>,
    /// Address of somebody to be marked unsubscribed (canonical), from a complaint or an unsubscribe request.
    pub unsubscribe: Option<String>,
    /// Addresses that a delivery report says could not be reached, each with what it says of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bounced: Vec<Bounced>,
    /// Hash of the rule set.
    pub rules_hash: String,
    /// Rules that matched, in order.
    pub rule_ids: Vec<String>,
    /// Rules trace and match evidence, masked: no message text.
    pub trace: serde_json::Value,
}
