//! Mails made at random with their truth: at least 98 of 100 fields are read right.

use super::generated::judge::judge;
use super::generated::{adf, notifications, signatures};

/// Seeds that no rule was written against.
const SEEDS: std::ops::Range<u64> = 77_000_000..77_000_400;

#[test]
fn form_notifications_of_every_layout_are_read() {
    let tally = judge(SEEDS.map(notifications::case));
    assert_eq!(tally.layouts.len(), notifications::LAYOUTS.len(), "every layout was drawn");
    assert!(tally.share() >= 0.98, "{:?}\n{}", tally.whole, tally.wrong.join("\n"));
}

#[test]
fn automotive_leads_are_read_whatever_is_odd_about_them() {
    let tally = judge(SEEDS.map(adf::case));
    assert_eq!(tally.layouts.len(), adf::LAYOUTS.len(), "several prospects in one mail too");
    assert!(tally.share() >= 0.98, "{:?}\n{}", tally.whole, tally.wrong.join("\n"));
}

#[test]
fn signatures_are_cut_off_and_say_who_writes() {
    let tally = judge(SEEDS.map(signatures::case));
    assert_eq!(tally.layouts.len(), signatures::LAYOUTS.len());
    let texts = tally.kinds.get("text").copied().unwrap_or_default();
    assert!(texts.0 == texts.1, "a text with too little or too much: {}", tally.wrong.join("\n"));
    assert!(tally.share() >= 0.98, "{:?}\n{}", tally.whole, tally.wrong.join("\n"));
}
