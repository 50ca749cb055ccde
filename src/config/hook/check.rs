//! What can be wrong with `[[hook]]`, and its remedy.

use ipnet::IpNet;

use super::{Adapters, HookConfig, is_field_name};
use crate::config::Problem;
use crate::domain::hooks::Adapter;
use crate::domain::hooks::handshake::Handshake;
use crate::domain::hooks::path::Path;
use crate::domain::hooks::verify::Kind;

/// Shortest secret that could be guessed by trying it (a token, a password, a key in the body), in characters.
const SHORTEST: usize = 12;
/// Shortest verify token, in characters: whoever has it is only told back what they sent.
const SHORTEST_VERIFY: usize = 8;
/// Shortest secret that may stand in an address, in characters.
const SHORTEST_IN_ADDRESS: usize = 16;

type Add<'a> = &'a mut dyn FnMut(&str, String);

impl HookConfig {
    /// What is wrong with it; reads the secrets to see that they are there.
    #[must_use]
    pub fn validate(&self, adapters: &Adapters) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut add = |key: &str, message: String| problems.push(Problem::new(key, message));
        if !crate::config::form::is_path_name(&self.id) {
            add("id", "give a short name of letters, digits, - and _, such as typeform".to_owned());
        }
        if self.language.as_deref().is_some_and(|l| l.len() != 2 || !l.bytes().all(|b| b.is_ascii_lowercase())) {
            add("language", "two small letters are needed, such as fr (ISO 639-1)".to_owned());
        }
        if self.country.as_deref().is_some_and(|c| c.len() != 2 || !c.bytes().all(|b| b.is_ascii_uppercase())) {
            add("country", "two capital letters are needed, such as FR (ISO 3166-1)".to_owned());
        }
        if self.retention_days > 36_500 {
            add("retention_days", "at most 36500 (a hundred years); 0 = never".to_owned());
        }
        self.validate_paths(&mut add);
        self.validate_fetching(&mut add);
        match adapters.get(&self.adapter) {
            None => add("adapter", adapters.unknown(&self.adapter)),
            Some(adapter) => self.validate_under(adapter, &mut add),
        }
        problems.extend(crate::config::visitor::consents(&self.consent));
        problems
    }

    fn validate_paths(&self, add: Add<'_>) {
        if let Some(Err(message)) = self.lead_id.as_deref().map(Path::parse) {
            add("lead_id", message);
        }
        for (name, paths) in &self.paths {
            if !is_field_name(name) {
                add(
                    "paths",
                    format!("\"{name}\" is no field: write one such as full_name, email, company, or your own name"),
                );
            }
            for text in paths.as_slice() {
                if let Err(message) = Path::parse(text) {
                    add("paths", format!("{name}: {message}"));
                }
            }
        }
        for (i, field) in self.fields.iter().enumerate().filter(|(_, f)| f.name.trim().is_empty()) {
            add(&format!("field.{i}.name"), format!("\"{}\": give the name that the producer sends", field.name));
        }
    }

    fn validate_fetching(&self, add: Add<'_>) {
        if let Some(base) = &self.fetch_base {
            match url::Url::parse(base) {
                Ok(url) if url.path() != "/" || url.query().is_some() || !url.username().is_empty() => {
                    add("fetch_base", "scheme, host and port only, such as https://graph.facebook.com".to_owned());
                }
                Ok(url) if url.scheme() == "https" || url.scheme() == "http" && self.allow_http => {}
                Ok(_) => add("fetch_base", "https is needed, or allow_http = true".to_owned()),
                Err(error) => add("fetch_base", format!("not an address ({error}): write https://host")),
            }
        }
        for network in self.allow_private.iter().filter(|n| n.parse::<IpNet>().is_err()) {
            add("allow_private", format!("{network:?} is no network: write it like 10.0.0.0/8 or fd00::/8"));
        }
        if !(1..=1_440).contains(&self.backfill_minutes) {
            add("backfill_minutes", "between 1 and 1440".to_owned());
        }
        if let Err(message) = self.token() {
            add(if self.token_env.is_some() { "token_env" } else { "token_file" }, message);
        }
    }

    fn validate_under(&self, adapter: &Adapter, add: Add<'_>) {
        if !adapter.verified && !self.allow_unverified {
            add(
                "adapter",
                format!(
                    "{} is not verified ({}); set allow_unverified = true to use it all the same: what does not fit is kept and waits",
                    adapter.name, adapter.note
                ),
            );
        }
        match &adapter.fetch {
            None if !self.backfill.is_empty() => add("backfill", format!("{} fetches nothing", adapter.name)),
            Some(fetch)
                if !fetch.verified
                    && !self.allow_unverified
                    && (self.token_env.is_some() || self.token_file.is_some()) =>
            {
                add(
                    "adapter",
                    format!(
                        "fetching leads with {} is not verified; set allow_unverified = true to fetch all the same, or leave the token out",
                        adapter.name
                    ),
                );
            }
            Some(fetch) if fetch.backfill.is_none() && !self.backfill.is_empty() => {
                add("backfill", format!("{} cannot be asked for lost leads", adapter.name));
            }
            _ => {}
        }
        if let Some(Err(message)) = self.verify.as_ref().map(crate::domain::hooks::verify::Verifier::check) {
            add("verify", message);
        }
        self.validate_secrets(adapter, add);
    }

    fn validate_secrets(&self, adapter: &Adapter, add: Add<'_>) {
        let verifiers = self.verifiers(adapter);
        let key = if self.secret_env.as_slice().is_empty() { "secret_file" } else { "secret_env" };
        if self.secret_env.as_slice().is_empty() && self.secret_file.as_slice().is_empty() {
            add(
                "secret_env",
                "no secret: name a variable (secret_env) or a file (secret_file) with the producer's secret; \
                without one nobody could be believed"
                    .to_owned(),
            );
        }
        match self.secrets() {
            Err(message) => add(key, message),
            Ok(secrets) => {
                for secret in &secrets {
                    let usable: Vec<_> = verifiers.iter().filter(|v| v.key(secret.expose()).is_ok()).collect();
                    let why = || verifiers.iter().find_map(|v| v.key(secret.expose()).err()).unwrap_or_default();
                    let in_address = usable.iter().any(|v| v.kind == Kind::Path);
                    if usable.is_empty() {
                        add(key, why());
                    } else if in_address && !may_stand_in_address(secret.expose()) {
                        add(
                            key,
                            format!(
                                "a secret that stands in an address needs {SHORTEST_IN_ADDRESS} letters and digits at least: \
                             make one with `openssl rand -hex 16`"
                            ),
                        );
                    } else if usable.iter().any(|v| is_guessable(v.kind, secret.expose())) {
                        add(
                            key,
                            format!(
                                "a secret that is sent as it is needs {SHORTEST} characters at least, and so does a \
                                 password: make one with `openssl rand -hex 16`"
                            ),
                        );
                    }
                }
            }
        }
        let echoes = matches!(adapter.handshake, Some(Handshake::Echo { .. }));
        match self.verify_token() {
            Ok(None) if echoes => add(
                "verify_token_env",
                format!(
                    "{} asks for a verify token: name a variable (verify_token_env) or a file (verify_token_file)",
                    adapter.title
                ),
            ),
            Ok(Some(token)) if token.expose().chars().count() < SHORTEST_VERIFY => add(
                if self.verify_token_env.is_some() { "verify_token_env" } else { "verify_token_file" },
                format!(
                    "a verify token needs {SHORTEST_VERIFY} characters at least: make one with `openssl rand -hex 16`"
                ),
            ),
            Ok(_) => {}
            Err(message) => {
                add(if self.verify_token_env.is_some() { "verify_token_env" } else { "verify_token_file" }, message);
            }
        }
    }
}

