//! What reading must reach on the public sets that developers keep beside the project, and that the figures can fail.

use super::corpora::corpora;
use super::generated::variants::{Given, variant};
use super::sets::scored::{normal, read_raw};
use super::sets::{forwards, machines, replies, signatures};

/// Seeds of other people that no rule was written against.
const SEEDS: std::ops::Range<u64> = 910..914;

/// `part` is at least so many of a hundred of `whole`, and there is something to count.
fn is_share(part: usize, whole: usize, percent: usize) -> bool {
    whole > 0 && part * 100 >= whole * percent
}

#[test]
fn the_one_who_wrote_what_is_passed_on_is_found() {
    let Some(folder) = corpora() else { return };
    let given = forwards::measure(&folder, true, None, false).unwrap();
    assert!(given.address >= 190 && given.asserted >= 195, "with the outer subject: {given:?}");
    let withheld = forwards::measure(&folder, false, None, false).unwrap();
    assert!(withheld.address >= 172 && withheld.asserted >= 179, "without it: {withheld:?}");
    for tally in [given, withheld] {
        assert_eq!((tally.taken, tally.others), (0, 10), "no other mail is taken for a forward");
        assert_eq!(tally.lost, 0, "no word of a text is lost");
    }
}

#[test]
fn other_people_addresses_and_subjects_are_read_as_well() {
    let Some(folder) = corpora() else { return };
    for with_subject in [true, false] {
        let tally = forwards::measure(&folder, with_subject, Some(SEEDS), false).unwrap();
        assert!(is_share(tally.detected, tally.forwards, 98), "subject {with_subject}: {tally:?}");
        assert!(is_share(tally.all, tally.asserted, 98), "subject {with_subject}: {tally:?}");
        assert!(tally.asserted > 700, "{tally:?}");
        assert_eq!(tally.taken, 0, "no other mail is taken for a forward: {tally:?}");
        assert_eq!(tally.lost, 0, "no word of a text is lost: {tally:?}");
    }
}

#[test]
fn replies_lose_no_word_and_most_are_exact() {
    let Some(folder) = corpora() else { return };
    let tallies = replies::measure(&folder, false);
    for (set, tally) in &tallies {
        assert!(tally.whole + tally.parts > 0, "{set} is there");
        assert_eq!(tally.lost, 0, "{set}: {tally:?}");
        let least = match *set {
            replies::POOLED => 62,
            "willdurand-erp" => 89,
            _ => 0,
        };
        assert!(tally.exact * 100 >= tally.whole * least, "{set}: {tally:?}");
    }
    let counts = |wanted: &str| tallies.iter().any(|(set, tally)| *set == wanted && tally.whole > 0);
    assert!(counts(replies::POOLED) && counts("willdurand-erp"));
}

#[test]
fn signature_lines_are_found() {
    let Some(folder) = corpora() else { return };
    let tally = signatures::measure(&folder, false).unwrap();
    let [precision, recall, f1] = tally.rates();
    assert!(f1 >= 0.90, "precision {precision}, recall {recall}, F1 {f1}: {tally:?}");
}

#[test]
fn bounces_are_found_and_people_are_none() {
    let Some(folder) = corpora() else { return };
    let tally = machines::measure(&folder, false).unwrap();
    let (found, all) = tally.classes.get("bounce").copied().unwrap_or_default();
    assert!(is_share(found, all, 99), "{tally:?}");
    assert!(tally.people.0 == 0 && tally.people.1 > 50, "{tally:?}");
}

const TEXT: &str = "See below.\n\n---------- Forwarded message ---------\nFrom: Eva Nová <eva.nova@kunde.example>\n\
    Date: Mon, 3 March 2025 at 9:31\nSubject: Twenty pumps\nTo: Jan Malý <jan@ours.example>\n\nHello,\nEva Nová here. \
    What do twenty pumps cost?\n";

#[test]
fn what_is_wrong_is_counted_as_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("crisp-forward");
    std::fs::create_dir_all(set.join("fixtures")).unwrap();
    std::fs::write(set.join("fixtures/a.txt"), TEXT).unwrap();
    std::fs::write(set.join("fixtures/b.txt"), "Hello,\nhow are you?\n").unwrap();
    let case = |file: &str, address: &str, body: &str| {
        serde_json::json!({ "file": file, "detected": true, "from": { "address": address, "name": "Eva Nová" },
            "subject": "Twenty pumps", "body": body })
    };
    let right = "Hello, Eva Nová here. What do twenty pumps cost?";
    let cases = serde_json::json!({ "cases": [
        case("a.txt", "eva.nova@kunde.example", right),
        case("a.txt", "eve@kunde.example", "Hello, what do a hundred pumps cost?"),
        case("b.txt", "eva.nova@kunde.example", right),
        { "file": "a.txt", "detected": false },
    ] });
    std::fs::write(set.join("truth.json"), cases.to_string()).unwrap();
    for seeds in [None, Some(0..1)] {
        let tally = forwards::measure(folder.path(), true, seeds, false).unwrap();
        assert_eq!((tally.detected, tally.forwards), (2, 3), "{tally:?}");
        assert_eq!((tally.address, tally.asserted, tally.all), (1, 3, 1), "{tally:?}");
        assert_eq!((tally.body, tally.lost), (1, 2), "{tally:?}");
        assert_eq!((tally.taken, tally.others), (1, 1), "{tally:?}");
    }
    assert!(forwards::measure(&folder.path().join("nowhere"), true, None, false).is_none());
}

#[test]
fn a_variant_names_nobody_of_the_mail_it_was_made_of() {
    let names = ["Eva Nová".to_owned()];
    let given = Given { text: TEXT, subject: "Fwd: Twenty pumps", inner_subject: "Twenty pumps", names: &names };
    let read = |seed: u64| read_raw(variant(seed, &given).raw);
    for seed in 0..40 {
        let (variant, other) = (variant(seed, &given), read(seed));
        let shown = format!("{:?} {}", other.subject, other.text);
        for old in ["Eva Nová", "eva.nova@kunde.example", "Twenty pumps", "Jan Malý", "jan@ours.example"] {
            assert!(!shown.contains(old), "{old} in {shown}");
            assert_ne!(variant.said(old), old);
        }
        let words = |text: &str| normal(text).contains("What do twenty pumps cost?");
        assert!(words(&other.text), "what nobody is called stays: {shown}");
        assert!(normal(&other.text).contains(&normal(&variant.said("Eva Nová here."))), "{shown}");
        assert_eq!(other, read(seed), "the same seed makes the same mail");
    }
}
