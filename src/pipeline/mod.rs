//! From journal to record: workers take leases, the domain decides, one transaction writes.

pub mod around;
pub mod backoff;
pub mod explain;
pub mod import;
pub mod outbox;
mod portions;
pub mod probe;
pub mod process;
pub mod sweep;
pub mod trial;
pub mod visitors;
pub mod worker;

use crate::config::delivery::DeliveryConfig;
use crate::config::visitor::VisitorForms;
use crate::domain::decide::Policy;
use crate::domain::decision::Decision;
use crate::domain::matching::model::Model;
use crate::domain::reading::ReadSettings;
use crate::domain::rules::{Declarations, RuleSet};
use std::sync::Arc;

/// Everything a decision depends on that may change while running. Swapped whole on reload; one batch keeps one.
#[derive(Debug, Clone)]
pub struct Brain {
    /// The compiled rules.
    pub rules: Arc<RuleSet>,
    /// What the configuration declares.
    pub declared: Declarations,
    /// How arrivals are read.
    pub settings: ReadSettings,
    /// What the house decided once for all.
    pub policy: Policy,
    /// Which effects follow a commit.
    pub delivery: DeliveryConfig,
    /// Forms that mail their visitors.
    pub visitors: Arc<VisitorForms>,
    /// Mailboxes whose messages are marked after the commit.
    pub marked_mailboxes: Vec<String>,
    /// How known people and organisations are recognised.
    pub model: Arc<Model>,
}

impl Brain {
    /// Says in the evidence by which model people were recognised; the number is 0 for the weights of the start.
    pub fn sign(&self, decision: &mut Decision) {
        if let Some(known) = decision.trace.get_mut("match").and_then(serde_json::Value::as_object_mut) {
            known.insert("model".to_owned(), self.model.id.into());
        }
    }
}
