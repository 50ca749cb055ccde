//! The forms in force, with everything that a reload exchanges at once.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::client::Proxies;
use super::rates::Rates;
use super::unfinished::Unfinished;
use super::uploads::Uploads;
use crate::config::form::FormConfig;
use crate::config::http::{HttpConfig, LimitsConfig};
use crate::config::visitor::IpRule;
use crate::telemetry::seldom::Seldom;

/// The form shown on the landing page when it is there.
const SHOWN_FIRST: &str = "contact";

/// Bodies that one client may have unfinished at one time: a page sends one, an office a handful.
const UNFINISHED: usize = 32;

/// Forms, limits and proxies in force. A reload makes a new one, which goes on with the allowances and budgets of the one
/// before where their limits are the same.
#[derive(Debug)]
pub struct FormSet {
    by_path: BTreeMap<String, Arc<FormConfig>>,
    by_id: BTreeMap<String, Arc<FormConfig>>,
    /// `[limits]`.
    pub limits: LimitsConfig,
    /// Proxies in front.
    pub proxies: Proxies,
    /// Allowances.
    pub rates: Arc<Rates>,
    /// Bodies on their way in.
    pub unfinished: Arc<Unfinished>,
    /// Submissions that may be in hand at one time, from the last byte of their body to the answer.
    pub in_hand: Arc<Semaphore>,
    /// Where bodies are while they come, and the memory for them.
    pub uploads: Arc<Uploads>,
    /// Warnings that visitors can provoke.
    pub warned: Arc<Seldom>,
    /// What is kept of visitors' network addresses, by form id.
    kept_ips: BTreeMap<String, IpRule>,
    /// Address of the public listener for visitors, without a slash at the end.
    pub public_url: Option<String>,
}

impl FormSet {
    /// The forms of a configuration.
    #[must_use]
    pub fn new(forms: &[FormConfig], limits: &LimitsConfig, http: &HttpConfig) -> Self {
        // Its page names what it takes, so that what it does not say itself is said here.
        let settled = |form: &FormConfig| {
            let bounds = form.file_bounds(limits);
            let body = form.body_bytes.or_else(|| form.allow_files.then_some(limits.body_with_files_bytes));
            FormConfig {
                file_bytes: Some(bounds.bytes),
                max_files: Some(bounds.most),
                body_bytes: body,
                ..form.clone()
            }
        };
        let forms: Vec<Arc<FormConfig>> = forms.iter().map(|form| Arc::new(settled(form))).collect();
        Self {
            by_path: forms.iter().map(|form| (form.path_name().to_owned(), Arc::clone(form))).collect(),
            by_id: forms.iter().map(|form| (form.id.clone(), Arc::clone(form))).collect(),
            limits: limits.clone(),
            proxies: Proxies::new(http),
            rates: Arc::new(Rates::new(limits)),
            unfinished: Arc::new(Unfinished::new(UNFINISHED)),
            in_hand: Arc::new(Semaphore::new(limits.in_hand.min(Semaphore::MAX_PERMITS))),
            uploads: Arc::new(Uploads::new(limits)),
            warned: Arc::default(),
            // A key that cannot be read any more: rather nothing is kept than everything.
            kept_ips: forms.iter().map(|f| (f.id.clone(), f.privacy.rule().unwrap_or(IpRule::Drop))).collect(),
            public_url: http.public_url.as_deref().map(|url| url.trim_end_matches('/').to_owned()),
        }
    }

    /// The forms of a configuration in the place of others: who has used up an allowance has used it up still, and what is
    /// in hand counts in the same budget.
    #[must_use]
    pub fn renewed(forms: &[FormConfig], limits: &LimitsConfig, http: &HttpConfig, before: &Self) -> Self {
        let mut set = Self::new(forms, limits, http);
        if Rates::are_same(limits, &before.limits) {
            set.rates = Arc::clone(&before.rates);
        }
        if limits.in_hand == before.limits.in_hand {
            set.in_hand = Arc::clone(&before.in_hand);
        }
        let room =
            |l: &LimitsConfig| (l.in_hand_bytes, l.uploads_bytes, l.uploads_reserve_bytes, l.uploads_dir.clone());
        if room(limits) == room(&before.limits) {
            set.uploads = Arc::clone(&before.uploads);
        }
        set.unfinished = Arc::clone(&before.unfinished);
        set.warned = Arc::clone(&before.warned);
        set
    }

    /// The form at `/f/<name>`.
    #[must_use]
    pub fn at(&self, name: &str) -> Option<Arc<FormConfig>> {
        self.by_path.get(name).cloned()
    }

    /// The form with this id.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<Arc<FormConfig>> {
        self.by_id.get(id).cloned()
    }

    /// The form for the landing page: `contact`, else the first one enabled; none that has no page of its own.
    #[must_use]
    pub fn shown(&self) -> Option<Arc<FormConfig>> {
        let enabled = |form: &&Arc<FormConfig>| form.enabled && form.hosted;
        self.by_id.get(SHOWN_FIRST).filter(enabled).or_else(|| self.by_id.values().find(enabled)).cloned()
    }

    /// What is kept of the network address of a visitor of the form with this id.
    #[must_use]
    pub fn kept_ip(&self, form: &str, address: IpAddr) -> Option<String> {
        self.kept_ips.get(form).unwrap_or(&IpRule::Drop).kept(address)
    }

    /// Largest body that any form takes, in bytes: for a body that has not named its form yet.
    #[must_use]
    pub fn largest_body(&self, may_hold_files: bool) -> usize {
        let enabled = self.by_id.values().filter(|form| form.enabled);
        enabled.map(|form| self.body_limit(form, may_hold_files)).max().unwrap_or(0)
    }

    /// Largest body of `form` in bytes. What room it has for files is no room for anything else.
    #[must_use]
    pub fn body_limit(&self, form: &FormConfig, may_hold_files: bool) -> usize {
        let limits = &self.limits;
        let usual = if form.allow_files { limits.body_with_files_bytes } else { limits.body_bytes };
        let most = form.body_bytes.unwrap_or(usual);
        if form.allow_files && !may_hold_files { most.min(limits.body_bytes) } else { most }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reload_goes_on_with_the_allowances_and_budgets_whose_limits_are_the_same() {
        let (http, limits) =
            (HttpConfig::default(), LimitsConfig { per_client_per_minute: Some(1), ..LimitsConfig::default() });
        let client: IpAddr = "192.0.2.1".parse().unwrap();
        let before = FormSet::new(&[FormConfig::named("a")], &limits, &http);
        assert!(before.rates.knock_anywhere(client).is_ok());
        let turn = before.in_hand.try_acquire();
        let after = FormSet::renewed(&[FormConfig::named("b")], &limits, &http, &before);
        assert!(after.by_id("a").is_none() && after.by_id("b").is_some());
        assert!(after.rates.knock_anywhere(client).is_err(), "it has knocked");
        assert_eq!(after.in_hand.available_permits(), limits.in_hand - 1);
        assert!(Arc::ptr_eq(&after.uploads, &before.uploads));
        drop(turn);
        let more = LimitsConfig { per_client_per_minute: Some(2), in_hand: limits.in_hand + 1, ..limits };
        let other = FormSet::renewed(&[], &more, &http, &before);
        assert!(other.rates.knock_anywhere(client).is_ok(), "another limit is another allowance");
        assert_eq!(other.in_hand.available_permits(), more.in_hand);
    }
}
