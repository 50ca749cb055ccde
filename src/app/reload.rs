//! Taking over changes while running: rules and configuration, on SIGHUP and when files change.
//!
//! All or nothing: an invalid file changes nothing. Database and listeners need a restart, which the log says.
//! Both folders are watched, and looked at every half minute besides, because watching is silent on network file systems.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use notify::{RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{App, brain, mailboxes, rules};
use crate::config::{self, Config, HttpConfig};
use crate::delivery::Deliverers;
use crate::delivery::retrieve::Sources;
use crate::http::tls::{self, Pair};
use crate::intake::form::{FormSet, Gate};
use crate::intake::webhook::HookSet;
use crate::pipeline::Brain;

/// Changes settle this long before they are read.
const DEBOUNCE: Duration = Duration::from_millis(500);
/// Look without being told.
const POLL: Duration = Duration::from_secs(30);

/// The outbox worker in force.
#[derive(Debug)]
pub struct Outbox {
    deliverers: Mutex<Option<Deliverers>>,
    running: tokio::sync::Mutex<Option<(String, CancellationToken, JoinHandle<()>)>>,
}

impl Outbox {
    /// With the deliverers to start with.
    #[must_use]
    pub fn new(deliverers: Deliverers) -> Self {
        Self { deliverers: Mutex::new(Some(deliverers)), running: tokio::sync::Mutex::default() }
    }
}

/// Starts the outbox worker with the deliverers of the start.
pub fn start_outbox(app: &Arc<App>, owner: &str) {
    let deliverers = app.outbox.deliverers.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default();
    let cancel = app.life.work.child_token();
    let handle = super::spawn_outbox(super::outbox_deps(app, deliverers, owner, cancel.clone()));
    if let Ok(mut running) = app.outbox.running.try_lock() {
        *running = Some((owner.to_owned(), cancel, handle));
    }
}

/// Replaces the deliverers: the old worker ends first, so that no effect is delivered twice at once.
async fn replace_outbox(app: &Arc<App>, deliverers: Deliverers) {
    let mut running = app.outbox.running.lock().await;
    let Some((owner, cancel, handle)) = running.take() else { return };
    cancel.cancel();
    handle.await.ok();
    let cancel = app.life.work.child_token();
    let handle = super::spawn_outbox(super::outbox_deps(app, deliverers, &owner, cancel.clone()));
    *running = Some((owner, cancel, handle));
}

/// Watches files and SIGHUP until the doors close.
pub fn watch(app: &Arc<App>) {
    let changed = Arc::new(Notify::new());
    let watcher = watcher(app, &changed);
    let app = Arc::clone(app);
    app.life.door_tasks.clone().spawn(async move {
        let _kept_alive = watcher;
        let mut seen = app.loaded;
        loop {
            tokio::select! {
                () = app.life.doors.cancelled() => return,
                () = app.life.reload.notified() => {
                    tracing::info!("reload asked for");
                    seen = fingerprint(&app);
                    reload(&app).await;
                    renew_certificate(&app);
                    continue;
                }
                () = changed.notified() => tokio::time::sleep(DEBOUNCE).await,
                () = tokio::time::sleep(POLL) => {}
            }
            let now = fingerprint(&app);
            if now != seen {
                seen = now;
                reload(&app).await;
            }
            renew_certificate(&app);
        }
    });
}

/// Takes over certificate and key of HTTPS when their files hold something else.
fn renew_certificate(app: &App) {
    if let (Some(certificates), Some(tls)) = (&app.certificates, &app.config.load().http.tls) {
        certificates.renew(tls, app.clock.now());
    }
}

fn watcher(app: &Arc<App>, changed: &Arc<Notify>) -> Option<notify::RecommendedWatcher> {
    let tell = Arc::clone(changed);
    let made = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|e| !e.kind.is_access()) {
            tell.notify_one();
        }
    });
    let mut eye = match made {
        Ok(eye) => eye,
        Err(error) => {
            tracing::warn!(%error, "files cannot be watched; they are looked at every {} s", POLL.as_secs());
            return None;
        }
    };
    let config = app.config.load();
    let folder = app.config_path.as_deref().and_then(|p| p.parent()).map(PathBuf::from);
    let of_certificates = config.http.tls.iter().flat_map(tls::folders);
    let own = [config.adapters.path.clone(), config.templates.path.clone()].into_iter().filter(|p| p.is_dir());
    let flat = folder.into_iter().chain(own).chain(of_certificates).map(|folder| (folder, RecursiveMode::NonRecursive));
    for (path, mode) in std::iter::once((config.rules.path.clone(), RecursiveMode::Recursive)).chain(flat) {
        let path = if path.as_os_str().is_empty() { PathBuf::from(".") } else { path };
        if let Err(error) = eye.watch(&path, mode) {
            tracing::warn!(%error, path = %path.display(), "cannot be watched; it is looked at every {} s", POLL.as_secs());
        }
    }
    Some(eye)
}

fn fingerprint(app: &App) -> blake3::Hash {
    let config = app.config.load();
    fingerprint_of(app.config_path.as_deref(), &config)
}

/// A hash over the configuration file, adapters, templates and the rules folder; unreadable counts as content of its own.
/// Taken before they are read, so that a change in between is found as one.
#[must_use]
pub fn fingerprint_of(file: Option<&Path>, config: &Config) -> blake3::Hash {
    let mut hash = blake3::Hasher::new();
    if let Some(path) = file {
        hash.update(&std::fs::read(path).unwrap_or_default());
    }
    let folders = [&config.adapters.path, &config.templates.path];
    for (path, text) in folders.into_iter().flat_map(|folder| config::hook::files(folder)) {
        hash.update(path.as_os_str().as_encoded_bytes()).update(&[0]);
        hash.update(text.unwrap_or_default().as_bytes()).update(&[0]);
    }
    match config::rules_folder::read(&config.rules.path) {
        Ok(sources) => {
            for (name, text) in &sources.files {
                hash.update(name.as_bytes()).update(&[0]).update(text.as_bytes()).update(&[0]);
            }
        }
        Err(error) => {
            hash.update(error.to_string().as_bytes());
        }
    }
    hash.finalize()
}

