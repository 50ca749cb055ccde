//! From configuration and rules to what the workers think with.

use std::sync::{Arc, PoisonError};

use crate::app::App;
use crate::app::mailboxes::Actors;
use crate::clock::Clock;
use crate::config::Config;
use crate::config::mailbox::After;
use crate::delivery::mark::MarkDelivery;
use crate::delivery::retrieve::Sources;
use crate::delivery::{self, Deliverers};
use crate::domain::matching::model::Model;
use crate::domain::rules::{RuleSet, RuleSources};
use crate::pipeline::Brain;
use crate::store::rows::{PersonRow, TeamRow};
use crate::store::{Store, StoreError};
use crate::telemetry::fail_point;

/// Whether what is in force is what lies in the files.
#[derive(Debug, Clone, Default)]
pub struct RulesState {
    /// Why the folder's content is not in force, if it is not.
    pub stale: Option<String>,
    /// Why the configuration file is not in force, if it is not.
    pub refused_config: Option<String>,
}

/// What the workers think with; `model` recognises people.
#[must_use]
pub fn build(config: &Config, rules: Arc<RuleSet>, model: Arc<Model>) -> Brain {
    let mut settings = config.read_settings();
    settings.abort_marker = fail_point::abort_marker();
    Brain {
        rules,
        declared: config.declarations(),
        settings,
        policy: config.policy(),
        delivery: config.delivery.clone(),
        visitors: Arc::new(config.visitor_forms()),
        marked_mailboxes: config.mailbox.iter().filter(|m| m.after != After::None).map(|m| m.id.clone()).collect(),
        model,
    }
}

/// Deliverers by kind, with owners' addresses from `people.toml`.
///
/// # Errors
/// When a secret is missing or a deliverer cannot be set up.
pub fn deliverers(
    config: &Config,
    store: &Arc<dyn Store>,
    rules: &Arc<RuleSet>,
    mailboxes: &Actors,
    clock: &Arc<dyn Clock>,
    sources: &Arc<Sources>,
) -> anyhow::Result<Deliverers> {
    let rules = Arc::clone(rules);
    let people = Arc::new(move |id: &str| {
        let person = rules.people().iter().find(|p| p.id == id && p.active)?;
        Some(delivery::mail::Recipient { name: person.name.clone(), email: person.email.clone()? })
    });
    let visitors = delivery::visitor::House::of(config, Arc::clone(clock));
    let mut all = delivery::deliverers(&config.delivery, store, people, visitors).map_err(anyhow::Error::msg)?;
    if let Some(scanner) = delivery::scan::Scanner::new(&config.clamav, Arc::clone(store)) {
        all.insert(delivery::SCAN.to_owned(), Arc::new(scanner));
    }
    let retrieve = delivery::retrieve::Retrieve::new(Arc::clone(sources), Arc::clone(store), Arc::clone(clock));
    all.insert(delivery::retrieve::RETRIEVE.to_owned(), Arc::new(retrieve));
    all.insert(delivery::MARK.to_owned(), Arc::new(MarkDelivery::new(mailboxes.handles.clone())));
    Ok(all)
}

/// Copies people and teams into their tables and keeps the set's source as long as decisions refer to it; tried again
/// until the database has them.
pub async fn tell_store_once(app: &App) {
    let Some(sources) = app.untold.lock().unwrap_or_else(PoisonError::into_inner).clone() else { return };
    let rules = Arc::clone(&app.brain.load().rules);
    if tell_store(&app.store, &rules, &sources).await {
        let mut untold = app.untold.lock().unwrap_or_else(PoisonError::into_inner);
        if untold.as_ref() == Some(&sources) {
            *untold = None;
        }
    }
}

async fn tell_store(store: &Arc<dyn Store>, rules: &RuleSet, sources: &RuleSources) -> bool {
    let people = rules.people().iter().map(|p| PersonRow {
        id: p.id.clone(),
        name: p.name.clone(),
        email: p.email.clone(),
        active: p.active,
        languages: p.languages.clone(),
    });
    let teams =
        rules.teams().iter().map(|t| TeamRow { id: t.id.clone(), name: t.name.clone(), members: t.members.clone() });
    let told = async {
        store.sync_people(people.collect(), teams.collect()).await?;
        let sources = serde_json::to_value(sources).unwrap_or_default();
        store.save_ruleset(rules.hash(), &sources).await
    };
    match told.await {
        Ok(()) => true,
        Err(StoreError::Away(_)) => false,
        Err(error) => {
            tracing::warn!(%error, "people and rules could not be copied into the database");
            false
        }
    }
}
