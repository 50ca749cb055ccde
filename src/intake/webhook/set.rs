//! The hooks in force, with their secrets; exchanged by a reload.
//!
//! Invariant: what was learnt goes on counting. A reload takes over allowances while their limits are the same, and what
//! operators are told of a hook until it is changed itself.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::Semaphore;

use super::known::Known;
use super::overflows::Overflows;
use super::proofs::Proofs;
use super::waiting::Waiting;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::config::delivery::DeliverySecret;
use crate::config::hook::HookConfig;
use crate::config::http::LimitsConfig;
use crate::domain::hooks::verify::{Evidence, Kind, Unproven, Verifier};
use crate::domain::hooks::{Adapter, HookReading};
use crate::intake::form::rates::Rates;
use crate::telemetry::seldom::Seldom;

/// Requests without proof that one client may send a minute before it is told to wait.
const UNPROVEN_PER_MINUTE: u32 = 60;

/// Secrets: never printed.
#[derive(Clone, Default, PartialEq, Eq)]
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
    room: Option<Arc<DefaultDirectRateLimiter>>,
    /// Time within which the same bytes are the same request; zero = never.
    pub(super) window: Duration,
}

impl Hook {
    fn new(config: &HookConfig, adapter: &Arc<Adapter>, before: Option<&Self>) -> Result<Self, String> {
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
            room: match before.filter(|before| before.config.per_minute == config.per_minute) {
                Some(before) => before.room.clone(),
                None => NonZeroU32::new(config.per_minute).map(|n| Arc::new(RateLimiter::direct(Quota::per_minute(n)))),
            },
            config: config.clone(),
        })
    }

    /// Whether it is the same producer with the same secrets.
    fn is_like(&self, other: &Self) -> bool {
        self.config == other.config
            && self.adapter == other.adapter
            && self.secrets == other.secrets
            && self.tokens == other.tokens
    }

    /// Whether the request proves where it comes from, by any of the ways that it carries. Without `may_guess` only
    /// signatures are looked at, which nobody guesses.
    ///
    /// # Errors
    /// Why not, for the log only.
    pub fn verify(&self, evidence: &Evidence<'_>, may_guess: bool) -> Result<Proof, Unproven> {
        let mut why = Unproven::Missing;
        let looked_at = |verifier: &&Verifier| may_guess || verifier.kind == Kind::Signature;
        for verifier in self.verifiers.iter().filter(looked_at).filter(|verifier| verifier.applies(evidence)) {
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
    unproven: Arc<Rates>,
    waiting: Arc<Waiting>,
    clients_remembered: usize,
    pub(super) warned: Arc<Seldom>,
    pub(super) overflows: Arc<Overflows>,
    pub(super) proofs: Arc<Proofs>,
    /// Who has proven itself.
    pub(super) known: Arc<Known>,
    /// Large bodies that are looked into at one time.
    pub(super) large: Arc<Semaphore>,
}

impl HookSet {
    /// The hooks of a configuration, with their secrets read.
    ///
    /// # Errors
    /// One sentence naming the hook and the secret that cannot be read.
    pub fn new(config: &Config) -> Result<Self, String> {
        Self::after(config, None)
    }

    /// The hooks of a configuration in the place of others.
    ///
    /// # Errors
    /// As [`HookSet::new`].
    pub fn renewed(config: &Config, before: &Self) -> Result<Self, String> {
        let set = Self::after(config, Some(before))?;
        // What was said of the secret of before does not hold for the one of now.
        for (id, hook) in &before.by_id {
            if !set.by_id.get(id).is_some_and(|now| now.is_like(hook)) {
                set.proofs.changed(id);
            }
        }
        Ok(set)
    }

    fn after(config: &Config, before: Option<&Self>) -> Result<Self, String> {
        let mut by_id = BTreeMap::new();
        for hook in &config.hook {
            let adapter = config.known_adapters.get(&hook.adapter);
            let adapter = adapter.ok_or_else(|| format!("hook {}: no adapter {}", hook.id, hook.adapter))?;
            let known = before.and_then(|before| before.at(&hook.id));
            by_id.insert(hook.id.clone(), Arc::new(Hook::new(hook, adapter, known.as_deref())?));
        }
        let clients_remembered = config.limits.clients_remembered;
        if let Some(before) = before.filter(|before| before.clients_remembered == clients_remembered) {
            let known = Self {
                by_id,
                unproven: Arc::clone(&before.unproven),
                waiting: Arc::clone(&before.waiting),
                clients_remembered,
                warned: Arc::clone(&before.warned),
                overflows: Arc::clone(&before.overflows),
                proofs: Arc::clone(&before.proofs),
                known: Arc::clone(&before.known),
                large: Arc::clone(&before.large),
            };
            return Ok(known);
        }
        let limits = LimitsConfig {
            per_client_per_minute: Some(UNPROVEN_PER_MINUTE),
            per_client_and_form_per_minute: Some(UNPROVEN_PER_MINUTE),
            per_form_per_minute: 0,
            clients_remembered,
            ..LimitsConfig::default()
        };
        let processors = std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get);
        Ok(Self {
            by_id,
            unproven: Arc::new(Rates::new(&limits)),
            waiting: Arc::default(),
            clients_remembered,
            warned: Arc::default(),
            overflows: before.map(|before| Arc::clone(&before.overflows)).unwrap_or_default(),
            proofs: before.map(|before| Arc::clone(&before.proofs)).unwrap_or_default(),
            known: before.map(|before| Arc::clone(&before.known)).unwrap_or_default(),
            large: Arc::new(Semaphore::new(processors)),
        })
    }

    /// The hook at `/hooks/<id>`.
    #[must_use]
    pub fn at(&self, id: &str) -> Option<Arc<Hook>> {
        self.by_id.get(id).cloned()
    }

    /// What keeps leads of hooks from coming in, one sentence each: more than their `per_minute`, or no proof that holds.
    #[must_use]
    pub fn troubles(&self, now: Timestamp) -> Vec<String> {
        [self.overflows.troubles(now), self.proofs.troubles(now)].concat()
    }

    /// How long a client that failed too often waits yet, whatever it brings but a signature.
    pub(super) fn waits(&self, client: IpAddr, hook: &str, now: Instant) -> Option<Duration> {
        self.waiting.left(client, hook, now)
    }

    /// Counts a request without proof.
    ///
    /// # Errors
    /// How long the client is to wait.
    pub(super) fn unproven(&self, client: IpAddr, hook: &str, now: Instant) -> Result<(), Duration> {
        let Err(wait) = self.unproven.knock(client, hook) else { return Ok(()) };
        self.waiting.note(client, hook, now + wait, self.clients_remembered);
        Err(wait)
    }

    /// Forgets clients that have been quiet.
    pub fn forget(&self) {
        self.unproven.forget();
        self.waiting.forget(Instant::now());
    }
}
