//! What records are known by is made anew from what is stored of them.

use std::sync::Arc;

use pisteur::domain::decision::{Action, Link, RecordKind};
use pisteur::domain::enquiry::{Address, Enquiry};
use pisteur::domain::matching::blocking::blocking;
use pisteur::domain::matching::keys::keys_of;
use pisteur::domain::matching::profile::Profile;
use pisteur::domain::matching::{EntityKind, EntityRef};
use pisteur::store::merge::MergeOrder;
use pisteur::store::{Commit, Committed, Guard, Store, Waiting, open};

use ulid::Ulid;

use super::lab::{Lab, options, person};
use crate::support::ledger::texts;

const PROFILES: &str = "SELECT entity || ' ' || hash || ' ' || norm || ' ' || body FROM match_profile ORDER BY 1";
const KEYS: &str = "SELECT kind || ' ' || hash || ' ' || entity FROM match_key ORDER BY 1";
const STRONG: &str = "SELECT kind || ' ' || hash || ' ' || entity FROM match_key
    WHERE kind IN (1, 3, 5, 6, 12, 17, 18) ORDER BY 1";

/// Leads, and an opportunity with its contact and organisation; how many records.
async fn house(lab: &Lab) -> u64 {
    for (name, email, phone) in [
        ("Ana Bell", "ana@bell.example", Some("+33612345678")),
        ("Jan Novák", "jan.novak@seznam.cz", None),
        ("Zoé Petit", "zoe@petit.example", Some("+33123456789")),
    ] {
        lab.lead(&person(name, email, phone)).await;
    }
    deal_of(lab, &person("Eva Moor", "eva@moor.example", Some("+420605123456"))).await;
    6
}

/// An opportunity with a contact and an organisation; the contact.
async fn deal_of(lab: &Lab, person: &Enquiry) -> Ulid {
    let mut enquiry = person.clone();
    enquiry.organisation.name = Some("Kovo Table s.r.o.".to_owned());
    enquiry.organisation.domain = Some("kovo.example".to_owned());
    enquiry.addresses.push(Address {
        street: Some("Dlouhá 12".to_owned()),
        city: Some("Brno".to_owned()),
        postcode: Some("602 00".to_owned()),
        ..Address::default()
    });
    let lease = lab.claimed(&enquiry.message).await;
    let mut new = lab.record(RecordKind::Opportunity);
    let contact = lab.id();
    (new.contact, new.organisation) = (Link::New(contact), Link::New(lab.id()));
    let mut commit = lab.commit(&lease, &enquiry, Action::Create(Box::new(new)));
    commit.decision.keys = keys_of(&enquiry);
    lab.one(Commit { guard: Guard::default(), ..commit }).await;
    contact
}

async fn rows(lab: &Lab) -> (Vec<String>, Vec<String>) {
    (texts(&lab.url, PROFILES).await, texts(&lab.url, KEYS).await)
}

/// Until nothing is left; records looked at, rows written and rows dropped.
pub(super) async fn reindex(store: &Arc<dyn Store>, all: bool) -> (u64, u64, u64) {
    let (mut sums, mut after) = ((0, 0, 0), 0);
    loop {
        let step = store.reindex(all, after, 2).await.unwrap();
        sums = (sums.0 + step.records, sums.1 + step.written, sums.2 + step.dropped);
        after = step.after;
        if step.done {
            return sums;
        }
    }
}

/// As an older pisteur left it: without anything to be compared by.
async fn aged(lab: &Lab) {
    for sql in [
        "DELETE FROM match_profile RETURNING 'x'",
        "DELETE FROM match_key WHERE kind NOT IN (1, 3, 5, 17, 18) RETURNING 'x'",
        "UPDATE entity SET norm = 0 RETURNING 'x'",
    ] {
        run(lab, sql).await;
    }
}

async fn run(lab: &Lab, sql: &'static str) {
    texts(&lab.url, sql).await;
}

