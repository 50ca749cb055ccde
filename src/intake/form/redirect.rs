//! Where a browser goes afterwards, and nowhere else.
//!
//! Invariant: the answer is the configured page, a path on this host, or an address whose origin the form's
//! configuration lists. Nothing in a request can name another site.

use url::Url;

use super::cors;
use crate::config::form::{FormConfig, origin};

/// Names under which a form asks for a page, strongest first.
const NAMES: [&str; 5] = ["_next", "_redirect", "redirect", "retURL", "returnurl"];

/// Where to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// This page.
    Page(String),
    /// Our own thank-you page.
    OwnPage,
    /// The request asked for a page that is not allowed: our own thank-you page, and a word in the log.
    Refused,
}

/// The page a submission asks for; blank values ask for nothing.
#[must_use]
pub fn asked(fields: &[(String, String)]) -> Option<&str> {
    let named = |wanted: &str| {
        fields.iter().find(|(name, value)| name.eq_ignore_ascii_case(wanted) && !value.trim().is_empty())
    };
    NAMES.iter().find_map(|name| named(name)).map(|(_, value)| value.as_str())
}

/// Where a browser goes after a submission to `form` that asked for `wanted`. `from`: the other website that sent it, if
/// that is known: a path is one of that website, when the form lists it.
#[must_use]
pub fn target(form: &FormConfig, wanted: Option<&str>, from: Option<&str>) -> Target {
    let at_home = |page: String| match from.filter(|_| page.starts_with('/')) {
        None => Some(page),
        Some(site) => is_listed(form, site).then(|| format!("{site}{page}")),
    };
    match wanted.map(|text| allowed(form, text).and_then(at_home)) {
        Some(Some(page)) => Target::Page(page),
        Some(None) if form.redirect.is_none() => Target::Refused,
        _ => form.redirect.clone().map_or(Target::OwnPage, Target::Page),
    }
}

/// Whether the form names this website, other than by a `*` for all.
fn is_listed(form: &FormConfig, site: &str) -> bool {
    let pages = form.allowed_redirects.iter().chain(&form.redirect);
    let origins = form.allowed_origins.iter().filter(|entry| *entry != "*");
    pages.filter_map(|entry| origin(entry)).any(|entry| entry == site)
        || origins.into_iter().any(|o| cors::matches(o, site))
}

/// `text` as an address that may be sent to a browser; `None` when it may not.
fn allowed(form: &FormConfig, text: &str) -> Option<String> {
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    let clean = clean.trim();
    if clean.contains('\\') {
        return None;
    }
    if let Some(rest) = clean.strip_prefix('/') {
        // The parser escapes what must not stand in a header, and resolves dots before the check below.
        let url = Url::parse("http://own.invalid").ok()?.join(clean).ok()?;
        let own = !rest.starts_with('/') && url.host_str() == Some("own.invalid") && !url.path().starts_with("//");
        return own.then(|| url.as_str().trim_start_matches("http://own.invalid").to_owned());
    }
    let lower = clean.to_ascii_lowercase();
    if !(lower.starts_with("https://") || lower.starts_with("http://")) {
        return None;
    }
    let site = origin(clean)?;
    let listed = form.allowed_redirects.iter().chain(form.redirect.iter()).filter_map(|entry| origin(entry));
    listed.into_iter().any(|entry| entry == site).then(|| Url::parse(clean).ok().map(String::from)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> FormConfig {
        FormConfig {
            allowed_redirects: vec!["https://ok.com".into(), "http://ok.com:8000".into()],
            ..FormConfig::named("contact")
        }
    }

    #[test]
    fn listed_sites_and_own_paths_are_allowed() {
        let cases = [
            ("https://ok.com/thanks?x=1#y", "https://ok.com/thanks?x=1#y"),
            (" HTTPS://OK.com/é ", "https://ok.com/%C3%A9"),
            ("https://ok.com:443/a", "https://ok.com/a"),
            ("http://ok.com:8000/", "http://ok.com:8000/"),
            ("/merci", "/merci"),
            ("/m\r\nSet-Cookie: a=b", "/mSet-Cookie:%20a=b"),
        ];
        for (asked, sent) in cases {
            assert_eq!(target(&form(), Some(asked), None), Target::Page(sent.into()), "{asked}");
        }
    }

    #[test]
    fn a_path_is_one_of_the_website_that_asked() {
        let listed = FormConfig { allowed_origins: vec!["https://*.shop.example".into(), "*".into()], ..form() };
        let sent = |from| target(&listed, Some("/thanks?x=1"), from);
        assert_eq!(sent(Some("https://ok.com")), Target::Page("https://ok.com/thanks?x=1".into()));
        assert_eq!(sent(Some("https://www.shop.example")), Target::Page("https://www.shop.example/thanks?x=1".into()));
        assert_eq!(sent(None), Target::Page("/thanks?x=1".into()));
        for other in ["https://evil.com", "http://ok.com", "https://ok.com:444"] {
            assert_eq!(sent(Some(other)), Target::Refused, "{other}");
        }
        assert_eq!(target(&listed, Some("//evil.com"), Some("https://ok.com")), Target::Refused);
    }

    #[test]
    fn nothing_else_is() {
        let cases = [
            "//evil.com",
            "////evil.com",
            "/\\evil.com",
            "\\\\evil.com",
            "https:evil.com",
            "https:/evil.com",
            "https://ok.com@evil.com",
            "https://user@ok.com/",
            "https://ok.com.evil.com",
            "%2f%2fevil.com",
            "/\t/evil.com",
            "\n//evil.com",
            "/.//evil.com",
            "javascript:alert(1)",
            "data:text/html,x",
            "http://ok.com/",
            "https://ok.com:444/",
            "https://оk.com/",
            "https://evil.com#ok.com",
            "https://evil.com\\@ok.com",
            "thanks.html",
            "ftp://ok.com",
            "https://",
        ];
        for asked in cases {
            assert_eq!(target(&form(), Some(asked), None), Target::Refused, "{asked}");
        }
    }

    #[test]
    fn without_a_wish_the_configured_page_is_taken() {
        let configured = FormConfig { redirect: Some("https://shop.example/thanks".into()), ..form() };
        assert_eq!(target(&configured, None, None), Target::Page("https://shop.example/thanks".into()));
        assert_eq!(target(&configured, Some("//evil.com"), None), Target::Page("https://shop.example/thanks".into()));
        assert_eq!(
            target(&configured, Some("https://shop.example/x"), None),
            Target::Page("https://shop.example/x".into())
        );
        assert_eq!(target(&form(), None, None), Target::OwnPage);
    }

    #[test]
    fn a_blank_wish_is_none() {
        let fields = [("_next".to_owned(), "  ".to_owned()), ("retURL".to_owned(), "/a".to_owned())];
        assert_eq!(asked(&fields), Some("/a"));
    }
}
