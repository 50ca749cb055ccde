//! Reading a suspect in a child process: an arrival whose earlier holder vanished may be one that kills its reader,
//! and only a process of its own can find that out without taking the daemon along.
//!
//! The child is this program with the hidden sub-command `read-probe`; it gets a JSON line and the raw bytes on its
//! standard input and ends with 0 when reading came back.

use std::io::{BufRead, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
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
    /// Reading killed the child, or did not come back twice: hold the arrival for a person.
    Deadly,
    /// The probe itself could not be run, or ended for a reason that is not the arrival's: another version of the
    /// program, no memory, somebody's `kill`.
    Unknown,
}

/// Longest the child may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(30);
/// Children that may run out of time: the first may have met a busy machine.
const TRIES: u32 = 2;
/// Longest a probe takes.
pub const LONGEST: Duration = Duration::from_secs(70);

/// The signals by which a program ends that does wrong itself: SIGILL, SIGABRT, SIGBUS, SIGSEGV (the numbers of Linux).
const OWN_FAULT: [i32; 4] = [4, 6, 7, 11];

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
pub async fn probe(program: &Path, envelope: &Envelope, settings: &ReadSettings) -> Verdict {
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
    for _ in 0..TRIES {
        if let Some(verdict) = ask(program, &line, &envelope.raw, PROBE_TIMEOUT).await {
            return verdict;
        }
    }
    Verdict::Deadly
}

/// One child; `None` when it did not come back in time.
async fn ask(program: &Path, line: &[u8], raw: &[u8], limit: Duration) -> Option<Verdict> {
    let child = tokio::process::Command::new(program)
        .arg("read-probe")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let Ok(mut child) = child else { return Some(Verdict::Unknown) };
    let Some(mut input) = child.stdin.take() else { return Some(Verdict::Unknown) };
    let talk = async {
        // A child that dies early closes the pipe: its exit status says what happened, not the write error.
        if input.write_all(line).await.is_ok() {
            input.write_all(raw).await.ok();
        }
        drop(input);
        child.wait().await
    };
    match tokio::time::timeout(limit, talk).await {
        Ok(Ok(status)) => Some(verdict(status)),
        Ok(Err(_)) => Some(Verdict::Unknown),
        Err(_) => None,
    }
}

fn verdict(status: ExitStatus) -> Verdict {
    match status.signal() {
        _ if status.success() => Verdict::Harmless,
        Some(signal) if OWN_FAULT.contains(&signal) => Verdict::Deadly,
        _ => Verdict::Unknown,
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
        raw: raw.into(),
    };
    let submission = reading::read(&envelope, &header.settings);
    enquiry::understand(&submission, &envelope, &header.settings);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is concluded from a child that ends like this shell script.
    async fn of(script: &str, limit: Duration) -> Option<Verdict> {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("child");
        let text = format!("#!/bin/sh\n[ \"$1\" = read-probe ] || exit 9\n{script}\n");
        // Written by a process of its own: a child that another test starts here would hold it open for writing.
        let mut write = std::process::Command::new("sh");
        write.args(["-c", "printf %s \"$1\" >\"$2\" && chmod 755 \"$2\"", "sh", &text]).arg(&program);
        assert!(write.status().unwrap().success());
        ask(&program, b"{}\n", b"raw", limit).await
    }

    #[tokio::test]
    async fn only_a_reading_that_kills_its_process_is_deadly() {
        let long = Duration::from_mins(1);
        assert_eq!(of("cat >/dev/null; exit 0", long).await, Some(Verdict::Harmless));
        for signal in ["ABRT", "SEGV", "BUS", "ILL"] {
            let script = format!("cat >/dev/null; kill -{signal} $$");
            assert_eq!(of(&script, long).await, Some(Verdict::Deadly), "{signal}");
        }
        for script in ["exit 1", "exit 2", "exit 101", "kill -KILL $$", "kill -TERM $$"] {
            assert_eq!(of(script, long).await, Some(Verdict::Unknown), "{script}");
        }
        let nowhere = ask(Path::new("/nowhere/pisteur"), b"{}\n", b"raw", long).await;
        assert_eq!(nowhere, Some(Verdict::Unknown), "the program was replaced");
    }

    #[tokio::test]
    async fn a_child_that_does_not_come_back_is_no_verdict_yet() {
        assert_eq!(of("while :; do :; done", Duration::from_millis(50)).await, None);
    }
}
