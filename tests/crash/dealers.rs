//! A mail with several prospects: all of them or none, wherever the daemon dies.

use std::time::Duration;

use crate::support::daemon::{ARRIVAL_POINTS, Setup};
use crate::support::ledger::count_blocking;
use crate::support::wait;

fn mail() -> String {
    let prospect = |n: u32| {
        format!(
            "<prospect><id source=\"Cars\">R{n}</id><customer><contact><name part=\"full\">Jan Malý{n}</name>\
             <email>jan{n}@maly-{n}.cz</email></contact></customer></prospect>\r\n"
        )
    };
    let all: String = (1..4).map(prospect).collect();
    format!(
        "From: leads@auto-portal.cz\r\nTo: sales@our-company.example\r\nSubject: New leads\r\n\
         Message-ID: <several@auto-portal.cz>\r\n\r\nHello,\r\n<adf>{all}</adf>\r\n"
    )
}

#[test]
fn all_prospects_of_a_mail_or_none_are_kept_wherever_the_daemon_dies() {
    for point in ARRIVAL_POINTS {
        let mut daemon = Setup::new()
            .contact_form()
            .tables("[worker]\nlease_seconds = 2\n")
            .env("PISTEUR_FAIL_POINT", point)
            .start();
        let folder = daemon.path("var/inbox");
        let url = daemon.setup().database_url().to_owned();
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(".part"), mail()).unwrap();
        std::fs::rename(folder.join(".part"), folder.join("several.eml")).unwrap();
        assert_ne!(daemon.wait_end(), Some(0), "{point}: the daemon dies there");
        let kept = count_blocking(&url, "SELECT count(*) FROM arrival WHERE duplicate_of IS NULL");
        assert_eq!(kept, if point == "accept-before-commit" { 0 } else { 4 }, "{point}: all or none");
        daemon.setup_mut().clear_env();
        daemon.restart();
        wait::until("all are settled", Duration::from_secs(60), || {
            count_blocking(&url, "SELECT count(*) FROM arrival WHERE duplicate_of IS NULL") == 4
                && count_blocking(&url, "SELECT count(*) FROM job") == 0
        });
        assert_eq!(count_blocking(&url, "SELECT count(*) FROM lead"), 3, "{point}: three leads");
        assert_eq!(count_blocking(&url, "SELECT count(*) FROM communication"), 3, "{point}: each told once");
        wait::until("the file is put away", Duration::from_secs(60), || !folder.join("several.eml").exists());
        assert_eq!(count_blocking(&url, "SELECT count(*) FROM arrival WHERE duplicate_of IS NULL"), 4, "{point}");
        daemon.stop_cleanly();
    }
}
