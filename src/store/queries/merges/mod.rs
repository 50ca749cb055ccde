//! Merging two records, linking two of two kinds, undoing either, and the questions that lead to it.
//!
//! Invariants:
//! - Every record of both sides is locked first, in the order of row ids; who writes to a record holds it (`driver::hold`),
//!   so nothing is written for a record while it is merged.
//! - Redirects are flat: a merged record names the survivor of today.
//! - A merge is undone before those it stands on.
//! - A survivor waits for a reindex as long as either side did; a merged record waits for nothing.

mod columns;
mod links;
mod moved;
mod questions;
pub(super) mod remade;

use std::collections::HashMap;

use serde_json::{Value, json};
use sqlx::Row as _;
use ulid::Ulid;

pub(super) use self::questions::flag;
pub(in super::super) use self::questions::{accept, list, reject};
use super::super::driver::{self, Connection, Row};
use super::{damaged, imports, read, reindex, statements, ulid};
use crate::clock::Timestamp;
use crate::domain::matching::{EntityKind, EntityRef};
use crate::store::batch::column;
use crate::store::errors::Raced;
use crate::store::merge::{Answer, MergeOrder, Merged, Refusal, Unmerged};
use crate::store::plan::merge::{Changes, Half, LINKS, survive, take_back};
use crate::store::{StoreError, StoreResult};

statements! {
    FIND(
        "SELECT x.ulid, x.id, x.kind, x.norm, x.merged_into, s.ulid AS survivor FROM ", rows!("1"),
        " JOIN entity x ON x.ulid = e.value->>0 LEFT JOIN entity s ON s.id = x.merged_into");
    LOCK_SETS(
        "SELECT x.id FROM entity x WHERE x.id IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"),
        " UNION ALL SELECT m.id FROM ", rows!("1"), " JOIN entity m ON m.merged_into = CAST(e.value->>0 AS BIGINT))",
        " ORDER BY x.id", for_update!());
    BY_ID("SELECT x.ulid, x.id, x.kind, x.norm, x.merged_into, s.ulid AS survivor FROM ", rows!("1"),
        " JOIN entity x ON x.id = CAST(e.value->>0 AS BIGINT) LEFT JOIN entity s ON s.id = x.merged_into");
    TOLD_APART(
        "SELECT actor FROM not_duplicate WHERE (a_now = $1 AND b_now = $2) OR (a_now = $2 AND b_now = $1)",
        " ORDER BY at DESC LIMIT 1");
    REDIRECT("UPDATE entity SET merged_into = $1 WHERE id = $2 AND merged_into IS NULL");
    OLDER("UPDATE entity SET norm = $2 WHERE id = $1 AND norm > $2");
    NEWER("UPDATE entity SET norm = $2 WHERE id = $1 AND norm < $2");
    RESTORE("UPDATE entity SET merged_into = NULL WHERE id = $1 AND merged_into = $2");
    SAVE_EVENT(
        "INSERT INTO merge_event (id, ulid, survivor, loser, moved, field_choices, actor, at, kind)",
        " VALUES ($1, $2, $3, $4, '', '', $5, $6, $7)");
    FILL_EVENT("UPDATE merge_event SET moved = $2, field_choices = $3 WHERE id = $1");
    EVENT(
        "SELECT v.id, v.survivor, v.loser, v.moved, v.field_choices, v.at, v.undone_by, v.undone_at, v.kind",
        " FROM merge_event v",
        " WHERE v.ulid = $1", for_update!());
    LATER(
        "SELECT v.ulid FROM merge_event v WHERE v.id > $1 AND v.undone_at IS NULL",
        " AND (v.survivor = $2 OR v.loser = $2 AND v.kind = 'merge') ORDER BY v.id DESC LIMIT 1");
    UNDONE("UPDATE merge_event SET undone_at = $2, undone_by = $3 WHERE id = $1 AND undone_at IS NULL");
}

