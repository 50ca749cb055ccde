//! The hooks in force, with their secrets; exchanged whole by a reload.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::overflows::Overflows;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::config::delivery::DeliverySecret;
use crate::config::hook::HookConfig;
use crate::config::http::LimitsConfig;
use crate::domain::hooks::verify::{Evidence, Unproven, Verifier};
use crate::domain::hooks::{Adapter, HookReading};
use crate::intake::form::rates::Rates;
use crate::telemetry::seldom::Seldom;

/// Requests without proof that one client may send a minute before it is told to wait.
const UNPROVEN_PER_MINUTE: u32 = 60;

/// Secrets: never printed.
#[derive(Clone, Default)]
struct Secrets(Vec<String>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

/// What a good proof says beside that it is good.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// The producer's id of the request, where the proof covers one.
    pub request_id: Option<String>,
    /// Whoever saw the request once could send it again at any time.
    pub replayable: bool,
}

/// One hook.
#[derive(Debug)]
pub struct Hook {
    /// As configured.
    pub config: HookConfig,
    /// What its requests look like.
    pub adapter: Arc<Adapter>,
    /// How they are understood.
    pub reading: HookReading,
    verifiers: Vec<Verifier>,
    secrets: Secrets,
    tokens: Secrets,
    room: Option<DefaultDirectRateLimiter>,
    /// Time within which the same bytes are the same request; zero = never.
    pub(super) window: Duration,
}

impl Hook {
    fn new(config: &HookConfig, adapter: &Arc<Adapter>) -> Result<Self, String> {
        let named = |why: String| format!("hook {}: {why}", config.id);
        let exposed = |secret: &DeliverySecret| secret.expose().to_owned();
        let secrets = config.secrets().map_err(named)?.iter().map(exposed).collect();
        let tokens = config.verify_token().map_err(named)?.iter().map(exposed).collect();
        Ok(Self {
            reading: config.reading(adapter),
            verifiers: config.verifiers(adapter),
            window: config.duplicate_window(adapter),
            adapter: Arc::clone(adapter),
            secrets: Secrets(secrets),
            tokens: Secrets(tokens),
            room: NonZeroU32::new(config.per_minute).map(|n| RateLimiter::direct(Quota::per_minute(n))),
            config: config.clone(),
        })
    }

    /// Whether the request proves where it comes from, by any of the ways that it carries.
    ///
    /// # Errors
    /// Why not, for the log only.
    pub fn verify(&self, evidence: &Evidence<'_>) -> Result<Proof, Unproven> {
        let mut why = Unproven::Missing;
        for verifier in self.verifiers.iter().filter(|verifier| verifier.applies(evidence)) {
            match verifier.verify(&self.secrets.0, evidence) {
                Ok(()) => {
                    let request_id = verifier.signed_id(evidence).map(str::to_owned);
                    return Ok(Proof { request_id, replayable: verifier.is_replayable() });
                }
                // The more telling reason of several.
                Err(Unproven::Missing | Unproven::NoSecret) if why != Unproven::Missing => {}
                Err(found) => why = found,
            }
        }
        Err(why)
    }

    /// Secrets that sign handshakes.
    pub(super) fn secrets(&self) -> &[String] {
        &self.secrets.0
    }

    /// Verify tokens of handshakes.
    pub(super) fn tokens(&self) -> &[String] {
        &self.tokens.0
    }

    /// Counts one proven request; false when there are more than `per_minute`.
    pub(super) fn has_room(&self) -> bool {
        self.room.as_ref().is_none_or(|room| room.check().is_ok())
    }
}

/// The hooks in force.
#[derive(Debug)]
pub struct HookSet {
    by_id: BTreeMap<String, Arc<Hook>>,
    unproven: Rates,
    pub(super) warned: Seldom,
    pub(super) overflows: Overflows,
}

impl HookSet {
    /// The hooks of a configuration, with their secrets read.
    ///
    /// # Errors
    /// One sentence naming the hook and the secret that cannot be read.
    pub fn new(config: &Config) -> Result<Self, String> {
        let mut by_id = BTreeMap::new();
        for hook in &config.hook {
            let adapter = config.known_adapters.get(&hook.adapter);
            let adapter = adapter.ok_or_else(|| format!("hook {}: no adapter {}", hook.id, hook.adapter))?;
            by_id.insert(hook.id.clone(), Arc::new(Hook::new(hook, adapter)?));
        }
        let limits = LimitsConfig {
            per_client_per_minute: Some(UNPROVEN_PER_MINUTE),
            per_client_and_form_per_minute: Some(UNPROVEN_PER_MINUTE),
            per_form_per_minute: 0,
            clients_remembered: config.limits.clients_remembered,
            ..LimitsConfig::default()
        };
        let (warned, overflows) = (Seldom::default(), Overflows::default());
        Ok(Self { by_id, unproven: Rates::new(&limits), warned, overflows })
    }

    /// The hook at `/hooks/<id>`.
    #[must_use]
    pub fn at(&self, id: &str) -> Option<Arc<Hook>> {
        self.by_id.get(id).cloned()
    }

    /// Hooks that took more than their `per_minute` lately, one sentence each.
    #[must_use]
    pub fn troubles(&self, now: Timestamp) -> Vec<String> {
        self.overflows.troubles(now)
    }

    /// Counts a request without proof.
    ///
    /// # Errors
    /// How long the client is to wait.
    pub(super) fn unproven(&self, client: IpAddr, hook: &str) -> Result<(), Duration> {
        self.unproven.knock(client, hook).map(|_| ())
    }

    /// Forgets clients that have been quiet.
    pub fn forget(&self) {
        self.unproven.forget();
    }
}
