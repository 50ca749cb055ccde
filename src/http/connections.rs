//! How many connections are open, in all and by client.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

/// Counts open connections.
#[derive(Debug)]
pub(super) struct Connections {
    most: usize,
    most_per_client: usize,
    exempt: Vec<IpNet>,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_client: HashMap<IpAddr, usize>,
}

/// A counted connection; dropping it ends the count.
#[derive(Debug)]
pub(super) struct Admission {
    connections: Arc<Connections>,
    client: Option<IpAddr>,
}

impl Connections {
    pub(super) fn new(most: usize, most_per_client: usize, exempt: Vec<IpNet>) -> Arc<Self> {
        Arc::new(Self { most, most_per_client, exempt, open: Mutex::default() })
    }

    /// Counts a connection of `peer`; `None` when there are too many.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Admission> {
        let peer = peer.to_canonical();
        let client = (!self.exempt.iter().any(|net| net.contains(&peer))).then(|| network(peer));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.total >= self.most {
            return None;
        }
        if let Some(client) = client {
            let count = open.by_client.entry(client).or_default();
            if *count >= self.most_per_client {
                return None;
            }
            *count += 1;
        }
        open.total += 1;
        drop(open);
        Some(Admission { connections: Arc::clone(self), client })
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
        open.total = open.total.saturating_sub(1);
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

    #[test]
    fn one_client_cannot_take_all_connections() {
        let connections = Connections::new(3, 2, vec!["10.0.0.0/8".parse().unwrap()]);
        let eva: IpAddr = "2001:db8::1".parse().unwrap();
        let eva_too: IpAddr = "2001:db8::2".parse().unwrap();
        let proxy: IpAddr = "10.0.0.1".parse().unwrap();
        let first = connections.admit(eva).unwrap();
        let _second = connections.admit(eva_too).unwrap();
        assert!(connections.admit(eva).is_none());
        let _third = connections.admit(proxy).unwrap();
        assert!(connections.admit(proxy).is_none(), "in all");
        drop(first);
        assert!(connections.admit(eva).is_some());
    }
}
