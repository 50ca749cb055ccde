//! A full disk refuses politely, keeps what it has, and works again when there is room.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::daemon::{Daemon, Setup};
use crate::support::process::is_root;
use crate::support::wait;

/// Mounts a disk of 3 MB at `$0` and becomes the program behind it. Nobody else sees the disk, and it goes with the last
/// program that does.
const ON_A_SMALL_DISK: &str = r#"mount -t tmpfs -o size=3m tmpfs "$0" && exec "$@""#;

const REMEDY: &str = "this test needs a small disk of its own: run it as root (in a container with CAP_SYS_ADMIN), or let \
    users have namespaces: sysctl kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0";

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|w| (*w).to_owned()).collect()
}

/// Starts a program with the disk mounted at `disk`; fails the test where that is not possible.
fn with_disk(disk: &Path) -> Vec<String> {
    std::fs::create_dir_all(disk).expect("a folder");
    // Who is not root is root in a user namespace.
    let namespaces = if is_root() { "-m" } else { "-rm" };
    let at = disk.to_str().expect("a plain path");
    let launcher = words(&["unshare", namespaces, "sh", "-c", ON_A_SMALL_DISK, at]);
    let tried = Command::new(&launcher[0]).args(&launcher[1..]).arg("true").output();
    let tried = tried.unwrap_or_else(|e| panic!("unshare cannot be run ({e}): install util-linux"));
    assert!(tried.status.success(), "{}: {REMEDY}", String::from_utf8_lossy(&tried.stderr).trim());
    launcher
}

/// Starts a program where the daemon sees its disk.
fn beside(daemon: &Daemon) -> Vec<String> {
    let mut launcher = words(&["nsenter", "-m", "-t", &daemon.id().to_string()]);
    if !is_root() {
        launcher.extend(words(&["-U", "--preserve-credentials"]));
    }
    launcher
}

/// States by id of the arrivals that are no repeats.
fn states(setup: &Setup) -> BTreeMap<String, String> {
    let output = setup.run(&["submissions", "list", "--limit", "0", "--json"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows = said.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let text = |row: &Value, name: &str| row[name].as_str().expect("a text").to_owned();
    rows.filter(|row| row["duplicate_of"].is_null()).map(|r| (text(&r, "id"), text(&r, "state"))).collect()
}

#[test]
fn a_full_disk_answers_503_and_loses_nothing() {
    let limits = "[limits]\nper_client_per_minute = 0\nper_form_per_minute = 0\n[worker]\nlease_seconds = 10\n";
    let setup = Setup::new().contact_form().tables(limits);
    let disk = setup.dir().join("disk");
    let launcher = with_disk(&disk);
    let mut setup = setup.database(&format!("sqlite://{}/pisteur.db", disk.display()));
    setup.launch_with(launcher);
    let mut daemon = setup.start();
    let launcher = beside(&daemon);
    daemon.setup_mut().launch_with(launcher.clone());
    let mut accepted = Vec::new();
    let text = "x".repeat(20_000);
    let post = |n: i64| {
        let (name, email) = (format!("Paul {n}"), format!("paul{n}@maison-{n}.fr"));
        daemon.public().post_form("/f/contact", &[("name", &name), ("email", &email), ("message", &text)])
    };
    let refused = (0..2_000).find_map(|n| {
        let answer = post(n).expect("the listener answers even then");
        if answer.status == 200 {
            accepted.push(answer.json()["id"].as_str().expect("an id").to_owned());
            return None;
        }
        Some(answer)
    });
    let refused = refused.expect("the disk fills up");
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
    assert!(!accepted.is_empty());
    let mut grow = Command::new(&launcher[0]);
    grow.args(&launcher[1..]).args(["mount", "-o", "remount,size=64m", "-t", "tmpfs", "tmpfs"]).arg(&disk);
    assert!(grow.status().expect("nsenter runs").success());
    wait::until("it accepts again", Duration::from_secs(60), || {
        let Some(answer) = post(5_000).ok().filter(|a| a.status == 200) else { return false };
        accepted.push(answer.json()["id"].as_str().expect("an id").to_owned());
        true
    });
    let mut kept = BTreeMap::new();
    // A lease that could not be given back while the disk was full ends by itself.
    wait::until("all of it is settled", Duration::from_secs(120), || {
        kept = states(daemon.setup());
        !kept.values().any(|state| state == "received" || state == "processing")
    });
    let lost: Vec<_> = accepted.iter().filter(|id| !kept.contains_key(*id)).collect();
    assert!(lost.is_empty(), "acknowledged and not kept: {lost:?}");
    assert!(kept.values().all(|state| state == "decided"), "every one became a lead: {kept:?}");
    println!("{} acknowledged, {} kept", accepted.len(), kept.len());
    daemon.stop_cleanly();
}
