//! Several leads in one request: all of them or none, wherever the daemon dies and whatever is away.

use std::time::Duration;

use pisteur::domain::hooks::explode::MOST;

use crate::support::daemon::{ARRIVAL_POINTS, Daemon, Setup};
use crate::support::ledger::count_blocking;
use crate::support::postgres::{Fsync, Postgres};
use crate::support::wait;

const OWN: &str = "title = \"Mine\"\nverified = true\n[[verify]]\nkind = \"token\"\nheader = \"X-Token\"\n\
                   [request]\nid = \"no\"\nleads = \"people[]\"\n[request.fields]\nfull_name = \"who\"\nemail = \"mail\"\n";
const ARRIVED: &str = "SELECT count(*) FROM arrival WHERE duplicate_of IS NULL";

/// A daemon's set-up with one hook whose requests bring several people.
pub fn with_hook(setup: Setup) -> Setup {
    let setup = setup.contact_form().file("own/mine.toml", OWN).file("secret", "a-token-of-the-shop");
    let own = setup.dir().join("own").display().to_string();
    setup.tables(&format!(
        "[adapters]\npath = \"{own}\"\n[[hook]]\nid = \"m\"\nadapter = \"mine\"\nsecret_file = \"secret\"\n\
         [worker]\nlease_seconds = 2\n"
    ))
}

/// Posts these people in one request; whether it was acknowledged.
pub fn post(daemon: &Daemon, people: &[u32]) -> bool {
    let person = |n: &u32| format!("{{\"no\":{n},\"who\":\"Jan Malý{n}\",\"mail\":\"jan{n}@maly-{n}.cz\"}}");
    let body = format!("{{\"people\":[{}]}}", people.iter().map(person).collect::<Vec<_>>().join(","));
    let headers = [("content-type", "application/json"), ("x-token", "a-token-of-the-shop")];
    daemon.public().request("POST", "/hooks/m", &headers, body.as_bytes()).is_ok_and(|answer| answer.status == 200)
}

fn settled(url: &str) {
    wait::until("all are settled", Duration::from_secs(60), || count_blocking(url, "SELECT count(*) FROM job") == 0);
}

#[test]
fn all_leads_of_a_request_or_none_are_kept_wherever_the_daemon_dies() {
    for point in ARRIVAL_POINTS {
        let mut daemon = with_hook(Setup::new()).env("PISTEUR_FAIL_POINT", point).start();
        let url = daemon.setup().database_url().to_owned();
        let acknowledged = post(&daemon, &[1, 2, 3]);
        assert_ne!(daemon.wait_end(), Some(0), "{point}: the daemon dies there");
        let kept = count_blocking(&url, ARRIVED);
        assert_eq!(kept, if point == "accept-before-commit" { 0 } else { 3 }, "{point}: all or none");
        assert!(!(acknowledged && point.starts_with("accept")), "{point}");
        daemon.setup_mut().clear_env();
        daemon.restart();
        // The producer that saw no answer sends it again, and once more for good measure.
        assert!(post(&daemon, &[1, 2, 3]) && post(&daemon, &[3, 2, 1]), "{point}");
        settled(&url);
        assert_eq!(count_blocking(&url, ARRIVED), 3, "{point}: three arrivals");
        assert_eq!(count_blocking(&url, "SELECT count(*) FROM lead"), 3, "{point}: three leads");
        assert_eq!(count_blocking(&url, "SELECT count(*) FROM communication"), 3, "{point}: each told once");
        daemon.stop_cleanly();
    }
}

#[test]
fn all_leads_of_a_request_are_in_the_spill_while_the_database_is_away() {
    let server = Postgres::start(Fsync::On);
    let url = server.url(&server.database());
    server.stop();
    let mut daemon = with_hook(Setup::new().database(&url)).start();
    assert!(post(&daemon, &[1, 2, 3]), "nobody is turned away");
    assert!(post(&daemon, &[2, 3, 4]));
    // A death before the database is back: the spill is on disk.
    daemon.kill9();
    daemon.restart();
    server.resume();
    wait::until("the daemon is well again", wait::LONG, || {
        daemon.operator().get("/readyz").is_ok_and(|answer| answer.text().contains("\"ok\""))
    });
    wait::until("every lead is there", wait::LONG, || count_blocking(&url, "SELECT count(*) FROM lead") == 4);
    settled(&url);
    assert_eq!(count_blocking(&url, ARRIVED), 4);
    assert_eq!(count_blocking(&url, "SELECT count(*) FROM arrival"), 6, "repeats are kept as such");
    daemon.stop_cleanly();
}

#[test]
fn more_than_a_thousand_people_in_one_request_are_a_lead_each() {
    let mut daemon = with_hook(Setup::new()).start();
    let url = daemon.setup().database_url().to_owned();
    let people: Vec<u32> = (1..=1_200).collect();
    assert!(post(&daemon, &people) && post(&daemon, &people));
    settled(&url);
    assert_eq!(count_blocking(&url, ARRIVED), 1_200);
    assert_eq!(count_blocking(&url, "SELECT count(*) FROM lead"), 1_200);
    assert_eq!(count_blocking(&url, "SELECT count(*) FROM arrival WHERE state <> 'decided'"), 0);
    daemon.stop_cleanly();
}