pub async fn records_are_known_by_what_is_stored_of_them(lab: &Lab) {
    let records = house(lab).await;
    let before = rows(lab).await;
    assert_eq!(lab.store.waiting().await.unwrap(), Waiting { records: 0, of: records, unfinished: false });
    aged(lab).await;
    assert_eq!(lab.store.waiting().await.unwrap().records, records);
    let (looked, written, dropped) = reindex(&lab.store, false).await;
    assert_eq!((looked, dropped), (records, 0));
    assert!(written > 20, "{written}");
    assert_eq!(rows(lab).await, before, "as the commits wrote it");
    assert_eq!(lab.store.waiting().await.unwrap(), Waiting { records: 0, of: records, unfinished: false });
    assert_eq!(reindex(&lab.store, false).await, (0, 0, 0), "a second run finds nothing");
    assert_eq!(reindex(&lab.store, true).await, (records, 0, 0), "nor does one over all");
    assert_eq!(rows(lab).await, before);
}

pub async fn what_older_rules_made_goes_and_proof_stays(lab: &Lab) {
    house(lab).await;
    let (before, strong) = (rows(lab).await, texts(&lab.url, STRONG).await);
    for sql in [
        "UPDATE match_profile SET norm = 0, hash = hash - 1 RETURNING 'x'",
        "UPDATE match_key SET hash = hash + 1 WHERE kind NOT IN (1, 3, 5, 6, 12, 17, 18) RETURNING 'x'",
        "UPDATE entity SET norm = 0 RETURNING 'x'",
    ] {
        run(lab, sql).await;
    }
    let (_, written, dropped) = reindex(&lab.store, false).await;
    assert!(written > 0 && dropped > 20, "{written} {dropped}");
    assert_eq!(rows(lab).await, before);
    assert_eq!(texts(&lab.url, STRONG).await, strong);
}

pub async fn a_reindex_that_stops_anywhere_is_taken_up_again(lab: &Lab) {
    house(lab).await;
    let before = rows(lab).await;
    for all in [false, true] {
        run(lab, "UPDATE match_profile SET norm = 0, hash = hash - 1 RETURNING 'x'").await;
        run(lab, "UPDATE match_key SET hash = hash + 1 WHERE kind NOT IN (1, 3, 5, 6, 12, 17, 18) RETURNING 'x'").await;
        run(lab, "UPDATE entity SET norm = 0 RETURNING 'x'").await;
        let mut steps = 0;
        loop {
            // Each of them is a life of its own, that knows only what the database says.
            let (store, _) = open(options(&lab.url, &lab.clock, &lab.dir)).await.unwrap();
            let done = store.reindex(all, 0, 2).await.unwrap();
            let waiting = store.waiting().await.unwrap();
            assert!(done.records == 0 || waiting.said().is_some(), "it is known to be unfinished");
            store.close().await;
            steps += 1;
            // A whole life of a plain one ends with the keys: the records it has done are behind it.
            if done.done {
                break;
            }
            if !all && done.records == 0 && waiting.records == 0 {
                reindex(&lab.store, false).await;
                break;
            }
        }
        assert!(steps > 3, "{steps}");
        assert_eq!(rows(lab).await, before);
        assert_eq!(lab.store.waiting().await.unwrap().said(), None);
    }
}

pub async fn commits_beside_a_reindex_lose_nothing(lab: &Lab) {
    house(lab).await;
    aged(lab).await;
    let lead = lab.lead(&person("Marie Dupont", "marie@dupont.example", None)).await;
    run(lab, "UPDATE match_profile SET norm = 0, hash = hash - 1 RETURNING 'x'").await;
    run(lab, "UPDATE entity SET norm = 0 RETURNING 'x'").await;
    let store = Arc::clone(&lab.store);
    let beside = tokio::spawn(async move {
        for _ in 0..12 {
            reindex(&store, true).await;
        }
    });
    let mut said = Vec::new();
    for n in 0..12 {
        let mut enquiry = person("Marie Dupont", "marie@dupont.example", None);
        enquiry.organisation.name = Some(format!("Maison {n} Fontaine"));
        let lease = lab.claimed(&format!("again {n}")).await;
        let record = EntityRef { kind: EntityKind::Lead, id: lead };
        let commit = lab.commit(&lease, &enquiry, Action::Append(record));
        let committed = lab.one(Commit { guard: Guard::default(), ..commit }).await;
        assert!(matches!(committed, Committed::Done { .. }), "{committed:?}");
        said.push(Profile::of_enquiry(&enquiry).unwrap());
    }
    beside.await.unwrap();
    let profiles = texts(&lab.url, "SELECT body FROM match_profile").await;
    let keys = texts(&lab.url, "SELECT kind || ' ' || hash FROM match_key").await;
    for profile in said {
        assert!(profiles.contains(&serde_json::to_string(&profile).unwrap()), "what was said stays");
        for key in blocking(&profile) {
            assert!(keys.contains(&format!("{} {}", key.kind.number(), key.hash)), "{key:?} is found");
        }
    }
}

