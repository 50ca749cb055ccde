//! Consent as evidence, its confirmation by mail, and ending mail, on the built daemon.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::daemon::Daemon;
use crate::support::http::Answer;
use crate::support::smtp::SmtpSink;
use crate::support::visitors::{column, header, link, post, settled, setup, shown, words};
use crate::support::wait;

/// Two boxes; the letter counts only when confirmed.
const FORM: &str = r#"
title = "Contact"
language = "en"
[[form.consent]]
field = "news"
purpose = "newsletter"
version = "2026-01"
text = { en = "Send me your letter", fr = "Envoyez-moi votre lettre" }
[[form.consent]]
field = "terms"
purpose = "processing"
version = "7"
text = { en = "You may keep my data to answer me" }
[form.double_opt_in]
enabled = true
purposes = ["newsletter"]
"#;

const ANNE: &str = "anne@atelier-dupont.fr";

fn start(sink: &SmtpSink) -> Daemon {
    setup(sink, FORM, "").start()
}

fn waiting(sink: &SmtpSink) -> Daemon {
    setup(sink, &format!("{FORM}create_before_confirm = false\n"), "").start()
}

fn sign_up(daemon: &Daemon, email: &str, message: &str) -> String {
    let fields = [("name", "Anne Dupont"), ("email", email), ("message", message), ("news", "on"), ("terms", "yes")];
    post(
        daemon,
        &fields,
        &[("referer", "https://www.our-company.example/contact"), ("x-forwarded-for", "198.51.100.7")],
    )
}

fn confirmations(daemon: &Daemon) -> Vec<String> {
    column(daemon, "SELECT purpose FROM opt_in ORDER BY purpose")
}

fn ask(daemon: &Daemon, method: &str, path: &str) -> Answer {
    daemon
        .public()
        .request(method, path, &[("user-agent", "Mozilla/5.0 test"), ("x-forwarded-for", "198.51.100.9")], &[])
        .expect("an answer")
}

/// The consents of the only lead, as `leads show` tells them.
fn consents(daemon: &Daemon) -> Vec<Value> {
    let id = column(daemon, "SELECT ulid FROM entity WHERE kind = 'lead' ORDER BY id");
    let output = daemon.setup().run(&["leads", "show", &id[0], "--json"]);
    let shown: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    shown["consents"].as_array().expect("a list").clone()
}

#[test]
fn s60_every_submission_keeps_what_was_agreed_to_with_text_version_time_and_place() {
    let sink = SmtpSink::start();
    let daemon = start(&sink);
    let first = sign_up(&daemon, ANNE, "first");
    settled(&daemon, 1);
    let second = sign_up(&daemon, ANNE, "second, the address is known by now");
    settled(&daemon, 2);
    let kept = consents(&daemon);
    let short: Vec<(&str, &str)> =
        kept.iter().map(|c| (c["purpose"].as_str().unwrap(), c["evidence"].as_str().unwrap())).collect();
    let mut expected = vec![("newsletter", first.as_str()), ("processing", first.as_str())];
    expected.extend([("newsletter", second.as_str()), ("processing", second.as_str())]);
    assert_eq!(short, expected, "one a purpose and submission");
    let letter = &kept[0];
    for (name, value) in [
        ("field", "news"),
        ("value", "on"),
        ("text", "Send me your letter"),
        ("version", "2026-01"),
        ("language", "en"),
        ("client_ip", "198.51.100.7"),
        ("page", "https://www.our-company.example/contact"),
    ] {
        assert_eq!(letter[name], value, "{letter}");
    }
    assert_eq!(letter["text_hash"], blake3::hash(b"Send me your letter").to_string());
    assert!(letter["given"] == true && letter["at"].is_string(), "{letter}");
    let text = daemon.setup().run(&["leads", "show", &column(&daemon, "SELECT ulid FROM entity")[0]]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("Send me your letter") && text.contains("198.51.100.7"), "{text}");
    // Asked once for the purpose, not again while nothing is confirmed within the day: the bound on the recipient.
    assert_eq!(sink.mails().len(), 1);
}

