//! How often a client may knock, and how much one form takes.
//!
//! Invariants: memory is bounded by the number of clients remembered; a form that overflows never turns a person away
//! (its caller quarantines instead), only a client that overflows is.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use crate::config::http::LimitsConfig;

/// Shared allowances for clients beyond those remembered.
const SHARED: u64 = 1_024;

/// A client as rates know it: the address, IPv6 by /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::intake) enum Client {
    V4(u32),
    V6(u64),
    Shared(u64),
}

impl Client {
    pub(in crate::intake) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.to_bits()),
            IpAddr::V6(v6) => Self::V6(u64::try_from(v6.to_bits() >> 64).unwrap_or(0)),
        }
    }

    const fn shared(self) -> Self {
        match self {
            Self::V4(bits) => Self::Shared(bits as u64 % SHARED),
            Self::V6(bits) | Self::Shared(bits) => Self::Shared(bits % SHARED),
        }
    }
}

type Keyed<K, C> = RateLimiter<K, DashMapStateStore<K>, C, NoOpMiddleware<<C as Clock>::Instant>>;

type Single<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// Whether there is room for one more submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// There is.
    Free,
    /// Its form takes more than its share.
    FormFull,
    /// All forms together take more than is to be believed.
    AllFull,
}

/// The limits per client, per client and form, per form, and over all.
#[derive(Debug)]
pub struct Rates<C: Clock = DefaultClock> {
    client: Option<Keyed<Client, C>>,
    client_and_form: Option<Keyed<(Client, String), C>>,
    asking: Option<Keyed<Client, C>>,
    form: Option<Keyed<String, C>>,
    all: Option<Single<C>>,
    remembered: usize,
    clock: C,
}

impl Rates<DefaultClock> {
    /// As configured in `[limits]`.
    #[must_use]
    pub fn new(limits: &LimitsConfig) -> Self {
        Self::with_clock(limits, DefaultClock::default())
    }
}

fn quota(per_minute: u32) -> Option<Quota> {
    NonZeroU32::new(per_minute).map(Quota::per_minute)
}

impl<C: Clock + Clone> Rates<C> {
    /// As configured, under a given clock.
    pub fn with_clock(limits: &LimitsConfig, clock: C) -> Self {
        Self {
            client: quota(limits.per_client()).map(|q| RateLimiter::dashmap_with_clock(q, clock.clone())),
            client_and_form: quota(limits.per_client_and_form())
                .map(|q| RateLimiter::dashmap_with_clock(q, clock.clone())),
            asking: quota(limits.challenges()).map(|q| RateLimiter::dashmap_with_clock(q, clock.clone())),
            all: quota(limits.all_forms()).map(|q| RateLimiter::direct_with_clock(q, clock.clone())),
            form: quota(limits.per_form_per_minute).map(|q| RateLimiter::dashmap_with_clock(q, clock.clone())),
            remembered: limits.clients_remembered,
            clock,
        }
    }

    /// Counts one knock of `address` at `form`.
    ///
    /// # Errors
    /// The time until the client may knock again.
    pub fn knock(&self, address: IpAddr, form: &str) -> Result<(), Duration> {
        let client = Client::of(address);
        if let Some(limiter) = &self.client_and_form {
            let key = if limiter.len() < self.remembered { client } else { client.shared() };
            limiter.check_key(&(key, form.to_owned())).map_err(|not| not.wait_time_from(self.clock.now()))?;
        }
        if let Some(limiter) = &self.client {
            let key = if limiter.len() < self.remembered { client } else { client.shared() };
            limiter.check_key(&key).map_err(|not| not.wait_time_from(self.clock.now()))?;
        }
        Ok(())
    }

    /// Counts one challenge or time stamp asked for by `address`.
    ///
    /// # Errors
    /// The time until the client may ask again.
    pub fn ask(&self, address: IpAddr) -> Result<(), Duration> {
        let Some(limiter) = &self.asking else { return Ok(()) };
        let client = Client::of(address);
        let key = if limiter.len() < self.remembered { client } else { client.shared() };
        limiter.check_key(&key).map_err(|not| not.wait_time_from(self.clock.now()))
    }

    /// Counts one submission to `form`.
    #[must_use]
    pub fn room_at(&self, form: &str) -> Room {
        if self.form.as_ref().is_some_and(|limiter| limiter.check_key(&form.to_owned()).is_err()) {
            return Room::FormFull;
        }
        if self.all.as_ref().is_some_and(|limiter| limiter.check().is_err()) { Room::AllFull } else { Room::Free }
    }

