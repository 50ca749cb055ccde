//! The daemon as an operator sees it while PostgreSQL is away: degraded, not down.

use crate::support::daemon::{Daemon, Setup};
use crate::support::ledger::{count_blocking, texts_blocking};
use crate::support::postgres::{Fsync, Postgres};
use crate::support::wait::{LONG, until};

fn post(daemon: &Daemon, n: usize) -> String {
    let (name, email) = (format!("Jana Nováková{n}"), format!("jana{n}@novakova-{n}.cz"));
    let fields = [("name", &*name), ("email", &*email), ("message", "Dobrý den, prosím o nabídku.")];
    let answer = daemon.public().post_form("/f/contact", &fields).expect("answers");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["id"].as_str().expect("an id").to_owned()
}

fn status(daemon: &Daemon) -> String {
    let ready = daemon.operator().get("/readyz").expect("answers");
    assert_eq!(ready.status, 200, "{}", ready.text());
    ready.json()["status"].as_str().expect("a status").to_owned()
}

#[test]
fn forms_become_leads_once_although_the_database_is_away_at_start_and_in_the_middle() {
    let server = Postgres::start(Fsync::On);
    let url = server.url(&server.database());
    server.stop();
    let limits = "[limits]\nper_client_per_minute = 0\nper_form_per_minute = 0\n[worker]\nlease_seconds = 5\n";
    let mut daemon = Setup::new().contact_form().tables(limits).database(&url).start();
    let mut ids: Vec<String> = (0..3).map(|n| post(&daemon, n)).collect();
    assert_eq!(status(&daemon), "degraded");
    server.resume();
    until("the daemon is well again", LONG, || status(&daemon) == "ok");
    ids.push(post(&daemon, 3));
    server.kill();
    ids.extend((4..7).map(|n| post(&daemon, n)));
    daemon.kill9();
    daemon.restart();
    ids.push(post(&daemon, 7));
    server.resume();
    until("every form is a lead", LONG, || {
        status(&daemon) == "ok"
            && count_blocking(&url, "SELECT count(*) FROM arrival WHERE state = 'decided'") == 8
            && count_blocking(&url, "SELECT count(*) FROM job") == 0
    });
    let mut stored = texts_blocking(&url, "SELECT ulid FROM arrival");
    stored.sort();
    ids.sort();
    assert_eq!(stored, ids);
    assert_eq!(count_blocking(&url, "SELECT count(*) FROM lead"), 8);
    daemon.stop_cleanly();
}
