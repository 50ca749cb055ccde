//! Mails and forms meant to break a reader.

use std::fmt::Write as _;

use pisteur::domain::reading::ReadSettings;
use pisteur::domain::submission::MailClass;

use super::{form, mail, settings, understood};

fn flagged(raw: &[u8]) -> Vec<String> {
    understood(&mail(raw)).0.flags
}

#[test]
fn thirty_thousand_nested_messages_are_read_by_their_header() {
    let mut raw = b"From: eva@firma.cz\r\nSubject: bomb\r\n".to_vec();
    raw.extend_from_slice("Content-Type: message/rfc822\r\n\r\n".repeat(30_000).as_bytes());
    let (submission, enquiry) = understood(&mail(&raw));
    assert_eq!(submission.flags, ["too_deep"]);
    assert_eq!(submission.subject.as_deref(), Some("bomb"));
    assert_eq!(enquiry.emails[0].address, "eva@firma.cz");
}

#[test]
fn digests_and_disguised_types_are_counted_too() {
    let digest = "Content-Type: multipart/digest; boundary=a\n\n--a\n\n".repeat(5_000);
    assert_eq!(flagged(format!("From: a@b.cz\n{digest}").as_bytes()), ["too_deep"]);
    let disguised = "Content-Type: message/\n\t(comment) RFC822\n\n".repeat(20_000);
    assert_eq!(flagged(format!("From: a@b.cz\n{disguised}").as_bytes()), ["too_deep"]);
}

#[test]
fn a_quoted_log_full_of_header_words_is_read() {
    let log = "> Content-Type: text/plain; boundary=x\ncontent-type: message/rfc822\n\n".repeat(3_000);
    let (submission, _) = understood(&mail(format!("From: eva@firma.cz\n\nsee my log\n{log}").as_bytes()));
    assert!(submission.flags.is_empty(), "{:?}", submission.flags);
    assert!(submission.text.starts_with("see my log"));
}

#[test]
fn a_bomb_inside_an_encoded_message_is_read_by_its_header() {
    let line = "Q29udGVudC1UeXBlOiBtZXNzYWdlL3JmYzgyMgoK";
    let raw = format!(
        "From: a@b.cz\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n{}",
        line.repeat(30_000)
    );
    assert_eq!(flagged(raw.as_bytes()), ["too_deep"]);
}

#[test]
fn boundaries_that_never_come_cost_no_more_than_a_few_readings() {
    let part = "--a\nContent-Type: multipart/mixed; boundary=never\n\nx\n".repeat(180);
    let raw = format!("From: a@b.cz\nContent-Type: multipart/mixed; boundary=a\n\n{part}{}", "x".repeat(25_000_000));
    assert_eq!(flagged(raw.as_bytes()), ["too_deep"]);
}

#[test]
fn white_space_in_an_email_field_ends_it() {
    for end in ["%0ABcc%3A+b%40y.fr", "%0D%0Ab%40y.fr", "%09b%40y.fr", "+b%40y.fr", "%C2%85b%40y.fr", "%0Bb%40y.fr"] {
        let raw = format!("name=Eva+Mala&email=a%40x.fr{end}&message=x");
        let (submission, enquiry) = understood(&form(raw.as_bytes(), "application/x-www-form-urlencoded"));
        let emails: Vec<_> = enquiry.emails.iter().map(|e| e.address.as_str()).collect();
        assert_eq!(emails, ["a@x.fr"], "{end}");
        assert!(submission.warnings.iter().any(|w| w.code == "email_cut"), "{end}");
    }
}

#[test]
fn a_name_that_names_nobody_is_refused_in_sight() {
    let read = |name: &str| {
        let raw = format!("name={name}&email=a%40x.fr");
        understood(&form(raw.as_bytes(), "application/x-www-form-urlencoded"))
    };
    let (submission, enquiry) = read("https://spam.example/win");
    assert_eq!(enquiry.person.full_name, None);
    assert!(submission.warnings.iter().any(|w| w.code == "name_refused"));
    assert_eq!(enquiry.custom[0].value, "https://spam.example/win");
    let (submission, enquiry) = read("Jean+Dupont+75");
    assert_eq!(enquiry.person.full_name.as_deref(), Some("Jean Dupont 75"));
    assert!(submission.warnings.is_empty());
    assert_eq!(read("ACME+s.r.o.").1.organisation.name.as_deref(), Some("ACME s.r.o."));
}

#[test]
fn two_hundred_levels_of_multipart_are_read() {
    let mut raw = "From: eva@firma.cz\nSubject: deep\n".to_owned();
    for level in 0..200 {
        writeln!(raw, "Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}").unwrap();
    }
    raw.push_str("Content-Type: text/plain\n\nat the bottom\n");
    for level in (0..200).rev() {
        writeln!(raw, "--b{level}--").unwrap();
    }
    let (submission, _) = understood(&mail(raw.as_bytes()));
    assert!(submission.flags.is_empty(), "{:?}", submission.flags);
    assert_eq!(submission.reply, "at the bottom");
}

