//! How the house names what visitors' addresses say: aliases of sources, mediums and campaigns, and hosts that send
//! nobody.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::reading::text::one_line;

/// Longest name compared, in characters.
const NAME_CHARS: usize = 255;

/// Names as they are compared: lower case, white space as one space. Two names that fold alike are one.
#[must_use]
pub fn folded(name: &str) -> String {
    one_line(&name.to_lowercase(), NAME_CHARS)
}

/// What one kind of name is also called. A pattern that ends in `*` stands for every name that begins so; the whole
/// name goes before a pattern, a longer pattern before a shorter one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aliases(BTreeMap<String, String>);

impl Aliases {
    /// From what is written to the name meant.
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        Self(pairs.into_iter().map(|(written, meant)| (folded(written), one_line(meant, NAME_CHARS))).collect())
    }

    /// The name meant by `said`, or what was said.
    #[must_use]
    pub fn name(&self, said: String) -> String {
        if self.0.is_empty() {
            return said;
        }
        let key = folded(&said);
        let starts = |pattern: &str| pattern.strip_suffix('*').is_some_and(|start| key.starts_with(start));
        let by_start = || self.0.iter().filter(|(pattern, _)| starts(pattern)).max_by_key(|(pattern, _)| pattern.len());
        match self.0.get(&key).or_else(|| by_start().map(|(_, meant)| meant)) {
            Some(meant) => meant.clone(),
            None => said,
        }
    }

    /// The names that aliases lead to, folded.
    #[must_use]
    pub fn meant(&self) -> BTreeSet<String> {
        self.0.values().map(|meant| folded(meant)).collect()
    }
}

/// What reading the origin of a visitor needs to know of the house.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttributionSettings {
    /// Other names of sources.
    pub sources: Aliases,
    /// Other names of mediums.
    pub mediums: Aliases,
    /// Other names of campaigns.
    pub campaigns: Aliases,
    /// Hosts that send nobody, with everything below them, lower case; beside the built-in ones.
    pub ignored_referrers: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_found_in_any_case_and_the_longest_pattern_wins() {
        let pairs = [("Spring*", "spring"), ("spring-26-*", "spring-2026"), ("spring-26-vip", "VIP evening")];
        let map: BTreeMap<String, String> = pairs.map(|(a, b)| (a.to_owned(), b.to_owned())).into();
        let aliases = Aliases::new(&map);
        for (said, meant) in [
            ("SPRING", "spring"),
            ("springtime", "spring"),
            ("spring-26-search", "spring-2026"),
            ("Spring-26-VIP", "VIP evening"),
            ("Autumn", "Autumn"),
            ("", ""),
        ] {
            assert_eq!(aliases.name(said.to_owned()), meant, "{said}");
        }
        assert!(aliases.meant().contains("vip evening"));
    }
}
