//! The work that goes into one arrival: honest ones take little of what they may, and who has none left keeps the text.

use std::path::PathBuf;

use pisteur::domain::enquiry::understand;
use pisteur::domain::reading::{ReadLimits, ReadSettings, TOO_MUCH_WORK, read, read_counted};

use super::corpora::corpora;
use super::{corpus_folder, files, mail, settings};

fn mails() -> Vec<(PathBuf, Vec<u8>)> {
    let given = corpora().map(|folder| files(&folder)).unwrap_or_default();
    let paths = files(&corpus_folder()).into_iter().filter(|path| path.extension().is_some_and(|e| e == "eml"));
    paths.chain(given).map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn no_real_mail_takes_a_quarter_of_the_work_it_may() {
    let settings = settings();
    let (mut most, mut worst) = (0.0_f64, PathBuf::new());
    for (path, raw) in mails() {
        let (submission, taken) = read_counted(&mail(&raw), &settings);
        assert!(!submission.flags.iter().any(|flag| flag == TOO_MUCH_WORK), "{}", path.display());
        let share = taken as f64 / settings.limits.steps(raw.len()) as f64;
        if share > most {
            (most, worst) = (share, path);
        }
    }
    println!("most of the allowance taken: {:.1} % by {}", most * 100.0, worst.display());
    assert!(most < 0.25, "{} takes {:.1} % of what it may", worst.display(), most * 100.0);
}

#[test]
fn whoever_has_no_work_left_keeps_every_word_and_says_so() {
    let whole = settings();
    for (path, raw) in mails() {
        let envelope = mail(&raw);
        let wanted = read(&envelope, &whole);
        for least_steps in [0, 300, 3_000, 30_000] {
            let limits = ReadLimits { least_steps, steps_per_byte: 0, ..ReadLimits::default() };
            let short = ReadSettings { limits, ..settings() };
            let (found, taken) = read_counted(&envelope, &short);
            assert!(taken <= least_steps);
            assert_eq!(taken == least_steps, found.flags.iter().any(|f| f == TOO_MUCH_WORK), "{}", path.display());
            assert_eq!(found.text.trim().is_empty(), wanted.text.trim().is_empty(), "{}", path.display());
            assert_eq!(found.reply.trim().is_empty(), found.text.trim().is_empty(), "{}", path.display());
            if !raw.to_ascii_lowercase().windows(9).any(|w| w == b"text/html")
                && !wanted.flags.iter().any(|f| f == "tnef")
            {
                assert_eq!(found.text, wanted.text, "{} with {least_steps}", path.display());
            }
            understand(&found, &envelope, &short);
        }
    }
}
