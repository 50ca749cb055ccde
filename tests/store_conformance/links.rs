//! A question about two records of two kinds, answered with yes: the lead says whose it is, and can be taken back.

use pisteur::domain::decision::{Action, Link, NewRecord, RecordKind};
use pisteur::domain::matching::{EntityKind, EntityRef};
use pisteur::store::merge::{Joined, Linked, MergeOrder, Refusal};
use pisteur::store::{Commit, Committed, EraseStep, Erasure, Guard};
use ulid::Ulid;

use super::lab::{Lab, person};

const fn of(kind: EntityKind, id: Ulid) -> EntityRef {
    EntityRef { kind, id }
}

fn order(lab: &Lab) -> MergeOrder {
    MergeOrder { one: lab.id(), other: lab.id(), overrule: false, actor: "ana".to_owned(), event: lab.id() }
}

/// A record by this address, changed by `change`; its id.
async fn make(lab: &Lab, kind: RecordKind, email: &str, change: impl FnOnce(&mut NewRecord)) -> Ulid {
    let enquiry = person("Ana Bell", email, None);
    let lease = lab.claimed(email).await;
    let mut new = lab.record(kind);
    change(&mut new);
    let id = new.id;
    let commit = lab.commit(&lease, &enquiry, Action::Create(Box::new(new)));
    let answer = lab.one(Commit { guard: Guard::default(), ..commit }).await;
    assert!(matches!(answer, Committed::Done { .. }), "{answer:?}");
    id
}

/// A contact with an opportunity of its own, and the opportunity.
async fn customer(lab: &Lab, email: &str) -> (Ulid, Ulid) {
    let contact = lab.id();
    let deal = make(lab, RecordKind::Opportunity, email, |new| new.contact = Link::New(contact)).await;
    (contact, deal)
}

/// A lead about which is asked whether it is one of these.
async fn asked(lab: &Lab, email: &str, candidates: &[EntityRef]) -> Ulid {
    make(lab, RecordKind::Lead, email, |new| {
        new.candidates = candidates.to_vec();
        new.verification_required = true;
    })
    .await
}

/// The open question about a record and another one.
async fn question(lab: &Lab, record: Ulid, other: Ulid) -> Option<i64> {
    let open = lab.store.questions(None, 0).await.unwrap();
    open.iter().find(|q| (q.record.id, q.other.id) == (record, other)).map(|q| q.id)
}

async fn accept(lab: &Lab, id: i64) -> Result<Linked, Refusal> {
    match lab.store.accept_question(id, order(lab)).await.unwrap()? {
        Joined::Linked(done) => Ok(done),
        Joined::Merged(done) => panic!("{done:?}"),
    }
}

/// Whom a record names, by the name of the link, and whether it is flagged.
async fn links(lab: &Lab, kind: EntityKind, id: Ulid) -> (Vec<(String, Ulid)>, bool) {
    let shown = lab.store.show_record(kind, id).await.unwrap().unwrap();
    let link =
        |l: &serde_json::Value| (l["link"].as_str().unwrap().to_owned(), l["id"].as_str().unwrap().parse().unwrap());
    let mut named: Vec<(String, Ulid)> = shown.links.iter().map(link).collect();
    named.retain(|(link, _)| ["contact", "linked_to"].contains(&link.as_str()));
    named.sort();
    (named, shown.fields["verification_required"] == true)
}

pub async fn a_lead_gets_its_contact_and_gives_it_back(lab: &Lab) {
    let (contact, deal) = customer(lab, "ana@bell.example").await;
    let lead = asked(lab, "a@work.example", &[of(EntityKind::Contact, contact)]).await;
    let id = question(lab, lead, contact).await.unwrap();
    let done = accept(lab, id).await.unwrap();
    assert_eq!((done.linked, done.to), (of(EntityKind::Lead, lead), of(EntityKind::Contact, contact)));
    assert_eq!((done.changed.as_slice(), done.answered), (["contact".to_owned()].as_slice(), 1));
    let contact_of = vec![("contact".to_owned(), contact)];
    assert_eq!(links(lab, EntityKind::Lead, lead).await, (contact_of.clone(), false));
    assert_eq!(question(lab, lead, contact).await, None);
    // Both are records of their own on, and the lead's arrivals are known as the contact's.
    let shown = lab.store.show_record(EntityKind::Contact, contact).await.unwrap().unwrap();
    assert!(shown.id == contact && shown.links.iter().all(|l| l["link"] != "merged"), "{:?}", shown.links);
    // Once more is the same.
    let again = accept(lab, id).await.unwrap_err();
    assert!(
        matches!(&again, Refusal::Answered { state, event: Some(event), .. } if state == "accepted" && *event == done.event)
    );
    let undone = lab.store.unmerge(done.event, "eve").await.unwrap().unwrap();
    assert_eq!((undone.restored, undone.survivor), (done.linked, done.to));
    assert_eq!(links(lab, EntityKind::Lead, lead).await, (Vec::new(), true), "asked again");
    assert_eq!(question(lab, lead, contact).await, Some(id));
    let twice = lab.store.unmerge(done.event, "eve").await.unwrap().unwrap_err();
    assert_eq!(twice, Refusal::Undone { event: done.event, by: "eve".to_owned() });
    // Accepted anew, and the contact is another record by the time it is taken back.
    let done = accept(lab, id).await.unwrap();
    let (older, _) = customer(lab, "third@bell.example").await;
    let merge = MergeOrder { one: contact, other: older, ..order(lab) };
    let merged = lab.store.merge(merge).await.unwrap().unwrap();
    assert_eq!(links(lab, EntityKind::Lead, lead).await.0, vec![("contact".to_owned(), merged.survivor.id)]);
    lab.store.unmerge(done.event, "ana").await.unwrap().unwrap();
    assert_eq!(links(lab, EntityKind::Lead, lead).await.0, Vec::new());
    lab.store.unmerge(merged.event, "ana").await.unwrap().unwrap();
    assert_eq!(links(lab, EntityKind::Lead, lead).await.0, Vec::new(), "it stays taken back");
    assert_eq!(
        links(lab, EntityKind::Opportunity, deal).await.0,
        contact_of,
        "what is linked otherwise is not touched"
    );
}

