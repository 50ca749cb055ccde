//! Questions whether two records are one: listing them, answering them, and those that a merge answers.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use sqlx::Row as _;

use super::super::super::driver::{Connection, Row};
use super::super::{damaged, json, limit, optional_ulid, person, read, ulid};
use super::{links, lock, merge, statements};
use crate::clock::Timestamp;
use crate::domain::matching::{EntityKind, EntityRef};
use crate::store::batch::{Batch, column, row};
use crate::store::errors::Raced;
use crate::store::merge::{Answer, Joined, MergeOrder, Question, Refusal, Rejected, Side};
use crate::store::{StoreError, StoreResult};

/// First contact point of a class.
macro_rules! point {
    ($class:literal) => {
        concat!(
            "(SELECT c.raw FROM contact_point c WHERE c.record = COALESCE(p.contact, x.id) AND c.class = '",
            $class,
            "' ORDER BY c.position, c.normalised LIMIT 1)"
        )
    };
}

/// The flag falls where no question is open any more.
macro_rules! lower {
    ($table:literal) => {
        concat!(
            "UPDATE ",
            $table,
            " SET verification_required = 0 WHERE verification_required = 1",
            " AND id IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ",
            rows!("1"),
            ") AND NOT EXISTS (SELECT 1",
            " FROM candidate c WHERE c.record_now = ",
            $table,
            ".id AND c.state = 'open') RETURNING id"
        )
    };
}

macro_rules! raise {
    ($table:literal) => {
        concat!(
            "UPDATE ",
            $table,
            " SET verification_required = 1",
            " WHERE id IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ",
            rows!("1"),
            ")"
        )
    };
}

statements! {
    // One question for each two records, the newest.
    OPEN(
        "SELECT c.id, c.at, c.record_now, c.other_now, c.evidence, o.ulid AS asked, (SELECT d.trace FROM decision d",
        " WHERE d.record = c.record_now AND d.at = c.at ORDER BY d.id LIMIT 1) AS trace FROM candidate c",
        " JOIN entity o ON o.id = c.other WHERE c.state = 'open' AND c.id < $1 AND NOT EXISTS (SELECT 1",
        " FROM candidate n WHERE n.state = 'open' AND n.id > c.id AND (n.record_now = c.record_now",
        " AND n.other_now = c.other_now OR n.record_now = c.other_now AND n.other_now = c.record_now))",
        " ORDER BY c.id DESC LIMIT $2");
    LINES(
        "SELECT x.id, x.ulid, x.kind, COALESCE(l.created_at, k.created_at, o.created_at, p.created_at) AS created_at,",
        " COALESCE(", person!("l"), ", ", person!("k"), ", ", person!("pk"), ", o.name, p.title) AS name,",
        " COALESCE(l.company, k.company, ko.name, po.name, pk.company, o.domain) AS company, ", point!("email"),
        " AS email, ", point!("phone"), " AS phone, COALESCE(l.status, p.stage) AS status FROM ", rows!("1"),
        " JOIN entity x ON x.id = CAST(e.value->>0 AS BIGINT) LEFT JOIN lead l ON l.id = x.id",
        " LEFT JOIN contact k ON k.id = x.id LEFT JOIN organisation o ON o.id = x.id",
        " LEFT JOIN opportunity p ON p.id = x.id LEFT JOIN organisation ko ON ko.id = k.organisation",
        " LEFT JOIN contact pk ON pk.id = p.contact LEFT JOIN organisation po ON po.id = p.organisation");
    ONE(
        "SELECT c.state, c.record, c.other, c.record_now, c.other_now, c.decided_by, r.ulid AS record_ulid,",
        " r.kind AS record_kind, o.ulid AS other_ulid, o.kind AS other_kind, v.ulid AS event FROM candidate c",
        " JOIN entity r ON r.id = c.record_now JOIN entity o ON o.id = c.other_now",
        " LEFT JOIN merge_event v ON v.id = c.merge_event WHERE c.id = $1");
    TELL_APART(
        "INSERT INTO not_duplicate (a, b, a_now, b_now, actor, at) SELECT CAST(e.value->>0 AS BIGINT),",
        " CAST(e.value->>1 AS BIGINT), CAST(e.value->>2 AS BIGINT), CAST(e.value->>3 AS BIGINT), $2, $3 FROM ", rows!("1"),
        " WHERE true ON CONFLICT DO NOTHING");
    REJECT(
        "UPDATE candidate SET state = 'rejected', decided_by = $3, decided_at = $4 WHERE state = 'open'",
        " AND (record_now = $1 AND other_now = $2 OR record_now = $2 AND other_now = $1) RETURNING record_now");
    ACCEPT_LINKED(
        "UPDATE candidate SET state = 'accepted', decided_by = $3, decided_at = $4, merge_event = $5",
        " WHERE state = 'open' AND (record_now = $1 AND other_now = $2 OR record_now = $2 AND other_now = $1)",
        " RETURNING record_now");
    // Who answers for the two sides of what was asked about.
    NOW_RECORD("UPDATE candidate SET record_now = $1 WHERE record_now = $2");
    NOW_OTHER("UPDATE candidate SET other_now = $1 WHERE other_now = $2");
    NOW_A("UPDATE not_duplicate SET a_now = $1 WHERE a_now = $2");
    NOW_B("UPDATE not_duplicate SET b_now = $1 WHERE b_now = $2");
    THEN_RECORD("UPDATE candidate SET record_now = (SELECT COALESCE(x.merged_into, x.id) FROM entity x",
        " WHERE x.id = candidate.record) WHERE record_now = $1");
    THEN_OTHER("UPDATE candidate SET other_now = (SELECT COALESCE(x.merged_into, x.id) FROM entity x",
        " WHERE x.id = candidate.other) WHERE other_now = $1");
    THEN_A("UPDATE not_duplicate SET a_now = (SELECT COALESCE(x.merged_into, x.id) FROM entity x",
        " WHERE x.id = not_duplicate.a) WHERE a_now = $1");
    THEN_B("UPDATE not_duplicate SET b_now = (SELECT COALESCE(x.merged_into, x.id) FROM entity x",
        " WHERE x.id = not_duplicate.b) WHERE b_now = $1");
    ACCEPT_MERGED(
        "UPDATE candidate SET state = 'accepted', decided_by = $2, decided_at = $3, merge_event = $4",
        " WHERE state = 'open' AND record_now = $1 AND other_now = $1");
    REJECT_TOLD_APART(
        "UPDATE candidate SET state = 'rejected', decided_by = $2, decided_at = $3, merge_event = $4",
        " WHERE state = 'open' AND (record_now = $1 OR other_now = $1) AND EXISTS (SELECT 1 FROM not_duplicate n",
        " WHERE n.a_now = candidate.record_now AND n.b_now = candidate.other_now",
        " OR n.a_now = candidate.other_now AND n.b_now = candidate.record_now) RETURNING record_now");
    OPEN_LEFT("SELECT CAST(COUNT(*) AS BIGINT) FROM candidate WHERE record_now = $1 AND state = 'open'");
    REOPEN(
        "UPDATE candidate SET state = 'open', decided_by = NULL, decided_at = NULL, merge_event = NULL",
        " WHERE merge_event = $1");
    LOWER_LEADS(lower!("lead"));
    LOWER_OPPORTUNITIES(lower!("opportunity"));
    LOWER_CONTACTS(lower!("contact"));
    LOWER_ORGANISATIONS(lower!("organisation"));
    RAISE_LEADS(raise!("lead"));
    RAISE_OPPORTUNITIES(raise!("opportunity"));
    RAISE_CONTACTS(raise!("contact"));
    RAISE_ORGANISATIONS(raise!("organisation"));
}

