//! Reads sources for what they import. Comments and strings are left out; test modules too.

/// Rooms in the order in which they may import: only from a lower number.
const ROOMS: [(&str, u8); 15] = [
    ("clock", 0),
    ("domain", 1),
    ("config", 2),
    ("telemetry", 2),
    ("store", 3),
    ("imap", 3),
    ("outbound", 3),
    ("intake", 4),
    ("delivery", 4),
    ("pipeline", 5),
    ("console", 5),
    ("http", 6),
    ("lifecycle", 7),
    ("app", 8),
    ("cli", 9),
];

/// What the domain must not know of.
const IMPURE: [&str; 14] = [
    "tokio",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "std::io::stdin",
    "std::io::stdout",
    "SystemTime",
    "Instant",
    "rand",
    "sqlx",
    "axum",
    "async_imap",
    "println!",
];

/// The one exception: the fail point by which crash tests let the reader abort the process.
const TOLERATED: (&str, &str) = ("domain/reading/mod.rs", "std::process");

/// Crates that one part of the house may see.
const FENCED: [(&str, &[&str]); 3] = [
    ("sqlx", &["store/"]),
    ("async_imap", &["imap/"]),
    ("axum", &["http/", "intake/form", "intake/webhook", "console/"]),
];

/// One file below `src`.
pub struct Source {
    /// Path below `src`, with `/`.
    pub path: String,
    /// As written.
    pub text: String,
    code: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let before = before_tests(text);
        Self { path: path.to_owned(), text: text.to_owned(), code: without_comments_and_strings(&before) }
    }

    pub fn before_tests(&self) -> String {
        before_tests(&self.text)
    }

    pub fn code_lines(&self) -> usize {
        self.before_tests().lines().count()
    }

    fn room(&self) -> &str {
        self.path.split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }

    /// Module path of the file, `["imap", "session"]`.
    fn module(&self) -> Vec<&str> {
        let mut parts: Vec<&str> = self.path.trim_end_matches(".rs").split('/').collect();
        if parts.last() == Some(&"mod") {
            parts.pop();
        }
        parts
    }
}

fn before_tests(text: &str) -> String {
    text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned()
}

/// Code only: the content of comments, strings and character literals becomes blank.
fn without_comments_and_strings(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let chars: Vec<char> = text.chars().collect();
    let mut i = 0;
    while i < chars.len() {
        let rest = &chars[i..];
        if rest.starts_with(&['/', '/']) {
            while i < chars.len() && chars[i] != '\n' {
                i += 1;
            }
        } else if rest.starts_with(&['/', '*']) {
            while i < chars.len() && !chars[i..].starts_with(&['*', '/']) {
                i += 1;
            }
            i += 2;
        } else if let Some(hashes) = raw_string(rest) {
            let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            i += hashes + 2;
            while i < chars.len() && !chars[i..].starts_with(&end) {
                i += 1;
            }
            i += end.len();
        } else if chars[i] == '"' {
            i += 1;
            while i < chars.len() && chars[i] != '"' {
                i += if chars[i] == '\\' { 2 } else { 1 };
            }
            i += 1;
        } else if rest.starts_with(&['\'', '"', '\'']) || rest.starts_with(&['\'', '\\', '"']) {
            i += 3;
        } else {
            out.push(chars[i]);
            i += 1;
        }
    }
    out
}

fn raw_string(rest: &[char]) -> Option<usize> {
    let after = rest.strip_prefix(&['r'])?;
    let hashes = after.iter().take_while(|c| **c == '#').count();
    (after.get(hashes) == Some(&'"')).then_some(hashes)
}

/// Everything a file imports or names that it may not.
pub fn violations(source: &Source) -> Vec<String> {
    if ["lib", "main"].contains(&source.room()) {
        return Vec::new();
    }
    let rank = |room: &str| ROOMS.iter().find(|(name, _)| *name == room).map(|(_, rank)| *rank);
    let Some(own) = rank(source.room()) else {
        return vec![format!(
            "{}: {} is not a room; a new one is a conscious edit of this test",
            source.path,
            source.room()
        )];
    };
    let mut found = Vec::new();
    for target in targets(source) {
        match rank(&target) {
            Some(_) if target == source.room() => {}
            Some(other) if other < own => {}
            _ => found.push(format!("{}: {} may not import {target}", source.path, source.room())),
        }
    }
    for (name, homes) in FENCED {
        if names(&source.code, name) && !homes.iter().any(|home| source.path.starts_with(home)) {
            found.push(format!("{}: {name} is for {}", source.path, homes.join(", ")));
        }
    }
    if source.room() == "domain" {
        found.extend(
            IMPURE
                .iter()
                .filter(|w| names(&source.code, w) && (source.path.as_str(), **w) != TOLERATED)
                .map(|w| format!("{}: domain is pure: {w}", source.path)),
        );
    }
    found
}

/// Whether `word` occurs as a path or name of its own; a plain crate name must be followed by `::` or `;`.
fn names(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + word.len()..];
        let own = !before.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let is_crate = word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        let inside = before == Some(':');
        own && if is_crate { !inside && (after.starts_with("::") || after.starts_with(';')) } else { !continues(after) }
    })
}

fn continues(after: &str) -> bool {
    after.chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_')
}

/// Rooms named by `crate::room`, `crate::{a, b::c}` and by `super::` chains that climb out of the room.
fn targets(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in source.code.match_indices("crate::") {
        found.extend(heads(&source.code[at + "crate::".len()..]));
    }
    let depth = source.module().len();
    let mut rest = source.code.as_str();
    while let Some(at) = rest.find("super::") {
        let mut tail = &rest[at..];
        let mut climbed = 0;
        while let Some(next) = tail.strip_prefix("super::") {
            climbed += 1;
            tail = next;
        }
        if climbed >= depth {
            found.extend(heads(tail));
        }
        rest = tail;
    }
    found.retain(|name| !["Result", "Error"].contains(&name.as_str()));
    found.sort();
    found.dedup();
    found
}

/// First segments of a path or of a braced list of paths.
fn heads(text: &str) -> Vec<String> {
    let word = |t: &str| t.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(list) = text.strip_prefix('{') else { return vec![word(text)] };
    let (mut depth, mut start, mut found) = (0_usize, 0, Vec::new());
    for (i, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.push(word(&list[start..i]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(word(&list[start..i]));
                start = i + 1;
            }
            _ => {}
        }
    }
    found.retain(|w| !w.is_empty());
    found
}
