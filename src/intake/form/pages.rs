//! The pages visitors see: landing and a form's own page, thanks, problem. No script, no cookie, nothing from elsewhere.

use std::borrow::Cow;
use std::sync::LazyLock;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;
use sha2::Digest;

use super::texts::{Language, Texts};
use crate::config::form::{FormConfig, origin};
use crate::domain::reading::field_names::{canonical, is_attribution, is_control};
use crate::domain::rules::FieldType;
use crate::domain::submission::Canonical;

const CSS: &str = include_str!("templates/page.css");
/// A problem page shows what was typed up to this many bytes in all.
const SHOWN_BYTES: usize = 256 << 10;
/// A value longer than this, in characters, is shown over several lines.
const LONG: usize = 80;

static TEMPLATES: LazyLock<Option<Environment<'static>>> = LazyLock::new(|| {
    let mut env = Environment::new();
    env.set_auto_escape_callback(|_| AutoEscape::Html);
    let templates = [
        ("base.html", include_str!("templates/base.html")),
        ("landing.html", include_str!("templates/landing.html")),
        ("thanks.html", include_str!("templates/thanks.html")),
        ("problem.html", include_str!("templates/problem.html")),
    ];
    templates.into_iter().try_for_each(|(name, source)| env.add_template(name, source)).ok()?;
    Some(env)
});

/// CSP source of the one style sheet.
static STYLE_SOURCE: LazyLock<String> = LazyLock::new(|| {
    let digest = sha2::Sha256::digest(CSS.as_bytes());
    format!("'sha256-{}'", base64::engine::general_purpose::STANDARD.encode(digest))
});

#[derive(Debug, Serialize)]
struct Choice {
    code: &'static str,
    name: &'static str,
}

#[derive(Debug, Serialize)]
struct ShownField<'a> {
    name: &'a str,
    label: &'a str,
    value: &'a str,
    long: bool,
    hidden: bool,
}

/// One field of a form to be filled in.
#[derive(Debug, Serialize)]
struct Blank<'a> {
    name: &'a str,
    label: Cow<'a, str>,
    /// `textarea`, `checkbox`, or the type of an `input`.
    kind: &'static str,
    /// What browsers fill in by themselves.
    autocomplete: &'static str,
    /// Keyboard on a telephone.
    inputmode: &'static str,
    longest: u32,
    required: bool,
    /// Written from left to right in every language.
    ltr: bool,
}

#[derive(Debug, Default, Serialize)]
struct Page<'a> {
    t: Option<&'a Texts>,
    css: &'a str,
    title: &'a str,
    languages: Vec<Choice>,
    home: &'a str,
    action: Option<String>,
    blanks: Vec<Blank<'a>>,
    submission_id: String,
    base: Option<&'a str>,
    back: Option<&'a str>,
    words: &'a str,
    fields: Vec<ShownField<'a>>,
    reference: &'a str,
}

/// What a landing page is made of.
#[derive(Debug, Clone)]
pub struct Landing<'a> {
    /// Its language.
    pub language: Language,
    /// Its path, which the choice of languages leads back to.
    pub home: &'a str,
    /// The form on it.
    pub form: Option<&'a FormConfig>,
    /// Value of its `_submission_id`.
    pub submission_id: String,
    /// Address of this listener as seen by the visitor, for the operator's hints; `None` leaves them out.
    pub base: Option<&'a str>,
}

/// The landing page, and the page of one form.
#[must_use]
pub fn landing(landing: &Landing<'_>) -> Response {
    let texts = landing.language.texts();
    let page = Page {
        title: landing.form.and_then(|form| form.title.as_deref()).unwrap_or(texts.heading),
        languages: Language::ALL.map(|l| Choice { code: l.code(), name: l.name() }).into(),
        home: landing.home,
        action: landing.form.map(action),
        blanks: landing.form.map_or_else(Vec::new, |form| blanks(form, texts)),
        submission_id: landing.submission_id.clone(),
        base: landing.base,
        ..Page::default()
    };
    render("landing.html", StatusCode::OK, texts, page, landing.form)
}

/// The thank-you page of a form, with a link back when it is known where that is.
#[must_use]
pub fn thanks(language: Language, back: Option<&str>) -> Response {
    let texts = language.texts();
    let page = Page { title: texts.thanks, back, ..Page::default() };
    render("thanks.html", StatusCode::OK, texts, page, None)
}

/// What a problem page is made of.
#[derive(Debug, Clone)]
pub struct Trouble<'a> {
    /// Its language.
    pub language: Language,
    /// Its status.
    pub status: StatusCode,
    /// What is wrong and what to do.
    pub words: &'a str,
    /// What the visitor typed, to be sent again to this form.
    pub typed: Option<(&'a FormConfig, &'a [(String, String)])>,
    /// Link back.
    pub back: Option<&'a str>,
    /// Id of the request.
    pub reference: &'a str,
}

/// A problem page that keeps what the visitor typed.
#[must_use]
pub fn problem(trouble: &Trouble<'_>) -> Response {
    let texts = trouble.language.texts();
    let (form, typed) = trouble.typed.unzip();
    let typed = typed.filter(|fields| fields.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>() <= SHOWN_BYTES);
    let page = Page {
        title: texts.problem,
        action: form.map(action),
        words: trouble.words,
        fields: typed.unwrap_or_default().iter().map(|(name, value)| shown(name, value, texts)).collect(),
        back: trouble.back,
        reference: trouble.reference,
        ..Page::default()
    };
    render("problem.html", trouble.status, texts, page, form)
}

fn action(form: &FormConfig) -> String {
    format!("/f/{}", form.path_name())
}

