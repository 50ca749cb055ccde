//! How a request proves where it comes from, as data.
//!
//! Invariants:
//! - bytes as received, before any parse;
//! - no secret, no signature, a wrong time or an unreadable header is a refusal;
//! - every configured secret is tried (rotation), each comparison takes the same time whatever differs;
//! - an error never says more than its kind.
//!
//! Sources: RFC 2104, Standard Webhooks 1.0.0, the producers' published rules.

mod rule;

use std::time::Duration;

use ring::{hmac, signature};
use subtle::ConstantTimeEq;

use self::rule::decode;
pub use self::rule::{Algorithm, Encoding, Kind, Unit, Verifier};
use super::document::Document;
use super::path::{Budget, Scope};
use crate::domain::reading::ReadLimits;

/// Signatures looked at in one header.
const MOST_SIGNATURES: usize = 16;

/// The request as a verifier sees it.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'r> {
    /// Value of a header by its name.
    pub headers: &'r dyn Headers,
    /// Body as received.
    pub body: &'r [u8],
    /// `Content-Type`.
    pub content_type: Option<&'r str>,
    /// Secret in the address: `/hooks/{id}/{secret}`, or `?key=`.
    pub path_secret: Option<&'r str>,
    /// Unix seconds.
    pub now: i64,
}

/// Headers by name, in any case.
pub trait Headers: std::fmt::Debug {
    /// The value, when the header is there exactly once and is text.
    fn header(&self, name: &str) -> Option<&str>;
}

impl Headers for std::collections::BTreeMap<String, String> {
    fn header(&self, name: &str) -> Option<&str> {
        self.get(&name.to_ascii_lowercase()).map(String::as_str)
    }
}

/// Why a request is not believed. For logs and counters; the sender is told nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// No secret is configured.
    #[error("no secret is configured")]
    NoSecret,
    /// No signature, token or key came with it.
    #[error("it carries no signature or token")]
    Missing,
    /// The time is not there or cannot be read.
    #[error("its time stamp is missing or unreadable")]
    NoTime,
    /// Too old or too new.
    #[error("its time stamp is too far from this clock")]
    Time,
    /// Not of any of our secrets.
    #[error("its signature or token is not of any configured secret")]
    Wrong,
}

impl Verifier {
    /// Whether the request carries this kind of proof at all.
    #[must_use]
    pub fn applies(&self, evidence: &Evidence<'_>) -> bool {
        match self.kind {
            Kind::Signature | Kind::Token => evidence.headers.header(&self.header).is_some(),
            Kind::Basic => evidence.headers.header("authorization").is_some(),
            Kind::Body => true,
            Kind::Path => evidence.path_secret.is_some(),
        }
    }

    /// Where the proof is looked for, in a few words for an operator.
    #[must_use]
    pub fn place(&self) -> String {
        match self.kind {
            Kind::Signature => format!("signature in {}", self.header),
            Kind::Token => format!("token in {}", self.header),
            Kind::Basic => "user and password in Authorization".to_owned(),
            Kind::Body => "key in the body".to_owned(),
            Kind::Path => "secret in the address".to_owned(),
        }
    }

