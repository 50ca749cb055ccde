//! What every command starts from: configuration, clock, database.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;

use crate::clock::{Clock, SystemClock};
use crate::config::{self, Config};
use crate::store::{self, OpenOptions, Store};
use crate::telemetry::{self, LogStyle};

/// How a command ended when it could do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done; exit code 0.
    Done,
    /// The answer is no; exit code 1.
    No,
}

impl Outcome {
    /// `Done` when `yes`.
    #[must_use]
    pub const fn yes(yes: bool) -> Self {
        if yes { Self::Done } else { Self::No }
    }
}

fn told(error: config::ConfigError) -> anyhow::Error {
    match error {
        config::ConfigError::Invalid(_) => anyhow::anyhow!("the configuration is wrong:\n{error}"),
        config::ConfigError::Unreadable { .. } => error.into(),
    }
}

/// What every command starts from.
#[derive(Debug)]
pub struct Context {
    /// The file named with `-c`.
    pub config_path: Option<PathBuf>,
    /// Time and identifiers.
    pub clock: Arc<dyn Clock>,
}

impl Context {
    /// A context on the machine's clock.
    #[must_use]
    pub fn new(config_path: Option<PathBuf>) -> Self {
        Self { config_path, clock: Arc::new(SystemClock::default()) }
    }

    /// The configuration, under the environment of this process; secrets need not be there.
    ///
    /// # Errors
    /// When it is unreadable or wrong; the error lists every problem.
    pub fn config(&self) -> anyhow::Result<Config> {
        config::load_with_secrets(self.config_path.as_deref()).map(|(config, _absent)| config).map_err(told)
    }

    /// The configuration as the daemon needs it, with its secrets.
    ///
    /// # Errors
    /// As [`Self::config`], and when a secret is not there.
    pub fn config_to_serve(&self) -> anyhow::Result<Config> {
        config::load_here(self.config_path.as_deref()).map_err(told)
    }

    /// Runs `work` on a runtime of this thread, with warnings on standard error.
    ///
    /// # Errors
    /// Those of `work`, and when no runtime can be made.
    pub fn block_on<T>(&self, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        telemetry::init("warn", LogStyle::Text)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let result = runtime.block_on(work);
        runtime.shutdown_timeout(std::time::Duration::from_secs(2));
        result
    }

    /// Opens the database without changing its structure; one that does not exist is not created.
    ///
    /// # Errors
    /// When it does not exist, is away, or is of another version.
    pub async fn store(&self, config: &Config) -> anyhow::Result<Arc<dyn Store>> {
        if let Some(path) = config.sqlite_path()
            && !path.exists()
        {
            anyhow::bail!("there is no database at {} yet; `pisteur` or `pisteur migrate` creates it", path.display());
        }
        let (store, opened) = store::open(self.open_options(config, false)).await.context("the database")?;
        if opened.degraded {
            store.close().await;
            anyhow::bail!("the database is away: {}; is the server running?", redacted(&config.database));
        }
        Ok(store)
    }

    /// How to open the store of `config`.
    #[must_use]
    pub fn open_options(&self, config: &Config, migrate: bool) -> OpenOptions {
        OpenOptions {
            url: config.database.clone(),
            spill: false,
            spill_dir: config.spill.dir.clone(),
            spill_limit: config.spill.limit_bytes(),
            allow_unsafe_server: config.allow_unsafe_server,
            clock: Arc::clone(&self.clock),
            migrate,
        }
    }

    /// Opens the store, runs `work` on it and closes it.
    ///
    /// # Errors
    /// Those of opening and of `work`.
    pub fn with_store<T>(
        &self,
        config: &Config,
        work: impl AsyncFnOnce(&Arc<dyn Store>) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        self.block_on(async {
            let store = self.store(config).await?;
            let result = work(&store).await;
            store.close().await;
            result
        })
    }
}

/// Who is at the keyboard, for the audit trail.
#[must_use]
pub(super) fn actor() -> String {
    let user = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok()).filter(|u| !u.is_empty());
    format!("cli:{}", user.as_deref().unwrap_or("unknown"))
}

/// A database address without its password.
#[must_use]
pub(super) fn redacted(address: &str) -> String {
    config::shown_database(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_password_is_never_shown() {
        assert_eq!(redacted("postgres://u:secret@h/d"), "postgres://u:***@h/d");
        assert_eq!(redacted("sqlite://var/x.db"), "sqlite://var/x.db");
    }
}
