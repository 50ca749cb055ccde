//! A logged-in session: one command at a time, each read to its own tagged answer under a time-out.
//!
//! Invariants:
//! - After an error of class network, protocol or token the session is good for nothing but being dropped.
//! - A command has an end: it may bring so many bytes, and last its time-out and what those bytes need at the slowest
//!   acceptable speed.
//! - An untagged EXISTS outside SELECT is remembered as news, whatever command it arrived in.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use async_imap::imap_proto::{Capability, MailboxDatum, RequestId, Response, ResponseCode, Status};
use tokio::time::{Instant, sleep, timeout};

use super::error::{ErrorClass, ImapError, printable};
use super::wire::Wire;
use crate::config::mailbox::Timing;

/// Bytes the answer to a command may have; messages are counted apart.
const ANSWER: u64 = 4 << 20;
/// Bytes the answer to a SEARCH may have: some millions of UIDs.
const UIDS: u64 = 64 << 20;

/// A logged-in connection.
#[derive(Debug)]
pub struct Session {
    inner: async_imap::Session<Wire>,
    /// When the command under way was sent, and the bytes received before.
    begun: (Instant, u64),
    pub(super) timing: Timing,
    capabilities: BTreeSet<String>,
    news: bool,
}

/// A tagged answer.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) tag: RequestId,
    pub(super) ok: bool,
    pub(super) text: String,
    pub(super) try_create: bool,
}

