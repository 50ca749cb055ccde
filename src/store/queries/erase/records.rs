//! Records forgotten: names, contact points, notes and everything written. What statistics count stays: id, kind, dates,
//! owner, team, status or stage, source, amounts.
//!
//! The contact points go last, being what the records are found by.

use super::super::super::driver::Connection;
use super::{statements, sweep};
use crate::store::batch::column;
use crate::store::{ErasedCounts, StoreResult};

statements! {
    /// An organisation that was named after the person, for want of a name of its own.
    NAMED_AFTER(
        "UPDATE organisation SET name = 'erased', website = NULL, registrations = NULL WHERE id IN (",
        "SELECT l.organisation FROM ", rows!("1"), " JOIN lead l ON l.id = CAST(e.value->>0 AS BIGINT)",
        " WHERE l.full_name = organisation.name UNION ALL SELECT c.organisation FROM ", rows!("1"),
        " JOIN contact c ON c.id = CAST(e.value->>0 AS BIGINT) WHERE c.full_name = organisation.name)");
    EMPTY_LEADS(
        "UPDATE lead SET salutation = NULL, first_name = NULL, last_name = NULL, full_name = 'erased', gender = NULL,",
        " job_title = NULL, company = NULL, website = NULL, topic = NULL, inquiry_kind = NULL, message = NULL,",
        " first_touch = NULL, last_touch = NULL, referred_by = NULL, region = NULL, next_contact_at = NULL,",
        " next_action = NULL, postpone_note = NULL, watch = NULL, watch_note = NULL, discard_detail = NULL",
        " WHERE id IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
    EMPTY_CONTACTS(
        "UPDATE contact SET salutation = NULL, first_name = NULL, last_name = NULL, full_name = 'erased', gender = NULL,",
        " job_title = NULL, company = NULL, website = NULL",
        " WHERE id IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
    EMPTY_OPPORTUNITIES(
        "UPDATE opportunity SET title = 'erased', topic = NULL, inquiry_kind = NULL, message = NULL, first_touch = NULL,",
        " last_touch = NULL, referred_by = NULL, questionnaire = NULL, line_items = NULL, lost_detail = NULL",
        " WHERE id IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
    DROP_ADDRESSES("DELETE FROM address WHERE record IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
    DROP_FIELDS("DELETE FROM custom_field WHERE record IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
    DROP_REST_OF_TOUCHES("DELETE FROM touch WHERE record IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
    DROP_PARTICIPANTS(
        "DELETE FROM participant WHERE record IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
    DROP_CANDIDATES(
        "DELETE FROM candidate WHERE record IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")",
        " OR other IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
    /// That somebody agreed, to what, when and to which text stays; who it was goes.
    EMPTY_CONSENTS(
        "UPDATE consent SET value = NULL, client_ip = NULL, page = NULL",
        " WHERE record IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
    EMPTY_NOTES(
        "UPDATE note SET text = 'erased' WHERE record IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
    EMPTY_ACTIVITIES(
        "UPDATE activity SET summary = 'erased' WHERE record IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ",
        rows!("1"), ")");
    EMPTY_ATTEMPTS(
        "UPDATE attempt SET reason = NULL, note = NULL WHERE record IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ",
        rows!("1"), ")");
    EMPTY_MERGES(
        "UPDATE merge_event SET moved = '{}', field_choices = '{}'",
        " WHERE survivor IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")",
        " OR loser IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
    /// Messages that no arrival brought; the others went with theirs.
    DROP_OWN_FILES(
        "DELETE FROM attachment WHERE communication IN (SELECT c.id FROM ", rows!("1"),
        " JOIN communication c ON c.record = CAST(e.value->>0 AS BIGINT) WHERE c.arrival IS NULL)");
    EMPTY_OWN_MESSAGES(
        "UPDATE communication SET message_id = NULL, in_reply_to = NULL, subject = NULL, sender = NULL,",
        " recipients = NULL, body = '', fields = NULL, signature = NULL WHERE arrival IS NULL",
        " AND record IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
    DROP_MATCH_KEYS("DELETE FROM match_key WHERE entity IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
    DROP_PROFILES("DELETE FROM match_profile WHERE entity IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
    DROP_POINTS("DELETE FROM contact_point WHERE record IN (SELECT CAST(e.value->>0 AS BIGINT) FROM ", rows!("1"), ")");
}

/// Empties these records; how many of each kind.
pub(super) async fn erase(conn: &mut Connection, ids: &[i64]) -> StoreResult<ErasedCounts> {
    let (rows, mut counts) = (column(ids), ErasedCounts::new());
    let work = [
        ("organisations named after them", NAMED_AFTER),
        ("leads", EMPTY_LEADS),
        ("contacts", EMPTY_CONTACTS),
        ("opportunities", EMPTY_OPPORTUNITIES),
        ("postal addresses", DROP_ADDRESSES),
        ("custom fields", DROP_FIELDS),
        ("", DROP_REST_OF_TOUCHES),
        ("", DROP_PARTICIPANTS),
        ("", DROP_CANDIDATES),
        ("consents", EMPTY_CONSENTS),
        ("notes", EMPTY_NOTES),
        ("activities", EMPTY_ACTIVITIES),
        ("attempts", EMPTY_ATTEMPTS),
        ("", EMPTY_MERGES),
        ("files", DROP_OWN_FILES),
        ("messages", EMPTY_OWN_MESSAGES),
        ("", DROP_MATCH_KEYS),
        ("", DROP_PROFILES),
        ("contact points", DROP_POINTS),
    ];
    sweep(conn, &mut counts, &work, &rows).await?;
    Ok(counts)
}
