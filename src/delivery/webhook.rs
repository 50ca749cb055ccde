//! Signed webhooks after the Standard Webhooks specification 1.0.0.
//!
//! Invariants:
//! - `webhook-id` is the effect's id: the same at every attempt, so a receiver can drop repeats.
//! - The time stamp and signature are of the attempt; every configured secret signs, so secrets can be changed
//!   without a gap.
//! - Redirects are refusals; addresses that are not public are refused unless listed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::json;
use sha2::Sha256;

use super::record::{self, Record, kind_word};
use super::{Attempt, Checked, Deliver, Delivery, Notice};
use crate::clock::Timestamp;
use crate::config::delivery::{DeliveryConfig, Include, WebhookConfig};
use crate::outbound::{Client, OutboundError, OutboundPolicy, Request};
use crate::store::{Effect, Store};

/// Longest wait a receiver can ask for.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// `webhook-signature` of `body`: one `v1,<base64>` for each key, separated by spaces.
#[must_use]
pub fn sign(keys: &[Vec<u8>], id: &str, seconds: i64, body: &[u8]) -> String {
    let one = |key: &Vec<u8>| {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).ok()?;
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    };
    keys.iter().filter_map(one).collect::<Vec<_>>().join(" ")
}

/// The body: ids and routing, and contact details only when `include` says so.
#[must_use]
pub fn body(notice: &Notice, record: &Record, include: Include) -> serde_json::Value {
    let mut data = json!({
        "kind": kind_word(record.kind),
        "id": record.id.to_string(),
        "arrival": notice.arrival.to_string(),
        "owner": record.owner,
        "team": record.team,
        "source": record.source,
        "title": record.title,
        "state": record.state,
    });
    if include == Include::Full
        && let Some(data) = data.as_object_mut()
    {
        let emails: Vec<&str> = record.emails.iter().map(|e| e.address.as_str()).collect();
        let contact = json!({
            "name": record.name, "company": record.company, "emails": emails, "phones": record.phones,
        });
        data.insert("contact".to_owned(), contact);
    }
    json!({
        "type": format!("{}.{}", kind_word(notice.kind), notice.event.as_str()),
        "timestamp": notice.at.to_string(),
        "data": data,
    })
}

#[derive(Debug)]
struct Receiver {
    url: String,
    include: Include,
    keys: Keys,
    client: Client,
}

/// Signing keys: never printed.
struct Keys(Vec<Vec<u8>>);

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} keys", self.0.len())
    }
}

impl Receiver {
    fn new(config: &WebhookConfig, timeout: Duration) -> Result<Self, String> {
        let named = |why: String| format!("webhook {}: {why}", config.id);
        let secrets = config.secrets().map_err(named)?;
        let keys = secrets.iter().map(crate::config::delivery::DeliverySecret::signing_key);
        let keys = keys.collect::<Result<Vec<_>, _>>().map_err(named)?;
        let policy = OutboundPolicy {
            allow: config.networks(),
            ca_file: config.ca_file.clone(),
            connect_timeout: timeout,
            total_timeout: timeout,
            ..OutboundPolicy::default()
        };
        let policy = if config.allow_http { policy.with_plain_http_to(&config.url) } else { policy };
        let client = Client::new(policy).map_err(|e| named(e.to_string()))?;
        Ok(Self { url: config.url.clone(), include: config.include, keys: Keys(keys), client })
    }

    async fn post(&self, id: &str, now: Timestamp, body: Vec<u8>) -> Delivery {
        let seconds = now.seconds();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let signature = sign(&self.keys.0, id, seconds, &body);
        let ours = [("webhook-id", id), ("webhook-timestamp", &seconds.to_string()), ("webhook-signature", &signature)];
        for (name, value) in ours {
            match HeaderValue::from_str(value) {
                Ok(value) => headers.insert(HeaderName::from_static(name), value),
                Err(_) => return Delivery::never("the signature cannot be written as a header"),
            };
        }
        let url = self.url.clone();
        // The head decides; the receiver's body is of no use and may be slow or endless.
        let request = Request { method: Method::POST, url, headers, body: Bytes::from(body), read_body: false };
        match self.client.send(request).await {
            Ok(response) => judge(response.status, &response.headers, now),
            Err(OutboundError::Refused(why)) => Delivery::never(why),
            Err(error) => Delivery::retry(error.to_string()),
        }
    }
}

