//! Many of one: message ids, keys and candidates that hundreds share cost no more than those of one, and hide nobody.

use std::sync::Arc;

use pisteur::domain::decision::{Action, RecordKind};
use pisteur::domain::enquiry::Enquiry;
use pisteur::domain::matching::{EntityKind, EntityRef, NeighbourQuery};
use pisteur::domain::submission::{MailClass, MailFacts, Mailbox, Submission};
use pisteur::store::{Commit, Committed, Guard, JobSubject, Lease};
use ulid::Ulid;

use super::lab::{Lab, person};

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
