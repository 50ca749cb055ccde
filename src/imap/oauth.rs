//! Access tokens: obtained, cached, renewed at 80 % of their life by one caller at a time, rotated refresh tokens kept.
//!
//! The HTTP client is given as a function, because it lives in another room.
//!
//! Invariant: a rotated refresh token is never dropped. One that cannot be kept at present is held in memory, used next
//! and kept at the first occasion: providers take back a grant whose used-up token comes a second time (RFC 9700
//! section 4.14.2).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::error::{ErrorClass, ImapError, printable};
use super::secret::{self, Secret};
use crate::clock::{Clock, Timestamp};
use crate::config::mailbox::{Grant, OauthConfig};

/// Posts a form to a URL; answers status and body (at most 64 kB is read), or one sentence about the network.
pub type TokenFetcher =
    Arc<dyn Fn(String, Vec<(String, String)>) -> BoxFuture<'static, Result<(u16, Vec<u8>), String>> + Send + Sync>;

type Load = Arc<dyn Fn(String) -> BoxFuture<'static, Result<Option<String>, String>> + Send + Sync>;
type Save = Arc<dyn Fn(String, String) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Where rotated refresh tokens are kept.
#[derive(Clone)]
pub struct Vault {
    load: Load,
    save: Save,
}

impl Vault {
    /// From two functions: name -> value, and (name, value) -> kept.
    pub fn new(load: Load, save: Save) -> Self {
        Self { load, save }
    }

    /// Keeps nothing (where no database is open).
    #[must_use]
    pub fn forgetful() -> Self {
        Self { load: Arc::new(|_| Box::pin(async { Ok(None) })), save: Arc::new(|_, _| Box::pin(async { Ok(()) })) }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

/// A rotated refresh token beside the fingerprint of the configured one it came from: an operator who configures a
/// new one is obeyed, whatever was kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    seed: String,
    token: String,
    /// When the provider gave it.
    #[serde(default)]
    at: Option<Timestamp>,
}

/// An access token to log in with.
pub(super) struct Token {
    pub(super) secret: Secret,
    /// Obtained for this very login: when it is refused, another one will not help.
    pub(super) fresh: bool,
}

struct Cached {
    secret: Secret,
    obtained_at: Timestamp,
    renew_at: Timestamp,
    expires_at: Timestamp,
}

/// What is held in memory.
#[derive(Default)]
struct Held {
    access: Option<Cached>,
    /// A rotated refresh token that is not kept yet.
    rotated: Option<Kept>,
    /// Why it is not.
    trouble: Option<String>,
    /// When the provider gave the refresh token in force, if it rotates them.
    granted_at: Option<Timestamp>,
}

/// How the tokens of a mailbox fare, for metrics, readiness and `doctor`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenFacts {
    /// When the access token ends.
    pub expires_at: Option<Timestamp>,
    /// When it was obtained: the grant worked then.
    pub obtained_at: Option<Timestamp>,
    /// When the provider gave the refresh token in force; unknown for the one of the configuration.
    pub granted_at: Option<Timestamp>,
    /// Why the refresh token in force is not kept, one sentence.
    pub trouble: Option<String>,
}

/// The access token of one mailbox.
pub struct TokenSource {
    name: String,
    config: OauthConfig,
    clock: Arc<dyn Clock>,
    fetch: TokenFetcher,
    vault: Vault,
    held: Mutex<Held>,
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The token endpoint's answer (RFC 6749 sections 5.1 and 5.2).
#[derive(Deserialize, Default)]
#[serde(default)]
struct Answer {
    access_token: Option<String>,
    expires_in: Option<serde_json::Value>,
    refresh_token: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

impl TokenSource {
    /// For the mailbox `id`.
    pub fn new(id: &str, config: OauthConfig, clock: Arc<dyn Clock>, fetch: TokenFetcher, vault: Vault) -> Self {
        Self { name: format!("oauth:{id}"), config, clock, fetch, vault, held: Mutex::default() }
    }

