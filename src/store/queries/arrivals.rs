//! Arrivals as people see them: lists, one whole, put back, discarded; and the effects that gave up.

use serde_json::Value;
use sqlx::Row as _;
use ulid::Ulid;

use super::super::driver::{Connection, Row};
use super::files;
use super::imports::audit;
use super::{damaged, json, limit, optional_ulid, statements, ulid};
use crate::clock::Timestamp;
use crate::domain::envelope::{ArrivalState, Channel, HELD_KEY, SEEN_KEY};
use crate::store::rows::{ArrivalDetail, ArrivalFilter, ArrivalRow, DeadLetter};
use crate::store::{HELD, StoreResult, Times};

/// The columns of a list row. A received arrival under a lease is being processed.
macro_rules! list {
    ($from:literal) => {
        concat!(
            "SELECT a.id AS inside, a.ulid, a.channel, a.intake, CASE WHEN a.state = 'received' AND j.owner IS NOT NULL",
            " THEN 'processing' ELSE a.state END AS state, a.reason, a.received_at, a.decided_at, a.subject, a.sender,",
            " a.class, d.ulid AS duplicate_of, r.kind AS record_kind, r.ulid AS record, a.size,",
            " COALESCE(j.attempt, a.attempts) AS attempts, COALESCE(j.last_error, a.error) AS error",
            " FROM arrival a LEFT JOIN arrival d ON d.id = a.duplicate_of LEFT JOIN entity r ON r.id = a.record",
            " LEFT JOIN job j ON j.id = a.id ",
            $from
        )
    };
}

