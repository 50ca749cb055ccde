//! Leads that a program sends as JSON: a list of them, or a file each.

use std::collections::BTreeSet;

use mail_parser::Message;

use super::{MOST, PARTS, Pieces, header, mails, rest};
use crate::domain::reading::addresses::mailboxes;
use crate::domain::reading::attached::{self, Lead, Lists};
use crate::domain::reading::mail::sender;
use crate::domain::reading::mime::HeaderBag;
use crate::domain::reading::{ReadLimits, adf, body};

/// All leads of all files, beside as many words as a lead that comes alone may have beside it. `None` when there are not
/// several, or one of the files cannot be taken apart.
pub(super) fn apart(raw: &[u8], message: &Message<'_>, is_answer: bool) -> Option<Pieces> {
    let header = header(raw, message);
    let from = message.from().and_then(|from| from.first()?.address()).unwrap_or_default().to_lowercase();
    let reply_to: Vec<String> = mailboxes(message.reply_to()).into_iter().filter_map(|m| m.address).collect();
    let reply_to: Vec<&str> = reply_to.iter().map(String::as_str).collect();
    let sender = sender(&from, &reply_to, &HeaderBag::read(&header), &[]);
    let (mut found, mut parts, mut words) = (Vec::new(), Vec::new(), String::new());
    let mut said = BTreeSet::new();
    for (at, part) in message.parts.iter().take(PARTS).enumerate() {
        match attached::of_json(message, part, sender) {
            Lists::None => {}
            Lists::Whole(_) => return None,
            Lists::Apart { leads, beside } => {
                // A second file about the same person is no second lead.
                if leads.len() == 1 && !found.is_empty() && !is_new(&leads, &found) {
                    continue;
                }
                parts.push(at);
                words.push_str(&beside);
                found.extend(leads.into_iter().filter(|lead| said.insert(adf::says(&lead.fields))));
            }
        }
    }
    let body = body::read(message, &ReadLimits::default()).text;
    let is_letter = attached::is_letter(&body, sender) || is_answer && !attached::is_alone(&body, &from);
    if found.len() < 2 || found.len() > MOST || is_letter {
        return None;
    }
    if body.trim().is_empty() {
        let of_body = [&message.text_body, &message.html_body].into_iter().flatten();
        parts.extend(of_body.filter_map(|&id| usize::try_from(id).ok()));
    }
    let leads = mails(&header, "application/json", found.iter().map(|lead| lead.json.as_str()), ("", "\r\n"))?;
    Some(Pieces { leads, rest: rest(raw, message, header, (&parts, &words)) })
}

fn is_new(leads: &[Lead], found: &[Lead]) -> bool {
    leads.iter().all(|lead| found.iter().all(|known| attached::is_somebody_else(&lead.fields, &known.fields)))
}
