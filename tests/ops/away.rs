//! PostgreSQL being away, at start and in the middle: forms are kept, drained once and in order.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pisteur::clock::{Clock, SystemClock};
use pisteur::domain::envelope::{ArrivalContext, ArrivalKey, Channel, Digest, Envelope, MailPosition, RawKind};
use pisteur::store::rows::ArrivalFilter;
use pisteur::store::{
    Accepted, Claim, CursorMove, InitialState, NewArrival, OpenOptions, Opened, Queue, Store, StoreError, StoreResult,
    open,
};
use sqlx::Connection as _;
use tempfile::TempDir;
use ulid::Ulid;

use crate::support::ledger::{count, texts};
use crate::support::postgres::{Fsync, Postgres};
use crate::support::proxy::ChaosProxy;
use crate::support::wait::{LONG, until_async};

const ARRIVALS: &str = "SELECT COUNT(*) FROM arrival";
const JOBS: &str = "SELECT COUNT(*) FROM job";
const ULIDS: &str = "SELECT ulid FROM arrival ORDER BY id";

pub(super) fn options(url: &str, spill: &Path) -> OpenOptions {
    OpenOptions {
        url: url.to_owned(),
        spill: true,
        spill_dir: spill.to_owned(),
        spill_limit: 64 << 20,
        allow_unsafe_server: true,
        clock: Arc::new(SystemClock::default()),
        migrate: true,
    }
}

pub(super) async fn open_at(url: &str, spill: &Path) -> (Arc<dyn Store>, Opened) {
    open(options(url, spill)).await.unwrap()
}

/// Forms with ids of one clock, so that later ones have greater ids.
#[derive(Debug, Default)]
pub(super) struct Forms(pub(super) SystemClock);

impl Forms {
    pub(super) fn form(&self, text: &str, keys: &[&str]) -> NewArrival {
        let raw = format!("message={text}").into_bytes();
        NewArrival {
            envelope: Envelope {
                id: self.0.new_id(),
                channel: Channel::Form,
                intake_id: "contact".to_owned(),
                keys: keys.iter().map(|k| ArrivalKey { value: (*k).to_owned(), expires_at: None }).collect(),
                received_at: self.0.now(),
                digest: Digest::of(&raw),
                raw_kind: RawKind::Form,
                content_type: Some("application/x-www-form-urlencoded".to_owned()),
                context: ArrivalContext::default(),
                raw: raw.into(),
            },
            initial: InitialState::Received,
            edited: None,
        }
    }
}

pub(super) async fn accept(store: &dyn Store, arrival: NewArrival) -> StoreResult<Accepted> {
    Ok(store.accept(vec![arrival], None).await?.remove(0))
}

pub(super) async fn drained(store: &dyn Store) {
    until_async("the spill is empty and the database answers", LONG, || async {
        let stats = store.stats().await;
        stats.reachable && stats.spilled == 0
    })
    .await;
}

pub(super) fn strings(ids: &[Ulid]) -> Vec<String> {
    ids.iter().map(Ulid::to_string).collect()
}

#[tokio::test]
async fn forms_of_a_start_without_database_are_drained_once_and_in_order() {
    let cluster = Postgres::start(Fsync::Off);
    let url = cluster.url(&cluster.database());
    cluster.stop();
    let (spill, forms) = (TempDir::new().unwrap(), Forms::default());
    let (store, opened) = open_at(&url, spill.path()).await;
    assert!(opened.degraded);
    let mut ids = Vec::new();
    for n in 0..40 {
        let accepted =
            accept(&*store, forms.form(&format!("n{n}"), &[&format!("form:contact:hash:{n}")])).await.unwrap();
        assert!(accepted.spilled());
        ids.push(accepted.id());
    }
    assert_eq!(store.stats().await.spilled, 40);
    let waiting = store.load(&ids[3..5]).await.unwrap();
    assert_eq!((&waiting[0].raw[..], waiting[1].id), (&b"message=n3"[..], ids[4]), "the spill can be read");
    let unknown = [ids[0], forms.0.new_id()];
    assert!(matches!(store.load(&unknown).await, Err(StoreError::Away(_))));
    store.close().await;
    // A restart in between loses nothing either.
    let (store, _) = open_at(&url, spill.path()).await;
    assert_eq!(store.stats().await.spilled, 40);
    cluster.resume();
    drained(&*store).await;
    assert_eq!(texts(&url, ULIDS).await, strings(&ids));
    assert_eq!(count(&url, JOBS).await, 40);
    assert_eq!(store.load(&ids[3..4]).await.unwrap()[0].raw[..], b"message=n3"[..]);
    assert!(!accept(&*store, forms.form("after", &[])).await.unwrap().spilled());
    store.close().await;
}