statements! {
    LIST(list!("WHERE a.id < $1 AND a.received_at >= $2 AND (CAST($3 AS TEXT) IS NULL OR a.intake = $3) \
        ORDER BY a.id DESC LIMIT $4"));
    LIST_BY_STATE(list!("WHERE a.state = $5 AND (a.state <> 'received' OR j.owner IS NULL) AND a.id < $1 AND a.received_at >= $2 \
        AND (CAST($3 AS TEXT) IS NULL OR a.intake = $3) ORDER BY a.id DESC LIMIT $4"));
    LIST_PROCESSING(list!("WHERE a.id IN (SELECT p.id FROM job p WHERE p.queue = 'process' AND p.owner IS NOT NULL) \
        AND a.id < $1 AND a.received_at >= $2 AND (CAST($3 AS TEXT) IS NULL OR a.intake = $3) \
        ORDER BY a.id DESC LIMIT $4"));
    ONE(list!("WHERE a.ulid = $1"));
    POSITION("SELECT id FROM arrival WHERE ulid = $1");
    REST(
        "SELECT a.digest, a.content_type, a.context, CASE WHEN EXISTS (SELECT 1 FROM arrival_raw w",
        " WHERE w.arrival = COALESCE(a.duplicate_of, a.id) OR w.arrival = a.id) THEN CAST(1 AS BIGINT)",
        " ELSE CAST(0 AS BIGINT) END AS raw_kept FROM arrival a WHERE a.id = $1");
    REPEATS("SELECT ulid FROM arrival WHERE duplicate_of = $1 ORDER BY id");
    DECISIONS("SELECT ", json_object!(
        "'id', d.ulid, 'at', d.at, 'state', d.state, 'reason', d.reason, 'rules_hash', d.rules_hash, ",
        "'pool', d.pool, 'owner', d.owner, 'record', x.ulid"),
        " AS item, d.action, d.rule_ids, d.facts, d.trace FROM decision d LEFT JOIN entity x ON x.id = d.record",
        " WHERE d.arrival = $1 ORDER BY d.id DESC");
    EFFECTS("SELECT ", json_object!(
        "'id', f.ulid, 'kind', f.kind, 'target', f.target, 'planned_at', f.created_at, ",
        "'delivered_at', f.delivered_at, 'withheld', f.withheld, 'attempts', j.attempt, 'error', j.last_error, ",
        "'dead', j.dead"), " AS item FROM effect f LEFT JOIN job j ON j.id = f.id WHERE f.arrival = $1 ORDER BY f.id");
    STATE("SELECT id, state, reason, context, attempts, record FROM arrival WHERE ulid = $1", for_update!());
    REQUEUE("UPDATE arrival SET state = 'received', reason = NULL, error = NULL, decided_at = NULL, context = $2 WHERE id = $1");
    // Attempts go on counting, so that a lease of before can never settle the new job; those of before are forgiven.
    // A suspect has one attempt more than is forgiven.
    REQUEUE_JOB(
        "INSERT INTO job (id, queue, due_at, attempt, failures, forgiven, suspect)",
        " VALUES ($1, 'process', $2, CAST($3 AS BIGINT), CAST($3 AS BIGINT) - CAST($4 AS BIGINT),",
        " CAST($3 AS BIGINT) - CAST($4 AS BIGINT), CAST($4 AS BIGINT)) ON CONFLICT (id) DO NOTHING");
    KEY_HOLDER(
        "SELECT f.id, h.received_at, h.context FROM arrival_key k JOIN arrival h ON h.id = k.arrival",
        " JOIN arrival f ON f.id = COALESCE(h.duplicate_of, h.id) WHERE k.key = $1 AND f.id <> $2");
    TAKE_KEY(
        "INSERT INTO arrival_key (key, arrival, expires_at) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING");
    REPEATED(
        "UPDATE arrival SET state = 'decided', reason = NULL, error = NULL, decided_at = $2, duplicate_of = $3",
        " WHERE id = $1");
    DROP_HELD("DELETE FROM arrival_key WHERE key = $1 AND arrival = $2 AND expires_at IS NULL");
    DISCARD("UPDATE arrival SET state = 'discarded', reason = $2, decided_at = $3 WHERE id = $1");
    DROP_JOB("DELETE FROM job WHERE id = $1 AND owner IS NULL");
    HAS_RAW(
        "SELECT a.id FROM arrival a WHERE a.id = $1 AND EXISTS (SELECT 1 FROM arrival_raw w",
        " WHERE w.arrival = a.id OR w.arrival = a.duplicate_of)");
    HAS_JOB("SELECT id FROM job WHERE id = $1");
    DEAD_LETTERS(
        "SELECT j.id, f.kind, f.target, j.attempt, j.last_error, j.due_at, f.payload FROM job j",
        " JOIN effect f ON f.id = j.id WHERE j.queue = 'deliver' AND j.dead = 1 AND j.id < $2",
        " ORDER BY j.id DESC LIMIT $1");
    RETRY_DEAD(
        "UPDATE job SET dead = 0, suspect = 0, due_at = $2, failures = attempt, forgiven = attempt",
        " WHERE id = $1 AND queue = 'deliver' AND dead = 1");
}

/// Reason of an arrival whose reading took its process with it: put back, it is read apart again.
const DEADLY: &str = "reading_aborts";

/// Arrivals, newest first.
pub(in super::super) async fn list(conn: &mut Connection, filter: &ArrivalFilter) -> StoreResult<Vec<ArrivalRow>> {
    let before = match filter.before {
        Some(id) => position(conn, id).await?.unwrap_or(i64::MAX),
        None => i64::MAX,
    };
    let sql = match filter.state {
        None => LIST,
        Some(ArrivalState::Processing) => LIST_PROCESSING,
        Some(_) => LIST_BY_STATE,
    };
    let mut query = sqlx::query(sql)
        .bind(before)
        .bind(filter.since.map_or(i64::MIN, Timestamp::micros))
        .bind(filter.intake.as_deref())
        .bind(limit(filter.limit));
    if let Some(state) = filter.state.filter(|s| *s != ArrivalState::Processing) {
        query = query.bind(state.as_str());
    }
    query.fetch_all(conn).await?.iter().map(list_row).collect()
}

