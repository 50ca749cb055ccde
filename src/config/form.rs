//! `[[form]]`: website forms.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::Problem;
use super::http::LimitsConfig;
use super::screening::ScreeningConfig;
use super::visitor::{AcknowledgementConfig, ConsentConfig, DoubleOptInConfig, PrivacyConfig};
use crate::domain::enquiry::consent::ConsentReading;
use crate::domain::reading::{FormReading, field_names, files};
use crate::domain::rules::FieldType;
use crate::domain::submission::Canonical;

mod field;

pub use self::field::{FormField, PerLanguage, in_language};

/// One form that websites post to `/f/<id>`. Opened in a browser, the same address shows the form with its fields, for
/// whoever has no website to put it on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the file")]
pub struct FormConfig {
    /// Short name: letters, digits, `-` and `_`. Rules and lists name the form by it.
    pub id: String,
    /// Name in the address instead of `id`, hard to guess; with it `/f/<id>` answers 404.
    pub public_id: Option<String>,
    /// Heading of the form, also the topic of an enquiry that has none.
    pub title: Option<String>,
    /// `false` answers 410.
    pub enabled: bool,
    /// Show the form to whoever opens its address in a browser; `false` answers 405 there.
    pub hosted: bool,
    /// Heading of the form's own page by language, instead of `title`.
    pub heading: PerLanguage,
    /// What stands below the heading, by language, instead of the house's sentence.
    pub intro: PerLanguage,
    /// Language when the visitor shows none: `fr`, `en`, `cs`, `fa`, or another ISO 639-1 code.
    pub language: Option<String>,
    /// Country of phone numbers without prefix when nothing else tells: ISO 3166-1, two capital letters.
    pub country: Option<String>,
    /// Page a browser is sent to afterwards; without it a thank-you page in the visitor's language is shown.
    pub redirect: Option<String>,
    /// Websites to which a request may ask to be sent afterwards (`_next`), such as `https://www.example.com`. Those of
    /// `allowed_origins`, other than a `*` for all, need not be repeated.
    pub allowed_redirects: Vec<String>,
    /// Websites whose scripts may post: `https://www.example.com`, `https://*.example.com`, or `*` for all. Empty: only
    /// this address itself; plain HTML forms of any site still work.
    pub allowed_origins: Vec<String>,
    /// Take what names no website at all: `Origin: null` (a frame without rights, a page out of a file) and none (a
    /// program, an old browser). `false` answers 403 and keeps it in quarantine.
    pub allow_no_origin: bool,
    /// Take uploaded files.
    pub allow_files: bool,
    /// Files it takes, by ending (`pdf`, `png`, `docx`) or group: `pdf`, `image`, `office`, `text`, `archive`, `drawing`,
    /// `audio`, `video`. Name, declared type and content must agree. Programs, scripts and pages (HTML, SVG) are never
    /// taken. A file that is not taken is kept with the submission, marked, and the visitor is told.
    pub allowed_file_types: Vec<String>,
    /// Largest file in bytes, instead of the one in `[limits]`.
    pub file_bytes: Option<usize>,
    /// Refuse names that are not declared with `field`: 422 names them. What was sent is kept in quarantine.
    pub strict: bool,
    /// Largest body in bytes, instead of the one in `[limits]`.
    pub body_bytes: Option<usize>,
    /// Most fields, instead of those in `[limits]`.
    pub max_fields: Option<usize>,
    /// Most files, instead of those in `[limits]`.
    pub max_files: Option<usize>,
    /// The same content again within so many seconds is the same submission. 0 = never.
    pub duplicate_window_seconds: u64,
    /// Captcha to ask for: `altcha` (our own, no third party), or the id of a `[[captcha.provider]]`.
    pub captcha: Option<String>,
    /// A submission whose captcha is missing or failed is answered 403 and waits in quarantine; `false` only holds it
    /// against the submission.
    pub captcha_required: bool,
    /// How spam is told.
    pub screening: ScreeningConfig,
    /// Fields of the form whose meaning or type should not be guessed; rules may refer to them.
    #[serde(rename = "field")]
    pub fields: Vec<FormField>,
    /// Consents it asks for.
    pub consent: Vec<ConsentConfig>,
    /// Mail to the visitor that the message has arrived.
    pub acknowledgement: AcknowledgementConfig,
    /// Mail that asks the visitor to confirm.
    pub double_opt_in: DoubleOptInConfig,
    /// What is kept of visitors.
    pub privacy: PrivacyConfig,
}

impl Default for FormConfig {
    fn default() -> Self {
        Self {
            id: String::new(),
            public_id: None,
            title: None,
            enabled: true,
            hosted: true,
            heading: PerLanguage::new(),
            intro: PerLanguage::new(),
            language: None,
            country: None,
            redirect: None,
            allowed_redirects: Vec::new(),
            allowed_origins: Vec::new(),
            allow_no_origin: true,
            allow_files: false,
            allowed_file_types: files::USUAL.map(str::to_owned).into(),
            file_bytes: None,
            strict: false,
            body_bytes: None,
            max_fields: None,
            max_files: None,
            duplicate_window_seconds: 300,
            captcha: None,
            captcha_required: true,
            screening: ScreeningConfig::default(),
            fields: Vec::new(),
            consent: Vec::new(),
            acknowledgement: AcknowledgementConfig::default(),
            double_opt_in: DoubleOptInConfig::default(),
            privacy: PrivacyConfig::default(),
        }
    }
}

