//! One engine measured: start-up, journal, forms end to end, Dovecot end to end, memory.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::figures::{cpu_seconds, median, memory_mb, millis};
use crate::raw;
use crate::support::daemon::{Daemon, Setup};
use crate::support::dovecot::Dovecot;
use crate::support::ledger::count_blocking;
use crate::support::load;
use crate::support::postgres::Postgres;
use crate::support::wait;

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    accepts_one: usize,
    accepts_many: usize,
    forms: usize,
    mails: usize,
    repeats: usize,
}

impl Size {
    /// A few minutes.
    pub const SHORT: Self = Self { accepts_one: 1_000, accepts_many: 10_000, forms: 5_000, mails: 3_000, repeats: 3 };
    /// To see that it works.
    pub const QUICK: Self = Self { accepts_one: 300, accepts_many: 3_000, forms: 2_000, mails: 1_000, repeats: 1 };
    /// As long as it takes to be sure.
    pub const FULL: Self = Self { accepts_one: 5_000, accepts_many: 30_000, forms: 20_000, mails: 10_000, repeats: 5 };
}

/// What one engine did. Rates are a second.
#[derive(Debug, Default)]
pub struct Figures {
    start: Duration,
    idle_mb: f64,
    peak_mb: f64,
    accepts_one: f64,
    accepts_many: f64,
    raw_accepts_one: f64,
    raw_accepts_many: f64,
    forms: f64,
    raw_leads: f64,
    pgbench: f64,
    request_p50: Duration,
    request_p99: Duration,
    lead_p50_ms: f64,
    lead_p99_ms: f64,
    cpu_ms_per_lead: f64,
    generator_share: f64,
    mails: f64,
    raw_fetch: f64,
}

/// Requests timed from request to committed lead.
const LATENCIES: usize = 300;

const NO_LIMITS: &str = "[limits]\nper_client_per_minute = 0\nper_form_per_minute = 0\n";

fn setup(server: Option<&Postgres>) -> Setup {
    let setup = Setup::new().contact_form().tables(NO_LIMITS);
    match server {
        Some(server) => setup.database(&server.url(&server.database())),
        None => setup,
    }
}

fn body(number: usize) -> String {
    format!(
        "name=Prenom{number}+Nom{number}&email=personne{number}%40societe-{number}.fr&phone=%2B336{:08}\
         &message=Bonjour%2C+je+voudrais+recevoir+votre+catalogue+numero+{number}.+Merci+d%27avance.",
        number % 100_000_000
    )
}

fn post(daemon: &Daemon, count: usize, clients: usize) -> load::LoadResult {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let run =
        load::post_forms(daemon.public().addr, "contact", (0..count).collect(), clients, Duration::from_secs(60), body);
    let result = runtime.block_on(run);
    assert!(result.unanswered.is_empty(), "{} posts without an answer", result.unanswered.len());
    result
}

/// Waits until every arrival is settled; looks seldom, so that looking costs little.
fn settled(url: &str, leads: usize) {
    let want = i64::try_from(leads).expect("small");
    wait::until("every arrival is settled", Duration::from_secs(600), || {
        std::thread::sleep(Duration::from_millis(40));
        count_blocking(url, "SELECT count(*) FROM job") == 0 && count_blocking(url, "SELECT count(*) FROM lead") >= want
    });
}

fn file_of(url: &str) -> Option<PathBuf> {
    url.strip_prefix("sqlite://").map(|p| Path::new(p).to_owned())
}

/// Measures one thing.
type Part = fn(&mut Figures, &Size, Option<&Postgres>);

