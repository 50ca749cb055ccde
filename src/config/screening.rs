//! `[form.screening]` and `[captcha]`: what is held against a submission, and who is asked whether a person sent it.

mod provider;

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::provider::{ProviderConfig, ProviderKind, Score};
use super::delivery::secret::{from_env, from_file};
use super::delivery::{DeliverySecret, OneOrMany};
use super::{FormConfig, Problem};
use crate::domain::screening::Policy;

/// Name of the captcha that needs nobody else.
pub const ALTCHA: &str = "altcha";

/// `[form.screening]`: how one form tells spam. Every submission is kept: what is taken for spam waits in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ScreeningConfig {
    /// Score submissions at all. A captcha is asked either way.
    pub enabled: bool,
    /// Score from which a submission is suspect: a record with the tag `screening-suspect`, and no acknowledgement.
    pub suspect_from: i32,
    /// Score from which it is spam: quarantined, with the answer of a success.
    pub spam_from: i32,
    /// Name of a trap field of this form, hidden from people, beside the usual ones (`_gotcha`, `_honey`, `_honeypot`,
    /// `botcheck`, `bot-field`). Whoever fills it in is no person.
    pub honeypot: Option<String>,
    /// Fewest seconds in which a person fills the form in, by the time stamp of its page (`_t`). 0 = any.
    pub min_fill_seconds: u64,
    /// Seconds after which the page counts as old.
    pub max_fill_seconds: u64,
    /// Languages expected beside those of our pages, for their scripts: ISO 639-1, such as `["ru", "el"]`.
    pub languages: Vec<String>,
    /// What becomes of a submission when the captcha's provider does not answer: `flag` (a record with the tag
    /// `screening-unverified`, and no acknowledgement) or `quarantine`.
    pub captcha_away: CaptchaAway,
}

/// What becomes of a submission when the captcha's provider does not answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CaptchaAway {
    /// A record with a flag.
    #[default]
    Flag,
    /// It waits for a person.
    Quarantine,
}

impl Default for ScreeningConfig {
    fn default() -> Self {
        let usual = Policy::default();
        Self {
            enabled: usual.enabled,
            suspect_from: usual.suspect_from,
            spam_from: usual.spam_from,
            honeypot: None,
            min_fill_seconds: usual.fastest.as_secs(),
            max_fill_seconds: usual.oldest.as_secs(),
            languages: Vec::new(),
            captcha_away: CaptchaAway::default(),
        }
    }
}

impl ScreeningConfig {
    /// For scoring. `language` is the form's own.
    #[must_use]
    pub fn policy(&self, language: Option<&str>) -> Policy {
        Policy {
            enabled: self.enabled,
            suspect_from: self.suspect_from,
            spam_from: self.spam_from,
            fastest: Duration::from_secs(self.min_fill_seconds),
            oldest: Duration::from_secs(self.max_fill_seconds),
            languages: self.languages.iter().cloned().chain(language.map(str::to_owned)).collect(),
        }
    }

    /// What is wrong with it.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.suspect_from < 1 {
            problems.push(Problem::new("suspect_from", "at least 1; enabled = false switches scoring off"));
        }
        if self.spam_from < self.suspect_from {
            problems.push(Problem::new("spam_from", "not less than suspect_from"));
        }
        if self.max_fill_seconds <= self.min_fill_seconds {
            problems.push(Problem::new("max_fill_seconds", "more than min_fill_seconds"));
        }
        if self.honeypot.as_deref().is_some_and(|name| name.trim().is_empty()) {
            problems.push(Problem::new("honeypot", "give the name of the hidden field, or leave the key out"));
        }
        for (i, language) in self.languages.iter().enumerate() {
            if language.len() != 2 || !language.bytes().all(|b| b.is_ascii_lowercase()) {
                let say = "two small letters are needed, such as ru (ISO 639-1)";
                problems.push(Problem::new(format!("languages.{i}"), say));
            }
        }
        problems
    }
}