/// Whether it could be found out by trying.
fn is_guessable(kind: Kind, secret: &str) -> bool {
    let sent = match kind {
        Kind::Token | Kind::Body => secret,
        Kind::Basic => secret.split_once(':').map_or("", |(_, password)| password),
        Kind::Signature | Kind::Path => return false,
    };
    sent.chars().count() < SHORTEST
}

fn may_stand_in_address(secret: &str) -> bool {
    secret.len() >= SHORTEST_IN_ADDRESS && secret.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapters() -> Adapters {
        let (adapters, faults) = Adapters::load(None);
        assert_eq!(faults, []);
        adapters
    }

    fn problems(text: &str) -> Vec<String> {
        let hook: HookConfig = toml::from_str(text).expect("parses");
        hook.validate(&adapters()).into_iter().map(|p| format!("{}: {}", p.key, p.message)).collect()
    }

    fn finds(text: &str, wanted: &str) {
        let found = problems(text);
        assert!(found.iter().any(|f| f.starts_with(wanted)), "{wanted} not in {found:#?}");
    }

    /// Writes a file; its path.
    fn write(folder: &std::path::Path, name: &str, text: &str) -> String {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    #[test]
    fn each_mistake_names_its_key_and_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name, text| write(folder.path(), name, text);
        let (short, good) = (file("short", "abc!"), file("good", "0123456789abcdef"));
        for (text, wanted) in [
            ("adapter = 'typeform'".to_owned(), "id: give a short name"),
            (
                "id = 'x'\nadapter = 'typefrom'".to_owned(),
                "adapter: there is no adapter \"typefrom\"; did you mean typeform",
            ),
            ("id = 'x'\nadapter = 'typeform'".to_owned(), "secret_env: no secret"),
            (
                "id = 'x'\nadapter = 'typeform'\nsecret_env = 'PISTEUR_TEST_NOT_SET'".to_owned(),
                "secret_env: the environment variable PISTEUR_TEST_NOT_SET is not set",
            ),
            (
                format!("id = 'x'\nadapter = 'jotform'\nsecret_file = '{short}'"),
                "secret_file: a secret that stands in an address needs 16",
            ),
            (
                format!("id = 'x'\nadapter = 'basic'\nsecret_file = '{good}'"),
                "secret_file: a user and a password are needed",
            ),
            (format!("id = 'x'\nadapter = 'elementor'\nsecret_file = '{good}'"), "adapter: elementor is not verified"),
            (
                format!("id = 'x'\nadapter = 'meta-lead-ads'\nsecret_file = '{good}'"),
                "verify_token_env: Meta lead ads asks for a verify token",
            ),
            (
                format!("id = 'x'\nadapter = 'linkedin-lead-gen'\nsecret_file = '{good}'\ntoken_file = '{good}'"),
                "adapter: fetching leads with linkedin-lead-gen is not verified",
            ),
            (
                format!("id = 'x'\nadapter = 'standard-webhooks'\nsecret_file = '{short}'"),
                "secret_file: the secret is not in the producer's form",
            ),
            (
                format!(
                    "id = 'x'\nadapter = 'hmac'\nsecret_file = '{good}'\nlead_id = 'a..b'\npaths = {{ _cc = 'x', email = 'a[' }}"
                ),
                "lead_id: the path",
            ),
            (
                format!("id = 'x'\nadapter = 'hmac'\nsecret_file = '{good}'\nbackfill = ['1']"),
                "backfill: hmac fetches nothing",
            ),
            (
                format!("id = 'x'\nadapter = 'hmac'\nsecret_file = '{good}'\nfetch_base = 'http://x'"),
                "fetch_base: https is needed",
            ),
            (
                format!(
                    "id = 'x'\nadapter = 'hmac'\nsecret_file = '{good}'\nverify = {{ header = 'x', signed = '{{ts}}' }}"
                ),
                "verify: verify.signed",
            ),
        ] {
            finds(&text, wanted);
        }
        assert_eq!(problems(&format!("id = 'x'\nadapter = 'typeform'\nsecret_file = '{short}'")), Vec::<String>::new());
        let allowed = format!("id = 'x'\nadapter = 'elementor'\nsecret_file = '{good}'\nallow_unverified = true");
        assert_eq!(problems(&allowed), Vec::<String>::new());
    }

    #[test]
    fn a_secret_that_could_be_guessed_and_a_table_that_is_wrong_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name, text| write(folder.path(), name, text);
        let (short, good) = (file("short", "abc!"), file("good", "0123456789abcdef"));
        let password = file("password", "a-long-user-name:short");
        for (text, wanted) in [
            (
                format!("id = 'x'\nadapter = 'bearer'\nsecret_file = '{short}'"),
                "secret_file: a secret that is sent as it is needs 12",
            ),
            (
                format!("id = 'x'\nadapter = 'google-lead-form'\nsecret_file = '{short}'"),
                "secret_file: a secret that is sent as it is needs 12",
            ),
            (
                format!("id = 'x'\nadapter = 'basic'\nsecret_file = '{password}'"),
                "secret_file: a secret that is sent as it is needs 12",
            ),
            (
                format!("id = 'x'\nadapter = 'meta-lead-ads'\nsecret_file = '{good}'\nverify_token_file = '{short}'"),
                "verify_token_file: a verify token needs 8",
            ),
            (
                format!("id = 'x'\nadapter = 'hmac'\nsecret_file = '{good}'\nretention_days = 40000"),
                "retention_days: at most 36500",
            ),
            (
                format!(
                    "id = 'x'\nadapter = 'hmac'\nsecret_file = '{good}'\nconsent = [{{ field = 'n', purpose = '', text = {{}} }}]"
                ),
                "consent.0.purpose: say in a word",
            ),
        ] {
            finds(&text, wanted);
        }
    }
}
