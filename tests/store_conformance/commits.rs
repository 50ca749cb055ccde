//! Decisions: written whole, fenced, in conflict, under concurrency.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt as _;
use pisteur::domain::decision::{Action, Bounced, Link, OwnerChoice, PoolMember, RecordKind, SetFact};
use pisteur::domain::envelope::ArrivalState;
use pisteur::domain::matching::{EntityKind, EntityRef, KeyKind, MatchKey, NeighbourQuery};
use pisteur::domain::submission::{Attachment, MailClass, MailFacts, Mailbox, Submission};
use pisteur::store::rows::{ContactImport, RecordFilter};
use pisteur::store::{Committed, Effect, Guard, JobSubject, Lease};
use serde_json::json;
use ulid::Ulid;

use super::lab::{Lab, keys, person};

fn arrival(lease: &Lease) -> Ulid {
    let JobSubject::Arrival(id) = lease.subject() else { panic!("a process job") };
    *id
}

const fn lead(id: Ulid) -> EntityRef {
    EntityRef { kind: EntityKind::Lead, id }
}

pub async fn a_lead_is_written_whole(lab: &Lab) {
    let lease = lab.claimed("x").await;
    let mut enquiry = person("Ana Bell", "Ana@Bell.example", Some("+33612345678"));
    enquiry.attribution.source = Some("google".to_owned());
    enquiry.attribution.campaign = Some("spring".to_owned());
    enquiry.consents.push(pisteur::domain::enquiry::Consent {
        purpose: "newsletter".to_owned(),
        given: true,
        ..Default::default()
    });
    enquiry.addresses.push(pisteur::domain::enquiry::Address { city: Some("Lyon".to_owned()), ..Default::default() });
    let new = lab.record(RecordKind::Lead);
    let id = new.id;
    let mut commit = lab.commit(&lease, &enquiry, Action::Create(Box::new(new)));
    let submission = Submission {
        attachments: vec![Attachment {
            name: "plan.pdf".to_owned(),
            media_type: "application/pdf".to_owned(),
            size: 9,
            part: "2".to_owned(),
            sha256: None,
            verdict: None,
            inline: false,
        }],
        ..(*commit.submission).clone()
    };
    commit.submission = Arc::new(submission);
    assert_eq!(lab.one(commit.clone()).await, Committed::Done { owner: None });
    assert_eq!(lab.one(commit).await, Committed::Fenced, "the job is settled");
    let record = lab.store.show_record(EntityKind::Lead, id).await.unwrap().unwrap();
    for (name, value) in [("status", "open"), ("source", "google"), ("campaign", "spring"), ("topic", "Bike")] {
        assert_eq!(record.fields[name], value);
    }
    assert_eq!(record.fields["first_touch"]["source"], "google");
    assert_eq!(record.contact_points[0]["value"], "Ana@Bell.example");
    assert_eq!(record.contact_points[0]["normalised"], "ana@bell.example");
    assert_eq!(record.contact_points[1]["kind"], "mobile");
    assert_eq!(record.communications[0]["text"], "I am Ana Bell.");
    assert_eq!(record.attachments[0]["part"], "2");
    assert_eq!((record.tags, record.addresses[0]["city"].as_str()), (vec!["bike".to_owned()], Some("Lyon")));
    assert_eq!((record.consents[0]["given"].as_bool(), record.consents.len()), (Some(true), 1));
    assert_eq!(record.decisions[0]["rule_ids"][0], "catch-all");
    assert_eq!(record.decisions[0]["trace"]["why"], "test");
    let arrival = lab.store.show_arrival(arrival(&lease)).await.unwrap().unwrap();
    assert_eq!(arrival.row.state, ArrivalState::Decided);
    assert_eq!(arrival.row.record, Some(format!("lead:{id}")));
    assert_eq!(arrival.row.sender.as_deref(), Some("Ana@Bell.example"));
    assert_eq!(arrival.decisions.len(), 1);
}

