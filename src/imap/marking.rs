//! Visible marks on the server, after the commit they depend on: a keyword, or a move ([`super::moving`]). Never
//! `\Seen`, never a plain EXPUNGE, never a deletion without a verified copy.

use std::collections::BTreeSet;

use super::error::ImapError;
use super::session::{Session, uid_set};

/// The keyword of a message that became a record.
pub const KEYWORD: &str = "$LeadImported";

/// What came of marking one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marked {
    /// It carries the mark.
    Done,
    /// It is not in the folder any more.
    Gone,
    /// The server has no way to do it safely.
    Unsupported,
}

impl Session {
    /// Which of these UIDs (ascending) are in the folder.
    ///
    /// # Errors
    /// Any class.
    pub async fn present(&mut self, uids: &[u32]) -> Result<BTreeSet<u32>, ImapError> {
        let found = self.search(&format!("UID {}", uid_set(uids))).await?;
        Ok(found.into_iter().filter(|uid| uids.binary_search(uid).is_ok()).collect())
    }

    /// Sets the keyword on messages; `allowed` is what PERMANENTFLAGS said.
    ///
    /// # Errors
    /// Any class.
    pub async fn set_keyword(&mut self, uids: &[u32], allowed: bool) -> Result<Vec<(u32, Marked)>, ImapError> {
        let present = self.present(uids).await?;
        if !allowed {
            return Ok(outcome(uids, &present, Marked::Unsupported));
        }
        if let Some(set) = set_of(&present) {
            self.run(&format!("UID STORE {set} +FLAGS.SILENT ({KEYWORD})"), &mut |_| {}).await?;
        }
        Ok(outcome(uids, &present, Marked::Done))
    }
}

pub(super) fn set_of(present: &BTreeSet<u32>) -> Option<String> {
    let uids: Vec<u32> = present.iter().copied().collect();
    if uids.is_empty() { None } else { Some(uid_set(&uids)) }
}

pub(super) fn outcome(uids: &[u32], present: &BTreeSet<u32>, done: Marked) -> Vec<(u32, Marked)> {
    uids.iter().map(|uid| (*uid, if present.contains(uid) { done } else { Marked::Gone })).collect()
}
