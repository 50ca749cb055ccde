//! Who the visitor is: the socket's peer, or whom a trusted proxy names.
//!
//! Invariant: a header is believed only as far as trusted proxies wrote it. The list is walked from its right end,
//! where our own proxy wrote, to the first address that is not a trusted proxy; what stands left of it is hearsay.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::{Extensions, HeaderMap};
use ipnet::IpNet;

use crate::config::http::{ForwardedHeader, HttpConfig};

/// The socket's peer; the listener puts it into every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// Mark of a request that came to this listener over TLS; the listener puts it there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverTls;

impl OverTls {
    /// The scheme by which a request with these extensions came.
    #[must_use]
    pub fn scheme(extensions: &Extensions) -> &'static str {
        if extensions.get::<Self>().is_some() { "https" } else { "http" }
    }
}

/// The proxies in front, and where they name the visitor.
#[derive(Debug, Default)]
pub struct Proxies {
    trusted: Vec<IpNet>,
    header: ForwardedHeader,
    /// A neighbour that is not trusted named a visitor.
    unheeded: AtomicBool,
}

impl Proxies {
    /// As configured in `[http]`.
    #[must_use]
    pub fn new(config: &HttpConfig) -> Self {
        Self { trusted: config.proxies(), header: config.forwarded_header, unheeded: AtomicBool::new(false) }
    }

    /// Whether `address` is one of them.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|net| net.contains(&address.to_canonical()))
    }

    /// What to do about a proxy in front that is not trusted, as long as none is: all its visitors count as one client.
    #[must_use]
    pub fn unheeded(&self) -> Option<&'static str> {
        self.unheeded.load(Ordering::Relaxed).then_some(UNHEEDED)
    }

    /// Says once that a neighbour speaks for others and is not trusted.
    pub fn notice(&self, peer: IpAddr, headers: &HeaderMap) {
        let speaks = headers.contains_key("x-forwarded-for") || headers.contains_key("forwarded");
        if !speaks || !is_near(peer) || self.trusts(peer) || self.unheeded.swap(true, Ordering::Relaxed) {
            return;
        }
        tracing::warn!(%peer, "{UNHEEDED}; it is {peer}");
    }

    /// The visitor's address.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut known = peer.to_canonical();
        for hop in self.hops(headers).iter().rev() {
            if !self.trusts(known) {
                break;
            }
            match address_of(hop) {
                Some(address) => known = address,
                None => break,
            }
        }
        known
    }

    /// Hops as named, from the farthest to the nearest.
    fn hops(&self, headers: &HeaderMap) -> Vec<String> {
        let name = match self.header {
            ForwardedHeader::XForwardedFor => "x-forwarded-for",
            ForwardedHeader::Forwarded => "forwarded",
        };
        // Whatever a visitor wrote to the left of our own proxy's word, that word counts.
        let lines = headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
        let elements = lines.flat_map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
        match self.header {
            ForwardedHeader::XForwardedFor => elements.collect(),
            ForwardedHeader::Forwarded => elements.map(|element| forwarded_for(&element)).collect(),
        }
    }
}

/// What an untrusted proxy in front means, and what to do.
const UNHEEDED: &str = "a proxy in front is not trusted, so that all its visitors share one allowance; name it: \
                        [http] trusted_proxies = [\"127.0.0.1\"]";

/// This machine or a private network.
fn is_near(peer: IpAddr) -> bool {
    match peer.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// The `for=` parameter of one element of a `Forwarded` header (RFC 7239 section 4); empty when it has none.
fn forwarded_for(element: &str) -> String {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"))
        .map(|(_, value)| value.to_owned())
        .next()
        .unwrap_or_default()
}

/// `1.2.3.4`, `1.2.3.4:80`, `2001:db8::1`, `[2001:db8::1]:80`, quoted or not.
fn address_of(hop: &str) -> Option<IpAddr> {
    let text = hop.trim().trim_matches('"').trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &[&str], header: ForwardedHeader, peer: &str, lines: &[(&'static str, &str)]) -> String {
        let config = HttpConfig {
            trusted_proxies: trusted.iter().map(|t| (*t).to_owned()).collect(),
            forwarded_header: header,
            ..HttpConfig::default()
        };
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, axum::http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        Proxies::new(&config).client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn the_walk_ends_at_the_first_address_that_is_no_trusted_proxy() {
        use ForwardedHeader::XForwardedFor as Xff;
        let trusted = ["127.0.0.1", "10.0.0.0/8"];
        let cases: [(_, &[_], _); 9] = [
            ("127.0.0.1", &[("x-forwarded-for", "\u{e9}\u{10348}, 198.51.100.4")], "198.51.100.4"),
            ("203.0.113.9", &[("x-forwarded-for", "198.51.100.1")], "203.0.113.9"),
            ("127.0.0.1", &[("x-forwarded-for", "198.51.100.1")], "198.51.100.1"),
            ("127.0.0.1", &[("x-forwarded-for", "1.1.1.1, 198.51.100.1, 10.0.0.7")], "198.51.100.1"),
            ("127.0.0.1", &[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "198.51.100.2")], "198.51.100.2"),
            ("127.0.0.1", &[("x-forwarded-for", "198.51.100.1, garbage")], "127.0.0.1"),
            ("127.0.0.1", &[("x-forwarded-for", "[2001:db8::1]:443")], "2001:db8::1"),
            ("::ffff:127.0.0.1", &[("x-forwarded-for", "198.51.100.3:80")], "198.51.100.3"),
            ("127.0.0.1", &[("forwarded", "for=198.51.100.1")], "127.0.0.1"),
        ];
        for (peer, lines, expected) in cases {
            assert_eq!(client(&trusted, Xff, peer, lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_proxy_nearby_that_is_not_trusted_is_noticed() {
        let mut headers = HeaderMap::new();
        let seen = |trusted: &str, peer: &str, headers: &HeaderMap| {
            let config = HttpConfig { trusted_proxies: vec![trusted.to_owned()], ..HttpConfig::default() };
            let proxies = Proxies::new(&config);
            proxies.notice(peer.parse().unwrap(), headers);
            proxies.unheeded().is_some()
        };
        assert!(!seen("10.0.0.1", "127.0.0.1", &headers), "it speaks for nobody");
        headers.append("x-forwarded-for", "198.51.100.1".parse().unwrap());
        assert!(seen("10.0.0.1", "127.0.0.1", &headers) && seen("10.0.0.1", "::ffff:192.168.1.1", &headers));
        assert!(!seen("127.0.0.1", "127.0.0.1", &headers), "it is trusted");
        assert!(!seen("10.0.0.1", "203.0.113.9", &headers), "anybody may write a header");
    }

    #[test]
    fn the_standard_header_is_read_when_configured() {
        let line = "for=1.1.1.1, for=\"[2001:db8::7]:4711\";proto=https, For=10.1.2.3";
        let found = client(&["10.0.0.0/8"], ForwardedHeader::Forwarded, "10.0.0.1", &[("forwarded", line)]);
        assert_eq!(found, "2001:db8::7");
    }
}
