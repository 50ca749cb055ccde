//! `[[hook]]`: third parties that post leads to `/hooks/<id>`, and `[adapters]`: what their requests look like.

mod adapters;
mod check;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::adapters::{Adapters, AdaptersConfig, BUILT_IN_ADAPTERS, files, readings};
use super::delivery::{DeliverySecret, OneOrMany};
use super::visitor::ConsentConfig;
use crate::domain::hooks::path::Path;
use crate::domain::hooks::verify::{Kind, Verifier};
use crate::domain::hooks::{Adapter, HookReading, Paths};
use crate::domain::reading::FormReading;
use crate::domain::reading::field_names;
use crate::domain::rules::FieldType;
use crate::domain::submission::Canonical;

/// One third party that posts leads to `/hooks/<id>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HookConfig {
    /// Short name: letters, digits, `-` and `_`. Rules and lists name the hook by it.
    pub id: String,
    /// What its requests look like: `typeform`, `tally`, `meta-lead-ads`, .. `pisteur hooks adapters` lists them.
    pub adapter: String,
    /// Start although the adapter's shape is not certain; what does not fit is kept and waits.
    pub allow_unverified: bool,
    /// `false` answers 410, which tells many producers to stop.
    pub enabled: bool,
    /// Topic of a lead that has none.
    pub title: Option<String>,
    /// Language when nothing else tells: an ISO 639-1 code.
    pub language: Option<String>,
    /// Country of phone numbers without prefix when nothing else tells: ISO 3166-1, two capital letters.
    pub country: Option<String>,
    /// Environment variable (or several, newest first, while a secret is changed) with the secret that proves requests.
    pub secret_env: OneOrMany<String>,
    /// File (or several, newest first) with that secret.
    pub secret_file: OneOrMany<PathBuf>,
    /// Environment variable with the verify token of the handshake (Meta).
    pub verify_token_env: Option<String>,
    /// File with the verify token of the handshake.
    pub verify_token_file: Option<PathBuf>,
    /// Environment variable with the token that fetches announced leads (Meta: a page token with `leads_retrieval`).
    pub token_env: Option<String>,
    /// File with that token; read anew for every fetch, so that it can be changed at any time.
    pub token_file: Option<PathBuf>,
    /// Forms of the producer that are asked now and then for leads whose notification was lost.
    pub backfill: Vec<String>,
    /// Minutes between two rounds of that.
    pub backfill_minutes: u32,
    /// Address of the producer's interface instead of the adapter's own.
    pub fetch_base: Option<String>,
    /// Networks in which that address may lie although they are not public.
    pub allow_private: Vec<String>,
    /// Permit `http://` for that address.
    pub allow_http: bool,
    /// PEM file with the authorities to trust for it beside the public ones.
    pub ca_file: Option<PathBuf>,
    /// Where the producer's id of a lead lies, when the adapter does not know: a path such as `data.id`.
    pub lead_id: Option<String>,
    /// Paths of fields that the adapter does not know, by what they mean: `company = "data.custom.firm"`.
    pub paths: BTreeMap<String, OneOrMany<String>>,
    /// Another proof than the adapter's: another header, prefix, encoding or algorithm.
    pub verify: Option<Verifier>,
    /// The same bytes again within so many seconds are the same request, where the producer gives no id: for as long as
    /// producers try again. Later the same signed bytes without a time stamp are held. 0 = never.
    pub duplicate_window_seconds: u64,
    /// Largest body in bytes, instead of the one in `[limits]`.
    pub body_bytes: Option<usize>,
    /// Proven requests a minute; what comes above it waits in quarantine. 0 = no limit.
    pub per_minute: u32,
    /// Days after which the bytes of its submissions are removed; 0 = never. Record, message and decision stay. What is
    /// still to be worked on or fetched keeps its bytes, and what waits in quarantine, spam excepted, keeps them 90
    /// days longer. Producers that prove themselves by a key inside the body leave it in those bytes.
    pub retention_days: u32,
    /// Fields whose meaning or type should not be guessed; rules may refer to them.
    #[serde(rename = "field")]
    pub fields: Vec<HookField>,
    /// Consents that the producer's form asks for, with the text it shows; `field` is the name as the producer sends it.
    pub consent: Vec<ConsentConfig>,
}

/// One declared field of a hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HookField {
    /// Name as the producer sends it: its label, or its key.
    pub name: String,
    /// Type of the value, for rules: `text`, `email`, `phone`, `number`, `money`, `postcode`, `country`, `bool`, `date`.
    #[serde(rename = "type", default = "text")]
    pub kind: FieldType,
    /// What it means, such as `full_name`, `email`, `company`, `message`; guessed from the name when not given.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub canonical: Option<Canonical>,
}

const fn text() -> FieldType {
    FieldType::Text
}

