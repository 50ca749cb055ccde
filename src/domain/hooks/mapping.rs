//! What a request says, as data: which of them are leads, what names them, where their fields lie.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Paths;
use super::path::{Budget, Path, Scope, text_of};

/// How a document is understood. Paths start at the lead in hand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mapping {
    /// What must hold for a lead; otherwise the request is kept as another event.
    #[serde(rename = "match")]
    pub matches: Vec<Condition>,
    /// Where the leads lie in a request that may bring several: names and `[]` only.
    pub leads: Option<Path>,
    /// The producer's id of the lead.
    pub id: Paths,
    /// What that id counts within, when it is not unique by itself (the form, the website): all of these are needed.
    pub id_within: Vec<Path>,
    /// Any of these makes it a test.
    pub test: Vec<Condition>,
    /// Path by canonical or plain name.
    pub fields: BTreeMap<String, Paths>,
    /// Lists of answers.
    pub answers: Vec<Answers>,
    /// Objects whose members are answers.
    pub members: Vec<Members>,
    /// Values that hold unless the request says otherwise (`utm_source = "google"`).
    pub constants: BTreeMap<String, String>,
    /// Further ones for some leads.
    pub when: Vec<When>,
}

/// Constants of some leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// All of these hold.
    #[serde(default, rename = "if")]
    pub all: Vec<Condition>,
    /// None of these holds.
    #[serde(default)]
    pub unless: Vec<Condition>,
    /// The constants.
    pub constants: BTreeMap<String, String>,
}

impl Mapping {
    /// The id by which the lead in hand is told from every other one of its hook, if it has one.
    #[must_use]
    pub fn known_by(&self, here: Scope<'_>, budget: &mut Budget) -> Option<String> {
        let id = self.id.text(here, budget)?;
        // Each part with its length, so that no two lists of parts make the same text.
        let within = self.id_within.iter().map(|path| {
            let part = path.text(here, budget)?;
            Some(format!("{}:{part}", part.len()))
        });
        Some(within.collect::<Option<String>>()? + id.trim())
    }
}

impl When {
    /// Whether it is meant.
    #[must_use]
    pub fn holds(&self, here: Scope<'_>, budget: &mut Budget) -> bool {
        self.all.iter().all(|c| c.holds(here, budget)) && !self.unless.iter().any(|c| c.holds(here, budget))
    }
}

/// Something a document must say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Where.
    pub path: Path,
    /// One of these texts; without `equals` and `starts_with` anything but nothing, `false` and `0`.
    #[serde(default)]
    pub equals: Vec<String>,
    /// The beginning of the text.
    #[serde(default)]
    pub starts_with: Option<String>,
    /// Nothing may be there.
    #[serde(default)]
    pub absent: bool,
}

impl Condition {
    /// Whether it holds.
    #[must_use]
    pub fn holds(&self, scope: Scope<'_>, budget: &mut Budget) -> bool {
        let found = self.path.find(scope, budget);
        if self.absent {
            return found.iter().all(|value| value.is_null());
        }
        if self.equals.is_empty() && self.starts_with.is_none() {
            let says = |text: String| !matches!(text.trim(), "" | "0") && !text.trim().eq_ignore_ascii_case("false");
            return found.iter().any(|value| value.is_object() || value.is_array() || text_of(value).is_some_and(says));
        }
        found.into_iter().filter_map(text_of).any(|text| {
            self.equals.contains(&text) || self.starts_with.as_deref().is_some_and(|start| text.starts_with(start))
        })
    }
}

/// A list of answers, each with its name and value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answers {
    /// The answers, `data.fields[]`.
    pub path: Path,
    /// What people call it; the first that finds something.
    pub name: Paths,
    /// Further names by which the operator's own map may call it.
    pub also: Vec<Path>,
    /// Its value; the first that finds something.
    pub value: Paths,
    /// Its type.
    pub kind: Paths,
    /// What a type means: canonical names.
    pub kinds: BTreeMap<String, String>,
    /// What a name means: canonical names.
    pub names: BTreeMap<String, String>,
    /// Choices, when values are their ids.
    pub options: Option<Options>,
    /// What the members of a value that is an object mean; an empty text is the value itself,
    /// `-` is left out.
    pub parts: BTreeMap<String, String>,
}

