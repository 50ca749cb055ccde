//! SQLite: the embedded default, one file, one writer.

use std::sync::Arc;

use super::{OpenOptions, Opened, Store, StoreError, StoreResult};

/// Opens or creates the database file.
pub(super) async fn open(options: OpenOptions) -> StoreResult<(Arc<dyn Store>, Opened)> {
    Err(StoreError::Unusable(options.url))
}
