//! What is journalled, and the proof that it was.

use ulid::Ulid;

use super::NamedLock;
use super::edited::Edited;
use crate::domain::envelope::{ArrivalKey, Channel, Envelope, SEEN_KEY};
use crate::domain::hooks::SEEN_BEFORE;

/// Prefix of the keys by which submissions held at the door know one another.
pub const HELD: &str = "held:";

/// Where a new arrival starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InitialState {
    /// A process job is made for it.
    Received,
    /// Held at once, with this reason (an unfetchable message, screened spam).
    Quarantined(String),
}

/// An arrival to be journalled.
#[derive(Debug, Clone)]
pub struct NewArrival {
    /// What arrived.
    pub envelope: Envelope,
    /// Where it starts.
    pub initial: InitialState,
    /// What becomes of it when its chosen key names another content; `None`: it is a repeat like any other.
    pub edited: Option<Edited>,
}

impl NewArrival {
    /// An arrival that is to be worked on.
    #[must_use]
    pub const fn received(envelope: Envelope) -> Self {
        Self { envelope, initial: InitialState::Received, edited: None }
    }

    /// An arrival held at once, with this reason.
    #[must_use]
    pub fn held(envelope: Envelope, reason: &str) -> Self {
        Self { envelope, initial: InitialState::Quarantined(reason.to_owned()), edited: None }
    }

    /// An arrival whose bytes came before, so long ago that nobody tries again: a person looks whether it is meant. It
    /// knows only its like that wait too.
    #[must_use]
    pub fn seen_before(mut envelope: Envelope) -> Self {
        let own = |seen: &String| ArrivalKey { value: format!("{HELD}{seen}"), expires_at: None };
        envelope.keys = envelope.context.extra.get(SEEN_KEY).map(own).into_iter().collect();
        Self::held(envelope, SEEN_BEFORE)
    }

    /// Whether it takes `key` for itself when nobody has it. A submission held at the door only looks whether its keys
    /// are known, so that the same one sent properly later is no repeat of it; only those under [`HELD`] are its own.
    pub(in crate::store) fn claims(&self, key: &ArrivalKey) -> bool {
        let door = matches!(self.envelope.channel, Channel::Form | Channel::Webhook);
        let held = self.initial != InitialState::Received && door;
        !held || key.value.starts_with(HELD)
    }
}

/// A mailbox cursor that moves in the same transaction as the arrivals it passes.
#[derive(Debug, Clone)]
pub struct CursorMove {
    /// Mailbox id.
    pub mailbox: String,
    /// The holder's lease on the mailbox, for fencing.
    pub lock: NamedLock,
    /// UIDVALIDITY read at SELECT.
    pub uidvalidity: u32,
    /// Every UID up to this one is journalled.
    pub last_uid: u32,
    /// A repeat gets the `mark` effect that its decision would have made: its copy on the server is to be marked too,
    /// unless the first one is quarantined or failed.
    pub mark_repeats: bool,
}

/// Proof that an arrival is on disk. Only the store mints it.
#[derive(Debug, Clone)]
pub struct Accepted {
    id: Ulid,
    duplicate_of: Option<Ulid>,
    follows: Option<Ulid>,
    late: bool,
    spilled: bool,
}

impl Accepted {
    pub(in crate::store) const fn mint(id: Ulid, duplicate_of: Option<Ulid>, spilled: bool) -> Self {
        Self { id, duplicate_of, follows: None, late: false, spilled }
    }

    pub(in crate::store) const fn following(mut self, first: Option<Ulid>) -> Self {
        self.follows = first;
        self
    }

    pub(in crate::store) const fn seen_before(mut self, late: bool) -> Self {
        self.late = late;
        self
    }

    /// Held because its bytes came before, so long ago that nobody tries again.
    #[must_use]
    pub const fn is_late(&self) -> bool {
        self.late
    }

    /// Id of this arrival.
    #[must_use]
    pub const fn id(&self) -> Ulid {
        self.id
    }

    /// The first arrival with the same key, when this one repeats it.
    #[must_use]
    pub const fn duplicate_of(&self) -> Option<Ulid> {
        self.duplicate_of
    }

    /// The arrival that its chosen key names, when that one said something else.
    #[must_use]
    pub const fn follows(&self) -> Option<Ulid> {
        self.follows
    }

    /// The id to acknowledge: the first arrival's for a repeat.
    #[must_use]
    pub fn acknowledged(&self) -> Ulid {
        self.duplicate_of.unwrap_or(self.id)
    }

    /// Journalled in the spill because the database is away.
    #[must_use]
    pub const fn spilled(&self) -> bool {
        self.spilled
    }
}
