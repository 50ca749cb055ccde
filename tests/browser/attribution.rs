//! Where a visitor came from, with consent and without.

use std::collections::BTreeMap;

use serde_json::Value;

use super::driver::{Browser, Wishes};
use super::house::{Site, address, arrivals, bodies, daemon, page};
use crate::support::wait;

fn site(to: &str, attributes: &str) -> Site {
    let form = format!(
        "<form action=\"{to}/f/contact\" method=\"post\"><input name=\"name\"><input name=\"utm_content\" value=\"own\" type=\"hidden\">\
         <input type=\"hidden\" name=\"_landing\"><button>Send</button></form>\
         <script src=\"{to}/attribution.js\" {attributes} defer></script>"
    );
    let link = format!("<a href=\"/form\">on</a><script src=\"{to}/attribution.js\" {attributes} defer></script>");
    Site::open(vec![("/", page("fr", &link)), ("/form", page("fr", &form))])
}

fn send(browser: &Browser, daemon: &crate::support::daemon::Daemon, name: &str) -> BTreeMap<String, String> {
    let before = arrivals(daemon);
    browser.fill("[name=name]", name);
    browser.click("button");
    wait::until("the form is journalled", wait::LONG, || arrivals(daemon) == before + 1);
    bodies(daemon).pop().unwrap()
}

fn stored(browser: &Browser) -> Value {
    browser.run("return Object.fromEntries(Object.entries(localStorage))")
}

#[test]
fn nothing_is_stored_and_no_click_is_followed_without_consent() {
    let daemon = daemon("[[form]]\nid = \"contact\"\n");
    let site = site(&address(&daemon), "");
    let browser = Browser::open(&Wishes::default());
    browser.go(&format!("{}/?utm_source=google&gclid=abc", site.address()));
    browser.click("a");
    browser.until("the form is there", || browser.has("form"));
    assert_eq!(stored(&browser), serde_json::json!({}));
    let plain = send(&browser, &daemon, "one");
    assert!(!plain.contains_key("utm_source") && !plain.keys().any(|name| name.starts_with("_first_")), "{plain:?}");
    browser.go(&format!("{}/form?utm_source=google&utm_content=x&gclid=abc#part", site.address()));
    let arrived = send(&browser, &daemon, "two");
    assert_eq!(arrived["utm_source"], "google", "what the very page says");
    assert_eq!(arrived["utm_content"], "own", "a field with a value of its own is left alone");
    let here = format!("{}/form?utm_source=google&utm_content=x", site.address());
    assert_eq!((arrived["_page"].as_str(), arrived["_landing"].as_str()), (here.as_str(), here.as_str()));
    assert!(!arrived.contains_key("gclid"), "{arrived:?}");
    assert_eq!(browser.console().iter().filter(|line| line.contains("SEVERE")).count(), 0);
}

#[test]
fn with_consent_the_first_and_the_last_touch_are_kept_apart_until_it_is_taken_back() {
    let daemon = daemon("[[form]]\nid = \"contact\"\n");
    let site = site(&address(&daemon), "");
    let browser = Browser::open(&Wishes::default());
    let consent = |given: bool| drop(browser.run(&format!("attrConsent({given})")));
    browser.go(&format!("{}/?utm_source=google&utm_medium=cpc&gclid=abc", site.address()));
    consent(true);
    let first = stored(&browser);
    assert!(first["attr_first"].as_str().unwrap().contains("abc") && first["attr_last"].is_string(), "{first}");
    browser.go(&format!("{}/?utm_source=lettre", site.address()));
    consent(true);
    browser.go(&format!("{}/form", site.address()));
    consent(true);
    let sent = send(&browser, &daemon, "one");
    let pairs = [
        ("utm_source", "lettre"),
        ("_last_utm_source", "lettre"),
        ("_first_utm_source", "google"),
        ("_first_utm_medium", "cpc"),
        ("_first_gclid", "abc"),
    ];
    for (name, value) in pairs {
        assert_eq!(sent.get(name).map(String::as_str), Some(value), "{name} in {sent:?}");
    }
    assert!(!sent.contains_key("gclid"), "the last touch had none: {sent:?}");
    assert_eq!(sent["_landing"], format!("{}/?utm_source=lettre", site.address()), "where this visit began");
    browser.go(&format!("{}/form", site.address()));
    consent(true);
    consent(false);
    assert_eq!(stored(&browser), serde_json::json!({}));
    let after = send(&browser, &daemon, "two");
    assert!(!after.keys().any(|name| name.starts_with("_first_") && !after[name].is_empty()), "{after:?}");
}

