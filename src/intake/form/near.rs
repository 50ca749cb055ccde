//! The operator at this machine: pages opened there hold hints that nobody else needs.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};

use super::FormSet;

/// Headers of proxies. Behind one that is not trusted every visitor comes from this machine.
const FORWARDED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/// The address of this server to show in hints, by the scheme the visitor came with; `None` for whoever is not at this machine.
#[must_use]
pub fn base(set: &FormSet, peer: IpAddr, scheme: &str, headers: &HeaderMap) -> Option<String> {
    let direct = FORWARDED.iter().all(|name| !headers.contains_key(*name));
    if !direct || !set.proxies.client(peer, headers).is_loopback() {
        return None;
    }
    set.public_url.clone().or_else(|| {
        // It stands in a command to be copied.
        let host = headers.get(header::HOST)?.to_str().ok()?;
        let plain = host.bytes().all(|b| b.is_ascii_alphanumeric() || b".:-[]".contains(&b));
        plain.then(|| format!("{scheme}://{host}"))
    })
}
