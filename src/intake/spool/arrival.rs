//! One file of the watched folder -> one arrival, or the reason why not.

use std::ffi::OsStr;
use std::path::Path;

use bytes::Bytes;
use rustix::fs::OFlags;
use rustix::io::Errno;
use serde_json::Value;
use tokio::io::AsyncReadExt;

use super::SpoolDeps;
use super::settle::Stamp;
use crate::config::SPOOL_ID;
use crate::domain::envelope::{ArrivalContext, ArrivalKey, Channel, Digest, Envelope, RawKind};
use crate::domain::reading::arrival_key::{form_keys, mail_keys};
use crate::domain::reading::prospects::apart;
use crate::intake::form::fields::{self, Allowed, Encoding};
use crate::store::NewArrival;

/// What came of reading a file.
pub(super) enum Taken {
    /// To be journalled: one, or those of a mail with several leads.
    Arrivals(Vec<NewArrival>),
    /// It changed while it was read.
    Changed,
    /// The system cannot give it at present, for this reason.
    Later(String),
    /// It cannot be taken, for this reason.
    Refused(String),
}

/// Seconds that an empty file may still be written to.
const EMPTY_PATIENCE: i64 = 20;

/// Reads the file that was seen as `seen`, at most `limit` bytes.
pub(super) async fn take(path: &Path, name: &OsStr, seen: Stamp, limit: u64, deps: &SpoolDeps) -> Taken {
    if seen.size > limit {
        return Taken::Refused(format!(
            "the file has {} bytes, at most {limit} are taken; spool.file_bytes sets the limit",
            seen.size
        ));
    }
    if seen.size == 0 {
        // Somebody may have made it and not written it yet.
        let age = deps.journal.clock().now().seconds().saturating_sub(seen.modified.0);
        let given_up = age > EMPTY_PATIENCE;
        return if given_up { Taken::Refused("the file is empty".to_owned()) } else { Taken::Changed };
    }
    let raw = match read(path, seen, limit).await {
        Ok(Some(raw)) => raw,
        Ok(None) => return Taken::Changed,
        Err(error) if is_another(&error) => return Taken::Changed,
        // Too few file handles, a disk or a network that hiccups, missing rights: the mail in it may be good.
        Err(error) => return Taken::Later(error.to_string()),
    };
    let name = name.to_string_lossy().into_owned();
    let key = file_key(&name, seen, &raw);
    let is_mail = path.extension().is_some_and(|kind| kind.eq_ignore_ascii_case("eml"));
    if is_mail { Taken::Arrivals(mail(name, key, raw, deps)) } else { form(name, key, &raw, deps) }
}

/// The bytes, or `None` when it is not the file that was seen, or not any more.
async fn read(path: &Path, seen: Stamp, limit: u64) -> std::io::Result<Option<Vec<u8>>> {
    // Whatever stands there by now: opening neither waits for a pipe's other end nor follows a link.
    let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY).bits().cast_signed();
    let file = tokio::fs::OpenOptions::new().read(true).custom_flags(flags).open(path).await?;
    let metadata = file.metadata().await?;
    if !metadata.is_file() || Stamp::of(&metadata) != seen {
        return Ok(None);
    }
    let mut raw = Vec::with_capacity(usize::try_from(seen.size).unwrap_or(0));
    let mut bounded = file.take(limit.saturating_add(1));
    bounded.read_to_end(&mut raw).await?;
    let same = Stamp::of(&bounded.get_ref().metadata().await?) == seen && raw.len() as u64 == seen.size;
    Ok(same.then_some(raw))
}

/// It is gone, or a link or a socket stands in its place.
fn is_another(error: &std::io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    error.kind() == std::io::ErrorKind::NotFound || matches!(errno, Some(Errno::LOOP | Errno::NXIO))
}