#[test]
fn a_website_may_say_that_consent_is_given_and_a_frame_is_told_too() {
    let daemon = daemon("[[form]]\nid = \"contact\"\nallowed_origins = [\"*\"]\n");
    let to = address(&daemon);
    let frame = format!(
        "<iframe src=\"{to}/f/contact?embed=1\" title=\"Contact\" data-pisteur></iframe>\
         <script src=\"{to}/attribution.js\" data-consent=\"given\" defer></script>"
    );
    let site = Site::open(vec![("/", page("fr", &frame))]);
    let browser = Browser::open(&Wishes::default());
    browser.go(&format!("{}/?utm_source=google&gclid=abc", site.address()));
    assert!(stored(&browser)["attr_first"].is_string());
    browser.enter("iframe");
    browser.until("the frame knows", || browser.has("[name=_first_gclid]"));
    assert_eq!(browser.property("[name=gclid]", "value"), "abc");
    assert!(browser.property("[name=_page]", "value").as_str().unwrap().starts_with(&site.address()));
}

const COOKIES: [(&str, &str); 4] = [
    ("_fbc", "fb.1.1700000000000.IwAR0click"),
    ("_fbp", "fb.1.1700000000000.1098115397"),
    ("_ttp", "2NbQK0tiktokbrowser"),
    ("hubspotutk", "9f1b0c5e7d3a4b2c8e6f0a1d2c3b4e5f"),
];

#[test]
fn with_consent_everything_the_guide_names_reaches_the_form_and_without_it_nothing_of_it() {
    let daemon = daemon("[[form]]\nid = \"contact\"\n");
    let site = site(&address(&daemon), "");
    let browser = Browser::open(&Wishes::default());
    let clicks = [
        "gclid",
        "gbraid",
        "wbraid",
        "dclid",
        "gclsrc",
        "gad_source",
        "gad_campaignid",
        "fbclid",
        "msclkid",
        "ttclid",
        "li_fat_id",
        "twclid",
        "sccid",
        "epik",
        "rdt_cid",
        "yclid",
        "mc_cid",
        "mc_eid",
        "hsa_cam",
        "hsa_grp",
        "_hsenc",
        "_hsmi",
        "irclickid",
    ];
    let utm = [
        "utm_source",
        "utm_medium",
        "utm_campaign",
        "utm_term",
        "utm_id",
        "utm_source_platform",
        "utm_creative_format",
        "utm_marketing_tactic",
    ];
    let query: Vec<String> = clicks.iter().chain(&utm).map(|name| format!("{name}=v-{name}")).collect();
    let cookies = COOKIES.iter().map(|(name, value)| format!("{name}={value}"));
    let others = ["_ga=GA1.1.1112223334.1700000001".to_owned(), "session=SECRET".to_owned()];
    browser.go(&format!("{}/form", site.address()));
    for cookie in cookies.chain(others) {
        drop(browser.run(&format!("document.cookie = '{cookie}; path=/'")));
    }
    let measured: Vec<&str> = clicks.into_iter().chain(COOKIES.iter().map(|(name, _)| *name)).collect();
    let untold = |sent: &BTreeMap<String, String>| {
        let told = |name: &&str| sent.get(*name).is_some_and(|value| !value.is_empty());
        let told: Vec<&str> = measured.iter().copied().chain(["_ga", "ga_client_id", "session"]).filter(told).collect();
        assert_eq!(told, [""; 0], "{sent:?}");
    };
    let page = format!("{}/form?{}", site.address(), query.join("&"));
    browser.go(&page);
    let plain = send(&browser, &daemon, "one");
    untold(&plain);
    assert!(utm.iter().all(|name| plain[*name] == format!("v-{name}")), "{plain:?}");
    browser.go(&page);
    drop(browser.run("attrConsent(true)"));
    let sent = send(&browser, &daemon, "two");
    for name in clicks.iter().chain(&utm) {
        assert_eq!(sent.get(*name), Some(&format!("v-{name}")), "{name} in {sent:?}");
    }
    for (name, value) in COOKIES.iter().chain(&[("ga_client_id", "1112223334.1700000001")]) {
        assert_eq!(sent.get(*name).map(String::as_str), Some(*value), "{name} in {sent:?}");
    }
    assert!(!sent.values().any(|value| value.contains("SECRET")), "no other cookie: {sent:?}");
    let stuffed: Vec<String> = (0..300).map(|n| format!("hsa_{n}={n}")).collect();
    browser.go(&format!("{page}&{}", stuffed.join("&")));
    drop(browser.run("attrConsent(true)"));
    let sent = send(&browser, &daemon, "three");
    assert!(sent.len() < 70 && sent["gclid"] == "v-gclid", "a stuffed link makes no form too large: {sent:?}");
    browser.go(&page);
    drop(browser.run("attrConsent(true); attrConsent(false)"));
    untold(&send(&browser, &daemon, "four"));
}
