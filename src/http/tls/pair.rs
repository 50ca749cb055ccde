//! One certificate with its key, as read from files: whether they fit, for which names, until when.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::clock::Timestamp;
use crate::domain::plain;

/// A certificate that ends sooner than this needs a look: who renews it by a program does so weeks before.
const SOON: Duration = Duration::from_hours(72);
/// Names of a certificate that are shown.
const SHOWN_NAMES: usize = 4;

/// Why a pair cannot be used; names key and file, and says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PairError(String);

impl PairError {
    /// Of a pair outside its time.
    pub(super) fn of_time(why: &str) -> Self {
        Self(format!("http.tls.certificate: {why}"))
    }
}

/// A certificate with its key.
#[derive(Clone)]
pub struct Pair {
    certified: Arc<CertifiedKey>,
    names: Vec<String>,
    begins: Timestamp,
    ends: Timestamp,
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("names", &self.names).field("ends", &self.ends).finish_non_exhaustive()
    }
}

impl fmt::Display for Pair {
    /// For which names, until when.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<String> = self.names.iter().take(SHOWN_NAMES).map(|name| plain::one_line(name, 80)).collect();
        let more = if self.names.len() > SHOWN_NAMES { " and others" } else { "" };
        write!(f, "for {}{more}, until {}", shown.join(", "), self.ends)
    }
}

fn wrong(key: &str, path: &Path, why: impl fmt::Display) -> PairError {
    PairError(format!("http.tls.{key}: {}: {why}", plain::path(path)))
}

impl Pair {
    /// Reads both files.
    ///
    /// # Errors
    /// When one cannot be read, holds something else, or they do not belong together.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, PairError> {
        let chain = chain(certificate)?;
        let secret = secret(key)?;
        let (names, begins, ends) = match chain.first() {
            Some(leaf) => facts(certificate, leaf)?,
            None => return Err(wrong("certificate", certificate, "contains no certificate")),
        };
        let certified = CertifiedKey::from_der(chain, secret, &ring::default_provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                let file = plain::path(certificate);
                let why = format!(
                    "this key does not belong to the first certificate in {file}; give the pair that was made together, \
                     the server's own certificate first"
                );
                wrong("key", key, why)
            }
            error => wrong("key", key, format!("cannot be used: {error}; RSA, ECDSA and Ed25519 keys can")),
        })?;
        Ok(Self { certified: Arc::new(certified), names, begins, ends })
    }

    /// For rustls.
    #[must_use]
    pub fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }

    /// Its last moment.
    #[must_use]
    pub const fn ends(&self) -> Timestamp {
        self.ends
    }

    /// What is wrong with its time, if anything.
    #[must_use]
    pub fn trouble(&self, now: Timestamp) -> Option<String> {
        let soon = || {
            let ends = self.ends;
            (now.after(SOON) > ends).then(|| format!("the HTTPS certificate runs out at {ends}: renew it"))
        };
        self.untimely(now).or_else(soon)
    }

    /// Why browsers refuse it now for its time, if they do.
    #[must_use]
    pub fn untimely(&self, now: Timestamp) -> Option<String> {
        let ends = self.ends;
        if now > ends {
            return Some(format!("the HTTPS certificate ran out at {ends}; browsers refuse it: renew it"));
        }
        if now < self.begins {
            let begins = self.begins;
            return Some(format!("the HTTPS certificate is valid only from {begins} on: is the clock right?"));
        }
        None
    }
}

/// A certificate for `name` with its key, valid in the years given.
#[cfg(test)]
pub(super) fn made(name: &str, from: i32, to: i32) -> (String, String) {
    let mut asked = rcgen::CertificateParams::new(vec![name.to_owned(), "192.0.2.7".to_owned()]).unwrap();
    asked.not_before = rcgen::date_time_ymd(from, 1, 1);
    asked.not_after = rcgen::date_time_ymd(to, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    (asked.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, PairError> {
    let text = std::fs::read(path).map_err(|error| wrong("certificate", path, readable(&error)))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(chain) if chain.is_empty() => {
            Err(wrong("certificate", path, "contains no certificate; it must hold -----BEGIN CERTIFICATE----- (PEM)"))
        }
        Ok(chain) => Ok(chain),
        Err(error) => Err(wrong("certificate", path, format!("is no PEM file: {error}"))),
    }
}

fn secret(path: &Path) -> Result<PrivateKeyDer<'static>, PairError> {
    let text = std::fs::read(path).map_err(|error| wrong("key", path, readable(&error)))?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
        let said = String::from_utf8_lossy(&text);
        let why = if said.contains("ENCRYPTED") {
            "is protected by a password; take it off with: openssl pkey -in KEY -out PLAIN-KEY"
        } else {
            "contains no private key; it must hold -----BEGIN PRIVATE KEY----- (PEM)"
        };
        wrong("key", path, why)
    })
}

