//! Where a page is shown: alone in its window, or in a frame of a website that the form lists.

use axum::http::{HeaderMap, header};

use super::super::{cors, negotiate};
use crate::config::form::{FormConfig, origin};

/// Where a page is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Place {
    /// In a window of its own; nobody may frame it.
    #[default]
    Alone,
    /// In a frame of a listed website.
    Framed {
        /// Origin of the page around it, when it is known and listed: it is told the height.
        parent: Option<String>,
    },
}

impl Place {
    /// Asked for by `?embed=1`; `?embed=https://www.example.com` names the page around it, else `Referer` does.
    #[must_use]
    pub fn of(query: &str, headers: &HeaderMap, form: Option<&FormConfig>) -> Self {
        let asked = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "embed");
        let (Some((_, asked)), Some(form)) = (asked, form) else { return Self::Alone };
        let listed = |site: &String| cors::is_listed(form, site);
        let named = origin(&asked).filter(listed);
        let parent = named.or_else(|| origin(&negotiate::text(headers, header::REFERER)).filter(listed));
        Self::Framed { parent }
    }

    /// The page around it.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        match self {
            Self::Framed { parent } => parent.as_deref(),
            Self::Alone => None,
        }
    }

    /// Goes behind an address so that the next page is shown in the same place; empty when alone. `before` is `?` or `&`.
    #[must_use]
    pub fn query(&self, before: char) -> String {
        match self {
            Self::Alone => String::new(),
            Self::Framed { parent } => {
                let mut query = form_urlencoded::Serializer::new(String::new());
                query.append_pair("embed", parent.as_deref().unwrap_or("1"));
                format!("{before}{}", query.finish())
            }
        }
    }

    /// The websites that may show the page in a frame, as `frame-ancestors` wants them.
    #[must_use]
    pub fn ancestors(&self, form: Option<&FormConfig>) -> String {
        let sites: Vec<String> = match (self, form) {
            (Self::Framed { .. }, Some(form)) => {
                let site = |entry: &String| if is_pattern(entry) { Some(entry.clone()) } else { origin(entry) };
                form.allowed_origins.iter().filter_map(site).filter(|site| !site.contains([';', ','])).collect()
            }
            _ => Vec::new(),
        };
        if sites.is_empty() { "'none'".to_owned() } else { sites.join(" ") }
    }
}

/// `*` and `https://*.example.com` mean the same to browsers as to us; checked with the configuration.
fn is_pattern(entry: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "*.:/-_".contains(c);
    entry == "*" || entry.contains("://*.") && entry.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_sites_are_told_and_may_frame() {
        let form = FormConfig {
            allowed_origins: vec!["https://www.example.com/path".into(), "https://*.shop.example.com".into()],
            ..FormConfig::named("contact")
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::REFERER, "https://a.shop.example.com/x".parse().unwrap());
        let place = |query: &str| Place::of(query, &headers, Some(&form));
        assert_eq!(place("lang=fr"), Place::Alone);
        assert_eq!(place("embed=1").parent(), Some("https://a.shop.example.com"));
        assert_eq!(place("embed=https://www.example.com").parent(), Some("https://www.example.com"));
        assert_eq!(place("embed=https://evil.example").parent(), Some("https://a.shop.example.com"));
        assert_eq!(place("embed=1").query('&'), "&embed=https%3A%2F%2Fa.shop.example.com");
        assert_eq!(place("embed=1").ancestors(Some(&form)), "https://www.example.com https://*.shop.example.com");
        assert_eq!(Place::Alone.ancestors(Some(&form)), "'none'");
        let closed = FormConfig::named("contact");
        let nobody = Place::of("embed=https://evil.example", &HeaderMap::new(), Some(&closed));
        assert_eq!((nobody.parent(), nobody.ancestors(Some(&closed))), (None, "'none'".to_owned()));
    }
}
