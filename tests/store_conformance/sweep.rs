//! Twins that no lock could see become one question, whoever looks for them and however often.

use std::collections::BTreeSet;
use std::sync::Arc;

use pisteur::domain::decision::{Action, Link, NewRecord, RecordKind};
use pisteur::domain::enquiry::Enquiry;
use pisteur::domain::matching::model::Model;
use pisteur::domain::matching::profile::{Fact, Profile};
use pisteur::domain::matching::{EntityKind, EntityRef};
use pisteur::pipeline::sweep::{PORTION, Turn, turn};
use pisteur::store::merge::{MergeOrder, Question};
use pisteur::store::rows::{ContactImport, Imported};
use pisteur::store::sweep::{Suspicion, Swept};
use pisteur::store::{Commit, Committed, EraseStep, Erasure, Guard, Store};
use ulid::Ulid;

use super::lab::{Lab, keys, person};

const GIVEN: [&str; 20] = [
    "Marketa",
    "Ludvik",
    "Otylie",
    "Hugo",
    "Zdenka",
    "Rosalie",
    "Bernard",
    "Yvonne",
    "Pavel",
    "Ingrid",
    "Cyril",
    "Amelie",
    "Tadeas",
    "Jolana",
    "Xaver",
    "Eliska",
    "Norbert",
    "Sabine",
    "Viktor",
    "Doubravka",
];
const ROOTS: [&str; 20] = [
    "Borovan", "Dvorsk", "Kralick", "Lemberg", "Matous", "Nedbal", "Polansk", "Rusnok", "Skopal", "Tomsik", "Hajdus",
    "Vybiral", "Zeman", "Cihlar", "Fiedler", "Grunwald", "Jelinek", "Urbanec", "Ptacnik", "Winkler",
];

/// Given name and surname of somebody; two numbers are two people who have little in common.
fn named(n: usize) -> (&'static str, String) {
    let root = ROOTS[n % 20];
    (GIVEN[(n + n / 20 * 7) % 20], format!("{root}{}", ["ak", "ovsky", "ar", "inec", "ohlav"][n / 20 % 5]))
}

/// Somebody born on the day of that number.
fn born(name: &str, email: &str, n: usize) -> Enquiry {
    let mut enquiry = person(name, email, None);
    let day = format!("{}-{:02}-{:02}", 1940 + n * 23 % 60, 1 + n * 5 % 12, 1 + n * 11 % 28);
    enquiry.particulars = vec![(Fact::DateOfBirth, day)];
    enquiry
}

/// One person as two people write them: no key in common is equal, and yet it is one.
fn twins(n: usize) -> [Enquiry; 2] {
    let (given, surname) = named(n);
    let (one, other) = (format!("{given} {surname}"), format!("{given} {surname}k"));
    [born(&one, &format!("a{n}@one-{n}.example"), n), born(&other, &format!("b{n}@two-{n}.example"), n)]
}

/// The same person as others write them.
fn misspelt(n: usize, id: Ulid, with: &str) -> Enquiry {
    let (given, surname) = named(n);
    born(&format!("{given} {surname}{with}"), &format!("{id}@more.example").to_lowercase(), n)
}

fn line(lab: &Lab, enquiry: &Enquiry, known: Option<Ulid>) -> ContactImport {
    ContactImport {
        line: 1,
        enquiry: enquiry.clone(),
        customer: false,
        owner: None,
        known,
        known_organisation: None,
        organisation_candidates: Vec::new(),
        organisation_learns: false,
        id: lab.id(),
        organisation_id: lab.id(),
        verification_required: false,
        keys: keys(enquiry),
        profile: Profile::of_enquiry(enquiry),
        organisation_keys: Vec::new(),
        seen: known.into_iter().collect(),
    }
}

/// A contact of an enquiry, written without a look around; its id.
async fn contact(lab: &Lab, enquiry: &Enquiry) -> Ulid {
    let line = line(lab, enquiry, None);
    let id = line.id;
    assert_eq!(lab.store.import_contacts(vec![line]).await.unwrap(), [Imported::Created]);
    id
}

/// A contact says something more: it is due again.
async fn tell(lab: &Lab, id: Ulid, enquiry: &Enquiry) {
    let line = line(lab, enquiry, Some(id));
    assert_eq!(lab.store.import_contacts(vec![line]).await.unwrap(), [Imported::Updated]);
}

