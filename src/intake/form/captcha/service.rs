//! One client for every service: asks whether a token is good.
//!
//! Invariants:
//! - five seconds at most, the wait for a turn with them; sixteen KiB of answer at most; a bounded number of questions at
//!   one time, none while the breaker is open;
//! - a mistake of ours or of the service is never the visitor's, but no token makes a mistake look like ours;
//! - what a visitor sends neither opens the breaker nor changes what others meet: only silence of the service does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout_at;

use super::breaker::Breaker;
use super::services::{Asking, Row, row};
use super::{Outcome, Widget};
use crate::config::delivery::DeliverySecret;
use crate::config::form::origin;
use crate::config::screening::{ProviderConfig, Score};
use crate::outbound::{Client, OutboundPolicy, Request};
use crate::telemetry::seldom::Seldom;

/// Longest time of one question, the wait for its turn with it.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// Largest answer in bytes.
const ANSWER_BYTES: usize = 16 << 10;
/// Questions under way at one time; more wait for their turn.
pub(super) const AT_ONCE: usize = 32;

/// A configured service.
#[derive(Debug)]
pub(in crate::intake::form) struct Service {
    config: ProviderConfig,
    row: &'static Row,
    url: String,
    secret: DeliverySecret,
    client: Client,
    breaker: Breaker,
    /// It refused our secret when it answered last.
    refuses_us: AtomicBool,
    at_once: Semaphore,
    warned: Seldom,
}

impl Service {
    /// A service as configured.
    ///
    /// # Errors
    /// When its secret is missing or its client cannot be made.
    pub(in crate::intake::form) fn new(config: &ProviderConfig) -> Result<Self, String> {
        let named = |why: String| format!("captcha {}: {why}", config.id);
        let row = row(config.kind).ok_or_else(|| named("unknown kind".to_owned()))?;
        let url = config.url.clone().unwrap_or_else(|| row.url.to_owned());
        let policy = OutboundPolicy {
            allow: config.networks(),
            ca_file: config.ca_file.clone(),
            connect_timeout: PATIENCE,
            total_timeout: PATIENCE,
            max_body: ANSWER_BYTES,
            ..OutboundPolicy::default()
        };
        let policy = if config.allow_http { policy.with_plain_http_to(&url) } else { policy };
        Ok(Self {
            secret: config.secret().map_err(named)?,
            client: Client::new(policy).map_err(|error| named(error.to_string()))?,
            config: config.clone(),
            row,
            url,
            breaker: Breaker::default(),
            refuses_us: AtomicBool::new(false),
            at_once: Semaphore::new(AT_ONCE),
            warned: Seldom::default(),
        })
    }

    /// Its name.
    pub(in crate::intake::form) fn id(&self) -> &str {
        &self.config.id
    }

    /// Form fields that may bring its token.
    pub(in crate::intake::form) const fn fields(&self) -> [&'static str; 2] {
        [self.row.field, self.row.also]
    }

    /// What pages show of it; none without a key to show it with.
    pub(in crate::intake::form) fn widget(&self) -> Option<Widget> {
        Widget::new(&self.row.shown, &self.config)
    }

    /// What is wrong with it at `now`, for readiness.
    pub(in crate::intake::form) fn trouble(&self, now: Instant) -> Option<String> {
        let what = if self.breaker.is_open(now) {
            "does not answer"
        } else if self.refuses_us.load(Ordering::Relaxed) {
            "refuses our secret"
        } else {
            return None;
        };
        Some(format!("captcha {} {what}; submissions are taken as unverified", self.id()))
    }

    /// Asks whether a token is good.
    pub(in crate::intake::form) async fn ask(&self, token: &str) -> Outcome {
        if token.len() > self.row.longest {
            return Outcome::Failed("the token is too long".to_owned());
        }
        let end = tokio::time::Instant::now() + PATIENCE;
        let at_once = self.at_once.try_acquire().ok();
        let waited = at_once.is_none();
        let Some(_turn) = self.turn(at_once, end).await else { return self.overloaded() };
        if !self.breaker.admits(Instant::now()) {
            return Outcome::Away("it did not answer several times running".to_owned());
        }
        match timeout_at(end, self.exchange(token)).await {
            Ok(Ok(said)) => {
                self.breaker.answered();
                said
            }
            Ok(Err(why)) => self.silent(why),
            // The wait for its turn left it too little time.
            Err(_) if waited => self.overloaded(),
            Err(_) => self.silent(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }

    async fn turn<'s>(
        &'s self,
        at_once: Option<SemaphorePermit<'s>>,
        end: tokio::time::Instant,
    ) -> Option<SemaphorePermit<'s>> {
        if at_once.is_some() { at_once } else { timeout_at(end, self.at_once.acquire()).await.ok()?.ok() }
    }

    /// Too many visitors at one time: no fault of the service, so that its breaker stays as it is.
    fn overloaded(&self) -> Outcome {
        metrics::counter!("pisteur_captcha_overload_total", "captcha" => self.config.id.clone()).increment(1);
        if let Some(times) = self.warned.due("overload", Instant::now()) {
            let id = self.id();
            tracing::warn!(
                captcha = id,
                times,
                "captcha {id}: more than {AT_ONCE} questions are under way; submissions \
                that waited {} s are taken as unverified",
                PATIENCE.as_secs()
            );
        }
        Outcome::Away("too many questions are under way".to_owned())
    }

