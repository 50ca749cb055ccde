//! Mails of websites: who they speak for, and whose address they may use.

use pisteur::domain::enquiry::{Enquiry, understand};
use pisteur::domain::reading::{IdentitySource, ReadSettings, read};
use pisteur::domain::submission::{MailClass, Submission};

use super::{mail, settings};
use crate::support::daemon::Setup;

fn notification(from: &str, reply_to: &str, typed: &str) -> Vec<u8> {
    format!(
        "From: {from}\r\nReply-To: {reply_to}\r\nTo: sales@ours.example\r\nSubject: New message from the website\r\n\
         Message-ID: <1@site>\r\n\r\nName: Jan Novák\r\nE-mail: {typed}\r\nPhone: +420 777 123 456\r\nMessage: Dobrý den\r\n"
    )
    .into_bytes()
}

fn understood(raw: &[u8], settings: &ReadSettings) -> (Submission, Enquiry) {
    let envelope = mail(raw);
    let submission = read(&envelope, settings);
    assert_eq!(submission.class, Some(MailClass::FormNotification), "{submission:?}");
    let enquiry = understand(&submission, &envelope, settings);
    (submission, enquiry)
}

fn addresses(enquiry: &Enquiry) -> Vec<&str> {
    enquiry.emails.iter().map(|e| e.address.as_str()).collect()
}

#[test]
fn s44_a_website_that_writes_in_its_visitors_name_is_warned_of() {
    let borrowed = notification("Jan <jan@novak.cz>", "jan@novak.cz", "jan@novak.cz");
    let (submission, enquiry) = understood(&borrowed, &settings());
    let said: Vec<&str> = submission.warnings.iter().map(|w| w.code.as_str()).collect();
    assert!(said.contains(&"from_is_visitor"), "{said:?}");
    assert_eq!(addresses(&enquiry), ["jan@novak.cz"], "and read all the same");
    let proper = notification("Web <web@hosting.cz>", "jan@novak.cz", "jan@novak.cz");
    let (submission, _) = understood(&proper, &settings());
    assert!(submission.warnings.iter().all(|w| w.code != "from_is_visitor"), "{:?}", submission.warnings);
}

#[test]
fn s44_our_own_mails_come_from_our_own_domain_or_doctor_warns() {
    let smtp =
        |from: &str| format!("[delivery.smtp]\nhost = \"127.0.0.1\"\nport = 9\ntls = \"none\"\nfrom = \"{from}\"\n");
    let line = |from: &str| {
        let output = Setup::new().contact_form().tables(&smtp(from)).run(&["doctor", "--json"]);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let checks = report["checks"].as_array().expect("a list").clone();
        checks.into_iter().find(|c| c["name"] == format!("sender {from}")).expect("a line about the sender")
    };
    assert_eq!(line("crm@our-company.example")["level"], "ok");
    assert_eq!(line("crm@mail.our-company.example")["level"], "ok");
    let borrowed = line("somebody@gmail.com");
    assert_eq!(borrowed["level"], "warn", "{borrowed}");
    assert!(borrowed["remedy"].as_str().unwrap().contains("your own domain"), "{borrowed}");
}

#[test]
fn s45_each_mailbox_may_have_its_own_order_of_whom_to_believe() {
    use IdentitySource::{Fields, From, ReplyTo};
    let raw = notification("web@hosting.cz", "office@agency.cz", "jan@novak.cz");
    let with = |order: &[IdentitySource]| {
        let identity = [("sales".to_owned(), order.to_vec())].into();
        understood(&raw, &ReadSettings { identity, ..settings() }).1
    };
    assert_eq!(addresses(&understood(&raw, &settings()).1), ["jan@novak.cz"], "usually what was typed");
    assert_eq!(addresses(&with(&[Fields, From])), ["jan@novak.cz"]);
    assert_eq!(addresses(&with(&[ReplyTo, Fields])), ["office@agency.cz"]);
    assert_eq!(addresses(&with(&[From, Fields])), ["web@hosting.cz"]);
    let own_reply_to = notification("web@hosting.cz", "sales@ours.example", "jan@novak.cz");
    let identity = [("sales".to_owned(), vec![ReplyTo, Fields])].into();
    let (_, enquiry) = understood(&own_reply_to, &ReadSettings { identity, ..settings() });
    assert_eq!(addresses(&enquiry), ["jan@novak.cz"], "our own address is never the visitor's");
    let wrong = Setup::new().contact_form().tables("[reading.identity]\nnowhere = [\"reply_to\"]\n").run(&["check"]);
    let said = format!("{}{}", String::from_utf8_lossy(&wrong.stdout), String::from_utf8_lossy(&wrong.stderr));
    assert!(!wrong.status.success() && said.contains("no mailbox has this id"), "{said}");
}

