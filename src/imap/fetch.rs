//! Reading messages: sizes first, then bodies, one UID per command so that every failure names its message.
//!
//! Commands are pipelined within a small window; each answer is matched to its UID, each tagged end to its command.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use async_imap::imap_proto::{AttributeValue, MessageSection, RequestId, Response, SectionPath};
use jiff::civil::Date;
use jiff::fmt::strtime::BrokenDownTime;
use tokio::time::Instant;

use super::error::ImapError;
use super::session::{Finished, Session, uid_set};
use crate::clock::Timestamp;

/// Commands under way at once.
const WINDOW: usize = 16;
/// Message bytes asked for and not yet received, at most (one larger message goes alone).
const WINDOW_BYTES: u64 = 8 * 1024 * 1024;
/// Bytes an answer may have beside the message.
const ROOM: u64 = 1 << 20;
/// UIDs in one request for sizes; long lists fail on some servers.
const SIZES_AT_ONCE: usize = 200;

/// What is known of a message before its body is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Meta {
    /// Bytes, as the server counts them.
    pub size: Option<u32>,
    /// INTERNALDATE as a moment.
    pub at: Option<Timestamp>,
    /// INTERNALDATE as the server's own calendar day.
    pub day: Option<Date>,
}

/// How much of a message to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// All of it; its size in bytes bounds the time.
    Whole(u32),
    /// The header and the first so many bytes.
    Part(u32),
    /// The header only.
    Header,
}

/// One message to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    /// Its UID.
    pub uid: u32,
    /// How much of it.
    pub how: How,
}

/// What came of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Got {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// OK, but no bytes: it may be gone.
    Nothing,
    /// NO or BAD, classified by the server's words.
    Refused(ImapError),
}

struct Flying {
    tag: RequestId,
    want: Want,
    whole: Option<Vec<u8>>,
    header: Option<Vec<u8>>,
}

impl Want {
    const fn bytes(self) -> u32 {
        match self.how {
            How::Whole(size) | How::Part(size) => size,
            How::Header => 64 * 1024,
        }
    }

    /// Bytes its answer may have: sizes are taken at their word with room for servers that count badly.
    const fn answer(self) -> u64 {
        let bytes = self.bytes() as u64;
        match self.how {
            How::Whole(_) => bytes.saturating_add(bytes / 2).saturating_add(ROOM),
            How::Part(_) => bytes.saturating_add(4 * ROOM),
            How::Header => 16 * ROOM,
        }
    }

    fn command(self) -> String {
        let uid = self.uid;
        match self.how {
            How::Whole(_) => format!("UID FETCH {uid} (BODY.PEEK[])"),
            How::Part(limit) => format!("UID FETCH {uid} (BODY.PEEK[HEADER] BODY.PEEK[]<0.{limit}>)"),
            How::Header => format!("UID FETCH {uid} (BODY.PEEK[HEADER])"),
        }
    }
}

impl Session {
    /// Sizes and dates of these UIDs (ascending). What is missing from the answer is missing from the map.
    ///
    /// # Errors
    /// Any class.
    pub async fn sizes(&mut self, uids: &[u32]) -> Result<BTreeMap<u32, Meta>, ImapError> {
        let mut found = BTreeMap::new();
        for some in uids.chunks(SIZES_AT_ONCE) {
            let command = format!("UID FETCH {} (UID RFC822.SIZE INTERNALDATE FLAGS)", uid_set(some));
            self.run(&command, &mut |response| {
                if let Response::Fetch(_, attributes) = response
                    && let Some((uid, meta)) = meta(attributes)
                    && some.binary_search(&uid).is_ok()
                {
                    found.insert(uid, meta);
                }
            })
            .await?;
        }
        Ok(found)
    }

