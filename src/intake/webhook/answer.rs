//! What a producer is told: the adapter's reply, or a status with a word for whoever reads the producer's log.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::domain::hooks::adapter::Reply;
use crate::domain::hooks::handshake::Shake;
use crate::intake::form::problem::Why;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    Unknown,
    Disabled,
    /// With what `Allow` says.
    Method(&'static str),
    TooLarge,
    Slow,
    Type,
    Encoded,
    Unproven,
    Wait(Duration),
    Malformed(String),
    Busy,
    Unavailable,
}

impl From<Why> for Refusal {
    /// What taking a body in can refuse.
    fn from(why: Why) -> Self {
        match why {
            Why::TooLarge { .. } => Self::TooLarge,
            Why::TooSlow => Self::Slow,
            Why::Busy => Self::Busy,
            _ => Self::Malformed("the body ended too early".to_owned()),
        }
    }
}

impl Refusal {
    /// Status and slug.
    pub(super) const fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Unknown => (StatusCode::NOT_FOUND, "unknown_hook"),
            Self::Disabled => (StatusCode::GONE, "hook_disabled"),
            Self::Method(_) => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "too_slow"),
            Self::Type => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type"),
            Self::Encoded => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_encoding"),
            Self::Unproven => (StatusCode::UNAUTHORIZED, "unproven"),
            Self::Wait(_) => (StatusCode::TOO_MANY_REQUESTS, "rate_limited"),
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        }
    }

    /// The answer; a request without proof gets no body at all.
    pub(super) fn answer(&self) -> Response {
        let (status, slug) = self.status();
        let body = match self {
            Self::Unproven => String::new(),
            Self::Malformed(detail) => serde_json::json!({"ok": false, "error": slug, "message": detail}).to_string(),
            _ => serde_json::json!({"ok": false, "error": slug}).to_string(),
        };
        let mut response = plain(status, "application/json", body);
        let wait = match self {
            Self::Wait(wait) => Some(wait.as_secs().max(1)),
            Self::Busy | Self::Unavailable => Some(30),
            _ => None,
        };
        let headers = response.headers_mut();
        if let Some(wait) = wait {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        if let Self::Method(allow) = self {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

/// The adapter's reply to a journalled request.
pub(super) fn reply(reply: &Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    let body = if status == StatusCode::NO_CONTENT { String::new() } else { reply.body.clone() };
    plain(status, &reply.content_type, body)
}

/// The answer to a handshake.
pub(super) fn shake(shake: Shake) -> Response {
    plain(StatusCode::OK, shake.content_type, shake.body)
}

fn plain(status: StatusCode, content_type: &str, body: String) -> Response {
    let is_empty = body.is_empty();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Some(value) = HeaderValue::from_str(content_type).ok().filter(|_| !is_empty) {
        headers.insert(header::CONTENT_TYPE, value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
