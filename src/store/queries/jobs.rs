//! Leases: claim, renew, give back, settle. Every change is fenced by owner and attempt and touches exactly one row.

use sqlx::Row as _;

use super::super::driver::{Connection, Row};
use super::{json, statements, ulid};
use crate::clock::Timestamp;
use crate::store::{Claim, Effect, Failure, JobSubject, Lease, Queue, StoreError, StoreResult, Times};

statements! {
    CLAIM_ARRIVALS(
        "WITH due AS MATERIALIZED (SELECT id FROM job WHERE queue = 'process' AND suspect = $1 AND dead = 0",
        " AND due_at <= $2 ORDER BY due_at, id LIMIT $3", skip_locked!(), ")",
        " UPDATE job SET suspect = 1, due_at = $4, owner = $5, attempt = attempt + 1, leased_at = $2",
        " WHERE id IN (SELECT id FROM due) RETURNING id, attempt, failures, forgiven,",
        " (SELECT ulid FROM arrival WHERE arrival.id = job.id) AS ulid,",
        " (SELECT size FROM arrival WHERE arrival.id = job.id) AS size");
    CLAIM_EFFECTS(
        "WITH due AS MATERIALIZED (SELECT id FROM job WHERE queue = 'deliver' AND suspect = $1 AND dead = 0",
        " AND due_at <= $2 ORDER BY due_at, id LIMIT $3", skip_locked!(), ")",
        " UPDATE job SET suspect = 1, due_at = $4, owner = $5, attempt = attempt + 1, leased_at = $2",
        " WHERE id IN (SELECT id FROM due) RETURNING id, attempt, failures, forgiven,",
        " (SELECT ulid FROM effect WHERE effect.id = job.id) AS ulid,",
        " (SELECT kind FROM effect WHERE effect.id = job.id) AS kind,",
        " (SELECT target FROM effect WHERE effect.id = job.id) AS target,",
        " (SELECT payload FROM effect WHERE effect.id = job.id) AS payload");
    RENEW("UPDATE job SET due_at = $4 WHERE id = $1 AND owner = $2 AND attempt = $3 AND dead = 0");
    RETRY(
        "UPDATE job SET owner = NULL, due_at = $4, last_error = $5, failures = failures + 1,",
        " suspect = CASE WHEN attempt > failures + 1 THEN 1 ELSE 0 END",
        " WHERE id = $1 AND owner = $2 AND attempt = $3 AND dead = 0");
    GIVE_UP(
        "UPDATE job SET owner = NULL, due_at = $4, last_error = $5, failures = failures + 1, suspect = 0, dead = 1",
        " WHERE id = $1 AND owner = $2 AND attempt = $3 AND dead = 0");
    RELEASE(
        "UPDATE job SET owner = NULL, due_at = $4, attempt = attempt - 1,",
        " suspect = CASE WHEN attempt - 1 > failures THEN 1 ELSE 0 END",
        " WHERE id = $1 AND owner = $2 AND attempt = $3 AND dead = 0");
    HASTEN(
        "UPDATE job SET due_at = $3 WHERE queue = 'deliver' AND owner IS NULL AND dead = 0 AND due_at > $3",
        " AND id IN (SELECT f.id FROM effect f WHERE f.kind = $1 AND f.target = $2 AND f.delivered_at IS NULL)");
    SETTLE("DELETE FROM job WHERE id = $1 AND owner = $2 AND attempt = $3 AND dead = 0");
    END_ARRIVAL("UPDATE arrival SET state = $2, reason = $3, error = $4, decided_at = $5, attempts = $6 WHERE id = $1");
    WITHHOLD("UPDATE effect SET withheld = $2 WHERE id = $1");
    END_EFFECT("UPDATE effect SET delivered_at = $2 WHERE id = $1");
}

/// Takes due jobs, oldest first.
pub(in super::super) async fn claim(conn: &mut Connection, claim: &Claim, now: Timestamp) -> StoreResult<Vec<Lease>> {
    let until = now.after(claim.lease);
    let sql = match claim.queue {
        Queue::Process => CLAIM_ARRIVALS,
        Queue::Deliver => CLAIM_EFFECTS,
    };
    let rows = sqlx::query(sql)
        .bind(i64::from(claim.suspects))
        .bind(now.micros())
        .bind(i64::try_from(claim.limit).unwrap_or(i64::MAX))
        .bind(until.micros())
        .bind(&claim.owner)
        .fetch_all(conn)
        .await?;
    let mut leases = rows.iter().map(|row| lease(row, claim, until)).collect::<StoreResult<Vec<_>>>()?;
    leases.sort_by_key(|l| l.job);
    Ok(leases)
}

