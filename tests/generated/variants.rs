//! The same mail of other people: in a forward with its truth, every person, address and subject is replaced by another
//! one, everywhere by the same, and the whole is encoded anew. The same seed makes the same mail.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine as _;
use encoding_rs::Encoding;
use regex::Regex;
use serde_json::Value;

use super::strangers::{self, Stranger};
use super::{Dice, encoded};

/// A forward as it lies in a set: its text, how its outer subject reads, and who is in it.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The text of the mail.
    pub text: &'a str,
    /// The outer subject; empty when none is given.
    pub subject: &'a str,
    /// The subject of the message inside.
    pub inner_subject: &'a str,
    /// Names that the set knows.
    pub names: &'a [String],
}

/// The same forward of other people.
#[derive(Debug)]
pub struct Variant {
    /// The bytes of the mail.
    pub raw: Vec<u8>,
    /// What each person, address and subject was replaced by.
    pub swaps: Vec<(String, String)>,
}

impl Variant {
    /// What the new mail says in place of `old`.
    pub fn said(&self, old: &str) -> String {
        swapped(old, &self.swaps)
    }
}

static ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[\p{L}\p{N}._+'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+").expect("a pattern"));
static SHOWN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?m)(?:[:;,]\s|^)\s*["'„«]?\s*(\p{Lu}[^"'<>:;,\n\p{N}@]{1,40}?)["'”»]?\s*<"#).expect("a pattern")
});

/// Names that a set's truth gives its people, the longest first.
pub fn names_of(truth: &[Value]) -> Vec<String> {
    let people = truth.iter().flat_map(|case| {
        let lists = [&case["to"], &case["cc"]].into_iter().filter_map(Value::as_array).flatten();
        lists.chain([&case["from"]]).filter_map(|who| who["name"].as_str()).map(str::to_owned).collect::<Vec<_>>()
    });
    longest_first(people.collect())
}

fn longest_first(mut words: Vec<String>) -> Vec<String> {
    words.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    words.dedup();
    words
}

/// Replaces everything at once: what was put in is not replaced again. Words are replaced as wholes.
fn swapped(text: &str, swaps: &[(String, String)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    'text: while let Some(c) = rest.chars().next() {
        for (old, new) in swaps {
            let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
            let parted = |behind: &str| !(inside(old.chars().next_back()) && inside(behind.chars().next()));
            let begins = !(inside(old.chars().next()) && inside(text[..text.len() - rest.len()].chars().next_back()));
            if let Some(behind) = rest.strip_prefix(old.as_str()).filter(|behind| begins && parted(behind)) {
                out.push_str(new);
                rest = behind;
                continue 'text;
            }
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// Other people, addresses and another subject for `given`.
pub fn variant(seed: u64, given: &Given<'_>) -> Variant {
    let mut dice = Dice::of(seed);
    let mut olds: Vec<String> = ADDRESS.find_iter(given.text).map(|found| found.as_str().to_owned()).collect();
    let named = given.names.iter().filter(|name| given.text.contains(name.as_str())).cloned();
    let shown = SHOWN.captures_iter(given.text).filter_map(|found| found.get(1)).map(|name| name.as_str().trim());
    let shown = shown.filter(|name| !given.names.iter().any(|known| name.contains(known.as_str())));
    let people: Vec<String> = longest_first(named.chain(shown.map(str::to_owned)).collect());
    olds.extend(people.iter().cloned());
    let mut swaps: BTreeMap<String, String> = BTreeMap::new();
    for old in longest_first(olds) {
        let other = loop {
            let Stranger { name, address } = strangers::stranger(&mut dice);
            let other = if old.contains('@') { address } else { name };
            // Two people stay two.
            if !swaps.values().any(|used| used.eq_ignore_ascii_case(&other)) {
                break other;
            }
        };
        swaps.insert(old, other);
    }
    let mut swaps: Vec<(String, String)> = swaps.into_iter().collect();
    let other_subject = strangers::subject(&mut dice);
    if !given.inner_subject.is_empty() {
        swaps.push((given.inner_subject.to_owned(), other_subject));
    }
    swaps.sort_by_key(|(old, _)| std::cmp::Reverse(old.len()));
    let text = swapped(given.text, &swaps);
    let subject = swapped(given.subject.trim(), &swaps);
    let outer = strangers::stranger(&mut dice);
    let raw = around(&mut dice, &outer, &subject, &text);
    Variant { raw, swaps }
}

/// Charsets beside UTF-8: one is taken when it can say the text.
const CHARSETS: [&str; 9] = [
    "windows-1250",
    "windows-1252",
    "iso-8859-2",
    "windows-1251",
    "windows-1256",
    "iso-2022-jp",
    "gb18030",
    "koi8-r",
    "euc-kr",
];

/// A mail with that text: charset and transfer encoding are drawn.
fn around(dice: &mut Dice, from: &Stranger, subject: &str, text: &str) -> Vec<u8> {
    let wanted = dice.one(&CHARSETS);
    let old = Encoding::for_label(wanted.as_bytes()).map(|charset| charset.encode(text));
    let old = old.filter(|(_, _, unsayable)| !unsayable && dice.happens(30));
    let (charset, bytes) = match &old {
        Some((bytes, _, _)) => (wanted, bytes.to_vec()),
        None => ("utf-8", text.as_bytes().to_vec()),
    };
    let (transfer, body) = match dice.number(0, 2) {
        0 => ("8bit", bytes),
        1 => ("base64", folded(&base64::engine::general_purpose::STANDARD.encode(bytes)).into_bytes()),
        _ => ("quoted-printable", quoted_printable(&bytes).into_bytes()),
    };
    let name = encoded(&from.name);
    let subject = if subject.is_ascii() { subject.to_owned() } else { encoded(subject) };
    let address = if from.address.is_ascii() { from.address.as_str() } else { "outer@web.example" };
    let mut raw = format!(
        "From: {name} <{address}>\r\nTo: sales@ours.example\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: {transfer}\r\n\r\n"
    )
    .into_bytes();
    raw.extend(body);
    raw
}

fn folded(line: &str) -> String {
    line.as_bytes().chunks(76).map(|part| String::from_utf8_lossy(part).into_owned() + "\r\n").collect()
}

/// RFC 2045 section 6.7; every byte that is no plain letter or blank is written as its number.
fn quoted_printable(bytes: &[u8]) -> String {
    let mut out = String::new();
    for line in bytes.split(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut width = 0;
        for (at, &byte) in line.iter().enumerate() {
            let plain = byte.is_ascii_graphic() && byte != b'=' || byte == b' ' && at + 1 < line.len();
            let part = if plain { char::from(byte).to_string() } else { format!("={byte:02X}") };
            if width + part.len() > 75 {
                out.push_str("=\r\n");
                width = 0;
            }
            width += part.len();
            out.push_str(&part);
        }
        out.push_str("\r\n");
    }
    out
}
