//! What must hold on any bytes: shared by the fuzz targets and the seeded mutation test.

use pisteur::clock::Timestamp;
use pisteur::domain::enquiry::understand;
use pisteur::domain::envelope::{ArrivalContext, Channel, Digest, Envelope, RawKind};
use pisteur::domain::reading::arrival_key::mail_keys;
use pisteur::domain::reading::{ReadSettings, prospects, read};

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
    for said in [serde_json::to_string(&submission), serde_json::to_string(&enquiry)] {
        let said = said.expect("everything can be written as JSON");
        // No database takes it in a text.
        assert!(!said.replace("\\\\", "").contains("\\u0000"), "no NUL comes out: {said}");
    }
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
    let whole = envelope(raw, RawKind::Mail, None);
    check(&whole);
    let parts = prospects::apart(whole, ulid::Ulid::nil);
    assert!((1..=prospects::MOST + 1).contains(&parts.len()));
    if parts.len() > 1 {
        parts.iter().take(20).for_each(check);
    }
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

/// Any bytes as a request to a hook: the first byte picks the adapter, the second the content type.
pub fn hook_body(raw: &[u8]) {
    let kinds = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=B", ""];
    let (Some((adapter, rest)), adapters) = (raw.split_first(), adapters()) else { return };
    let Some((kind, body)) = rest.split_first() else { return };
    let adapter = &adapters[usize::from(*adapter) % adapters.len()];
    hook_body_by(adapter, body, kinds[usize::from(*kind) % kinds.len()]);
}

/// The adapters whose requests are documents.
pub fn adapters() -> Vec<std::sync::Arc<pisteur::domain::hooks::Adapter>> {
    use pisteur::config::hook::Adapters;
    use std::sync::LazyLock;
    static ALL: LazyLock<Adapters> = LazyLock::new(|| Adapters::load(None).0);
    ALL.iter().filter(|adapter| !adapter.mail).cloned().collect()
}

/// Takes a body apart, as the door does, and reads it, as a worker does, by one adapter.
pub fn hook_body_by(adapter: &pisteur::domain::hooks::Adapter, raw: &[u8], content_type: &str) {
    use pisteur::config::hook::HookConfig;
    use pisteur::domain::hooks::document::Document;
    use pisteur::domain::hooks::explode::{MOST, explode};
    use pisteur::domain::hooks::verify::{Evidence, Unproven};
    use pisteur::domain::hooks::{self, read};
    use pisteur::domain::reading::ReadLimits;
    let (limits, name) = (ReadLimits::default(), adapter.name.as_str());
    let settings = ReadSettings { limits, ..ReadSettings::default() };
    let hook = HookConfig { id: "x".to_owned(), ..HookConfig::default() }.reading(adapter);
    let of_hook = |raw: &[u8], content_type: &str| {
        let mut envelope = envelope(raw, RawKind::Form, Some(content_type));
        envelope.channel = Channel::Webhook;
        read::read(&envelope, &hook, &settings)
    };
    let document = Document::read(raw, Some(content_type), &hook.json, &limits);
    if let Ok(leads) = explode(&document, &hook.request) {
        assert!((1..=MOST).contains(&leads.len()), "{name}");
        assert!(leads.len() == 1 || leads.iter().all(|lead| lead.alone.is_some()), "{name}: each stands alone");
        for own in leads.iter().filter_map(|lead| lead.alone.as_deref()).take(20) {
            let alone = Document::read(own, Some("application/json"), &hook.json, &limits);
            assert_eq!(explode(&alone, &hook.request).map(|leads| leads.len()), Ok(1), "{name}");
            let flags = of_hook(own, "application/json").flags;
            assert!(flags.iter().all(|flag| flag != hooks::TOO_MANY_LEADS), "{name}");
        }
    }
    let read = of_hook(raw, content_type);
    assert!(read.fields.len() <= limits.fields + 50, "{name}");
    assert!(read.fields.iter().map(|f| f.value.len()).sum::<usize>() <= limits.text_bytes + 4_096, "{name}");
    assert!(read.fields.iter().all(|f| !f.value.contains('\0') && !f.name.contains('\0')), "{name}");
    let headers: std::collections::BTreeMap<String, String> = std::collections::BTreeMap::new();
    for verifier in &adapter.verifiers {
        let evidence =
            Evidence { headers: &headers, body: raw, content_type: Some(content_type), path_secret: None, now: 0 };
        let proven = verifier.verify(&["0123456789abcdef".to_owned()], &evidence);
        let refused = [Unproven::Missing, Unproven::NoTime, Unproven::Wrong, Unproven::NoSecret];
        assert!(proven.is_err_and(|why| refused.contains(&why)), "{name}");
    }
}

