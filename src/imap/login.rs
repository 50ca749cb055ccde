//! LOGIN, AUTHENTICATE PLAIN and XOAUTH2, then what a new session must know: capabilities, and who we are (ID).

use std::sync::{Arc, Mutex, PoisonError};

use async_imap::{Authenticator, Client};
use tokio::time::timeout;

use super::connect::Access;
use super::error::{ErrorClass, ImapError, printable};
use super::oauth::TokenSource;
use super::secret;
use super::session::Session;
use super::wire::Wire;
use crate::config::mailbox::MailboxConfig;

type Refused = (async_imap::error::Error, Client<Wire>);

pub(super) async fn login(client: Client<Wire>, config: &MailboxConfig, access: &Access) -> Result<Session, ImapError> {
    let inner = match (&access.tokens, &config.password) {
        (Some(tokens), _) => with_token(client, config, tokens).await?,
        (None, Some(source)) => {
            let password = secret::read("password", source).await?;
            with_password(client, config, password.expose()).await?
        }
        (None, None) => return Err(ImapError::new(ErrorClass::Settings, "no credentials are configured")),
    };
    let mut session = Session::new(inner, config.timing.clone());
    session.learn_capabilities().await?;
    session.introduce().await?;
    Ok(session)
}

async fn with_password(
    client: Client<Wire>,
    config: &MailboxConfig,
    password: &str,
) -> Result<async_imap::Session<Wire>, ImapError> {
    let limit = config.timing.command.duration();
    let plain = |text: &str| text.bytes().all(|b| (0x20..0x7f).contains(&b));
    // A quoted string is 7-bit text (RFC 9051 section 4.3); anything else goes through SASL PLAIN.
    let attempt = if plain(&config.user) && plain(password) {
        timeout(limit, client.login(&config.user, password)).await
    } else {
        let answer = format!("\0{}\0{password}", config.user).into_bytes();
        timeout(limit, client.authenticate("PLAIN", Once(Some(answer)))).await
    };
    // A server may repeat what it was sent: the password never goes on.
    let refused = |refused: Refused| as_auth(&refused, None).without(password);
    attempt.map_err(|_| ImapError::timed_out("login"))?.map_err(refused)
}

async fn with_token(
    client: Client<Wire>,
    config: &MailboxConfig,
    tokens: &TokenSource,
) -> Result<async_imap::Session<Wire>, ImapError> {
    let token = tokens.token().await?;
    let said = Arc::new(Mutex::new(None));
    let answer = format!("user={}\u{1}auth=Bearer {}\u{1}\u{1}", config.user, token.secret.expose());
    let authenticator = Bearer { answer: Some(answer), said: Arc::clone(&said) };
    let limit = config.timing.command.duration();
    match timeout(limit, client.authenticate("XOAUTH2", authenticator)).await {
        Err(_) => Err(ImapError::timed_out("login")),
        Ok(Ok(session)) => Ok(session),
        Ok(Err(refused)) => {
            let challenge = said.lock().unwrap_or_else(PoisonError::into_inner).take();
            let error = as_auth(&refused, challenge);
            if error.class == ErrorClass::Auth && !token.fresh {
                tokens.forget().await;
                return Err(ImapError::new(ErrorClass::TokenExpired, error.text));
            }
            Err(error)
        }
    }
}

/// A refused login is about the credentials unless the server's words say otherwise.
fn as_auth((error, client): &Refused, challenge: Option<String>) -> ImapError {
    let mut error = ImapError::command("login", error, client.get_ref().bye());
    if error.class == ErrorClass::Refused {
        error.class = ErrorClass::Auth;
    }
    if let Some(challenge) = challenge {
        error.text = format!("{} ({challenge})", error.text);
    }
    error
}

/// Answers the first challenge only.
struct Once(Option<Vec<u8>>);

impl Authenticator for Once {
    type Response = Vec<u8>;

    fn process(&mut self, _challenge: &[u8]) -> Self::Response {
        self.0.take().unwrap_or_default()
    }
}

/// XOAUTH2: the token once; a second challenge is the refusal as JSON, to be answered empty so that the tagged NO comes.
struct Bearer {
    answer: Option<String>,
    said: Arc<Mutex<Option<String>>>,
}

impl Authenticator for Bearer {
    type Response = String;

    fn process(&mut self, challenge: &[u8]) -> Self::Response {
        if let Some(answer) = self.answer.take() {
            return answer;
        }
        let json: serde_json::Value = serde_json::from_slice(challenge).unwrap_or_default();
        let status = json.get("status").and_then(serde_json::Value::as_str).unwrap_or("no status");
        let text = format!("the provider answered {}", printable(status));
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        String::new()
    }
}
