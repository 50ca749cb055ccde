//! A house with one hook, and requests as fixtures hold them.

use std::collections::BTreeMap;
use std::path::Path;

use pisteur::config::{self, Config, Source};
use pisteur::domain::enquiry::{Enquiry, understand};
use pisteur::domain::envelope::Envelope;
use pisteur::domain::reading;
use pisteur::domain::submission::Submission;
use serde::Deserialize;

use crate::forms::house::{House, Plan};
use crate::support::http::Answer;

/// What one producer sends, and what is to come of it.
#[derive(Debug, Clone, Deserialize)]
pub struct Fixture {
    pub adapter: String,
    pub secret: String,
    pub content_type: String,
    pub address: String,
    pub id: String,
    pub reply: String,
    pub dated: bool,
    pub body: String,
    #[serde(default)]
    pub config: String,
    pub headers: BTreeMap<String, String>,
    pub expect: BTreeMap<String, String>,
    pub bad: Vec<Bad>,
}

/// The same without a right proof.
#[derive(Debug, Clone, Deserialize)]
pub struct Bad {
    pub address: String,
    pub body: String,
    pub headers: BTreeMap<String, String>,
}

impl Fixture {
    pub fn named(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hooks/fixtures").join(format!("{name}.toml"));
        toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// Every fixture by name.
    pub fn all() -> Vec<(String, Self)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hooks/fixtures");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|e| Some(e.unwrap().path().file_stem()?.to_str()?.to_owned()))
            .collect();
        names.sort();
        names.into_iter().map(|name| (name.clone(), Self::named(&name))).collect()
    }

    /// A house with this hook, called `x`.
    pub async fn house(&self) -> Rig {
        Rig::open(&[("x", &self.adapter, &self.secret, &self.config)]).await
    }

    pub fn send(&self, rig: &Rig) -> Answer {
        rig.post(&format!("x{}", self.address), &self.content_type, &pairs(&self.headers), self.body.as_bytes())
    }
}

pub fn pairs(headers: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect()
}

/// Doors over a real store, without workers.
pub struct Rig {
    pub house: House,
    pub config: Config,
}

impl Rig {
    /// With hooks: id, adapter, secret, further keys. `VERIFY` stands for a file with the verify token `verify-me`.
    pub async fn open(hooks: &[(&str, &str, &str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = config_of(folder.path(), hooks);
        let config = read(&config).unwrap();
        let house = House::open(Plan { config: config.clone(), ..Plan::default() }).await;
        Self { house, config }
    }

    pub fn post(&self, hook: &str, content_type: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut all = headers.to_vec();
        if !content_type.is_empty() {
            all.push(("content-type", content_type));
        }
        self.house.http.request("POST", &format!("/hooks/{hook}"), &all, body).unwrap()
    }

    /// What is read out of the newest arrival.
    pub async fn newest(&self) -> (Envelope, Submission, Enquiry) {
        let envelope = self.house.newest().await;
        let (submission, enquiry) = understood(&self.config, &envelope);
        (envelope, submission, enquiry)
    }
}

/// What is read out of an arrival under this configuration.
pub fn understood(config: &Config, envelope: &Envelope) -> (Submission, Enquiry) {
    let settings = config.read_settings();
    let submission = reading::read(envelope, &settings);
    let enquiry = understand(&submission, envelope, &settings);
    (submission, enquiry)
}

/// A configuration with hooks whose secrets lie in `folder`.
pub fn config_of(folder: &Path, hooks: &[(&str, &str, &str, &str)]) -> String {
    let verify = folder.join("verify");
    std::fs::write(&verify, "verify-me\n").unwrap();
    let mut text = "own_domains = [\"our-company.example\"]\n".to_owned();
    for (id, adapter, secret, more) in hooks {
        let file = folder.join(format!("{id}.secret"));
        std::fs::write(&file, secret).unwrap();
        let more = more.replace("VERIFY", &verify.display().to_string());
        text.push_str(&format!(
            "[[hook]]\nid = \"{id}\"\nadapter = \"{adapter}\"\nsecret_file = \"{}\"\n{more}\n",
            file.display()
        ));
    }
    text
}

pub fn read(text: &str) -> Result<Config, config::ConfigError> {
    config::parse("shop.toml", text, &[], Source::default())
}