#[test]
fn the_forms_own_page_shows_the_text_that_is_kept_and_ticks_nothing_beforehand() {
    let sink = SmtpSink::start();
    let daemon = start(&sink);
    let page = ask(&daemon, "GET", "/f/contact?lang=fr").text();
    assert!(page.contains("Envoyez-moi votre lettre") && page.contains("name=\"news\""), "{page}");
    assert!(page.contains("You may keep my data to answer me"), "the nearest language: {page}");
    assert!(!page.contains("checked"), "{page}");
    let fields = [("name", "Anne"), ("email", ANNE), ("message", "x"), ("news", "yes"), ("_language", "fr")];
    post(&daemon, &fields, &[]);
    settled(&daemon, 1);
    assert_eq!(consents(&daemon)[0]["text"], "Envoyez-moi votre lettre");
}

#[test]
fn a_box_that_was_not_ticked_is_no_consent_and_asks_for_nothing() {
    let sink = SmtpSink::start();
    let daemon = start(&sink);
    let fields = [("name", "Anne"), ("email", ANNE), ("message", "x"), ("terms", "yes"), ("news", "0")];
    post(&daemon, &fields, &[]);
    settled(&daemon, 1);
    let given: Vec<(Value, Value)> =
        consents(&daemon).iter().map(|c| (c["purpose"].clone(), c["given"].clone())).collect();
    assert_eq!(given, [("processing".into(), true.into()), ("newsletter".into(), false.into())]);
    assert!(sink.mails().is_empty());
}

#[test]
fn a_refusal_in_words_is_kept_as_one_and_asks_for_nothing() {
    let sink = SmtpSink::start();
    let daemon = start(&sink);
    let refusals = [
        "I do not agree",
        "No, thanks",
        "disagree",
        "Non merci",
        "Je n'accepte pas",
        "Ne, děkuji",
        "Nesouhlasím",
        "خیر، ممنون",
        "موافق نیستم",
    ];
    for (n, refusal) in refusals.iter().enumerate() {
        let (email, message) = (format!("anne@firma-{n}.cz"), format!("message {n}"));
        post(&daemon, &[("name", "Anne"), ("email", &email), ("message", &message), ("news", refusal)], &[]);
    }
    settled(&daemon, i64::try_from(refusals.len()).unwrap());
    // Two workers decide: what came later may be decided first.
    let kept: BTreeSet<String> = column(&daemon, "SELECT value || ': ' || given FROM consent").into_iter().collect();
    assert_eq!(kept, refusals.iter().map(|refusal| format!("{refusal}: 0")).collect());
    assert!(sink.mails().is_empty() && column(&daemon, "SELECT kind FROM effect").is_empty());
    let own = FORM.replace("version = \"2026-01\"\n", "version = \"2026-01\"\nyes = [\"Sign me up\"]\n");
    let daemon = setup(&sink, &own, "").start();
    post(&daemon, &[("name", "Anne"), ("email", ANNE), ("message", "x"), ("news", "sign me up")], &[]);
    settled(&daemon, 1);
    assert_eq!(sink.mails().len(), 1, "a word of the house's own");
}