/// Open questions below a number, newest first; at most `most` (0 = all).
pub(in super::super::super) async fn list(
    conn: &mut Connection,
    before: Option<i64>,
    most: i64,
) -> StoreResult<Vec<Question>> {
    let rows = sqlx::query(OPEN).bind(before.unwrap_or(i64::MAX)).bind(limit(most)).fetch_all(&mut *conn).await?;
    let mut asked: BTreeSet<i64> = BTreeSet::new();
    for row in &rows {
        asked.extend([row.try_get::<i64, _>("record_now")?, row.try_get("other_now")?]);
    }
    let lines = read(conn, LINES, &column(asked)).await?;
    let sides: HashMap<i64, Side> =
        lines.iter().map(|line| Ok((line.try_get("id")?, side(line)?))).collect::<StoreResult<_>>()?;
    rows.iter().map(|row| question(row, &sides)).collect()
}

fn side(row: &Row) -> StoreResult<Side> {
    Ok(Side {
        kind: EntityKind::parse(row.try_get("kind")?).ok_or_else(|| damaged("record kind"))?,
        id: ulid(row.try_get("ulid")?)?,
        created_at: Timestamp::from_micros(row.try_get("created_at")?),
        name: row.try_get("name")?,
        company: row.try_get("company")?,
        email: row.try_get("email")?,
        phone: row.try_get("phone")?,
        status: row.try_get("status")?,
    })
}

