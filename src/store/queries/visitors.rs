//! Mails to visitors and their links: turns within bounds, confirmations, unsubscribing.
//!
//! A turn is granted under a lock of its own, so that two daemons never count the same place.

use std::time::Duration;

use sqlx::Row as _;
use ulid::Ulid;

use super::super::driver::{self, Connection};
use super::{arrivals, imports, read, run, statements, ulid, writes};
use crate::clock::Timestamp;
use crate::domain::envelope::ArrivalState;
use crate::domain::visitor::{AWAITING, mailbox};
use crate::store::batch::{Batch, row};
use crate::store::erase::suppressed;
use crate::store::plan::Plan;
use crate::store::{ConfirmedPurpose, Evidence, LinkKind, OpenLink, StoreResult, Times, Turn, Used, VisitorMail};

statements! {
    OTHER_MAIL("SELECT effect FROM visitor_mail WHERE arrival = $1 AND kind = $2 AND effect <> $3");
    SUPPRESSED("SELECT address FROM suppression WHERE address IN ($1, $2, $3, $4)");
    TO_RECIPIENT(
        "SELECT COUNT(*) AS n FROM visitor_mail WHERE recipient = $1 AND kind = $2 AND at > $3 AND effect <> $4");
    TO_DOMAIN("SELECT COUNT(*) AS n FROM visitor_mail WHERE domain = $1 AND at > $2 AND effect <> $3");
    TO_ALL("SELECT COUNT(*) AS n FROM visitor_mail WHERE at > $1 AND effect <> $2");
    COUNT_MAIL(
        "INSERT INTO visitor_mail (effect, kind, arrival, recipient, domain, at) VALUES ($1, $2, $3, $4, $5, $6)",
        " ON CONFLICT (effect) DO UPDATE SET at = excluded.at");
    KEEP_LINKS(
        "INSERT INTO visitor_token (hash, kind, address, form, effect, arrival, purposes, expires_at)",
        " SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6,",
        " CAST(value->>7 AS BIGINT) FROM ", rows!("1"), " WHERE true ON CONFLICT (hash) DO NOTHING");
    LINK(
        "SELECT address, form, effect, arrival, purposes, used_at FROM visitor_token",
        " WHERE hash = $1 AND kind = $2 AND expires_at > $3", for_update!());
    FORM_OF_LINK("SELECT form FROM visitor_token WHERE hash = $1 AND kind = $2 AND expires_at > $3");
    /// Every link of one mail is used up with the first: a mail sent again has another link.
    USE_LINKS("UPDATE visitor_token SET used_at = $3 WHERE effect = $1 AND kind = $2 AND used_at IS NULL");
    CONFIRM(
        "INSERT INTO opt_in (arrival, purpose, address, confirmed_at, client_ip, user_agent, page)",
        " SELECT CAST(value->>0 AS BIGINT), value->>1, value->>2, CAST(value->>3 AS BIGINT), value->>4, value->>5,",
        " value->>6 FROM ", rows!("1"), " WHERE true ON CONFLICT (arrival, purpose) DO NOTHING");
    ARRIVAL("SELECT id, state, reason FROM arrival WHERE ulid = $1");
    WITHDRAW("UPDATE opt_in SET withdrawn_at = $2 WHERE address = $1 AND withdrawn_at IS NULL");
    CONFIRMED(
        "SELECT o.address, o.purpose, MAX(o.confirmed_at) AS at FROM ", rows!("1"),
        " JOIN opt_in o ON o.address = value->>0 AND o.purpose = value->>1 WHERE o.withdrawn_at IS NULL",
        " GROUP BY o.address, o.purpose");
    FORGET_MAILS(
        "DELETE FROM visitor_mail WHERE effect IN (SELECT effect FROM visitor_mail WHERE at <= $1 ORDER BY at LIMIT 1000",
        skip_locked!(), ")");
    FORGET_LINKS(
        "DELETE FROM visitor_token WHERE hash IN (SELECT hash FROM visitor_token WHERE expires_at <= $1",
        " ORDER BY expires_at LIMIT 1000", skip_locked!(), ")");
}

