//! Where a browser goes afterwards, and nowhere else.
//!
//! Invariants: the answer is the configured page, a page of ours, an address whose origin the form's configuration lists,
//! or one on this host. Nothing in a request can name another site, and a path is one of the website that asked for it:
//! whoever it is of cannot be told from a page of ours, so that our pages carry on whole addresses.

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

/// Who sent a submission, as the browser tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Sender {
    /// This other website.
    Website(String),
    /// A website beside our pages, on this host.
    Beside(String),
    /// A page of ours, on this host.
    Ours(String),
    /// Nobody knows.
    #[default]
    Unknown,
}

impl Sender {
    /// The website of `site`, which is this host's own if `is_own`, by the page that it says it is.
    #[must_use]
    pub fn of(site: Option<String>, is_own: bool, page: &str) -> Self {
        let Some(site) = site else { return Self::Unknown };
        if !is_own {
            return Self::Website(site);
        }
        match Url::parse(page) {
            Ok(page) if page.path() != "/f" && !page.path().starts_with(OURS) => Self::Beside(site),
            _ => Self::Ours(site),
        }
    }

    fn own(&self) -> Option<&str> {
        if let Self::Beside(own) | Self::Ours(own) = self { Some(own) } else { None }
    }
}

/// Where our own pages lie.
const OURS: &str = "/f/";

