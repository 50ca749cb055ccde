//! Arrivals: kept byte for byte, repeats recognised, lists and hand work.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use pisteur::clock::Timestamp;
use pisteur::domain::envelope::{ArrivalKey, ArrivalState, Channel};
use pisteur::store::rows::ArrivalFilter;
use pisteur::store::{Accepted, Edited, InitialState, JobSubject, NewArrival};

use super::lab::Lab;
use crate::support::ledger::count;

pub async fn an_arrival_is_kept_byte_for_byte(lab: &Lab) {
    let mut arrival = lab.form("", &["form:contact:idem:1"]);
    arrival.envelope.raw = (0_u8..=255).collect::<Vec<_>>().into();
    let accepted = lab.accept(arrival.clone()).await;
    assert_eq!((accepted.id(), accepted.duplicate_of(), accepted.spilled()), (arrival.envelope.id, None, false));
    let loaded = lab.store.load(&[lab.id(), accepted.id()]).await.unwrap();
    assert_eq!(loaded.len(), 1, "the missing one is left out");
    let mut expected = arrival.envelope;
    expected.keys.clear();
    assert_eq!(loaded[0], expected);
}

pub async fn an_empty_body_is_kept_as_an_empty_one(lab: &Lab) {
    let batch = vec![lab.form("", &["empty"]), lab.form("full", &[]), lab.form("", &["empty"])];
    let accepted = lab.store.accept(batch, None).await.unwrap();
    let ids: Vec<_> = accepted.iter().map(pisteur::store::Accepted::id).collect();
    let loaded = lab.store.load(&ids).await.unwrap();
    assert_eq!(loaded.iter().map(|e| &e.raw[..]).collect::<Vec<_>>(), [&b""[..], b"full", b""]);
    assert_eq!(accepted[2].duplicate_of(), Some(ids[0]));
    let detail = lab.store.show_arrival(ids[0]).await.unwrap().unwrap();
    assert_eq!((detail.row.size, detail.raw_kept), (0, true), "empty is not gone");
    assert_eq!(lab.claim(10).await.len(), 2);
}

pub async fn a_known_key_makes_a_repeat_without_a_job(lab: &Lab) {
    let first = lab.accept(lab.form("a=1", &["k1", "k2"])).await;
    let second = lab.accept(lab.form("a=1", &["k0", "k2"])).await;
    assert_eq!(second.duplicate_of(), Some(first.id()));
    assert_eq!(second.acknowledged(), first.id());
    assert_eq!(lab.store.known_key("k1").await.unwrap(), Some(first.id()));
    assert_eq!(lab.store.known_key("k0").await.unwrap(), Some(first.id()), "a repeat's other key names the first");
    assert_eq!(lab.store.known_key("k9").await.unwrap(), None);
    let third = lab.accept(lab.form("a=1", &["k0"])).await;
    assert_eq!(third.duplicate_of(), Some(first.id()), "a repeat of a repeat names the first");
    assert_eq!(lab.claim(10).await.len(), 1);
    let detail = lab.store.show_arrival(first.id()).await.unwrap().unwrap();
    assert_eq!(detail.repeats, [second.id(), third.id()]);
    let repeat = lab.store.show_arrival(second.id()).await.unwrap().unwrap();
    assert_eq!((repeat.row.state, repeat.row.duplicate_of), (ArrivalState::Decided, Some(first.id())));
}

pub async fn a_repeat_keeps_its_bytes_only_when_they_differ(lab: &Lab) {
    lab.accept(lab.form("same", &["k"])).await;
    let same = lab.accept(lab.form("same", &["k"])).await;
    let other = lab.accept(lab.form("other", &["k"])).await;
    let loaded = lab.store.load(&[same.id(), other.id()]).await.unwrap();
    assert_eq!((&loaded[0].raw[..], &loaded[1].raw[..]), (&b"same"[..], &b"other"[..]));
}

