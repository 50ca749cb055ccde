//! Recognising people, on PostgreSQL.

use std::collections::BTreeSet;

use async_trait::async_trait;
use ulid::Ulid;

use super::Postgres;
use super::contract::{reading, writing};
use super::queries::{import_places, imports, merges, models, neighbours, probe, reindex};
use crate::domain::matching::fit::Answers;
use crate::domain::matching::model::Model;
use crate::domain::matching::shadow::Trial;
use crate::domain::matching::{MatchKey, NeighbourQuery, Neighbourhood};
use crate::store::merge::{Answer, Joined, MergeOrder, Merged, Question, Rejected, Unmerged};
use crate::store::{Indexed, NewModel, Recognition, Reindexed, StoreResult, Waiting, rows};

#[async_trait]
impl Recognition for Postgres {
    async fn neighbours(&self, queries: &[NeighbourQuery]) -> StoreResult<Vec<Neighbourhood>> {
        reading!(self, |conn| neighbours::neighbours(conn, queries))
    }

    async fn generic_keys(&self, keys: &[MatchKey]) -> StoreResult<BTreeSet<MatchKey>> {
        reading!(self, |conn| probe::generic(conn, keys))
    }

    async fn import_contacts(&self, contacts: Vec<rows::ContactImport>) -> StoreResult<Vec<rows::Imported>> {
        let now = self.now();
        writing!(self, |conn| imports::import(conn, &contacts, now))
    }

    async fn import_place(&self, source: &str) -> StoreResult<Option<rows::ImportPlace>> {
        reading!(self, |conn| import_places::place(conn, source))
    }

    async fn keep_import_place(&self, source: &str, place: Option<rows::ImportPlace>) -> StoreResult<()> {
        let now = self.now();
        writing!(self, |conn| import_places::keep(conn, source, place, now))
    }

    async fn merge(&self, order: MergeOrder) -> StoreResult<Answer<Merged>> {
        let now = self.now();
        writing!(self, |conn| merges::merge(conn, &order, now))
    }

    async fn unmerge(&self, event: Ulid, actor: &str) -> StoreResult<Answer<Unmerged>> {
        let now = self.now();
        writing!(self, |conn| merges::unmerge(conn, event, actor, now))
    }

    async fn questions(&self, before: Option<i64>, limit: i64) -> StoreResult<Vec<Question>> {
        reading!(self, |conn| merges::list(conn, before, limit))
    }

    async fn accept_question(&self, id: i64, order: MergeOrder) -> StoreResult<Answer<Joined>> {
        let now = self.now();
        writing!(self, |conn| merges::accept(conn, id, &order, now))
    }

    async fn reject_question(&self, id: i64, actor: &str) -> StoreResult<Answer<Rejected>> {
        let now = self.now();
        writing!(self, |conn| merges::reject(conn, id, actor, now))
    }

    async fn reindex(&self, all: bool, after: i64, most: i64) -> StoreResult<Reindexed> {
        writing!(self, |conn| reindex::step(conn, all, after, most))
    }

    async fn waiting(&self) -> StoreResult<Waiting> {
        reading!(self, |conn| reindex::waiting(conn))
    }

    async fn profiles(&self, after: (i64, i64), most: i64) -> StoreResult<Vec<Indexed>> {
        reading!(self, |conn| models::profiles(conn, after, most))
    }

    async fn answers(&self) -> StoreResult<Answers> {
        reading!(self, |conn| models::answers(conn))
    }

    async fn trials(&self, before: i64, most: i64) -> StoreResult<(Vec<Trial>, Option<i64>)> {
        reading!(self, |conn| models::trials(conn, before, most))
    }

    async fn keep_model(&self, model: NewModel) -> StoreResult<i64> {
        let now = self.now();
        writing!(self, |conn| models::keep(conn, &model, now))
    }

    async fn put_in_force(&self, model: i64) -> StoreResult<bool> {
        writing!(self, |conn| models::put_in_force(conn, model))
    }

    async fn in_force(&self, had: Option<i64>) -> StoreResult<Option<Model>> {
        reading!(self, |conn| models::in_force(conn, had))
    }
}