/// `[captcha]`: keys of our own challenges, and providers that forms may name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CaptchaConfig {
    /// Environment variable (or several, newest first, while it is changed) with the secret that signs time stamps and
    /// challenges: 32 characters or more. Without one a random secret is made and kept in the database.
    pub secret_env: OneOrMany<String>,
    /// File (or several, newest first) with that secret.
    pub secret_file: OneOrMany<PathBuf>,
    /// Work of one try at an ALTCHA challenge, in rounds of PBKDF2.
    pub altcha_cost: u32,
    /// Most tries that an ALTCHA challenge takes; the fewest are half of them.
    pub altcha_tries: u32,
    /// Seconds within which a challenge is to be sent back.
    pub altcha_seconds: u64,
    /// Services that forms may name in `captcha`.
    pub provider: Vec<ProviderConfig>,
}

impl Default for CaptchaConfig {
    fn default() -> Self {
        Self {
            secret_env: OneOrMany::default(),
            secret_file: OneOrMany::default(),
            altcha_cost: 1_000,
            altcha_tries: 4_000,
            altcha_seconds: 1_200,
            provider: Vec::new(),
        }
    }
}

impl CaptchaConfig {
    /// Reads the configured signing secrets, newest first; none when they are kept in the database.
    ///
    /// # Errors
    /// One sentence naming what is missing.
    pub fn secrets(&self) -> Result<Vec<DeliverySecret>, String> {
        let env = self.secret_env.as_slice().iter().map(|name| from_env(name));
        let files = self.secret_file.as_slice().iter().map(from_file);
        let secrets: Vec<DeliverySecret> = env.chain(files).collect::<Result<_, _>>()?;
        if secrets.iter().any(|secret| secret.expose().len() < 32) {
            return Err("the secret is too short: make one with `openssl rand -base64 32`".to_owned());
        }
        Ok(secrets)
    }

