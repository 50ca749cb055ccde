//! Services that tell persons from machines, on the form's own page: their element is shown, and its token sent.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::driver::{Browser, Wishes};
use super::house::{Site, address, arrivals, bodies, page, setup};
use crate::support::daemon::Daemon;
use crate::support::ledger::count_blocking;
use crate::support::wait;
use crate::support::webhook::{Received, Reply, WebhookReceiver};

const KINDS: [&str; 5] = ["turnstile", "hcaptcha", "recaptcha_v2", "recaptcha_v3", "friendly_captcha"];

/// What the services' scripts have in common as far as a page sees it: a frame, a field with a token, a way to start afresh.
const SCRIPT: &str = r"(() => {
  const source = new URL(document.currentScript.src);
  const kind = source.searchParams.get('kind');
  const [name, field] = {
    turnstile: ['cf-turnstile', 'cf-turnstile-response'],
    hcaptcha: ['h-captcha', 'h-captcha-response'],
    recaptcha_v2: ['g-recaptcha', 'g-recaptcha-response'],
    recaptcha_v3: ['grecaptcha-badge', 'unused'],
    friendly_captcha: ['frc-captcha', 'frc-captcha-response'],
  }[kind];
  let made = 0;
  const token = (key) => [key, performance.timeOrigin, ++made].join(' ');
  const fill = (box) => { box.querySelector('input').value = token(box.dataset.sitekey); };
  const show = (box, at) => {
    const language = box.dataset.language || source.searchParams.get('hl') || document.documentElement.lang;
    const frame = document.createElement('iframe');
    frame.src = new URL('/frame?' + language, source);
    frame.width = 300;
    frame.height = 65;
    frame.dataset.hcaptchaWidgetId = 'w' + at;
    const input = document.createElement('input');
    input.type = 'hidden';
    input.name = field;
    input.value = '.UNSTARTED';
    box.append(frame, input);
    box.frcWidget = { reset: () => fill(box) };
    setTimeout(fill, kind === 'friendly_captcha' ? 700 : 0, box);
  };
  const boxes = () => [...document.querySelectorAll('.' + name)];
  window.turnstile = { reset: fill };
  window.hcaptcha = { reset: (id) => fill(document.querySelector('[data-hcaptcha-widget-id=' + id + ']').parentElement) };
  window.grecaptcha = {
    ready: (then) => then(),
    reset: (at) => fill(boxes()[at]),
    execute: async (key, { action }) => token(key + ' ' + action),
  };
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', () => boxes().forEach(show));
  else boxes().forEach(show);
})();";

/// Stands in for every service: serves its script and its frame, and checks its tokens.
struct Double {
    receiver: WebhookReceiver,
    asked: Arc<Mutex<Vec<String>>>,
    refusals: Arc<Mutex<u32>>,
}

impl Double {
    fn start() -> Self {
        let receiver = WebhookReceiver::start();
        let (asked, refusals) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<u32>>::default());
        let (seen, left) = (Arc::clone(&asked), Arc::clone(&refusals));
        receiver.answer_by(move |request| {
            let path = request.path.split('?').next().unwrap_or_default();
            match path {
                "/api.js" => typed("text/javascript", SCRIPT),
                "/frame" => {
                    let language = request.path.split_once('?').map_or("", |(_, query)| query);
                    typed("text/html", &format!("<body style=\"background:#eee\">&#10003; {language}"))
                }
                "/siteverify" => {
                    let (token, mut left) = (token(request), left.lock().unwrap());
                    let mut seen = seen.lock().unwrap();
                    let good = *left == 0 && !seen.contains(&token);
                    *left = left.saturating_sub(1);
                    seen.push(token);
                    Reply::json(&verdict(good))
                }
                _ => Reply::status(404),
            }
        });
        Self { receiver, asked, refusals }
    }

    /// Refuses the next tokens, as many.
    fn refuse(&self, times: u32) {
        *self.refusals.lock().unwrap() = times;
    }

    /// Tokens it was asked for so far.
    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// A daemon with one form for each kind of service, called by it.
    fn daemon(&self, of_form: &str) -> Daemon {
        let one = |kind: &&str| {
            format!(
                "[[captcha.provider]]\nid = \"{kind}\"\nkind = \"{kind}\"\nsite_key = \"key-of-{kind}\"\n\
                 secret_file = \"secret\"\nurl = \"{}\"\nscript_url = \"{}?kind={kind}\"\naction = \"contact\"\n\
                 allow_http = true\nallow_private = [\"127.0.0.0/8\"]\n\
                 [[form]]\nid = \"{kind}\"\ncaptcha = \"{kind}\"\n{of_form}\n",
                self.receiver.url("/siteverify"),
                self.receiver.url("/api.js")
            )
        };
        setup(&KINDS.iter().map(one).collect::<String>()).file("secret", "of the service").start()
    }
}

fn typed(kind: &str, body: &str) -> Reply {
    let reply = Reply { body: body.as_bytes().to_vec(), ..Reply::status(200) };
    reply
        .with_header("content-type", &format!("{kind}; charset=utf-8"))
        .with_header("x-content-type-options", "nosniff")
}

fn token(request: &Received) -> String {
    if let Ok(body) = serde_json::from_slice::<Value>(&request.body) {
        return body["response"].as_str().unwrap().to_owned();
    }
    let pairs = form_urlencoded::parse(&request.body).into_owned();
    pairs.into_iter().find(|(name, _)| name == "response").unwrap().1
}

fn verdict(good: bool) -> Value {
    if good {
        json!({ "success": true, "action": "contact", "score": 0.9 })
    } else {
        json!({ "success": false, "error-codes": ["invalid-input-response"], "error": { "error_code": "response_invalid" } })
    }
}

