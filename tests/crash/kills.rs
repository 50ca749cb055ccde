//! `kill -9` at points of progress spread over the whole run, for forms and for Dovecot, on both engines.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::daemon::{Daemon, Setup};
use crate::support::dovecot::Dovecot;
use crate::support::ledger::{count_blocking, texts_blocking};
use crate::support::load::{self, LoadResult};
use crate::support::postgres::{Fsync, Postgres};
use crate::support::wait;

const NO_LIMITS: &str = "[limits]\nper_client_per_minute = 0\nper_form_per_minute = 0\n[worker]\nlease_seconds = 5\n";

/// Arrivals and kills of a run.
fn size() -> (usize, usize) {
    if std::env::var_os("PISTEUR_FULL").is_some() { (10_000, 20) } else { (1_200, 5) }
}

/// What the books say after everything is settled.
#[derive(Debug)]
struct Ledger {
    arrivals: i64,
    repeats: i64,
    decided: i64,
    unsettled: i64,
    other: i64,
    jobs: i64,
    leads: i64,
    people: i64,
    communications: i64,
}

impl Ledger {
    fn read(url: &str) -> Self {
        let count = |sql| count_blocking(url, sql);
        Self {
            arrivals: count("SELECT count(*) FROM arrival"),
            repeats: count("SELECT count(*) FROM arrival WHERE duplicate_of IS NOT NULL"),
            decided: count("SELECT count(*) FROM arrival WHERE state = 'decided' AND duplicate_of IS NULL"),
            unsettled: count("SELECT count(*) FROM arrival WHERE state IN ('received', 'processing')"),
            other: count("SELECT count(*) FROM arrival WHERE state NOT IN ('received', 'processing', 'decided')"),
            jobs: count("SELECT count(*) FROM job"),
            leads: count("SELECT count(*) FROM lead"),
            people: count("SELECT count(DISTINCT normalised) FROM contact_point WHERE class = 'email'"),
            communications: count("SELECT count(*) FROM communication"),
        }
    }

    /// Every arrival has exactly one effect and every person exactly one lead.
    fn balances(&self, people: i64) {
        println!("ledger: {self:?}");
        assert_eq!(self.unsettled, 0, "arrivals left unsettled");
        assert_eq!(self.other, 0, "arrivals that are neither decided nor a repeat");
        assert_eq!(self.jobs, 0, "jobs left behind");
        assert_eq!(self.arrivals, self.decided + self.repeats);
        assert_eq!(self.communications, self.decided, "one communication for each decided arrival");
        assert_eq!(self.people, people, "people known");
        assert_eq!(self.leads, people, "one lead for each person");
    }
}

fn settled(url: &str) {
    wait::until("every arrival is settled", Duration::from_secs(900), || {
        count_blocking(url, "SELECT count(*) FROM arrival WHERE state IN ('received', 'processing')") == 0
    });
}

/// Kills and restarts the daemon each time another share of `total` arrivals exists, until `kills` are done. Fails when
/// none of them fell while work was left.
fn kill_along(daemon: &mut Daemon, total: usize, kills: usize, progress: &'static str, done: &AtomicBool) -> String {
    let url = daemon.setup().database_url().to_owned();
    let (mut killed, mut under_load) = (0, 0);
    let all = i64::try_from(total).expect("small");
    while killed < kills {
        let share = i64::try_from((total * (killed + 1)) / (kills + 2)).expect("small");
        wait::until("progress", Duration::from_secs(900), || {
            done.load(Ordering::Relaxed) || count_blocking(&url, progress) >= share
        });
        // Where in the work the kill falls differs from run to run: the next statement, the next fsync, the next read.
        under_load += usize::from(!done.load(Ordering::Relaxed) && count_blocking(&url, progress) < all);
        daemon.kill9();
        killed += 1;
        daemon.restart();
    }
    assert!(under_load > 0, "all {killed} kills came when the work was done");
    format!("{killed} kills, {under_load} of them under load")
}

fn body(number: usize) -> String {
    format!(
        "name=Prenom{number}+Nom{number}&email=personne{number}%40societe-{number}.fr&message=Bonjour+{number}\
         &_submission_id=essai-{number}"
    )
}

