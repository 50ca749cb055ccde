//! What arrived: keys, envelopes, bytes and the first job, for a whole batch in a handful of statements.
//!
//! Keys are claimed before rows are written: the unique key is what makes two simultaneous repeats one arrival.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use sqlx::Row as _;
use ulid::Ulid;

use super::super::driver::{self, Connection};
use super::{anew, optional_ulid, read, read_with, run, run_with, statements, ulid, writes};
use crate::clock::Timestamp;
use crate::domain::envelope::{ArrivalState, Channel, Digest, Envelope, RawKind, SHOWN_SENDER, SHOWN_SUBJECT};
use crate::store::batch::{Batch, column, row};
use crate::store::edited::chosen;
use crate::store::{Accepted, CursorMove, InitialState, NewArrival, Queue, Raced, StoreError, StoreResult, Times};

statements! {
    SEEN_UIDS(
        "SELECT CAST(value->>0 AS BIGINT) AS ord, a.ulid, d.ulid AS original FROM ", rows!("1"),
        " JOIN mail_uid u ON u.mailbox = value->>1 AND u.uidvalidity = CAST(value->>2 AS BIGINT)",
        " AND u.uid = CAST(value->>3 AS BIGINT)",
        " JOIN arrival a ON a.id = u.arrival LEFT JOIN arrival d ON d.id = a.duplicate_of");
    CLAIM_KEYS(
        "INSERT INTO arrival_key (key, arrival, expires_at)",
        " SELECT value->>0, CAST(value->>1 AS BIGINT), CAST(value->>2 AS BIGINT) FROM ", rows!("1"), " WHERE true",
        " ON CONFLICT (key) DO UPDATE SET arrival = excluded.arrival, expires_at = excluded.expires_at",
        " WHERE arrival_key.expires_at IS NOT NULL AND arrival_key.expires_at <= $2");
    // Keys that another arrival holds: ours are not in `arrival` yet and so do not show. Keys that have run out are
    // taken over by whoever claims them, and tell nothing to who only looks. By a key under `held:` what waits knows its
    // like, for as long as it waits.
    TAKEN_KEYS(
        "SELECT k.key, a.id, a.ulid, a.digest, a.state FROM ", rows!("1"),
        " JOIN arrival_key k ON k.key = value->>0 JOIN arrival h ON h.id = k.arrival",
        " JOIN arrival a ON a.id = COALESCE(h.duplicate_of, h.id)",
        " WHERE (k.expires_at IS NULL OR k.expires_at > $2)",
        " AND (k.key NOT LIKE 'held:%' OR a.state = 'quarantined')");
    MOVE_KEYS(
        "UPDATE arrival_key SET arrival = CAST(value->>1 AS BIGINT) FROM ", rows!("1"),
        " WHERE arrival_key.key = value->>0");
    ANNOUNCED_CAME(
        "UPDATE arrival SET state = 'decided', reason = 'fetched' WHERE state = 'parked' AND reason = 'to_be_fetched'",
        " AND id IN (SELECT k.arrival FROM ", rows!("1"), " JOIN arrival_key k ON k.key = value->>0)");
    INSERT_ARRIVALS(
        "INSERT INTO arrival (id, ulid, channel, intake, state, reason, received_at, digest, content_type, raw_kind,",
        " context, size, duplicate_of, decided_at, sender, subject)",
        " SELECT CAST(value->>0 AS BIGINT), value->>1, value->>2, value->>3, value->>4, value->>5,",
        " CAST(value->>6 AS BIGINT), value->>7, value->>8, value->>9, value->>10, CAST(value->>11 AS BIGINT),",
        " CAST(value->>12 AS BIGINT), CAST(value->>13 AS BIGINT), value->>14, value->>15 FROM ",
        rows!("1"));
    // $2 holds the bytes of all rows end to end; a row names its offset (from 1) and length.
    INSERT_RAW(
        "INSERT INTO arrival_raw (arrival, raw)",
        " SELECT CAST(value->>0 AS BIGINT), substr($2, CAST(value->>1 AS INTEGER), CAST(value->>2 AS INTEGER)) FROM ",
        rows!("1"));
    INSERT_LARGE("INSERT INTO arrival_raw (arrival, raw) VALUES ($1, $2)");
    INSERT_JOBS(
        "INSERT INTO job (id, queue, due_at)",
        " SELECT CAST(value->>0 AS BIGINT), value->>1, CAST(value->>2 AS BIGINT) FROM ", rows!("1"));
    INSERT_UIDS(
        "INSERT INTO mail_uid (mailbox, uidvalidity, uid, arrival)",
        " SELECT value->>0, CAST(value->>1 AS BIGINT), CAST(value->>2 AS BIGINT), CAST(value->>3 AS BIGINT) FROM ",
        rows!("1"), " WHERE true ON CONFLICT DO NOTHING");
    // Touches no row when the lock has another holder.
    MOVE_CURSOR(
        "INSERT INTO mailbox (name, uidvalidity, last_uid)",
        " SELECT $1, $2, $3 WHERE EXISTS (SELECT 1 FROM named_lock WHERE name = $4 AND owner = $5 AND token = $6)",
        " ON CONFLICT (name) DO UPDATE SET uidvalidity = excluded.uidvalidity, last_uid = CASE",
        " WHEN mailbox.uidvalidity = excluded.uidvalidity AND mailbox.last_uid > excluded.last_uid",
        " THEN mailbox.last_uid ELSE excluded.last_uid END");
    // What the cursor has passed is never fetched again.
    FORGET_FETCHES("DELETE FROM fetch_attempt WHERE mailbox = $1 AND uidvalidity = $2 AND uid <= $3");
    FORGET_KEYS(
        "DELETE FROM arrival_key WHERE key IN (SELECT key FROM arrival_key WHERE expires_at <= $1",
        " ORDER BY expires_at LIMIT 2000", skip_locked!(), ")");
    LOAD(
        "SELECT a.ulid, a.channel, a.intake, a.received_at, a.digest, a.raw_kind, a.content_type, a.context,",
        " COALESCE(r.raw, o.raw) AS raw FROM ", rows!("1"), " JOIN arrival a ON a.ulid = value->>0",
        " LEFT JOIN arrival_raw r ON r.arrival = a.id LEFT JOIN arrival_raw o ON o.arrival = a.duplicate_of");
    KNOWN_KEY(
        "SELECT COALESCE(d.ulid, a.ulid) AS ulid FROM arrival_key k JOIN arrival a ON a.id = k.arrival",
        " LEFT JOIN arrival d ON d.id = a.duplicate_of",
        " WHERE k.key = $1 AND (k.expires_at IS NULL OR k.expires_at > $2)");
}

