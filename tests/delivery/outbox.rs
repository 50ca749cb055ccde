//! The outbox worker: isolation, crashes, shutdown, silence about people.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pisteur::delivery::{Attempt, Deliver, Deliverers, Delivery};
use pisteur::pipeline::outbox::OutboxSettings;
use pisteur::store::Effect;
use tokio::sync::Semaphore;

use super::scene::{Scene, Visitor};
use crate::support::webhook::{Reply, WebhookReceiver};

/// Delivers through `inner`, then waits for a permit before it tells.
#[derive(Debug)]
struct Gate {
    inner: Option<Arc<dyn Deliver>>,
    reached: AtomicUsize,
    most: AtomicUsize,
    inside: AtomicUsize,
    open: Semaphore,
    seen: Mutex<Vec<Effect>>,
}

impl Gate {
    fn new(inner: Option<Arc<dyn Deliver>>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            reached: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            inside: AtomicUsize::new(0),
            open: Semaphore::new(0),
            seen: Mutex::default(),
        })
    }

    fn reached(&self) -> usize {
        self.reached.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Deliver for Gate {
    async fn deliver(&self, effect: &Effect, attempt: Attempt) -> Delivery {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
        self.seen.lock().unwrap().push(effect.clone());
        let delivery = match &self.inner {
            Some(inner) => inner.deliver(effect, attempt).await,
            None => Delivery::Done,
        };
        self.reached.fetch_add(1, Ordering::SeqCst);
        self.open.acquire().await.unwrap().forget();
        self.inside.fetch_sub(1, Ordering::SeqCst);
        delivery
    }
}

fn only(gate: &Arc<Gate>) -> Deliverers {
    BTreeMap::from([("webhook".to_owned(), Arc::clone(gate) as Arc<dyn Deliver>)])
}

#[tokio::test]
async fn a_slow_receiver_holds_up_nobody_else() {
    let (scene, slow, quick) = (Scene::new().await, WebhookReceiver::start(), WebhookReceiver::start());
    slow.answer(Reply::status(200).after(Duration::from_secs(30)));
    let both = Scene::config(vec![scene.webhook("slow", slow.url("/")), scene.webhook("quick", quick.url("/"))]);
    let only_slow = Scene::config(vec![scene.webhook("slow", slow.url("/"))]);
    // More for the slow one than its turns and its places in memory, all older than what the quick one gets.
    for _ in 0..60 {
        scene.arrive(&only_slow, &Visitor::default()).await;
    }
    for _ in 0..5 {
        scene.arrive(&both, &Visitor::default()).await;
    }
    let worker = scene.worker(&both, scene.deliverers(&both));
    scene.until("the quick receiver has everything", async || quick.requests().len() == 5).await;
    assert!(slow.requests().len() <= both.per_target);
    worker.stop().await;
}

#[tokio::test]
async fn one_target_takes_no_more_at_once_than_allowed() {
    let scene = Scene::new().await;
    let config = Scene::config(vec![scene.webhook("crm", "https://example.com/".into())]);
    for _ in 0..20 {
        scene.arrive(&config, &Visitor::default()).await;
    }
    let gate = Gate::new(None);
    let worker = scene.worker(&config, only(&gate));
    scene.until("all turns are taken", async || gate.reached() == config.per_target).await;
    gate.open.add_permits(1_000);
    scene.settled().await;
    assert_eq!(gate.most.load(Ordering::SeqCst), config.per_target);
    let ids: BTreeSet<_> = gate.seen.lock().unwrap().iter().map(|e| e.id).collect();
    assert_eq!((ids.len(), gate.seen.lock().unwrap().len()), (20, 20), "each once");
    worker.stop().await;
}

#[tokio::test]
async fn a_crash_after_delivery_delivers_again_under_the_same_id() {
    let (scene, receiver) = (Scene::new().await, WebhookReceiver::start());
    let config = Scene::config(vec![scene.webhook("crm", receiver.url("/"))]);
    let (_, effects) = scene.arrive(&config, &Visitor::default()).await;
    let gate = Gate::new(scene.deliverers(&config).remove("webhook"));
    // The daemon of this crash is a runtime of its own that ends in the middle, settling and releasing nothing.
    let doomed = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let worker = {
        let _inside = doomed.enter();
        scene.worker(&config, only(&gate))
    };
    scene.until("it was delivered and not settled", async || gate.reached() == 1).await;
    // None of its tasks runs on: one that still held its lease would keep it when the time has passed.
    tokio::task::spawn_blocking(move || doomed.shutdown_timeout(Duration::from_secs(60))).await.unwrap();
    drop(worker);
    assert_eq!(receiver.requests().len(), 1);
    scene.pass(Duration::from_hours(48));
    let worker = scene.worker(&config, scene.deliverers(&config));
    scene.settled().await;
    worker.stop().await;
    let ids: Vec<String> = receiver.requests().iter().map(|r| r.headers["webhook-id"].clone()).collect();
    assert_eq!(ids, [effects[0].id.to_string(), effects[0].id.to_string()]);
}

#[tokio::test]
async fn shutdown_gives_everything_back_untouched() {
    let scene = Scene::new().await;
    let config = Scene::config(vec![scene.webhook("crm", "https://example.com/".into())]);
    for _ in 0..10 {
        scene.arrive(&config, &Visitor::default()).await;
    }
    let gate = Gate::new(None);
    let worker = scene.worker(&config, only(&gate));
    scene.until("all turns are taken", async || gate.reached() == config.per_target).await;
    worker.stop().await;
    let stats = scene.store.stats().await;
    assert_eq!(stats.leased.get("deliver").copied().unwrap_or(0), 0);
    assert_eq!(stats.waiting.get("deliver").copied().unwrap_or(0), 10);
    // The attempt is not held against them: with one attempt allowed they are still delivered.
    let again = Gate::new(None);
    again.open.add_permits(1_000);
    let settings = OutboxSettings { max_attempts: 1, poll: Duration::from_millis(20), ..OutboxSettings::of(&config) };
    let worker = scene.worker_with(settings, only(&again));
    scene.settled().await;
    worker.stop().await;
    assert_eq!(again.reached(), 10);
    assert!(scene.dead().await.is_empty());
}

#[tokio::test]
async fn long_deliveries_keep_their_lease() {
    let scene = Scene::new().await;
    let config = Scene::config(vec![scene.webhook("crm", "https://example.com/".into())]);
    scene.arrive(&config, &Visitor::default()).await;
    let gate = Gate::new(None);
    let settings = |poll| OutboxSettings { lease: Duration::from_millis(500), poll, ..OutboxSettings::of(&config) };
    let worker = scene.worker_with(settings(Duration::from_millis(20)), only(&gate));
    scene.until("it is under way", async || gate.reached() == 1).await;
    // The store's time goes on for many lease times; a second worker looks all the while.
    let other = Gate::new(None);
    other.open.add_permits(1_000);
    let second = scene.worker_with(settings(Duration::from_millis(10)), only(&other));
    let began = std::time::Instant::now();
    scene
        .until("many lease times have passed", async || {
            let stats = scene.store.stats().await;
            assert_eq!(stats.leased.get("deliver").copied().unwrap_or(0), 1, "{stats:?}");
            began.elapsed() > Duration::from_secs(3)
        })
        .await;
    assert_eq!(other.reached(), 0, "nobody else took it");
    gate.open.add_permits(1);
    scene.settled().await;
    second.stop().await;
    worker.stop().await;
}

#[derive(Debug)]
struct Panics;

#[async_trait]
impl Deliver for Panics {
    async fn deliver(&self, _: &Effect, _: Attempt) -> Delivery {
        panic!("a fault inside a deliverer")
    }
}

#[tokio::test]
async fn a_fault_inside_a_deliverer_is_a_failed_attempt() {
    let scene = Scene::new().await;
    let config = Scene::config(vec![scene.webhook("crm", "https://example.com/".into())]);
    scene.arrive(&config, &Visitor::default()).await;
    let deliverers: Deliverers = BTreeMap::from([("webhook".to_owned(), Arc::new(Panics) as Arc<dyn Deliver>)]);
    let settings = OutboxSettings { max_attempts: 1, poll: Duration::from_millis(20), ..OutboxSettings::of(&config) };
    let worker = scene.worker_with(settings, deliverers);
    scene.settled().await;
    worker.stop().await;
    let dead = scene.dead().await;
    assert_eq!(dead[0].error.as_deref(), Some("the delivery failed inside pisteur"));
}

#[tokio::test]
async fn effects_of_an_unconfigured_kind_are_visible_dead_letters() {
    let scene = Scene::new().await;
    let config = Scene::config(vec![scene.webhook("crm", "https://example.com/".into())]);
    scene.arrive(&config, &Visitor::default()).await;
    let worker = scene.worker(&config, Deliverers::new());
    scene.settled().await;
    worker.stop().await;
    let dead = scene.dead().await;
    assert!(dead[0].error.as_deref().unwrap().contains("kind webhook are not configured"), "{dead:?}");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_log_of_deliveries_names_nobody() {
    let log = Log::default();
    let writer = log.clone();
    // A second subscriber, alive but unused: with only one, tracing asks the thread that happens to log first whether a
    // line is wanted, and that may be the thread of another test.
    let _other = tracing::Dispatch::new(tracing_subscriber::registry());
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(async {
            let (scene, receiver) = (Scene::new().await, WebhookReceiver::start());
            receiver.answer_next(Reply::status(500));
            receiver.answer_next(Reply::status(410));
            let config = Scene::config(vec![scene.webhook("crm", receiver.url("/secret-path"))]);
            scene.arrive(&config, &Visitor::default()).await;
            scene.arrive(&config, &Visitor::default()).await;
            let worker = scene.worker(&config, scene.deliverers(&config));
            scene.until("every effect is settled", async || scene.settled_or_later().await).await;
            worker.stop().await;
        });
    });
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("was delivered to webhook crm"), "{text}");
    assert!(text.contains("is a dead letter"), "{text}");
    for personal in ["zoe", "Čapek", "client.example.org", "anne@", "secret-path", "whsec_", "612345678", "Devis"] {
        assert!(!text.contains(personal), "{personal} in {text}");
    }
}
