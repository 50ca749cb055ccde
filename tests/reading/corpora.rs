//! Public mail samples that developers keep beside the project: nothing panics, and the rates are printed.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{files, targets};

/// The folder of mails, or a clear word that the test did not run.
pub fn corpora() -> Option<PathBuf> {
    crate::support::corpora::corpora("mail")
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
