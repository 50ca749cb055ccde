//! An identity provider: gives access tokens for refresh tokens, rotates those, and tells a mail server whose an access
//! token is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::webhook::{Received, Reply, WebhookReceiver};

#[derive(Debug, Default)]
struct State {
    /// The one refresh token that is good now; each is good once.
    refresh: Option<String>,
    /// Good access tokens with their owner.
    access: BTreeMap<String, String>,
    user: String,
    given: u32,
    /// Refresh tokens that were presented, good or not.
    presented: Vec<String>,
}

/// The provider; it ends when dropped.
#[derive(Debug)]
pub struct Authority {
    receiver: WebhookReceiver,
    state: Arc<Mutex<State>>,
}

impl Authority {
    /// For one user; no grant is good yet.
    pub fn start(user: &str) -> Self {
        let receiver = WebhookReceiver::start();
        let state = Arc::new(Mutex::new(State { user: user.to_owned(), ..State::default() }));
        let shared = Arc::clone(&state);
        receiver.answer_by(move |request| {
            let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
            if request.path.starts_with("/token?") || request.path == "/token" {
                state.token(request)
            } else {
                state.tokeninfo(request)
            }
        });
        Self { receiver, state }
    }

    /// Where a client gets its tokens.
    pub fn token_url(&self) -> String {
        self.receiver.url("/token")
    }

    /// Where a mail server asks whose a token is; the token is appended.
    pub fn tokeninfo_url(&self) -> String {
        self.receiver.url("/tokeninfo?access_token=")
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The user grants access: this refresh token is good, once.
    pub fn grant(&self, refresh: &str) {
        self.with(|s| s.refresh = Some(refresh.to_owned()));
    }

    /// Every access token ends.
    pub fn expire(&self) {
        self.with(|s| s.access.clear());
    }

    /// The user takes the grant back.
    pub fn revoke(&self) {
        self.with(|s| s.refresh = None);
        self.expire();
    }

    /// Refresh tokens that were presented so far, good or not.
    pub fn presented(&self) -> Vec<String> {
        self.with(|s| s.presented.clone())
    }
}

impl State {
    fn token(&mut self, request: &Received) -> Reply {
        let form: BTreeMap<String, String> = form_urlencoded::parse(&request.body).into_owned().collect();
        let presented = form.get("refresh_token").cloned().unwrap_or_default();
        self.presented.push(presented.clone());
        if form.get("grant_type").map(String::as_str) != Some("refresh_token")
            || self.refresh.as_ref() != Some(&presented)
        {
            let answer = serde_json::json!({"error": "invalid_grant", "error_description": "Token has been revoked."});
            return Reply { status: 400, ..Reply::json(&answer) };
        }
        self.given += 1;
        let (access, refresh) = (format!("access-{}", self.given), format!("rotated-{}", self.given));
        self.access.insert(access.clone(), self.user.clone());
        self.refresh = Some(refresh.clone());
        Reply::json(&serde_json::json!({
            "access_token": access, "token_type": "Bearer", "expires_in": 3600, "refresh_token": refresh
        }))
    }

    fn tokeninfo(&self, request: &Received) -> Reply {
        let token = request.path.split_once('=').map(|(_, token)| token).unwrap_or_default();
        match self.access.get(token) {
            Some(user) => Reply::json(&serde_json::json!({"email": user, "expires_in": 3600})),
            None => Reply { status: 400, ..Reply::json(&serde_json::json!({"error": "invalid_token"})) },
        }
    }
}
