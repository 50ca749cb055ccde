//! Bodies on their way in: how many one client may have unfinished at one time. What they take of memory is counted
//! apart, byte by byte, so that slow senders cost their own bytes and nobody else's turn.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::rates::Client;

/// Counts unfinished bodies by client, IPv6 by /64. This machine is not counted: it is a proxy, or the operator.
#[derive(Debug)]
pub struct Unfinished {
    most: usize,
    open: Mutex<HashMap<Client, usize>>,
}

/// A counted body; dropping it ends the count.
#[derive(Debug)]
pub(in crate::intake) struct Coming<'a> {
    counted: Option<(&'a Unfinished, Client)>,
}

impl Unfinished {
    /// At most `most` for each client.
    pub(in crate::intake) fn new(most: usize) -> Self {
        Self { most, open: Mutex::default() }
    }

    /// Counts a body of `address`; `None` when it has too many unfinished.
    pub(in crate::intake) fn admit(&self, address: IpAddr) -> Option<Coming<'_>> {
        if address.to_canonical().is_loopback() {
            return Some(Coming { counted: None });
        }
        let client = Client::of(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(client).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        drop(open);
        Some(Coming { counted: Some((self, client)) })
    }
}

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        let Some((unfinished, client)) = self.counted else { return };
        let mut open = unfinished.open.lock().unwrap_or_else(PoisonError::into_inner);
        let left = open.get(&client).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            open.remove(&client);
        } else {
            open.insert(client, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_its_share_and_gets_it_back() {
        let unfinished = Unfinished::new(1);
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        let first = unfinished.admit(at("2001:db8::1")).unwrap();
        assert!(unfinished.admit(at("2001:db8::2")).is_none(), "the same /64");
        assert!(unfinished.admit(at("2001:db8:0:1::2")).is_some());
        drop(first);
        assert!(unfinished.admit(at("2001:db8::2")).is_some());
        assert!(unfinished.open.lock().unwrap().is_empty());
        let near = [unfinished.admit(at("127.0.0.1")), unfinished.admit(at("::1")), unfinished.admit(at("127.0.0.1"))];
        assert!(near.iter().all(Option::is_some));
    }
}
