//! What strangers write, carried through every place where it is shown: it is text there and nothing else.

use mail_parser::MessageParser;
use serde_json::Value;

use crate::support::daemon::{Daemon, Setup};
use crate::support::ledger::count_blocking;
use crate::support::smtp::SmtpSink;
use crate::support::wait;
use crate::support::webhook::WebhookReceiver;

/// Scripts, formulas, steering of terminals, headers of mails, templates.
const PAYLOADS: [&str; 14] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' autofocus onfocus=alert(1) x='",
    "</textarea><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "=HYPERLINK(\"http://evil.example\",\"x\")",
    "+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd",
    "\u{1b}]0;owned\u{7}\u{1b}[31m\u{1b}[2J",
    "\u{9b}2J\u{9d}0;x\u{9c}",
    "invoice\u{202e}fdp.exe\u{2066}x\u{2069}\u{200b}\u{e0041}",
    "Eva\r\nBcc: everybody@evil.example\r\n\r\nbody",
    "--\r\n.\r\nQUIT\r\n<b>x</b>&amp;\u{feff}",
];

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What steers a screen; line ends and tabs between cells aside.
fn steers(c: char) -> bool {
    !pisteur::domain::plain::is_shown(c) && c != '\n'
}

struct Scene {
    daemon: Daemon,
    hooks: WebhookReceiver,
    sink: SmtpSink,
}

impl Scene {
    /// Every payload as name, company, message, and name of a field, told to a webhook and to the owner by mail.
    fn open() -> Self {
        let (hooks, sink) = (WebhookReceiver::start(), SmtpSink::start());
        let tables = format!(
            "[limits]\nper_client_per_minute = 0\nper_form_per_minute = 0\n\
             [[delivery.webhook]]\nid = \"crm\"\nurl = \"{}\"\nsecret_env = \"HOOK_SECRET\"\ninclude = \"full\"\n\
             allow_private = [\"127.0.0.0/8\"]\nallow_http = true\n\
             [delivery.smtp]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"crm@our-company.example\"\n\
             [delivery.owner_mail]\nenabled = true\n",
            hooks.url("/in"),
            sink.port()
        );
        let daemon = Setup::new().contact_form().tables(&tables).env("HOOK_SECRET", SECRET).start();
        for (number, payload) in PAYLOADS.iter().enumerate() {
            let email = format!("visitor{number}@web{number}.example");
            let fields = [
                ("name", *payload),
                ("company", *payload),
                ("email", email.as_str()),
                ("message", *payload),
                ("topic", *payload),
                (*payload, *payload),
            ];
            let answer = daemon.public().post_form("/f/contact", &fields).unwrap();
            assert_eq!(answer.status, 200, "{payload:?}: {}", answer.text());
        }
        let url = daemon.setup().database_url().to_owned();
        let settled = || {
            wait::until("everything is decided and delivered", wait::LONG, || {
                count_blocking(&url, "SELECT count(*) FROM job") == 0
            });
        };
        settled();
        // What looks like spam waits for a person, who lets it through here.
        let held = daemon.setup().run(&["submissions", "list", "--state", "quarantined", "--json"]);
        for line in String::from_utf8(held.stdout).unwrap().lines() {
            let id = serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
            assert!(daemon.setup().run(&["submissions", "release", &id]).status.success(), "{line}");
        }
        settled();
        Self { daemon, hooks, sink }
    }

    fn run(&self, args: &[&str]) -> String {
        let out = self.daemon.setup().run(args);
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }
}

#[test]
fn payloads_are_text_on_the_terminal_in_tables_in_json_in_mails_and_in_webhooks() {
    let mut scene = Scene::open();
    let ids = on_the_terminal(&scene);
    in_tables(&scene, ids.len());
    in_mails(&scene);
    in_webhooks(&scene);
    let log = scene.daemon.stderr();
    assert!(!log.chars().any(steers), "{log:?}");
    scene.daemon.stop_cleanly();
}

fn on_the_terminal(scene: &Scene) -> Vec<String> {
    let json = scene.run(&["leads", "list", "--json", "--limit", "0"]);
    assert!(!json.chars().any(steers), "{json:?}");
    let ids: Vec<String> = json
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), PAYLOADS.len());
    for list in [["leads", "list"], ["submissions", "list"], ["contacts", "list"]] {
        let said = scene.run(&[list.as_slice(), &["--limit", "0"]].concat());
        assert!(!said.chars().any(steers), "{list:?}: {said:?}");
    }
    let mut found = Vec::new();
    for id in &ids {
        let page = scene.run(&["leads", "show", id]);
        assert!(!page.chars().any(steers), "{page:?}");
        let whole = scene.run(&["leads", "show", "--json", id]);
        assert!(!whole.chars().any(steers), "{whole:?}");
        found.push(whole.parse::<Value>().unwrap().to_string());
    }
    for payload in PAYLOADS {
        let word = serde_json::to_string(payload.trim()).unwrap();
        let word = word.trim_matches('"');
        assert!(found.iter().any(|lead| lead.contains(word)), "what was sent is kept as it was sent: {word}");
    }
    ids
}

