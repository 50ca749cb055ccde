//! What a form tells its visitors by mail, what it asks them to agree to, and what is kept of them: the tables below
//! `[[form]]`, and `[delivery.visitor_mail]` with the bounds of all such mail.
//!
//! Not here: the built-in texts and the sending (`delivery/visitor`).

mod privacy;
mod template;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::privacy::{ClientIp, IpRule, PrivacyConfig};
pub use self::template::{ACKNOWLEDGEMENT, MailTemplate, OPT_IN, render};
use super::form::FormConfig;
use super::{Config, Problem};
use crate::domain::enquiry::consent::ConsentReading;

/// Languages with texts of our own.
pub const BUILT_IN: [&str; 4] = ["fr", "en", "cs", "fa"];

/// `[form.acknowledgement]`: a mail to the visitor that says the message has arrived. It repeats nothing that the visitor
/// wrote, goes only to clean submissions, and never to the same address twice within a day. Needs `[delivery.smtp]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AcknowledgementConfig {
    /// Send it.
    pub enabled: bool,
    /// Languages it is sent in, the first one to visitors of any other language; empty: `fr`, `en`, `cs`, `fa` and those
    /// of the templates, and the form's own language to everybody else.
    pub languages: Vec<String>,
    /// Own texts instead of the built-in ones.
    pub template: Vec<MailTemplate>,
}

/// `[form.double_opt_in]`: a mail with a link that confirms the address and what was agreed to. The link opens a page with
/// a button: opening it confirms nothing. Needs `[delivery.smtp]` and `http.public_url`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DoubleOptInConfig {
    /// Ask for it.
    pub enabled: bool,
    /// Purposes of `[[form.consent]]` that count only when confirmed.
    pub purposes: Vec<String>,
    /// Hours until the link ends.
    pub expires_hours: u32,
    /// Make the record at once. `false`: the submission waits in quarantine as `awaiting_confirmation`, and the
    /// confirmation releases it.
    pub create_before_confirm: bool,
    /// Ask an address that confirmed a purpose before no second time for it.
    pub skip_confirmed: bool,
    /// Languages it is sent in, as those of `[form.acknowledgement]`.
    pub languages: Vec<String>,
    /// Own texts instead of the built-in ones.
    pub template: Vec<MailTemplate>,
}

impl Default for DoubleOptInConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            purposes: Vec::new(),
            expires_hours: 100,
            create_before_confirm: true,
            skip_confirmed: true,
            languages: Vec::new(),
            template: Vec::new(),
        }
    }
}

impl DoubleOptInConfig {
    /// How long the link works.
    #[must_use]
    pub fn expiry(&self) -> Duration {
        Duration::from_secs(u64::from(self.expires_hours).saturating_mul(3_600))
    }
}

/// `[[form.consent]]`, `[[hook.consent]]`: one box to tick. The text below is kept as evidence with every submission that ticks it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentConfig {
    /// Name of the box as the website sends it.
    pub field: String,
    /// What is agreed to, one word: `newsletter`. By it consents are told apart, confirmed and withdrawn.
    pub purpose: String,
    /// Version of the text, such as `2026-01`; change it with the text.
    #[serde(default)]
    pub version: Option<String>,
    /// The text beside the box, by language: `{ en = "Send me offers", fr = "Envoyez-moi vos offres" }`.
    pub text: BTreeMap<String, String>,
    /// Values that mean yes, when the website sends a word of its own: `["subscribe"]`. Understood without it: `on`, `1`,
    /// `true`, `yes`, `I agree`, `oui`, `j'accepte`, `ano`, `souhlasím`, `بله`, `موافقم` and the like, the name of the
    /// box, the purpose, and the text. Any other value is kept, and counts as no consent.
    #[serde(default)]
    pub yes: Vec<String>,
}

impl ConsentConfig {
    /// How it is read.
    #[must_use]
    pub fn reading(&self) -> ConsentReading {
        ConsentReading {
            field: self.field.clone(),
            purpose: self.purpose.clone(),
            version: self.version.clone(),
            text: self.text.clone(),
            yes: self.yes.clone(),
        }
    }
}

/// `[delivery.visitor_mail]`: bounds of all mail to visitors, over all daemons on one database. What is above them is not
/// sent, and shown as withheld.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VisitorMailConfig {
    /// Mails of one kind to one address within 24 hours.
    pub per_recipient_per_day: u32,
    /// Mails to addresses of one domain within an hour.
    pub per_domain_per_hour: u32,
    /// Mails within an hour.
    pub per_hour: u32,
    /// Name of the company in these mails; without it the one beside the sender's address.
    pub company: Option<String>,
}

