//! Where a browser ends up: on the website that sent the form, after a correction too, and never where nothing is.

use pisteur::config::form::FormField;

use super::house::{House, Plan};
use crate::support::http::Answer;

const URLENCODED: &str = "application/x-www-form-urlencoded";
const OWN: &str = "/f/contact/thanks?lang=en";

fn shop() -> Plan {
    Plan::form(|form| {
        form.allowed_origins = vec!["https://shop.example".into()];
        form.fields = vec![FormField { required: Some(true), ..FormField::named("message") }];
    })
}

/// Headers of a browser.
type Headers<'a> = Vec<(&'a str, &'a str)>;

/// Posts as a browser does, from a page with these headers.
fn post(house: &House, from: &[(&str, &str)], fields: &[(&str, &str)]) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let headers = [&[("content-type", URLENCODED), ("accept", "text/html")], from].concat();
    house.http.request("POST", "/f/contact", &headers, body.as_bytes()).unwrap()
}

/// What a page sends again unseen under `name`.
fn carried(page: &Answer, name: &str) -> Option<String> {
    let text = page.text();
    let behind = text.split_once(&format!("type=\"hidden\" name=\"{name}\" value=\""))?.1;
    Some(behind.split('"').next()?.replace("&#x2f;", "/").replace("&amp;", "&"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_correction_a_visitor_still_gets_to_the_page_of_the_website_that_sent_the_form() {
    let house = House::open(shop()).await;
    let site = [("origin", "https://shop.example"), ("referer", "https://shop.example/contact")];
    let page = post(&house, &site, &[("_next", "/thanks?a=1"), ("message", " "), ("name", "Eva")]);
    assert_eq!(page.status, 422, "{}", page.text());
    let next = carried(&page, "_next").unwrap();
    assert_eq!(next, "https://shop.example/thanks?a=1");
    let own = format!("http://{}", house.http.addr);
    let referer = format!("{own}/f/contact");
    let ours = [("origin", own.as_str()), ("referer", referer.as_str())];
    let sent = post(&house, &ours, &[("_next", &next), ("message", "hi"), ("name", "Eva")]);
    assert_eq!((sent.status, sent.header("location")), (303, Some("https://shop.example/thanks?a=1")));
    let page = post(&house, &site, &[("_next", "//evil.example/x"), ("message", " "), ("name", "Eva")]);
    assert_eq!((page.status, carried(&page, "_next")), (422, None), "what is not allowed is not carried on");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_of_nobody_knows_which_website_leads_to_our_own_thanks() {
    let house = House::open(shop()).await;
    let own = format!("http://{}", house.http.addr);
    let (ours, beside) = (format!("{own}/f/contact"), format!("{own}/shop/contact.html"));
    let cases: [(&str, Headers<'_>, &str, &str); 7] = [
        ("nothing said", vec![], "/thanks", OWN),
        ("a page without an origin", vec![("origin", "null")], "/thanks", OWN),
        ("our own page", vec![("origin", &own), ("referer", &ours)], "/thanks", OWN),
        ("our own page, to one of ours", vec![("origin", &own), ("referer", &ours)], "/f/other", "/f/other"),
        ("a website beside us on one host", vec![("origin", &own), ("referer", &beside)], "/thanks", "/thanks"),
        ("the website", vec![("origin", "https://shop.example")], "/thanks", "https://shop.example/thanks"),
        (
            "the website, by its name",
            vec![("origin", "null")],
            "https://shop.example/thanks",
            "https://shop.example/thanks",
        ),
    ];
    for (what, from, next, goes) in cases {
        let sent = post(&house, &from, &[("_next", next), ("message", what)]);
        assert_eq!((sent.status, sent.header("location")), (303, Some(goes)), "{what}");
    }
    house.stop().await;
}
