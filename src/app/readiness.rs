//! Ready means: arrivals can be journalled. Everything else that is wrong is a reason beside it.

use crate::app::App;
use crate::http::{Readiness, ReadinessReport};

/// The state of the moment.
#[must_use]
pub fn report(app: &App) -> ReadinessReport {
    if app.life.is_stopping() {
        return ReadinessReport { status: Readiness::Stopping, reasons: vec!["the daemon is stopping".to_owned()] };
    }
    let figures = app.stats.load();
    let mut reasons = Vec::new();
    let unwritable = app.unwritable.load_full();
    let sqlite = app.store.engine() == "sqlite";
    if !figures.reachable && sqlite {
        reasons.push("the database file cannot be read".to_owned());
    } else if !figures.reachable {
        reasons.push("the database is away; forms are journalled in the local spill".to_owned());
    }
    if figures.spilled > 0 {
        reasons.push(format!("{} arrivals wait in the local spill", figures.spilled));
    }
    if figures.set_aside > 0 {
        reasons.push(format!(
            "{} of them were refused by the database and are tried again every hour: the log says why",
            figures.set_aside
        ));
    }
    let files = app.rules_state.load();
    if files.stale.is_some() {
        reasons
            .push("the rules folder is broken; the last good rules are in force: run pisteur rules check".to_owned());
    }
    if files.refused_config.is_some() {
        reasons.push("the configuration file is wrong; the old one is in force: run pisteur check".to_owned());
    }
    for (queue, n) in figures.dead.iter().filter(|(_, n)| **n > 0) {
        let list =
            if *queue == "deliver" { "pisteur deliveries list" } else { "pisteur submissions list --state failed" };
        reasons.push(format!("{n} jobs of queue {queue} gave up; see: {list}"));
    }
    for status in app.mailboxes.handles.statuses() {
        if let Some((_, error)) = &status.last_error {
            reasons.push(format!("mailbox {}: {error}", status.id));
        }
        if let Some(trouble) = &status.tokens.trouble {
            reasons.push(format!("mailbox {}: {trouble}", status.id));
        }
    }
    for (hook, trouble) in app.sources.load().troubles() {
        reasons.push(format!("hook {hook} could not be asked for lost leads: {trouble}"));
    }
    reasons.extend(app.sources.load().waiting());
    if let Some(spool) = app.spool.load().as_ref() {
        let spool = spool.borrow();
        if !spool.problem.is_empty() {
            reasons.push(format!("the watched folder: {}", spool.problem));
        }
    }
    reasons.extend(app.certificates.iter().flat_map(|certificates| certificates.troubles(app.clock.now())));
    reasons.extend(app.gate.troubles(app.clock.now()));
    reasons.extend(app.hooks.load().troubles(app.clock.now()));
    reasons.extend(app.forms.load().proxies.unheeded().map(str::to_owned));
    reasons.extend(app.forms.load().uploads.trouble());
    // Without a spill, what the workers cannot write the doors cannot either.
    let refusal = app.journal.refusal().or_else(|| unwritable.as_deref().filter(|_| sqlite).cloned());
    if let Some(why) = unwritable.filter(|_| !sqlite) {
        reasons.push(format!("arrivals are journalled, but not worked on: {why}"));
    }
    reasons.extend(refusal.clone().map(|why| format!("arrivals cannot be journalled: {why}")));
    let status = match (refusal.is_some(), reasons.is_empty()) {
        (true, _) => Readiness::Unavailable,
        (false, true) => Readiness::Ok,
        (false, false) => Readiness::Degraded,
    };
    ReadinessReport { status, reasons }
}
