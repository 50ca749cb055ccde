//! Recognising people, on SQLite.

use std::collections::BTreeSet;

use async_trait::async_trait;
use ulid::Ulid;

use super::engine::Sqlite;
use super::queries::{import_places, imports, merges, models, neighbours, probe, reindex};
use crate::domain::matching::fit::Answers;
use crate::domain::matching::model::Model;
use crate::domain::matching::shadow::Trial;
use crate::domain::matching::{MatchKey, NeighbourQuery, Neighbourhood};
use crate::store::merge::{Answer, Joined, MergeOrder, Merged, Question, Rejected, Unmerged};
use crate::store::{Indexed, NewModel, Recognition, Reindexed, StoreResult, Waiting, rows};

#[async_trait]
impl Recognition for Sqlite {
    async fn neighbours(&self, queries: &[NeighbourQuery]) -> StoreResult<Vec<Neighbourhood>> {
        neighbours::neighbours(&mut *self.reader().await?, queries).await
    }

    async fn generic_keys(&self, keys: &[MatchKey]) -> StoreResult<BTreeSet<MatchKey>> {
        probe::generic(&mut *self.reader().await?, keys).await
    }

    async fn import_contacts(&self, contacts: Vec<rows::ContactImport>) -> StoreResult<Vec<rows::Imported>> {
        self.write(move |conn, now| Box::pin(async move { imports::import(conn, &contacts, now.wall).await })).await
    }

    async fn import_place(&self, source: &str) -> StoreResult<Option<rows::ImportPlace>> {
        import_places::place(&mut *self.reader().await?, source).await
    }

    async fn keep_import_place(&self, source: &str, place: Option<rows::ImportPlace>) -> StoreResult<()> {
        let source = source.to_owned();
        self.write(move |conn, now| Box::pin(async move { import_places::keep(conn, &source, place, now.wall).await }))
            .await
    }

    async fn merge(&self, order: MergeOrder) -> StoreResult<Answer<Merged>> {
        self.write(move |conn, now| Box::pin(async move { merges::merge(conn, &order, now.wall).await })).await
    }

    async fn unmerge(&self, event: Ulid, actor: &str) -> StoreResult<Answer<Unmerged>> {
        let actor = actor.to_owned();
        self.write(move |conn, now| Box::pin(async move { merges::unmerge(conn, event, &actor, now.wall).await })).await
    }

    async fn questions(&self, before: Option<i64>, limit: i64) -> StoreResult<Vec<Question>> {
        merges::list(&mut *self.reader().await?, before, limit).await
    }

    async fn accept_question(&self, id: i64, order: MergeOrder) -> StoreResult<Answer<Joined>> {
        self.write(move |conn, now| Box::pin(async move { merges::accept(conn, id, &order, now.wall).await })).await
    }

    async fn reject_question(&self, id: i64, actor: &str) -> StoreResult<Answer<Rejected>> {
        let actor = actor.to_owned();
        self.write(move |conn, now| Box::pin(async move { merges::reject(conn, id, &actor, now.wall).await })).await
    }

    async fn reindex(&self, all: bool, after: i64, most: i64) -> StoreResult<Reindexed> {
        self.write(move |conn, _| Box::pin(async move { reindex::step(conn, all, after, most).await })).await
    }

    async fn waiting(&self) -> StoreResult<Waiting> {
        reindex::waiting(&mut *self.reader().await?).await
    }

    async fn profiles(&self, after: (i64, i64), most: i64) -> StoreResult<Vec<Indexed>> {
        models::profiles(&mut *self.reader().await?, after, most).await
    }

    async fn answers(&self) -> StoreResult<Answers> {
        models::answers(&mut *self.reader().await?).await
    }

    async fn trials(&self, before: i64, most: i64) -> StoreResult<(Vec<Trial>, Option<i64>)> {
        models::trials(&mut *self.reader().await?, before, most).await
    }

    async fn keep_model(&self, model: NewModel) -> StoreResult<i64> {
        self.write(move |conn, now| Box::pin(async move { models::keep(conn, &model, now.wall).await })).await
    }

    async fn put_in_force(&self, model: i64) -> StoreResult<bool> {
        self.write(move |conn, _| Box::pin(async move { models::put_in_force(conn, model).await })).await
    }

    async fn in_force(&self, had: Option<i64>) -> StoreResult<Option<Model>> {
        models::in_force(&mut *self.reader().await?, had).await
    }
}
