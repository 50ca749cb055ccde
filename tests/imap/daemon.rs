//! The whole daemon on a real Dovecot: what people see when the mail server goes away, and marks after a rebuilt folder.

use std::time::Instant;

use crate::support::daemon::{Daemon, Setup};
use crate::support::dovecot::Dovecot;
use crate::support::ledger::count_blocking;
use crate::support::process::ServerUser;
use crate::support::wait::{LONG, until};

pub(super) const USER: &str = "sales";

/// Time-outs short enough for tests.
pub(super) const TIMING: &str = "[mailbox.timing]\npoll = 1\nretry = 0.1\nretry_max = 0.3\nauth_retry = 0.3\n\
    auth_retry_max = 0.5\nreconnect_window = 0.01\ncommand = 10\n";

/// Delivers a mail of a person of its own.
pub(super) fn deliver(dovecot: &Dovecot, n: usize) {
    let message = format!(
        "From: P{n} N{n} <p{n}@firma-{n}.cz>\r\nTo: sales@our-company.example\r\nMessage-ID: <m{n}@firma-{n}.cz>\r\n\
         Subject: Dotaz {n}\r\n\r\nProsim o informace.\r\n"
    );
    dovecot.deliver(USER, message.as_bytes());
}

/// Waits until so many arrivals are decided and nothing is left to do.
pub(super) fn settled(daemon: &Daemon, arrivals: i64) {
    let url = daemon.setup().database_url();
    let done = || {
        count_blocking(url, "SELECT count(*) FROM arrival WHERE state = 'decided'") == arrivals
            && count_blocking(url, "SELECT count(*) FROM job") == 0
    };
    let start = Instant::now();
    until(&format!("{arrivals} arrivals are settled"), LONG, || {
        let done = done();
        assert!(done || start.elapsed() < LONG / 2, "{arrivals} arrivals are not settled:\n{}", daemon.stderr());
        done
    });
}

fn start(dovecot: &Dovecot, after: &str) -> Daemon {
    let mailbox = format!(
        "[[mailbox]]\nid = \"sales\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nuser = \"{USER}\"\n\
         password = {{ env = \"SALES_PASSWORD\" }}\nfirst_run = \"all\"\nafter = {after}\n{TIMING}",
        dovecot.port()
    );
    Setup::new().contact_form().tables(&mailbox).env("SALES_PASSWORD", "secret").start()
}

/// `/readyz`: the status and the reasons beside it.
pub(super) fn ready(daemon: &Daemon) -> (String, String) {
    let answer = daemon.operator().get("/readyz").expect("answers");
    assert_eq!(answer.status, 200, "a mailbox never turns forms away: {}", answer.text());
    (answer.json()["status"].as_str().unwrap_or_default().to_owned(), answer.json()["reasons"].to_string())
}