#[tokio::test]
async fn repeats_are_recognised_inside_the_spill_and_at_the_drain() {
    let cluster = Postgres::start(Fsync::Off);
    let url = cluster.url(&cluster.database());
    let (spill, forms) = (TempDir::new().unwrap(), Forms::default());
    let (store, _) = open_at(&url, spill.path()).await;
    let before = accept(&*store, forms.form("same", &["form:contact:hash:same"])).await.unwrap();
    cluster.stop();
    let first = accept(&*store, forms.form("one", &["form:contact:idem:k"])).await.unwrap();
    let again = accept(&*store, forms.form("one", &["form:contact:idem:k"])).await.unwrap();
    assert_eq!((again.duplicate_of(), again.acknowledged()), (Some(first.id()), first.id()));
    assert_eq!(store.known_key("form:contact:idem:k").await.unwrap(), Some(first.id()));
    let same = accept(&*store, forms.form("same", &["form:contact:hash:same"])).await.unwrap();
    assert_eq!(same.duplicate_of(), None, "content keys are left for the drain");
    cluster.resume();
    drained(&*store).await;
    assert_eq!((count(&url, ARRIVALS).await, count(&url, JOBS).await), (4, 2));
    let repeats = store.show_arrival(before.id()).await.unwrap().unwrap().repeats;
    assert_eq!(repeats, [same.id()]);
    assert_eq!(store.show_arrival(first.id()).await.unwrap().unwrap().repeats, [again.id()]);
    store.close().await;
}

#[tokio::test]
async fn an_empty_body_goes_through_the_spill() {
    let cluster = Postgres::start(Fsync::Off);
    let url = cluster.url(&cluster.database());
    let (spill, forms) = (TempDir::new().unwrap(), Forms::default());
    let (store, _) = open_at(&url, spill.path()).await;
    cluster.stop();
    let mut empty = forms.form("", &[]);
    empty.envelope.raw.clear();
    empty.envelope.digest = Digest::of(b"");
    let accepted = accept(&*store, empty.clone()).await.unwrap();
    assert!(accepted.spilled());
    cluster.resume();
    drained(&*store).await;
    let stored = store.load(&[accepted.id()]).await.unwrap();
    assert_eq!(stored, [empty.envelope]);
    store.close().await;
}