fn in_tables(scene: &Scene, leads: usize) {
    let table = scene.run(&["leads", "export"]);
    assert!(!table.replace("\r\n", "\n").chars().any(steers), "{table:?}");
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), leads);
    for cell in rows.iter().flatten() {
        for line in cell.split(['\n', ';', ',']) {
            let first = line.trim_start().trim_start_matches('"').chars().next();
            assert!(!first.is_some_and(|c| "=+-@".contains(c)), "{cell:?} is a formula somewhere");
        }
    }
}

fn in_mails(scene: &Scene) {
    let mails = scene.sink.mails();
    assert_eq!(mails.len(), PAYLOADS.len());
    let names = |mail: &[u8]| -> Vec<String> {
        let parsed = MessageParser::default().parse(mail).unwrap();
        let mut names: Vec<String> = parsed.headers().iter().map(|header| header.name().to_lowercase()).collect();
        names.sort();
        names
    };
    let usual = names(&mails[0].data);
    for mail in &mails {
        assert_eq!(names(&mail.data), usual, "no header of its own: {}", mail.text());
        assert_eq!(mail.to.len(), 1, "{:?}", mail.to);
        assert!(mail.to[0].ends_with("@our-company.example"), "{:?}", mail.to);
        let parsed = MessageParser::default().parse(&mail.data).unwrap();
        assert_eq!(parsed.html_body_count(), parsed.text_body_count());
        assert!(!mail.text().to_lowercase().contains("text/html"), "{}", mail.text());
        let text = parsed.body_text(0).unwrap().replace("\r\n", "\n");
        assert!(!text.chars().any(steers), "{text:?}");
        assert!(!parsed.subject().unwrap().chars().any(|c| steers(c) || c == '\n'), "{:?}", parsed.subject());
    }
}

fn in_webhooks(scene: &Scene) {
    let requests = scene.hooks.requests();
    assert_eq!(requests.len(), PAYLOADS.len());
    let all: String = requests.iter().map(|request| request.json().to_string()).collect();
    assert!(all.contains("<script>alert(1)</script>"), "programs get what was sent: {all}");
    for request in &requests {
        assert_eq!(request.headers["content-type"], "application/json");
        assert!(request.headers.keys().all(|name| !name.contains("bcc")), "{:?}", request.headers);
    }
}

/// Everything that makes a page more than text.
fn structure(page: &str) -> (usize, usize, usize) {
    (page.matches('<').count(), page.matches('>').count(), page.matches('"').count())
}

#[test]
fn payloads_typed_into_a_form_come_back_as_text() {
    let mut daemon = Setup::new()
        .contact_form()
        .tables("[limits]\nvalue_bytes = 200\nper_client_per_minute = 0\nper_form_per_minute = 0\n")
        .start();
    let long = "x".repeat(300);
    let page = |value: &str, name: &str| {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("name", value),
                ("email", value),
                ("company", value),
                ("message", value),
                (name, value),
                ("z", &long),
            ])
            .finish();
        let headers =
            [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html"), ("referer", value)];
        let answer = daemon.public().request("POST", "/f/contact", &headers, body.as_bytes()).unwrap();
        assert_eq!(answer.status, 413, "{}", answer.text());
        let policy = answer.header("content-security-policy").unwrap_or_default().to_owned();
        assert!(policy.contains("default-src 'none'") || policy.contains("script-src"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("set-cookie"), None);
        answer.text()
    };
    let plain = structure(&page("Eva", "other"));
    for payload in PAYLOADS.into_iter().filter(|payload| !payload.contains(['\r', '\n', '\u{1b}', '\u{7}'])) {
        for name in ["other", payload] {
            let shown = page(payload, name);
            assert_eq!(structure(&shown), plain, "{payload:?} adds no element and no attribute: {shown}");
        }
    }
    daemon.stop_cleanly();
}

#[test]
fn payloads_in_addresses_come_back_as_text_or_not_at_all() {
    let mut daemon = Setup::new().contact_form().start();
    let plain: Vec<_> = ["/", "/f/contact", "/f/contact/thanks", "/f/none"]
        .iter()
        .map(|path| {
            structure(
                &daemon
                    .public()
                    .request("GET", &format!("{path}?lang=en&utm_source=x&_next=x"), &[("accept", "text/html")], b"")
                    .unwrap()
                    .text(),
            )
        })
        .collect();
    for payload in PAYLOADS {
        let value: String = form_urlencoded::byte_serialize(payload.as_bytes()).collect();
        for (path, plain) in ["/", "/f/contact", "/f/contact/thanks", "/f/none"].iter().zip(&plain) {
            let address = format!("{path}?lang=en&utm_source={value}&_next={value}");
            let answer = daemon.public().request("GET", &address, &[("accept", "text/html")], b"").unwrap();
            assert_eq!(structure(&answer.text()), *plain, "{payload:?} at {path}: {}", answer.text());
        }
        let address = format!("/f/{value}");
        let answer = daemon.public().request("GET", &address, &[("accept", "text/html")], b"").unwrap();
        assert!(!answer.text().contains("<script>alert") && !answer.text().contains("onerror="), "{}", answer.text());
    }
    daemon.stop_cleanly();
}
