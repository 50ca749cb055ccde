//! What is wrong with a configuration, said so that it can be mended: place, key, cause, nearest known key.

use std::fmt;
use std::path::PathBuf;

/// One thing a section's `validate()` has to object to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Key inside the section, dotted, array elements by index (`fields.0.name`); empty for the section itself.
    pub key: String,
    /// What is wrong and what to do, one plain sentence. Never the value of a secret.
    pub message: String,
}

impl Problem {
    /// A problem with `key`; elements of lists may be written `fields[0]`.
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into().replace('[', ".").replace(']', ""), message: message.into() }
    }

    /// The same problem seen from outside, under `prefix`.
    #[must_use]
    pub fn under(self, prefix: &str) -> Self {
        let key = match (prefix.is_empty(), self.key.is_empty()) {
            (true, _) => self.key,
            (false, true) => prefix.to_owned(),
            (false, false) => format!("{prefix}.{}", self.key),
        };
        Self { key, ..self }
    }
}

/// A problem with its place.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Placed {
    /// `config/pisteur.toml:12:3`, or the name of the environment variable.
    pub place: String,
    /// Whole key, `http.public`; empty for the file itself.
    pub key: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Placed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            write!(f, "{}: {}", self.place, self.message)
        } else {
            write!(f, "{}: {}: {}", self.place, self.key, self.message)
        }
    }
}

/// Why there is no usable configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}; check the path after -c and its permissions", path.display())]
    Unreadable {
        /// The file asked for.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file was read and is wrong: everything that is, in the order of the file.
    #[error("{}", lines(.0))]
    Invalid(Vec<Placed>),
}

fn lines(problems: &[Placed]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Rewords what serde says about the value at `key` into what a person can act on. Values are never repeated for
/// wrong types, because the wrong value may be a secret.
pub(super) fn reword(message: &str, key: &str) -> String {
    let message = message.lines().next().unwrap_or_default().trim();
    if message.starts_with("unknown field") {
        return format!(
            "unknown key; {}",
            nearest(key.rsplit('.').next().unwrap_or(key), &quoted_after_expected(message))
        );
    }
    if let Some(rest) = message.strip_prefix("unknown variant ") {
        let word = rest.split('`').nth(1).unwrap_or_default();
        let known = quoted_after_expected(message);
        let shown = if is_secret(key) { String::new() } else { format!("\"{word}\" is not one of the choices; ") };
        return format!("{shown}{}", nearest(word, &known));
    }
    if let Some(rest) = message.strip_prefix("missing field ") {
        let name = rest.split('`').nth(1).unwrap_or(rest);
        return format!("the key \"{name}\" is missing; add it");
    }
    if let Some((found, expected)) = message.strip_prefix("invalid type: ").and_then(|m| m.split_once(", expected ")) {
        let found: String = found.chars().take_while(|c| !matches!(c, '`' | '"')).collect();
        return format!("wrong type: this is {}, but {} is needed", article(found.trim()), plain_type(expected));
    }
    if is_secret(key) { "this value cannot be used".to_owned() } else { message.to_owned() }
}

fn is_secret(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or(key);
    ["password", "secret", "token"].iter().any(|w| last.contains(w)) && !last.contains("file") && !last.contains("env")
}

fn quoted_after_expected(message: &str) -> Vec<&str> {
    message.split_once("expected").map_or("", |(_, rest)| rest).split('`').skip(1).step_by(2).collect()
}

fn nearest(word: &str, known: &[&str]) -> String {
    if word == "template" && known.contains(&"templates") {
        return "a template stands in a file of its own, in the folder that `templates.path` names".to_owned();
    }
    let best = known
        .iter()
        .map(|k| (strsim::jaro_winkler(word, k), *k))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((_, k)) => format!("did you mean \"{k}\"?"),
        None if known.is_empty() => "nothing can be set here".to_owned(),
        None => format!("known here: {}", known.join(", ")),
    }
}

fn article(found: &str) -> String {
    match found {
        "string" => "a text".to_owned(),
        "integer" => "a whole number".to_owned(),
        "floating point" => "a number with a fraction".to_owned(),
        "boolean" => "true or false".to_owned(),
        "map" => "a table".to_owned(),
        "sequence" => "a list".to_owned(),
        other => other.to_owned(),
    }
}

fn plain_type(expected: &str) -> String {
    match expected {
        "a string" | "string" => "a text in quotes".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list in [ ]".to_owned(),
        "u8" | "u16" | "u32" | "u64" | "usize" | "i32" | "i64" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        e if e.starts_with("struct ") || e.starts_with("a map") => "a table".to_owned(),
        e => e.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_names_its_nearest_neighbour() {
        let said = reword("unknown field `publik`, expected one of `public`, `operator`", "http.publik");
        assert_eq!(said, "unknown key; did you mean \"public\"?");
    }

    #[test]
    fn a_wrong_type_never_repeats_the_value() {
        let said = reword("invalid type: integer `4711`, expected a string", "mailbox.0.password");
        assert_eq!(said, "wrong type: this is a whole number, but a text in quotes is needed");
    }
}
