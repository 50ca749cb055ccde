//! How a mail travels changes nothing of what it says: line ends, transfer encodings, and reading it again.

use base64::Engine as _;
use pisteur::domain::enquiry::Enquiry;
use pisteur::domain::submission::Submission;

use super::generated::{Case, adf, notifications, signatures};
use super::{mail, understood};

const SEEDS: std::ops::Range<u64> = 5_000..5_120;
const PLAIN: &str = "Content-Transfer-Encoding: 8bit";

fn cases() -> impl Iterator<Item = Case> {
    SEEDS.map(notifications::case).chain(SEEDS.map(signatures::case)).chain(SEEDS.map(adf::case))
}

/// Everything but where the parts lie in the bytes.
fn said(raw: &[u8]) -> (Submission, Enquiry) {
    let (mut submission, enquiry) = understood(&mail(raw));
    submission.attachments.iter_mut().for_each(|file| file.part.clear());
    (submission, enquiry)
}

/// Header and body of a mail of one part.
fn one_part(raw: &[u8]) -> Option<(String, String)> {
    let text = String::from_utf8(raw.to_vec()).unwrap();
    let (header, body) = text.split_once("\r\n\r\n")?;
    header.contains(PLAIN).then(|| (header.to_owned(), body.to_owned()))
}

fn quoted_printable(body: &str) -> String {
    let mut out = String::new();
    for line in body.split("\r\n") {
        let mut column = 0;
        for byte in line.bytes() {
            let plain = matches!(byte, b'!'..=b'<' | b'>'..=b'~');
            let piece = if plain { char::from(byte).to_string() } else { format!("={byte:02X}") };
            if column + piece.len() > 75 {
                out.push_str("=\r\n");
                column = 0;
            }
            column += piece.len();
            out.push_str(&piece);
        }
        out.push_str("\r\n");
    }
    out
}

fn base64_lines(body: &str) -> String {
    let encoded = base64::engine::general_purpose::STANDARD.encode(body);
    encoded.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned() + "\r\n").collect()
}

#[test]
fn transfer_encodings_and_line_ends_change_nothing() {
    let mut compared = 0;
    for case in cases() {
        let Some((header, body)) = one_part(&case.raw) else { continue };
        let (submission, enquiry) = said(&case.raw);
        let with = |encoding: &str, body: &str| {
            let header = header.replace(PLAIN, &format!("Content-Transfer-Encoding: {encoding}"));
            format!("{header}\r\n\r\n{body}").into_bytes()
        };
        let unix = String::from_utf8(case.raw.clone()).unwrap().replace("\r\n", "\n").into_bytes();
        for (how, raw) in [
            ("base64", with("base64", &base64_lines(&body))),
            ("quoted-printable", with("quoted-printable", &quoted_printable(body.trim_end_matches("\r\n")))),
            ("LF", unix),
        ] {
            let (other, meant) = said(&raw);
            assert_eq!(other.class, submission.class, "{how}, {}", case.layout);
            assert_eq!(other.fields, submission.fields, "{how}, {}", case.layout);
            assert_eq!(other.reply, submission.reply, "{how}, {}", case.layout);
            assert_eq!(other.text.trim_end(), submission.text.trim_end(), "{how}, {}", case.layout);
            assert_eq!(meant, enquiry, "{how}, {}", case.layout);
        }
        compared += 1;
    }
    assert!(compared > 200, "{compared} mails of one part");
}

#[test]
fn reading_again_reads_the_same() {
    for case in cases() {
        assert_eq!(said(&case.raw), said(&case.raw), "{}", case.layout);
    }
}
