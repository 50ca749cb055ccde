//! Which websites' scripts may read our answers (the Fetch standard's CORS protocol).
//!
//! The list is hygiene, not authentication: anything that is not a browser sets any header it likes.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use url::Url;

use super::negotiate;
use crate::config::form::{FormConfig, origin};

/// What the form's list says about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Value of `Access-Control-Allow-Origin`, if the script may read the answer.
    pub allow: Option<String>,
    /// The form has a list, and this origin is not on it.
    pub refused: bool,
}

/// Asks the form's list about the request's origin. One from our own page is never refused: by the host that was asked,
/// or by `public_url`, where a proxy in front asks under another name.
#[must_use]
pub fn verdict(form: &FormConfig, headers: &HeaderMap, public_url: Option<&str>) -> Verdict {
    let sent = negotiate::text(headers, header::ORIGIN);
    let Some(sent) = Some(sent.as_str()).filter(|origin| !origin.is_empty() && *origin != "null") else {
        let allow = form.allowed_origins.iter().any(|entry| entry == "*").then(|| "*".to_owned());
        return Verdict { allow, refused: !form.allow_no_origin };
    };
    if form.allowed_origins.iter().any(|entry| entry == "*") {
        return Verdict { allow: Some("*".to_owned()), refused: false };
    }
    let is_public = || public_url.and_then(origin).is_some_and(|own| Some(own) == origin(sent));
    if is_own(sent, headers) || is_public() || form.allowed_origins.iter().any(|entry| matches(entry, sent)) {
        return Verdict { allow: Some(sent.to_owned()), refused: false };
    }
    Verdict { allow: None, refused: !form.allowed_origins.is_empty() }
}

/// Whether the form's list holds this origin.
#[must_use]
pub fn is_listed(form: &FormConfig, site: &str) -> bool {
    form.allowed_origins.iter().any(|entry| entry == "*" || matches(entry, site))
}

/// Proxies name the host with its port, or without.
pub(super) fn is_own(sent: &str, headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|value| value.to_str().ok()) else { return false };
    let Some((_, authority)) = sent.split_once("://") else { return false };
    let bare = authority
        .rsplit_once(':')
        .map_or(authority, |(name, port)| if port.bytes().all(|b| b.is_ascii_digit()) { name } else { authority });
    host.eq_ignore_ascii_case(authority) || host.eq_ignore_ascii_case(bare)
}

/// Whether an entry of a form's list stands for this website.
pub(super) fn matches(entry: &str, sent: &str) -> bool {
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
    allowing(
        "POST, OPTIONS",
        "content-type, accept, x-requested-with, authorization, idempotency-key, formspree-client, \
         formspree-session-data",
    )
}

/// The same at an address that is only read.
#[must_use]
pub fn preflight_to_read() -> Response {
    allowing("GET, HEAD, OPTIONS", "accept, content-type, x-requested-with")
}

fn allowing(methods: &'static str, names: &'static str) -> Response {
    let headers = [
        (header::ALLOW, methods),
        (header::ACCESS_CONTROL_ALLOW_METHODS, methods),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, names),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(list: &[&str], sent: &str) -> Verdict {
        behind(list, sent, "forms.example.com", None)
    }

    fn behind(list: &[&str], sent: &str, host: &str, public_url: Option<&str>) -> Verdict {
        let form = FormConfig {
            allowed_origins: list.iter().map(|entry| (*entry).to_owned()).collect(),
            ..FormConfig::named("contact")
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if !sent.is_empty() {
            headers.insert(header::ORIGIN, HeaderValue::from_bytes(sent.as_bytes()).unwrap());
        }
        verdict(&form, &headers, public_url)
    }

    #[test]
    fn our_own_page_is_known_behind_a_proxy() {
        let list = ["https://www.example.com"];
        let refused = |sent, host, url| behind(&list, sent, host, url).refused;
        assert!(!refused("https://forms.example.com:8443", "forms.example.com", None), "a host without its port");
        assert!(!refused("https://forms.example.com:8443", "forms.example.com:8443", None));
        assert!(!refused("https://forms.example.com", "127.0.0.1:8080", Some("https://forms.example.com/")));
        assert!(refused("https://forms.example.com", "127.0.0.1:8080", None));
        assert!(refused("http://forms.example.com", "127.0.0.1:8080", Some("https://forms.example.com")));
        assert!(refused("https://forms.example.com.evil", "forms.example.com", Some("https://forms.example.com")));
    }

    #[test]
    fn what_names_no_website_is_taken_or_not_as_the_form_says() {
        let form = FormConfig { allow_no_origin: false, ..FormConfig::named("contact") };
        let mut headers = HeaderMap::new();
        assert!(verdict(&form, &headers, None).refused);
        headers.insert(header::ORIGIN, "null".parse().unwrap());
        assert!(verdict(&form, &headers, None).refused);
        headers.insert(header::ORIGIN, "https://a.example".parse().unwrap());
        assert!(!verdict(&form, &headers, None).refused, "there is no list");
    }

    #[test]
    fn only_listed_origins_are_allowed() {
        let list = ["https://www.example.com", "https://*.shop.example.com"];
        for sent in [
            "https://www.example.com",
            "https://a.shop.example.com",
            "https://forms.example.com",
            "HTTPS://WWW.Example.COM",
            "https://www.example.com:443",
        ] {
            assert_eq!(asked(&list, sent), Verdict { allow: Some(sent.into()), refused: false }, "{sent}");
        }
        for sent in [
            "https://evil-example.com",
            "https://www.example.com.evil",
            "http://www.example.com",
            "https://www.example.com:444",
            "https://evilshop.example.com",
            "https://shop.example.com",
            "https://www.example.com@evil.example",
            "https://www.xn--exmple-cua.com",
            "https://www.exаmple.com",
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