/// What looks at untagged answers.
pub(super) type Listener<'a> = &'a mut (dyn FnMut(&Response<'_>) + Send);

impl Session {
    pub(super) fn new(inner: async_imap::Session<Wire>, timing: Timing) -> Self {
        let begun = (Instant::now(), inner.get_ref().received());
        Self { inner, begun, timing, capabilities: BTreeSet::new(), news: false }
    }

    /// Does the server have this capability (upper case)?
    #[must_use]
    pub fn can(&self, capability: &str) -> bool {
        self.capabilities.contains(capability)
    }

    /// Every capability, sorted.
    pub fn capabilities(&self) -> impl Iterator<Item = &str> {
        self.capabilities.iter().map(String::as_str)
    }

    /// New mail was announced since the last SELECT.
    #[must_use]
    pub const fn has_news(&self) -> bool {
        self.news
    }

    /// Makes the next look come at once.
    pub(super) fn expect_news(&mut self) {
        self.news = true;
    }

    pub(super) fn no_news(&mut self) {
        self.news = false;
    }

    /// Sends a command; its answer is to be read with [`Session::step`].
    pub(super) async fn send(&mut self, command: &str) -> Result<RequestId, ImapError> {
        let answer = if command.starts_with("UID SEARCH") { UIDS } else { ANSWER };
        self.send_for(command, answer, false).await
    }

    /// The same for a command whose answer may have so many bytes, beside the answers still awaited if `also` says so.
    pub(super) async fn send_for(&mut self, command: &str, bytes: u64, also: bool) -> Result<RequestId, ImapError> {
        self.inner.get_mut().expect(bytes, also);
        self.begun = (Instant::now(), self.inner.get_ref().received());
        let sent = timeout(self.timing.command.duration(), self.inner.run_command(command)).await;
        sent.map_err(|_| ImapError::timed_out("the mail server takes no more commands"))?
            .map_err(|e| ImapError::command(verb(command), &e, self.inner.get_ref().bye()))
    }

    /// Reads one response: a tagged one is returned, any other shown to `listen`. Safe to cancel. A long response may
    /// take longer than `limit` as long as it comes at the slowest acceptable speed.
    pub(super) async fn step(&mut self, limit: Duration, listen: Listener<'_>) -> Result<Option<Finished>, ImapError> {
        self.in_time(limit)?;
        let enough = limit.as_millis() * u128::from(self.timing.slowest_bytes_per_second) / 1000;
        let read = loop {
            let before = self.inner.get_ref().received();
            if let Ok(read) = timeout(limit, self.inner.read_response()).await {
                break read;
            }
            let came = self.inner.get_ref().received().saturating_sub(before);
            if u128::from(came) < enough.max(1) {
                return Err(ImapError::timed_out("the mail server did not answer"));
            }
        };
        // Nobody reads this channel: it must not hold a hundred old responses.
        while self.inner.unsolicited_responses.try_recv().is_ok() {}
        let response = match read {
            Ok(Some(response)) => response,
            Ok(None) => return Err(ImapError::lost(self.inner.get_ref().bye())),
            Err(e) => return Err(ImapError::io(&e, self.inner.get_ref().bye())),
        };
        match response.parsed() {
            Response::Done { tag, status, outcome } => {
                let text = printable(outcome.information.as_deref().unwrap_or(""));
                let try_create = matches!(outcome.code, Some(ResponseCode::TryCreate));
                return Ok(Some(Finished { tag: tag.clone(), ok: *status == Status::Ok, text, try_create }));
            }
            Response::Data { status: Status::Bye, outcome } => {
                return Err(ImapError::lost(Some(printable(outcome.information.as_deref().unwrap_or("no reason")))));
            }
            Response::MailboxData(MailboxDatum::Exists(_)) => self.news = true,
            _ => {}
        }
        listen(response.parsed());
        Ok(None)
    }

    /// Many small answers are no better than none: all together must come at the slowest acceptable speed.
    fn in_time(&self, limit: Duration) -> Result<(), ImapError> {
        let (begun, before) = self.begun;
        let came = self.inner.get_ref().received().saturating_sub(before);
        let paid =
            Duration::from_millis(came.saturating_mul(1000) / u64::from(self.timing.slowest_bytes_per_second.max(1)));
        if begun.elapsed() > limit.saturating_add(paid) {
            return Err(ImapError::timed_out("the mail server does not come to the end of its answer"));
        }
        Ok(())
    }

    /// Runs a command to its tagged answer, whatever that is.
    pub(super) async fn finish(
        &mut self,
        command: &str,
        limit: Duration,
        listen: Listener<'_>,
    ) -> Result<Finished, ImapError> {
        let tag = self.send(command).await?;
        loop {
            if let Some(finished) = self.step(limit, listen).await?
                && finished.tag == tag
            {
                return Ok(finished);
            }
        }
    }

    /// Runs a command; NO and BAD are errors.
    pub(super) async fn run(&mut self, command: &str, listen: Listener<'_>) -> Result<(), ImapError> {
        let finished = self.finish(command, self.timing.command.duration(), listen).await?;
        if finished.ok { Ok(()) } else { Err(ImapError::refused(verb(command), &finished.text)) }
    }

    pub(super) async fn learn_capabilities(&mut self) -> Result<(), ImapError> {
        let mut found = BTreeSet::new();
        self.run("CAPABILITY", &mut |response| {
            if let Response::Capabilities(list) = response {
                found.extend(list.iter().map(|c| match c {
                    Capability::Imap4rev1 => "IMAP4REV1".to_owned(),
                    Capability::Auth(name) => format!("AUTH={}", name.to_ascii_uppercase()),
                    Capability::Atom(name) => name.to_ascii_uppercase(),
                }));
            }
        })
        .await?;
        self.capabilities = found;
        Ok(())
    }

    /// Says who we are (RFC 2971): some servers refuse SELECT before that. A refusal of ID itself matters to nobody.
    pub(super) async fn introduce(&mut self) -> Result<(), ImapError> {
        if !self.can("ID") {
            return Ok(());
        }
        let command = concat!("ID (\"name\" \"pisteur\" \"version\" \"", env!("CARGO_PKG_VERSION"), "\")");
        match self.run(command, &mut |_| {}).await {
            Err(e) if e.class == ErrorClass::Refused => Ok(()),
            other => other,
        }
    }

    /// UIDs that match, ascending, without doubles. The criteria are ASCII, so no CHARSET is sent (Exchange refuses it).
    ///
    /// # Errors
    /// Any class; `Refused` for a NO or BAD to the search.
    pub async fn search(&mut self, criteria: &str) -> Result<Vec<u32>, ImapError> {
        let mut found = BTreeSet::new();
        self.run(&format!("UID SEARCH {criteria}"), &mut |response| {
            if let Response::MailboxData(MailboxDatum::Search(uids)) = response {
                found.extend(uids.iter().copied().filter(|uid| *uid > 0));
            }
        })
        .await?;
        Ok(found.into_iter().collect())
    }

    /// Keeps the connection alive.
    ///
    /// # Errors
    /// Any class.
    pub async fn noop(&mut self) -> Result<(), ImapError> {
        self.run("NOOP", &mut |_| {}).await
    }

    /// Waits for news with IDLE (RFC 2177) until there are any, `limit` has passed, or `wake` is done. Every end means
    /// the same to the caller: look again. A server that refuses IDLE loses the capability for this session.
    ///
    /// # Errors
    /// Any class but `Refused`.
    pub async fn idle(&mut self, limit: Duration, wake: impl Future<Output = ()> + Send) -> Result<(), ImapError> {
        let tag = self.send("IDLE").await?;
        let mut accepted = false;
        while !accepted {
            let listen = &mut |r: &Response<'_>| accepted |= matches!(r, Response::Continue(_));
            if let Some(finished) = self.step(self.timing.command.duration(), listen).await?
                && finished.tag == tag
            {
                self.capabilities.remove("IDLE");
                return Ok(());
            }
        }
        let forever = limit.saturating_add(self.timing.command.duration());
        tokio::select! {
            read = self.until_news(forever) => read?,
            () = sleep(limit) => {}
            () = wake => {}
        }
        self.end_idle(&tag).await
    }

    async fn until_news(&mut self, limit: Duration) -> Result<(), ImapError> {
        while !self.news {
            self.step(limit, &mut |_| {}).await?;
        }
        Ok(())
    }

    async fn end_idle(&mut self, tag: &RequestId) -> Result<(), ImapError> {
        let limit = self.timing.done.duration();
        self.begun = (Instant::now(), self.inner.get_ref().received());
        let end = async {
            self.inner
                .run_command_untagged("DONE")
                .await
                .map_err(|e| ImapError::command("DONE", &e, self.inner.get_ref().bye()))?;
            loop {
                if let Some(finished) = self.step(limit, &mut |_| {}).await?
                    && finished.tag == *tag
                {
                    return Ok(());
                }
            }
        };
        timeout(limit, end).await.map_err(|_| ImapError::timed_out("IDLE did not end"))?
    }

    /// Says goodbye; how the server takes it matters to nobody.
    pub async fn logout(mut self) {
        let limit = self.timing.done.duration().min(Duration::from_secs(2));
        if timeout(limit, self.finish("LOGOUT", limit, &mut |_| {})).await.is_err() {
            tracing::debug!("the mail server did not answer LOGOUT");
        }
    }
}

/// The command word, for error texts: arguments may be secret or personal.
fn verb(command: &str) -> &str {
    let end =
        if command.starts_with("UID ") { command.match_indices(' ').nth(1) } else { command.match_indices(' ').next() };
    end.map_or(command, |(at, _)| command.get(..at).unwrap_or(command))
}

/// A UID set in its shortest form (`1:3,7`), from ascending UIDs.
pub(super) fn uid_set(uids: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for uid in uids {
        match ranges.last_mut() {
            Some((_, end)) if end.checked_add(1) == Some(*uid) => *end = *uid,
            _ => ranges.push((*uid, *uid)),
        }
    }
    let words: Vec<String> =
        ranges.into_iter().map(|(a, b)| if a == b { a.to_string() } else { format!("{a}:{b}") }).collect();
    words.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uid_sets_are_short() {
        assert_eq!(uid_set(&[1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
        assert_eq!(uid_set(&[u32::MAX]), u32::MAX.to_string());
    }

    #[test]
    fn error_texts_name_the_command_without_its_arguments() {
        assert_eq!(verb("UID FETCH 1 (BODY.PEEK[])"), "UID FETCH");
        assert_eq!(verb("SELECT \"INBOX\""), "SELECT");
        assert_eq!(verb("NOOP"), "NOOP");
    }
}
