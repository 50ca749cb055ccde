//! The keys that sign what goes out to pages and comes back: time stamps and challenges.
//!
//! Invariants:
//! - the first key signs, every key verifies: a secret is changed by putting the new one first;
//! - several daemons on one database sign alike, once they have met it; what one signed before that, it alone knows.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::clock::Clock;
use crate::config::CaptchaConfig;
use crate::store::{Store, StoreError, StoreResult};

/// Name of the secret in the database.
const KEPT: &str = "form-signing";
/// Shortest one that is believed, in bytes.
const SHORTEST: usize = 32;
/// Longest time that making it takes.
const MAKING: Duration = Duration::from_secs(10);
/// Between two looks whether another daemon has made it.
const PAUSE: Duration = Duration::from_millis(100);
/// Looks.
const LOOKS: u32 = 20;

/// HMAC-SHA256 of pieces, each as it is: callers part them so that two pieces never read as one.
pub(super) fn hmac(key: &[u8], pieces: &[&[u8]]) -> Option<Hmac<Sha256>> {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).ok()?;
    for piece in pieces {
        mac.update(piece);
    }
    Some(mac)
}

/// What one secret signs with: one key for each purpose, so that nothing signed for one passes for another.
#[derive(Clone)]
pub(super) struct Key {
    /// Time stamps.
    pub(super) stamp: [u8; 32],
    /// Parameters of challenges.
    pub(super) challenge: [u8; 32],
    /// Solutions of challenges.
    pub(super) solution: [u8; 32],
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Key {
    /// Keys made from a secret.
    pub(super) fn of(secret: &[u8]) -> Self {
        let made = |purpose: &str| {
            hmac(secret, &[b"pisteur ", purpose.as_bytes()]).map_or([0; 32], |mac| mac.finalize().into_bytes().into())
        };
        Self { stamp: made("time stamp"), challenge: made("challenge"), solution: made("solution") }
    }
}

/// The keys in force.
#[derive(Debug)]
pub struct KeyRing {
    keys: ArcSwap<Vec<Key>>,
    parts: Mutex<Parts>,
    settled: AtomicBool,
}

/// Where keys come from, in the order in which they sign.
#[derive(Debug)]
struct Parts {
    configured: Vec<Key>,
    kept: Option<Key>,
    /// Of this process alone, until the database is met.
    own: Key,
}

impl KeyRing {
    /// Configured keys, or one of this process until [`Self::settle`] has met the database.
    ///
    /// # Errors
    /// When a configured secret is missing.
    pub fn new(config: &CaptchaConfig, clock: &dyn Clock) -> Result<Self, String> {
        let parts = Parts { configured: configured(config)?, kept: None, own: Key::of(&clock.random()) };
        let ring = Self { keys: ArcSwap::default(), parts: Mutex::new(parts), settled: AtomicBool::new(false) };
        ring.arrange(|_| {});
        Ok(ring)
    }

    /// Takes other configured keys over.
    pub(super) fn configure(&self, configured: Vec<Key>) {
        self.arrange(|parts| parts.configured = configured);
        self.settled.store(false, Ordering::Relaxed);
    }

    fn arrange(&self, change: impl FnOnce(&mut Parts)) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut parts);
        let keys = parts.configured.iter().chain(&parts.kept).chain([&parts.own]).cloned().collect();
        self.keys.store(Arc::new(keys));
    }

    /// The key that signs.
    pub(super) fn signing(&self) -> Option<Key> {
        self.keys.load().first().cloned()
    }

    /// Every key that verifies, the signing one first.
    pub(super) fn all(&self) -> Arc<Vec<Key>> {
        self.keys.load_full()
    }

    /// Meets the secret kept in the database, and makes it when there is none and none is configured. To be tried again
    /// until it succeeds; then it costs nothing.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn settle(&self, store: &dyn Store, clock: &dyn Clock) -> StoreResult<()> {
        if self.settled.load(Ordering::Relaxed) {
            return Ok(());
        }
        let make = self.parts.lock().unwrap_or_else(PoisonError::into_inner).configured.is_empty();
        let kept = kept(store, clock, make).await?;
        self.arrange(|parts| parts.kept = kept.map(|secret| Key::of(secret.as_bytes())));
        self.settled.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// Keys of the secrets that a configuration names.
pub(super) fn configured(config: &CaptchaConfig) -> Result<Vec<Key>, String> {
    let secrets = config.secrets().map_err(|why| format!("captcha: {why}"))?;
    Ok(secrets.iter().map(|secret| Key::of(secret.expose().as_bytes())).collect())
}

async fn kept(store: &dyn Store, clock: &dyn Clock, make: bool) -> StoreResult<Option<String>> {
    if make { made_once(store, clock, KEPT).await.map(Some) } else { store.secret(KEPT).await }
}

/// The secret kept in the database under `name`, made when there is none; who comes at the same moment has the same.
///
/// # Errors
/// Those of the store.
pub async fn made_once(store: &dyn Store, clock: &dyn Clock, name: &str) -> StoreResult<String> {
    let known = async || Ok::<_, StoreError>(store.secret(name).await?.filter(|secret| secret.len() >= SHORTEST));
    for _ in 0..LOOKS {
        if let Some(found) = known().await? {
            return Ok(found);
        }
        let owner = clock.new_id().to_string();
        let Some(lock) = store.lock(name, &owner, MAKING).await? else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let found = if let Some(found) = known().await? {
            found
        } else {
            let fresh = STANDARD_NO_PAD.encode(clock.random());
            store.save_secret(name, &fresh).await?;
            fresh
        };
        store.unlock(&lock).await?;
        return Ok(found);
    }
    Err(StoreError::Other(format!("another process is making the secret {name}").into()))
}
