//! The sweep as operators meet it: by hand, by the daemon, killed in the middle, and by two daemons on one database.

use std::process::Output;
use std::time::Duration;

use serde_json::Value;

use crate::support::daemon::{Daemon, Setup};
use crate::support::ledger::count_blocking;
use crate::support::postgres::{Fsync, Postgres};
use crate::support::wait;

const DUE: &str = "SELECT count(*) FROM match_due";
const QUESTIONS: &str = "SELECT count(*) FROM candidate";
/// Pairs asked about more than once, in either direction.
const TWICE: &str = "SELECT count(*) FROM candidate a JOIN candidate b ON b.id > a.id WHERE (b.record = a.record AND \
                     b.other = a.other) OR (b.record = a.other AND b.other = a.record)";

/// A shop that sweeps every so many seconds.
fn shop(seconds: u32) -> Setup {
    Setup::new().contact_form().tables(&format!("[matching]\nsweep_seconds = {seconds}\n"))
}

fn shop_on(database: &str, seconds: u32) -> Setup {
    shop(seconds).keys("allow_unsafe_server = true").database(database)
}

fn stdout(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// So many people, each on two lines without an equal key.
fn twins(from: usize, to: usize) -> String {
    let mut text = "First name;Last name;Email;Street;City;Postcode\n".to_owned();
    let given = [
        "Marketa",
        "Ludvik",
        "Otylie",
        "Hugo",
        "Zdenka",
        "Rosalie",
        "Bernard",
        "Yvonne",
        "Pavel",
        "Ingrid",
        "Cyril",
        "Amelie",
        "Tadeas",
        "Jolana",
        "Xaver",
        "Eliska",
        "Norbert",
        "Sabine",
        "Viktor",
        "Doubravka",
    ];
    let roots = [
        "Borovan", "Dvorsk", "Kralick", "Lemberg", "Matous", "Nedbal", "Polansk", "Rusnok", "Skopal", "Tomsik",
        "Hajdus", "Vybiral", "Zeman", "Cihlar", "Fiedler", "Grunwald", "Jelinek", "Urbanec", "Ptacnik", "Winkler",
    ];
    for n in from..to {
        let surname = format!("{}{}", roots[n % 20], ["ak", "ovsky", "ar", "inec", "ohlav"][n / 20 % 5]);
        let given = given[(n + n / 20 * 7) % 20];
        let home = format!("{surname}ova {};Brno;6{n:02}00", n + 3);
        text.push_str(&format!("{given};{surname};a{n}@one-{n}.example;{home}\n"));
        text.push_str(&format!("{given};{surname}k;b{n}@two-{n}.example;{home}\n"));
    }
    text
}

/// Brings these twins in, beside whatever daemon runs.
fn bring_in(setup: &Setup, from: usize, to: usize) {
    let name = format!("twins-{from}.csv");
    std::fs::write(setup.dir().join(&name), twins(from, to)).unwrap();
    stdout(&setup.run(&["contacts", "import", &name]));
}

fn swept(url: &str, questions: i64) {
    wait::until("everything is compared", Duration::from_secs(90), || {
        count_blocking(url, DUE) == 0 && count_blocking(url, QUESTIONS) >= questions
    });
    assert_eq!((count_blocking(url, QUESTIONS), count_blocking(url, TWICE)), (questions, 0));
}

#[test]
fn twins_are_asked_about_by_hand_and_once() {
    let server = Postgres::shared();
    for setup in [shop(0), shop_on(&server.url(&server.database()), 0)] {
        stdout(&setup.run(&["migrate"]));
        assert_eq!(stdout(&setup.run(&["match", "sweep"])), "Nothing was written since the last sweep.\n");
        bring_in(&setup, 0, 4);
        assert_eq!(count_blocking(setup.database_url(), QUESTIONS), 0, "an import asks nobody");
        let said: Value = serde_json::from_str(&stdout(&setup.run(&["match", "sweep", "--json"]))).unwrap();
        assert_eq!(said, serde_json::json!({ "compared": 8, "asked": 4 }));
        let said: Value = serde_json::from_str(&stdout(&setup.run(&["match", "sweep", "--json"]))).unwrap();
        assert_eq!(said, serde_json::json!({ "compared": 0, "asked": 0 }));
        let list = stdout(&setup.run(&["review", "list"]));
        assert!(list.contains(" bits)") && list.contains("Marketa Borovanakk"), "{list}");
        let first = list.split_whitespace().next().unwrap().to_owned();
        let merged = stdout(&setup.run(&["review", "accept", &first]));
        assert!(merged.contains("was merged into contact:"), "{merged}");
    }
}

#[test]
fn a_daemon_that_dies_in_its_sweep_asks_everything_and_once() {
    for point in ["sweep-before-ask", "sweep-after-ask"] {
        let setup = shop(1);
        stdout(&setup.run(&["migrate"]));
        bring_in(&setup, 0, 60);
        let url = setup.database_url().to_owned();
        let mut daemon = setup.env("PISTEUR_FAIL_POINT", point).start_unready();
        assert_ne!(daemon.wait_end(), Some(0), "{point}: the daemon dies there");
        let asked = count_blocking(&url, QUESTIONS);
        let before = point.contains("before");
        assert!(if before { asked == 0 } else { (1..60).contains(&asked) }, "{point}: {asked}");
        assert_eq!(count_blocking(&url, DUE), if before { 120 } else { 70 }, "{point}: what was not asked about waits");
        daemon.setup_mut().clear_env();
        daemon.restart();
        swept(&url, 60);
        let figure = |daemon: &Daemon| daemon.metric("pisteur_swept_questions_total").unwrap_or(0.0);
        wait::until("it is counted", wait::LONG, || format!("{:.0}", figure(&daemon)) == (60 - asked).to_string());
        daemon.stop_cleanly();
    }
}

#[test]
fn two_daemons_ask_once_what_each_could_ask() {
    let server = Postgres::start(Fsync::Off);
    let url = server.url(&server.database());
    let [mut first, mut second] = [shop_on(&url, 1), shop_on(&url, 1)].map(Setup::start);
    for round in 0..4 {
        bring_in(first.setup(), round * 20, round * 20 + 20);
    }
    swept(&url, 80);
    first.kill9();
    bring_in(second.setup(), 80, 90);
    swept(&url, 90);
    second.stop_cleanly();
}
