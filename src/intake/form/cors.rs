//! Which websites' scripts may read our answers (the Fetch standard's CORS protocol).
//!
//! The list is hygiene, not authentication: anything that is not a browser sets any header it likes.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use url::Url;

use crate::config::form::{FormConfig, origin};

/// What the form's list says about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Value of `Access-Control-Allow-Origin`, if the script may read the answer.
    pub allow: Option<String>,
    /// The form has a list, and this origin is not on it.
    pub refused: bool,
}

/// Asks the form's list about the request's origin. A request without an origin, and one from our own page, is never
/// refused.
#[must_use]
pub fn verdict(form: &FormConfig, headers: &HeaderMap) -> Verdict {
    let Some(sent) = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok()).filter(|o| *o != "null") else {
        let allow = form.allowed_origins.iter().any(|entry| entry == "*").then(|| "*".to_owned());
        return Verdict { allow, refused: false };
    };
    if form.allowed_origins.iter().any(|entry| entry == "*") {
        return Verdict { allow: Some("*".to_owned()), refused: false };
    }
    if is_own(sent, headers) || form.allowed_origins.iter().any(|entry| matches(entry, sent)) {
        return Verdict { allow: Some(sent.to_owned()), refused: false };
    }
    Verdict { allow: None, refused: !form.allowed_origins.is_empty() }
}

/// Whether the form's list holds this origin.
#[must_use]
pub fn is_listed(form: &FormConfig, site: &str) -> bool {
    form.allowed_origins.iter().any(|entry| entry == "*" || matches(entry, site))
}

fn is_own(sent: &str, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    sent.split_once("://").is_some_and(|(_, authority)| host.is_some_and(|host| host.eq_ignore_ascii_case(authority)))
}

fn matches(entry: &str, sent: &str) -> bool {
    let Some((scheme, domain)) = entry.split_once("://*.") else {
        return origin(entry).is_some_and(|listed| origin(sent).is_some_and(|sent| sent == listed));
    };
    let (Ok(pattern), Ok(url)) = (Url::parse(&format!("{scheme}://{domain}")), Url::parse(sent)) else {
        return false;
    };
    let (Some(domain), Some(host)) = (pattern.host_str(), url.host_str()) else { return false };
    let inside = host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.') && rest.len() > 1);
    inside && url.scheme() == scheme && url.port() == pattern.port() && url.username().is_empty()
}

/// Writes the verdict into an answer, errors too: without it a page sees only a failed request.
pub fn sign(response: &mut Response, verdict: &Verdict) {
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(value) = verdict.allow.as_deref().and_then(|text| HeaderValue::from_str(text).ok()) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, value);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
    }
}

/// The answer to a preflight request, before anything else is looked at.
#[must_use]
pub fn preflight() -> Response {
    const ALLOWED: &str = "content-type, accept, x-requested-with, authorization, idempotency-key, formspree-client, \
                           formspree-session-data";
    let headers = [
        (header::ALLOW, "POST, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(list: &[&str], sent: &str) -> Verdict {
        let form = FormConfig {
            allowed_origins: list.iter().map(|entry| (*entry).to_owned()).collect(),
            ..FormConfig::named("contact")
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "forms.example.com".parse().unwrap());
        if !sent.is_empty() {
            headers.insert(header::ORIGIN, sent.parse().unwrap());
        }
        verdict(&form, &headers)
    }

    #[test]
    fn only_listed_origins_are_allowed() {
        let list = ["https://www.example.com", "https://*.shop.example.com"];
        for sent in ["https://www.example.com", "https://a.shop.example.com", "https://forms.example.com"] {
            assert_eq!(asked(&list, sent), Verdict { allow: Some(sent.into()), refused: false }, "{sent}");
        }
        for sent in [
            "https://evil-example.com",
            "https://www.example.com.evil",
            "http://www.example.com",
            "https://www.example.com:444",
            "https://evilshop.example.com",
            "https://shop.example.com",
        ] {
            assert_eq!(asked(&list, sent), Verdict { allow: None, refused: true }, "{sent}");
        }
        for sent in ["", "null"] {
            assert_eq!(asked(&list, sent), Verdict { allow: None, refused: false }, "{sent}");
        }
    }

    #[test]
    fn without_a_list_plain_forms_of_any_site_work_and_scripts_do_not() {
        assert_eq!(asked(&[], "https://a.example"), Verdict { allow: None, refused: false });
        assert_eq!(asked(&["*"], "https://a.example"), Verdict { allow: Some("*".into()), refused: false });
    }
}