async fn position(conn: &mut Connection, id: Ulid) -> StoreResult<Option<i64>> {
    let row = sqlx::query(POSITION).bind(id.to_string()).fetch_optional(conn).await?;
    Ok(row.map(|r| r.try_get("id")).transpose()?)
}

fn list_row(row: &Row) -> StoreResult<ArrivalRow> {
    let record = match (row.try_get::<Option<&str>, _>("record_kind")?, row.try_get::<Option<&str>, _>("record")?) {
        (Some(kind), Some(id)) => Some(format!("{kind}:{id}")),
        _ => None,
    };
    Ok(ArrivalRow {
        id: ulid(row.try_get("ulid")?)?,
        channel: Channel::parse(row.try_get("channel")?).ok_or_else(|| damaged("channel"))?,
        intake: row.try_get("intake")?,
        state: ArrivalState::parse(row.try_get("state")?).ok_or_else(|| damaged("state"))?,
        reason: row.try_get("reason")?,
        received_at: Timestamp::from_micros(row.try_get("received_at")?),
        decided_at: row.try_get::<Option<i64>, _>("decided_at")?.map(Timestamp::from_micros),
        subject: row.try_get("subject")?,
        sender: row.try_get("sender")?,
        class: row.try_get("class")?,
        duplicate_of: optional_ulid(row.try_get("duplicate_of")?)?,
        record,
        size: row.try_get("size")?,
        attempts: row.try_get("attempts")?,
        error: row.try_get("error")?,
    })
}

/// One arrival whole.
pub(in super::super) async fn show(conn: &mut Connection, id: Ulid) -> StoreResult<Option<ArrivalDetail>> {
    let Some(found) = sqlx::query(ONE).bind(id.to_string()).fetch_optional(&mut *conn).await? else {
        return Ok(None);
    };
    let inside: i64 = found.try_get("inside")?;
    let rest = sqlx::query(REST).bind(inside).fetch_one(&mut *conn).await?;
    let repeats = sqlx::query(REPEATS).bind(inside).fetch_all(&mut *conn).await?;
    Ok(Some(ArrivalDetail {
        row: list_row(&found)?,
        digest: rest.try_get("digest")?,
        content_type: rest.try_get("content_type")?,
        context: json(rest.try_get("context")?),
        decisions: decisions(conn, DECISIONS, inside).await?,
        repeats: repeats.iter().map(|r| ulid(r.try_get("ulid")?)).collect::<StoreResult<_>>()?,
        files: files::of_arrival(conn, inside).await?,
        raw_kept: rest.try_get::<i64, _>("raw_kept")? != 0,
        deliveries: deliveries(conn, inside).await?,
    }))
}

/// What left the house because of an arrival, and how far it came: `delivered` is said of nothing else.
async fn deliveries(conn: &mut Connection, inside: i64) -> StoreResult<Vec<serde_json::Value>> {
    let rows = sqlx::query(EFFECTS).bind(inside).fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            let mut item = json(row.try_get("item")?);
            let has = |name: &str| item.get(name).is_some_and(|value| !value.is_null());
            let dead = item.get("dead").and_then(serde_json::Value::as_i64) == Some(1);
            let state = match (has("withheld"), has("delivered_at"), dead) {
                (true, ..) => "withheld",
                (_, true, _) => "delivered",
                (_, _, true) => "dead",
                _ => "waiting",
            };
            if let Some(map) = item.as_object_mut() {
                map.remove("dead");
                map.insert("state".to_owned(), state.into());
            }
            Ok(item)
        })
        .collect()
}

/// Decisions with their documents unfolded.
pub(super) async fn decisions(
    conn: &mut Connection,
    sql: &'static str,
    inside: i64,
) -> StoreResult<Vec<serde_json::Value>> {
    let rows = sqlx::query(sql).bind(inside).fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            let mut item = json(row.try_get("item")?);
            if let Some(map) = item.as_object_mut() {
                for name in ["action", "rule_ids", "facts", "trace"] {
                    map.insert(name.to_owned(), json(row.try_get(name)?));
                }
            }
            Ok(item)
        })
        .collect()
}

