//! Forwards: is it one, and who really wrote. Once with the outer subject, once without; as the set gives them, and with
//! other people, addresses and subjects.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use serde_json::Value;

use super::generated::variants::{Given, names_of, variant};
use super::scored::{Row, json, loses, normal, read_raw, row, share, text, text_mail};

/// What was read of the cases.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    /// Forwards, and those taken for one.
    pub forwards: usize,
    /// Taken for one.
    pub detected: usize,
    /// Forwards whose truth has an address.
    pub asserted: usize,
    /// The address is right.
    pub address: usize,
    /// Address, name and subject are right.
    pub all: usize,
    /// The text passed on is exact.
    pub body: usize,
    /// Texts that lost a word.
    pub lost: usize,
    /// Mails that are no forwards.
    pub others: usize,
    /// Taken for one.
    pub taken: usize,
}

/// Other people for every case, for each seed of a range.
pub const VARIANTS: u64 = 20;

/// The table's rows of the set.
pub fn score(folder: &Path, verbose: bool) -> Vec<Row> {
    let seed = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1) * VARIANTS;
    let mut rows = Vec::new();
    for (set, seeds) in [("crisp-forward", None), ("the same, other people", Some(seed..seed + VARIANTS))] {
        for (which, with_subject) in [("outer subject given", true), ("subject withheld", false)] {
            if let Some(tally) = measure(folder, with_subject, seeds.clone(), verbose) {
                tell(set, which, &tally, &mut rows);
            }
        }
    }
    rows
}

fn tell(set: &'static str, which: &str, tally: &Tally, rows: &mut Vec<Row>) {
    rows.push(row(set, format!("{which}: forwards found"), share(tally.detected, tally.forwards)));
    rows.push(row(set, format!("{which}: address right"), share(tally.address, tally.asserted)));
    rows.push(row(set, format!("{which}: address, name, subject"), share(tally.all, tally.asserted)));
    rows.push(row(set, format!("{which}: text exact"), share(tally.body, tally.forwards)));
    rows.push(row(set, format!("{which}: texts with lost words"), tally.lost.to_string()));
    rows.push(row(set, format!("{which}: others taken for one"), share(tally.taken, tally.others)));
}

/// Reads the set as it is given, or with the people of each seed. `None` when the set is not there.
pub fn measure(folder: &Path, with_subject: bool, seeds: Option<Range<u64>>, verbose: bool) -> Option<Tally> {
    let seeds: Option<Vec<u64>> = seeds.map(Iterator::collect);
    let set = folder.join("crisp-forward");
    let truth = json(&set.join("truth.json"))?;
    let cases = truth["cases"].as_array().expect("cases");
    let names = names_of(cases);
    let mut tally = Tally::default();
    let mut seen = BTreeSet::new();
    for (place, case) in cases.iter().enumerate() {
        let file = case["file"].as_str().expect("file");
        // Without its subject a body is one case, however many subjects it has.
        if !with_subject && !seen.insert(file) {
            continue;
        }
        // What makes the others no forwards is often their subject alone: they always have it.
        let subject = case["subject_file"].as_str().filter(|_| with_subject || case["detected"] == Value::Bool(false));
        let subject = subject.map_or_else(String::new, |name| text(&set.join("fixtures").join(name)));
        let body = text(&set.join("fixtures").join(file));
        let Some(seeds) = &seeds else {
            let raw = text_mail("Outer Person <outer@elsewhere.example>", &subject, false, "text/plain", &body);
            judge(raw, &Truth::of(case, str::to_owned), verbose, &mut tally);
            continue;
        };
        let inner_subject = case["subject"].as_str().unwrap_or_else(|| bare(&subject));
        let given = Given { text: &body, subject: &subject, inner_subject, names: &names };
        for seed in seeds.iter().copied() {
            let variant = variant(seed * 1_000 + place as u64, &given);
            let mut truth = Truth::of(case, |old| variant.said(old));
            // What stands neither in the text nor in the outer subject cannot be known.
            let told = body.contains(inner_subject) || subject.contains(inner_subject);
            truth.subject = truth.subject.filter(|_| told);
            judge(variant.raw, &truth, verbose, &mut tally);
        }
    }
    Some(tally)
}

/// `Re: x` -> `x`.
fn bare(subject: &str) -> &str {
    subject.split_once(": ").map_or(subject, |(_, rest)| rest).trim()
}

/// What a case must be read as.
struct Truth<'a> {
    file: &'a str,
    detected: bool,
    address: Option<String>,
    name: Option<String>,
    subject: Option<String>,
    body: Option<String>,
}

impl<'a> Truth<'a> {
    fn of(case: &'a Value, said: impl Fn(&str) -> String) -> Self {
        let text = |value: &Value| value.as_str().map(|text| normal(&said(text)));
        Self {
            file: case["file"].as_str().unwrap_or_default(),
            detected: case["detected"] != Value::Bool(false),
            address: text(&case["from"]["address"]),
            name: text(&case["from"]["name"]),
            subject: text(&case["subject"]),
            body: text(&case["body"]),
        }
    }
}

fn judge(raw: Vec<u8>, truth: &Truth<'_>, verbose: bool, tally: &mut Tally) {
    let found = read_raw(raw).mail.and_then(|mail| mail.forwarded);
    if !truth.detected {
        tally.others += 1;
        tally.taken += usize::from(found.is_some());
        if verbose && found.is_some() {
            println!("  {}: taken for a forward: {found:?}", truth.file);
        }
        return;
    }
    tally.forwards += 1;
    tally.detected += usize::from(found.is_some());
    let found = found.unwrap_or_default();
    let is = |truth: &Option<String>, got: &Option<String>| {
        truth.as_deref().unwrap_or_default() == normal(got.as_deref().unwrap_or_default())
    };
    let address = is(&truth.address, &found.from.address);
    let all =
        address && is(&truth.name, &found.from.name) && (truth.subject.is_none() || is(&truth.subject, &found.subject));
    if truth.address.is_some() {
        tally.asserted += 1;
        tally.address += usize::from(address);
        tally.all += usize::from(all);
    }
    if verbose && !all {
        println!(
            "  {}: {:?} {:?} subject {:?}\n    is {:?} {:?} {:?}",
            truth.file, found.from.address, found.from.name, found.subject, truth.address, truth.name, truth.subject
        );
    }
    if let Some(body) = &truth.body {
        let (exact, lost) = (*body == normal(&found.text), loses(body, &found.text));
        tally.body += usize::from(exact);
        tally.lost += usize::from(lost);
        if verbose && (!exact || lost) && address {
            println!("  {}: lost {lost}\n    truth {body:.300}\n    read  {:.600}", truth.file, normal(&found.text));
        }
    }
}
