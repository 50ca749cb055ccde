//! How often a client may knock, and how much one form takes.
//!
//! Invariants: memory is bounded by the number of clients remembered; a form that overflows never turns a person away
//! (its caller quarantines instead), only a client that overflows is. When so many clients come that no more can be
//! remembered, those that are keep their own allowance; the others share that of their network, and above it they are
//! not turned away either: nobody knows that it was they.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::{DashMapStateStore, ShrinkableKeyedStateStore};
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{NotUntil, Quota, RateLimiter};

use crate::config::http::LimitsConfig;

/// A client as rates know it: the address, IPv6 by /64; or, in a crowd, its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::intake) enum Client {
    V4(u32),
    V6(u64),
    /// A /24.
    Network4(u32),
    /// A /48.
    Network6(u64),
}

impl Client {
    pub(in crate::intake) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.to_bits()),
            IpAddr::V6(v6) => Self::V6(u64::try_from(v6.to_bits() >> 64).unwrap_or(0)),
        }
    }

    const fn network(self) -> Self {
        match self {
            Self::V4(bits) => Self::Network4(bits >> 8),
            Self::V6(bits) => Self::Network6(bits >> 16),
            network => network,
        }
    }
}

/// How a client that may come in is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// By itself, or its network is quiet.
    Known,
    /// It is one of so many that it cannot be told whether it comes too often.
    Crowded {
        /// After which its network is quiet again.
        wait: Duration,
    },
}

impl Standing {
    /// Whether it cannot be told how often it comes.
    #[must_use]
    pub const fn is_crowded(self) -> bool {
        matches!(self, Self::Crowded { .. })
    }

    /// Crowded if one of the two is.
    pub(super) const fn or(self, other: Self) -> Self {
        if self.is_crowded() { self } else { other }
    }
}

/// States by key, that can be asked whether they know one.
#[derive(Debug)]
struct Table<K: Hash + Eq + Clone>(Arc<DashMapStateStore<K>>);

