//! Is this person, is this organisation already known? Keys, comparison, verdict, with evidence.

pub mod keys;
pub mod names;
pub mod verdict;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::clock::Timestamp;

/// Kind of a blocking key. Numbers are stored and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// Canonical personal email: exclusive.
    Email = 1,
    /// E.164 phone.
    Phone = 3,
    /// Registration number with a valid checksum: exclusive for organisations.
    Registration = 5,
    /// Registrable domain of an organisation.
    Domain = 6,
    /// Company name without legal form, tokens sorted.
    Company = 12,
    /// Id of a request at the system that passed it on: finds what was sent before, proves no person alone.
    Request = 18,
    /// Role or shared email: finds candidates, proves nothing alone.
    SharedEmail = 17,
}

impl KeyKind {
    /// The stored number.
    #[must_use]
    pub const fn number(self) -> i64 {
        self as i64
    }

    /// The kind a stored number names.
    #[must_use]
    pub const fn from_number(n: i64) -> Option<Self> {
        Some(match n {
            1 => Self::Email,
            3 => Self::Phone,
            5 => Self::Registration,
            6 => Self::Domain,
            12 => Self::Company,
            17 => Self::SharedEmail,
            18 => Self::Request,
            _ => return None,
        })
    }

    /// Two arrivals with this key in common may be one person or organisation by that alone,
    /// so their commits exclude each other.
    #[must_use]
    pub const fn is_strong(self) -> bool {
        matches!(self, Self::Email | Self::Phone | Self::Registration | Self::Request)
    }

    /// So many records may carry it that it tells nothing any more: a switchboard's number, a shared mailbox, a company
    /// name. A personal email never: however many records it has, they are that person's.
    #[must_use]
    pub const fn can_be_generic(self) -> bool {
        !matches!(self, Self::Email)
    }

    /// It tells an organisation, not a person.
    #[must_use]
    pub const fn is_corporate(self) -> bool {
        matches!(self, Self::Registration | Self::Domain | Self::Company)
    }
}

/// A blocking key: kind and xxh3-64 of the normalised value, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MatchKey {
    /// Kind.
    pub kind: KeyKind,
    /// Hash of the normalised value.
    pub hash: i64,
}

impl MatchKey {
    /// Key of `value`, which must be normalised already.
    #[must_use]
    pub fn of(kind: KeyKind, value: &str) -> Self {
        Self { kind, hash: xxhash_rust::xxh3::xxh3_64(value.as_bytes()).cast_signed() }
    }
}

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// What to look for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    /// Whose new records are counted, where that matters.
    pub lately: Option<Lately>,
    /// The sender whose earlier mails are asked for, as written, lower case.
    pub history: Option<String>,
}
