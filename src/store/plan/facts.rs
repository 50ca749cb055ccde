//! Facts that rules set: those a record has a column for, and the rest, which become custom fields.

use std::collections::BTreeMap;

use crate::domain::enquiry::Attribution;
use crate::store::Commit;

/// Facts not yet placed. Taking one places it.
#[derive(Debug)]
pub(super) struct Facts(BTreeMap<String, String>);

impl Facts {
    /// Facts of a decision; the last of one name wins, as rules run in order.
    pub(super) fn of(commit: &Commit) -> Self {
        Self(commit.decision.set.iter().map(|f| (f.name.clone(), f.value.clone())).collect())
    }

    /// The fact for a column, or what the enquiry says.
    pub(super) fn take(&mut self, name: &str, enquiry: Option<&String>) -> Option<String> {
        self.0.remove(name).or_else(|| enquiry.cloned())
    }

    /// A fact for a column of numbers; text that is no number stays a custom field.
    pub(super) fn take_number(&mut self, name: &str) -> Option<i64> {
        let number = self.0.get(name)?.trim().parse().ok()?;
        self.0.remove(name);
        Some(number)
    }

    /// What no column took.
    pub(super) fn rest(self) -> BTreeMap<String, String> {
        self.0
    }
}

/// Where the arrival came from, as stored in first and last touch; `None` when nothing is known.
pub(super) fn touch(commit: &Commit) -> Option<String> {
    let attribution = &commit.enquiry.attribution;
    if *attribution == Attribution::default() {
        return None;
    }
    let mut value = serde_json::to_value(attribution).ok()?;
    let map = value.as_object_mut()?;
    map.retain(|_, v| !v.is_null());
    map.insert("at".to_owned(), commit.envelope.received_at.micros().into());
    Some(value.to_string())
}
