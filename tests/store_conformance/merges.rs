//! Two records become one, and two again: nothing is lost on the way there, and nothing is different after the way back.

use std::sync::Arc;

use pisteur::domain::decision::{Action, Link, NewRecord, RecordKind};
use pisteur::domain::enquiry::{Address, Consent, CustomField, Enquiry, Organisation};
use pisteur::domain::matching::{EntityKind, EntityRef};
use pisteur::store::merge::{Answer, Joined, MergeOrder, Merged, Refusal};
use pisteur::store::rows::RecordFilter;
use pisteur::store::{Commit, Committed, EraseStep, Erasure, Guard};
use serde_json::Value;
use sqlx::{Connection as _, Row as _};
use ulid::Ulid;

use super::dump::dump;
use super::lab::{Lab, keys, person};

fn order(lab: &Lab, one: Ulid, other: Ulid) -> MergeOrder {
    MergeOrder { one, other, overrule: false, actor: "ana".to_owned(), event: lab.id() }
}

async fn try_merge(lab: &Lab, one: Ulid, other: Ulid) -> Answer<Merged> {
    lab.store.merge(order(lab, one, other)).await.unwrap()
}

async fn merge(lab: &Lab, one: Ulid, other: Ulid) -> Merged {
    try_merge(lab, one, other).await.unwrap()
}

async fn unmerge(lab: &Lab, event: Ulid) {
    lab.store.unmerge(event, "ana").await.unwrap().unwrap();
}

/// A new record of an enquiry, changed by `change`; its id.
async fn make(lab: &Lab, kind: RecordKind, enquiry: &Enquiry, change: impl FnOnce(&mut NewRecord)) -> Ulid {
    let lease = lab.claimed(&enquiry.message).await;
    let mut new = lab.record(kind);
    change(&mut new);
    let id = new.id;
    let commit = lab.commit(&lease, enquiry, Action::Create(Box::new(new)));
    let answer = lab.one(Commit { guard: Guard::default(), ..commit }).await;
    assert!(matches!(answer, Committed::Done { .. }), "{answer:?}");
    id
}

const fn lead(id: Ulid) -> EntityRef {
    EntityRef { kind: EntityKind::Lead, id }
}

/// A message that joins a lead.
async fn append(lab: &Lab, id: Ulid, enquiry: &Enquiry) -> Committed {
    let lease = lab.claimed(&enquiry.message).await;
    let commit = lab.commit(&lease, enquiry, Action::Append(lead(id)));
    lab.one(Commit { guard: Guard::default(), ..commit }).await
}

async fn show(lab: &Lab, id: Ulid) -> pisteur::store::rows::RecordDetail {
    lab.store.show_record(EntityKind::Lead, id).await.unwrap().unwrap()
}

/// Leads found by the keys of an enquiry, oldest first.
async fn found(lab: &Lab, enquiry: &Enquiry) -> Vec<Ulid> {
    lab.neighbours(keys(enquiry)).await.records.iter().map(|n| n.entity.id).collect()
}

fn asked_of(lab_record: Ulid) -> impl FnOnce(&mut NewRecord) {
    move |new| {
        new.candidates = vec![lead(lab_record)];
        new.verification_required = true;
    }
}

pub async fn a_merged_record_is_found_by_all_it_was_known_by(lab: &Lab) {
    let (mut ana, other) =
        (person("Ana Bell", "ana@bell.example", None), person("Anna Bell", "a@work.example", Some("+33612345678")));
    ana.person.last_name = None;
    let old = lab.lead(&ana).await;
    let new = lab.lead(&other).await;
    let done = merge(lab, new, old).await;
    assert_eq!((done.survivor, done.merged), (lead(old), lead(new)), "the oldest stays");
    assert_eq!(done.changed, ["last_message_at", "last_name"]);
    for enquiry in [&ana, &other] {
        assert_eq!(found(lab, enquiry).await, [old]);
    }
    let page = show(lab, new).await;
    assert_eq!((page.id, page.contact_points.len(), page.communications.len()), (old, 3, 2));
    assert_eq!((page.fields["first_name"].as_str(), page.fields["last_name"].as_str()), (Some("Ana"), Some("Bell")));
    let list = lab.store.list_records(EntityKind::Lead, RecordFilter::default()).await.unwrap();
    assert_eq!(list.iter().map(|r| r.id).collect::<Vec<_>>(), [old]);
    // Whoever decided for the merged record before writes to its survivor.
    assert_eq!(append(lab, new, &other).await, Committed::Done { owner: None });
    assert_eq!(show(lab, old).await.communications.len(), 3);
    // The guard takes the merged record for its survivor, too: no conflict that never ends.
    let lease = lab.claimed("again").await;
    let mut commit = lab.commit(&lease, &other, Action::Append(lead(new)));
    commit.guard.seen = vec![old];
    assert_eq!(lab.one(commit).await, Committed::Done { owner: None });
}

