//! `[[form.field]]`: one declared field: its name and meaning, and how the form's own page shows it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Problem;
use crate::domain::rules::FieldType;
use crate::domain::submission::Canonical;

/// A text in several languages: ISO 639-1 code -> words.
pub type PerLanguage = BTreeMap<String, String>;

/// Longest text of a page, in characters.
const LONGEST_TEXT: usize = 2_000;

/// One declared field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FormField {
    /// Name as the website sends it.
    pub name: String,
    /// Type of the value, for rules; what is no address in an `email` field, or no number in a `number` field, is 422:
    /// `text`, `email`, `phone`, `number`, `money`, `postcode`, `country`, `bool`, `date`.
    #[serde(rename = "type", default = "text")]
    pub kind: FieldType,
    /// What it means, such as `full_name`, `email`, `company`, `message`; guessed from the name when not given.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub canonical: Option<Canonical>,
    /// `true`: it must be filled in, else 422 names it and what was sent is kept in quarantine. The form's own page insists
    /// on it; when not set, it insists on name, email and message.
    #[serde(default)]
    pub required: Option<bool>,
    /// What stands beside it on the form's own page, by language; the house's word for it when not given.
    #[serde(default)]
    pub label: PerLanguage,
    /// What a tick agrees to, by language, shown beside a box with `canonical = "consent"` and kept as evidence.
    #[serde(default)]
    pub text: PerLanguage,
    /// Values to choose from, as they are sent; the form's own page shows a list. With `strict` no other value is taken.
    #[serde(default)]
    pub options: Vec<String>,
    /// What is shown for `options`, by language, in the same order.
    #[serde(default)]
    pub option_labels: BTreeMap<String, Vec<String>>,
}

const fn text() -> FieldType {
    FieldType::Text
}

impl FormField {
    /// A text field of this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: FieldType::Text,
            canonical: None,
            required: None,
            label: PerLanguage::new(),
            text: PerLanguage::new(),
            options: Vec::new(),
            option_labels: BTreeMap::new(),
        }
    }

    /// What is wrong with it, keys below `at`.
    pub(super) fn validate(&self, at: &str) -> Vec<Problem> {
        let mut problems = validate_texts(&format!("{at}.label"), &self.label);
        problems.extend(validate_texts(&format!("{at}.text"), &self.text));
        for (i, option) in self.options.iter().enumerate() {
            if option.trim().is_empty() {
                problems.push(Problem::new(format!("{at}.options.{i}"), "give the value that is sent"));
            } else if self.options.iter().take(i).any(|earlier| earlier == option) {
                problems.push(Problem::new(format!("{at}.options.{i}"), format!("\"{option}\" is listed twice")));
            }
        }
        for (language, labels) in &self.option_labels {
            let key = format!("{at}.option_labels.{language}");
            if labels.len() == self.options.len() {
                problems
                    .extend(labels.iter().find_map(|label| Some(Problem::new(key.clone(), wrong(language, label)?))));
            } else {
                let message = format!("{} labels for {} options; give one for each", labels.len(), self.options.len());
                problems.push(Problem::new(key, message));
            }
        }
        problems
    }
}

/// What is wrong with a text in several languages.
pub(super) fn validate_texts(at: &str, texts: &PerLanguage) -> Vec<Problem> {
    let found =
        texts.iter().filter_map(|(code, words)| Some(Problem::new(format!("{at}.{code}"), wrong(code, words)?)));
    found.collect()
}

fn wrong(language: &str, words: &str) -> Option<&'static str> {
    if language.len() != 2 || !language.bytes().all(|b| b.is_ascii_lowercase()) {
        return Some("a language is two small letters, such as fr (ISO 639-1)");
    }
    if words.trim().is_empty() {
        return Some("give the words, or leave the language out");
    }
    (words.chars().count() > LONGEST_TEXT).then_some("at most 2000 characters")
}

/// The words for a visitor who reads `language`: in it, else in the form's own language, else in English, else any.
#[must_use]
pub fn in_language<'a>(texts: &'a PerLanguage, language: &str, own: Option<&str>) -> Option<&'a str> {
    let found = texts.get(language).or_else(|| texts.get(own?)).or_else(|| texts.get("en"));
    found.or_else(|| texts.values().next()).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_the_nearest_language() {
        let texts: PerLanguage =
            [("fr", "Nom"), ("en", "Name"), ("cs", "Jméno")].map(|(code, words)| (code.into(), words.into())).into();
        for (language, own, found) in
            [("cs", None, "Jméno"), ("fa", Some("fr"), "Nom"), ("fa", Some("de"), "Name"), ("fa", None, "Name")]
        {
            assert_eq!(in_language(&texts, language, own), Some(found), "{language} {own:?}");
        }
        assert_eq!(in_language(&PerLanguage::new(), "fr", Some("fr")), None);
    }

    #[test]
    fn labels_that_do_not_fit_are_named() {
        let field: FormField = toml::from_str(
            "name = \"size\"\noptions = [\"s\", \"l\", \"s\", \"\"]\nlabel = { french = \"x\", en = \" \" }\n\
             option_labels = { fr = [\"petit\"] }",
        )
        .unwrap();
        let keys: Vec<String> = field.validate("field.0").into_iter().map(|problem| problem.key).collect();
        assert_eq!(
            keys,
            [
                "field.0.label.en",
                "field.0.label.french",
                "field.0.options.2",
                "field.0.options.3",
                "field.0.option_labels.fr"
            ]
        );
    }
}