/// The lines of `doctor` about the mailbox, as (level, found).
pub(super) fn doctor(daemon: &Daemon) -> Vec<(String, String)> {
    let out = daemon.setup().run(&["doctor", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let text = |check: &serde_json::Value, key: &str| check[key].as_str().unwrap_or_default().to_owned();
    let checks = report["checks"].as_array().expect("a list");
    let of_mailbox = checks.iter().filter(|c| c["name"] == "mailbox sales");
    of_mailbox.map(|c| (text(c, "level"), text(c, "found"))).collect()
}

/// Stops the server and waits until the daemon has noticed. (Sessions outlive a killed master by half a minute.)
pub(super) fn go_away(daemon: &Daemon, dovecot: &Dovecot) {
    dovecot.stop();
    until("the outage shows in the metrics", LONG, || daemon.metric("pisteur_mailbox_connected") == Some(0.0));
}

#[test]
fn s14_a_mail_server_that_is_away_shows_everywhere_and_its_return_too() {
    let dovecot = Dovecot::start();
    deliver(&dovecot, 1);
    let mut daemon = start(&dovecot, "\"none\"");
    settled(&daemon, 1);
    let connected = |daemon: &Daemon| daemon.metric("pisteur_mailbox_connected") == Some(1.0);
    until("the mailbox is well", LONG, || connected(&daemon) && ready(&daemon).0 == "ok");
    assert!(doctor(&daemon).iter().all(|(level, _)| level != "fail"));
    let (errors, last_ok) = ("pisteur_mailbox_errors_total", "pisteur_mailbox_last_ok_timestamp_seconds");
    let before = daemon.metric(errors).unwrap_or(0.0);
    go_away(&daemon, &dovecot);
    deliver(&dovecot, 2);
    until("it is tried again", LONG, || daemon.metric(errors).unwrap_or(0.0) > before + 2.0);
    let well = daemon.metric(last_ok).expect("it was well once");
    let (status, reasons) = ready(&daemon);
    assert_eq!(status, "degraded");
    assert!(reasons.contains("mailbox sales"), "{reasons}");
    let (level, found) = doctor(&daemon).pop().expect("a line");
    assert_eq!(level, "fail");
    assert!(found.contains("connect"), "{found}");
    let url = daemon.setup().database_url();
    assert_eq!(count_blocking(url, "SELECT count(*) FROM mailbox WHERE last_error <> ''"), 1);
    let fields = [("name", "Jana Nováková"), ("email", "jana@novakova.cz"), ("message", "Dotaz")];
    assert_eq!(daemon.public().post_form("/f/contact", &fields).expect("answers").status, 200);
    dovecot.resume();
    settled(&daemon, 3);
    until("the mailbox is well again", LONG, || connected(&daemon) && ready(&daemon).0 == "ok");
    assert!(daemon.metric(last_ok).expect("it is well") >= well);
    assert!(doctor(&daemon).iter().all(|(level, _)| level != "fail"));
    assert_eq!(count_blocking(url, "SELECT count(*) FROM mailbox WHERE last_error = ''"), 1);
    assert_eq!(count_blocking(url, "SELECT count(*) FROM lead"), 3);
    daemon.stop_cleanly();
}

/// Flags in a file name, after `:2,`.
fn keyworded(dovecot: &Dovecot) -> usize {
    let Some((letter, _)) = dovecot.keywords(USER).into_iter().find(|(_, k)| k == "$LeadImported") else { return 0 };
    let flagged = |name: String| name.split_once(":2,").is_some_and(|(_, flags)| flags.contains(letter));
    dovecot.files(USER).iter().filter(|f| flagged(f.to_string_lossy().into_owned())).count()
}

#[test]
fn s09_a_folder_restored_without_its_keywords_gets_them_again() {
    let dovecot = Dovecot::start();
    (1..=3).for_each(|n| deliver(&dovecot, n));
    let mut daemon = start(&dovecot, "\"keyword\"");
    settled(&daemon, 3);
    until("every message carries the keyword", LONG, || keyworded(&dovecot) == 3);
    dovecot.stop();
    for file in dovecot.files(USER) {
        let name = file.to_string_lossy().into_owned();
        let bare = name.split_once(":2,").map_or(name.as_str(), |(bare, _)| bare);
        std::fs::rename(&file, format!("{bare}:2,")).unwrap();
    }
    assert_eq!(keyworded(&dovecot), 0);
    dovecot.reset_uidvalidity(USER);
    deliver(&dovecot, 4);
    until("known and new messages carry it", LONG, || keyworded(&dovecot) == 4);
    settled(&daemon, 7);
    let url = daemon.setup().database_url();
    assert_eq!(count_blocking(url, "SELECT count(*) FROM lead"), 4, "nothing happened twice");
    assert_eq!(count_blocking(url, "SELECT count(*) FROM communication"), 4);
    assert_eq!(count_blocking(url, "SELECT count(*) FROM arrival WHERE duplicate_of IS NOT NULL"), 3);
    daemon.stop_cleanly();
}

#[test]
fn s09_messages_put_back_by_a_restore_are_moved_again() {
    let dovecot = Dovecot::start();
    (1..=3).for_each(|n| deliver(&dovecot, n));
    let mut daemon = start(&dovecot, "{ move = \"Processed\" }");
    settled(&daemon, 3);
    let moved = || (dovecot.files(USER).len(), dovecot.files_in(USER, "Processed").len());
    until("every message is moved", LONG, || moved() == (0, 3));
    dovecot.stop();
    let new = dovecot.inbox(USER).join("new");
    for file in dovecot.files_in(USER, "Processed") {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let back = new.join(format!("restored-{}", name.split(':').next().unwrap()));
        std::fs::copy(&file, &back).unwrap();
        ServerUser::get().own(&back);
    }
    dovecot.reset_uidvalidity(USER);
    until("they are moved again", LONG, || moved() == (0, 6));
    settled(&daemon, 6);
    assert_eq!(count_blocking(daemon.setup().database_url(), "SELECT count(*) FROM lead"), 3);
    daemon.stop_cleanly();
}
