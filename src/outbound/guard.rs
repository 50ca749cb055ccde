//! Which addresses a request may be sent to: the public internet, and what the operator listed.
//!
//! Addresses, not names: a name is judged by what it resolves to, and the connection goes to the address judged.
//!
//! Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, RFC 8190).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// IPv4 ranges that are not the public internet.
const CLOSED_V4: [(u32, u8, &str); 15] = [
    (0x0000_0000, 8, "\"this network\""),
    (0x0a00_0000, 8, "private"),
    (0x6440_0000, 10, "shared by carriers"),
    (0x7f00_0000, 8, "loopback"),
    (0xa9fe_0000, 16, "link-local"),
    (0xac10_0000, 12, "private"),
    (0xc000_0000, 24, "reserved for protocols"),
    (0xc000_0200, 24, "documentation"),
    (0xc058_6300, 24, "6to4 relay"),
    (0xc0a8_0000, 16, "private"),
    (0xc612_0000, 15, "benchmarking"),
    (0xc633_6400, 24, "documentation"),
    (0xcb00_7100, 24, "documentation"),
    (0xe000_0000, 4, "multicast"),
    (0xf000_0000, 4, "reserved"),
];

/// IPv6 ranges inside `2000::/3` that are not the public internet.
const CLOSED_V6: [(u128, u8, &str); 3] = [
    (0x2001_0000 << 96, 23, "reserved for protocols"),
    (0x2001_0db8 << 96, 32, "documentation"),
    (0x3fff_0000 << 96, 20, "documentation"),
];

/// Whether `address` may be connected to: public, or in one of the networks of `allowed`.
///
/// # Errors
/// What kind of address it is.
pub fn permit(address: IpAddr, allowed: &[IpNet]) -> Result<(), &'static str> {
    let plain = plain(address);
    if allowed.iter().any(|net| net.contains(&address) || net.contains(&plain)) {
        return Ok(());
    }
    closed(plain).map_or(Ok(()), Err)
}

/// The IPv4 address that an IPv6 form stands for, or the address itself: IPv4-mapped (RFC 4291 2.5.5.2),
/// NAT64 (RFC 6052), 6to4 (RFC 3056).
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let bits = v6.to_bits();
    let low = u32::try_from(bits & 0xffff_ffff).unwrap_or(0);
    if bits >> 32 == 0xffff || bits >> 32 == 0x0064_ff9b << 64 {
        return IpAddr::V4(Ipv4Addr::from_bits(low));
    }
    if bits >> 112 == 0x2002 {
        let inner = u32::try_from((bits >> 80) & 0xffff_ffff).unwrap_or(0);
        return IpAddr::V4(Ipv4Addr::from_bits(inner));
    }
    address
}

fn closed(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => closed_v4(v4),
        IpAddr::V6(v6) => closed_v6(v6),
    }
}

fn closed_v4(address: Ipv4Addr) -> Option<&'static str> {
    let bits = address.to_bits();
    CLOSED_V4.iter().find(|(net, len, _)| (bits ^ net) >> (32 - len) == 0).map(|(_, _, what)| *what)
}

fn closed_v6(address: Ipv6Addr) -> Option<&'static str> {
    let bits = address.to_bits();
    if address.is_unspecified() {
        return Some("unspecified");
    }
    if address.is_loopback() {
        return Some("loopback");
    }
    if address.is_multicast() {
        return Some("multicast");
    }
    if address.is_unique_local() {
        return Some("private");
    }
    if address.is_unicast_link_local() {
        return Some("link-local");
    }
    // Only 2000::/3 is given out as global unicast; everything else is reserved or special.
    if bits >> 125 != 0b001 {
        return Some("reserved");
    }
    CLOSED_V6.iter().find(|(net, len, _)| (bits ^ net) >> (128 - len) == 0).map(|(_, _, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(address: &str) -> Result<(), &'static str> {
        permit(address.parse().expect("an address"), &[])
    }

    #[test]
    fn the_public_internet_is_open() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "198.17.255.255",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450:4007::1",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:0101:0101::1",
        ] {
            assert_eq!(verdict(address), Ok(()), "{address}");
        }
    }

    #[test]
    fn everything_else_is_closed_in_every_spelling() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.1.2.3",
            "::ffff:0:10.1.2.3",
            "64:ff9b::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::10.0.0.1",
            "2002:7f00:0001::1",
            "2002:a9fe:a9fe::",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "100::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ] {
            assert!(verdict(address).is_err(), "{address}");
        }
    }

    #[test]
    fn a_listed_network_opens_itself_and_nothing_more() {
        let allowed: Vec<IpNet> = vec!["10.1.0.0/16".parse().expect("net"), "fd00::/8".parse().expect("net")];
        for (address, open) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("10.2.0.1", false),
            ("fd00::5", true),
            ("fc00::5", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(permit(address.parse().expect("an address"), &allowed).is_ok(), open, "{address}");
        }
    }
}
