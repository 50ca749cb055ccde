//! Fetches a secret from where the configuration says it lies. The secret itself never reaches an error or a log.

use std::fmt;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::error::{ErrorClass, ImapError};
use crate::config::mailbox::SecretSource;

/// Time a secret command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);
/// Longest secret in bytes.
const LONGEST: usize = 64 * 1024;

/// A secret in memory; prints as dots.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(String);

impl Secret {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(...)")
    }
}

/// Reads the secret; `what` names it in errors.
pub(super) async fn read(what: &str, source: &SecretSource) -> Result<Secret, ImapError> {
    let bad = |why: String| ImapError::new(ErrorClass::Settings, format!("{what}: {why}"));
    let text = match source {
        SecretSource::Env(name) => std::env::var(name).map_err(|_| bad(source.absent().unwrap_or_default()))?,
        SecretSource::File(path) => tokio::fs::read_to_string(path)
            .await
            .map_err(|e| bad(format!("the file {} cannot be read: {}", path.display(), e.kind())))?,
        SecretSource::Command(words) => run(words).await.map_err(bad)?,
    };
    let secret = match source {
        SecretSource::Command(_) => text.lines().next().unwrap_or("").to_owned(),
        SecretSource::Env(_) | SecretSource::File(_) => text.trim_end_matches(['\r', '\n']).to_owned(),
    };
    if secret.is_empty() {
        return Err(bad("it is empty".to_owned()));
    }
    if secret.len() > LONGEST {
        return Err(bad("it is longer than 64 kB".to_owned()));
    }
    Ok(Secret::new(secret))
}

async fn run(words: &[String]) -> Result<String, String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("the command is empty".to_owned());
    };
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(COMMAND_LIMIT, child)
        .await
        .map_err(|_| format!("the command {program} took longer than 30 s"))?
        .map_err(|e| format!("the command {program} cannot be run: {}", e.kind()))?;
    if !output.status.success() {
        return Err(format!("the command {program} failed ({})", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("the command {program} did not print text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn secrets_come_from_files_and_commands_and_print_as_dots() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "s3cret\r\n").unwrap();
        let secret = read("password", &SecretSource::File(path)).await.unwrap();
        assert_eq!(secret.expose(), "s3cret");
        assert!(!format!("{secret:?}").contains("s3cret"));
        let command = SecretSource::Command(vec!["printf".into(), "one\ntwo\n".into()]);
        assert_eq!(read("password", &command).await.unwrap().expose(), "one");
    }

    #[tokio::test]
    async fn a_missing_secret_says_where_it_was_looked_for() {
        let missing = read("password", &SecretSource::Env("PISTEUR_NO_SUCH_VARIABLE".into())).await.unwrap_err();
        assert_eq!(missing.class, ErrorClass::Settings);
        assert!(missing.text.contains("PISTEUR_NO_SUCH_VARIABLE"));
        let failing = read("password", &SecretSource::Command(vec!["false".into()])).await.unwrap_err();
        assert!(failing.text.contains("false failed"));
    }
}
