//! `[[captcha.provider]]`: a service that tells whether a person sent a form.

use std::path::PathBuf;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ALTCHA;
use crate::config::Problem;
use crate::config::delivery::DeliverySecret;
use crate::config::delivery::secret::{from_env, from_file};

/// Which service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// Cloudflare Turnstile.
    Turnstile,
    /// hCaptcha.
    Hcaptcha,
    /// Google reCAPTCHA v2, with a box to tick.
    RecaptchaV2,
    /// Google reCAPTCHA v3, with a score.
    RecaptchaV3,
    /// Friendly Captcha v2.
    FriendlyCaptcha,
}

/// `[[captcha.provider]]`: one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// Name by which forms ask for it: letters, digits, `-` and `_`.
    pub id: String,
    /// `turnstile`, `hcaptcha`, `recaptcha_v2`, `recaptcha_v3` or `friendly_captcha`.
    pub kind: ProviderKind,
    /// Key that pages show the service with. It is no secret. A form with a page of its own needs it.
    #[serde(default)]
    pub site_key: Option<String>,
    /// Environment variable with the secret (Friendly Captcha: the API key).
    #[serde(default)]
    pub secret_env: Option<String>,
    /// File with the secret.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// Where tokens are checked, when not at the service's usual address: another region, or a relay. With
    /// `https://eu.frcapi.com/..` our own pages ask Friendly Captcha only there, too.
    #[serde(default)]
    pub url: Option<String>,
    /// Address of the service's script for our own pages, when not its usual one: another region, such as
    /// `https://www.recaptcha.net/recaptcha/api.js`, or a copy of yours.
    #[serde(default)]
    pub script_url: Option<String>,
    /// Websites on which a token may have been made, such as `["www.example.com"]`. Empty: not looked at.
    #[serde(default)]
    pub hostnames: Vec<String>,
    /// Action with which a token must have been made; our own pages ask with it. Not looked at when not set.
    #[serde(default)]
    pub action: Option<String>,
    /// Score, 0 to 1, below which a submission is suspect, where the service gives one.
    #[serde(default = "half")]
    pub min_score: Score,
    /// Networks in which the address may lie although they are not public, for example `["10.0.0.0/8"]`.
    #[serde(default)]
    pub allow_private: Vec<String>,
    /// Permit `http://` without encryption.
    #[serde(default)]
    pub allow_http: bool,
    /// PEM file with the authorities to trust beside the public ones.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// A score in thousandths, written as 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schemars(with = "f64")]
pub struct Score(u16);

impl Score {
    /// The score nearest to a number; outside 0 to 1 there is none.
    #[must_use]
    pub fn of(number: f64) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
        (0.0..=1.0).contains(&number).then(|| Self((number * 1_000.0).round() as u16))
    }
}

impl TryFrom<f64> for Score {
    type Error = &'static str;

    fn try_from(number: f64) -> Result<Self, Self::Error> {
        Self::of(number).ok_or("a number from 0 to 1 is needed, such as 0.5")
    }
}

impl From<Score> for f64 {
    fn from(score: Score) -> Self {
        Self::from(score.0) / 1_000.0
    }
}

const fn half() -> Score {
    Score(500)
}

impl ProviderConfig {
    /// Reads the secret.
    ///
    /// # Errors
    /// One sentence naming what is missing.
    pub fn secret(&self) -> Result<DeliverySecret, String> {
        match (&self.secret_env, &self.secret_file) {
            (Some(name), _) => from_env(name),
            (None, Some(path)) => from_file(path),
            (None, None) => {
                Err("no secret: name a variable (secret_env) or a file (secret_file) that holds it".to_owned())
            }
        }
    }

    /// Networks of `allow_private`; entries that are none are left to [`CaptchaConfig::validate`].
    #[must_use]
    pub fn networks(&self) -> Vec<IpNet> {
        self.allow_private.iter().filter_map(|network| network.parse().ok()).collect()
    }

    /// The key that pages show it with.
    #[must_use]
    pub fn key_for_pages(&self) -> Option<&str> {
        self.site_key.as_deref().map(str::trim).filter(|key| !key.is_empty())
    }

    pub(super) fn validate(&self, key: &str, problems: &mut Vec<Problem>) {
        let mut add = |name: &str, message: String| problems.push(Problem::new(format!("{key}.{name}"), message));
        let named = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.id.is_empty() || !self.id.chars().all(named) {
            add("id", format!("{:?} is no name: use letters, digits, - and _", self.id));
        }
        if self.id == ALTCHA {
            add("id", "this name belongs to our own captcha; choose another".to_owned());
        }
        if let Err(message) = self.secret() {
            add(
                if self.secret_file.is_some() && self.secret_env.is_none() { "secret_file" } else { "secret_env" },
                message,
            );
        }
        for (name, address) in [("url", &self.url), ("script_url", &self.script_url)] {
            match address.as_deref().map(url::Url::parse) {
                None => {}
                Some(Ok(url)) if url.scheme() == "https" || (url.scheme() == "http" && self.allow_http) => {}
                Some(_) => add(name, "not an address: write https://host/path, or set allow_http = true".to_owned()),
            }
        }
        // What both services that know actions take.
        let taken = |c: char| c.is_ascii_alphanumeric() || "_-/".contains(c);
        if self.action.as_deref().is_some_and(|action| action.is_empty() || !action.chars().all(taken)) {
            add("action", "letters, digits, _, - and / only, such as contact".to_owned());
        }
        for network in self.allow_private.iter().filter(|network| network.parse::<IpNet>().is_err()) {
            add("allow_private", format!("{network:?} is no network: write it like 10.0.0.0/8 or fd00::/8"));
        }
        for name in self.hostnames.iter().filter(|name| name.contains(['/', ':', '@', ' ']) || name.is_empty()) {
            add("hostnames", format!("{name:?} is no host name: write it like www.example.com"));
        }
    }
}
