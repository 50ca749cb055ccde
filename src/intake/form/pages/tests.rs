//! What pages are made of, without a server.

use axum::body::to_bytes;
use base64::Engine;
use sha2::Digest;

use super::*;

async fn html(response: Response) -> String {
    String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

fn alone(form: &FormConfig, language: Language) -> Landing<'_> {
    Landing {
        language,
        home: "/",
        query: "",
        referer: "",
        place: Place::Alone,
        form: Some(form),
        widget: None,
        submission_id: "x".into(),
        stamp: "t".into(),
        base: None,
    }
}

fn trouble(form: &FormConfig) -> Trouble<'_> {
    Trouble {
        language: Language::Cs,
        status: StatusCode::FORBIDDEN,
        title: "?",
        opened: false,
        words: "?",
        faults: &[],
        typed: None,
        form: Some(form),
        widget: None,
        back: None,
        reference: "01",
        place: &Place::Alone,
    }
}

#[tokio::test]
async fn what_was_typed_comes_back_escaped() {
    let form = FormConfig::named("contact");
    let typed = [("name".to_owned(), "\"><script>x</script>".to_owned()), ("_next".to_owned(), "/a".to_owned())];
    let trouble = Trouble {
        language: Language::Fa,
        status: StatusCode::TOO_MANY_REQUESTS,
        title: "?",
        opened: false,
        words: "<b>",
        faults: &[Fault { field: "name", words: "<i>".into() }],
        typed: Some((&form, &typed)),
        form: Some(&form),
        widget: None,
        back: None,
        reference: "01",
        place: &Place::Alone,
    };
    let page = html(problem(&trouble)).await;
    assert!(page.contains("dir=\"rtl\"") && page.contains("action=\"/f/contact\""), "{page}");
    assert!(page.contains("type=\"hidden\" name=\"_next\""));
    assert!(!page.contains("<script>") && !page.contains("<b>") && !page.contains("<i>"), "{page}");
    assert!(page.contains("aria-invalid=\"true\"") && page.contains("&lt;i&gt;"), "{page}");
}

#[tokio::test]
async fn the_style_sheet_in_the_page_is_the_one_the_policy_allows() {
    let form = FormConfig { redirect: Some("https://ok.example/thanks".into()), ..FormConfig::named("contact") };
    let response = landing(&alone(&form, Language::Fr));
    let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    let page = html(response).await;
    let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let digest = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(style.as_bytes()));
    assert!(policy.contains(&digest) && policy.contains("form-action 'self' https://ok.example;"), "{policy}");
    assert!(policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!page.contains("<script>"), "no script stands in the page");
}

#[tokio::test]
async fn texts_of_the_form_are_shown_in_the_visitors_language() {
    let form: FormConfig = toml::from_str(
        "id = \"a\"\nlanguage = \"fr\"\nheading = { fr = \"Devis\", fa = \"قیمت\" }\nintro = { fr = \"Sous un jour.\" }\n\
         [[field]]\nname = \"size\"\noptions = [\"s\", \"l\"]\noption_labels = { fr = [\"petit\", \"grand\"] }\n\
         [[field]]\nname = \"rappel\"\ncanonical = \"consent\"\nrequired = true\ntext = { fr = \"Rappelez-moi.\", en = \"Call me.\" }",
    )
    .unwrap();
    let french = html(landing(&alone(&form, Language::Fr))).await;
    for words in ["<h1>Devis</h1>", "Sous un jour.", ">petit</option>", "Rappelez-moi.", "value=\"l\""] {
        assert!(french.contains(words), "{words} in {french}");
    }
    let persian = html(landing(&alone(&form, Language::Fa))).await;
    assert!(persian.contains("<h1>قیمت</h1>") && persian.contains("Rappelez-moi."), "{persian}");
    let english = html(landing(&alone(&form, Language::En))).await;
    assert!(english.contains("<h1>Devis</h1>") && english.contains("Call me."), "{english}");
}

#[tokio::test]
async fn where_a_visitor_came_from_goes_with_the_form_and_into_every_language() {
    let form = FormConfig::named("contact");
    let made = Landing {
        home: "/f/contact",
        query: "utm_source=lettre&gclid=a%22b&email=x&lang=fr",
        referer: "https://www.example.com/",
        ..alone(&form, Language::Fr)
    };
    let page = html(landing(&made)).await;
    for field in ["name=\"utm_source\" value=\"lettre\"", "name=\"gclid\" value=\"a&quot;b\"", "name=\"_referrer\""] {
        assert!(page.contains(field), "{field} in {page}");
    }
    assert!(page.contains("lang=cs&amp;utm_source=lettre&amp;gclid=a%22b\""), "{page}");
    assert!(!page.contains("email=x"), "{page}");
}

