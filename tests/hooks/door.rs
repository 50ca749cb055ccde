//! The door itself: order of refusals, handshakes, several leads, tests, secrets, limits.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;

use pisteur::domain::envelope::ArrivalState;
use pisteur::intake::form::FormSet;
use serde_json::json;

use super::rig::{Fixture, Rig, pairs, understood};
use crate::support::daemon::Setup;
use crate::support::wait;

const TOKEN: &str = "a-shared-secret-of-the-shop";
const BEARER: (&str, &str) = ("authorization", "Bearer a-shared-secret-of-the-shop");

async fn bearer() -> Rig {
    Rig::open(&[("x", "bearer", TOKEN, "")]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_come_in_their_order_and_before_the_journal() {
    let rig = bearer().await;
    let http = rig.house.http;
    let send = |method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]| {
        http.request(method, path, headers, body).unwrap()
    };
    let json = ("content-type", "application/json");
    assert_eq!(send("POST", "/hooks/nobody", &[], b"{").status, 404);
    assert_eq!(send("POST", "/hooks/%FF", &[], b"{").status, 404);
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let answer = send(method, "/hooks/x", &[BEARER, json], b"{}");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method}");
    }
    let large = vec![b'x'; (1 << 20) + 1];
    assert_eq!(send("POST", "/hooks/x", &[json], &large).status, 413, "before the proof");
    assert_eq!(send("POST", "/hooks/x", &[("content-type", "application/xml")], b"<x/>").status, 415);
    for encoding in ["gzip", "br", "deflate", "identity, gzip"] {
        let answer = send("POST", "/hooks/x", &[BEARER, json, ("content-encoding", encoding)], b"{}");
        assert_eq!(answer.status, 415, "{encoding}");
    }
    assert_eq!(send("POST", "/hooks/x", &[json], b"{broken").status, 401, "without proof nothing is parsed");
    let answer = send("POST", "/hooks/x", &[BEARER, json], b"");
    assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("malformed")));
    assert!(rig.house.arrivals().await.is_empty());
    assert_eq!(
        send("POST", "/hooks/x", &[BEARER, json, ("content-encoding", "identity")], b"{\"email\":\"a@w.example\"}")
            .status,
        200
    );
    assert_eq!(rig.house.arrivals().await.len(), 1);
    rig.house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hook_switched_off_is_gone() {
    let rig = Rig::open(&[("x", "bearer", TOKEN, "enabled = false")]).await;
    assert_eq!(rig.post("x", "application/json", &[BEARER], b"{}").status, 410);
    assert!(rig.house.arrivals().await.is_empty());
    rig.house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_that_comes_twice_proves_nothing() {
    let rig = bearer().await;
    let answer = rig.post("x", "application/json", &[BEARER, ("authorization", "Bearer other")], b"{}");
    assert_eq!(answer.status, 401);
    assert!(rig.house.arrivals().await.is_empty());
    rig.house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_keeps_failing_is_told_to_wait_also_with_a_right_guess_but_not_with_a_signature() {
    let rig = Rig::open(&[("x", "bearer", TOKEN, ""), ("s", "hmac", TOKEN, "")]).await;
    let body = b"{\"email\":\"a@w.example\"}";
    let statuses: Vec<u16> = (0..70).map(|_| rig.post("x", "application/json", &[], b"{}").status).collect();
    assert_eq!((statuses.first(), statuses.last()), (Some(&401), Some(&429)));
    let right = || rig.post("x", "application/json", &[BEARER], body);
    wait::until("a right guess has to wait, too", wait::LONG, || {
        rig.post("x", "application/json", &[], b"{}");
        let answer = right();
        answer.status == 429 && answer.header("retry-after").is_some()
    });
    rig.post("s", "application/json", &[], b"{}");
    let signature = signed(TOKEN, "{\"email\":\"a@w.example\"}");
    assert_eq!(rig.post("s", "application/json", &[("x-signature", &signature)], body).status, 200);
    wait::until("its time comes", wait::LONG, || right().status == 200);
    rig.house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_request_is_proven_taken_apart_and_read_as_a_small_one() {
    let rig = bearer().await;
    let body = json!({"email": "a@w.example", "message": "x".repeat(300_000)}).to_string();
    assert_eq!(rig.post("x", "application/json", &[], body.as_bytes()).status, 401);
    assert!(rig.house.arrivals().await.is_empty());
    assert_eq!(rig.post("x", "application/json", &[BEARER], body.as_bytes()).status, 200);
    let (envelope, _, enquiry) = rig.newest().await;
    assert_eq!((envelope.raw.len(), enquiry.message.len()), (body.len(), 300_000));
    rig.house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_above_the_limit_of_a_hook_waits_in_quarantine() {
    let rig = Rig::open(&[("x", "bearer", TOKEN, "per_minute = 2")]).await;
    for n in 0..3 {
        let body = format!("{{\"email\":\"a{n}@w.example\"}}");
        assert_eq!(rig.post("x", "application/json", &[BEARER], body.as_bytes()).status, 200);
    }
    let arrivals = rig.house.arrivals().await;
    let states: Vec<_> = arrivals.iter().map(|row| (row.state, row.reason.as_deref())).collect();
    assert_eq!(states[0], (ArrivalState::Quarantined, Some("hook_rate_limit")));
    assert_eq!(states[1..], [(ArrivalState::Received, None), (ArrivalState::Received, None)]);
    rig.house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limits_in_hand_are_those_of_the_public_listener() {
    let rig = bearer().await;
    let mut limits = rig.config.limits.clone();
    limits.in_hand = 0;
    rig.house.forms.store(Arc::new(FormSet::new(&[], &limits, &rig.config.http)));
    let answer = rig.post("x", "application/json", &[BEARER], b"{}");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("30")));
    rig.house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn meta_and_linkedin_are_answered_at_the_hooks_own_address() {
    let verify = "verify_token_file = \"VERIFY\"";
    let rig = Rig::open(&[("meta", "meta-lead-ads", TOKEN, verify), ("li", "linkedin-lead-gen", "secret", "")]).await;
    let get = |path: &str| rig.house.http.get(path).unwrap();
    let answer = get("/hooks/meta?hub.mode=subscribe&hub.verify_token=verify-me&hub.challenge=1158201444");
    assert_eq!((answer.status, answer.text().as_str()), (200, "1158201444"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(get("/hooks/meta?hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=1").status, 401);
    assert_eq!(get("/hooks/meta?hub.mode=subscribe&hub.verify_token=verify-me&hub.challenge=%3Cb%3E").status, 400);
    assert_eq!(get("/hooks/meta").status, 400);
    let code = "890e4665-4dfe-4ab1-b689-ed553bceeed0";
    let answer = get(&format!("/hooks/li?challengeCode={code}"));
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({"challengeCode": code, "challengeResponse": "9585d359e64d6a2013e0cf377f702b7141313246286c6891f22e3bfcc3938f65"})
    );
    let oracle = get("/hooks/li?challengeCode=hmacsha256%3D%7B%22a%22%3A1%7D");
    assert_eq!(oracle.status, 400);
    assert!(!oracle.text().contains("f2d9a5026c4b83880f40f6453d1467f17be0e906ea8841d7ba8a4560f8220fd6"));
    assert!(rig.house.arrivals().await.is_empty());
    rig.house.stop().await;
}

fn signed(secret: &str, body: &str) -> String {
    format!("sha256={}", pisteur::domain::hooks::verify::hmac_hex(secret.as_bytes(), body.as_bytes()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_with_several_leads_is_several_arrivals_and_a_mixed_redelivery_only_adds_the_new_one() {
    let rig = Rig::open(&[("m", "meta-lead-ads", TOKEN, "verify_token_file = \"VERIFY\"")]).await;
    let change = |id: serde_json::Value| json!({"field": "leadgen", "value": {"leadgen_id": id, "form_id": 7}});
    let post = |ids: &[serde_json::Value]| {
        let changes: Vec<_> = ids.iter().cloned().map(change).collect();
        let body = json!({"object": "page", "entry": [
            {"id": "1", "changes": [changes[0].clone(), {"field": "feed", "value": {"x": 1}}]},
            {"id": "2", "changes": changes[1..]},
        ]})
        .to_string();
        let answer =
            rig.post("m", "application/json", &[("x-hub-signature-256", &signed(TOKEN, &body))], body.as_bytes());
        assert_eq!(answer.status, 200);
    };
    post(&[json!(11), json!("12"), json!(13)]);
    let arrivals = rig.house.arrivals().await;
    assert_eq!(arrivals.len(), 4, "three leads, and what is no lead");
    let ids: Vec<_> = arrivals.iter().rev().map(|row| row.id).collect();
    let stored = rig.house.store.load(&ids).await.unwrap();
    let read: Vec<_> = stored.iter().map(|e| understood(&rig.config, e).0).collect();
    let fetches: Vec<_> = read.iter().filter_map(|submission| submission.to_fetch.as_deref()).collect();
    assert_eq!(fetches, ["11", "12", "13"]);
    assert_eq!(read[1].flags, ["other_event"]);
    for (n, envelope) in stored.iter().enumerate() {
        let raw = String::from_utf8_lossy(&envelope.raw);
        let ids = ["\"11\"", "\"12\"", "\"13\""].iter().filter(|id| raw.contains(**id)).count();
        assert_eq!(ids, usize::from(n != 1), "each has nothing of the others: {raw}");
    }
    post(&[json!("11"), json!(12), json!(14)]);
    let arrivals = rig.house.arrivals().await;
    let new = arrivals.iter().filter(|row| row.duplicate_of.is_none());
    let new: Vec<_> = new.map(|row| row.id).collect();
    let new = rig.house.store.load(&new).await.unwrap();
    let fetches = new.iter().filter(|e| understood(&rig.config, e).0.to_fetch.is_some()).count();
    assert_eq!(fetches, 4);
    assert_eq!(arrivals.len(), 8, "repeats are kept too");
    rig.house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_kind_of_event_is_kept_and_is_no_lead() {
    let rig = Rig::open(&[("t", "typeform", TOKEN, "")]).await;
    let body = json!({"event_id": "1", "event_type": "form_partial", "form_response": {"token": "t1"}}).to_string();
    let signature = {
        use base64::Engine as _;
        let hex = pisteur::domain::hooks::verify::hmac_hex(TOKEN.as_bytes(), body.as_bytes());
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
        format!("sha256={}", base64::engine::general_purpose::STANDARD.encode(bytes))
    };
    assert_eq!(rig.post("t", "application/json", &[("typeform-signature", &signature)], body.as_bytes()).status, 200);
    let (_, submission, _) = rig.newest().await;
    assert_eq!(submission.flags, ["other_event"]);
    rig.house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_secret_changes_both_are_good() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("new"), "the-new-secret").unwrap();
    std::fs::write(path("old"), "the-old-secret").unwrap();
    let text =
        format!("[[hook]]\nid = \"x\"\nadapter = \"hmac\"\nsecret_file = [\"{}\", \"{}\"]\n", path("new"), path("old"));
    let config = super::rig::read(&text).unwrap();
    let house =
        crate::forms::house::House::open(crate::forms::house::Plan { config: config.clone(), ..Default::default() })
            .await;
    for (secret, status) in [("the-new-secret", 200), ("the-old-secret", 200), ("an-older-secret", 401)] {
        let body = format!("{{\"email\":\"{secret}@w.example\"}}");
        let headers = [("x-signature", signed(secret, &body)), ("content-type", "application/json".to_owned())];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        assert_eq!(
            house.http.request("POST", "/hooks/x", &headers, body.as_bytes()).unwrap().status,
            status,
            "{secret}"
        );
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_proof_and_other_paths_come_from_the_configuration() {
    let more = "lead_id = \"meta.ref\"\nduplicate_window_seconds = 0\n\
                verify = { header = \"X-Shop\", prefix = \"v0=\", algorithm = \"sha512\", encoding = \"base64\" }\n\
                paths = { company = \"who.firm\", email = [\"who.none\", \"who.mail\"] }\n\
                field = [{ name = \"who[size]\", canonical = \"quantity\" }]\ntitle = \"Shop\"\nlanguage = \"cs\"";
    let rig = Rig::open(&[("x", "hmac", TOKEN, more)]).await;
    let body = r#"{"meta":{"ref":77},"who":{"firm":"Pila s.r.o.","mail":"pila@pila.example","size":4}}"#;
    let tag = ring_sha512(TOKEN, body);
    assert_eq!(rig.post("x", "application/json", &[("x-shop", &format!("v0={tag}"))], body.as_bytes()).status, 200);
    let (envelope, _, enquiry) = rig.newest().await;
    assert_eq!(rig.house.store.known_key("hook:x:77").await.unwrap(), Some(envelope.id));
    assert_eq!(enquiry.organisation.name.as_deref(), Some("Pila s.r.o."));
    assert_eq!(enquiry.emails[0].address, "pila@pila.example");
    assert_eq!((enquiry.topic.as_deref(), enquiry.language.as_deref()), (Some("Shop"), Some("cs")));
    assert!(enquiry.custom.iter().any(|c| c.name == "quantity" && c.value == "4"), "{:?}", enquiry.custom);
    rig.house.stop().await;
}

fn ring_sha512(key: &str, body: &str) -> String {
    use base64::Engine as _;
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA512, key.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(ring::hmac::sign(&key, body.as_bytes()).as_ref())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_in_the_address_is_not_written_down() {
    let secret = "c0ffee00c0ffee00c0ffee00c0ffee00";
    let rig = Rig::open(&[("x", "secret-address", secret, "")]).await;
    let address = format!("x?key={secret}&utm_source=partner");
    assert_eq!(rig.post(&address, "application/json", &[], b"{\"email\":\"a@w.example\"}").status, 200);
    let (envelope, _, enquiry) = rig.newest().await;
    assert!(!format!("{:?}", envelope.context).contains(secret));
    assert_eq!(enquiry.attribution.source.as_deref(), Some("partner"));
    rig.house.stop().await;
}

/// A daemon with one hook `x`.
fn daemon(adapter: &str, secret: &str, more: &str) -> Setup {
    let setup = Setup::new().contact_form().file("secret", secret);
    let setup = setup.file("verify", "verify-me").file("token", "EAAB-page-token-of-the-shop");
    setup.tables(&format!("[[hook]]\nid = \"x\"\nadapter = \"{adapter}\"\nsecret_file = \"secret\"\n{more}"))
}

#[test]
fn a_test_lead_of_google_becomes_a_record_that_nobody_owns_and_nobody_is_told_of() {
    let receiver = crate::support::webhook::WebhookReceiver::start();
    let told = format!(
        "[[delivery.webhook]]\nid = \"crm\"\nurl = \"{}\"\nsecret_file = \"whsec\"\nallow_http = true\nallow_private = [\"127.0.0.0/8\"]",
        receiver.url("/crm")
    );
    let setup =
        daemon("google-lead-form", "google-key-12345", "").file("whsec", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let mut daemon = setup.tables(&told).start();
    let fixture = Fixture::named("google-lead-form");
    let real = fixture.body.clone();
    let test = real.replace("\"is_test\": false", "\"is_test\": true");
    assert_ne!(real, test);
    let send = |body: &str| daemon.public().post("/hooks/x", "application/json", body.as_bytes()).unwrap().status;
    let leads = || -> Vec<serde_json::Value> {
        let out = daemon.setup().run(&["leads", "list", "--json"]);
        String::from_utf8(out.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    };
    assert_eq!(send(&test), 200);
    wait::until("the test lead is there", wait::LONG, || leads().len() == 1);
    let id = leads()[0]["id"].as_str().unwrap().to_owned();
    let shown = String::from_utf8(daemon.setup().run(&["leads", "show", &id, "--json"]).stdout).unwrap();
    assert!(shown.contains("\"test\""), "{shown}");
    assert!(leads()[0]["owner"].is_null(), "{shown}");
    assert_eq!(send(&real), 200);
    wait::until("the real lead is another one", wait::LONG, || leads().len() == 2);
    wait::until("the receiver is told of the real lead", wait::LONG, || !receiver.requests().is_empty());
    assert!(
        receiver.requests().iter().all(|r| !String::from_utf8_lossy(&r.body).contains(&id)),
        "nobody hears of a test"
    );
    daemon.stop_cleanly();
}

#[test]
fn a_raw_mail_needs_no_mailbox() {
    let fixture = Fixture::named("mime");
    let mut daemon = daemon("mime", &fixture.secret, "").start();
    let mut headers = pairs(&fixture.headers);
    headers.push(("content-type", "message/rfc822"));
    for _ in 0..2 {
        let answer = daemon.public().request("POST", "/hooks/x", &headers, fixture.body.as_bytes()).unwrap();
        assert_eq!(answer.status, 200);
    }
    let leads = || String::from_utf8(daemon.setup().run(&["leads", "list", "--json"]).stdout).unwrap();
    wait::until("the mail is a lead", wait::LONG, || leads().lines().count() == 1);
    assert!(leads().contains("olga@mala.example"));
    daemon.stop_cleanly();
}

#[test]
fn explain_parse_and_replay_read_a_stored_request_as_production_did() {
    let fixture = Fixture::named("tally");
    let setup = daemon("tally", &fixture.secret, "").file("tally.json", &fixture.body);
    let mut daemon = setup.start();
    let mut headers = pairs(&fixture.headers);
    headers.push(("content-type", "application/json"));
    assert_eq!(daemon.public().request("POST", "/hooks/x", &headers, fixture.body.as_bytes()).unwrap().status, 200);
    let run = |args: &[&str]| String::from_utf8(daemon.setup().run(args).stdout).unwrap();
    wait::until("the lead is there", wait::LONG, || run(&["leads", "list", "--json"]).lines().count() == 1);
    let arrival: serde_json::Value =
        serde_json::from_str(run(&["submissions", "list", "--json"]).lines().next().unwrap()).unwrap();
    assert_eq!(arrival["channel"], "webhook");
    let explained = run(&["explain", arrival["id"].as_str().unwrap(), "--json"]);
    assert!(explained.contains("emile@pompes.example") && explained.contains("Training"), "{explained}");
    let parsed = run(&["parse", "tally.json", "--intake", "x", "--json"]);
    assert!(parsed.contains("emile@pompes.example") && parsed.contains("Training"), "{parsed}");
    let replayed = run(&["replay", "--since", "2000-01-01", "--dry-run"]);
    assert!(!replayed.contains("quarantined"), "{replayed}");
    daemon.stop_cleanly();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_proven_itself_has_as_many_large_bodies_on_the_way_as_it_likes() {
    let rig = bearer().await;
    let mut http = rig.config.http.clone();
    http.trusted_proxies = vec!["127.0.0.1".to_owned()];
    let limits = rig.config.limits.clone();
    rig.house.forms.store(Arc::new(FormSet::new(&[], &limits, &http)));
    let from = ("x-forwarded-for", "203.0.113.9");
    let large = |name: &str| json!({"email": format!("{name}@w.example"), "message": "x".repeat(200_000)}).to_string();
    let send = |name: &str| rig.post("x", "application/json", &[BEARER, from], large(name).as_bytes()).status;
    let begin = || {
        let mut line = TcpStream::connect(rig.house.http.addr).unwrap();
        let (body, (name, address)) = (large("slow"), from);
        let head = format!(
            "POST /hooks/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{name}: {address}\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        line.write_all(head.as_bytes()).unwrap();
        line.write_all(&body.as_bytes()[..150_000]).unwrap();
        line
    };
    let coming = |bodies: usize| {
        let forms = rig.house.forms.load_full();
        wait::until("so much lies on the disk", wait::LONG, || {
            limits.uploads_bytes - forms.uploads.disk_left() >= bodies * 140_000
        });
    };
    let mut lines: Vec<TcpStream> = (0..8).map(|_| begin()).collect();
    coming(8);
    assert_eq!(send("ninth"), 503, "a stranger has eight");
    assert_eq!(rig.post("x", "application/json", &[BEARER, from], b"{\"email\":\"a@w.example\"}").status, 200);
    assert_eq!(send("tenth"), 200, "it has proven itself");
    lines.extend((0..4).map(|_| begin()));
    coming(12);
    assert_eq!(send("another"), 200);
    drop(lines);
    rig.house.stop().await;
}