fn forms_survive(setup: Setup) {
    let (total, kills) = size();
    let mut daemon = setup.contact_form().tables(NO_LIMITS).start();
    let url = daemon.setup().database_url().to_owned();
    let done = Arc::new(AtomicBool::new(false));
    let (finished, addr) = (Arc::clone(&done), daemon.public().addr);
    let poster = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut whole = LoadResult::default();
        let mut open: Vec<usize> = (0..total).collect();
        // A visitor whose browser got no answer sends the form again.
        while !open.is_empty() {
            let run = runtime.block_on(load::post_forms(addr, "contact", open, 16, Duration::from_secs(120), body));
            whole.acknowledged.extend(run.acknowledged);
            whole.latencies.extend(run.latencies);
            whole.elapsed += run.elapsed;
            open = run.unanswered;
        }
        finished.store(true, Ordering::Relaxed);
        whole
    });
    let killed = kill_along(&mut daemon, total, kills, "SELECT count(*) FROM arrival", &done);
    let load = poster.join().expect("the load ends");
    settled(&url);
    let by_number: BTreeMap<usize, String> = load.acknowledged.iter().cloned().collect();
    assert_eq!(by_number.len(), total, "every form was acknowledged in the end");
    let known: BTreeSet<String> = texts_blocking(&url, "SELECT ulid FROM arrival").into_iter().collect();
    let lost: Vec<_> = load.acknowledged.iter().filter(|(_, id)| !known.contains(id)).collect();
    assert!(lost.is_empty(), "acknowledged and not in the journal: {lost:?}");
    println!(
        "forms: {total} people, {killed}, {} acknowledgements, {:.0} a second, p99 {:.0?}",
        load.acknowledged.len(),
        load.rate(),
        load.latency(0.99)
    );
    Ledger::read(&url).balances(i64::try_from(total).expect("small"));
    daemon.stop_cleanly();
}

fn mail(number: usize) -> Vec<u8> {
    format!(
        "From: Prenom{number} Nom{number} <personne{number}@societe-{number}.fr>\r\nTo: sales@our-company.example\r\n\
         Subject: Question {number}\r\nMessage-ID: <m{number}@societe-{number}.fr>\r\n\
         Date: Fri, 20 Nov 2026 10:00:00 +0100\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         Bonjour, je voudrais des informations sur le produit {number}.\r\n"
    )
    .into_bytes()
}

fn mails_survive(setup: Setup) {
    let (total, kills) = size();
    let dovecot = Dovecot::start();
    for number in 0..total {
        dovecot.deliver("sales", &mail(number));
    }
    let mailbox = format!(
        "{NO_LIMITS}\n[[mailbox]]\nid = \"sales\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nuser = \"sales\"\n\
         password = {{ env = \"SALES_PASSWORD\" }}\nfirst_run = \"all\"\n",
        dovecot.port()
    );
    let mut daemon = setup.contact_form().tables(&mailbox).env("SALES_PASSWORD", "secret").start();
    let url = daemon.setup().database_url().to_owned();
    let all = i64::try_from(total).expect("small");
    let never = AtomicBool::new(false);
    let killed = kill_along(&mut daemon, total, kills, "SELECT count(*) FROM arrival", &never);
    wait::until("every mail is journalled", Duration::from_secs(900), || {
        count_blocking(&url, "SELECT count(DISTINCT digest) FROM arrival") == all
    });
    settled(&url);
    println!("mails: {total} people, {killed}");
    Ledger::read(&url).balances(all);
    daemon.stop_cleanly();
}

fn on_postgres() -> (Postgres, Setup) {
    let server = Postgres::start(Fsync::On);
    let url = server.url(&server.database());
    (server, Setup::new().database(&url))
}

#[test]
fn forms_survive_kills_on_sqlite() {
    forms_survive(Setup::new());
}

#[test]
fn forms_survive_kills_on_postgres() {
    let (_server, setup) = on_postgres();
    forms_survive(setup);
}

#[test]
fn mails_survive_kills_on_sqlite() {
    mails_survive(Setup::new());
}

#[test]
fn mails_survive_kills_on_postgres() {
    let (_server, setup) = on_postgres();
    mails_survive(setup);
}
