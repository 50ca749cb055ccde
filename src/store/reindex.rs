//! Bringing records up to the rules of normalising of now: what a step did, and what waits.

/// What one step of a reindex did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reindexed {
    /// Records looked at.
    pub records: u64,
    /// Profiles and keys written that were not there.
    pub written: u64,
    /// Profiles and search keys dropped.
    pub dropped: u64,
    /// Go on behind this record.
    pub after: i64,
    /// Nothing is left to do.
    pub done: bool,
}

/// What waits for a reindex.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Records that older rules normalised.
    pub records: u64,
    /// All records.
    pub of: u64,
    /// A reindex was begun and has not ended.
    pub unfinished: bool,
}

impl Waiting {
    /// One line on what waits; `None` when nothing does.
    #[must_use]
    pub fn said(&self) -> Option<String> {
        let Self { records, of, unfinished } = self;
        match (records, unfinished) {
            (0, false) => None,
            (0, true) => Some("a reindex was begun and has not ended".to_owned()),
            _ => Some(format!("{records} of {of} records wait for a reindex: until then they may not be recognised")),
        }
    }
}
