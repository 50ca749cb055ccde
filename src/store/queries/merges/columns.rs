//! The columns of a record that a merge may fill, read and written whole.

use sqlx::Row as _;

use super::super::super::driver::Connection;
use super::super::json;
use super::statements;
use crate::domain::matching::EntityKind;
use crate::store::plan::merge::Columns;
use crate::store::{StoreError, StoreResult};

/// Columns of a record as one JSON object.
macro_rules! snapshot {
    ($table:literal; $($text:literal)+; $($number:literal)+) => {
        concat!("SELECT ",
            json_object!($("'", $text, "', ", $text, ", ",)+ $("'", $number, "', ", $number, ", ",)+
                "'modified_at', modified_at, 'id', id"),
            " AS item FROM ", $table, " WHERE id = $1")
    };
}

/// The same columns written back.
macro_rules! restore {
    ($table:literal; $($text:literal)+; $($number:literal)+) => {
        concat!("UPDATE ", $table, " SET ", $($text, " = e.value->>'", $text, "', ",)+
            $($number, " = CAST(e.value->>'", $number, "' AS BIGINT), ",)+
            "modified_at = CAST(e.value->>'modified_at' AS BIGINT) FROM ", rows!("1"), " WHERE ", $table, ".id = CAST(e.value->>'id' AS BIGINT)")
    };
}

macro_rules! lead {
    ($what:ident) => {
        $what!("lead"; "salutation" "first_name" "last_name" "full_name" "gender" "job_title" "company" "website" "topic"
            "inquiry_kind" "message" "language" "country" "territory" "channel" "first_touch" "last_touch" "referred_by"
            "referred_kind" "industry" "market_segment" "region" "currency" "owner" "queue" "team" "next_contact_by"
            "next_action"; "source" "medium" "campaign" "annual_revenue" "employees" "market_share" "budget"
            "next_contact_at" "unsubscribed" "contact" "organisation" "linked_to" "verification_required"
            "last_message_at")
    };
}

macro_rules! opportunity {
    ($what:ident) => {
        $what!("opportunity"; "topic" "inquiry_kind" "message" "language" "country" "territory" "currency" "channel"
            "first_touch" "last_touch" "referred_by" "owner" "queue" "team" "questionnaire" "line_items"
            "quotation_ref" "order_ref"; "contact" "organisation" "lead" "linked_to" "expected_revenue"
            "expected_close" "source" "medium" "campaign" "verification_required" "last_message_at")
    };
}

macro_rules! contact {
    ($what:ident) => {
        $what!("contact"; "salutation" "first_name" "last_name" "full_name" "gender" "job_title" "company" "website"
            "language" "country" "territory" "industry" "market_segment" "owner" "team"; "organisation"
            "customer_since" "unsubscribed" "verification_required" "last_message_at")
    };
}

macro_rules! organisation {
    ($what:ident) => {
        $what!("organisation"; "domain" "registrations" "website" "industry" "market_segment" "country" "language"
            "territory" "owner" "team"; "annual_revenue" "employees" "customer_since" "verification_required"
            "last_message_at")
    };
}

statements! {
    LEAD_COLUMNS(lead!(snapshot));
    OPPORTUNITY_COLUMNS(opportunity!(snapshot));
    CONTACT_COLUMNS(contact!(snapshot));
    ORGANISATION_COLUMNS(organisation!(snapshot));
    WRITE_LEAD(lead!(restore));
    WRITE_OPPORTUNITY(opportunity!(restore));
    WRITE_CONTACT(contact!(restore));
    WRITE_ORGANISATION(organisation!(restore));
    /// Asked not to be written to, at an address of theirs, since a moment.
    OPTED_OUT_SINCE(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM contact_point p JOIN suppression s ON s.address = p.normalised",
        " WHERE p.record = $1 AND p.class = 'email' AND s.at >= $2");
}

/// Columns of a record that a merge may fill.
pub(super) async fn of(conn: &mut Connection, kind: EntityKind, record: i64) -> StoreResult<Columns> {
    let sql = match kind {
        EntityKind::Lead => LEAD_COLUMNS,
        EntityKind::Opportunity => OPPORTUNITY_COLUMNS,
        EntityKind::Contact => CONTACT_COLUMNS,
        EntityKind::Organisation => ORGANISATION_COLUMNS,
    };
    let row = sqlx::query(sql).bind(record).fetch_one(conn).await?;
    match json(row.try_get("item")?) {
        serde_json::Value::Object(columns) => Ok(columns),
        _ => Err(super::super::damaged("record")),
    }
}

/// Writes them back.
pub(super) async fn write(conn: &mut Connection, kind: EntityKind, columns: &Columns) -> StoreResult<()> {
    let sql = match kind {
        EntityKind::Lead => WRITE_LEAD,
        EntityKind::Opportunity => WRITE_OPPORTUNITY,
        EntityKind::Contact => WRITE_CONTACT,
        EntityKind::Organisation => WRITE_ORGANISATION,
    };
    let rows = serde_json::to_string(&[columns]).map_err(|e| StoreError::Other(e.into()))?;
    let touched = sqlx::query(sql).bind(rows).execute(conn).await?.rows_affected();
    if touched == 1 { Ok(()) } else { Err(super::super::damaged("record")) }
}

/// Whether a record's person asked since then not to be written to.
pub(super) async fn opted_out(conn: &mut Connection, record: i64, since: i64) -> StoreResult<bool> {
    let row = sqlx::query(OPTED_OUT_SINCE).bind(record).bind(since).fetch_one(conn).await?;
    Ok(row.try_get::<i64, _>(0)? > 0)
}
