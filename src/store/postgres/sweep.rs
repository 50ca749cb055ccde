//! The sweep on PostgreSQL.

use async_trait::async_trait;

use super::Postgres;
use super::contract::{reading, writing};
use super::queries::sweep;
use crate::store::StoreResult;
use crate::store::sweep::{Sweep, Swept, Unswept};

#[async_trait]
impl Sweep for Postgres {
    async fn unswept(&self, most: i64) -> StoreResult<Vec<Unswept>> {
        reading!(self, |conn| sweep::unswept(conn, most))
    }

    async fn swept(&self, done: Vec<Swept>) -> StoreResult<u64> {
        let now = self.now();
        writing!(self, |conn| sweep::swept(conn, &done, now))
    }
}
