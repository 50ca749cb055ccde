//! One mailbox task over a memory store, with time-outs short enough for tests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pisteur::clock::{Clock, SystemClock};
use pisteur::config::mailbox::MailboxConfig;
use pisteur::imap::{ErrorClass, Link, MailboxHandle, MailboxStatus, TokenFetcher};
use pisteur::intake::mailbox::{self, MailboxDeps};
use pisteur::store::Store;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::memory_store::MemoryStore;
use crate::support::wait;

/// A form posted to the token endpoint.
pub type Form = Vec<(String, String)>;

/// Answers of the token endpoint, the last one repeated, and the forms it was asked with.
#[derive(Clone, Default)]
pub struct TokenEndpoint {
    pub answers: Arc<Mutex<Vec<(u16, String)>>>,
    pub asked: Arc<Mutex<Vec<Form>>>,
}

impl TokenEndpoint {
    pub fn answering(answers: &[(u16, &str)]) -> Self {
        let endpoint = Self::default();
        *endpoint.answers.lock().unwrap() = answers.iter().map(|(s, b)| (*s, (*b).to_owned())).collect();
        endpoint
    }

    pub fn fetcher(&self) -> TokenFetcher {
        let own = self.clone();
        Arc::new(move |_url, form| {
            own.asked.lock().unwrap().push(form);
            let mut answers = own.answers.lock().unwrap();
            let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
            Box::pin(async move { Ok((answer.0, answer.1.into_bytes())) })
        })
    }
}

/// A running mailbox task.
pub struct Rig {
    pub store: Arc<MemoryStore>,
    pub handle: MailboxHandle,
    pub errors: Arc<Mutex<Vec<(ErrorClass, String)>>>,
    cancel: CancellationToken,
    tracker: TaskTracker,
}

/// A configuration for a server on this machine; `more` are top-level keys, `timing` keys of that table.
pub fn config(port: u16, more: &str, timing: &str) -> MailboxConfig {
    let mut text = format!("id = \"sales\"\nhost = \"127.0.0.1\"\nport = {port}\nuser = \"sales@example.com\"\n");
    for (key, line) in [
        ("tls", "tls = \"none\""),
        ("first_run", "first_run = \"all\""),
        ("password", "password = { command = [\"echo\", \"secret\"] }"),
    ] {
        let oauth = key == "password" && more.contains("[oauth]");
        if !oauth && !more.lines().any(|l| l.starts_with(key)) {
            text.push_str(line);
            text.push('\n');
        }
    }
    let tables = more.find("[oauth]").unwrap_or(more.len());
    text.push_str(&more[..tables]);
    text.push_str("\n[timing]\n");
    for (key, line) in [
        ("poll", "poll = 30"),
        ("command", "command = 5"),
        ("retry", "retry = 0.02"),
        ("retry_max", "retry_max = 0.1"),
        ("auth_retry", "auth_retry = 0.05"),
        ("auth_retry_max", "auth_retry_max = 0.1"),
        ("reconnect_window", "reconnect_window = 0.01"),
        ("lock", "lock = 3"),
    ] {
        if !timing.lines().any(|l| l.starts_with(&format!("{key} "))) {
            text.push_str(line);
            text.push('\n');
        }
    }
    text.push_str(timing);
    text.push('\n');
    text.push_str(&more[tables..]);
    toml::from_str(&text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

impl Rig {
    pub fn start(config: MailboxConfig) -> Self {
        Self::start_with(config, Arc::default(), &TokenEndpoint::default())
    }

    pub fn start_with(config: MailboxConfig, store: Arc<MemoryStore>, tokens: &TokenEndpoint) -> Self {
        let problems = config.validate("mailbox[0]");
        assert!(problems.is_empty(), "{problems:?}");
        let errors: Arc<Mutex<Vec<(ErrorClass, String)>>> = Arc::default();
        let seen = Arc::clone(&errors);
        let cancel = CancellationToken::new();
        let tracker = TaskTracker::new();
        let deps = MailboxDeps {
            store: Arc::clone(&store) as Arc<dyn Store>,
            clock: Arc::new(SystemClock::default()) as Arc<dyn Clock>,
            cancel: cancel.clone(),
            tracker: tracker.clone(),
            fetch_token: tokens.fetcher(),
            on_status: Arc::new(move |status| {
                if let Some(error) = &status.last_error {
                    let mut all = seen.lock().unwrap();
                    if all.last() != Some(error) {
                        all.push(error.clone());
                    }
                }
            }),
        };
        let handle = mailbox::spawn(config, &deps);
        Self { store, handle, errors, cancel, tracker }
    }

    pub async fn until(&self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        wait::until_async(what, wait::LONG, || {
            let holds = condition(self);
            async move { holds }
        })
        .await;
    }

    /// Waits until so many messages are journalled, and shows their UIDs in order.
    pub async fn journalled(&self, count: usize) -> Vec<u32> {
        self.until(&format!("{count} messages are journalled"), |r| r.store.uids().len() >= count).await;
        self.store.uids()
    }

    /// Waits until a look ended well after now.
    pub async fn looked(&self) {
        let before = self.status().polls;
        self.until("a look ended well", |r| r.status().polls > before).await;
    }

    pub async fn up(&self) {
        self.until("the mailbox is connected and looked", |r| r.status().link == Link::Up && r.status().polls > 0)
            .await;
    }

    pub fn status(&self) -> MailboxStatus {
        self.handle.status()
    }

    pub fn classes(&self) -> Vec<ErrorClass> {
        self.errors.lock().unwrap().iter().map(|e| e.0).collect()
    }

    /// Stops as the daemon does; shows the store for a next start.
    pub async fn stop(self) -> Arc<MemoryStore> {
        self.cancel.cancel();
        self.tracker.close();
        tokio::time::timeout(Duration::from_secs(10), self.tracker.wait()).await.expect("the task ends when told");
        assert_eq!(self.handle.status().link, Link::Stopped);
        Arc::clone(&self.store)
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}