impl<K: Hash + Eq + Clone> StateStore for Table<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0.measure_and_replace(key, f)
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for Table<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        ShrinkableKeyedStateStore::retain_recent(&*self.0, drop_below);
    }

    fn shrink_to_fit(&self) {
        ShrinkableKeyedStateStore::shrink_to_fit(&*self.0);
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Allowances by key, for at most so many keys.
#[derive(Debug)]
struct Bounded<K: Hash + Eq + Clone, C: Clock> {
    limiter: RateLimiter<K, Table<K>, C, NoOpMiddleware<C::Instant>>,
    known: Arc<DashMapStateStore<K>>,
    most: usize,
}

impl<K: Hash + Eq + Clone, C: Clock> Bounded<K, C> {
    fn new(quota: Quota, most: usize, clock: C) -> Self {
        let known = Arc::new(DashMapStateStore::default());
        Self { limiter: RateLimiter::new(quota, Table(Arc::clone(&known)), clock), known, most }
    }

    /// Counts one knock; nothing when there is no room to remember its key.
    fn check(&self, key: &K) -> Option<Result<(), NotUntil<C::Instant>>> {
        let has_room = self.known.len() < self.most || self.known.contains_key(key);
        has_room.then(|| self.limiter.check_key(key))
    }

    fn forget(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

/// Allowances of clients: each its own while there is room to remember it, else that of its network.
#[derive(Debug)]
struct ByClient<K: Hash + Eq + Clone, C: Clock> {
    each: Bounded<K, C>,
    networks: Bounded<K, C>,
    clock: C,
}

impl<K: Hash + Eq + Clone, C: Clock + Clone> ByClient<K, C> {
    fn new(quota: Quota, most: usize, clock: &C) -> Self {
        let table = || Bounded::new(quota, most, clock.clone());
        Self { each: table(), networks: table(), clock: clock.clone() }
    }

    fn check(&self, client: &K, network: &K) -> Result<Standing, Duration> {
        let wait = |not: NotUntil<C::Instant>| not.wait_time_from(self.clock.now());
        if let Some(own) = self.each.check(client) {
            return own.map(|()| Standing::Known).map_err(wait);
        }
        Ok(match self.networks.check(network) {
            Some(Ok(())) => Standing::Known,
            Some(Err(not)) => Standing::Crowded { wait: wait(not) },
            None => Standing::Crowded { wait: CROWD_PASSES },
        })
    }

    fn forget(&self) {
        self.each.forget();
        self.networks.forget();
    }

    fn len(&self) -> usize {
        self.each.known.len().saturating_add(self.networks.known.len())
    }
}

/// After which a crowd that fills even the table of networks is asked to come back.
const CROWD_PASSES: Duration = Duration::from_mins(1);

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
    client: Option<ByClient<Client, C>>,
    client_and_form: Option<ByClient<(Client, String), C>>,
    asking: Option<ByClient<Client, C>>,
    form: Option<Keyed<String, C>>,
    all: Option<Single<C>>,
}

impl Rates<DefaultClock> {
    /// As configured in `[limits]`.
    #[must_use]
    pub fn new(limits: &LimitsConfig) -> Self {
        Self::with_clock(limits, DefaultClock::default())
    }

    /// Whether the rates of both are the same, so that one set of allowances does for both.
    #[must_use]
    pub fn are_same(one: &LimitsConfig, other: &LimitsConfig) -> bool {
        let all = |l: &LimitsConfig| {
            let clients = [l.per_client(), l.per_client_and_form(), l.challenges()];
            (clients, l.all_forms(), l.per_form_per_minute, l.clients_remembered)
        };
        all(one) == all(other)
    }
}

fn quota(per_minute: u32) -> Option<Quota> {
    NonZeroU32::new(per_minute).map(Quota::per_minute)
}

impl<C: Clock + Clone> Rates<C> {
    /// As configured, under a given clock.
    pub fn with_clock(limits: &LimitsConfig, clock: C) -> Self {
        let most = limits.clients_remembered;
        Self {
            client: quota(limits.per_client()).map(|q| ByClient::new(q, most, &clock)),
            client_and_form: quota(limits.per_client_and_form()).map(|q| ByClient::new(q, most, &clock)),
            asking: quota(limits.challenges()).map(|q| ByClient::new(q, most, &clock)),
            all: quota(limits.all_forms()).map(|q| RateLimiter::direct_with_clock(q, clock.clone())),
            form: quota(limits.per_form_per_minute).map(|q| RateLimiter::dashmap_with_clock(q, clock)),
        }
    }

    /// Counts one knock of `address` at `form`.
    ///
    /// # Errors
    /// The time until the client may knock again.
    pub fn knock(&self, address: IpAddr, form: &str) -> Result<Standing, Duration> {
        Ok(self.knock_at(address, form)?.or(self.knock_anywhere(address)?))
    }

    /// Counts one knock of `address` at `form`, as far as it concerns that form.
    ///
    /// # Errors
    /// The time until the client may knock there again.
    pub fn knock_at(&self, address: IpAddr, form: &str) -> Result<Standing, Duration> {
        let Some(limiter) = &self.client_and_form else { return Ok(Standing::Known) };
        let client = Client::of(address);
        limiter.check(&(client, form.to_owned()), &(client.network(), form.to_owned()))
    }

    /// Counts one knock of `address` at whatever form.
    ///
    /// # Errors
    /// The time until the client may knock again.
    pub fn knock_anywhere(&self, address: IpAddr) -> Result<Standing, Duration> {
        let client = Client::of(address);
        self.client.as_ref().map_or(Ok(Standing::Known), |limiter| limiter.check(&client, &client.network()))
    }

    /// Counts one challenge or time stamp asked for by `address`.
    ///
    /// # Errors
    /// The time until the client may ask again.
    pub fn ask(&self, address: IpAddr) -> Result<(), Duration> {
        let Some(limiter) = &self.asking else { return Ok(()) };
        let client = Client::of(address);
        match limiter.check(&client, &client.network())? {
            Standing::Known => Ok(()),
            Standing::Crowded { wait } => Err(wait),
        }
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
            limiter.forget();
        }
        if let Some(limiter) = &self.client_and_form {
            limiter.forget();
        }
    }

    /// Clients and networks remembered at present.
    #[must_use]
    pub fn remembered(&self) -> usize {
        let both = self.client_and_form.as_ref().map_or(0, ByClient::len);
        let asking = self.asking.as_ref().map_or(0, ByClient::len);
        self.client.as_ref().map_or(0, ByClient::len).max(both).max(asking)
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
        for i in 0..50_000_u32 {
            assert!(rates.knock(IpAddr::V4(i.into()), "a").is_ok());
        }
        assert_eq!(rates.remembered(), 100, "50 clients and 50 networks");
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
        assert!(rates.remembered() <= 2_000, "{}", rates.remembered());
    }

    #[test]
    fn a_crowd_takes_nothing_from_those_who_are_known_and_turns_no_newcomer_away() {
        let clock = FakeRelativeClock::default();
        let rates = Rates::with_clock(&limits(2, 0, 0), clock.clone());
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        let knock = |address: &str| rates.knock(at(address), "a");
        assert_eq!(knock("198.51.100.7"), Ok(Standing::Known));
        // Many /64 of one /48 fill the table, and use up what their network has beside it.
        let flood = |i: u32| IpAddr::V6((0x2001_0db8_0bad_u128 << 80 | u128::from(i) << 64).into());
        let standings: Vec<_> = (0..500).map(|i| rates.knock(flood(i), "a")).collect();
        assert!(standings.iter().all(Result::is_ok));
        assert_eq!(standings.iter().filter(|s| s.is_ok_and(Standing::is_crowded)).count(), 500 - 49 - 2);
        assert_eq!(knock("198.51.100.7"), Ok(Standing::Known), "who is known keeps an own allowance");
        assert!(knock("198.51.100.7").is_err(), "and its end");
        assert_eq!(knock("203.0.113.5"), Ok(Standing::Known), "a newcomer from a quiet network");
        assert_eq!(knock("203.0.113.9"), Ok(Standing::Known));
        assert_eq!(knock("203.0.113.77"), Ok(Standing::Crowded { wait: Duration::from_secs(30) }));
        assert!(rates.ask(at("203.0.113.5")).is_ok());
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