    /// How the tokens fare. Tries to keep a rotated refresh token that is not kept yet.
    pub async fn facts(&self) -> TokenFacts {
        let mut held = self.held.lock().await;
        self.keep(&mut held).await;
        TokenFacts {
            expires_at: held.access.as_ref().map(|token| token.expires_at),
            obtained_at: held.access.as_ref().map(|token| token.obtained_at),
            granted_at: held.granted_at,
            trouble: held.trouble.clone(),
        }
    }

    /// Forgets the access token: the server did not take it.
    pub async fn forget(&self) {
        self.held.lock().await.access = None;
    }

    /// The access token: cached until 80 % of its life. Callers wait for one another, so it is renewed once.
    pub(super) async fn token(&self) -> Result<Token, ImapError> {
        let mut held = self.held.lock().await;
        self.keep(&mut held).await;
        if let Some(known) = held.access.as_ref()
            && self.clock.now() < known.renew_at
        {
            return Ok(Token { secret: known.secret.clone(), fresh: false });
        }
        let new = self.obtain(&mut held).await?;
        let secret = new.secret.clone();
        held.access = Some(new);
        Ok(Token { secret, fresh: true })
    }

    async fn obtain(&self, held: &mut Held) -> Result<Cached, ImapError> {
        let mut form = vec![("client_id".to_owned(), self.config.client_id.clone())];
        if let Some(source) = &self.config.client_secret {
            let client_secret = secret::read("client_secret", source).await?;
            form.push(("client_secret".to_owned(), client_secret.expose().to_owned()));
        }
        let mut seed = None;
        match self.config.grant {
            Grant::ClientCredentials => form.push(("grant_type".to_owned(), "client_credentials".to_owned())),
            Grant::RefreshToken => {
                let (fingerprint, token) = self.refresh_token(held).await?;
                form.push(("grant_type".to_owned(), "refresh_token".to_owned()));
                form.push(("refresh_token".to_owned(), token.expose().to_owned()));
                seed = Some((fingerprint, token));
            }
        }
        // Google takes the scope of the refresh token; asking for it again is allowed by RFC 6749 section 6.
        if let Some(scope) = self.config.asked_scope() {
            form.push(("scope".to_owned(), scope.to_owned()));
        }
        let asked_at = self.clock.now();
        let (status, body) = (self.fetch)(self.config.endpoint(), form)
            .await
            .map_err(|e| ImapError::new(ErrorClass::Network, format!("token endpoint: {}", printable(&e))))?;
        let answer: Answer = serde_json::from_slice(&body).unwrap_or_default();
        let token = accepted(status, &answer)?;
        if let (Some((fingerprint, used)), Some(rotated)) = (seed, &answer.refresh_token)
            && used.expose() != rotated
        {
            held.rotated = Some(Kept { seed: fingerprint, token: rotated.clone(), at: Some(asked_at) });
            held.granted_at = Some(asked_at);
            self.keep(held).await;
        }
        Ok(cached(token, &answer, asked_at))
    }

    /// The refresh token in force with the fingerprint of the configured one.
    async fn refresh_token(&self, held: &mut Held) -> Result<(String, Secret), ImapError> {
        let Some(source) = &self.config.refresh_token else {
            return Err(ImapError::new(ErrorClass::Settings, "oauth.refresh_token is missing"));
        };
        let configured = secret::read("refresh_token", source).await?;
        let seed = blake3::hash(configured.expose().as_bytes()).to_hex().to_string();
        // One that belongs to a grant which is configured no more is of no use.
        if held.rotated.take_if(|rotated| rotated.seed != seed).is_some() {
            held.trouble = None;
        }
        if let Some(rotated) = &held.rotated {
            return Ok((seed, Secret::new(rotated.token.clone())));
        }
        let kept = (self.vault.load)(self.name.clone())
            .await
            .map_err(|e| ImapError::new(ErrorClass::Store, format!("kept refresh token: {e}")))?;
        let kept = kept.and_then(|text| serde_json::from_str::<Kept>(&text).ok()).filter(|k| k.seed == seed);
        held.granted_at = kept.as_ref().and_then(|k| k.at);
        Ok((seed, kept.map_or(configured, |k| Secret::new(k.token))))
    }

