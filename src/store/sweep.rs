//! What the sweep needs of the store: records written since they were last compared with all others, and asking a person
//! whether two of them are one.
//!
//! Invariants:
//! - a record is due from the transaction that writes it until one that says it was compared, and stays due when it was
//!   written once more meanwhile;
//! - two records are asked about once, whoever asks: not where a question, a word of a person or a merge about them is
//!   there already.

use async_trait::async_trait;
use serde_json::Value;
use ulid::Ulid;

use super::StoreResult;
use crate::domain::matching::Neighbour;
use crate::domain::matching::profile::Profile;

/// A record that waits for being compared, and how often it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Its row.
    pub(in crate::store) record: i64,
    /// Grows with each writing.
    pub(in crate::store) turn: i64,
}

/// A record that was written since it was last compared.
#[derive(Debug, Clone)]
pub struct Unswept {
    /// What is given back when it was compared.
    pub due: Due,
    /// What it says, with the keys that tell its person; `None` for one that is merged, erased or no person's.
    pub record: Option<Neighbour>,
    /// What it is compared by.
    pub profiles: Vec<Profile>,
    /// Records known to be about the same person: those it is linked to and those linked to it, however far.
    pub tied: Vec<Ulid>,
}

/// Two records of a kind that may be one.
#[derive(Debug, Clone, PartialEq)]
pub struct Suspicion {
    /// The newer one.
    pub record: Ulid,
    /// The older one.
    pub other: Ulid,
    /// What was compared, as decisions keep it; masked.
    pub evidence: Value,
}

/// A record that was compared with all others.
#[derive(Debug, Clone)]
pub struct Swept {
    /// As [`Unswept`] named it.
    pub due: Due,
    /// Whom it may be.
    pub suspicions: Vec<Suspicion>,
}

/// The sweep's part of the contract.
#[async_trait]
pub trait Sweep {
    /// At most `most` records written since they were last compared, oldest first.
    async fn unswept(&self, most: i64) -> StoreResult<Vec<Unswept>>;
    /// Asks what was not asked before, and forgets that these records waited, in one transaction; how many questions.
    async fn swept(&self, done: Vec<Swept>) -> StoreResult<u64>;
}