/// Names this very file: the same content in a file of its own is another arrival, as far as this key goes.
fn file_key(name: &str, stamp: Stamp, raw: &[u8]) -> ArrivalKey {
    let mut hasher = blake3::Hasher::new();
    hasher.update(name.as_bytes());
    for number in [stamp.device, stamp.inode, stamp.size] {
        hasher.update(&number.to_le_bytes());
    }
    for number in [stamp.modified.0, stamp.modified.1] {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(&Digest::of(raw).0);
    ArrivalKey { value: format!("file:{}", hasher.finalize().to_hex()), expires_at: None }
}

fn mail(name: String, key: ArrivalKey, raw: Vec<u8>, deps: &SpoolDeps) -> Vec<NewArrival> {
    let mut keys = vec![key];
    keys.extend(mail_keys(&raw));
    let whole = envelope(name, SPOOL_ID.to_owned(), keys, RawKind::Mail, raw.into(), deps);
    apart(whole, || deps.journal.clock().new_id()).into_iter().map(NewArrival::received).collect()
}

/// `{"form": "contact", "fields": {...}}`; the journal keeps the fields as a JSON form body.
fn form(name: String, key: ArrivalKey, raw: &[u8], deps: &SpoolDeps) -> Taken {
    let refused =
        |reason: &str| Taken::Refused(format!("{reason}; write {{\"form\": \"contact\", \"fields\": {{..}}}}"));
    let text = String::from_utf8_lossy(raw);
    let value: Value = match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
        Ok(value) => value,
        Err(error) => return refused(&format!("not JSON: line {}, column {}", error.line(), error.column())),
    };
    let Some(id) = value.get("form").and_then(Value::as_str) else { return refused("\"form\" is missing") };
    let Some(members) = value.get("fields").filter(|fields| fields.is_object()) else {
        return refused("\"fields\" is missing");
    };
    let Some(form) = deps.forms.load().by_id(id) else { return refused(&format!("there is no form \"{id}\"")) };
    let body = Bytes::from(members.to_string());
    let said = match fields::read(Encoding::Json, "application/json", &body, &Allowed::ANY) {
        Ok(said) if !said.is_empty(&form) => said,
        Ok(_) => return refused("\"fields\" says nothing"),
        Err(why) => return refused(&format!("\"fields\" cannot be read: {}", why.status().1)),
    };
    let mut keys = vec![key];
    keys.extend(form_keys(
        id,
        &said.content(),
        |name| form.is_data(name),
        None,
        form.duplicate_window(),
        deps.journal.clock().now(),
    ));
    Taken::Arrivals(vec![NewArrival::received(envelope(name, id.to_owned(), keys, RawKind::Form, body, deps))])
}

fn envelope(
    name: String,
    intake_id: String,
    keys: Vec<ArrivalKey>,
    raw_kind: RawKind,
    raw: Bytes,
    deps: &SpoolDeps,
) -> Envelope {
    let clock = deps.journal.clock();
    Envelope {
        id: clock.new_id(),
        channel: Channel::File,
        intake_id,
        keys,
        received_at: clock.now(),
        digest: Digest::of(&raw),
        raw_kind,
        content_type: (raw_kind == RawKind::Form).then(|| "application/json".to_owned()),
        context: ArrivalContext { file_name: Some(name), ..ArrivalContext::default() },
        raw,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn what_was_exchanged_for_a_file_is_neither_waited_for_nor_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.eml");
        fs::write(&path, "mail").unwrap();
        let seen = Stamp::of(&fs::metadata(&path).unwrap());
        assert_eq!(read(&path, seen, 100).await.unwrap().as_deref(), Some(&b"mail"[..]));
        fs::remove_file(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let pipe = tokio::time::timeout(std::time::Duration::from_secs(30), read(&path, seen, 100)).await;
        assert!(pipe.expect("opening a pipe waits for nobody").unwrap().is_none());
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
        let link = read(&path, seen, 100).await.unwrap_err();
        assert!(is_another(&link), "{link}");
    }

    #[test]
    fn a_passing_trouble_of_the_system_is_not_the_files_fault() {
        for errno in [Errno::MFILE, Errno::NFILE, Errno::IO, Errno::NOMEM, Errno::STALE, Errno::INTR, Errno::ACCESS] {
            assert!(!is_another(&std::io::Error::from(errno)), "{errno}");
        }
    }
}
