//! The sweep on SQLite.

use async_trait::async_trait;

use super::engine::Sqlite;
use super::queries::sweep;
use crate::store::StoreResult;
use crate::store::sweep::{Sweep, Swept, Unswept};

#[async_trait]
impl Sweep for Sqlite {
    async fn unswept(&self, most: i64) -> StoreResult<Vec<Unswept>> {
        sweep::unswept(&mut *self.reader().await?, most).await
    }

    async fn swept(&self, done: Vec<Swept>) -> StoreResult<u64> {
        self.write(move |conn, now| Box::pin(async move { sweep::swept(conn, &done, now.wall).await })).await
    }
}