pub async fn what_came_after_a_merge_stays_with_the_survivor(lab: &Lab) {
    let (ana, other) = (person("Ana Bell", "ana@bell.example", None), person("Anna Bell", "a@work.example", None));
    let (old, new) = (lab.lead(&ana).await, lab.lead(&other).await);
    let done = merge(lab, old, new).await;
    let later = person("Anna Bell", "third@home.example", None);
    append(lab, old, &later).await;
    unmerge(lab, done.event).await;
    let (left, back) = (show(lab, old).await, show(lab, new).await);
    assert_eq!((left.id, left.communications.len(), left.contact_points.len()), (old, 2, 2));
    assert_eq!((back.id, back.communications.len(), back.contact_points.len()), (new, 1, 1));
    assert_eq!((found(lab, &later).await, found(lab, &other).await), (vec![old], vec![new]));
    assert!(left.fields["modified_at"].as_i64() > back.fields["modified_at"].as_i64(), "changed since, so kept");
}

pub async fn who_asked_for_no_mail_is_not_written_to_after_a_merge_and_its_undoing(lab: &Lab) {
    let (ana, other) = (person("Ana Bell", "ana@bell.example", None), person("Anna Bell", "a@work.example", None));
    let (old, new) = (lab.lead(&ana).await, lab.lead(&other).await);
    let unsubscribe = async |address: &str, id: Ulid| {
        let lease = lab.claimed(address).await;
        let mut commit = lab.commit(&lease, &person("Ana Bell", address, None), Action::Append(lead(id)));
        commit.decision.unsubscribe = Some(address.to_owned());
        commit.guard = Guard::default();
        lab.one(commit).await;
    };
    unsubscribe("a@work.example", new).await;
    let done = merge(lab, old, new).await;
    assert_eq!(show(lab, old).await.fields["unsubscribed"], true, "the stricter one holds for both");
    unmerge(lab, done.event).await;
    assert_eq!(show(lab, old).await.fields["unsubscribed"], false, "as it was");
    let done = merge(lab, old, new).await;
    unsubscribe("ana@bell.example", old).await;
    unmerge(lab, done.event).await;
    assert_eq!(show(lab, old).await.fields["unsubscribed"], true, "asked for meanwhile");
}

pub async fn what_cannot_be_merged_says_why(lab: &Lab) {
    let enquiry = |n: u8| person("Ana Bell", &format!("a{n}@bell.example"), None);
    let (a, b, c) = (lab.lead(&enquiry(1)).await, lab.lead(&enquiry(2)).await, lab.lead(&enquiry(3)).await);
    let deal = make(lab, RecordKind::Opportunity, &enquiry(4), |_| {}).await;
    let said = async |one, other| try_merge(lab, one, other).await.unwrap_err();
    let nobody = lab.id();
    assert_eq!(said(a, nobody).await, Refusal::Unknown(nobody));
    assert_eq!(said(a, a).await, Refusal::Same(lead(a)));
    let kinds = said(a, deal).await;
    assert_eq!(kinds, Refusal::Kinds(lead(a), EntityRef { kind: EntityKind::Opportunity, id: deal }));
    assert!(kinds.to_string().contains("merge lead with lead"), "{kinds}");
    let first = merge(lab, b, c).await;
    assert_eq!(said(a, c).await, Refusal::Already { merged: lead(c), into: lead(b) });
    assert_eq!(said(b, c).await, Refusal::One(lead(b), lead(c)));
    let second = merge(lab, a, b).await;
    assert_eq!(said(c, b).await, Refusal::One(lead(c), lead(b)));
    assert_eq!(show(lab, c).await.id, a, "redirects lead to the survivor of today");
    let stands = lab.store.unmerge(first.event, "ana").await.unwrap().unwrap_err();
    assert_eq!(stands, Refusal::StandsOn { event: first.event, first: second.event });
    assert_eq!(lab.store.unmerge(nobody, "ana").await.unwrap().unwrap_err(), Refusal::NoEvent(nobody));
    unmerge(lab, second.event).await;
    assert_eq!(show(lab, c).await.id, b);
    unmerge(lab, first.event).await;
    let undone = lab.store.unmerge(first.event, "eve").await.unwrap().unwrap_err();
    assert_eq!(undone, Refusal::Undone { event: first.event, by: "ana".to_owned() });
    assert_eq!(show(lab, c).await.id, c);
}

