//! Requests of third parties while PostgreSQL is away: taken, kept, and once.

use pisteur::domain::hooks::verify::hmac_hex;

use crate::support::daemon::Setup;
use crate::support::ledger::count_blocking;
use crate::support::postgres::{Fsync, Postgres};
use crate::support::wait::{LONG, until};

#[test]
fn leads_of_a_hook_are_taken_while_the_database_is_away_and_are_there_once_when_it_is_back() {
    let server = Postgres::start(Fsync::On);
    let url = server.url(&server.database());
    server.stop();
    let hook = "[[hook]]\nid = \"t\"\nadapter = \"bearer\"\nsecret_file = \"secret\"\nlead_id = \"no\"\n[worker]\nlease_seconds = 5\n";
    let setup = Setup::new().contact_form().file("secret", "a-token-of-the-shop").tables(hook).database(&url);
    let mut daemon = setup.start();
    let post = |n: usize| {
        let body = format!(
            "{{\"no\":{n},\"name\":\"Jan Malý{n}\",\"email\":\"jan{n}@maly-{n}.cz\",\"message\":\"Dobrý den\"}}"
        );
        let headers = [("content-type", "application/json"), ("authorization", "Bearer a-token-of-the-shop")];
        daemon.public().request("POST", "/hooks/t", &headers, body.as_bytes()).unwrap().status
    };
    for n in [1, 2, 2, 3, 1] {
        assert_eq!(post(n), 200, "the database is away and nobody is turned away");
    }
    server.resume();
    until("the daemon is well again", LONG, || daemon.operator().get("/readyz").unwrap().text().contains("\"ok\""));
    until("every lead is there", LONG, || count_blocking(&url, "SELECT count(*) FROM lead") == 3);
    assert_eq!(post(2), 200);
    until("repeats are kept as such", LONG, || {
        count_blocking(&url, "SELECT count(*) FROM arrival") == 6
            && count_blocking(&url, "SELECT count(*) FROM job") == 0
    });
    assert_eq!(count_blocking(&url, "SELECT count(*) FROM lead"), 3);
    daemon.stop_cleanly();
}

#[test]
fn bytes_that_came_long_before_are_held_also_when_the_database_was_away() {
    let server = Postgres::start(Fsync::On);
    let url = server.url(&server.database());
    let hook = "[[hook]]\nid = \"t\"\nadapter = \"hmac\"\nsecret_file = \"secret\"\nduplicate_window_seconds = 1\n";
    let setup = Setup::new().contact_form().file("secret", "a-token-of-the-shop").tables(hook).database(&url);
    let mut daemon = setup.start();
    let body = "{\"email\":\"jan@maly.cz\"}";
    let signature = format!("sha256={}", hmac_hex(b"a-token-of-the-shop", body.as_bytes()));
    let post = || {
        let headers = [("content-type", "application/json"), ("x-signature", signature.as_str())];
        daemon.public().request("POST", "/hooks/t", &headers, body.as_bytes()).unwrap().status
    };
    assert_eq!(post(), 200);
    until("it is a lead", LONG, || count_blocking(&url, "SELECT count(*) FROM lead") == 1);
    let before = std::time::Instant::now();
    server.stop();
    until("the window is over", LONG, || before.elapsed() > std::time::Duration::from_secs(2));
    assert_eq!(post(), 200);
    server.resume();
    let held =
        "SELECT count(*) FROM arrival WHERE state = 'quarantined' AND reason = 'seen_before' AND duplicate_of IS NULL";
    until("it waits for a person", LONG, || count_blocking(&url, held) == 1);
    assert_eq!(count_blocking(&url, "SELECT count(*) FROM arrival"), 2);
    daemon.stop_cleanly();
}
