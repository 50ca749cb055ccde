//! A full disk refuses politely, keeps what it has, and works again when there is room.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::daemon::Setup;
use crate::support::ledger::count_blocking;
use crate::support::wait;

/// A small file system of its own, unmounted at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).expect("a folder");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", "size=3m", "tmpfs"]).arg(at).status();
        done.is_ok_and(|s| s.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

#[test]
fn a_full_disk_answers_503_and_loses_nothing() {
    let setup = Setup::new().contact_form().tables("[limits]\nper_client_per_minute = 0\nper_form_per_minute = 0\n");
    let Some(disk) = SmallDisk::mount(&setup.dir().join("disk")) else {
        println!("SKIPPED: this system does not allow a tmpfs to be mounted (root is needed)");
        return;
    };
    let url = format!("sqlite://{}/pisteur.db", disk.0.display());
    let mut daemon = setup.database(&url).start();
    let mut accepted = 0_i64;
    let text = "x".repeat(20_000);
    let post = |n: i64| {
        let (name, email) = (format!("Paul {n}"), format!("paul{n}@maison-{n}.fr"));
        daemon.public().post_form("/f/contact", &[("name", &name), ("email", &email), ("message", &text)])
    };
    let refused = (0..2_000).find_map(|n| {
        let answer = post(n).expect("the listener answers even then");
        if answer.status == 200 {
            accepted += 1;
            return None;
        }
        Some(answer)
    });
    let refused = refused.expect("the disk fills up");
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
    assert!(accepted > 0);
    let grown = Command::new("mount").args(["-o", "remount,size=64m"]).arg(&disk.0).status().expect("mount runs");
    assert!(grown.success());
    wait::until("it accepts again", Duration::from_secs(60), || post(5_000).is_ok_and(|a| a.status == 200));
    accepted += 1;
    wait::until("all of it is settled", Duration::from_secs(60), || {
        count_blocking(&url, "SELECT count(*) FROM job WHERE dead = 0") == 0
    });
    let kept = count_blocking(&url, "SELECT count(*) FROM arrival WHERE duplicate_of IS NULL");
    assert!(kept >= accepted, "{accepted} were acknowledged, {kept} are kept");
    let decided = count_blocking(&url, "SELECT count(*) FROM arrival WHERE state = 'decided' AND duplicate_of IS NULL");
    assert_eq!(decided, kept, "every one became a lead");
    daemon.stop_cleanly();
    drop(daemon);
    drop(disk);
}