fn write(browser: &Browser, message: &str) {
    browser.fill("[name=name]", "Élodie Martin");
    browser.fill("[name=email]", "elodie@web.example");
    browser.fill("[name=message]", message);
}

fn held(daemon: &Daemon) -> i64 {
    count_blocking(daemon.setup().database_url(), "SELECT count(*) FROM arrival WHERE reason LIKE 'captcha%'")
}

fn leads(daemon: &Daemon) -> i64 {
    count_blocking(daemon.setup().database_url(), "SELECT count(*) FROM lead")
}

/// What the browser complains of, beside refusals of ours.
fn complaints(browser: &Browser) -> Vec<String> {
    browser.console().into_iter().filter(|line| !line.contains("status of 403")).collect()
}

#[test]
fn every_service_is_shown_and_a_refused_try_gets_a_token_of_its_own() {
    let double = Double::start();
    let daemon = double.daemon("");
    let browser = Browser::open(&Wishes { language: "fr", ..Wishes::default() });
    for (n, kind) in (1..).zip(KINDS) {
        browser.go(&format!("{}/f/{kind}", address(&daemon)));
        assert!(browser.text(".captcha").starts_with("Pour écarter les robots, "), "{kind}");
        write(&browser, &format!("Bonjour, {kind}"));
        if kind == "turnstile" {
            browser.until("its frame is there", || browser.has(".cf-turnstile iframe"));
            browser.picture("service-fr");
        }
        double.refuse(1);
        browser.click("form button");
        browser.until("the refusal is told", || browser.shows(".pisteur-failed", "réessayer"));
        assert_eq!(held(&daemon), n, "{kind}: kept all the same");
        browser.click("form button");
        browser.until("thanks are said", || browser.address().contains("/thanks?lang=fr"));
        let asked = double.asked();
        let [.., first, second] = asked.as_slice() else { panic!("{kind}: {asked:?}") };
        assert!(first != second && second.starts_with(&format!("key-of-{kind} ")), "{kind}: {asked:?}");
        assert_eq!(kind == "recaptcha_v3", second.contains(" contact "), "{kind}: asks with the action");
        wait::until("there is a lead", wait::LONG, || leads(&daemon) == n);
        assert_eq!(complaints(&browser), Vec::<String>::new(), "{kind}: the page's policy refuses nothing");
    }
}

#[test]
fn the_page_of_a_refusal_shows_the_service_again() {
    let double = Double::start();
    let daemon = double.daemon("");
    let browser = Browser::open(&Wishes { language: "fa", size: (390, 844), ..Wishes::default() });
    browser.go(&format!("{}/f/turnstile", address(&daemon)));
    write(&browser, "سلام");
    browser.until("it is ready", || browser.property(".cf-turnstile input", "value") != ".UNSTARTED");
    browser.picture("service-fa-390");
    double.refuse(1);
    // As when our script does not come.
    browser.run("HTMLFormElement.prototype.submit.call(document.querySelector('form'))");
    browser.until("the refusal is shown", || browser.has("[role=alert]"));
    browser.until("it is ready", || browser.property(".cf-turnstile input", "value") != ".UNSTARTED");
    browser.picture("service-refused-fa-390");
    assert_eq!(browser.property("[name=message]", "value"), "سلام");
    browser.click("form button");
    browser.until("thanks are said", || browser.address().contains("/thanks?lang=fa"));
    assert_eq!((double.asked().len(), held(&daemon)), (2, 1));
    wait::until("there is a lead", wait::LONG, || leads(&daemon) == 1);
    assert_eq!(complaints(&browser), Vec::<String>::new());
}

#[test]
fn a_service_is_shown_in_a_frame_of_a_listed_website() {
    let double = Double::start();
    let port = crate::support::process::free_port();
    let own = format!("http://localhost:{port}");
    let daemon = double.daemon(&format!("allowed_origins = [\"{own}\"]"));
    let to = address(&daemon);
    let around =
        format!("<iframe src=\"{to}/f/hcaptcha?embed=1&amp;lang=cs\" title=\"Kontakt\" data-pisteur></iframe>");
    let script = format!("<script src=\"{to}/pisteur.js\" defer></script>");
    let _site = Site::at(port, vec![("/", page("cs", &(around + &script)))]);
    let browser = Browser::open(&Wishes::default());
    browser.go(&own);
    browser.enter("iframe");
    write(&browser, "Dobrý den");
    browser.click("form button");
    browser.until("thanks are said in the frame", || browser.shows("h1", "Děkujeme"));
    assert_eq!((held(&daemon), double.asked().len()), (0, 1));
    assert!(bodies(&daemon)[0]["h-captcha-response"].starts_with("key-of-hcaptcha "));
    assert_eq!(complaints(&browser), Vec::<String>::new());
}

#[test]
fn without_javascript_a_service_keeps_the_message_and_says_so() {
    let double = Double::start();
    let daemon = double.daemon("");
    let browser = Browser::open(&Wishes { javascript: false, language: "fr", ..Wishes::default() });
    browser.go(&format!("{}/f/recaptcha_v3", address(&daemon)));
    assert!(browser.text("noscript").contains("rien ne confirme que vous êtes une personne"), "it is said before");
    write(&browser, "Bonjour");
    browser.click("form button");
    browser.until("the refusal is shown", || browser.has("[role=alert]"));
    assert_eq!(browser.property("[name=message]", "value"), "Bonjour");
    assert_eq!((arrivals(&daemon), held(&daemon)), (1, 1), "kept for a person to look at");
    assert!(double.asked().is_empty(), "there was nothing to ask");
}
