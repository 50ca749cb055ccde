//! Mail addresses as rules compare them: local part without plus-tag, domain lower case and IDNA-encoded.

use serde::Serialize;

/// An address in the form in which it is compared. Never for sending.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Address {
    /// Local part, lower case, without quotes and plus-tag.
    pub local: String,
    /// Domain in ASCII (RFC 5891), lower case.
    pub domain: String,
}

impl Address {
    /// `"Sales" <Sales+fair@Exämple.org>` -> `sales`, `xn--exmple-cua.org`. `None` without local part or domain.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let text = raw.trim();
        let inner = text.rsplit_once('<').map_or(text, |(_, rest)| rest.trim_end_matches('>'));
        let (local, domain) = inner.trim().rsplit_once('@')?;
        let local = local_part(local)?;
        Some(Self { local, domain: canonical_domain(domain)? })
    }
}

/// The local part as compared; `None` when nothing is left.
#[must_use]
pub fn local_part(raw: &str) -> Option<String> {
    let local = raw.trim().trim_matches('"').to_lowercase();
    let local = local.split_once('+').map_or(local.as_str(), |(before, _)| before);
    (!local.is_empty() && local.len() <= 128).then(|| local.to_owned())
}

/// A domain as compared: ASCII, lower case, no trailing dot.
#[must_use]
pub fn canonical_domain(raw: &str) -> Option<String> {
    let domain = raw.trim().trim_end_matches('.');
    if domain.is_empty() || domain.len() > 255 || domain.contains([' ', '@', '/']) {
        return None;
    }
    let ascii = idna::domain_to_ascii(domain).unwrap_or_else(|_| domain.to_lowercase());
    (!ascii.is_empty()).then_some(ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_compare_in_canonical_form() {
        let parsed = Address::parse("\"Ventes, équipe\" <Sales+Batimat26@Société.FR>").unwrap();
        assert_eq!(parsed.local, "sales");
        assert_eq!(parsed.domain, "xn--socit-esab.fr");
        assert_eq!(Address::parse("sales@"), None);
        assert_eq!(Address::parse("@x.fr"), None);
        assert_eq!(Address::parse("nobody"), None);
    }
}