/// What becomes of a wish.
enum Wish {
    Page(String),
    /// A path of a website that is not known.
    Nowhere,
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

/// Where a browser goes after a submission to `form` that asked for `wanted`.
#[must_use]
pub fn target(form: &FormConfig, wanted: Option<&str>, from: &Sender) -> Target {
    match wanted.map(|text| wish(form, text, from)) {
        Some(Wish::Page(page)) => Target::Page(page),
        Some(Wish::Refused) if form.redirect.is_none() => Target::Refused,
        _ => form.redirect.clone().map_or(Target::OwnPage, Target::Page),
    }
}

/// `fields` as a page of ours sends them again: the wish in them means the same there, and one that is not granted is
/// left out.
#[must_use]
pub fn carried(form: &FormConfig, fields: &[(String, String)], from: &Sender) -> Vec<(String, String)> {
    let granted = match asked(fields).map(|text| wish(form, text, from)) {
        Some(Wish::Page(page)) if page.starts_with('/') => Some(format!("{}{page}", from.own().unwrap_or_default())),
        Some(Wish::Page(page)) => Some(page),
        _ => None,
    };
    let is_wish = |name: &str| NAMES.iter().any(|known| name.eq_ignore_ascii_case(known));
    let rest = fields.iter().filter(|(name, _)| !is_wish(name)).cloned();
    rest.chain(granted.map(|page| (NAMES[0].to_owned(), page))).collect()
}

fn wish(form: &FormConfig, text: &str, from: &Sender) -> Wish {
    let Some(page) = allowed(form, text, from.own()) else { return Wish::Refused };
    if !page.starts_with('/') {
        return Wish::Page(page);
    }
    match from {
        Sender::Website(site) if is_listed(form, site) => Wish::Page(format!("{site}{page}")),
        Sender::Website(_) => Wish::Refused,
        Sender::Beside(_) => Wish::Page(page),
        Sender::Ours(_) | Sender::Unknown if page.starts_with(OURS) => Wish::Page(page),
        Sender::Ours(_) | Sender::Unknown => Wish::Nowhere,
    }
}

/// Whether the form names this website, other than by a `*` for all.
fn is_listed(form: &FormConfig, site: &str) -> bool {
    let pages = form.allowed_redirects.iter().chain(&form.redirect);
    let origins = form.allowed_origins.iter().filter(|entry| *entry != "*");
    pages.filter_map(|entry| origin(entry)).any(|entry| entry == site)
        || origins.into_iter().any(|o| cors::matches(o, site))
}

/// `text` as an address that may be sent to a browser; `None` when it may not. `own`: this host.
fn allowed(form: &FormConfig, text: &str, own: Option<&str>) -> Option<String> {
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
    let may = own == Some(site.as_str()) || is_listed(form, &site);
    may.then(|| Url::parse(clean).ok().map(String::from)).flatten()
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
            ("/f/merci", "/f/merci"),
            ("/f/m\r\nSet-Cookie: a=b", "/f/mSet-Cookie:%20a=b"),
        ];
        for (asked, sent) in cases {
            assert_eq!(target(&form(), Some(asked), &Sender::Unknown), Target::Page(sent.into()), "{asked}");
        }
        for elsewhere in ["/merci", "/f/../merci", "/f"] {
            assert_eq!(target(&form(), Some(elsewhere), &Sender::Unknown), Target::OwnPage, "{elsewhere}");
        }
    }

    #[test]
    fn a_path_is_one_of_the_website_that_asked() {
        let listed = FormConfig { allowed_origins: vec!["https://*.shop.example".into(), "*".into()], ..form() };
        let site = |site: &str| Sender::Website(site.to_owned());
        let sent = |from| target(&listed, Some("/thanks?x=1"), &from);
        assert_eq!(sent(site("https://ok.com")), Target::Page("https://ok.com/thanks?x=1".into()));
        assert_eq!(sent(site("https://www.shop.example")), Target::Page("https://www.shop.example/thanks?x=1".into()));
        assert_eq!(sent(Sender::Beside("https://own.example".into())), Target::Page("/thanks?x=1".into()));
        assert_eq!(sent(Sender::Ours("https://own.example".into())), Target::OwnPage);
        for other in ["https://evil.com", "http://ok.com", "https://ok.com:444"] {
            assert_eq!(sent(site(other)), Target::Refused, "{other}");
        }
        assert_eq!(target(&listed, Some("//evil.com"), &site("https://ok.com")), Target::Refused);
    }

    #[test]
    fn a_page_of_ours_carries_on_what_the_website_meant() {
        let listed = FormConfig { allowed_origins: vec!["https://shop.example".into(), "*".into()], ..form() };
        let own = "https://own.example";
        let after = |wanted: &str, from: &Sender| {
            let fields = [("redirect".to_owned(), wanted.to_owned()), ("a".to_owned(), "b".to_owned())];
            let fields = carried(&listed, &fields, from);
            assert_eq!(fields[0].0, "a");
            target(&listed, asked(&fields), &Sender::Ours(own.to_owned()))
        };
        let page = |page: &str| Target::Page(page.to_owned());
        assert_eq!(
            after("/thanks", &Sender::Website("https://shop.example".into())),
            page("https://shop.example/thanks")
        );
        assert_eq!(after("/thanks", &Sender::Beside(own.to_owned())), page("https://own.example/thanks"));
        assert_eq!(after("https://ok.com/x", &Sender::Unknown), page("https://ok.com/x"));
        assert_eq!(after("/f/other", &Sender::Unknown), page("/f/other"));
        for (wanted, from) in [
            ("/thanks", Sender::Unknown),
            ("/thanks", Sender::Website("https://evil.com".into())),
            ("https://evil.com/", Sender::Website("https://shop.example".into())),
        ] {
            assert_eq!(after(wanted, &from), Target::OwnPage, "{wanted}");
        }
    }

    #[test]
    fn a_page_is_ours_or_of_a_website_beside_us() {
        let own = || Some("https://own.example".to_owned());
        let of = |page: &str| Sender::of(own(), true, page);
        for ours in ["https://own.example/f/contact", "https://own.example/f", "", "https://own.example/f/contact/"] {
            assert_eq!(of(ours), Sender::Ours("https://own.example".into()), "{ours}");
        }
        for beside in ["https://own.example/contact", "https://own.example/", "https://own.example/fr/contact"] {
            assert_eq!(of(beside), Sender::Beside("https://own.example".into()), "{beside}");
        }
        assert_eq!(Sender::of(None, false, "https://own.example/x"), Sender::Unknown);
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
            assert_eq!(target(&form(), Some(asked), &Sender::Unknown), Target::Refused, "{asked}");
        }
    }

    #[test]
    fn without_a_wish_the_configured_page_is_taken() {
        let configured = FormConfig { redirect: Some("https://shop.example/thanks".into()), ..form() };
        assert_eq!(target(&configured, None, &Sender::Unknown), Target::Page("https://shop.example/thanks".into()));
        assert_eq!(
            target(&configured, Some("//evil.com"), &Sender::Unknown),
            Target::Page("https://shop.example/thanks".into())
        );
        assert_eq!(
            target(&configured, Some("https://shop.example/x"), &Sender::Unknown),
            Target::Page("https://shop.example/x".into())
        );
        assert_eq!(target(&form(), None, &Sender::Unknown), Target::OwnPage);
    }

    #[test]
    fn a_blank_wish_is_none() {
        let fields = [("_next".to_owned(), "  ".to_owned()), ("retURL".to_owned(), "/a".to_owned())];
        assert_eq!(asked(&fields), Some("/a"));
    }
}