#[test]
fn opening_the_link_confirms_nothing_and_the_button_confirms_once() {
    let sink = SmtpSink::start();
    let daemon = start(&sink);
    let id = sign_up(&daemon, ANNE, "x");
    settled(&daemon, 1);
    let mail = &sink.mails()[0];
    let (subject, text) = words(mail);
    assert_eq!((mail.from.as_str(), subject.as_str()), ("", "Our Company: please confirm your address"));
    assert!(text.contains("  Send me your letter\n") && !text.contains("You may keep my data"), "{text}");
    assert_eq!(header(mail, "Auto-Submitted").as_deref(), Some("auto-replied"));
    let path = link(mail, "/c/");
    let token = path.trim_start_matches("/c/").split('?').next().unwrap();
    assert_eq!(token.len(), 32, "128 bits: {token}");
    let kept = column(&daemon, "SELECT hash || effect || arrival || purposes FROM visitor_token");
    assert!(kept.iter().all(|row| !row.contains(token)), "only its hash is kept");
    for method in ["GET", "HEAD", "OPTIONS", "GET"] {
        let answer = ask(&daemon, method, &path);
        let expected = if method == "OPTIONS" { 204 } else { 200 };
        assert_eq!(answer.status, expected, "{method}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
        assert!(answer.header("set-cookie").is_none());
    }
    assert_eq!(ask(&daemon, "PUT", &path).status, 405);
    assert_eq!(confirmations(&daemon), [""; 0], "scanners open links");
    let page = ask(&daemon, "GET", &path);
    assert!(page.text().contains("<form") && page.text().contains("method=\"post\""), "{}", page.text());
    assert!(!page.text().contains("<script") && !page.text().contains("anne"), "{}", page.text());
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!((page.header("cache-control"), page.header("referrer-policy")), (Some("no-store"), Some("no-referrer")));
    let done = ask(&daemon, "POST", &path);
    assert_eq!(done.status, 200);
    assert!(done.text().contains("Thank you, it is confirmed"), "{}", done.text());
    let first = consents(&daemon);
    let again = ask(&daemon, "POST", &path);
    assert_eq!((again.status, again.text()), (done.status, done.text()), "the second time shows the same");
    assert_eq!(confirmations(&daemon), ["newsletter"], "opt-in is per purpose");
    assert_eq!(consents(&daemon), first, "and changes nothing");
    let letter = first.iter().find(|c| c["purpose"] == "newsletter").unwrap();
    assert!(letter["confirmed_at"].is_string() && letter["evidence"] == *id, "{letter}");
    assert_eq!(letter["confirmed_ip"], "198.51.100.9");
    assert_eq!(letter["confirmed_page"], "https://forms.our-company.example/c/");
    // The address is confirmed for the purpose: nobody is asked again.
    sign_up(&daemon, ANNE, "another message");
    settled(&daemon, 2);
    assert_eq!(column(&daemon, "SELECT kind FROM effect"), ["opt_in"]);
}

#[test]
fn a_link_that_ended_and_one_that_never_was_look_the_same() {
    let sink = SmtpSink::start();
    let daemon = start(&sink);
    sign_up(&daemon, ANNE, "x");
    settled(&daemon, 1);
    let (path, leave) = (link(&sink.mails()[0], "/c/"), link(&sink.mails()[0], "/u/"));
    assert_eq!(column(&daemon, "UPDATE visitor_token SET expires_at = 1 RETURNING hash").len(), 2);
    let ended = ask(&daemon, "POST", &path);
    assert_eq!(ended.status, 404);
    let strange = ["/c/0123456789abcdef0123456789abcdef", "/c/x", "/c/%ff", "/c/..%2f", "/c/'%20or%201=1--"];
    for unknown in strange {
        let answer = ask(&daemon, "POST", &format!("{unknown}?lang=en"));
        let body = answer.text();
        assert_eq!(answer.status, 404, "{unknown}");
        assert_eq!(body, ended.text(), "{unknown}");
        assert!(!body.contains("anne") && !body.contains("dupont"), "{body}");
        assert_eq!(ask(&daemon, "GET", unknown).status, 200, "opening tells nothing either");
    }
    let other = path.replace("/c/", "/u/");
    assert_eq!(ask(&daemon, "POST", &other).status, 404, "a link does only what it is for");
    assert_eq!(ask(&daemon, "POST", &leave).status, 404);
    assert_eq!(confirmations(&daemon), [""; 0]);
    assert_eq!(column(&daemon, "SELECT address FROM suppression"), [""; 0]);
}

#[test]
fn the_pages_speak_four_languages() {
    let sink = SmtpSink::start();
    let daemon = start(&sink);
    let any = "/c/0123456789abcdef0123456789abcdef";
    for (language, word, dir) in
        [("fr", "Confirmez", "ltr"), ("en", "Confirm", "ltr"), ("cs", "Potvrďte", "ltr"), ("fa", "تأیید", "rtl")]
    {
        let page = ask(&daemon, "GET", &format!("{any}?lang={language}")).text();
        assert!(page.contains(word) && page.contains(&format!("lang=\"{language}\" dir=\"{dir}\"")), "{page}");
        let leave = ask(&daemon, "GET", &format!("{any}?lang={language}").replace("/c/", "/u/")).text();
        assert!(leave.contains("<button>") && leave != page);
    }
}

#[test]
fn a_submission_waits_for_its_confirmation_and_becomes_a_record_by_it() {
    let sink = SmtpSink::start();
    let daemon = waiting(&sink);
    let id = sign_up(&daemon, ANNE, "x");
    settled(&daemon, 1);
    assert_eq!(column(&daemon, "SELECT reason FROM arrival WHERE state = 'quarantined'"), ["awaiting_confirmation"]);
    assert!(column(&daemon, "SELECT ulid FROM entity").is_empty());
    let explained = daemon.setup().run(&["explain", &id]);
    let explained = String::from_utf8_lossy(&explained.stdout).into_owned();
    assert!(explained.contains("awaiting_confirmation"), "{explained}");
    assert_eq!(ask(&daemon, "POST", &link(&sink.mails()[0], "/c/")).status, 200);
    wait::until("it is a lead", wait::LONG, || column(&daemon, "SELECT ulid FROM entity").len() == 1);
    settled(&daemon, 1);
    assert_eq!(shown(&daemon, &id)["state"], "decided");
    let letter = consents(&daemon).into_iter().find(|c| c["purpose"] == "newsletter").unwrap();
    assert!(letter["confirmed_at"].is_string() && letter["evidence"] == *id, "{letter}");
    assert_eq!(sink.mails().len(), 1, "nothing is asked twice");
    // Who ticks nothing to be confirmed does not wait.
    post(&daemon, &[("name", "Paul"), ("email", "paul@atelier-dupont.fr"), ("message", "y")], &[]);
    wait::until("he is a lead", wait::LONG, || column(&daemon, "SELECT ulid FROM entity").len() == 2);
}

#[test]
fn an_operator_may_release_what_nobody_confirms() {
    let sink = SmtpSink::start();
    let daemon = waiting(&sink);
    let id = sign_up(&daemon, ANNE, "x");
    settled(&daemon, 1);
    assert!(daemon.setup().run(&["submissions", "release", &id]).status.success());
    wait::until("it is a lead", wait::LONG, || column(&daemon, "SELECT ulid FROM entity").len() == 1);
    settled(&daemon, 1);
    assert_eq!(sink.mails().len(), 1, "and nobody is asked again");
    assert!(consents(&daemon).iter().all(|c| c["confirmed_at"].is_null()));
}

#[test]
fn the_thanks_wait_for_the_confirmation() {
    let sink = SmtpSink::start();
    let form = format!("{FORM}create_before_confirm = false\n[form.acknowledgement]\nenabled = true\n");
    let daemon = setup(&sink, &form, "").start();
    sign_up(&daemon, ANNE, "x");
    settled(&daemon, 1);
    assert_eq!(column(&daemon, "SELECT kind FROM effect"), ["opt_in"], "the address is confirmed first");
    assert_eq!(ask(&daemon, "POST", &link(&sink.mails()[0], "/c/")).status, 200);
    wait::until("both mails are sent", wait::LONG, || sink.mails().len() == 2);
    settled(&daemon, 1);
    assert_eq!(column(&daemon, "SELECT kind FROM effect ORDER BY id"), ["opt_in", "acknowledge"]);
}

#[test]
fn one_click_ends_all_mail_to_an_address() {
    let sink = SmtpSink::start();
    let form = format!("{FORM}skip_confirmed = false\n[form.acknowledgement]\nenabled = true\n");
    let daemon = setup(&sink, &form, "[delivery.visitor_mail]\nper_recipient_per_day = 9\n").start();
    sign_up(&daemon, ANNE, "x");
    settled(&daemon, 1);
    let mail = &sink.mails()[0];
    assert_eq!(ask(&daemon, "POST", &link(mail, "/c/")).status, 200);
    let leave = link(mail, "/u/");
    assert!(header(mail, "List-Unsubscribe").unwrap().contains(leave.split('?').next().unwrap()));
    for method in ["GET", "HEAD", "OPTIONS"] {
        assert!(ask(&daemon, method, &leave).status < 300);
    }
    assert_eq!(column(&daemon, "SELECT address FROM suppression"), [""; 0], "opening ends nothing");
    let click =
        daemon.public().post(&leave, "application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click").unwrap();
    assert_eq!(click.status, 200, "{}", click.text());
    assert_eq!(ask(&daemon, "POST", &leave).status, 200, "twice is once");
    assert_eq!(column(&daemon, "SELECT address FROM suppression"), [ANNE]);
    assert_eq!(column(&daemon, "SELECT unsubscribed || '' FROM lead"), ["1"]);
    assert!(consents(&daemon).iter().any(|c| c["withdrawn_at"].is_string()), "the confirmation is withdrawn");
    sign_up(&daemon, ANNE, "asks once more");
    // Two at once would be decided in any order.
    settled(&daemon, 2);
    post(&daemon, &[("name", "Anne"), ("email", ANNE), ("message", "without a box")], &[]);
    settled(&daemon, 3);
    assert_eq!(sink.mails().len(), 1);
    let why = column(&daemon, "SELECT kind || ': ' || withheld FROM effect WHERE withheld IS NOT NULL ORDER BY id");
    assert_eq!(
        why,
        ["opt_in: the address asked not to be written to", "acknowledge: the address asked not to be written to"]
    );
}

#[test]
fn consent_in_the_shape_of_another_service_is_understood() {
    let sink = SmtpSink::start();
    let daemon = start(&sink);
    let body = serde_json::json!({
        "name": "Anne Dupont", "email": ANNE, "message": "x",
        "legalConsentOptions": { "consent": {
            "consentToProcess": true, "text": "I agree to be stored.",
            "communications": [
                { "value": true, "subscriptionTypeId": 999, "text": "Marketing mails." },
                { "value": false, "subscriptionTypeId": 777, "text": "Calls." },
            ],
        } },
    });
    let answer = daemon.public().post("/f/contact", "application/json", body.to_string().as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    settled(&daemon, 1);
    let kept = consents(&daemon);
    let short: Vec<(&str, bool, &str)> = kept
        .iter()
        .map(|c| (c["purpose"].as_str().unwrap(), c["given"] == true, c["text"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(
        short,
        [
            ("process", true, "I agree to be stored."),
            ("communications:999", true, "Marketing mails."),
            ("communications:777", false, "Calls."),
        ]
    );
    let lead = column(&daemon, "SELECT message FROM lead");
    assert_eq!(lead, ["x"], "no part of it is taken for the message");
}

#[test]
fn a_form_keeps_no_more_of_a_visitor_than_it_is_told() {
    let sink = SmtpSink::start();
    for (privacy, kept) in [("truncate", Some("198.51.100.0")), ("drop", None), ("hash", Some("hash:"))] {
        let form = format!("{FORM}[form.privacy]\nclient_ip = \"{privacy}\"\nhash_key_env = \"TEST_IP_KEY\"\n");
        let daemon = setup(&sink, &form, "").env("TEST_IP_KEY", "sixteen characters at least").start();
        let id = sign_up(&daemon, &format!("anne@{privacy}-dupont.fr"), "x");
        settled(&daemon, 1);
        let context = shown(&daemon, &id)["context"].clone();
        let consent = consents(&daemon)[0]["client_ip"].clone();
        match kept {
            Some(start) => assert!(context["client_ip"].as_str().unwrap().starts_with(start), "{context}"),
            None => assert!(context["client_ip"].is_null(), "{context}"),
        }
        assert_eq!(consent, context["client_ip"], "the evidence holds no more");
        let everything = column(&daemon, "SELECT context FROM arrival").concat();
        assert!(!everything.contains("198.51.100.7"), "{everything}");
        assert!(!daemon.stderr().contains("198.51.100.7") && !daemon.stderr().contains("dupont.fr"), "nor do logs");
    }
}

#[test]
fn an_operators_test_waits_for_nobodys_confirmation() {
    let sink = SmtpSink::start();
    let declared = "[[form]]\nid = \"letter\"\nfield = [{ name = \"email\", type = \"email\" }, { name = \"news\" }]\n";
    let letter = format!("{declared}{}", FORM.trim_start());
    let daemon = setup(&sink, "", &format!("{letter}create_before_confirm = false\n")).start();
    let output = daemon.setup().run(&["forms", "test", "letter"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(column(&daemon, "SELECT kind FROM effect"), Vec::<String>::new(), "and nobody is written to");
}

#[test]
fn bytes_go_after_their_days_and_the_lead_stays() {
    let sink = SmtpSink::start();
    let form = format!("{FORM}create_before_confirm = true\n[form.privacy]\nretention_days = 30\n");
    let mut daemon = setup(&sink, &form, "").start();
    let old = sign_up(&daemon, ANNE, "an old message");
    sign_up(&daemon, "jan@dilna.cz", "a new message");
    settled(&daemon, 2);
    daemon.stop_cleanly();
    let age = "UPDATE arrival SET received_at = received_at - 31 * 86400000000 WHERE id = (SELECT min(id) FROM arrival) \
               RETURNING state";
    assert_eq!(column(&daemon, age), ["decided"]);
    daemon.restart();
    wait::until("the old bytes are gone", wait::LONG, || shown(&daemon, &old)["raw_kept"] == false);
    let kept = column(&daemon, "SELECT CAST(count(*) AS TEXT) FROM arrival_raw");
    assert_eq!(kept, ["1"], "the new ones stay");
    assert_eq!(column(&daemon, "SELECT ulid FROM entity WHERE kind = 'lead'").len(), 2);
    let why = daemon.setup().run(&["explain", &old]);
    assert!(why.status.code() == Some(1) && String::from_utf8_lossy(&why.stdout).contains("purged"));
}
