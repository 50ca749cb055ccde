//! From bytes to enquiry on sets of real mail, one core: beside the bare parser and beside Python's `email` package on the
//! same files; what phones and languages cost of it; the slowest ten.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use mail_parser::MessageParser;
use pisteur::domain::enquiry::{self, language, phone};
use pisteur::domain::envelope::Envelope;
use pisteur::domain::reading::{self, ReadSettings};

use crate::figures::{Table, median, millis};
use crate::reading::envelope;

/// Folders below the corpora that hold whole messages, and how they are called.
const SETS: [(&str, &str); 4] = [
    ("spamassassin/nice", "people"),
    ("sisimai", "bounces"),
    ("talon", "replies"),
    ("mail-parser", "malformed and odd"),
];
/// Every set is read so often; the figure is the median.
const ROUNDS: usize = 5;
/// Larger files measure the copying of attachments.
const LARGEST: usize = 200_000;

/// What Python does with the same files: parse, decode the text.
const PYTHON: &str = "
import email, email.policy, sys, time
mails = [open(p, 'rb').read() for p in sys.argv[1:]]
took = []
for _ in range(3):
    begun = time.perf_counter()
    for raw in mails:
        try:
            message = email.message_from_bytes(raw, policy=email.policy.default)
            body = message.get_body(('plain', 'html'))
            body and body.get_content()
            message['from'], message['subject'], message['date']
        except Exception:
            pass
    took.append(time.perf_counter() - begun)
print(len(mails) / sorted(took)[1])
";

/// The tables; a clear word when the sets are not there.
pub fn measure() -> String {
    let folder = std::env::var_os("PISTEUR_CORPORA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora"), PathBuf::from)
        .join("mail");
    if !folder.is_dir() {
        return "SKIPPED: sets of real mail not found (set PISTEUR_CORPORA)\n".to_owned();
    }
    let mut table = Table::new(&[
        "bytes to enquiry, one core",
        "mails, mean size",
        "mails/s, MB/s",
        "p50 / p99",
        "without phones and language",
        "bare parser/s",
        "Python email/s",
    ]);
    let mut slowest: Vec<(Duration, String)> = Vec::new();
    let mut all: Vec<PathBuf> = Vec::new();
    for (name, what) in SETS {
        let paths = mails(&folder.join(name));
        row(&mut table, what, &paths, &mut slowest);
        all.extend(paths);
    }
    row(&mut table, "all of them", &all, &mut Vec::new());
    slowest.sort_by_key(|(took, _)| std::cmp::Reverse(*took));
    let ten: Vec<String> =
        slowest.iter().take(10).map(|(took, name)| format!("  {:>9} {name}", millis(*took))).collect();
    format!("{table}\nthe slowest ten:\n{}\n", ten.join("\n"))
}

/// Files that begin like a message.
fn mails(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let raw = std::fs::read(&path).unwrap_or_default();
            let head = String::from_utf8_lossy(raw.get(..raw.len().min(2_000)).unwrap_or_default()).to_lowercase();
            let message = ["received:", "from:", "return-path:", "message-id:"].iter().any(|name| head.contains(name));
            if message
                && raw.len() <= LARGEST
                && path.extension().is_none_or(|e| e != "json" && e != "md" && e != "txt")
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn row(table: &mut Table, what: &str, paths: &[PathBuf], slowest: &mut Vec<(Duration, String)>) {
    let settings = ReadSettings { default_country: "FR".to_owned(), ..ReadSettings::default() };
    let mails: Vec<Envelope> = paths.iter().map(|path| envelope(std::fs::read(path).unwrap_or_default())).collect();
    if mails.is_empty() {
        return;
    }
    let bytes: usize = mails.iter().map(|mail| mail.raw.len()).sum();
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); mails.len()];
    let mut beside: Vec<f64> = Vec::new();
    let mut rounds: Vec<f64> = Vec::new();
    for _ in 0..ROUNDS {
        let (mut whole, mut extra) = (0.0, 0.0);
        for (mail, times) in mails.iter().zip(&mut times) {
            let begun = Instant::now();
            let submission = reading::read(mail, &settings);
            std::hint::black_box(enquiry::understand(&submission, mail, &settings));
            let took = begun.elapsed().as_secs_f64();
            times.push(took);
            whole += took;
            // The same work on phones and languages once more, by itself.
            let begun = Instant::now();
            std::hint::black_box(language::detect(&submission.reply));
            let likely = phone::Likely::new(["FR"], None);
            if submission.class == Some(pisteur::domain::submission::MailClass::Person) {
                let tail: Vec<&str> =
                    submission.reply.lines().rev().filter(|l| !l.trim().is_empty()).take(12).collect();
                std::hint::black_box(phone::find(&tail.join("\n"), &likely, 3));
                let block = submission.mail.as_ref().and_then(|mail| mail.signature.as_deref());
                std::hint::black_box(block.map(|block| phone::find_signed(block, &likely, 4)));
            }
            extra += begun.elapsed().as_secs_f64();
        }
        rounds.push(whole);
        beside.push(whole - extra);
    }
    let parser: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            for mail in &mails {
                let raw = &mail.raw[..];
                std::hint::black_box(
                    std::panic::catch_unwind(|| MessageParser::default().parse(raw).map(|m| m.parts.len())).ok(),
                );
            }
            begun.elapsed().as_secs_f64()
        })
        .collect();
    let mut each: Vec<f64> = times.iter().map(|times| median(times)).collect();
    for (path, took) in paths.iter().zip(&each) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        slowest.push((Duration::from_secs_f64(*took), format!("{what}: {name}")));
    }
    each.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = ((each.len() - 1) as f64 * share).round();
        Duration::from_secs_f64(
            each.iter().copied().enumerate().take_while(|(n, _)| *n as f64 <= place).last().map_or(0.0, |(_, t)| t),
        )
    };
    let count = mails.len() as f64;
    let rate = |seconds: &[f64]| count / median(seconds);
    table.row(&[
        what,
        &format!("{}, {:.1} kB", mails.len(), bytes as f64 / count / 1000.0),
        &format!("{:.0}, {:.0}", rate(&rounds), bytes as f64 / 1e6 / median(&rounds)),
        &format!("{:.2} / {:.2} ms", at(0.5).as_secs_f64() * 1e3, at(0.99).as_secs_f64() * 1e3),
        &format!("{:.0}", rate(&beside)),
        &format!("{:.0}", rate(&parser)),
        &python(paths),
    ]);
}

fn python(paths: &[PathBuf]) -> String {
    let run = Command::new("python3").arg("-c").arg(PYTHON).args(paths).output();
    let rate =
        run.ok().filter(|run| run.status.success()).map(|run| String::from_utf8_lossy(&run.stdout).trim().to_owned());
    rate.and_then(|rate| rate.parse::<f64>().ok()).map_or_else(|| "not run".to_owned(), |rate| format!("{rate:.0}"))
}
