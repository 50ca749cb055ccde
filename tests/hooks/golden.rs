//! Every certain adapter: what it takes, what it turns away, and what a second delivery changes.

use std::time::Duration;

use pisteur::clock::Clock;
use pisteur::config::hook::Adapters;
use pisteur::domain::envelope::{Channel, Digest, RawKind};
use pisteur::domain::hooks::key_of;
use pisteur::domain::reading::arrival_key::mail_keys;

use super::rig::{Fixture, pairs};

#[test]
fn every_certain_adapter_has_a_fixture() {
    let fixtures: Vec<String> = Fixture::all().into_iter().map(|(_, f)| f.adapter).collect();
    let (adapters, _) = Adapters::load(None);
    for adapter in adapters.iter().filter(|a| a.verified) {
        assert!(fixtures.contains(&adapter.name), "{} has no fixture", adapter.name);
    }
    for (name, fixture) in Fixture::all() {
        assert!(!fixture.bad.is_empty(), "{name} has no forged request");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_producers_send_is_journalled_as_sent_and_read() {
    for (name, fixture) in Fixture::all() {
        let rig = fixture.house().await;
        let answer = fixture.send(&rig);
        assert_eq!((answer.status, answer.text()), (200, fixture.reply.clone()), "{name}");
        let (envelope, submission, enquiry) = rig.newest().await;
        assert_eq!(envelope.raw, fixture.body.as_bytes(), "{name}: byte for byte");
        assert_eq!((envelope.channel, envelope.intake_id.as_str()), (Channel::Webhook, "x"), "{name}");
        let key = match fixture.id.as_str() {
            "bytes" => key_of("x", &format!("bytes:{}#0", Digest::of(fixture.body.as_bytes()))),
            "mail" => mail_keys(fixture.body.as_bytes()).remove(0).value,
            id => key_of("x", id),
        };
        assert_eq!(rig.house.store.known_key(&key).await.unwrap(), Some(envelope.id), "{name}: {key}");
        let kind = if fixture.id == "mail" { RawKind::Mail } else { RawKind::Form };
        assert_eq!(envelope.raw_kind, kind, "{name}");
        let found = serde_json::to_value(&enquiry).unwrap();
        for (place, expected) in &fixture.expect {
            let text = match place.strip_prefix("custom:") {
                Some(custom) => {
                    let all = enquiry.custom.iter().filter(|c| c.name == custom).map(|c| c.value.as_str());
                    all.collect::<Vec<_>>().join("|")
                }
                None if place == "fetch" => submission.to_fetch.clone().unwrap_or_default(),
                None => found.pointer(place).and_then(|v| v.as_str()).unwrap_or_default().to_owned(),
            };
            assert_eq!(&text, expected, "{name} {place}\n{found:#}");
        }
        assert!(submission.flags.is_empty(), "{name}: {:?}", submission.flags);
        rig.house.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_request_is_answered_401_without_a_word_and_leaves_nothing() {
    for (name, fixture) in Fixture::all() {
        let rig = fixture.house().await;
        for bad in &fixture.bad {
            let address = format!("x{}", bad.address);
            let answer = rig.post(&address, &fixture.content_type, &pairs(&bad.headers), bad.body.as_bytes());
            assert_eq!((answer.status, answer.text().as_str()), (401, ""), "{name} {bad:?}");
        }
        assert!(rig.house.arrivals().await.is_empty(), "{name}");
        rig.house.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_byte_of_a_signed_body_is_turned_away() {
    for (name, fixture) in
        Fixture::all().into_iter().filter(|(_, f)| f.headers.keys().any(|h| h.to_lowercase().contains("signature")))
    {
        let rig = fixture.house().await;
        for at in (0..fixture.body.len()).step_by(fixture.body.len() / 20 + 1) {
            let mut body = fixture.body.clone().into_bytes();
            body[at] ^= 1;
            let answer = rig.post("x", &fixture.content_type, &pairs(&fixture.headers), &body);
            assert_eq!((answer.status, answer.text().as_str()), (401, ""), "{name} {at}");
        }
        assert_eq!(fixture.send(&rig).status, 200, "{name}");
        rig.house.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_delivery_repeats_the_first_and_an_old_one_is_turned_away() {
    for (name, fixture) in Fixture::all() {
        let rig = fixture.house().await;
        for _ in 0..3 {
            assert_eq!(fixture.send(&rig).status, 200, "{name}");
        }
        let arrivals = rig.house.arrivals().await;
        let first = arrivals.last().unwrap();
        assert_eq!(first.duplicate_of, None, "{name}");
        assert!(arrivals.iter().rev().skip(1).all(|row| row.duplicate_of == Some(first.id)), "{name}: {arrivals:?}");
        assert_eq!(arrivals.len(), 3, "{name}");
        rig.house.clock.set(rig.house.clock.now().after(Duration::from_secs(301)));
        let expected = if fixture.dated { 401 } else { 200 };
        assert_eq!(fixture.send(&rig).status, expected, "{name}: a recorded request five minutes later");
        for wait in [600, 24 * 3_600] {
            rig.house.clock.set(rig.house.clock.now().after(Duration::from_secs(wait)));
            assert_eq!(fixture.send(&rig).status, expected, "{name}");
        }
        let arrivals = rig.house.arrivals().await;
        assert_eq!(arrivals.len(), if fixture.dated { 3 } else { 6 }, "{name}");
        assert!(arrivals.iter().rev().skip(1).all(|row| row.duplicate_of == Some(first.id)), "{name}: {arrivals:?}");
        rig.house.stop().await;
    }
}
