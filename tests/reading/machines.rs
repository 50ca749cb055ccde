//! Mail of machines: what is what, and what a report says of whom.

use pisteur::domain::submission::{Bounce, MailClass, Submission};

use super::{mail, understood};

fn read(raw: &str) -> Submission {
    understood(&mail(raw.replace('\n', "\r\n").as_bytes())).0
}

fn class(header: &str, text: &str) -> MailClass {
    let raw = format!("To: sales@ours.example\nDate: Fri, 7 Mar 2025 10:00:00 +0100\n{header}\n\n{text}\n");
    read(&raw).class.unwrap()
}

#[test]
fn every_row_of_the_table_is_told() {
    use MailClass::{AutoReply, Bounce, Bulk, FormNotification, MailingList, OwnMessage, Person};
    let daemon = "From: MAILER-DAEMON@mx.example\nSubject: Undelivered Mail\nReturn-Path: <>";
    let form = "Name: Eva Malá\nE-mail: eva@firma.cz\nPhone: +420 777 123 456\nMessage: Dobrý den";
    for (header, text, wanted) in [
        ("From: Eva <eva@firma.cz>\nSubject: Pumps\nAuto-Submitted: no", "Hello", Person),
        ("From: Eva <eva@firma.cz>\nSubject: Pumps\nX-Auto-Response-Suppress: All", "Hello", Person),
        ("From: Eva <eva@firma.cz>\nSubject: Out of office furniture", "A price, please", Person),
        ("From: Eva <eva@firma.cz>\nSubject: Hi\nAuto-Submitted: auto-replied (vacation)", "Away", AutoReply),
        (
            "From: Eva <eva@firma.cz>\nSubject: Hi\nAuto-Submitted: auto-replied; owner-email=\"eva@firma.cz\"",
            "x",
            AutoReply,
        ),
        ("From: Eva <eva@firma.cz>\nSubject: Hi\nX-Autoreply: yes", "Away", AutoReply),
        ("From: Eva <eva@firma.cz>\nSubject: Hi\nPrecedence: auto_reply", "Away", AutoReply),
        ("From: Eva <eva@firma.cz>\nSubject: Hi\nDelivered-To: autoresponder", "Away", AutoReply),
        (
            "From: Eva <eva@firma.cz>\nSubject: Hi\nX-Auto-Response-Suppress: All\nX-MS-Exchange-Inbox-Rules-Loop: a@b.cz",
            "Away",
            AutoReply,
        ),
        ("From: Eva <eva@firma.cz>\nSubject: Automatická odpověď: x\nReturn-Path: <>", "Nejsem tu", AutoReply),
        (daemon, "Your message to jan@web.cz could not be delivered: 550 no such user", Bounce),
        ("From: x@mx.example\nSubject: failed\nX-Failed-Recipients: jan@web.cz", "failed", Bounce),
        ("From: Web <noreply@web.cz>\nSubject: Contact\nAuto-Submitted: auto-generated", form, FormNotification),
        ("From: Shop <shop@web.cz>\nSubject: Hi\nAuto-Submitted: auto-generated", "Your order", Bulk),
        ("From: Shop <shop@web.cz>\nSubject: Hi\nPrecedence: bulk", "Sale", Bulk),
        ("From: Shop <shop@web.cz>\nSubject: Hi\nList-Id: <news.web.cz>", "Sale", MailingList),
        ("From: sales@ours.example\nSubject: Hi\nX-Pisteur-Notification: yes", "New lead", OwnMessage),
        ("From: Eva <eva@firma.cz>\nSubject: Dovolená Chorvatsko, 4 osoby\nReferences: <old@x>", "Cena?", Person),
        ("From: Eva <eva@firma.cz>\nSubject: Dovolená: Okna\nReferences: <old@x>", "Nejsem tu", AutoReply),
        ("From: Eva <eva@firma.cz>\nSubject: Nepřítomnost\nX-Auto-Response-Suppress: All", "Nejsem tu", AutoReply),
        ("From: Eva <eva@hotmail.com>\nSubject: Complaint about message from your driver", "He was rude", Person),
        ("From: Postmaster <postmaster@firma.cz>\nSubject: Question about pumps", "May I have a price?", Person),
    ] {
        assert_eq!(class(header, text), wanted, "{header}");
    }
}

/// A report in words alone, as several mail systems write it.
fn told(subject: &str, text: &str) -> Bounce {
    let raw = format!(
        "Return-Path: <>\nFrom: Mail System <MAILER-DAEMON@mx.ours.example>\nTo: sales@ours.example\n\
         Subject: {subject}\nDate: Fri, 7 Mar 2025 10:00:00 +0100\n\n{text}\n"
    );
    let read = read(&raw);
    assert!(matches!(read.class, Some(MailClass::Bounce | MailClass::DeliveryStatus)), "{text}");
    read.mail.unwrap().bounce.unwrap()
}

