//! From bytes to enquiry on one core, in this process.

use std::time::Instant;

use pisteur::clock::Timestamp;
use pisteur::domain::enquiry;
use pisteur::domain::envelope::{ArrivalContext, Channel, Digest, Envelope, RawKind};
use pisteur::domain::reading::{self, ReadSettings};

use crate::figures::median;

/// A mail as it arrives.
pub fn envelope(raw: Vec<u8>) -> Envelope {
    Envelope {
        id: ulid::Ulid::nil(),
        channel: Channel::Mail,
        intake_id: "sales".to_owned(),
        keys: Vec::new(),
        received_at: Timestamp::from_seconds(1_795_165_200),
        digest: Digest::of(&raw),
        raw_kind: RawKind::Mail,
        content_type: None,
        context: ArrivalContext::default(),
        raw: raw.into(),
    }
}

/// Mails of about 4 kB a second, plain and HTML, texts that differ.
pub fn measure() -> String {
    let settings = ReadSettings { default_country: "FR".to_owned(), ..ReadSettings::default() };
    let sentence = |n: usize| {
        format!(
            "Bonjour, nous souhaitons recevoir {n} pompes du type X{}, livraison avant le {} mars, merci.",
            n * 7,
            n % 28
        )
    };
    let head = |n: usize| {
        format!(
            "From: Claire{n} Moreau <claire{n}@moreau-{n}.fr>\r\nTo: sales@our-company.example\r\nSubject: Demande {n}\r\n\
             Date: Mon, 3 Mar 2025 10:11:10 +0100\r\nMessage-ID: <m{n}@moreau-{n}.fr>\r\nMIME-Version: 1.0\r\n"
        )
    };
    let plain = |n: usize| {
        let text: Vec<String> = (0..38).map(|k| sentence(n + k)).collect();
        format!("{}Content-Type: text/plain; charset=utf-8\r\n\r\n{}\r\n-- \r\nClaire\r\n", head(n), text.join("\r\n"))
    };
    let html = |n: usize| {
        let text: Vec<String> = (0..36).map(|k| format!("<p>{}</p>", sentence(n + k))).collect();
        format!(
            "{}Content-Type: text/html; charset=utf-8\r\n\r\n<html><body>{}</body></html>\r\n",
            head(n),
            text.concat()
        )
    };
    let rate = |make: &dyn Fn(usize) -> String| {
        let mails: Vec<Envelope> = (0..200).map(|n| envelope(make(n).into_bytes())).collect();
        let rounds: Vec<f64> = (0..7)
            .map(|_| {
                let begun = Instant::now();
                for mail in &mails {
                    let submission = reading::read(mail, &settings);
                    std::hint::black_box(enquiry::understand(&submission, mail, &settings));
                }
                mails.len() as f64 / begun.elapsed().as_secs_f64()
            })
            .collect();
        median(&rounds)
    };
    format!("bytes to enquiry, one core, 4 kB mails: plain {:.0}/s, HTML {:.0}/s", rate(&plain), rate(&html))
}