/// A lead of an enquiry, written without a look around; its id.
async fn lead(lab: &Lab, enquiry: &Enquiry, change: impl FnOnce(&mut NewRecord)) -> Ulid {
    let lease = lab.claimed(&enquiry.message).await;
    let mut new = lab.record(RecordKind::Lead);
    change(&mut new);
    let id = new.id;
    let commit = lab.commit(&lease, enquiry, Action::Create(Box::new(new)));
    let answer = lab.one(Commit { guard: Guard::default(), ..commit }).await;
    assert!(matches!(answer, Committed::Done { .. }), "{answer:?}");
    id
}

/// Turns until nothing is due: records compared and questions asked.
async fn sweep(store: &Arc<dyn Store>, owner: &str) -> (usize, u64) {
    let (model, mut compared, mut questions) = (Arc::new(Model::start()), 0, 0);
    loop {
        match turn(store, &model, owner).await.unwrap() {
            Turn::Idle => return (compared, questions),
            Turn::Busy => tokio::task::yield_now().await,
            Turn::Done { records, asked } => {
                assert!((1..=PORTION).contains(&records), "a turn is bounded: {records}");
                compared += records;
                questions += asked;
            }
        }
    }
}

async fn questions(lab: &Lab) -> Vec<Question> {
    lab.store.questions(None, 0).await.unwrap()
}

/// The pair of a question, older first.
fn pair(question: &Question) -> (Ulid, Ulid) {
    (question.other.id, question.record.id)
}

fn order(lab: &Lab, one: Ulid, other: Ulid) -> MergeOrder {
    MergeOrder { one, other, overrule: false, actor: "ana".to_owned(), event: lab.id() }
}

pub async fn twins_written_at_once_become_one_question(lab: &Lab) {
    let beside = lab.skewed(0).await;
    for n in 0..12 {
        contact(lab, &twins(20 + n)[0]).await;
    }
    let [one, other] = twins(1).map(|enquiry| line(lab, &enquiry, None));
    let (a, b) = (one.id, other.id);
    let (first, second) = tokio::join!(lab.store.import_contacts(vec![one]), beside.store.import_contacts(vec![other]));
    assert_eq!([first.unwrap(), second.unwrap()], [[Imported::Created]; 2], "neither sees the other one");
    assert_eq!(questions(lab).await.len(), 0);
    assert_eq!(sweep(&lab.store, "one").await, (14, 1));
    let question = questions(lab).await.remove(0);
    assert_eq!((pair(&question), question.record.kind), ((a, b), EntityKind::Contact));
    assert!(question.bits.is_some() && question.probability.unwrap() > 0.5 && question.why.is_some(), "{question:?}");
    let told = question.evidence.unwrap();
    assert_eq!(told.pointer("/record/id").and_then(|id| id.as_str()), Some(a.to_string().as_str()), "newer to older");
    assert!(!told.to_string().contains("one-1"), "masked: {told}");
    let flag = async |id| {
        let shown = lab.store.show_record(EntityKind::Contact, id).await.unwrap().unwrap();
        shown.fields["verification_required"] == true
    };
    assert_eq!((flag(a).await, flag(b).await), (false, true));
    // Nothing was written: nothing is compared. Written again, nothing is asked again, whoever sweeps.
    assert_eq!(sweep(&beside.store, "two").await, (0, 0));
    for (id, with) in [(a, "e"), (b, "ke")] {
        tell(lab, id, &misspelt(1, id, with)).await;
    }
    assert_eq!(sweep(&beside.store, "two").await, (2, 0));
    // A person's yes is what merges.
    let id = questions(lab).await.remove(0).id;
    lab.store.accept_question(id, order(lab, a, a)).await.unwrap().unwrap();
    assert_eq!((questions(lab).await.len(), flag(a).await), (0, false));
    beside.end().await;
}

