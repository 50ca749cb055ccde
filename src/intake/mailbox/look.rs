//! One session's work: look for mail, read it, carry out marks, wait, and again. Every look selects the folder anew,
//! so a session can never believe in a folder that was closed, rebuilt or renamed.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::journal::{Batch, Journal, Written};
use super::marks::Marks;
use super::metrics;
use super::plan;
use super::read::{Memory, Reader};
use super::reporter::Reporter;
use crate::config::mailbox::{After, FirstRun, MailboxConfig};
use crate::imap::{ErrorClass, ImapError, Selected, Session};

/// What a session works with; everything but the session outlives it.
pub(super) struct Shift<'a> {
    pub config: &'a MailboxConfig,
    pub journal: &'a mut Journal,
    pub memory: &'a mut Memory,
    pub marks: &'a mut Marks,
    pub reporter: &'a Reporter,
}

impl Shift<'_> {
    /// Works until the session fails.
    pub(super) async fn work(&mut self, session: &mut Session, on_good: &mut (dyn FnMut() + Send)) -> ImapError {
        match self.forever(session, on_good).await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn forever(
        &mut self,
        session: &mut Session,
        on_good: &mut (dyn FnMut() + Send),
    ) -> Result<std::convert::Infallible, ImapError> {
        loop {
            let due = Instant::now() + self.config.timing.poll.duration();
            let selected = self.look(session).await?;
            on_good();
            self.marks.carry_out(self.config, session, &selected, self.journal.state.uidvalidity).await?;
            if !session.has_news() {
                self.wait(session, due).await?;
            }
        }
    }

    /// Waits for news, a mark, or the next poll.
    async fn wait(&mut self, session: &mut Session, due: Instant) -> Result<(), ImapError> {
        let timing = &self.config.timing;
        let until_due = due.saturating_duration_since(Instant::now());
        if self.config.idle && session.can("IDLE") {
            let limit = timing.idle.duration().min(until_due);
            return session.idle(limit, self.marks.arrive()).await;
        }
        tokio::select! {
            () = sleep(timing.poll_without_idle.duration().min(until_due.max(Duration::from_millis(1)))) => {}
            () = self.marks.arrive() => {}
        }
        session.noop().await
    }

    /// Reads everything that is new.
    async fn look(&mut self, session: &mut Session) -> Result<Selected, ImapError> {
        loop {
            let selected = session.select(&self.config.folder, self.config.after != After::None).await?;
            self.settle_cursor(&selected).await?;
            self.memory.belongs_to(self.journal.state.uidvalidity);
            let last_uid = self.journal.state.last_uid;
            let look = plan::look(last_uid, self.journal.history.as_ref(), selected.uidvalidity);
            let found = session.search(&look.criteria).await?;
            let journalled =
                if look.stretch.is_none() { self.journal.journalled(look.from).await? } else { Vec::new() };
            let uids = plan::candidates(&look, last_uid, &found, &journalled);
            let through = uids.last().copied().unwrap_or(0);
            self.read(session, &selected, &look, uids).await?;
            let end = look.stretch.as_ref().map_or(through, |stretch| stretch.until);
            let at = self.journal.good_look(end).await?;
            self.memory.clear();
            self.reporter.good_look(at);
            if look.stretch.is_none() {
                return Ok(selected);
            }
        }
    }

    /// Applies the first-run policy, or starts over in a rebuilt folder.
    async fn settle_cursor(&mut self, selected: &Selected) -> Result<(), ImapError> {
        let policy = self.config.first_run.unwrap_or(FirstRun::FromNow);
        let (state, history) = (&self.journal.state, self.journal.history.as_ref());
        let Some(restart) = plan::restart(policy, state, history, selected, self.reporter.now()) else {
            return Ok(());
        };
        let mailbox = &self.config.id;
        if restart.rebuilt {
            metrics::count("pisteur_mailbox_rebuilt_total", mailbox, 1);
            tracing::warn!(%mailbox, "the folder of mailbox {mailbox} was rebuilt: it is read again by date, known mail is passed over");
        } else {
            let count = selected.exists;
            tracing::info!(%mailbox, count, "mailbox {mailbox} is read for the first time: {count} message(s) are there");
        }
        self.journal.restart(restart.history, restart.last_uid).await
    }

    async fn read(
        &mut self,
        session: &mut Session,
        selected: &Selected,
        look: &plan::Look,
        uids: Vec<u32>,
    ) -> Result<(), ImapError> {
        let rescan = look.stretch.as_ref().is_some_and(|s| s.rescan);
        let desk = self.journal.desk();
        let mut queue = VecDeque::from(uids);
        let mut ready = Batch::default();
        while !(queue.is_empty() && ready.arrivals.is_empty()) {
            self.reporter.gap((queue.len() + ready.arrivals.len()) as u64);
            let mut reader = Reader {
                session: &mut *session,
                desk: &desk,
                config: self.config,
                memory: &mut *self.memory,
                stretch: look.stretch.as_ref(),
            };
            let (written, gathered) = tokio::join!(self.journal.write(ready, rescan), reader.gather(&mut queue));
            self.count(written?);
            ready = gathered.batch;
            if let Some(error) = gathered.ended {
                let written = self.journal.write(ready, rescan).await?;
                self.count(written);
                return Err(error);
            }
            self.marks.carry_out(self.config, session, selected, self.journal.state.uidvalidity).await?;
        }
        self.reporter.gap(0);
        Ok(())
    }

    fn count(&self, written: Written) {
        if written.messages > 0 {
            self.reporter.journalled(written.messages, written.quarantined);
        }
    }
}

/// A panic in the parser of the server's answers is an answer that could not be understood.
pub(super) fn panicked() -> ImapError {
    ImapError::new(ErrorClass::Protocol, "the server's answer could not be parsed")
}
