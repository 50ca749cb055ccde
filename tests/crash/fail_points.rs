//! Death at named points of the work: before and after each commit that matters.

use std::time::Duration;

use crate::support::daemon::Setup;
use crate::support::ledger::count_blocking;
use crate::support::wait;

/// The points of a form's way, in order.
const POINTS: [&str; 5] = [
    "accept-before-commit",
    "accept-after-commit",
    "process-after-claim",
    "process-before-commit",
    "process-after-commit",
];

#[test]
fn a_form_has_one_effect_wherever_the_daemon_dies() {
    for point in POINTS {
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
