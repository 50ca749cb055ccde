//! Delivery reports: RFC 3464 parts, and what the 44 % of bounces without one say in headers and text.

use std::sync::LazyLock;

use mail_parser::{Message, MessagePart, PartType};
use regex::Regex;

use super::addresses::clean_address;
use super::header_lines::headers;
use super::mime::{self, HeaderBag};
use super::text::non_empty_line;
use crate::domain::submission::Bounce;

/// An enhanced status code (RFC 3463) that is not part of a longer number.
static STATUS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:^|[^\d.])([245]\.\d{1,3}\.\d{1,3})(?:[^\d.]|$)").ok());
/// An address in angle brackets or bare.
static ADDRESS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[A-Za-z0-9._%+=/'-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}").ok());
/// An SMTP refusal.
static REPLY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?m)^.{0,200}?\b([45]\d\d)[ -][^\n]{0,300}").ok());

/// Reads the report of a message that is one. Never empty-handed: what is not found stays `None`.
pub fn read(message: &Message<'_>, bag: &HeaderBag, text: &str) -> Bounce {
    let mut bounce =
        message.parts.iter().find(|p| is_status_part(p)).map(|part| from_part(&status_text(message, part)));
    let bounce = bounce.get_or_insert_default();
    let text = super::body::cut(text, 20_000);
    if bounce.recipient.is_none() {
        bounce.recipient = bag.get("x-failed-recipients").and_then(|v| clean_address(v.split(',').next()?));
    }
    if bounce.recipient.is_none() && bounce.status.is_none() {
        from_text(bounce, text);
    }
    bounce.original_message_id = bounce.original_message_id.take().or_else(|| original_id(message, text));
    if bounce.action.is_none() {
        let delayed = looks_delayed(bag.get("subject").unwrap_or_default(), text);
        bounce.action = Some(if delayed { "delayed" } else { "failed" }.to_owned());
    }
    bounce.hard = bounce.action.as_deref() == Some("failed") && is_dead(bounce, text);
    bounce.clone()
}

fn is_status_part(part: &MessagePart<'_>) -> bool {
    matches!(mime::media_type(part).as_str(), "message/delivery-status" | "message/global-delivery-status")
}

fn status_text(message: &Message<'_>, part: &MessagePart<'_>) -> String {
    match &part.body {
        PartType::Text(text) | PartType::Html(text) => text.to_string(),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        PartType::Message(_) | PartType::Multipart(_) => {
            let range = usize::try_from(part.offset_body).unwrap_or(0)..usize::try_from(part.offset_end).unwrap_or(0);
            String::from_utf8_lossy(message.raw_message.get(range).unwrap_or_default()).into_owned()
        }
    }
}

/// The per-recipient blocks of RFC 3464 section 2.3: the first that failed, else the first.
fn from_part(report: &str) -> Bounce {
    let normal = report.replace("\r\n", "\n");
    let mut first = None;
    for block in normal.split("\n\n").take(200) {
        let mut found = Bounce::default();
        for header in headers(block.trim_start().as_bytes()) {
            let value = header.text();
            // `rfc822; a@b`, `smtp; 550 no`: the type is dropped.
            let bare = value.split_once(';').map_or(value.as_str(), |(_, rest)| rest).trim();
            if header.is("final-recipient") || header.is("original-recipient") && found.recipient.is_none() {
                found.recipient = clean_address(bare).or(found.recipient);
            } else if header.is("action") {
                found.action = value.split_whitespace().next().map(str::to_lowercase);
            } else if header.is("status") {
                found.status = status_in(&value);
            } else if header.is("diagnostic-code") {
                found.diagnostic = non_empty_line(bare, 500);
            }
        }
        if found.action.is_none() && found.recipient.is_none() {
            continue;
        }
        if found.action.as_deref() == Some("failed") {
            return found;
        }
        first.get_or_insert(found);
    }
    first.unwrap_or_default()
}

