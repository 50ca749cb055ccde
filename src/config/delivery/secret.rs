//! Secrets of deliveries: where they are read, and that they are never printed.

use std::env::VarError;
use std::fmt;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A secret: never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct DeliverySecret(String);

impl DeliverySecret {
    /// Wraps a secret, without surrounding white space.
    #[must_use]
    pub fn new(value: &str) -> Self {
        Self(value.trim().to_owned())
    }

    /// Reads the secret that a variable or a file holds, the variable first; `None` when neither is named.
    #[must_use]
    pub fn from(env: Option<&str>, file: Option<&PathBuf>) -> Option<Result<Self, String>> {
        env.map(from_env).or_else(|| file.map(from_file))
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The signing key in a Standard Webhooks secret: `whsec_` and the base64 of 24 to 64 bytes.
    ///
    /// # Errors
    /// How to make one. The secret is not repeated.
    pub fn signing_key(&self) -> Result<Vec<u8>, String> {
        let encoded = self.0.strip_prefix("whsec_").unwrap_or(&self.0);
        match STANDARD.decode(encoded) {
            Ok(key) if (24..=64).contains(&key.len()) => Ok(key),
            _ => Err("the secret is not whsec_ and the base64 of 24 to 64 bytes: make one with \
                      `echo whsec_$(openssl rand -base64 32)`"
                .to_owned()),
        }
    }
}

impl fmt::Debug for DeliverySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

pub(in crate::config) fn from_env(name: &str) -> Result<DeliverySecret, String> {
    match std::env::var(name) {
        Ok(value) if !value.trim().is_empty() => Ok(DeliverySecret::new(&value)),
        Err(VarError::NotUnicode(_)) => Err(format!("the environment variable {name} is not UTF-8 text: set it anew")),
        _ => Err(not_set(name)),
    }
}

/// What to do where a variable is not there: the command may only have been started elsewhere than the daemon.
pub(in crate::config) fn not_set(name: &str) -> String {
    format!(
        "the environment variable {name} is not set: set it where pisteur is started (with systemd, in the EnvironmentFile) \
         and in this shell too, or name a file"
    )
}

pub(in crate::config) fn from_file(path: &PathBuf) -> Result<DeliverySecret, String> {
    let shown = path.display();
    match std::fs::read_to_string(path) {
        Ok(value) if !value.trim().is_empty() => Ok(DeliverySecret::new(&value)),
        Ok(_) => Err(format!("the secret file {shown} is empty: write the secret into it")),
        Err(e) => Err(format!("the secret file {shown} cannot be read ({e}): create it, readable by pisteur only")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signing_secret_has_a_shape() {
        assert!(DeliverySecret::new(" whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").signing_key().is_ok());
        for wrong in ["", "whsec_", "whsec_short", "hunter2", "whsec_!!!!"] {
            let error = DeliverySecret::new(wrong).signing_key().expect_err(wrong);
            assert!(error.contains("openssl rand"), "{error}");
        }
    }

    #[test]
    fn secrets_are_never_printed() {
        assert_eq!(format!("{:?}", DeliverySecret::new("whsec_abc")), "***");
    }
}
