//! Facts that rules set: those a record has a column for, and the rest, which become custom fields.

use std::collections::BTreeMap;

use crate::store::Commit;

/// Facts not yet placed. Taking one places it.
#[derive(Debug)]
pub(super) struct Facts(BTreeMap<String, String>);

impl Facts {
    /// Facts of a decision; the last of one name wins, as rules run in order.
    pub(super) fn of(commit: &Commit) -> Self {
        Self(commit.decision.set.iter().map(|f| (f.name.clone(), f.value.clone())).collect())
    }

    /// Whether a rule has set it, and no column has taken it yet.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
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
