//! The form's own page.

use super::driver::{Browser, Wishes};
use super::house::{address, arrivals, bodies, body, daemon};

/// A form that shows every kind of field.
const QUOTE: &str = r#"
[[form]]
id = "quote"
language = "fr"
heading = { fr = "Demander un devis", en = "Ask for a quote", fa = "درخواست پیش‌فاکتور", cs = "Poptávka" }

[[form.field]]
name = "name"

[[form.field]]
name = "email"
type = "email"

[[form.field]]
name = "phone"
type = "phone"

[[form.field]]
name = "day"
type = "date"
label = { fr = "Jour souhaité", en = "Day wished for", fa = "روز دلخواه", cs = "Den" }

[[form.field]]
name = "size"
options = ["small", "large"]
label = { fr = "Taille", en = "Size", fa = "اندازه", cs = "Velikost" }
option_labels = { fr = ["petite", "grande"], en = ["small", "large"], fa = ["کوچک", "بزرگ"], cs = ["malá", "velká"] }

[[form.field]]
name = "message"

[[form.field]]
name = "call_me"
type = "bool"
required = true

[[form.consent]]
field = "call_me"
purpose = "callback"
text = { fr = "J’accepte d’être rappelé à ce sujet.", en = "You may call me back about this.", fa = "می‌توانید در این باره با من تماس بگیرید.", cs = "Můžete mi v této věci zavolat." }
"#;

#[test]
fn a_person_with_javascript_sends_the_form_in_french() {
    let daemon = daemon(QUOTE);
    let browser = Browser::open(&Wishes { language: "fr", ..Wishes::default() });
    browser.go(&format!("{}/f/quote?utm_source=lettre", address(&daemon)));
    assert_eq!(browser.text("h1"), "Demander un devis");
    assert_eq!(browser.said("[name=email]"), "E-mail");
    browser.picture("hosted-fr");
    browser.fill("[name=name]", "Élodie Martin");
    browser.fill("[name=email]", "elodie@web.example");
    browser.fill("[name=message]", "Bonjour, un devis s’il vous plaît.");
    browser.click("[name=size] option[value=large]");
    browser.click("form button");
    assert!(browser.text(".pisteur-error") == "Merci de cocher cette case.", "in the page's language");
    assert!(browser.is_focused("[name=call_me]"));
    assert_eq!(browser.run("return document.querySelector('[name=call_me]').getAttribute('aria-invalid')"), "true");
    browser.picture("hosted-fr-unticked");
    assert_eq!(arrivals(&daemon), 0);
    browser.click("[name=call_me]");
    browser.until("the note is gone", || !browser.has(".pisteur-error"));
    browser.click("form button");
    browser.until("thanks are said", || browser.address().contains("/f/quote/thanks?lang=fr"));
    assert_eq!(browser.text("h1"), "Merci");
    browser.picture("thanks-fr");
    let body = body(&daemon);
    assert_eq!((body["name"].as_str(), body["size"].as_str()), ("Élodie Martin", "large"));
    assert_eq!((body["call_me"].as_str(), body["utm_source"].as_str()), ("yes", "lettre"));
    assert_eq!(body["_gotcha"], "", "nobody fills in the trap");
    assert!(!body["_t"].is_empty(), "when the page was opened");
    assert_eq!(browser.console(), Vec::<String>::new(), "the page's policy refuses nothing");
}

#[test]
fn a_person_without_javascript_sends_the_form_in_persian_from_a_telephone() {
    let daemon = daemon(QUOTE);
    let browser = Browser::open(&Wishes { javascript: false, language: "fa", size: (390, 844) });
    browser.go(&format!("{}/f/quote", address(&daemon)));
    assert_eq!(browser.text("h1"), "درخواست پیش‌فاکتور");
    assert_eq!(browser.style("[name=name]", "direction"), "rtl");
    assert_eq!(browser.style("[name=email]", "direction"), "ltr", "an address is written from the left");
    browser.picture("hosted-fa-390");
    browser.fill("[name=name]", "مریم رضایی");
    browser.fill("[name=email]", "maryam@web.example");
    browser.fill("[name=message]", "سلام، لطفاً قیمت بدهید.");
    browser.click("[name=call_me]");
    browser.click("form button");
    browser.until("thanks are said", || browser.address().ends_with("/f/quote/thanks?lang=fa"));
    assert_eq!(browser.text("h1"), "سپاسگزاریم");
    assert_eq!(browser.style("h1", "direction"), "rtl");
    browser.picture("thanks-fa-390");
    assert_eq!(body(&daemon)["name"], "مریم رضایی");
}

