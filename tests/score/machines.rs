//! Machine mail: bounces, reports, automatic answers, and people taken for machines.

use std::collections::BTreeMap;
use std::path::Path;

use pisteur::domain::submission::{Bounce, MailClass};
use serde_json::Value;

use super::scored::{Row, files, json, read_raw, row, share};

/// What was read of the sets.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// By class of the truth: read as such, and all.
    pub classes: BTreeMap<String, (usize, usize)>,
    /// Status of the first recipient, and the same where the mail has one.
    status: [(usize, usize); 2],
    reply_code: (usize, usize),
    hard: (usize, usize),
    /// Mails of people taken for a machine's, and all.
    pub people: (usize, usize),
}

/// The table's rows of the sets.
pub fn score(folder: &Path, verbose: bool) -> Vec<Row> {
    let Some(tally) = measure(folder, verbose) else { return Vec::new() };
    let of = |(right, all): (usize, usize)| share(right, all);
    let classes = tally.classes.iter();
    let mut rows: Vec<Row> =
        classes.map(|(class, figures)| row("sisimai", format!("{class} recognised"), of(*figures))).collect();
    rows.push(row("sisimai", "status of the first recipient", of(tally.status[0])));
    rows.push(row("sisimai", "the same, where a mail has one", of(tally.status[1])));
    rows.push(row("sisimai", "reply code of the first recipient", of(tally.reply_code)));
    rows.push(row("sisimai", "hard or soft", of(tally.hard)));
    rows.push(row("spamassassin/nice", "people taken for machines", of(tally.people)));
    rows
}

/// Reads the sets; `None` when they are not there.
pub fn measure(folder: &Path, verbose: bool) -> Option<Tally> {
    let set = folder.join("sisimai");
    let truth = json(&set.join("truth.json"))?;
    let mut tally = Tally::default();
    for path in files(&set) {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let Some(expected) = truth.get(name) else { continue };
        let read = read_raw(std::fs::read(&path).unwrap_or_default());
        let class = read.class.map_or("none", MailClass::as_str);
        let wanted = expected["class"].as_str().unwrap_or_default();
        let right = match wanted {
            "bounce" => class == "bounce" || class == "delivery_status",
            "delivered" => class == "delivery_status",
            other => class == other,
        };
        count(tally.classes.entry(wanted.to_owned()).or_default(), right);
        if verbose && !right {
            println!("  {name}: {wanted} read as {class}");
        }
        if wanted == "bounce" {
            judge(&expected["recipients"][0], &read.mail.and_then(|m| m.bounce).unwrap_or_default(), &mut tally);
        }
    }
    for path in files(&folder.join("spamassassin/nice")) {
        let class = read_raw(std::fs::read(path).unwrap_or_default()).class;
        let taken = matches!(class, Some(MailClass::Bounce | MailClass::DeliveryStatus | MailClass::AutoReply));
        count(&mut tally.people, taken);
    }
    Some(tally)
}

fn count(figures: &mut (usize, usize), is: bool) {
    figures.0 += usize::from(is);
    figures.1 += 1;
}

/// What a bounce says of its first recipient.
fn judge(first: &Value, bounce: &Bounce, tally: &mut Tally) {
    let filled = |key: &str| first[key].as_str().filter(|value| !value.is_empty());
    if let Some(status) = filled("dsn") {
        let right = Some(status) == bounce.status.as_deref();
        count(&mut tally.status[0], right);
        // `5.0.9nn` is no code of RFC 3463: the truth's own tool makes it up where a mail has none.
        if !status.get(1..).is_some_and(|rest| rest.starts_with(".0.9")) {
            count(&mut tally.status[1], right);
        }
    }
    if let Some(code) = filled("reply_code") {
        count(&mut tally.reply_code, Some(code) == bounce.reply_code.as_deref());
    }
    if first["hardbounce"].is_boolean() {
        count(&mut tally.hard, first["hardbounce"] == bounce.hard);
    }
}