/// Any text as an adapter file: it compiles, or says where it is wrong.
pub fn adapter_file(text: &str) {
    match pisteur::domain::hooks::Adapter::parse("own", "own.toml", text) {
        Ok(adapter) => {
            hook_body_by(&adapter, b"{\"a\":[{\"b\":[1,2]},{\"b\":[]}],\"c\":{\"d\":\"e\"}}", "application/json");
        }
        Err(fault) => {
            assert!((1..=text.lines().count().max(1) + 1).contains(&fault.line), "{fault}");
            assert!(!fault.message.is_empty());
        }
    }
}

/// Any text as a file of templates: it compiles, goes through JSON as it is and reads mails, or says where it is wrong.
pub fn template_file(text: &str) {
    use pisteur::domain::reading::template;
    let written = match template::parse("own.toml", text) {
        Ok(written) => written,
        Err(fault) => {
            assert!((1..=text.lines().count().max(1) + 1).contains(&fault.line), "{fault}");
            assert!(!fault.message.is_empty());
            return;
        }
    };
    for one in written.iter().take(5) {
        let settings = ReadSettings { templates: vec![one.template.clone()], ..ReadSettings::default() };
        let json = serde_json::to_string(&settings).expect("written");
        assert_eq!(serde_json::from_str::<ReadSettings>(&json).expect("read again"), settings);
        for (_, case) in one.cases.iter().take(5).filter(|(_, case)| case.mail.is_none()) {
            let envelope = envelope(&case.raw(&one.template), RawKind::Mail, None);
            let read = read(&envelope, &settings);
            let routed = |field: &pisteur::domain::submission::Field| {
                use pisteur::domain::submission::Canonical::{Campaign, InquiryKind, Medium, Source};
                field.canonical.is_some_and(|canonical| [Source, Medium, Campaign, InquiryKind].contains(&canonical))
            };
            assert!(read.by_template().is_none() || !read.fields.iter().any(routed), "nobody vouches for the sender");
            assert!(read.fields.len() <= settings.limits.fields, "fields are bounded");
        }
    }
}

/// Any bytes as a mail, read by templates whose sender anybody may write.
pub fn portal_mail(raw: &[u8], templates: &[pisteur::domain::reading::Template]) {
    let settings = ReadSettings { templates: templates.to_vec(), ..ReadSettings::default() };
    let envelope = envelope(raw, RawKind::Mail, None);
    let submission = read(&envelope, &settings);
    let enquiry = understand(&submission, &envelope, &settings);
    let Some(_) = submission.by_template() else { return };
    let portal = submission.mail.as_ref().and_then(|mail| mail.from.address.as_deref()).unwrap_or_default();
    let typed = submission.fields.iter().any(|field| field.value.to_lowercase().contains(&portal.to_lowercase()));
    assert!(typed || enquiry.emails.iter().all(|email| !email.address.eq_ignore_ascii_case(portal)), "{portal}");
    assert_eq!((&enquiry.attribution.source, &enquiry.attribution.medium), (&None, &None), "nobody vouches for it");
    assert!(submission.fields.iter().all(|field| field.value.len() <= 100_000 && !field.value.contains('\0')));
}