fn status_in(text: &str) -> Option<String> {
    STATUS.as_ref()?.captures(text)?.get(1).map(|m| m.as_str().to_owned())
}

/// What the words of a report without a status part say.
fn from_text(bounce: &mut Bounce, text: &str) {
    bounce.status = status_in(text);
    bounce.recipient = ADDRESS.as_ref().and_then(|regex| {
        let machines = ["mailer-daemon", "postmaster", "noreply", "no-reply"];
        let found = regex.find_iter(text).take(20).map(|m| m.as_str());
        found.filter(|a| !machines.iter().any(|m| a.to_lowercase().starts_with(m))).find_map(clean_address)
    });
    if bounce.diagnostic.is_none() {
        let reply = REPLY.as_ref().and_then(|regex| regex.captures(text));
        bounce.diagnostic = reply.and_then(|c| non_empty_line(c.get(0)?.as_str(), 500));
    }
}

/// Words of a refusal that mean: nobody is there, and nobody will be.
const DEAD: [&str; 22] = [
    "user unknown",
    "unknown user",
    "no such user",
    "no such recipient",
    "no such mailbox",
    "no mailbox here",
    "no account",
    "does not exist",
    "doesn't exist",
    "not exist",
    "unknown recipient",
    "recipient unknown",
    "unknown or illegal alias",
    "invalid recipient",
    "invalid mailbox",
    "user not found",
    "recipient not found",
    "address rejected",
    "unknown address",
    "host unknown",
    "host not found",
    "has moved",
];

/// Whether the address itself is dead. A full mailbox or a refused content is permanent for this message only.
fn is_dead(bounce: &Bounce, text: &str) -> bool {
    match bounce.status.as_deref() {
        Some(status) if status.starts_with('4') => return false,
        Some("5.1.1" | "5.1.2" | "5.1.3" | "5.1.6" | "5.1.10") => return true,
        _ => {}
    }
    let said = match &bounce.diagnostic {
        Some(diagnostic) => diagnostic.to_lowercase(),
        None => super::body::cut(text, 3_000).to_lowercase(),
    };
    if ["quota", "full", "spam", "blocked", "blacklist", "blocklist"].iter().any(|word| said.contains(word)) {
        return false;
    }
    DEAD.iter().any(|word| said.contains(word))
}

/// Message-ID of the message reported on: from the returned message or its headers, else from the text.
fn original_id(message: &Message<'_>, text: &str) -> Option<String> {
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
        if inner.is_some() {
            return inner.filter(|id| !id.is_empty());
        }
    }
    let line = text.lines().find(|line| line.get(..11).is_some_and(|h| h.eq_ignore_ascii_case("message-id:")))?;
    let id = line.get(11..)?.trim().trim_matches(['<', '>', ' ']);
    (!id.is_empty() && id.len() < 500).then(|| id.to_owned())
}

/// Words by which a report without a status part says that it still tries.
fn looks_delayed(subject: &str, text: &str) -> bool {
    let subject = subject.to_lowercase();
    let head = super::body::cut(text, 2_000).to_lowercase();
    ["delayed", "delay)", "warning: could not send", "verzögert", "retard", "zpožděn"]
        .iter()
        .any(|w| subject.contains(w))
        || head.contains("this is a warning message only")
        || head.contains("you do not need to resend")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_part_is_read_by_recipient() {
        let report = "Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; a@web.example\r\nAction: delayed\r\n\
            Status: 4.4.1\r\n\r\nFinal-Recipient: rfc822; <b@web.example>\r\nAction: Failed\r\nStatus: 5.1.1 (unknown)\r\n\
            Diagnostic-Code: smtp; 550 5.1.1 unknown\r\n user\r\n";
        let bounce = from_part(report);
        assert_eq!(bounce.recipient.as_deref(), Some("b@web.example"));
        assert_eq!(bounce.status.as_deref(), Some("5.1.1"));
        assert_eq!(bounce.diagnostic.as_deref(), Some("550 5.1.1 unknown user"));
    }
}
