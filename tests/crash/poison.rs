//! A message that kills its reader is held; the others go through.

use std::time::Duration;

use crate::support::daemon::Setup;
use crate::support::ledger::count_blocking;
use crate::support::wait;

/// The fail point of the debug build: reading aborts on bytes that hold this.
const MARKER: &str = "PISTEUR-ABORT-MARKER";

#[test]
fn a_message_whose_reading_aborts_is_quarantined_and_the_others_are_processed() {
    let message = |n: usize, text: &str| {
        format!(
            "From: P{n} <p{n}@firma-{n}.cz>\r\nTo: sales@our-company.example\r\nMessage-ID: <p{n}@firma-{n}.cz>\r\n\
             Subject: Dotaz {n}\r\n\r\n{text}\r\n"
        )
    };
    let mut setup =
        Setup::new().env("PISTEUR_FAIL_ABORT_MARKER", MARKER).contact_form().tables("[worker]\nlease_seconds = 2\n");
    for n in 0..8 {
        setup = setup.file(&format!("var/inbox/{n}.eml"), message(n, if n == 3 { MARKER } else { "Prosim o nabidku" }));
    }
    let mut daemon = setup.start_unready();
    let mut starts = 1;
    let url = daemon.setup().database_url().to_owned();
    wait::until("seven leads and one in quarantine", Duration::from_secs(120), || {
        if !daemon.runs() {
            starts += 1;
            daemon.restart_unready();
        }
        std::path::Path::new(&url["sqlite://".len()..]).exists()
            && schema_ready(&url)
            && count_blocking(&url, "SELECT count(*) FROM lead") == 7
            && count_blocking(&url, "SELECT count(*) FROM arrival WHERE state = 'quarantined'") == 1
    });
    println!("starts needed: {starts}");
    assert!(starts >= 2, "the fail point never fired");
    assert!(starts <= 3, "the poison message killed the daemon {} times", starts - 1);
    assert_eq!(count_blocking(&url, "SELECT count(*) FROM arrival_raw"), 8, "its bytes are kept");
    assert_eq!(count_blocking(&url, "SELECT count(*) FROM job"), 0);
    assert!(daemon.runs());
}

fn schema_ready(url: &str) -> bool {
    count_blocking(url, "SELECT count(*) FROM sqlite_master WHERE name = 'communication'") == 1
}
