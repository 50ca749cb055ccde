//! Moving messages to another folder.
//!
//! Invariants:
//! - A message leaves its folder by MOVE, or after the server said that it copied it; never by a plain EXPUNGE.
//! - COPY is not repeated: an attempt may have been cut off between COPY and EXPUNGE, so the target is searched first. A
//!   message there with the same header, byte for byte, and the same size is the copy of that attempt. Each stands for
//!   one message only.
//! - The folder that was open is open again afterwards, and is the same one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::error::{ErrorClass, ImapError};
use super::fetch::{Got, How, Want};
use super::folder::{Selected, quoted};
use super::marking::{Marked, outcome, set_of};
use super::session::Session;
use crate::domain::reading::arrival_key::message_id;

/// Messages of the target compared with one message, the newest ones.
const COMPARED: usize = 8;
/// Longest Message-ID that is searched for.
const ID_BYTES: usize = 250;

/// By what a message is known in another folder.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Face {
    size: Option<u32>,
    header: Vec<u8>,
}

impl Face {
    /// What finds it: its Message-ID, or its exact size where it has none that can be asked for.
    fn criteria(&self) -> Option<String> {
        let askable =
            |id: &String| id.len() <= ID_BYTES && id.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
        if let Some(id) = message_id(&self.header).filter(askable) {
            return Some(format!("HEADER Message-ID \"{id}\""));
        }
        let size = self.size.filter(|size| *size > 0)?;
        Some(format!("LARGER {} SMALLER {}", size.saturating_sub(1), size.saturating_add(1)))
    }
}

impl Session {
    /// Moves messages from the open folder `source`, selected as `selected`, to `folder`, creating that if missing:
    /// with MOVE (RFC 6851), else with COPY, `\Deleted` and UID EXPUNGE (RFC 4315) where the server has UIDPLUS, else
    /// not at all.
    ///
    /// # Errors
    /// Any class; `Refused` leaves the messages where they are, or beside a copy that the next attempt finds.
    pub async fn move_to(
        &mut self,
        uids: &[u32],
        folder: &str,
        source: &str,
        selected: &Selected,
    ) -> Result<Vec<(u32, Marked)>, ImapError> {
        let present = self.present(uids).await?;
        let Some(set) = set_of(&present) else { return Ok(outcome(uids, &present, Marked::Done)) };
        let target = quoted(folder)?;
        if self.can("MOVE") {
            self.relocate(&format!("UID MOVE {set} {target}"), folder).await?;
        } else if self.can("UIDPLUS") {
            let copied = self.copied(&present, folder, source, selected).await?;
            if let Some(rest) = set_of(&present.difference(&copied).copied().collect()) {
                self.relocate(&format!("UID COPY {rest} {target}"), folder).await?;
            }
            self.run(&format!("UID STORE {set} +FLAGS.SILENT (\\Deleted)"), &mut |_| {}).await?;
            self.run(&format!("UID EXPUNGE {set}"), &mut |_| {}).await?;
        } else {
            return Ok(outcome(uids, &present, Marked::Unsupported));
        }
        Ok(outcome(uids, &present, Marked::Done))
    }

    /// Which of these messages an earlier attempt has copied already.
    async fn copied(
        &mut self,
        present: &BTreeSet<u32>,
        folder: &str,
        source: &str,
        selected: &Selected,
    ) -> Result<BTreeSet<u32>, ImapError> {
        let uids: Vec<u32> = present.iter().copied().collect();
        let ours = self.faces(&uids).await?;
        let found = match self.select(folder, false).await {
            Ok(target) if target.exists == 0 => Ok(BTreeSet::new()),
            Ok(_) => self.twins(&ours).await,
            // The target is not there yet.
            Err(error) if error.class == ErrorClass::Settings => Ok(BTreeSet::new()),
            Err(error) => Err(error),
        };
        if let Err(error) = &found
            && error.class != ErrorClass::Refused
        {
            return found;
        }
        let again = self.select(source, true).await?;
        if again.uidvalidity != selected.uidvalidity {
            return Err(ImapError::new(ErrorClass::Network, "the folder was rebuilt while a message was moved"));
        }
        // What arrived meanwhile is announced to nobody any more.
        self.expect_news();
        found
    }

    /// Messages of the open folder that are these, by the UIDs these have in theirs.
    async fn twins(&mut self, ours: &BTreeMap<u32, Face>) -> Result<BTreeSet<u32>, ImapError> {
        let (mut found, mut used) = (BTreeSet::new(), BTreeSet::new());
        for (uid, face) in ours {
            let Some(criteria) = face.criteria() else { continue };
            let mut theirs = self.search(&criteria).await?;
            theirs.retain(|uid| !used.contains(uid));
            let newest = theirs.split_off(theirs.len().saturating_sub(COMPARED));
            let twin = self.faces(&newest).await?.into_iter().find(|(_, other)| other == face);
            if let Some((twin, _)) = twin {
                used.insert(twin);
                found.insert(*uid);
            }
        }
        Ok(found)
    }

    /// Size and header of messages of the open folder; one whose header cannot be had is left out.
    async fn faces(&mut self, uids: &[u32]) -> Result<BTreeMap<u32, Face>, ImapError> {
        if uids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let sizes = self.sizes(uids).await?;
        let mut wants: VecDeque<Want> = uids.iter().map(|uid| Want { uid: *uid, how: How::Header }).collect();
        let mut faces = BTreeMap::new();
        let mut keep = |uid: u32, got: Got| {
            if let Got::Bytes(header) = got {
                faces.insert(uid, Face { size: sizes.get(&uid).and_then(|meta| meta.size), header });
            }
        };
        self.fetch(&mut wants, Duration::MAX, &mut keep).await.map_err(|(_, error)| error)?;
        Ok(faces)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn criteria(header: &str, size: Option<u32>) -> Option<String> {
        Face { size, header: header.as_bytes().to_vec() }.criteria()
    }

    #[test]
    fn a_message_is_searched_by_its_id_or_by_its_size() {
        let by_id = criteria("Subject: x\r\nMessage-ID: <a.b@c>\r\n\r\n", Some(9));
        assert_eq!(by_id.as_deref(), Some("HEADER Message-ID \"a.b@c\""));
        for header in ["Subject: x\r\n\r\n", "Message-ID: <a\"b@c>\r\n\r\n", "Message-ID: <é@c>\r\n\r\n"] {
            assert_eq!(criteria(header, Some(9)).as_deref(), Some("LARGER 8 SMALLER 10"), "{header}");
        }
        assert_eq!(criteria("\r\n", None), None);
    }
}
