//! Which connections are open, in all and by client, and which of them must make room when there are too many.
//!
//! Invariants:
//! - One client (an address, or a /64 of IPv6) never has more than its share; proxies and this machine speak for many.
//! - When all places are taken, the oldest connection that nobody is working for goes: first those between two requests
//!   or still sending a header, then those still sending a body. One whose request is being worked on stays.
//! - Those told to go hold their place until they are gone; at most [`MOST_LEAVING`] may be on their way out at once, so
//!   that the number of sockets stays bounded. Beyond that, newcomers wait a moment ([`Connections::room_soon`]).

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Connections on their way out at once, above the number of places.
const MOST_LEAVING: usize = 128;
/// Longest wait for one of them to be gone. Newcomers queue at the system meanwhile.
const A_MOMENT: Duration = Duration::from_millis(50);

/// What a connection is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Handshake, header, or nothing.
    Waiting = 0,
    /// A body is on its way.
    Coming = 1,
    /// A request is here whole and worked on.
    Working = 2,
}

/// One open connection.
#[derive(Debug)]
pub(super) struct Place {
    phase: AtomicU8,
    is_leaving: AtomicBool,
    leave: CancellationToken,
}

impl Place {
    fn new() -> Arc<Self> {
        let leave = CancellationToken::new();
        Arc::new(Self { phase: AtomicU8::new(Phase::Waiting as u8), is_leaving: AtomicBool::new(false), leave })
    }

    /// Notes what it is busy with now.
    pub(super) fn is_at(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    fn phase(&self) -> u8 {
        self.phase.load(Ordering::Relaxed)
    }

    /// Whether a request is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.phase() != Phase::Waiting as u8
    }

    /// Ends when it must make room.
    pub(super) async fn asked_to_leave(&self) {
        self.leave.cancelled().await;
    }

    /// Ends when it must make room while its body is still on its way.
    pub(super) async fn pushed_out(&self) {
        self.leave.cancelled().await;
        if self.phase() != Phase::Coming as u8 {
            std::future::pending::<()>().await;
        }
    }
}

/// The open connections of one listener.
#[derive(Debug)]
pub(super) struct Connections {
    most: usize,
    most_per_client: usize,
    exempt: Vec<IpNet>,
    open: Mutex<Open>,
    gone: Notify,
}

#[derive(Debug, Default)]
struct Open {
    /// Number of the next connection; a lower one is older.
    next: u64,
    places: BTreeMap<u64, Arc<Place>>,
    leaving: usize,
    by_client: HashMap<IpAddr, usize>,
}

/// A counted connection; dropping it ends the count.
#[derive(Debug)]
pub(super) struct Admission {
    connections: Arc<Connections>,
    client: Option<IpAddr>,
    number: u64,
    /// Its place.
    pub(super) place: Arc<Place>,
}

impl Connections {
    pub(super) fn new(most: usize, most_per_client: usize, exempt: Vec<IpNet>) -> Arc<Self> {
        Arc::new(Self { most, most_per_client, exempt, open: Mutex::default(), gone: Notify::new() })
    }

    /// Counts a connection of `peer`; `None` when there are too many.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Admission> {
        let peer = peer.to_canonical();
        let client = (!self.exempt.iter().any(|net| net.contains(&peer))).then(|| network(peer));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let of_client = client.and_then(|client| open.by_client.get(&client)).copied().unwrap_or(0);
        if of_client >= self.most_per_client && client.is_some() {
            return None;
        }
        if open.places.len().saturating_sub(open.leaving) >= self.most && !open.make_room() {
            return None;
        }
        if let Some(client) = client {
            open.by_client.insert(client, of_client + 1);
        }
        let (number, place) = (open.next, Place::new());
        open.next = open.next.wrapping_add(1);
        open.places.insert(number, Arc::clone(&place));
        drop(open);
        Some(Admission { connections: Arc::clone(self), client, number, place })
    }
}