fn shown<'a>(name: &'a str, value: &'a str, texts: &'static Texts) -> ShownField<'a> {
    let label = label(canonical(name).filter(|_| OWN.contains(&name)), texts).unwrap_or(name);
    let long = name == "message" || value.contains('\n') || value.chars().count() > LONG;
    ShownField { name, label, value, long, hidden: is_control(name) || is_attribution(name) }
}

/// The fields of a form that declares none.
const OWN: [&str; 5] = ["name", "email", "phone", "company", "message"];

/// The fields to fill in: those the form declares, in that order.
fn blanks<'a>(form: &'a FormConfig, texts: &'static Texts) -> Vec<Blank<'a>> {
    let wanted = |name: &str| !is_control(name) && !is_attribution(name);
    if form.fields.is_empty() {
        return OWN.iter().map(|name| blank(name, canonical(name), FieldType::Text, texts)).collect();
    }
    let declared = form.fields.iter().filter(|field| wanted(&field.name));
    declared
        .map(|field| blank(&field.name, field.canonical.or_else(|| canonical(&field.name)), field.kind, texts))
        .collect()
}

fn blank<'a>(name: &'a str, meaning: Option<Canonical>, declared: FieldType, texts: &'static Texts) -> Blank<'a> {
    let label = label(meaning, texts).map_or_else(|| Cow::Owned(name.replace(['_', '-'], " ")), Cow::Borrowed);
    let required = matches!(meaning, Some(Canonical::FullName | Canonical::Email | Canonical::Message));
    let (kind, autocomplete, inputmode, longest) = match (meaning, declared) {
        (_, FieldType::Bool) => ("checkbox", "", "", 0),
        (Some(Canonical::Email), _) | (_, FieldType::Email) => ("email", "email", "", 254),
        (Some(Canonical::Phone | Canonical::Mobile), _) | (_, FieldType::Phone) => ("tel", "tel", "", 40),
        (_, FieldType::Date) => ("date", "", "", 10),
        (Some(Canonical::Message), _) => ("textarea", "", "", 20_000),
        (_, FieldType::Number | FieldType::Money) => ("text", "", "decimal", 40),
        (Some(Canonical::Postcode), _) | (_, FieldType::Postcode) => ("text", "postal-code", "", 20),
        (Some(Canonical::Country), _) | (_, FieldType::Country) => ("text", "country-name", "", 80),
        (Some(Canonical::FullName), _) => ("text", "name", "", 200),
        (Some(Canonical::FirstName), _) => ("text", "given-name", "", 200),
        (Some(Canonical::LastName), _) => ("text", "family-name", "", 200),
        (Some(Canonical::Company), _) => ("text", "organization", "", 200),
        _ => ("text", "", "", 500),
    };
    Blank {
        name,
        label,
        kind,
        autocomplete,
        inputmode,
        longest,
        required,
        ltr: matches!(kind, "email" | "tel" | "date"),
    }
}

/// What a visitor reads beside a field whose meaning is known.
const fn label(meaning: Option<Canonical>, texts: &'static Texts) -> Option<&'static str> {
    match meaning {
        Some(Canonical::FullName) => Some(texts.name),
        Some(Canonical::Email) => Some(texts.email),
        Some(Canonical::Phone) => Some(texts.phone),
        Some(Canonical::Company) => Some(texts.company),
        Some(Canonical::Message) => Some(texts.message),
        Some(Canonical::Postcode) => Some(texts.postcode),
        Some(Canonical::Budget) => Some(texts.budget),
        _ => None,
    }
}

fn render(
    template: &str,
    status: StatusCode,
    texts: &'static Texts,
    page: Page<'_>,
    form: Option<&FormConfig>,
) -> Response {
    let page = Page { t: Some(texts), css: CSS, ..page };
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
    if let Ok(policy) = HeaderValue::from_str(&policy(form)) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Browsers apply `form-action` to the redirect that follows a submission too, so the form's pages are named.
fn policy(form: Option<&FormConfig>) -> String {
    let pages = form.into_iter().flat_map(|form| form.redirect.iter().chain(&form.allowed_redirects));
    let targets: String = pages.filter_map(|page| origin(page)).fold(String::new(), |all, site| all + " " + &site);
    format!(
        "default-src 'none'; style-src {}; img-src data:; form-action 'self'{targets}; base-uri 'none'; \
         frame-ancestors 'none'",
        *STYLE_SOURCE
    )
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    async fn html(response: Response) -> String {
        String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn what_was_typed_comes_back_escaped() {
        let form = FormConfig::named("contact");
        let typed = [("name".to_owned(), "\"><script>x</script>".to_owned()), ("_next".to_owned(), "/a".to_owned())];
        let trouble = Trouble {
            language: Language::Fa,
            status: StatusCode::TOO_MANY_REQUESTS,
            words: "<b>",
            typed: Some((&form, &typed)),
            back: None,
            reference: "01",
        };
        let page = html(problem(&trouble)).await;
        assert!(page.contains("dir=\"rtl\"") && page.contains("action=\"/f/contact\""), "{page}");
        assert!(page.contains("type=\"hidden\" name=\"_next\""));
        assert!(!page.contains("<script") && !page.contains("<b>"), "{page}");
    }

    #[tokio::test]
    async fn the_style_sheet_in_the_page_is_the_one_the_policy_allows() {
        let form = FormConfig { redirect: Some("https://ok.example/thanks".into()), ..FormConfig::named("contact") };
        let made =
            Landing { language: Language::Fr, home: "/", form: Some(&form), submission_id: "x".into(), base: None };
        let response = landing(&made);
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        let page = html(response).await;
        let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        let digest = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(style.as_bytes()));
        assert!(policy.contains(&digest) && policy.contains("form-action 'self' https://ok.example;"), "{policy}");
        assert!(!page.contains("<script"));
    }
}
