//! Two records of two kinds are about one person: the lead or opportunity says whose it is, as one that arrives from somebody
//! known does. Nothing moves and nobody redirects.
//!
//! Invariants:
//! - a person that a record has already stays; what is empty is filled;
//! - it is noted as merges are, the record that was filled as the survivor, and undone as they are.

use serde_json::{Map, Value, json};

use super::super::super::driver::Connection;
use super::super::{damaged, imports};
use super::{Found, LINK, begin, by_id, columns, note, questions};
use crate::clock::Timestamp;
use crate::domain::matching::EntityKind;
use crate::store::StoreResult;
use crate::store::merge::{Answer, Linked, MergeOrder, Refusal};
use crate::store::plan::merge::{Changes, Columns};

/// Two records, and what each says.
struct Two {
    /// The one that is filled.
    linked: (Found, Columns),
    to: (Found, Columns),
}

/// Links two records; the caller has locked them.
pub(super) async fn link(
    conn: &mut Connection,
    ids: [i64; 2],
    order: &MergeOrder,
    now: Timestamp,
) -> StoreResult<Answer<Linked>> {
    let Two { linked: (linked, had), to: (to, says) } = match two(conn, ids).await? {
        Ok(two) => two,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let person = if to.entity.kind == EntityKind::Contact { Some(to.id) } else { number(&says, "contact") };
    if let (Some(has), Some(other)) = (number(&had, "contact"), person)
        && has != other
    {
        return other_person(conn, linked, has, other).await.map(Err);
    }
    let changes = filled(linked, &had, to, &says, person, now);
    let mut becomes = had;
    becomes.extend(changes.iter().map(|(name, (_, after))| (name.clone(), after.clone())));
    columns::write(conn, linked.entity.kind, &becomes).await?;
    let event = begin(conn, (linked.id, to.id), order, LINK, now).await?;
    let settled = questions::linked(conn, ids, (event, &order.actor), now).await?;
    note(conn, event, &json!({ "rows": {}, "flags": settled.flags }), &changes).await?;
    imports::audit(conn, now, (&order.actor, "link"), &order.event.to_string(), None).await?;
    Ok(Ok(Linked {
        event: order.event,
        linked: linked.entity,
        to: to.entity,
        changed: changes.into_keys().filter(|name| name != "modified_at").collect(),
        answered: settled.accepted,
    }))
}

/// Which of two is filled: never a contact; of a lead and an opportunity the one without a person, else the newer one.
async fn two(conn: &mut Connection, [one, other]: [i64; 2]) -> StoreResult<Answer<Two>> {
    let found = by_id(conn, &[one, other]).await?;
    let (Some(one), Some(other)) = (found.get(&one).copied(), found.get(&other).copied()) else {
        return Err(damaged("question"));
    };
    let kinds = (one.entity.kind, other.entity.kind);
    if kinds.0 == kinds.1 || [kinds.0, kinds.1].contains(&EntityKind::Organisation) {
        return Ok(Err(Refusal::Kinds(one.entity, other.entity)));
    }
    let one = (one, columns::of(conn, kinds.0, one.id).await?);
    let other = (other, columns::of(conn, kinds.1, other.id).await?);
    let alone = |(_, columns): &(Found, Columns)| number(columns, "contact").is_none();
    let other_first = match kinds {
        (EntityKind::Contact, _) => true,
        (_, EntityKind::Contact) => false,
        _ if alone(&one) != alone(&other) => alone(&other),
        _ => other.0.entity.id > one.0.entity.id,
    };
    let (linked, to) = if other_first { (other, one) } else { (one, other) };
    Ok(Ok(Two { linked, to }))
}

async fn other_person(conn: &mut Connection, record: Found, has: i64, other: i64) -> StoreResult<Refusal> {
    let contacts = by_id(conn, &[has, other]).await?;
    let (Some(has), Some(other)) = (contacts.get(&has), contacts.get(&other)) else { return Err(damaged("contact")) };
    Ok(Refusal::OtherPerson { record: record.entity, has: has.entity, other: other.entity })
}

/// Columns that are filled: the person, their organisation where no other one is named, and what it goes on with.
fn filled(linked: Found, had: &Columns, to: Found, says: &Columns, person: Option<i64>, now: Timestamp) -> Changes {
    let mut after: Map<String, Value> = Map::new();
    after.extend(person.map(|contact| ("contact".to_owned(), contact.into())));
    let named = had.get("company").and_then(Value::as_str).is_some_and(|name| !name.trim().is_empty());
    let organisation = number(says, "organisation").filter(|_| !named);
    after.extend(organisation.map(|organisation| ("organisation".to_owned(), organisation.into())));
    let goes_on = to.entity.kind != EntityKind::Contact && number(says, "linked_to") != Some(linked.id);
    after.extend(goes_on.then(|| ("linked_to".to_owned(), to.id.into())));
    let empty = |name: &String| had.get(name).is_some_and(Value::is_null);
    let mut changes: Changes =
        after.into_iter().filter(|(name, _)| empty(name)).map(|(name, value)| (name, (Value::Null, value))).collect();
    if !changes.is_empty() {
        let before = had.get("modified_at").cloned().unwrap_or_default();
        changes.insert("modified_at".to_owned(), (before, now.micros().into()));
    }
    changes
}

fn number(columns: &Columns, name: &str) -> Option<i64> {
    columns.get(name).and_then(Value::as_i64)
}