/// Puts an arrival back in the queue when its state is one of `from`. False when it is not, or it is queued already.
pub(in super::super) async fn requeue(
    conn: &mut Connection,
    id: Ulid,
    from: &[ArrivalState],
    released: bool,
    actor: &str,
    now: Times,
) -> StoreResult<bool> {
    let Some((inside, state, row)) = state(conn, id).await? else { return Ok(false) };
    if !from.contains(&state) {
        return Ok(false);
    }
    // Without its bytes it would be read as an empty one.
    if sqlx::query(HAS_RAW).bind(inside).fetch_optional(&mut *conn).await?.is_none() {
        return Ok(false);
    }
    let mut context = json(row.try_get("context")?);
    if released && state == ArrivalState::Quarantined {
        no_longer_held(conn, inside, &context).await?;
        if let Some(first) = said_since(conn, inside, &context).await? {
            sqlx::query(REPEATED).bind(inside).bind(now.wall.micros()).bind(first).execute(&mut *conn).await?;
            audit(conn, now.wall, (actor, "release"), &id.to_string(), Some("repeats another one")).await?;
            return Ok(true);
        }
        take_keys(conn, inside, &context).await?;
    }
    if let (true, Some(map)) = (released, context.as_object_mut()) {
        map.insert("released".to_owned(), true.into());
    }
    let job = sqlx::query(REQUEUE_JOB)
        .bind(inside)
        .bind(now.queue.micros())
        .bind(row.try_get::<i64, _>("attempts")?)
        .bind(i64::from(row.try_get::<Option<&str>, _>("reason")? == Some(DEADLY)))
        .execute(&mut *conn)
        .await?;
    if job.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query(REQUEUE).bind(inside).bind(context.to_string()).execute(&mut *conn).await?;
    let action = if released { "release" } else { "retry" };
    audit(conn, now.wall, (actor, action), &id.to_string(), Some(state.as_str())).await?;
    Ok(true)
}

/// Forgets by what a held one knew its like while it waited; what runs out does so by itself.
async fn no_longer_held(conn: &mut Connection, inside: i64, context: &Value) -> StoreResult<()> {
    for name in [HELD_KEY, SEEN_KEY] {
        let Some(key) = context.get("extra").and_then(|extra| extra.get(name)).and_then(Value::as_str) else {
            continue;
        };
        sqlx::query(DROP_HELD).bind(format!("{HELD}{key}")).bind(inside).execute(&mut *conn).await?;
    }
    Ok(())
}

/// The keys that a submission held at the door would have had: its explicit one, and that of its content with its end.
fn held_keys(context: &Value) -> (Option<&str>, Option<(&str, Option<i64>)>) {
    let words = context.pointer("/content_key/value").and_then(Value::as_str).filter(|key| !key.is_empty());
    let ends = context.pointer("/content_key/expires_at").and_then(Value::as_i64);
    (context.pointer("/extra/held_key").and_then(Value::as_str), words.map(|key| (key, ends)))
}

/// The arrival that said meanwhile what a held one says: under its explicit key, or the same words within their window.
async fn said_since(conn: &mut Connection, inside: i64, context: &Value) -> StoreResult<Option<i64>> {
    let (explicit, words) = held_keys(context);
    // Of another content under a key that was chosen before, the same may have come under that key meanwhile.
    let chosen = explicit.and_then(|key| Some(key.rsplit_once(':')?.0)).filter(|chosen| chosen.contains(":idem:"));
    for (key, ends) in explicit.into_iter().chain(chosen).map(|key| (key, None)).chain(words) {
        let Some(row) = sqlx::query(KEY_HOLDER).bind(key).bind(inside).fetch_optional(&mut *conn).await? else {
            continue;
        };
        let theirs = json(row.try_get("context")?);
        let same = theirs.pointer("/content_key/value") == context.pointer("/content_key/value");
        let in_time = ends.is_some_and(|ends| row.try_get::<i64, _>("received_at").is_ok_and(|at| at < ends));
        if in_time || (ends.is_none() && same) {
            return Ok(Some(row.try_get("id")?));
        }
    }
    Ok(None)
}