pub async fn an_expired_key_is_taken_over(lab: &Lab) {
    let windowed = |body: &str, until: Timestamp| {
        let mut arrival = lab.form(body, &[]);
        arrival.envelope.keys = vec![ArrivalKey { value: "hash:1".to_owned(), expires_at: Some(until) }];
        arrival
    };
    let past = Timestamp::from_seconds(1);
    let future = lab.now().after(std::time::Duration::from_hours(1));
    let old = lab.accept(windowed("x", past)).await;
    assert_eq!(lab.store.known_key("hash:1").await.unwrap(), None);
    let new = lab.accept(windowed("x", future)).await;
    assert_eq!(new.duplicate_of(), None, "{}", old.id());
    let repeat = lab.accept(windowed("x", future)).await;
    assert_eq!(repeat.duplicate_of(), Some(new.id()));
}

pub async fn keys_that_ran_out_long_ago_are_forgotten(lab: &Lab) {
    let windowed = |body: &str, until: Timestamp| {
        let mut arrival = lab.form(body, &[]);
        arrival.envelope.keys = vec![ArrivalKey { value: body.to_owned(), expires_at: Some(until) }];
        arrival
    };
    lab.accept(windowed("long ago", Timestamp::from_seconds(1))).await;
    let recent = lab.now().before(std::time::Duration::from_mins(1));
    lab.accept(windowed("just now", recent)).await;
    let kept = lab.accept(lab.form("x", &["for ever"])).await;
    assert!(lab.store.stats().await.reachable);
    assert_eq!(count(&lab.url, "SELECT COUNT(*) FROM arrival_key").await, 2);
    assert_eq!(lab.store.known_key("for ever").await.unwrap(), Some(kept.id()));
}

pub async fn repeats_inside_one_batch_name_the_first(lab: &Lab) {
    let batch = vec![lab.form("1", &["a"]), lab.form("2", &["b"]), lab.form("3", &["c", "a"]), lab.form("4", &["c"])];
    let ids: Vec<_> = batch.iter().map(|a| a.envelope.id).collect();
    let accepted = lab.store.accept(batch, None).await.unwrap();
    let answers: Vec<_> = accepted.iter().map(|a| (a.id(), a.duplicate_of())).collect();
    assert_eq!(answers, [(ids[0], None), (ids[1], None), (ids[2], Some(ids[0])), (ids[3], Some(ids[0]))]);
    let stored = lab.accept(lab.form("0", &["z"])).await;
    let again = vec![lab.form("5", &["y", "z"]), lab.form("6", &["y"])];
    let accepted = lab.store.accept(again, None).await.unwrap();
    assert!(accepted.iter().all(|a| a.duplicate_of() == Some(stored.id())));
    assert_eq!(lab.claim(10).await.len(), 3);
}

pub async fn a_quarantined_arrival_has_no_job(lab: &Lab) {
    let mut arrival = lab.form("spam", &[]);
    arrival.initial = InitialState::Quarantined("screening".to_owned());
    let accepted = lab.accept(arrival).await;
    assert!(lab.claim(10).await.is_empty());
    let detail = lab.store.show_arrival(accepted.id()).await.unwrap().unwrap();
    assert_eq!((detail.row.state, detail.row.reason.as_deref()), (ArrivalState::Quarantined, Some("screening")));
    assert!(detail.raw_kept);
}

pub async fn a_held_arrival_takes_no_key_from_a_clean_one(lab: &Lab) {
    let held = |body: &str, keys: &[&str]| {
        let mut arrival = lab.form(body, keys);
        arrival.initial = InitialState::Quarantined("origin_refused".to_owned());
        arrival
    };
    let first = lab.accept(held("1", &["k", "held:c"])).await;
    assert_eq!(lab.store.known_key("k").await.unwrap(), None);
    let batch = vec![held("2", &["k", "held:c"]), lab.form("3", &["k"]), held("4", &["k", "held:d"])];
    let ids: Vec<_> = batch.iter().map(|a| a.envelope.id).collect();
    let accepted = lab.store.accept(batch, None).await.unwrap();
    let answers: Vec<_> = accepted.iter().map(pisteur::store::Accepted::duplicate_of).collect();
    assert_eq!(answers, [Some(first.id()), None, Some(ids[1])]);
    assert_eq!(lab.store.known_key("k").await.unwrap(), Some(ids[1]), "the clean one keeps its key");
    assert_eq!(lab.accept(lab.form("3", &["k"])).await.duplicate_of(), Some(ids[1]));
    assert_eq!(lab.accept(held("5", &["k", "held:e"])).await.duplicate_of(), Some(ids[1]));
    let batch = vec![lab.form("8", &["n"]), held("9", &["n", "held:c"])];
    let ids: Vec<_> = batch.iter().map(|a| a.envelope.id).collect();
    let accepted = lab.store.accept(batch, None).await.unwrap();
    let answers: Vec<_> = accepted.iter().map(pisteur::store::Accepted::duplicate_of).collect();
    assert_eq!(answers, [None, Some(ids[0])], "a held one pulls nobody with it");
    let mut expired = lab.form("6", &[]);
    expired.envelope.keys = vec![ArrivalKey { value: "old".to_owned(), expires_at: Some(Timestamp::from_seconds(1)) }];
    lab.accept(expired).await;
    assert_eq!(lab.accept(held("7", &["old"])).await.duplicate_of(), None, "it has run out");
    assert_eq!(lab.claim(10).await.len(), 3);
}