/// A record as it is found before a merge.
#[derive(Debug, Clone, Copy)]
struct Found {
    id: i64,
    entity: EntityRef,
    /// Version of the rules by which it was taken in.
    norm: i64,
    /// Row id and public id of its survivor.
    into: Option<(i64, Ulid)>,
}

fn found(row: &Row) -> StoreResult<Found> {
    let kind = EntityKind::parse(row.try_get("kind")?).ok_or_else(|| damaged("record kind"))?;
    let into = match (row.try_get::<Option<i64>, _>("merged_into")?, row.try_get::<Option<&str>, _>("survivor")?) {
        (Some(id), Some(text)) => Some((id, ulid(text)?)),
        _ => None,
    };
    let entity = EntityRef { kind, id: ulid(row.try_get("ulid")?)? };
    Ok(Found { id: row.try_get("id")?, entity, norm: row.try_get("norm")?, into })
}

async fn find(conn: &mut Connection, id: Ulid) -> StoreResult<Option<Found>> {
    read(conn, FIND, &column([id.to_string()])).await?.first().map(found).transpose()
}

async fn by_id(conn: &mut Connection, ids: &[i64]) -> StoreResult<HashMap<i64, Found>> {
    let rows = read(conn, BY_ID, &column(ids)).await?;
    rows.iter().map(found).map(|found| found.map(|found| (found.id, found))).collect()
}

/// Locks everything that is or was merged into these records.
async fn lock(conn: &mut Connection, ids: [i64; 2]) -> StoreResult<usize> {
    Ok(read(conn, LOCK_SETS, &column(ids)).await?.len())
}

/// Merges two records; the older one stays.
pub(in super::super) async fn merge(
    conn: &mut Connection,
    order: &MergeOrder,
    now: Timestamp,
) -> StoreResult<Answer<Merged>> {
    let Some(one) = find(conn, order.one).await? else { return Ok(Err(Refusal::Unknown(order.one))) };
    let Some(other) = find(conn, order.other).await? else { return Ok(Err(Refusal::Unknown(order.other))) };
    let before = lock(conn, [one.id, other.id]).await?;
    let now_known = by_id(conn, &[one.id, other.id]).await?;
    let (Some(one), Some(other)) = (now_known.get(&one.id), now_known.get(&other.id)) else {
        return Err(damaged("record"));
    };
    if let Err(refusal) = may_merge(one, other) {
        return Ok(Err(refusal));
    }
    // Somebody joined one side while the locks were waited for.
    if lock(conn, [one.id, other.id]).await? != before {
        return Err(StoreError::Busy(Raced.into()));
    }
    if !order.overrule
        && let Some(by) = told_apart(conn, one.id, other.id).await?
    {
        return Ok(Err(Refusal::ToldApart { one: one.entity, other: other.entity, by }));
    }
    let (survivor, merged) = if one.entity.id < other.entity.id { (*one, *other) } else { (*other, *one) };
    join(conn, survivor, merged, order, now).await.map(Ok)
}

fn may_merge(one: &Found, other: &Found) -> Answer<()> {
    if one.id == other.id {
        return Err(Refusal::Same(one.entity));
    }
    let root = |found: &Found| found.into.map_or(found.id, |(id, _)| id);
    if root(one) == root(other) {
        return Err(Refusal::One(one.entity, other.entity));
    }
    for found in [one, other] {
        if let Some((_, id)) = found.into {
            let into = EntityRef { kind: found.entity.kind, id };
            return Err(Refusal::Already { merged: found.entity, into });
        }
    }
    if one.entity.kind != other.entity.kind {
        return Err(Refusal::Kinds(one.entity, other.entity));
    }
    Ok(())
}

/// Who said that two records are two, if anybody did.
async fn told_apart(conn: &mut Connection, one: i64, other: i64) -> StoreResult<Option<String>> {
    let row = sqlx::query(TOLD_APART).bind(one).bind(other).fetch_optional(conn).await?;
    row.map(|row| Ok(row.try_get("actor")?)).transpose()
}

