//! Wiring: configuration -> store, doors, workers, listeners. The only file that knows everyone.

pub mod brain;
pub mod gauges;
mod listeners;
pub mod mailboxes;
pub mod readiness;
pub mod recognition;
pub mod reload;
pub mod retention;
pub mod rules;
mod sweep;

use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::delivery;
use crate::delivery::retrieve::{Sources, backfill, waiting};
use crate::domain::rules::RuleSources;
use crate::http::tls::Certificates;
use crate::http::{self, OperatorDeps, PublicDeps, ServeLimits, handles};
use crate::intake::accept::Journal;
use crate::intake::form::{self, FormDoor, FormSet, Gate};
use crate::intake::spool::{self, SpoolDeps, SpoolStatus};
use crate::intake::webhook::{self, HookSet, WebhookDoor};
use crate::lifecycle::Lifecycle;
use crate::pipeline::Brain;
use crate::pipeline::outbox::{self, OutboxDeps, OutboxSettings};
use crate::pipeline::process::Processor;
use crate::pipeline::worker::{self, WorkerSettings};
use crate::store::{self, OpenOptions, Opened, Store};
use crate::telemetry::Telemetry;
use anyhow::Context as _;
use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::watch;

use self::listeners::Listeners;

/// Everything that runs, shared by reload, readiness and the figures.
#[derive(Debug)]
pub struct App {
    /// Where the configuration was read from, to read it again.
    pub config_path: Option<PathBuf>,
    /// The configuration in force.
    pub config: ArcSwap<Config>,
    /// Tokens and trackers.
    pub life: Lifecycle,
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    /// Rules and settings in force.
    pub brain: Arc<ArcSwap<Brain>>,
    /// Forms and limits in force.
    pub forms: Arc<ArcSwap<FormSet>>,
    /// What judges submissions.
    pub gate: Arc<Gate>,
    /// Hooks in force.
    pub hooks: Arc<ArcSwap<HookSet>>,
    /// Where announced leads are fetched.
    pub sources: Arc<ArcSwap<Sources>>,
    /// Mailbox actors.
    pub mailboxes: mailboxes::Actors,
    /// Outbox worker.
    pub outbox: reload::Outbox,
    /// Hash of the files as they were when the daemon started.
    pub loaded: blake3::Hash,
    /// People and rules that the database does not have yet.
    pub untold: Mutex<Option<RuleSources>>,
    /// State of the rule set, for readiness.
    pub rules_state: ArcSwap<brain::RulesState>,
    /// Why nothing can be written into the database at present.
    pub unwritable: ArcSwapOption<String>,
    /// Newest figures of the store.
    pub stats: gauges::Latest,
    /// Logs and metrics.
    pub telemetry: Telemetry,
    /// What the doors write through.
    pub journal: Journal,
    /// How the watched folder is doing.
    pub spool: ArcSwapOption<watch::Receiver<SpoolStatus>>,
    /// Where the listeners are.
    pub addresses: Addresses,
    /// Certificate and key of HTTPS, when it is spoken.
    pub certificates: Option<Arc<Certificates>>,
    /// Keeps a second daemon off a SQLite file.
    pub sole: Option<File>,
}

/// Where the listeners are.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Addresses {
    pub public: SocketAddr,
    pub operator: SocketAddr,
    /// Where HTTPS is spoken: `public` itself or an own one.
    pub tls: Option<SocketAddr>,
}

