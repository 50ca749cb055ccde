//! The two scripts that websites may include, served by the daemon itself: nothing is loaded from anybody else.

use std::sync::LazyLock;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::Digest;

/// A script with the name of its content.
#[derive(Debug)]
pub struct Script {
    source: &'static str,
    version: String,
    etag: String,
}

impl Script {
    fn of(source: &'static str) -> Self {
        let digest = sha2::Sha256::digest(source.as_bytes());
        let version: String = format!("{digest:x}").chars().take(16).collect();
        Self { source, etag: format!("\"{version}\""), version }
    }

    /// Name of this content: another after every change.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    fn answer(&self, query: &str, headers: &HeaderMap) -> Response {
        let named = form_urlencoded::parse(query.as_bytes()).any(|(name, value)| name == "v" && value == self.version);
        let kept = if named { "public, max-age=31536000, immutable" } else { "public, max-age=3600" };
        let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).is_some_and(|tags| {
            tags.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|tag| tag == self.etag || tag == "*")
        });
        let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { self.source.into_response() };
        let fixed = [
            (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::CACHE_CONTROL, kept),
            // Any website includes them, also where it isolates itself from others or checks their digest.
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (header::HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
        ];
        let sent = response.headers_mut();
        for (name, value) in fixed {
            sent.insert(name, HeaderValue::from_static(value));
        }
        if let Ok(etag) = HeaderValue::from_str(&self.etag) {
            sent.insert(header::ETAG, etag);
        }
        response
    }
}

/// `/pisteur.js`: mistakes beside their fields, no second page, proof of work.
pub static ENHANCER: LazyLock<Script> = LazyLock::new(|| Script::of(include_str!("scripts/pisteur.js")));

/// `/attribution.js`: hidden fields that say where the visitor came from.
pub static ATTRIBUTION: LazyLock<Script> = LazyLock::new(|| Script::of(include_str!("scripts/attribution.js")));

/// `GET /pisteur.js`.
pub(super) async fn enhancer(request: Request) -> Response {
    ENHANCER.answer(request.uri().query().unwrap_or_default(), request.headers())
}

/// `GET /attribution.js`.
pub(super) async fn attribution(request: Request) -> Response {
    ATTRIBUTION.answer(request.uri().query().unwrap_or_default(), request.headers())
}