/// A released submission is one like any other: the same again is a repeat of it.
async fn take_keys(conn: &mut Connection, inside: i64, context: &Value) -> StoreResult<()> {
    let (explicit, words) = held_keys(context);
    let words = words.filter(|_| explicit.is_none());
    for (key, ends) in explicit.map(|key| (key, None)).into_iter().chain(words) {
        sqlx::query(TAKE_KEY).bind(key).bind(inside).bind(ends).execute(&mut *conn).await?;
    }
    if let Some(seen) = context.get("extra").and_then(|extra| extra.get(SEEN_KEY)).and_then(Value::as_str) {
        sqlx::query(TAKE_KEY).bind(seen).bind(inside).bind(None::<i64>).execute(&mut *conn).await?;
    }
    Ok(())
}

async fn state(conn: &mut Connection, id: Ulid) -> StoreResult<Option<(i64, ArrivalState, Row)>> {
    let Some(row) = sqlx::query(STATE).bind(id.to_string()).fetch_optional(conn).await? else { return Ok(None) };
    let state = ArrivalState::parse(row.try_get("state")?).ok_or_else(|| damaged("state"))?;
    Ok(Some((row.try_get("id")?, state, row)))
}

/// Discards an arrival that made no record and that nobody is working on.
pub(in super::super) async fn discard(
    conn: &mut Connection,
    id: Ulid,
    reason: &str,
    actor: &str,
    now: Timestamp,
) -> StoreResult<bool> {
    let Some((inside, state, row)) = state(conn, id).await? else { return Ok(false) };
    let has_record = row.try_get::<Option<i64>, _>("record")?.is_some();
    if has_record || matches!(state, ArrivalState::Decided | ArrivalState::Discarded) {
        return Ok(false);
    }
    sqlx::query(DROP_JOB).bind(inside).execute(&mut *conn).await?;
    if sqlx::query(HAS_JOB).bind(inside).fetch_optional(&mut *conn).await?.is_some() {
        return Ok(false);
    }
    no_longer_held(conn, inside, &json(row.try_get("context")?)).await?;
    sqlx::query(DISCARD).bind(inside).bind(reason).bind(now.micros()).execute(&mut *conn).await?;
    audit(conn, now, (actor, "discard"), &id.to_string(), Some(reason)).await?;
    Ok(true)
}

/// Effects that gave up, newest first.
pub(in super::super) async fn dead_letters(
    conn: &mut Connection,
    before: Option<i64>,
    most: i64,
) -> StoreResult<Vec<DeadLetter>> {
    let before = before.unwrap_or(i64::MAX);
    let rows = sqlx::query(DEAD_LETTERS).bind(limit(most)).bind(before).fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            Ok(DeadLetter {
                job: row.try_get("id")?,
                kind: row.try_get("kind")?,
                target: row.try_get("target")?,
                attempts: row.try_get("attempt")?,
                error: row.try_get("last_error")?,
                at: Timestamp::from_micros(row.try_get("due_at")?),
                payload: json(row.try_get("payload")?),
            })
        })
        .collect()
}

/// Puts a dead letter back in the queue.
pub(in super::super) async fn retry_dead_letter(conn: &mut Connection, job: i64, now: Times) -> StoreResult<bool> {
    let done = sqlx::query(RETRY_DEAD).bind(job).bind(now.queue.micros()).execute(&mut *conn).await?;
    let retried = done.rows_affected() == 1;
    if retried {
        audit(conn, now.wall, ("operator", "retry"), &format!("effect:{job}"), None).await?;
    }
    Ok(retried)
}
