//! Signatures that mail programs name in their markup.

use pisteur::domain::submission::Submission;

use super::{mail, settings};

const BLOCK: &str = "<div>Marguerite</div><div>Atelier des Tilleuls</div><div>everything in oak</div>";

fn read(html: &str) -> Submission {
    let raw = format!(
        "From: contact@tilleuls.example\nTo: sales@ours.example\nSubject: tables\nMIME-Version: 1.0\n\
         Content-Type: text/html; charset=utf-8\n\n<html><body>{html}</body></html>"
    );
    pisteur::domain::reading::read(&mail(raw.as_bytes()), &settings())
}

fn signature(read: &Submission) -> Option<&str> {
    read.mail.as_ref()?.signature.as_deref()
}

/// What each program writes around a signature.
fn programs() -> Vec<(&'static str, String)> {
    let around = |open: &str| format!("{open}{BLOCK}</div>");
    vec![
        ("Gmail", around("<div dir=\"ltr\" class=\"gmail_signature\" data-smartmail=\"gmail_signature\">")),
        ("Outlook in the browser", around("<div id=\"Signature\">")),
        ("Outlook in the browser, passed on", around("<div id=\"x_Signature\">")),
        (
            "Outlook on a telephone",
            around("<div class=\"ms-outlook-ios-signature\" id=\"ms-outlook-mobile-signature\">"),
        ),
        ("Outlook for the desk", format!("<p class=MsoNormal><a name=\"_MailAutoSig\"></a></p>{BLOCK}")),
        ("Apple Mail", around("<div id=\"AppleMailSignature\" dir=\"ltr\">")),
        ("Thunderbird", around("<div class=\"moz-signature\">")),
        ("Yahoo", around("<div id=\"ymail_android_signature\">")),
        (
            "Proton",
            format!(
                "<div class=\"protonmail_signature_block\"><div class=\"protonmail_signature_block-user\">{BLOCK}</div>\
                 <div class=\"protonmail_signature_block-proton protonmail_signature_block-empty\"></div></div>"
            ),
        ),
        ("Zoho", around("<div id=\"Zm-_Id_-Sgn\" data-sigid=\"1\">")),
        ("Zimbra", around("<div data-marker=\"__SIG_PRE__\">")),
        ("Roundcube", around("<div id=\"signature\">")),
        (
            "mail.ru",
            format!(
                "<div data-signature-widget=\"container\"><div data-signature-widget=\"content\">{BLOCK}</div></div>"
            ),
        ),
    ]
}

#[test]
fn the_block_that_a_program_names_is_the_signature() {
    for (program, block) in programs() {
        let read = read(&format!("<div>We need twelve chairs for the hall</div><div><br></div>{block}"));
        assert_eq!(read.reply, "We need twelve chairs for the hall", "{program}");
        let lines: Vec<&str> = signature(&read).unwrap_or_default().lines().filter(|l| !l.is_empty()).collect();
        assert_eq!(lines, ["Marguerite", "Atelier des Tilleuls", "everything in oak"], "{program}");
    }
}

#[test]
fn a_postscript_below_the_block_stays() {
    for (program, block) in programs() {
        let read = read(&format!("<div>We need twelve chairs</div>{block}<div>PS: and a table, please</div>"));
        assert!(read.reply.contains("We need twelve chairs"), "{program}: {}", read.reply);
        assert!(read.reply.contains("and a table, please"), "{program}: {}", read.reply);
        assert!(signature(&read).is_some_and(|s| s.contains("Tilleuls")), "{program}");
    }
}

#[test]
fn a_message_written_inside_of_the_block_is_no_signature() {
    let message = "<div>Hello,</div><div>could you send us twelve chairs?</div>";
    for (program, block) in programs() {
        let read = read(&block.replace(BLOCK, message));
        assert!(read.reply.contains("could you send us twelve chairs?"), "{program}: {read:?}");
    }
    let html = "<div>Hello,</div><div id=\"ymail_android_signature\"><div>could you send us twelve chairs?</div></div>";
    assert!(read(html).reply.contains("could you send us twelve chairs?"));
}

#[test]
fn the_block_of_an_old_message_is_not_the_signature_of_the_new_one() {
    for (program, block) in programs() {
        let read = read(&format!(
            "<div>We need twelve chairs</div><div class=\"gmail_quote\">On Monday we wrote:<div>old</div>{block}</div>"
        ));
        assert!(read.reply.contains("We need twelve chairs"), "{program}");
        assert_eq!(signature(&read), None, "{program}");
    }
}

#[test]
fn the_block_is_known_in_the_plain_text_beside_the_markup() {
    let of = |block: &str, plain: &str| {
        let raw = format!(
            "From: contact@tilleuls.example\nTo: sales@ours.example\nSubject: tables\nMIME-Version: 1.0\n\
             Content-Type: multipart/alternative; boundary=a\n\n--a\nContent-Type: text/plain; charset=utf-8\n\n{plain}\n\
             --a\nContent-Type: text/html; charset=utf-8\n\n<div>We need twelve chairs</div>{block}\n--a--\n"
        );
        pisteur::domain::reading::read(&mail(raw.as_bytes()), &settings())
    };
    let plain =
        "We need twelve chairs\n\n*Marguerite*\nAtelier des  Tilleuls <https://tilleuls.example/>\neverything in oak\n";
    for (program, block) in programs() {
        let read = of(&block, plain);
        assert_eq!(read.reply, "We need twelve chairs", "{program}");
        assert!(signature(&read).is_some_and(|block| block.contains("Marguerite")), "{program}");
        let other = of(&block, "We need twelve chairs\n\nof oak, everything in oak\n");
        assert!(other.reply.contains("everything in oak"), "{program}: {}", other.reply);
    }
}