    /// Keeps a rotated refresh token. One that cannot be kept would lock the mailbox out after a restart: that shows
    /// until it is kept.
    async fn keep(&self, held: &mut Held) {
        let Some(rotated) = &held.rotated else { return };
        let saved = match serde_json::to_string(rotated) {
            Ok(text) => (self.vault.save)(self.name.clone(), text).await,
            Err(error) => Err(error.to_string()),
        };
        let name = &self.name;
        match saved {
            Ok(()) => {
                held.rotated = None;
                if held.trouble.take().is_some() {
                    tracing::info!("{name}: the new refresh token is kept now");
                }
            }
            Err(error) => {
                let why =
                    format!("the new refresh token is not kept yet ({error}); do not stop the daemon before it is");
                if held.trouble.as_ref() != Some(&why) {
                    tracing::error!("{name}: {why}");
                }
                held.trouble = Some(why);
            }
        }
    }
}

fn accepted(status: u16, answer: &Answer) -> Result<Secret, ImapError> {
    if status == 200
        && let Some(token) = answer.access_token.as_ref().filter(|t| !t.is_empty())
    {
        return Ok(Secret::new(token.clone()));
    }
    let error = answer.error.as_deref().unwrap_or("no reason given");
    let detail = answer.error_description.as_deref().unwrap_or("");
    let text = format!("the token endpoint answered {status}: {}", printable(&format!("{error} {detail}")));
    // RFC 6749 section 5.2: everything it names is permanent; 429 and 5xx pass.
    let class = match status {
        429 => ErrorClass::Throttled,
        400..=499 => ErrorClass::Auth,
        _ => ErrorClass::Network,
    };
    Err(ImapError::new(class, text))
}

fn cached(secret: Secret, answer: &Answer, asked_at: Timestamp) -> Cached {
    let seconds = match &answer.expires_in {
        Some(serde_json::Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_u64(),
        None => None,
    };
    // RFC 6749 section 5.1 only recommends expires_in; one hour is what the large providers give.
    let life = Duration::from_secs(seconds.unwrap_or(3600).min(30 * 86_400));
    Cached {
        secret,
        obtained_at: asked_at,
        renew_at: asked_at.after(life.mul_f64(0.8)),
        expires_at: asked_at.after(life),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use std::collections::BTreeMap;
    use std::sync::Mutex as Plain;

    type Calls = Arc<Plain<Vec<Vec<(String, String)>>>>;

    fn source(answers: Vec<(u16, &'static str)>, calls: &Calls, clock: &Arc<ManualClock>) -> TokenSource {
        source_with(answers, calls, clock, Shelf::default())
    }

    /// What a test keeps secrets in.
    #[derive(Clone, Default)]
    struct Shelf {
        kept: Arc<Plain<BTreeMap<String, String>>>,
        /// How often keeping fails from now on.
        failures: Arc<Plain<usize>>,
    }

    fn source_with(
        answers: Vec<(u16, &'static str)>,
        calls: &Calls,
        clock: &Arc<ManualClock>,
        shelf: Shelf,
    ) -> TokenSource {
        let config: OauthConfig = toml::from_str(
            "provider = \"google\"\nclient_id = \"id\"\nrefresh_token = { command = [\"echo\", \"first\"] }",
        )
        .unwrap();
        let answers = Arc::new(Plain::new(answers));
        let seen = Arc::clone(calls);
        let fetch: TokenFetcher = Arc::new(move |_, form| {
            seen.lock().unwrap().push(form);
            let mut answers = answers.lock().unwrap();
            let (status, body) = if answers.len() > 1 { answers.remove(0) } else { answers[0] };
            Box::pin(async move { Ok((status, body.as_bytes().to_vec())) })
        });
        let for_load = Arc::clone(&shelf.kept);
        let vault = Vault::new(
            Arc::new(move |name| {
                let found = for_load.lock().unwrap().get(&name).cloned();
                Box::pin(async move { Ok(found) })
            }),
            Arc::new(move |name, value| {
                let mut failures = shelf.failures.lock().unwrap();
                let away = *failures > 0;
                *failures = failures.saturating_sub(1);
                if !away {
                    shelf.kept.lock().unwrap().insert(name, value);
                }
                Box::pin(async move { if away { Err("the disk is full".to_owned()) } else { Ok(()) } })
            }),
        );
        TokenSource::new("m", config, Arc::clone(clock) as Arc<dyn Clock>, fetch, vault)
    }

    fn used(calls: &Calls, call: usize) -> String {
        let calls = calls.lock().unwrap();
        calls[call].iter().find(|(k, _)| k == "refresh_token").unwrap().1.clone()
    }

    #[tokio::test]
    async fn s23_tokens_are_cached_until_four_fifths_of_their_life_and_renewed_once() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1000)));
        let calls = Calls::default();
        let source = source(vec![(200, r#"{"access_token":"a","expires_in":100}"#)], &calls, &clock);
        let (one, two) = tokio::join!(source.token(), source.token());
        assert!(one.unwrap().fresh && !two.unwrap().fresh);
        clock.set(Timestamp::from_seconds(1079));
        assert!(!source.token().await.unwrap().fresh);
        clock.set(Timestamp::from_seconds(1080));
        assert!(source.token().await.unwrap().fresh);
        assert_eq!(calls.lock().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn s23_rotated_refresh_tokens_are_kept_and_used() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1000)));
        let calls = Calls::default();
        let answer = r#"{"access_token":"a","expires_in":"100","refresh_token":"second"}"#;
        let source = source(vec![(200, answer)], &calls, &clock);
        source.token().await.unwrap();
        source.forget().await;
        source.token().await.unwrap();
        assert_eq!((used(&calls, 0).as_str(), used(&calls, 1).as_str()), ("first", "second"));
    }

    #[tokio::test]
    async fn s23_a_rotated_refresh_token_that_cannot_be_kept_is_used_and_kept_later() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1000)));
        let (calls, shelf) = (Calls::default(), Shelf::default());
        let answers = vec![
            (200, r#"{"access_token":"a","expires_in":100,"refresh_token":"second"}"#),
            (200, r#"{"access_token":"b","expires_in":100,"refresh_token":"third"}"#),
            (200, r#"{"access_token":"c","expires_in":100}"#),
        ];
        let source = source_with(answers.clone(), &calls, &clock, shelf.clone());
        *shelf.failures.lock().unwrap() = 2;
        assert!(source.token().await.unwrap().fresh, "the access token is good all the same");
        let trouble = source.facts().await.trouble.unwrap();
        assert!(trouble.contains("the disk is full") && !trouble.contains("second"), "{trouble}");
        *shelf.failures.lock().unwrap() = 2;
        source.forget().await;
        source.token().await.unwrap();
        assert_eq!(used(&calls, 1), "second", "the first one is used up");
        let facts = source.facts().await;
        assert_eq!((facts.trouble, facts.granted_at), (None, Some(Timestamp::from_seconds(1000))));
        let restarted = source_with(vec![answers[2]], &calls, &clock, shelf);
        restarted.token().await.unwrap();
        assert_eq!(used(&calls, 2), "third", "it is kept for the next life");
    }

    #[tokio::test]
    async fn s24_a_revoked_grant_is_permanent_and_a_server_error_passes() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1000)));
        let calls = Calls::default();
        let answers = vec![
            (400, r#"{"error":"invalid_grant","error_description":"Token has been revoked."}"#),
            (503, "busy"),
            (429, "{}"),
        ];
        let source = source(answers, &calls, &clock);
        let revoked = source.token().await.err().unwrap();
        assert_eq!(revoked.class, ErrorClass::Auth);
        assert!(revoked.text.contains("invalid_grant"));
        assert_eq!(source.token().await.err().unwrap().class, ErrorClass::Network);
        assert_eq!(source.token().await.err().unwrap().class, ErrorClass::Throttled);
    }
}
