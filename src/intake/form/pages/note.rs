//! A page of few words with one button at most: confirmations and farewells. It runs no script.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::policy::STYLE_SOURCE;
use super::{Page, Place, render};
use crate::intake::form::texts::Language;

/// What such a page is made of.
#[derive(Debug, Clone)]
pub struct Note<'a> {
    /// Its language.
    pub language: Language,
    /// Its status.
    pub status: StatusCode,
    /// Its heading.
    pub title: &'a str,
    /// Its words.
    pub words: &'a str,
    /// What stands on the button.
    pub button: Option<&'a str>,
    /// Where the button posts to.
    pub action: &'a str,
}

/// A page of few words.
#[must_use]
pub fn note(note: &Note<'_>) -> Response {
    let page = Page {
        title: note.title,
        words: note.words,
        button: note.button.unwrap_or_default(),
        address: note.action.to_owned(),
        ..Page::default()
    };
    let mut response = render("opt_in.html", note.status, note.language.texts(), page, None, &Place::Alone);
    let policy = format!(
        "default-src 'none'; style-src {}; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        *STYLE_SOURCE
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