#[test]
fn a_request_that_is_not_taken_apart_loses_nobody_when_it_is_released() {
    let mut daemon = with_hook(Setup::new()).start();
    let url = daemon.setup().database_url().to_owned();
    let person = |n: usize| format!("{{\"no\":{n},\"mail\":\"j{n}@m.cz\"}}");
    let body = format!("{{\"people\":[{}]}}", (0..=MOST).map(person).collect::<Vec<_>>().join(","));
    let headers = [("content-type", "application/json"), ("x-token", "a-token-of-the-shop")];
    let answer = daemon.public().request("POST", "/hooks/m", &headers, body.as_bytes()).unwrap();
    assert_eq!(answer.status, 200);
    let held = "SELECT count(*) FROM arrival WHERE state = 'quarantined' AND reason = 'too_many_leads'";
    assert_eq!(count_blocking(&url, held), 1);
    let erased = daemon.setup().run(&["erase", "j7@m.cz", "--yes", "--json"]);
    let erased: serde_json::Value = serde_json::from_slice(&erased.stdout).unwrap();
    assert_eq!(erased["in_requests_of_many"].as_array().map(Vec::len), Some(1), "{erased}");
    assert_eq!(count_blocking(&url, held), 1, "the others' leads do not go with one of them");
    let listed = daemon.setup().run(&["submissions", "list", "--state", "quarantined", "--json"]);
    let row: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(daemon.setup().run(&["submissions", "release", row["id"].as_str().unwrap()]).status.code(), Some(0));
    settled(&url);
    assert_eq!(MOST, 20_000);
    let whole = "SELECT count(*) FROM communication WHERE body LIKE '%\"j0@m.cz\"%' AND body LIKE '%\"j20000@m.cz\"%'";
    assert_eq!(count_blocking(&url, whole), 1, "a person can read all of them");
    daemon.stop_cleanly();
}

/// A daemon's set-up with a hook to which mails are posted as they are.
fn with_mails(setup: Setup) -> Setup {
    let setup = setup.contact_form().file("secret", "a-token-of-the-shop");
    setup.tables("[[hook]]\nid = \"m\"\nadapter = \"mime\"\nsecret_file = \"secret\"\n[worker]\nlease_seconds = 2\n")
}

/// Posts a mail with these prospects, as ADF or as a JSON list.
fn post_mail(daemon: &Daemon, people: &[u32], as_json: bool) {
    let (kind, ids) = (if as_json { "application/json" } else { "text/plain" }, format!("{people:?}"));
    let of = |n: &u32| {
        if as_json {
            format!("{{\"name\":\"Jan Maly{n}\",\"email\":\"jan{n}@maly-{n}.cz\",\"message\":\"Cena?\"}}")
        } else {
            format!(
                "<prospect><id source=\"Cars\">R{n}</id><customer><contact><name part=\"full\">Jan Maly{n}</name>\
                 <email>jan{n}@maly-{n}.cz</email></contact></customer></prospect>"
            )
        }
    };
    let all: Vec<String> = people.iter().map(of).collect();
    let body = if as_json { format!("[{}]", all.join(",")) } else { format!("<adf>{}</adf>", all.concat()) };
    let mail = format!(
        "From: Leads <leads@auto-portal.cz>\r\nTo: sales@our-company.example\r\nSubject: New leads\r\n\
         Message-ID: <{}@auto-portal.cz>\r\nMIME-Version: 1.0\r\nContent-Type: {kind}\r\n\r\n{body}\r\n",
        ids.replace(|c: char| !c.is_ascii_digit(), ".")
    );
    let headers = [("content-type", "message/rfc822"), ("authorization", "Bearer a-token-of-the-shop")];
    let answer = daemon.public().request("POST", "/hooks/m", &headers, mail.as_bytes()).expect("answers");
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn each_prospect_of_a_posted_mail_is_a_lead_once() {
    let mut daemon = with_mails(Setup::new()).start();
    let url = daemon.setup().database_url().to_owned();
    for _ in 0..2 {
        post_mail(&daemon, &[1, 2, 3], false);
        post_mail(&daemon, &[4, 5], true);
    }
    settled(&url);
    assert_eq!(count_blocking(&url, "SELECT count(*) FROM lead"), 5);
    assert_eq!((count_blocking(&url, ARRIVED), count_blocking(&url, "SELECT count(*) FROM arrival")), (5, 10));
    assert_eq!(count_blocking(&url, "SELECT count(*) FROM communication"), 5, "each told once");
    daemon.stop_cleanly();
}

#[test]
fn each_prospect_of_a_mail_is_in_the_spill_while_the_database_is_away() {
    let server = Postgres::start(Fsync::On);
    let url = server.url(&server.database());
    server.stop();
    let mut daemon = with_mails(Setup::new().database(&url)).start();
    for _ in 0..2 {
        post_mail(&daemon, &[1, 2, 3], false);
        post_mail(&daemon, &[4, 5], true);
    }
    daemon.kill9();
    daemon.restart();
    server.resume();
    wait::until("every lead is there", wait::LONG, || {
        daemon.operator().get("/readyz").is_ok_and(|answer| answer.text().contains("\"ok\""))
            && count_blocking(&url, "SELECT count(*) FROM lead") == 5
    });
    settled(&url);
    // Sent once more with the database back, it is known.
    post_mail(&daemon, &[1, 2, 3], false);
    settled(&url);
    assert_eq!(count_blocking(&url, ARRIVED), 5);
    assert_eq!(count_blocking(&url, "SELECT count(*) FROM lead"), 5);
    daemon.stop_cleanly();
}
