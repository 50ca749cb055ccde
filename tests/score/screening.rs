//! Screening: what is held against real words, as a form of a usual browser would bring them, and as mail.

use std::path::{Path, PathBuf};

use pisteur::domain::enquiry::Enquiry;
use pisteur::domain::screening::{Screening, Verdict, of_arrival};

use super::sets::scored::{Row, files, read_raw, row, share, text};
use crate::generated::arrivals::{mail, screened};

/// Sets whose messages people wrote.
const PEOPLE: [&str; 5] = ["forge", "github-erp", "zapier-erp", "willdurand-erp", "spamassassin/nice"];

pub(crate) fn score(folder: &Path, verbose: bool) -> Vec<Row> {
    let genuine: Vec<PathBuf> = PEOPLE.iter().flat_map(|set| messages(folder, set)).collect();
    let unwanted = messages(folder, "spamassassin/spam");
    let as_form = |path: &PathBuf| {
        let said = screened(&words(path));
        tell(path, "form", &said, verbose);
        said.verdict
    };
    let as_mail = |path: &PathBuf| {
        let raw = std::fs::read(path).unwrap_or_default();
        let said = of_arrival(&mail(raw.clone()), &read_raw(raw), &Enquiry::default());
        tell(path, "mail", &said, verbose);
        said.verdict
    };
    let mails = messages(folder, "spamassassin/nice");
    [
        ("words of people, as a form", tally(genuine.iter().map(as_form))),
        ("words of spam, as a form", tally(unwanted.iter().map(as_form))),
        ("mails of people", tally(mails.iter().map(as_mail))),
        ("spam mails", tally(unwanted.iter().map(as_mail))),
    ]
    .into_iter()
    .filter(|(_, counts)| counts.iter().sum::<usize>() > 0)
    .map(|(measure, [clean, suspect, spam])| {
        let all = clean + suspect + spam;
        let figure = format!("{} / {} / {}", share(clean, all), share(suspect, all), share(spam, all));
        row("screening", format!("{measure}: clean / suspect / spam"), figure)
    })
    .collect()
}

fn tally(verdicts: impl Iterator<Item = Verdict>) -> [usize; 3] {
    let mut counts = [0; 3];
    for verdict in verdicts {
        match verdict {
            Verdict::Clean | Verdict::Unverified => counts[0] += 1,
            Verdict::Suspect => counts[1] += 1,
            Verdict::Spam => counts[2] += 1,
        }
    }
    counts
}

/// Files of a set that hold a message.
fn messages(folder: &Path, set: &str) -> Vec<PathBuf> {
    let data = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        !name.ends_with("_sender")
            && path.extension().is_none_or(|kind| kind != "json")
            && !name.starts_with("LICENSE")
            && !name.starts_with("COPYING")
    };
    files(&folder.join(set)).into_iter().filter(data).collect()
}

/// What a person would have put into the message field.
fn words(path: &Path) -> String {
    if path.components().any(|part| part.as_os_str() == "spamassassin") {
        return read_raw(std::fs::read(path).unwrap_or_default()).text;
    }
    text(path).lines().flat_map(|line| [line.strip_prefix("#sig#").unwrap_or(line), "\n"]).collect()
}

fn tell(path: &Path, way: &str, said: &Screening, verbose: bool) {
    if verbose && matches!(said.verdict, Verdict::Suspect | Verdict::Spam) {
        let reasons: Vec<String> = said.parts.iter().map(|part| format!("{} {}", part.code, part.points)).collect();
        println!("  {} as {way}: {} {} ({})", path.display(), said.verdict.as_str(), said.score, reasons.join(", "));
    }
}