/// Reads both again and takes over what is valid.
pub async fn reload(app: &Arc<App>) {
    let (config, mut refused_config) = match config::load_here(app.config_path.as_deref()) {
        Ok(config) => (Arc::new(config), None),
        Err(error) => {
            tracing::error!("the configuration is not taken over, the old one stays in force:\n{error}");
            (app.config.load_full(), Some(error.to_string()))
        }
    };
    let declared = config.declarations();
    match rules::compile(&config, &declared) {
        Ok((set, sources)) => {
            let set = Arc::new(set);
            if let Err(error) = take_over(app, &config, &set).await {
                tracing::error!("the configuration is not taken over, the old one stays in force: {error:#}");
                refused_config = Some(format!("{error:#}"));
            } else {
                rules::keep(&config, &sources);
                *app.untold.lock().unwrap_or_else(PoisonError::into_inner) = Some(sources);
                brain::tell_store_once(app).await;
                let which = if refused_config.is_some() { "rules" } else { "rules and configuration" };
                tracing::info!(rules = set.hash(), "{which} in force: {}", set.hash());
            }
            show(app, None, refused_config);
        }
        Err(why) if fits_before(app) => {
            let why = format!("the rules name what the configuration no longer has:\n{why}");
            tracing::error!("the configuration is not taken over, the old one stays in force: {why}");
            show(app, None, Some(why));
        }
        Err(why) => {
            tracing::error!("the rules are not taken over, the running set stays in force:\n{why}");
            show(app, Some(why), refused_config);
        }
    }
}

/// Whether the rules in the folder are right under the configuration in force: then it is the new one that is wrong.
fn fits_before(app: &App) -> bool {
    let config = app.config.load_full();
    rules::compile(&config, &config.declarations()).is_ok()
}

/// Tells operators whether what is in force is what lies in the files.
fn show(app: &App, stale: Option<String>, refused_config: Option<String>) {
    let well = |problem: &Option<String>| if problem.is_none() { 1.0 } else { 0.0 };
    metrics::gauge!("pisteur_rules_last_reload_successful").set(well(&stale));
    metrics::gauge!("pisteur_config_last_reload_successful").set(well(&refused_config));
    app.rules_state.store(Arc::new(brain::RulesState { stale, refused_config }));
}

/// Whether HTTPS is spoken at the same place in the same way; its files are not part of that.
fn same_tls(before: &HttpConfig, now: &HttpConfig) -> bool {
    let place = |http: &HttpConfig| http.tls.as_ref().map(|tls| (tls.listen.clone(), tls.hsts_seconds));
    place(before) == place(now)
}

async fn take_over(
    app: &Arc<App>,
    config: &Arc<Config>,
    set: &Arc<crate::domain::rules::RuleSet>,
) -> anyhow::Result<()> {
    if let Some(tls) = config.http.tls.as_ref().filter(|tls| app.config.load().http.tls.as_ref() != Some(*tls)) {
        Pair::read(&tls.certificate, &tls.key).context("http.tls")?;
    }
    // Everything that can fail is made first, and then taken over as a whole.
    let sources = Arc::new(Sources::renewed(config, &app.sources.load()).map_err(anyhow::Error::msg)?);
    let deliverers = brain::deliverers(config, &app.store, set, &app.mailboxes, &app.clock, &sources)?;
    let hooks = HookSet::renewed(config, &app.hooks.load()).map_err(anyhow::Error::msg)?;
    let captchas = Gate::prepare(&config.captcha).map_err(anyhow::Error::msg)?;
    app.telemetry.set_level(&config.log.level)?;
    app.gate.take_over(captchas);
    let before = app.config.load_full();
    let same_doors = before.limits.connections == config.limits.connections
        && before.limits.connections_per_client == config.limits.connections_per_client
        && before.limits.header_seconds == config.limits.header_seconds
        && before.limits.request_seconds == config.limits.request_seconds
        && before.limits.body_bytes_per_second == config.limits.body_bytes_per_second;
    for (key, same) in [
        ("limits of connections and time", same_doors),
        ("database", before.database == config.database),
        ("http.public", before.http.public == config.http.public),
        ("http.operator", before.http.operator == config.http.operator),
        ("http.tls", same_tls(&before.http, &config.http)),
        ("spool", before.spool == config.spool),
        ("worker", before.worker == config.worker),
        ("spill", before.spill == config.spill),
    ] {
        if !same {
            tracing::warn!(key, "{key} changed: it takes effect at the next start");
        }
    }
    let built = brain::build(config, Arc::clone(set), Arc::clone(&app.brain.load().model));
    // A newer model may have come in between.
    app.brain.rcu(|now| Brain { model: Arc::clone(&now.model), ..built.clone() });
    if before.form != config.form || before.limits != config.limits || before.http != config.http {
        app.forms.store(Arc::new(FormSet::renewed(&config.form, &config.limits, &config.http, &app.forms.load())));
    }
    app.hooks.store(Arc::new(hooks));
    app.sources.store(Arc::clone(&sources));
    app.config.store(Arc::clone(config));
    mailboxes::apply(app);
    replace_outbox(app, deliverers).await;
    if config.worker.enabled {
        sources.hasten(app.store.as_ref()).await;
    }
    Ok(())
}
