//! Words that stand where a reader of mail does not look, and headers that are not as they should be.

use pisteur::domain::reading::read;
use pisteur::domain::submission::Submission;

use super::{mail, settings};

fn submitted(raw: &str) -> Submission {
    read(&mail(raw.replace('\n', "\r\n").as_bytes()), &settings())
}

fn both(plain: &str, html: &str) -> String {
    let raw = format!(
        "From: Eva <eva@mala.cz>\nSubject: Q\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n\
         --b\nContent-Type: text/plain; charset=utf-8\n\n{plain}\n--b\nContent-Type: text/html; charset=utf-8\n\n{html}\n--b--\n"
    );
    submitted(&raw).text.trim().to_owned()
}

#[test]
fn a_plain_part_that_is_a_stub_is_not_the_text() {
    let html = "<p>Hello, I want 20 chairs for our restaurant in Brno, please send a quote by Friday.</p>";
    let words = "Hello, I want 20 chairs for our restaurant in Brno, please send a quote by Friday.";
    for plain in [
        "Please view in HTML",
        "Your email client does not support HTML.",
        "Tato zpráva je ve formátu HTML.",
        "[image: logo]",
        "-",
        ".",
        "Hello,",
        "View this email in your browser: http://web.example/a/very/long/address/of/a/page",
    ] {
        assert_eq!(both(plain, html), words, "{plain}");
    }
    assert_eq!(both("Please view in HTML", "<p>I want 20 chairs</p>"), "I want 20 chairs\n\nPlease view in HTML");
    let banner = "<p>Dear customer service team, kind greetings from all of us here in town.</p>\
                  <p>Brightco Ltd, the best of furniture since many years: visit our web shop today</p>";
    for order in
        ["Order: 20 chairs, 5 tables, urgent delivery Friday to Leeds", "20 chairs please", "Send chairs to us"]
    {
        assert!(both(order, banner).contains(order), "{order}");
        assert!(both(order, banner).contains("web shop"), "{order}");
    }
    for plain in
        [words, "I want 30 tables for our restaurant in Brno.", "Hello, I want 20 chairs for our restaurant in Brno"]
    {
        assert_eq!(both(plain, html), plain, "a text is no stub");
    }
}

#[test]
fn the_text_that_stands_first_is_read_however_deep_the_rest_is() {
    let head = "From: a@b.cz\nSubject: Q\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n\
                --b\nContent-Type: text/plain\n\nI want 20 chairs\n";
    let mut nested = "--b\nContent-Type: multipart/mixed; boundary=b0\n\n".to_owned();
    for n in 1..6_000 {
        nested.push_str(&format!("--b{}\nContent-Type: multipart/mixed; boundary=b{n}\n\n", n - 1));
    }
    for rest in ["--b\n\n".repeat(100_000), nested] {
        let read = submitted(&format!("{head}{rest}"));
        assert_eq!(read.text.trim(), "I want 20 chairs");
        assert!(read.flags.iter().any(|flag| flag == "too_deep"));
    }
}

#[test]
fn words_outside_of_all_parts_are_read() {
    let head = "From: a@b.cz\nSubject: Q\nMIME-Version: 1.0\nContent-Type: multipart/mixed";
    for (raw, wanted) in [
        (format!("{head}\n\nHello 20 chairs\n--x\nContent-Type: text/plain\n\nmore words\n--x--\n"), true),
        (format!("{head}; boundary=\"\"\n\nHello 20 chairs\n--\n"), true),
        (format!("{head}; boundary=x\n\nHello 20 chairs\n--x--\n"), true),
        (format!("{head}; boundary=x\n\nThis is a multi-part message in MIME format.\n--x--\n"), false),
    ] {
        let read = submitted(&raw);
        assert_eq!(read.text.contains("Hello 20 chairs"), wanted, "{raw}");
        assert_eq!(read.warnings.iter().any(|w| w.code == "no_text"), !wanted, "{raw}");
    }
}

#[test]
fn a_header_is_read_however_it_begins_and_ends() {
    let subject = |raw: &[u8]| {
        let read = read(&mail(raw), &settings());
        let from = read.mail.and_then(|mail| mail.from.address);
        assert_eq!(from.as_deref(), Some("eva@mala.cz"));
        read.subject.unwrap_or_default()
    };
    assert_eq!(subject(b"From: Eva <eva@mala.cz>\nSubject: I want chairs"), "I want chairs");
    let text = "From: Eva <eva@mala.cz>\r\nSubject: Chairs\r\n\r\n20 chairs \u{17e}\r\n";
    assert_eq!(subject(format!("\u{feff}{text}").as_bytes()), "Chairs");
    let units: Vec<u8> = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert_eq!(subject(&units), "Chairs");
    assert_eq!(read(&mail(&units), &settings()).text.trim(), "20 chairs \u{17e}");
}

#[test]
fn of_a_very_long_header_every_field_is_read() {
    let many: Vec<String> = (0..100_000).map(|n| format!("user{n}@web.example")).collect();
    for (before, subject, wanted) in [
        (format!("To: {}\n", many.join(",\n ")), "Chairs".to_owned(), "Chairs".to_owned()),
        (format!("X-Long: {}\n", "x".repeat(1_100_000)), "Chairs".to_owned(), "Chairs".to_owned()),
        (String::new(), "chairs ".repeat(200_000), "chairs".to_owned()),
    ] {
        let read = submitted(&format!("{before}From: Eva <eva@mala.cz>\nSubject: {subject}\n\nHello\n"));
        assert!(read.subject.is_some_and(|subject| subject.starts_with(&wanted)));
        assert!(read.warnings.iter().any(|w| w.code == "header_cut"), "{:?}", read.warnings);
        assert_eq!(read.text.trim(), "Hello");
    }
    let named = submitted(&format!("From: {} <eva@mala.cz>\nSubject: Chairs\n\nHello\n", "A".repeat(1_100_000)));
    assert_eq!(named.mail.unwrap().from.address.as_deref(), Some("eva@mala.cz"));
}

#[test]
fn small_print_behind_a_label_gives_no_block_back() {
    for note in [
        "Poznámka: Tento e-mail je důvěrný a je určen jen adresátovi. Pokud jste jej obdrželi omylem, smažte jej.",
        "Message: This e-mail is confidential and intended for the addressee only; delete it if it is not for you.",
    ] {
        let read = submitted(&format!(
            "From: Ann Lee <ann@lee.example>\nSubject: Q\nContent-Type: text/plain; charset=utf-8\n\n\
             Hello, please quote 5 blue chairs and two tables for our office in Leeds by Friday.\n\n\
             Best regards\nAnn Lee\nBuyer\nT +44 113 496 0000\n\n{note}\n"
        ));
        let signature = read.mail.and_then(|facts| facts.signature).unwrap_or_default();
        assert!(signature.starts_with("Best regards") && !read.reply.contains("Ann Lee"), "{signature}");
    }
}