/// Numbers in an order that looks like chance and is always the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }

    fn sometimes<T>(&mut self, value: T) -> Option<T> {
        (self.below(2) == 0).then_some(value)
    }
}

/// Somebody of few words, so that much is in common.
fn somebody(dice: &mut Dice) -> Enquiry {
    let first = ["Ana", "Eve", "Bob"][dice.below(3)];
    let phone = dice.below(3);
    let phone = dice.sometimes(format!("+3361234567{phone}"));
    let mut enquiry = person(&format!("{first} Bell"), &format!("m{}@bell.example", dice.below(5)), phone.as_deref());
    enquiry.person.first_name = dice.sometimes(first.to_owned());
    enquiry.person.job_title = dice.sometimes("Buyer".to_owned());
    enquiry.message = format!("Message {} of \"{first}\" \\ ünï.", dice.below(1_000_000));
    let city = ["Lyon", "Brno"][dice.below(2)].to_owned();
    enquiry.addresses.extend(dice.sometimes(Address { city: Some(city), ..Address::default() }));
    let given = dice.below(2) == 0;
    enquiry.consents.push(Consent { purpose: "news".to_owned(), given, ..Consent::default() });
    let custom = CustomField { name: ["colour", "size"][dice.below(2)].to_owned(), value: dice.below(9).to_string() };
    enquiry.custom.push(custom);
    enquiry.attribution.source = dice.sometimes("google".to_owned());
    let name = ["Bell SARL", "Moor Ltd"][dice.below(2)].to_owned();
    let name = dice.sometimes(name);
    enquiry.organisation =
        Organisation { domain: Some(format!("o{}.example", dice.below(3))), name, ..Organisation::default() };
    enquiry
}

/// Leads and deals with contacts, companies and questions, all of them tied to each other at random.
async fn world(lab: &Lab, dice: &mut Dice) {
    let mut leads: Vec<Ulid> = Vec::new();
    let mut contacts: Vec<Ulid> = Vec::new();
    for n in 0..18 {
        let enquiry = somebody(dice);
        let kind = if n % 3 == 2 { RecordKind::Opportunity } else { RecordKind::Lead };
        let (contact, organisation) = (lab.id(), lab.id());
        let known = (!contacts.is_empty()).then(|| contacts[dice.below(contacts.len())]);
        let linked = (!leads.is_empty()).then(|| leads[dice.below(leads.len())]);
        let asked: Vec<EntityRef> = linked.into_iter().filter(|_| dice.below(2) == 0).map(lead).collect();
        let tag = ["bike", "vip"][dice.below(2)].to_owned();
        let link_back = dice.below(3) == 0;
        let id = make(lab, kind, &enquiry, |new| {
            new.contact = match (kind, known) {
                (RecordKind::Opportunity, _) => Link::New(contact),
                (RecordKind::Lead, Some(known)) => Link::Existing(known),
                (RecordKind::Lead, None) => Link::None,
            };
            new.organisation = if kind == RecordKind::Opportunity { Link::New(organisation) } else { Link::None };
            new.linked_to = linked.filter(|_| link_back).map(lead);
            new.lead_of_origin = linked.filter(|_| link_back);
            new.verification_required = !asked.is_empty();
            new.candidates = asked;
            new.tags = vec![tag];
        })
        .await;
        match kind {
            RecordKind::Lead => leads.push(id),
            RecordKind::Opportunity => contacts.push(contact),
        }
        if let Some(linked) = linked.filter(|_| dice.below(2) == 0) {
            append(lab, linked, &somebody(dice)).await;
        }
    }
    let by_hand = "INSERT INTO note (record, author, at, text) SELECT id, 'ana', id, 'called' FROM entity;
        INSERT INTO attempt (record, at, by_person, channel, successful) SELECT id, 7, 'ana', 'phone', 0 FROM lead;
        INSERT INTO activity (record, kind, summary, due_at, created_at, created_by)
        SELECT id, 'call', 'call them', 9, 7, 'ana' FROM lead;
        UPDATE contact SET customer_since = id WHERE id % 2 = 0;
        UPDATE organisation SET registrations = '[\"x' || id || '\"]' WHERE id % 2 = 0";
    lab.sql(by_hand).await;
    let open = lab.store.questions(None, 0).await.unwrap();
    for question in open.iter().filter(|q| q.id % 3 == 0) {
        lab.store.reject_question(question.id, "ana").await.unwrap().unwrap();
    }
}

