//! Replies: what is new in a text. Each set is scored as its own truth is written: with the signature or without.
//! Exact and lost words are of the same reading; only the HTML set, whose truth is one, compares without white space.

use std::path::Path;

use serde_json::Value;

use super::scored::{Row, json, loses, normal, read_raw, row, share, text, text_mail};

/// What was read of a set.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    /// Replies read exactly.
    pub exact: usize,
    /// Replies.
    pub whole: usize,
    /// Replies that lost a word.
    pub lost: usize,
    /// Parts that must be there, or must not.
    pub parts: usize,
    /// Parts that are right.
    pub parts_right: usize,
}

/// The sets that count together.
pub const POOLED: &str = "github+zapier+talon text";

/// The table's rows of the sets.
pub fn score(folder: &Path, verbose: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    for (set, tally) in measure(folder, verbose) {
        tell(&mut rows, set, &tally);
    }
    rows
}

/// Reads every set, and some of them together.
pub fn measure(folder: &Path, verbose: bool) -> Vec<(&'static str, Tally)> {
    let mut tallies = Vec::new();
    let mut pooled = Tally::default();
    for set in ["github-erp", "zapier-erp", "willdurand-erp", "planer"] {
        let tally = fragments(&folder.join(set), verbose);
        tallies.push((set, tally));
        if set == "github-erp" || set == "zapier-erp" {
            pool(&mut pooled, &tally);
        }
    }
    let (text_tally, html_tally) = talon(&folder.join("talon"), verbose);
    pool(&mut pooled, &text_tally);
    tallies.extend([("talon text", text_tally), ("talon html", html_tally), (POOLED, pooled)]);
    tallies
}

fn pool(into: &mut Tally, from: &Tally) {
    into.exact += from.exact;
    into.whole += from.whole;
    into.lost += from.lost;
}

fn tell(rows: &mut Vec<Row>, set: &'static str, tally: &Tally) {
    if tally.whole > 0 {
        rows.push(row(set, "replies exact", share(tally.exact, tally.whole)));
        rows.push(row(set, "replies that lost words", tally.lost.to_string()));
    }
    if tally.parts > 0 {
        rows.push(row(set, "contains / contains not", share(tally.parts_right, tally.parts)));
    }
}

/// The reply, and the reply with its signature below.
fn reply(raw: Vec<u8>) -> (String, String) {
    let read = read_raw(raw);
    let signature = read.mail.as_ref().and_then(|m| m.signature.clone()).unwrap_or_default();
    let signed = format!("{}\n{signature}", read.reply);
    (read.reply, signed)
}

fn compare(tally: &mut Tally, file: &str, truth: &str, read: &str, spaced: bool, verbose: bool) {
    tally.whole += 1;
    let (truth, read) = (normal(truth), normal(read));
    let bare = |text: &str| if spaced { text.to_owned() } else { text.replace(' ', "") };
    let exact = bare(&truth) == bare(&read);
    let lost = loses(&truth, &read);
    tally.exact += usize::from(exact);
    tally.lost += usize::from(lost);
    if verbose && (!exact || lost) {
        println!("  {file}: lost {lost}\n    truth {truth:.300}\n    read  {read:.1500}");
    }
}

fn fragments(set: &Path, verbose: bool) -> Tally {
    let mut tally = Tally::default();
    let Some(Value::Object(truth)) = json(&set.join("truth.json")) else { return tally };
    for (file, expected) in &truth {
        let body = text(&set.join("fixtures").join(file));
        let kind = if file.ends_with("html") { "text/html" } else { "text/plain" };
        let values = expected["values"].as_array().cloned().unwrap_or_default();
        let bodies: Vec<String> = match values.as_slice() {
            [] => vec![body],
            dates => dates.iter().map(|date| body.replace("[DATE]", date.as_str().unwrap_or_default())).collect(),
        };
        for body in bodies {
            let read = reply(text_mail("Some One <one@elsewhere.example>", "Re: x", true, kind, &body));
            if let Some(truth) = expected["reply"].as_str().or_else(|| expected["first_fragment"].as_str()) {
                compare(&mut tally, file, truth, &read.0, true, verbose);
            }
            let strings = |key: &str| -> Vec<String> {
                let list = expected[key].as_array().cloned().unwrap_or_default();
                list.iter().filter_map(|v| v.as_str().map(normal)).collect()
            };
            for (wanted, there) in
                strings("contains").iter().map(|s| (s, true)).chain(strings("not_contains").iter().map(|s| (s, false)))
            {
                tally.parts += 1;
                let right = normal(&read.0).contains(wanted.as_str()) == there;
                tally.parts_right += usize::from(right);
                if verbose && !right {
                    println!("  {file}: contains {there}: {wanted:.120}\n    read {:.300}", normal(&read.0));
                }
            }
        }
    }
    tally
}

fn talon(set: &Path, verbose: bool) -> (Tally, Tally) {
    let (mut texts, mut pages) = (Tally::default(), Tally::default());
    let Some(truth) = json(&set.join("truth.json")) else { return (texts, pages) };
    for (file, expected) in truth["standard_replies"].as_object().into_iter().flatten() {
        let read = reply(std::fs::read(set.join("fixtures").join(file)).unwrap_or_default());
        compare(&mut texts, file, expected.as_str().unwrap_or_default(), &read.1, true, verbose);
    }
    for (file, expected) in truth["html_replies"].as_object().into_iter().flatten() {
        let body = text(&set.join("fixtures").join(file));
        let read = reply(text_mail("Alex <alex@elsewhere.example>", "Re: x", true, "text/html", &body));
        compare(&mut pages, file, expected.as_str().unwrap_or_default(), &read.1, false, verbose);
    }
    (texts, pages)
}
