//! Visible marks on the server, after the commit they depend on: a keyword, or a move. Never `\Seen`, never a plain
//! EXPUNGE, never a deletion without a verified copy.

use std::collections::BTreeSet;

use super::error::{ErrorClass, ImapError};
use super::folder::quoted;
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

    /// Moves messages to a folder, creating it if missing: with MOVE (RFC 6851), else with COPY, `\Deleted` and UID
    /// EXPUNGE (RFC 4315) where the server has UIDPLUS, else not at all.
    ///
    /// # Errors
    /// Any class; `Refused` leaves the messages where they are.
    pub async fn move_to(&mut self, uids: &[u32], folder: &str) -> Result<Vec<(u32, Marked)>, ImapError> {
        let present = self.present(uids).await?;
        let Some(set) = set_of(&present) else { return Ok(outcome(uids, &present, Marked::Done)) };
        let target = quoted(folder)?;
        if self.can("MOVE") {
            self.relocate(&format!("UID MOVE {set} {target}"), folder).await?;
        } else if self.can("UIDPLUS") {
            self.relocate(&format!("UID COPY {set} {target}"), folder).await?;
            self.run(&format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)"), &mut |_| {}).await?;
            self.run(&format!("UID EXPUNGE {set}"), &mut |_| {}).await?;
        } else {
            return Ok(outcome(uids, &present, Marked::Unsupported));
        }
        Ok(outcome(uids, &present, Marked::Done))
    }

    /// Runs a command whose target folder may have to be created first (TRYCREATE, RFC 9051 section 6.4.7).
    async fn relocate(&mut self, command: &str, folder: &str) -> Result<(), ImapError> {
        let limit = self.timing.command.duration();
        let first = self.finish(command, limit, &mut |_| {}).await?;
        if first.ok {
            return Ok(());
        }
        let text = first.text.to_ascii_uppercase();
        let missing = first.try_create || text.contains("TRYCREATE") || text.contains("EXIST");
        if !missing {
            return Err(ImapError::refused("moving a message", &first.text));
        }
        self.create(folder).await?;
        let second = self.finish(command, limit, &mut |_| {}).await?;
        if second.ok { Ok(()) } else { Err(refused_twice(folder, &second.text)) }
    }
}

fn refused_twice(folder: &str, answer: &str) -> ImapError {
    let error = ImapError::refused("moving a message", answer);
    if error.class == ErrorClass::Refused {
        return ImapError::new(error.class, format!("{}: create the folder {folder} by hand", error.text));
    }
    error
}

fn set_of(present: &BTreeSet<u32>) -> Option<String> {
    let uids: Vec<u32> = present.iter().copied().collect();
    if uids.is_empty() { None } else { Some(uid_set(&uids)) }
}

fn outcome(uids: &[u32], present: &BTreeSet<u32>, done: Marked) -> Vec<(u32, Marked)> {
    uids.iter().map(|uid| (*uid, if present.contains(uid) { done } else { Marked::Gone })).collect()
}
