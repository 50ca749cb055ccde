//! The pages visitors see: landing and a form's own page, thanks, problem. They work without a script; no cookie,
//! nothing from elsewhere but the captcha service that a form asks.
//!
//! Invariants: nothing of a visitor is written into a page unescaped; scripts come from this server only, and from a
//! service where it is shown, and none stands in a page; only websites that the form lists may show a page in a frame.

mod field;
mod note;
mod place;
mod policy;
mod refill;

use std::borrow::Cow;
use std::sync::LazyLock;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use minijinja::{AutoEscape, Environment};
use serde::Serialize;

pub(in crate::intake::form) use self::field::FILES;
use self::field::{Field, blanks};
pub use self::note::{Note, note};
pub use self::place::Place;
use self::policy::policy;
use self::refill::{Refilled, refill};
use super::captcha::{OnPage, Widget};
use super::scripts::ENHANCER;
use super::stamp;
use super::texts::{Language, Texts, faults};
use crate::config::form::{FormConfig, in_language, origin};
use crate::config::screening::ALTCHA;
use crate::domain::reading::field_names::is_attribution;

const CSS: &str = include_str!("templates/page.css");
/// A problem page shows what was typed up to this many bytes in all.
const SHOWN_BYTES: usize = 256 << 10;
/// Longest parameter of a page's address that is handed on to its form, in bytes.
const HANDED_BYTES: usize = 2_000;
/// Most of them.
const HANDED: usize = 60;
/// Name of the field that people do not see, where the form names none.
const TRAP: &str = "_gotcha";

static TEMPLATES: LazyLock<Option<Environment<'static>>> = LazyLock::new(|| {
    let mut env = Environment::new();
    env.set_auto_escape_callback(|_| AutoEscape::Html);
    let templates = [
        ("base.html", include_str!("templates/base.html")),
        ("fields.html", include_str!("templates/fields.html")),
        ("form.html", include_str!("templates/form.html")),
        ("site.html", include_str!("templates/site.html")),
        ("landing.html", include_str!("templates/landing.html")),
        ("thanks.html", include_str!("templates/thanks.html")),
        ("problem.html", include_str!("templates/problem.html")),
        ("opt_in.html", include_str!("templates/opt_in.html")),
    ];
    templates.into_iter().try_for_each(|(name, source)| env.add_template(name, source)).ok()?;
    Some(env)
});

/// A language to choose.
#[derive(Debug, Serialize)]
struct LanguageLink {
    code: &'static str,
    name: &'static str,
    href: String,
}

/// A field that is sent and not shown.
#[derive(Debug, Clone, Serialize)]
struct Hidden<'a> {
    name: Cow<'a, str>,
    value: Cow<'a, str>,
}

/// A form on a page.
#[derive(Debug, Serialize)]
struct Sheet<'a> {
    action: String,
    hidden: Vec<Hidden<'a>>,
    fields: Vec<Field<'a>>,
    /// Takes files.
    files: bool,
    /// Name of the trap field, and what was put into it.
    trap: &'a str,
    trapped: &'a str,
    captcha: bool,
    send: &'a str,
}

#[derive(Debug, Default, Serialize)]
struct Page<'a> {
    t: Option<&'a Texts>,
    css: &'a str,
    script: String,
    title: &'a str,
    intro: &'a str,
    parent: Option<&'a str>,
    framed: bool,
    languages: Vec<LanguageLink>,
    sheet: Option<Sheet<'a>>,
    /// The service that the form asks.
    #[serde(skip)]
    service: Option<&'a Widget>,
    /// The same, where the page shows the form.
    widget: Option<OnPage>,
    /// Hints for the operator: address of this server, and of its form.
    base: Option<&'a str>,
    address: String,
    first_steps: bool,
    back: Option<&'a str>,
    words: &'a str,
    /// Where what was typed is, when something was sent.
    go_back: &'a str,
    kept: bool,
    reference: &'a str,
    button: &'a str,
    notes: &'a [String],
    notes_heading: &'a str,
    onward: &'a str,
    go_on: &'a str,
    again: &'a str,
    choose_again: &'a str,
}

/// What a landing page is made of.
#[derive(Debug, Clone)]
pub struct Landing<'a> {
    /// Its language.
    pub language: Language,
    /// Its path, which the choice of languages leads back to.
    pub home: &'a str,
    /// Query of its address: attribution in it goes into the form, and the choice of languages keeps it.
    pub query: &'a str,
    /// The page that led here, if it said so.
    pub referer: &'a str,
    /// Where it is shown.
    pub place: Place,
    /// The form on it.
    pub form: Option<&'a FormConfig>,
    /// The service that the form asks.
    pub widget: Option<&'a Widget>,
    /// Value of its `_submission_id`.
    pub submission_id: String,
    /// Value of its `_t`.
    pub stamp: String,
    /// Address of this listener as seen by the visitor, for the operator's hints; `None` leaves them out.
    pub base: Option<&'a str>,
}