/// Writes a merge that may be.
async fn join(
    conn: &mut Connection,
    survivor: Found,
    merged: Found,
    order: &MergeOrder,
    now: Timestamp,
) -> StoreResult<Merged> {
    let kind = survivor.entity.kind;
    let mine = columns::of(conn, kind, survivor.id).await?;
    let theirs = columns::of(conn, kind, merged.id).await?;
    let event = begin(conn, (survivor.id, merged.id), order, MERGE, now).await?;
    let moved = moved::take(conn, survivor.id, merged.id).await?;
    sqlx::query(REDIRECT).bind(survivor.id).bind(merged.id).execute(&mut *conn).await?;
    sqlx::query(OLDER).bind(survivor.id).bind(merged.norm).execute(&mut *conn).await?;
    let answered = questions::settle(conn, (survivor.id, merged.id), event, &order.actor, now).await?;
    let flagged = [&mine, &theirs].iter().any(|c| c.get("verification_required").and_then(Value::as_i64) == Some(1));
    let verify = flagged && !(answered.accepted > 0 && answered.open_left == 0);
    let halves = (Half { id: survivor.id, columns: &mine }, Half { id: merged.id, columns: &theirs });
    let changes = survive(halves.0, halves.1, verify, now.micros());
    let mut filled = mine.clone();
    filled.extend(changes.iter().map(|(name, (_, after))| (name.clone(), after.clone())));
    columns::write(conn, kind, &filled).await?;
    let count = moved.values().map(Vec::len).sum::<usize>();
    note(conn, event, &json!({ "rows": moved, "flags": answered.flags, "norm": survivor.norm }), &changes).await?;
    let subject = order.event.to_string();
    imports::audit(conn, now, (&order.actor, "merge"), &subject, None).await?;
    Ok(Merged {
        event: order.event,
        survivor: survivor.entity,
        merged: merged.entity,
        changed: changes.into_keys().filter(|name| name != "modified_at").collect(),
        moved: u64::try_from(count).unwrap_or(u64::MAX),
        answered: answered.accepted,
    })
}

/// Two of a kind became one.
const MERGE: &str = "merge";
/// Two of two kinds are about one person.
const LINK: &str = "link";

/// Begins to note a merge or link; its row id.
async fn begin(
    conn: &mut Connection,
    (survivor, other): (i64, i64),
    order: &MergeOrder,
    kind: &'static str,
    now: Timestamp,
) -> StoreResult<i64> {
    let event = driver::reserve(conn, 1).await?.first().copied().ok_or_else(|| damaged("number of a merge"))?;
    sqlx::query(SAVE_EVENT)
        .bind(event)
        .bind(order.event.to_string())
        .bind(survivor)
        .bind(other)
        .bind(order.actor.as_str())
        .bind(now.micros())
        .bind(kind)
        .execute(conn)
        .await?;
    Ok(event)
}

/// Notes what a merge or link moved and changed.
async fn note(conn: &mut Connection, event: i64, moved: &Value, changes: &Changes) -> StoreResult<()> {
    let changes = serde_json::to_string(changes).map_err(|e| StoreError::Other(e.into()))?;
    sqlx::query(FILL_EVENT).bind(event).bind(moved.to_string()).bind(changes).execute(conn).await?;
    Ok(())
}

/// A merge or link as it was noted.
struct Event {
    id: i64,
    link: bool,
    survivor: i64,
    merged: i64,
    at: i64,
    moved: String,
    changes: String,
    undone_by: Option<String>,
}

async fn event(conn: &mut Connection, id: Ulid) -> StoreResult<Option<Event>> {
    let Some(row) = sqlx::query(EVENT).bind(id.to_string()).fetch_optional(conn).await? else { return Ok(None) };
    Ok(Some(Event {
        id: row.try_get("id")?,
        link: row.try_get::<&str, _>("kind")? == LINK,
        survivor: row.try_get("survivor")?,
        merged: row.try_get("loser")?,
        at: row.try_get("at")?,
        moved: row.try_get("moved")?,
        changes: row.try_get("field_choices")?,
        undone_by: row.try_get("undone_by")?,
    }))
}