/// Opens the database that `config` names.
///
/// # Errors
/// When it cannot be used; the message says what to do.
pub async fn open_store(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<(Arc<dyn Store>, Opened)> {
    let options = OpenOptions {
        url: config.database.clone(),
        spill: true,
        spill_dir: config.spill.dir.clone(),
        spill_limit: config.spill.limit_bytes(),
        allow_unsafe_server: config.allow_unsafe_server,
        clock: Arc::clone(clock),
        migrate: true,
    };
    Ok(store::open(options).await?)
}

/// Builds and starts everything; the daemon serves when this returns.
///
/// # Errors
/// When something the daemon cannot do without is not to be had: rules, ports, database, folders.
pub async fn start(
    config: Config,
    config_path: Option<PathBuf>,
    telemetry: Telemetry,
) -> anyhow::Result<(Arc<App>, Opened)> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let declared = config.declarations();
    let fingerprint = reload::fingerprint_of(config_path.as_deref(), &config);
    let loaded = rules::start(&config, &declared)?;
    let listeners = listeners::take(&config.http, clock.now()).await?;
    let (addresses, certificates) = (listeners.addresses(), listeners.certificates.clone());
    let sole = sole_daemon(&config)?;
    let (store, opened) = open_store(&config, &clock).await?;
    let taken_back = if config.worker.enabled { store.recover().await.unwrap_or(0) } else { 0 };
    if taken_back > 0 {
        tracing::info!(jobs = taken_back, "{taken_back} jobs of an earlier life are taken up again");
    }
    let model = Arc::new(recognition::model(store.as_ref()).await);
    let life = Lifecycle::default();
    let mailboxes = mailboxes::Actors::default();
    let sources = Arc::new(Sources::new(&config).map_err(anyhow::Error::msg)?);
    let outbox = brain::deliverers(&config, &store, &loaded.rules, &mailboxes, &clock, &sources)?;
    let outbox = reload::Outbox::new(outbox);
    if config.worker.enabled {
        sources.hasten(store.as_ref()).await;
    }
    let gate = Arc::new(Gate::new(&config.captcha, &*clock).map_err(anyhow::Error::msg)?);
    gauges::settle_keys(&gate, &store, &*clock).await;
    let journal = Journal::new(Arc::clone(&store), Arc::clone(&clock), life.door_tasks.clone());
    let app = Arc::new(App {
        config_path,
        journal,
        untold: Mutex::new(Some(loaded.sources)),
        loaded: fingerprint,
        life,
        brain: Arc::new(ArcSwap::from_pointee(brain::build(&config, Arc::clone(&loaded.rules), model))),
        forms: Arc::new(ArcSwap::from_pointee(FormSet::new(&config.form, &config.limits, &config.http))),
        gate,
        hooks: Arc::new(ArcSwap::from_pointee(HookSet::new(&config).map_err(anyhow::Error::msg)?)),
        sources: Arc::new(ArcSwap::new(sources)),
        mailboxes,
        outbox,
        rules_state: ArcSwap::from_pointee(brain::RulesState { stale: loaded.stale, refused_config: None }),
        unwritable: ArcSwapOption::empty(),
        stats: gauges::before_the_first_look(),
        telemetry,
        spool: ArcSwapOption::empty(),
        sole,
        addresses,
        certificates,
        store,
        clock,
        config: ArcSwap::from_pointee(config),
    });
    app.life.listen().context("signal handlers")?;
    run_workers(&app);
    run_doors(&app, listeners);
    Ok((app, opened))
}

/// Two daemons on one SQLite file would take each other's jobs: the second one is refused. The file stays locked as long
/// as the process lives, however it ends.
fn sole_daemon(config: &Config) -> anyhow::Result<Option<File>> {
    let Some(database) = config.sqlite_path() else { return Ok(None) };
    let path = database.with_added_extension("lock");
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("database: cannot create {}", folder.display()))?;
    }
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("database: cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => anyhow::bail!(
            "database: another pisteur serves {}; stop it first, or use PostgreSQL for several daemons",
            database.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("database: cannot lock {}", path.display()))
        }
    }
}

