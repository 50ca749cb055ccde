//! What the scores have in common: reading through the production path, comparing words, shares.

use std::path::{Path, PathBuf};

use pisteur::domain::reading::{ReadSettings, read};
use pisteur::domain::submission::Submission;

use super::generated::arrivals::mail;

/// One line of the table.
pub struct Row {
    pub set: &'static str,
    pub measure: String,
    pub figure: String,
}

pub fn row(set: &'static str, measure: impl Into<String>, figure: impl Into<String>) -> Row {
    Row { set, measure: measure.into(), figure: figure.into() }
}

/// `12/13 (92.3 %)`.
pub fn share(part: usize, whole: usize) -> String {
    format!("{part}/{whole} ({:.1} %)", 100.0 * part as f64 / whole.max(1) as f64)
}

/// Reads raw bytes as a mail.
pub fn read_raw(raw: Vec<u8>) -> Submission {
    read(&mail(raw), &ReadSettings::default())
}

/// A mail around a body of text.
pub fn text_mail(from: &str, subject: &str, is_answer: bool, kind: &str, body: &str) -> Vec<u8> {
    let answer = if is_answer { "In-Reply-To: <first@elsewhere.example>\r\n" } else { "" };
    let subject = subject.trim().replace(['\r', '\n'], " ");
    format!(
        "From: {from}\r\nTo: sales@ours.example\r\nSubject: {subject}\r\n{answer}MIME-Version: 1.0\r\n\
         Content-Type: {kind}; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}"
    )
    .into_bytes()
}

/// White space runs as one space.
pub fn normal(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A word of `truth` is missing in `output`.
pub fn loses(truth: &str, output: &str) -> bool {
    let words: std::collections::HashSet<&str> = output.split_whitespace().collect();
    truth.split_whitespace().any(|word| !words.contains(word))
}

pub fn json(path: &Path) -> Option<serde_json::Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

pub fn text(path: &Path) -> String {
    std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// Files below `folder`, sorted.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}