/// Undoes a merge: both records are as they were, and what came since stays with the survivor. A link moved nothing and
/// redirects nobody: of it the columns and the questions are given back.
pub(in super::super) async fn unmerge(
    conn: &mut Connection,
    id: Ulid,
    actor: &str,
    now: Timestamp,
) -> StoreResult<Answer<Unmerged>> {
    let Some(noted) = event(conn, id).await? else { return Ok(Err(Refusal::NoEvent(id))) };
    if let Some(by) = noted.undone_by {
        return Ok(Err(Refusal::Undone { event: id, by }));
    }
    lock(conn, [noted.survivor, noted.merged]).await?;
    let later = sqlx::query(LATER).bind(noted.id).bind(noted.survivor).fetch_optional(&mut *conn).await?;
    if let Some(later) = later {
        let first = ulid(later.try_get("ulid")?)?;
        return Ok(Err(Refusal::StandsOn { event: id, first }));
    }
    let document: Value = super::json(&noted.moved);
    let Some(rows) = document.get("rows") else { return Ok(Err(Refusal::Erased(id))) };
    let moved: moved::Moved = serde_json::from_value(rows.clone()).map_err(|_| damaged("merge"))?;
    let changes: Changes = serde_json::from_str(&noted.changes).map_err(|_| damaged("merge"))?;
    let records = by_id(conn, &[noted.survivor, noted.merged]).await?;
    let (Some(survivor), Some(merged)) = (records.get(&noted.survivor), records.get(&noted.merged)) else {
        return Err(damaged("merge"));
    };
    sqlx::query(RESTORE).bind(merged.id).bind(survivor.id).execute(&mut *conn).await?;
    let remade = remade::take_back(conn, &document).await?;
    moved::give_back(conn, survivor.id, merged.id, &moved).await?;
    questions::reopen(conn, noted.id, survivor.id, document.get("flags")).await?;
    take_columns_back(conn, survivor, &changes, noted.at).await?;
    sqlx::query(UNDONE).bind(noted.id).bind(now.micros()).bind(actor).execute(&mut *conn).await?;
    if let Some(mut remade) = remade {
        remade.extend([survivor.id, merged.id]);
        reindex::refresh(conn, &remade).await?;
    } else if let Some(norm) = document.get("norm").and_then(Value::as_i64) {
        sqlx::query(NEWER).bind(survivor.id).bind(norm).execute(&mut *conn).await?;
    }
    imports::audit(conn, now, (actor, "unmerge"), &id.to_string(), None).await?;
    let (survivor, restored) = if noted.link { (merged, survivor) } else { (survivor, merged) };
    Ok(Ok(Unmerged { event: id, survivor: survivor.entity, restored: restored.entity }))
}

/// Gives the survivor the columns back that it had. Who asked since the merge not to be written to stays so.
async fn take_columns_back(conn: &mut Connection, survivor: &Found, changes: &Changes, at: i64) -> StoreResult<()> {
    let linked: Vec<i64> =
        LINKS.iter().filter_map(|name| changes.get(*name)).filter_map(|(_, after)| after.as_i64()).collect();
    let roots = by_id(conn, &linked).await?;
    let root = |id: i64| roots.get(&id).and_then(|found| found.into).map_or(id, |(survivor, _)| survivor);
    let current = columns::of(conn, survivor.entity.kind, survivor.id).await?;
    let mut back = take_back(&current, changes, root);
    if changes.contains_key("unsubscribed") && columns::opted_out(conn, survivor.id, at).await? {
        back.insert("unsubscribed".to_owned(), 1.into());
    }
    columns::write(conn, survivor.entity.kind, &back).await
}

/// Every statement of this folder, by name.
pub(super) fn all() -> Vec<(&'static str, &'static str)> {
    [STATEMENTS, columns::STATEMENTS, moved::STATEMENTS, questions::STATEMENTS, remade::STATEMENTS].concat()
}