/// Measures one engine: SQLite without a server.
/// `only` names the one part wanted.
pub fn measure(size: &Size, server: Option<&Postgres>, only: Option<&str>) -> Figures {
    let engine = if server.is_some() { "PostgreSQL" } else { "SQLite" };
    let mut f = Figures::default();
    let parts: [(&str, Part); 4] = [("start-up", start_up), ("journal", journal), ("forms", forms), ("mails", mails)];
    for (name, part) in parts.into_iter().filter(|(name, _)| only.is_none_or(|only| only == *name)) {
        let began = Instant::now();
        part(&mut f, size, server);
        eprintln!("{engine}: {name} measured in {:.0} s", began.elapsed().as_secs_f64());
    }
    f
}

fn start_up(f: &mut Figures, size: &Size, server: Option<&Postgres>) {
    let mut daemon = setup(server).start();
    let mut starts = Vec::new();
    for _ in 0..size.repeats {
        daemon.stop_cleanly();
        let begun = Instant::now();
        daemon.restart();
        starts.push(begun.elapsed().as_secs_f64());
    }
    f.start = Duration::from_secs_f64(median(&starts));
    f.idle_mb = memory_mb(daemon.id(), "VmRSS");
    daemon.stop_cleanly();
}

fn journal(f: &mut Figures, size: &Size, server: Option<&Postgres>) {
    let (mut one, mut many, mut raw_one, mut raw_many) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let sample = sample(size, true);
    for _ in 0..size.repeats {
        let mut daemon = setup(server).tables("[worker]\nenabled = false\n").start();
        one.push(post(&daemon, size.accepts_one, 1).rate());
        daemon.stop_cleanly();
        let mut daemon = setup(server).tables("[worker]\nenabled = false\n").start();
        many.push(post(&daemon, size.accepts_many, 64).rate());
        daemon.stop_cleanly();
        raw_one.push(sample.raw(server, true, size.accepts_one, 1));
        raw_many.push(sample.raw(server, true, size.forms, 64));
    }
    (f.accepts_one, f.accepts_many) = (median(&one), median(&many));
    (f.raw_accepts_one, f.raw_accepts_many) = (median(&raw_one), median(&raw_many));
}

/// A database with what a daemon wrote, from which the raw loops take their rows.
struct Sample {
    daemon: Daemon,
}

/// Lets a daemon on SQLite take `size.forms` forms, and settle them unless only journalled.
fn sample(size: &Size, journal_only: bool) -> Sample {
    let worker = if journal_only { "[worker]\nenabled = false\n" } else { "" };
    let mut daemon = setup(None).tables(worker).start();
    post(&daemon, size.forms, 64);
    if !journal_only {
        settled(daemon.setup().database_url(), size.forms);
    }
    daemon.stop_cleanly();
    Sample { daemon }
}

impl Sample {
    async fn rows(&self, journal_only: bool) -> raw::Rows {
        let path = file_of(self.daemon.setup().database_url()).expect("a file");
        if journal_only { raw::Rows::journal(&path).await } else { raw::Rows::all(&path).await }
    }

    /// Arrivals a second of a plain loop over the same rows, `group` in a transaction, in a fresh database.
    fn raw(&self, server: Option<&Postgres>, journal_only: bool, count: usize, group: usize) -> f64 {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let rows = runtime.block_on(self.rows(journal_only)).first(count);
        let Some(server) = server else { return runtime.block_on(rows.write_sqlite(group)) };
        let target = setup(Some(server));
        assert!(target.run(&["migrate"]).status.success());
        runtime.block_on(rows.write_postgres(target.database_url(), group))
    }
}

