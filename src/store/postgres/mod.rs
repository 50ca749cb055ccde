//! PostgreSQL: several daemons share the work.

use std::sync::Arc;

use super::{OpenOptions, Opened, Store, StoreError, StoreResult};

/// Opens or creates the pool.
pub(super) async fn open(options: OpenOptions) -> StoreResult<(Arc<dyn Store>, Opened)> {
    Err(StoreError::Unusable(options.url))
}
