//! Whatever the bytes, whatever the adapter: reading ends, within its bounds, and says what it is.

use pisteur::config::hook::{Adapters, HookConfig};
use pisteur::domain::hooks::document::Document;
use pisteur::domain::hooks::explode::{MOST, NODES, Unfit, explode, explode_within};
use pisteur::domain::hooks::mapping::Mapping;
use pisteur::domain::hooks::path::Budget;
use pisteur::domain::reading::ReadLimits;
use proptest::prelude::*;
use serde_json::json;

use super::rig::Fixture;
use crate::reading::targets;

/// Takes a body apart and reads it by every adapter.
fn by_every_adapter(raw: &[u8], content_type: &str) {
    for adapter in targets::adapters() {
        targets::hook_body_by(&adapter, raw, content_type);
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
fn every_built_in_adapter_cut_and_changed_compiles_or_says_where_it_is_wrong() {
    for (_, text) in pisteur::config::hook::BUILT_IN_ADAPTERS {
        for cut in (0..text.len()).step_by(text.len() / 40 + 1).filter(|cut| text.is_char_boundary(*cut)) {
            targets::adapter_file(&text[..cut]);
            for put in ["[", "\"", "=", ".", "[]", "\n"] {
                targets::adapter_file(&format!("{}{put}{}", &text[..cut], &text[cut..]));
            }
        }
    }
}

#[test]
fn hostile_sizes_are_read_to_an_end() {
    let deep = "[".repeat(100_000);
    let wide = json!({"event_type": "form_response", "form_response": {"token": "t",
        "definition": {"fields": (0..8_000).map(|i| json!({"id": i, "title": "x"})).collect::<Vec<_>>()},
        "answers": (0..8_000).map(|i| json!({"type": "text", "text": "y", "field": {"id": 7_999 - i % 2}})).collect::<Vec<_>>()}});
    let options = json!({"eventType": "FORM_RESPONSE", "data": {"fields": (0..300).map(|_| json!({"label": "l", "type": "CHECKBOXES",
        "value": (0..60).map(|i| i.to_string()).collect::<Vec<_>>(),
        "options": (0..60).map(|i| json!({"id": (59 - i).to_string(), "text": "t"})).collect::<Vec<_>>()})).collect::<Vec<_>>()}});
    let changes: Vec<_> = (0..2_000).map(|i| json!({"field": "leadgen", "value": {"leadgen_id": i}})).collect();
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
}

/// An announcement of so many leads, read.
fn announcing(leads: usize) -> Document {
    let changes: Vec<_> = (0..leads).map(|i| json!({"field": "leadgen", "value": {"leadgen_id": i}})).collect();
    let body = json!({"entry": [{"changes": changes}]}).to_string();
    Document::read(body.as_bytes(), Some("application/json"), &[], &ReadLimits::default())
}

#[test]
fn twice_as_many_leads_are_twice_the_work_and_more_than_are_taken_is_said() {
    let (adapters, _) = Adapters::load(None);
    let meta = HookConfig::default().reading(adapters.get("meta-lead-ads").unwrap()).request;
    let spent = |leads: usize| {
        let mut budget = Budget::of(NODES);
        let found = explode_within(&announcing(leads), &meta, &mut budget).unwrap();
        assert_eq!(found.len(), leads);
        NODES - budget.left()
    };
    let one = spent(1);
    assert!((1..=100).contains(&one), "{one} nodes for one lead");
    assert_eq!(spent(MOST), one * MOST as u64, "each costs as much as the first");
    assert_eq!(explode(&announcing(MOST + 1), &meta), Err(Unfit::TooMany));
}

#[test]
fn a_request_whose_leads_look_at_all_of_it_is_not_taken_apart() {
    // What each of them is known by lies at the end of a list that is as long as they are many.
    let mapping: Mapping = toml::from_str("leads = \"rows[]\"\nid = \"$.rows[id=(of)].id\"").unwrap();
    let rows: Vec<_> = (0..MOST).map(|i| json!({"id": i, "of": MOST - 1})).collect();
    let body = json!({"rows": rows}).to_string();
    let document = Document::read(body.as_bytes(), Some("application/json"), &[], &ReadLimits::default());
    let mut budget = Budget::of(NODES);
    assert_eq!(explode_within(&document, &mapping, &mut budget), Err(Unfit::TooMany));
    assert!(budget.is_spent());
}