/// What an answer means.
fn judge(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Delivery {
    let code = status.as_u16();
    match status {
        s if s.is_success() => Delivery::Done,
        StatusCode::GONE => Delivery::never("the receiver answered 410: it wants no more of these"),
        s if s.is_redirection() => Delivery::never(format!(
            "the receiver answered {code}: redirects are not followed, configure the final address"
        )),
        _ => Delivery::Retry { after: retry_after(headers, now), why: format!("the receiver answered {code}") },
    }
}

/// `Retry-After` in seconds or as a date (RFC 9110 10.2.3), at most a day.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if let Ok(seconds) = value.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
        Timestamp::from_micros(date.as_microsecond()).since(now)
    };
    Some(wait.min(LONGEST_WAIT))
}

/// Every configured webhook.
#[derive(Debug)]
pub struct Webhooks {
    receivers: BTreeMap<String, Receiver>,
    store: Arc<dyn Store>,
}

impl Webhooks {
    /// The receivers of `config`, with their secrets read.
    ///
    /// # Errors
    /// One sentence naming the webhook and what is wrong with it.
    pub fn new(config: &DeliveryConfig, store: Arc<dyn Store>) -> Result<Self, String> {
        let one = |w: &WebhookConfig| Ok((w.id.clone(), Receiver::new(w, config.timeout())?));
        let receivers = config.webhook.iter().map(one).collect::<Result<_, String>>()?;
        Ok(Self { receivers, store })
    }
}

#[async_trait]
impl Deliver for Webhooks {
    async fn deliver(&self, effect: &Effect, attempt: Attempt) -> Delivery {
        let Some(receiver) = self.receivers.get(&effect.target) else {
            return Delivery::never(format!("no webhook {} is configured any more", effect.target));
        };
        let Ok(notice) = serde_json::from_value::<Notice>(effect.payload.clone()) else {
            return Delivery::never("the stored effect cannot be read");
        };
        let record = match record::look_up(self.store.as_ref(), notice.kind, notice.record).await {
            Ok(Some(record)) => record,
            Ok(None) => return Delivery::never(format!("{} {} is gone", kind_word(notice.kind), notice.record)),
            Err(error) => return Delivery::retry(format!("the record could not be read: {error}")),
        };
        let body = body(&notice, &record, receiver.include).to_string().into_bytes();
        receiver.post(&effect.id.to_string(), attempt.now, body).await
    }
}

/// Connects to every webhook, sending nothing.
pub(super) async fn check(config: &DeliveryConfig) -> Vec<Checked> {
    let one = |webhook: &WebhookConfig| {
        let receiver = Receiver::new(webhook, config.timeout());
        let what = format!("webhook {}", webhook.id);
        async move {
            let result = match receiver {
                Ok(receiver) => receiver.client.probe(&receiver.url).await.map_err(|error| error.to_string()),
                Err(why) => Err(why),
            };
            Checked { what, result: result.map(|address| format!("connected to {address}")) }
        }
    };
    futures::future::join_all(config.webhook.iter().map(one)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::delivery::DeliverySecret;

    #[test]
    fn the_signature_is_that_of_the_specification() {
        let key = DeliverySecret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").signing_key().expect("a key");
        let body = br#"{"test": 2432232314}"#;
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(sign(std::slice::from_ref(&key), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body), expected);
        let both =
            sign(&[b"another key of 24 bytes!".to_vec(), key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(both.split(' ').count(), 2);
        assert!(both.ends_with(expected));
    }

    fn judged(status: u16, retry_after: Option<&str>) -> Delivery {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from_str(value).expect("a value"));
        }
        judge(StatusCode::from_u16(status).expect("a status"), &headers, Timestamp::from_seconds(784_111_777))
    }

    #[test]
    fn each_status_has_its_meaning() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(judged(status, None), Delivery::Done, "{status}");
        }
        for status in [301, 302, 303, 304, 307, 308, 410] {
            assert!(matches!(judged(status, None), Delivery::Never { .. }), "{status}");
        }
        for status in [400, 401, 404, 408, 429, 500, 502, 503] {
            assert!(matches!(judged(status, None), Delivery::Retry { after: None, .. }), "{status}");
        }
    }

    #[test]
    fn a_receiver_may_say_when_to_come_back_within_reason() {
        for (value, seconds) in [
            ("120", Some(120)),
            ("999999999999", Some(86_400)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
        ] {
            let Delivery::Retry { after, .. } = judged(503, Some(value)) else { panic!("{value} is no retry") };
            assert_eq!(after.map(|a| a.as_secs()), seconds, "{value}");
        }
    }
}