#[tokio::test]
async fn an_accept_whose_commit_was_not_answered_exists_once() {
    let cluster = Postgres::start(Fsync::Off);
    let name = cluster.database();
    let proxy = ChaosProxy::to_port(cluster.port());
    let (spill, forms) = (TempDir::new().unwrap(), Forms::default());
    let (store, _) = open_at(&Postgres::url_at(proxy.port(), &name), spill.path()).await;
    proxy.lose_answer_to(b"COMMIT");
    let accepted = accept(&*store, forms.form("once", &["form:contact:idem:once"])).await.unwrap();
    assert!(accepted.spilled());
    assert_eq!(proxy.lost(), 1);
    drained(&*store).await;
    let url = cluster.url(&name);
    assert_eq!((texts(&url, ULIDS).await, count(&url, JOBS).await), (strings(&[accepted.id()]), 1));
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_form_acknowledged_around_a_crash_of_the_server_exists_once() {
    let cluster = Arc::new(Postgres::start(Fsync::On));
    let url = cluster.url(&cluster.database());
    let (spill, forms) = (TempDir::new().unwrap(), Arc::new(Forms::default()));
    let (store, opened) =
        open(OpenOptions { allow_unsafe_server: false, ..options(&url, spill.path()) }).await.unwrap();
    assert!(!opened.degraded && opened.created);
    let posts = |who: usize| {
        let (store, forms) = (Arc::clone(&store), Arc::clone(&forms));
        tokio::spawn(async move {
            let mut ids = Vec::new();
            for n in 0..150 {
                let accepted = accept(&*store, forms.form(&format!("{who}/{n}"), &[])).await.unwrap();
                ids.push(accepted.id().to_string());
            }
            ids
        })
    };
    let clients: Vec<_> = (0..8).map(posts).collect();
    until_async("some forms are in", LONG, || async { store.stats().await.arrivals.values().sum::<u64>() > 50 }).await;
    let crash = Arc::clone(&cluster);
    tokio::task::spawn_blocking(move || {
        crash.kill();
        crash.resume();
    })
    .await
    .unwrap();
    let mut acknowledged = Vec::new();
    for client in clients {
        acknowledged.extend(client.await.unwrap());
    }
    drained(&*store).await;
    let mut stored = texts(&url, ULIDS).await;
    stored.sort();
    acknowledged.sort();
    assert_eq!(stored, acknowledged);
    assert_eq!(count(&url, JOBS).await, 8 * 150);
    store.close().await;
}

#[tokio::test]
async fn a_stalled_line_holds_no_form() {
    let cluster = Postgres::start(Fsync::Off);
    let name = cluster.database();
    let proxy = ChaosProxy::to_port(cluster.port());
    let (spill, forms) = (TempDir::new().unwrap(), Forms::default());
    let (store, _) = open_at(&Postgres::url_at(proxy.port(), &name), spill.path()).await;
    proxy.stall(true);
    let mut ids = Vec::new();
    for n in 0..20 {
        let accepted = accept(&*store, forms.form(&n.to_string(), &[])).await.unwrap();
        assert!(accepted.spilled());
        ids.push(accepted.id());
    }
    assert!(!store.stats().await.reachable);
    proxy.go_away();
    proxy.stall(false);
    ids.push(accept(&*store, forms.form("refused", &[])).await.unwrap().id());
    proxy.refuse(false);
    drained(&*store).await;
    assert_eq!(texts(&cluster.url(&name), ULIDS).await, strings(&ids));
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_database_is_not_away() {
    let cluster = Postgres::shared();
    let url = cluster.url(&cluster.database());
    let (spill, forms) = (TempDir::new().unwrap(), Forms::default());
    let (store, _) = open_at(&url, spill.path()).await;
    let before = accept(&*store, forms.form("before", &[])).await.unwrap();
    let mut holder = sqlx::PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE arrival IN ACCESS EXCLUSIVE MODE").execute(&mut holder).await.unwrap();
    let late = accept(&*store, forms.form("late", &[])).await.unwrap();
    assert!(late.spilled(), "nobody waits for it at the form");
    let other = store.lock("mailbox:sales", "me", Duration::from_secs(60)).await;
    assert!(other.is_ok(), "the others work on: {other:?}");
    assert!(store.stats().await.reachable);
    let load = store.known_key("form:contact:idem:none").await;
    assert!(matches!(load, Err(StoreError::Busy(_))), "{load:?}");
    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.unwrap();
    drained(&*store).await;
    assert_eq!(texts(&url, ULIDS).await, strings(&[before.id(), late.id()]));
    store.close().await;
}

#[tokio::test]
async fn a_command_beside_the_daemon_leaves_the_spill_alone() {
    let cluster = Postgres::start(Fsync::Off);
    let url = cluster.url(&cluster.database());
    cluster.stop();
    let (spill, forms) = (TempDir::new().unwrap(), Forms::default());
    let (store, opened) = open(OpenOptions { spill: false, ..options(&url, spill.path()) }).await.unwrap();
    assert!(opened.degraded);
    let answer = accept(&*store, forms.form("x", &[])).await;
    assert!(matches!(answer, Err(StoreError::Away(_))), "{answer:?}");
    assert_eq!(std::fs::read_dir(spill.path()).unwrap().count(), 0);
    store.close().await;
}

#[tokio::test]
async fn sessions_ended_by_an_administrator_lose_nothing() {
    let cluster = Postgres::shared();
    let name = cluster.database();
    let (spill, forms) = (TempDir::new().unwrap(), Forms::default());
    let (store, _) = open_at(&cluster.url(&name), spill.path()).await;
    let mut ids = Vec::new();
    for n in 0..30 {
        if n % 10 == 5 {
            cluster.terminate_sessions(&name);
        }
        ids.push(accept(&*store, forms.form(&n.to_string(), &[])).await.unwrap().id().to_string());
    }
    drained(&*store).await;
    let mut stored = texts(&cluster.url(&name), ULIDS).await;
    stored.sort();
    ids.sort();
    assert_eq!(stored, ids);
    store.close().await;
}

#[tokio::test]
async fn a_full_spill_refuses_and_takes_again_when_the_database_is_back() {
    let cluster = Postgres::start(Fsync::Off);
    let url = cluster.url(&cluster.database());
    let (spill, forms) = (TempDir::new().unwrap(), Forms::default());
    let (store, _) = open(OpenOptions { spill_limit: 10_000, ..options(&url, spill.path()) }).await.unwrap();
    cluster.stop();
    let mut kept = Vec::new();
    let refusal = loop {
        match accept(&*store, forms.form("x", &[])).await {
            Ok(accepted) => kept.push(accepted.id()),
            Err(error) => break error,
        }
        assert!(kept.len() < 20);
    };
    assert!(matches!(&refusal, StoreError::Full(text) if text.contains("10000")), "{refusal}");
    assert!(!kept.is_empty());
    cluster.resume();
    drained(&*store).await;
    assert_eq!(texts(&url, ULIDS).await, strings(&kept));
    assert!(!accept(&*store, forms.form("y", &[])).await.unwrap().spilled());
    store.close().await;
}

#[tokio::test]
async fn an_arrival_the_database_refuses_is_counted_and_tried_again_at_the_next_start() {
    let cluster = Postgres::start(Fsync::Off);
    let name = cluster.database();
    let url = cluster.url(&name);
    let (spill, forms) = (TempDir::new().unwrap(), Forms::default());
    let (store, _) = open_at(&url, spill.path()).await;
    cluster.psql(&name, "ALTER TABLE arrival ADD CONSTRAINT odd CHECK (intake <> 'odd')");
    cluster.stop();
    let mut odd = forms.form("odd", &[]);
    "odd".clone_into(&mut odd.envelope.intake_id);
    let odd = accept(&*store, odd).await.unwrap().id();
    let even = accept(&*store, forms.form("even", &[])).await.unwrap().id();
    cluster.resume();
    until_async("one is set aside, the other is in", LONG, || async {
        let stats = store.stats().await;
        (stats.reachable, stats.spilled, stats.set_aside) == (true, 1, 1)
    })
    .await;
    assert_eq!(texts(&url, ULIDS).await, strings(&[even]));
    store.close().await;
    let (beside, _) = open(OpenOptions { spill: false, ..options(&url, spill.path()) }).await.unwrap();
    let stats = beside.stats().await;
    assert_eq!((stats.spilled, stats.set_aside), (1, 1), "a command can tell while no daemon runs");
    beside.close().await;
    cluster.psql(&name, "ALTER TABLE arrival DROP CONSTRAINT odd");
    let (store, _) = open_at(&url, spill.path()).await;
    drained(&*store).await;
    assert_eq!((texts(&url, ULIDS).await, store.stats().await.set_aside), (strings(&[even, odd]), 0));
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settled_arrivals_are_counted_however_long_that_takes() {
    let cluster = Postgres::shared();
    let url = cluster.url(&cluster.database());
    let (spill, forms) = (TempDir::new().unwrap(), Forms::default());
    let (store, _) = open_at(&url, spill.path()).await;
    for _ in 0..2 {
        accept(&*store, forms.form("same", &["form:contact:hash:same"])).await.unwrap();
    }
    store.close().await;
    let (store, _) = open_at(&url, spill.path()).await;
    let mut other = sqlx::PgConnection::connect(&url).await.unwrap();
    let mut transaction = other.begin().await.unwrap();
    sqlx::query("LOCK TABLE arrival").execute(&mut *transaction).await.unwrap();
    let stats = store.stats().await;
    assert!(stats.reachable && !stats.arrivals.contains_key("decided"), "{stats:?}");
    transaction.rollback().await.unwrap();
    until_async("the repeat is counted", LONG, || async { store.stats().await.arrivals.get("decided") == Some(&1) })
        .await;
    store.close().await;
}

#[tokio::test]
async fn a_mailbox_is_its_own_buffer() {
    let cluster = Postgres::start(Fsync::Off);
    let url = cluster.url(&cluster.database());
    let (spill, forms) = (TempDir::new().unwrap(), Forms::default());
    let (store, _) = open_at(&url, spill.path()).await;
    let lock = store.lock("mailbox:sales", "me", Duration::from_secs(60)).await.unwrap().unwrap();
    cluster.stop();
    let mut mail = forms.form("mail", &["mail:1"]);
    mail.envelope.channel = Channel::Mail;
    mail.envelope.raw_kind = RawKind::Mail;
    mail.envelope.context.mail =
        Some(MailPosition { folder: "INBOX".to_owned(), uidvalidity: 1, uid: 7, internal_date: None });
    let cursor = CursorMove { mailbox: "sales".to_owned(), lock, uidvalidity: 1, last_uid: 7, mark_repeats: false };
    let answer = store.accept(vec![mail], Some(cursor)).await;
    assert!(matches!(answer, Err(StoreError::Away(_))), "{answer:?}");
    assert_eq!(store.stats().await.spilled, 0);
    store.close().await;
}

#[tokio::test]
async fn a_server_that_would_lose_writes_is_refused_unless_allowed() {
    let cluster = Postgres::shared();
    let url = cluster.url(&cluster.database());
    let spill = TempDir::new().unwrap();
    let refused = open(OpenOptions { allow_unsafe_server: false, ..options(&url, spill.path()) }).await;
    assert!(matches!(refused, Err(StoreError::Unusable(text)) if text.contains("fsync = off")));
    let (store, _) = open_at(&url, spill.path()).await;
    let settings = store.settings().await.unwrap();
    assert!(settings.iter().any(|(name, value, ok)| name == "fsync" && value == "off" && !ok), "{settings:?}");
    assert!(settings.iter().any(|(name, value, _)| name == "synchronous_commit" && value == "on"), "{settings:?}");
    store.close().await;
}

#[tokio::test]
async fn a_database_that_does_not_exist_is_no_outage() {
    let url = Postgres::shared().url("nobody_made_this");
    let answer = open(options(&url, TempDir::new().unwrap().path())).await;
    assert!(matches!(answer, Err(StoreError::Unusable(text)) if text.contains("nobody_made_this")));
    let answer = open(options("postgres://:not a port", TempDir::new().unwrap().path())).await;
    assert!(matches!(answer, Err(StoreError::Unusable(text)) if text.contains("postgres://")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_daemons_start_together_on_one_database_and_share_its_work() {
    let cluster = Postgres::shared();
    let url = cluster.url(&cluster.database());
    let (spills, forms) = ([TempDir::new().unwrap(), TempDir::new().unwrap()], Forms::default());
    let both = tokio::join!(open_at(&url, spills[0].path()), open_at(&url, spills[1].path()));
    let [(one, first), (two, second)] = [both.0, both.1];
    assert_eq!(u32::from(first.created) + u32::from(second.created), 1, "only one made the tables");
    for n in 0..60 {
        accept(&*one, forms.form(&n.to_string(), &[])).await.unwrap();
    }
    let claim = |owner: &str| Claim {
        queue: Queue::Process,
        owner: owner.to_owned(),
        limit: 40,
        lease: Duration::from_secs(60),
        suspects: false,
    };
    let (a, b) = tokio::join!(one.claim(claim("one")), two.claim(claim("two")));
    let mut jobs: Vec<i64> = a.unwrap().iter().chain(&b.unwrap()).map(pisteur::store::Lease::job).collect();
    jobs.extend(one.claim(claim("one")).await.unwrap().iter().map(pisteur::store::Lease::job));
    let all = jobs.len();
    jobs.sort_unstable();
    jobs.dedup();
    assert_eq!((jobs.len(), all), (60, 60), "every job went to one of them, once");
    // The other daemon hears of new work without asking.
    let waiting = tokio::spawn(async move {
        two.wait(Queue::Process, LONG).await;
        two
    });
    until_async("the other daemon is woken", LONG, || async {
        accept(&*one, forms.form("wake", &[])).await.unwrap();
        tokio::task::yield_now().await;
        waiting.is_finished()
    })
    .await;
    one.close().await;
    waiting.await.unwrap().close().await;
}

#[tokio::test]
async fn one_spill_file_has_one_owner_and_passes_on_when_it_ends() {
    let cluster = Postgres::start(Fsync::Off);
    let url = cluster.url(&cluster.database());
    let (spill, forms) = (TempDir::new().unwrap(), Forms::default());
    let (one, _) = open_at(&url, spill.path()).await;
    let (two, _) = open_at(&url, spill.path()).await;
    cluster.stop();
    let kept = accept(&*one, forms.form("kept", &[])).await.unwrap();
    assert!(matches!(accept(&*two, forms.form("lost", &[])).await, Err(StoreError::Away(_))));
    one.close().await;
    until_async("the second gets hold of the file", LONG, || async {
        accept(&*two, forms.form("second", &[])).await.is_ok()
    })
    .await;
    cluster.resume();
    drained(&*two).await;
    assert_eq!(texts(&url, ULIDS).await[0], kept.id().to_string());
    two.close().await;
}

#[tokio::test]
async fn content_that_came_again_after_its_window_is_no_repeat_however_late_it_is_drained() {
    let cluster = Postgres::start(Fsync::Off);
    let url = cluster.url(&cluster.database());
    let (spill, forms) = (TempDir::new().unwrap(), Forms::default());
    cluster.stop();
    let (store, _) = open_at(&url, spill.path()).await;
    // Within the days that run-out keys are kept for arrivals of a spill.
    let began = forms.0.now().before(Duration::from_secs(3600));
    for minute in [0, 4, 11] {
        let mut form = forms.form("same", &["form:contact:hash:same"]);
        let at = began.after(Duration::from_secs(minute * 60));
        form.envelope.received_at = at;
        form.envelope.keys[0].expires_at = Some(at.after(Duration::from_secs(600)));
        accept(&*store, form).await.unwrap();
    }
    cluster.resume();
    drained(&*store).await;
    let rows = store.list_arrivals(ArrivalFilter::default()).await.unwrap();
    let repeats: Vec<bool> = rows.iter().rev().map(|r| r.duplicate_of.is_some()).collect();
    assert_eq!(repeats, [false, true, false]);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_lets_nobody_in_any_more_is_away_until_it_does() {
    let cluster = Postgres::start(Fsync::Off);
    let name = cluster.database();
    cluster.psql(&name, "CREATE ROLE daemon SUPERUSER LOGIN");
    let url = cluster.url(&name);
    let as_daemon = url.replacen("postgres@", "daemon@", 1);
    assert_ne!(as_daemon, url);
    let (spill, forms) = (TempDir::new().unwrap(), Forms::default());
    let (store, _) = open_at(&as_daemon, spill.path()).await;
    cluster.psql(&name, "ALTER ROLE daemon NOLOGIN");
    // More at once than there are connections open.
    let posts = (0..40).map(|n| accept(&*store, forms.form(&format!("n{n}"), &[])));
    let answers = futures::future::join_all(posts).await;
    assert!(answers.iter().all(Result::is_ok), "every form is taken: {answers:?}");
    cluster.psql(&name, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'daemon'");
    assert!(accept(&*store, forms.form("shut", &[])).await.unwrap().spilled());
    cluster.psql(&name, "ALTER ROLE daemon LOGIN");
    drained(&*store).await;
    assert_eq!((count(&url, ARRIVALS).await, count(&url, JOBS).await), (41, 41));
    store.close().await;
}
