//! Whom the mails of a portal are addressed to, as a template writes it: `leads+portal@ours.example`, `leads@`,
//! `@ours.example`.

use serde::{Deserialize, Serialize};

use crate::domain::reading::addresses::is_own_domain;

/// Longest entry, in characters.
const CHARS: usize = 320;

/// An address, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Recipient {
    /// Before the plus-tag, lower case; empty: anybody.
    local: String,
    /// The plus-tag (RFC 5233); `None`: any, or none.
    tag: Option<String>,
    /// Lower case, with those below it; empty: one of our own.
    domain: String,
}

impl Recipient {
    /// Whether `address` is one.
    pub(super) fn is(&self, address: &str, own_domains: &[String]) -> bool {
        let Some((local, domain)) = halves(address) else { return false };
        let (name, tag) = tagged(&local);
        let at_home = if self.domain.is_empty() {
            is_own_domain(&domain, own_domains)
        } else {
            domain == self.domain || domain.strip_suffix(&self.domain).is_some_and(|below| below.ends_with('.'))
        };
        at_home
            && (self.local.is_empty() || self.local == name)
            && self.tag.as_deref().is_none_or(|wanted| tag == Some(wanted))
    }

    /// A whole address that is one; `domain` is taken for ours.
    pub(super) fn example(&self, domain: &str) -> String {
        let local = if self.local.is_empty() { "leads" } else { &self.local };
        let tag = self.tag.as_ref().map(|tag| format!("+{tag}")).unwrap_or_default();
        let domain = if self.domain.is_empty() { domain } else { &self.domain };
        format!("{local}{tag}@{domain}")
    }
}

impl TryFrom<String> for Recipient {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        let wrong = || {
            let cut: String = written.chars().take(CHARS).collect();
            format!("to: \"{cut}\" is no recipient; write leads+portal@ours.example, leads@ or @ours.example")
        };
        let (local, domain) = halves(&written).ok_or_else(wrong)?;
        let (name, tag) = tagged(&local);
        let odd = |c: char| c.is_whitespace() || c.is_control() || "<>,;:\"()@".contains(c);
        let is_domain = domain.is_empty() || domain.contains('.') && !domain.starts_with('.') && !domain.contains('/');
        let named = !name.is_empty() || local.is_empty() && !domain.is_empty();
        if !named
            || !is_domain
            || tag == Some("")
            || written.chars().count() > CHARS
            || (local.clone() + &domain).contains(odd)
        {
            return Err(wrong());
        }
        Ok(Self { local: name.to_owned(), tag: tag.map(str::to_owned), domain })
    }
}

impl From<Recipient> for String {
    fn from(recipient: Recipient) -> Self {
        let tag = recipient.tag.map(|tag| format!("+{tag}")).unwrap_or_default();
        format!("{}{tag}@{}", recipient.local, recipient.domain)
    }
}

/// Before and behind the last `@`, lower case.
fn halves(address: &str) -> Option<(String, String)> {
    let (local, domain) = address.trim().rsplit_once('@')?;
    Some((local.to_lowercase(), domain.to_lowercase()))
}

/// Name and plus-tag.
fn tagged(local: &str) -> (&str, Option<&str>) {
    local.split_once('+').map_or((local, None), |(name, tag)| (name, Some(tag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(written: &str, address: &str) -> bool {
        let recipient = Recipient::try_from(written.to_owned()).unwrap();
        assert_eq!(String::from(recipient.clone()), written.to_lowercase());
        assert!(recipient.is(&recipient.example("ours.example"), &["ours.example".to_owned()]), "{written}");
        recipient.is(address, &["ours.example".to_owned()])
    }

    #[test]
    fn a_recipient_is_an_address_a_mailbox_of_ours_or_a_domain() {
        for (written, address, fits) in [
            ("Leads+Auto@ours.example", "LEADS+auto@Ours.example", true),
            ("leads+auto@ours.example", "leads@ours.example", false),
            ("leads+auto@ours.example", "leads+autos@ours.example", false),
            ("leads+auto@", "leads+auto@ours.example", true),
            ("leads@ours.example", "leads+auto@ours.example", true),
            ("leads@", "leads@ours.example", true),
            ("leads@", "leads@other.example", false),
            ("@ours.example", "anybody@north.ours.example", true),
            ("@ours.example", "anybody@notours.example", false),
            ("leads@", "leads", false),
        ] {
            assert_eq!(is(written, address), fits, "{written} {address}");
        }
    }

    #[test]
    fn what_is_no_recipient_is_refused() {
        for written in
            ["", "@", "leads", "+auto@", "leads+@", "leads@nowhere", "a b@ours.example", "x@.example", "a@b@c.d"]
        {
            let said = Recipient::try_from(written.to_owned()).unwrap_err();
            assert!(said.contains("is no recipient; write"), "{written}: {said}");
        }
    }
}
