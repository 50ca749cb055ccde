//! The pages of a form and the scripts for websites, as they are sent.

use pisteur::config::form::FormConfig;

use super::house::{House, Plan};

const URLENCODED: &str = "application/x-www-form-urlencoded";
const BROWSER: [(&str, &str); 2] = [("content-type", URLENCODED), ("accept", "text/html,*/*;q=0.8")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_without_a_page_takes_posts_only() {
    let house = House::open(Plan::form(|form| form.hosted = false)).await;
    for method in ["GET", "HEAD", "PUT"] {
        let answer = house.http.request(method, "/f/contact", &[], &[]).unwrap();
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST, OPTIONS")), "{method}");
    }
    assert_eq!(house.http.post_form("/f/contact", &[("message", "hi")]).unwrap().status, 200);
    assert!(!house.http.get("/").unwrap().text().contains("<form"), "nor is it on the landing page");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_are_named_by_their_content_and_kept_by_browsers() {
    let house = House::usual().await;
    let page = house.http.get("/f/contact").unwrap().text();
    let address = page.split_once("<script src=\"").unwrap().1.split('"').next().unwrap().to_owned();
    for path in [address.as_str(), "/pisteur.js", "/attribution.js"] {
        let script = house.http.get(path).unwrap();
        assert_eq!(
            (script.status, script.header("content-type")),
            (200, Some("text/javascript; charset=utf-8")),
            "{path}"
        );
        assert_eq!(script.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(script.header("cache-control").unwrap().contains("immutable"), path == address, "{path}");
        let etag = script.header("etag").unwrap();
        let again = house.http.request("GET", path, &[("if-none-match", etag)], &[]).unwrap();
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(etag)), "{path}");
        let other = house.http.request("GET", path, &[("if-none-match", "\"other\"")], &[]).unwrap();
        assert_eq!((other.status, &other.body), (200, &script.body));
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_language_is_the_forms_field_then_the_address_then_the_browser_then_the_form() {
    let house = House::open(Plan::form(|form| form.language = Some("cs".into()))).await;
    let cases = [
        ("_language=fa&a=1", "?lang=fr", "en", "fa"),
        ("_lang=fa&a=2", "", "en", "fa"),
        ("_language=xx&a=3", "?lang=fr", "en", "fr"),
        ("a=4", "?lang=fr", "en", "fr"),
        ("a=5", "?lang=xx", "de, en;q=0.5", "en"),
        ("a=6", "", "de", "cs"),
    ];
    for (body, query, accept, expected) in cases {
        let mut headers = BROWSER.to_vec();
        headers.push(("accept-language", accept));
        let answer = house.http.request("POST", &format!("/f/contact{query}"), &headers, body.as_bytes()).unwrap();
        let thanks = format!("/f/contact/thanks?lang={expected}");
        assert_eq!((answer.status, answer.header("location")), (303, Some(thanks.as_str())), "{body} {query} {accept}");
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_that_can_be_put_right_keeps_what_was_typed() {
    let mut plan = Plan::limits(|limits| {
        limits.fields = 5;
        limits.value_bytes = 50;
    });
    plan.forms = vec![toml::from_str::<FormConfig>("id = \"contact\"\nallow_files = true").unwrap()];
    let house = House::open(plan).await;
    let long = "x".repeat(60);
    let cases = [
        (413, "name=Eva&email=a%40b.example&a=1&b=2&c=3&d=4".to_owned(), "Eva"),
        (413, format!("name=Eva&message={long}"), long.as_str()),
        (413, format!("name=Eva&{}=1", "n".repeat(200)), "Eva"),
    ];
    for (status, body, kept) in cases {
        let answer = house.http.request("POST", "/f/contact", &BROWSER, body.as_bytes()).unwrap();
        let page = answer.text();
        assert_eq!(answer.status, status, "{body}");
        assert!(page.contains(kept) && page.contains("action=\"/f/contact\""), "{body}: {page}");
        assert!(
            page.contains("type=\"file\"") && page.contains("multipart/form-data"),
            "files are chosen again: {page}"
        );
    }
    let answer = house.http.request("POST", "/f/contact", &BROWSER, format!("message={long}").as_bytes()).unwrap();
    let page = answer.text();
    let field = page.split_once("<textarea name=\"message\"").unwrap().1.split_once('>').unwrap().0;
    assert!(field.contains("aria-invalid=\"true\"") && field.contains("aria-describedby=\"field-1-error\""), "{field}");
    assert!(page.contains("<p class=\"pisteur-error\" id=\"field-1-error\">"), "{page}");
    assert_eq!(house.arrivals().await.len(), 0);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_listed_websites_may_frame_a_page_and_only_when_it_is_asked_for() {
    let listed = "https://www.example.com";
    let house = House::open(Plan::form(|form| form.allowed_origins = vec![listed.into()])).await;
    let policy = |path: &str, method: &str, referer: &str| {
        let mut headers = BROWSER.to_vec();
        headers.push(("referer", referer));
        let answer = house.http.request(method, path, &headers, b"_next=x").unwrap();
        let policy = answer.header("content-security-policy").unwrap().to_owned();
        (policy.split_once("frame-ancestors ").unwrap().1.to_owned(), answer.text())
    };
    for (path, method) in [("/f/contact", "GET"), ("/f/contact/thanks", "GET"), ("/f/contact", "POST"), ("/", "GET")] {
        assert_eq!(policy(path, method, "https://www.example.com/").0, "'none'", "{path}");
    }
    for (path, method) in [("/f/contact", "GET"), ("/f/contact/thanks", "GET"), ("/f/contact", "POST")] {
        let (ancestors, page) = policy(&format!("{path}?embed=1"), method, "https://www.example.com/x");
        assert_eq!(ancestors, listed, "{path}");
        assert!(page.contains("data-parent=\"https:&#x2f;&#x2f;www.example.com\""), "{page}");
        let (ancestors, page) =
            policy(&format!("{path}?embed=https%3A%2F%2Fevil.example"), method, "https://evil.example/");
        assert_eq!(ancestors, listed);
        assert!(!page.contains("data-parent"), "{page}");
    }
    let page = policy("/f/contact?embed=1", "GET", "https://www.example.com/x").1;
    assert!(page.contains("action=\"/f/contact?embed=https%3A%2F%2Fwww.example.com\""), "{page}");
    let answer =
        house.http.request("POST", "/f/contact?embed=https%3A%2F%2Fwww.example.com", &BROWSER, b"a=1").unwrap();
    assert_eq!(answer.header("location"), Some("/f/contact/thanks?lang=en&embed=https%3A%2F%2Fwww.example.com"));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hints_for_the_operator_are_for_this_machine_only() {
    let house = House::usual().await;
    for path in ["/", "/f/contact"] {
        let near = house.http.get(path).unwrap().text();
        assert!(near.contains("/pisteur.js\" defer&gt;") && near.contains("&lt;iframe"), "{path} {near}");
        let through = house.http.request("GET", path, &[("x-forwarded-for", "203.0.113.9")], &[]).unwrap().text();
        assert!(!through.contains("iframe") && !through.contains("curl"), "behind a proxy nobody is known to be near");
    }
    assert!(!house.http.get("/f/contact?embed=1").unwrap().text().contains("iframe"));
    house.stop().await;
}