pub async fn an_opportunity_makes_contact_and_organisation(lab: &Lab) {
    let lease = lab.claimed("x").await;
    let mut enquiry = person("Ana Bell", "ana@bell.example", None);
    enquiry.organisation.name = Some("Bell SARL".to_owned());
    enquiry.organisation.domain = Some("bell.example".to_owned());
    let mut new = lab.record(RecordKind::Opportunity);
    let (id, contact, organisation) = (new.id, lab.id(), lab.id());
    (new.contact, new.organisation) = (Link::New(contact), Link::New(organisation));
    new.expected_revenue = Some((150_000, Some("EUR".to_owned())));
    let commit = lab.commit(&lease, &enquiry, Action::Create(Box::new(new)));
    assert_eq!(lab.one(commit).await, Committed::Done { owner: None });
    let record = lab.store.show_record(EntityKind::Opportunity, id).await.unwrap().unwrap();
    assert_eq!((record.fields["stage"].as_str(), record.fields["probability"].as_i64()), (Some("new"), Some(10)));
    assert_eq!(record.fields["expected_revenue"], 150_000);
    assert_eq!(record.contact_points[0]["value"], "ana@bell.example", "of its contact");
    assert_eq!(record.links.len(), 2);
    let known = lab.neighbours(keys(&enquiry)).await;
    let kinds: Vec<_> = known.records.iter().map(|n| (n.entity.kind, n.open)).collect();
    assert_eq!(kinds.len(), 3);
    let deal = known.records.iter().find(|n| n.entity.kind == EntityKind::Opportunity).unwrap();
    assert!(deal.open);
    assert_eq!((deal.contact, deal.organisation), (Some(contact), Some(organisation)));
    assert_eq!(
        (deal.last_name.as_deref(), deal.emails.as_slice()),
        (Some("Bell"), &["ana@bell.example".to_owned()][..])
    );
    let firm = known.records.iter().find(|n| n.entity.kind == EntityKind::Organisation).unwrap();
    assert_eq!(firm.keys, [MatchKey::of(KeyKind::Domain, "bell.example")]);
    let list = lab.store.list_records(EntityKind::Opportunity, RecordFilter::default()).await.unwrap();
    assert_eq!(list[0].company.as_deref(), Some("Bell SARL"));
    assert_eq!(lab.store.list_records(EntityKind::Lead, RecordFilter::default()).await.unwrap().len(), 0);
}

pub async fn an_unseen_key_is_a_conflict_and_writes_nothing(lab: &Lab) {
    let enquiry = person("Ana Bell", "ana@bell.example", Some("+33612345678"));
    let first = lab.lead(&enquiry).await;
    let lease = lab.claimed("y").await;
    let new = lab.record(RecordKind::Lead);
    let mut commit = lab.commit(&lease, &enquiry, Action::Create(Box::new(new)));
    assert_eq!(lab.one(commit.clone()).await, Committed::Conflict);
    assert_eq!(lab.store.list_records(EntityKind::Lead, RecordFilter::default()).await.unwrap().len(), 1);
    commit.guard.seen = vec![first];
    assert_eq!(lab.one(commit).await, Committed::Done { owner: None }, "seen and still wanted: a record of its own");
}

pub async fn a_batch_conflicts_with_itself(lab: &Lab) {
    let enquiry = person("Ana Bell", "ana@bell.example", None);
    let (one, two) = (lab.claimed("1").await, lab.claimed("2").await);
    let commits = [&one, &two].map(|lease| {
        let new = lab.record(RecordKind::Lead);
        lab.commit(lease, &enquiry, Action::Create(Box::new(new)))
    });
    let answers = lab.store.commit(commits.to_vec()).await.unwrap();
    assert_eq!(answers, [Committed::Done { owner: None }, Committed::Conflict]);
}

pub async fn sixty_four_variants_of_one_person_make_one_lead(lab: &Lab) {
    let batch = (0..64).map(|n| lab.form(&format!("{n}"), &[])).collect();
    lab.store.accept(batch, None).await.unwrap();
    let mut actions = Vec::new();
    let leases = lab.claim(64).await;
    assert_eq!(leases.len(), 64);
    let tasks = leases.iter().enumerate().map(|(n, lease)| {
        let name = if n % 2 == 0 { "Ana Bell" } else { "A. Bell" };
        let phone = (n % 3 == 0).then_some("+33612345678");
        let enquiry = person(name, "ana@bell.example", phone);
        async move { lab.decide(lease, &enquiry).await }
    });
    actions.extend(futures::future::join_all(tasks).await);
    let created = actions.iter().filter(|a| matches!(a, Action::Create(_))).count();
    assert_eq!(created, 1);
    let leads = lab.store.list_records(EntityKind::Lead, RecordFilter::default()).await.unwrap();
    assert_eq!(leads.len(), 1);
    let record = lab.store.show_record(EntityKind::Lead, leads[0].id).await.unwrap().unwrap();
    assert_eq!(record.communications.len(), 64);
    assert_eq!(record.contact_points.len(), 2);
    let stats = lab.store.stats().await;
    assert_eq!((stats.arrivals["decided"], stats.waiting["process"], stats.leased["process"]), (64, 0, 0));
}

