//! Texts and files in the shapes in which mail wraps them.

use std::fmt::Write as _;

use pisteur::domain::submission::Submission;

use super::{mail, understood};

fn read(raw: &str) -> Submission {
    understood(&mail(raw.replace('\n', "\r\n").as_bytes())).0
}

fn files(submission: &Submission) -> Vec<(&str, u64, &str)> {
    submission.attachments.iter().map(|a| (a.name.as_str(), a.size, a.part.as_str())).collect()
}

pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let word = three.iter().fold(0_u32, |word, b| word << 8 | u32::from(*b)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * place) & 63) as usize] as char;
            out.push(if place <= three.len() { letter } else { '=' });
        }
    }
    out
}

/// A stream of attributes as Outlook writes it.
fn winmail(attributes: &[(u32, &[u8])]) -> Vec<u8> {
    let mut out = vec![0x78, 0x9f, 0x3e, 0x22, 1, 0];
    for (id, data) in attributes {
        out.push(1);
        out.extend(id.to_le_bytes());
        out.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        out.extend(*data);
        out.extend([0, 0]);
    }
    out
}

#[test]
fn s29_a_winmail_dat_gives_its_text_and_its_files() {
    let bytes = winmail(&[
        (0x0001_8004, b"Demande de prix\0"),
        (0x0002_800c, b"Bonjour,\r\ncombien ?\0"),
        (0x0006_9002, &[0; 14]),
        (0x0001_8010, b"plan.pdf\0"),
        (0x0006_800f, b"%PDF-1.4 xyz"),
    ]);
    let raw = format!(
        "From: Eva <eva@firma.cz>\nTo: sales@ours.example\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n\
         --b\nContent-Type: text/plain\n\n \n--b\nContent-Type: application/ms-tnef; name=winmail.dat\n\
         Content-Transfer-Encoding: base64\n\n{}\n--b--\n",
        base64(&bytes)
    );
    let submission = read(&raw);
    assert_eq!(submission.reply, "Bonjour,\ncombien ?");
    assert_eq!(submission.subject.as_deref(), Some("Demande de prix"));
    assert!(files(&submission).contains(&("plan.pdf", 12, "2/1")), "{:?}", submission.attachments);
    assert!(submission.flags.iter().any(|flag| flag == "tnef"));
    assert!(submission.warnings.iter().all(|w| w.code != "tnef"), "{:?}", submission.warnings);
    let broken = raw.replace(&base64(&bytes), &base64(&bytes[..30]));
    let said: Vec<_> = read(&broken).warnings.into_iter().map(|w| w.code).collect();
    assert!(said.iter().any(|code| code == "tnef_damaged"), "{said:?}");
}

/// An element of DER with its length in two bytes.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, 0x82][..], &u16::try_from(content.len()).unwrap().to_be_bytes(), content].concat()
}

/// A `ContentInfo` of this kind (2: signed, 3: enveloped) around `inner`.
fn cms(kind: u8, inner: &[u8]) -> Vec<u8> {
    let oid = |last: u8| der(0x06, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, last]);
    let content = der(0x30, &[oid(1), der(0xa0, &der(0x04, inner))].concat());
    let data = [der(0x02, &[1]), der(0x31, b""), content, der(0x31, b"")].concat();
    der(0x30, &[oid(kind), der(0xa0, &der(0x30, &data))].concat())
}

const SIGNED_MAIL: &str = "Content-Type: multipart/mixed; boundary=i\r\nFrom: boss@ours.example\r\n\r\n--i\r\nContent-Type: text/plain; \
    charset=utf-8\r\n\r\nDvan\u{e1}ct \u{17e}idl\u{ed}, pros\u{ed}m.\r\n--i\r\nContent-Type: application/pdf; name=plan.pdf\r\n\r\n\
    %PDF-1.4\r\n--i--\r\n";

const SMIME: &str = "Content-Type: application/x-pkcs7-mime; smime-type=signed-data; name=smime.p7m";

