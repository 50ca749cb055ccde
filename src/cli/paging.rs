//! Long lists page by page, newest first: memory holds one page, however long the list is.

use std::sync::Arc;

use ulid::Ulid;

use crate::domain::matching::EntityKind;
use crate::store::merge::Question;
use crate::store::rows::{ArrivalFilter, ArrivalRow, DeadLetter, RecordFilter, RecordRow};
use crate::store::{Store, StoreResult};

/// Rows of a page.
const PAGE: i64 = 1_000;

/// Hands the arrivals that `filter` asks for to `each`, page by page.
///
/// # Errors
/// Those of the store and of `each`.
pub(super) async fn arrivals(
    store: &Arc<dyn Store>,
    filter: ArrivalFilter,
    each: impl AsyncFnMut(Vec<ArrivalRow>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let page = async |before: Option<Ulid>, limit| {
        let before = before.or(filter.before);
        store.list_arrivals(ArrivalFilter { before, limit, ..filter.clone() }).await
    };
    walk(filter.limit, page, |row| row.id, each).await
}

/// Hands the records that `filter` asks for to `each`, page by page.
///
/// # Errors
/// Those of the store and of `each`.
pub(super) async fn records(
    store: &Arc<dyn Store>,
    kind: EntityKind,
    filter: RecordFilter,
    each: impl AsyncFnMut(Vec<RecordRow>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let page = async |before: Option<Ulid>, limit| {
        let before = before.or(filter.before);
        store.list_records(kind, RecordFilter { before, limit, ..filter.clone() }).await
    };
    walk(filter.limit, page, |row| row.id, each).await
}

/// Hands at most `limit` dead letters (0 = all) to `each`, page by page.
///
/// # Errors
/// Those of the store and of `each`.
pub(super) async fn dead_letters(
    store: &Arc<dyn Store>,
    limit: i64,
    each: impl AsyncFnMut(Vec<DeadLetter>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    walk(limit, async |before, limit| store.dead_letters(before, limit).await, |letter| letter.job, each).await
}

/// Hands at most `limit` open questions (0 = all) to `each`, page by page.
///
/// # Errors
/// Those of the store and of `each`.
pub(super) async fn questions(
    store: &Arc<dyn Store>,
    limit: i64,
    each: impl AsyncFnMut(Vec<Question>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    walk(limit, async |before, limit| store.questions(before, limit).await, |question| question.id, each).await
}

/// Reads pages below the last row seen until there is no more, or `limit` rows (0 = all) were handed on.
async fn walk<R, K: Copy>(
    limit: i64,
    page: impl AsyncFn(Option<K>, i64) -> StoreResult<Vec<R>>,
    key: impl Fn(&R) -> K,
    mut each: impl AsyncFnMut(Vec<R>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut left = if limit <= 0 { i64::MAX } else { limit };
    let mut before = None;
    while left > 0 {
        let asked = left.min(PAGE);
        let rows = page(before, asked).await?;
        let Some(last) = rows.last() else { break };
        before = Some(key(last));
        let came = i64::try_from(rows.len()).unwrap_or(asked);
        left = left.saturating_sub(came);
        each(rows).await?;
        if came < asked {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes of the pages in which a list of `length` rows is handed on.
    async fn pages(length: i64, limit: i64) -> Vec<usize> {
        let mut sizes = Vec::new();
        let mut next = length;
        let page = async |before: Option<i64>, limit: i64| {
            let top = before.unwrap_or(length + 1);
            Ok((1..top).rev().take(usize::try_from(limit).unwrap()).collect::<Vec<i64>>())
        };
        let each = async |rows: Vec<i64>| {
            for row in &rows {
                assert_eq!(*row, next, "each once, newest first");
                next -= 1;
            }
            sizes.push(rows.len());
            Ok(())
        };
        walk(limit, page, |row| *row, each).await.unwrap();
        sizes
    }

    #[tokio::test]
    async fn no_page_is_longer_than_a_thousand_rows_and_none_is_left_out() {
        assert_eq!(pages(2_500, 0).await, [1_000, 1_000, 500]);
        assert_eq!(pages(2_500, 1_200).await, [1_000, 200]);
        assert_eq!(pages(2_000, 0).await, [1_000, 1_000]);
        assert_eq!(pages(3, 50).await, [3]);
        assert!(pages(0, 0).await.is_empty());
    }
}