fn forms(f: &mut Figures, size: &Size, server: Option<&Postgres>) {
    let (mut rates, mut raw_rates, mut cpu, mut own) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let sample = sample(size, false);
    for _ in 0..size.repeats {
        let mut daemon = setup(server).start();
        let url = daemon.setup().database_url().to_owned();
        let (daemon_before, own_before) = (cpu_seconds(daemon.id()), cpu_seconds(std::process::id()));
        let begun = Instant::now();
        let result = post(&daemon, size.forms, 64);
        own.push((cpu_seconds(std::process::id()) - own_before) / begun.elapsed().as_secs_f64() / 2.0);
        settled(&url, size.forms);
        rates.push(size.forms as f64 / begun.elapsed().as_secs_f64());
        cpu.push((cpu_seconds(daemon.id()) - daemon_before) * 1000.0 / size.forms as f64);
        (f.request_p50, f.request_p99) = (result.latency(0.5), result.latency(0.99));
        f.peak_mb = memory_mb(daemon.id(), "VmHWM").max(f.peak_mb);
        (f.lead_p50_ms, f.lead_p99_ms) = lead_latency(&daemon, &url);
        daemon.stop_cleanly();
        raw_rates.push(sample.raw(server, false, size.forms, 64));
    }
    (f.forms, f.raw_leads) = (median(&rates), median(&raw_rates));
    (f.cpu_ms_per_lead, f.generator_share) = (median(&cpu), median(&own));
    if let Some(server) = server {
        f.pgbench = pgbench(server, size, &sample);
    }
}

