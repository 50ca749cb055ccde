//! `[http.tls]`: HTTPS without a proxy in front. The files are read elsewhere, when they are used.

use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Problem;

/// Longest time a browser may be told to insist on HTTPS, in seconds: two years.
const LONGEST_HSTS: u64 = 63_072_000;

/// `[http.tls]`: certificate and key of the public listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The certificate in PEM, followed by those between it and its authority (`fullchain.pem`). Read again whenever it
    /// changes; a new pair that does not fit, has run out or is not yet valid is refused, and the old one stays in force.
    pub certificate: PathBuf,
    /// The certificate's private key in PEM (`privkey.pem`), without a password.
    pub key: PathBuf,
    /// Address and port for HTTPS beside plain HTTP. When it is not set, `http.public` itself speaks HTTPS and nothing
    /// else.
    #[serde(default)]
    pub listen: Option<String>,
    /// How long browsers are told to insist on HTTPS for this host name (`Strict-Transport-Security`), in seconds.
    /// 0 = they are not told. Once told, they accept no plain HTTP until the time is over.
    #[serde(default)]
    pub hsts_seconds: u64,
}

impl TlsConfig {
    /// What is wrong with it, beside addresses that `[http]` uses for something else.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (key, path) in [("tls.certificate", &self.certificate), ("tls.key", &self.key)] {
            if path.as_os_str().is_empty() {
                problems.push(Problem::new(key, "name a PEM file, such as /etc/letsencrypt/live/NAME/fullchain.pem"));
            }
        }
        if self.listen.as_deref().is_some_and(|address| address.parse::<SocketAddr>().is_err()) {
            problems.push(Problem::new("tls.listen", "not an address with port; write it as 0.0.0.0:443 or [::]:443"));
        }
        if self.hsts_seconds > LONGEST_HSTS {
            problems.push(Problem::new("tls.hsts_seconds", format!("at most {LONGEST_HSTS} (two years)")));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_address_and_duration_are_checked() {
        let tls = TlsConfig {
            certificate: PathBuf::new(),
            key: "k.pem".into(),
            listen: Some("443".to_owned()),
            hsts_seconds: LONGEST_HSTS + 1,
        };
        let keys: Vec<String> = tls.validate().into_iter().map(|problem| problem.key).collect();
        assert_eq!(keys, ["tls.certificate", "tls.listen", "tls.hsts_seconds"]);
    }
}
