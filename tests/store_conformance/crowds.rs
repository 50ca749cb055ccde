//! Many of one: message ids, keys and candidates that hundreds share cost no more than those of one, and hide nobody.

use std::sync::Arc;
use std::time::Duration;

use pisteur::domain::decision::{Action, RecordKind};
use pisteur::domain::enquiry::Enquiry;
use pisteur::domain::envelope::Envelope;
use pisteur::domain::matching::blocking::blocking;
use pisteur::domain::matching::model::Model;
use pisteur::domain::matching::profile::Profile;
use pisteur::domain::matching::{Compare, EntityKind, EntityRef, KeyKind, MatchKey, NeighbourQuery};
use pisteur::domain::submission::{MailClass, MailFacts, Mailbox, Submission};
use pisteur::pipeline::import::{self, Entry};
use pisteur::store::rows::{ContactImport, Imported};
use pisteur::store::{Commit, Committed, Guard, JobSubject, Lease};
use ulid::Ulid;

use super::lab::{Lab, keys, person};

/// As many arrivals, journalled and claimed.
async fn crowd(lab: &Lab, n: usize) -> Vec<Arc<Lease>> {
    lab.store.accept((0..n).map(|n| lab.form(&format!("{n}"), &[])).collect(), None).await.unwrap();
    let leases = lab.claim(n).await;
    assert_eq!(leases.len(), n);
    leases
}

/// A new lead that guards nothing, and its id.
fn new_lead(lab: &Lab, lease: &Arc<Lease>, enquiry: &Enquiry) -> (Ulid, Commit) {
    let new = lab.record(RecordKind::Lead);
    let id = new.id;
    (id, Commit { guard: Guard::default(), ..lab.commit(lease, enquiry, Action::Create(Box::new(new))) })
}

async fn commit_all(lab: &Lab, commits: Vec<Commit>) {
    let answers = lab.store.commit(commits).await.unwrap();
    assert!(answers.iter().all(|a| matches!(a, Committed::Done { .. })), "{answers:?}");
}

const fn lead(id: Ulid) -> EntityRef {
    EntityRef { kind: EntityKind::Lead, id }
}

fn copied(id: &str) -> Submission {
    let address = |a: String| Mailbox { name: None, address: Some(a) };
    Submission {
        class: Some(MailClass::Person),
        subject: Some("Bike".to_owned()),
        reply: "hello".to_owned(),
        mail: Some(MailFacts {
            message_id: Some(id.to_owned()),
            from: address("Ana@Bell.example".to_owned()),
            cc: (0..40).map(|n| address(format!("C{n}@Copied.example"))).collect(),
            ..MailFacts::default()
        }),
        ..Submission::default()
    }
}

pub async fn a_reused_message_id_costs_one_row_a_record(lab: &Lab) {
    let leases = crowd(lab, 50).await;
    let enquiry = person("Ana Bell", "ana@bell.example", None);
    let (mut commits, mut first) = (Vec::new(), None);
    for lease in leases.iter().take(40) {
        let (id, commit) = new_lead(lab, lease, &enquiry);
        first.get_or_insert(id);
        commits.push(Commit { submission: Arc::new(copied("same@bell")), ..commit });
    }
    commit_all(lab, commits).await;
    let first = lead(first.unwrap());
    let append = |lease| Commit {
        guard: Guard::default(),
        submission: Arc::new(copied("same@bell")),
        ..lab.commit(lease, &enquiry, Action::Append(first))
    };
    commit_all(lab, leases.iter().skip(40).map(append).collect()).await;
    let arrival = |n: usize| {
        let JobSubject::Arrival(id) = leases[n].subject() else { panic!("a process job") };
        Some(*id)
    };
    let query = NeighbourQuery {
        thread_ids: vec!["same@bell".to_owned()],
        addresses: ["ana@bell.example", "c7@copied.example", "stranger@else.example"].map(str::to_owned).to_vec(),
        message_id: Some("same@bell".to_owned()),
        arrival: arrival(0),
        ..NeighbourQuery::default()
    };
    let later = NeighbourQuery { arrival: arrival(9), ..query.clone() };
    let found = lab.store.neighbours(&[query, later]).await.unwrap();
    for around in &found {
        assert_eq!(around.threads.len(), 32);
        assert_eq!(around.threads[0].record, first, "the newest message of all");
        assert_eq!(around.threads.iter().filter(|t| t.record == first).count(), 1, "once, by its newest message");
        for thread in &around.threads {
            assert_eq!(thread.participants, ["ana@bell.example", "c7@copied.example"], "nobody who did not ask");
        }
    }
    assert_eq!((found[0].same_message_id, found[1].same_message_id), (arrival(1), arrival(0)));
}

