//! Tells the outside how a mailbox fares: status, metrics, log.

use std::sync::Arc;

use super::OnStatus;
use super::metrics;
use crate::clock::{Clock, Timestamp};
use crate::imap::{ImapError, Link, MailboxStatus, StatusSender, TokenFacts};

/// One mailbox's voice.
pub(super) struct Reporter {
    mailbox: String,
    status: StatusSender,
    on_status: OnStatus,
    clock: Arc<dyn Clock>,
}

impl Reporter {
    pub(super) fn new(mailbox: &str, status: StatusSender, on_status: OnStatus, clock: Arc<dyn Clock>) -> Self {
        Self { mailbox: mailbox.to_owned(), status, on_status, clock }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn change(&self, change: impl FnOnce(&mut MailboxStatus)) {
        self.status.send_modify(change);
        let status = self.status.borrow().clone();
        metrics::publish(&status);
        (self.on_status)(&status);
    }

    pub(super) fn link(&self, link: Link) {
        if self.status.borrow().link != link {
            self.change(|s| s.link = link);
        }
    }

    pub(super) fn connecting(&self) {
        metrics::count("pisteur_mailbox_connections_total", &self.mailbox, 1);
        self.change(|s| {
            s.link = Link::Connecting;
            s.connections += 1;
        });
    }

    pub(super) fn connected(&self) {
        self.change(|s| s.link = Link::Up);
    }

    pub(super) fn tokens(&self, tokens: TokenFacts) {
        if self.status.borrow().tokens != tokens {
            self.change(|s| s.tokens = tokens);
        }
    }

    pub(super) fn good_look(&self, at: Timestamp) {
        metrics::count("pisteur_mailbox_polls_total", &self.mailbox, 1);
        let recovered = self.status.borrow().last_error.is_some();
        if recovered {
            tracing::info!(mailbox = %self.mailbox, "mailbox {} is well again", self.mailbox);
        }
        self.change(|s| {
            s.polls += 1;
            s.last_ok_at = Some(at);
            s.last_error = None;
            s.failures = 0;
        });
    }

    pub(super) fn gap(&self, gap: u64) {
        if self.status.borrow().gap != gap {
            self.change(|s| s.gap = gap);
        }
    }

    pub(super) fn journalled(&self, messages: u64, quarantined: u64) {
        if quarantined > 0 {
            tracing::warn!(mailbox = %self.mailbox, quarantined, "{quarantined} message(s) of mailbox {} could not be read and are quarantined", self.mailbox);
        }
        self.change(|s| {
            s.messages += messages;
            s.quarantined += quarantined;
        });
    }

    pub(super) fn failed(&self, error: &ImapError, failures: u32) {
        metrics::failed(&self.mailbox, error.class);
        let class = error.class.as_str();
        tracing::warn!(mailbox = %self.mailbox, class, failures, "mailbox {}: {error}", self.mailbox);
        self.change(|s| {
            s.link = Link::Waiting;
            s.last_error = Some((error.class, error.text.clone()));
            s.failures = failures;
        });
    }
}
