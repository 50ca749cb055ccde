//! Who a mail is from and to, as written, with the usual damage mended.

use mail_parser::{Addr, Address};

use super::text::{non_empty_line, one_line};
use crate::domain::submission::Mailbox;

/// Mailboxes kept of one header.
const MAILBOXES: usize = 200;

/// Mailboxes of an address header, in order; those without name and address left out.
pub fn mailboxes(address: Option<&Address<'_>>) -> Vec<Mailbox> {
    let Some(address) = address else { return Vec::new() };
    let read = address.iter().take(MAILBOXES).map(mailbox);
    read.filter(|m| m.name.is_some() || m.address.is_some()).collect()
}

fn mailbox(addr: &Addr<'_>) -> Mailbox {
    let name = addr.name().and_then(display_name);
    let address = addr.address().and_then(clean_address);
    match (name, address) {
        // `a@b.c` alone, or `<x@y>>` which reads as a name.
        (Some(name), None) if name.contains('@') => match clean_address(&name) {
            Some(address) => Mailbox { name: None, address: Some(address) },
            None => Mailbox { name: Some(name), address: None },
        },
        (name, address) => Mailbox { name: name.filter(|n| !n.chars().all(|c| "<>\"' ".contains(c))), address },
    }
}

/// A display name: one line, surrounding quotes off.
pub fn display_name(raw: &str) -> Option<String> {
    let line = one_line(raw, 200);
    let mut name = line.as_str();
    for quote in ['"', '\''] {
        if let Some(inner) = name.strip_prefix(quote).and_then(|n| n.strip_suffix(quote)) {
            name = inner.trim();
        }
    }
    (!name.is_empty()).then(|| name.to_owned())
}

/// An address as written without `<>`, quotes, `mailto:` and spaces. `None` unless it has the shape `a@b`.
pub fn clean_address(raw: &str) -> Option<String> {
    let line = non_empty_line(raw, 400)?;
    let inner = match line.rsplit_once('<') {
        Some((before, inner)) if inner.contains('@') || !before.contains('@') => inner,
        Some((before, _)) => before,
        None => line.as_str(),
    };
    let inner = inner.trim_matches(|c: char| "<>\"'()[],; ".contains(c));
    let inner = inner.strip_prefix("mailto:").unwrap_or(inner);
    let joined: String = inner.chars().filter(|c| !c.is_whitespace()).collect();
    let (local, domain) = joined.rsplit_once('@')?;
    let shaped = !local.is_empty() && !domain.is_empty() && !joined.contains(['<', '>']) && joined.len() <= 320;
    shaped.then_some(joined)
}

/// Domain of an address, lower case.
pub fn domain_of(address: &str) -> Option<String> {
    address.rsplit_once('@').map(|(_, domain)| domain.trim_end_matches('.').to_lowercase())
}

/// Whether `address` is one of our mailboxes or groups.
pub fn is_own_address(address: &str, own: &[String]) -> bool {
    let lower = address.to_lowercase();
    if own.contains(&lower) {
        return true;
    }
    // sales+tag@ours is sales@ours.
    let Some((local, domain)) = lower.rsplit_once('@') else { return false };
    let Some((base, _)) = local.split_once('+') else { return false };
    own.contains(&format!("{base}@{domain}"))
}

/// Whether `domain` is one of ours or below one of ours.
pub fn is_own_domain(domain: &str, own: &[String]) -> bool {
    own.iter().any(|ours| {
        domain == ours || domain.strip_suffix(ours.as_str()).is_some_and(|rest| rest.ends_with('.') && !ours.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_addresses_are_mended() {
        for (raw, clean) in [
            ("<eva@web.example>>", Some("eva@web.example")),
            ("eva novak@web.example", Some("evanovak@web.example")),
            ("'eva@web.example'", Some("eva@web.example")),
            ("mailto:eva@web.example", Some("eva@web.example")),
            ("Eva <eva@web.example<mailto:eva@web.example>>", Some("eva@web.example")),
            ("Eva", None),
            ("@web", None),
            ("", None),
        ] {
            assert_eq!(clean_address(raw).as_deref(), clean, "{raw}");
        }
    }

    #[test]
    fn our_own_addresses_are_known_with_tags_and_sub_domains() {
        let own = vec!["sales@ours.example".to_owned()];
        assert!(is_own_address("Sales+web@ours.example", &own));
        assert!(!is_own_address("sales@theirs.example", &own));
        let domains = vec!["ours.example".to_owned()];
        assert!(is_own_domain("mail.ours.example", &domains) && !is_own_domain("notours.example", &domains));
    }
}