#[test]
fn s46_the_name_is_the_one_in_the_text_when_reply_to_has_none() {
    let raw = notification("\"Website of the company\" <web@hosting.cz>", "jan@novak.cz", "jan@novak.cz");
    let (_, enquiry) = understood(&raw, &settings());
    assert_eq!(enquiry.person.full_name.as_deref(), Some("Jan Novák"));
    assert_eq!(
        (enquiry.person.first_name.as_deref(), enquiry.person.last_name.as_deref()),
        (Some("Jan"), Some("Novák"))
    );
    assert_eq!(addresses(&enquiry), ["jan@novak.cz"]);
}

/// What a person's mail tells of where they are: telephones, then the address with its country.
#[test]
fn what_people_write_says_where_they_are_and_how_to_reach_them() {
    let settings = settings();
    for (from, body, phones, address) in [
        (
            "Max Huber <max@huber-werkzeuge.com>",
            "Guten Tag,\n\nwir brauchen ein Angebot f\u{fc}r drei Pumpen. Rufen Sie mich bitte unter 0171 1234567 an.\n\n\
             Mit freundlichen Gr\u{fc}\u{df}en\nMax Huber\nHauptstr. 5, 80331 M\u{fc}nchen\nTel. 089 123456\nwww.huber-werkzeuge.com",
            &["+4989123456", "+491711234567"][..],
            Some(("80331", "M\u{fc}nchen", None, "DE")),
        ),
        (
            "John Miller <john@acme-parts.com>",
            "Hello,\n\nplease send us a quote for three pumps.\n\nBest regards\nJohn Miller\nAcme Parts Inc.\n123 Main St\n\
             Springfield, IL 62704\n(217) 555-0143 office\nwww.acme-parts.com",
            &["+12175550143"],
            Some(("62704", "Springfield", Some("IL"), "US")),
        ),
        (
            "Eva Mal\u{e1} <eva@mala.cz>",
            "Dobr\u{fd} den,\n\npros\u{ed}m o nab\u{ed}dku na objedn\u{e1}vku 601 123 456. Volejte pros\u{ed}m na 777 123 456.\n\nEva",
            &["+420777123456"],
            None,
        ),
    ] {
        let raw = format!(
            "From: {from}\nTo: sales@ours.example\nSubject: Pumps\nMessage-ID: <1@x>\nContent-Type: text/plain; charset=utf-8\n\n{body}\n"
        );
        let envelope = mail(raw.replace('\n', "\r\n").as_bytes());
        let enquiry = understand(&read(&envelope, &settings), &envelope, &settings);
        let numbers: Vec<_> = enquiry.phones.iter().filter_map(|phone| phone.e164.as_deref()).collect();
        assert_eq!(numbers, phones, "{from}");
        let found = enquiry.addresses.first().map(|a| {
            (
                a.postcode.as_deref().unwrap(),
                a.city.as_deref().unwrap(),
                a.state.as_deref(),
                a.country.as_deref().unwrap(),
            )
        });
        assert_eq!(found, address, "{from}");
        let place = address.map_or("CZ", |(.., country)| country);
        assert_eq!(enquiry.country.as_deref(), Some(place), "{from}");
    }
}
