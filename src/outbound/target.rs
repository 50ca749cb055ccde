//! Where a request goes, judged before anything is resolved: scheme, host, port, request target.

use std::collections::BTreeSet;
use std::net::IpAddr;

use url::{Host, Url};

use super::OutboundError;

/// A judged address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// Over TLS.
    pub tls: bool,
    /// Host as in the certificate: a name without trailing dot, or an address without brackets.
    pub host: String,
    /// The host itself, when it is an address and nothing is to be resolved.
    pub literal: Option<IpAddr>,
    /// Port.
    pub port: u16,
    /// `Host` header (RFC 9110 7.2): with the port unless it is the scheme's own.
    pub authority: String,
    /// Path and query: the origin form (RFC 9112 3.2.1).
    pub path: String,
}

impl Target {
    /// Parses and judges `url`. Plain http only to the hosts in `plain_http`.
    pub(super) fn parse(url: &str, plain_http: &BTreeSet<String>) -> Result<Self, OutboundError> {
        let refuse = |why: String| Err(OutboundError::Refused(why));
        let url = match Url::parse(url) {
            Ok(url) => url,
            Err(e) => return refuse(format!("the address cannot be read: {e}")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("the address holds a user or password".to_owned());
        }
        let (host, literal) = match url.host() {
            Some(Host::Domain(name)) => (name.trim_end_matches('.').to_ascii_lowercase(), None),
            Some(Host::Ipv4(v4)) => (v4.to_string(), Some(IpAddr::V4(v4))),
            Some(Host::Ipv6(v6)) => (bare(url.host_str().unwrap_or_default()), Some(IpAddr::V6(v6))),
            None => return refuse("the address names no host".to_owned()),
        };
        let tls = match url.scheme() {
            "https" => true,
            "http" if plain_http.contains(&host) => false,
            "http" => return refuse(format!("http to {host} is not encrypted and not allowed: use https")),
            other => return refuse(format!("{other} is not supported: use https")),
        };
        if host.is_empty() {
            return refuse("the address names no host".to_owned());
        }
        let port = url.port_or_known_default().unwrap_or(443);
        let bracketed = if matches!(literal, Some(IpAddr::V6(_))) { format!("[{host}]") } else { host.clone() };
        let authority = url.port().map_or_else(|| bracketed.clone(), |port| format!("{bracketed}:{port}"));
        let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        Ok(Self { tls, host, literal, port, authority, path })
    }
}

/// A host as [`Target`] and the list of plain hosts spell it: lower case, without brackets.
pub(super) fn bare(host: &str) -> String {
    host.trim_matches(['[', ']']).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Target, String> {
        let plain = BTreeSet::from(["plain.example".to_owned()]);
        Target::parse(url, &plain).map_err(|e| e.to_string())
    }

    #[test]
    fn an_address_is_taken_apart() {
        let target = parse("https://Hooks.Example.:8443/a/b?c=d#e").expect("good");
        assert_eq!((target.host.as_str(), target.port, target.tls), ("hooks.example", 8443, true));
        assert_eq!((target.authority.as_str(), target.path.as_str()), ("hooks.example:8443", "/a/b?c=d"));
        let target = parse("https://[2606:4700::1]").expect("good");
        assert_eq!((target.authority.as_str(), target.path.as_str()), ("[2606:4700::1]", "/"));
    }

    #[test]
    fn disguised_addresses_are_seen_as_addresses() {
        for url in ["https://2130706433/", "https://0x7f.1/", "https://0177.0.0.1/", "https://127.1/"] {
            assert_eq!(parse(url).expect("good").literal, Some(IpAddr::from([127, 0, 0, 1])), "{url}");
        }
    }

    #[test]
    fn what_is_not_encrypted_or_not_http_is_refused() {
        for (url, why) in [
            ("http://other.example/", "not encrypted"),
            ("ftp://plain.example/", "not supported"),
            ("file:///etc/passwd", "no host"),
            ("https://me@host.example/", "user or password"),
            ("https://:pw@host.example/", "user or password"),
            ("nonsense", "cannot be read"),
            ("https:///", "cannot be read"),
        ] {
            let error = parse(url).expect_err(url);
            assert!(error.contains(why), "{url}: {error}");
        }
        assert!(!parse("http://plain.example/").expect("listed").tls);
    }
}