/// Bytes of arrivals bound to one statement at most, unless one alone is larger.
const RAW_CHUNK: usize = 8 << 20;
/// Bytes from which a body is written by a statement of its own: gathering it with others would copy it.
const RAW_ALONE: usize = 256 << 10;

/// How long a key is kept after it has run out: arrivals from the spill are judged by when they came.
const KEPT_KEYS: Duration = Duration::from_hours(72);

/// Arrivals journalled.
#[derive(Debug)]
pub(in super::super) struct Journalled {
    /// One answer for each, in order.
    pub(in super::super) answers: Vec<Accepted>,
    /// Process jobs made.
    pub(in super::super) process: usize,
    /// Deliver jobs made.
    pub(in super::super) deliver: usize,
}

/// Where a new arrival stands among its repeats.
#[derive(Debug, Clone)]
struct Placed {
    id: i64,
    /// Index of the first arrival of this batch with a key in common; itself for the first.
    root: usize,
    /// The earlier, stored arrival it repeats.
    original: Option<Original>,
}

#[derive(Debug, Clone)]
struct Original {
    id: i64,
    ulid: Ulid,
    digest: String,
    /// It lies where a person looks at it: its copies stay on their servers too.
    held: bool,
}

/// Journals arrivals in order. With `mark_repeats` a repeat's own copy on its mail server gets its mark.
pub(in super::super) async fn accept(
    conn: &mut Connection,
    arrivals: &[&NewArrival],
    mark_repeats: bool,
    now: Times,
) -> StoreResult<Journalled> {
    let mut answers: BTreeMap<usize, Accepted> = seen_uids(conn, arrivals).await?;
    let fresh: Vec<(usize, &NewArrival)> =
        arrivals.iter().copied().enumerate().filter(|(i, _)| !answers.contains_key(i)).collect();
    let news: Vec<&NewArrival> = fresh.iter().map(|(_, a)| *a).collect();
    let anew::Settled { changed, held } = anew::settle(conn, &news, now.wall).await?;
    let news: Vec<&NewArrival> = news
        .into_iter()
        .zip(&changed)
        .map(|(a, changed)| changed.as_ref().map_or(a, |changed| &changed.arrival))
        .collect();
    let placed = place(conn, &news, &held, now.wall).await?;
    let process = write(conn, &news, &placed, now).await?;
    let deliver = if mark_repeats { mark(conn, &news, &placed, now).await? } else { 0 };
    for (((index, arrival), place), changed) in fresh.iter().zip(&placed).zip(&changed) {
        let duplicate_of = place.original.as_ref().map(|o| o.ulid);
        let accepted = Accepted::mint(arrival.envelope.id, duplicate_of, false);
        let follows = changed.as_ref().and_then(|changed| changed.follows);
        let late = changed.as_ref().is_some_and(|changed| changed.follows.is_none());
        answers.insert(*index, accepted.following(follows).seen_before(late));
    }
    Ok(Journalled { answers: answers.into_values().collect(), process, deliver })
}

