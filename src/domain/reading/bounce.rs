//! Delivery reports: the fields of RFC 3464, and what the many reports without them say in header and text.
//!
//! Order for each fact: the per-recipient block of the report part, `X-Failed-Recipients`, the words for people. What
//! the returned message says is nobody's refusal and is never read for one.

mod notice;
mod refusal;
mod words;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use mail_parser::{Message, MessagePart, PartType};
use regex::Regex;

use super::addresses::clean_address;
use super::budget;
use super::header_lines::headers;
use super::mime::{self, HeaderBag};
use super::text::non_empty_line;
use crate::domain::submission::Bounce;

pub(super) use notice::{Notice, notice};
pub use refusal::Refusal;

/// Recipients of one report looked at.
const RECIPIENTS: usize = 200;
/// Recipients kept beside the first.
const OTHERS: usize = 100;
/// Ids kept of a message that came back.
const RETURNED: usize = 32;
/// Bytes of the words for people that are read.
const TEXT: usize = 20_000;

/// An enhanced status code (RFC 3463) that is not part of a longer number.
static STATUS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:^|[^\d.])([245]\.\d{1,3}\.\d{1,3})(?:[^\d.]|\.?$|\.\s)").ok());
/// The same right behind a reply code (RFC 5321): what the refusing server itself said.
static ANSWERED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\b([45]\d\d)[ :-]+['#(]{0,2}([45]\.\d{1,3}\.\d{1,3})(?:[^\d.]|\.?$|\.\s)").ok());
/// A reply code of a refusal.
static CODE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?:^|[^\d.:\[-])([45][0-5]\d)(?:[ :-]|$)").ok());
/// A refusal of an SMTP server up to the end of its line.
static REPLY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?m)(?:^|[ <>("\t])([45][0-5]\d[ :-][^\n]{3,300})"#).ok());

/// Reads the report of a message that is one. Never empty-handed: what is not found stays `None`.
pub fn read(message: &Message<'_>, bag: &HeaderBag, text: &str) -> Bounce {
    budget::pay(4 * super::body::cut(text, TEXT).len());
    let parts = message.parts.iter().take(RECIPIENTS).filter(|p| is_status_part(p));
    let mut bounce = first_failed(parts.flat_map(|part| from_part(&status_text(message, part))));
    let own = words::report_text(super::body::cut(text, TEXT));
    let subject = bag.get("subject").unwrap_or_default();
    if bounce.recipient.is_none() {
        let mut listed =
            bag.get("x-failed-recipients").into_iter().flat_map(|v| v.split(',')).filter_map(clean_address);
        bounce.recipient = listed.next();
        bounce.others = listed.take(OTHERS).map(|address| only_listed(address, own)).collect();
    }
    let told = words::told(own, bounce.recipient.as_deref(), &nobodies(bag));
    if bounce.recipient.is_none() {
        bounce.recipient = told.recipient.or_else(|| returned_to(message));
    }
    if bounce.diagnostic.is_none() {
        bounce.diagnostic = told.refusal.or_else(|| answer_line(own));
    }
    bounce.original_message_id = bounce.original_message_id.take().or_else(|| original_id(message, text));
    if bounce.action.is_none() {
        let delayed = words::looks_delayed(subject, own);
        bounce.action = Some(if delayed { "delayed" } else { "failed" }.to_owned());
    }
    judge(&mut bounce, own, subject);
    settle_others(&mut bounce);
    bounce
}

/// A recipient that a list of failed ones names: what the words for people say of this one alone.
fn only_listed(address: String, own: &str) -> Bounce {
    let told = words::told(own, Some(&address), &[]);
    Bounce {
        recipient: Some(address),
        action: Some("failed".to_owned()),
        diagnostic: told.refusal,
        ..Bounce::default()
    }
}

/// Each of the others by what is said of it alone, once.
fn settle_others(bounce: &mut Bounce) {
    let lower = |address: &Option<String>| address.as_deref().map(str::to_lowercase);
    let mut seen: BTreeSet<String> = lower(&bounce.recipient).into_iter().collect();
    bounce.others.retain(|other| lower(&other.recipient).is_some_and(|address| seen.insert(address)));
    bounce.others.truncate(OTHERS);
    for other in &mut bounce.others {
        if other.action.is_none() {
            let word = match other.status.as_deref().and_then(|status| status.chars().next()) {
                Some('2') => "delivered",
                Some('4') => "delayed",
                _ => "failed",
            };
            other.action = Some(word.to_owned());
        }
        judge(other, "", "");
    }
}

/// Codes, reason, and whether the address is dead.
fn judge(bounce: &mut Bounce, own: &str, subject: &str) {
    let said = bounce.diagnostic.clone();
    bounce.status = status(bounce.status.as_deref(), said.as_deref(), own);
    bounce.reply_code = said.as_deref().and_then(code_in).or_else(|| answer_line(own).as_deref().and_then(code_in));
    // A diagnostic that names no reason leaves the floor to the words around it.
    let reason = said
        .as_deref()
        .and_then(|said| Refusal::of_words(said, bounce.status.as_deref()))
        .or_else(|| Refusal::of_status(bounce.status.as_deref()))
        .or_else(|| Refusal::of_words(super::body::cut(own, 3_000), bounce.status.as_deref()))
        .or_else(|| Refusal::of_words(subject, bounce.status.as_deref()));
    bounce.hard = bounce.action.as_deref() == Some("failed") && reason.is_some_and(Refusal::is_permanent);
    bounce.reason = reason.map(|reason| reason.as_str().to_owned());
}

pub(super) fn is_status_part(part: &MessagePart<'_>) -> bool {
    matches!(mime::media_type(part).as_str(), "message/delivery-status" | "message/global-delivery-status")
}

/// Text of a part whose content is header lines.
pub(super) fn status_text(message: &Message<'_>, part: &MessagePart<'_>) -> String {
    match &part.body {
        PartType::Text(text) | PartType::Html(text) => text.to_string(),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        PartType::Message(_) | PartType::Multipart(_) => {
            let range = usize::try_from(part.offset_body).unwrap_or(0)..usize::try_from(part.offset_end).unwrap_or(0);
            String::from_utf8_lossy(message.raw_message.get(range).unwrap_or_default()).into_owned()
        }
    }
}

/// Of several recipients the first that failed, else the first; the others stand with it.
fn first_failed(read: impl Iterator<Item = Bounce>) -> Bounce {
    let mut all: Vec<Bounce> = read.take(RECIPIENTS).collect();
    let has_failed = |bounce: &Bounce| match bounce.action.as_deref() {
        None => bounce.status.as_deref().is_some_and(|status| status.starts_with('5')),
        Some(action) => action == "failed",
    };
    let failed = all.iter().position(has_failed);
    let first = failed.unwrap_or(0);
    if first >= all.len() {
        return Bounce::default();
    }
    let mut bounce = all.remove(first);
    if failed.is_some() {
        bounce.action = Some("failed".to_owned());
    }
    bounce.others = all;
    bounce
}

/// The per-recipient blocks of RFC 3464 section 2.3.
fn from_part(report: &str) -> Vec<Bounce> {
    let normal = report.replace("\r\n", "\n");
    let blocks = normal.split("\n\n").take(RECIPIENTS);
    blocks.map(from_block).filter(|found| found.action.is_some() || found.recipient.is_some()).collect()
}

fn from_block(block: &str) -> Bounce {
    let mut found = Bounce::default();
    for header in headers(block.trim_start().as_bytes()) {
        let value = header.text();
        // `rfc822; a@b`, `smtp; 550 no`: the type is dropped.
        let bare = value.split_once(';').map_or(value.as_str(), |(_, rest)| rest).trim();
        if header.is("final-recipient") || header.is("original-recipient") && found.recipient.is_none() {
            found.recipient = clean_address(bare).or(found.recipient);
        } else if header.is("action") {
            // `Action: failed (permanent)` and `failed;` are said, too.
            let word = value.split(|c: char| !c.is_ascii_alphabetic()).find(|word| !word.is_empty());
            found.action = word.map(str::to_lowercase);
        } else if header.is("status") {
            found.status = status_in(&value);
        } else if header.is("diagnostic-code") {
            found.diagnostic = non_empty_line(bare, 500);
        }
    }
    found
}

fn status_in(text: &str) -> Option<String> {
    STATUS.as_ref()?.captures(text)?.get(1).map(|m| m.as_str().to_owned())
}

/// What the refusing server itself answered, the last of a chain of servers.
fn answered(text: &str) -> Option<(String, String)> {
    let last = ANSWERED.as_ref()?.captures_iter(text).take(20).last()?;
    Some((last.get(1)?.as_str().to_owned(), last.get(2)?.as_str().to_owned()))
}

/// The status: the report's field, unless it says nothing (`5.0.0`), or only that time ran out, and the refusing server
/// said more.
fn status(field: Option<&str>, said: Option<&str>, own: &str) -> Option<String> {
    let vague = |status: &str| status.ends_with(".0.0") || status.ends_with(".4.7");
    let by_server = said.and_then(answered).map(|(_, status)| status);
    match field {
        Some(status) if !vague(status) => Some(status.to_owned()),
        Some(status) => Some(by_server.filter(|said| !said.ends_with(".0.0")).unwrap_or_else(|| status.to_owned())),
        None => by_server
            .or_else(|| said.and_then(status_in))
            .or_else(|| answered(own).map(|(_, status)| status))
            .or_else(|| status_in(own)),
    }
}

fn code_in(said: &str) -> Option<String> {
    if let Some((code, _)) = answered(said) {
        return Some(code);
    }
    CODE.as_ref()?.captures(said)?.get(1).map(|m| m.as_str().to_owned())
}

/// The first line in which a server refuses.
fn answer_line(own: &str) -> Option<String> {
    non_empty_line(REPLY.as_ref()?.captures(own)?.get(1)?.as_str(), 500)
}

/// Addresses that a report names and that are not its recipient: its own sender and whom it is sent to.
fn nobodies(bag: &HeaderBag) -> Vec<String> {
    let named = ["to", "from", "return-path", "sender"].into_iter().flat_map(|name| bag.all(name)).take(20);
    named.flat_map(|value| value.split(',').take(20)).filter_map(clean_address).map(|a| a.to_lowercase()).collect()
}

/// Whom the returned message was sent to, when that was one.
fn returned_to(message: &Message<'_>) -> Option<String> {
    let inner = message.parts.iter().find_map(|part| match &part.body {
        PartType::Message(inner) => Some(inner),
        _ => None,
    })?;
    match super::addresses::mailboxes(inner.to()).as_slice() {
        [one] => one.address.clone(),
        _ => None,
    }
}

/// Message-ID of the message reported on: from the returned message or its headers, else from the text.
pub(super) fn original_id(message: &Message<'_>, text: &str) -> Option<String> {
    for part in &message.parts {
        let inner = match &part.body {
            PartType::Message(inner) => inner.message_id().map(str::to_owned),
            PartType::Text(headers_only) if mime::media_type(part).starts_with("text/rfc822") => {
                super::arrival_key::message_id(headers_only.as_bytes())
            }
            _ if mime::media_type(part).starts_with("message/") && is_status_part(part) => {
                let report = status_text(message, part);
                let named = headers(report.as_bytes()).find(|h| h.is("original-message-id"));
                named.map(|h| h.text().trim_matches(['<', '>', ' ']).to_owned())
            }
            _ => None,
        };
        if let Some(inner) = inner {
            return non_empty_line(&inner, 998);
        }
    }
    let line = text.lines().find(|line| {
        let start = line.trim_start();
        start.get(..11).is_some_and(|h| h.eq_ignore_ascii_case("message-id:"))
    })?;
    let id = line.trim_start().get(11..)?.trim().trim_matches(['<', '>', ' ']);
    (!id.is_empty() && id.len() < 500).then(|| id.to_owned())
}

/// The header of a message inside another. The parser gives it the bytes of the whole mail, which begin with our own
/// header.
pub(super) fn own_header(inner: &Message<'_>) -> HeaderBag {
    let root = inner.parts.first();
    let range =
        root.and_then(|root| Some(usize::try_from(root.offset_header).ok()?..usize::try_from(root.offset_body).ok()?));
    HeaderBag::read(range.and_then(|range| inner.raw_message.get(range)).unwrap_or_default())
}

/// Every id in the header of the message that came back: its own, and of what it answered. Where no part is that message,
/// it stands in the `text` of the report.
pub(super) fn returned_ids(message: &Message<'_>, text: &str) -> Vec<String> {
    let bag = message.parts.iter().take(50).find_map(|part| {
        if let PartType::Message(inner) = &part.body {
            return Some(own_header(inner));
        }
        let kind = mime::media_type(part);
        let is_header =
            kind.starts_with("text/rfc822") || kind == "message/rfc822-headers" || kind == "message/global-headers";
        is_header.then(|| HeaderBag::read(status_text(message, part).as_bytes()))
    });
    let bag = bag.unwrap_or_else(|| HeaderBag::read(id_lines(text).as_bytes()));
    let named = ["message-id", "in-reply-to", "references"].into_iter().filter_map(|name| bag.get(name));
    let mut ids: Vec<String> = Vec::new();
    for id in named.flat_map(super::mail::ids) {
        if ids.len() < RETURNED && !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// The lines of a text that name messages, with those that go on with them.
fn id_lines(text: &str) -> String {
    let mut lines = String::new();
    let mut open = false;
    for line in super::body::cut(text, TEXT).lines() {
        let bare = line.trim_start_matches(['>', ' ']);
        let name = bare.split_once(':').map(|(name, _)| name.to_ascii_lowercase());
        let begins = name.is_some_and(|name| ["message-id", "in-reply-to", "references"].contains(&name.as_str()));
        let quoted = line.trim_start_matches('>');
        // A quoted line has a blank of its own before what it quotes.
        let folded = quoted.strip_prefix(if quoted.len() < line.len() { " " } else { "" }).unwrap_or(quoted);
        open = begins || open && folded.starts_with([' ', '\t']) && !bare.is_empty();
        if open {
            let folded = if begins { "" } else { " " };
            lines.extend([folded, bare.trim(), "\r\n"]);
        }
    }
    lines + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_in_words_names_what_came_back() {
        let text = "Hi. This is the qmail-send program.\n\n--- Below this line is a copy of the message.\n\n\
            Subject: Re: Okna\nMessage-ID: <new@us>\nIn-Reply-To: <m1@x.cz>\nReferences: <m0@x.cz>\n <m1@x.cz>\nX: <no@x>\n";
        let mail = mail_parser::MessageParser::default().parse("From: a@b.cz\r\n\r\nx").unwrap();
        assert_eq!(returned_ids(&mail, text), ["new@us", "m1@x.cz", "m0@x.cz"]);
        let quoted = "> References: <m0@x.cz>\n>  <m1@x.cz>\n> Other: <no@x>\n";
        assert_eq!(returned_ids(&mail, quoted), ["m0@x.cz", "m1@x.cz"]);
        assert!(returned_ids(&mail, "Nothing of the kind").is_empty());
    }

    #[test]
    fn a_status_part_is_read_by_recipient() {
        let report = "Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; a@web.example\r\nAction: delayed\r\n\
            Status: 4.4.1\r\n\r\nFinal-Recipient: rfc822; <b@web.example>\r\nAction: Failed (for good)\r\nStatus: 5.1.1 (unknown)\r\n\
            Diagnostic-Code: smtp; 550 5.1.1 unknown\r\n user\r\n";
        let bounce = first_failed(from_part(report).into_iter());
        assert_eq!(bounce.recipient.as_deref(), Some("b@web.example"));
        assert_eq!(bounce.action.as_deref(), Some("failed"));
        assert_eq!(bounce.status.as_deref(), Some("5.1.1"));
        assert_eq!(bounce.diagnostic.as_deref(), Some("550 5.1.1 unknown user"));
        assert_eq!(bounce.others.len(), 1);
        assert_eq!(bounce.others[0].recipient.as_deref(), Some("a@web.example"));
    }

    #[test]
    fn a_block_fails_by_its_status_alone() {
        let report = "Final-Recipient: rfc822; a@web.example\n Action: x\nAction: delayed\nStatus: 4.4.1\n\n\
                      Final-Recipient: rfc822; b@web.example\nStatus: 5.1.1\n";
        let bounce = first_failed(from_part(report).into_iter());
        assert_eq!(bounce.recipient.as_deref(), Some("b@web.example"));
        assert_eq!(bounce.action.as_deref(), Some("failed"));
    }

    #[test]
    fn the_server_that_refused_knows_more_than_the_one_that_reports() {
        for (field, said, status_wanted, code) in [
            (Some("5.0.0"), "550 5.1.1 no such user", Some("5.1.1"), Some("550")),
            (Some("4.4.7"), "450 4.2.2 full", Some("4.2.2"), Some("450")),
            (Some("5.2.1"), "550 5.1.1 no", Some("5.2.1"), Some("550")),
            (Some("5.0.0"), "no words", Some("5.0.0"), None),
            (None, "host mx.web.example[192.0.2.1] said: 552-5.2.2 full", Some("5.2.2"), Some("552")),
            (None, "550 #5.1.0 Address rejected.", Some("5.1.0"), Some("550")),
            (None, "554 delivery error: no (#5.7.1)", Some("5.7.1"), Some("554")),
            (None, "I waited 450 days at 10.5.2.2", None, Some("450")),
        ] {
            assert_eq!(status(field, Some(said), "").as_deref(), status_wanted, "{said}");
            assert_eq!(code_in(said).as_deref(), code, "{said}");
        }
    }
}