    /// Whether both ask the same service with the same secret.
    pub(in crate::intake::form) fn is_like(&self, other: &Self) -> bool {
        self.config == other.config && self.secret == other.secret
    }

    /// The service did not answer, or nothing that can be read.
    fn silent(&self, why: String) -> Outcome {
        self.breaker.failed(Instant::now());
        if let Some(times) = self.warned.due("away", Instant::now()) {
            let id = self.id();
            tracing::warn!(
                captcha = id,
                times,
                "captcha {id} could not be asked: {why}; submissions are taken as \
                unverified, see captcha_away"
            );
        }
        Outcome::Away(why)
    }

    /// What the service says; `Err` when it says nothing, or nothing that can be read.
    async fn exchange(&self, token: &str) -> Result<Outcome, String> {
        let request = self.request(token).ok_or("the secret is no header")?;
        let answer = self.client.send(request).await.map_err(|error| error.to_string())?;
        match serde_json::from_slice::<Value>(&answer.body) {
            Ok(said) if !answer.status.is_server_error() && said.get("success").is_some_and(Value::is_boolean) => {
                Ok(self.judge(&said))
            }
            _ => Err(format!("its answer ({}) cannot be read", answer.status.as_u16())),
        }
    }

    fn request(&self, token: &str) -> Option<Request> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let site_key = self.config.site_key.as_deref().filter(|_| self.row.site_key);
        let body = match self.row.asking {
            Asking::Form => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
                let pairs = [("secret", self.secret.expose()), ("response", token)];
                let pairs = pairs.into_iter().chain(site_key.map(|key| ("sitekey", key)));
                form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
            }
            Asking::JsonWithKeyHeader => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                let mut key = HeaderValue::from_str(self.secret.expose()).ok()?;
                key.set_sensitive(true);
                headers.insert(HeaderName::from_static("x-api-key"), key);
                site_key
                    .map_or_else(|| json!({ "response": token }), |key| json!({ "response": token, "sitekey": key }))
                    .to_string()
            }
        };
        Some(Request { method: Method::POST, url: self.url.clone(), headers, body: Bytes::from(body), read_body: true })
    }

    fn judge(&self, said: &Value) -> Outcome {
        if said.get("success").and_then(Value::as_bool) != Some(true) {
            return self.refused(&errors(said.pointer(self.row.errors)));
        }
        self.refuses_us.store(false, Ordering::Relaxed);
        let host = said.pointer(self.row.host).and_then(Value::as_str).map(host_name);
        if !self.config.hostnames.is_empty() {
            let listed = |host: &str| self.config.hostnames.iter().any(|name| name.eq_ignore_ascii_case(host));
            match host {
                Some(host) if listed(&host) => {}
                _ => return Outcome::Failed("the token was made on another website".to_owned()),
            }
        }
        if let Some(wanted) = self.config.action.as_deref().filter(|_| !self.row.action.is_empty())
            && said.pointer(self.row.action).and_then(Value::as_str) != Some(wanted)
        {
            return Outcome::Failed("the token was made for another action".to_owned());
        }
        if self.row.score.is_empty() {
            return Outcome::Passed;
        }
        match said.pointer(self.row.score).and_then(Value::as_f64).and_then(Score::of) {
            Some(score) if score >= self.config.min_score => Outcome::Passed,
            Some(score) => {
                let (score, wanted) = (f64::from(score), f64::from(self.config.min_score));
                Outcome::Low(format!("score {score}, {wanted} is wanted"))
            }
            None => Outcome::Failed("the token brings no score".to_owned()),
        }
    }

    fn refused(&self, errors: &[String]) -> Outcome {
        let any = |known: &[&str]| errors.iter().any(|error| known.contains(&error.as_str()));
        let ours = any(self.row.ours);
        self.refuses_us.store(ours, Ordering::Relaxed);
        if ours {
            let why = format!("it refuses our question ({}): check its secret", errors.join(", "));
            self.complain("ours", &format!("{why}; submissions are taken as unverified, see captcha_away"));
            return Outcome::Away(why);
        }
        if any(self.row.spent) {
            return Outcome::Spent;
        }
        if any(self.row.doubtful) {
            let list = errors.join(", ");
            self.complain(
                "doubtful",
                &format!(
                    "it refuses a token ({list}) as one of another website; if that happens to everybody, its secret \
                          and the site key on the page do not belong together"
                ),
            );
        }
        Outcome::Failed("the service refuses the token".to_owned())
    }

    fn complain(&self, about: &str, what: &str) {
        if let Some(times) = self.warned.due(about, Instant::now()) {
            let id = self.id();
            tracing::warn!(captcha = id, times, "captcha {id}: {what}");
        }
    }
}

fn errors(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(all)) => all.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}

/// The host of an origin, or the name as it is.
fn host_name(text: &str) -> String {
    let host = origin(text).and_then(|origin| url::Url::parse(&origin).ok()?.host_str().map(str::to_owned));
    host.unwrap_or_else(|| text.to_owned())
}
