//! One question to a producer's interface, and what its answer means.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;
use ulid::Ulid;

use super::super::Delivery;
use super::super::webhook::retry_after;
use crate::clock::Timestamp;
use crate::config::hook::HookConfig;
use crate::domain::hooks::fetch::{Fetch, Meaning};
use crate::domain::hooks::mapping::Mapping;
use crate::domain::hooks::path::{Budget, Scope};
use crate::domain::reading::json;
use crate::outbound::{Client, OutboundError, OutboundPolicy, Request, Response};

/// Largest answer in bytes: a page of a hundred leads with long answers.
const LARGEST: usize = 8 << 20;

/// Why a question has no good answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    /// One sentence.
    pub(super) why: String,
    /// Asking again cannot help until somebody acts.
    pub(super) last: bool,
    /// When the producer wants to be asked again.
    pub(super) after: Option<Duration>,
    /// How long after the announcement it may pass by itself although it is `last`.
    pub(super) patience: Duration,
}

impl Trouble {
    fn last(why: impl Into<String>) -> Self {
        Self { why: why.into(), last: true, after: None, patience: Duration::ZERO }
    }

    fn passing(why: impl Into<String>) -> Self {
        Self { why: why.into(), last: false, after: None, patience: Duration::ZERO }
    }

    /// What becomes of a fetch that met it, for a lead announced by `arrival`.
    pub(super) fn end(self, arrival: Ulid, now: Timestamp) -> Delivery {
        let announced =
            Timestamp::from_micros(i64::try_from(arrival.timestamp_ms()).unwrap_or(0).saturating_mul(1_000));
        if self.last && now.since(announced) >= self.patience {
            Delivery::Never { why: self.why }
        } else {
            Delivery::Retry { after: self.after, why: self.why }
        }
    }
}

/// Where the leads of one hook are fetched.
#[derive(Debug)]
pub struct Source {
    pub(super) hook: HookConfig,
    pub(super) fetch: Fetch,
    lead: Mapping,
    /// None while the hook is switched off: what it would need may be gone with it.
    client: Option<Client>,
    base: String,
    timeout: Duration,
}

impl Source {
    pub(super) fn new(hook: &HookConfig, fetch: Fetch, lead: Mapping, timeout: Duration) -> Result<Self, String> {
        let base = hook.fetch_base.clone().unwrap_or_else(|| fetch.base.clone());
        let policy = OutboundPolicy {
            allow: hook.networks(),
            ca_file: hook.ca_file.clone(),
            connect_timeout: timeout,
            total_timeout: timeout,
            max_body: LARGEST,
            ..OutboundPolicy::default()
        };
        let policy = if hook.allow_http { policy.with_plain_http_to(&base) } else { policy };
        let client = hook.enabled.then(|| Client::new(policy)).transpose().map_err(|error| error.to_string())?;
        Ok(Self { hook: hook.clone(), fetch, lead, client, base, timeout })
    }

