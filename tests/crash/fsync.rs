//! The kernel's own account: the journal is on disk before the reply leaves.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::daemon::Setup;
use crate::support::process::{Leashed, Signal};
use crate::support::wait;

#[test]
fn the_journal_is_synced_before_the_reply_is_sent() {
    let daemon = Setup::new().contact_form().tables("[worker]\nenabled = false\n").start();
    let log = daemon.path("strace.log");
    let mut command = Command::new("strace");
    command
        .args(["-f", "-s", "300", "-e", "trace=fsync,fdatasync,write,writev,sendto,sendmsg", "-o"])
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
    wait::until("strace saw the reply", wait::LONG, || std::fs::read_to_string(&log).is_ok_and(|t| t.contains(&id)));
    strace.end(Signal::Int, Duration::from_secs(10));
    let text = std::fs::read_to_string(&log).expect("strace writes its log");
    let lines: Vec<&str> = text.lines().collect();
    let reply =
        lines.iter().position(|l| l.contains("HTTP/1.1 200") && l.contains(&id)).expect("the reply is in the log");
    let synced = lines[..reply].iter().rposition(|l| {
        (l.contains("fdatasync(")
            || l.contains("fsync(")
            || l.contains("fdatasync resumed")
            || l.contains("fsync resumed"))
            && l.trim_end().ends_with("= 0")
    });
    let synced = synced.unwrap_or_else(|| panic!("no sync ended before the reply:\n{text}"));
    println!("sync at line {synced}, reply at line {reply} of {}", lines.len());
}
