//! Feedback reports (ARF, RFC 5965): who complained about which message of ours.

use mail_parser::{Message, PartType};

use super::addresses::{clean_address, is_own_address, mailboxes};
use super::bounce::{original_id, status_text};
use super::header_lines::headers;
use super::mime::{self, HeaderBag};
use super::text::non_empty_line;
use crate::domain::submission::Complaint;

/// Kinds of reports that are no wish of the recipient: about forged mail in our name, about viruses, or that the mail was
/// wanted after all.
const NO_WISH: [&str; 5] = ["auth-failure", "not-spam", "virus", "dkim", "dmarc"];

/// Reads a feedback report. What is not found stays `None`; addresses blotted out for privacy are not found.
pub fn read(message: &Message<'_>, bag: &HeaderBag, text: &str, own: &[String]) -> Complaint {
    let report = message.parts.iter().take(50).find(|part| mime::media_type(part) == "message/feedback-report");
    let mut complaint = report.map(|part| fields(&status_text(message, part))).unwrap_or_default();
    let known = |address: &String| !is_blotted(address) && !is_own_address(address, own);
    complaint.recipient = complaint
        .recipient
        .filter(known)
        .or_else(|| returned(message).filter(known))
        .or_else(|| bag.get("x-hmxmroriginalrecipient").and_then(clean_address).filter(known));
    complaint.original_message_id = original_id(message, text);
    complaint
}

/// Whether whoever complains wants no more mail.
pub fn is_wish(complaint: &Complaint) -> bool {
    complaint.feedback_type.as_deref().is_none_or(|kind| !NO_WISH.contains(&kind))
}

fn fields(report: &str) -> Complaint {
    let mut found = Complaint::default();
    let (mut original, mut removal) = (None, None);
    for header in headers(report.as_bytes()).take(200) {
        if header.is("feedback-type") {
            found.feedback_type = non_empty_line(&header.text().to_lowercase(), 40);
        } else if header.is("original-rcpt-to") && original.is_none() {
            original = clean_address(&header.text());
        } else if header.is("removal-recipient") && removal.is_none() {
            removal = clean_address(&header.text());
        }
    }
    found.recipient = removal.or(original);
    found
}

/// Whom the message complained about was sent to: what its system noted, else its only recipient.
fn returned(message: &Message<'_>) -> Option<String> {
    let part = message.parts.iter().take(50).find_map(|part| match &part.body {
        PartType::Message(inner) => Some((inner.raw_message.as_ref(), mailboxes(inner.to()))),
        _ => None,
    });
    if let Some((raw, to)) = part {
        let bag = HeaderBag::read(raw);
        let noted = ["x-hmxmroriginalrecipient", "x-original-to", "delivered-to"].iter().find_map(|name| bag.get(name));
        let only = if let [one] = to.as_slice() { one.address.clone() } else { None };
        return noted.and_then(clean_address).or(only);
    }
    let part = message.parts.iter().take(50).find(|part| mime::media_type(part).starts_with("text/rfc822"))?;
    let bag = HeaderBag::read(status_text(message, part).as_bytes());
    bag.get("to").filter(|to| !to.contains(',')).and_then(clean_address)
}

/// `redacted@..`, `x@..`, a hash: what providers put in place of the address.
fn is_blotted(address: &str) -> bool {
    let local = address.split('@').next().unwrap_or_default().to_lowercase();
    let hash = local.len() >= 32 && local.bytes().all(|b| b.is_ascii_hexdigit());
    hash || local.contains("redact") || local.contains("anonym") || local.chars().all(|c| matches!(c, 'x' | '*' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(report: &str) -> Complaint {
        let raw = format!(
            "From: <feedback@isp.example>\r\nTo: abuse@ours.example\r\nSubject: complaint\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=feedback-report; boundary=a\r\n\r\n--a\r\n\r\nAn abuse report\r\n\
             --a\r\nContent-Type: message/feedback-report\r\n\r\n{report}\r\n--a\r\nContent-Type: message/rfc822\r\n\r\n\
             From: sales@ours.example\r\nTo: Eva <eva@web.example>\r\nMessage-ID: <n1@ours.example>\r\nSubject: News\r\n\r\n\
             Hello\r\n--a--\r\n"
        );
        let message = mime::parse(raw.as_bytes()).unwrap();
        read(&message, &HeaderBag::read(raw.as_bytes()), "", &["sales@ours.example".to_owned()])
    }

    #[test]
    fn the_one_who_complained_is_named_by_the_report_or_by_the_message_returned() {
        let named = complaint("Feedback-Type: Abuse\r\nOriginal-Rcpt-To: <jan@web.example>\r\n");
        assert_eq!(named.recipient.as_deref(), Some("jan@web.example"));
        assert_eq!((named.feedback_type.as_deref(), is_wish(&named)), (Some("abuse"), true));
        assert_eq!(named.original_message_id.as_deref(), Some("n1@ours.example"));
        let blotted = complaint("Feedback-Type: abuse\r\nOriginal-Rcpt-To: redacted@isp.example\r\n");
        assert_eq!(blotted.recipient.as_deref(), Some("eva@web.example"));
    }

    #[test]
    fn a_report_about_forged_mail_is_nobodys_wish() {
        assert!(!is_wish(&complaint("Feedback-Type: auth-failure\r\nOriginal-Rcpt-To: eva@web.example\r\n")));
        assert!(is_wish(&Complaint::default()));
    }
}