fn run_workers(app: &Arc<App>) {
    let config = app.config.load_full();
    let owner = format!("{}-{}", std::process::id(), app.clock.new_id());
    if config.worker.enabled {
        let processor = Arc::new(Processor {
            store: Arc::clone(&app.store),
            clock: Arc::clone(&app.clock),
            brain: Arc::clone(&app.brain),
            max_failures: i64::from(config.worker.max_attempts),
            lease: config.worker.lease(),
        });
        let settings = WorkerSettings {
            owner: owner.clone(),
            workers: config.worker.threads_or_default(),
            batch: config.worker.batch,
            lease: config.worker.lease(),
            max_crashes: i64::from(config.worker.max_crashes),
            program: std::env::current_exe().ok(),
            idle: worker::IDLE,
        };
        worker::spawn(&processor, &settings, &app.life.work_tasks, &app.life.work);
        reload::start_outbox(app, &owner);
        app.life.door_tasks.spawn(retention::keep(Arc::clone(app)));
        app.life.door_tasks.spawn(sweep::keep(Arc::clone(app), format!("{owner}/sweep")));
        let deps = backfill::BackfillDeps {
            sources: Arc::clone(&app.sources),
            store: Arc::clone(&app.store),
            clock: Arc::clone(&app.clock),
            owner: format!("{owner}/backfill"),
        };
        app.life.door_tasks.spawn(waiting::run(deps.clone(), app.life.doors.clone()));
        app.life.door_tasks.spawn(backfill::run(deps, app.life.doors.clone()));
    } else {
        tracing::info!("worker.enabled = false: this daemon journals only, another one processes");
    }
    app.life.door_tasks.spawn(gauges::refresh(Arc::clone(app)));
    app.life.door_tasks.spawn(recognition::keep(Arc::clone(app)));
}

/// The outbox worker over the deliverers in force.
#[must_use]
pub fn outbox_deps(
    app: &App,
    deliverers: delivery::Deliverers,
    owner: &str,
    cancel: tokio_util::sync::CancellationToken,
) -> OutboxDeps {
    let config = app.config.load();
    OutboxDeps {
        store: Arc::clone(&app.store),
        clock: Arc::clone(&app.clock),
        deliverers,
        owner: format!("{owner}/outbox"),
        settings: OutboxSettings::of(&config.delivery),
        cancel,
        tracker: app.life.work_tasks.clone(),
    }
}

/// Starts the outbox worker.
pub fn spawn_outbox(deps: OutboxDeps) -> tokio::task::JoinHandle<()> {
    outbox::spawn(deps)
}

fn run_doors(app: &Arc<App>, listeners: Listeners) {
    let config = app.config.load_full();
    let (cancel, tracker) = (&app.life.doors, &app.life.door_tasks);
    let journal = app.journal.clone();
    let door =
        Arc::new(FormDoor { journal: journal.clone(), gate: Arc::clone(&app.gate), forms: Arc::clone(&app.forms) });
    let hooks = Arc::new(WebhookDoor {
        journal: journal.clone(),
        forms: Arc::clone(&app.forms),
        hooks: Arc::clone(&app.hooks),
    });
    let mut limits = ServeLimits::new(&config.limits, &config.http);
    limits.connections = handles::connections(limits.connections, handles::raise() / listeners.public.len().max(1));
    let of_operators = ServeLimits { connections: handles::OPERATOR_CONNECTIONS, ..limits.clone() };
    let clock = || Arc::clone(&app.clock);
    let router = http::public_router(PublicDeps { door, hooks });
    for bound in listeners.public {
        let serving = http::serve(bound, router.clone(), limits.clone(), clock(), cancel.clone(), tracker.clone());
        tracker.spawn(serving);
    }
    let (ready, described, render) = (Arc::clone(app), Arc::clone(app), app.telemetry.clone());
    let router = http::operator_router(OperatorDeps {
        readiness: Arc::new(move || readiness::report(&ready)),
        metrics: Arc::new(move || render.render()),
        openapi: Arc::new(move || http::openapi::document(&described.config.load())),
    });
    tracker.spawn(http::serve(listeners.operator, router, of_operators, clock(), cancel.clone(), tracker.clone()));
    tracker.spawn(webhook::tend(Arc::clone(&app.hooks), cancel.clone()));
    tracker.spawn(form::tend(Arc::clone(&app.forms), cancel.clone()));
    if config.spool.enabled {
        let deps = SpoolDeps { journal, forms: Arc::clone(&app.forms) };
        app.spool.store(Some(Arc::new(spool::spawn(&config.spool, deps, tracker, cancel.clone()))));
    }
    mailboxes::apply(app);
    reload::watch(app);
}

impl App {
    /// Serves until a signal, then ends in order; true when everything ended in time.
    pub async fn run(self: &Arc<Self>) -> bool {
        self.life.run_to_end(&self.store).await
    }
}
