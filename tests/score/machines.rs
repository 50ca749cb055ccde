//! Machine mail: bounces, reports, automatic answers, and people taken for machines.

use std::collections::BTreeMap;
use std::path::Path;

use super::scored::{Row, files, json, read_raw, row, share};

pub(crate) fn score(folder: &Path, verbose: bool) -> Vec<Row> {
    let set = folder.join("sisimai");
    let Some(truth) = json(&set.join("truth.json")) else { return Vec::new() };
    let mut classes: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let (mut status, mut status_right, mut hard, mut hard_right) = (0, 0, 0, 0);
    let (mut said, mut said_right, mut code, mut code_right) = (0, 0, 0, 0);
    for path in files(&set) {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let Some(expected) = truth.get(name) else { continue };
        let read = read_raw(std::fs::read(&path).unwrap_or_default());
        let class = read.class.map_or("none", pisteur::domain::submission::MailClass::as_str);
        let wanted = expected["class"].as_str().unwrap_or_default();
        let right = match wanted {
            "bounce" => class == "bounce" || class == "delivery_status",
            "delivered" => class == "delivery_status",
            other => class == other,
        };
        let entry = classes.entry(wanted.to_owned()).or_default();
        entry.0 += usize::from(right);
        entry.1 += 1;
        if verbose && !right {
            println!("  {name}: {wanted} read as {class}");
        }
        let first = &expected["recipients"][0];
        let bounce = read.mail.and_then(|m| m.bounce).unwrap_or_default();
        if wanted == "bounce" && first["dsn"].as_str().is_some_and(|d| !d.is_empty()) {
            status += 1;
            let right = first["dsn"].as_str() == bounce.status.as_deref();
            status_right += usize::from(right);
            // `5.0.9nn` is no code of RFC 3463: the truth's own tool makes it up where a mail has none.
            if !first["dsn"].as_str().is_some_and(|d| d.get(1..).is_some_and(|d| d.starts_with(".0.9"))) {
                said += 1;
                said_right += usize::from(right);
            }
        }
        if wanted == "bounce" && first["reply_code"].as_str().is_some_and(|c| !c.is_empty()) {
            code += 1;
            code_right += usize::from(first["reply_code"].as_str() == bounce.reply_code.as_deref());
        }
        if wanted == "bounce" && first["hardbounce"].is_boolean() {
            hard += 1;
            hard_right += usize::from(first["hardbounce"] == bounce.hard);
        }
    }
    let mut rows: Vec<Row> = classes
        .into_iter()
        .map(|(class, (right, all))| row("sisimai", format!("{class} recognised"), share(right, all)))
        .collect();
    rows.push(row("sisimai", "status of the first recipient", share(status_right, status)));
    rows.push(row("sisimai", "the same, where a mail has one", share(said_right, said)));
    rows.push(row("sisimai", "reply code of the first recipient", share(code_right, code)));
    rows.push(row("sisimai", "hard or soft", share(hard_right, hard)));
    let people = files(&folder.join("spamassassin/nice"));
    let wrong = people
        .iter()
        .filter(|path| {
            let class = read_raw(std::fs::read(path).unwrap_or_default()).class;
            matches!(
                class.map(pisteur::domain::submission::MailClass::as_str),
                Some("bounce" | "delivery_status" | "auto_reply")
            )
        })
        .count();
    rows.push(row("spamassassin/nice", "people taken for machines", share(wrong, people.len())));
    rows
}