pub async fn appending_overwrites_nothing(lab: &Lab) {
    let id = lab.lead(&person("Ana Bell", "ana@bell.example", None)).await;
    let before = lab.store.show_record(EntityKind::Lead, id).await.unwrap().unwrap();
    let lease = lab.claimed("again").await;
    let mut enquiry = person("Anna Bellini", "ana@bell.example", Some("+33612345678"));
    enquiry.emails.push(pisteur::domain::enquiry::Email {
        address: "a.bell@work.example".to_owned(),
        canonical: "a.bell@work.example".to_owned(),
        kind: pisteur::domain::enquiry::EmailKind::Personal,
    });
    let mut commit = lab.commit(&lease, &enquiry, Action::Append(lead(id)));
    commit.guard.seen = vec![id];
    assert_eq!(lab.one(commit).await, Committed::Done { owner: None });
    let after = lab.store.show_record(EntityKind::Lead, id).await.unwrap().unwrap();
    for name in ["first_name", "last_name", "message", "created_at", "status", "topic"] {
        assert_eq!(after.fields[name], before.fields[name], "{name}");
    }
    assert!(after.fields["last_message_at"].as_i64() >= before.fields["last_message_at"].as_i64());
    assert_eq!(after.communications.len(), 2);
    let values: Vec<_> = after.contact_points.iter().map(|p| p["value"].as_str().unwrap()).collect();
    assert_eq!(values, ["ana@bell.example", "a.bell@work.example", "+33612345678"]);
    let by_phone = lab.neighbours(vec![MatchKey::of(KeyKind::Phone, "+33612345678")]).await;
    assert_eq!(by_phone.records[0].entity, lead(id));
}

pub async fn a_lost_lease_is_fenced_and_writes_nothing(lab: &Lab) {
    let lease = lab.claimed("x").await;
    lab.store.release(&lease).await.unwrap();
    let enquiry = person("Ana Bell", "ana@bell.example", None);
    let new = lab.record(RecordKind::Lead);
    let commit = lab.commit(&lease, &enquiry, Action::Create(Box::new(new)));
    assert_eq!(lab.one(commit).await, Committed::Fenced);
    assert!(lab.neighbours(keys(&enquiry)).await.records.is_empty());
}

pub async fn one_refused_decision_spares_the_others(lab: &Lab) {
    let taken = lab.lead(&person("Ana Bell", "ana@bell.example", None)).await;
    let leases = [lab.claimed("1").await, lab.claimed("2").await, lab.claimed("3").await];
    let mut commits = Vec::new();
    for (n, lease) in leases.iter().enumerate() {
        let mut new = lab.record(RecordKind::Lead);
        if n == 1 {
            new.id = taken;
        }
        let enquiry = person("Bob Moor", &format!("b{n}@moor.example"), None);
        commits.push(lab.commit(lease, &enquiry, Action::Create(Box::new(new))));
    }
    let missing = EntityRef { kind: EntityKind::Lead, id: lab.id() };
    let last = lab.claimed("4").await;
    commits.push(lab.commit(&last, &person("Cid Low", "c@low.example", None), Action::Append(missing)));
    let answers = lab.store.commit(commits).await.unwrap();
    let done = Committed::Done { owner: None };
    assert_eq!((&answers[0], &answers[2]), (&done, &done));
    assert!(matches!(answers[1], Committed::Refused { .. }), "{answers:?}");
    assert!(matches!(answers[3], Committed::Refused { .. }), "{answers:?}");
    assert_eq!(lab.store.list_records(EntityKind::Lead, RecordFilter::default()).await.unwrap().len(), 3);
}

fn mail(id: &str, from: &str) -> Submission {
    Submission {
        class: Some(MailClass::Person),
        subject: Some("Bike".to_owned()),
        reply: "hello".to_owned(),
        mail: Some(MailFacts {
            message_id: Some(id.to_owned()),
            from: Mailbox { name: None, address: Some(from.to_owned()) },
            to: vec![Mailbox { name: None, address: Some("Sales@Ours.example".to_owned()) }],
            ..MailFacts::default()
        }),
        ..Submission::default()
    }
}