/// From the request being sent to the lead being seen by another connection to the database, one request after the
/// other: p50 and p99 in milliseconds.
fn lead_latency(daemon: &Daemon, url: &str) -> (f64, f64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let first = 10_000_000;
    let mut waits = runtime.block_on(async {
        let mut eye = raw::Eye::open(url).await;
        let mut waits = Vec::new();
        for number in first..first + LATENCIES {
            let begun = Instant::now();
            let wait = Duration::from_secs(60);
            let posted = load::post_forms(daemon.public().addr, "contact", vec![number], 1, wait, body).await;
            let (_, id) = posted.acknowledged.first().expect("an acknowledgement");
            while !eye.sees_lead_of(id).await {}
            waits.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        waits
    });
    waits.sort_by(f64::total_cmp);
    (waits[LATENCIES / 2], waits[LATENCIES * 99 / 100])
}

/// Leads a second of pgbench with the same statements, one lead in a transaction, eight clients.
fn pgbench(server: &Postgres, size: &Size, sample: &Sample) -> f64 {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let script = runtime.block_on(sample.rows(false)).pgbench_script();
    let target = setup(Some(server));
    assert!(target.run(&["migrate"]).status.success());
    let file = target.dir().join("lead.pgbench");
    std::fs::write(&file, script).expect("written");
    let database = target.database_url().rsplit('/').next().expect("a name").to_owned();
    server.psql(&database, "CREATE SEQUENCE bench_numbers START 1000000");
    server.psql(&database, &format!("ALTER DATABASE \"{database}\" SET session_replication_role = replica"));
    let mut rates = Vec::new();
    for _ in 0..size.repeats {
        let out = std::process::Command::new(server.program("pgbench"))
            .args(["-n", "-M", "prepared", "-c", "8", "-j", "2", "-T", "5", "-h", "127.0.0.1", "-U", "postgres", "-p"])
            .arg(server.port().to_string())
            .arg("-f")
            .arg(&file)
            .arg(&database)
            .output()
            .expect("pgbench runs");
        let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        let tps = text.lines().find_map(|l| l.strip_prefix("tps = ")).and_then(|l| l.split(' ').next()?.parse().ok());
        rates.push(tps.unwrap_or_else(|| panic!("pgbench: {text}")));
    }
    median(&rates)
}

fn mails(f: &mut Figures, size: &Size, server: Option<&Postgres>) {
    let (mut rates, mut raw_rates) = (Vec::new(), Vec::new());
    for _ in 0..size.repeats {
        let dovecot = Dovecot::start();
        for n in 0..size.mails {
            dovecot.deliver("sales", &mail(n));
        }
        raw_rates.push(raw::fetch_loop(dovecot.port(), "sales", size.mails));
        let mailbox = format!(
            "[[mailbox]]\nid = \"sales\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nuser = \"sales\"\n\
             password = {{ env = \"SALES_PASSWORD\" }}\nfirst_run = \"all\"\n",
            dovecot.port()
        );
        let begun = Instant::now();
        let mut daemon = setup(server).tables(&mailbox).env("SALES_PASSWORD", "secret").start();
        let url = daemon.setup().database_url().to_owned();
        settled(&url, size.mails);
        rates.push(size.mails as f64 / begun.elapsed().as_secs_f64());
        f.peak_mb = memory_mb(daemon.id(), "VmHWM").max(f.peak_mb);
        daemon.stop_cleanly();
    }
    (f.mails, f.raw_fetch) = (median(&rates), median(&raw_rates));
}

fn mail(number: usize) -> Vec<u8> {
    let line = "Nous aimerions connaitre vos delais de livraison et vos conditions pour cette commande.\r\n";
    format!(
        "Received: from mx.societe-{number}.fr by mail.our-company.example; Fri, 20 Nov 2026 10:00:01 +0100\r\n\
         From: Prenom{number} Nom{number} <personne{number}@societe-{number}.fr>\r\nTo: sales@our-company.example\r\n\
         Subject: Question sur le produit {number}\r\nMessage-ID: <m{number}@societe-{number}.fr>\r\n\
         Date: Fri, 20 Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         Bonjour,\r\n\r\n{}\r\nCordialement,\r\nPrenom{number} Nom{number}\r\nTel. 06 {:02} {:02} {:02} 89\r\n",
        line.repeat(30),
        number / 10_000 % 100,
        number / 100 % 100,
        number % 100
    )
    .into_bytes()
}

/// What the figures were taken under.
pub fn conditions(size: &Size) -> String {
    let binary = std::fs::metadata(env!("CARGO_BIN_EXE_pisteur")).map_or(0, |m| m.len());
    let profile = if cfg!(debug_assertions) { "DEBUG BUILD: these figures mean nothing" } else { "release build" };
    format!(
        "{profile}, {} processors, binary {:.1} MB, medians of {} runs; {size:?}",
        std::thread::available_parallelism().map_or(0, usize::from),
        binary as f64 / 1e6,
        size.repeats
    )
}

/// The rows of the table.
pub fn rows(a: &Figures, b: &Figures) -> Vec<(String, String, String)> {
    let rate = |v: f64| if v.is_finite() && v > 0.0 { format!("{v:.0}") } else { "-".to_owned() };
    let both = |name: &str, of: &dyn Fn(&Figures) -> String| (name.to_owned(), of(a), of(b));
    vec![
        both("durable accepts/s, 1 client", &|f| rate(f.accepts_one)),
        both("  raw: same inserts, 1 a transaction", &|f| rate(f.raw_accepts_one)),
        both("durable accepts/s, 64 clients", &|f| rate(f.accepts_many)),
        both("  raw: same inserts, 64 a transaction", &|f| rate(f.raw_accepts_many)),
        both("forms to leads/s, end to end", &|f| rate(f.forms)),
        both("  raw: same rows in a loop, 64 leads a transaction", &|f| rate(f.raw_leads)),
        both("  pgbench: same rows, 8 clients, 1 lead a transaction", &|f| rate(f.pgbench)),
        both("  request p50 / p99 under that load", &|f| {
            format!("{} / {}", millis(f.request_p50), millis(f.request_p99))
        }),
        both("  request to visible lead p50 / p99, 1 client", &|f| {
            format!("{:.1} / {:.1} ms", f.lead_p50_ms, f.lead_p99_ms)
        }),
        both("  processor ms a lead", &|f| format!("{:.2}", f.cpu_ms_per_lead)),
        both("  load generator's share of the machine", &|f| format!("{:.0} %", f.generator_share * 100.0)),
        both("Dovecot to leads/s, end to end", &|f| rate(f.mails)),
        both("  raw: plain FETCH loop", &|f| rate(f.raw_fetch)),
        both("start-up", &|f| millis(f.start)),
        both("memory idle / peak", &|f| format!("{:.1} / {:.1} MB", f.idle_mb, f.peak_mb)),
    ]
}
