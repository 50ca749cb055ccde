//! `[form.privacy]`: what is kept of a visitor's address, and for how long the bytes of a submission are.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Problem;
use crate::config::delivery::DeliverySecret;

/// Least length of a key, in bytes.
const KEY_BYTES: usize = 16;
/// Purpose of the key, for its derivation (BLAKE3 section 2.2).
const CONTEXT: &str = "pisteur 2026 form client address";

/// What is kept of the visitor's network address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClientIp {
    /// As it is.
    #[default]
    Keep,
    /// Its network only: /24 of IPv4, /48 of IPv6.
    Truncate,
    /// A keyed hash: the same visitor is recognised, nobody reads the address. Needs a key.
    Hash,
    /// Nothing.
    Drop,
}

/// `[form.privacy]`: what is kept of visitors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PrivacyConfig {
    /// Days after which the bytes of a submission, files included, are removed; its record, the message in it, the
    /// decision and the digest stay. What waits in quarantine, spam excepted, keeps them 90 days longer.
    /// 0 = never.
    pub retention_days: u32,
    /// `keep`, `truncate` (network only), `hash` (needs a key) or `drop` the visitor's network address.
    pub client_ip: ClientIp,
    /// Environment variable with the key of the hash, at least 16 characters.
    pub hash_key_env: Option<String>,
    /// File with the key of the hash.
    pub hash_key_file: Option<PathBuf>,
}

impl PrivacyConfig {
    /// What is wrong with it; reads the key to see that it is there.
    pub(super) fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.retention_days > 36_500 {
            problems.push(Problem::new("retention_days", "at most 36500 (a hundred years); 0 = never"));
        }
        if let Err(why) = self.rule() {
            problems.push(Problem::new("client_ip", why));
        }
        problems
    }

    /// The rule to apply, with its key.
    ///
    /// # Errors
    /// One sentence naming the key that is missing.
    pub fn rule(&self) -> Result<IpRule, String> {
        Ok(match self.client_ip {
            ClientIp::Keep => IpRule::Keep,
            ClientIp::Truncate => IpRule::Truncate,
            ClientIp::Drop => IpRule::Drop,
            ClientIp::Hash => {
                let secret = self.key()?;
                if secret.expose().len() < KEY_BYTES {
                    return Err(format!(
                        "the key of the hash is shorter than {KEY_BYTES} characters: make a longer one"
                    ));
                }
                IpRule::Hash(Box::new(blake3::derive_key(CONTEXT, secret.expose().as_bytes())))
            }
        })
    }

    fn key(&self) -> Result<DeliverySecret, String> {
        DeliverySecret::from(self.hash_key_env.as_deref(), self.hash_key_file.as_ref())
            .unwrap_or_else(|| Err("hash needs a key: name it with hash_key_env or hash_key_file".to_owned()))
    }
}

/// What is done to a visitor's network address before anything is written down.
#[derive(Clone, PartialEq, Eq)]
pub enum IpRule {
    /// Nothing.
    Keep,
    /// The host part becomes zero.
    Truncate,
    /// Replaced by a hash under this key.
    Hash(Box<[u8; 32]>),
    /// Left out.
    Drop,
}

impl std::fmt::Debug for IpRule {
    /// The key is never printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Keep => "Keep",
            Self::Truncate => "Truncate",
            Self::Hash(_) => "Hash(***)",
            Self::Drop => "Drop",
        })
    }
}

impl IpRule {
    /// What is kept of `address`.
    #[must_use]
    pub fn kept(&self, address: IpAddr) -> Option<String> {
        let address = address.to_canonical();
        match self {
            Self::Keep => Some(address.to_string()),
            Self::Truncate => Some(network(address).to_string()),
            Self::Hash(key) => {
                let hash = blake3::keyed_hash(key, address.to_string().as_bytes()).to_hex();
                Some(format!("hash:{}", hash.get(..32).unwrap_or_default()))
            }
            Self::Drop => None,
        }
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & 0xffff_ff00)),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 80))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(rule: &IpRule, address: &str) -> Option<String> {
        rule.kept(address.parse().unwrap())
    }

    #[test]
    fn an_address_is_kept_cut_hashed_or_dropped() {
        assert_eq!(kept(&IpRule::Keep, "::ffff:203.0.113.77").as_deref(), Some("203.0.113.77"));
        assert_eq!(kept(&IpRule::Truncate, "203.0.113.77").as_deref(), Some("203.0.113.0"));
        assert_eq!(kept(&IpRule::Truncate, "2001:db8:1:2:3::4").as_deref(), Some("2001:db8:1::"));
        assert_eq!(kept(&IpRule::Drop, "203.0.113.77"), None);
        let (one, other) = (IpRule::Hash(Box::new([1; 32])), IpRule::Hash(Box::new([2; 32])));
        let hash = kept(&one, "203.0.113.77").unwrap();
        assert_eq!(kept(&one, "::ffff:203.0.113.77").as_deref(), Some(hash.as_str()), "the same visitor");
        assert_ne!(kept(&other, "203.0.113.77").as_deref(), Some(hash.as_str()), "useless without the key");
        assert!(!hash.contains("203") && hash.len() == 37, "{hash}");
        assert_eq!(format!("{one:?}"), "Hash(***)");
    }

    #[test]
    fn a_hash_needs_a_key() {
        let mut config = PrivacyConfig { client_ip: ClientIp::Hash, ..PrivacyConfig::default() };
        assert!(config.validate()[0].message.contains("hash_key_env"));
        config.hash_key_file = Some("/nonexistent/key".into());
        assert!(config.validate()[0].message.contains("cannot be read"));
    }
}
