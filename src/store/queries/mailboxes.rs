//! What is remembered of mailboxes: locks with fencing tokens, cursors, fetch attempts; and rotated secrets.

use sqlx::Row as _;

use super::super::driver::Connection;
use super::{journal, statements};
use crate::clock::Timestamp;
use crate::store::{MailboxState, NamedLock, StoreError, StoreResult};

statements! {
    // The token grows when the holder changes; nothing comes back while another holder's lock stands.
    LOCK(
        "INSERT INTO named_lock (name, owner, token, expires_at) VALUES ($1, $2, 1, $3)",
        " ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at,",
        " token = CASE WHEN named_lock.owner = excluded.owner THEN named_lock.token ELSE named_lock.token + 1 END",
        " WHERE named_lock.owner = excluded.owner OR named_lock.expires_at <= $4 RETURNING token");
    UNLOCK("UPDATE named_lock SET expires_at = 0 WHERE name = $1 AND owner = $2 AND token = $3");
    MAILBOX("SELECT uidvalidity, last_uid, started, last_ok_at, last_error FROM mailbox WHERE name = $1");
    SAVE_MAILBOX(
        "INSERT INTO mailbox (name, uidvalidity, last_uid, started, last_ok_at, last_error)",
        " SELECT $1, $2, $3, $4, $5, $6",
        " WHERE EXISTS (SELECT 1 FROM named_lock WHERE name = $7 AND owner = $8 AND token = $9)",
        " ON CONFLICT (name) DO UPDATE SET uidvalidity = excluded.uidvalidity, last_uid = excluded.last_uid,",
        " started = excluded.started, last_ok_at = excluded.last_ok_at, last_error = excluded.last_error");
    COUNT_FETCH(
        "INSERT INTO fetch_attempt (mailbox, uidvalidity, uid, attempts) VALUES ($1, $2, $3, 1)",
        " ON CONFLICT (mailbox, uidvalidity, uid) DO UPDATE SET attempts = fetch_attempt.attempts + 1",
        " RETURNING attempts");
    JOURNALLED_UIDS("SELECT uid FROM mail_uid WHERE mailbox = $1 AND uidvalidity = $2 AND uid >= $3 ORDER BY uid");
    SPEND("INSERT INTO spent_token (token, expires_at) VALUES ($1, $2) ON CONFLICT (token) DO NOTHING");
    FORGET_SPENT(
        "DELETE FROM spent_token WHERE token IN (SELECT token FROM spent_token WHERE expires_at <= $1",
        " ORDER BY expires_at LIMIT 2000", skip_locked!(), ")");
    SECRET("SELECT value FROM secret WHERE name = $1");
    SAVE_SECRET(
        "INSERT INTO secret (name, value, changed_at) VALUES ($1, $2, $3)",
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at");
}

/// Takes or renews a lock until `until`.
pub(in super::super) async fn lock(
    conn: &mut Connection,
    name: &str,
    owner: &str,
    until: Timestamp,
    now: Timestamp,
) -> StoreResult<Option<NamedLock>> {
    let row =
        sqlx::query(LOCK).bind(name).bind(owner).bind(until.micros()).bind(now.micros()).fetch_optional(conn).await?;
    row.map(|r| Ok(NamedLock { name: name.to_owned(), owner: owner.to_owned(), token: r.try_get("token")? }))
        .transpose()
}

/// Gives a lock back; one that was lost already stays with its new holder.
pub(in super::super) async fn unlock(conn: &mut Connection, lock: &NamedLock) -> StoreResult<()> {
    sqlx::query(UNLOCK).bind(&lock.name).bind(&lock.owner).bind(lock.token).execute(conn).await?;
    Ok(())
}

/// What is remembered of a mailbox; nothing yet reads as the default.
pub(in super::super) async fn mailbox(conn: &mut Connection, name: &str) -> StoreResult<MailboxState> {
    let Some(row) = sqlx::query(MAILBOX).bind(name).fetch_optional(conn).await? else {
        return Ok(MailboxState::default());
    };
    Ok(MailboxState {
        uidvalidity: number(row.try_get("uidvalidity")?),
        last_uid: number(row.try_get("last_uid")?),
        started: row.try_get::<i64, _>("started")? != 0,
        last_ok_at: row.try_get::<Option<i64>, _>("last_ok_at")?.map(Timestamp::from_micros),
        last_error: row.try_get("last_error")?,
    })
}

fn number(stored: i64) -> u32 {
    u32::try_from(stored).unwrap_or(0)
}

/// Stores the outcome of a poll; `Fenced(0)` when the lock has another holder.
pub(in super::super) async fn save_mailbox(
    conn: &mut Connection,
    name: &str,
    state: &MailboxState,
    lock: &NamedLock,
) -> StoreResult<()> {
    let done = sqlx::query(SAVE_MAILBOX)
        .bind(name)
        .bind(i64::from(state.uidvalidity))
        .bind(i64::from(state.last_uid))
        .bind(i64::from(state.started))
        .bind(state.last_ok_at.map(Timestamp::micros))
        .bind(&state.last_error)
        .bind(&lock.name)
        .bind(&lock.owner)
        .bind(lock.token)
        .execute(&mut *conn)
        .await?;
    if done.rows_affected() != 1 {
        return Err(StoreError::Fenced(0));
    }
    journal::forget_fetches(conn, name, state.uidvalidity, state.last_uid).await
}

/// One more attempt to fetch a message; the count so far.
pub(in super::super) async fn count_fetch(
    conn: &mut Connection,
    mailbox: &str,
    uidvalidity: u32,
    uid: u32,
) -> StoreResult<u32> {
    let row = sqlx::query(COUNT_FETCH)
        .bind(mailbox)
        .bind(i64::from(uidvalidity))
        .bind(i64::from(uid))
        .fetch_one(conn)
        .await?;
    Ok(u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX))
}

/// UIDs at or above `from` that are journalled.
pub(in super::super) async fn journalled_uids(
    conn: &mut Connection,
    mailbox: &str,
    uidvalidity: u32,
    from: u32,
) -> StoreResult<Vec<u32>> {
    let rows = sqlx::query(JOURNALLED_UIDS)
        .bind(mailbox)
        .bind(i64::from(uidvalidity))
        .bind(i64::from(from))
        .fetch_all(conn)
        .await?;
    rows.iter().map(|r| Ok(number(r.try_get("uid")?))).collect()
}

/// A stored secret.
pub(in super::super) async fn secret(conn: &mut Connection, name: &str) -> StoreResult<Option<String>> {
    let row = sqlx::query(SECRET).bind(name).fetch_optional(conn).await?;
    Ok(row.map(|r| r.try_get("value")).transpose()?)
}

/// Stores a rotated secret.
pub(in super::super) async fn save_secret(
    conn: &mut Connection,
    name: &str,
    value: &str,
    now: Timestamp,
) -> StoreResult<()> {
    sqlx::query(SAVE_SECRET).bind(name).bind(value).bind(now.micros()).execute(conn).await?;
    Ok(())
}

/// Uses a token; false when it was used before.
pub(in super::super) async fn spend(conn: &mut Connection, token: &str, expires_at: Timestamp) -> StoreResult<bool> {
    let done = sqlx::query(SPEND).bind(token).bind(expires_at.micros()).execute(conn).await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets used tokens that no longer count, a bounded number at a time.
pub(in super::super) async fn forget_spent(conn: &mut Connection, now: Timestamp) -> StoreResult<u64> {
    Ok(sqlx::query(FORGET_SPENT).bind(now.micros()).execute(conn).await?.rows_affected())
}
