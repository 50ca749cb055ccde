//! Where a secret lies. The section holds the place, never the secret.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The place of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// Name of an environment variable.
    Env(String),
    /// Path of a file; trailing line ends are cut. Should be readable by the daemon only.
    File(PathBuf),
    /// Program and arguments, run without a shell; its first output line is the secret.
    Command(Vec<String>),
}

impl SecretSource {
    /// What is wrong with the place as written; whether the secret is there is seen when it is used.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        match self {
            Self::Env(name) if name.is_empty() || name.contains(['=', '\0']) => {
                Some(format!("`{name}` is not the name of an environment variable"))
            }
            Self::File(path) if !path.is_file() => {
                Some(format!("the secret file {} cannot be found: create it or correct the path", path.display()))
            }
            Self::Command(words) if words.first().is_none_or(String::is_empty) => {
                Some("the command is empty: write command = [\"program\", \"argument\"]".to_owned())
            }
            Self::Env(_) | Self::File(_) | Self::Command(_) => None,
        }
    }
}
