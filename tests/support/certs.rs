//! A certificate authority for one test, and a certificate for 127.0.0.1 and localhost signed by it.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// PEM texts.
#[derive(Debug, Clone)]
pub struct Certs {
    /// The authority: what a client is told to trust (`ca_file`).
    pub ca: String,
    /// The server's certificate.
    pub cert: String,
    /// The server's key.
    pub key: String,
}

impl Certs {
    /// For 127.0.0.1 and localhost.
    pub fn local() -> Self {
        Self::for_names(&["localhost", "127.0.0.1"])
    }

    /// For other names, to test that a wrong name is refused.
    pub fn for_names(names: &[&str]) -> Self {
        Self::made(names, |_| {})
    }

    /// For 127.0.0.1 and localhost, valid from the start of one year to the start of another.
    pub fn valid(from: i32, to: i32) -> Self {
        Self::made(&["localhost", "127.0.0.1"], |leaf| {
            leaf.not_before = rcgen::date_time_ymd(from, 1, 1);
            leaf.not_after = rcgen::date_time_ymd(to, 1, 1);
        })
    }

    fn made(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).expect("no names are valid names");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        authority.distinguished_name.push(DnType::CommonName, "pisteur test authority");
        let authority_key = KeyPair::generate().expect("a key");
        let ca = authority.self_signed(&authority_key).expect("a certificate").pem();
        let issuer = Issuer::new(authority, authority_key);
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let mut leaf = CertificateParams::new(names).expect("valid names");
        leaf.distinguished_name.push(DnType::CommonName, "pisteur test server");
        change(&mut leaf);
        let key = KeyPair::generate().expect("a key");
        let cert = leaf.signed_by(&key, &issuer).expect("a certificate").pem();
        Self { ca, cert, key: key.serialize_pem() }
    }
}
