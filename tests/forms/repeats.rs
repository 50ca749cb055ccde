//! The same submission again: one arrival counts, and its id is the answer.

use std::collections::BTreeSet;
use std::io::{BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use pisteur::clock::{Clock, Timestamp};
use pisteur::config::form::{FormConfig, FormField};
use pisteur::config::http::{HttpConfig, LimitsConfig};
use pisteur::domain::envelope::ArrivalState;
use pisteur::domain::submission::Canonical;
use pisteur::intake::form::FormSet;
use serde_json::Value;

use super::house::{House, Plan};
use crate::support::daemon::{Daemon, Setup};
use crate::support::http::read_answer;
use crate::support::wait;

fn id(answer: &crate::support::http::Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_double_click_has_the_answer_of_the_first() {
    let house = House::usual().await;
    let post = |fields: &[(&str, &str)]| id(&house.http.post_form("/f/contact", fields).unwrap());
    let first = post(&[("email", "Eva@web.example"), ("message", "hi"), ("_t", "1")]);
    assert_eq!(post(&[("message", "hi"), ("email", "eva@web.example"), ("_t", "2"), ("utm_source", "x")]), first);
    assert_ne!(post(&[("email", "eva@web.example"), ("message", "hi again")]), first);
    let later = house.clock.now().after(std::time::Duration::from_secs(301));
    house.clock.set(later);
    assert_ne!(post(&[("email", "eva@web.example"), ("message", "hi")]), first, "after the window it is a new one");
    let arrivals = house.arrivals().await;
    assert_eq!(arrivals.len(), 4, "the repeat is kept too");
    let repeat = arrivals.iter().find(|row| row.duplicate_of.is_some()).unwrap();
    assert_eq!((repeat.state, repeat.duplicate_of.unwrap().to_string()), (ArrivalState::Decided, first));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_words_in_another_charset_are_another_submission() {
    let house = House::usual().await;
    let kind = "application/x-www-form-urlencoded; charset=windows-1250";
    let post = |kind: &str, body: &[u8]| house.http.post("/f/contact", kind, body).unwrap();
    let bodies: [(&str, &[u8], &[u8]); 3] = [
        (kind, b"message=%C8%ED%9E", b"message=%F8%E1%9A"),
        (
            "multipart/form-data; boundary=B",
            b"--B\r\nContent-Disposition: form-data; name=\"m\"\r\n\r\n\xc8\xed\x9e\r\n--B--\r\n",
            b"--B\r\nContent-Disposition: form-data; name=\"m\"\r\n\r\n\xf8\xe1\x9a\r\n--B--\r\n",
        ),
        ("application/json", b"{\"text\":\"\xc8\xed\x9e\"}", b"{\"text\":\"\xf8\xe1\x9a\"}"),
    ];
    for (kind, one, other) in bodies {
        let first = id(&post(kind, one));
        assert_eq!(id(&post(kind, one)), first, "a double click");
        assert_ne!(id(&post(kind, other)), first, "{kind}");
    }
    let first = id(&post(kind, b"_submission_id=u&message=%C8%ED%9E"));
    assert_ne!(id(&post(kind, b"_submission_id=u&message=%F8%E1%9A")), first, "not the same under one key");
    assert_eq!(house.newest().await.context.extra.get("follows"), Some(&first));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_of_zero_takes_everything() {
    let house = House::open(Plan::form(|form| form.duplicate_window_seconds = 0)).await;
    let post = || id(&house.http.post_form("/f/contact", &[("message", "hi")]).unwrap());
    assert_ne!(post(), post());
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_names_a_submission_for_ever() {
    let house = House::usual().await;
    let key = [("idempotency-key", "order-1")];
    let post = |message: &str| house.http.post_form_with("/f/contact", &[("message", message)], &key).unwrap();
    let first = id(&post("hi"));
    house.clock.set(Timestamp::from_seconds(1_900_000_000));
    assert_eq!(id(&post("hi")), first);
    for _ in 0..2 {
        let refused = post("something else");
        assert_eq!((refused.status, refused.json()["error"].as_str()), (422, Some("idempotency_key_reused")));
    }
    // The script was told; what it sent waits for an operator, once, and names what its key stood for.
    let kept = house.arrivals().await;
    let held: Vec<_> = kept.iter().filter(|row| row.reason.as_deref() == Some("key_reused")).collect();
    assert_eq!(held.iter().filter(|row| row.state == ArrivalState::Quarantined).count(), 1, "{kept:?}");
    let held = house.store.load(&[held[0].id]).await.unwrap().remove(0);
    assert_eq!(held.context.extra.get("follows"), Some(&first));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_edits_and_sends_again_makes_a_submission_that_names_the_first() {
    let house = House::usual().await;
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
    let post = |body: &str| house.http.request("POST", "/f/contact", &headers, body.as_bytes()).unwrap().status;
    assert_eq!(post("_submission_id=u1&message=hi"), 303);
    let first = house.newest().await.id;
    assert_eq!(post("_submission_id=u1&message=hi"), 303);
    assert_eq!(house.arrivals().await[0].duplicate_of, Some(first));
    assert_eq!(post("_submission_id=u1&message=hi+and+more"), 303);
    let edited = house.newest().await;
    assert_eq!(edited.context.extra.get("follows"), Some(&first.to_string()));
    assert_eq!(house.arrivals().await[0].state, ArrivalState::Received);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_visitor_edited_is_kept_though_the_visitor_hangs_up_while_it_is_written() {
    let house = House::usual().await;
    let database = house.folder.path().join("p.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&database);
    let mut other = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options).await.unwrap();
    let body = |message: &str| format!("_submission_id=u&message={message}");
    let kind = "application/x-www-form-urlencoded";
    let first = id(&house.http.post("/f/contact", kind, body("before").as_bytes()).unwrap());
    wait::until("only the listener is left", wait::LONG, || house.tracker.len() == 1);
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let mut client = TcpStream::connect(house.http.addr).unwrap();
    let (edited, head) = (body("after"), format!("POST /f/contact HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"));
    client.write_all(format!("{head}Content-Length: {}\r\n\r\n{edited}", edited.len()).as_bytes()).unwrap();
    wait::until("the write is under way", wait::LONG, || house.tracker.len() >= 3);
    client.shutdown(Shutdown::Both).unwrap();
    drop(client);
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    wait::until("nothing is written any more", wait::LONG, || house.tracker.len() == 1);
    let kept = house.newest().await;
    assert_eq!(kept.context.extra.get("follows"), Some(&first), "{:?}", house.arrivals().await);
    assert_eq!(house.arrivals().await[0].state, ArrivalState::Received, "it is worked on");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_who_write_the_same_are_two_submissions_whatever_their_field_is_called() {
    let mut field = FormField::named("_contact");
    field.canonical = Some(Canonical::Email);
    let house = House::open(Plan::form(|form| form.fields = vec![field])).await;
    for name in ["email", "_replyto", "replyto", "_contact"] {
        let post = |email: &str| {
            id(&house.http.post_form("/f/contact", &[(name, email), ("message", "The brochure, please")]).unwrap())
        };
        let first = post("a@web.example");
        assert_ne!(post("b@web.example"), first, "{name}");
        assert_eq!(post("A@web.example"), first, "{name}");
        house.clock.set(house.clock.now().after(std::time::Duration::from_secs(301)));
    }
    assert!(id(&house.http.post_form("/f/contact", &[("_replyto", "c@web.example")]).unwrap()).len() == 26);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_refused_site_sent_does_not_swallow_the_same_from_an_allowed_one() {
    let house = House::open(Plan::form(|form| form.allowed_origins = vec!["https://ok.example".into()])).await;
    let post = |origin: &str, key: Option<&str>| {
        let headers: Vec<_> = [("origin", origin)].into_iter().chain(key.map(|k| ("idempotency-key", k))).collect();
        house.http.post_form_with("/f/contact", &[("message", "hi")], &headers).unwrap()
    };
    for key in [None, Some("order-7")] {
        let before = house.arrivals().await.len();
        assert_eq!(post("https://evil.example", key).status, 403);
        assert_eq!(post("https://evil.example", key).status, 403, "still refused");
        let clean = id(&post("https://ok.example", key));
        assert_eq!(id(&post("https://ok.example", key)), clean, "the repeat of the clean one");
        assert_eq!(post("https://evil.example", key).status, 403, "still refused");
        let kept = house.arrivals().await;
        let new: Vec<_> = kept[..kept.len() - before].iter().rev().collect();
        assert_eq!((new[0].state, new[0].reason.as_deref()), (ArrivalState::Quarantined, Some("origin_refused")));
        assert_eq!(new[1].duplicate_of, Some(new[0].id), "one of them waits for a person, not two");
        assert_eq!((new[2].state, new[2].id.to_string()), (ArrivalState::Received, clean.clone()));
        assert_eq!(new[3].duplicate_of, Some(new[2].id));
        assert_eq!(new[4].duplicate_of, Some(new[2].id), "known already: nobody need look at it");
        house.clock.set(house.clock.now().after(std::time::Duration::from_secs(301)));
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_because_its_form_took_too_much_does_not_swallow_the_same_when_there_is_room() {
    let house = House::open(Plan::limits(|limits| limits.per_form_per_minute = 1)).await;
    let key = [("idempotency-key", "order-8")];
    let post = |message: &str| id(&house.http.post_form_with("/f/contact", &[("message", message)], &key).unwrap());
    id(&house.http.post_form("/f/contact", &[("message", "first")]).unwrap());
    let held = post("hi");
    assert_eq!(post("hi"), held, "while there is no room it is the one that waits already");
    let roomy = LimitsConfig { per_form_per_minute: 0, per_client_per_minute: Some(0), ..LimitsConfig::default() };
    let forms = [FormConfig::named("contact")];
    house.forms.store(Arc::new(FormSet::new(&forms, &roomy, &HttpConfig::default())));
    let clean = post("hi");
    assert_ne!(clean, held);
    let kept = house.arrivals().await;
    assert_eq!((kept[0].state, kept[0].id.to_string()), (ArrivalState::Received, clean.clone()));
    assert_eq!(kept.iter().filter(|row| row.state == ArrivalState::Quarantined).count(), 1);
    assert_eq!(post("hi"), clean);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_names_what_is_held_too() {
    let house = House::open(Plan::limits(|limits| limits.per_form_per_minute = 1)).await;
    let post = |key: &str, message: &str| {
        let key = [("idempotency-key", key)];
        house.http.post_form_with("/f/contact", &[("message", message)], &key).unwrap()
    };
    id(&post("order-1", "first"));
    let held = id(&post("order-2", "hi"));
    house.clock.set(house.clock.now().after(std::time::Duration::from_secs(3_600)));
    assert_eq!(id(&post("order-2", "hi")), held, "for as long as it waits");
    let refused = post("order-2", "something else");
    assert_eq!((refused.status, refused.json()["error"].as_str()), (422, Some("idempotency_key_reused")));
    let held_id = held.parse().unwrap();
    assert!(house.store.requeue(held_id, &[ArrivalState::Quarantined], true, "eva").await.unwrap());
    assert_eq!(id(&post("order-2", "hi")), held, "and released it is the one");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simultaneous_clicks_make_one_submission() {
    let house = House::usual().await;
    let http = house.http;
    let clicks: Vec<_> = (0..8)
        .map(|_| std::thread::spawn(move || id(&http.post_form("/f/contact", &[("message", "hi")]).unwrap())))
        .collect();
    let mut ids: Vec<String> = clicks.into_iter().map(|click| click.join().unwrap()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let effective = house.arrivals().await.into_iter().filter(|row| row.duplicate_of.is_none()).count();
    assert_eq!(effective, 1);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_released_after_it_came_properly_is_a_repeat_and_says_nothing_twice() {
    let house = House::open(Plan::form(|form| form.allowed_origins = vec!["https://ok.example".into()])).await;
    let post = |origin: &str, message: &str, key: Option<&str>| {
        let headers: Vec<_> = [("origin", origin)].into_iter().chain(key.map(|k| ("idempotency-key", k))).collect();
        house.http.post_form_with("/f/contact", &[("message", message)], &headers).unwrap()
    };
    let release = async |id| house.store.requeue(id, &[ArrivalState::Quarantined], true, "eva").await.unwrap();
    for (message, key) in [("by its words", None), ("by its key", Some("order-9"))] {
        assert_eq!(post("https://evil.example", message, key).status, 403);
        let held = house.newest().await.id;
        let clean = id(&post("https://ok.example", message, key));
        assert!(release(held).await);
        let row = house.store.show_arrival(held).await.unwrap().unwrap().row;
        assert_eq!((row.state, row.duplicate_of.unwrap().to_string()), (ArrivalState::Decided, clean), "{message}");
    }
    for (message, key) in [("released first", None), ("released first, by key", Some("order-10"))] {
        assert_eq!(post("https://evil.example", message, key).status, 403);
        let held = house.newest().await.id;
        assert!(release(held).await);
        assert_eq!(id(&post("https://ok.example", message, key)), held.to_string(), "{message}");
    }
    assert_eq!(post("https://evil.example", "other words", Some("order-11")).status, 403);
    let held = house.newest().await.id;
    id(&post("https://ok.example", "quite other words", Some("order-11")));
    assert!(release(held).await);
    let row = house.store.show_arrival(held).await.unwrap().unwrap().row;
    assert_eq!((row.state, row.duplicate_of), (ArrivalState::Received, None), "another submission is not swallowed");
    house.stop().await;
}

/// A daemon whose leads can be counted.
fn door() -> Daemon {
    Setup::bare()
        .tables("[[form]]\nid = \"contact\"\n[limits]\nper_client_per_minute = 0\nper_form_per_minute = 0")
        .start()
}

fn leads(daemon: &Daemon) -> usize {
    String::from_utf8_lossy(&daemon.setup().run(&["leads", "list", "--limit", "0", "--json"]).stdout).lines().count()
}

fn submissions(daemon: &Daemon) -> Vec<Value> {
    let output = daemon.setup().run(&["submissions", "list", "--limit", "0", "--json"]);
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn s49_a_visitor_whose_answer_was_lost_on_the_way_and_who_sends_again_is_one_lead() {
    let daemon = door();
    let bodies = [
        // A page with our field, a page without it, and a script with a key.
        ("", "name=Eva&email=eva%40web.example&message=hi&_submission_id=6b1f0c7e"),
        ("", "name=Jan&email=jan%40web.example&message=hi"),
        (
            "Idempotency-Key: \"8e03978e-40d5-43dd-bc93-6894a57f9324\"\r\n",
            "name=Ali&email=ali%40web.example&message=hi",
        ),
    ];
    for (number, (key, body)) in bodies.iter().enumerate() {
        let request = format!(
            "POST /f/contact HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n{key}\
             Accept: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut cut = TcpStream::connect(daemon.public().addr).unwrap();
        cut.write_all(request.as_bytes()).unwrap();
        wait::until("the lead is there", wait::LONG, || leads(&daemon) == number + 1);
        // What stood in between gave up long before the answer came.
        drop(cut);
        let mut again = TcpStream::connect(daemon.public().addr).unwrap();
        again.write_all(request.as_bytes()).unwrap();
        let first = id(&read_answer(&mut BufReader::new(&again)).unwrap());
        let counted = submissions(&daemon).into_iter().find(|row| row["id"] == *first).unwrap();
        assert!(counted["record"].is_string(), "the answer names the one that counted: {counted}");
    }
    wait::until("all are decided", wait::LONG, || submissions(&daemon).iter().all(|row| row["state"] == "decided"));
    assert_eq!(leads(&daemon), bodies.len());
}

#[test]
fn s54_robots_that_send_everything_several_times_at_once_make_one_lead_of_each() {
    const PEOPLE: usize = 12;
    const TIMES: usize = 6;
    let daemon = door();
    let http = daemon.public();
    let ids: Vec<BTreeSet<String>> = std::thread::scope(|scope| {
        let robots: Vec<_> = (0..TIMES)
            .map(|_| {
                scope.spawn(move || -> Vec<String> {
                    let one = |n: usize| {
                        let (email, message) = (format!("p{n}@web{n}.example"), format!("Enquiry {n}"));
                        let fields = [("name", "Robot"), ("email", email.as_str()), ("message", message.as_str())];
                        id(&http.post_form("/f/contact", &fields).unwrap())
                    };
                    (0..PEOPLE).map(one).collect()
                })
            })
            .collect();
        let answers: Vec<Vec<String>> = robots.into_iter().map(|robot| robot.join().unwrap()).collect();
        (0..PEOPLE).map(|n| answers.iter().map(|all| all[n].clone()).collect()).collect()
    });
    assert!(ids.iter().all(|said| said.len() == 1), "every one of them was told the same id: {ids:?}");
    wait::until("all are decided", wait::LONG, || submissions(&daemon).iter().all(|row| row["state"] == "decided"));
    let kept = submissions(&daemon);
    assert_eq!(kept.len(), PEOPLE * TIMES, "what came again is kept as well");
    assert_eq!(leads(&daemon), PEOPLE);
}