pub async fn a_mailbox_with_hundreds_of_records_still_tells_its_person(lab: &Lab) {
    let enquiry = person("Ana Bell", "ana@bell.example", None);
    let own = keys(&enquiry);
    let contact = ContactImport {
        line: 1,
        enquiry: enquiry.clone(),
        customer: true,
        owner: None,
        known: None,
        known_organisation: None,
        organisation_candidates: Vec::new(),
        organisation_learns: false,
        id: lab.id(),
        organisation_id: lab.id(),
        verification_required: false,
        keys: own.clone(),
        profile: None,
        organisation_keys: Vec::new(),
        seen: Vec::new(),
    };
    let contact_id = contact.id;
    assert_eq!(lab.store.import_contacts(vec![contact]).await.unwrap(), [Imported::Created]);
    let leases = crowd(lab, 214).await;
    let (ids, commits): (Vec<_>, Vec<_>) = leases.iter().take(210).map(|l| new_lead(lab, l, &enquiry)).unzip();
    commit_all(lab, commits).await;
    // The oldest lead is the one that was written about last.
    let mut append = lab.commit(&leases[210], &enquiry, Action::Append(lead(ids[0])));
    let received_at = lab.now().after(Duration::from_secs(3600));
    append.envelope = Arc::new(Envelope { received_at, ..(*append.envelope).clone() });
    append.guard = Guard::default();
    commit_all(lab, vec![append]).await;
    let around = lab.neighbours(own.clone()).await;
    assert!(!around.truncated, "it is told whole enough");
    let found: Vec<Ulid> = around.records.iter().map(|n| n.entity.id).collect();
    assert!(found.contains(&contact_id) && found.contains(&ids[0]) && found.contains(&ids[209]));
    assert!((200..=240).contains(&found.len()), "{}", found.len());
    assert!(lab.store.generic_keys(&own).await.unwrap().is_empty());
    // What appeared meanwhile is a conflict, as with any other person.
    let guard = Guard { keys: own, seen: found };
    let (_, next) = new_lead(lab, &leases[211], &enquiry);
    let (_, last) = new_lead(lab, &leases[212], &enquiry);
    assert_eq!(lab.one(Commit { guard: guard.clone(), ..next }).await, Committed::Done { owner: None });
    assert_eq!(lab.one(Commit { guard, ..last }).await, Committed::Conflict);
}

pub async fn a_search_key_of_hundreds_is_found_out_and_hides_nobody(lab: &Lab) {
    let syllable = |n: usize| ["ba", "do", "fi", "gu", "ke", "lo", "mi", "nu", "pe", "ro", "sa", "ti"][n % 12];
    let given = |n: usize| format!("{}{}{}", syllable(n), syllable(n / 12), syllable(n / 144));
    let people: Vec<Enquiry> =
        (0..260).map(|n| person(&format!("{} Horak", given(n)), &format!("p{n}@mail{n}.example"), None)).collect();
    let (clock, model) = (Arc::clone(&lab.clock), Arc::new(Model::start()));
    for portion in people.chunks(65) {
        let entry = |enquiry: &Enquiry| Entry { line: 1, enquiry: enquiry.clone(), customer: false, owner: None };
        import::import(&lab.store, &*clock, &model, portion.iter().map(entry).collect()).await.unwrap();
    }
    let profile = Profile::of_enquiry(&people[0]).unwrap();
    let searched_by = blocking(&profile);
    let sounds: Vec<MatchKey> = searched_by.iter().copied().filter(|key| key.kind == KeyKind::Sound).collect();
    let generic = lab.store.generic_keys(&searched_by).await.unwrap();
    assert!(sounds.iter().any(|sound| generic.contains(sound)), "two hundred and sixty sound alike: {generic:?}");
    let asked = NeighbourQuery { compare: Compare::of(&people[259], &model), ..NeighbourQuery::default() };
    let around = lab.store.neighbours(&[asked]).await.unwrap().pop().unwrap();
    assert!(around.searched.len() <= 32, "{}", around.searched.len());
    let judged = around.records.iter().find_map(|record| record.judged.as_ref().map(|j| (record, j))).unwrap();
    assert_eq!(judged.0.emails, ["p259@mail259.example"], "the newest is found by what is rare");
}