#[test]
fn what_is_signed_twice_or_beside_a_footer_is_read_and_a_signed_file_is_a_file() {
    let wrapped = |inner: &[u8]| format!("{SMIME}\nContent-Transfer-Encoding: base64\n\n{}\n", base64(&cms(2, inner)));
    let head = "From: Eva <eva@firma.cz>\nTo: sales@ours.example\nSubject: Chairs\nMIME-Version: 1.0\n";
    let twice = wrapped(wrapped(SIGNED_MAIL.as_bytes()).as_bytes());
    let submission = read(&format!("{head}{twice}"));
    assert_eq!(submission.reply, "Dvan\u{e1}ct \u{17e}idl\u{ed}, pros\u{ed}m.");
    assert_eq!(files(&submission), [("plan.pdf", 8, "1/1/2")]);
    let beside = |part: &str| {
        read(&format!(
            "{head}Content-Type: multipart/mixed; boundary=o\n\n--o\n{part}\n--o\nContent-Type: text/plain\n\n\
             Scanned by the gateway.\n--o--\n"
        ))
    };
    for part in [wrapped(SIGNED_MAIL.as_bytes()), twice] {
        let submission = beside(&part);
        assert!(submission.text.starts_with("Dvan\u{e1}ct \u{17e}idl\u{ed}, pros\u{ed}m."), "{}", submission.text);
        assert!(submission.text.contains("Scanned by the gateway."), "{}", submission.text);
        assert!(submission.flags.iter().any(|flag| flag == "signed"), "{:?}", submission.flags);
        let paths: Vec<_> = files(&submission).iter().map(|file| (file.0, file.2)).collect();
        assert!(matches!(paths[..], [("plan.pdf", "1/2" | "1/1/2")]), "{paths:?}");
    }
    let signed_file = wrapped(b"%PDF-1.4").replace("smime.p7m", "offer.pdf.p7m");
    let submission = beside(&signed_file);
    assert_eq!(submission.text.trim(), "Scanned by the gateway.");
    assert_eq!(files(&submission).iter().map(|file| file.0).collect::<Vec<_>>(), ["offer.pdf.p7m"]);
    let no_mail = beside(&wrapped(b"%PDF-1.4"));
    assert_eq!(files(&no_mail).iter().map(|file| (file.0, file.2)).collect::<Vec<_>>(), [("smime.p7m", "1")]);
}

#[test]
fn a_mail_inside_of_an_opaque_signature_is_read_and_an_encrypted_one_is_not() {
    let mail_of = |kind: u8, head: &str| {
        let info = cms(kind, SIGNED_MAIL.as_bytes());
        format!(
            "From: Eva <eva@firma.cz>\nTo: sales@ours.example\nSubject: Chairs\nMIME-Version: 1.0\n{head}\n\
             Content-Transfer-Encoding: base64\n\n{}\n",
            base64(&info)
        )
    };
    for head in [
        "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m",
        "Content-Type: application/x-pkcs7-mime; name=\"smime.p7m\"",
        "Content-Type: application/octet-stream; name=smime.p7m",
    ] {
        let submission = read(&mail_of(2, head));
        assert_eq!(submission.reply, "Dvan\u{e1}ct \u{17e}idl\u{ed}, pros\u{ed}m.", "{head}");
        assert_eq!(submission.flags, ["signed"], "{head}");
        assert!(files(&submission).contains(&("plan.pdf", 8, "1/2")), "{:?}", submission.attachments);
        assert_eq!(submission.mail.unwrap().from.address.as_deref(), Some("eva@firma.cz"), "of the header outside");
    }
    let closed = read(&mail_of(3, "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m"));
    assert_eq!((closed.flags.as_slice(), closed.reply.as_str()), (&["encrypted".to_owned()][..], ""));
}

#[test]
fn a_uuencoded_file_is_a_file_and_no_text() {
    let raw = "From: Eva <eva@firma.cz>\nTo: sales@ours.example\nSubject: Plan\n\nHello, see the plan.\n\n\
               begin 644 plan.txt\n#0V%T\n`\nend\n";
    let submission = read(raw);
    assert_eq!(submission.reply, "Hello, see the plan.");
    assert_eq!(files(&submission), [("plan.txt", 3, "text/1")]);
    let mut long = "From: eva@firma.cz\n\nHi\n".to_owned();
    for n in 0..20_000 {
        writeln!(long, "begin 644 f{n}").unwrap();
    }
    assert!(read(&long).attachments.is_empty(), "words are words, however many");
}

#[test]
fn flowed_lines_are_joined_and_del_sp_drops_its_space() {
    let raw = |parameters: &str, text: &str| {
        format!(
            "From: eva@firma.cz\nSubject: x\nContent-Type: text/plain; charset=utf-8; format=flowed{parameters}\n\n{text}\n"
        )
    };
    assert_eq!(read(&raw("", "We need ten \npumps.\nThanks")).reply, "We need ten pumps.\nThanks");
    assert_eq!(read(&raw("; delsp=yes", "ポン \nプ")).reply, "ポンプ");
}

