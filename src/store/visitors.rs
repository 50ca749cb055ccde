//! Mails of machines to visitors, and what visitors answer to them: turns within bounds, links, confirmations.
//!
//! Invariants:
//! - A turn is counted in the transaction that grants it, over all daemons on one database: no two of them are granted
//!   what only one may have.
//! - A link is kept as the hash of its token; who reads the database cannot confirm or unsubscribe for anybody.

use std::time::Duration;

use ulid::Ulid;

use crate::clock::Timestamp;

/// What the two kinds of links do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// Confirms an address and what was agreed to.
    Confirm,
    /// Ends mail to an address.
    Unsubscribe,
}

impl LinkKind {
    /// The word stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Unsubscribe => "unsubscribe",
        }
    }
}

/// A link about to be mailed.
#[derive(Debug, Clone)]
pub struct NewLink {
    /// What it does.
    pub kind: LinkKind,
    /// Hash of its token.
    pub hash: String,
    /// Purposes it confirms.
    pub purposes: Vec<String>,
    /// How long it works.
    pub expiry: Duration,
}

/// Bounds of mail to visitors.
#[derive(Debug, Clone, Copy)]
pub struct MailBounds {
    /// Mails of one kind to one recipient within 24 hours.
    pub per_recipient: u32,
    /// Mails to one domain within an hour.
    pub per_domain: u32,
    /// Mails within an hour.
    pub per_house: u32,
}

/// A mail that wants to be sent now.
#[derive(Debug, Clone)]
pub struct VisitorMail {
    /// Its effect: the same one may ask again, and is not counted twice.
    pub effect: Ulid,
    /// Kind of the effect.
    pub kind: &'static str,
    /// The submission it answers; a second mail of the kind for it is refused.
    pub arrival: Ulid,
    /// The form it came through.
    pub form: String,
    /// Canonical address.
    pub address: String,
    /// Hash of its mailbox, by which mails are counted.
    pub recipient: String,
    /// Registrable domain of the address.
    pub domain: String,
    /// Links in it.
    pub links: Vec<NewLink>,
    /// Bounds in force.
    pub bounds: MailBounds,
}

/// Whether a mail may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Yes, it is counted and its links work.
    Granted,
    /// No, for this reason.
    Withheld(&'static str),
}

/// Where a link was used from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Network address, as far as it may be kept.
    pub client_ip: Option<String>,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// The page with the button.
    pub page: Option<String>,
}

/// A link that works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenLink {
    /// The form whose mail it stood in.
    pub form: String,
}

/// What came of using a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Used {
    /// It did what it is for, now or earlier.
    Done,
    /// There is no such link, or it has ended.
    Unknown,
}

/// An address confirmed for a purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfirmedPurpose {
    /// Canonical address.
    pub address: String,
    /// Purpose.
    pub purpose: String,
    /// When.
    pub at: Timestamp,
}