pub async fn what_was_looked_at_holds_nobody_back(lab: &Lab) {
    let held = |body: &str| {
        let mut arrival = lab.form(body, &["held:seen"]);
        arrival.envelope.channel = Channel::Webhook;
        arrival.envelope.context.extra.insert("seen_key".to_owned(), "seen".to_owned());
        arrival.initial = InitialState::Quarantined("seen_before".to_owned());
        arrival
    };
    let from = [ArrivalState::Quarantined];
    let first = lab.accept(held("1")).await;
    assert_eq!(lab.accept(held("1")).await.duplicate_of(), Some(first.id()), "while it waits");
    assert!(lab.store.requeue(first.id(), &from, true, "eva").await.unwrap());
    let second = lab.accept(held("1")).await;
    assert_eq!(second.duplicate_of(), None, "it was released");
    assert!(lab.store.discard(second.id(), "no", "eva").await.unwrap());
    assert_eq!(lab.accept(held("1")).await.duplicate_of(), None, "it was discarded");
}

/// As the form's door makes them: this content under a key that its sender chose.
fn chosen(lab: &Lab, content: &str, reused: InitialState) -> NewArrival {
    let mut arrival = lab.form(&format!("{content}&_t={}", lab.id()), &["form:contact:idem:k"]);
    arrival.envelope.context.content_key = Some(ArrivalKey {
        value: format!("form:contact:hash:{content}"),
        expires_at: Some(lab.now().after(Duration::from_secs(300))),
    });
    arrival.edited = Edited::of(&arrival.envelope, reused, BTreeMap::new());
    arrival
}

pub async fn another_content_under_a_chosen_key_is_no_repeat(lab: &Lab) {
    let page = |content: &str| chosen(lab, content, InitialState::Received);
    let script = |content: &str| chosen(lab, content, InitialState::Quarantined("key_reused".to_owned()));
    let batch = vec![page("a"), page("a"), page("b"), page("b")];
    let ids: Vec<_> = batch.iter().map(|a| a.envelope.id).collect();
    let told = |accepted: &Accepted| (accepted.duplicate_of(), accepted.follows());
    let accepted = lab.store.accept(batch, None).await.unwrap();
    let answers: Vec<_> = accepted.iter().map(told).collect();
    let (first, edit) = (Some(ids[0]), Some(ids[2]));
    assert_eq!(answers, [(None, None), (first, None), (None, first), (edit, first)], "in one batch");
    assert_eq!(told(&lab.accept(page("a")).await), (first, None));
    assert_eq!(told(&lab.accept(page("b")).await), (edit, first), "the same edit again");
    let third = lab.accept(page("c")).await;
    assert_eq!(told(&third), (None, first), "and another");
    let held = lab.accept(script("d")).await;
    assert_eq!(told(&held), (None, first));
    assert_eq!(told(&lab.accept(script("d")).await), (Some(held.id()), first), "one of them waits");
    assert_eq!(told(&lab.accept(script("c")).await), (Some(third.id()), first), "that one is known already");
    let shown = lab.store.show_arrival(held.id()).await.unwrap().unwrap();
    assert_eq!((shown.row.state, shown.row.reason.as_deref()), (ArrivalState::Quarantined, Some("key_reused")));
    assert_eq!(shown.context["extra"]["follows"], ids[0].to_string());
    assert_eq!(lab.claim(10).await.len(), 3, "a, b and c are worked on");
    assert!(lab.store.requeue(held.id(), &[ArrivalState::Quarantined], true, "eva").await.unwrap());
    assert_eq!(told(&lab.accept(page("d")).await), (Some(held.id()), first), "once released it is one like any other");
}

