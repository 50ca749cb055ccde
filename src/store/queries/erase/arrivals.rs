//! Arrivals forgotten: their bytes, messages, files, touches, decisions and what was still to be sent.
//!
//! The row stays with its door, state and dates. What waits for somebody is discarded: there is nothing to look at any
//! more. The keys of mails and hooks stay, being hashes or a producer's number, so that the same mail read again, or the
//! same lead sent again, is a repeat; those of forms go, so that the same person may write again.

use super::super::super::driver::Connection;
use super::{count, run_with, statements, sweep};
use crate::clock::Timestamp;
use crate::store::batch::column;
use crate::store::{ErasedCounts, StoreResult};

statements! {
    // The jobs first: a worker that has one is fenced, and one that is committing is waited for.
    DROP_JOBS("DELETE FROM job WHERE queue = 'process' AND id IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
    /// A mark of the mailbox says nothing to anybody, and is still made.
    DROP_EFFECT_JOBS(
        "DELETE FROM job WHERE queue = 'deliver' AND id IN (SELECT f.id FROM ", rows!("1"),
        " JOIN effect f ON f.arrival = CAST(e.value->>0 AS BIGINT) WHERE f.kind <> 'mark')");
    WITHHOLD_EFFECTS(
        "UPDATE effect SET withheld = 'the person was erased' WHERE delivered_at IS NULL AND withheld IS NULL",
        " AND kind <> 'mark' AND arrival IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
    EMPTY_EFFECTS(
        "UPDATE effect SET payload = '{}' WHERE kind <> 'mark'",
        " AND arrival IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
    DROP_RAW("DELETE FROM arrival_raw WHERE arrival IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
    DROP_FILES(
        "DELETE FROM attachment WHERE communication IN (SELECT c.id FROM ", rows!("1"),
        " JOIN communication c ON c.arrival = CAST(e.value->>0 AS BIGINT))");
    EMPTY_MESSAGES(
        "UPDATE communication SET message_id = NULL, in_reply_to = NULL, subject = NULL, sender = NULL,",
        " recipients = NULL, body = '', fields = NULL, signature = NULL WHERE arrival IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ",
        rows!("1"), ")");
    EMPTY_DECISIONS(
        "UPDATE decision SET action = '{}', facts = '[]', trace = '{}'",
        " WHERE arrival IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
    DROP_TOUCHES("DELETE FROM touch WHERE arrival IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
    EMPTY_CONFIRMATIONS(
        "UPDATE opt_in SET address = 'erased', client_ip = NULL, user_agent = NULL, page = NULL,",
        " withdrawn_at = COALESCE(withdrawn_at, $2) WHERE address <> 'erased'",
        " AND arrival IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
    DROP_MAILS(
        "DELETE FROM visitor_mail WHERE arrival IN (SELECT a.ulid FROM ", rows!("1"),
        " JOIN arrival a ON a.id = CAST(e.value->>0 AS BIGINT))");
    DROP_LINKS(
        "DELETE FROM visitor_token WHERE arrival IN (SELECT a.ulid FROM ", rows!("1"),
        " JOIN arrival a ON a.id = CAST(e.value->>0 AS BIGINT))");
    DROP_KEYS(
        "DELETE FROM arrival_key WHERE key NOT LIKE 'mail:%' AND key NOT LIKE 'hook:%'",
        " AND arrival IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
    DROP_REASONS(
        "UPDATE audit SET detail = NULL WHERE action = 'discard' AND subject IN (SELECT a.ulid FROM ", rows!("1"),
        " JOIN arrival a ON a.id = CAST(e.value->>0 AS BIGINT))");
    EMPTY_ARRIVALS(
        "UPDATE arrival SET subject = NULL, sender = NULL, message_id = NULL, error = NULL, reason = 'erased',",
        " context = '", erased_context!(), "', decided_at = COALESCE(decided_at, $2),",
        " state = CASE WHEN state IN ('decided', 'parked', 'discarded') THEN state ELSE 'discarded' END",
        " WHERE id IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
}

/// Empties these arrivals; how many of each kind.
pub(super) async fn erase(conn: &mut Connection, ids: &[i64], now: Timestamp) -> StoreResult<ErasedCounts> {
    let (rows, mut counts) = (column(ids), ErasedCounts::new());
    let work = [
        ("", DROP_JOBS),
        ("", DROP_EFFECT_JOBS),
        ("deliveries withheld", WITHHOLD_EFFECTS),
        ("", EMPTY_EFFECTS),
        ("raw bytes", DROP_RAW),
        ("files", DROP_FILES),
        ("messages", EMPTY_MESSAGES),
        ("decisions", EMPTY_DECISIONS),
        ("touches", DROP_TOUCHES),
        ("mails to them", DROP_MAILS),
        ("links", DROP_LINKS),
        ("", DROP_KEYS),
        ("", DROP_REASONS),
    ];
    sweep(conn, &mut counts, &work, &rows).await?;
    let now = now.micros();
    count(&mut counts, "confirmations", run_with(conn, EMPTY_CONFIRMATIONS, &rows, now).await?);
    count(&mut counts, "arrivals", run_with(conn, EMPTY_ARRIVALS, &rows, now).await?);
    Ok(counts)
}
