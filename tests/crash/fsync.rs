//! The kernel's own account: the row is written, then synced, and only then does the reply leave.

use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::daemon::{Daemon, Setup};
use crate::support::postgres::{Fsync, Postgres};
use crate::support::process::{Leashed, Signal};
use crate::support::wait;

/// One system call: its text with path names, and the lines of the log at which it began and ended.
#[derive(Debug)]
struct Call {
    text: String,
    began: usize,
    ended: usize,
}

impl Call {
    fn is(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.text.starts_with(&format!("{name}(")))
    }

    fn is_write(&self) -> bool {
        self.is(&["write", "writev", "pwrite64", "pwritev", "pwritev2", "sendto", "sendmsg"])
    }

    /// Into a write-ahead log whose path contains `part`.
    fn is_on_log(&self, part: &str) -> bool {
        let path = self.text.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(path, _)| path);
        path.ends_with("-wal") && path.contains(part)
    }
}

/// The log of strace as calls, in the order in which they ended; those that another thread interrupted are put together.
fn calls(log: &str) -> Vec<Call> {
    let mut open: HashMap<&str, (String, usize)> = HashMap::new();
    let mut calls = Vec::new();
    for (line, text) in log.lines().enumerate() {
        let Some((thread, text)) = text.split_once(' ') else { continue };
        let text = text.trim_start();
        if let Some(start) = text.strip_suffix("<unfinished ...>") {
            open.insert(thread, (start.to_owned(), line));
        } else if let Some(rest) = text.strip_prefix("<... ") {
            let Some((start, began)) = open.remove(thread) else { continue };
            let rest = rest.split_once(" resumed>").map_or("", |(_, rest)| rest);
            calls.push(Call { text: format!("{start}{rest}"), began, ended: line });
        } else {
            calls.push(Call { text: text.to_owned(), began: line, ended: line });
        }
    }
    calls
}

/// Posts a form to `daemon` under strace and shows write, sync and reply of that very row, in this order; `part` is in
/// the path of the file that takes it.
fn the_row_is_synced_before_its_reply(daemon: &Daemon, part: &str) {
    let log = daemon.path("strace.log");
    let mut command = Command::new("strace");
    command
        .args(["-f", "-y", "-s", "70000", "-e"])
        .arg("trace=fsync,fdatasync,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg")
        .arg("-o")
        .arg(&log)
        .args(["-p", &daemon.id().to_string()])
        .stderr(Stdio::piped());
    let strace = Leashed::spawn(&mut command, Signal::Int, None);
    wait::until("strace is attached", wait::LONG, || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap_or_default();
        status.lines().any(|l| l.starts_with("TracerPid:") && !l.ends_with("\t0"))
    });
    let fields = [("name", "Jeanne"), ("email", "jeanne@atelier-bois.fr"), ("message", "Bonjour")];
    let answer = daemon.public().post_form("/f/contact", &fields).expect("answers");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let id = answer.json()["id"].as_str().expect("an id").to_owned();
    wait::until("strace saw the reply", wait::LONG, || {
        std::fs::read_to_string(&log).is_ok_and(|t| calls(&t).iter().any(|c| is_reply(c, &id)))
    });
    strace.end(Signal::Int, Duration::from_secs(10));
    let text = std::fs::read_to_string(&log).expect("strace writes its log");
    let calls = calls(&text);
    let reply = calls.iter().find(|c| is_reply(c, &id)).expect("the reply is in the log");
    let before = || calls.iter().filter(|c| c.ended < reply.began && c.is_on_log(part));
    let row = before().find(|c| c.is_write() && c.text.contains(&id));
    let row = row.unwrap_or_else(|| panic!("no write of the row {id} before its reply:\n{text}"));
    let last = before().filter(|c| c.is_write()).max_by_key(|c| c.ended).expect("the row's at least");
    let synced =
        before().find(|c| c.is(&["fsync", "fdatasync"]) && c.began > last.ended && c.text.trim_end().ends_with("= 0"));
    let synced = synced.unwrap_or_else(|| panic!("no sync between the last write and the reply:\n{text}"));
    println!(
        "row written at line {}, last frame at {}, sync from {} to {}, reply at {} of {}",
        row.ended,
        last.ended,
        synced.began,
        synced.ended,
        reply.began,
        text.lines().count()
    );
}

fn is_reply(call: &Call, id: &str) -> bool {
    call.is_write() && call.text.contains("HTTP/1.1 200") && call.text.contains(id)
}

#[test]
fn the_journal_is_synced_before_the_reply_is_sent() {
    let mut daemon = Setup::new().contact_form().tables("[worker]\nenabled = false\n").start();
    the_row_is_synced_before_its_reply(&daemon, "pisteur.db");
    daemon.stop_cleanly();
}

#[test]
fn the_spill_is_synced_before_the_reply_is_sent() {
    let server = Postgres::start(Fsync::On);
    let url = server.url(&server.database());
    server.stop();
    let mut daemon = Setup::new().contact_form().database(&url).start();
    the_row_is_synced_before_its_reply(&daemon, "spill");
    daemon.stop_cleanly();
}