pub async fn a_chosen_key_beside_a_known_content_is_settled_once(lab: &Lab) {
    // Of an older form: it says nothing of its content but its bytes.
    let mut plain = lab.form("b", &["form:contact:hash:b"]);
    plain.envelope.keys[0].expires_at = Some(lab.now().after(Duration::from_secs(300)));
    let plain = lab.accept(plain).await;
    let first = lab.accept(chosen(lab, "a", InitialState::Received)).await;
    for _ in 0..2 {
        let edit = lab.accept(chosen(lab, "b", InitialState::Received)).await;
        assert_eq!(
            (edit.duplicate_of(), edit.follows()),
            (Some(plain.id()), Some(first.id())),
            "those words are known"
        );
    }
    let held = |key: &str, twin: &str| {
        let mut arrival = chosen(lab, "c", InitialState::Quarantined("form_rate_limit".to_owned()));
        arrival.initial = InitialState::Quarantined("form_rate_limit".to_owned());
        arrival.envelope.keys[0].value = format!("form:contact:idem:{key}");
        let twin = ArrivalKey { value: format!("held:form:contact:idem:{twin}"), expires_at: None };
        let words = ArrivalKey { value: "held:form:contact:hash:c".to_owned(), ..twin.clone() };
        arrival.envelope.keys.extend([twin, words]);
        arrival
    };
    let waits = lab.accept(held("x", "x")).await;
    assert_eq!(lab.accept(held("y", "y")).await.duplicate_of(), Some(waits.id()), "the same words wait already");
    assert!(lab.store.discard(waits.id(), "no", "eva").await.unwrap());
    assert_eq!(lab.accept(held("y", "y")).await.duplicate_of(), None, "what was discarded swallows nothing");
}

pub async fn what_was_edited_held_and_came_again_is_one_when_it_is_released(lab: &Lab) {
    let held = |content: &str| {
        let full = InitialState::Quarantined("form_rate_limit".to_owned());
        let mut arrival = chosen(lab, content, full.clone());
        arrival.initial = full;
        let twin = ArrivalKey { value: "held:form:contact:idem:k".to_owned(), expires_at: None };
        arrival.envelope.keys.push(twin);
        arrival.envelope.context.extra.insert("held_key".to_owned(), "form:contact:idem:k".to_owned());
        arrival
    };
    let first = lab.accept(held("a")).await;
    let edit = lab.accept(held("b")).await;
    assert_eq!((edit.duplicate_of(), edit.follows()), (None, Some(first.id())));
    let again = lab.accept(chosen(lab, "b", InitialState::Received)).await;
    assert_eq!((again.duplicate_of(), again.follows()), (None, None), "what is held swallows nothing");
    for id in [edit.id(), first.id()] {
        assert!(lab.store.requeue(id, &[ArrivalState::Quarantined], true, "eva").await.unwrap());
    }
    let shown = async |id| lab.store.show_arrival(id).await.unwrap().unwrap().row;
    assert_eq!(shown(edit.id()).await.duplicate_of, Some(again.id()), "it was taken meanwhile");
    assert_eq!(shown(first.id()).await.duplicate_of, None, "and this says something else");
}

pub async fn simultaneous_edits_under_one_key_are_all_kept(lab: &Lab) {
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..64 {
        let (store, arrival) = (lab.store.clone(), chosen(lab, &format!("n={}", n % 8), InitialState::Received));
        tasks.spawn(async move { (n % 8, store.accept(vec![arrival], None).await.unwrap().remove(0)) });
    }
    let accepted = tasks.join_all().await;
    let told: HashSet<_> = accepted.iter().map(|(n, accepted)| (*n, accepted.acknowledged())).collect();
    assert_eq!(told.len(), 8, "each content has one id: {told:?}");
    let named: HashSet<_> = accepted.iter().filter_map(|(_, accepted)| accepted.follows()).collect();
    assert_eq!(named.len(), 1, "all others follow the first");
    assert_eq!(lab.claim(100).await.len(), 8);
}

