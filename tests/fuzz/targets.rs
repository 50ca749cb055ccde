//! What must hold on any bytes: shared by the fuzz targets and the seeded mutation test.

use pisteur::clock::Timestamp;
use pisteur::domain::enquiry::understand;
use pisteur::domain::envelope::{ArrivalContext, Channel, Digest, Envelope, RawKind};
use pisteur::domain::reading::arrival_key::mail_keys;
use pisteur::domain::reading::{ReadSettings, read};

fn envelope(raw: &[u8], raw_kind: RawKind, content_type: Option<&str>) -> Envelope {
    Envelope {
        id: ulid::Ulid::nil(),
        channel: if raw_kind == RawKind::Mail { Channel::Mail } else { Channel::Form },
        intake_id: "fuzz".to_owned(),
        keys: Vec::new(),
        received_at: Timestamp::from_seconds(1_741_600_000),
        digest: Digest::of(raw),
        raw_kind,
        content_type: content_type.map(str::to_owned),
        context: ArrivalContext::default(),
        raw: raw.to_vec().into(),
    }
}

fn check(envelope: &Envelope) {
    let settings = ReadSettings {
        own_domains: vec!["ours.example".to_owned()],
        own_addresses: vec!["sales@ours.example".to_owned()],
        default_country: "FR".to_owned(),
        ..ReadSettings::default()
    };
    let submission = read(envelope, &settings);
    let enquiry = understand(&submission, envelope, &settings);
    assert!(submission.text.len() <= settings.limits.text_bytes + 4_096, "the text is bounded");
    assert!(!submission.text.contains('\0') && !enquiry.message.contains('\0'), "no NUL comes out");
    assert!(submission.fields.len() <= settings.limits.fields, "fields are bounded");
    assert!(is_subsequence(&submission.reply, &submission.text), "the reply is made of the text");
    assert!(submission.reply.trim().is_empty() == submission.text.trim().is_empty(), "a text never becomes empty");
    assert!(enquiry.emails.len() <= 10 && enquiry.phones.len() <= 10, "contact points are bounded");
}

/// Words of `part` stand in `whole` in the same order.
fn is_subsequence(part: &str, whole: &str) -> bool {
    let mut words = whole.split_whitespace();
    part.split_whitespace().all(|word| words.any(|w| w == word))
}

/// Any bytes as a mail.
pub fn raw_mail(raw: &[u8]) {
    assert_eq!(mail_keys(raw).len(), 1);
    check(&envelope(raw, RawKind::Mail, None));
}

/// Any bytes as a form body, in each encoding.
pub fn form_body(raw: &[u8]) {
    for content_type in
        ["application/x-www-form-urlencoded", "multipart/form-data; boundary=xyz", "application/json", ""]
    {
        check(&envelope(raw, RawKind::Form, Some(content_type)));
    }
}

/// Any text as the page a visitor asks to be sent to: never another site than those that the form lists.
pub fn redirect(text: &str) {
    use pisteur::config::form::FormConfig;
    use pisteur::intake::form::redirect::{Sender, Target, asked, carried, target};
    let form = FormConfig { allowed_redirects: vec!["https://ok.example".to_owned()], ..FormConfig::named("contact") };
    let site = |name: &str| Sender::Website(format!("https://{name}"));
    let here = || "https://own.invalid".to_owned();
    let senders =
        [Sender::Unknown, Sender::Ours(here()), Sender::Beside(here()), site("ok.example"), site("elsewhere.example")];
    for from in senders {
        let again = carried(&form, &[("_next".to_owned(), text.to_owned())], &from);
        let later = target(&form, asked(&again), &Sender::Ours(here()));
        for found in [target(&form, Some(text), &from), later] {
            let Target::Page(page) = found else { continue };
            leads_only_where_the_form_says(text, &page);
        }
    }
}

fn leads_only_where_the_form_says(text: &str, page: &str) {
    assert!(page.bytes().all(|b| b.is_ascii_graphic()), "{page:?} can stand in a header");
    let base = url::Url::parse("https://own.invalid/f/contact").expect("an address");
    let seen = base.join(page).expect("an address that browsers read");
    assert!(matches!(seen.host_str(), Some("own.invalid" | "ok.example")), "{text:?} leads to {seen}");
    assert_eq!(seen.scheme(), "https", "{text:?} leads to {seen}");
    assert!(seen.username().is_empty() && seen.password().is_none(), "{text:?} leads to {seen}");
    assert!(!page.starts_with("//") && !page.contains('\\'), "{page:?}");
}

/// Any text where it is shown: on one line, in a header of a mail, in a table.
pub fn shown(text: &str) {
    use pisteur::domain::{plain, spreadsheet};
    let line = plain::one_line(text, 80);
    assert!(line.chars().all(plain::is_shown), "{line:?} steers nothing");
    assert!(plain::width(&line) <= 81, "{line:?} is one line");
    let cell = spreadsheet::inert(text);
    assert!(cell.chars().all(|c| c == '\n' || plain::is_shown(c)), "{cell:?} steers nothing");
    for part in cell.split(['\n', ',', ';', '\t', '|']) {
        let first = part.trim_start_matches(|c: char| c.is_whitespace() || c == '"').chars().next();
        assert!(!first.is_some_and(|c| "=+-@＝＋－＠".contains(c)), "{text:?} -> {cell:?} begins a formula");
    }
}
