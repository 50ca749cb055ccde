//! What a form wants confirmed before it counts: looked up once for a batch, and only where a form asks for it.

use std::sync::Arc;

use super::Brain;
use super::process::Read;
use crate::clock::Timestamp;
use crate::domain::decision::Decision;
use crate::domain::envelope::Channel;
use crate::domain::visitor::{self, Ask, Confirmed};
use crate::store::{Store, StoreResult};

/// How an arrival stands with what its form wants confirmed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// What is still to be confirmed.
    pub ask: Option<Ask>,
    /// When the last of what it agreed to was confirmed.
    pub confirmed_at: Option<Timestamp>,
}

/// How these arrivals stand, in their order. Asks the store only when a form of theirs wants something confirmed.
///
/// # Errors
/// When the database cannot be read.
pub async fn standings(store: Option<&Arc<dyn Store>>, brain: &Brain, reads: &[&Read]) -> StoreResult<Vec<Standing>> {
    let wanted: Vec<Option<Ask>> = reads.iter().map(|read| wanted(brain, read)).collect();
    let asked: Vec<(String, String)> = wanted
        .iter()
        .flatten()
        .flat_map(|ask| ask.purposes.iter().map(|purpose| (ask.email.canonical.clone(), purpose.clone())))
        .collect();
    let confirmed = match store {
        Some(store) if !asked.is_empty() => store.confirmed(&asked).await?,
        _ => Vec::new(),
    };
    let confirmed: Confirmed = confirmed.into_iter().map(|c| ((c.address, c.purpose), c.at)).collect();
    Ok(reads.iter().zip(wanted).map(|(read, ask)| standing(brain, read, ask, &confirmed)).collect())
}

fn wanted(brain: &Brain, read: &Read) -> Option<Ask> {
    // Nobody could confirm what an operator sent to see that it arrives.
    let tested = read.envelope.context.silent;
    let form = brain.visitors.get(&read.envelope.intake_id).filter(|form| form.double_opt_in.enabled && !tested)?;
    (read.envelope.channel == Channel::Form).then(|| visitor::wanted(&read.enquiry, &form.double_opt_in.purposes))?
}

fn standing(brain: &Brain, read: &Read, ask: Option<Ask>, confirmed: &Confirmed) -> Standing {
    let Some(ask) = ask else { return Standing::default() };
    let again = brain.visitors.get(&read.envelope.intake_id).is_some_and(|form| !form.double_opt_in.skip_confirmed);
    let mine = |key: &(String, String)| key.0 == ask.email.canonical && ask.purposes.contains(&key.1);
    // A form that asks every time counts only what was confirmed since.
    let counts = |at: Timestamp| !again || at >= read.envelope.received_at;
    let confirmed: Confirmed =
        confirmed.iter().filter(|(key, at)| mine(key) && counts(**at)).map(|(key, at)| (key.clone(), *at)).collect();
    Standing { confirmed_at: confirmed.values().max().copied(), ask: ask.without(&confirmed) }
}

/// Holds a decision until its address is confirmed, where the form wants that.
pub fn hold(brain: &Brain, read: &Read, standing: &Standing, decision: &mut Decision) {
    let form = brain.visitors.get(&read.envelope.intake_id);
    if standing.ask.is_some() && form.is_some_and(|form| !form.double_opt_in.create_before_confirm) {
        visitor::hold(decision, &read.envelope.context);
    }
}
