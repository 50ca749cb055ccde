//! What a survivor's columns become when another record of its kind is merged into it, and how that is taken back.
//!
//! Invariants:
//! - what the survivor says stays; only what it lacks is filled from the other record;
//! - who asked not to be written to on either side did so for both;
//! - taking back changes only what still is as the merge left it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Columns of a record by name.
pub(in crate::store) type Columns = Map<String, Value>;

/// Changed columns: what was there before and what was written.
pub(in crate::store) type Changes = BTreeMap<String, (Value, Value)>;

/// A record by its row id, with its columns.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Half<'a> {
    pub(in crate::store) id: i64,
    pub(in crate::store) columns: &'a Columns,
}

/// Columns that name another record.
pub(in crate::store) const LINKS: [&str; 4] = ["contact", "organisation", "lead", "linked_to"];
/// Who has it, taken together.
const OWNERSHIP: [&str; 3] = ["owner", "queue", "team"];
/// Amounts that the currency belongs to.
const AMOUNTS: [&str; 2] = ["budget", "expected_revenue"];

/// Columns of the survivor that change. `verify`: a question about it is still open; `now` in unix microseconds.
pub(in crate::store) fn survive(survivor: Half<'_>, loser: Half<'_>, verify: bool, now: i64) -> Changes {
    let mut changes = Changes::new();
    for (name, had) in survivor.columns {
        let other = loser.columns.get(name).unwrap_or(&Value::Null);
        let becomes = match name.as_str() {
            "id" => had.clone(),
            "modified_at" => now.into(),
            "verification_required" => i64::from(verify).into(),
            "unsubscribed" | "last_message_at" => had.as_i64().max(other.as_i64()).into(),
            "customer_since" => [had, other].into_iter().filter_map(Value::as_i64).min().into(),
            "last_touch" if is_newer(loser, survivor) && !is_empty(other) => other.clone(),
            "registrations" => union(had, other),
            "currency" => currency(survivor, loser, had, other),
            owned if OWNERSHIP.contains(&owned) => {
                let alone = ["owner", "queue"].iter().all(|n| survivor.columns.get(*n).is_none_or(is_empty));
                if alone && is_empty(had) { other.clone() } else { had.clone() }
            }
            link if LINKS.contains(&link) => self_free(survivor.id, loser, had, other),
            _ if is_empty(had) && !is_empty(other) => other.clone(),
            _ => had.clone(),
        };
        if becomes != *had {
            changes.insert(name.clone(), (had.clone(), becomes));
        }
    }
    changes
}

/// Columns as they are once changes are taken back: what was changed again since stays. `now` says which record a record
/// that was merged meanwhile answers as.
pub(in crate::store) fn take_back(current: &Columns, changes: &Changes, now: impl Fn(i64) -> i64) -> Columns {
    let mut columns = current.clone();
    for (name, (before, after)) in changes {
        let written = match after.as_i64().filter(|_| LINKS.contains(&name.as_str())) {
            Some(record) => now(record).into(),
            None => after.clone(),
        };
        if let Some(value) = columns.get_mut(name)
            && (*value == *after || *value == written)
        {
            value.clone_from(before);
        }
    }
    columns
}

/// Nothing, or nothing but white space.
fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

fn is_newer(a: Half<'_>, b: Half<'_>) -> bool {
    let at = |half: Half<'_>| half.columns.get("last_message_at").and_then(Value::as_i64);
    at(a) > at(b)
}

/// An amount without a currency of its own takes none from another amount.
fn currency(survivor: Half<'_>, loser: Half<'_>, had: &Value, other: &Value) -> Value {
    let amount = |half: Half<'_>| AMOUNTS.iter().any(|name| half.columns.get(*name).is_some_and(|v| !is_empty(v)));
    if !amount(survivor) && amount(loser) { other.clone() } else { had.clone() }
}

