//! Where one value stands in a mail, as a template writes it: a label, a pattern, marks around it, a header field.
//!
//! Invariant: a pattern runs in linear time and is limited in size; what could never find anything is refused while the
//! file is read.

use std::fmt;

use regex::{Regex, RegexBuilder};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// Longest pattern, mark or label, in characters.
const CHARS: usize = 500;
/// Size of a compiled pattern, in bytes.
const COMPILED: usize = 1 << 18;
/// Brackets inside each other.
const NESTED: u32 = 50;
/// Places looked at for one field.
const PLACES: usize = 10;

/// A regular expression without look-around; `^` and `$` are the ends of a line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(Regex);

impl Pattern {
    /// Whether it occurs.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// What its group holds at the first place.
    #[must_use]
    pub fn found<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.0.captures(text)?.get(1).map(|found| found.as_str())
    }

    /// Groups, the whole left out.
    fn groups(&self) -> usize {
        self.0.captures_len().saturating_sub(1)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0.as_str().to_owned()
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(source: String) -> Result<Self, String> {
        short("a pattern", &source)?;
        let built = RegexBuilder::new(&source).multi_line(true).size_limit(COMPILED).nest_limit(NESTED).build();
        match built {
            Ok(regex) if regex.is_match("") => {
                Err("this pattern matches the empty text; demand at least one character".to_owned())
            }
            Ok(regex) => Ok(Self(regex)),
            Err(regex::Error::CompiledTooBig(_)) => {
                Err("this pattern is too big once compiled; use smaller repetition counts".to_owned())
            }
            Err(error) => {
                let said = error.to_string();
                let said = said.lines().last().unwrap_or_default().trim_start_matches("error: ");
                Err(format!("this pattern cannot be used: {said}"))
            }
        }
    }
}

/// Where in a mail is looked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Its text, and that of its HTML.
    #[default]
    Body,
    /// Its text only.
    Text,
    /// The text of its HTML only.
    Html,
    /// The subject.
    Subject,
    /// The first Reply-To: its address for an email, else its name.
    ReplyTo,
    /// From, the same way: portals that stand between write there who asks.
    From,
}

/// One way to find a value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Finder {
    /// The words before the colon, in the cell to the left, or on the line above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// A pattern with one group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regex: Option<Pattern>,
    /// The text before the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The text behind the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Where.
    #[serde(rename = "in")]
    pub place: Place,
}

/// A finder as it stands in a file.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    label: Option<String>,
    regex: Option<Pattern>,
    after: Option<String>,
    before: Option<String>,
    #[serde(rename = "in")]
    place: Place,
}

impl TryFrom<Written> for Finder {
    type Error = String;

    fn try_from(w: Written) -> Result<Self, String> {
        let ways = [w.label.is_some(), w.regex.is_some(), w.after.is_some()].iter().filter(|there| **there).count();
        let in_header = matches!(w.place, Place::ReplyTo | Place::From);
        if in_header && (ways > 0 || w.before.is_some()) {
            return Err("in = \"reply_to\" and in = \"from\" stand alone".to_owned());
        }
        if !in_header && ways != 1 {
            return Err("write one of label, regex and after (with before, if it ends somewhere)".to_owned());
        }
        if w.label.is_some() && w.place == Place::Subject {
            return Err("a subject has no labels; write regex or after".to_owned());
        }
        if w.regex.is_some() && w.before.is_some() {
            return Err("before goes with after or label; a regex ends by itself".to_owned());
        }
        if w.regex.as_ref().is_some_and(|pattern| pattern.groups() != 1) {
            return Err("a regex needs exactly one group, (..), around the value; write others as (?:..)".to_owned());
        }
        for (name, text) in [("label", &w.label), ("after", &w.after), ("before", &w.before)] {
            let Some(text) = text else { continue };
            short(name, text)?;
            if text.trim().is_empty() || name == "label" && super::folded(text).is_empty() {
                return Err(format!("{name} is blank"));
            }
        }
        Ok(Self { label: w.label, regex: w.regex, after: w.after, before: w.before, place: w.place })
    }
}

fn short(what: &str, text: &str) -> Result<(), String> {
    if text.chars().count() > CHARS { Err(format!("{what} has more than {CHARS} characters")) } else { Ok(()) }
}

/// Ways to find a value; the first that finds something counts. In a file: a label, a table, or a list of both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Finders(pub Vec<Finder>);

impl Finders {
    /// Its labels as they are compared.
    pub(super) fn labels(&self) -> impl Iterator<Item = String> {
        self.0.iter().filter_map(|finder| finder.label.as_deref()).map(super::folded)
    }
}

impl<'de> Deserialize<'de> for Finders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Ways)
    }
}

/// One element of a list.
struct Single(Finder);

impl<'de> Deserialize<'de> for Single {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut found = deserializer.deserialize_any(Ways)?.0;
        match (found.pop(), found.pop()) {
            (Some(finder), None) => Ok(Self(finder)),
            _ => Err(de::Error::custom("a list holds labels and tables, no lists")),
        }
    }
}

struct Ways;

impl<'de> Visitor<'de> for Ways {
    type Value = Finders;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a label, a table such as { regex = '..' }, or a list of them")
    }

    fn visit_str<E: de::Error>(self, label: &str) -> Result<Finders, E> {
        let written = Written { label: Some(label.to_owned()), ..Written::default() };
        Finder::try_from(written).map(|finder| Finders(vec![finder])).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Finders, A::Error> {
        Finder::deserialize(MapAccessDeserializer::new(map)).map(|finder| Finders(vec![finder]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Finders, A::Error> {
        let all = Vec::<Single>::deserialize(SeqAccessDeserializer::new(seq))?;
        if all.is_empty() || all.len() > PLACES {
            return Err(de::Error::custom(format!("a list of 1 to {PLACES} is needed")));
        }
        Ok(Finders(all.into_iter().map(|one| one.0).collect()))
    }
}