#[test]
fn signed_and_encrypted_mail_is_marked_and_never_dropped() {
    let flags = |raw: &str| read(raw).flags;
    let clear = "From: eva@firma.cz\nSubject: x\n\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nWe need pumps.\n\
                 - -- \nEva\n-----BEGIN PGP SIGNATURE-----\n\niQEz\n-----END PGP SIGNATURE-----\n";
    assert_eq!(flags(clear), ["signed"]);
    let submission = read(clear);
    assert!(submission.reply.starts_with("We need pumps.") && !submission.text.contains("PGP"), "{}", submission.text);
    let smime = |kind: &str| {
        format!(
            "From: eva@firma.cz\nSubject: x\nContent-Type: application/pkcs7-mime; smime-type={kind}; name=smime.p7m\n\
             Content-Transfer-Encoding: base64\n\nMIIB\n"
        )
    };
    assert_eq!(
        (flags(&smime("enveloped-data")), flags(&smime("signed-data"))),
        (vec!["encrypted".to_owned()], vec!["signed".to_owned()])
    );
    let armoured = "From: eva@firma.cz\nSubject: x\n\n-----BEGIN PGP MESSAGE-----\n\nhQEM\n-----END PGP MESSAGE-----\n";
    assert_eq!(flags(armoured), ["encrypted"]);
    assert!(read(armoured).text.contains("hQEM"), "kept for whoever has the key");
    let (_, enquiry) = understood(&mail(smime("enveloped-data").as_bytes()));
    assert_eq!(enquiry.emails[0].address, "eva@firma.cz", "and its sender is known");
}

const EVENT: &str = "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nDTSTART:20250503T100000Z\nSUMMARY:Visit\nLOCATION:Brno\n\
                     ORGANIZER:mailto:eva@firma.cz\nDESCRIPTION:About the roof\nEND:VEVENT\nEND:VCALENDAR\n";

#[test]
fn an_invitation_is_read() {
    let raw = format!(
        "From: Eva <eva@firma.cz>\nSubject: Visit\nContent-Type: text/calendar; method=REQUEST; charset=utf-8\n\n{EVENT}"
    );
    let (submission, enquiry) = understood(&mail(raw.replace('\n', "\r\n").as_bytes()));
    let event = submission.mail.unwrap().event.expect("an event");
    assert_eq!((event.starts.as_deref(), event.location.as_deref()), (Some("2025-05-03T10:00:00Z"), Some("Brno")));
    let kept: Vec<_> = enquiry.custom.iter().map(|c| (c.name.as_str(), c.value.as_str())).collect();
    assert_eq!(kept, [("event", "2025-05-03T10:00:00Z Visit (Brno)")]);
    assert!(submission.reply.contains("About the roof"), "{}", submission.reply);
}

#[test]
fn the_senders_card_tells_of_them_and_anothers_card_is_a_file() {
    let raw = |address: &str| {
        format!(
            "From: Eva <eva@firma.cz>\nTo: sales@ours.example\nSubject: x\nMIME-Version: 1.0\n\
             Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nWe need pumps.\n--b\n\
             Content-Type: text/vcard; charset=utf-8; name=eva.vcf\nContent-Disposition: attachment\n\n\
             BEGIN:VCARD\nVERSION:3.0\nFN:Eva Malá\nN:Malá;Eva;;;\nORG:Firma s.r.o.\nTITLE:Buyer\nEMAIL:{address}\n\
             TEL;type=CELL:+420 777 123 456\nEND:VCARD\n--b--\n"
        )
    };
    let (submission, enquiry) = understood(&mail(raw("Eva@firma.cz").replace('\n', "\r\n").as_bytes()));
    assert_eq!(enquiry.person.full_name.as_deref(), Some("Eva Malá"));
    assert_eq!(enquiry.organisation.name.as_deref(), Some("Firma s.r.o."));
    assert_eq!(enquiry.person.job_title.as_deref(), Some("Buyer"));
    assert_eq!(enquiry.phones[0].e164.as_deref(), Some("+420777123456"));
    assert_eq!(enquiry.message, "We need pumps.");
    assert_eq!(submission.attachments.len(), 1, "and the card stays a file");
    let (_, other) = understood(&mail(raw("jan@jinde.cz").replace('\n', "\r\n").as_bytes()));
    assert!(other.phones.is_empty() && other.person.job_title.is_none(), "{other:?}");
    assert_eq!(other.emails.len(), 1, "an address is never taken from a card");
}

#[test]
fn a_picture_that_the_text_shows_is_no_attached_file() {
    let raw = "From: Eva <eva@firma.cz>\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/related; boundary=b\n\n--b\n\
        Content-Type: text/html; charset=utf-8\n\n<p>See <img src=\"cid:Logo@x\"></p>\n--b\nContent-Type: image/png; name=logo.png\n\
        Content-ID: <logo@x>\nContent-Transfer-Encoding: base64\n\nAAAA\n--b\nContent-Type: image/png; name=roof.png\n\
        Content-ID: <roof@x>\nContent-Disposition: attachment\nContent-Transfer-Encoding: base64\n\nAAAA\n--b--\n";
    let submission = read(raw);
    let told: Vec<_> = submission.attachments.iter().map(|a| (a.name.as_str(), a.inline)).collect();
    assert_eq!(told, [("logo.png", true), ("roof.png", false)]);
}
