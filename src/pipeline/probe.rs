//! Reading a suspect in a child process: an arrival whose earlier holder vanished may be one that kills its reader,
//! and only a process of its own can find that out without taking the daemon along.
//!
//! The child is this program with the hidden sub-command `read-probe`; it gets a JSON line and the raw bytes on its
//! standard input and ends with 0 when reading came back.

use std::io::{BufRead, Read as _};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;

use crate::domain::envelope::{ArrivalContext, Channel, Digest, Envelope, RawKind};
use crate::domain::reading::ReadSettings;
use crate::domain::{enquiry, reading};

/// What the probe found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Reading comes back: go on as usual.
    Harmless,
    /// The child died or did not come back: hold the arrival for a person.
    Deadly,
    /// The probe itself could not be run.
    Unknown,
}

/// Longest the child may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    channel: Channel,
    intake_id: String,
    raw_kind: RawKind,
    content_type: Option<String>,
    context: ArrivalContext,
    settings: ReadSettings,
}

/// Reads `envelope` in a child process of `program`.
pub async fn probe(program: &PathBuf, envelope: &Envelope, settings: &ReadSettings) -> Verdict {
    let header = Header {
        channel: envelope.channel,
        intake_id: envelope.intake_id.clone(),
        raw_kind: envelope.raw_kind,
        content_type: envelope.content_type.clone(),
        context: envelope.context.clone(),
        settings: settings.clone(),
    };
    let Ok(mut line) = serde_json::to_vec(&header) else { return Verdict::Unknown };
    line.push(b'\n');
    let child = tokio::process::Command::new(program)
        .arg("read-probe")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let Ok(mut child) = child else { return Verdict::Unknown };
    let Some(mut input) = child.stdin.take() else { return Verdict::Unknown };
    let talk = async {
        // A child that dies early closes the pipe: its exit status says what happened, not the write error.
        if input.write_all(&line).await.is_ok() {
            input.write_all(&envelope.raw).await.ok();
        }
        drop(input);
        child.wait().await
    };
    match tokio::time::timeout(PROBE_TIMEOUT, talk).await {
        Ok(Ok(status)) if status.success() => Verdict::Harmless,
        Ok(Ok(_)) | Err(_) => Verdict::Deadly,
        Ok(Err(_)) => Verdict::Unknown,
    }
}

/// The child's side: reads what the parent sent; true when it could be read at all.
///
/// # Errors
/// When standard input is not what [`probe`] sends.
pub fn child() -> std::io::Result<()> {
    let mut input = std::io::stdin().lock();
    let mut line = Vec::new();
    input.read_until(b'\n', &mut line)?;
    let header: Header = serde_json::from_slice(&line)?;
    let mut raw = Vec::new();
    input.read_to_end(&mut raw)?;
    let envelope = Envelope {
        id: ulid::Ulid::nil(),
        channel: header.channel,
        intake_id: header.intake_id,
        keys: Vec::new(),
        received_at: crate::clock::Timestamp::default(),
        digest: Digest::of(&raw),
        raw_kind: header.raw_kind,
        content_type: header.content_type,
        context: header.context,
        raw,
    };
    let submission = reading::read(&envelope, &header.settings);
    enquiry::understand(&submission, &envelope, &header.settings);
    Ok(())
}