/// Two records of one kind that are not merged yet.
async fn two(lab: &Lab, dice: &mut Dice) -> Option<(Ulid, Ulid)> {
    let kinds = [EntityKind::Lead, EntityKind::Contact, EntityKind::Organisation, EntityKind::Opportunity];
    let kind = kinds[dice.below(4)];
    let mut list = lab.store.list_records(kind, RecordFilter::default()).await.unwrap();
    if list.len() < 2 {
        return None;
    }
    let one = list.swap_remove(dice.below(list.len())).id;
    Some((one, list[dice.below(list.len())].id))
}

pub async fn undoing_merges_gives_back_every_row_as_it_was(lab: &Lab) {
    for seed in 0..4 {
        let mut dice = Dice(seed);
        world(lab, &mut dice).await;
        let mut undo = Vec::new();
        let (mut changed, mut answered) = (0, 0);
        for n in 0..16 {
            let open = lab.store.questions(None, 0).await.unwrap();
            let asked = open.iter().find(|q| n % 4 == 0 && q.record.kind == q.other.kind);
            let asked = asked.map(|q| (q.record.id, q.other.id));
            let Some((one, other)) = asked.or(two(lab, &mut dice).await) else { continue };
            let before = dump(lab).await;
            let order = MergeOrder { overrule: true, ..order(lab, one, other) };
            let done = lab.store.merge(order).await.unwrap().unwrap();
            changed += usize::from(done.changed.len() > 1);
            answered += done.answered;
            assert_ne!(dump(lab).await, before);
            undo.push((done, before));
        }
        assert!(
            undo.len() > 10 && changed > 4 && answered > 0,
            "they do something: {} {changed} {answered}",
            undo.len()
        );
        for (done, before) in undo.into_iter().rev() {
            unmerge(lab, done.event).await;
            let after = dump(lab).await;
            let lost: Vec<_> = before.iter().filter(|row| !after.contains(row)).collect();
            let gained: Vec<_> = after.iter().filter(|row| !before.contains(row)).collect();
            assert!(before == after, "seed {seed}, {done:?}\nlost {lost:#?}\ngained {gained:#?}");
        }
    }
}

pub async fn nothing_is_written_for_a_record_that_is_merged_at_that_moment(lab: &Lab) {
    let hanging = "SELECT (SELECT COUNT(*) FROM communication c JOIN entity x ON x.id = c.record
        WHERE x.merged_into IS NOT NULL) + (SELECT COUNT(*) FROM match_key k JOIN entity x ON x.id = k.entity
        WHERE x.merged_into IS NOT NULL) AS n";
    for round in 0..12 {
        let enquiry = |n: usize| person("Ana Bell", &format!("r{round}n{n}@bell.example"), None);
        let (old, new) = (lab.lead(&enquiry(0)).await, lab.lead(&enquiry(1)).await);
        let mut commits = Vec::new();
        for n in 0..6 {
            let lease = lab.claimed(&format!("{round} {n}")).await;
            let commit = lab.commit(&lease, &enquiry(n + 2), Action::Append(lead(new)));
            commits.push(Commit { guard: Guard::default(), ..commit });
        }
        let write = commits.into_iter().map(|commit| {
            let store = Arc::clone(&lab.store);
            tokio::spawn(async move { store.commit(vec![commit]).await.unwrap().remove(0) })
        });
        let write: Vec<_> = write.collect();
        let (one, two) = tokio::join!(try_merge(lab, old, new), try_merge(lab, new, old));
        assert!(one.is_ok() != two.is_ok(), "once: {one:?} {two:?}");
        for written in write {
            assert_eq!(written.await.unwrap(), Committed::Done { owner: None });
        }
        assert_eq!(show(lab, new).await.communications.len(), 8);
        let left: i64 = if lab.store.engine() == "sqlite" {
            let mut conn = sqlx::SqliteConnection::connect(&lab.url).await.unwrap();
            sqlx::query(hanging).fetch_one(&mut conn).await.unwrap().get("n")
        } else {
            let mut conn = sqlx::PgConnection::connect(&lab.url).await.unwrap();
            sqlx::query(hanging).fetch_one(&mut conn).await.unwrap().get("n")
        };
        assert_eq!(left, 0, "round {round}");
    }
}