    /// Reads messages in order, taking them from `wants` as they are asked for and telling `on` each result. Stops
    /// asking when `enough` has passed and returns once everything asked for has come.
    ///
    /// # Errors
    /// The UID that was being read, and the failure; what was told before stands, the rest was not read.
    pub async fn fetch(
        &mut self,
        wants: &mut VecDeque<Want>,
        enough: Duration,
        on: &mut (dyn FnMut(u32, Got) + Send),
    ) -> Result<(), (u32, ImapError)> {
        let started = Instant::now();
        let mut flying: VecDeque<Flying> = VecDeque::new();
        loop {
            while may_ask(&flying, wants.front(), started.elapsed() < enough) {
                let Some(want) = wants.pop_front() else { break };
                let also = !flying.is_empty();
                let tag = self
                    .send_for(&want.command(), want.answer(), also)
                    .await
                    .map_err(|e| (culprit(&flying, want.uid), e))?;
                flying.push_back(Flying { tag, want, whole: None, header: None });
            }
            let Some(front) = flying.front().map(|f| f.want) else { return Ok(()) };
            let limit = self.timing.command.duration();
            let finished = self.step(limit, &mut |r| receive(&mut flying, r)).await.map_err(|e| (front.uid, e))?;
            if let Some(finished) = finished
                && let Some(at) = flying.iter().position(|f| f.tag == finished.tag)
                && let Some(done) = flying.remove(at)
            {
                on(done.want.uid, done.result(&finished));
            }
        }
    }
}

impl Flying {
    fn result(self, finished: &Finished) -> Got {
        if !finished.ok {
            return Got::Refused(ImapError::refused("UID FETCH", &finished.text));
        }
        let longer = match (self.whole, self.header) {
            (Some(whole), Some(header)) => Some(if whole.len() >= header.len() { whole } else { header }),
            (one, other) => one.or(other),
        };
        longer.map_or(Got::Nothing, Got::Bytes)
    }
}

fn culprit(flying: &VecDeque<Flying>, next: u32) -> u32 {
    flying.front().map_or(next, |f| f.want.uid)
}

fn may_ask(flying: &VecDeque<Flying>, next: Option<&Want>, in_time: bool) -> bool {
    let Some(next) = next else { return false };
    if flying.is_empty() {
        return in_time;
    }
    let asked: u64 = flying.iter().map(|f| u64::from(f.want.bytes())).sum();
    in_time && flying.len() < WINDOW && asked + u64::from(next.bytes()) <= WINDOW_BYTES
}

/// Gives bytes to the command they answer: by UID; an answer without UID belongs to the oldest command.
fn receive(flying: &mut VecDeque<Flying>, response: &Response<'_>) {
    let Response::Fetch(_, attributes) = response else { return };
    let uid = attributes.iter().find_map(|a| if let AttributeValue::Uid(uid) = a { Some(*uid) } else { None });
    let target = match uid {
        Some(uid) => flying.iter_mut().find(|f| f.want.uid == uid),
        None => flying.front_mut(),
    };
    let Some(target) = target else { return };
    for attribute in attributes {
        match attribute {
            AttributeValue::BodySection { section: None, data: Some(data), .. } => target.whole = Some(data.to_vec()),
            AttributeValue::BodySection {
                section: Some(SectionPath::Full(MessageSection::Header)),
                data: Some(data),
                ..
            } => target.header = Some(data.to_vec()),
            _ => {}
        }
    }
}

fn meta(attributes: &[AttributeValue<'_>]) -> Option<(u32, Meta)> {
    let mut uid = None;
    let mut meta = Meta::default();
    for attribute in attributes {
        match attribute {
            AttributeValue::Uid(n) => uid = Some(*n),
            AttributeValue::Rfc822Size(n) => meta.size = Some(*n),
            AttributeValue::InternalDate(text) => (meta.at, meta.day) = internal_date(text),
            _ => {}
        }
    }
    uid.map(|uid| (uid, meta))
}

/// `17-Jul-1996 02:44:25 -0700` (RFC 9051, date-time) as a moment and as a day.
fn internal_date(text: &str) -> (Option<Timestamp>, Option<Date>) {
    let Ok(parts) = BrokenDownTime::parse("%d-%b-%Y %H:%M:%S %z", text.trim()) else { return (None, None) };
    let at = parts.to_timestamp().ok().map(|t| Timestamp::from_micros(t.as_microsecond()));
    (at, parts.to_date().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_dates_give_moment_and_day() {
        let (at, day) = internal_date("17-Jul-1996 02:44:25 -0700");
        assert_eq!(at, Some(Timestamp::from_seconds(837_596_665)));
        assert_eq!(day, Some(jiff::civil::date(1996, 7, 17)));
        assert_eq!(internal_date(" 1-Jan-2026 00:00:00 +0000").1, Some(jiff::civil::date(2026, 1, 1)));
        assert_eq!(internal_date("yesterday"), (None, None));
    }
}