pub async fn what_a_person_decided_is_not_asked_by_the_sweep(lab: &Lab) {
    let [rejected, merged] = [3, 5].map(twins);
    let (a, b) = (contact(lab, &rejected[0]).await, contact(lab, &rejected[1]).await);
    assert_eq!(sweep(&lab.store, "one").await.1, 1);
    let id = questions(lab).await.remove(0).id;
    lab.store.reject_question(id, "eve").await.unwrap().unwrap();
    for (id, with) in [(a, "e"), (b, "ke")] {
        tell(lab, id, &misspelt(3, id, with)).await;
    }
    assert_eq!(sweep(&lab.store, "one").await, (2, 0), "rejected");
    // Told apart without a question, and merged and taken back by hand.
    let (c, d) = (contact(lab, &merged[0]).await, contact(lab, &merged[1]).await);
    let done = lab.store.merge(order(lab, c, d)).await.unwrap().unwrap();
    assert_eq!(sweep(&lab.store, "one").await.1, 0, "they are one");
    lab.store.unmerge(done.event, "ana").await.unwrap().unwrap();
    tell(lab, c, &misspelt(5, c, "e")).await;
    assert_eq!(sweep(&lab.store, "one").await, (1, 0), "somebody looked at these two");
    assert_eq!(questions(lab).await.len(), 0);
}

pub async fn merged_and_erased_records_are_passed_over(lab: &Lab) {
    let [one, other] = twins(7);
    let (stays, goes) = (contact(lab, &one).await, contact(lab, &other).await);
    let [third, fourth] = twins(8);
    let (keeps, erased) = (contact(lab, &third).await, contact(lab, &fourth).await);
    lab.store.merge(order(lab, stays, goes)).await.unwrap().unwrap();
    let found = lab.store.erasable("b8@two-8.example", &[]).await.unwrap();
    let by = Erasure { address: "b8@two-8.example".to_owned(), actor: "ana".to_owned(), rehearsal: false };
    lab.store.erase(vec![EraseStep::Records(found.records), EraseStep::Address], &by).await.unwrap();
    let due = lab.store.unswept(100).await.unwrap();
    let known: Vec<Ulid> = due.iter().filter_map(|due| Some(due.record.as_ref()?.entity.id)).collect();
    assert_eq!((due.len(), known), (4, vec![stays, keeps]), "not {goes}, not {erased}");
    assert_eq!(sweep(&lab.store, "one").await, (4, 0));
    // Merged between looking and asking: the survivor is asked about.
    let [fifth, sixth] = twins(9);
    let (older, newer) = (contact(lab, &fifth).await, contact(lab, &sixth).await);
    let due = lab.store.unswept(100).await.unwrap();
    let into = contact(lab, &born("Ludvik Tom", "tom@tom.example", 90)).await;
    lab.store.merge(order(lab, newer, into)).await.unwrap().unwrap();
    lab.store.merge(order(lab, older, keeps)).await.unwrap().unwrap();
    let suspicions = vec![Suspicion { record: newer, other: older, evidence: serde_json::json!({}) }];
    assert_eq!(lab.store.swept(vec![Swept { due: due[0].due, suspicions }]).await.unwrap(), 1);
    assert_eq!(questions(lab).await.iter().map(pair).collect::<Vec<_>>(), [(keeps, newer)]);
    let same = vec![Suspicion { record: newer, other: into, evidence: serde_json::json!({}) }];
    assert_eq!(lab.store.swept(vec![Swept { due: due[1].due, suspicions: same }]).await.unwrap(), 0, "one already");
}

pub async fn records_of_one_person_and_of_two_kinds_are_not_asked_about(lab: &Lab) {
    let [one, other] = twins(2);
    let known = contact(lab, &one).await;
    let of_contact = |new: &mut NewRecord| new.contact = Link::Existing(known);
    let first = lead(lab, &one, of_contact).await;
    lead(lab, &one, of_contact).await;
    let goes_on = |new: &mut NewRecord| new.linked_to = Some(EntityRef { kind: EntityKind::Lead, id: first });
    let second = lead(lab, &one, goes_on).await;
    let goes_on = |new: &mut NewRecord| new.linked_to = Some(EntityRef { kind: EntityKind::Lead, id: second });
    lead(lab, &other, goes_on).await;
    assert_eq!(sweep(&lab.store, "one").await, (5, 0), "all of them say whose they are");
    // Nothing says whose this one is: a question about each lead that has no contact to be asked about, none about the rest.
    let stranger = lead(lab, &other, |_| {}).await;
    let (compared, asked) = sweep(&lab.store, "one").await;
    assert!(compared == 1 && asked > 0, "{compared} {asked}");
    let open = questions(lab).await;
    assert!(open.iter().all(|q| q.record.id == stranger && q.other.kind == EntityKind::Lead), "{open:?}");
    // Two leads with a contact each are told by their contacts.
    let [third, fourth] = twins(4);
    let (c, d) = (contact(lab, &third).await, contact(lab, &fourth).await);
    lead(lab, &third, |new| new.contact = Link::Existing(c)).await;
    lead(lab, &fourth, |new| new.contact = Link::Existing(d)).await;
    assert_eq!(sweep(&lab.store, "one").await, (4, 1));
    assert_eq!(pair(&questions(lab).await[0]), (c, d));
}

