//! What hangs on a record and goes to its survivor, table by table, and comes back.
//!
//! Invariants:
//! - a row moves, or stays where it is when the survivor has its like: nothing is copied, nothing is lost;
//! - match keys that both have are taken away from the merged record, so that nobody is found twice by them;
//! - only what was moved comes back.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::Row as _;

use super::super::super::driver::Connection;
use super::super::json;
use super::statements;
use crate::store::StoreResult;

/// Rows moved, by the name of their mover; each by what tells it in its table.
pub(super) type Moved = BTreeMap<String, Vec<Value>>;

/// Takes rows for the survivor ($1) from the merged record ($2).
macro_rules! take {
    ($table:literal, $column:literal, $only:expr) => {
        take!($table, $column, $only, "'id', id")
    };
    ($table:literal, $column:literal, $only:expr, $key:literal) => {
        concat!(
            "UPDATE ",
            $table,
            " SET ",
            $column,
            " = $1 WHERE ",
            $column,
            " = $2",
            $only,
            " RETURNING ",
            json_object!($key),
            " AS item"
        )
    };
}

/// Gives the rows of $1 back to the merged record ($2) from the survivor ($3).
macro_rules! back {
    ($table:literal, $column:literal) => {
        concat!("UPDATE ", $table, " SET ", $column, " = $2 WHERE ", $column, " = $3 AND id IN (SELECT ",
            "CAST(e.value->>'id' AS BIGINT) FROM ", rows!("1"), ")")
    };
    ($table:literal, $column:literal, $($key:literal)+) => {
        concat!("UPDATE ", $table, " SET ", $column, " = $2 WHERE ", $column, " = $3 AND EXISTS (SELECT 1 FROM ",
            rows!("1"), " WHERE true", $(" AND ", $key,)+ ")")
    };
}

/// Rows that the survivor has no like of.
macro_rules! unlike {
    ($table:literal, $column:literal, $($same:literal)+) => {
        concat!(" AND NOT EXISTS (SELECT 1 FROM ", $table, " o WHERE o.", $column, " = $1",
            $(" AND o.", $same, " = ", $table, ".", $same,)+ ")")
    };
}

statements! {
    // An address that says the same is there already.
    TAKE_ADDRESSES(take!("address", "record", " AND NOT EXISTS (SELECT 1 FROM address o WHERE o.record = $1 \
        AND o.street IS NOT DISTINCT FROM address.street AND o.city IS NOT DISTINCT FROM address.city \
        AND o.postcode IS NOT DISTINCT FROM address.postcode)"));
    BACK_ADDRESSES(back!("address", "record"));
    TAKE_CONSENTS(take!("consent", "record", ""));
    BACK_CONSENTS(back!("consent", "record"));
    TAKE_NOTES(take!("note", "record", ""));
    BACK_NOTES(back!("note", "record"));
    TAKE_ACTIVITIES(take!("activity", "record", ""));
    BACK_ACTIVITIES(back!("activity", "record"));
    TAKE_ATTEMPTS(take!("attempt", "record", ""));
    BACK_ATTEMPTS(back!("attempt", "record"));
    // An arrival says nothing twice.
    TAKE_MESSAGES(take!("communication", "record", unlike!("communication", "record", "arrival")));
    BACK_MESSAGES(back!("communication", "record"));
    // Before the decisions by which they are found.
    TAKE_ARRIVALS(take!("arrival", "record", " AND id IN (SELECT d.arrival FROM decision d WHERE d.record = $2)"));
    BACK_ARRIVALS(back!("arrival", "record"));
    TAKE_DECISIONS(take!("decision", "record", ""));
    BACK_DECISIONS(back!("decision", "record"));
    TAKE_POINTS(take!("contact_point", "record", unlike!("contact_point", "record", "class" "normalised"),
        "'class', class, 'normalised', normalised"));
    BACK_POINTS(back!("contact_point", "record", "contact_point.class = e.value->>'class'"
        "contact_point.normalised = e.value->>'normalised'"));
    TAKE_PARTICIPANTS(take!("participant", "record", unlike!("participant", "record", "address"), "'address', address"));
    BACK_PARTICIPANTS(back!("participant", "record", "participant.address = e.value->>'address'"));
    TAKE_TAGS(take!("record_tag", "record", unlike!("record_tag", "record", "tag"), "'tag', tag"));
    BACK_TAGS(back!("record_tag", "record", "record_tag.tag = e.value->>'tag'"));
    TAKE_FIELDS(take!("custom_field", "record", unlike!("custom_field", "record", "name"), "'name', name"));
    BACK_FIELDS(back!("custom_field", "record", "custom_field.name = e.value->>'name'"));
    TAKE_TOUCHES(take!("touch", "record", unlike!("touch", "record", "at" "arrival" "role"),
        "'at', at, 'arrival', arrival, 'role', role"));
    BACK_TOUCHES(back!("touch", "record", "touch.at = CAST(e.value->>'at' AS BIGINT)"
        "touch.arrival = CAST(e.value->>'arrival' AS BIGINT)" "touch.role = e.value->>'role'"));
    TAKE_PROFILES(take!("match_profile", "entity", unlike!("match_profile", "entity", "hash"), "'hash', hash"));
    BACK_PROFILES(back!("match_profile", "entity", "match_profile.hash = CAST(e.value->>'hash' AS BIGINT)"));
    TAKE_KEYS(take!("match_key", "entity", unlike!("match_key", "entity", "kind" "hash"), "'kind', kind, 'hash', hash"));
    BACK_KEYS(back!("match_key", "entity", "match_key.kind = CAST(e.value->>'kind' AS BIGINT)"
        "match_key.hash = CAST(e.value->>'hash' AS BIGINT)"));
    DROP_KEYS("DELETE FROM match_key WHERE entity = $2 AND entity <> $1 RETURNING ",
        json_object!("'kind', kind, 'hash', hash"), " AS item");
    RENEW_KEYS("INSERT INTO match_key (kind, hash, entity) SELECT CAST(e.value->>'kind' AS BIGINT),",
        " CAST(e.value->>'hash' AS BIGINT), CAST($2 AS BIGINT) FROM ", rows!("1"),
        " WHERE CAST($2 AS BIGINT) <> CAST($3 AS BIGINT) ON CONFLICT DO NOTHING");
    TAKE_LEADS_OF_CONTACT(take!("lead", "contact", ""));
    BACK_LEADS_OF_CONTACT(back!("lead", "contact"));
    TAKE_LEADS_OF_ORGANISATION(take!("lead", "organisation", ""));
    BACK_LEADS_OF_ORGANISATION(back!("lead", "organisation"));
    // What the survivor itself is linked to is one of its columns.
    TAKE_LEADS_LINKED(take!("lead", "linked_to", " AND id <> $1"));
    BACK_LEADS_LINKED(back!("lead", "linked_to"));
    TAKE_DEALS_OF_CONTACT(take!("opportunity", "contact", ""));
    BACK_DEALS_OF_CONTACT(back!("opportunity", "contact"));
    TAKE_DEALS_OF_ORGANISATION(take!("opportunity", "organisation", ""));
    BACK_DEALS_OF_ORGANISATION(back!("opportunity", "organisation"));
    TAKE_DEALS_OF_LEAD(take!("opportunity", "lead", ""));
    BACK_DEALS_OF_LEAD(back!("opportunity", "lead"));
    TAKE_DEALS_LINKED(take!("opportunity", "linked_to", " AND id <> $1"));
    BACK_DEALS_LINKED(back!("opportunity", "linked_to"));
    TAKE_PEOPLE(take!("contact", "organisation", ""));
    BACK_PEOPLE(back!("contact", "organisation"));
    TAKE_REDIRECTS(take!("entity", "merged_into", ""));
    BACK_REDIRECTS(back!("entity", "merged_into"));
}

