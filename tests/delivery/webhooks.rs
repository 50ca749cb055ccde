//! Signed webhooks, from the committed decision to the receiver.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use pisteur::config::delivery::{DeliveryConfig, Include, OneOrMany};
use sha2::Sha256;
use std::collections::{BTreeMap, BTreeSet};

use super::scene::{SECRET, START, Scene, Visitor};
use crate::support::proxy::ChaosProxy;
use crate::support::webhook::{Received, Reply, WebhookReceiver};
use pisteur::delivery::check;

/// `v1` signature as a receiver would compute it, apart from the code under test.
fn expected(secret: &str, request: &Received) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&key).unwrap();
    let signed = [
        request.headers["webhook-id"].as_bytes(),
        b".",
        request.headers["webhook-timestamp"].as_bytes(),
        b".",
        &request.body,
    ];
    mac.update(&signed.concat());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// Runs until everything is settled, moving the clock so that every retry comes due.
async fn settle(scene: &Scene, config: &DeliveryConfig) {
    let worker = scene.worker(config, scene.deliverers(config));
    scene.until("every effect is settled", async || scene.settled_or_later().await).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_new_lead_is_told_thinly_and_signed() {
    let (scene, receiver) = (Scene::new().await, WebhookReceiver::start());
    let config = Scene::config(vec![scene.webhook("crm", receiver.url("/hook"))]);
    let (record, effects) = scene.arrive(&config, &Visitor::default()).await;
    let worker = scene.worker(&config, scene.deliverers(&config));
    scene.settled().await;
    worker.stop().await;
    let requests = receiver.requests();
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/hook"));
    assert_eq!(request.headers["webhook-id"], effects[0].id.to_string());
    assert_eq!(request.headers["webhook-timestamp"], START.to_string());
    assert_eq!(request.headers["webhook-signature"], expected(SECRET, request));
    assert_eq!(request.headers["content-type"], "application/json");
    let body = request.json();
    assert_eq!(body["type"], "lead.created");
    assert_eq!(body["timestamp"], "2023-11-14T22:13:20Z");
    assert_eq!(body["data"]["id"], record.to_string());
    for (key, value) in [
        ("kind", "lead"),
        ("owner", "anne"),
        ("team", "sales"),
        ("source", "google"),
        ("title", "Devis chaudière"),
        ("state", "open"),
    ] {
        assert_eq!(body["data"][key], value, "{key} in {body}");
    }
    let text = body.to_string();
    for personal in ["zoe@", "Čapek", "33612345678", "a private message"] {
        assert!(!text.contains(personal), "{personal} in {text}");
    }
}

#[tokio::test]
async fn contact_details_go_out_only_when_asked_for() {
    let (scene, receiver) = (Scene::new().await, WebhookReceiver::start());
    let mut webhook = scene.webhook("crm", receiver.url("/"));
    webhook.include = Include::Full;
    let config = Scene::config(vec![webhook]);
    scene.arrive(&config, &Visitor::default()).await;
    let deal = Visitor {
        record: pisteur::domain::decision::RecordKind::Opportunity,
        email: "deal@client.example.org".into(),
        ..Visitor::default()
    };
    scene.arrive(&config, &deal).await;
    settle(&scene, &config).await;
    let bodies: BTreeMap<String, serde_json::Value> =
        receiver.requests().iter().map(|r| (r.json()["type"].as_str().unwrap().to_owned(), r.json())).collect();
    for (kind, email) in
        [("lead.created", "zoe@client.example.org"), ("opportunity.created", "deal@client.example.org")]
    {
        let contact = &bodies[kind]["data"]["contact"];
        assert_eq!(contact["name"], "Zoé Čapek", "{contact}");
        assert_eq!(contact["emails"][0], email, "{contact}");
        assert!(!contact.to_string().contains("private message"));
    }
}

#[tokio::test]
async fn a_changed_secret_signs_beside_the_old_one() {
    let (scene, receiver) = (Scene::new().await, WebhookReceiver::start());
    let newer = format!("whsec_{}", STANDARD.encode([7_u8; 32]));
    let file = scene.folder.path().join("newer");
    std::fs::write(&file, &newer).unwrap();
    let mut webhook = scene.webhook("crm", receiver.url("/"));
    webhook.secret_file = OneOrMany::Many(vec![file, scene.folder.path().join("secret")]);
    let config = Scene::config(vec![webhook]);
    scene.arrive(&config, &Visitor::default()).await;
    settle(&scene, &config).await;
    let request = &receiver.requests()[0];
    let both = format!("{} {}", expected(&newer, request), expected(SECRET, request));
    assert_eq!(request.headers["webhook-signature"], both);
}

#[tokio::test]
async fn a_failure_is_tried_again_under_the_same_id_with_a_new_time_stamp() {
    let (scene, receiver) = (Scene::new().await, WebhookReceiver::start());
    receiver.answer_next(Reply::status(500));
    receiver.answer_next(Reply::status(404));
    let config = Scene::config(vec![scene.webhook("crm", receiver.url("/"))]);
    scene.arrive(&config, &Visitor::default()).await;
    settle(&scene, &config).await;
    let requests = receiver.requests();
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert_eq!(request.headers["webhook-id"], requests[0].headers["webhook-id"]);
        assert_eq!(request.headers["webhook-signature"], expected(SECRET, request));
    }
    assert_ne!(requests[0].headers["webhook-timestamp"], requests[2].headers["webhook-timestamp"]);
    assert!(scene.dead().await.is_empty());
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_gets_it() {
    let (scene, receiver) = (Scene::new().await, WebhookReceiver::start());
    receiver.answer_next(Reply::status(429).with_header("retry-after", "7200"));
    let config = Scene::config(vec![scene.webhook("crm", receiver.url("/"))]);
    scene.arrive(&config, &Visitor::default()).await;
    settle(&scene, &config).await;
    let stamps: Vec<i64> =
        receiver.requests().iter().map(|r| r.headers["webhook-timestamp"].parse().unwrap()).collect();
    assert!(stamps[1] - stamps[0] >= 7_200, "{stamps:?}");
}

#[tokio::test]
async fn refusals_for_good_become_dead_letters_that_say_why() {
    for (reply, why) in [
        (Reply::status(410), "410"),
        (Reply::status(302).with_header("location", "http://127.0.0.1/"), "redirects are not followed"),
    ] {
        let (scene, receiver) = (Scene::new().await, WebhookReceiver::start());
        receiver.answer(reply);
        let config = Scene::config(vec![scene.webhook("crm", receiver.url("/"))]);
        scene.arrive(&config, &Visitor::default()).await;
        settle(&scene, &config).await;
        assert_eq!(receiver.requests().len(), 1, "{why}");
        let dead = scene.dead().await;
        assert_eq!(dead.len(), 1);
        assert_eq!((dead[0].kind.as_str(), dead[0].target.as_str()), ("webhook", "crm"));
        assert!(dead[0].error.as_deref().unwrap().contains(why), "{dead:?}");
    }
}

#[tokio::test]
async fn a_dead_letter_can_be_tried_again_by_hand() {
    let (scene, receiver) = (Scene::new().await, WebhookReceiver::start());
    receiver.answer(Reply::status(500));
    let config = DeliveryConfig { max_attempts: 2, ..Scene::config(vec![scene.webhook("crm", receiver.url("/"))]) };
    scene.arrive(&config, &Visitor::default()).await;
    settle(&scene, &config).await;
    let dead = scene.dead().await;
    assert_eq!((dead.len(), receiver.requests().len()), (1, 2), "{dead:?}");
    receiver.answer(Reply::status(200));
    assert!(scene.store.retry_dead_letter(dead[0].job).await.unwrap());
    settle(&scene, &config).await;
    assert!(scene.dead().await.is_empty());
    let requests = receiver.requests();
    assert_eq!(requests[0].headers["webhook-id"], requests.last().unwrap().headers["webhook-id"]);
}

#[tokio::test]
async fn a_lost_answer_brings_the_same_webhook_again() {
    let (scene, receiver) = (Scene::new().await, WebhookReceiver::start());
    let proxy = ChaosProxy::to_port(receiver.port());
    let url = format!("http://127.0.0.1:{}/hook", proxy.port());
    let config = Scene::config(vec![scene.webhook("crm", url)]);
    let mut sent = BTreeSet::new();
    for _ in 0..5 {
        sent.insert(scene.arrive(&config, &Visitor::default()).await.1[0].id.to_string());
    }
    proxy.lose_answer_to(b"/hook");
    settle(&scene, &config).await;
    assert_eq!(proxy.lost(), 1);
    let requests = receiver.requests();
    assert_eq!(requests.len(), 6);
    let ids: BTreeSet<String> = requests.iter().map(|r| r.headers["webhook-id"].clone()).collect();
    assert_eq!(ids, sent);
    assert!(scene.dead().await.is_empty());
}

#[tokio::test]
async fn a_private_receiver_is_refused_unless_listed() {
    let (scene, receiver) = (Scene::new().await, WebhookReceiver::start());
    let port = receiver.port();
    let closed = |id: &str, url: String| {
        let mut webhook = scene.webhook(id, url);
        webhook.allow_private.clear();
        webhook
    };
    let config = Scene::config(vec![
        closed("number", receiver.url("/")),
        closed("name", format!("http://localhost:{port}/")),
        closed("mapped", format!("http://[::ffff:127.0.0.1]:{port}/")),
    ]);
    scene.arrive(&config, &Visitor::default()).await;
    settle(&scene, &config).await;
    assert!(receiver.requests().is_empty());
    let dead = scene.dead().await;
    assert_eq!(dead.len(), 3, "{dead:?}");
    for letter in dead {
        assert!(letter.error.as_deref().unwrap().contains("loopback"), "{letter:?}");
    }
}

#[tokio::test]
async fn a_webhook_that_is_no_longer_configured_leaves_a_visible_dead_letter() {
    let (scene, receiver) = (Scene::new().await, WebhookReceiver::start());
    let config = Scene::config(vec![scene.webhook("old", receiver.url("/"))]);
    scene.arrive(&config, &Visitor::default()).await;
    settle(&scene, &Scene::config(Vec::new())).await;
    let dead = scene.dead().await;
    assert!(dead[0].error.as_deref().unwrap().contains("no webhook old is configured"), "{dead:?}");
}

#[tokio::test]
async fn the_check_connects_and_sends_nothing() {
    let (scene, receiver) = (Scene::new().await, WebhookReceiver::start());
    let mut closed = scene.webhook("closed", receiver.url("/"));
    closed.allow_private.clear();
    let config = Scene::config(vec![scene.webhook("open", receiver.url("/")), closed]);
    let found = check(&config).await;
    let shown: BTreeMap<&str, bool> = found.iter().map(|c| (c.what.as_str(), c.result.is_ok())).collect();
    assert_eq!(shown, BTreeMap::from([("webhook closed", false), ("webhook open", true)]));
    assert!(receiver.requests().is_empty());
}
