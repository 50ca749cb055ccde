//! Letters that look like forms or like the mail of machines: people write lines, too, and no word of theirs is lost.

use pisteur::domain::enquiry::{Enquiry, understand};
use pisteur::domain::reading::{ReadSettings, read};
use pisteur::domain::rules::Declarations;
use pisteur::domain::rules::facts::{Facts, KnownFacts};
use pisteur::domain::submission::{MailClass, Submission};

use super::{mail, settings};

fn read_by(header: &str, body: &str, settings: &ReadSettings) -> (Submission, Enquiry) {
    let plain = if header.contains("Content-Type") { "" } else { "Content-Type: text/plain; charset=utf-8\n" };
    let raw = format!("{header}\nTo: sales@ours.example\n{plain}\n{body}\n").replace('\n', "\r\n");
    let envelope = mail(raw.as_bytes());
    let submission = read(&envelope, settings);
    let enquiry = understand(&submission, &envelope, settings);
    (submission, enquiry)
}

fn of_eva(body: &str) -> (Submission, Enquiry) {
    read_by("From: Eva Mala <eva@mala.cz>\nSubject: Question", body, &settings())
}

fn class(header: &str, body: &str) -> MailClass {
    read_by(header, body, &settings()).0.class.unwrap()
}

fn addresses(enquiry: &Enquiry) -> Vec<&str> {
    enquiry.emails.iter().map(|e| e.address.as_str()).collect()
}

const KAREL: &str = "Name: Karel Novak\nEmail: karel@victim.example\nPhone: +420 777 123 456";

#[test]
fn a_letter_with_lines_below_it_is_a_persons_and_keeps_its_words() {
    for (body, words) in [
        (
            "Hello, I want 20 chairs for our restaurant in Brno. Can you send a quote?\n\nName: Eva Mala\nEmail: eva@mala.cz\nPhone: +420 777 123 456",
            "I want 20 chairs",
        ),
        (
            "Dobrý den,\nprosím o nabídku na 20 židlí.\n\nJméno: Eva Malá\nTelefon: 777 123 456\nEmail: eva@mala.cz",
            "20 židlí",
        ),
        (
            "Hello, please quote 20 chairs for Brno.\n\nEva Mala\nMobile: +420 777 123 456\nEmail: eva@mala.cz\nCompany: Kovo s.r.o.",
            "please quote 20 chairs",
        ),
        (
            "Hello, please quote 20 chairs for Brno.\n\nRegards\nEva Mala\nCompany: Kovo\nTel: +420 777 123 456\nEmail: eva@mala.cz\nAddress: Nádražní 5\nCity: Brno",
            "please quote 20 chairs",
        ),
        (
            "Hello, please call my boss about 20 chairs.\n\nName: Karel Novak\nEmail: karel@mala.cz\nPhone: +420 777 123 456\n\nEva",
            "call my boss about 20 chairs",
        ),
        (
            "Hello,\n\nplease ship 20 chairs to:\nCompany: Kovo s.r.o.\nAddress: Nádražní 5\nCity: Brno\nPhone: 777 123 456\n\nWhen can you deliver?\nEva",
            "please ship 20 chairs to:",
        ),
        (
            "Please quote 20 chairs.\nName: Eva\nEmail: eva@mala.cz\nPhone: 777123456\nMessage: see above",
            "quote 20 chairs",
        ),
        ("سلام، لطفا قیمت ۲۰ صندلی را بفرستید.\n\nنام: اوا\nایمیل: eva@mala.cz\nتلفن: ۰۹۱۲۳۴۵۶۷۸۹", "۲۰ صندلی"),
    ] {
        let (submission, enquiry) = of_eva(body);
        assert_eq!(submission.class, Some(MailClass::Person), "{body}");
        assert!(enquiry.message.contains(words), "{words} in {}", enquiry.message);
        assert_eq!(addresses(&enquiry).first(), Some(&"eva@mala.cz"), "{body}");
        assert!(submission.warnings.iter().all(|w| w.code != "from_is_visitor"), "{body}");
    }
    let told = of_eva("We sell lamps. Contact:\nName: Eva Mala\nEmail: eva@mala.cz\nMessage: see our lamps").1.message;
    assert!(told.contains("see our lamps"), "a signature holds no message: {told}");
    let html = "From: Eva Mala <eva@mala.cz>\nSubject: Q\nMIME-Version: 1.0\nContent-Type: text/html";
    let lines = "<p>Hello, please quote 20 chairs.</p><p>Name: Eva Mala</p><p>Email: eva@mala.cz</p><p>Phone: +420 777 123 456</p>";
    let (submission, enquiry) = read_by(html, lines, &settings());
    assert_eq!(submission.class, Some(MailClass::Person));
    assert!(enquiry.message.contains("20 chairs"), "{}", enquiry.message);
}