pub async fn an_erased_person_is_not_kept_by_a_merge(lab: &Lab) {
    let ana = person("Ana Needle", "ana@needle.example", Some("+33612345678"));
    let mut other = person("Anna Needle", "pin@wheel.example", None);
    other.person.job_title = Some("Pinmaker".to_owned());
    let (old, new) = (lab.lead(&ana).await, lab.lead(&other).await);
    let done = merge(lab, old, new).await;
    // By the address of either.
    let found = lab.store.erasable("ana@needle.example", &[]).await.unwrap();
    assert_eq!(lab.store.erasable("pin@wheel.example", &[]).await.unwrap(), found);
    assert_eq!((found.arrivals.len(), found.records.len()), (2, 2));
    let by = Erasure { address: "ana@needle.example".to_owned(), actor: "ana".to_owned(), rehearsal: false };
    let steps = vec![EraseStep::Arrivals(found.arrivals), EraseStep::Records(found.records), EraseStep::Address];
    lab.store.erase(steps, &by).await.unwrap();
    let texts = super::erase::texts(lab).await;
    for word in ["needle", "wheel", "pinmaker", "+33612345678"] {
        let kept: Vec<&str> = texts.lines().filter(|line| line.contains(word)).collect();
        assert!(kept.is_empty(), "{word}: {kept:?}");
    }
    let refused = lab.store.unmerge(done.event, "ana").await.unwrap().unwrap_err();
    assert_eq!(refused, Refusal::Erased(done.event));
}

pub async fn a_merge_answers_the_questions_about_its_two(lab: &Lab) {
    let enquiry = |n: u8| person("Ana Bell", &format!("a{n}@bell.example"), None);
    let (a, x) = (lab.lead(&enquiry(1)).await, lab.lead(&enquiry(2)).await);
    let b = make(lab, RecordKind::Lead, &enquiry(3), asked_of(a)).await;
    let c = make(lab, RecordKind::Lead, &enquiry(4), |new| {
        new.candidates = vec![lead(a), lead(b), lead(x)];
        new.verification_required = true;
    })
    .await;
    let open = async || lab.store.questions(None, 0).await.unwrap();
    let asked = async || open().await.iter().map(|q| (q.record.id, q.other.id)).collect::<Vec<_>>();
    assert_eq!(open().await.len(), 4);
    let flag = async |id| show(lab, id).await.fields["verification_required"] == true;
    let first = merge(lab, a, b).await;
    assert_eq!(first.answered, 1);
    // Two questions about c and the same two are one now.
    let mut left = asked().await;
    left.sort_unstable();
    assert_eq!(left, [(c, a), (c, x)]);
    assert!(!flag(a).await, "the last question about it was answered");
    let page = lab.store.questions(None, 1).await.unwrap();
    let rest = lab.store.questions(Some(page[0].id), 0).await.unwrap();
    assert!(rest.iter().all(|q| q.id < page[0].id) && rest.len() == 1, "newest first, page by page");
    // To reject one is to answer both.
    let about_a = open().await.into_iter().find(|q| q.other.id == a).unwrap();
    assert_eq!(lab.store.reject_question(about_a.id, "eve").await.unwrap().unwrap().answered, 2);
    assert!(flag(c).await, "one is open yet");
    let again = lab.store.reject_question(about_a.id, "ana").await.unwrap().unwrap_err();
    let (state, by) = ("rejected".to_owned(), "eve".to_owned());
    assert_eq!(again, Refusal::Answered { id: about_a.id, state, by, event: None });
    // What was said of the survivor holds for whoever joined it, and for whoever joins c.
    assert_eq!(
        try_merge(lab, a, c).await.unwrap_err(),
        Refusal::ToldApart { one: lead(a), other: lead(c), by: "eve".to_owned() }
    );
    let about_x = open().await[0].id;
    let accepted = lab.store.accept_question(about_x, order(lab, a, a)).await.unwrap().unwrap();
    let Joined::Merged(accepted) = accepted else { panic!("{accepted:?}") };
    assert_eq!((accepted.survivor, accepted.merged), (lead(x), lead(c)));
    assert!(!flag(x).await && open().await.is_empty());
    assert!(matches!(try_merge(lab, a, x).await, Err(Refusal::ToldApart { .. })), "it survives the merge");
    let answered = lab.store.accept_question(about_x, order(lab, a, a)).await.unwrap().unwrap_err();
    assert!(answered.to_string().contains(&accepted.event.to_string()), "{answered}");
    // Whoever looks for either is told so.
    let around = lab.neighbours(keys(&enquiry(3))).await;
    assert_eq!((around.records[0].entity.id, &around.records[0].not_same_as), (a, &vec![x]));
    // Merged by hand all the same, and undone: everything is asked and said as before.
    let overruled = MergeOrder { overrule: true, ..order(lab, a, x) };
    let overruled = lab.store.merge(overruled).await.unwrap().unwrap();
    unmerge(lab, overruled.event).await;
    assert!(matches!(try_merge(lab, a, x).await, Err(Refusal::ToldApart { .. })));
    unmerge(lab, accepted.event).await;
    assert_eq!((asked().await, flag(c).await), (vec![(c, x)], true));
    unmerge(lab, first.event).await;
    let mut left = asked().await;
    left.sort_unstable();
    assert_eq!(left, [(b, a), (c, x)], "what was rejected stays so");
    let nobody = lab.store.reject_question(99_999, "ana").await.unwrap().unwrap_err();
    assert_eq!(nobody, Refusal::NoQuestion(99_999));
}

