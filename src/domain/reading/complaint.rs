//! Feedback reports (ARF, RFC 5965): who complained about which message of ours.

use mail_parser::{Message, PartType};

use super::addresses::{clean_address, is_own_address, mailboxes};
use super::bounce::{Notice, original_id, own_header, status_text};
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
    let known = |address: &String| is_somebody(address, own);
    complaint.recipient = complaint
        .recipient
        .filter(known)
        .or_else(|| returned(message, &known))
        .or_else(|| bag.get("x-hmxmroriginalrecipient").and_then(clean_address).filter(known));
    complaint.original_message_id = original_id(message, text);
    complaint
}

/// What a notice of a mail service says in place of a report.
pub(super) fn of_notice(notice: Notice, own: &[String]) -> Complaint {
    Complaint {
        recipient: notice.bounce.recipient.filter(|address| is_somebody(address, own)),
        feedback_type: notice.feedback_type,
        original_message_id: notice.bounce.original_message_id,
    }
}

/// An address that may have complained: not blotted out, and not one of ours.
fn is_somebody(address: &str, own: &[String]) -> bool {
    !is_blotted(address) && !is_own_address(address, own)
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
fn returned(message: &Message<'_>, known: &dyn Fn(&String) -> bool) -> Option<String> {
    let part = message.parts.iter().take(50).find_map(|part| match &part.body {
        PartType::Message(inner) => Some((own_header(inner), mailboxes(inner.to()))),
        _ => None,
    });
    if let Some((bag, to)) = part {
        let noted = ["x-hmxmroriginalrecipient", "x-original-to", "delivered-to"].iter().flat_map(|name| bag.all(name));
        let noted = noted.take(20).filter_map(clean_address).find(known);
        let only = if let [one] = to.as_slice() { one.address.clone() } else { None };
        return noted.or(only).filter(known);
    }
    let part = message.parts.iter().take(50).find(|part| mime::media_type(part).starts_with("text/rfc822"))?;
    let bag = HeaderBag::read(status_text(message, part).as_bytes());
    bag.get("to").filter(|to| !to.contains(',')).and_then(clean_address).filter(known)
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
        within("", report)
    }

    /// A report below a header that our own server adds to.
    fn within(header: &str, report: &str) -> Complaint {
        let raw = format!(
            "{header}From: <feedback@isp.example>\r\nTo: abuse@ours.example\r\nSubject: complaint\r\nMIME-Version: 1.0\r\n\
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
    fn what_our_own_server_noted_of_the_report_is_not_whom_it_is_about() {
        let blotted = "Feedback-Type: abuse\r\nOriginal-Rcpt-To: redacted@isp.example\r\n";
        for ours in [
            "Delivered-To: sales@ours.example\r\nX-Original-To: sales@ours.example\r\n",
            "Delivered-To: alias@inside.example\r\n",
        ] {
            assert_eq!(within(ours, blotted).recipient.as_deref(), Some("eva@web.example"), "{ours}");
        }
    }

    #[test]
    fn a_notice_says_what_kind_of_complaint_it_is() {
        let notice = |kind: &str, address: &str| {
            let text = serde_json::json!({ "notificationType": "Complaint", "complaint": {
                "complainedRecipients": [{ "emailAddress": address }], "complaintFeedbackType": kind } });
            of_notice(
                crate::domain::reading::bounce::notice(&text.to_string()).unwrap(),
                &["sales@ours.example".to_owned()],
            )
        };
        let abuse = notice("abuse", "eva@web.example");
        assert_eq!((abuse.recipient.as_deref(), is_wish(&abuse)), (Some("eva@web.example"), true));
        assert!(!is_wish(&notice("Not-Spam", "eva@web.example")));
        assert_eq!(notice("abuse", "sales@ours.example").recipient, None);
    }

    #[test]
    fn a_report_about_forged_mail_is_nobodys_wish() {
        assert!(!is_wish(&complaint("Feedback-Type: auth-failure\r\nOriginal-Rcpt-To: eva@web.example\r\n")));
        assert!(is_wish(&Complaint::default()));
    }
}