fn question(row: &Row, sides: &HashMap<i64, Side>) -> StoreResult<Question> {
    let side = |name: &str| -> StoreResult<Side> {
        sides.get(&row.try_get::<i64, _>(name)?).cloned().ok_or_else(|| damaged("question"))
    };
    let asked: &str = row.try_get("asked")?;
    let own = row.try_get::<Option<&str>, _>("evidence")?.map(json);
    let trace = row.try_get::<Option<&str>, _>("trace")?.map(json).unwrap_or_default();
    let decided = trace.pointer("/match/evidence").and_then(Value::as_array);
    let about = |item: &&Value| item.pointer("/record/id").and_then(Value::as_str) == Some(asked);
    let evidence = own.as_ref().or(decided.and_then(|list| list.iter().find(about)));
    let bits = evidence.and_then(|e| e.pointer("/compared/best/total")).and_then(Value::as_f64);
    Ok(Question {
        id: row.try_get("id")?,
        asked_at: Timestamp::from_micros(row.try_get("at")?),
        record: side("record_now")?,
        other: side("other_now")?,
        bits,
        probability: bits.map(|bits| 1.0 / (1.0 + (-bits).exp2())),
        why: evidence.and_then(|e| e.get("because")).and_then(Value::as_str).map(str::to_owned),
        evidence: evidence.cloned(),
    })
}

/// A question as it is stored.
struct Stored {
    asked: [i64; 2],
    now: [i64; 2],
    record: EntityRef,
    other: EntityRef,
}

/// An open question by number, or why it cannot be answered.
async fn open(conn: &mut Connection, id: i64) -> StoreResult<Answer<Stored>> {
    let Some(row) = sqlx::query(ONE).bind(id).fetch_optional(conn).await? else {
        return Ok(Err(Refusal::NoQuestion(id)));
    };
    let state: String = row.try_get("state")?;
    if state != "open" {
        let by = row.try_get::<Option<String>, _>("decided_by")?.unwrap_or_else(|| "somebody".to_owned());
        return Ok(Err(Refusal::Answered { id, state, by, event: optional_ulid(row.try_get("event")?)? }));
    }
    let entity = |kind: &str, id: &str| -> StoreResult<EntityRef> {
        let kind = EntityKind::parse(row.try_get(kind)?).ok_or_else(|| damaged("record kind"))?;
        Ok(EntityRef { kind, id: ulid(row.try_get(id)?)? })
    };
    Ok(Ok(Stored {
        asked: [row.try_get("record")?, row.try_get("other")?],
        now: [row.try_get("record_now")?, row.try_get("other_now")?],
        record: entity("record_kind", "record_ulid")?,
        other: entity("other_kind", "other_ulid")?,
    }))
}

