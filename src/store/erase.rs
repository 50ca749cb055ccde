//! Forgetting a person: what an erasure is about, what was found of them, and in which steps it goes.
//!
//! Invariants:
//! - Each step is one transaction with its own audit row; the address itself is never in one.
//! - Arrivals go before records and records before the address: what is left after an interruption is still found.
//! - A step done again finds nothing and counts nothing.

use std::collections::BTreeMap;

use ulid::Ulid;

/// Whom to forget, for whom, and whether really.
#[derive(Debug, Clone)]
pub struct Erasure {
    /// Canonical address.
    pub address: String,
    /// Who asked for it, for the audit trail.
    pub actor: String,
    /// Count only: everything is undone again.
    pub rehearsal: bool,
}

/// What there is of a person, by inside numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erasable {
    /// Arrivals not erased yet, oldest first.
    pub arrivals: Vec<i64>,
    /// Leads, contacts and opportunities, oldest first.
    pub records: Vec<i64>,
}

/// One transaction of an erasure.
#[derive(Debug, Clone)]
pub enum EraseStep {
    /// These arrivals with their bytes, messages, files, touches and effects.
    Arrivals(Vec<i64>),
    /// These records with what hangs on them.
    Records(Vec<i64>),
    /// What is kept under the address alone: links, mails, confirmations, unsubscribing.
    Address,
}

impl EraseStep {
    /// The word in the audit trail.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Arrivals(_) => "arrivals",
            Self::Records(_) => "records",
            Self::Address => "address",
        }
    }
}

/// How many of each kind, by the word for it.
pub type ErasedCounts = BTreeMap<&'static str, u64>;

/// What is stored for an address that asked not to be written to and whose person was erased: the address cannot be read
/// from it, yet is recognised when it comes again.
pub(super) fn suppressed(address: &str) -> String {
    let hash = blake3::Hasher::new_derive_key("pisteur 2026 suppression of an erased address")
        .update(address.as_bytes())
        .finalize();
    format!("erased:{}", hash.to_hex())
}

/// What the command hands to the store: the arrivals it recognised by reading them, in pieces.
pub(super) fn texts(ids: &[Ulid]) -> Vec<String> {
    ids.iter().map(Ulid::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suppressed_address_is_recognised_and_not_read() {
        let kept = suppressed("anne@one.fr");
        assert_eq!(kept, suppressed("anne@one.fr"));
        assert_ne!(kept, suppressed("anna@one.fr"));
        assert!(!kept.contains('@') && kept.len() == "erased:".len() + 64);
    }
}
