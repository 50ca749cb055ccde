//! Signatures: which lines of a message are its signature block.

use std::path::Path;

use super::scored::{Row, files, read_raw, row, share, text, text_mail};

/// What was read of the set.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    /// Lines of signatures found.
    pub right: usize,
    /// Other lines taken for such.
    pub wrong: usize,
    /// Lines of signatures not found.
    pub missed: usize,
    /// Messages.
    pub messages: usize,
    /// Every line of the message is right.
    pub exact: usize,
    /// It is right that there is a signature, or none.
    pub detection: usize,
}

impl Tally {
    /// Precision, recall and F1 of the lines.
    pub fn rates(&self) -> [f64; 3] {
        let (right, wrong, missed) = (self.right as f64, self.wrong as f64, self.missed as f64);
        let precision = right / (right + wrong).max(1.0);
        let recall = right / (right + missed).max(1.0);
        [precision, recall, 2.0 * precision * recall / (precision + recall).max(f64::EPSILON)]
    }
}

/// The table's rows of the set.
pub fn score(folder: &Path, verbose: bool) -> Vec<Row> {
    let Some(tally) = measure(folder, verbose) else { return Vec::new() };
    let [precision, recall, f1] = tally.rates();
    vec![
        row("forge", "signature lines: precision / recall / F1", format!("{precision:.3} / {recall:.3} / {f1:.3}")),
        row("forge", "messages with every line right", share(tally.exact, tally.messages)),
        row("forge", "signature there or not", share(tally.detection, tally.messages)),
    ]
}

/// Reads the set; `None` when it is not there.
pub fn measure(folder: &Path, verbose: bool) -> Option<Tally> {
    let mut tally = Tally::default();
    for path in files(&folder.join("forge")) {
        let Some(stem) = path.to_str().and_then(|p| p.strip_suffix("_body")) else { continue };
        let sender = text(Path::new(&format!("{stem}_sender")));
        judge(&text(&path), sender.trim(), &path, verbose, &mut tally);
    }
    (tally.messages > 0).then_some(tally)
}

fn judge(body: &str, sender: &str, path: &Path, verbose: bool, tally: &mut Tally) {
    let lines: Vec<(bool, String)> = body
        .lines()
        .map(|line| line.strip_prefix("#sig#").map_or((false, line), |rest| (true, rest)))
        .map(|(signed, line)| (signed, line.split_whitespace().collect::<Vec<_>>().join(" ")))
        .filter(|(_, line)| !line.is_empty())
        .collect();
    let plain: String = body.lines().flat_map(|l| [l.strip_prefix("#sig#").unwrap_or(l), "\n"]).collect();
    let from = if sender.contains('@') && !sender.contains('<') { format!("<{sender}>") } else { sender.to_owned() };
    let read = read_raw(text_mail(&from, "Meeting", false, "text/plain", &plain));
    let signature = read.mail.and_then(|m| m.signature).unwrap_or_default();
    let mut found: Vec<String> = signature
        .lines()
        .map(|l| l.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|l| !l.is_empty())
        .collect();
    let (right, wrong, missed) = (tally.right, tally.wrong, tally.missed);
    let truth_any = lines.iter().any(|(signed, _)| *signed);
    let found_any = !found.is_empty();
    // From the end: a signature repeats lines of the text at times.
    for (signed, line) in lines.iter().rev() {
        let at = found.iter().rposition(|f| f == line);
        match (signed, at) {
            (true, Some(at)) => {
                found.remove(at);
                tally.right += 1;
            }
            (true, None) => tally.missed += 1,
            (false, Some(at)) if !lines.iter().any(|(s, l)| *s && l == line) => {
                found.remove(at);
                tally.wrong += 1;
            }
            (false, _) => {}
        }
    }
    tally.messages += 1;
    let exact = tally.wrong == wrong && tally.missed == missed;
    tally.exact += usize::from(exact);
    tally.detection += usize::from(truth_any == found_any);
    if verbose && !exact {
        println!(
            "  {}: right {} wrong {} missed {}; sender {sender}",
            path.display(),
            tally.right - right,
            tally.wrong - wrong,
            tally.missed - missed
        );
    }
}
