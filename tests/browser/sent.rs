//! What a visitor sends is sent whole and once, and what was not taken of it is told.

use super::driver::{Browser, Wishes};
use super::house::{Site, address, arrivals, bodies, daemon, page};
use crate::support::ledger::count_blocking;

const CAPTCHA: &str = "captcha = \"altcha\"\n[captcha]\naltcha_cost = 100\naltcha_tries = 64\n";

fn form(listed: &[&str], more: &str) -> String {
    format!("[[form]]\nid = \"contact\"\nallowed_origins = {listed:?}\n{more}")
}

/// A form with the script, its buttons and what else stands in it.
fn snippet(daemon: &str, action: &str, inner: &str) -> String {
    format!(
        "<form action=\"{daemon}{action}\" method=\"post\" accept-charset=\"utf-8\" data-pisteur>\
         <label>Name <input name=\"name\"></label><label>Mail <input name=\"email\" type=\"email\"></label>\
         <label>Text <textarea name=\"message\"></textarea></label>{inner}</form>\
         <script src=\"{daemon}/pisteur.js\" defer></script>"
    )
}

fn write(browser: &Browser) {
    browser.fill("[name=name]", "Eva Malá");
    browser.fill("[name=email]", "eva@web.example");
    browser.fill("[name=message]", "Dobrý den");
}

/// Puts files into a field, as a person who chose them.
fn choose(browser: &Browser, css: &str, files: &[(&str, usize)]) {
    let script = "const chosen = new DataTransfer(); \
        arguments[1].forEach(([name, size]) => chosen.items.add(new File([new Uint8Array(size)], name))); \
        document.querySelector(arguments[0]).files = chosen.files";
    browser.run_with(script, &serde_json::json!([css, files]));
}

#[test]
fn the_button_that_was_pressed_is_sent_with_the_second_try_too() {
    let daemon = daemon(&form(&[], CAPTCHA));
    let to = address(&daemon);
    let inner = "<input type=\"file\" name=\"plan\"><button name=\"topic\" value=\"price\">Price</button>\
                 <button name=\"topic\" value=\"quote\" id=\"quote\">Quote</button>";
    let site = Site::open(vec![("/", page("cs", &snippet(&to, "/f/contact", inner)))]);
    let browser = Browser::open(&Wishes::default());
    browser.go(&site.address());
    write(&browser);
    choose(&browser, "[name=plan]", &[("plan.pdf", 10)]);
    browser.click("#quote");
    browser.until("thanks are said", || browser.address() == format!("{to}/f/contact/thanks?lang=cs"));
    // The page may not read the answer to the first try, so the browser sends the form again.
    let url = daemon.setup().database_url().to_owned();
    assert_eq!(count_blocking(&url, "SELECT count(*) FROM arrival WHERE duplicate_of IS NULL"), 1);
    assert_eq!(count_blocking(&url, "SELECT count(*) FROM arrival WHERE state = 'quarantined'"), 0);
    for sent in bodies(&daemon) {
        assert_eq!((sent["topic"].as_str(), sent["plan"].as_str()), ("quote", "plan.pdf"));
    }
}

#[test]
fn a_button_is_sent_though_the_script_cannot_reach_us_and_once_though_it_is_pressed_again() {
    let daemon = daemon(
        "[[form]]\nid = \"contact\"\nallowed_origins = [\"*\"]\nduplicate_window_seconds = 0\n[[form.field]]\nname = \"message\"\nrequired = true\n",
    );
    let to = address(&daemon);
    let inner = "<button name=\"topic\" value=\"price\" id=\"price\">Price</button>\
                 <button name=\"topic\" value=\"quote\" id=\"quote\">Quote</button>";
    let site = Site::open(vec![("/", page("cs", &snippet(&to, "/f/contact", inner)))]);
    let browser = Browser::open(&Wishes::default());
    browser.go(&site.address());
    browser.fill("[name=name]", "Eva Malá");
    browser.click("#price");
    browser.until("the mistake is told", || browser.has(".pisteur-error"));
    assert!(!browser.has("input[name=topic]"), "the page has its form as it was");
    browser.fill("[name=message]", "Dobrý den");
    browser.run("window.fetch = () => Promise.reject(new Error('cut off'))");
    browser.click("#quote");
    browser.until("thanks are said", || browser.address().starts_with(&format!("{to}/f/contact/thanks")));
    let sent = bodies(&daemon).into_iter().find(|body| body["message"] == "Dobrý den").unwrap();
    assert_eq!(sent["topic"], "quote");
}