#[test]
fn what_a_refusal_is_about_is_put_right_where_it_stands() {
    let forms = QUOTE.replace("language = \"fr\"", "language = \"fr\"\nmax_fields = 6");
    let forms = forms.replace("required = true", "required = false");
    let daemon = daemon(&forms);
    let browser = Browser::open(&Wishes { javascript: false, language: "fr", ..Wishes::default() });
    browser.go(&format!("{}/f/quote?utm_source=a&utm_medium=b", address(&daemon)));
    browser.fill("[name=name]", "<script>alert(1)</script>\"'>");
    browser.fill("[name=email]", "a@web.example");
    browser.fill("[name=message]", "deux\nlignes");
    browser.click("[name=call_me]");
    browser.click("form button");
    browser.until("the refusal is said", || browser.shows("h1", "Votre message n’a pas été envoyé"));
    assert!(browser.text("[role=alert]").contains('6'), "the limit is named");
    assert_eq!(browser.property("[name=name]", "value"), "<script>alert(1)</script>\"'>");
    assert_eq!(browser.property("[name=message]", "value"), "deux\nlignes");
    assert_eq!(browser.property("[name=call_me]", "checked"), true);
    assert_eq!(browser.property("[name=utm_medium]", "value"), "b");
    browser.picture("problem-fr");
    assert_eq!(bodies(&daemon).len(), 0, "refused before the journal");
    // One less of what can be seen, and it is taken: what cannot be seen does not count.
    browser.click("[name=call_me]");
    browser.click("form button");
    browser.until("thanks are said", || browser.address().contains("/f/quote/thanks?lang=fr"));
    let body = body(&daemon);
    assert_eq!((body["message"].as_str(), body["utm_medium"].as_str()), ("deux\r\nlignes", "b"));
    assert!(!body.contains_key("call_me"), "{body:?}");
}

/// An ALTCHA that a slow machine solves at once.
const GUARDED: &str =
    "[captcha]\naltcha_cost = 100\naltcha_tries = 64\n[[form]]\nid = \"contact\"\ncaptcha = \"altcha\"\n";

fn held_for_captcha(daemon: &crate::support::daemon::Daemon) -> i64 {
    let sql = "SELECT count(*) FROM arrival WHERE reason LIKE 'captcha%'";
    crate::support::ledger::count_blocking(daemon.setup().database_url(), sql)
}

#[test]
fn a_captcha_is_solved_unseen_with_javascript() {
    let daemon = daemon(GUARDED);
    let browser = Browser::open(&Wishes { language: "fr", ..Wishes::default() });
    browser.go(&format!("{}/f/contact", address(&daemon)));
    browser.picture("captcha-fr");
    browser.fill("[name=name]", "Élodie Martin");
    browser.fill("[name=email]", "elodie@web.example");
    browser.fill("[name=message]", "Bonjour");
    browser.click("form button");
    browser.until("thanks are said", || browser.address().contains("/f/contact/thanks?lang=fr"));
    let sent = body(&daemon);
    assert!(sent["altcha"].len() > 100 && !sent["_t"].is_empty(), "{sent:?}");
    assert_eq!(held_for_captcha(&daemon), 0);
}

#[test]
fn without_javascript_a_captcha_keeps_the_message_and_says_so() {
    let daemon = daemon(GUARDED);
    let browser = Browser::open(&Wishes { javascript: false, language: "fr", ..Wishes::default() });
    browser.go(&format!("{}/f/contact", address(&daemon)));
    assert!(browser.text("noscript").contains("Sans JavaScript"), "it is said before");
    browser.fill("[name=name]", "Élodie Martin");
    browser.fill("[name=email]", "elodie@web.example");
    browser.fill("[name=message]", "Bonjour");
    browser.click("form button");
    browser.until("the refusal is shown", || browser.has("[role=alert]"));
    assert_eq!(browser.property("[name=message]", "value"), "Bonjour");
    browser.picture("captcha-refused-fr");
    assert_eq!((arrivals(&daemon), held_for_captcha(&daemon)), (1, 1), "kept for a person to look at");
}