#[test]
fn a_forty_megabyte_attachment_is_listed_and_the_text_is_read() {
    let mut raw =
        b"From: eva@firma.cz\nContent-Type: multipart/mixed; boundary=a\n\n--a\n\nsee file\n--a\nContent-Type: \
        application/zip; name=big.zip\nContent-Transfer-Encoding: base64\n\n"
            .to_vec();
    let line = format!("{}\n", "QUJD".repeat(19));
    raw.extend_from_slice(line.repeat(40_000_000 / line.len()).as_bytes());
    raw.extend_from_slice(b"--a--\n");
    let (submission, _) = understood(&mail(&raw));
    assert_eq!(submission.reply, "see file");
    assert_eq!(submission.attachments[0].name, "big.zip");
    assert!(submission.attachments[0].size > 29_000_000);
}

#[test]
fn nothing_at_all_is_unreadable_and_visible() {
    for raw in [&b""[..], b"\r\n\r\n", b"just words without a header", &[0; 100], &[0xff; 100]] {
        let (submission, enquiry) = understood(&mail(raw));
        assert_eq!(submission.class, Some(MailClass::Person));
        assert!(enquiry.emails.is_empty());
        assert!(
            submission.flags.iter().any(|f| f == "unreadable" || f == "invalid_from"),
            "{raw:?} {:?}",
            submission.flags
        );
    }
}

#[test]
fn a_missing_or_broken_from_keeps_what_was_written() {
    let (submission, enquiry) = understood(&mail(b"From: Jean Dupont <jean at dupont>\nSubject: x\n\nhello\n"));
    assert!(submission.flags.contains(&"invalid_from".to_owned()));
    assert!(enquiry.raw_sender.unwrap().contains("Jean Dupont"));
    let (_, enquiry) = understood(&mail(b"From: Jean <>\nSender: jean@dupont.fr\nSubject: x\n\nhello\n"));
    assert_eq!(enquiry.emails[0].address, "jean@dupont.fr");
    assert_eq!(enquiry.person.full_name.as_deref(), Some("Jean"));
}

#[test]
fn dates_of_1970_and_2099_are_kept_with_a_warning() {
    for (date, year) in [("Thu, 1 Jan 1970 00:00:01 +0000", "1970"), ("Thu, 1 Jan 2099 00:00:00 +0000", "2099")] {
        let (submission, _) = understood(&mail(format!("From: a@b.cz\nDate: {date}\n\nx\n").as_bytes()));
        assert!(submission.mail.unwrap().date.unwrap().starts_with(year));
        assert!(submission.warnings.iter().any(|w| w.code == "odd_date"));
    }
}

#[test]
fn nul_bytes_vanish_from_the_cells_of_a_notification() {
    let raw = b"From: Site <noreply@builder.example.net>\nMessage-ID: <c\0d@x>\nContent-Type: text/html\n\n<table><tr><td>Na\0me</td><td>Petr \
        Svoboda</td></tr><tr><td>Email</td><td>petr@svoboda.cz</td></tr><tr><td>Message</td><td>Call\0 me.<br>T\0.</td></tr>";
    let (submission, enquiry) = understood(&mail(raw));
    assert_eq!(submission.class, Some(MailClass::FormNotification));
    assert_eq!(enquiry.message, "Call me.\nT.");
    assert!(submission.fields.iter().all(|field| !field.value.contains('\0') && !field.name.contains('\0')));
    assert_eq!(submission.mail.unwrap().message_id.as_deref(), Some("cd@x"));
}

#[test]
fn nul_bytes_vanish_from_mails_and_forms() {
    let (submission, _) = understood(&mail(b"From: a@b.cz\nSubject: a\0b\n\nc\0d\n"));
    assert_eq!(submission.reply, "cd");
    assert!(!submission.subject.unwrap().contains('\0'));
    let (submission, enquiry) = understood(&form(b"name=Ev%00a&m%00=x%00y", "application/x-www-form-urlencoded"));
    assert!(submission.fields.iter().all(|f| !f.name.contains('\0') && !f.value.contains('\0')));
    assert_eq!(enquiry.person.full_name.as_deref(), Some("Eva"));
}

#[test]
fn raw_eight_bit_headers_are_decoded_by_the_charset_of_the_body() {
    let mut raw = b"From: Ren\xe9e Lef\xe8vre <renee@lefevre.fr>\nSubject: Caf\xe9\nContent-Type: text/plain; charset=iso-8859-1\n\n".to_vec();
    raw.extend_from_slice(b"d\xe9j\xe0 vu\n");
    let (submission, enquiry) = understood(&mail(&raw));
    assert_eq!(submission.subject.as_deref(), Some("Café"));
    assert_eq!(submission.reply, "déjà vu");
    assert_eq!(enquiry.person.full_name.as_deref(), Some("Renée Lefèvre"));
}