    /// Forgets clients that have their whole allowance again.
    pub fn forget(&self) {
        for limiter in [&self.client, &self.asking].into_iter().flatten() {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        if let Some(limiter) = &self.client_and_form {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }

    /// Clients remembered at present.
    #[must_use]
    pub fn remembered(&self) -> usize {
        let both = self.client_and_form.as_ref().map_or(0, RateLimiter::len);
        let asking = self.asking.as_ref().map_or(0, RateLimiter::len);
        self.client.as_ref().map_or(0, RateLimiter::len).max(both).max(asking)
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn limits(client: u32, both: u32, form: u32) -> LimitsConfig {
        LimitsConfig {
            per_client_per_minute: Some(client),
            per_client_and_form_per_minute: Some(both),
            per_form_per_minute: form,
            clients_remembered: 50,
            ..LimitsConfig::default()
        }
    }

    #[test]
    fn a_client_waits_and_then_may_knock_again() {
        let clock = FakeRelativeClock::default();
        let rates = Rates::with_clock(&limits(2, 0, 0), clock.clone());
        let eva: IpAddr = "2001:db8:0:1::5".parse().unwrap();
        let eva_again: IpAddr = "2001:db8:0:1:ffff::9".parse().unwrap();
        let other: IpAddr = "2001:db8:0:2::5".parse().unwrap();
        assert!(rates.knock(eva, "a").is_ok());
        assert!(rates.knock(eva_again, "b").is_ok());
        assert_eq!(rates.knock(eva, "a"), Err(Duration::from_secs(30)));
        assert!(rates.knock(other, "a").is_ok());
        clock.advance(Duration::from_secs(30));
        assert!(rates.knock(eva, "a").is_ok());
    }

    #[test]
    fn one_form_has_a_smaller_allowance_than_all_together() {
        let rates = Rates::with_clock(&limits(3, 1, 0), FakeRelativeClock::default());
        let eva: IpAddr = "192.0.2.1".parse().unwrap();
        assert!(rates.knock(eva, "a").is_ok());
        assert!(rates.knock(eva, "a").is_err());
        assert!(rates.knock(eva, "b").is_ok());
    }

    #[test]
    fn memory_stays_bounded_and_is_given_back() {
        let clock = FakeRelativeClock::default();
        let rates = Rates::with_clock(&limits(5, 0, 0), clock.clone());
        for i in 0..5_000_u32 {
            assert!(rates.knock(IpAddr::V4(i.into()), "a").is_ok() || i > 50);
        }
        assert!(rates.remembered() <= 50 + usize::try_from(SHARED).unwrap());
        clock.advance(Duration::from_mins(2));
        rates.forget();
        assert_eq!(rates.remembered(), 0);
    }

    #[test]
    fn a_million_clients_take_no_more_memory_than_a_few() {
        let many = LimitsConfig { clients_remembered: 1_000, ..limits(30, 5, 0) };
        let rates = Rates::with_clock(&many, FakeRelativeClock::default());
        for i in 0..1_000_000_u32 {
            let address = IpAddr::V6((u128::from(i) << 64 | 0x2001_0db8 << 96).into());
            rates.knock(address, "a").ok();
            rates.ask(address).ok();
        }
        assert!(rates.remembered() <= 1_000 + usize::try_from(SHARED).unwrap(), "{}", rates.remembered());
    }

    #[test]
    fn what_all_forms_take_together_is_bounded_too() {
        let clock = FakeRelativeClock::default();
        let few = LimitsConfig { all_forms_per_minute: Some(3), ..limits(0, 0, 2) };
        let rates = Rates::with_clock(&few, clock.clone());
        let rooms = ["a", "a", "a", "b", "b", "c"].map(|form| rates.room_at(form));
        let (free, form, all) = (Room::Free, Room::FormFull, Room::AllFull);
        assert_eq!(rooms, [free, free, form, free, all, all]);
        clock.advance(Duration::from_mins(1));
        assert_eq!(rates.room_at("c"), Room::Free);
        let lifted = LimitsConfig { all_forms_per_minute: None, ..limits(0, 0, 0) };
        assert_eq!((lifted.all_forms(), lifted.challenges()), (0, 0), "lifting the others lifts these");
    }

    #[test]
    fn zero_is_no_limit() {
        let rates = Rates::with_clock(&limits(0, 0, 0), FakeRelativeClock::default());
        assert!(
            (0..1_000)
                .all(|_| rates.knock("192.0.2.1".parse().unwrap(), "a").is_ok() && rates.room_at("a") == Room::Free)
        );
    }
}