fn lease(row: &Row, claim: &Claim, until: Timestamp) -> StoreResult<Lease> {
    let subject_id = ulid(row.try_get("ulid")?)?;
    let subject = match claim.queue {
        Queue::Process => JobSubject::Arrival(subject_id),
        Queue::Deliver => JobSubject::Effect(Box::new(Effect {
            id: subject_id,
            kind: row.try_get("kind")?,
            target: row.try_get("target")?,
            payload: json(row.try_get("payload")?),
        })),
    };
    let bytes = match claim.queue {
        Queue::Process => row.try_get::<i64, _>("size")?,
        Queue::Deliver => 0,
    };
    Ok(Lease {
        job: row.try_get("id")?,
        queue: claim.queue,
        owner: claim.owner.clone(),
        attempt: row.try_get("attempt")?,
        failures: row.try_get("failures")?,
        forgiven: row.try_get("forgiven")?,
        until,
        subject,
        bytes: u64::try_from(bytes).unwrap_or(0),
    })
}

/// Lengthens a lease until `until`.
pub(in super::super) async fn renew(conn: &mut Connection, lease: &Lease, until: Timestamp) -> StoreResult<()> {
    let done = fenced(RENEW, lease).bind(until.micros()).execute(conn).await?;
    exactly_one(done.rows_affected(), lease)
}

/// Gives a job back with its reason, or ends it.
pub(in super::super) async fn fail(
    conn: &mut Connection,
    lease: &Lease,
    failure: &Failure,
    now: Times,
) -> StoreResult<()> {
    match (failure.retry_after, lease.queue) {
        (Some(wait), _) => {
            let due = now.queue.after(wait);
            let done = fenced(RETRY, lease).bind(due.micros()).bind(&failure.error).execute(conn).await?;
            exactly_one(done.rows_affected(), lease)
        }
        (None, Queue::Deliver) => {
            let done = fenced(GIVE_UP, lease).bind(now.wall.micros()).bind(&failure.error).execute(conn).await?;
            exactly_one(done.rows_affected(), lease)
        }
        (None, Queue::Process) => {
            settle(conn, lease).await?;
            end_arrival(conn, lease, ("failed", None, Some(&failure.error)), now.wall).await
        }
    }
}

/// Gives a job back untouched, to be claimed from `due` on.
pub(in super::super) async fn release(conn: &mut Connection, lease: &Lease, due: Timestamp) -> StoreResult<()> {
    let done = fenced(RELEASE, lease).bind(due.micros()).execute(conn).await?;
    exactly_one(done.rows_affected(), lease)
}

/// Makes deliveries of a kind to a target due that wait for later; how many.
pub(in super::super) async fn hasten(
    conn: &mut Connection,
    (kind, target): (&str, &str),
    now: Timestamp,
) -> StoreResult<u64> {
    Ok(sqlx::query(HASTEN).bind(kind).bind(target).bind(now.micros()).execute(conn).await?.rows_affected())
}

/// Ends a process job in quarantine.
pub(in super::super) async fn quarantine(
    conn: &mut Connection,
    lease: &Lease,
    reason: &str,
    now: Timestamp,
) -> StoreResult<()> {
    settle(conn, lease).await?;
    end_arrival(conn, lease, ("quarantined", Some(reason), None), now).await
}

/// Ends a deliver job with success.
pub(in super::super) async fn delivered(conn: &mut Connection, lease: &Lease, now: Timestamp) -> StoreResult<()> {
    settle(conn, lease).await?;
    let done = sqlx::query(END_EFFECT).bind(lease.job).bind(now.micros()).execute(conn).await?;
    exactly_one(done.rows_affected(), lease)
}

/// Ends a deliver job that is not to be carried out.
pub(in super::super) async fn withheld(conn: &mut Connection, lease: &Lease, why: &str) -> StoreResult<()> {
    settle(conn, lease).await?;
    let done = sqlx::query(WITHHOLD).bind(lease.job).bind(why).execute(conn).await?;
    exactly_one(done.rows_affected(), lease)
}

async fn settle(conn: &mut Connection, lease: &Lease) -> StoreResult<()> {
    let done = fenced(SETTLE, lease).execute(conn).await?;
    exactly_one(done.rows_affected(), lease)
}

async fn end_arrival(
    conn: &mut Connection,
    lease: &Lease,
    (state, reason, error): (&str, Option<&str>, Option<&str>),
    now: Timestamp,
) -> StoreResult<()> {
    let done = sqlx::query(END_ARRIVAL)
        .bind(lease.job)
        .bind(state)
        .bind(reason)
        .bind(error)
        .bind(now.micros())
        .bind(lease.attempt)
        .execute(conn)
        .await?;
    exactly_one(done.rows_affected(), lease)
}

type Query<'q> =
    sqlx::query::Query<'q, super::super::driver::Db, <super::super::driver::Db as sqlx::Database>::Arguments>;

fn fenced<'q>(sql: &'static str, lease: &'q Lease) -> Query<'q> {
    sqlx::query(sql).bind(lease.job).bind(&lease.owner).bind(lease.attempt)
}

const fn exactly_one(rows: u64, lease: &Lease) -> StoreResult<()> {
    if rows == 1 { Ok(()) } else { Err(StoreError::Fenced(lease.job)) }
}
