//! What is said to the operator about a match, in the four languages of the house: one table for each, the same keys in
//! all of them.

mod cs;
mod en;
mod fa;
mod fr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Sentences by key, such as `surname.equal`; what stands in braces is filled in.
type Table = &'static [(&'static str, &'static str)];

/// A language of the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "ISO 639-1")]
pub enum Language {
    Fr,
    #[default]
    En,
    Cs,
    Fa,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 4] = [Self::Fr, Self::En, Self::Cs, Self::Fa];

    /// The language of a locale such as `fr_FR.UTF-8`; English where we have no other.
    #[must_use]
    pub fn of_locale(locale: &str) -> Self {
        match locale.split(['_', '-', '.', '@']).next().unwrap_or_default().to_lowercase().as_str() {
            "fr" => Self::Fr,
            "cs" => Self::Cs,
            "fa" => Self::Fa,
            _ => Self::En,
        }
    }

    /// The language of messages by the variables of an environment: the first of them that is set and not empty counts.
    #[must_use]
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
        set.map_or(Self::En, |locale| Self::of_locale(&locale))
    }

    const fn table(self) -> Table {
        match self {
            Self::Fr => fr::TABLE,
            Self::En => en::TABLE,
            Self::Cs => cs::TABLE,
            Self::Fa => fa::TABLE,
        }
    }

    /// The sentence under a key; the key itself where there is none.
    #[must_use]
    pub fn says(self, group: &str, name: &str) -> &'static str {
        let find = |table: Table| {
            let found = table.iter().find(|(key, _)| key.split_once('.') == Some((group, name)));
            found.map(|(_, sentence)| *sentence)
        };
        find(self.table()).or_else(|| find(en::TABLE)).unwrap_or_default()
    }

    /// The sentence under a key with its values filled in.
    #[must_use]
    pub fn fill(self, group: &str, name: &str, values: &[(&str, &str)]) -> String {
        let mut sentence = self.says(group, name).to_owned();
        for (key, value) in values {
            sentence = sentence.replace(&format!("{{{key}}}"), value);
        }
        sentence
    }

    /// What stands between two parts of a sentence.
    #[must_use]
    pub const fn comma(self) -> &'static str {
        if matches!(self, Self::Fa) { "، " } else { ", " }
    }

    /// How many records have a value in common.
    #[must_use]
    pub fn used_by(self, count: usize) -> String {
        let form = match (self, count) {
            (_, 1) | (Self::Fr, 0) => "one",
            (_, 2..=4) => "few",
            _ => "many",
        };
        self.fill("used", form, &[("count", &count.to_string())])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::super::field::Field;
    use super::super::organisation::ByWhat;
    use super::super::rule::Rule;
    use super::super::score::Veto;
    use super::super::verdict::Verdict;
    use super::super::waterfall::Band;
    use super::*;

    /// Every key that code asks for.
    fn wanted() -> BTreeSet<String> {
        let levels = Field::ALL
            .into_iter()
            .flat_map(|field| field.levels().iter().map(move |level| format!("{}.{level}", field.as_str())));
        let verdicts =
            [Verdict::Match, Verdict::Review, Verdict::New].map(|verdict| format!("verdict.{}", verdict.as_str()));
        let fixed = [
            "phone.mobile",
            "margin.clear",
            "margin.close",
            "margin.ahead",
            "margin.other",
            "search.truncated",
            "search.no_database",
            "search.more",
            "organisation.line",
            "thread.joins",
            "thread.apart",
            "line.prior",
            "line.total",
            "used.one",
            "used.few",
            "used.many",
        ];
        levels
            .chain(Veto::ALL.map(|veto| format!("veto.{}", veto.as_str())))
            .chain(Rule::ALL.map(|rule| format!("rule.{}", rule.as_str())))
            .chain(ByWhat::ALL.map(|by| format!("organisation.{}", by.as_str())))
            .chain(Band::ALL.map(|band| format!("band.{}", band.as_str())))
            .chain(verdicts)
            .chain(fixed.map(str::to_owned))
            .collect()
    }

    fn values(sentence: &str) -> BTreeSet<&str> {
        sentence.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(value, _)| value).collect()
    }

    #[test]
    fn every_language_has_one_sentence_for_everything_and_none_for_anything_else() {
        let wanted = wanted();
        for language in Language::ALL {
            let table: BTreeMap<&str, &str> = language.table().iter().copied().collect();
            assert_eq!(table.len(), language.table().len(), "{language:?} says something twice");
            let missing: Vec<&String> = wanted.iter().filter(|key| !table.contains_key(key.as_str())).collect();
            assert!(missing.is_empty(), "{language:?} has no sentence for {missing:?}");
            let unknown: Vec<&&str> = table.keys().filter(|key| !wanted.contains(**key)).collect();
            assert!(unknown.is_empty(), "{language:?} has sentences nobody asks for: {unknown:?}");
            for (key, sentence) in &table {
                assert!(!sentence.trim().is_empty(), "{language:?} {key}");
                let (group, name) = key.split_once('.').unwrap();
                assert_eq!(values(sentence), values(Language::En.says(group, name)), "{language:?} {key}");
            }
        }
    }

    #[test]
    fn no_two_languages_say_the_same_and_no_field_says_one_thing_of_two_levels() {
        let mut said: BTreeMap<&str, (Language, &str)> = BTreeMap::new();
        for language in Language::ALL {
            for (key, sentence) in language.table() {
                if key.starts_with("used.") {
                    continue;
                }
                let before = said.insert(sentence, (language, key));
                assert_eq!(before, None, "{language:?} {key}: {sentence}");
            }
        }
        for (key, _) in en::TABLE.iter().filter(|(key, _)| key.starts_with("used.")) {
            let name = key.split_once('.').unwrap().1;
            let forms: BTreeSet<&str> = Language::ALL.iter().map(|language| language.says("used", name)).collect();
            assert_eq!(forms.len(), 4, "{key}");
        }
    }

    #[test]
    fn the_language_is_that_of_the_first_variable_that_is_set() {
        let of = |set: &[(&str, &str)]| {
            Language::of_environment(|name| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(of(&[]), Language::En);
        assert_eq!(of(&[("LANG", "cs_CZ.UTF-8")]), Language::Cs);
        assert_eq!(of(&[("LANG", "cs_CZ.UTF-8"), ("LC_ALL", "fa_IR")]), Language::Fa);
        assert_eq!(of(&[("LANG", "fr"), ("LC_ALL", "")]), Language::Fr);
        assert_eq!(of(&[("LANG", "fr_FR"), ("LC_ALL", "C")]), Language::En);
        assert_eq!(of(&[("LC_MESSAGES", "fr_CA@euro"), ("LANG", "de_DE")]), Language::Fr);
    }

    #[test]
    fn numbers_of_records_are_counted_as_each_language_does() {
        assert_eq!([1, 2, 5].map(|n| Language::Cs.used_by(n)), ["v 1 záznamu", "ve 2 záznamech", "v 5 záznamech"]);
        assert_eq!([1, 2].map(|n| Language::En.used_by(n)), ["used by 1 record", "used by 2 records"]);
        assert_eq!([1, 7].map(|n| Language::Fr.used_by(n)), ["sur 1 fiche", "sur 7 fiches"]);
    }
}