    /// Whether a form may ask for a captcha of this name.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        name == ALTCHA || self.provider.iter().any(|provider| provider.id == name)
    }

    /// Captchas that forms ask for and that nobody provides, or that the form's own page could not show.
    #[must_use]
    pub fn validate_forms(&self, forms: &[FormConfig]) -> Vec<Problem> {
        let asking = forms.iter().enumerate().filter_map(|(i, form)| Some((i, form, form.captcha.as_deref()?)));
        let wrong = asking.filter_map(|(i, form, name)| {
            let key = format!("form.{i}.captcha");
            if !self.knows(name) {
                let say =
                    format!("there is no captcha \"{name}\"; write altcha, or add a [[captcha.provider]] of this id");
                return Some(Problem::new(key, say));
            }
            let at = self.provider.iter().position(|provider| provider.id == name)?;
            let unseen = form.enabled && form.hosted && self.provider.get(at)?.key_for_pages().is_none();
            let say = format!(
                "the form's own page cannot show captcha \"{name}\", so nobody could send it: set \
                 captcha.provider.{at}.site_key, or hosted = false if the form stands on your website only"
            );
            unseen.then(|| Problem::new(key, say))
        });
        wrong.collect()
    }

    /// What is wrong with it; reads the secrets to see that they are there.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Err(message) = self.secrets() {
            let key = if self.secret_env.as_slice().is_empty() { "secret_file" } else { "secret_env" };
            problems.push(Problem::new(key, message));
        }
        if !(1..=1_000_000).contains(&self.altcha_cost) {
            problems.push(Problem::new("altcha_cost", "between 1 and 1000000 rounds"));
        }
        if !(2..=1_000_000).contains(&self.altcha_tries) {
            problems.push(Problem::new("altcha_tries", "between 2 and 1000000 tries"));
        }
        if !(30..=86_400).contains(&self.altcha_seconds) {
            problems.push(Problem::new("altcha_seconds", "between 30 and 86400 seconds"));
        }
        for (i, provider) in self.provider.iter().enumerate() {
            let key = format!("provider.{i}");
            provider.validate(&key, &mut problems);
            if self.provider.iter().take(i).any(|earlier| earlier.id == provider.id) {
                let message = format!("{:?} is used twice: give each provider its own id", provider.id);
                problems.push(Problem::new(format!("{key}.id"), message));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shipped_is_valid_and_says_the_same_as_the_scoring() {
        assert_eq!(ScreeningConfig::default().validate(), []);
        assert_eq!(CaptchaConfig::default().validate(), []);
        assert_eq!(ScreeningConfig::default().policy(None), Policy::default());
    }

    #[test]
    fn each_mistake_names_its_key_and_a_remedy() {
        let captcha: CaptchaConfig = toml::from_str(
            "secret_env = \"PISTEUR_TEST_NOT_SET\"\naltcha_tries = 1\n[[provider]]\nid = \"altcha\"\nkind = \"turnstile\"\n\
             url = \"http://x.example/\"\nscript_url = \"/api.js\"\naction = \"a b\"\nallow_private = [\"x\"]\nhostnames = [\"https://a\"]\n[[provider]]\nid = \"altcha\"\n\
             kind = \"recaptcha_v3\"\nsecret_file = \"/nonexistent\"\nmin_score = 0.7\n",
        )
        .unwrap();
        let keys: Vec<String> = captcha.validate().into_iter().map(|problem| problem.key).collect();
        assert_eq!(
            keys,
            [
                "secret_env",
                "altcha_tries",
                "provider.0.id",
                "provider.0.secret_env",
                "provider.0.url",
                "provider.0.script_url",
                "provider.0.action",
                "provider.0.allow_private",
                "provider.0.hostnames",
                "provider.1.id",
                "provider.1.secret_file",
                "provider.1.id"
            ]
        );
        let form = ScreeningConfig {
            suspect_from: 0,
            spam_from: -1,
            honeypot: Some(" ".into()),
            max_fill_seconds: 1,
            languages: vec!["russian".into()],
            ..ScreeningConfig::default()
        };
        let keys: Vec<String> = form.validate().into_iter().map(|problem| problem.key).collect();
        assert_eq!(keys, ["suspect_from", "spam_from", "max_fill_seconds", "honeypot", "languages.0"]);
        assert!(
            toml::from_str::<CaptchaConfig>("[[provider]]\nid = \"a\"\nkind = \"hcaptcha\"\nmin_score = 2.0\n")
                .is_err()
        );
    }

    #[test]
    fn a_page_of_our_own_needs_a_key_to_show_a_service_with() {
        let keyed = |key: &str| -> CaptchaConfig {
            let text = format!("[[provider]]\nid = \"service\"\nkind = \"hcaptcha\"\n{key}\n");
            toml::from_str(&text).unwrap()
        };
        let form = |change: fn(&mut FormConfig)| {
            let mut form = FormConfig { captcha: Some("service".into()), ..FormConfig::named("contact") };
            change(&mut form);
            [form]
        };
        let found = |key: &str, forms: &[FormConfig]| keyed(key).validate_forms(forms);
        for key in ["", "site_key = \" \""] {
            let problems = found(key, &form(|_| {}));
            assert_eq!(problems.len(), 1);
            assert_eq!(problems[0].key, "form.0.captcha");
            assert!(problems[0].message.contains("set captcha.provider.0.site_key, or hosted = false"));
        }
        assert_eq!(found("site_key = \"x\"", &form(|_| {})), []);
        assert_eq!(found("", &form(|form| form.hosted = false)), []);
        assert_eq!(found("", &form(|form| form.enabled = false)), []);
        assert_eq!(found("", &form(|form| form.captcha = Some("altcha".into()))), []);
        assert!(
            found("", &form(|form| form.captcha = Some("other".into())))[0].message.contains("there is no captcha")
        );
    }
}