/// The landing page, and the page of one form.
#[must_use]
pub fn landing(landing: &Landing<'_>) -> Response {
    let texts = landing.language.texts();
    let form = landing.form;
    let own = form.and_then(|form| form.language.as_deref());
    let heading = form.and_then(|form| in_language(&form.heading, texts.lang, own).or(form.title.as_deref()));
    let page = Page {
        title: heading.unwrap_or(texts.heading),
        intro: form.and_then(|form| in_language(&form.intro, texts.lang, own)).unwrap_or(texts.intro),
        parent: landing.place.parent(),
        framed: landing.place != Place::Alone,
        languages: Language::ALL.map(|language| link(landing, language)).into(),
        sheet: form.map(|form| Sheet { hidden: handed(landing), ..sheet(form, &landing.place, texts) }),
        service: landing.widget,
        base: landing.base,
        address: form.map(address).unwrap_or_default(),
        first_steps: landing.home == "/",
        ..Page::default()
    };
    render("landing.html", StatusCode::OK, texts, page, form, &landing.place)
}

/// The same page in another language.
fn link(landing: &Landing<'_>, language: Language) -> LanguageLink {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("lang", language.code());
    let kept = form_urlencoded::parse(landing.query.as_bytes()).filter(|(name, value)| is_handed(name, value));
    query.extend_pairs(kept.take(HANDED));
    let href = format!("{}?{}{}", landing.home, query.finish(), landing.place.query('&'));
    // Encoded, so nothing but the ampersand means anything to a page.
    LanguageLink { code: language.code(), name: language.name(), href: href.replace('&', "&amp;") }
}

fn is_handed(name: &str, value: &str) -> bool {
    is_attribution(name) && !value.is_empty() && name.len() + value.len() <= HANDED_BYTES
}

/// What goes with the form unseen: its id, its language, and where the visitor came from.
fn handed<'a>(landing: &Landing<'a>) -> Vec<Hidden<'a>> {
    let mut hidden = vec![
        Hidden { name: "_submission_id".into(), value: Cow::Owned(landing.submission_id.clone()) },
        Hidden { name: "_language".into(), value: landing.language.code().into() },
        Hidden { name: stamp::FIELD.into(), value: Cow::Owned(landing.stamp.clone()) },
    ];
    for (name, value) in form_urlencoded::parse(landing.query.as_bytes()).take(HANDED) {
        if is_handed(&name, &value) && !hidden.iter().any(|field| field.name == name) {
            hidden.push(Hidden { name, value });
        }
    }
    // The page around a frame is the one that the visitor sees; a page that linked here is a referrer.
    let page = if landing.place == Place::Alone { "_referrer" } else { "_page" };
    let is_new = origin(landing.referer).is_some_and(|site| Some(site.as_str()) != landing.base);
    if is_new && landing.referer.len() <= HANDED_BYTES && !hidden.iter().any(|field| field.name == page) {
        hidden.push(Hidden { name: page.into(), value: landing.referer.into() });
    }
    hidden
}

/// The thank-you page of a form, with a link back when it is known where that is.
#[must_use]
pub fn thanks(language: Language, back: Option<&str>, form: Option<&FormConfig>, place: &Place) -> Response {
    let texts = language.texts();
    let framed = *place != Place::Alone;
    let page =
        Page { title: texts.thanks, back: back.filter(|_| !framed), parent: place.parent(), framed, ..Page::default() };
    render("thanks.html", StatusCode::OK, texts, page, form, place)
}

/// What is wrong with one field.
#[derive(Debug, Clone)]
pub struct Fault<'a> {
    /// Its name.
    pub field: &'a str,
    /// What is wrong and what to do.
    pub words: Cow<'a, str>,
}

/// The thank-you page after a submission of which not every file was taken: what and why, and a link to where the visitor
/// would have gone, and one `again` to the form, where it is known.
#[must_use]
pub fn thanks_but(language: Language, notes: &[String], onward: &str, again: &str, place: &Place) -> Response {
    let (texts, words) = (language.texts(), faults::of(language.code()));
    let (notes_heading, go_on) = (words.files_refused, words.go_on);
    let framed = *place != Place::Alone;
    let title = texts.thanks;
    let choose_again = words.choose_again;
    let parent = place.parent();
    let page =
        Page { title, parent, framed, notes, notes_heading, onward, go_on, again, choose_again, ..Page::default() };
    render("thanks.html", StatusCode::OK, texts, page, None, place)
}