pub async fn a_conversation_is_found_by_message_id(lab: &Lab) {
    let lease = lab.claimed("x").await;
    let first_arrival = arrival(&lease);
    let new = lab.record(RecordKind::Lead);
    let id = new.id;
    let mut commit = lab.commit(&lease, &person("Ana Bell", "ana@bell.example", None), Action::Create(Box::new(new)));
    commit.submission = Arc::new(mail("m1@bell", "ana@bell.example"));
    lab.one(commit).await;
    let query = NeighbourQuery {
        thread_ids: vec!["unknown@x".to_owned(), "m1@bell".to_owned()],
        addresses: ["ana@bell.example", "else@bell.example", "sales@ours.example"].map(str::to_owned).to_vec(),
        message_id: Some("m1@bell".to_owned()),
        arrival: Some(lab.id()),
        ..NeighbourQuery::default()
    };
    let empty = NeighbourQuery { message_id: Some("m2@bell".to_owned()), ..NeighbourQuery::default() };
    let own = NeighbourQuery { arrival: Some(first_arrival), ..query.clone() };
    let found = lab.store.neighbours(&[query, empty, own]).await.unwrap();
    let hit = &found[0].threads[0];
    assert_eq!((hit.message_id.as_str(), hit.record, hit.open), ("m1@bell", lead(id), true));
    assert_eq!(hit.participants, ["ana@bell.example", "sales@ours.example"]);
    assert_eq!(hit.contacts, ["ana@bell.example"], "whose record it is");
    assert_eq!(found[0].same_message_id, Some(first_arrival));
    assert_eq!(found[1], pisteur::domain::matching::Neighbourhood::default());
    assert_eq!(found[2].same_message_id, None, "it does not find itself");
}

pub async fn a_conversation_is_found_by_the_mail_of_ours_that_answered_it(lab: &Lab) {
    let lease = lab.claimed("x").await;
    let new = lab.record(RecordKind::Lead);
    let (id, mail, told) = (new.id, lab.id(), lab.id());
    let mut commit = lab.commit(&lease, &person("Ana Bell", "ana@bell.example", None), Action::Create(Box::new(new)));
    for (id, kind) in [(mail, "acknowledge"), (told, "mail")] {
        commit.effects.push(Effect { id, kind: kind.to_owned(), target: "contact".to_owned(), payload: json!({}) });
    }
    lab.one(commit).await;
    let asked = |id: String| NeighbourQuery {
        thread_ids: vec![id],
        addresses: vec!["ana@bell.example".to_owned()],
        ..NeighbourQuery::default()
    };
    let ours = format!("{mail}.acknowledge@ours.example");
    let others = [
        format!("{told}.acknowledge@ours.example"),
        format!("{mail}.opt_in@ours.example"),
        format!("{told}.mail@ours.example"),
        "x.acknowledge@ours.example".to_owned(),
    ];
    let told = asked(format!("{told}.notification@ours.example"));
    assert_eq!(lab.store.neighbours(&[told]).await.unwrap()[0].threads[0].record, lead(id), "what the owner answers");
    let queries: Vec<_> = std::iter::once(ours.clone()).chain(others).map(asked).collect();
    let found = lab.store.neighbours(&queries).await.unwrap();
    let hit = &found[0].threads[0];
    assert_eq!((hit.message_id.as_str(), hit.record), (ours.as_str(), lead(id)));
    assert_eq!(hit.contacts, ["ana@bell.example"]);
    assert!(found[1..].iter().all(|other| other.threads.is_empty()), "{found:?}");
}

pub async fn machine_mail_joins_and_touches_nothing(lab: &Lab) {
    let id = lab.lead(&person("Ana Bell", "ana@bell.example", None)).await;
    let before = lab.store.show_record(EntityKind::Lead, id).await.unwrap().unwrap();
    let lease = lab.claimed("bounce").await;
    let mut enquiry = person("Mail Daemon", "daemon@mx.example", None);
    enquiry.message.clear();
    let mut commit = lab.commit(&lease, &enquiry, Action::Join(lead(id)));
    commit.submission = Arc::new(mail("m9@mx", "daemon@mx.example"));
    commit.decision.state = ArrivalState::Parked;
    commit.decision.reason = Some("machine".to_owned());
    commit.decision.keys.clear();
    assert_eq!(lab.one(commit).await, Committed::Done { owner: None });
    let after = lab.store.show_record(EntityKind::Lead, id).await.unwrap().unwrap();
    assert_eq!((after.fields, after.contact_points), (before.fields, before.contact_points));
    assert_eq!(after.communications.len(), 2);
    let row = lab.store.show_arrival(arrival(&lease)).await.unwrap().unwrap().row;
    assert_eq!((row.state, row.reason.as_deref()), (ArrivalState::Parked, Some("machine")));
    let addresses = ["ana@bell.example", "daemon@mx.example"].map(str::to_owned).to_vec();
    let query = NeighbourQuery { thread_ids: vec!["m9@mx".to_owned()], addresses, ..NeighbourQuery::default() };
    let threads = lab.store.neighbours(&[query]).await.unwrap().remove(0).threads;
    assert_eq!(threads[0].participants, ["ana@bell.example"], "a machine takes no part");
}