impl FormConfig {
    /// Whether a field is what the visitor says: its meaning is declared, or its name is no control name.
    #[must_use]
    pub fn is_data(&self, name: &str) -> bool {
        let declared = |field: &FormField| field.name == name && field.canonical.is_some();
        self.fields.iter().any(declared) || field_names::is_data(name)
    }

    /// A form as shipped, under this id.
    #[must_use]
    pub fn named(id: &str) -> Self {
        Self { id: id.to_owned(), ..Self::default() }
    }

    /// The name in its address.
    #[must_use]
    pub fn path_name(&self) -> &str {
        self.public_id.as_deref().unwrap_or(&self.id)
    }

    /// Time within which the same content is the same submission; zero = never.
    #[must_use]
    pub const fn duplicate_window(&self) -> Duration {
        Duration::from_secs(self.duplicate_window_seconds)
    }

    /// Declared types by field name, for rules.
    #[must_use]
    pub fn field_types(&self) -> BTreeMap<String, FieldType> {
        self.fields.iter().map(|field| (field.name.clone(), field.kind)).collect()
    }

    /// How its fields are to be understood.
    #[must_use]
    pub fn reading(&self) -> FormReading {
        let meanings = self.fields.iter().filter_map(|field| Some((field.name.clone(), field.canonical?)));
        let boxes = self.consent.iter().map(|consent| (consent.field.clone(), Canonical::Consent));
        FormReading {
            map: meanings.chain(boxes).collect(),
            types: self.field_types(),
            title: self.title.clone(),
            language: self.language.clone(),
            country: self.country.clone(),
            consents: self.consents(),
            file_types: self.allowed_file_types.clone(),
            ..FormReading::default()
        }
    }

    /// How many files of what size it takes, where `limits` are in force.
    #[must_use]
    pub fn file_bounds(&self, limits: &LimitsConfig) -> files::Bounds {
        files::Bounds {
            taken: self.allow_files,
            most: self.max_files.unwrap_or(limits.files),
            bytes: self.file_bytes.unwrap_or(limits.file_bytes),
            name_bytes: limits.file_name_bytes,
        }
    }

    /// Consents it asks for: its own list, and boxes among its fields whose text says what a tick agrees to.
    #[must_use]
    pub fn consents(&self) -> Vec<ConsentReading> {
        let listed = |name: &String| self.consent.iter().any(|consent| consent.field == *name);
        let agrees = |field: &&FormField| {
            let meaning = field.canonical.or_else(|| field_names::canonical(&field.name));
            meaning == Some(Canonical::Consent) && !field.text.is_empty()
        };
        let boxes = self.fields.iter().filter(agrees).filter(|field| !listed(&field.name));
        let boxes = boxes.map(|field| ConsentReading {
            field: field.name.clone(),
            purpose: field.name.clone(),
            version: None,
            text: field.text.clone(),
            yes: Vec::new(),
        });
        self.consent.iter().map(ConsentConfig::reading).chain(boxes).collect()
    }

