//! Mails made at random: form notifications, automotive leads, signatures.

use std::path::Path;

use super::generated::judge::{Tally, judge};
use super::generated::{Case, adf, notifications, signatures};
use super::sets::scored::{Row, row, share};

/// A name and how its mails are made.
type Kind = (&'static str, fn(u64) -> Case);

/// Mails of one kind.
const COUNT: u64 = 1_000;

pub(crate) fn score(_folder: &Path, verbose: bool) -> Vec<Row> {
    let seed = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let kinds: [Kind; 3] = [
        ("made notifications", notifications::case),
        ("made ADF leads", adf::case),
        ("made signatures", signatures::case),
    ];
    let mut rows = Vec::new();
    for (set, case) in kinds {
        let tally = judge((0..COUNT).map(|n| case(seed * 1_000_000 + n)));
        tell(set, &tally, verbose, &mut rows);
    }
    rows
}

fn tell(set: &'static str, tally: &Tally, verbose: bool, rows: &mut Vec<Row>) {
    let (right, whole) = tally.whole;
    rows.push(row(set, "fields right", format!("{right}/{whole} ({:.2} %)", 100.0 * tally.share())));
    for (layout, (right, whole)) in tally.layouts.iter().filter(|(_, (right, whole))| verbose || right < whole) {
        rows.push(row(set, format!("- {layout}"), share(*right, *whole)));
    }
    for (kind, (right, whole)) in tally.kinds.iter().filter(|(_, (right, whole))| verbose || right < whole) {
        rows.push(row(set, format!("= {kind}"), share(*right, *whole)));
    }
    if verbose {
        tally.wrong.iter().take(4_000).for_each(|wrong| println!("  {wrong}"));
    }
}
