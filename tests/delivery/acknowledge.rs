//! The acknowledgement to the visitor, on the built daemon with an SMTP server of the test.

use std::collections::BTreeSet;

use pisteur::domain::reading::{ReadSettings, read};
use pisteur::domain::submission::MailClass;

use crate::reading::generated::arrivals::mail;
use crate::support::daemon::Daemon;
use crate::support::smtp::SmtpSink;
use crate::support::visitors::{column, header, header_names, link, post, settled, setup, shown, words};
use crate::support::wait;

/// What a browser says of itself.
const BROWSER: [(&str, &str); 2] =
    [("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0"), ("accept-language", "fr")];

const ON: &str = "title = \"Contact\"\n[form.acknowledgement]\nenabled = true\n";

fn start(sink: &SmtpSink) -> Daemon {
    setup(sink, ON, "").start()
}

fn withheld(daemon: &Daemon) -> Vec<String> {
    column(daemon, "SELECT withheld FROM effect WHERE withheld IS NOT NULL ORDER BY id")
}

/// Why no effect was planned, by the trace of the decision.
fn unplanned(daemon: &Daemon, id: &str) -> String {
    let shown = shown(daemon, id);
    assert_eq!(shown["deliveries"], serde_json::json!([]), "{shown}");
    shown["decisions"][0]["trace"]["visitor_mail"]["acknowledge"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn s51_a_hundred_posts_from_many_places_for_one_mailbox_send_one_mail() {
    let sink = SmtpSink::start();
    let daemon = start(&sink);
    for n in 0..100 {
        let (place, message) = (format!("198.51.100.{n}"), format!("message {n}"));
        // The same mailbox in the spellings its provider takes for one.
        let email = if n % 2 == 0 { "jana.novakova@gmail.com" } else { "JanaNovakova+x@gmail.com" };
        let fields = [("name", "Jana Nováková"), ("email", email), ("message", message.as_str())];
        post(&daemon, &fields, &[("x-forwarded-for", place.as_str())]);
    }
    settled(&daemon, 100);
    assert_eq!(sink.mails().len(), 1, "one mail for a hundred posts");
    let why = withheld(&daemon);
    assert_eq!(why.len(), 99);
    assert!(why.iter().all(|w| w == "the recipient had such a mail within 24 hours"), "{why:?}");
    let metrics = daemon.operator().get("/metrics").unwrap().text();
    let count = |outcome: &str| {
        let line = metrics.lines().find(|l| l.contains("kind=\"acknowledge\"") && l.contains(outcome)).unwrap();
        line.rsplit(' ').next().unwrap().to_owned()
    };
    assert_eq!((count("outcome=\"delivered\""), count("outcome=\"withheld\"")), ("1".to_owned(), "99".to_owned()));
}

#[test]
fn s51_tags_of_one_mailbox_at_any_domain_count_as_one_and_leave_as_one() {
    let sink = SmtpSink::start();
    let daemon = setup(&sink, ON, "[delivery.visitor_mail]\nper_domain_per_hour = 1000\n").start();
    for n in 0..50 {
        let (place, message) = (format!("198.51.100.{n}"), format!("message {n}"));
        let email = format!("victim+{n}@firma.cz");
        let fields = [("name", "Jana Nováková"), ("email", email.as_str()), ("message", message.as_str())];
        post(&daemon, &fields, &[("x-forwarded-for", place.as_str())]);
    }
    settled(&daemon, 50);
    assert_eq!(sink.mails().len(), 1, "one mail for fifty tags");
    let why = withheld(&daemon);
    assert!(why.len() == 49 && why.iter().all(|w| w.contains("within 24 hours")), "{why:?}");
    let contacts = column(&daemon, "SELECT DISTINCT normalised FROM contact_point WHERE class = 'email'");
    assert_eq!(contacts.len(), 50, "who they are is another question");
    // One way out ends it for every tag.
    let tagged = sink.mails()[0].to[0].clone();
    assert_eq!(daemon.public().post(&link(&sink.mails()[0], "/u/"), "text/plain", b"").unwrap().status, 200);
    let mut kept = column(&daemon, "SELECT address FROM suppression");
    kept.sort_by_key(String::len);
    assert_eq!(kept, ["victim@firma.cz", tagged.as_str()]);
    assert_eq!(column(&daemon, "UPDATE visitor_mail SET at = 1 RETURNING kind").len(), 1, "the day is over");
    for email in ["victim+other@firma.cz", "victim@firma.cz"] {
        post(&daemon, &[("name", "Jana"), ("email", email), ("message", email)], &[]);
    }
    settled(&daemon, 52);
    assert_eq!(sink.mails().len(), 1);
    let why = withheld(&daemon);
    assert_eq!(why.iter().filter(|w| w.contains("asked not to be written to")).count(), 2, "{why:?}");
}

#[test]
fn s51_nobody_is_thanked_by_mail_unless_a_form_asks_for_it() {
    let sink = SmtpSink::start();
    let daemon = setup(&sink, "title = \"Contact\"\n", "").start();
    let fields = [("name", "Anne Dupont"), ("email", "anne@atelier-dupont.fr"), ("message", "Bonjour")];
    let id = post(&daemon, &fields, &BROWSER);
    settled(&daemon, 1);
    assert_eq!(shown(&daemon, &id)["state"], "decided");
    assert_eq!(column(&daemon, "SELECT kind FROM effect"), [""; 0], "nothing is planned");
    assert!(sink.mails().is_empty());
}

#[test]
fn the_clicks_of_many_people_from_one_mail_provider_all_count_and_guesses_do_not() {
    let sink = SmtpSink::start();
    let daemon = setup(&sink, ON, "")
        .env("PISTEUR__LIMITS__PER_CLIENT_PER_MINUTE", "30")
        .env("PISTEUR__LIMITS__PER_CLIENT_AND_FORM_PER_MINUTE", "5")
        .env("PISTEUR__LIMITS__CHALLENGES_PER_MINUTE", "9")
        .start();
    for n in 0..15 {
        let (place, email) = (format!("198.51.100.{n}"), format!("anne@firma-{n}.cz"));
        let fields = [("name", "Anne"), ("email", email.as_str()), ("message", email.as_str())];
        post(&daemon, &fields, &[("x-forwarded-for", place.as_str())]);
    }
    settled(&daemon, 15);
    let links: Vec<String> = sink.mails().iter().map(|mail| link(mail, "/u/")).collect();
    let click = |place: &str, path: &str| {
        let head = [("content-type", "application/x-www-form-urlencoded"), ("x-forwarded-for", place)];
        daemon.public().request("POST", path, &head, b"List-Unsubscribe=One-Click").unwrap().status
    };
    let guess = "/u/0123456789abcdef0123456789abcdef";
    let clicked: Vec<u16> = links[..12].iter().map(|path| click("203.0.113.1", path)).collect();
    assert_eq!(clicked, [200; 12], "seven more than the rate");
    assert_eq!(column(&daemon, "SELECT address FROM suppression").len(), 12);
    assert_eq!((click("203.0.113.1", guess), click("203.0.113.1", "/u/x")), (429, 429));
    assert_eq!(click("203.0.113.1", &links[12]), 200, "a guess takes nothing from anybody but its place in the bound");
    assert_eq!(click("203.0.113.1", &links[13]), 429, "which ends");
    let guesses: Vec<u16> = (0..7).map(|_| click("203.0.113.2", guess)).collect();
    assert_eq!(guesses, [404, 404, 404, 404, 404, 429, 429]);
    assert_eq!(click("203.0.113.3", &links[13]), 200);
}

#[test]
fn the_mail_says_it_is_a_machine_and_gives_a_way_out() {
    let sink = SmtpSink::start();
    let daemon = start(&sink);
    let fields = [("name", "Anne Dupont"), ("email", "anne@atelier-dupont.fr"), ("message", "Bonjour, un devis ?")];
    let id = post(&daemon, &fields, &[("accept-language", "fr")]);
    settled(&daemon, 1);
    let mail = &sink.mails()[0];
    assert_eq!((mail.from.as_str(), mail.to.as_slice()), ("", &["anne@atelier-dupont.fr".to_owned()][..]));
    let head = |name: &str| header(mail, name).unwrap_or_else(|| panic!("no {name} in {}", mail.text()));
    assert_eq!(head("To"), "anne@atelier-dupont.fr");
    assert_eq!(head("From"), "\"Our Company\" <crm@our-company.example>");
    assert_eq!((head("Auto-Submitted").as_str(), head("X-Auto-Response-Suppress").as_str()), ("auto-replied", "All"));
    let effect = head("X-Pisteur-Notification");
    assert_eq!(head("Message-ID"), format!("<{effect}.acknowledge@our-company.example>"));
    let leave = head("List-Unsubscribe");
    assert!(leave.starts_with("<https://forms.our-company.example/u/"), "{leave}");
    assert!(leave.ends_with("<mailto:crm@our-company.example?subject=unsubscribe>"), "{leave}");
    assert_eq!(head("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    let (subject, text) = words(mail);
    assert_eq!(subject, "Our Company : nous avons bien reçu votre message");
    assert!(text.contains("Bonjour Anne Dupont,") && text.contains(&id) && !text.contains("devis"), "{text}");
    let delivery = &shown(&daemon, &id)["deliveries"][0];
    assert_eq!((delivery["kind"].as_str(), delivery["state"].as_str()), (Some("acknowledge"), Some("delivered")));
}

#[test]
fn header_injection_through_any_field_adds_no_header_and_no_recipient() {
    let sink = SmtpSink::start();
    let daemon = setup(&sink, ON, "[delivery.visitor_mail]\nper_domain_per_hour = 1000\n").start();
    let corpus = [
        "Eve\r\nBcc: all@victims.cz",
        "Eve\nBcc: all@victims.cz",
        "Eve\rBcc: all@victims.cz",
        "Eve%0aBcc: all@victims.cz",
        "Eve%0d%0aBcc: all@victims.cz",
        "=?utf-8?q?Eve=0D=0ABcc:_all@victims.cz?=",
        "=?utf-8?B?RXZlDQpCY2M6IGFsbEB2aWN0aW1zLmN6?=",
        "Eve\r\n Bcc: all@victims.cz",
        "Eve\r\n\tBcc: all@victims.cz",
        "Eve\0Bcc: all@victims.cz",
        "Eve\u{2028}Bcc: all@victims.cz",
        "Eve\u{2029}Bcc: all@victims.cz",
        "Eve\u{85}Bcc: all@victims.cz",
        "Eve\u{b}Bcc: all@victims.cz",
        "Eve\r\n\r\n<a href=http://x>",
        "http://x",
        "\"Eve\" <all@victims.cz>",
    ];
    for (n, evil) in corpus.iter().enumerate() {
        let (email, body) = (format!("eve{n}@firma-{n}.cz"), format!("m{n} {evil}"));
        let evil_address = format!("eve{n}@firma-{n}.cz{evil}");
        post(&daemon, &[("name", evil), ("email", &email), ("subject", evil), ("message", &body)], &[]);
        post(&daemon, &[("name", "Eve"), ("_replyto", &evil_address), ("message", &format!("r{body}"))], &[]);
        // What is no address is refused (422) and kept; what has one in it is taken.
        let answer = daemon.public().post_form_with(
            "/f/contact",
            &[("name", "Eve"), ("email", &evil_address), ("company", evil), ("message", &format!("e{body}"))],
            &[],
        );
        assert!(matches!(answer.expect("an answer").status, 200 | 422), "{evil:?}");
    }
    settled(&daemon, 3 * i64::try_from(corpus.len()).unwrap());
    let mails = sink.mails();
    assert!(mails.len() >= corpus.len(), "the plain addresses had theirs: {}", mails.len());
    let expected: BTreeSet<&str> = [
        "From",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "X-Auto-Response-Suppress",
        "X-Pisteur-Notification",
        "To",
        "Subject",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    ]
    .into();
    for mail in &mails {
        let names = header_names(mail);
        assert_eq!(names.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected, "{}", mail.text());
        assert_eq!(names.len(), expected.len(), "each once: {names:?}");
        assert_eq!(mail.to.len(), 1, "{:?}", mail.to);
        assert!(!mail.to[0].contains("victims"), "{:?}", mail.to);
        let (subject, text) = words(mail);
        let said = format!("{subject}{text}");
        assert!(!said.contains("victims") && !said.contains("http://"), "{said}");
        let plain = text.starts_with("Hello,\n") || text.starts_with("Hello Eve,\n");
        assert!(plain || text.starts_with("Bonjour") || text.starts_with("Dobrý"), "{text}");
    }
}

#[test]
fn our_own_acknowledgement_come_back_is_known_as_ours_and_never_answered() {
    let sink = SmtpSink::start();
    let daemon = start(&sink);
    post(&daemon, &[("name", "Anne"), ("email", "anne@atelier-dupont.fr"), ("message", "Bonjour")], &[]);
    settled(&daemon, 1);
    let raw = sink.mails()[0].data.clone();
    let envelope = mail(raw.clone());
    let ours = ReadSettings { own_addresses: vec!["crm@our-company.example".to_owned()], ..ReadSettings::default() };
    assert_eq!(read(&envelope, &ours).class, Some(MailClass::OwnMessage));
    // The same through the daemon's own door for files: parked, and nothing leaves because of it.
    drop_in(&daemon, "back.eml", &raw);
    wait::until("it was taken in", wait::LONG, || column(&daemon, "SELECT id || '' FROM arrival").len() == 2);
    settled(&daemon, 2);
    assert_eq!(column(&daemon, "SELECT class FROM arrival WHERE class IS NOT NULL"), ["own_message"]);
    assert_eq!(column(&daemon, "SELECT reason FROM arrival WHERE state = 'parked'"), ["own_message"]);
    assert_eq!(sink.mails().len(), 1);
}

/// Puts a mail into the folder the daemon takes files from.
fn drop_in(daemon: &Daemon, name: &str, raw: &[u8]) {
    std::fs::create_dir_all(daemon.path("var/inbox")).expect("a folder");
    std::fs::write(daemon.path(name), raw).expect("written");
    std::fs::rename(daemon.path(name), daemon.path("var/inbox").join(name)).expect("moved");
}

#[test]
fn unsubscribing_by_mail_counts_although_the_provider_adds_a_text() {
    let sink = SmtpSink::start();
    let daemon = start(&sink);
    for (n, (to, subject)) in [
        ("crm@our-company.example", "unsubscribe"),
        ("crm@our-company.example", "Désabonner"),
        ("crm+unsubscribe@our-company.example", "List"),
        ("crm@our-company.example", "How do I unsubscribe?"),
    ]
    .into_iter()
    .enumerate()
    {
        let raw = format!(
            "From: Anne <anne@firma-{n}.cz>\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <u{n}@firma-{n}.cz>\r\n\
             Date: Fri, 20 Nov 2026 10:00:00 +0100\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
             This request was sent by the mail service on behalf of its user, who pressed the button in the list.\r\n"
        );
        drop_in(&daemon, &format!("{n}.eml"), raw.as_bytes());
    }
    settled(&daemon, 4);
    let mut left = column(&daemon, "SELECT address FROM suppression");
    left.sort();
    assert_eq!(left, ["anne@firma-0.cz", "anne@firma-1.cz", "anne@firma-2.cz"]);
}

#[test]
fn nobody_is_thanked_who_may_not_have_asked() {
    let sink = SmtpSink::start();
    let daemon = start(&sink);
    for (n, (email, why)) in [
        ("info@atelier-dupont.fr", "withheld: role_address"),
        ("noreply@atelier-dupont.fr", "withheld: role_address"),
        ("anne@our-company.example", "withheld: own_address"),
        ("anne@example.com", "withheld: reserved_address"),
        ("anne@mailinator.com", "withheld: disposable_address"),
        ("", "withheld: no_address"),
    ]
    .into_iter()
    .enumerate()
    {
        let message = format!("message {n}");
        let id = post(
            &daemon,
            &[("name", "Anne"), ("email", email), ("phone", "0612345678"), ("message", &message)],
            &BROWSER,
        );
        settled(&daemon, i64::try_from(n).unwrap() + 1);
        assert_eq!(unplanned(&daemon, &id), why, "{email}");
    }
    assert!(sink.mails().is_empty());
}

#[test]
fn a_repeat_is_not_thanked_again_and_a_release_from_quarantine_is_not_thanked_at_all() {
    let sink = SmtpSink::start();
    let daemon = setup(&sink, &format!("allowed_origins = [\"https://www.our-company.example\"]\n{ON}"), "").start();
    let fields = [("name", "Anne"), ("email", "anne@atelier-dupont.fr"), ("message", "Bonjour")];
    let first = post(&daemon, &fields, &[]);
    assert_eq!(post(&daemon, &fields, &[]), first, "a double click");
    settled(&daemon, 2);
    assert_eq!(sink.mails().len(), 1);
    let foreign = [("name", "Paul"), ("email", "paul@atelier-dupont.fr"), ("message", "Bonjour")];
    let answer = daemon.public().post_form_with("/f/contact", &foreign, &[("origin", "https://elsewhere.example")]);
    assert_eq!(answer.unwrap().status, 403);
    let held = column(&daemon, "SELECT ulid FROM arrival WHERE state = 'quarantined'");
    assert!(daemon.setup().run(&["submissions", "release", &held[0]]).status.success());
    settled(&daemon, 3);
    assert_eq!(unplanned(&daemon, &held[0]), "withheld: released");
    assert_eq!(sink.mails().len(), 1);
}

#[test]
fn a_mail_is_called_sent_only_when_the_server_took_it() {
    let sink = SmtpSink::start();
    let daemon = start(&sink);
    sink.refuse(Some("451 4.3.0 later"));
    let fields = [("name", "Anne"), ("email", "anne@atelier-dupont.fr"), ("message", "Bonjour")];
    let id = post(&daemon, &fields, &[]);
    let state = || shown(&daemon, &id)["deliveries"][0].clone();
    wait::until("it failed once", wait::LONG, || state()["error"].is_string());
    assert_eq!(state()["state"], "waiting", "{}", state());
    sink.refuse(None);
    wait::until("it is sent", wait::LONG, || state()["state"] == "delivered");
    assert_eq!(sink.mails().len(), 1);
    sink.refuse(Some("550 5.1.1 nobody here"));
    let other = post(&daemon, &[("name", "Paul"), ("email", "paul@atelier-dupont.fr"), ("message", "Bonjour")], &[]);
    wait::until("it is a dead letter", wait::LONG, || shown(&daemon, &other)["deliveries"][0]["state"] == "dead");
}

#[test]
fn bounds_of_a_domain_and_of_the_hour_hold_over_a_restart() {
    let sink = SmtpSink::start();
    let bounds = "[delivery.visitor_mail]\nper_domain_per_hour = 2\nper_hour = 3\n";
    let mut daemon = setup(&sink, ON, bounds).start();
    let mut n = 0;
    let mut write = |daemon: &Daemon, email: &str| {
        n += 1;
        post(daemon, &[("name", "Anne"), ("email", email), ("message", &format!("message {n}"))], &[]);
        settled(daemon, n);
    };
    write(&daemon, "a@big-firm.fr");
    write(&daemon, "b@mail.big-firm.fr");
    daemon.kill9();
    daemon.restart();
    write(&daemon, "c@paris.big-firm.fr");
    write(&daemon, "d@other-firm.cz");
    write(&daemon, "e@third-firm.cz");
    let mails: Vec<String> = sink.mails().iter().map(|m| m.to[0].clone()).collect();
    assert_eq!(mails, ["a@big-firm.fr", "b@mail.big-firm.fr", "d@other-firm.cz"]);
    assert_eq!(
        withheld(&daemon),
        ["the recipient's domain had its mails of this hour", "all mails of this hour are sent"]
    );
}

#[test]
fn an_own_template_speaks_with_safe_values_only() {
    let sink = SmtpSink::start();
    let form = format!(
        "{ON}[[form.acknowledgement.template]]\nlanguage = \"de\"\nsubject = \"{{{{ form }}}}: danke\"\n\
         text = \"Guten Tag {{{{ name }}}}, Nummer {{{{ id }}}}\"\n"
    );
    let daemon = setup(&sink, &form, "").start();
    let fields = [("name", "Anna Schmidt"), ("email", "anna@werk.de"), ("message", "x"), ("_language", "de")];
    let id = post(&daemon, &fields, &[]);
    settled(&daemon, 1);
    let (subject, text) = words(&sink.mails()[0]);
    assert_eq!(subject, "Contact: danke");
    assert!(text.starts_with(&format!("Guten Tag Anna Schmidt, Nummer {id}")), "{text}");
    assert!(text.contains("/u/"), "the way out stands below own texts too: {text}");
    let wrong = form.replace("{{ name }}", "{{ message }}");
    let output = setup(&sink, &wrong, "").run(&["check"]);
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success() && said.contains("message is not known here"), "{said}");
}
