//! Forms on websites of other people: plain, with the script, in a frame.

use super::driver::{Browser, Wishes};
use super::house::{Site, address, arrivals, body, daemon, page};

fn form(listed: &[&str], more: &str) -> String {
    format!("[[form]]\nid = \"contact\"\nallowed_origins = {listed:?}\n{more}")
}

fn snippet(daemon: &str, attributes: &str) -> String {
    format!(
        "<form action=\"{daemon}/f/contact\" method=\"post\" accept-charset=\"utf-8\" {attributes}>\
         <label>Name <input name=\"name\" required></label><label>Mail <input name=\"email\" type=\"email\"></label>\
         <label>Text <textarea name=\"message\"></textarea></label><button>Send</button></form>"
    )
}

fn write(browser: &Browser) {
    browser.fill("[name=name]", "Eva Malá");
    browser.fill("[name=email]", "eva@web.example");
    browser.fill("[name=message]", "Dobrý den");
}

#[test]
fn a_plain_form_of_another_website_ends_on_our_thanks() {
    let daemon = daemon(&form(&[], ""));
    let to = address(&daemon);
    let site = Site::open(vec![("/", page("cs", &snippet(&to, "")))]);
    let browser = Browser::open(&Wishes { javascript: false, language: "cs", ..Wishes::default() });
    browser.go(&site.address());
    write(&browser);
    browser.click("form button");
    browser.until("thanks are said", || browser.address() == format!("{to}/f/contact/thanks?lang=cs"));
    assert_eq!(browser.text("h1"), "Děkujeme");
    assert_eq!(body(&daemon)["name"], "Eva Malá");
}

#[test]
fn with_the_script_a_visitor_stays_on_the_page() {
    let captcha = "captcha = \"altcha\"\n[captcha]\naltcha_cost = 100\naltcha_tries = 64\n";
    let daemon = daemon(&form(&["*"], captcha));
    let to = address(&daemon);
    let script = format!("<script src=\"{to}/pisteur.js\" defer></script>");
    let site = Site::open(vec![("/", page("cs", &(snippet(&to, "data-pisteur") + &script)))]);
    let browser = Browser::open(&Wishes { language: "en", ..Wishes::default() });
    browser.go(&site.address());
    browser.fill("[name=email]", "no address");
    browser.click("form button");
    assert!(browser.is_focused("[name=name]"), "the first mistake is where the keyboard goes");
    assert_eq!(browser.run("return document.querySelectorAll('.pisteur-error').length"), 2);
    browser.fill("[name=name]", "Eva Malá");
    browser.fill("[name=email]", "eva@web.example");
    browser.click("form button");
    browser.until("thanks are said", || browser.shows(".pisteur-status", "dorazila"));
    assert!(browser.is_focused(".pisteur-status"), "heard by who does not see");
    assert_eq!(browser.address(), format!("{}/", site.address()), "the visitor stays, and reads the page's language");
    assert!(!browser.has("form input"));
    let sent = body(&daemon);
    assert_eq!(sent["_language"], "cs");
    assert!(!sent["altcha"].is_empty() && !sent["_t"].is_empty(), "{sent:?}");
}

#[test]
fn a_website_that_is_not_listed_still_gets_its_form_through_once() {
    let captcha = "captcha = \"altcha\"\n[captcha]\naltcha_cost = 100\naltcha_tries = 64\n";
    let daemon = daemon(&form(&[], captcha));
    let to = address(&daemon);
    let script = format!("<script src=\"{to}/pisteur.js\" defer></script>");
    let site = Site::open(vec![("/", page("cs", &(snippet(&to, "data-pisteur") + &script)))]);
    let browser = Browser::open(&Wishes::default());
    browser.go(&site.address());
    write(&browser);
    browser.click("form button");
    browser.until("thanks are said", || browser.address() == format!("{to}/f/contact/thanks?lang=cs"));
    // The page may not read the answer to the first try, so the browser sends the form again, with a proof of its own.
    let url = daemon.setup().database_url().to_owned();
    let own = "SELECT count(*) FROM arrival WHERE duplicate_of IS NULL";
    assert_eq!(crate::support::ledger::count_blocking(&url, own), 1);
    let held = "SELECT count(*) FROM arrival WHERE reason LIKE 'captcha%'";
    assert_eq!(crate::support::ledger::count_blocking(&url, held), 0);
}

#[test]
fn a_frame_shows_the_form_only_on_listed_websites_and_grows_with_it() {
    let frame = |to: &str| {
        let source = format!("{to}/f/contact?embed=1&amp;utm_source=frame&amp;lang=fr");
        page(
            "fr",
            &format!(
                "<iframe src=\"{source}\" title=\"Contact\" data-pisteur style=\"width:100%;height:50px\"></iframe>\
            <script src=\"{to}/pisteur.js\" defer></script>"
            ),
        )
    };
    let port = crate::support::process::free_port();
    let to_port = format!("http://localhost:{port}");
    let daemon = daemon(&form(&[&to_port], ""));
    let to = address(&daemon);
    let listed = Site::at(port, vec![("/", frame(&to))]);
    let other = Site::open(vec![("/", frame(&to))]);
    let browser = Browser::open(&Wishes::default());
    browser.go(&other.address());
    browser.enter("iframe");
    assert!(!browser.has("form"), "a site that is not listed shows no form");
    browser.leave();
    assert!(browser.console().iter().any(|line| line.contains("frame-ancestors")), "the browser says why");
    browser.go(&listed.address());
    browser.enter("iframe");
    write(&browser);
    browser.leave();
    browser.until("the frame has the height of its page", || {
        browser
            .run("return document.querySelector('iframe').clientHeight")
            .as_f64()
            .is_some_and(|height| height > 400.0)
    });
    browser.picture("framed-fr");
    browser.enter("iframe");
    browser.click("form button");
    browser.until("thanks are said in the frame", || browser.shows("h1", "Merci"));
    browser.leave();
    assert_eq!(browser.address(), format!("{}/", listed.address()));
    browser.until("the frame shrinks", || {
        browser
            .run("return document.querySelector('iframe').clientHeight")
            .as_f64()
            .is_some_and(|height| height < 400.0)
    });
    let sent = body(&daemon);
    assert_eq!(
        (sent["utm_source"].as_str(), sent["_page"].as_str()),
        ("frame", format!("{}/", listed.address()).as_str())
    );
    assert_eq!(browser.console(), Vec::<String>::new());
}

#[test]
fn a_framed_form_leads_the_page_around_it_on() {
    let port = crate::support::process::free_port();
    let own = format!("http://localhost:{port}");
    let daemon = daemon(&form(&[&own], &format!("redirect = \"{own}/merci\"")));
    let to = address(&daemon);
    let around = format!(
        "<iframe src=\"{to}/f/contact?embed=1\" title=\"Contact\" data-pisteur></iframe>\
        <script src=\"{to}/pisteur.js\" defer></script>"
    );
    let _site = Site::at(port, vec![("/", page("fr", &around)), ("/merci", page("fr", "<h1>Merci bien</h1>"))]);
    let browser = Browser::open(&Wishes::default());
    browser.go(&own);
    browser.enter("iframe");
    write(&browser);
    browser.click("form button");
    browser.leave();
    browser.until("the page around goes on", || browser.address() == format!("{own}/merci"));
    assert_eq!(arrivals(&daemon), 1);
}