#[test]
fn reports_in_words_alone_tell_whom_why_and_whether_for_good() {
    let copy = "\n--- The message follows ---\n\nReturn-Path: <sales@ours.example>\nReceived: by mx.ours.example\n\
                Message-ID: <n1@ours.example>\nTo: wrong@else.example\nSubject: mailbox full";
    for (text, status, code, reason, hard) in [
        // As qmail lays it out.
        (
            "I am sorry to say:\n\n<jan@web.example>:\n192.0.2.9 failed after I sent it.\nRemote host said: 550 5.1.1 nobody of that name: user unknown\n",
            Some("5.1.1"),
            Some("550"),
            "no_such_recipient",
            true,
        ),
        // As Exim does.
        (
            "These addresses failed:\n\n  jan@web.example\n    SMTP error from server after RCPT TO:<jan@web.example>:\n    host mx.web.example [192.0.2.9]: 552 5.2.2 over quota\n",
            Some("5.2.2"),
            Some("552"),
            "mailbox_full",
            false,
        ),
        // As Sendmail does.
        (
            "   ----- fatal errors -----\n<jan@web.example>\n\n   ----- Transcript -----\n... while talking to mx.web.example.:\n>>> RCPT To:<jan@web.example>\n<<< 550 5.1.1 <jan@web.example>... no such user\n",
            Some("5.1.1"),
            Some("550"),
            "no_such_recipient",
            true,
        ),
        // As Postfix does.
        (
            "<jan@web.example>: host mx.web.example[192.0.2.9] said: 554 5.7.1 your address is on\n    our blocklist (in reply to DATA)\n",
            Some("5.7.1"),
            Some("554"),
            "blocked",
            false,
        ),
        // As Exchange does.
        (
            "It did not reach:\n\n      jan@web.example on 3/7/2025 10:00 AM\n            The recipient was not found in the directory.\n",
            None,
            None,
            "no_such_recipient",
            true,
        ),
        (
            "Your message to <jan@web.example> was not delivered: the domain does not exist\n",
            None,
            None,
            "no_such_host",
            true,
        ),
    ] {
        let bounce = told("Returned mail", &format!("{text}{copy}"));
        assert_eq!(bounce.recipient.as_deref(), Some("jan@web.example"), "{text}");
        assert_eq!((bounce.status.as_deref(), bounce.reply_code.as_deref()), (status, code), "{text}");
        assert_eq!((bounce.reason.as_deref(), bounce.hard), (Some(reason), hard), "{text} {bounce:?}");
        assert_eq!(bounce.original_message_id.as_deref(), Some("n1@ours.example"), "{text}");
    }
}

#[test]
fn a_delay_is_no_failure() {
    let bounce = told(
        "Warning: message delayed 4 hours",
        "To jan@web.example: 451 4.4.1 user unknown? We will continue to try.",
    );
    assert_eq!((bounce.action.as_deref(), bounce.hard), (Some("delayed"), false));
}

#[test]
fn a_report_of_a_thousand_recipients_and_a_megabyte_of_words_ends() {
    let line = |n| format!("<user{n}@web.example>: 550 5.1.1 unknown user {n}");
    let many = (0..20_000).map(line).collect::<Vec<_>>().join("\n");
    assert_eq!(told("Returned mail", &many).recipient.as_deref(), Some("user0@web.example"));
    let long = format!("jan@web.example {}", "x@y.z 550 5.1.1 ".repeat(60_000));
    assert!(told("Returned mail", &long).diagnostic.is_some_and(|said| said.len() <= 2_000));
}

#[test]
fn an_answer_of_somebody_away_names_the_day_of_return() {
    let raw = "From: Eva <eva@firma.cz>\nTo: sales@ours.example\nSubject: Out of office\nAuto-Submitted: auto-replied\n\
               Date: Mon, 10 Mar 2025 08:00:00 +0100\nContent-Type: text/plain; charset=utf-8\n\n";
    let day = |text: &str| read(&format!("{raw}{text}\n")).mail.unwrap().returns_on;
    assert_eq!(day("I am away and back on 24 March.").as_deref(), Some("2025-03-24"));
    assert_eq!(day("Jsem na dovolené do 17. 3. 2025, pak se ozvu.").as_deref(), Some("2025-03-17"));
    assert_eq!(day("Thank you for your message."), None);
    let (_, enquiry) = understood(&mail(format!("{raw}Back on 24 March\n").replace('\n', "\r\n").as_bytes()));
    let kept: Vec<_> = enquiry.custom.iter().map(|c| (c.name.as_str(), c.value.as_str())).collect();
    assert_eq!(kept, [("returns_on", "2025-03-24")], "it stands beside the message");
}
