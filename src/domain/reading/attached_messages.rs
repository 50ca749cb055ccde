//! Messages attached to a mail, and to each other.
//!
//! Bounded: at most [`MESSAGES`] are opened, at most [`DEPTH`] one inside the other; how many are not is counted.

use mail_parser::{Message, PartType};

use super::ReadLimits;
use super::addresses::mailboxes;
use super::body;
use super::text::one_line;
use crate::domain::submission::{Forwarded, Mailbox};

/// Longest subject kept, in characters.
const SUBJECT_CHARS: usize = 500;
const DEPTH: usize = 10;
const MESSAGES: usize = 50;

/// An attached message and those attached to it.
pub(super) struct Opened {
    pub(super) own: Forwarded,
    inside: Vec<Opened>,
}

/// All messages of a mail.
pub(super) struct Attached {
    messages: Vec<Opened>,
    /// How many were not opened.
    pub(super) omitted: usize,
}

/// A message at the end of its way, and what those wrote who attached it to theirs, outermost first.
pub(super) struct Ended {
    pub(super) message: Forwarded,
    pub(super) above: Vec<(String, Mailbox)>,
}

pub(super) fn read(message: &Message<'_>, limits: &ReadLimits) -> Attached {
    let mut opening = Opening { left: MESSAGES, omitted: 0, limits };
    let messages = opening.all(message, DEPTH);
    Attached { messages, omitted: opening.omitted }
}

struct Opening<'l> {
    left: usize,
    omitted: usize,
    limits: &'l ReadLimits,
}

impl Opening<'_> {
    fn all(&mut self, message: &Message<'_>, depth: usize) -> Vec<Opened> {
        let mut opened = Vec::new();
        for part in &message.parts {
            let PartType::Message(inner) = &part.body else { continue };
            if depth == 0 || self.left == 0 {
                self.omitted += 1;
                continue;
            }
            self.left -= 1;
            opened.push(Opened { own: self.own(inner), inside: self.all(inner, depth - 1) });
        }
        opened
    }

    fn own(&self, inner: &Message<'_>) -> Forwarded {
        Forwarded {
            from: mailboxes(inner.from()).into_iter().next().unwrap_or_default(),
            to: mailboxes(inner.to()),
            cc: mailboxes(inner.cc()),
            subject: inner.subject().map(|s| one_line(s, SUBJECT_CHARS)),
            date: inner.date().filter(|d| d.is_valid()).map(mail_parser::DateTime::to_rfc3339),
            text: body::read(inner, self.limits).text.trim().to_owned(),
        }
    }
}

impl Attached {
    /// The words of all in their order, at most `limit` bytes.
    pub(super) fn words(&self, limit: usize) -> String {
        words(&self.messages, limit)
    }

    /// The messages that nobody of the house only passed on. One without words of its own has those inside it.
    pub(super) fn ended(self, limit: usize, passes_on: impl Fn(&Mailbox) -> bool) -> Vec<Ended> {
        let mut ended = Vec::new();
        walk(self.messages, &mut Vec::new(), (limit, &passes_on), &mut ended);
        ended
    }
}

fn walk(
    messages: Vec<Opened>,
    above: &mut Vec<(String, Mailbox)>,
    (limit, passes_on): (usize, &impl Fn(&Mailbox) -> bool),
    ended: &mut Vec<Ended>,
) {
    for mut opened in messages {
        let named = opened.inside.iter().any(|inner| inner.own.from != Mailbox::default());
        if named && passes_on(&opened.own.from) {
            above.push((opened.own.text, opened.own.from));
            walk(opened.inside, above, (limit, passes_on), ended);
            above.pop();
            continue;
        }
        if opened.own.text.is_empty() {
            opened.own.text = words(&opened.inside, limit);
        }
        ended.push(Ended { message: opened.own, above: above.clone() });
    }
}

fn words(messages: &[Opened], limit: usize) -> String {
    let mut out = String::new();
    let mut next: Vec<&Opened> = messages.iter().rev().collect();
    while let Some(opened) = next.pop() {
        if !out.is_empty() && !opened.own.text.is_empty() {
            out.push_str("\n\n");
        }
        out.push_str(body::cut(&opened.own.text, limit.saturating_sub(out.len())));
        next.extend(opened.inside.iter().rev());
    }
    out
}