/// Window of the bound on recipients.
const DAY: Duration = Duration::from_hours(24);
/// Window of the other bounds.
const HOUR: Duration = Duration::from_hours(1);
/// How long a mail is remembered: a second one for the same submission is refused meanwhile.
const REMEMBERED: Duration = Duration::from_hours(24 * 30);

/// Grants a mail its turn, or says why not. Links of a granted mail work from the commit on.
pub(in super::super) async fn turn(conn: &mut Connection, mail: &VisitorMail, now: Timestamp) -> StoreResult<Turn> {
    driver::lock_visitor_mail(conn).await?;
    if let Some(why) = refusal(conn, mail, now).await? {
        return Ok(Turn::Withheld(why));
    }
    sqlx::query(COUNT_MAIL)
        .bind(mail.effect.to_string())
        .bind(mail.kind)
        .bind(mail.arrival.to_string())
        .bind(&mail.recipient)
        .bind(&mail.domain)
        .bind(now.micros())
        .execute(&mut *conn)
        .await?;
    let mut links = Batch::default();
    for link in &mail.links {
        let purposes = serde_json::to_string(&link.purposes).unwrap_or_default();
        row!(links; link.hash, link.kind.as_str(), mail.address, mail.form, mail.effect.to_string(),
            mail.arrival.to_string(), purposes, now.after(link.expiry).micros());
    }
    run(conn, KEEP_LINKS, &links).await?;
    Ok(Turn::Granted)
}

async fn refusal(conn: &mut Connection, mail: &VisitorMail, now: Timestamp) -> StoreResult<Option<&'static str>> {
    let (effect, bounds) = (mail.effect.to_string(), mail.bounds);
    let other = sqlx::query(OTHER_MAIL).bind(mail.arrival.to_string()).bind(mail.kind).bind(&effect);
    if other.fetch_optional(&mut *conn).await?.is_some() {
        return Ok(Some("this submission was answered already"));
    }
    let behind = mailbox(&mail.address);
    let (erased, erased_behind) = (suppressed(&mail.address), suppressed(&behind));
    let asked = sqlx::query(SUPPRESSED).bind(&mail.address).bind(behind).bind(erased).bind(erased_behind);
    if asked.fetch_optional(&mut *conn).await?.is_some() {
        return Ok(Some("the address asked not to be written to"));
    }
    let (day, hour) = (now.before(DAY).micros(), now.before(HOUR).micros());
    let counted = sqlx::query(TO_RECIPIENT).bind(&mail.recipient).bind(mail.kind).bind(day).bind(&effect);
    let sent: i64 = counted.fetch_one(&mut *conn).await?.try_get("n")?;
    if sent >= i64::from(bounds.per_recipient) {
        return Ok(Some("the recipient had such a mail within 24 hours"));
    }
    let counted = sqlx::query(TO_DOMAIN).bind(&mail.domain).bind(hour).bind(&effect);
    let sent: i64 = counted.fetch_one(&mut *conn).await?.try_get("n")?;
    if sent >= i64::from(bounds.per_domain) {
        return Ok(Some("the recipient's domain had its mails of this hour"));
    }
    let sent: i64 = sqlx::query(TO_ALL).bind(hour).bind(&effect).fetch_one(conn).await?.try_get("n")?;
    Ok((sent >= i64::from(bounds.per_house)).then_some("all mails of this hour are sent"))
}

/// The form of a link that works.
pub(in super::super) async fn link(
    conn: &mut Connection,
    kind: LinkKind,
    hash: &str,
    now: Timestamp,
) -> StoreResult<Option<OpenLink>> {
    let row = sqlx::query(FORM_OF_LINK).bind(hash).bind(kind.as_str()).bind(now.micros()).fetch_optional(conn).await?;
    row.map(|row| Ok(OpenLink { form: row.try_get("form")? })).transpose()
}

