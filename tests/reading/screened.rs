//! What screening holds of real words: a sample in every language of the house, and the corpora where they are. Bounds,
//! not figures: a rule that holds what people write fails here.

use std::path::{Path, PathBuf};

use pisteur::domain::screening::Verdict;

use super::corpora::corpora;
use super::files;
use super::generated::arrivals::screened;

/// A language and a message on each line.
const PEOPLE: &str = include_str!("screened/people.txt");
/// A message on each line.
const SPAM: &str = include_str!("screened/spam.txt");

#[test]
fn what_people_write_in_the_languages_of_the_house_is_held_by_no_rule() {
    let mut suspect = Vec::new();
    let lines: Vec<(&str, &str)> = PEOPLE.lines().map(|line| line.split_once('|').unwrap()).collect();
    for language in ["fr", "en", "cs", "fa", "de"] {
        assert!(lines.iter().filter(|(of, _)| *of == language).count() >= 10, "{language}");
    }
    for (_, words) in &lines {
        let said = screened(words);
        assert_ne!(said.verdict, Verdict::Spam, "{words}: {said:?}");
        if said.verdict != Verdict::Clean {
            suspect.push(format!("{words}: {said:?}"));
        }
    }
    println!("{} of {} are looked at twice", suspect.len(), lines.len());
    assert!(suspect.len() * 20 <= lines.len(), "more than one in twenty: {suspect:#?}");
}

#[test]
fn what_spam_is_made_of_does_not_pass_as_clean() {
    for words in SPAM.lines() {
        let said = screened(words);
        assert_ne!(said.verdict, Verdict::Clean, "{words}: {said:?}");
    }
}

/// What stands in the message field, of a mail or of a plain text.
fn words(path: &Path) -> String {
    let raw = std::fs::read(path).unwrap();
    if path.components().any(|part| part.as_os_str() == "spamassassin") {
        return super::understood(&super::mail(&raw)).0.text;
    }
    let text = String::from_utf8_lossy(&raw);
    text.lines().flat_map(|line| [line.strip_prefix("#sig#").unwrap_or(line), "\n"]).collect()
}

/// How many messages of these sets there are, and how many of them are held or looked at twice.
fn held(folder: &Path, sets: &[&str]) -> (usize, usize, usize) {
    let is_message = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        !name.ends_with("_sender")
            && path.extension().is_none_or(|kind| kind != "json")
            && !["LICENSE", "COPYING"].iter().any(|word| name.starts_with(*word))
    };
    let paths = sets.iter().map(|set| folder.join(set)).filter(|set| set.is_dir()).flat_map(|set| files(&set));
    let verdicts: Vec<Verdict> = paths.filter(is_message).map(|path| screened(&words(&path)).verdict).collect();
    let of = |wanted: Verdict| verdicts.iter().filter(|verdict| **verdict == wanted).count();
    (verdicts.len(), of(Verdict::Spam), of(Verdict::Suspect))
}

#[test]
fn of_the_corpora_little_that_people_wrote_is_held_and_much_that_is_spam() {
    let Some(folder) = corpora() else {
        eprintln!("SKIPPED: what screening makes of the corpora was not looked at");
        return;
    };
    let people = ["forge", "github-erp", "zapier-erp", "willdurand-erp", "spamassassin/nice"];
    let (all, spam, suspect) = held(&folder, &people);
    println!("people: {all}, of which {spam} held and {suspect} looked at twice");
    assert!(all > 100, "{all}");
    assert!(spam * 100 <= all, "{spam} of {all} are held");
    assert!((spam + suspect) * 10 <= all, "{} of {all} are held or looked at twice", spam + suspect);
    let (all, spam, suspect) = held(&folder, &["spamassassin/spam"]);
    println!("spam: {all}, of which {spam} held and {suspect} looked at twice");
    assert!((spam + suspect) * 10 >= all, "{} of {all}", spam + suspect);
}
