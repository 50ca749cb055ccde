//! What was typed goes back into the form it was typed into: nothing a visitor wrote is lost to a refusal.
//!
//! A form of our own page is shown whole again, boxes that were not ticked too; of a form of another page only what it
//! sent is known.

use std::borrow::Cow;

use super::super::texts::Texts;
use super::field::{Field, blanks};
use super::{Fault, Hidden};
use crate::config::form::FormConfig;
use crate::domain::reading::field_names::{is_attribution, is_control};

/// Fields that a second try must not carry again: proofs are taken once.
const SPENT: [&str; 7] = [
    "altcha",
    "g-recaptcha-response",
    "recaptcha_response",
    "h-captcha-response",
    "cf-turnstile-response",
    "frc-captcha-response",
    "frc-captcha-solution",
];

/// A form with what was typed.
#[derive(Debug, Default)]
pub(super) struct Refilled<'a> {
    pub(super) fields: Vec<Field<'a>>,
    pub(super) hidden: Vec<Hidden<'a>>,
}

/// Puts `typed` back into `form`, with each fault beside its field. `trap` is rendered by the page itself.
pub(super) fn refill<'a>(
    form: &'a FormConfig,
    typed: &'a [(String, String)],
    faults: &[Fault<'a>],
    trap: &str,
    texts: &'static Texts,
) -> Refilled<'a> {
    let steers = |name: &str| is_control(name) || is_attribution(name);
    let hidden = typed.iter().filter(|(name, _)| steers(name) && name != trap && !SPENT.contains(&name.as_str()));
    let hidden = hidden.map(|(name, value)| Hidden { name: name.as_str().into(), value: value.as_str().into() });
    let shown: Vec<_> = typed.iter().filter(|(name, _)| !steers(name) && name != trap).collect();
    let mut blanks = blanks(form, texts);
    let is_whole =
        blanks.iter().filter(|blank| blank.is_always_sent()).all(|blank| shown.iter().any(|(n, _)| *n == blank.name));
    let mut fields: Vec<Field<'a>> = Vec::new();
    if is_whole {
        fields.append(&mut blanks);
    }
    let mut filled: Vec<&str> = Vec::new();
    for (name, value) in shown {
        let first = !filled.contains(&name.as_str());
        filled.push(name);
        if let Some(place) = fields.iter_mut().find(|field| first && field.name == *name) {
            place.fill(value);
        } else if let Some(at) = blanks.iter().position(|blank| first && blank.name == *name) {
            let mut field = blanks.remove(at);
            field.fill(value);
            fields.push(field);
        } else {
            fields.push(Field::foreign(name, value, texts));
        }
    }
    // What is missing is asked for, and files have to be chosen again.
    let wanted = |blank: &Field<'_>| blank.kind == "file" || faults.iter().any(|fault| fault.field == blank.name);
    fields.extend(blanks.into_iter().filter(wanted));
    for fault in faults {
        if let Some(field) = fields.iter_mut().find(|field| field.name == fault.field && field.error.is_none()) {
            field.error = Some(Cow::Owned(fault.words.clone().into_owned()));
        }
    }
    Refilled { fields, hidden: hidden.collect() }
}

#[cfg(test)]
mod tests {
    use super::super::super::texts::Language;
    use super::*;

    fn typed(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn names<'a>(refilled: &'a Refilled<'_>) -> Vec<(&'a str, &'a str)> {
        refilled.fields.iter().map(|field| (field.name.as_ref(), field.kind)).collect()
    }

    #[test]
    fn our_own_form_comes_back_whole_and_another_one_as_it_was_sent() {
        let form: FormConfig = toml::from_str(
            "id = \"a\"\nfield = [{ name = \"name\" }, { name = \"day\", type = \"date\" }, { name = \"ok\", type = \"bool\" }]",
        )
        .unwrap();
        let texts = Language::Fr.texts();
        let sent =
            typed(&[("day", "soon"), ("name", "a\nb"), ("more", "x"), ("more", "y"), ("altcha", "z"), ("_t", "1")]);
        let own = refill(&form, &sent, &[], "_gotcha", texts);
        let kinds = [("name", "textarea"), ("day", "text"), ("ok", "checkbox"), ("more", "text"), ("more", "text")];
        assert_eq!(names(&own), kinds);
        assert_eq!(own.hidden.iter().map(|field| field.name.as_ref()).collect::<Vec<_>>(), ["_t"]);
        let foreign = typed(&[("more", "x"), ("name", "")]);
        let fault = Fault { field: "ok", words: "tick".into() };
        let other = refill(&form, &foreign, &[fault], "_gotcha", texts);
        assert_eq!(names(&other), [("more", "text"), ("name", "text"), ("ok", "checkbox")]);
        assert_eq!(other.fields[2].error.as_deref(), Some("tick"));
    }
}