pub async fn simultaneous_repeats_make_one_original(lab: &Lab) {
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..64 {
        let (store, arrival) = (lab.store.clone(), lab.form(&format!("n={n}"), &["one-key"]));
        tasks.spawn(async move { store.accept(vec![arrival], None).await.unwrap().remove(0) });
    }
    let accepted = tasks.join_all().await;
    let acknowledged: HashSet<_> = accepted.iter().map(pisteur::store::Accepted::acknowledged).collect();
    assert_eq!(acknowledged.len(), 1);
    assert_eq!(accepted.iter().filter(|a| a.duplicate_of().is_none()).count(), 1);
    assert_eq!(lab.claim(100).await.len(), 1);
}

pub async fn nul_and_odd_text_survive(lab: &Lab) {
    let mut arrival = lab.form("x", &["key\0with'quotes\"and\\u0000"]);
    arrival.envelope.content_type = Some("text/\0plain; charset=\"\u{202e}\"".to_owned());
    arrival.envelope.context.user_agent = Some("a\0b\u{1f600}".to_owned());
    let accepted = lab.accept(arrival).await;
    let loaded = lab.store.load(&[accepted.id()]).await.unwrap().remove(0);
    assert_eq!(loaded.content_type.as_deref(), Some("text/plain; charset=\"\u{202e}\""));
    assert_eq!(loaded.context.user_agent.as_deref(), Some("ab\u{1f600}"));
}

pub async fn lists_filter_and_page(lab: &Lab) {
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(lab.accept(lab.form(&format!("{n}"), &[])).await.id());
    }
    let list = async |filter| lab.store.list_arrivals(filter).await.unwrap();
    let all = list(ArrivalFilter::default()).await;
    assert_eq!(all.iter().map(|r| r.id).collect::<Vec<_>>(), ids.iter().rev().copied().collect::<Vec<_>>());
    let page = list(ArrivalFilter { before: Some(ids[3]), limit: 2, ..ArrivalFilter::default() }).await;
    assert_eq!(page.iter().map(|r| r.id).collect::<Vec<_>>(), [ids[2], ids[1]]);
    assert!(list(ArrivalFilter { intake: Some("other".to_owned()), ..ArrivalFilter::default() }).await.is_empty());
    let later = lab.now().after(std::time::Duration::from_mins(1));
    assert!(list(ArrivalFilter { since: Some(later), ..ArrivalFilter::default() }).await.is_empty());
    let lease = &lab.claim(1).await[0];
    assert_eq!(*lease.subject(), JobSubject::Arrival(ids[0]), "oldest first");
    let states = ArrivalFilter { state: Some(ArrivalState::Processing), ..ArrivalFilter::default() };
    assert_eq!(list(states).await.iter().map(|r| (r.id, r.attempts)).collect::<Vec<_>>(), [(ids[0], 1)]);
    let received = ArrivalFilter { state: Some(ArrivalState::Received), ..ArrivalFilter::default() };
    assert_eq!(list(received).await.len(), 4, "what is under a lease is being processed");
}

pub async fn an_arrival_is_put_back_and_discarded_by_hand(lab: &Lab) {
    let mut arrival = lab.form("x", &[]);
    arrival.initial = InitialState::Quarantined("bulk".to_owned());
    let id = lab.accept(arrival).await.id();
    let requeue = async |from| lab.store.requeue(id, from, true, "ana").await.unwrap();
    assert!(!requeue(&[ArrivalState::Failed]).await, "the state does not allow it");
    assert!(requeue(&[ArrivalState::Quarantined]).await);
    assert!(!requeue(&[ArrivalState::Received]).await, "it is queued already");
    assert!(lab.store.load(&[id]).await.unwrap()[0].context.released);
    let lease = lab.lease_of(id).await;
    assert!(!lab.store.discard(id, "spam", "ana").await.unwrap(), "somebody is working on it");
    lab.store.release(&lease).await.unwrap();
    assert!(lab.store.discard(id, "spam", "ana").await.unwrap());
    assert!(!lab.store.discard(id, "spam", "ana").await.unwrap());
    assert!(lab.claim(1).await.is_empty());
    let row = lab.store.show_arrival(id).await.unwrap().unwrap().row;
    assert_eq!((row.state, row.reason.as_deref()), (ArrivalState::Discarded, Some("spam")));
}
