//! The contract of recognising people: who is known around an arrival, and what keeps that right.

use std::collections::BTreeSet;

use async_trait::async_trait;
use ulid::Ulid;

use super::merge::{Answer, Joined, MergeOrder, Merged, Question, Rejected, Unmerged};
use super::{Indexed, NewModel, Reindexed, StoreResult, Waiting, rows};
use crate::domain::matching::fit::Answers;
use crate::domain::matching::model::Model;
use crate::domain::matching::shadow::Trial;
use crate::domain::matching::{MatchKey, NeighbourQuery, Neighbourhood};

/// What both engines can say of who is known, and what changes it.
#[async_trait]
pub trait Recognition: Send + Sync {
    /// What is known around each arrival, in the order asked.
    async fn neighbours(&self, queries: &[NeighbourQuery]) -> StoreResult<Vec<Neighbourhood>>;
    /// Which of these keys are generic: carried by so many records that sharing one proves nothing.
    async fn generic_keys(&self, keys: &[MatchKey]) -> StoreResult<BTreeSet<MatchKey>>;
    /// Creates contacts (with organisations) that matching found new, and adds details to those it found known.
    async fn import_contacts(&self, contacts: Vec<rows::ContactImport>) -> StoreResult<Vec<rows::Imported>>;
    /// How far the import of this source (a digest of what is read and how) came, when it did not end.
    async fn import_place(&self, source: &str) -> StoreResult<Option<rows::ImportPlace>>;
    /// Keeps how far an import came; `None` forgets it, and with it those that nobody went on with for a long time.
    async fn keep_import_place(&self, source: &str, place: Option<rows::ImportPlace>) -> StoreResult<()>;
    /// Merges two records of a kind; the older one stays, and the other one redirects to it.
    async fn merge(&self, order: MergeOrder) -> StoreResult<Answer<Merged>>;
    /// Undoes a merge: both records are as they were, and what came since stays with the survivor.
    async fn unmerge(&self, event: Ulid, actor: &str) -> StoreResult<Answer<Unmerged>>;
    /// Open questions whether two records are one, newest first: at most `limit` (0 = all), those with numbers below `before`.
    async fn questions(&self, before: Option<i64>, limit: i64) -> StoreResult<Vec<Question>>;
    /// Answers a question with yes: a merge of its two records, or a link where they are of two kinds, whatever records
    /// `order` names.
    async fn accept_question(&self, id: i64, order: MergeOrder) -> StoreResult<Answer<Joined>>;
    /// Answers a question with no, for good and for whoever is merged into either.
    async fn reject_question(&self, id: i64, actor: &str) -> StoreResult<Answer<Rejected>>;
    /// Brings the next records up to the rules of normalising of now, in one transaction: at most `most` of those behind
    /// `after` that were taken in by older ones, or of all; then as many search keys that nothing calls for any more go.
    async fn reindex(&self, all: bool, after: i64, most: i64) -> StoreResult<Reindexed>;
    /// What waits for that.
    async fn waiting(&self) -> StoreResult<Waiting>;
    /// The next profiles behind `after` (record and hash), at most `most`; what a contact has of its lead is left out.
    async fn profiles(&self, after: (i64, i64), most: i64) -> StoreResult<Vec<Indexed>>;
    /// What reviewers said of pairs, the newest answers first, at most ten thousand.
    async fn answers(&self) -> StoreResult<Answers>;
    /// What the newest records with a number below `before` told, each with what it was decided among; `most` records at
    /// once. The number to go on below; `None` when there is nothing more.
    async fn trials(&self, before: i64, most: i64) -> StoreResult<(Vec<Trial>, Option<i64>)>;
    /// Keeps a model and, where it is to be in force, puts it in the place of the one before; its number.
    async fn keep_model(&self, model: NewModel) -> StoreResult<i64>;
    /// Puts a model in force that was kept, or with 0 the weights of the start; false where there is none.
    async fn put_in_force(&self, model: i64) -> StoreResult<bool>;
    /// The model in force, unless it is the one with the number `had`; that of the start where none is.
    async fn in_force(&self, had: Option<i64>) -> StoreResult<Option<Model>>;
}
