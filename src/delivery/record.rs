//! What a delivery tells of a record, looked up when it is delivered: owner and state as they are now.
//!
//! Text that strangers wrote leaves here as single lines of bounded length, without control or direction characters.

use ulid::Ulid;

use crate::domain::decision::RecordKind;
use crate::domain::plain::one_line;
use crate::store::rows::RecordOutline;
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
    Ok(store.outline(kind, id).await?.map(read))
}

fn line(text: Option<String>) -> Option<String> {
    let line = one_line(&text?, LINE);
    (!line.is_empty()).then_some(line)
}

fn read(outline: RecordOutline) -> Record {
    let (mut emails, mut phones) = (Vec::new(), Vec::new());
    for point in outline.points {
        let value = one_line(&point.value, LINE);
        if point.class == "email" {
            emails.push(EmailLine { address: value, personal: point.kind == "personal" });
        } else {
            // International form where it could be read.
            phones.push(if point.normalised.starts_with('+') { point.normalised } else { value });
        }
    }
    emails.truncate(DETAILS);
    phones.truncate(DETAILS);
    Record {
        kind: outline.kind,
        id: outline.id,
        owner: line(outline.owner),
        team: line(outline.team),
        source: line(outline.source),
        campaign: line(outline.campaign),
        title: line(outline.title),
        state: line(outline.state),
        name: line(outline.name),
        company: line(outline.company),
        emails,
        phones,
    }
}
