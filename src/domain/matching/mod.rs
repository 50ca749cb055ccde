//! Is this person, is this organisation already known? Keys, comparison, verdict, with evidence.

mod apart;
pub mod blocking;
pub mod compare;
pub mod field;
pub mod fit;
mod given_names;
pub mod judge;
mod key;
pub mod keys;
pub mod kin;
pub mod model;
pub mod names;
mod nicknames;
pub mod organisation;
mod phonetic;
pub mod profile;
pub mod refit;
pub mod rule;
pub mod score;
pub mod shadow;
pub mod shown;
mod skeleton;
mod start;
pub mod twins;
pub mod verdict;
pub mod waterfall;
pub mod words;

use std::sync::Arc;

pub use key::{KeyKind, MatchKey};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use judge::Judged;
use model::Model;
use profile::Profile;

use crate::clock::Timestamp;
use crate::domain::enquiry::Enquiry;

/// The tables that share one key space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityKind {
    /// A lead (piste).
    Lead,
    /// A contact.
    Contact,
    /// An organisation.
    Organisation,
    /// An opportunity.
    Opportunity,
}

impl EntityKind {
    /// The word stored and printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Contact => "contact",
            Self::Organisation => "organisation",
            Self::Opportunity => "opportunity",
        }
    }

    /// The kind a stored word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "lead" => Some(Self::Lead),
            "contact" => Some(Self::Contact),
            "organisation" => Some(Self::Organisation),
            "opportunity" => Some(Self::Opportunity),
            _ => None,
        }
    }
}

/// A record by kind and public id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct EntityRef {
    pub kind: EntityKind,
    pub id: Ulid,
}

/// A known record that shares a key with the arrival.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Which record.
    pub entity: EntityRef,
    /// Keys in common.
    pub keys: Vec<MatchKey>,
    /// Person's names; an organisation has none.
    pub first_name: Option<String>,
    /// Person's surname.
    pub last_name: Option<String>,
    /// Person's whole name as written.
    pub full_name: Option<String>,
    /// Company name of a lead or contact, name of an organisation.
    pub organisation_name: Option<String>,
    /// Numbers under which an organisation is registered, as written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registrations: Vec<String>,
    /// Registrable domain of an organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Canonical emails of the record.
    pub emails: Vec<String>,
    /// E.164 phones of the record.
    pub phones: Vec<String>,
    /// Status (lead), stage (opportunity); empty otherwise.
    pub status: String,
    /// A lead or opportunity on which work may go on. Contacts and organisations: false.
    pub open: bool,
    /// Bought before.
    pub customer: bool,
    /// Owner's user id.
    pub owner: Option<String>,
    /// Team.
    pub team: Option<String>,
    /// Last message of its conversation.
    pub last_message_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Contact a lead or opportunity is linked to.
    pub contact: Option<Ulid>,
    /// Organisation a contact, lead or opportunity belongs to.
    pub organisation: Option<Ulid>,
    /// Records that a person said it is not the same as.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_same_as: Vec<Ulid>,
    /// What comparing everything it is known by said, where there was anything to compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<Judged>,
}

/// A stored message that the arrival answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadHit {
    /// The id of ours or theirs that was named in References or In-Reply-To.
    pub message_id: String,
    /// The lead or opportunity whose conversation it belongs to.
    pub record: EntityRef,
    /// The sender's addresses, as asked for, that take part in that conversation or belong to its record.
    pub participants: Vec<String>,
    /// Those of them that are contact details of its record: an address in Cc takes part, too, and anybody may put it there.
    #[serde(default)]
    pub contacts: Vec<String>,
    /// The message is surely from whom it names, as far as a mail server of the house can tell, or from us.
    #[serde(default = "yes")]
    pub proven: bool,
    /// Subject of the stored message.
    pub subject: Option<String>,
    /// Whether the record is open.
    pub open: bool,
    /// Last message of the conversation.
    pub last_message_at: Option<Timestamp>,
    /// Owner's user id.
    pub owner: Option<String>,
    /// Team.
    pub team: Option<String>,
    /// Contact the record is linked to.
    pub contact: Option<Ulid>,
    /// Organisation the record belongs to.
    pub organisation: Option<Ulid>,
}

/// What was stored before this was asked counts as it did then.
const fn yes() -> bool {
    true
}

/// Everything known that touches one arrival.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Neighbourhood {
    /// Records that share a key, oldest first.
    pub records: Vec<Neighbour>,
    /// Conversations the arrival answers, each by its newest message named, newest first, at most 32.
    pub threads: Vec<ThreadHit>,
    /// An earlier arrival carried the same Message-ID with other content.
    pub same_message_id: Option<Ulid>,
    /// A phone or shared mailbox was left out: so many records carry it that it tells nothing.
    pub truncated: bool,
    /// New leads and opportunities that mails of the same writer made of late, as far as they were asked for.
    #[serde(default)]
    pub made_lately: u32,
    /// Earlier mails of the same sender, newest first, as far as they were asked for.
    #[serde(default)]
    pub earlier: Vec<Earlier>,
    /// All that were compared with, the closest of which are among the records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub searched: Vec<Ulid>,
}

/// The end of an earlier mail of the same sender.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// The last words of what it said.
    pub text: String,
    /// What was taken for its signature.
    pub signature: Option<String>,
}

/// Whose new records are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lately {
    /// The address of whoever wrote.
    pub key: MatchKey,
    /// Records made after this moment count.
    pub since: Timestamp,
}

/// What an arrival is compared by.
#[derive(Debug, Clone, PartialEq)]
pub struct Compare {
    /// Whoever asks.
    pub profile: Profile,
    /// The weights.
    pub model: Arc<Model>,
}

impl Compare {
    /// What an enquiry is compared by; `None` where nothing tells who asks.
    #[must_use]
    pub fn of(enquiry: &Enquiry, model: &Arc<Model>) -> Option<Self> {
        Some(Self { profile: Profile::of_enquiry(enquiry)?, model: Arc::clone(model) })
    }
}

/// What to look for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NeighbourQuery {
    /// Blocking keys of the arrival, deduplicated and sorted.
    pub keys: Vec<MatchKey>,
    /// References and In-Reply-To, without brackets.
    pub thread_ids: Vec<String>,
    /// Addresses of whoever sent it and whom a report is about, lower case, canonical and as written: are they part of those
    /// conversations?
    pub addresses: Vec<String>,
    /// The arrival's own Message-ID, without brackets.
    pub message_id: Option<String>,
    /// The arrival asking, so that it does not find itself.
    pub arrival: Option<Ulid>,
    /// Records that are not looked for: of a record that asks, itself and those known to be about its person.
    pub except: Vec<Ulid>,
    /// Whose new records are counted, where that matters.
    pub lately: Option<Lately>,
    /// What the arrival is compared by, where it is.
    pub compare: Option<Compare>,
    /// The sender whose earlier mails are asked for, as written, lower case.
    pub history: Option<String>,
}
