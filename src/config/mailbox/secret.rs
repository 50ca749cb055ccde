//! Where a secret lies. The section holds the place, never the secret.

use std::env::VarError;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::plain;

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

    /// What keeps this process from reading the secret here and now, with the remedy; `None` when it is there. A command
    /// is looked for and not run.
    #[must_use]
    pub fn absent(&self) -> Option<String> {
        match self {
            Self::Env(name) => match std::env::var(name) {
                Ok(value) if !value.trim_end_matches(['\r', '\n']).is_empty() => None,
                Ok(_) => Some(format!("the environment variable {name} is empty: set it to the secret")),
                Err(VarError::NotUnicode(_)) => {
                    Some(format!("the environment variable {name} is not UTF-8 text: set it anew"))
                }
                Err(VarError::NotPresent) => Some(format!(
                    "the environment variable {name} is not set: set it where pisteur is started (with systemd, in the \
                     EnvironmentFile), or name another place"
                )),
            },
            Self::File(path) => {
                let shown = plain::path(path);
                match std::fs::read_to_string(path) {
                    Ok(text) if !text.trim_end_matches(['\r', '\n']).is_empty() => None,
                    Ok(_) => Some(format!("the secret file {shown} is empty: write the secret into it")),
                    Err(e) => Some(format!(
                        "the secret file {shown} cannot be read ({e}): create it, readable by the user of pisteur only"
                    )),
                }
            }
            Self::Command(words) => {
                let program = words.first()?;
                let missing = !is_program(program, std::env::var_os("PATH").as_deref());
                missing.then(|| {
                    format!(
                        "the program {} cannot be found or run: install it, or correct the command",
                        plain::escaped(program)
                    )
                })
            }
        }
    }
}

/// Whether `name` is a file that may be run: on `path` when it has no slash, as the system looks for it.
fn is_program(name: &str, path: Option<&OsStr>) -> bool {
    let runs = |file: &Path| file.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    if name.contains('/') {
        return runs(Path::new(name));
    }
    path.is_some_and(|path| std::env::split_paths(path).any(|folder| runs(&folder.join(name))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_not_there_is_named_with_its_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let (there, empty) = (folder.path().join("there"), folder.path().join("empty"));
        std::fs::write(&there, "s3cret\n").unwrap();
        std::fs::write(&empty, "\n").unwrap();
        let command = |program: &str| SecretSource::Command(vec![program.to_owned(), "x".to_owned()]);
        for well in [SecretSource::File(there), SecretSource::Env("PATH".to_owned()), command("sh"), command("/bin/sh")]
        {
            assert_eq!(well.absent(), None, "{well:?}");
        }
        for (source, words) in [
            (SecretSource::Env("PISTEUR_NO_SUCH_VARIABLE".to_owned()), "PISTEUR_NO_SUCH_VARIABLE is not set: set it"),
            (SecretSource::File(empty), "is empty: write the secret"),
            (SecretSource::File(folder.path().join("gone")), "cannot be read"),
            (command("no-such-program-anywhere"), "no-such-program-anywhere cannot be found"),
            (command("/etc/passwd"), "/etc/passwd cannot be found or run"),
        ] {
            let said = source.absent().unwrap();
            assert!(said.contains(words) && !said.contains("s3cret"), "{said}");
        }
    }
}