/// Uses a link. The second time answers as the first and changes nothing. True beside it when an arrival went back into
/// the queue.
pub(in super::super) async fn redeem(
    conn: &mut Connection,
    kind: LinkKind,
    hash: &str,
    evidence: &Evidence,
    now: Times,
) -> StoreResult<(Used, bool)> {
    let found = sqlx::query(LINK).bind(hash).bind(kind.as_str()).bind(now.queue.micros());
    let Some(link) = found.fetch_optional(&mut *conn).await? else { return Ok((Used::Unknown, false)) };
    if link.try_get::<Option<i64>, _>("used_at")?.is_some() {
        return Ok((Used::Done, false));
    }
    let (address, arrival): (String, Ulid) = (link.try_get("address")?, ulid(link.try_get("arrival")?)?);
    let effect: String = link.try_get("effect")?;
    sqlx::query(USE_LINKS).bind(effect).bind(kind.as_str()).bind(now.wall.micros()).execute(&mut *conn).await?;
    let released = match kind {
        LinkKind::Confirm => {
            let purposes: Vec<String> = serde_json::from_str(link.try_get("purposes")?).unwrap_or_default();
            confirm(conn, arrival, &address, &purposes, evidence, now).await?
        }
        LinkKind::Unsubscribe => {
            unsubscribe(conn, arrival, &address, now.wall).await?;
            false
        }
    };
    Ok((Used::Done, released))
}

async fn confirm(
    conn: &mut Connection,
    arrival: Ulid,
    address: &str,
    purposes: &[String],
    evidence: &Evidence,
    now: Times,
) -> StoreResult<bool> {
    let found = sqlx::query(ARRIVAL).bind(arrival.to_string()).fetch_optional(&mut *conn).await?;
    let Some(found) = found else { return Ok(false) };
    let inside: i64 = found.try_get("id")?;
    let mut batch = Batch::default();
    for purpose in purposes {
        row!(batch; inside, purpose, address, now.wall.micros(), evidence.client_ip, evidence.user_agent, evidence.page);
    }
    run(conn, CONFIRM, &batch).await?;
    imports::audit(conn, now.wall, ("visitor", "confirm"), &arrival.to_string(), Some(&purposes.join(", "))).await?;
    let waits = found.try_get::<&str, _>("state")? == ArrivalState::Quarantined.as_str()
        && found.try_get::<Option<&str>, _>("reason")? == Some(AWAITING);
    // Only the wait for the confirmation ends: rules may hold it for another reason.
    if waits {
        arrivals::requeue(conn, arrival, &[ArrivalState::Quarantined], false, "visitor", now).await
    } else {
        Ok(false)
    }
}

async fn unsubscribe(conn: &mut Connection, arrival: Ulid, address: &str, now: Timestamp) -> StoreResult<()> {
    let found = sqlx::query(ARRIVAL).bind(arrival.to_string()).fetch_optional(&mut *conn).await?;
    let inside = found.map(|row| row.try_get::<i64, _>("id")).transpose()?;
    let mut plan = Plan { now: now.micros(), ..Plan::default() };
    plan.suppress(address, inside);
    writes::unsubscribe(conn, &plan).await?;
    sqlx::query(WITHDRAW).bind(address).bind(now.micros()).execute(&mut *conn).await?;
    imports::audit(conn, now, ("visitor", "unsubscribe"), &arrival.to_string(), None).await
}

/// Which of these addresses and purposes are confirmed.
pub(in super::super) async fn confirmed(
    conn: &mut Connection,
    asked: &[(String, String)],
) -> StoreResult<Vec<ConfirmedPurpose>> {
    let mut batch = Batch::default();
    for (address, purpose) in asked {
        row!(batch; address, purpose);
    }
    let rows = read(conn, CONFIRMED, &batch).await?;
    rows.iter()
        .map(|row| {
            Ok(ConfirmedPurpose {
                address: row.try_get("address")?,
                purpose: row.try_get("purpose")?,
                at: Timestamp::from_micros(row.try_get("at")?),
            })
        })
        .collect()
}

/// Forgets mails and links that count no more, a bounded number at a time.
pub(in super::super) async fn forget(conn: &mut Connection, now: Timestamp) -> StoreResult<()> {
    sqlx::query(FORGET_MAILS).bind(now.before(REMEMBERED).micros()).execute(&mut *conn).await?;
    sqlx::query(FORGET_LINKS).bind(now.micros()).execute(conn).await?;
    Ok(())
}
