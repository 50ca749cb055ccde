//! The captcha: our own challenge and the services, each solved, left out, wrong, sent twice, and away. (S47)

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use pisteur::clock::Clock;
use pisteur::config::CaptchaConfig;
use pisteur::config::screening::CaptchaAway;
use pisteur::domain::envelope::ArrivalState;
use pisteur::domain::screening::Verdict;
use pisteur::intake::form::Gate;
use serde_json::{Value, json};
use sha2::Sha256;

use super::house::{House, Plan};
use super::screening::BROWSER;
use crate::support::http::Answer;
use crate::support::webhook::{Received, Reply, WebhookReceiver};

fn post(house: &House, fields: &[(&str, &str)]) -> Answer {
    house.http.post_form_with("/f/contact", fields, &BROWSER).unwrap()
}

async fn last(house: &House) -> (ArrivalState, Option<String>, Verdict) {
    let row = house.arrivals().await.remove(0);
    (row.state, row.reason, house.newest().await.context.screening.map_or(Verdict::Clean, |said| said.verdict))
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

/// Solves a challenge as a browser does (RFC 8018), and packs the answer for the field.
pub fn solve(challenge: &Value) -> String {
    let parameters = &challenge["parameters"];
    let part = |name: &str| unhex(parameters[name].as_str().unwrap());
    let (nonce, salt, prefix) = (part("nonce"), part("salt"), part("keyPrefix"));
    let cost = parameters["cost"].as_u64().unwrap();
    let derive = |counter: u32| {
        let password = [&nonce[..], &counter.to_be_bytes()].concat();
        let prf = |data: &[u8]| {
            let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&password).unwrap();
            mac.update(data);
            mac.finalize().into_bytes()
        };
        let mut round = prf(&[&salt[..], &1_u32.to_be_bytes()].concat());
        let mut key = round;
        for _ in 1..cost {
            round = prf(&round);
            key.iter_mut().zip(round).for_each(|(k, r)| *k ^= r);
        }
        key
    };
    let (counter, key) = (0..100_000).map(|n| (n, derive(n))).find(|(_, key)| key.starts_with(&prefix)).unwrap();
    let derived: String = key
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|half| char::from_digit(half.into(), 16))
        .collect();
    STANDARD.encode(
        json!({ "challenge": challenge, "solution": { "counter": counter, "derivedKey": derived } }).to_string(),
    )
}

fn altcha() -> Plan {
    let mut plan = Plan::form(|form| form.captcha = Some("altcha".into()));
    plan.captcha = CaptchaConfig { altcha_cost: 3, altcha_tries: 20, ..CaptchaConfig::default() };
    plan
}

