//! What is wrong with a configuration, said so that it can be mended: place, key, cause, nearest known key.

/// One thing a section's `validate()` has to object to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Key inside the section, dotted, array elements by index (`fields.0.name`); empty for the section itself.
    pub key: String,
    /// What is wrong and what to do, one plain sentence. Never the value of a secret.
    pub message: String,
}

impl Problem {
    /// A problem with `key`.
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into() }
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