impl Default for VisitorMailConfig {
    fn default() -> Self {
        Self { per_recipient_per_day: 1, per_domain_per_hour: 50, per_hour: 200, company: None }
    }
}

impl VisitorMailConfig {
    /// What is wrong with it.
    pub(super) fn validate(&self, problems: &mut Vec<Problem>) {
        let bounds = [
            ("per_recipient_per_day", self.per_recipient_per_day),
            ("per_domain_per_hour", self.per_domain_per_hour),
            ("per_hour", self.per_hour),
        ];
        for (name, value) in bounds {
            if !(1..=100_000).contains(&value) {
                problems.push(Problem::new(format!("delivery.visitor_mail.{name}"), "must be 1 to 100000"));
            }
        }
        if self.company.as_deref().is_some_and(|name| name.trim().is_empty()) {
            problems.push(Problem::new("delivery.visitor_mail.company", "empty: write the name, or leave it out"));
        }
    }
}

/// Forms that mail their visitors, by id.
pub type VisitorForms = BTreeMap<String, FormConfig>;

impl Config {
    /// Forms that mail their visitors.
    #[must_use]
    pub fn visitor_forms(&self) -> VisitorForms {
        let mailing = self.form.iter().filter(|form| form.acknowledgement.enabled || form.double_opt_in.enabled);
        mailing.map(|form| (form.id.clone(), form.clone())).collect()
    }
}

/// The language of a mail: one of those offered that the visitor reads, else the first offered, else the form's own.
#[must_use]
pub fn language(offered: &[String], templates: &[MailTemplate], reads: &[&str], form: Option<&str>) -> String {
    let own = templates.iter().map(|t| t.language.as_str()).chain(BUILT_IN);
    let known: Vec<&str> =
        if offered.is_empty() { own.collect() } else { offered.iter().map(String::as_str).collect() };
    let liked = reads.iter().find(|language| known.contains(language)).copied();
    let fallback = offered.first().map(String::as_str).or_else(|| form.filter(|language| known.contains(language)));
    liked.or(fallback).unwrap_or("en").to_owned()
}

/// What is wrong with the consents that a form or hook asks for.
pub(super) fn consents(asked: &[ConsentConfig]) -> Vec<Problem> {
    let (mut problems, mut purposes) = (Vec::new(), BTreeSet::new());
    for (i, consent) in asked.iter().enumerate() {
        let mut add = |key: &str, message: &str| problems.push(Problem::new(format!("consent.{i}.{key}"), message));
        if consent.field.trim().is_empty() {
            add("field", "give the name of the box that the website sends");
        }
        if consent.purpose.trim().is_empty() || consent.purpose.len() > 80 {
            add("purpose", "say in a word what is agreed to, such as newsletter");
        }
        if !purposes.insert(consent.purpose.as_str()) {
            add("purpose", "this purpose is asked for twice; one box a purpose");
        }
        if consent.text.is_empty() || consent.text.values().any(|text| text.trim().is_empty()) {
            add("text", "write the text beside the box, such as { en = \"Send me offers\" }");
        }
        if consent.yes.iter().any(|value| !value.chars().any(char::is_alphanumeric)) {
            add("yes", "write the values that mean yes, such as [\"subscribe\"]; an empty one means nothing");
        }
        if consent.text.keys().any(|language| !is_language(language)) {
            add("text", "languages are two small letters, such as { en = \"Send me offers\" }");
        }
    }
    problems
}

impl FormConfig {
    /// What is wrong with the tables about visitors.
    pub(super) fn validate_visitor(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        problems.extend(consents(&self.consent));
        mails("acknowledgement", &self.acknowledgement.languages, &self.acknowledgement.template, &mut problems);
        mails("double_opt_in", &self.double_opt_in.languages, &self.double_opt_in.template, &mut problems);
        for (i, one) in self.acknowledgement.template.iter().enumerate() {
            problems.extend(one.validate(&ACKNOWLEDGEMENT).map(|p| p.under(&format!("acknowledgement.template.{i}"))));
        }
        for (i, one) in self.double_opt_in.template.iter().enumerate() {
            problems.extend(one.validate(&OPT_IN).map(|p| p.under(&format!("double_opt_in.template.{i}"))));
        }
        self.validate_opt_in(&mut problems);
        problems.extend(self.privacy.validate().into_iter().map(|p| p.under("privacy")));
        problems
    }

