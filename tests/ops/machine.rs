//! The daemon on its machine: its unit, its figures, its first minute.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::daemon::{Daemon, Setup};
use crate::support::wait;

/// Values of a key of the unit file, in order.
fn unit(section: &str, key: &str) -> Vec<String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/pisteur.service")).unwrap();
    let of_section = text.split("\n[").find(|part| part.starts_with(&format!("{section}]"))).expect("the section");
    let values = of_section.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    values.map(|value| value.trim().to_owned()).collect()
}

#[test]
fn the_unit_starts_the_daemon_again_however_often_it_ends() {
    assert_eq!(unit("Unit", "StartLimitIntervalSec"), ["0"]);
    assert_eq!(unit("Service", "Restart"), ["on-failure"]);
    assert!(unit("Service", "RestartSec")[0].parse::<u32>().unwrap() > 0, "not in a tight loop");
    assert!(unit("Service", "LimitNOFILE")[0].parse::<u32>().unwrap() >= 65_536);
    let stop: u64 = unit("Service", "TimeoutStopSec")[0].parse().unwrap();
    assert!(stop > pisteur::lifecycle::GRACE.as_secs(), "systemd waits longer than a clean stop takes");
}

#[test]
fn figures_of_progress_are_there_from_the_start() {
    let mut daemon = Setup::new().contact_form().start();
    for name in ["pisteur_oldest_lease_seconds", "pisteur_oldest_unprocessed_seconds", "pisteur_database_reachable"] {
        wait::until(name, wait::LONG, || daemon.metric(name).is_some());
    }
    daemon.stop_cleanly();
}

#[test]
fn alone_in_an_empty_folder_it_says_what_to_do_next() {
    let folder = tempfile::tempdir().unwrap();
    for command in [&[][..], &["check"]] {
        let mut binary = Command::new(env!("CARGO_BIN_EXE_pisteur"));
        let output = binary.args(command).current_dir(folder.path()).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        for words in ["there is no rules folder /", "holds config/ and rules/", "pisteur -c FOLDER/config/pisteur.toml"]
        {
            assert!(said.contains(words), "{words} not in {said}");
        }
        assert_eq!(said.matches("there is no rules folder").count(), 1, "{said}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn a_database_file_taken_away_takes_no_form_with_it() {
    // A lease taken at the very moment runs out by itself.
    let mut daemon = Setup::new().contact_form().tables("[worker]\nlease_seconds = 5\n").start();
    let file = std::path::PathBuf::from(daemon.setup().database_url().trim_start_matches("sqlite://"));
    let aside = file.with_extension("aside");
    let post = |daemon: &crate::support::daemon::Daemon, name: &str| {
        let email = format!("{name}@orange.fr");
        daemon.public().post_form("/f/contact", &[("name", name), ("email", &email)]).unwrap()
    };
    assert_eq!(post(&daemon, "zoe").status, 200);
    std::fs::rename(&file, &aside).unwrap();
    let refused = post(&daemon, "max");
    assert_eq!(refused.status, 503, "{}", refused.text());
    std::fs::write(&file, "another").unwrap();
    assert_eq!(post(&daemon, "max").status, 503, "another file is not ours");
    std::fs::rename(&aside, &file).unwrap();
    wait::until("it is taken again", wait::LONG, || post(&daemon, "max").status == 200);
    let leads = "SELECT count(*) FROM lead";
    wait::until("both are leads", wait::LONG, || {
        crate::support::ledger::count_blocking(daemon.setup().database_url(), leads) == 2
    });
    daemon.stop_cleanly();
}

/// Word and reasons of `/readyz`.
fn readiness(daemon: &Daemon) -> (String, String) {
    let said: Value = daemon.operator().get("/readyz").map(|answer| answer.json()).unwrap_or_default();
    (said["status"].as_str().unwrap_or_default().to_owned(), said["reasons"].to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_daemon_notices_that_nothing_can_be_written() {
    let mut daemon = Setup::new().contact_form().start();
    wait::until("all is well", wait::LONG, || readiness(&daemon).0 == "ok");
    let options = daemon.setup().database_url().parse::<sqlx::sqlite::SqliteConnectOptions>().unwrap();
    let mut other = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    wait::until("it says so", wait::LONG, || readiness(&daemon).0 == "unavailable");
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    wait::until("all is well again", wait::LONG, || readiness(&daemon).0 == "ok");
    daemon.stop_cleanly();
}

#[test]
fn the_soft_limit_of_open_files_is_raised_at_the_start() {
    let mut setup = Setup::new().contact_form();
    setup.launch_with(["sh", "-c", "ulimit -S -n 256 && exec \"$@\"", "sh"].map(str::to_owned).to_vec());
    let mut daemon = setup.start();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", daemon.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("the limit");
    let values: Vec<&str> = line.split_whitespace().skip(3).take(2).collect();
    assert_eq!(values[0], values[1], "{line}");
    daemon.stop_cleanly();
}

#[test]
fn a_proxy_in_front_that_is_not_trusted_is_told_of() {
    let mut daemon = Setup::new().contact_form().start();
    let from = [("x-forwarded-for", "198.51.100.1")];
    let answer = daemon.public().post_form_with("/f/contact", &[("message", "hi")], &from).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let (word, reasons) = readiness(&daemon);
    assert!(word == "degraded" && reasons.contains("trusted_proxies"), "{word} {reasons}");
    assert_eq!(daemon.stderr().matches("trusted_proxies").count(), 1, "{}", daemon.stderr());
    daemon.stop_cleanly();
}

#[test]
fn a_key_used_again_for_other_content_is_listed_as_such() {
    let mut daemon = Setup::new().contact_form().start();
    let key = [("idempotency-key", "order-1")];
    for (message, status) in [("hi", 200), ("hi", 200), ("another", 422)] {
        let answer = daemon.public().post_form_with("/f/contact", &[("message", message)], &key).unwrap();
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    let listed = daemon.setup().run(&["submissions", "list"]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert_eq!(listed.matches("repeats ").count(), 1, "{listed}");
    assert_eq!(listed.matches("other content under the key of ").count(), 1, "{listed}");
    daemon.stop_cleanly();
}