/// Another transaction may have taken a chosen key after it was looked at (`held` then) and before it was claimed.
/// Nothing is written then, and the transaction runs again: it now sees what the key stands for.
fn unless_raced(
    arrivals: &[&NewArrival],
    held: &BTreeSet<String>,
    taken: &HashMap<String, Original>,
) -> StoreResult<()> {
    let compared = arrivals.iter().filter(|arrival| arrival.edited.is_some());
    let raced = compared
        .flat_map(|arrival| chosen(&arrival.envelope))
        .any(|key| taken.contains_key(&key.value) && !held.contains(&key.value));
    if raced { Err(StoreError::Busy(Box::new(Raced))) } else { Ok(()) }
}

/// Arrivals whose UID is journalled already answer with the earlier row.
async fn seen_uids(conn: &mut Connection, arrivals: &[&NewArrival]) -> StoreResult<BTreeMap<usize, Accepted>> {
    let mut batch = Batch::default();
    for (index, arrival) in arrivals.iter().enumerate() {
        if let Some(mail) = &arrival.envelope.context.mail {
            row!(batch; index, arrival.envelope.intake_id, mail.uidvalidity, mail.uid);
        }
    }
    let mut seen = BTreeMap::new();
    for row in read(conn, SEEN_UIDS, &batch).await? {
        let index = usize::try_from(row.try_get::<i64, _>("ord")?).unwrap_or(usize::MAX);
        let original = optional_ulid(row.try_get("original")?)?;
        seen.insert(index, Accepted::mint(ulid(row.try_get("ulid")?)?, original, false));
    }
    Ok(seen)
}

/// Claims the keys and finds what each arrival repeats, inside the batch and outside.
async fn place(
    conn: &mut Connection,
    arrivals: &[&NewArrival],
    held: &BTreeSet<String>,
    now: Timestamp,
) -> StoreResult<Vec<Placed>> {
    let ids = driver::reserve(conn, arrivals.len()).await?;
    let mut holder: HashMap<&str, usize> = HashMap::new();
    let mut placed: Vec<Placed> = Vec::with_capacity(arrivals.len());
    let mut claims: BTreeMap<&str, (i64, Option<i64>)> = BTreeMap::new();
    let mut asked: BTreeSet<&str> = BTreeSet::new();
    for (index, (arrival, id)) in arrivals.iter().zip(&ids).enumerate() {
        let keys = &arrival.envelope.keys;
        let root = keys.iter().find_map(|k| holder.get(k.value.as_str()).copied()).unwrap_or(index);
        let root_id = placed.get(root).map_or(*id, |p| p.id);
        for key in keys {
            asked.insert(&key.value);
            if arrival.claims(key) && holder.insert(&key.value, root).is_none() {
                claims.insert(&key.value, (root_id, key.expires_at.map(Timestamp::micros)));
            }
        }
        placed.push(Placed { id: *id, root, original: None });
    }
    let mut batch = Batch::default();
    for (key, (id, expires_at)) in &claims {
        row!(batch; key, id, expires_at);
    }
    run_with(conn, CLAIM_KEYS, &batch, now.micros()).await?;
    let taken = taken(conn, &column(asked), now).await?;
    unless_raced(arrivals, held, &taken)?;
    if !taken.is_empty() {
        settle_roots(conn, arrivals, &mut placed, &taken).await?;
    }
    repeat_in_batch(arrivals, &mut placed);
    Ok(placed)
}