#[test]
fn what_belongs_to_no_field_is_the_message_whoever_sends_the_form() {
    let web = "From: Web <noreply@hosting.cz>\nSubject: New message";
    let text = |body: &str| read_by(web, body, &settings()).1.message;
    let fields = "Name: Jan Novák\nE-mail: jan@novak.cz\n";
    assert_eq!(text(&format!("I want 20 chairs by Friday.\n\n{fields}")), "I want 20 chairs by Friday.");
    let both = text(&format!(
        "We need them by Friday.\n\n{fields}Message: 20 chairs\nPhone: 123456789\n\nCall me after five, please."
    ));
    assert_eq!(both, "We need them by Friday.\n\n20 chairs\n\nCall me after five, please.");
    assert_eq!(
        text(&format!("You have received a new message from your website.\n\n{fields}Message: 20 chairs")),
        "20 chairs"
    );
    let (_, enquiry) = of_eva("Name: Eva\nEmail: eva@mala.cz\nPhone: 777123456\n\nPlease quote 20 chairs.\nEva");
    assert!(enquiry.message.contains("Please quote 20 chairs."), "{}", enquiry.message);
}

#[test]
fn a_stranger_who_types_another_name_stays_who_they_are() {
    let typed =
        format!("{KAREL}\nInquiry kind: complaint\nTopic: VIP\nCountry: Germany\nutm_campaign: fair26\nMessage: call");
    let (submission, enquiry) = of_eva(&typed);
    assert_eq!(addresses(&enquiry), ["eva@mala.cz"]);
    assert_eq!(enquiry.person.full_name.as_deref(), Some("Eva Mala"));
    assert_ne!(enquiry.inquiry_kind.as_deref(), Some("complaint"));
    assert_eq!(enquiry.topic.as_deref(), Some("Question"));
    assert_ne!(enquiry.country.as_deref(), Some("DE"));
    let custom: Vec<&str> = enquiry.custom.iter().map(|c| c.value.as_str()).collect();
    for kept in ["Karel Novak", "karel@victim.example", "complaint", "VIP"] {
        assert!(custom.contains(&kept), "{kept} in {custom:?}");
    }
    assert_eq!(submission.class, Some(MailClass::FormNotification));
    let own = "Name: Eva Mala\nEmail: office@kovo.cz\nPhone: +420 777 123 456\nMessage: call";
    assert_eq!(addresses(&of_eva(own).1), ["eva@mala.cz", "office@kovo.cz"], "their own other address");
    let website = read_by("From: Web <noreply@hosting.cz>\nSubject: New message", &typed, &settings()).1;
    assert_eq!(addresses(&website), ["karel@victim.example"]);
}

#[test]
fn facts_of_a_form_come_from_configured_senders_alone() {
    let settings = ReadSettings {
        form_senders: vec!["noreply@web.example".to_owned()],
        authserv_ids: vec!["mx.ours.example".to_owned()],
        ..settings()
    };
    let body = format!("{KAREL}\nutm_campaign: fair26\nCountry: Germany\nMessage: call");
    let facts = |header: &str| {
        let raw = format!("{header}\nTo: sales@ours.example\nSubject: New\n\n{body}\n").replace('\n', "\r\n");
        let envelope = mail(raw.as_bytes());
        let submission = read(&envelope, &settings);
        assert_eq!(submission.class, Some(MailClass::FormNotification), "{header}");
        let enquiry = understand(&submission, &envelope, &settings);
        let facts = Facts::gather(&enquiry, &submission, &envelope, &KnownFacts::default(), &Declarations::default());
        (!facts.get("form.utm_campaign").is_empty(), format!("{:?}", facts.get("country")).contains("DE"))
    };
    assert_eq!(facts("From: Eva <eva@mala.cz>"), (false, false));
    assert_eq!(facts("From: Web <noreply@evil.example>"), (false, false));
    assert_eq!(facts("From: Web <noreply@web.example>"), (true, true));
    let denied = "Authentication-Results: mx.ours.example; spf=fail smtp.mailfrom=web.example; dmarc=fail header.from=web.example";
    assert_eq!(
        facts(&format!("{denied}\nFrom: Web <noreply@web.example>")),
        (false, false),
        "and only when it is they"
    );
}