pub async fn a_question_that_another_answer_settled_is_open_no_more(lab: &Lab) {
    let enquiry = |n: u8| person("Ana Bell", &format!("a{n}@bell.example"), None);
    let a = lab.lead(&enquiry(1)).await;
    let b = make(lab, RecordKind::Lead, &enquiry(2), asked_of(a)).await;
    let apart = lab.store.questions(None, 0).await.unwrap()[0].id;
    lab.store.reject_question(apart, "eve").await.unwrap().unwrap();
    // Somebody is asked about b, and turns out to be a: then the question about b is the one that was answered.
    let c = make(lab, RecordKind::Lead, &enquiry(3), asked_of(b)).await;
    let stale = lab.store.questions(None, 0).await.unwrap()[0].id;
    let done = merge(lab, a, c).await;
    assert_eq!((done.answered, lab.store.questions(None, 0).await.unwrap().len()), (0, 0));
    let said = lab.store.accept_question(stale, order(lab, a, b)).await.unwrap().unwrap_err();
    assert!(
        matches!(&said, Refusal::Answered { state, event: Some(event), .. } if state == "rejected" && *event == done.event)
    );
    unmerge(lab, done.event).await;
    assert_eq!(lab.store.questions(None, 0).await.unwrap()[0].id, stale);
}

pub async fn a_question_tells_both_records_and_why(lab: &Lab) {
    let a = lab.lead(&person("Ana Bell", "a@bell.example", Some("+33612345678"))).await;
    let lease = lab.claimed("b").await;
    let mut new = lab.record(RecordKind::Lead);
    let b = new.id;
    asked_of(a)(&mut new);
    let mut commit = lab.commit(&lease, &person("Anna Bell", "b@bell.example", None), Action::Create(Box::new(new)));
    let because = "Much is in common, but not enough to be certain.";
    commit.decision.trace = serde_json::json!({"match": {"evidence": [
        {"record": {"kind": "lead", "id": b}, "because": "another one"},
        {"record": {"kind": "lead", "id": a}, "because": because, "compared": {"best": {"total": 1.0}}}]}});
    lab.one(Commit { guard: Guard::default(), ..commit }).await;
    let question = lab.store.questions(None, 0).await.unwrap().remove(0);
    assert_eq!((question.record.id, question.other.id), (b, a));
    assert_eq!((question.why.as_deref(), question.bits), (Some(because), Some(1.0)));
    assert!((question.probability.unwrap() - 2.0 / 3.0).abs() < 1e-9);
    let other = &question.other;
    assert_eq!((other.name.as_deref(), other.email.as_deref()), (Some("Ana Bell"), Some("a@bell.example")));
    assert_eq!((other.phone.as_deref(), other.status.as_deref()), (Some("+33612345678"), Some("open")));
    // The same once its record was merged into another one.
    let c = lab.lead(&person("Anna Bell", "c@bell.example", None)).await;
    merge(lab, b, c).await;
    assert_eq!(lab.store.questions(None, 0).await.unwrap()[0].why.as_deref(), Some(because));
    assert_ne!(lab.store.questions(None, 0).await.unwrap()[0].evidence, None::<Value>);
}
