//! What arrived, byte for byte, and the names by which a repeat is known.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::screening::Screening;
use crate::clock::Timestamp;

/// The door an arrival came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// A mailbox over IMAP.
    Mail,
    /// A website form.
    Form,
    /// A third party's webhook.
    Webhook,
    /// A file moved into the spool folder.
    File,
}

impl Channel {
    /// The word stored and printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Form => "form",
            Self::Webhook => "webhook",
            Self::File => "file",
        }
    }

    /// The channel a stored word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "mail" => Some(Self::Mail),
            "form" => Some(Self::Form),
            "webhook" => Some(Self::Webhook),
            "file" => Some(Self::File),
            _ => None,
        }
    }
}

/// How the raw bytes are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RawKind {
    /// An RFC 5322 message.
    Mail,
    /// A form body; [`Envelope::content_type`] says which encoding.
    Form,
}

/// BLAKE3 of the raw bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Digest of `raw`.
    #[must_use]
    pub fn of(raw: &[u8]) -> Self {
        Self(*blake3::hash(raw).as_bytes())
    }
}

impl fmt::Display for Digest {
    /// Lower-case hexadecimal, 64 characters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// A name under which one arrival is known: the same key again is a repeat.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ArrivalKey {
    /// The key, at most 200 bytes, with its kind as prefix (`mail:..`, `form:contact:idem:..`, `form:contact:hash:..`).
    pub value: String,
    /// After this moment the key no longer makes a repeat; `None` never ends.
    pub expires_at: Option<Timestamp>,
}

/// Name in [`ArrivalContext::extra`] of the id of the submission that this one comes after: it had the same explicit
/// key and said something else.
pub const FOLLOWS: &str = "follows";

/// Name in [`ArrivalContext::extra`] of an operator's test: it is decided like any other, tagged, and given to nobody.
pub const TEST: &str = "test";

/// Name in [`ArrivalContext::extra`] of the explicit key under which a submission came that is held at the door: it does
/// not have the key, but by it a release finds who has.
pub const HELD_KEY: &str = "held_key";

/// Name in [`ArrivalContext::extra`] of the key that remembers the bytes of a request for good, where anybody who saw it
/// could send it again: by that key alone nothing is a repeat, it is held.
pub const SEEN_KEY: &str = "seen_key";

/// Name in [`ArrivalContext::extra`] of who sent what is held at the door, for lists: nothing else reads it before it is
/// released.
pub const SHOWN_SENDER: &str = "sender";

/// Name in [`ArrivalContext::extra`] of what it is about.
pub const SHOWN_SUBJECT: &str = "subject";

/// Name in [`ArrivalContext::extra`] of which prospect of a mail with several it is, `2/3`; [`REST`] is what the mail holds
/// beside them.
pub const PART: &str = "part";

/// What a mail holds beside its prospects.
pub const REST: &str = "rest";

/// Name in [`ArrivalContext::extra`] of the submission of the first prospect of the same mail.
pub const PART_OF: &str = "part_of";

/// Context of an arrival that is not part of its bytes. Stored as one JSON object; absent means unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ArrivalContext {
    /// Peer address after trusted-proxy handling (forms).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<String>,
    /// `User-Agent`, cut to 512 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// `Referer`, cut to 2048 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referer: Option<String>,
    /// `Origin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// `Accept-Language`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept_language: Option<String>,
    /// Query string of the request URL, without `?`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// IMAP position of a mail, for the mark that follows the commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailPosition>,
    /// File name as found in the spool folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// True for history read by a first run with `all` or `since`: nobody is notified.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
    /// Original size in bytes when `raw` holds only the header and the first part of an oversized message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated_from: Option<u64>,
    /// An operator released it from quarantine: guard rules and screening no longer hold it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub released: bool,
    /// What screening at the door made of it; absent when no door screened it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub screening: Option<Screening>,
    /// The key its content would have without an explicit one. By it another content under a known explicit key is told
    /// from a repeat, also when the bytes are gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_key: Option<ArrivalKey>,
    /// Anything else a door wants kept.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
}

/// Where a message lies on its IMAP server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailPosition {
    /// Folder name as configured.
    pub folder: String,
    /// UIDVALIDITY of the folder when it was read.
    pub uidvalidity: u32,
    /// UID of the message.
    pub uid: u32,
    /// INTERNALDATE, if the server gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal_date: Option<Timestamp>,
}

/// One arrival as journalled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Public identifier, also the acknowledgement shown to the sender.
    pub id: Ulid,
    /// The door.
    pub channel: Channel,
    /// The configured mailbox, form or hook.
    pub intake_id: String,
    /// Keys that recognise a repeat, strongest first.
    pub keys: Vec<ArrivalKey>,
    /// When the bytes reached us.
    pub received_at: Timestamp,
    /// Digest of `raw`.
    pub digest: Digest,
    /// How to read `raw`.
    pub raw_kind: RawKind,
    /// `Content-Type` of a form body, as sent.
    pub content_type: Option<String>,
    /// Context beside the bytes.
    pub context: ArrivalContext,
    /// The bytes, shared: a copy of the envelope is no copy of them.
    pub raw: Bytes,
}

impl Envelope {
    /// The same without its bytes.
    #[must_use]
    pub fn without_raw(&self) -> Self {
        Self {
            id: self.id,
            channel: self.channel,
            intake_id: self.intake_id.clone(),
            keys: self.keys.clone(),
            received_at: self.received_at,
            digest: self.digest,
            raw_kind: self.raw_kind,
            content_type: self.content_type.clone(),
            context: self.context.clone(),
            raw: Bytes::new(),
        }
    }
}

/// State of an arrival, as lists show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArrivalState {
    /// Journalled, waiting for a worker.
    Received,
    /// Under a worker's lease.
    Processing,
    /// A record was made or appended to, or it repeats another arrival.
    Decided,
    /// Machine mail: kept, joined to its conversation, no record.
    Parked,
    /// Held for a person: suspected spam, bulk, unreadable, nobody to reach.
    Quarantined,
    /// By rule or person.
    Discarded,
    /// Attempts used up for a reason outside the arrival.
    Failed,
}

impl ArrivalState {
    /// Every state, in the order of an arrival's life.
    pub const ALL: [Self; 7] = [
        Self::Received,
        Self::Processing,
        Self::Decided,
        Self::Parked,
        Self::Quarantined,
        Self::Discarded,
        Self::Failed,
    ];

    /// The word stored and printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Processing => "processing",
            Self::Decided => "decided",
            Self::Parked => "parked",
            Self::Quarantined => "quarantined",
            Self::Discarded => "discarded",
            Self::Failed => "failed",
        }
    }

    /// The state a stored word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }
}