/// Name, taking, giving back; in the order of taking.
const MOVERS: [(&str, &str, &str); 25] = [
    ("address", TAKE_ADDRESSES, BACK_ADDRESSES),
    ("consent", TAKE_CONSENTS, BACK_CONSENTS),
    ("note", TAKE_NOTES, BACK_NOTES),
    ("activity", TAKE_ACTIVITIES, BACK_ACTIVITIES),
    ("attempt", TAKE_ATTEMPTS, BACK_ATTEMPTS),
    ("communication", TAKE_MESSAGES, BACK_MESSAGES),
    ("arrival", TAKE_ARRIVALS, BACK_ARRIVALS),
    ("decision", TAKE_DECISIONS, BACK_DECISIONS),
    ("contact_point", TAKE_POINTS, BACK_POINTS),
    ("participant", TAKE_PARTICIPANTS, BACK_PARTICIPANTS),
    ("record_tag", TAKE_TAGS, BACK_TAGS),
    ("custom_field", TAKE_FIELDS, BACK_FIELDS),
    ("touch", TAKE_TOUCHES, BACK_TOUCHES),
    ("match_profile", TAKE_PROFILES, BACK_PROFILES),
    ("match_key", TAKE_KEYS, BACK_KEYS),
    ("match_key of both", DROP_KEYS, RENEW_KEYS),
    ("lead.contact", TAKE_LEADS_OF_CONTACT, BACK_LEADS_OF_CONTACT),
    ("lead.organisation", TAKE_LEADS_OF_ORGANISATION, BACK_LEADS_OF_ORGANISATION),
    ("lead.linked_to", TAKE_LEADS_LINKED, BACK_LEADS_LINKED),
    ("opportunity.contact", TAKE_DEALS_OF_CONTACT, BACK_DEALS_OF_CONTACT),
    ("opportunity.organisation", TAKE_DEALS_OF_ORGANISATION, BACK_DEALS_OF_ORGANISATION),
    ("opportunity.lead", TAKE_DEALS_OF_LEAD, BACK_DEALS_OF_LEAD),
    ("opportunity.linked_to", TAKE_DEALS_LINKED, BACK_DEALS_LINKED),
    ("contact.organisation", TAKE_PEOPLE, BACK_PEOPLE),
    ("redirect", TAKE_REDIRECTS, BACK_REDIRECTS),
];

/// Moves what hangs on the merged record to its survivor.
pub(super) async fn take(conn: &mut Connection, survivor: i64, merged: i64) -> StoreResult<Moved> {
    let mut moved = Moved::new();
    for (name, take, _) in MOVERS {
        let rows = sqlx::query(take).bind(survivor).bind(merged).fetch_all(&mut *conn).await?;
        let items = rows.iter().map(|row| Ok(json(row.try_get("item")?))).collect::<StoreResult<Vec<_>>>()?;
        if !items.is_empty() {
            moved.insert(name.to_owned(), items);
        }
    }
    Ok(moved)
}

/// Gives back what was moved and still is where it was moved to.
pub(super) async fn give_back(conn: &mut Connection, survivor: i64, merged: i64, moved: &Moved) -> StoreResult<()> {
    for (name, _, back) in MOVERS.iter().rev().copied() {
        let Some(items) = moved.get(name) else { continue };
        let rows = Value::Array(items.clone()).to_string();
        sqlx::query(back).bind(rows).bind(merged).bind(survivor).execute(&mut *conn).await?;
    }
    Ok(())
}