#[test]
fn protected_mail_is_flagged_and_kept() {
    assert_eq!(
        flagged(b"From: a@b.cz\nContent-Type: multipart/encrypted; boundary=a\n\n--a\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--a--\n"),
        ["encrypted"]
    );
    assert_eq!(
        flagged(b"From: a@b.cz\nContent-Type: multipart/signed; boundary=a\n\n--a\n\nhello\n--a\nContent-Type: application/pgp-signature\n\nx\n--a--\n"),
        ["signed"]
    );
    assert_eq!(
        flagged(b"From: a@b.cz\nContent-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\neJ8+Ig==\n"),
        ["tnef"]
    );
}

#[test]
fn ten_thousand_fields_and_thirty_megabytes_are_bounded() {
    let mut body = String::new();
    for n in 0..10_000 {
        write!(body, "f{n}=v&").unwrap();
    }
    let (submission, _) = understood(&form(body.as_bytes(), "application/x-www-form-urlencoded"));
    assert_eq!(submission.fields.len(), 2_000);
    assert!(submission.warnings.iter().any(|w| w.code == "fields_cut"));
    let big = format!("message={}", "x".repeat(30_000_000));
    let (submission, _) = understood(&form(big.as_bytes(), "application/x-www-form-urlencoded"));
    assert!(submission.text.len() <= settings().limits.text_bytes);
}

#[test]
fn broken_forms_are_warnings() {
    for (raw, content_type, code) in [
        (
            &b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1"[..],
            "multipart/form-data; boundary=x",
            "broken_multipart",
        ),
        (b"abc", "multipart/form-data", "broken_multipart"),
        (b"{\"a\":", "application/json", "broken_json"),
        (b"a=1", "text/csv", "unknown_encoding"),
        (b"name=Ren%E9e", "application/x-www-form-urlencoded", "charset_guessed"),
    ] {
        let (submission, _) = understood(&form(raw, content_type));
        assert_eq!(submission.warnings[0].code, code, "{content_type}");
    }
}

#[test]
fn only_a_configured_sender_names_the_source() {
    let raw = b"From: Site <noreply@site.cz>\nSubject: x\n\nName: Eva\nEmail: eva@firma.cz\nlead_source: forged\n";
    let envelope = mail(raw);
    let (submission, enquiry) = understood(&envelope);
    assert_eq!(submission.class, Some(MailClass::FormNotification));
    assert_eq!(enquiry.attribution.source, None);
    let trusting = ReadSettings { form_senders: vec!["noreply@site.cz".to_owned()], ..settings() };
    let submission = pisteur::domain::reading::read(&envelope, &trusting);
    let enquiry = pisteur::domain::enquiry::understand(&submission, &envelope, &trusting);
    assert_eq!(enquiry.attribution.source.as_deref(), Some("forged"));
}

#[test]
fn a_customer_is_not_taken_for_a_machine_by_what_anybody_can_write() {
    for (from, subject, extra) in [
        ("Jean <jean@client-co.fr>", "Devis", "X-Pisteur-Notification: 1\n"),
        ("Jean <jean@client-co.fr>", "Devis", "X-Loop: sales@ours.example\n"),
        ("Jean <jean@client-co.fr>", "Auto: demande de devis assurance", ""),
        ("Jean <jean@client-co.fr>", "Out of office furniture - need a quote", ""),
        ("Jean <jean@client-co.fr>", "Complaint about message from your salesman", ""),
        ("Jean <postmaster@client-co.fr>", "Demande de prix", ""),
        ("MDaemonTech Jean <jean@client-co.fr>", "Demande de prix", ""),
        ("Jean <jean@client-co.fr>", "Devis", "X-Autoreply: false\nX-Autorespond:\n"),
    ] {
        let raw = format!(
            "From: {from}\nTo: sales@ours.example\nSubject: {subject}\nMessage-ID: <q@client-co.fr>\n{extra}\n\
             Bonjour, je voudrais un prix pour vingt chaises.\n"
        );
        let (submission, _) = understood(&mail(raw.as_bytes()));
        assert_eq!(
            submission.class.map(pisteur::domain::submission::MailClass::as_str),
            Some("person"),
            "{from} {subject} {extra}"
        );
    }
}

#[test]
fn what_cannot_be_read_as_what_it_should_be_stays_as_it_was_written() {
    let body = "name=Marc+Petit&email=marc%40petit%2Cfr&phone=ask+for+Bob&budget=10k-20k+%E2%82%AC&country=Wonderland&message=Hi";
    let (_, enquiry) = understood(&form(body.as_bytes(), "application/x-www-form-urlencoded"));
    let kept: Vec<(&str, &str)> = enquiry.custom.iter().map(|f| (f.name.as_str(), f.value.as_str())).collect();
    assert_eq!(
        kept,
        [("email", "marc@petit,fr"), ("phone", "ask for Bob"), ("budget", "10k-20k €"), ("country", "Wonderland")]
    );
    let body = "name=Marc+Petit&email=marc%40petit.fr&phone=06+12+34+56+78&budget=12+500+EUR&country=France&message=Hi";
    let (_, enquiry) = understood(&form(body.as_bytes(), "application/x-www-form-urlencoded"));
    assert!(enquiry.custom.is_empty(), "{:?}", enquiry.custom);
}