pub async fn a_number_of_many_asks_nothing(lab: &Lab) {
    let names = ["Zdenka Rybova", "Otakar Zeman", "Hugo Lefevre", "Ines Marchal", "Petr Sykora", "Rosa Wagner"];
    let mut seen = Vec::new();
    for (n, name) in names.iter().enumerate() {
        let mut enquiry = born(name, &format!("p{n}@house.example"), n * 7);
        enquiry.phones = person("A B", "a@b.example", Some("+420222333444")).phones;
        let line = ContactImport { seen: seen.clone(), ..line(lab, &enquiry, None) };
        seen.push(line.id);
        assert_eq!(lab.store.import_contacts(vec![line]).await.unwrap(), [Imported::Created]);
    }
    assert_eq!(sweep(&lab.store, "one").await, (names.len(), 0));
}

pub async fn what_is_written_while_it_is_compared_is_compared_again(lab: &Lab) {
    let [one, other] = twins(6);
    let a = contact(lab, &one).await;
    let seen = lab.store.unswept(10).await.unwrap().remove(0);
    tell(lab, a, &other).await;
    let done = Swept { due: seen.due, suspicions: Vec::new() };
    lab.store.swept(vec![done.clone()]).await.unwrap();
    let again = lab.store.unswept(10).await.unwrap();
    assert_eq!((again.len(), again[0].profiles.len()), (1, 2), "it was written meanwhile");
    lab.store.swept(vec![Swept { due: again[0].due, ..done }]).await.unwrap();
    assert_eq!(lab.store.unswept(10).await.unwrap().len(), 0);
    // Who says what they said before is compared already.
    tell(lab, a, &other).await;
    assert_eq!(lab.store.unswept(10).await.unwrap().len(), 0);
}

pub async fn two_who_sweep_at_once_ask_once(lab: &Lab) {
    const PAIRS: usize = 40;
    let beside = lab.skewed(0).await;
    let mut expected = BTreeSet::new();
    for n in 0..PAIRS {
        let [one, other] = twins(n);
        expected.insert((contact(lab, &one).await, contact(lab, &other).await));
    }
    let (one, other) = tokio::join!(sweep(&lab.store, "one"), sweep(&beside.store, "two"));
    assert_eq!((one.0 + other.0, one.1 + other.1), (2 * PAIRS, PAIRS as u64), "{one:?} {other:?}");
    let open: Vec<_> = questions(lab).await.iter().map(pair).collect();
    assert_eq!((open.len(), open.into_iter().collect::<BTreeSet<_>>()), (PAIRS, expected));
    // Without the lease, too: of those who ask about the same two at one moment one does.
    let [a, b] = [90, 95].map(|n| born(&format!("Ota Sam{n}"), &format!("s{n}@s.example"), n));
    let (a, b) = (contact(lab, &a).await, contact(lab, &b).await);
    let due = lab.store.unswept(10).await.unwrap();
    let ask = |lab: &Lab, at: usize| {
        let suspicions = vec![Suspicion { record: b, other: a, evidence: serde_json::json!({"because": "alike"}) }];
        let (store, done) = (Arc::clone(&lab.store), Swept { due: due[at].due, suspicions });
        tokio::spawn(async move { store.swept(vec![done]).await.unwrap() })
    };
    let asked = [ask(lab, 0), ask(&beside, 1), ask(lab, 0), ask(&beside, 1)];
    let mut questions = 0;
    for asked in asked {
        questions += asked.await.unwrap();
    }
    assert_eq!(questions, 1);
    beside.end().await;
}