pub async fn an_announcement_is_closed_when_its_lead_came(lab: &Lab) {
    let mut leases = Vec::new();
    for (key, reason) in [("hook:m:1", "to_be_fetched"), ("hook:m:2", "to_be_fetched"), ("hook:m:3", "other_event")] {
        let accepted = lab.accept(lab.form(key, &[key])).await.id();
        let lease = lab.lease_of(accepted).await;
        let mut commit = lab.commit(&lease, &person("Ana Bell", "ana@bell.example", None), Action::Nothing);
        commit.decision.state = ArrivalState::Parked;
        commit.decision.reason = Some(reason.to_owned());
        commit.decision.keys.clear();
        assert_eq!(lab.one(commit).await, Committed::Done { owner: None });
        leases.push(lease);
    }
    assert_eq!(lab.store.announced_came(&[]).await.unwrap(), 0);
    let keys = ["hook:m:1", "hook:m:3", "hook:m:9"].map(str::to_owned);
    assert_eq!(lab.store.announced_came(&keys).await.unwrap(), 1);
    assert_eq!(lab.store.announced_came(&keys).await.unwrap(), 0, "once");
    let mut states = Vec::new();
    for lease in &leases {
        let row = lab.store.show_arrival(arrival(lease)).await.unwrap().unwrap().row;
        states.push((row.state, row.reason.unwrap_or_default()));
    }
    let parked = |reason: &str| (ArrivalState::Parked, reason.to_owned());
    let closed = (ArrivalState::Decided, "fetched".to_owned());
    assert_eq!(states, [closed, parked("to_be_fetched"), parked("other_event")]);
}

pub async fn an_arrival_processed_again_says_nothing_twice(lab: &Lab) {
    let id = lab.lead(&person("Ana Bell", "ana@bell.example", None)).await;
    let accepted = lab.accept(lab.form("bounce", &[])).await.id();
    let mut enquiry = person("Mail Daemon", "daemon@mx.example", None);
    enquiry.consents.push(pisteur::domain::enquiry::Consent {
        purpose: "newsletter".to_owned(),
        given: true,
        ..Default::default()
    });
    for action in [Action::Join(lead(id)), Action::Join(lead(id)), Action::Append(lead(id)), Action::Append(lead(id))] {
        let lease = lab.lease_of(accepted).await;
        let mut commit = lab.commit(&lease, &enquiry, action);
        commit.submission = Arc::new(Submission {
            attachments: vec![Attachment {
                name: "report.txt".to_owned(),
                media_type: "text/plain".to_owned(),
                size: 9,
                part: "2".to_owned(),
                sha256: None,
                verdict: None,
                inline: false,
            }],
            ..mail("m9@mx", "daemon@mx.example")
        });
        commit.decision.state = ArrivalState::Parked;
        commit.guard = pisteur::store::Guard::default();
        assert_eq!(lab.one(commit).await, Committed::Done { owner: None });
        assert!(lab.store.requeue(accepted, &[ArrivalState::Parked], false, "ana").await.unwrap());
    }
    let record = lab.store.show_record(EntityKind::Lead, id).await.unwrap().unwrap();
    assert_eq!((record.communications.len(), record.attachments.len()), (2, 1));
    assert_eq!((record.consents.len(), record.decisions.len()), (1, 5));
}

pub async fn every_value_of_a_field_is_kept(lab: &Lab) {
    let coloured = |colour: &str| {
        let mut enquiry = person("Ana Bell", "ana@bell.example", None);
        let custom = pisteur::domain::enquiry::CustomField { name: "colour".to_owned(), value: colour.to_owned() };
        enquiry.custom.push(custom);
        enquiry
    };
    let id = lab.lead(&coloured("red")).await;
    let lease = lab.claimed("y").await;
    let mut commit = lab.commit(&lease, &coloured("blue"), Action::Append(lead(id)));
    commit.guard.seen = vec![id];
    assert_eq!(lab.one(commit).await, Committed::Done { owner: None });
    let record = lab.store.show_record(EntityKind::Lead, id).await.unwrap().unwrap();
    assert_eq!(record.custom_fields["colour"], "red", "nothing is overwritten");
    let said: Vec<_> = record.communications.iter().map(|c| c["fields"].clone()).collect();
    let field = |value: &str| serde_json::json!([{ "name": "colour", "value": value }]);
    assert_eq!(said, [field("red"), field("blue")]);
}