    /// The id of the message that a good signature covers, if it covers one.
    #[must_use]
    pub fn signed_id<'r>(&self, evidence: &Evidence<'r>) -> Option<&'r str> {
        let covered = self.kind == Kind::Signature && self.signed.contains("{id}");
        evidence.headers.header(&self.id_header).filter(|id| covered && !id.trim().is_empty())
    }

    /// How far its time stamp may lie from this clock, if it signs one.
    #[must_use]
    pub fn tolerance(&self) -> Option<Duration> {
        let dated = !self.ts_header.is_empty() || !self.ts_in_header.is_empty();
        (dated && self.kind == Kind::Signature).then(|| Duration::from_secs(u64::from(self.tolerance_seconds)))
    }

    /// Whether somebody without the secret, who saw a request once, could send it again at any time.
    #[must_use]
    pub fn is_replayable(&self) -> bool {
        self.kind == Kind::Signature && self.tolerance().is_none()
    }

    /// Checks the proof under `secrets`.
    ///
    /// # Errors
    /// See [`Unproven`].
    pub fn verify(&self, secrets: &[String], evidence: &Evidence<'_>) -> Result<(), Unproven> {
        let keys: Vec<Vec<u8>> = secrets.iter().filter_map(|secret| self.key(secret).ok()).collect();
        if keys.is_empty() {
            return Err(Unproven::NoSecret);
        }
        match self.kind {
            Kind::Signature => self.signature(&keys, evidence),
            Kind::Token => same(&keys, self.token(evidence)?.as_bytes()),
            Kind::Basic => {
                let sent = evidence.headers.header("authorization").ok_or(Unproven::Missing)?;
                let (scheme, credentials) = sent.split_once(' ').ok_or(Unproven::Missing)?;
                let plain = decode(Encoding::Base64, credentials.trim()).ok_or(Unproven::Missing)?;
                if scheme.eq_ignore_ascii_case("basic") { same(&keys, &plain) } else { Err(Unproven::Missing) }
            }
            Kind::Body => same(&keys, self.in_body(evidence)?.as_bytes()),
            Kind::Path => same(&keys, evidence.path_secret.ok_or(Unproven::Missing)?.as_bytes()),
        }
    }

    fn token<'r>(&self, evidence: &Evidence<'r>) -> Result<&'r str, Unproven> {
        let sent = evidence.headers.header(&self.header).ok_or(Unproven::Missing)?;
        // Schemes such as `Bearer` are not case-sensitive (RFC 9110 11.1).
        let (start, rest) = sent.split_at_checked(self.prefix.len()).ok_or(Unproven::Missing)?;
        if start.eq_ignore_ascii_case(&self.prefix) { Ok(rest.trim()) } else { Err(Unproven::Missing) }
    }

    fn in_body(&self, evidence: &Evidence<'_>) -> Result<String, Unproven> {
        let document = Document::read(evidence.body, evidence.content_type, &[], &ReadLimits::default());
        self.path.text(Scope::whole(&document.value), &mut Budget::default()).ok_or(Unproven::Missing)
    }

    fn signature(&self, keys: &[Vec<u8>], evidence: &Evidence<'_>) -> Result<(), Unproven> {
        let sent = evidence.headers.header(&self.header).ok_or(Unproven::Missing)?;
        let named = |name: &str| {
            let pairs = sent.split(',').filter_map(|pair| pair.trim().split_once('='));
            pairs.filter(|(n, _)| *n == name).map(|(_, value)| value.to_owned()).collect::<Vec<_>>()
        };
        let ts = if self.ts_in_header.is_empty() {
            evidence.headers.header(&self.ts_header).map(str::to_owned)
        } else {
            named(&self.ts_in_header).into_iter().next()
        };
        self.in_time(ts.as_deref(), evidence.now)?;
        let given: Vec<String> = if !self.signature_in_header.is_empty() {
            named(&self.signature_in_header)
        } else if self.separator.is_empty() {
            vec![sent.to_owned()]
        } else {
            sent.split(self.separator.as_str()).map(str::to_owned).collect()
        };
        let given = given.iter().take(MOST_SIGNATURES).filter_map(|one| one.trim().strip_prefix(self.prefix.as_str()));
        let given: Vec<Vec<u8>> = given.filter_map(|one| decode(self.encoding, one)).collect();
        if given.is_empty() {
            return Err(Unproven::Missing);
        }
        let id = if self.signed.contains("{id}") {
            evidence.headers.header(&self.id_header).ok_or(Unproven::Missing)?
        } else {
            ""
        };
        let message = fill(&self.signed, evidence.body, ts.as_deref().unwrap_or_default(), id);
        let mut found = false;
        for key in keys {
            for signature in &given {
                found |= self.signs(key, &message, signature);
            }
        }
        if found { Ok(()) } else { Err(Unproven::Wrong) }
    }

    fn in_time(&self, ts: Option<&str>, now: i64) -> Result<(), Unproven> {
        if self.ts_header.is_empty() && self.ts_in_header.is_empty() {
            return Ok(());
        }
        let text = ts.filter(|t| t.len() <= 20 && t.bytes().all(|b| b.is_ascii_digit())).ok_or(Unproven::NoTime)?;
        let sent: i64 = text.parse().map_err(|_| Unproven::NoTime)?;
        let seconds = if self.ts_unit == Unit::Ms { sent / 1_000 } else { sent };
        let off = now.abs_diff(seconds);
        if off > u64::from(self.tolerance_seconds) { Err(Unproven::Time) } else { Ok(()) }
    }

    fn signs(&self, key: &[u8], message: &[u8], given: &[u8]) -> bool {
        let algorithm = match self.algorithm {
            Algorithm::Sha256 => hmac::HMAC_SHA256,
            Algorithm::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Algorithm::Sha512 => hmac::HMAC_SHA512,
            Algorithm::Ed25519 => {
                return signature::UnparsedPublicKey::new(&signature::ED25519, key).verify(message, given).is_ok();
            }
        };
        // Compares in constant time.
        hmac::verify(&hmac::Key::new(algorithm, key), message, given).is_ok()
    }
}

/// Whether `given` is one of the secrets; every one is compared.
fn same(keys: &[Vec<u8>], given: &[u8]) -> Result<(), Unproven> {
    let found = keys.iter().fold(subtle::Choice::from(0), |found, key| found | key.as_slice().ct_eq(given));
    if bool::from(found) { Ok(()) } else { Err(Unproven::Wrong) }
}

/// The signed bytes: the template with its places filled; the body is put in as it is.
fn fill(template: &str, body: &[u8], ts: &str, id: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(template.len() + body.len() + ts.len() + id.len());
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        let (before, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.extend_from_slice(before.as_bytes());
        let places: [(&str, &[u8]); 3] = [("{body}", body), ("{ts}", ts.as_bytes()), ("{id}", id.as_bytes())];
        if let Some((place, value)) = places.iter().find(|(place, _)| tail.starts_with(place)) {
            out.extend_from_slice(value);
            rest = tail.get(place.len()..).unwrap_or_default();
        } else {
            out.push(b'{');
            rest = tail.get(1..).unwrap_or_default();
        }
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

/// Lower-case hexadecimal HMAC-SHA256 of `message`.
#[must_use]
pub fn hmac_hex(key: &[u8], message: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    tag.as_ref().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
#[path = "verify/tests.rs"]
mod tests;
