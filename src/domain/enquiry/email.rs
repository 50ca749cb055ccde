//! Email addresses: what may be sent to, what recognises a mailbox, and what an address may prove.
//!
//! Invariants: [`EmailAddress::canonical`] is for recognition only and never for sending; canonical of canonical is
//! itself; provider rules apply to the providers that document them and to nobody else.

use std::fmt;

use super::disposable::is_disposable;
use super::email_providers as providers;
use super::{Email, EmailKind};
use crate::domain::reading::addresses::{clean_address, is_own_domain};

/// Longest address (RFC 5321 section 4.5.3.1.3), in bytes.
const ADDRESS_BYTES: usize = 254;
/// Longest local part, in bytes.
const LOCAL_BYTES: usize = 64;

/// A valid email address, as written but for spaces and brackets around it and the case of its domain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress {
    local: String,
    domain: String,
}

impl EmailAddress {
    /// Parses an address; mends surrounding brackets, quotes, `mailto:` and spaces. `None` when it is not one.
    /// Internationalised domains are accepted and kept as written, lower case.
    pub fn parse(raw: &str) -> Option<Self> {
        let clean = clean_address(raw)?;
        let (local, domain) = clean.rsplit_once('@')?;
        let domain = domain.trim_end_matches('.').to_lowercase();
        let local = local.trim_end_matches('.');
        let local_ok = !local.is_empty()
            && local.len() <= LOCAL_BYTES
            && !local.starts_with('.')
            && local.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c));
        if !local_ok || local.len() + domain.len() + 1 > ADDRESS_BYTES || !valid_domain(&domain) {
            return None;
        }
        Some(Self { local: local.to_owned(), domain })
    }

    /// Part before the `@`, as written.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// Domain, lower case.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Domain in ASCII (punycode), for keys and look-ups.
    pub fn ascii_domain(&self) -> String {
        idna::domain_to_ascii(&self.domain).unwrap_or_else(|_| self.domain.clone())
    }

    /// The form under which one mailbox is recognised: lower case, ASCII domain, and the provider's own aliases undone.
    /// Tags of unknown domains stay: `reply+token@` is nobody.
    pub fn canonical(&self) -> String {
        let domain = self.ascii_domain();
        let local = self.local.to_lowercase();
        providers::canonical(&local, &domain)
    }

    /// What the address may prove. `own`: our own domains, lower case.
    pub fn kind(&self, own: &[String]) -> EmailKind {
        let domain = self.ascii_domain();
        if is_own_domain(&domain, own) || is_own_domain(&self.domain, own) {
            EmailKind::Own
        } else if is_reserved(&domain) {
            EmailKind::Reserved
        } else if is_disposable(&domain) {
            EmailKind::Disposable
        } else if providers::is_role(&self.local.to_lowercase()) {
            EmailKind::Role
        } else {
            EmailKind::Personal
        }
    }

    /// Everything at once, as an enquiry carries it.
    pub fn to_email(&self, own: &[String]) -> Email {
        Email { address: self.to_string(), canonical: self.canonical(), kind: self.kind(own) }
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

fn valid_domain(domain: &str) -> bool {
    let labels_ok = domain.split('.').all(|label| {
        let inside = |c: char| c.is_alphanumeric() || c == '-';
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(inside)
            && !label.starts_with('-')
            && !label.ends_with('-')
    });
    labels_ok
        && domain.contains('.')
        && !domain.rsplit('.').next().is_none_or(|tld| tld.chars().all(|c| c.is_ascii_digit()))
}

/// Names that belong to nobody (RFC 2606, RFC 6761).
fn is_reserved(domain: &str) -> bool {
    let below = |name: &str| domain == name || domain.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
    ["example.com", "example.net", "example.org", "example", "test", "invalid", "localhost", "local"]
        .iter()
        .any(|n| below(n))
}

/// Whether this local part (lower case) is a function or a machine.
pub fn is_role(local: &str) -> bool {
    providers::is_role(local)
}

/// Whether mailboxes of this domain (lower case) belong to anyone who asks: it says nothing about an organisation.
pub fn is_free_mail(domain: &str) -> bool {
    providers::is_free_mail(domain)
}

/// Registrable domain (public suffix list) of a host name, lower case ASCII: `mail.acme.co.uk` -> `acme.co.uk`.
pub fn registrable_domain(host: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii(host.trim_end_matches('.')).ok()?;
    psl::domain_str(&ascii).map(str::to_owned)
}

/// The domain that may name the sender's organisation: not free mail, disposable, reserved or our own.
pub fn organisation_domain(address: &EmailAddress, own: &[String]) -> Option<String> {
    let domain = address.ascii_domain();
    let shared = providers::is_free_mail(&domain)
        || providers::is_mail_service(&domain)
        || matches!(address.kind(own), EmailKind::Own | EmailKind::Reserved | EmailKind::Disposable);
    if shared { None } else { registrable_domain(&domain) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(raw: &str) -> Option<String> {
        EmailAddress::parse(raw).map(|a| a.canonical())
    }

    #[test]
    fn one_mailbox_has_one_canonical_form() {
        for (raw, expected) in [
            ("Eva.Novak+web@Gmail.com", "evanovak@gmail.com"),
            ("e.v.a@googlemail.com", "eva@gmail.com"),
            ("Eva.Novak+web@outlook.com", "eva.novak@outlook.com"),
            ("eva-x@yahoo.fr", "eva-x@yahoo.fr"),
            ("Eva+x@Firma.example", "eva+x@firma.example"),
            ("e_v-a@pm.me", "eva@proton.me"),
            ("<eva@Müller.de>", "eva@xn--mller-kva.de"),
        ] {
            assert_eq!(canonical(raw).as_deref(), Some(expected), "{raw}");
            assert_eq!(canonical(expected).as_deref(), Some(expected), "twice: {raw}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for raw in ["", "eva", "eva@", "@x.cz", "eva@local", "eva@1.2.3.4", "a@b..cz", ".a@b.cz", "a@-b.cz", "a,b@c.cz"]
        {
            assert_eq!(EmailAddress::parse(raw), None, "{raw}");
        }
    }

    #[test]
    fn kinds_are_told_apart() {
        let own = vec!["ours.cz".to_owned()];
        for (raw, kind) in [
            ("eva.novak@firma.cz", EmailKind::Personal),
            ("info@firma.cz", EmailKind::Role),
            ("no-reply@firma.cz", EmailKind::Role),
            ("x@mailinator.com", EmailKind::Disposable),
            ("x@example.com", EmailKind::Reserved),
            ("x@a.test", EmailKind::Reserved),
            ("eva@mail.ours.cz", EmailKind::Own),
        ] {
            assert_eq!(EmailAddress::parse(raw).unwrap().kind(&own), kind, "{raw}");
        }
    }

    #[test]
    fn only_a_domain_of_its_own_names_an_organisation() {
        let of = |raw: &str| organisation_domain(&EmailAddress::parse(raw).unwrap(), &[]);
        assert_eq!(of("eva@mail.acme.co.uk").as_deref(), Some("acme.co.uk"));
        assert_eq!(of("eva@seznam.cz"), None);
        assert_eq!(of("eva@yahoo.co.jp"), None);
    }
}