/// Choices of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The choices, `options[]`.
    pub path: Path,
    /// Id of a choice.
    pub id: Path,
    /// Its text.
    pub text: Path,
}

/// An object whose members are answers by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Members {
    /// The object; `$` is the whole document.
    pub path: Path,
    /// Only names that begin so, without that beginning: `q#_` stands for `q3_`, `q12_`.
    pub prefix: Option<String>,
    /// Names left out.
    pub skip: Vec<String>,
    /// Beginnings of names left out.
    pub skip_prefix: Vec<String>,
    /// Where the name lies when members are objects that describe an answer.
    pub name: Paths,
    /// Where the value lies when members are objects that describe an answer.
    pub value: Paths,
    /// Where its type lies, likewise.
    pub kind: Paths,
    /// What a type means: canonical names.
    pub kinds: BTreeMap<String, String>,
    /// What a name means: canonical names.
    pub names: BTreeMap<String, String>,
    /// What the members of a value that is an object mean; an empty text is the value itself,
    /// `-` is left out.
    pub parts: BTreeMap<String, String>,
}

impl Paths {
    /// The first text any of the paths finds.
    #[must_use]
    pub fn text(&self, scope: Scope<'_>, budget: &mut Budget) -> Option<String> {
        self.0.iter().find_map(|path| path.text(scope, budget))
    }

    /// What the first path finds that finds something.
    #[must_use]
    pub fn find<'d>(&self, scope: Scope<'d>, budget: &mut Budget) -> Vec<&'d serde_json::Value> {
        let found = self.0.iter().map(|path| path.find(scope, budget)).find(|found| !found.is_empty());
        found.unwrap_or_default()
    }

    /// Whether no path is given.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Members {
    /// The name without its prefix; `None` when the member is left out.
    #[must_use]
    pub fn bare<'n>(&self, name: &'n str) -> Option<&'n str> {
        let skipped = self.skip.iter().any(|n| n == name)
            || self.skip_prefix.iter().any(|start| name.starts_with(start.as_str()));
        if skipped {
            return None;
        }
        let Some(prefix) = &self.prefix else { return Some(name) };
        let Some((before, after)) = prefix.split_once('#') else { return name.strip_prefix(prefix.as_str()) };
        let rest = name.strip_prefix(before)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        (digits > 0).then(|| rest.get(digits..)?.strip_prefix(after)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_prefix_with_a_number_is_cut_off() {
        let members = Members { prefix: Some("q#_".into()), skip: vec!["q9_x".into()], ..Members::default() };
        assert_eq!(members.bare("q12_email"), Some("email"));
        for name in ["slug", "q_email", "q3email", "q9_x"] {
            assert_eq!(members.bare(name), None, "{name}");
        }
    }

    #[test]
    fn conditions_look_at_texts() {
        let document = json!({"a": true, "b": "0", "c": "False", "d": "x-1", "e": null, "f": {"g": 1}});
        let holds = |condition: serde_json::Value| {
            let condition: Condition = serde_json::from_value(condition).unwrap();
            condition.holds(Scope::whole(&document), &mut Budget::default())
        };
        assert!(holds(json!({"path": "a"})) && holds(json!({"path": "f"})));
        assert!(!holds(json!({"path": "b"})) && !holds(json!({"path": "c"})) && !holds(json!({"path": "e"})));
        assert!(
            holds(json!({"path": "d", "equals": ["y", "x-1"]})) && holds(json!({"path": "d", "starts_with": "x-"}))
        );
        assert!(holds(json!({"path": "e", "absent": true})) && !holds(json!({"path": "d", "absent": true})));
    }
}