/// Answers that both are one: merges two of a kind, links two of two kinds. `order` says for whom and under which id.
pub(in super::super::super) async fn accept(
    conn: &mut Connection,
    id: i64,
    order: &MergeOrder,
    now: Timestamp,
) -> StoreResult<Answer<Joined>> {
    let stored = match open(conn, id).await? {
        Ok(stored) => stored,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if stored.record.kind == stored.other.kind {
        let order = MergeOrder { one: stored.record.id, other: stored.other.id, ..order.clone() };
        return Ok(merge(conn, &order, now).await?.map(Joined::Merged));
    }
    lock(conn, stored.now).await?;
    // Read again under the locks: somebody may have answered, or merged one of them.
    match open(conn, id).await? {
        Ok(locked) if locked.now == stored.now => {
            Ok(links::link(conn, stored.now, order, now).await?.map(Joined::Linked))
        }
        Ok(_) => Err(StoreError::Busy(Raced.into())),
        Err(refusal) => Ok(Err(refusal)),
    }
}

/// Answers what is asked about two records that a link says enough of.
pub(super) async fn linked(
    conn: &mut Connection,
    [one, other]: [i64; 2],
    (event, actor): (i64, &str),
    now: Timestamp,
) -> StoreResult<Settled> {
    let answer = sqlx::query(ACCEPT_LINKED).bind(one).bind(other).bind(actor).bind(now.micros()).bind(event);
    let answered = flagged_all(&answer.fetch_all(&mut *conn).await?)?;
    let flags = lower(conn, &answered.iter().copied().collect()).await?;
    Ok(Settled { accepted: u64::try_from(answered.len()).unwrap_or(u64::MAX), open_left: 0, flags })
}

/// Answers that they are two, for good: every question about them is answered by it.
pub(in super::super::super) async fn reject(
    conn: &mut Connection,
    id: i64,
    actor: &str,
    now: Timestamp,
) -> StoreResult<Answer<Rejected>> {
    if let Err(refusal) = match open(conn, id).await? {
        Ok(stored) => lock(conn, stored.now).await.map(|_| Ok(()))?,
        Err(refusal) => Err(refusal),
    } {
        return Ok(Err(refusal));
    }
    // Read again under the locks: who answers for the two sides may be another one by now.
    let stored = match open(conn, id).await? {
        Ok(stored) => stored,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let mut pairs = Batch::default();
    let ([asked, other], [one, two]) = (stored.asked, stored.now);
    for (a, b, a_now, b_now) in [(asked, other, one, two), (one, two, one, two)] {
        if a < b {
            row!(pairs; a, b, a_now, b_now);
        } else {
            row!(pairs; b, a, b_now, a_now);
        }
    }
    sqlx::query(TELL_APART).bind(pairs.text()).bind(actor).bind(now.micros()).execute(&mut *conn).await?;
    let [one, two] = stored.now;
    let rows = sqlx::query(REJECT).bind(one).bind(two).bind(actor).bind(now.micros()).fetch_all(&mut *conn).await?;
    lower(conn, &flagged(&rows)?).await?;
    super::imports::audit(conn, now, (actor, "reject"), &id.to_string(), None).await?;
    let answered = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    Ok(Ok(Rejected { id, record: stored.record, other: stored.other, answered }))
}

fn flagged_all(rows: &[Row]) -> StoreResult<Vec<i64>> {
    rows.iter().map(|row| Ok(row.try_get("record_now")?)).collect()
}

fn flagged(rows: &[Row]) -> StoreResult<BTreeSet<i64>> {
    rows.iter().map(|row| Ok(row.try_get("record_now")?)).collect()
}

/// What a merge answered.
pub(super) struct Settled {
    /// Questions whether these two are one.
    pub(super) accepted: u64,
    /// Questions about the survivor that are still open.
    pub(super) open_left: i64,
    /// Other records of which the flag fell, by table.
    pub(super) flags: HashMap<&'static str, Vec<i64>>,
}

/// Gives questions and answers about the merged record to its survivor, and answers those that are none any more.
pub(super) async fn settle(
    conn: &mut Connection,
    (survivor, merged): (i64, i64),
    event: i64,
    actor: &str,
    now: Timestamp,
) -> StoreResult<Settled> {
    for sql in [NOW_RECORD, NOW_OTHER, NOW_A, NOW_B] {
        sqlx::query(sql).bind(survivor).bind(merged).execute(&mut *conn).await?;
    }
    let answer = |sql| sqlx::query(sql).bind(survivor).bind(actor.to_owned()).bind(now.micros()).bind(event);
    let accepted = answer(ACCEPT_MERGED).execute(&mut *conn).await?.rows_affected();
    let rejected = flagged(&answer(REJECT_TOLD_APART).fetch_all(&mut *conn).await?)?;
    // The survivor's own flag is one of its columns.
    let flags = lower(conn, &rejected.into_iter().filter(|id| *id != survivor).collect()).await?;
    let open_left = sqlx::query(OPEN_LEFT).bind(survivor).fetch_one(&mut *conn).await?.try_get(0)?;
    Ok(Settled { accepted, open_left, flags })
}

/// Lets the flag of records fall about which nothing is asked any more; of which it fell, by table.
async fn lower(conn: &mut Connection, records: &BTreeSet<i64>) -> StoreResult<HashMap<&'static str, Vec<i64>>> {
    let mut fell = HashMap::new();
    for (table, sql) in [
        ("lead", LOWER_LEADS),
        ("opportunity", LOWER_OPPORTUNITIES),
        ("contact", LOWER_CONTACTS),
        ("organisation", LOWER_ORGANISATIONS),
    ] {
        let rows = read(conn, sql, &column(records)).await?;
        let ids = rows.iter().map(|row| Ok(row.try_get("id")?)).collect::<StoreResult<Vec<i64>>>()?;
        if !ids.is_empty() {
            fell.insert(table, ids);
        }
    }
    Ok(fell)
}

/// Flags records about which something is asked.
pub(in super::super) async fn flag(conn: &mut Connection, records: &BTreeSet<i64>) -> StoreResult<()> {
    for sql in [RAISE_LEADS, RAISE_OPPORTUNITIES, RAISE_CONTACTS, RAISE_ORGANISATIONS] {
        super::super::run(conn, sql, &column(records)).await?;
    }
    Ok(())
}

/// Opens again what a merge answered, and lets each side answer for itself; the merged record is one of its own already.
pub(super) async fn reopen(conn: &mut Connection, event: i64, survivor: i64, flags: Option<&Value>) -> StoreResult<()> {
    for sql in [THEN_RECORD, THEN_OTHER, THEN_A, THEN_B] {
        sqlx::query(sql).bind(survivor).execute(&mut *conn).await?;
    }
    sqlx::query(REOPEN).bind(event).execute(&mut *conn).await?;
    for (table, sql) in [
        ("lead", RAISE_LEADS),
        ("opportunity", RAISE_OPPORTUNITIES),
        ("contact", RAISE_CONTACTS),
        ("organisation", RAISE_ORGANISATIONS),
    ] {
        let Some(ids) = flags.and_then(|flags| flags.get(table)).and_then(Value::as_array) else { continue };
        super::super::run(conn, sql, &column(ids)).await?;
    }
    Ok(())
}
