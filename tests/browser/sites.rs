//! `config/sites.md` as a new user takes it: each snippet is copied out of the file, its address changed, and used.

use super::driver::{Browser, Wishes};
use super::house::{Site, address, body, daemon, page};

const FILE: &str = include_str!("../../config/sites.md");

/// The first block of HTML below a heading.
fn snippet(heading: &str, daemon: &str) -> String {
    let part = FILE.split_once(heading).unwrap_or_else(|| panic!("no {heading:?} in config/sites.md")).1;
    let block = part.split_once("```html\n").unwrap().1.split_once("\n```").unwrap().0;
    assert!(block.contains("https://forms.example.com/"), "{block}");
    block.replace("https://forms.example.com", daemon)
}

fn write(browser: &Browser) {
    browser.fill("[name=name]", "Ada Lovelace");
    browser.fill("[name=email]", "ada@web.example");
    browser.fill("[name=message]", "Hello");
}

#[test]
fn the_three_snippets_work_as_they_are_printed() {
    let port = crate::support::process::free_port();
    let own = format!("http://localhost:{port}");
    let forms = format!("[[form]]\nid = \"contact\"\nallowed_origins = [{own:?}]\nduplicate_window_seconds = 0\n");
    let daemon = daemon(&forms);
    let to = address(&daemon);
    let _site = Site::at(
        port,
        vec![
            ("/plain", page("en", &snippet("## 1 Plain form", &to))),
            ("/script", page("en", &snippet("## 2 The same", &to))),
            ("/frame", page("en", &snippet("## 3 Frame", &to))),
        ],
    );
    let browser = Browser::open(&Wishes::default());
    browser.go(&format!("{own}/plain"));
    browser.picture("site-plain");
    write(&browser);
    browser.click("button");
    browser.until("thanks are shown", || browser.address().starts_with(&format!("{to}/f/contact/thanks")));
    browser.go(&format!("{own}/script"));
    write(&browser);
    browser.click("button");
    browser.until("thanks replace the form", || !browser.has("form input"));
    browser.picture("site-script");
    browser.go(&format!("{own}/frame"));
    browser.enter("iframe");
    write(&browser);
    browser.click("button");
    browser.until("thanks are said in the frame", || browser.shows("h1", "Thank you"));
    let sent = super::house::bodies(&daemon);
    assert_eq!(sent.len(), 3);
    for body in sent {
        assert_eq!((body["name"].as_str(), body["_gotcha"].as_str()), ("Ada Lovelace", ""));
    }
}

#[test]
fn the_attribution_snippet_works_as_it_is_printed() {
    let daemon = daemon("[[form]]\nid = \"contact\"\n");
    let to = address(&daemon);
    let both = snippet("## 1 Plain form", &to) + &snippet("## Where visitors came from", &to);
    let site = Site::open(vec![("/", page("en", &both))]);
    let browser = Browser::open(&Wishes { language: "fr", ..Wishes::default() });
    browser.go(&format!("{}/?utm_source=lettre&gclid=1", site.address()));
    browser.run("attrConsent(true)");
    write(&browser);
    browser.click("button");
    browser.until("thanks are shown", || browser.address().ends_with("/f/contact/thanks?lang=fr"));
    let sent = body(&daemon);
    assert_eq!((sent["utm_source"].as_str(), sent["gclid"].as_str()), ("lettre", "1"));
    assert_eq!(sent["_first_utm_source"], "lettre");
}
