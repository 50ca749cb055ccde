//! Selecting a folder, and folder names on the wire.

use async_imap::imap_proto::{MailboxDatum, Response, ResponseCode, Status, StatusAttribute};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

use super::error::{ErrorClass, ImapError};
use super::session::Session;

/// A folder as SELECT described it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selected {
    /// UIDVALIDITY; 1 when the server gives none.
    pub uidvalidity: u32,
    /// The UID the next message gets, at least 1.
    pub uidnext: u32,
    /// How many messages are there.
    pub exists: u32,
    /// Clients may set keywords of their own (PERMANENTFLAGS has `\*`).
    pub own_keywords: bool,
    /// Opened read-only.
    pub read_only: bool,
}

#[derive(Default)]
struct Heard {
    uidvalidity: Option<u32>,
    uidnext: Option<u32>,
    exists: u32,
    own_keywords: bool,
    read_only: bool,
}

impl Heard {
    fn listen(&mut self, response: &Response<'_>) {
        match response {
            Response::Data { status: Status::Ok, outcome } => match &outcome.code {
                Some(ResponseCode::UidValidity(n)) => self.uidvalidity = Some(*n),
                Some(ResponseCode::UidNext(n)) => self.uidnext = Some(*n),
                Some(ResponseCode::PermanentFlags(flags)) => self.own_keywords = flags.iter().any(|f| f == "\\*"),
                Some(ResponseCode::ReadOnly) => self.read_only = true,
                _ => {}
            },
            Response::MailboxData(MailboxDatum::Exists(n)) => self.exists = *n,
            Response::MailboxData(MailboxDatum::Status { status, .. }) => {
                for attribute in status {
                    match attribute {
                        StatusAttribute::UidNext(n) => self.uidnext = Some(*n),
                        StatusAttribute::UidValidity(n) => self.uidvalidity = Some(*n),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

impl Session {
    /// Opens a folder: with SELECT when messages will be marked, with EXAMINE otherwise, so that reading changes
    /// nothing on the server. What SELECT leaves out is asked for with STATUS, then with SEARCH.
    ///
    /// # Errors
    /// `Settings` when the folder does not exist, any other class as usual.
    pub async fn select(&mut self, folder: &str, writable: bool) -> Result<Selected, ImapError> {
        let verb = if writable { "SELECT" } else { "EXAMINE" };
        let name = quoted(folder)?;
        let mut heard = Heard::default();
        let opened = self.run(&format!("{verb} {name}"), &mut |r| heard.listen(r)).await;
        opened.map_err(|e| match e.class {
            ErrorClass::Refused => ImapError::new(
                ErrorClass::Settings,
                format!("the folder {folder} cannot be opened ({}): check its name and the rights on it", e.text),
            ),
            _ => e,
        })?;
        self.no_news();
        if heard.uidnext.is_none() || heard.uidvalidity.is_none() {
            let asked = self.run(&format!("STATUS {name} (UIDNEXT UIDVALIDITY)"), &mut |r| heard.listen(r)).await;
            if let Err(error) = asked
                && error.class != ErrorClass::Refused
            {
                return Err(error);
            }
        }
        let uidnext = match heard.uidnext {
            Some(next) => next.max(1),
            None if heard.exists == 0 => 1,
            None => self.search("UID *").await?.last().map_or(1, |last| last.saturating_add(1)),
        };
        Ok(Selected {
            uidvalidity: heard.uidvalidity.unwrap_or(1),
            uidnext,
            exists: heard.exists,
            own_keywords: heard.own_keywords,
            read_only: heard.read_only,
        })
    }

    /// Creates a folder; one that exists already is fine.
    pub(super) async fn create(&mut self, folder: &str) -> Result<(), ImapError> {
        match self.run(&format!("CREATE {}", quoted(folder)?), &mut |_| {}).await {
            Err(e) if e.class == ErrorClass::Refused => {
                tracing::debug!(error = %e, "the target folder was not created, it may exist");
                Ok(())
            }
            other => other,
        }
    }
}

/// A folder name as a quoted string in modified UTF-7 (RFC 3501 section 5.1.3).
pub(super) fn quoted(folder: &str) -> Result<String, ImapError> {
    if folder.contains(['\r', '\n', '\0']) {
        return Err(ImapError::new(ErrorClass::Settings, "a folder name contains a line break: remove it"));
    }
    let encoded = modified_utf7(folder).replace('\\', "\\\\").replace('"', "\\\"");
    Ok(format!("\"{encoded}\""))
}

fn modified_utf7(name: &str) -> String {
    let Ok(letters) = alphabet::Alphabet::new("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,")
    else {
        return name.to_owned();
    };
    let engine = GeneralPurpose::new(&letters, NO_PAD);
    let mut out = String::new();
    let mut shifted: Vec<u8> = Vec::new();
    let flush = |shifted: &mut Vec<u8>, out: &mut String| {
        if !shifted.is_empty() {
            out.push('&');
            out.push_str(&engine.encode(&*shifted));
            out.push('-');
            shifted.clear();
        }
    };
    for c in name.chars() {
        if (' '..='~').contains(&c) {
            flush(&mut shifted, &mut out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            let mut units = [0; 2];
            shifted.extend(c.encode_utf16(&mut units).iter().flat_map(|u| u.to_be_bytes()));
        }
    }
    flush(&mut shifted, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_travel_in_modified_utf7() {
        assert_eq!(modified_utf7("INBOX"), "INBOX");
        assert_eq!(modified_utf7("Traités & clos"), "Trait&AOk-s &- clos");
        assert_eq!(modified_utf7("台北"), "&U,BTFw-");
        assert_eq!(quoted("a\"b\\c").unwrap(), "\"a\\\"b\\\\c\"");
        assert!(quoted("a\r\nb").is_err());
    }
}
