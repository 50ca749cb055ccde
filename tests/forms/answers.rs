//! What is answered, and to whom.

use pisteur::domain::envelope::ArrivalState;

use super::house::{House, Plan};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const URLENCODED: &str = "application/x-www-form-urlencoded";

fn multipart(fields: &[(&str, &str)]) -> Vec<u8> {
    let part = |(name, value): &(&str, &str)| {
        format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    (fields.iter().map(part).collect::<String>() + "--B--\r\n").into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fifteen_combinations_of_content_type_and_accept_are_answered_in_kind() {
    let house = House::usual().await;
    let accepts = [None, Some("*/*"), Some(BROWSER), Some("application/json"), Some("text/html, application/json")];
    let table = [
        (URLENCODED, [false, false, false, true, false]),
        ("multipart/form-data; boundary=B", [false, false, false, true, false]),
        ("application/json", [true, true, false, true, false]),
    ];
    for (kind, json) in table {
        for (n, (accept, json)) in accepts.iter().zip(json).enumerate() {
            let message = format!("{kind} {n}");
            let body = match kind {
                URLENCODED => form_urlencoded::Serializer::new(String::new())
                    .extend_pairs([("email", "a@b.example"), ("message", &message)])
                    .finish()
                    .into_bytes(),
                "application/json" => {
                    serde_json::json!({"email": "a@b.example", "message": message}).to_string().into_bytes()
                }
                _ => multipart(&[("email", "a@b.example"), ("message", &message)]),
            };
            let mut headers = vec![("content-type", kind)];
            headers.extend(accept.map(|accept| ("accept", accept)));
            let answer = house.http.request("POST", "/f/contact", &headers, &body).unwrap();
            if json {
                assert_eq!(answer.status, 200, "{kind} {accept:?} {}", answer.text());
                let body = answer.json();
                assert_eq!(body["ok"], true);
                assert_eq!(body["id"].as_str().unwrap().len(), 26);
                assert_eq!(body["next"], "/f/contact/thanks?lang=en");
            } else {
                assert_eq!(answer.status, 303, "{kind} {accept:?} {}", answer.text());
                assert_eq!(answer.header("location"), Some("/f/contact/thanks?lang=en"));
                assert_eq!(answer.header("set-cookie"), None);
            }
        }
    }
    assert_eq!(house.arrivals().await.len(), 15);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_journal_holds_the_bytes_and_the_context_of_the_request() {
    let house = House::usual().await;
    let headers = [
        ("content-type", URLENCODED),
        ("user-agent", "Visitor/1"),
        ("referer", "https://www.example.com/contact"),
        ("accept-language", "fr"),
        ("x-forwarded-for", "198.51.100.1"),
    ];
    let answer = house.http.request("POST", "/f/contact?utm_source=x", &headers, b"email=a%40b.example&m=%FF").unwrap();
    assert_eq!(answer.header("location"), Some("/f/contact/thanks?lang=fr"));
    let envelope = house.newest().await;
    assert_eq!(&envelope.raw[..], b"email=a%40b.example&m=%FF");
    assert_eq!(envelope.intake_id, "contact");
    assert_eq!(envelope.content_type.as_deref(), Some(URLENCODED));
    let context = envelope.context;
    assert_eq!(context.client_ip.as_deref(), Some("127.0.0.1"), "no proxy is trusted");
    assert_eq!(context.user_agent.as_deref(), Some("Visitor/1"));
    assert_eq!(context.referer.as_deref(), Some("https://www.example.com/contact"));
    assert_eq!(context.query.as_deref(), Some("utm_source=x"));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_sent_only_to_pages_that_the_form_lists() {
    let house = House::open(Plan::form(|form| form.allowed_redirects = vec!["https://ok.example".into()])).await;
    let cases = [
        ("https://ok.example/thanks", "https://ok.example/thanks"),
        ("/f/merci", "/f/merci"),
        ("/merci", "/f/contact/thanks?lang=en"),
        ("//evil.example", "/f/contact/thanks?lang=en"),
        ("https://ok.example@evil.example", "/f/contact/thanks?lang=en"),
        ("https://ok.example.evil.example/", "/f/contact/thanks?lang=en"),
        ("javascript:alert(1)", "/f/contact/thanks?lang=en"),
        ("/\\evil.example", "/f/contact/thanks?lang=en"),
        ("https://evil.example/\r\nSet-Cookie: a=b", "/f/contact/thanks?lang=en"),
    ];
    for (n, (asked, sent)) in cases.into_iter().enumerate() {
        let message = n.to_string();
        let fields = [("_next", asked), ("message", message.as_str())];
        let answer = house.http.post_form("/f/contact", &fields).unwrap();
        assert_eq!(answer.json()["next"], sent, "{asked}");
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).append_pair("b", "1").finish();
        let headers = [("content-type", URLENCODED), ("accept", BROWSER)];
        let answer = house.http.request("POST", "/f/contact", &headers, body.as_bytes()).unwrap();
        assert_eq!((answer.status, answer.header("location")), (303, Some(sent)), "{asked}");
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_speak_the_visitors_language_and_link_back_only_to_known_sites() {
    let house = House::open(Plan::form(|form| form.allowed_origins = vec!["https://www.example.com".into()])).await;
    for (asked, word, dir) in
        [("fr-CH, en;q=0.5", "Merci", "ltr"), ("cs", "Děkujeme", "ltr"), ("fa", "سپاسگزاریم", "rtl")]
    {
        let headers = [("accept-language", asked), ("referer", "https://www.example.com/form")];
        let page = house.http.request("GET", "/f/contact/thanks", &headers, &[]).unwrap();
        let text = page.text();
        assert!(text.contains(word) && text.contains(&format!("dir=\"{dir}\"")), "{text}");
        assert!(text.contains("https:&#x2f;&#x2f;www.example.com"), "{text}");
        assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
    }
    let headers = [("referer", "https://evil.example/")];
    let page = house.http.request("GET", "/f/contact/thanks?lang=fr", &headers, &[]).unwrap().text();
    assert!(page.contains("Merci") && !page.contains("evil.example"), "{page}");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_landing_page_holds_a_form_that_works_without_a_script() {
    let house = House::usual().await;
    let page = house.http.get("/").unwrap();
    let text = page.text();
    assert_eq!(page.status, 200);
    assert!(text.contains("<form") && text.contains("action=\"/f/contact\"") && !text.contains("<script>"), "{text}");
    assert!(text.contains("curl -d"), "the operator on this machine is told what to try");
    let id = text.split_once("name=\"_submission_id\" value=\"").unwrap().1.split('"').next().unwrap();
    let fields =
        [("_submission_id", id), ("_language", "cs"), ("name", "Eva"), ("email", "eva@web.example"), ("message", "hi")];
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let headers = [("content-type", URLENCODED), ("accept", BROWSER), ("accept-language", "fr")];
    let answer = house.http.request("POST", "/f/contact", &headers, body.as_bytes()).unwrap();
    assert_eq!((answer.status, answer.header("location")), (303, Some("/f/contact/thanks?lang=cs")));
    assert_eq!(house.http.get("/healthz").unwrap().text(), "alive\n");
    assert_eq!(house.http.get("/nothing").unwrap().status, 404);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_form_has_a_page_of_its_own_that_works_without_a_script() {
    let quote: pisteur::config::FormConfig = toml::from_str(
        "id = \"devis\"\ntitle = \"Devis <gratuit>\"\nfield = [{ name = \"nom\" }, { name = \"courriel\", type = \"email\" },
         { name = \"Modèle_voulu\" }, { name = \"Date\", type = \"date\" }, { name = \"rappel\", type = \"bool\" }, \
         { name = \"texte\", canonical = \"message\" }, { name = \"_next\" }]",
    )
    .unwrap();
    let mut plan = Plan::default();
    plan.forms.push(quote);
    plan.forms.push(pisteur::config::FormConfig { enabled: false, ..pisteur::config::FormConfig::named("old") });
    let house = House::open(plan).await;
    let page = house.http.get("/f/devis?lang=fr").unwrap();
    assert_eq!(page.status, 200);
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
    let text = page.text();
    assert!(text.contains("<h1>Devis &lt;gratuit&gt;</h1>") && !text.contains("<script>"), "{text}");
    assert!(text.contains("action=\"/f/devis\"") && text.contains("href=\"/f/devis?lang=cs\""), "{text}");
    assert!(text.contains("<textarea name=\"texte\"") && text.contains("Modèle voulu"), "{text}");
    for input in [
        "name=\"nom\" type=\"text\"",
        "name=\"courriel\" type=\"email\"",
        "name=\"Date\" type=\"date\"",
        "name=\"rappel\" type=\"checkbox\"",
    ] {
        assert!(text.contains(input), "{input} in {text}");
    }
    for absent in ["name=\"_next\"", "name=\"phone\"", "curl"] {
        assert!(!text.contains(absent), "{absent} in {text}");
    }
    let id = text.split_once("name=\"_submission_id\" value=\"").unwrap().1.split('"').next().unwrap();
    let fields = [("_submission_id", id), ("nom", "Eva"), ("courriel", "eva@web.example"), ("texte", "hi")];
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let headers = [("content-type", URLENCODED), ("accept", BROWSER)];
    let answer = house.http.request("POST", "/f/devis", &headers, body.as_bytes()).unwrap();
    assert_eq!((answer.status, house.arrivals().await.len()), (303, 1));
    let contact = house.http.get("/f/contact").unwrap().text();
    assert!(
        ["name", "email", "phone", "company", "message"].iter().all(|n| contact.contains(&format!("name=\"{n}\"")))
    );
    assert_eq!(house.http.get("/f/nosuch").unwrap().status, 404);
    assert_eq!(house.http.get("/f/old").unwrap().status, 410);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_of_listed_sites_may_read_answers_and_errors() {
    let house = House::open(Plan::form(|form| form.allowed_origins = vec!["https://*.example.com".into()])).await;
    let origin = ("origin", "https://www.example.com");
    let preflight = house.http.request("OPTIONS", "/f/contact", &[origin], &[]).unwrap();
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-origin"), Some("https://www.example.com"));
    assert!(preflight.header("access-control-allow-headers").unwrap().contains("idempotency-key"));
    let empty = house.http.post_form_with("/f/contact", &[], &[origin]).unwrap();
    assert_eq!((empty.status, empty.header("access-control-allow-origin")), (400, Some("https://www.example.com")));
    assert_eq!(empty.header("vary"), Some("Origin"));
    let evil = ("origin", "https://evil-example.com");
    let refused = house.http.post_form_with("/f/contact", &[("message", "buy")], &[evil]).unwrap();
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (403, None));
    let kept = house.arrivals().await;
    assert_eq!((kept[0].state, kept[0].reason.as_deref()), (ArrivalState::Quarantined, Some("origin_refused")));
    assert_eq!((kept[0].sender.as_deref(), kept[0].subject.as_deref()), (None, Some("buy")), "what there is to see");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_is_no_text_is_an_unknown_form() {
    let house = House::usual().await;
    let answer = house.http.post_form("/f/%ff", &[("message", "hi")]).unwrap();
    assert_eq!((answer.status, answer.json()["error"].as_str()), (404, Some("form_not_found")));
    assert_eq!(house.http.get("/f/%ff/thanks").unwrap().status, 404);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_methods_and_unknown_or_closed_forms_are_told_so() {
    let mut plan = Plan::default();
    plan.forms.push(pisteur::config::FormConfig { enabled: false, ..pisteur::config::FormConfig::named("old") });
    plan.forms.push(pisteur::config::FormConfig {
        public_id: Some("k3y".into()),
        ..pisteur::config::FormConfig::named("hidden")
    });
    let house = House::open(plan).await;
    let json = [("accept", "application/json")];
    for method in ["PATCH", "PUT", "DELETE"] {
        let answer = house.http.request(method, "/f/contact", &json, &[]).unwrap();
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, POST, OPTIONS")), "{method}");
    }
    let cases =
        [("/f/nosuch", 404, "form_not_found"), ("/f/old", 410, "inactive"), ("/f/hidden", 404, "form_not_found")];
    for (path, status, slug) in cases {
        let answer = house.http.post_form(path, &[("message", "x")]).unwrap();
        let body = answer.json();
        assert_eq!((answer.status, body["error"].as_str()), (status, Some(slug)), "{path}");
        assert_eq!(body["ok"], false);
        assert!(!body["message"].as_str().unwrap().is_empty());
        assert!(body["errors"][0]["code"].is_string() && body["request_id"].is_string(), "{body}");
    }
    assert_eq!(house.http.post_form("/f/k3y", &[("message", "x")]).unwrap().status, 200);
    // Who only opens a page has sent nothing.
    let page = [("accept", "text/html"), ("accept-language", "en")];
    for (path, title) in [
        ("/f/nosuch", "There is nothing at this address"),
        ("/f/nosuch/thanks", "There is nothing at this address"),
        ("/nosuch", "There is nothing at this address"),
        ("/f/old", "No form is open here at the moment"),
    ] {
        let text = house.http.request("GET", path, &page, &[]).unwrap().text();
        assert!(text.contains(&format!("<h1>{title}</h1>")), "{path}: {text}");
        assert!(!text.contains("was not sent") && !text.contains("what you wrote"), "{path}: {text}");
    }
    let sent = house.http.request("POST", "/f/nosuch", &page, b"message=x").unwrap().text();
    assert!(sent.contains("<h1>Your message was not sent</h1>"), "{sent}");
    house.stop().await;
}
