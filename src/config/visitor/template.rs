//! Texts of mails to visitors: minijinja templates that see a handful of safe values and nothing a visitor wrote.
//!
//! Invariants:
//! - A template that names anything else, or cannot be filled in, is refused when the configuration is read.
//! - What is filled in never holds text of a visitor, but a name that is nothing but a name (`domain/visitor`).

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::is_language;
use crate::config::Problem;

/// Longest template, in bytes.
const TEMPLATE_BYTES: usize = 20_000;

/// Values an acknowledgement may use.
pub const ACKNOWLEDGEMENT: [&str; 5] = ["name", "company", "form", "id", "date"];

/// Values a mail that asks for confirmation may use; `url`, `optInUrl` and `optInLink` are the same, and so are `date`
/// and `optInDate`.
pub const OPT_IN: [&str; 11] =
    ["name", "company", "form", "id", "date", "url", "until", "consents", "optInUrl", "optInLink", "optInDate"];

/// One text of a mail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MailTemplate {
    /// Its language, two letters (ISO 639-1).
    pub language: String,
    /// Subject, one line: `{{ company }}: we have your message`.
    pub subject: String,
    /// Plain text. Values: `name` (may be empty), `company`, `form` (its title, may be empty), `id`, `date`; to confirm
    /// also `url`, `until` and the list `consents`.
    pub text: String,
}

/// Fills in a template.
///
/// # Errors
/// One sentence saying what is wrong with it.
pub fn render(source: &str, values: &Value) -> Result<String, String> {
    let env = environment();
    let template = env.template_from_str(source).map_err(|e| said(&e))?;
    template.render(minijinja::value::Serde(values)).map_err(|e| said(&e))
}

fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env
}

fn said(error: &minijinja::Error) -> String {
    let line = error.line().map_or_else(String::new, |line| format!(" in line {line}"));
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    format!("the text cannot be filled in{line}: {detail}")
}

impl MailTemplate {
    /// What is wrong with it, when it may use the values in `known`.
    pub(super) fn validate(&self, known: &[&str]) -> impl Iterator<Item = Problem> {
        let mut problems = Vec::new();
        if !is_language(&self.language) {
            problems.push(Problem::new("language", "two small letters are needed, such as fr (ISO 639-1)"));
        }
        for (key, source) in [("subject", &self.subject), ("text", &self.text)] {
            match tried(source, known) {
                Err(why) => problems.push(Problem::new(key, why)),
                Ok(filled) if key == "subject" && filled.trim().contains(['\n', '\r']) => {
                    problems.push(Problem::new(key, "a subject is one line"));
                }
                Ok(_) => {}
            }
        }
        problems.into_iter()
    }
}

fn tried(source: &str, known: &[&str]) -> Result<String, String> {
    if source.trim().is_empty() {
        return Err("empty: write the text, or leave the template out".to_owned());
    }
    if source.len() > TEMPLATE_BYTES {
        return Err(format!("longer than {TEMPLATE_BYTES} bytes"));
    }
    let env = environment();
    let template = env.template_from_str(source).map_err(|e| said(&e))?;
    let mut strange: Vec<String> =
        template.undeclared_variables(false).into_iter().filter(|name| !known.contains(&name.as_str())).collect();
    strange.sort_unstable();
    if let Some(first) = strange.first() {
        return Err(format!("{first} is not known here; use {}", known.join(", ")));
    }
    render(source, &sample()).and_then(|_| render(source, &bare()))
}

/// Values as they are when everything is known.
fn sample() -> Value {
    json!({
        "name": "Anne Novák", "company": "Company", "form": "Contact", "id": "01JABCDEFGHJKMNPQRSTVWXYZ0",
        "date": "2026-01-31 09:30 UTC", "url": "https://forms.example.com/c/x", "until": "2026-02-04 13:30 UTC",
        "consents": ["Send me news"], "optInUrl": "https://forms.example.com/c/x",
        "optInLink": "https://forms.example.com/c/x", "optInDate": "2026-01-31 09:30 UTC",
    })
}

/// Values as they are when as little as possible is known.
fn bare() -> Value {
    let mut values = sample();
    if let Some(map) = values.as_object_mut() {
        for name in ["name", "form"] {
            map.insert(name.to_owned(), json!(""));
        }
        map.insert("consents".to_owned(), json!([]));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(subject: &str, text: &str) -> Vec<String> {
        let (subject, text) = (subject.to_owned(), text.to_owned());
        let template = MailTemplate { language: "en".into(), subject, text };
        template.validate(&ACKNOWLEDGEMENT).map(|p| format!("{}: {}", p.key, p.message)).collect()
    }

    #[test]
    fn a_template_may_use_the_safe_values_and_nothing_else() {
        assert_eq!(
            wrong("{{ company }}", "Hello{% if name %} {{ name }}{% endif %}, {{ id }} {{ date }} {{ form }}"),
            [""; 0]
        );
        for (text, said) in [
            ("{{ message }}", "message is not known here; use name, company"),
            ("{{ email }}", "email is not known here"),
            ("{{ url }}", "url is not known here"),
            ("{% if name %}x", "cannot be filled in"),
            ("{{ name.first }}", "cannot be filled in"),
            ("{% include 'x' %}", "cannot be filled in"),
            ("", "empty"),
        ] {
            let found = wrong("x", text);
            assert!(found.len() == 1 && found[0].contains(said), "{text}: {found:?}");
        }
        assert!(wrong("a\nb", "x")[0].starts_with("subject: a subject is one line"));
    }

    #[test]
    fn values_are_text_and_never_template() {
        let values = json!({ "name": "{{ company }}<b>" });
        assert_eq!(render("Hello {{ name }}", &values).unwrap(), "Hello {{ company }}<b>");
    }
}