/// What a problem page is made of.
#[derive(Debug, Clone)]
pub struct Trouble<'a> {
    /// Its language.
    pub language: Language,
    /// Its status.
    pub status: StatusCode,
    /// What became of the message, in a few words.
    pub title: &'a str,
    /// A page was to be seen, nothing was sent.
    pub opened: bool,
    /// What is wrong and what to do.
    pub words: &'a str,
    /// What is wrong with single fields.
    pub faults: &'a [Fault<'a>],
    /// What the visitor typed, to be sent again to this form.
    pub typed: Option<(&'a FormConfig, &'a [(String, String)])>,
    /// The form, also when nothing can be sent to it again.
    pub form: Option<&'a FormConfig>,
    /// The service that the form asks.
    pub widget: Option<&'a Widget>,
    /// Link back.
    pub back: Option<&'a str>,
    /// Id of the request.
    pub reference: &'a str,
    /// Where it is shown.
    pub place: &'a Place,
}

/// A problem page that keeps what the visitor typed.
#[must_use]
pub fn problem(trouble: &Trouble<'_>) -> Response {
    let texts = trouble.language.texts();
    let small = |typed: &[(String, String)]| typed.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>() <= SHOWN_BYTES;
    let sheet = trouble.typed.filter(|(_, typed)| small(typed)).map(|(form, typed)| {
        let trap = trap(form);
        let Refilled { fields, hidden } = refill(form, typed, trouble.faults, trap, texts);
        let trapped = typed.iter().find(|(name, _)| name == trap).map_or("", |(_, value)| value.as_str());
        Sheet { fields, hidden, trapped, send: texts.send_again, ..sheet(form, trouble.place, texts) }
    });
    let page = Page {
        title: trouble.title,
        go_back: if trouble.opened { "" } else { texts.go_back },
        words: trouble.words,
        parent: trouble.place.parent(),
        framed: *trouble.place != Place::Alone,
        kept: sheet.as_ref().is_some_and(|sheet| !sheet.fields.is_empty()),
        sheet: sheet.filter(|sheet| !sheet.fields.is_empty()),
        service: trouble.widget,
        back: trouble.back,
        reference: trouble.reference,
        ..Page::default()
    };
    render("problem.html", trouble.status, texts, page, trouble.form, trouble.place)
}

fn address(form: &FormConfig) -> String {
    format!("/f/{}", form.path_name())
}

/// Where the page of a form is, as shown at `place`.
#[must_use]
pub fn own_page(form: &FormConfig, language: Language, place: &Place) -> String {
    format!("{}?lang={}{}", address(form), language.code(), place.query('&'))
}

fn trap(form: &FormConfig) -> &str {
    form.screening.honeypot.as_deref().unwrap_or(TRAP)
}

/// A form to be filled in.
fn sheet<'a>(form: &'a FormConfig, place: &Place, texts: &'static Texts) -> Sheet<'a> {
    Sheet {
        action: address(form) + &place.query('?'),
        hidden: Vec::new(),
        fields: blanks(form, texts),
        files: form.allow_files,
        trap: trap(form),
        trapped: "",
        captcha: form.captcha.as_deref() == Some(ALTCHA),
        send: texts.send,
    }
}

fn render(
    template: &str,
    status: StatusCode,
    texts: &'static Texts,
    page: Page<'_>,
    form: Option<&FormConfig>,
    place: &Place,
) -> Response {
    let script = format!("/pisteur.js?v={}", ENHANCER.version());
    let service = page.service.filter(|_| page.sheet.is_some());
    let widget = service.map(|service| service.on_page(texts));
    let page = Page { t: Some(texts), css: CSS, script, widget, ..page };
    let html =
        TEMPLATES.as_ref().and_then(|env| env.get_template(template).ok()?.render(minijinja::value::Serde(&page)).ok());
    let Some(html) = html else {
        tracing::error!(template, "a page could not be made; its plain words are sent");
        return (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], page.words.to_owned()).into_response();
    };
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_LANGUAGE, texts.lang),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.append(header::VARY, HeaderValue::from_static("Accept-Language"));
    if let Ok(policy) = HeaderValue::from_str(&policy(form, service, place)) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

#[cfg(test)]
mod tests;
