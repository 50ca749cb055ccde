//! What is proven is kept: unusual JSON, bodies that cannot be read, too many at once, and the same bytes again.

use std::time::Duration;

use pisteur::clock::Clock;
use pisteur::domain::envelope::ArrivalState;
use pisteur::domain::hooks::explode::MOST;
use pisteur::domain::hooks::verify::hmac_hex;
use pisteur::store::rows::ArrivalRow;
use serde_json::{Value, json};

use super::rig::{Rig, understood};
use crate::support::daemon::{Daemon, Setup};
use crate::support::process::Signal;
use crate::support::wait;

const TOKEN: &str = "a-shared-secret-of-the-shop";
const BEARER: (&str, &str) = ("authorization", "Bearer a-shared-secret-of-the-shop");

fn post(rig: &Rig, body: &[u8]) -> u16 {
    rig.post("x", "application/json", &[BEARER], body).status
}

/// State and reason of every arrival, and whether it is a repeat; oldest first.
async fn kept(rig: &Rig) -> Vec<(ArrivalState, Option<String>, bool)> {
    let row = |row: ArrivalRow| (row.state, row.reason, row.duplicate_of.is_some());
    rig.house.arrivals().await.into_iter().rev().map(row).collect()
}

fn later(rig: &Rig, by: Duration) {
    rig.house.clock.set(rig.house.clock.now().after(by));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_character_and_numbers_of_any_length_cost_nothing() {
    let rig = Rig::open(&[("x", "bearer", TOKEN, "lead_id = \"id\"")]).await;
    let body = |id: &str| {
        format!(
            r#"{{"id":{id},"name":"Eva Malá","email":"eva@w.example","price":1.50,"size":1e400,"message":"cut \ud83d"}}"#
        )
    };
    // Both are the same number as soon as they are counted with.
    for id in ["18446744073709551617", "18446744073709551618", "18446744073709551617"] {
        assert_eq!(post(&rig, body(id).as_bytes()), 200);
    }
    let repeats: Vec<bool> = kept(&rig).await.into_iter().map(|(_, _, repeat)| repeat).collect();
    assert_eq!(repeats, [false, false, true]);
    let (_, submission, enquiry) = rig.newest().await;
    assert!(submission.flags.is_empty(), "{:?}", submission.flags);
    assert_eq!(enquiry.emails[0].address, "eva@w.example");
    assert_eq!(enquiry.message, "cut \u{fffd}");
    let custom: Vec<_> = enquiry.custom.iter().map(|c| format!("{}={}", c.name, c.value)).collect();
    assert!(custom.contains(&"price=1.50".to_owned()) && custom.contains(&"size=1e400".to_owned()), "{custom:?}");
    rig.house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proven_body_that_cannot_be_read_waits_in_quarantine_and_takes_no_key() {
    let rig = Rig::open(&[("x", "bearer", TOKEN, "")]).await;
    let broken = "{\"name\":\"Eva Malá\",\"email\":\"eva@w.example\"";
    let held = (ArrivalState::Quarantined, Some("unreadable".to_owned()), false);
    for _ in 0..2 {
        assert_eq!(post(&rig, broken.as_bytes()), 200);
    }
    assert_eq!(kept(&rig).await[0], held);
    assert!(kept(&rig).await[1].2, "the same again repeats what waits");
    let (envelope, submission, _) = rig.newest().await;
    assert_eq!(envelope.raw, broken.as_bytes());
    assert_eq!(submission.flags, ["unreadable"]);
    assert_eq!(submission.text, broken, "a person sees what came");
    for other in ["[", "3", "\"text\"", "{\"a\":1}{", &"[".repeat(40)] {
        assert_eq!(post(&rig, other.as_bytes()), 200, "{other}");
        assert_eq!(kept(&rig).await.pop(), Some(held.clone()), "{other}");
    }
    assert_eq!(post(&rig, format!("{broken}}}").as_bytes()), 200);
    assert_eq!(kept(&rig).await.pop(), Some((ArrivalState::Received, None, false)));
    for empty in ["", " \n"] {
        assert_eq!(post(&rig, empty.as_bytes()), 400, "there is nothing to keep");
    }
    rig.house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_leads_than_are_taken_at_once_are_kept_as_they_came() {
    let rig = Rig::open(&[("x", "meta-lead-ads", TOKEN, "verify_token_file = \"VERIFY\"")]).await;
    let changes: Vec<_> = (0..=MOST).map(|i| json!({"field": "leadgen", "value": {"leadgen_id": i}})).collect();
    let body = json!({"entry": [{"changes": changes}]}).to_string();
    let signature = format!("sha256={}", hmac_hex(TOKEN.as_bytes(), body.as_bytes()));
    let answer = rig.post("x", "application/json", &[("x-hub-signature-256", &signature)], body.as_bytes());
    assert_eq!(answer.status, 200);
    assert_eq!(kept(&rig).await, [(ArrivalState::Quarantined, Some("too_many_leads".to_owned()), false)]);
    let (envelope, submission, _) = rig.newest().await;
    assert_eq!(envelope.raw, body.as_bytes());
    assert_eq!((submission.flags, submission.to_fetch), (vec!["too_many_leads".to_owned()], None));
    assert!(submission.text.contains("\"leadgen_id\":0}") && submission.text.contains(&format!(":{MOST}}}")));
    rig.house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_held_above_the_limit_does_not_swallow_the_same_sent_again() {
    let rig = Rig::open(&[("x", "bearer", TOKEN, "per_minute = 6\nlead_id = \"id\"")]).await;
    let body = |n: u32| format!("{{\"id\":{n},\"email\":\"a{n}@w.example\"}}");
    // The room of a minute is used up by repeats, too.
    for n in [1, 1, 1, 1, 1, 1, 2, 2] {
        assert_eq!(post(&rig, body(n).as_bytes()), 200);
    }
    let held = (ArrivalState::Quarantined, Some("hook_rate_limit".to_owned()), false);
    let all = kept(&rig).await;
    assert_eq!(all[0], (ArrivalState::Received, None, false));
    assert_eq!(all[6], held);
    assert!(all[7].2, "while it would be held too, it repeats what waits");
    // Of what is known already the same again is a repeat, with or without room.
    assert_eq!(post(&rig, body(1).as_bytes()), 200);
    assert!(kept(&rig).await[8].2);
    let waiting = rig.house.arrivals().await[2].id;
    // There is room again (the limit counts by the clock of the machine).
    let mut taken = None;
    wait::until("there is room", wait::LONG, || {
        let body = json!({"id": 2, "email": "a2@w.example"}).to_string();
        taken = Some(post(&rig, body.as_bytes()));
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current()
                .block_on(async { kept(&rig).await.last() == Some(&(ArrivalState::Received, None, false)) })
        })
    });
    assert_eq!(taken, Some(200));
    // Released, the one that waited is a repeat of the one that was taken.
    let released = rig.house.store.requeue(waiting, &[ArrivalState::Quarantined], true, "eva").await.unwrap();
    assert!(released);
    let row = rig.house.arrivals().await.into_iter().find(|row| row.id == waiting).unwrap();
    assert!(row.state == ArrivalState::Decided && row.duplicate_of.is_some(), "{row:?}");
    rig.house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_bytes_are_the_same_request_for_as_long_as_producers_try_again() {
    let body = b"{\"email\":\"eva@w.example\",\"message\":\"Hello\"}";
    for (adapter, replayable) in [("bearer", false), ("hmac", true)] {
        let rig = Rig::open(&[("x", adapter, TOKEN, "")]).await;
        let signature = format!("sha256={}", hmac_hex(TOKEN.as_bytes(), body));
        let send = || rig.post("x", "application/json", &[BEARER, ("x-signature", &signature)], body).status;
        assert_eq!(send(), 200);
        for by in [600, 6 * 3_600, 48 * 3_600] {
            later(&rig, Duration::from_secs(by));
            assert_eq!(send(), 200);
            assert!(kept(&rig).await.last().unwrap().2, "{adapter} {by}: tried again, it is a repeat");
        }
        later(&rig, Duration::from_hours(24));
        assert_eq!(send(), 200);
        let last = kept(&rig).await.pop().unwrap();
        if replayable {
            // Anybody who saw the request could send it: it is not believed, and not thrown away.
            assert_eq!(last, (ArrivalState::Quarantined, Some("seen_before".to_owned()), false));
            later(&rig, Duration::from_hours(24 * 30));
            assert_eq!(send(), 200);
            let all = rig.house.arrivals().await;
            assert_eq!(all[0].duplicate_of, Some(all[1].id), "once more it repeats what waits");
            let released = rig.house.store.requeue(all[1].id, &[ArrivalState::Quarantined], true, "eva").await.unwrap();
            assert!(released);
            let row = rig.house.arrivals().await.remove(1);
            assert_eq!((row.state, row.duplicate_of), (ArrivalState::Received, None), "whoever releases it wants it");
            // What was looked at swallows nothing: the same again is looked at again, released or discarded before.
            for months in 1..3 {
                later(&rig, Duration::from_hours(24 * 30));
                assert_eq!(send(), 200);
                let row = rig.house.arrivals().await.remove(0);
                let seen = (ArrivalState::Quarantined, Some("seen_before"), None);
                assert_eq!((row.state, row.reason.as_deref(), row.duplicate_of), seen, "{months}");
                assert!(rig.house.store.discard(row.id, "not wanted", "eva").await.unwrap());
            }
        } else {
            assert_eq!(last, (ArrivalState::Received, None, false), "days later it is somebody who asks again");
        }
        rig.house.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_held_and_released_is_known_for_good_too() {
    let rig = Rig::open(&[("x", "hmac", TOKEN, "per_minute = 6")]).await;
    let send = |message: &str| {
        let body = json!({"email": "eva@w.example", "message": message}).to_string();
        let signature = format!("sha256={}", hmac_hex(TOKEN.as_bytes(), body.as_bytes()));
        rig.post("x", "application/json", &[("x-signature", &signature)], body.as_bytes()).status
    };
    for message in ["1", "2", "3", "4", "5", "6", "held"] {
        assert_eq!(send(message), 200);
    }
    let held = rig.house.arrivals().await.remove(0);
    assert_eq!(held.reason.as_deref(), Some("hook_rate_limit"));
    assert!(rig.house.store.requeue(held.id, &[ArrivalState::Quarantined], true, "eva").await.unwrap());
    later(&rig, Duration::from_hours(24 * 30));
    let seen = |row: &ArrivalRow| row.duplicate_of.is_none() && row.reason.as_deref() == Some("seen_before");
    // There is room again by the clock of the machine; until then it is held for want of it.
    wait::until("a copy is looked at", wait::LONG, || {
        assert_eq!(send("held"), 200);
        let last = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async { rig.house.arrivals().await.remove(0) })
        });
        assert_ne!(last.state, ArrivalState::Received, "it is not believed");
        seen(&last)
    });
    rig.house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dated_request_is_remembered_for_longer_than_its_time_is_believed() {
    let rig = Rig::open(&[("x", "stripe-style", TOKEN, "duplicate_window_seconds = 60")]).await;
    let body = "{\"email\":\"eva@w.example\"}";
    let stamped = rig.house.clock.now().seconds() + 299;
    let signature = hmac_hex(TOKEN.as_bytes(), format!("{stamped}.{body}").as_bytes());
    let header = format!("t={stamped},v1={signature}");
    let send = || rig.post("x", "application/json", &[("x-signature", &header)], body.as_bytes()).status;
    assert_eq!(send(), 200);
    later(&rig, Duration::from_secs(598));
    assert_eq!(send(), 200, "its time is still believed");
    assert!(kept(&rig).await[1].2, "and it is a repeat");
    later(&rig, Duration::from_secs(2));
    assert_eq!(send(), 401);
    rig.house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_is_none_where_the_operator_says_so() {
    let rig = Rig::open(&[("x", "hmac", TOKEN, "duplicate_window_seconds = 0")]).await;
    let body = b"{\"email\":\"eva@w.example\"}";
    let signature = format!("sha256={}", hmac_hex(TOKEN.as_bytes(), body));
    for _ in 0..2 {
        assert_eq!(rig.post("x", "application/json", &[("x-signature", &signature)], body).status, 200);
    }
    assert!(kept(&rig).await.iter().all(|row| *row == (ArrivalState::Received, None, false)));
    rig.house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_in_a_body_with_half_a_character_is_found() {
    let rig = Rig::open(&[("x", "google-lead-form", "google-key-12345", "")]).await;
    let body = r#"{"google_key":"google-key-12345","lead_id":"l1","user_column_data":[{"column_id":"EMAIL","string_value":"a@w.example"},{"column_id":"FULL_NAME","string_value":"Eva \ud83d"}]}"#;
    assert_eq!(rig.post("x", "application/json", &[], body.as_bytes()).status, 200);
    let envelope = rig.house.newest().await;
    assert_eq!(understood(&rig.config, &envelope).1.emails[0].address, "a@w.example");
    rig.house.stop().await;
}

fn daemon(more: &str) -> Daemon {
    let hook = format!("[[hook]]\nid = \"x\"\nadapter = \"bearer\"\nsecret_file = \"secret\"\n{more}");
    Setup::new().contact_form().file("secret", TOKEN).tables(&hook).start()
}

fn deliver(daemon: &Daemon, body: &str) {
    let answer =
        daemon.public().request("POST", "/hooks/x", &[BEARER, ("content-type", "application/json")], body.as_bytes());
    assert_eq!(answer.unwrap().status, 200);
}

fn rows(daemon: &Daemon, args: &[&str]) -> Vec<Value> {
    let out = daemon.setup().run(args);
    String::from_utf8(out.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn an_unreadable_request_is_listed_and_becomes_a_lead_when_it_is_released() {
    let mut daemon = daemon("");
    deliver(&daemon, "{\"name\":\"Eva Malá\",\"email\":\"eva@w.example\"");
    let held = rows(&daemon, &["submissions", "list", "--state", "quarantined", "--json"]);
    assert_eq!(held[0]["reason"], "unreadable", "{held:?}");
    assert!(daemon.stderr().contains("put a proven request into quarantine (unreadable)"), "{}", daemon.stderr());
    let id = held[0]["id"].as_str().unwrap();
    assert_eq!(daemon.setup().run(&["submissions", "release", id]).status.code(), Some(0));
    let leads = || rows(&daemon, &["leads", "list", "--json"]);
    wait::until("it is a lead", wait::LONG, || leads().len() == 1);
    let lead = leads()[0]["id"].as_str().unwrap().to_owned();
    let shown = String::from_utf8(daemon.setup().run(&["leads", "show", &lead, "--json"]).stdout).unwrap();
    assert!(shown.contains("eva@w.example"), "{shown}");
    daemon.stop_cleanly();
}

#[test]
fn more_than_a_hook_takes_is_logged_counted_and_a_reason_of_readiness() {
    let mut daemon = daemon("per_minute = 1");
    let well = daemon.operator().get("/readyz").unwrap().text();
    assert!(!well.contains("per_minute"), "{well}");
    for n in 0..4 {
        deliver(&daemon, &format!("{{\"email\":\"a{n}@w{n}.example\"}}"));
    }
    let ready = daemon.operator().get("/readyz").unwrap();
    let said = "hook x takes more than its per_minute; 3 leads of the last minutes wait in quarantine";
    assert!(ready.status == 200 && ready.text().contains(said), "{}", ready.text());
    let metrics = daemon.operator().get("/metrics").unwrap().text();
    let counted = "pisteur_overflow_total{form=\"x\",reason=\"hook_rate_limit\"} 3";
    assert!(metrics.contains(counted), "{metrics}");
    // What an operator is told of outlives a change of something else.
    daemon.signal(Signal::Hup);
    wait::until("the rules are taken over", wait::LONG, || {
        daemon.stderr().contains("rules and configuration in force")
    });
    let ready = daemon.operator().get("/readyz").unwrap();
    assert!(ready.text().contains(said), "{}", ready.text());
    deliver(&daemon, "{\"email\":\"late@w.example\"}");
    let held = rows(&daemon, &["submissions", "list", "--state", "quarantined", "--json"]);
    assert_eq!(held.len(), 4, "the room of the minute is used up still");
    let log = daemon.stderr();
    assert_eq!(
        log.matches("put a proven request into quarantine (hook_rate_limit)").count(),
        1,
        "once a minute: {log}"
    );
    daemon.stop_cleanly();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_inside_the_body_is_no_field() {
    let verify = "verify = { kind = \"body\", path = \"auth.key\" }";
    for adapter in ["bearer", "hmac", "secret-address", "basic", "stripe-style"] {
        let rig = Rig::open(&[("x", adapter, TOKEN, verify)]).await;
        let body = json!({"auth": {"key": TOKEN, "who": "shop"}, "email": "eva@w.example", "size": "3"}).to_string();
        assert_eq!(rig.post("x", "application/json", &[], body.as_bytes()).status, 200, "{adapter}");
        let (_, submission, enquiry) = rig.newest().await;
        assert!(!format!("{submission:?}{enquiry:?}").contains(TOKEN), "{adapter}: {submission:?}");
        let custom: Vec<_> = enquiry.custom.iter().map(|c| format!("{}={}", c.name, c.value)).collect();
        assert_eq!(custom, ["auth[who]=shop", "size=3"], "{adapter}");
        rig.house.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producers_test_button_makes_a_lead_each_time_and_hides_none() {
    let rig = Rig::open(&[("x", "google-lead-form", "google-key-12345", "")]).await;
    let send = |test: bool| {
        let body = json!({"google_key": "google-key-12345", "lead_id": "TeSter-1", "is_test": test,
            "user_column_data": [{"column_id": "EMAIL", "string_value": "test@w.example"}]});
        assert_eq!(post_plain(&rig, &body.to_string()), 200);
    };
    send(true);
    send(true);
    later(&rig, Duration::from_hours(24));
    send(true);
    send(false);
    let repeats: Vec<bool> = kept(&rig).await.into_iter().map(|(_, _, repeat)| repeat).collect();
    assert_eq!(repeats, [false, true, false, false]);
    rig.house.stop().await;
}

fn post_plain(rig: &Rig, body: &str) -> u16 {
    rig.post("x", "application/json", &[], body.as_bytes()).status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declared_consent_of_a_hook_is_kept_with_its_text_and_a_doubtful_one_is_no_yes() {
    let consent = "[[hook.consent]]\nfield = \"news\"\npurpose = \"newsletter\"\ntext = { en = \"Send me news\" }\n";
    let rig = Rig::open(&[("x", "bearer", TOKEN, consent)]).await;
    for (n, (value, given)) in [("Send me news", true), ("maybe", false)].into_iter().enumerate() {
        let body = json!({"email": format!("a{n}@w.example"), "news": value, "gdpr_consent": "nee"}).to_string();
        assert_eq!(post(&rig, body.as_bytes()), 200);
        let (_, _, enquiry) = rig.newest().await;
        let declared = enquiry.consents.iter().find(|c| c.purpose == "newsletter").expect("the declared one");
        assert_eq!((declared.given, declared.text.as_deref()), (given, Some("Send me news")), "{value}");
        assert!(enquiry.consents.iter().filter(|c| c.purpose != "newsletter").all(|c| !c.given), "{enquiry:?}");
    }
    rig.house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_typed_beside_the_choices_is_read_with_them() {
    use base64::Engine as _;
    let rig = Rig::open(&[("x", "typeform", TOKEN, "")]).await;
    let field = |id: &str| json!({"id": id, "ref": id, "type": "multiple_choice"});
    let body = json!({"event_type": "form_response", "form_response": {"token": "t1",
        "definition": {"fields": [{"id": "c", "title": "Colours"}, {"id": "s", "title": "Size"}, {"id": "e", "title": "Mail"}]},
        "answers": [
            {"type": "choices", "choices": {"ids": ["1", "2"], "labels": ["Red", "Blue"], "refs": ["r", "b"], "other": "teal"}, "field": field("c")},
            {"type": "choice", "choice": {"id": "other", "other": "huge"}, "field": field("s")},
            {"type": "email", "email": "eva@w.example", "field": field("e")},
        ]}})
    .to_string();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, TOKEN.as_bytes());
    let signature = base64::engine::general_purpose::STANDARD.encode(ring::hmac::sign(&key, body.as_bytes()).as_ref());
    let header = ("typeform-signature", format!("sha256={signature}"));
    let answer = rig.post("x", "application/json", &[(header.0, header.1.as_str())], body.as_bytes());
    assert_eq!(answer.status, 200);
    let (_, _, enquiry) = rig.newest().await;
    let custom: Vec<_> = enquiry.custom.iter().map(|c| format!("{}={}", c.name, c.value)).collect();
    assert_eq!(custom, ["Colours=Red", "Colours=Blue", "Colours=teal", "Size=huge"]);
    rig.house.stop().await;
}
