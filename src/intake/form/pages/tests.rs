//! What pages are made of, without a server.

use axum::body::to_bytes;

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
        submission_id: "x".into(),
        stamp: "t".into(),
        base: None,
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
        words: "<b>",
        faults: &[Fault { field: "name", words: "<i>".into() }],
        typed: Some((&form, &typed)),
        form: Some(&form),
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
