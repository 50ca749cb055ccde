//! Mail that was passed on more than once, and messages that come as files.

use pisteur::domain::enquiry::{Enquiry, understand};
use pisteur::domain::reading::{ReadSettings, read};
use pisteur::domain::submission::Submission;

use super::{mail, settings};

fn through(raw: &str) -> (Submission, Enquiry) {
    let settings = ReadSettings { forwarders: vec!["ours.example".to_owned()], ..settings() };
    let envelope = mail(raw.replace('\n', "\r\n").as_bytes());
    let submission = read(&envelope, &settings);
    let enquiry = understand(&submission, &envelope, &settings);
    (submission, enquiry)
}

fn addresses(enquiry: &Enquiry) -> Vec<&str> {
    enquiry.emails.iter().map(|email| email.address.as_str()).collect()
}

const EVA: &str = "From: Eva Malá <eva@mala.cz>\nTo: jan@ours.example\nSubject: Židle\n\
    Date: Thu, 6 Mar 2025 09:00:00 +0100\nContent-Type: text/plain; charset=utf-8\n\nKolik stojí 20 židlí?\n";

fn parts(from: &str, parts: &[&str]) -> String {
    let parts = parts.join("\n--b\n");
    format!(
        "From: {from}\nTo: sales@ours.example\nSubject: Fwd\nMessage-ID: <p@x>\nMIME-Version: 1.0\n\
         Content-Type: multipart/mixed; boundary=b\n\n--b\n{parts}\n--b--\n"
    )
}

fn file(message: &str) -> String {
    format!("Content-Type: message/rfc822\n\n{message}")
}

#[test]
fn what_colleagues_pass_on_to_each_other_is_from_the_customer() {
    let raw = "From: Boss <boss@ours.example>\nTo: sales@ours.example\nSubject: Fwd: Fwd: Židle\nMessage-ID: <f@x>\n\
        Content-Type: text/plain; charset=utf-8\n\nVyřiďte.\n\n---------- Forwarded message ---------\n\
        From: Jan <jan@ours.example>\nDate: Thu, 6 Mar 2025 at 10:00\nSubject: Fwd: Židle\nTo: <boss@ours.example>\n\n\
        Pro tebe.\n\n---------- Forwarded message ---------\nFrom: Eva Malá <eva@mala.cz>\n\
        Date: Thu, 6 Mar 2025 at 09:00\nSubject: Židle\nTo: <jan@ours.example>\n\nKolik stojí 20 židlí?\n";
    let (submission, enquiry) = through(raw);
    assert_eq!(addresses(&enquiry), ["eva@mala.cz"]);
    assert_eq!(enquiry.message, "Kolik stojí 20 židlí?");
    assert!(["Vyřiďte.", "Pro tebe."].iter().all(|words| submission.text.contains(words)), "{}", submission.text);
    let stranger = raw.replace("boss@ours.example>\nTo: sales", "boss@evil.example>\nTo: sales");
    assert_eq!(addresses(&through(&stranger).1), ["boss@evil.example"]);
    let attached = parts(
        "Boss <boss@ours.example>",
        &[&file(&parts("Jan <jan@ours.example>", &[&file(EVA)]).replace("=b", "=c").replace("--b", "--c"))],
    );
    let (_, enquiry) = through(&attached);
    assert_eq!(addresses(&enquiry), ["eva@mala.cz"]);
    assert_eq!(enquiry.message, "Kolik stojí 20 židlí?");
}

#[test]
fn a_message_without_words_of_its_own_has_those_inside() {
    let alone =
        "From: Petr <petr@velky.cz>\nTo: sales@ours.example\nSubject: Fwd\nMessage-ID: <p@x>\nMIME-Version: 1.0\n";
    let nested = format!("From: A <a@b.cz>\nSubject: x\nContent-Type: message/rfc822\n\n{EVA}");
    for raw in [
        format!("{alone}Content-Type: message/rfc822\n\n{EVA}"),
        parts("Petr <petr@velky.cz>", &[&file(EVA)]),
        parts("Petr <petr@velky.cz>", &[&file(&nested)]),
        format!(
            "{alone}Content-Type: multipart/digest; boundary=b\n\n--b\n\n{EVA}\n--b\n\n{}\n--b--\n",
            EVA.replace("20", "30")
        ),
    ] {
        let (submission, enquiry) = through(&raw);
        assert_eq!(addresses(&enquiry), ["petr@velky.cz"], "{raw}");
        assert!(enquiry.message.contains("Kolik stojí 20 židlí?"), "{raw}: {:?}", enquiry.message);
        assert!(submission.warnings.iter().all(|warning| warning.code != "no_text"), "{raw}");
        assert_eq!(enquiry.message.contains("30 židlí"), raw.contains("digest"));
    }
}

#[test]
fn several_enquiries_that_a_colleague_attaches_wait_for_a_person() {
    let words = "Content-Type: text/plain\n\nThree new ones.";
    let jan = EVA.replace("Eva Malá <eva@mala.cz>", "Jan <jan@novy.cz>");
    let (submission, _) = through(&parts("Anna <anna@ours.example>", &[words, &file(EVA), &file(&jan)]));
    assert!(submission.flags.iter().any(|flag| flag == "too_many_leads"), "{:?}", submission.flags);
    assert!(submission.warnings.iter().any(|warning| warning.code == "several_messages"));
    let (one, enquiry) = through(&parts("Anna <anna@ours.example>", &[words, &file(EVA)]));
    assert!(one.flags.iter().all(|flag| flag != "too_many_leads"));
    assert_eq!(addresses(&enquiry), ["eva@mala.cz"]);
    let (stranger, _) = through(&parts("Petr <petr@velky.cz>", &[words, &file(EVA), &file(&jan)]));
    assert!(stranger.flags.iter().all(|flag| flag != "too_many_leads"));
}