/// The record a link leads to: never the survivor itself.
fn self_free(survivor: i64, loser: Half<'_>, had: &Value, other: &Value) -> Value {
    let mine = if had.as_i64() == Some(loser.id) { &Value::Null } else { had };
    let link = if is_empty(mine) { other } else { mine };
    if [Some(survivor), Some(loser.id)].contains(&link.as_i64()) { Value::Null } else { link.clone() }
}

/// Two lists kept as JSON text; the survivor's first, nothing twice.
fn union(had: &Value, other: &Value) -> Value {
    let list = |value: &Value| value.as_str().and_then(|text| serde_json::from_str::<Vec<Value>>(text).ok());
    let (Some(mut mine), Some(theirs)) = (list(had), list(other)) else {
        return if is_empty(had) { other.clone() } else { had.clone() };
    };
    let more: Vec<Value> = theirs.into_iter().filter(|value| !mine.contains(value)).collect();
    if more.is_empty() {
        return had.clone();
    }
    mine.extend(more);
    Value::String(super::text(&mine))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(value: Value) -> Columns {
        let Value::Object(map) = value else { panic!("an object") };
        map
    }

    fn merged(survivor: Value, loser: Value) -> Columns {
        let (mut survivor, loser) = (columns(survivor), columns(loser));
        let changes = survive(Half { id: 1, columns: &survivor }, Half { id: 2, columns: &loser }, false, 9);
        for (name, (_, after)) in changes {
            survivor.insert(name, after);
        }
        survivor
    }

    #[test]
    fn what_the_survivor_says_stays_and_what_it_lacks_is_filled() {
        let survivor = serde_json::json!({"first_name": null, "company": "Bell", "job_title": " ", "topic": "Bike",
            "owner": null, "queue": "desk", "budget": 100, "currency": null, "registrations": "[1,2]",
            "unsubscribed": 0, "customer_since": 7, "last_message_at": 3, "last_touch": "old"});
        let loser = serde_json::json!({"first_name": "Ana", "company": "Moor", "job_title": "Buyer", "topic": null,
            "owner": "eve", "queue": null, "budget": 200, "currency": "EUR", "registrations": "[2,3]",
            "unsubscribed": 1, "customer_since": 5, "last_message_at": 4, "last_touch": "new"});
        let expected = serde_json::json!({"first_name": "Ana", "company": "Bell", "job_title": "Buyer", "topic": "Bike",
            "owner": null, "queue": "desk", "budget": 100, "currency": null, "registrations": "[1,2,3]",
            "unsubscribed": 1, "customer_since": 5, "last_message_at": 4, "last_touch": "new"});
        assert_eq!(Value::Object(merged(survivor, loser)), expected);
    }

    #[test]
    fn no_record_is_linked_to_itself() {
        let of = |mine: Value, theirs: Value| {
            merged(serde_json::json!({ "linked_to": mine }), serde_json::json!({ "linked_to": theirs }))["linked_to"]
                .clone()
        };
        assert_eq!(of(2.into(), Value::Null), Value::Null, "the survivor followed the other one");
        assert_eq!(of(2.into(), 5.into()), 5, "which followed a third one");
        assert_eq!(of(Value::Null, 1.into()), Value::Null, "the other one followed the survivor");
        assert_eq!(of(Value::Null, 5.into()), 5);
        assert_eq!(of(4.into(), 5.into()), 4);
    }

    #[test]
    fn what_was_changed_since_is_not_taken_back() {
        let changes: Changes = [
            ("company".to_owned(), (Value::Null, "Bell".into())),
            ("topic".to_owned(), (Value::Null, "Bike".into())),
            ("contact".to_owned(), (Value::Null, 5.into())),
        ]
        .into();
        let current = columns(serde_json::json!({"company": "Bell & Sons", "topic": "Bike", "contact": 6, "id": 1}));
        let back = take_back(&current, &changes, |record| if record == 5 { 6 } else { record });
        assert_eq!(
            Value::Object(back),
            serde_json::json!({"company": "Bell & Sons", "topic": null, "contact": null, "id": 1})
        );
    }
}