pub async fn our_own_mail_is_one_that_went_out(lab: &Lab) {
    let id = lab.lead(&person("Ana Bell", "ana@bell.example", None)).await;
    let lease = lab.claimed("ours").await;
    let mut commit = lab.commit(&lease, &person("Our Sales", "sales@ours.example", None), Action::Join(lead(id)));
    commit.submission =
        Arc::new(Submission { class: Some(MailClass::OwnMessage), ..mail("m2@ours", "sales@ours.example") });
    lab.one(commit).await;
    let record = lab.store.show_record(EntityKind::Lead, id).await.unwrap().unwrap();
    let directions: Vec<_> = record.communications.iter().map(|c| c["direction"].clone()).collect();
    assert_eq!(directions, ["in", "out"]);
}

pub async fn a_pool_is_dealt_fairly_under_concurrency(lab: &Lab) {
    let batch = (0..60).map(|n| lab.form(&format!("{n}"), &[])).collect();
    lab.store.accept(batch, None).await.unwrap();
    let members: Vec<PoolMember> =
        [("ana", 1), ("bea", 2)].map(|(u, weight)| PoolMember { user: u.to_owned(), weight }).to_vec();
    let leases = lab.claim(60).await;
    let tasks = leases.iter().enumerate().map(|(n, lease)| {
        let mut new = lab.record(RecordKind::Lead);
        new.owner = OwnerChoice::Pool { pool: "north".to_owned(), members: members.clone() };
        let enquiry = person("Ana Bell", &format!("a{n}@bell.example"), None);
        let commit = lab.commit(lease, &enquiry, Action::Create(Box::new(new)));
        async move { lab.one(commit).await }
    });
    let mut dealt: BTreeMap<String, u32> = BTreeMap::new();
    // As many at once as a daemon has workers and connections for.
    for answer in futures::stream::iter(tasks).buffer_unordered(8).collect::<Vec<_>>().await {
        let Committed::Done { owner: Some(owner) } = answer else { panic!("{answer:?}") };
        *dealt.entry(owner).or_default() += 1;
    }
    assert_eq!(dealt, BTreeMap::from([("ana".to_owned(), 20), ("bea".to_owned(), 40)]));
    let ana = RecordFilter { owner: Some("ana".to_owned()), ..RecordFilter::default() };
    assert_eq!(lab.store.list_records(EntityKind::Lead, ana).await.unwrap().len(), 20);
}

pub async fn unsubscribing_marks_records_and_later_ones(lab: &Lab) {
    let id = lab.lead(&person("Ana Bell", "ana@bell.example", None)).await;
    let lease = lab.claimed("stop").await;
    let mut commit = lab.commit(&lease, &person("Ana Bell", "ana@bell.example", None), Action::Nothing);
    commit.decision.state = ArrivalState::Parked;
    commit.decision.unsubscribe = Some("ana@bell.example".to_owned());
    commit.guard.seen = vec![id];
    assert_eq!(lab.one(commit).await, Committed::Done { owner: None });
    let lease = lab.claimed("later").await;
    let new = lab.record(RecordKind::Lead);
    let later = new.id;
    let mut commit = lab.commit(&lease, &person("Ana Bell", "ana@bell.example", None), Action::Create(Box::new(new)));
    commit.guard.seen = vec![id];
    lab.one(commit).await;
    for id in [id, later] {
        let record = lab.store.show_record(EntityKind::Lead, id).await.unwrap().unwrap();
        assert_eq!(record.fields["unsubscribed"], true);
    }
}