fn readable(error: &std::io::Error) -> String {
    let remedy = match error.kind() {
        std::io::ErrorKind::NotFound => "is the path right?",
        std::io::ErrorKind::PermissionDenied => "let the user of pisteur read it and enter its folders",
        _ => "can this user read it?",
    };
    format!("cannot be read: {error}; {remedy}")
}

/// Names, first and last moment of a certificate.
fn facts(path: &Path, der: &CertificateDer<'_>) -> Result<(Vec<String>, Timestamp, Timestamp), PairError> {
    let (_, leaf) = X509Certificate::from_der(der.as_ref())
        .map_err(|error| wrong("certificate", path, format!("its first certificate cannot be read: {error}")))?;
    let alternative = leaf.subject_alternative_name().ok().flatten();
    let names = alternative.iter().flat_map(|names| &names.value.general_names).filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress([a, b, c, d]) => Some(std::net::Ipv4Addr::new(*a, *b, *c, *d).to_string()),
        GeneralName::IPAddress(bytes) => Some(std::net::Ipv6Addr::from(<[u8; 16]>::try_from(*bytes).ok()?).to_string()),
        _ => None,
    });
    let mut names: Vec<String> = names.collect();
    if names.is_empty() {
        names.push(leaf.subject().to_string());
    }
    let at = |time: x509_parser::time::ASN1Time| Timestamp::from_seconds(time.timestamp());
    Ok((names, at(leaf.validity().not_before), at(leaf.validity().not_after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str, text: &str) -> std::path::PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn a_pair_tells_its_names_and_when_it_needs_a_look() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = made("forms.example.com", 2026, 2027);
        let pair = Pair::read(&write(folder.path(), "c.pem", &certificate), &write(folder.path(), "k.pem", &key));
        let pair = pair.unwrap();
        assert_eq!(pair.to_string(), "for forms.example.com, 192.0.2.7, until 2027-01-01T00:00:00Z");
        let end = pair.ends();
        assert_eq!(pair.trouble(end.before(Duration::from_hours(73))), None);
        assert!(pair.trouble(end.before(Duration::from_hours(71))).unwrap().contains("runs out"));
        assert!(pair.trouble(end.after(Duration::from_secs(1))).unwrap().contains("ran out"));
        assert!(pair.trouble(Timestamp::from_seconds(0)).unwrap().contains("is the clock right"));
    }

    #[test]
    fn what_is_wrong_with_the_files_is_named_with_key_and_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let (certificate, key) = made("a.example", 2026, 2027);
        let (_, other) = made("b.example", 2026, 2027);
        let good = write(at, "good.pem", &certificate);
        let its_key = write(at, "key.pem", &key);
        let said = |certificate: &Path, key: &Path| Pair::read(certificate, key).unwrap_err().to_string();
        let mismatch = said(&good, &write(at, "other.pem", &other));
        assert!(mismatch.starts_with("http.tls.key: ") && mismatch.contains("does not belong to"), "{mismatch}");
        let absent = said(&at.join("none.pem"), &its_key);
        assert!(absent.starts_with("http.tls.certificate: ") && absent.contains("is the path right?"), "{absent}");
        assert!(said(&its_key, &its_key).contains("contains no certificate"));
        assert!(said(&good, &good).contains("contains no private key"));
        let locked = write(
            at,
            "locked.pem",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        );
        assert!(said(&good, &locked).contains("password"));
        assert!(said(&write(at, "empty.pem", ""), &its_key).contains("contains no certificate"));
        let cut = certificate.get(..certificate.len() / 2).unwrap();
        assert!(said(&write(at, "cut.pem", cut), &its_key).contains("http.tls.certificate"));
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(said(&write(at, "garbage.pem", garbage), &its_key).contains("cannot be read"));
        assert!(!format!("{:?}", Pair::read(&good, &its_key).unwrap()).contains("PRIVATE"), "no key in Debug");
    }
}