    fn validate_opt_in(&self, problems: &mut Vec<Problem>) {
        let opt_in = &self.double_opt_in;
        if !opt_in.enabled {
            return;
        }
        let mut add = |key: &str, message: &str| problems.push(Problem::new(format!("double_opt_in.{key}"), message));
        if opt_in.purposes.is_empty() {
            add("purposes", "name the purposes of [[form.consent]] to be confirmed, such as [\"newsletter\"]");
        }
        for (i, purpose) in opt_in.purposes.iter().enumerate() {
            if !self.consent.iter().any(|consent| consent.purpose == *purpose) {
                add(&format!("purposes.{i}"), "no [[form.consent]] of this form has this purpose");
            }
        }
        if !(1..=8_760).contains(&opt_in.expires_hours) {
            add("expires_hours", "between 1 and 8760 (a year)");
        }
    }
}

fn mails(table: &str, languages: &[String], templates: &[MailTemplate], problems: &mut Vec<Problem>) {
    for (i, language) in languages.iter().enumerate() {
        let known = BUILT_IN.contains(&language.as_str()) || templates.iter().any(|t| t.language == *language);
        if !known {
            let message =
                format!("there is no text in this language: add [[form.{table}.template]], or use {BUILT_IN:?}");
            problems.push(Problem::new(format!("{table}.languages.{i}"), message));
        }
    }
    let mut seen = BTreeSet::new();
    for (i, template) in templates.iter().enumerate() {
        if !seen.insert(template.language.as_str()) {
            let message = "there are two templates in this language; one is enough";
            problems.push(Problem::new(format!("{table}.template.{i}.language"), message));
        }
    }
}

fn is_language(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|b| b.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let form: FormConfig = toml::from_str(&format!("id = \"contact\"\n{text}")).expect("parses");
        form.validate().into_iter().map(|p| format!("{}: {}", p.key, p.message)).collect()
    }

    const NEWS: &str = "[[consent]]\nfield = \"news\"\npurpose = \"newsletter\"\ntext = { en = \"Send me news\" }\n";

    #[test]
    fn nothing_is_sent_to_visitors_until_it_is_configured() {
        let form = FormConfig::named("contact");
        assert!(!form.acknowledgement.enabled && !form.double_opt_in.enabled && form.consent.is_empty());
        assert_eq!((form.double_opt_in.expires_hours, form.privacy.retention_days), (100, 0));
    }

    #[test]
    fn consents_and_opt_ins_belong_together() {
        assert_eq!(problems(&format!("{NEWS}[double_opt_in]\nenabled = true\npurposes = [\"newsletter\"]")), [""; 0]);
        let found =
            problems(&format!("{NEWS}[double_opt_in]\nenabled = true\npurposes = [\"offers\"]\nexpires_hours = 0"));
        assert!(found[0].starts_with("double_opt_in.purposes.0: no [[form.consent]]"), "{found:?}");
        assert!(found[1].starts_with("double_opt_in.expires_hours: between 1 and 8760"), "{found:?}");
        assert!(
            problems("[double_opt_in]\nenabled = true")[0].starts_with("double_opt_in.purposes: name the purposes")
        );
        assert!(problems(&format!("{NEWS}{NEWS}"))[0].contains("asked for twice"));
        let bad = problems("[[consent]]\nfield = \"\"\npurpose = \"\"\ntext = { english = \"\" }");
        assert_eq!(bad.len(), 4, "{bad:?}");
        let empty = problems(&format!("{NEWS}yes = [\"subscribe\", \" \"]"));
        assert!(empty[0].starts_with("consent.0.yes: write the values that mean yes"), "{empty:?}");
    }

    #[test]
    fn a_box_among_the_fields_is_a_consent_with_its_text() {
        let text = "[[field]]\nname = \"gdpr\"\ntype = \"bool\"\ntext = { en = \"You may store it\" }\n";
        let form: FormConfig = toml::from_str(&format!("id = \"contact\"\n{text}{NEWS}")).expect("parses");
        let asked = form.consents();
        let short: Vec<(&str, &str)> = asked.iter().map(|c| (c.purpose.as_str(), c.text["en"].as_str())).collect();
        assert_eq!(short, [("newsletter", "Send me news"), ("gdpr", "You may store it")]);
    }

    #[test]
    fn languages_without_a_text_are_refused() {
        let found = problems("[acknowledgement]\nlanguages = [\"fr\", \"de\"]");
        assert!(found[0].starts_with("acknowledgement.languages.1: there is no text in this language"), "{found:?}");
    }

    #[test]
    fn visitors_are_written_to_in_a_language_they_read() {
        let offered = ["fr".to_owned(), "en".to_owned()];
        assert_eq!(language(&offered, &[], &["de", "en"], None), "en");
        assert_eq!(language(&offered, &[], &["de"], Some("en")), "fr", "the first one offered");
        assert_eq!(language(&[], &[], &["de"], Some("cs")), "cs", "the form's own");
        assert_eq!(language(&[], &[], &["fa"], Some("cs")), "fa");
        assert_eq!(language(&[], &[], &[], None), "en");
    }
}
