//! Answers: JSON for scripts, redirects and pages for browsers.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use ulid::Ulid;

use super::faults::RefusedFile;
use super::pages::{self, Fault, Place, Trouble};
use super::problem::Why;
use super::texts::{Language, faults};
use super::{Widget, cors, negotiate};
use crate::config::form::{FormConfig, origin};

/// What all answers to one request have in common.
#[derive(Debug, Clone)]
pub(super) struct Manner {
    /// JSON instead of pages.
    pub(super) json: bool,
    /// Language of words.
    pub(super) language: Language,
    /// Shown with every refusal.
    pub(super) request_id: Ulid,
    /// Link back to the page the visitor came from, when that page may be linked.
    pub(super) back: Option<String>,
    /// Where pages are shown.
    pub(super) place: Place,
    /// What a page with the form shows of the service that it asks.
    pub(super) widget: Option<Widget>,
    /// A page was to be seen, nothing was sent.
    pub(super) opened: bool,
}

impl Manner {
    /// The manner a request asks for by its headers and its `?lang=`.
    pub(super) fn of(headers: &HeaderMap, query: &str, form: Option<&FormConfig>, request_id: Ulid) -> Self {
        Self {
            json: negotiate::wants_json(headers),
            language: language(headers, query, form),
            request_id,
            back: back(headers, form),
            place: Place::of(query, headers, form),
            widget: None,
            opened: false,
        }
    }

    /// Success. Files that were not taken are told: a script in `warnings`, a visitor on a page of ours that leads on,
    /// and back to the form.
    pub(super) fn success(&self, id: Ulid, next: &str, refused: &[RefusedFile], form: &FormConfig) -> Response {
        let lang = self.language.code();
        if self.json {
            let mut body = json!({ "ok": true, "id": id.to_string(), "next": next,
                                   "message": self.language.texts().thanks_more });
            if let Some(members) = body.as_object_mut().filter(|_| !refused.is_empty()) {
                let warnings = refused.iter().map(|file| {
                    json!({ "code": file.code(), "reason": file.why, "field": file.field, "file": file.file,
                            "message": file.words(lang) })
                });
                let words = faults::of(lang);
                members.insert("warnings".to_owned(), warnings.collect());
                members.insert("notice".to_owned(), json!(words.files_refused));
                members.insert("go_on".to_owned(), json!(words.go_on));
            }
            return json_response(StatusCode::OK, &body);
        }
        if !refused.is_empty() {
            let words: Vec<String> = refused.iter().map(|file| file.words(lang)).collect();
            let ours = || form.hosted.then(|| pages::own_page(form, self.language, &self.place));
            let again = self.back.clone().or_else(ours).unwrap_or_default();
            return pages::thanks_but(self.language, &words, next, &again, &self.place);
        }
        let Ok(location) = HeaderValue::from_str(next) else { return StatusCode::NO_CONTENT.into_response() };
        (StatusCode::SEE_OTHER, [(header::LOCATION, location)], [(header::CACHE_CONTROL, "no-store")]).into_response()
    }

    /// Refusal; a page keeps what was typed into `form`.
    pub(super) fn refusal(
        &self,
        why: &Why,
        form: Option<&FormConfig>,
        typed: Option<(&FormConfig, &[(String, String)])>,
    ) -> Response {
        let (status, slug) = why.status();
        let texts = self.language.texts();
        let words = match why {
            // Who opens a page is no builder of one.
            Why::UnknownForm | Why::PostOnly if self.opened && !self.json => texts.problems.check_address.to_owned(),
            _ => why.words(texts),
        };
        let reference = self.request_id.to_string();
        let mut response = if self.json {
            let errors = why.errors(self.language.texts()).into_iter();
            let errors: Vec<_> = errors
                .map(|(code, field, message)| json!({ "code": code, "field": field, "message": message }))
                .collect();
            let mut body = json!({ "ok": false, "error": slug, "message": words, "errors": errors,
                                   "request_id": reference });
            if let (Some(detail), Some(members)) = (why.detail(), body.as_object_mut()) {
                members.insert("detail".to_owned(), json!(detail));
            }
            if let (Some(seconds), Some(members)) = (why.retry_after(), body.as_object_mut()) {
                members.insert("retry_after".to_owned(), json!(seconds));
            }
            json_response(status, &body)
        } else {
            let errors = why.errors(self.language.texts()).into_iter();
            let faults: Vec<Fault<'_>> =
                errors.filter_map(|(_, field, words)| Some(Fault { field: field?, words: words.into() })).collect();
            let opened = self.opened || *why == Why::Nowhere;
            let texts = self.language.texts();
            pages::problem(&Trouble {
                language: self.language,
                status,
                title: if opened { why.title_when_opened(texts) } else { why.title(texts) },
                opened,
                words: &words,
                faults: &faults,
                typed,
                form,
                widget: self.widget.as_ref(),
                back: self.back.as_deref(),
                reference: &reference,
                place: &self.place,
            })
        };
        if let Some(seconds) = why.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        let allowed = match why {
            Why::Method => Some("GET, HEAD, POST, OPTIONS"),
            Why::PostOnly => Some("POST, OPTIONS"),
            Why::GetOnly => Some("GET, HEAD, OPTIONS"),
            _ => None,
        };
        if let Some(allowed) = allowed {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
        }
        response
    }
}