pub async fn a_lead_and_an_opportunity_are_of_one_contact(lab: &Lab) {
    let (contact, deal) = customer(lab, "ana@bell.example").await;
    let lead = asked(lab, "a@work.example", &[of(EntityKind::Opportunity, deal)]).await;
    let done = accept(lab, question(lab, lead, deal).await.unwrap()).await.unwrap();
    assert_eq!((done.linked.id, done.to.id, done.changed.len()), (lead, deal, 2));
    let both = vec![("contact".to_owned(), contact), ("linked_to".to_owned(), deal)];
    assert_eq!(links(lab, EntityKind::Lead, lead).await, (both, false));
    lab.store.unmerge(done.event, "ana").await.unwrap().unwrap();
    assert_eq!(links(lab, EntityKind::Lead, lead).await, (Vec::new(), true));
    // The one without a person gets it, be it the older one.
    let old = make(lab, RecordKind::Lead, "old@work.example", |_| {}).await;
    let newer = make(lab, RecordKind::Opportunity, "new@work.example", |new| {
        new.contact = Link::Existing(contact);
        new.candidates = vec![of(EntityKind::Lead, old)];
        new.verification_required = true;
    })
    .await;
    let done = accept(lab, question(lab, newer, old).await.unwrap()).await.unwrap();
    assert_eq!((done.linked.id, done.to.id), (old, newer));
    assert_eq!(links(lab, EntityKind::Lead, old).await.0[0], ("contact".to_owned(), contact));
    assert!(!links(lab, EntityKind::Opportunity, newer).await.1, "its question is answered");
}

pub async fn who_has_another_person_is_not_linked(lab: &Lab) {
    let ((one, deal), (other, _)) = (customer(lab, "a@bell.example").await, customer(lab, "b@bell.example").await);
    let lead = make(lab, RecordKind::Lead, "c@bell.example", |new| {
        new.contact = Link::Existing(one);
        new.candidates = vec![of(EntityKind::Contact, other), of(EntityKind::Contact, one)];
        new.verification_required = true;
    })
    .await;
    let id = question(lab, lead, other).await.unwrap();
    let (has, other) = (of(EntityKind::Contact, one), of(EntityKind::Contact, other));
    let refused = accept(lab, id).await.unwrap_err();
    assert_eq!(refused, Refusal::OtherPerson { record: of(EntityKind::Lead, lead), has, other });
    assert!(
        refused.to_string().contains(&format!("pisteur merge contact:{} contact:{}", has.id, other.id)),
        "{refused}"
    );
    assert_eq!(question(lab, lead, other.id).await, Some(id), "it stays open");
    // The contact it has already is no change, but an answer.
    let done = accept(lab, question(lab, lead, one).await.unwrap()).await.unwrap();
    assert_eq!((done.changed.len(), done.answered), (0, 1));
    assert!(links(lab, EntityKind::Lead, lead).await.1, "one question is open yet");
    // Once the two contacts are one the answer is the same.
    let merged = lab.store.merge(MergeOrder { one, other: other.id, ..order(lab) }).await.unwrap().unwrap();
    let done = accept(lab, id).await.unwrap();
    assert_eq!((done.to.id, done.changed.len()), (merged.survivor.id, 0));
    assert!(!links(lab, EntityKind::Lead, lead).await.1);
    // What stands on a merge of the contacts can be taken back in any order; a merge of the lead first.
    lab.store.unmerge(merged.event, "ana").await.unwrap().unwrap();
    let next = make(lab, RecordKind::Lead, "d@bell.example", |_| {}).await;
    let later = lab.store.merge(MergeOrder { one: lead, other: next, ..order(lab) }).await.unwrap().unwrap();
    let stands = lab.store.unmerge(done.event, "ana").await.unwrap().unwrap_err();
    assert_eq!(stands, Refusal::StandsOn { event: done.event, first: later.event });
    assert_eq!(links(lab, EntityKind::Opportunity, deal).await.0, vec![("contact".to_owned(), one)]);
}

pub async fn a_link_of_an_erased_person_gives_nothing_back(lab: &Lab) {
    let (contact, _) = customer(lab, "ana@bell.example").await;
    let lead = asked(lab, "a@work.example", &[of(EntityKind::Contact, contact)]).await;
    let done = accept(lab, question(lab, lead, contact).await.unwrap()).await.unwrap();
    // The lead is the person's now: who erases the contact finds it.
    let found = lab.store.erasable("ana@bell.example", &[]).await.unwrap();
    assert_eq!(found.records.len(), 3);
    let by = Erasure { address: "ana@bell.example".to_owned(), actor: "ana".to_owned(), rehearsal: false };
    lab.store.erase(vec![EraseStep::Records(found.records), EraseStep::Address], &by).await.unwrap();
    assert_eq!(lab.store.unmerge(done.event, "ana").await.unwrap().unwrap_err(), Refusal::Erased(done.event));
}
