//! Laws: reading is total on any bytes, bounded, and the same twice.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use pisteur::domain::enquiry::email::EmailAddress;
use pisteur::domain::enquiry::phone::PhoneE164;
use pisteur::domain::enquiry::{name, postcode, strip_prefixes};
use pisteur::domain::reading::{template, text};

use super::targets;
use super::{corpus_folder, files};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_read_as_mail_and_as_form(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        targets::raw_mail(&bytes);
        targets::form_body(&bytes);
    }

    #[test]
    fn any_text_leads_nowhere_else_and_is_shown_as_text(
        text in "([/\\\\ht:ps?#@.%\t\n e\u{e000}-\u{e010}oké=+,;\"-]|https://|ok\\.example|//|%2f|%0d%0a|evil\\.example){0,24}"
    ) {
        targets::redirect(&text);
        targets::shown(&text);
    }

    #[test]
    fn any_header_and_any_text_are_read(header in "[A-Za-z-]{1,12}: [^\r\n]{0,60}\n", text in "(?s).{0,400}") {
        targets::raw_mail(format!("{header}From: a@b.cz\nIn-Reply-To: <x@y>\n\n{text}").as_bytes());
    }

    #[test]
    fn canonical_of_canonical_is_itself(local in "[a-zA-Z0-9._+-]{1,20}", at in 0_usize..6) {
        let domain = ["gmail.com", "Outlook.com", "pm.me", "firma.cz", "müller.de", "yahoo.fr"][at];
        if let Some(address) = EmailAddress::parse(&format!("{local}@{domain}")) {
            let once = address.canonical();
            if let Some(again) = EmailAddress::parse(&once) {
                prop_assert_eq!(again.canonical(), once);
            }
        }
    }

    #[test]
    fn a_number_read_twice_is_read_once(digits in "[0-9 ().+-]{6,20}", at in 0_usize..4) {
        let region = ["FR", "CZ", "IR", "US"][at];
        if let Some(once) = PhoneE164::parse(&digits, Some(region)) {
            prop_assert_eq!(PhoneE164::parse(once.as_str(), Some(region)), Some(once.clone()));
            prop_assert_eq!(PhoneE164::parse(once.as_str(), None), Some(once));
        }
    }

    #[test]
    fn cleaning_texts_and_postcodes_twice_is_once(raw in "(?s).{0,80}") {
        let (once, _) = text::clean(&raw, 1_000);
        prop_assert_eq!(&text::clean(&once, 1_000).0, &once);
        let line = text::one_line(&raw, 40);
        prop_assert_eq!(text::one_line(&line, 40), line);
        prop_assert_eq!(strip_prefixes(strip_prefixes(&raw)), strip_prefixes(&raw));
        if let Some(code) = postcode::read(&raw, Some("FR")) {
            prop_assert_eq!(postcode::read(&code, Some("FR")), Some(code));
        }
        name::parse(&raw);
    }
}

/// A small generator (xorshift): the same seed, the same mutations.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (below.max(1) as u64)).unwrap()
    }
}

/// Flips, cuts, repeats and splices bytes.
fn mutate(raw: &[u8], other: &[u8], random: &mut Seeded) -> Vec<u8> {
    let mut out = raw.to_vec();
    for _ in 0..=random.next(6) {
        let at = random.next(out.len() + 1);
        let end = (at + random.next(60)).min(out.len());
        match random.next(7) {
            0 if at < out.len() => out[at] = u8::try_from(random.next(256)).unwrap(),
            1 => out.truncate(at),
            2 => {
                out.drain(at..end);
            }
            3 => {
                let piece = out[at..end].to_vec();
                for _ in 0..random.next(8) {
                    out.splice(at..at, piece.iter().copied());
                }
            }
            4 => {
                let from = random.next(other.len() + 1);
                let to = (from + random.next(200)).min(other.len());
                out.splice(at..end, other[from..to].iter().copied());
            }
            5 => {
                let tokens: [&[u8]; 8] = [
                    b"\r\n\r\n",
                    b"--",
                    b"\0",
                    b"=?utf-8?b?",
                    b"<",
                    b":",
                    b"\xff\xfe",
                    b"Content-Type: message/rfc822\n\n",
                ];
                out.splice(at..at, tokens[random.next(8)].iter().copied());
            }
            _ => out.reverse(),
        }
        out.truncate(200_000);
    }
    out
}

#[test]
fn mutated_mails_of_portals_name_no_portal_and_route_nothing() {
    let templates: Vec<_> =
        super::templates::examples().iter().flat_map(|text| template::parse("guide", text).unwrap()).collect();
    let all: Vec<_> = templates.iter().map(|written| written.template.clone()).collect();
    let mails: Vec<Vec<u8>> =
        templates.iter().flat_map(|w| w.cases.iter().map(|(_, case)| case.raw(&w.template))).collect();
    let mut random = Seeded(0x5eed_1234_abcd_0002);
    let deadline = Instant::now() + Duration::from_secs(4);
    for round in 0..3_000 {
        let (raw, other) = (&mails[round % mails.len()], &mails[random.next(mails.len())]);
        targets::portal_mail(&mutate(raw, other, &mut random), &all);
        if Instant::now() > deadline {
            break;
        }
    }
}

#[test]
fn thousands_of_mutated_fixtures_are_read() {
    let seeds: Vec<(bool, Vec<u8>)> = files(&corpus_folder())
        .into_iter()
        .filter(|p| p.extension().is_some())
        .map(|p| (p.extension().is_some_and(|e| e == "eml"), std::fs::read(&p).unwrap()))
        .collect();
    let mut random = Seeded(0x5eed_1234_abcd_0001);
    // A bound on the work, not a measure: slow machines make fewer rounds.
    let deadline = Instant::now() + Duration::from_secs(8);
    let mut rounds = 0;
    while rounds < 6_000 && Instant::now() < deadline {
        let (is_mail, raw) = &seeds[random.next(seeds.len())];
        let (_, other) = &seeds[random.next(seeds.len())];
        let mutated = mutate(raw, other, &mut random);
        if *is_mail {
            targets::raw_mail(&mutated);
        } else {
            targets::form_body(&mutated);
            targets::hook_body(&mutated);
        }
        rounds += 1;
    }
    println!("{rounds} mutations read");
}