async fn taken(conn: &mut Connection, keys: &Batch, now: Timestamp) -> StoreResult<HashMap<String, Original>> {
    read_with(conn, TAKEN_KEYS, keys, now.micros())
        .await?
        .iter()
        .map(|row| {
            let state = ArrivalState::parse(row.try_get("state")?);
            let original = Original {
                id: row.try_get("id")?,
                ulid: ulid(row.try_get("ulid")?)?,
                digest: row.try_get("digest")?,
                held: matches!(state, Some(ArrivalState::Quarantined | ArrivalState::Failed)),
            };
            Ok((row.try_get("key")?, original))
        })
        .collect()
}

/// First arrivals that turn out to repeat a stored one; their free keys then name that one.
async fn settle_roots(
    conn: &mut Connection,
    arrivals: &[&NewArrival],
    placed: &mut [Placed],
    taken: &HashMap<String, Original>,
) -> StoreResult<()> {
    let roots: Vec<usize> = placed.iter().map(|p| p.root).collect();
    let mut found: BTreeMap<usize, Original> = BTreeMap::new();
    for (index, (arrival, root)) in arrivals.iter().zip(&roots).enumerate() {
        // What is held at the door speaks only for itself.
        if *root != index && arrival.envelope.keys.iter().any(|k| !arrival.claims(k)) {
            continue;
        }
        let hit = arrival.envelope.keys.iter().find_map(|k| taken.get(&k.value));
        if let Some(original) = hit {
            found.entry(*root).or_insert_with(|| original.clone());
        }
    }
    let mut moves = Batch::default();
    for (arrival, root) in arrivals.iter().zip(&roots) {
        let Some(original) = found.get(root) else { continue };
        for key in arrival.envelope.keys.iter().filter(|k| arrival.claims(k) && !taken.contains_key(&k.value)) {
            row!(moves; key.value, original.id);
        }
    }
    run(conn, MOVE_KEYS, &moves).await?;
    for place in placed.iter_mut() {
        place.original = found.get(&place.root).cloned();
    }
    Ok(())
}

/// Later arrivals of a new root repeat the root itself.
fn repeat_in_batch(arrivals: &[&NewArrival], placed: &mut [Placed]) {
    let roots: Vec<i64> = placed.iter().map(|p| p.id).collect();
    for (index, place) in placed.iter_mut().enumerate() {
        if place.root == index || place.original.is_some() {
            continue;
        }
        let (Some(first), Some(id)) = (arrivals.get(place.root), roots.get(place.root)) else { continue };
        place.original = Some(Original {
            id: *id,
            ulid: first.envelope.id,
            digest: first.envelope.digest.to_string(),
            held: first.initial != InitialState::Received,
        });
    }
}