pub async fn a_merge_is_undone_whole_whatever_was_reindexed_since(lab: &Lab) {
    let (ana, mut other) =
        (person("Ana Bell", "ana@bell.example", None), person("Anna Moor", "a@work.example", Some("+33612345678")));
    other.addresses.push(Address { city: Some("Brno".to_owned()), ..Address::default() });
    let (old, new) = (lab.lead(&ana).await, lab.lead(&other).await);
    let deal = deal_of(lab, &person("Eva Moor", "eva@moor.example", None)).await;
    let second = deal_of(lab, &person("Eve Moor", "eve@moor.example", Some("+420605123456"))).await;
    let before = rows(lab).await;
    let merge = async |one, other| {
        let order = MergeOrder { one, other, overrule: false, actor: "ana".to_owned(), event: lab.id() };
        lab.store.merge(order).await.unwrap().unwrap().event
    };
    for older in [false, true] {
        if older {
            aged(lab).await;
        }
        let (leads, people) = (merge(old, new).await, merge(deal, second).await);
        let waiting = lab.store.waiting().await.unwrap();
        assert_eq!(waiting.records, if older { waiting.of } else { 0 }, "who was merged waits for nothing");
        let (looked, _, _) = reindex(&lab.store, !older).await;
        assert_eq!(looked, waiting.of);
        let told = texts(&lab.url, "SELECT body FROM match_profile WHERE body LIKE '%bell%'").await;
        let both = |body: &String| body.contains("ana") && body.contains("+33612345678");
        assert!(told.iter().any(both), "the survivor is known by all that is stored of it: {told:?}");
        for event in [people, leads] {
            lab.store.unmerge(event, "ana").await.unwrap().unwrap();
        }
        assert_eq!(rows(lab).await, before, "older: {older}");
        assert_eq!(lab.store.waiting().await.unwrap().records, 0);
    }
}

pub async fn a_survivor_waits_as_long_as_whoever_joined_it_did(lab: &Lab) {
    let lead = async |n: u8| lab.lead(&person("Ana Bell", &format!("a{n}@bell.example"), None)).await;
    let (old, new) = (lead(1).await, lead(2).await);
    run(lab, "UPDATE entity SET norm = 0 WHERE id = (SELECT MAX(id) FROM entity) RETURNING 'x'").await;
    let order = MergeOrder { one: old, other: new, overrule: false, actor: "ana".to_owned(), event: lab.id() };
    let norms = "SELECT id || ' ' || norm FROM entity ORDER BY id";
    let before = texts(&lab.url, norms).await;
    let event = lab.store.merge(order).await.unwrap().unwrap().event;
    assert_eq!(lab.store.waiting().await.unwrap(), Waiting { records: 1, of: 1, unfinished: false });
    lab.store.unmerge(event, "ana").await.unwrap().unwrap();
    assert_eq!(texts(&lab.url, norms).await, before);
}

pub async fn a_reindex_leaves_keys_alone_that_hundreds_carry(lab: &Lab) {
    house(lab).await;
    let worn =
        "SELECT kind || ' ' || hash FROM match_key WHERE kind NOT IN (1, 3, 5, 6, 12, 17, 18) ORDER BY 1 LIMIT 1";
    let worn = texts(&lab.url, worn).await.remove(0);
    run(
        lab,
        "INSERT INTO match_generic (kind, hash) SELECT DISTINCT kind, hash FROM match_key
        WHERE kind NOT IN (1, 3, 5, 6, 12, 17, 18) AND kind || ' ' || hash = (SELECT MIN(kind || ' ' || hash)
        FROM match_key WHERE kind NOT IN (1, 3, 5, 6, 12, 17, 18)) RETURNING 'x'",
    )
    .await;
    aged(lab).await;
    let (_, written, _) = reindex(&lab.store, false).await;
    assert!(written > 20, "{written}");
    let keys = texts(&lab.url, "SELECT kind || ' ' || hash FROM match_key").await;
    assert!(!keys.contains(&worn), "it would find nobody, and is not written");
}
