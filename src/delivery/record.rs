//! What a delivery tells of a record, looked up when it is delivered: owner and state as they are now.
//!
//! Text that strangers wrote leaves here as single lines of bounded length, without control or direction characters.

use serde_json::{Map, Value};
use ulid::Ulid;

use crate::domain::decision::RecordKind;
use crate::domain::matching::EntityKind;
use crate::domain::plain::one_line;
use crate::store::rows::RecordDetail;
use crate::store::{Store, StoreResult};

/// Longest line taken over from a stranger, in columns.
const LINE: usize = 200;
/// Contact details of one kind that are told, at most.
const DETAILS: usize = 10;

/// An email address of the record's person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailLine {
    /// For sending.
    pub address: String,
    /// One person's mailbox, not info@ or a throw-away one.
    pub personal: bool,
}

/// The record as told. Absent means unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "crm-model names")]
pub struct Record {
    pub kind: RecordKind,
    pub id: Ulid,
    pub owner: Option<String>,
    pub team: Option<String>,
    pub source: Option<String>,
    pub campaign: Option<String>,
    /// Title of an opportunity, topic of a lead.
    pub title: Option<String>,
    /// Stage of an opportunity, status of a lead.
    pub state: Option<String>,
    pub name: Option<String>,
    pub company: Option<String>,
    pub emails: Vec<EmailLine>,
    pub phones: Vec<String>,
}

/// The word for a kind of record.
#[must_use]
pub const fn kind_word(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Lead => "lead",
        RecordKind::Opportunity => "opportunity",
    }
}

/// Reads a record; `None` when it is gone.
///
/// # Errors
/// As the store's.
pub async fn look_up(store: &dyn Store, kind: RecordKind, id: Ulid) -> StoreResult<Option<Record>> {
    let entity = match kind {
        RecordKind::Lead => EntityKind::Lead,
        RecordKind::Opportunity => EntityKind::Opportunity,
    };
    let Some(detail) = store.show_record(entity, id).await? else { return Ok(None) };
    let mut record = read(kind, &detail);
    // An opportunity has its person's name on the contact and its company on the organisation.
    if record.name.is_none()
        && let Some(contact) = linked(&detail, "contact")
        && let Some(contact) = store.show_record(EntityKind::Contact, contact).await?
    {
        let person = read(kind, &contact);
        record.name = person.name;
        record.company = record.company.or(person.company);
    }
    if record.company.is_none()
        && let Some(organisation) = linked(&detail, "organisation")
    {
        let organisation = store.show_record(EntityKind::Organisation, organisation).await?;
        record.company = organisation.and_then(|o| text(&o.fields, "name"));
    }
    record.emails.truncate(DETAILS);
    record.phones.truncate(DETAILS);
    Ok(Some(record))
}

fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    let line = one_line(fields.get(name)?.as_str()?, LINE);
    (!line.is_empty()).then_some(line)
}

/// Id of the contact or organisation that a record hangs on.
fn linked(detail: &RecordDetail, link: &str) -> Option<Ulid> {
    let part = |l: &Value, name: &str| l.get(name).and_then(Value::as_str).map(str::to_owned);
    let found = detail.links.iter().find(|l| part(l, "link").as_deref() == Some(link))?;
    Ulid::from_string(&part(found, "id")?).ok()
}

fn person_name(fields: &Map<String, Value>) -> Option<String> {
    text(fields, "full_name").or_else(|| match (text(fields, "first_name"), text(fields, "last_name")) {
        (Some(first), Some(last)) => Some(format!("{first} {last}")),
        (first, last) => first.or(last),
    })
}

fn read(kind: RecordKind, detail: &RecordDetail) -> Record {
    let fields = &detail.fields;
    let (title, state) = match kind {
        RecordKind::Lead => ("topic", "status"),
        RecordKind::Opportunity => ("title", "stage"),
    };
    let (mut emails, mut phones) = (Vec::new(), Vec::new());
    for point in &detail.contact_points {
        let part = |name: &str| point.get(name).and_then(Value::as_str);
        let Some(value) = part("value").map(|v| one_line(v, LINE)) else { continue };
        match part("class") {
            Some("email") => emails.push(EmailLine { address: value, personal: part("kind") == Some("personal") }),
            // International form where it could be read.
            _ => phones.push(part("normalised").filter(|n| n.starts_with('+')).map_or(value, str::to_owned)),
        }
    }
    Record {
        kind,
        id: detail.id,
        owner: text(fields, "owner"),
        team: text(fields, "team"),
        source: text(fields, "source"),
        campaign: text(fields, "campaign"),
        title: text(fields, title),
        state: text(fields, state),
        name: person_name(fields),
        company: text(fields, "company"),
        emails,
        phones,
    }
}
