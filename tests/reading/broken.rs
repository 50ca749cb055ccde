//! Mail that programs broke on its way, or that says two things at once.

use pisteur::domain::enquiry::{Enquiry, understand};
use pisteur::domain::reading::{ReadSettings, read};
use pisteur::domain::submission::{MailClass, Submission};

use super::decoding::base64;
use super::{mail, settings};

fn through(raw: &str, settings: &ReadSettings) -> (Submission, Enquiry) {
    let envelope = mail(raw.as_bytes());
    let submission = read(&envelope, settings);
    let enquiry = understand(&submission, &envelope, settings);
    (submission, enquiry)
}

fn addresses(enquiry: &Enquiry) -> Vec<&str> {
    enquiry.emails.iter().map(|email| email.address.as_str()).collect()
}

const HEAD: &str = "From: Eva Mala <eva@mala.cz>\nTo: sales@ours.example\nSubject: Chairs\nMessage-ID: <e@x>\n";

#[test]
fn words_behind_encoded_text_are_no_part_of_the_code() {
    let code = base64("Dobrý den, 20 židlí prosím.".as_bytes());
    let coded = "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n";
    for footer in ["Sent via our virus scanner: all fine", "_______\nlist mailing list\nhttp://lists.example/info"] {
        let (_, enquiry) = through(&format!("{HEAD}{coded}{code}\n\n{footer}\n"), &settings());
        assert!(enquiry.message.starts_with("Dobrý den, 20 židlí prosím."), "{footer}: {}", enquiry.message);
        assert!(!enquiry.message.contains(&code), "{footer}");
    }
    let (_, enquiry) = through(&format!("{HEAD}{coded}{code}\n\n"), &settings());
    assert_eq!(enquiry.message, "Dobrý den, 20 židlí prosím.");
}

#[test]
fn lines_that_end_by_cr_alone_and_blanks_before_colons_are_read() {
    let plain = format!("{HEAD}\nHello, 20 chairs please.\n");
    let spaced = plain.replace("From:", "From :").replace("Subject:", "Subject\t :");
    for raw in [plain.replace('\n', "\r"), spaced, plain.clone()] {
        let (submission, enquiry) = through(&raw, &settings());
        assert_eq!(addresses(&enquiry), ["eva@mala.cz"], "{raw:?}");
        assert_eq!(submission.subject.as_deref(), Some("Chairs"), "{raw:?}");
        assert_eq!(enquiry.message, "Hello, 20 chairs please.", "{raw:?}");
    }
}

#[test]
fn of_two_from_neither_is_believed() {
    let settings = ReadSettings {
        authserv_ids: vec!["mx.ours.example".to_owned()],
        form_senders: ["web@known.example".to_owned()].into_iter().collect(),
        ..settings()
    };
    for second in ["Karel <k@victim.example>", "web@known.example"] {
        let raw = format!(
            "Authentication-Results: mx.ours.example; dmarc=pass header.from=mala.cz\n{HEAD}From: {second}\n\n20 chairs\n"
        );
        let (submission, _) = through(&raw, &settings);
        assert!(submission.flags.iter().any(|flag| flag == "unvouched_sender"), "{second}: {:?}", submission.flags);
        assert!(submission.flags.iter().all(|flag| flag != "form_sender"), "{second}");
    }
}

#[test]
fn what_is_quoted_between_answers_asks_for_nothing() {
    for text in ["> unsubscribe here\n\nGreat, I want chairs", "> odhlásit\n\nchci židle", "Unsubscribe | 20 chairs"]
    {
        let (_, enquiry) = through(&format!("{HEAD}In-Reply-To: <o@x>\n\n{text}\n"), &settings());
        assert!(!enquiry.unsubscribe, "{text}");
    }
    assert!(through(&format!("{HEAD}In-Reply-To: <o@x>\n\nunsubscribe\n\n> our news\n"), &settings()).1.unsubscribe);
}

#[test]
fn an_empty_sender_makes_no_report_of_a_letter() {
    let class = |raw: &str| through(&format!("Return-Path: <>\n{raw}"), &settings()).0.class;
    assert_eq!(class(&format!("{HEAD}\nI want 20 chairs, please quote.\n")), Some(MailClass::Person));
    let failed = HEAD.replace("Chairs", "Undelivered Mail Returned to Sender");
    assert_eq!(class(&format!("{failed}\nk@w.example: 550 user unknown\n")), Some(MailClass::Bounce));
}

#[test]
fn marks_that_a_sender_writes_mark_nothing() {
    for mark in ["&#xFDD0;", "&#64976;", "\u{fdd0}"] {
        let html = format!(
            "{HEAD}In-Reply-To: <o@x>\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n\
             <p>Hello</p><p>abc {mark} def</p><p>20 chairs</p>\n"
        );
        let (_, enquiry) = through(&html, &settings());
        assert!(enquiry.message.ends_with("20 chairs"), "{mark}: {:?}", enquiry.message);
    }
}

#[test]
fn cells_against_gaps_show_what_has_a_size_of_its_own() {
    let row = |name: &str, value: &str| {
        let cell = |text: &str| {
            format!(
                "<td style=\"font-size:0px;padding:10px 25px;word-break:break-word;\">\
                 <div style=\"font-family:Arial;font-size:13px\">{text}</div></td>"
            )
        };
        format!("<tr>{}{}</tr>", cell(name), cell(value))
    };
    let rows = row("Name", "Bob Stone") + &row("Email", "bob@stone.com") + &row("Message", "20 chairs please");
    let raw = format!(
        "From: Web <noreply@known.example>\nTo: sales@ours.example\nSubject: New enquiry\nMessage-ID: <e@x>\n\
         MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n\
         <html><body><table>{rows}</table><p>This message was scanned.</p></body></html>\n"
    );
    let (_, enquiry) = through(&raw, &settings());
    assert_eq!(addresses(&enquiry), ["bob@stone.com"]);
    assert!(enquiry.message.starts_with("20 chairs please"), "{}", enquiry.message);
}