    /// What is wrong with it.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !is_path_name(&self.id) {
            problems.push(Problem::new("id", "give a short name of letters, digits, - and _, such as contact"));
        }
        if self.public_id.as_deref().is_some_and(|name| !is_path_name(name)) {
            problems.push(Problem::new("public_id", "only letters, digits, - and _, at most 80"));
        }
        if self.language.as_deref().is_some_and(|l| l.len() != 2 || !l.bytes().all(|b| b.is_ascii_lowercase())) {
            problems.push(Problem::new("language", "two small letters are needed, such as fr (ISO 639-1)"));
        }
        if self.country.as_deref().is_some_and(|c| c.len() != 2 || !c.bytes().all(|b| b.is_ascii_uppercase())) {
            problems.push(Problem::new("country", "two capital letters are needed, such as FR (ISO 3166-1)"));
        }
        if self.redirect.as_deref().is_some_and(|page| !is_page(page)) {
            problems
                .push(Problem::new("redirect", "not a page; write it as https://www.example.com/thanks or /thanks"));
        }
        for (i, site) in self.allowed_redirects.iter().enumerate() {
            if origin(site).is_none() {
                let message = "not a website; write it as https://www.example.com";
                problems.push(Problem::new(format!("allowed_redirects.{i}"), message));
            }
        }
        for (i, site) in self.allowed_origins.iter().enumerate() {
            if let Err(message) = check_origin_pattern(site) {
                problems.push(Problem::new(format!("allowed_origins.{i}"), message));
            }
        }
        problems.extend(field::validate_texts("heading", &self.heading));
        problems.extend(field::validate_texts("intro", &self.intro));
        problems.extend(self.validate_files());
        problems.extend(self.screening.validate().into_iter().map(|problem| problem.under("screening")));
        problems.extend(self.validate_fields());
        problems.extend(self.validate_visitor());
        problems
    }

    fn validate_files(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (i, word) in self.allowed_file_types.iter().enumerate() {
            let key = format!("allowed_file_types.{i}");
            if files::is_never_taken(word) {
                problems.push(Problem::new(key, "never taken: it could run, or show as a page in a browser"));
            } else if !files::is_known(word) {
                problems
                    .push(Problem::new(key, format!("not a kind of file; choose from {}", files::words().join(", "))));
            }
        }
        if self.allowed_file_types.is_empty() {
            let message = "name at least one kind, such as pdf; to take no files set allow_files = false";
            problems.push(Problem::new("allowed_file_types", message));
        }
        if self.file_bytes == Some(0) {
            problems.push(Problem::new("file_bytes", "at least 1 is needed; to take no files set allow_files = false"));
        }
        problems
    }

    fn validate_fields(&self) -> Vec<Problem> {
        let mut seen = BTreeMap::new();
        let mut problems = Vec::new();
        for (i, field) in self.fields.iter().enumerate() {
            let key = format!("field.{i}.name");
            if field.name.trim().is_empty() {
                problems.push(Problem::new(key, "give the name that the website sends"));
            } else if let Some(first) = seen.insert(field.name.as_str(), i) {
                problems.push(Problem::new(key, format!("\"{}\" is declared twice, first at {first}", field.name)));
            }
            problems.extend(field.validate(&format!("field.{i}")));
        }
        if self.strict && self.fields.is_empty() {
            problems.push(Problem::new(
                "strict",
                "declare the fields with field = [..]; without one nothing could be sent",
            ));
        }
        problems
    }
}

pub(super) fn is_path_name(name: &str) -> bool {
    (1..=80).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn is_page(page: &str) -> bool {
    let own = page.starts_with('/') && !page.starts_with("//") && !page.contains('\\');
    own || Url::parse(page).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Scheme, host and port of a web address without user or password, as browsers write an origin; `None` for anything
/// else.
#[must_use]
pub fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text.trim()).ok()?;
    let web = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    web.then(|| url.origin().ascii_serialization())
}

fn check_origin_pattern(text: &str) -> Result<(), &'static str> {
    if text == "*" {
        return Ok(());
    }
    let Some(rest) = text.strip_prefix("https://*.").or_else(|| text.strip_prefix("http://*.")) else {
        let bare = Url::parse(text.trim()).is_ok_and(|url| matches!(url.path(), "" | "/") && url.query().is_none());
        return origin(text)
            .filter(|_| bare)
            .map(|_| ())
            .ok_or("not a website; write it as https://www.example.com or https://*.example.com");
    };
    let host = rest.split(':').next().unwrap_or(rest);
    match psl::domain_str(host) {
        Some(_) => Ok(()),
        None => Err("too wide: a * may only stand before a registered domain, as in https://*.example.com"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::submission::Canonical;

    #[test]
    fn a_form_needs_no_more_than_an_id() {
        assert_eq!(FormConfig::named("contact").validate(), []);
        assert_eq!(FormConfig::default().validate().first().unwrap().key, "id");
    }

    #[test]
    fn what_could_send_visitors_astray_is_refused() {
        let form = FormConfig {
            redirect: Some("javascript:alert(1)".into()),
            allowed_redirects: vec!["https://ok.example".into(), "https://user@evil.example".into(), "ftp://x".into()],
            allowed_origins: vec!["https://*.co.uk".into(), "https://*.example.com".into(), "*".into(), "evil".into()],
            ..FormConfig::named("contact")
        };
        let keys: Vec<String> = form.validate().into_iter().map(|p| p.key).collect();
        assert_eq!(
            keys,
            ["redirect", "allowed_redirects.1", "allowed_redirects.2", "allowed_origins.0", "allowed_origins.3"]
        );
    }

    #[test]
    fn what_could_run_is_in_no_list_of_files() {
        let form = FormConfig {
            allowed_file_types: ["pdf", "html", ".svg", "jpeg", "word", "archive"].map(Into::into).into(),
            strict: true,
            ..FormConfig::named("contact")
        };
        let keys: Vec<String> = form.validate().into_iter().map(|p| p.key).collect();
        assert_eq!(keys, ["allowed_file_types.1", "allowed_file_types.2", "allowed_file_types.4", "strict"]);
    }

    #[test]
    fn declared_fields_reach_rules_and_reading() {
        let form: FormConfig = toml::from_str(
            "id = \"quote\"\n[[field]]\nname = \"budget\"\ntype = \"money\"\ncanonical = \"budget\"\n[[field]]\nname = \"x\"",
        )
        .unwrap();
        assert_eq!(form.field_types().get("budget"), Some(&FieldType::Money));
        assert_eq!(form.reading().map.get("budget"), Some(&Canonical::Budget));
        assert_eq!(form.reading().map.get("x"), None);
    }
}
