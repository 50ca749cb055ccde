//! Carries out marks on the server, many in one command, and answers each.

use crate::config::mailbox::{After, MailboxConfig};
use crate::imap::{
    ErrorClass, ImapError, MarkError, MarkOutcome, MarkReceiver, MarkRequest, Marked, Selected, Session,
};

use super::metrics;

/// Marks in one command.
const AT_ONCE: usize = 64;

/// Marks that wait for their turn. Dropped requests tell their sender to come back.
#[derive(Debug)]
pub(super) struct Marks {
    receiver: MarkReceiver,
    waiting: Vec<MarkRequest>,
}

impl Marks {
    pub(super) fn new(receiver: MarkReceiver) -> Self {
        Self { receiver, waiting: Vec::new() }
    }

    /// Done when a mark waits; pending for ever when none can come any more. Safe to cancel.
    pub(super) async fn arrive(&mut self) {
        if !self.waiting.is_empty() {
            return;
        }
        match self.receiver.recv().await {
            Some(request) => self.waiting.push(request),
            None => std::future::pending().await,
        }
    }

    /// Answers everything that waits, and everything that comes until cancelled, with this error.
    pub(super) async fn refuse(&mut self, error: MarkError) {
        loop {
            for request in self.waiting.drain(..) {
                request.answer(Err(error.clone()));
            }
            self.arrive().await;
        }
    }

    /// Carries out what waits; `life` is the number under which positions of this folder are stored now.
    ///
    /// # Errors
    /// Failures after which the session is of no use; the marks were answered.
    pub(super) async fn carry_out(
        &mut self,
        config: &MailboxConfig,
        session: &mut Session,
        selected: &Selected,
        life: u32,
    ) -> Result<(), ImapError> {
        loop {
            while self.waiting.len() < AT_ONCE
                && let Ok(request) = self.receiver.try_recv()
            {
                self.waiting.push(request);
            }
            if self.waiting.is_empty() {
                return Ok(());
            }
            let requests = std::mem::take(&mut self.waiting);
            some(requests, config, session, selected, life).await?;
        }
    }
}

async fn some(
    requests: Vec<MarkRequest>,
    config: &MailboxConfig,
    session: &mut Session,
    selected: &Selected,
    life: u32,
) -> Result<(), ImapError> {
    let here = |r: &MarkRequest| r.position.folder == config.folder && r.position.uidvalidity == life;
    let (current, stale): (Vec<_>, Vec<_>) = requests.into_iter().partition(here);
    for request in stale {
        metrics::marked(&config.id, MarkOutcome::Stale);
        request.answer(Ok(MarkOutcome::Stale));
    }
    let mut uids: Vec<u32> = current.iter().map(|r| r.position.uid).filter(|uid| *uid > 0).collect();
    uids.sort_unstable();
    uids.dedup();
    let done = match &config.after {
        _ if uids.is_empty() => Ok(Vec::new()),
        After::None => Ok(Vec::new()),
        After::Keyword => session.set_keyword(&uids, selected.own_keywords).await,
        After::Move(folder) => session.move_to(&uids, folder, &config.folder, selected).await,
    };
    match done {
        Ok(marked) => {
            for request in current {
                let found = marked.iter().find(|(uid, _)| *uid == request.position.uid).map(|(_, m)| *m);
                let outcome = outcome(found);
                metrics::marked(&config.id, outcome);
                request.answer(Ok(outcome));
            }
            Ok(())
        }
        Err(error) => {
            for request in current {
                request.answer(Err(MarkError::Failed(error.text.clone())));
            }
            if error.class == ErrorClass::Refused { Ok(()) } else { Err(error) }
        }
    }
}

const fn outcome(marked: Option<Marked>) -> MarkOutcome {
    match marked {
        Some(Marked::Done) => MarkOutcome::Marked,
        Some(Marked::Gone) => MarkOutcome::Gone,
        Some(Marked::Unsupported) => MarkOutcome::Unsupported,
        None => MarkOutcome::Left,
    }
}
