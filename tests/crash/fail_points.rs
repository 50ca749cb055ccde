//! Death at named points of the work: before and after each commit that matters.

use std::time::Duration;

use crate::support::daemon::{ARRIVAL_POINTS, Daemon, Setup};
use crate::support::ledger::count_blocking;
use crate::support::wait;

#[test]
fn a_form_has_one_effect_wherever_the_daemon_dies() {
    for point in ARRIVAL_POINTS {
        let worker = "[worker]\nlease_seconds = 2\n";
        let mut daemon = Setup::new().contact_form().tables(worker).env("PISTEUR_FAIL_POINT", point).start();
        let url = daemon.setup().database_url().to_owned();
        let fields =
            [("name", "Jan Novák"), ("email", "jan@novak-stavby.cz"), ("message", "Nabídka"), ("_submission_id", "1")];
        let answered = daemon.public().post_form("/f/contact", &fields).is_ok_and(|a| a.status == 200);
        assert_ne!(daemon.wait_end(), Some(0), "{point}: the daemon dies there");
        assert!(
            !(answered && point.starts_with("accept")),
            "{point}: nothing is acknowledged before its commit is on disk"
        );
        daemon.setup_mut().clear_env();
        daemon.restart();
        // The visitor who saw an error sends it again.
        if !answered {
            let again = daemon.public().post_form("/f/contact", &fields).expect("answers");
            assert_eq!(again.status, 200, "{point}: {}", again.text());
        }
        wait::until("the arrival is settled", Duration::from_secs(60), || {
            count_blocking(&url, "SELECT count(*) FROM job") == 0
        });
        assert_eq!(count_blocking(&url, "SELECT count(*) FROM lead"), 1, "{point}: one lead");
        assert_eq!(count_blocking(&url, "SELECT count(*) FROM communication"), 1, "{point}: one communication");
        daemon.stop_cleanly();
    }
}

#[test]
fn what_a_visitor_edited_is_there_once_wherever_the_daemon_dies() {
    for point in ["accept-before-commit", "accept-after-commit"] {
        let mut daemon = Setup::new().contact_form().tables("[worker]\nlease_seconds = 2\n").start();
        let url = daemon.setup().database_url().to_owned();
        let post = |daemon: &Daemon, email: &str| {
            let fields = [("email", email), ("message", "Nabídka"), ("_submission_id", "1")];
            daemon.public().post_form("/f/contact", &fields)
        };
        assert_eq!(post(&daemon, "jan@novak-stavby.cz").expect("answers").status, 200);
        daemon.kill9();
        daemon.setup_mut().set_env("PISTEUR_FAIL_POINT", point);
        daemon.restart();
        assert!(post(&daemon, "eva@novak-stavby.cz").is_err(), "{point}: nobody is told anything");
        assert_ne!(daemon.wait_end(), Some(0), "{point}: the daemon dies there");
        let alone = "SELECT count(*) FROM arrival WHERE duplicate_of IS NULL";
        let kept = if point.contains("after") { 2 } else { 1 };
        assert_eq!(count_blocking(&url, alone), kept, "{point}: the edit is there whole or not at all");
        assert_eq!(count_blocking(&url, "SELECT count(*) FROM arrival"), kept, "{point}: and never as a repeat");
        daemon.setup_mut().clear_env();
        daemon.restart();
        assert_eq!(post(&daemon, "eva@novak-stavby.cz").expect("answers").status, 200, "{point}: the visitor's retry");
        wait::until("all are settled", Duration::from_secs(60), || {
            count_blocking(&url, "SELECT count(*) FROM job") == 0
        });
        assert_eq!(count_blocking(&url, alone), 2, "{point}");
        assert_eq!(count_blocking(&url, "SELECT count(*) FROM lead"), 2, "{point}: the first and the edited one");
        daemon.stop_cleanly();
    }
}