pub async fn an_address_that_could_not_be_reached_is_flagged_on_whoever_carries_it(lab: &Lab) {
    let ana = lab.lead(&person("Ana Bell", "ana@bell.example", Some("+33612345678"))).await;
    let bob = lab.lead(&person("Bob Low", "bob@low.example", None)).await;
    let report = async |hard: bool, status: &str| {
        let lease = lab.claimed(status).await;
        let nobody = person("Mail System", "mailer-daemon@ours.example", None);
        let mut commit = lab.commit(&lease, &nobody, Action::Nothing);
        commit.decision.state = ArrivalState::Parked;
        commit.decision.keys = Vec::new();
        commit.guard = Guard { keys: Vec::new(), seen: Vec::new() };
        let address = "ana@bell.example".to_owned();
        commit.decision.bounced = vec![Bounced { address, hard, status: Some(status.to_owned()) }];
        assert_eq!(lab.one(commit).await, Committed::Done { owner: None });
        lab.store.show_record(EntityKind::Lead, ana).await.unwrap().unwrap()
    };
    let full = report(false, "4.2.2").await;
    assert_eq!(
        (&full.contact_points[0]["bounce"], &full.contact_points[0]["bounce_status"]),
        (&json!("soft"), &json!("4.2.2"))
    );
    assert!(full.contact_points[0]["bounced_at"].is_i64(), "{:?}", full.contact_points);
    assert!(full.contact_points[1]["bounce"].is_null(), "her phone is no mailbox");
    let gone = report(true, "5.1.1").await;
    assert_eq!(
        (&gone.contact_points[0]["bounce"], &gone.contact_points[0]["bounce_status"]),
        (&json!("hard"), &json!("5.1.1"))
    );
    let later = report(false, "4.2.2").await;
    assert_eq!(later.contact_points[0]["bounce"], "hard", "a full mailbox brings no dead address back");
    assert_eq!(later.communications.len(), 1, "and nothing else of hers changes");
    let other = lab.store.show_record(EntityKind::Lead, bob).await.unwrap().unwrap();
    assert!(other.contact_points[0]["bounce"].is_null());
}

pub async fn a_request_is_found_by_its_id_and_a_worn_out_id_asks_nothing(lab: &Lab) {
    let id = MatchKey::of(KeyKind::Request, "portal.example\ncars\n4711");
    let enquiry = person("Ana Bell", "ana@bell.example", None);
    let make = async |n: u32, key: MatchKey| {
        let lease = lab.claimed(&format!("{n}")).await;
        let new = lab.record(RecordKind::Lead);
        let record = new.id;
        let mut commit = lab.commit(&lease, &enquiry, Action::Create(Box::new(new)));
        commit.decision.keys = vec![key];
        commit.guard = Guard { keys: Vec::new(), seen: Vec::new() };
        assert_eq!(lab.one(commit).await, Committed::Done { owner: None });
        record
    };
    let first = make(0, id).await;
    let known = lab.neighbours(vec![id]).await;
    let found: Vec<_> = known.records.iter().map(|n| (n.entity, n.keys.clone())).collect();
    assert_eq!(found, [(lead(first), vec![id])]);
    // Two that come at once exclude each other by it: the second sees the first.
    let lease = lab.claimed("again").await;
    let mut again = lab.commit(&lease, &enquiry, Action::Create(Box::new(lab.record(RecordKind::Lead))));
    again.decision.keys = vec![id];
    again.guard = Guard { keys: vec![id], seen: Vec::new() };
    assert_eq!(lab.one(again.clone()).await, Committed::Conflict);
    again.decision.action = Action::Append(lead(first));
    again.guard.seen = vec![first];
    assert_eq!(lab.one(again).await, Committed::Done { owner: None });
    // A system that gives every request the same id: after hundreds it tells nobody, and raises no question either.
    let same = MatchKey::of(KeyKind::Request, "portal.example\n\n1");
    for n in 1..=201 {
        make(n, same).await;
    }
    let known = lab.neighbours(vec![same]).await;
    assert!(known.records.is_empty() && !known.truncated, "{}", known.records.len());
}

