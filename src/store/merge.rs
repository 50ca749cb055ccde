//! Two records that are one person or company, and the questions a person answers about them.
//!
//! Invariants:
//! - the oldest record stays; the other one redirects to it, and what hung on it hangs on the survivor;
//! - nothing is thrown away: a merge notes what it moved and changed, and undoing it gives back exactly that;
//! - what came after the merge stays with the survivor when the merge is undone;
//! - what a person called two stays two, for whoever was merged into either.

use serde::Serialize;
use ulid::Ulid;

use crate::clock::Timestamp;
use crate::domain::matching::{EntityKind, EntityRef};

/// Which records to merge, and for whom.
#[derive(Debug, Clone)]
pub struct MergeOrder {
    /// One record.
    pub one: Ulid,
    /// The other one.
    pub other: Ulid,
    /// Even if a person said that these are two.
    pub overrule: bool,
    /// Who asked for it.
    pub actor: String,
    /// Id of the event, with which it is undone.
    pub event: Ulid,
}

/// What a merge did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Merged {
    /// Its id: `pisteur unmerge` undoes it.
    pub event: Ulid,
    /// The record that stays.
    pub survivor: EntityRef,
    /// The record that redirects to it now.
    pub merged: EntityRef,
    /// Columns of the survivor that were filled or changed, by name.
    pub changed: Vec<String>,
    /// How many messages, addresses, keys and so on it got.
    pub moved: u64,
    /// How many open questions were answered by it.
    pub answered: u64,
}

/// What linking two records of two kinds did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Linked {
    /// Its id: `pisteur unmerge` undoes it.
    pub event: Ulid,
    /// The lead or opportunity that says now whose it is.
    pub linked: EntityRef,
    /// Its person, or the lead or opportunity of the same person.
    pub to: EntityRef,
    /// Columns of it that were filled, by name.
    pub changed: Vec<String>,
    /// How many open questions were answered by it.
    pub answered: u64,
}

/// What became of two records that a person called one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Joined {
    /// Two of a kind are one record.
    Merged(Merged),
    /// Two of two kinds are about one person.
    Linked(Linked),
}

/// What undoing a merge did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unmerged {
    /// The merge undone.
    pub event: Ulid,
    /// The record that had stayed.
    pub survivor: EntityRef,
    /// The record that is one of its own again.
    pub restored: EntityRef,
}

/// Why nothing was merged, undone or answered; each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No record has this id.
    #[error("there is no record {0}")]
    Unknown(Ulid),
    /// Twice the same.
    #[error("{} is named twice; name the two records to be merged", shown(.0))]
    Same(EntityRef),
    /// It was merged before.
    #[error("{} was merged into {} before; merge that one instead", shown(.merged), shown(.into))]
    Already {
        /// The record named.
        merged: EntityRef,
        /// Its survivor.
        into: EntityRef,
    },
    /// Both were merged into one before.
    #[error("{} and {} are one record since an earlier merge", shown(.0), shown(.1))]
    One(EntityRef, EntityRef),
    /// Only two of a kind can be merged.
    #[error(
        "{} and {} are of two kinds and cannot be merged; merge lead with lead, contact with contact, organisation with \
         organisation or opportunity with opportunity",
        shown(.0), shown(.1)
    )]
    Kinds(EntityRef, EntityRef),
    /// A lead or opportunity has another person already.
    #[error(
        "{} is about {} and cannot be about {}, too; if these two are one, merge them: pisteur merge {} {}",
        shown(.record), shown(.has), shown(.other), shown(.has), shown(.other)
    )]
    OtherPerson {
        /// The lead or opportunity.
        record: EntityRef,
        /// The contact it has.
        has: EntityRef,
        /// The contact it would get.
        other: EntityRef,
    },
    /// A person said that they are two.
    #[error("{} said that {} and {} are not the same; merge them all the same with --overrule", .by, shown(.one), shown(.other))]
    ToldApart {
        /// One record.
        one: EntityRef,
        /// The other one.
        other: EntityRef,
        /// Who said so.
        by: String,
    },
    /// No merge has this id.
    #[error("there is no merge {0}; `pisteur merge` and `pisteur review accept` print its id")]
    NoEvent(Ulid),
    /// It was undone before.
    #[error("the merge {event} was undone before, by {by}")]
    Undone {
        /// The merge.
        event: Ulid,
        /// Who undid it.
        by: String,
    },
    /// A later merge stands on it.
    #[error("the later merge {first} stands on {event}; undo that one first: pisteur unmerge {first}")]
    StandsOn {
        /// The merge that was to be undone.
        event: Ulid,
        /// The one to undo first.
        first: Ulid,
    },
    /// What it had noted was erased with its person.
    #[error("the person of the merge {0} was erased since; there is nothing left to give back")]
    Erased(Ulid),
    /// No question has this number.
    #[error("there is no question {0}; `pisteur review list` shows those that are open")]
    NoQuestion(i64),
    /// It was answered before.
    #[error("the question {id} was {state} before, by {by}{}", undo(.event.as_ref()))]
    Answered {
        /// Its number.
        id: i64,
        /// `accepted` or `rejected`.
        state: String,
        /// Who answered it.
        by: String,
        /// The merge that answered it.
        event: Option<Ulid>,
    },
}

fn shown(record: &EntityRef) -> String {
    format!("{}:{}", record.kind.as_str(), record.id)
}

fn undo(event: Option<&Ulid>) -> String {
    event.map_or_else(String::new, |event| format!("; the merge is {event}"))
}

/// What was done, or why not.
pub type Answer<T> = Result<T, Refusal>;

/// One side of a question, in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the contract")]
pub struct Side {
    pub kind: EntityKind,
    pub id: Ulid,
    pub created_at: Timestamp,
    pub name: Option<String>,
    pub company: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub status: Option<String>,
}

/// An open question: are these two records one?
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Question {
    /// Its number.
    pub id: i64,
    /// When it came up.
    pub asked_at: Timestamp,
    /// The newer record, flagged until the question is answered.
    pub record: Side,
    /// The record it may be the same as.
    pub other: Side,
    /// All evidence in bits, where everything was compared.
    pub bits: Option<f64>,
    /// How sure it is that they are one, from 0 to 1, where everything was compared.
    pub probability: Option<f64>,
    /// Why, one sentence.
    pub why: Option<String>,
    /// What was compared, as kept with the decision.
    pub evidence: Option<serde_json::Value>,
}

/// What a rejected question came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// Its number.
    pub id: i64,
    /// The records that are two, whoever is merged into them.
    pub record: EntityRef,
    /// The other one.
    pub other: EntityRef,
    /// Open questions about the same two that this answered, itself included.
    pub answered: u64,
}