fn service(kind: &str) -> Widget {
    let text = format!(
        "id = \"service\"\nkind = \"{kind}\"\nsite_key = \"k\\\"&1\"\nsecret_env = \"PATH\"\naction = \"contact\""
    );
    crate::intake::form::captcha::Service::new(&toml::from_str(&text).unwrap()).unwrap().widget().unwrap()
}

fn policy_of(response: &Response) -> String {
    response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
}

/// Directives that a policy does not share with the plain one.
fn beyond<'a>(policy: &'a str, plain: &str) -> Vec<&'a str> {
    policy.split("; ").filter(|directive| !plain.split("; ").any(|usual| usual == *directive)).collect()
}

#[tokio::test]
async fn each_service_is_shown_as_it_wants_and_permitted_no_more_than_it_needs() {
    let form = FormConfig::named("contact");
    let digest = policy_of(&landing(&alone(&form, Language::En)));
    let style = digest.split("style-src ").nth(1).unwrap().split(';').next().unwrap();
    let hosts = "https://hcaptcha.com https://*.hcaptcha.com";
    let google = "https://www.google.com/recaptcha/";
    let googles = [
        format!("script-src 'self' {google} https://www.gstatic.com/recaptcha/ https://www.gstatic.cn/recaptcha/"),
        format!("connect-src 'self' {google}"),
        "style-src 'unsafe-inline'".to_owned(),
        format!("frame-src {google} https://recaptcha.google.com/recaptcha/"),
    ];
    let cloudflare = "https://challenges.cloudflare.com";
    let rows = [
        (
            "turnstile",
            format!("{cloudflare}/turnstile/v0/api.js"),
            "class=\"cf-turnstile\" data-sitekey=\"KEY\" data-language=\"cs\" data-action=\"contact\" data-size=\"flexible\"",
            vec![format!("script-src 'self' {cloudflare}"), format!("frame-src {cloudflare}")],
        ),
        (
            "hcaptcha",
            "https://js.hcaptcha.com/1/api.js?hl=cs&recaptchacompat=off".to_owned(),
            "class=\"h-captcha\" data-sitekey=\"KEY\"",
            vec![
                format!("script-src 'self' {hosts}"),
                format!("connect-src 'self' {hosts}"),
                format!("style-src {style} {hosts}"),
                format!("frame-src {hosts}"),
            ],
        ),
        (
            "recaptcha_v2",
            format!("{google}api.js?hl=cs"),
            "class=\"g-recaptcha\" data-sitekey=\"KEY\"",
            googles.to_vec(),
        ),
        (
            "recaptcha_v3",
            format!("{google}api.js?hl=cs&render=k%22%261"),
            "class=\"pisteur-recaptcha-v3\" data-sitekey=\"KEY\" data-action=\"contact\"",
            googles.to_vec(),
        ),
        (
            "friendly_captcha",
            "https://cdn.jsdelivr.net/npm/@friendlycaptcha/sdk@1.0.2/site.min.js".to_owned(),
            "class=\"frc-captcha\" data-sitekey=\"KEY\" data-theme=\"auto\"",
            vec![
                "script-src 'self' https://cdn.jsdelivr.net/npm/@friendlycaptcha/sdk@1.0.2/".to_owned(),
                "frame-src https://*.frcapi.com".to_owned(),
            ],
        ),
    ];
    for (kind, script, element, directives) in rows {
        let widget = service(kind);
        let typed = [("message".to_owned(), "x".to_owned())];
        let shown = landing(&Landing { widget: Some(&widget), ..alone(&form, Language::Cs) });
        let again = problem(&Trouble { widget: Some(&widget), typed: Some((&form, &typed)), ..trouble(&form) });
        for response in [shown, again] {
            let policy = policy_of(&response);
            assert_eq!(beyond(&policy, &digest), directives, "{kind}");
            let page = html(response).await.replace("&#x2f;", "/").replace("&amp;", "&");
            assert!(page.contains(&format!("<script src=\"{script}\" async defer></script>")), "{kind}: {page}");
            let element = element.replace("KEY", "k&quot;&1");
            assert!(page.contains(&format!("<div {element}></div>")), "{kind}: {page}");
            assert!(page.contains(Language::Cs.texts().captcha_waits) && page.contains("data-captcha=\"none\""));
        }
        let elsewhere = [
            landing(&Landing { widget: Some(&widget), form: None, ..alone(&form, Language::Cs) }),
            problem(&Trouble { widget: Some(&widget), ..trouble(&form) }),
            thanks(Language::Cs, None, Some(&form), &Place::Alone),
        ];
        for response in elsewhere {
            assert_eq!(beyond(&policy_of(&response), &digest), Vec::<&str>::new(), "{kind}: only where it is shown");
            assert!(!html(response).await.contains("async"), "{kind}");
        }
    }
}