pub async fn a_generic_key_is_truncated_and_blocks_nothing(lab: &Lab) {
    let switchboard = MatchKey::of(KeyKind::Phone, "+33100000000");
    let lines: Vec<ContactImport> = (0..201)
        .map(|n| ContactImport {
            line: n,
            enquiry: person("Ana Bell", &format!("a{n}@bell.example"), None),
            customer: false,
            owner: None,
            known: None,
            known_organisation: None,
            organisation_candidates: Vec::new(),
            organisation_learns: false,
            id: lab.id(),
            organisation_id: lab.id(),
            verification_required: false,
            keys: vec![switchboard],
            profile: None,
            organisation_keys: Vec::new(),
            seen: Vec::new(),
        })
        .collect();
    let mut seen = Vec::new();
    for mut line in lines {
        line.seen.clone_from(&seen);
        seen.push(line.id);
        lab.store.import_contacts(vec![line]).await.unwrap();
    }
    let known = lab.neighbours(vec![switchboard]).await;
    assert!(known.truncated && known.records.is_empty(), "it tells nobody");
    let rare = MatchKey::of(KeyKind::Email, "a7@bell.example");
    assert_eq!(lab.store.generic_keys(&[switchboard, rare]).await.unwrap(), BTreeSet::from([switchboard]));
    // Nor do two of one batch exclude each other by it.
    let mut commits = Vec::new();
    for name in ["Cid Low", "Dan High"] {
        let lease = lab.claimed(name).await;
        let new = lab.record(RecordKind::Lead);
        let email = name.to_lowercase().replace(' ', "@") + ".example";
        let enquiry = person(name, &email, Some("+33100000000"));
        commits.push(lab.commit(&lease, &enquiry, Action::Create(Box::new(new))));
    }
    let done = lab.store.commit(commits).await.unwrap();
    assert_eq!(done, [Committed::Done { owner: None }, Committed::Done { owner: None }]);
}

pub async fn facts_fill_columns_or_custom_fields(lab: &Lab) {
    let lease = lab.claimed("x").await;
    let mut enquiry = person("Ana Bell", "ana@bell.example", None);
    enquiry.attribution.source = Some("direct".to_owned());
    for (name, value) in [("colour", "red"), ("colour", "blue"), ("size", "L")] {
        enquiry.custom.push(pisteur::domain::enquiry::CustomField { name: name.to_owned(), value: value.to_owned() });
    }
    let new = lab.record(RecordKind::Lead);
    let id = new.id;
    let mut commit = lab.commit(&lease, &enquiry, Action::Create(Box::new(new)));
    for (name, value) in [("source", "fair"), ("territory", "69"), ("employees", "many"), ("quantity", "3")] {
        commit.decision.set.push(SetFact { name: name.to_owned(), value: value.to_owned() });
    }
    lab.one(commit).await;
    let record = lab.store.show_record(EntityKind::Lead, id).await.unwrap().unwrap();
    assert_eq!((&record.fields["source"], &record.fields["territory"]), (&"fair".into(), &"69".into()));
    let custom = serde_json::json!({ "colour": "red, blue", "employees": "many", "quantity": "3", "size": "L" });
    assert_eq!(serde_json::Value::Object(record.custom_fields), custom);
}

/// Statements that run for every arrival, or over lists that grow for years.
const HOT: &[&str] = &[
    "SEEN_UIDS",
    "TAKEN_KEYS",
    "LOAD",
    "KNOWN_KEY",
    "CLAIM_ARRIVALS",
    "CLAIM_EFFECTS",
    "PROBE",
    "LASTING",
    "RESOLVE",
    "DETAILS",
    "THREADS",
    "MESSAGES",
    "TAKING_PART",
    "SAME_MESSAGE_ID",
    "HISTORY",
    "ENDINGS",
    "FENCE",
    "ARRIVALS",
    "SETTLE",
    "LIST_BY_STATE",
    "LEADS_BY_OWNER",
    "LEADS_BY_STATUS",
    "OPPORTUNITIES_BY_STAGE",
    "DEAD_LETTERS",
    "TOUCH_LEADS",
    "REPEATS",
    "JOURNALLED_UIDS",
    "JOBS",
    "OLDEST",
    "FAILED",
    "LEAD",
    "OPPORTUNITY",
    "POINTS",
];

pub async fn statements_are_prepared_and_use_their_index(lab: &Lab) {
    let plans = lab.store.plans().await.unwrap();
    assert!(plans.len() > 80, "{}", plans.len());
    for hot in HOT {
        assert!(plans.iter().any(|(name, _)| name == hot), "{hot} is no statement");
    }
    if lab.store.engine() != "sqlite" {
        return;
    }
    for (name, plan) in plans.iter().filter(|(name, _)| HOT.contains(name)) {
        for line in plan.lines().filter(|l| l.starts_with("SCAN")) {
            // The unfolded argument, a temporary result, the rowid order of a list, small fixed tables, and the
            // grouped figures (a statement of the same name) may be walked.
            let harmless =
                ["SCAN e ", "SCAN x", "SCAN y", "SCAN z", "SCAN due", "USING COVERING INDEX", "SCAN json_each"];
            assert!(harmless.iter().any(|h| line.contains(h)), "{name}: {plan}");
        }
    }
}
