//! Variants of one person at the same moment: however many decide at once, one lead comes of it and nothing is lost. And
//! death between the writing of a decision and its commit leaves no half of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::pipeline::house::House;
use crate::support::daemon::{Daemon, Setup};
use crate::support::ledger::{count, count_blocking};
use crate::support::postgres::{Fsync, Postgres};
use crate::support::wait;

/// Those who decide at once.
const THREADS: usize = 64;
/// Rounds with the long soaks.
const ROUNDS: usize = 1_000;
/// Longest the rounds of one engine take otherwise; one is always run.
const SHORT: Duration = Duration::from_secs(10);

/// What must not be there, whatever happened.
const HALVES: [(&str, &str); 6] = [
    (
        "an entity without its row",
        "SELECT count(*) FROM entity e WHERE NOT EXISTS (SELECT 1 FROM lead r WHERE r.id = e.id) AND NOT EXISTS (SELECT 1 \
         FROM contact r WHERE r.id = e.id) AND NOT EXISTS (SELECT 1 FROM organisation r WHERE r.id = e.id) AND NOT \
         EXISTS (SELECT 1 FROM opportunity r WHERE r.id = e.id)",
    ),
    (
        "a lead without its entity",
        "SELECT count(*) FROM lead r WHERE NOT EXISTS (SELECT 1 FROM entity e WHERE e.id = r.id)",
    ),
    (
        "a key without its entity",
        "SELECT count(*) FROM match_key k WHERE NOT EXISTS (SELECT 1 FROM entity e WHERE e.id = k.entity)",
    ),
    (
        "a profile without its entity",
        "SELECT count(*) FROM match_profile p WHERE NOT EXISTS (SELECT 1 FROM entity e WHERE e.id = p.entity)",
    ),
    (
        "a lead without a decision",
        "SELECT count(*) FROM lead r WHERE NOT EXISTS (SELECT 1 FROM communication m JOIN decision d ON d.arrival = \
         m.arrival WHERE m.record = r.id)",
    ),
    (
        "a lead without a profile",
        "SELECT count(*) FROM lead r WHERE NOT EXISTS (SELECT 1 FROM match_profile p WHERE p.entity = r.id)",
    ),
];

/// What is known of the person of a round, written in the manner of one of many.
type Variant = fn(round: usize, n: usize) -> Vec<(&'static str, String)>;

/// One mailbox with tag, dots and capitals, the name in either order, with and without a number.
fn one_mailbox(round: usize, n: usize) -> Vec<(&'static str, String)> {
    let address = match n % 4 {
        0 => format!("anna.belova{round}@gmail.com"),
        1 => format!("annabelova{round}+offer{n}@gmail.com"),
        2 => format!("AnnaBelova{round}@GMAIL.com"),
        _ => format!("a.n.n.a.belova{round}@googlemail.com"),
    };
    let name = if n.is_multiple_of(3) { "Belova Anna" } else { "Anna Belova" };
    let mut fields = vec![("name", name.to_owned()), ("email", address), ("message", format!("Dotaz {round} {n}"))];
    if n.is_multiple_of(2) {
        fields.push(("phone", number(round)));
    }
    fields
}

/// No address, one number in several ways, and the surname.
fn one_number(round: usize, n: usize) -> Vec<(&'static str, String)> {
    let number = number(round);
    let number = if n.is_multiple_of(2) { number } else { number.replacen("+420", "00420 ", 1) };
    let name = if n.is_multiple_of(3) { "A. Belova" } else { "Anna Belova" };
    vec![("name", name.to_owned()), ("phone", number), ("message", format!("Dotaz {round} {n}"))]
}

/// Everybody by another address; the number is what they have in common.
fn many_addresses(round: usize, n: usize) -> Vec<(&'static str, String)> {
    let address = format!("anna.belova@dilna-{round}-{n}.cz");
    let fields = [("name", "Anna Belova".to_owned()), ("email", address), ("phone", number(round))];
    fields.into_iter().chain([("message", format!("Dotaz {round} {n}"))]).collect()
}

fn number(round: usize) -> String {
    format!("+420605{:06}", 100_000 + round)
}

async fn round(houses: &[Arc<House>], url: &str, round: usize, variant: Variant) {
    for n in 0..THREADS {
        let fields = variant(round, n);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        houses[n % houses.len()].form(&fields).await;
    }
    let start = Arc::new(tokio::sync::Barrier::new(THREADS));
    let workers = (0..THREADS).map(|n| {
        let (house, start) = (Arc::clone(&houses[n % houses.len()]), Arc::clone(&start));
        tokio::spawn(async move {
            start.wait().await;
            house.work_by(1).await;
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.expect("nobody panics");
    }
    // Whoever met too many others was given back, and is decided again.
    let mut tries = 0;
    while count(url, "SELECT count(*) FROM job").await > 0 {
        houses[0].later(Duration::from_secs(1));
        houses[0].work_by(1).await;
        tries += 1;
        assert!(tries < 1_000, "round {round}: some are never decided");
    }
    let (people, said) = (i64::try_from(round + 1).unwrap(), i64::try_from((round + 1) * THREADS).unwrap());
    assert_eq!(count(url, "SELECT count(*) FROM lead").await, people, "round {round}: one lead a person");
    assert_eq!(count(url, "SELECT count(*) FROM communication").await, said, "round {round}: nothing is lost");
    for (half, sql) in HALVES {
        assert_eq!(count(url, sql).await, 0, "round {round}: {half}");
    }
}

async fn rounds(houses: Vec<House>, url: &str, variant: Variant) {
    let houses: Vec<Arc<House>> = houses.into_iter().map(Arc::new).collect();
    let full = std::env::var_os("PISTEUR_FULL").is_some();
    let started = Instant::now();
    for n in 0..ROUNDS {
        if n > 0 && !full && started.elapsed() > SHORT / 3 {
            break;
        }
        round(&houses, url, n, variant).await;
    }
    for house in houses {
        house.store.close().await;
    }
}

async fn on_sqlite(variant: Variant) {
    let house = House::sqlite().await;
    let url = house.url().to_owned();
    rounds(vec![house], &url, variant).await;
}

async fn on_postgres(daemons: usize, variant: Variant) {
    let server = Postgres::shared();
    let url = server.url(&server.database());
    let mut houses = vec![House::at(&url).await];
    for _ in 1..daemons {
        houses.push(houses[0].beside().await);
    }
    rounds(houses, &url, variant).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 64)]
async fn one_mailbox_written_in_many_ways_is_one_lead_on_sqlite() {
    on_sqlite(one_mailbox).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 64)]
async fn one_mailbox_written_in_many_ways_is_one_lead_on_postgres() {
    on_postgres(1, one_mailbox).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 64)]
async fn one_mailbox_written_in_many_ways_is_one_lead_for_two_daemons() {
    on_postgres(2, one_mailbox).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 64)]
