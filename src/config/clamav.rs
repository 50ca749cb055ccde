//! `[clamav]`: the virus scanner for uploaded files.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Problem;

/// `[clamav]`: a running `clamd` that uploaded files are shown to after they are written down. Off until it has an
/// address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClamavConfig {
    /// Where `clamd` listens: `127.0.0.1:3310`, or `unix:/run/clamav/clamd.ctl`.
    pub address: Option<String>,
    /// Largest file shown to it, in bytes. Not more than its own `StreamMaxLength`, which is 100 MB unless set otherwise.
    pub max_bytes: u64,
    /// Longest time for one file, in seconds.
    pub timeout_seconds: u64,
}

impl Default for ClamavConfig {
    fn default() -> Self {
        Self { address: None, max_bytes: 100 << 20, timeout_seconds: 60 }
    }
}

/// Where `clamd` listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClamdAddress {
    /// Host and port.
    Tcp(String),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl ClamavConfig {
    /// Where it listens; `None` when no scanner is configured.
    #[must_use]
    pub fn listens(&self) -> Option<ClamdAddress> {
        let address = self.address.as_deref()?.trim();
        Some(match address.strip_prefix("unix:") {
            Some(path) => ClamdAddress::Unix(PathBuf::from(path)),
            None => ClamdAddress::Tcp(address.to_owned()),
        })
    }

    /// Longest time for one file.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }

    /// What is wrong with it.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let usable = match self.listens() {
            None => true,
            Some(ClamdAddress::Unix(path)) => path.is_absolute(),
            Some(ClamdAddress::Tcp(address)) => {
                let parts = address.rsplit_once(':');
                parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0))
            }
        };
        if !usable {
            let message = "not an address; write it as 127.0.0.1:3310 or unix:/run/clamav/clamd.ctl";
            problems.push(Problem::new("address", message));
        }
        if !(1..=u64::from(u32::MAX)).contains(&self.max_bytes) {
            problems.push(Problem::new("max_bytes", "between 1 and 4294967295 bytes"));
        }
        if !(1..=3_600).contains(&self.timeout_seconds) {
            problems.push(Problem::new("timeout_seconds", "between 1 and 3600 seconds"));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_with_port_or_a_socket() {
        let at = |address: &str| ClamavConfig { address: Some(address.to_owned()), ..ClamavConfig::default() };
        assert_eq!(ClamavConfig::default().validate(), []);
        for good in ["127.0.0.1:3310", "clamd:3310", "[::1]:3310", "unix:/run/clamav/clamd.ctl"] {
            assert_eq!(at(good).validate(), [], "{good}");
        }
        for wrong in ["127.0.0.1", "unix:clamd.ctl", ":3310", "clamd:x", "", "clamd:0"] {
            assert_eq!(at(wrong).validate().first().map(|p| p.key.clone()), Some("address".to_owned()), "{wrong}");
        }
    }
}