#[test]
fn a_file_that_was_not_taken_is_told_to_who_has_javascript_too() {
    let forms = "[[form]]\nid = \"contact\"\nallow_files = true\nallowed_origins = [\"*\"]\n\
                 [[form]]\nid = \"led\"\nallow_files = true\nredirect = \"REDIRECT\"\n";
    let site_port = crate::support::process::free_port();
    let own = format!("http://localhost:{site_port}");
    let daemon = daemon(&forms.replace("REDIRECT", &format!("{own}/merci")));
    let to = address(&daemon);
    let inner = "<input type=\"file\" name=\"files\" multiple><button>Send</button>";
    let embedded =
        snippet(&to, "/f/contact", inner).replace("data-pisteur", "enctype=\"multipart/form-data\" data-pisteur");
    let _site = Site::at(site_port, vec![("/", page("cs", &embedded)), ("/merci", page("cs", "<h1>Merci</h1>"))]);
    let browser = Browser::open(&Wishes { language: "cs", ..Wishes::default() });
    // On a website: thanks replace the form, and say what is missing.
    browser.go(&own);
    write(&browser);
    choose(&browser, "[name=files]", &[("nákup.exe", 20)]);
    browser.click("form button");
    browser.until("the file is named", || browser.shows(".pisteur-status", "nákup.exe"));
    assert!(browser.is_focused(".pisteur-status"), "heard by who does not see");
    assert_eq!(browser.run("return document.querySelector('.pisteur-status').getAttribute('role')"), "alert");
    assert!(browser.text(".pisteur-status").contains("dorazila"), "and that the rest has come");
    // On our own page: it is told before the visitor is led on.
    for (form, end) in [("contact", format!("{to}/f/contact/thanks?lang=cs")), ("led", format!("{own}/merci"))] {
        browser.go(&format!("{to}/f/{form}"));
        write(&browser);
        browser.fill("[name=message]", form);
        choose(&browser, "[name=files]", &[("nákup.exe", 20)]);
        browser.click("form button");
        browser.until("the file is named", || browser.shows(".pisteur-status", "nákup.exe"));
        browser.picture(&format!("file-refused-{form}"));
        browser.click(".pisteur-status a");
        browser.until("the visitor goes on", || browser.address() == end);
    }
    assert_eq!(arrivals(&daemon), 3);
}

#[test]
fn files_that_are_too_large_are_told_before_they_are_sent() {
    let limits = "allow_files = true\nfile_bytes = 100_000\nbody_bytes = 1_400_000\n";
    let daemon = daemon(&form(&[], limits));
    let browser = Browser::open(&Wishes { language: "fr", ..Wishes::default() });
    browser.go(&format!("{}/f/contact", address(&daemon)));
    write(&browser);
    let send = |files: &[(&str, usize)]| {
        choose(&browser, "[name=files]", files);
        browser.click("form button");
    };
    send(&[("petit.pdf", 10), ("grand.pdf", 100_001)]);
    browser.until("the large one is named", || browser.shows(".pisteur-error", "grand.pdf"));
    assert!(browser.is_focused("[name=files]"));
    browser.picture("file-too-large-fr");
    let many: Vec<(String, usize)> = (0..14).map(|n| (format!("{n}.pdf"), 90_000)).collect();
    let many: Vec<(&str, usize)> = many.iter().map(|(name, size)| (name.as_str(), *size)).collect();
    send(&many);
    browser.until("all together are too many bytes", || browser.shows(".pisteur-error", "ensemble"));
    assert_eq!(arrivals(&daemon), 0, "nothing was sent in vain");
    send(&[("petit.pdf", 10)]);
    browser.until("it is sent", || arrivals(&daemon) == 1);
}

#[test]
fn the_script_finds_its_way_from_every_address_that_a_form_may_have() {
    let daemon = daemon(&form(&["*"], CAPTCHA));
    let to = address(&daemon);
    let named = "<input type=\"hidden\" name=\"access_key\" value=\"contact\"><button>Send</button>";
    let site = Site::open(vec![
        ("/slash", page("cs", &snippet(&to, "/f/contact/", "<button>Send</button>"))),
        ("/key", page("cs", &snippet(&to, "/f", named))),
        ("/keys", page("cs", &snippet(&to, "/f/", named))),
    ]);
    let browser = Browser::open(&Wishes::default());
    for (n, path) in ["/slash", "/key", "/keys"].iter().enumerate() {
        browser.go(&format!("{}{path}", site.address()));
        write(&browser);
        browser.fill("[name=message]", path);
        browser.click("form button");
        browser.until("thanks are said", || browser.shows(".pisteur-status", "dorazila"));
        assert_eq!(browser.address(), format!("{}{path}", site.address()), "the visitor stays");
        let sent = bodies(&daemon);
        assert_eq!(sent.len(), n + 1);
        let sent = sent.into_iter().find(|body| body["message"] == *path).unwrap();
        assert!(!sent["altcha"].is_empty() && !sent["_t"].is_empty() && !sent["_submission_id"].is_empty(), "{sent:?}");
    }
    let held = "SELECT count(*) FROM arrival WHERE state = 'quarantined'";
    assert_eq!(count_blocking(daemon.setup().database_url(), held), 0);
}