fn challenge(house: &House, form: &str) -> Value {
    let answer = house.http.get(&format!("/f/{form}/challenge")).unwrap();
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")), "{}", answer.text());
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    answer.json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s47_a_solved_challenge_passes_once_and_nothing_else_does() {
    let mut plan = altcha();
    plan.forms.push(pisteur::config::FormConfig { id: "quote".into(), ..plan.forms[0].clone() });
    let house = House::open(plan).await;
    let given = challenge(&house, "contact");
    assert!(given["parameters"]["keySignature"].is_string() && given["parameters"]["expiresAt"].is_i64(), "{given}");
    let good = solve(&given);
    assert_eq!(post(&house, &[("message", "hi"), ("altcha", &good)]).status, 200);
    assert_eq!(last(&house).await, (ArrivalState::Received, None, Verdict::Clean));
    let mut longer = challenge(&house, "contact");
    longer["parameters"]["expiresAt"] = json!(2_000_000_000);
    let mut wrong = challenge(&house, "contact");
    wrong["parameters"]["data"]["formId"] = json!("quote");
    let refused = [
        ("spent", good.clone(), "captcha_failed"),
        ("made to last", solve(&longer), "captcha_failed"),
        ("moved to another form", solve(&wrong), "captcha_failed"),
        ("of another form", solve(&challenge(&house, "quote")), "captcha_failed"),
        ("nonsense", "e30=".to_owned(), "captcha_failed"),
        ("left out", String::new(), "captcha_missing"),
        ("blank", "  ".to_owned(), "captcha_missing"),
    ];
    for (what, token, reason) in refused {
        let answer = post(&house, &[("message", what), ("altcha", &token)]);
        let said = answer.json();
        assert_eq!(
            (answer.status, said["error"].as_str(), said["ok"].as_bool()),
            (403, Some(reason), Some(false)),
            "{what}"
        );
        assert_eq!(said["errors"][0]["code"], "BLOCKED", "{what}");
        let (state, kept, _) = last(&house).await;
        assert_eq!((state, kept.as_deref()), (ArrivalState::Quarantined, Some(reason)), "{what}: kept, not lost");
    }
    let late = solve(&challenge(&house, "contact"));
    house.clock.set(house.clock.now().after(Duration::from_secs(1_201)));
    assert_eq!(post(&house, &[("message", "late"), ("altcha", &late)]).status, 403, "expired");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s47_no_encoding_and_no_address_of_a_form_goes_round_the_captcha() {
    let mut plan = altcha();
    plan.forms[0].public_id = Some("abcdef".into());
    plan.forms[0].allow_files = true;
    let house = House::open(plan).await;
    let multipart = b"--B\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\nmp\r\n--B--\r\n";
    let bodies: [(&str, &[u8]); 3] = [
        ("application/x-www-form-urlencoded", b"message=ue&captcha_required=false"),
        ("multipart/form-data; boundary=B", multipart),
        ("application/json", b"{\"message\":\"js\",\"altcha\":null,\"captcha\":\"none\"}"),
    ];
    for accept in ["application/json", "text/html"] {
        for (kind, body) in bodies {
            for path in ["/f/abcdef", "/f/abcdef?captcha=none", "/f/contact"] {
                let headers = [("content-type", kind), ("accept", accept)];
                let status = house.http.request("POST", path, &headers, body).unwrap().status;
                assert_eq!(status, if path == "/f/contact" { 404 } else { 403 }, "{path} {kind}");
            }
        }
    }
    assert!(house.arrivals().await.iter().all(|row| row.state != ArrivalState::Received));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_double_click_and_a_retry_with_one_token_are_one_submission() {
    let house = House::open(altcha()).await;
    let token = solve(&challenge(&house, "contact"));
    let (http, sent) = (house.http, token.clone());
    let clicks: Vec<_> = (0..4)
        .map(|_| {
            let token = sent.clone();
            std::thread::spawn(move || http.post_form("/f/contact", &[("message", "hi"), ("altcha", &token)]).unwrap())
        })
        .collect();
    let ids: Vec<Value> = clicks.into_iter().map(|click| click.join().unwrap().json()["id"].clone()).collect();
    assert!(ids[0].is_string() && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    // A daemon that has just started remembers no click, and finds the token spent and the words known.
    let (store, clock) = (house.store.clone(), house.clock.clone());
    let gate = pisteur::intake::form::Gate::new(&CaptchaConfig::default(), &*clock).unwrap();
    gate.keys().settle(&*store, &*clock).await.unwrap();
    let door = pisteur::intake::form::FormDoor {
        journal: house.journal.clone(),
        gate: std::sync::Arc::new(gate),
        forms: std::sync::Arc::clone(&house.forms),
    };
    let second = house.also(door).await;
    let again = |message: &str| second.post_form("/f/contact", &[("message", message), ("altcha", &token)]).unwrap();
    assert_eq!(again("hi").json()["id"], ids[0], "a retry after the answer was lost");
    assert_eq!(again("other words").status, 403);
    assert_eq!(house.arrivals().await.iter().filter(|row| row.state == ArrivalState::Received).count(), 1);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s47_what_the_protocols_own_library_solves_passes() {
    let house = House::open(altcha()).await;
    let challenge: altcha::Challenge = serde_json::from_value(challenge(&house, "contact")).unwrap();
    let solution = altcha::solve_challenge(altcha::SolveChallengeOptions::new(&challenge)).unwrap().unwrap();
    let good = altcha::Payload { challenge: challenge.clone(), solution: solution.clone() };
    let derived_key = format!("{}00", &solution.derived_key[..solution.derived_key.len() - 2]);
    let bad = altcha::Payload { challenge, solution: altcha::Solution { derived_key, ..solution } };
    let send = |payload: &altcha::Payload| {
        let token = STANDARD.encode(serde_json::to_vec(payload).unwrap());
        post(&house, &[("message", "hi"), ("altcha", &token)]).status
    };
    assert_eq!((send(&bad), send(&good)), (403, 200));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s47_one_token_is_one_submission_whatever_key_it_comes_under() {
    let house = House::open(altcha()).await;
    let token = solve(&challenge(&house, "contact"));
    let send = |submission: &str| {
        post(&house, &[("message", "hi"), ("altcha", &token), ("_submission_id", submission)]).status
    };
    assert_eq!((send("one"), send("one"), send("two"), send("")), (200, 200, 403, 403));
    let headers = [BROWSER[0], BROWSER[1], ("idempotency-key", "three")];
    let other = house.http.post_form_with("/f/contact", &[("message", "hi"), ("altcha", &token)], &headers).unwrap();
    assert_eq!(other.status, 403);
    assert_eq!(house.arrivals().await.iter().filter(|row| row.state == ArrivalState::Received).count(), 1);
    house.stop().await;
    let mut plan = altcha();
    plan.forms[0].duplicate_window_seconds = 0;
    let house = House::open(plan).await;
    let token = solve(&challenge(&house, "contact"));
    let send = || post(&house, &[("message", "hi"), ("altcha", &token)]).status;
    assert_eq!((send(), send()), (200, 403), "where repeats are not recognised");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_again_after_the_challenge_has_ended_is_not_turned_away() {
    let house = House::open(altcha()).await;
    let token = solve(&challenge(&house, "contact"));
    let send = |message: &str| post(&house, &[("message", message), ("altcha", &token), ("_submission_id", "u1")]);
    let first = send("hi").json()["id"].clone();
    house.clock.set(house.clock.now().after(Duration::from_secs(1_201)));
    // A daemon that has just started has nothing but the journal to go by.
    let gate = pisteur::intake::form::Gate::new(&CaptchaConfig::default(), &*house.clock).unwrap();
    gate.keys().settle(&*house.store, &*house.clock).await.unwrap();
    let second = house
        .also(pisteur::intake::form::FormDoor {
            journal: house.journal.clone(),
            gate: std::sync::Arc::new(gate),
            forms: std::sync::Arc::clone(&house.forms),
        })
        .await;
    let again = |message: &str| {
        let fields = [("message", message), ("altcha", token.as_str()), ("_submission_id", "u1")];
        second.post_form_with("/f/contact", &fields, &BROWSER).unwrap()
    };
    assert_eq!(again("hi").json()["id"], first, "the answer was lost on the way");
    assert_eq!(again("something new").status, 403);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_that_changed_in_their_files_are_taken_over() {
    let double = WebhookReceiver::start();
    double.answer(Reply::json(&well("turnstile")));
    let folder = tempfile::tempdir().unwrap();
    let (service, signing) = (folder.path().join("service"), folder.path().join("signing"));
    std::fs::write(&service, "before").unwrap();
    std::fs::write(&signing, "a signing secret of good length, before").unwrap();
    let text = format!(
        "secret_file = \"{}\"\n[[provider]]\nid = \"service\"\nkind = \"turnstile\"\nurl = \"{}\"\nallow_http = true\n\
         allow_private = [\"127.0.0.0/8\"]\nsecret_file = \"{}\"\n",
        signing.display(),
        double.url("/siteverify"),
        service.display()
    );
    let mut plan = Plan::form(|form| form.captcha = Some("service".into()));
    plan.captcha = toml::from_str(&text).unwrap();
    let captcha = plan.captcha.clone();
    let house = House::open(plan).await;
    let send = |n: &str| post(&house, &[("message", n), ("cf-turnstile-response", n)]).status;
    let secret = || String::from_utf8_lossy(&double.requests().last().unwrap().body).contains("secret=after");
    assert_eq!((send("1"), secret()), (200, false));
    let stamp = house.gate.stamp("contact", house.clock.now());
    house.gate.take_over(Gate::prepare(&captcha).unwrap());
    assert_eq!(house.gate.stamp("contact", house.clock.now()), stamp, "nothing has changed");
    std::fs::write(&service, "after").unwrap();
    std::fs::write(&signing, "a signing secret of good length, after").unwrap();
    house.gate.take_over(Gate::prepare(&captcha).unwrap());
    assert_eq!((send("2"), secret()), (200, true));
    assert_ne!(house.gate.stamp("contact", house.clock.now()), stamp);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_visitors_is_no_outage_of_the_service() {
    let (house, double) = asking("turnstile", "", "s3cret", CaptchaAway::Quarantine).await;
    double.answer(Reply::json(&well("turnstile")));
    let http = house.http;
    let crowd: Vec<_> = (0..60)
        .map(|n| {
            std::thread::spawn(move || {
                let n = n.to_string();
                let fields = [("message", n.as_str()), ("cf-turnstile-response", n.as_str())];
                http.post_form_with("/f/contact", &fields, &BROWSER).unwrap().status
            })
        })
        .collect();
    assert!(crowd.into_iter().all(|visitor| visitor.join().unwrap() == 200));
    assert!(house.arrivals().await.iter().all(|row| row.state == ArrivalState::Received), "nobody was taken unasked");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spent_token_is_no_way_in_for_what_is_held_already() {
    let house = House::open(altcha()).await;
    let token = solve(&challenge(&house, "contact"));
    let send = |message: &str, token: &str| {
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let headers = [("idempotency-key", "order-1"), ("accept", "text/html"), kind];
        let pairs = [("message", message), ("altcha", token)];
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        house.http.request("POST", "/f/contact", &headers, body.as_bytes()).unwrap().status
    };
    assert_eq!(send("first", &token), 303);
    assert_eq!(send("spam", ""), 403);
    assert_eq!(send("spam", &token), 403, "held under the same words");
    assert_eq!(send("more spam", &token), 403, "under a known key");
    assert_eq!(house.arrivals().await.iter().filter(|row| row.state == ArrivalState::Received).count(), 1);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_optional_captcha_only_counts_and_the_page_keeps_what_was_typed() {
    let mut plan = altcha();
    plan.forms[0].captcha_required = false;
    let house = House::open(plan).await;
    assert_eq!(post(&house, &[("message", "without")]).status, 200);
    assert_eq!(last(&house).await, (ArrivalState::Received, None, Verdict::Clean));
    assert_eq!(post(&house, &[("message", "wrong"), ("altcha", "x")]).status, 200);
    assert_eq!(last(&house).await, (ArrivalState::Received, None, Verdict::Suspect));
    house.stop().await;
    let house = House::open(altcha()).await;
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
    let page = house.http.request("POST", "/f/contact?lang=fr", &headers, b"message=gard%C3%A9+ici").unwrap();
    assert_eq!(page.status, 403);
    assert!(page.text().contains("gardé ici") && page.text().contains("personne"), "{}", page.text());
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn challenges_are_for_open_forms_and_not_without_end() {
    let mut plan = altcha();
    plan.limits.challenges_per_minute = Some(3);
    plan.forms.push(pisteur::config::FormConfig { enabled: false, ..pisteur::config::FormConfig::named("closed") });
    let house = House::open(plan).await;
    assert_eq!(house.http.get("/f/none/challenge").unwrap().status, 404);
    assert_eq!(house.http.get("/f/closed/challenge").unwrap().status, 410);
    assert_eq!(house.http.request("POST", "/f/contact/challenge", &[], b"").unwrap().status, 405);
    assert_eq!(house.http.request("OPTIONS", "/f/contact/challenge", &[], b"").unwrap().status, 204);
    let nonces: Vec<Value> = (0..3).map(|_| challenge(&house, "contact")["parameters"]["nonce"].clone()).collect();
    assert!(nonces[0] != nonces[1] && nonces[1] != nonces[2]);
    let answer = house.http.get("/f/contact/challenge").unwrap();
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (429, Some("*")));
    assert!(answer.json()["retry_after"].is_u64() && answer.header("retry-after").is_some());
    assert_eq!(post(&house, &[("message", "hi")]).status, 403, "asking takes nothing from sending");
    house.stop().await;
}

// -- services ---------------------------------------------------------------------------------------------------------

/// A house with one service, asked at a double that answers as told.
async fn asking(kind: &str, more: &str, secret: &str, away: CaptchaAway) -> (House, WebhookReceiver) {
    let double = WebhookReceiver::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, secret).unwrap();
    let text = format!(
        "[[provider]]\nid = \"service\"\nkind = \"{kind}\"\nurl = \"{}\"\nallow_http = true\n\
         allow_private = [\"127.0.0.0/8\"]\nsecret_file = \"{}\"\nsite_key = \"site-1\"\n{more}\n",
        double.url("/siteverify"),
        file.display()
    );
    let mut plan = Plan::form(|form| {
        form.captcha = Some("service".into());
        form.screening.captcha_away = away;
    });
    plan.captcha = toml::from_str(&text).unwrap();
    (House::open(plan).await, double)
}

fn field(kind: &str) -> &'static str {
    match kind {
        "turnstile" => "cf-turnstile-response",
        "hcaptcha" => "h-captcha-response",
        "friendly_captcha" => "frc-captcha-response",
        _ => "g-recaptcha-response",
    }
}

fn well(kind: &str) -> Value {
    match kind {
        "friendly_captcha" => {
            json!({ "success": true, "data": { "challenge": { "origin": "https://www.example.com" } } })
        }
        "recaptcha_v3" => json!({ "success": true, "hostname": "www.example.com", "score": 0.9, "action": "contact" }),
        _ => json!({ "success": true, "hostname": "www.example.com", "action": "contact" }),
    }
}

const KINDS: [&str; 5] = ["turnstile", "hcaptcha", "recaptcha_v2", "recaptcha_v3", "friendly_captcha"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s47_every_service_is_asked_as_it_wants_and_its_answer_decides() {
    for kind in KINDS {
        let strict = "hostnames = [\"www.example.com\"]\naction = \"contact\"";
        let (house, double) = asking(kind, strict, "s3cret", CaptchaAway::Flag).await;
        let send = |message: &str, token: &str| post(&house, &[("message", message), (field(kind), token)]);
        double.answer(Reply::json(&well(kind)));
        assert_eq!(send("good", "token-1").status, 200, "{kind}");
        assert_eq!(last(&house).await, (ArrivalState::Received, None, Verdict::Clean), "{kind}");
        asked_properly(kind, &double.requests()[0]);
        let elsewhere = match kind {
            "friendly_captcha" => {
                json!({ "success": true, "data": { "challenge": { "origin": "https://evil.example" } } })
            }
            _ => json!({ "success": true, "hostname": "evil.example", "action": "contact", "score": 0.9 }),
        };
        let spent = match kind {
            "friendly_captcha" => json!({ "success": false, "error": { "error_code": "response_duplicate" } }),
            "hcaptcha" => json!({ "success": false, "error-codes": ["already-seen-response"] }),
            _ => json!({ "success": false, "error-codes": ["timeout-or-duplicate"] }),
        };
        let refused = match kind {
            "friendly_captcha" => json!({ "success": false, "error": { "error_code": "response_invalid" } }),
            _ => json!({ "success": false, "error-codes": ["invalid-input-response"] }),
        };
        for (n, answer) in [elsewhere, spent, refused].iter().enumerate() {
            double.answer(Reply::json(answer));
            assert_eq!(send(&format!("bad {n}"), &format!("bad-{n}")).status, 403, "{kind} {answer}");
            let (state, reason, _) = last(&house).await;
            assert_eq!((state, reason.as_deref()), (ArrivalState::Quarantined, Some("captcha_failed")), "{kind}");
        }
        if kind == "turnstile" || kind == "recaptcha_v3" {
            let mut other = well(kind);
            other["action"] = json!("login");
            double.answer(Reply::json(&other));
            assert_eq!(send("action", "token-2").status, 403, "{kind}: made for another action");
        }
        if kind == "recaptcha_v3" {
            let mut low = well(kind);
            low["score"] = json!(0.3);
            double.answer(Reply::json(&low));
            assert_eq!(send("low", "token-3").status, 200);
            assert_eq!(last(&house).await, (ArrivalState::Received, None, Verdict::Suspect));
        }
        let count = double.requests().len();
        assert_eq!(post(&house, &[("message", "none")]).status, 403, "{kind}: left out");
        assert_eq!(send("long", &"x".repeat(20_000)).status, 403, "{kind}: too long to be a token");
        assert_eq!(double.requests().len(), count, "nobody was asked for those");
        house.stop().await;
    }
}

fn asked_properly(kind: &str, request: &Received) {
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/siteverify"));
    if kind == "friendly_captcha" {
        assert_eq!(request.headers["x-api-key"], "s3cret");
        assert_eq!(request.json(), json!({ "response": "token-1", "sitekey": "site-1" }));
        return;
    }
    let pairs: Vec<(String, String)> = form_urlencoded::parse(&request.body).into_owned().collect();
    let mut wanted = vec![("secret".to_owned(), "s3cret".to_owned()), ("response".to_owned(), "token-1".to_owned())];
    if kind == "hcaptcha" {
        wanted.push(("sitekey".to_owned(), "site-1".to_owned()));
    }
    assert_eq!(pairs, wanted, "{kind}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_away_slow_or_strange_is_nobodys_fault_and_flagged() {
    let (house, double) = asking("turnstile", "", "s3cret", CaptchaAway::Flag).await;
    let broken = |status: u16, body: &[u8]| Reply { body: body.to_vec(), ..Reply::status(status) };
    let huge = format!("{{\"success\":true,\"x\":\"{}\"}}", "y".repeat(17 << 10));
    let answers = [
        broken(503, b"<html>"),
        broken(200, huge.as_bytes()),
        broken(500, br#"{"success": true}"#),
        Reply::json(&json!({ "success": "yes" })),
    ];
    for (n, answer) in answers.iter().enumerate() {
        let n = n.to_string();
        double.answer(answer.clone());
        assert_eq!(post(&house, &[("message", &n), ("cf-turnstile-response", &n)]).status, 200, "{n}");
        assert_eq!(last(&house).await, (ArrivalState::Received, None, Verdict::Unverified), "{n}");
    }
    assert!(house.gate.troubles(house.clock.now()).is_empty());
    double.answer(Reply::json(&well("turnstile")).after(Duration::from_secs(20)));
    assert_eq!(post(&house, &[("message", "slow"), ("cf-turnstile-response", "slow")]).status, 200);
    assert_eq!(last(&house).await.2, Verdict::Unverified, "waited for, but not for long");
    let asked = double.requests().len();
    assert!(house.gate.troubles(house.clock.now())[0].contains("captcha service does not answer"));
    assert_eq!(post(&house, &[("message", "next"), ("cf-turnstile-response", "next")]).status, 200);
    assert_eq!(last(&house).await.2, Verdict::Unverified);
    assert_eq!(double.requests().len(), asked, "it is left alone for a while");
    house.stop().await;

    let (house, double) = asking("hcaptcha", "", "s3cret", CaptchaAway::Quarantine).await;
    drop(double);
    assert_eq!(post(&house, &[("message", "hi"), ("h-captcha-response", "t")]).status, 200, "no oracle");
    let (state, reason, verdict) = last(&house).await;
    assert_eq!((state, reason.as_deref()), (ArrivalState::Quarantined, Some("captcha_away")));
    assert_eq!(verdict, Verdict::Unverified);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s47_a_token_of_another_website_is_no_outage_and_lets_nobody_in() {
    for (kind, code) in [
        ("hcaptcha", "sitekey-secret-mismatch"),
        ("turnstile", "bad-request"),
        ("recaptcha_v2", "bad-request"),
        ("friendly_captcha", "sitekey_invalid"),
        ("friendly_captcha", "bad_request"),
    ] {
        let (house, double) = asking(kind, "", "s3cret", CaptchaAway::Flag).await;
        let refused = match kind {
            "friendly_captcha" => json!({ "success": false, "error": { "error_code": code } }),
            _ => json!({ "success": false, "error-codes": [code] }),
        };
        double.answer(Reply::json(&refused));
        for n in 0..6 {
            let n = n.to_string();
            let answer = post(&house, &[("message", &n), (field(kind), &format!("foreign-{n}"))]);
            assert_eq!(answer.status, 403, "{kind} {code} {n}: {}", answer.text());
            let (state, reason, _) = last(&house).await;
            assert_eq!((state, reason.as_deref()), (ArrivalState::Quarantined, Some("captcha_failed")), "{kind} {n}");
        }
        assert_eq!(double.requests().len(), 6, "{kind}: every one of them was asked for");
        assert!(house.gate.troubles(house.clock.now()).is_empty(), "{kind}");
        double.answer(Reply::json(&well(kind)));
        assert_eq!(post(&house, &[("message", "honest"), (field(kind), "honest")]).status, 200, "{kind}");
        assert_eq!(last(&house).await.2, Verdict::Clean, "{kind}: others meet nothing of it");
        house.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_the_service_refuses_is_said_and_never_the_visitors_fault() {
    let (house, double) = asking("hcaptcha", "", "s3cret", CaptchaAway::Flag).await;
    double.answer(Reply::json(&json!({ "success": false, "error-codes": ["invalid-input-secret"] })));
    for n in 0..6 {
        let n = n.to_string();
        assert_eq!(post(&house, &[("message", &n), ("h-captcha-response", &n)]).status, 200);
        assert_eq!(last(&house).await, (ArrivalState::Received, None, Verdict::Unverified), "{n}");
    }
    assert_eq!(double.requests().len(), 6, "it answers, so it is asked");
    let troubles = house.gate.troubles(house.clock.now());
    assert!(troubles[0].contains("captcha service refuses our secret"), "{troubles:?}");
    double.answer(Reply::json(&well("hcaptcha")));
    assert_eq!(post(&house, &[("message", "set"), ("h-captcha-response", "set")]).status, 200);
    assert!(house.gate.troubles(house.clock.now()).is_empty());
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_posts_wait_for_a_service_once_and_together() {
    let (house, double) = asking("turnstile", "", "s3cret", CaptchaAway::Flag).await;
    double.answer(Reply::json(&well("turnstile")).after(Duration::from_secs(60)));
    let http = house.http;
    let clicks: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(move || {
                let fields = [("message", "slow"), ("cf-turnstile-response", "slow")];
                http.post_form_with("/f/contact", &fields, &BROWSER).unwrap().status
            })
        })
        .collect();
    assert!(clicks.into_iter().all(|click| click.join().unwrap() == 200));
    assert_eq!(double.requests().len(), 1, "nobody waited for an answer that another had waited for in vain");
    assert_eq!(last(&house).await.2, Verdict::Unverified);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_who_hangs_up_while_a_service_is_asked_is_written_down_all_the_same() {
    let (house, double) = asking("turnstile", "", "s3cret", CaptchaAway::Flag).await;
    double.answer(Reply::json(&well("turnstile")).after(Duration::from_secs(1)));
    let impatient = crate::support::http::Http { timeout: Duration::from_millis(300), ..house.http };
    let fields = [("message", "bye"), ("cf-turnstile-response", "t")];
    assert!(impatient.post_form("/f/contact", &fields).is_err(), "hung up before the answer");
    crate::support::wait::until_async("it is written down", Duration::from_secs(30), || async {
        !house.arrivals().await.is_empty()
    })
    .await;
    assert_eq!(last(&house).await, (ArrivalState::Received, None, Verdict::Clean));
    assert_eq!(post(&house, &fields).status, 200, "the retry repeats it");
    assert_eq!(double.requests().len(), 1);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_with_the_form_shows_its_service_and_no_other_page_does() {
    let (house, double) = asking("turnstile", "", "s3cret", CaptchaAway::Flag).await;
    double.answer(Reply::json(&json!({ "success": false, "error-codes": ["invalid-input-response"] })));
    let page = |method: &str, path: &str, body: &str| {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
        house.http.request(method, path, &headers, body.as_bytes()).unwrap()
    };
    let service = "https://challenges.cloudflare.com";
    let shows = |answer: &Answer| {
        let policy = answer.header("content-security-policy").unwrap().to_owned();
        let shown = answer.text().contains("class=\"cf-turnstile\" data-sitekey=\"site-1\"");
        assert_eq!(shown, policy.contains(service), "{policy}");
        shown
    };
    let with = [
        page("GET", "/f/contact?lang=fr", ""),
        page("GET", "/f/contact?embed=1", ""),
        page("GET", "/", ""),
        page("POST", "/f/contact", "message=missing"),
        page("POST", "/f/contact", "message=wrong&cf-turnstile-response=wrong"),
    ];
    for (n, answer) in with.iter().enumerate() {
        assert!(shows(answer), "{n}: {} {}", answer.status, answer.text());
    }
    assert!(!with[4].text().contains("name=\"cf-turnstile-response\""), "a spent token is not sent again");
    for path in ["/f/contact/thanks", "/f/none"] {
        assert!(!shows(&page("GET", path, "")), "{path}");
    }
    house.stop().await;
}