#[test]
fn an_automatic_answer_is_no_form_whomever_it_names() {
    let body = format!("I am away. In urgent cases:\n\n{KAREL}");
    for mark in ["Auto-Submitted: auto-replied", "X-Autorespond: yes", "Precedence: auto_reply"] {
        assert_eq!(class(&format!("From: Eva <eva@mala.cz>\nSubject: Away\n{mark}"), &body), MailClass::AutoReply);
        assert_eq!(class(&format!("From: Eva <eva@mala.cz>\nSubject: Away\n{mark}"), KAREL), MailClass::AutoReply);
    }
    let robot = "From: support@robot.example\nSubject: [#12] Received: Your request\nAuto-Submitted: auto-generated";
    let ticket = "Your ticket was received. We will answer soon.\nName: Support\nEmail: support@robot.example";
    assert_eq!(class(robot, ticket), MailClass::Bulk);
    let form = "From: Web <noreply@web.cz>\nSubject: Contact\nAuto-Submitted: auto-generated";
    assert_eq!(class(form, KAREL), MailClass::FormNotification);
}

#[test]
fn customers_whose_subject_begins_like_an_automatic_answer_are_people() {
    for (subject, mark, wanted) in [
        ("Auto: VW Golf, Probefahrt", "In-Reply-To: <a@b>", MailClass::Person),
        ("Auto: Škoda Octavia", "References: <a@b>", MailClass::Person),
        ("Auto: Golf", "X-Auto-Response-Suppress: All", MailClass::Person),
        ("Out of office furniture: can you deliver?", "In-Reply-To: <a@b>", MailClass::Person),
        ("Abwesend am Montag, bitte Dienstag liefern", "In-Reply-To: <a@b>", MailClass::Person),
        ("On vacation in July: house for 6?", "In-Reply-To: <a@b>", MailClass::Person),
        ("Automatic reply: chairs", "Auto-Submitted: no\nIn-Reply-To: <a@b>", MailClass::Person),
        ("Auto: Re: Your offer", "In-Reply-To: <a@b>", MailClass::AutoReply),
        ("Out of office", "In-Reply-To: <a@b>", MailClass::AutoReply),
        ("Out of Office: Re: Chairs", "In-Reply-To: <a@b>", MailClass::AutoReply),
        ("Abwesend: Stühle", "Return-Path: <>", MailClass::AutoReply),
        ("Automatic reply: chairs", "In-Reply-To: <a@b>", MailClass::AutoReply),
    ] {
        let header = format!("From: Eva <eva@mala.cz>\nSubject: {subject}\n{mark}");
        assert_eq!(class(&header, "Hello"), wanted, "{subject}");
    }
}

#[test]
fn people_with_the_names_of_mail_systems_are_people() {
    for (from, text) in [
        ("\"Mail Delivery Services GmbH\" <info@maildelivery.example>", "Hello, I want a price for returned goods"),
        ("postmaster@smallfirm.example", "please quote 20 chairs. I could not find the price"),
        ("maildelivery@posta.example", "price for 3 vans; our old one failed"),
    ] {
        assert_eq!(class(&format!("From: {from}\nSubject: Question"), text), MailClass::Person, "{from}");
    }
    for (from, text) in [
        ("postmaster@mx.example", "Your mail to jan@web.example could not be delivered"),
        ("postmaster@mx.example", "It was not delivered: 5.1.1 unknown user"),
        ("MAILER-DAEMON@mx.example", "Your mail failed"),
    ] {
        assert_eq!(class(&format!("From: {from}\nSubject: Mail"), text), MailClass::Bounce, "{from}");
    }
}

#[test]
fn what_no_reader_sees_names_nobody() {
    let header = "From: Eva Mala <eva@mala.cz>\nSubject: Question\nMIME-Version: 1.0\nContent-Type: text/html";
    let lines = KAREL.replace('\n', "<br>");
    for hidden in
        ["style='display:none'", "hidden", "style=\"font-size:0\"", "style='visibility: hidden'", "style=opacity:0"]
    {
        let (submission, enquiry) =
            read_by(header, &format!("<p>Hello, I want chairs.</p><div {hidden}>{lines}</div>"), &settings());
        assert_eq!(submission.class, Some(MailClass::Person), "{hidden}");
        assert_eq!(
            (enquiry.message.as_str(), submission.text.trim()),
            ("Hello, I want chairs.", "Hello, I want chairs.")
        );
        let only = read_by(header, &format!("<div {hidden}>unsubscribe</div><p>Chairs?</p>"), &settings()).1;
        assert!(!only.unsubscribe, "{hidden}");
        let all = read_by(header, &format!("<div {hidden}>20 chairs</div>"), &settings()).1;
        assert_eq!(all.message, "20 chairs", "where nothing else is left");
    }
}
