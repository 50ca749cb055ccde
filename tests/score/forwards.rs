//! Forwards: is it one, and who really wrote. Once with the outer subject, once without.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::scored::{Row, json, loses, normal, read_raw, row, share, text, text_mail};

#[derive(Default)]
struct Tally {
    forwards: usize,
    detected: usize,
    asserted: usize,
    address: usize,
    all: usize,
    body: usize,
    lost: usize,
    others: usize,
    taken: usize,
}

pub(crate) fn score(folder: &Path, verbose: bool) -> Vec<Row> {
    let set = folder.join("crisp-forward");
    let Some(truth) = json(&set.join("truth.json")) else { return Vec::new() };
    let cases = truth["cases"].as_array().expect("cases").clone();
    let mut rows = Vec::new();
    for with_subject in [true, false] {
        let mut tally = Tally::default();
        let mut seen = BTreeSet::new();
        for case in &cases {
            // Without its subject a body is one case, however many subjects it has.
            if with_subject || seen.insert(case["file"].as_str().unwrap_or_default().to_owned()) {
                judge(&set, case, with_subject, verbose, &mut tally);
            }
        }
        let which = if with_subject { "outer subject given" } else { "subject withheld" };
        rows.push(row("crisp-forward", format!("{which}: forwards found"), share(tally.detected, tally.forwards)));
        rows.push(row("crisp-forward", format!("{which}: address right"), share(tally.address, tally.asserted)));
        rows.push(row("crisp-forward", format!("{which}: address, name, subject"), share(tally.all, tally.asserted)));
        rows.push(row("crisp-forward", format!("{which}: text exact"), share(tally.body, tally.forwards)));
        rows.push(row("crisp-forward", format!("{which}: texts with lost words"), tally.lost.to_string()));
        rows.push(row("crisp-forward", format!("{which}: others taken for one"), share(tally.taken, tally.others)));
    }
    rows
}

fn judge(set: &Path, case: &Value, with_subject: bool, verbose: bool, tally: &mut Tally) {
    let file = case["file"].as_str().expect("file");
    // What makes the others no forwards is often their subject alone: they always have it.
    let subject = case["subject_file"].as_str().filter(|_| with_subject || case["detected"] == Value::Bool(false));
    let subject = subject.map_or_else(String::new, |name| text(&set.join("fixtures").join(name)));
    let body = text(&set.join("fixtures").join(file));
    let read = read_raw(text_mail("Outer Person <outer@elsewhere.example>", &subject, false, "text/plain", &body));
    let found = read.mail.and_then(|mail| mail.forwarded);
    if case["detected"] == Value::Bool(false) {
        tally.others += 1;
        tally.taken += usize::from(found.is_some());
        return;
    }
    tally.forwards += 1;
    tally.detected += usize::from(found.is_some());
    let found = found.unwrap_or_default();
    let is = |truth: &Value, got: Option<&str>| truth.as_str().map(normal) == got.map(normal).filter(|g| !g.is_empty());
    let address = is(&case["from"]["address"], found.from.address.as_deref());
    let asserted = case["from"]["address"].is_string();
    if asserted {
        tally.asserted += 1;
        tally.address += usize::from(address);
        let name = is(&case["from"]["name"], found.from.name.as_deref());
        let subject_right = is(&case["subject"], found.subject.as_deref());
        tally.all += usize::from(address && name && subject_right);
        if verbose && !(address && name && subject_right) {
            println!("  {file}: {:?} {:?} subject {:?}", found.from.address, found.from.name, found.subject);
        }
    }
    if let Some(body) = case["body"].as_str() {
        tally.body += usize::from(normal(body) == normal(&found.text));
        tally.lost += usize::from(loses(body, &found.text));
    }
}
