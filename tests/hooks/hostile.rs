//! Whatever the bytes, whatever the adapter: reading ends, within its bounds, and says what it is.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pisteur::clock::Timestamp;
use pisteur::config::hook::{Adapters, HookConfig};
use pisteur::domain::envelope::{ArrivalContext, Channel, Digest, Envelope, RawKind};
use pisteur::domain::hooks::document::Document;
use pisteur::domain::hooks::explode::{MOST, Unfit, explode};
use pisteur::domain::hooks::read::read;
use pisteur::domain::hooks::verify::{Evidence, Unproven};
use pisteur::domain::reading::{ReadLimits, ReadSettings};
use proptest::prelude::*;
use serde_json::json;

use super::rig::Fixture;

fn envelope(raw: &[u8], content_type: &str) -> Envelope {
    Envelope {
        id: ulid::Ulid::nil(),
        channel: Channel::Webhook,
        intake_id: "x".to_owned(),
        keys: Vec::new(),
        received_at: Timestamp::from_seconds(0),
        digest: Digest::of(raw),
        raw_kind: RawKind::Form,
        content_type: Some(content_type.to_owned()),
        context: ArrivalContext::default(),
        raw: raw.to_vec().into(),
    }
}

/// Takes a body apart, as the door does, and reads it, as a worker does, by every adapter.
fn by_every_adapter(raw: &[u8], content_type: &str) {
    let limits = ReadLimits::default();
    let settings = ReadSettings { limits, ..ReadSettings::default() };
    let (adapters, _) = Adapters::load(None);
    for adapter in adapters.iter().filter(|a| !a.mail) {
        let hook = HookConfig { id: "x".to_owned(), ..HookConfig::default() }.reading(adapter);
        let document = Document::read(raw, Some(content_type), &hook.json, &limits);
        if let Ok(leads) = explode(&document, &hook.request) {
            assert!((1..=MOST).contains(&leads.len()));
            for lead in leads.iter().filter_map(|lead| lead.alone.as_deref()).take(20) {
                let alone = Document::read(lead, Some("application/json"), &hook.json, &limits);
                assert_eq!(explode(&alone, &hook.request).map(|l| l.len()), Ok(1), "{}", adapter.name);
            }
        }
        let read = read(&envelope(raw, content_type), &hook, &settings);
        assert!(read.fields.len() <= limits.fields + 50, "{}", adapter.name);
        assert!(
            read.fields.iter().map(|f| f.value.len()).sum::<usize>() <= limits.text_bytes + 4_096,
            "{}",
            adapter.name
        );
        assert!(read.fields.iter().all(|f| !f.value.contains('\0') && !f.name.contains('\0')), "{}", adapter.name);
        let headers: BTreeMap<String, String> = BTreeMap::new();
        for verifier in &adapter.verifiers {
            let evidence =
                Evidence { headers: &headers, body: raw, content_type: Some(content_type), path_secret: None, now: 0 };
            let proven = verifier.verify(&["0123456789abcdef".to_owned()], &evidence);
            assert!(
                matches!(proven, Err(Unproven::Missing | Unproven::NoTime | Unproven::Wrong | Unproven::NoSecret)),
                "{}",
                adapter.name
            );
        }
    }
}

#[test]
fn broken_and_changed_requests_are_read_to_an_end() {
    for (_, fixture) in Fixture::all() {
        let body = fixture.body.as_bytes();
        for cut in (0..body.len()).step_by(body.len() / 12 + 1) {
            by_every_adapter(&body[..cut], &fixture.content_type);
            let mut changed = body.to_vec();
            changed[cut] = b'[';
            by_every_adapter(&changed, &fixture.content_type);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_bytes_under_any_type_are_read(raw in proptest::collection::vec(any::<u8>(), 0..400), kind in 0..4_usize) {
        let kinds = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=B", ""];
        by_every_adapter(&raw, kinds[kind]);
    }
}

#[test]
fn hostile_sizes_end_in_time() {
    let started = Instant::now();
    let deep = "[".repeat(100_000);
    let wide = json!({"event_type": "form_response", "form_response": {"token": "t",
        "definition": {"fields": (0..8_000).map(|i| json!({"id": i, "title": "x"})).collect::<Vec<_>>()},
        "answers": (0..8_000).map(|i| json!({"type": "text", "text": "y", "field": {"id": 7_999 - i % 2}})).collect::<Vec<_>>()}});
    let options = json!({"eventType": "FORM_RESPONSE", "data": {"fields": (0..300).map(|_| json!({"label": "l", "type": "CHECKBOXES",
        "value": (0..60).map(|i| i.to_string()).collect::<Vec<_>>(),
        "options": (0..60).map(|i| json!({"id": (59 - i).to_string(), "text": "t"})).collect::<Vec<_>>()})).collect::<Vec<_>>()}});
    let changes: Vec<_> = (0..MOST).map(|i| json!({"field": "leadgen", "value": {"leadgen_id": i}})).collect();
    let many = json!({"object": "page", "entry": [{"changes": changes}]});
    let pairs = (0..50_000).map(|i| format!("a[{}][b]={i}&", i % 100)).collect::<Vec<_>>().concat();
    for (raw, kind) in [
        (deep.as_str(), "application/json"),
        (&wide.to_string(), "application/json"),
        (&options.to_string(), "application/json"),
        (&many.to_string(), "application/json"),
        (&pairs, "application/x-www-form-urlencoded"),
    ] {
        by_every_adapter(raw.as_bytes(), kind);
    }
    // A net, not a measure: quadratic work on these would take hours.
    assert!(started.elapsed() < Duration::from_secs(300));
    let (adapters, _) = Adapters::load(None);
    let meta = HookConfig::default().reading(adapters.get("meta-lead-ads").unwrap());
    let more: Vec<_> = (0..=MOST).map(|i| json!({"field": "leadgen", "value": {"leadgen_id": i}})).collect();
    let body = json!({"entry": [{"changes": more}]}).to_string();
    let document = Document::read(body.as_bytes(), Some("application/json"), &[], &ReadLimits::default());
    assert_eq!(explode(&document, &meta.request), Err(Unfit::TooMany));
}