async fn write(conn: &mut Connection, arrivals: &[&NewArrival], placed: &[Placed], now: Times) -> StoreResult<usize> {
    let (mut arrived, mut jobs, mut uids) = (Batch::default(), Batch::default(), Batch::default());
    let mut raws: Vec<(i64, &[u8])> = Vec::new();
    let mut made = 0_usize;
    for (arrival, place) in arrivals.iter().zip(placed) {
        let envelope = &arrival.envelope;
        let digest = envelope.digest.to_string();
        let (state, reason) = match (&place.original, &arrival.initial) {
            (Some(_), _) => ("decided", None),
            (None, InitialState::Received) => ("received", None),
            (None, InitialState::Quarantined(reason)) => ("quarantined", Some(reason)),
        };
        let decided_at = (state != "received").then_some(now.wall.micros());
        row!(arrived; place.id, envelope.id.to_string(), envelope.channel.as_str(), envelope.intake_id, state, reason,
            envelope.received_at.micros(), digest, envelope.content_type, raw_kind(envelope.raw_kind),
            context(envelope), envelope.raw.len(), place.original.as_ref().map(|o| o.id), decided_at,
            envelope.context.extra.get(SHOWN_SENDER), envelope.context.extra.get(SHOWN_SUBJECT));
        if place.original.as_ref().is_none_or(|o| o.digest != digest) {
            raws.push((place.id, &envelope.raw));
        }
        if state == "received" {
            made = made.saturating_add(1);
            row!(jobs; place.id, Queue::Process.as_str(), envelope.received_at.min(now.queue).micros());
        }
        if let Some(mail) = &envelope.context.mail {
            row!(uids; envelope.intake_id, mail.uidvalidity, mail.uid, place.id);
        }
    }
    run(conn, INSERT_ARRIVALS, &arrived).await?;
    write_raw(conn, &raws).await?;
    run(conn, INSERT_JOBS, &jobs).await?;
    run(conn, INSERT_UIDS, &uids).await?;
    Ok(made)
}

/// Enqueues the mark of each repeat that lies on a mail server; how many. Not for a repeat of what is quarantined or
/// failed: that stays where people see it. The effect bears the id of its arrival, the only one it ever has.
async fn mark(conn: &mut Connection, arrivals: &[&NewArrival], placed: &[Placed], now: Times) -> StoreResult<usize> {
    let repeats: Vec<_> = arrivals
        .iter()
        .zip(placed)
        .filter(|(_, place)| place.original.as_ref().is_some_and(|first| !first.held))
        .filter_map(|(arrival, place)| Some((&arrival.envelope, arrival.envelope.context.mail.as_ref()?, place.id)))
        .collect();
    let ids = driver::reserve(conn, repeats.len()).await?;
    let (mut effects, mut jobs) = (Batch::default(), Batch::default());
    for ((envelope, position, arrival), id) in repeats.iter().zip(ids) {
        let notice = serde_json::json!({
            "arrival": envelope.id, "position": position, "state": ArrivalState::Decided
        });
        row!(effects; id, envelope.id.to_string(), "mark", envelope.intake_id, notice.to_string(), arrival,
            now.wall.micros());
        row!(jobs; id, Queue::Deliver.as_str(), now.queue.micros());
    }
    run(conn, writes::EFFECTS, &effects).await?;
    run(conn, INSERT_JOBS, &jobs).await?;
    Ok(repeats.len())
}

async fn write_raw(conn: &mut Connection, raws: &[(i64, &[u8])]) -> StoreResult<()> {
    let mut rest = raws.iter().peekable();
    while let Some((id, raw)) = rest.peek() {
        if raw.len() > RAW_ALONE {
            sqlx::query(INSERT_LARGE).bind(*id).bind(*raw).execute(&mut *conn).await?;
            rest.next();
            continue;
        }
        let (mut batch, mut bytes) = (Batch::default(), Vec::new());
        while let Some((id, raw)) = rest.next_if(|(_, r)| r.len() <= RAW_ALONE && bytes.len() + r.len() <= RAW_CHUNK) {
            row!(batch; id, bytes.len().saturating_add(1), raw.len());
            bytes.extend_from_slice(raw);
        }
        // One byte more than is named: SQLite cuts nothing out of an empty value but NULL.
        bytes.push(0);
        sqlx::query(INSERT_RAW).bind(batch.text()).bind(bytes).execute(&mut *conn).await?;
    }
    Ok(())
}

const fn raw_kind(kind: RawKind) -> &'static str {
    match kind {
        RawKind::Mail => "mail",
        RawKind::Form => "form",
    }
}