impl Connections {
    /// Whether as many are on their way out as may be; then waits for one of them to be gone, but not for long.
    pub(super) async fn room_soon(&self) -> bool {
        let leaving = self.open.lock().unwrap_or_else(PoisonError::into_inner).leaving;
        if leaving < MOST_LEAVING {
            return false;
        }
        tokio::time::timeout(A_MOMENT, self.gone.notified()).await.is_ok()
    }
}

impl Open {
    /// Asks the one that can best be spared to leave.
    fn make_room(&mut self) -> bool {
        if self.leaving >= MOST_LEAVING {
            return false;
        }
        let spared = [Phase::Waiting, Phase::Coming].into_iter().find_map(|phase| {
            let may_go =
                |place: &&Arc<Place>| place.phase() == phase as u8 && !place.is_leaving.load(Ordering::Relaxed);
            self.places.values().find(may_go)
        });
        let Some(place) = spared else { return false };
        place.is_leaving.store(true, Ordering::Relaxed);
        place.leave.cancel();
        self.leaving += 1;
        metrics::counter!("pisteur_connections_pushed_out_total").increment(1);
        true
    }
}

/// IPv6 clients own a /64.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.places.remove(&self.number);
        if self.place.is_leaving.load(Ordering::Relaxed) {
            open.leaving = open.leaving.saturating_sub(1);
            self.connections.gone.notify_one();
        }
        if let Some(client) = self.client {
            let left = open.by_client.get(&client).map_or(0, |count| count.saturating_sub(1));
            if left == 0 {
                open.by_client.remove(&client);
            } else {
                open.by_client.insert(client, left);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn told_to_leave(admission: &Admission) -> bool {
        admission.place.leave.is_cancelled()
    }

    #[test]
    fn one_client_cannot_take_all_connections() {
        let connections = Connections::new(9, 2, vec!["10.0.0.0/8".parse().unwrap()]);
        let (eva, eva_too) = (address("2001:db8::1"), address("2001:db8::2"));
        let first = connections.admit(eva).unwrap();
        let _second = connections.admit(eva_too).unwrap();
        assert!(connections.admit(eva).is_none(), "one /64 is one client");
        assert!(connections.admit(address("2001:db8:0:1::1")).is_some(), "the next /64 is another");
        let proxied: Vec<_> = (0..5).map(|_| connections.admit(address("::ffff:10.0.0.1"))).collect();
        assert!(proxied.iter().all(Option::is_some), "a proxy speaks for many");
        drop(first);
        assert!(connections.admit(eva).is_some());
    }

    #[test]
    fn the_oldest_that_nobody_works_for_makes_room() {
        let connections = Connections::new(3, 9, Vec::new());
        let working = connections.admit(address("192.0.2.1")).unwrap();
        working.place.is_at(Phase::Working);
        let coming = connections.admit(address("192.0.2.2")).unwrap();
        coming.place.is_at(Phase::Coming);
        let waiting = connections.admit(address("192.0.2.3")).unwrap();
        let fourth = connections.admit(address("192.0.2.4")).unwrap();
        assert!(told_to_leave(&waiting) && !told_to_leave(&coming) && !told_to_leave(&working));
        fourth.place.is_at(Phase::Working);
        let fifth = connections.admit(address("192.0.2.5")).unwrap();
        assert!(told_to_leave(&coming) && !told_to_leave(&working));
        fifth.place.is_at(Phase::Working);
        assert!(connections.admit(address("192.0.2.6")).is_none(), "those at work stay");
        drop((waiting, coming, working));
        assert!(connections.admit(address("192.0.2.6")).is_some());
    }

    #[test]
    fn sockets_stay_bounded_while_the_leaving_are_slow_to_go() {
        let connections = Connections::new(100, 1_000, Vec::new());
        let held: Vec<_> = (0..1_000).filter_map(|_| connections.admit(address("192.0.2.1"))).collect();
        assert_eq!(held.len(), 100 + MOST_LEAVING);
        drop(held);
        let open = connections.open.lock().unwrap();
        assert!(open.places.is_empty() && open.by_client.is_empty() && open.leaving == 0);
    }
}
