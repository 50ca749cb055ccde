//! What a page may load, and where it may go: its Content-Security-Policy.
//!
//! Invariant: everything is forbidden but what our own pages need, and what the service needs that the page shows.

use std::sync::LazyLock;

use base64::Engine;
use sha2::Digest;

use super::super::captcha::Widget;
use super::{CSS, Place};
use crate::config::form::{FormConfig, origin};

/// CSP source of the one style sheet.
pub(super) static STYLE_SOURCE: LazyLock<String> = LazyLock::new(|| {
    let digest = sha2::Sha256::digest(CSS.as_bytes());
    format!("'sha256-{}'", base64::engine::general_purpose::STANDARD.encode(digest))
});

/// The policy of a page of `form` that shows `service`. Browsers apply `form-action` to the redirect that follows a
/// submission too, so the form's pages are named.
pub(super) fn policy(form: Option<&FormConfig>, service: Option<&Widget>, place: &Place) -> String {
    let pages = form.into_iter().flat_map(|form| form.redirect.iter().chain(&form.allowed_redirects));
    let targets: String = pages.filter_map(|page| origin(page)).fold(String::new(), |all, site| all + " " + &site);
    let more = service.map(Widget::sources).unwrap_or_default();
    // A digest beside it would switch it off (CSP 3 section 6.7.3.2).
    let styles = if more.inline_styles { "'unsafe-inline'" } else { STYLE_SOURCE.as_str() };
    let frames = if more.frame.is_empty() { String::new() } else { format!(" frame-src{};", more.frame) };
    format!(
        "default-src 'none'; script-src 'self'{}; connect-src 'self'{}; style-src {styles}{};{frames} img-src data:; \
         form-action 'self'{targets}; base-uri 'none'; frame-ancestors {}",
        more.script,
        more.connect,
        more.style,
        place.ancestors(form)
    )
}