impl Default for HookConfig {
    fn default() -> Self {
        Self {
            id: String::new(),
            adapter: String::new(),
            allow_unverified: false,
            enabled: true,
            title: None,
            language: None,
            country: None,
            secret_env: OneOrMany::default(),
            secret_file: OneOrMany::default(),
            verify_token_env: None,
            verify_token_file: None,
            token_env: None,
            token_file: None,
            backfill: Vec::new(),
            backfill_minutes: 15,
            fetch_base: None,
            allow_private: Vec::new(),
            allow_http: false,
            ca_file: None,
            lead_id: None,
            paths: BTreeMap::new(),
            verify: None,
            duplicate_window_seconds: 3 * 86_400,
            body_bytes: None,
            per_minute: 600,
            retention_days: 0,
            fields: Vec::new(),
            consent: Vec::new(),
        }
    }
}

impl HookConfig {
    /// The secrets that prove requests, newest first.
    ///
    /// # Errors
    /// Which one cannot be read.
    pub fn secrets(&self) -> Result<Vec<DeliverySecret>, String> {
        let env = self.secret_env.as_slice().iter().map(|name| super::delivery::from_env(name));
        env.chain(self.secret_file.as_slice().iter().map(super::delivery::from_file)).collect()
    }

    /// The verify token of the handshake, if one is configured.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn verify_token(&self) -> Result<Option<DeliverySecret>, String> {
        one_of(self.verify_token_env.as_ref(), self.verify_token_file.as_ref())
    }

    /// The token that fetches leads, if one is configured; read now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn token(&self) -> Result<Option<DeliverySecret>, String> {
        one_of(self.token_env.as_ref(), self.token_file.as_ref())
    }

    /// Ways of proof under this adapter.
    #[must_use]
    pub fn verifiers(&self, adapter: &Adapter) -> Vec<Verifier> {
        self.verify.clone().map_or_else(|| adapter.verifiers.clone(), |own| vec![own])
    }

    /// How its arrivals are read.
    #[must_use]
    pub fn reading(&self, adapter: &Adapter) -> HookReading {
        let mut request = adapter.request.clone();
        if let Some(path) = self.lead_id.as_deref().and_then(|text| Path::parse(text).ok()) {
            request.id = Paths(vec![path]);
            request.id_within.clear();
        }
        let fields = self.paths.iter().map(|(name, paths)| {
            let paths = paths.as_slice().iter().filter_map(|text| Path::parse(text).ok());
            (name.clone(), Paths(paths.collect()))
        });
        let secrets = self.verifiers(adapter).into_iter().filter(|v| v.kind == Kind::Body).map(|v| v.path).collect();
        let (lead, json) = (adapter.lead.clone(), adapter.json.clone());
        HookReading { request, lead, json, fields: fields.collect(), secrets }
    }

    /// Title, language, country and meanings of fields, as of a form.
    #[must_use]
    pub fn form_reading(&self) -> FormReading {
        let boxes = self.consent.iter().map(|consent| (consent.field.clone(), Canonical::Consent));
        let named = self.fields.iter().filter_map(|field| Some((field.name.clone(), field.canonical?)));
        FormReading {
            map: boxes.chain(named).collect(),
            consents: self.consent.iter().map(ConsentConfig::reading).collect(),
            types: self.fields.iter().map(|field| (field.name.clone(), field.kind)).collect(),
            title: self.title.clone(),
            language: self.language.clone(),
            country: self.country.clone(),
            ..FormReading::default()
        }
    }

    /// Networks that its fetches may reach beside the public ones.
    #[must_use]
    pub fn networks(&self) -> Vec<IpNet> {
        self.allow_private.iter().filter_map(|network| network.parse().ok()).collect()
    }

    /// Time within which the same bytes are the same request: never shorter than a time stamp is believed, from as far
    /// ahead of this clock as it may lie to as far behind.
    #[must_use]
    pub fn duplicate_window(&self, adapter: &Adapter) -> Duration {
        let believed = self.verifiers(adapter).iter().filter_map(Verifier::tolerance).max().unwrap_or_default();
        let window = Duration::from_secs(self.duplicate_window_seconds);
        if window.is_zero() { window } else { window.max(believed * 2 + Duration::from_secs(1)) }
    }

    /// Time between two rounds of the backfill.
    #[must_use]
    pub fn backfill_every(&self) -> Duration {
        Duration::from_secs(u64::from(self.backfill_minutes.max(1)) * 60)
    }
}

fn one_of(env: Option<&String>, file: Option<&PathBuf>) -> Result<Option<DeliverySecret>, String> {
    match (env, file) {
        (Some(name), _) => super::delivery::from_env(name).map(Some),
        (None, Some(path)) => super::delivery::from_file(path).map(Some),
        (None, None) => Ok(None),
    }
}

/// Whether a name in `paths` can be a field: a canonical one, or any other that is no control name.
fn is_field_name(name: &str) -> bool {
    field_names::parse_canonical(name).is_some() || !name.trim().is_empty() && !field_names::is_control(name)
}
