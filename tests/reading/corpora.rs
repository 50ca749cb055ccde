//! Public mail samples that developers keep beside the project: nothing panics, and the rates are printed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use pisteur::domain::submission::MailClass;

use super::{files, mail, targets, understood};

/// The corpora folder, or a clear word that the test did not run.
pub fn corpora() -> Option<PathBuf> {
    let folder = std::env::var_os("PISTEUR_CORPORA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora"), PathBuf::from);
    let folder = folder.join("mail");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("SKIPPED: corpora not found (set PISTEUR_CORPORA)");
    None
}

#[test]
fn no_file_of_the_corpora_breaks_the_reader() {
    let Some(folder) = corpora() else { return };
    let (mut count, mut slowest) = (0, (Duration::ZERO, PathBuf::new()));
    for path in files(&folder) {
        let raw = std::fs::read(&path).unwrap();
        let start = Instant::now();
        targets::raw_mail(&raw);
        let took = start.elapsed();
        if took > slowest.0 {
            slowest = (took, path);
        }
        count += 1;
    }
    println!("{count} files read; slowest {:?}: {}", slowest.0, slowest.1.display());
    assert!(count > 100);
}

#[test]
fn machine_mail_is_told_from_people() {
    let Some(folder) = corpora() else { return };
    let truth: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(&std::fs::read(folder.join("sisimai/truth.json")).unwrap()).unwrap();
    let eml = files(&folder.join("sisimai"));
    let mut confusion: BTreeMap<(String, &str), u32> = BTreeMap::new();
    let (mut bounces, mut found) = (0, 0);
    for (name, expected) in &truth {
        let Some(path) = eml.iter().find(|p| p.file_name().is_some_and(|n| n == name.as_str())) else { continue };
        let class = understood(&mail(&std::fs::read(path).unwrap())).0.class.unwrap();
        let expected = expected["class"].as_str().unwrap();
        *confusion.entry((expected.to_owned(), class.as_str())).or_default() += 1;
        if expected == "bounce" {
            bounces += 1;
            found += u32::from(matches!(class, MailClass::Bounce | MailClass::DeliveryStatus));
            if !matches!(class, MailClass::Bounce | MailClass::DeliveryStatus) {
                println!("missed: {name} as {}", class.as_str());
            }
        }
    }
    let people = files(&folder.join("spamassassin/nice"));
    let is_wrong = |class| matches!(class, Some(MailClass::Bounce | MailClass::DeliveryStatus | MailClass::AutoReply));
    let wrong = people.iter().filter(|p| is_wrong(understood(&mail(&std::fs::read(p).unwrap())).0.class)).count();
    println!("classes (truth, read): {confusion:?}");
    println!("bounces {found} of {bounces}; false positives {wrong} of {} human mails", people.len());
    assert_eq!(wrong, 0, "no human mail is taken for machine mail");
    assert!(f64::from(found) >= 0.99 * f64::from(bounces), "at least 99 % of the bounces are found");
}
