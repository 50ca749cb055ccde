//! Touches: where a person came from, each time they came. The record has the first and the last one beside it.
//!
//! Invariants:
//! - The names are those in force (rules before parameters); the parameters stay as sent.
//! - A first touch is written once. An arrival that is processed again adds nothing.

use super::facts::Facts;
use super::{Plan, Touched};
use crate::domain::enquiry::{Attribution, channel};
use crate::store::Commit;
use crate::store::batch::row;

/// Touches of one commit, each as it is stored.
#[derive(Debug, Default)]
pub(super) struct Touches {
    first: Option<Attribution>,
    last: Option<Attribution>,
    visit: Option<Attribution>,
}

/// Source, medium, campaign and channel that a record has.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub(super) source: Option<String>,
    pub(super) medium: Option<String>,
    pub(super) campaign: Option<String>,
    pub(super) channel: Option<String>,
}

impl Named {
    /// What rules set, else what the arrival says. A channel follows the names it is made of.
    pub(super) fn take(commit: &Commit, facts: &mut Facts) -> Self {
        let said = &commit.enquiry.attribution;
        let renamed = ["source", "medium", "campaign"].iter().any(|name| facts.has(name));
        let source = facts.take("source", said.source.as_ref());
        let medium = facts.take("medium", said.medium.as_ref());
        let campaign = facts.take("campaign", said.campaign.as_ref());
        let made = if renamed {
            channel::of(source.as_deref(), medium.as_deref(), campaign.as_deref()).map(str::to_owned)
        } else {
            said.channel.clone()
        };
        Self { channel: facts.take("channel_group", made.as_ref()), source, medium, campaign }
    }
}

impl Touches {
    /// Those of a commit; none when nothing is known.
    pub(super) fn of(commit: &Commit) -> Self {
        let mut facts = Facts::of(commit);
        let Named { source, medium, campaign, channel } = Named::take(commit, &mut facts);
        let mut visit = Attribution { source, medium, campaign, channel, ..commit.enquiry.attribution.clone() };
        for (name, value) in [
            ("term", &mut visit.term),
            ("content", &mut visit.content),
            ("click_id", &mut visit.click_id),
            ("landing_page", &mut visit.landing_page),
            ("referrer", &mut visit.referrer),
        ] {
            *value = facts.take(name, value.as_ref());
        }
        Self {
            first: commit.enquiry.first_touch.as_deref().cloned(),
            last: commit.enquiry.last_touch.as_deref().cloned(),
            visit: (visit != Attribution::default()).then_some(visit),
        }
    }

    /// The first and the last touch as the record has them.
    pub(super) fn columns(&self, commit: &Commit) -> (Option<String>, Option<String>) {
        let stored = |touch: &Option<Attribution>| touch.as_ref().or(self.visit.as_ref()).map(|t| document(t, commit));
        (stored(&self.first), stored(&self.last))
    }
}

impl Touched {
    /// Notes one more message. The first touch of the earliest stays, the last one of the latest counts.
    pub(super) fn add(&mut self, commit: &Commit, touches: &Touches) {
        let at = commit.envelope.received_at.micros();
        let (first, last) = touches.columns(commit);
        let newest = at >= self.message_at;
        self.message_at = self.message_at.max(at);
        self.modified_at = self.modified_at.max(commit.now.micros());
        self.first = self.first.take().or(first);
        self.last = if newest { last.or(self.last.take()) } else { self.last.take().or(last) };
    }
}

impl Plan {
    /// The touches of one arrival, beside its record. What the last touch repeats of the visit is not said twice.
    pub(super) fn touches(&mut self, record: i64, commit: &Commit, touches: Touches) {
        let Touches { first, last, visit } = touches;
        let says = |t: &Attribution| [&t.source, &t.medium, &t.campaign, &t.click_id].map(Clone::clone);
        let last = last.filter(|last| visit.as_ref().is_none_or(|visit| says(visit) != says(last)));
        for (role, touch) in [("first", first), ("last", last), ("visit", visit)] {
            let Some(touch) = touch else { continue };
            let before = self.touch_counts.entry(record).or_default();
            let at = touch.at.unwrap_or(commit.envelope.received_at).micros();
            row!(self.touches; record, at, commit.lease.job, role, touch.source, touch.medium, touch.campaign,
                touch.channel, detail(&touch), *before);
            *before = before.saturating_add(1);
        }
    }
}

/// A touch whole, with its moment.
fn document(touch: &Attribution, commit: &Commit) -> String {
    let mut value = object(touch);
    value.insert("at".to_owned(), touch.at.unwrap_or(commit.envelope.received_at).micros().into());
    serde_json::Value::Object(value).to_string()
}

/// What of a touch has no column.
fn detail(touch: &Attribution) -> String {
    let mut value = object(touch);
    value.retain(|name, _| !["source", "medium", "campaign", "channel", "at"].contains(&name.as_str()));
    serde_json::Value::Object(value).to_string()
}

fn object(touch: &Attribution) -> serde_json::Map<String, serde_json::Value> {
    let mut map = match serde_json::to_value(touch) {
        Ok(serde_json::Value::Object(map)) => map,
        _ => serde_json::Map::new(),
    };
    map.retain(|_, value| !value.is_null());
    map
}