fn context(envelope: &Envelope) -> String {
    serde_json::to_string(&envelope.context).unwrap_or_else(|_| "{}".to_owned())
}

/// Moves a mailbox cursor; `Fenced(0)` when the lock has another holder.
pub(in super::super) async fn move_cursor(conn: &mut Connection, cursor: &CursorMove) -> StoreResult<()> {
    let done = sqlx::query(MOVE_CURSOR)
        .bind(&cursor.mailbox)
        .bind(i64::from(cursor.uidvalidity))
        .bind(i64::from(cursor.last_uid))
        .bind(&cursor.lock.name)
        .bind(&cursor.lock.owner)
        .bind(cursor.lock.token)
        .execute(&mut *conn)
        .await?;
    if done.rows_affected() != 1 {
        return Err(StoreError::Fenced(0));
    }
    forget_fetches(conn, &cursor.mailbox, cursor.uidvalidity, cursor.last_uid).await
}

/// Forgets the attempts to fetch what a cursor has passed.
pub(super) async fn forget_fetches(
    conn: &mut Connection,
    mailbox: &str,
    uidvalidity: u32,
    last_uid: u32,
) -> StoreResult<()> {
    let (uidvalidity, last_uid) = (i64::from(uidvalidity), i64::from(last_uid));
    sqlx::query(FORGET_FETCHES).bind(mailbox).bind(uidvalidity).bind(last_uid).execute(conn).await?;
    Ok(())
}

/// Forgets keys that ran out long ago, a bounded number at a time; how many.
pub(in super::super) async fn forget_keys(conn: &mut Connection, now: Timestamp) -> StoreResult<u64> {
    let done = sqlx::query(FORGET_KEYS).bind(now.before(KEPT_KEYS).micros()).execute(conn).await?;
    Ok(done.rows_affected())
}

/// Arrivals with their bytes, in the order asked. A repeat whose bytes were the same borrows the original's.
/// Keys are not loaded.
pub(in super::super) async fn load(conn: &mut Connection, ids: &[Ulid]) -> StoreResult<Vec<Envelope>> {
    let unique: BTreeSet<String> = ids.iter().map(Ulid::to_string).collect();
    let mut found: HashMap<Ulid, Envelope> = HashMap::new();
    for row in read(conn, LOAD, &column(unique)).await? {
        let envelope = Envelope {
            id: ulid(row.try_get("ulid")?)?,
            channel: Channel::parse(row.try_get("channel")?).ok_or_else(|| super::damaged("channel"))?,
            intake_id: row.try_get("intake")?,
            keys: Vec::new(),
            received_at: Timestamp::from_micros(row.try_get("received_at")?),
            digest: digest(row.try_get("digest")?)?,
            raw_kind: if row.try_get::<&str, _>("raw_kind")? == "mail" { RawKind::Mail } else { RawKind::Form },
            content_type: row.try_get("content_type")?,
            context: serde_json::from_str(row.try_get("context")?).unwrap_or_default(),
            raw: row.try_get::<Option<Vec<u8>>, _>("raw")?.unwrap_or_default().into(),
        };
        found.insert(envelope.id, envelope);
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

fn digest(hex: &str) -> StoreResult<Digest> {
    let mut bytes = [0_u8; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        let at = index.saturating_mul(2);
        let pair = hex.get(at..at.saturating_add(2)).ok_or_else(|| super::damaged("digest"))?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| super::damaged("digest"))?;
    }
    Ok(Digest(bytes))
}

/// Closes announcements that wait for what has come; how many.
pub(in super::super) async fn announced_came(conn: &mut Connection, keys: &[String]) -> StoreResult<u64> {
    run(conn, ANNOUNCED_CAME, &column(keys)).await
}

/// The first arrival that holds this key now.
pub(in super::super) async fn known_key(conn: &mut Connection, key: &str, now: Timestamp) -> StoreResult<Option<Ulid>> {
    let row = sqlx::query(KNOWN_KEY).bind(key).bind(now.micros()).fetch_optional(conn).await?;
    row.map(|r| ulid(r.try_get("ulid")?)).transpose()
}
