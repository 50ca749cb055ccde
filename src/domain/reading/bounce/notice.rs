//! Notices that big mail services send as JSON instead of a report (Amazon SES, bare or through SNS).

use serde_json::Value;

use super::OTHERS;
use crate::domain::reading::addresses::clean_address;
use crate::domain::reading::body::cut;
use crate::domain::reading::text::non_empty_line;
use crate::domain::submission::{Bounce, MailClass};

/// Longest notice read, in bytes.
const BYTES: usize = 200_000;

/// What a notice says.
#[derive(Debug)]
pub(in crate::domain::reading) struct Notice {
    /// Bounce, complaint or delivery.
    pub(in crate::domain::reading) class: MailClass,
    /// Whom about, and why; for a complaint the recipient alone.
    pub(in crate::domain::reading) bounce: Bounce,
    /// Kind of a complaint, lower case.
    pub(in crate::domain::reading) feedback_type: Option<String>,
}

/// Reads a notice at the start of a text.
pub(in crate::domain::reading) fn notice(text: &str) -> Option<Notice> {
    let text = cut(text.trim_start(), BYTES);
    if !text.starts_with('{') {
        return None;
    }
    // Something may stand below the document: links to end the subscription.
    let outer = first_document(text).or_else(|| first_document(&text.replace(['\r', '\n'], "")))?;
    let inner =
        outer.get("Message").and_then(Value::as_str).and_then(|inner| serde_json::from_str::<Value>(inner).ok());
    let said = inner.as_ref().unwrap_or(&outer);
    let kind = said.get("notificationType").or_else(|| said.get("eventType"))?.as_str()?;
    let (class, about, list) = match kind {
        "Bounce" => (MailClass::Bounce, "bounce", "bouncedRecipients"),
        "Complaint" => (MailClass::Complaint, "complaint", "complainedRecipients"),
        "Delivery" => (MailClass::DeliveryStatus, "delivery", "recipients"),
        "DeliveryDelay" => (MailClass::DeliveryStatus, "deliveryDelay", "delayedRecipients"),
        _ => return None,
    };
    let about = said.get(about);
    let recipients = about.and_then(|about| about.get(list)).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let action = match kind {
        "Delivery" => "delivered",
        "DeliveryDelay" => "delayed",
        _ => "failed",
    };
    let id = said.pointer("/mail/commonHeaders/messageId").or_else(|| said.pointer("/mail/messageId"));
    let mut each = recipients.iter().take(1 + OTHERS).map(|recipient| of_recipient(recipient, class, action));
    let mut bounce = each.next().unwrap_or_else(|| Bounce { action: Some(action.to_owned()), ..Bounce::default() });
    bounce.others = each.collect();
    bounce.original_message_id =
        id.and_then(Value::as_str).and_then(|id| non_empty_line(id.trim_matches(['<', '>', ' ']), 998));
    let feedback = about.and_then(|about| about.get("complaintFeedbackType")).and_then(Value::as_str);
    let feedback_type = feedback.and_then(|kind| non_empty_line(&kind.to_lowercase(), 40));
    Some(Notice { class, bounce: judged(bounce), feedback_type })
}

/// What a notice says of one recipient: an object, or the address alone.
fn of_recipient(recipient: &Value, class: MailClass, action: &str) -> Bounce {
    let word = |name: &str| recipient.get(name).and_then(Value::as_str);
    Bounce {
        recipient: word("emailAddress").or_else(|| recipient.as_str()).and_then(clean_address),
        status: word("status").and_then(super::status_in),
        action: Some(word("action").filter(|_| class == MailClass::Bounce).unwrap_or(action).to_lowercase()),
        diagnostic: word("diagnosticCode")
            .and_then(|said| non_empty_line(said.split_once(';').map_or(said, |(_, rest)| rest), 500)),
        ..Bounce::default()
    }
}

/// Line breaks that a mail system put into its strings are mended by the caller.
fn first_document(text: &str) -> Option<Value> {
    serde_json::Deserializer::from_str(text).into_iter::<Value>().next()?.ok()
}

fn judged(mut bounce: Bounce) -> Bounce {
    super::judge(&mut bounce, "", "");
    super::settle_others(&mut bounce);
    bounce
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_names_its_recipient_bare_and_wrapped() {
        let bare = r#"{"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bouncedRecipients":[{"emailAddress":"eva@web.example","status":"5.1.1","action":"failed","diagnosticCode":"smtp; 550 5.1.1 user unknown"}]},"mail":{"messageId":"m1"}}"#;
        let wrapped = serde_json::json!({ "Type": "Notification", "Message": bare }).to_string() + "\n\n--\nLinks";
        for text in [bare, wrapped.as_str()] {
            let notice = notice(text).unwrap();
            assert_eq!(notice.class, MailClass::Bounce);
            assert_eq!(notice.bounce.recipient.as_deref(), Some("eva@web.example"));
            assert_eq!((notice.bounce.hard, notice.bounce.status.as_deref()), (true, Some("5.1.1")));
            assert_eq!(notice.bounce.original_message_id.as_deref(), Some("m1"));
        }
        let two = bare.replace(
            "\"bouncedRecipients\":[",
            "\"bouncedRecipients\":[{\"emailAddress\":\"jan@web.example\",\"status\":\"5.2.2\"},",
        );
        let bounce = notice(&two).unwrap().bounce;
        assert_eq!((bounce.recipient.as_deref(), bounce.hard), (Some("jan@web.example"), false));
        assert_eq!((bounce.others[0].recipient.as_deref(), bounce.others[0].hard), (Some("eva@web.example"), true));
        assert!(notice("{\"a\":1}").is_none() && notice("{").is_none() && notice("Hello").is_none());
    }
}