    /// Whether it asks in the same way.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.hook == other.hook && self.fetch == other.fetch && self.lead == other.lead && self.timeout == other.timeout
    }

    /// Why it does not ask at present although nothing is wrong, if so.
    pub(super) fn rests(&self) -> Option<String> {
        let id = &self.hook.id;
        if !self.hook.enabled {
            return Some(format!("hook {id} is switched off"));
        }
        let none = matches!(self.hook.token(), Ok(None));
        none.then(|| format!("hook {id} has no token to fetch leads with: set token_env or token_file"))
    }

    /// Whether it is asked for lost leads.
    pub(super) fn polls(&self) -> bool {
        !self.hook.backfill.is_empty() && self.rests().is_none()
    }

    /// The base of its addresses.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Whether a lead is a test of the producer's own.
    pub(super) fn is_test(&self, lead: &Value) -> bool {
        let mut budget = Budget::default();
        self.lead.test.iter().any(|test| test.holds(Scope::whole(lead), &mut budget))
    }

    /// Fetches one lead: its bytes, and the JSON object they hold.
    pub(super) async fn lead(&self, id: &str, now: Timestamp) -> Result<(Bytes, Value), Trouble> {
        let Some(address) = self.fetch.lead_at(&self.base, id) else {
            return Err(Trouble::last("the announced id has a shape that is never asked for"));
        };
        self.ask(address, now).await
    }

    /// Asks with the token; the answer's bytes and the object they hold.
    pub(super) async fn ask(&self, address: String, now: Timestamp) -> Result<(Bytes, Value), Trouble> {
        let request = self.request(address)?;
        let response = self.client()?.send(request).await.map_err(|error| match error {
            OutboundError::Refused(why) => Trouble::last(why),
            error => Trouble::passing(error.to_string()),
        })?;
        self.judge(&response, now)
    }

    fn client(&self) -> Result<&Client, Trouble> {
        self.client.as_ref().ok_or_else(|| Trouble::passing(format!("hook {} is switched off", self.hook.id)))
    }

    fn request(&self, address: String) -> Result<Request, Trouble> {
        let named =
            |why: String| Trouble::last(format!("hook {}: {why}; then: pisteur deliveries retry", self.hook.id));
        let token = self.hook.token().map_err(named)?;
        let Some(token) = token else {
            return Err(named("it has no token to fetch leads with: set token_env or token_file".to_owned()));
        };
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let unfit = |_| named("a header of its adapter or its token has characters that cannot be sent".to_owned());
        for (name, value) in &self.fetch.headers {
            let name = HeaderName::try_from(name.as_str()).map_err(|e| unfit(e.to_string()))?;
            headers.insert(name, HeaderValue::from_str(value).map_err(|e| unfit(e.to_string()))?);
        }
        if self.fetch.token == "bearer" {
            let mut value =
                HeaderValue::from_str(&format!("Bearer {}", token.expose())).map_err(|e| unfit(e.to_string()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let url = self.fetch.with_token(address, token.expose());
        Ok(Request { method: Method::GET, url, headers, body: Bytes::new(), read_body: true })
    }

    fn judge(&self, response: &Response, now: Timestamp) -> Result<(Bytes, Value), Trouble> {
        let status = response.status.as_u16();
        let answer = json::document(&response.body, None).ok();
        let code = answer.as_ref().and_then(|answer| self.fetch.code_of(answer));
        if response.status.is_success() && code.is_none() {
            return match answer {
                Some(answer @ Value::Object(_)) => Ok((response.body.clone(), answer)),
                _ => Err(Trouble::passing(format!("the answer ({status}) is no JSON object"))),
            };
        }
        let shown = code.as_deref().filter(|c| c.len() <= 20 && c.bytes().all(|b| b.is_ascii_alphanumeric()));
        let shown = shown.map_or_else(|| format!("answer {status}"), |code| format!("answer {status}, error {code}"));
        let after = retry_after(&response.headers, now);
        Err(match self.fetch.meaning(status, code.as_deref()) {
            Some(Meaning { say, last, patience_hours, .. }) => {
                let patience = Duration::from_secs(u64::from(*patience_hours) * 3_600);
                Trouble { why: format!("{say} ({shown})"), last: *last, after, patience }
            }
            None if response.status.is_redirection() => {
                Trouble::last(format!("the producer's interface sends elsewhere, which is not followed ({shown})"))
            }
            None => Trouble { after, ..Trouble::passing(format!("the producer's interface refused ({shown})")) },
        })
    }

    /// Looks whether it can be reached, and whether there is a token.
    pub(super) async fn probe(&self) -> Result<String, String> {
        let token = self.hook.token()?.ok_or("no token: set token_env or token_file of the hook")?;
        if token.expose().len() < 16 || !token.expose().bytes().all(|b| b.is_ascii_graphic()) {
            return Err("the token has not the shape of one: copy it anew".to_owned());
        }
        let client = self.client().map_err(|trouble| trouble.why)?;
        let address = client.probe(&self.base).await.map_err(|error| error.to_string())?;
        Ok(format!("connected to {address}, token of {} characters", token.expose().len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_there_yet_is_given_up_after_its_hours() {
        let announced = Timestamp::from_seconds(1_800_000_000);
        let arrival = Ulid::from_parts(1_800_000_000_000, 7);
        let patience = Duration::from_hours(6);
        let end = |after: u64| {
            let trouble = Trouble { patience, ..Trouble::last("no such lead") };
            trouble.end(arrival, announced.after(Duration::from_secs(after)))
        };
        assert_eq!(end(0), Delivery::retry("no such lead"));
        assert_eq!(end(6 * 3_600 - 1), Delivery::retry("no such lead"));
        assert_eq!(end(6 * 3_600), Delivery::never("no such lead"));
        assert_eq!(Trouble::last("no token").end(arrival, announced), Delivery::never("no token"));
    }
}