async fn one_number_and_a_surname_are_one_lead_on_sqlite() {
    on_sqlite(one_number).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 64)]
async fn one_number_and_a_surname_are_one_lead_for_two_daemons() {
    on_postgres(2, one_number).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 64)]
async fn one_number_through_many_addresses_is_one_lead_on_sqlite() {
    on_sqlite(many_addresses).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 64)]
async fn one_number_through_many_addresses_is_one_lead_for_two_daemons() {
    on_postgres(2, many_addresses).await;
}

/// Two posts of one person around a death inside the transaction that writes a decision.
fn die_and_start_again(point: &str, setup: Setup) {
    let mut daemon: Daemon =
        setup.contact_form().tables("[worker]\nlease_seconds = 2\n").env("PISTEUR_FAIL_POINT", point).start();
    let url = daemon.setup().database_url().to_owned();
    let post = |daemon: &Daemon, n: usize| {
        let fields = one_mailbox(0, n);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        daemon.public().post_form("/f/contact", &fields).is_ok_and(|answer| answer.status == 200)
    };
    let first = post(&daemon, 0);
    assert_ne!(daemon.wait_end(), Some(0), "{point}: the daemon dies there");
    assert!(first, "{point}: it was acknowledged before");
    for table in ["SELECT count(*) FROM entity", "SELECT count(*) FROM match_key", "SELECT count(*) FROM match_profile"]
    {
        assert_eq!(count_blocking(&url, table), 0, "{point}: nothing of it is there: {table}");
    }
    daemon.setup_mut().clear_env();
    daemon.restart();
    assert!(post(&daemon, 1), "{point}: the second is taken");
    wait::until("both are settled", Duration::from_secs(60), || count_blocking(&url, "SELECT count(*) FROM job") == 0);
    assert_eq!(count_blocking(&url, "SELECT count(*) FROM lead"), 1, "{point}: one lead");
    assert_eq!(count_blocking(&url, "SELECT count(*) FROM communication"), 2, "{point}: both messages");
    for (half, sql) in HALVES {
        assert_eq!(count_blocking(&url, sql), 0, "{point}: {half}");
    }
    daemon.stop_cleanly();
}

#[test]
fn death_while_a_decision_is_written_leaves_no_half_of_it_on_sqlite() {
    for point in ["commit-before-write", "commit-after-write"] {
        die_and_start_again(point, Setup::new());
    }
}

#[test]
fn death_while_a_decision_is_written_leaves_no_half_of_it_on_postgres() {
    let server = Postgres::start(Fsync::On);
    for point in ["commit-before-write", "commit-after-write"] {
        die_and_start_again(point, Setup::new().database(&server.url(&server.database())));
    }
}