/// How a request wants to be answered when its form cannot be asked.
#[derive(Debug, Clone, Copy)]
pub struct Hurried {
    json: bool,
    language: Language,
}

impl Hurried {
    /// By its address, its headers and its `?lang=`: pages are for visitors of forms.
    #[must_use]
    pub fn of(uri: &Uri, headers: &HeaderMap) -> Self {
        let is_form = uri.path() == "/f" || uri.path().starts_with("/f/");
        let asked = Self::asked(uri, headers);
        Self { json: asked.json || !is_form, ..asked }
    }

    fn asked(uri: &Uri, headers: &HeaderMap) -> Self {
        let language = language(headers, uri.query().unwrap_or_default(), None);
        Self { json: negotiate::wants_json(headers), language }
    }

    /// 503 for a request that took too long; the connection ends with it.
    #[must_use]
    pub fn late(self, request_id: Ulid) -> Response {
        closing(self.answer(&Why::Late, request_id))
    }

    /// 503 for a connection too many, which ends with it.
    #[must_use]
    pub fn busy(self, request_id: Ulid) -> Response {
        closing(self.answer(&Why::Busy, request_id))
    }

    /// In the shape of every refusal. Any website's script may read it: it says nothing about anybody.
    fn answer(self, why: &Why, request_id: Ulid) -> Response {
        let (json, language) = (self.json, self.language);
        let manner =
            Manner { json, language, request_id, back: None, place: Place::Alone, widget: None, opened: false };
        let mut response = manner.refusal(why, None, None);
        cors::sign(&mut response, &cors::Verdict { allow: Some("*".to_owned()), refused: false });
        response
    }
}

fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// 404 at an address where nothing is.
#[must_use]
pub fn nothing_here(uri: &Uri, headers: &HeaderMap, request_id: Ulid) -> Response {
    Hurried::asked(uri, headers).answer(&Why::Nowhere, request_id)
}

/// 405 at an address that only shows something, or says what else may be asked there.
#[must_use]
pub fn only_shown(method: &Method, uri: &Uri, headers: &HeaderMap, request_id: Ulid) -> Response {
    if method != Method::OPTIONS {
        return Hurried::asked(uri, headers).answer(&Why::GetOnly, request_id);
    }
    let mut response = cors::preflight_to_read();
    cors::sign(&mut response, &cors::Verdict { allow: Some("*".to_owned()), refused: false });
    response
}

fn json_response(status: StatusCode, body: &serde_json::Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, body.to_string()).into_response()
}

/// `?lang=`, else `Accept-Language`, else the form's, else English.
pub(crate) fn language(headers: &HeaderMap, query: &str, form: Option<&FormConfig>) -> Language {
    let asked = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "lang");
    asked
        .and_then(|(_, tag)| Language::of_tag(&tag))
        .or_else(|| Language::of_header(&negotiate::text(headers, header::ACCEPT_LANGUAGE)))
        .or_else(|| form.and_then(|form| Language::of_tag(form.language.as_deref()?)))
        .unwrap_or_default()
}

/// The referring page, when it is on this host or on a site that the form lists: nobody else gets a link from us.
fn back(headers: &HeaderMap, form: Option<&FormConfig>) -> Option<String> {
    let referer = negotiate::text(headers, header::REFERER);
    let site = origin(&referer)?;
    let host = negotiate::text(headers, header::HOST);
    let own = site.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(&host));
    let listed = form.is_some_and(|form| {
        let sites = form.allowed_redirects.iter().chain(&form.allowed_origins).chain(&form.redirect);
        sites.filter_map(|entry| origin(entry)).any(|entry| entry == site)
    });
    (own || listed).then_some(referer)
}
